//! Two ends on loopback, a stranger that may do what our own code never does, and an outbox in memory.

use base::{Digest, Entropy, ServiceId};
use bytes::Bytes;
use entente_transport::{Address, BoxFuture, Courier, Identity, Inbox, Letter, Limits, Lines, Outbox, Pins, Rejection, SendError, Server, pin_of};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsConnector, client::TlsStream};

pub fn service(name: &str) -> ServiceId {
    ServiceId::from(Digest::of(name.as_bytes()))
}

pub fn identity() -> Identity {
    identity_with(&rcgen::PKCS_ED25519)
}

pub fn identity_with(algorithm: &'static rcgen::SignatureAlgorithm) -> Identity {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    Identity { certificate_der: certificate.der().to_vec(), key_der: key.serialize_der() }
}

pub fn pin(identity: &Identity) -> Digest {
    pin_of(&identity.certificate_der).unwrap()
}

/// Limits whose clocks suit a test.
pub fn quick() -> Limits {
    Limits {
        handshake_timeout: Duration::from_millis(400),
        header_timeout: Duration::from_millis(400),
        body_timeout: Duration::from_millis(400),
        drain_timeout: Duration::from_secs(2),
        connect_timeout: Duration::from_secs(2),
        answer_timeout: Duration::from_secs(5),
        look_interval: Duration::from_millis(500),
        backoff_base_ms: 10,
        backoff_cap_ms: 60,
        ..Limits::default()
    }
}

/// Pins that change while the server runs.
pub struct Cards(Mutex<HashMap<Digest, ServiceId>>, tokio::sync::watch::Sender<u64>);

impl Default for Cards {
    fn default() -> Cards {
        Cards(Mutex::default(), tokio::sync::watch::channel(0).0)
    }
}

impl Cards {
    pub fn of(known: &[(&str, &Identity)]) -> Arc<Cards> {
        let cards = Cards::default();
        known.iter().for_each(|(name, identity)| cards.add(name, identity));
        Arc::new(cards)
    }
    pub fn add(&self, name: &str, identity: &Identity) {
        self.0.lock().unwrap().insert(pin(identity), service(name));
    }
    pub fn withdraw(&self, identity: &Identity) {
        self.0.lock().unwrap().remove(&pin(identity)).unwrap();
    }
    /// Says that something may have changed.
    pub fn tell(&self) {
        self.1.send_modify(|n| *n += 1);
    }
}

impl Pins for Cards {
    fn service(&self, pin: &Digest) -> Option<ServiceId> {
        self.0.lock().unwrap().get(pin).copied()
    }
    fn changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.1.subscribe()
    }
}

type Script = dyn Fn(ServiceId, Bytes, usize) -> BoxFuture<'static, Result<Bytes, Rejection>> + Send + Sync;

/// An inbox that keeps what it gets and answers by a script; the script learns how many came before.
pub struct Shelf {
    pub got: Mutex<Vec<(ServiceId, Bytes)>>,
    calls: AtomicUsize,
    script: Box<Script>,
}

pub fn receipt(parcel: &[u8]) -> Bytes {
    Bytes::from(format!("receipt for {}", Digest::of(parcel)))
}

impl Shelf {
    pub fn new() -> Arc<Shelf> {
        Shelf::scripted(|_, parcel, _| Box::pin(async move { Ok(receipt(&parcel)) }))
    }
    pub fn scripted(script: impl Fn(ServiceId, Bytes, usize) -> BoxFuture<'static, Result<Bytes, Rejection>> + Send + Sync + 'static) -> Arc<Shelf> {
        Arc::new(Shelf { got: Mutex::default(), calls: AtomicUsize::new(0), script: Box::new(script) })
    }
    pub fn from(&self, name: &str) -> Vec<Bytes> {
        self.got.lock().unwrap().iter().filter(|(s, _)| *s == service(name)).map(|(_, p)| p.clone()).collect()
    }
}

