//! Statistics: the bar chart that `dossier::statistics` draws, and the table of the same numbers beside it.

use super::format::{Reader, amount, number};
use super::scene::direction;
use base::Lang;
use dossier::statistics::{By, Drawing, Row, Table, chart};
use maud::{Markup, PreEscaped, html};

/// Draws a table of statistics; `name` gives codes and services the name under which people know them.
pub fn statistics(reader: &Reader<'_>, table: &Table, name: &dyn Fn(By, &str) -> String) -> Markup {
    let (lang, title) = (reader.lang, reader.word("dossiers"));
    let drawing = Drawing { title, lang: lang.code(), rtl: lang == Lang::Ar, measure: |r: &Row| i64::try_from(r.dossiers).ok() };
    let key = |r: &Row| table.by.iter().zip(&r.key).map(|(b, code)| name(*b, code)).collect::<Vec<_>>().join(" · ");
    let minutes = |m: Option<i64>| m.map_or("–".to_owned(), |m| amount(lang, m.saturating_mul(60_000).max(1)));
    let count = |n: u64| number(lang, i64::try_from(n).unwrap_or(i64::MAX));
    html! {
        section.view.view-statistics lang=(lang) dir=(direction(lang)) {
            h2 { (reader.word("statistics")) }
            // The chart escapes its own words and is plain SVG.
            div.chart { (PreEscaped(chart(table, &drawing, name))) }
            div.scroll tabindex="0" { table {
                caption { (reader.word("as-table")) }
                thead { tr {
                    th scope="col" { (reader.word("what")) } th scope="col" { (title) } th scope="col" { (reader.word("done")) }
                    th scope="col" { (reader.word("first-answer")) } th scope="col" { (reader.word("to-the-end")) }
                } }
                tbody { @for r in &table.rows { tr {
                    th scope="row" { bdi { (key(r)) } }
                    td { (count(r.dossiers)) } td { (count(r.ended)) } td { (minutes(r.answer_minutes)) } td { (minutes(r.end_minutes)) }
                } } }
            } }
        }
    }
}
