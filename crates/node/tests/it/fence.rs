//! A node is put back to an older state: it signs no number twice, gets back what it had acknowledged, and says so to everybody.

use crate::world::*;
use base::{Digest, DossierId, UnixMs};
use node::Piece;
use seal::{Cards, Checkpoint, Restored, Typ};
use std::path::{Path, PathBuf};
use store::{Kind, Sqlite};

/// Services on files, in one accord.
pub fn allied_on(folder: &Path, n: usize) -> (World, DossierId) {
    let mut w = World::strangers_on(folder, n).met();
    let accord = w.accord(&["information-request", "working-visit"]);
    (w, accord)
}

/// Copies MA's store as a backup does, beside the running node.
pub fn backed_up(w: &World, to: &Path) -> UnixMs {
    Sqlite::snapshot(w.sides[MA].file.as_ref().unwrap(), to, &mut |_, _| ()).unwrap();
    w.now
}

/// Lets MA ask all others, and copies its store right after that into `copy.db`.
pub fn asked_and_backed_up(folder: &Path, n: usize) -> (World, Done, UnixMs) {
    let (mut w, _) = allied_on(folder, n);
    let asked = w.asks(MA, None);
    w.pump();
    let copied = backed_up(&w, &folder.join("copy.db"));
    (w, asked, copied)
}

/// Puts a copy in the place of MA's store, and starts its node on it; `declared` as `backup restore` does it.
pub fn put_back(w: &mut World, copy: &Path, declared: Option<UnixMs>) {
    let side = w.sides.remove(MA);
    let (file, keys) = (side.file.clone().unwrap(), side.keys.clone());
    drop(side);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    std::fs::copy(copy, &file).unwrap();
    let side = resume(w, &file, &keys, declared, 77);
    w.sides.insert(MA, side);
}

fn resume(w: &World, file: &Path, keys: &seal::Keys, declared: Option<UnixMs>, seed: u64) -> Side {
    if let Some(copied) = declared {
        let store = Sqlite::open(file, keys.storage().clone(), Box::new(Seeded(seed))).unwrap();
        node::declare(&store, keys, ZONE, copied, w.now, &mut Seeded(seed + 1)).unwrap();
    }
    Side::resume("ma", keys.clone(), file.to_owned(), w.now)
}

pub fn refused(w: &mut World, i: usize, intent: node::Intent) -> &'static str {
    w.tries(i, intent).err().map_or("done", |e| e.code())
}

pub fn checkpoint(w: &mut World, i: usize) {
    let now = w.now;
    w.node(i).checkpoint(now).unwrap();
    w.sides[i].commit();
    w.pump();
}

/// Every act of a service in a store, by dossier and number; two under one number are found here.
fn signed_by_ma(w: &World, at: usize) -> Vec<(DossierId, u64)> {
    let me = w.id(MA);
    let acts = w.store(at).entries(0, 100_000).unwrap().into_iter().filter(|e| e.kind == Kind::Act);
    let mut all: Vec<(DossierId, u64)> =
        acts.filter_map(|e| w.store(at).act(&e.object.into()).unwrap()).filter(|a| a.author == me).map(|a| (a.dossier, a.seq)).collect();
    all.sort();
    all
}

pub fn nothing_twice(w: &World) {
    for (at, name) in NAMES.iter().enumerate().take(w.sides.len()) {
        let all = signed_by_ma(w, at);
        assert!(all.windows(2).all(|p| p[0] != p[1]), "{name}: a number was signed twice: {all:?}");
        let codes = w.codes_logged(at, "incident");
        assert!(!codes.iter().any(|c| c == "peer.act.equivocation" || c == "peer.ledger.rewritten"), "{name}: {codes:?}");
    }
}

