//! What must hold, after every step and in the end.
//!
//! After every step: no receipt before durability, nothing acknowledged is lost or doubled, a receipt's time stays the first one,
//! nothing goes to or can be read by whoever is no party, every lie is named. In the end, when faults have ceased and everything
//! was carried: all honest parties fold alike, nothing waits, nothing is due, nobody honest is accused, every ledger checks.

use crate::backup::PutBack;
use crate::exhibits::Content;
use crate::liar::{Expect, Lie};
use crate::network::{Back, Flight};
use crate::plan::Fault;
use crate::station::NAMES;
use crate::world::{CANARY, Moment, World};
use base::{ActId, Digest, DossierId, ExhibitId, ServiceId, UnixMs};
use dossier::{Act, DossierView};
use node::{NodeError, Piece};
use seal::{Held, Receipt, SealFault, Signed, Typ};
use std::collections::{BTreeMap, BTreeSet};
use store::{Store, Verdict};

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// Says what was seen.
    pub fn new(invariant: &'static str, what: String) -> Violation {
        Violation { invariant, what }
    }
}

/// What one party holds of a dossier in the end: its place, acts and verdicts, and the folded state.
type InTheEnd = (usize, Vec<(ActId, String)>, Option<Digest>);

/// What was promised and what is expected.
pub struct Notebook {
    /// The parties of every dossier, by place.
    pub parties: BTreeMap<DossierId, Vec<usize>>,
    /// The latest date of an act.
    pub latest: UnixMs,
    /// Acts that each service said are on its disk, to an officer or in a receipt.
    pub(crate) told: Vec<BTreeMap<ActId, DossierId>>,
    /// The time that a service's receipts give for an act.
    pub(crate) held_at: BTreeMap<(usize, ActId), UnixMs>,
    /// Lies that must be void wherever they are held.
    void: BTreeMap<ActId, &'static str>,
    /// Codes that a service's log must hold.
    pub(crate) named: BTreeSet<(usize, &'static str, String)>,
    promises: u64,
    /// Files that officers added.
    pub(crate) exhibits: BTreeMap<ExhibitId, Content>,
    /// Chunks that each service said are on its disk.
    pub(crate) told_chunks: Vec<BTreeSet<(ExhibitId, u32)>>,
    /// Carry files that were written.
    pub(crate) files: u64,
    /// What was put back to an older state.
    pub(crate) put_back: PutBack,
    /// Who has changed its keys.
    pub(crate) rekeyed: BTreeSet<usize>,
}

impl Notebook {
    /// Begins with nothing.
    pub fn new(n: usize) -> Notebook {
        Notebook {
            parties: BTreeMap::new(),
            latest: UnixMs(0),
            told: vec![BTreeMap::new(); n],
            held_at: BTreeMap::new(),
            void: BTreeMap::new(),
            named: BTreeSet::new(),
            promises: 0,
            exhibits: BTreeMap::new(),
            told_chunks: vec![BTreeSet::new(); n],
            files: 0,
            put_back: PutBack::default(),
            rekeyed: BTreeSet::new(),
        }
    }
}

/// Tells which receipt or act of it is not in a store that should have held it before the receipt went out.
pub fn not_held(store: &dyn Store, receipt: &[u8]) -> Option<String> {
    match store.entry(&Digest::of(receipt)) {
        Ok(Some(_)) | Err(_) => None,
        Ok(None) => Some("that its receipt names; the receipt itself".to_owned()),
    }
}

/// Returns the codes by which a receipt refuses pieces.
pub(crate) fn refused_in(receipt: &[u8]) -> Vec<String> {
    let Ok(signed) = Signed::parse(receipt, Typ::Receipt, seal::RECEIPT_BYTES_MAX) else { return Vec::new() };
    let Ok(receipt) = base::cbor::from_slice::<Receipt>(signed.payload(), seal::RECEIPT_BYTES_MAX) else { return Vec::new() };
    receipt.entries.into_iter().filter_map(|e| if let Held::Refused { code } = e.held { Some(code) } else { None }).collect()
}

/// Returns the acts of a parcel's content: id, dossier, author.
pub fn acts_in(content: &[u8]) -> Vec<Act> {
    let pieces: Vec<Piece> = base::cbor::from_slice(content, content.len().max(1)).unwrap_or_default();
    let act = |p: Piece| match p {
        Piece::Act { signed, .. } | Piece::Attested { signed, .. } => Act::decode(Signed::parse(&signed, Typ::Act, 1 << 20).ok()?.payload(), None).ok(),
        _ => None,
    };
    pieces.into_iter().filter_map(act).collect()
}

impl World {
    fn is_honest(&self, i: usize) -> bool {
        self.liar != Some(i)
    }

