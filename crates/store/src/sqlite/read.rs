//! Reading: rows back into values, each query on one snapshot.

use super::{Keys, Sqlite, body_aad, held, key_aad, log_aad, record_aad, rest, sql_number, summary_aad};
use crate::ledger::{self, Hashes, subtree};
use crate::{
    Act, Append, Appended, Body, ChainEnd, Depth, DossierFilter, DossierRow, Due, DueObject, Given, Holding, Kind, LedgerEntry, LedgerState, LogEntry, Parcel,
    QueuePlace, Record, Store, StoreError, Verdict, sql,
};
use base::{ActId, Digest, DossierId, ItemId, ParcelId, ServiceId, UnixMs};
use rusqlite::types::{FromSqlError, Type, Value};
use rusqlite::{Connection, Params, Row, params, params_from_iter};
use seal::ledger::Frontier;
use seal::rest::ItemKey;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// Rows of the outbox read at once.
const OUTBOX_PAGE: usize = 256;

/// Returns an id's bytes as SQL takes them.
pub(super) fn bytes<T: AsRef<Digest>>(id: &T) -> &[u8] {
    &id.as_ref().0
}

impl Hashes for Connection {
    fn read(&self, level: u8, from: u64, count: u64) -> Result<Vec<Digest>, StoreError> {
        let (from, to) = (sql_number(from)?, sql_number(from.saturating_add(count))?);
        match level {
            0 => rows(self, sql::LEAVES, params![from, to], |row| id(row, 0)),
            _ => rows(self, sql::SUBTREES, params![level, from, to], |row| id(row, 0)),
        }
    }
}

fn size(conn: &Connection) -> Result<u64, StoreError> {
    let last: Option<i64> = conn.prepare_cached(sql::LEDGER_SIZE)?.query_row([], |row| row.get(0))?;
    Ok(last.map_or(0, |pos| pos as u64 + 1))
}

/// Reads the ledger's end.
pub(super) fn tree(conn: &Connection) -> Result<Frontier, StoreError> {
    ledger::load(conn, size(conn)?)
}

impl Store for Sqlite {
    fn append(&self, batches: Vec<Append>) -> Result<Vec<Result<Appended, StoreError>>, StoreError> {
        self.write(batches).map_err(|e| self.explained(e))
    }

    fn wipe_projections(&self) -> Result<(), StoreError> {
        self.wipe().map_err(|e| self.explained(e))
    }

    fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn ledger(&self) -> Result<LedgerState, StoreError> {
        match self.read_only {
            // Another process writes.
            true => self.read(|conn| Ok(ledger::state(&tree(conn)?))),
            false => Ok(*held(&self.ledger)),
        }
    }

    fn root(&self, of: u64) -> Result<Option<Digest>, StoreError> {
        self.read(|conn| if of > size(conn)? { Ok(None) } else { Ok(Some(ledger::load(conn, of)?.root())) })
    }

