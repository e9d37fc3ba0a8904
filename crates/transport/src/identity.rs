//! Who we are on the wire and whom we know: the TLS identities, the pin of a key, and the partners' pins.

use base::{Digest, ServiceId};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// The TLS identity of a node: a self-signed certificate that only carries the key, and that key.
///
/// Names, dates and usages in the certificate are not read: the card says whose key it is and for how long.
#[derive(Clone)]
pub struct Identity {
    /// X.509 version 3 certificate, DER (RFC 5280).
    pub certificate_der: Vec<u8>,
    /// Its private key, PKCS#8 DER (RFC 5958).
    pub key_der: Vec<u8>,
}

impl fmt::Debug for Identity {
    /// Shows the pin and never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match pin_of(&self.certificate_der) {
            Ok(pin) => write!(f, "Identity(pin {pin})"),
            Err(_) => f.write_str("Identity(unreadable certificate)"),
        }
    }
}

/// A certificate or key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate is no X.509 version 3 certificate; make the TLS identity anew.
    #[error("the TLS certificate cannot be read: {0}. Make the node's TLS identity anew and issue a card with it")]
    Certificate(String),
    /// The key cannot be read, or belongs to another certificate; make the TLS identity anew.
    #[error("the TLS key does not fit its certificate: {0}. Make the node's TLS identity anew and issue a card with it")]
    Key(String),
}

impl IdentityError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            IdentityError::Certificate(_) => "failure.transport.certificate",
            IdentityError::Key(_) => "failure.transport.key",
        }
    }
}

/// Returns the pin of a certificate: SHA-256 of its SubjectPublicKeyInfo, DER (as in RFC 7469 section 2.4).
///
/// A certificate that is renewed over the same key keeps its pin.
pub fn pin_of(certificate_der: &[u8]) -> Result<Digest, IdentityError> {
    let certificate = CertificateDer::from(certificate_der);
    let parsed = ParsedCertificate::try_from(&certificate).map_err(|e| IdentityError::Certificate(e.to_string()))?;
    Ok(Digest::of(&parsed.subject_public_key_info()))
}

impl Identity {
    /// Reads the key and makes sure that it belongs to the certificate.
    pub(crate) fn certified_key(&self) -> Result<Arc<CertifiedKey>, IdentityError> {
        pin_of(&self.certificate_der)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key_der.clone()));
        CertifiedKey::from_der(vec![CertificateDer::from(self.certificate_der.clone())], key, &crate::tls::provider())
            .map(Arc::new)
            .map_err(|e| IdentityError::Key(e.to_string()))
    }
}

/// The identities that one end of a node shows, changed while it runs.
///
/// New connections show the new identity; open ones stay as they are.
#[derive(Clone)]
pub struct Identities(Arc<RwLock<Shown>>);

struct Shown {
    acts: Arc<CertifiedKey>,
    pin: Digest,
    /// Older ones, for partners that know an older card only.
    older: Vec<(Digest, Arc<CertifiedKey>)>,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities(acting pin {})", self.read().pin)
    }
}

impl Identities {
    /// Begins with one identity.
    pub(crate) fn new(identity: &Identity) -> Result<Identities, IdentityError> {
        let (pin, acts) = (pin_of(&identity.certificate_der)?, identity.certified_key()?);
        Ok(Identities(Arc::new(RwLock::new(Shown { acts, pin, older: Vec::new() }))))
    }

    /// Shows another identity from now on; `older` are those that the courier may still be told to show.
    pub fn swap(&self, acts: &Identity, older: &[Identity]) -> Result<(), IdentityError> {
        let pair = |i: &Identity| Ok((pin_of(&i.certificate_der)?, i.certified_key()?));
        let (pin, key) = pair(acts)?;
        let older = older.iter().map(pair).collect::<Result<_, IdentityError>>()?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Shown { acts: key, pin, older };
        Ok(())
    }

    /// Returns the pin that is shown to whoever comes.
    pub fn pin(&self) -> Digest {
        self.read().pin
    }

    /// Returns the identity that acts.
    pub(crate) fn acting(&self) -> Arc<CertifiedKey> {
        self.read().acts.clone()
    }

    /// Returns the identity with a pin, or the one that acts if there is none, with its pin.
    pub(crate) fn with(&self, pin: Option<Digest>) -> (Digest, Arc<CertifiedKey>) {
        let shown = self.read();
        let older = shown.older.iter().find(|(p, _)| Some(*p) == pin);
        older.map_or_else(|| (shown.pin, shown.acts.clone()), |(p, key)| (*p, key.clone()))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Shown> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The partners' pins as of now.
///
/// Asked at every handshake and again at every request, so it must be quick and must not block.
pub trait Pins: Send + Sync {
    /// Returns the partner whose card holds this pin; `None` when nobody's does, or no longer.
    fn service(&self, pin: &Digest) -> Option<ServiceId>;
    /// Returns a channel that changes whenever a pin may have been withdrawn; open connections are then looked at at once.
    ///
    /// Without one, they are looked at with their next request.
    fn changed(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_the_digest_of_the_whole_subject_public_key_info() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let renewed = rcgen::CertificateParams::new(vec!["renewed.invalid".into()]).unwrap().self_signed(&key).unwrap();
        let pin = pin_of(certificate.der()).unwrap();
        assert_eq!(pin, Digest::of(&rcgen::PublicKeyData::subject_public_key_info(&key)));
        assert_eq!(pin_of(renewed.der()).unwrap(), pin);
        assert_eq!(pin_of(&certificate.der()[1..]).unwrap_err().code(), "failure.transport.certificate");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let make = || {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
            Identity { certificate_der: rcgen::CertificateParams::default().self_signed(&key).unwrap().der().to_vec(), key_der: key.serialize_der() }
        };
        let (a, b) = (make(), make());
        assert!(a.certified_key().is_ok());
        let crossed = Identity { key_der: b.key_der, ..a.clone() };
        assert_eq!(crossed.certified_key().unwrap_err().code(), "failure.transport.key");
        assert!(!format!("{a:?}").contains("key_der"));
    }
}
