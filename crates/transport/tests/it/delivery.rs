//! Parcels out, receipts back, and every way in which the other end can answer.

use crate::support::*;
use bytes::Bytes;
use entente_transport::{Address, Courier, Inbox, Limits, Rejection, SendError};
use hyper::{Response, StatusCode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_parcels_share_one_line_and_each_gets_its_own_receipt() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    let (courier, to) = (Arc::new(p.courier), p.ma.address());
    let sends: Vec<_> = (0..300)
        .map(|n| {
            let (courier, to, parcel) = (courier.clone(), to.clone(), Bytes::from(format!("parcel {n}")));
            tokio::spawn(async move { assert_eq!(courier.send(&to, parcel.clone()).await, Ok(receipt(&parcel))) })
        })
        .collect();
    for send in sends {
        send.await.unwrap();
    }
    assert_eq!(p.ma.lines.now().len(), 1);
    let mut got = shelf.from("es");
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 300);
}

#[tokio::test]
async fn what_the_inbox_says_reaches_the_sender() {
    let shelf = Shelf::scripted(|_, _, n| {
        Box::pin(async move {
            Err(match n {
                0 => Rejection::Refused { code: "peer.parcel.signature", text: "the signature does not fit\u{202e} the card".into() },
                1 => Rejection::Failed { code: "failure.store.full" },
                _ => panic!("a bug in the inbox"),
            })
        })
    });
    let p = pair(shelf, quick()).await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(p.courier.send(&p.ma.address(), "x".into()).await.unwrap_err());
    }
    let text = "the signature does not fit  the card".to_owned();
    assert_eq!(
        answers,
        [
            SendError::Refused { code: "peer.parcel.signature".into(), text },
            SendError::Partner("failure.store.full".into()),
            SendError::Partner("failure.transport.delivery".into()),
        ]
    );
    assert_eq!(
        answers.iter().map(SendError::code).collect::<Vec<_>>(),
        ["refusal.transport.refused", "failure.transport.partner", "failure.transport.partner"]
    );
}

#[tokio::test]
async fn a_delivery_that_has_begun_ends_even_if_the_sender_hangs_up() {
    let shelf = Shelf::scripted(|_, parcel, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            Ok(receipt(&parcel))
        })
    });
    let p = pair(shelf.clone(), quick()).await;
    let impatient = Courier::new(&p.es, Limits { answer_timeout: Duration::from_millis(150), ..quick() }).unwrap();
    assert_eq!(impatient.send(&p.ma.address(), "x".into()).await.unwrap_err().code(), "failure.transport.timeout");
    impatient.forget(service("ma")).await;
    until(|| shelf.from("es").len() == 1).await;
}

#[tokio::test]
async fn an_inbox_that_takes_too_long_is_reported_as_busy() {
    let shelf = Shelf::scripted(|_, _, _| Box::pin(std::future::pending()));
    let p = pair(shelf, Limits { delivery_timeout: Duration::from_millis(100), ..quick() }).await;
    assert_eq!(p.courier.send(&p.ma.address(), "x".into()).await, Err(SendError::Busy { retry_after_s: Some(2) }));
}

#[tokio::test]
async fn endpoints_are_tried_in_order_and_absence_is_told() {
    let p = pair(Shelf::new(), quick()).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let to = Address { endpoints: vec![nobody.clone(), "no such host".into(), p.ma.addr.to_string()], ..p.ma.address() };
    assert!(p.courier.send(&to, "x".into()).await.is_ok());
    assert_eq!(p.courier.line(service("ma")).await.unwrap().endpoint, p.ma.addr.to_string());
    for endpoints in [vec![nobody], vec![]] {
        let to = Address { service: service("zz"), endpoints, ..to.clone() };
        assert_eq!(p.courier.send(&to, "x".into()).await.unwrap_err().code(), "failure.transport.unreachable");
    }
    // A port that takes connections and never says a word.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = Address { service: service("zz"), endpoints: vec![mute.local_addr().unwrap().to_string()], ..to };
    let courier = Courier::new(&p.es, Limits { connect_timeout: Duration::from_millis(100), ..quick() }).unwrap();
    assert_eq!(courier.send(&to, "x".into()).await, Err(SendError::Timeout("no connection")));
}

/// A partner's node of another make, that does with each line what it likes.
async fn foreign_line<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(tokio_rustls::server::TlsStream<tokio::net::TcpStream>) -> F + Send + Sync + 'static,
) -> (Courier, Address) {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
    let ma = identity();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(ma.key_der.clone()));
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(ma.certificate_der.clone())], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = Address { service: service("ma"), endpoints: vec![listener.local_addr().unwrap().to_string()], pins: vec![pin(&ma)], shows: None };
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        loop {
            tokio::spawn(serve(acceptor.accept(listener.accept().await.unwrap().0).await.unwrap()));
        }
    });
    (Courier::new(&identity(), quick()).unwrap(), to)
}

