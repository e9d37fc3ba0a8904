//! What is done in each kind of step. Nothing here decides what is right: that stands in `invariants`.

use crate::invariants::{Violation, acts_in, refused_in};
use crate::network::{Back, Flight, IN_FLIGHT_MAX};
use crate::plan::Fault;
use crate::rng::Rng;
use crate::station::NAMES;
use crate::will::{self, Will};
use crate::world::{CANARY, Moment, World};
use base::DossierId;
use node::{Intent, Made, Served, Ticket};
use std::sync::Arc;
use store::Appended;

/// Parcels that arrive before one commit.
const GROUP_MAX: usize = 4;
/// Rounds in which a federation without faults must come to rest.
const ROUNDS_MAX: usize = 60;

/// Parcels that go to one partner in one round: a new card may wait on the other side.
const LOADS_MAX: usize = 60;

/// What a door answered to a parcel.
enum Answered {
    Again(Vec<u8>),
    Staged(Ticket),
    Refused(&'static str),
}

impl World {
    pub(crate) fn do_open(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let partners: Vec<_> = (0..self.stations.len()).filter(|o| *o != i).map(|o| self.id(o)).collect();
        let (mut rng, files) = (m.rng.clone(), self.files(i));
        self.intend(i, m, move |node, now| will::open(node, now, &partners, &files, CANARY, &mut rng))
    }

    pub(crate) fn do_act(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let (mut rng, files) = (m.rng.clone(), self.files(i));
        self.intend(i, m, move |node, now| will::act(node, now, &files, CANARY, &mut rng))
    }

    /// Lets an officer want something; what was stored is promised.
    fn intend(&mut self, i: usize, m: &mut Moment<'_>, will: impl FnOnce(&mut node::Node, base::UnixMs) -> Option<Will>) -> Result<(), Violation> {
        let chief = self.stations[i].officer("chief");
        let mut wanted = None;
        let done = self.work(i, m, |node, now| {
            let will = will(node, now)?;
            let intent = will.intent.clone();
            wanted = Some((intent.clone(), parties_of(node, &intent, now)));
            chief.map(|chief| (will, node.propose(&chief, intent, now)))
        })?;
        wanted.iter().for_each(|(intent, parties)| self.may_have(intent, parties));
        let Some((Some((will, made)), committed)) = done else { return Ok(()) };
        match made {
            Ok(made) => self.made(i, will, made, &committed),
            Err(e) => {
                self.tell(format!("{} may not {}: {}", NAMES[i], will.deed, e.code()));
                self.sound_refusal(i, &e)
            }
        }
    }

    fn made(&mut self, i: usize, will: Will, made: Made, committed: &node::Committed) -> Result<(), Violation> {
        let ticket = match &made {
            Made::Act { ticket, .. } | Made::Pending { ticket, .. } => *ticket,
        };
        let stored = committed.iter().any(|(t, r)| *t == ticket && r.is_ok());
        match made {
            Made::Act { act, dossier, .. } => {
                if let Intent::Open { parties, .. } = &will.intent {
                    self.knows(dossier, parties.iter().filter_map(|p| self.place(&p.0)).collect());
                }
                if stored {
                    self.coverage.acts += 1;
                    *self.coverage.deeds.entry(will.deed.clone()).or_default() += 1;
                    self.tell(format!("{} did {} in {}", NAMES[i], will.deed, dossier.short()));
                    self.promised(i, act, dossier)?;
                }
            }
            Made::Pending { .. } if stored => self.tell(format!("{} proposed {}", NAMES[i], will.deed)),
            Made::Pending { .. } => {}
        }
        Ok(())
    }

