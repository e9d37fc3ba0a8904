//! Founds services and runs their nodes as processes of their own: for the demo, measurements and tests.

use crate::client::{Client, Problem};
use crate::home::{Founding, Home, HomeError, key_file_bytes};
use base::{Entropy, Lang, ServiceId, Text};
use seal::{Duty, Fingerprint, Lock, SystemEntropy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a node may take to come up.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to answer the question whether it is up, before it is asked again.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How long a node that was asked to stop may take: what is under way is given fifteen seconds.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// What stops a launch.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The directory cannot be made.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A node says no.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The operating system says no, or a node does not come up.
    #[error("{0}")]
    System(String),
}

/// A service to be founded.
#[derive(Debug, Clone)]
pub struct Founder<'a> {
    /// Short name.
    pub code: &'a str,
    /// ISO 3166-1 alpha-2.
    pub country: &'a str,
    /// tz name.
    pub zone: &'a str,
    /// Name by language.
    pub name: &'a [(Lang, &'a str)],
    /// Working languages.
    pub languages: &'a [Lang],
}

/// A service's directory beside its key file, with a node that may run on it.
pub struct Station {
    /// Short name.
    pub code: String,
    /// The service.
    pub service: ServiceId,
    /// Its fingerprint in words.
    pub fingerprint: String,
    /// The node's directory.
    pub dir: PathBuf,
    /// The file with the key under which the node's keys lie.
    pub key_file: PathBuf,
    /// The local API, as this program reaches it.
    pub api: SocketAddr,
    /// The desk, as browsers on this machine reach it.
    pub desk: SocketAddr,
    /// Where partners come in.
    pub peer: SocketAddr,
    /// Words that stand before the program when it is started: `ip netns exec NAME`, `prlimit …`; each must become the program.
    pub before: Vec<String>,
    /// Variables that the program gets besides its own.
    pub variables: Vec<(String, String)>,
    /// Where the node's log is written.
    pub log: PathBuf,
    child: Option<Child>,
    tokens: BTreeMap<String, String>,
}

impl Station {
    /// Founds a service in `root/<code>`, on free loopback ports.
    pub fn found(root: &Path, founder: &Founder<'_>) -> Result<Station, LaunchError> {
        let (api, peer) = (free_port()?, free_port()?);
        Station::found_at(root, founder, api, peer, peer)
    }

    /// Founds a service in `root/<code>`: the local API at one address, partners come in at another and know it by a third.
    pub fn found_at(root: &Path, founder: &Founder<'_>, api: SocketAddr, peer: SocketAddr, known_as: SocketAddr) -> Result<Station, LaunchError> {
        let dir = root.join(founder.code);
        let key_file = root.join(format!("{}.key", founder.code));
        let (key, desk) = (key_file_bytes(), free_port()?);
        fs::create_dir_all(root).and_then(|()| fs::write(&key_file, key)).map_err(|e| LaunchError::System(format!("{}: {e}", key_file.display())))?;
        let founding = Founding {
            code: founder.code.to_owned(),
            country: founder.country.to_owned(),
            name: founder.name.iter().map(|(l, n)| Text::new(*l, *n)).collect(),
            endpoints: vec![known_as.to_string()],
            listen: peer,
            api,
            zone: founder.zone.to_owned(),
            languages: founder.languages.to_vec(),
            duty: vec![Duty { desk: "24/7 liaison desk".to_owned(), phone: "+10000000000".to_owned(), mail: String::new() }],
            valid_days: 365,
            desk: Some(desk),
        };
        let founded = Home::init(&dir, &founding, &Lock::KeyFile(&key))?;
        let tokens = BTreeMap::from([("admin".to_owned(), founded.admin_token)]);
        let log = dir.join("log.txt");
        let (code, service, fingerprint) = (founder.code.to_owned(), founded.service, founded.fingerprint);
        Ok(Station { code, service, fingerprint, dir, key_file, api, desk, peer, before: Vec::new(), variables: Vec::new(), log, child: None, tokens })
    }

