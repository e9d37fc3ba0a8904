//! The officers' will: an intent drawn from what a mechanism declares and what the node says is possible now.

use crate::filler::Filler;
use crate::rng::Rng;
use crate::station::ROLES;
use base::{DossierId, ExhibitId, Handling, ItemId, ServiceId, UnixMs};
use dossier::{FieldType, Mechanism, shipped};
use node::{Intent, Node};
use std::sync::Arc;

/// Dossiers that a run opens, accords apart.
const DOSSIERS_MAX: usize = 9;
/// Accords that a run proposes.
const ACCORDS_MAX: usize = 5;

/// What an officer wants, and how reports call it.
pub struct Will {
    /// The intent.
    pub intent: Intent,
    /// Mechanism and move, kind of item, or opening.
    pub deed: String,
}

/// Draws an opening of any mechanism that ships; none where no accord permits one.
pub fn open(node: &mut Node, now: UnixMs, partners: &[ServiceId], files: &[(ExhibitId, u64)], canary: &str, rng: &mut Rng) -> Option<Will> {
    let listed = node.list(None, None, usize::MAX).ok()?;
    let accords: Vec<DossierId> = listed.iter().filter(|l| l.mechanism == "accord" && l.phase == "in-force").map(|l| l.id).collect();
    let (mine, theirs) = (listed.iter().filter(|l| l.mechanism == "accord").count(), listed.iter().filter(|l| l.mechanism != "accord").count());
    let others: Vec<&Arc<Mechanism>> = shipped().iter().filter(|m| m.id != "accord").collect();
    let (mechanism, accord, circle) = match rng.chance(1, 6) || accords.is_empty() {
        true if mine < ACCORDS_MAX => (shipped().iter().find(|m| m.id == "accord")?, None, partners.to_vec()),
        true => return None,
        false if theirs >= DOSSIERS_MAX => return None,
        false => {
            let id = *rng.pick(&accords)?;
            let view = node.view(&id, &ROLES, now).ok()?;
            let circle: Vec<ServiceId> = view.parties.iter().map(|p| p.service).filter(|s| *s != node.me()).collect();
            // Whoever has a file at hand more often than not opens a dossier in which it can be named.
            let names = |m: &&&Arc<Mechanism>| m.items.iter().any(|k| k.fields.iter().any(|f| f.kind == FieldType::Exhibit));
            let naming: Vec<_> = others.iter().filter(names).copied().collect();
            let from = if !files.is_empty() && rng.chance(1, 2) { &naming } else { &others };
            (*rng.pick(from)?, Some(id), circle)
        }
    };
    let root = mechanism.root();
    let own = rng.pick(&root.opened_by)?.clone();
    let mut circle = circle;
    rng.shuffle(&mut circle);
    circle.truncate(1 + rng.below(circle.len()));
    let parties = roles(mechanism, node.me(), &own, &circle, rng)?;
    let all = rng.chance(1, 3);
    let mut filler = filler(node, now, parties.iter().map(|p| p.0).collect(), canary, rng);
    filler.files = files.to_vec();
    let fields = filler.form(&root.fields, all);
    let intent = Intent::Open { mechanism: mechanism.hash.to_string(), accord, parties, follows: None, fields, handling: handling(rng) };
    Some(Will { intent, deed: format!("{}: open", mechanism.id) })
}

/// Gives every party a role, ours first; none where the mechanism wants more or fewer.
fn roles(mechanism: &Mechanism, me: ServiceId, own: &str, others: &[ServiceId], rng: &mut Rng) -> Option<Vec<(ServiceId, String)>> {
    let mut out = vec![(me, own.to_owned())];
    let count = |out: &[(ServiceId, String)], role: &str| out.iter().filter(|(_, r)| r == role).count();
    for other in others {
        // What is still lacking comes first, then any role that takes one more.
        let lacking = mechanism.roles.iter().find(|r| count(&out, &r.id) < r.min);
        let open: Vec<_> = mechanism.roles.iter().filter(|r| count(&out, &r.id) < r.max).collect();
        let role = lacking.or(rng.pick(&open).copied())?;
        out.push((*other, role.id.clone()));
    }
    mechanism.roles.iter().all(|r| (r.min..=r.max).contains(&count(&out, &r.id))).then_some(out)
}

