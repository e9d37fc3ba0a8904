//! A draft of the register beside the texts it was read from: each fact has a number, and the words it rests on bear it.

use crate::session::Seat;
use crate::when;
use crate::words::{coded, t};
use base::Lang;
use maud::{Markup, html};
use node::{EventDraft, PressText};
use std::collections::BTreeMap;

/// Bytes of a text that are shown whole; of a longer one the lines with facts are.
const WHOLE_BYTES_MAX: usize = 6_000;
/// Texts that are shown; the rest is named.
const TEXTS_SHOWN: usize = 12;
/// Facts that bear a number.
const FACTS_MAX: usize = 200;

/// A fact and the words it rests on.
struct Fact<'a> {
    field: &'a str,
    value: &'a str,
    /// Source, first byte, byte after the last.
    spans: Vec<(usize, usize, usize)>,
}

/// The name of a field of a draft.
pub(crate) fn field(lang: Lang, id: &str) -> &str {
    match id {
        "kind" => t(lang, "fact.kind"),
        "date_from" => t(lang, "fact.date_from"),
        "date_to" => t(lang, "fact.date_to"),
        "date_precision" => t(lang, "fact.date_precision"),
        "place" => t(lang, "fact.place"),
        "countries" => t(lang, "fact.countries"),
        "services" => t(lang, "fact.services"),
        "officials" => t(lang, "fact.officials"),
        "threat_areas" => t(lang, "fact.threat_areas"),
        "commitments" => t(lang, "fact.commitments"),
        "considered" => t(lang, "fact.considered"),
        "steps" => t(lang, "fact.steps"),
        "kilograms" => t(lang, "fact.kilograms"),
        "date" => t(lang, "fact.date"),
        other => other,
    }
}

/// The name of a kind of event.
pub(crate) fn kind(lang: Lang, code: &str) -> &str {
    match code {
        "visit" => t(lang, "event.visit"),
        "meeting" => t(lang, "event.meeting"),
        "joint_operation" => t(lang, "event.joint_operation"),
        "shared_information_operation" => t(lang, "event.shared_information_operation"),
        "agreement" => t(lang, "event.agreement"),
        "inauguration" => t(lang, "event.inauguration"),
        "statement" => t(lang, "event.statement"),
        "other" => t(lang, "event.other"),
        code => code,
    }
}

/// The name of an area of threat: that of the crime area where it is one.
pub(crate) fn threat(lang: Lang, code: &str) -> &str {
    match code {
        "violent-extremism" => t(lang, "threat.violent-extremism"),
        "irregular-migration" => t(lang, "threat.irregular-migration"),
        "cybercrime" => t(lang, "threat.cybercrime"),
        "economic-crime" => t(lang, "threat.economic-crime"),
        "firearms-trafficking" => t(lang, "threat.firearms-trafficking"),
        "document-forgery" => t(lang, "threat.document-forgery"),
        "fraud" => t(lang, "threat.fraud"),
        "child-sexual-exploitation" => t(lang, "threat.child-sexual-exploitation"),
        "public-events" => t(lang, "threat.public-events"),
        code => coded(lang, "crime-areas", code),
    }
}

/// A value of a draft as people read it.
fn value(seat: &Seat, id: &str, v: &str) -> Markup {
    let lang = seat.lang;
    match id {
        "kind" => html! { (kind(lang, v)) },
        "date_from" | "date_to" | "date" => html! { (when::day(seat, v)) },
        "date_precision" => html! { (t(lang, "fact.open")) },
        "countries" => html! { (coded(lang, "countries", v)) },
        "threat_areas" => html! { (threat(lang, v)) },
        _ => html! { bdi { (v) } },
    }
}

/// The order in which facts are told.
const ORDER: [&str; 11] =
    ["kind", "date_from", "date_to", "date_precision", "place", "countries", "services", "officials", "threat_areas", "commitments", "considered"];

