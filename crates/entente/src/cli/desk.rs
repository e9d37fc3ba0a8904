//! The way to a running node: its address, the officer's token, and names that people type for services and dossiers.

use super::Global;
use super::face::{Face, each, text};
use super::trouble::Trouble;
use super::words::Words;
use crate::client::{Client, Problem, escape};
use crate::config::Config;
use crate::home::{Home, HomeError};
use crate::pipe::pipe;
use base::{Lang, ServiceId};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Time between two looks at how far something is.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

/// A connection to the local API, as one officer.
pub struct Desk {
    /// How to speak.
    pub face: Face,
    address: String,
    /// The node's directory.
    pub dir: PathBuf,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

/// Services by what people call them.
pub struct Services {
    own: ServiceId,
    codes: BTreeMap<String, ServiceId>,
}

/// A dossier as people name it.
pub struct Named {
    /// Its whole id.
    pub id: String,
    /// Its mechanism.
    pub words: Words,
    /// Our role in it.
    pub role: Option<String>,
}

impl Desk {
    /// Prepares the connection: `--api` or the directory's address; `--token-file`, ENTENTE_TOKEN, `--officer` or the only token kept.
    pub fn open(global: &Global) -> Result<Desk, Trouble> {
        let dir = global.dir();
        let home = Home::open(&dir);
        let address = match (&global.api, &home) {
            (Some(api), _) => api.to_string(),
            (None, Ok(home)) => home.config().api.to_string(),
            (None, Err(e)) => return Err(Trouble::refused(e.code(), e.to_string())),
        };
        let token = token(global, home.as_ref().ok())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Trouble::refused("failure.client.runtime", format!("the operating system gives no connection: {e}")))?;
        Ok(Desk { face: global.face(), client: Client::new(&address, &token), address, dir, runtime })
    }

