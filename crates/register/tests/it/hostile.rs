//! Input that means no good, and a thousand texts at once.

use entente_register::{TEXT_BYTES_MAX, TEXTS_MAX, Text, draft};
use std::time::{Duration, Instant};

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
    let days: Vec<String> = (0..1000).map(|n| format!("Le directeur général de la sûreté nationale, Karim Tazi{n}, a effectué une visite de travail à Madrid le {} mars {}. Les services du Maroc et de l'Espagne ont évoqué la création d'équipes conjointes contre le terrorisme, dossier {n}.", n % 28 + 1, 2000 + n / 28)).collect();
    let texts: Vec<Text> = days.iter().map(|body| Text { path: "x", body }).collect();
    let started = Instant::now();
    let reading = draft(&texts);
    assert_eq!(reading.events.len(), 1000, "a thousand different days are a thousand events");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}
