//! What lies across dossiers: links seen from both sides, and statistics that partners compute alike.

use crate::world::*;
use base::{DossierId, UnixMs};
use dossier::statistics::By;
use node::Intent;

fn follows(w: &World, by: usize, before: DossierId) -> Intent {
    let parties = w.asking(by);
    Intent::Open { mechanism: "information-request".into(), accord: None, parties, follows: Some(before), fields: form(question()), handling: h0() }
}

#[test]
fn a_dossier_that_follows_another_is_shown_from_both_sides() {
    let (mut w, _) = World::allied(2);
    let first = w.asks(MA, None).dossier;
    w.pump();
    let now = w.now;
    let seen = |w: &mut World, i: usize, id: DossierId| {
        let v = w.node(i).view(&id, &[], now).unwrap();
        let out: Vec<_> = v.links.into_iter().map(|l| (l.dossier, l.relation)).collect();
        (out, v.linked_from.into_iter().map(|l| (l.dossier, l.relation)).collect::<Vec<_>>())
    };
    assert_eq!(seen(&mut w, ES, first), (vec![], vec![]));
    let intent = follows(&w, ES, first);
    let second = w.does(ES, intent).dossier;
    w.pump();
    for i in [MA, ES] {
        assert_eq!(seen(&mut w, i, first), (vec![], vec![(second, "successor".to_owned())]));
        assert_eq!(seen(&mut w, i, second), (vec![(first, "predecessor".to_owned())], vec![]));
    }
    w.restart(MA);
    assert_eq!(seen(&mut w, MA, first).1.len(), 1, "found again in the rows");
}

#[test]
fn partners_count_alike_without_sending_anything() {
    let (mut w, _) = World::allied(3);
    let one = w.asks(MA, None).dossier;
    w.asks(ES, None);
    w.pump();
    w.accepts(ES, one);
    w.pump();
    let (from, until) = (START, UnixMs(w.now.0 + HOUR));
    let by = [By::Mechanism, By::Area, By::Outcome];
    let mut of = |i: usize, among: Option<usize>| {
        let among = among.map(|a| w.id(a));
        w.node(i).statistics(from, until, &by, among.as_ref()).unwrap()
    };
    let (ma, es) = (of(MA, Some(ES)), of(ES, Some(MA)));
    assert_eq!(ma, es);
    let requests = ma.rows.iter().find(|r| r.key[0] == "information-request").unwrap();
    assert_eq!((requests.dossiers, requests.ended), (2, 0));
    assert!(requests.answer_minutes.is_some(), "Spain accepted");
    assert_eq!(of(MA, Some(DE)).digest, of(DE, Some(MA)).digest);
}
