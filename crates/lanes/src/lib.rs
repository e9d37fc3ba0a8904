//! Floor 1: ristretto255 operations, or SHA-512 hashes, eight or four at once, on processors with AVX-512 IFMA or AVX2.
//!
//! [`Lanes::eight`] and [`Lanes::four`] look at the processor; whoever holds a [`Lanes`] may call it, who gets none uses another implementation.
//! Everything is constant in time in scalars and points, but [`Group::sum_products`], whose inputs are public.
//! Source: RFC 9496 (ristretto255), FIPS 180-4 (SHA-512), Hisil et al. 2008 (extended coordinates on a twisted Edwards curve with a = -1).
//! Absent: keys, randomness, memory beyond the call. This is the one crate of the house that may say `unsafe`, in one file.

#[cfg(target_arch = "x86_64")]
#[macro_use]
mod arithmetic;
#[cfg(target_arch = "x86_64")]
#[macro_use]
mod batch;
#[cfg(target_arch = "x86_64")]
#[macro_use]
mod group;
#[cfg(target_arch = "x86_64")]
#[macro_use]
mod hash;
#[cfg(target_arch = "x86_64")]
#[macro_use]
mod multiply;

#[cfg(target_arch = "x86_64")]
mod curve;

/// What stands on a field, compiled for the same instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! kernel {
    ($feature:literal) => {
        pub(crate) mod arithmetic {
            arithmetic!($feature);
        }
        pub(crate) mod group {
            group!($feature);
        }
        pub(crate) mod multiply {
            multiply!($feature);
        }
        pub(crate) mod hash {
            hash!($feature);
        }
        pub(crate) mod batch {
            batch!($feature);
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod eight {
    pub(crate) mod field;
    kernel!("avx512f,avx512dq,avx512ifma");
}

#[cfg(target_arch = "x86_64")]
mod four {
    pub(crate) mod field;
    kernel!("avx2");
}

#[cfg(not(target_arch = "x86_64"))]
#[path = "absent.rs"]
mod door;
#[cfg(target_arch = "x86_64")]
mod door;

#[cfg(not(target_arch = "x86_64"))]
pub use door::Begun;
pub use door::{Group, Lanes};
#[cfg(target_arch = "x86_64")]
pub use hash::Begun;
