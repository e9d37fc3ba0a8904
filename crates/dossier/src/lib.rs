//! Floor 2: the law of cooperation. Mechanism, act, guard, fold, view. Pure: no crypto, no I/O, no clock.

pub mod accord;
mod act;
mod check;
mod clock;
mod counted;
mod dossier;
mod explore;
mod field;
mod guard;
mod links;
mod matrix;
mod mechanism;
mod reading;
mod rule;
mod shipped;
mod state;
pub mod statistics;
mod value;
mod view;
mod voice;

pub use act::{AccordRef, Act, ActFault, BODY_BYTES_MAX, Body, Deed, HEAD_BYTES_MAX, Head, Mark, Opening, PARTIES_MAX, Party, Signatory, VERSION};
pub use check::{Explored, Fault, Report, check, check_within};
pub use clock::{ClockState, ClockView};
pub use dossier::{Checked, Dossier, Fork, Judged, Verdict, Want};
pub use explore::PROOF_WORK_MAX;
pub use field::{Field, FieldFault, FieldType};
pub use guard::{DOSSIER_EXHIBITS_MAX, EXHIBITS_MAX, Refusal, commitment};
pub use links::{LinkView, LinkedFrom, links, opposite};
pub use matrix::matrix;
pub use mechanism::{Clock, Custody, Extension, ItemKind, Mechanism, MechanismFault, Move, Never, OfficerRole, Phase, Role, Stance, StanceState, Start};
pub use shipped::shipped;
pub use state::{Fields, Item, PhaseOf, State};
pub use value::{
    Account, ClockLength, Document, Equivalence, Exhibit, Link, MechanismRef, Money, OfficerRef, Person, Place, Quantity, Reference, TextHash, Value, Vehicle,
    Vessel,
};
pub use view::{DossierView, ItemView, MoveView, PartyView, StanceView, Viewer, view};
pub use voice::Voice;
