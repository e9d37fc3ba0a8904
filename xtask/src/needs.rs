//! What the steps need besides crates, and how it is installed where it is missing.
//!
//! 1 programs out of Debian packages, by apt-get, 2 parts of the Rust toolchain, by rustup, 3 cargo-deny, by cargo, into
//! `target/tools`. Crates come by themselves with the build.

use crate::run::{cargo, program, root, shown, works};
use std::path::PathBuf;

/// A program that a Debian package brings.
struct Need {
    /// A call that works once it is there.
    call: &'static [&'static str],
    /// The packages.
    packages: &'static [&'static str],
    /// What needs it.
    why: &'static str,
}

/// Add here what a test needs from Debian; nothing else has to change.
const NEEDS: &[Need] = &[Need { call: &["cc", "--version"], packages: &["gcc", "libc6-dev"], why: "aws-lc and SQLite are built from source" }];

/// What tests of real processes use; where it cannot be had they say what they did not check.
const WISHES: &[Need] = &[
    Need { call: &["ip", "-V"], packages: &["iproute2"], why: "network namespaces and tc" },
    Need { call: &["ethtool", "--version"], packages: &["ethtool"], why: "checksums on a wire without a network card" },
    Need { call: &["mkfs.ext4", "-V"], packages: &["e2fsprogs"], why: "a disk that turns read-only" },
    Need { call: &["prlimit", "--version"], packages: &["util-linux", "mount"], why: "mounts, and limits of a running process" },
    Need { call: &["faketime", "--version"], packages: &["faketime"], why: "a clock that jumps" },
    Need { call: &["chromium", "--version"], packages: &["chromium"], why: "the desk as a browser shows it" },
    Need { call: &["npm", "--version"], packages: &["npm"], why: "fetches axe-core, which checks pages for accessibility, and an identity provider" },
];

/// Parts of the Rust toolchain: cargo's subcommand and rustup's name.
const PARTS: &[(&str, &str)] = &[("fmt", "rustfmt"), ("clippy", "clippy")];

/// The version of axe-core by which pages are checked.
const AXE: &str = "4.14.1";

/// The version of node-oidc-provider by which signing in through an identity provider is tested.
const OIDC_PROVIDER: &str = "9.13.3";

/// The version of cargo-deny whose rules deny.toml is written for.
pub const CARGO_DENY: &str = "0.20.2";

/// Installs what is missing; an error says what to install by hand.
pub fn install() -> Result<String, String> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|n| !works(program(n.call[0], &n.call[1..]))).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages).copied().collect();
    for need in &missing {
        println!("{} is missing: {}", need.call[0], need.why);
    }
    if !packages.is_empty() {
        debian(&packages)?;
        if let Some(need) = missing.iter().find(|n| !works(program(n.call[0], &n.call[1..]))) {
            return Err(format!("'{}' does not run although its packages are installed", need.call.join(" ")));
        }
    }
    let wished = wishes();
    let fetched = [axe(), identity_provider()];
    let parts: Vec<&str> = PARTS.iter().filter(|(sub, _)| !works(cargo([*sub, "--version"]))).map(|(_, part)| *part).collect();
    if !parts.is_empty() {
        let add = ["component", "add"].into_iter().chain(parts.iter().copied());
        shown(program("rustup", add)).map_err(|e| format!("the Rust toolchain lacks {}: install it ({e})", parts.join(" and ")))?;
    }
    let compiler = compiler().map_or("an unknown rustc".to_owned(), |(major, minor)| format!("rustc {major}.{minor}"));
    let lacking = if wished.is_empty() { String::new() } else { format!("; TESTS OF REAL PROCESSES LACK {}", wished.join(", ")) };
    Ok(format!("{compiler}, installed {}{lacking}{}", packages.len() + parts.len(), fetched.into_iter().filter_map(Result::err).collect::<String>()))
}

/// Installs what the tests of real processes use; returns what is still missing, which is no failure.
fn wishes() -> Vec<&'static str> {
    let missing = || WISHES.iter().filter(|n| !works(program(n.call[0], &n.call[1..]))).collect::<Vec<_>>();
    let packages: Vec<&str> = missing().iter().flat_map(|n| n.packages).copied().collect();
    if !packages.is_empty() {
        missing().iter().for_each(|n| println!("{} is missing: {}", n.call[0], n.why));
        if let Err(why) = debian(&packages) {
            println!("{why}");
        }
    }
    missing().iter().map(|n| n.call[0]).collect()
}

