//! Floor 2: the courier. Parcels go out and receipts come back over HTTP/2 (RFC 9113) and TLS 1.3 (RFC 8446).
//!
//! Both ends show a certificate whose key is pinned to the partner's card; there is no public authority. Everything that
//! travels is opaque bytes: this crate imports nothing that could name what is inside, keeps nothing and signs nothing.
//!
//! Coming in: [`Server`] -> TLS with a known pin -> one route -> sizes, shares, clocks -> [`Inbox`] -> receipt bytes.
//! Going out: [`Outbox`] -> [`Pump`] (one round per partner, [`Backoff`]) -> [`Courier`] -> receipt bytes -> [`Outbox`].

#[cfg(feature = "asking")]
mod asking;
mod backoff;
mod courier;
mod health;
mod identity;
mod limits;
mod problem;
mod pump;
mod round;
mod route;
mod send_error;
mod serve;
mod server;
mod share;
mod shown;
mod tls;
mod wire;

#[cfg(feature = "asking")]
pub use asking::{AskError, Asking};
pub use backoff::Backoff;
pub use courier::{Address, Courier};
pub use health::{Health, HealthBook};
pub use identity::{Identities, Identity, IdentityError, Pins, pin_of};
pub use limits::Limits;
pub use pump::{Letter, Outbox, Pump};
pub use route::{Inbox, PARCEL_TYPE, PARCELS_PATH, RECEIPT_TYPE, Rejection};
pub use send_error::SendError;
pub use server::{BindError, Lines, Server};
pub use shown::{Secured, Shown};
pub use tls::LineReport;

/// A future on the heap, so that the traits of this crate can be used behind `dyn`.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
