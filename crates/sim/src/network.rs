//! The network: parcels and answers under way, and lines that are cut in one direction or both.
//!
//! A parcel is lost, comes twice, late or before another; so does its answer. A cut line takes parcels in and loses them.

use crate::liar::Lie;
use crate::rng::Rng;
use base::{ActId, ParcelId, UnixMs};
use std::sync::Arc;

/// Parcels that one sender has under way to one recipient, as the courier holds it.
pub const IN_FLIGHT_MAX: usize = 4;

/// A parcel under way.
#[derive(Clone)]
pub struct Flight {
    /// Who sent it.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// The number by which the sender knows it.
    pub number: u64,
    /// Its id.
    pub id: ParcelId,
    /// Its bytes.
    pub bytes: Arc<Vec<u8>>,
    /// Not before this moment.
    pub ready: UnixMs,
    /// The lie that it carries.
    pub lie: Option<Lie>,
    /// Whether it is a second copy, whose answer nobody awaits.
    pub copy: bool,
    /// The acts that it carries.
    pub acts: Vec<ActId>,
}

/// An answer under way.
#[derive(Clone)]
pub struct Back {
    /// Who sent the parcel and awaits the answer.
    pub from: usize,
    /// Who answered.
    pub to: usize,
    /// The parcel's number.
    pub number: u64,
    /// The parcel.
    pub id: ParcelId,
    /// The receipt; none where it was lost or there was none.
    pub receipt: Option<Vec<u8>>,
    /// The lie that it carries.
    pub lie: Option<Lie>,
}

/// Everything under way.
pub struct Network {
    /// Parcels, in the order in which they were sent.
    pub out: Vec<Flight>,
    /// Answers, in the order in which they were given.
    pub back: Vec<Back>,
    cut: Vec<Vec<bool>>,
}

impl Network {
    /// Lays lines between n services.
    pub fn new(n: usize) -> Network {
        Network { out: Vec::new(), back: Vec::new(), cut: vec![vec![false; n]; n] }
    }

    /// Cuts or mends the line in one direction.
    pub fn set_cut(&mut self, from: usize, to: usize, cut: bool) {
        self.cut[from][to] = cut;
    }

    /// Tells whether nothing comes through in a direction.
    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cut[from][to]
    }

    /// Parts the services into two sides that do not hear each other.
    pub fn part(&mut self, sides: &[bool]) {
        for a in 0..sides.len() {
            for b in 0..sides.len() {
                self.cut[a][b] |= sides[a] != sides[b];
            }
        }
    }

    /// Mends all lines.
    pub fn heal(&mut self) {
        self.cut.iter_mut().flatten().for_each(|c| *c = false);
    }

    /// Tells whether any line is cut.
    pub fn has_cuts(&self) -> bool {
        self.cut.iter().flatten().any(|c| *c)
    }

    /// Counts the parcels of a sender to a recipient that are not answered.
    pub fn in_flight(&self, from: usize, to: usize) -> usize {
        let out = self.out.iter().filter(|f| f.from == from && f.to == to && !f.copy && f.lie.is_none()).count();
        out + self.back.iter().filter(|b| b.from == from && b.to == to).count()
    }

    /// Takes a parcel for a recipient: the oldest that is ready, or by chance any.
    pub fn take(&mut self, to: usize, now: UnixMs, any: bool, rng: &mut Rng) -> Option<(Flight, bool)> {
        let ready: Vec<usize> = (0..self.out.len()).filter(|k| self.out[*k].to == to && self.out[*k].ready <= now).collect();
        let k = if any { rng.pick(&ready) } else { ready.first() }.copied()?;
        let late = Some(&k) != ready.first();
        Some((self.out.remove(k), late))
    }
}