    /// Finds a service that was founded in `root/<code>` before, with the tokens that are kept there.
    pub fn again(root: &Path, code: &str) -> Result<Station, LaunchError> {
        let (dir, key_file) = (root.join(code), root.join(format!("{code}.key")));
        let home = Home::open(&dir)?;
        let wrong = |what: String| LaunchError::System(format!("{}: {what}", key_file.display()));
        let bytes = fs::read(&key_file).map_err(|e| wrong(e.to_string()))?;
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong(format!("{} bytes; a key file has 32", bytes.len())))?;
        let service = home.keys(&Lock::KeyFile(&key))?.service();
        let config = home.config();
        let desk = config.desk.as_ref().map(|d| d.listen).ok_or_else(|| LaunchError::System(format!("{}: no desk is served there", dir.display())))?;
        let mut tokens = BTreeMap::new();
        for entry in fs::read_dir(dir.join("tokens")).into_iter().flatten().flatten() {
            let officer = entry.file_name().to_string_lossy().into_owned();
            let token = home.token(Some(&officer))?;
            tokens.insert(officer, token);
        }
        let fingerprint = Fingerprint::of(&service).words(Lang::En);
        let (code, log, api, peer) = (code.to_owned(), dir.join("log.txt"), config.api, config.listen);
        Ok(Station { code, service, fingerprint, dir, key_file, api, desk, peer, before: Vec::new(), variables: Vec::new(), log, child: None, tokens })
    }

    /// Starts the node's process with `program` and waits until it is ready.
    pub async fn start(&mut self, program: &Path) -> Result<(), LaunchError> {
        let system = |what: String| LaunchError::System(what);
        let log = File::options().create(true).append(true).open(&self.log).map_err(|e| system(format!("{}: {e}", self.log.display())))?;
        let mut words = self.before.iter().map(OsStr::new).chain([program.as_os_str()]);
        let mut command = Command::new(words.next().expect("the program itself is a word"));
        command.args(words).envs(self.variables.iter().map(|(k, v)| (k, v))).arg("--dir").arg(&self.dir).arg("serve").arg("--key-file").arg(&self.key_file);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|e| system(format!("{} cannot be started: {e}", program.display())))?;
        self.child = Some(child);
        let client = self.client("admin");
        let began = Instant::now();
        loop {
            match tokio::time::timeout(ANSWERS_WITHIN, client.get("/v1/me")).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(p)) if p.status != 0 => return Err(p.into()),
                Ok(Err(_)) | Err(_) => {}
            }
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().ok().flatten()) {
                return Err(system(format!("node {} ended at once ({status}):\n{}", self.code, self.log_tail())));
            }
            if began.elapsed() > READY_WITHIN {
                return Err(system(format!("node {} is not ready after {} s:\n{}", self.code, READY_WITHIN.as_secs(), self.log_tail())));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills the node's process without warning, as a power cut would (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill(); // it may have ended by itself
            let _ = child.wait();
        }
    }

    /// Asks the node's process to stop (SIGTERM) and waits for its end; one that does not end is killed, and that is an error.
    pub fn stop(&mut self) -> Result<(), LaunchError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        let told = Command::new("kill").arg(pid.to_string()).status().is_ok_and(|s| s.success());
        let began = Instant::now();
        while told && began.elapsed() < STOPS_WITHIN {
            match self.ended() {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(LaunchError::System(format!("node {} ended with {status}:\n{}", self.code, self.log_tail()))),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        self.kill();
        Err(LaunchError::System(format!("node {} did not stop when asked to, and was killed:\n{}", self.code, self.log_tail())))
    }

    /// Tells how the node's process ended, once, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok().flatten()?;
        self.child = None;
        Some(status)
    }

    /// Returns where browsers on this machine find the desk.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.desk.port())
    }

    /// Invites an officer to the desk of the running node; returns the link, which makes a passkey once.
    pub async fn invite(&self, officer: &str) -> Result<String, Problem> {
        let invited = self.client("admin").post(&format!("/v1/officers/{}/invite", crate::client::escape(officer)), &json!({})).await?;
        Ok(invited["link"].as_str().unwrap_or_default().to_owned())
    }

    /// Returns a client for an officer whose token is known.
    pub fn client(&self, officer: &str) -> Client {
        Client::new(&self.api.to_string(), self.tokens.get(officer).map_or("", String::as_str))
    }

    /// Registers an officer through the running node, and keeps the token in the directory.
    pub async fn add_officer(&mut self, id: &str, name: &str, roles: &[&str]) -> Result<(), LaunchError> {
        let answer = self.client("admin").post("/v1/officers", &json!({ "id": id, "name": name, "roles": roles })).await?;
        let token = answer["token"].as_str().unwrap_or_default().to_owned();
        Home::open(&self.dir)?.keep_token(id, &token)?;
        self.tokens.insert(id.to_owned(), token);
        Ok(())
    }

    /// Takes another service's card, with its fingerprint.
    pub async fn meet(&self, other: &Station) -> Result<(), LaunchError> {
        let card = other.client("admin").get("/v1/card").await?;
        self.client("admin").post("/v1/partners", &json!({ "card": card["card"], "fingerprint": other.fingerprint })).await?;
        Ok(())
    }

    /// Proposes as one officer and, where a second pair of eyes is wanted, approves as another.
    pub async fn act(&self, first: &str, second: &str, intent: &Value, wait: &str) -> Result<Value, Problem> {
        let made = self.client(first).post(&format!("/v1/intents?wait={wait}"), intent).await?;
        match made["pending"].as_str() {
            Some(id) => self.client(second).post(&format!("/v1/pending/{id}/approve?wait={wait}"), &json!({})).await,
            None => Ok(made),
        }
    }

    /// Returns the node's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns the last lines of the node's log.
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Loopback ports that a process has for itself while it lives: its blocks, each held by the listener on the block's first port.
struct Ports {
    held: Vec<TcpListener>,
    left: Range<u16>,
}

