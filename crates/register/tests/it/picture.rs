//! Small pictures of whole drafts: a story in, what the draft says out, with the words under each date.

use entente_register::{EventDraft, Text, draft};
use expect_test::{Expect, expect};

fn picture(event: &EventDraft) -> String {
    let day = |date: Option<jiff::civil::Date>| date.map_or("open".to_owned(), |date| date.to_string());
    let form = event.form.map(|form| format!(" {form:?}").to_lowercase()).unwrap_or_default();
    let mut out = format!("{}{form} {}..{} in {}\n", event.kind.code(), day(event.date_from), day(event.date_to), event.place.as_deref().unwrap_or("-"));
    out += &format!("of {} by {}\n", event.countries.join(" "), event.services.join(" "));
    for official in &event.officials {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        out += &format!("official {} / {}\n", or(&official.name), or(&official.office_id));
    }
    for step in &event.steps {
        out += &format!("step {} {} {}\n", step.kind.code(), day(step.date), step.place.as_deref().unwrap_or("-"));
    }
    event.spans.get("date_from").into_iter().flatten().for_each(|span| out += &format!("day « {} » {}\n", span.text, event.sources[span.source]));
    for dispute in &event.disputes {
        let sides: Vec<String> = dispute.sides.iter().map(|side| format!("{} by {:?}", side.value, side.sources)).collect();
        out += &format!("differ {}: {}\n", dispute.field, sides.join("; "));
    }
    event.joined_because.iter().for_each(|because| out += &format!("joined: {because}\n"));
    event.contradictions.iter().for_each(|words| out += &format!("but {words}\n"));
    out
}

fn drawn(stories: &[(&str, &str)], expected: Expect) {
    let texts: Vec<Text> = stories.iter().map(|(path, body)| Text { path, body }).collect();
    let reading = draft(&texts);
    let silent: String = reading.silent.iter().map(|silent| format!("silent {}: {}\n", silent.source, silent.reason)).collect();
    expected.assert_eq(&(reading.events.iter().map(picture).collect::<Vec<_>>().join("\n") + &silent));
}

#[test]
fn a_visit_with_its_steps() {
    let story = "Rabat, 9 juin 2031 (AGENCE) – Le directeur général de la Sûreté nationale marocaine, Karim Benchekroun, a effectué vendredi une visite de travail à Lisbonne. \
        Il a été reçu par Rui Falcão, directeur de la Police judiciaire portugaise. Les deux services ont signé un accord sur l'échange d'empreintes.";
    drawn(
        &[("fr", story)],
        expect![[r#"
        visit 2031-06-06..2031-06-06 in Lisboa
        of MA PT by ma.dgsn pt.pj
        official Karim Benchekroun / ma.dgsn:director-general
        official Rui Falcão / pt.pj:director
        step meeting open -
        step agreement open -
        day « vendredi » fr
        day « 9 juin 2031 » fr
    "#]],
    );
}

#[test]
fn outlets_that_differ_stand_side_by_side() {
    let fr = "Lundi 3 mars 2031, la police espagnole et la DGST marocaine ont saisi 1.200 kilos de cocaïne à Motril lors d'une opération conjointe et arrêté sept personnes.";
    let es = "La Policía Nacional y la DGST de Marruecos se incautaron el 3 de marzo de 2031 de 1.900 kilos de cocaína en Motril y detuvieron a siete personas en una operación conjunta.";
    drawn(
        &[("fr", fr), ("es", es)],
        expect![[r#"
        joint_operation 2031-03-03..2031-03-03 in Motril
        of ES MA by es.policia-nacional ma.dgst
        day « Lundi 3 mars 2031 » fr
        day « 3 de marzo de 2031 » es
        differ kilograms: 1200 by [0]; 1900 by [1]
        joined: fr and es tell of the same days (2031-03-03), the same towns (Motril), the same countries (ES, MA)
    "#]],
    );
}

#[test]
fn the_day_of_the_words_is_no_day_of_the_deed() {
    let story = "Joint swoop in Nador and Lleida\nThe Harbour Post, 4 March 2031\nMoroccan and Spanish police arrested two men in Nador and Lleida in a joint operation, the DGST said on Monday.";
    drawn(
        &[("en", story)],
        expect![[r#"
        joint_operation open..open in Nador
        of ES MA by es.policia-nacional ma.dgst
    "#]],
    );
}

#[test]
fn an_aggregators_stamp_resolves_no_weekday() {
    let story =
        "Une réunion à Rabat\nPublié dans Le Quai le 06 - 03 - 2031\nLe chef de la DGST marocaine a reçu mardi à Rabat le directeur de la police espagnole.";
    let own = story.replace("Publié dans Le Quai le 06 - 03 - 2031", "Par la rédaction, le 06/03/2031 à 08h12");
    drawn(
        &[("stamp", story)],
        expect![[r#"
        meeting bilateral open..open in Rabat
        of ES MA by es.policia-nacional ma.dgst
        official - / ma.dgst:chief
        official - / es.policia-nacional:director
    "#]],
    );
    drawn(
        &[("own", &own)],
        expect![[r#"
        meeting bilateral 2031-03-04..2031-03-04 in Rabat
        of ES MA by es.policia-nacional ma.dgst
        official - / ma.dgst:chief
        official - / es.policia-nacional:director
        day « mardi » own
        day « 06/03/2031 » own
    "#]],
    );
}

#[test]
fn thanks_alone_are_a_statement_and_football_is_nothing() {
    let thanks = "Berlin, 12.08.2031. Bundesinnenministerin Katrin Lindholm dankte Marokko am Dienstag für Hinweise der marokkanischen Dienste.";
    let football =
        "Maroc-Espagne en amical\nLe Maroc a battu l'Espagne mardi au stade de Tanger lors d'une rencontre suivie par la police et 65 000 spectateurs.";
    drawn(
        &[("de", thanks), ("fr", football)],
        expect![[r#"
        statement 2031-08-12..2031-08-12 in -
        of DE MA by de.interior
        official Katrin Lindholm / de.interior:minister
        day « Dienstag » de
        day « 12.08.2031 » de
        silent fr: the text tells of no cooperation event: it speaks of sport, trade, holidays or an exercise
    "#]],
    );
}
