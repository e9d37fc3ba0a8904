//! What is said when a ledger was put back to an earlier point: the service's own declaration, and a partner's answer to it.
//!
//! 1 the restored service signs a [`Restored`]: from which size and root its ledger goes on. 2 Each partner signs a [`Recovered`],
//! in pages: which acts of shared dossiers it holds, and what it has of the lost line. Both are kept as evidence by both sides.

use crate::card::{CARD_BYTES_MAX, read_versioned};
use crate::cards::Cards;
use crate::cose::{Signed, Typ, Verified};
use crate::fault::SealFault;
use crate::keys::Keys;
use crate::note::NOTE_BYTES_MAX;
use crate::receipt::RECEIPT_BYTES_MAX;
use base::cbor::{self, CborError};
use base::{ActId, Digest, DossierId, Instant, ServiceId, UnixMs};
use minicbor::{Decode, Encode};

/// Version of both objects that this node reads and writes.
pub const RESTORED_VERSION: u8 = 1;
/// Bytes of a signed declaration.
pub const RESTORED_BYTES_MAX: usize = 1024;
/// Ends of chains in one page of an answer.
pub const RECOVERED_CHAINS_MAX: usize = 5_000;
/// Pages of one answer.
pub const RECOVERED_PAGES_MAX: u32 = 10_000;
/// Bytes of a signed page: its chains, the last receipt, two notes and later cards.
pub const RECOVERED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Cards in a page.
const RECOVERED_CARDS_MAX: usize = 16;

/// A service's declaration that its ledger was put back and goes on from an earlier point.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Restored {
    /// [`RESTORED_VERSION`].
    #[n(0)]
    pub version: u8,
    /// Whose ledger; the signer.
    #[n(1)]
    pub service: ServiceId,
    /// Drawn for each restoration, so that two machines restored from one backup differ.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// When this was declared.
    #[n(3)]
    pub at: Instant,
    /// When the copy was made, as far as it is known.
    #[n(4)]
    pub copied: UnixMs,
    /// Entries that stand as they stood before.
    #[n(5)]
    pub size: u64,
    /// The root over them.
    #[n(6)]
    pub root: Digest,
}

/// Where one author's acts in a dossier end, as the signer of the answer holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct ChainEnd {
    /// The dossier.
    #[n(0)]
    pub dossier: DossierId,
    /// The author.
    #[n(1)]
    pub author: ServiceId,
    /// The highest number that is held.
    #[n(2)]
    pub seq: u64,
    /// The act under it.
    #[n(3)]
    pub act: ActId,
}

/// A partner's answer to a declaration: one page of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Recovered {
    /// [`RESTORED_VERSION`].
    #[n(0)]
    pub version: u8,
    /// The digest of the signed declaration that is answered.
    #[n(1)]
    pub restored: Digest,
    /// Who answers; the signer.
    #[n(2)]
    pub from: ServiceId,
    /// The restored service.
    #[n(3)]
    pub to: ServiceId,
    /// When.
    #[n(4)]
    pub at: Instant,
    /// This page, from 0.
    #[n(5)]
    pub page: u32,
    /// How many pages there are.
    #[n(6)]
    pub pages: u32,
    /// The ends of all chains of shared dossiers, ordered.
    #[n(7)]
    pub chains: Vec<ChainEnd>,
    /// The highest parcel number of the restored service that was answered; 0 for none.
    #[n(8)]
    pub number: u64,
    /// The largest size up to the declared one that the answerer had cosigned, from which it goes on; 0 for none.
    #[n(9)]
    pub cosigned_size: u64,
    /// The root under that cosignature.
    #[n(10)]
    pub cosigned_root: Digest,
    /// The newest checkpoint of the restored service that the answerer cosigned, lost line included.
    #[n(11)]
    pub checkpoint: Option<String>,
    /// The newest checkpoint of the answerer that the restored service cosigned.
    #[n(12)]
    pub witnessed: Option<String>,
    /// The newest receipt of the restored service that the answerer holds.
    #[cbor(n(13), with = "minicbor::bytes")]
    pub receipt: Option<Vec<u8>>,
    /// Cards of the restored service that the answerer holds, the newest ones in order.
    #[n(14)]
    pub cards: Vec<minicbor::bytes::ByteVec>,
}

impl Restored {
    /// Signs the declaration with our acting card; `service` and `version` are set here.
    pub fn sign(mut self, keys: &Keys) -> Verified {
        self.version = RESTORED_VERSION;
        self.service = keys.service();
        keys.sign(Typ::Restored, &cbor::to_vec(&self))
    }

    /// Reads and verifies a declaration against the cards of the service that made it.
    pub fn read(bytes: &[u8], cards: &Cards) -> Result<(Restored, Verified), SealFault> {
        let signed = Signed::parse(bytes, Typ::Restored, RESTORED_BYTES_MAX)?;
        let said: Restored = read_versioned(signed.payload(), RESTORED_BYTES_MAX, RESTORED_VERSION)?;
        let rules = [
            (said.service == signed.signer(), "a restoration is declared by the service itself"),
            (said.at.is_well_formed(), "the time has no zone"),
            (said.copied <= said.at.at, "the copy is younger than its restoration"),
        ];
        hold(&rules)?;
        let verified = signed.verify(cards, said.at.at)?;
        Ok((said, verified))
    }
}

