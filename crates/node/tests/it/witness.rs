//! Partners watch that a ledger only grows.

use crate::world::*;

/// MA asks its partners to cosign, and everything travels.
fn checkpoint(w: &mut World) {
    let now = w.now;
    w.node(MA).checkpoint(now).unwrap();
    w.sides[MA].commit();
    w.pump();
}

fn cosigned(w: &World) -> Vec<(String, u64)> {
    let mut c = w.sides[MA].node.status().unwrap().cosigned;
    c.sort();
    c
}

#[test]
fn partners_cosign_what_only_grew() {
    let (mut w, _) = World::allied(3);
    let size = w.size(MA);
    checkpoint(&mut w);
    assert_eq!(cosigned(&w), [("de".to_owned(), size), ("es".to_owned(), size)]);
    w.asks(MA, None);
    w.pump();
    let size = w.size(MA);
    checkpoint(&mut w);
    assert_eq!(cosigned(&w), [("de".to_owned(), size), ("es".to_owned(), size)], "the second is consistent with the first");
    for i in 0..3 {
        assert!(w.logged(i, "incident").is_empty());
        assert!(w.logged(i, "refused-input").is_empty(), "{:?}", w.logged(i, "refused-input"));
    }
    let kinds: Vec<_> = w.store(MA).entries(0, 999).unwrap().into_iter().filter(|e| e.kind == store::Kind::CheckpointCosigned).collect();
    assert_eq!(kinds.len(), 4, "the cosignatures stand in our own ledger");
}

#[test]
fn a_checkpoint_that_is_overtaken_by_a_later_one_accuses_nobody() {
    let (mut w, _) = World::allied(2);
    checkpoint(&mut w);
    let now = w.now;
    let mut parcels = Vec::new();
    for _ in 0..2 {
        w.asks(MA, None);
        w.node(MA).checkpoint(now).unwrap();
        w.sides[MA].commit();
        parcels.push(w.carry(MA, ES).unwrap());
    }
    // The second parcel comes, the first is lost and sent again.
    let (number, parcel) = parcels.pop().unwrap();
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    w.answered(MA, ES, number, &parcel, Some(&receipt)).unwrap();
    let (number, parcel) = parcels.pop().unwrap();
    w.answered(MA, ES, number, &parcel, None).unwrap();
    w.pump();
    assert!(w.logged(ES, "incident").is_empty(), "{:?}", w.logged(ES, "incident"));
    w.asks(MA, None);
    checkpoint(&mut w);
    w.asks(MA, None);
    w.pump();
    let size = w.size(MA);
    checkpoint(&mut w);
    assert_eq!(cosigned(&w), [("es".to_owned(), size)], "and they find together again");
    assert!(w.logged(ES, "incident").is_empty() && w.logged(MA, "incident").is_empty());
}

#[test]
fn a_cosignature_that_comes_after_the_card_was_followed_counts() {
    for revoked in [false, true] {
        let (mut w, _) = World::allied(2);
        let (size, now) = (w.size(MA), w.now);
        w.node(MA).checkpoint(now).unwrap();
        w.sides[MA].commit();
        w.send_all(MA, ES); // ES cosigns, and is away before it has sent that
        let draft = seal::CardDraft { valid_from: now, ..card_draft("ma") };
        w.sides[MA].keys.rotate(&draft, now, &mut Seeded(7)).unwrap();
        let keys = w.sides[MA].keys.clone();
        let mut revocations = Vec::new();
        if revoked {
            let tasks = vec![keys.revocation(1, now, seal::Reason::Suspected, now).unwrap()];
            let request = seal::RootRequest { version: seal::REQUEST_VERSION, service: keys.service(), tasks };
            revocations.push(keys.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec());
        }
        w.node(MA).adopt_keys(keys, &revocations, now).unwrap();
        w.sides[MA].commit();
        w.wait(MINUTE);
        w.send_all(MA, ES);
        w.wait(seal::OVERLAP_MS);
        w.pump();
        // It was good when it was cosigned; what a revoked card signed may be a thief's.
        let counts = if revoked { Vec::new() } else { vec![("es".to_owned(), size)] };
        assert_eq!(cosigned(&w), counts);
        let refused = if revoked { vec!["peer.seal.card-revoked"] } else { Vec::new() };
        assert_eq!(w.codes_logged(MA, "refused-input"), refused, "{:?}", w.logged(MA, "refused-input"));
        if !revoked {
            let size = w.size(MA);
            checkpoint(&mut w);
            assert_eq!(cosigned(&w), [("es".to_owned(), size)], "and the next goes on from there");
        }
    }
}

