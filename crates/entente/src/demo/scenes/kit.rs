//! What scenes are written with: who does what, how it stands at every party, what an officer sees of it.

use super::super::cast::{Seat, Service};
use super::super::voice::Voice;
use super::super::wish::{self, find, text};
use super::super::{DemoError, Stage};
use super::Shown;
use serde_json::{Value, json};
use std::cell::RefCell;

pub use super::super::wish::{in_days, in_minutes, place, words as w};
pub use Seat::*;

/// Moves that an officer is shown at most, to keep a scene short.
const SEEN_MOVES: usize = 6;

/// A scene: its services, and a voice of its own.
pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub voice: Voice,
    pub shown: RefCell<Shown>,
}

/// A dossier that a scene has opened.
pub struct Run<'a> {
    pub dossier: String,
    pub root: String,
    parties: Vec<&'a Service>,
    mechanism: Value,
}

impl<'a> Scene<'a> {
    pub fn new(stage: &'a Stage) -> Scene<'a> {
        Scene { stage, voice: stage.voice.aside(), shown: RefCell::default() }
    }

    /// Morocco, Spain, Germany, Portugal.
    pub fn cast(&self) -> (&'a Service, &'a Service, &'a Service, &'a Service) {
        (&self.stage.ma, &self.stage.es, &self.stage.de, &self.stage.pt)
    }

    pub fn tells(&self, who: &Service, seat: Seat, does: &str) {
        self.voice.says(who.code(), &format!("{} {does}", who.who(seat)));
    }

    /// Opens a dossier; who opens it stands first.
    pub async fn opens(&self, seat: Seat, mechanism: &str, parties: &[(&'a Service, &str)], fields: Value) -> Result<Run<'a>, DemoError> {
        let who = parties[0].0;
        let listed: Vec<_> = parties.iter().map(|(s, role)| (s.station.service, *role)).collect();
        let stood = who.does(seat, &wish::open(mechanism, &listed, fields)).await?;
        let described = who.get(seat, &format!("/v1/mechanisms/{mechanism}")).await?;
        Ok(Run { dossier: stood.dossier, root: stood.item, parties: parties.iter().map(|p| p.0).collect(), mechanism: described })
    }

    /// Keeps a dossier under a name, for whoever looks for it later.
    pub fn shows(&self, name: &str, run: &Run<'_>) {
        self.shown.borrow_mut().insert(name.to_owned(), run.dossier.clone());
    }

    /// Opens an item in the root; returns it.
    pub async fn adds(&self, who: &Service, seat: Seat, run: &Run<'_>, kind: &str, fields: Value) -> Result<String, DemoError> {
        Ok(who.does(seat, &wish::item(&run.dossier, kind, fields)).await?.item)
    }

    /// Opens an item within another; returns it.
    pub async fn adds_in(&self, who: &Service, seat: Seat, run: &Run<'_>, parent: &str, kind: &str, fields: Value) -> Result<String, DemoError> {
        Ok(who.does(seat, &wish::item_in(&run.dossier, parent, kind, fields)).await?.item)
    }

    /// Moves a service's stance on an item.
    pub async fn moves(&self, who: &Service, seat: Seat, run: &Run<'_>, item: &str, name: &str, fields: Value) -> Result<(), DemoError> {
        who.does(seat, &wish::step_on(&run.dossier, item, name, fields)).await.map(drop)
    }

    /// Has several services make the same move, one after the other.
    pub async fn all(&self, who: &[&Service], seat: Seat, run: &Run<'_>, item: &str, name: &str, fields: Value) -> Result<(), DemoError> {
        for s in who {
            self.moves(s, seat, run, item, name, fields.clone()).await?;
        }
        Ok(())
    }

    /// Tries a move that must be refused with a code, and shows the mechanism's own words for why where it has some.
    pub async fn in_vain(&self, (who, seat): (&Service, Seat), run: &Run<'_>, item: &str, name: &str, fields: Value, code: &str) -> Result<(), DemoError> {
        let problem = who.refused(seat, "/v1/intents", &wish::step_on(&run.dossier, item, name, fields)).await?;
        self.voice.shows(&format!("refused: {}", problem.what));
        self.voice.same(&format!("{} refuses '{name}' with {code}", who.code()), problem.code.as_str(), code)
    }

    /// Tries an item that must be refused with a code.
    pub async fn no_item(&self, (who, seat): (&Service, Seat), run: &Run<'_>, parent: &str, kind: &str, fields: Value, code: &str) -> Result<(), DemoError> {
        let problem = who.refused(seat, "/v1/intents", &wish::item_in(&run.dossier, parent, kind, fields)).await?;
        self.voice.shows(&format!("refused: {}", problem.what));
        self.voice.same(&format!("{} refuses to open '{kind}' with {code}", who.code()), problem.code.as_str(), code)
    }

    /// Shows who stands where on an item, and checks its phase at every party.
    pub async fn stands(&self, run: &Run<'_>, item: &str, phase: &str, says: &str) -> Result<(), DemoError> {
        let mut found = Vec::new();
        for (n, s) in run.parties.iter().enumerate() {
            let view = s.look(Desk, &run.dossier, "phase of an item").await?;
            let at = find(&view, item);
            if n == 0 {
                self.voice.shows(&format!("{}: {}", label(kind_of(&run.mechanism, at), "phases", text(at, "phase")), self.picture(run, &view, at)));
            }
            found.push(text(at, "phase").to_owned());
        }
        let codes: Vec<&str> = run.parties.iter().map(|s| s.code()).collect();
        self.voice.same(&format!("{says}: '{phase}' at {}", codes.join(", ")), &found, &vec![phase.to_owned(); run.parties.len()])
    }

    fn picture(&self, run: &Run<'_>, view: &Value, item: &Value) -> String {
        let kind = kind_of(&run.mechanism, item);
        let stand = |s: &&'a Service| {
            let state = item["stances"].as_array()?.iter().find(|x| x["service"] == s.id())?;
            let role = view["parties"].as_array()?.iter().find(|p| p["service"] == s.id())?;
            let stance = kind["stances"].as_array()?.iter().find(|x| x["role"] == role["role"])?;
            Some(format!("{} {}", s.code(), label(stance, "states", text(state, "state"))))
        };
        self.stage.all().iter().filter_map(stand).collect::<Vec<_>>().join(" · ")
    }

    /// Shows what an officer sees of a dossier: what waits for the own service, and which moves there are.
    pub async fn sees(&self, who: &Service, seat: Seat, run: &Run<'_>) -> Result<(), DemoError> {
        let view = who.look(seat, &run.dossier, "what waits for us").await?;
        self.voice.says(who.code(), &format!("{} looks at the desk", who.who(seat)));
        let open = |c: &&Value| c["answers"] == who.id() && matches!(text(c, "state"), "running" | "paused" | "expired");
        for c in view["clocks"].as_array().into_iter().flatten().filter(open).take(2) {
            let kind = named(&run.mechanism["items"], text(c, "kind"));
            let due = base::UnixMs(c["due"].as_i64().unwrap_or(0));
            let local = due.in_zone(who.cast.founder.zone).map_or_else(|_| due.to_string(), |i| i.to_string());
            self.voice.shows(&format!("clock {}: {} by {}", label(kind, "clocks", text(c, "clock")), text(c, "state"), local.get(..16).unwrap_or(&local)));
        }
        let role = view["parties"].as_array().into_iter().flatten().find(|p| p["service"] == who.id()).map_or("", |p| text(p, "role"));
        let mut can = Vec::new();
        for item in view["items"].as_array().into_iter().flatten() {
            let kind = kind_of(&run.mechanism, item);
            for m in item["moves"].as_array().into_iter().flatten().filter(|m| m["possible"] == true) {
                let named = kind["moves"].as_array().into_iter().flatten().find(|x| x["id"] == m["name"] && x["role"] == role);
                let eyes = if m["four_eyes"] == true { " (four eyes)" } else { "" };
                can.push(format!("{}: {}{eyes}", own_label(kind), named.map_or(text(m, "name"), own_label)));
            }
        }
        let more = can.len().saturating_sub(SEEN_MOVES);
        can.truncate(SEEN_MOVES);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        self.voice.shows(&format!("can · {}{more}", can.join(" · ")));
        self.voice.check(&format!("{} sees what can be done", who.who(seat)), !can.is_empty(), || view["items"].to_string())
    }

    /// Reads a dossier as an officer does.
    pub async fn view(&self, who: &Service, run: &Run<'_>) -> Result<Value, DemoError> {
        who.look(Desk, &run.dossier, "course of the dossier").await
    }
}

fn kind_of<'v>(mechanism: &'v Value, item: &Value) -> &'v Value {
    named(&mechanism["items"], text(item, "kind"))
}

fn named<'v>(list: &'v Value, id: &str) -> &'v Value {
    list.as_array().and_then(|all| all.iter().find(|x| x["id"] == id)).unwrap_or(&Value::Null)
}

fn own_label(thing: &Value) -> &str {
    thing["label"]["en"].as_str().unwrap_or_default()
}

fn label<'v>(of: &'v Value, list: &str, id: &'v str) -> &'v str {
    match own_label(named(&of[list], id)) {
        "" => id,
        label => label,
    }
}

/// A source graded by the 4x4 scale.
pub fn graded(source: &str, information: &str) -> Value {
    json!({ "scale": "4x4", "source": source, "information": information })
}
