//! Values as people read them: codes in the reader's language whatever the writer's, free text with its own language and direction.

use crate::session::Seat;
use crate::when;
use crate::words::{coded, t};
use base::{Handling, ServiceId};
use dossier::{Field, FieldType};
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

/// Names services for people.
pub(crate) type Names = BTreeMap<String, String>;

/// Returns a service's short name; where nobody has told it, the first digits of its id.
pub(crate) fn code(names: &Names, service: &ServiceId) -> String {
    names.get(&service.to_string()).cloned().unwrap_or_else(|| service.short())
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

/// Draws free text in its own language and direction.
pub(crate) fn written(v: &Value) -> Markup {
    let lang = text(&v["lang"]);
    html! { span.said lang=(lang) dir="auto" { (text(&v["text"])) } " " span.quiet lang="" { "[" (lang) "]" } }
}

fn foreign(s: &str) -> Markup {
    html! { bdi { (s) } }
}

/// Finds the fields of a form that have a value; of several with one name, the one whose type the value is of.
fn filled<'a>(form: &'a [Field], values: &'a BTreeMap<String, Value>) -> Vec<(&'a Field, &'a Value)> {
    let mut out: Vec<(&Field, &Value)> = Vec::new();
    for f in form {
        let Some(v) = values.get(&f.id).filter(|_| !out.iter().any(|(o, _)| o.id == f.id)) else { continue };
        out.push((form.iter().find(|o| o.id == f.id && crate::view::fits(o, v)).unwrap_or(f), v));
    }
    out
}

/// Draws the fields of a form with their labels; what the mechanism does not know keeps its name.
pub(crate) fn fields(seat: &Seat, form: &[Field], values: &BTreeMap<String, Value>, names: &Names) -> Markup {
    let known = filled(form, values).into_iter().map(|(f, v)| (f.label.get(seat.lang), Some(f), v));
    let rest = values.iter().filter(|(id, _)| !form.iter().any(|f| f.id == **id)).map(|(id, v)| (id.as_str(), None, v));
    html! {
        dl.fields {
            @for (label, field, v) in known.chain(rest) {
                dt { (label) }
                dd { @match v { Value::Array(all) => { @for one in all { div { (one_value(seat, field, one, names)) } } } one => (one_value(seat, field, one, names)) } }
            }
        }
    }
}