/// Draws a move or a new item in any dossier where something is possible.
pub fn act(node: &mut Node, now: UnixMs, files: &[(ExhibitId, u64)], canary: &str, rng: &mut Rng) -> Option<Will> {
    let listed = node.list(None, None, usize::MAX).ok()?;
    let mut open: Vec<DossierId> = listed.iter().filter(|l| !l.closed || rng.chance(1, 4)).map(|l| l.id).collect();
    // An accord that waits for a signature comes first more often than not, or nothing else could be done under it.
    let waiting: Vec<DossierId> = listed.iter().filter(|l| l.mechanism == "accord" && l.phase == "proposed").map(|l| l.id).collect();
    if rng.chance(1, 2) && !waiting.is_empty() {
        open = waiting;
    }
    rng.shuffle(&mut open);
    // Whoever has a file at hand more often than not does something with it, where that can be.
    if !files.is_empty()
        && rng.chance(1, 2)
        && let Some(will) = open.iter().find_map(|id| act_in(node, id, now, files, true, canary, rng))
    {
        return Some(will);
    }
    open.iter().find_map(|id| act_in(node, id, now, files, false, canary, rng))
}

/// Draws a move or a new item in one dossier; with `naming` only what may name a file.
pub fn act_in(node: &mut Node, id: &DossierId, now: UnixMs, files: &[(ExhibitId, u64)], naming: bool, canary: &str, rng: &mut Rng) -> Option<Will> {
    let view = node.view(id, &ROLES, now).ok()?;
    let me = node.me();
    let role = view.parties.iter().find(|p| p.service == me)?.role.clone();
    let mechanism = node.mechanisms().find(|m| m.id == view.mechanism)?.clone();
    // Moves that end a thing are fewer, so that dossiers live for a while.
    let mut deeds: Vec<(ItemId, Option<&str>, Option<&str>)> = Vec::new();
    for item in &view.items {
        let possible = item.moves.iter().filter(|m| m.possible);
        deeds.extend(possible.filter(|m| !ends(&m.name) || rng.chance(1, 14)).map(|m| (item.id, Some(m.name.as_str()), None)));
        deeds.extend(item.may_open.iter().filter(|_| rng.chance(1, 3)).map(|k| (item.id, None, Some(k.as_str()))));
    }
    let on = |item: &ItemId| view.items.iter().find(|i| i.id == *item).and_then(|i| mechanism.kind(&i.kind));
    let names_files = |(item, name, kind): &(ItemId, Option<&str>, Option<&str>)| {
        let form = match (name, kind) {
            (Some(name), _) => on(item).and_then(|k| k.find_move_of(name, &role)).map(|m| &m.fields),
            (None, kind) => kind.and_then(|k| mechanism.kind(k)).map(|k| &k.fields),
        };
        form.is_some_and(|f| f.iter().any(|f| f.kind == FieldType::Exhibit))
    };
    if naming {
        deeds.retain(names_files);
    }
    let (item, name, kind) = *rng.pick(&deeds)?;
    let all = rng.chance(1, 2);
    let mut filler = filler(node, now, view.parties.iter().map(|p| p.service).collect(), canary, rng);
    filler.things.extend(view.items.iter().map(|i| (*id, Some(i.id))));
    filler.items = view.items.iter().map(|i| (i.id, i.kind.clone(), i.opener == me)).collect();
    filler.place = Some((*id, me));
    filler.files = files.to_vec();
    // What is committed to on an item is revealed by a move on it, or, where the item is new, by one of its own kind.
    let of = kind.and_then(|k| mechanism.kind(k)).or_else(|| mechanism.kind(&view.items.iter().find(|i| i.id == item)?.kind));
    let reveals = of.into_iter().flat_map(|k| &k.moves).filter(|m| m.role == role && m.fields.iter().any(|f| f.opens.is_some()));
    filler.reveals = reveals.map(|m| m.fields.clone()).collect();
    match (name, kind) {
        (Some(name), _) => {
            let on = view.items.iter().find(|i| i.id == item)?;
            let m = mechanism.kind(&on.kind)?.find_move_of(name, &role)?;
            let fields = filler.form(&m.fields, all);
            let deed = format!("{}: {}/{name}", mechanism.id, on.kind);
            Some(Will { intent: Intent::Move { dossier: *id, item: Some(item), name: name.to_owned(), fields, handling: handling(rng) }, deed })
        }
        (None, Some(kind)) => {
            let fields = filler.form(&mechanism.kind(kind)?.fields, all);
            let deed = format!("{}: new {kind}", mechanism.id);
            Some(Will { intent: Intent::OpenItem { dossier: *id, parent: Some(item), kind: kind.to_owned(), fields, handling: handling(rng) }, deed })
        }
        (None, None) => None,
    }
}