    fn subtree(&self, level: u8, index: u64) -> Result<Option<Digest>, StoreError> {
        self.read(|conn| {
            let end = index.checked_add(1).and_then(|end| if level < 63 { end.checked_mul(1 << level) } else { None });
            match end {
                Some(end) if end <= size(conn)? => subtree(conn, level, index).map(Some),
                _ => Ok(None),
            }
        })
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<LedgerEntry>, StoreError> {
        self.read(|conn| rows(conn, sql::LEDGER_FROM, params![sql_number(from)?, limit as i64], entry))
    }

    fn entry(&self, object: &Digest) -> Result<Option<LedgerEntry>, StoreError> {
        self.read(|conn| row(conn, sql::LEDGER_OBJECT, [bytes(object)], entry))
    }

    fn act(&self, act: &ActId) -> Result<Option<Act>, StoreError> {
        self.read(|conn| Ok(self.acts(conn, sql::ACT, [bytes(act)])?.pop()))
    }

    fn acts_of(&self, dossier: &DossierId) -> Result<Vec<Act>, StoreError> {
        self.read(|conn| self.acts(conn, sql::ACTS_OF, [bytes(dossier)]))
    }

    fn range(&self, dossier: &DossierId, author: &ServiceId, from_seq: u64, to_seq: u64) -> Result<Vec<Act>, StoreError> {
        let Ok(from) = i64::try_from(from_seq) else { return Ok(Vec::new()) };
        let to = i64::try_from(to_seq).unwrap_or(i64::MAX);
        self.read(|conn| self.acts(conn, sql::ACTS_RANGE, params![bytes(dossier), bytes(author), from, to]))
    }

    fn chain_ends(&self, after: Option<(DossierId, ServiceId)>, limit: usize) -> Result<Vec<ChainEnd>, StoreError> {
        let end = |row: &Row<'_>| Ok(ChainEnd { dossier: id(row, 0)?, author: id(row, 1)?, seq: number(row, 2)?, act: id(row, 3)? });
        let mut page = self.read(|conn| match &after {
            None => rows(conn, sql::CHAIN_ENDS, [limit as i64], end),
            Some((dossier, author)) => rows(conn, sql::CHAIN_ENDS_AFTER, params![bytes(dossier), bytes(author), limit as i64], end),
        })?;
        // A chain whose other end may stand on the next page comes whole with it.
        if page.len() == limit
            && let Some(last) = page.last().copied()
        {
            let whole = page.iter().filter(|e| (e.dossier, e.author) != (last.dossier, last.author)).count();
            if whole > 0 {
                page.truncate(whole);
            }
        }
        Ok(page)
    }

    fn waiting(&self, dossier: &DossierId) -> Result<Vec<Act>, StoreError> {
        self.read(|conn| self.acts(conn, sql::ACTS_WAITING, [bytes(dossier)]))
    }

    fn receipts_of(&self, act: &ActId) -> Result<Vec<Holding>, StoreError> {
        self.read(|conn| rows(conn, sql::HELD_OF, [bytes(act)], |row| Ok(Holding { service: id(row, 0)?, at: UnixMs(row.get(1)?), receipt: number(row, 2)? })))
    }

    fn outbox_next(&self, recipient: &ServiceId, after: Option<QueuePlace>, count_max: usize, bytes_max: usize) -> Result<Vec<Due>, StoreError> {
        self.read(|conn| {
            // One snapshot for the queue and the acts that it names.
            let tx = conn.unchecked_transaction()?;
            let mut after = after.unwrap_or(QueuePlace { pos: -1, n: 0 });
            let (mut due, mut bytes_due) = (Vec::new(), 0usize);
            while due.len() < count_max {
                let page = OUTBOX_PAGE.min(count_max - due.len());
                let places = rows(&tx, sql::QUEUE_AFTER, params![bytes(recipient), after.pos, after.n, page as i64], |row| {
                    let note = row.get::<_, Option<Vec<u8>>>(3)?.zip(row.get::<_, Option<Vec<u8>>>(4)?);
                    Ok((QueuePlace { pos: row.get(0)?, n: row.get(1)? }, UnixMs(row.get(2)?), note))
                })?;
                let last_page = places.len() < page;
                for (place, queued_at, note) in places {
                    let what = match note {
                        Some((id, bytes)) => DueObject::Note { id: slice(&id)?, bytes },
                        None => DueObject::Act(self.act_at(&tx, place.pos)?),
                    };
                    bytes_due += what.bytes();
                    if bytes_due > bytes_max && !due.is_empty() {
                        return Ok(due);
                    }
                    after = place;
                    due.push(Due { place, queued_at, what });
                }
                if last_page {
                    break;
                }
            }
            Ok(due)
        })
    }

    fn outbox_depth(&self) -> Result<Vec<Depth>, StoreError> {
        self.read(|conn| rows(conn, sql::QUEUE_DEPTH, [], |row| Ok(Depth { recipient: id(row, 0)?, count: number(row, 1)?, oldest: UnixMs(row.get(2)?) })))
    }

    fn given(&self, parcel: &ParcelId) -> Result<Option<Given>, StoreError> {
        self.read(|conn| given(conn, sql::GIVEN_PARCEL, [bytes(parcel)]))
    }

    fn given_numbered(&self, sender: &ServiceId, number: u64) -> Result<Option<Given>, StoreError> {
        let Ok(number) = sql_number(number) else { return Ok(None) };
        self.read(|conn| given(conn, sql::GIVEN_NUMBER, params![bytes(sender), number]))
    }

    fn given_highest(&self, sender: &ServiceId) -> Result<Option<u64>, StoreError> {
        self.read(|conn| {
            let highest: Option<i64> = conn.prepare_cached(sql::GIVEN_HIGHEST)?.query_row([bytes(sender)], |row| row.get(0))?;
            Ok(highest.map(|n| n as u64))
        })
    }

    fn dossier(&self, dossier: &DossierId) -> Result<Option<DossierRow>, StoreError> {
        self.read(|conn| row(conn, sql::DOSSIER, [bytes(dossier)], |row| self.keys.dossier(row)))
    }

    fn dossiers(&self, filter: &DossierFilter<'_>, after: Option<(UnixMs, DossierId)>, limit: usize) -> Result<Vec<DossierRow>, StoreError> {
        let DossierFilter { mechanism, accord, phase, closed } = filter;
        let sql = sql::dossiers(mechanism.is_some(), accord.is_some(), phase.is_some(), closed.is_some(), after.is_some());
        let mut values: Vec<Value> = Vec::new();
        values.extend(mechanism.map(|m| Value::Blob(bytes(&m).to_vec())));
        values.extend(accord.map(|a| Value::Blob(bytes(&a).to_vec())));
        values.extend(phase.map(|p| Value::Text(p.to_owned())));
        values.extend(closed.map(|c| Value::Integer(i64::from(c))));
        values.extend(after.iter().flat_map(|(at, id)| [Value::Integer(at.0), Value::Blob(bytes(id).to_vec())]));
        values.push(Value::Integer(limit as i64));
        self.read(|conn| rows(conn, &sql, params_from_iter(values), |row| self.keys.dossier(row)))
    }

    fn record(&self, kind: &str, id: &str) -> Result<Option<Record>, StoreError> {
        self.read(|conn| row(conn, sql::RECORD, [kind, id], |row| self.keys.record(row)))
    }

    fn records(&self, kind: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.read(|conn| match after {
            None => rows(conn, sql::RECORDS, params![kind, limit as i64], |row| self.keys.record(row)),
            Some(after) => rows(conn, sql::RECORDS_AFTER, params![kind, after, limit as i64], |row| self.keys.record(row)),
        })
    }

    fn log(&self, kind: Option<&str>, after: Option<u64>, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let after = after.map_or(Ok(-1), sql_number)?;
        self.read(|conn| match kind {
            None => rows(conn, sql::LOG_AFTER, params![after, limit as i64], |row| self.keys.log(row)),
            Some(kind) => rows(conn, sql::LOG_KIND, params![kind, after, limit as i64], |row| self.keys.log(row)),
        })
    }
}

impl Sqlite {
    fn act_at(&self, conn: &Connection, pos: i64) -> Result<Act, StoreError> {
        let act = self.acts(conn, sql::ACT_AT, [pos])?.pop();
        act.ok_or_else(|| StoreError::Corrupt(format!("the outbox names entry {pos} of the ledger, which is filed as no act")))
    }

