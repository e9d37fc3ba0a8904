//! The route: the parties of the ordered role from first to last, borders between them, legs, and who holds what travels.
//!
//! Legs are items whose form has two single places, from and to. What travels is an item on which the ordered role's stance has a state
//! `holding` or `offering`; whoever stands in one of them holds it.

use super::atlas::{Mark, between, centre, map};
use super::scene::{ENTRIES_SHOWN, Scene, place};
use base::ServiceId;
use dossier::{FieldType, ItemView};
use maud::{Markup, html};

/// States of a stance that mean custody.
const HELD: [&str; 2] = ["holding", "offering"];

pub(super) fn route(scene: &Scene<'_>) -> Markup {
    let r = scene.reader;
    let Some(role) = scene.mechanism.roles.iter().find(|r| r.ordered) else { return scene.section("route", scene.nothing()) };
    let stops: Vec<&ServiceId> = scene.view.parties.iter().filter(|p| p.role == role.id).map(|p| &p.service).collect();
    let countries: Vec<Option<String>> = stops.iter().map(|s| (r.service)(s).1).collect();
    let travels: Vec<&ItemView> = scene.standing().filter(|i| travels(scene, i, &role.id)).collect();
    let holds = |service: &ServiceId| -> Vec<&ItemView> {
        let held = |i: &&&ItemView| i.stances.iter().any(|s| s.service == *service && HELD.contains(&s.state.as_str()));
        travels.iter().filter(held).copied().collect()
    };
    let mut marks = Vec::new();
    let mut way = Vec::new();
    for (i, (stop, country)) in stops.iter().zip(&countries).enumerate() {
        let Some(at) = country.as_deref().and_then(centre) else { continue };
        let before = i.checked_sub(1).and_then(|b| countries[b].as_deref()).zip(country.as_deref());
        if let Some(border) = before.and_then(|(a, b)| between(a, b)) {
            way.push(border);
            marks.push(Mark { at: border, sign: String::new(), label: r.word("border").to_owned(), class: "border" });
        }
        way.push(at);
        let class = if holds(stop).is_empty() { "stop" } else { "holder" };
        marks.push(Mark { at, sign: (i + 1).to_string(), label: r.code(stop).to_uppercase(), class });
    }
    let about = stops.iter().map(|s| r.code(s)).collect::<Vec<_>>().join(" → ");
    let meant: Vec<&str> = countries.iter().flatten().map(String::as_str).collect();
    let legs: Vec<&ItemView> = scene.standing().filter(|i| ends(scene, i).is_some()).collect();
    let (legs, others) = scene.paged(&legs, 0);
    let travelling = &travels[travels.len().saturating_sub(ENTRIES_SHOWN)..];
    scene.section(
        "route",
        html! {
            @if !way.is_empty() { (map(r.word("route"), &about, &meant, &way, &marks)) p.note { (r.word("map-note")) } }
            div.scroll tabindex="0" { table {
                caption { (r.word("route")) }
                thead { tr { th scope="col" { "#" } (scene.heads(&["who", "phase", "holds"])) } }
                tbody { @for (i, stop) in stops.iter().enumerate() { tr {
                    td { (i + 1) }
                    th scope="row" { (scene.service(stop)) @if let Some(c) = &countries[i] { " · " (scene.country(c)) } }
                    td { (scene.root_state(stop)) }
                    td { @for item in holds(stop) { span.held { span.sign aria-hidden="true" { "◉" } " " (scene.kind_label(item)) " " (item.number) } " " } }
                } } }
            } }
            @if !travels.is_empty() { (states(scene, travelling, &stops)) }
            @if !legs.is_empty() { div.scroll tabindex="0" { table {
                caption { (scene.kind_label(legs[0])) }
                thead { tr { (scene.heads(&["from", "to", "when", "who"])) } }
                tbody { @for leg in legs { @if let Some((from, to)) = ends(scene, leg) { tr {
                    td { (from) } td { (to) }
                    td { @if let Some(at) = scene.opened(leg).iter().find_map(super::scene::instant) { (r.moment(&at)) } }
                    td { (scene.service(&leg.opener)) }
                } } } }
            } } (others) }
        },
    )
}

fn states(scene: &Scene<'_>, travels: &[&ItemView], stops: &[&ServiceId]) -> Markup {
    html! { div.scroll tabindex="0" { table {
        caption { (scene.kind_label(travels[0])) }
        thead { tr { (scene.heads(&["what", "phase"])) @for s in stops { th scope="col" { (scene.service(s)) } } } }
        tbody { @for item in travels { tr {
            th scope="row" { (scene.kind_label(item)) " " (item.number) }
            td { (scene.phase(item)) }
            @for stop in stops { td { @if let Some(s) = item.stances.iter().find(|s| s.service == **stop) { (scene.state(item, s)) } } }
        } } }
    } } }
}

fn travels(scene: &Scene<'_>, item: &ItemView, role: &str) -> bool {
    scene.kind(item).and_then(|k| k.stance(role)).is_some_and(|s| HELD.iter().all(|h| s.state(h).is_some()))
}

/// Draws where a leg begins and ends; none for what is no leg.
fn ends(scene: &Scene<'_>, item: &ItemView) -> Option<(Markup, Markup)> {
    let kind = scene.kind(item)?;
    let mut of = kind.fields.iter().filter(|f| f.kind == FieldType::Place && !f.many);
    let (from, to) = (of.next()?, of.next()?);
    let stated = scene.opened(item);
    let drawn = |id: &str| {
        let p = stated.iter().find(|s| s.field.id == id).and_then(place);
        p.map(|p| html! { bdi lang=(p.name.lang.as_str()) { (p.name.text) } @if let Some(c) = &p.country { " (" (c) ")" } }).unwrap_or_default()
    };
    Some((drawn(&from.id), drawn(&to.id)))
}
