//! Forms drawn from a mechanism's typed fields, and what was typed read back into the plain form that the node takes.
//!
//! An input is named `field:index:part`. 1 `draw` shows every field with as many rows as were filled, 2 `read` joins the parts of each row;
//! a row in which nothing was typed is left out. Whether a value is right is the node's word alone.

use crate::country;
use crate::desk::Desk;
use crate::layout::notice;
use crate::session::Seat;
use crate::words::{apart, t};
use base::{Lang, ServiceId, Vocabulary};
use dossier::{Field, FieldType};
use jiff::civil;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows that one field may show.
const ROWS_MAX: usize = 200;
const CLASSIFICATIONS: [&str; 7] =
    ["classification-ma", "classification-fr", "classification-es", "classification-de", "classification-pt", "classification-eu", "classification-nato"];

/// What was typed: names and values as the browser sent them.
pub(crate) type Typed = Vec<(String, String)>;

/// What fields may point at.
#[derive(Debug, Default, Clone)]
pub(crate) struct Choices {
    /// Parties: service and short name.
    pub parties: Vec<(ServiceId, String)>,
    /// Our officers.
    pub officers: Vec<String>,
    /// Our service.
    pub me: Option<ServiceId>,
    /// Exhibits that are here: plain form and name.
    pub exhibits: Vec<(Value, String)>,
    /// Mechanisms: name, hash, label.
    pub mechanisms: Vec<(String, String, String)>,
    /// Dossiers: id and title.
    pub dossiers: Vec<(String, String)>,
    /// Items of this dossier: id, kind, opener, label.
    pub items: Vec<(String, String, ServiceId, String)>,
}

/// One input of a field.
enum Part {
    Line(&'static str, &'static str),
    Area(&'static str),
    Of(&'static str, &'static str, Vec<(String, String)>),
    Typed(&'static str, &'static str, &'static str),
    Country,
}

/// The part of a field that is a country.
const COUNTRY: &str = "country";

/// What was typed and cannot be read: the field, and what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unread<'a> {
    /// The field's id.
    pub field: &'a str,
    /// What was typed.
    pub typed: &'a str,
}

fn value<'a>(typed: &'a Typed, name: &str) -> &'a str {
    typed.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
}

fn of_vocabulary(lang: Lang, id: &str) -> Vec<(String, String)> {
    Vocabulary::get(id).into_iter().flat_map(|v| &v.entries).map(|e| (e.code.clone(), e.label.get(lang).to_owned())).collect()
}

fn languages(lang: Lang) -> Vec<(String, String)> {
    of_vocabulary(lang, "working-languages")
}

