//! Reads mechanism files: 1 size, 2 TOML, 3 names resolve, labels are whole, rules compile, what points at something points at what exists.

use crate::field::{Field, FieldType, check_fields};
use crate::mechanism::{Clock, Custody, ItemKind, MECHANISM_BYTES_MAX, Mechanism, MechanismFault, Move, NESTS_MAX, Never, OfficerRole, Phase, Role, Stance};
use crate::mechanism::{VOICE_WAYS_MAX, VOICES_MAX};
use crate::rule::{NAMES, Rule};
use crate::state::{ENDED, RUNNING};
use crate::voice::{Voice, declaring};
use base::{Labels, MechanismId};
use serde::Deserialize;

/// What only one party's rule can read.
const OWN: [&str; 5] = ["me", "mine", "own_items", "before", "after"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    version: u32,
    label: Labels,
    about: Labels,
    retention_days: u32,
    #[serde(default)]
    views: Vec<String>,
    #[serde(rename = "role")]
    roles: Vec<Role>,
    #[serde(rename = "item")]
    items: Vec<ItemFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemFile {
    id: String,
    label: Labels,
    #[serde(default)]
    parent: Option<String>,
    opened_by: Vec<String>,
    officer: Vec<OfficerRole>,
    #[serde(default)]
    four_eyes: Vec<OfficerRole>,
    #[serde(default)]
    open_in: Vec<String>,
    #[serde(default)]
    outlives: bool,
    most_each: Option<usize>,
    only: Option<String>,
    #[serde(default)]
    nests: usize,
    #[serde(default, rename = "never")]
    nevers: Vec<NeverFile>,
    #[serde(default, rename = "field")]
    fields: Vec<Field>,
    #[serde(default, rename = "stance")]
    stances: Vec<Stance>,
    #[serde(default, rename = "voice")]
    voices: Vec<Voice>,
    #[serde(default, rename = "move")]
    moves: Vec<MoveFile>,
    #[serde(default, rename = "phase")]
    phases: Vec<PhaseFile>,
    #[serde(default, rename = "clock")]
    clocks: Vec<Clock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveFile {
    id: String,
    label: Labels,
    role: String,
    from: Vec<String>,
    to: String,
    officer: Vec<OfficerRole>,
    #[serde(default)]
    four_eyes: Vec<OfficerRole>,
    #[serde(default)]
    step_up: bool,
    #[serde(default, rename = "guard")]
    guards: Guards,
    only: Option<String>,
    why_not: Option<Labels>,
    custody: Option<Custody>,
    #[serde(default, rename = "field")]
    fields: Vec<Field>,
}

/// One rule, or several that must all hold.
#[derive(Deserialize)]
#[serde(untagged)]
enum Guards {
    One(String),
    All(Vec<String>),
}

impl Default for Guards {
    fn default() -> Guards {
        Guards::All(Vec::new())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NeverFile {
    id: String,
    label: Labels,
    rule: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhaseFile {
    id: String,
    label: Labels,
    rule: String,
    #[serde(default, rename = "final")]
    ends: bool,
    per: Option<String>,
}

impl Mechanism {
    /// Reads a mechanism file.
    pub fn parse(bytes: &[u8]) -> Result<Mechanism, MechanismFault> {
        if bytes.len() > MECHANISM_BYTES_MAX {
            return Err(MechanismFault::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| MechanismFault::Shape("it is not UTF-8".to_owned()))?;
        let file: File = toml::from_str(text).map_err(|e| MechanismFault::Shape(e.to_string()))?;
        let role_names: Vec<&str> = file.roles.iter().map(|r| r.id.as_str()).collect();
        let mut items: Vec<ItemKind> = Vec::new();
        for i in file.items {
            // What rules read like a role: roles, and the voices of the kinds above, which stand before it.
            let up = std::iter::successors(items.iter().find(|k| Some(&k.id) == i.parent.as_ref()), |k| {
                items.iter().find(|a| Some(&a.id) == k.parent.as_ref()).filter(|a| a.id != k.id)
            });
            let voices: Vec<String> = { up }.take(items.len()).flat_map(|k| k.voices.iter().map(|s| s.id.clone())).collect();
            let names: Vec<&str> = role_names.iter().copied().chain(voices.iter().map(String::as_str)).collect();
            items.push(ItemKind::from_file(i, &role_names, &names)?);
        }
        let mechanism = Mechanism {
            hash: MechanismId::from(base::Digest::of(bytes)),
            id: file.id,
            version: file.version,
            label: file.label,
            about: file.about,
            roles: file.roles,
            items,
            retention_days: file.retention_days,
            views: file.views,
            bytes: bytes.to_vec(),
        };
        mechanism.check_names()?;
        Ok(mechanism)
    }

    fn check_names(&self) -> Result<(), MechanismFault> {
        let fault = |place: &str, why: &str| Err(MechanismFault::Content { place: place.to_owned(), why: why.to_owned() });
        if !plain(&self.id) {
            return fault("mechanism", "its id is made of a-z, 0-9, '-' and '_'");
        }
        if self.items.is_empty() || self.roles.is_empty() {
            return fault("mechanism", "it has no item or no role");
        }
        for (place, label) in [("label", &self.label), ("about", &self.about)] {
            whole(place, label)?;
        }
        for (i, r) in self.roles.iter().enumerate() {
            whole(&format!("role {}", r.id), &r.label)?;
            if !plain(&r.id) || r.id.len() < 2 || r.id.contains('-') || NAMES.contains(&r.id.as_str()) || self.roles[..i].iter().any(|b| b.id == r.id) {
                return fault(&format!("role {}", r.id), "a role's id is single, has two letters or more, no '-', and is not a name that rules read");
            }
            if r.ordered && self.roles.iter().any(|o| o.id != r.id && o.ordered) {
                return fault(&format!("role {}", r.id), "one role at most is ordered");
            }
            if r.min == 0 && self.roles.len() == 1 || r.max < r.min || r.max > crate::act::PARTIES_MAX {
                return fault(&format!("role {}", r.id), "min and max do not fit");
            }
        }
        for (i, k) in self.items.iter().enumerate() {
            let place = format!("item {}", k.id);
            if !plain(&k.id) || self.items[..i].iter().any(|b| b.id == k.id) {
                return fault(&place, "its id is not plain or stands twice");
            }
            match (&k.parent, i) {
                (None, 0) => {}
                (Some(p), _) if i > 0 && self.items[..i].iter().any(|b| b.id == *p) => {}
                _ => return fault(&place, "the first item is the root, every other one names a parent that stands before it"),
            }
            if let Some(p) = k.open_in.iter().find(|p| !self.parent_phase(k, p)) {
                return fault(&place, &format!("open_in names '{p}', which is no phase of the parent"));
            }
            if k.most_each == Some(0) || k.nests > NESTS_MAX || (i == 0 && k.nests > 0) {
                return fault(&place, &format!("most_each is 1 or more; nests is at most {NESTS_MAX} and not for the root"));
            }
            self.check_counts(k, &place)?;
            self.check_voices(k, &place)?;
            self.check_forms(k, &place)?;
            for e in k.clocks.iter().filter_map(|c| c.extended_by.as_ref()) {
                let kind = self.children(&k.id).find(|c| c.id == e.item);
                if !kind.is_some_and(|c| c.phase(&e.phase).is_some() && c.fields.iter().any(|f| f.id == e.field)) {
                    return fault(&place, "a clock is extended by a kind of item within it, in one of its phases, by one of its fields");
                }
            }
        }
        // Parties of one role are alike; a rule that picks one by its place would make them different.
        for r in self.roles.iter().filter(|r| r.max > 1 && !r.ordered) {
            let picks = |rule: &Rule| rule.source().contains(&format!("{}[", r.id)) || rule.source().contains("parties[");
            if let Some(k) = self.items.iter().find(|k| k.rules().any(picks)) {
                return fault(&format!("item {}", k.id), &format!("a rule picks one of several '{}' by place", r.id));
            }
        }
        Ok(())
    }

    /// Checks that rules count kinds and phases that exist, and none more often than the checker explores.
    fn check_counts(&self, k: &ItemKind, place: &str) -> Result<(), MechanismFault> {
        let fault = |why: String| Err(MechanismFault::Content { place: place.to_owned(), why });
        for rule in k.rules() {
            for (kind, phase) in rule.counted().iter().filter(|(kind, _)| !kind.is_empty()) {
                let Some(child) = self.children(&k.id).find(|c| c.id == *kind) else {
                    return fault(format!("a rule counts '{kind}', which is no kind of item within this one"));
                };
                let known = |p: &String| match child.phases.is_empty() {
                    true => p == "count",
                    false => p == RUNNING || p == ENDED || child.family(None).any(|ph| ph.id == *p),
                };
                if let Some(p) = phase.as_ref().filter(|p| !known(p)) {
                    return fault(format!("a rule counts '{kind}' in '{p}', which is none of its phases"));
                }
            }
            if rule.reads("before") || rule.reads("after") {
                let of_ordered = |role: &str| self.role(role).is_some_and(|r| r.ordered);
                let per = |p: &Phase| p.rule.source() == rule.source() && !p.per.as_deref().is_some_and(of_ordered);
                let by = |m: &Move| m.guards.iter().any(|g| g.source() == rule.source()) && !of_ordered(&m.role);
                if k.phases.iter().any(per) || k.moves.iter().any(by) || k.nevers.iter().any(|n| n.rule.source() == rule.source()) {
                    return fault("'before' and 'after' are for parties of an ordered role".to_owned());
                }
            }
        }
        Ok(())
    }

    /// Checks that voices name roles and states that exist, once in the file, and that what asks for one lives within where it is declared.
    fn check_voices(&self, k: &ItemKind, place: &str) -> Result<(), MechanismFault> {
        let fault = |why: String| Err(MechanismFault::Content { place: place.to_owned(), why });
        for s in &k.voices {
            whole(&format!("{place}, voice {}", s.id), &s.label)?;
            let taken =
                NAMES.contains(&s.id.as_str()) || self.role(&s.id).is_some() || self.items.iter().flat_map(|i| &i.voices).filter(|o| o.id == s.id).count() > 1;
            if !plain(&s.id) || s.id.len() < 2 || s.id.contains('-') || taken {
                return fault(format!("voice '{}': its id is single, has two letters or more, no '-', and is no role or name that rules read", s.id));
            }
            let known =
                |(role, states): (&String, &Vec<String>)| k.stance(role).is_some_and(|st| !states.is_empty() && states.iter().all(|n| st.state(n).is_some()));
            if s.states.is_empty() || !s.states.iter().all(known) {
                return fault(format!("voice '{}' names roles that hold a stance here, and states of theirs", s.id));
            }
            // Parties of one role are alike; so are those of a voice.
            if let Some(i) = self.items.iter().find(|i| i.rules().any(|r| r.mentions(&format!("{}[", s.id)))) {
                return fault(format!("a rule of {} picks one of '{}' by place", i.id, s.id));
            }
        }
        let above = |id: &str, role: Option<&str>| self.voice_above(k, id).is_some_and(|(_, s)| role.is_none_or(|r| s.states.contains_key(r)));
        if let Some(id) = k.only.as_ref().filter(|id| !above(id, None)) {
            return fault(format!("'{id}' is no voice above it"));
        }
        if let Some((m, id)) = k.moves.iter().find_map(|m| Some((m, m.only.as_ref().filter(|id| !above(id, Some(&m.role)))?))) {
            return fault(format!("move {}: '{id}' is no voice above that names its role", m.id));
        }
        let asked = self.asked_of(k);
        let ways = |role: &Role| declaring(&asked).iter().fold(1usize, |n, a| n.saturating_mul(a.stance(&role.id).map_or(1, |s| s.states.len() + 1)));
        match asked.len() > VOICES_MAX || self.roles.iter().any(|r| ways(r) > VOICE_WAYS_MAX) {
            true => fault(format!("it asks for more than {VOICES_MAX} voices, or for more than {VOICE_WAYS_MAX} ways to stand")),
            false => Ok(()),
        }
    }

    /// Checks that fields which point at something point at what exists: kinds of items, commitments.
    fn check_forms(&self, k: &ItemKind, place: &str) -> Result<(), MechanismFault> {
        let fault = |why: String| Err(MechanismFault::Content { place: place.to_owned(), why });
        for (form, of) in std::iter::once((&k.fields, None)).chain(k.moves.iter().map(|m| (&m.fields, Some(m)))) {
            if let Some(bad) = form.iter().flat_map(|f| &f.of).find(|kind| self.kind(kind).is_none()) {
                return fault(format!("a field points at '{bad}', which is no kind of item"));
            }
            if let Some(f) = form.iter().find(|f| f.supersedes && (of.is_some() || f.of != [k.id.clone()])) {
                return fault(format!("field '{}': an item is superseded by another of its own kind, when that is opened", f.id));
            }
            for (f, opens) in form.iter().filter_map(|f| Some((f, f.opens.as_ref()?))) {
                let commits = |fields: &[Field]| fields.iter().any(|c| c.id == *opens && c.kind == FieldType::Commitment);
                let role = of.map(|m| m.role.as_str());
                if of.is_none() || !(commits(&k.fields) || k.moves.iter().any(|m| Some(m.role.as_str()) == role && commits(&m.fields))) {
                    return fault(format!("field '{}' opens '{opens}', which is no commitment that the same party makes on this item", f.id));
                }
            }
        }
        Ok(())
    }

    fn parent_phase(&self, kind: &ItemKind, phase: &str) -> bool {
        let parent = kind.parent.as_deref().and_then(|p| self.kind(p));
        parent.is_some_and(|p| p.phases.iter().any(|ph| ph.id == phase))
    }
}

impl ItemKind {
    /// Reads a kind; `names` are the roles and the voices above that its rules can read.
    fn from_file(file: ItemFile, roles: &[&str], names: &[&str]) -> Result<ItemKind, MechanismFault> {
        let place = format!("item {}", file.id);
        let fault = |place: &str, why: String| MechanismFault::Content { place: place.to_owned(), why };
        whole(&place, &file.label)?;
        check_fields(&file.fields).map_err(|why| fault(&place, why))?;
        let role = |place: &str, r: &str| if roles.contains(&r) { Ok(()) } else { Err(fault(place, format!("'{r}' is not a role"))) };
        file.opened_by.iter().try_for_each(|r| role(&place, r))?;
        if file.opened_by.is_empty() || file.officer.is_empty() {
            return Err(fault(&place, "nobody may open it".to_owned()));
        }
        for (i, s) in file.stances.iter().enumerate() {
            let place = format!("{place}, stance of {}", s.role);
            role(&place, &s.role)?;
            if file.stances[..i].iter().any(|b| b.role == s.role) {
                return Err(fault(&place, "stands twice".to_owned()));
            }
            for (j, st) in s.states.iter().enumerate() {
                whole(&format!("{place}, state {}", st.id), &st.label)?;
                if s.states[..j].iter().any(|b| b.id == st.id) {
                    return Err(fault(&place, format!("state '{}' stands twice", st.id)));
                }
            }
            if let Some(bad) = [Some(&s.initial), s.opener_initial.as_ref()].into_iter().flatten().find(|i| s.state(i).is_none()) {
                return Err(fault(&place, format!("begins in '{bad}', which is not one of its states")));
            }
        }
        let moves = file.moves.into_iter().map(|m| Move::from_file(m, &place, &file.stances, names)).collect::<Result<Vec<_>, _>>()?;
        let mut phases = Vec::new();
        for p in file.phases {
            let place = format!("{place}, phase {}", p.id);
            whole(&place, &p.label)?;
            p.per.iter().try_for_each(|r| role(&place, r))?;
            let rule = Rule::compile(&p.rule, names).map_err(|why| fault(&place, why))?;
            if p.per.is_none() && OWN.iter().any(|n| rule.reads(n)) || rule.reads_contents() {
                return Err(fault(&place, "a phase reads stances and counts only; me, mine, own_items, before and after only per party".to_owned()));
            }
            phases.push(Phase { id: p.id, label: p.label, rule, ends: p.ends, per: p.per });
        }
        let mut nevers = Vec::new();
        for n in file.nevers {
            let place = format!("{place}, never {}", n.id);
            whole(&place, &n.label)?;
            let rule = Rule::compile(&n.rule, names).map_err(|why| fault(&place, why))?;
            if OWN.iter().any(|n| rule.reads(n)) || rule.reads_contents() {
                return Err(fault(&place, "what must never be is said of all stances and counts".to_owned()));
            }
            nevers.push(Never { id: n.id, label: n.label, rule });
        }
        if file.stances.is_empty() != phases.is_empty() {
            return Err(fault(&place, "stances and phases belong together".to_owned()));
        }
        for (i, p) in phases.iter().enumerate() {
            if phases[..i].iter().any(|b| b.id == p.id) || [RUNNING, ENDED].contains(&p.id.as_str()) {
                return Err(fault(&place, format!("phase '{}' stands twice, or is named like what rules count", p.id)));
            }
        }
        for c in &file.clocks {
            let place = format!("{place}, clock {}", c.id);
            whole(&place, &c.label)?;
            whole(&place, &c.follows)?;
            // A voice of this kind or above it answers too; that it exists is seen once the kinds above are known.
            if !names.contains(&c.answers.as_str()) && !file.voices.iter().any(|s| s.id == c.answers) {
                role(&place, &c.answers)?;
            }
            let mut families = Vec::new();
            for name in c.runs_in.iter().chain(&c.paused_in) {
                let phase = phases.iter().find(|p| p.id == *name).ok_or_else(|| fault(&place, format!("'{name}' is not a phase")))?;
                families.push(phase.per.as_deref());
            }
            if families.is_empty() || families.iter().any(|f| *f != families[0]) || (families[0].is_some() && !roles.contains(&c.answers.as_str())) {
                return Err(fault(&place, "it runs in phases of the whole or in phases of one role".to_owned()));
            }
            let has = |field: &Option<String>| field.as_ref().is_none_or(|f| file.fields.iter().any(|x| x.id == *f));
            if !has(&c.until_field) || !has(&c.by_field) || !has(&c.answers_field) || (c.length.is_none() && c.until_field.is_none()) {
                return Err(fault(&place, "it has a length or a field that ends it, and its fields are in the form".to_owned()));
            }
        }
        Ok(ItemKind {
            id: file.id,
            label: file.label,
            parent: file.parent,
            opened_by: file.opened_by,
            officer: file.officer,
            four_eyes: file.four_eyes,
            open_in: file.open_in,
            outlives: file.outlives,
            most_each: file.most_each,
            only: file.only,
            nests: file.nests,
            nevers,
            fields: file.fields,
            stances: file.stances,
            voices: file.voices,
            moves,
            phases,
            clocks: file.clocks,
        })
    }
}

impl Move {
    fn from_file(file: MoveFile, place: &str, stances: &[Stance], names: &[&str]) -> Result<Move, MechanismFault> {
        let place = format!("{place}, move {} of {}", file.id, file.role);
        let fault = |why: String| MechanismFault::Content { place: place.clone(), why };
        whole(&place, &file.label)?;
        file.why_not.iter().try_for_each(|l| whole(&place, l))?;
        check_fields(&file.fields).map_err(&fault)?;
        let stance = stances.iter().find(|s| s.role == file.role).ok_or_else(|| fault("its role holds no stance here".to_owned()))?;
        if let Some(s) = file.from.iter().chain([&file.to]).find(|s| stance.state(s).is_none()) {
            return Err(fault(format!("'{s}' is not a state of that role")));
        }
        if file.from.is_empty() || file.officer.is_empty() {
            return Err(fault("it starts nowhere or nobody may make it".to_owned()));
        }
        let guards = match file.guards {
            Guards::One(rule) => vec![rule],
            Guards::All(rules) => rules,
        };
        if !guards.is_empty() && file.why_not.is_none() {
            return Err(fault("a guarded move tells officers why it is not possible (why_not)".to_owned()));
        }
        let guards = guards.iter().map(|g| Rule::compile(g, names)).collect::<Result<_, _>>().map_err(&fault)?;
        Ok(Move {
            id: file.id,
            label: file.label,
            role: file.role,
            from: file.from,
            to: file.to,
            officer: file.officer,
            four_eyes: file.four_eyes,
            step_up: file.step_up,
            guards,
            only: file.only,
            why_not: file.why_not,
            custody: file.custody,
            fields: file.fields,
        })
    }
}

fn plain(id: &str) -> bool {
    (1..=48).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn whole(place: &str, label: &Labels) -> Result<(), MechanismFault> {
    match label.blank().first() {
        Some(lang) => Err(MechanismFault::Content { place: place.to_owned(), why: format!("no label in {lang}") }),
        None => Ok(()),
    }
}