    fn acts(&self, conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<Act>, StoreError> {
        let mut statement = conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        let mut item_keys = HashMap::new();
        let mut acts = Vec::new();
        while let Some(row) = found.next()? {
            let mut act = Act {
                pos: number(row, 0)?,
                at: UnixMs(row.get(1)?),
                id: id(row, 2)?,
                dossier: id(row, 3)?,
                author: id(row, 4)?,
                seq: number(row, 5)?,
                item: id(row, 6)?,
                verdict: row.get_ref(7)?.as_str().map_err(rusqlite::Error::from).and_then(verdict)?,
                signed: row.get(8)?,
                body: Body::Absent,
            };
            act.body = self.keys.body(&act, row, &mut item_keys)?;
            acts.push(act);
        }
        Ok(acts)
    }
}

impl Keys {
    fn body(&self, act: &Act, row: &Row<'_>, item_keys: &mut HashMap<(DossierId, ItemId), ItemKey>) -> Result<Body, StoreError> {
        let sealed: Option<&[u8]> = row.get_ref(9)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        let wrapped: Option<&[u8]> = row.get_ref(10)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        let erased_to: Option<u64> = row.get::<_, Option<i64>>(11)?.map(|n| n as u64);
        if act.pos < erased_to.unwrap_or(0) {
            return Ok(Body::Erased);
        }
        let Some(sealed) = sealed else { return Ok(Body::Absent) };
        let wrapped = wrapped.ok_or_else(|| StoreError::Corrupt(format!("the body of act {} has no key", act.id)))?;
        let place = (act.dossier, act.item);
        let key = match item_keys.entry(place) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(self.storage.unwrap(wrapped, &key_aad(&act.dossier, &act.item)).map_err(rest)?),
        };
        Ok(Body::Held(key.open(&body_aad(act.id.as_ref()), sealed).map_err(rest)?))
    }