fn parts(lang: Lang, f: &Field, c: &Choices) -> Vec<Part> {
    use Part::{Area, Country, Line, Of, Typed};
    let written_in = || Of("lang", "part.language", languages(lang));
    match f.kind {
        FieldType::Text => vec![Area("text"), written_in()],
        FieldType::Line | FieldType::Commitment | FieldType::Reveal => vec![Line("v", "")],
        FieldType::Phone => vec![Typed("v", "", "tel")],
        FieldType::Choice => vec![Of("v", "", of_vocabulary(lang, f.vocabulary.as_deref().unwrap_or_default()))],
        FieldType::Date => vec![Typed("v", "", "date")],
        FieldType::Instant => vec![Typed("v", "", "datetime-local"), Line("zone", "part.zone")],
        FieldType::Length => vec![Typed("days", "part.days", "number"), Typed("hours", "part.hours", "number")],
        FieldType::Number => vec![Typed("v", "", "number")],
        FieldType::Flag => vec![Of("v", "", vec![("yes".to_owned(), t(lang, "part.yes").to_owned()), ("no".to_owned(), t(lang, "part.no").to_owned())])],
        FieldType::Quantity => vec![Line("amount", "part.amount"), Line("unit", "part.unit")],
        FieldType::Money => vec![Line("amount", "part.amount"), Of("currency", "part.currency", of_vocabulary(lang, "currencies"))],
        FieldType::Place => vec![Line("name", "part.name"), written_in(), Country],
        FieldType::Person => vec![
            Line("given", "part.given"),
            Line("family", "part.family"),
            written_in(),
            Line("born", "part.born"),
            Country,
            Of("category", "part.category", of_vocabulary(lang, "data-subject-categories")),
        ],
        FieldType::Document => vec![Line("kind", "part.kind"), Line("number", "part.number"), Country],
        FieldType::Vehicle => vec![Line("plate", "part.plate"), Country, Line("vin", "part.vin"), Line("text", "part.description"), written_in()],
        FieldType::Vessel => vec![Line("name", "part.name"), Line("imo", "part.imo"), Country],
        FieldType::Account => vec![Line("number", "part.number"), Line("institution", "part.institution")],
        FieldType::Party => vec![Of("v", "", c.parties.iter().map(|(id, code)| (id.to_string(), code.clone())).collect())],
        FieldType::Officer => vec![Of("v", "", c.officers.iter().map(|o| (o.clone(), apart(o))).collect())],
        FieldType::Exhibit => vec![Of("v", "", c.exhibits.iter().map(|(v, name)| (v.to_string(), name.clone())).collect())],
        FieldType::Reference => vec![Of("v", "", c.dossiers.clone())],
        FieldType::Dossier => vec![Of("v", "", c.dossiers.clone()), Of("relation", "part.relation", of_vocabulary(lang, "dossier-relations"))],
        FieldType::TextHash => vec![written_in(), Line("sha256", "part.sha256")],
        FieldType::Evaluation => {
            let grades = |part: &str| {
                let of = |scale: &str| of_vocabulary(lang, &format!("{part}-{scale}"));
                let named = |scale: &'static str| of(scale).into_iter().map(move |(c, l)| (format!("{scale}/{c}"), format!("{scale} {c}: {l}")));
                named("4x4").chain(named("6x6")).collect::<Vec<_>>()
            };
            vec![Of("source", "part.source", grades("source")), Of("information", "part.information", grades("information"))]
        }
        FieldType::Mechanism => {
            let form = |(name, hash, label): &(String, String, String)| (format!("{name} {hash}"), label.clone());
            vec![Of("v", "", c.mechanisms.iter().map(form).collect())]
        }
        FieldType::Clock => vec![
            Of("mechanism", "part.mechanism", c.mechanisms.iter().map(|(name, _, label)| (name.clone(), label.clone())).collect()),
            Line("clock", "part.clock"),
            Typed("days", "part.days", "number"),
            Typed("hours", "part.hours", "number"),
        ],
        FieldType::Equivalence => {
            let levels: Vec<(String, String)> =
                CLASSIFICATIONS.iter().flat_map(|v| of_vocabulary(lang, v).into_iter().map(move |(code, label)| (format!("{v}/{code}"), label))).collect();
            vec![Of("one", "part.level", levels.clone()), Of("other", "part.level", levels)]
        }
        FieldType::Item => {
            let fits = |i: &&(String, String, ServiceId, String)| (f.of.is_empty() || f.of.contains(&i.1)) && (!f.own || Some(i.2) == c.me);
            vec![Of("v", "", c.items.iter().filter(fits).map(|i| (i.0.clone(), i.3.clone())).collect())]
        }
    }
}

/// Returns how many rows of a field are shown.
fn rows(f: &Field, typed: &Typed) -> usize {
    if !f.many {
        return 1;
    }
    let prefix = format!("{}:", f.id);
    let filled = typed.iter().filter(|(_, v)| !v.is_empty()).filter_map(|(n, _)| n.strip_prefix(&prefix)?.split(':').next()?.parse::<usize>().ok()).max();
    let more = usize::from(typed.iter().any(|(n, v)| n == "more" && *v == f.id));
    (filled.map_or(0, |n| n.saturating_add(1)) + more).clamp(1, ROWS_MAX)
}

