//! The ID token: a signed statement of who signed in (OpenID Connect Core 1.0, 2), verified as its section 3.1.3.7 says.

use super::failure;
use base::UnixMs;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use web::Fault;

/// Signatures that are taken: no key that both sides would share, and never none.
const TAKEN: [Algorithm; 6] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS512];
/// Milliseconds by which the provider's clock may differ from ours.
const LEEWAY_MS: i64 = 60_000;
/// Milliseconds that an ID token may be old when it comes.
const AGE_MAX_MS: i64 = 10 * 60_000;
/// Characters of a subject (Core 1.0, 2: at most 255).
const SUBJECT_CHARS_MAX: usize = 255;

/// The provider's answer to a code.
#[derive(Deserialize)]
pub struct Redeemed {
    pub id_token: String,
}

/// The provider's keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Keys(JwkSet);

/// Which key an ID token names.
pub struct Wanted {
    algorithm: Algorithm,
    key: Option<String>,
}

impl Keys {
    /// Finds the key that a token names; a token that names none is the only key's.
    pub fn find(&self, wanted: &Wanted) -> Option<&Jwk> {
        let signs = |k: &&Jwk| {
            let of_use = k.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
            of_use && k.common.key_operations.as_ref().is_none_or(|o| o.contains(&KeyOperations::Verify))
        };
        match &wanted.key {
            Some(id) => self.0.keys.iter().filter(signs).find(|k| k.common.key_id.as_ref() == Some(id)),
            None => Some(self.0.keys.iter().filter(signs).collect::<Vec<_>>()).filter(|all| all.len() == 1).and_then(|all| all.first().copied()),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    azp: Option<String>,
}

/// Reads which key a token names; a kind of signature that is not taken is refused before anything else.
pub fn wanted(token: &str) -> Result<Wanted, Fault> {
    let header = decode_header(token).map_err(|e| failure(format!("ID token: {e}")))?;
    if !TAKEN.contains(&header.alg) {
        return Err(failure(format!("ID token: signed by {:?}, which is not taken", header.alg)));
    }
    Ok(Wanted { algorithm: header.alg, key: header.kid })
}

/// Verifies a token for an issuer, a client and a nonce; returns its subject.
pub fn verify(token: &str, wanted: &Wanted, keys: &Keys, (issuer, client, nonce): (&str, &str, &str), now: UnixMs) -> Result<String, Fault> {
    let key = keys.find(wanted).ok_or_else(|| failure("ID token: the provider shows no key of that name"))?;
    let key = DecodingKey::from_jwk(key).map_err(|e| failure(format!("ID token: {e}")))?;
    // Signature alone: issuer, audience and times are judged below, by our clock.
    let mut only_signature = Validation::new(wanted.algorithm);
    (only_signature.validate_exp, only_signature.validate_aud) = (false, false);
    only_signature.required_spec_claims.clear();
    let claims = decode::<Claims>(token, &key, &only_signature).map_err(|e| failure(format!("ID token: {e}")))?.claims;
    let ours = match &claims.aud {
        Audience::One(aud) => aud == client,
        Audience::Several(all) => all.iter().any(|a| a == client) && (all.len() == 1 || claims.azp.is_some()),
    };
    let (made, until) = (claims.iat.saturating_mul(1000), claims.exp.saturating_mul(1000));
    let wrong = match () {
        () if claims.iss != issuer => "another issuer",
        () if !ours || claims.azp.as_deref().is_some_and(|a| a != client) => "made for somebody else",
        () if claims.nonce.as_deref() != Some(nonce) => "another nonce",
        () if now.0 >= until.saturating_add(LEEWAY_MS) => "over",
        () if made > now.0 + LEEWAY_MS || made < now.0 - AGE_MAX_MS => "not made just now",
        () if claims.sub.is_empty() || claims.sub.chars().count() > SUBJECT_CHARS_MAX => "no subject",
        () => return Ok(claims.sub),
    };
    Err(failure(format!("ID token: {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    use serde_json::{Value, json};

    /// A provider with one key.
    struct Issuer(EcdsaKeyPair);

    impl Issuer {
        fn new() -> Issuer {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
            Issuer(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap())
        }

        fn keys(&self, id: &str) -> Keys {
            let point = self.0.public_key().as_ref();
            let (x, y) = (B64.encode(&point[1..33]), B64.encode(&point[33..]));
            serde_json::from_value(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": x, "y": y }] })).unwrap()
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let said = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
            let signature = self.0.sign(&SystemRandom::new(), said.as_bytes()).unwrap();
            format!("{said}.{}", B64.encode(signature.as_ref()))
        }
    }

    const NOW: UnixMs = UnixMs(1_900_000_000_000);

    type Change = fn(&mut Value);

    fn claims(change: impl FnOnce(&mut Value)) -> Value {
        let mut c = json!({ "iss": "https://id.example", "sub": "4711", "aud": "desk", "exp": 1_900_000_300, "iat": 1_899_999_999, "nonce": "n" });
        change(&mut c);
        c
    }

    fn judged(issuer: &Issuer, token: &str) -> Result<String, String> {
        let w = wanted(token).map_err(|f| f.what)?;
        verify(token, &w, &issuer.keys("k"), ("https://id.example", "desk", "n"), NOW).map_err(|f| f.what)
    }

    #[test]
    fn a_token_is_taken_as_it_should_be_and_in_no_other_way() {
        let (issuer, header) = (Issuer::new(), json!({ "alg": "ES256", "kid": "k" }));
        let with = |change: fn(&mut Value)| judged(&issuer, &issuer.sign(&header, &claims(change)));
        assert_eq!(with(|_| ()), Ok("4711".to_owned()));
        assert_eq!(with(|c| c["aud"] = json!(["desk"])), Ok("4711".to_owned()));
        assert_eq!(with(|c| (c["aud"], c["azp"]) = (json!(["desk", "other"]), json!("desk"))), Ok("4711".to_owned()));
        let wrongs: [(Change, &str); 10] = [
            (|c| c["iss"] = json!("https://evil.example"), "another issuer"),
            (|c| c["aud"] = json!("other"), "made for somebody else"),
            (|c| c["aud"] = json!(["desk", "other"]), "made for somebody else"),
            (|c| c["azp"] = json!("other"), "made for somebody else"),
            (|c| c["nonce"] = json!("m"), "another nonce"),
            (|c| c["nonce"] = Value::Null, "another nonce"),
            (|c| c["exp"] = json!(1_899_999_940), "over"),
            (|c| c["iat"] = json!(1_900_000_061), "not made just now"),
            (|c| c["iat"] = json!(1_899_999_399), "not made just now"),
            (|c| c["sub"] = json!(""), "no subject"),
        ];
        for (change, why) in wrongs {
            assert_eq!(with(change), Err(format!("ID token: {why}")));
        }
        assert_eq!(with(|c| c["exp"] = json!(1_899_999_941)), Ok("4711".to_owned()), "the moment before it is over");
    }

    #[test]
    fn a_signature_is_the_named_key_s_and_of_a_kind_that_is_taken() {
        let (issuer, other) = (Issuer::new(), Issuer::new());
        let token = other.sign(&json!({ "alg": "ES256", "kid": "k" }), &claims(|_| ()));
        assert!(judged(&issuer, &token).unwrap_err().contains("InvalidSignature"));
        assert!(judged(&issuer, &issuer.sign(&json!({ "alg": "ES256", "kid": "z" }), &claims(|_| ()))).unwrap_err().contains("no key of that name"));
        for alg in ["none", "HS256"] {
            assert!(judged(&issuer, &issuer.sign(&json!({ "alg": alg, "kid": "k" }), &claims(|_| ()))).is_err(), "{alg}");
        }
        let (head, _) = token.rsplit_once('.').unwrap();
        assert!(judged(&issuer, &format!("{head}.")).is_err());
        assert_eq!(judged(&issuer, &issuer.sign(&json!({ "alg": "ES256" }), &claims(|_| ()))), Ok("4711".to_owned()), "the only key's");
    }
}
