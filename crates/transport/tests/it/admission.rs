//! Who gets a line: known pins, TLS 1.3, X25519MLKEM768, HTTP/2. Everybody else is turned away before a byte is taken.

use crate::support::*;
use entente_transport::{Address, Courier, SendError};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn both_ends_agree_on_the_hybrid_group() {
    let p = pair(Shelf::new(), quick()).await;
    p.courier.send(&p.ma.address(), "hello".into()).await.unwrap();
    let ours = p.courier.line(service("ma")).await.unwrap();
    let theirs = p.ma.lines.now();
    assert_eq!((ours.group.as_str(), ours.endpoint.as_str()), ("X25519MLKEM768", p.ma.addr.to_string().as_str()));
    assert_eq!((theirs.len(), theirs[0].group.as_str(), theirs[0].service), (1, "X25519MLKEM768", service("es")));
    // The stranger's own TLS sees the same, and that no ticket for a resumption was handed to it.
    let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
    tls.write_all(PREFACE).await.unwrap();
    tls.read_exact(&mut [0; 9]).await.unwrap(); // tickets would have come before the first byte of HTTP/2
    assert_eq!(tls.get_ref().1.negotiated_key_exchange_group().unwrap().name(), rustls::NamedGroup::X25519MLKEM768);
    assert_eq!(tls.get_ref().1.tls13_tickets_received(), 0);
}

#[tokio::test]
async fn keys_of_other_kinds_serve_as_well() {
    let (es, ma) = (identity_with(&rcgen::PKCS_ECDSA_P256_SHA256), identity_with(&rcgen::PKCS_ECDSA_P384_SHA384));
    let node = Node::start("ma", &ma, Cards::of(&[("es", &es)]), Shelf::new(), quick()).await;
    assert_eq!(Courier::new(&es, quick()).unwrap().send(&node.address(), "x".into()).await, Ok(receipt(b"x")));
}

#[tokio::test]
async fn a_client_with_an_unknown_key_learns_that_it_is_a_stranger_and_leaves_nothing() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    let stranger = Courier::new(&identity(), quick()).unwrap();
    for _ in 0..5 {
        assert_eq!(stranger.send(&p.ma.address(), vec![7; 300_000].into()).await, Err(SendError::Stranger));
    }
    assert!(shelf.got.lock().unwrap().is_empty());
    assert!(p.ma.lines.now().is_empty());
    // The nearest allowed neighbour: the same key, once its card is there.
    let newcomer = identity();
    p.cards.add("fr", &newcomer);
    assert!(Courier::new(&newcomer, quick()).unwrap().send(&p.ma.address(), "x".into()).await.is_ok());
}

#[tokio::test]
async fn a_server_with_another_key_than_the_cards_gets_nothing() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    let card = Address { pins: vec![pin(&identity())], ..p.ma.address() };
    let error = p.courier.send(&card, "secret".into()).await.unwrap_err();
    assert_eq!(error, SendError::Pin { expected: card.pins[0], shown: pin(&p.ma.identity) });
    assert_eq!(error.code(), "peer.transport.pin");
    assert!(shelf.got.lock().unwrap().is_empty());
    // A false endpoint before the true one is passed over; a false one after an absent one is still reported.
    let false_one = Node::start("xx", &identity(), p.cards.clone(), shelf.clone(), quick()).await;
    let both = Address { endpoints: vec![false_one.addr.to_string(), p.ma.addr.to_string()], ..p.ma.address() };
    assert_eq!(p.courier.send(&both, "x".into()).await, Ok(receipt(b"x")));
    let absent = Address { service: service("zz"), endpoints: vec![false_one.addr.to_string(), free_port().await], ..both };
    assert_eq!(p.courier.send(&absent, "x".into()).await.unwrap_err().code(), "peer.transport.pin");
}

