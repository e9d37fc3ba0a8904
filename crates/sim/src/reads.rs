//! A store whose reads fail when they are told to, in front of the real one: a bad sector, a cable that was pulled out.

use base::{ActId, Digest, DossierId, ParcelId, ServiceId, UnixMs};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use store::*;

/// A store in front of a store.
pub struct Reads {
    inner: Sqlite,
    left: AtomicU64,
    failed: AtomicBool,
}

impl Reads {
    /// Stands in front of a store.
    pub fn new(inner: Sqlite) -> Reads {
        Reads { inner, left: AtomicU64::new(u64::MAX), failed: AtomicBool::new(false) }
    }

    /// Lets one read fail after so many that work.
    pub fn fail_after(&self, reads: u64) {
        self.left.store(reads, Relaxed);
        self.failed.store(false, Relaxed);
    }

    /// Takes that back; tells whether a read failed.
    pub fn heal(&self) -> bool {
        self.left.store(u64::MAX, Relaxed);
        self.failed.swap(false, Relaxed)
    }

    /// Returns the real store, whose reads work.
    pub fn real(&self) -> &Sqlite {
        &self.inner
    }

    fn read(&self) -> Result<&Sqlite, StoreError> {
        match self.left.load(Relaxed) {
            u64::MAX => {}
            0 => {
                self.left.store(u64::MAX, Relaxed);
                self.failed.store(true, Relaxed);
                return Err(StoreError::Io("a bad sector".to_owned()));
            }
            n => self.left.store(n - 1, Relaxed),
        }
        Ok(&self.inner)
    }
}

impl Store for Reads {
    fn append(&self, batches: Vec<Append>) -> Result<Vec<Result<Appended, StoreError>>, StoreError> {
        self.inner.append(batches)
    }
    fn wipe_projections(&self) -> Result<(), StoreError> {
        self.inner.wipe_projections()
    }
    fn commits(&self) -> u64 {
        self.inner.commits()
    }
    fn ledger(&self) -> Result<LedgerState, StoreError> {
        self.read()?.ledger()
    }
    fn root(&self, size: u64) -> Result<Option<Digest>, StoreError> {
        self.read()?.root(size)
    }
    fn subtree(&self, level: u8, index: u64) -> Result<Option<Digest>, StoreError> {
        self.read()?.subtree(level, index)
    }
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        self.read()?.entries(from, limit)
    }
    fn entry(&self, object: &Digest) -> Result<Option<LedgerEntry>, StoreError> {
        self.read()?.entry(object)
    }
    fn act(&self, id: &ActId) -> Result<Option<Act>, StoreError> {
        self.read()?.act(id)
    }
    fn acts_of(&self, dossier: &DossierId) -> Result<Vec<Act>, StoreError> {
        self.read()?.acts_of(dossier)
    }
    fn range(&self, dossier: &DossierId, author: &ServiceId, from_seq: u64, to_seq: u64) -> Result<Vec<Act>, StoreError> {
        self.read()?.range(dossier, author, from_seq, to_seq)
    }
    fn chain_ends(&self, after: Option<(DossierId, ServiceId)>, limit: usize) -> Result<Vec<ChainEnd>, StoreError> {
        self.read()?.chain_ends(after, limit)
    }
    fn waiting(&self, dossier: &DossierId) -> Result<Vec<Act>, StoreError> {
        self.read()?.waiting(dossier)
    }
    fn receipts_of(&self, act: &ActId) -> Result<Vec<Holding>, StoreError> {
        self.read()?.receipts_of(act)
    }
    fn outbox_next(&self, recipient: &ServiceId, after: Option<QueuePlace>, count_max: usize, bytes_max: usize) -> Result<Vec<Due>, StoreError> {
        self.read()?.outbox_next(recipient, after, count_max, bytes_max)
    }
    fn outbox_depth(&self) -> Result<Vec<Depth>, StoreError> {
        self.read()?.outbox_depth()
    }
    fn given(&self, parcel: &ParcelId) -> Result<Option<Given>, StoreError> {
        self.read()?.given(parcel)
    }
    fn given_numbered(&self, sender: &ServiceId, number: u64) -> Result<Option<Given>, StoreError> {
        self.read()?.given_numbered(sender, number)
    }
    fn given_highest(&self, sender: &ServiceId) -> Result<Option<u64>, StoreError> {
        self.read()?.given_highest(sender)
    }
    fn dossier(&self, id: &DossierId) -> Result<Option<DossierRow>, StoreError> {
        self.read()?.dossier(id)
    }
    fn dossiers(&self, filter: &DossierFilter<'_>, after: Option<(UnixMs, DossierId)>, limit: usize) -> Result<Vec<DossierRow>, StoreError> {
        self.read()?.dossiers(filter, after, limit)
    }
    fn record(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        self.read()?.record(kind, id)
    }
    fn records(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.read()?.records(kind, after, limit)
    }
    fn log(&self, kind: Option<&str>, after: Option<u64>, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.read()?.log(kind, after, limit)
    }
}
