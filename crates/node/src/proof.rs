//! Proofs that an outsider checks with nothing but public cards: a published communiqué, or a whole dossier.
//!
//! A communiqué's proof holds signed heads, the one body with the hashes, and the cards; nothing else of the dossier is told.

use crate::error::NodeError;
use crate::node::Node;
use base::{ActId, Digest, DossierId, ItemId, ServiceId, UnixMs, Use, hex};
use dossier::{Act, Deed, Dossier, Mechanism, Opening, Value, Verdict};
use seal::{Attestation, Cards, Fingerprint, Held, Receipt, Signed, Typ, Word};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Body;

/// What a proof claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// All parties agreed to and released a communiqué with these texts.
    Communique,
    /// A dossier stands as it folds from these acts.
    Dossier,
}

/// A proof as a JSON file; bytes are lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The form's version, 1.
    pub version: u8,
    /// What it claims.
    pub claim: Claim,
    /// The dossier.
    pub dossier: DossierId,
    /// The communiqué's version item.
    pub item: Option<ItemId>,
    /// Every party's cards, oldest first.
    pub cards: Vec<Vec<String>>,
    /// Signed acts, each with its body where the claim needs it.
    pub acts: Vec<(String, Option<String>)>,
    /// The file of the mechanism that the opening names, so that the proof can be read whatever version a program ships.
    pub mechanism: String,
    /// The texts by language, for a communiqué.
    pub texts: BTreeMap<String, String>,
    /// Revocations of cards that signed acts of the proof.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocations: Vec<String>,
    /// Words of services on acts under revoked cards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<String>,
    /// Receipts that show who held acts under revoked cards, and since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<String>,
}

/// A proof does not hold; who handed it over must explain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The file is not a proof.
    #[error("this is not a proof that this program can read: {0}")]
    Form(String),
    /// A signature or card does not hold.
    #[error("a signature or card does not hold: {0}")]
    Signature(String),
    /// A party's agreement or release is missing.
    #[error("{0} is not shown to have agreed to and released this text")]
    Missing(String),
    /// A text is not the one that was agreed.
    #[error("the text in '{0}' is not the one whose hash the parties signed")]
    Text(String),
    /// The acts do not fold to a dossier.
    #[error("the acts do not make up a dossier: {0}")]
    Fold(String),
}

impl ProofFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            ProofFault::Form(_) => "peer.proof.form",
            ProofFault::Signature(_) => "peer.proof.signature",
            ProofFault::Missing(_) => "peer.proof.missing",
            ProofFault::Text(_) => "peer.proof.text",
            ProofFault::Fold(_) => "peer.proof.fold",
        }
    }
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proved {
    /// What was claimed.
    pub claim: Claim,
    /// The dossier.
    pub dossier: DossierId,
    /// Parties: short name, service, fingerprint to be compared with a source of one's own.
    pub parties: Vec<(String, ServiceId, String)>,
    /// Texts that are proved, by language, with their SHA-256.
    pub texts: Vec<(String, Digest)>,
    /// When the last party released, or when the last act was made.
    pub at: UnixMs,
    /// The phase of a dossier.
    pub phase: Option<String>,
    /// Acts that were checked.
    pub acts: usize,
    /// Digest of the folded state, to be compared with the parties' own.
    pub digest: Option<Digest>,
    /// Exhibits that acts of the dossier name and that count.
    pub exhibits: Vec<dossier::Exhibit>,
    /// Acts that do not stand by their signature alone, and how far they can be relied on.
    pub standing: Vec<(ActId, ProofStanding)>,
}

/// How far an act of a proof can be relied on whose author's card was retired or revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProofStanding {
    /// Its author says under a good card that it is its own.
    Confirmed,
    /// Its author says under a good card that it is not its own.
    Disowned,
    /// Another service's receipt shows that it was there before the keys are suspected.
    BeforeSuspicion,
    /// The card was revoked, and nothing in the proof shows that the act was there before.
    Doubtful,
    /// It is dated later than its card was retired by a newer one; whoever took it must say when.
    Retired,
}

fn unhex(s: &str) -> Result<Vec<u8>, ProofFault> {
    hex::decode(s).ok_or_else(|| ProofFault::Form("bytes are not hexadecimal".to_owned()))
}

