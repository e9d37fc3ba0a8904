//! A carry file: sealed parcels and receipts of one service for another, on a medium that somebody carries.
//!
//! One volume is `magic, head, records…, end`. Each of these but the magic stands in a frame: 4 bytes length, big-endian, 1 byte
//! kind, then the bytes. The head names recipient, volume and time and is signed; the end holds the count of records and the digest
//! of all bytes before it and is signed. What lies between is signed by itself: parcels and receipts, as on the wire. So a volume
//! that lost its end still yields its good records, an altered one is told apart from a foreign one, and nobody needs more memory
//! than one record takes.

use crate::card::{CARD_BYTES_MAX, read_versioned};
use crate::cards::Cards;
use crate::cose::{Signed, Typ, write};
use crate::fault::SealFault;
use crate::keys::Keys;
use crate::receipt::RECEIPT_BYTES_MAX;
use aws_lc_rs::digest::{Context, SHA256};
use base::cbor::{self, CborError};
use base::{Digest, ServiceId, UnixMs};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};

/// The first bytes of every carry file, for people and programs.
pub const CARRY_MAGIC: &[u8; 16] = b"entente-carry/1\n";
/// Version of head and end that this node reads and writes.
pub const CARRY_VERSION: u8 = 1;
/// Cards of the sender in one head: the newest, so that a recipient who was away can follow.
pub const CARRY_CARDS_MAX: usize = 8;
/// What stands before the bytes of each frame: length and kind.
pub const CARRY_FRAME_BYTES: usize = 5;
/// Bytes of a signed head.
pub const CARRY_HEAD_BYTES_MAX: usize = CARRY_CARDS_MAX * (CARD_BYTES_MAX + 8) + 1024;
/// Bytes of a signed end.
pub const CARRY_END_BYTES_MAX: usize = 512;

/// What a frame of a carry file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum CarryKind {
    /// The signed head; the first frame and no other.
    Head = 1,
    /// A sealed parcel, byte for byte as on the wire.
    Parcel = 2,
    /// A receipt for a carried parcel: the canonical array of the parcel's number and the receipt, byte for byte as on the wire.
    Receipt = 3,
    /// The signed end; the last frame.
    End = 4,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct HeadFields {
    #[n(0)]
    version: u8,
    #[n(1)]
    to: ServiceId,
    #[n(2)]
    volume: u64,
    #[n(3)]
    at: UnixMs,
    #[n(4)]
    cards: Vec<ByteVec>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct EndFields {
    #[n(0)]
    version: u8,
    #[n(1)]
    records: u64,
    #[n(2)]
    digest: Digest,
    #[n(3)]
    last: bool,
}

/// A file is no carry file, or not as its sender wrote it; the doing of whoever carried or copied it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarryFault {
    /// The first bytes are not those of a carry file.
    #[error("this is no carry file; check which file was meant")]
    NoFile,
    /// A carry file of a version that this node does not read.
    #[error("the carry file has a version that this node does not read; one of the two services must update")]
    Version,
    /// The file ends before its end.
    #[error("the carry file breaks off after {records} records and its end is missing; what stands in front of the break is good. Have it copied again")]
    Cut {
        /// Whole records in front of the break.
        records: u64,
    },
    /// The bytes are not those that the sender signed.
    #[error("the carry file was altered on its way ({what}); what could be verified was taken. Have it copied again and check the medium")]
    Altered {
        /// Where it shows.
        what: &'static str,
    },
}

impl CarryFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            CarryFault::NoFile => "refusal.carry.no-file",
            CarryFault::Version => "refusal.carry.version",
            CarryFault::Cut { .. } => "refusal.carry.cut",
            CarryFault::Altered { .. } => "refusal.carry.altered",
        }
    }
}

/// A volume that is being written; it holds no bytes, it hands them out.
#[must_use]
pub struct CarryVolume {
    hash: Context,
    records: u64,
    bytes: u64,
}

impl CarryVolume {
    /// Begins a volume for a service: returns it with its first bytes, magic and signed head.
    ///
    /// `volume` counts the volumes for this recipient from 1; `cards` are the sender's signed cards, oldest first, of which the
    /// newest [`CARRY_CARDS_MAX`] go along.
    pub fn begin(keys: &Keys, to: ServiceId, volume: u64, at: UnixMs, cards: &Cards) -> (CarryVolume, Vec<u8>) {
        let all: Vec<ByteVec> = cards.iter_bytes().map(|c| c.to_vec().into()).collect();
        let newest = all[all.len().saturating_sub(CARRY_CARDS_MAX)..].to_vec();
        let head = cbor::to_vec(&HeadFields { version: CARRY_VERSION, to, volume, at, cards: newest });
        let mut begun = CarryVolume { hash: Context::new(&SHA256), records: 0, bytes: 0 };
        let mut out = CARRY_MAGIC.to_vec();
        out.extend(carry_frame(CarryKind::Head as u8, keys.sign(Typ::CarryHead, &head).bytes()));
        begun.count(&out);
        (begun, out)
    }

