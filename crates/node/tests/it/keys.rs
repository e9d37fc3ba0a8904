//! Keys over time: a rotation under traffic, stolen keys before and after their revocation, a lost root key, a suspended partner.

use crate::world::*;
use base::{ActId, Digest, DossierId, Lang, UnixMs};
use node::{Piece, Standing};
use seal::{CardDraft, Cards, Directory, Fingerprint, Keys, Reason, RootRequest};
use store::Kind;

/// Issues the next card of a service with new keys and gives it to its node.
pub fn rotate(w: &mut World, i: usize, from: UnixMs) {
    let now = w.now;
    let draft = CardDraft { valid_from: from, ..card_draft(NAMES[i]) };
    w.sides[i].keys.rotate(&draft, now, &mut Seeded(77 + i as u64)).unwrap();
    adopt(w, i, &[]);
}

/// Gives a node the keys as they are at this moment, as its keeper does by the clock.
fn adopt(w: &mut World, i: usize, revocations: &[Vec<u8>]) {
    let now = w.now;
    w.sides[i].keys.advance(now);
    let keys = w.sides[i].keys.clone();
    w.node(i).adopt_keys(keys, revocations, now).unwrap();
    w.sides[i].commit();
}

/// Has the root key sign the revocation of a card.
fn revocation(keys: &Keys, card: u32, since: UnixMs, at: UnixMs) -> Vec<u8> {
    let task = keys.revocation(card, since, Reason::Stolen, at).unwrap();
    let request = RootRequest { version: seal::REQUEST_VERSION, service: keys.service(), tasks: vec![task] };
    keys.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec()
}

/// Revokes the card that acts, with a new one that begins at once.
fn revoke(w: &mut World, i: usize, since: UnixMs) -> Vec<u8> {
    let (now, card) = (w.now, w.sides[i].keys.card_number());
    let draft = CardDraft { valid_from: now, ..card_draft(NAMES[i]) };
    w.sides[i].keys.rotate(&draft, now, &mut Seeded(177)).unwrap();
    let revocation = revocation(&w.sides[i].keys, card, since, now);
    adopt(w, i, std::slice::from_ref(&revocation));
    revocation
}

fn keys_view(w: &mut World, i: usize) -> node::KeysView {
    let now = w.now;
    w.node(i).keys_view(now).unwrap()
}

fn standings(w: &mut World, i: usize, dossier: DossierId) -> Vec<(ActId, Standing)> {
    w.sides[i].node.standings(&dossier).unwrap().into_iter().map(|v| (v.act, v.standing)).collect()
}

fn standing(w: &mut World, i: usize, dossier: DossierId, act: ActId) -> Option<Standing> {
    standings(w, i, dossier).into_iter().find(|(a, _)| *a == act).map(|(_, s)| s)
}

/// A note in a service's name, signed with given keys, past its node.
fn forged_note(w: &World, i: usize, thief: &Keys, dossier: DossierId, text: &str) -> ((Vec<u8>, Vec<u8>), ActId) {
    let mut head = None;
    let (_, body) = w.forge(i, dossier, note_deed(dossier), words(text), |h| head = Some(h.clone()));
    let signed = thief.sign(seal::Typ::Act, &base::cbor::to_vec(&head.unwrap())).bytes().to_vec();
    let act = act_of(&(signed.clone(), body.clone())).id();
    ((signed, body), act)
}

/// Seals pieces with given keys.
fn forged_parcel(w: &World, thief: &Keys, to: usize, number: u64, pieces: &[Piece]) -> Vec<u8> {
    let card = Cards::first(w.sides[to].keys.card_bytes()).unwrap().latest().clone();
    seal::seal_parcel(thief, &card, number, w.now, &base::cbor::to_vec(&pieces.to_vec())).unwrap().bytes
}

/// Hands a parcel over and returns what became of each piece.
fn brought(w: &mut World, from: usize, to: usize, parcel: &[u8]) -> Vec<String> {
    let receipt = w.hand(from, to, parcel).unwrap();
    fates(w, to, &receipt)
}

