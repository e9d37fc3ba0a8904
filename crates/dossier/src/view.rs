//! What a party sees of a dossier: who stands where, the phase, the moves that are open to it and why others are not.

use crate::clock::ClockView;
use crate::dossier::{Dossier, Verdict};
use crate::guard;
use crate::links::{LinkView, LinkedFrom, links};
use crate::mechanism::OfficerRole;
use crate::state::{Item, PhaseOf};
use base::{ActId, DossierId, ItemId, ServiceId, UnixMs};
use serde::Serialize;
use std::collections::BTreeMap;

/// Who looks.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    /// The party.
    pub service: ServiceId,
    /// The officer's roles; a move for which none suffices is shown as not possible.
    pub roles: &'a [OfficerRole],
    /// Now.
    pub now: UnixMs,
}

/// A dossier as a party sees it.
#[derive(Debug, Serialize)]
pub struct DossierView {
    /// Its id.
    pub id: DossierId,
    /// The mechanism's name.
    pub mechanism: String,
    /// The accord under which it was opened.
    pub accord: Option<DossierId>,
    /// Parties.
    pub parties: Vec<PartyView>,
    /// The phase of the whole.
    pub phase: String,
    /// Whether it has ended.
    pub ended: bool,
    /// Items, the root first, then by time.
    pub items: Vec<ItemView>,
    /// Clocks, the nearest first.
    pub clocks: Vec<ClockView>,
    /// Acts that fold to nothing, with the code of the refusal.
    pub void: Vec<(ActId, String)>,
    /// Acts that wait for others.
    pub waiting: Vec<ActId>,
    /// Other dossiers that this one names.
    pub links: Vec<LinkView>,
    /// Other dossiers of this node that name this one; filled in by who knows them.
    pub linked_from: Vec<LinkedFrom>,
    /// Parties that spoke with two tongues: author, number, acts.
    pub forks: Vec<(ServiceId, u64, Vec<ActId>)>,
    /// Digest of everything that the parties must agree on.
    pub digest: base::Digest,
}

/// A party and its role.
#[derive(Debug, Serialize)]
pub struct PartyView {
    /// The service.
    pub service: ServiceId,
    /// Its role.
    pub role: String,
}

/// An item as a party sees it.
#[derive(Debug, Serialize)]
pub struct ItemView {
    /// Its id.
    pub id: ItemId,
    /// Its kind.
    pub kind: String,
    /// The item within which it lives.
    pub parent: Option<ItemId>,
    /// Who opened it.
    pub opener: ServiceId,
    /// The act that opened it.
    pub act: ActId,
    /// When.
    pub at: String,
    /// Its number among the items of its kind that its opener opened: each party counts its own.
    pub number: u32,
    /// Items that its opener put in its place.
    pub superseded_by: Vec<ItemId>,
    /// The fields with which it was opened, in plain form.
    pub fields: BTreeMap<String, serde_json::Value>,
    /// Everybody's stance.
    pub stances: Vec<StanceView>,
    /// The phase of the whole; empty for a fact.
    pub phase: String,
    /// Whether it has ended.
    pub ended: bool,
    /// The viewer's moves, possible or not.
    pub moves: Vec<MoveView>,
    /// Kinds of item that the viewer may open in it now.
    pub may_open: Vec<String>,
}

/// A party's stance.
#[derive(Debug, Serialize)]
pub struct StanceView {
    /// The party.
    pub service: ServiceId,
    /// The state.
    pub state: String,
    /// The party's own phase, where the mechanism has one.
    pub phase: Option<String>,
    /// What it stated in its moves: the latest value of each field, in plain form.
    pub said: BTreeMap<String, serde_json::Value>,
}

/// A move of the viewer's.
#[derive(Debug, Serialize)]
pub struct MoveView {
    /// The move.
    pub name: String,
    /// Whether it can be made now.
    pub possible: bool,
    /// The code of why not.
    pub why_not: Option<&'static str>,
    /// Whether a second officer must approve.
    pub four_eyes: bool,
}

