//! Exhibits: files that come chunk by chunk, checked, resumed, counted, kept once, and gone when nothing keeps them.

use crate::forms::*;
use crate::world::*;
use base::{CHUNK_BYTES, DossierId, ExhibitId};
use dossier::Deed;
use node::{ExhibitView, Intent, Piece};
use seal::exhibit::{ChunkTree, chunk_hash};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use store::DirVault;

pub const MIB: usize = CHUNK_BYTES;

/// A file that is like no other.
pub fn file(seed: u64, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    base::Entropy::fill(&mut Seeded(seed), &mut out);
    out
}

pub struct Story {
    pub w: World,
    pub folder: tempfile::TempDir,
    pub dossier: DossierId,
}

/// Partners with a place for exhibits, and a request from MA to the others.
pub fn story(n: usize, limits: Json) -> Story {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), n).met();
    (0..n).for_each(|i| shelve(&mut w, folder.path(), i));
    let accord = accord_with(&mut w, limits);
    let dossier = w.asks(MA, Some(accord)).dossier;
    w.pump();
    Story { w, folder, dossier }
}

fn accord_with(w: &mut World, limits: Json) -> DossierId {
    let all: Vec<(usize, &str)> = (0..w.sides.len()).map(|i| (i, "party")).collect();
    let (parties, mut fields) = (w.parties(&all), w.accord_form(&["information-request"]));
    fields.extend(form(limits));
    let intent = Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() };
    let id = w.does(MA, intent).dossier;
    w.pump();
    (0..w.sides.len()).for_each(|i| {
        w.signs(i, id);
        w.pump();
    });
    id
}

pub fn vault_dir(folder: &Path, i: usize) -> PathBuf {
    folder.join(format!("{}-exhibits", NAMES[i]))
}

pub fn shelve(w: &mut World, folder: &Path, i: usize) {
    let storage = w.sides[i].keys.storage().clone();
    let vault = DirVault::open(&vault_dir(folder, i), storage, Box::new(Seeded(77 + i as u64 + w.now.0 as u64)), 0).unwrap();
    let now = w.now;
    w.node(i).keep_exhibits(Arc::new(vault), now).unwrap();
}

impl Story {
    /// Adds a file at one side; its value for a form.
    pub fn adds(&mut self, i: usize, bytes: &[u8]) -> Json {
        let (now, chief) = (self.w.now, self.w.sides[i].chief.clone());
        let mut intake = self.w.node(i).shelves().unwrap().take_in().unwrap();
        bytes.chunks(300_000).for_each(|part| intake.write(part).unwrap());
        let (_, id) = self.w.node(i).add_exhibit(&chief, intake.finish().unwrap(), now).unwrap();
        self.w.sides[i].commit();
        value(id, bytes.len())
    }

    pub fn item(&self, exhibit: &Json) -> Intent {
        item(self.dossier, exhibit)
    }

    pub fn view(&mut self, i: usize) -> Vec<ExhibitView> {
        let id = self.dossier;
        self.w.node(i).exhibits_of(&id).unwrap()
    }

    /// How the only exhibit stands: here, then at the others, as state and whole MiB.
    pub fn stands(&mut self, i: usize) -> String {
        let all = self.view(i);
        let one = |s: &node::ExhibitStanding| {
            format!("{} {} {}{}", s.code, s.state, s.bytes / MIB as u64, s.why.as_ref().map(|w| format!(" {w}")).unwrap_or_default())
        };
        let lines: Vec<String> = all.iter().flat_map(|v| [&v.here].into_iter().chain(&v.there).map(one).collect::<Vec<_>>()).collect();
        lines.join(", ")
    }

