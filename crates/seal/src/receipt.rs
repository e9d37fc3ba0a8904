//! A receipt: the signed word of the receiver on each act of a parcel, given only after the acts are on its disk.

use crate::card::read_versioned;
use crate::cards::Cards;
use crate::cose::{Signed, Typ, Verified};
use crate::fault::SealFault;
use crate::keys::Keys;
use base::cbor::{self, CborError};
use base::{ActId, Digest, Instant, ParcelId, ServiceId, UnixMs};
use minicbor::{Decode, Encode};

/// Version of the receipt that this node reads and writes.
pub const RECEIPT_VERSION: u8 = 1;
/// Acts in one receipt, and so in one parcel.
pub const RECEIPT_ENTRIES_MAX: usize = 10_000;
/// Bytes of a signed receipt with that many entries, codes included.
pub const RECEIPT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of a code in a receipt.
pub const RECEIPT_CODE_BYTES_MAX: usize = 64;

/// What became of one parcel.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// [`RECEIPT_VERSION`].
    #[n(0)]
    pub version: u8,
    /// The parcel.
    #[n(1)]
    pub parcel: ParcelId,
    /// Who received it and signs this.
    #[n(2)]
    pub from: ServiceId,
    /// Who sent it.
    #[n(3)]
    pub to: ServiceId,
    /// When this receipt was signed, in the receiver's zone.
    #[n(4)]
    pub at: Instant,
    /// One entry per act, in the parcel's order.
    #[n(5)]
    pub entries: Vec<ReceiptEntry>,
    /// Leaves of the receiver's ledger that hold these acts.
    #[n(6)]
    pub ledger_size: u64,
    /// Its root at that size.
    #[n(7)]
    pub ledger_root: Digest,
    /// The parcel's number, so that the receiver's ledger tells which numbers a sender has used.
    #[n(8)]
    pub number: u64,
}

/// What became of one act.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReceiptEntry {
    /// The act.
    #[n(0)]
    pub act: ActId,
    /// Its fate.
    #[n(1)]
    pub held: Held,
}

/// Whether the receiver holds an act.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Held {
    /// On the receiver's disk.
    #[n(0)]
    Held {
        /// When it first was, by the receiver's clock; stays the same when the act comes again.
        #[n(0)]
        at: UnixMs,
    },
    /// Not taken.
    #[n(1)]
    Refused {
        /// Stable code of the reason, for example "peer.seal.card-expired".
        #[n(0)]
        code: String,
    },
}

impl Receipt {
    /// Signs the receipt with our acting card.
    ///
    /// The caller has made the acts durable before; `from` and `version` are set here, whatever they were.
    pub fn sign(mut self, keys: &Keys) -> Verified {
        self.version = RECEIPT_VERSION;
        self.from = keys.service();
        keys.sign(Typ::Receipt, &cbor::to_vec(&self))
    }

    /// Reads and verifies a receipt against the cards of the service that we sent the parcel to.
    pub fn read(bytes: &[u8], cards: &Cards) -> Result<(Receipt, Verified), SealFault> {
        let signed = Signed::parse(bytes, Typ::Receipt, RECEIPT_BYTES_MAX)?;
        let receipt: Receipt = read_versioned(signed.payload(), RECEIPT_BYTES_MAX, RECEIPT_VERSION)?;
        receipt.check(signed.signer())?;
        let verified = signed.verify(cards, receipt.at.at)?;
        Ok((receipt, verified))
    }

    fn check(&self, signer: ServiceId) -> Result<(), CborError> {
        let code =
            |c: &str| (1..=RECEIPT_CODE_BYTES_MAX).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b));
        let well = |e: &ReceiptEntry| match &e.held {
            Held::Held { at } => *at <= self.at.at,
            Held::Refused { code: c } => code(c),
        };
        let rules = [
            (self.from == signer, "a receipt is signed by who received"),
            (self.at.is_well_formed(), "the time has no zone"),
            (self.entries.len() <= RECEIPT_ENTRIES_MAX, "more entries than a receipt may have"),
            (self.entries.iter().all(well), "an entry is held later than it was signed, or its code is none"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err(CborError::Shape(why.to_owned())))
    }
}
