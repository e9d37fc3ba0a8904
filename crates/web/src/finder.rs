//! What the desk remembers of all dossiers while it runs: the index of words, and the days that forms name. In memory alone.
//!
//! 1 after the start, and whenever something was stored, dossiers that changed are read again, the newest first; erasing content changes a
//! dossier as well. 2 A page that answers from here brings it up to date before, so that nothing is shown that was erased meanwhile.

use crate::desk::Desk;
use crate::search::{Index, Line, Meta, lines};
use base::{Date, DossierId, Instant, Lang, ServiceId, UnixMs};
use dossier::{DossierView, Field, FieldType, Mechanism};
use node::{Listed, Node, NodeError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Dossiers of the first look for what changed.
const WINDOW: usize = 64;
/// Dossiers that are read in one go, so that whoever else waits for the node waits no longer.
const READ_AT_ONCE: usize = 4;
/// Looks after which all dossiers are looked through, whatever the clock said when they changed.
const WHOLE_EVERY: u32 = 500;
/// Shortest time between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Times that a look took that pass before the next one: a busy node does not spend its time on this. A search looks by itself.
const PAUSE_SHARE: u32 = 10;
/// Longest time between two looks.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Days of one dossier that are remembered.
const DAYS_MAX: usize = 500;

/// A day or moment that an item's form names. What the item says stands in the dossier alone.
#[derive(Debug, Clone)]
pub(crate) struct Dated {
    pub kind: String,
    pub number: u32,
    pub phase: String,
    /// The field that names it.
    pub field: String,
    pub day: Option<Date>,
    pub at: Option<Instant>,
    /// Who owes it: the party that the form names, else who opened the item.
    pub owner: ServiceId,
    /// Whether nothing is to be done about it any more.
    pub ended: bool,
}

impl Dated {
    /// Returns the moment from which it is late; a day ends with itself.
    pub fn due(&self) -> UnixMs {
        match (&self.at, self.day) {
            (Some(at), _) => at.at,
            (None, Some(d)) => d.plus_days(1).unwrap_or(d).start_utc(),
            (None, None) => UnixMs(i64::MAX),
        }
    }

    /// Tells whether somebody must have done something by then.
    pub fn is_deadline(&self) -> bool {
        self.field == "due"
    }
}

/// The days of one dossier.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub id: DossierId,
    pub title: String,
    pub mechanism: Arc<Mechanism>,
    pub days: Vec<Dated>,
}

#[derive(Default)]
struct Known {
    index: Index,
    plans: HashMap<DossierId, Plan>,
    stamps: HashMap<DossierId, UnixMs>,
    looks: u32,
    told_left_out: usize,
}

/// What is remembered, and how far.
#[derive(Default)]
pub(crate) struct Finder {
    known: Mutex<Known>,
    turn: tokio::sync::Mutex<()>,
}

impl Finder {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the index.
    pub fn with_index<T>(&self, work: impl FnOnce(&Index) -> T) -> T {
        work(&self.known().index)
    }

    /// Returns the days of all dossiers.
    pub fn plans(&self) -> Vec<Plan> {
        self.known().plans.values().filter(|p| !p.days.is_empty()).cloned().collect()
    }

    /// Reads again what changed since the last look.
    pub async fn refresh(&self, desk: &Desk) -> Result<(), NodeError> {
        let _turn = self.turn.lock().await;
        let whole = self.known().looks.is_multiple_of(WHOLE_EVERY);
        let mut window = if whole { usize::MAX } else { WINDOW };
        let changed: Vec<Listed> = loop {
            let listed = desk.read(move |n| n.list(None, None, window)).await?;
            let all = listed.len() < window;
            let known = self.known();
            let as_known = |l: &Listed| known.stamps.get(&l.id) == Some(&l.updated_at);
            // The list is ordered by change: once one stands as it is known, so do the others.
            if all || listed.last().is_none_or(as_known) {
                break listed.into_iter().filter(|l| !as_known(l)).collect();
            }
            window = window.saturating_mul(8);
        };
        for some in changed.chunks(READ_AT_ONCE) {
            let asked = some.to_vec();
            let now = desk.node.now();
            let read = desk.read(move |n| Ok(asked.into_iter().map(|l| (l.id, read(n, &l, now))).collect::<Vec<_>>())).await?;
            let mut known = self.known();
            for ((id, read), listed) in read.into_iter().zip(some) {
                match read {
                    Ok((meta, lines, plan)) => {
                        known.index.put(meta, &lines);
                        known.plans.insert(id, plan);
                    }
                    Err(e) => {
                        tracing::warn!(code = e.code(), dossier = %id.short(), "cannot be read for search: {e}");
                        known.index.forget(&id);
                        known.plans.remove(&id);
                    }
                }
                known.stamps.insert(id, listed.updated_at);
            }
        }
        let mut known = self.known();
        known.looks = known.looks.wrapping_add(1);
        let left_out = known.index.left_out();
        if left_out > std::mem::replace(&mut known.told_left_out, left_out) {
            tracing::warn!(left_out, "search has no room for the words of the dossiers that changed longest ago");
        }
        Ok(())
    }
}

