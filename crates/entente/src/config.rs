//! A node's configuration: one TOML file with every default written out beside what it does.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The name of the file in a node's directory.
pub const FILE: &str = "config.toml";

/// What the operator decides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where partners' nodes come in.
    pub listen: SocketAddr,
    /// Where officers' programs come in; loopback only.
    #[serde(default = "api")]
    pub api: SocketAddr,
    /// The tz name of the place where officers work.
    pub zone: String,
    /// Minutes between two checkpoints that partners cosign.
    #[serde(default = "checkpoint_minutes")]
    pub checkpoint_minutes: u64,
    /// Mebibytes of memory for dossiers between uses; one that does not fit is read from the disk each time.
    #[serde(default = "memory_mib")]
    pub memory_mib: usize,
    /// Mebibytes of the disk that exhibits leave free for everything else.
    #[serde(default = "disk_floor_mib")]
    pub disk_floor_mib: u64,
    /// Days that a parcel may be old when it comes by file.
    #[serde(default = "carry_days_max")]
    pub carry_days_max: u32,
    /// Minutes between two backups of the running node; 0 for none.
    #[serde(default)]
    pub backup_minutes: u64,
    /// Where they lie.
    #[serde(default)]
    pub backup_target: Option<PathBuf>,
    /// The file with the 32 bytes that lock them.
    #[serde(default)]
    pub backup_key_file: Option<PathBuf>,
    /// The desk in officers' browsers; none where it is not served.
    #[serde(default)]
    pub desk: Option<DeskConfig>,
    /// A directory whose CSV and FollowTheMoney files are sources of the index.
    #[serde(default)]
    pub index_watch: Option<PathBuf>,
    /// Category of its lines that say none.
    #[serde(default)]
    pub index_category: Option<String>,
    /// Case officer or desk of its lines that say none.
    #[serde(default)]
    pub index_contact: Option<String>,
    /// The last day on which records are kept whose lines say none.
    #[serde(default)]
    pub index_until: Option<base::Date>,
    /// What is logged: error, warn, info, debug or trace.
    #[serde(default = "log")]
    pub log: String,
}

/// The desk: where browsers come in and how long they stay signed in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskConfig {
    /// Where the desk listens; loopback only, unless it speaks TLS itself.
    #[serde(default = "desk_listen")]
    pub listen: SocketAddr,
    /// Where browsers find it: scheme, host and port. Passkeys are made for its host.
    #[serde(default = "desk_origin")]
    pub origin: String,
    /// Minutes after which an idle session ends.
    #[serde(default = "desk_idle_minutes")]
    pub idle_minutes: u32,
    /// Hours after which any session ends.
    #[serde(default = "desk_session_hours")]
    pub session_hours: u32,
    /// The PEM file with the certificate that browsers are shown, and those above it; with it the desk speaks TLS itself.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The PEM file with the certificate's key.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The service's own identity provider, by which officers may sign in; for a program that is built with `oidc`.
    #[serde(default)]
    pub provider: Option<ProviderConfig>,
}

/// An identity provider (OpenID Connect).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Its name, which is its address: `https://id.example`.
    pub issuer: String,
    /// The PEM file with the certificates under which it stands; wanted with `https`.
    #[serde(default)]
    pub certificates: Option<PathBuf>,
    /// The name under which it knows the desk.
    pub client_id: String,
    /// The file with the secret that the desk shares with it; none where it asks for none.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// Officers by the subject under which it knows them. Nobody else is signed in.
    pub subjects: BTreeMap<String, String>,
}

fn desk_listen() -> SocketAddr {
    ([127, 0, 0, 1], 7402).into()
}

fn desk_origin() -> String {
    "http://localhost:7402".to_owned()
}

fn desk_idle_minutes() -> u32 {
    30
}

fn desk_session_hours() -> u32 {
    12
}

impl DeskConfig {
    /// Writes the section of a configuration that serves the desk at a loopback address.
    pub fn text(listen: SocketAddr) -> String {
        format!(
            "\n# The desk in officers' browsers. Passkeys want https, or http on localhost. For browsers on other machines, either name certificate\n\
             # and key here, set 'listen' to where they come in (0.0.0.0:443) and 'origin' to the address that they type (https://desk.example);\n\
             # or put a TLS proxy on this machine before it, which passes Host and Origin on, and set 'origin' to its https address.\n\
             [desk]\nlisten = \"{listen}\"\norigin = \"http://localhost:{}\"\n\
             # certificate = \"/etc/entente/desk.pem\"\n\
             # key = \"/etc/entente/desk.key\"\n\
             # Minutes after which an idle session ends (default {}), hours after which any does (default {}).\n\
             idle_minutes = {}\nsession_hours = {}\n",
            listen.port(),
            desk_idle_minutes(),
            desk_session_hours(),
            desk_idle_minutes(),
            desk_session_hours()
        )
    }

