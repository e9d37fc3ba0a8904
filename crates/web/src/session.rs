//! Sessions: who sits at the desk, since when, and what for.
//!
//! A browser holds a secret; the node's cabinet holds the session under the secret's digest, so that reading the store lets nobody in. A
//! session ends when it idles, when its time is over, when the officer signs out, and with anything that changes the officer.

use crate::desk::{Desk, Settings};
use base::{Digest, DossierId, Lang, UnixMs, hex};
use node::{Drawer, Node, NodeError, Officer, Paper, Ticket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Milliseconds between two notes of when a session was last used.
const NOTED_MS: i64 = 60_000;
/// Milliseconds for which presence, once proved by passkey, is taken as proved.
const PRESENCE_MS: i64 = 5 * 60_000;
/// Dossiers for which a session remembers why it looks at them.
const REASONS_MAX: usize = 200;
/// Searches that a session remembers.
const SEARCHES_MAX: usize = 20;
/// Files that a session remembers until an act names them.
const LOOSE_MAX: usize = 20;
/// Milliseconds after which the node erases a file that no act names.
const LOOSE_MS: i64 = 24 * 3_600_000;
/// Characters of a reason.
pub(crate) const REASON_CHARS_MAX: usize = 500;

/// A session as it lies in the cabinet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    officer: String,
    /// Digest of what the officer was when the session began; any change of it ends the session.
    stamp: Digest,
    began: UnixMs,
    seen: UnixMs,
    /// When presence was last proved by passkey.
    proved: UnixMs,
    /// Why the officer looks at which dossier; logged with each consultation.
    reasons: BTreeMap<DossierId, String>,
    /// Why the officer searches; logged with each search.
    why_search: String,
    /// What was searched last, each under its number, so that no address names it.
    searches: Vec<(u32, String)>,
    /// Files that were added and that no act names yet.
    loose: Vec<Loose>,
    /// Why the officer looks at what partners asked of us; logged with each look.
    #[serde(default)]
    why_served: String,
}

/// A file that was added and that no act names yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Loose {
    /// The dossier for which it was added.
    pub dossier: DossierId,
    /// The value that a form's field takes: id, name, size, media.
    pub value: serde_json::Value,
    /// When it was added.
    pub at: UnixMs,
}

impl Loose {
    /// Returns the file's name.
    pub fn name(&self) -> &str {
        self.value["name"].as_str().unwrap_or_default()
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        self.value["size"].as_u64().unwrap_or(0)
    }
}

/// What an officer chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preferences {
    /// The language.
    pub lang: Option<Lang>,
    /// The tz name of the zone in which moments are shown.
    pub zone: Option<String>,
    /// Whether days are shown by the Hijri calendar first.
    #[serde(default)]
    pub hijri: bool,
}

/// The officer at the desk, as handlers know them.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// The officer.
    pub officer: Officer,
    /// The session's name in the cabinet.
    pub name: String,
    /// What a form must carry.
    pub csrf: String,
    /// The session.
    pub session: Session,
    /// What the officer chose.
    pub preferences: Preferences,
    /// The language in which to speak.
    pub lang: Lang,
    /// The zone in which moments are shown.
    pub zone: String,
    /// Our own short name.
    pub code: String,
    /// The path of the request.
    pub path: String,
    /// Now.
    pub now: UnixMs,
    /// How often something had been stored when the page was asked for.
    pub news: u64,
}

/// Returns the name under which a session lies.
fn name_of(secret: &str) -> String {
    Digest::tagged("entente/desk-session/1", &[secret.as_bytes()]).to_string()
}

/// Returns the token that forms of a session carry.
fn csrf_of(secret: &str) -> String {
    Digest::tagged("entente/desk-form/1", &[secret.as_bytes()]).to_string()
}

/// Returns the digest of what an officer is.
fn stamp_of(officer: &Officer) -> Digest {
    Digest::tagged("entente/desk-officer/1", &[&serde_json::to_vec(officer).expect("plain data has a JSON form")])
}

fn put(name: &str, session: &Session) -> Paper {
    Paper::Put(Drawer::Session, name.to_owned(), serde_json::to_vec(session).expect("plain data has a JSON form"))
}