impl Node {
    /// Writes the proof of a whole dossier for a use; for a party of it no use is named.
    ///
    /// Refuses while a handling code of another party's act forbids the use and that party has not consented to it.
    pub fn prove_dossier(&mut self, id: &DossierId, wanted: Option<Use>) -> Result<Proof, NodeError> {
        let me = self.me();
        let d = self.dossier(id)?.ok_or(NodeError::Absent("dossier"))?;
        if let Some(wanted) = wanted {
            let consents = consents(d, wanted);
            for (place, (act, _)) in d.timeline().into_iter().enumerate() {
                let author = act.head().author;
                // A consent covers what its owner had given when it was asked; the last decision counts.
                let decided = consents.iter().rfind(|c| c.owner == author && c.asked > place).is_some_and(|c| c.granted);
                let handling = act.body().map(|b| &b.handling);
                if author != me && !decided {
                    handling.map_or(Ok(()), |h| h.permits(wanted)).map_err(dossier::Refusal::from)?;
                }
            }
        }
        let (opening, mechanism) = (d.opening().clone(), hex::encode(d.mechanism().bytes()));
        let mut acts = Vec::new();
        let mut ids = Vec::new();
        for a in self.store.acts_of(id)? {
            ids.push(a.id);
            acts.push((hex::encode(&a.signed), held(a.body)));
        }
        let cards = self.cards_of(&opening);
        let proof = Proof {
            version: 1,
            claim: Claim::Dossier,
            dossier: *id,
            item: None,
            cards,
            acts,
            mechanism,
            texts: BTreeMap::new(),
            revocations: Vec::new(),
            attestations: Vec::new(),
            receipts: Vec::new(),
        };
        self.with_evidence(proof, &opening, &ids)
    }

    /// Writes the proof of a published communiqué.
    pub fn prove_communique(&mut self, id: &DossierId, version: &ItemId) -> Result<Proof, NodeError> {
        let d = self.dossier(id)?.ok_or(NodeError::Absent("dossier"))?;
        let state = d.state();
        let item = state.item(version).filter(|i| state.kind_of(i).id == "version").ok_or(NodeError::Absent("communiqué version"))?;
        if state.phase_name(item) != Some("published") {
            return Err(NodeError::Asked("this version is not published: not all parties have released it".to_owned()));
        }
        let hashes: Vec<Digest> = item
            .fields
            .get("hashes")
            .into_iter()
            .flat_map(Value::each)
            .filter_map(|v| match v {
                Value::TextHash(h) => Some(h.sha256),
                _ => None,
            })
            .collect();
        let texts = state
            .items()
            .filter(|i| state.kind_of(i).id == "communique_text")
            .filter_map(|i| match i.fields.get("text") {
                Some(Value::Text(t)) if hashes.contains(&Digest::of(t.text.as_bytes())) => Some((t.lang.as_str().to_owned(), t.text.clone())),
                _ => None,
            })
            .collect();
        let (opening, mechanism) = (d.opening().clone(), hex::encode(d.mechanism().bytes()));
        let wanted = |act: &Act| match &act.head().deed {
            Deed::Open(_) => true,
            Deed::OpenItem { .. } => act.item() == *version,
            Deed::Move { item, name } => item == version && (name == "agree" || name == "release"),
        };
        let named: Vec<base::ActId> = d.timeline().into_iter().filter(|(a, v)| **v == Verdict::Valid && wanted(a)).map(|(a, _)| a.id()).collect();
        let mut acts = Vec::new();
        let ids = named.clone();
        for act in named {
            let a = self.store.act(&act)?.ok_or(NodeError::Absent("act"))?;
            // Only the body with the hashes is shown.
            let body = if a.item == *version && a.id == (*version.as_ref()).into() { held(a.body) } else { None };
            acts.push((hex::encode(&a.signed), body));
        }
        let proof = Proof {
            version: 1,
            claim: Claim::Communique,
            dossier: *id,
            item: Some(*version),
            cards: self.cards_of(&opening),
            acts,
            mechanism,
            texts,
            revocations: Vec::new(),
            attestations: Vec::new(),
            receipts: Vec::new(),
        };
        self.with_evidence(proof, &opening, &ids)
    }

    /// Adds what tells how far acts under revoked cards can be relied on.
    fn with_evidence(&self, mut proof: Proof, opening: &Opening, acts: &[base::ActId]) -> Result<Proof, NodeError> {
        for party in &opening.parties {
            let cards = seal::Directory::cards(&self.book, &party.service);
            proof.revocations.extend(cards.iter().flat_map(|c| c.revocation_bytes().map(hex::encode).collect::<Vec<_>>()));
        }
        if proof.revocations.is_empty() {
            return Ok(proof);
        }
        for act in acts {
            let Some(filed) = self.store.act(act)? else { continue };
            if self.standing(&filed)?.is_none() {
                continue;
            }
            proof.attestations.extend(self.signed_words(act)?);
            for holding in self.store.receipts_of(act)? {
                proof.receipts.extend(self.store.entries(holding.receipt, 1)?.pop().map(|e| hex::encode(&e.signed)));
            }
        }
        proof.receipts.sort();
        proof.receipts.dedup();
        Ok(proof)
    }

