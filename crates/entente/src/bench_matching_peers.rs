//! Runs other programs for private matching beside ours: `psi_peers.py` in a folder that is named, with what it needs from PyPI.
//!
//! 1 a virtual environment is made for each peer, in `$PSI_VENVS` or the temporary folder, 2 both parties of a peer run as processes, in a
//! network of their own where the kernel lets us, so that the bytes on the loopback are theirs alone, 3 one JSON line is read.
//! All of them are semi-honest and send no proof, so they do less than we do.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A peer: our name for it, its environment, its package, and the arguments of the script.
const PEERS: &[(&str, &str, &str, &[&str])] =
    &[("openmined", "omp", "openmined-psi==2.0.6", &["omp", "--ds", "GCS"]), ("secretflow_ecoprf", "spu", "spu==0.9.5", &["spuub"])];
/// Brings the loopback of a new network up, then becomes the peer.
const IN_OWN_NETWORK: &str =
    "python3 -c 'import fcntl,socket,struct;s=socket.socket();fcntl.ioctl(s,0x8914,struct.pack(\"16sh\",b\"lo\",0x41)+bytes(14))'; exec \"$@\"";

/// Peers that can be run, and why the others cannot.
pub struct Peers {
    script: PathBuf,
    ready: Vec<(&'static str, PathBuf, &'static [&'static str])>,
    own_network: bool,
    /// Peers that cannot be run here, and why.
    pub lacking: Vec<String>,
}

/// One peer's figures of one run; CPU of both parties.
#[derive(Debug, Clone)]
pub struct Peer {
    pub(crate) name: &'static str,
    pub(crate) build_cpu_s: f64,
    pub(crate) build_wall_s: f64,
    pub(crate) online_cpu_s: f64,
    pub(crate) online_bytes: f64,
    pub(crate) download_bytes: f64,
    pub(crate) peak_mib: f64,
}

impl Peers {
    /// Installs what is lacking.
    pub fn prepare(folder: &Path) -> Peers {
        let environments = std::env::var_os("PSI_VENVS").map_or_else(|| std::env::temp_dir().join("psi-peers"), PathBuf::from);
        let mut peers = Peers {
            script: folder.join("psi_peers.py"),
            ready: Vec::new(),
            own_network: succeeds(Command::new("unshare").args(["-n", "true"])),
            lacking: Vec::new(),
        };
        for (name, environment, package, args) in PEERS {
            let place = environments.join(environment);
            let python = place.join("bin/python");
            let made = python.exists()
                || (succeeds(Command::new("python3").args(["-m", "venv"]).arg(&place))
                    && succeeds(Command::new(place.join("bin/pip")).args(["-q", "install", package])));
            match made && peers.script.exists() {
                true => peers.ready.push((name, python, args)),
                false => peers.lacking.push(format!("{name}: {package} could not be installed, or {} is not there", peers.script.display())),
            }
        }
        peers
    }

    /// Runs every peer once; one that gives no figures, or a wrong number of hits, is left out and said so.
    pub fn run(&self, keys: usize, asked: usize) -> Vec<Peer> {
        let one = |(name, python, args): &(&'static str, PathBuf, &[&str])| {
            let mut command = if self.own_network { Command::new("unshare") } else { Command::new(python) };
            if self.own_network {
                command.args(["-n", "sh", "-c", IN_OWN_NETWORK, "_"]).arg(python);
            }
            command.arg(&self.script).args(*args).args(["--n-server", &keys.to_string(), "--n-client", &asked.to_string()]);
            let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let line: Value = text.lines().rev().find(|l| l.starts_with('{')).and_then(|l| serde_json::from_str(l).ok())?;
            let peer = Peer::read(name, &line, asked / 10);
            if peer.is_none() {
                eprintln!("{name} gave no figures that can be used: {line}");
            }
            peer
        };
        self.ready.iter().filter_map(one).collect()
    }
}

impl Peer {
    /// Reads the script's line; none where a figure is lacking or the hits are not those that were planted.
    fn read(name: &'static str, line: &Value, hits: usize) -> Option<Peer> {
        let at = |path: &str| line.pointer(path).and_then(Value::as_f64);
        let found = at("/client/found").or_else(|| at("/MODE_ONLINE/client/inter"))?;
        if found != hits as f64 {
            return None;
        }
        Some(match name {
            "openmined" => Peer {
                name,
                build_cpu_s: at("/server/setup_cpu_s")?,
                build_wall_s: at("/server/setup_s")?,
                online_cpu_s: at("/server/online_cpu_s")? + at("/client/online_cpu_s")?,
                online_bytes: at("/server/request_bytes")? + at("/server/response_bytes")?,
                download_bytes: at("/server/setup_bytes")?,
                peak_mib: at("/server/peak_mb")?,
            },
            _ => Peer {
                name,
                build_cpu_s: at("/MODE_OFFLINE/server/cpu_s")?,
                build_wall_s: at("/MODE_OFFLINE/server/wall_s")?,
                online_cpu_s: at("/MODE_ONLINE/server/cpu_s")? + at("/MODE_ONLINE/client/cpu_s")?,
                online_bytes: at("/MODE_ONLINE/lo_bytes")?,
                download_bytes: at("/MODE_OFFLINE/lo_bytes")?,
                peak_mib: at("/MODE_OFFLINE/server/peak_mb")?,
            },
        })
    }

    /// Returns the figures as JSON.
    pub fn figures(&self) -> Value {
        json!({
            "build_cpu_s": self.build_cpu_s, "build_wall_s": self.build_wall_s, "online_cpu_s": self.online_cpu_s, "online_bytes": self.online_bytes,
            "download_bytes": self.download_bytes, "peak_mib": self.peak_mib,
        })
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_counts_only_with_all_figures_and_the_planted_hits() {
        let line = json!({
            "server": { "setup_cpu_s": 9.0, "setup_s": 9.5, "online_cpu_s": 0.2, "setup_bytes": 400, "request_bytes": 30, "response_bytes": 40, "peak_mb": 300 },
            "client": { "online_cpu_s": 0.1, "found": 100 },
        });
        let peer = Peer::read("openmined", &line, 100).unwrap();
        assert_eq!((peer.online_bytes, peer.build_cpu_s), (70.0, 9.0));
        assert!(Peer::read("openmined", &line, 99).is_none());
        assert!(Peer::read("secretflow_ecoprf", &line, 100).is_none());
    }

    #[test]
    fn a_folder_without_the_script_is_said_and_nothing_is_run() {
        let nowhere = std::env::temp_dir().join("no such folder of peers");
        let peers = Peers { script: nowhere.join("psi_peers.py"), ready: Vec::new(), own_network: false, lacking: vec!["x".to_owned()] };
        assert!(peers.run(10, 10).is_empty());
    }
}