/// Begins a session, with presence proved or not yet; returns the secret that the browser keeps, and the change to the cabinet.
pub(crate) fn begin(node: &mut Node, officer: &Officer, proved: Option<UnixMs>, now: UnixMs) -> (String, Paper) {
    let secret = hex::encode(&node.draw());
    let session =
        Session { officer: officer.id.to_string(), stamp: stamp_of(officer), began: now, seen: now, proved: proved.unwrap_or_default(), ..Session::default() };
    let paper = put(&name_of(&secret), &session);
    (secret, paper)
}

impl Session {
    /// Tells whether the session holds for the officer at a time.
    fn holds(&self, officer: &Officer, settings: &Settings, now: UnixMs) -> bool {
        let within = |since: UnixMs, ms: i64| (0..ms).contains(&(now.0 - since.0).max(0));
        officer.active
            && self.stamp == stamp_of(officer)
            && within(self.seen, i64::from(settings.idle_minutes) * 60_000)
            && within(self.began, i64::from(settings.session_hours) * 3_600_000)
    }

    /// Tells whether presence was proved a moment ago.
    pub fn is_present(&self, now: UnixMs) -> bool {
        now.0 - self.proved.0 < PRESENCE_MS
    }

    /// Returns the files that were added for a dossier and that are not named yet.
    pub fn loose(&self, dossier: &DossierId) -> Vec<&Loose> {
        self.loose.iter().filter(|l| l.dossier == *dossier).collect()
    }

    /// Returns why the officer searches; empty where it was not said.
    pub fn why_search(&self) -> &str {
        &self.why_search
    }

    /// Returns why the officer looks at what partners asked; empty where it was not said.
    pub fn why_served(&self) -> &str {
        &self.why_served
    }

    /// Returns what was searched under a number.
    pub fn search(&self, number: u32) -> Option<&str> {
        self.searches.iter().find(|(n, _)| *n == number).map(|(_, q)| q.as_str())
    }

    /// Returns why the officer looks at a dossier.
    pub fn reason(&self, dossier: &DossierId) -> Option<&str> {
        self.reasons.get(dossier).map(String::as_str)
    }
}

