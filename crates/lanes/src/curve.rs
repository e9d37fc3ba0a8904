//! Constants of the curve as limbs of 51 bits (RFC 9496, section 4.1).

/// One field element.
pub(crate) type Constant = [u64; 5];
pub(crate) const D: Constant = [0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff];
pub(crate) const SQRT_M1: Constant = [0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d];
pub(crate) const SQRT_AD_MINUS_ONE: Constant = [0x7f6a0497b2e1b, 0x1836f0a97afd2, 0x7d747f6be7638, 0x456079e7e6498, 0x376931bf2b834];
pub(crate) const INVSQRT_A_MINUS_D: Constant = [0x0fdaa805d40ea, 0x2eb482e57d339, 0x007610274bc58, 0x6510b613dc8ff, 0x786c8905cfaff];
pub(crate) const ONE_MINUS_D_SQ: Constant = [0x409c1945fc176, 0x719abc6a1fc4f, 0x1c37f90b20684, 0x06bccca55eedf, 0x029072a8b2b3e];
pub(crate) const D_MINUS_ONE_SQ: Constant = [0x55aaa44ed4d20, 0x59603c3332635, 0x26d3baf4a7928, 0x120a66e6997a9, 0x5968b37af66c2];