/// One that answers every request with the same words.
async fn foreign(answer: impl Fn() -> Response<http_body_util::Full<Bytes>> + Clone + Send + Sync + 'static) -> (Courier, Address) {
    foreign_line(move |tls| {
        let answer = answer.clone();
        async move {
            let service = hyper::service::service_fn(move |_| std::future::ready(Ok::<_, std::io::Error>(answer())));
            let http = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
            let _ = http.serve_connection(hyper_util::rt::TokioIo::new(tls), service).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_receipt_that_breaks_off_is_none() {
    let mut picture = Vec::new();
    for reason in [h2::Reason::NO_ERROR, h2::Reason::PROTOCOL_ERROR, h2::Reason::INTERNAL_ERROR, h2::Reason::REFUSED_STREAM] {
        let (courier, to) = foreign_line(move |tls| async move {
            let mut http = h2::server::handshake(tls).await.unwrap();
            while let Some(Ok((_, mut respond))) = http.accept().await {
                let head = Response::builder().header("content-type", "application/entente-receipt+cbor").body(()).unwrap();
                let mut body = respond.send_response(head, false).unwrap();
                body.send_data(Bytes::from_static(b"receipt for"), false).unwrap();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    body.send_reset(reason);
                });
            }
        })
        .await;
        picture.push(courier.send(&to, "x".into()).await.unwrap_err().code());
    }
    assert_eq!(picture, ["peer.transport.protocol", "peer.transport.protocol", "failure.transport.partner", "refusal.transport.busy"]);
}

#[tokio::test]
async fn foreign_answers_are_sorted_by_who_must_act() {
    let receipt_max = Limits::default().receipt_bytes_max;
    let receipt_type = "application/entente-receipt+cbor";
    let mut picture = Vec::new();
    for (status, kind, retry_after, body) in [
        (200, receipt_type, "", vec![1; receipt_max]),
        (200, receipt_type, "", vec![1; receipt_max + 1]),
        (200, "text/html", "", vec![]),
        (204, receipt_type, "", vec![]),
        (302, receipt_type, "", vec![]),
        (404, "text/html", "", b"<html>".to_vec()),
        (404, "text/html", "", vec![b'x'; 1 << 20]),
        (429, "", "30", vec![]),
        (503, "", "Sun, 22 Nov 2026 00:00:00 GMT", vec![]),
        (500, "application/problem+json", "", br#"{"code":"failure.store.full"}"#.to_vec()),
    ] {
        let (courier, to) = foreign(move || {
            let response = Response::builder().status(StatusCode::from_u16(status).unwrap()).header("content-type", kind).header("retry-after", retry_after);
            response.body(body.clone().into()).unwrap()
        })
        .await;
        picture.push(match courier.send(&to, "x".into()).await {
            Ok(receipt) => format!("{status} {} bytes", receipt.len()),
            Err(SendError::Busy { retry_after_s }) => format!("{status} busy {retry_after_s:?}"),
            Err(error) => format!("{status} {} {error}", error.code()),
        });
    }
    let expected = [
        "200 2097152 bytes",
        "200 peer.transport.protocol its answer is longer than allowed",
        "200 peer.transport.protocol its receipt has another content type",
        "204 peer.transport.protocol it answered with status 204",
        "302 peer.transport.protocol it answered with status 302",
        "404 refusal.transport.refused (http.404)",
        "404 peer.transport.protocol its answer is longer than allowed",
        "429 busy Some(30)",
        "503 busy None",
        "500 failure.transport.partner (failure.store.full)",
    ];
    for (got, expected) in picture.iter().zip(expected) {
        let words: Vec<&str> = expected.splitn(3, ' ').collect();
        assert!(got.starts_with(&words[..2].join(" ")) && got.contains(words[2]), "{got}\n{expected}");
    }
    assert_eq!(picture.len(), expected.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_answers_what_is_under_way_and_then_ends() {
    let shelf = Shelf::scripted(|_, parcel, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(receipt(&parcel))
        })
    });
    let p = pair(shelf.clone(), quick()).await;
    let to = p.ma.address();
    let (courier, held) = (Arc::new(p.courier), to.clone());
    let sending = {
        let courier = courier.clone();
        tokio::spawn(async move { courier.send(&held, "x".into()).await })
    };
    tokio::time::sleep(Duration::from_millis(150)).await;
    let started = Instant::now();
    p.ma.stop().await;
    assert!(started.elapsed() < Duration::from_millis(1_500));
    assert_eq!(sending.await.unwrap(), Ok(receipt(b"x")));
    assert_eq!(courier.send(&to, "y".into()).await.unwrap_err().code(), "failure.transport.unreachable");
    // One that hangs is waited for no longer than allowed.
    let hung: Arc<dyn Inbox> = Shelf::scripted(|_, _, _| Box::pin(std::future::pending()));
    let p = pair(hung, Limits { drain_timeout: Duration::from_millis(200), ..quick() }).await;
    let (courier, to) = (Arc::new(p.courier), p.ma.address());
    let sending = tokio::spawn(async move { courier.send(&to, "x".into()).await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let started = Instant::now();
    p.ma.stop().await;
    assert!((150..1_500).contains(&started.elapsed().as_millis()));
    assert_eq!(sending.await.unwrap().unwrap_err().code(), "failure.transport.unreachable");
}