impl Desk {
    /// Finds who sits at the desk by the browser's secret and wants to go to a path, and notes that the session is used.
    pub(crate) async fn seat(&self, secret: &str, accepted: Lang, path: String) -> Result<Option<Seat>, NodeError> {
        let (name, csrf) = (name_of(secret), csrf_of(secret));
        let (settings, now) = (self.settings.clone(), self.node.now());
        let found = self.run(move |n| {
            let Some(bytes) = n.paper(Drawer::Session, &name)? else { return Ok((None, None)) };
            let session: Session = serde_json::from_slice(&bytes).map_err(|_| NodeError::Corrupt("a session".to_owned()))?;
            let officer = n.officers().iter().find(|o| o.id.as_str() == session.officer).cloned();
            let Some(officer) = officer.filter(|o| session.holds(o, &settings, now)) else {
                return Ok((Some(n.file_papers(vec![Paper::Drop(Drawer::Session, name)], None, now)?), None));
            };
            let preferences: Preferences = match n.paper(Drawer::Preferences, officer.id.as_str())? {
                Some(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
                None => Preferences::default(),
            };
            let mut session = session;
            let ticket = match now.0 - session.seen.0 >= NOTED_MS {
                true => {
                    session.seen = now;
                    Some(n.file_papers(vec![put(&name, &session)], None, now)?)
                }
                false => None,
            };
            let (lang, zone) = (preferences.lang.unwrap_or(accepted), preferences.zone.clone().unwrap_or_else(|| settings.zone.clone()));
            let code = n.book().code(&n.me());
            Ok((ticket, Some(Seat { officer, name, csrf, session, preferences, lang, zone, code, path, now, news: 0 })))
        });
        let news = self.node.changes();
        Ok(found.await?.map(|seat| Seat { news: *news.borrow(), ..seat }))
    }

    /// Changes the session of a seat.
    async fn change(&self, seat: &Seat, change: impl FnOnce(&mut Session) + Send + 'static) -> Result<(), NodeError> {
        let (name, now) = (seat.name.clone(), self.node.now());
        self.run(move |n| {
            let bytes = n.paper(Drawer::Session, &name)?.ok_or(NodeError::Token)?;
            let mut session: Session = serde_json::from_slice(&bytes).map_err(|_| NodeError::Corrupt("a session".to_owned()))?;
            change(&mut session);
            Ok((Some(n.file_papers(vec![put(&name, &session)], None, now)?), ()))
        })
        .await
    }

    /// Remembers why the officer looks at a dossier, until the session ends.
    pub(crate) async fn remember_reason(&self, seat: &Seat, dossier: DossierId, reason: String) -> Result<(), NodeError> {
        self.change(seat, move |s| {
            if s.reasons.len() >= REASONS_MAX {
                s.reasons.pop_first();
            }
            s.reasons.insert(dossier, reason);
        })
        .await
    }

    /// Remembers what is searched and why; returns the number under which it is found again. An empty reason leaves the one that was said.
    pub(crate) async fn remember_search(&self, seat: &Seat, query: String, why: String) -> Result<u32, NodeError> {
        let number = seat.session.searches.last().map_or(1, |(n, _)| n.wrapping_add(1));
        self.change(seat, move |s| {
            if s.searches.len() >= SEARCHES_MAX {
                s.searches.remove(0);
            }
            s.searches.push((number, query));
            if !why.is_empty() {
                s.why_search = why;
            }
        })
        .await?;
        Ok(number)
    }

    /// Remembers why the officer looks at what partners asked, until the session ends.
    pub(crate) async fn remember_why_served(&self, seat: &Seat, why: String) -> Result<(), NodeError> {
        self.change(seat, move |s| s.why_served = why).await
    }

    /// Remembers a file that was added.
    pub(crate) async fn remember_loose(&self, seat: &Seat, file: Loose) -> Result<(), NodeError> {
        self.change(seat, move |s| {
            s.loose.retain(|l| file.at.0 - l.at.0 < LOOSE_MS && (l.dossier != file.dossier || l.value != file.value));
            if s.loose.len() >= LOOSE_MAX {
                s.loose.remove(0);
            }
            s.loose.push(file);
        })
        .await
    }

    /// Notes that presence was proved.
    pub(crate) async fn note_presence(&self, seat: &Seat) -> Result<(), NodeError> {
        let now = self.node.now();
        self.change(seat, move |s| s.proved = now).await
    }

    /// Ends a session.
    pub(crate) async fn sign_out(&self, seat: &Seat) -> Result<(), NodeError> {
        let (name, now) = (seat.name.clone(), self.node.now());
        let line = serde_json::json!({ "what": "signed out of the desk", "officer": seat.officer.id });
        self.run(move |n: &mut Node| -> Result<(Option<Ticket>, ()), NodeError> {
            Ok((Some(n.file_papers(vec![Paper::Drop(Drawer::Session, name)], Some(line), now)?), ()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dossier::OfficerRole;

    fn officer() -> Officer {
        Officer { id: "o".parse().unwrap(), name: "O".to_owned(), roles: vec![OfficerRole::Desk], token: Digest::of(b"t"), active: true }
    }

    #[test]
    fn a_session_ends_by_idling_by_age_and_with_the_officer() {
        let settings = Settings { origin: String::new(), zone: "UTC".to_owned(), idle_minutes: 30, session_hours: 12 };
        let o = officer();
        let s = Session { officer: "o".to_owned(), stamp: stamp_of(&o), ..Session::default() };
        let holds = |s: &Session, o: &Officer, minutes: i64| s.holds(o, &settings, UnixMs(minutes * 60_000));
        assert!(holds(&s, &o, 29) && !holds(&s, &o, 30), "idle");
        let used = Session { seen: UnixMs(719 * 60_000), ..s.clone() };
        assert!(holds(&used, &o, 719) && !holds(&used, &o, 720), "old");
        for changed in [
            Officer { active: false, ..officer() },
            Officer { roles: vec![OfficerRole::Desk, OfficerRole::Supervisor], ..officer() },
            Officer { token: Digest::of(b"new"), ..officer() },
        ] {
            assert!(!holds(&s, &changed, 1), "{changed:?}");
        }
        assert!(s.is_present(UnixMs(PRESENCE_MS - 1)) && !s.is_present(UnixMs(PRESENCE_MS)));
    }
}
