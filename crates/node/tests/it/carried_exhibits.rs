//! Exhibits by carry file: whole, over several media, lost, out of order, beside the line, and only where an act names them.

use crate::carry::{DAY, LARGE, confirm, export, import, one, told, write_some};
use crate::exhibits::{MIB, Story, file, shelve, story, vault_dir};
use crate::world::*;
use base::ExhibitId;
use node::Piece;
use seal::exhibit::{ChunkTree, chunk_hash};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use store::DirVault;

/// Names a new file of MA's in the dossier; nobody has heard of it yet.
fn named(bytes: &[u8]) -> (Story, serde_json::Value) {
    let mut s = story(2, json!({}));
    let exhibit = s.adds(MA, bytes);
    s.w.does(MA, s.item(&exhibit));
    (s, exhibit)
}

/// Takes files at one side, and returns how many chunks came in them.
fn take(s: &mut Story, at: usize, files: &[Vec<u8>]) -> u64 {
    files
        .iter()
        .map(|f| {
            let r = import(&mut s.w, at, f).unwrap();
            assert!(r.whole && r.faults.is_empty(), "{r:?}");
            r.chunks
        })
        .sum()
}

/// Brings what there is from one to the other.
fn brings(s: &mut Story, from: usize, to: usize) -> u64 {
    let files = export(&mut s.w, from, to, false);
    take(s, to, &files)
}

/// One file of two chunks at most, confirmed: the file, and how many exhibits are left for the next.
fn stick(s: &mut Story, again: bool) -> (Option<Vec<u8>>, usize) {
    let (id, mut files) = write_some(&mut s.w, MA, ES, again, 2_400_000, 1).unwrap();
    let left = confirm(&mut s.w, MA, ES, id, files.len() as u64).unwrap();
    assert!(files.len() <= 1 && files.iter().all(|f| f.len() <= 2_400_000));
    (files.pop(), left)
}

fn on_disk(s: &Story, i: usize) -> usize {
    std::fs::read_dir(vault_dir(s.folder.path(), i)).unwrap().count()
}

#[test]
fn a_file_goes_by_file_alone_and_custody_with_it() {
    let bytes = file(31, 5 * MIB + 77);
    let (mut s, exhibit) = named(&bytes);
    let item = s.w.node(MA).view(&s.dossier.clone(), &[], START).unwrap().items.last().unwrap().id;
    let out = one(export(&mut s.w, MA, ES, false));
    assert_eq!(s.stands(MA), "ma held 5, es unknown 0", "it has not said anything yet");
    assert_eq!(take(&mut s, ES, std::slice::from_ref(&out)), 6, "act and content in one file");
    assert_eq!(s.stands(ES), "es held 5, ma held 5");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    s.w.wait(2 * DAY);
    brings(&mut s, ES, MA);
    assert_eq!(s.stands(MA), "ma held 5, es coming 5", "every chunk is receipted; the word on the whole is asked for");
    s.w.does(ES, moves(s.dossier, Some(item), "receive", json!({})));
    for (from, to) in [(MA, ES), (ES, MA), (MA, ES)] {
        assert_eq!(brings(&mut s, from, to), 0, "no chunk goes twice");
    }
    assert_eq!(s.stands(MA), "ma held 5, es held 5");
    assert_eq!(s.view(MA)[0].there[0].since, s.view(ES)[0].here.since, "both name the same moment");
    let dossier = s.dossier;
    assert_eq!(s.w.item_phase(MA, dossier, item), "held", "the officer's act of custody came the same way");
    s.w.does(ES, moves(dossier, Some(item), "destroy", json!({ "done": fr("copie effacée") })));
    for (from, to) in [(ES, MA), (MA, ES), (ES, MA), (MA, ES)] {
        brings(&mut s, from, to);
    }
    assert_eq!((s.w.item_phase(MA, dossier, item).as_str(), on_disk(&s, ES)), ("disposed", 0));
    for (from, to) in [(ES, MA), (MA, ES)] {
        assert!(export(&mut s.w, from, to, false).is_empty(), "nothing goes round for ever, and what was destroyed does not come again");
    }
    assert_eq!(take(&mut s, ES, &[out]), 0, "nor from the old file");
    assert_eq!(on_disk(&s, ES), 0);
}

