//! The world: services, lines, time, and one place where a node does something while something strikes it.
//!
//! A node works as the program's own engine lets it work: 1 jobs stage, 2 one commit stores, 3 only then is anybody told. The
//! power, the disk or a kill may strike at any of these; what was staged and not stored is told to nobody.

use crate::coverage::Coverage;
use crate::disk::{Aftermath, Strike};
use crate::invariants::{Notebook, Violation};
use crate::network::Network;
use crate::plan::{Fault, Kind, Plan, Step};
use crate::rng::Rng;
use crate::station::{NAMES, START, Station};
use base::{DossierId, ServiceId, UnixMs};
use node::{Committed, Node};
use std::collections::BTreeMap;

/// A word that stands in every text that an officer writes, and nowhere in the open.
pub const CANARY: &str = "kanarienvogel";
const MINUTE_MS: i64 = 60_000;
/// How far a clock jumps: a week is longer than two cards overlap.
const CLOCK_OFF_MINUTES_MAX: i64 = 7 * 24 * 60;

/// Everything that there is.
pub struct World {
    /// The services.
    pub stations: Vec<Station>,
    /// The one that lies.
    pub liar: Option<usize>,
    /// What is under way.
    pub net: Network,
    /// Files that somebody carries.
    pub bag: Vec<crate::carry::Carried>,
    /// True time.
    pub time: UnixMs,
    /// What was promised, and what is expected.
    pub book: Notebook,
    /// What was met.
    pub coverage: Coverage,
    /// What happened, line by line; the same on every replay.
    pub story: Vec<String>,
    /// Numbers that lies used.
    pub lies: crate::liar::Craft,
    /// Until which step a node stays down, and a wrong clock stays wrong.
    pub down: Vec<usize>,
    wrong_until: Vec<(usize, Option<Fault>)>,
    /// The number of the step.
    pub at: usize,
}

/// What strikes a step, and what it draws from.
pub struct Moment<'a> {
    /// What is done.
    pub kind: Kind,
    /// What goes wrong.
    pub faults: &'a [Fault],
    /// Chance.
    pub rng: Rng,
}

impl Moment<'_> {
    /// Tells whether a fault is to strike.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

impl World {
    /// Founds the services of a plan, lets them meet, and agrees on an accord among all of them.
    pub fn found(plan: &Plan) -> Result<World, Violation> {
        let broken = |what: String| Violation::new("founding", what);
        let stations = (0..plan.stations).map(|i| Station::found(i, plan.seed)).collect::<Result<Vec<_>, _>>().map_err(broken)?;
        let n = stations.len();
        let mut world = World {
            liar: plan.liar.then_some(n - 1),
            net: Network::new(n),
            bag: Vec::new(),
            time: START,
            book: Notebook::new(n),
            coverage: Coverage::default(),
            story: Vec::new(),
            lies: crate::liar::Craft::default(),
            down: vec![0; n],
            wrong_until: vec![(0, None); n],
            at: 0,
            stations,
        };
        for a in 0..n {
            for b in (0..n).filter(|b| *b != a) {
                let (card, service) = (world.stations[b].keys.card_bytes().to_vec(), world.id(b));
                let words = seal::Fingerprint::of(&service).words(base::Lang::En);
                let node = world.node(a).expect("it was founded");
                node.import_card(&card, &words, START).map_err(|e| broken(e.to_string()))?;
                node.commit().into_iter().try_for_each(|(_, r)| r.map(drop)).map_err(|e| broken(e.to_string()))?;
            }
        }
        let mut rng = Rng::new(plan.seed ^ 0x00ac_c04d);
        world.first_accord(&mut rng)?;
        Ok(world)
    }

    /// Returns a service's id.
    pub fn id(&self, i: usize) -> ServiceId {
        self.stations[i].id()
    }

    /// Finds a service's place.
    pub fn place(&self, id: &ServiceId) -> Option<usize> {
        self.stations.iter().position(|s| s.id() == *id)
    }

    /// Returns a running node.
    pub fn node(&mut self, i: usize) -> Option<&mut Node> {
        self.stations[i].running.as_mut().map(|r| &mut r.node)
    }

    /// Returns the time on a service's clock.
    pub fn now(&self, i: usize) -> UnixMs {
        self.stations[i].now(self.time)
    }

    /// Lists the honest services.
    pub fn honest(&self) -> Vec<usize> {
        (0..self.stations.len()).filter(|i| Some(*i) != self.liar).collect()
    }

    /// Tells a line of the story.
    pub fn tell(&mut self, line: String) {
        self.story.push(format!("{:>4} {line}", self.at));
    }

