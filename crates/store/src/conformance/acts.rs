//! Acts, their verdicts, their bodies, and what erasing leaves.

use super::world::{Draft, KEYS, acts, append, batch, dossier, item, picture, service};
use super::{Make, Story};
use crate::{Append, Body, ChainEnd, Entry, REBUILDING, RecordOp, Refile, Store, Verdict, check_ledger};
use base::UnixMs;
use seal::Typ;

pub(super) const STORIES: &[Story] = &[
    ("a dossier's acts come by author and sequence", by_author),
    ("one author's range", range),
    ("the ends of all chains, paged, forks and acts that wait included", chain_ends),
    ("two acts with one sequence are both kept", equivocation),
    ("an act waits until its verdict changes", verdicts),
    ("an erased item keeps its chain and takes later acts", erase),
    ("a body may come later than its act, but not back", late_body),
    ("projections are rebuilt from the ledger", rebuild),
];

fn heads(store: &dyn Store, n: u64) -> Vec<(usize, u64, String)> {
    let who = |id| (0..3).find(|n| service(*n) == id).unwrap();
    store.acts_of(&dossier(n)).unwrap().iter().map(|a| (who(a.author), a.seq, picture(&a.body))).collect()
}

fn by_author(make: Make<'_>) {
    let store = make();
    let drafts = [Draft::new(0, 1, 1), Draft::new(1, 1, 0), Draft::new(0, 2, 0), Draft::new(0, 1, 0), Draft { body: None, ..Draft::new(2, 1, 0) }];
    let ids = acts(&*store, &drafts);
    let mut expected: Vec<_> =
        [(0, 0, "body 0 1 0"), (0, 1, "body 0 1 1"), (1, 0, "body 1 1 0"), (2, 0, "(absent)")].map(|(a, s, b)| (a, s, b.to_owned())).into();
    expected.sort_by_key(|(author, seq, _)| (service(*author), *seq));
    assert_eq!(heads(&*store, 1), expected);
    let act = store.act(&ids[0]).unwrap().unwrap();
    assert_eq!((act.id, act.pos, act.at, act.dossier, act.author, act.seq), (ids[0], 0, UnixMs(1000), dossier(1), service(0), 1));
    assert_eq!((act.item, act.verdict, act.signed.as_slice()), (item(0), Verdict::Valid, drafts[0].signed().bytes()));
    assert_eq!(store.act(&Draft::new(0, 9, 9).id()), Ok(None));
    assert_eq!(store.acts_of(&dossier(9)), Ok(Vec::new()));
}

fn range(make: Make<'_>) {
    let store = make();
    acts(&*store, &(0..10).map(|seq| Draft::new(0, 1, seq)).chain([Draft::new(1, 1, 4)]).collect::<Vec<_>>());
    let range = |from, to| store.range(&dossier(1), &service(0), from, to).unwrap().iter().map(|a| a.seq).collect::<Vec<_>>();
    assert_eq!(range(3, 5), [3, 4, 5]);
    assert_eq!(range(8, u64::MAX), [8, 9]);
    assert_eq!(range(u64::MAX, u64::MAX), [0; 0]);
    assert_eq!(range(5, 3), [0; 0]);
}

fn chain_ends(make: Make<'_>) {
    let store = make();
    assert_eq!(store.chain_ends(None, 10), Ok(Vec::new()));
    let waiting = Draft { verdict: Verdict::Waiting, ..Draft::new(1, 2, 7) };
    let fork = Draft { variant: 1, ..Draft::new(0, 1, 3) };
    let drafts = [Draft::new(0, 1, 1), Draft::new(0, 1, 3), fork, Draft::new(1, 1, 2), Draft::new(1, 2, 1), waiting, Draft::new(2, 3, 1)];
    let ids = acts(&*store, &drafts);
    let mut expected: Vec<_> = [(0, 1, 3, 1), (0, 1, 3, 2), (1, 1, 2, 3), (1, 2, 7, 5), (2, 3, 1, 6)]
        .map(|(a, d, seq, n): (usize, u64, u64, usize)| ChainEnd { dossier: dossier(d), author: service(a), seq, act: ids[n] })
        .into();
    // Two acts under the last number come in ledger order.
    expected.sort_by_key(|e| (e.dossier, e.author));
    for limit in [2, 3, 100] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = store.chain_ends(after, limit).unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= limit);
            after = Some((last.dossier, last.author));
            all.extend(page);
        }
        assert_eq!(all, expected, "pages of {limit}");
    }
}

fn equivocation(make: Make<'_>) {
    let store = make();
    let (one, other) = (Draft::new(0, 1, 0), Draft { variant: 1, verdict: Verdict::Evidence, ..Draft::new(0, 1, 0) });
    let ids = acts(&*store, &[one, other]);
    let found = store.range(&dossier(1), &service(0), 0, 0).unwrap();
    assert_eq!(found.iter().map(|a| (a.id, a.verdict.clone())).collect::<Vec<_>>(), [(ids[0], Verdict::Valid), (ids[1], Verdict::Evidence)]);
}

