//! Floor 4: where flows meet. No HTTP, no socket; time and randomness are handed in.
//!
//! Inbound: parcel bytes -> `inbound::open` (size, signature, card, decryption, acts verified) -> `Node::receive` (guard,
//! ledger, receipt). Outbound: intent -> `Node::propose` (form, the same guard, signature, ledger and outbox) ->
//! `Node::load` (what is due) -> the courier. What is staged becomes true with `Node::commit`: one transaction for all of it.

mod book;
mod error;
mod exhibit;
mod exhibit_flow;
mod exhibit_view;
mod inbound;
mod intent;
mod node;
mod officer;
mod outbound;
mod overview;
mod piece;
mod proof;
mod ranges;
mod rebuild;
mod register;
mod retention;
mod served;
mod shelves;
mod witness;

pub use book::Book;
pub use error::NodeError;
pub use exhibit_view::{ExhibitView, Standing};
pub use inbound::{Arrived, open};
pub use intent::{Intent, Made, Pending};
pub use node::{Committed, Node, Settings, Ticket};
pub use officer::Officer;
pub use outbound::{Load, PARCEL_BYTES_MAX, PIECES_MAX};
pub use overview::{Due, DueKind, Listed, PartnerView, Status};
pub use piece::{Piece, chunk_name};
pub use proof::{Claim, Proof, ProofFault, Proved};
pub use rebuild::Rebuilt;
pub use register::{Draft, DraftState};
pub use served::Served;
pub use shelves::{Intake, Reading, Shelves, Taken};
