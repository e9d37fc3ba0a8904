//! Attacks by a partner on what lies between TLS and the inbox: each ends by a limit, and another partner is served meanwhile.

use crate::support::*;
use bytes::Bytes;
use entente_transport::{Courier, Limits};
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes of an attack that a line may swallow before it is ended.
const SWALLOWED_MAX: usize = 4 << 20;

/// A frame of HTTP/2 (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The header of a POST of a parcel (RFC 7541 section 6.2.2), to be put into HEADERS and CONTINUATION.
fn header_block() -> Vec<u8> {
    let mut block = vec![0x83, 0x87];
    for (name, value) in [(&[0x01][..], "any.invalid"), (&[0x04], "/entente/v1/parcels"), (&[0x0f, 0x10], "application/entente-parcel+cbor")] {
        block.extend_from_slice(name);
        block.push(value.len() as u8);
        block.extend_from_slice(value.as_bytes());
    }
    block
}

/// Sends an opening and then one piece after another until the server ends the line; returns how many bytes it swallowed.
async fn swallowed(p: &Pair, opening: &[u8], mut piece: impl FnMut(u32) -> Vec<u8>) -> usize {
    let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
    tls.write_all(&[PREFACE, opening].concat()).await.unwrap();
    let (mut read, mut write) = tokio::io::split(tls);
    let reading = tokio::spawn(async move {
        let _ = read.read_to_end(&mut Vec::new()).await; // however it ends
    });
    let mut sent = 0;
    for n in 0.. {
        let bytes = piece(n);
        let done = tokio::time::timeout(Duration::from_secs(5), async { write.write_all(&bytes).await.is_ok() && write.flush().await.is_ok() }).await;
        if done != Ok(true) || reading.is_finished() || sent > 2 * SWALLOWED_MAX {
            break;
        }
        sent += bytes.len();
    }
    sent
}

async fn another_is_served(p: &Pair) {
    let fr = identity();
    p.cards.add("fr", &fr);
    let began = Instant::now();
    assert!(Courier::new(&fr, quick()).unwrap().send(&p.ma.address(), "x".into()).await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_parcel_in_a_content_coding_is_refused_so_nothing_can_blow_up() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    let mut http = Stranger::with(&p.es).http::<Full<Bytes>>(p.ma.addr).await;
    for coding in ["gzip", "deflate", "br", "zstd", "identity, gzip", "x-unknown"] {
        let mut request = parcel_request(Full::from("a few bytes that could become many"));
        request.headers_mut().insert("content-encoding", coding.parse().unwrap());
        let (status, headers, problem) = ask(&mut http, request).await;
        assert_eq!((status, problem["code"].as_str()), (415, Some("refusal.transport.encoding")), "{coding}");
        assert_eq!(headers["accept-encoding"], "identity");
    }
    assert!(shelf.got.lock().unwrap().is_empty());
    let mut request = parcel_request(Full::from("as it is"));
    request.headers_mut().insert("content-encoding", "Identity".parse().unwrap());
    assert_eq!(ask(&mut http, request).await.0, 200);
    assert_eq!(shelf.from("es"), ["as it is"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_without_end_is_ended() {
    let p = pair(Shelf::new(), quick()).await;
    // CONTINUATION frames that carry nothing, and such that carry one more field each (CVE-2024-27316 and its kin).
    let field = [&[0x00, 1, b'x', 100][..], &[b'y'; 100]].concat();
    for payload in [Vec::new(), vec![0], field] {
        let sent = swallowed(&p, &frame(1, 0, 1, &header_block()), |_| frame(9, 0, 1, &payload).repeat(100)).await;
        assert!(sent < SWALLOWED_MAX, "{sent} bytes of headers were swallowed");
        another_is_served(&p).await;
    }
    until(|| p.ma.lines.now().iter().all(|l| l.service != service("es"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_reset_at_once_end_their_line() {
    let shelf = Shelf::new();
    let p = pair(shelf.clone(), quick()).await;
    // HEADERS and RST_STREAM, over and over (CVE-2023-44487).
    let sent = swallowed(&p, &[], |n| {
        (0..50)
            .flat_map(|i| {
                let stream = 2 * (n * 50 + i) + 1;
                [frame(1, 4, stream, &header_block()), frame(3, 0, stream, &[0, 0, 0, 8])].concat()
            })
            .collect()
    })
    .await;
    assert!(sent < SWALLOWED_MAX, "{sent} bytes of requests that were taken back");
    another_is_served(&p).await;
    assert!(shelf.from("es").is_empty(), "nothing that was taken back reaches the inbox");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_frames_and_endless_settings_cost_their_sender_the_line_or_the_request() {
    let limits = Limits { ping_interval: Duration::from_millis(200), ping_timeout: Duration::from_millis(300), ..quick() };
    let p = pair(Shelf::new(), limits).await;
    // DATA frames of no bytes on one open request (CVE-2019-9518): its body's clock runs out; the line may live.
    let opening = frame(1, 4, 1, &header_block());
    let began = Instant::now();
    let sending = swallowed(&p, &opening, |_| frame(0, 0, 1, &[]).repeat(50));
    let (_, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(2), sending), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        another_is_served(&p).await;
    });
    // SETTINGS and PING frames whose answers nobody reads (CVE-2019-9512, 9515): our own pings stay unanswered.
    let mut tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
    tls.write_all(PREFACE).await.unwrap();
    let flood = [frame(4, 0, 0, &[]), frame(6, 0, 0, &[7; 8])].concat().repeat(200);
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        match tokio::time::timeout(Duration::from_millis(500), tls.write_all(&flood)).await {
            Ok(Ok(())) | Err(_) if !p.ma.lines.now().is_empty() => {}
            _ => break,
        }
    }
    until(|| p.ma.lines.now().iter().all(|l| l.service != service("es"))).await;
    another_is_served(&p).await;
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_fetched_is_given_up() {
    let p = pair(Shelf::new(), Limits { idle_timeout: Duration::from_millis(400), ping_interval: Duration::from_millis(100), ..quick() }).await;
    // This client answers pings and lets no byte of an answer come in: its window is closed (RFC 9113 section 6.9).
    let tls = Stranger::with(&p.es).connect(p.ma.addr).await.unwrap();
    let (mut requests, connection) =
        http2::Builder::new(TokioExecutor::new()).timer(TokioTimer::new()).initial_stream_window_size(0).handshake(TokioIo::new(tls)).await.unwrap();
    tokio::spawn(connection);
    let response = requests.send_request(parcel_request(Full::<Bytes>::from("x"))).await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "the header needs no window");
    let began = Instant::now();
    until(|| p.ma.lines.now().is_empty()).await;
    assert!((300..4_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    another_is_served(&p).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_connections_of_one_partner_leave_room_for_another() {
    let p = pair(Shelf::new(), Limits { connections_max: 16, handshakes_max: 16, header_timeout: Duration::from_secs(5), ..quick() }).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        if let Ok(tls) = Stranger::with(&p.es).connect(p.ma.addr).await {
            held.push(tls);
        }
    }
    assert!(p.ma.lines.now().len() <= 8, "no more than half of the places, and no more than one partner's own: {}", p.ma.lines.now().len());
    another_is_served(&p).await;
}