fn verdicts(make: Make<'_>) {
    let store = make();
    let waits = |seq| Draft { verdict: Verdict::Waiting, ..Draft::new(0, 1, seq) };
    let ids = acts(&*store, &[waits(2), Draft::new(0, 1, 0), waits(1), Draft { verdict: Verdict::Waiting, ..Draft::new(0, 2, 0) }]);
    let waiting = || store.waiting(&dossier(1)).unwrap().iter().map(|a| a.seq).collect::<Vec<_>>();
    assert_eq!(waiting(), [2, 1], "in ledger order");
    let void = Verdict::Void("law.guard".to_owned());
    append(&*store, Append { verdicts: vec![(ids[2], Verdict::Valid), (ids[0], void.clone())], ..Append::default() }).unwrap();
    assert_eq!(waiting(), [0; 0]);
    assert_eq!(store.act(&ids[0]).unwrap().unwrap().verdict, void);
    assert_eq!(store.act(&ids[2]).unwrap().unwrap().verdict, Verdict::Valid);
    assert_eq!(store.waiting(&dossier(2)).unwrap().len(), 1);
}

fn erase(make: Make<'_>) {
    let store = make();
    let on = |item, author, seq| Draft { item, ..Draft::new(author, 1, seq) };
    acts(&*store, &[on(1, 0, 0), on(1, 1, 0), on(2, 0, 1), Draft { body: None, ..on(1, 0, 2) }, Draft { item: 1, ..Draft::new(0, 2, 0) }]);
    let root = store.ledger().unwrap();
    // The act that says so stands in the same batch: it is filed after the erasure and keeps its body.
    let done = append(&*store, Append { erase: vec![(dossier(1), item(1))], ..batch(5, vec![on(1, 1, 1).entry()]) }).unwrap();
    assert_eq!(done.bodies_erased, 2);
    let mut expected: Vec<_> =
        [(0, 0, "(erased)"), (0, 1, "body 0 1 1"), (0, 2, "(erased)"), (1, 0, "(erased)"), (1, 1, "body 1 1 1")].map(|(a, s, b)| (a, s, b.to_owned())).into();
    expected.sort_by_key(|(author, seq, _)| (service(*author), *seq));
    assert_eq!(heads(&*store, 1), expected);
    assert_eq!(heads(&*store, 2), [(0, 0, "body 0 2 0".to_owned())], "the same item id in another dossier is another item");
    assert_eq!(store.root(root.size).unwrap(), Some(root.root));
    check_ledger(&*store).unwrap();
    // The same act again does not bring its body back; erasing twice takes the new one, too.
    append(&*store, batch(6, vec![on(1, 0, 0).entry()])).unwrap();
    assert_eq!(store.act(&on(1, 0, 0).id()).unwrap().unwrap().body, Body::Erased);
    let again = append(&*store, Append { erase: vec![(dossier(1), item(1)), (dossier(9), item(9))], ..Append::default() }).unwrap();
    assert_eq!(again.bodies_erased, 1);
    assert_eq!(store.act(&on(1, 1, 1).id()).unwrap().unwrap().body, Body::Erased);
}

fn late_body(make: Make<'_>) {
    let store = make();
    let draft = Draft::new(0, 1, 0);
    acts(&*store, &[Draft { body: None, ..draft.clone() }]);
    let body = || picture(&store.act(&draft.id()).unwrap().unwrap().body);
    assert_eq!(body(), "(absent)");
    assert!(!append(&*store, batch(2, vec![draft.entry()])).unwrap().places[0].new);
    assert_eq!(body(), "body 0 1 0");
    append(&*store, batch(3, vec![Draft { body: Some(b"another".to_vec()), ..draft.clone() }.entry()])).unwrap();
    assert_eq!(body(), "body 0 1 0", "the first body stays");
}

fn rebuild(make: Make<'_>) {
    let store = make();
    let drafts = [Draft::new(0, 1, 0), Draft { item: 1, ..Draft::new(0, 1, 1) }, Draft { verdict: Verdict::Waiting, ..Draft::new(1, 1, 0) }];
    acts(&*store, &drafts);
    let receipt = KEYS[1].sign(Typ::Receipt, b"both");
    let named = vec![*drafts[0].id().as_ref(), *drafts[1].id().as_ref()];
    append(&*store, batch(9, vec![Entry::receipt_taken(receipt, named.clone())])).unwrap();
    append(&*store, Append { erase: vec![(dossier(1), item(1))], ..Append::default() }).unwrap();
    let picture = || (store.acts_of(&dossier(1)).unwrap(), store.waiting(&dossier(1)).unwrap(), store.receipts_of(&drafts[0].id()).unwrap());
    let before = (picture(), store.ledger().unwrap());
    assert_eq!(before.0.2.len(), 1);
    store.wipe_projections().unwrap();
    assert_eq!(picture(), (vec![], vec![], vec![]));
    assert!(store.record(REBUILDING.0, REBUILDING.1).unwrap().is_some());
    let mut refile: Vec<Refile> =
        drafts.iter().enumerate().map(|(n, d)| Refile::Act { pos: n as u64, author: service(d.author), filing: d.filing() }).collect();
    refile.push(Refile::ReceiptTaken { pos: 3, service: service(1), at: UnixMs(9), objects: named });
    let (kind, id) = (REBUILDING.0.to_owned(), REBUILDING.1.to_owned());
    append(&*store, Append { refile, records: vec![RecordOp::Take { kind, id }], ..Append::default() }).unwrap();
    assert_eq!((picture(), store.ledger().unwrap()), before);
    assert_eq!(store.record(REBUILDING.0, REBUILDING.1), Ok(None));
}