    pub(crate) fn do_approve(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let (Some(chief), Some(deputy)) = (self.stations[i].officer("chief"), self.stations[i].officer("deputy")) else { return Ok(()) };
        let mut rng = m.rng.clone();
        let done = self.work(i, m, |node, now| {
            let pending = node.all_pending().ok()?;
            // By chance the same officer tries to be both pairs of eyes.
            let eyes = if rng.chance(1, 12) { &chief } else { &deputy };
            let p = rng.pick(&pending)?.clone();
            let made = node.approve(eyes, &p.id, now);
            if made.is_err() && eyes.id == deputy.id {
                let _ = node.dismiss(&deputy, &p.id, now); // what cannot be any more is taken off the desk
            }
            Some((p, made))
        })?;
        let Some((Some((p, made)), committed)) = done else { return Ok(()) };
        match made {
            Ok(made) => {
                let deed = deed_of(self, i, &p.intent);
                self.made(i, Will { intent: p.intent, deed }, made, &committed)
            }
            Err(e) => {
                self.tell(format!("{} cannot approve: {}", NAMES[i], e.code()));
                self.sound_refusal(i, &e)
            }
        }
    }

    pub(crate) fn do_load(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        if self.stations[i].running.as_ref().is_some_and(|r| r.node.is_fenced()) {
            // As the program does every now and then.
            self.work(i, m, |node, now| node.recover(now).map(drop))?;
        }
        // The courier goes from partner to partner until it finds something.
        let (n, first) = (self.stations.len(), 1 + m.rng.below(self.stations.len() - 1));
        for k in 0..n - 1 {
            let to = (i + 1 + (first + k) % (n - 1)) % n;
            if self.stations[i].running.is_none() || self.load(i, to, m)? {
                break;
            }
        }
        Ok(())
    }

    /// Takes out what is due, seals it and sends it; tells whether there was anything.
    fn load(&mut self, i: usize, to: usize, m: &mut Moment<'_>) -> Result<bool, Violation> {
        if self.net.in_flight(i, to) >= IN_FLIGHT_MAX {
            return Ok(false);
        }
        let service = self.id(to);
        let done = self.work(i, m, |node, now| node.load(service, now))?;
        let Some((Ok(Some(load)), _)) = done else { return Ok(false) };
        self.only_for(i, to, &load.content)?;
        let acts = acts_in(&load.content).iter().map(dossier::Act::id).collect();
        let seal::SealedParcel { id, bytes } = load.seal(&self.stations[i].keys).map_err(|e| Violation::new("seals", format!("{}: {e}", NAMES[i])))?;
        self.nothing_readable(&bytes)?;
        self.chunks_only_for(i, to, &bytes)?;
        let ready = self.time.plus_ms(m.rng.between(5, 3_000));
        self.tell(format!("{} sends {:x} to {}", NAMES[i], load.number, NAMES[to]));
        self.net.out.push(Flight { from: i, to, number: load.number, id, bytes: Arc::new(bytes), ready, lie: None, copy: false, acts });
        Ok(true)
    }

    pub(crate) fn do_deliver(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        // Somebody to whom something is under way.
        let waiting: Vec<usize> = self.net.out.iter().filter(|f| f.ready <= self.time).map(|f| f.to).collect();
        let Some(to) = m.rng.pick(&waiting).copied() else { return Ok(()) };
        if !self.up(to)? {
            // Nobody answers at that address.
            let mut rng = m.rng.clone();
            if let Some((flight, _)) = self.net.take(to, self.time, true, &mut rng) {
                self.bounce(flight);
            }
            return Ok(());
        }
        let mut group = Vec::new();
        for _ in 0..1 + m.rng.below(GROUP_MAX) {
            let any = m.has(Fault::Reorder) || m.rng.chance(1, 6);
            let mut rng = m.rng.clone();
            m.rng.draw();
            let Some((flight, late)) = self.net.take(to, self.time, any, &mut rng) else { break };
            if late {
                self.coverage.hit(Fault::Reorder, m.kind);
            }
            if self.net.is_cut(flight.from, to) {
                self.cut_met(flight.from, to, m);
                self.bounce(flight);
            } else {
                group.push(flight);
            }
        }
        if let Some(first) = group.first().cloned() {
            if m.has(Fault::Lose) {
                self.coverage.hit(Fault::Lose, m.kind);
                self.tell(format!("{:x} from {} to {} is lost", first.number, NAMES[first.from], NAMES[to]));
                self.bounce(group.remove(0));
            } else if m.has(Fault::Delay) {
                self.coverage.hit(Fault::Delay, m.kind);
                let mut late = group.remove(0);
                late.ready = self.time.plus_ms(m.rng.between(1_000, 3_600_000));
                self.net.out.push(late);
            } else if m.has(Fault::Duplicate) {
                self.coverage.hit(Fault::Duplicate, m.kind);
                let ready = self.time.plus_ms(m.rng.between(0, 600_000));
                self.net.out.push(Flight { copy: true, ready, ..first });
            }
        }
        if group.is_empty() {
            return Ok(());
        }
        self.deliver(to, group, m)
    }

