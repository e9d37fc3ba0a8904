//! Parcels and receipts by file: lost, twice, out of order, cut, altered, for somebody else, late, beside the wire, and in a restart.

use crate::world::*;
use base::ServiceId;
use node::{CarryNext, CarryOwed, CarryRecord, CarryReport, CarrySealed, Intake, IntakeJob, Outgo};
use std::sync::atomic::Ordering::Relaxed;

pub const DAY: i64 = 24 * HOUR;
const DAYS_MAX: u32 = 30;
pub const LARGE: u64 = 1 << 30;

/// Writes what one service has for another into volumes; not yet confirmed.
fn write(w: &mut World, from: usize, to: usize, again: bool, volume_bytes: u64) -> Result<(u64, Vec<Vec<u8>>), &'static str> {
    write_some(w, from, to, again, volume_bytes, u64::MAX)
}

/// The same into a number of volumes at most; what does not fit is put back.
pub fn write_some(w: &mut World, from: usize, to: usize, again: bool, volume_bytes: u64, volumes_max: u64) -> Result<(u64, Vec<Vec<u8>>), &'static str> {
    let (to, now) = (w.id(to), w.now);
    let side = &mut w.sides[from];
    let (_, begun) = side.node.carry_begin(to, again, now).map_err(|e| e.code())?;
    side.commit();
    let mut out = Outgo::new(side.keys.clone(), to, &begun, volume_bytes, volumes_max).map_err(|e| e.code())?;
    let (mut files, mut bytes, mut ended) = (Vec::new(), Vec::new(), 0);
    loop {
        let next = side.node.carry_next(to, begun.export, out.room(), now).map_err(|e| e.code())?;
        let more = match next {
            CarryNext::Receipts(all) => {
                fn record(o: &CarryOwed) -> CarryRecord<'_> {
                    CarryRecord::Receipt(o.number, &o.receipt)
                }
                let mut written = Vec::new();
                for owed in &all {
                    if !out.fits(record(owed)) {
                        side.node.carry_put_back(to, begun.export, owed.place).unwrap();
                        break;
                    }
                    written.push(out.add(record(owed), now));
                }
                written.into_iter().collect::<Result<Vec<_>, _>>()
            }
            CarryNext::Load(load) => {
                let parcel = load.seal(&side.keys).unwrap();
                if !out.fits(CarryRecord::Parcel(&parcel.bytes)) {
                    side.node.carry_put_back(to, begun.export, 0).unwrap();
                    continue;
                }
                let sealed = CarrySealed { number: load.number, parcel: parcel.id, sent: load.sent.clone() };
                side.node.carry_sealed(to, begun.export, &[sealed], now).unwrap();
                side.commit();
                out.add(CarryRecord::Parcel(&parcel.bytes), now).map(|b| vec![b])
            }
            CarryNext::Done => {
                bytes.extend(out.finish());
                if !bytes.is_empty() {
                    files.push(bytes);
                }
                return Ok((begun.export, files));
            }
        };
        for chunk in more.map_err(|e| e.code())? {
            // A chunk that ends a volume begins the next one with its magic.
            let cut = if out.volumes > ended { find(&chunk, seal::CARRY_MAGIC) } else { 0 };
            if out.volumes > ended {
                bytes.extend(&chunk[..cut]);
                files.push(std::mem::take(&mut bytes));
                ended = out.volumes;
            }
            bytes.extend(&chunk[cut..]);
        }
    }
}

fn find(hay: &[u8], needle: &[u8]) -> usize {
    hay.windows(needle.len()).position(|w| w == needle).unwrap()
}

/// Writes and confirms.
pub fn export(w: &mut World, from: usize, to: usize, again: bool) -> Vec<Vec<u8>> {
    let (export, files) = write(w, from, to, again, LARGE).unwrap();
    confirm(w, from, to, export, files.len() as u64).unwrap();
    files
}

pub fn confirm(w: &mut World, from: usize, to: usize, export: u64, volumes: u64) -> Result<usize, &'static str> {
    let (to, now) = (w.id(to), w.now);
    let side = &mut w.sides[from];
    let by = side.chief.id.clone();
    let done = side.node.carry_done(to, export, volumes, &by, now).map(|(_, left)| left).map_err(|e| e.code());
    side.commit();
    done
}

