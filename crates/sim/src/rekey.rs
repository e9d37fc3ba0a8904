//! Keys in mid-flow: a service takes a new card while it does something else, planned ahead or at once, or revokes the card that acts.
//!
//! The keeper is played here as the program has it: the key file is written first, the node adopts what is in it, and what the disk did not
//! take is tried again. A revocation is signed by the root key and names since when the keys are suspected.

use crate::plan::Fault;
use crate::rng::Rng;
use crate::station::{NAMES, draft};
use crate::world::{Moment, World};
use seal::{CardDraft, Reason, RootRequest};

/// Cards that a service has in one run.
const CARDS_MAX: u32 = 5;
const MINUTE_MS: i64 = 60_000;
/// What no service notices of its own clock.
pub const SKEW_MS_MAX: i64 = 9 * MINUTE_MS;

impl World {
    /// Changes the keys of a service if the moment says so, and lets its node adopt what is new in its key file.
    pub(crate) fn rekey(&mut self, i: usize, m: &mut Moment<'_>) {
        let now = self.now(i);
        let fault = [Fault::Rotated, Fault::Revoked].into_iter().find(|f| m.has(*f));
        let station = &mut self.stations[i];
        if station.running.is_none() {
            return;
        }
        // Whoever issues a card looks at the clock first, and there is one new card at a time.
        let newest = station.keys.all().last().map_or(0, |c| c.number);
        // What a clock that was ahead dated beyond the overlap of two cards would be under a card that is over by then.
        let dated = self.book.latest <= now.plus_ms(seal::OVERLAP_MS - SKEW_MS_MAX);
        let ready = dated && Some(i) != self.liar && station.off == 0 && newest < CARDS_MAX && newest == station.keys.card_number();
        if let Some(fault) = fault.filter(|_| ready) {
            let (was, revoked) = (station.keys.card_number(), fault == Fault::Revoked);
            let ahead = if revoked || m.rng.chance(1, 3) { 0 } else { m.rng.between(1, 3 * 24 * 60) * MINUTE_MS };
            let draft = CardDraft { valid_from: now.plus_ms(ahead), ..draft(i) };
            let mut chance = Rng::new(m.rng.draw());
            if station.keys.rotate(&draft, now, &mut chance).is_ok() {
                if revoked {
                    let since = now.plus_ms(-m.rng.between(0, 6 * 60) * MINUTE_MS);
                    let task = station.keys.revocation(was, since, Reason::Suspected, now).expect("the card is ours");
                    let request = RootRequest { version: seal::REQUEST_VERSION, service: station.keys.service(), tasks: vec![task] };
                    let answer = station.keys.root().and_then(|root| root.answer(&request).ok()).expect("the root key is here");
                    station.revocations.push(answer.signed[0].to_vec());
                }
                station.unadopted = true;
                self.coverage.hit(fault, m.kind);
                self.book.rekeyed.insert(i);
                let what = if revoked { format!("revokes card {was}") } else { format!("has a new card, from {} minutes on", ahead / MINUTE_MS) };
                self.tell(format!("{} {what}", NAMES[i]));
                // That a clock falls back behind a card that has just begun is rare by chance, and by so little that parcels still pass.
                if !revoked && ahead == 0 && m.rng.chance(1, 2) {
                    let minutes = m.rng.between(15, 55);
                    self.jump_clock(i, Fault::ClockBack, -minutes, m);
                }
            }
        }
        let station = &mut self.stations[i];
        let was = station.keys.card_number();
        // A clock that was moved is noticed against the time since the machine came up, and the keeper waits.
        if station.off.abs() <= SKEW_MS_MAX {
            station.unadopted |= station.keys.advance(now) != was;
        }
        if station.unadopted
            && let Some(running) = &mut station.running
        {
            let _ = running.node.adopt_keys(station.keys.clone(), &station.revocations, now); // what fails is tried again
        }
    }
}

impl World {
    /// Whom no line can tell of a newer card any more is told by hand: the keys of the card that it knows are gone, or it was put back.
    pub(crate) fn cards_by_hand(&mut self) {
        let n = self.stations.len();
        for (a, b) in (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b) {
            let (from, to, now) = (self.id(a), self.id(b), self.now(b));
            let acts = self.stations[a].keys.card_number();
            let Some(sender) = self.stations[a].running.as_ref() else { continue };
            let Some(own) = seal::Directory::cards(&sender.node.book(), &from) else { continue };
            let cards: Vec<Vec<u8>> = own.iter_bytes().map(<[u8]>::to_vec).collect();
            let revocations = self.stations[a].revocations.clone();
            let Some(receiver) = self.stations[b].running.as_ref() else { continue };
            let held = seal::Directory::cards(&receiver.node.book(), &from);
            let known = held.as_ref().map_or(0, |c| c.latest().number);
            let by_line = self.stations[a].running.as_ref().and_then(|r| r.node.book().known_to(&to));
            // Under a card that the other side knows to be revoked nothing can be told.
            let revoked = |n: u32| held.as_ref().is_some_and(|c| c.revocation(n).is_some());
            let by_line = by_line.is_some_and(|n| n <= known && !revoked(n) && self.stations[a].keys.under(n).is_some());
            if by_line || known >= acts {
                continue;
            }
            let Some(receiver) = self.stations[b].running.as_mut() else { continue };
            for card in &cards {
                let _ = receiver.node.import_card(card, "", now); // those that it has already are taken as well
            }
            for revocation in &revocations {
                let _ = receiver.node.import_revocation(revocation, now);
            }
            if receiver.node.commit().iter().all(|(_, r)| r.is_ok()) {
                self.tell(format!("{} is given the cards of {} by hand", NAMES[b], NAMES[a]));
            }
        }
    }
}
