//! The timeline: acts in the order that every node finds alike, what folds to nothing shown for what it is.

use super::scene::Scene;
use base::{ActId, Instant, ItemId, ServiceId};
use dossier::{Deed, Dossier, Verdict};
use maud::{Markup, html};

/// An act as the timeline shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The act.
    pub act: ActId,
    /// When, by its author's clock.
    pub at: Instant,
    /// Its author.
    pub by: ServiceId,
    /// The item that it opens or on which it moves.
    pub item: ItemId,
    /// The move; none where it opens the item.
    pub name: Option<String>,
    /// The code of the refusal where it folds to nothing.
    pub void: Option<String>,
}

/// Reads the events of a dossier.
pub fn events(dossier: &Dossier) -> Vec<Event> {
    let event = |(act, verdict): (&dossier::Act, &Verdict)| Event {
        act: act.id(),
        at: act.head().at.clone(),
        by: act.head().author,
        item: act.item(),
        name: match &act.head().deed {
            Deed::Move { name, .. } => Some(name.clone()),
            _ => None,
        },
        void: match verdict {
            Verdict::Valid => None,
            Verdict::Void(code) => Some(code.clone()),
        },
    };
    dossier.timeline().into_iter().map(event).collect()
}

/// Draws the timeline.
pub fn timeline(scene: &Scene<'_>, events: &[Event]) -> Markup {
    let r = scene.reader;
    let find = |e: &Event| scene.view.items.iter().find(|i| i.id == e.item);
    let what = |e: &Event| {
        let item = find(e)?;
        let role = scene.role(&e.by);
        let done = e.name.as_ref().and_then(|n| scene.kind(item)?.moves.iter().find(|m| m.id == *n && Some(m.role.as_str()) == role));
        Some((done.map_or(r.word("opened"), |m| scene.label(&m.label)), item))
    };
    scene.section(
        "timeline",
        html! {
            @if events.is_empty() { (scene.nothing()) }
            ol.timeline { @for e in events { li class=[e.void.as_ref().map(|_| "void")] {
                p.meta { (r.moment(&e.at)) " · " (scene.service(&e.by)) }
                p {
                    @match what(e) {
                        Some((done, item)) => { strong { (done) } " — " (scene.kind_label(item)) " " (item.number) }
                        None => { bdi { (e.name.as_deref().unwrap_or_default()) } }
                    }
                    @if let Some(code) = &e.void { " " span.badge { "∅ " (r.word("void")) } " " code { (code) } }
                }
            } } }
        },
    )
}