    /// Hands parcels to a node, one commit for all; what was stored is answered.
    fn deliver(&mut self, to: usize, group: Vec<Flight>, m: &mut Moment<'_>) -> Result<(), Violation> {
        // Chunks are written beside the node, or by it.
        let names: Vec<_> = group.iter().map(|f| (f.bytes.clone(), self.id(f.from), m.rng.chance(1, 2))).collect();
        let store = self.stations[to].running.as_ref().map(|r| r.store.clone());
        let mut early = None;
        let done = self.work(to, m, |node, now| {
            let mut out = Vec::new();
            for (bytes, from, beside) in &names {
                let arrived = node::open(&bytes[..], *from, &node.book(), &node.keys(), now);
                let answer = match arrived {
                    Err(e) => {
                        node.note_refused(*from, e.code(), &e.to_string(), now);
                        Answered::Refused(e.code())
                    }
                    Ok(mut arrived) => {
                        if let Some(shelves) = node.shelves().filter(|_| *beside) {
                            arrived.shelve(&shelves);
                        }
                        match node.receive(arrived, now) {
                            Ok(Served::Again(receipt)) => {
                                // This answer is good before the commit: what it says must have been durable before.
                                early = early.take().or(store.as_ref().and_then(|s| crate::invariants::not_held(s.real(), &receipt)));
                                Answered::Again(receipt)
                            }
                            Ok(Served::Staged(ticket)) => Answered::Staged(ticket),
                            Err(e) => Answered::Refused(e.code()),
                        }
                    }
                };
                out.push(answer);
            }
            out
        })?;
        if let Some(act) = early {
            return Err(Violation::new("no-receipt-before-durability", format!("{} gave a receipt for act {act} that is not on its disk", NAMES[to])));
        }
        let Some((answers, committed)) = done else {
            group.into_iter().for_each(|f| self.bounce(f));
            return Ok(());
        };
        let stored = |t: &Ticket| committed.iter().find(|(k, _)| k == t).and_then(|(_, r)| r.as_ref().ok());
        if committed.iter().any(|(_, r)| r.is_ok()) {
            self.is_synced(to)?;
        }
        let all_stored = committed.iter().all(|(_, r)| r.is_ok());
        for (flight, answer) in group.into_iter().zip(answers) {
            let fresh = !matches!(answer, Answered::Again(_));
            let (receipt, code) = match answer {
                Answered::Again(receipt) => (Some(receipt), None),
                Answered::Staged(ticket) => (stored(&ticket).and_then(|a: &Appended| a.receipt.clone()), None),
                Answered::Refused(code) => (None, Some(code)),
            };
            let what = match (&receipt, code) {
                (Some(r), _) => match refused_in(r) {
                    codes if codes.is_empty() => "takes".to_owned(),
                    codes => format!("takes, but for {}, {:?}", codes.len(), codes.into_iter().collect::<std::collections::BTreeSet<_>>()),
                },
                (None, Some(code)) => format!("refuses ({code})"),
                (None, None) => "cannot store".to_owned(),
            };
            self.tell(format!("{} {what} {:x} of {}{}", NAMES[to], flight.number, NAMES[flight.from], if flight.copy { " again" } else { "" }));
            self.answered(to, &flight.acts, receipt.as_deref(), code, fresh)?;
            if m.rng.chance(1, 8) {
                self.no_other_opens(&flight)?;
            }
            if let Some(lie) = &flight.lie {
                let lie = lie.clone();
                self.coverage.hit(lie.kind, m.kind);
                self.lie_met(to, &flight, &lie, receipt.as_deref(), code, all_stored)?;
            }
            if flight.copy || flight.lie.is_some() {
                continue;
            }
            let lost = self.net.is_cut(to, flight.from);
            if lost {
                self.cut_met(to, flight.from, m);
            }
            let receipt = receipt.filter(|_| !lost);
            let given = receipt.is_some();
            self.net.back.push(Back { from: flight.from, to, number: flight.number, id: flight.id, receipt, lie: None });
            if given && Some(to) == self.liar && std::mem::take(&mut self.lies.false_next) {
                self.false_receipt(to, &mut m.rng);
            }
        }
        Ok(())
    }

