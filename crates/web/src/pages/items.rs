//! The items of a dossier: the root and those that matter most on its own page, all of them by pages.

use super::dossier::{Shown, head, look};
use crate::access::{Pages, READ};
use crate::desk::Desk;
use crate::labels::Labelled;
use crate::layout::{Live, page};
use crate::session::Seat;
use crate::show;
use crate::words::{fill, many, role, t};
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use dossier::{ItemView, Mechanism, MoveView};
use maud::{Markup, html};
use serde::Deserialize;

/// Items besides the root on the dossier's own page.
const MOST_IMPORTANT: usize = 6;
/// Items on one page of all.
const ITEMS_SHOWN: usize = 20;
/// Buttons for moves beside a view.
const TODO_SHOWN: usize = 8;
/// Buttons for new items that stand open.
const ADDS_UNFOLDED: usize = 3;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/dossiers/{id}/items", READ, items)
}

/// Which part of a long list is shown.
#[derive(Deserialize)]
pub(super) struct Skip {
    /// How many of the newest are left out.
    #[serde(default)]
    pub skip: usize,
}

async fn items(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>, Query(q): Query<Skip>) -> Response {
    match look(&desk, &seat, (&id, "/items"), |_, _| Ok(())).await {
        Ok((s, ())) => {
            let all: Vec<&ItemView> = s.view.items.iter().skip(1).collect();
            let end = all.len().saturating_sub(q.skip);
            let shown = &all[end.saturating_sub(ITEMS_SHOWN)..end];
            let main = html! {
                (head(&seat, &s, "/items"))
                h2 { (many(seat.lang, "items.all", all.len())) }
                @for i in shown.iter().rev() { (item(&seat, &s, i, false)) }
                (pages_of(&seat, &s.at("/items"), q.skip, ITEMS_SHOWN, all.len()))
            };
            page(&seat, &s.title, Live::Told, main).into_response()
        }
        Err(answer) => *answer,
    }
}

/// Links to the newer and the older part of a list.
pub(super) fn pages_of(seat: &Seat, path: &str, skip: usize, length: usize, all: usize) -> Markup {
    html! {
        div.row.noprint {
            @if skip > 0 { a.button href=(format!("{path}?skip={}", skip.saturating_sub(length))) { (t(seat.lang, "timeline.newer")) } }
            @if skip + length < all { a.button href=(format!("{path}?skip={}", skip + length)) { (t(seat.lang, "timeline.older")) } }
        }
    }
}

/// The root, and of the others those on which we can move, else the newest; in the order of time.
pub(super) fn most_important(seat: &Seat, s: &Shown) -> Markup {
    let Some((root, others)) = s.view.items.split_first() else { return html! {} };
    let mut ranked: Vec<(usize, &ItemView)> = others.iter().enumerate().collect();
    ranked.sort_by_key(|(at, i)| (!i.moves.iter().any(|m| m.possible), !i.superseded_by.is_empty(), std::cmp::Reverse(*at)));
    ranked.truncate(MOST_IMPORTANT);
    ranked.sort_by_key(|(at, _)| *at);
    html! {
        (item(seat, s, root, true))
        @for (_, i) in &ranked { (item(seat, s, i, false)) }
        @if ranked.len() < others.len() { p { a.button href=(s.at("/items")) { (many(seat.lang, "items.all", others.len())) } } }
    }
}

/// What is ours to do now beside a view: moves and new items of the kinds that it concerns.
pub(super) fn todo(seat: &Seat, s: &Shown, concerns: impl Fn(&Mechanism, &str) -> bool) -> Markup {
    let (lang, m) = (seat.lang, &s.mechanism);
    if !crate::access::ACT.lets(&seat.officer.roles) {
        return html! {};
    }
    let mut all: Vec<(Rank, String, String)> = Vec::new();
    for i in &s.view.items {
        let to = |what: &str| s.at(&format!("/items/{}/{what}", i.id));
        let of = if i.parent.is_none() { String::new() } else { format!(" · {} {}", m.kind_label(&i.kind, lang), i.number) };
        for kind in i.may_open.iter().filter(|k| concerns(m, k)) {
            all.push((Rank::Adds, to(&format!("new/{kind}")), format!("+ {}", m.kind_label(kind, lang))));
        }
        for mv in i.moves.iter().filter(|mv| mv.possible && concerns(m, &i.kind)) {
            let declared = m.move_of(&i.kind, s.role(&s.me), &mv.name);
            let label = declared.map_or(mv.name.as_str(), |d| d.label.get(lang));
            all.push((rank(declared), to(&format!("moves/{}", mv.name)), format!("{label}{of}")));
        }
    }
    let of = |wanted: Rank| all.iter().filter(move |(rank, ..)| *rank == wanted);
    let onwards = of(Rank::Onwards).count();
    let more = onwards.saturating_sub(TODO_SHOWN) + of(Rank::Grave).count().saturating_sub(TODO_SHOWN);
    html! {
        div.row.noprint {
            @for (_, to, words) in of(Rank::Onwards).take(TODO_SHOWN) { a.button.main[onwards == 1] href=(to) { (words) } }
            (adds(lang, of(Rank::Adds).map(|(_, to, words)| (to.clone(), words.clone())).collect()))
            @for (_, to, words) in of(Rank::Grave).take(TODO_SHOWN) { a.button.grave href=(to) { (words) } }
            @if more > 0 { a href=(s.at("")) { (many(lang, "items.more-to-do", more)) } }
        }
    }
}