    /// Reads.
    pub fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.runtime.block_on(self.client.get(path)).map_err(|p| self.trouble(p))
    }

    /// Does.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.runtime.block_on(self.client.post(path, body)).map_err(|p| self.trouble(p))
    }

    /// Does what may take long, and looks meanwhile how far it is.
    pub fn post_watching(&self, path: &str, body: &Value, watch: &str, mut seen: impl FnMut(&Value)) -> Result<Value, Trouble> {
        let done = async {
            let mut answer = std::pin::pin!(self.client.post(path, body));
            loop {
                match tokio::time::timeout(LOOK, &mut answer).await {
                    Ok(answer) => return answer,
                    // Who cannot be told how far it is still gets the answer.
                    Err(_) => self.client.get(watch).await.iter().for_each(&mut seen),
                }
            }
        };
        self.runtime.block_on(done).map_err(|p| self.trouble(p))
    }

    /// Takes away.
    pub fn delete(&self, path: &str) -> Result<Value, Trouble> {
        self.runtime.block_on(self.client.delete(path)).map_err(|p| self.trouble(p))
    }

    /// Sends a file.
    pub fn upload(&self, path: &str, from: impl std::io::Read + Send + 'static, progress: impl Fn(u64) + Send + 'static) -> Result<Value, Trouble> {
        self.runtime.block_on(self.client.upload(path, from, progress)).map_err(|p| self.trouble(p))
    }

    /// Reads a file.
    pub fn download(&self, path: &str, to: &mut (impl std::io::Write + Send), progress: impl Fn(u64, u64)) -> Result<u64, Trouble> {
        self.runtime.block_on(self.client.download(path, to, progress)).map_err(|p| self.trouble(p))
    }

    /// Does, and sees the answer's bytes as they come, with its header the first time; returns the header.
    pub fn pull(&self, path: &str, body: &Value, mut see: impl FnMut(Option<&HeaderMap>, &[u8]) -> Result<(), Trouble>) -> Result<HeaderMap, Trouble> {
        self.runtime.block_on(async {
            let (headers, mut answer) = self.client.pull(path, body).await.map_err(|p| self.trouble(p))?;
            see(Some(&headers), &[])?;
            while let Some(frame) = answer.frame().await {
                let frame = frame.map_err(|_| Trouble::refused("failure.carry.broken", "the node broke off in the middle of its answer"))?;
                if let Some(bytes) = frame.data_ref() {
                    see(None, bytes)?;
                }
            }
            Ok(headers)
        })
    }

    /// Does, and sends what `read` gives, chunk by chunk, until it gives nothing.
    pub fn push(&self, path: &str, mut read: impl FnMut() -> io::Result<Vec<u8>> + Send + 'static) -> Result<Value, Trouble> {
        self.runtime.block_on(async {
            let (sender, body) = pipe();
            let mut sent = 0;
            let fill = async {
                let ended = loop {
                    // A slow medium must not keep what was read from going on.
                    let next = tokio::task::spawn_blocking(move || {
                        let chunk = read();
                        (read, chunk)
                    });
                    let Ok((back, chunk)) = next.await else { break Err(io::Error::other("reading ended in a bug")) };
                    read = back;
                    match chunk {
                        Err(e) => break Err(e),
                        Ok(chunk) if chunk.is_empty() => break Ok(()),
                        Ok(chunk) => {
                            sent += chunk.len();
                            // Whoever does not take it any more has answered already.
                            if sender.send(Ok(chunk.into())).await.is_err() {
                                break Ok(());
                            }
                        }
                    }
                };
                drop(sender);
                ended
            };
            let (filled, answer) = tokio::join!(fill, self.client.push(path, body));
            if let Err(e) = filled {
                return Err(Trouble::refused("refusal.file.unreadable", format!("the file cannot be read to its end: {e}")));
            }
            answer.map_err(|p| match p.status {
                0 if sent > 0 && std::net::TcpStream::connect(&self.address).is_ok() => Trouble::refused("failure.carry.broken", p.what),
                _ => self.trouble(p),
            })
        })
    }

    fn trouble(&self, problem: Problem) -> Trouble {
        match problem.status {
            0 => Trouble::NotRunning { address: self.address.clone(), dir: self.dir.display().to_string() },
            _ => problem.into(),
        }
    }

    /// Describes a mechanism by name or hash.
    pub fn mechanism(&self, name: &str) -> Result<Words, Trouble> {
        Ok(Words::new(self.get(&format!("/v1/mechanisms/{}", escape(name)))?, self.face.lang))
    }

    /// Reads whom we know, ourselves included.
    pub fn services(&self) -> Result<Services, Trouble> {
        let status = self.get("/v1/status")?;
        let partners = self.get("/v1/partners")?;
        let id = |v: &Value| text(v).parse::<ServiceId>().map_err(|e| Trouble::refused("failure.client.answer", e.to_string()));
        let own = id(&status["service"])?;
        let mut codes: BTreeMap<String, ServiceId> = [(text(&status["code"]).to_owned(), own)].into();
        for p in each(&partners) {
            codes.insert(text(&p["code"]).to_owned(), id(&p["service"])?);
        }
        Ok(Services { own, codes })
    }

    /// Finds a dossier by its id or the first six digits or more, with its mechanism.
    pub fn dossier(&self, name: &str) -> Result<Named, Trouble> {
        let own = text(&self.get("/v1/status")?["code"]).to_owned();
        let listed = self.get("/v1/dossiers?limit=1000000")?;
        let name = name.to_ascii_lowercase();
        let mut found = each(&listed).filter(|l| text(&l["id"]) == name || (name.len() >= 6 && text(&l["id"]).starts_with(&name)));
        let (Some(one), None) = (found.next(), found.next()) else {
            return Err(Trouble::refused("refusal.node.absent", format!("there is no dossier '{name}' here, or several begin so, or it is not yours to see"))
                .remedy("give six digits of its id or more; entente dossier list shows them"));
        };
        let role = each(&one["parties"]).find(|p| text(&p[0]) == own).map(|p| text(&p[1]).to_owned());
        Ok(Named { id: text(&one["id"]).to_owned(), words: self.mechanism(text(&one["mechanism"]))?, role })
    }

    /// Shows a dossier's content; the node logs the reason.
    pub fn consult(&self, id: &str, reason: &str) -> Result<Value, Trouble> {
        self.get(&format!("/v1/dossiers/{}?reason={}", escape(id), escape(reason)))
    }

    /// Finds an item of a dossier by its id or the first six digits or more.
    pub fn item<'a>(&self, view: &'a Value, name: &str) -> Result<&'a Value, Trouble> {
        let name = name.to_ascii_lowercase();
        let mut found = each(&view["items"]).filter(|i| text(&i["id"]) == name || (name.len() >= 6 && text(&i["id"]).starts_with(&name)));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(Trouble::refused("refusal.act.unknown-item", format!("the dossier has no item '{name}', or several begin so"))
                .remedy("give six digits of its id or more; entente dossier show lists them")),
        }
    }
}

