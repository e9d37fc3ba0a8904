//! What goes in: one [`Append`] is one batch that is stored whole or not at all.
//!
//! A batch is worked off in this order: 1 the parcel's number, 2 erasures, 3 entries, 4 re-filings, 5 verdicts, 6 the outbox,
//! 7 dossier rows, documents, log lines, 8 the receipt, which is signed over the ledger as it then stands and is its last entry.

use base::{ActId, Digest, DossierId, ItemId, MechanismId, ParcelId, ServiceId, UnixMs};
use seal::{Cards, Checkpoint, NoteFault, Typ, Verified};
use std::error::Error;
use std::fmt;

/// What kind of object a ledger entry is; the byte stands in front of the signed bytes in the Merkle leaf.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// An act, our own or foreign.
    Act = 1,
    /// A receipt that we gave.
    ReceiptGiven = 2,
    /// A receipt that we took.
    ReceiptTaken = 3,
    /// A service's card.
    Card = 4,
    /// A partner's checkpoint that we cosigned.
    CheckpointCosigned = 5,
    /// A service's revocation of one of its cards.
    Revocation = 6,
    /// A service's word on an act whose author's card was revoked.
    Attestation = 7,
    /// The word of a new service whose place it takes, after people here compared its fingerprint.
    Succession = 8,
    /// The declaration that a ledger was put back, our own or a partner's.
    Restored = 12,
    /// A partner's answer to our own declaration.
    Recovered = 13,
}

impl Kind {
    /// Returns the kind with this number.
    pub fn from_number(n: u8) -> Option<Kind> {
        use Kind::*;
        let all = [Act, ReceiptGiven, ReceiptTaken, Card, CheckpointCosigned, Revocation, Attestation, Succession, Restored, Recovered];
        all.into_iter().find(|k| *k as u8 == n)
    }
}

/// What the law said about an act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// What it has seen is not here yet.
    Waiting,
    /// It folds.
    Valid,
    /// Its mechanism does not allow it; the code says which rule. Kept, shown, folds to nothing.
    Void(String),
    /// Kept as proof of what its author did, such as two acts with one sequence number.
    Evidence,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Waiting => f.write_str("waiting"),
            Verdict::Valid => f.write_str("valid"),
            Verdict::Void(code) => write!(f, "void:{code}"),
            Verdict::Evidence => f.write_str("evidence"),
        }
    }
}

impl Verdict {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Verdict> {
        match text {
            "waiting" => Some(Verdict::Waiting),
            "valid" => Some(Verdict::Valid),
            "evidence" => Some(Verdict::Evidence),
            _ => text.strip_prefix("void:").map(|code| Verdict::Void(code.to_owned())),
        }
    }
}

/// Where an act belongs. Its author is the signer of the bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filing {
    /// The act's own id.
    pub id: ActId,
    /// Its dossier.
    pub dossier: DossierId,
    /// Its number in its author's chain within the dossier.
    pub seq: u64,
    /// The item that it moves; bodies of one item share a key at rest.
    pub item: ItemId,
    /// What the law said.
    pub verdict: Verdict,
}

/// One signed object for the ledger. There is no way to make one but from what `seal` has verified.
pub struct Entry {
    pub(crate) kind: Kind,
    pub(crate) object: Digest,
    pub(crate) signer: ServiceId,
    pub(crate) signed: Vec<u8>,
    pub(crate) filed: Filed,
}

pub(crate) enum Filed {
    Act { filing: Filing, body: Option<Vec<u8>> },
    ReceiptTaken(Vec<Digest>),
    Nothing,
}

impl Entry {
    /// Returns the digest of what is filed: for an act its id.
    pub fn object(&self) -> &Digest {
        &self.object
    }

    /// Files an act and its body, which is sealed at rest under its item's key; `None` when the body did not come along.
    ///
    /// Panics if the object was not signed as an act: that is a bug of the caller.
    pub fn act(verified: Verified, filing: Filing, body: Option<Vec<u8>>) -> Entry {
        assert_eq!(verified.typ(), Typ::Act);
        Entry { object: *filing.id.as_ref(), ..Entry::new(Kind::Act, verified.signer(), verified.bytes(), Filed::Act { filing, body }) }
    }

    /// Files a partner's receipt: the acts and notes in `objects` leave the outbox, and its signer is known to hold the acts.
    ///
    /// Name only what the receipt says is held. Panics if the object was not signed as a receipt: that is a bug of the caller.
    pub fn receipt_taken(verified: Verified, objects: Vec<Digest>) -> Entry {
        assert_eq!(verified.typ(), Typ::Receipt);
        Entry::new(Kind::ReceiptTaken, verified.signer(), verified.bytes(), Filed::ReceiptTaken(objects))
    }