fn facts(event: &EventDraft) -> Vec<Fact<'_>> {
    let mut out: Vec<Fact<'_>> = Vec::new();
    let known = ORDER.iter().filter_map(|f| event.spans.get_key_value(*f));
    let rest = event.spans.iter().filter(|(f, _)| !ORDER.contains(&f.as_str()));
    for (id, spans) in known.chain(rest) {
        for s in spans {
            // What was promised is told by its sentence; everything else by its value.
            let said = if matches!(id.as_str(), "commitments" | "considered") { s.text.as_str() } else { s.value.as_str() };
            match out.iter().position(|f| f.field == id && f.value == said) {
                Some(at) => out[at].spans.push((s.source, s.start, s.end)),
                None if out.len() < FACTS_MAX => out.push(Fact { field: id, value: said, spans: vec![(s.source, s.start, s.end)] }),
                None => {}
            }
        }
    }
    out
}

/// Draws the facts with their numbers, and what does not fit together.
pub(crate) fn draw_facts(seat: &Seat, event: &EventDraft) -> Markup {
    let lang = seat.lang;
    let all = facts(event);
    let mut by_field: Vec<(&str, Vec<(usize, &Fact<'_>)>)> = Vec::new();
    for (i, fact) in all.iter().enumerate() {
        match by_field.last_mut() {
            Some((id, group)) if *id == fact.field => group.push((i + 1, fact)),
            _ => by_field.push((fact.field, vec![(i + 1, fact)])),
        }
    }
    html! {
        dl.fields.facts {
            @for (id, group) in &by_field {
                dt { (field(lang, id)) }
                dd { @for (n, fact) in group {
                    div #(format!("fact-{n}")) { (value(seat, id, fact.value)) " " a.mark-n href=(format!("#mark-{n}")) aria-label=(format!("{} {n}", t(lang, "draft.words"))) { (n) } }
                } }
            }
        }
        @if !event.disputes.is_empty() {
            h3 { (t(lang, "draft.disputes")) }
            ul { @for d in &event.disputes { li { (field(lang, &d.field)) ": " @for (i, side) in d.sides.iter().enumerate() { @if i > 0 { " / " } (value(seat, &d.field, &side.value)) } } } }
        }
        @if !event.contradictions.is_empty() {
            h3 { (t(lang, "draft.contradictions")) }
            ul { @for c in &event.contradictions { (reason(lang, c)) } }
        }
        @if !event.joined_because.is_empty() {
            details { summary { (t(lang, "draft.joined")) } ul { @for c in &event.joined_because { (reason(lang, c)) } } }
        }
    }
}

/// Draws a sentence of the register; one of another version of the program stays as it was written.
fn reason(lang: base::Lang, said: &str) -> Markup {
    match crate::because::because(lang, said) {
        Some(words) => html! { li { (words) } },
        None => html! { li lang="en" dir="ltr" { (said) } },
    }
}

/// Draws the texts, the words of each fact marked with its number.
pub(crate) fn draw_texts(seat: &Seat, event: &EventDraft, texts: &[PressText]) -> Markup {
    let lang = seat.lang;
    let all = facts(event);
    let mut first: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (i, fact) in all.iter().enumerate() {
        if let Some((source, start, _)) = fact.spans.first() {
            first.insert(i + 1, (*source, *start));
        }
    }
    html! {
        @for (at, text) in texts.iter().enumerate().take(TEXTS_SHOWN) {
            section.sheet {
                h2 { (t(lang, "draft.text")) " " (at + 1) " · " bdi { (text.path) } }
                div.press dir="auto" { (marked(&text.body, &spans_of(&all, at), &|n| first.get(&n).filter(|(s, _)| *s == at).map(|(_, b)| *b))) }
            }
        }
        @if texts.len() > TEXTS_SHOWN { ul { @for text in &texts[TEXTS_SHOWN..] { li { bdi { (text.path) } } } } }
    }
}

/// Spans of one text: number of the fact, first byte, byte after the last.
fn spans_of(all: &[Fact<'_>], source: usize) -> Vec<(usize, usize, usize)> {
    let each = all.iter().enumerate().flat_map(|(i, f)| f.spans.iter().map(move |(s, start, end)| (i + 1, *s, *start, *end)));
    each.filter(|(_, s, _, _)| *s == source).map(|(n, _, start, end)| (n, start, end)).collect()
}

/// Draws one text; `anchor` tells where a fact's first words are, so that its number can lead there.
fn marked(body: &str, spans: &[(usize, usize, usize)], anchor: &dyn Fn(usize) -> Option<usize>) -> Markup {
    let fits = |(_, start, end): &&(usize, usize, usize)| start < end && body.get(*start..*end).is_some();
    let spans: Vec<(usize, usize, usize)> = spans.iter().filter(fits).copied().collect();
    let mut lines = Vec::new();
    let mut start = 0;
    for line in body.split_inclusive('\n') {
        lines.push((start, start + line.len()));
        start += line.len();
    }
    let told = |(from, to): (usize, usize)| body.len() <= WHOLE_BYTES_MAX || spans.iter().any(|(_, s, e)| *s < to && from < *e);
    html! {
        @for (i, (from, to)) in lines.iter().enumerate() {
            @if told((*from, *to)) {
                @let cuts = cuts(*from, *to, &spans);
                p { @for w in cuts.windows(2) { (piece(body, w[0], w[1], &spans, anchor)) } }
            } @else if i == 0 || told(lines[i - 1]) { p.quiet { "[…]" } }
        }
    }
}

/// Places of a line at which a span begins or ends, the line's own ends with them.
fn cuts(from: usize, to: usize, spans: &[(usize, usize, usize)]) -> Vec<usize> {
    let mut all: Vec<usize> = spans.iter().flat_map(|(_, s, e)| [*s, *e]).filter(|at| from < *at && *at < to).chain([from, to]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn piece(body: &str, from: usize, to: usize, spans: &[(usize, usize, usize)], anchor: &dyn Fn(usize) -> Option<usize>) -> Markup {
    let words = body[from..to].trim_end_matches('\n');
    let over = spans.iter().any(|(_, s, e)| *s <= from && to <= *e);
    let mut ends: Vec<usize> = spans.iter().filter(|(_, _, e)| *e == to).map(|(n, _, _)| *n).collect();
    ends.dedup();
    let begins = spans.iter().filter(|(n, s, _)| *s == from && anchor(*n) == Some(from)).map(|(n, _, _)| *n);
    html! {
        @for n in begins { span #(format!("mark-{n}")) {} }
        @if over { mark { (words) } } @else { (words) }
        @if over { @for n in ends { a.mark-n href=(format!("#fact-{n}")) aria-label=(n) { (n) } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(body: &str, spans: &[(usize, usize, usize)]) -> String {
        let words = marked(body, spans, &|n| spans.iter().find(|s| s.0 == n).map(|s| s.1)).into_string();
        words.replace(" class=\"mark-n\"", "")
    }

    #[test]
    fn words_bear_the_numbers_of_their_facts_also_where_they_overlap() {
        let found = drawn("a bc d", &[(1, 2, 4), (2, 3, 6)]);
        let link = |n: u8| format!("<a href=\"#fact-{n}\" aria-label=\"{n}\">{n}</a>");
        let wanted =
            format!("<p>a <span id=\"mark-1\"></span><mark>b</mark><span id=\"mark-2\"></span><mark>c</mark>{}<mark> d</mark>{}</p>", link(1), link(2));
        assert_eq!(found, wanted);
        assert_eq!(drawn("é<b>", &[(1, 1, 2), (2, 0, 9)]), "<p>é&lt;b&gt;</p>", "bytes that are no characters mark nothing");
    }

    #[test]
    fn of_a_long_text_the_lines_with_facts_are_told() {
        let filler = "x".repeat(WHOLE_BYTES_MAX);
        let body = format!("one\ntwo\n{filler}\nfour");
        let found = drawn(&body, &[(1, 4, 7)]);
        assert_eq!(found.matches("[…]").count(), 2);
        assert!(found.contains("<mark>two</mark>") && !found.contains("one") && !found.contains("four") && !found.contains('x'.to_string().repeat(9).as_str()));
    }
}