#[test]
fn what_was_acknowledged_comes_back_and_no_number_is_signed_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, accord) = allied_on(folder.path(), 3);
    let asked = w.asks(MA, None);
    w.pump();
    checkpoint(&mut w, MA);
    checkpoint(&mut w, ES);
    let copy = folder.path().join("copy.db");
    let copied = backed_up(&w, &copy);
    let stood = w.size(MA);
    // After the backup: own acts, partners' acts, a dossier of our own, one of a partner, checkpoints both ways.
    w.notes(MA, asked.dossier, "Après la sauvegarde.");
    w.accepts(ES, asked.dossier);
    w.pump();
    let later = w.asks(MA, None);
    let theirs = w.asks(ES, None);
    w.pump();
    w.notes(MA, theirs.dossier, "Note dans leur dossier.");
    w.pump();
    checkpoint(&mut w, MA);
    checkpoint(&mut w, ES);
    let lost = w.size(MA);
    let before = [asked.dossier, later.dossier, theirs.dossier, accord].map(|d| w.digest(ES, d));
    w.wait(HOUR);
    put_back(&mut w, &copy, Some(copied));
    // Fenced: reading goes, signing does not, and it is said who is awaited.
    assert_eq!(w.phase(MA, asked.dossier), "open");
    let e = w.tries(MA, note(asked.dossier, "Trop tôt.")).unwrap_err();
    assert_eq!((e.code(), ["es", "de"].iter().all(|p| e.to_string().contains(p))), ("refusal.fence.awaited", true), "{e}");
    let asking = node::Intent::Open {
        mechanism: "information-request".into(),
        accord: None,
        parties: w.asking(MA),
        follows: None,
        fields: form(question()),
        handling: h0(),
    };
    assert_eq!(refused(&mut w, MA, asking), "refusal.fence.awaited", "nor is a new dossier opened on an accord that may have ended");
    let mut fence = w.node(MA).fence().unwrap().unwrap();
    fence.awaited.sort();
    assert_eq!((fence.awaited.join(" "), fence.size, fence.over), ("de es".to_owned(), stood, false));
    w.pump();
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over && fence.awaited.is_empty(), "{fence:?}");
    // What came after the last receipt or checkpoint that a partner holds is not known: the number is a lower bound.
    assert!(fence.own_back == 3 && (1..=lost - stood).contains(&fence.lost_entries) && fence.lost_entries + 3 > lost - stood, "{fence:?}");
    for (d, digest) in [asked.dossier, later.dossier, theirs.dossier, accord].into_iter().zip(before) {
        assert_eq!(w.digest(MA, d), digest);
        w.alike(d);
    }
    w.notes(MA, asked.dossier, "On continue.");
    w.notes(MA, theirs.dossier, "Ici aussi.");
    w.asks(MA, None);
    w.pump();
    w.alike(asked.dossier);
    assert_eq!(w.filed(ES, asked.dossier), "es1 valid, ma1 valid, ma2 valid, ma3 valid");
    nothing_twice(&w);
    // The ledgers go on under everybody's eyes.
    for i in [MA, ES, DE, MA] {
        checkpoint(&mut w, i);
    }
    checkpoint(&mut w, MA);
    let cosigned = w.node(MA).status().unwrap().cosigned;
    assert!(cosigned.iter().all(|(_, size)| *size > stood), "{cosigned:?}");
    // And MA watches ES's ledger on, although it had forgotten what it cosigned of it last.
    w.asks(ES, None);
    w.pump();
    let size = w.size(ES);
    checkpoint(&mut w, ES);
    assert!(w.node(ES).status().unwrap().cosigned.contains(&("ma".to_owned(), size)));
    nothing_twice(&w);
    for i in [ES, DE] {
        assert_eq!(w.codes_logged(i, "incident"), ["peer.ledger.restored"]);
        store::check_ledger(&*w.store(i)).unwrap();
    }
    store::check_ledger(&*w.store(MA)).unwrap();
    assert!(w.codes_logged(MA, "incident").is_empty(), "{:?}", w.logged(MA, "incident"));
    // The declaration is the first entry of the new line, and a rebuild and a restart come to the same.
    assert_eq!(w.store(MA).entries(stood, 1).unwrap()[0].kind, Kind::Restored);
    let now = w.now;
    w.node(MA).rebuild(now, &mut |_, _| ()).unwrap();
    w.sides[MA].commit();
    w.restart(MA);
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    w.alike(asked.dossier);
}

#[test]
fn a_dossier_opens_when_its_own_parties_have_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 3);
    let both = w.asks(MA, None);
    let parties = w.parties(&[(MA, "requesting"), (ES, "requested")]);
    let open = node::Intent::Open { mechanism: "information-request".into(), accord: None, parties, follows: None, fields: form(question()), handling: h0() };
    let pair = w.does(MA, open);
    w.pump();
    let copied = backed_up(&w, &folder.path().join("copy.db"));
    w.notes(MA, both.dossier, "Perdu.");
    w.notes(MA, pair.dossier, "Perdu aussi.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    // Only ES can be reached.
    for _ in 0..6 {
        w.send_all(MA, ES);
        w.send_all(ES, MA);
    }
    w.notes(MA, pair.dossier, "Avec l'Espagne on continue.");
    let e = w.tries(MA, note(both.dossier, "Non.")).unwrap_err();
    assert!(e.code() == "refusal.fence.awaited" && e.to_string().contains("before de has"), "{e}");
    assert_eq!(w.filed(MA, both.dossier), "ma1 valid, ma2 valid", "what ES holds of it came back all the same");
    w.pump();
    w.notes(MA, both.dossier, "Maintenant.");
    w.pump();
    w.alike(both.dossier);
    nothing_twice(&w);
}

