//! A federation on one thread: real keys, real stores, a clock that stands until it is moved, and a courier that one can stop.

use crate::disk::Disk;
pub use crate::forge::*;
pub use crate::forms::*;
use base::{ActId, Digest, DossierId, Entropy, ItemId, Lang, ParcelId, ServiceId, Text, UnixMs};
use dossier::OfficerRole::{self, *};
use node::{Intent, Made, Node, NodeError, Officer, Served, Settings, Ticket};
use seal::{CardDraft, Duty, Fingerprint, Keys, Parcel};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Sqlite, Store};

pub const ZONE: &str = "Africa/Casablanca";
/// Five minutes past noon UTC on 28 January 2025.
pub const START: UnixMs = UnixMs(1_738_065_900_000);
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const NAMES: [&str; 3] = ["ma", "es", "de"];
pub const MA: usize = 0;
pub const ES: usize = 1;
pub const DE: usize = 2;

/// SplitMix64: the same numbers from the same seed.
pub struct Seeded(pub u64);

impl Entropy for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Names a parcel, as its sender has it.
pub fn parcel_id(parcel: &[u8]) -> ParcelId {
    Parcel::parse(parcel, node::PARCEL_BYTES_MAX).unwrap().id()
}

pub struct Side {
    pub node: Node,
    pub keys: Keys,
    pub disk: Arc<Disk>,
    pub file: Option<PathBuf>,
    pub chief: Officer,
    pub deputy: Officer,
    starts: u64,
}

pub struct World {
    pub sides: Vec<Side>,
    pub now: UnixMs,
}

/// What an officer's intent led to, once it is on disk.
#[derive(Clone, Debug)]
pub struct Done {
    pub act: ActId,
    pub dossier: DossierId,
    pub item: ItemId,
}

pub fn card_draft(name: &str) -> CardDraft {
    CardDraft {
        code: name.to_owned(),
        country: name.to_uppercase(),
        name: vec![Text::new(Lang::En, format!("Service of {name}"))],
        endpoints: vec![format!("{name}.example:8443")],
        languages: vec![Lang::Fr.into()],
        duty: vec![Duty { desk: "Liaison desk".to_owned(), phone: "+212500000000".to_owned(), mail: String::new() }],
        valid_from: UnixMs(START.0 - 1000 * HOUR),
        valid_until: UnixMs(START.0 + 9000 * HOUR),
    }
}

pub fn keys(name: &str, seed: u64) -> Keys {
    Keys::generate(&card_draft(name), START, &mut Seeded(seed)).unwrap()
}

impl World {
    /// Services that have not met yet.
    pub fn strangers(n: usize) -> World {
        let sides = (0..n).map(|i| Side::begin(NAMES[i], 100 + i as u64, None)).collect();
        World { sides, now: START }
    }

    /// The same on files in a folder.
    pub fn strangers_on(folder: &Path, n: usize) -> World {
        let sides = (0..n).map(|i| Side::begin(NAMES[i], 100 + i as u64, Some(folder.join(format!("{}.db", NAMES[i]))))).collect();
        World { sides, now: START }
    }

    /// Services that hold each other's cards.
    pub fn partners(n: usize) -> World {
        World::strangers(n).met()
    }

    pub fn met(mut self) -> World {
        for a in 0..self.sides.len() {
            for b in (0..self.sides.len()).filter(|b| *b != a) {
                let (bytes, words) = (self.sides[b].keys.card_bytes().to_vec(), self.words(b));
                self.sides[a].node.import_card(&bytes, &words, self.now).unwrap();
                self.sides[a].commit();
            }
        }
        self
    }

    /// Partners under an accord in force among all, and the accord.
    pub fn allied(n: usize) -> (World, DossierId) {
        let mut w = World::partners(n);
        let accord = w.accord(&["information-request", "working-visit"]);
        (w, accord)
    }

    pub fn words(&self, i: usize) -> String {
        Fingerprint::of(&self.id(i)).words(Lang::En)
    }

    pub fn id(&self, i: usize) -> ServiceId {
        self.sides[i].keys.service()
    }

    pub fn node(&mut self, i: usize) -> &mut Node {
        &mut self.sides[i].node
    }

    pub fn store(&self, i: usize) -> Arc<dyn Store> {
        self.sides[i].disk.clone()
    }

    pub fn wait(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
    }