    /// Says what is wrong with it.
    fn fault(&self) -> Option<&'static str> {
        let plain = ["http://localhost", "http://localhost:"];
        let host = self.origin.strip_prefix("https://").is_some_and(|h| !h.is_empty() && !h.contains('/'));
        let local = self.origin == plain[0] || self.origin.strip_prefix(plain[1]).is_some_and(|p| p.parse::<u16>().is_ok());
        match () {
            () if self.certificate.is_some() != self.key.is_some() => Some("'certificate' and 'key' come together"),
            () if self.certificate.is_some() && !host => Some("with a certificate 'origin' is https://host or https://host:port, as browsers type it"),
            () if self.certificate.is_none() && !self.listen.ip().is_loopback() => Some(
                "'listen' is a loopback address as long as 'certificate' and 'key' are not named, or a TLS proxy on this machine lets browsers of others in",
            ),
            () if !host && !local => Some("'origin' is https://host or https://host:port, or http://localhost:port; browsers make no passkeys elsewhere"),
            () if self.provider.is_some() && !cfg!(feature = "oidc") => Some("'provider' wants a program that is built with --features oidc"),
            () if self.idle_minutes == 0 || self.session_hours == 0 => Some("'idle_minutes' and 'session_hours' are at least 1"),
            () => None,
        }
    }
}

fn api() -> SocketAddr {
    ([127, 0, 0, 1], 7401).into()
}

fn checkpoint_minutes() -> u64 {
    15
}

/// Returns the default of [`Config::memory_mib`].
pub(crate) fn memory_mib() -> usize {
    256
}

fn disk_floor_mib() -> u64 {
    1024
}

fn carry_days_max() -> u32 {
    30
}

fn log() -> String {
    "info".to_owned()
}

