//! The register's press: later texts join their event, officers split and join, and no import undoes what they decided.

use crate::world::{MA, World};
use node::{Draft, DraftState, NewText, NodeError, PressDesk};
use register::Reader;

/// Files what a desk tells.
fn file(w: &mut World, who: usize, desk: PressDesk) -> Result<Vec<Draft>, NodeError> {
    let (now, chief) = (w.now, w.sides[who].chief.clone());
    let side = &mut w.sides[who];
    let (_, drafts) = side.node.file_press(&chief, desk.read(&Reader::shipped()), now)?;
    side.commit();
    Ok(drafts)
}

/// Imports texts as an officer does, and returns all drafts that the reading touched.
pub fn import(w: &mut World, who: usize, texts: &[(&str, &str)]) -> Vec<Draft> {
    let new = texts.iter().map(|(path, body)| NewText { path: (*path).to_owned(), body: (*body).to_owned() }).collect();
    let now = w.now;
    let desk = w.node(who).press_desk(new, now).unwrap();
    file(w, who, desk).unwrap()
}

/// The register in one line: what each draft's texts are, and what was decided.
fn picture(w: &World) -> String {
    let mut drafts = w.sides[MA].node.drafts().unwrap();
    drafts.sort_by(|a, b| a.event.sources.cmp(&b.event.sources));
    let line = |d: &Draft| {
        let later = if d.later.is_empty() { String::new() } else { format!(" later {}", d.later.join("+")) };
        let state = if d.state == DraftState::Draft { "" } else { " decided" };
        format!("{}{state}{later}", d.event.sources.join("+"))
    };
    drafts.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn id_of(w: &World, source: &str) -> String {
    w.sides[MA].node.drafts().unwrap().into_iter().find(|d| d.event.sources.iter().any(|s| s == source)).unwrap().id
}

const CELL_FR: (&str, &str) = (
    "cell.fr",
    "La DGST marocaine et la police espagnole ont mené vendredi 24 octobre 2031 une opération conjointe : neuf personnes ont été arrêtées à Tétouan, Fnideq et Ibiza.",
);
const CELL_ES: (&str, &str) = (
    "cell.es",
    "La Policía Nacional española y la DGST de Marruecos detuvieron el 24 de octubre de 2031 a nueve personas en Tetuán, Castillejos e Ibiza en una operación conjunta.",
);
const CELL_LATER: (&str, &str) = (
    "cell.later",
    "Morocco's help was crucial in the joint operation that led to nine arrests in Tetouan, Fnideq and Ibiza on 24 October 2031, said the Spanish National Police.",
);
const MEETING: (&str, &str) =
    ("meeting", "Le directeur de la DGST marocaine a reçu le 7 mai 2031 à Rabat le chef de la Garde civile espagnole, Luis Mora, pour parler de sécurité.");

fn world() -> World {
    World::allied(2).0
}

#[test]
fn a_later_text_joins_its_event_and_the_same_text_changes_nothing() {
    let mut w = world();
    import(&mut w, MA, &[CELL_FR, MEETING]);
    assert_eq!(picture(&w), "cell.fr; meeting");
    import(&mut w, MA, &[CELL_ES]);
    assert_eq!(picture(&w), "cell.fr+cell.es; meeting");
    import(&mut w, MA, &[("another/path", CELL_ES.1), CELL_FR]);
    assert_eq!((w.node(MA).drafts().unwrap().len(), id_of(&w, "cell.fr")), (2, id_of(&w, "cell.es")), "one event still");
    assert_eq!(w.node(MA).press().unwrap().len(), 3);
    w.restart(MA);
    assert_eq!(w.node(MA).drafts().unwrap().len(), 2);
}

#[test]
fn what_was_decided_stays_and_a_later_text_is_noted_beside_it() {
    let mut w = world();
    import(&mut w, MA, &[CELL_FR, CELL_ES]);
    let id = id_of(&w, "cell.fr");
    let (now, chief) = (w.now, w.sides[MA].chief.clone());
    w.sides[MA].node.decide_draft(&chief, &id, DraftState::Confirmed, None, now).unwrap();
    w.sides[MA].commit();
    let before = w.node(MA).draft(&id).unwrap();
    import(&mut w, MA, &[CELL_LATER]);
    let after = w.node(MA).draft(&id).unwrap();
    assert_eq!(picture(&w), "cell.fr+cell.es decided later cell.later");
    assert_eq!((after.event, after.by), (before.event, before.by));
    import(&mut w, MA, &[CELL_LATER, CELL_FR]);
    assert_eq!(picture(&w), "cell.fr+cell.es decided later cell.later");
}

#[test]
fn a_split_holds_against_every_import_until_the_drafts_are_joined_again() {
    let mut w = world();
    import(&mut w, MA, &[CELL_FR, CELL_ES, CELL_LATER]);
    assert_eq!(picture(&w), "cell.fr+cell.es+cell.later");
    let id = id_of(&w, "cell.fr");
    let desk = w.node(MA).split_desk(&id, &[vec![1]]).unwrap();
    file(&mut w, MA, desk).unwrap();
    assert_eq!(picture(&w), "cell.es; cell.fr+cell.later");
    import(&mut w, MA, &[CELL_ES, CELL_FR, CELL_LATER, MEETING]);
    assert_eq!(w.node(MA).drafts().unwrap().len(), 3, "{}", picture(&w));
    assert_ne!(id_of(&w, "cell.es"), id_of(&w, "cell.fr"));
    w.restart(MA);
    let ids = [id_of(&w, "cell.es"), id_of(&w, "cell.fr")];
    let desk = w.node(MA).join_desk(&ids).unwrap();
    let joined = file(&mut w, MA, desk).unwrap();
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].event.sources.len(), 3);
    import(&mut w, MA, &[CELL_ES, CELL_LATER]);
    assert_eq!(id_of(&w, "cell.es"), id_of(&w, "cell.fr"));
    let audit: Vec<String> = w.logged(MA, "audit").iter().map(|l| l["what"].as_str().unwrap().to_owned()).collect();
    assert_eq!((audit.iter().filter(|a| *a == "draft split").count(), audit.iter().filter(|a| *a == "drafts joined").count()), (1, 1));
}