#[test]
fn what_two_partners_bring_back_in_one_group_is_one_act() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    w.notes(MA, asked.dossier, "Perdu, et chez les deux.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    // Both are asked, and both answer and bring the act; neither parcel is stored before the other is judged.
    for partner in [ES, DE] {
        w.send_all(MA, partner);
        w.send_all(partner, MA);
        w.send_all(MA, partner);
    }
    let parcels: Vec<(usize, Vec<u8>)> = [ES, DE].into_iter().filter_map(|p| Some((p, w.carry(p, MA)?.1))).collect();
    assert_eq!(parcels.len(), 2);
    let now = w.now;
    for (partner, parcel) in &parcels {
        let from = w.id(*partner);
        let side = &mut w.sides[MA];
        let arrived = node::open(&parcel[..], from, &side.node.book(), &side.keys, now).unwrap();
        assert!(side.node.receive(arrived, now).is_ok());
    }
    w.sides[MA].commit();
    w.pump();
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.over, fence.why, fence.own_back), (true, node::Why::Restored, 1), "{fence:?}");
    assert!(w.codes_logged(MA, "incident").is_empty(), "{:?}", w.logged(MA, "incident"));
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn a_node_that_was_put_back_again_before_anybody_heard_of_it_is_believed_and_believes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    // ES cosigns the line that is lost first; its word is still under way.
    w.notes(MA, asked.dossier, "Première ligne.");
    let now = w.now;
    w.node(MA).checkpoint(now).unwrap();
    w.sides[MA].commit();
    w.send_all(MA, ES);
    let cosigned = w.size(MA);
    w.wait(MINUTE);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    // The second line grows by what DE sends, beyond what ES cosigned of the first, and is lost as well: nobody has heard of either loss.
    for n in 0..4 {
        w.notes(DE, asked.dossier, &format!("Note {n}"));
    }
    w.send_all(DE, MA);
    let second = folder.path().join("second.db");
    let copied = backed_up(&w, &second);
    assert!(w.size(MA) > cosigned);
    w.wait(MINUTE);
    put_back(&mut w, &second, Some(copied));
    // One parcel tells ES of both, and what it cosigned comes to MA meanwhile.
    w.pump();
    for i in [MA, MA, ES, MA] {
        checkpoint(&mut w, i);
    }
    for (at, codes) in [(MA, vec![]), (ES, vec!["peer.ledger.restored"; 2]), (DE, vec!["peer.ledger.restored"; 2])] {
        assert_eq!(w.codes_logged(at, "incident"), codes, "{}: {:?}", NAMES[at], w.logged(at, "incident"));
        assert!(w.codes_logged(at, "refused-input").iter().all(|c| !c.starts_with("peer.")), "{}: {:?}", NAMES[at], w.logged(at, "refused-input"));
    }
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    let size = w.size(MA);
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
    checkpoint(&mut w, MA);
    let cosigned = w.node(MA).status().unwrap().cosigned;
    assert!(cosigned.len() == 2 && cosigned.iter().all(|(_, c)| *c > size), "{cosigned:?}, more than {size}");
}

