//! Older copies: a copy of a disk is set aside, and later put in the place of the disk, declared as `backup restore` does it or not.
//!
//! A declared one must cost nothing that anybody else holds: what was acknowledged comes back, and no number is signed twice. One that
//! nobody declared cannot know better until a partner shows it; from then on the same holds, and every partner that has seen more
//! than the copy must have it in its log. Only one service of a run is so treated, and only where nobody else lies.

use crate::disk::{Aftermath, Disk};
use crate::invariants::Violation;
use crate::plan::Fault;
use crate::station::NAMES;
use crate::world::{Moment, World};
use base::{ActId, Digest, DossierId, UnixMs};
use dossier::{Act, Deed};
use seal::{Signed, Typ};
use std::collections::{BTreeMap, BTreeSet};
use store::{Body, Verdict};

/// How often one disk of a run is put back.
const PUT_BACKS_MAX: usize = 2;

/// A copy that was set aside.
pub struct Copied {
    disk: Disk,
    /// When, by the clock of its service.
    at: UnixMs,
}

/// What is known of services that were put back.
#[derive(Default)]
pub struct PutBack {
    /// How often each was.
    pub times: BTreeMap<usize, usize>,
    /// The one that was put back without a word.
    pub silent: Option<usize>,
    /// Who has just been put back, so that its next start is the first on the copy.
    pub fresh: BTreeSet<usize>,
    /// What each had acknowledged and the copy does not hold.
    pub lost: BTreeMap<usize, BTreeMap<ActId, DossierId>>,
    /// Who had cosigned more of the silent one's ledger than the copy holds.
    pub saw_more: BTreeSet<usize>,
    /// Who was put back after the silent one: its log and what it had cosigned went with its own disk.
    pub after_silent: BTreeSet<usize>,
}

impl World {
    /// Sets a copy of a disk aside, as a power cut would leave it.
    pub(crate) fn do_backup(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(i) = self.someone(m)? else { return Ok(()) };
        self.set_clock(i, m);
        let at = self.now(i);
        let disk = self.stations[i].disk.synced_copy_as(NAMES[i], NAMES[i]);
        self.stations[i].copy = Some(Copied { disk, at });
        self.tell(format!("a copy of {} is set aside", NAMES[i]));
        Ok(())
    }

    /// Ends a service and puts its copy in the place of its disk, if the moment says so and there is one.
    pub(crate) fn loses_its_disk(&mut self, i: usize, m: &mut Moment<'_>) -> Result<bool, Violation> {
        let Some(fault) = [Fault::Restored, Fault::OlderCopy].into_iter().find(|f| m.has(*f)) else { return Ok(false) };
        let silent = fault == Fault::OlderCopy;
        let often = self.book.put_back.times.get(&i).copied().unwrap_or(0);
        // Whoever restores looks at the clock first.
        let right = silent || (self.stations[i].off == 0 && self.now(i) >= self.stations[i].keys.acts_from());
        let allowed =
            right && Some(i) != self.liar && often < PUT_BACKS_MAX && (!silent || (self.liar.is_none() && self.book.put_back.silent.is_none_or(|s| s == i)));
        if !allowed {
            return Ok(false);
        }
        let Some(copy) = self.stations[i].copy.take() else { return Ok(false) };
        self.coverage.hit(fault, m.kind);
        self.die(i, Aftermath::All, m, if silent { "gets an older copy of its disk, of which nobody tells" } else { "loses its disk, and gets a backup" });
        // A restoration takes longer than a line or a second copy on it lasts; files of the lost node are destroyed, as its manual says.
        self.net.out.retain(|f| f.from != i || f.lie.is_some());
        self.bag.retain(|f| f.from != i);
        // It knows the numbers of parcels up to the copy only.
        self.forgotten(i);
        self.stations[i].disk = copy.disk;
        let now = self.now(i);
        if silent {
            self.book.put_back.silent = Some(i);
        } else {
            let declared = self.stations[i].declare(copy.at, now);
            declared.map_err(|e| Violation::new("comes-up-again", format!("{} cannot declare that it was put back: {e}", NAMES[i])))?;
        }
        *self.book.put_back.times.entry(i).or_default() += 1;
        self.book.put_back.fresh.insert(i);
        Ok(true)
    }

