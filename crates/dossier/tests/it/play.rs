//! Plays a mechanism among several services: what everybody has heard, everybody judges and folds alike, or the story fails.
//!
//! A form names only what the story is about: required fields that it leaves out are filled with something that fits, and
//! the officers are the first that the mechanism allows. `bare` fills nothing in, `as_role` takes another officer.

use crate::world::{at, hold_by, mechanism, service};
use base::cbor::{self, Map};
use base::{Digest, Handling, ItemId};
use dossier::*;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub const OK: &str = "valid";
pub const GUARD: &str = "refusal.act.guard";

/// A run of a mechanism.
pub struct Play {
    mechanism: Arc<Mechanism>,
    pub held: Vec<Dossier>,
    names: Vec<String>,
    /// Minutes since the story began; every act takes one.
    pub minute: i64,
    fill: bool,
    officer: Option<OfficerRole>,
    second: Option<Option<OfficerRole>>,
}

impl Play {
    /// Opens a dossier of a shipped mechanism; the first party opens it. The form is that of the root.
    pub fn open(id: &str, parties: &[(&str, &str)], form: Json) -> Play {
        Play::opened_by(parties[0].0, id, parties, form)
    }

    /// The same where the opener does not stand first, in an ordered role.
    pub fn opened_by(opener: &str, id: &str, parties: &[(&str, &str)], form: Json) -> Play {
        Play::of(mechanism(id), opener, parties, form)
    }

    /// The same for any mechanism.
    pub fn of(mechanism: Arc<Mechanism>, opener: &str, parties: &[(&str, &str)], form: Json) -> Play {
        let (mut play, deed) = Play::prepared(mechanism, parties);
        assert_eq!(play.does(opener, deed, form).0, OK, "the opening");
        play
    }

    /// Tries an opening and returns the verdict.
    pub fn tries_to_open(opener: &str, id: &str, parties: &[(&str, &str)], form: Json) -> String {
        let (mut play, deed) = Play::prepared(mechanism(id), parties);
        play.does(opener, deed, form).0
    }

    /// The same with the form as it is written.
    pub fn tries_bare(opener: &str, id: &str, parties: &[(&str, &str)], form: Json) -> String {
        let (mut play, deed) = Play::prepared(mechanism(id), parties);
        play.bare().does(opener, deed, form).0
    }

    /// The same without a second officer.
    pub fn tries_unapproved(opener: &str, id: &str, parties: &[(&str, &str)]) -> String {
        let (mut play, deed) = Play::prepared(mechanism(id), parties);
        play.approved_by(None).does(opener, deed, json!({})).0
    }

    fn prepared(mechanism: Arc<Mechanism>, parties: &[(&str, &str)]) -> (Play, Deed) {
        let accord = Some(AccordRef { dossier: Digest::of(b"accord").into(), seen: Vec::new() });
        let list = parties.iter().map(|(s, role)| Party { service: service(s), role: role.to_string() }).collect();
        // Two runs among the same parties are two dossiers.
        static RUNS: AtomicU64 = AtomicU64::new(1);
        let run = u128::from(RUNS.fetch_add(1, Ordering::Relaxed));
        let o = Opening { mechanism: mechanism.hash, accord, parties: list, follows: None, nonce: run.to_be_bytes() };
        let held = parties.iter().map(|_| hold_by(&o, &mechanism)).collect();
        let names = parties.iter().map(|(s, _)| s.to_string()).collect();
        (Play { mechanism, held, names, minute: 0, fill: true, officer: None, second: None }, Deed::Open(o))
    }

    /// Leaves the next act's form as it is written.
    pub fn bare(&mut self) -> &mut Play {
        self.fill = false;
        self
    }

    /// Lets another officer make the next act.
    pub fn as_role(&mut self, role: OfficerRole) -> &mut Play {
        self.officer = Some(role);
        self
    }

    /// Lets another second officer approve the next act, or none.
    pub fn approved_by(&mut self, role: Option<OfficerRole>) -> &mut Play {
        self.second = Some(role);
        self
    }

    /// Opens an item; returns the verdict and the item.
    pub fn adds(&mut self, who: &str, kind: &str, parent: ItemId, form: Json) -> (String, ItemId) {
        self.does(who, Deed::OpenItem { kind: kind.into(), parent }, form)
    }

    /// Opens an item that must be allowed.
    pub fn add(&mut self, who: &str, kind: &str, parent: ItemId, form: Json) -> ItemId {
        let (verdict, item) = self.adds(who, kind, parent, form);
        assert_eq!(verdict, OK, "{who} opens {kind}");
        item
    }

    /// Moves a stance; returns the verdict.
    pub fn moves(&mut self, who: &str, item: ItemId, name: &str, form: Json) -> String {
        self.does(who, Deed::Move { item, name: name.into() }, form).0
    }

