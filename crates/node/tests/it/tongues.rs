//! A partner that tells one side this and the other that: found by both, kept, shown, and folded by nobody.

use crate::world::*;
use base::DossierId;
use dossier::Deed;
use serde_json::json;

/// Two acts of ES with one number, neither known to its own node.
fn two_tongues(w: &World, id: DossierId) -> [(Vec<u8>, Vec<u8>); 2] {
    let yes = w.forge(ES, id, note_deed(id), words("Nous viendrons."), |_| ());
    let no = w.forge(ES, id, note_deed(id), words("Nous ne viendrons pas."), |_| ());
    [yes, no]
}

fn tell(w: &mut World, to: usize, number: u64, act: &(Vec<u8>, Vec<u8>)) {
    let parcel = w.parcel(ES, to, number, &[piece(act.clone())]);
    let receipt = w.hand(ES, to, &parcel).unwrap();
    assert_eq!(fates(w, to, &receipt), ["held"]);
}

fn forks(w: &mut World, i: usize, id: DossierId) -> usize {
    let now = w.now;
    w.node(i).view(&id, &[], now).unwrap().forks.iter().map(|f| f.2.len()).sum()
}

#[test]
fn two_tongues_are_found_by_both_sides_kept_by_both_and_fold_alike() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let [yes, no] = two_tongues(&w, id);
    tell(&mut w, MA, 1, &yes);
    tell(&mut w, DE, 1, &no);
    assert_eq!((forks(&mut w, MA, id), forks(&mut w, DE, id)), (0, 0), "each alone cannot know");
    // They build on what they heard, and thereby learn of each other's version.
    w.notes(MA, id, "Très bien.");
    w.notes(DE, id, "Schade.");
    for _ in 0..4 {
        w.send_all(MA, DE);
        w.send_all(DE, MA);
    }
    let honest = [MA, DE];
    for i in honest {
        assert_eq!(forks(&mut w, i, id), 2, "{}", NAMES[i]);
        assert_eq!(w.filed(i, id), "de1 valid, es1 valid, es1 valid, ma1 valid, ma2 valid");
        assert_eq!(w.codes_logged(i, "incident"), ["peer.act.equivocation"], "{}", NAMES[i]);
        let listed = w.node(i).list(Some("information-request"), None, 9).unwrap();
        assert_eq!(listed[0].forks, 1);
        assert_eq!(w.node(i).status().unwrap().incidents, 1);
    }
    assert_eq!(w.digest(MA, id), w.digest(DE, id));
    for i in honest {
        let before = w.digest(i, id);
        w.restart(i);
        assert_eq!((w.digest(i, id), forks(&mut w, i, id)), (before, 2), "the disk folds as memory did");
    }
    // Neither tongue counts, and what the honest built stands; they go on without the liar's stance.
    let now = w.now;
    let view = w.node(MA).view(&id, &[], now).unwrap();
    let notes = view.items.iter().filter(|i| i.kind == "note").count();
    assert_eq!(notes, 2, "the notes of MA and DE, none of ES");
    w.does(MA, moves(id, None, "withdraw", json!({ "reason": fr("Double langage") })));
    w.send_all(MA, DE);
    assert_eq!((w.phase(DE, id).as_str(), w.digest(MA, id)), ("withdrawn", w.digest(DE, id)));
    assert_eq!(w.codes_logged(DE, "incident").len(), 1, "one fork is told of once");
    // Their author is shown both: if it never signed the one, its ledger is an older copy, or somebody else has its key.
    w.send_all(MA, ES);
    assert_eq!(forks(&mut w, ES, id), 2);
    assert!(w.codes_logged(ES, "incident").contains(&"failure.fence.older".to_owned()), "{:?}", w.logged(ES, "incident"));
}