#[test]
fn a_ledger_that_was_put_back_and_rewritten_is_named() {
    // Shorter than before, and longer than before: either way the partner names it.
    for acts in [1, 12] {
        let folder = tempfile::tempdir().unwrap();
        let mut w = World::strangers_on(folder.path(), 2).met();
        w.accord(&["information-request"]);
        checkpoint(&mut w);
        let file = w.sides[MA].file.clone().unwrap();
        let copy = folder.path().join("old.db");
        let old_keys = w.sides[MA].keys.clone();
        w.restart(MA);
        // A backup: the file with its write-ahead log checked in.
        let backup = |from: &std::path::Path, to: &std::path::Path| {
            for end in ["", "-wal"] {
                let name = |p: &std::path::Path| std::path::PathBuf::from(format!("{}{end}", p.display()));
                let _ = std::fs::remove_file(name(to));
                if name(from).exists() {
                    std::fs::copy(name(from), name(to)).unwrap();
                }
            }
        };
        backup(&file, &copy);
        for _ in 0..3 {
            w.asks(MA, None);
            w.pump();
        }
        checkpoint(&mut w);
        assert!(w.logged(ES, "incident").is_empty());
        let witnessed = w.size(MA);
        // The operator puts the old file back and goes on as if nothing had been.
        let side = w.sides.remove(MA);
        drop(side);
        let _ = std::fs::remove_file(format!("{}-shm", file.display()));
        backup(&copy, &file);
        let side = Side::resume("ma", old_keys, file, w.now);
        w.sides.insert(MA, side);
        for _ in 0..acts {
            w.asks(MA, None);
        }
        w.pump();
        assert_eq!(w.size(MA) > witnessed, acts > 1);
        checkpoint(&mut w);
        checkpoint(&mut w);
        let codes = w.codes_logged(ES, "incident");
        assert!(codes.iter().any(|c| c == "peer.ledger.rewritten"), "{acts}: {codes:?}, {:?}", w.logged(ES, "refused-input"));
    }
}

#[test]
fn a_checkpoint_that_contradicts_the_one_before_is_named_at_once() {
    let (mut w, _) = World::allied(2);
    checkpoint(&mut w);
    let (size, _) = (cosigned(&w)[0].1, ());
    let send = |w: &mut World, number: u64, size: u64, old_size: u64, root: base::Digest| {
        let note = seal::Checkpoint::sign(&w.sides[MA].keys, size, root);
        let parcel = w.parcel(MA, ES, number, &[node::Piece::Checkpoint { note, old_size, proof: vec![] }]);
        let receipt = w.hand(MA, ES, &parcel).unwrap();
        fates(w, ES, &receipt).remove(0)
    };
    assert_eq!(send(&mut w, 1, size, size, base::Digest::of(b"other")), "peer.ledger.rewritten", "the same size and another root");
    assert_eq!(send(&mut w, 2, size + 9, size, base::Digest::of(b"other")), "peer.ledger.rewritten", "no proof from the size that was cosigned");
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.rewritten"; 2]);
    let forged = seal::Checkpoint::sign(&keys("fr", 3), size + 1, base::Digest::of(b"x"));
    let parcel = w.parcel(MA, ES, 3, &[node::Piece::Checkpoint { note: forged, old_size: size, proof: vec![] }]);
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(fates(&w, ES, &receipt), ["peer.note.origin"]);
    assert_eq!(w.codes_logged(ES, "incident").len(), 2, "a forgery accuses nobody");
}