    /// An officer was told that an act is done.
    pub(crate) fn promised(&mut self, i: usize, act: ActId, dossier: DossierId) -> Result<(), Violation> {
        self.is_synced(i)?;
        self.book.promises += 1;
        if self.book.promises.is_multiple_of(16) {
            // The long way: is it there after a power cut in this very moment?
            let copy = self.stations[i].as_after_power_cut().map_err(|e| Violation::new("no-receipt-before-durability", format!("{}: {e}", NAMES[i])))?;
            if !matches!(copy.act(&act), Ok(Some(_))) {
                return Err(Violation::new(
                    "no-receipt-before-durability",
                    format!("{} told of act {} that a power cut would take away", NAMES[i], act.short()),
                ));
            }
        }
        self.book.told[i].insert(act, dossier);
        Ok(())
    }

    /// Whatever a node tells, its disk has confirmed.
    pub(crate) fn is_synced(&self, i: usize) -> Result<(), Violation> {
        match self.stations[i].disk.has_unsynced_log() {
            false => Ok(()),
            true => Err(Violation::new("no-receipt-before-durability", format!("{} tells of what its disk has not confirmed", NAMES[i]))),
        }
    }

    /// What goes to a partner is of dossiers to which it is a party.
    pub(crate) fn only_for(&self, from: usize, to: usize, content: &[u8]) -> Result<(), Violation> {
        for act in acts_in(content) {
            let parties = self.parties_of(&act.head().dossier);
            if self.is_honest(from) && !parties.is_empty() && !parties.contains(&to) {
                let what = format!("{} sends act {} to {}, which is no party of its dossier", NAMES[from], act.id().short(), NAMES[to]);
                return Err(Violation::new("nothing-for-others", what));
            }
        }
        Ok(())
    }

    /// Nothing that an officer wrote can be read on the line.
    pub(crate) fn nothing_readable(&self, bytes: &[u8]) -> Result<(), Violation> {
        let word = CANARY.as_bytes();
        match bytes.windows(word.len()).any(|w| w == word) {
            true => Err(Violation::new("nothing-readable", "an officer's words stand open in a parcel".to_owned())),
            false => Ok(()),
        }
    }

    /// A parcel opens for nobody but its recipient.
    pub(crate) fn no_other_opens(&mut self, flight: &Flight) -> Result<(), Violation> {
        let (from, now) = (self.id(flight.from), self.time);
        for i in (0..self.stations.len()).filter(|i| *i != flight.to) {
            let keys = self.stations[i].keys.clone();
            let Some(node) = self.node(i) else { continue };
            if node::open(&flight.bytes[..], from, &node.book(), &keys, now).is_ok() {
                return Err(Violation::new("nothing-readable", format!("{} can open a parcel for {}", NAMES[i], NAMES[flight.to])));
            }
        }
        Ok(())
    }

    /// A refusal that an officer gets is one, and no failure of the program.
    pub(crate) fn sound_refusal(&self, i: usize, e: &NodeError) -> Result<(), Violation> {
        let failure = matches!(e, NodeError::Corrupt(_) | NodeError::Bug) || e.code() == "failure.store.corrupt";
        match failure {
            true => Err(Violation::new("stays-sound", format!("{}: {} {e}", NAMES[i], e.code()))),
            false => Ok(()),
        }
    }

