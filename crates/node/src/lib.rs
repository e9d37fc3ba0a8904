//! Floor 4: where flows meet. No HTTP, no socket; time and randomness are handed in.
//!
//! Inbound: parcel bytes -> `inbound::open` (size, signature, card, decryption, acts verified) -> `Node::receive` (guard,
//! ledger, receipt). Outbound: intent -> `Node::propose` (form, the same guard, signature, ledger and outbox) ->
//! `Node::load` (what is due) -> the courier. What is staged becomes true with `Node::commit`: one transaction for all of it.

mod across;
mod book;
mod cabinet;
mod card_view;
mod carry;
mod carry_exhibit;
mod chronicle;
mod clocks;
mod error;
mod exhibit;
mod exhibit_flow;
mod exhibit_view;
mod fence;
mod finding;
mod hits;
mod inbound;
mod intake;
mod intent;
mod lift;
mod log_view;
mod node;
mod officer;
mod outbound;
mod outgo;
mod overview;
mod own_keys;
mod piece;
mod press;
mod proof;
mod ranges;
mod rebuild;
mod recover;
mod refusals;
mod register;
mod retention;
mod revoked;
mod sealed;
mod served;
mod shelves;
mod succession;
mod suspend;
mod visits;
mod witness;

/// What a reading of the press hands back, handed on for the desk, which does not read the press itself.
pub use ::register::{EventDraft, Silent, TEXT_BYTES_MAX, TEXTS_MAX};
pub use book::Book;
pub use cabinet::{Drawer, PAPER_BYTES_MAX, PAPERS_MAX, Paper};
pub use card_view::{CardView, SPOKEN};
pub use carry::{CarryBegun, CarryNext, CarryOwed, CarryRoom, CarrySealed, CarrySettled, CarryView};
pub use chronicle::{AccordView, DeedView, Entry, Rehearsal};
pub use clocks::ClockReport;
pub use error::NodeError;
pub use exhibit_view::{ExhibitStanding, ExhibitView};
pub use fence::{Why, declare};
pub use hits::{
    ASK_PADDING, Aim, AskForm, AskView, Askable, Asked, AskedPerson, BATCH_PERSONS_MAX, BatchPerson, BatchView, Changed, EPOCH_DAYS, GrantLeft, HIT_MECHANISM,
    HIT_SIGNED_BYTES_MAX, HIT_SWEEP_STEP, HIT_TAG_BYTES, HIT_VERSION, HeldView, HitConfirmation, HitFault, HitList, HitQuestion, HitReference,
    INDEX_RECORDS_MAX, IndexDone, IndexJob, IndexRecord, IndexView, Justification, LOAD_REJECTS_MAX, LOADS_MAX, LoadNote, Met, Opening, PublishedView,
    QUESTION_ELEMENTS_MAX, RESULT_DAYS, SERVED_FOUND_MAX, SUITE, ServedView, Signing, Subject, SubjectFault, commitment, reference_aad,
};
pub use inbound::{ACT_AHEAD_MINUTES_MAX, Arrived, CARRY_DAYS_CEILING, PARCEL_SKEW_MINUTES_MAX, open, open_carried};
pub use intake::{CarryCount, CarryFaulty, CarryReport, Intake, IntakeDone, IntakeJob};
pub use intent::{Intent, Made, Pending, Unproved, proof_fault};
pub use lift::{FenceView, Lifted};
pub use log_view::{LOG_FOUND_MAX, LOG_SCAN_MAX, LogFilter, LogLineView, LogPage};
pub use node::{Committed, MOVED, Node, Settings, Ticket};
pub use officer::{Officer, READERS};
pub use outbound::{LOAD_BYTES_MAX, Load, PARCEL_BYTES_MAX, PIECES_MAX, Sent};
pub use outgo::{CarryRecord, Outgo, VOLUME_BYTES_MIN};
pub use overview::{Due, DueKind, Listed, PartnerView, Status};
pub use own_keys::{CARD_WARNING_MS, KeysView, OwnCard};
pub use piece::{Piece, chunk_name};
pub use press::{BY_HAND_TEXTS_MAX, NewText, PRESS_REREAD_MAX, PressDesk, PressReading, PressText};
pub use proof::{Agreement, Claim, Proof, ProofFault, ProofStanding, Proved};
pub use rebuild::Rebuilt;
pub use register::{Draft, DraftState};
pub use retention::{Keeping, UNDELIVERED_DAYS_MAX};
pub use revoked::{DOUBTFUL_MAX, Standing, StandingView};
/// Passkeys, handed on from below for the desk, which may not import what touches keys.
pub use seal::passkey;
pub use sealed::Sealed;
pub use served::Served;
pub use shelves::{FileIntake, Reading, Shelves, Taken};
pub use succession::{Inheritance, Succeeded};
pub use suspend::Suspension;
pub use visits::{Promise, VISIT, VersionView, fingerprint_of};
