//! Checkpoints of a ledger and partners' cosignatures under them (C2SP tlog-checkpoint, tlog-cosignature v1).
//!
//! The text has three lines, `entente/<service id>`, size, base64 root; it is a function of the checkpoint, so what is verified
//! and what is cosigned cannot differ. A partner cosigns only after a consistency proof from the last checkpoint it saw.

use crate::cards::Cards;
use crate::fault::SealFault;
use crate::keys::Keys;
use crate::note::{Note, NoteKey, line};
use base::{Digest, ServiceId, UnixMs};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// A checkpoint or cosignature cannot be trusted; the doing of the service that made it or of who handed it over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// Not a checkpoint as C2SP and this project write it.
    #[error("the text is not a checkpoint in the form of C2SP tlog-checkpoint without extension lines; take it unchanged from the service")]
    Form,
    /// A checkpoint of another ledger.
    #[error("the checkpoint is of '{0}', not of the ledger expected; it was put into the wrong place")]
    Origin(String),
    /// The text beneath the cosignature is another checkpoint.
    #[error("the cosignature stands under another checkpoint; take the text that the partner cosigned")]
    Other,
    /// A signature line names a key that we know, but does not hold.
    #[error("the signature of {0} does not hold; the text was altered or forged. Keep it as evidence and call the service")]
    Signature(ServiceId),
    /// No line is signed with a key on the service's cards.
    #[error("the text bears no signature by a card of {0} that is known here; ask the service for its newer cards")]
    Unsigned(ServiceId),
    /// Signed with a card that was not valid then.
    #[error(transparent)]
    Card(#[from] SealFault),
}

impl NoteFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            NoteFault::Form => "peer.note.form",
            NoteFault::Origin(_) => "peer.note.origin",
            NoteFault::Other => "peer.note.other",
            NoteFault::Signature(_) => "peer.note.signature",
            NoteFault::Unsigned(_) => "peer.note.unsigned",
            NoteFault::Card(e) => e.code(),
        }
    }
}

/// The state of one service's ledger: so many leaves, this root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose ledger.
    pub origin: ServiceId,
    /// Leaves.
    pub size: u64,
    /// Root over them.
    pub root: Digest,
}

impl Checkpoint {
    /// Signs the state of our own ledger with the card that acts; returns the signed note.
    pub fn sign(keys: &Keys, size: u64, root: Digest) -> String {
        let body = Checkpoint { origin: keys.service(), size, root }.body();
        let name = name(keys.service());
        let key_id = NoteKey::Ed25519.id(&name, &keys.signing().public());
        format!("{body}\n{}", line(&name, key_id, &keys.signing().sign(body.as_bytes())))
    }

    /// Reads a note and believes it if a card of its ledger's service, good at `at`, signed it.
    ///
    /// A checkpoint states no time; `at` is when it came. Lines of other signers, cosignatures too, are left alone.
    pub fn read(note: &str, cards: &Cards, at: UnixMs) -> Result<Checkpoint, NoteFault> {
        let note = Note::parse(note).ok_or(NoteFault::Form)?;
        let checkpoint = Checkpoint::read_body(note.text)?;
        if checkpoint.origin != cards.service() {
            return Err(NoteFault::Origin(name(checkpoint.origin)));
        }
        let message = |signature: &[u8]| Some((note.text.as_bytes().to_vec(), signature.to_vec(), at));
        believe(&note, NoteKey::Ed25519, cards, message)?;
        Ok(checkpoint)
    }

    /// Reads a note that another service cosigned: its own card was good when it came, at `at`, or when the other cosigned it.
    ///
    /// The cosignature states its time. A note that is shown again long after is as good as it was then; under a revoked card it is not.
    /// Where it was good at neither time, the fault is that of `at`: a cosigner's clock may have been anywhere.
    pub fn read_cosigned(note: &str, cards: &Cards, cosigner: &Cards, at: UnixMs) -> Result<Checkpoint, NoteFault> {
        let late = match Checkpoint::read(note, cards, at) {
            Err(e @ NoteFault::Card(_)) => e,
            read => return read,
        };
        let text = Note::parse(note).ok_or(NoteFault::Form)?.text;
        let Ok(cosigned) = Checkpoint::read_body(text)?.cosigned_by(note, cosigner) else { return Err(late) };
        Checkpoint::read(note, cards, cosigned).map_err(|_| late)
    }

