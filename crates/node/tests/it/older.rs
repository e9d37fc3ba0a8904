//! An older copy of a disk that somebody put in place and told nobody of: it finds itself, by whatever a partner shows it.

use crate::fence::{allied_on, asked_and_backed_up, backed_up, checkpoint, nothing_twice, put_back, refused};
use crate::fence_keys::new_card;
use crate::fence_numbers::second_without_the_first;
use crate::world::*;

#[test]
fn a_copy_that_nobody_declared_finds_out_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    let asked = w.asks(MA, None);
    w.pump();
    checkpoint(&mut w, MA);
    backed_up(&w, &folder.path().join("copy.db"));
    w.notes(MA, asked.dossier, "Après la copie.");
    w.pump();
    w.accepts(ES, asked.dossier);
    put_back(&mut w, &folder.path().join("copy.db"), None);
    // ES's act has seen our second: from then on nothing is signed beside it, and the proof is asked for.
    w.send_all(ES, MA);
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Non.")), "refusal.fence.shown");
    w.pump();
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.why, fence.over), (node::Why::Found, true), "{fence:?}");
    assert_eq!(w.codes_logged(MA, "incident"), ["peer.act.in-our-name", "failure.fence.older"], "a thief or an older copy: both are told");
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored"]);
    w.notes(MA, asked.dossier, "Troisième.");
    w.pump();
    w.alike(asked.dossier);
    checkpoint(&mut w, MA);
    checkpoint(&mut w, MA);
    let size = w.size(MA);
    assert!(w.node(MA).status().unwrap().cosigned[0].1 + 4 > size);
    nothing_twice(&w);
}

#[test]
fn a_copy_that_is_shown_what_a_partner_cosigned_of_the_lost_line_finds_itself_and_accuses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    checkpoint(&mut w, MA);
    backed_up(&w, &folder.path().join("copy.db"));
    let lost = w.asks(MA, None);
    w.pump();
    checkpoint(&mut w, MA);
    put_back(&mut w, &folder.path().join("copy.db"), None);
    // The copy's next checkpoint is shorter than what ES cosigned; ES shows that, and it is true.
    checkpoint(&mut w, MA);
    assert_eq!(w.codes_logged(MA, "incident"), ["failure.fence.older", "failure.ledger.not-ours"]);
    assert!(w.logged(MA, "refused-input").is_empty(), "{:?}", w.logged(MA, "refused-input"));
    assert!(w.codes_logged(ES, "incident").contains(&"peer.ledger.restored".to_owned()), "{:?}", w.logged(ES, "incident"));
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.why, fence.over), (node::Why::Found, true), "{fence:?}");
    w.alike(lost.dossier);
}

#[test]
fn what_parties_compare_shows_an_older_copy_in_which_nobody_acts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 3);
    let asked = w.asks(MA, None);
    w.pump();
    backed_up(&w, &folder.path().join("copy.db"));
    w.notes(MA, asked.dossier, "Après la copie.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), None);
    // Nobody has cosigned more than the copy holds, and nobody acts: nothing but the comparison tells of the second act.
    w.pump();
    assert!(w.node(MA).fence().unwrap().is_none());
    checkpoint(&mut w, ES);
    for _ in 0..3 {
        w.pump();
        w.wait(MINUTE);
    }
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.why, fence.over, fence.own_back), (node::Why::Found, true, 1), "{fence:?}");
    w.notes(MA, asked.dossier, "Troisième.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn the_other_of_two_parties_shows_an_older_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, _) = asked_and_backed_up(folder.path(), 2);
    // Whoever lacks nothing hears nothing new in it.
    checkpoint(&mut w, ES);
    assert!(w.node(MA).fence().unwrap().is_none());
    // A note comes to ES by the hand of a courier who was still on his way when MA's disk was changed.
    w.notes(MA, asked.dossier, "Par porteur.");
    let (_, parcel) = w.carry(MA, ES).unwrap();
    put_back(&mut w, &folder.path().join("copy.db"), None);
    w.pump();
    w.hand(MA, ES, &parcel).unwrap();
    w.pump();
    assert!(w.node(MA).fence().unwrap().is_none(), "nothing has shown it yet");
    checkpoint(&mut w, ES);
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.why, fence.over), (node::Why::Found, true), "{fence:?}");
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored"]);
    w.notes(MA, asked.dossier, "Troisième.");
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid, ma2 valid, ma3 valid");
    nothing_twice(&w);
}

#[test]
fn who_starts_on_an_older_copy_is_shown_it_with_its_first_parcel() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, _) = asked_and_backed_up(folder.path(), 2);
    w.notes(MA, asked.dossier, "Arrivée, comparée, et puis perdue.");
    w.pump();
    checkpoint(&mut w, ES); // told to the disk that is lost: it is not told again
    // A start like any other shows nothing.
    w.restart(MA);
    w.asks(MA, None);
    w.pump();
    assert!(w.node(MA).fence().unwrap().is_none());
    w.wait(2 * MINUTE);
    // The copy counts starts on from where it was made; it overtakes the lost one with the second.
    put_back(&mut w, &folder.path().join("copy.db"), None);
    w.restart(MA);
    w.asks(MA, None);
    w.pump();
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.why, fence.over), (node::Why::Found, true), "{fence:?}");
    w.notes(MA, asked.dossier, "Troisième.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn a_request_for_own_acts_that_are_not_here_shows_an_older_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, _, _) = second_without_the_first(folder.path());
    put_back(&mut w, &folder.path().join("copy.db"), None);
    // ES holds the third and asks for the second: MA has never heard of either, and asks back.
    w.pump();
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.why, fence.over), (node::Why::Found, true), "{fence:?}");
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Non.")), "refusal.fence.own-waits");
    nothing_twice(&w);
}

#[test]
fn an_own_checkpoint_under_a_card_that_was_followed_shows_an_older_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, ..) = asked_and_backed_up(folder.path(), 2);
    // Two: the first cosignature is what the ledger grows by, and what the copy lacks; no act of it is anywhere.
    checkpoint(&mut w, MA);
    checkpoint(&mut w, MA);
    new_card(&mut w, MA, false);
    w.wait(seal::OVERLAP_MS);
    put_back(&mut w, &folder.path().join("copy.db"), None);
    w.asks(MA, None);
    checkpoint(&mut w, MA);
    // ES shows what it cosigned last.
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.why, fence.over), (node::Why::Found, true), "{fence:?}");
}

#[test]
fn a_head_without_content_shows_an_older_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, _) = asked_and_backed_up(folder.path(), 2);
    let noted = w.notes(MA, asked.dossier, "Après la copie.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), None);
    let head = w.store(ES).act(&noted.act).unwrap().unwrap().signed;
    let parcel = w.parcel(ES, MA, 1 << 40, &[node::Piece::Act { signed: head, body: None }]);
    let receipt = w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&w, MA, &receipt), ["refusal.act.without-content"], "it cannot be filed");
    assert_eq!(w.codes_logged(MA, "incident"), ["peer.act.in-our-name", "failure.fence.older"], "and proves what it proves");
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Non.")), "refusal.fence.awaited");
    w.pump();
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma2 valid");
    nothing_twice(&w);
}