#[tokio::test]
async fn who_does_not_speak_like_a_node_is_refused() {
    let p = pair(Shelf::new(), quick()).await;
    let node = || Stranger::with(&p.es);
    // The nearest allowed neighbour stays on the line until it falls silent.
    let spoke = node().refused(p.ma.addr).await;
    assert!(spoke.ends_with(" bytes") && !spoke.ends_with(" 0 bytes"), "{spoke}");
    let nobody = Stranger { identity: None, ..node() };
    assert_eq!(nobody.refused(p.ma.addr).await, "received fatal alert: CertificateRequired");
    let unknown = Stranger::with(&identity());
    assert_eq!(unknown.refused(p.ma.addr).await, "received fatal alert: AccessDenied");
    let old = Stranger { version: &rustls::version::TLS12, ..node() };
    assert_eq!(old.refused(p.ma.addr).await, "received fatal alert: ProtocolVersion");
    let http1 = Stranger { alpn: vec![b"http/1.1"], ..node() };
    assert_eq!(http1.refused(p.ma.addr).await, "received fatal alert: NoApplicationProtocol");
    let silent = Stranger { alpn: vec![], ..node() };
    assert_eq!(silent.refused(p.ma.addr).await, "closed after 0 bytes", "no ALPN at all is refused after the handshake");
    let classical = Stranger { provider: rustls::crypto::CryptoProvider { kx_groups: vec![kx_group::X25519], ..aws_lc_rs::default_provider() }, ..node() };
    assert_eq!(classical.refused(p.ma.addr).await, "received fatal alert: HandshakeFailure");
    assert!(p.ma.lines.now().is_empty());
}

#[tokio::test]
async fn a_server_that_knows_only_older_ways_is_refused_by_the_courier() {
    let (es, ma) = (identity(), identity());
    let courier = Courier::new(&es, quick()).unwrap();
    let mut old = aws_lc_rs::default_provider();
    old.kx_groups = vec![kx_group::X25519];
    for (provider, versions, alpn) in [
        (old, &[&rustls::version::TLS13], &b"h2"[..]),
        (aws_lc_rs::default_provider(), &[&rustls::version::TLS12], b"h2"),
        (aws_lc_rs::default_provider(), &[&rustls::version::TLS13], b"http/1.1"),
    ] {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(ma.key_der.clone()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(ma.certificate_der.clone())], key)
            .unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        let (listener, to) = listen(&ma).await;
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move { acceptor.accept(listener.accept().await.unwrap().0).await.map(drop) });
        let error = courier.send(&to, "x".into()).await.unwrap_err();
        assert_eq!(error.code(), "failure.transport.tls", "{error}");
    }
}

#[tokio::test]
async fn noise_before_tls_harms_nobody() {
    let p = pair(Shelf::new(), quick()).await;
    for noise in [&b"GET / HTTP/1.1\r\n\r\n"[..], PREFACE, &[0xff; 4096], &[0x16, 3, 1, 0xff, 0xff, 1], b""] {
        let mut tcp = TcpStream::connect(p.ma.addr).await.unwrap();
        tcp.write_all(noise).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(3), tcp.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the server must end it, at the latest by its clock");
    }
    // Noise from a partner, inside TLS.
    for noise in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 30_000], &[PREFACE, &[0xff; 9_000]].concat(), &[PREFACE, &[0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat()]
    {
        let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
        let _ = tls.write_all(noise).await; // may be cut off in the middle
        let ended = tokio::time::timeout(Duration::from_secs(3), tls.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "the server must end it");
    }
    until(|| p.ma.lines.now().is_empty()).await;
    assert!(p.courier.send(&p.ma.address(), "x".into()).await.is_ok());
    // The other way round: a server that makes noise.
    let (listener, to) = listen(&p.ma.identity).await;
    tokio::spawn(async move {
        let mut tcp = listener.accept().await.unwrap().0;
        tcp.write_all(b"SSH-2.0-none\r\n").await.unwrap();
        tcp.read_to_end(&mut Vec::new()).await
    });
    let to = Address { service: service("noise"), ..to };
    assert_eq!(p.courier.send(&to, "x".into()).await.unwrap_err().code(), "peer.transport.protocol");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_pin_closes_the_line_at_the_next_request() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    let mut held = Stranger::with(&p.es).http(p.ma.addr).await;
    assert_eq!(ask(&mut held, parcel_request("a".into())).await.0, 200);
    assert!(p.courier.send(&p.ma.address(), "b".into()).await.is_ok());
    p.cards.withdraw(&p.es);
    assert!(held.send_request(parcel_request("c".into())).await.is_err(), "no answer, the line is closed");
    until(|| held.is_closed()).await;
    assert_eq!(p.courier.send(&p.ma.address(), "d".into()).await, Err(SendError::Stranger));
    assert_eq!(shelf.from("es").len(), 2);
    // The same key on another service's card is another service.
    p.cards.add("pt", &p.es);
    assert!(p.courier.send(&p.ma.address(), "e".into()).await.is_ok());
    assert_eq!(shelf.from("pt"), ["e"]);
}