fn h(code: Result<Vec<u8>, &'static str>) -> &'static str {
    code.map_or_else(|c| c, |_| "taken")
}

#[test]
fn a_rotation_under_traffic_loses_and_refuses_nothing() {
    let (mut w, _) = World::allied(3);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    let from = w.now.plus_ms(10 * MINUTE);
    rotate(&mut w, MA, from);
    // Germany is cut off while the card is told, and for a day after it has taken over.
    for n in 0..40 {
        w.notes(MA, asked, &format!("Note {n}"));
        w.notes(ES, asked, &format!("Nota {n}"));
        w.send(MA, ES);
        w.send(ES, MA);
        w.wait(MINUTE);
        adopt(&mut w, MA, &[]);
    }
    assert_eq!(w.sides[MA].keys.card_number(), 2);
    w.wait(24 * HOUR);
    adopt(&mut w, MA, &[]);
    let de = w.id(DE);
    assert_eq!(w.node(MA).book().known_to(&de), Some(1), "it knows the old card only");
    assert_eq!(keys_view(&mut w, MA).untold, ["de"]);
    w.pump();
    assert_eq!(w.node(MA).book().known_to(&de), None);
    w.alike(asked);
    for i in 0..3 {
        assert_eq!(w.waiting_for(i), 0);
        assert!(w.logged(i, "refused-input").is_empty() && w.logged(i, "refused-by-partner").is_empty() && w.logged(i, "incident").is_empty());
        store::check_ledger(&*w.store(i)).unwrap();
    }
    let filed = w.filed(DE, asked);
    assert_eq!(filed.matches(" valid").count(), 81, "{filed}");
    // After the overlap the old keys are gone; whoever still knows the old card only must be given the new one by hand.
    w.wait(48 * HOUR);
    adopt(&mut w, MA, &[]);
    assert!(w.sides[MA].keys.under(1).is_none());
    w.restart(MA);
    assert_eq!(keys_view(&mut w, MA).cards.iter().map(|c| c.keys).collect::<Vec<_>>(), ["opens", "acts"]);
}

#[test]
fn what_a_thief_signs_is_taken_until_the_revocation_and_refused_from_then_on() {
    let (mut w, _) = World::allied(3);
    let asked = w.asks(MA, None).dossier;
    let early = w.notes(MA, asked, "Avant le vol");
    w.pump();
    w.wait(HOUR);
    let since = w.now;
    w.wait(HOUR);
    let thief = w.sides[MA].keys.clone();
    let own = w.notes(MA, asked, "Pendant le vol, de nous");
    w.pump();
    // A forged act goes to Spain alone; Germany never sees it from the thief.
    let (forged, false_act) = forged_note(&w, MA, &thief, asked, "Du voleur");
    let parcel = forged_parcel(&w, &thief, ES, 1 << 40, &[piece(forged.clone())]);
    assert_eq!(brought(&mut w, MA, ES, &parcel), ["held"], "nobody can tell yet");
    // A forged receipt and a forged checkpoint would hold as well.
    let note = seal::Checkpoint::sign(&thief, 1, Digest::of(b"another ledger"));
    let parcel = forged_parcel(&w, &thief, ES, (1 << 40) + 1, &[Piece::Checkpoint { note: note.clone(), old_size: 0, proof: Vec::new() }]);
    assert_eq!(brought(&mut w, MA, ES, &parcel), ["held"]);
    w.wait(HOUR);
    // Germany hears of it first; Spain a day later.
    let revoked = revoke(&mut w, MA, since);
    w.send_all(MA, DE);
    w.send_all(DE, MA);
    let (again, late_act) = forged_note(&w, MA, &thief, asked, "Du voleur, trop tard");
    let parcel = forged_parcel(&w, &thief, DE, 1 << 41, &[piece(again.clone())]);
    assert_eq!(h(w.hand(MA, DE, &parcel)), "peer.seal.card-revoked", "a parcel under the revoked card");
    let parcel = w.parcel(ES, DE, 1 << 41, &[piece(again.clone())]);
    assert_eq!(brought(&mut w, ES, DE, &parcel), ["peer.seal.card-revoked"], "an act under it, whoever brings it");
    let ma = w.id(MA);
    let cards = w.node(DE).book().cards(&ma).unwrap();
    assert_eq!(seal::Checkpoint::read(&note, &cards, w.now).unwrap_err().code(), "peer.seal.card-revoked", "a checkpoint under it");
    assert!(!cards.pins(w.now).contains(&thief.tls().pin), "its TLS key is out");
    w.wait(24 * HOUR);
    w.pump();
    w.pump();
    // The forged act came before Spain knew: it stays, is in doubt, and all have it, so that all fold alike.
    for (i, name) in NAMES.iter().enumerate() {
        assert_eq!(standing(&mut w, i, asked, early.act), Some(Standing::BeforeSuspicion), "{}", name);
        let doubt = standing(&mut w, i, asked, false_act);
        assert!(matches!(doubt, Some(Standing::Doubtful | Standing::OnWord)), "{}: {doubt:?}", name);
        assert!(matches!(standing(&mut w, i, asked, own.act), Some(Standing::Doubtful)), "{}", name);
        assert_eq!(standing(&mut w, i, asked, late_act), None, "{}", name);
    }
    w.alike(asked);
    assert!(w.codes_logged(MA, "incident").contains(&"peer.act.in-our-name".to_owned()), "Morocco learns what was done in its name");
    // Morocco stands by its own and disowns the rest; no verdict changes.
    let before = w.filed(ES, asked);
    let now = w.now;
    let (_, ours) = w.node(MA).stand_by("chief", &[], true, now).unwrap();
    w.sides[MA].commit();
    let (_, not_ours) = w.node(MA).stand_by("chief", &[], false, now).unwrap();
    w.sides[MA].commit();
    assert!(ours.contains(&own.act) && !ours.contains(&false_act));
    assert_eq!(not_ours, [false_act]);
    w.pump();
    for (i, name) in NAMES.iter().enumerate() {
        assert_eq!(standing(&mut w, i, asked, own.act), Some(Standing::Confirmed), "{}", name);
        assert_eq!(standing(&mut w, i, asked, false_act), Some(Standing::Disowned), "{}", name);
    }
    assert_eq!(w.filed(ES, asked), before);
    w.alike(asked);
    // The revocation stands in every ledger, once, and survives restart and rebuild.
    for i in 0..3 {
        let found = w.store(i).entry(&Digest::of(&revoked)).unwrap().unwrap();
        assert_eq!(found.kind, Kind::Revocation);
        let (now, digest) = (w.now, w.digest(i, asked));
        w.node(i).rebuild(now, &mut |_, _| ()).unwrap();
        w.restart(i);
        assert_eq!(w.digest(i, asked), digest);
        assert_eq!(standing(&mut w, i, asked, own.act), Some(Standing::Confirmed));
    }
    // An outsider sees the same, and that the rest stands.
    let proved = w.node(ES).prove_dossier(&asked, None).unwrap().verify().unwrap();
    let told: Vec<(ActId, node::ProofStanding)> = proved.standing;
    assert!(told.contains(&(false_act, node::ProofStanding::Disowned)) && told.contains(&(own.act, node::ProofStanding::Confirmed)));
}

#[test]
fn a_forged_receipt_settles_nothing_whoever_signs_it() {
    let (mut w, _) = World::allied(3);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    let thief = w.sides[ES].keys.clone();
    let since = w.now;
    w.wait(HOUR);
    revoke(&mut w, ES, since);
    w.pump();
    let (stranger, retired, now) = (keys("fr", 77), w.sides[DE].keys.clone(), w.now);
    rotate(&mut w, DE, now);
    w.pump();
    w.wait(10 * 24 * HOUR);
    w.notes(MA, asked, "Sans accusé.");
    let tries = [
        (ES, thief, ES, "peer.seal.card-revoked", "a thief under the revoked card"),
        (DE, retired, DE, "peer.seal.card-retired", "the partner's own old card, retired since"),
        (ES, w.sides[DE].keys.clone(), ES, "peer.receipt.signer", "another partner in its name"),
        (ES, w.sides[DE].keys.clone(), DE, "peer.receipt.signer", "another partner in its own name"),
        (ES, stranger, ES, "peer.receipt.signer", "a stranger in its name"),
    ];
    for (to, signer, named, code, who) in tries {
        let (number, parcel) = w.carry(MA, to).expect("it stays due after each");
        let (me, at) = (w.id(MA), w.now.in_zone("UTC").unwrap());
        let act = w.store(MA).acts_of(&asked).unwrap().last().unwrap().id;
        let receipt = seal::Receipt {
            version: seal::RECEIPT_VERSION,
            parcel: parcel_id(&parcel),
            from: w.id(named),
            to: me,
            at,
            entries: vec![seal::ReceiptEntry { act, held: seal::Held::Held { at: w.now } }],
            ledger_size: 9,
            ledger_root: Digest::default(),
            number,
        };
        let forged = receipt.sign(&signer).bytes().to_vec();
        let before = (w.waiting_for(MA), w.size(MA));
        assert_eq!(w.answered(MA, to, number, &parcel, Some(&forged)), Err(code), "{who}");
        assert_eq!((w.waiting_for(MA), w.size(MA)), before, "{who}: nothing is settled and nothing filed");
        assert_eq!(w.codes_logged(MA, "refused-input").last().map(String::as_str), Some(code), "{who}: it is noted with its code");
    }
    w.pump();
    assert_eq!(w.waiting_for(MA), 0, "the true receipts settle it");
    w.alike(asked);
}

#[test]
fn a_fork_by_a_thief_is_found_by_all_whoever_heard_first() {
    let (mut w, _) = World::allied(3);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    let since = w.now;
    w.wait(HOUR);
    let thief = w.sides[MA].keys.clone();
    let (forged, _) = forged_note(&w, MA, &thief, asked, "Du voleur");
    let parcel = forged_parcel(&w, &thief, ES, 1 << 40, &[piece(forged)]);
    assert_eq!(brought(&mut w, MA, ES, &parcel), ["held"]);
    revoke(&mut w, MA, since);
    // Germany has heard, and has Morocco's own act under the new card; Spain has the thief's under the same number.
    w.notes(MA, asked, "De nous");
    w.send_all(MA, DE);
    w.send_all(DE, MA);
    w.pump();
    w.pump();
    w.alike(asked);
    for (i, name) in NAMES.iter().enumerate() {
        let now = w.now;
        assert_eq!(w.node(i).view(&asked, &[], now).unwrap().forks.len(), 1, "{}", name);
        assert_eq!(w.waiting_for(i), 0);
    }
}

#[test]
fn a_thief_of_the_tls_key_alone_says_nothing() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    // He comes in on Morocco's line; what he signs, he signs as somebody else.
    let other = keys("de", 999);
    let (forged, _) = forged_note(&w, MA, &other, asked, "Du voleur");
    let parcel = forged_parcel(&w, &other, ES, 1 << 40, &[piece(forged.clone())]);
    assert_eq!(h(w.hand(MA, ES, &parcel)), "peer.parcel.courier");
    let parcel = w.parcel(MA, ES, 1 << 40, &[piece(forged)]);
    assert_eq!(brought(&mut w, MA, ES, &parcel), ["peer.act.signer"]);
    assert!(!w.filed(ES, asked).contains("ma2"));
}