    /// Reads an exhibit out, and tells whether it is what it should be.
    pub fn reads(&mut self, i: usize, exhibit: &Json, bytes: &[u8]) -> Result<bool, &'static str> {
        let (now, chief, dossier) = (self.w.now, self.w.sides[i].chief.clone(), self.dossier);
        let id: ExhibitId = exhibit["id"].as_str().unwrap().parse().unwrap();
        let (_, reading) = self.w.node(i).read_exhibit(&chief, (&dossier, &id), "to compare", None, now).map_err(|e| e.code())?;
        self.w.sides[i].commit();
        assert_eq!(reading.size(), bytes.len() as u64);
        Ok((0..).zip(bytes.chunks(MIB)).all(|(n, chunk)| reading.chunk(n).unwrap() == chunk))
    }

    /// The chunks in the next parcel, taken out and lost on the way.
    fn loses(&mut self, from: usize, to: usize) -> Vec<u32> {
        let (number, parcel) = self.w.carry(from, to).expect("a parcel is due");
        let chunks = self.chunks_in(to, &parcel);
        self.w.answered(from, to, number, &parcel, None).unwrap();
        chunks
    }

    pub fn chunks_in(&self, to: usize, parcel: &[u8]) -> Vec<u32> {
        let cards = |i: usize| seal::Directory::cards(&self.w.sides[to].node.book(), &self.w.id(i)).unwrap();
        let parcel = seal::Parcel::parse(parcel, node::PARCEL_BYTES_MAX).unwrap();
        let from = (0..self.w.sides.len()).find(|i| self.w.id(*i) == parcel.from()).unwrap();
        let opened = parcel.open(&cards(from), &self.w.sides[to].keys).unwrap();
        let pieces: Vec<Piece> = base::cbor::from_slice(opened.plaintext(), 8 << 20).unwrap();
        let index = |p| if let Piece::Chunk { index, .. } = p { Some(index) } else { None };
        pieces.into_iter().filter_map(index).collect()
    }

    /// Moves parcels one by one and counts the chunks that travel.
    fn counts(&mut self, from: usize, to: usize) -> Vec<u32> {
        let mut all = Vec::new();
        while let Some((number, parcel)) = self.w.carry(from, to) {
            all.extend(self.chunks_in(to, &parcel));
            let receipt = self.w.hand(from, to, &parcel).unwrap();
            self.w.answered(from, to, number, &parcel, Some(&receipt)).unwrap();
            self.w.send_all(to, from);
        }
        all
    }
}

fn value(id: ExhibitId, bytes: usize) -> Json {
    json!({ "id": id, "name": "scellé 4.bin", "size": bytes, "media": "application/octet-stream" })
}

fn item(dossier: DossierId, exhibit: &Json) -> Intent {
    Intent::OpenItem { dossier, parent: None, kind: "exhibit".into(), fields: form(json!({ "file": [exhibit] })), handling: h0() }
}

fn code<T: std::fmt::Debug>(result: Result<T, node::NodeError>) -> &'static str {
    result.unwrap_err().code()
}

#[test]
fn a_file_comes_whole_and_both_ends_say_so() {
    let mut s = story(2, json!({}));
    let bytes = file(1, 3 * MIB + 77);
    let exhibit = s.adds(MA, &bytes);
    assert_eq!(code(s.w.tries(MA, s.item(&value(ExhibitId::default(), 5)))), "refusal.exhibit.absent", "an officer names what is here");
    let mut other_size = exhibit.clone();
    other_size["size"] = json!(bytes.len() - 1);
    assert_eq!(code(s.w.tries(MA, s.item(&other_size))), "refusal.exhibit.absent", "and with its own size");
    s.w.does(MA, s.item(&exhibit));
    assert_eq!(s.stands(MA), "ma held 3, es unknown 0");
    s.w.send_all(MA, ES);
    assert_eq!(s.stands(ES), "es coming 0, ma held 3", "the act is here, the content is not");
    s.w.pump();
    assert_eq!(s.stands(ES), "es held 3, ma held 3");
    assert_eq!(s.stands(MA), "ma held 3, es held 3", "by ES's own signed receipt");
    let (here, there) = (s.view(ES)[0].here.since.unwrap(), s.view(MA)[0].there[0].since.unwrap());
    assert_eq!(here, there, "both name the same moment");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    assert_eq!(s.w.logged(ES, "consultation").last().unwrap()["what"], "exhibit taken out");
    assert!(s.w.carry(MA, ES).is_none() && s.w.carry(ES, MA).is_none(), "nothing is left to say");
    s.w.wait(3 * HOUR);
    assert!(s.w.carry(MA, ES).is_none() && s.w.carry(ES, MA).is_none(), "nor later");
}

