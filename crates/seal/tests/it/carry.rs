//! Carry files: what is read back, what is cut, altered or foreign, and that each is told from the others.

use crate::{START, cards, service};
use entente_seal::{CARRY_MAGIC, Cards, CarryFault, CarryPart, CarryReader, CarryVolume, Keys, seal_parcel};

const PARCEL_MAX: usize = 1 << 16;

/// A volume of two parcels and one receipt, and where each of its frames begins.
fn volume(from: &Keys, to: &Keys) -> (Vec<u8>, Vec<usize>) {
    let parcel = |n: u64| seal_parcel(from, cards(to).latest(), n, START, format!("acts {n}").as_bytes()).unwrap().bytes;
    let (mut out, mut bytes) = CarryVolume::begin(from, to.service(), 3, START, &cards(from));
    let mut places = vec![CARRY_MAGIC.len()];
    let mut add = |frame: Vec<u8>| {
        places.push(bytes.len());
        bytes.extend(frame);
    };
    add(out.receipt(9, b"receipt"));
    add(out.parcel(&parcel(1)));
    add(out.parcel(&parcel(2)));
    assert_eq!(out.records(), 3);
    add(out.end(from, true));
    (bytes, places)
}

/// Reads in chunks and tells what came: "head", "parcel", "receipt 9", "end whole" or the code of a fault.
fn read(bytes: &[u8], chunk: usize, sender: &Cards) -> Vec<String> {
    let (mut reader, mut told, mut head) = (CarryReader::new(PARCEL_MAX), Vec::new(), None);
    let mut chunks = bytes.chunks(chunk.max(1));
    loop {
        match reader.part() {
            Ok(Some(CarryPart::Head(h))) => {
                told.push(h.verify(sender).map_or_else(|e| e.code().to_owned(), |()| "head".to_owned()));
                head = Some(h);
            }
            Ok(Some(CarryPart::Parcel(_))) => told.push("parcel".to_owned()),
            Ok(Some(CarryPart::Receipt { number, .. })) => told.push(format!("receipt {number}")),
            Ok(Some(CarryPart::End(end))) => {
                told.push(end.verify(head.as_ref().unwrap(), sender).map_or_else(|e| e.code().to_owned(), |()| "end whole".to_owned()));
            }
            Ok(None) => match chunks.next() {
                Some(more) => reader.push(more),
                None => break,
            },
            Err(e) => {
                told.push(e.code().to_owned());
                return told;
            }
        }
    }
    told.extend(reader.finish().err().map(|e| e.code().to_owned()));
    told
}

#[test]
fn a_volume_comes_back_as_it_was_however_its_bytes_come() {
    let (ours, theirs) = (service(0), service(100));
    let (bytes, _) = volume(&ours, &theirs);
    for chunk in [1, 7, 1000, bytes.len()] {
        assert_eq!(read(&bytes, chunk, &cards(&ours)), ["head", "receipt 9", "parcel", "parcel", "end whole"], "in chunks of {chunk}");
    }
    let mut reader = CarryReader::new(PARCEL_MAX);
    reader.push(&bytes);
    let Ok(Some(CarryPart::Head(head))) = reader.part() else { panic!("no head") };
    assert_eq!((head.from(), head.to, head.volume, head.at), (ours.service(), theirs.service(), 3, START));
    assert_eq!(head.cards, [ours.card_bytes().to_vec()]);
}

#[test]
fn a_cut_volume_yields_what_is_whole_and_says_that_it_is_cut() {
    let (ours, theirs) = (service(0), service(100));
    let (bytes, places) = volume(&ours, &theirs);
    for cut in 0..bytes.len() {
        let told = read(&bytes[..cut], 4096, &cards(&ours));
        let whole = places[1..].iter().filter(|p| **p <= cut).count();
        let mut expected: Vec<&str> = ["head", "receipt 9", "parcel", "parcel"][..whole].to_vec();
        expected.push(if cut < CARRY_MAGIC.len() { "refusal.carry.no-file" } else { "refusal.carry.cut" });
        assert_eq!(told, expected, "cut at {cut}");
    }
    let mut reader = CarryReader::new(PARCEL_MAX);
    reader.push(&bytes[..places[3]]);
    while let Ok(Some(_)) = reader.part() {}
    assert_eq!(reader.finish(), Err(CarryFault::Cut { records: 2 }));
}

