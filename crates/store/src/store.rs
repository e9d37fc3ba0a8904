//! The door to the disk: one way in ([`Store::append`]), many ways to read.
//!
//! Readers see what is committed and do not wait for the writer. Lists are paged: `limit` counts rows, the cursor is the last
//! row seen. All methods block; run them on a thread that may block.

use crate::{
    Act, Append, Appended, ChainEnd, Depth, DossierFilter, DossierRow, Due, Given, Holding, LedgerEntry, LedgerState, LogEntry, QueuePlace, Record, StoreError,
};
use base::{ActId, Digest, DossierId, ParcelId, ServiceId, UnixMs};

/// Kind and id of the document that stands while projections are being rebuilt.
pub const REBUILDING: (&str, &str) = ("store", "rebuilding");

/// Parcels per sender, those with the highest numbers, whose receipts can be looked up by number or parcel id; others are found in the
/// ledger only, unless [`crate::Answer::until`] keeps them longer. A few hundred more may be kept.
pub const GIVEN_KEPT: u64 = 4096;

/// A node's memory.
pub trait Store: Send + Sync {
    /// Stores all batches in one transaction: one wait for the disk, however many batches.
    ///
    /// Each batch has its own result, in order: a refused one leaves nothing behind and does not spoil the others. The outer
    /// error means that nothing at all was stored, or after `failure.store.io` that this is not known before the next start.
    fn append(&self, batches: Vec<Append>) -> Result<Vec<Result<Appended, StoreError>>, StoreError>;

    /// Empties all projections and puts the document [`REBUILDING`], in one transaction.
    ///
    /// The node then reads [`Store::entries`] from 0, files each again with `Append::refile`, and deletes the document with the
    /// last batch. Ledger, bodies, keys, documents, log and queued notes stay as they are.
    fn wipe_projections(&self) -> Result<(), StoreError>;

    /// Returns how many transactions were made durable since this store was opened.
    fn commits(&self) -> u64;

    /// Returns size and root of the ledger as last committed.
    fn ledger(&self) -> Result<LedgerState, StoreError>;

    /// Returns the Merkle root over the first `size` entries, or nothing if there are fewer (RFC 6962, 2.1).
    fn root(&self, size: u64) -> Result<Option<Digest>, StoreError>;

    /// Returns the hash of the full subtree over entries `index << level` to `(index + 1) << level`, or nothing if it is not full.
    fn subtree(&self, level: u8, index: u64) -> Result<Option<Digest>, StoreError>;

    /// Returns ledger entries from a position on.
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<LedgerEntry>, StoreError>;

    /// Finds a ledger entry by its object: an act's id, or the SHA-256 of other signed bytes.
    fn entry(&self, object: &Digest) -> Result<Option<LedgerEntry>, StoreError>;

    /// Finds an act.
    fn act(&self, id: &ActId) -> Result<Option<Act>, StoreError>;

    /// Returns a dossier's acts by author, sequence and position.
    fn acts_of(&self, dossier: &DossierId) -> Result<Vec<Act>, StoreError>;

    /// Returns one author's acts in a dossier with `from_seq <= seq <= to_seq`; two with one sequence come in ledger order.
    fn range(&self, dossier: &DossierId, author: &ServiceId, from_seq: u64, to_seq: u64) -> Result<Vec<Act>, StoreError>;

    /// Returns where each author's acts end, by dossier and author, after a place; two acts under the last number both come.
    ///
    /// Acts count whether they wait, are void or evidence: an act that was signed was signed. A page may be cut between two acts
    /// under one number only if `limit` is 1.
    fn chain_ends(&self, after: Option<(DossierId, ServiceId)>, limit: usize) -> Result<Vec<ChainEnd>, StoreError>;

    /// Returns a dossier's acts that wait for what they have seen, in ledger order.
    fn waiting(&self, dossier: &DossierId) -> Result<Vec<Act>, StoreError>;

    /// Returns who is known to hold an act, by the receipts that we took.
    fn receipts_of(&self, act: &ActId) -> Result<Vec<Holding>, StoreError>;

    /// Returns what is due to a recipient after a place, in order: at most `count_max` objects, and no more than `bytes_max`
    /// of signed bytes and bodies unless the first alone is larger.
    fn outbox_next(&self, recipient: &ServiceId, after: Option<QueuePlace>, count_max: usize, bytes_max: usize) -> Result<Vec<Due>, StoreError>;

    /// Returns how much each recipient has not receipted, by recipient; those with nothing due are left out.
    fn outbox_depth(&self) -> Result<Vec<Depth>, StoreError>;

    /// Finds the receipt that we gave for a parcel.
    fn given(&self, parcel: &ParcelId) -> Result<Option<Given>, StoreError>;

    /// Finds the receipt that we gave for a sender's parcel number.
    fn given_numbered(&self, sender: &ServiceId, number: u64) -> Result<Option<Given>, StoreError>;

    /// Returns the highest parcel number of a sender that we gave a receipt for.
    fn given_highest(&self, sender: &ServiceId) -> Result<Option<u64>, StoreError>;

    /// Finds a dossier's row.
    fn dossier(&self, id: &DossierId) -> Result<Option<DossierRow>, StoreError>;

    /// Returns dossier rows, the one that changed last first; `after` is time and id of the last row seen.
    fn dossiers(&self, filter: &DossierFilter<'_>, after: Option<(UnixMs, DossierId)>, limit: usize) -> Result<Vec<DossierRow>, StoreError>;

    /// Finds a local document.
    fn record(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError>;

    /// Returns local documents of a kind by the bytes of their id, after an id.
    fn records(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// Returns log lines in order, of one kind or all, after a number.
    fn log(&self, kind: Option<&str>, after: Option<u64>, limit: usize) -> Result<Vec<LogEntry>, StoreError>;
}
