//! Passkeys by W3C Web Authentication Level 3: making one (7.1) and proving one (7.2). Signatures are verified below, in `seal`.

use crate::desk::{Desk, Settings};
use crate::doors::Purpose;
use base::{Digest, ServiceId, UnixMs, hex};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use node::passkey::{AuthenticatorData, Passkey};
use node::{Drawer, Node, NodeError, Officer, Paper};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Bytes of what a browser sends about one ceremony.
pub(crate) const CEREMONY_BYTES_MAX: usize = 64 * 1024;
/// Passkeys that one officer may have.
const PASSKEYS_MAX: usize = 10;

/// Why a ceremony came to nothing.
#[derive(Debug)]
pub(crate) enum Denied {
    /// Too many tries.
    Busy,
    /// What came is not what was asked for; the code says more to the log, and no more to whoever tries.
    Wrong(&'static str),
    /// The node says no.
    Node(NodeError),
}

impl From<NodeError> for Denied {
    fn from(e: NodeError) -> Denied {
        Denied::Node(e)
    }
}

impl Denied {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Denied::Busy => "refusal.desk.tries",
            Denied::Wrong(_) => "refusal.passkey.wrong",
            Denied::Node(e) => e.code(),
        }
    }
}

/// A passkey as it lies in the cabinet, under the hexadecimal form of its credential's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    officer: String,
    key: String,
    counter: u32,
    made: UnixMs,
    used: UnixMs,
}

/// What a browser sends: base64url without padding throughout.
#[derive(Deserialize)]
pub(crate) struct Ceremony {
    id: String,
    client: String,
    /// Authenticator data of a proof; the attestation object of a new passkey.
    data: String,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    user: String,
}

fn unbase64(text: &str) -> Result<Vec<u8>, Denied> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| Denied::Wrong("not base64url"))
}

/// Checks what the browser says of itself (7.1 steps 7 to 11, 7.2 steps 10 to 14); returns the challenge.
fn read_client(bytes: &[u8], wanted: &str, settings: &Settings) -> Result<[u8; 32], Denied> {
    let client: Value = serde_json::from_slice(bytes).map_err(|_| Denied::Wrong("client data"))?;
    if client["type"] != wanted || client["origin"] != settings.origin.as_str() || client["crossOrigin"] == true || !client["topOrigin"].is_null() {
        return Err(Denied::Wrong("another origin or purpose"));
    }
    let challenge = unbase64(client["challenge"].as_str().unwrap_or_default())?;
    challenge.try_into().map_err(|_| Denied::Wrong("challenge"))
}

/// Checks what the authenticator says of site and officer.
fn read_data(data: &AuthenticatorData, settings: &Settings) -> Result<(), Denied> {
    match data.site == Digest::of(settings.site().as_bytes()) && data.user_present && data.user_verified {
        true => Ok(()),
        false => Err(Denied::Wrong("another site, or nobody verified")),
    }
}

/// The name by which authenticators know an officer: no person's name leaves the node. Two services may be reached under one host,
/// and an authenticator keeps one passkey for a host and a name.
fn handle(service: &ServiceId, officer: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::tagged("entente/desk-user/1", &[service.bytes(), officer.as_bytes()]).0)
}

impl Desk {
    /// Draws a challenge.
    pub(crate) async fn challenge(&self, purpose: Purpose) -> Result<String, Denied> {
        let (bytes, now) = (self.read(|n| Ok(n.draw())).await?, self.node.now());
        match self.doors.ask(bytes, purpose, now) {
            true => Ok(URL_SAFE_NO_PAD.encode(bytes)),
            false => Err(Denied::Busy),
        }
    }

    /// Says what a browser needs to prove a passkey.
    pub(crate) async fn ask_proof(&self, purpose: Purpose) -> Result<Value, Denied> {
        Ok(json!({ "challenge": self.challenge(purpose).await?, "rpId": self.settings.site(), "userVerification": "required", "timeout": 300_000 }))
    }

