//! Statistics of our own dossiers: a chart, its table, and the same as CSV. Counted from the heads of acts, so that a partner finds the same.

use super::views::{Services, services, style, with_reader};
use crate::access::{Pages, READ};
use crate::desk::Desk;
use crate::layout::{Live, failed, page};
use crate::session::Seat;
use crate::view;
use crate::words::{coded, t};
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base::{Date, ServiceId};
use dossier::Mechanism;
use dossier::statistics::{By, Table, csv};
use maud::html;
use node::NodeError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Days that are counted where nobody says which.
const DAYS: i64 = 365;
const BY: [(&str, By); 5] = [("mechanism", By::Mechanism), ("partner", By::Partner), ("area", By::Area), ("outcome", By::Outcome), ("answer", By::Answer)];

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/statistics", READ, shown).get("/statistics.csv", READ, download)
}

#[derive(Deserialize, Default)]
struct Wanted {
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    by: String,
    #[serde(default)]
    among: String,
}

/// What was counted, and what is needed to name it.
struct Counted {
    from: Date,
    /// The last day that is counted.
    until: Date,
    by: By,
    among: Option<ServiceId>,
    table: Table,
    mechanisms: BTreeMap<String, Arc<Mechanism>>,
    services: Services,
}

async fn count(desk: &Desk, seat: &Seat, q: &Wanted) -> Result<Counted, NodeError> {
    let today = with_reader(seat, &Services::new(), |r| r.local(seat.now).0);
    let until: Date = q.until.parse().unwrap_or(today);
    let from: Date = q.from.parse().ok().or_else(|| until.plus_days(-DAYS)).unwrap_or(until);
    let by = BY.iter().find(|(name, _)| *name == q.by).map_or(By::Mechanism, |(_, by)| *by);
    let among: Option<ServiceId> = q.among.parse().ok();
    let end = until.plus_days(1).unwrap_or(until).start_utc();
    desk.read(move |n| {
        let table = n.statistics(from.start_utc(), end, &[by], among.as_ref())?;
        let mechanisms = n.mechanisms().map(|m| (m.id.clone(), Arc::clone(m))).collect();
        Ok(Counted { from, until, by, among, table, mechanisms, services: services(n) })
    })
    .await
}

impl Counted {
    /// Names what the table counts by.
    fn name(&self, lang: base::Lang, by: By, code: &str) -> String {
        let state = || self.mechanisms.values().flat_map(|m| &m.items[0].stances).find_map(|s| s.state(code)).map(|s| s.label.get(lang));
        let phase = || self.mechanisms.values().find_map(|m| m.root().phase(code)).map(|p| p.label.get(lang));
        match by {
            By::Mechanism => self.mechanisms.get(code).map_or(code, |m| m.label.get(lang)).to_owned(),
            By::Partner => code.parse().ok().and_then(|id: ServiceId| self.services.get(&id)).map_or_else(|| code.to_owned(), |(c, _)| c.clone()),
            By::Area if code == "none" => t(lang, "statistics.none").to_owned(),
            By::Area if code == "erased" => t(lang, "exhibit.erased").to_owned(),
            By::Area => coded(lang, "crime-areas", code).to_owned(),
            By::Outcome if code == dossier::statistics::RUNNING => t(lang, "statistics.running").to_owned(),
            By::Outcome => phase().unwrap_or(code).to_owned(),
            By::Answer => state().unwrap_or(code).to_owned(),
        }
    }
}

async fn shown(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Query(q): Query<Wanted>) -> Response {
    let lang = seat.lang;
    let c = match count(&desk, &seat, &q).await {
        Ok(c) => c,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let title = t(lang, "statistics.title");
    let among = c.among.map(|s| s.to_string()).unwrap_or_default();
    let by = BY.iter().find(|(_, by)| *by == c.by).map_or("", |(name, _)| *name);
    let name_of = |by: &str| match by {
        "partner" => t(lang, "statistics.by-partner"),
        "area" => t(lang, "statistics.by-area"),
        "outcome" => t(lang, "statistics.by-outcome"),
        "answer" => t(lang, "statistics.by-answer"),
        _ => t(lang, "new.mechanism"),
    };
    let main = html! {
        (style())
        h1 { (title) }
        form.row.noprint method="get" action="/statistics" {
            label { (t(lang, "statistics.from")) " " input type="date" name="from" value=(c.from); }
            label { (t(lang, "statistics.until")) " " input type="date" name="until" value=(c.until); }
            label { (t(lang, "statistics.by")) " " select name="by" { @for (name, _) in BY { option value=(name) selected[name == by] { (name_of(name)) } } } }
            label { (t(lang, "statistics.among")) " " select name="among" {
                option value="" { (t(lang, "dossiers.all")) }
                @for (id, (code, _)) in &c.services { option value=(id) selected[Some(*id) == c.among] { (code) } }
            } }
            button { (t(lang, "dossiers.show")) }
        }
        (with_reader(&seat, &c.services, |r| view::statistics(r, &c.table, &|by, code| c.name(lang, by, code))))
        div.row.noprint { a.button href=(format!("/statistics.csv?from={}&until={}&by={by}&among={among}", c.from, c.until)) { (t(lang, "statistics.csv")) } }
        p.quiet { (t(lang, "statistics.digest")) " " code { (c.table.digest) } }
    };
    page(&seat, title, Live::Still, main).into_response()
}

async fn download(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Query(q): Query<Wanted>) -> Response {
    match count(&desk, &seat, &q).await {
        Ok(c) => {
            let text = csv(&c.table, &|by, code| c.name(seat.lang, by, code));
            let name = HeaderValue::from_str(&format!("attachment; filename=\"statistics-{}-{}.csv\"", c.from, c.until)).expect("dates are plain");
            ([(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")), (header::CONTENT_DISPOSITION, name)], text).into_response()
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}