impl Recovered {
    /// Signs the page with our acting card; `from` and `version` are set here.
    pub fn sign(mut self, keys: &Keys) -> Verified {
        self.version = RESTORED_VERSION;
        self.from = keys.service();
        keys.sign(Typ::Recovered, &cbor::to_vec(&self))
    }

    /// Reads and verifies a page against the cards of the service that answers.
    pub fn read(bytes: &[u8], cards: &Cards) -> Result<(Recovered, Verified), SealFault> {
        let signed = Signed::parse(bytes, Typ::Recovered, RECOVERED_BYTES_MAX)?;
        let said: Recovered = read_versioned(signed.payload(), RECOVERED_BYTES_MAX, RESTORED_VERSION)?;
        let notes = [&said.checkpoint, &said.witnessed];
        let rules = [
            (said.from == signed.signer(), "an answer is signed by who answers"),
            (said.at.is_well_formed(), "the time has no zone"),
            (said.page < said.pages && said.pages <= RECOVERED_PAGES_MAX, "the page is none of its pages, or they are too many"),
            (said.chains.len() <= RECOVERED_CHAINS_MAX, "more chains than a page may have"),
            (said.chains.windows(2).all(|p| (p[0].dossier, p[0].author) < (p[1].dossier, p[1].author)), "the chains are not in order"),
            (said.chains.iter().all(|c| (1..=i64::MAX as u64).contains(&c.seq)), "a chain ends at a number that no act has"),
            (notes.into_iter().flatten().all(|n| n.len() <= NOTE_BYTES_MAX), "a note is too long"),
            (said.receipt.as_ref().is_none_or(|r| r.len() <= RECEIPT_BYTES_MAX), "the receipt is too long"),
            (said.cards.len() <= RECOVERED_CARDS_MAX && said.cards.iter().all(|c| c.len() <= CARD_BYTES_MAX), "too many cards, or one too long"),
        ];
        hold(&rules)?;
        let verified = signed.verify(cards, said.at.at)?;
        Ok((said, verified))
    }
}

fn hold(rules: &[(bool, &str)]) -> Result<(), CborError> {
    rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err(CborError::Shape((*why).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;
    use crate::vectors::wire_draft;

    fn declared(keys: &Keys, at: UnixMs) -> Restored {
        let at = at.in_zone("UTC").unwrap();
        Restored { version: 1, service: keys.service(), nonce: [1; 16], copied: at.at.plus_ms(-1), at, size: 7, root: Digest::of(b"r") }
    }

    fn answer(of: &Keys, to: ServiceId, chains: Vec<ChainEnd>) -> Recovered {
        Recovered {
            version: 1,
            restored: Digest::of(b"d"),
            from: of.service(),
            to,
            at: wire_draft().valid_from.in_zone("UTC").unwrap(),
            page: 0,
            pages: 1,
            chains,
            number: 5,
            cosigned_size: 0,
            cosigned_root: Digest::default(),
            checkpoint: None,
            witnessed: None,
            receipt: None,
            cards: vec![],
        }
    }

    #[test]
    fn a_declaration_is_its_own_services_and_no_younger_than_its_copy() {
        let draft = wire_draft();
        let new = || Keys::generate(&draft, draft.valid_from, &mut SystemEntropy).unwrap();
        let (keys, other) = (new(), new());
        let cards = Cards::first(keys.card_bytes()).unwrap();
        let said = declared(&keys, draft.valid_from);
        let signed = said.clone().sign(&keys);
        assert_eq!(Restored::read(signed.bytes(), &cards).unwrap().0, said);
        assert_eq!(Restored::read(said.clone().sign(&other).bytes(), &cards).unwrap_err().code(), "peer.seal.unknown-sender");
        let young = Restored { copied: said.at.at.plus_ms(1), ..said };
        assert_eq!(Restored::read(young.sign(&keys).bytes(), &cards).unwrap_err().code(), "peer.bytes.shape");
        assert_eq!(Recovered::read(signed.bytes(), &cards).unwrap_err().code(), "peer.seal.wrong-type");
    }

    #[test]
    fn a_page_has_its_place_and_its_order() {
        let draft = wire_draft();
        let keys = Keys::generate(&draft, draft.valid_from, &mut SystemEntropy).unwrap();
        let cards = Cards::first(keys.card_bytes()).unwrap();
        let to = ServiceId::from(Digest::of(b"to"));
        let end = |d: u8, seq| ChainEnd { dossier: Digest([d; 32]).into(), author: to, seq, act: Digest::of(b"a").into() };
        let good = answer(&keys, to, vec![end(1, 1), end(2, 9)]);
        assert_eq!(Recovered::read(good.clone().sign(&keys).bytes(), &cards).unwrap().0, good);
        let bad = [
            Recovered { chains: vec![end(2, 1), end(1, 1)], ..good.clone() },
            Recovered { chains: vec![end(1, 1), end(1, 2)], ..good.clone() },
            Recovered { chains: vec![end(1, 0)], ..good.clone() },
            Recovered { page: 1, ..good.clone() },
            Recovered { pages: RECOVERED_PAGES_MAX + 1, ..good },
        ];
        for page in bad {
            assert_eq!(Recovered::read(page.sign(&keys).bytes(), &cards).unwrap_err().code(), "peer.bytes.shape");
        }
    }
}