    /// After a start: everything that was acknowledged is there, and the ledger bears itself out.
    pub(crate) fn after_restart(&mut self, i: usize) -> Result<(), Violation> {
        if !self.is_honest(i) {
            return Ok(());
        }
        self.is_back(i);
        let Some(store) = self.stations[i].store() else { return Ok(()) };
        for (act, dossier) in &self.book.told[i] {
            if !matches!(store.act(act), Ok(Some(_))) {
                let what = format!("{} acknowledged act {} of {} and does not hold it", NAMES[i], act.short(), dossier.short());
                return Err(Violation::new("nothing-acknowledged-is-lost", what));
            }
        }
        store::check_ledger(store).map(drop).map_err(|e| Violation::new("ledger-checks", format!("{}: {e}", NAMES[i])))?;
        self.exhibits_hold(i)
    }

    /// A parcel with these acts was answered, over a line or for a file; `fresh` says that it was not here before.
    pub(crate) fn answered(&mut self, to: usize, carried: &[ActId], receipt: Option<&[u8]>, code: Option<&'static str>, fresh: bool) -> Result<(), Violation> {
        if code == Some("failure.store.corrupt") || code == Some("failure.node.corrupt") {
            return Err(Violation::new("stays-sound", format!("{} answers {}", NAMES[to], code.unwrap_or_default())));
        }
        let Some(bytes) = receipt else { return Ok(()) };
        if !self.is_honest(to) {
            return Ok(());
        }
        let me = self.id(to);
        let Some(own) = self.node(to).and_then(|n| seal::Directory::cards(&n.book(), &me)) else { return Ok(()) };
        let receipt = match Receipt::read(bytes, &own) {
            Ok((receipt, _)) => receipt,
            // A parcel that comes again earns the receipt that it had, whatever became of its card: its sender loads what is due anew.
            Err(SealFault::CardRevoked { .. }) if !fresh => return Ok(()),
            Err(e) => return Err(Violation::new("receipt-holds", format!("{}: {e}", NAMES[to]))),
        };
        let Some(store) = self.stations[to].store() else { return Ok(()) };
        if let Some(what) = not_held(store, bytes) {
            return Err(Violation::new("no-receipt-before-durability", format!("{}: act {what} is not in its ledger", NAMES[to])));
        }
        let mut held = Vec::new();
        let chunks = self.chunk_names();
        for entry in &receipt.entries {
            let Held::Held { at } = entry.held else { continue };
            self.book.told_chunks[to].extend(chunks.get(entry.act.as_ref()));
            match store.act(&entry.act) {
                Ok(Some(act)) => held.push((entry.act, act.dossier, at)),
                Ok(None) if carried.contains(&entry.act) => {
                    let what = format!("{} gave a receipt for act {} that it does not hold", NAMES[to], entry.act.short());
                    return Err(Violation::new("no-receipt-before-durability", what));
                }
                _ => {}
            }
        }
        for (act, dossier, at) in held {
            self.book.told[to].insert(act, dossier);
            let first = *self.book.held_at.entry((to, act)).or_insert(at);
            if first != at {
                let what = format!("{} dates its receipt of act {} {first} and then {at}: a clock that runs from receipt starts twice", NAMES[to], act.short());
                return Err(Violation::new("clocks-fire-once", what));
            }
        }
        Ok(())
    }

