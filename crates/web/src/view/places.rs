//! The map: every place that the dossier names, marked by its country, and written out beside it.

use super::atlas::{Mark, centre, map};
use super::scene::{Scene, Stated, place};
use dossier::Place;
use maud::{Markup, html};
use std::collections::BTreeMap;

pub(super) fn places(scene: &Scene<'_>) -> Markup {
    let r = scene.reader;
    let mut by_country: BTreeMap<Option<String>, Vec<(Stated<'_>, Place)>> = BTreeMap::new();
    for stated in scene.standing().flat_map(|i| scene.stated(i)) {
        if let Some(p) = place(&stated) {
            by_country.entry(p.country.clone()).or_default().push((stated, p));
        }
    }
    if by_country.is_empty() {
        return scene.section("map", scene.nothing());
    }
    let mut marks = Vec::new();
    for (country, all) in &by_country {
        if let Some((code, at)) = country.as_deref().and_then(|c| Some((c, centre(c)?))) {
            marks.push(Mark { at, sign: all.len().to_string(), label: scene.country(code).to_owned(), class: "pin" });
        }
    }
    let meant: Vec<&str> = by_country.keys().flatten().map(String::as_str).collect();
    let about = marks.iter().map(|m| format!("{}: {}", m.label, m.sign)).collect::<Vec<_>>().join(", ");
    scene.section(
        "map",
        html! {
            @if !marks.is_empty() { (map(r.word("map"), &about, &meant, &[], &marks)) p.note { (r.word("map-note")) } }
            div.scroll tabindex="0" { table {
                caption { (r.word("as-table")) }
                thead { tr { (scene.heads(&["where", "what", "who"])) } }
                @for (country, all) in &by_country { tbody {
                    tr { th.group scope="rowgroup" colspan="3" { (country.as_deref().map_or(r.word("no-country"), |c| scene.country(c))) } }
                    @for (s, p) in all { tr {
                        td { bdi lang=(p.name.lang.as_str()) { (p.name.text) } }
                        td { (scene.kind_label(s.item)) " · " (scene.label(&s.field.label)) }
                        td { (scene.service(&s.by)) }
                    } }
                } }
            } }
        },
    )
}
