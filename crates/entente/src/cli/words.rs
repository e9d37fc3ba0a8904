//! Labels of one mechanism in one language, as the node describes it; what has no label keeps its name.

use super::face::{each, text};
use super::fields::FieldForm;
use super::trouble::Trouble;
use base::{Lang, Vocabulary};
use serde_json::Value;

/// A mechanism as the node describes it, and the language to speak.
pub struct Words {
    mechanism: Value,
    lang: Lang,
}

impl Words {
    /// Takes the description of a mechanism.
    pub fn new(mechanism: Value, lang: Lang) -> Words {
        Words { mechanism, lang }
    }

    /// Returns the mechanism's name.
    pub fn id(&self) -> &str {
        text(&self.mechanism["id"])
    }

    /// Names the mechanism.
    pub fn mechanism(&self) -> String {
        self.label(Some(&self.mechanism), self.id())
    }

    /// Names a role.
    pub fn role(&self, id: &str) -> String {
        self.label(named(&self.mechanism["roles"], id), id)
    }

    /// Names a kind of item.
    pub fn kind(&self, id: &str) -> String {
        self.label(self.item(id), id)
    }

    /// Names a phase of a kind of item.
    pub fn phase(&self, kind: &str, id: &str) -> String {
        self.label(self.of(kind, "phases", id), id)
    }

    /// Names a phase of the whole dossier.
    pub fn root_phase(&self, id: &str) -> String {
        let root = self.root().to_owned();
        self.phase(&root, id)
    }

    /// Names a state in which some role stands.
    pub fn state(&self, kind: &str, role: &str, id: &str) -> String {
        let stance = self.item(kind).and_then(|k| each(&k["stances"]).find(|s| s["role"] == role));
        self.label(stance.and_then(|s| named(&s["states"], id)), id)
    }

    /// Names a clock.
    pub fn clock(&self, kind: &str, id: &str) -> String {
        self.label(self.of(kind, "clocks", id), id)
    }

    /// Says what follows when a clock runs out.
    pub fn follows(&self, kind: &str, id: &str) -> Option<&str> {
        self.of(kind, "clocks", id)?["follows"][self.lang.code()].as_str()
    }

    /// Names a move of a role.
    pub fn mv(&self, kind: &str, role: &str, id: &str) -> String {
        self.label(self.move_of(kind, Some(role), id), id)
    }

    /// Says why a guarded move is not possible.
    pub fn why_not(&self, kind: &str, role: &str, id: &str) -> Option<&str> {
        self.move_of(kind, Some(role), id)?["why_not"][self.lang.code()].as_str()
    }

    /// Returns the name of a field for people and the vocabulary that it draws from; a field of a move has its own.
    pub fn field(&self, kind: &str, mv: Option<&str>, id: &str) -> (String, Option<&str>) {
        let of_move = mv.and_then(|mv| each(&self.item(kind)?["moves"]).filter(|m| m["id"] == mv).find_map(|m| named(&m["fields"], id)));
        let field = of_move.or_else(|| self.of(kind, "fields", id));
        let label = field.and_then(|f| f["label"][self.lang.code()].as_str()).unwrap_or(id).to_owned();
        (label, field.and_then(|f| f["vocabulary"].as_str()))
    }

    /// Names a field of a role's moves, in which it has stated something, with the vocabulary that it draws from.
    pub fn said(&self, kind: &str, role: &str, id: &str) -> (String, Option<&str>) {
        let moves = self.item(kind).into_iter().flat_map(|k| each(&k["moves"])).filter(|m| m["role"] == role);
        let field = moves.into_iter().find_map(|m| named(&m["fields"], id));
        let label = field.and_then(|f| f["label"][self.lang.code()].as_str()).unwrap_or(id).to_owned();
        (label, field.and_then(|f| f["vocabulary"].as_str()))
    }

    /// Refuses a role that the mechanism does not know.
    pub fn known_role(&self, id: &str) -> Result<(), Trouble> {
        named(&self.mechanism["roles"], id).map(drop).ok_or_else(|| self.absent("roles", id, each(&self.mechanism["roles"])))
    }

    /// Refuses a clock, `item/clock` or `item/clock/code`, that the mechanism does not have: an accord on it would change nothing.
    pub fn known_clock(&self, name: &str) -> Result<(), Trouble> {
        let mut parts = name.splitn(3, '/');
        let (kind, clock, code) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
        let item = self.item(kind).ok_or_else(|| self.absent("items", kind, each(&self.mechanism["items"])))?;
        if named(&item["clocks"], clock).is_none() {
            return Err(self.absent(&format!("clocks of {kind}"), clock, each(&item["clocks"])));
        }
        let codes = || each(&item["fields"]).filter_map(|f| Vocabulary::get(f["vocabulary"].as_str()?));
        match code {
            Some(code) if !codes().any(|v| v.entry(code).is_some()) => Err(Trouble::refused(
                "refusal.mechanism.no-such",
                format!("{}: no field of {kind} has the code '{code}', so the clock {name} would never run", self.id()),
            )),
            _ => Ok(()),
        }
    }

    /// Returns the kind of the root item.
    pub fn root(&self) -> &str {
        text(&self.mechanism["items"][0]["id"])
    }

    /// Returns the form that opens an item of a kind.
    pub fn form(&self, kind: &str) -> Result<Vec<FieldForm>, Trouble> {
        let item = self.item(kind).ok_or_else(|| self.absent("items", kind, each(&self.mechanism["items"])))?;
        read_form(&item["fields"])
    }