#[test]
fn two_tongues_are_named_while_one_of_them_waits() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let es = w.id(ES);
    // One builds on an act of its author that nobody has, under the number after it; the other comes by the way of the law.
    let waits = w.forge(ES, id, note_deed(id), words("Sur ce que personne n'a."), |h| (h.seq, h.prev) = (2, base::Digest::of(b"never").into()));
    tell(&mut w, MA, 1, &waits);
    w.notes(ES, id, "Un.");
    w.notes(ES, id, "Deux.");
    w.send_all(ES, MA);
    assert_eq!(w.filed(MA, id), "es1 valid, es2 valid, es2 waiting, ma1 valid");
    assert_eq!((forks(&mut w, MA, id), w.codes_logged(MA, "incident")), (2, vec!["peer.act.equivocation".to_owned()]));
    w.restart(MA);
    assert_eq!(forks(&mut w, MA, id), 2, "the disk says so as memory did");
    w.pump();
    let named = w.logged(DE, "incident");
    assert!(named.iter().any(|l| l["code"] == "peer.act.equivocation" && l["author"] == es.to_string() && l["seq"] == 2), "{named:?}");
    assert_eq!(w.digest(MA, id), w.digest(DE, id));
}

#[test]
fn the_evidence_reaches_who_heard_only_one_tongue_and_built_nothing() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let [yes, no] = two_tongues(&w, id);
    tell(&mut w, DE, 1, &no);
    tell(&mut w, MA, 1, &yes);
    tell(&mut w, MA, 2, &no);
    assert_eq!(w.codes_logged(MA, "incident"), ["peer.act.equivocation"]);
    w.send_all(MA, DE);
    assert_eq!((forks(&mut w, DE, id), w.digest(MA, id)), (2, w.digest(DE, id)));
    assert_eq!(w.codes_logged(DE, "incident"), ["peer.act.equivocation"]);
    w.pump();
    assert_eq!(w.waiting_for(DE), 0, "they come to rest");
}

#[test]
fn tongues_that_wait_hide_none_that_count() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    // Under number 9 ES tells MA two things that build on nothing, and then what counts: one thing to MA, another to DE.
    for (number, what) in [(1, "Rien."), (2, "Rien non plus.")] {
        let junk = w.forge(ES, id, note_deed(id), words(what), |h| (h.seq, h.prev) = (9, base::Digest::of(what.as_bytes()).into()));
        tell(&mut w, MA, number, &junk);
    }
    w.send_all(MA, DE);
    let [yes, no] = two_tongues(&w, id);
    tell(&mut w, MA, 3, &yes);
    tell(&mut w, DE, 3, &no);
    tell(&mut w, MA, 4, &no);
    w.send_all(MA, DE);
    for i in [MA, DE] {
        let seqs: Vec<_> = w.logged(i, "incident").iter().filter(|l| l["code"] == "peer.act.equivocation").map(|l| l["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, [9, 1], "{}", NAMES[i]);
    }
    assert_eq!(w.digest(MA, id), w.digest(DE, id));
}

#[test]
fn two_tongues_told_before_the_opening_are_found_when_it_comes() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.send_all(MA, ES);
    let [yes, no] = two_tongues(&w, id);
    tell(&mut w, DE, 1, &yes);
    tell(&mut w, DE, 2, &no);
    w.send_all(MA, DE);
    assert_eq!(forks(&mut w, DE, id), 2);
    assert_eq!(w.codes_logged(DE, "incident"), ["peer.act.equivocation"]);
    w.send_all(DE, MA);
    assert_eq!((forks(&mut w, MA, id), w.digest(MA, id)), (2, w.digest(DE, id)));
}

#[test]
fn two_tongues_told_before_the_opening_are_named_although_both_wait_for_more() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.send_all(MA, ES);
    w.notes(ES, id, "Vu par l'Espagne seule.");
    let [yes, no] = two_tongues(&w, id);
    tell(&mut w, DE, 1, &yes);
    tell(&mut w, DE, 2, &no);
    w.send(MA, DE);
    assert!(w.filed(DE, id).contains("es2 waiting, es2 waiting"), "{}", w.filed(DE, id));
    assert_eq!(w.codes_logged(DE, "incident"), ["peer.act.equivocation"]);
}