/// Draws the inputs of a form.
pub(crate) fn draw(seat: &Seat, fields: &[Field], typed: &Typed, choices: &Choices, wrong: Option<&str>) -> Markup {
    let lang = seat.lang;
    let has_country = fields.iter().any(|f| parts(lang, f, choices).iter().any(|p| matches!(p, Part::Country)));
    html! {
        @if has_country { (country::list(lang)) }
        @for f in fields {
            @let is_list = f.many && f.kind == FieldType::Choice;
            fieldset.field.wrong[wrong == Some(f.id.as_str())] id=(format!("field-{}", f.id)) {
                legend { (f.label.get(lang)) @if f.required { " " span.quiet { "(" (t(lang, "form.required")) ")" } } }
                @if let Some(hint) = &f.hint { p.quiet { (hint.get(lang)) } }
                @if is_list {
                    @for (code, label) in of_vocabulary(lang, f.vocabulary.as_deref().unwrap_or_default()) {
                        @let on = typed.iter().any(|(n, v)| *n == format!("{}:all:v", f.id) && *v == code);
                        label.check { input type="checkbox" name=(format!("{}:all:v", f.id)) value=(code) checked[on]; span { (label) } }
                    }
                } @else {
                    @for row in 0..rows(f, typed) { (draw_row(seat, f, row, typed, choices)) }
                    @if f.many { button.plain name="more" value=(f.id) formnovalidate { "+ " (t(lang, "form.more")) } }
                }
            }
        }
    }
}

fn draw_row(seat: &Seat, f: &Field, row: usize, typed: &Typed, choices: &Choices) -> Markup {
    let lang = seat.lang;
    let label = |key: &str| match key {
        "" => f.label.get(lang).to_owned(),
        key => crate::words::t(lang, key).to_owned(),
    };
    let all = parts(lang, f, choices);
    let alone = all.len() == 1;
    html! {
        div.parts { @for part in all {
            @let (id, key) = match &part { Part::Line(id, key) | Part::Of(id, key, _) | Part::Typed(id, key, _) => (*id, *key), Part::Area(id) => (*id, ""), Part::Country => (COUNTRY, "part.country") };
            @let name = format!("{}:{row}:{id}", f.id);
            @let had = value(typed, &name);
            @let need = f.required && row == 0;
            label.part.wide[alone || matches!(part, Part::Area(_))] {
                span hidden[key.is_empty() && row == 0] { (label(key)) @if row > 0 { " " (row + 1) } }
                @match part {
                    Part::Line(..) => {
                        @let had = if id == "zone" && had.is_empty() { seat.zone.as_str() } else { had };
                        input type="text" name=(name) value=(had) dir="auto" aria-label=(label(key)) required[need && key.is_empty()];
                    }
                    Part::Area(_) => { textarea name=(name) dir="auto" aria-label=(label(key)) required[need] { (had) } }
                    Part::Typed(_, _, kind) => { input type=(kind) name=(name) value=(had) min=[(kind == "number" && !key.is_empty()).then_some("0")] aria-label=(label(key)) required[need && key.is_empty()]; }
                    Part::Country => (country::input(lang, &name, &label(key), had)),
                    Part::Of(_, _, options) => {
                        @let had = if id == "lang" && had.is_empty() { lang.code() } else { had };
                        select name=(name) aria-label=(label(key)) required[need && key.is_empty()] {
                            @if id != "lang" { option value="" { (t(lang, "form.none")) } }
                            @for (code, text) in &options { option value=(code) selected[had == code] { (text) } }
                        }
                    }
                }
            }
        } }
    }
}

/// Reads a form; a row in which nothing was typed is left out.
pub(crate) fn read(fields: &[Field], typed: &Typed, me: Option<ServiceId>) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for f in fields {
        if f.many && f.kind == FieldType::Choice {
            let name = format!("{}:all:v", f.id);
            let codes: Vec<&str> = typed.iter().filter(|(n, v)| *n == name && !v.is_empty()).map(|(_, v)| v.as_str()).collect();
            if !codes.is_empty() {
                out.insert(f.id.clone(), json!(codes));
            }
            continue;
        }
        let mut values = (0..rows(f, typed)).filter_map(|row| {
            let get = |part: &str| value(typed, &format!("{}:{row}:{part}", f.id)).trim().to_owned();
            join(f.kind, &get, me)
        });
        if f.many {
            let all: Vec<Value> = values.collect();
            if !all.is_empty() {
                out.insert(f.id.clone(), Value::Array(all));
            }
        } else if let Some(one) = values.next() {
            out.insert(f.id.clone(), one);
        }
    }
    out
}