pub fn one(mut files: Vec<Vec<u8>>) -> Vec<u8> {
    assert_eq!(files.len(), 1);
    files.pop().unwrap()
}

/// Imports a file, up to `jobs` of its jobs; the report, or the code of what ended it.
fn import_some(w: &mut World, at: usize, file: &[u8], jobs: usize) -> Result<CarryReport, String> {
    let now = w.now;
    let side = &mut w.sides[at];
    let mut intake = Intake::new(&side.node, DAYS_MAX, side.chief.id.clone());
    let mut chunks = file.chunks(1000);
    let mut left = jobs;
    let mut run = |intake: &mut Intake, job: IntakeJob| -> Result<(), String> {
        let done = job.run(&mut side.node, now);
        let mut outcomes = side.node.commit();
        let (done, appended) = match done {
            Ok((Some(ticket), done)) => match outcomes.swap_remove(outcomes.iter().position(|(t, _)| *t == ticket).unwrap()).1 {
                Ok(appended) => (Ok(done), Some(appended)),
                Err(e) => (Err(e.into()), None),
            },
            other => (other.map(|(_, done)| done), None),
        };
        intake.done(done, appended).map_err(|e| e.code().to_owned())
    };
    loop {
        if left == 0 {
            return Ok(intake.report().unwrap().clone());
        }
        match intake.next(now).map_err(|e| e.code().to_owned())? {
            Some(job) => run(&mut intake, job)?,
            None => match chunks.next() {
                Some(more) => intake.push(more),
                None => break,
            },
        }
        left -= 1;
    }
    while let Some(job) = intake.finish().map_err(|e| e.code().to_owned())? {
        run(&mut intake, job)?;
    }
    Ok(intake.report().unwrap().clone())
}

pub fn import(w: &mut World, at: usize, file: &[u8]) -> Result<CarryReport, String> {
    import_some(w, at, file, usize::MAX)
}

/// A report in short: "2 new 0 again 0 refused; 0 new 0 again 0 refused; whole", then the codes of faults.
pub fn told(report: Result<CarryReport, String>) -> String {
    let r = match report {
        Ok(r) => r,
        Err(code) => return code,
    };
    let count = |c: node::CarryCount| format!("{} {} {}", c.new, c.again, c.refused);
    let codes: Vec<String> = r.faults.iter().map(|f| format!(" {}@{}", f.code, f.record)).collect();
    format!("parcels {} receipts {}{}{}", count(r.parcels), count(r.receipts), if r.whole { " whole" } else { "" }, codes.concat())
}

fn status(w: &mut World, i: usize) -> (u64, u64, u64) {
    let v = w.node(i).carry_status().unwrap().remove(0);
    (v.waiting, v.under_way, v.owed)
}

/// Two services under an accord, and a request that waits in the first one's outbox.
fn asked() -> (World, base::DossierId) {
    let (mut w, _) = World::allied(2);
    let dossier = w.asks(MA, None).dossier;
    (w, dossier)
}

#[test]
fn a_whole_accord_and_a_request_go_by_file_alone() {
    let mut w = World::partners(2);
    let accord = w.accord_proposed(&["information-request"]);
    let round = |w: &mut World| {
        for (from, to) in [(MA, ES), (ES, MA)] {
            for file in export(w, from, to, false) {
                let r = import(w, to, &file).unwrap();
                assert!(r.whole && r.faults.is_empty(), "{r:?}");
            }
            w.wait(2 * DAY);
        }
    };
    round(&mut w);
    w.signs(ES, accord);
    w.signs(MA, accord);
    round(&mut w);
    round(&mut w);
    assert_eq!(w.alike(accord), "in-force");
    let asked = w.asks(MA, None);
    round(&mut w);
    w.accepts(ES, asked.dossier);
    round(&mut w);
    round(&mut w);
    assert_eq!(w.alike(asked.dossier), "open");
    assert_eq!((w.waiting_for(MA), w.waiting_for(ES)), (0, 0), "every receipt came back");
    assert_eq!((status(&mut w, MA), status(&mut w, ES)), ((0, 0, 0), (0, 0, 0)), "and nothing goes round for ever");
    assert!(write(&mut w, MA, ES, false, LARGE).unwrap().1.is_empty(), "where nothing is due there is no file");
    for i in [MA, ES] {
        store::check_ledger(&*w.store(i)).unwrap();
        assert!(w.logged(i, "refused-input").is_empty() && w.logged(i, "incident").is_empty());
    }
}

