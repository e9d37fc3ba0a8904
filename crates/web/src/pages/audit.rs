//! Audit, for the data-protection role: who read what, when and why. Each look has a reason of its own and is logged; what is taken out
//! as a file is logged with its digest.

use super::administration::AUDIT;
use crate::access::{Pages, Posted};
use crate::desk::Desk;
use crate::layout::{Live, csrf, failed, page};
use crate::session::{REASON_CHARS_MAX, Seat};
use crate::when::moment;
use crate::words::{apart, many, t};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base::{Digest, Lang, UnixMs};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use node::{LogFilter, LogLineView, LogPage};
use serde_json::Value;
use std::collections::BTreeMap;

/// Kinds of lines, as the node names them.
const KINDS: [(&str, &str); 6] = [
    ("consultation", "audit.kind.consultation"),
    ("hit", "audit.kind.hit"),
    ("audit", "audit.kind.audit"),
    ("incident", "audit.kind.incident"),
    ("refused-input", "audit.kind.refused-input"),
    ("refused-by-partner", "audit.kind.refused-by-partner"),
];

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/audit", AUDIT, ask).post("/audit", AUDIT, look).post("/audit/file", AUDIT, file)
}

/// What was asked for, as it was typed.
#[derive(Debug, Clone, Default)]
struct Asked {
    reason: String,
    kind: String,
    person: String,
    dossier: String,
    from: String,
    until: String,
    after: String,
}

impl Asked {
    fn of(form: &Posted) -> Asked {
        let get = |name: &str| form.get(name).trim().to_owned();
        let reason = get("reason").chars().take(REASON_CHARS_MAX).collect();
        Asked { reason, kind: get("kind"), person: get("person"), dossier: get("dossier"), from: get("from"), until: get("until"), after: get("after") }
    }

    /// Reads the filter; days are those of the reader's zone, the last one included.
    fn filter(&self, zone: &str) -> LogFilter {
        let day = |typed: &str| typed.parse::<civil::Date>().ok();
        let next = day(&self.until).and_then(|d| d.tomorrow().ok());
        LogFilter {
            kind: self.kind.clone(),
            person: self.person.clone(),
            dossier: self.dossier.clone(),
            from: day(&self.from).and_then(|d| begins(d, zone)),
            until: next.and_then(|d| begins(d, zone)),
        }
    }

    fn fields(&self) -> [(&'static str, &str); 6] {
        [("reason", &self.reason), ("kind", &self.kind), ("person", &self.person), ("dossier", &self.dossier), ("from", &self.from), ("until", &self.until)]
    }
}

/// Returns when a day begins in a zone.
pub(super) fn begins(day: civil::Date, zone: &str) -> Option<UnixMs> {
    let tz = if zone == "UTC" { TimeZone::UTC } else { TimeZone::get(zone).ok()? };
    Some(UnixMs(day.to_zoned(tz).ok()?.timestamp().as_millisecond()))
}

async fn ask(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    draw(&desk, &seat, &Asked { kind: "consultation".to_owned(), ..Asked::default() }, None).await
}

async fn look(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let asked = Asked::of(&form);
    match find(&desk, &seat, &asked).await {
        Ok(found) => draw(&desk, &seat, &asked, Some(found)).await,
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn find(desk: &Desk, seat: &Seat, asked: &Asked) -> Result<LogPage, node::NodeError> {
    let (officer, now, filter) = (seat.officer.clone(), seat.now, asked.filter(&seat.zone));
    let (reason, after) = (asked.reason.clone(), asked.after.parse().ok());
    desk.run(move |n| n.look_into_log(&officer, &filter, after, &reason, now).map(|(t, page)| (Some(t), page))).await
}

/// Takes what was asked for out as a file (RFC 4180); its digest stands in the log and in the answer's head (RFC 9530).
async fn file(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    let asked = Asked::of(&form);
    let found = match find(&desk, &seat, &asked).await {
        Ok(found) => found,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let bytes = csv(&found.lines).into_bytes();
    let (digest, lines, officer, now) = (Digest::of(&bytes), found.lines.len(), seat.officer.clone(), seat.now);
    if let Err(e) = desk.run(move |n| Ok((Some(n.note_log_export(&officer, digest, lines, &asked.reason, now)), ()))).await {
        return failed(&seat, &desk, &e);
    }
    let head = |text: String| HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"));
    let name = head(format!("attachment; filename=\"audit-{digest}.csv\""));
    let proof = head(format!("sha-256=:{}:", STANDARD.encode(digest.0)));
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name), (header::HeaderName::from_static("repr-digest"), proof)], bytes).into_response()
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or_default()
}

/// Writes lines as CSV. What a spreadsheet would take for a formula begins with an apostrophe.
fn csv(lines: &[LogLineView]) -> String {
    let cell = |s: &str| {
        let harmless = if s.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{s}") } else { s.to_owned() };
        format!("\"{}\"", harmless.replace('"', "\"\""))
    };
    let mut out = "seq,at,kind,person,dossier,reason,what,data\r\n".to_owned();
    for l in lines {
        let parts = [&l.at.to_string(), &l.kind, l.person(), text(&l.data["dossier"]), text(&l.data["reason"]), text(&l.data["what"]), &l.data.to_string()];
        out += &format!("{},{}\r\n", l.seq, parts.map(cell).join(","));
    }
    out
}

async fn draw(desk: &Desk, seat: &Seat, asked: &Asked, found: Option<LogPage>) -> Response {
    let officers: BTreeMap<String, String> = match desk.read(|n| Ok(n.officers().iter().map(|o| (o.id.to_string(), o.name.clone())).collect())).await {
        Ok(all) => all,
        Err(e) => return failed(seat, desk, &e),
    };
    let lang = seat.lang;
    let main = html! {
        h1 { (t(lang, "audit.title")) }
        p { (t(lang, "audit.text")) }
        form method="post" action="/audit" {
            (csrf(seat))
            div.field { p { label for="why" { (t(lang, "audit.why")) } } input #why type="text" name="reason" required maxlength=(REASON_CHARS_MAX)
                value=(asked.reason) dir="auto"; }
            div.parts {
                div.part { label for="kind" { (t(lang, "audit.kind")) } select #kind name="kind" { option value="" { (t(lang, "dossiers.all")) }
                    @for (code, key) in KINDS { option value=(code) selected[code == asked.kind] { (kind(lang, key)) } } } }
                div.part { label for="person" { (t(lang, "audit.person")) } select #person name="person" { option value="" {
                    (t(lang, "dossiers.all")) } @for (id, name) in &officers { option value=(id) selected[*id == asked.person] {
                    (apart(name)) " · " (apart(id)) } } } }
                div.part { label for="dossier" { (t(lang, "form.back")) } input #dossier type="text" name="dossier" value=(asked.dossier)
                    dir="ltr" maxlength="64"; }
                div.part { label for="from" { (t(lang, "audit.from")) } input #from type="date" name="from" value=(asked.from); }
                div.part { label for="until" { (t(lang, "audit.until")) } input #until type="date" name="until" value=(asked.until); }
            }
            div.row { button.main { (t(lang, "audit.look")) } button formaction="/audit/file" { (t(lang, "audit.file")) } }
            p.quiet { (t(lang, "audit.file-text")) }
        }
        @if let Some(found) = &found {
            h2 { (many(lang, "audit.found", found.lines.len())) }
            @if !found.lines.is_empty() { (table(seat, &officers, &found.lines)) }
            @if let Some(after) = found.more_after {
                form method="post" action="/audit" {
                    (csrf(seat))
                    @for (name, value) in asked.fields() { input type="hidden" name=(name) value=(value); }
                    input type="hidden" name="after" value=(after);
                    button { (t(lang, "audit.more")) }
                }
            }
        }
    };
    page(seat, t(lang, "audit.title"), Live::Still, main).into_response()
}