    /// A lie arrived: it must have been found and named.
    ///
    /// `logged` tells whether all that was staged beside it was stored, its line for the log too.
    pub(crate) fn lie_met(
        &mut self,
        to: usize,
        flight: &Flight,
        lie: &Lie,
        receipt: Option<&[u8]>,
        code: Option<&'static str>,
        logged: bool,
    ) -> Result<(), Violation> {
        let codes = receipt.map(refused_in).unwrap_or_default();
        if receipt.is_some() && !matches!(lie.expect, Expect::Refused(_)) {
            self.lies.landed.push((to, flight.number, self.stations[flight.from].starts));
        }
        // What could not be logged is found when the liar tries again; a clock that is off by more than the rules allow refuses everything; a disk that fails answers nothing.
        if !logged {
            return Ok(());
        }
        // What was dated ahead when it left may not be so any more when it comes, nor by a clock that is wrong.
        let late = lie.kind == Fault::Ahead && (self.stations[to].off != 0 || self.time > flight.ready.plus_ms(12 * 3_600_000));
        let off = code == Some("peer.parcel.clock") || (codes.iter().any(|c| c == "peer.act.clock-ahead") && lie.kind != Fault::Ahead);
        // Who was put back and has not heard this partner yet does not know what it cosigned, and says so.
        let forgotten = lie.kind == Fault::Rewritten && self.book.put_back.times.contains_key(&to) && codes.iter().any(|c| c == "refusal.fence.awaited");
        // Whoever has heard since that the liar's ledger was put back went back with it: that is an incident, and the next line is a new one.
        let forgotten = forgotten || (lie.kind == Fault::Rewritten && self.has_named(to, flight.from, &["peer.ledger.restored"])?);
        if off || forgotten || (receipt.is_none() && code.is_none_or(|c| c.starts_with("failure."))) || late {
            return Ok(());
        }
        let missed =
            |what: String| Err(Violation::new("every-lie-is-named", format!("{} from {} to {}: {what}", lie.kind.name(), NAMES[flight.from], NAMES[to])));
        match &lie.expect {
            Expect::Refused(begins) => match code {
                Some(c) if c.starts_with(begins) => drop(self.book.named.insert((to, "refused-input", c.to_owned()))),
                _ => return missed(format!("expected {begins}, got {code:?} {codes:?}")),
            },
            Expect::Piece(begins) | Expect::Incident(begins) => match codes.iter().find(|c| c.starts_with(begins)) {
                Some(c) => {
                    let kind = if matches!(lie.expect, Expect::Incident(_)) { "incident" } else { "refused-input" };
                    self.book.named.insert((to, kind, c.clone()));
                }
                None => return missed(format!("expected {begins}, got {code:?} {codes:?}")),
            },
            Expect::Void(act, begins) => drop(self.book.void.insert(*act, begins)),
            Expect::Receipt(_) | Expect::Nothing => {}
        }
        Ok(())
    }

    /// A false receipt arrived: its sender's node must have refused it.
    pub(crate) fn false_receipt_met(&mut self, i: usize, back: &Back, taken: &Result<bool, &'static str>) -> Result<(), Violation> {
        let Some(Lie { expect: Expect::Receipt(begins), .. }) = &back.lie else { return Ok(()) };
        match taken {
            Err(code) if code.starts_with(begins) => {
                self.book.named.insert((i, "refused-input", (*code).to_owned()));
                Ok(())
            }
            // Nobody awaits it any more, or the disk failed.
            Ok(false) => Ok(()),
            Err(code) if code.starts_with("failure.") => Ok(()),
            other => Err(Violation::new("every-lie-is-named", format!("{} took a false receipt of {}: {other:?}", NAMES[i], NAMES[back.to]))),
        }
    }

    /// The end: faults cease, everything is carried, and everything must hold.
    pub fn end(&mut self) -> Result<(), Violation> {
        self.calm()?;
        let mut m = Moment { kind: crate::plan::Kind::Wait, faults: &[], rng: crate::rng::Rng::new(1) };
        for _ in 0..2 {
            self.rest(&mut m)?;
            self.carry_in_the_end(&mut m)?;
            self.time = self.time.plus_ms(16 * 60_000);
            for i in 0..self.stations.len() {
                let done = self.work(i, &mut m, |node, now| node.checkpoint(now).map(drop))?;
                if let Some((Err(e), _)) = done {
                    return Err(Violation::new("stays-sound", format!("{}: no checkpoint: {e}", self.stations[i].name())));
                }
            }
        }
        self.rest(&mut m)?;
        self.exhibits_in_the_end(&mut m)?;
        for i in 0..self.stations.len() {
            self.sound_in_the_end(i)?;
        }
        let dossiers = self.dossiers();
        for (dossier, parties) in &dossiers {
            self.folded_alike(dossier, parties)?;
        }
        self.lies_in_the_end(&dossiers)?;
        self.put_back_in_the_end()?;
        // What the disk and the ledger alone say is what memory said.
        for i in self.honest() {
            let before = self.digests(i, &dossiers);
            self.start(i)?;
            if self.digests(i, &dossiers) != before {
                return Err(Violation::new("restart-folds-alike", format!("{} folds otherwise after a restart", NAMES[i])));
            }
            let now = self.now(i);
            let node = self.node(i).expect("it was started");
            node.rebuild(now, &mut |_, _| ()).map_err(|e| Violation::new("rebuild-folds-alike", format!("{}: {e}", NAMES[i])))?;
            if self.digests(i, &dossiers) != before {
                return Err(Violation::new("rebuild-folds-alike", format!("{} folds otherwise after working everything out anew", NAMES[i])));
            }
        }
        Ok(())
    }

