//! Forms on the command line: what was typed becomes the JSON that the mechanism's field types ask for.
//!
//! 1 `--fields-file`, `--field`, `--field-file` and `--field-json` are gathered in this order, 2 each value is read by its field's
//! type, 3 a field that holds several takes all that was given for it, any other just one.

use super::trouble::Trouble;
use base::{Coded, Date, Digest, DossierId, Handling, Instant, ItemId, Length, ServiceId, Tag, Text, Vocabulary};
use dossier::FieldType;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A field of a form, as the node describes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldForm {
    /// Its name within the form.
    pub id: String,
    /// What it holds.
    #[serde(rename = "type", deserialize_with = "field_type")]
    pub kind: FieldType,
    /// The vocabulary that a choice draws from.
    #[serde(default)]
    pub vocabulary: Option<String>,
    /// Whether the form may be sent without it.
    #[serde(default)]
    pub required: bool,
    /// Whether it holds several values.
    #[serde(default)]
    pub many: bool,
}

/// What was typed for a form.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FieldArgs {
    /// A field: ID=VALUE, or ID@LANG=TEXT for words; repeat it for a field that holds several
    #[arg(long = "field", value_name = "ID[@LANG]=VALUE")]
    pub typed: Vec<String>,
    /// A field out of a file: its text, or the SHA-256 of its bytes where the field holds a text's hash
    #[arg(long = "field-file", value_name = "ID@LANG=FILE")]
    pub files: Vec<String>,
    /// A field as JSON, for what one line cannot say: persons, places, vehicles…
    #[arg(long = "field-json", value_name = "ID=JSON")]
    pub plain: Vec<String>,
    /// A file with one JSON object of fields
    #[arg(long, value_name = "FILE")]
    pub fields_file: Option<PathBuf>,
}

impl FieldArgs {
    /// Tells whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.typed.is_empty() && self.files.is_empty() && self.plain.is_empty() && self.fields_file.is_none()
    }

    /// Reads what was typed by a form; `party` resolves a card's code.
    ///
    /// Only what the form cannot hold is refused here; whether it is complete is for the node to say.
    pub fn read(&self, form: &[FieldForm], party: &dyn Fn(&str) -> Option<ServiceId>) -> Result<Map<String, Value>, Trouble> {
        let mut out = Gathered { form, fields: Map::new() };
        if let Some(path) = &self.fields_file {
            let parsed: Result<Map<String, Value>, _> = serde_json::from_str(&read_text(path)?);
            let object = parsed.map_err(|e| wrong(format!("{} does not hold one JSON object of fields: {e}", path.display())))?;
            object.into_iter().try_for_each(|(id, value)| out.put_json(&id, value))?;
        }
        for typed in &self.typed {
            let (id, lang, value) = take_apart(typed)?;
            let field = out.field(id)?;
            out.put(id, value_of(field, lang, value, party)?)?;
        }
        for typed in &self.files {
            let (id, lang, path) = take_apart(typed)?;
            let field = out.field(id)?;
            out.put(id, file_of(field, lang, Path::new(path))?)?;
        }
        for typed in &self.plain {
            let (id, value) = typed.split_once('=').ok_or_else(|| wrong(format!("'{typed}' is not ID=JSON")))?;
            let value = serde_json::from_str(value).map_err(|e| wrong(format!("field '{id}': what follows '=' is not JSON: {e}")))?;
            out.put_json(id, value)?;
        }
        Ok(out.fields)
    }
}

/// What receivers may do with it.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct HandlingArgs {
    /// Handling codes, several with commas: H0,H1,H2,H3
    #[arg(long = "handling", value_name = "CODES", default_value = "H0", value_delimiter = ',')]
    pub codes: Vec<String>,
    /// Traffic Light Protocol 2.0: RED, AMBER+STRICT, AMBER, GREEN or CLEAR
    #[arg(long, value_name = "TLP")]
    pub tlp: Option<String>,
    /// Classification with its scheme, for example classification-es:RESERVADO
    #[arg(long, value_name = "SCHEME:LEVEL")]
    pub classification: Option<String>,
    /// The restriction that H3 announces: LANG=TEXT
    #[arg(long, value_name = "LANG=TEXT")]
    pub restriction: Option<String>,
}