#[test]
fn a_declaration_made_under_a_clock_ahead_is_no_other_machines() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    // The first restoration is declared two hours ahead of everybody, and lost before anybody has heard of it.
    let right = w.now;
    w.wait(120 * MINUTE);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    let (ahead, second) = (w.now, folder.path().join("second.db"));
    w.node(MA).recover(ahead).unwrap();
    w.sides[MA].commit();
    let copied = backed_up(&w, &second);
    w.now = right.plus_ms(MINUTE);
    put_back(&mut w, &second, Some(copied));
    w.pump();
    assert_eq!((w.codes_logged(ES, "incident").len(), w.node(MA).fence().unwrap().unwrap().over), (1, true));
    w.wait(180 * MINUTE);
    w.node(MA).retry();
    w.pump();
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored"; 2], "the first one was taken once its time had come");
    assert_eq!(w.codes_logged(MA, "incident"), [""; 0], "the first is in its own ledger");
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn what_a_partner_cosigned_before_it_answered_shows_no_other_machine_whatever_its_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    let (right, me) = (w.now, w.id(MA));
    w.node(MA).checkpoint(right).unwrap();
    w.sides[MA].commit();
    let (_, shown) = w.carry(MA, ES).unwrap();
    // ES cosigns under a clock that is fifty minutes ahead, and what it sends stays under way.
    w.wait(50 * MINUTE);
    w.hand(MA, ES, &shown).unwrap();
    let note = String::from_utf8(w.store(ES).record("witnessed-note", &me.to_string()).unwrap().unwrap().data).unwrap();
    let (number, late) = w.carry(ES, MA).unwrap();
    w.answered(ES, MA, number, &late, None).unwrap();
    w.now = right.plus_ms(MINUTE);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    assert!(w.node(MA).fence().unwrap().unwrap().over, "ES has answered");
    w.hand(ES, MA, &late).unwrap();
    assert_eq!(w.codes_logged(MA, "incident"), [""; 0], "it was sent before the answer");
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
    // The same once more, as file and line both bring it; then one that is longer than the lost line was, cosigned since.
    let es = w.sides[ES].keys.clone();
    let longer = Checkpoint::sign(&w.sides[MA].keys, 10_000, Digest::of(b"of another machine"));
    let cards = Cards::first(w.sides[MA].keys.card_bytes()).unwrap();
    let line = Checkpoint::read(&longer, &cards, w.now).unwrap().cosign(&es, w.now.plus_ms(MINUTE));
    for (number, note, codes) in [(1, note, vec![]), (2, format!("{longer}{line}"), vec!["failure.fence.twin"])] {
        let parcel = w.parcel(ES, MA, (1 << 40) + number, &[Piece::Cosigned { note }]);
        w.hand(ES, MA, &parcel).unwrap();
        assert_eq!(w.codes_logged(MA, "incident"), codes);
    }
}

#[test]
fn two_machines_from_one_backup_are_named_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    let asked = w.asks(MA, None);
    w.pump();
    let (copy, second) = (folder.path().join("copy.db"), folder.path().join("second.db"));
    let copied = backed_up(&w, &copy);
    std::fs::copy(&copy, &second).unwrap();
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    put_back(&mut w, &copy, Some(copied));
    w.pump();
    w.notes(MA, asked.dossier, "La première continue.");
    w.pump();
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored"]);
    // The same backup on a second machine, which can send and is not reached: the address leads to the first.
    w.wait(MINUTE);
    let keys = w.sides[MA].keys.clone();
    let other = resume(&w, &second, &keys, Some(copied), 99);
    let first = std::mem::replace(&mut w.sides[MA], other);
    w.send_all(MA, ES);
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.restored", "peer.ledger.restored", "peer.ledger.twin"]);
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "La seconde n'a pas de réponse.")), "refusal.fence.awaited");
    w.sides[MA] = first;
    w.send_all(ES, MA);
    assert_eq!(w.codes_logged(MA, "incident"), ["failure.fence.twin"]);
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Non.")), "failure.fence.twin");
    nothing_twice(&w);
    // The other was stopped: two officers say so.
    let (me, now) = (w.id(MA), w.now);
    let (chief, deputy) = (w.sides[MA].chief.clone(), w.sides[MA].deputy.clone());
    w.node(MA).propose_lift(&chief, me, "La seconde machine est arrêtée.", now).unwrap();
    w.sides[MA].commit();
    w.node(MA).approve_lift(&deputy, me, now).unwrap();
    w.sides[MA].commit();
    w.notes(MA, asked.dossier, "Une seule continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn parcel_numbers_leap_over_those_that_were_used() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    let copied = backed_up(&w, &folder.path().join("copy.db"));
    let mut used = Vec::new();
    for _ in 0..3 {
        w.restart(MA);
        w.asks(MA, None);
        used.push(w.carry(MA, ES).unwrap().0);
    }
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    let (first, _) = w.carry(MA, ES).unwrap();
    assert!(first >> 32 > (used[2] >> 32) + 60_000 && first >> 32 < 1 << 25, "{first} after {used:?}");
    let mut other = (w.carry(MA, ES), ());
    assert!(other.0.take().is_none(), "the declaration is all there is");
    // Two machines from one backup do not number alike.
    let keys = w.sides[MA].keys.clone();
    let mut twin = resume(&w, &copy_of(&folder.path().join("copy.db")), &keys, Some(copied), 4711);
    let (es, now) = (w.id(ES), w.now);
    assert_ne!(twin.node.load(es, now).unwrap().unwrap().number >> 32, first >> 32);
}