    fn digests(&mut self, i: usize, dossiers: &BTreeMap<DossierId, Vec<usize>>) -> Vec<Option<Digest>> {
        dossiers.keys().map(|d| self.view(i, d).map(|v| v.digest)).collect()
    }

    fn view(&mut self, i: usize, dossier: &DossierId) -> Option<DossierView> {
        let now = self.now(i);
        self.node(i)?.view(dossier, &crate::station::ROLES, now).ok()
    }

    /// One service in the end.
    fn sound_in_the_end(&mut self, i: usize) -> Result<(), Violation> {
        self.after_restart(i)?;
        if self.stations[i].disk.contains(CANARY.as_bytes()) {
            return Err(Violation::new("nothing-readable", format!("an officer's words stand open on the disk of {}", NAMES[i])));
        }
        if !self.is_honest(i) {
            return Ok(());
        }
        let store = self.stations[i].store().expect("it runs");
        let io = |e: store::StoreError| Violation::new("stays-sound", e.to_string());
        // Nothing is due to an honest partner.
        for depth in store.outbox_depth().map_err(io)? {
            if let Some(to) = self.place(&depth.recipient).filter(|to| self.is_honest(*to)) {
                return Err(Violation::new("everything-arrives", format!("{} still has {} things for {}", NAMES[i], depth.count, NAMES[to])));
            }
        }
        // Nobody honest is accused.
        for line in self.logged(i, "incident")? {
            let accused = ["author", "service"].iter().find_map(|k| line[*k].as_str()).and_then(|s| s.parse().ok()).and_then(|s| self.place(&s));
            let was_put_back = |a: usize| self.book.put_back.times.contains_key(&a);
            let fits = match line["code"].as_str().unwrap_or_default() {
                // What a service that was put back says of itself.
                "peer.ledger.restored" => accused.is_some_and(|a| was_put_back(a) || !self.is_true(a)),
                "peer.card.revoked" => accused.is_some_and(|a| self.book.rekeyed.contains(&a)),
                // What it finds out about itself.
                "failure.fence.older" | "peer.act.in-our-name" | "failure.ledger.not-ours" => self.book.put_back.silent == Some(i),
                // A declaration of its own that is not in its ledger: of another machine, or of the line before that this older copy has forgotten.
                "failure.fence.twin" if self.book.put_back.silent == Some(i) && self.book.put_back.times.get(&i).is_some_and(|n| *n > 1) => true,
                _ => accused.is_some_and(|a| !self.is_true(a)),
            };
            if !fits {
                return Err(Violation::new("nobody-honest-is-accused", format!("{} has the incident {line}", NAMES[i])));
            }
        }
        for line in self.logged(i, "refused-input")? {
            let from = line["from"].as_str().and_then(|s| s.parse().ok()).and_then(|s| self.place(&s));
            let code = line["code"].as_str().unwrap_or_default();
            let of_the_moment = ["peer.parcel.clock", "peer.act.clock-ahead", "refusal.checkpoint.start", "refusal.node.absent"];
            // What was under way under a card that is revoked, that a partner does not know yet, or that is over by a clock that was ahead.
            let of_keys = ["peer.seal.card-revoked", "peer.seal.card-retired", "peer.seal.unknown-card"].contains(&code) && !self.book.rekeyed.is_empty();
            // What a partner rightly shows of ourselves is no refused input of its: it is an incident, and judged above.
            // Content that is gone is nobody's fault where this service was put back since it had it.
            let withheld = code == "refusal.act.without-content" && !self.book.put_back.times.contains_key(&i);
            let accuses = code.starts_with("peer.") || code == "failure.ledger.not-ours" || withheld;
            // A receipt for what the line that is lost had sent under the same number: the text says that our data may be an older copy.
            let of_an_older_copy = code == "peer.receipt.other" && self.book.put_back.silent == Some(i);
            if accuses && !of_the_moment.contains(&code) && !of_keys && !of_an_older_copy && from.is_none_or(|f| self.is_true(f)) {
                return Err(Violation::new("nobody-honest-is-accused", format!("{} refused {line}", NAMES[i])));
            }
        }
        // What had to be named is named.
        for (_, kind, code) in self.book.named.iter().filter(|n| n.0 == i) {
            let lines = self.logged(i, kind)?;
            // What one partner sends in vain is written down so many times in an hour, and the last line says so.
            if !lines.iter().any(|l| l["code"] == **code || l["rest_of_the_hour"].is_string()) {
                return Err(Violation::new("every-lie-is-named", format!("the log of {} does not name {code}", NAMES[i])));
            }
        }
        Ok(())
    }

