//! Ids as types: 32-byte SHA-256 names that cannot be mixed up, and the officer's name within a service.

use crate::hex;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A text that should be an id is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not 64 hexadecimal digits; copy it whole.
    #[error("an id has 64 hexadecimal digits; this text does not. Copy it whole")]
    Hex,
    /// An officer's id is empty, longer than 64 bytes or has other characters than a-z, 0-9, '.', '-', '_'.
    #[error("an officer's id has 1 to 64 characters out of a-z, 0-9, '.', '-' and '_'")]
    Officer,
}

impl IdError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            IdError::Hex => "refusal.id.hex",
            IdError::Officer => "refusal.id.officer",
        }
    }
}

/// A SHA-256 digest (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Hashes parts in order under a domain, so that no two kinds of object share a digest.
    ///
    /// Input is `domain || 0x00 || parts…`; the domain holds no zero byte.
    pub fn tagged(domain: &str, parts: &[&[u8]]) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(domain.as_bytes());
        hasher.update([0]);
        for part in parts {
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }
}

macro_rules! digest_type {
    ($name:ident) => {
        impl $name {
            /// Returns the 32 bytes.
            pub fn bytes(&self) -> &[u8; 32] {
                let digest: &Digest = self.as_ref();
                &digest.0
            }

            /// Takes 32 bytes as they are; `None` for any other length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(|b| Self::from(Digest(b)))
            }

            /// Returns the first eight hexadecimal digits, for people and logs.
            pub fn short(&self) -> String {
                self.to_string()[..8].to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.bytes()))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }
        impl FromStr for $name {
            type Err = IdError;
            fn from_str(s: &str) -> Result<Self, IdError> {
                hex::decode(s).and_then(|b| Self::from_slice(&b)).ok_or(IdError::Hex)
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(&self, e: &mut minicbor::Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(self.bytes())?.ok()
            }
        }
        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                let at = d.position();
                Self::from_slice(d.bytes()?).ok_or_else(|| minicbor::decode::Error::message("an id has 32 bytes").at(at))
            }
        }
    };
}

impl AsRef<Digest> for Digest {
    fn as_ref(&self) -> &Digest {
        self
    }
}
digest_type!(Digest);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Digest);
        impl From<Digest> for $name {
            fn from(d: Digest) -> Self {
                $name(d)
            }
        }
        impl AsRef<Digest> for $name {
            fn as_ref(&self) -> &Digest {
                &self.0
            }
        }
        digest_type!($name);
    };
}

id!(/// Names a service: the digest of its root key.
    ServiceId);
id!(/// Names a dossier: the digest of its opening.
    DossierId);
id!(/// Names an act: the digest of its head, the bytes that its author signed.
    ActId);
id!(/// Names the body of an act: the digest of its salted bytes, so that an erased body cannot be guessed.
    BodyId);
id!(/// Names an item: the id of the act that opened it; the root item carries the dossier's id.
    ItemId);
id!(/// Names one version of a mechanism: the digest of its file's bytes.
    MechanismId);
id!(/// Names a file by the digest of its bytes.
    ExhibitId);
id!(/// Names a parcel by the digest of its bytes.
    ParcelId);

/// Names an officer within a service: a number or short name that only this service resolves to a person.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct OfficerId(#[n(0)] String);

impl OfficerId {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the text obeys the rule; decoded ids are checked where acts are judged.
    pub fn is_well_formed(&self) -> bool {
        Self::allowed(&self.0)
    }

    fn allowed(s: &str) -> bool {
        (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b))
    }
}

impl FromStr for OfficerId {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        if Self::allowed(s) { Ok(OfficerId(s.to_owned())) } else { Err(IdError::Officer) }
    }
}

impl fmt::Display for OfficerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for OfficerId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OfficerId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints_and_refuses_the_rest() {
        let id = ServiceId::from(Digest::of(b"root"));
        assert_eq!(id.to_string().parse::<ServiceId>(), Ok(id));
        assert_eq!(id.to_string()[1..].parse::<ServiceId>(), Err(IdError::Hex));
        assert_eq!("zz".repeat(32).parse::<ServiceId>(), Err(IdError::Hex));
    }

    #[test]
    fn domains_part_digests() {
        assert_ne!(Digest::tagged("a", &[b"bc"]), Digest::tagged("ab", &[b"c"]));
        // FIPS 180-4, one-block message.
        assert_eq!(Digest::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn officers_have_plain_names() {
        assert!("liaison.07".parse::<OfficerId>().is_ok());
        for bad in ["", "Ana", "a b", "é", &"x".repeat(65)] {
            assert_eq!(bad.parse::<OfficerId>(), Err(IdError::Officer), "{bad:?}");
        }
    }
}
