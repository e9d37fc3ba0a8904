//! Checkpoints and cosignatures.

use crate::{DAY_MS, START, cards, draft, service};
use base::{Digest, UnixMs};
use entente_seal::{Checkpoint, Keys, NOTE_BYTES_MAX, SystemEntropy};

fn read(note: &str, of: &Keys) -> Result<Checkpoint, &'static str> {
    Checkpoint::read(note, &cards(of), START).map_err(|e| e.code())
}

#[test]
fn a_checkpoint_is_believed_as_it_was_signed() {
    let keys = service(0);
    let root = Digest::of(b"root");
    let note = Checkpoint::sign(&keys, 3, root);
    let checkpoint = Checkpoint { origin: keys.service(), size: 3, root };
    assert_eq!(read(&note, &keys), Ok(checkpoint));
    assert!(note.starts_with(&format!("entente/{}\n3\n", keys.service())));
    assert_eq!(read(&Checkpoint::sign(&keys, 0, Digest::of(&[])), &keys).map(|c| c.size), Ok(0));
    assert_eq!(read(&Checkpoint::sign(&keys, u64::MAX, root), &keys).map(|c| c.size), Ok(u64::MAX));

    assert_eq!(read(&Checkpoint::sign(&service(100), 3, root), &keys), Err("peer.note.origin"));
    assert_eq!(read(&note.replacen("\n3\n", "\n4\n", 1), &keys), Err("peer.note.signature"));
    assert_eq!(read(&note.replacen("\n3\n", "\n03\n", 1), &keys), Err("peer.note.form"));
    assert_eq!(read(&note.replacen("\n3\n", "\n+3\n", 1), &keys), Err("peer.note.form"));
    assert_eq!(read(&note.replacen("\n\n", "\nextension\n\n", 1), &keys), Err("peer.note.form"));
    assert_eq!(read(&note.to_uppercase(), &keys), Err("peer.note.form"));
    assert_eq!(read("", &keys), Err("peer.note.form"));
    assert_eq!(read(&format!("{note}{}", "x".repeat(NOTE_BYTES_MAX)), &keys), Err("peer.note.form"));
    // Only another's line: a key that we do not look for.
    let theirs = checkpoint.cosign(&service(100), START);
    let unsigned = format!("{}\n{theirs}", checkpoint.body());
    assert_eq!(read(&unsigned, &keys), Err("peer.note.unsigned"));
    assert_eq!(read(&(note + &theirs), &keys), Ok(checkpoint), "others' lines do no harm");
}

#[test]
fn no_changed_byte_makes_another_checkpoint() {
    let keys = service(0);
    let note = Checkpoint::sign(&keys, 3, Digest::of(b"root"));
    for (place, old) in note.bytes().enumerate() {
        for new in [b'A', b'3', b' ', b'\n', b'+'].into_iter().filter(|new| *new != old) {
            let mut changed = note.clone().into_bytes();
            changed[place] = new;
            if let Ok(changed) = String::from_utf8(changed) {
                assert!(read(&changed, &keys).is_err(), "{changed}");
            }
        }
    }
}

