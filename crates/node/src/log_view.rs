//! Looking into the local log: who read what, when and why. A look has a reason of its own, and is a line of the log itself.

use crate::error::NodeError;
use crate::node::{Node, PAGE, Ticket, log};
use crate::officer::Officer;
use base::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Append;

/// Lines of the log that one look goes through; the next look begins where it ended.
pub const LOG_SCAN_MAX: usize = 50_000;
/// Lines that one look returns.
pub const LOG_FOUND_MAX: usize = 1_000;

/// What is looked for; what is empty leaves all in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFilter {
    /// Kind of line: "consultation", "audit", "incident", "refused-input", "refused-by-partner".
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The person: an officer's id, whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub person: String,
    /// A dossier's id, or its first digits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dossier: String,
    /// Lines from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<UnixMs>,
    /// Lines before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMs>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLineView {
    /// Its number, which grows.
    pub seq: u64,
    /// When it was written.
    pub at: UnixMs,
    /// Its kind.
    pub kind: String,
    /// What stands in it.
    pub data: Value,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogPage {
    /// The lines, oldest first.
    pub lines: Vec<LogLineView>,
    /// Where the next look begins; none where the log is at its end.
    pub more_after: Option<u64>,
}

impl LogLineView {
    /// Returns the officer whom the line names as the one who did something.
    pub fn person(&self) -> &str {
        let named = |name: &str| self.data[name].as_str();
        named("by").or_else(|| named("officer")).unwrap_or_default()
    }
}

impl LogFilter {
    /// Tells whether a line is wanted.
    fn wants(&self, line: &LogLineView) -> bool {
        let named = |name: &str| line.data[name].as_str().unwrap_or_default();
        (self.person.is_empty() || [named("by"), named("officer")].contains(&self.person.as_str()))
            && (self.dossier.is_empty() || named("dossier").starts_with(&self.dossier))
            && self.from.is_none_or(|from| from <= line.at)
            && self.until.is_none_or(|until| line.at < until)
    }
}

impl Node {
    /// Looks into the log after line `after`; the look is logged with its reason and with what was looked for.
    ///
    /// Goes through [`LOG_SCAN_MAX`] lines and returns [`LOG_FOUND_MAX`] at most. Refuses without a reason.
    pub fn look_into_log(
        &mut self,
        officer: &Officer,
        filter: &LogFilter,
        after: Option<u64>,
        reason: &str,
        now: UnixMs,
    ) -> Result<(Ticket, LogPage), NodeError> {
        if reason.trim().is_empty() {
            return Err(NodeError::Asked("say why you look into the log; the reason is logged".to_owned()));
        }
        let mut page = LogPage { lines: Vec::new(), more_after: None };
        let (mut at, mut gone_through) = (after, 0);
        let kind = Some(filter.kind.as_str()).filter(|k| !k.is_empty());
        'pages: loop {
            let read = self.store.log(kind, at, PAGE)?;
            if read.is_empty() {
                break;
            }
            for entry in read {
                if gone_through == LOG_SCAN_MAX || page.lines.len() == LOG_FOUND_MAX {
                    page.more_after = at;
                    break 'pages;
                }
                (at, gone_through) = (Some(entry.seq), gone_through + 1);
                let data = serde_json::from_slice(&entry.data).unwrap_or(Value::Null);
                let line = LogLineView { seq: entry.seq, at: entry.at, kind: entry.kind, data };
                if filter.wants(&line) {
                    page.lines.push(line);
                }
            }
        }
        let mut batch = Append::new(now);
        batch.logs.push(log("audit", serde_json::json!({ "what": "log read", "by": officer.id, "reason": reason, "filter": filter })));
        Ok((self.stage(batch), page))
    }

    /// Logs that lines of the log were taken out, with the digest of the file: whoever shows the file can be held to it.
    pub fn note_log_export(&mut self, officer: &Officer, digest: base::Digest, lines: usize, reason: &str, now: UnixMs) -> Ticket {
        let mut batch = Append::new(now);
        let what = serde_json::json!({ "what": "log exported", "by": officer.id, "reason": reason, "sha256": digest, "lines": lines });
        batch.logs.push(log("audit", what));
        self.stage(batch)
    }
}
