//! Draws a dossier as text: parties, phase, items with stances, fields, clocks and moves.

use super::desk::{Desk, Services};
use super::face::{Face, distance, each, short, text};
use super::trouble::Trouble;
use super::words::Words;
use crate::engine::now;
use crate::locale;
use base::Lang;
use serde_json::Value;
use std::fmt::Write;

/// Shows a dossier; the node logs the reason.
pub fn show(desk: &Desk, id: &str, reason: &str) -> Result<(), Trouble> {
    let view = desk.consult(id, reason)?;
    if desk.face.json {
        return desk.face.show(&view, String::new);
    }
    let words = desk.mechanism(text(&view["mechanism"]))?;
    let services = desk.services()?;
    let picture = Picture { view: &view, words: &words, services: &services, face: &desk.face, now: now().0 };
    desk.face.show(&view, || picture.draw())
}

struct Picture<'a> {
    view: &'a Value,
    words: &'a Words,
    services: &'a Services,
    face: &'a Face,
    now: i64,
}

impl Picture<'_> {
    fn draw(&self) -> String {
        let v = self.view;
        let mut out = String::new();
        let ended = if v["ended"] == true { ", ended" } else { "" };
        let _ = writeln!(
            out,
            "dossier    {}\nmechanism  {}\nphase      {}{ended}",
            text(&v["id"]),
            self.words.mechanism(),
            self.words.root_phase(text(&v["phase"]))
        );
        if let Some(accord) = v["accord"].as_str() {
            let _ = writeln!(out, "accord     {accord}");
        }
        for p in each(&v["parties"]) {
            let _ = writeln!(out, "party      {}: {}", self.services.code(&p["service"]), self.words.role(text(&p["role"])));
        }
        for l in each(&v["links"]) {
            let _ =
                writeln!(out, "link       {}: dossier {}, named here by {}", self.relation(&l["relation"]), text(&l["dossier"]), self.services.code(&l["by"]));
        }
        for l in each(&v["linked_from"]) {
            let _ = writeln!(out, "link       {}: dossier {}, which names this one", self.relation(&l["relation"]), text(&l["dossier"]));
        }
        each(&v["items"]).for_each(|i| self.item(&mut out, i));
        for e in each(&v["exhibits"]) {
            let places: Vec<String> = std::iter::once(&e["here"]).chain(each(&e["there"])).map(|s| super::exhibits::standing(self.face, e, s)).collect();
            let size = super::exhibits::mib(e["size"].as_u64().unwrap_or(0));
            let _ = writeln!(out, "\nexhibit    {} {}, {size}: {}", short(&e["id"]), text(&e["name"]), places.join(", "));
        }
        for void in each(&v["void"]) {
            let _ = writeln!(out, "\nwithout effect: act {} [{}]", short(&void[0]), text(&void[1]));
        }
        for act in each(&v["waiting"]) {
            let _ = writeln!(out, "\nact {} waits for acts that are not here yet", short(act));
        }
        for s in each(&v["standings"]) {
            let _ = writeln!(
                out,
                "\nact {} of {} ({}) is {}: its card {} is revoked ({}), its keys may have been in other hands since {}; here since {}",
                short(&s["act"]),
                self.services.code(&s["author"]),
                text(&s["officer"]),
                text(&s["standing"]),
                s["card"],
                text(&s["reason"]),
                self.face.time(&s["since"]),
                self.face.time(&s["held"])
            );
        }
        for f in each(&v["forks"]) {
            let acts: Vec<String> = each(&f[2]).map(short).collect();
            let _ = writeln!(out, "\n{} spoke with two tongues: its act number {} is {}", self.services.code(&f[0]), f[1], acts.join(" and "));
        }
        let _ = writeln!(out, "\nstate digest {}, to be compared with the other parties", text(&v["digest"]));
        out
    }

    fn item(&self, out: &mut String, item: &Value) {
        let kind = text(&item["kind"]);
        let depth = "  ".repeat(self.depth(item));
        let _ = writeln!(
            out,
            "\n{depth}{} {} {}, by {} at {}",
            self.words.kind(kind),
            item["number"],
            short(&item["id"]),
            self.services.code(&item["opener"]),
            self.face.instant(text(&item["at"]))
        );
        for later in each(&item["superseded_by"]) {
            let _ = writeln!(out, "{depth}  superseded by {}", short(later));
        }
        if !text(&item["phase"]).is_empty() {
            let _ = writeln!(out, "{depth}  phase: {}", self.words.phase(kind, text(&item["phase"])));
        }
        for s in each(&item["stances"]) {
            let own = s["phase"].as_str().map(|p| format!("; for it: {}", self.words.phase(kind, p))).unwrap_or_default();
            let _ = writeln!(
                out,
                "{depth}  {} stands: {}{own}",
                self.services.code(&s["service"]),
                self.words.state(kind, self.role(&s["service"]), text(&s["state"]))
            );
            for (id, value) in s["said"].as_object().into_iter().flatten() {
                let field = self.words.said(kind, self.role(&s["service"]), id);
                self.field(out, &format!("{depth}    "), field, value);
            }
        }
        for (id, value) in item["fields"].as_object().into_iter().flatten() {
            self.field(out, &format!("{depth}  "), self.words.field(kind, None, id), value);
        }
        for c in each(&self.view["clocks"]).filter(|c| c["item"] == item["id"]) {
            self.clock(out, &depth, kind, c);
        }
        self.moves(out, &depth, kind, item);
    }

    /// Writes each value of a field on a line of its own.
    fn field(&self, out: &mut String, depth: &str, (label, vocabulary): (String, Option<&str>), value: &Value) {
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            // Further lines of a text stand deeper, so that nobody's words look like ours.
            let words = value_text(self.face, self.services, value, vocabulary).trim_end().replace('\n', &format!("\n{depth}  | "));
            let _ = writeln!(out, "{depth}{label}: {words}");
        }
    }

    fn relation(&self, code: &Value) -> String {
        self.face.code("dossier-relations", text(code))
    }

    fn clock(&self, out: &mut String, depth: &str, kind: &str, c: &Value) {
        let due = c["due"].as_i64().unwrap_or(0);
        let (state, follows) = match text(&c["state"]) {
            "running" => (distance(due, self.now), None),
            "paused" => ("stands still".to_owned(), None),
            "expired" => (format!("ran out, {}", distance(due, self.now)), self.words.follows(kind, text(&c["clock"]))),
            "met" => ("kept".to_owned(), None),
            "met-late" => ("kept late".to_owned(), None),
            other => (other.to_owned(), None),
        };
        let _ = writeln!(
            out,
            "{depth}  clock {}: {} answers, due {} ({state})",
            self.words.clock(kind, text(&c["clock"])),
            self.services.code(&c["answers"]),
            self.face.time(&c["due"])
        );
        if let Some(follows) = follows {
            let _ = writeln!(out, "{depth}    {follows}");
        }
    }

    fn moves(&self, out: &mut String, depth: &str, kind: &str, item: &Value) {
        let own = serde_json::json!(self.services.own());
        let role = self.role(&own);
        for m in each(&item["moves"]) {
            let name = text(&m["name"]);
            let label = self.words.mv(kind, role, name);
            let eyes = if m["four_eyes"] == true { "; a second officer approves" } else { "" };
            let _ = match m["why_not"].as_str() {
                None => writeln!(out, "{depth}  can: {label}{eyes}"),
                Some(code) => writeln!(out, "{depth}  cannot: {label}: {} [{code}]", self.reason(kind, role, name, code)),
            };
        }
        for child in each(&item["may_open"]) {
            let _ = writeln!(out, "{depth}  can open: {}", self.words.kind(text(child)));
        }
    }

    fn reason(&self, kind: &str, role: &str, name: &str, code: &str) -> String {
        let own = if code == "refusal.act.guard" { self.words.why_not(kind, role, name) } else { None };
        if let (None, Some(pair), true) = (own, locale::of(code), self.face.lang != Lang::En) {
            return pair.what.get(self.face.lang).trim_end_matches('.').to_owned();
        }
        match code {
            "refusal.act.ended" => "this has come to its end".to_owned(),
            "refusal.act.officer-role" => "your role as an officer does not allow it".to_owned(),
            "refusal.act.guard" => own.unwrap_or("the mechanism's condition does not hold").to_owned(),
            _ => "not now".to_owned(),
        }
    }

    /// Tells how deep an item lies within others.
    fn depth(&self, item: &Value) -> usize {
        let mut depth = 0;
        let mut at = item;
        while let Some(parent) = each(&self.view["items"]).find(|i| !at["parent"].is_null() && i["id"] == at["parent"]) {
            depth += 1;
            at = parent;
        }
        depth
    }

    fn role(&self, service: &Value) -> &str {
        each(&self.view["parties"]).find(|p| p["service"] == *service).map_or("", |p| text(&p["role"]))
    }
}

/// Writes a field's value for people: words with their language, codes with their label, services by their short name.
pub fn value_text(face: &Face, services: &Services, value: &Value, vocabulary: Option<&str>) -> String {
    let plain = |v: &Value| value_text(face, services, v, None);
    match value {
        Value::String(code) => match vocabulary {
            Some(v) => face.code(v, code),
            None if services.knows(code) => services.code(value),
            None if code.contains('[') && code.contains('T') => face.instant(code),
            None => code.clone(),
        },
        Value::Object(o) if o.len() == 2 && o.contains_key("lang") && o.contains_key("text") => format!("[{}] {}", text(&o["lang"]), text(&o["text"])),
        Value::Object(o) => o.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| format!("{k} {}", plain(v))).collect::<Vec<_>>().join(", "),
        Value::Array(values) => values.iter().map(|v| value_text(face, services, v, vocabulary)).collect::<Vec<_>>().join("; "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}
