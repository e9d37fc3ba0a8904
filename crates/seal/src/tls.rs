//! The node's TLS key in a self-signed certificate (RFC 5280) that says nothing else; partners pin its public key by the card.

use base::Digest;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use std::fmt;
use zeroize::Zeroizing;

/// What the courier needs to answer for this service.
#[derive(Clone)]
pub struct TlsIdentity {
    /// Self-signed X.509 certificate, DER.
    pub certificate_der: Vec<u8>,
    /// Its P-256 key, PKCS#8 DER (RFC 5958).
    pub key_der: Zeroizing<Vec<u8>>,
    /// SHA-256 of its SubjectPublicKeyInfo, as it stands on the card.
    pub pin: Digest,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity(pin {})", self.pin.short())
    }
}

impl TlsIdentity {
    /// Draws a new key and wraps it. P-256, because every TLS 1.3 stack has it.
    pub(crate) fn generate() -> TlsIdentity {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the operating system gives no randomness");
        let mut params = CertificateParams::new(vec!["entente.invalid".to_owned()]).expect("the name is a DNS name");
        params.distinguished_name.push(DnType::CommonName, "entente");
        let certificate = params.self_signed(&key).expect("a certificate of our own key and constant names can be written");
        TlsIdentity {
            certificate_der: certificate.der().to_vec(),
            key_der: Zeroizing::new(key.serialize_der()),
            pin: Digest::of(&key.subject_public_key_info()),
        }
    }

    /// Takes an identity out of the key file; `None` if the key is none.
    pub(crate) fn from_stored(certificate_der: Vec<u8>, key_der: Vec<u8>) -> Option<TlsIdentity> {
        let key_der = Zeroizing::new(key_der);
        let key = KeyPair::try_from(key_der.as_slice()).ok()?;
        Some(TlsIdentity { certificate_der, pin: Digest::of(&key.subject_public_key_info()), key_der })
    }
}
