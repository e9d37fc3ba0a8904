//! Retention: the content of an ended dossier is erased when its time is over, not a day before; what was signed still stands.

use crate::forms::*;
use crate::world::*;
use base::UnixMs;
use node::{Intent, UNDELIVERED_DAYS_MAX};
use serde_json::json;

const DAY_MS: i64 = 86_400_000;

#[test]
fn content_goes_when_its_time_is_over_and_the_proof_of_it_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), 2).met();
    let accord = w.accord(&["information-request"]);
    let asked = w.asks(MA, Some(accord)).dossier;
    w.pump();
    assert!(w.node(MA).sweep(UnixMs(i64::MAX / 2)).unwrap().is_none(), "what is open is kept, however long");
    let reason = [("reason".to_owned(), json!({ "lang": "fr", "text": "plus nécessaire" }))].into();
    w.does(MA, Intent::Move { dossier: asked, item: None, name: "withdraw".into(), fields: reason, handling: h0() });
    w.pump();
    let days = 30; // as the accord among these services says
    let (ended, digest) = (w.now, w.digest(MA, asked));
    let reads = |w: &mut World| w.node(MA).view(&asked, &[], ended).unwrap().items[0].fields.len();
    let titled = |w: &mut World| w.node(MA).listed_one(&asked).unwrap().unwrap().title;
    assert!(reads(&mut w) > 5 && !titled(&mut w).is_empty());
    w.now = ended.plus_ms((days - 1) * DAY_MS);
    let now = w.now;
    assert!(w.node(MA).sweep(now).unwrap().is_none(), "a day before");
    let due = |w: &mut World, before: UnixMs| w.node(MA).keepings(before, now).unwrap().iter().map(|k| (k.dossier, k.until)).collect::<Vec<_>>();
    let over = ended.plus_ms(days * DAY_MS);
    assert_eq!(due(&mut w, over.plus_ms(1)), [(asked, over)], "it is announced");
    assert_eq!(due(&mut w, over), [], "not yet within that time");
    w.now = ended.plus_ms((days + 1) * DAY_MS);
    let now = w.now;
    let (_, erased) = w.node(MA).sweep(now).unwrap().expect("a day after");
    w.sides[MA].commit();
    assert_eq!(erased, [asked]);
    assert!(w.node(MA).keepings(UnixMs(i64::MAX / 2), now).unwrap().is_empty(), "what is erased is no longer due");
    assert_eq!(reads(&mut w), 0, "nothing of the content is left");
    assert_eq!(titled(&mut w), "", "not in the list either");
    assert_eq!((w.phase(MA, asked), w.digest(MA, asked)), ("withdrawn".to_owned(), digest), "who decided what still stands");
    w.restart(MA);
    assert_eq!((reads(&mut w), w.digest(MA, asked)), (0, digest));
    store::check_ledger(&*w.store(MA)).unwrap();
    assert!(w.node(MA).sweep(now).unwrap().is_none(), "once is enough");
    assert!(w.node(ES).sweep(now).unwrap().is_some(), "each party erases its own");
}

#[test]
fn content_that_a_party_has_still_to_receive_is_kept_for_it_for_a_while() {
    let (mut w, accord) = World::allied(2);
    let asked = w.asks(MA, Some(accord)).dossier;
    w.pump();
    let reason = [("reason".to_owned(), json!({ "lang": "fr", "text": "plus nécessaire" }))].into();
    w.does(MA, Intent::Move { dossier: asked, item: None, name: "withdraw".into(), fields: reason, handling: h0() });
    // ES is away, and the end has not reached it when its time is over.
    let ended = w.now;
    let after = |days: i64| ended.plus_ms((30 + days) * DAY_MS);
    assert!(w.node(MA).sweep(after(1)).unwrap().is_none(), "without its content ES could never judge it");
    let bound = i64::from(UNDELIVERED_DAYS_MAX);
    assert!(w.node(MA).sweep(after(bound - 1)).unwrap().is_none());
    assert_eq!(w.waiting_for(MA), 1);
    w.now = after(2);
    w.pump();
    assert_eq!((w.phase(ES, asked), w.waiting_for(MA)), ("withdrawn".to_owned(), 0));
    assert!(w.node(MA).sweep(after(2)).unwrap().is_some(), "now that it is there, it is erased");
}

#[test]
fn content_is_not_kept_for_ever_for_somebody_who_never_comes() {
    let (mut w, accord) = World::allied(2);
    let asked = w.asks(MA, Some(accord)).dossier;
    w.pump();
    let reason = [("reason".to_owned(), json!({ "lang": "fr", "text": "plus nécessaire" }))].into();
    w.does(MA, Intent::Move { dossier: asked, item: None, name: "withdraw".into(), fields: reason, handling: h0() });
    let late = w.now.plus_ms((30 + i64::from(UNDELIVERED_DAYS_MAX) + 1) * DAY_MS);
    assert!(w.node(MA).sweep(late).unwrap().is_some());
    w.sides[MA].commit();
    assert_eq!(w.waiting_for(MA), 0, "an act without its content is of no use to anybody, and is not sent");
}
