//! What people look at: dossiers, what is due to whom, partners, the node's own state. Reading a dossier is logged with its reason.

use crate::error::NodeError;
use crate::intent::Pending;
use crate::lift::FenceView;
use crate::node::{Node, PAGE, Ticket, log, put};
use crate::officer::Officer;
use base::{ActId, Digest, DossierId, ItemId, OfficerId, ServiceId, UnixMs};
use dossier::{ClockState, ClockView, DossierView, OfficerRole, Viewer};
use seal::{Cards, Directory, Fingerprint, FingerprintRefusal};
use serde::Serialize;
use store::{Append, DossierFilter, DossierRow};

/// A dossier in a list.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: DossierId,
    /// Its mechanism.
    pub mechanism: String,
    /// Title or reference.
    pub title: String,
    /// Parties by short name, with their roles.
    pub parties: Vec<(String, String)>,
    /// Its phase.
    pub phase: String,
    /// Whether it has ended.
    pub closed: bool,
    /// When it was opened.
    pub opened_at: UnixMs,
    /// When it last changed.
    pub updated_at: UnixMs,
    /// Parties that spoke with two tongues in it.
    pub forks: u64,
}

/// What kind of thing is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DueKind {
    /// A clock for which we answer.
    Ours,
    /// A clock for which a partner answers.
    Theirs,
    /// A proposal that waits for a second officer.
    Approval,
}

/// Something that waits, the nearest first.
#[derive(Debug, Clone, Serialize)]
pub struct Due {
    /// Whose turn it is.
    pub kind: DueKind,
    /// The dossier.
    pub dossier: Option<DossierId>,
    /// Its title or reference.
    pub title: String,
    /// The mechanism.
    pub mechanism: String,
    /// The item.
    pub item: Option<ItemId>,
    /// The clock, as item kind and clock; for an approval the proposal's name.
    pub what: String,
    /// Who answers.
    pub answers: String,
    /// When it runs out.
    pub due: Option<UnixMs>,
    /// How the clock stands.
    pub state: Option<ClockState>,
}

/// A partner as people see it.
#[derive(Debug, Clone, Serialize)]
pub struct PartnerView {
    /// Its id.
    pub service: ServiceId,
    /// Its short name.
    pub code: String,
    /// Its country.
    pub country: String,
    /// Its names.
    pub name: Vec<base::Text>,
    /// Its card's number.
    pub card: u32,
    /// Until when its card is valid.
    pub valid_until: UnixMs,
    /// Where its node is reached.
    pub endpoints: Vec<String>,
    /// Its fingerprint in words, to be read aloud.
    pub fingerprint: String,
    /// What it has not receipted.
    pub waiting: u64,
    /// Since when the oldest of it waits.
    pub oldest: Option<UnixMs>,
    /// Revoked cards: number, reason, since when others may have had the keys.
    pub revoked: Vec<(u32, &'static str, UnixMs)>,
    /// Why nothing is exchanged with it for now.
    pub suspended: Option<crate::suspend::Suspension>,
}

/// The node's own state.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Our service.
    pub service: ServiceId,
    /// Our short name.
    pub code: String,
    /// Entries of the ledger.
    pub ledger_size: u64,
    /// Its root.
    pub ledger_root: Digest,
    /// Open dossiers.
    pub open: usize,
    /// Dossiers that have ended.
    pub closed: usize,
    /// Acts and notes that partners have not receipted.
    pub outbox: u64,
    /// Incidents in the log.
    pub incidents: usize,
    /// Partners that have cosigned our ledger: short name and size.
    pub cosigned: Vec<(String, u64)>,
    /// What a restoration holds back; none where nothing was ever put back, or all of it is over.
    pub fence: Option<FenceView>,
    /// Our newest card, and until when it is valid.
    pub card: (u32, UnixMs),
}

impl Node {
    /// Signs an officer in by token.
    pub fn officer_by_token(&self, token: &str) -> Result<Officer, NodeError> {
        self.officers.iter().find(|o| o.has_token(token)).cloned().ok_or(NodeError::Token)
    }

    /// Returns all officers.
    pub fn officers(&self) -> &[Officer] {
        &self.officers
    }

    /// Registers an officer or gives them a new token, and returns the token: it is shown once.
    pub fn add_officer(&mut self, id: OfficerId, name: String, roles: Vec<OfficerRole>, now: UnixMs) -> Result<(Ticket, String), NodeError> {
        if roles.is_empty() {
            return Err(NodeError::Asked("an officer has at least one role".to_owned()));
        }
        let mut secret = [0u8; 32];
        self.entropy.fill(&mut secret);
        let token = base::hex::encode(&secret);
        let digest = Digest::tagged("entente/officer-token/1", &[token.as_bytes()]);
        let officer = Officer { id: id.clone(), name, roles, token: digest, active: true };
        let mut batch = Append::new(now);
        batch.records.push(put("officer", id.as_str(), serde_json::to_vec(&officer).expect("plain data has a JSON form")));
        batch.logs.push(log("audit", serde_json::json!({ "what": "officer added", "officer": id, "roles": officer.roles })));
        self.officers.retain(|o| o.id != id);
        self.officers.push(officer);
        Ok((self.stage(batch), token))
    }

