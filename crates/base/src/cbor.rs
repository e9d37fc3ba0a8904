//! Canonical bytes: CBOR in core deterministic encoding (RFC 8949, 4.2.1), written and read strictly.
//!
//! Reading: 1 size, 2 walk (shortest integers, definite lengths, map keys in order, UTF-8, nesting, no floats or tags),
//! 3 typed decoding, 4 re-encoding and comparing, so that an unknown field cannot hide in signed bytes.

use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// Nesting that no object of the protocol reaches.
pub const DEPTH_MAX: usize = 16;

/// Bytes that should be canonical are not; always the writer's doing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// More bytes than this door takes.
    #[error("{bytes} bytes are more than the {bytes_max} that this object may have; the sender must send less at a time")]
    TooLarge {
        /// Bytes received.
        bytes: usize,
        /// The door's limit.
        bytes_max: usize,
    },
    /// The bytes end before the object does.
    #[error("the bytes end before the object does, at byte {at}; the transfer was cut or the sender's software is at fault")]
    Truncated {
        /// Offset of the end.
        at: usize,
    },
    /// Deeper nesting than [`DEPTH_MAX`].
    #[error("objects are nested deeper than 16, at byte {at}; the sender's software is at fault or hostile")]
    TooDeep {
        /// Offset of the item that goes too deep.
        at: usize,
    },
    /// A text is not UTF-8.
    #[error("a text is not valid UTF-8, at byte {at}; the sender's software is at fault")]
    Utf8 {
        /// Offset of the text.
        at: usize,
    },
    /// The encoding is not the one canonical form.
    #[error("the bytes are not in canonical form ({why}, at byte {at}); the sender's software is at fault")]
    NotCanonical {
        /// Offset of the fault.
        at: usize,
        /// The rule that is broken.
        why: &'static str,
    },
    /// Canonical, but not the object that belongs here.
    #[error("the bytes are not the object that belongs here ({0}); the sender runs another version or is at fault")]
    Shape(String),
}

impl CborError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            CborError::TooLarge { .. } => "peer.bytes.too-large",
            CborError::Truncated { .. } => "peer.bytes.truncated",
            CborError::TooDeep { .. } => "peer.bytes.too-deep",
            CborError::Utf8 { .. } => "peer.bytes.utf8",
            CborError::NotCanonical { .. } => "peer.bytes.not-canonical",
            CborError::Shape(_) => "peer.bytes.shape",
        }
    }
}

/// Writes an object in canonical form.
pub fn to_vec<T: Encode<()>>(value: &T) -> Vec<u8> {
    // A Vec takes every byte, and our encoders refuse nothing.
    minicbor::to_vec(value).expect("encoding into memory cannot fail")
}

/// Reads an object that must be canonical, whole and no larger than `bytes_max`.
pub fn from_slice<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8], bytes_max: usize) -> Result<T, CborError> {
    if bytes.len() > bytes_max {
        return Err(CborError::TooLarge { bytes: bytes.len(), bytes_max });
    }
    check(bytes)?;
    let value: T = minicbor::decode(bytes).map_err(|e| CborError::Shape(e.to_string()))?;
    if to_vec(&value) != bytes {
        return Err(CborError::Shape("a field that this version does not know".to_owned()));
    }
    Ok(value)
}

/// Checks that bytes are exactly one canonical CBOR item.
pub fn check(bytes: &[u8]) -> Result<(), CborError> {
    let mut walk = Walk { bytes, at: 0 };
    walk.item(0)?;
    if walk.at < bytes.len() {
        return Err(CborError::NotCanonical { at: walk.at, why: "bytes after the end" });
    }
    Ok(())
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn take(&mut self, n: u64) -> Result<&'a [u8], CborError> {
        let truncated = CborError::Truncated { at: self.bytes.len() };
        let n = usize::try_from(n).map_err(|_| truncated.clone())?;
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len()).ok_or(truncated)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn item(&mut self, depth: usize) -> Result<(), CborError> {
        let start = self.at;
        if depth > DEPTH_MAX {
            return Err(CborError::TooDeep { at: start });
        }
        let (major, argument) = self.head()?;
        match major {
            0 | 1 => {}
            2 => drop(self.take(argument)?),
            3 => drop(std::str::from_utf8(self.take(argument)?).map_err(|_| CborError::Utf8 { at: start })?),
            4 => {
                for _ in 0..argument {
                    self.item(depth + 1)?;
                }
            }
            5 => {
                let mut last: &[u8] = &[];
                for i in 0..argument {
                    let key_start = self.at;
                    self.item(depth + 1)?;
                    let key = &self.bytes[key_start..self.at];
                    if i > 0 && key <= last {
                        return Err(CborError::NotCanonical { at: key_start, why: "map keys out of order or twice" });
                    }
                    last = key;
                    self.item(depth + 1)?;
                }
            }
            7 if argument == 20 || argument == 21 => {}
            7 => return Err(CborError::NotCanonical { at: start, why: "only true and false are simple values here" }),
            _ => return Err(CborError::NotCanonical { at: start, why: "tags are not used" }),
        }
        Ok(())
    }

    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let start = self.at;
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        let width = match info {
            0..=23 => return Ok((major, u64::from(info))),
            24..=27 => 1u64 << (info - 24),
            31 => return Err(CborError::NotCanonical { at: start, why: "indefinite length" }),
            _ => return Err(CborError::NotCanonical { at: start, why: "reserved length" }),
        };
        if major == 7 {
            return Err(CborError::NotCanonical { at: start, why: "floats are not used" });
        }
        let argument = self.take(width)?.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let least = match width {
            1 => 24,
            2 => 1 << 8,
            4 => 1 << 16,
            _ => 1 << 32,
        };
        if argument < least {
            return Err(CborError::NotCanonical { at: start, why: "an integer is not in its shortest form" });
        }
        Ok((major, argument))
    }
}