    fn cards_of(&self, opening: &Opening) -> Vec<Vec<String>> {
        let chain = |s: &ServiceId| seal::Directory::cards(&self.book, s).map(|c| c.iter_bytes().map(hex::encode).collect());
        opening.parties.iter().filter_map(|p| chain(&p.service)).collect()
    }
}

/// A decision on a use: whose information, when it was asked in the dossier's timeline, and the answer.
pub(crate) struct Consent {
    pub(crate) owner: ServiceId,
    pub(crate) asked: usize,
    pub(crate) granted: bool,
}

/// Lists the decisions on a use in the order in which they were asked for.
pub(crate) fn consents(d: &Dossier, wanted: Use) -> Vec<Consent> {
    let code = match wanted {
        Use::Crime => return Vec::new(),
        Use::Court => "court",
        Use::Onward => "onward",
        Use::Other => "other",
    };
    let state = d.state();
    let decision = |(asked, (act, _)): (usize, (&Act, &Verdict))| {
        let item = state.item(&act.item()).filter(|i| i.act == act.id() && state.kind_of(i).id == "consent")?;
        let granted = match state.phase_name(item)? {
            "granted" => true,
            "denied" => false,
            _ => return None,
        };
        match (item.fields.get("owner"), item.fields.get("use")) {
            (Some(Value::Party(owner)), Some(Value::Choice(c))) if c == code => Some(Consent { owner: *owner, asked, granted }),
            _ => None,
        }
    };
    d.timeline().into_iter().enumerate().filter_map(decision).collect()
}

fn held(body: Body) -> Option<String> {
    match body {
        Body::Held(bytes) => Some(hex::encode(&bytes)),
        Body::Erased | Body::Absent => None,
    }
}

impl Proof {
    /// Reads a proof from its JSON form.
    pub fn read(json: &str) -> Result<Proof, ProofFault> {
        let proof: Proof = serde_json::from_str(json).map_err(|e| ProofFault::Form(e.to_string()))?;
        match proof.version {
            1 => Ok(proof),
            v => Err(ProofFault::Form(format!("version {v} is not known"))),
        }
    }

    /// Reads the authors' words on acts; the last one of each counts.
    fn words(&self, book: &BTreeMap<ServiceId, Cards>) -> Result<BTreeMap<(ActId, ServiceId), Attestation>, ProofFault> {
        let fault = |e: seal::SealFault| ProofFault::Signature(e.to_string());
        let mut words: BTreeMap<(ActId, ServiceId), Attestation> = BTreeMap::new();
        for bytes in &self.attestations {
            let bytes = unhex(bytes)?;
            let by = Attestation::signer(&bytes).map_err(fault)?;
            let cards = book.get(&by).ok_or_else(|| ProofFault::Signature("a word on an act is of no party".to_owned()))?;
            let (word, _) = Attestation::read(&bytes, cards).map_err(fault)?;
            let key = (word.act, by);
            if words.get(&key).is_none_or(|w| w.at < word.at) {
                words.insert(key, word);
            }
        }
        Ok(words)
    }

    /// Reads since when services other than an act's author are shown to have held it.
    fn shown(&self, book: &BTreeMap<ServiceId, Cards>) -> Result<Vec<(ActId, ServiceId, UnixMs)>, ProofFault> {
        let fault = |e: seal::SealFault| ProofFault::Signature(e.to_string());
        let mut shown = Vec::new();
        for bytes in &self.receipts {
            let bytes = unhex(bytes)?;
            let signer = Signed::parse(&bytes, Typ::Receipt, seal::RECEIPT_BYTES_MAX).map_err(fault)?.signer();
            let cards = book.get(&signer).ok_or_else(|| ProofFault::Signature("a receipt is of no party".to_owned()))?;
            let (receipt, _) = Receipt::read(&bytes, cards).map_err(fault)?;
            for entry in receipt.entries {
                if let Held::Held { at } = entry.held {
                    shown.push((entry.act, signer, at));
                }
            }
        }
        Ok(shown)
    }