fn one_value(seat: &Seat, field: Option<&Field>, v: &Value, names: &Names) -> Markup {
    let lang = seat.lang;
    let country = |v: &Value| v.as_str().map(|c| coded(lang, "countries", c).to_owned()).unwrap_or_default();
    let name = |v: &Value| names.get(text(v)).cloned().unwrap_or_else(|| text(v).chars().take(8).collect());
    let Some(f) = field else { return foreign(&v.to_string()) };
    match f.kind {
        FieldType::Text => written(v),
        FieldType::Choice => html! { (coded(lang, f.vocabulary.as_deref().unwrap_or_default(), text(v))) },
        FieldType::Date => when::day(seat, text(v)),
        FieldType::Instant => text(v).parse::<base::Instant>().map_or_else(|_| foreign(text(v)), |i| when::lived(seat, &i)),
        FieldType::Length => html! { (length(seat, text(v))) },
        FieldType::Flag => html! { (t(lang, if v == true { "part.yes" } else { "part.no" })) },
        FieldType::Quantity => foreign(&format!("{} {}", text(&v["amount"]), text(&v["unit"]))),
        FieldType::Money => foreign(&format!("{} {}", text(&v["amount"]), text(&v["currency"]))),
        FieldType::Place => html! { (written(&v["name"])) " " (country(&v["country"])) },
        FieldType::Person => html! {
            (written(&v["given"])) " " (written(&v["family"]))
            @if let Some(born) = v["born"].as_str() { " · " (t(lang, "part.born")) " " bdi { (born) } }
            @for n in v["nationalities"].as_array().into_iter().flatten() { " · " (country(n)) }
            " · " (coded(lang, "data-subject-categories", text(&v["category"])))
        },
        FieldType::Document => html! { (foreign(text(&v["kind"]))) " " (foreign(text(&v["number"]))) " " (country(&v["country"])) },
        FieldType::Vehicle => html! {
            @if let Some(plate) = v["plate"].as_str() { (foreign(plate)) " " }
            (country(&v["country"]))
            @if let Some(vin) = v["vin"].as_str() { " VIN " (foreign(vin)) }
            @if v["description"].is_object() { " · " (written(&v["description"])) }
        },
        FieldType::Vessel => html! { (foreign(text(&v["name"]))) @if let Some(imo) = v["imo"].as_str() { " IMO " (foreign(imo)) } " " (country(&v["flag"])) },
        FieldType::Account => html! { (foreign(text(&v["number"]))) @if let Some(i) = v["institution"].as_str() { " · " (foreign(i)) } },
        FieldType::Party => foreign(&name(v)),
        FieldType::Officer => html! { (foreign(text(&v["officer"]))) " · " (foreign(&name(&v["service"]))) },
        FieldType::Exhibit => {
            html! { (foreign(text(&v["name"]))) " " span.quiet { (size(v["size"].as_u64().unwrap_or(0))) " · " bdi { (text(&v["media"])) } } }
        }
        FieldType::Reference | FieldType::Dossier => html! {
            a href=(format!("/dossiers/{}", text(&v["dossier"]))) { code { (text(&v["dossier"]).chars().take(8).collect::<String>()) } }
            @if let Some(r) = v["relation"].as_str() { " · " (coded(lang, "dossier-relations", r)) }
        },
        FieldType::TextHash => html! { bdi { (text(&v["lang"])) } " " code { (text(&v["sha256"])) } },
        FieldType::Evaluation => html! {
            bdi { (text(&v["scale"])) } " " bdi { (text(&v["source"])) (text(&v["information"])) } " · "
            (coded(lang, &format!("source-{}", text(&v["scale"])), text(&v["source"]))) " · "
            (coded(lang, &format!("information-{}", text(&v["scale"])), text(&v["information"])))
        },
        FieldType::Mechanism => html! { (foreign(text(&v["name"]))) " " code { (text(&v["id"]).chars().take(8).collect::<String>()) } },
        FieldType::Clock => html! { (foreign(text(&v["mechanism"]))) " · " (foreign(text(&v["clock"]))) " · " (length(seat, text(&v["length"]))) },
        FieldType::Equivalence => {
            html! { (coded(lang, text(&v["one"]["vocabulary"]), text(&v["one"]["code"]))) " = " (coded(lang, text(&v["other"]["vocabulary"]), text(&v["other"]["code"]))) }
        }
        FieldType::Item | FieldType::Commitment | FieldType::Reveal => html! { code { (text(v).chars().take(16).collect::<String>()) } },
        FieldType::Line | FieldType::Phone => foreign(text(v)),
        FieldType::Number => foreign(&v.to_string()),
    }
}

fn length(seat: &Seat, iso: &str) -> String {
    iso.parse::<base::Length>()
        .map_or_else(|_| iso.to_owned(), |l| crate::view::amount(seat.lang, i64::from(l.days) * 86_400_000 + i64::from(l.minutes) * 60_000))
}

/// Writes a number of bytes.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / 1_048_576),
    }
}

/// Draws what a receiver may do with an act's content.
pub(crate) fn handling(seat: &Seat, h: &Handling) -> Markup {
    let lang = seat.lang;
    html! {
        span.handling {
            @for code in &h.codes { span.tag title=(coded(lang, "handling-codes", code)) { bdi { (code) } " " (coded(lang, "handling-codes", code)) } " " }
            @if let Some(tlp) = &h.tlp { span.tag { (coded(lang, "tlp", tlp)) } " " }
            @if let Some(c) = &h.classification { span.tag { bdi { (c.code) } } " " }
            @if let Some(r) = &h.restriction { span.said lang=(r.lang.as_str()) dir="auto" { (r.text) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labelled;
    use serde_json::json;

    #[test]
    fn of_fields_with_one_name_the_one_is_shown_whose_type_the_value_is_of() {
        let shipped = dossier::shipped();
        let delivery = shipped.iter().find(|m| m.id == "controlled-delivery").unwrap();
        let form = delivery.fields_of(&delivery.root().id);
        let kind = |v: Value| filled(&form, &BTreeMap::from([("reason".to_owned(), v)])).first().map(|(f, _)| f.kind);
        assert_eq!(kind(json!({ "lang": "en", "text": "A judge decides on Monday." })), Some(FieldType::Text), "why a decision is late");
        assert_eq!(kind(json!(["danger-to-persons"])), Some(FieldType::Choice), "why it was stopped");
        assert!(filled(&form, &BTreeMap::from([("unheard-of".to_owned(), json!(1))])).is_empty());
    }
}
