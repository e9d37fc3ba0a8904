//! The pump: nothing lost, nothing sent twice without need, nobody waits for a partner that is away, and no busy loop.

use crate::support::*;
use base::ServiceId;
use bytes::Bytes;
use entente_transport::{BoxFuture, Courier, HealthBook, Identity, Letter, Limits, Outbox, Pump, Rejection, SendError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    health: HealthBook,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn pump(identity: &Identity, tray: &Arc<impl Outbox + 'static>, limits: Limits) -> Running {
    let courier = Arc::new(Courier::new(identity, limits.clone()).unwrap());
    let pump = Pump::new(courier, tray.clone(), Counted(0), limits);
    let (stop, stopped) = oneshot::channel();
    Running { health: pump.health(), stop, task: tokio::spawn(pump.run(async move { drop(stopped.await) })) }
}

impl Running {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

fn numbers(parcels: &[Bytes]) -> BTreeSet<String> {
    parcels.iter().map(|p| String::from_utf8(p.to_vec()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_go_out_a_few_at_once_and_come_back_with_receipts() {
    let shelf = Shelf::scripted(|_, parcel, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(receipt(&parcel))
        })
    });
    let p = pair(shelf.clone(), quick()).await;
    let (tray, ma) = (Tray::new(vec![p.ma.address()]), service("ma"));
    (0..40).for_each(|n| tray.put(ma, n));
    let running = pump(&p.es, &tray, Limits { look_interval: Duration::from_secs(60), ..quick() });
    tray.receipts(ma, 40).await;
    assert_eq!(tray.look(ma, |d| (d.most_out, d.failures.len(), d.waiting.len())), (4, 0, 0));
    // A letter that becomes due later wakes it, long before its timer.
    let started = Instant::now();
    tray.put(ma, 40);
    tray.receipts(ma, 41).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(numbers(&shelf.from("es")).len(), 41);
    assert_eq!(shelf.from("es").len(), 41);
    let health = running.health.of(ma).unwrap();
    assert!(health.last_success.is_some() && health.last_failure.is_none() && health.next_try.is_none() && health.attempts == 0);
    running.stop().await;
}

/// An outbox whose second letter is not made before the receipt for the first is in.
struct Second(Arc<Tray>);

impl Outbox for Second {
    fn partners(&self) -> Vec<entente_transport::Address> {
        self.0.partners()
    }
    fn next(&self, to: ServiceId) -> BoxFuture<'_, Option<Letter>> {
        Box::pin(async move {
            let letter = self.0.next(to).await;
            if letter.as_ref().is_some_and(|l| l.number == 1) {
                self.0.receipts(to, 1).await;
            }
            letter
        })
    }
    fn done(&self, to: ServiceId, letter: u64, answer: Result<Bytes, SendError>) -> BoxFuture<'_, ()> {
        self.0.done(to, letter, answer)
    }
    fn changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.0.changed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_settled_while_the_next_letter_is_made() {
    let p = pair(Shelf::new(), quick()).await;
    let (tray, ma) = (Tray::new(vec![p.ma.address()]), service("ma"));
    (0..3).for_each(|n| tray.put(ma, n));
    let running = pump(&p.es, &Arc::new(Second(tray.clone())), quick());
    tray.receipts(ma, 3).await;
    assert_eq!(tray.look(ma, |d| (d.failures.len(), d.waiting.len())), (0, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_is_made_and_has_not_left_goes_back_when_the_pump_ends() {
    let ma = service("ma");
    let away = entente_transport::Address { service: ma, endpoints: vec!["127.0.0.1:9".to_owned()], pins: vec![pin(&identity())], shows: None };
    let tray = Tray::new(vec![away]);
    // The first fails and earns a rest of minutes; the second is made and waits for its end.
    let running = pump(&identity(), &tray, Limits { backoff_base_ms: 600_000, backoff_cap_ms: 600_000, ..quick() });
    (0..2).for_each(|n| tray.put(ma, n));
    until(|| tray.look(ma, |d| !d.failures.is_empty())).await;
    running.stop().await;
    assert_eq!(tray.look(ma, |d| (d.out.len(), d.waiting.len(), d.receipts.len())), (0, 2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_that_is_long_away_gets_everything_once_when_it_returns() {
    let (es, ma, fr) = (identity(), identity(), identity());
    let cards = Cards::of(&[("es", &es)]);
    let (shelf, present) = (Shelf::new(), Shelf::new());
    // A port that is ours, and on which nobody answers yet.
    let at = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let away = entente_transport::Address { service: service("ma"), endpoints: vec![at.to_string()], pins: vec![pin(&ma)], shows: None };
    let here = Node::start("fr", &fr, cards.clone(), present.clone(), quick()).await;
    let tray = Tray::new(vec![away, here.address()]);
    let running = pump(&es, &tray, quick());
    (0..25).for_each(|n| tray.put(service("ma"), n));
    until(|| running.health.of(service("ma")).is_some_and(|h| h.attempts >= 12)).await;
    // Whoever is present does not wait for whoever is away.
    (0..25).for_each(|n| tray.put(service("fr"), n));
    tray.receipts(service("fr"), 25).await;
    let health = running.health.of(service("ma")).unwrap();
    assert_eq!((health.last_failure_code, health.last_success), (Some("failure.transport.unreachable"), None));
    assert!(tray.look(service("ma"), |d| d.receipts.is_empty()));

    let node = Node::start_at("ma", &ma, cards, shelf.clone(), quick(), at).await;
    tray.receipts(service("ma"), 25).await;
    assert_eq!((shelf.from("es").len(), numbers(&shelf.from("es")).len(), present.from("es").len()), (25, 25, 25));
    tray.look(service("ma"), |d| assert_eq!(d.receipts.iter().map(|r| r.0).collect::<BTreeSet<_>>().len(), 25));
    let health = running.health.of(service("ma")).unwrap();
    assert_eq!((health.attempts, health.last_failure_code), (0, Some("failure.transport.unreachable")));
    running.stop().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_in_the_middle_loses_nothing() {
    let (es, ma) = (identity(), identity());
    let cards = Cards::of(&[("es", &es)]);
    let shelf = Shelf::scripted(|_, parcel, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(3)).await;
            Ok(receipt(&parcel))
        })
    });
    let mut node = Node::start("ma", &ma, cards.clone(), shelf.clone(), quick()).await;
    let (at, tray, to) = (node.addr, Tray::new(vec![node.address()]), service("ma"));
    let running = pump(&es, &tray, quick());
    (0..400).for_each(|n| tray.put(to, n));
    for quarter in 1..4 {
        tray.receipts(to, quarter * 100).await;
        node.stop().await;
        node = Node::start_at("ma", &ma, cards.clone(), shelf.clone(), quick(), at).await;
    }
    tray.receipts(to, 400).await;
    assert_eq!(numbers(&shelf.from("es")).len(), 400);
    tray.look(to, |d| assert_eq!(d.receipts.iter().map(|r| r.0).collect::<BTreeSet<_>>().len(), 400));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_partner_is_left_alone_for_as_long_as_it_asked() {
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let shelf = {
        let times = times.clone();
        Shelf::scripted(move |_, parcel, n| {
            times.lock().unwrap().push(Instant::now());
            Box::pin(async move { if n == 0 { Err(Rejection::Busy { retry_after_s: 1 }) } else { Ok(receipt(&parcel)) } })
        })
    };
    let p = pair(shelf, quick()).await;
    let (tray, ma) = (Tray::new(vec![p.ma.address()]), service("ma"));
    let running = pump(&p.es, &tray, Limits { backoff_cap_ms: 5_000, in_flight_max: 1, ..quick() });
    tray.put(ma, 1);
    until(|| running.health.of(ma).is_some_and(|h| h.next_try.is_some())).await;
    // News does not shorten the wait.
    tray.put(ma, 2);
    tray.receipts(ma, 2).await;
    let times = times.lock().unwrap().clone();
    let waited = times[1] - times[0];
    assert!(waited >= Duration::from_millis(990) && waited < Duration::from_millis(1_800), "{waited:?}");
    tray.look(ma, |d| assert_eq!(d.failures, [(1, SendError::Busy { retry_after_s: Some(1) })]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_letter_that_is_always_refused_neither_spins_nor_stops_the_others() {
    let shelf = Shelf::scripted(|_, parcel, _| {
        Box::pin(async move {
            if parcel == "parcel 0" { Err(Rejection::Refused { code: "refusal.parcel.late", text: "too late".into() }) } else { Ok(receipt(&parcel)) }
        })
    });
    let p = pair(shelf.clone(), quick()).await;
    let (tray, ma) = (Tray::new(vec![p.ma.address()]), service("ma"));
    (0..30).for_each(|n| tray.put(ma, n));
    // The tray hands a failed letter out first again, the worst it may do.
    let running = pump(&p.es, &tray, quick());
    tray.receipts(ma, 3).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = tray.look(ma, |d| d.failures.len());
    assert!((2..=55).contains(&refused), "at most one try per wait of 10 ms and more: {refused}");
    assert_eq!(running.health.of(ma).unwrap().last_failure_code, Some("refusal.transport.refused"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partners_come_and_go_while_it_runs() {
    let (es, ma, fr) = (identity(), identity(), identity());
    let cards = Cards::of(&[("es", &es)]);
    let shelf = Shelf::scripted(|_, parcel, n| Box::pin(async move { if n == 1 { std::future::pending().await } else { Ok(receipt(&parcel)) } }));
    let first = Node::start("ma", &ma, cards.clone(), shelf.clone(), quick()).await;
    let second = Node::start("fr", &fr, cards.clone(), Shelf::new(), quick()).await;
    let tray = Tray::new(vec![first.address()]);
    let running = pump(&es, &tray, quick());
    tray.put(service("ma"), 1);
    tray.put(service("fr"), 1);
    tray.receipts(service("ma"), 1).await;
    assert!(running.health.of(service("fr")).is_none());
    // This one hangs; its partner is dropped while it is under way: the letter comes back, the line is closed.
    tray.put(service("ma"), 2);
    until(|| tray.look(service("ma"), |d| d.out.len() == 1)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    tray.set_partners(vec![second.address()]);
    tray.receipts(service("fr"), 1).await;
    until(|| tray.look(service("ma"), |d| d.failures == [(2, SendError::Stopped)])).await;
    until(|| first.lines.now().is_empty()).await;
    assert!(running.health.of(service("ma")).is_none());
    // It is a partner again, and has moved house.
    let moved = Node::start("ma", &ma, cards, shelf, quick()).await;
    tray.set_partners(vec![moved.address(), second.address()]);
    tray.receipts(service("ma"), 2).await;
    assert_eq!(running.health.all().len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_waits_for_receipts_and_gives_every_letter_back() {
    let shelf = Shelf::scripted(|_, parcel, n| {
        Box::pin(async move {
            if n < 2 {
                tokio::time::sleep(Duration::from_millis(300)).await
            } else {
                std::future::pending().await
            }
            Ok(receipt(&parcel))
        })
    });
    let p = pair(shelf, quick()).await;
    let (tray, ma) = (Tray::new(vec![p.ma.address()]), service("ma"));
    (0..9).for_each(|n| tray.put(ma, n));
    let running = pump(&p.es, &tray, Limits { drain_timeout: Duration::from_millis(700), ..quick() });
    until(|| tray.look(ma, |d| d.out.len() == 4)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop().await;
    tray.look(ma, |d| {
        assert_eq!((d.receipts.len(), d.failures.len(), d.out.len(), d.waiting.len()), (2, 2, 0, 7));
        assert!(d.failures.iter().all(|(_, e)| *e == SendError::Stopped));
    });
}

#[tokio::test]
async fn it_asks_seldom_when_nothing_happens_even_if_the_channel_is_closed() {
    struct Mute(Arc<Tray>);
    impl entente_transport::Outbox for Mute {
        fn partners(&self) -> Vec<entente_transport::Address> {
            self.0.partners()
        }
        fn next(&self, to: base::ServiceId) -> entente_transport::BoxFuture<'_, Option<entente_transport::Letter>> {
            self.0.next(to)
        }
        fn done(&self, to: base::ServiceId, letter: u64, answer: Result<bytes::Bytes, SendError>) -> entente_transport::BoxFuture<'_, ()> {
            self.0.done(to, letter, answer)
        }
        fn changed(&self) -> tokio::sync::watch::Receiver<u64> {
            tokio::sync::watch::channel(0).1 // whose sender is gone at once
        }
    }
    let p = pair(Shelf::new(), quick()).await;
    let tray = Tray::new(vec![p.ma.address()]);
    let courier = Arc::new(Courier::new(&p.es, quick()).unwrap());
    let pump = Pump::new(courier, Arc::new(Mute(tray.clone())), Counted(0), Limits { look_interval: Duration::from_millis(100), ..quick() });
    let task = tokio::spawn(pump.run(std::future::pending()));
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let asked = tray.look(service("ma"), |d| d.asked);
    assert!((5..=12).contains(&asked), "{asked}");
    // The timer alone finds what is due.
    tray.look(service("ma"), |d| d.waiting.push_back(entente_transport::Letter { number: 1, parcel: "parcel 1".into() }));
    tray.receipts(service("ma"), 1).await;
    task.abort();
}