    /// Gives a parcel back to its sender without an answer.
    fn bounce(&mut self, flight: Flight) {
        if !flight.copy && flight.lie.is_none() {
            self.net.back.push(Back { from: flight.from, to: flight.to, number: flight.number, id: flight.id, receipt: None, lie: None });
        }
    }

    fn cut_met(&mut self, from: usize, to: usize, m: &Moment<'_>) {
        let fault = if self.net.is_cut(to, from) { Fault::Cut } else { Fault::HalfCut };
        self.coverage.met(fault, m.kind);
    }

    pub(crate) fn do_answer(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let waiting: Vec<usize> = self.net.back.iter().map(|b| b.from).collect();
        let Some(i) = m.rng.pick(&waiting).copied() else { return Ok(()) };
        if !self.up(i)? {
            return Ok(());
        }
        let mut group = Vec::new();
        for n in 0..1 + m.rng.below(3) {
            let here: Vec<usize> = (0..self.net.back.len()).filter(|k| self.net.back[*k].from == i).collect();
            let any = m.has(Fault::Reorder) || m.rng.chance(1, 6);
            let Some(k) = (if any { m.rng.pick(&here) } else { here.first() }).copied() else { break };
            if Some(&k) != here.first() {
                self.coverage.hit(Fault::Reorder, m.kind);
            }
            let mut back = self.net.back.remove(k);
            if n == 0 && m.has(Fault::LoseAnswer) && back.receipt.is_some() {
                self.coverage.hit(Fault::LoseAnswer, m.kind);
                (back.receipt, back.lie) = (None, None);
            } else if back.receipt.is_none() && (self.net.is_cut(back.to, i) || self.net.is_cut(i, back.to)) {
                self.cut_met(i, back.to, m);
            }
            group.push(back);
        }
        self.settle(i, group, m)
    }

