//! One restoration, several, or another machine under our name: what shows which, and what a declaration does not cover.

use crate::fence::*;
use crate::world::*;
use base::Digest;
use node::Piece;
use seal::{Cards, Checkpoint, Restored, Typ};

#[test]
fn a_node_that_was_put_back_again_before_anybody_heard_of_it_is_believed_and_believes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    // ES cosigns the line that is lost first; its word is still under way.
    w.notes(MA, asked.dossier, "Première ligne.");
    let now = w.now;
    w.node(MA).checkpoint(now).unwrap();
    w.sides[MA].commit();
    w.send_all(MA, ES);
    let cosigned = w.size(MA);
    w.wait(MINUTE);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    // The second line grows by what DE sends, beyond what ES cosigned of the first, and is lost as well: nobody has heard of either loss.
    for n in 0..4 {
        w.notes(DE, asked.dossier, &format!("Note {n}"));
    }
    w.send_all(DE, MA);
    let second = folder.path().join("second.db");
    let copied = backed_up(&w, &second);
    assert!(w.size(MA) > cosigned);
    w.wait(MINUTE);
    put_back(&mut w, &second, Some(copied));
    // One parcel tells ES of both, and what it cosigned comes to MA meanwhile.
    w.pump();
    for i in [MA, MA, ES, MA] {
        checkpoint(&mut w, i);
    }
    for (at, codes) in [(MA, vec![]), (ES, vec!["peer.ledger.restored"; 2]), (DE, vec!["peer.ledger.restored"; 2])] {
        assert_eq!(w.codes_logged(at, "incident"), codes, "{}: {:?}", NAMES[at], w.logged(at, "incident"));
        assert!(w.codes_logged(at, "refused-input").iter().all(|c| !c.starts_with("peer.")), "{}: {:?}", NAMES[at], w.logged(at, "refused-input"));
    }
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    let size = w.size(MA);
    goes_on(&mut w, asked.dossier);
    checkpoint(&mut w, MA);
    let cosigned = w.node(MA).status().unwrap().cosigned;
    assert!(cosigned.len() == 2 && cosigned.iter().all(|(_, c)| *c > size), "{cosigned:?}, more than {size}");
}

#[test]
fn a_declaration_made_under_a_clock_ahead_is_no_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    // The first restoration is declared two hours ahead of everybody, and lost before anybody has heard of it.
    let right = w.now;
    w.wait(120 * MINUTE);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    let (ahead, second) = (w.now, folder.path().join("second.db"));
    w.node(MA).recover(ahead).unwrap();
    w.sides[MA].commit();
    let copied = backed_up(&w, &second);
    w.now = right.plus_ms(MINUTE);
    put_back(&mut w, &second, Some(copied));
    w.pump();
    assert_eq!((w.codes_logged(ES, "incident").len(), w.node(MA).fence().unwrap().unwrap().over), (1, true));
    w.wait(180 * MINUTE);
    w.node(MA).retry();
    w.pump();
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored"; 2], "the first one was taken once its time had come");
    assert_eq!(w.codes_logged(MA, "incident"), [""; 0], "the first is in its own ledger");
    goes_on(&mut w, asked.dossier);
}

/// Lets ES cosign what MA's ledger has come to, under a clock that is fifty minutes ahead; returns what it sends, which stays under way.
fn cosigned_under_a_clock_ahead(w: &mut World) -> Vec<u8> {
    let right = w.now;
    w.node(MA).checkpoint(right).unwrap();
    w.sides[MA].commit();
    let (_, shown) = w.carry(MA, ES).unwrap();
    w.wait(50 * MINUTE);
    w.hand(MA, ES, &shown).unwrap();
    let (number, late) = w.carry(ES, MA).unwrap();
    w.answered(ES, MA, number, &late, None).unwrap();
    w.now = right.plus_ms(MINUTE);
    late
}

#[test]
fn what_a_partner_cosigned_before_it_answered_shows_no_other_machine_whatever_its_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    let late = cosigned_under_a_clock_ahead(&mut w);
    let note = String::from_utf8(w.store(ES).record("witnessed-note", &w.id(MA).to_string()).unwrap().unwrap().data).unwrap();
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    assert!(w.node(MA).fence().unwrap().unwrap().over, "ES has answered");
    w.hand(ES, MA, &late).unwrap();
    assert_eq!(w.codes_logged(MA, "incident"), [""; 0], "it was sent before the answer");
    goes_on(&mut w, asked.dossier);
    // The same once more, as file and line both bring it; then one that is longer than the lost line was, cosigned since.
    let es = w.sides[ES].keys.clone();
    let longer = Checkpoint::sign(&w.sides[MA].keys, 10_000, Digest::of(b"of another machine"));
    let cards = Cards::first(w.sides[MA].keys.card_bytes()).unwrap();
    let line = Checkpoint::read(&longer, &cards, w.now).unwrap().cosign(&es, w.now.plus_ms(MINUTE));
    for (number, note, codes) in [(1, note, vec![]), (2, format!("{longer}{line}"), vec!["failure.fence.twin"])] {
        let parcel = w.parcel(ES, MA, (1 << 40) + number, &[Piece::Cosigned { note }]);
        w.hand(ES, MA, &parcel).unwrap();
        assert_eq!(w.codes_logged(MA, "incident"), codes);
    }
}

