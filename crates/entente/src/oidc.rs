//! Signing in by the service's own identity provider: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636).
//!
//! 1 the provider describes itself (OpenID Connect Discovery 1.0), over TLS under the certificates that the configuration names, 2 a browser
//! is sent there with `state`, `nonce` and the digest of a verifier; what was drawn is kept in memory, once and for some minutes, 3 it comes
//! back with a code, which we redeem with the verifier, 4 the ID token's signature, issuer, audience, times and nonce are verified, 5 its
//! subject is looked up among those that the configuration names: nobody becomes an officer by the provider's word.

mod line;
mod token;

use crate::config::ProviderConfig;
use crate::engine::now;
use base::{Digest, Entropy, UnixMs, hex};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use line::Line;
use seal::SystemEntropy;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use token::Keys;
use web::{Back, Begun, Fault, Later, Provider};

/// Browsers that may be with the provider at a time.
const AWAY_MAX: usize = 4096;
/// Milliseconds for which a browser may stay there.
const AWAY_MS: i64 = 10 * 60_000;
/// Milliseconds for which the provider's description of itself is kept.
const DESCRIBED_MS: i64 = 60 * 60_000;

/// What the provider says of itself (Discovery 1.0, 3): what is used of it.
#[derive(Debug, Clone, Deserialize)]
struct Described {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What was drawn for one browser; it lies under the digest of `state`.
struct Away {
    secret: Digest,
    nonce: String,
    verifier: String,
    until: UnixMs,
}

struct Inner {
    line: Line,
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    back: String,
    subjects: BTreeMap<String, String>,
    described: Mutex<Option<(Described, Keys, UnixMs)>>,
    away: Mutex<HashMap<Digest, Away>>,
}

/// The identity provider that the configuration names.
#[derive(Clone)]
pub struct Oidc(Arc<Inner>);

fn failure(what: impl Into<String>) -> Fault {
    Fault::new("failure.provider.answer", what)
}

fn drawn() -> String {
    let mut bytes = [0u8; 32];
    SystemEntropy.fill(&mut bytes);
    B64.encode(bytes)
}

fn kept_as(text: &str) -> Digest {
    Digest::tagged("entente/desk-provider/1", &[text.as_bytes()])
}

impl Oidc {
    /// Prepares the provider that a configuration names, for a desk at an address; reads its files.
    pub fn new(config: &ProviderConfig, origin: &str) -> Result<Oidc, String> {
        let client_secret = match &config.client_secret_file {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?.trim().to_owned()),
            None => None,
        };
        Ok(Oidc(Arc::new(Inner {
            line: Line::new(&config.issuer, config.certificates.as_deref())?,
            issuer: config.issuer.clone(),
            client_id: config.client_id.clone(),
            client_secret,
            back: format!("{origin}/signin/provider/back"),
            subjects: config.subjects.clone(),
            described: Mutex::default(),
            away: Mutex::default(),
        })))
    }

    /// Returns what the provider says of itself and its keys; asked again after an hour, and at once where a key is wanted that is not there.
    async fn described(&self, key: Option<&token::Wanted>) -> Result<(Described, Keys), Fault> {
        let inner = &self.0;
        let kept = inner.described.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((described, keys, at)) = kept
            && now().0 - at.0 < DESCRIBED_MS
            && key.is_none_or(|k| keys.find(k).is_some())
        {
            return Ok((described, keys));
        }
        let at = format!("{}/.well-known/openid-configuration", inner.issuer.trim_end_matches('/'));
        let described: Described = inner.line.get(&at).await?;
        if described.issuer != inner.issuer {
            return Err(failure(format!("the provider calls itself {}", described.issuer)));
        }
        inner.line.may_go(&described.authorization_endpoint)?;
        let keys: Keys = inner.line.get(&described.jwks_uri).await?;
        *inner.described.lock().unwrap_or_else(PoisonError::into_inner) = Some((described.clone(), keys.clone(), now()));
        Ok((described, keys))
    }

    async fn go(self) -> Result<Begun, Fault> {
        let (described, _) = self.described(None).await?;
        let (state, nonce, verifier, at) = (drawn(), drawn(), drawn(), now());
        let mut secret = [0u8; 32];
        SystemEntropy.fill(&mut secret);
        let secret = hex::encode(&secret);
        {
            let mut away = self.0.away.lock().unwrap_or_else(PoisonError::into_inner);
            if away.len() >= AWAY_MAX {
                away.retain(|_, a| a.until > at);
            }
            if away.len() >= AWAY_MAX {
                return Err(Fault::new("refusal.desk.tries", "too many browsers are with the provider"));
            }
            let one = Away { secret: kept_as(&secret), nonce: nonce.clone(), verifier: verifier.clone(), until: at.plus_ms(AWAY_MS) };
            away.insert(kept_as(&state), one);
        }
        let challenge = B64.encode(Digest::of(verifier.as_bytes()).0);
        let query = line::form(&[
            ("response_type", "code"),
            ("client_id", &self.0.client_id),
            ("redirect_uri", &self.0.back),
            ("scope", "openid"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let joint = if described.authorization_endpoint.contains('?') { '&' } else { '?' };
        Ok(Begun { to: format!("{}{joint}{query}", described.authorization_endpoint), secret })
    }

    async fn come_back(self, b: Back) -> Result<String, Fault> {
        let stale = || Fault::new("refusal.provider.stale", "no browser went to the provider with this state, or it came back too late");
        let away = self.0.away.lock().unwrap_or_else(PoisonError::into_inner).remove(&kept_as(&b.state)).ok_or_else(stale)?;
        // Another browser than the one that went must not be signed in by a link (RFC 6749, 10.12).
        if now() > away.until || away.secret != kept_as(&b.secret) {
            return Err(stale());
        }
        if let Some(why) = b.error {
            return Err(Fault::new("refusal.provider.denied", format!("the provider says {}", why.chars().take(100).collect::<String>())));
        }
        let (described, _) = self.described(None).await?;
        let named = b.issuer.as_deref();
        if named.is_some_and(|i| i != self.0.issuer) || (named.is_none() && described.authorization_response_iss_parameter_supported) {
            return Err(failure("the answer is another provider's (RFC 9207)"));
        }
        let code = b.code.ok_or_else(|| failure("the browser came back without a code"))?;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", self.0.back.as_str()),
            ("code_verifier", away.verifier.as_str()),
        ];
        if self.0.client_secret.is_none() {
            fields.push(("client_id", self.0.client_id.as_str()));
        }
        let basic = self.0.client_secret.as_deref().map(|secret| (self.0.client_id.as_str(), secret));
        let redeemed: token::Redeemed = self.0.line.post(&described.token_endpoint, &fields, basic).await?;
        let wanted = token::wanted(&redeemed.id_token)?;
        let (_, keys) = self.described(Some(&wanted)).await?;
        let subject = token::verify(&redeemed.id_token, &wanted, &keys, (&self.0.issuer, &self.0.client_id, &away.nonce), now())?;
        let officer = self.0.subjects.get(&subject).cloned();
        officer.ok_or_else(|| Fault::new("refusal.provider.unknown", format!("the subject {subject:?} stands in no line of [desk.provider.subjects]")))
    }
}

impl Provider for Oidc {
    fn begin(&self) -> Later<Result<Begun, Fault>> {
        Box::pin(self.clone().go())
    }

    fn finish(&self, back: Back) -> Later<Result<String, Fault>> {
        Box::pin(self.clone().come_back(back))
    }
}
