//! The plan: what happens in a run, drawn from its seed before it begins.
//!
//! Each step carries its own number, from which everything within it is drawn. So a step that is left out changes nothing in
//! the others but what it would have caused, and a plan can be made shorter while it still fails.

use crate::rng::Rng;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }
        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// Returns its name, as reports and plans write it.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }
            /// Finds one by its name.
            pub fn named(name: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|x| x.name() == name)
            }
        }
    };
}

named! {
    /// What one node does in a step.
    Kind {
        /// An officer proposes a dossier.
        Open = "open",
        /// An officer moves a stance or opens an item.
        Act = "act",
        /// The second officer approves what waits, or dismisses it.
        Approve = "approve",
        /// The courier takes out what is due to a partner.
        Load = "load",
        /// Parcels arrive and are answered.
        Deliver = "deliver",
        /// Answers arrive at the sender.
        Answer = "answer",
        /// The node asks its partners to cosign its ledger.
        Checkpoint = "checkpoint",
        /// The node erases what may no longer be kept.
        Sweep = "sweep",
        /// The node works its projections out anew.
        Rebuild = "rebuild",
        /// The program stops and starts.
        Restart = "restart",
        /// A copy of the disk is set aside.
        Backup = "backup",
        /// An officer adds a file, to be named in an act.
        Add = "add",
        /// What is due to a partner is written into a file.
        Export = "export",
        /// A file that somebody brought is taken.
        Import = "import",
        /// Time passes; what was refused for the moment goes again.
        Wait = "wait",
        /// The lying partner lies.
        Lie = "lie",
    }
}

named! {
    /// What goes wrong.
    Fault {
        /// A parcel is lost.
        Lose = "parcel lost",
        /// An answer is lost.
        LoseAnswer = "answer lost",
        /// A parcel comes twice.
        Duplicate = "parcel twice",
        /// Something comes before what was sent before it.
        Reorder = "out of order",
        /// A parcel comes late.
        Delay = "delayed",
        /// The services are parted into two sides.
        Cut = "partition",
        /// A line is cut in one direction.
        HalfCut = "one-way cut",
        /// A write fails.
        WriteFails = "write fails",
        /// The disk is full.
        DiskFull = "disk full",
        /// A sync fails, and what it should have kept is lost with the next crash.
        SyncFails = "sync fails",
        /// A read fails.
        ReadFails = "read fails",
        /// The power goes in the middle of a write, which is torn.
        CrashInWrite = "crash in write",
        /// The power goes at a sync.
        CrashAtSync = "crash at sync",
        /// The program is killed before it stores what it did.
        KilledBefore = "killed before commit",
        /// The program is killed after it stored and before it told anybody.
        KilledAfter = "killed after commit",
        /// The clock is off by minutes.
        Skew = "clock skewed",
        /// The clock jumps ahead by hours or days.
        ClockAhead = "clock jumps ahead",
        /// The clock jumps back by hours or days.
        ClockBack = "clock jumps back",
        /// The disk is lost, and a backup is put in its place and declared.
        Restored = "backup restored",
        /// An older copy is put in the disk's place, and nobody says so.
        OlderCopy = "silent older copy",
        /// The service takes a new card with new keys.
        Rotated = "new card",
        /// The service revokes the card that acts.
        Revoked = "card revoked",
        /// A carry file never arrives.
        FileLost = "file lost",
        /// A carry file is kept, and brought once more later.
        FileTwice = "file twice",
        /// A carry file is cut off at any byte.
        FileTorn = "file torn",
        /// A carry file comes before one that was written before it.
        FileOrder = "file out of order",
        /// Nobody says that a file is written: the next one holds the same again.
        Unconfirmed = "file not confirmed",
        /// Two acts under one number.
        Equivocate = "lie: two tongues",
        /// Another parcel under a number that was used.
        Reuse = "lie: number reused",
        /// Bytes that are no parcel, content that is none, pieces that are none.
        Garble = "lie: malformed",
        /// Another service's parcel under one's own name.
        Courier = "lie: stolen parcel",
        /// An act in another's name.
        Signer = "lie: forged author",
        /// A mark that is false.
        SeenFalse = "lie: false mark",
        /// Less seen than before.
        SeenRegress = "lie: unseen again",
        /// An act dated before the one before.
        TimeBack = "lie: back-dated",
        /// An act dated ahead.
        Ahead = "lie: dated ahead",
        /// An act that the mechanism does not have.
        Lawless = "lie: lawless act",
        /// An act without its content.
        Stripped = "lie: no content",
        /// An act with other content.
        OtherBody = "lie: other content",
        /// An act in a dossier of others.
        NotParty = "lie: not a party",
        /// A wish for acts of a dossier of others.
        WantForeign = "lie: asks for others' acts",
        /// A ledger that was rewritten.
        Rewritten = "lie: rewritten ledger",
        /// A chunk of an exhibit with a byte changed.
        OtherChunk = "lie: altered chunk",
        /// A receipt for another parcel, or none at all.
        OtherReceipt = "lie: false receipt",
        /// Many acts of dossiers that do not exist, many wishes.
        Flood = "lie: flood",
    }
}