    /// Returns the form of a move; `role` tells apart moves of one name.
    pub fn move_form(&self, kind: &str, role: Option<&str>, name: &str) -> Result<Vec<FieldForm>, Trouble> {
        let item = self.item(kind).ok_or_else(|| self.absent("items", kind, each(&self.mechanism["items"])))?;
        let ours = each(&item["moves"]).filter(|m| role.is_none_or(|r| m["role"] == r));
        let found = self.move_of(kind, role, name).ok_or_else(|| self.absent("moves", name, ours))?;
        read_form(&found["fields"])
    }

    fn absent<'a>(&self, what: &str, name: &str, known: impl Iterator<Item = &'a Value>) -> Trouble {
        let mut names: Vec<&str> = known.map(|k| text(&k["id"])).collect();
        names.dedup();
        Trouble::refused("refusal.mechanism.no-such", format!("{} has no '{name}' among its {what}: {}", self.id(), names.join(", ")))
    }

    fn item(&self, kind: &str) -> Option<&Value> {
        named(&self.mechanism["items"], kind)
    }

    fn of(&self, kind: &str, list: &str, id: &str) -> Option<&Value> {
        named(&self.item(kind)?[list], id)
    }

    fn move_of(&self, kind: &str, role: Option<&str>, id: &str) -> Option<&Value> {
        each(&self.item(kind)?["moves"]).find(|m| m["id"] == id && role.is_none_or(|r| m["role"] == r))
    }

    /// Joins a thing's label and its name: `Accepted (accepted)`.
    fn label(&self, thing: Option<&Value>, id: &str) -> String {
        match thing.and_then(|t| t["label"][self.lang.code()].as_str()) {
            Some(label) if !id.is_empty() => format!("{label} ({id})"),
            _ => id.to_owned(),
        }
    }
}

fn named<'a>(list: &'a Value, id: &str) -> Option<&'a Value> {
    each(list).find(|thing| thing["id"] == id)
}

fn read_form(fields: &Value) -> Result<Vec<FieldForm>, Trouble> {
    serde_json::from_value(fields.clone()).map_err(|e| {
        Trouble::refused(
            "failure.client.answer",
            format!("the node describes a form that this program does not know ({e}); use the program of the node's version"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dossier::FieldType;
    use serde_json::json;

    fn words() -> Words {
        let label = |fr: &str| json!({ "fr": fr });
        Words::new(
            json!({
                "id": "m", "label": label("Mécanisme"), "roles": [{ "id": "ask", "label": label("Demandeur") }],
                "items": [{
                    "id": "root", "label": label("Racine"), "phases": [{ "id": "open", "label": label("Ouvert") }],
                    "stances": [{ "role": "ask", "states": [{ "id": "asking", "label": label("Demande") }] }],
                    "fields": [{ "id": "u", "type": "Choice", "vocabulary": "urgency", "label": label("Urgence"), "many": false, "required": true }],
                    "moves": [
                        { "id": "close", "role": "ask", "label": label("Clore"), "fields": [{ "id": "h", "type": "text-hash" }] },
                        { "id": "close", "role": "answer", "label": label("Finir"), "fields": [] },
                    ],
                }],
            }),
            Lang::Fr,
        )
    }

    #[test]
    fn things_have_their_label_and_unknown_ones_their_name() {
        let w = words();
        let all = [
            w.mechanism(),
            w.role("ask"),
            w.kind("root"),
            w.root_phase("open"),
            w.state("root", "ask", "asking"),
            w.mv("root", "answer", "close"),
            w.clock("root", "late"),
        ];
        assert_eq!(all.join("; "), "Mécanisme (m); Demandeur (ask); Racine (root); Ouvert (open); Demande (asking); Finir (close); late");
        assert_eq!(w.field("root", None, "u"), ("Urgence".to_owned(), Some("urgency")));
        assert_eq!(w.root_phase("open+shut"), "open+shut", "a fault of the mechanism is shown as it is");
    }

    #[test]
    fn a_clock_or_role_that_is_not_there_is_named() {
        let mut w = words();
        w.mechanism["items"][0]["clocks"] = json!([{ "id": "answer" }]);
        let what = |r: Result<(), Trouble>| r.map_err(|e| e.what());
        assert_eq!((w.known_clock("root/answer"), w.known_clock("root/answer/urgent-direct"), w.known_role("ask")), (Ok(()), Ok(()), Ok(())));
        assert_eq!(what(w.known_clock("root/late")), Err("m has no 'late' among its clocks of root: answer".to_owned()));
        assert_eq!(what(w.known_clock("leaf/answer")), Err("m has no 'leaf' among its items: root".to_owned()));
        assert!(what(w.known_clock("root/answer/urgent-direkt")).is_err_and(|e| e.contains("no field of root has the code 'urgent-direkt'")));
        assert_eq!(what(w.known_role("answer")), Err("m has no 'answer' among its roles: ask".to_owned()));
    }

    #[test]
    fn forms_are_found_by_kind_role_and_name() {
        let w = words();
        assert_eq!(w.form("root").unwrap()[0].kind, FieldType::Choice);
        assert_eq!(w.move_form("root", Some("ask"), "close").unwrap()[0].kind, FieldType::TextHash);
        assert!(w.move_form("root", Some("answer"), "close").unwrap().is_empty());
        assert_eq!(w.move_form("root", None, "open").unwrap_err().what(), "m has no 'open' among its moves: close");
        assert_eq!(w.form("leaf").unwrap_err().what(), "m has no 'leaf' among its items: root");
    }
}
