//! Outgo of carry files: receipts and sealed parcels become volumes of a bounded size, byte by byte as they come; no file is
//! known here.

use crate::carry::{CarryBegun, CarryRoom};
use crate::error::NodeError;
use crate::outbound::LOAD_BYTES_MAX;
use base::{CHUNK_BYTES, ServiceId, UnixMs};
use seal::{CARRY_END_BYTES_MAX, CARRY_FRAME_BYTES, CARRY_HEAD_BYTES_MAX, Cards, CarryVolume, Keys};
use std::sync::Arc;

/// Bytes that a volume must be allowed to have.
pub const VOLUME_BYTES_MIN: u64 = 256 << 10;
/// Whole chunks of exhibits in one parcel.
const CHUNKS_MAX: usize = 4;
/// Bytes by which a parcel may be larger than the chunks in it: proofs, seal and signature.
const CHUNK_EXTRA_BYTES: usize = 16 << 10;

/// What goes into a volume.
#[derive(Clone, Copy)]
pub enum CarryRecord<'a> {
    /// A sealed parcel.
    Parcel(&'a [u8]),
    /// A receipt for the parcel that the partner numbered so.
    Receipt(u64, &'a [u8]),
}

/// The volumes of one export.
pub struct Outgo {
    keys: Keys,
    cards: Arc<Cards>,
    to: ServiceId,
    volume: u64,
    bytes_max: u64,
    volumes_max: u64,
    open: Option<CarryVolume>,
    /// Volumes that were ended.
    pub volumes: u64,
}

impl Outgo {
    /// Prepares the volumes of an export, of at most `bytes_max` each and at most `volumes_max` of them.
    pub fn new(keys: Keys, to: ServiceId, begun: &CarryBegun, bytes_max: u64, volumes_max: u64) -> Result<Outgo, NodeError> {
        if bytes_max < VOLUME_BYTES_MIN {
            return Err(NodeError::CarryVolume(VOLUME_BYTES_MIN));
        }
        Ok(Outgo { keys, cards: Arc::clone(&begun.cards), to, volume: begun.volume, bytes_max, volumes_max, open: None, volumes: 0 })
    }

    /// Tells how large loads may be: of acts so that a volume holds several, of exhibits so that it holds one.
    pub fn room(&self) -> CarryRoom {
        let bytes_max = usize::try_from(self.bytes_max).unwrap_or(usize::MAX);
        let chunks = bytes_max.saturating_sub(CARRY_HEAD_BYTES_MAX + CARRY_END_BYTES_MAX + CHUNK_EXTRA_BYTES) / (CHUNK_BYTES + CHUNK_EXTRA_BYTES);
        CarryRoom { bytes: (bytes_max / 4).min(LOAD_BYTES_MAX), chunks: chunks.min(CHUNKS_MAX) }
    }

    /// Tells whether a record still fits into as many volumes as may be written.
    pub fn fits(&self, record: CarryRecord<'_>) -> bool {
        match &self.open {
            Some(v) if v.bytes() + needed(record) <= self.bytes_max => true,
            open => self.volumes + u64::from(open.is_some()) < self.volumes_max,
        }
    }

    /// Adds a record and returns the bytes that are to be written next; a full volume is ended and another begun.
    ///
    /// Refuses a record that no volume of this size can hold.
    pub fn add(&mut self, record: CarryRecord<'_>, now: UnixMs) -> Result<Vec<u8>, NodeError> {
        let needed = needed(record);
        let mut out = Vec::new();
        if self.open.as_ref().is_some_and(|v| v.records() > 0 && v.bytes() + needed > self.bytes_max) {
            out.extend(self.end(false));
        }
        let mut volume = match self.open.take() {
            Some(volume) => volume,
            None => {
                let (volume, head) = CarryVolume::begin(&self.keys, self.to, self.volume, now, &self.cards);
                out.extend(head);
                volume
            }
        };
        if volume.bytes() + needed > self.bytes_max {
            return Err(NodeError::CarryVolume(volume.bytes() + needed));
        }
        out.extend(match record {
            CarryRecord::Parcel(bytes) => volume.parcel(bytes),
            CarryRecord::Receipt(number, bytes) => volume.receipt(number, bytes),
        });
        self.open = Some(volume);
        Ok(out)
    }

    /// Returns the bytes that end the last volume; none where nothing was added.
    pub fn finish(&mut self) -> Vec<u8> {
        self.end(true)
    }

    fn end(&mut self, last: bool) -> Vec<u8> {
        let Some(volume) = self.open.take() else { return Vec::new() };
        self.volumes += 1;
        self.volume += 1;
        volume.end(&self.keys, last)
    }
}

/// Returns the bytes that a record takes, with the end that must still fit behind it.
fn needed(record: CarryRecord<'_>) -> u64 {
    let (CarryRecord::Parcel(bytes) | CarryRecord::Receipt(_, bytes)) = record;
    (bytes.len() + 16 + 2 * CARRY_FRAME_BYTES + CARRY_END_BYTES_MAX) as u64
}
