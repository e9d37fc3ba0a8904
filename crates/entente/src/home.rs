//! A node's directory: configuration, keys, store, officers' tokens.

use crate::config::{self, Config};
use crate::engine::now;
use base::{Entropy, Lang, Tag, Text, UnixMs};
use dossier::OfficerRole;
use node::{Node, NodeError, Settings};
use seal::{CardDraft, Duty, Fingerprint, Keys, Lock, SystemEntropy};
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Append, DirVault, LogLine, RecordOp, Sqlite, Store};

const KEYS: &str = "keys.entente";
/// Held by whoever may write the key file.
const KEYS_LOCK: &str = "keys.lock";
const STORE: &str = "node.db";
/// The directory of exhibits: one file a shelf, sealed; the keys lie in the store.
const EXHIBITS: &str = "exhibits";
const TOKENS: &str = "tokens";
const DAY_MS: i64 = 86_400_000;

/// A node's directory.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
    config: Config,
}

/// What an administrator says of a new service.
#[derive(Debug, Clone)]
pub struct Founding {
    /// Short name, such as "ma".
    pub code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The service's name in one or more languages.
    pub name: Vec<Text>,
    /// Where partners reach the node, host:port.
    pub endpoints: Vec<String>,
    /// Where the node listens for them.
    pub listen: SocketAddr,
    /// Where officers' programs come in.
    pub api: SocketAddr,
    /// The tz name of the place.
    pub zone: String,
    /// Working languages.
    pub languages: Vec<Lang>,
    /// Desks that answer.
    pub duty: Vec<Duty>,
    /// Days for which the first card is valid.
    pub valid_days: u32,
    /// Where the desk listens for officers' browsers; none where it is not served.
    pub desk: Option<SocketAddr>,
}

/// A new service.
#[derive(Debug)]
pub struct Founded {
    /// Its id.
    pub service: base::ServiceId,
    /// Its fingerprint in words.
    pub fingerprint: String,
    /// The token of the officer `admin`; kept in the directory.
    pub admin_token: String,
}

/// A directory does not do; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The operator's doing.
    #[error("{0}")]
    Asked(String),
    /// Another process may write the key file.
    #[error("the node runs, or another command works on its keys; stop the node for this and start it again afterwards")]
    Held,
    /// The keys cannot be opened or made.
    #[error(transparent)]
    Keys(#[from] seal::KeysRefusal),
    /// The store or the node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The operating system.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

impl HomeError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            HomeError::Asked(_) => "refusal.home",
            HomeError::Held => "refusal.keys.held",
            HomeError::Keys(e) => e.code(),
            HomeError::Node(e) => e.code(),
            HomeError::Io(..) => "failure.home.io",
        }
    }
}

impl From<store::StoreError> for HomeError {
    fn from(e: store::StoreError) -> HomeError {
        HomeError::Node(e.into())
    }
}

impl Home {
    /// Makes a new service in an empty directory: keys, first card, store, and the officer `admin`.
    pub fn init(dir: &Path, founding: &Founding, lock: &Lock<'_>) -> Result<Founded, HomeError> {
        if dir.join(config::FILE).exists() || dir.join(KEYS).exists() {
            return Err(HomeError::Asked(format!("{} holds a node already; choose another directory", dir.display())));
        }
        let io = |what: &Path| {
            let what = what.display().to_string();
            move |e| HomeError::Io(what, e)
        };
        let at = now();
        at.in_zone(&founding.zone).map_err(NodeError::from)?;
        let draft = CardDraft {
            code: founding.code.clone(),
            country: founding.country.clone(),
            name: founding.name.clone(),
            endpoints: founding.endpoints.clone(),
            languages: founding.languages.iter().map(|l| Tag::from(*l)).collect(),
            duty: founding.duty.clone(),
            // A partner's clock may be a little behind ours.
            valid_from: at.plus_ms(-3_600_000),
            valid_until: at.plus_ms(i64::from(founding.valid_days) * DAY_MS),
        };
        let keys = Keys::generate(&draft, at, &mut SystemEntropy)?;
        let bytes = keys.to_file(lock, &mut SystemEntropy)?;
        fs::create_dir_all(dir).map_err(io(dir))?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(io(dir))?;
        write_private(&dir.join(KEYS), &bytes).map_err(io(&dir.join(KEYS)))?;
        let text = Config::text(founding.listen, founding.api, &founding.zone) + &founding.desk.map(config::DeskConfig::text).unwrap_or_default();
        // On the disk before anything is said: a power cut right after must not leave an empty file.
        write_private(&dir.join(config::FILE), text.as_bytes()).map_err(io(dir))?;
        let home = Home::open(dir)?;
        let mut node = home.node_with(keys)?;
        let everything = vec![OfficerRole::Administrator];
        let (_, admin_token) = node.add_officer("admin".parse().map_err(NodeError::from)?, "Administrator".to_owned(), everything, at)?;
        commit(&mut node)?;
        home.keep_token("admin", &admin_token)?;
        let service = node.me();
        Ok(Founded { service, fingerprint: Fingerprint::of(&service).words(Lang::En), admin_token })
    }

