//! What a partner may cost: bytes, time, connections, places. Each limit at its edge and beyond.

use crate::support::*;
use bytes::Bytes;
use entente_transport::{Courier, Limits, Rejection, SendError};
use http_body_util::{BodyExt, Full};
use hyper::body::Frame;
use hyper::{Method, Request};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// A body of chunks with a pause before each; its length is not announced.
struct Drip {
    chunks: VecDeque<Bytes>,
    pause: Duration,
    timer: Pin<Box<tokio::time::Sleep>>,
}

impl Drip {
    fn new(chunks: impl IntoIterator<Item = Bytes>, pause: Duration) -> Drip {
        Drip { chunks: chunks.into_iter().collect(), pause, timer: Box::pin(tokio::time::sleep(pause)) }
    }
}

impl hyper::body::Body for Drip {
    type Data = Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let next = tokio::time::Instant::now() + self.pause;
        self.timer.as_mut().reset(next);
        Poll::Ready(self.chunks.pop_front().map(|c| Ok(Frame::data(c))))
    }
}

async fn drip(requests: &mut hyper::client::conn::http2::SendRequest<Drip>, body: Drip) -> (u16, serde_json::Value) {
    let response = requests.send_request(parcel_request(body)).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn the_one_route_and_its_neighbours() {
    let p = pair(Shelf::new(), quick()).await;
    let mut http = Stranger::with(&p.es).http::<Full<Bytes>>(p.ma.addr).await;
    let request = |method: Method, path: &str, kind: &str| {
        Request::builder().method(method).uri(format!("https://x.invalid{path}")).header("content-type", kind).body(Full::from("x")).unwrap()
    };
    let parcel = "application/entente-parcel+cbor";
    let mut picture = Vec::new();
    for (method, path, kind) in [
        (Method::POST, "/entente/v1/parcels", parcel),
        (Method::POST, "/entente/v1/parcels", "Application/Entente-Parcel+CBOR; v=1"),
        (Method::POST, "/", parcel),
        (Method::POST, "/entente/v1/parcels/", parcel),
        (Method::GET, "/entente/v1/parcels", parcel),
        (Method::PUT, "/entente/v1/parcels", parcel),
        (Method::POST, "/entente/v1/parcels", "application/json"),
        (Method::POST, "/entente/v1/parcels", ""),
    ] {
        let (status, headers, problem) = ask(&mut http, request(method, path, kind)).await;
        picture.push(format!("{status} {} {}", headers["content-type"].to_str().unwrap(), problem["code"].as_str().unwrap_or("-")));
        match status {
            405 => assert_eq!(headers["allow"], "POST"),
            415 => assert_eq!(headers["accept"], parcel),
            _ => {}
        }
        if status != 200 {
            assert!(problem["title"].is_string() && problem["remedy"].is_string() && problem["status"] == status);
        }
    }
    let problem = |s: &str, code: &str| format!("{s} application/problem+json refusal.transport.{code}");
    let receipt = "200 application/entente-receipt+cbor -".to_owned();
    let (path, method, kind) = (problem("404", "path"), problem("405", "method"), problem("415", "type"));
    assert_eq!(picture, [receipt.clone(), receipt, path.clone(), path, method.clone(), method, kind.clone(), kind]);
}

#[tokio::test]
async fn too_big_by_announcement_and_by_streaming() {
    let shelf = Shelf::new();
    let limits = Limits { parcel_bytes_max: 100_000, ..quick() };
    let p = pair(shelf.clone(), limits).await;
    assert!(p.courier.send(&p.ma.address(), vec![1; 100_000].into()).await.is_ok());
    let SendError::Refused { code, text } = p.courier.send(&p.ma.address(), vec![1; 100_001].into()).await.unwrap_err() else { panic!() };
    assert_eq!((code.as_str(), text.as_str()), ("refusal.transport.size", "The parcel is too big"));
    // Announced only: the server answers before it has got a single byte of the body.
    let mut http = Stranger::with(&p.es).http::<Drip>(p.ma.addr).await;
    let mut request = parcel_request(Drip::new([Bytes::from_static(b"x")], Duration::from_secs(60)));
    request.headers_mut().insert("content-length", "9000000000".parse().unwrap());
    let started = Instant::now();
    assert_eq!(http.send_request(request).await.unwrap().status().as_u16(), 413);
    assert!(started.elapsed() < Duration::from_millis(300), "refused before the body's clock ran out");
    // Unannounced: refused once it runs over; at the edge it is taken.
    let chunks = |n: usize| Drip::new(std::iter::repeat_n(Bytes::from(vec![2; 10_000]), n), Duration::ZERO);
    assert_eq!(drip(&mut http, chunks(10)).await.0, 200);
    let (status, problem) = drip(&mut http, chunks(11)).await;
    assert_eq!((status, problem["bytes_max"].as_u64()), (413, Some(100_000)));
    assert_eq!(shelf.from("es").iter().map(Bytes::len).collect::<Vec<_>>(), [100_000, 100_000]);
}

#[tokio::test]
async fn bodies_in_many_frames_arrive_whole() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), Limits { body_timeout: Duration::from_secs(5), ..quick() }).await;
    let big: Bytes = (0..3_000_001u32).map(|i| (i * 31 % 251) as u8).collect::<Vec<_>>().into();
    assert_eq!(p.courier.send(&p.ma.address(), big.clone()).await, Ok(receipt(&big)));
    let mut http = Stranger::with(&p.es).http::<Drip>(p.ma.addr).await;
    let pieces: Vec<Bytes> = big.slice(..40_000).chunks(97).map(Bytes::copy_from_slice).collect();
    assert_eq!(drip(&mut http, Drip::new(pieces, Duration::ZERO)).await.0, 200);
    assert_eq!(p.courier.send(&p.ma.address(), Bytes::new()).await, Ok(receipt(b"")));
    assert_eq!(shelf.from("es"), [big.clone(), big.slice(..40_000), Bytes::new()]);
}

