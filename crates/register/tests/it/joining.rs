//! Which texts are one event, and which only look like it: one story in, the groups out.

use entente_register::{EventDraft, Text, draft};

fn events(bodies: &[&str]) -> Vec<EventDraft> {
    let paths: Vec<String> = (0..bodies.len()).map(|n| n.to_string()).collect();
    let texts: Vec<Text> = paths.iter().zip(bodies).map(|(path, body)| Text { path, body }).collect();
    let reading = draft(&texts);
    assert!(reading.silent.is_empty(), "{:?}", reading.silent);
    reading.events
}

fn groups(bodies: &[&str]) -> String {
    let of = |event: &EventDraft| {
        let day = |date: Option<jiff::civil::Date>| date.map_or("open".to_owned(), |date| date.to_string());
        format!("{}: {}..{}", event.sources.join("+"), day(event.date_from), day(event.date_to))
    };
    events(bodies).iter().map(of).collect::<Vec<_>>().join("; ")
}

const NO_YEAR: &str = "The head of the Guardia Civil, Lucía Ferrán, paid a visit to Agadir on 2 and 3 September and met with officers of the Royal Gendarmerie of Morocco from both the coast and the mountains.";
const YEAR_31: &str =
    "Lucía Ferrán, the head of the Guardia Civil, was in Agadir for a visit on 2 and 3 September 2031. She met with the Moroccan Royal Gendarmerie.";
const YEAR_32: &str =
    "Lucía Ferrán, the head of the Guardia Civil, was in Agadir for a visit on 2 and 3 September 2032. She met with the Moroccan Royal Gendarmerie.";
const YEAR_32_FR: &str =
    "La directrice de la Guardia Civil, Lucía Ferrán, a effectué une visite à Agadir les 2 et 3 septembre 2032 auprès de la Gendarmerie royale du Maroc.";

#[test]
fn a_year_is_lent_by_one_text_and_not_by_two_that_quarrel() {
    assert_eq!(groups(&[NO_YEAR]), "0: open..open");
    assert_eq!(groups(&[NO_YEAR, YEAR_31]), "0+1: 2031-09-02..2031-09-03");
    assert_eq!(groups(&[NO_YEAR, YEAR_31, YEAR_32]), "0: open..open; 1: 2031-09-02..2031-09-03; 2: 2032-09-02..2032-09-03");
    let open = events(&[NO_YEAR, YEAR_31, YEAR_32]).remove(0);
    assert!(open.contradictions[0].contains("2031 and 2032"), "{:?}", open.contradictions);
}

#[test]
fn the_year_of_the_same_words_is_lent_where_it_clearly_leads() {
    assert_eq!(groups(&[NO_YEAR, YEAR_31, YEAR_32_FR]), "0+1: 2031-09-02..2031-09-03; 2: 2032-09-02..2032-09-03");
}

#[test]
fn a_weekday_keeps_a_text_from_the_wrong_year() {
    // 2 September 2031 is a Tuesday.
    let tuesday = NO_YEAR.replace("on 2 and 3", "on Tuesday 2 and Wednesday 3");
    let friday = NO_YEAR.replace("on 2 and 3", "on Friday 2 and Saturday 3");
    assert_eq!(groups(&[&tuesday, YEAR_31]), "0+1: 2031-09-02..2031-09-03");
    assert_eq!(groups(&[&friday, YEAR_31]), "0: open..open; 1: 2031-09-02..2031-09-03");
}

#[test]
fn same_words_on_another_day_are_another_event() {
    let other = YEAR_31.replace("2 and 3 September", "9 and 10 October");
    assert_eq!(groups(&[YEAR_31, &other]), "0: 2031-09-02..2031-09-03; 1: 2031-10-09..2031-10-10");
}

#[test]
fn same_day_in_another_city_is_another_event() {
    let other = "Le ministre de l'Intérieur du Maroc a rencontré son homologue espagnol à Rabat le 2 septembre 2031 pour une réunion de sécurité.";
    assert_eq!(groups(&[YEAR_31, other]), "0: 2031-09-02..2031-09-03; 1: 2031-09-02..2031-09-02");
}

#[test]
fn two_days_of_one_trip_join_where_a_text_tells_the_whole() {
    let first = "On 2 September 2031 Lucía Ferrán of the Guardia Civil held talks with the Moroccan Royal Gendarmerie in Agadir about Spain.";
    let second = "Lucía Ferrán of the Guardia Civil had a second meeting with the Moroccan Royal Gendarmerie in Agadir on 3 September 2031, about Spain.";
    assert_eq!(groups(&[first, second]), "0: 2031-09-02..2031-09-02; 1: 2031-09-03..2031-09-03");
    assert_eq!(groups(&[first, second, YEAR_31]), "0+1+2: 2031-09-02..2031-09-03");
}

#[test]
fn a_copy_without_a_date_joins_and_a_stranger_does_not() {
    let copy = YEAR_31.replace(" on 2 and 3 September 2031", "");
    assert_eq!(groups(&[&copy, YEAR_31]), "0+1: 2031-09-02..2031-09-03");
    let stranger = "The Royal Gendarmerie of Morocco and the Guardia Civil of Spain held a meeting on the security of the coast.";
    assert_eq!(groups(&[stranger, YEAR_31]), "0: open..open; 1: 2031-09-02..2031-09-03");
}

#[test]
fn promised_in_one_text_and_weighed_in_another_is_said_aloud() {
    let promised = format!("{YEAR_31} Both sides agreed on joint teams.");
    let weighed = format!("{YEAR_32_FR} Les deux parties ont évoqué des équipes conjointes.").replace("2032", "2031");
    let event = events(&[&promised, &weighed]).remove(0);
    assert_eq!((event.commitments.len(), event.considered.len()), (1, 1));
    assert_eq!(event.contradictions, ["joint-teams is promised in 0 and only considered in 1"]);
}

#[test]
fn an_opening_clause_about_another_trip_gives_neither_day_nor_place() {
    let page = "Following his 12 June 2031 visit to Bonn, the head of the Guardia Civil had a meeting with the Royal Gendarmerie in Agadir on 15 June 2031.";
    let event = events(&[page]).remove(0);
    assert_eq!((event.place.as_deref(), event.date_from.map(|date| date.to_string()).as_deref()), (Some("Agadir"), Some("2031-06-15")));
}
