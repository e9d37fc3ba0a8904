//! Every kernel that this processor has against curve25519-dalek, and against each other: random inputs and edges.

mod published;

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use entente_lanes::Lanes;
use proptest::prelude::*;
use sha2::{Digest, Sha512};

/// One half, modulo the group's order: what is multiplied by it and encoded as a double is encoded as it was.
const HALF: [u8; 32] =
    [0xf7, 0xe9, 0x7a, 0x2e, 0x8d, 0x31, 0x09, 0x2c, 0x6b, 0xce, 0x7b, 0x51, 0xef, 0x7c, 0x6f, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8];

/// Runs a story with each kernel that the processor has, and says which it has not.
fn with_kernels(story: impl Fn(Lanes)) {
    for (found, what) in [(Lanes::eight(), "AVX-512 IFMA, so the eight-lane code"), (Lanes::four(), "AVX2, so the four-lane code")] {
        match found {
            Some(lanes) => story(lanes),
            None => eprintln!("NOT CHECKED: this processor has no {what} was not run"),
        }
    }
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// 2^255 - 19 and so many more or less, little-endian; beyond 18 more the top bit is set.
fn about_p(more: i16) -> [u8; 32] {
    let mut out = [0xff; 32];
    out[31] = 0x7f;
    let mut carry = 0xed - 0xff + more;
    for byte in &mut out {
        let sum = i16::from(*byte) + carry;
        *byte = sum.rem_euclid(256) as u8;
        carry = sum.div_euclid(256);
    }
    out
}

/// Field elements at which carries, signs and comparisons turn, as strings of 32 bytes; some are not canonical.
fn edges() -> Vec<[u8; 32]> {
    let mut all: Vec<[u8; 32]> = [-2, -1, 0, 1, 2, 18, 19].map(about_p).to_vec();
    for small in [0u8, 1, 2, 3, 18, 19] {
        all.push(core::array::from_fn(|i| if i == 0 { small } else { 0 }));
    }
    // Every limb full or empty in turn, and one bit at each place where a limb of 25, 26 or 51 bits begins.
    all.extend([[0xff; 32], [0x55; 32], [0xaa; 32]]);
    for bit in [25, 26, 51, 77, 102, 128, 153, 179, 204, 230, 254, 255] {
        all.push(core::array::from_fn(|i| if i == bit / 8 { 1 << (bit % 8) } else { 0 }));
    }
    all
}

/// Scalars whose digits are all alike, or at an end of what digits can be, and those next to 0 and to the order.
fn edge_scalars() -> Vec<Scalar> {
    let minus = -Scalar::ONE;
    let alike = [0x11u8, 0x77, 0x78, 0x87, 0x88, 0x99, 0xff].map(|byte| {
        let mut bytes = [byte; 32];
        bytes[31] &= 0x0f;
        Scalar::from_bytes_mod_order(bytes)
    });
    let near = [0u64, 1, 2, 7, 8, 9, 15, 16, u64::MAX].map(Scalar::from);
    let full = Scalar::from_canonical_bytes(core::array::from_fn(|i| if i == 31 { 0x0f } else { 0x88 })).into_option();
    near.into_iter().chain(alike).chain([minus, minus - Scalar::ONE, minus - Scalar::from(8u64), Scalar::from_bytes_mod_order(HALF)]).chain(full).collect()
}

fn doubled(points: &[RistrettoPoint]) -> Vec<[u8; 32]> {
    points.iter().map(|p| (p + p).compress().to_bytes()).collect()
}

/// Holds one kernel against curve25519-dalek; returns what was encoded on the way.
fn check(lanes: Lanes, uniform: &[[u8; 64]], scalars: &[Scalar]) -> Vec<Vec<[u8; 32]>> {
    let theirs: Vec<RistrettoPoint> = uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect();
    let scalars: Vec<Scalar> = scalars.iter().copied().cycle().take(theirs.len()).collect();
    let bytes: Vec<[u8; 32]> = scalars.iter().map(Scalar::to_bytes).collect();
    let ours = lanes.map(uniform);
    // The door encodes doubles; so the other side doubles too.
    let mapped = ours.encode_doubles();
    assert_eq!(mapped, doubled(&theirs), "map to the group");
    assert_eq!(ours.double().encode_doubles(), doubled(&theirs.iter().map(|p| p + p).collect::<Vec<_>>()), "double");
    let encoded: Vec<[u8; 32]> = theirs.iter().map(|p| p.compress().to_bytes()).collect();
    let back = lanes.decode(&encoded).expect("dalek's own encodings");
    assert_eq!(back.encode_doubles(), mapped, "decode");
    let each = back.times_each(&bytes).encode_doubles();
    assert_eq!(each, doubled(&theirs.iter().zip(&scalars).map(|(p, s)| p * s).collect::<Vec<_>>()), "each its own scalar");
    let one = bytes.len() / 2;
    let all = ours.times(&bytes[one]).encode_doubles();
    assert_eq!(all, doubled(&theirs.iter().map(|p| p * scalars[one]).collect::<Vec<_>>()), "one scalar");
    let first = ours.times_each(&bytes[..one]).encode_doubles();
    assert_eq!(first, doubled(&theirs.iter().zip(&scalars[..one]).map(|(p, s)| p * s).collect::<Vec<_>>()), "fewer scalars than elements");
    let parts: RistrettoPoint = ours.sum_products(&bytes).iter().map(|s| CompressedRistretto(*s).decompress().unwrap()).sum();
    let total: RistrettoPoint = theirs.iter().zip(&scalars).map(|(p, s)| p * s).sum();
    assert_eq!(parts, total + total, "sum of products");
    vec![mapped, each, all, first]
}

/// Holds every kernel against curve25519-dalek and all against each other.
fn check_all(uniform: &[[u8; 64]], scalars: &[Scalar]) {
    let encoded: Vec<_> = [Lanes::eight(), Lanes::four()].into_iter().flatten().map(|lanes| check(lanes, uniform, scalars)).collect();
    assert!(encoded.windows(2).all(|pair| pair[0] == pair[1]), "kernels differ");
}

#[test]
fn half_is_the_half_of_one() {
    assert_eq!(Scalar::from_canonical_bytes(HALF).unwrap(), Scalar::ONE.div_by_2());
}

#[test]
fn edges_come_out_as_in_dalek() {
    let edges = edges();
    let all = edges.len();
    let halves = |shift: usize| (0..all).map(move |n| (n, (n * 5 + shift * 3) % all));
    let uniform: Vec<[u8; 64]> = (0..3).flat_map(halves).map(|(a, b)| [edges[a], edges[b]].concat().try_into().unwrap()).collect();
    check_all(&uniform, &edge_scalars());
    // The same field element twice: two maps that meet in one point, which the addition must double.
    let twice: Vec<[u8; 64]> = edges.iter().map(|e| [*e, *e].concat().try_into().unwrap()).collect();
    check_all(&twice, &edge_scalars());
}

#[test]
fn decoding_agrees_with_dalek_on_edges() {
    with_kernels(|lanes| {
        for edge in edges() {
            let theirs = CompressedRistretto(edge).decompress();
            let ours = lanes.decode(&[edge]);
            assert_eq!(ours.is_ok(), theirs.is_some(), "{edge:02x?}");
            if let (Ok(ours), Some(theirs)) = (ours, theirs) {
                assert_eq!(ours.encode_doubles(), doubled(&[theirs]));
            }
        }
    });
}

#[test]
fn every_form_of_the_identity_is_encoded_as_the_identity() {
    with_kernels(|lanes| {
        // Mapped points lie in any coset of the small subgroup: the order's multiple of one is a point of that subgroup, not (0, 1).
        let eight: Vec<[u8; 64]> = (0..8u8).map(|n| [n * 29 + 3; 64]).collect();
        let points = lanes.map(&[eight.clone(), eight].concat());
        let scalars: Vec<[u8; 32]> = (0..16).map(|n| if n < 8 { (-Scalar::ONE).to_bytes() } else { Scalar::ONE.to_bytes() }).collect();
        assert!(points.sum_products(&scalars).iter().all(|part| *part == [0; 32]));
        assert_eq!(points.times(&[0; 32]).encode_doubles(), [[0; 32]; 16]);
        let identity = lanes.decode(&[[0; 32]; 3]).unwrap();
        assert_eq!(identity.times(&HALF).encode_doubles(), [[0; 32]; 3]);
        assert_eq!(identity.double().encode_doubles(), [[0; 32]; 3]);
    });
}

#[test]
fn every_length_around_the_lanes_is_filled_up_and_cut() {
    let uniform: Vec<[u8; 64]> = (0..70u8).map(|n| core::array::from_fn(|i| n.wrapping_mul(37) ^ i as u8)).collect();
    for count in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33] {
        check_all(&uniform[..count], &[Scalar::from(3u64), -Scalar::from(5u64)]);
    }
    with_kernels(|lanes| {
        let none = lanes.map(&[]);
        assert!(none.encode_doubles().is_empty() && none.times(&HALF).encode_doubles().is_empty());
        assert!(none.sum_products(&[]).iter().all(|part| *part == [0; 32]), "an empty sum is the identity");
    });
}

