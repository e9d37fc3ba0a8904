//! Administration: how our own node stands. What is wrong with it, keys and their age, backups, a restoration, what must be erased when.

use super::partners::troubles;
use crate::access::{Access, Pages, READ};
use crate::desk::{BackupState, Desk};
use crate::layout::{Live, failed, notice, page};
use crate::session::Seat;
use crate::view::{amount, length};
use crate::when::moment;
use crate::words::{fill, many, t};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base::UnixMs;
use dossier::OfficerRole::{Administrator, DataProtection, Supervisor};
use maud::{Markup, html};
use node::{FenceView, Keeping, KeysView, Status};

/// Who sees how the node stands.
pub(crate) const KEEP: Access = Access::Roles(&[Administrator, Supervisor, DataProtection]);
/// Who sees the audit of the log.
pub(crate) const AUDIT: Access = Access::Roles(&[DataProtection]);

/// Days for which what must be erased is shown ahead.
const AHEAD_DAYS: i64 = 30;
/// Dossiers of that list.
const LINES_MAX: usize = 50;
const DAY_MS: i64 = 86_400_000;
/// Age from which a backup is old: a day and an hour, since one is made a day.
const BACKUP_OLD_MS: i64 = 25 * 3_600_000;
/// Age from which the last check of the backups is old.
const TRIED_OLD_MS: i64 = 90 * DAY_MS;

pub(super) fn routes(pages: Pages) -> Pages {
    pages.get("/administration", KEEP, administration)
}

async fn administration(State(desk): State<Desk>, Extension(seat): Extension<Seat>) -> Response {
    let now = seat.now;
    let read = move |n: &mut node::Node| Ok((n.status()?, n.keys_view(now)?, n.fence()?, n.keepings(now.plus_ms(AHEAD_DAYS * DAY_MS), now)?));
    let ((status, keys, fence, keepings), outlook) = match (desk.read(read).await, desk.node.outlook().await) {
        (Ok(all), Ok(outlook)) => (all, outlook),
        (Err(e), _) | (_, Err(e)) => return failed(&seat, &desk, &e),
    };
    let (lang, roles) = (seat.lang, &seat.officer.roles);
    let main = html! {
        h1 { (t(lang, "nav.administration")) }
        div.row {
            @if Access::Roles(&[Administrator, Supervisor]).lets(roles) { a.button href="/officers" { (t(lang, "officers.title")) } }
            @if AUDIT.lets(roles) { a.button href="/audit" { (t(lang, "audit.title")) } }
            a.button href="/partners" { (t(lang, "nav.partners")) }
        }
        section {
            h2 { (t(lang, "admin.node")) }
            @if outlook.troubles.is_empty() { p.good { (t(lang, "admin.well")) } } @else { (troubles(&desk, &seat, &outlook)) }
            (node_facts(&seat, &status))
        }
        section { h2 { (t(lang, "admin.keys")) } @for code in &keys.warnings { (notice(lang, code, &desk, "")) } (draw_keys(&seat, &keys)) }
        section {
            h2 { (t(lang, "admin.backup")) }
            (backup(&seat, &outlook.backup))
            @if let Some((at, code)) = &outlook.backup.failed { (notice(lang, code, &desk, "")) p.quiet { (moment(&seat, *at)) } }
        }
        section { h2 { (t(lang, "admin.fence")) } (draw_fence(&seat, fence.as_ref())) }
        section { h2 { (t(lang, "admin.retention")) } (retention(&seat, &keepings)) }
    };
    page(&seat, t(lang, "nav.administration"), Live::Fresh, main).into_response()
}

fn node_facts(seat: &Seat, s: &Status) -> Markup {
    let lang = seat.lang;
    html! {
        dl.fields {
            dt { (t(lang, "admin.outbox")) } dd { (s.outbox) }
            dt { (t(lang, "admin.incidents")) } dd { @if s.incidents > 0 { span.late { (s.incidents) } } @else { "0" } }
            dt { (t(lang, "admin.ledger")) } dd { (s.ledger_size) details { summary { (t(lang, "admin.root")) } code dir="ltr" { (s.ledger_root) } } }
            dt { (t(lang, "admin.cosigned")) } dd { @for (i, (code, size)) in s.cosigned.iter().enumerate() { @if i > 0 { ", " } bdi { (code) }
                " " (size) } @if s.cosigned.is_empty() { (t(lang, "admin.nobody")) } }
        }
    }
}

