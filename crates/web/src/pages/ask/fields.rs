//! The question form as it is drawn: whom, about whom, why; what is missing or wrong stands beside its field, and above with a link to it.

use super::form::{Offers, codes};
use super::questions::{list_of, quotas};
use super::tabs;
use super::typed::{ROWS_MAX, Wrong};
use crate::access::Posted;
use crate::country;
use crate::desk::Desk;
use crate::layout::csrf;
use crate::session::Seat;
use crate::when;
use crate::words::{coded, many, t};
use base::Lang;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Rows of names, dates and identifiers that an empty form shows.
const ROWS: usize = 1;

/// The form while it is drawn.
struct Drawn<'a> {
    desk: &'a Desk,
    lang: Lang,
    form: &'a Posted,
    wrong: &'a Wrong,
}

impl Drawn<'_> {
    /// A field with its words, and what is missing or wrong with it.
    fn field(&self, id: &'static str, label: &str, required: bool, hint: Option<&str>, inputs: Markup) -> Markup {
        let some: Vec<_> = self.wrong.iter().filter(|(field, ..)| *field == id).collect();
        html! {
            fieldset.field.wrong[!some.is_empty()] id=(format!("field-{id}")) aria-describedby=[(!some.is_empty()).then(|| format!("wrong-{id}"))] {
                legend { (label) @if required { " " span.quiet { "(" (t(self.lang, "form.required")) ")" } } }
                @if let Some(hint) = hint { p.quiet { (hint) } }
                @if !some.is_empty() { div id=(format!("wrong-{id}")) { @for (_, code, about) in some { p.late { @if !about.is_empty() { bdi {
                    (about) } ": " } (self.fault(code)) } } } }
                (inputs)
            }
        }
    }

    /// What is wrong, in the reader's language; an empty code says that it is missing.
    fn fault(&self, code: &str) -> Markup {
        match self.desk.node.words_of(code) {
            _ if code.is_empty() => html! { (t(self.lang, "ask.missing")) },
            Some((what, help)) => html! { (what.get(self.lang)) " " (help.get(self.lang)) },
            None => html! { (t(self.lang, "trouble.unknown")) " " code dir="ltr" { (code) } },
        }
    }

    fn rows(&self, names: &[&str], more: &str) -> usize {
        let filled = self.form.0.iter().filter(|(_, v)| !v.trim().is_empty());
        let last = filled.filter_map(|(n, _)| n.split_once(':').filter(|(name, _)| names.contains(name))?.1.parse::<usize>().ok()).max();
        (last.map_or(ROWS, |n| (n + 1).max(ROWS)) + usize::from(self.form.get("more") == more)).min(ROWS_MAX)
    }

    fn line(&self, name: &str, label: &str, attributes: (&str, &str)) -> Markup {
        let (kind, dir) = attributes;
        html! { label.part { span { (label) }
        input type="text" name=(name) value=(self.form.get(name)) dir=(dir) inputmode=[(!kind.is_empty()).then_some(kind)] autocomplete="off"; } }
    }

    fn select(&self, name: &str, label: &str, first: Option<&str>, options: &[(String, String)]) -> Markup {
        let had = self.form.get(name);
        html! {
            label.part { span hidden[label.is_empty()] { (label) } select name=(name) aria-label=[label.is_empty().then_some(name)] {
                @if let Some(first) = first { option value="" { (first) } }
                @for (code, text) in options { option value=(code) selected[had == code] { (text) } }
            } }
        }
    }

    fn more(&self, what: &str) -> Markup {
        html! { button.plain name="more" value=(what) { "+ " (t(self.lang, "form.more")) } }
    }

    /// A select that is the only input of its field, and is named by the field's words.
    fn choice(&self, name: &'static str, label: &str, options: Vec<(String, String)>) -> Markup {
        let had = self.form.get(name);
        self.field(
            name,
            label,
            true,
            None,
            html! {
                select name=(name) aria-label=(label) required {
                    option value="" { (t(self.lang, "form.none")) }
                    @for (code, text) in &options { option value=(code) selected[had == code] { (text) } }
                }
            },
        )
    }
}