/// Draws a dossier for a viewer; `received` tells when a party received an act.
pub fn view(dossier: &Dossier, viewer: Viewer<'_>, received: &dyn Fn(&ActId, &ServiceId) -> Option<UnixMs>) -> DossierView {
    let state = dossier.state();
    let mut items: Vec<&Item> = state.items().collect();
    items.sort_by_key(|i| (i.parent.is_some(), i.at.at, i.id));
    let root = state.item(&dossier.root());
    let void = |(act, verdict): (&crate::Act, &Verdict)| match verdict {
        Verdict::Void(code) => Some((act.id(), code.clone())),
        Verdict::Valid => None,
    };
    DossierView {
        id: dossier.id(),
        mechanism: dossier.mechanism().id.clone(),
        accord: dossier.opening().accord.as_ref().map(|a| a.dossier),
        parties: state.parties().iter().map(|(service, role)| PartyView { service: *service, role: role.clone() }).collect(),
        phase: root.map(|r| phase_text(dossier, r, &r.phase)).unwrap_or_default(),
        ended: root.is_some_and(|r| state.ended(r)),
        items: items.into_iter().map(|i| item_view(dossier, i, viewer)).collect(),
        clocks: dossier.clocks(viewer.now, received),
        void: dossier.timeline().into_iter().filter_map(void).collect(),
        waiting: dossier.waiting().map(|a| a.id()).collect(),
        links: links(dossier),
        linked_from: Vec::new(),
        forks: dossier.forks().into_iter().map(|f| (f.author, f.seq, f.acts)).collect(),
        digest: state.digest(dossier.id()),
    }
}

fn plain(fields: &base::cbor::Map<crate::Value>) -> BTreeMap<String, serde_json::Value> {
    fields.iter().map(|(k, v)| (k.to_owned(), v.to_json())).collect()
}

fn phase_text(dossier: &Dossier, item: &Item, phase: &PhaseOf) -> String {
    let kind = dossier.state().kind_of(item);
    match phase {
        PhaseOf::One(p) => kind.phases[*p].id.clone(),
        PhaseOf::Fact => String::new(),
        PhaseOf::None => "undefined".to_owned(),
        PhaseOf::Many(all) => all.iter().map(|p| kind.phases[*p].id.as_str()).collect::<Vec<_>>().join("+"),
    }
}

fn item_view(dossier: &Dossier, item: &Item, viewer: Viewer<'_>) -> ItemView {
    let state = dossier.state();
    let kind = state.kind_of(item);
    let me = state.party(&viewer.service);
    let stance = |(p, (service, _)): (usize, &(ServiceId, String))| {
        let name = state.stance_name(item, p)?.to_owned();
        let phase = item.own_phases[p].as_ref().map(|ph| phase_text(dossier, item, ph));
        Some(StanceView { service: *service, state: name, phase, said: plain(&item.said[p]) })
    };
    let mut moves = Vec::new();
    let mut may_open = Vec::new();
    if let Some(me) = me {
        let role = &state.parties()[me].1;
        let standing = state.stance_name(item, me);
        for m in kind.moves.iter().filter(|m| m.role == *role && standing.is_some_and(|s| m.from.iter().any(|f| f == s))) {
            let why_not = why_not(dossier, item, m, me, viewer);
            moves.push(MoveView { name: m.id.clone(), possible: why_not.is_none(), why_not, four_eyes: !m.four_eyes.is_empty() });
        }
        let itself = (kind.nests > 0).then_some(kind);
        for child in dossier.mechanism().children(&kind.id).chain(itself) {
            let open = guard::opens(state, &child.id, &item.id, role).and_then(|(k, parent)| guard::may_open_in(state, k, parent, me));
            if open.is_ok() && child.officer.iter().any(|r| viewer.roles.contains(r)) {
                may_open.push(child.id.clone());
            }
        }
    }
    ItemView {
        id: item.id,
        kind: kind.id.clone(),
        parent: item.parent,
        opener: state.parties()[item.opener].0,
        act: item.act,
        at: item.at.to_string(),
        number: item.number,
        superseded_by: item.superseded_by.clone(),
        fields: plain(&item.fields),
        stances: state.parties().iter().enumerate().filter_map(stance).collect(),
        phase: phase_text(dossier, item, &item.phase),
        ended: state.ended(item),
        moves,
        may_open,
    }
}

/// Says why a move is not possible now; a rule that reads the move's own form cannot be judged before the form is filled.
fn why_not(dossier: &Dossier, item: &Item, m: &crate::Move, me: usize, viewer: Viewer<'_>) -> Option<&'static str> {
    let state = dossier.state();
    if state.ended(item) {
        return Some(guard::Refusal::Ended.code());
    }
    if !state.admits(item, me, m.only.as_ref()) {
        return Some(guard::Refusal::Voice.code());
    }
    if !m.officer.iter().any(|r| viewer.roles.contains(r)) {
        return Some(guard::Refusal::OfficerRole(String::new()).code());
    }
    let rules: Vec<_> = m.guards.iter().filter(|r| !r.reads("field")).collect();
    let mut facts = state.facts(item, Some(me), |kind| rules.iter().any(|r| r.mentions(kind)));
    state.contents(&mut facts, item, me, None, viewer.now.0);
    (!rules.iter().all(|r| r.holds(&facts) == Ok(true))).then_some(guard::unguarded(m).code())
}