#[tokio::test]
async fn a_body_that_drips_is_refused_by_the_clock() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    let mut http = Stranger::with(&p.es).http::<Drip>(p.ma.addr).await;
    let started = Instant::now();
    let (status, problem) = drip(&mut http, Drip::new(std::iter::repeat_n(Bytes::from_static(b"x"), 1_000), Duration::from_millis(20))).await;
    assert_eq!((status, problem["code"].as_str()), (408, Some("refusal.transport.slow")));
    assert!((300..1_500).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert!(shelf.got.lock().unwrap().is_empty());
    // The line itself goes on.
    assert_eq!(drip(&mut http, Drip::new([Bytes::from_static(b"x")], Duration::ZERO)).await.0, 200);
}

#[tokio::test]
async fn a_header_that_drips_and_a_handshake_that_drips_are_cut() {
    let p = pair(Shelf::new(), quick()).await;
    // A HEADERS frame (RFC 9113 section 6.2) of 16,000 bytes, of which one comes now and then.
    let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
    tls.write_all(PREFACE).await.unwrap();
    tls.write_all(&[0, 0x3e, 0x80, 1, 4, 0, 0, 0, 1, 0x83]).await.unwrap();
    let (mut read, mut write) = tokio::io::split(tls);
    let started = Instant::now();
    let writer = tokio::spawn(async move {
        while write.write_all(b"a").await.is_ok() && write.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let _ = read.read_to_end(&mut Vec::new()).await;
    assert!((300..2_500).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    writer.abort();
    // A client hello that comes byte by byte.
    let mut tcp = TcpStream::connect(p.ma.addr).await.unwrap();
    let started = Instant::now();
    let cut = async {
        for byte in [0x16, 3, 1, 2, 0, 1].into_iter().chain(std::iter::repeat(0)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if tcp.write_all(&[byte]).await.is_err() {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(3), cut).await.expect("the handshake's clock cuts it");
    assert!(started.elapsed() >= Duration::from_millis(300));
}

/// The header of a POST of a parcel on stream 1, body to follow, written by hand (RFC 7541 sections 5, 6; RFC 9113 section 6.2).
fn header_frame() -> Vec<u8> {
    let mut block = vec![0x83, 0x87]; // :method POST, :scheme https
    for (name, value) in [(&[0x01][..], "any.invalid"), (&[0x04], "/entente/v1/parcels"), (&[0x0f, 0x10], "application/entente-parcel+cbor")] {
        block.extend_from_slice(name); // :authority, :path, content-type: literals that are not indexed
        block.push(value.len() as u8);
        block.extend_from_slice(value.as_bytes());
    }
    [&[0, 0, block.len() as u8, 1, 4, 0, 0, 0, 1][..], &block].concat()
}

#[tokio::test]
async fn a_line_that_does_not_answer_pings_is_cut() {
    let limits =
        Limits { body_timeout: Duration::from_secs(30), ping_interval: Duration::from_millis(100), ping_timeout: Duration::from_millis(200), ..quick() };
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), limits).await;
    let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
    tls.write_all(PREFACE).await.unwrap();
    tls.write_all(&header_frame()).await.unwrap();
    tls.flush().await.unwrap();
    until(|| p.ma.lines.now().len() == 1).await;
    let started = Instant::now();
    until(|| p.ma.lines.now().is_empty()).await;
    assert!((100..1_500).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    // The neighbour: the same bytes and a body, from one that closes in good order, are taken.
    let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
    tls.write_all(&[PREFACE, &header_frame(), &[0, 0, 1, 0, 1, 0, 0, 0, 1, b'x']].concat()).await.unwrap();
    tls.flush().await.unwrap();
    until(|| shelf.from("es") == ["x"]).await;
}

#[tokio::test]
async fn a_parcel_that_breaks_off_is_not_taken_for_whole() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    // DATA without END_STREAM, then RST_STREAM with each reason from NO_ERROR to HTTP_1_1_REQUIRED (RFC 9113 section 7).
    for reason in 0..=13 {
        let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
        tls.write_all(&[PREFACE, &header_frame(), &[0, 0, 1, 0, 0, 0, 0, 0, 1, b'x']].concat()).await.unwrap();
        tls.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await; // the server now waits for more
        tls.write_all(&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, reason]).await.unwrap();
        tls.shutdown().await.unwrap();
        let _ = tls.read_to_end(&mut Vec::new()).await;
    }
    until(|| p.ma.lines.now().is_empty()).await;
    assert!(p.courier.send(&p.ma.address(), "whole".into()).await.is_ok());
    assert_eq!(shelf.from("es"), ["whole"]);
}

#[tokio::test]
async fn header_fields_beyond_the_limit_are_refused() {
    let p = pair(Shelf::new(), Limits { header_bytes_max: 2_000, ..quick() }).await;
    let mut http = Stranger::with(&p.es).http::<Full<Bytes>>(p.ma.addr).await;
    let mut request = parcel_request(Full::from("x"));
    request.headers_mut().insert("x-long", "y".repeat(1_000).parse().unwrap());
    assert_eq!(ask(&mut http, request.clone()).await.0, 200);
    request.headers_mut().insert("x-longer", "y".repeat(1_000).parse().unwrap());
    // Refused by status 431 or by a reset stream, as the HTTP/2 below sees fit.
    match http.send_request(request).await {
        Ok(response) => assert_eq!(response.status().as_u16(), 431),
        Err(error) => assert!(!error.is_timeout()),
    }
    assert!(p.courier.send(&p.ma.address(), "x".into()).await.is_ok());
}

#[tokio::test]
async fn silence_is_ended_and_the_courier_does_not_notice() {
    let p = pair(Shelf::new(), Limits { idle_timeout: Duration::from_millis(200), ..quick() }).await;
    for _ in 0..3 {
        assert!(p.courier.send(&p.ma.address(), "x".into()).await.is_ok());
        until(|| p.ma.lines.now().is_empty()).await;
    }
    // A request under way is no silence.
    let slow = Shelf::scripted(|_, parcel, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(900)).await;
            Ok(receipt(&parcel))
        })
    });
    let p = pair(slow, Limits { idle_timeout: Duration::from_millis(200), ..quick() }).await;
    assert!(p.courier.send(&p.ma.address(), "x".into()).await.is_ok());
}