fn draw_keys(seat: &Seat, k: &KeysView) -> Markup {
    let lang = seat.lang;
    html! {
        ul.list {
            @for c in k.cards.iter().rev() {
                li {
                    div {
                        p { strong { (fill(lang, "keys.card", &[("n", &c.number.to_string())])) } " · " (does(lang, c.keys)) }
                        @if let Some(since) = c.revoked_since { p.late { (t(lang, "keys.revoked")) " " (moment(seat, since)) } }
                        p.quiet { (moment(seat, c.valid_from)) " – " (moment(seat, c.valid_until)) }
                    }
                    div.side {
                        @if c.valid_from <= seat.now { p { (fill(lang, "keys.age", &[("for", &length(lang, seat.now.0 - c.valid_from.0))])) } }
                        @if c.valid_until > seat.now { p.quiet { (fill(lang, "keys.left", &[("in", &amount(lang, c.valid_until.0
                            - seat.now.0))])) } }
                    }
                }
            }
        }
        @if let Some(n) = k.asked { p.notice { (fill(lang, "keys.asked", &[("n", &n.to_string())])) } }
        @if k.untold.is_empty() { p.good { (t(lang, "keys.all-told")) } }
        @else { p { (t(lang, "keys.untold")) " " bdi { (k.untold.join(", ")) } } }
        p { (t(lang, if k.root_here { "keys.root-here" } else { "keys.root-away" })) }
        p.quiet { (t(lang, "keys.rotate")) " " code dir="ltr" { "entente keys rotate" } }
    }
}

/// Says what the keys of a card do.
fn does(lang: base::Lang, keys: &str) -> &'static str {
    match keys {
        "acts" => t(lang, "keys.acts"),
        "waits" => t(lang, "keys.waits"),
        "overlaps" => t(lang, "keys.overlaps"),
        "opens" => t(lang, "keys.opens"),
        _ => t(lang, "keys.forgotten"),
    }
}

fn backup(seat: &Seat, b: &BackupState) -> Markup {
    let lang = seat.lang;
    let since = |at: UnixMs| fill(lang, "admin.ago", &[("for", &length(lang, seat.now.0 - at.0))]);
    let mark = |at: UnixMs, old: i64| if seat.now.0 - at.0 > old { "late" } else { "good" };
    html! {
        dl.fields {
            dt { (t(lang, "backup.made")) }
            dd { @match b.made { Some(at) => { span class=(mark(at, BACKUP_OLD_MS)) { (since(at)) } " · " (moment(seat, at)) } None => span.late {
                (t(lang, "backup.never")) } } }
            dt { (t(lang, "backup.tried")) }
            dd { @match b.tried {
                Some((at, true)) => { span class=(mark(at, TRIED_OLD_MS)) { (since(at)) } " · " (moment(seat, at)) }
                Some((at, false)) => { span.late { (t(lang, "backup.broken")) } " " (moment(seat, at)) }
                None => span.late { (t(lang, "backup.untried")) }
            } }
        }
        @if b.made.is_none_or(|at| seat.now.0 - at.0 > BACKUP_OLD_MS) { p { (t(lang, "backup.do")) " " code dir="ltr" { "entente backup create" } } }
        @if b.tried.is_none_or(|(at, held)| !held || seat.now.0 - at.0 > TRIED_OLD_MS) { p { (t(lang, "backup.try")) " " code dir="ltr" {
            "entente backup verify --all" } } }
    }
}

fn draw_fence(seat: &Seat, fence: Option<&FenceView>) -> Markup {
    let lang = seat.lang;
    let Some(f) = fence else { return html! { p { (t(lang, "fence.never")) } } };
    html! {
        @if f.over { p.good { (t(lang, "fence.over")) } } @else { p.late { (t(lang, "fence.stands")) } }
        dl.fields {
            dt { (t(lang, "fence.declared")) } dd { (moment(seat, f.declared)) }
            dt { (t(lang, "fence.copied")) } dd { (moment(seat, f.copied)) }
            dt { (t(lang, "fence.back")) } dd { (f.own_back) " + " (f.others_back) }
            @if f.dossiers_erased > 0 { dt { (t(lang, "fence.erased")) } dd { (f.dossiers_erased) } }
            @if !f.awaited.is_empty() { dt { (t(lang, "fence.awaited")) } dd { bdi { (f.awaited.join(", ")) } } }
        }
        @if f.twin { p.late { (t(lang, "fence.twin")) } }
        @if !f.over { p.quiet { (t(lang, "fence.do")) " " code dir="ltr" { "entente fence" } } }
    }
}

fn retention(seat: &Seat, all: &[Keeping]) -> Markup {
    let lang = seat.lang;
    let reads = READ.lets(&seat.officer.roles);
    html! {
        p { (many(lang, "retention.count", all.len())) }
        @if reads && !all.is_empty() {
            ul.list { @for k in all.iter().take(LINES_MAX) {
                li {
                    p { a href=(format!("/dossiers/{}", k.dossier)) { code dir="ltr" { (k.dossier.short()) } } }
                    div.side { @if k.until <= seat.now { span.late { (t(lang, "retention.now")) } " " } (moment(seat, k.until))
                        @if k.undelivered > 0 { p.quiet { (t(lang, "retention.undelivered")) } } }
                }
            } }
        }
        p.quiet { (t(lang, "retention.text")) }
    }
}
