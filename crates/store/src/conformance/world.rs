//! Three invented services with real keys, and short ways to make what they sign.

use crate::{Append, Appended, Body, Entry, Filing, Store, StoreError, Verdict};
use base::{ActId, Digest, DossierId, ItemId, ServiceId, Text, UnixMs};
use seal::{CardDraft, Duty, Keys, SystemEntropy, Typ, Verified};
use std::sync::LazyLock;

/// The services' keys.
pub static KEYS: LazyLock<[Keys; 3]> = LazyLock::new(|| ["A", "B", "C"].map(keys));

fn keys(name: &str) -> Keys {
    let draft = CardDraft {
        code: format!("x{name}-pn").to_lowercase(),
        country: "ES".to_owned(),
        name: vec![Text { lang: "en".parse().unwrap(), text: format!("Invented Service {name}") }],
        endpoints: vec!["node.example:8443".to_owned()],
        languages: vec!["en".parse().unwrap()],
        duty: vec![Duty { desk: "desk".to_owned(), phone: "+34 600 000 000".to_owned(), mail: String::new() }],
        valid_from: UnixMs(0),
        valid_until: UnixMs(300 * 86_400_000),
    };
    Keys::generate(&draft, UnixMs(0), &mut SystemEntropy).unwrap()
}

/// Returns a service by its number.
pub fn service(n: usize) -> ServiceId {
    KEYS[n].service()
}

/// Returns a dossier by a number.
pub fn dossier(n: u64) -> DossierId {
    Digest::tagged("dossier", &[&n.to_be_bytes()]).into()
}

/// Returns an item by a number.
pub fn item(n: u64) -> ItemId {
    Digest::tagged("item", &[&n.to_be_bytes()]).into()
}

/// An act before it is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// Number of its author.
    pub author: usize,
    /// Number of its dossier.
    pub dossier: u64,
    /// Its sequence number.
    pub seq: u64,
    /// Number of its item.
    pub item: u64,
    /// Tells two acts of one sequence number apart.
    pub variant: u8,
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// What the law said.
    pub verdict: Verdict,
}

impl Draft {
    /// Drafts a valid act on item 0 with a body of its own.
    pub fn new(author: usize, dossier: u64, seq: u64) -> Draft {
        Draft { author, dossier, seq, item: 0, variant: 0, body: Some(format!("body {author} {dossier} {seq}").into_bytes()), verdict: Verdict::Valid }
    }

    /// Returns what its author signs.
    pub fn head(&self) -> Vec<u8> {
        let Draft { author, dossier, seq, item, variant, .. } = self;
        format!("act of {author} in {dossier} number {seq} on {item} variant {variant}").into_bytes()
    }

    /// Returns its id.
    pub fn id(&self) -> ActId {
        Digest::of(&self.head()).into()
    }

    /// Returns where it belongs.
    pub fn filing(&self) -> Filing {
        Filing { id: self.id(), dossier: dossier(self.dossier), seq: self.seq, item: item(self.item), verdict: self.verdict.clone() }
    }

    /// Signs it.
    pub fn signed(&self) -> Verified {
        KEYS[self.author].sign(Typ::Act, &self.head())
    }

    /// Makes the entry for the ledger.
    pub fn entry(&self) -> Entry {
        Entry::act(self.signed(), self.filing(), self.body.clone())
    }
}

/// Signs some receipt of a service.
pub fn receipt(of: usize, text: &str) -> Verified {
    KEYS[of].sign(Typ::Receipt, text.as_bytes())
}

/// Starts a batch with entries.
pub fn batch(at: i64, entries: Vec<Entry>) -> Append {
    Append { entries, ..Append::new(UnixMs(at)) }
}

/// Appends one batch.
pub fn append(store: &dyn Store, batch: Append) -> Result<Appended, StoreError> {
    store.append(vec![batch]).and_then(|mut results| results.remove(0))
}

/// Appends acts, each valid on item 0, and returns their ids.
pub fn acts(store: &dyn Store, drafts: &[Draft]) -> Vec<ActId> {
    append(store, batch(1000, drafts.iter().map(Draft::entry).collect())).unwrap();
    drafts.iter().map(Draft::id).collect()
}

/// Draws a body as one word.
pub fn picture(body: &Body) -> String {
    match body {
        Body::Held(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Body::Erased => "(erased)".to_owned(),
        Body::Absent => "(absent)".to_owned(),
    }
}
