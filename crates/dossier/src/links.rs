//! Links between dossiers: what a dossier says of others, to be shown from both sides.

use crate::act::{Act, Deed};
use crate::dossier::Dossier;
use crate::value::Value;
use base::{ActId, DossierId, ItemId, ServiceId, UnixMs};
use serde::Serialize;
use std::collections::BTreeMap;

/// A relation and how the other side sees it.
const OPPOSITES: [(&str, &str); 3] = [("predecessor", "successor"), ("wider-circle", "sub-group"), ("origin", "follow-up")];

/// A link from one dossier to another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct LinkView {
    /// When it was stated.
    pub at: UnixMs,
    /// The act that states it.
    pub act: ActId,
    /// The other dossier.
    pub dossier: DossierId,
    /// What the other dossier is to this one, a code of `dossier-relations`.
    pub relation: String,
    /// The item in whose form it stands.
    pub item: ItemId,
    /// The party that states it.
    pub by: ServiceId,
}

/// Another dossier that names this one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct LinkedFrom {
    /// The other dossier.
    pub dossier: DossierId,
    /// What the other dossier is to this one, a code of `dossier-relations`.
    pub relation: String,
}

/// Links by dossier and relation; of several that say the same, the first by time and act.
pub(crate) type Links = BTreeMap<(DossierId, String), LinkView>;

/// Notes what an act says of other dossiers; an opening that follows from one calls it `predecessor`.
pub(crate) fn note(links: &mut Links, act: &Act) {
    let head = act.head();
    let mut add = |dossier: DossierId, relation: &str| {
        let view = LinkView { at: head.at.at, act: act.id(), dossier, relation: relation.to_owned(), item: act.item(), by: head.author };
        let known = links.entry((dossier, relation.to_owned())).or_insert_with(|| view.clone());
        if view < *known {
            *known = view;
        }
    };
    if let Deed::Open(opening) = &head.deed
        && let Some(before) = opening.follows
    {
        add(before, "predecessor");
    }
    for value in act.body().into_iter().flat_map(|b| b.fields.iter()).flat_map(|(_, v)| v.each()) {
        if let Value::Dossier(link) = value {
            add(link.dossier, &link.relation);
        }
    }
}

/// Lists the links that a dossier's valid acts state, the earliest first, each other dossier and relation once.
///
/// What was erased is not found any more, except the dossier from which it follows, which stands in the opening's head.
pub fn links(dossier: &Dossier) -> Vec<LinkView> {
    let mut all: Vec<LinkView> = dossier.state().links.values().cloned().collect();
    all.sort();
    all
}

/// Returns how the linked dossier sees a relation.
pub fn opposite(relation: &str) -> &str {
    let seen = OPPOSITES.iter().find_map(|(a, b)| if *a == relation { Some(*b) } else { (*b == relation).then_some(*a) });
    seen.unwrap_or(relation)
}
