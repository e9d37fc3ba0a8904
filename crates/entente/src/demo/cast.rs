//! Who plays: four services that exist, and officers who do not.

use super::DemoError;
use crate::client::{Client, Problem};
use crate::launch::{Founder, Station};
use base::Lang;
use serde_json::{Value, json};
use std::path::Path;

/// What an officer of the cast is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// Works on cases.
    Officer,
    /// Runs the liaison desk.
    Desk,
    /// The second pair of eyes.
    Supervisor,
    /// Signs accords.
    Authority,
    /// Watches over data protection.
    DataProtection,
}

/// A service and its invented officers.
pub struct Cast {
    /// The service.
    pub founder: Founder<'static>,
    /// Sign-in name, name and officer role, in the order of [`Seat`].
    pub people: [(&'static str, &'static str, &'static str); 5],
}

/// The Moroccan pole of police and domestic intelligence.
pub const MA: Cast = Cast {
    founder: Founder {
        code: "ma",
        country: "MA",
        zone: "Africa/Casablanca",
        name: &[(Lang::Fr, "DGSN-DGST"), (Lang::Ar, "المديرية العامة للأمن الوطني ومراقبة التراب الوطني")],
        languages: &[Lang::Ar, Lang::Fr, Lang::Es],
    },
    people: [
        ("y.berrahal", "Yasmine Berrahal", "officer"),
        ("k.ouazzani", "Karim Ouazzani", "desk"),
        ("s.tahiri", "Salma Tahiri", "supervisor"),
        ("m.lamrani", "Mourad Lamrani", "competent-authority"),
        ("h.sefrioui", "Hajar Sefrioui", "data-protection"),
    ],
};

/// The Spanish national police.
pub const ES: Cast = Cast {
    founder: Founder { code: "es", country: "ES", zone: "Europe/Madrid", name: &[(Lang::Es, "Policía Nacional")], languages: &[Lang::Es, Lang::Fr, Lang::En] },
    people: [
        ("l.ferrer", "Lucía Ferrer", "officer"),
        ("a.castano", "Andrés Castaño", "desk"),
        ("m.olivares", "Marta Olivares", "supervisor"),
        ("i.bermejo", "Ignacio Bermejo", "competent-authority"),
        ("n.salcedo", "Nuria Salcedo", "data-protection"),
    ],
};

/// The German federal police.
pub const DE: Cast = Cast {
    founder: Founder { code: "de", country: "DE", zone: "Europe/Berlin", name: &[(Lang::De, "Bundespolizei")], languages: &[Lang::De, Lang::En, Lang::Fr] },
    people: [
        ("j.wiebke", "Jonas Wiebke", "officer"),
        ("k.lohmann", "Katrin Lohmann", "desk"),
        ("h.stolz", "Henrik Stolz", "supervisor"),
        ("a.falk", "Annegret Falk", "competent-authority"),
        ("t.merten", "Tobias Merten", "data-protection"),
    ],
};

/// The Portuguese public security police, which joins for the World Cup.
pub const PT: Cast = Cast {
    founder: Founder {
        code: "pt",
        country: "PT",
        zone: "Europe/Lisbon",
        name: &[(Lang::Pt, "Polícia de Segurança Pública")],
        languages: &[Lang::Pt, Lang::Es, Lang::En],
    },
    people: [
        ("t.nogueira", "Teresa Nogueira", "officer"),
        ("d.valadares", "Duarte Valadares", "desk"),
        ("i.carvalhal", "Inês Carvalhal", "supervisor"),
        ("r.monsanto", "Rui Monsanto", "competent-authority"),
        ("l.pestana", "Leonor Pestana", "data-protection"),
    ],
};

/// An act that stands in the ledgers.
#[derive(Debug, Clone)]
pub struct Stood {
    /// Its dossier.
    pub dossier: String,
    /// The item that it opened or moved.
    pub item: String,
}

/// A service on the stage: its node, reached as an officer's program reaches it, and its people.
pub struct Service {
    /// Directory, process, tokens.
    pub station: Station,
    /// Who works there.
    pub cast: &'static Cast,
}

/// Seconds in which partners must have receipted an act.
const DELIVERED_WITHIN_S: u64 = 30;

impl Service {
    /// Makes the service's directory under `root`.
    pub fn found(root: &Path, cast: &'static Cast) -> Result<Service, DemoError> {
        Ok(Service { station: Station::found(root, &cast.founder)?, cast })
    }

    /// Returns the short name.
    pub fn code(&self) -> &'static str {
        self.cast.founder.code
    }

    /// Returns the service's id as text.
    pub fn id(&self) -> String {
        self.station.service.to_string()
    }

    /// Returns an officer's name and what the officer is.
    pub fn who(&self, seat: Seat) -> String {
        let (_, name, role) = self.cast.people[seat as usize];
        format!("{name} ({})", role.replace('-', " "))
    }

    /// Returns a client that signs in as an officer.
    pub fn client(&self, seat: Seat) -> Client {
        self.station.client(self.cast.people[seat as usize].0)
    }

    /// Reads as an officer.
    pub async fn get(&self, seat: Seat, path: &str) -> Result<Value, DemoError> {
        self.client(seat).get(path).await.map_err(|p| self.no(path, p))
    }

    /// Does as an officer.
    pub async fn post(&self, seat: Seat, path: &str, body: &Value) -> Result<Value, DemoError> {
        self.client(seat).post(path, body).await.map_err(|p| self.no(path, p))
    }

    /// Looks at a dossier; the consultation is logged with its reason.
    pub async fn look(&self, seat: Seat, dossier: &str, reason: &str) -> Result<Value, DemoError> {
        self.get(seat, &format!("/v1/dossiers/{dossier}?reason={}", crate::client::escape(reason))).await
    }

    /// Acts as one officer, and returns when every other party has receipted it.
    pub async fn act(&self, seat: Seat, intent: &Value) -> Result<Stood, DemoError> {
        let made = self.post(seat, &format!("/v1/intents?wait=delivered&timeout_s={DELIVERED_WITHIN_S}"), intent).await?;
        self.stood(&made)
    }

    /// Proposes as one officer; returns the proposal's name.
    pub async fn propose(&self, seat: Seat, intent: &Value) -> Result<String, DemoError> {
        let made = self.post(seat, "/v1/intents", intent).await?;
        self.pending(&made)
    }

    /// Takes the proposal's name from an answer.
    pub fn pending(&self, made: &Value) -> Result<String, DemoError> {
        made["pending"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| DemoError::Check { name: format!("{}: a second pair of eyes is wanted", self.code()), found: made.to_string() })
    }

    /// Approves as a second officer, and returns when every other party has receipted the act.
    pub async fn approve(&self, seat: Seat, pending: &str) -> Result<Stood, DemoError> {
        let made = self.post(seat, &format!("/v1/pending/{pending}/approve?wait=delivered&timeout_s={DELIVERED_WITHIN_S}"), &json!({})).await?;
        self.stood(&made)
    }

    /// Acts with four eyes.
    pub async fn act_with(&self, first: Seat, second: Seat, intent: &Value) -> Result<Stood, DemoError> {
        let pending = self.propose(first, intent).await?;
        self.approve(second, &pending).await
    }

    /// Acts as one officer and, where the mechanism wants a second pair of eyes, as the first colleague who may be it.
    pub async fn does(&self, first: Seat, intent: &Value) -> Result<Stood, DemoError> {
        let made = self.post(first, &format!("/v1/intents?wait=delivered&timeout_s={DELIVERED_WITHIN_S}"), intent).await?;
        let Some(pending) = made["pending"].as_str() else { return self.stood(&made) };
        let may = |seat: &Seat| *seat != first && made["roles"].as_array().into_iter().flatten().any(|r| r == self.cast.people[*seat as usize].2);
        let order = [Seat::Supervisor, Seat::Authority, Seat::Desk, Seat::DataProtection, Seat::Officer];
        let second = order
            .into_iter()
            .find(may)
            .ok_or_else(|| DemoError::Check { name: format!("{}: somebody may be the second pair of eyes", self.code()), found: made.to_string() })?;
        self.approve(second, pending).await
    }

    /// Tries what must not be, and returns the refusal.
    pub async fn refused(&self, seat: Seat, path: &str, body: &Value) -> Result<Problem, DemoError> {
        match self.client(seat).post(path, body).await {
            Err(problem) if problem.status >= 400 => Ok(problem),
            Err(problem) => Err(self.no(path, problem)),
            Ok(done) => Err(DemoError::Check { name: format!("{} is refused what {} must not do", self.code(), self.who(seat)), found: done.to_string() }),
        }
    }

    /// Reads how the node stands.
    pub async fn status(&self) -> Result<Value, DemoError> {
        self.get(Seat::Supervisor, "/v1/status").await
    }

    /// Reads a dossier's phase from the list.
    pub async fn phase(&self, dossier: &str) -> Result<String, DemoError> {
        let listed = self.get(Seat::Desk, "/v1/dossiers").await?;
        let found = listed.as_array().into_iter().flatten().find(|l| l["id"] == dossier);
        Ok(found.and_then(|l| l["phase"].as_str()).unwrap_or("unknown here").to_owned())
    }

    fn stood(&self, made: &Value) -> Result<Stood, DemoError> {
        let text = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
        if made["delivered"] != true {
            return Err(DemoError::Check {
                name: format!("{}: every party has receipted the act within {DELIVERED_WITHIN_S} s", self.code()),
                found: made.to_string(),
            });
        }
        Ok(Stood { dossier: text("dossier"), item: text("item") })
    }

    fn no(&self, wanted: &str, problem: Problem) -> DemoError {
        DemoError::Node { code: self.code(), wanted: wanted.split('?').next().unwrap_or_default().to_owned(), problem }
    }
}