impl Fault {
    /// Tells whether the lying partner does it.
    pub fn is_lie(self) -> bool {
        self.name().starts_with("lie:")
    }

    /// Tells whether it can strike in a step of a kind.
    pub fn can_strike(self, kind: Kind) -> bool {
        use Fault::*;
        use Kind as K;
        match self {
            Lose | Duplicate | Delay => kind == K::Deliver,
            LoseAnswer => kind == K::Answer,
            Reorder => matches!(kind, K::Deliver | K::Answer),
            Cut | HalfCut => matches!(kind, K::Deliver | K::Answer),
            FileLost | FileTwice | FileTorn | FileOrder => kind == K::Import,
            Unconfirmed => kind == K::Export,
            // A load only reads; a wait touches no disk; a copy is made beside the node.
            WriteFails | DiskFull | SyncFails | CrashInWrite | CrashAtSync => !matches!(kind, K::Load | K::Wait | K::Lie | K::Backup),
            KilledBefore | KilledAfter | ReadFails | Rotated | Revoked => !matches!(kind, K::Restart | K::Wait | K::Lie | K::Backup),
            Restored | OlderCopy => !matches!(kind, K::Wait | K::Lie | K::Backup),
            Skew | ClockAhead | ClockBack => !matches!(kind, K::Wait | K::Lie),
            OtherReceipt => matches!(kind, K::Answer | K::Import),
            _ => kind == K::Deliver,
        }
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub kind: Kind,
    /// From which all within the step is drawn.
    pub draw: u64,
    /// What goes wrong in it, if it comes to it.
    pub faults: Vec<Fault>,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Services.
    pub stations: usize,
    /// Whether the last service lies.
    pub liar: bool,
    /// The steps.
    pub steps: Vec<Step>,
}

/// How often what is done.
const WEIGHTS: &[(Kind, usize)] = &[
    (Kind::Open, 6),
    (Kind::Act, 24),
    (Kind::Approve, 9),
    (Kind::Load, 26),
    (Kind::Deliver, 26),
    (Kind::Answer, 18),
    (Kind::Checkpoint, 3),
    (Kind::Sweep, 3),
    (Kind::Rebuild, 2),
    (Kind::Restart, 3),
    (Kind::Backup, 3),
    (Kind::Add, 4),
    (Kind::Export, 5),
    (Kind::Import, 5),
    (Kind::Wait, 4),
    (Kind::Lie, 6),
];

impl Plan {
    /// Draws a plan from a seed.
    pub fn draw(seed: u64, steps: usize) -> Plan {
        let mut rng = Rng::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x656e_7465_6e74_6521);
        let stations = [3, 3, 3, 4, 4, 5][rng.below(6)];
        let liar = rng.chance(3, 5);
        // Some runs are calm, so that much gets done; some are stormy.
        let fault_of_ten = [3, 5, 6, 7, 8][rng.below(5)];
        let sum: usize = WEIGHTS.iter().map(|w| w.1).sum();
        let kind = |rng: &mut Rng| {
            let mut at = rng.below(sum);
            for (kind, weight) in WEIGHTS {
                if at < *weight {
                    return *kind;
                }
                at -= weight;
            }
            Kind::Deliver
        };
        let lies: Vec<Fault> = Fault::ALL.iter().copied().filter(|f| f.is_lie()).collect();
        let steps = (0..steps).map(|n| {
            // There is little to do before some dossiers are open.
            let early = if n < 60 { rng.below(5) } else { 9 };
            let kind = match (early, kind(&mut rng)) {
                (0, _) => Kind::Open,
                (1, _) => Kind::Approve,
                (_, Kind::Lie) if !liar => Kind::Deliver,
                (_, kind) => kind,
            };
            let mut faults = Vec::new();
            match kind {
                Kind::Lie => faults.extend(rng.pick(&lies).copied()),
                Kind::Wait => {
                    if rng.chance(fault_of_ten, 10) {
                        faults.push(if rng.chance(1, 2) { Fault::Cut } else { Fault::HalfCut });
                    }
                }
                _ => {
                    let fitting: Vec<Fault> =
                        Fault::ALL.iter().copied().filter(|f| !f.is_lie() && !matches!(f, Fault::Cut | Fault::HalfCut) && f.can_strike(kind)).collect();
                    let n = [1, 1, 1, 2][rng.below(4)];
                    if rng.chance(fault_of_ten, 10) {
                        (0..n).for_each(|_| faults.extend(rng.pick(&fitting).copied()));
                    }
                }
            }
            faults.sort();
            faults.dedup();
            Step { kind, draw: rng.draw(), faults }
        });
        let steps = steps.collect();
        Plan { seed, stations, liar, steps }
    }