impl Services {
    /// Returns our own service.
    pub fn own(&self) -> ServiceId {
        self.own
    }

    /// Finds a service by its card's code.
    pub fn by_code(&self, code: &str) -> Option<ServiceId> {
        self.codes.get(code).copied()
    }

    /// Finds a service by its card's code or its id.
    pub fn find(&self, name: &str) -> Result<ServiceId, Trouble> {
        let found = self.by_code(name).or_else(|| name.parse().ok());
        found.ok_or_else(|| {
            let known: Vec<&str> = self.codes.keys().map(String::as_str).collect();
            Trouble::refused("refusal.partner.unknown", format!("'{name}' is no service that is known here: {}", known.join(", ")))
                .remedy("import its card first: entente card import FILE --fingerprint \"twelve words\"")
        })
    }

    /// Tells whether a text is the id of a service that is known here.
    pub fn knows(&self, id: &str) -> bool {
        self.codes.values().any(|s| s.to_string() == id)
    }

    /// Returns a service's short name.
    pub fn code(&self, id: &Value) -> String {
        let id = text(id);
        self.codes.iter().find(|(_, s)| s.to_string() == id).map_or_else(|| id.chars().take(8).collect(), |(code, _)| code.clone())
    }
}

fn token(global: &Global, home: Option<&Home>) -> Result<String, Trouble> {
    if let Some(path) = &global.token_file {
        return read_token(path);
    }
    if global.officer.is_none()
        && let Ok(token) = std::env::var("ENTENTE_TOKEN")
        && !token.trim().is_empty()
    {
        return Ok(token.trim().to_owned());
    }
    let home = home.ok_or_else(|| {
        Trouble::refused("refusal.home", format!("{} is no node's directory, so no token is kept there", global.dir().display()))
            .remedy("name one with --token-file or ENTENTE_TOKEN, or the directory with --dir")
    })?;
    let dir = global.dir().display().to_string();
    home.token(global.officer.as_deref()).map_err(|e| match (&e, &global.officer) {
        (HomeError::Io(_, io), Some(id)) => Trouble::refused("refusal.officer.unkept", format!("no token of {id} can be read in {dir}/tokens: {io}"))
            .remedy("check the officer's name, or sign in with --token-file or ENTENTE_TOKEN; officer add ID --keep-token keeps one"),
        _ => Trouble::from(e).remedy("say with --officer who you are, or sign in with --token-file or ENTENTE_TOKEN"),
    })
}

fn read_token(path: &Path) -> Result<String, Trouble> {
    Ok(std::fs::read_to_string(path).map_err(|e| Trouble::unreadable(path, e))?.trim().to_owned())
}

/// Returns the zone in which times are shown: the node's, or UTC where there is no directory.
pub fn zone(dir: &Path) -> String {
    Config::read(dir).map_or_else(|_| "UTC".to_owned(), |c| c.zone)
}

/// Returns the language of this session as the environment names it (POSIX), else English.
pub fn session_lang() -> Lang {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|v| std::env::var(v).ok()).find(|v| !v.is_empty());
    set.and_then(|v| v.get(..2).and_then(|l| l.parse().ok())).unwrap_or(Lang::En)
}
