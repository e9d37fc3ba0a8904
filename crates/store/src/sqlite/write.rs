//! The one way in: all batches of a call in one transaction, each undone on its own if it is refused.

use super::read::{self, bytes};
use super::{Keys, Sqlite, Writing, body_aad, held, key_aad, log_aad, record_aad, rest, sql_number, summary_aad};
use crate::append::Filed;
use crate::ledger::{self, leaf_of};
use crate::store::{GIVEN_KEPT, REBUILDING};
use crate::{Answer, Append, Appended, Entry, Filing, Kind, Outgoing, Parcel, Place, Queued, RecordOp, Refile, StoreError, sql};
use base::{ActId, Digest, DossierId, Entropy, ItemId, ServiceId, UnixMs};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, TransactionBehavior, params};
use seal::ledger::Frontier;
use seal::rest::ItemKey;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

/// Where an act stands among what is queued at its position: behind all notes.
const ACT_N: i64 = i32::MAX as i64;
/// Item keys kept unwrapped.
const ITEM_KEYS_MAX: usize = 1024;

type BatchResult = Result<Appended, StoreError>;

impl Sqlite {
    pub(super) fn write(&self, batches: Vec<Append>) -> Result<Vec<BatchResult>, StoreError> {
        let mut guard = self.writing()?;
        let Writing { conn, tree, entropy, item_keys, residue } = &mut *guard;
        // Taken, and put back after the commit only: whatever goes wrong between, the next call asks the disk.
        let start = match tree.take() {
            Some(tree) => tree,
            None => read::tree(conn)?,
        };
        let kept = std::mem::take(item_keys);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = Batch { conn: &tx, keys: &self.keys, tree: start, entropy: &mut **entropy, item_keys: kept };
        let alone = batches.len() == 1;
        let erases = batches.iter().any(|b| b.shred || !b.erase.is_empty());
        let mut results = Vec::with_capacity(batches.len());
        for append in batches {
            let before = batch.tree.clone();
            if !alone {
                batch.run(sql::BATCH_BEGIN)?;
            }
            let result = batch.store(append);
            match &result {
                Err(e) if !e.spares_others() => return Err(e.clone()),
                Err(_) => {
                    batch.tree = before;
                    batch.item_keys.0.clear();
                    if !alone {
                        batch.run(sql::BATCH_UNDO)?;
                    }
                }
                Ok(_) => {}
            }
            if !alone {
                batch.run(sql::BATCH_KEEP)?;
            }
            results.push(result);
        }
        let Batch { tree: end, item_keys: kept, .. } = batch;
        if results.iter().any(Result::is_ok) {
            tx.commit()?;
            self.commits.fetch_add(1, Ordering::Relaxed);
        } else {
            tx.rollback()?;
        }
        *held(&self.ledger) = ledger::state(&end);
        *tree = Some(end);
        *item_keys = kept;
        *residue |= erases;
        guard.clear_residue();
        Ok(results)
    }

    pub(super) fn wipe(&self) -> Result<(), StoreError> {
        let mut guard = self.writing()?;
        let Writing { conn, entropy, .. } = &mut *guard;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for text in sql::WIPE {
            tx.execute(text, [])?;
        }
        let (kind, id) = REBUILDING;
        let mark = self.keys.house.seal(&record_aad(kind, id), &[], &mut **entropy);
        tx.execute(sql::RECORD_PUT, params![kind, id, 0, mark])?;
        tx.commit()?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn writing(&self) -> Result<std::sync::MutexGuard<'_, Writing>, StoreError> {
        if self.read_only { Err(StoreError::ReadOnly) } else { Ok(held(&self.writer)) }
    }
}

impl Writing {
    /// Cuts the write-ahead log after an erasure, because old pages still stand in it; tried again later if a reader needs them.
    fn clear_residue(&mut self) {
        if self.residue {
            let _ = self.conn.busy_timeout(std::time::Duration::ZERO);
            let blocked = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
            let _ = self.conn.busy_timeout(super::BUSY_WAIT);
            self.residue = !matches!(blocked, Ok(0));
        }
    }
}

/// Unwrapped item keys; emptied when there are too many or a batch was undone.
#[derive(Default)]
pub(super) struct ItemKeys(HashMap<(DossierId, ItemId), ItemKey>);

/// What is known of an item's key.
struct KeyRow {
    wrapped: Option<Vec<u8>>,
    erased_to: i64,
}

/// The transaction under way.
struct Batch<'a> {
    conn: &'a Connection,
    keys: &'a Keys,
    tree: Frontier,
    entropy: &'a mut dyn Entropy,
    item_keys: ItemKeys,
}

