//! Dossier rows, local documents and the log.

use super::world::{append, dossier};
use super::{Make, Story};
use crate::{Append, DossierFilter, DossierRow, LogLine, RecordOp, Store};
use base::{Digest, DossierId, MechanismId, UnixMs};

pub(super) const STORIES: &[Story] = &[
    ("dossiers are listed by their last change, filtered and paged", dossiers),
    ("documents are put, listed, taken once", records),
    ("documents are listed by the bytes of their id", record_order),
    ("the log only grows", log),
];

fn row(n: u64, updated_at: i64) -> DossierRow {
    DossierRow {
        id: dossier(n),
        mechanism: MechanismId::from(Digest([n as u8 % 2; 32])),
        accord: Digest([n as u8 % 3; 32]),
        opened_at: UnixMs(n as i64),
        updated_at: UnixMs(updated_at),
        phase: if n.is_multiple_of(5) { "asked" } else { "answered" }.to_owned(),
        closed: n.is_multiple_of(4),
        summary: format!("summary {n}").into_bytes(),
    }
}

fn all(store: &dyn Store, filter: &DossierFilter<'_>, page: usize) -> Vec<DossierRow> {
    let mut out: Vec<DossierRow> = Vec::new();
    loop {
        let after: Option<(UnixMs, DossierId)> = out.last().map(|r| (r.updated_at, r.id));
        let next = store.dossiers(filter, after, page).unwrap();
        if next.is_empty() {
            return out;
        }
        assert!(next.len() <= page);
        out.extend(next);
    }
}

fn dossiers(make: Make<'_>) {
    let store = make();
    // Several share a time, so that the id must part them.
    let mut rows: Vec<DossierRow> = (0..60).map(|n| row(n, (n / 7) as i64)).collect();
    append(&*store, Append { dossiers: rows.clone(), ..Append::default() }).unwrap();
    rows[3] = DossierRow { updated_at: UnixMs(100), phase: "done".to_owned(), summary: b"new".to_vec(), ..rows[3].clone() };
    append(&*store, Append { dossiers: vec![rows[3].clone()], ..Append::default() }).unwrap();
    assert_eq!(store.dossier(&dossier(3)), Ok(Some(rows[3].clone())));
    assert_eq!(store.dossier(&dossier(99)), Ok(None));
    rows.sort_by_key(|r| std::cmp::Reverse((r.updated_at, r.id)));
    let filters = [
        DossierFilter::default(),
        DossierFilter { mechanism: Some(MechanismId::from(Digest([1; 32]))), ..Default::default() },
        DossierFilter { accord: Some(Digest([2; 32])), closed: Some(true), ..Default::default() },
        DossierFilter { phase: Some("asked"), closed: Some(false), ..Default::default() },
        DossierFilter { phase: Some("nowhere"), ..Default::default() },
        DossierFilter { mechanism: Some(MechanismId::from(Digest([0; 32]))), accord: Some(Digest([0; 32])), phase: Some("answered"), closed: Some(false) },
    ];
    for (n, filter) in filters.iter().enumerate() {
        let fits = |r: &&DossierRow| {
            filter.mechanism.is_none_or(|m| r.mechanism == m)
                && filter.accord.is_none_or(|a| r.accord == a)
                && filter.phase.is_none_or(|p| r.phase == p)
                && filter.closed.is_none_or(|c| r.closed == c)
        };
        let expected: Vec<DossierRow> = rows.iter().filter(fits).cloned().collect();
        assert!(n == 4 || !expected.is_empty());
        for page in [1, 7, 100] {
            assert_eq!(all(&*store, filter, page), expected, "filter {n}, page {page}");
        }
    }
}

fn op(store: &dyn Store, at: i64, op: RecordOp) -> Result<(), &'static str> {
    append(store, Append { records: vec![op], ..Append::new(UnixMs(at)) }).map(drop).map_err(|e| e.code())
}

fn records(make: Make<'_>) {
    let store = make();
    let (kind, id) = (|| "intent".to_owned(), || "7".to_owned());
    let read = || store.record("intent", "7").unwrap().map(|r| (r.at.0, String::from_utf8(r.data).unwrap()));
    assert_eq!(op(&*store, 1, RecordOp::PutIfAbsent { kind: kind(), id: id(), data: b"first".to_vec() }), Ok(()));
    assert_eq!(op(&*store, 2, RecordOp::PutIfAbsent { kind: kind(), id: id(), data: b"second".to_vec() }), Err("refusal.store.record-exists"));
    assert_eq!(read(), Some((1, "first".to_owned())));
    assert_eq!(op(&*store, 3, RecordOp::Put { kind: kind(), id: id(), data: b"third".to_vec() }), Ok(()));
    assert_eq!(read(), Some((3, "third".to_owned())));
    assert_eq!(op(&*store, 4, RecordOp::Take { kind: kind(), id: id() }), Ok(()));
    assert_eq!(op(&*store, 5, RecordOp::Take { kind: kind(), id: id() }), Err("refusal.store.record-missing"));
    assert_eq!(op(&*store, 6, RecordOp::Delete { kind: kind(), id: id() }), Ok(()));
    assert_eq!(read(), None);
}

fn record_order(make: Make<'_>) {
    let store = make();
    let mut ids = ["b", "a", "B", "é", "a-1", "a/1", "ب", "10", "9"];
    let put = |kind: &str, id: &str| RecordOp::Put { kind: kind.to_owned(), id: id.to_owned(), data: id.as_bytes().to_vec() };
    let records = ids.iter().map(|id| put("partner", id)).chain([put("partners", "x")]).collect();
    append(&*store, Append { records, ..Append::default() }).unwrap();
    ids.sort_unstable();
    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = store.records("partner", seen.last().map(String::as_str), 2).unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.iter().all(|r| r.data == r.id.as_bytes()));
        seen.extend(page.into_iter().map(|r| r.id));
    }
    assert_eq!(seen, ids);
}

fn log(make: Make<'_>) {
    let store = make();
    for n in 0..10u8 {
        let kind = if n % 3 == 0 { "refused" } else { "consulted" };
        append(&*store, Append { logs: vec![LogLine { kind: kind.to_owned(), data: vec![n] }], ..Append::new(UnixMs(i64::from(n))) }).unwrap();
    }
    let seqs = |kind, after, limit| store.log(kind, after, limit).unwrap().iter().map(|l| l.seq).collect::<Vec<_>>();
    assert_eq!(seqs(None, None, 100), (0..10).collect::<Vec<_>>());
    assert_eq!(seqs(None, Some(3), 2), [4, 5]);
    assert_eq!(seqs(Some("refused"), None, 100), [0, 3, 6, 9]);
    assert_eq!(seqs(Some("refused"), Some(0), 2), [3, 6]);
    assert_eq!(seqs(Some("nothing"), None, 100), [0; 0]);
    let line = store.log(Some("refused"), Some(3), 1).unwrap().remove(0);
    assert_eq!((line.seq, line.at, line.kind.as_str(), line.data), (6, UnixMs(6), "refused", vec![6]));
}