fn labelled(lang: Lang, vocabulary: &str, codes: &[&'static str]) -> Vec<(String, String)> {
    codes.iter().map(|c| ((*c).to_owned(), coded(lang, vocabulary, c).to_owned())).collect()
}

/// Draws the form with what was typed, and with what is missing or wrong beside its field.
pub(super) fn draw(desk: &Desk, seat: &Seat, o: &Offers, form: &Posted, wrong: &Wrong) -> Markup {
    let lang = seat.lang;
    let d = Drawn { desk, lang, form, wrong };
    let fields: BTreeSet<&str> = wrong.iter().map(|(field, ..)| *field).collect();
    html! {
        h1 { (t(lang, "ask.new")) }
        (tabs(seat, "/ask/new"))
        @if o.askables.is_empty() { p.notice { (t(lang, "ask.no-accord")) " " a href="/accords" { (t(lang, "accords.title")) } } }
        @else {
            @if !wrong.is_empty() {
                div.notice role="alert" {
                    p { strong { (many(lang, "ask.wrong", fields.len())) } }
                    ul { @for (id, words) in WORDS.iter().filter(|(id, _)| fields.contains(id)) { li { a href=(format!("#field-{id}")) {
                        (words(lang)) } } } }
                }
            }
            form method="post" action="/ask/new" novalidate autocomplete="off" {
                (csrf(seat))
                // The first button is what the key Enter presses; it must ask, not add a row.
                button.skip name="do" value="send" tabindex="-1" aria-hidden="true" { (t(lang, "ask.send")) }
                (whom(seat, &d, o))
                h2 { (t(lang, "ask.about")) }
                p.quiet { (t(lang, "ask.about-text")) }
                (subject(&d))
                h2 { (t(lang, "ask.why")) }
                (reasons(&d, o, seat))
                div.sheet { p { (t(lang, "ask.leaves")) } p { (t(lang, "ask.stays")) } }
                div.row { button.main name="do" value="send" { (t(lang, "ask.send")) } a.button href="/ask" { (t(lang, "form.cancel")) } }
            }
        }
    }
}

/// Words of a field in a language.
type Said = fn(Lang) -> &'static str;

/// Fields with their words, in the order of the form.
const WORDS: [(&str, Said); 12] = [
    ("to", |lang| t(lang, "ask.to")),
    ("names", |lang| t(lang, "ask.names")),
    ("births", |lang| t(lang, "ask.births")),
    ("ids", |lang| t(lang, "ask.ids")),
    ("aim", |lang| t(lang, "ask.aim")),
    ("purpose", |lang| t(lang, "ask.purpose")),
    ("offence", |lang| t(lang, "ask.offence")),
    ("category", |lang| t(lang, "ask.category")),
    ("reference", |lang| t(lang, "ask.reference")),
    ("reason", |lang| t(lang, "ask.reason")),
    ("grant", |lang| t(lang, "ask.grant")),
    ("standing", |lang| t(lang, "ask.standing")),
];

/// Whom: each partner with what its accord permits and what is left.
fn whom(seat: &Seat, d: &Drawn<'_>, o: &Offers) -> Markup {
    let lang = seat.lang;
    let chosen: BTreeSet<&str> = d.form.all("to").collect();
    let only = o.askables.len() == 1 && d.form.0.is_empty();
    d.field(
        "to",
        t(lang, "ask.to"),
        true,
        None,
        html! {
            @for a in &o.askables {
                @let id = a.partner.to_string();
                label.check { input type="checkbox" name="to" value=(id) checked[chosen.contains(id.as_str()) || only]; span { strong { bdi {
                    (o.name(&a.partner)) } } } }
                div.under {
                    (list_of(seat, a))
                    @if let Some(p) = &a.purposes { p.quiet { (t(lang, "ask.for")) " " (p.iter().map(|c| coded(lang, "legal-purposes",
                        c)).collect::<Vec<_>>().join(" · ")) } }
                    p.quiet { (t(lang, "ask.on")) " " (a.categories.iter().map(|c| coded(lang, "data-subject-categories",
                        c)).collect::<Vec<_>>().join(" · ")) }
                    (quotas(seat, a))
                    p.quiet { a href=(format!("/dossiers/{}", a.accord)) { (t(lang, "ask.accord")) } }
                }
            }
        },
    )
}

/// About whom or what: names and dates of birth, or an identifier.
fn subject(d: &Drawn<'_>) -> Markup {
    let lang = d.lang;
    let pairs = |all: &[(&str, &'static str)]| all.iter().map(|(code, words)| ((*code).to_owned(), (*words).to_owned())).collect::<Vec<_>>();
    let calendars = pairs(&[("gregorian", t(lang, "ask.gregorian")), ("hijri", t(lang, "ask.hijri"))]);
    let kinds: Vec<(String, String)> = ["document", "phone", "plate", "vessel", "account"].map(|k| (k.to_owned(), super::one::kind(lang, k).to_owned())).into();
    let papers = pairs(&[
        ("passport", t(lang, "ask.paper.passport")),
        ("identity-card", t(lang, "ask.paper.identity-card")),
        ("residence-permit", t(lang, "ask.paper.residence-permit")),
        ("driving-licence", t(lang, "ask.paper.driving-licence")),
    ]);
    let none = t(lang, "form.none");
    html! {
        (d.field("names", t(lang, "ask.names"), false, Some(t(lang, "ask.names-text")), html! {
            @for i in 0..d.rows(&["given", "family"], "names") {
                div.parts { (d.line(&format!("given:{i}"), t(lang, "part.given"), ("", "auto"))) (d.line(&format!("family:{i}"), t(lang,
                    "part.family"), ("", "auto"))) }
            }
            (d.more("names"))
        }))
        (d.field("births", t(lang, "ask.births"), false, Some(t(lang, "ask.births-text")), html! {
            @for i in 0..d.rows(&["year", "month", "day"], "births") {
                div.parts {
                    (d.select(&format!("calendar:{i}"), t(lang, "settings.calendar"), None, &calendars))
                    (d.line(&format!("year:{i}"), t(lang, "ask.year"), ("numeric", "ltr")))
                    (d.line(&format!("month:{i}"), t(lang, "ask.month"), ("numeric", "ltr")))
                    (d.line(&format!("day:{i}"), t(lang, "ask.day"), ("numeric", "ltr")))
                }
            }
            (d.more("births"))
        }))
        (d.field("ids", t(lang, "ask.ids"), false, Some(t(lang, "ask.ids-text")), html! {
            (country::list(lang))
            @for i in 0..d.rows(&["kind", "number"], "ids") {
                div.parts {
                    (d.select(&format!("kind:{i}"), t(lang, "part.kind"), Some(none), &kinds))
                    (d.select(&format!("paper:{i}"), t(lang, "ask.paper"), Some(none), &papers))
                    label.part { span { (t(lang, "part.country")) } (country::input(lang, &format!("country:{i}"), t(lang, "part.country"), d.form.get(&format!("country:{i}")))) }
                    (d.line(&format!("number:{i}"), t(lang, "part.number"), ("", "ltr")))
                }
            }
            (d.more("ids"))
        }))
        (d.field("label", t(lang, "ask.label"), false, Some(t(lang, "ask.label-text")), html! {
            input type="text" name="label" value=(d.form.get("label")) maxlength="200" dir="auto" aria-label=(t(lang, "ask.label"));
        }))
    }
}

/// Why: aim, purpose, offence, category, case, reason, grant; and whether the subject is watched from now on.
fn reasons(d: &Drawn<'_>, o: &Offers, seat: &Seat) -> Markup {
    let (lang, form) = (d.lang, d.form);
    let spoken = if form.get("reason-lang").is_empty() { lang.code() } else { form.get("reason-lang") };
    let aims = [("identify", t(lang, "ask.aim.identify")), ("learn-more", t(lang, "ask.aim.learn-more"))];
    html! {
        (d.field("aim", t(lang, "ask.aim"), true, None, html! {
            @for (code, words) in aims { label.check { input type="radio" name="aim" value=(code) checked[form.get("aim") == code]; span {
                (words) } } }
        }))
        (d.choice("purpose", t(lang, "ask.purpose"), labelled(lang, "legal-purposes", &o.purposes())))
        (d.choice("offence", t(lang, "ask.offence"), labelled(lang, "crime-areas", &codes("crime-areas").collect::<Vec<_>>())))
        (d.choice("category", t(lang, "ask.category"), labelled(lang, "data-subject-categories", &o.categories())))
        (d.field("reference", t(lang, "ask.reference"), true, None, html! {
            input type="text" name="reference" value=(form.get("reference")) required maxlength="200" dir="auto" aria-label=(t(lang,
                "ask.reference"));
        }))
        (d.field("reason", t(lang, "ask.reason"), true, Some(t(lang, "ask.reason-text")), html! {
            textarea name="reason" required dir="auto" maxlength="1000" aria-label=(t(lang, "ask.reason")) { (form.get("reason")) }
            label.part { span { (t(lang, "part.language")) } select name="reason-lang" {
                @for l in Lang::ALL { option value=(l.code()) lang=(l.code()) selected[l.code() == spoken] { (crate::words::own_name(l)) } } } }
        }))
        @let grants: Vec<_> = o.askables.iter().flat_map(|a| a.grants.iter().map(move |g| (a, g))).collect();
        @if !grants.is_empty() {
            (d.field("grant", t(lang, "ask.grant"), false, Some(t(lang, "ask.grant-text")), html! {
                select name="grant" aria-label=(t(lang, "ask.grant")) {
                    option value="" { (t(lang, "form.none")) }
                    @for (a, g) in &grants {
                        option value=(g.dossier) selected[form.get("grant") == g.dossier.to_string()] { (o.name(&a.partner)) " · " (g.reference) }
                    }
                }
                @for (_, g) in &grants { @if let Some(until) = g.until { p.quiet { bdi { (g.reference) } " · " (t(lang,
                    "new.until")) " " (when::day(seat, &until.to_string())) } } }
            }))
        }
        (d.field("standing", t(lang, "ask.standing"), false, None, html! {
            label.check { input type="checkbox" name="standing" value="yes" checked[form.get("standing") == "yes"]; span { (t(lang,
                "ask.standing-check")) } }
        }))
    }
}