    /// Opens a directory that `init` made.
    pub fn open(dir: &Path) -> Result<Home, HomeError> {
        Ok(Home { dir: dir.to_owned(), config: Config::read(dir).map_err(HomeError::Asked)? })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens the keys.
    pub fn keys(&self, lock: &Lock<'_>) -> Result<Keys, HomeError> {
        let mut keys = self.stored_keys(lock)?;
        keys.advance(now());
        Ok(keys)
    }

    /// Opens the keys as the file holds them, whatever the time is.
    pub fn stored_keys(&self, lock: &Lock<'_>) -> Result<Keys, HomeError> {
        let path = self.dir.join(KEYS);
        let bytes = fs::read(&path).map_err(|e| HomeError::Io(path.display().to_string(), e))?;
        Ok(Keys::from_file(&bytes, lock)?)
    }

    /// Writes the key file whole: at no moment is there none, or half of one.
    pub fn write_keys(&self, keys: &Keys, lock: &Lock<'_>) -> Result<(), HomeError> {
        let path = self.dir.join(KEYS);
        let bytes = keys.to_file(lock, &mut SystemEntropy)?;
        write_private(&path, &bytes).map_err(|e| HomeError::Io(path.display().to_string(), e))
    }

    /// Takes the right to write the key file, until the returned file is dropped; refused while another process has it.
    pub fn hold_keys(&self) -> Result<fs::File, HomeError> {
        let path = self.dir.join(KEYS_LOCK);
        let io = |e| HomeError::Io(path.display().to_string(), e);
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(HomeError::Held),
            Err(fs::TryLockError::Error(e)) => Err(io(e)),
        }
    }

    /// Opens the node; refused while another process has it open.
    pub fn node(&self, lock: &Lock<'_>) -> Result<Node, HomeError> {
        self.node_with(self.keys(lock)?)
    }

    /// Opens the node with keys that are open already.
    pub fn node_with(&self, keys: Keys) -> Result<Node, HomeError> {
        let store = Sqlite::open(&self.dir.join(STORE), keys.storage().clone(), Box::new(SystemEntropy))?;
        let settings = Settings { zone: self.config.zone.clone(), memory: self.config.memory_mib.saturating_mul(1 << 20) };
        let vault = DirVault::open(&self.dir.join(EXHIBITS), keys.storage().clone(), Box::new(SystemEntropy), self.config.disk_floor_mib << 20)?;
        let mut node = Node::open(Arc::new(store), keys, settings, Box::new(SystemEntropy), now())?;
        node.keep_exhibits(Arc::new(vault), now())?;
        Ok(node)
    }

    /// Opens the store only to read, also beside a running node.
    pub fn inspect(&self, lock: &Lock<'_>) -> Result<Sqlite, HomeError> {
        Ok(Sqlite::inspect(&self.dir.join(STORE), self.keys(lock)?.storage().clone())?)
    }

    /// Holds the store, so that no node runs on it meanwhile; refused while one does.
    pub fn hold(&self, lock: &Lock<'_>) -> Result<HeldHome, HomeError> {
        let store = Sqlite::open(&self.dir.join(STORE), self.keys(lock)?.storage().clone(), Box::new(SystemEntropy))?;
        match store.record(node::MOVED.0, node::MOVED.1)? {
            Some(to) => Err(NodeError::Moved(String::from_utf8_lossy(&to.data).into_owned()).into()),
            None => Ok(HeldHome(store)),
        }
    }

    /// Keeps an officer's token in the directory, readable by its owner only.
    pub fn keep_token(&self, officer: &str, token: &str) -> Result<PathBuf, HomeError> {
        let tokens = self.dir.join(TOKENS);
        let path = tokens.join(officer);
        let io = |e| HomeError::Io(path.display().to_string(), e);
        fs::create_dir_all(&tokens).map_err(io)?;
        fs::set_permissions(&tokens, fs::Permissions::from_mode(0o700)).map_err(io)?;
        write_private(&path, token.as_bytes()).map_err(io)?;
        Ok(path)
    }

    /// Returns a kept token: the officer's, or the only one there is.
    pub fn token(&self, officer: Option<&str>) -> Result<String, HomeError> {
        let tokens = self.dir.join(TOKENS);
        let name = match officer {
            Some(o) => o.to_owned(),
            None => {
                let names: Vec<String> = fs::read_dir(&tokens).into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
                match &names[..] {
                    [one] => one.clone(),
                    [] => return Err(HomeError::Asked("no token is kept here; name one with --token-file or ENTENTE_TOKEN".to_owned())),
                    _ => return Err(HomeError::Asked(format!("tokens of {} are kept here; say --officer", names.join(", ")))),
                }
            }
        };
        let path = tokens.join(&name);
        let token = fs::read_to_string(&path).map_err(|e| HomeError::Io(format!("the token of {name} ({})", path.display()), e))?;
        Ok(token.trim().to_owned())
    }
}

/// A directory on which no node runs as long as this value lives.
pub struct HeldHome(Sqlite);

impl HeldHome {
    /// Marks the node as moved: it starts here no more, and says where it went.
    pub fn mark_moved(self, to: &str, now: UnixMs) -> Result<(), HomeError> {
        let mut batch = Append::new(now);
        batch.records.push(RecordOp::Put { kind: node::MOVED.0.to_owned(), id: node::MOVED.1.to_owned(), data: to.as_bytes().to_vec() });
        let line = serde_json::json!({ "what": "node moved", "to": to }).to_string().into_bytes();
        batch.logs.push(LogLine { kind: "audit".to_owned(), data: line });
        Ok(self.0.append(vec![batch])?.into_iter().try_for_each(|r| r.map(drop))?)
    }
}

/// Stores what a node has staged.
pub fn commit(node: &mut Node) -> Result<(), NodeError> {
    node.commit().into_iter().try_for_each(|(_, r)| r.map(drop)).map_err(NodeError::from)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}

/// Draws 32 random bytes for a key file.
pub fn key_file_bytes() -> [u8; 32] {
    let mut key = [0u8; 32];
    SystemEntropy.fill(&mut key);
    key
}