    /// Checks everything that the proof claims.
    pub fn verify(&self) -> Result<Proved, ProofFault> {
        let mut book: BTreeMap<ServiceId, Cards> = BTreeMap::new();
        for chain in &self.cards {
            let chain = chain.iter().map(|c| unhex(c)).collect::<Result<Vec<_>, _>>()?;
            let cards = Cards::chain(chain).map_err(|e| ProofFault::Signature(e.to_string()))?;
            book.insert(cards.service(), cards);
        }
        for revocation in &self.revocations {
            let bytes = unhex(revocation)?;
            let service = seal::Revocation::read(&bytes).map_err(|e| ProofFault::Signature(e.to_string()))?.service;
            let cards = book.get_mut(&service).ok_or_else(|| ProofFault::Signature("a revocation is of no party".to_owned()))?;
            cards.revoke(&bytes).map_err(|e| ProofFault::Signature(e.to_string()))?;
        }
        let words = self.words(&book)?;
        let shown = self.shown(&book)?;
        let mut acts = Vec::new();
        let mut standing = Vec::new();
        for (signed, body) in &self.acts {
            let (act, card) = verify_act(&unhex(signed)?, body.as_deref().map(unhex).transpose()?, &book)?;
            standing.extend(stands(&act, card, &book[&act.head().author], &words, &shown).map(|s| (act.id(), s)));
            acts.push(act);
        }
        let opening = acts.iter().find_map(|a| match &a.head().deed {
            Deed::Open(o) if o.dossier() == self.dossier => Some(o.clone()),
            _ => None,
        });
        let opening = opening.ok_or_else(|| ProofFault::Form("the opening of the dossier is not among the acts".to_owned()))?;
        if let Some(p) = opening.parties.iter().find(|p| !book.contains_key(&p.service)) {
            return Err(ProofFault::Form(format!("the card of party {} is missing", p.service.short())));
        }
        let mechanism = Mechanism::parse(&unhex(&self.mechanism)?).map_err(|e| ProofFault::Form(e.to_string()))?;
        if mechanism.hash != opening.mechanism {
            return Err(ProofFault::Form("the mechanism is not the one that the opening names".to_owned()));
        }
        let last = acts.iter().map(|a| a.head().at.at).max().unwrap_or_default();
        let parties = opening.parties.iter().map(|p| (book[&p.service].latest().code.clone(), p.service, Fingerprint::of(&p.service).words(base::Lang::En)));
        let proved = Proved {
            claim: self.claim,
            dossier: self.dossier,
            parties: parties.collect(),
            texts: Vec::new(),
            at: last,
            phase: None,
            acts: acts.len(),
            digest: None,
            exhibits: Vec::new(),
            standing,
        };
        // What its author disowns is no agreement of its author's.
        let disowned = |a: &Act| proved.standing.iter().any(|(id, s)| *id == a.id() && *s == ProofStanding::Disowned);
        let owned: Vec<Act> = match self.claim {
            Claim::Communique => acts.iter().filter(|a| !disowned(a)).cloned().collect(),
            Claim::Dossier => Vec::new(),
        };
        match self.claim {
            Claim::Communique if mechanism.id == "working-visit" => self.verify_communique(&opening, &owned, proved),
            Claim::Communique => Err(ProofFault::Form("the dossier is not a working visit".to_owned())),
            Claim::Dossier => self.verify_dossier(opening, mechanism, acts, proved),
        }
    }

    fn verify_communique(&self, opening: &Opening, acts: &[Act], mut proved: Proved) -> Result<Proved, ProofFault> {
        let item = self.item.ok_or_else(|| ProofFault::Form("the version is not named".to_owned()))?;
        let version = acts
            .iter()
            .find(|a| matches!(&a.head().deed, Deed::OpenItem { kind, .. } if kind == "version") && a.item() == item && a.head().dossier == self.dossier);
        let version = version.ok_or_else(|| ProofFault::Form("the version's own act is missing".to_owned()))?;
        let fields = &version.body().ok_or_else(|| ProofFault::Form("the hashes are missing".to_owned()))?.fields;
        let hashes: BTreeMap<String, Digest> = fields
            .get("hashes")
            .into_iter()
            .flat_map(Value::each)
            .filter_map(|v| match v {
                Value::TextHash(h) => Some((h.lang.as_str().to_owned(), h.sha256)),
                _ => None,
            })
            .collect();
        let embargo = match fields.get("embargo") {
            Some(Value::Instant(i)) => i.at,
            _ => return Err(ProofFault::Form("the embargo is missing".to_owned())),
        };
        for p in &opening.parties {
            let made = |name: &str| {
                acts.iter().any(|a| {
                    a.head().author == p.service
                        && a.head().dossier == self.dossier
                        && matches!(&a.head().deed, Deed::Move { item: i, name: n } if *i == item && n == name)
                        && (name != "release" || a.head().at.at >= embargo)
                })
            };
            if !(made("agree") || version.head().author == p.service) || !made("release") {
                return Err(ProofFault::Missing(p.service.short()));
            }
        }
        if self.texts.len() != hashes.len() {
            return Err(ProofFault::Form("a language's text is missing or one is too many".to_owned()));
        }
        for (lang, text) in &self.texts {
            let hash = Digest::of(text.as_bytes());
            if hashes.get(lang) != Some(&hash) {
                return Err(ProofFault::Text(lang.clone()));
            }
            proved.texts.push((lang.clone(), hash));
        }
        Ok(proved)
    }