/// Finds what was typed for a country and names none.
pub(crate) fn unread<'a>(fields: &'a [Field], typed: &'a Typed) -> Option<Unread<'a>> {
    let mut countries = typed.iter().filter(|(n, v)| n.ends_with(":country") && !v.trim().is_empty() && country::read(v).is_none());
    countries.find_map(|(n, v)| Some(Unread { field: fields.iter().find(|f| n.split(':').next() == Some(f.id.as_str()))?.id.as_str(), typed: v }))
}

/// Says what cannot be read, with a link to where it stands.
pub(crate) fn said(desk: &Desk, seat: &Seat, fields: &[Field], wrong: Unread<'_>) -> Markup {
    let label = fields.iter().find(|f| f.id == wrong.field).map_or(wrong.field, |f| f.label.get(seat.lang));
    html! {
        (notice(seat.lang, country::UNKNOWN, desk, ""))
        p { a href=(format!("#field-{}", wrong.field)) { (label) } ": " bdi { (wrong.typed) } }
    }
}

/// Joins the parts of one row; what cannot be joined is handed on as it was typed, for the node to refuse.
fn join(kind: FieldType, get: &dyn Fn(&str) -> String, me: Option<ServiceId>) -> Option<Value> {
    let some = |part: &str| Some(get(part)).filter(|v| !v.is_empty());
    let words = |part: &str| json!({ "lang": some("lang").unwrap_or_else(|| "en".to_owned()), "text": get(part) });
    let length = || {
        let (days, hours) = (get("days"), get("hours"));
        let time = if hours.is_empty() { String::new() } else { format!("T{hours}H") };
        (!days.is_empty() || !hours.is_empty()).then(|| json!(if days.is_empty() { format!("P{time}") } else { format!("P{days}D{time}") }))
    };
    let any = |parts: &[&str]| parts.iter().any(|p| !get(p).is_empty());
    let land = || some(COUNTRY).map(|typed| country::read(&typed).map_or(typed, str::to_owned));
    match kind {
        FieldType::Text => any(&["text"]).then(|| words("text")),
        FieldType::Line | FieldType::Phone | FieldType::Choice | FieldType::Date | FieldType::Party | FieldType::Item => some("v").map(Value::from),
        FieldType::Commitment | FieldType::Reveal => some("v").map(Value::from),
        FieldType::Instant => some("v").map(|v| moment(&v, &get("zone")).unwrap_or(v).into()),
        FieldType::Length => length(),
        FieldType::Number => some("v").map(|v| v.parse::<i64>().map_or_else(|_| Value::from(v), Value::from)),
        FieldType::Flag => some("v").map(|v| Value::Bool(v == "yes")),
        FieldType::Quantity => any(&["amount", "unit"]).then(|| json!({ "amount": get("amount"), "unit": get("unit") })),
        FieldType::Money => any(&["amount", "currency"]).then(|| json!({ "amount": get("amount"), "currency": get("currency") })),
        FieldType::Place => any(&["name"]).then(|| json!({ "name": words("name"), "country": land() })),
        FieldType::Person => any(&["given", "family"]).then(|| {
            json!({ "given": words("given"), "family": words("family"), "born": some("born"), "nationalities": land().map(|c| vec![c]), "category": get("category"), "aliases": null })
        }),
        FieldType::Document => any(&["kind", "number"]).then(|| json!({ "kind": get("kind"), "number": get("number"), "country": land() })),
        FieldType::Vehicle => any(&["plate", "vin", "text"]).then(|| {
            json!({ "plate": some("plate"), "country": land(), "vin": some("vin"), "description": some("text").map(|_| words("text")) })
        }),
        FieldType::Vessel => any(&["name", "imo"]).then(|| json!({ "name": get("name"), "imo": some("imo"), "flag": land() })),
        FieldType::Account => any(&["number"]).then(|| json!({ "number": get("number"), "institution": some("institution") })),
        FieldType::Officer => some("v").map(|v| json!({ "service": me, "officer": v })),
        FieldType::Exhibit => some("v").map(|v| serde_json::from_str(&v).unwrap_or(Value::String(v))),
        FieldType::Reference => some("v").map(|v| json!({ "dossier": v, "item": null })),
        FieldType::Dossier => some("v").map(|v| json!({ "dossier": v, "relation": get("relation") })),
        FieldType::TextHash => some("sha256").map(|h| json!({ "lang": get("lang"), "sha256": h })),
        FieldType::Evaluation => {
            let (source, information) = (get("source"), get("information"));
            let (scale, grade) = source.split_once('/').unwrap_or_default();
            let told = information.split_once('/').filter(|(other, _)| *other == scale).map_or(information.as_str(), |(_, g)| g);
            any(&["source", "information"]).then(|| json!({ "scale": scale, "source": grade, "information": told }))
        }
        FieldType::Mechanism => some("v").map(|v| {
            let (name, id) = v.split_once(' ').unwrap_or_default();
            json!({ "name": name, "id": id })
        }),
        FieldType::Clock => any(&["mechanism", "clock"]).then(|| json!({ "mechanism": get("mechanism"), "clock": get("clock"), "length": length() })),
        FieldType::Equivalence => any(&["one", "other"]).then(|| {
            let level = |part: &str| {
                let v = get(part);
                let (vocabulary, code) = v.split_once('/').unwrap_or_default();
                json!({ "vocabulary": vocabulary, "code": code })
            };
            json!({ "one": level("one"), "other": level("other") })
        }),
    }
}