    /// Files one card of a service's verified cards, if it is among them.
    pub fn card(cards: &Cards, number: u32) -> Option<Entry> {
        let (_, signed) = cards.iter().zip(cards.iter_bytes()).find(|(card, _)| card.number == number)?;
        Some(Entry::new(Kind::Card, cards.service(), signed, Filed::Nothing))
    }

    /// Files a revocation of a service's verified cards, by the SHA-256 of its signed bytes, if it is among them.
    pub fn revocation(cards: &Cards, digest: &Digest) -> Option<Entry> {
        let signed = cards.revocation_bytes().find(|b| Digest::of(b) == *digest)?;
        Some(Entry::new(Kind::Revocation, cards.service(), signed, Filed::Nothing))
    }

    /// Files a service's word on an act.
    ///
    /// Panics if the object was not signed as an attestation: that is a bug of the caller.
    pub fn attestation(verified: &Verified) -> Entry {
        assert_eq!(verified.typ(), Typ::Attestation);
        Entry::new(Kind::Attestation, verified.signer(), verified.bytes(), Filed::Nothing)
    }

    /// Files a succession, under the new root key or the predecessor's card.
    ///
    /// Panics if the object was not signed as a succession: that is a bug of the caller.
    pub fn succession(verified: &Verified) -> Entry {
        assert_eq!(verified.typ(), Typ::Succession);
        Entry::new(Kind::Succession, verified.signer(), verified.bytes(), Filed::Nothing)
    }

    /// Files our own checkpoint with a partner's cosignature, once both hold; `at` is when the note came.
    pub fn checkpoint_cosigned(note: &str, own: &Cards, partner: &Cards, at: UnixMs) -> Result<Entry, NoteFault> {
        Checkpoint::read_cosigned(note, own, partner, at)?.cosigned_by(note, partner)?;
        Ok(Entry::new(Kind::CheckpointCosigned, partner.service(), note.as_bytes(), Filed::Nothing))
    }

    /// Files a receipt that we gave and lost with a part of our ledger, as the partner handed it back.
    ///
    /// Panics if the object was not signed as a receipt: that is a bug of the caller.
    pub fn receipt_returned(verified: &Verified) -> Entry {
        Entry::receipt_given(verified)
    }

    /// Files the declaration that a ledger was put back. Panics if the object was not signed as one: that is a bug of the caller.
    pub fn restored(verified: &Verified) -> Entry {
        assert_eq!(verified.typ(), Typ::Restored);
        Entry::new(Kind::Restored, verified.signer(), verified.bytes(), Filed::Nothing)
    }

    /// Files a page of a partner's answer to our declaration. Panics if the object was not signed as one: that is a bug of the caller.
    pub fn recovered(verified: &Verified) -> Entry {
        assert_eq!(verified.typ(), Typ::Recovered);
        Entry::new(Kind::Recovered, verified.signer(), verified.bytes(), Filed::Nothing)
    }

    /// Receipts that we give are filed by [`Answer`], because they name the ledger under them.
    pub(crate) fn receipt_given(verified: &Verified) -> Entry {
        assert_eq!(verified.typ(), Typ::Receipt);
        Entry::new(Kind::ReceiptGiven, verified.signer(), verified.bytes(), Filed::Nothing)
    }

    fn new(kind: Kind, signer: ServiceId, signed: &[u8], filed: Filed) -> Entry {
        Entry { kind, object: Digest::of(signed), signer, signed: signed.to_vec(), filed }
    }
}

/// Projections of an entry that is in the ledger already, for a rebuild.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refile {
    /// An act.
    Act {
        /// Its position.
        pos: u64,
        /// Its author.
        author: ServiceId,
        /// Where it belongs.
        filing: Filing,
    },
    /// A receipt that we took.
    ReceiptTaken {
        /// Its position.
        pos: u64,
        /// Its signer.
        service: ServiceId,
        /// When it became durable here.
        at: UnixMs,
        /// What it names.
        objects: Vec<Digest>,
    },
    /// A receipt that we gave.
    ReceiptGiven {
        /// Its position.
        pos: u64,
        /// The parcel that it answers.
        parcel: Parcel,
        /// See [`Answer::until`].
        until: Option<UnixMs>,
    },
}

/// A parcel as its receipt names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parcel {
    /// Who sent it.
    pub sender: ServiceId,
    /// The sender's number.
    pub number: u64,
    /// The parcel's own id.
    pub id: ParcelId,
}

/// Signs the receipt over the ledger as it stands inside the transaction, and over what became of each entry of the batch.
pub type Sign = Box<dyn FnOnce(&LedgerState, &[Place]) -> Result<Verified, Box<dyn Error + Send + Sync>> + Send>;

