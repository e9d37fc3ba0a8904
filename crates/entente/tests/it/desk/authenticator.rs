//! An authenticator in software: it makes one passkey with Ed25519 and proves it, as a browser would hand it over.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

pub struct Authenticator {
    key: Ed25519KeyPair,
    id: Vec<u8>,
    counter: u32,
    pub origin: String,
    pub site: String,
    /// What authenticators say of the person: present and verified.
    pub flags: u8,
}

impl Authenticator {
    pub fn new(origin: &str) -> Authenticator {
        let key = Ed25519KeyPair::generate().unwrap();
        let id = Digest::of(key.public_key().as_ref()).0.to_vec();
        Authenticator { key, id, counter: 0, origin: origin.to_owned(), site: "localhost".to_owned(), flags: 0x05 }
    }

    fn data(&mut self, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let mut data = Digest::of(self.site.as_bytes()).0.to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string().into_bytes()
    }

    /// Makes the passkey.
    pub fn make(&mut self, asked: &Value) -> Value {
        let client = self.client("webauthn.create", &asked["challenge"]);
        let mut data = self.data(self.flags | 0x40);
        data.extend([0; 16]);
        data.extend((self.id.len() as u16).to_be_bytes());
        data.extend(&self.id);
        // {1: 1, 3: -8, -1: 6, -2: key} (RFC 9053, 7.2).
        data.extend([0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20]);
        data.extend(self.key.public_key().as_ref());
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x59");
        object.extend((data.len() as u16).to_be_bytes());
        object.extend(data);
        json!({ "id": B64.encode(&self.id), "client": B64.encode(client), "data": B64.encode(object) })
    }

    /// Proves it.
    pub fn prove(&mut self, asked: &Value) -> Value {
        let client = self.client("webauthn.get", &asked["challenge"]);
        let data = self.data(self.flags);
        let signature = self.key.sign(&[&data[..], &Digest::of(&client).0].concat());
        json!({ "id": B64.encode(&self.id), "client": B64.encode(client), "data": B64.encode(data), "signature": B64.encode(signature), "user": "" })
    }

    /// Sets the counter back, as a copy of the passkey would have it.
    pub fn turn_back(&mut self) {
        self.counter = 0;
    }
}