#[test]
fn a_large_file_goes_over_as_many_media_as_it_takes() {
    let bytes = file(32, 7 * MIB);
    let (mut s, exhibit) = named(&bytes);
    let mut came = Vec::new();
    for n in 1.. {
        let (file, left) = stick(&mut s, false);
        let Some(file) = file else { break };
        came.push(take(&mut s, ES, &[file]));
        assert_eq!(left > 0, came.iter().sum::<u64>() < 7, "what is left is told");
        if n == 2 {
            // Both programs end in the middle.
            for i in [MA, ES] {
                s.w.restart(i);
                shelve(&mut s.w, s.folder.path(), i);
            }
        }
        s.w.wait(DAY / 2);
    }
    assert_eq!((came.iter().sum::<u64>(), came.iter().all(|n| *n <= 2)), (7, true), "each chunk once: {came:?}");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    brings(&mut s, ES, MA);
    brings(&mut s, MA, ES);
    brings(&mut s, ES, MA);
    assert_eq!(s.stands(MA), "ma held 7, es held 7");
    assert_eq!(s.w.node(MA).carry_status().unwrap()[0].exhibits, 0);
    // A file that is too small for a chunk carries acts, and says what it left.
    let more = s.adds(MA, &file(33, 2 * MIB));
    s.w.does(MA, s.item(&more));
    let (id, files) = write_some(&mut s.w, MA, ES, false, node::VOLUME_BYTES_MIN, 9).unwrap();
    assert_eq!(confirm(&mut s.w, MA, ES, id, files.len() as u64), Ok(1));
    assert_eq!(take(&mut s, ES, &files), 0);
    assert_eq!(brings(&mut s, MA, ES), 2);
}

#[test]
fn what_does_not_fit_is_put_back_receipts_and_acts_too() {
    let (mut s, _) = named(&file(34, 10));
    for n in 0..40 {
        s.w.notes(MA, s.dossier, &format!("{n} {}", "x".repeat(15_000)));
    }
    let (mut files, mut exports) = (Vec::new(), 0);
    loop {
        let (id, all) = write_some(&mut s.w, MA, ES, false, node::VOLUME_BYTES_MIN, 1).unwrap();
        assert!(all.len() <= 1);
        confirm(&mut s.w, MA, ES, id, all.len() as u64).unwrap();
        if all.is_empty() {
            break;
        }
        files.extend(all);
        exports += 1;
    }
    assert!(exports > 2, "{exports}");
    take(&mut s, ES, &files);
    let dossier = s.dossier;
    s.w.alike(dossier);
    // Receipts: as many as there were parcels, each once, over exports that hold one volume each.
    let owed = s.w.node(ES).carry_status().unwrap()[0].owed;
    let (id, begun) = write_some(&mut s.w, ES, MA, false, LARGE, u64::MAX).unwrap();
    confirm(&mut s.w, ES, MA, id, 1).unwrap();
    let r = import(&mut s.w, MA, &begun[0]).unwrap();
    assert_eq!((r.receipts.new, s.w.waiting_for(MA)), (owed, 0));
}

#[test]
fn a_lost_file_is_asked_for_after_days_or_written_again_at_once() {
    let bytes = file(35, 4 * MIB);
    // The sender hears of the loss and exports again: what was receipted does not go a second time.
    let (mut s, exhibit) = named(&bytes);
    let first = stick(&mut s, false).0.unwrap();
    let lost = stick(&mut s, false).0.unwrap();
    assert!(take(&mut s, ES, &[first]) > 0);
    brings(&mut s, ES, MA);
    assert_eq!(brings(&mut s, MA, ES), 4 - s.view(ES)[0].here.bytes / MIB as u64 - chunks_of(&s, &lost), "it goes on behind the lost one");
    let again = export(&mut s.w, MA, ES, true);
    assert_eq!(take(&mut s, ES, &again), 4 - u64::from(receipted(&mut s)), "only what has no receipt");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    let late = import(&mut s.w, ES, &lost).unwrap();
    assert!(late.whole && late.faults.is_empty() && s.stands(ES) == "es held 4, ma held 4", "the lost one turns up and does no harm");
    // Nobody says anything: after days of silence the receiver asks, and again by hand at once.
    for by_hand in [false, true] {
        let (mut s, exhibit) = named(&bytes);
        s.w.send_all(MA, ES);
        let lost = one(export(&mut s.w, MA, ES, false));
        assert_eq!(chunks_of(&s, &lost), 4);
        assert!(brings(&mut s, ES, MA) == 0 && export(&mut s.w, MA, ES, false).is_empty(), "it is taken to be on its way");
        if !by_hand {
            s.w.wait(3 * DAY - 1);
            brings(&mut s, ES, MA);
            assert_eq!(brings(&mut s, MA, ES), 0);
            s.w.wait(1);
        }
        let asks = export(&mut s.w, ES, MA, by_hand);
        take(&mut s, MA, &asks);
        assert_eq!(brings(&mut s, MA, ES), 4);
        assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    }
}

