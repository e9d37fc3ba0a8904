//! Three network namespaces and the wire between them, made and removed by the test itself; nothing outside of them is touched.
//!
//! Each node sits in a namespace of its own with its own address. Its packets leave by a VXLAN device (RFC 7348): the kernel wraps
//! every real Ethernet frame into a UDP datagram, and the other end of that is a plain socket of this program, in one more
//! namespace. So this program is the wire: it holds packets back, drops, doubles and reorders them, and cuts one way or both,
//! without a line of unsafe code, and on kernels without `sch_netem` too. Where `tc netem` is there, the weather is made by it.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The port of VXLAN.
const PORT: u16 = 4789;
/// Where the inner frame begins in a datagram, and the last byte of its destination, which numbers the node.
const TO: usize = 8 + 5;
/// How long a packet may queue on a slow wire before it is dropped, as routers do.
const QUEUE_MAX: Duration = Duration::from_secs(2);

/// What one direction between two nodes does to packets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// Nothing passes.
    pub cut: bool,
    pub delay_ms: u64,
    pub jitter_ms: u64,
    pub loss_percent: u32,
    pub double_percent: u32,
    /// Packets that are held back so that later ones overtake them.
    pub reorder_percent: u32,
    /// Bytes in a second; 0 for as many as come.
    pub bytes_per_s: u64,
}

/// The namespaces, gone when this is dropped.
pub struct Net {
    tag: String,
    wire: Arc<Wire>,
    threads: Vec<JoinHandle<()>>,
    /// By node: where its local API is reached from outside its namespace.
    pub doors: Vec<SocketAddr>,
}

struct Wire {
    sockets: Vec<UdpSocket>,
    ways: Mutex<Vec<Vec<(Weather, Instant)>>>,
    held: Mutex<BinaryHeap<Held>>,
    news: Condvar,
    stop: AtomicBool,
    draw: AtomicU64,
    /// Packets that passed and that were dropped.
    counted: [AtomicU64; 2],
}

/// A packet that is due later; the earliest comes out first.
struct Held(Instant, usize, Vec<u8>);

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        self.0 == other.0
    }
}
impl Eq for Held {}
impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

/// Runs a program; what it says is the error. One that takes longer than such things do is killed: a story that waits for ever tells nobody why.
pub fn run(line: &str) -> Result<(), String> {
    let out = Command::new("timeout").args(["-s", "KILL", "30"]).args(line.split_whitespace()).output().map_err(|e| format!("{line}: {e}"))?;
    if out.status.success() { Ok(()) } else { Err(format!("{line}: {}", String::from_utf8_lossy(&out.stderr).trim())) }
}

/// Says loudly what was not checked, past the test harness, so that the closing table of `cargo xtask test` shows it.
pub fn not_checked(what: &str, why: &str) {
    let _ = std::io::stdout().lock().write_all(format!("\nNOT CHECKED: {what}: {}\n", why.replace('\n', " ")).as_bytes());
}