    /// Folds the acts anew. The accord's terms are taken as given: they are proved by the accord's own dossier.
    fn verify_dossier(&self, opening: Opening, mechanism: Mechanism, acts: Vec<Act>, mut proved: Proved) -> Result<Proved, ProofFault> {
        let terms = opening.accord.as_ref().map(|a| {
            Arc::new(dossier::accord::Terms {
                accord: a.dossier,
                parties: opening.parties.iter().map(|p| p.service).collect(),
                mechanisms: [mechanism.hash].into(),
                purposes: None,
                clocks: BTreeMap::new(),
                retention_days: None,
                valid_until: None,
                exhibits: dossier::accord::ExhibitLimits::default(),
                hits: Default::default(),
            })
        });
        if let Some(erased) = acts.iter().find(|a| a.body().is_none()) {
            return Err(ProofFault::Fold(format!("the content of act {} was erased, so that it cannot be judged anew", erased.id().short())));
        }
        let mut d = Dossier::new(opening, Arc::new(mechanism), Ok(terms));
        acts.into_iter().for_each(|a| drop(d.file(Arc::new(a))));
        if let Some(w) = d.waiting().next() {
            return Err(ProofFault::Fold(format!("what act {} builds on is missing", w.id().short())));
        }
        let root = d.state().item(&d.root()).ok_or_else(|| ProofFault::Fold("its opening does not count".to_owned()))?;
        proved.phase = d.state().phase_name(root).map(str::to_owned);
        let counted = d.timeline().into_iter().filter(|(_, v)| **v == Verdict::Valid);
        for e in counted.filter_map(|(a, _)| a.body()).flat_map(|b| b.exhibits()) {
            if !proved.exhibits.contains(e) {
                proved.exhibits.push(e.clone());
            }
        }
        proved.digest = Some(d.state().digest(d.id()));
        Ok(proved)
    }
}

/// Tells how far an act can be relied on whose card was retired or revoked; nothing where its signature says it all.
fn stands(
    act: &Act,
    card: u32,
    cards: &Cards,
    words: &BTreeMap<(ActId, ServiceId), Attestation>,
    shown: &[(ActId, ServiceId, UnixMs)],
) -> Option<ProofStanding> {
    let author = act.head().author;
    let Some(revocation) = cards.revocation(card) else {
        return cards.judge(card, act.head().at.at).is_err().then_some(ProofStanding::Retired);
    };
    let before = shown.iter().any(|(a, by, at)| *a == act.id() && *by != author && *at < revocation.since);
    Some(match words.get(&(act.id(), author)).map(|w| w.word) {
        Some(Word::Mine) => ProofStanding::Confirmed,
        Some(Word::NotMine) => ProofStanding::Disowned,
        _ if before => ProofStanding::BeforeSuspicion,
        _ => ProofStanding::Doubtful,
    })
}

/// Reads an act and checks its signature; what a later card or a revocation makes of it is told beside it, and is no fault of the proof.
fn verify_act(signed: &[u8], body: Option<Vec<u8>>, book: &BTreeMap<ServiceId, Cards>) -> Result<(Act, u32), ProofFault> {
    let fault = |e: &dyn std::fmt::Display| ProofFault::Signature(e.to_string());
    let parsed = Signed::parse(signed, Typ::Act, dossier::HEAD_BYTES_MAX + 512).map_err(|e| fault(&e))?;
    let act = Act::decode(parsed.payload(), body.as_deref()).map_err(|e| fault(&e))?;
    let cards = book.get(&parsed.signer()).ok_or_else(|| ProofFault::Signature("an act's author has no card in the proof".to_owned()))?;
    if act.head().author != parsed.signer() {
        return Err(ProofFault::Signature("an act is signed by another than its author".to_owned()));
    }
    let card = parsed.card_number();
    parsed.verify_held(cards, act.head().at.at).map_err(|e| fault(&e))?;
    Ok((act, card))
}