#[test]
fn acts_that_the_law_does_not_allow_are_kept_shown_and_fold_to_nothing_everywhere() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let root = (*id.as_ref()).into();
    // ES closes MA's request: a move that is not its own.
    let theft = w.forge(ES, id, Deed::Move { item: root, name: "close".into() }, Default::default(), |_| ());
    let before = w.digest(MA, id);
    for to in [MA, DE] {
        tell(&mut w, to, 1, &theft);
        assert_eq!(w.filed(to, id), "es1 void:refusal.act.unknown-move, ma1 valid");
    }
    assert_eq!((w.digest(MA, id), w.digest(DE, id)), (before, before));
    let now = w.now;
    assert_eq!(w.node(MA).view(&id, &[], now).unwrap().void.len(), 1);
    // An act that claims to have seen less than its author's act before is void, the same at both.
    let back = w.forge(ES, id, note_deed(id), words("Rien vu."), |h| {
        h.seq = 2;
        h.prev = act_of(&theft).id();
        h.seen.clear();
    });
    for to in [MA, DE] {
        tell(&mut w, to, 2, &back);
        assert_eq!(w.filed(to, id), "es1 void:refusal.act.unknown-move, es2 void:peer.act.seen-regress, ma1 valid");
    }
}

#[test]
fn two_tongues_are_found_although_neither_side_acts_again() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let compare = |w: &mut World| {
        for i in [MA, DE] {
            let now = w.now;
            w.node(i).checkpoint(now).unwrap();
            w.sides[i].commit();
        }
        w.pump();
    };
    compare(&mut w);
    for i in [MA, DE] {
        assert!(w.codes_logged(i, "incident").is_empty(), "who was told the same accuses nobody");
    }
    let [yes, no] = two_tongues(&w, id);
    tell(&mut w, MA, 1, &yes);
    tell(&mut w, DE, 1, &no);
    w.pump();
    assert_eq!((forks(&mut w, MA, id), forks(&mut w, DE, id)), (0, 0), "each alone cannot know");
    compare(&mut w);
    for i in [MA, DE] {
        assert_eq!(forks(&mut w, i, id), 2, "{}", NAMES[i]);
        assert_eq!(but_restored(&w, i), ["peer.act.equivocation"], "{}", NAMES[i]);
    }
    assert_eq!(w.digest(MA, id), w.digest(DE, id));
}

/// The incidents of a node but this one: ES's own node, shown by the comparison acts in its name that it does not hold, declares so.
fn but_restored(w: &World, i: usize) -> Vec<String> {
    w.codes_logged(i, "incident").into_iter().filter(|c| c != "peer.ledger.restored").collect()
}

#[test]
fn what_only_one_side_was_told_comes_to_the_other_and_to_nobody_else() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let [yes, _] = two_tongues(&w, id);
    tell(&mut w, MA, 1, &yes);
    let now = w.now;
    w.node(MA).checkpoint(now).unwrap();
    w.sides[MA].commit();
    w.pump();
    assert_eq!(w.filed(DE, id), w.filed(MA, id), "DE asked MA for what ES had kept from it");
    assert!(but_restored(&w, DE).is_empty(), "once only is no lie");
    // A front of a dossier in which the teller has no part is answered as if there were none.
    let two = World::accord_between(&mut w, MA, ES);
    w.send_all(MA, ES);
    let front = w.parcel(DE, MA, 50, &[node::Piece::Front { dossier: two, marks: vec![] }]);
    let receipt = w.hand(DE, MA, &front).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["refusal.node.absent"]);
}

#[test]
fn a_proof_that_was_still_to_be_shown_is_shown_after_a_rebuild() {
    let (mut w, _) = World::allied(3);
    let id = w.asks(MA, None).dossier;
    w.pump();
    let [yes, no] = two_tongues(&w, id);
    tell(&mut w, MA, 1, &yes);
    tell(&mut w, MA, 2, &no);
    assert_eq!(w.codes_logged(MA, "incident"), ["peer.act.equivocation"]);
    let now = w.now;
    w.node(MA).rebuild(now, &mut |_, _| ()).unwrap();
    w.pump();
    assert_eq!((forks(&mut w, DE, id), but_restored(&w, DE)), (2, vec!["peer.act.equivocation".to_owned()]));
    // What DE is known to hold is not sent again by another rebuild.
    w.node(MA).rebuild(now, &mut |_, _| ()).unwrap();
    let de = w.id(DE);
    assert!(w.store(MA).outbox_next(&de, None, 99, usize::MAX).unwrap().is_empty());
}