    /// The first start on a copy: what was acknowledged and is not here is awaited.
    pub(crate) fn is_back(&mut self, i: usize) {
        if !self.book.put_back.fresh.remove(&i) {
            return;
        }
        let Some(store) = self.stations[i].store() else { return };
        let told = std::mem::take(&mut self.book.told[i]);
        let (here, lost): (BTreeMap<_, _>, BTreeMap<_, _>) = told.into_iter().partition(|(act, _)| matches!(store.act(act), Ok(Some(_))));
        let size = store.ledger().map_or(0, |l| l.size);
        self.book.told[i] = here;
        self.book.told_chunks[i].clear();
        // Its own log went with the disk.
        self.book.named.retain(|n| n.0 != i);
        self.book.held_at.retain(|(at, act), _| *at != i || !lost.contains_key(act));
        self.book.put_back.lost.entry(i).or_default().extend(lost);
        if self.book.put_back.silent.is_some_and(|silent| silent != i) {
            self.book.put_back.after_silent.insert(i);
        }
        if self.book.put_back.silent == Some(i) {
            self.book.put_back.after_silent.clear();
            let me = self.id(i).to_string();
            for other in self.honest().into_iter().filter(|o| *o != i) {
                let witnessed = self.stations[other].store().and_then(|s| s.record("witnessed", &me).ok().flatten());
                let seen: Option<(u64, Digest)> = witnessed.and_then(|r| serde_json::from_slice(&r.data).ok());
                if seen.is_some_and(|(seen, _)| seen > size) {
                    self.book.put_back.saw_more.insert(other);
                }
            }
        }
    }

    /// Tells whether a service does as it should and nobody put it back without a word.
    pub(crate) fn is_true(&self, i: usize) -> bool {
        self.liar != Some(i) && self.book.put_back.silent != Some(i)
    }

    /// Tells whether some honest service can still show the content of an act.
    fn can_be_shown(&self, act: &ActId, but: usize) -> bool {
        let shows = |i: &usize| self.stations[*i].store().is_some_and(|s| matches!(s.act(act), Ok(Some(a)) if matches!(a.body, Body::Held(_))));
        self.honest().iter().filter(|i| **i != but).any(shows)
    }

    /// Tells whether a service was put back without a word and nothing has shown it so far: what it lost of others is then not asked for.
    fn is_unaware(&self, i: usize) -> bool {
        let aware = self.stations[i].running.as_ref().is_some_and(|r| matches!(r.node.fence(), Ok(Some(_))));
        self.book.put_back.silent == Some(i) && !aware
    }

    /// Tells whether a service lacks something of a dossier that nobody can show it any more, because it was put back, or the author was.
    pub(crate) fn cannot_know(&self, i: usize, dossier: &DossierId, parties: &[usize]) -> bool {
        let put_back = |who: usize| self.book.put_back.times.contains_key(&who);
        if self.is_unaware(i) {
            return true;
        }
        let Some(own) = self.stations[i].store() else { return false };
        let of_others = parties.iter().filter(|p| **p != i && self.liar != Some(**p)).filter_map(|p| self.stations[*p].store());
        let acts = of_others.flat_map(|s| s.acts_of(dossier).unwrap_or_default());
        let lacks = |act: &ActId| !matches!(own.act(act), Ok(Some(a)) if a.body != Body::Absent);
        let lost = |a: &store::Act| put_back(i) || self.place(&a.author).is_some_and(put_back);
        acts.filter(|a| lacks(&a.id) && lost(a)).any(|a| !self.can_be_shown(&a.id, i))
    }

    /// Finds among one party's acts of a dossier those that wait for what nobody honest has any more.
    ///
    /// An act came out, what its author had seen or signed before it did not, or only from the liar; then its author's disk was lost. Whoever
    /// has kept its disk has kept what it built on, so only acts of a service that was put back may so wait, and what builds on them.
    pub(crate) fn waits_in_vain(&self, acts: &[store::Act]) -> BTreeSet<ActId> {
        let mut in_vain: BTreeSet<ActId> = BTreeSet::new();
        let waiting: Vec<Act> = acts.iter().filter(|a| a.verdict == Verdict::Waiting).flat_map(|a| head_of(&a.signed)).collect();
        loop {
            let before = in_vain.len();
            for act in &waiting {
                let (h, id) = (act.head(), act.id());
                let lost_its_disk = self.place(&h.author).is_some_and(|p| self.book.put_back.times.contains_key(&p));
                let before = (h.seq > 1).then_some(h.prev);
                let gone = |past: ActId| lost_its_disk && !self.is_held(&past);
                // A dossier's opening waits for its accord as well, as its opener had seen it.
                let accord = match &h.deed {
                    Deed::Open(opening) => opening.accord.iter().flat_map(|a| &a.seen).collect(),
                    _ => Vec::new(),
                };
                if before.into_iter().chain(h.seen.iter().chain(accord).map(|m| m.act)).any(|past| in_vain.contains(&past) || gone(past)) {
                    in_vain.insert(id);
                }
            }
            if in_vain.len() == before {
                return in_vain;
            }
        }
    }

    /// Tells whether an act stands where its author's chain forks, or behind: whoever has it has proof of a lie, and nobody asks for it.
    fn is_evidence(&self, act: &ActId, dossier: &DossierId) -> Result<bool, Violation> {
        let held = self.stations.iter().find_map(|s| s.store()?.act(act).ok()?);
        let forks = self.forks(dossier, &self.honest())?;
        Ok(held.is_some_and(|a| forks.get(&a.author).is_some_and(|seq| a.seq >= *seq)))
    }

