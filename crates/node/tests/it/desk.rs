//! What officers ask of their own node: lists, what is due, consultation, the register; and what a partner's no means.

use crate::world::*;
use base::{Digest, UnixMs};
use dossier::OfficerRole::*;
use expect_test::expect;
use node::{DraftState, DueKind, Intent, LogFilter, NodeError};
use register::EventDraft;
use serde_json::json;

fn code<T>(r: Result<T, NodeError>) -> &'static str {
    r.map_or_else(|e| e.code(), |_| "ok")
}

#[test]
fn what_a_partner_refuses_leaves_the_outbox_is_logged_and_does_not_loop() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.pump();
    let noted = w.notes(MA, asked.dossier, "Refusée.");
    let (number, parcel) = w.carry(MA, ES).unwrap();
    let held = seal::Held::Refused { code: "peer.act.not-party".to_owned() };
    let receipt = seal::Receipt {
        version: seal::RECEIPT_VERSION,
        parcel: parcel_id(&parcel),
        from: w.id(ES),
        to: w.id(MA),
        at: w.now.in_zone("Europe/Madrid").unwrap(),
        entries: vec![seal::ReceiptEntry { act: noted.act, held }],
        ledger_size: 1,
        ledger_root: base::Digest::default(),
        number,
    };
    let receipt = receipt.sign(&w.sides[ES].keys).bytes().to_vec();
    w.answered(MA, ES, number, &parcel, Some(&receipt)).unwrap();
    assert_eq!(w.waiting_for(MA), 0);
    let log = w.logged(MA, "refused-by-partner");
    assert_eq!(log.len(), 1);
    assert_eq!((log[0]["code"].as_str(), log[0]["object"].as_str()), (Some("peer.act.not-party"), Some(noted.act.to_string().as_str())));
    w.restart(MA);
    let now = w.now;
    w.node(MA).rebuild(now, &mut |_, _| ()).unwrap();
    w.pump();
    assert_eq!((w.waiting_for(MA), w.logged(MA, "refused-by-partner").len()), (0, 1), "neither restart nor rebuild brings it back");
    // The next act draws it along all the same: what it builds on is asked for.
    w.notes(MA, asked.dossier, "Encore une.");
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid, ma3 valid");
}

#[test]
fn what_only_the_moment_forbids_stays_due_and_goes_again() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.pump();
    // MA's clock runs half an hour ahead, so its next act is dated in ES's future.
    w.wait(30 * MINUTE);
    w.notes(MA, asked.dossier, "En avance.");
    w.wait(-30 * MINUTE);
    w.pump();
    assert_eq!((w.waiting_for(MA), w.filed(ES, asked.dossier).as_str()), (1, "ma1 valid"), "refused, not given up, and no loop");
    let now = w.now;
    w.node(MA).rebuild(now, &mut |_, _| ()).unwrap();
    assert_eq!(w.waiting_for(MA), 1, "a rebuild does not lose it either");
    // Once the clocks agree it goes by itself.
    w.wait(40 * MINUTE);
    w.node(MA).retry();
    w.pump();
    assert_eq!((w.waiting_for(MA), w.filed(ES, asked.dossier).as_str()), (0, "ma1 valid, ma2 valid"));
}

#[test]
fn a_consultation_needs_a_reason_and_stands_in_the_log() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    let (now, chief) = (w.now, w.sides[MA].chief.clone());
    let n = &mut w.sides[MA];
    for blank in ["", "  ", "\n"] {
        assert_eq!(code(n.node.consult(&chief, &asked.dossier, blank, now)), "refusal.node.asked");
    }
    assert_eq!(code(n.node.consult(&chief, &Digest::of(b"none").into(), "Enquête 7", now)), "refusal.node.absent");
    n.commit();
    assert!(w.logged(MA, "consultation").is_empty(), "what was not shown was not consulted");
    let n = &mut w.sides[MA];
    let (_, view) = n.node.consult(&chief, &asked.dossier, "Enquête 7", now).unwrap();
    n.commit();
    assert_eq!((view.phase.as_str(), view.items.len()), ("open", 1));
    let log = w.logged(MA, "consultation");
    assert_eq!(log, [json!({ "officer": "chief", "dossier": asked.dossier, "reason": "Enquête 7" })]);
}