#[test]
fn after_a_cut_only_what_is_lacking_goes_again() {
    let mut s = story(2, json!({}));
    let bytes = file(2, 6 * MIB);
    let exhibit = s.adds(MA, &bytes);
    s.w.does(MA, s.item(&exhibit));
    s.w.send_all(MA, ES);
    s.w.send_all(ES, MA);
    assert_eq!(s.loses(MA, ES), [0], "one chunk at a time until the way has shown itself");
    s.w.send(MA, ES);
    s.w.send(MA, ES);
    assert_eq!(s.stands(ES), "es coming 2, ma held 6");
    // Both programs end and start again.
    for i in [MA, ES] {
        s.w.restart(i);
        shelve(&mut s.w, s.folder.path(), i);
    }
    assert_eq!(s.stands(ES), "es coming 2, ma held 6");
    assert_eq!(s.stands(MA), "ma held 6, es coming 2");
    s.w.send_all(ES, MA);
    assert_eq!(s.counts(MA, ES), [2, 3, 4, 5], "and each once");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    assert_eq!(s.stands(MA), "ma held 6, es held 6");
}

#[test]
fn what_is_asked_in_vain_is_asked_again_and_of_others() {
    let mut s = story(3, json!({}));
    let exhibit = s.adds(MA, &file(3, MIB));
    s.w.does(MA, s.item(&exhibit));
    s.w.send_all(MA, ES);
    s.w.send_all(MA, DE);
    s.w.send_all(DE, MA);
    s.w.send_all(MA, DE);
    s.w.send_all(ES, DE);
    s.w.send_all(DE, ES);
    assert!(s.stands(DE).starts_with("de held 1"));
    // MA is cut off before ES could ask; DE has it.
    let (number, parcel) = s.w.carry(ES, MA).unwrap();
    s.w.answered(ES, MA, number, &parcel, None).unwrap();
    assert!(s.w.carry(ES, DE).is_none(), "the author is given time first");
    s.w.wait(29_000);
    assert!(s.w.carry(ES, DE).is_none());
    s.w.wait(1_000);
    assert!(s.w.send(ES, DE), "then the next party is asked");
    s.w.send_all(DE, ES);
    assert!(s.stands(ES).starts_with("es held 1"), "{}", s.stands(ES));
}

#[test]
fn an_altered_chunk_is_refused_and_its_sender_named() {
    let mut s = story(2, json!({}));
    let bytes = file(4, 2 * MIB);
    let exhibit = s.adds(MA, &bytes);
    let id: ExhibitId = exhibit["id"].as_str().unwrap().parse().unwrap();
    s.w.does(MA, s.item(&exhibit));
    s.w.send_all(MA, ES);
    s.w.carry(ES, MA).expect("ES asks, and so expects it");
    let tree = ChunkTree::new(bytes.chunks(MIB).map(chunk_hash).collect());
    let chunk = |index: u32, data: &[u8], size: u64| Piece::Chunk { exhibit: id, size, index, proof: tree.proof(index).unwrap(), data: data.to_vec().into() };
    let (first, second, size) = (&bytes[..MIB], &bytes[MIB..], bytes.len() as u64);
    let mut altered = first.to_vec();
    altered[5] ^= 1;
    let bad = [
        (chunk(0, &altered, size), "peer.exhibit.chunk", "a byte changed"),
        (chunk(0, second, size), "peer.exhibit.chunk", "another chunk of the same file"),
        (chunk(0, &first[1..], size), "peer.exhibit.size", "a byte too few"),
        (chunk(0, first, 5 * size), "peer.exhibit.chunk", "of a larger file"),
        (chunk(0, first, 0), "peer.exhibit.size", "of no size"),
    ];
    for (n, (piece, code, why)) in bad.into_iter().enumerate() {
        let parcel = s.w.parcel(MA, ES, 900 + n as u64, &[piece]);
        let receipt = s.w.hand(MA, ES, &parcel).unwrap();
        assert_eq!(fates(&s.w, ES, &receipt), [code], "{why}");
        let line = s.w.logged(ES, "refused-input").pop().unwrap();
        assert_eq!((line["code"].as_str(), line["from"].as_str()), (Some(code), Some(&*s.w.id(MA).to_string())), "{why}");
        assert!(line["what"].as_str().unwrap().contains(&id.to_string()), "{why}");
    }
    assert_eq!(s.stands(ES), "es coming 0, ma held 2", "nothing of it was kept");
    let parcel = s.w.parcel(MA, ES, 990, &[chunk(0, first, size), chunk(1, second, size)]);
    let receipt = s.w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(fates(&s.w, ES, &receipt), ["held", "held"], "the nearest neighbour is taken");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    // What nobody asked for touches no disk.
    let stray = file(5, 10);
    let stray_id = ChunkTree::new(vec![chunk_hash(&stray)]).root();
    let piece = Piece::Chunk { exhibit: stray_id, size: 10, index: 0, proof: Vec::new(), data: stray.into() };
    let parcel = s.w.parcel(MA, ES, 991, &[piece]);
    let receipt = s.w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(fates(&s.w, ES, &receipt), ["refusal.exhibit.unasked"]);
    assert_eq!(std::fs::read_dir(vault_dir(s.folder.path(), ES)).unwrap().count(), 1);
}

