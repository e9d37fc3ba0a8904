//! Seventeen communiqués that we wrote, in five languages, against the labels of a careful reader.

use crate::{assert_spans_hold, read_folder};
use entente_register::EventDraft;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    event: Vec<Label>,
    silent: Vec<SilentLabel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SilentLabel {
    source: String,
    code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    sources: Vec<String>,
    languages: Vec<String>,
    kind: String,
    date_from: Option<String>,
    date_to: Option<String>,
    date_precision: String,
    place: Option<String>,
    countries: Vec<String>,
    services: Vec<String>,
    officials: Option<Vec<String>>,
    threat_areas: Option<Vec<String>>,
    commitments: Option<Vec<String>>,
    considered: Option<Vec<String>>,
    contradictions: usize,
}

fn check(label: &Label, event: &EventDraft) {
    let at = &label.sources[0];
    assert_eq!(event.languages, label.languages, "{at}");
    assert_eq!(event.kind.code(), label.kind, "{at}");
    assert_eq!(event.date_from.map(|date| date.to_string()), label.date_from, "{at}");
    assert_eq!(event.date_to.map(|date| date.to_string()), label.date_to, "{at}");
    assert_eq!(format!("{:?}", event.date_precision).to_lowercase(), label.date_precision, "{at}");
    if label.place.is_some() {
        assert_eq!(event.place, label.place, "{at}");
    }
    assert_eq!(event.countries, label.countries, "{at}");
    assert_eq!(event.services, label.services, "{at}");
    if let Some(names) = &label.officials {
        let found: Vec<&String> = event.officials.iter().filter_map(|official| official.name.as_ref()).collect();
        assert_eq!(found, names.iter().collect::<Vec<_>>(), "{at}: {:?}", event.officials);
    }
    if let Some(threats) = &label.threat_areas {
        assert_eq!(&event.threat_areas, threats, "{at}");
    }
    for (labelled, points) in [(&label.commitments, &event.commitments), (&label.considered, &event.considered)] {
        if let Some(topics) = labelled {
            let found: BTreeSet<&str> = points.iter().map(|point| point.topic.as_deref().unwrap_or("-")).collect();
            assert_eq!(found, topics.iter().map(String::as_str).collect::<BTreeSet<_>>(), "{at}");
        }
    }
    assert_eq!(event.contradictions.len(), label.contradictions, "{at}: {:?}", event.contradictions);
    assert_eq!(event.joined_because.len(), label.sources.len() - 1, "{at}: {:?}", event.joined_because);
}

#[test]
fn our_texts_read_as_labelled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts");
    let index: Index = toml::from_str(&std::fs::read_to_string(folder.join("index.toml")).unwrap()).unwrap();
    let (files, reading) = read_folder(&folder);
    let labelled: usize = index.event.iter().map(|label| label.sources.len()).sum::<usize>() + index.silent.len();
    assert_eq!(files.len(), labelled, "every text is labelled");
    let groups: Vec<&Vec<String>> = reading.events.iter().map(|event| &event.sources).collect();
    assert_eq!(groups, index.event.iter().map(|label| &label.sources).collect::<Vec<_>>());
    for (label, event) in index.event.iter().zip(&reading.events) {
        check(label, event);
        assert_spans_hold(&files, event);
    }
    let silent: Vec<(&str, &str)> = reading.silent.iter().map(|silent| (silent.source.as_str(), silent.reason.code())).collect();
    assert_eq!(silent, index.silent.iter().map(|label| (label.source.as_str(), label.code.as_str())).collect::<Vec<_>>());
}

#[test]
fn each_text_alone_says_no_other_day() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts");
    let index: Index = toml::from_str(&std::fs::read_to_string(folder.join("index.toml")).unwrap()).unwrap();
    let (files, _) = read_folder(&folder);
    for (path, body) in &files {
        let reading = entente_register::draft(&[entente_register::Text { path, body }]);
        for event in &reading.events {
            let label = index.event.iter().find(|label| label.sources.contains(path)).expect("labelled");
            let day = event.date_from.map(|date| date.to_string());
            assert!(day.is_none() || day == label.date_from, "{path}: wrong is worse than open, {day:?}");
            assert_spans_hold(&files, event);
        }
    }
}

#[test]
fn a_draft_survives_json() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts");
    let (_, reading) = read_folder(&folder);
    let keys = [
        "commitments",
        "considered",
        "contradictions",
        "countries",
        "date_from",
        "date_precision",
        "date_to",
        "disputes",
        "form",
        "joined_because",
        "kind",
        "languages",
        "officials",
        "place",
        "services",
        "sources",
        "spans",
        "steps",
        "threat_areas",
    ];
    for event in &reading.events {
        let line = serde_json::to_string(event).unwrap();
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let mut found: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys);
        assert_eq!(&serde_json::from_str::<EventDraft>(&line).unwrap(), event);
    }
    assert!(serde_json::from_str::<EventDraft>("{\"sources\":[]}").is_err());
}
