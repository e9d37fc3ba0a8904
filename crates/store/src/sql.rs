//! Every SQL text, in the language that SQLite and PostgreSQL share.
//!
//! Two spellings are settled by the implementation: `/* clustered */` after a table (SQLite: `WITHOUT ROWID`, PostgreSQL: a
//! comment) and `BIGINT PRIMARY KEY` (SQLite: `INTEGER PRIMARY KEY`, the same numbers without a second tree). Parameters appear
//! in the order of their numbers, because SQLite counts `$n` by appearance.

/// The steps from an empty database to the present schema; step n leads to schema n + 1 and is never changed once shipped.
pub const MIGRATIONS: &[&str] = &[
    // 1
    "
CREATE TABLE ledger (
  pos BIGINT PRIMARY KEY,
  kind SMALLINT NOT NULL,
  at BIGINT NOT NULL,
  object BYTEA NOT NULL UNIQUE,
  leaf BYTEA NOT NULL,
  signed BYTEA NOT NULL
);
CREATE TABLE subtree (
  level SMALLINT NOT NULL,
  idx BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  PRIMARY KEY (level, idx)
) /* clustered */;
CREATE TABLE item_key (
  dossier BYTEA NOT NULL,
  item BYTEA NOT NULL,
  wrapped BYTEA,
  erased_to BIGINT NOT NULL,
  erased_at BIGINT NOT NULL,
  PRIMARY KEY (dossier, item)
) /* clustered */;
CREATE TABLE house_key (
  id BIGINT PRIMARY KEY,
  wrapped BYTEA NOT NULL
);
CREATE TABLE body (
  pos BIGINT PRIMARY KEY REFERENCES ledger (pos),
  sealed BYTEA NOT NULL
);
CREATE TABLE act (
  pos BIGINT PRIMARY KEY REFERENCES ledger (pos),
  dossier BYTEA NOT NULL,
  author BYTEA NOT NULL,
  seq BIGINT NOT NULL,
  item BYTEA NOT NULL,
  verdict TEXT NOT NULL
);
CREATE INDEX act_chain ON act (dossier, author, seq, pos);
CREATE INDEX act_waiting ON act (dossier, pos) WHERE verdict = 'waiting';
CREATE TABLE held (
  pos BIGINT NOT NULL REFERENCES ledger (pos),
  service BYTEA NOT NULL,
  at BIGINT NOT NULL,
  receipt BIGINT NOT NULL REFERENCES ledger (pos),
  PRIMARY KEY (pos, service)
) /* clustered */;
CREATE TABLE outbox (
  recipient BYTEA NOT NULL,
  pos BIGINT NOT NULL,
  n BIGINT NOT NULL,
  at BIGINT NOT NULL,
  object BYTEA,
  note BYTEA,
  PRIMARY KEY (recipient, pos, n)
) /* clustered */;
CREATE UNIQUE INDEX outbox_note ON outbox (recipient, object) WHERE object IS NOT NULL;
CREATE TABLE given (
  sender BYTEA NOT NULL,
  number BIGINT NOT NULL,
  parcel BYTEA NOT NULL UNIQUE,
  receipt BIGINT NOT NULL REFERENCES ledger (pos),
  until BIGINT,
  PRIMARY KEY (sender, number)
) /* clustered */;
CREATE INDEX given_numbered ON given (sender, number) WHERE until IS NULL;
CREATE INDEX given_until ON given (until) WHERE until IS NOT NULL;
CREATE TABLE dossier (
  id BYTEA NOT NULL,
  mechanism BYTEA NOT NULL,
  accord BYTEA NOT NULL,
  opened_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  phase TEXT NOT NULL,
  closed SMALLINT NOT NULL,
  summary BYTEA NOT NULL,
  PRIMARY KEY (id)
) /* clustered */;
CREATE INDEX dossier_recent ON dossier (updated_at, id);
CREATE TABLE record (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at BIGINT NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (kind, id)
) /* clustered */;
CREATE TABLE log (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL,
  data BYTEA NOT NULL
);
CREATE INDEX log_kind ON log (kind, seq);
",
];

