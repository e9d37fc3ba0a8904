//! A station: one service's node on its disk, which can be stopped, killed and started again.

use crate::backup::Copied;
use crate::disk::{Disk, Shelves, mount, unmount};
use crate::reads::Reads;
use crate::rng::Rng;
use base::{Lang, ServiceId, Text, UnixMs};
use dossier::OfficerRole::{self, Administrator, CompetentAuthority, DataProtection, Desk, Officer as Case, Supervisor};
use node::{Node, NodeError, Officer, Settings};
use seal::{CardDraft, Duty, Keys};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use store::{DirVault, Sqlite, Store};

/// Services that there may be.
pub const STATIONS_MAX: usize = 5;
/// Their short names.
pub const NAMES: [&str; STATIONS_MAX] = ["ma", "es", "de", "fr", "pt"];
const ZONES: [&str; STATIONS_MAX] = ["Africa/Casablanca", "Europe/Madrid", "Europe/Berlin", "Europe/Paris", "Europe/Lisbon"];
/// All that an officer may be.
pub const ROLES: [OfficerRole; 6] = [Case, Desk, Supervisor, CompetentAuthority, DataProtection, Administrator];
/// The beginning of every run: five minutes past noon UTC on 28 January 2025.
pub const START: UnixMs = UnixMs(1_738_065_900_000);
/// Pages of the write-ahead log after which it is copied into the file: few, so that crashes meet this too.
const WAL_PAGES: u32 = 60;
const DAY_MS: i64 = 86_400_000;

/// One service.
pub struct Station {
    /// Its place.
    pub place: usize,
    /// Its keys.
    pub keys: Keys,
    /// Its disk.
    pub disk: Disk,
    /// The running node and its store; none while it is down.
    pub running: Option<Running>,
    /// How far its clock is off, in milliseconds.
    pub off: i64,
    /// How often it was started.
    pub starts: u64,
    /// A copy of its disk that was set aside.
    pub copy: Option<Copied>,
    /// Revocations of its cards, as its root key signed them.
    pub revocations: Vec<Vec<u8>>,
    /// Whether its key file holds what its node has not taken yet.
    pub unadopted: bool,
    seed: u64,
}

/// A node that runs.
pub struct Running {
    /// The node.
    pub node: Node,
    /// Its store.
    pub store: Arc<Reads>,
}

/// Keys do not depend on a run's seed: where they come from the operating system their bytes differ, and nothing may depend on them.
static KEYS: LazyLock<Vec<Keys>> =
    LazyLock::new(|| (0..STATIONS_MAX).map(|i| Keys::generate(&draft(i), START, &mut Rng::new(100 + i as u64)).expect("keys can be made")).collect());

/// Returns what stands on a service's cards.
pub fn draft(place: usize) -> CardDraft {
    let name = NAMES[place];
    CardDraft {
        code: name.to_owned(),
        country: name.to_uppercase(),
        name: vec![Text::new(Lang::En, format!("Service of {name}"))],
        endpoints: vec![format!("{name}.example:8443")],
        languages: vec![Lang::Fr.into()],
        duty: vec![Duty { desk: "Liaison desk".to_owned(), phone: "+212500000000".to_owned(), mail: String::new() }],
        valid_from: START.plus_ms(-1000 * DAY_MS),
        valid_until: START.plus_ms(9000 * DAY_MS),
    }
}

impl Station {
    /// Founds a service with two officers, each of whom may be anything.
    pub fn found(place: usize, seed: u64) -> Result<Station, String> {
        let mut station = Station {
            place,
            keys: KEYS[place].clone(),
            disk: Disk::default(),
            running: None,
            off: 0,
            starts: 0,
            copy: None,
            revocations: Vec::new(),
            unadopted: false,
            seed,
        };
        station.start(START).map_err(|e| format!("{} cannot be founded: {} {e}", NAMES[place], e.code()))?;
        let node = &mut station.running.as_mut().expect("it was started").node;
        for id in ["chief", "deputy"] {
            let added = node.add_officer(id.parse().expect("a plain name"), id.to_uppercase(), ROLES.to_vec(), START);
            added.map_err(|e| e.to_string())?;
        }
        node.commit().into_iter().try_for_each(|(_, r)| r.map(drop)).map_err(|e| e.to_string())?;
        Ok(station)
    }

