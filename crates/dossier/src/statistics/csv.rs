//! A table as CSV (RFC 4180).

use super::{By, Table};

/// Writes a table as CSV with a heading line; `name` gives codes and services the name under which people know them.
///
/// Cells that a spreadsheet would take for a formula begin with an apostrophe.
pub fn csv(table: &Table, name: &dyn Fn(By, &str) -> String) -> String {
    let by = |b: &By| serde_json::to_value(b).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let measures = ["dossiers", "ended", "acts", "void", "answer_minutes", "end_minutes", "longest_minutes"];
    let mut out = line(table.by.iter().map(by).chain(measures.map(str::to_owned)));
    let number = |n: Option<i64>| n.map(|n| n.to_string()).unwrap_or_default();
    for r in &table.rows {
        let key = table.by.iter().zip(&r.key).map(|(b, code)| name(*b, code));
        let counts = [r.dossiers, r.ended, r.acts, r.void].map(|n| n.to_string());
        out += &line(key.chain(counts).chain([r.answer_minutes, r.end_minutes, r.longest_minutes].map(number)));
    }
    out
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cell = |c: String| {
        let safe = if c.starts_with(['=', '+', '-', '@', '\t', '\r']) && c.len() > 1 { format!("'{c}") } else { c };
        if safe.contains([',', '"', '\n', '\r']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
    };
    cells.map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}