impl Config {
    /// Reads the file in a node's directory.
    pub fn read(dir: &Path) -> Result<Config, String> {
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path)
            .map_err(|e| format!("{} cannot be read ({e}); make a node with 'entente init --dir {}'", path.display(), dir.display()))?;
        let config: Config = toml::from_str(&text).map_err(|e| format!("{} is not a configuration: {e}", path.display()))?;
        if !config.api.ip().is_loopback() {
            return Err(format!("{}: 'api' must be a loopback address; officers' programs run on this machine", path.display()));
        }
        if config.backup_minutes > 0 && (config.backup_target.is_none() || config.backup_key_file.is_none()) {
            return Err(format!("{}: 'backup_minutes' wants 'backup_target' and 'backup_key_file' beside it", path.display()));
        }
        if config.checkpoint_minutes == 0 {
            return Err(format!("{}: 'checkpoint_minutes' is at least 1", path.display()));
        }
        if !(1..=node::CARRY_DAYS_CEILING).contains(&config.carry_days_max) {
            return Err(format!("{}: 'carry_days_max' is between 1 and {}", path.display(), node::CARRY_DAYS_CEILING));
        }
        if let Some(fault) = config.desk.as_ref().and_then(DeskConfig::fault) {
            return Err(format!("{}: [desk] {fault}", path.display()));
        }
        Ok(config)
    }

    /// Writes the file of a new node.
    pub fn text(listen: SocketAddr, api: SocketAddr, zone: &str) -> String {
        format!(
            "# Entente: one service's node. Change a line and start the node again.\n\n\
             # Where partners' nodes come in (HTTP/2 over TLS 1.3, only with the keys on their cards).\n\
             listen = \"{listen}\"\n\n\
             # Where officers' programs come in, on this machine only. Default 127.0.0.1:7401.\n\
             api = \"{api}\"\n\n\
             # The place where officers work, as the tz database names it. Every act carries it.\n\
             zone = \"{zone}\"\n\n\
             # Minutes between two checkpoints that partners cosign. Default 15.\n\
             checkpoint_minutes = {}\n\n\
             # Days that a parcel may be old when it comes in a carry file, 1 to 366. Default 30.\n\
             carry_days_max = {}\n\n\
             # Backups of the running node. Minutes between two (0: none, the default), the directory on another disk in which\n\
             # they lie, and the file with the 32 bytes that lock them (entente backup create --backup-key-file makes it).\n\
             backup_minutes = 0\n\
             # backup_target = \"/mnt/backup/entente\"\n\
             # backup_key_file = \"/etc/entente/backup.key\"\n\n\
             # Mebibytes of memory in which dossiers stay between uses, by estimate; they may take up to twice as much. A dossier that finds no\n\
             # room is read from the disk each time that it is used. Default 256.\n\
             memory_mib = {}\n\n\
             # Mebibytes of the disk that exhibits leave free for the ledger and everything else. Default 1024.\n\
             disk_floor_mib = {}\n\n\
             # A directory whose CSV and FollowTheMoney files fill the index of hit/no-hit, and what their lines do not say themselves:\n\
             # category (a code of data-subject-categories), contact, last day. Rejected lines stand beside the file, in NAME.rejects.\n\
             # index_watch = \"/var/lib/entente/index\"\n\
             # index_category = \"suspect\"\n\
             # index_contact = \"case.desk\"\n\
             # index_until = \"2027-12-31\"\n\n\
             # What is logged to standard error: error, warn, info, debug, trace. Default info.\n\
             log = \"{}\"\n",
            checkpoint_minutes(),
            carry_days_max(),
            memory_mib(),
            disk_floor_mib(),
            log()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_and_says_its_defaults() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), Config::text(([0, 0, 0, 0], 7400).into(), api(), "Africa/Casablanca")).unwrap();
        let config = Config::read(dir.path()).unwrap();
        assert_eq!((config.api, config.checkpoint_minutes, config.carry_days_max, config.zone.as_str()), (api(), 15, 30, "Africa/Casablanca"));
    }

    #[test]
    fn carried_parcels_have_an_age_that_is_meant() {
        let dir = tempfile::tempdir().unwrap();
        for (days, fine) in [(0, false), (1, true), (366, true), (367, false)] {
            let text = Config::text(([0, 0, 0, 0], 7400).into(), api(), "UTC").replace("carry_days_max = 30", &format!("carry_days_max = {days}"));
            std::fs::write(dir.path().join(FILE), text).unwrap();
            assert_eq!(Config::read(dir.path()).is_ok(), fine, "{days}");
        }
    }

    #[test]
    fn backups_by_the_clock_want_a_place_and_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let text = Config::text(([0, 0, 0, 0], 7400).into(), api(), "UTC");
        std::fs::write(dir.path().join(FILE), text.replace("backup_minutes = 0", "backup_minutes = 60")).unwrap();
        assert!(Config::read(dir.path()).unwrap_err().contains("backup_target"));
        let whole = text.replace("backup_minutes = 0", "backup_minutes = 60").replace("# backup_", "backup_");
        std::fs::write(dir.path().join(FILE), whole).unwrap();
        let config = Config::read(dir.path()).unwrap();
        assert_eq!((config.backup_minutes, config.backup_target), (60, Some("/mnt/backup/entente".into())));
    }

    #[test]
    fn a_desk_is_where_browsers_make_passkeys() {
        let dir = tempfile::tempdir().unwrap();
        let with = |listen: &str, origin: &str, more: &str| {
            let text = Config::text(([0, 0, 0, 0], 7400).into(), api(), "UTC");
            std::fs::write(dir.path().join(FILE), format!("{text}[desk]\nlisten = \"{listen}\"\norigin = \"{origin}\"\n{more}")).unwrap();
            Config::read(dir.path()).is_ok()
        };
        let read = |listen: &str, origin: &str| with(listen, origin, "");
        assert!(read("127.0.0.1:7402", "http://localhost:7402") && read("[::1]:7402", "https://desk.example"));
        assert!(!read("0.0.0.0:7402", "https://desk.example"), "open to the world");
        let both = "certificate = \"/c.pem\"\nkey = \"/c.key\"\n";
        assert!(with("0.0.0.0:443", "https://desk.example", both) && with("127.0.0.1:7402", "https://desk.example", both));
        assert!(!with("0.0.0.0:443", "http://localhost:443", both), "a certificate is for https");
        assert!(!with("127.0.0.1:7402", "https://desk.example", "certificate = \"/c.pem\"\n"), "a certificate without its key");
        for origin in ["http://desk.example", "http://localhost.example", "https://", "https://desk.example/", "localhost:7402"] {
            assert!(!read("127.0.0.1:7402", origin), "{origin}");
        }
        let text = Config::text(([0, 0, 0, 0], 7400).into(), api(), "UTC") + &DeskConfig::text(([127, 0, 0, 1], 9).into());
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let desk = Config::read(dir.path()).unwrap().desk.unwrap();
        assert_eq!((desk.origin.as_str(), desk.idle_minutes, desk.session_hours), ("http://localhost:9", 30, 12));
    }

    #[test]
    fn an_identity_provider_wants_a_program_that_is_built_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let desk = Config::text(([0, 0, 0, 0], 7400).into(), api(), "UTC") + &DeskConfig::text(([127, 0, 0, 1], 9).into());
        let section = "[desk.provider]\nissuer = \"https://id.example\"\nclient_id = \"desk\"\n[desk.provider.subjects]\n4711 = \"k.desk\"\n";
        std::fs::write(dir.path().join(FILE), desk + section).unwrap();
        match Config::read(dir.path()) {
            Ok(config) if cfg!(feature = "oidc") => assert_eq!(config.desk.unwrap().provider.unwrap().subjects["4711"], "k.desk"),
            Err(why) if !cfg!(feature = "oidc") => assert!(why.contains("--features oidc"), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_api_open_to_the_world_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), Config::text(([0, 0, 0, 0], 7400).into(), ([0, 0, 0, 0], 7401).into(), "UTC")).unwrap();
        assert!(Config::read(dir.path()).unwrap_err().contains("loopback"));
        assert!(Config::read(Path::new("/nonexistent")).unwrap_err().contains("entente init"));
    }
}