#[test]
fn a_cosignature_is_bound_to_text_key_and_time() {
    let (ours, theirs) = (service(0), service(100));
    let note = Checkpoint::sign(&ours, 3, Digest::of(b"root"));
    let checkpoint = read(&note, &ours).unwrap();
    let line = checkpoint.cosign(&theirs, START.plus_ms(1999));
    let cosigned = note.clone() + &line;
    let by = |note: &str, keys: &Keys| checkpoint.cosigned_by(note, &cards(keys)).map_err(|e| e.code());
    assert_eq!(by(&cosigned, &theirs), Ok(START.plus_ms(1000)), "whole seconds");
    assert_eq!(by(&note, &theirs), Err("peer.note.unsigned"));
    assert_eq!(by(&cosigned, &ours), Err("peer.note.unsigned"), "a log's own signature is no cosignature");
    assert_eq!(by(&cosigned.replacen("\n3\n", "\n4\n", 1), &theirs), Err("peer.note.other"));
    let another = Checkpoint { size: 4, ..checkpoint };
    assert_eq!(another.cosigned_by(&(format!("{}\n{line}", another.body())), &cards(&theirs)).unwrap_err().code(), "peer.note.signature");
    // A time outside the cosigner's card.
    let early = note.clone() + &checkpoint.cosign(&theirs, START.plus_ms(-1));
    assert_eq!(by(&early, &theirs), Err("peer.seal.card-expired"));
    // The line of a partner, with its time changed by the courier: 12 bytes of key id and time are the first 16 characters.
    let (name, encoded) = line.rsplit_once(' ').unwrap();
    let changed = format!("{note}{name} {}B{}", &encoded[..14], &encoded[15..]);
    assert_eq!(by(&changed, &theirs), Err("peer.note.signature"));
}

#[test]
fn after_a_rotation_either_key_speaks_as_long_as_it_may() {
    let mut keys = service(0);
    let mut chain = cards(&keys);
    let old = Checkpoint::sign(&keys, 3, Digest::of(b"root"));
    chain.add(&keys.rotate(&draft(10), START, &mut SystemEntropy).unwrap()).unwrap();
    keys.advance(START.plus_ms(10 * DAY_MS));
    let new = Checkpoint::sign(&keys, 4, Digest::of(b"next"));
    let code = |note: &str, at: UnixMs| Checkpoint::read(note, &chain, at).map(|c| c.size).map_err(|e| e.code());
    assert_eq!(code(&old, START.plus_ms(12 * DAY_MS)), Ok(3));
    assert_eq!(code(&old, START.plus_ms(13 * DAY_MS)), Err("peer.seal.card-retired"));
    assert_eq!(code(&new, START.plus_ms(9 * DAY_MS)), Err("peer.seal.card-expired"));
    assert_eq!(code(&new, START.plus_ms(13 * DAY_MS)), Ok(4));
    // The same key on two cards: the one that is good counts.
    let mut same = service(0);
    let mut chain = cards(&same);
    let note = Checkpoint::sign(&same, 3, Digest::of(b"root"));
    chain.add(&same.issue_card(&draft(10), START).unwrap()).unwrap();
    assert!(Checkpoint::read(&note, &chain, START.plus_ms(13 * DAY_MS)).is_ok());
}

#[test]
fn a_note_that_was_cosigned_is_as_good_as_it_was_then() {
    let (mut keys, theirs) = (service(0), service(100));
    let mut chain = cards(&keys);
    chain.add(&keys.rotate(&draft(10), START, &mut SystemEntropy).unwrap()).unwrap();
    keys.advance(START.plus_ms(10 * DAY_MS));
    let note = Checkpoint::sign(&keys, 3, Digest::of(b"root"));
    let (acting, late) = (START.plus_ms(11 * DAY_MS), START.plus_ms(30 * DAY_MS));
    let checkpoint = Checkpoint::read(&note, &chain, acting).unwrap();
    chain.add(&keys.rotate(&draft(20), acting, &mut SystemEntropy).unwrap()).unwrap();
    let shown = |at: UnixMs| {
        let cosigned = note.clone() + &checkpoint.cosign(&theirs, at);
        Checkpoint::read_cosigned(&cosigned, &chain, &cards(&theirs), late).map(|c| c.size).map_err(|e| e.code())
    };
    assert_eq!(Checkpoint::read(&note, &chain, late).unwrap_err().code(), "peer.seal.card-retired");
    assert_eq!(shown(acting), Ok(3), "it came while its card acted");
    // The cosigner's clock stood before the card's beginning: its time says nothing for the note, and nothing against it.
    assert_eq!(shown(START.plus_ms(5 * DAY_MS)), Err("peer.seal.card-retired"));
}