    /// Gives a sender its answers, one commit for all.
    fn settle(&mut self, i: usize, group: Vec<Back>, m: &mut Moment<'_>) -> Result<(), Violation> {
        let calls: Vec<_> = group.iter().map(|b| (self.id(b.to), b.number, b.id, b.receipt.clone())).collect();
        let done = self.work(i, m, |node, now| {
            let taken = calls.iter().map(|(to, number, id, receipt)| node.answered(*to, *number, *id, receipt.as_deref(), now));
            taken.map(|t| t.map(|t| t.is_some()).map_err(|e| e.code())).collect::<Vec<_>>()
        })?;
        let Some((taken, committed)) = done else { return Ok(()) };
        for (back, taken) in group.into_iter().zip(taken) {
            let line = match &taken {
                Ok(true) => "has its receipt",
                Ok(false) => "has no answer",
                Err(code) => code,
            };
            self.tell(format!("{} for {:x} to {}: {line}", NAMES[i], back.number, NAMES[back.to]));
            if let Some(lie) = &back.lie {
                self.coverage.hit(lie.kind, m.kind);
                if committed.iter().all(|(_, r)| r.is_ok()) {
                    self.false_receipt_met(i, &back, &taken)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn do_checkpoint(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let done = self.work(i, m, |node, now| node.checkpoint(now).map(|t| t.is_some()))?;
        if let Some((Ok(true), _)) = done {
            self.tell(format!("{} asks to cosign its ledger", NAMES[i]));
        }
        Ok(())
    }

    pub(crate) fn do_sweep(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let done = self.work(i, m, |node, now| node.sweep(now).map(|s| s.map_or(0, |(_, d)| d.len())))?;
        if let Some((Ok(n @ 1..), _)) = done {
            self.tell(format!("{} erases {n} dossiers", NAMES[i]));
        }
        Ok(())
    }

    pub(crate) fn do_rebuild(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        let done = self.work(i, m, |node, now| node.rebuild(now, &mut |_, _| ()).map_err(|e| e.code()))?;
        match done {
            Some((Ok(_), _)) => {
                self.tell(format!("{} works everything out anew", NAMES[i]));
                self.tempt(i, m)?;
            }
            Some((Err(code), _)) => {
                // A rebuild that failed is done again when the program starts; until then it does nothing else.
                self.tell(format!("{} fails to work everything out anew: {code}", NAMES[i]));
                self.stations[i].stop();
                self.net.back.retain(|b| b.from != i);
                self.net.out.retain(|f| f.from != i || f.lie.is_some() || f.copy);
            }
            None => {}
        }
        Ok(())
    }

    pub(crate) fn do_restart(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let i = m.rng.below(self.stations.len());
        self.stations[i].stop();
        self.net.back.retain(|b| b.from != i);
        self.net.out.retain(|f| f.from != i || f.lie.is_some() || f.copy);
        self.set_clock(i, m);
        self.arm(i, m);
        let now = self.now(i);
        if self.loses_its_disk(i, m)? {
            return Ok(());
        }
        let started = self.stations[i].start(now).map_err(|e| e.code());
        self.disarm(i, m);
        if self.stations[i].disk.is_dead() {
            let aftermath = crate::disk::Aftermath::ALL[m.rng.below(4)];
            self.die(i, aftermath, m, "loses its power while it starts");
            return Ok(());
        }
        match started {
            Ok(()) => {
                self.tell(format!("{} restarts", NAMES[i]));
                self.after_restart(i)
            }
            Err(code) => {
                self.stations[i].stop();
                self.tell(format!("{} does not start: {code}", NAMES[i]));
                Ok(())
            }
        }
    }

    pub(crate) fn do_wait(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let minutes = [2, 2, 20, 20, 90, 90, 9 * 60, 40 * 60, 25 * 24 * 60][m.rng.below(9)];
        self.time = self.time.plus_ms(m.rng.between(1, minutes) * 60_000);
        self.cards_by_hand();
        self.stations.iter_mut().filter_map(|s| s.running.as_mut()).for_each(|r| r.node.retry());
        if self.net.has_cuts() && m.rng.chance(2, 3) {
            self.net.heal();
            self.tell("all lines are mended".to_owned());
        }
        let n = self.stations.len();
        if m.has(Fault::Cut) {
            let mut sides: Vec<bool> = (0..n).map(|_| m.rng.chance(1, 2)).collect();
            sides[0] = !sides[n - 1];
            self.net.part(&sides);
            self.coverage.faults += 1;
            self.tell("the services are parted".to_owned());
        }
        if m.has(Fault::HalfCut) {
            let a = m.rng.below(n);
            let b = (a + 1 + m.rng.below(n - 1)) % n;
            self.net.set_cut(a, b, true);
            self.coverage.faults += 1;
            self.tell(format!("nothing comes through from {} to {}", NAMES[a], NAMES[b]));
        }
        Ok(())
    }

    /// Agrees on an accord among all, with nothing in its way.
    pub(crate) fn first_accord(&mut self, rng: &mut Rng) -> Result<(), Violation> {
        let mut m = Moment { kind: crate::plan::Kind::Open, faults: &[], rng: rng.clone() };
        let parties: Vec<_> = (0..self.stations.len()).map(|i| (self.id(i), "party".to_owned())).collect();
        let intent = will::accord_of_all(parties, self.time, rng);
        let stuck = || Violation::new("founding", "the first accord does not come into force".to_owned());
        self.intend(0, &mut m, |_, _| Some(Will { intent, deed: "accord: open".to_owned() }))?;
        self.do_approve_all(&mut m)?;
        let accord = *self.book.parties.keys().next().ok_or_else(stuck)?;
        self.rest(&mut m)?;
        for i in 0..self.stations.len() {
            let intent = will::signature(accord);
            self.intend(i, &mut m, |_, _| Some(Will { intent, deed: "accord: accord/sign".to_owned() }))?;
            self.do_approve_all(&mut m)?;
            self.rest(&mut m)?;
        }
        let now = self.now(0);
        let phase = self.node(0).and_then(|n| n.view(&accord, &[], now).ok()).map(|v| v.phase);
        if phase.as_deref() == Some("in-force") { Ok(()) } else { Err(stuck()) }
    }

    /// Lets the second officers approve all that waits.
    fn do_approve_all(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        for i in 0..self.stations.len() {
            let Some(deputy) = self.stations[i].officer("deputy") else { continue };
            let pending = self.node(i).and_then(|n| n.all_pending().ok()).unwrap_or_default();
            for p in pending {
                let done = self.work(i, m, |node, now| node.approve(&deputy, &p.id, now))?;
                let deed = deed_of(self, i, &p.intent);
                if let Some((Ok(made), committed)) = done {
                    self.made(i, Will { intent: p.intent, deed }, made, &committed)?;
                }
            }
        }
        Ok(())
    }

    /// Carries everything until nobody has anything for anybody.
    pub(crate) fn rest(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let n = self.stations.len();
        let mut quiet = 0;
        for round in 0..ROUNDS_MAX {
            let mut moved = 0;
            // What nobody can show any more would be asked for without end.
            for i in 0..n {
                self.work(i, m, |node, now| if round < ROUNDS_MAX / 3 { node.recover(now).map(drop) } else { Ok(()) })?;
            }
            self.cards_by_hand();
            for a in 0..n {
                for b in (0..n).filter(|b| *b != a) {
                    for _ in 0..LOADS_MAX {
                        if !self.load(a, b, m)? {
                            break;
                        }
                        moved += 1;
                        let Some(k) = self.net.out.iter().rposition(|f| f.from == a && f.to == b && f.lie.is_none()) else { break };
                        let flight = self.net.out.remove(k);
                        self.deliver(b, vec![flight], m)?;
                        let Some(k) = self.net.back.iter().rposition(|x| x.from == a && x.to == b) else { break };
                        let back = self.net.back.remove(k);
                        self.settle(a, vec![back], m)?;
                    }
                }
            }
            // What was refused for the moment, and what was asked for and not answered, goes again after half a minute.
            self.time = self.time.plus_ms(31_000);
            self.stations.iter_mut().filter_map(|s| s.running.as_mut()).for_each(|r| r.node.retry());
            quiet = if moved == 0 { quiet + 1 } else { 0 };
            if quiet == 2 {
                return Ok(());
            }
        }
        Err(Violation::new("comes-to-rest", "the federation goes on sending without faults".to_owned()))
    }

    /// Remembers who is party of a dossier.
    pub(crate) fn knows(&mut self, dossier: DossierId, parties: Vec<usize>) {
        self.book.parties.entry(dossier).or_insert(parties);
    }
}

/// Returns the parties of the dossier that an intent opens or is about.
fn parties_of(node: &mut node::Node, intent: &Intent, now: base::UnixMs) -> Vec<base::ServiceId> {
    match intent {
        Intent::Open { parties, .. } => parties.iter().map(|p| p.0).collect(),
        Intent::OpenItem { dossier, .. } | Intent::Move { dossier, .. } => {
            node.view(dossier, &[], now).map(|v| v.parties.iter().map(|p| p.service).collect()).unwrap_or_default()
        }
    }
}

/// How reports call an intent.
fn deed_of(world: &mut World, i: usize, intent: &Intent) -> String {
    let now = world.now(i);
    let mechanism = |world: &mut World, d: &DossierId| world.node(i).and_then(|n| n.view(d, &[], now).ok()).map_or_else(String::new, |v| v.mechanism);
    match intent {
        Intent::Open { mechanism, .. } => {
            let name = world.node(i).and_then(|n| n.mechanism(mechanism).ok()).map_or_else(String::new, |m| m.id.clone());
            format!("{name}: open")
        }
        Intent::OpenItem { dossier, kind, .. } => format!("{}: new {kind}", mechanism(world, dossier)),
        Intent::Move { dossier, name, item, .. } => {
            let is_it = |x: &dossier::ItemView| item.map_or(x.parent.is_none(), |item| x.id == item);
            let on = world.node(i).and_then(|n| n.view(dossier, &[], now).ok()).and_then(|v| v.items.into_iter().find(is_it)).map(|x| x.kind);
            format!("{}: {}/{name}", mechanism(world, dossier), on.unwrap_or_default())
        }
    }
}