#[test]
fn the_receipt_comes_days_later_after_restarts_and_the_clock_is_the_receivers() {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), 2).met();
    w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    let file = one(export(&mut w, MA, ES, false));
    w.restart(MA);
    w.wait(3 * DAY);
    let arrival = w.now;
    import(&mut w, ES, &file).unwrap();
    w.restart(ES);
    w.wait(9 * DAY);
    let back = one(export(&mut w, ES, MA, false));
    w.restart(MA);
    w.wait(20 * DAY);
    assert_eq!(told(import(&mut w, MA, &back)), "parcels 0 0 0 receipts 1 0 0 whole");
    assert_eq!((w.waiting_for(MA), status(&mut w, MA)), (0, (0, 0, 0)));
    let now = w.now;
    let due = w.node(MA).due(now).unwrap().into_iter().find(|d| d.what == "request/answer").unwrap();
    assert_eq!(due.due.unwrap(), arrival.plus_ms(8 * HOUR), "eight hours from when it came into their hands");
    assert_eq!(told(import(&mut w, MA, &back)), "parcels 0 0 0 receipts 0 1 0 whole", "the receipt twice");
    assert_eq!(w.filed(ES, asked.dossier), "ma1 valid");
}

#[test]
fn a_file_twice_changes_nothing_and_earns_the_same_receipt() {
    let (mut w, dossier) = asked();
    let file = one(export(&mut w, MA, ES, false));
    assert_eq!(told(import(&mut w, ES, &file)), "parcels 1 0 0 receipts 0 0 0 whole");
    let (size, before) = (w.size(ES), w.digest(ES, dossier));
    w.wait(20 * DAY);
    assert_eq!(told(import(&mut w, ES, &file)), "parcels 0 1 0 receipts 0 0 0 whole");
    w.restart(ES);
    assert_eq!(told(import(&mut w, ES, &file)), "parcels 0 1 0 receipts 0 0 0 whole");
    assert_eq!((w.size(ES), w.digest(ES, dossier)), (size, before));
    // Also behind many parcels that came over the wire meanwhile, and over more starts of the sender.
    w.restart(MA);
    w.notes(MA, dossier, "Par le fil.");
    w.send_all(MA, ES);
    assert_eq!(told(import(&mut w, ES, &file)), "parcels 0 1 0 receipts 0 0 0 whole");
    let back = one(export(&mut w, ES, MA, false));
    assert_eq!(
        told(import(&mut w, MA, &back)),
        "parcels 1 0 0 receipts 1 3 0 whole",
        "one receipt, four times, and what is folded, for a node that started anew"
    );
    assert_eq!(w.waiting_for(MA), 0);
    w.alike(dossier);
}

#[test]
fn a_lost_file_is_written_again_and_the_one_that_turns_up_late_does_no_harm() {
    let (mut w, dossier) = asked();
    let lost = one(export(&mut w, MA, ES, false));
    w.notes(MA, dossier, "La suite.");
    w.wait(DAY);
    let second = one(export(&mut w, MA, ES, false));
    let r = import(&mut w, ES, &second).unwrap();
    assert_eq!((r.volume, r.missing.as_slice()), (2, &[(1, 1)][..]), "which one is lacking is said");
    assert_eq!(w.filed(ES, dossier), "ma2 waiting", "and nothing is judged without what came before");
    let again = one(export(&mut w, MA, ES, true));
    assert_eq!(told(import(&mut w, ES, &again)), "parcels 1 0 0 receipts 0 0 0 whole");
    assert_eq!(w.filed(ES, dossier), "ma1 valid, ma2 valid");
    assert_eq!(told(import(&mut w, ES, &lost)), "parcels 1 0 0 receipts 0 0 0 whole", "another parcel with what is here");
    assert_eq!(w.filed(ES, dossier), "ma1 valid, ma2 valid");
    assert!(w.node(ES).carry_status().unwrap()[0].missing.is_empty());
    let back = one(export(&mut w, ES, MA, false));
    assert_eq!(told(import(&mut w, MA, &back)), "parcels 1 0 0 receipts 3 0 0 whole");
    assert_eq!(status(&mut w, MA), (1, 0, 1), "what they had asked for meanwhile goes once more, with the receipt for their asking");
}