impl<'a> Batch<'a> {
    fn statement(&self, sql: &str) -> Result<CachedStatement<'a>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.statement(sql)?.execute([])?;
        Ok(())
    }

    fn store(&mut self, append: Append) -> BatchResult {
        let Append { at, erase, entries, refile, verdicts, queue, unqueue, dossiers, records, logs, answer, shred: _ } = append;
        let before = answer.as_ref().map(|answer| self.answered(&answer.parcel)).transpose()?.flatten();
        if before.is_some() {
            return Ok(Appended { places: Vec::new(), receipt: before, repeated: true, bodies_erased: 0, ledger: ledger::state(&self.tree) });
        }
        let mut bodies_erased = 0;
        for (dossier, item) in &erase {
            bodies_erased += self.erase(dossier, item, at)?;
        }
        let places = entries.into_iter().map(|entry| self.file(entry, at)).collect::<Result<Vec<_>, _>>()?;
        refile.iter().try_for_each(|again| self.refile(again))?;
        for (act, verdict) in &verdicts {
            let pos = self.act_pos(act)?;
            if self.statement(sql::ACT_VERDICT)?.execute(params![verdict.to_string(), pos])? == 0 {
                return Err(StoreError::UnknownAct(*act));
            }
        }
        queue.into_iter().try_for_each(|queued| self.queue(queued, at))?;
        unqueue.iter().try_for_each(|(recipient, object)| self.unqueue(recipient, object).map(drop))?;
        for row in &dossiers {
            let summary = self.keys.house.seal(&summary_aad(&row.id), &row.summary, self.entropy);
            let numbers = (row.opened_at.0, row.updated_at.0);
            let known = params![bytes(&row.id), bytes(&row.mechanism), bytes(&row.accord), numbers.0, numbers.1, row.phase, row.closed, summary];
            self.statement(sql::DOSSIER_PUT)?.execute(known)?;
        }
        records.into_iter().try_for_each(|op| self.record(op, at))?;
        for line in &logs {
            let seq = self.statement(sql::LOG_SIZE)?.query_row([], |row| row.get::<_, Option<i64>>(0))?.map_or(0, |last| last + 1);
            let data = self.keys.house.seal(&log_aad(seq, &line.kind), &line.data, self.entropy);
            self.statement(sql::LOG_PUT)?.execute(params![seq, at.0, line.kind, data])?;
        }
        let receipt = answer.map(|answer| self.answer(answer, &places, at)).transpose()?;
        Ok(Appended { places, receipt, repeated: false, bodies_erased, ledger: ledger::state(&self.tree) })
    }

    /// Returns the receipt that this parcel got before.
    fn answered(&self, parcel: &Parcel) -> Result<Option<Vec<u8>>, StoreError> {
        let numbered = read::given(self.conn, sql::GIVEN_NUMBER, params![bytes(&parcel.sender), sql_number(parcel.number)?])?;
        match numbered {
            Some(given) if given.parcel == *parcel => Ok(Some(given.receipt)),
            Some(_) => Err(StoreError::NumberReused(parcel.number)),
            None => Ok(read::given(self.conn, sql::GIVEN_PARCEL, [bytes(&parcel.id)])?.map(|given| given.receipt)),
        }
    }

    fn answer(&mut self, answer: Answer, places: &[Place], at: UnixMs) -> Result<Vec<u8>, StoreError> {
        let Answer { parcel, until, sign } = answer;
        let state = ledger::state(&self.tree);
        // A signer that panics ends this batch, not the ledger.
        let signed = catch_unwind(AssertUnwindSafe(|| sign(&state, places))).map_err(|_| StoreError::Unsigned("the signer stopped".to_owned()))?;
        let entry = Entry::receipt_given(&signed.map_err(|e| StoreError::Unsigned(e.to_string()))?);
        let receipt = entry.signed.clone();
        let pos = self.file(entry, at)?.pos;
        self.given(&parcel, pos, until)?;
        // What could come again by a slow way is kept by time, all the rest by number.
        self.statement(sql::GIVEN_EXPIRE)?.execute([at.0])?;
        Ok(receipt)
    }

    fn given(&self, parcel: &Parcel, pos: u64, until: Option<UnixMs>) -> Result<(), StoreError> {
        let known = params![bytes(&parcel.sender), sql_number(parcel.number)?, bytes(&parcel.id), sql_number(pos)?, until.map(|u| u.0)];
        self.statement(sql::GIVEN_PUT)?.execute(known)?;
        // Counted, not reckoned from the number: a sender that starts again goes on far above, and what it sent before may still be under
        // way. Counting goes over all that is kept, so it is left to one receipt in 64, drawn by its place: what the sender makes of its
        // parcels has no say in it, nor has how many entries each brings.
        if Digest::of(&pos.to_be_bytes()).0[0].is_multiple_of(64) {
            self.statement(sql::GIVEN_PRUNE)?.execute(params![bytes(&parcel.sender), sql_number(GIVEN_KEPT)?])?;
        }
        Ok(())
    }

    /// Puts an entry at the ledger's end, unless the ledger holds it, and files its projections.
    fn file(&mut self, entry: Entry, at: UnixMs) -> Result<Place, StoreError> {
        let Entry { kind, object, signer, signed, filed } = entry;
        let end = self.tree.size();
        let leaf = leaf_of(kind, &signed);
        let row = params![sql_number(end)?, kind as u8, at.0, bytes(&object), bytes(&leaf), signed];
        let place = match self.statement(sql::LEDGER_PUT)?.execute(row)? {
            0 => self.held_at(&object)?,
            _ => {
                for full in ledger::push(&mut self.tree, leaf) {
                    self.statement(sql::SUBTREE_PUT)?.execute(params![full.level, full.index as i64, bytes(&full.hash)])?;
                }
                Place { pos: end, at, new: true }
            }
        };
        match filed {
            Filed::Act { filing, body } => {
                if place.new {
                    self.file_act(end, signer, &filing)?;
                }
                if let Some(body) = body {
                    self.file_body(place, &filing, &body)?;
                }
            }
            Filed::ReceiptTaken(objects) => self.file_receipt(place.pos, &signer, at, &objects)?,
            Filed::Nothing => {}
        }
        Ok(place)
    }

    fn refile(&self, again: &Refile) -> Result<(), StoreError> {
        match again {
            Refile::Act { pos, author, filing } => self.file_act(*pos, *author, filing),
            Refile::ReceiptTaken { pos, service, at, objects } => self.file_receipt(*pos, service, *at, objects),
            Refile::ReceiptGiven { pos, parcel, until } => self.given(parcel, *pos, *until),
        }
    }

    fn file_act(&self, pos: u64, author: ServiceId, filing: &Filing) -> Result<(), StoreError> {
        let Filing { dossier, seq, item, verdict, .. } = filing;
        let row = params![sql_number(pos)?, bytes(dossier), bytes(&author), sql_number(*seq)?, bytes(item), verdict.to_string()];
        self.statement(sql::ACT_PUT)?.execute(row)?;
        Ok(())
    }

    /// Seals a body under its item's key. A body that comes later than its act is taken, one that was erased is not.
    fn file_body(&mut self, place: Place, filing: &Filing, body: &[u8]) -> Result<(), StoreError> {
        let pos = sql_number(place.pos)?;
        if !place.new {
            let here = self.statement(sql::BODY_HELD)?.exists([pos])?;
            if here || pos < self.key_row(filing)?.map_or(0, |row| row.erased_to) {
                return Ok(());
            }
        }
        let place = (filing.dossier, filing.item);
        if !self.item_keys.0.contains_key(&place) {
            let key = self.item_key(filing)?;
            if self.item_keys.0.len() >= ITEM_KEYS_MAX {
                self.item_keys.0.clear();
            }
            self.item_keys.0.insert(place, key);
        }
        let sealed = self.item_keys.0[&place].seal(&body_aad(filing.id.as_ref()), body, self.entropy);
        self.statement(sql::BODY_PUT)?.execute(params![pos, sealed])?;
        Ok(())
    }

    fn key_row(&self, filing: &Filing) -> Result<Option<KeyRow>, StoreError> {
        let mut statement = self.statement(sql::KEY_READ)?;
        Ok(statement.query_row([bytes(&filing.dossier), bytes(&filing.item)], |row| Ok(KeyRow { wrapped: row.get(0)?, erased_to: row.get(1)? })).optional()?)
    }

    fn item_key(&mut self, filing: &Filing) -> Result<ItemKey, StoreError> {
        let aad = key_aad(&filing.dossier, &filing.item);
        match self.key_row(filing)? {
            Some(KeyRow { wrapped: Some(wrapped), .. }) => self.keys.storage.unwrap(&wrapped, &aad).map_err(rest),
            _ => {
                let key = ItemKey::generate(self.entropy);
                let wrapped = self.keys.storage.wrap(&key, &aad);
                self.statement(sql::KEY_PUT)?.execute(params![bytes(&filing.dossier), bytes(&filing.item), wrapped])?;
                Ok(key)
            }
        }
    }

    fn erase(&mut self, dossier: &DossierId, item: &ItemId, at: UnixMs) -> Result<u64, StoreError> {
        self.item_keys.0.remove(&(*dossier, *item));
        self.statement(sql::KEY_ERASE)?.execute(params![bytes(dossier), bytes(item), sql_number(self.tree.size())?, at.0])?;
        Ok(self.statement(sql::BODY_ERASE)?.execute([bytes(dossier), bytes(item)])? as u64)
    }

    fn file_receipt(&self, receipt: u64, service: &ServiceId, at: UnixMs, objects: &[Digest]) -> Result<(), StoreError> {
        for object in objects {
            if let Some(pos) = self.unqueue(service, object)? {
                self.statement(sql::HELD_PUT)?.execute(params![pos, bytes(service), at.0, sql_number(receipt)?])?;
            }
        }
        Ok(())
    }

    /// Takes an object out of an outbox and returns its position if it is an act.
    fn unqueue(&self, recipient: &ServiceId, object: &Digest) -> Result<Option<i64>, StoreError> {
        match self.pos(object)? {
            Some((pos, Kind::Act)) => {
                self.statement(sql::UNQUEUE_ACT)?.execute(params![bytes(recipient), pos, ACT_N])?;
                Ok(Some(pos))
            }
            _ => {
                self.statement(sql::UNQUEUE_NOTE)?.execute([bytes(recipient), bytes(object)])?;
                Ok(None)
            }
        }
    }

    fn queue(&self, queued: Queued, at: UnixMs) -> Result<(), StoreError> {
        let recipient = bytes(&queued.recipient);
        let note = match queued.what {
            Outgoing::Act(act) => {
                self.statement(sql::QUEUE_ACT)?.execute(params![recipient, self.act_pos(&act)?, ACT_N, at.0])?;
                return Ok(());
            }
            Outgoing::Note(note) => note,
        };
        let object = Digest::of(&note);
        if self.statement(sql::QUEUE_NOTE_HELD)?.exists([recipient, bytes(&object)])? {
            return Ok(());
        }
        let pos = sql_number(self.tree.size())?;
        let last: Option<i64> = self.statement(sql::QUEUE_NOTE_N)?.query_row(params![recipient, pos, ACT_N], |row| row.get(0))?;
        self.statement(sql::QUEUE_NOTE)?.execute(params![recipient, pos, last.map_or(0, |n| n + 1), at.0, bytes(&object), note])?;
        Ok(())
    }

    fn record(&mut self, op: RecordOp, at: UnixMs) -> Result<(), StoreError> {
        let mut seal = |kind: &str, id: &str, data: &[u8]| self.keys.house.seal(&record_aad(kind, id), data, self.entropy);
        match op {
            RecordOp::Put { kind, id, data } => {
                let data = seal(&kind, &id, &data);
                self.statement(sql::RECORD_PUT)?.execute(params![kind, id, at.0, data])?;
            }
            RecordOp::PutIfAbsent { kind, id, data } => {
                let data = seal(&kind, &id, &data);
                if self.statement(sql::RECORD_PUT_ABSENT)?.execute(params![kind, id, at.0, data])? == 0 {
                    return Err(StoreError::RecordExists { kind, id });
                }
            }
            RecordOp::Delete { kind, id } => drop(self.statement(sql::RECORD_DELETE)?.execute(params![kind, id])?),
            RecordOp::Take { kind, id } => {
                if self.statement(sql::RECORD_DELETE)?.execute(params![kind, id])? == 0 {
                    return Err(StoreError::RecordMissing { kind, id });
                }
            }
        }
        Ok(())
    }

    fn held_at(&self, object: &Digest) -> Result<Place, StoreError> {
        let read = |row: &Row<'_>| Ok(Place { pos: row.get::<_, i64>(0)? as u64, at: UnixMs(row.get(2)?), new: false });
        Ok(self.statement(sql::LEDGER_POS)?.query_row([bytes(object)], read)?)
    }

    fn pos(&self, object: &Digest) -> Result<Option<(i64, Kind)>, StoreError> {
        Ok(self.statement(sql::LEDGER_POS)?.query_row([bytes(object)], |row| Ok((row.get(0)?, read::kind(row.get(1)?)?))).optional()?)
    }

    fn act_pos(&self, act: &ActId) -> Result<i64, StoreError> {
        match self.pos(act.as_ref())? {
            Some((pos, Kind::Act)) => Ok(pos),
            _ => Err(StoreError::UnknownAct(*act)),
        }
    }
}