fn ends(name: &str) -> bool {
    ["withdraw", "cancel", "decline", "denounce", "refuse", "close"].contains(&name)
}

fn filler<'a>(node: &Node, now: UnixMs, parties: Vec<ServiceId>, canary: &str, rng: &'a mut Rng) -> Filler<'a> {
    let mechanisms = node.mechanisms().filter(|m| m.id != "accord").map(|m| (m.id.clone(), m.hash)).collect();
    let things = node.list(None, None, 20).unwrap_or_default().iter().map(|l| (l.id, None)).collect();
    Filler { rng, now, parties, mechanisms, things, items: Vec::new(), place: None, reveals: Vec::new(), files: Vec::new(), canary: canary.to_owned() }
}

fn handling(rng: &mut Rng) -> Handling {
    Handling::code(["H0", "H0", "H1", "H2"][rng.below(4)])
}

/// Returns the intent of an accord among all, under which every mechanism may be used for every purpose.
pub fn accord_of_all(parties: Vec<(ServiceId, String)>, now: UnixMs, rng: &mut Rng) -> Intent {
    let accord = shipped().iter().find(|m| m.id == "accord").expect("accords ship");
    let named: Vec<_> = shipped().iter().filter(|m| m.id != "accord").map(|m| serde_json::json!({ "name": m.id, "id": m.hash })).collect();
    let purposes: Vec<_> = base::Vocabulary::get("legal-purposes").into_iter().flat_map(|v| &v.entries).map(|e| e.code.clone()).collect();
    let services = parties.iter().map(|p| p.0).collect();
    let mut filler = Filler {
        rng,
        now,
        parties: services,
        mechanisms: Vec::new(),
        things: Vec::new(),
        items: Vec::new(),
        place: None,
        reveals: Vec::new(),
        files: Vec::new(),
        canary: crate::world::CANARY.to_owned(),
    };
    let mut fields = filler.form(&accord.root().fields, false);
    for optional in ["clocks", "valid_until"] {
        fields.remove(optional);
    }
    fields.insert("mechanisms".to_owned(), named.into());
    fields.insert("purposes".to_owned(), purposes.into());
    fields.insert("retention_days".to_owned(), (1 + rng.below(20)).into());
    Intent::Open { mechanism: accord.hash.to_string(), accord: None, parties, follows: None, fields, handling: Handling::code("H0") }
}

/// Returns the intent of signing an accord.
pub fn signature(accord: DossierId) -> Intent {
    let authority = serde_json::json!({ "lang": "fr", "text": "Le directeur" });
    Intent::Move {
        dossier: accord,
        item: None,
        name: "sign".to_owned(),
        fields: [("authority".to_owned(), authority)].into_iter().collect(),
        handling: Handling::code("H0"),
    }
}