#[test]
fn a_checkpoint_of_ours_that_our_ledger_does_not_bear_out_is_our_incident_and_a_forged_one_its_bringer_s_fault() {
    let (mut w, _) = World::allied(2);
    checkpoint(&mut w);
    let (size, es) = (cosigned(&w)[0].1, w.id(ES).to_string());
    let mine = seal::Checkpoint::sign(&w.sides[MA].keys, size, base::Digest::of(b"never"));
    let shown = |w: &mut World, number: u64, note: String| {
        let parcel = w.parcel(ES, MA, number, &[node::Piece::Cosigned { note }]);
        let receipt = w.hand(ES, MA, &parcel).unwrap();
        fates(w, MA, &receipt).remove(0)
    };
    // Forged: our name above another signature, or another text above our signature. It says nothing of us, and names who brought it.
    assert_eq!(shown(&mut w, 1, mine.replace(&format!("\n{size}\n"), &format!("\n{}\n", size + 1))), "peer.note.signature");
    assert_eq!(shown(&mut w, 2, seal::Checkpoint::sign(&keys("fr", 3), size, base::Digest::of(b"never"))), "peer.note.origin");
    let refused = w.logged(MA, "refused-input");
    assert!(refused.len() == 2 && refused.iter().all(|l| l["from"] == *es), "{refused:?}");
    assert!(w.logged(MA, "incident").is_empty() && !w.node(MA).is_fenced());
    // Our own key signed what is not our ledger: until partners have said what they hold, nothing is signed here. Who shows it does right.
    assert_eq!(shown(&mut w, 3, mine), "failure.ledger.not-ours");
    assert_eq!(w.codes_logged(MA, "incident"), ["failure.fence.older", "failure.ledger.not-ours"]);
    let me = w.id(MA).to_string();
    assert!(w.logged(MA, "incident").iter().any(|l| l["service"] == *me && l["shown_by"] == *es));
    assert_eq!(w.logged(MA, "refused-input").len(), 2, "{:?}", w.logged(MA, "refused-input"));
    assert!(w.node(MA).is_fenced());
}

#[test]
fn a_checkpoint_is_judged_by_the_clock_of_who_sealed_it() {
    let (mut w, _) = World::allied(2);
    let from = w.now;
    crate::keys::rotate(&mut w, MA, from);
    w.pump();
    w.asks(MA, None);
    w.node(MA).checkpoint(from).unwrap();
    w.sides[MA].commit();
    let size = w.size(MA);
    let (number, parcel) = w.carry(MA, ES).unwrap();
    // ES's clock is five minutes behind, and by it the card of MA that signed has not begun.
    w.now = from.plus_ms(-5 * 60_000);
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    assert!(fates(&w, ES, &receipt).iter().all(|f| f == "held"), "{:?}", fates(&w, ES, &receipt));
    assert!(w.logged(ES, "refused-input").is_empty(), "{:?}", w.logged(ES, "refused-input"));
    // Under the card before it, in a parcel of a time at which the new one has not begun, no node sends it that keeps to its clock.
    let pieces =
        [node::Piece::Checkpoint { note: seal::Checkpoint::sign(&w.sides[MA].keys, size + 1, base::Digest::of(b"other")), old_size: 0, proof: vec![] }];
    let theirs = seal::Directory::cards(&w.sides[MA].node.book(), &w.id(ES)).unwrap().latest().clone();
    let first = w.sides[MA].keys.under(1).unwrap();
    let early = seal::seal_parcel(&first, &theirs, 1 << 40, w.now, &base::cbor::to_vec(&pieces.to_vec())).unwrap().bytes;
    let refused = w.hand(MA, ES, &early).unwrap();
    assert_eq!(fates(&w, ES, &refused), ["peer.seal.card-expired"]);
    w.now = from;
    w.answered(MA, ES, number, &parcel, Some(&receipt)).unwrap();
    w.pump();
    assert_eq!(cosigned(&w), [("es".to_owned(), size)]);
}