impl Net {
    /// Makes `n` namespaces, or says why this machine does not let us.
    pub fn new(n: usize) -> Result<Net, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let tag = format!("ent{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let wire = Wire {
            sockets: Vec::new(),
            ways: Mutex::new(vec![vec![(Weather::default(), Instant::now()); n]; n]),
            held: Mutex::default(),
            news: Condvar::new(),
            stop: AtomicBool::new(false),
            draw: AtomicU64::new(0x5eed_0003),
            counted: Default::default(),
        };
        let mut net = Net { tag, wire: Arc::new(wire), threads: Vec::new(), doors: Vec::new() };
        net.make(n)?; // what was made is taken away again when `net` is dropped
        Ok(net)
    }

    fn space(&self, i: usize) -> String {
        format!("{}n{i}", self.tag)
    }

    fn make(&mut self, n: usize) -> Result<(), String> {
        let hub = format!("{}w", self.tag);
        run(&format!("ip netns add {hub}"))?;
        run(&format!("ip -n {hub} link set lo up"))?;
        for i in 0..n {
            let (ns, veth) = (self.space(i), format!("v{i}"));
            run(&format!("ip netns add {ns}"))?;
            run(&format!("ip -n {ns} link set lo up"))?;
            run(&format!("ip -n {hub} link add {veth} type veth peer name under netns {ns}"))?;
            run(&format!("ip -n {hub} addr add 10.9.{i}.1/24 dev {veth}"))?;
            run(&format!("ip -n {hub} link set {veth} up"))?;
            run(&format!("ip -n {ns} addr add 10.9.{i}.2/24 dev under"))?;
            run(&format!("ip -n {ns} link set under up"))?;
            run(&format!(
                "ip -n {ns} link add wire address 02:00:00:00:00:0{i} type vxlan id 7 local 10.9.{i}.2 remote 10.9.{i}.1 dstport {PORT} nolearning dev under"
            ))?;
            run(&format!("ip -n {ns} addr add {}/24 dev wire", address(i)))?;
            // Checksums and segments are otherwise left to a network card, and there is none.
            run(&format!("ip netns exec {ns} ethtool -K wire tx off"))?;
            run(&format!("ip -n {ns} link set wire up"))?;
            for j in (0..n).filter(|j| *j != i) {
                run(&format!("ip -n {ns} neigh add {} lladdr 02:00:00:00:00:0{j} dev wire nud permanent", address(j)))?;
            }
        }
        let sockets = in_space(&hub, move || (0..n).map(|i| UdpSocket::bind((Ipv4Addr::new(10, 9, i as u8, 1), PORT))).collect::<Result<Vec<_>, _>>())?;
        let sockets = sockets.map_err(|e| format!("the wire's sockets: {e}"))?;
        for s in &sockets {
            s.set_read_timeout(Some(Duration::from_millis(200))).map_err(|e| e.to_string())?;
        }
        Arc::get_mut(&mut self.wire).expect("no thread yet").sockets = sockets;
        for i in 0..n {
            let wire = Arc::clone(&self.wire);
            self.threads.push(thread::spawn(move || wire.hear(i)));
            self.doors.push(self.open_door(i)?);
        }
        let wire = Arc::clone(&self.wire);
        self.threads.push(thread::spawn(move || wire.deliver()));
        Ok(())
    }

    /// Lets this program in to the local API of a node, which listens on its own namespace's loopback only.
    fn open_door(&self, i: usize) -> Result<SocketAddr, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let at = listener.local_addr().map_err(|e| e.to_string())?;
        let ns = self.space(i);
        thread::spawn(move || {
            let _ = in_space(&ns, move || {
                for inside in listener.incoming().flatten() {
                    let Ok(node) = TcpStream::connect(API) else { continue }; // the caller sees its connection end
                    for (mut from, mut to) in
                        [(inside.try_clone(), node.try_clone()), (Ok(node), Ok(inside))].map(|(a, b)| (a.expect("a descriptor"), b.expect("a descriptor")))
                    {
                        thread::spawn(move || {
                            let _ = std::io::copy(&mut from, &mut to);
                            let _ = to.shutdown(std::net::Shutdown::Write);
                        });
                    }
                }
            });
        });
        Ok(at)
    }

    /// Returns the words that run a program inside a node's namespace.
    pub fn inside(&self, i: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.space(i)].map(str::to_owned).to_vec()
    }

    /// Sets what one direction does to packets.
    pub fn way(&self, from: usize, to: usize, weather: Weather) {
        self.wire.ways.lock().unwrap()[from][to].0 = weather;
    }

    /// Sets what all directions do, by `tc netem` where the kernel has it, by the wire itself elsewhere; says by which.
    pub fn everywhere(&self, w: Weather) -> &'static str {
        let n = self.doors.len();
        if !self.has_netem() {
            (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).for_each(|(i, j)| self.way(i, j, w));
            return "the test's own wire";
        }
        assert!(!w.cut, "cuts are made one by one");
        for i in 0..n {
            let ns = self.space(i);
            let _ = run(&format!("tc -n {ns} qdisc del dev wire root")); // there may be none
            if w == Weather::default() {
                continue;
            }
            let rate = if w.bytes_per_s > 0 { format!(" rate {}bps", w.bytes_per_s) } else { String::new() };
            let (delay, jitter, loss, double, reorder) = (w.delay_ms.max(1), w.jitter_ms, w.loss_percent, w.double_percent, w.reorder_percent);
            let words = format!("delay {delay}ms {jitter}ms loss {loss}% duplicate {double}% reorder {reorder}%{rate}");
            run(&format!("tc -n {ns} qdisc add dev wire root netem {words}")).unwrap();
        }
        "tc netem"
    }

    /// Tells whether the kernel has `sch_netem`; tried once, because a kernel without it looks for a module each time.
    fn has_netem(&self) -> bool {
        static HERE: OnceLock<bool> = OnceLock::new();
        *HERE.get_or_init(|| {
            let ns = self.space(0);
            run(&format!("tc -n {ns} qdisc add dev wire root netem delay 1ms")).and_then(|()| run(&format!("tc -n {ns} qdisc del dev wire root"))).is_ok()
        })
    }

    /// Cuts both ways between two nodes, or mends them.
    pub fn cut(&self, one: usize, other: usize, cut: bool) {
        let weather = Weather { cut, ..Weather::default() };
        self.way(one, other, weather);
        self.way(other, one, weather);
    }

    /// Returns how many packets passed and how many were dropped.
    pub fn packets(&self) -> (u64, u64) {
        (self.wire.counted[0].load(Ordering::Relaxed), self.wire.counted[1].load(Ordering::Relaxed))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.wire.stop.store(true, Ordering::Relaxed);
        self.wire.news.notify_all();
        self.threads.drain(..).for_each(|t| drop(t.join()));
        let spaces = (0..self.wire.ways.lock().unwrap().len()).map(|i| self.space(i)).chain([format!("{}w", self.tag)]);
        spaces.for_each(|ns| drop(run(&format!("ip netns del {ns}")))); // some may never have been made
    }
}

