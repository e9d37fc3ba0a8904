//! The law of the house: which crate may import which, and what must be absent from each floor.
//!
//! ARCHITECTURE.md says why; this table makes it so. A crate that is not in it may not be in the workspace.

use crate::house::{Crate, Use};

/// One crate's place in the house.
pub struct Place {
    /// The crate, without the prefix `entente-`.
    pub name: &'static str,
    /// Its floor, from the ground; 0 stands beside the house.
    floor: u8,
    /// What it may import of the house.
    imports: &'static [&'static str],
    /// Crates that nothing of it may bring along, neither by itself nor through others.
    absent: &'static [&'static [&'static str]],
    /// Words that its sources may not hold outside tests.
    pub unsaid: &'static [&'static [&'static str]],
}

const SOCKETS: &[&str] =
    &["tokio", "mio", "socket2", "hyper", "hyper-util", "h2", "axum", "reqwest", "ureq", "rustls", "tokio-rustls", "openssl", "native-tls"];
const CRYPTO: &[&str] = &[
    "aws-lc-rs",
    "aws-lc-sys",
    "ring",
    "argon2",
    "hpke",
    "x-wing",
    "ml-kem",
    "ed25519-dalek",
    "x25519-dalek",
    "p256",
    "rsa",
    "aes-gcm",
    "chacha20poly1305",
    "hkdf",
    "rcgen",
    "bip39",
    "zeroize",
];
const DISK: &[&str] = &["rusqlite", "libsqlite3-sys", "sqlx", "postgres", "tokio-postgres", "tempfile", "object_store"];
const CHANCE: &[&str] = &["rand", "rand_core", "getrandom", "fastrand"];

const SAYS_SOCKET: &[&str] = &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener"];
const SAYS_DISK: &[&str] = &["std::fs", "std::process", "std::env::"];
const SAYS_CLOCK: &[&str] = &["SystemTime", "Instant::now", "Timestamp::now", "Zoned::now", "thread::sleep"];

const PURE: &[&[&str]] = &[SOCKETS, CRYPTO, DISK, CHANCE];
const SAYS_NOTHING: &[&[&str]] = &[SAYS_SOCKET, SAYS_DISK, SAYS_CLOCK];

/// The house.
pub const HOUSE: &[Place] = &[
    Place {
        name: "entente",
        floor: 6,
        imports: &["web", "node", "store", "seal", "dossier", "matching", "transport", "register", "base"],
        absent: &[],
        unsaid: &[],
    },
    Place { name: "web", floor: 5, imports: &["base", "dossier", "node"], absent: &[], unsaid: &[] },
    Place {
        name: "sim",
        floor: 5,
        // It founds services and forges what no honest node would make, so it needs the keys; its disk lies under the real store.
        imports: &["base", "dossier", "seal", "store", "node"],
        absent: &[SOCKETS],
        unsaid: &[SAYS_SOCKET, SAYS_CLOCK],
    },
    Place {
        name: "node",
        floor: 4,
        imports: &["base", "seal", "dossier", "matching", "store", "register"],
        absent: &[SOCKETS],
        unsaid: &[SAYS_SOCKET, SAYS_CLOCK],
    },
    Place { name: "store", floor: 3, imports: &["base", "seal"], absent: &[SOCKETS], unsaid: &[SAYS_SOCKET, SAYS_CLOCK] },
    Place { name: "seal", floor: 2, imports: &["base"], absent: &[SOCKETS, DISK], unsaid: SAYS_NOTHING },
    Place { name: "dossier", floor: 2, imports: &["base"], absent: PURE, unsaid: SAYS_NOTHING },
    Place { name: "matching", floor: 2, imports: &["base", "lanes"], absent: &[SOCKETS, DISK, &["tracing", "log"]], unsaid: SAYS_NOTHING },
    Place { name: "register", floor: 2, imports: &["base"], absent: PURE, unsaid: SAYS_NOTHING },
    Place { name: "transport", floor: 2, imports: &["base"], absent: &[DISK], unsaid: &[&["std::fs", "std::process"]] },
    Place { name: "base", floor: 1, imports: &[], absent: PURE, unsaid: SAYS_NOTHING },
    Place { name: "lanes", floor: 1, imports: &[], absent: PURE, unsaid: SAYS_NOTHING },
    Place { name: "xtask", floor: 0, imports: &[], absent: PURE, unsaid: &[] },
];

/// Crates of others that one crate of ours alone may import, and why.
const OWNED: &[(&str, &str, &str)] = &[
    ("rusqlite", "store", "one crate knows SQL"),
    ("aws-lc-rs", "seal", "one crate touches keys"),
    ("argon2", "seal", "one crate touches keys"),
    ("bip39", "seal", "one crate touches keys"),
    ("rcgen", "seal", "one crate touches keys"),
    ("rustls", "transport", "one crate opens lines to partners"),
    ("tokio-rustls", "transport", "one crate opens lines to partners"),
    ("h2", "transport", "one crate opens lines to partners"),
    ("cel", "dossier", "one crate reads rules"),
    ("maud", "web", "one crate knows HTML"),
];

/// Lists every breach of the law in a workspace, one line each.
pub fn faults(house: &[Crate]) -> Vec<String> {
    let mut out = Vec::new();
    for c in house {
        let Some(place) = place(&c.name) else {
            out.push(format!("{} has no place in the house: give it one in xtask/src/law.rs and in ARCHITECTURE.md", c.name));
            continue;
        };
        for import in &c.imports {
            let name = import.name.as_str();
            if import.ours && !may_import(place, name, import.by) {
                let down = if import.by == Use::Dev { ", not even in tests" } else { "" };
                out.push(format!("{} may not import {name}{down}", c.name));
            }
            let owner = OWNED.iter().find(|(crate_name, owner, _)| *crate_name == name && *owner != c.name);
            if let Some((_, owner, why)) = owner.filter(|_| !import.ours && import.by != Use::Dev) {
                out.push(format!("{} may not import {name}, {owner} alone does: {why}", c.name));
            }
        }
        for name in place.absent.iter().copied().flatten().filter(|n| c.closure.contains(**n)) {
            out.push(format!("{} brings {name} along, which must be absent from it", c.name));
        }
    }
    out
}

/// Finds a crate's place.
pub fn place(name: &str) -> Option<&'static Place> {
    HOUSE.iter().find(|p| p.name == name)
}

