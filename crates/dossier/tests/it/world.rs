//! Invented services with dossiers among them: the one helper that the stories share. Acts are real; only signatures lie a floor up.

use base::cbor::{self, Map};
use base::{Digest, Handling, Instant, ItemId, Lang, ServiceId, Text, UnixMs};
use dossier::accord::Terms;
use dossier::*;
use std::sync::Arc;

pub fn service(name: &str) -> ServiceId {
    Digest::of(name.as_bytes()).into()
}

pub fn mechanism(id: &str) -> Arc<Mechanism> {
    Arc::clone(shipped().iter().find(|m| m.id == id).unwrap())
}

pub fn by(role: OfficerRole) -> Signatory {
    Signatory { officer: "first.01".parse().unwrap(), role }
}

pub fn second() -> Option<Signatory> {
    Some(Signatory { officer: "second.02".parse().unwrap(), role: OfficerRole::Supervisor })
}

pub fn at(minutes: i64) -> Instant {
    Instant::new(UnixMs(1_738_000_000_000 + minutes * 60_000), "Europe/Madrid").unwrap()
}

pub fn text(s: &str) -> Value {
    Value::Text(Text::new(Lang::Fr, s))
}

pub fn fields(pairs: &[(&str, Value)]) -> Map<Value> {
    pairs.iter().map(|(k, v)| (k.to_string(), v.clone())).collect()
}

pub fn body(fields: Map<Value>, n: u8) -> Body {
    Body { salt: [n; 16], handling: Handling::code("H0"), fields }
}

pub fn encode(head: Head, body: &Body) -> Arc<Act> {
    let (bytes, id) = body.encode();
    let head = Head { body: id, ..head };
    Arc::new(Act::decode(&cbor::to_vec(&head), Some(&bytes)).unwrap())
}

pub fn request_form() -> Map<Value> {
    fields(&[
        ("reference", Value::Line("RB-2025-17".into())),
        ("legal_basis", text("Convention du 13 février 2019, article 5")),
        ("purpose", Value::Choice("investigate".into())),
        ("offence", Value::Choice(first_code("crime-areas"))),
        ("facts", text("Un véhicule a été vu deux fois.")),
        ("question", Value::Many(vec![text("À qui appartient-il ?")])),
        ("why_requested", text("La plaque est espagnole.")),
        ("urgency", Value::Choice("urgent-direct".into())),
    ])
}

pub fn first_code(vocabulary: &str) -> String {
    base::Vocabulary::get(vocabulary).unwrap().entries[0].code.clone()
}

pub fn answer_form() -> Map<Value> {
    fields(&[
        ("answer", Value::Many(vec![text("Il appartient à une société.")])),
        ("nature", Value::Choice("fact".into())),
        ("reference", Value::Line("ES-1".into())),
        ("evaluation", Value::Evaluation(base::Evaluation { scale: "4x4".into(), source: "B".into(), information: "2".into() })),
    ])
}

/// A dossier among some services as one of them holds it, under an accord that permits everything here.
pub fn hold(opening: &Opening) -> Dossier {
    hold_by(opening, shipped().iter().find(|m| m.hash == opening.mechanism).unwrap())
}

/// The same for a mechanism that does not come with the program.
pub fn hold_by(opening: &Opening, m: &Arc<Mechanism>) -> Dossier {
    let terms = opening.accord.as_ref().map(|a| {
        Arc::new(Terms {
            accord: a.dossier,
            parties: opening.parties.iter().map(|p| p.service).collect(),
            mechanisms: shipped().iter().map(|m| m.hash).chain([opening.mechanism]).collect(),
            purposes: None,
            clocks: Default::default(),
            retention_days: None,
            valid_until: None,
            exhibits: Default::default(),
            hits: Default::default(),
        })
    });
    Dossier::new(opening.clone(), Arc::clone(m), Ok(terms))
}

/// Mixes a list by a seed.
pub fn shuffle<T>(list: &mut [T], seed: u64) {
    let mut seed = seed | 1;
    for i in (1..list.len()).rev() {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        list.swap(i, (seed >> 33) as usize % (i + 1));
    }
}

pub fn opening(mechanism_id: &str, parties: &[(&str, &str)]) -> Opening {
    let accord = (mechanism_id != "accord").then(|| AccordRef { dossier: Digest::of(b"accord").into(), seen: Vec::new() });
    let parties = parties.iter().map(|(s, role)| Party { service: service(s), role: role.to_string() }).collect();
    Opening { mechanism: mechanism(mechanism_id).hash, accord, parties, follows: None, nonce: [7; 16] }
}

/// Writes an own act on what one holder has folded.
pub fn write(holder: &Dossier, author: &str, minute: i64, role: OfficerRole, deed: Deed, form: Map<Value>) -> Arc<Act> {
    let content = body(form, minute as u8);
    let head = holder.draft(service(author), at(minute), by(role), second(), deed, content.encode().1);
    encode(head, &content)
}

/// Lets three States (ma, es, fr) act by choices who hear each other late: which of them, what, and whether it listens first. `says` turns
/// the acting State, an item with its kind, and the last two choices into what is done. Returns all acts, those before the run first.
pub fn heard_late(
    mut held: Vec<Dossier>,
    minute: i64,
    choices: &[(u8, u8, u8)],
    per_item: u8,
    says: impl Fn(&Dossier, usize, (ItemId, &str), u8, u8) -> (Deed, Map<Value>),
) -> Vec<Arc<Act>> {
    let mut acts: Vec<Arc<Act>> = held[0].timeline().into_iter().map(|(a, _)| Arc::new(a.clone())).collect();
    let mut heard = [acts.len(); 3];
    for (i, (who, what, listen)) in choices.iter().enumerate() {
        let w = (*who % 3) as usize;
        while heard[w] < acts.len() && *listen % 4 != 0 {
            file(&mut held[w], &acts[heard[w]].clone());
            heard[w] += 1;
        }
        let d = &held[w];
        let mut all: Vec<(ItemId, String)> = d.state().items().map(|x| (x.id, d.state().kind_of(x).id.clone())).collect();
        all.sort();
        let (item, kind) = &all[(*what / per_item) as usize % all.len()];
        let (deed, form) = says(d, w, (*item, kind), *what % per_item, *listen);
        let act = write(d, ["ma", "es", "fr"][w], i as i64 + minute, OfficerRole::Desk, deed, form);
        file(&mut held[w], &act);
        acts.push(act);
    }
    acts
}

pub fn mv(item: ItemId, name: &str) -> Deed {
    Deed::Move { item, name: name.into() }
}

pub fn phase(d: &Dossier) -> String {
    d.state().item(&d.root()).and_then(|r| d.state().phase_name(r)).unwrap_or("-").to_owned()
}

pub fn file(d: &mut Dossier, act: &Arc<Act>) -> String {
    match d.file(Arc::clone(act)).first() {
        Some(c) => c.verdict().as_text(),
        None => "waiting".into(),
    }
}