#[test]
fn through_a_diode_everything_goes_again_until_it_is_acknowledged() {
    let (mut w, dossier) = asked();
    for day in 0..5 {
        w.notes(MA, dossier, &format!("Jour {day}."));
        let file = one(export(&mut w, MA, ES, true));
        // Three of five files are never seen on the other side.
        if day % 2 == 1 {
            assert!(import(&mut w, ES, &file).unwrap().whole);
        }
        w.wait(DAY);
    }
    assert_eq!(w.filed(ES, dossier), (1..=5).map(|n| format!("ma{n} valid")).collect::<Vec<_>>().join(", "));
    assert_eq!(status(&mut w, MA), (6, 5, 0), "five parcels without a receipt, and all of it still due");
    // A year later nobody waits for those receipts any more.
    w.wait(300 * DAY);
    let _ = export(&mut w, MA, ES, true);
    assert_eq!(status(&mut w, MA).1, 6);
    w.wait(67 * DAY);
    let _ = export(&mut w, MA, ES, true);
    assert_eq!(status(&mut w, MA).1, 2);
}

#[test]
fn volumes_come_in_any_order_and_each_is_small() {
    let (mut w, dossier) = asked();
    for n in 0..60 {
        w.notes(MA, dossier, &format!("{n} {}", "x".repeat(15_000)));
    }
    let size = node::VOLUME_BYTES_MIN;
    let (export, mut files) = write(&mut w, MA, ES, false, size).unwrap();
    confirm(&mut w, MA, ES, export, files.len() as u64).unwrap();
    assert!(files.len() > 3 && files.iter().all(|f| f.len() as u64 <= size), "{:?}", files.iter().map(Vec::len).collect::<Vec<_>>());
    files.reverse();
    let mut last = 0;
    for file in &files {
        let r = import(&mut w, ES, file).unwrap();
        assert!(r.whole && r.faults.is_empty(), "{r:?}");
        last += u32::from(r.last);
    }
    assert_eq!(last, 1, "one volume says that none follows");
    w.alike(dossier);
    assert!(w.node(ES).carry_status().unwrap()[0].missing.is_empty());
    assert_eq!(write(&mut w, MA, ES, true, size - 1).unwrap_err(), "refusal.carry.volume-small");
    assert!(write(&mut w, MA, ES, true, size).is_ok());
}

#[test]
fn a_cut_file_gives_what_it_has_and_says_what_is_lacking() {
    let (mut w, dossier) = asked();
    for n in 0..30 {
        w.notes(MA, dossier, &format!("{n} {}", "x".repeat(15_000)));
    }
    // A file of several parcels.
    let (export, files) = write(&mut w, MA, ES, false, node::VOLUME_BYTES_MIN).unwrap();
    confirm(&mut w, MA, ES, export, files.len() as u64).unwrap();
    let file = &files[0];
    let short = told(import(&mut w, ES, &file[..file.len() - 1]));
    assert!(short.ends_with("receipts 0 0 0 refusal.carry.cut@0"), "{short}");
    assert_eq!(told(import(&mut w, ES, &file[..10])), "refusal.carry.no-file");
    assert_eq!(told(import(&mut w, ES, &file[..100])), "refusal.carry.cut");
    assert!(!w.filed(ES, dossier).is_empty(), "what stood before the break is here");
    let whole = told(import(&mut w, ES, file));
    assert!(whole.ends_with(" whole") && whole.starts_with("parcels 0 "), "{whole}");
    for file in &files[1..] {
        import(&mut w, ES, file).unwrap();
    }
    w.alike(dossier);
    let back = one(self::export(&mut w, ES, MA, false));
    import(&mut w, MA, &back).unwrap();
    assert_eq!(w.waiting_for(MA), 0);
}

