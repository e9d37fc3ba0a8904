//! Our own press: 160 texts of 48 events in five languages, in the manner of agencies, dailies, ministries and aggregators; all invented.
//!
//! The development half was read while the rules were made; the held-out half was written before any of them and only measured.

use entente_register::{Quality, Text, draft, labels, quality};
use std::path::Path;

fn measure(half: &str) -> Quality {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/press").join(half);
    let labels = labels(&std::fs::read_to_string(folder.join("index.tsv")).unwrap()).unwrap();
    let bodies: Vec<String> = labels.iter().map(|label| std::fs::read_to_string(folder.join(&label.file)).unwrap()).collect();
    let on_disk = std::fs::read_dir(&folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ext| ext == "txt")).count();
    assert_eq!(on_disk, labels.len(), "every text is labelled");
    let texts: Vec<Text> = labels.iter().zip(&bodies).map(|(label, body)| Text { path: &label.file, body }).collect();
    let reading = draft(&texts);
    let mut turned: Vec<Text> = texts.clone();
    turned.reverse();
    let sets = |reading: &entente_register::Reading| {
        let mut all: Vec<Vec<String>> = reading.events.iter().map(|event| event.sources.clone()).collect();
        all.iter_mut().for_each(|set| set.sort());
        all.sort();
        all
    };
    assert_eq!(sets(&draft(&turned)), sets(&reading), "the order of the files changes no event");
    quality(&labels, &reading)
}

fn holds(half: &str, events: usize) {
    let quality = measure(half);
    assert_eq!(quality.events_labelled, events);
    assert!(quality.f1 >= 0.90, "{half}: F1 {:.3}\n{}", quality.f1, quality.faults.join("\n"));
    assert!(quality.dates_wrong * 20 <= quality.dates_judged, "{half}: {}", quality.faults.join("\n"));
    assert!(quality.dates_right * 10 >= quality.dates_judged * 9, "{half}: {}", quality.faults.join("\n"));
    assert!(quality.kinds_right * 10 >= quality.kinds_judged * 8, "{half}: {}", quality.faults.join("\n"));
    assert_eq!((quality.invented, quality.languages_right), (0, quality.languages_judged), "{half}: {}", quality.faults.join("\n"));
}

#[test]
fn the_development_half_is_read_as_labelled() {
    holds("development", 24);
}

#[test]
fn the_held_out_half_is_read_as_labelled() {
    holds("held-out", 24);
}