#[test]
fn who_is_no_party_learns_and_gets_nothing() {
    let mut s = story(3, json!({}));
    let parties = s.w.parties(&[(MA, "requesting"), (ES, "requested")]);
    let open = Intent::Open { mechanism: "information-request".into(), accord: None, parties, follows: None, fields: form(question()), handling: h0() };
    s.dossier = s.w.does(MA, open).dossier;
    let exhibit = s.adds(MA, &file(6, 1000));
    let id: ExhibitId = exhibit["id"].as_str().unwrap().parse().unwrap();
    s.w.does(MA, s.item(&exhibit));
    s.w.pump();
    let dossier = s.dossier;
    let seek = |dossier, exhibit| Piece::Seek { dossier, exhibit, lacking: vec![(0, 1)], why: None };
    let asks = [
        (seek(dossier, id), "refusal.node.absent"),
        (Piece::Whole { dossier, exhibit: id }, "refusal.node.absent"),
        (seek(dossier, ExhibitId::default()), "refusal.node.absent"),
    ];
    for (n, (piece, code)) in asks.into_iter().enumerate() {
        let parcel = s.w.parcel(DE, MA, 900 + n as u64, &[piece]);
        let receipt = s.w.hand(DE, MA, &parcel).unwrap();
        assert_eq!(fates(&s.w, MA, &receipt), [code], "hidden and absent answer alike");
    }
    assert!(s.w.carry(MA, DE).is_none());
    let parcel = s.w.parcel(ES, MA, 900, &[seek(dossier, id), Piece::Seek { dossier, exhibit: id, lacking: vec![(0, 2)], why: None }]);
    let receipt = s.w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(fates(&s.w, MA, &receipt), ["held", "peer.exhibit.ranges"], "a party gets what there is, not more");
}

#[test]
fn what_is_here_is_kept_once_and_goes_with_its_last_dossier() {
    let mut s = story(2, json!({}));
    let bytes = file(7, 2 * MIB);
    let exhibit = s.adds(MA, &bytes);
    s.w.does(MA, s.item(&exhibit));
    s.w.pump();
    assert_eq!(s.adds(MA, &bytes), exhibit, "added twice, kept once");
    let first = s.dossier;
    s.dossier = s.w.asks(MA, None).dossier;
    s.w.does(MA, s.item(&exhibit));
    assert_eq!(s.counts(MA, ES), Vec::<u32>::new(), "no chunk travels twice");
    s.w.pump();
    assert_eq!(s.stands(MA), "ma held 2, es held 2", "ES has said so for the second dossier too");
    let files = |s: &Story, i| std::fs::read_dir(vault_dir(s.folder.path(), i)).unwrap().count();
    assert_eq!((files(&s, MA), files(&s, ES)), (1, 1));
    let ends = |s: &mut Story, dossier| {
        s.w.does(MA, moves(dossier, None, "withdraw", json!({ "reason": fr("plus nécessaire") })));
        s.w.pump();
        s.w.wait(32 * 24 * HOUR);
        let now = s.w.now;
        s.w.node(ES).sweep(now).unwrap().unwrap();
        s.w.sides[ES].commit();
    };
    ends(&mut s, first);
    assert_eq!(files(&s, ES), 1, "another dossier keeps it");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    let second = s.dossier;
    ends(&mut s, second);
    assert_eq!(files(&s, ES), 0, "erased with the last");
    assert_eq!(s.reads(ES, &exhibit, &[]), Err("refusal.node.absent"));
    s.w.restart(ES);
    shelve(&mut s.w, s.folder.path(), ES);
    s.w.wait(3 * HOUR);
    assert!(s.w.carry(ES, MA).is_none(), "and not asked for again");
}