    /// Reads the lines of a kind in a service's log.
    pub(crate) fn logged(&self, i: usize, kind: &str) -> Result<Vec<serde_json::Value>, Violation> {
        let Some(store) = self.stations[i].store() else { return Ok(Vec::new()) };
        let lines = store.log(Some(kind), None, usize::MAX >> 1).map_err(|e| Violation::new("stays-sound", e.to_string()))?;
        Ok(lines.iter().filter_map(|l| serde_json::from_slice(&l.data).ok()).collect())
    }

    /// One dossier in the end: all honest parties hold the same acts with the same verdicts and fold the same state.
    fn folded_alike(&mut self, dossier: &DossierId, parties: &[usize]) -> Result<(), Violation> {
        let honest: Vec<usize> = parties.iter().copied().filter(|p| self.is_honest(*p)).collect();
        let forks = self.forks(dossier, &honest)?;
        let mut first: Option<InTheEnd> = None;
        for i in honest {
            if self.cannot_know(i, dossier, parties) {
                continue;
            }
            let store = self.stations[i].store().expect("it runs");
            let acts = store.acts_of(dossier).map_err(|e| Violation::new("stays-sound", e.to_string()))?;
            let author_is_honest = |a: &store::Act| self.place(&a.author).is_some_and(|p| self.is_true(p));
            // Two acts of an honest author under one number, or a gap in its chain, are its node's fault.
            let in_vain = self.waits_in_vain(&acts);
            for author in acts.iter().filter(|a| author_is_honest(a)).map(|a| a.author).collect::<BTreeSet<_>>() {
                let numbers: Vec<u64> = acts.iter().filter(|a| a.author == author).map(|a| a.seq).collect();
                let whole: Vec<u64> = acts.iter().filter(|a| a.author == author && !in_vain.contains(&a.id)).map(|a| a.seq).collect();
                let doubled = numbers.windows(2).any(|n| n[0] == n[1]);
                if doubled || whole != (1..=whole.len() as u64).collect::<Vec<_>>() {
                    let what = format!("{} holds the acts {numbers:?} of {} in {}", NAMES[i], NAMES[self.place(&author).unwrap_or(0)], dossier.short());
                    return Err(Violation::new("nothing-is-doubled", what));
                }
            }
            if let Some(a) = acts.iter().find(|a| author_is_honest(a) && matches!(a.verdict, Verdict::Void(_))) {
                return Err(Violation::new("honest-acts-count", format!("{} holds act {} of an honest author as {}", NAMES[i], a.id.short(), a.verdict)));
            }
            if let Some(a) = acts.iter().find(|a| author_is_honest(a) && a.verdict == Verdict::Waiting && !in_vain.contains(&a.id)) {
                return Err(Violation::new("nothing-waits", format!("at {} act {} of {} still waits", NAMES[i], a.id.short(), dossier.short())));
            }
            // From where an author's chain forks on, its acts are evidence and fold to nothing; not everybody holds every one. What waits
            // in vain folds to nothing either, and nobody asks for it.
            let counts = |a: &&store::Act| forks.get(&a.author).is_none_or(|seq| a.seq < *seq) && !in_vain.contains(&a.id);
            let mut filed: Vec<(ActId, String)> = acts.iter().filter(counts).map(|a| (a.id, a.verdict.to_string())).collect();
            filed.sort();
            let digest = self.view(i, dossier).map(|v| v.digest);
            match &first {
                None => first = Some((i, filed, digest)),
                Some((other, acts, d)) => {
                    if *acts != filed {
                        let differ: Vec<String> = acts
                            .iter()
                            .filter(|a| !filed.contains(a))
                            .chain(filed.iter().filter(|a| !acts.contains(a)))
                            .map(|(a, v)| format!("{} {v}: {}", a.short(), self.held_as(a)))
                            .collect();
                        let what = format!("{} and {} hold different acts of {}: {}", NAMES[*other], NAMES[i], dossier.short(), differ.join(", "));
                        return Err(Violation::new("honest-parties-fold-alike", what));
                    }
                    if *d != digest {
                        return Err(Violation::new(
                            "honest-parties-fold-alike",
                            format!("{} and {} fold {} differently", NAMES[*other], NAMES[i], dossier.short()),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the first number at which an author's chain forks, by author, as the honest disks together show it.
    pub(crate) fn forks(&self, dossier: &DossierId, honest: &[usize]) -> Result<BTreeMap<ServiceId, u64>, Violation> {
        let mut seen: BTreeMap<(ServiceId, u64), BTreeSet<ActId>> = BTreeMap::new();
        for i in honest {
            let acts = self.stations[*i].store().expect("it runs").acts_of(dossier).map_err(|e| Violation::new("stays-sound", e.to_string()))?;
            for a in acts {
                seen.entry((a.author, a.seq)).or_default().insert(a.id);
            }
        }
        let mut forks = BTreeMap::new();
        for ((author, seq), _) in seen.into_iter().filter(|(_, acts)| acts.len() > 1) {
            forks.entry(author).or_insert(seq);
        }
        Ok(forks)
    }

    /// Lies that show only in what is held: two tongues, and acts that must be void.
    fn lies_in_the_end(&mut self, dossiers: &BTreeMap<DossierId, Vec<usize>>) -> Result<(), Violation> {
        let Some(liar) = self.liar.or(self.book.put_back.silent).map(|l| self.id(l)) else { return Ok(()) };
        for (dossier, parties) in dossiers {
            let honest: Vec<usize> = parties.iter().copied().filter(|p| self.is_honest(*p)).collect();
            for i in &honest {
                for a in self.stations[*i].store().expect("it runs").acts_of(dossier).map_err(|e| Violation::new("stays-sound", e.to_string()))? {
                    if let Some(begins) = self.book.void.get(&a.id)
                        && !matches!(&a.verdict, Verdict::Void(code) if code.starts_with(begins))
                    {
                        let what = format!("{} holds act {} as {}, which must be void by {begins}", NAMES[*i], a.id.short(), a.verdict);
                        return Err(Violation::new("every-lie-is-named", what));
                    }
                }
            }
            if !self.forks(dossier, &honest)?.contains_key(&liar) {
                continue;
            }
            // A copy that nobody declared cannot see its own two tongues before somebody shows them to it.
            for i in honest.into_iter().filter(|i| self.book.put_back.silent != Some(*i)) {
                let incidents = self.stations[i].store().expect("it runs").log(Some("incident"), None, usize::MAX >> 1).unwrap_or_default();
                let named = incidents
                    .iter()
                    .filter_map(|l| serde_json::from_slice::<serde_json::Value>(&l.data).ok())
                    .any(|l| l["code"] == "peer.act.equivocation" && l["dossier"] == dossier.to_string() && l["author"] == liar.to_string());
                if !named {
                    return Err(Violation::new("every-lie-is-named", format!("{} does not name the two tongues in {}", NAMES[i], dossier.short())));
                }
            }
        }
        Ok(())
    }
}