#[tokio::test]
async fn one_partner_gets_only_its_connections() {
    let limits = Limits { connections_per_partner_max: 2, header_timeout: Duration::from_secs(30), ..quick() };
    let p = pair(Shelf::new(), limits).await;
    let one = Stranger::with(&p.es);
    let mut first = one.http::<Full<Bytes>>(p.ma.addr).await;
    let second = one.http::<Full<Bytes>>(p.ma.addr).await;
    assert_eq!(ask(&mut first, parcel_request("x".into())).await.0, 200);
    assert_eq!(one.refused(p.ma.addr).await, "closed after 0 bytes");
    assert_eq!(p.ma.lines.now().len(), 2);
    // Another partner is not concerned; a place that was given back is free.
    let fr = identity();
    p.cards.add("fr", &fr);
    assert!(Courier::new(&fr, quick()).unwrap().send(&p.ma.address(), "x".into()).await.is_ok());
    drop(second);
    until(|| p.ma.lines.now().iter().filter(|l| l.service == service("es")).count() == 1).await;
    assert!(p.courier.send(&p.ma.address(), "x".into()).await.is_ok());
}

#[tokio::test]
async fn unfinished_handshakes_do_not_pile_up() {
    let p = pair(Shelf::new(), Limits { handshakes_max: 4, handshake_timeout: Duration::from_millis(800), ..quick() }).await;
    // All from one address, which may hold half of the four.
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(TcpStream::connect(p.ma.addr).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut over = TcpStream::connect(p.ma.addr).await.unwrap();
    let started = Instant::now();
    assert!(matches!(over.read(&mut [0; 9]).await, Ok(0) | Err(_)));
    assert!(started.elapsed() < Duration::from_millis(400), "the newest is dropped at once");
    assert_eq!(held[0].read(&mut [0; 9]).await.unwrap_or(0), 0, "the oldest by its clock");
    until(|| started.elapsed() > Duration::from_millis(900)).await;
    assert!(p.courier.send(&p.ma.address(), "x".into()).await.is_ok());
}

#[tokio::test]
async fn a_busy_inbox_and_a_full_node_say_when_to_come_back() {
    let shelf = Shelf::scripted(|_, parcel, n| Box::pin(async move { if n == 0 { Err(Rejection::Busy { retry_after_s: 17 }) } else { Ok(receipt(&parcel)) } }));
    let p = pair(shelf, quick()).await;
    assert_eq!(p.courier.send(&p.ma.address(), "x".into()).await, Err(SendError::Busy { retry_after_s: Some(17) }));
    assert!(p.courier.send(&p.ma.address(), "x".into()).await.is_ok());
    // Room for 100,000 bytes, of which one partner may hold half: 50,000 pass, 50,001 do not.
    let p = pair(Shelf::new(), Limits { receiving_bytes_max: 100_000, busy_retry_after_s: 3, ..quick() }).await;
    let mut http = Stranger::with(&p.es).http::<Drip>(p.ma.addr).await;
    let half = Drip::new([Bytes::from(vec![1; 50_000])], Duration::from_millis(300));
    let held = tokio::spawn(async move {
        let mut request = parcel_request(half);
        request.headers_mut().insert("content-length", "50000".parse().unwrap());
        http.send_request(request).await.map(|r| r.status().as_u16())
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(p.courier.send(&p.ma.address(), "y".into()).await, Err(SendError::Busy { retry_after_s: Some(3) }));
    assert!(held.await.unwrap().is_ok());
    assert!(p.courier.send(&p.ma.address(), "y".into()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_partner_floods_and_the_other_is_served() {
    // Spain's parcels never end; France's are answered at once.
    let gate = Arc::new(Semaphore::new(0));
    let shelf = {
        let gate = gate.clone();
        Shelf::scripted(move |from, parcel, _| {
            let gate = gate.clone();
            Box::pin(async move {
                if from == service("es") {
                    let _ = gate.acquire().await;
                }
                Ok(receipt(&parcel))
            })
        })
    };
    let p = pair(shelf.clone(), Limits { processing_max: 8, receiving_max: 8, ..quick() }).await;
    let fr = identity();
    p.cards.add("fr", &fr);
    let mut floods = Vec::new();
    for _ in 0..3 {
        let mut http = Stranger::with(&p.es).http::<Full<Bytes>>(p.ma.addr).await;
        floods.push(tokio::spawn(async move {
            let mut busy = 0;
            let mut flying = tokio::task::JoinSet::new();
            for _ in 0..40 {
                let request = http.send_request(parcel_request(Full::from("flood")));
                flying.spawn(async move { request.await.map(|r| r.status().as_u16()) });
                http.ready().await.unwrap();
            }
            while let Some(status) = flying.join_next().await {
                busy += u32::from(status.unwrap().unwrap() == 503);
            }
            busy
        }));
    }
    let courier = Courier::new(&fr, quick()).unwrap();
    for n in 0..200 {
        assert_eq!(courier.send(&p.ma.address(), Bytes::from(n.to_string())).await, Ok(receipt(n.to_string().as_bytes())));
    }
    gate.add_permits(1_000);
    let mut busy = 0;
    for flood in floods {
        busy += flood.await.unwrap();
    }
    assert_eq!(shelf.from("es").len(), 4, "half of the eight places");
    assert_eq!(busy, 116, "the rest was told to come back");
    assert_eq!(shelf.from("fr").len(), 200);
}