    /// Writes the plan as text, one step a line.
    pub fn as_text(&self) -> String {
        let mut out = format!("seed {} stations {} liar {}\n", self.seed, self.stations, self.liar);
        for s in &self.steps {
            let faults: Vec<&str> = s.faults.iter().map(|f| f.name()).collect();
            out += &format!("{:<10} {:016x} {}\n", s.kind.name(), s.draw, faults.join(", "));
        }
        out
    }

    /// Reads what `as_text` wrote.
    pub fn from_text(text: &str) -> Option<Plan> {
        let mut lines = text.lines();
        let head: Vec<&str> = lines.next()?.split_whitespace().collect();
        let ["seed", seed, "stations", stations, "liar", liar] = head[..] else { return None };
        let step = |line: &str| {
            let (kind, rest) = line.split_once(char::is_whitespace)?;
            let (draw, faults) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
            let faults = faults.split(", ").map(str::trim).filter(|f| !f.is_empty()).map(Fault::named).collect::<Option<_>>()?;
            Some(Step { kind: Kind::named(kind)?, draw: u64::from_str_radix(draw, 16).ok()?, faults })
        };
        let steps = lines.filter(|l| !l.trim().is_empty()).map(step).collect::<Option<_>>()?;
        Some(Plan { seed: seed.parse().ok()?, stations: stations.parse().ok()?, liar: liar.parse().ok()?, steps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        assert_eq!(Plan::draw(7, 50), Plan::draw(7, 50));
        assert_ne!(Plan::draw(7, 50).steps, Plan::draw(8, 50).steps);
    }

    #[test]
    fn a_plan_comes_back_from_its_text() {
        let plan = Plan::draw(3, 200);
        assert_eq!(Plan::from_text(&plan.as_text()), Some(plan));
    }

    #[test]
    fn a_plan_attaches_only_what_can_strike() {
        let fits = |s: &Step| s.faults.iter().all(|f| matches!(s.kind, Kind::Lie | Kind::Wait) || f.can_strike(s.kind));
        assert!((0..50).all(|seed| Plan::draw(seed, 100).steps.iter().all(fits)));
    }
}