#[test]
fn a_partner_that_was_given_the_new_card_by_hand_is_reached_under_it() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    let since = w.now;
    let revoked = revoke(&mut w, MA, since);
    let (card, now, ma, es) = (w.sides[MA].keys.card_bytes().to_vec(), w.now, w.id(MA), w.id(ES));
    w.node(ES).import_card(&card, "", now).unwrap();
    w.node(ES).import_revocation(&revoked, now).unwrap();
    w.sides[ES].commit();
    assert_eq!(w.node(ES).book().cards(&ma).unwrap().latest().number, 2);
    w.notes(MA, asked, "Sous la nouvelle fiche");
    // The first try is made under the card that the partner should know, and fails; the next one under the new card.
    assert_eq!(w.node(MA).book().known_to(&es), Some(1));
    let (number, parcel) = w.carry(MA, ES).unwrap();
    assert_eq!(h(w.hand(MA, ES, &parcel)), "peer.seal.card-revoked");
    w.answered(MA, ES, number, &parcel, None).unwrap();
    assert_eq!(w.node(MA).book().known_to(&es), None);
    w.pump();
    w.alike(asked);
    assert!(keys_view(&mut w, MA).untold.is_empty() && w.waiting_for(MA) == 0);
}

#[test]
fn a_word_on_an_act_is_given_by_a_party_under_a_good_card_only() {
    let (mut w, _) = World::allied(3);
    let parties = w.parties(&[(MA, "requesting"), (ES, "requested")]);
    let intent = node::Intent::Open { mechanism: "information-request".into(), accord: None, parties, follows: None, fields: form(question()), handling: h0() };
    let asked = w.does(MA, intent).dossier;
    w.pump();
    let since = w.now;
    let thief = w.sides[MA].keys.clone();
    w.wait(HOUR);
    let (forged, act) = forged_note(&w, MA, &thief, asked, "Du voleur");
    revoke(&mut w, MA, since);
    w.pump();
    let now = w.now;
    let word = |keys: &Keys, word: seal::Word, of: ActId| seal::Attestation::sign(keys, of, word, now).bytes().to_vec();
    let held = seal::Word::Held { since };
    let (es, de) = (w.sides[ES].keys.clone(), w.sides[DE].keys.clone());
    let ma = w.sides[MA].keys.clone();
    let tries: [(Vec<u8>, &str, &str); 6] = [
        (word(&de, held, act), "peer.act.not-party", "of a service that is no party"),
        (word(&thief, seal::Word::Mine, act), "peer.seal.card-revoked", "of the thief himself"),
        (word(&es, seal::Word::Mine, act), "peer.act.word", "a party that says that another's act is its own"),
        (word(&es, held, ActId::from(Digest::of(b"x"))), "peer.act.word", "on another act"),
        (seal::Attestation::sign(&es, act, seal::Word::Held { since: now.plus_ms(1) }, now).bytes().to_vec(), "peer.bytes.shape", "of tomorrow"),
        (word(&ma, seal::Word::NotMine, act), "held", "its author's own: kept as evidence, and disowned"),
    ];
    for (n, (attestation, code, what)) in tries.into_iter().enumerate() {
        let bring = Piece::Attested { attestation, signed: forged.0.clone(), body: Some(forged.1.clone()) };
        let parcel = w.parcel(MA, ES, (1 << 42) + n as u64, &[bring]);
        let receipt = w.hand(MA, ES, &parcel).unwrap();
        assert_eq!(fates(&w, ES, &receipt), [code], "{what}");
    }
    assert_eq!(standing(&mut w, ES, asked, act), Some(Standing::Disowned));
}

