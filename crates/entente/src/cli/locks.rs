//! What opens the key file: a passphrase (file, ENTENTE_PASSPHRASE or terminal) or 32 bytes in a file of their own.

use super::face::note;
use super::trouble::Trouble;
use crate::home::key_file_bytes;
use seal::Lock;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Characters that a new passphrase has at least.
const PASSPHRASE_CHARS_MIN: usize = 12;

/// How the keys are locked.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LockArgs {
    /// The passphrase is the first line of this file [default: $ENTENTE_PASSPHRASE, else asked on the terminal]
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    pub passphrase_file: Option<PathBuf>,
    /// The keys are locked with the 32 bytes in this file; init makes it if it is not there
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// What opens the keys; wiped from memory in the end.
pub enum Secret {
    /// Something that people remember.
    Passphrase(Zeroizing<String>),
    /// 32 random bytes.
    Key(Zeroizing<[u8; 32]>),
}

impl Secret {
    /// Returns it as the keys want it.
    pub fn lock(&self) -> Lock<'_> {
        match self {
            Secret::Passphrase(text) => Lock::passphrase(text),
            Secret::Key(bytes) => Lock::KeyFile(bytes),
        }
    }
}

/// Whose secret is asked for: the node's keys, or a place of backups.
pub struct Asking {
    /// What the command line says.
    pub args: LockArgs,
    /// The variable of the environment that may hold the passphrase; empty for none.
    pub variable: &'static str,
    /// How the terminal asks.
    pub prompt: &'static str,
    /// What to give where there is no terminal.
    pub options: &'static str,
}

impl LockArgs {
    fn asking(&self) -> Asking {
        Asking {
            args: self.clone(),
            variable: "ENTENTE_PASSPHRASE",
            prompt: "Passphrase of this node's keys: ",
            options: "--passphrase-file FILE, --key-file FILE or ENTENTE_PASSPHRASE",
        }
    }

    /// Gets what opens keys that exist.
    pub fn open(&self) -> Result<Secret, Trouble> {
        self.asking().open()
    }

    /// Gets what locks new keys: a key file that is not there is made, a passphrase is asked for twice and must not be short.
    pub fn make(&self) -> Result<Secret, Trouble> {
        self.asking().make()
    }
    /// Gets what locks keys anew; the environment's passphrase is the old one and is left alone.
    pub fn make_new(&self) -> Result<Secret, Trouble> {
        let asking = Asking {
            prompt: "New passphrase of this node's keys: ",
            variable: "",
            options: "--new-passphrase-file FILE or --new-key-file FILE",
            ..self.asking()
        };
        asking.make()
    }
}

impl Asking {
    /// Gets what opens what exists.
    pub fn open(&self) -> Result<Secret, Trouble> {
        match &self.args.key_file {
            Some(path) => read_key(path),
            None => self.passphrase().map(Secret::Passphrase),
        }
    }

    /// Gets what locks something new.
    pub fn make(&self) -> Result<Secret, Trouble> {
        match &self.args.key_file {
            Some(path) if path.exists() => read_key(path),
            Some(path) => make_key(path),
            None => {
                let asked = self.args.passphrase_file.is_none() && self.environment().is_none();
                let first = self.passphrase()?;
                if first.chars().count() < PASSPHRASE_CHARS_MIN {
                    return Err(Trouble::refused("refusal.keys.short", format!("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters"))
                        .remedy("take five words that nobody would guess, or --key-file"));
                }
                if asked && *self.ask("The same passphrase again: ")? != *first {
                    return Err(Trouble::refused("refusal.keys.differ", "the two passphrases differ; nothing was made"));
                }
                Ok(Secret::Passphrase(first))
            }
        }
    }

    fn passphrase(&self) -> Result<Zeroizing<String>, Trouble> {
        if let Some(path) = &self.args.passphrase_file {
            let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|e| Trouble::unreadable(path, e))?);
            return Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
        }
        match self.environment() {
            Some(text) => Ok(text),
            None => self.ask(self.prompt),
        }
    }

    fn environment(&self) -> Option<Zeroizing<String>> {
        Some(self.variable).filter(|v| !v.is_empty()).and_then(|v| std::env::var(v).ok()).filter(|p| !p.is_empty()).map(Zeroizing::new)
    }

    fn ask(&self, prompt: &str) -> Result<Zeroizing<String>, Trouble> {
        if !std::io::stdin().is_terminal() {
            return Err(Trouble::refused("refusal.keys.unasked", "the keys want a passphrase and nobody is at a terminal to type it")
                .remedy(format!("give {}", self.options)));
        }
        note(prompt);
        rpassword::read_password()
            .map(Zeroizing::new)
            .map_err(|e| Trouble::refused("refusal.keys.unasked", format!("the passphrase cannot be read from the terminal: {e}")))
    }
}

fn read_key(path: &Path) -> Result<Secret, Trouble> {
    let bytes = Zeroizing::new(std::fs::read(path).map_err(|e| Trouble::unreadable(path, e))?);
    let key: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| Trouble::refused("refusal.keys.file", format!("{} has {} bytes; a key file has 32", path.display(), bytes.len())))?;
    Ok(Secret::Key(Zeroizing::new(key)))
}

fn make_key(path: &Path) -> Result<Secret, Trouble> {
    let key = Zeroizing::new(key_file_bytes());
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut f| f.write_all(key.as_slice()).and_then(|()| f.sync_all())).map_err(|e| Trouble::unwritable(path, e))?;
    Ok(Secret::Key(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_passphrase_is_the_first_line_and_a_new_one_is_not_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p");
        let args = LockArgs { passphrase_file: Some(path.clone()), key_file: None };
        std::fs::write(&path, "cinq mots que nul ne devine\nrest").unwrap();
        let Ok(Secret::Passphrase(text)) = args.make() else { panic!("a passphrase was expected") };
        assert_eq!(*text, "cinq mots que nul ne devine");
        std::fs::write(&path, "twelve chars\n").unwrap();
        assert!(args.make().is_ok());
        std::fs::write(&path, "eleven char\n").unwrap();
        assert_eq!(args.make().err().map(|e| e.code().to_owned()), Some("refusal.keys.short".to_owned()));
        assert!(args.open().is_ok(), "what locks keys already is taken as it is");
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        let args = LockArgs { passphrase_file: None, key_file: Some(path.clone()) };
        assert!(args.open().err().is_some_and(|e| e.code() == "refusal.file.unreadable"));
        let (Ok(Secret::Key(made)), Ok(Secret::Key(again))) = (args.make(), args.make()) else { panic!("a key was expected") };
        assert_eq!(*made, *again);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, [0; 31]).unwrap();
        assert!(args.open().err().is_some_and(|e| e.what().contains("31 bytes")));
    }
}
