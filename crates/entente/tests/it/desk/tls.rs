//! A desk that speaks TLS itself: what a strict client meets, a certificate that is renewed while the node runs, and signing in by it in Chromium.

use super::browser::Browser;
use super::story::{PROGRAM, stations, take_up};
use base64::Engine as _;
use entente::launch::Station;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A service's own authority for certificates, as it stands in the machines of its officers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().clone();
        Authority { issuer: Issuer::new(params, key), root }
    }

    /// Writes a certificate for `localhost` and its key; returns the certificate.
    fn issue(&self, dir: &Path) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        std::fs::write(dir.join("desk.pem"), certificate.pem()).unwrap();
        std::fs::write(dir.join("desk.key"), key.serialize_pem()).unwrap();
        certificate.der().to_vec()
    }
}

/// Asks for a page by TLS; returns the certificate that was shown and the answer.
fn asks(at: SocketAddr, root: &CertificateDer<'static>, versions: &[&'static SupportedProtocolVersion], path: &str) -> std::io::Result<(Vec<u8>, String)> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth();
    let line = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut line = StreamOwned::new(line, TcpStream::connect(at)?);
    line.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n", at.port()).as_bytes())?;
    let mut answer = Vec::new();
    let read = line.read_to_end(&mut answer);
    let shown = line.conn.peer_certificates().map(|all| all[0].to_vec()).unwrap_or_default();
    read.map(|_| (shown, String::from_utf8_lossy(&answer).into_owned()))
}

/// Has a service's desk speak TLS by its configuration alone.
fn by_tls(s: &Station) -> String {
    let (file, origin) = (s.dir.join("config.toml"), format!("https://localhost:{}", s.desk.port()));
    let text = std::fs::read_to_string(&file).unwrap();
    let files = format!("certificate = \"{0}/desk.pem\"\nkey = \"{0}/desk.key\"\n", s.dir.display());
    let changed = text.replace(&format!("origin = \"{}\"\n", s.origin()), &format!("origin = \"{origin}\"\n{files}"));
    assert_ne!(text, changed);
    std::fs::write(file, changed).unwrap();
    origin
}

#[test]
fn the_desk_speaks_tls_itself() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let runtime = super::routes::runtime();
    let mut ma = stations(dir.path(), &["ma"]).remove(0);
    let origin = by_tls(&ma);
    // Without its files the node does not start, and says why.
    assert!(runtime.block_on(ma.start(Path::new(PROGRAM))).is_err());
    assert!(ma.log_tail().contains("desk.pem"), "{}", ma.log_tail());
    let first = authority.issue(&ma.dir);
    runtime.block_on(ma.start(Path::new(PROGRAM))).unwrap();
    let new = [&rustls::version::TLS13];
    let (shown, answer) = asks(ma.desk, &authority.root, &new, "/signin").unwrap();
    assert!(shown == first && answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(asks(ma.desk, &authority.root, &[&rustls::version::TLS12], "/signin").is_err(), "an older TLS");
    assert!(asks(ma.desk, &Authority::new().root, &new, "/signin").is_err(), "an authority that this client does not know");

    // Who speaks no TLS is told nothing, and whoever says nothing at all holds nobody up.
    let silent: Vec<TcpStream> = (0..30).map(|_| TcpStream::connect(ma.desk).unwrap()).collect();
    let mut plain = TcpStream::connect(ma.desk).unwrap();
    plain.write_all(b"GET /signin HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told); // the line may be cut
    assert!(!String::from_utf8_lossy(&told).contains("HTTP/"), "{told:?}");
    assert!(asks(ma.desk, &authority.root, &new, "/signin").is_ok());
    drop(silent);

    // A renewed certificate is shown by the same process.
    let (second, pid, began) = (authority.issue(&ma.dir), ma.pid(), Instant::now());
    while asks(ma.desk, &authority.root, &new, "/signin").unwrap().0 != second {
        assert!(began.elapsed() < Duration::from_secs(20), "the certificate before is still shown");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(ma.pid(), pid);

    // An officer is invited to that address, makes a passkey and signs in by it; the session's cookie does not leave TLS.
    let key = CertificateDer::from_pem_file(ma.dir.join("desk.pem")).unwrap();
    let trusted = format!("--ignore-certificate-errors-spki-list={}", spki(&key));
    let Some(browser) = Browser::start_with("signing in at a desk that speaks TLS", &dir.path().join("chromium"), &trusted) else { return };
    let link = runtime.block_on(ma.invite("admin")).unwrap();
    assert!(link.starts_with(&origin), "{link}");
    let admin = take_up(&browser, &link, "MA administrator");
    assert_eq!(admin.js("[location.origin, isSecureContext, document.querySelector('body').dataset.form.length]"), serde_json::json!([origin, true, 64]));
    let cookies = admin.call("Network.getCookies", serde_json::json!({}))["cookies"].clone();
    assert!(cookies.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|c| c["secure"] == true)), "{cookies}");
    assert_eq!(admin.complaints(), Vec::<String>::new());
}

/// Returns the digest of a certificate's key, by which Chromium trusts it.
fn spki(certificate: &CertificateDer<'_>) -> String {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &parsed.subject_public_key_info());
    base64::engine::general_purpose::STANDARD.encode(digest)
}
