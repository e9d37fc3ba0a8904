//! A table with a heading (RFC 4180): columns by their names, several values in one cell with `;` between them.

use super::{Entry, Reject, reject};

/// Columns that are known; `reference` must be there.
const COLUMNS: [&str; 12] = ["reference", "name", "birth", "document", "phone", "plate", "vessel", "account", "category", "quality", "contact", "until"];

/// Reads a table; a heading that is not understood rejects all of it.
pub fn read(text: &str) -> (Vec<Entry>, Vec<Reject>) {
    let mut rows = rows(text.strip_prefix('\u{feff}').unwrap_or(text));
    let heading: Vec<String> = match rows.next() {
        Some(Ok((_, cells))) => cells.into_iter().map(|c| c.trim().to_lowercase()).collect(),
        _ => return (Vec::new(), vec![reject(1, format!("the file has no heading; the columns are {}", COLUMNS.join(", ")))]),
    };
    let unknown = heading.iter().enumerate().find(|(i, h)| !COLUMNS.contains(&h.as_str()) || heading[..*i].contains(h));
    if let Some((_, column)) = unknown {
        return (Vec::new(), vec![reject(1, format!("the column '{column}' is not known or stands twice; the columns are {}", COLUMNS.join(", ")))]);
    }
    if !heading.iter().any(|h| h == "reference") {
        return (Vec::new(), vec![reject(1, "the column 'reference' is missing: without it a hit leads nowhere")]);
    }
    let (mut entries, mut rejects) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            Ok((_, cells)) if cells.iter().all(|c| c.trim().is_empty()) => {}
            Ok((line, cells)) if cells.len() == heading.len() => entries.push(entry(line, &heading, cells)),
            Ok((line, cells)) => rejects.push(reject(line, format!("the line has {} cells where the heading has {}", cells.len(), heading.len()))),
            Err(line) => rejects.push(reject(line, "a quotation mark is not closed, or text stands behind it")),
        }
    }
    (entries, rejects)
}

fn entry(line: usize, heading: &[String], cells: Vec<String>) -> Entry {
    let mut e = Entry { line, ..Entry::default() };
    for (column, cell) in heading.iter().zip(cells) {
        let one = |cell: &str| Some(cell.trim().to_owned()).filter(|c| !c.is_empty());
        match column.as_str() {
            "reference" => e.reference = cell.trim().to_owned(),
            "category" => e.category = one(&cell),
            "quality" => e.quality = one(&cell),
            "contact" => e.contact = one(&cell),
            "until" => e.until = one(&cell),
            _ => {
                for value in cell.split(';').map(str::trim).filter(|v| !v.is_empty()) {
                    let mut parts = value.splitn(3, ':').map(str::trim);
                    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                    let done = match column.as_str() {
                        "name" => e.subject.name(value),
                        "birth" => e.subject.birth(value),
                        "document" => e.subject.document(first, second, third),
                        "phone" => e.subject.phone(value),
                        "plate" => e.subject.plate(first, second),
                        "vessel" => e.subject.vessel(value),
                        _ => e.subject.account(value),
                    };
                    e.try_do(done);
                }
            }
        }
    }
    e
}

/// Goes over the rows with the number of the line on which each begins; the number alone where a row is broken.
fn rows(text: &str) -> impl Iterator<Item = Result<(usize, Vec<String>), usize>> + '_ {
    let (mut rest, mut line) = (text, 1);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let began = line;
        let mut cells = Vec::new();
        loop {
            let (cell, after) = match cell(rest) {
                Some(found) => found,
                None => {
                    rest = "";
                    return Some(Err(began));
                }
            };
            line += rest[..rest.len() - after.len()].matches('\n').count();
            cells.push(cell);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None => {
                    rest = after.strip_prefix('\r').unwrap_or(after);
                    if rest.starts_with('\n') {
                        (rest, line) = (&rest[1..], line + 1);
                    }
                    return Some(Ok((began, cells)));
                }
            }
        }
    })
}

/// Reads one cell; none where its quotation mark is not closed or text stands behind it.
fn cell(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut out = String::new();
    loop {
        let at = rest.find('"')?;
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                out.push('"');
                rest = more;
            }
            None => return (rest.is_empty() || rest.starts_with([',', '\r', '\n'])).then_some((out, rest)),
        }
    }
}