#[test]
fn an_altered_file_is_told_from_a_foreign_one_and_from_one_for_somebody_else() {
    let mut w = World::partners(3);
    w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    let file = one(export(&mut w, MA, ES, false));
    let mut altered = file.clone();
    let middle = file.len() / 2 + 200;
    altered[middle] ^= 1;
    assert_eq!(told(import(&mut w, ES, &altered)), "parcels 0 0 1 receipts 0 0 0 peer.seal.signature@1 refusal.carry.altered@0");
    assert_eq!(w.filed(ES, asked.dossier), "");
    assert_eq!(told(import(&mut w, DE, &file)), "refusal.carry.other-recipient");
    assert_eq!(told(import(&mut w, MA, &file)), "refusal.carry.own");
    assert_eq!(told(import(&mut w, ES, b"%PDF-1.7 something else")), "refusal.carry.no-file");
    // A service that we never met, whatever it writes.
    let stranger = keys("fr", 77);
    let es = w.id(ES);
    let (volume, mut foreign) = seal::CarryVolume::begin(&stranger, es, 1, w.now, &seal::Cards::first(stranger.card_bytes()).unwrap());
    foreign.extend(volume.end(&stranger, true));
    assert_eq!(told(import(&mut w, ES, &foreign)), "refusal.partner.unknown");
    assert!(told(import(&mut w, ES, &file)).ends_with("whole"));
    // Another's parcel in our partner's file is nobody's.
    w.pump();
    w.notes(DE, asked.dossier, "Von uns.");
    let (_, parcel) = w.carry(DE, ES).unwrap();
    let (mut volume, mut mixed) = seal::CarryVolume::begin(&w.sides[MA].keys, es, 9, w.now, &seal::Cards::first(w.sides[MA].keys.card_bytes()).unwrap());
    mixed.extend(volume.parcel(&parcel));
    mixed.extend(volume.end(&w.sides[MA].keys, true));
    assert_eq!(told(import(&mut w, ES, &mixed)), "parcels 0 0 1 receipts 0 0 0 whole peer.parcel.courier@1");
}

#[test]
fn a_parcel_may_be_as_old_as_the_operator_lets_it_and_never_of_the_future() {
    for (days, expected) in [(1, "whole"), (21, "whole"), (30, "whole"), (31, "refusal.carry.age@1")] {
        let (mut w, dossier) = asked();
        let file = one(export(&mut w, MA, ES, false));
        w.wait(days * DAY);
        let report = told(import(&mut w, ES, &file));
        assert!(report.ends_with(expected), "{days}: {report}");
        assert_eq!(w.filed(ES, dossier), if days > 30 { "" } else { "ma1 valid" });
    }
    for (ahead, expected) in [(59 * MINUTE, "whole"), (62 * MINUTE, "peer.parcel.clock@1")] {
        let (mut w, _) = asked();
        w.wait(ahead);
        let file = one(export(&mut w, MA, ES, false));
        w.wait(-ahead);
        let report = told(import(&mut w, ES, &file));
        assert!(report.ends_with(expected), "{ahead}: {report}");
    }
    // What is too old stays due, and goes again.
    let (mut w, dossier) = asked();
    let old = one(export(&mut w, MA, ES, false));
    w.wait(40 * DAY);
    import(&mut w, ES, &old).unwrap();
    assert!(write(&mut w, ES, MA, false, LARGE).unwrap().1.is_empty(), "no receipt for what was not taken");
    let again = one(export(&mut w, MA, ES, true));
    import(&mut w, ES, &again).unwrap();
    assert_eq!(w.filed(ES, dossier), "ma1 valid");
    // The wire takes nothing of this: a carried parcel over a connection is judged as any other.
    let (mut w, _) = asked();
    let (_, parcel) = w.carry(MA, ES).unwrap();
    w.wait(62 * MINUTE);
    assert_eq!(w.hand(MA, ES, &parcel).unwrap_err(), "peer.parcel.clock");
}

#[test]
fn the_same_act_goes_both_ways_and_either_receipt_settles_it() {
    for file_first in [true, false] {
        let (mut w, dossier) = asked();
        let file = one(export(&mut w, MA, ES, false));
        if file_first {
            import(&mut w, ES, &file).unwrap();
            w.send_all(MA, ES);
        } else {
            w.send_all(MA, ES);
            import(&mut w, ES, &file).unwrap();
        }
        assert_eq!((w.filed(ES, dossier).as_str(), w.waiting_for(MA)), ("ma1 valid", 0), "settled by wire");
        let held = w.store(MA).receipts_of(&w.store(MA).acts_of(&dossier).unwrap()[0].id).unwrap();
        let back = one(export(&mut w, ES, MA, false));
        assert_eq!(told(import(&mut w, MA, &back)), "parcels 0 0 0 receipts 1 0 0 whole");
        assert_eq!(w.store(MA).receipts_of(&w.store(MA).acts_of(&dossier).unwrap()[0].id).unwrap(), held, "the first receipt counts");
        assert_eq!(status(&mut w, MA), (0, 0, 0));
    }
    // The file's receipt settles what the wire still has to send.
    let (mut w, dossier) = asked();
    let file = one(export(&mut w, MA, ES, false));
    import(&mut w, ES, &file).unwrap();
    let back = one(export(&mut w, ES, MA, false));
    let (number, parcel) = w.carry(MA, ES).unwrap();
    import(&mut w, MA, &back).unwrap();
    assert_eq!(w.waiting_for(MA), 0);
    let receipt = w.hand(MA, ES, &parcel).unwrap();
    w.answered(MA, ES, number, &parcel, Some(&receipt)).unwrap();
    assert!(w.carry(MA, ES).is_none());
    w.alike(dossier);
}