pub const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)";
pub const VERSION_READ: &str = "SELECT MAX(version) FROM schema_version";
pub const VERSION_PUT: &str = "INSERT INTO schema_version (version) VALUES ($1)";

pub const BATCH_BEGIN: &str = "SAVEPOINT batch";
pub const BATCH_KEEP: &str = "RELEASE SAVEPOINT batch";
pub const BATCH_UNDO: &str = "ROLLBACK TO SAVEPOINT batch";

// Ledger.
pub const LEDGER_SIZE: &str = "SELECT MAX(pos) FROM ledger";
pub const LEDGER_PUT: &str = "INSERT INTO ledger (pos, kind, at, object, leaf, signed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (object) DO NOTHING";
pub const LEDGER_POS: &str = "SELECT pos, kind, at FROM ledger WHERE object = $1";
pub const LEDGER_FROM: &str = "SELECT pos, kind, at, object, leaf, signed FROM ledger WHERE pos >= $1 ORDER BY pos LIMIT $2";
pub const LEDGER_OBJECT: &str = "SELECT pos, kind, at, object, leaf, signed FROM ledger WHERE object = $1";
pub const LEAVES: &str = "SELECT leaf FROM ledger WHERE pos >= $1 AND pos < $2 ORDER BY pos";
pub const SUBTREE_PUT: &str = "INSERT INTO subtree (level, idx, hash) VALUES ($1, $2, $3)";
pub const SUBTREES: &str = "SELECT hash FROM subtree WHERE level = $1 AND idx >= $2 AND idx < $3 ORDER BY idx";

// Bodies and their keys.
pub const HOUSE_KEY: &str = "SELECT wrapped FROM house_key WHERE id = 1";
pub const HOUSE_KEY_PUT: &str = "INSERT INTO house_key (id, wrapped) VALUES (1, $1)";
pub const BODY_PUT: &str = "INSERT INTO body (pos, sealed) VALUES ($1, $2) ON CONFLICT (pos) DO NOTHING";
pub const BODY_HELD: &str = "SELECT pos FROM body WHERE pos = $1";
pub const KEY_READ: &str = "SELECT wrapped, erased_to FROM item_key WHERE dossier = $1 AND item = $2";
pub const KEY_PUT: &str = "INSERT INTO item_key (dossier, item, wrapped, erased_to, erased_at) VALUES ($1, $2, $3, 0, 0) \
     ON CONFLICT (dossier, item) DO UPDATE SET wrapped = excluded.wrapped";
pub const KEY_ERASE: &str = "INSERT INTO item_key (dossier, item, wrapped, erased_to, erased_at) VALUES ($1, $2, NULL, $3, $4) \
     ON CONFLICT (dossier, item) DO UPDATE SET wrapped = NULL, erased_to = excluded.erased_to, erased_at = excluded.erased_at";
pub const BODY_ERASE: &str = "DELETE FROM body WHERE pos IN (SELECT pos FROM act WHERE dossier = $1 AND item = $2)";

// Acts.
pub const ACT_PUT: &str = "INSERT INTO act (pos, dossier, author, seq, item, verdict) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (pos) DO NOTHING";
pub const ACT_VERDICT: &str = "UPDATE act SET verdict = $1 WHERE pos = $2";

macro_rules! acts {
    ($tail:literal) => {
        concat!(
            "SELECT a.pos, l.at, l.object, a.dossier, a.author, a.seq, a.item, a.verdict, l.signed, b.sealed, k.wrapped, k.erased_to \
             FROM act a JOIN ledger l ON l.pos = a.pos LEFT JOIN body b ON b.pos = a.pos \
             LEFT JOIN item_key k ON k.dossier = a.dossier AND k.item = a.item ",
            $tail
        )
    };
}
pub const ACT: &str = acts!("WHERE l.object = $1");
pub const ACT_AT: &str = acts!("WHERE a.pos = $1");
pub const ACTS_OF: &str = acts!("WHERE a.dossier = $1 ORDER BY a.author, a.seq, a.pos");
pub const ACTS_RANGE: &str = acts!("WHERE a.dossier = $1 AND a.author = $2 AND a.seq >= $3 AND a.seq <= $4 ORDER BY a.seq, a.pos");
pub const ACTS_WAITING: &str = acts!("WHERE a.dossier = $1 AND a.verdict = 'waiting' ORDER BY a.pos");

