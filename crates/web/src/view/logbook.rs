//! The logbook: entries, shift hand-overs and situation reports in the order of time, corrections beside what they correct.
//!
//! Entries are facts with a choice of `log-entry-types`. Beside them stand, of the same parent, shifts (a stance has a state `on_duty`) and
//! reports (facts that can be superseded and cover a time from one moment to another).

use super::scene::{Scene, Stated, instant};
use base::Instant;
use dossier::{FieldType, ItemKind, ItemView};
use maud::{Markup, html};

pub(super) fn logbook(scene: &Scene<'_>) -> Markup {
    let r = scene.reader;
    let logged: Vec<&str> = scene.mechanism.items.iter().filter(|k| is_entry(k)).filter_map(|k| k.parent.as_deref()).collect();
    let belongs = |k: &ItemKind| is_entry(k) || (k.parent.as_deref().is_some_and(|p| logged.contains(&p)) && (is_shift(k) || is_report(k)));
    let mut items: Vec<(Option<Instant>, &ItemView)> =
        scene.view.items.iter().filter(|i| scene.kind(i).is_some_and(belongs)).map(|i| (happened(scene, i), i)).collect();
    items.sort_by_key(|(at, i)| (at.as_ref().map(|a| a.at), i.id));
    // Who takes over reads what came last.
    let (items, others) = scene.paged(&items, items.len());
    scene.section(
        "logbook",
        html! {
            @if items.is_empty() { (scene.nothing()) }
            (others)
            ol.log { @for (at, item) in items {
                @let kind = scene.kind(item);
                @let class = if kind.is_some_and(is_shift) { "shift" } else if kind.is_some_and(is_report) { "report" } else { "entry" };
                li class=(class) {
                    p.meta {
                        @if let Some(at) = at { (r.moment(at)) " · " }
                        (scene.service(&item.opener)) " · " (scene.kind_label(item)) " " (item.number)
                        @for s in scene.opened(item).iter().filter(|s| s.field.kind == FieldType::Choice) {
                            " · " span.code { (scene.code_label(s.field, s.value.as_str().unwrap_or_default())) }
                        }
                    }
                    @if item.superseded_by.is_empty() { (content(scene, item)) } @else {
                        p.note { strong { (r.word("superseded")) } }
                        s { (content(scene, item)) }
                    }
                    @if class == "shift" { ul.handover { @for s in &item.stances { li {
                        (scene.service(&s.service)) ": " (scene.state(item, s))
                        @for said in scene.said(item, s).iter().filter(|s| is_words(s)) { " — " (scene.words(said.value)) }
                    } } } }
                }
            } }
        },
    )
}

fn content(scene: &Scene<'_>, item: &ItemView) -> Markup {
    html! { @for s in scene.opened(item).iter().filter(|s| is_words(s)) { p { span.label { (scene.label(&s.field.label)) ": " } (scene.words(s.value)) } } }
}

fn is_words(s: &Stated<'_>) -> bool {
    matches!(s.field.kind, FieldType::Text | FieldType::Line)
}

/// Tells whether a kind of item stands in logbooks.
pub(super) fn is_logged(k: &ItemKind) -> bool {
    is_entry(k) || is_shift(k) || is_report(k)
}

fn is_entry(k: &ItemKind) -> bool {
    k.stances.is_empty() && k.fields.iter().any(|f| f.vocabulary.as_deref() == Some("log-entry-types"))
}

fn is_shift(k: &ItemKind) -> bool {
    k.stances.iter().any(|s| s.state("on_duty").is_some())
}

fn is_report(k: &ItemKind) -> bool {
    !is_entry(k) && k.stances.is_empty() && k.fields.iter().any(|f| f.supersedes) && k.fields.iter().filter(|f| f.kind == FieldType::Instant).count() >= 2
}

/// When it happened: the moment that the form states last before any other, else when it was written.
fn happened(scene: &Scene<'_>, item: &ItemView) -> Option<Instant> {
    let stated = scene.opened(item);
    let named = stated.iter().find(|s| s.field.id == "happened").and_then(instant);
    named.or_else(|| stated.iter().find_map(instant)).or_else(|| item.at.parse().ok())
}