/// Reads what is remembered of a dossier.
fn read(n: &mut Node, listed: &Listed, now: UnixMs) -> Result<(Meta, Vec<Line>, Plan), NodeError> {
    let (view, mechanism) = (n.view(&listed.id, &[], now)?, n.mechanism_of(&listed.id)?);
    let labels = |of: &base::Labels| Lang::ALL.into_iter().map(|l| of.get(l).to_owned()).collect::<Vec<_>>();
    let phase = mechanism.root().phase(&listed.phase).map(|p| labels(&p.label)).unwrap_or_default();
    let all = n.book().all();
    let cards = all.iter().filter(|c| view.parties.iter().any(|p| p.service == c.service()));
    let partners = cards.flat_map(|c| {
        let card = c.latest();
        std::iter::once(card.code.clone()).chain(card.name.iter().map(|t| t.text.clone())).collect::<Vec<_>>()
    });
    let meta = Meta {
        id: listed.id,
        mechanism: std::iter::once(mechanism.id.clone()).chain(labels(&mechanism.label)).collect(),
        partners: partners.collect(),
        phase: std::iter::once(listed.phase.clone()).chain(phase).collect(),
        opened: listed.opened_at,
        updated: listed.updated_at,
        ended: listed.closed,
    };
    let days = days(&view, &mechanism);
    let lines = lines(&view, &mechanism);
    Ok((meta, lines, Plan { id: listed.id, title: listed.title.clone(), mechanism, days }))
}

/// Lists the days that the items of a dossier name and that still stand.
fn days(view: &DossierView, mechanism: &Mechanism) -> Vec<Dated> {
    let mut out = Vec::new();
    for item in view.items.iter().rev().filter(|i| i.superseded_by.is_empty()) {
        let fields: &[Field] = mechanism.kind(&item.kind).map_or(&[], |k| &k.fields);
        let of = |kind: FieldType| fields.iter().filter(move |f| f.kind == kind);
        let party = of(FieldType::Party).filter(|f| !f.many).find_map(|f| serde_json::from_value(item.fields.get(&f.id)?.clone()).ok());
        for field in of(FieldType::Date).chain(of(FieldType::Instant)) {
            let stated = item.fields.get(&field.id).map(|v| v.as_array().map_or(std::slice::from_ref(v), Vec::as_slice)).unwrap_or_default();
            for one in stated {
                let text = one.as_str().unwrap_or_default();
                let (day, at) = if field.kind == FieldType::Date { (text.parse().ok(), None) } else { (None, text.parse().ok()) };
                if day.is_some() || at.is_some() {
                    let (kind, phase, owner) = (item.kind.clone(), item.phase.clone(), party.unwrap_or(item.opener));
                    out.push(Dated { kind, number: item.number, phase, field: field.id.clone(), day, at, owner, ended: item.ended || view.ended });
                }
            }
        }
        if out.len() >= DAYS_MAX {
            break;
        }
    }
    out.truncate(DAYS_MAX);
    out
}

/// Keeps a desk's memory up to date while its node runs; does not itself keep the node alive.
pub(crate) async fn keep(desk: Desk) {
    let (mut changes, weak) = (desk.node.changes(), Arc::downgrade(&desk.node));
    let Desk { node, settings, doors, shelf, finder, .. } = desk;
    drop(node);
    loop {
        changes.mark_unchanged();
        let began = std::time::Instant::now();
        let Some(node) = weak.upgrade() else { return };
        let desk = Desk {
            node,
            settings: Arc::clone(&settings),
            doors: Arc::clone(&doors),
            shelf: Arc::clone(&shelf),
            finder: Arc::clone(&finder),
            #[cfg(feature = "oidc")]
            provider: None,
        };
        if let Err(e) = desk.finder.refresh(&desk).await {
            tracing::warn!(code = e.code(), "search is not up to date: {e}");
        }
        drop(desk);
        tokio::time::sleep((began.elapsed() * PAUSE_SHARE).clamp(PAUSE, PAUSE_MAX)).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}
