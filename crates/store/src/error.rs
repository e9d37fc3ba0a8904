//! What can go wrong at the store's door, by blame.

use base::ActId;

/// The store did not do what it was asked; each variant says whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Our disk has no room left; nothing of this transaction was kept.
    #[error("the disk is full, and nothing of this was stored. Free space on the data disk; what was not acknowledged will be sent again")]
    DiskFull,
    /// Our disk or file does not let us write.
    #[error("the data directory cannot be written. Check its owner, its permissions and whether the disk is mounted read-only")]
    ReadOnly,
    /// What is on our disk contradicts itself.
    #[error("the stored data contradict themselves ({0}). Stop the node, keep a copy of the directory and restore the last backup")]
    Corrupt(String),
    /// Our disk answered with an error; what was being written may or may not be there.
    #[error("the disk answered with an error ({0}). Check the disk and the system log, then start the node again")]
    Io(String),
    /// Another process holds the store.
    #[error("another process has this store open. Stop it first, or give this node its own data directory")]
    Locked,
    /// The receipt could not be signed, so what it would acknowledge was not stored.
    #[error("the receipt could not be signed ({0}), so nothing was stored. Check the key file or the HSM; the sender will send again")]
    Unsigned(String),
    /// More work is waiting than the bounded queue takes.
    #[error("too much is waiting to be written. Try again in a moment")]
    Busy,
    /// A newer version of the program wrote this store.
    #[error("this store has schema {found}, and this program knows up to {known}. Use the newer program that wrote it, or restore an older backup")]
    NewerSchema {
        /// Schema on disk.
        found: i64,
        /// Highest schema that this program knows.
        known: i64,
    },
    /// An act was named that the ledger does not hold.
    #[error("act {0} is not in the ledger. File it first, in the same batch or an earlier one")]
    UnknownAct(ActId),
    /// A local document that should be new is there already, so the batch was not stored.
    #[error("the document {kind}/{id} is there already; somebody was faster. Read it and decide again")]
    RecordExists {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
    /// A local document that should be taken out is not there, so the batch was not stored.
    #[error("the document {kind}/{id} is not there any more; somebody was faster. Read again and decide again")]
    RecordMissing {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
    /// A sender used a parcel number for two parcels.
    #[error("parcel number {0} was used before for another parcel. The sender must take the next number; keep both parcels as evidence")]
    NumberReused(u64),
    /// A number in a foreign object is beyond what any store can count.
    #[error("the number {0} is above 2^63-1. The sender's software is at fault or hostile; nothing was stored")]
    NumberTooLarge(u64),
}

impl StoreError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::DiskFull => "failure.store.disk-full",
            StoreError::ReadOnly => "failure.store.read-only",
            StoreError::Corrupt(_) => "failure.store.corrupt",
            StoreError::Io(_) => "failure.store.io",
            StoreError::Locked => "failure.store.locked",
            StoreError::Unsigned(_) => "failure.store.unsigned",
            StoreError::Busy => "refusal.store.busy",
            StoreError::NewerSchema { .. } => "refusal.store.newer-schema",
            StoreError::UnknownAct(_) => "refusal.store.act-unknown",
            StoreError::RecordExists { .. } => "refusal.store.record-exists",
            StoreError::RecordMissing { .. } => "refusal.store.record-missing",
            StoreError::NumberReused(_) => "peer.parcel.number-reused",
            StoreError::NumberTooLarge(_) => "peer.store.number-too-large",
        }
    }

    /// Tells whether the fault is one batch's own, so that the others of its transaction may stay.
    pub fn spares_others(&self) -> bool {
        use StoreError::*;
        matches!(self, Unsigned(_) | UnknownAct(_) | RecordExists { .. } | RecordMissing { .. } | NumberReused(_) | NumberTooLarge(_))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        let text = e.to_string();
        match e.sqlite_error_code() {
            Some(C::DiskFull) => StoreError::DiskFull,
            Some(C::ReadOnly | C::PermissionDenied) => StoreError::ReadOnly,
            Some(C::DatabaseCorrupt | C::NotADatabase) => StoreError::Corrupt(text),
            Some(C::DatabaseBusy | C::DatabaseLocked | C::FileLockingProtocolFailed) => StoreError::Locked,
            Some(_) => StoreError::Io(text),
            // Not SQLite's own: a column held what it must not hold.
            None => StoreError::Corrupt(text),
        }
    }
}