fn kind(lang: Lang, key: &str) -> &'static str {
    match key {
        "audit.kind.consultation" => t(lang, "audit.kind.consultation"),
        "audit.kind.hit" => t(lang, "audit.kind.hit"),
        "audit.kind.incident" => t(lang, "audit.kind.incident"),
        "audit.kind.refused-input" => t(lang, "audit.kind.refused-input"),
        "audit.kind.refused-by-partner" => t(lang, "audit.kind.refused-by-partner"),
        _ => t(lang, "audit.kind.audit"),
    }
}

fn table(seat: &Seat, officers: &BTreeMap<String, String>, lines: &[LogLineView]) -> Markup {
    let lang = seat.lang;
    let said = |l: &LogLineView| KINDS.iter().find(|(code, _)| *code == l.kind).map_or("", |(_, key)| kind(lang, key));
    html! {
        table.board {
            thead { tr { th scope="col" { (t(lang, "audit.when")) } th scope="col" { (t(lang, "audit.person")) } th scope="col" {
                (t(lang, "audit.what")) } th scope="col" { (t(lang, "reason.label")) } } }
            tbody {
                @for l in lines {
                    @let by = l.person();
                    tr {
                        td { (moment(seat, l.at)) " " span.quiet { (l.seq) } }
                        th scope="row" { bdi { (officers.get(by).map_or(by, String::as_str)) } @if officers.contains_key(by) { " " span.quiet {
                            bdi { (by) } } } }
                        td {
                            (said(l))
                            @if let Some(what) = l.data["what"].as_str() { ": " @match crate::logged::logged(lang, what) {
                                Some(words) => { (words) }
                                // A line of another version of the program stays as it was written.
                                None => span lang="en" dir="ltr" { (what) },
                            } }
                            @if let Some(d) = l.data["dossier"].as_str() { " " a href=(format!("/dossiers/{d}")) { code dir="ltr" {
                                (d.chars().take(8).collect::<String>()) } } }
                            @if l.kind != "consultation" { details { summary { (t(lang, "trouble.details")) } code dir="ltr" { (l.data) } } }
                        }
                        td { bdi { (text(&l.data["reason"])) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_harmless_and_whole() {
        let line = |reason: &str| LogLineView {
            seq: 7,
            at: UnixMs(0),
            kind: "consultation".to_owned(),
            data: serde_json::json!({ "officer": "o.one", "dossier": "ab", "reason": reason }),
        };
        let whole = csv(&[line("=HYPERLINK(\"x\")"), line("two\nlines, one \"quoted\"")]);
        assert!(
            whole.starts_with("seq,at,kind,person,dossier,reason,what,data\r\n7,\"1970-01-01T00:00:00Z\",\"consultation\",\"o.one\",\"ab\",\"'=HYPERLINK(")
        );
        assert!(whole.contains("\"two\nlines, one \"\"quoted\"\"\""));
    }

    #[test]
    fn a_day_ends_where_the_reader_lives() {
        let asked = Asked { from: "2026-03-01".to_owned(), until: "2026-03-01".to_owned(), ..Asked::default() };
        let (utc, there) = (asked.filter("UTC"), asked.filter("Europe/Madrid"));
        assert_eq!(utc.until.unwrap().0 - utc.from.unwrap().0, 86_400_000, "one day, the last included");
        assert_eq!(utc.from.unwrap().0 - there.from.unwrap().0, 3_600_000);
        assert_eq!(Asked { from: "soon".to_owned(), ..Asked::default() }.filter("UTC"), LogFilter::default());
    }
}