/// Where each author's acts end; the outer rows are those that nothing of their chain comes after.
macro_rules! chain_ends {
    ($where:literal, $limit:literal) => {
        concat!(
            "SELECT a.dossier, a.author, a.seq, l.object FROM act a JOIN ledger l ON l.pos = a.pos WHERE ",
            $where,
            "NOT EXISTS (SELECT 1 FROM act b WHERE b.dossier = a.dossier AND b.author = a.author AND b.seq > a.seq) \
             ORDER BY a.dossier, a.author, a.pos LIMIT ",
            $limit
        )
    };
}
pub const CHAIN_ENDS: &str = chain_ends!("", "$1");
pub const CHAIN_ENDS_AFTER: &str = chain_ends!("(a.dossier, a.author) > ($1, $2) AND ", "$3");

// Receipts.
pub const HELD_PUT: &str = "INSERT INTO held (pos, service, at, receipt) VALUES ($1, $2, $3, $4) ON CONFLICT (pos, service) DO NOTHING";
pub const HELD_OF: &str = "SELECT h.service, h.at, h.receipt FROM ledger l JOIN held h ON h.pos = l.pos WHERE l.object = $1 ORDER BY h.receipt";
pub const GIVEN_PUT: &str = "INSERT INTO given (sender, number, parcel, receipt, until) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (sender, number) DO NOTHING";
pub const GIVEN_PRUNE: &str = "DELETE FROM given WHERE sender = $1 AND until IS NULL
  AND number <= (SELECT number FROM given WHERE sender = $1 AND until IS NULL ORDER BY number DESC LIMIT 1 OFFSET $2)";
pub const GIVEN_EXPIRE: &str = "DELETE FROM given WHERE until < $1";
pub const GIVEN_HIGHEST: &str = "SELECT MAX(number) FROM given WHERE sender = $1";
pub const GIVEN_PARCEL: &str = "SELECT g.sender, g.number, g.parcel, g.receipt, l.signed FROM given g JOIN ledger l ON l.pos = g.receipt WHERE g.parcel = $1";
pub const GIVEN_NUMBER: &str =
    "SELECT g.sender, g.number, g.parcel, g.receipt, l.signed FROM given g JOIN ledger l ON l.pos = g.receipt WHERE g.sender = $1 AND g.number = $2";

// Outbox: an act stands at its own position behind the notes that were queued when the ledger had that size.
pub const QUEUE_ACT: &str =
    "INSERT INTO outbox (recipient, pos, n, at, object, note) VALUES ($1, $2, $3, $4, NULL, NULL) ON CONFLICT (recipient, pos, n) DO NOTHING";
pub const QUEUE_NOTE_N: &str = "SELECT MAX(n) FROM outbox WHERE recipient = $1 AND pos = $2 AND n < $3";
pub const QUEUE_NOTE_HELD: &str = "SELECT pos FROM outbox WHERE recipient = $1 AND object = $2";
pub const QUEUE_NOTE: &str = "INSERT INTO outbox (recipient, pos, n, at, object, note) VALUES ($1, $2, $3, $4, $5, $6)";
pub const UNQUEUE_ACT: &str = "DELETE FROM outbox WHERE recipient = $1 AND pos = $2 AND n = $3";
pub const UNQUEUE_NOTE: &str = "DELETE FROM outbox WHERE recipient = $1 AND object = $2";
pub const QUEUE_AFTER: &str = "SELECT pos, n, at, object, note FROM outbox WHERE recipient = $1 AND (pos, n) > ($2, $3) ORDER BY pos, n LIMIT $4";
pub const QUEUE_DEPTH: &str = "SELECT recipient, COUNT(*), MIN(at) FROM outbox GROUP BY recipient ORDER BY recipient";