    /// Does one step of the plan.
    pub fn step(&mut self, step: &Step) -> Result<(), Violation> {
        self.at += 1;
        let mut moment = Moment { kind: step.kind, faults: &step.faults, rng: Rng::new(step.draw) };
        *self.coverage.steps.entry(step.kind).or_default() += 1;
        self.time = self.time.plus_ms(moment.rng.between(20, 4_000));
        for i in 0..self.stations.len() {
            if self.wrong_until[i].0 == self.at {
                self.stations[i].off = 0;
                self.wrong_until[i].1 = None;
                self.tell(format!("{} has its clock set right", self.stations[i].name()));
            }
        }
        match step.kind {
            Kind::Open => self.do_open(&mut moment),
            Kind::Act => self.do_act(&mut moment),
            Kind::Approve => self.do_approve(&mut moment),
            Kind::Load => self.do_load(&mut moment),
            Kind::Deliver => self.do_deliver(&mut moment),
            Kind::Answer => self.do_answer(&mut moment),
            Kind::Checkpoint => self.do_checkpoint(&mut moment),
            Kind::Sweep => self.do_sweep(&mut moment),
            Kind::Rebuild => self.do_rebuild(&mut moment),
            Kind::Restart => self.do_restart(&mut moment),
            Kind::Backup => self.do_backup(&mut moment),
            Kind::Add => self.do_add(&mut moment),
            Kind::Export => self.do_export(&mut moment),
            Kind::Import => self.do_import(&mut moment),
            Kind::Wait => self.do_wait(&mut moment),
            Kind::Lie => self.do_lie(&mut moment),
        }
    }

    /// Draws a service that runs, or can be started now.
    pub fn someone(&mut self, m: &mut Moment<'_>) -> Result<Option<usize>, Violation> {
        let i = m.rng.below(self.stations.len());
        Ok(self.up(i)?.then_some(i))
    }

    /// Tells whether a service runs; one that may start again is started.
    pub fn up(&mut self, i: usize) -> Result<bool, Violation> {
        if self.stations[i].running.is_some() {
            return Ok(true);
        }
        if self.down[i] > self.at {
            return Ok(false);
        }
        self.start(i).map(|()| true)
    }

    /// Starts a service on a disk that works; whatever happened to it before, it must come up and hold what it promised.
    pub fn start(&mut self, i: usize) -> Result<(), Violation> {
        let now = self.now(i);
        self.stations[i].start(now).map_err(|e| Violation::new("comes-up-again", format!("{} does not start: {} {e}", NAMES[i], e.code())))?;
        self.tell(format!("{} is up again", NAMES[i]));
        self.after_restart(i)
    }

    /// Lets a node do something and store it, while something may strike; none if the node died of it.
    pub fn work<T>(&mut self, i: usize, m: &mut Moment<'_>, job: impl FnOnce(&mut Node, UnixMs) -> T) -> Result<Option<(T, Committed)>, Violation> {
        self.set_clock(i, m);
        let now = self.now(i);
        // Whatever is made now is dated now, also by a clock that is wrong and also if nobody hears of it.
        self.book.latest = self.book.latest.max(now);
        self.arm(i, m);
        self.rekey(i, m);
        let Some(running) = self.stations[i].running.as_mut() else { return Ok(None) };
        let done = job(&mut running.node, now);
        if m.has(Fault::KilledBefore) {
            self.coverage.hit(Fault::KilledBefore, m.kind);
            self.die(i, Aftermath::All, m, "is killed before it stores");
            return Ok(None);
        }
        let committed = running.node.commit();
        // What the disk did not take of new keys is tried again.
        self.stations[i].unadopted &= !committed.iter().all(|(_, r)| r.is_ok());
        self.disarm(i, m);
        if self.stations[i].disk.is_dead() {
            let aftermath = Aftermath::ALL[m.rng.below(4)];
            self.die(i, aftermath, m, "loses its power while it stores");
            return Ok(None);
        }
        if committed.iter().any(|(_, r)| r.is_err()) {
            let codes: Vec<&str> = committed.iter().filter_map(|(_, r)| r.as_ref().err()).map(|e| e.code()).collect();
            self.tell(format!("{} cannot store: {}", NAMES[i], codes.join(", ")));
        }
        if m.has(Fault::KilledAfter) {
            self.coverage.hit(Fault::KilledAfter, m.kind);
            self.die(i, Aftermath::All, m, "is killed after it stored, before it told");
            return Ok(None);
        }
        if self.loses_its_disk(i, m)? {
            return Ok(None);
        }
        Ok(Some((done, committed)))
    }

    /// Arms what is to strike the disk.
    pub fn arm(&mut self, i: usize, m: &mut Moment<'_>) {
        let strike = m.faults.iter().find_map(|f| match f {
            Fault::WriteFails => Some(Strike::WriteFails),
            Fault::DiskFull => Some(Strike::Full),
            Fault::SyncFails => Some(Strike::SyncFails),
            Fault::CrashInWrite => Some(Strike::Crash),
            Fault::CrashAtSync => Some(Strike::CrashAtSync),
            _ => None,
        });
        if let Some(strike) = strike {
            // Any write of a commit may be the one; a commit has one sync, or some more where the log is copied into the file.
            let at_sync = matches!(strike, Strike::SyncFails | Strike::CrashAtSync);
            let within = [4, 12, 30, 70][m.rng.below(4)];
            let after = if at_sync { m.rng.below(8) / 6 } else { m.rng.below(within) };
            self.stations[i].disk.arm(strike, after as u64, m.rng.draw());
        }
        if m.has(Fault::ReadFails)
            && let Some(running) = &self.stations[i].running
        {
            running.store.fail_after(m.rng.below(9) as u64);
        }
    }

