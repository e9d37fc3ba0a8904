//! The doors of the seal from outside: what opens them, its nearest forbidden neighbour, and the moment it turns.

mod cards;
mod checkpoints;
mod cost;
mod fingerprints;
mod keys;
mod ledger;
mod parcels;
mod signed;

use aws_lc_rs::signature::Ed25519KeyPair;
use base::{Entropy, Lang, ServiceId, Text, UnixMs};
use entente_seal::{CardDraft, Cards, Duty, Keys};
use minicbor::Encoder;

/// 2030-01-01T00:00:00Z, when every service in these tests begins.
pub const START: UnixMs = UnixMs(1_893_456_000_000);
pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Fills each buffer with one byte, one higher each time, so that a test knows the seeds and can forge.
pub struct Counting(pub u8);

impl Entropy for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0 += 1;
        buffer.fill(self.0);
    }
}

/// A draft that begins some days after [`START`] and lasts a year.
pub fn draft(day: i64) -> CardDraft {
    CardDraft {
        code: "ma".to_owned(),
        country: "MA".to_owned(),
        name: vec![Text::new(Lang::Fr, "Service d'essai"), Text::new(Lang::Ar, "مصلحة التجربة")],
        endpoints: vec!["node.entente.example:8443".to_owned(), "[2001:db8::7]:8443".to_owned()],
        languages: vec![Lang::Ar.into(), Lang::Fr.into()],
        duty: vec![Duty { desk: "24/7".to_owned(), phone: "+212 5 37 00 00 00".to_owned(), mail: String::new() }],
        valid_from: START.plus_ms(day * DAY_MS),
        valid_until: START.plus_ms((day + 365) * DAY_MS),
    }
}

/// A new service; its root seed is `[first + 1; 32]`, its signing seed `[first + 2; 32]`.
pub fn service(first: u8) -> Keys {
    Keys::generate(&draft(0), START, &mut Counting(first)).unwrap()
}

pub fn cards(keys: &Keys) -> Cards {
    Cards::first(keys.card_bytes()).unwrap()
}

/// Writes CBOR.
pub fn cbor(f: impl FnOnce(&mut Encoder<Vec<u8>>)) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    f(&mut e);
    e.into_writer()
}

/// The protected header, as RFC 9052 and our profile ask for it.
pub fn header(alg: i64, service: ServiceId, number: u32, typ: &str) -> Vec<u8> {
    let kid = [&service.bytes()[..], &number.to_be_bytes()].concat();
    cbor(|e| drop(e.map(3).unwrap().u64(1).unwrap().i64(alg).unwrap().u64(4).unwrap().bytes(&kid).unwrap().u64(16).unwrap().str(typ).unwrap()))
}

/// Signs anything under any header, as nobody honest would.
pub fn forge(protected: &[u8], payload: &[u8], seed: u8) -> Vec<u8> {
    let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let message =
        cbor(|e| drop(e.array(4).unwrap().str("Signature1").unwrap().bytes(protected).unwrap().bytes(&[]).unwrap().bytes(payload).unwrap()));
    let signature = key.sign(&message);
    cbor(|e| drop(e.array(4).unwrap().bytes(protected).unwrap().map(0).unwrap().bytes(payload).unwrap().bytes(signature.as_ref()).unwrap()))
}
