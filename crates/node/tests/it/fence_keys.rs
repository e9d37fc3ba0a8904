//! Keys and a node that was put back: cards that its copy does not know, and declarations under a card that is over.

use crate::fence::*;
use crate::world::*;
use seal::Typ;
use store::Kind;

#[test]
fn a_key_file_older_than_the_newest_card_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    let old = w.sides[MA].keys.clone();
    let now = w.now;
    // It begins later, so partners still seal to the one before.
    let draft = seal::CardDraft { valid_from: now.plus_ms(48 * HOUR), ..card_draft("ma") };
    w.sides[MA].keys.issue_card(&draft, now).unwrap();
    w.restart(MA);
    w.notes(MA, asked.dossier, "Avec la nouvelle fiche.");
    w.pump();
    let newer = std::mem::replace(&mut w.sides[MA].keys, old);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Non.")), "failure.fence.old-keys");
    assert!(w.node(MA).fence().unwrap().unwrap().old_keys && w.codes_logged(MA, "incident") == ["failure.fence.old-keys"]);
    w.sides[MA].keys = newer;
    w.restart(MA);
    w.pump();
    w.notes(MA, asked.dossier, "Avec le bon fichier.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

/// Takes a new card at once; with `revoke` the one before is revoked. Everybody is told.
pub fn new_card(w: &mut World, i: usize, revoke: bool) {
    issue(w, i, revoke);
    w.wait(MINUTE);
    w.pump();
}

/// The same, and nobody is told yet.
fn issue(w: &mut World, i: usize, revoke: bool) {
    let (now, before) = (w.now, w.sides[i].keys.card_number());
    let draft = seal::CardDraft { valid_from: now, ..card_draft(NAMES[i]) };
    w.sides[i].keys.rotate(&draft, now, &mut Seeded(now.0 as u64)).unwrap();
    let keys = w.sides[i].keys.clone();
    let mut revocations = Vec::new();
    if revoke {
        let tasks = vec![keys.revocation(before, now, seal::Reason::Suspected, now).unwrap()];
        let request = seal::RootRequest { version: seal::REQUEST_VERSION, service: keys.service(), tasks };
        revocations.push(keys.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec());
    }
    w.node(i).adopt_keys(keys, &revocations, now).unwrap();
    w.sides[i].commit();
}

/// Lets MA's node look after its restoration so many times, and what it asks for go to and fro.
fn recovers(w: &mut World, times: usize, every: i64) {
    for _ in 0..times {
        let now = w.now;
        w.node(MA).recover(now).unwrap();
        w.sides[MA].commit();
        w.pump();
        w.wait(every);
    }
}

/// Our own declarations in a service's ledger.
fn declared_by_ma(w: &World, at: usize) -> usize {
    let me = w.id(MA);
    let by_ma = |bytes: &[u8]| seal::Signed::parse(bytes, Typ::Restored, seal::RESTORED_BYTES_MAX).is_ok_and(|s| s.signer() == me);
    w.store(at).entries(0, 100_000).unwrap().iter().filter(|e| e.kind == Kind::Restored && by_ma(&e.signed)).count()
}

#[test]
fn a_backup_from_before_two_new_cards_starts_and_files_both() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    new_card(&mut w, MA, false);
    new_card(&mut w, MA, false);
    w.notes(MA, asked.dossier, "Sous la carte 3.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    let now = w.now;
    let numbers: Vec<u32> = w.node(MA).keys_view(now).unwrap().cards.iter().map(|c| c.number).collect();
    assert_eq!(numbers, [1, 2, 3], "the key file has the cards that the copy lacks");
    w.pump();
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    goes_on(&mut w, asked.dossier);
}

#[test]
fn what_a_card_had_signed_that_is_revoked_since_does_not_hold_the_fence() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    // What ES holds of us, receipts and checkpoints, bears card 1; and so does our cosignature of its ledger.
    checkpoint(&mut w, MA);
    checkpoint(&mut w, ES);
    new_card(&mut w, MA, true);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    for _ in 0..4 {
        w.pump();
        w.wait(MINUTE);
    }
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over, "{fence:?}");
    goes_on(&mut w, asked.dossier);
    assert_eq!([w.waiting_for(MA), w.waiting_for(ES)], [0, 0], "nothing goes round without end");
}