fn copy_of(path: &Path) -> PathBuf {
    let to = path.with_extension("again");
    std::fs::copy(path, &to).unwrap();
    to
}

#[test]
fn a_key_file_older_than_the_newest_card_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    let old = w.sides[MA].keys.clone();
    let now = w.now;
    // It begins later, so partners still seal to the one before.
    let draft = seal::CardDraft { valid_from: now.plus_ms(48 * HOUR), ..card_draft("ma") };
    w.sides[MA].keys.issue_card(&draft, now).unwrap();
    w.restart(MA);
    w.notes(MA, asked.dossier, "Avec la nouvelle fiche.");
    w.pump();
    let newer = std::mem::replace(&mut w.sides[MA].keys, old);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Non.")), "failure.fence.old-keys");
    assert!(w.node(MA).fence().unwrap().unwrap().old_keys && w.codes_logged(MA, "incident") == ["failure.fence.old-keys"]);
    w.sides[MA].keys = newer;
    w.restart(MA);
    w.pump();
    w.notes(MA, asked.dossier, "Avec le bon fichier.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn a_partner_that_is_gone_is_lifted_by_two_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    for _ in 0..4 {
        w.send_all(MA, ES);
        w.send_all(ES, MA);
    }
    let (es, de, now) = (w.id(ES), w.id(DE), w.now);
    let (chief, deputy) = (w.sides[MA].chief.clone(), w.sides[MA].deputy.clone());
    let code = |r: Result<node::Ticket, node::NodeError>| r.err().map_or("done", |e| e.code());
    let mut desk = deputy.clone();
    desk.roles = vec![dossier::OfficerRole::Desk];
    let n = w.node(MA);
    assert_eq!(code(n.propose_lift(&desk, de, "Dissous.", now)), "refusal.officer.role");
    assert_eq!(code(n.propose_lift(&chief, de, "  ", now)), "refusal.node.asked");
    assert_eq!(code(n.propose_lift(&chief, es, "A répondu.", now)), "refusal.node.asked", "who has answered is not waited for");
    assert_eq!(code(n.approve_lift(&deputy, de, now)), "refusal.pending.gone");
    assert_eq!(code(n.propose_lift(&chief, de, "Le service est dissous.", now)), "done");
    w.sides[MA].commit();
    assert_eq!(code(w.node(MA).approve_lift(&chief, de, now)), "refusal.pending.same-eyes");
    assert_eq!(code(w.node(MA).approve_lift(&desk, de, now)), "refusal.officer.role");
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Pas encore.")), "refusal.fence.awaited");
    assert_eq!(code(w.node(MA).approve_lift(&deputy, de, now)), "done");
    w.sides[MA].commit();
    w.notes(MA, asked.dossier, "On continue sans lui.");
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert_eq!((fence.lifted.len(), fence.lifted[0].1.second.as_str(), fence.over), (1, "deputy", true));
    let told: Vec<String> = w.logged(MA, "audit").iter().filter_map(|l| l["what"].as_str().map(str::to_owned)).collect();
    assert!(told.iter().any(|t| t == "fence lifted") && told.iter().any(|t| t == "lifting of the fence proposed"));
    w.restart(MA);
    w.notes(MA, asked.dossier, "Et après un redémarrage.");
}

#[test]
fn a_clock_from_receipt_does_not_start_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    let copied = backed_up(&w, &folder.path().join("copy.db"));
    let asked = w.asks(ES, None);
    w.pump();
    let due = |w: &mut World, i: usize| {
        let now = w.now;
        w.node(i).due(now).unwrap().into_iter().find(|d| d.dossier == Some(asked.dossier) && d.what == "request/answer").unwrap().due
    };
    let first = due(&mut w, MA);
    w.wait(3 * HOUR);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    assert_eq!((due(&mut w, MA), due(&mut w, ES)), (first, first));
}

/// Sends a declaration that MA's node would not make.
fn declares(w: &mut World, number: u64, size: u64, root: Digest) -> String {
    let at = w.now.in_zone(ZONE).unwrap();
    let said = Restored { version: 1, service: w.id(MA), nonce: [number as u8; 16], copied: w.now, at, size, root };
    let signed = said.sign(&w.sides[MA].keys).bytes().to_vec();
    let parcel = w.parcel(MA, ES, number, &[Piece::Restored { signed }]);
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    fates(w, ES, &receipt).remove(0)
}