/// A node's local API, inside its namespace.
pub const API: &str = "127.0.0.1:7401";

/// A node's address on the wire.
pub fn address(i: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, i as u8 + 1)
}

/// Runs something on a thread of its own inside a namespace; sockets that it opens belong there.
fn in_space<T: Send + 'static>(ns: &str, f: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let file = File::open(format!("/run/netns/{ns}")).map_err(|e| format!("namespace {ns}: {e}"))?;
    let inside = thread::spawn(move || move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map(|()| f()));
    inside.join().map_err(|_| "a thread broke".to_owned())?.map_err(|e| format!("namespace {ns}: {e}"))
}

impl Wire {
    fn draw(&self, under: u64) -> u64 {
        let next = |s: u64| s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let drawn = self.draw.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |s| Some(next(s))).unwrap_or(1);
        if under == 0 { 0 } else { (next(drawn) >> 33) % under }
    }

    fn chance(&self, percent: u32) -> bool {
        self.draw(100) < u64::from(percent)
    }

    /// Takes what one node sends and decides what becomes of it.
    fn hear(&self, from: usize) {
        let mut packet = vec![0; 65_536];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok((n, _)) = self.sockets[from].recv_from(&mut packet) else { continue };
            let Some(to) = packet.get(TO).map(|b| usize::from(*b)).filter(|to| n > TO && *to < self.sockets.len() && *to != from) else { continue };
            let now = Instant::now();
            let (w, due) = {
                let mut ways = self.ways.lock().unwrap();
                let (w, free) = &mut ways[from][to];
                let mut due = now;
                if w.bytes_per_s > 0 {
                    due = now.max(*free);
                    *free = due + Duration::from_secs_f64(n as f64 / w.bytes_per_s as f64);
                }
                (*w, due)
            };
            if w.cut || self.chance(w.loss_percent) || due - now > QUEUE_MAX {
                self.counted[1].fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let back = if self.chance(w.reorder_percent) { 20 + self.draw(40) } else { 0 };
            let due = due + Duration::from_millis(w.delay_ms + self.draw(w.jitter_ms) + back);
            let copies = if self.chance(w.double_percent) { 2 } else { 1 };
            for _ in 0..copies {
                self.counted[0].fetch_add(1, Ordering::Relaxed);
                if due <= now {
                    self.send(to, &packet[..n]);
                } else {
                    self.held.lock().unwrap().push(Held(due, to, packet[..n].to_vec()));
                    self.news.notify_one();
                }
            }
        }
    }

    fn send(&self, to: usize, packet: &[u8]) {
        let _ = self.sockets[to].send_to(packet, (Ipv4Addr::new(10, 9, to as u8, 2), PORT)); // a packet that is lost is lost
    }

    /// Delivers what was held back, when it is due.
    fn deliver(&self) {
        let mut held = self.held.lock().unwrap();
        while !self.stop.load(Ordering::Relaxed) {
            let wait = held.peek().map_or(Duration::from_millis(200), |h| h.0.saturating_duration_since(Instant::now()));
            if wait > Duration::ZERO {
                held = self.news.wait_timeout(held, wait).unwrap().0;
                continue;
            }
            if let Some(Held(_, to, packet)) = held.pop() {
                self.send(to, &packet);
            }
        }
    }
}
