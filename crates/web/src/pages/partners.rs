//! Partners: who answers and who does not, in words; their cards with the fingerprint to be read aloud; taking a card; suspending.

use crate::access::{Access, Pages, Posted, RUN};
use crate::desk::{Answering, Desk, Outlook};
use crate::layout::{Live, absent, csrf, failed, notice, page, told};
use crate::session::Seat;
use crate::view::length;
use crate::when::moment;
use crate::words::{coded, fill, many, t};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base::{Lang, ServiceId, UnixMs, hex};
use dossier::OfficerRole::{Administrator, CompetentAuthority, Supervisor};
use maud::{Markup, html};
use node::{CardView, Node, NodeError, PartnerView};

/// Who suspends a partner and resumes with it, two together.
const SUSPEND: Access = Access::Roles(&[Supervisor, CompetentAuthority, Administrator]);
/// Milliseconds for which a partner may be silent before an officer should telephone.
const PATIENCE_MS: i64 = 3_600_000;

pub(super) fn routes(pages: Pages) -> Pages {
    pages
        .get("/partners", Access::SignedIn, partners)
        .get("/partners/import", RUN, import_form)
        .post("/partners/import", RUN, import)
        .get("/partners/{id}", Access::SignedIn, partner)
        .post("/partners/{id}/suspension", SUSPEND, suspension)
        .get("/card", Access::SignedIn, own_card)
        .get("/card/file", Access::SignedIn, own_file)
}

/// How it stands with a partner: is it grave, what is so, what to do.
struct Standing {
    mark: &'static str,
    what: String,
    todo: String,
    /// The code of the last failure, with its own words.
    code: Option<&'static str>,
}

/// Puts into words how it stands with a partner.
fn standing(lang: Lang, p: &PartnerView, a: Option<&Answering>, phone: &str, now: UnixMs) -> Standing {
    // A number keeps its plus sign before it in a sentence that runs from right to left (Unicode isolates, UAX #9).
    let phone = &format!("\u{2066}{phone}\u{2069}");
    let mut out = Standing { mark: "good", what: String::new(), todo: t(lang, "partners.todo.none").to_owned(), code: None };
    let ago = |at: UnixMs| length(lang, now.0 - at.0);
    let failing = a.filter(|a| a.attempts > 0).and_then(|a| a.last_failure.map(|f| (a, f)));
    if p.suspended.is_some() {
        (out.mark, out.what, out.todo) = ("late", t(lang, "partners.is.suspended").to_owned(), t(lang, "partners.todo.suspended").to_owned());
    } else if let Some((a, (_, code))) = failing {
        // How long is told by what has waited longest, or by the last answer.
        let since = p.oldest.or(a.last_success);
        out.code = Some(code);
        out.what = match since {
            Some(at) => fill(lang, "partners.is.silent", &[("for", &ago(at))]),
            None => t(lang, "partners.is.silent-always").to_owned(),
        };
        let long = since.is_some_and(|at| now.0 - at.0 > PATIENCE_MS);
        let waits = !code.starts_with("peer.") && code != "refusal.transport.stranger" && code != "failure.transport.tls";
        out.mark = if waits && !long { "soon" } else { "late" };
        out.todo = match (waits, long) {
            (true, false) => fill(lang, "partners.todo.wait", &[("phone", phone)]),
            (true, true) => fill(lang, "partners.todo.call", &[("phone", phone)]),
            (false, _) => fill(lang, "partners.todo.check", &[("phone", phone)]),
        };
    } else if p.waiting > 0 {
        (out.mark, out.what) = ("soon", t(lang, "partners.is.sending").to_owned());
    } else {
        out.what = match a.and_then(|a| a.last_success) {
            Some(at) => fill(lang, "partners.is.well", &[("ago", &ago(at))]),
            None => t(lang, "partners.is.quiet").to_owned(),
        };
    }
    out
}

fn phone_of(n: &Node, p: &PartnerView) -> String {
    let phones = |c: CardView| c.duty.into_iter().map(|(_, phone, mail)| if phone.is_empty() { mail } else { phone }).next();
    n.card_view(&p.service).ok().and_then(phones).unwrap_or_default()
}

/// Partners with the telephone number of the desk that answers, and how they answer.
async fn gathered(desk: &Desk) -> Result<(Vec<(PartnerView, String)>, Outlook), NodeError> {
    let all = desk.read(|n| Ok(n.partners()?.into_iter().map(|p| (phone_of(n, &p), p)).map(|(phone, p)| (p, phone)).collect())).await?;
    Ok((all, desk.node.outlook().await?))
}