#[test]
fn no_changed_byte_stays_unseen() {
    let (ours, theirs) = (service(0), service(100));
    let (bytes, places) = volume(&ours, &theirs);
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        let told = read(&changed, 4096, &cards(&ours));
        let last = told.last().unwrap().as_str();
        match place {
            0..=13 => assert_eq!(last, "refusal.carry.no-file"),
            14 | 15 => assert_eq!(last, "refusal.carry.version"),
            // In a length the file may seem to break off; in the head's content its own signature tells.
            _ => assert!(["refusal.carry.altered", "refusal.carry.cut", "refusal.carry.version"].contains(&last), "{place}: {told:?}"),
        }
        assert!(!told.contains(&"end whole".to_owned()), "{place}");
        if place > places[1] + 5 && place < places[2] {
            assert_eq!(told[0], "head", "what stands before the change is good");
        }
    }
    let mut more = bytes.clone();
    more.push(0);
    assert_eq!(read(&more, 4096, &cards(&ours)).last().unwrap(), "refusal.carry.altered");
}

#[test]
fn frames_that_change_their_place_or_come_from_elsewhere_are_seen() {
    let (ours, theirs, third) = (service(0), service(100), service(200));
    let (bytes, places) = volume(&ours, &theirs);
    let (other, at) = volume(&ours, &theirs);
    let swapped = [&bytes[..places[2]], &other[at[3]..at[4]], &bytes[places[3]..]].concat();
    assert_eq!(read(&swapped, 4096, &cards(&ours)), ["head", "receipt 9", "parcel", "parcel", "refusal.carry.altered"]);
    let left_out = [&bytes[..places[2]], &bytes[places[3]..]].concat();
    assert_eq!(read(&left_out, 4096, &cards(&ours)), ["head", "receipt 9", "parcel", "refusal.carry.altered"]);
    // Another service's end, however true its signature, ends nothing.
    let (mut out, _) = CarryVolume::begin(&third, theirs.service(), 3, START, &cards(&third));
    let _ = out.receipt(9, b"receipt");
    let foreign = [&bytes[..places[4]], &out.end(&third, true)].concat();
    assert_eq!(read(&foreign, 4096, &cards(&ours)).last().unwrap(), "refusal.carry.altered");
    // A head that somebody else has signed under our name.
    let (theirs_told, _) = volume(&third, &theirs);
    assert_eq!(read(&theirs_told, 4096, &cards(&ours))[0], "peer.seal.unknown-sender");
    assert_eq!(read(b"PK\x03\x04", 4096, &cards(&ours)), ["refusal.carry.no-file"]);
    assert_eq!(read(b"", 4096, &cards(&ours)), ["refusal.carry.no-file"]);
    assert_eq!(read(b"entente-carry/2\n", 4096, &cards(&ours)), ["refusal.carry.version"]);
}

#[test]
fn a_record_larger_than_any_may_be_is_not_waited_for() {
    let (ours, theirs) = (service(0), service(100));
    let (bytes, places) = volume(&ours, &theirs);
    let large = [&bytes[..places[2]], &(PARCEL_MAX as u32 + 1).to_be_bytes()[..], &[2]].concat();
    assert_eq!(read(&large, 4096, &cards(&ours)).last().unwrap(), "refusal.carry.altered");
    let fits = [&bytes[..places[2]], &(PARCEL_MAX as u32).to_be_bytes()[..], &[2]].concat();
    assert_eq!(read(&fits, 4096, &cards(&ours)).last().unwrap(), "refusal.carry.cut");
}
