//! What every view needs of a dossier: names of things in the reader's language, and values by their declared type.

use super::format::{Reader, number};
use base::{Date, Instant, ItemId, Labels, ServiceId, Text, Vocabulary};
use dossier::{ClockState, ClockView, DossierView, Field, FieldType, ItemKind, ItemView, Mechanism, Place, StanceView};
use maud::{Markup, html};
use serde_json::Value as Json;

/// A dossier, its mechanism, and who reads.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// Who reads.
    pub reader: &'a Reader<'a>,
    /// What the dossier shows.
    pub view: &'a DossierView,
    /// Its mechanism.
    pub mechanism: &'a Mechanism,
    /// Which page of a long view is drawn, from 0; none lets the view choose the one that matters now.
    pub page: Option<usize>,
}

/// Entries of one page of a view: of a logbook, an agenda, a board, legs of a route, judged items.
pub const ENTRIES_SHOWN: usize = 40;

/// A value where it stands.
pub(super) struct Stated<'a> {
    pub item: &'a ItemView,
    pub field: &'a Field,
    pub by: ServiceId,
    pub value: &'a Json,
}

impl<'a> Scene<'a> {
    pub(super) fn label(&self, labels: &'a Labels) -> &'a str {
        labels.get(self.reader.lang)
    }

    pub(super) fn kind(&self, item: &ItemView) -> Option<&'a ItemKind> {
        self.mechanism.kind(&item.kind)
    }