    /// Verifies the proof of a passkey; returns the officer whose it is.
    pub(crate) async fn take_proof(&self, c: Ceremony, wanted: Purpose) -> Result<Officer, Denied> {
        let now = self.node.now();
        let (client, data_bytes, signature, id) = (unbase64(&c.client)?, unbase64(&c.data)?, unbase64(&c.signature)?, unbase64(&c.id)?);
        let challenge = read_client(&client, "webauthn.get", &self.settings)?;
        if self.doors.answered(&challenge, now) != Some(wanted) {
            return Err(Denied::Wrong("this challenge was not given, or it is over"));
        }
        let data = AuthenticatorData::parse(&data_bytes).map_err(|_| Denied::Wrong("authenticator data"))?;
        read_data(&data, &self.settings)?;
        let name = hex::encode(&id);
        if self.doors.locked(&name, now) {
            return Err(Denied::Busy);
        }
        let message = [&data_bytes[..], &Digest::of(&client).0].concat();
        let (doors, key_name) = (self.doors.clone(), name.clone());
        self.run(move |n| {
            let verdict = verify(n, &key_name, &data, &message, &signature, &c.user);
            let papers = match &verdict {
                Ok((_, kept)) => {
                    doors.right(&key_name);
                    vec![Paper::Put(Drawer::Passkey, key_name, serde_json::to_vec(kept).expect("plain data has a JSON form"))]
                }
                Err(_) => Vec::new(),
            };
            let line = match &verdict {
                Ok((officer, _)) => json!({ "what": "passkey proved at the desk", "officer": officer.id }),
                Err(Some(officer)) if doors.wrong(&name, now) => json!({ "what": "passkey locked for a while: wrong answers", "officer": officer }),
                Err(officer) => json!({ "what": "passkey not proved at the desk", "officer": officer }),
            };
            Ok((Some(n.file_papers(papers, Some(line), now)?), verdict))
        })
        .await?
        .map(|(officer, _)| officer)
        .map_err(|_| Denied::Wrong("the signature does not hold"))
    }

