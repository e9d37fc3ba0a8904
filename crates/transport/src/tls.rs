//! TLS 1.3 and nothing older, X25519MLKEM768 and nothing weaker, HTTP/2 and nothing else, known pins and nobody else.
//!
//! 1 the peer's certificate is only a carrier: its key's pin decides; 2 the handshake signature proves the key (by the
//! crypto provider); 3 after the handshake the line is looked at once more, so that a slip in a setting cannot pass.
//! There is no session resumption and no early data: every connection shows its key anew, so a withdrawn pin is out.

use crate::identity::{Identities, Pins};
use base::{Digest, ServiceId};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error, NamedGroup, ProtocolVersion, ServerConfig, SignatureScheme,
};
use std::sync::{Arc, OnceLock};

/// The name of HTTP/2 in ALPN (RFC 9113 section 3.2).
const ALPN: &[u8] = b"h2";

/// An open line, for the operator and for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineReport {
    /// The partner at the other end.
    pub service: ServiceId,
    /// Where the other end is: host and port.
    pub endpoint: String,
    /// The key exchange group that both ends agreed on.
    pub group: String,
}

/// Returns the crypto of every line: TLS 1.3 suites and one hybrid post-quantum group (draft-ietf-tls-ecdhe-mlkem).
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![cipher_suite::TLS13_AES_256_GCM_SHA384, cipher_suite::TLS13_CHACHA20_POLY1305_SHA256],
        kx_groups: vec![kx_group::X25519MLKEM768],
        ..default_provider()
    })
}

/// Returns the settings of the server: a client must show a certificate with a known pin.
pub(crate) fn server_config(identities: Identities, pins: Arc<dyn Pins>) -> Result<ServerConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(PartnersOnly { pins, provider: provider.clone() });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(Acting(identities)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Returns the settings for one connection to a server that must hold one of these pins, and the place where the pin that
/// it showed is written.
pub(crate) fn client_config(key: Arc<CertifiedKey>, pins: Vec<Digest>) -> Result<(ClientConfig, Arc<OnceLock<Digest>>), Error> {
    let provider = provider();
    let shown = Arc::new(OnceLock::new());
    let verifier = Arc::new(ThesePinsOnly { pins, shown: shown.clone(), provider: provider.clone() });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous() // the name of the builder's step; the pin is checked by the verifier
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(Own(key)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false; // no name leaves in the clear; the pin says whom we mean
    Ok((config, shown))
}

/// A finished handshake is not what both ends must agree on; one of them runs other software or other settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineFault {
    /// An older TLS than 1.3.
    #[error("the line is not TLS 1.3")]
    Version,
    /// No ALPN, or another protocol than h2.
    #[error("the line is not HTTP/2 by ALPN")]
    Protocol,
    /// Another group than X25519MLKEM768.
    #[error("the line's keys were not exchanged by X25519MLKEM768")]
    Group,
    /// No certificate, or one that cannot be read.
    #[error("the peer showed no certificate that can be read")]
    Certificate,
}

/// Looks at a finished handshake and returns the name of its group and the peer's pin.
pub(crate) fn check_line(line: &CommonState) -> Result<(String, Digest), LineFault> {
    if line.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Err(LineFault::Version);
    }
    if line.alpn_protocol() != Some(ALPN) {
        return Err(LineFault::Protocol);
    }
    let group = line.negotiated_key_exchange_group().map(|g| g.name());
    let Some(group @ NamedGroup::X25519MLKEM768) = group else {
        return Err(LineFault::Group);
    };
    let certificate = line.peer_certificates().and_then(|c| c.first()).ok_or(LineFault::Certificate)?;
    Ok((format!("{group:?}"), pin(certificate).map_err(|_| LineFault::Certificate)?))
}

fn pin(certificate: &CertificateDer<'_>) -> Result<Digest, Error> {
    crate::pin_of(certificate).map_err(|_| CertificateError::BadEncoding.into())
}

/// What a peer is told whose pin is not known: the alert access_denied (RFC 8446 section 6.2), and nothing else.
fn unknown_pin() -> Error {
    CertificateError::ApplicationVerificationFailure.into()
}

fn tls12_never() -> Error {
    Error::General("TLS 1.2 is not spoken".into())
}

/// Shows our own certificate, whatever is asked for.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

/// Shows whoever comes the identity that acts at this moment.
#[derive(Debug)]
struct Acting(Identities);

impl ResolvesServerCert for Acting {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.acting())
    }
}

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
    fn has_certs(&self) -> bool {
        true
    }
}

/// Lets in clients whose pin stands on some partner's card now.
struct PartnersOnly {
    pins: Arc<dyn Pins>,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for PartnersOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartnersOnly")
    }
}

impl ClientCertVerifier for PartnersOnly {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[] // naming our partners to whoever connects would tell whom we work with
    }

    fn verify_client_cert(&self, certificate: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        match self.pins.service(&pin(certificate)?) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(unknown_pin()),
        }
    }

    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_never())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Accepts a server that holds one of these pins.
#[derive(Debug)]
struct ThesePinsOnly {
    pins: Vec<Digest>,
    shown: Arc<OnceLock<Digest>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for ThesePinsOnly {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = pin(certificate)?;
        let _ = self.shown.set(shown); // written once: a connection has one handshake
        if self.pins.contains(&shown) { Ok(ServerCertVerified::assertion()) } else { Err(unknown_pin()) }
    }

    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_never())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