#[test]
fn an_officer_joins_what_no_rule_would_and_the_reason_says_so() {
    let mut w = world();
    import(&mut w, MA, &[CELL_FR, MEETING]);
    let ids = [id_of(&w, "cell.fr"), id_of(&w, "meeting")];
    let desk = w.node(MA).join_desk(&ids).unwrap();
    let joined = file(&mut w, MA, desk).unwrap();
    assert!(joined[0].event.joined_because[0].contains("an officer joined them"), "{:?}", joined[0].event.joined_because);
    import(&mut w, MA, &[CELL_FR, MEETING]);
    assert_eq!(w.node(MA).drafts().unwrap().len(), 1);
}

#[test]
fn a_decided_draft_that_is_split_must_be_decided_again() {
    let mut w = world();
    import(&mut w, MA, &[CELL_FR, CELL_ES]);
    let id = id_of(&w, "cell.fr");
    let (now, chief) = (w.now, w.sides[MA].chief.clone());
    w.sides[MA].node.decide_draft(&chief, &id, DraftState::Confirmed, None, now).unwrap();
    w.sides[MA].commit();
    let desk = w.node(MA).split_desk(&id, &[vec![0]]).unwrap();
    let drafts = file(&mut w, MA, desk).unwrap();
    assert!(drafts.iter().all(|d| d.state == DraftState::Draft) && drafts.len() == 2);
    let undone = w.logged(MA, "audit").into_iter().rev().find(|l| l["what"] == "draft split").unwrap();
    assert_eq!(undone["undone"][0]["state"], "confirmed", "the log keeps what fell");
}

#[test]
fn what_makes_no_sense_is_refused_and_a_register_that_moved_too() {
    let mut w = world();
    import(&mut w, MA, &[CELL_FR, CELL_ES]);
    let id = id_of(&w, "cell.fr");
    let code = |r: Result<PressDesk, NodeError>| r.map(|_| "ok").unwrap_or_else(|e| e.code());
    let n = w.node(MA);
    assert_eq!(code(n.split_desk(&id, &[vec![0]])), "ok");
    assert_eq!(code(n.split_desk(&id, &[vec![0, 1]])), "refusal.node.asked", "nothing would be left");
    assert_eq!(code(n.split_desk(&id, &[vec![2]])), "refusal.node.asked", "there is no third text");
    assert_eq!(code(n.split_desk(&id, &[vec![0], vec![0]])), "refusal.node.asked", "a text twice");
    assert_eq!(code(n.split_desk(&id, &[])), "refusal.node.asked");
    assert_eq!(code(n.split_desk("0000000000000000", &[vec![0]])), "refusal.node.absent");
    assert_eq!(code(n.join_desk(std::slice::from_ref(&id))), "refusal.node.asked", "one draft");
    assert_eq!(code(n.join_desk(&[id.clone(), "0000000000000000".to_owned()])), "refusal.node.absent");
    let stale = n.split_desk(&id, &[vec![0]]).unwrap();
    import(&mut w, MA, &[MEETING]);
    assert_eq!(file(&mut w, MA, stale).unwrap_err().code(), "refusal.register.moved");
    assert_eq!(w.node(MA).drafts().unwrap().len(), 2, "nothing was kept");
}
