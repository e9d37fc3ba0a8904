//! A mechanism that a stranger wrote is agreed and used without a new build; and what two nodes with different versions of it do.

use crate::world::*;
use base::{Digest, DossierId, ServiceId};
use dossier::{Deed, Opening, Party};
use node::Intent;
use serde_json::json;

const TUTORIAL: &str = include_str!("../../../../docs/mechanisms/tutorial.toml");
const NAME: &str = "equipment-loan";

fn newer() -> String {
    assert!(TUTORIAL.contains("version = 1"));
    TUTORIAL.replacen("version = 1", "version = 2", 1)
}

fn loan(w: &World, by: usize, of: usize, mechanism: &str) -> Intent {
    let parties: Vec<(ServiceId, String)> = w.parties(&[(by, "borrower"), (of, "lender")]);
    let fields = form(json!({ "what": fr("Douze radios"), "until": "2025-03-01" }));
    Intent::Open { mechanism: mechanism.into(), accord: None, parties, follows: None, fields, handling: h0() }
}

fn adds(w: &mut World, i: usize, file: &str) -> String {
    let now = w.now;
    let (hash, _) = w.node(i).add_mechanism(file.as_bytes(), now).unwrap();
    w.sides[i].commit();
    hash.to_string()
}

/// Two partners that have agreed on the tutorial's mechanism, which one of them brought.
fn agreed() -> (World, DossierId) {
    let mut w = World::partners(2);
    adds(&mut w, MA, TUTORIAL);
    assert_eq!(w.node(ES).mechanism(NAME).unwrap_err().code(), "refusal.mechanism.unknown", "Spain has never seen it");
    let accord = w.accord(&[NAME]);
    (w, accord)
}

#[test]
fn a_strangers_mechanism_is_agreed_and_used_without_a_new_build() {
    let (mut w, _) = agreed();
    assert_eq!(w.node(ES).mechanism(NAME).unwrap().bytes(), TUTORIAL.as_bytes(), "it came with the proposal");
    let intent = loan(&w, ES, MA, NAME);
    let d = w.does(ES, intent).dossier;
    w.pump();
    assert_eq!(w.alike(d), "asked");
    // Both decide at once: the withdrawal crosses the loan, and the mechanism says what that means.
    w.does(MA, moves(d, None, "lend", json!({ "reference": "MA-7" })));
    w.does(ES, moves(d, None, "withdraw", json!({})));
    w.pump();
    assert_eq!(w.alike(d), "lent");
    w.does(ES, moves(d, None, "confirm_receipt", json!({})));
    w.does(ES, moves(d, None, "give_back", json!({})));
    w.pump();
    assert_eq!(w.tries(ES, moves(d, None, "confirm_return", json!({}))).unwrap_err().code(), "refusal.act.unknown-move", "the lender's word");
    w.does(MA, moves(d, None, "confirm_return", json!({})));
    w.pump();
    assert_eq!(w.alike(d), "back");
    w.restart(ES);
    assert_eq!(w.alike(d), "back", "the file is kept with the node");
}

#[test]
fn another_version_than_the_accord_names_is_refused_on_both_sides_with_what_to_do() {
    let (mut w, _) = agreed();
    let two = newer();
    let second = adds(&mut w, ES, &two);
    // Spain's own node finds the newest by name, and does not send what Morocco cannot take.
    let intent = loan(&w, ES, MA, NAME);
    let refused = w.tries(ES, intent).unwrap_err();
    assert_eq!(refused.code(), "refusal.mechanism.other-version");
    assert!(refused.to_string().contains("by its hash"), "{refused}");
    // The version that was agreed still works, by its hash.
    let first = Digest::of(TUTORIAL.as_bytes()).to_string();
    let intent = loan(&w, ES, MA, &first);
    let d = w.does(ES, intent).dossier;
    w.pump();
    assert_eq!(w.alike(d), "asked");
    // A node that sends it all the same is refused at the other door.
    let accord = opening_of(&w, d, ES).accord;
    let parties = vec![Party { service: w.id(ES), role: "borrower".into() }, Party { service: w.id(MA), role: "lender".into() }];
    let opening = Opening { mechanism: second.parse().unwrap(), accord, parties, follows: None, nonce: [9; 16] };
    let act = w.forge(ES, opening.dossier(), Deed::Open(opening), base::cbor::Map::default(), |_| ());
    let parcel = w.parcel(ES, MA, 77, &[piece(act)]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["refusal.mechanism.other-version"]);
    // An accord that names the new version brings the file along, and then it is used.
    let parties = w.parties(&[(ES, "party"), (MA, "party")]);
    let mut fields = w.accord_form(&[NAME]);
    fields.insert("mechanisms".into(), json!([{ "name": NAME, "id": second }]));
    let new = w.does(ES, Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() }).dossier;
    w.pump();
    w.signs(ES, new);
    w.signs(MA, new);
    w.pump();
    let intent = loan(&w, ES, MA, NAME);
    let d = w.does(ES, intent).dossier;
    w.pump();
    assert_eq!(w.alike(d), "asked");
}

#[test]
fn an_accord_on_a_version_that_is_not_here_is_not_signed() {
    let (mut w, _) = agreed();
    let parties = w.parties(&[(MA, "party"), (ES, "party")]);
    let mut fields = w.accord_form(&[NAME]);
    fields.insert("mechanisms".into(), json!([{ "name": NAME, "id": Digest::of(b"a version of somebody else") }]));
    let accord = w.does(MA, Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() }).dossier;
    let sign = moves(accord, None, "sign", json!({ "authority": fr("Le directeur") }));
    assert_eq!(w.tries(MA, sign).unwrap_err().code(), "refusal.mechanism.other-version");
}

#[test]
fn what_is_too_large_to_be_proved_is_not_kept_and_says_so() {
    let mut w = World::partners(2);
    // Twelve more roles of up to three parties each, all of which a rule counts: half a million configurations.
    let roles: Vec<String> = (0..12).map(|n| format!("extra{n}")).collect();
    let label = ["ar", "fr", "es", "en", "de", "pt"].map(|l| format!("{l} = \"Extra\"")).join(", ");
    let mut file: String = TUTORIAL.to_owned();
    let begin = file.find("[[role]]").unwrap();
    let extra: String = roles.iter().map(|r| format!("[[role]]\nid = \"{r}\"\nmin = 0\nmax = 3\nlabel = {{ {label} }}\n\n")).collect();
    file.insert_str(begin, &extra);
    let sum = roles.iter().map(|r| format!("size({r})")).collect::<Vec<_>>().join(" + ");
    let rule = file.find("rule = '").map(|at| at + "rule = '".len()).unwrap();
    file.insert_str(rule, &format!("{sum} >= 0 && "));
    let now = w.now;
    let began = std::time::Instant::now();
    assert_eq!(w.node(MA).add_mechanism(file.as_bytes(), now).map(drop).unwrap_err().code(), "refusal.mechanism.unprovable");
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    adds(&mut w, MA, TUTORIAL);
}