#[test]
fn nobody_revokes_for_another() {
    let mut w = World::partners(3);
    let now = w.now;
    let of_de = revocation(&w.sides[DE].keys, 1, now, now);
    let parcel = w.parcel(ES, MA, 1 << 40, &[Piece::Revocation(of_de.clone())]);
    assert_eq!(brought(&mut w, ES, MA, &parcel), ["peer.card.service"]);
    // The signing key alone signs none: a thief of it cannot revoke.
    let payload = base::cbor::to_vec(&seal::Revocation::read(&of_de).unwrap());
    let mut bent = of_de.clone();
    *bent.last_mut().unwrap() ^= 1;
    assert_eq!(seal::Revocation::read(&bent).unwrap_err().code(), "peer.seal.signature");
    let de_keys = std::panic::AssertUnwindSafe(w.sides[DE].keys.clone());
    assert!(std::panic::catch_unwind(|| de_keys.sign(seal::Typ::Revocation, &payload)).is_err());
    // By hand, while nothing goes over the line.
    w.node(MA).import_revocation(&of_de, now).unwrap();
    w.sides[MA].commit();
    let de = w.id(DE);
    let cards = w.node(MA).book().cards(&de).unwrap();
    assert!(cards.current(now).is_none() && cards.pins(now).is_empty(), "without a newer card nothing goes either way");
}