// Dossiers.
pub const DOSSIER_PUT: &str = "INSERT INTO dossier (id, mechanism, accord, opened_at, updated_at, phase, closed, summary) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET mechanism = excluded.mechanism, accord = excluded.accord, \
     opened_at = excluded.opened_at, updated_at = excluded.updated_at, phase = excluded.phase, closed = excluded.closed, summary = excluded.summary";
pub const DOSSIER: &str = "SELECT id, mechanism, accord, opened_at, updated_at, phase, closed, summary FROM dossier WHERE id = $1";

/// Lists dossiers under the conditions that are asked for, in this order of parameters: mechanism, accord, phase, closed, cursor
/// (time, id), limit.
pub fn dossiers(mechanism: bool, accord: bool, phase: bool, closed: bool, after: bool) -> String {
    let mut sql = String::from("SELECT id, mechanism, accord, opened_at, updated_at, phase, closed, summary FROM dossier");
    let mut n = 0;
    let mut next = || {
        n += 1;
        n
    };
    let mut glue = " WHERE ";
    for (column, _) in [("mechanism", mechanism), ("accord", accord), ("phase", phase), ("closed", closed)].iter().filter(|c| c.1) {
        sql.push_str(&format!("{glue}{column} = ${}", next()));
        glue = " AND ";
    }
    if after {
        sql.push_str(&format!("{glue}(updated_at, id) < (${}, ${})", next(), next()));
    }
    sql.push_str(&format!(" ORDER BY updated_at DESC, id DESC LIMIT ${}", next()));
    sql
}

// Local documents and log.
pub const RECORD_PUT: &str = "INSERT INTO record (kind, id, at, data) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at, data = excluded.data";
pub const RECORD_PUT_ABSENT: &str = "INSERT INTO record (kind, id, at, data) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, id) DO NOTHING";
pub const RECORD_DELETE: &str = "DELETE FROM record WHERE kind = $1 AND id = $2";
pub const RECORD: &str = "SELECT kind, id, at, data FROM record WHERE kind = $1 AND id = $2";
pub const RECORDS: &str = "SELECT kind, id, at, data FROM record WHERE kind = $1 ORDER BY id LIMIT $2";
pub const RECORDS_AFTER: &str = "SELECT kind, id, at, data FROM record WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3";
pub const LOG_SIZE: &str = "SELECT MAX(seq) FROM log";
pub const LOG_PUT: &str = "INSERT INTO log (seq, at, kind, data) VALUES ($1, $2, $3, $4)";
pub const LOG_AFTER: &str = "SELECT seq, at, kind, data FROM log WHERE seq > $1 ORDER BY seq LIMIT $2";
pub const LOG_KIND: &str = "SELECT seq, at, kind, data FROM log WHERE kind = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// Empties the projections; notes in the outbox are nobody's projection and stay.
pub const WIPE: &[&str] = &["DELETE FROM act", "DELETE FROM held", "DELETE FROM given", "DELETE FROM dossier", "DELETE FROM outbox WHERE object IS NULL"];

#[cfg(test)]
mod tests {
    /// SQLite numbers `$n` by first appearance, PostgreSQL by n; the two agree only if they are the same.
    #[test]
    fn parameters_appear_in_order() {
        let source = include_str!("sql.rs").split("#[cfg(test)]").next().unwrap();
        let generated = (0..32u8).map(|m| super::dossiers(m & 1 > 0, m & 2 > 0, m & 4 > 0, m & 8 > 0, m & 16 > 0));
        let texts = source.split(";\npub const").map(str::to_owned).filter(|t| !t.contains("pub fn")).chain(generated);
        let mut seen_any = 0;
        for text in texts {
            let mut seen = Vec::new();
            for after in text.split('$').skip(1) {
                let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
                seen.extend(digits.parse::<usize>().ok().filter(|n| !seen.contains(n)));
            }
            assert!(seen.iter().copied().eq(1..=seen.len()), "{text}");
            seen_any += seen.len();
        }
        assert!(seen_any > 100);
    }
}
