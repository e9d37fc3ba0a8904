//! Floor 1: eight ristretto255 operations, or eight SHA-512 hashes, at once, on processors with AVX-512 IFMA.
//!
//! [`Eight::find`] looks at the processor; whoever holds an [`Eight`] may call it, who gets none uses another implementation. Everything is
//! constant in time in scalars and points, but [`Eight::sum_products`], whose inputs are public.
//! Source: RFC 9496 (ristretto255), FIPS 180-4 (SHA-512), Hisil et al. 2008 (extended coordinates on a twisted Edwards curve with a = -1).
//! Absent: keys, randomness, memory beyond the call. This is the one crate of the house that may say `unsafe`, in one file.

#[cfg(target_arch = "x86_64")]
mod field;
#[cfg(target_arch = "x86_64")]
mod group;
#[cfg(target_arch = "x86_64")]
mod hash;
#[cfg(target_arch = "x86_64")]
mod multiply;

#[cfg(not(target_arch = "x86_64"))]
#[path = "absent.rs"]
mod eight;
#[cfg(target_arch = "x86_64")]
mod eight;

#[cfg(not(target_arch = "x86_64"))]
pub use eight::Begun;
pub use eight::{Eight, Points};
#[cfg(target_arch = "x86_64")]
pub use hash::Begun;

/// How many elements one call works on.
pub const LANES: usize = 8;