impl HandlingArgs {
    /// Reads and checks the handling.
    pub fn read(&self) -> Result<Handling, Trouble> {
        let mut codes: Vec<String> = self.codes.iter().map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
        codes.sort();
        codes.dedup();
        let handling = Handling {
            codes,
            restriction: self.restriction.as_deref().map(lang_text).transpose()?,
            tlp: self.tlp.clone(),
            classification: self.classification.as_deref().map(coded).transpose()?,
        };
        handling.check().map_err(|e| Trouble::refused(e.code(), e.to_string()))?;
        Ok(handling)
    }
}

/// Reads `LANG=TEXT`.
pub fn lang_text(typed: &str) -> Result<Text, Trouble> {
    let (lang, text) = typed.split_once('=').ok_or_else(|| wrong(format!("'{typed}' is not LANG=TEXT, for example fr=\"Bureau de liaison\"")))?;
    words(lang, text)
}

/// Reads `SCHEME:CODE`.
pub fn coded(typed: &str) -> Result<Coded, Trouble> {
    let (vocabulary, code) = typed.split_once(':').ok_or_else(|| wrong(format!("'{typed}' is not SCHEME:LEVEL, for example classification-es:RESERVADO")))?;
    Ok(Coded::new(vocabulary, code))
}

/// Reads a file as UTF-8.
pub fn read_text(path: &Path) -> Result<String, Trouble> {
    let bytes = std::fs::read(path).map_err(|e| Trouble::unreadable(path, e))?;
    String::from_utf8(bytes).map_err(|e| Trouble::unreadable(path, format!("it is not UTF-8 (byte {})", e.utf8_error().valid_up_to())))
}

struct Gathered<'a> {
    form: &'a [FieldForm],
    fields: Map<String, Value>,
}

impl<'a> Gathered<'a> {
    fn field(&self, id: &str) -> Result<&'a FieldForm, Trouble> {
        let names = || self.form.iter().map(|f| f.id.as_str()).collect::<Vec<_>>().join(", ");
        let unknown = || {
            Trouble::refused(
                "refusal.field.unknown",
                format!("the form has no field '{id}'; it has {}", if self.form.is_empty() { "none".to_owned() } else { names() }),
            )
        };
        self.form.iter().find(|f| f.id == id).ok_or_else(unknown)
    }

    fn put(&mut self, id: &str, value: Value) -> Result<(), Trouble> {
        if self.field(id)?.many {
            let list = self.fields.entry(id).or_insert_with(|| json!([]));
            list.as_array_mut().expect("a field of several values is a list").push(value);
        } else if self.fields.insert(id.to_owned(), value).is_some() {
            return Err(wrong(format!("field '{id}' holds one value; more than one was given")));
        }
        Ok(())
    }

    fn put_json(&mut self, id: &str, value: Value) -> Result<(), Trouble> {
        match value {
            Value::Array(values) if self.field(id)?.many => values.into_iter().try_for_each(|v| self.put(id, v)),
            one => self.put(id, one),
        }
    }
}

/// Takes `ID[@LANG]=VALUE` apart.
fn take_apart(typed: &str) -> Result<(&str, Option<&str>, &str), Trouble> {
    let (name, value) = typed.split_once('=').ok_or_else(|| wrong(format!("'{typed}' is not ID=VALUE or ID@LANG=TEXT")))?;
    Ok(match name.split_once('@') {
        Some((id, lang)) => (id, Some(lang), value),
        None => (name, None, value),
    })
}

