//! Floor 4: where flows meet. No HTTP, no socket; time and randomness are handed in.
//!
//! Inbound: parcel bytes -> `inbound::open` (size, signature, card, decryption, acts verified) -> `Node::receive` (guard,
//! ledger, receipt). Outbound: intent -> `Node::propose` (form, the same guard, signature, ledger and outbox) ->
//! `Node::load` (what is due) -> the courier. What is staged becomes true with `Node::commit`: one transaction for all of it.

mod book;
mod carry;
mod clocks;
mod error;
mod inbound;
mod intake;
mod intent;
mod node;
mod officer;
mod outbound;
mod outgo;
mod overview;
mod piece;
mod proof;
mod rebuild;
mod refusals;
mod register;
mod retention;
mod served;
mod witness;

pub use book::Book;
pub use carry::{CarryBegun, CarryNext, CarrySealed, CarrySettled, CarryView};
pub use clocks::ClockReport;
pub use error::NodeError;
pub use inbound::{ACT_AHEAD_MINUTES_MAX, Arrived, CARRY_DAYS_CEILING, PARCEL_SKEW_MINUTES_MAX, open, open_carried};
pub use intake::{CarryCount, CarryFaulty, CarryReport, Intake, IntakeDone, IntakeJob};
pub use intent::{Intent, Made, Pending, proof_fault};
pub use node::{Committed, Node, Settings, Ticket};
pub use officer::Officer;
pub use outbound::{LOAD_BYTES_MAX, Load, PARCEL_BYTES_MAX, PIECES_MAX};
pub use outgo::{CarryRecord, Outgo, VOLUME_BYTES_MIN};
pub use overview::{Due, DueKind, Listed, PartnerView, Status};
pub use piece::Piece;
pub use proof::{Claim, Proof, ProofFault, Proved};
pub use rebuild::Rebuilt;
pub use register::{Draft, DraftState};
pub use served::Served;