impl Inbox for Shelf {
    fn deliver(&self, from: ServiceId, parcel: Bytes) -> BoxFuture<'_, Result<Bytes, Rejection>> {
        let answer = (self.script)(from, parcel.clone(), self.calls.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move {
            let answer = answer.await;
            if answer.is_ok() {
                self.got.lock().unwrap().push((from, parcel));
            }
            answer
        })
    }
}

/// A running server.
pub struct Node {
    pub name: &'static str,
    pub identity: Identity,
    pub addr: SocketAddr,
    pub lines: Lines,
    pub identities: entente_transport::Identities,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Node {
    pub async fn start(name: &'static str, identity: &Identity, cards: Arc<Cards>, inbox: Arc<dyn Inbox>, limits: Limits) -> Node {
        Node::start_at(name, identity, cards, inbox, limits, "127.0.0.1:0".parse().unwrap()).await
    }
    pub async fn start_at(name: &'static str, identity: &Identity, cards: Arc<Cards>, inbox: Arc<dyn Inbox>, limits: Limits, at: SocketAddr) -> Node {
        let server = Server::bind(at, identity, cards, inbox, limits).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let (addr, lines, identities) = (server.local_addr, server.lines(), server.identities());
        let task = tokio::spawn(server.run(async move { drop(stopped.await) }));
        Node { name, identity: identity.clone(), addr, lines, identities, stop, task }
    }
    pub fn address(&self) -> Address {
        Address { service: service(self.name), endpoints: vec![self.addr.to_string()], pins: vec![pin(&self.identity)], shows: None }
    }
    /// Stops in good order.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// Spain's courier and Morocco's server, known to each other.
pub struct Pair {
    pub es: Identity,
    pub cards: Arc<Cards>,
    pub courier: Courier,
    pub ma: Node,
}

pub async fn pair(inbox: Arc<dyn Inbox>, limits: Limits) -> Pair {
    let (es, ma) = (identity(), identity());
    let cards = Cards::of(&[("es", &es)]);
    let ma = Node::start("ma", &ma, cards.clone(), inbox, limits.clone()).await;
    Pair { courier: Courier::new(&es, limits).unwrap(), es, cards, ma }
}

/// A client that trusts anybody and offers what it is told to offer.
pub struct Stranger {
    pub identity: Option<Identity>,
    pub version: &'static SupportedProtocolVersion,
    pub alpn: Vec<&'static [u8]>,
    pub provider: CryptoProvider,
}

impl Stranger {
    /// One that looks like a partner's node.
    pub fn with(identity: &Identity) -> Stranger {
        Stranger { identity: Some(identity.clone()), version: &rustls::version::TLS13, alpn: vec![b"h2"], provider: aws_lc_rs::default_provider() }
    }

    pub async fn connect(&self, to: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(Arc::new(self.provider.clone()))
            .with_protocol_versions(&[self.version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(id) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(id.key_der.clone()));
                builder.with_client_auth_cert(vec![CertificateDer::from(id.certificate_der.clone())], key).unwrap()
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|p| p.to_vec()).collect();
        let tcp = TcpStream::connect(to).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("any.invalid").unwrap(), tcp).await
    }

    /// Opens HTTP/2, whatever body type the caller wants to send.
    pub async fn http<B>(&self, to: SocketAddr) -> SendRequest<B>
    where
        B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let tls = self.connect(to).await.unwrap();
        let (requests, connection) = http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        requests
    }

    /// Connects and reads until the server ends the line; returns how it ended.
    pub async fn refused(&self, to: SocketAddr) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut tls = match self.connect(to).await {
            Ok(tls) => tls,
            Err(error) => return error.to_string(),
        };
        let _ = tls.write_all(PREFACE).await;
        let mut all = Vec::new();
        match tokio::time::timeout(Duration::from_secs(3), tls.read_to_end(&mut all)).await {
            Ok(Ok(_)) => format!("closed after {} bytes", all.len()),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => format!("cut after {} bytes", all.len()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "still open".into(),
        }
    }
}