    /// Adds a sealed parcel and returns its frame.
    pub fn parcel(&mut self, parcel: &[u8]) -> Vec<u8> {
        self.record(CarryKind::Parcel, parcel)
    }

    /// Adds a receipt for the parcel that its sender numbered so, and returns its frame.
    pub fn receipt(&mut self, number: u64, receipt: &[u8]) -> Vec<u8> {
        let bytes = write(receipt.len() + 16, |e| e.array(2)?.u64(number)?.bytes(receipt)?.ok());
        self.record(CarryKind::Receipt, &bytes)
    }

    /// Tells how many bytes the volume has so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Tells how many records the volume has so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Ends the volume and returns its last bytes; `last` says that no further volume follows in this export.
    pub fn end(self, keys: &Keys, last: bool) -> Vec<u8> {
        let end = EndFields { version: CARRY_VERSION, records: self.records, digest: finish(&self.hash), last };
        carry_frame(CarryKind::End as u8, keys.sign(Typ::CarryEnd, &cbor::to_vec(&end)).bytes())
    }

    fn record(&mut self, kind: CarryKind, bytes: &[u8]) -> Vec<u8> {
        let out = carry_frame(kind as u8, bytes);
        self.records += 1;
        self.count(&out);
        out
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

/// Puts length and kind before some bytes.
pub fn carry_frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + CARRY_FRAME_BYTES);
    out.extend_from_slice(&u32::try_from(bytes.len()).expect("a frame is far smaller than 4 GiB").to_be_bytes());
    out.push(kind);
    out.extend_from_slice(bytes);
    out
}

/// What a volume says of itself; nobody has vouched for it until [`CarryHead::verify`].
#[derive(Debug, Clone)]
pub struct CarryHead {
    signed: Signed,
    /// To whom.
    pub to: ServiceId,
    /// Which of the sender's volumes for this recipient, from 1.
    pub volume: u64,
    /// When it was begun.
    pub at: UnixMs,
    /// The sender's newest signed cards, oldest first.
    pub cards: Vec<Vec<u8>>,
}

impl CarryHead {
    fn read(bytes: &[u8]) -> Result<CarryHead, SealFault> {
        let signed = Signed::parse(bytes, Typ::CarryHead, CARRY_HEAD_BYTES_MAX)?;
        let HeadFields { to, volume, at, cards, .. } = read_versioned(signed.payload(), CARRY_HEAD_BYTES_MAX, CARRY_VERSION)?;
        if cards.len() > CARRY_CARDS_MAX {
            return Err(CborError::Shape("the head has more cards than it may".to_owned()).into());
        }
        Ok(CarryHead { signed, to, volume, at, cards: cards.into_iter().map(Vec::from).collect() })
    }

    /// Returns who claims to have written it.
    pub fn from(&self) -> ServiceId {
        self.signed.signer()
    }

    /// Believes the head if its sender's card was good at the time that it states and the signature holds.
    pub fn verify(&self, sender: &Cards) -> Result<(), SealFault> {
        self.signed.clone().verify(sender, self.at).map(drop)
    }
}

/// How a volume ends, with what the reader counted itself.
#[derive(Debug, Clone)]
pub struct CarryEnd {
    signed: Signed,
    records: u64,
    digest: Digest,
    counted: (u64, Digest),
    /// Whether no further volume follows in this export.
    pub last: bool,
}

impl CarryEnd {
    /// Says that the volume is whole: signed by who signed the head, and count and digest are what was read.
    pub fn verify(&self, head: &CarryHead, sender: &Cards) -> Result<(), CarryFault> {
        let altered = |what| Err(CarryFault::Altered { what });
        if self.signed.signer() != head.from() || self.signed.clone().verify(sender, head.at).is_err() {
            return altered("its end is not signed by its sender");
        }
        match (self.records, self.digest) == self.counted {
            true => Ok(()),
            false => altered("count or digest of its records is another"),
        }
    }
}

/// One part of a carry file.
#[derive(Debug, Clone)]
pub enum CarryPart {
    /// The head.
    Head(Box<CarryHead>),
    /// A sealed parcel.
    Parcel(Vec<u8>),
    /// A receipt for one of our parcels.
    Receipt {
        /// The parcel's number.
        number: u64,
        /// The receipt.
        receipt: Vec<u8>,
    },
    /// The end.
    End(Box<CarryEnd>),
}

/// Reads a carry file piece by piece as its bytes come; keeps no more than one frame.
pub struct CarryReader {
    buffer: Vec<u8>,
    start: usize,
    hash: Context,
    records: u64,
    parcel_bytes_max: usize,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Magic,
    Head,
    Records,
    Ended,
    /// The frames cannot be told apart any more.
    Lost,
}