fn value_of(field: &FieldForm, lang: Option<&str>, typed: &str, party: &dyn Fn(&str) -> Option<ServiceId>) -> Result<Value, Trouble> {
    let id = &field.id;
    let bad = |why: &dyn std::fmt::Display| wrong(format!("field '{id}': {why}"));
    if lang.is_some() && !matches!(field.kind, FieldType::Text | FieldType::TextHash) {
        return Err(bad(&format!("it has no language; write --field {id}=…")));
    }
    match field.kind {
        FieldType::Text => {
            let lang = lang.ok_or_else(|| bad(&format!("words name their language; write --field {id}@fr=\"…\"")))?;
            Ok(json!(words(lang, typed)?))
        }
        FieldType::TextHash => {
            let lang = lang.ok_or_else(|| bad(&format!("a text's hash names the language; write --field {id}@fr=<SHA-256>, or --field-file {id}@fr=FILE")))?;
            let digest: Digest = typed.parse().map_err(|e| bad(&e))?;
            Ok(json!({ "lang": tag(lang)?, "sha256": digest }))
        }
        FieldType::Line | FieldType::Phone => Ok(json!(typed)),
        FieldType::Choice => choice(field, typed),
        FieldType::Date => typed.parse::<Date>().map(|d| json!(d)).map_err(|e| bad(&e)),
        FieldType::Instant => typed.parse::<Instant>().map(|i| json!(i)).map_err(|e| bad(&e)),
        FieldType::Length => typed.parse::<Length>().map(|l| json!(l)).map_err(|e| bad(&e)),
        FieldType::Number => typed.parse::<i64>().map(|n| json!(n)).map_err(|_| bad(&format!("'{typed}' is not a whole number"))),
        FieldType::Flag => match typed {
            "true" | "yes" => Ok(json!(true)),
            "false" | "no" => Ok(json!(false)),
            _ => Err(bad(&format!("'{typed}' is neither true nor false"))),
        },
        FieldType::Party => match typed.parse::<ServiceId>().ok().or_else(|| party(typed)) {
            Some(service) => Ok(json!(service)),
            None => Err(bad(&format!("'{typed}' is no service that is known here; see entente partners"))),
        },
        FieldType::Reference => {
            let (dossier, item) = typed.split_once('/').map_or((typed, None), |(d, i)| (d, Some(i)));
            let dossier: DossierId = dossier.parse().map_err(|e| bad(&e))?;
            let item: Option<ItemId> = item.map(str::parse).transpose().map_err(|e| bad(&e))?;
            Ok(json!({ "dossier": dossier, "item": item }))
        }
        FieldType::Item => typed.parse::<ItemId>().map(|i| json!(i)).map_err(|e| bad(&e)),
        FieldType::Commitment | FieldType::Reveal => typed.parse::<Digest>().map(|d| json!(d)).map_err(|e| bad(&e)),
        FieldType::Dossier => {
            let (relation, dossier) = typed.split_once(':').ok_or_else(|| bad(&"write relation and dossier, for example sub-group:<id>"))?;
            let dossier: DossierId = dossier.parse().map_err(|e| bad(&e))?;
            Ok(json!({ "dossier": dossier, "relation": relation }))
        }
        FieldType::Quantity => amount(typed, "unit").ok_or_else(|| bad(&"write amount and unit, for example \"3.5 kg\"")),
        FieldType::Money => amount(typed, "currency").ok_or_else(|| bad(&"write amount and ISO 4217 code, for example \"1200 EUR\"")),
        other => Err(bad(&format!("a value of this kind is given as JSON: --field-json {id}='{}'", example(other)))),
    }
}

fn file_of(field: &FieldForm, lang: Option<&str>, path: &Path) -> Result<Value, Trouble> {
    let id = &field.id;
    let lang = lang.ok_or_else(|| wrong(format!("field '{id}': name the language of the file, --field-file {id}@fr=FILE")))?;
    match field.kind {
        FieldType::Text => Ok(json!(words(lang, &read_text(path)?)?)),
        FieldType::TextHash => {
            // The hash is over the exact bytes, and those must be a text all the same.
            let text = read_text(path)?;
            Ok(json!({ "lang": tag(lang)?, "sha256": Digest::of(text.as_bytes()) }))
        }
        _ => Err(wrong(format!("field '{id}' holds neither a text nor a text's hash; use --field or --field-json"))),
    }
}

fn choice(field: &FieldForm, code: &str) -> Result<Value, Trouble> {
    let vocabulary = field.vocabulary.as_deref().and_then(Vocabulary::get);
    match vocabulary {
        Some(v) if v.entry(code).is_none() => {
            let known: Vec<&str> = v.entries.iter().map(|e| e.code.as_str()).collect();
            Err(wrong(format!("field '{}': '{code}' is not a code of {}; it has {}", field.id, v.id, known.join(", "))))
        }
        _ => Ok(json!(code)),
    }
}

fn amount(typed: &str, unit: &str) -> Option<Value> {
    let (amount, name) = typed.trim().split_once(' ')?;
    Some(json!({ "amount": amount, unit: name.trim() }))
}

fn words(lang: &str, text: &str) -> Result<Text, Trouble> {
    Ok(Text { lang: tag(lang)?, text: text.to_owned() })
}

fn tag(lang: &str) -> Result<Tag, Trouble> {
    lang.parse().map_err(|e: String| Trouble::refused("refusal.field.language", e))
}

fn wrong(why: String) -> Trouble {
    Trouble::refused("refusal.field.wrong", why)
}