#[test]
fn a_card_that_is_older_than_its_beginning_undoes_nothing() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None).dossier;
    w.wait(72 * HOUR);
    let late = w.notes(MA, asked, "Trois jours plus tard");
    w.pump();
    let draft = card_draft("ma");
    let backdated = w.sides[MA].keys.clone().rotate(&draft, w.now, &mut Seeded(1));
    assert_eq!(backdated.unwrap_err().code(), "refusal.keys.draft", "an honest service does not issue one");
    // A service that wants to be rid of its word could sign one all the same: the proof tells, and still holds.
    let dated = CardDraft { valid_from: UnixMs(START.0 - 999 * HOUR), ..draft };
    let mut lying = w.sides[MA].keys.clone();
    lying.rotate(&dated, UnixMs(START.0 - 999 * HOUR), &mut Seeded(1)).unwrap();
    let parcel = w.parcel(MA, ES, 1 << 40, &[Piece::Card(lying.card_bytes().to_vec())]);
    assert_eq!(brought(&mut w, MA, ES, &parcel), ["held"]);
    let proved = w.node(ES).prove_dossier(&asked, None).unwrap().verify().unwrap();
    assert!(proved.standing.contains(&(late.act, node::ProofStanding::Retired)), "{:?}", proved.standing);
    assert!(proved.digest.is_some());
}

