//! What signing and sealing cost: `cargo test -p entente-seal --release --test it cost -- --ignored --nocapture`.

use crate::{START, cards, service};
use entente_seal::{Cards, Parcel, Signed, Typ, seal_parcel};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Kem, OpModeR, OpModeS, single_shot_open_inout_detached, single_shot_seal_inout_detached};
use std::hint::black_box;
use std::time::Instant;

/// Prints the median of 9 rounds, in microseconds per call.
fn measure(name: &str, calls: u32, mut f: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| f());
            start.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<28}{:>9.1} us   (least {:.1}, most {:.1})", rounds[4], rounds[0], rounds[8]);
}

#[test]
#[ignore = "measures, judges nothing"]
fn cost() {
    let (ours, theirs) = (service(0), service(100));
    let (our_cards, their_cards) = (cards(&ours), cards(&theirs));
    for bytes in [2048, 200 * 1024] {
        let body = vec![7; bytes];
        let act = ours.sign(Typ::Act, &body);
        let sealed = seal_parcel(&ours, their_cards.latest(), 1, START, &body).unwrap().bytes;
        println!("{bytes} bytes; signed {} more, sealed {} more", act.bytes().len() - bytes, sealed.len() - bytes);
        let calls = if bytes < 10_000 { 400 } else { 40 };
        measure("sign", calls, || drop(black_box(ours.sign(Typ::Act, &body))));
        measure("parse and verify", calls, || drop(black_box(Signed::parse(act.bytes(), Typ::Act, 1 << 20).unwrap().verify(&our_cards, START).unwrap())));
        measure("seal_parcel", calls, || drop(black_box(seal_parcel(&ours, their_cards.latest(), 1, START, &body).unwrap())));
        measure("parse and open parcel", calls, || drop(black_box(Parcel::parse(&sealed[..], 1 << 20).unwrap().open(&our_cards, &theirs).unwrap())));
    }
    // The same HPKE suite by the pure-Rust crate, 2 KiB, without our signature and envelope.
    let body = vec![7; 2048];
    let (secret, public) = XWing::gen_keypair();
    let seal = |mut buffer: Vec<u8>| {
        let (key, tag) =
            single_shot_seal_inout_detached::<AesGcm256, HkdfSha256, XWing>(&OpModeS::Base, &public, b"i", buffer.as_mut_slice().into(), b"a").unwrap();
        (key, buffer, tag)
    };
    let (key, ciphertext, tag) = seal(body.clone());
    measure("hpke crate: seal", 100, || drop(black_box(seal(body.clone()))));
    measure("hpke crate: open", 100, || {
        let mut buffer = ciphertext.clone();
        let buffer = buffer.as_mut_slice().into();
        single_shot_open_inout_detached::<AesGcm256, HkdfSha256, XWing>(&OpModeR::Base, &secret, &key, b"i", buffer, b"a", &tag).unwrap();
    });
    measure("read and verify a card", 100, || drop(black_box(Cards::first(ours.card_bytes()).unwrap())));
}