/// Reads a type's name as mechanism files write it (`text-hash`) or as programs do (`TextHash`).
fn field_type<'de, D: serde::Deserializer<'de>>(d: D) -> Result<FieldType, D::Error> {
    let mut kebab = String::new();
    for c in String::deserialize(d)?.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    FieldType::deserialize(serde::de::value::StringDeserializer::new(kebab))
}

/// Returns what a value of a type looks like, for the text that asks for one.
fn example(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Place => r#"{"name":{"lang":"fr","text":"Rabat"},"country":"MA"}"#,
        FieldType::Person => r#"{"given":{"lang":"fr","text":"…"},"family":{"lang":"fr","text":"…"},"category":"suspect"}"#,
        FieldType::Document => r#"{"kind":"passport","number":"…","country":"MA"}"#,
        FieldType::Vehicle => r#"{"plate":"…","country":"ES"}"#,
        FieldType::Vessel => r#"{"name":"…","flag":"PT"}"#,
        FieldType::Account => r#"{"number":"…"}"#,
        FieldType::Officer => r#"{"service":"<id>","officer":"…"}"#,
        FieldType::Exhibit => r#"{"id":"<SHA-256>","name":"…","size":0,"media":"application/pdf"}"#,
        FieldType::Evaluation => r#"{"scale":"4x4","source":"B","information":"2"}"#,
        FieldType::Mechanism => r#"{"name":"…","id":"<hash>"}"#,
        FieldType::Clock => r#"{"mechanism":"…","clock":"item/clock","length":"PT8H"}"#,
        FieldType::Equivalence => r#"{"one":{"vocabulary":"…","code":"…"},"other":{"vocabulary":"…","code":"…"}}"#,
        _ => "…",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Vec<FieldForm> {
        let field = |id: &str, kind: FieldType, many: bool| FieldForm { id: id.to_owned(), kind, vocabulary: None, required: false, many };
        let mut form = vec![
            field("reference", FieldType::Line, false),
            field("question", FieldType::Text, true),
            field("urgency", FieldType::Choice, false),
            field("day", FieldType::Date, false),
            field("delay", FieldType::Length, false),
            field("count", FieldType::Number, false),
            field("court", FieldType::Flag, false),
            field("to", FieldType::Party, false),
            field("phones", FieldType::Phone, true),
            field("persons", FieldType::Person, true),
            field("hashes", FieldType::TextHash, true),
            field("at", FieldType::Instant, false),
            field("value", FieldType::Money, false),
            field("supersedes", FieldType::Reference, false),
        ];
        form[2].vocabulary = Some("urgency".to_owned());
        form
    }

    fn read(typed: &[&str]) -> Result<Map<String, Value>, Trouble> {
        let args = FieldArgs { typed: typed.iter().map(|t| t.to_string()).collect(), ..FieldArgs::default() };
        args.read(&form(), &|code| (code == "es").then(|| ServiceId::from(Digest::of(b"es"))))
    }

    fn picture(typed: &[&str]) -> String {
        match read(typed) {
            Ok(fields) => Value::Object(fields).to_string(),
            Err(e) => format!("{}: {}", e.code(), e.what()),
        }
    }

    #[test]
    fn values_become_the_json_of_their_type() {
        assert_eq!(picture(&["reference=DGSN/7=b", "count=-3"]), r#"{"count":-3,"reference":"DGSN/7=b"}"#);
        assert_eq!(picture(&["question@fr=Qui ?", "question@ar=من؟"]), r#"{"question":[{"lang":"fr","text":"Qui ?"},{"lang":"ar","text":"من؟"}]}"#);
        assert_eq!(picture(&["urgency=urgent-direct", "day=2028-01-01", "delay=8h"]), r#"{"day":"2028-01-01","delay":"PT8H","urgency":"urgent-direct"}"#);
        assert_eq!(
            picture(&["court=yes", "phones=+212500000000", "value=1200 EUR"]),
            r#"{"court":true,"phones":["+212500000000"],"value":{"amount":"1200","currency":"EUR"}}"#
        );
        assert_eq!(picture(&["at=2025-01-28T09:00:00+01:00[Europe/Madrid]"]), r#"{"at":"2025-01-28T09:00:00+01:00[Europe/Madrid]"}"#);
        let es = ServiceId::from(Digest::of(b"es"));
        assert_eq!(picture(&["to=es"]), format!(r#"{{"to":"{es}"}}"#));
        assert_eq!(picture(&[&format!("supersedes={es}")]), format!(r#"{{"supersedes":{{"dossier":"{es}","item":null}}}}"#));
        assert_eq!(picture(&[&format!("supersedes={es}/{es}")]), format!(r#"{{"supersedes":{{"dossier":"{es}","item":"{es}"}}}}"#));
        assert_eq!(picture(&[&format!("to={es}")]), format!(r#"{{"to":"{es}"}}"#));
    }

    #[test]
    fn what_the_form_cannot_hold_is_refused_with_what_to_write() {
        for (typed, said) in [
            ("colour=red", "refusal.field.unknown: the form has no field 'colour'; it has reference, question"),
            ("reference", "refusal.field.wrong: 'reference' is not ID=VALUE"),
            ("question=Qui ?", "refusal.field.wrong: field 'question': words name their language; write --field question@fr="),
            ("reference@fr=x", "refusal.field.wrong: field 'reference': it has no language"),
            ("question@fr_FR=x", "refusal.field.language: 'fr_FR' is not a language tag"),
            ("urgency=now", "refusal.field.wrong: field 'urgency': 'now' is not a code of urgency; it has ordinary, urgent-indirect, urgent-direct"),
            ("day=01/02/2028", "refusal.field.wrong: field 'day': '01/02/2028' is not a date"),
            ("delay=3w", "refusal.field.wrong: field 'delay': '3w' is not a length of time"),
            ("count=3.5", "refusal.field.wrong: field 'count': '3.5' is not a whole number"),
            ("court=maybe", "refusal.field.wrong: field 'court': 'maybe' is neither true nor false"),
            ("to=xx", "refusal.field.wrong: field 'to': 'xx' is no service that is known here"),
            ("at=2025-01-28T09:00", "refusal.field.wrong: field 'at': '2025-01-28T09:00' is not an instant with its zone"),
            ("persons=Juan", "refusal.field.wrong: field 'persons': a value of this kind is given as JSON: --field-json persons="),
        ] {
            let found = picture(&[typed]);
            assert!(found.starts_with(said), "{typed}: {found}");
        }
        assert_eq!(picture(&["count=1", "count=2"]), "refusal.field.wrong: field 'count' holds one value; more than one was given");
    }

    #[test]
    fn files_and_json_fill_the_same_form() {
        let dir = tempfile::tempdir().unwrap();
        let (object, text) = (dir.path().join("f.json"), dir.path().join("c.txt"));
        std::fs::write(&object, r#"{"phones":["+34900000000"],"count":4}"#).unwrap();
        std::fs::write(&text, "abc").unwrap();
        let args = FieldArgs {
            typed: vec!["phones=+34911111111".to_owned()],
            files: vec![format!("hashes@fr={}", text.display()), format!("question@fr={}", text.display())],
            plain: vec![r#"persons={"category":"suspect"}"#.to_owned()],
            fields_file: Some(object),
        };
        let fields = args.read(&form(), &|_| None).unwrap();
        assert_eq!(fields["phones"], json!(["+34900000000", "+34911111111"]));
        assert_eq!(fields["persons"], json!([{ "category": "suspect" }]), "one value of a field of several is a list of one");
        // FIPS 180-4, one-block message.
        assert_eq!(fields["hashes"], json!([{ "lang": "fr", "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" }]));
        assert_eq!(fields["question"], json!([{ "lang": "fr", "text": "abc" }]));
        std::fs::write(&text, b"ab\xff").unwrap();
        let e = args.read(&form(), &|_| None).unwrap_err();
        assert!(e.what().contains("c.txt") && e.what().contains("byte 2"), "{}", e.what());
    }

    #[test]
    fn handling_is_checked_before_it_leaves() {
        let args = |codes: &str| HandlingArgs { codes: codes.split(',').map(str::to_owned).collect(), ..HandlingArgs::default() };
        assert_eq!(args("H2,H0,H2").read().unwrap().codes, ["H0", "H2"]);
        assert_eq!(args("H9").read().unwrap_err().code(), "refusal.handling.malformed");
        assert_eq!(args("H3").read().unwrap_err().code(), "refusal.handling.malformed");
        let h3 = HandlingArgs {
            restriction: Some("fr=Accord préalable.".to_owned()),
            classification: Some("classification-es:RESERVADO".to_owned()),
            tlp: Some("AMBER".to_owned()),
            ..args("H3")
        };
        assert_eq!(h3.read().unwrap().classification.unwrap().code, "RESERVADO");
        assert!(HandlingArgs { classification: Some("RESERVADO".to_owned()), ..args("H0") }.read().unwrap_err().what().contains("SCHEME:LEVEL"));
    }
}