#[tokio::test]
async fn a_new_pin_on_the_partners_card_leaves_the_old_line() {
    let p = pair(Shelf::new(), quick()).await;
    assert!(p.courier.send(&p.ma.address(), "a".into()).await.is_ok());
    let renewed = Address { pins: vec![pin(&identity())], ..p.ma.address() };
    assert_eq!(p.courier.send(&renewed, "b".into()).await.unwrap_err().code(), "peer.transport.pin");
    assert!(p.courier.line(service("ma")).await.is_none());
    until(|| p.ma.lines.now().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_identity_takes_over_without_a_cut() {
    let shelf = Shelf::new();
    let (old, new, ma) = (identity(), identity(), identity());
    let cards = Cards::of(&[("es", &old), ("es", &new)]);
    let node = Node::start("ma", &ma, cards.clone(), shelf.clone(), quick()).await;
    let courier = Courier::new(&old, quick()).unwrap();
    assert!(courier.send(&node.address(), "a".into()).await.is_ok());
    courier.identities().swap(&new, std::slice::from_ref(&old)).unwrap();
    // A partner that knows the older key only is shown that one, by name; all others see the new one.
    cards.withdraw(&new);
    assert_eq!(courier.send(&node.address(), "b".into()).await, Err(SendError::Stranger));
    let known = Address { shows: Some(pin(&old)), ..node.address() };
    assert!(courier.send(&known, "c".into()).await.is_ok());
    cards.add("es", &new);
    cards.withdraw(&old);
    assert!(courier.send(&node.address(), "d".into()).await.is_ok());
    assert_eq!(shelf.from("es"), ["a", "c", "d"]);
    // The server's own: who knows both pins gets through before and after.
    let renewed = identity();
    let both = Address { pins: vec![pin(&renewed), pin(&ma)], ..node.address() };
    assert!(courier.send(&both, "e".into()).await.is_ok());
    node.identities.swap(&renewed, &[]).unwrap();
    courier.forget(service("ma")).await;
    assert!(courier.send(&both, "f".into()).await.is_ok());
    courier.forget(service("ma")).await;
    assert_eq!(courier.send(&node.address(), "g".into()).await.unwrap_err().code(), "peer.transport.pin", "the old pin alone is out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawn_pin_cuts_open_lines_at_once() {
    let p = pair(Shelf::new(), quick()).await;
    let mut held = Stranger::with(&p.es).http(p.ma.addr).await;
    assert_eq!(ask(&mut held, parcel_request("a".into())).await.0, 200);
    p.cards.tell();
    assert_eq!(ask(&mut held, parcel_request("b".into())).await.0, 200, "news that does not concern it leaves a line alone");
    p.cards.withdraw(&p.es);
    p.cards.tell();
    until(|| held.is_closed()).await;
    // And at the sender's end: nothing more goes out on a line to a withdrawn key.
    p.cards.add("es", &p.es);
    assert!(p.courier.send(&p.ma.address(), "c".into()).await.is_ok());
    p.courier.cut_unless(service("ma"), &p.ma.address().pins).await;
    assert!(p.courier.line(service("ma")).await.is_some());
    p.courier.cut_unless(service("ma"), &[pin(&identity())]).await;
    assert!(p.courier.line(service("ma")).await.is_none());
    until(|| p.ma.lines.now().is_empty()).await;
}

async fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

async fn listen(identity: &entente_transport::Identity) -> (TcpListener, Address) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoints = vec![listener.local_addr().unwrap().to_string()];
    (listener, Address { service: service("ma"), endpoints, pins: vec![pin(identity)], shows: None })
}