#[test]
fn two_machines_from_one_backup_are_named_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    let asked = w.asks(MA, None);
    w.pump();
    let (copy, second) = (folder.path().join("copy.db"), folder.path().join("second.db"));
    let copied = backed_up(&w, &copy);
    std::fs::copy(&copy, &second).unwrap();
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    put_back(&mut w, &copy, Some(copied));
    w.pump();
    w.notes(MA, asked.dossier, "La première continue.");
    w.pump();
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored"]);
    // The same backup on a second machine, which can send and is not reached: the address leads to the first.
    w.wait(MINUTE);
    let keys = w.sides[MA].keys.clone();
    let other = resume(&w, &second, &keys, Some(copied), 99);
    let first = std::mem::replace(&mut w.sides[MA], other);
    w.send_all(MA, ES);
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored", "peer.ledger.restored", "peer.ledger.twin"]);
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "La seconde n'a pas de réponse.")), "refusal.fence.awaited");
    w.sides[MA] = first;
    w.send_all(ES, MA);
    assert_eq!(w.codes_logged(MA, "incident"), ["failure.fence.twin"]);
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Non.")), "failure.fence.twin");
    nothing_twice(&w);
    // The other was stopped: two officers say so.
    let (me, now) = (w.id(MA), w.now);
    let (chief, deputy) = (w.sides[MA].chief.clone(), w.sides[MA].deputy.clone());
    w.node(MA).propose_lift(&chief, me, "La seconde machine est arrêtée.", now).unwrap();
    w.sides[MA].commit();
    w.node(MA).approve_lift(&deputy, me, now).unwrap();
    w.sides[MA].commit();
    w.notes(MA, asked.dossier, "Une seule continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

/// Sends a declaration that MA's node would not make.
fn declares(w: &mut World, number: u64, size: u64, root: Digest) -> String {
    let at = w.now.in_zone(ZONE).unwrap();
    let said = Restored { version: 1, service: w.id(MA), nonce: [number as u8; 16], copied: w.now, at, size, root };
    let signed = said.sign(&w.sides[MA].keys).bytes().to_vec();
    let parcel = w.parcel(MA, ES, number, &[Piece::Restored { signed }]);
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    fates(w, ES, &receipt).remove(0)
}

#[test]
fn a_declaration_covers_no_lie() {
    let (mut w, _) = World::allied(2);
    checkpoint(&mut w, MA);
    let size = w.node(MA).status().unwrap().cosigned[0].1;
    let root = w.store(MA).root(size).unwrap().unwrap();
    assert_eq!(declares(&mut w, 1, size, Digest::of(b"other")), "peer.ledger.rewritten", "another root where it was cosigned");
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.rewritten"]);
    assert_eq!(declares(&mut w, 2, size, root), "held");
    // Declared beyond what was cosigned: the next checkpoint must be that point, and prove that it continues what was cosigned.
    w.asks(MA, None);
    w.pump();
    let end = w.size(MA);
    let other = Digest::of(b"never");
    assert_eq!(declares(&mut w, 3, end, other), "held");
    let send = |w: &mut World, number: u64, size: u64, root: Digest, old_size: u64, proof: Vec<Digest>| {
        let note = seal::Checkpoint::sign(&w.sides[MA].keys, size, root);
        let parcel = w.parcel(MA, ES, number, &[Piece::Checkpoint { note, old_size, proof }]);
        let receipt = w.hand(MA, ES, &parcel).unwrap();
        fates(w, ES, &receipt).remove(0)
    };
    assert_eq!(send(&mut w, 4, end, other, size, vec![]), "peer.ledger.rewritten", "the declared root does not continue the cosigned one");
    let truth = w.store(MA).root(end).unwrap().unwrap();
    let proof = store::prove_consistency(&*w.store(MA), size, end).unwrap().unwrap();
    assert_eq!(send(&mut w, 5, end, truth, size, proof), "peer.ledger.rewritten", "nor is another root taken than the declared one");
    assert_eq!(w.codes_logged(ES, "incident").iter().filter(|c| *c == "peer.ledger.rewritten").count(), 3);
    // Somebody else's declaration is nobody's.
    let at = w.now.in_zone(ZONE).unwrap();
    let forged = Restored { version: 1, service: w.id(MA), nonce: [0; 16], copied: w.now, at, size: 0, root }.sign(&keys("fr", 3));
    assert_eq!(forged.typ(), Typ::Restored);
    let parcel = w.parcel(MA, ES, 9, &[Piece::Restored { signed: forged.bytes().to_vec() }]);
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(fates(&w, ES, &receipt), ["peer.seal.unknown-sender"], "nobody declares in another's name");
}

#[test]
fn a_line_that_was_lost_before_the_last_restoration_shows_no_other_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    for n in 0..30 {
        w.notes(MA, asked.dossier, &format!("Note {n}."));
        w.pump(); // the acts come back, the receipts for them do not
    }
    let late = cosigned_under_a_clock_ahead(&mut w);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    // Put back once more, before ES has cosigned anything of the line that began then.
    let second = folder.path().join("second.db");
    let copied = backed_up(&w, &second);
    w.wait(MINUTE);
    put_back(&mut w, &second, Some(copied));
    w.pump();
    assert!(w.node(MA).fence().unwrap().unwrap().over, "ES has answered");
    w.hand(ES, MA, &late).unwrap();
    assert_eq!(w.codes_logged(MA, "incident"), [""; 0], "it is of the line that was lost first");
    nothing_twice(&w);
}
