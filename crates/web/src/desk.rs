//! The desk's own handle on the running node, and what the operator decided. The node lies behind one narrow trait, which the program
//! implements by the same engine that answers the local API: there is one way to do a thing.

use base::{Labels, ServiceId, UnixMs};
use dossier::Mechanism;
use node::{BatchPerson, Draft, Intent, Made, Node, NodeError, Officer, PressDesk, Silent, Ticket};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// An answer that comes later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Work on the node; what it stages is durable before the answer comes.
pub type Job = Box<dyn FnOnce(&mut Node) -> Result<Option<Ticket>, NodeError> + Send>;
/// Lays texts of the press out on the node, to be read away from its thread; done again if the register moved meanwhile.
pub type Lay = Arc<dyn Fn(&Node) -> Result<PressDesk, NodeError> + Send + Sync>;
/// What was read of the press: drafts, and texts that gave none.
pub type Read = (Vec<Draft>, Vec<Silent>);
/// Persons of a file, and its rejected lines: number of the line, 0 where it has none, and stable code.
pub type Persons = (Vec<BatchPerson>, Vec<(usize, String)>);
/// What happened and what to do, in all languages.
pub type Pair = (&'static Labels, &'static Labels);

/// What the running program knows beside the store.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// How partners answered since the node started; who was not tried is not there.
    pub partners: BTreeMap<ServiceId, Answering>,
    /// The last backups.
    pub backup: BackupState,
    /// What is wrong with our own node now: stable code, text, since when where that is known.
    pub troubles: Vec<(String, String, Option<UnixMs>)>,
}

/// How a partner answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answering {
    /// When its last receipt came.
    pub last_success: Option<UnixMs>,
    /// When the last try failed, and with which code; none where it never did.
    pub last_failure: Option<(UnixMs, &'static str)>,
    /// Failed tries since the last receipt.
    pub attempts: u32,
    /// When it is tried next; none while nothing holds it back.
    pub next_try: Option<UnixMs>,
}

/// How the backups stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupState {
    /// When the last one was made and read back.
    pub made: Option<UnixMs>,
    /// When an attempt failed since, and its code.
    pub failed: Option<(UnixMs, String)>,
    /// When backups were last put together and checked as a restoration would, and whether they held.
    pub tried: Option<(UnixMs, bool)>,
}

/// A file that fills our index, with what its lines may leave unsaid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexSource {
    /// The source's name; what it held under it and the file holds no more is removed.
    pub source: String,
    /// The file's name, whose ending says its form: FollowTheMoney entities, else CSV.
    pub file: String,
    /// What stands in it.
    pub text: String,
    /// Category, contact, last day and quality of lines that say none; empty where every line says its own.
    pub unsaid: [String; 4],
    /// Whether other records of the source stay.
    pub add: bool,
    /// Whether good lines are loaded although others are rejected.
    pub skip_rejects: bool,
}

/// What became of a file for our index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexLoaded {
    /// Whether it was loaded.
    pub is_loaded: bool,
    /// How many lines were rejected.
    pub rejected: usize,
    /// The first of them: number of the line, 0 where it has none, and stable code.
    pub rejects: Vec<(usize, String)>,
}

/// How far partners' lists are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexWork {
    /// Lists that are being worked out, and how many keys of each are done.
    pub running: BTreeMap<ServiceId, u64>,
    /// Partners for whom the last try came to nothing: when, and the stable code.
    pub refused: BTreeMap<ServiceId, (UnixMs, String)>,
}

/// The running node as the desk reaches it.
pub trait Running: Send + Sync + 'static {
    /// Runs a job on the node.
    fn submit(&self, job: Job) -> Later<Result<(), NodeError>>;
    /// Proves mechanisms of partners beside the node, before an accord that names them is signed.
    fn prove(&self, mechanisms: Vec<Arc<Mechanism>>) -> Later<Result<(), NodeError>>;
    /// Reads texts of the press and files what was read: the drafts, and the texts that gave none.
    fn press(&self, officer: Officer, lay: Lay) -> Later<Result<Read, NodeError>>;
    /// Reads persons to ask about from a file, whose name's ending says its form: FollowTheMoney entities, else CSV.
    fn persons(&self, name: String, text: String) -> Later<Result<Persons, NodeError>>;
    /// Loads a file into our index, whole or not at all.
    fn load_index(&self, officer: Officer, file: IndexSource) -> Later<Result<IndexLoaded, NodeError>>;
    /// Begins to give a partner, or all of them, what changed in our index, or a new epoch; comes back when it is done, and after a few seconds where
    /// that takes longer. How it ends tells [`Running::index_work`].
    fn publish_index(&self, officer: Officer, partner: Option<ServiceId>, rotate: bool) -> Later<()>;
    /// Tells how far partners' lists are.
    fn index_work(&self) -> IndexWork;
    /// Returns a channel that changes whenever something was stored.
    fn changes(&self) -> watch::Receiver<u64>;
    /// Returns the time.
    fn now(&self) -> UnixMs;
    /// Tells what the program knows beside the store: how partners answer, backups, troubles of our own.
    fn outlook(&self) -> Later<Result<Outlook, NodeError>>;
    /// Finds the words of a stable error code.
    fn words_of(&self, code: &str) -> Option<Pair>;
}