#[test]
fn an_import_that_is_killed_anywhere_is_simply_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut w = World::strangers_on(folder.path(), 2).met();
    w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    for n in 0..40 {
        w.notes(MA, asked.dossier, &format!("{n} {}", "x".repeat(15_000)));
    }
    let (export, files) = write(&mut w, MA, ES, false, 4 * node::VOLUME_BYTES_MIN).unwrap();
    confirm(&mut w, MA, ES, export, files.len() as u64).unwrap();
    let file = &files[0];
    let mut taken = 0;
    for jobs in [300, 450, 560] {
        let r = import_some(&mut w, ES, file, jobs).unwrap();
        assert!(!r.whole && r.parcels.again >= taken, "{r:?}");
        taken = r.parcels.new + r.parcels.again;
        w.restart(ES);
    }
    assert!(taken > 0);
    let r = import(&mut w, ES, file).unwrap();
    assert!(r.whole && r.parcels.again == taken && r.parcels.new > 0, "{r:?}");
    files[1..].iter().for_each(|f| drop(import(&mut w, ES, f).unwrap()));
    w.alike(asked.dossier);
    let back = self::export(&mut w, ES, MA, false);
    back.iter().for_each(|f| drop(import(&mut w, MA, f).unwrap()));
    assert_eq!((w.waiting_for(MA), status(&mut w, MA).1), (0, 0));
}

#[test]
fn an_export_that_breaks_off_moves_nothing() {
    let (mut w, dossier) = asked();
    let (export, first) = write(&mut w, MA, ES, false, LARGE).unwrap();
    let (newer, second) = write(&mut w, MA, ES, false, LARGE).unwrap();
    assert_eq!((first.len(), second.len()), (1, 1), "the same again");
    assert_eq!(confirm(&mut w, MA, ES, export, 1), Err("refusal.carry.export-over"));
    assert_eq!(confirm(&mut w, MA, ES, newer, 1), Ok(0));
    assert!(write(&mut w, MA, ES, false, LARGE).unwrap().1.is_empty());
    let (export, again) = write(&mut w, MA, ES, true, LARGE).unwrap();
    w.restart(MA);
    assert_eq!(confirm(&mut w, MA, ES, export, 1), Err("refusal.carry.export-over"));
    // Files of an export that was never confirmed are good all the same, and so are their receipts.
    import(&mut w, ES, &first[0]).unwrap();
    import(&mut w, ES, &again[0]).unwrap();
    assert_eq!(w.filed(ES, dossier), "ma1 valid");
    let back = one(self::export(&mut w, ES, MA, false));
    assert_eq!(told(import(&mut w, MA, &back)), "parcels 0 0 0 receipts 2 0 0 whole");
    assert_eq!(w.waiting_for(MA), 0);
}

#[test]
fn a_full_disk_ends_the_import_and_takes_nothing_back_that_was_promised() {
    let (mut w, dossier) = asked();
    let file = one(export(&mut w, MA, ES, false));
    w.sides[ES].disk.full.store(true, Relaxed);
    assert_eq!(told(import(&mut w, ES, &file)), "failure.store.disk-full");
    w.sides[ES].disk.full.store(false, Relaxed);
    assert!(write(&mut w, ES, MA, false, LARGE).unwrap().1.is_empty(), "no receipt for what was not stored");
    assert_eq!(told(import(&mut w, ES, &file)), "parcels 1 0 0 receipts 0 0 0 whole");
    assert_eq!(w.filed(ES, dossier), "ma1 valid");
    let back = one(export(&mut w, ES, MA, false));
    w.sides[MA].disk.full.store(true, Relaxed);
    assert_eq!(told(import(&mut w, MA, &back)), "failure.store.disk-full");
    w.sides[MA].disk.full.store(false, Relaxed);
    assert_eq!((w.waiting_for(MA), status(&mut w, MA).1), (1, 1), "what a receipt is held against is still there");
    assert_eq!(told(import(&mut w, MA, &back)), "parcels 0 0 0 receipts 1 0 0 whole");
    assert_eq!(status(&mut w, MA), (0, 0, 0));
}

