//! Floor 2: cards, keys, signatures, sealed parcels, receipts, the Merkle ledger and bodies at rest.
//!
//! The only crate that touches keys. Payloads are opaque bytes; bytes come in and go out, nothing is read or written.
//! Absent: files, sockets, clocks, what an act means.

mod attestation;
mod backup;
mod card;
mod cards;
mod carry;
mod checkpoint;
mod cose;
mod ed25519;
mod entropy;
pub mod exhibit;
mod fault;
mod fingerprint;
mod hpke;
mod keyfile;
mod keys;
pub mod ledger;
mod note;
mod parcel;
pub mod passkey;
mod receipt;
mod reference;
mod request;
pub mod rest;
mod restored;
mod revocation;
mod succession;
mod tls;
#[cfg(test)]
mod vectors;
mod xwing;

pub use attestation::{ATTESTATION_BYTES_MAX, ATTESTATION_VERSION, Attestation, Word};
pub use backup::{BACKUP_OVERHEAD_BYTES, BackupFailure, BackupKey};
pub use card::{CARD_BYTES_MAX, CARD_ENTRIES_MAX, CARD_TEXT_BYTES_MAX, CARD_VERSION, Card, CardDraft, CardFault, Duty, service_id};
pub use cards::{CARD_SKEW_MS, CARDS_MAX, Cards, Directory, OVERLAP_MS};
pub use carry::{
    CARRY_CARDS_MAX, CARRY_END_BYTES_MAX, CARRY_FRAME_BYTES, CARRY_HEAD_BYTES_MAX, CARRY_MAGIC, CARRY_VERSION, CarryEnd, CarryFault, CarryHead, CarryKind,
    CarryPart, CarryReader, CarryVolume, carry_frame,
};
pub use checkpoint::{Checkpoint, NoteFault};
pub use cose::{Signed, Typ, Verified};
pub use entropy::SystemEntropy;
pub use fault::SealFault;
pub use fingerprint::{Fingerprint, FingerprintRefusal};
pub use keyfile::{Kdf, Lock};
pub use keys::{CardKeys, Keys, KeysRefusal, RootKey, SEALING_GRACE_MS};
pub use note::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX};
pub use parcel::{ALG_HPKE_XWING, Opened, PARCEL_OVERHEAD_BYTES_MAX, Parcel, SealedParcel, seal_parcel, seal_parcel_with};
pub use receipt::{Held, RECEIPT_BYTES_MAX, RECEIPT_CODE_BYTES_MAX, RECEIPT_ENTRIES_MAX, RECEIPT_VERSION, Receipt, ReceiptEntry};
pub use reference::{open_reference, seal_reference};
pub use request::{Asked, REQUEST_BYTES_MAX, REQUEST_TASKS_MAX, REQUEST_VERSION, RootAnswer, RootRequest, RootTask};
pub use restored::{ChainEnd, RECOVERED_BYTES_MAX, RECOVERED_CHAINS_MAX, RECOVERED_PAGES_MAX, RESTORED_BYTES_MAX, RESTORED_VERSION, Recovered, Restored};
pub use revocation::{REVOCATION_BYTES_MAX, REVOCATION_VERSION, REVOCATIONS_MAX, Reason, Revocation};
pub use succession::{SUCCESSION_BYTES_MAX, SUCCESSION_VERSION, Succession};
pub use tls::TlsIdentity;
