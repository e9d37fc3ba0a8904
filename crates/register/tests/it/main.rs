//! The whole reading: our own communiqués against their labels, the seeds if they are here, hostile input, speed.

mod hostile;
mod joining;
mod own;
mod picture;
mod press;
mod seeds;

use entente_register::{EventDraft, Reading, Text, draft};
use std::path::Path;

/// Reads the text files of a folder in the order of their names; sources are the bare file names.
fn read_folder(folder: &Path) -> (Vec<(String, String)>, Reading) {
    let mut files: Vec<(String, String)> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path).expect("UTF-8")));
        }
    }
    files.sort();
    let reading = draft(&files.iter().map(|(path, body)| Text { path, body }).collect::<Vec<_>>());
    (files, reading)
}

/// Every span must quote its text exactly, and every value that stands in a field must have words behind it.
fn assert_spans_hold(files: &[(String, String)], event: &EventDraft) {
    for (field, spans) in &event.spans {
        for span in spans {
            let path = &event.sources[span.source];
            let body = &files.iter().find(|(name, _)| name == path).expect("a source").1;
            assert_eq!(body.get(span.start..span.end), Some(span.text.as_str()), "{field} in {path}");
        }
    }
    let backed = |field: &str, value: &str| event.spans.get(field).is_some_and(|spans| spans.iter().any(|span| span.value == value));
    for (field, values) in [("countries", &event.countries), ("services", &event.services), ("threat_areas", &event.threat_areas)] {
        assert!(values.iter().all(|value| backed(field, value)), "{field}");
    }
    assert!(backed("kind", event.kind.code()));
    assert!(event.place.iter().all(|place| backed("place", place)));
    assert!(event.date_from.iter().all(|date| backed("date_from", &date.to_string())));
    let points = [("commitments", &event.commitments), ("considered", &event.considered)];
    for (field, points) in points {
        assert!(points.iter().all(|point| backed(field, point.topic.as_deref().unwrap_or_default())), "{field}");
    }
}