#[test]
fn an_accord_s_limits_hold_at_both_ends() {
    let limits = json!({ "exhibit_mib_max": 3, "dossier_exhibits_mib_max": 5, "party_exhibits_mib_max": 6 });
    let mut s = story(2, limits);
    let large = s.adds(MA, &file(8, 3 * MIB + 1));
    assert_eq!(code(s.w.tries(MA, s.item(&large))), "refusal.act.exhibits", "a byte too large");
    let three = s.adds(MA, &file(9, 3 * MIB));
    s.w.does(MA, s.item(&three));
    let (two, more) = (s.adds(MA, &file(10, 2 * MIB)), s.adds(MA, &file(11, 2 * MIB + 1)));
    assert_eq!(code(s.w.tries(MA, s.item(&more))), "refusal.act.exhibits", "a byte too much for the dossier");
    s.w.does(MA, s.item(&three));
    s.w.does(MA, s.item(&two));
    s.w.pump();
    assert_eq!(s.view(ES).iter().filter(|v| v.here.state == "held").count(), 2);
    let first = s.dossier;
    s.dossier = s.w.asks(MA, None).dossier;
    s.w.pump();
    assert_eq!(code(s.w.tries(MA, s.item(&more))), "refusal.exhibit.quota", "five are kept, and two and a bit are more than six");
    let one = s.adds(MA, &file(12, MIB));
    s.w.does(MA, s.item(&one));
    s.w.pump();
    assert_eq!(s.stands(ES), "es held 1, ma held 1");
    // A node that does not keep to it is stopped at the other end: the guard's limits as void, the quota by not taking it.
    let named = |e: &Json| {
        base::cbor::Map::from_iter([("file".to_owned(), dossier::Value::Many(vec![dossier::Value::Exhibit(serde_json::from_value(e.clone()).unwrap())]))])
    };
    let root = s.w.node(ES).view(&s.dossier, &[], START).unwrap().items[0].id;
    let deed = |parent| Deed::OpenItem { kind: "exhibit".into(), parent };
    let dossier = s.dossier;
    let bad = s.w.forge(MA, dossier, deed(root), named(&large), |_| ());
    let parcel = s.w.parcel(MA, ES, 900, &[piece(bad)]);
    let receipt = s.w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(fates(&s.w, ES, &receipt), ["held"], "kept as evidence");
    assert!(s.w.filed(ES, dossier).contains("void:refusal.act.exhibits"), "{}", s.w.filed(ES, dossier));
    let _ = first;
    let mut other = story(2, json!({ "party_exhibits_mib_max": 1 }));
    let two = other.adds(MA, &file(13, 2 * MIB));
    let root = other.w.node(ES).view(&other.dossier, &[], START).unwrap().items[0].id;
    let over = other.w.forge(MA, other.dossier, deed(root), named(&two), |_| ());
    let parcel = other.w.parcel(MA, ES, 900, &[piece(over)]);
    let receipt = other.w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(fates(&other.w, ES, &receipt), ["held"], "the act itself is law-abiding as far as its dossier shows");
    assert_eq!(other.stands(ES), "es refused 0 refusal.exhibit.quota, ma held 2");
    let told = other.w.carry(ES, MA).expect("ES says why");
    assert!(other.chunks_in(MA, &told.1).is_empty());
}

#[test]
fn acts_overtake_chunks() {
    let mut s = story(2, json!({}));
    let exhibit = s.adds(MA, &file(14, 9 * MIB));
    s.w.does(MA, s.item(&exhibit));
    s.w.send_all(MA, ES);
    s.w.send_all(ES, MA);
    for _ in 0..3 {
        assert!(s.w.send(MA, ES));
    }
    let mut flying = Vec::new();
    while let Some(load) = s.w.carry(MA, ES) {
        flying.push(load);
    }
    assert_eq!(flying.len(), 3, "three parcels of chunks at most are under way, and the courier carries four");
    let dossier = s.dossier;
    s.w.notes(MA, dossier, "Urgent.");
    let (_, note) = s.w.carry(MA, ES).expect("the act does not wait for them");
    assert_eq!(s.chunks_in(ES, &note), Vec::<u32>::new());
    s.w.hand(MA, ES, &note).unwrap();
    let second = s.adds(MA, &file(15, MIB));
    s.w.does(MA, s.item(&second));
    s.w.send_all(MA, ES);
    s.w.send_all(ES, MA);
    let (number, parcel) = flying.remove(0);
    let receipt = s.w.hand(MA, ES, &parcel).unwrap();
    s.w.answered(MA, ES, number, &parcel, Some(&receipt)).unwrap();
    s.w.send(MA, ES);
    assert!(s.view(ES).iter().any(|v| v.size == MIB as u64 && v.here.state == "held"), "a small exhibit does not wait for a large one");
}

