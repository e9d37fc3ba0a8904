//! The doors of the seal from outside: what opens them, its nearest forbidden neighbour, and the moment it turns.

mod cards;
mod carry;
mod checkpoints;
mod cost;
mod fingerprints;
mod keys;
mod ledger;
mod parcels;
mod revocations;
mod signed;

use aws_lc_rs::signature::Ed25519KeyPair;
use base::{Entropy, Lang, ServiceId, Text, UnixMs};
use entente_seal::{CardDraft, Cards, Duty, Keys};
use hand::{array, bytes, int, map, text};

/// 2030-01-01T00:00:00Z, when every service in these tests begins.
const START: UnixMs = UnixMs(1_893_456_000_000);
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Fills each buffer with one byte, one higher each time, so that a test knows the seeds and can forge.
struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0 += 1;
        buffer.fill(self.0);
    }
}

/// A draft that begins some days after [`START`] and lasts a year.
fn draft(day: i64) -> CardDraft {
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
fn service(first: u8) -> Keys {
    Keys::generate(&draft(0), START, &mut Counting(first)).unwrap()
}

fn cards(keys: &Keys) -> Cards {
    Cards::first(keys.card_bytes()).unwrap()
}

/// Hand-written CBOR: items as bytes, to be put together in ways that no honest writer would.
mod hand {
    use minicbor::Encoder;

    fn item(f: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
        let mut out = Vec::new();
        f(&mut Encoder::new(&mut out));
        out
    }

    pub fn int(n: i64) -> Vec<u8> {
        item(|e| assert!(e.i64(n).is_ok()))
    }

    pub fn bytes(b: &[u8]) -> Vec<u8> {
        item(|e| assert!(e.bytes(b).is_ok()))
    }

    pub fn text(t: &str) -> Vec<u8> {
        item(|e| assert!(e.str(t).is_ok()))
    }

    pub fn array(items: &[Vec<u8>]) -> Vec<u8> {
        [item(|e| assert!(e.array(items.len() as u64).is_ok())), items.concat()].concat()
    }

    /// Keys and values in turn.
    pub fn map(items: &[Vec<u8>]) -> Vec<u8> {
        [item(|e| assert!(e.map(items.len() as u64 / 2).is_ok())), items.concat()].concat()
    }
}

/// The protected header, as RFC 9052 and our profile ask for it.
fn header(alg: i64, service: ServiceId, number: u32, typ: &str) -> Vec<u8> {
    let kid = [&service.bytes()[..], &number.to_be_bytes()].concat();
    map(&[int(1), int(alg), int(4), bytes(&kid), int(16), text(typ)])
}

/// Signs anything under any header, as nobody honest would.
fn forge(protected: &[u8], payload: &[u8], seed: u8) -> Vec<u8> {
    let key = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let signature = key.sign(&array(&[text("Signature1"), bytes(protected), bytes(&[]), bytes(payload)]));
    array(&[bytes(protected), map(&[]), bytes(payload), bytes(signature.as_ref())])
}
