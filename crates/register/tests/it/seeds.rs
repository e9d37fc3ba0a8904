//! The public communiqués that the project started from; they are not part of it, so this test says aloud when they are absent.

use crate::{assert_spans_hold, read_folder};
use std::path::Path;

#[test]
fn the_seeds_tell_of_four_events() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds");
    if !folder.is_dir() {
        eprintln!("SKIPPED: the seed communiqués are not at {}; nothing was checked", folder.display());
        return;
    }
    let (files, reading) = read_folder(&folder);
    let number = |sources: &[String]| sources.iter().map(|path| path[..3].to_owned()).collect::<Vec<_>>().join("+");
    let picture: Vec<String> = reading
        .events
        .iter()
        .map(|event| {
            let day = |date: Option<jiff::civil::Date>| date.map_or("open".to_owned(), |date| date.to_string());
            let (kind, place) = (event.kind.code(), event.place.as_deref().unwrap_or("-"));
            format!("{} {kind} {}..{} {place} {}", number(&event.sources), day(event.date_from), day(event.date_to), event.countries.join("-"))
        })
        .collect();
    assert_eq!(
        picture,
        [
            "000 meeting open..open - ES-MA",
            "001 visit 2025-04-01..2025-04-30 Morocco ES-MA",
            "002+003 visit 2022-06-16..2022-06-17 Madrid ES-MA",
            "004 visit 2025-01-28..2025-01-29 Spain DE-ES-MA",
        ]
    );
    assert!(reading.silent.is_empty());
    for event in &reading.events {
        assert!(event.commitments.is_empty(), "none of them promises anything");
        assert_spans_hold(&files, event);
    }
    let madrid = &reading.events[2];
    assert_eq!(madrid.services, ["ma.dgsn", "ma.dgst"], "the services of another trip are not part of this one");
    assert_eq!(madrid.joined_because.len(), 1);
    let topics: Vec<&str> = reading.events[3].considered.iter().filter_map(|point| point.topic.as_deref()).collect();
    for topic in ["world-cup-committee", "joint-teams", "controlled-delivery"] {
        assert!(topics.contains(&topic), "{topic}");
    }
}