#[test]
fn two_officers_suspend_a_partner_and_two_resume() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    let (es, now) = (w.id(ES), w.now);
    let (chief, deputy) = (w.sides[MA].chief.clone(), w.sides[MA].deputy.clone());
    let suspend = |w: &mut World, officer: &node::Officer, suspend: bool| {
        let said = w.node(MA).suspend(officer, es, "racine perdue", suspend, now).map(|(_, done)| done).map_err(|e| e.code());
        w.sides[MA].commit();
        said
    };
    assert_eq!(suspend(&mut w, &chief, false), Err("refusal.pending.gone"), "nothing to resume");
    assert_eq!(suspend(&mut w, &chief, true), Ok(false));
    assert_eq!(w.node(MA).suspension_asked(&es).unwrap(), Some((chief.id.to_string(), "racine perdue".to_owned(), true)));
    assert_eq!(suspend(&mut w, &chief, true), Err("refusal.pending.same-eyes"));
    w.notes(ES, asked, "Encore reçu");
    assert!(w.send(ES, MA), "one officer alone stops nothing");
    assert_eq!(suspend(&mut w, &deputy, true), Ok(true));
    w.restart(MA);
    w.notes(ES, asked, "Pas reçu");
    w.notes(MA, asked, "Pas envoyé");
    let (_, parcel) = w.carry(ES, MA).unwrap();
    assert_eq!(h(w.hand(ES, MA, &parcel)), "refusal.partner.suspended");
    assert!(w.carry(MA, ES).is_none());
    let pin = w.sides[ES].keys.tls().pin;
    assert_eq!(w.node(MA).book().by_pin(&pin, now), None, "its line is out too");
    assert_eq!(suspend(&mut w, &deputy, false), Ok(false));
    assert_eq!(suspend(&mut w, &chief, false), Ok(true));
    w.restart(ES);
    w.pump();
    w.alike(asked);
    assert_eq!(w.waiting_for(MA) + w.waiting_for(ES), 0, "nothing was lost");
}

#[test]
fn a_lost_root_key_is_followed_by_a_new_service() {
    let (mut w, accord) = World::allied(2);
    let asked = w.asks(ES, Some(accord)).dossier;
    w.pump();
    let (old, now) = (w.sides[ES].keys.clone(), w.now);
    let (chief, new) = (w.sides[MA].chief.clone(), keys("es", 4242));
    let words = Fingerprint::of(&new.service()).words(Lang::En);
    let succession = new.succeed(old.service(), now).unwrap().bytes().to_vec();
    let payload = seal::Signed::parse(&succession, seal::Typ::Succession, 4096).unwrap().payload().to_vec();
    let counter = old.sign(seal::Typ::Succession, &payload).bytes().to_vec();
    let other = keys("de", 4343);
    let take = |w: &mut World, card: &[u8], succession: &[u8], counter: Option<&[u8]>, words: &str| {
        let done = w.node(MA).take_succession(&chief, card, succession, counter, words, now).map(|(_, s)| s.countersigned).map_err(|e| e.code());
        w.sides[MA].commit();
        done
    };
    let card = new.card_bytes();
    let wrong = w.words(MA);
    assert_eq!(take(&mut w, card, &succession, Some(&counter), &wrong), Err("refusal.fingerprint.differs"));
    assert_eq!(take(&mut w, other.card_bytes(), &succession, None, &words), Err("refusal.node.asked"));
    let by_other = other.sign(seal::Typ::Succession, &payload).bytes().to_vec();
    assert_eq!(take(&mut w, card, &succession, Some(&by_other), &words), Err("peer.seal.unknown-sender"));
    assert_eq!(take(&mut w, card, &counter, None, &words), Err("peer.card.service"), "the old signing key names no successor by itself");
    let stranger = other.succeed(keys("pt", 1).service(), now).unwrap().bytes().to_vec();
    assert_eq!(take(&mut w, other.card_bytes(), &stranger, None, &words), Err("refusal.partner.unknown"));
    assert_eq!(take(&mut w, card, &succession, Some(&counter), &words), Ok(true));
    let left = w.node(MA).successions().unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].dossiers.iter().map(|d| d.0).collect::<Vec<_>>(), [asked]);
    assert_eq!(left[0].accords.iter().map(|d| d.0).collect::<Vec<_>>(), [accord]);
    assert!(w.node(MA).book().cards(&new.service()).is_some());
    // The old service goes on until its card ends.
    w.notes(ES, asked, "Encore l'ancienne");
    w.pump();
    w.alike(asked);
    w.restart(MA);
    assert_eq!(w.node(MA).successions().unwrap().len(), 1);
    let filed: Vec<Kind> = w.store(MA).entries(0, 1000).unwrap().iter().map(|e| e.kind).filter(|k| *k == Kind::Succession).collect();
    assert_eq!(filed.len(), 2, "under the new root and under the old card");
    assert!(Cards::first(card).is_ok());
}