#[test]
fn sums_over_more_groups_than_are_held_at_once() {
    with_kernels(|lanes| {
        let uniform: Vec<[u8; 64]> = (0..300u32).map(|n| core::array::from_fn(|i| (n * 7 + i as u32 * 13) as u8)).collect();
        let scalars: Vec<Scalar> = uniform.iter().map(Scalar::from_bytes_mod_order_wide).collect();
        let bytes: Vec<[u8; 32]> = scalars.iter().map(Scalar::to_bytes).collect();
        let parts: RistrettoPoint = lanes.map(&uniform).sum_products(&bytes).iter().map(|s| CompressedRistretto(*s).decompress().unwrap()).sum();
        let total: RistrettoPoint = uniform.iter().zip(&scalars).map(|(u, s)| RistrettoPoint::from_uniform_bytes(u) * s).sum();
        assert_eq!(parts, total + total);
    });
}

#[test]
fn hashes_of_any_lengths_come_out_as_the_one_hash() {
    with_kernels(|lanes| {
        let text: Vec<u8> = (0..600u32).map(|i| (i * 7 % 251) as u8).collect();
        for begin in [0, 128, 256] {
            let begun = lanes.sha512_begin(&text[..begin]);
            let check = |ends: &[usize]| {
                let messages: Vec<&[u8]> = ends.iter().map(|end| &text[..*end]).collect();
                let hashes = lanes.sha512(&begun, &messages);
                assert_eq!(hashes.len(), ends.len());
                for (hash, end) in hashes.iter().zip(ends) {
                    let expected: [u8; 64] = Sha512::new().chain_update(&text[..begin]).chain_update(&text[..*end]).finalize().into();
                    assert_eq!(*hash, expected, "{begin} and {end} bytes, {}", lanes.name());
                }
            };
            // Around every length at which a block, or the place for the length, is full.
            for from in [0, 96, 104, 111, 112, 120, 127, 128, 232, 239, 240, 250, 340] {
                check(&core::array::from_fn::<usize, 8, _>(|lane| from + (lane * 5) % 8));
            }
            check(&[0, 1, 111, 112, 128, 300, 17, 600]);
            check(&[5, 130, 7]);
            check(&[]);
        }
    });
}

