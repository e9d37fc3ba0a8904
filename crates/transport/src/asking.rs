//! A question to an address that is no partner's, such as the service's own identity provider: HTTP/1.1 over TLS under certificates that a
//! file names, or plain on this machine alone. Bounded in bytes and in time; redirections are not followed.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Time that one question may take, connecting included.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// How such addresses are reached.
pub struct Asking {
    tls: Option<TlsConnector>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The address is not of the kind that is asked.
    #[error("the address {0} is not one that is asked")]
    Address(String),
    /// Nobody answers there, or not under the certificates that are named.
    #[error("{0}")]
    Unreachable(String),
    /// The answer breaks off, or is too long.
    #[error("{0}")]
    Broken(String),
}

/// Tells whether an address names this machine.
fn is_local(host: &str) -> bool {
    host == "localhost" || host == "127.0.0.1" || host == "[::1]"
}

impl Asking {
    /// Prepares to ask addresses of the kind of a first one: `https` wants a PEM file with the certificates under which they stand, `http`
    /// is for this machine alone. An error says what is wrong with the configuration.
    pub fn new(first: &str, certificates: Option<&Path>) -> Result<Asking, String> {
        let uri: Uri = first.parse().map_err(|e| format!("{first}: {e}"))?;
        match (uri.scheme_str(), certificates) {
            (Some("http"), None) if uri.host().is_some_and(is_local) => Ok(Asking { tls: None }),
            (Some("https"), Some(path)) => {
                let said = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
                let mut roots = RootCertStore::empty();
                for certificate in CertificateDer::pem_file_iter(path).map_err(|e| said(&e))? {
                    roots.add(certificate.map_err(|e| said(&e))?).map_err(|e| said(&e))?;
                }
                if roots.is_empty() {
                    return Err(said(&"it holds no certificate in PEM form"));
                }
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
                Ok(Asking { tls: Some(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))) })
            }
            (Some("https"), None) => Err(format!("{first}: a PEM file with the certificates under which it stands is wanted")),
            _ => Err(format!("{first}: it is https://host with certificates, or http://localhost:port without")),
        }
    }

    /// Reads an address; one of another kind than the first is refused, such as a plain one where the first stands behind TLS.
    pub fn address(&self, text: &str) -> Result<Uri, AskError> {
        let uri: Uri = text.parse().map_err(|_| AskError::Address(text.to_owned()))?;
        let fits = match &self.tls {
            Some(_) => uri.scheme_str() == Some("https") && uri.host().is_some(),
            None => uri.scheme_str() == Some("http") && uri.host().is_some_and(is_local),
        };
        if fits { Ok(uri) } else { Err(AskError::Address(text.to_owned())) }
    }

    /// Asks; the request's address is a whole one. Returns the status and the answer's bytes.
    pub async fn ask(&self, request: Request<String>) -> Result<(u16, Bytes), AskError> {
        let (mut parts, body) = request.into_parts();
        let uri = self.address(&parts.uri.to_string())?;
        let host = uri.host().unwrap_or_default().to_owned();
        let authority = uri.authority().map_or(host.as_str(), |a| a.as_str()).to_owned();
        let port = uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        parts.uri = uri.path_and_query().map_or("/", |p| p.as_str()).parse().map_err(|_| AskError::Address(uri.to_string()))?;
        parts.headers.insert(HOST, HeaderValue::from_str(&authority).map_err(|_| AskError::Address(uri.to_string()))?);
        let request = Request::from_parts(parts, Full::new(Bytes::from(body)));
        let away = |e: &dyn std::fmt::Display| AskError::Unreachable(format!("{authority}: {e}"));
        let asked = async {
            let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.map_err(|e| away(&e))?;
            match &self.tls {
                Some(connector) => {
                    let name = ServerName::try_from(host.clone()).map_err(|_| AskError::Address(uri.to_string()))?;
                    exchange(connector.connect(name, stream).await.map_err(|e| away(&e))?, request).await
                }
                None => exchange(stream, request).await,
            }
        };
        tokio::time::timeout(ANSWERED_WITHIN, asked).await.map_err(|_| away(&"no answer in time"))?
    }
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), AskError> {
    let broken = |e: &dyn std::fmt::Display| AskError::Broken(e.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
    let driving = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(|e| broken(&e))?;
    let status = answer.status().as_u16();
    let read = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|e| broken(&e))?;
    driving.abort();
    Ok((status, read.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        let plain = |first: &str| Asking::new(first, None).is_ok();
        assert!(plain("http://localhost:8080") && plain("http://127.0.0.1:8080"));
        assert!(!plain("http://id.example") && !plain("http://localhost.example") && !plain("https://id.example") && !plain("id.example"));
        let asking = Asking::new("http://localhost:8080", None).unwrap();
        assert!(asking.address("http://localhost:8080/token").is_ok() && asking.address("http://id.example/token").is_err());
        assert!(asking.address("https://id.example/token").is_err(), "a plain one does not send us elsewhere");
    }

    /// Answers one question over TLS; returns the port and the certificate.
    async fn answers(body: String) -> (u16, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut asked = [0u8; 1024];
            let _ = stream.read(&mut asked).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await; // who asks may be gone
            let _ = stream.shutdown().await;
        });
        (port, made.cert.pem())
    }

    #[tokio::test]
    async fn an_answer_comes_under_the_named_certificates_alone() {
        let dir = std::env::temp_dir().join(format!("entente-asking-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let asked = async |body: String, theirs: bool| {
            let (port, pem) = answers(body).await;
            let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
            let file = dir.join(format!("{port}.pem"));
            std::fs::write(&file, if theirs { pem } else { other }).unwrap();
            let address = format!("https://localhost:{port}/x");
            let asking = Asking::new(&address, Some(&file)).unwrap();
            assert!(asking.address("http://localhost/x").is_err(), "nothing is asked in the clear behind TLS");
            asking.ask(Request::get(address).body(String::new()).unwrap()).await
        };
        let (status, bytes) = asked("{}".to_owned(), true).await.unwrap();
        assert_eq!((status, &bytes[..]), (200, &b"{}"[..]));
        assert!(matches!(asked("{}".to_owned(), false).await, Err(AskError::Unreachable(_))), "another authority");
        assert!(asked("x".repeat(ANSWER_BYTES_MAX), true).await.is_ok());
        assert!(matches!(asked("x".repeat(ANSWER_BYTES_MAX + 1), true).await, Err(AskError::Broken(_))), "one byte too many");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