#[test]
fn a_look_into_the_log_needs_a_reason_and_is_a_line_of_it() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    let (now, chief, deputy) = (w.now, w.sides[MA].chief.clone(), w.sides[MA].deputy.clone());
    let n = &mut w.sides[MA];
    for (who, why) in [(&chief, "Enquête 7"), (&deputy, "Relève")] {
        n.node.consult(who, &asked.dossier, why, now).unwrap();
    }
    n.commit();
    let of = |kind: &str, person: &str| LogFilter { kind: kind.to_owned(), person: person.to_owned(), ..LogFilter::default() };
    assert_eq!(code(n.node.look_into_log(&chief, &of("", ""), None, " ", now)), "refusal.node.asked");
    let mut look = |filter: LogFilter, after: Option<u64>| {
        let (_, page) = n.node.look_into_log(&chief, &filter, after, "Contrôle annuel", now).unwrap();
        n.commit();
        page.lines
    };
    let reasons = |lines: &[node::LogLineView]| lines.iter().map(|l| l.data["reason"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    let both = look(of("consultation", ""), None);
    assert_eq!(reasons(&both), ["Enquête 7", "Relève"]);
    assert_eq!(reasons(&look(of("consultation", ""), Some(both[0].seq))), ["Relève"], "what comes after the first");
    assert_eq!(reasons(&look(of("consultation", deputy.id.as_str()), None)), ["Relève"]);
    let dossier = |digits: String| LogFilter { dossier: digits, ..of("consultation", "") };
    assert_eq!(look(dossier(asked.dossier.to_string()[..8].to_owned()), None).len(), 2);
    assert_eq!(look(dossier("0".repeat(64)), None).len(), 0);
    let times = |from: i64, until: i64| LogFilter { from: Some(now.plus_ms(from)), until: Some(now.plus_ms(until)), ..of("consultation", "") };
    assert_eq!(
        (look(times(0, 1), None).len(), look(times(1, 9), None).len(), look(times(-9, 0), None).len()),
        (2, 0, 0),
        "the first moment is in, the last is out"
    );
    let looks = look(of("audit", chief.id.as_str()), None);
    let last = &looks.last().unwrap().data;
    assert_eq!((last["what"].as_str(), last["reason"].as_str()), (Some("log read"), Some("Contrôle annuel")), "{last}");
    let of_deputy = look(of("audit", deputy.id.as_str()), None);
    let what: Vec<_> = of_deputy.iter().map(|line| line.data["what"].as_str()).collect();
    assert_eq!(what, [Some("officer added")], "who did not look stands in no line of a look");
}

#[test]
fn lists_and_dues_show_what_is_there_the_nearest_first() {
    let (mut w, accord) = World::allied(3);
    let one = w.asks(MA, None).dossier;
    w.wait(HOUR);
    let two = w.asks(MA, None).dossier;
    w.pump();
    w.does(MA, moves(one, None, "withdraw", json!({ "reason": fr("Résolu") })));
    let now = w.now;
    let n = w.node(MA);
    let ids = |l: Vec<node::Listed>| l.into_iter().map(|l| l.id).collect::<Vec<_>>();
    assert_eq!(ids(n.list(None, None, 9).unwrap()), [one, two, accord], "the one that changed last first");
    assert_eq!(ids(n.list(None, None, 1).unwrap()), [one]);
    assert_eq!(ids(n.list(Some("information-request"), Some(false), 9).unwrap()), [two]);
    assert_eq!(ids(n.list(None, Some(true), 9).unwrap()), [one]);
    let listed = &n.list(Some("accord"), None, 9).unwrap()[0];
    let picture = format!("{} | {} | {:?} | {} {} {}", listed.mechanism, listed.title, listed.parties, listed.phase, listed.closed, listed.forks);
    expect![[r#"accord | Accord de coopération | [("ma", "party"), ("es", "party"), ("de", "party")] | in-force false 0"#]].assert_eq(&picture);
    assert_eq!(n.find_dossier(&two.to_string()).unwrap(), two);
    assert_eq!(n.find_dossier(&two.to_string()[..8]).unwrap(), two);
    assert_eq!(code(n.find_dossier(&two.to_string()[..5])), "refusal.node.absent", "too short to be sure");
    assert_eq!(code(n.find_dossier("ffffffffff")), "refusal.node.absent");
    let due = n.due(now).unwrap();
    assert!(due.is_sorted_by_key(|d| d.due));
    let answers: Vec<_> = due.iter().filter(|d| d.what == "request/answer").map(|d| (d.kind, d.answers.as_str(), d.dossier)).collect();
    assert_eq!(answers.len(), 2, "the withdrawn request waits for nobody");
    assert!(answers.iter().all(|a| a.0 == DueKind::Theirs && a.2 == Some(two)));
    let ours = w.node(ES).due(now).unwrap();
    assert!(ours.iter().any(|d| d.kind == DueKind::Ours && d.dossier == Some(two)));
    // The withdrawal has not left yet.
    let partners = w.node(MA).partners().unwrap();
    let mut picture: Vec<String> =
        partners.iter().map(|p| format!("{} {} card {} waiting {} {}", p.code, p.country, p.card, p.waiting, p.endpoints.join(","))).collect();
    picture.sort();
    assert_eq!(picture, ["de DE card 1 waiting 1 de.example:8443", "es ES card 1 waiting 1 es.example:8443"]);
    assert!(partners.iter().all(|p| p.oldest == Some(now) && p.fingerprint.split(' ').count() == 12));
    let s = w.node(MA).status().unwrap();
    assert_eq!((s.code.as_str(), s.open, s.closed, s.outbox, s.incidents, s.ledger_size), ("ma", 2, 1, 2, 0, w.size(MA)));
}

#[test]
fn officers_sign_in_by_token_and_a_new_token_ends_the_old() {
    let mut w = World::partners(2);
    let now = w.now;
    let n = &mut w.sides[MA];
    assert_eq!(code(n.node.add_officer("nobody.1".parse().unwrap(), "N".into(), vec![], now)), "refusal.node.asked");
    let (_, first) = n.node.add_officer("ana.1".parse().unwrap(), "Ana".into(), vec![Desk], now).unwrap();
    n.commit();
    assert_eq!(n.node.officer_by_token(&first).unwrap().id.as_str(), "ana.1");
    let (_, second) = n.node.add_officer("ana.1".parse().unwrap(), "Ana".into(), vec![Supervisor], now).unwrap();
    n.commit();
    assert_eq!((code(n.node.officer_by_token(&first)), n.node.officer_by_token(&second).unwrap().roles), ("refusal.officer.token", vec![Supervisor]));
    assert_eq!(code(n.node.officer_by_token("")), "refusal.officer.token");
    w.restart(MA);
    assert_eq!(w.node(MA).officer_by_token(&second).unwrap().name, "Ana");
    let bytes = format!("{:?}", w.store(MA).log(None, None, 999).unwrap());
    assert!(!bytes.contains(&second), "the token is nowhere in the log");
}

const VISIT: &str = "Le directeur général de la sûreté nationale marocaine, Karim Benchekroun, a effectué les 28 et 29 janvier 2025 une visite de travail à Madrid, à l'invitation du chef de la Garde civile espagnole.";
const AGREEMENT: &str =
    "Le ministre de l'Intérieur du Maroc et son homologue portugais ont signé le 4 mars 2025 à Rabat un accord de coopération entre leurs polices.";
const BERLIN: &str =
    "Le président de la Bundespolizei a reçu le 9 juin 2025 à Berlin une délégation de la police marocaine, en visite de travail en Allemagne.";

#[test]
fn drafts_of_the_register_are_believed_once_an_officer_says_so() {
    let (mut w, _) = World::allied(2);
    let (now, chief, es) = (w.now, w.sides[MA].chief.clone(), w.id(ES));
    let import = |w: &mut World| {
        let drafts = crate::press::import(w, MA, &[("2025-01-29-madrid.html", VISIT), ("b", AGREEMENT), ("c", BERLIN)]);
        drafts.into_iter().map(|d| (d.id, d.state)).collect::<Vec<_>>()
    };
    let first = import(&mut w);
    assert!(first.iter().all(|d| d.1 == DraftState::Draft));
    let (visit, agreement, rejected) = (first[0].0.clone(), first[1].0.clone(), first[2].0.clone());
    let rest = json!({
        "title": fr("Visite de travail"), "level": "director-general", "purpose": fr("Coopération"),
    });
    assert_eq!(code(w.node(MA).visit_from(&visit, vec![es], form(rest.clone()))), "refusal.node.asked", "nothing is taken as fact unseen");
    let decide = |w: &mut World, id: &str, state, corrected| {
        let side = &mut w.sides[MA];
        side.node.decide_draft(&chief, id, state, corrected, now).unwrap();
        side.commit();
    };
    let corrected = EventDraft { place: Some("Madrid, Canillas".into()), ..w.node(MA).draft(&visit).unwrap().event };
    decide(&mut w, &visit, DraftState::Confirmed, Some(corrected.clone()));
    decide(&mut w, &agreement, DraftState::Confirmed, None);
    decide(&mut w, &rejected, DraftState::Rejected, None);
    let again = import(&mut w);
    assert_eq!(
        again.iter().map(|d| d.1).collect::<Vec<_>>(),
        [DraftState::Confirmed, DraftState::Confirmed, DraftState::Rejected],
        "an import undoes no decision"
    );
    w.restart(MA);
    let n = w.node(MA);
    assert_eq!(n.drafts().unwrap().len(), 3);
    assert_eq!((n.draft(&visit).unwrap().event, n.draft(&visit).unwrap().by), (corrected, Some("chief".to_owned())));
    assert_eq!(code(n.draft("00000000")), "refusal.node.absent");
    assert_eq!(code(n.visit_from(&agreement, vec![es], form(rest.clone()))), "refusal.node.asked", "an agreement is no visit");
    assert_eq!(code(n.visit_from(&rejected, vec![es], form(rest.clone()))), "refusal.node.asked");
    let intent = n.visit_from(&visit, vec![es], form(rest)).unwrap();
    let opened = w.does(MA, intent);
    w.pump();
    assert_eq!(w.alike(opened.dossier), "invitation");
    let view = w.node(ES).view(&opened.dossier, &[], now).unwrap();
    let f = &view.items[0].fields;
    assert_eq!(
        (&f["date_from"], &f["place"]["name"]["text"], &f["register_source"]),
        (&json!("2025-01-28"), &json!("Madrid, Canillas"), &json!(["2025-01-29-madrid.html"]))
    );
    let audit: Vec<String> = w.logged(MA, "audit").iter().map(|l| l["what"].as_str().unwrap().to_owned()).collect();
    assert_eq!(audit.iter().filter(|a| *a == "draft decided").count(), 3);
}

#[test]
fn a_clock_that_was_set_back_does_not_break_our_chain() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.wait(-2 * HOUR);
    w.notes(MA, asked.dossier, "Plus tôt ?");
    w.wait(2 * HOUR);
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid");
    assert!(node::Node::local(w.node(MA), UnixMs(0)).is_ok());
}

#[test]
fn an_intent_reads_from_json_and_refuses_what_it_does_not_know() {
    let good = json!({ "do": "move", "dossier": Digest::of(b"d"), "item": null, "name": "accept", "fields": { "reference": "x" } });
    assert!(serde_json::from_value::<Intent>(good.clone()).is_ok());
    let mut bad = good;
    bad["force"] = json!(true);
    assert!(serde_json::from_value::<Intent>(bad).is_err());
}

#[test]
fn an_officer_who_is_locked_out_signs_in_no_more() {
    let mut w = World::partners(2);
    let now = w.now;
    let (_, token) = w.node(MA).add_officer("y.case".parse().unwrap(), "Invented Person".into(), vec![dossier::OfficerRole::Officer], now).unwrap();
    w.sides[MA].commit();
    assert_eq!(code(w.node(MA).officer_by_token(&token)), "ok");
    assert_eq!(code(w.node(MA).lock_officer("nobody", now)), "refusal.node.absent");
    w.node(MA).lock_officer("y.case", now).unwrap();
    w.sides[MA].commit();
    assert_eq!(code(w.node(MA).officer_by_token(&token)), "refusal.officer.token");
}