#[test]
fn no_chunk_leaves_under_a_card_that_has_not_begun_by_our_own_clock() {
    let mut s = story(2, json!({}));
    let from = s.w.now;
    crate::keys::rotate(&mut s.w, MA, from);
    s.w.pump();
    let exhibit = s.adds(MA, &file(16, 9 * MIB));
    s.w.does(MA, s.item(&exhibit));
    s.w.send_all(MA, ES);
    s.w.send_all(ES, MA);
    assert!(s.w.send(MA, ES), "chunks are under way");
    let es = s.w.id(ES);
    assert!(s.w.node(MA).load(es, from.plus_ms(-3000)).unwrap().is_none(), "the clock is set back behind the card's beginning");
    let (_, parcel) = s.w.carry(MA, ES).expect("the clock is right again");
    assert!(!s.chunks_in(ES, &parcel).is_empty());
}

#[test]
fn what_a_crash_leaves_is_asked_for_once_more() {
    let mut s = story(2, json!({}));
    let bytes = file(16, 2 * MIB);
    let exhibit = s.adds(MA, &bytes);
    s.w.does(MA, s.item(&exhibit));
    s.w.send_all(MA, ES);
    s.w.send_all(ES, MA);
    // The chunk is on the shelf; the transaction of its receipt fails.
    s.w.sides[ES].disk.full.store(true, Relaxed);
    let (number, parcel) = s.w.carry(MA, ES).unwrap();
    assert_eq!(s.w.hand(MA, ES, &parcel), Err("failure.store.disk-full"), "no receipt before durability");
    s.w.answered(MA, ES, number, &parcel, None).unwrap();
    s.w.sides[ES].disk.full.store(false, Relaxed);
    assert_eq!(s.stands(ES), "es coming 0, ma held 2", "what has no receipt does not count");
    s.w.restart(ES);
    std::fs::write(vault_dir(s.folder.path(), ES).join("0123456789abcdef0123456789abcdef"), b"left behind").unwrap();
    shelve(&mut s.w, s.folder.path(), ES);
    assert_eq!(std::fs::read_dir(vault_dir(s.folder.path(), ES)).unwrap().count(), 1, "what no document knows is taken away");
    s.w.pump();
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
}

#[test]
fn custody_is_signed_only_where_it_is_true() {
    let mut s = story(2, json!({}));
    let bytes = file(17, MIB + 1);
    let exhibit = s.adds(MA, &bytes);
    let id = s.w.does(MA, s.item(&exhibit)).item;
    s.w.send(MA, ES);
    let dossier = s.dossier;
    let receive = || moves(dossier, Some(id), "receive", json!({}));
    assert_eq!(code(s.w.tries(ES, receive())), "refusal.exhibit.incomplete", "nobody confirms what is not here");
    s.w.pump();
    s.w.does(ES, receive());
    s.w.pump();
    assert_eq!(s.w.item_phase(MA, dossier, id), "held");
    s.w.does(ES, moves(dossier, Some(id), "destroy", json!({ "done": fr("copie effacée") })));
    s.w.pump();
    assert_eq!((s.w.item_phase(MA, dossier, id), s.w.item_phase(ES, dossier, id)), ("disposed".into(), "disposed".into()));
    assert_eq!(s.stands(ES), "es erased 0, ma held 1");
    assert_eq!(std::fs::read_dir(vault_dir(s.folder.path(), ES)).unwrap().count(), 0);
    assert_eq!(s.reads(ES, &exhibit, &[]), Err("refusal.node.absent"));
    assert_eq!(s.reads(MA, &exhibit, &bytes), Ok(true), "its owner keeps it");
    s.w.wait(3 * HOUR);
    assert!(s.w.carry(ES, MA).is_none(), "what was destroyed is not fetched again");
}