/// Fetches axe-core for the tests of pages into `target/tools`; npm checks it against the registry's own digest. What is wrong is no failure.
fn axe() -> Result<(), String> {
    let tools = root().join("target/tools");
    let (script, stamp) = (tools.join("axe.min.js"), tools.join("axe.version"));
    if script.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|v| v == AXE) {
        return Ok(());
    }
    let lacks = |e: &dyn std::fmt::Display| format!("; PAGES ARE NOT CHECKED BY AXE-CORE: {e}");
    std::fs::create_dir_all(&tools).map_err(|e| lacks(&e))?;
    let named = format!("axe-core@{AXE}");
    shown(program("npm", ["pack".as_ref(), "--silent".as_ref(), "--pack-destination".as_ref(), tools.as_os_str(), named.as_ref()])).map_err(|e| lacks(&e))?;
    let packed = tools.join(format!("axe-core-{AXE}.tgz"));
    let parts = ["-xzf".as_ref(), packed.as_os_str(), "-C".as_ref(), tools.as_os_str(), "--strip-components=1".as_ref(), "package/axe.min.js".as_ref()];
    shown(program("tar", parts)).map_err(|e| lacks(&e))?;
    std::fs::write(&stamp, AXE).map_err(|e| lacks(&e))
}

/// Fetches a real identity provider for the tests into `target/tools/oidc`; no script of its packages is run. What is wrong is no failure.
fn identity_provider() -> Result<(), String> {
    let folder = root().join("target/tools/oidc");
    let stamp = folder.join("version");
    if std::fs::read_to_string(&stamp).is_ok_and(|v| v == OIDC_PROVIDER) {
        return Ok(());
    }
    let lacks = |e: &dyn std::fmt::Display| format!("; SIGNING IN BY AN IDENTITY PROVIDER IS NOT CHECKED: {e}");
    std::fs::create_dir_all(&folder).map_err(|e| lacks(&e))?;
    let named = format!("oidc-provider@{OIDC_PROVIDER}");
    let quiet = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
    shown(program("npm", quiet.iter().map(std::ffi::OsStr::new).chain([folder.as_os_str(), named.as_ref()]))).map_err(|e| lacks(&e))?;
    std::fs::write(&stamp, OIDC_PROVIDER).map_err(|e| lacks(&e))
}

fn debian(packages: &[&str]) -> Result<(), String> {
    let install = ["apt-get", "install", "--yes", "--no-install-recommends"].into_iter().chain(packages.iter().copied());
    let by_hand = format!("install by hand: {}", packages.join(" "));
    if !works(program("apt-get", ["--version"])) {
        return Err(format!("this is no Debian; {by_hand}"));
    }
    // Root needs no sudo; everybody else must be allowed to without a password, because nobody may be there to type one.
    let mut line: Vec<&str> = install.collect();
    if works(program("sudo", ["-n", "true"])) {
        line.splice(0..0, ["sudo", "-n"]);
    }
    shown(program(line[0], &line[1..])).map_err(|e| format!("{e}; as root, run apt-get update and then {by_hand}"))
}

/// Where cargo-deny lies once it is installed, if that worked.
pub enum Tool {
    /// Here.
    Here(PathBuf),
    /// The registry does not answer.
    NoRegistry,
}

/// Finds cargo-deny in `target/tools` or builds it there.
pub fn cargo_deny() -> Result<Tool, String> {
    let at = root().join("target/tools/bin/cargo-deny");
    let is_it = || crate::run::read(program(&at, ["--version"])).is_ok_and(|v| v.trim() == format!("cargo-deny {CARGO_DENY}"));
    if is_it() {
        return Ok(Tool::Here(at));
    }
    // Asked before building, so that a registry out of reach is told from a build that fails.
    let named = format!("cargo-deny@{CARGO_DENY}");
    if !works(cargo(["info", "--quiet", "--registry", "crates-io", &named])) {
        return Ok(Tool::NoRegistry);
    }
    println!("installing cargo-deny {CARGO_DENY} into target/tools; about 100 s, once");
    let tools = root().join("target/tools");
    let args = ["install", "cargo-deny", "--locked", "--debug", "--force", "--version", CARGO_DENY, "--root"];
    shown(cargo(args.iter().map(|a| std::ffi::OsStr::new(*a)).chain([tools.as_os_str()])))?;
    match is_it() {
        true => Ok(Tool::Here(at)),
        false => Err("cargo-deny was installed and does not run".to_owned()),
    }
}

/// Returns major and minor number of the compiler.
pub fn compiler() -> Option<(u32, u32)> {
    version(crate::run::read(program("rustc", ["--version"])).ok()?.split(' ').nth(1)?)
}

/// Reads major and minor number of a version.
pub fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_numbers_not_texts() {
        assert_eq!(version("1.95"), Some((1, 95)));
        assert!(version("1.100.0-beta.2") > version("1.95.0"));
        assert_eq!(version("nightly"), None);
    }
}