#[test]
fn a_new_card_comes_along_and_the_old_one_still_opens() {
    let (mut w, dossier) = asked();
    let now = w.now;
    // The file is sealed for ES's first card; ES rotates while it is on its way, and MA rotated before it wrote.
    let mut later = w.sides[MA].keys.clone();
    let mut draft = card_draft("ma");
    draft.valid_from = now;
    later.rotate(&draft, now, &mut Seeded(5)).unwrap();
    w.sides[MA].keys = later;
    w.restart(MA);
    let file = one(export(&mut w, MA, ES, false));
    let mut theirs = w.sides[ES].keys.clone();
    let mut draft = card_draft("es");
    draft.valid_from = now.plus_ms(DAY);
    theirs.rotate(&draft, now, &mut Seeded(6)).unwrap();
    w.wait(5 * DAY);
    theirs.advance(w.now);
    w.sides[ES].keys = theirs;
    w.restart(ES);
    assert_eq!(told(import(&mut w, ES, &file)), "parcels 1 0 0 receipts 0 0 0 whole");
    assert_eq!(w.filed(ES, dossier), "ma1 valid");
    let ma = w.id(MA);
    assert_eq!(seal::Directory::cards(&w.node(ES).book(), &ma).unwrap().latest().number, 2);
    w.notes(MA, dossier, "Pour l'ancienne carte.");
    let late = one(export(&mut w, MA, ES, false));
    let back = one(export(&mut w, ES, MA, false));
    assert!(told(import(&mut w, MA, &back)).ends_with("receipts 1 0 0 whole"));
    assert_eq!(w.waiting_for(MA), 1, "the note alone");
    // Once the old sealing key is gone, the text says so: the sender seals anew for the card that it has got since.
    w.sides[ES].keys.forget_sealing(2);
    w.restart(ES);
    assert_eq!(told(import(&mut w, ES, &late)), "parcels 0 0 1 receipts 0 0 0 whole peer.seal.open@1");
    let anew = one(export(&mut w, MA, ES, true));
    assert_eq!(told(import(&mut w, ES, &anew)), "parcels 1 0 0 receipts 1 0 0 whole");
    w.alike(dossier);
}

#[test]
fn a_receipt_that_is_not_for_our_parcel_settles_nothing() {
    let (mut w, dossier) = asked();
    let file = one(export(&mut w, MA, ES, false));
    import(&mut w, ES, &file).unwrap();
    let back = one(export(&mut w, ES, MA, false));
    let mut reader = seal::CarryReader::new(node::PARCEL_BYTES_MAX);
    reader.push(&back);
    let mut receipt = None;
    while let Ok(Some(part)) = reader.part() {
        if let seal::CarryPart::Receipt { number, receipt: bytes } = part {
            receipt = Some((number, bytes));
        }
    }
    let (number, bytes) = receipt.unwrap();
    let ma = w.id(MA);
    let volume = |w: &World, number: u64, bytes: &[u8]| {
        let keys = &w.sides[ES].keys;
        let (mut v, mut out) = seal::CarryVolume::begin(keys, ma, 4, w.now, &seal::Cards::first(keys.card_bytes()).unwrap());
        out.extend(v.receipt(number, bytes));
        out.extend(v.end(keys, true));
        out
    };
    let other = volume(&w, number + 1, &bytes);
    assert_eq!(told(import(&mut w, MA, &other)), "parcels 0 0 0 receipts 0 0 1 whole refusal.carry.receipt-unknown@1");
    let cut = volume(&w, number, &bytes[..bytes.len() - 1]);
    assert_eq!(told(import(&mut w, MA, &cut)), "parcels 0 0 0 receipts 0 0 1 whole peer.bytes.truncated@1");
    // A receipt that names something else than the parcel held.
    w.notes(MA, dossier, "Encore.");
    let (_, parcel) = w.carry(MA, ES).unwrap();
    let wire = w.hand(MA, ES, &parcel).unwrap();
    let swapped = volume(&w, number, &wire);
    assert_eq!(told(import(&mut w, MA, &swapped)), "parcels 0 0 0 receipts 0 0 1 whole peer.receipt.other@1");
    assert!(w.codes_logged(MA, "refused-input").contains(&"peer.receipt.other".to_owned()), "a false receipt stays in the log, as over the line");
    assert_eq!(w.waiting_for(MA), 2);
    let good = volume(&w, number, &bytes);
    assert_eq!(told(import(&mut w, MA, &good)), "parcels 0 0 0 receipts 1 0 0 whole");
    assert_eq!(w.waiting_for(MA), 1);
}

