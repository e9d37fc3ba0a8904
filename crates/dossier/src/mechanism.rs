//! A mechanism: a protocol of cooperation as data, read from a TOML file and named by the digest of its bytes.
//!
//! `reading` takes a file apart and sees that it is whole. Whether the protocol makes sense (one phase for
//! every combination, no dead end) is proved by `check`; a node takes no mechanism that fails either.

use crate::field::Field;
use crate::rule::Rule;
use crate::voice::Voice;
use base::{Labels, Length, MechanismId};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes that a mechanism file may have.
pub const MECHANISM_BYTES_MAX: usize = 512 * 1024;
/// Levels of one kind that may stand within one another.
pub const NESTS_MAX: usize = 8;
/// Voices above it that a kind of item may ask for.
pub const VOICES_MAX: usize = 6;
/// Ways in which a party may stand on the items above one, as far as voices tell: what the proof goes over for each party.
pub const VOICE_WAYS_MAX: usize = 1_000;

/// A mechanism file cannot be used; its author's doing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MechanismFault {
    /// The file is too large.
    #[error("a mechanism file has at most 512 KiB")]
    TooLarge,
    /// The file is not TOML of the right shape.
    #[error("the file is not a mechanism: {0}")]
    Shape(String),
    /// A name, label, rule or field does not fit.
    #[error("{place}: {why}")]
    Content {
        /// Where in the file.
        place: String,
        /// What is wrong.
        why: String,
    },
}

impl MechanismFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            MechanismFault::TooLarge => "refusal.mechanism.too-large",
            MechanismFault::Shape(_) => "refusal.mechanism.shape",
            MechanismFault::Content { .. } => "refusal.mechanism.content",
        }
    }
}

/// What an officer may be within a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum OfficerRole {
    /// Works on cases.
    #[n(0)]
    Officer,
    /// Runs the liaison desk.
    #[n(1)]
    Desk,
    /// Answers for officers and desk.
    #[n(2)]
    Supervisor,
    /// Decides where the law wants a competent authority: prosecutor, judge, director.
    #[n(3)]
    CompetentAuthority,
    /// Watches over data protection.
    #[n(4)]
    DataProtection,
    /// Runs the node.
    #[n(5)]
    Administrator,
}

/// A mechanism, checked for form.
#[derive(Debug)]
pub struct Mechanism {
    /// The digest of the file's bytes.
    pub hash: MechanismId,
    /// Its name.
    pub id: String,
    /// Its version, for people.
    pub version: u32,
    /// Its label.
    pub label: Labels,
    /// What it is for, in a sentence.
    pub about: Labels,
    /// Roles of parties.
    pub roles: Vec<Role>,
    /// Item kinds; the first is the root.
    pub items: Vec<ItemKind>,
    /// Days that a dossier is kept after its end unless the accord says otherwise.
    pub retention_days: u32,
    /// Views that the desk should offer.
    pub views: Vec<String>,
    pub(crate) bytes: Vec<u8>,
}

/// A role that parties hold in a dossier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub id: String,
    /// Its label.
    pub label: Labels,
    /// The fewest parties.
    pub min: usize,
    /// The most parties.
    pub max: usize,
    /// Whether the order of its parties in the opening means something, as on a route.
    #[serde(default)]
    pub ordered: bool,
}

/// A kind of item.
#[derive(Debug)]
pub struct ItemKind {
    /// Its name.
    pub id: String,
    /// Its label.
    pub label: Labels,
    /// The kind within which it is opened; none for the root.
    pub parent: Option<String>,
    /// Roles that may open it.
    pub opened_by: Vec<String>,
    /// Officer roles that may open it.
    pub officer: Vec<OfficerRole>,
    /// Officer roles of which a second one must approve; none where one officer is enough.
    pub four_eyes: Vec<OfficerRole>,
    /// Phases of the parent, of the whole or of the opening party, in which it may be opened; any where empty.
    pub open_in: Vec<String>,
    /// Whether it may be opened and moved after its parent has ended.
    pub outlives: bool,
    /// How many of it each party may open within one parent; a limit on all parties together could be crossed unseen.
    pub most_each: Option<usize>,
    /// The voice above that who opens it must have; roles that the voice does not name open freely.
    pub only: Option<String>,
    /// How many levels of it may stand within an item of the same kind; 0 where none may.
    pub nests: usize,
    /// What must never come about.
    pub nevers: Vec<Never>,
    /// The form that opens it.
    pub fields: Vec<Field>,
    /// Stances by role; an item without stances is a fact.
    pub stances: Vec<Stance>,
    /// Voices that kinds within this one may ask for.
    pub voices: Vec<Voice>,
    /// Moves.
    pub moves: Vec<Move>,
    /// Phases.
    pub phases: Vec<Phase>,
    /// Clocks.
    pub clocks: Vec<Clock>,
}

/// The stance that each party of a role holds on an item.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stance {
    /// The role.
    pub role: String,
    /// The state in which it begins.
    pub initial: String,
    /// The state in which the opener's own begins, where that differs.
    pub opener_initial: Option<String>,
    /// Whether only the item's opener holds it.
    #[serde(default)]
    pub opener_only: bool,
    /// Its states.
    #[serde(rename = "state")]
    pub states: Vec<StanceState>,
}

