//! Services with dossiers in them, for tests and for whoever looks at a desk: the demonstration's cast and scenes, without the story.

use super::cast::Service;
use super::voice::Voice;
use super::{DemoError, Stage, founding, joining, scenes};
use crate::launch::Station;
use base::ServiceId;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An officer of a world.
#[derive(Debug, Clone)]
pub struct WorldOfficer {
    /// Sign-in name, which is also the name of the token's file.
    pub id: String,
    /// Name.
    pub name: String,
    /// Officer role, as mechanisms write it; the administrator is not among them.
    pub role: String,
    /// The file with the token.
    pub token_file: PathBuf,
}

/// A node of a world.
#[derive(Debug, Clone)]
pub struct WorldNode {
    /// Short name: `ma`, `es`, `de`, `pt`.
    pub code: String,
    /// The service.
    pub service: ServiceId,
    /// The node's directory; tokens lie in `tokens/` below it, `admin` among them.
    pub dir: PathBuf,
    /// The file with the key under which the node's keys lie.
    pub key_file: PathBuf,
    /// The local API.
    pub api: SocketAddr,
    /// Where partners come in.
    pub peer: SocketAddr,
    /// Where browsers on this machine find the desk.
    pub desk: String,
    /// The node's process.
    pub pid: u32,
    /// Officers: one who works on cases, one of the desk, a supervisor, an authority, a data-protection officer.
    pub officers: Vec<WorldOfficer>,
}

/// Four nodes that run as long as this value lives, with a dossier of every mechanism.
pub struct World {
    /// The nodes, in the order ma, es, de, pt.
    pub nodes: Vec<WorldNode>,
    /// Dossiers by what they show, for instance `controlled-delivery/under-way`.
    pub dossiers: BTreeMap<String, String>,
    stage: Stage,
}

impl World {
    /// Returns a node by its short name.
    pub fn node(&self, code: &str) -> Option<&WorldNode> {
        self.nodes.iter().find(|n| n.code == code)
    }

    /// Returns the running node behind a short name, with its officers' tokens.
    pub fn station(&self, code: &str) -> Option<&Station> {
        self.stage.all().into_iter().find(|s| s.code() == code).map(|s| &s.station)
    }

    /// Stops the nodes in good order (SIGTERM); dropping the value kills them.
    pub fn stop(mut self) -> Result<(), DemoError> {
        for s in [&mut self.stage.ma, &mut self.stage.es, &mut self.stage.de, &mut self.stage.pt] {
            s.station.stop()?;
        }
        Ok(())
    }
}

/// Builds a world in a directory: founds and starts four nodes with `program`, and plays and leaves a dossier of every mechanism.
///
/// Takes seconds with a release build and a minute or so with a debug build. Says nothing; what fails is in the error.
pub async fn world(root: &Path, program: &Path) -> Result<World, DemoError> {
    let mut stage = founding::found(Voice::new(true).aside(), root)?;
    founding::start(&mut stage, program).await?;
    founding::meet(&stage).await?;
    joining::join(&mut stage, program).await?;
    let mut dossiers = scenes::play(&stage).await?;
    dossiers.append(&mut scenes::leave(&stage).await?);
    Ok(World { nodes: stage.all().map(described).to_vec(), dossiers, stage })
}

/// Describes a node for whoever comes to it from outside.
pub(super) fn described(s: &Service) -> WorldNode {
    let tokens = s.station.dir.join("tokens");
    let officer =
        |(id, name, role): (&str, &str, &str)| WorldOfficer { id: id.to_owned(), name: name.to_owned(), role: role.to_owned(), token_file: tokens.join(id) };
    WorldNode {
        code: s.code().to_owned(),
        service: s.station.service,
        dir: s.station.dir.clone(),
        key_file: s.station.key_file.clone(),
        api: s.station.api,
        peer: s.station.peer,
        desk: s.station.origin(),
        pid: s.station.pid().unwrap_or(0),
        officers: s.cast.people.map(officer).to_vec(),
    }
}