#[test]
fn a_word_under_a_card_that_is_revoked_as_well_brings_nothing_new() {
    let (mut w, _) = World::allied(3);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    w.notes(ES, asked, "Avant");
    w.pump();
    let es = w.id(ES);
    let known = w.store(MA).acts_of(&asked).unwrap().into_iter().rfind(|a| a.author == es).unwrap();
    let unknown = w.forge(ES, asked, note_deed(asked), words("Que personne n'a"), |_| ());
    let (es_keys, de_keys, since) = (w.sides[ES].keys.clone(), w.sides[DE].keys.clone(), w.now);
    w.wait(MINUTE);
    for i in [ES, DE] {
        revoke(&mut w, i, since);
        w.pump();
        w.wait(MINUTE);
    }
    let store::Body::Held(body) = known.body.clone() else { panic!("it is kept") };
    let brings = |w: &mut World, from: usize, keys: &Keys, word: seal::Word, (signed, body): (Vec<u8>, Vec<u8>), number: u64| {
        let act = act_of(&(signed.clone(), body.clone())).id();
        let attestation = seal::Attestation::sign(keys, act, word, since).bytes().to_vec();
        let parcel = w.parcel(from, MA, number, &[Piece::Attested { attestation, signed, body: Some(body) }]);
        let receipt = w.hand(from, MA, &parcel).unwrap();
        fates(w, MA, &receipt)
    };
    let held = seal::Word::Held { since };
    let act = (known.signed.clone(), body);
    // Another party hands on what is here already: it need not do so again. What is not here does not come in so.
    assert_eq!(brings(&mut w, DE, &de_keys, held, act.clone(), 1 << 40), ["held"]);
    assert_eq!(brings(&mut w, DE, &de_keys, held, unknown, 2 << 40), ["peer.seal.card-revoked"]);
    // The author's own word says something new: it stays due until it is signed under the card that acts.
    assert_eq!(brings(&mut w, ES, &es_keys, seal::Word::NotMine, act, 3 << 40), ["peer.seal.card-revoked"]);
}

#[test]
fn nothing_is_signed_under_a_card_that_is_over_by_our_own_clock() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None).dossier;
    w.pump();
    // The next card is filed and told, and its keys never take over: the disk of the key file does not take it, or nobody looks.
    let (from, first) = (w.now, w.sides[MA].keys.clone());
    let mut next = first.clone();
    let draft = seal::CardDraft { valid_from: from.plus_ms(HOUR), ..card_draft(NAMES[MA]) };
    next.rotate(&draft, from, &mut Seeded(9)).unwrap();
    assert_eq!(next.card_number(), 1);
    w.node(MA).adopt_keys(next.clone(), &[], from).unwrap();
    w.sides[MA].keys = next.clone();
    w.sides[MA].commit();
    w.pump();
    // As long as the cards overlap, the old one holds; from then on what it signs would be refused for good.
    w.now = from.plus_ms(HOUR + seal::OVERLAP_MS - 1000);
    w.notes(MA, asked, "Encore sous la carte 1");
    w.pump();
    w.now = from.plus_ms(HOUR + seal::OVERLAP_MS + 1000);
    assert_eq!(w.tries(MA, note(asked, "Trop tard")).unwrap_err().code(), "failure.clock.after-card");
    let parcel = w.parcel(ES, MA, 1 << 40, &[]);
    assert_eq!(w.hand(ES, MA, &parcel), Err("failure.clock.after-card"), "a receipt would hold nowhere");
    // The card that follows takes over at last.
    next.advance(w.now);
    assert_eq!(next.card_number(), 2);
    let now = w.now;
    w.node(MA).adopt_keys(next.clone(), &[], now).unwrap();
    w.sides[MA].keys = next;
    w.sides[MA].commit();
    w.notes(MA, asked, "Sous la carte 2");
    w.pump();
    w.alike(asked);
    assert!(w.logged(ES, "refused-input").is_empty());
}

