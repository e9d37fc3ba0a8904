//! Floor 3: the node's memory. The only crate that knows SQL; its ledger takes nothing but what was signed and verified.

mod append;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod folder;
mod ledger;
mod sql;
mod sqlite;
mod store;
mod vault;
mod view;

pub use append::{
    Answer, Append, Appended, DossierRow, Entry, Filing, Kind, LedgerState, LogLine, Outgoing, Parcel, Place, Queued, RecordOp, Refile, Sign, Verdict,
};
pub use error::StoreError;
pub use folder::Folder;
pub use ledger::{check_ledger, leaf_of, prove_consistency, prove_inclusion};
pub use sqlite::Sqlite;
pub use store::{GIVEN_KEPT, REBUILDING, Store};
pub use vault::{DirVault, SLOT_BYTES, Shelf, Vault};
pub use view::{Act, Body, ChainEnd, Depth, DossierFilter, Due, DueObject, Given, Holding, LedgerEntry, LogEntry, QueuePlace, Record};