#[test]
fn damage_on_a_disk_is_found_named_and_mended_from_another_party() {
    let mut s = story(3, json!({}));
    let bytes = file(18, 2 * MIB);
    let exhibit = s.adds(MA, &bytes);
    s.w.does(MA, s.item(&exhibit));
    s.w.send_all(MA, DE);
    s.w.send_all(DE, MA);
    s.w.send_all(MA, DE);
    let shelf = std::fs::read_dir(vault_dir(s.folder.path(), MA)).unwrap().next().unwrap().unwrap().path();
    let mut raw = std::fs::read(&shelf).unwrap();
    raw[MIB / 2] ^= 1;
    std::fs::write(&shelf, raw).unwrap();
    s.w.send_all(MA, ES);
    s.w.send_all(ES, MA);
    let (es, now) = (s.w.id(ES), s.w.now);
    let load = s.w.node(MA).load(es, now).unwrap().unwrap();
    let damaged = load.seal(&s.w.sides[MA].keys).unwrap_err();
    assert_eq!(damaged.code(), "failure.exhibit.damaged");
    s.w.node(MA).unsealed(es, load.number, &damaged, now);
    s.w.sides[MA].commit();
    assert_eq!(s.w.codes_logged(MA, "incident"), ["failure.exhibit.damaged"]);
    assert!(s.stands(MA).starts_with("ma coming 1"), "its own is lacking a chunk now: {}", s.stands(MA));
    s.w.wait(60_000);
    s.w.pump();
    assert!(s.stands(ES).starts_with("es held 2"), "{}", s.stands(ES));
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    s.w.wait(10 * 60_000);
    s.w.pump();
    assert_eq!(s.reads(MA, &exhibit, &bytes), Ok(true), "and MA has its own back");
}

#[test]
fn files_that_a_restore_did_not_bring_are_fetched_anew() {
    let mut s = story(2, json!({}));
    let bytes = file(21, MIB + 3);
    let exhibit = s.adds(MA, &bytes);
    s.w.does(MA, s.item(&exhibit));
    s.w.pump();
    for i in [ES, MA] {
        s.w.restart(i);
        std::fs::remove_dir_all(vault_dir(s.folder.path(), i)).unwrap();
        shelve(&mut s.w, s.folder.path(), i);
        assert_eq!(s.w.codes_logged(i, "incident"), ["failure.exhibit.damaged"]);
        assert!(s.stands(i).contains("coming 0"), "{}", s.stands(i));
        s.w.pump();
        assert_eq!(s.reads(i, &exhibit, &bytes), Ok(true), "also by its own author");
    }
}

#[test]
fn a_size_that_somebody_named_wrongly_hinders_nobody() {
    let mut s = story(2, json!({}));
    let bytes = file(20, MIB + 9);
    let exhibit = s.adds(MA, &bytes);
    let mut wrong: dossier::Exhibit = serde_json::from_value(exhibit.clone()).unwrap();
    wrong.size = 77;
    let fields = base::cbor::Map::from_iter([("file".to_owned(), dossier::Value::Many(vec![dossier::Value::Exhibit(wrong)]))]);
    // In another dossier than the true one: within one the guard does not let sizes differ.
    let other = s.w.asks(ES, None).dossier;
    s.w.pump();
    let root = s.w.node(ES).view(&other, &[], START).unwrap().items[0].id;
    let lie = s.w.forge(MA, other, Deed::OpenItem { kind: "exhibit".into(), parent: root }, fields, |_| ());
    let parcel = s.w.parcel(MA, ES, 900, &[piece(lie)]);
    s.w.hand(MA, ES, &parcel).unwrap();
    s.w.does(MA, s.item(&exhibit));
    s.w.pump();
    s.w.wait(30_000);
    s.w.pump();
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
}

#[test]
fn what_a_partner_gave_goes_on_only_as_its_handling_permits() {
    let mut s = story(3, json!({}));
    let exhibit = s.adds(MA, &file(19, 10));
    let mut open = s.item(&exhibit);
    if let Intent::OpenItem { handling, .. } = &mut open {
        *handling = base::Handling::code("H2");
    }
    s.w.does(MA, open);
    s.w.pump();
    s.dossier = s.w.asks(ES, None).dossier;
    assert_eq!(code(s.w.tries(ES, s.item(&exhibit))), "refusal.handling.forbidden");
}