    /// Returns its name.
    pub fn name(&self) -> &'static str {
        NAMES[self.place]
    }

    /// Returns its id.
    pub fn id(&self) -> ServiceId {
        self.keys.service()
    }

    /// Returns its own clock's time.
    pub fn now(&self, world: UnixMs) -> UnixMs {
        world.plus_ms(self.off)
    }

    /// Starts the program on the disk as it is.
    pub fn start(&mut self, now: UnixMs) -> Result<(), NodeError> {
        self.stop();
        self.starts += 1;
        if self.off.abs() <= crate::rekey::SKEW_MS_MAX {
            self.keys.advance(now);
        }
        self.unadopted = !self.revocations.is_empty();
        let vfs = mount(self.name(), &self.disk);
        let chance = |n: u64| Box::new(Rng::new(self.seed ^ (n << 32) ^ (self.starts << 8) ^ self.place as u64));
        let path = PathBuf::from(format!("{}/node.db", self.name()));
        let store = Arc::new(Reads::new(Sqlite::open_on(&vfs, &path, WAL_PAGES, self.keys.storage().clone(), chance(1))?));
        // In every fourth run only the dossier that was used last stays in memory: all others are read anew, from a disk that may fail.
        let memory = if self.seed.is_multiple_of(4) { 0 } else { 32 << 20 };
        let mut node = Node::open(store.clone(), self.keys.clone(), Settings { zone: ZONES[self.place].to_owned(), memory }, chance(2), now)?;
        let shelves = Box::new(Shelves::of(self.name(), &self.disk));
        node.keep_exhibits(Arc::new(DirVault::on(shelves, self.keys.storage().clone(), chance(6), 0)), now)?;
        self.running = Some(Running { node, store });
        Ok(())
    }

    /// Declares on the disk that it was put back to a copy, before the program starts on it.
    pub fn declare(&mut self, copied: UnixMs, now: UnixMs) -> Result<(), NodeError> {
        let vfs = mount(self.name(), &self.disk);
        let chance = |n: u64| Box::new(Rng::new(self.seed ^ (n << 32) ^ (self.starts << 8) ^ self.place as u64));
        let path = PathBuf::from(format!("{}/node.db", self.name()));
        let store = Sqlite::open_on(&vfs, &path, WAL_PAGES, self.keys.storage().clone(), chance(4))?;
        node::declare(&store, &self.keys, ZONES[self.place], copied, now, &mut *chance(5)).map(drop)
    }

    /// Ends the program.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Opens the store beside the running node, on a copy of what is synced, as a power cut now would leave it.
    pub fn as_after_power_cut(&self) -> Result<Sqlite, NodeError> {
        let name = format!("{}-copy", self.name());
        let copy = self.disk.synced_copy_as(self.name(), &name);
        let vfs = mount(&name, &copy);
        Ok(Sqlite::open_on(&vfs, &PathBuf::from(format!("{name}/node.db")), WAL_PAGES, self.keys.storage().clone(), Box::new(Rng::new(3)))?)
    }

    /// Returns an officer of the running node.
    pub fn officer(&self, id: &str) -> Option<Officer> {
        self.running.as_ref()?.node.officers().iter().find(|o| o.id.as_str() == id).cloned()
    }

    /// Returns the real store of the running node, to look at.
    pub fn store(&self) -> Option<&dyn Store> {
        self.running.as_ref().map(|r| r.store.real() as &dyn Store)
    }
}

/// Takes a service's disks away from this thread.
pub fn leave(place: usize) {
    unmount(NAMES[place]);
    unmount(&format!("{}-copy", NAMES[place]));
}