    /// Tells whether all honest services that have an act have it as one that waits in vain.
    fn is_in_vain(&self, act: &ActId, dossier: &DossierId) -> bool {
        let acts = self.honest().into_iter().filter_map(|i| self.stations[i].store()?.acts_of(dossier).ok());
        acts.filter(|acts| acts.iter().any(|a| a.id == *act)).all(|acts| self.waits_in_vain(&acts).contains(act))
    }

    /// Says who has an act, and as what.
    pub(crate) fn held_as(&self, act: &ActId) -> String {
        let held = self.stations.iter().enumerate().filter_map(|(i, s)| Some((i, s.store()?.act(act).ok()??)));
        let said = held.map(|(i, a)| {
            let author = self.place(&a.author).map_or("nobody", |p| NAMES[p]);
            let liar = if self.place(&a.author) == self.liar { ", the liar" } else { "" };
            format!("{} has it as {} ({} of {author}{liar})", NAMES[i], a.verdict, a.seq)
        });
        said.collect::<Vec<_>>().join(", ")
    }

    /// Tells whether some service has an act, content or not; the liar's node hands on what it has like any other.
    fn is_held(&self, act: &ActId) -> bool {
        self.stations.iter().any(|s| s.store().is_some_and(|s| matches!(s.act(act), Ok(Some(_)))))
    }

    /// In the end: what a service had acknowledged is back, if anybody holds it, and whoever saw more than the silent copy has it in its log.
    pub(crate) fn put_back_in_the_end(&mut self) -> Result<(), Violation> {
        let lost = self.book.put_back.lost.clone();
        for (i, acts) in &lost {
            for (act, dossier) in acts {
                let here = self.stations[*i].store().is_some_and(|s| matches!(s.act(act), Ok(Some(_))));
                if !here && self.can_be_shown(act, *i) && !self.is_unaware(*i) && !self.is_evidence(act, dossier)? && !self.is_in_vain(act, dossier) {
                    let what = format!(
                        "act {} of {}, which {} had acknowledged before it was put back, does not come back: {}",
                        act.short(),
                        dossier.short(),
                        NAMES[*i],
                        self.held_as(act)
                    );
                    return Err(Violation::new("nothing-acknowledged-is-lost", what));
                }
            }
            let mut waits_for = self.node(*i).and_then(|n| n.fence().ok().flatten()).map(|f| f.awaited).unwrap_or_default();
            for (other, name) in NAMES.iter().enumerate().take(self.stations.len()) {
                // Its backup is of the second line of an older copy: whoever cosigned the first one answers no declaration of it.
                if self.book.put_back.silent == Some(*i) && self.has_named(other, *i, &["peer.ledger.rewritten"])? {
                    waits_for.retain(|w| w != name);
                }
            }
            if !waits_for.is_empty() {
                return Err(Violation::new("fence-opens", format!("{} still waits for the word of {}", NAMES[*i], waits_for.join(", "))));
            }
        }
        let Some(silent) = self.book.put_back.silent else { return Ok(()) };
        let me = self.id(silent);
        let own: Vec<ActId> = lost.get(&silent).into_iter().flatten().map(|(a, _)| *a).collect();
        for other in self.honest().into_iter().filter(|o| *o != silent && !self.book.put_back.after_silent.contains(o)) {
            let Some(store) = self.stations[other].store() else { continue };
            let holds = own.iter().any(|a| matches!(store.act(a), Ok(Some(act)) if act.author == me));
            // What a partner cosigned shows nothing where the card that had signed it is revoked since.
            let saw_more = self.book.put_back.saw_more.contains(&other) && self.stations[silent].revocations.is_empty();
            if !holds && !saw_more {
                continue;
            }
            if !self.has_named(other, silent, &["peer.ledger.restored", "peer.ledger.rewritten", "peer.act.equivocation"])? {
                let by = if holds { "holds acts of" } else { "cosigned more of" };
                let what = format!("{} {by} {} than its older copy has, and has noticed nothing", NAMES[other], NAMES[silent]);
                return Err(Violation::new("older-copy-is-noticed", what));
            }
        }
        Ok(())
    }

    /// Tells whether a service has an incident of another in its log, under one of these codes.
    pub(crate) fn has_named(&self, by: usize, whom: usize, codes: &[&str]) -> Result<bool, Violation> {
        let whom = self.id(whom).to_string();
        let names = |l: &serde_json::Value| ["author", "service"].iter().any(|k| l[*k] == whom) && codes.iter().any(|c| l["code"] == *c);
        Ok(self.logged(by, "incident")?.iter().any(names))
    }
}

/// Reads the head of a stored act.
fn head_of(signed: &[u8]) -> Option<Act> {
    Act::decode(Signed::parse(signed, Typ::Act, 1 << 20).ok()?.payload(), None).ok()
}