    /// Cosigns this checkpoint of a partner at a time; returns the line to put under its note.
    ///
    /// States that this is the largest consistent state of that ledger that we have seen: the caller has verified the signature and
    /// [`crate::ledger::verify_consistency`] from the last one cosigned. Seconds; what is below is cut.
    pub fn cosign(&self, keys: &Keys, at: UnixMs) -> String {
        let seconds = u64::try_from(at.0.div_euclid(1000)).unwrap_or(0);
        let name = name(keys.service());
        let key_id = NoteKey::Cosignature.id(&name, &keys.signing().public());
        let signature = keys.signing().sign(&cosigned(seconds, &self.body()));
        line(&name, key_id, &[&seconds.to_be_bytes()[..], &signature].concat())
    }

    /// Looks in a note for the cosignature of the service with these cards under this checkpoint; returns its time.
    pub fn cosigned_by(&self, note: &str, cards: &Cards) -> Result<UnixMs, NoteFault> {
        let note = Note::parse(note).ok_or(NoteFault::Form)?;
        if note.text != self.body() {
            return Err(NoteFault::Other);
        }
        believe(&note, NoteKey::Cosignature, cards, |bytes| {
            let (seconds, signature) = bytes.split_first_chunk()?;
            let seconds = u64::from_be_bytes(*seconds);
            let at = i64::try_from(seconds).ok()?.checked_mul(1000)?;
            Some((cosigned(seconds, note.text), signature.to_vec(), UnixMs(at)))
        })
    }

    /// Writes the three lines.
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", name(self.origin), self.size, BASE64.encode(self.root.0))
    }

    fn read_body(text: &str) -> Result<Checkpoint, NoteFault> {
        let read = || {
            let mut lines = text.split('\n');
            let origin: ServiceId = lines.next()?.strip_prefix("entente/")?.parse().ok()?;
            let size = lines.next()?.parse().ok()?;
            let root = Digest::from_slice(&BASE64.decode(lines.next()?).ok()?)?;
            Some(Checkpoint { origin, size, root })
        };
        // Written again it must be the same: one spelling of size and id, no line more.
        read().filter(|c| c.body() == text).ok_or(NoteFault::Form)
    }
}

/// The name under which a service signs notes, and the origin of its ledger.
fn name(service: ServiceId) -> String {
    format!("entente/{service}")
}

/// The message of cosignature v1.
fn cosigned(seconds: u64, body: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{body}").into_bytes()
}

/// Finds the line signed by one of these cards and returns the time at which it was judged.
///
/// `message` takes the line's bytes apart: what was signed, the bare signature, and the time.
fn believe(note: &Note<'_>, kind: NoteKey, cards: &Cards, message: impl Fn(&[u8]) -> Option<(Vec<u8>, Vec<u8>, UnixMs)>) -> Result<UnixMs, NoteFault> {
    let service = cards.service();
    let name = name(service);
    let ids: Vec<_> = cards.iter().map(|card| (kind.id(&name, &card.signing), card.number)).collect();
    let mut judged = Err(NoteFault::Unsigned(service));
    for line in note.signatures.iter().filter(|s| s.name == name) {
        for (_, number) in ids.iter().filter(|(id, _)| *id == line.key_id) {
            let (message, signature, at) = message(&line.signature).ok_or(NoteFault::Signature(service))?;
            if !cards.signing_key(*number).is_some_and(|key| key.holds(&message, &signature)) {
                return Err(NoteFault::Signature(service));
            }
            // Several cards may carry the same key: one that was good is enough.
            match cards.judge(*number, at) {
                Ok(()) => return Ok(at),
                Err(fault) => judged = Err(fault.into()),
            }
        }
    }
    judged
}