fn may_import(from: &Place, to: &str, by: Use) -> bool {
    let below = || place(to).is_some_and(|p| p.floor > 0 && p.floor < from.floor);
    match by {
        Use::Normal | Use::Build => from.imports.contains(&to),
        // A crate may import itself for its tests, to switch a feature on.
        Use::Dev => from.imports.contains(&to) || from.name == to || below(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::Import;

    /// Makes a crate up: `dev:` and `build:` before an import say what it is for, names of the house are ours.
    fn made_up(name: &str, imports: &[&str], closure: &[&str]) -> Crate {
        let import = |text: &&str| {
            let (by, name) = match text.split_once(':') {
                Some(("dev", name)) => (Use::Dev, name),
                Some((_, name)) => (Use::Build, name),
                None => (Use::Normal, *text),
            };
            Import { name: name.to_owned(), by, ours: place(name).is_some() }
        };
        let closure = closure.iter().map(|c| (*c).to_owned()).collect();
        Crate { name: name.to_owned(), folder: "crates".into(), imports: imports.iter().map(import).collect(), closure }
    }

    fn said(name: &str, imports: &[&str], closure: &[&str]) -> String {
        faults(&[made_up(name, imports, closure)]).join("; ")
    }

    #[test]
    fn the_workspace_obeys() {
        assert_eq!(faults(&crate::house::read().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn the_workspace_was_really_read() {
        let house = crate::house::read().unwrap();
        let store = house.iter().find(|c| c.name == "store").unwrap();
        assert!(store.imports.iter().any(|i| i.name == "seal" && i.ours && i.by == Use::Normal));
        assert!(store.closure.contains("libsqlite3-sys") && store.closure.contains("aws-lc-sys"));
        assert!(store.folder.join("Cargo.toml").is_file());
    }

    #[test]
    fn an_arrow_runs_down_as_the_table_says_and_no_other_way() {
        assert_eq!(said("store", &["base", "seal", "rusqlite", "thiserror"], &[]), "");
        assert_eq!(said("store", &["base", "dossier"], &[]), "store may not import dossier");
        assert_eq!(said("base", &["dossier"], &[]), "base may not import dossier");
        assert_eq!(said("dossier", &["build:seal"], &[]), "dossier may not import seal");
        assert_eq!(said("web", &["store"], &[]), "web may not import store");
        assert_eq!(said("transport", &["dossier"], &[]), "transport may not import dossier");
        assert_eq!(said("node", &["xtask"], &[]), "node may not import xtask");
    }

    #[test]
    fn tests_look_down_only_too() {
        assert_eq!(said("node", &["dev:transport", "dev:base"], &[]), "");
        assert_eq!(said("store", &["dev:store"], &[]), "");
        assert_eq!(said("seal", &["dev:store"], &[]), "seal may not import store, not even in tests");
        assert_eq!(said("seal", &["dev:dossier"], &[]), "seal may not import dossier, not even in tests");
    }

    #[test]
    fn a_crate_without_a_place_is_refused() {
        assert!(said("helpers", &[], &[]).starts_with("helpers has no place in the house"));
        assert_eq!(said("base", &["dev:helpers"], &[]), "", "what is not of the house is no arrow");
    }

    #[test]
    fn what_must_be_absent_is_found_however_it_came() {
        assert_eq!(said("dossier", &["cel"], &["cel", "serde"]), "");
        assert_eq!(said("dossier", &["cel"], &["cel", "getrandom"]), "dossier brings getrandom along, which must be absent from it");
        assert_eq!(said("node", &[], &["rusqlite", "aws-lc-rs"]), "");
        assert_eq!(said("node", &[], &["tokio"]), "node brings tokio along, which must be absent from it");
        assert_eq!(said("register", &[], &["rusqlite"]), "register brings rusqlite along, which must be absent from it");
    }

    #[test]
    fn what_one_crate_owns_no_other_imports() {
        assert_eq!(said("node", &["rusqlite"], &[]), "node may not import rusqlite, store alone does: one crate knows SQL");
        assert_eq!(said("entente", &["aws-lc-rs"], &[]), "entente may not import aws-lc-rs, seal alone does: one crate touches keys");
        assert_eq!(said("transport", &["dev:rcgen"], &[]), "");
    }

    #[test]
    fn the_table_itself_runs_down() {
        for from in HOUSE {
            for to in from.imports {
                let to = place(to).unwrap_or_else(|| panic!("{} imports {to}, which is not in the table", from.name));
                assert!(0 < to.floor && to.floor < from.floor, "{} -> {}", from.name, to.name);
            }
        }
    }
}
