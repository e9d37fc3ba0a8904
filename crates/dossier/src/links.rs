//! Links between dossiers: what a dossier says of others, to be shown from both sides.

use crate::act::Act;
use crate::dossier::{Dossier, Verdict};
use crate::value::{Link, Value};
use base::{ActId, DossierId, ItemId, ServiceId};
use serde::Serialize;

/// A relation and how the other side sees it.
const OPPOSITES: [(&str, &str); 3] = [("predecessor", "successor"), ("wider-circle", "sub-group"), ("origin", "follow-up")];

/// A link from one dossier to another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LinkView {
    /// The other dossier.
    pub dossier: DossierId,
    /// What the other dossier is to this one, a code of `dossier-relations`.
    pub relation: String,
    /// The item in whose form it stands.
    pub item: ItemId,
    /// The act that states it.
    pub act: ActId,
    /// The party that states it.
    pub by: ServiceId,
}

/// Lists the links that a dossier's valid acts state, in the order of the timeline, each other dossier and relation once.
///
/// The dossier from which it follows, by its opening, comes first as `predecessor`. What was erased is not found any more.
pub fn links(dossier: &Dossier) -> Vec<LinkView> {
    let mut out: Vec<LinkView> = Vec::new();
    let mut add = |link: &Link, act: &Act| {
        let view = LinkView { dossier: link.dossier, relation: link.relation.clone(), item: act.item(), act: act.id(), by: act.head().author };
        if !out.iter().any(|l| (l.dossier, &l.relation) == (view.dossier, &view.relation)) {
            out.push(view);
        }
    };
    for (act, _) in dossier.timeline().into_iter().filter(|(_, v)| **v == Verdict::Valid) {
        if let (crate::act::Deed::Open(opening), true) = (&act.head().deed, act.item() == dossier.root())
            && let Some(before) = opening.follows
        {
            add(&Link { dossier: before, relation: "predecessor".to_owned() }, act);
        }
        for value in act.body().into_iter().flat_map(|b| b.fields.iter()).flat_map(|(_, v)| v.each()) {
            if let Value::Dossier(link) = value {
                add(link, act);
            }
        }
    }
    out
}

/// Returns how the linked dossier sees a relation.
pub fn opposite(relation: &str) -> &str {
    let seen = OPPOSITES.iter().find_map(|(a, b)| if *a == relation { Some(*b) } else { (*b == relation).then_some(*a) });
    seen.unwrap_or(relation)
}