fn some<const N: usize>(seed: &[u8], count: usize) -> Vec<[u8; N]> {
    (0..count).map(|n| core::array::from_fn(|i| seed[(n * N + i) % seed.len()].wrapping_mul(2 * n as u8 + 1))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn all_lanes_agree_with_dalek(seed in proptest::collection::vec(any::<u8>(), 512..513), more in proptest::collection::vec(any::<u8>(), 512..513)) {
        let scalars: Vec<Scalar> = some::<64>(&more, 8).iter().map(Scalar::from_bytes_mod_order_wide).collect();
        check_all(&some(&seed, 8), &scalars);
    }

    #[test]
    fn decoding_agrees_with_dalek_on_anything(seed in proptest::collection::vec(any::<u8>(), 256..257)) {
        with_kernels(|lanes| {
            let mut all: Vec<[u8; 32]> = some(&seed, 8);
            for bytes in &mut all {
                // Nonnegative and without the top bit, so that the square decides.
                bytes[0] &= 0xfe;
                bytes[31] &= 0x7f;
                assert_eq!(lanes.decode(&[*bytes]).is_ok(), CompressedRistretto(*bytes).decompress().is_some());
            }
            let first = all.iter().position(|b| CompressedRistretto(*b).decompress().is_none());
            assert_eq!(lanes.decode(&all).err(), first);
        });
    }
}
