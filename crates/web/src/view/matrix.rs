//! The matrix: where a form has likelihood and impact, who judges what how, with differences shown and dissent kept; else who stands where.

use super::scene::{Scene, Stated};
use base::{ServiceId, Vocabulary};
use dossier::{Field, ItemView};
use maud::{Markup, html};

const LIKELIHOOD: &str = "likelihood-words";
const IMPACT: &str = "impact-levels";
/// Matrices on one page.
const GRIDS_SHOWN: usize = 8;

/// A judgement: who, its codes, and whether it stands against what was opened.
struct Judged {
    who: ServiceId,
    likelihood: String,
    impact: String,
    dissents: bool,
}

pub(super) fn matrix(scene: &Scene<'_>) -> Markup {
    let has = |fields: &[Field]| [LIKELIHOOD, IMPACT].iter().all(|v| fields.iter().any(|f| f.vocabulary.as_deref() == Some(v)));
    let risky = scene.mechanism.items.iter().any(|k| has(&k.fields) || k.moves.iter().any(|m| has(&m.fields)));
    let content = match risky {
        true => {
            let judged: Vec<(&ItemView, Vec<Judged>)> = scene.standing().map(|i| (i, judgements(scene, i))).filter(|(_, j)| !j.is_empty()).collect();
            // The newest first: what is older was judged with less.
            let newest: Vec<_> = judged.iter().rev().collect();
            let (shown, others) = scene.paged_by(&newest, 0, GRIDS_SHOWN);
            html! { @if judged.is_empty() { (scene.nothing()) } @for (item, all) in shown { (grid(scene, item, all)) } (others) }
        }
        false => stances(scene),
    };
    scene.section("matrix", content)
}

fn judgements(scene: &Scene<'_>, item: &ItemView) -> Vec<Judged> {
    let code = |stated: &[Stated<'_>], vocabulary: &str| {
        let found = stated.iter().find(|s| s.field.vocabulary.as_deref() == Some(vocabulary))?;
        found.value.as_str().map(str::to_owned)
    };
    let opened = scene.opened(item);
    let first = code(&opened, LIKELIHOOD).zip(code(&opened, IMPACT));
    let mut out: Vec<Judged> = Vec::new();
    if let Some((likelihood, impact)) = first.clone() {
        out.push(Judged { who: item.opener, likelihood, impact, dissents: false });
    }
    for stance in &item.stances {
        let said = scene.said(item, stance);
        let (likelihood, impact) = (code(&said, LIKELIHOOD), code(&said, IMPACT));
        if likelihood.is_none() && impact.is_none() {
            continue;
        }
        // Who dissents on one of the two leaves the other as it was opened.
        let (l, i) = first.clone().unzip();
        if let Some((likelihood, impact)) = likelihood.or(l).zip(impact.or(i)) {
            out.push(Judged { who: stance.service, likelihood, impact, dissents: first.is_some() });
        }
    }
    out
}

fn grid(scene: &Scene<'_>, item: &ItemView, all: &[Judged]) -> Markup {
    let r = scene.reader;
    let levels = |id: &str| {
        let mut e: Vec<&'static base::Entry> = Vocabulary::get(id).map(|v| v.entries.iter().collect()).unwrap_or_default();
        e.sort_by_key(|e| e.rank);
        e
    };
    let (across, up) = (levels(LIKELIHOOD), levels(IMPACT));
    let place = |list: &[&base::Entry], code: &str| list.iter().position(|e| e.code == code).unwrap_or_default();
    let spread = |list: &[&base::Entry], of: &dyn Fn(&Judged) -> String| {
        let places: Vec<usize> = all.iter().map(|j| place(list, &of(j))).collect();
        (places.iter().min().copied().unwrap_or(0), places.iter().max().copied().unwrap_or(0))
    };
    let (l, i) = (spread(&across, &|j| j.likelihood.clone()), spread(&up, &|j| j.impact.clone()));
    let name = |e: &'static base::Entry| e.label.get(r.lang);
    let range = |list: &[&'static base::Entry], (a, b): (usize, usize)| {
        if a == b { name(list[a]).to_owned() } else { format!("{} – {}", name(list[a]), name(list[b])) }
    };
    html! {
        article.risk {
            h3 { (scene.kind_label(item)) " " (item.number) ": " (scene.name(item)) }
            div.scroll tabindex="0" { table.grid {
                caption { (r.word("impact")) " × " (r.word("likelihood")) }
                thead { tr { td {} @for (n, e) in across.iter().enumerate() { th scope="col" { span.n { (n + 1) } span.long { (name(e)) } } } } }
                tbody { @for (row, e) in up.iter().enumerate().rev() { tr {
                    th scope="row" { (name(e)) }
                    @for (column, _) in across.iter().enumerate() {
                        @let here: Vec<&Judged> = all.iter().filter(|j| place(&across, &j.likelihood) == column && place(&up, &j.impact) == row).collect();
                        td class=(format!("heat{}", (row + 1) * (column + 1) / 6)) {
                            @for j in here { span.who { (scene.service(&j.who)) @if j.dissents { " " abbr title=(r.word("dissent")) { "≠" } } } }
                        }
                    }
                } } }
            } }
            ol.legend { @for e in &across { li { (name(e)) } } }
            @if l.0 != l.1 || i.0 != i.1 { p.apart {
                strong { (r.word("apart")) } " — " (r.word("likelihood")) ": " (range(&across, l)) " · " (r.word("impact")) ": " (range(&up, i))
            } }
            @for j in all.iter().filter(|j| j.dissents) { p.dissent {
                strong { "≠ " (r.word("dissent")) } " — " (scene.service(&j.who)) ": " (name(across[place(&across, &j.likelihood)])) " · "
                (name(up[place(&up, &j.impact)]))
            } }
        }
    }
}

/// Who stands where on every item that has stances.
fn stances(scene: &Scene<'_>) -> Markup {
    let items: Vec<&ItemView> = scene.standing().filter(|i| !i.stances.is_empty()).collect();
    let parties: Vec<&ServiceId> = scene.view.parties.iter().map(|p| &p.service).collect();
    html! { div.scroll tabindex="0" { table.stances {
        thead { tr { (scene.heads(&["what", "phase"])) @for p in &parties { th scope="col" { (scene.service(p)) } } } }
        tbody { @for item in items { tr {
            th scope="row" { (scene.kind_label(item)) " " (item.number) }
            td { (scene.phase(item)) }
            @for p in &parties { td { @match item.stances.iter().find(|s| s.service == **p) { Some(s) => { (scene.state(item, s)) } None => { "–" } } } }
        } } }
    } } }
}