/// How many chunks of its only exhibit MA has receipts for.
fn receipted(s: &mut Story) -> u32 {
    u32::try_from(s.view(MA)[0].there[0].bytes / MIB as u64).unwrap()
}

/// Chunks in a carry file for ES.
fn chunks_of(s: &Story, file: &[u8]) -> u64 {
    let mut reader = seal::CarryReader::new(node::PARCEL_BYTES_MAX);
    reader.push(file);
    let (cards, keys) = (seal::Directory::cards(&s.w.sides[ES].node.book(), &s.w.id(MA)).unwrap(), &s.w.sides[ES].keys);
    let mut chunks = 0;
    while let Ok(Some(part)) = reader.part() {
        let seal::CarryPart::Parcel(bytes) = part else { continue };
        let opened = seal::Parcel::parse(bytes, node::PARCEL_BYTES_MAX).unwrap().open(&cards, keys).unwrap();
        let pieces: Vec<Piece> = base::cbor::from_slice(opened.plaintext(), 8 << 20).unwrap();
        chunks += pieces.iter().filter(|p| matches!(p, Piece::Chunk { .. })).count() as u64;
    }
    chunks
}

#[test]
fn the_line_and_the_medium_bring_one_file_together() {
    let bytes = file(36, 6 * MIB);
    let (mut s, exhibit) = named(&bytes);
    // Two chunks over the line, then it breaks.
    s.w.send_all(MA, ES);
    s.w.send_all(ES, MA);
    assert!(s.w.send(MA, ES) && s.w.send(MA, ES));
    let over_line = s.view(ES)[0].here.bytes / MIB as u64;
    let medium = stick(&mut s, false).0.unwrap();
    assert_eq!(take(&mut s, ES, &[medium]), 2);
    // Its receipts come back by file, and the line goes on with what neither brought.
    brings(&mut s, ES, MA);
    assert_eq!(u64::from(receipted(&mut s)), over_line + 2);
    let mut chunks = 0;
    while let Some((number, parcel)) = s.w.carry(MA, ES) {
        chunks += s.chunks_in(ES, &parcel).len() as u64;
        let receipt = s.w.hand(MA, ES, &parcel).unwrap();
        s.w.answered(MA, ES, number, &parcel, Some(&receipt)).unwrap();
        s.w.send_all(ES, MA);
    }
    assert_eq!(chunks, 6 - over_line - 2, "each chunk once, by whichever way");
    assert_eq!(s.stands(MA), "ma held 6, es held 6");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
    // The same chunks by both ways at once: the second is known, and either receipt settles it.
    let (mut s, _) = named(&bytes);
    let medium = one(export(&mut s.w, MA, ES, false));
    s.w.pump();
    assert_eq!(s.stands(MA), "ma held 6, es held 6");
    take(&mut s, ES, &[medium]);
    brings(&mut s, ES, MA);
    assert_eq!(s.stands(MA), "ma held 6, es held 6");
    assert_eq!(brings(&mut s, MA, ES), 0);
}

#[test]
fn a_chunk_in_front_of_its_act_comes_again_with_the_next_file() {
    let bytes = file(37, 4 * MIB);
    let (mut s, exhibit) = named(&bytes);
    let (first, second) = (stick(&mut s, false).0.unwrap(), stick(&mut s, false).0.unwrap());
    assert!(chunks_of(&s, &second) > 0);
    let r = import(&mut s.w, ES, &second).unwrap();
    assert_eq!((r.whole, r.pieces_refused > 0), (true, true));
    assert!(s.w.codes_logged(ES, "refused-input").iter().all(|c| c == "refusal.exhibit.early"));
    assert_eq!(on_disk(&s, ES), 0, "what no act names touches no disk");
    take(&mut s, ES, &[first]);
    brings(&mut s, ES, MA);
    brings(&mut s, MA, ES);
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true), "without a question, and without a word from anybody");
}