    fn dossier(&self, row: &Row<'_>) -> Result<DossierRow, StoreError> {
        let id = id(row, 0)?;
        Ok(DossierRow {
            id,
            mechanism: self::id(row, 1)?,
            accord: self::id(row, 2)?,
            opened_at: UnixMs(row.get(3)?),
            updated_at: UnixMs(row.get(4)?),
            phase: row.get(5)?,
            closed: row.get(6)?,
            summary: self.house.open(&summary_aad(&id), blob(row, 7)?).map_err(rest)?,
        })
    }

    fn record(&self, row: &Row<'_>) -> Result<Record, StoreError> {
        let (kind, id): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(Record { at: UnixMs(row.get(2)?), data: self.house.open(&record_aad(&kind, &id), blob(row, 3)?).map_err(rest)?, id })
    }

    fn log(&self, row: &Row<'_>) -> Result<LogEntry, StoreError> {
        let (seq, kind): (i64, String) = (row.get(0)?, row.get(2)?);
        let data = self.house.open(&log_aad(seq, &kind), blob(row, 3)?).map_err(rest)?;
        Ok(LogEntry { seq: seq as u64, at: UnixMs(row.get(1)?), kind, data })
    }
}

impl DueObject {
    fn bytes(&self) -> usize {
        match self {
            DueObject::Act(act) => act.signed.len() + if let Body::Held(body) = &act.body { body.len() } else { 0 },
            DueObject::Note { bytes, .. } => bytes.len(),
        }
    }
}

fn entry(row: &Row<'_>) -> Result<LedgerEntry, StoreError> {
    Ok(LedgerEntry { pos: number(row, 0)?, kind: kind(row.get(1)?)?, at: UnixMs(row.get(2)?), object: id(row, 3)?, leaf: id(row, 4)?, signed: row.get(5)? })
}

pub(super) fn given(conn: &Connection, sql: &str, params: impl Params) -> Result<Option<Given>, StoreError> {
    row(conn, sql, params, |row| {
        let parcel = Parcel { sender: id(row, 0)?, number: number(row, 1)?, id: id(row, 2)? };
        Ok(Given { parcel, pos: number(row, 3)?, receipt: row.get(4)? })
    })
}

pub(super) fn kind(n: u8) -> Result<Kind, rusqlite::Error> {
    Kind::from_number(n).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, i64::from(n)))
}

fn verdict(text: &str) -> Result<Verdict, rusqlite::Error> {
    Verdict::parse(text).ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, format!("'{text}' is no verdict").into()))
}

fn slice<T: From<Digest>>(bytes: &[u8]) -> Result<T, rusqlite::Error> {
    let wrong = || FromSqlError::InvalidBlobSize { expected_size: 32, blob_size: bytes.len() };
    Ok(T::from(Digest::from_slice(bytes).ok_or_else(wrong)?))
}

fn id<T: From<Digest>>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    Ok(slice(blob(row, column)?)?)
}

fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], StoreError> {
    Ok(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)
}

/// Positions, numbers and counts were written from `u64` within the range of `i64`.
fn number(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    Ok(row.get::<_, i64>(column)? as u64)
}

fn rows<T>(conn: &Connection, sql: &str, params: impl Params, read: impl Fn(&Row<'_>) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = found.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

fn row<T>(conn: &Connection, sql: &str, params: impl Params, read: impl Fn(&Row<'_>) -> Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    found.next()?.map(read).transpose()
}