#[test]
fn a_declaration_covers_no_lie() {
    let (mut w, _) = World::allied(2);
    checkpoint(&mut w, MA);
    let size = w.node(MA).status().unwrap().cosigned[0].1;
    let root = w.store(MA).root(size).unwrap().unwrap();
    assert_eq!(declares(&mut w, 1, size, Digest::of(b"other")), "peer.ledger.rewritten", "another root where it was cosigned");
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.ledger.rewritten"]);
    assert_eq!(declares(&mut w, 2, size, root), "held");
    // Declared beyond what was cosigned: the next checkpoint must be that point, and prove that it continues what was cosigned.
    w.asks(MA, None);
    w.pump();
    let end = w.size(MA);
    let other = Digest::of(b"never");
    assert_eq!(declares(&mut w, 3, end, other), "held");
    let send = |w: &mut World, number: u64, size: u64, root: Digest, old_size: u64, proof: Vec<Digest>| {
        let note = seal::Checkpoint::sign(&w.sides[MA].keys, size, root);
        let parcel = w.parcel(MA, ES, number, &[Piece::Checkpoint { note, old_size, proof }]);
        let receipt = w.hand(MA, ES, &parcel).unwrap();
        fates(w, ES, &receipt).remove(0)
    };
    assert_eq!(send(&mut w, 4, end, other, size, vec![]), "peer.ledger.rewritten", "the declared root does not continue the cosigned one");
    let truth = w.store(MA).root(end).unwrap().unwrap();
    let proof = store::prove_consistency(&*w.store(MA), size, end).unwrap().unwrap();
    assert_eq!(send(&mut w, 5, end, truth, size, proof), "peer.ledger.rewritten", "nor is another root taken than the declared one");
    assert_eq!(w.codes_logged(ES, "incident").iter().filter(|c| *c == "peer.ledger.rewritten").count(), 3);
    // Somebody else's declaration is nobody's.
    let at = w.now.in_zone(ZONE).unwrap();
    let forged = Restored { version: 1, service: w.id(MA), nonce: [0; 16], copied: w.now, at, size: 0, root }.sign(&keys("fr", 3));
    assert_eq!(forged.typ(), Typ::Restored);
    let parcel = w.parcel(MA, ES, 9, &[Piece::Restored { signed: forged.bytes().to_vec() }]);
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    assert_eq!(fates(&w, ES, &receipt), ["peer.seal.unknown-sender"], "nobody declares in another's name");
}

#[test]
fn an_echo_of_acts_that_nobody_can_show_holds_nothing_up_for_long() {
    let (mut w, _) = World::allied(2);
    let asked = w.asks(MA, None);
    w.pump();
    let ma = w.id(MA);
    let forged = w.forge(ES, asked.dossier, note_deed(asked.dossier), words("A vu ce qui n'est pas."), |h| {
        for m in h.seen.iter_mut().filter(|m| m.party == ma) {
            (m.seq, m.act) = (99, Digest::of(b"never").into());
        }
    });
    let parcel = w.parcel(ES, MA, 1, &[piece(forged)]);
    w.hand(ES, MA, &parcel).unwrap();
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Une minute.")), "refusal.fence.awaited");
    w.wait(14 * MINUTE);
    assert_eq!(refused(&mut w, MA, note(asked.dossier, "Quatorze.")), "refusal.fence.awaited");
    w.wait(MINUTE);
    w.notes(MA, asked.dossier, "Quinze.");
    assert!(w.node(MA).fence().unwrap().is_none() && w.codes_logged(MA, "incident").is_empty());
}

#[test]
fn a_node_that_was_moved_does_not_start_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, _) = allied_on(folder.path(), 2);
    let side = w.sides.remove(MA);
    let (file, keys) = (side.file.clone().unwrap(), side.keys.clone());
    drop(side);
    let store = Sqlite::open(&file, keys.storage().clone(), Box::new(Seeded(1))).unwrap();
    let op = store::RecordOp::Put { kind: node::MOVED.0.into(), id: node::MOVED.1.into(), data: b"to the machine in room 4".to_vec() };
    store::Store::append(&store, vec![store::Append { records: vec![op], ..store::Append::new(w.now) }]).unwrap();
    let open = node::Node::open(std::sync::Arc::new(store), keys, settings(0), Box::new(Seeded(2)), w.now);
    let e = open.err().unwrap();
    assert_eq!((e.code(), e.to_string().contains("room 4")), ("refusal.node.moved", true));
}

