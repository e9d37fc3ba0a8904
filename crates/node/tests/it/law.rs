//! Law that is enforced: the accord's purposes, and handling codes until the owner of the information has consented.

use crate::forms::*;
use crate::world::*;
use base::{DossierId, Handling, Use};
use node::{Intent, NodeError};
use serde_json::json;

fn code<T>(r: Result<T, NodeError>) -> &'static str {
    r.map_or_else(|e| e.code(), |_| "ok")
}

#[test]
fn a_purpose_that_the_accord_does_not_name_is_refused() {
    let (mut w, accord) = World::allied(2);
    let parties = w.asking(MA);
    let mut asks = |purpose: &str| {
        let mut fields = form(question());
        fields.insert("purpose".into(), json!(purpose));
        let parties = parties.clone();
        w.tries(MA, Intent::Open { mechanism: "information-request".into(), accord: Some(accord), parties, follows: None, fields, handling: h0() })
    };
    assert_eq!(code(asks("investigate")), "ok");
    assert_eq!(code(asks("prosecute")), "refusal.act.accord");
}

#[test]
fn h1_stays_out_of_court_until_its_owner_consents_and_only_for_what_was_there() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    let says = |w: &mut World, words: &str| {
        let note = Intent::OpenItem {
            dossier: asked,
            parent: None,
            kind: "note".into(),
            fields: form(json!({ "text": [fr(words)] })),
            handling: Handling::code("H1"),
        };
        w.does(ES, note);
        w.pump();
    };
    let court = |w: &mut World, i: usize, id: &DossierId| code(w.node(i).prove_dossier(id, Some(Use::Court)));
    assert_eq!(court(&mut w, MA, &asked), "ok", "nothing forbids it yet");
    says(&mut w, "Pas au tribunal.");
    assert_eq!((court(&mut w, MA, &asked), court(&mut w, ES, &asked)), ("refusal.handling.forbidden", "ok"), "the owner may");
    assert_eq!(code(w.node(MA).prove_dossier(&asked, Some(Use::Onward))), "ok", "H1 says nothing of third parties");
    let ask = |w: &mut World| {
        let owner = w.id(ES);
        let item = w.does(MA, opens(asked, "consent", json!({ "owner": owner, "use": "court", "reason": fr("Audience en mai") }))).item;
        w.pump();
        item
    };
    let consent = ask(&mut w);
    assert_eq!(court(&mut w, MA, &asked), "refusal.handling.forbidden", "asked is not granted");
    assert_eq!(code(w.tries(MA, moves(asked, Some(consent), "grant", json!({})))), "refusal.act.wrong-state", "nobody consents for another");
    w.does(ES, moves(asked, Some(consent), "grant", json!({})));
    w.pump();
    assert_eq!(court(&mut w, MA, &asked), "ok");
    says(&mut w, "Ceci non plus.");
    assert_eq!(court(&mut w, MA, &asked), "refusal.handling.forbidden", "what came later was not asked for");
    let again = ask(&mut w);
    w.does(ES, moves(asked, Some(again), "deny", json!({ "treaty_ground": ["sovereignty"] })));
    w.pump();
    assert_eq!(court(&mut w, MA, &asked), "refusal.handling.forbidden", "the last decision counts");
}

#[test]
fn the_requested_service_can_ask_for_consent_too() {
    let (mut w, _) = World::allied(2);
    let parties = w.asking(MA);
    let handling = Handling::code("H2");
    let asked =
        w.does(MA, Intent::Open { mechanism: "information-request".into(), accord: None, parties, follows: None, fields: form(question()), handling }).dossier;
    w.pump();
    assert_eq!(code(w.node(ES).prove_dossier(&asked, Some(Use::Onward))), "refusal.handling.forbidden");
    let owner = w.id(MA);
    let item = w.does(ES, opens(asked, "consent", json!({ "owner": owner, "use": "onward", "reason": fr("Le parquet la demande") }))).item;
    w.pump();
    w.does(MA, moves(asked, Some(item), "grant", json!({})));
    w.pump();
    assert_eq!(code(w.node(ES).prove_dossier(&asked, Some(Use::Onward))), "ok");
}