    /// Takes back what was armed, and counts what struck.
    pub fn disarm(&mut self, i: usize, m: &Moment<'_>) {
        if self.stations[i].disk.disarm() {
            let disk = [Fault::WriteFails, Fault::DiskFull, Fault::SyncFails, Fault::CrashInWrite, Fault::CrashAtSync];
            if let Some(f) = m.faults.iter().find(|f| disk.contains(f)) {
                self.coverage.hit(*f, m.kind);
            }
        }
        if self.stations[i].running.as_ref().is_some_and(|r| r.store.heal()) {
            self.coverage.hit(Fault::ReadFails, m.kind);
        }
    }

    /// Ends a program at once; its disk keeps what the aftermath says.
    pub fn die(&mut self, i: usize, aftermath: Aftermath, m: &mut Moment<'_>, how: &str) {
        self.stations[i].disk.cut_power();
        self.stations[i].stop();
        self.stations[i].disk.reboot(aftermath, &mut m.rng);
        self.down[i] = self.at + m.rng.below(6);
        self.tell(format!("{} {how} ({aftermath:?})", NAMES[i]));
        // Connections break: what was under way to it is sent again, what it awaited it has forgotten.
        self.net.back.retain(|b| b.from != i);
        self.net.out.retain(|f| f.from != i || f.lie.is_some() || f.copy);
    }

    /// Sets a clock wrong, and counts steps that are made under a wrong clock.
    pub(crate) fn set_clock(&mut self, i: usize, m: &mut Moment<'_>) {
        let jump = m.faults.iter().copied().find(|f| matches!(f, Fault::Skew | Fault::ClockAhead | Fault::ClockBack));
        match jump {
            Some(fault) => {
                let minutes = match fault {
                    Fault::Skew => m.rng.between(-9, 9),
                    Fault::ClockAhead => m.rng.between(15, CLOCK_OFF_MINUTES_MAX),
                    _ => -m.rng.between(15, CLOCK_OFF_MINUTES_MAX),
                };
                self.jump_clock(i, fault, minutes, m);
            }
            None => {
                if let Some(fault) = self.wrong_until[i].1 {
                    self.coverage.met(fault, m.kind);
                }
            }
        }
    }

    /// Lets a clock be off by some minutes for some steps.
    pub(crate) fn jump_clock(&mut self, i: usize, fault: Fault, minutes: i64, m: &mut Moment<'_>) {
        self.stations[i].off = minutes * MINUTE_MS;
        let lasts = if fault == Fault::Skew { 60 } else { 15 };
        self.wrong_until[i] = (self.at + 1 + m.rng.below(lasts), Some(fault));
        self.coverage.hit(fault, m.kind);
        self.tell(format!("{} has its clock off by {minutes} minutes", NAMES[i]));
    }

    /// Ends all that strikes: lines are mended, clocks are right, everybody runs, and what is under way is settled.
    pub fn calm(&mut self) -> Result<(), Violation> {
        self.at += 1;
        self.net.heal();
        let latest = (0..self.stations.len()).map(|i| self.now(i)).max().unwrap_or(self.time).max(self.time);
        self.time = latest.max(self.book.latest).plus_ms(20 * MINUTE_MS);
        for i in 0..self.stations.len() {
            (self.stations[i].off, self.wrong_until[i], self.down[i]) = (0, (0, None), 0);
            self.up(i)?;
        }
        let out: Vec<_> = self.net.out.drain(..).filter(|f| !f.copy && f.lie.is_none()).collect();
        let back: Vec<_> = self.net.back.drain(..).collect();
        let lost = out.into_iter().map(|f| (f.from, f.to, f.number, f.id)).chain(back.into_iter().map(|b| (b.from, b.to, b.number, b.id)));
        for (from, to, number, id) in lost.collect::<Vec<_>>() {
            let (to, now) = (self.id(to), self.now(from));
            if let Some(node) = self.node(from) {
                let _ = node.answered(to, number, id, None, now); // nobody awaits it after a restart
                node.commit();
            }
        }
        Ok(())
    }

    /// Returns the parties of a dossier by place.
    pub fn parties_of(&self, dossier: &DossierId) -> Vec<usize> {
        self.book.parties.get(dossier).cloned().unwrap_or_default()
    }

    /// Lists the dossiers of which the notebook knows.
    pub fn dossiers(&self) -> BTreeMap<DossierId, Vec<usize>> {
        self.book.parties.clone()
    }
}