static PORTS: Mutex<Ports> = Mutex::new(Ports { held: Vec::new(), left: 0..0 });

/// Ports of all blocks: below those that outgoing connections take, so that a restarted node gets its port back.
const PORTS_FROM: u16 = 16_000;
/// Ports of a block.
const BLOCK: u16 = 100;
/// Blocks.
const BLOCKS: u16 = 160;

/// Finds a loopback port on which nobody listens, and which no other caller gets: neither of this process nor, while it lives, of another.
pub fn free_port() -> Result<SocketAddr, LaunchError> {
    let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        // One that listens there outlived the process that had the block: it keeps its port.
        for port in ports.left.by_ref() {
            if TcpListener::bind(at(port)).is_ok() {
                return Ok(at(port));
            }
        }
        let mut draw = [0u8; 2];
        SystemEntropy.fill(&mut draw);
        let first = u16::from_le_bytes(draw) % BLOCKS;
        let block = |n: u16| PORTS_FROM + (first + n) % BLOCKS * BLOCK;
        let (head, listener) = (0..BLOCKS)
            .find_map(|n| TcpListener::bind(at(block(n))).ok().map(|listener| (block(n), listener)))
            .ok_or_else(|| LaunchError::System(format!("all ports from {PORTS_FROM} on are taken")))?;
        ports.held.push(listener);
        ports.left = head + 1..head + BLOCK;
    }
}

/// Starts nodes, gives each its officers, lets all take each other's cards, and brings an accord on requests among them into force.
pub async fn settle(stations: &mut [Station], program: &Path) -> Result<(), LaunchError> {
    for station in stations.iter_mut() {
        station.start(program).await?;
        station.add_officer("desk", "Desk", &["desk", "officer"]).await?;
        station.add_officer("chief", "Chief", &["supervisor", "competent-authority"]).await?;
        station.add_officer("judge", "Judge", &["competent-authority", "supervisor"]).await?;
    }
    let pairs = |n: usize| (0..n).flat_map(move |i| (0..n).filter(move |j| *j != i).map(move |j| (i, j)));
    for (one, other) in pairs(stations.len()) {
        stations[one].meet(&stations[other]).await?;
    }
    let hash = stations[0].client("desk").get("/v1/mechanisms/information-request").await?["hash"].as_str().unwrap_or_default().to_owned();
    let parties: Vec<ServiceId> = stations.iter().map(|s| s.service).collect();
    let opened = stations[0].act("chief", "judge", &accord(&parties, &[("information-request", &hash)], "Requests"), "delivered").await?;
    let id = opened["dossier"].clone();
    let sign = json!({ "do": "move", "dossier": id, "item": null, "name": "sign", "handling": { "codes": ["H0"] }, "fields": { "authority": { "lang": "en", "text": "Director" } } });
    for station in stations.iter() {
        station.act("judge", "chief", &sign, "delivered").await?;
    }
    let path = format!("/v1/dossiers/{}?reason=measurement", id.as_str().unwrap_or_default());
    for station in stations.iter() {
        until("the accord in force", Duration::from_secs(20), || async { Ok(station.client("desk").get(&path).await?["phase"] == "in-force") }).await?;
    }
    Ok(())
}

/// An intent to propose an accord among us and others over some mechanisms.
pub fn accord(parties: &[ServiceId], mechanisms: &[(&str, &str)], title: &str) -> Value {
    let named: Vec<Value> = mechanisms.iter().map(|(name, hash)| json!({ "name": name, "id": hash })).collect();
    json!({
        "do": "open", "mechanism": "accord", "accord": null, "follows": null,
        "parties": parties.iter().map(|p| json!([p, "party"])).collect::<Vec<_>>(),
        "handling": { "codes": ["H0"] },
        "fields": {
            "title": { "lang": "en", "text": title },
            "legal_basis_kind": "bilateral-agreement",
            "legal_basis": [{ "lang": "en", "text": "Agreement on cooperation against crime" }],
            "purposes": ["prevent", "investigate"],
            "mechanisms": named,
            "languages": ["fr", "es", "en"],
            "retention_days": 1825
        }
    })
}

/// Waits until a condition that reads a node holds, or says what was waited for.
pub async fn until<F: Future<Output = Result<bool, Problem>>>(what: &str, within: Duration, mut holds: impl FnMut() -> F) -> Result<(), LaunchError> {
    let began = Instant::now();
    loop {
        if holds().await? {
            return Ok(());
        }
        if began.elapsed() > within {
            return Err(LaunchError::System(format!("waited {} s in vain: {what}", within.as_secs())));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