/// One item: its content, everybody's stance, what is ours to do.
pub(super) fn item(seat: &Seat, s: &Shown, i: &ItemView, root: bool) -> Markup {
    let lang = seat.lang;
    let m = &s.mechanism;
    let my_role = s.role(&s.me);
    let to = |what: &str| s.at(&format!("/items/{}/{what}", i.id));
    let heading = html! { (m.kind_label(&i.kind, lang)) @if !root { " " (i.number) " · " bdi { (s.name(&i.opener)) } } };
    let form = m.kind(&i.kind).map(|k| k.fields.as_slice()).unwrap_or_default();
    let may_act = crate::access::ACT.lets(&seat.officer.roles);
    let (possible, barred): (Vec<_>, Vec<_>) = i.moves.iter().partition(|mv| mv.possible);
    let declared = |mv: &MoveView| m.move_of(&i.kind, my_role, &mv.name);
    let label = |mv: &MoveView| declared(mv).map_or(mv.name.clone(), |d| d.label.get(lang).to_owned());
    let of = |wanted: Rank| possible.iter().filter(move |mv| rank(declared(mv)) == wanted);
    let onwards = of(Rank::Onwards).count();
    html! {
        section.sheet id=(format!("item-{}", i.id.short())) {
            @if root { h2 { (heading) } } @else { h3 { (heading) } }
            @if !root && !i.phase.is_empty() { p { span.tag { (m.phase_label(&i.kind, &i.phase, lang)) } } }
            @if !i.superseded_by.is_empty() { p.soon { (t(lang, "item.superseded")) } }
            @if may_act && (!possible.is_empty() || !i.may_open.is_empty()) {
                div.row.noprint {
                    @for mv in of(Rank::Onwards) { a.button.main[onwards == 1] href=(to(&format!("moves/{}", mv.name))) { (label(mv)) } }
                    (adds(lang, i.may_open.iter().map(|kind| (to(&format!("new/{kind}")), format!("+ {}", m.kind_label(kind, lang)))).collect()))
                    @for mv in of(Rank::Grave) { a.button.grave href=(to(&format!("moves/{}", mv.name))) { (label(mv)) } }
                }
            }
            @if may_act && !barred.is_empty() {
                details.noprint { summary { (many(lang, "item.not-now", barred.len())) }
                    ul { @for mv in barred { @let declared = m.move_of(&i.kind, my_role, &mv.name);
                        li { (declared.map_or(mv.name.as_str(), |d| d.label.get(lang))) ": " (why_not(seat, declared, mv.why_not)) } } } }
            }
            (show::fields(seat, form, &i.fields, &s.names))
            @if !i.stances.is_empty() {
                table.board {
                    thead { tr { th scope="col" { (t(lang, "board.party")) } th scope="col" { (t(lang, "board.stands")) } th scope="col" { (t(lang, "board.said")) } } }
                    tbody { @for st in &i.stances {
                        @let party_role = s.role(&st.service);
                        tr {
                            th scope="row" { bdi { (s.name(&st.service)) } " " span.quiet { (m.role_label(party_role, lang)) } }
                            td { (m.state_label(&i.kind, party_role, &st.state, lang)) @if let Some(p) = &st.phase { br; span.quiet { (m.phase_label(&i.kind, p, lang)) } } }
                            td { @if !st.said.is_empty() { (show::fields(seat, &m.fields_of(&i.kind), &st.said, &s.names)) } }
                        } } }
                }
            }
        }
    }
}

/// Buttons for what can be added; many of them are folded, so that what one does next is seen among them.
fn adds(lang: base::Lang, all: Vec<(String, String)>) -> Markup {
    let buttons = html! { @for (to, words) in &all { a.button href=(to) { (words) } } };
    match all.len() {
        0..=ADDS_UNFOLDED => buttons,
        _ => html! { details.adds { summary.button { "+ " (t(lang, "item.add")) " \u{25be}" } div.row { (buttons) } } },
    }
}

/// How what is ours to do is ranked before the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// It goes on with the matter; where it is the only one, it is what one does next.
    Onwards,
    /// It adds something.
    Adds,
    /// It refuses, stops or withdraws: the mechanism asks for its ground.
    Grave,
}

fn rank(m: Option<&dossier::Move>) -> Rank {
    let ground = |v: &str| v.contains("-grounds-") || v.contains("-reasons-");
    match m.is_some_and(|m| m.fields.iter().any(|f| f.vocabulary.as_deref().is_some_and(ground))) {
        true => Rank::Grave,
        false => Rank::Onwards,
    }
}

/// Says why a move is not possible: the mechanism's own words where it has some.
fn why_not(seat: &Seat, declared: Option<&dossier::Move>, code: Option<&str>) -> String {
    let lang = seat.lang;
    match (code, declared) {
        (Some("refusal.act.officer-role"), Some(d)) => {
            let roles: Vec<&str> = d.officer.iter().map(|r| role(lang, *r)).collect();
            fill(lang, "item.other-role", &[("roles", &roles.join(", "))])
        }
        (_, Some(d)) if d.why_not.is_some() => d.why_not.as_ref().map(|w| w.get(lang).to_owned()).unwrap_or_default(),
        _ => t(lang, "item.not-in-phase").to_owned(),
    }
}
