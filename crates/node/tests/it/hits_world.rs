//! Two services under an accord that lets them ask each other, and what the stories of hit/no-hit need.

use crate::forms::*;
use crate::world::*;
use base::{Digest, DossierId, Lang, Text};
use dossier::OfficerRole::*;
use matching::subject::Subject;
use node::{Aim, AskForm, AskView, Asked, Changed, IndexRecord, Intent, Justification, NodeError, Officer};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

pub const FILE: &str = "suspects.csv";

pub fn person(name: &str, birth: &str) -> Subject {
    let mut s = Subject::default();
    s.name(name).unwrap();
    s.birth(birth).unwrap();
    s
}

pub fn record(subject: &Subject, reference: &str, category: &str) -> IndexRecord {
    IndexRecord::new(subject, reference, category, "B2", "case.desk", "2026-12-31".parse().unwrap()).unwrap()
}

/// Invented persons of a Moroccan index.
pub fn suspects() -> Vec<IndexRecord> {
    vec![
        record(&person("يوسف بن شقرون", "1981-03-07"), "MA/2024/117", "suspect"),
        record(&person("فاطمة الزهراء العلوي", "1990-11-23"), "MA/2023/9", "convicted"),
        record(&person("خالد الريفي", "1975"), "MA/2022/41", "suspect"),
    ]
}

pub fn why(category: &str) -> Justification {
    Justification {
        purpose: "investigate".into(),
        offence: "drug-trafficking".into(),
        category: category.into(),
        aim: Aim::LearnMore,
        reference: "ES-2025-44".into(),
        reason: Text::new(Lang::Es, "Visto dos veces en el puerto."),
        grant: None,
    }
}

impl World {
    /// Morocco holds an index; Spain may ask it. Further fields of the accord's form.
    pub fn holding_with(more: Json) -> World {
        let mut w = World::partners(2);
        w.hit_accord(more);
        w
    }

    pub fn holding() -> World {
        let mut w = World::holding_with(json!({}));
        w.loads(FILE, suspects());
        w.publishes(false);
        w.pump();
        w
    }

    pub fn hit_accord(&mut self, more: Json) -> DossierId {
        let parties = self.parties(&[(MA, "party"), (ES, "party")]);
        let mut fields: BTreeMap<String, Json> = self.accord_form(&["information-request", "hit-no-hit"]);
        fields.extend(form(more));
        let intent = Intent::Open { mechanism: "accord".into(), accord: None, parties, follows: None, fields, handling: h0() };
        let id = self.does(MA, intent).dossier;
        self.pump();
        for i in [MA, ES] {
            self.signs(i, id);
            self.pump();
        }
        id
    }

    pub fn loads(&mut self, source: &str, records: Vec<IndexRecord>) -> Changed {
        self.wait(1000);
        let (chief, now) = (self.sides[MA].chief.clone(), self.now);
        let changed = self.node(MA).load_index(Some(&chief), source, true, records, now).unwrap().1;
        self.sides[MA].commit();
        changed
    }

    /// Morocco gives Spain its list, or what changed; whether there was anything.
    pub fn publishes(&mut self, rotate: bool) -> bool {
        self.wait(1000);
        let (to, now, chief) = (self.id(ES), self.now, self.sides[MA].chief.clone());
        let job = self.node(MA).index_job(Some(&chief), to, rotate, now).unwrap();
        let done = job.run(&|_| ()).unwrap();
        let published = self.node(MA).publish(Some(&chief), done, now).unwrap().is_some();
        self.sides[MA].commit();
        published
    }

    pub fn asks_as(&mut self, officer: &Officer, subject: &Subject, why: Justification, standing: bool) -> Result<Digest, NodeError> {
        self.wait(1000);
        let (to, now) = (self.id(MA), self.now);
        let form = AskForm { to, subject: subject.clone(), label: "the man at the port".into(), persons: Vec::new(), justification: why, standing };
        let (_, id) = self.node(ES).ask(officer, form, now)?;
        self.sides[ES].commit();
        Ok(id)
    }

    /// Spain asks and gets its answer.
    pub fn asked(&mut self, subject: &Subject) -> Digest {
        let chief = self.sides[ES].chief.clone();
        let id = self.asks_as(&chief, subject, why("suspect"), false).unwrap();
        self.pump();
        id
    }

    pub fn ask_view(&mut self, id: Digest) -> AskView {
        let chief = self.sides[ES].chief.clone();
        self.node(ES).find_ask(&chief, &id.to_string()).unwrap()
    }

    /// How a question stands, in a word.
    pub fn stands(&mut self, id: Digest) -> String {
        match self.ask_view(id).asked {
            Asked::Failed { code } => code,
            other => serde_json::to_value(other).unwrap()["state"].as_str().unwrap().to_owned(),
        }
    }

    pub fn confirms(&mut self, id: Digest) -> Result<(), NodeError> {
        self.wait(1000);
        let (chief, now) = (self.sides[ES].chief.clone(), self.now);
        self.node(ES).confirm_hit(&chief, &id, now)?;
        self.sides[ES].commit();
        self.pump();
        Ok(())
    }

    /// An officer of Spain's with one role.
    pub fn officer(&mut self, id: &str, role: dossier::OfficerRole) -> Officer {
        let now = self.now;
        self.node(ES).add_officer(id.parse().unwrap(), id.to_uppercase(), vec![role], now).unwrap();
        self.sides[ES].commit();
        self.node(ES).officers().iter().find(|o| o.id.as_str() == id).unwrap().clone()
    }

    pub fn case_officer(&mut self) -> Officer {
        self.officer("case", Officer)
    }

    pub fn hit_lines(&self, i: usize) -> Vec<String> {
        self.logged(i, "hit").iter().map(|l| l["what"].as_str().unwrap().to_owned()).collect()
    }
}
