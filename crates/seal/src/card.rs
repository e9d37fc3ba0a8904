//! A card: the keys, doors and desks of one service for a time, signed by the service's root key.

use crate::cose::{Signed, Typ};
use crate::ed25519::PublicKey;
use crate::fault::SealFault;
use crate::xwing;
use base::cbor::{self, CborError};
use base::{Digest, ServiceId, Tag, Text, UnixMs};
use minicbor::{Decode, Encode};

/// Version of the card that this node reads and writes.
pub const CARD_VERSION: u8 = 1;
/// Bytes of a signed card.
pub const CARD_BYTES_MAX: usize = 16 * 1024;
/// Entries in each list of a card: names, endpoints, languages, desks.
pub const CARD_ENTRIES_MAX: usize = 16;
/// Bytes of one text on a card.
pub const CARD_TEXT_BYTES_MAX: usize = 255;

/// The public face of a service: number n of its chain of cards.
///
/// Canonical CBOR map with the field numbers below, inside COSE_Sign1 under the root key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Card {
    /// [`CARD_VERSION`].
    #[n(0)]
    pub version: u8,
    /// The service: digest of `root` under "entente/service/1".
    #[n(1)]
    pub service: ServiceId,
    /// Ed25519 root key; signs cards and nothing else.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// Place in the chain, from 1.
    #[n(3)]
    pub number: u32,
    /// Short name for lists and logs, such as "ma" or "es-pn"; a label, not proof of anything.
    #[n(4)]
    pub code: String,
    /// Country, ISO 3166-1 alpha-2.
    #[n(5)]
    pub country: String,
    /// The service's name, once per language.
    #[n(6)]
    pub name: Vec<Text>,
    /// Ed25519 key that signs acts, parcels, receipts and checkpoints.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub signing: [u8; 32],
    /// X-Wing key, 1216 bytes, for which parcels are sealed.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub sealing: Vec<u8>,
    /// SHA-256 of the TLS certificate's SubjectPublicKeyInfo (RFC 5280, 4.1.2.7; as in RFC 7469, 2.4).
    #[n(9)]
    pub tls_pin: Digest,
    /// Where its node is reached, "host:port", best first.
    #[n(10)]
    pub endpoints: Vec<String>,
    /// Languages in which its officers work, best first.
    #[n(11)]
    pub languages: Vec<Tag>,
    /// Whom to call.
    #[n(12)]
    pub duty: Vec<Duty>,
    /// First moment at which this card's keys sign.
    #[n(13)]
    pub valid_from: UnixMs,
    /// Last moment at which they do.
    #[n(14)]
    pub valid_until: UnixMs,
    /// SHA-256 of the signed bytes of the card before; card 1 has none.
    #[n(15)]
    pub previous: Option<Digest>,
}

/// A desk that answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Duty {
    /// What the desk is, for example "24/7 liaison desk".
    #[n(0)]
    pub desk: String,
    /// Telephone number, may be empty if there is a mail address.
    #[n(1)]
    pub phone: String,
    /// Mail address, may be empty if there is a telephone number.
    #[n(2)]
    pub mail: String,
}

/// What people decide about a card; keys, number and chain come from [`crate::Keys`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDraft {
    /// See [`Card::code`].
    pub code: String,
    /// See [`Card::country`].
    pub country: String,
    /// See [`Card::name`].
    pub name: Vec<Text>,
    /// See [`Card::endpoints`].
    pub endpoints: Vec<String>,
    /// See [`Card::languages`].
    pub languages: Vec<Tag>,
    /// See [`Card::duty`].
    pub duty: Vec<Duty>,
    /// See [`Card::valid_from`].
    pub valid_from: UnixMs,
    /// See [`Card::valid_until`].
    pub valid_until: UnixMs,
}

/// A card cannot be taken; the doing of the service that issued it or of who handed it over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardFault {
    /// Not a signed card at all.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// A field does not obey the rules for cards.
    #[error("the card's field '{0}' does not obey the rules for cards; the issuing service must correct it and issue the card anew")]
    Field(&'static str),
    /// The card belongs to another service, or its root key is not what its service id says.
    #[error("the card is of service {0}, not of the one expected; compare the fingerprint with the service by telephone")]
    Service(ServiceId),
    /// Two different cards have one number: the issuer, or a thief of its root key, shows different faces to different partners.
    #[error("there are two different cards with number {number} of service {service}; trust neither, keep both, call the service")]
    Fork {
        /// Whose cards.
        service: ServiceId,
        /// The number they share.
        number: u32,
    },
    /// Cards in between are missing.
    #[error("card {found} came where card {expected} was expected; ask the service for the cards in between")]
    Gap {
        /// The number that continues the chain.
        expected: u32,
        /// The number that came.
        found: u32,
    },
    /// The card does not name the card before it.
    #[error("card {0} does not continue the chain of the cards before it; ask the service for its whole chain and compare")]
    Previous(u32),
}

impl CardFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            CardFault::Seal(e) => e.code(),
            CardFault::Field(_) => "peer.card.field",
            CardFault::Service(_) => "peer.card.service",
            CardFault::Fork { .. } => "peer.card.fork",
            CardFault::Gap { .. } => "peer.card.gap",
            CardFault::Previous(_) => "peer.card.previous",
        }
    }
}

