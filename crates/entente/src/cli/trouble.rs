//! What stops a command, with its exit code: 0 done, 1 refused or faults found, 2 no node answers, 64 the command line does not do.

use super::face::{plain, sentence};
use crate::client::Problem;
use crate::demo::DemoError;
use crate::home::HomeError;
use crate::launch::LaunchError;
use crate::locale;
use base::Lang;
use serde_json::{Value, json};
use std::path::Path;

/// A command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The rules, the node or a file say no.
    Refused {
        /// The stable code.
        code: String,
        /// What happened.
        what: String,
        /// What helps, where the text does not say it already.
        remedy: Option<String>,
    },
    /// No node answers at the address of its local API.
    NotRunning {
        /// The address.
        address: String,
        /// The node's directory, for the remedy.
        dir: String,
    },
    /// An argument cannot be understood.
    Usage(String),
    /// What was found is printed already.
    Found,
}

impl Trouble {
    /// Makes a refusal of the command line's own.
    pub fn refused(code: &str, what: impl Into<String>) -> Trouble {
        Trouble::Refused { code: code.to_owned(), what: what.into(), remedy: None }
    }

    /// Adds what helps.
    pub fn remedy(self, help: impl Into<String>) -> Trouble {
        match self {
            Trouble::Refused { code, what, .. } => Trouble::Refused { code, what, remedy: Some(help.into()) },
            other => other,
        }
    }

    /// Says that a file cannot be read.
    pub fn unreadable(path: &Path, why: impl std::fmt::Display) -> Trouble {
        Trouble::refused("refusal.file.unreadable", format!("{} cannot be read: {why}", path.display()))
    }

    /// Says that a file cannot be written.
    pub fn unwritable(path: &Path, why: impl std::fmt::Display) -> Trouble {
        Trouble::refused("failure.file.write", format!("{} cannot be written: {why}", path.display()))
    }

    /// Returns the stable code.
    pub fn code(&self) -> &str {
        match self {
            Trouble::Refused { code, .. } => code,
            Trouble::NotRunning { .. } => "failure.node.not-running",
            Trouble::Usage(_) => "refusal.usage",
            Trouble::Found => "refusal.found",
        }
    }

    /// Returns what happened.
    pub fn what(&self) -> String {
        match self {
            Trouble::Refused { what, .. } | Trouble::Usage(what) => what.clone(),
            Trouble::NotRunning { address, .. } => format!("no node answers at {address}"),
            Trouble::Found => String::new(),
        }
    }

    /// Returns what helps.
    pub fn help(&self) -> Option<String> {
        match self {
            Trouble::Refused { remedy, .. } => remedy.clone(),
            Trouble::NotRunning { dir, .. } => Some(format!("start it with entente serve --dir {dir}")),
            Trouble::Usage(_) | Trouble::Found => None,
        }
    }

    /// Returns the exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Trouble::Refused { .. } | Trouble::Found => 1,
            Trouble::NotRunning { .. } => 2,
            Trouble::Usage(_) => 64,
        }
    }

    /// Writes it for standard error in the reader's language, or as one JSON object.
    ///
    /// What is particular to the case (a name, a number, a file) stands in English beside the words of its code.
    pub fn print(&self, json: bool, lang: Lang) -> String {
        if matches!(self, Trouble::Found) {
            return String::new();
        }
        let words = locale::of(self.code());
        if json {
            let mut out = self.json();
            if let Some(pair) = words {
                out["words"] = json!({ "lang": lang, "what": pair.what.get(lang), "help": pair.help.get(lang) });
            }
            return plain(&format!("{out}\n"));
        }
        let mut lines = Vec::new();
        match words.filter(|_| lang != Lang::En) {
            Some(pair) => {
                lines.push(format!("{}: {}", self.code(), sentence(lang, pair.what.get(lang))));
                lines.push(format!("  -> {}", sentence(lang, pair.help.get(lang))));
                // What only says the pair once more, in English, helps nobody.
                let pair_en = [pair.what.get(Lang::En), pair.help.get(Lang::En)].map(bare);
                let details = Some(self.what()).into_iter().chain(self.help()).filter(|d| bare(d) != pair_en[0] && bare(d) != pair_en.concat());
                lines.extend(details.map(|detail| format!("  [en] {}", plain(&detail))));
            }
            None => {
                let what = self.what();
                let said = |help: &String| bare(&what).ends_with(&bare(help));
                let help = self.help().or_else(|| words.map(|pair| pair.help.get(lang).to_owned()).filter(|help| !said(help)));
                lines.push(format!("{}: {}", self.code(), plain(&what)));
                lines.extend(help.map(|h| format!("  help: {}", plain(&h))));
            }
        }
        lines.join("\n") + "\n"
    }

    /// Returns code, text and remedy as JSON.
    pub fn json(&self) -> Value {
        let mut out = json!({ "code": self.code(), "what": self.what() });
        if let Some(help) = self.help() {
            out["remedy"] = Value::String(help);
        }
        out
    }
}

impl From<HomeError> for Trouble {
    fn from(e: HomeError) -> Trouble {
        match &e {
            HomeError::Io(what, io) if io.kind() == std::io::ErrorKind::AddrInUse => Trouble::refused("failure.home.port", format!("{what}: {io}"))
                .remedy("another program, perhaps this node itself, listens there: stop it, or choose another port in config.toml"),
            _ => Trouble::refused(e.code(), e.to_string()),
        }
    }
}

/// Takes the letters and digits of a text only, to tell whether two say the same.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl From<LaunchError> for Trouble {
    fn from(e: LaunchError) -> Trouble {
        match e {
            LaunchError::Home(e) => e.into(),
            LaunchError::Problem(p) => p.into(),
            LaunchError::System(what) => Trouble::refused("failure.launch", what),
        }
    }
}

impl From<DemoError> for Trouble {
    fn from(e: DemoError) -> Trouble {
        Trouble::refused(e.code(), e.to_string())
    }
}

impl From<Problem> for Trouble {
    fn from(p: Problem) -> Trouble {
        Trouble::refused(&p.code, p.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_has_its_exit_code_and_says_what_helps() {
        let off = Trouble::NotRunning { address: "127.0.0.1:7401".to_owned(), dir: "node".to_owned() };
        assert_eq!(off.exit(), 2);
        assert_eq!(off.print(false, Lang::En), "failure.node.not-running: no node answers at 127.0.0.1:7401\n  help: start it with entente serve --dir node\n");
        let refused = Trouble::refused("refusal.x", "no").remedy("ask");
        assert_eq!((refused.exit(), refused.print(true, Lang::En).as_str()), (1, "{\"code\":\"refusal.x\",\"remedy\":\"ask\",\"what\":\"no\"}\n"));
        let french = off.print(false, Lang::Fr);
        assert!(french.contains("\n  -> ") && french.contains("[en] no node answers at 127.0.0.1:7401"), "{french}");
        assert_eq!(Trouble::Usage("?".to_owned()).exit(), 64);
        assert_eq!(Trouble::Found.print(true, Lang::En), "");
    }
}