    /// Makes several moves of one name by several services, all of which must be allowed.
    pub fn all(&mut self, who: &[&str], item: ItemId, name: &str, form: Json) {
        for w in who {
            assert_eq!(self.moves(w, item, name, form.clone()), OK, "{w}: {name}");
        }
    }

    /// Lets several services act at once, none having seen the others; returns the verdicts.
    pub fn cross(&mut self, acts: &[(&str, ItemId, &str, Json)]) -> Vec<String> {
        let written: Vec<Arc<Act>> =
            acts.iter().map(|(who, item, name, form)| self.write(who, Deed::Move { item: *item, name: name.to_string() }, form)).collect();
        self.minute += 1;
        written.into_iter().map(|a| self.hear(a).0).collect()
    }

    fn does(&mut self, who: &str, deed: Deed, form: Json) -> (String, ItemId) {
        let act = self.write(who, deed, &form);
        self.minute += 1;
        (self.fill, self.officer, self.second) = (true, None, None);
        self.hear(act)
    }

    fn write(&self, who: &str, deed: Deed, form: &Json) -> Arc<Act> {
        let place = self.names.iter().position(|n| n == who).unwrap_or_else(|| panic!("{who} is no party"));
        let holder = &self.held[place];
        let role = &holder.opening().parties[place].role;
        let none = (&[][..], &[][..], &[][..]);
        let (form_of, officers, second): (&[Field], &[OfficerRole], &[OfficerRole]) = match &deed {
            Deed::Open(_) => of_kind(self.mechanism.root()),
            Deed::OpenItem { kind, .. } => self.mechanism.kind(kind).map_or(none, of_kind),
            Deed::Move { item, name } => {
                let kind = holder.state().item(item).map(|i| holder.state().kind_of(i));
                kind.and_then(|k| k.find_move_of(name, role)).map_or(none, |m| (&m.fields[..], &m.officer[..], &m.four_eyes[..]))
            }
        };
        let fields = self.filled(who, form_of, form);
        let first = self.officer.or(officers.first().copied()).unwrap_or(OfficerRole::Desk);
        let approves = self.second.unwrap_or(second.first().copied());
        let body = Body { salt: [self.minute as u8; 16], handling: Handling::code("H0"), fields };
        let by = |officer: &str, role| Signatory { officer: officer.parse().unwrap(), role };
        let head = holder.draft(service(who), at(self.minute), by("first.01", first), approves.map(|r| by("second.02", r)), deed, body.encode().1);
        Arc::new(Act::decode(&cbor::to_vec(&head), Some(&body.encode().0)).unwrap())
    }

    /// Reads a form, and fills in what it leaves out.
    fn filled(&self, who: &str, form_of: &[Field], form: &Json) -> Map<Value> {
        let mut fields: Map<Value> = Map::default();
        for (id, given) in form.as_object().expect("a form is an object") {
            let field = form_of.iter().find(|f| f.id == *id);
            let value = field.map_or_else(|| Ok(Value::Line(given.to_string())), |f| f.read(&self.spelled(f, given)));
            fields.insert(id.clone(), value.unwrap_or_else(|e| panic!("{who}, {id}: {e}")));
        }
        for f in form_of.iter().filter(|f| self.fill && f.required) {
            if fields.get(&f.id).is_none() {
                fields.insert(f.id.clone(), f.read(&self.filler(f, who)).unwrap_or_else(|e| panic!("{e}")));
            }
        }
        fields
    }

    /// Returns the seal over what a move will reveal, and what opens it, for the forms of both moves.
    pub fn seal(&self, who: &str, item: ItemId, reveal: &str, form: &Json) -> (Json, Json) {
        let place = self.names.iter().position(|n| n == who).expect("a party");
        let holder = &self.held[place];
        let kind = holder.state().kind_of(holder.state().item(&item).expect("the item"));
        let form_of = &kind.find_move_of(reveal, &holder.opening().parties[place].role).expect("the move").fields;
        let opens = form_of.iter().find(|f| f.kind == FieldType::Reveal).expect("a reveal field");
        let salt = Digest::of(who.as_bytes());
        let mut fields = self.filled(who, form_of, form);
        fields.remove(&opens.id);
        (json!(commitment(holder.id(), service(who), &salt, &opens.id, &fields).to_string()), json!(salt.to_string()))
    }

    fn hear(&mut self, act: Arc<Act>) -> (String, ItemId) {
        let judged = |d: &mut Dossier| d.file(Arc::clone(&act)).first().map_or("waiting".to_owned(), |c| c.verdict().as_text());
        let mut verdicts: Vec<String> = self.held.iter_mut().map(judged).collect();
        let mut states: Vec<Digest> = self.held.iter().map(|d| d.state().digest(d.id())).collect();
        verdicts.dedup();
        states.dedup();
        assert_eq!((verdicts.len(), states.len()), (1, 1), "all judge and fold alike: {verdicts:?}");
        (verdicts.remove(0).trim_start_matches("void:").to_owned(), act.item())
    }

