//! Input that means no good, and a thousand texts at once.

use entente_register::{TEXT_BYTES_MAX, TEXTS_MAX, Text, draft};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Pieces that our rules look for, and signs that they might stumble over.
const PIECES: [&str; 44] = [
    "visite",
    "réunion",
    "Madrid",
    "بمدريد",
    "الأمن الوطني",
    "DGST",
    "Policía Nacional",
    "le",
    "du",
    "2031",
    "31",
    "30",
    "février",
    "مارس",
    "1er",
    "٣١",
    "رمضان",
    "1452",
    "ce vendredi",
    "hier",
    "أمس",
    "(",
    ")",
    "–",
    "/",
    ".",
    "\n",
    "\n\n",
    "|",
    "\u{a0}\u{a0} \u{a0}",
    "date 2031-02",
    "Publié dans X le 31 - 02 - 2031",
    "M.",
    "Dr.",
    "director general",
    "homologue",
    "neuf",
    "1.564,5 kilos",
    "à",
    "و",
    "\u{202e}",
    "e\u{301}",
    "🙂",
    "وبال",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever stands on a page, reading ends, quotes exactly and is the same the second time.
    #[test]
    fn any_page_is_read_or_refused(
        pages in prop::collection::vec(prop::collection::vec((0..PIECES.len(), any::<char>(), 0u8..4), 0..90), 1..5)
    ) {
        let body = |page: &Vec<(usize, char, u8)>| {
            let piece = |(at, c, sort): &(usize, char, u8)| if *sort == 0 { c.to_string() } else { format!("{} ", PIECES[*at]) };
            page.iter().map(piece).collect::<String>()
        };
        let bodies: Vec<String> = pages.iter().map(body).collect();
        let paths: Vec<String> = (0..bodies.len()).map(|n| n.to_string()).collect();
        let texts: Vec<Text> = paths.iter().zip(&bodies).map(|(path, body)| Text { path, body }).collect();
        let reading = draft(&texts);
        prop_assert_eq!(reading.events.iter().map(|e| e.sources.len()).sum::<usize>() + reading.silent.len(), texts.len());
        for event in &reading.events {
            for span in event.spans.values().flatten() {
                let at: usize = event.sources[span.source].parse().unwrap();
                prop_assert_eq!(bodies[at].get(span.start..span.end), Some(span.text.as_str()));
            }
            for step in &event.steps {
                let at: usize = event.sources[step.source].parse().unwrap();
                prop_assert_eq!(bodies[at].get(step.start..step.end), Some(step.text.as_str()));
            }
        }
        prop_assert_eq!(draft(&texts).events, reading.events);
    }
}

fn code(body: &str) -> &'static str {
    let reading = draft(&[Text { path: "x", body }]);
    assert!(reading.events.is_empty());
    reading.silent[0].reason.code()
}

#[test]
fn what_cannot_be_read_is_named() {
    assert_eq!(code(""), "register.text.empty");
    assert_eq!(code("\u{feff} \n\t\u{a0}"), "register.text.empty");
    assert_eq!(code(&"x ".repeat(TEXT_BYTES_MAX)), "register.text.too-large");
    assert_eq!(code("PK\u{3}\u{4}\u{14}\u{0}\u{6}\u{0}\u{8}\u{0}"), "register.text.not-text");
    assert_eq!(code("Cliquez ici\nMerci d'avoir signalé!"), "register.text.only-furniture");
    assert_eq!(code("zzz qqq 000"), "register.text.language");
    assert_eq!(code("The weather is fine in the valley and the grapes are ripe."), "register.text.no-event");
}

#[test]
fn too_many_texts_are_refused_one_by_one() {
    let texts = vec![Text { path: "x", body: "The weather is fine in the valley." }; TEXTS_MAX + 2];
    let reading = draft(&texts);
    let late = reading.silent.iter().filter(|silent| silent.reason.code() == "register.text.too-many").count();
    assert_eq!((reading.silent.len(), late), (TEXTS_MAX + 2, 2));
}

#[test]
fn torn_text_never_panics() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/texts/01-fr-lisbonne.txt")).unwrap();
    let arabic = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/texts/03-ar-madrid.txt")).unwrap();
    for text in [page, arabic] {
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        for (n, cut) in cuts.iter().enumerate().step_by(3) {
            let other = cuts[(n * 7919) % cuts.len()];
            let torn = format!("{}{}", &text[*cut..], &text[..other]);
            for event in draft(&[Text { path: "x", body: &torn }]).events {
                assert!(event.spans.values().flatten().all(|span| torn.get(span.start..span.end) == Some(span.text.as_str())));
            }
        }
    }
}

#[test]
fn odd_numbers_and_brackets_are_only_words() {
    let odd = "31 30 29 28 et 99/99/9999 le 31 février 2031, du 5 au 3 mars, 0 mai, (((( -- 2031-13-45 ;;; 12.12.12 M. M. M. ministre ministre, le, la visite de la police de Rabat en Espagne marocaine";
    let reading = draft(&[Text { path: "x", body: odd }]);
    assert!(reading.events.iter().all(|event| event.date_from.is_none()), "{:?}", reading.events);
}

#[test]
fn one_long_line_of_a_megabyte_is_read_in_time() {
    let unit = "Le directeur de la police, M. Aubin, et le 4 mars la visite en Espagne du ministre marocain de la sécurité, et ";
    let body = unit.repeat(TEXT_BYTES_MAX / unit.len());
    let started = Instant::now();
    let reading = draft(&[Text { path: "x", body: &body }]);
    assert_eq!(reading.events.len(), 1);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

/// A bound that only a quadratic slip or worse breaks, as tests run unoptimised and beside others.
#[test]
fn a_thousand_texts_stay_within_a_generous_bound() {
    let days: Vec<String> = (0..1000).map(|n| format!("Le directeur général de la sûreté nationale, Karim Tazi{n}, a effectué une visite de travail à Madrid le {} mars {}. Les services du Maroc et de l'Espagne ont évoqué la création d'équipes conjointes contre le terrorisme, dossier {n}.", n % 7 * 4 + 1, 1955 + n / 7)).collect();
    let texts: Vec<Text> = days.iter().map(|body| Text { path: "x", body }).collect();
    let started = Instant::now();
    let reading = draft(&texts);
    assert_eq!(reading.events.len(), 1000, "a thousand different days are a thousand events");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

/// The whole of a run's texts tells of one day: the worst case for grouping.
#[test]
fn a_thousand_texts_of_one_day_stay_within_a_generous_bound() {
    let bodies: Vec<String> = (0..1000)
        .map(|n| {
            format!(
                "Le directeur de la police marocaine a reçu à Rabat le 4 mars 2031 le chef de la Garde civile espagnole, Luis Mora{}. Dossier {n}, salle {}.",
                n % 40,
                n % 7
            )
        })
        .collect();
    let paths: Vec<String> = (0..bodies.len()).map(|n| n.to_string()).collect();
    let texts: Vec<Text> = paths.iter().zip(&bodies).map(|(path, body)| Text { path, body }).collect();
    let started = Instant::now();
    let reading = draft(&texts);
    assert_eq!(reading.events.iter().map(|event| event.sources.len()).sum::<usize>(), 1000);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}
