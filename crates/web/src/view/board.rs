//! The board: what still runs, by when it is due, late first. A deadline is the nearest of the running clocks and
//! the date that the item's form calls `due`.

use super::format::{distance, number};
use super::scene::{Scene, day, instant};
use base::{ServiceId, UnixMs};
use dossier::{FieldType, ItemView};
use maud::{Markup, html};

const WEEK_MS: i64 = 7 * 86_400_000;

struct Card<'a> {
    item: &'a ItemView,
    due: Option<UnixMs>,
    owner: Option<ServiceId>,
}

pub(super) fn board(scene: &Scene<'_>) -> Markup {
    let r = scene.reader;
    let mut cards: Vec<Card<'_>> = scene.standing().filter(|i| i.parent.is_some() && !i.phase.is_empty()).map(|item| card(scene, item)).collect();
    cards.sort_by_key(|c| (c.due.is_none(), c.due, c.item.id));
    let column = |c: &Card<'_>| match c.due {
        _ if c.item.ended => "done",
        Some(due) if due < r.now => "late",
        Some(due) if due.0 - r.now.0 <= WEEK_MS => "soon",
        Some(_) => "later",
        None => "undated",
    };
    const COLUMNS: [&str; 5] = ["late", "soon", "later", "undated", "done"];
    cards.sort_by_key(|c| COLUMNS.iter().position(|name| *name == column(c)));
    let (shown, others) = scene.paged(&cards, 0);
    let columns: Vec<(&str, usize, Vec<&Card<'_>>)> = COLUMNS
        .into_iter()
        .map(|name| (name, cards.iter().filter(|c| column(c) == name).count(), shown.iter().filter(|c| column(c) == name).collect()))
        .collect();
    scene.section(
        "board",
        html! {
            @if cards.is_empty() { (scene.nothing()) }
            (others)
            div.columns { @for (name, all, cards) in columns.iter().filter(|(_, _, c)| !c.is_empty()) {
                section.column.{ "column-" (name) } {
                    h3 { @if *name == "late" { span aria-hidden="true" { "⚠ " } } (r.word(name)) " " span.count { "("  (number(r.lang, *all as i64)) ")" } }
                    ul { @for c in cards { li.card {
                        p.kind { (scene.kind_label(c.item)) " " (c.item.number) " · " (scene.phase(c.item)) }
                        p.name { (scene.name(c.item)) }
                        p.meta {
                            @if let Some(owner) = &c.owner { (scene.service(owner)) }
                            @if let (Some(due), false) = (c.due, c.item.ended) { " " strong { (distance(r.lang, r.now, due, true)) } " " (r.at(due)) }
                        }
                    } } }
                }
            } }
        },
    )
}

fn card<'a>(scene: &Scene<'a>, item: &'a ItemView) -> Card<'a> {
    let clock = scene.clocks(&item.id).next();
    let stated = scene.opened(item);
    let owner = stated.iter().find(|s| s.field.kind == FieldType::Party).and_then(|s| serde_json::from_value(s.value.clone()).ok());
    // A date ends with its day.
    let end = |d: base::Date| d.plus_days(1).unwrap_or(d).start_utc();
    let dated = stated.iter().filter(|s| s.field.id == "due").find_map(|s| instant(s).map(|i| i.at).or_else(|| day(s).map(end)));
    Card { item, due: clock.map(|c| c.due).into_iter().chain(dated).min(), owner: owner.or(clock.map(|c| c.answers)) }
}