/// A map with text keys that is written in canonical order: shorter keys first, then by their bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Map<V>(BTreeMap<Key, V>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Key(String);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}
impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Map(BTreeMap::new())
    }
}

impl<V> Map<V> {
    /// Returns the value under a key.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.get(&Key(key.to_owned()))
    }

    /// Puts a value under a key and returns the one that was there.
    pub fn insert(&mut self, key: impl Into<String>, value: V) -> Option<V> {
        self.0.insert(Key(key.into()), value)
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &str) -> Option<V> {
        self.0.remove(&Key(key.to_owned()))
    }

    /// Goes over all pairs in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(k, v)| (k.0.as_str(), v))
    }

    /// Counts the pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<V> FromIterator<(String, V)> for Map<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Self {
        Map(pairs.into_iter().map(|(k, v)| (Key(k), v)).collect())
    }
}

impl<C, V: Encode<C>> Encode<C> for Map<V> {
    fn encode<W: minicbor::encode::Write>(&self, e: &mut minicbor::Encoder<W>, ctx: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.map(self.0.len() as u64)?;
        for (key, value) in &self.0 {
            e.str(&key.0)?;
            value.encode(e, ctx)?;
        }
        Ok(())
    }
}

impl<'b, C, V: Decode<'b, C>> Decode<'b, C> for Map<V> {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let n = d.map()?.ok_or_else(|| minicbor::decode::Error::message("indefinite map"))?;
        let mut out = Map::default();
        for _ in 0..n {
            let key = d.str()?.to_owned();
            out.insert(key, V::decode(d, ctx)?);
        }
        Ok(out)
    }
}

impl<V: serde::Serialize> serde::Serialize for Map<V> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.iter())
    }
}

impl<'de, V: serde::Deserialize<'de>> serde::Deserialize<'de> for Map<V> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::<String, V>::deserialize(d)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> &'static str {
        check(bytes).unwrap_err().code()
    }

    #[test]
    fn rfc_8949_appendix_a_examples_that_are_canonical_pass() {
        let hex = [
            "00",
            "17",
            "1818",
            "1903e8",
            "1a000f4240",
            "1bffffffffffffffff",
            "20",
            "3903e7",
            "f4",
            "f5",
            "40",
            "4401020304",
            "60",
            "6161",
            "62c3bc",
            "80",
            "83010203",
            "a0",
            "a201020304",
            "a26161016162820203",
        ];
        for h in hex {
            let bytes: Vec<u8> = (0..h.len()).step_by(2).map(|i| u8::from_str_radix(&h[i..i + 2], 16).unwrap()).collect();
            check(&bytes).unwrap_or_else(|e| panic!("{h}: {e}"));
        }
    }

    #[test]
    fn other_forms_are_refused_by_name() {
        assert_eq!(refused(&[0x18, 0x17]), "peer.bytes.not-canonical"); // 23 in two bytes
        assert_eq!(refused(&[0x9f, 0xff]), "peer.bytes.not-canonical"); // indefinite array
        assert_eq!(refused(&[0xa2, 0x02, 0x00, 0x01, 0x00]), "peer.bytes.not-canonical"); // keys out of order
        assert_eq!(refused(&[0xa2, 0x01, 0x00, 0x01, 0x00]), "peer.bytes.not-canonical"); // key twice
        assert_eq!(refused(&[0xf9, 0x3c, 0x00]), "peer.bytes.not-canonical"); // float
        assert_eq!(refused(&[0xf6]), "peer.bytes.not-canonical"); // null
        assert_eq!(refused(&[0xc0, 0x00]), "peer.bytes.not-canonical"); // tag
        assert_eq!(refused(&[0x00, 0x00]), "peer.bytes.not-canonical"); // trailing
        assert_eq!(refused(&[0x62, 0xff, 0xfe]), "peer.bytes.utf8");
        assert_eq!(refused(&[0x44, 0x01]), "peer.bytes.truncated");
        assert_eq!(refused(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), "peer.bytes.truncated");
        assert_eq!(refused(&[0x81; 100_000]), "peer.bytes.too-deep");
        assert_eq!(refused(&[]), "peer.bytes.truncated");
    }

    #[test]
    fn the_turn_from_deep_enough_to_too_deep() {
        let nested = |n: usize| [vec![0x81; n], vec![0x00]].concat();
        assert!(check(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(refused(&nested(DEPTH_MAX + 1)), "peer.bytes.too-deep");
    }

    #[test]
    fn an_unknown_field_cannot_hide() {
        #[derive(Encode, Decode, Debug, PartialEq)]
        #[cbor(map)]
        struct Old {
            #[n(0)]
            a: u8,
        }
        assert_eq!(from_slice::<Old>(&[0xa1, 0x00, 0x07], 10), Ok(Old { a: 7 }));
        assert_eq!(from_slice::<Old>(&[0xa2, 0x00, 0x07, 0x01, 0x08], 10).unwrap_err().code(), "peer.bytes.shape");
        assert_eq!(from_slice::<Old>(&[0xa1, 0x00, 0x07], 2).unwrap_err().code(), "peer.bytes.too-large");
    }

    #[test]
    fn maps_are_written_in_canonical_order() {
        let map: Map<u8> = [("bb".to_owned(), 1), ("a".to_owned(), 2), ("c".to_owned(), 3)].into_iter().collect();
        let bytes = to_vec(&map);
        check(&bytes).unwrap();
        assert_eq!(from_slice::<Map<u8>>(&bytes, 100), Ok(map));
    }
}