/// Joins a local time and a zone into a moment (RFC 9557).
fn moment(local: &str, zone: &str) -> Option<String> {
    let tz = if zone == "UTC" { TimeZone::UTC } else { TimeZone::get(zone).ok()? };
    Some(local.parse::<civil::DateTime>().ok()?.to_zoned(tz).ok()?.to_string())
}

/// Draws what receivers may do with the content.
pub(crate) fn draw_handling(seat: &Seat, typed: &Typed) -> Markup {
    let lang = seat.lang;
    let select = |name: &str, label: &str, options: Vec<(String, String)>| {
        html! { label.part { span { (label) } select name=(name) { option value="" { (t(lang, "form.none")) } @for (code, text) in &options { option value=(code) selected[value(typed, name) == code] { (text) } } } } }
    };
    let levels = CLASSIFICATIONS.iter().flat_map(|v| of_vocabulary(lang, v).into_iter().map(move |(c, l)| (format!("{v}/{c}"), l))).collect();
    html! {
        fieldset.field {
            legend { (t(lang, "handling.title")) }
            @for (code, label) in of_vocabulary(lang, "handling-codes") {
                @let on = typed.iter().any(|(n, v)| n == "handling" && *v == code);
                label.check { input type="checkbox" name="handling" value=(code) checked[on]; span { bdi { (code) } " " (label) } }
            }
            label.part { span { (t(lang, "handling.restriction")) } input type="text" name="restriction" dir="auto" value=(value(typed, "restriction")); }
            (select("tlp", "TLP", of_vocabulary(lang, "tlp")))
            (select("classification", t(lang, "handling.classification"), levels))
        }
    }
}