/// Names a service by its root key.
pub fn service_id(root: &[u8; 32]) -> ServiceId {
    Digest::tagged("entente/service/1", &[root]).into()
}

impl Card {
    /// Reads a signed card: canonical bytes, root key that hashes to the service id, root signature, every field in order.
    pub(crate) fn read(bytes: &[u8]) -> Result<Card, CardFault> {
        let signed = Signed::parse(bytes, Typ::Card, CARD_BYTES_MAX)?;
        let card: Card = read_versioned(signed.payload(), CARD_BYTES_MAX, CARD_VERSION)?;
        if card.service != service_id(&card.root) || card.service != signed.signer() || card.number != signed.card_number() {
            return Err(CardFault::Service(signed.signer()));
        }
        let root = PublicKey::new(&card.root).ok_or(CardFault::Field("root"))?;
        signed.verify_with(&root)?;
        card.check()?;
        Ok(card)
    }

    /// Checks every rule that a card alone can break.
    pub(crate) fn check(&self) -> Result<(), CardFault> {
        let code = (2..=12).contains(&self.code.len()) && self.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let country = self.country.len() == 2 && self.country.bytes().all(|b| b.is_ascii_uppercase());
        let name = few(&self.name) && self.name.iter().all(|t| t.lang.is_well_formed() && plain(&t.text)) && once(self.name.iter().map(|t| &t.lang));
        let languages = few(&self.languages) && self.languages.iter().all(Tag::is_well_formed) && once(self.languages.iter());
        let reachable = |d: &Duty| !(d.phone.is_empty() && d.mail.is_empty());
        let duty = |d: &Duty| plain(&d.desk) && [&d.phone, &d.mail].into_iter().all(|t| t.is_empty() || plain(t)) && reachable(d);
        let sealing = || xwing::PublicKey::new(&self.sealing).and_then(|k| k.encapsulate()).is_some();
        let rules = [
            (self.number >= 1, "number"),
            (code, "code"),
            (country, "country"),
            (name, "name"),
            (!self.endpoints.is_empty() && few_or_none(&self.endpoints) && self.endpoints.iter().all(|e| is_endpoint(e)), "endpoints"),
            (languages, "languages"),
            (few_or_none(&self.duty) && self.duty.iter().all(duty), "duty"),
            (self.valid_from < self.valid_until, "valid_until"),
            (self.previous.is_none() == (self.number == 1), "previous"),
            (PublicKey::new(&self.signing).is_some() && self.signing != self.root, "signing"),
            (sealing(), "sealing"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, field)| Err(CardFault::Field(field)))
    }
}

/// Reads a canonical map whose field 0 is its version, and tells an unknown version from a broken object.
pub(crate) fn read_versioned<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8], bytes_max: usize, version: u8) -> Result<T, SealFault> {
    if bytes.len() > bytes_max {
        return Err(CborError::TooLarge { bytes: bytes.len(), bytes_max }.into());
    }
    cbor::check(bytes)?;
    let mut d = minicbor::Decoder::new(bytes);
    let mut first = || -> Result<i64, minicbor::decode::Error> {
        d.map()?;
        if d.u64()? == 0 { d.i64() } else { Err(minicbor::decode::Error::message("no version")) }
    };
    let found = first().map_err(|e| CborError::Shape(e.to_string()))?;
    if found != i64::from(version) {
        return Err(SealFault::Version(found));
    }
    Ok(cbor::from_slice(bytes, bytes_max)?)
}

fn few<T>(list: &[T]) -> bool {
    !list.is_empty() && few_or_none(list)
}

fn few_or_none<T>(list: &[T]) -> bool {
    list.len() <= CARD_ENTRIES_MAX
}

fn once<T: Ord>(list: impl Iterator<Item = T>) -> bool {
    let mut all: Vec<T> = list.collect();
    all.sort();
    all.windows(2).all(|w| w[0] != w[1])
}

/// Text that shows what it holds: not blank, no control characters, nothing that turns the direction of what follows.
fn plain(text: &str) -> bool {
    let deceives = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.len() <= CARD_TEXT_BYTES_MAX && !text.trim().is_empty() && !text.chars().any(deceives)
}

fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let name = |h: &str| !h.is_empty() && h.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let v6 = |h: &str| h.strip_prefix('[').and_then(|h| h.strip_suffix(']')).is_some_and(|h| h.parse::<std::net::Ipv6Addr>().is_ok());
    text.len() <= CARD_TEXT_BYTES_MAX && (name(host) || v6(host)) && port.parse::<u16>().is_ok_and(|p| p > 0 && port == p.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_host_and_port() {
        for good in ["node.dgsn.example:8443", "192.0.2.7:1", "[2001:db8::1]:8443", "localhost:65535"] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in ["node", "node:", "node:0", "node:65536", ":8443", "no de:1", "2001:db8::1:8443", "[x]:1", "node:+1", "node:01", "https://node:1"] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }

    #[test]
    fn texts_show_what_they_hold() {
        assert!(plain("المديرية العامة للأمن الوطني") && plain("Policía Nacional"));
        assert!(!plain("") && !plain("  ") && !plain("a\nb") && !plain("a\u{202e}b") && !plain(&"x".repeat(256)));
    }
}