    /// Locks an officer out: the token no longer signs in, and nothing that waits in the officer's name can be approved.
    pub fn lock_officer(&mut self, id: &str, now: UnixMs) -> Result<Ticket, NodeError> {
        let officer = self.officers.iter_mut().find(|o| o.id.as_str() == id).ok_or(NodeError::Absent("officer"))?;
        officer.active = false;
        let data = serde_json::to_vec(&*officer).expect("plain data has a JSON form");
        let mut batch = Append::new(now);
        batch.records.push(put("officer", id, data));
        batch.logs.push(log("audit", serde_json::json!({ "what": "officer locked out", "officer": id })));
        Ok(self.stage(batch))
    }

    /// Takes a partner's first card after its fingerprint was compared aloud, or a later one.
    pub fn import_card(&mut self, bytes: &[u8], fingerprint: &str, now: UnixMs) -> Result<(Ticket, ServiceId), NodeError> {
        let first = Cards::first(bytes)?;
        let service = first.service();
        if service == self.me() {
            return Err(NodeError::Asked("this is our own card; import the partner's".to_owned()));
        }
        let mut batch = Append::new(now);
        let cards = match self.book.cards(&service) {
            None => {
                compare(&service, fingerprint)?;
                first
            }
            Some(held) => {
                if !fingerprint.trim().is_empty() {
                    compare(&service, fingerprint)?;
                }
                let mut cards = (*held).clone();
                cards.add(bytes)?;
                cards
            }
        };
        batch.logs.push(log("audit", serde_json::json!({ "what": "card imported", "service": service, "card": cards.latest().number })));
        self.stage_cards(&mut batch, cards);
        let ticket = self.stage(batch);
        // A partner that was met after a restoration may have been one before it: it is asked like the others.
        self.recover(now)?;
        Ok((ticket, service))
    }