/// Says at the head of the desk which partners do not answer and what is wrong with our own node; nothing where all is well.
pub(super) async fn alarms(desk: &Desk, seat: &Seat) -> Result<Markup, NodeError> {
    let (all, outlook) = gathered(desk).await?;
    let lang = seat.lang;
    Ok(html! {
        (troubles(desk, seat, &outlook))
        @for (p, phone) in &all {
            @let s = standing(lang, p, outlook.partners.get(&p.service), phone, seat.now);
            @if s.code.is_some() {
                div.notice { p { strong { a href=(format!("/partners/{}", p.service)) { bdi { (p.code) } } ": " (s.what) }
                    " " (many(lang, "partners.waiting", count(p.waiting))) } p { (s.todo) } }
            }
        }
    })
}

/// Says what is wrong with our own node.
pub(super) fn troubles(desk: &Desk, seat: &Seat, outlook: &Outlook) -> Markup {
    html! { @for (code, what, since) in &outlook.troubles { (notice(seat.lang, code, desk, what)) @if let Some(at) = since { p.quiet {
    (moment(seat, *at)) } } } }
}

fn count(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

async fn partners(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let (all, outlook) = match gathered(&desk).await {
        Ok(all) => all,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let lang = seat.lang;
    let main = html! {
        h1 { (t(lang, "nav.partners")) }
        div.row {
            a.button href="/card" { (t(lang, "partners.own")) }
            @if RUN.lets(&seat.officer.roles) { a.button href="/partners/import" { (t(lang, "partners.import")) } }
            @if crate::access::READ.lets(&seat.officer.roles) { a.button href="/accords" { (t(lang, "accords.title")) } }
        }
        (troubles(&desk, &seat, &outlook))
        @if all.is_empty() { p.quiet { (t(lang, "partners.none")) } }
        @else {
            ul.list {
                @for (p, phone) in &all {
                    @let s = standing(lang, p, outlook.partners.get(&p.service), phone, seat.now);
                    li {
                        div {
                            p { a href=(format!("/partners/{}", p.service)) { bdi { (p.code) } } " · " (coded(lang, "countries", &p.country))
                                @if let Some(n) = p.name.first() { " · " span lang=(n.lang.as_str()) dir="auto" { (n.text) } } }
                            p class=(s.mark) { (s.what) }
                            @if s.mark != "good" { p.quiet { (s.todo) } }
                        }
                        div.side { (many(lang, "partners.waiting", count(p.waiting))) @if let Some(at) = p.oldest { p.quiet {
                            (fill(lang, "partners.oldest", &[("for", &length(lang, seat.now.0 - at.0))])) } } }
                    }
                }
            }
        }
    };
    page(&seat, t(lang, "nav.partners"), Live::Fresh, main).into_response()
}

/// Draws a fingerprint so that it can be read aloud: the words of the reader's language where there is a list, and the digits.
fn aloud(lang: Lang, c: &CardView) -> Markup {
    let spoken = if c.words.contains_key(&lang) { lang } else { Lang::En };
    let words = c.words.get(&spoken).map(String::as_str).unwrap_or_default();
    html! {
        div.sheet {
            h3 { (t(lang, "card.words")) }
            ol.aloud lang=(spoken.code()) dir="ltr" { @for w in words.split_whitespace() { li { (w) } } }
            h3 { (t(lang, "card.digits")) }
            p { code dir="ltr" { (c.digits) } }
            details { summary { (t(lang, "card.other-words")) }
                @for (l, words) in c.words.iter().filter(|(l, _)| **l != spoken) { p lang=(l.code()) dir="ltr" { (words) } } }
        }
    }
}

fn card(seat: &Seat, c: &CardView) -> Markup {
    let lang = seat.lang;
    html! {
        dl.fields {
            @for n in &c.name { dt { (t(lang, "card.name")) } dd { bdi lang=(n.lang.as_str()) { (n.text) } } }
            dt { (t(lang, "card.country")) } dd { (coded(lang, "countries", &c.country)) }
            @for (what, phone, mail) in &c.duty { dt { (t(lang, "card.duty")) } dd { bdi { (what) } " " bdi dir="ltr" { (phone) }
                " " bdi dir="ltr" { (mail) } } }
            dt { (t(lang, "card.number")) } dd { (c.number) }
            dt { (t(lang, "card.valid")) } dd { (moment(seat, c.valid_from)) " – " (moment(seat, c.valid_until)) }
            dt { (t(lang, "card.endpoints")) } dd { @for e in &c.endpoints { bdi dir="ltr" { (e) } " " } }
            dt { (t(lang, "card.service")) } dd { code dir="ltr" { (c.service) } }
        }
    }
}

async fn own_card(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let c = match desk.read(|n| n.card_view(&n.me())).await {
        Ok(c) => c,
        Err(e) => return failed(&seat, &desk, &e),
    };
    let lang = seat.lang;
    let main = html! {
        h1 { (t(lang, "partners.own")) }
        p { (t(lang, "card.own-text")) }
        (aloud(lang, &c))
        (card(&seat, &c))
        p { a.button href="/card/file" download { (t(lang, "card.download")) } }
    };
    page(&seat, t(lang, "partners.own"), Live::Still, main).into_response()
}

async fn own_file(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    match desk.read(|n| n.card_view(&n.me())).await {
        Ok(c) => {
            let name = format!("attachment; filename=\"{}.card\"", c.code.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
            let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
            ([(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")), (header::CONTENT_DISPOSITION, name)], c.bytes).into_response()
        }
        Err(e) => failed(&seat, &desk, &e),
    }
}

async fn import_form(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    draw_import(&desk, &seat, "", "", None).await
}

/// Draws the form by which a card is taken; what the partner must read aloud is not shown, so that it is heard and not copied.
async fn draw_import(desk: &Desk, seat: &Seat, typed: &str, heard: &str, fault: Option<NodeError>) -> Response {
    let own = match desk.read(|n| n.card_view(&n.me())).await {
        Ok(c) => c,
        Err(e) => return failed(seat, desk, &e),
    };
    let lang = seat.lang;
    let present = seat.session.is_present(seat.now);
    let main = html! {
        h1 { (t(lang, "partners.import")) }
        @if let Some(e) = &fault { (notice(lang, e.code(), desk, &e.to_string())) }
        p { (t(lang, "import.text")) }
        @if !present { p.notice { (t(lang, "form.presence")) } p { a.button.main href="/again?to=/partners/import" { (t(lang, "again.button")) } } }
        @else {
            form method="post" action="/partners/import" {
                (csrf(seat))
                div.field { label for="file" { (t(lang, "import.file")) } p { input #file type="file" data-into="card"; }
                    label for="card" { (t(lang, "import.hex")) } textarea #card name="card" required dir="ltr" { (typed) } }
                div.field { p { label for="heard" { (t(lang, "import.heard")) } } p.quiet { (t(lang, "import.heard-help")) }
                    textarea #heard name="fingerprint" dir="auto" { (heard) } }
                button.main { (t(lang, "import.take")) }
            }
        }
        h2 { (t(lang, "import.ours")) }
        (aloud(lang, &own))
    };
    let status = if fault.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    (status, page(seat, t(lang, "partners.import"), Live::Still, main)).into_response()
}

async fn import(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Extension(form): Extension<Posted>) -> Response {
    if !seat.session.is_present(seat.now) {
        return told(&seat, StatusCode::FORBIDDEN, "refusal.desk.presence", &desk, "");
    }
    let (typed, heard, now) = (form.get("card").trim().to_owned(), form.get("fingerprint").to_owned(), seat.now);
    let Some(bytes) = hex::decode(&typed).filter(|b| !b.is_empty()) else {
        return draw_import(&desk, &seat, &typed, &heard, Some(NodeError::Asked("the card is not hexadecimal; choose its file again".to_owned()))).await;
    };
    let read_aloud = heard.clone();
    match desk.run(move |n| n.import_card(&bytes, &read_aloud, now).map(|(t, s)| (Some(t), s))).await {
        Ok(service) => Redirect::to(&format!("/partners/{service}")).into_response(),
        Err(e) => draw_import(&desk, &seat, &typed, &heard, Some(e)).await,
    }
}

async fn partner(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>) -> Response {
    let Ok(service) = id.parse::<ServiceId>() else { return absent(&seat) };
    let read = move |n: &mut Node| {
        let found = n.partners()?.into_iter().find(|p| p.service == service).ok_or(NodeError::Absent("partner"))?;
        let asked = n.suspension_asked(&service)?;
        Ok((phone_of(n, &found), n.card_view(&service)?, found, asked))
    };
    let (all, outlook) = match (desk.read(read).await, desk.node.outlook().await) {
        (Ok(all), Ok(outlook)) => (all, outlook),
        (Err(e), _) | (_, Err(e)) => return failed(&seat, &desk, &e),
    };
    let (phone, c, p, asked) = all;
    let lang = seat.lang;
    let a = outlook.partners.get(&service);
    let s = standing(lang, &p, a, &phone, seat.now);
    let main = html! {
        h1 { bdi { (p.code) } " · " (coded(lang, "countries", &p.country)) }
        section.sheet {
            p class=(s.mark) { strong { (s.what) } }
            p { (many(lang, "partners.waiting", count(p.waiting))) }
            @if p.waiting > 0 { p { (t(lang, "partners.nothing-lost")) } }
            p { strong { (t(lang, "partners.do")) } " " (s.todo) }
            @if let Some(next) = a.and_then(|a| a.next_try).filter(|at| *at > seat.now) { p.quiet {
                (t(lang, "partners.next-try")) " " (moment(&seat, next)) } }
            @if let Some(at) = a.and_then(|a| a.last_success) { p.quiet { (t(lang, "partners.last-success")) " " (moment(&seat, at)) } }
        }
        @if let Some(code) = s.code { (notice(lang, code, &desk, "")) }
        @for (number, _, since) in &p.revoked {
            div.notice { p { strong { (fill(lang, "partners.revoked", &[("n", &number.to_string())])) } " " (moment(&seat, *since)) } }
        }
        h2 { (t(lang, "card.title")) }
        p { (t(lang, "card.compare")) }
        (aloud(lang, &c))
        (card(&seat, &c))
        @if SUSPEND.lets(&seat.officer.roles) { (suspending(&seat, &p, asked.as_ref())) }
    };
    page(&seat, &p.code, Live::Told, main).into_response()
}

/// Draws how exchange with a partner is stopped and taken up again, by two officers.
fn suspending(seat: &Seat, p: &PartnerView, asked: Option<&(String, String, bool)>) -> Markup {
    let lang = seat.lang;
    let mine = asked.is_some_and(|(by, _, _)| by == seat.officer.id.as_str());
    let (title, text) = if p.suspended.is_some() { ("suspend.end", "suspend.end-text") } else { ("suspend.begin", "suspend.begin-text") };
    let (title, text) = (t(lang, title), t(lang, text));
    html! {
        section {
            h2 { (title) }
            @if let Some(s) = &p.suspended { p { (t(lang, "suspend.why")) " " bdi { (s.reason) } " · " bdi { (s.by) } ", " bdi { (s.second) }
                " · " (moment(seat, s.at)) } }
            p { (text) }
            @if let Some((by, reason, _)) = asked { p.notice { (t(lang, "suspend.asked")) " " bdi { (by) } ": " bdi { (reason) } } }
            @if !mine {
                form method="post" action=(format!("/partners/{}/suspension", p.service)) {
                    (csrf(seat))
                    input type="hidden" name="suspend" value=(if p.suspended.is_some() { "no" } else { "yes" });
                    @if asked.is_none() { div.field { p { label for="why" { (t(lang, "reason.label")) } }
                        input #why type="text" name="reason" required maxlength=(crate::session::REASON_CHARS_MAX); } }
                    button { (t(lang, if asked.is_some() { "suspend.second" } else { "suspend.propose" })) }
                }
            }
        }
    }
}

async fn suspension(State(desk): State<Desk>, Extension(seat): Extension<Seat>, Path(id): Path<String>, Extension(form): Extension<Posted>) -> Response {
    let Ok(service) = id.parse::<ServiceId>() else { return absent(&seat) };
    let (officer, reason, suspend, now) = (seat.officer.clone(), form.get("reason").to_owned(), form.get("suspend") == "yes", seat.now);
    match desk.run(move |n| n.suspend(&officer, service, &reason, suspend, now).map(|(t, _)| (Some(t), ()))).await {
        Ok(()) => Redirect::to(&format!("/partners/{service}")).into_response(),
        Err(e) => failed(&seat, &desk, &e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_738_051_200_000);

    fn said(waiting: u64, silent_ms: i64, code: Option<&'static str>) -> (String, String) {
        let p = PartnerView {
            service: base::Digest::of(b"es").into(),
            code: "es".to_owned(),
            country: "ES".to_owned(),
            name: Vec::new(),
            card: 1,
            valid_until: NOW,
            endpoints: Vec::new(),
            fingerprint: String::new(),
            waiting,
            oldest: (waiting > 0).then_some(NOW.plus_ms(-silent_ms)),
            revoked: Vec::new(),
            suspended: None,
        };
        let a = code.map(|c| Answering { last_success: None, last_failure: Some((NOW, c)), attempts: 3, next_try: None });
        let s = standing(Lang::En, &p, a.as_ref(), "+34 000", NOW);
        (s.mark.to_owned(), s.todo)
    }

    #[test]
    fn an_officer_telephones_when_silence_lasts_and_not_before() {
        let gone = Some("failure.transport.unreachable");
        assert_eq!(said(0, 0, None).0, "good");
        assert_eq!(said(2, 1000, None).0, "soon", "it is under way");
        let (mark, todo) = said(2, PATIENCE_MS, gone);
        assert!(mark == "soon" && !todo.starts_with("Telephone"), "{todo}");
        let (mark, todo) = said(2, PATIENCE_MS + 1, gone);
        assert!(mark == "late" && todo.starts_with("Telephone") && todo.contains("+34 000"), "{todo}");
        let (mark, todo) = said(2, 0, Some("peer.transport.pin"));
        assert!(mark == "late" && todo.contains("number that you know"), "another key is no matter of patience: {todo}");
    }
}