    pub fn parties(&self, of: &[(usize, &str)]) -> Vec<(ServiceId, String)> {
        of.iter().map(|(i, role)| (self.id(*i), role.to_string())).collect()
    }

    /// Proposes, approves with the second officer where one is wanted, and stores.
    pub fn does(&mut self, i: usize, intent: Intent) -> Done {
        self.tries(i, intent.clone()).unwrap_or_else(|e| panic!("{}: {intent:?}: {} {e}", NAMES[i], e.code()))
    }

    pub fn tries(&mut self, i: usize, intent: Intent) -> Result<Done, NodeError> {
        self.wait(1000);
        let now = self.now;
        let side = &mut self.sides[i];
        let (chief, deputy) = (side.chief.clone(), side.deputy.clone());
        let mut made = side.node.propose(&chief, intent, now)?;
        side.commit();
        if let Made::Pending { id, .. } = &made {
            made = side.node.approve(&deputy, id, now)?;
            side.commit();
        }
        match made {
            Made::Act { act, dossier, item, .. } => Ok(Done { act, dossier, item }),
            Made::Pending { .. } => panic!("approved and still pending"),
        }
    }

    /// An accord among all that is signed by all, and everywhere.
    pub fn accord(&mut self, mechanisms: &[&str]) -> DossierId {
        let id = self.accord_proposed(mechanisms);
        self.pump();
        for i in 0..self.sides.len() {
            self.signs(i, id);
            self.pump();
        }
        assert_eq!(self.alike(id), "in-force");
        id
    }