/// Takes a new card at once; with `revoke` the one before is revoked. Everybody is told.
pub fn new_card(w: &mut World, i: usize, revoke: bool) {
    issue(w, i, revoke);
    w.wait(MINUTE);
    w.pump();
}

/// The same, and nobody is told yet.
fn issue(w: &mut World, i: usize, revoke: bool) {
    let (now, before) = (w.now, w.sides[i].keys.card_number());
    let draft = seal::CardDraft { valid_from: now, ..card_draft(NAMES[i]) };
    w.sides[i].keys.rotate(&draft, now, &mut Seeded(now.0 as u64)).unwrap();
    let keys = w.sides[i].keys.clone();
    let mut revocations = Vec::new();
    if revoke {
        let tasks = vec![keys.revocation(before, now, seal::Reason::Suspected, now).unwrap()];
        let request = seal::RootRequest { version: seal::REQUEST_VERSION, service: keys.service(), tasks };
        revocations.push(keys.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec());
    }
    w.node(i).adopt_keys(keys, &revocations, now).unwrap();
    w.sides[i].commit();
}

/// Our own declarations in a service's ledger.
fn declared_by_ma(w: &World, at: usize) -> usize {
    let me = w.id(MA);
    let by_ma = |bytes: &[u8]| seal::Signed::parse(bytes, Typ::Restored, seal::RESTORED_BYTES_MAX).is_ok_and(|s| s.signer() == me);
    w.store(at).entries(0, 100_000).unwrap().iter().filter(|e| e.kind == Kind::Restored && by_ma(&e.signed)).count()
}

#[test]
fn a_backup_from_before_two_new_cards_starts_and_files_both() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    new_card(&mut w, MA, false);
    new_card(&mut w, MA, false);
    w.notes(MA, asked.dossier, "Sous la carte 3.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    let now = w.now;
    let numbers: Vec<u32> = w.node(MA).keys_view(now).unwrap().cards.iter().map(|c| c.number).collect();
    assert_eq!(numbers, [1, 2, 3], "the key file has the cards that the copy lacks");
    w.pump();
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn what_a_card_had_signed_that_is_revoked_since_does_not_hold_the_fence() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    // What ES holds of us, receipts and checkpoints, bears card 1; and so does our cosignature of its ledger.
    checkpoint(&mut w, MA);
    checkpoint(&mut w, ES);
    new_card(&mut w, MA, true);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    for _ in 0..4 {
        w.pump();
        w.wait(MINUTE);
    }
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over, "{fence:?}");
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
    assert_eq!([w.waiting_for(MA), w.waiting_for(ES)], [0, 0], "nothing goes round without end");
}

#[test]
fn a_declaration_whose_card_is_revoked_is_signed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    w.notes(MA, asked.dossier, "Perdu.");
    w.pump();
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    // ES has answered. DE has taken the declaration, and its answer is lost.
    w.send_all(MA, ES);
    w.send_all(ES, MA);
    w.send_all(MA, DE);
    let (number, parcel) = w.carry(DE, MA).unwrap();
    w.answered(DE, MA, number, &parcel, None).unwrap();
    assert_eq!(w.node(MA).fence().unwrap().unwrap().awaited, ["de"]);
    // A card that is only followed leaves the declaration as it is: partners believe it.
    issue(&mut w, MA, false);
    let now = w.now;
    w.node(MA).recover(now).unwrap();
    w.sides[MA].commit();
    assert_eq!(declared_by_ma(&w, MA), 1);
    // One that is revoked does not: the same restoration is declared under the card that acts.
    w.wait(2000);
    let first = w.sides[MA].keys.clone();
    issue(&mut w, MA, true);
    w.wait(2000);
    let revocation = {
        let now = w.now;
        let tasks = vec![first.revocation(1, now, seal::Reason::Suspected, now).unwrap()];
        let request = seal::RootRequest { version: seal::REQUEST_VERSION, service: first.service(), tasks };
        first.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec()
    };
    let (keys, now) = (w.sides[MA].keys.clone(), w.now);
    w.node(MA).adopt_keys(keys, &[revocation], now).unwrap();
    w.sides[MA].commit();
    for _ in 0..16 {
        let now = w.now;
        w.node(MA).recover(now).unwrap();
        w.sides[MA].commit();
        w.pump();
        w.wait(MINUTE);
    }
    assert_eq!((declared_by_ma(&w, MA), declared_by_ma(&w, DE)), (2, 2));
    assert_eq!(declared_by_ma(&w, ES), 1, "who had answered is not asked again");
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over && !fence.twin, "{fence:?}");
    assert_eq!(
        w.codes_logged(DE, "incident").iter().filter(|c| c.starts_with("peer.ledger.")).collect::<Vec<_>>(),
        ["peer.ledger.restored"],
        "one restoration, no twin"
    );
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
    checkpoint(&mut w, MA);
    checkpoint(&mut w, MA);
    assert!(w.codes_logged(DE, "incident").iter().all(|c| c != "peer.ledger.rewritten"));
}

