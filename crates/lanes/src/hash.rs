//! SHA-512 of as many messages as there are lanes (FIPS 180-4, 6.4).
//!
//! Messages may have different lengths: a lane whose message has ended keeps its state while the others go on.

/// Bytes of a block.
pub(crate) const BLOCK: usize = 128;
/// The state before the first block.
pub(crate) const START: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];
/// A constant for each round.
#[rustfmt::skip]
pub(crate) const ROUNDS: [u64; 80] = [
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
];

/// Writes a block out sixteen times, so that sixteen words stay where they are.
macro_rules! for_sixteen {
    ($i:ident, $body:block) => {
        for_sixteen!(@ $i, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $i:ident, $body:block, $($n:literal)*) => {
        $({
            const $i: usize = $n;
            $body
        })*
    };
}

/// Where a hash stands after whole blocks that several messages share.
#[derive(Clone, Copy)]
pub struct Begun {
    pub(crate) state: [u64; 8],
    pub(crate) bytes: u128,
}

macro_rules! hash {
    ($feature:literal) => {
        use super::field::{LANES, Mask, V, choose, majority, rotated, shifted, splat, sum, sum_where, xor};
        use crate::hash::{BLOCK, Begun, ROUNDS, START};

        #[target_feature(enable = $feature)]
        pub(crate) fn begin(blocks: &[u8]) -> Begun {
            assert!(blocks.len().is_multiple_of(BLOCK), "whole blocks");
            let mut state = [splat(0); 8];
            for (v, x) in state.iter_mut().zip(START) {
                *v = splat(x);
            }
            let mut words = [[0; LANES]; 16];
            for block in blocks.as_chunks::<BLOCK>().0 {
                for (word, bytes) in words.iter_mut().zip(block.as_chunks::<8>().0) {
                    *word = [u64::from_be_bytes(*bytes); LANES];
                }
                compress(&mut state, &words, Mask::MAX);
            }
            Begun { state: bytemuck::cast::<[V; 8], [[u64; LANES]; 8]>(state).map(|lanes| lanes[0]), bytes: blocks.len() as u128 }
        }

        /// Hashes what follows on a beginning, in each lane its own.
        #[target_feature(enable = $feature)]
        pub(crate) fn finish(begun: &Begun, messages: [&[u8]; LANES]) -> [[u8; 64]; LANES] {
            // A message ends with one bit, zeros, and its length in bits in 16 bytes.
            let blocks = messages.map(|m| (m.len() + 17).div_ceil(BLOCK));
            let mut state = [splat(0); 8];
            for (v, x) in state.iter_mut().zip(begun.state) {
                *v = splat(x);
            }
            let mut words = [[0; LANES]; 16];
            for n in 0..blocks.into_iter().max().unwrap_or_default() {
                let mut going: Mask = 0;
                for (lane, message) in messages.iter().enumerate().filter(|(lane, _)| n < blocks[*lane]) {
                    going |= 1 << lane;
                    let rest = message.get(n * BLOCK..).unwrap_or_default();
                    let mut last = [0u8; BLOCK];
                    let block = rest.first_chunk().unwrap_or_else(|| {
                        last[..rest.len()].copy_from_slice(rest);
                        if n * BLOCK <= message.len() {
                            last[rest.len()] = 0x80;
                        }
                        if n + 1 == blocks[lane] {
                            last[BLOCK - 16..].copy_from_slice(&((begun.bytes + message.len() as u128) * 8).to_be_bytes());
                        }
                        &last
                    });
                    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<8>().0) {
                        word[lane] = u64::from_be_bytes(*bytes);
                    }
                }
                compress(&mut state, &words, going);
            }
            let words: [[u64; LANES]; 8] = bytemuck::cast(state);
            let mut out = [[0; 64]; LANES];
            for (lane, out) in out.iter_mut().enumerate() {
                for (place, word) in out.as_chunks_mut::<8>().0.iter_mut().zip(&words) {
                    *place = word[lane].to_be_bytes();
                }
            }
            out
        }

        /// Takes one block of each message into the state of the lanes that are still going.
        #[target_feature(enable = $feature)]
        fn compress(state: &mut [V; 8], words: &[[u64; LANES]; 16], going: Mask) {
            let mut w: [V; 16] = bytemuck::cast(*words);
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
            for constants in ROUNDS.as_chunks::<16>().0 {
                for_sixteen!(I, {
                    let s1 = xor(rotated::<14, 50>(e), rotated::<18, 46>(e), rotated::<41, 23>(e));
                    let t1 = sum(sum(h, sum(w[I], splat(constants[I]))), sum(s1, choose(e, f, g)));
                    let s0 = xor(rotated::<28, 36>(a), rotated::<34, 30>(a), rotated::<39, 25>(a));
                    (h, g, f, e, d, c, b, a) = (g, f, e, sum(d, t1), c, b, a, sum(t1, sum(s0, majority(a, b, c))));
                    // The word of sixteen rounds later; after the last sixteen it is not read.
                    let (x, y) = (w[(I + 1) % 16], w[(I + 14) % 16]);
                    let s0 = xor(rotated::<1, 63>(x), rotated::<8, 56>(x), shifted::<7>(x));
                    let s1 = xor(rotated::<19, 45>(y), rotated::<61, 3>(y), shifted::<6>(y));
                    w[I] = sum(sum(w[I], s0), sum(w[(I + 9) % 16], s1));
                });
            }
            for (s, v) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                *s = sum_where(going, *s, v);
            }
        }
    };
}