#[test]
fn nothing_is_signed_under_a_card_that_has_not_begun_by_our_own_clock() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None).dossier;
    let from = w.now;
    rotate(&mut w, MA, from);
    assert_eq!(w.sides[MA].keys.card_number(), 2);
    let es = w.id(ES);
    let (_, begun) = w.node(MA).carry_begin(es, false, from).unwrap();
    // The clock is set back behind the card's beginning, by a second and more.
    w.now = from.plus_ms(-3000);
    assert_eq!(w.tries(MA, note(asked, "Trop tot")).unwrap_err().code(), "failure.clock.before-card");
    let now = w.now;
    let next = w.node(MA).carry_next(es, begun.export, node::CarryRoom { bytes: 1 << 20, chunks: 1 }, now);
    assert_eq!(next.err().map(|e| e.code()), Some("failure.clock.before-card"), "nor does one go on that was begun before");
    assert_eq!(w.node(MA).stand_by("chief", &[], true, now).err().map(|e| e.code()), Some("failure.clock.before-card"), "a word carries our time");
    assert_eq!(w.node(MA).carry_begin(es, false, now).err().map(|e| e.code()), Some("failure.clock.before-card"), "a file cannot be called back");
    let (heir, chief) = (keys("es", 4242), w.sides[MA].chief.clone());
    let (succession, words) = (heir.succeed(es, now).unwrap(), Fingerprint::of(&heir.service()).words(Lang::En));
    let taken = w.node(MA).take_succession(&chief, heir.card_bytes(), succession.bytes(), None, &words, now);
    assert_eq!(taken.err().map(|e| e.code()), Some("failure.clock.before-card"), "our word on a successor carries our time");
    let parcel = w.parcel(ES, MA, 1 << 40, &[]);
    assert_eq!(w.hand(ES, MA, &parcel), Err("failure.clock.before-card"), "a receipt would hold nowhere");
    w.now = from.plus_ms(1000);
    w.notes(MA, asked, "A l'heure");
    w.pump();
    w.alike(asked);
    assert!(w.logged(ES, "refused-input").is_empty());
}

#[test]
fn no_partner_is_told_of_a_new_card_under_one_that_is_over() {
    let (mut w, _) = World::allied(2);
    let (es, from) = (w.id(ES), w.now);
    let ends = from.plus_ms(3 * HOUR);
    let draft = CardDraft { valid_from: from, valid_until: ends, ..card_draft(NAMES[MA]) };
    w.sides[MA].keys.rotate(&draft, from, &mut Seeded(9)).unwrap();
    adopt(&mut w, MA, &[]);
    w.pump();
    // Card 3 takes over before card 2 ends, and ES is away.
    w.wait(HOUR);
    let at = w.now;
    rotate(&mut w, MA, at);
    assert_eq!(w.node(MA).book().known_to(&es), Some(2));
    let signer = |w: &mut World, at: UnixMs| {
        w.now = at;
        w.node(MA).retry();
        let load = w.node(MA).load(es, at).unwrap().unwrap();
        (load.signer, load.seal(&w.sides[MA].keys).unwrap().bytes)
    };
    assert_eq!(signer(&mut w, ends).0, 2, "as long as it holds, the card that ES knows");
    let (number, parcel) = signer(&mut w, ends.plus_ms(1000));
    assert_eq!(number, 3);
    assert_eq!(w.hand(MA, ES, &parcel), Err("peer.seal.unknown-card"), "whose text says what to do, and no expired card");
}
