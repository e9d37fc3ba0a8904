//! A node is put back to an older state: it signs no number twice, gets back what it had acknowledged, and says so to everybody.

use crate::world::*;
use base::{DossierId, UnixMs};
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

pub fn resume(w: &World, file: &Path, keys: &seal::Keys, declared: Option<UnixMs>, seed: u64) -> Side {
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

pub fn copy_of(path: &Path) -> PathBuf {
    let to = path.with_extension("again");
    std::fs::copy(path, &to).unwrap();
    to
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

/// Goes on in a dossier after a restoration: MA signs there, all fold alike, and no number was signed twice.
pub fn goes_on(w: &mut World, dossier: DossierId) {
    w.notes(MA, dossier, "On continue.");
    w.pump();
    w.alike(dossier);
    nothing_twice(w);
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
    goes_on(&mut w, asked.dossier);
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