#[test]
fn a_file_brings_no_chunk_that_is_not_the_exhibits_or_not_for_us() {
    let bytes = file(38, 2 * MIB);
    let (mut s, exhibit) = named(&bytes);
    s.w.send(MA, ES);
    let id: ExhibitId = exhibit["id"].as_str().unwrap().parse().unwrap();
    let tree = ChunkTree::new(bytes.chunks(MIB).map(chunk_hash).collect());
    let chunk = |data: Vec<u8>, id| Piece::Chunk { exhibit: id, size: 2 * MIB as u64, index: 0, proof: tree.proof(0).unwrap(), data: data.into() };
    let mut altered = bytes[..MIB].to_vec();
    altered[9] ^= 1;
    let stray = file(39, 2 * MIB);
    let strays = ChunkTree::new(stray.chunks(MIB).map(chunk_hash).collect());
    let unnamed = Piece::Chunk { exhibit: strays.root(), size: 2 * MIB as u64, index: 0, proof: strays.proof(0).unwrap(), data: stray[..MIB].to_vec().into() };
    let mut number = 900;
    let mut fate = |s: &mut Story, piece: Piece| {
        number += 1;
        let parcel = s.w.parcel(MA, ES, number, &[piece]);
        let (es, keys) = (s.w.id(ES), &s.w.sides[MA].keys);
        let (mut v, mut out) = seal::CarryVolume::begin(keys, es, number, s.w.now, &seal::Cards::first(keys.card_bytes()).unwrap());
        out.extend(v.parcel(&parcel));
        out.extend(v.end(keys, true));
        let refused = import(&mut s.w, ES, &out).unwrap().pieces_refused;
        (refused > 0).then(|| s.w.codes_logged(ES, "refused-input").pop().unwrap())
    };
    assert_eq!(fate(&mut s, chunk(altered, id)).as_deref(), Some("peer.exhibit.chunk"));
    assert_eq!(fate(&mut s, unnamed).as_deref(), Some("refusal.exhibit.early"));
    assert_eq!(on_disk(&s, ES), 0);
    assert_eq!(fate(&mut s, chunk(bytes[..MIB].to_vec(), id)), None, "the nearest neighbour is taken");
    assert_eq!((s.stands(ES).as_str(), on_disk(&s, ES)), ("es coming 1, ma held 2", 1));
}

#[test]
fn without_room_nothing_is_taken_and_with_room_it_comes() {
    let bytes = file(40, 3 * MIB);
    let (mut s, exhibit) = named(&bytes);
    let floor = |s: &mut Story, bytes: u64| {
        let storage = s.w.sides[ES].keys.storage().clone();
        let vault = DirVault::open(&vault_dir(s.folder.path(), ES), storage, Box::new(Seeded(5)), bytes).unwrap();
        let now = s.w.now;
        s.w.node(ES).keep_exhibits(Arc::new(vault), now).unwrap();
    };
    floor(&mut s, u64::MAX);
    let file = one(export(&mut s.w, MA, ES, false));
    let r = import(&mut s.w, ES, &file).unwrap();
    assert_eq!(told(Ok(r.clone())), "parcels 2 0 0 receipts 0 0 0 whole");
    assert_eq!((r.pieces_refused, on_disk(&s, ES)), (3, 0));
    brings(&mut s, ES, MA);
    assert_eq!(s.stands(MA), "ma held 3, es refused 0 refusal.exhibit.room", "and its sender learns why");
    assert_eq!(brings(&mut s, MA, ES), 0);
    floor(&mut s, 0);
    let asks = export(&mut s.w, ES, MA, true);
    take(&mut s, MA, &asks);
    assert_eq!(brings(&mut s, MA, ES), 3);
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
}

#[test]
fn a_disk_that_is_full_in_the_middle_promises_nothing() {
    let bytes = file(41, 6 * MIB);
    let (mut s, exhibit) = named(&bytes);
    let file = one(export(&mut s.w, MA, ES, false));
    s.w.send_all(MA, ES);
    s.w.sides[ES].disk.full.store(true, Relaxed);
    assert_eq!(told(import(&mut s.w, ES, &file)), "failure.store.disk-full");
    s.w.sides[ES].disk.full.store(false, Relaxed);
    assert_eq!(s.stands(ES), "es coming 0, ma held 6", "what has no receipt does not count");
    assert_eq!(take(&mut s, ES, std::slice::from_ref(&file)), 6);
    assert_eq!(told(import(&mut s.w, ES, &file)), "parcels 0 3 0 receipts 0 0 0 whole", "and a second time it is known");
    assert_eq!(s.reads(ES, &exhibit, &bytes), Ok(true));
}