    /// Spells out what a story writes short: words without language, services by name, moments as minutes, days from now.
    fn spelled(&self, f: &Field, given: &Json) -> Json {
        if let Json::Array(all) = given {
            return all.iter().map(|g| self.spelled(f, g)).collect();
        }
        match (f.kind, given) {
            (FieldType::Text, Json::String(s)) => json!({ "lang": "fr", "text": s }),
            (FieldType::Place, Json::String(s)) => json!({ "name": { "lang": "fr", "text": s } }),
            (FieldType::Party, Json::String(s)) if s.len() < 10 => json!(service(s)),
            (FieldType::Instant, Json::Number(n)) => json!(at(n.as_i64().unwrap()).to_string()),
            (FieldType::Evaluation, Json::String(s)) => json!({ "scale": "4x4", "source": s[..1], "information": s[1..] }),
            (FieldType::Dossier, Json::String(s)) => json!({ "dossier": Digest::of(s.as_bytes()).to_string(), "relation": "related" }),
            _ => given.clone(),
        }
    }

    fn filler(&self, f: &Field, who: &str) -> Json {
        let word = |s: &str| json!({ "lang": "fr", "text": s });
        match f.kind {
            FieldType::Text => word("texte"),
            FieldType::Line => json!("REF-1"),
            FieldType::Choice => json!(crate::world::first_code(f.vocabulary.as_deref().unwrap())),
            FieldType::Date => json!("2030-06-13"),
            FieldType::Instant => json!(at(100_000).to_string()),
            FieldType::Length => json!("P7D"),
            FieldType::Number => json!(1),
            FieldType::Flag => json!(true),
            FieldType::Quantity => json!({ "amount": "1", "unit": "kg" }),
            FieldType::Money => json!({ "amount": "1", "currency": "EUR" }),
            FieldType::Place => json!({ "name": word("Lieu"), "country": "MA" }),
            FieldType::Person => {
                json!({ "given": word("Exemple"), "family": word("Inventé"), "category": crate::world::first_code("data-subject-categories") })
            }
            FieldType::Document => json!({ "kind": "passport", "number": "XX0000001" }),
            FieldType::Vehicle => json!({ "plate": "0000-XXX" }),
            FieldType::Vessel => json!({ "name": "Exemple" }),
            FieldType::Phone => json!("+212500000000"),
            FieldType::Account => json!({ "number": "0001" }),
            FieldType::Party => json!(service(who)),
            FieldType::Officer => json!({ "service": service(who), "officer": "first.01" }),
            FieldType::TextHash => json!({ "lang": "fr", "sha256": Digest::of(b"texte").to_string() }),
            FieldType::Evaluation => json!({ "scale": "4x4", "source": "B", "information": "2" }),
            FieldType::Commitment | FieldType::Reveal => json!(Digest::of(b"sel").to_string()),
            FieldType::Dossier => json!({ "dossier": Digest::of(b"autre").to_string(), "relation": "related" }),
            other => panic!("state the field '{}' of type {other:?}", f.id),
        }
    }

    /// Returns the root item.
    pub fn root(&self) -> ItemId {
        self.held[0].root()
    }

    /// Returns an item's phase.
    pub fn phase(&self, item: ItemId) -> &str {
        let s = self.held[0].state();
        s.phase_name(s.item(&item).expect("the item")).unwrap_or("-")
    }

    /// Returns a service's state on an item.
    pub fn stance(&self, who: &str, item: ItemId) -> &str {
        let s = self.held[0].state();
        s.stance_name(s.item(&item).expect("the item"), s.party(&service(who)).unwrap()).unwrap_or("-")
    }

    /// Returns a service's own phase on an item.
    pub fn own_phase(&self, who: &str, item: ItemId) -> &str {
        let s = self.held[0].state();
        let item = s.item(&item).expect("the item");
        match item.own_phases[s.party(&service(who)).unwrap()] {
            Some(PhaseOf::One(p)) => &s.kind_of(item).phases[p].id,
            _ => "-",
        }
    }

    /// Returns how a clock stands for a service now, and in how many minutes since the story began it runs out.
    pub fn clock(&self, who: &str, item: ItemId, id: &str) -> Option<(ClockState, i64)> {
        let all = self.held[0].clocks(at(self.minute).at, &|_, _| None);
        let clock = all.into_iter().find(|c| c.item == item && c.clock == id && c.answers == service(who))?;
        Some((clock.state, (clock.due.0 - at(0).at.0) / 60_000))
    }
}

fn of_kind(k: &ItemKind) -> (&[Field], &[OfficerRole], &[OfficerRole]) {
    (&k.fields, &k.officer, &k.four_eyes)
}