impl CarryReader {
    /// Makes a reader that takes parcels of at most `parcel_bytes_max`.
    pub fn new(parcel_bytes_max: usize) -> CarryReader {
        CarryReader { buffer: Vec::new(), start: 0, hash: Context::new(&SHA256), records: 0, parcel_bytes_max, stage: Stage::Magic }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if self.stage != Stage::Lost {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Tells how many whole records were read.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns the next part, or nothing until more bytes come.
    ///
    /// After an error nothing follows; a record that cannot be believed is none: parcels and receipts are judged by whoever takes them.
    pub fn part(&mut self) -> Result<Option<CarryPart>, CarryFault> {
        let part = self.try_part();
        if part.is_err() {
            self.stage = Stage::Lost;
            self.buffer = Vec::new();
            self.start = 0;
        }
        part
    }

    fn try_part(&mut self) -> Result<Option<CarryPart>, CarryFault> {
        let altered = |what| CarryFault::Altered { what };
        if self.stage == Stage::Magic {
            let here = &self.buffer[self.start..];
            let n = here.len().min(CARRY_MAGIC.len());
            if here[..n] != CARRY_MAGIC[..n] {
                // All but the version is a name; another version is another file.
                let name = CARRY_MAGIC.len() - 2;
                return Err(if here.len() >= name && here[..name] == CARRY_MAGIC[..name] { CarryFault::Version } else { CarryFault::NoFile });
            }
            if n < CARRY_MAGIC.len() {
                return Ok(None);
            }
            self.pass(CARRY_MAGIC.len());
            self.stage = Stage::Head;
        }
        let here = &self.buffer[self.start..];
        match self.stage {
            Stage::Lost => return Ok(None),
            Stage::Ended if !here.is_empty() => return Err(altered("something follows its end")),
            _ => {}
        }
        let Some((prefix, rest)) = here.split_at_checked(CARRY_FRAME_BYTES) else { return Ok(None) };
        let length = u32::from_be_bytes(prefix[..4].try_into().expect("four bytes")) as usize;
        let kind = prefix[4];
        let bytes_max = match (self.stage, kind) {
            (Stage::Head, 1) => CARRY_HEAD_BYTES_MAX,
            (Stage::Records, 2) => self.parcel_bytes_max,
            (Stage::Records, 3) => RECEIPT_BYTES_MAX + 16,
            (Stage::Records, 4) => CARRY_END_BYTES_MAX,
            _ => return Err(altered("a record of no known kind")),
        };
        if length > bytes_max {
            return Err(altered("a record larger than any may be"));
        }
        let Some(bytes) = rest.get(..length) else { return Ok(None) };
        let bytes = bytes.to_vec();
        if kind == CarryKind::End as u8 {
            let counted = (self.records, finish(&self.hash));
            self.pass(CARRY_FRAME_BYTES + length);
            self.stage = Stage::Ended;
            let (signed, end) = read_end(&bytes).map_err(|_| altered("its end cannot be read"))?;
            return Ok(Some(CarryPart::End(Box::new(CarryEnd { signed, records: end.records, digest: end.digest, counted, last: end.last }))));
        }
        self.pass(CARRY_FRAME_BYTES + length);
        if kind == CarryKind::Head as u8 {
            self.stage = Stage::Records;
            return match CarryHead::read(&bytes) {
                Ok(head) => Ok(Some(CarryPart::Head(Box::new(head)))),
                Err(e) if e.code() == "peer.seal.version" => Err(CarryFault::Version),
                Err(_) => Err(altered("its head cannot be read")),
            };
        }
        self.records += 1;
        Ok(Some(match kind {
            2 => CarryPart::Parcel(bytes),
            // A receipt that cannot even be read is handed on as one that holds nothing.
            _ => read_receipt(&bytes).map_or(CarryPart::Receipt { number: 0, receipt: Vec::new() }, |(number, receipt)| CarryPart::Receipt { number, receipt }),
        }))
    }

    /// Says at the end of the file whether anything is missing.
    pub fn finish(&self) -> Result<(), CarryFault> {
        match self.stage {
            Stage::Ended | Stage::Lost => Ok(()),
            Stage::Magic => Err(CarryFault::NoFile),
            Stage::Head | Stage::Records => Err(CarryFault::Cut { records: self.records }),
        }
    }

    fn pass(&mut self, n: usize) {
        self.hash.update(&self.buffer[self.start..self.start + n]);
        self.start += n;
    }
}

fn finish(hash: &Context) -> Digest {
    Digest(hash.clone().finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

fn read_end(bytes: &[u8]) -> Result<(Signed, EndFields), SealFault> {
    let signed = Signed::parse(bytes, Typ::CarryEnd, CARRY_END_BYTES_MAX)?;
    let end = read_versioned(signed.payload(), CARRY_END_BYTES_MAX, CARRY_VERSION)?;
    Ok((signed, end))
}

fn read_receipt(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    cbor::check(bytes).ok()?;
    let mut d = Decoder::new(bytes);
    if d.array().ok()? != Some(2) {
        return None;
    }
    Some((d.u64().ok()?, d.bytes().ok()?.to_vec()))
}