/// What the operator decides about the desk.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where officers' browsers find the desk: scheme, host and port, such as `https://desk.example`.
    pub origin: String,
    /// The tz name of the place where officers work, for who has chosen none.
    pub zone: String,
    /// Minutes after which an idle session ends.
    pub idle_minutes: u32,
    /// Hours after which any session ends.
    pub session_hours: u32,
}

impl Settings {
    /// Returns the host, which is the site for which passkeys are made.
    pub fn site(&self) -> &str {
        let rest = self.origin.split_once("://").map_or(self.origin.as_str(), |(_, rest)| rest);
        match rest.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(v6),
            None => rest.split([':', '/']).next().unwrap_or(rest),
        }
    }

    /// Returns the port, where the address names one.
    pub fn port(&self) -> Option<&str> {
        self.origin.rsplit_once(':').map(|(_, port)| port).filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
    }

    /// Tells whether browsers come by TLS.
    pub fn is_tls(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// What handlers share.
#[derive(Clone)]
pub struct Desk {
    pub(crate) node: Arc<dyn Running>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) doors: Arc<crate::doors::Doors>,
    pub(crate) shelf: Arc<crate::published::Shelf>,
    pub(crate) finder: Arc<crate::finder::Finder>,
    #[cfg(feature = "oidc")]
    pub(crate) provider: Option<Arc<dyn crate::provider::Provider>>,
}

impl Desk {
    /// Joins a running node and what the operator decided.
    pub fn new(node: Arc<dyn Running>, settings: Settings) -> Desk {
        Desk {
            node,
            settings: Arc::new(settings),
            doors: Arc::default(),
            shelf: Arc::default(),
            finder: Arc::default(),
            #[cfg(feature = "oidc")]
            provider: None,
        }
    }

    /// Lets officers sign in by the service's own identity provider too.
    #[cfg(feature = "oidc")]
    #[must_use]
    pub fn with_provider(self, provider: Arc<dyn crate::provider::Provider>) -> Desk {
        Desk { provider: Some(provider), ..self }
    }

    /// Runs a job on the node; what it staged is durable when the answer comes.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Node) -> Result<(Option<Ticket>, T), NodeError> + Send + 'static,
    ) -> Result<T, NodeError> {
        let answer = Arc::new(Mutex::new(None));
        let place = Arc::clone(&answer);
        let boxed: Job = Box::new(move |node| {
            let (ticket, value) = job(node)?;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            Ok(ticket)
        });
        self.node.submit(boxed).await?;
        let value = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or(NodeError::Bug)
    }

    /// Reads from the node.
    pub(crate) async fn read<T: Send + 'static>(&self, job: impl FnOnce(&mut Node) -> Result<T, NodeError> + Send + 'static) -> Result<T, NodeError> {
        self.run(move |node| job(node).map(|value| (None, value))).await
    }

    /// Proposes what an officer intends.
    pub(crate) async fn propose(&self, officer: Officer, intent: Intent) -> Result<Made, NodeError> {
        let (asked, now) = (intent.clone(), self.node.now());
        self.node.prove(self.read(move |n| n.unproved(&asked)).await?).await?;
        self.run(move |n| n.propose(&officer, intent, now).map(staged)).await
    }

    /// Approves a proposal as its second officer.
    pub(crate) async fn approve(&self, officer: Officer, id: String) -> Result<Made, NodeError> {
        let (asked, now) = (id.clone(), self.node.now());
        self.node.prove(self.read(move |n| n.unproved_pending(&asked)).await?).await?;
        self.run(move |n| n.approve(&officer, &id, now).map(staged)).await
    }
}

fn staged(made: Made) -> (Option<Ticket>, Made) {
    let ticket = match &made {
        Made::Act { ticket, .. } | Made::Pending { ticket, .. } => *ticket,
    };
    (Some(ticket), made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_the_host_alone() {
        let site = |origin: &str| Settings { origin: origin.to_owned(), zone: "UTC".to_owned(), idle_minutes: 1, session_hours: 1 }.site().to_owned();
        assert_eq!(["http://localhost:7402", "https://desk.example", "https://[::1]:7402"].map(site), ["localhost", "desk.example", "::1"]);
    }
}
