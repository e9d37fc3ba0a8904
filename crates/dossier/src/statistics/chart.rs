//! A table as a bar chart in SVG 1.1, plain text without scripts, links or fonts of its own.

use super::{By, Row, Table};
use std::fmt::Write;

/// How a chart is drawn.
pub struct Drawing<'a> {
    /// The heading.
    pub title: &'a str,
    /// The language tag of the words.
    pub lang: &'a str,
    /// Whether the language is written from right to left: the bars then grow to the left.
    pub rtl: bool,
    /// What the bars show.
    pub measure: fn(&Row) -> Option<i64>,
}

/// Bars that one chart shows at most; what is left out is said.
pub const BARS_MAX: usize = 40;
const WIDTH: i64 = 720;
const LABELS: i64 = 260;
const BAR: i64 = 22;
const TOP: i64 = 44;

/// Draws one bar for each row, in the table's order; `name` gives codes and services the name under which people know them.
pub fn chart(table: &Table, drawing: &Drawing<'_>, name: &dyn Fn(By, &str) -> String) -> String {
    let rows: Vec<(String, i64)> = table
        .rows
        .iter()
        .filter_map(|r| Some((table.by.iter().zip(&r.key).map(|(b, code)| name(*b, code)).collect::<Vec<_>>().join(" · "), (drawing.measure)(r)?)))
        .collect();
    let (shown, left_out) = rows.split_at(rows.len().min(BARS_MAX));
    let most = shown.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    let height = TOP + BAR * (shown.len() as i64 + i64::from(!left_out.is_empty())) + 12;
    let (direction, edge) = if drawing.rtl { ("rtl", WIDTH - 8) } else { ("ltr", 8) };
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" xml:lang="{}" direction="{direction}" font-family="sans-serif" font-size="13">"#,
        escaped(drawing.lang)
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(drawing.title));
    let _ = writeln!(out, r#"<rect width="{WIDTH}" height="{height}" fill="white"/>"#);
    let _ = writeln!(out, r#"<text x="{edge}" y="24" font-size="16" font-weight="bold">{}</text>"#, escaped(drawing.title));
    for (i, (label, n)) in shown.iter().enumerate() {
        let y = TOP + BAR * i as i64;
        let length = (WIDTH - LABELS - 80) * n / most;
        let (bar, number) = if drawing.rtl { (WIDTH - LABELS - length, WIDTH - LABELS - length - 6) } else { (LABELS, LABELS + length + 6) };
        let _ = writeln!(out, r#"<text x="{edge}" y="{}">{}</text>"#, y + 15, escaped(&short(label)));
        let _ = writeln!(out, r##"<rect x="{bar}" y="{}" width="{length}" height="{}" fill="#1f4e79"/>"##, y + 3, BAR - 6);
        let _ = writeln!(out, r#"<text x="{number}" y="{}">{n}</text>"#, y + 15);
    }
    if !left_out.is_empty() {
        let _ = writeln!(out, r#"<text x="{edge}" y="{}">… +{}</text>"#, TOP + BAR * shown.len() as i64 + 15, left_out.len());
    }
    out + "</svg>\n"
}

fn short(label: &str) -> String {
    match label.char_indices().nth(36) {
        Some((at, _)) => format!("{}…", &label[..at]),
        None => label.to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