#[test]
fn what_a_clock_ahead_dated_beyond_the_overlap_of_two_cards_does_not_hold_the_fence() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 2);
    // By file an older parcel is taken, also by a clock that is fifty hours ahead; the receipt is dated so, and ES takes it when it comes.
    w.notes(ES, asked.dossier, "Par fichier.");
    let file = crate::carry::one(crate::carry::export(&mut w, ES, MA, false));
    w.wait(50 * HOUR);
    crate::carry::import(&mut w, MA, &file).unwrap();
    let back = crate::carry::one(crate::carry::export(&mut w, MA, ES, false));
    crate::carry::import(&mut w, ES, &back).unwrap();
    w.wait(-50 * HOUR);
    new_card(&mut w, MA, false);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    for _ in 0..4 {
        w.pump();
        w.wait(MINUTE);
    }
    let fence = w.node(MA).fence().unwrap().unwrap();
    assert!(fence.over, "{fence:?}");
    w.notes(MA, asked.dossier, "On continue.");
    w.pump();
    w.alike(asked.dossier);
}

/// MA asks ES, and is copied; then it notes twice, and only the second note reaches ES before MA's disk is lost. Returns the parcel of the first.
pub fn second_without_the_first(folder: &Path) -> (World, Done, UnixMs, Vec<u8>) {
    let (mut w, asked, copied) = asked_and_backed_up(folder, 2);
    w.notes(MA, asked.dossier, "La première se perd.");
    let (_, first) = w.carry(MA, ES).unwrap();
    w.notes(MA, asked.dossier, "La seconde arrive.");
    let (_, second) = w.carry(MA, ES).unwrap();
    w.hand(MA, ES, &second).unwrap();
    (w, asked, copied, first)
}

#[test]
fn the_number_of_an_own_act_that_waits_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied, first) = second_without_the_first(folder.path());
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    // ES has answered, and what it named is here: it waits, for nobody has the note before it.
    assert!(w.node(MA).fence().unwrap().unwrap().over);
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma3 waiting");
    w.asks(MA, None); // elsewhere it signs
    for _ in 0..2 {
        assert_eq!(refused(&mut w, MA, note(asked.dossier, "Ce serait un second deux.")), "refusal.fence.own-waits");
        w.wait(16 * MINUTE); // no time makes the number free
        w.restart(MA);
    }
    // The lost note turns up after all, by a parcel that was long under way: at once both chains go on.
    w.hand(MA, ES, &first).unwrap();
    checkpoint(&mut w, ES);
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma2 valid, ma3 valid");
    w.notes(MA, asked.dossier, "Quatrième.");
    w.pump();
    w.alike(asked.dossier);
    nothing_twice(&w);
}

#[test]
fn an_own_act_on_what_only_a_liar_had_keeps_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let (mut w, asked, copied) = asked_and_backed_up(folder.path(), 3);
    // DE says something to MA alone, MA builds on it, and ES gets MA's act. Then MA loses its disk, and DE has never said anything.
    let forged = w.forge(DE, asked.dossier, note_deed(asked.dossier), words("Entre nous."), |_| ());
    let parcel = w.parcel(DE, MA, 1, &[piece(forged)]);
    w.hand(DE, MA, &parcel).unwrap();
    w.notes(MA, asked.dossier, "Vu ce que dit l'Allemagne.");
    w.send_all(MA, ES);
    put_back(&mut w, &folder.path().join("copy.db"), Some(copied));
    w.pump();
    assert_eq!(w.filed(MA, asked.dossier), "ma1 valid, ma2 waiting");
    let e = w.tries(MA, note(asked.dossier, "Non.")).unwrap_err();
    assert!(e.code() == "refusal.fence.own-waits" && e.to_string().contains("acts of de which"), "{e}");
    let other = w.asks(MA, None);
    w.pump();
    w.alike(other.dossier);
    nothing_twice(&w);
}
