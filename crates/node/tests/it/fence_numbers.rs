//! Numbers of a node that was put back: what may be used is not free, however it comes to light.

use crate::fence::*;
use crate::world::*;
use base::{Digest, UnixMs};
use dossier::Mark;
use node::Piece;
use serde_json::json;
use std::path::Path;

#[test]
fn parcel_numbers_leap_over_those_that_were_used() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    let copied = backed_up(&w, &folder.path().join("copy.db"));
    let mut used = Vec::new();
    for _ in 0..3 {
        w.restart(MA);
        w.asks(MA, None);
        used.push(w.carry(MA, ES).unwrap().0);
    }
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    let (first, _) = w.carry(MA, ES).unwrap();
    assert!(first >> 32 > (used[2] >> 32) + 60_000 && first >> 32 < 1 << 25, "{first} after {used:?}");
    let mut other = (w.carry(MA, ES), ());
    assert!(other.0.take().is_none(), "the declaration is all there is");
    // Two machines from one backup do not number alike.
    let keys = w.sides[MA].keys.clone();
    let mut twin = resume(&w, &copy_of(&folder.path().join("copy.db")), &keys, Some(copied), 4711);
    let (es, now) = (w.id(ES), w.now);
    assert_ne!(twin.node.load(es, now).unwrap().unwrap().number >> 32, first >> 32);
}

#[test]
fn an_echo_of_acts_that_nobody_can_show_holds_nothing_up_for_long() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.pump();
    let ma = w.id(MA);
    let forged = w.forge(ES, asked.dossier, note_deed(asked.dossier), words("A vu ce qui n'est pas."), |h| {
        for m in h.seen.iter_mut().filter(|m| m.party == ma) {
            (m.seq, m.act) = (99, Digest::of(b"never").into());
        }
    });
    let parcel = w.parcel(ES, MA, 1, &[piece(forged)]);
    w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Une minute.")), "refusal.fence.shown");
    w.wait(14 * MINUTE);
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Quatorze.")), "refusal.fence.shown");
    w.wait(MINUTE);
    w.notes(MA, asked.dossier, "Quinze.");
    assert!(w.node(MA).fence().unwrap().is_none() && w.codes_logged(MA, "incident").is_empty());
}

/// MA asks ES, and is copied; then it notes twice, and only the second note reaches ES before MA's disk is lost. Returns the parcel of the first.
pub fn second_without_the_first(folder: &Path) -> (World, Done, UnixMs, Vec<u8>) {
    let (mut w, asked, copied) = asked_and_backed_up(folder, 2);
    w.notes(MA, asked.dossier, "La première se perd.");
    let (_, first) = w.carry(MA, ES).unwrap();
    w.notes(MA, asked.dossier, "La seconde arrive.");
    let (_, second) = w.carry(MA, ES).unwrap();
    w.hand(MA, ES, &second).unwrap();
    (w, asked, copied, first)
}

#[test]
fn the_number_of_an_own_act_that_waits_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied, first) = second_without_the_first(folder.path());
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    // ES has answered, and what it named is here: it waits, for nobody has the note before it.
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma3 waiting");
    w.asks(MA, None); // elsewhere it signs
    for _ in 0..2 {
        assert_eq!(refused(&mut w, MA, note(asked.dossier, "Ce serait un second deux.")), "refusal.fence.own-waits");
        w.wait(16 * MINUTE); // no time makes the number free
        w.restart(MA);
    }
    // The lost note turns up after all, by a parcel that was long under way: at once both chains go on.
    w.hand(MA, ES, &first).unwrap();
    checkpoint(&mut w, ES);
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma2 valid, ma3 valid");
    w.notes(MA, asked.dossier, "Quatrième.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn an_own_act_on_what_only_a_liar_had_keeps_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    // DE says something to MA alone, MA builds on it, and ES gets MA's act. Then MA loses its disk, and DE has never said anything.
    let forged = w.forge(DE, asked.dossier, note_deed(asked.dossier), words("Entre nous."), |_| ());
    let parcel = w.parcel(DE, MA, 1, &[piece(forged)]);
    w.hand(DE, MA, &parcel).unwrap();
    w.notes(MA, asked.dossier, "Vu ce que dit l'Allemagne.");
    w.send_all(MA, ES);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma2 waiting");
    let e = w.tries(MA, note(asked.dossier, "Non.")).unwrap_err();
    assert!(e.code() == "refusal.fence.own-waits" && e.to_string().contains("acts of de which"), "{e}");
    let other = w.asks(MA, None);
    w.pump();
    w.alike(other.dossier);
    nothing_twice(&w);
}