#[test]
fn what_was_refused_for_the_moment_and_what_was_wanted_goes_with_the_next_file() {
    let mut w = World::partners(3);
    w.accord(&["information-request"]);
    let asked = w.asks(MA, None);
    w.pump();
    w.notes(MA, asked.dossier, "Un.");
    w.send_all(MA, DE);
    w.notes(DE, asked.dossier, "Zwei.");
    // DE's act builds on MA's, which ES has not seen; ES asks DE for it, by file.
    let file = one(export(&mut w, DE, ES, false));
    import(&mut w, ES, &file).unwrap();
    assert_eq!(w.filed(ES, asked.dossier), "de1 waiting, ma1 valid");
    let want = one(export(&mut w, ES, DE, false));
    import(&mut w, DE, &want).unwrap();
    let answer = one(export(&mut w, DE, ES, false));
    import(&mut w, ES, &answer).unwrap();
    assert_eq!(w.filed(ES, asked.dossier), "de1 valid, ma1 valid, ma2 valid");
}

#[test]
fn a_partner_that_is_away_finds_one_checkpoint_and_not_one_for_each_hour() {
    let (mut w, dossier) = asked();
    for n in 0..10 {
        w.notes(MA, dossier, &format!("Heure {n}."));
        let now = w.now;
        w.node(MA).checkpoint(now).unwrap();
        w.node(MA).checkpoint(now).unwrap();
        w.sides[MA].commit();
    }
    assert_eq!(w.waiting_for(MA), 14, "a request, ten notes, the newest checkpoint, and the newest of what is folded of accord and request");
    let file = one(export(&mut w, MA, ES, false));
    import(&mut w, ES, &file).unwrap();
    let back = one(export(&mut w, ES, MA, false));
    assert!(told(import(&mut w, MA, &back)).ends_with("receipts 1 0 0 whole"));
    assert_eq!((w.waiting_for(MA), w.node(MA).status().unwrap().cosigned.len()), (0, 1));
}

#[test]
fn nobody_exports_for_a_stranger_for_ourselves_or_for_a_card_that_is_over() {
    let mut w = World::partners(2);
    let (own, stranger): (ServiceId, ServiceId) = (w.id(MA), keys("fr", 77).service());
    let now = w.now;
    for to in [own, stranger] {
        assert_eq!(w.node(MA).carry_begin(to, false, now).err().map(|e| e.code()), Some("refusal.partner.unknown"));
    }
    w.wait(9001 * HOUR);
    assert_eq!(write(&mut w, MA, ES, false, LARGE).unwrap_err(), "refusal.partner.card-over");
}

#[test]
fn after_a_rebuild_a_file_is_still_known_and_its_receipt_still_settles() {
    let (mut w, dossier) = asked();
    let file = one(export(&mut w, MA, ES, false));
    import(&mut w, ES, &file).unwrap();
    let size = w.size(ES);
    let now = w.now;
    for i in [MA, ES] {
        w.node(i).rebuild(now, &mut |_, _| ()).unwrap();
    }
    assert_eq!(told(import(&mut w, ES, &file)), "parcels 0 1 0 receipts 0 0 0 whole");
    assert_eq!(w.size(ES), size);
    let back = one(export(&mut w, ES, MA, false));
    assert_eq!(told(import(&mut w, MA, &back)), "parcels 0 0 0 receipts 1 1 0 whole");
    assert_eq!(w.waiting_for(MA), 0);
    w.alike(dossier);
}
