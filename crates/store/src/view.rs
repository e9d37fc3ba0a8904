//! What comes out: rows as the node reads them.

use crate::{Kind, Verdict};
use base::{ActId, Digest, DossierId, ItemId, MechanismId, ServiceId, UnixMs};

/// One entry of the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerEntry {
    /// Its position, from 0, without gaps.
    pub pos: u64,
    /// Its kind.
    pub kind: Kind,
    /// When it became durable here.
    pub at: UnixMs,
    /// The act's id; for other kinds the SHA-256 of `signed`.
    pub object: Digest,
    /// Its Merkle leaf hash.
    pub leaf: Digest,
    /// The exact signed bytes.
    pub signed: Vec<u8>,
}

/// The body of an act as far as it can be read here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// Here it is.
    Held(Vec<u8>),
    /// It was here; its key was destroyed.
    Erased,
    /// It never came.
    Absent,
}

/// An act as it is filed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Its id.
    pub id: ActId,
    /// Its position in the ledger.
    pub pos: u64,
    /// When it became durable here.
    pub at: UnixMs,
    /// Its dossier.
    pub dossier: DossierId,
    /// Its author.
    pub author: ServiceId,
    /// Its number in its author's chain.
    pub seq: u64,
    /// The item that it moves.
    pub item: ItemId,
    /// What the law said.
    pub verdict: Verdict,
    /// The exact signed bytes.
    pub signed: Vec<u8>,
    /// Its body.
    pub body: Body,
}

/// The last act of one author in a dossier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ChainEnd {
    /// The dossier.
    pub dossier: DossierId,
    /// The author.
    pub author: ServiceId,
    /// The act's number.
    pub seq: u64,
    /// The act.
    pub act: ActId,
}

/// That a service holds an act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Which service.
    pub service: ServiceId,
    /// When its receipt became durable here.
    pub at: UnixMs,
    /// Position of that receipt in the ledger.
    pub receipt: u64,
}

/// A place in one recipient's outbox; what has a greater place leaves later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct QueuePlace {
    pub(crate) pos: i64,
    pub(crate) n: i64,
}

impl QueuePlace {
    /// Returns the two numbers of the place, for a document.
    pub fn numbers(self) -> (i64, i64) {
        (self.pos, self.n)
    }

    /// Takes what [`QueuePlace::numbers`] gave.
    pub fn from_numbers((pos, n): (i64, i64)) -> QueuePlace {
        QueuePlace { pos, n }
    }
}

/// Something that is due to a recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// Where it stands.
    pub place: QueuePlace,
    /// Since when it waits.
    pub queued_at: UnixMs,
    /// What it is.
    pub what: DueObject,
}

/// What is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DueObject {
    /// An act; its body may have been erased meanwhile.
    Act(Act),
    /// Bytes of another floor.
    Note {
        /// Their SHA-256.
        id: Digest,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// How much one recipient has not receipted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Depth {
    /// Who.
    pub recipient: ServiceId,
    /// How many objects.
    pub count: u64,
    /// Since when the oldest waits.
    pub oldest: UnixMs,
}

/// A receipt that we gave for a parcel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// The parcel.
    pub parcel: crate::Parcel,
    /// Position of the receipt in the ledger.
    pub pos: u64,
    /// The receipt's signed bytes.
    pub receipt: Vec<u8>,
}

/// Which dossiers a list shows; `None` means any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DossierFilter<'a> {
    /// Only those of this mechanism.
    pub mechanism: Option<MechanismId>,
    /// Only those under this accord.
    pub accord: Option<Digest>,
    /// Only those in this phase.
    pub phase: Option<&'a str>,
    /// Only closed or only open ones.
    pub closed: Option<bool>,
}

/// A local document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its id within its kind.
    pub id: String,
    /// When it was last written.
    pub at: UnixMs,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A line of the local log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// Its number, from 0, without gaps over all kinds.
    pub seq: u64,
    /// When it was written.
    pub at: UnixMs,
    /// Its kind.
    pub kind: String,
    /// Its bytes.
    pub data: Vec<u8>,
}