#[test]
fn a_number_that_a_partner_shows_after_it_answered_is_not_free() {
    for by_front in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
        w.notes(MA, asked.dossier, "Longtemps en route.");
        let (_, late) = w.carry(MA, ES).unwrap();
        let (me, dossier) = (w.id(MA), asked.dossier);
        let act = w.store(MA).range(&dossier, &me, 2, 2).unwrap()[0].id;
        put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
        w.pump();
        assert!(w.node(MA).fence().unwrap().unwrap().over, "all that ES holds is here");
        // Then what was long under way reaches ES. What it says of that comes to MA before the act does.
        w.hand(MA, ES, &late).unwrap();
        let says = match by_front {
            true => Piece::Front { dossier, marks: vec![Mark { party: me, seq: 2, act }] },
            false => Piece::Want { dossier, author: me, from: 2, to: 2 },
        };
        let parcel = w.parcel(ES, MA, 1 << 40, &[says]);
        w.hand(ES, MA, &parcel).unwrap();
        assert_eq!(refused(&mut w, MA, note(dossier, "Ce serait un second deux.")), "refusal.fence.shown");
        w.pump();
        assert_eq!(w.filed(MA, dossier), "ma1 valid, ma2 valid");
        w.notes(MA, dossier, "Troisième.");
        w.pump();
        w.alike(dossier);
        nothing_twice(&w);
    }
}

#[test]
fn what_a_partner_has_erased_meanwhile_holds_its_own_dossier_and_accuses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    let dossier = asked.dossier;
    w.does(MA, moves(dossier, None, "withdraw", json!({ "reason": fr("Résolu") })));
    w.pump();
    w.wait(31 * 24 * HOUR);
    let now = w.now;
    let (_, erased) = w.node(ES).sweep(now).unwrap().unwrap();
    w.sides[ES].commit();
    assert_eq!(erased, [dossier]);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    // ES hands on what it has: the head, by which MA knows that the number is used, and cannot judge what it was used for.
    assert_eq!(w.filed(MA, dossier), "ma1 valid");
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over && fence.dossiers_open == 0 && fence.dossiers_erased == 1, "{fence:?}");
    assert_eq!(w.codes_logged(MA, "refused-input"), ["refusal.act.without-content"]);
    // The same once more, as if the receipt for it had been lost.
    let (ma, held) = (w.id(MA), w.store(ES).acts_of(&dossier).unwrap());
    let head = held.into_iter().find(|a| a.author == ma && a.seq == 2).unwrap().signed;
    let parcel = w.parcel(ES, MA, 1 << 40, &[Piece::Act { signed: head, body: None }]);
    w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(w.codes_logged(MA, "incident"), [""; 0], "it is known to be ours, and to be lost");
    for _ in 0..2 {
        let e = w.tries(MA, note(dossier, "Ce serait un second deux.")).unwrap_err();
        assert!(e.code() == "refusal.fence.erased" && e.to_string().contains("came back from es without its content"), "{e}");
        w.restart(MA);
    }
    let (chief, now, es) = (w.sides[MA].chief.clone(), w.now, w.id(ES));
    assert_eq!(w.node(MA).propose_lift(&chief, es, "Le partenaire n'a plus rien", now).unwrap_err().code(), "refusal.node.asked", "it makes no number free");
    w.asks(MA, None);
    w.wait(HOUR);
    w.pump();
    assert_eq!(w.codes_logged(MA, "refused-input").len(), 2, "it is not asked for again and again");
    nothing_twice(&w);
}

#[test]
fn a_partner_that_claims_to_have_seen_numbers_holds_nothing_up_twice() {
    let (mut w, _) = World::allied(3);
    let (ma, dossier) = (w.id(MA), w.asks(MA, None).dossier);
    w.pump();
    let mut number = 1 << 40;
    let mut claims = |w: &mut World, by: usize, to: u64| {
        number += 1;
        let parcel = w.parcel(by, MA, number, &[Piece::Want { dossier, author: ma, from: 2, to }]);
        w.hand(by, MA, &parcel).unwrap();
    };
    claims(&mut w, ES, 2);
    let e = w.tries(MA, note(dossier, "Non.")).unwrap_err();
    assert!(e.code() == "refusal.fence.shown" && e.to_string().starts_with("es has seen"), "{e}");
    w.wait(15 * MINUTE);
    w.notes(MA, dossier, "ES n'a rien montré.");
    for to in [3, 99] {
        claims(&mut w, ES, to);
        w.notes(MA, dossier, "ES n'est plus cru.");
    }
    // Another party is believed all the same, for as long.
    claims(&mut w, DE, 5);
    assert_eq!(refused(&mut w, MA, note(dossier, "Non.")), "refusal.fence.shown");
    w.wait(15 * MINUTE);
    w.notes(MA, dossier, "DE non plus.");
}
