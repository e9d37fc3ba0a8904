//! The acts of a dossier, the newest first, each with its signature, receipts and handling; what folds to nothing is shown for what it is.

use super::dossier::Shown;
use super::items::pages_of;
use crate::labels::Labelled;
use crate::session::Seat;
use crate::show;
use crate::when;
use crate::words::{fill, many, role, t};
use base::DossierId;
use maud::{Markup, html};
use node::{DeedView, Entry, Node, NodeError};

/// Acts on the dossier's own page.
const LATEST: usize = 6;
/// Acts on one page of all.
const ACTS_SHOWN: usize = 16;

/// Acts that a page shows, and how many there are.
pub(super) type Acts = (Vec<Entry>, usize);

/// Reads the acts for the dossier's own page.
pub(super) fn latest(n: &mut Node, id: &DossierId) -> Result<Acts, NodeError> {
    n.chronicle(id, 0, LATEST)
}

/// Reads a page of all acts.
pub(super) fn some(n: &mut Node, id: &DossierId, skip: usize) -> Result<Acts, NodeError> {
    n.chronicle(id, skip, ACTS_SHOWN)
}

/// Draws the latest acts, with a link to all.
pub(super) fn short(seat: &Seat, s: &Shown, acts: &Acts) -> Markup {
    html! {
        (list(seat, s, acts, 0))
        @if acts.0.len() < acts.1 { p.noprint { a.button href=(s.at("/views/timeline")) { (t(seat.lang, "timeline.older")) } } }
    }
}

/// Draws a page of all acts.
pub(super) fn long(seat: &Seat, s: &Shown, acts: &Acts, skip: usize) -> Markup {
    html! { (list(seat, s, acts, skip)) (pages_of(seat, &s.at("/views/timeline"), skip, ACTS_SHOWN, acts.1)) }
}

fn list(seat: &Seat, s: &Shown, (acts, all): &Acts, skip: usize) -> Markup {
    html! {
        section {
            h2 #acts { (many(seat.lang, "timeline.title", *all)) }
            ol.timeline reversed start=(all.saturating_sub(skip)) { @for e in acts { (act(seat, s, e)) } }
        }
    }
}

fn act(seat: &Seat, s: &Shown, e: &Entry) -> Markup {
    let lang = seat.lang;
    let m = &s.mechanism;
    let party_role = s.role(&e.author);
    let kind = s.view.items.iter().find(|i| i.id == e.item).map_or("", |i| i.kind.as_str());
    let (what, form) = match &e.deed {
        DeedView::Open => (fill(lang, "timeline.opened", &[("what", &m.kind_label(&m.root().id, lang))]), m.root().fields.clone()),
        DeedView::OpenItem { kind } => {
            (fill(lang, "timeline.opened", &[("what", &m.kind_label(kind, lang))]), m.kind(kind).map(|k| k.fields.clone()).unwrap_or_default())
        }
        DeedView::Move { name } => {
            let found = m.move_of(kind, party_role, name);
            (
                format!("{} · {}", found.map_or(name.as_str(), |f| f.label.get(lang)), m.kind_label(kind, lang)),
                found.map(|f| f.fields.clone()).unwrap_or_default(),
            )
        }
    };
    let doubt = s.standings.iter().find(|d| d.act == e.act);
    html! {
        li.ours[e.author == s.me].void[e.void.is_some()] {
            p { strong { bdi { (s.name(&e.author)) } } ": " (what) }
            p.quiet {
                (when::lived(seat, &e.at)) " · " bdi { (e.by.0) } " (" (role(lang, e.by.1)) ")"
                @if let Some((second, r)) = &e.second { " · " (t(lang, "timeline.second")) " " bdi { (second) } " (" (role(lang, *r)) ")" }
            }
            @if let Some(code) = &e.void { p.late { (t(lang, "timeline.void")) " " code { (code) } } }
            @if doubt.is_some() { p.late { (t(lang, "timeline.doubt")) } }
            @if let Some(h) = &e.handling { p { (show::handling(seat, h)) } }
            @match &e.fields {
                None => p.quiet { (t(lang, "timeline.erased")) },
                Some(f) if f.is_empty() => {},
                Some(f) => details { summary { (t(lang, "timeline.content")) } (show::fields(seat, &form, f, &s.names)) },
            }
            p.quiet {
                span.good { (t(lang, "timeline.signed")) }
                @if let Some((pos, at)) = e.filed { " · " (fill(lang, "timeline.filed", &[("n", &pos.to_string())])) " " (when::moment(seat, at)) }
                @for (who, at) in &e.receipts { " · " span.good { (fill(lang, "timeline.receipt", &[("who", &s.name(who))])) } " " (when::moment(seat, *at)) }
                @for who in &e.outstanding { " · " span.soon { (fill(lang, "timeline.no-receipt", &[("who", &s.name(who))])) } }
                " · " code { (e.act.short()) }
            }
        }
    }
}