/// Reads what receivers may do with the content.
pub(crate) fn read_handling(typed: &Typed, lang: Lang) -> base::Handling {
    let mut codes: Vec<String> = typed.iter().filter(|(n, _)| n == "handling").map(|(_, v)| v.clone()).collect();
    codes.sort();
    codes.dedup();
    let some = |name: &str| Some(value(typed, name).trim()).filter(|v| !v.is_empty());
    base::Handling {
        codes,
        restriction: some("restriction").map(|r| base::Text::new(lang, r)),
        tlp: some("tlp").map(str::to_owned),
        classification: some("classification").and_then(|c| c.split_once('/')).map(|(v, c)| base::Coded::new(v, c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field of every shipped mechanism whose value is not chosen among what a node holds: what is typed is what the field takes.
    #[test]
    fn what_is_typed_is_what_the_fields_take() {
        let me: ServiceId = base::Digest::of(b"me").into();
        let mut read_fields = 0;
        for m in dossier::shipped() {
            let forms = m.items.iter().flat_map(|k| std::iter::once(&k.fields).chain(k.moves.iter().map(|mv| &mv.fields)));
            for f in forms.flatten() {
                let typed = fill_in(f, me);
                let plain = read(std::slice::from_ref(f), &typed, Some(me));
                let v = plain.get(&f.id).unwrap_or_else(|| panic!("{}: {} was left out", m.id, f.id));
                let value = f.read(v).unwrap_or_else(|e| panic!("{}: {}: {v}: {e}", m.id, f.id));
                f.check(&value).unwrap_or_else(|e| panic!("{}: {}: {v}: {e}", m.id, f.id));
                assert!(read(std::slice::from_ref(f), &Vec::new(), Some(me)).is_empty(), "{}: nothing typed, nothing said", f.id);
                read_fields += 1;
            }
        }
        assert!(read_fields > 200, "{read_fields}");
    }

    #[test]
    fn a_country_that_nobody_knows_is_found_where_it_stands() {
        let m = dossier::shipped().iter().find(|m| m.id == "controlled-delivery").unwrap();
        let fields = &m.root().fields;
        let typed = |country: &str| {
            vec![
                ("vehicles:0:plate".to_owned(), "1234 BCD".to_owned()),
                ("vehicles:0:country".to_owned(), country.to_owned()),
                ("x:0:country".to_owned(), "?".to_owned()),
            ]
        };
        let vehicles = |country: &str| read(fields, &typed(country), None)["vehicles"][0]["country"].clone();
        for known in ["ES", "es", "Espagne", "إسبانيا"] {
            assert_eq!((unread(fields, &typed(known)), vehicles(known)), (None, json!("ES")), "{known}");
        }
        assert_eq!((unread(fields, &typed(" ")), vehicles("")), (None, Value::Null), "none is no fault");
        assert_eq!(unread(fields, &typed("Atlantis")), Some(Unread { field: "vehicles", typed: "Atlantis" }));
    }

    fn fill_in(f: &Field, me: ServiceId) -> Typed {
        let digest = base::Digest::of(b"x").to_string();
        let choices = Choices {
            parties: vec![(me, "ma".to_owned())],
            officers: vec!["o".to_owned()],
            me: Some(me),
            exhibits: vec![(json!({ "id": digest, "name": "a.pdf", "size": 1, "media": "application/pdf" }), "a.pdf".to_owned())],
            mechanisms: vec![("accord".to_owned(), digest.clone(), "Accord".to_owned())],
            dossiers: vec![(digest.clone(), "D".to_owned())],
            items: f.of.iter().map(|k| k.as_str()).chain(["any"]).map(|k| (digest.clone(), k.to_owned(), me, "I".to_owned())).collect(),
        };
        if f.many && f.kind == FieldType::Choice {
            return vec![(format!("{}:all:v", f.id), of_vocabulary(Lang::En, f.vocabulary.as_deref().unwrap())[0].0.clone())];
        }
        let typed = |part: &Part| match part {
            Part::Area(id) => (*id, "words".to_owned()),
            Part::Of(id, _, options) => (*id, options.first().unwrap_or_else(|| panic!("{} offers nothing", f.id)).0.clone()),
            Part::Typed(id, _, kind) => (
                *id,
                match *kind {
                    "date" => "2026-11-26",
                    "datetime-local" => "2026-11-26T08:30",
                    "tel" => "+212600000001",
                    _ => "3",
                }
                .to_owned(),
            ),
            Part::Country => (COUNTRY, "Espagne".to_owned()),
            Part::Line(id, _) => {
                let text = match *id {
                    "zone" => "Africa/Casablanca",
                    "amount" => "12.5",
                    "born" => "1980",
                    "sha256" => &digest,
                    "v" if matches!(f.kind, FieldType::Commitment | FieldType::Reveal) => &digest,
                    _ => "line",
                };
                (*id, text.to_owned())
            }
        };
        parts(Lang::En, f, &choices).iter().map(typed).map(|(id, v)| (format!("{}:0:{id}", f.id), v)).collect()
    }
}
