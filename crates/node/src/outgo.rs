//! Outgo of carry files: receipts and sealed parcels become volumes of a bounded size, byte by byte as they come; no file is
//! known here.

use crate::carry::CarryBegun;
use crate::error::NodeError;
use crate::outbound::LOAD_BYTES_MAX;
use base::{ServiceId, UnixMs};
use seal::{CARRY_END_BYTES_MAX, CARRY_FRAME_BYTES, Cards, CarryVolume, Keys};
use std::sync::Arc;

/// Bytes that a volume must be allowed to have.
pub const VOLUME_BYTES_MIN: u64 = 256 << 10;

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
    open: Option<CarryVolume>,
    /// Volumes that were ended.
    pub volumes: u64,
}

impl Outgo {
    /// Prepares the volumes of an export, of at most `bytes_max` each.
    pub fn new(keys: Keys, to: ServiceId, begun: &CarryBegun, bytes_max: u64) -> Result<Outgo, NodeError> {
        if bytes_max < VOLUME_BYTES_MIN {
            return Err(NodeError::CarryVolume(VOLUME_BYTES_MIN));
        }
        Ok(Outgo { keys, cards: Arc::clone(&begun.cards), to, volume: begun.volume, bytes_max, open: None, volumes: 0 })
    }

    /// Tells how large loads may be so that a volume holds several.
    pub fn load_bytes_max(&self) -> usize {
        usize::try_from(self.bytes_max / 4).unwrap_or(usize::MAX).min(LOAD_BYTES_MAX)
    }

    /// Adds a record and returns the bytes that are to be written next; a full volume is ended and another begun.
    ///
    /// Refuses a record that no volume of this size can hold.
    pub fn add(&mut self, record: CarryRecord<'_>, now: UnixMs) -> Result<Vec<u8>, NodeError> {
        let length = match record {
            CarryRecord::Parcel(bytes) | CarryRecord::Receipt(_, bytes) => bytes.len() + 16,
        };
        // The end must still fit.
        let needed = (length + 2 * CARRY_FRAME_BYTES + CARRY_END_BYTES_MAX) as u64;
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