    /// Says what a browser needs to make a passkey for the officer of an invitation.
    pub(crate) async fn ask_passkey(&self, officer: String, token: String) -> Result<Value, Denied> {
        let (now, doors) = (self.node.now(), self.doors.clone());
        let asked = officer.clone();
        if doors.locked(&officer, now) {
            return Err(Denied::Busy);
        }
        let invited = self.read(move |n| Ok(invitation(n, &asked, &token, now).ok().map(|_| (n.me(), n.book().code(&n.me()))))).await?;
        let Some((service, code)) = invited else {
            doors.wrong(&officer, now);
            return Err(Denied::Wrong("no such invitation"));
        };
        let shown = format!("{officer}@{code}");
        let challenge = self.challenge(Purpose::Invitation(officer.clone())).await?;
        Ok(json!({
            "challenge": challenge, "rp": { "id": self.settings.site(), "name": "Entente" },
            "user": { "id": handle(&service, &officer), "name": shown, "displayName": shown },
            "pubKeyCredParams": [{ "type": "public-key", "alg": -8 }, { "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 }],
            "authenticatorSelection": { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
            "attestation": "none", "timeout": 300_000,
        }))
    }

    /// Takes a new passkey; the invitation is used up with it.
    pub(crate) async fn take_passkey(&self, officer: String, token: String, c: Ceremony) -> Result<Officer, Denied> {
        let now = self.node.now();
        let (client, object) = (unbase64(&c.client)?, unbase64(&c.data)?);
        let challenge = read_client(&client, "webauthn.create", &self.settings)?;
        if self.doors.answered(&challenge, now) != Some(Purpose::Invitation(officer.clone())) {
            return Err(Denied::Wrong("this challenge was not given, or it is over"));
        }
        let data = AuthenticatorData::of_attestation(&object).map_err(|_| Denied::Wrong("attestation object"))?;
        read_data(&data, &self.settings)?;
        let (id, key) = data.credential.ok_or(Denied::Wrong("no credential"))?;
        if id != unbase64(&c.id)? || Passkey::parse(&key).is_err() {
            return Err(Denied::Wrong("credential"));
        }
        let kept = Kept { officer: officer.clone(), key: hex::encode(&key), counter: data.counter, made: now, used: now };
        let name = hex::encode(&id);
        let taken = self.run(move |n| {
            let Ok(who) = invitation(n, &officer, &token, now) else { return Ok((None, None)) };
            let mine = n.papers(Drawer::Passkey, "")?.into_iter().filter(|(_, k)| kept_of(k).is_ok_and(|k| k.officer == officer)).count();
            if mine >= PASSKEYS_MAX || n.paper(Drawer::Passkey, &name)?.is_some() {
                return Ok((None, None));
            }
            let papers = vec![
                Paper::Take(Drawer::Invitation, officer.clone()),
                Paper::Put(Drawer::Passkey, name, serde_json::to_vec(&kept).expect("plain data has a JSON form")),
            ];
            let line = json!({ "what": "passkey made at the desk", "officer": officer });
            Ok((Some(n.file_papers(papers, Some(line), now)?), Some(who)))
        });
        taken.await?.ok_or(Denied::Wrong("no such invitation"))
    }
}

fn kept_of(bytes: &[u8]) -> Result<Kept, NodeError> {
    serde_json::from_slice(bytes).map_err(|_| NodeError::Corrupt("a passkey".to_owned()))
}

/// Verifies a signature under a kept passkey; an error names the officer where the passkey is known.
fn verify(n: &mut Node, name: &str, data: &AuthenticatorData, message: &[u8], signature: &[u8], user: &str) -> Result<(Officer, Kept), Option<String>> {
    let kept = n.paper(Drawer::Passkey, name).ok().flatten().and_then(|bytes| kept_of(&bytes).ok()).ok_or(None)?;
    let whose = || Some(kept.officer.clone());
    let officer = n.officers().iter().find(|o| o.id.as_str() == kept.officer && o.active).cloned().ok_or_else(whose)?;
    let key = hex::decode(&kept.key).and_then(|k| Passkey::parse(&k).ok()).ok_or_else(whose)?;
    // A counter that goes back means that the passkey was copied (6.1.1); one that stays at nothing does not count.
    let counts = data.counter > kept.counter || (data.counter == 0 && kept.counter == 0);
    match counts && (user.is_empty() || user == handle(&n.me(), &kept.officer)) && key.holds(message, signature) {
        true => Ok((officer, Kept { counter: data.counter, ..kept })),
        false => Err(whose()),
    }
}

/// An invitation as it lies in the cabinet, under the officer's id.
#[derive(Serialize, Deserialize)]
struct Invitation {
    token: Digest,
    until: UnixMs,
}

/// Hours for which an invitation may be taken up.
pub const INVITATION_HOURS: i64 = 24;

/// Invites an officer to make a passkey; the returned token is shown once, and an earlier invitation is void.
pub fn invite(node: &mut Node, officer: &str, now: UnixMs) -> Result<(node::Ticket, String), NodeError> {
    if !node.officers().iter().any(|o| o.id.as_str() == officer && o.active) {
        return Err(NodeError::Absent("officer"));
    }
    let token = hex::encode(&node.draw());
    let invitation = Invitation { token: digest_of(&token), until: now.plus_ms(INVITATION_HOURS * 3_600_000) };
    let paper = Paper::Put(Drawer::Invitation, officer.to_owned(), serde_json::to_vec(&invitation).expect("plain data has a JSON form"));
    let ticket = node.file_papers(vec![paper], Some(json!({ "what": "officer invited to the desk", "officer": officer })), now)?;
    Ok((ticket, token))
}

fn digest_of(token: &str) -> Digest {
    Digest::tagged("entente/desk-invitation/1", &[token.as_bytes()])
}

fn invitation(n: &mut Node, officer: &str, token: &str, now: UnixMs) -> Result<Officer, NodeError> {
    let bytes = n.paper(Drawer::Invitation, officer)?.ok_or(NodeError::Token)?;
    let kept: Invitation = serde_json::from_slice(&bytes).map_err(|_| NodeError::Corrupt("an invitation".to_owned()))?;
    let found = n.officers().iter().find(|o| o.id.as_str() == officer && o.active);
    found.filter(|_| kept.token == digest_of(token) && now < kept.until).cloned().ok_or(NodeError::Token)
}