    pub(super) fn kind_label(&self, item: &'a ItemView) -> &'a str {
        self.kind(item).map_or(&item.kind, |k| self.label(&k.label))
    }

    pub(super) fn phase(&self, item: &'a ItemView) -> &'a str {
        self.kind(item).and_then(|k| k.phase(&item.phase)).map_or(&item.phase, |p| self.label(&p.label))
    }

    pub(super) fn role(&self, service: &ServiceId) -> Option<&'a str> {
        self.view.parties.iter().find(|p| p.service == *service).map(|p| p.role.as_str())
    }

    pub(super) fn state(&self, item: &ItemView, stance: &'a StanceView) -> &'a str {
        let state = self.kind(item).and_then(|k| k.stance(self.role(&stance.service)?)?.state(&stance.state));
        state.map_or(&stance.state, |s| self.label(&s.label))
    }

    pub(super) fn code_label(&self, field: &Field, code: &'a str) -> &'a str {
        field.vocabulary.as_deref().and_then(Vocabulary::get).and_then(|v| v.entry(code)).map_or(code, |e| e.label.get(self.reader.lang))
    }

    pub(super) fn country(&self, code: &'a str) -> &'a str {
        Vocabulary::get("countries").and_then(|v| v.entry(code)).map_or(code, |e| e.label.get(self.reader.lang))
    }

    /// Items that stand: what was superseded is left out.
    pub(super) fn standing(&self) -> impl Iterator<Item = &'a ItemView> + use<'a> {
        self.view.items.iter().filter(|i| i.superseded_by.is_empty())
    }

    /// The values with which an item was opened, in the order of its form.
    pub(super) fn opened(&self, item: &'a ItemView) -> Vec<Stated<'a>> {
        let fields = self.kind(item).map_or(&[][..], |k| &k.fields);
        let stated = fields.iter().filter_map(|field| Some((field, item.fields.get(&field.id)?)));
        stated.flat_map(|(field, json)| each(json).iter().map(move |value| Stated { item, field, by: item.opener, value })).collect()
    }

    /// What one party said in its moves on an item.
    pub(super) fn said(&self, item: &'a ItemView, stance: &'a StanceView) -> Vec<Stated<'a>> {
        let role = self.role(&stance.service);
        let moves = self.kind(item).into_iter().flat_map(|k| &k.moves).filter(move |m| Some(m.role.as_str()) == role);
        let fields: Vec<&Field> = moves.flat_map(|m| &m.fields).collect();
        let mut out: Vec<Stated<'a>> = Vec::new();
        for field in &fields {
            if let Some(json) = stance.said.get(&field.id).filter(|_| !out.iter().any(|s| s.field.id == field.id)) {
                let field = *fields.iter().find(|f| f.id == field.id && super::fits(f, json)).unwrap_or(field);
                out.extend(each(json).iter().map(|value| Stated { item, field, by: stance.service, value }));
            }
        }
        out
    }

    /// Everything stated on an item.
    pub(super) fn stated(&self, item: &'a ItemView) -> Vec<Stated<'a>> {
        self.opened(item).into_iter().chain(item.stances.iter().flat_map(|s| self.said(item, s))).collect()
    }

    /// Draws an item's name: its first line or text, else its kind and number.
    pub(super) fn name(&self, item: &'a ItemView) -> Markup {
        let stated = self.opened(item);
        let of = |kind: FieldType| stated.iter().find(|s| s.field.kind == kind);
        match of(FieldType::Text).or_else(|| of(FieldType::Line)) {
            Some(s) => self.words(s.value),
            None => html! { bdi { (self.kind_label(item)) " " (item.number) } },
        }
    }

    /// Draws a text in its own language and direction, or a line.
    pub(super) fn words(&self, value: &Json) -> Markup {
        match serde_json::from_value::<Text>(value.clone()) {
            Ok(t) => html! { bdi lang=(t.lang.as_str()) { (shortened(&t.text)) } },
            Err(_) => html! { bdi { (shortened(value.as_str().unwrap_or_default())) } },
        }
    }

    /// Draws a service by its short name.
    pub(super) fn service(&self, service: &ServiceId) -> Markup {
        html! { bdi.service { (self.reader.code(service)) } }
    }

    /// The running clocks of an item, the nearest first.
    pub(super) fn clocks(&self, item: &ItemId) -> impl Iterator<Item = &'a ClockView> + use<'a> {
        let item = *item;
        let runs = |c: &&ClockView| matches!(c.state, ClockState::Running | ClockState::Paused | ClockState::Expired);
        self.view.clocks.iter().filter(move |c| c.item == item).filter(runs)
    }

    /// A section with its heading.
    pub(super) fn section(&self, name: &str, content: Markup) -> Markup {
        let (dir, lang) = (direction(self.reader.lang), self.reader.lang);
        html! { section.view.{ "view-" (name) } lang=(lang) dir=(dir) { h2 { (self.reader.word(name)) } (content) } }
    }

    /// Cuts a long list into pages and takes one: that which was asked for, else the one that holds `near`. Says which others there are.
    pub(super) fn paged<'l, T>(&self, all: &'l [T], near: usize) -> (&'l [T], Markup) {
        self.paged_by(all, near, ENTRIES_SHOWN)
    }

    /// The same with pages of another length.
    pub(super) fn paged_by<'l, T>(&self, all: &'l [T], near: usize, length: usize) -> (&'l [T], Markup) {
        let pages = all.len().div_ceil(length).max(1);
        let page = self.page.unwrap_or(near.min(all.len().saturating_sub(1)) / length).min(pages - 1);
        let from = page * length;
        let link = |to: usize, key: &'static str| html! { a.button href=(format!("?page={to}")) { (self.reader.word(key)) } " " };
        let others = html! {
            @if pages > 1 { p.pages {
                @if page > 0 { (link(page - 1, "page-before")) }
                bdi { (number(self.reader.lang, page as i64 + 1)) " / " (number(self.reader.lang, pages as i64)) } " "
                @if page + 1 < pages { (link(page + 1, "page-after")) }
            } }
        };
        (&all[from..(from + length).min(all.len())], others)
    }

    /// Heads of columns.
    pub(super) fn heads(&self, keys: &[&'static str]) -> Markup {
        html! { @for key in keys { th scope="col" { (self.reader.word(key)) } } }
    }

    /// How a party stands on the dossier as a whole.
    pub(super) fn root_state(&self, service: &ServiceId) -> &'a str {
        let root = self.view.items.first();
        let stance = |i: &'a ItemView| i.stances.iter().find(|s| s.service == *service).map(|s| self.state(i, s));
        root.and_then(stance).unwrap_or_default()
    }

    pub(super) fn nothing(&self) -> Markup {
        html! { p.nothing { (self.reader.word("nothing")) } }
    }
}

/// Characters of a text that a view shows; the whole stands on the item's own page.
const SHOWN_MAX: usize = 140;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

pub(super) fn direction(lang: base::Lang) -> &'static str {
    if lang == base::Lang::Ar { "rtl" } else { "ltr" }
}

fn each(json: &Json) -> &[Json] {
    json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice)
}

/// Reads a value as a place.
pub(super) fn place(s: &Stated<'_>) -> Option<Place> {
    (s.field.kind == FieldType::Place).then(|| serde_json::from_value(s.value.clone()).ok()).flatten()
}

/// Reads a value as a moment.
pub(super) fn instant(s: &Stated<'_>) -> Option<Instant> {
    (s.field.kind == FieldType::Instant).then(|| serde_json::from_value(s.value.clone()).ok()).flatten()
}

/// Reads a value as a date.
pub(super) fn day(s: &Stated<'_>) -> Option<Date> {
    (s.field.kind == FieldType::Date).then(|| serde_json::from_value(s.value.clone()).ok()).flatten()
}