#[test]
fn a_declaration_whose_card_is_revoked_is_signed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    // ES has answered. DE has taken the declaration, and its answer is lost.
    w.send_all(MA, ES);
    w.send_all(ES, MA);
    w.send_all(MA, DE);
    let (number, parcel) = w.carry(DE, MA).unwrap();
    w.answered(DE, MA, number, &parcel, None).unwrap();
    assert_eq!(w.node(MA).fence().unwrap().unwrap().awaited, ["de"]);
    // A card that is only followed leaves the declaration as it is: partners believe it.
    issue(&mut w, MA, false);
    let now = w.now;
    w.node(MA).recover(now).unwrap();
    w.sides[MA].commit();
    assert_eq!(declared_by_ma(&w, MA), 1);
    // One that is revoked does not: the same restoration is declared under the card that acts.
    w.wait(2000);
    let first = w.sides[MA].keys.clone();
    issue(&mut w, MA, true);
    w.wait(2000);
    let revocation = {
        let now = w.now;
        let tasks = vec![first.revocation(1, now, seal::Reason::Suspected, now).unwrap()];
        let request = seal::RootRequest { version: seal::REQUEST_VERSION, service: first.service(), tasks };
        first.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec()
    };
    let (keys, now) = (w.sides[MA].keys.clone(), w.now);
    w.node(MA).adopt_keys(keys, &[revocation], now).unwrap();
    w.sides[MA].commit();
    recovers(&mut w, 16, MINUTE);
    assert_eq!((declared_by_ma(&w, MA), declared_by_ma(&w, DE)), (2, 2));
    assert_eq!(declared_by_ma(&w, ES), 1, "who had answered is not asked again");
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over && !fence.twin, "{fence:?}");
    assert_eq!(
        w.codes_logged(DE, "incident").iter().filter(|c| c.starts_with("peer.ledger.")).collect::<Vec<_>>(),
        ["peer.ledger.restored"],
        "one restoration, no twin"
    );
    goes_on(&mut w, asked.dossier);
    checkpoint(&mut w, MA);
    checkpoint(&mut w, MA);
    assert!(w.codes_logged(DE, "incident").iter().all(|c| c != "peer.ledger.rewritten"));
}

#[test]
fn what_a_clock_ahead_dated_beyond_the_overlap_of_two_cards_does_not_hold_the_fence() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    // By file an older parcel is taken, also by a clock that is fifty hours ahead; the receipt is dated so, and ES takes it when it comes.
    w.notes(ES, asked.dossier, "Par fichier.");
    let file = crate::carry::one(crate::carry::export(&mut w, ES, MA, false));
    w.wait(50 * HOUR);
    crate::carry::import(&mut w, MA, &file).unwrap();
    let back = crate::carry::one(crate::carry::export(&mut w, MA, ES, false));
    crate::carry::import(&mut w, ES, &back).unwrap();
    w.wait(-50 * HOUR);
    new_card(&mut w, MA, false);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    for _ in 0..4 {
        w.pump();
        w.wait(MINUTE);
    }
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over, "{fence:?}");
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
}

#[test]
fn a_declaration_under_a_card_that_was_followed_long_before_is_signed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    let old = w.sides[MA].keys.clone();
    new_card(&mut w, MA, false);
    w.now = w.now.plus_ms(seal::OVERLAP_MS + HOUR);
    w.notes(MA, asked.dossier, "Bien après.");
    w.pump();
    // The key file in the backup is as old as the copy: partners believe nothing that is signed with it.
    let newer = std::mem::replace(&mut w.sides[MA].keys, old);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    assert!(w.send(MA, ES));
    assert_eq!(w.codes_logged(ES, "refused-input"), ["peer.seal.card-retired"]);
    assert_eq!(w.node(MA).fence().unwrap().unwrap().awaited, ["es"]);
    assert_eq!((declared_by_ma(&w, MA), declared_by_ma(&w, ES)), (1, 0));
    w.sides[MA].keys = newer;
    w.restart(MA);
    recovers(&mut w, 3, 11 * MINUTE);
    assert_eq!((declared_by_ma(&w, MA), declared_by_ma(&w, ES)), (2, 1), "with the right key file it is said again");
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    goes_on(&mut w, asked.dossier);
}

#[test]
fn an_own_act_whose_every_word_is_under_a_revoked_card_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    // Signed under card 1, and told under card 2, when ES knew already that card 1 is revoked.
    w.notes(MA, asked.dossier, "Sous la fiche 1.");
    issue(&mut w, MA, true);
    w.wait(MINUTE);
    w.pump();
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid");
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    // Card 2 is revoked before anybody has got a word on that act under another one; and the copy has forgotten the act.
    issue(&mut w, MA, true);
    // The copy does not know that ES knows card 2, and under card 1 nothing can be told: the next card goes by hand, as `keys export` does it.
    let (now, me) = (w.now, w.id(MA));
    let cards: Vec<Vec<u8>> = seal::Directory::cards(&w.node(MA).book(), &me).unwrap().iter_bytes().map(<[u8]>::to_vec).collect();
    for card in &cards {
        let _ = w.node(ES).import_card(card, "", now); // the first two are known
    }
    w.sides[ES].commit();
    recovers(&mut w, 3, 11 * MINUTE);
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma2 valid");
    goes_on(&mut w, asked.dossier);
}