/// The parcel that a batch came in, and how its receipt is signed.
pub struct Answer {
    /// The parcel.
    pub parcel: Parcel,
    /// Until when the parcel could come again by a way that may take long, so that its receipt is found until then; `None` where it
    /// is remembered by its number alone ([`crate::GIVEN_KEPT`]).
    pub until: Option<UnixMs>,
    /// Called once, after the entries are in and before the commit; its bytes are handed out after the commit only.
    pub sign: Sign,
}

/// How long the ledger is and what its Merkle root is (RFC 6962, 2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LedgerState {
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
}

/// Something that a partner has not yet receipted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queued {
    /// To whom.
    pub recipient: ServiceId,
    /// What.
    pub what: Outgoing,
}

/// What waits in the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outgoing {
    /// An act of the ledger. Acts leave in ledger order, also when an old one is queued again.
    Act(ActId),
    /// Bytes of another floor: a card, a mechanism, a request for a range, a checkpoint. Known by their SHA-256.
    Note(Vec<u8>),
}

/// What a dossier looks like now; written by the node, read by lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DossierRow {
    /// The dossier.
    pub id: DossierId,
    /// The mechanism that it runs.
    pub mechanism: MechanismId,
    /// The accord that it stands under.
    pub accord: Digest,
    /// When its opening act was made.
    pub opened_at: UnixMs,
    /// When it last changed.
    pub updated_at: UnixMs,
    /// Its phase.
    pub phase: String,
    /// Whether nothing moves any more.
    pub closed: bool,
    /// What a list shows, opaque here and sealed at rest.
    pub summary: Vec<u8>,
}

/// A change to the local documents, which are no acts: officers, drafts, four-eyes intents, mechanisms, partners, settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordOp {
    /// Writes, over whatever is there.
    Put {
        /// Its kind.
        kind: String,
        /// Its id within the kind.
        id: String,
        /// Its bytes, sealed at rest.
        data: Vec<u8>,
    },
    /// Writes, and refuses the whole batch if the document is there already.
    PutIfAbsent {
        /// Its kind.
        kind: String,
        /// Its id within the kind.
        id: String,
        /// Its bytes, sealed at rest.
        data: Vec<u8>,
    },
    /// Deletes, if it is there.
    Delete {
        /// Its kind.
        kind: String,
        /// Its id within the kind.
        id: String,
    },
    /// Deletes, and refuses the whole batch if it is not there: an intent can be carried out once only.
    Take {
        /// Its kind.
        kind: String,
        /// Its id within the kind.
        id: String,
    },
}

/// A line for the append-only local log: consultations, refused input, audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// Its kind.
    pub kind: String,
    /// Its bytes, sealed at rest.
    pub data: Vec<u8>,
}

/// One batch: stored whole or not at all.
#[derive(Default)]
pub struct Append {
    /// The time of this batch; "durable here" times are this one.
    pub at: UnixMs,
    /// Items whose bodies and key go. What is filed on them later gets a new key.
    pub erase: Vec<(DossierId, ItemId)>,
    /// New ledger entries, in order.
    pub entries: Vec<Entry>,
    /// Projections of entries that are in the ledger already (rebuild only).
    pub refile: Vec<Refile>,
    /// Acts whose verdict changes, such as those that waited.
    pub verdicts: Vec<(ActId, Verdict)>,
    /// What is to be sent.
    pub queue: Vec<Queued>,
    /// What is not to be sent any more although no receipt came.
    pub unqueue: Vec<(ServiceId, Digest)>,
    /// Dossier rows, new or changed.
    pub dossiers: Vec<DossierRow>,
    /// Changes to local documents, in order.
    pub records: Vec<RecordOp>,
    /// Lines for the local log, in order.
    pub logs: Vec<LogLine>,
    /// The parcel that this came in.
    pub answer: Option<Answer>,
    /// Whether a document that is deleted here is a key: nothing of it may stay in the write-ahead log either.
    pub shred: bool,
}

impl Append {
    /// Starts an empty batch at a time.
    pub fn new(at: UnixMs) -> Append {
        Append { at, ..Append::default() }
    }
}

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its position in the ledger.
    pub pos: u64,
    /// When it became durable here; stays the same when the object comes again.
    pub at: UnixMs,
    /// Whether it is new; if not, the ledger held it before and nothing was added.
    pub new: bool,
}

/// What a stored batch did. Whoever holds this may rely on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// One for each entry, in order; empty when the parcel had been answered before.
    pub places: Vec<Place>,
    /// The receipt's signed bytes, if the batch had a parcel.
    pub receipt: Option<Vec<u8>>,
    /// Whether the parcel had been answered before, so that nothing was stored and the receipt is the old one.
    pub repeated: bool,
    /// Number of bodies erased.
    pub bodies_erased: u64,
    /// The ledger after this batch.
    pub ledger: LedgerState,
}