/// The client's connection preface of RFC 9113 section 3.4 with an empty SETTINGS frame.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

pub fn parcel_request<B>(body: B) -> hyper::Request<B> {
    hyper::Request::post("https://any.invalid/entente/v1/parcels").header("content-type", "application/entente-parcel+cbor").body(body).unwrap()
}

/// Sends one request and returns status, headers of interest and body.
pub async fn ask(requests: &mut SendRequest<Full<Bytes>>, request: hyper::Request<Full<Bytes>>) -> (u16, hyper::HeaderMap, serde_json::Value) {
    let response = requests.send_request(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Entropy from a counter: good enough to spread, the same in every run.
pub struct Counted(pub u64);

impl Entropy for Counted {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            self.0 += 1;
            let digest = Digest::of(&self.0.to_le_bytes());
            chunk.copy_from_slice(&digest.0[..chunk.len()]);
        }
    }
}

/// What an outbox in memory knows of one partner.
#[derive(Default)]
pub struct Due {
    pub waiting: VecDeque<Letter>,
    pub out: BTreeMap<u64, Letter>,
    pub receipts: Vec<(u64, Bytes)>,
    pub failures: Vec<(u64, SendError)>,
    pub asked: usize,
    pub most_out: usize,
}

/// An outbox in memory that fails the test if the pump breaks its side of the contract.
pub struct Tray {
    pub partners: Mutex<Vec<Address>>,
    pub due: Mutex<HashMap<ServiceId, Due>>,
    pub changed: watch::Sender<u64>,
}

impl Tray {
    pub fn new(partners: Vec<Address>) -> Arc<Tray> {
        Arc::new(Tray { partners: Mutex::new(partners), due: Mutex::default(), changed: watch::channel(0).0 })
    }
    pub fn put(&self, to: ServiceId, number: u64) {
        let parcel = Bytes::from(format!("parcel {number}"));
        self.due.lock().unwrap().entry(to).or_default().waiting.push_back(Letter { number, parcel });
        self.changed.send_modify(|n| *n += 1);
    }
    pub fn set_partners(&self, partners: Vec<Address>) {
        *self.partners.lock().unwrap() = partners;
        self.changed.send_modify(|n| *n += 1);
    }
    pub fn look<T>(&self, at: ServiceId, f: impl FnOnce(&mut Due) -> T) -> T {
        f(self.due.lock().unwrap().entry(at).or_default())
    }
    /// Waits until so many receipts are in.
    pub async fn receipts(&self, from: ServiceId, n: usize) {
        until(|| self.look(from, |d| d.receipts.len() >= n)).await;
    }
}

impl Outbox for Tray {
    fn partners(&self) -> Vec<Address> {
        self.partners.lock().unwrap().clone()
    }
    fn next(&self, to: ServiceId) -> BoxFuture<'_, Option<Letter>> {
        Box::pin(async move {
            self.look(to, |due| {
                due.asked += 1;
                let letter = due.waiting.pop_front()?;
                due.out.insert(letter.number, letter.clone());
                due.most_out = due.most_out.max(due.out.len());
                Some(letter)
            })
        })
    }
    fn done(&self, to: ServiceId, letter: u64, answer: Result<Bytes, SendError>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.look(to, |due| {
                let held = due.out.remove(&letter).expect("a letter comes back once, and only if it was handed out");
                match answer {
                    Ok(bytes) => {
                        assert_eq!(bytes, receipt(&held.parcel));
                        due.receipts.push((letter, bytes));
                    }
                    Err(error) => {
                        due.failures.push((letter, error));
                        due.waiting.push_front(held);
                    }
                }
            });
        })
    }
    fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// Waits until something is so; fails after ten seconds.
pub async fn until(mut so: impl FnMut() -> bool) {
    tokio::time::timeout(Duration::from_secs(10), async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it never came about");
}
