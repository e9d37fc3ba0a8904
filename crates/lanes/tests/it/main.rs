//! Every lane against curve25519-dalek: random inputs and edges.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use entente_lanes::Eight;
use proptest::prelude::*;

/// Runs a story where the processor has the instructions, and says so where it has not.
fn with_eight(story: impl FnOnce(Eight)) {
    match Eight::find() {
        Some(eight) => story(eight),
        None => eprintln!("NOT CHECKED: this processor has no AVX-512 IFMA, so the eight-lane code was not run"),
    }
}

fn eight_of<const N: usize>(seed: &[u8]) -> [[u8; N]; 8] {
    // Edges first: all zeros, all ones, then what the seed says.
    core::array::from_fn(|lane| core::array::from_fn(|i| seed[(lane * N + i) % seed.len()].wrapping_mul(2 * lane as u8 + 1)))
}

fn dalek_uniform(bytes: &[u8; 64]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(bytes)
}

fn scalars(bytes: &[[u8; 64]; 8]) -> [Scalar; 8] {
    bytes.each_ref().map(Scalar::from_bytes_mod_order_wide)
}

fn check(eight: Eight, uniform: &[[u8; 64]; 8], scalars: &[Scalar; 8]) {
    let theirs = uniform.each_ref().map(dalek_uniform);
    let ours = eight.from_uniform(uniform);
    let encoded = theirs.map(|p| p.compress().to_bytes());
    // The door encodes doubles; so the other side doubles too.
    let doubled = |points: &[RistrettoPoint; 8]| points.map(|p| (p + p).compress().to_bytes());
    assert_eq!(eight.encode_doubles(&[ours]), [doubled(&theirs)], "map to the group");
    assert_eq!(eight.encode_doubles(&[ours, eight.double(&ours), ours])[1], doubled(&theirs.map(|p| p + p)), "three with one inversion");
    let (good, back) = eight.decode(&encoded);
    assert_eq!(good, 0xff);
    assert_eq!(eight.encode_doubles(&[back]), [doubled(&theirs)], "decode");
    let bytes = scalars.map(|s| s.to_bytes());
    let products = eight.encode_doubles(&[eight.multiply_each(&back, &bytes), eight.multiply(&ours, &bytes[3])]);
    assert_eq!(products[0], doubled(&core::array::from_fn(|lane| theirs[lane] * scalars[lane])), "each lane its own scalar");
    assert_eq!(products[1], doubled(&theirs.map(|p| p * scalars[3])), "one scalar");
    let groups = 35; // more than are held at once
    let sums = eight.sum_products(&vec![ours; groups], &vec![bytes; groups]);
    let total: RistrettoPoint = eight.encode_doubles(&[sums])[0].iter().map(|s| CompressedRistretto(*s).decompress().unwrap()).sum();
    let expected: RistrettoPoint = theirs.iter().zip(scalars).map(|(p, s)| p * s).sum();
    assert_eq!(total, expected * Scalar::from(2 * groups as u64), "sum of products");
}

#[test]
fn edges_come_out_as_in_dalek() {
    with_eight(|eight| {
        let mut uniform = [[0; 64]; 8];
        uniform[1] = [0xff; 64];
        uniform[2][0] = 1;
        uniform[3][..32].fill(0xed); // beyond p with the top bit set
        uniform[4][31] = 0x80;
        uniform[5][63] = 0x7f;
        uniform[6][32] = 2;
        uniform[7] = [0x55; 64];
        let edge = |n: u64| Scalar::from(n);
        let minus = -Scalar::ONE;
        check(eight, &uniform, &[edge(0), edge(1), edge(8), minus, edge(7), edge(0x88), minus - edge(8), edge(u64::MAX)]);
    });
}

#[test]
fn what_is_no_encoding_is_named_lane_by_lane() {
    with_eight(|eight| {
        // RFC 9496, appendix A.3: non-canonical field elements, negative ones, non-squares, negative xy, y = 0.
        let bad = [
            "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
            "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        let mut all = [[0u8; 32]; 8];
        for (place, text) in all.iter_mut().zip(bad) {
            *place = core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap());
            assert!(CompressedRistretto(*place).decompress().is_none(), "{text}");
        }
        assert_eq!(eight.decode(&all).0, 0x80, "the identity in the last lane alone is good");
    });
}

#[test]
fn eight_hashes_of_any_lengths_come_out_as_the_one_hash() {
    use sha2::{Digest, Sha512};
    with_eight(|eight| {
        let text: Vec<u8> = (0..600u32).map(|i| (i * 7 % 251) as u8).collect();
        for begin in [0, 128, 256] {
            let begun = eight.sha512_begin(&text[..begin]);
            // Around every length at which a block, or the place for the length, is full.
            for from in [0, 96, 104, 111, 112, 120, 127, 128, 232, 239, 240, 250, 340] {
                let ends: [usize; 8] = core::array::from_fn(|lane| from + (lane * 5) % 8);
                let hashes = eight.sha512(&begun, ends.map(|end| &text[..end]));
                for (hash, end) in hashes.iter().zip(ends) {
                    let expected: [u8; 64] = Sha512::new().chain_update(&text[..begin]).chain_update(&text[..end]).finalize().into();
                    assert_eq!(*hash, expected, "{begin} and {end} bytes");
                }
            }
            let lengths = [0, 1, 111, 112, 128, 300, 17, 600];
            let hashes = eight.sha512(&begun, lengths.map(|end| &text[..end]));
            for (hash, end) in hashes.iter().zip(lengths) {
                let expected: [u8; 64] = Sha512::new().chain_update(&text[..begin]).chain_update(&text[..end]).finalize().into();
                assert_eq!(*hash, expected, "{begin} and {end} bytes beside other lengths");
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn all_lanes_agree_with_dalek(seed in proptest::collection::vec(any::<u8>(), 512..513), more in proptest::collection::vec(any::<u8>(), 512..513)) {
        with_eight(|eight| check(eight, &eight_of(&seed), &scalars(&eight_of(&more))));
    }

    #[test]
    fn decoding_agrees_with_dalek_on_anything(seed in proptest::collection::vec(any::<u8>(), 256..257)) {
        with_eight(|eight| {
            let mut all = eight_of::<32>(&seed);
            for bytes in &mut all {
                // Nonnegative and without the top bit, so that the square decides.
                bytes[0] &= 0xfe;
                bytes[31] &= 0x7f;
            }
            let expected = all.map(|b| CompressedRistretto(b).decompress().is_some());
            let good = eight.decode(&all).0;
            assert_eq!(core::array::from_fn::<bool, 8, _>(|lane| good >> lane & 1 == 1), expected);
        });
    }
}