/// A state of a stance.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StanceState {
    /// Its name.
    pub id: String,
    /// Its label.
    pub label: Labels,
}

/// What a move says of the content of its item's exhibits at its author's node. The node keeps to it; partners cannot see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Custody {
    /// The content is here, whole and checked: the node signs nothing else.
    Takes,
    /// The content is not kept here any longer: the node erases it with the act.
    Erases,
}

/// A change of one's own stance.
#[derive(Debug)]
pub struct Move {
    /// Its name.
    pub id: String,
    /// Its label, an imperative for the officer.
    pub label: Labels,
    /// The role whose stance it changes.
    pub role: String,
    /// States from which it can be made.
    pub from: Vec<String>,
    /// The state that it leads to; the same as before for a move that only says something.
    pub to: String,
    /// Officer roles that may make it.
    pub officer: Vec<OfficerRole>,
    /// Officer roles of which a second one must approve.
    pub four_eyes: Vec<OfficerRole>,
    /// Whether the officer must prove presence again.
    pub step_up: bool,
    /// What must hold besides, all of it.
    pub guards: Vec<Rule>,
    /// The voice above that the party must have.
    pub only: Option<String>,
    /// What to tell an officer for whom a guard does not hold.
    pub why_not: Option<Labels>,
    /// What it says of the content of the item's exhibits.
    pub custody: Option<Custody>,
    /// Its form.
    pub fields: Vec<Field>,
}

/// A combination of stances that the checker proves cannot come about.
#[derive(Debug)]
pub struct Never {
    /// Its name.
    pub id: String,
    /// Its label: what cannot happen.
    pub label: Labels,
    /// The rule that would read true if it did.
    pub rule: Rule,
}

/// A phase: what the stances taken together mean.
#[derive(Debug)]
pub struct Phase {
    /// Its name.
    pub id: String,
    /// Its label.
    pub label: Labels,
    /// The rule that reads true exactly when the phase holds.
    pub rule: Rule,
    /// Whether the item ends with it.
    pub ends: bool,
    /// The role of which each party has this phase for itself; none for the phase of the whole.
    pub per: Option<String>,
}

/// From when a clock counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// From the act that began the phase.
    Act,
    /// From the moment the answering party received that act, by its signed receipt.
    Receipt,
}

/// A deadline and who answers for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Its name within the item kind.
    pub id: String,
    /// Its label.
    pub label: Labels,
    /// Phases in which it runs; all of the whole or all of one role.
    pub runs_in: Vec<String>,
    /// Phases in which it stands still.
    #[serde(default)]
    pub paused_in: Vec<String>,
    /// From when it counts.
    pub start: Start,
    /// The role that answers for it; or a voice, of this kind or above it, whose parties answer as long as they have it.
    pub answers: String,
    /// A party field of the item; of that role, only the party that it names answers.
    pub answers_field: Option<String>,
    /// Its length unless the accord says otherwise.
    pub length: Option<Length>,
    /// A date or instant field of the item until which it runs instead.
    pub until_field: Option<String>,
    /// Items within this one that put its end off.
    pub extended_by: Option<Extension>,
    /// A choice field of the item whose code decides the length.
    pub by_field: Option<String>,
    /// Lengths by that field's code.
    #[serde(default)]
    pub lengths: BTreeMap<String, Length>,
    /// What follows when it runs out.
    pub follows: Labels,
}

/// Items within an item that put the end of one of its clocks off: the latest date that one of them names in some phase.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// The kind of those items.
    pub item: String,
    /// The phase in which they count.
    pub phase: String,
    /// Their date or instant field.
    pub field: String,
}

impl Mechanism {
    /// Returns the file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the kind of the root item.
    pub fn root(&self) -> &ItemKind {
        &self.items[0]
    }

    /// Finds an item kind.
    pub fn kind(&self, id: &str) -> Option<&ItemKind> {
        self.items.iter().find(|k| k.id == id)
    }

    /// Finds a role.
    pub fn role(&self, id: &str) -> Option<&Role> {
        self.roles.iter().find(|r| r.id == id)
    }

    /// Goes over the kinds that are opened within another.
    pub fn children<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a ItemKind> {
        self.items.iter().filter(move |k| k.parent.as_deref() == Some(parent))
    }
}

impl ItemKind {
    /// Goes over all rules of phases, guards and what must never be.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.phases.iter().map(|p| &p.rule).chain(self.moves.iter().flat_map(|m| &m.guards)).chain(self.nevers.iter().map(|n| &n.rule))
    }

    /// Finds the stance that a role holds.
    pub fn stance(&self, role: &str) -> Option<&Stance> {
        self.stances.iter().find(|s| s.role == role)
    }

    /// Finds a phase.
    pub fn phase(&self, id: &str) -> Option<&Phase> {
        self.phases.iter().find(|p| p.id == id)
    }

    /// Returns the phases of the whole, or those of one role.
    pub fn family(&self, per: Option<&str>) -> impl Iterator<Item = &Phase> {
        self.phases.iter().filter(move |p| p.per.as_deref() == per)
    }
}

impl Stance {
    /// Finds a state.
    pub fn state(&self, id: &str) -> Option<&StanceState> {
        self.states.iter().find(|s| s.id == id)
    }
}
