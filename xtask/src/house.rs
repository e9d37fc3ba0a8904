//! The workspace as cargo sees it: its crates, what each imports, and all that comes along.

use crate::needs::version;
use crate::run::{cargo, read as output};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What an import is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Use {
    /// The crate itself.
    Normal,
    /// Its build script.
    Build,
    /// Its tests, examples and benches.
    Dev,
}

/// One dependency as it stands in a manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// Its name, ours without the prefix.
    pub name: String,
    /// What it is for.
    pub by: Use,
    /// Whether it is a crate of this workspace.
    pub ours: bool,
}

/// One crate of the workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crate {
    /// Its name without the prefix `entente-`.
    pub name: String,
    /// The folder of its manifest.
    pub folder: PathBuf,
    /// What it imports.
    pub imports: Vec<Import>,
    /// All crates that its normal and build dependencies bring along, on this platform and by the crate's own features.
    pub closure: BTreeSet<String>,
}

/// Reads the workspace.
pub fn read() -> Result<Vec<Crate>, String> {
    let packages = metadata()?;
    packages["packages"].as_array().into_iter().flatten().map(crate_of).collect()
}

/// Returns the compiler's version that the workspace is written for.
pub fn rust_version() -> Result<Option<(u32, u32)>, String> {
    Ok(metadata()?["packages"][0]["rust_version"].as_str().and_then(version))
}

fn metadata() -> Result<Value, String> {
    let text = output(cargo(["metadata", "--locked", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))
}

fn crate_of(package: &Value) -> Result<Crate, String> {
    let text = |v: &Value, key: &str| v[key].as_str().map(str::to_owned).ok_or_else(|| format!("cargo metadata gives no {key}"));
    let import = |d: &Value| {
        let by = match d["kind"].as_str() {
            None => Use::Normal,
            Some("build") => Use::Build,
            Some(_) => Use::Dev,
        };
        let ours = d["path"].is_string();
        let name = text(d, "name")?;
        Ok(Import { name: if ours { short(&name) } else { name }, by, ours })
    };
    let name = text(package, "name")?;
    let imports = package["dependencies"].as_array().into_iter().flatten().map(import).collect::<Result<_, String>>()?;
    let folder = Path::new(&text(package, "manifest_path")?).parent().map(Path::to_owned).ok_or("a manifest without a folder")?;
    Ok(Crate { closure: closure(&name)?, name: short(&name), folder, imports })
}

/// Asks cargo for all that a crate brings along when it is built by itself, so that no neighbour's features count.
fn closure(package: &str) -> Result<BTreeSet<String>, String> {
    let text = output(cargo(["tree", "--locked", "--package", package, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]))?;
    Ok(text.lines().filter_map(|l| l.split(' ').next()).filter(|n| !n.is_empty() && *n != package).map(short).collect())
}

fn short(name: &str) -> String {
    name.strip_prefix("entente-").unwrap_or(name).to_owned()
}