    pub fn accord_proposed(&mut self, mechanisms: &[&str]) -> DossierId {
        let all: Vec<(usize, &str)> = (0..self.sides.len()).map(|i| (i, "party")).collect();
        let parties = self.parties(&all);
        let intent = Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields: self.accord_form(mechanisms), handling: h0() };
        self.does(MA, intent).dossier
    }

    pub fn accord_form(&self, mechanisms: &[&str]) -> BTreeMap<String, Json> {
        let named: Vec<Json> = mechanisms.iter().map(|m| json!({ "name": m, "id": self.sides[MA].node.mechanism(m).unwrap().hash })).collect();
        form(json!({
            "title": fr("Accord de coopération"),
            "legal_basis_kind": "convention",
            "legal_basis": [fr("Convention du 13 février 2019, article 5")],
            "purposes": ["prevent", "investigate"],
            "mechanisms": named,
            "languages": ["fr"],
            "retention_days": 30,
        }))
    }

    pub fn signs(&mut self, i: usize, accord: DossierId) -> Done {
        self.does(i, moves(accord, None, "sign", json!({ "authority": fr("Le directeur") })))
    }

    /// Asks all others for information.
    pub fn asks(&mut self, i: usize, accord: Option<DossierId>) -> Done {
        let parties = self.asking(i);
        self.does(i, Intent::Open { mechanism: "information-request".into(), accord, parties, follows: None, fields: form(question()), handling: h0() })
    }

    pub fn asking(&self, i: usize) -> Vec<(ServiceId, String)> {
        let others = (0..self.sides.len()).filter(|o| *o != i).map(|o| (o, "requested"));
        let of: Vec<(usize, &str)> = std::iter::once((i, "requesting")).chain(others).collect();
        self.parties(&of)
    }

    pub fn notes(&mut self, i: usize, dossier: DossierId, words: &str) -> Done {
        self.does(i, note(dossier, words))
    }

    pub fn accepts(&mut self, i: usize, dossier: DossierId) -> Done {
        self.does(i, moves(dossier, None, "accept", json!({ "reference": "ES-9" })))
    }

    // --- the courier ---

    /// Takes what one service has for another, sealed: number and parcel.
    pub fn carry(&mut self, from: usize, to: usize) -> Option<(u64, Vec<u8>)> {
        let (to, now) = (self.id(to), self.now);
        let load = self.sides[from].node.load(to, now).unwrap()?;
        Some((load.number, load.seal(&self.sides[from].keys).unwrap().bytes))
    }

    /// Hands a parcel over as the courier of `from`; the receipt, or the code of the refusal, which is logged.
    pub fn hand(&mut self, from: usize, to: usize, parcel: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (from, now) = (self.id(from), self.now);
        let side = &mut self.sides[to];
        let arrived = match node::open(parcel, from, &side.node.book(), &side.keys, now) {
            Ok(mut arrived) => {
                // Chunks are written beside the node, or by it: both ways are used.
                if let Some(shelves) = side.node.shelves().filter(|_| parcel.len().is_multiple_of(2)) {
                    arrived.shelve(&shelves);
                }
                arrived
            }
            Err(e) => {
                let _ = side.node.note_refused(from, e.code(), &e.to_string(), now);
                side.commit();
                return Err(e.code());
            }
        };
        let served = side.node.receive(arrived, now);
        let mut outcomes = side.node.commit();
        match served {
            Ok(Served::Again(receipt)) => Ok(receipt),
            Ok(Served::Staged(ticket)) => {
                let place = outcomes.iter().position(|(t, _)| *t == ticket).unwrap();
                outcomes.swap_remove(place).1.map(|a| a.receipt.unwrap()).map_err(|e| e.code())
            }
            Err(e) => Err(e.code()),
        }
    }

    /// Gives the sender its answer.
    pub fn answered(&mut self, from: usize, to: usize, number: u64, parcel: &[u8], receipt: Option<&[u8]>) -> Result<Option<Vec<Digest>>, &'static str> {
        let (to, now) = (self.id(to), self.now);
        let side = &mut self.sides[from];
        let taken = side.node.answered(to, number, parcel_id(parcel), receipt, now);
        let outcomes = side.node.commit();
        match taken.map_err(|e| e.code())? {
            Some((ticket, held)) => stored(&outcomes, ticket).map(|()| Some(held)),
            None => Ok(None),
        }
    }

    /// Moves one parcel all the way; false when there is none.
    pub fn send(&mut self, from: usize, to: usize) -> bool {
        let Some((number, parcel)) = self.carry(from, to) else { return false };
        let receipt = self.hand(from, to, &parcel);
        self.answered(from, to, number, &parcel, receipt.ok().as_deref()).unwrap();
        true
    }

    /// Moves everything between two services, in one direction.
    pub fn send_all(&mut self, from: usize, to: usize) {
        let mut parcels = 0;
        while self.send(from, to) {
            parcels += 1;
            assert!(parcels < 50, "{} sends to {} without end", NAMES[from], NAMES[to]);
        }
    }

    /// Moves everything until nobody has anything for anybody; something that loops never gets there.
    pub fn pump(&mut self) {
        let n = self.sides.len();
        for _ in 0..30 {
            let moved = (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b).fold(0, |sum, (a, b)| sum + usize::from(self.send(a, b)));
            if moved == 0 {
                return;
            }
        }
        panic!("the federation does not come to rest");
    }

    // --- what is looked at ---

    pub fn digest(&mut self, i: usize, dossier: DossierId) -> Digest {
        let now = self.now;
        self.node(i).view(&dossier, &[], now).unwrap().digest
    }

    pub fn phase(&mut self, i: usize, dossier: DossierId) -> String {
        let now = self.now;
        self.node(i).view(&dossier, &[], now).map_or_else(|e| e.code().to_owned(), |v| v.phase)
    }

    pub fn item_phase(&mut self, i: usize, dossier: DossierId, item: ItemId) -> String {
        let now = self.now;
        self.node(i).view(&dossier, &[], now).unwrap().items.into_iter().find(|x| x.id == item).unwrap().phase
    }

    /// Asserts that all hold the same state, and returns its phase.
    pub fn alike(&mut self, dossier: DossierId) -> String {
        let all: Vec<Digest> = (0..self.sides.len()).map(|i| self.digest(i, dossier)).collect();
        assert!(all.windows(2).all(|p| p[0] == p[1]), "{all:?}");
        self.phase(0, dossier)
    }

    /// How the acts of a dossier are filed, by author, sequence and verdict.
    pub fn filed(&self, i: usize, dossier: DossierId) -> String {
        let name = |s: &ServiceId| NAMES[(0..self.sides.len()).find(|k| self.id(*k) == *s).unwrap_or(2)];
        let mut all: Vec<String> = self.store(i).acts_of(&dossier).unwrap().iter().map(|a| format!("{}{} {}", name(&a.author), a.seq, a.verdict)).collect();
        all.sort();
        all.join(", ")
    }

    pub fn logged(&self, i: usize, kind: &str) -> Vec<Json> {
        self.store(i).log(Some(kind), None, 1000).unwrap().iter().map(|l| serde_json::from_slice(&l.data).unwrap()).collect()
    }

    pub fn codes_logged(&self, i: usize, kind: &str) -> Vec<String> {
        self.logged(i, kind).iter().map(|l| l["code"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub fn size(&self, i: usize) -> u64 {
        self.store(i).ledger().unwrap().size
    }

    pub fn waiting_for(&self, i: usize) -> u64 {
        self.store(i).outbox_depth().unwrap().iter().map(|d| d.count).sum()
    }

    /// Returns the seed from which a node that was just restarted draws.
    pub fn entropy_of_the_next_draws(&self, i: usize) -> u64 {
        restarted(self.sides[i].starts - 1, i)
    }

    /// Stops the program of a service and starts it again on the same disk.
    pub fn restart(&mut self, i: usize) {
        self.restart_with(i, MEMORY);
    }

    /// Does so with so many bytes of memory for dossiers.
    pub fn restart_with(&mut self, i: usize, memory: usize) {
        let now = self.now;
        let Side { node, keys, disk, file, chief, deputy, starts } = self.sides.remove(i);
        drop(node);
        let disk = match &file {
            Some(path) => {
                drop(disk);
                Disk::new(Sqlite::open(path, keys.storage().clone(), Box::new(Seeded(700 + starts))).unwrap())
            }
            None => disk,
        };
        let entropy = Box::new(Seeded(restarted(starts, i)));
        let node = Node::open(disk.clone(), keys.clone(), settings(memory), entropy, now).unwrap();
        self.sides.insert(i, Side { node, keys, disk, file, chief, deputy, starts: starts + 1 });
    }
}

/// Bytes of memory for dossiers.
const MEMORY: usize = 32 << 20;

pub fn settings(memory: usize) -> Settings {
    Settings { zone: ZONE.into(), memory }
}

fn restarted(starts: u64, i: usize) -> u64 {
    9000 + 10 * starts + i as u64
}

impl Side {
    pub fn begin(name: &str, seed: u64, file: Option<PathBuf>) -> Side {
        let keys = keys(name, seed);
        let (storage, entropy) = (keys.storage().clone(), Box::new(Seeded(seed + 50)));
        let disk = Disk::new(match &file {
            Some(path) => Sqlite::open(path, storage, entropy).unwrap(),
            None => Sqlite::in_memory(storage, entropy).unwrap(),
        });
        let mut node = Node::open(disk.clone(), keys.clone(), settings(MEMORY), Box::new(Seeded(seed + 70)), START).unwrap();
        let every = vec![Officer, Desk, Supervisor, CompetentAuthority, DataProtection, Administrator];
        let mut add = |id: &str, roles: &[OfficerRole]| {
            node.add_officer(id.parse().unwrap(), id.to_uppercase(), roles.to_vec(), START).unwrap();
            assert!(node.commit().iter().all(|(_, r)| r.is_ok()));
            node.officers().iter().find(|o| o.id.as_str() == id).unwrap().clone()
        };
        let (chief, deputy) = (add("chief", &every), add("deputy", &every));
        Side { node, keys, disk, file, chief, deputy, starts: 1 }
    }

    /// Stores what is staged; all of it must go in.
    pub fn commit(&mut self) {
        self.node.commit().into_iter().for_each(|(_, r)| drop(r.unwrap()));
    }
}

impl Side {
    /// Starts the program on a file that somebody put there.
    pub fn resume(name: &str, keys: Keys, file: PathBuf, now: UnixMs) -> Side {
        let disk = Disk::new(Sqlite::open(&file, keys.storage().clone(), Box::new(Seeded(4000))).unwrap());
        let node = Node::open(disk.clone(), keys.clone(), settings(MEMORY), Box::new(Seeded(4001)), now).unwrap_or_else(|e| panic!("{name}: {e}"));
        let officer = |id: &str| node.officers().iter().find(|o| o.id.as_str() == id).unwrap().clone();
        let (chief, deputy) = (officer("chief"), officer("deputy"));
        Side { node, keys, disk, file: Some(file), chief, deputy, starts: 50 }
    }
}

/// What became of one staged batch.
pub fn stored(outcomes: &node::Committed, ticket: Ticket) -> Result<(), &'static str> {
    let (_, result) = outcomes.iter().find(|(t, _)| *t == ticket).expect("every ticket has its outcome");
    result.as_ref().map(drop).map_err(|e| e.code())
}