    /// Lists dossiers, the one that changed last first.
    pub fn list(&self, mechanism: Option<&str>, closed: Option<bool>, limit: usize) -> Result<Vec<Listed>, NodeError> {
        let mut out = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.dossiers(&DossierFilter { closed, ..DossierFilter::default() }, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(out) };
            after = Some((last.updated_at, last.id));
            for row in page {
                let listed = self.listed(&row);
                if mechanism.is_none_or(|m| m == listed.mechanism) {
                    out.push(listed);
                    if out.len() == limit {
                        return Ok(out);
                    }
                }
            }
        }
    }

    pub(crate) fn listed(&self, row: &DossierRow) -> Listed {
        let summary: serde_json::Value = serde_json::from_slice(&row.summary).unwrap_or_default();
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
        let party = |p: &serde_json::Value| (text(&p["service"]).parse().map(|s| self.book.code(&s)).unwrap_or_default(), text(&p["role"]));
        Listed {
            id: row.id,
            mechanism: text(&summary["mechanism"]),
            title: text(&summary["title"]),
            parties: summary["parties"].as_array().into_iter().flatten().map(party).collect(),
            phase: row.phase.clone(),
            closed: row.closed,
            opened_at: row.opened_at,
            updated_at: row.updated_at,
            forks: summary["forks"].as_u64().unwrap_or(0),
        }
    }

    /// Finds a dossier by its id or the first digits of it.
    pub fn find_dossier(&self, name: &str) -> Result<DossierId, NodeError> {
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let listed = self.list(None, None, usize::MAX)?;
        let mut found = listed.iter().map(|l| l.id).filter(|id| name.len() >= 6 && id.to_string().starts_with(name));
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(id),
            _ => Err(NodeError::Absent("dossier")),
        }
    }

    /// Shows a dossier to an officer who reads dossiers; the consultation is logged with its reason.
    pub fn consult(&mut self, officer: &Officer, id: &DossierId, reason: &str, now: UnixMs) -> Result<(Ticket, DossierView), NodeError> {
        officer.must_read()?;
        if reason.trim().is_empty() {
            return Err(NodeError::Asked("say why you look at this dossier; the reason is logged".to_owned()));
        }
        let view = self.view(id, &officer.roles, now)?;
        let mut batch = Append::new(now);
        batch.logs.push(log("consultation", serde_json::json!({ "officer": officer.id, "dossier": id, "reason": reason })));
        Ok((self.stage(batch), view))
    }

    /// Draws a dossier for some officer roles.
    pub fn view(&mut self, id: &DossierId, roles: &[OfficerRole], now: UnixMs) -> Result<DossierView, NodeError> {
        let service = self.me();
        self.dossier(id)?.ok_or(NodeError::Absent("dossier"))?;
        let this = &*self;
        let received = |act: &ActId, who: &ServiceId| this.received(act, who);
        let d = this.held(id).ok_or(NodeError::Absent("dossier"))?;
        let drawn = dossier::view(d, Viewer { service, roles, now }, &received);
        Ok(DossierView { linked_from: self.linked_from(id)?, ..drawn })
    }

    /// Works out a dossier's clocks.
    fn clocks(&mut self, id: &DossierId, now: UnixMs) -> Result<Vec<ClockView>, NodeError> {
        self.dossier(id)?;
        let this = &*self;
        Ok(this.held(id).map(|d| d.clocks(now, &|act, who| this.received(act, who))).unwrap_or_default())
    }

    /// Lists what waits for us, for partners and for second officers, the nearest first.
    pub fn due(&mut self, now: UnixMs) -> Result<Vec<Due>, NodeError> {
        let me = self.me();
        let mut out = Vec::new();
        for listed in self.list(None, Some(false), usize::MAX)? {
            for c in self.clocks(&listed.id, now)? {
                if !matches!(c.state, ClockState::Running | ClockState::Paused | ClockState::Expired) {
                    continue;
                }
                out.push(Due {
                    kind: if c.answers == me { DueKind::Ours } else { DueKind::Theirs },
                    dossier: Some(listed.id),
                    title: listed.title.clone(),
                    mechanism: listed.mechanism.clone(),
                    item: Some(c.item),
                    what: format!("{}/{}", c.kind, c.clock),
                    answers: self.book.code(&c.answers),
                    due: Some(c.due),
                    state: Some(c.state),
                });
            }
        }
        out.sort_by_key(|d| d.due);
        let pending = self.all_pending()?.into_iter().map(|p: Pending| Due {
            kind: DueKind::Approval,
            dossier: None,
            title: String::new(),
            mechanism: String::new(),
            item: None,
            what: p.id,
            answers: p.by,
            due: None,
            state: None,
        });
        out.splice(0..0, pending);
        Ok(out)
    }

    /// Lists partners.
    pub fn partners(&self) -> Result<Vec<PartnerView>, NodeError> {
        let depth = self.store.outbox_depth()?;
        let view = |cards: std::sync::Arc<Cards>| {
            let card = cards.latest();
            let waiting = depth.iter().find(|d| d.recipient == cards.service());
            PartnerView {
                service: cards.service(),
                code: card.code.clone(),
                country: card.country.clone(),
                name: card.name.clone(),
                card: card.number,
                valid_until: card.valid_until,
                endpoints: card.endpoints.clone(),
                fingerprint: Fingerprint::of(&cards.service()).words(base::Lang::En),
                waiting: waiting.map_or(0, |d| d.count),
                oldest: waiting.map(|d| d.oldest),
                revoked: cards.revocations().map(|r| (r.card, r.reason.code(), r.since)).collect(),
                suspended: self.suspended.get(&cards.service()).cloned(),
            }
        };
        Ok(self.book.all().into_iter().filter(|c| c.service() != self.me()).map(view).collect())
    }

    /// Tells how the node stands.
    pub fn status(&self) -> Result<Status, NodeError> {
        let ledger = self.store.ledger()?;
        let listed = self.list(None, None, usize::MAX)?;
        let documents = self.documents("cosigned")?;
        let cosigned = documents.iter().filter_map(|r| {
            let (size, _): (u64, Digest) = serde_json::from_slice(&r.data).ok()?;
            Some((self.book.code(&r.id.parse().ok()?), size))
        });
        Ok(Status {
            service: self.me(),
            code: self.book.code(&self.me()),
            ledger_size: ledger.size,
            ledger_root: ledger.root,
            open: listed.iter().filter(|l| !l.closed).count(),
            closed: listed.iter().filter(|l| l.closed).count(),
            outbox: self.store.outbox_depth()?.iter().map(|d| d.count).sum(),
            incidents: self.store.log(Some("incident"), None, PAGE)?.len(),
            cosigned: cosigned.collect(),
            fence: self.fence()?.filter(|f| !f.over),
            card: self.own_card().map(|c| (c.number, c.valid_until))?,
        })
    }
}

/// Compares what was read aloud with the card: words in any of the languages that have a list, or digits.
pub(crate) fn compare(service: &ServiceId, read_aloud: &str) -> Result<(), NodeError> {
    let heard = read_aloud.trim();
    if heard.is_empty() {
        return Err(NodeError::Asked("the first card of a service is taken with its fingerprint: call the service and have the words read aloud".to_owned()));
    }
    let langs = [base::Lang::En, base::Lang::Fr, base::Lang::Es, base::Lang::Pt];
    // The language in which reading got furthest is the one in which the words were read.
    let far = |e: &FingerprintRefusal| match e {
        FingerprintRefusal::Word { place, .. } | FingerprintRefusal::Group { place, .. } => *place,
        _ => usize::MAX,
    };
    let mut closest: Option<FingerprintRefusal> = None;
    for lang in langs {
        match Fingerprint::compare(service, heard, lang) {
            Ok(()) => return Ok(()),
            Err(e) if closest.as_ref().is_none_or(|c| far(c) < far(&e)) => closest = Some(e),
            Err(_) => {}
        }
    }
    closest.map_or(Ok(()), |e| Err(e.into()))
}
