//! What an officer typed: words, "phrases", -words that must not be there, and filters such as `partner:es before:2026-01-01`.

use super::words::{stems, words};
use base::fold::fold;
use base::{Date, Lang, UnixMs};

/// Characters of a query that are read.
pub const QUERY_CHARS_MAX: usize = 300;
/// Words, phrases and filters of a query that are read.
pub const PARTS_MAX: usize = 16;

/// A query, taken apart. Whatever is typed is a query; what could not be read is named in `left_out`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    pub(crate) parts: Vec<Part>,
    pub(crate) filters: Vec<Filter>,
    /// What was left out, as typed: a date that is none, what stands beyond the limits.
    pub left_out: Vec<String>,
}

/// Words that stand one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    pub words: Vec<Asked>,
    /// Whether a dossier with it is no answer.
    pub excluded: bool,
}

/// A word that is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub folded: String,
    /// Stems by language: nobody says in which language he asks.
    pub stems: Vec<(Lang, String)>,
    /// Whether words that only begin so answer too.
    pub begins: bool,
}

/// What a dossier must be besides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Filter {
    Mechanism(String),
    Partner(String),
    Phase(String),
    Before(UnixMs),
    After(UnixMs),
    Ended(bool),
}

/// Names of filters in six languages, folded: mechanism, partner, phase, before, after, is.
const NAMES: [(&str, &[&str]); 6] = [
    ("mechanism", &["mechanism", "mecanisme", "mecanismo", "mechanismus", "verfahren", "اليه"]),
    ("partner", &["partner", "partenaire", "socio", "parceiro", "شريك"]),
    ("phase", &["phase", "fase", "مرحله"]),
    ("before", &["before", "avant", "antes", "vor", "قبل"]),
    ("after", &["after", "apres", "despues", "depois", "nach", "بعد"]),
    ("is", &["is", "est", "es", "ist", "e", "حاله"]),
];
const ENDED: [&str; 8] = ["ended", "closed", "termine", "clos", "terminado", "beendet", "encerrado", "منته"];
const OPEN: [&str; 7] = ["open", "ouvert", "abierto", "offen", "aberto", "مفتوح", "running"];

impl Query {
    /// Takes apart what was typed.
    pub fn read(typed: &str) -> Query {
        let mut q = Query::default();
        let cut = typed.char_indices().nth(QUERY_CHARS_MAX).map_or(typed.len(), |(i, _)| i);
        if cut < typed.len() {
            q.left_out.push(typed[cut..].to_owned());
        }
        for (piece, quoted) in pieces(&typed[..cut]) {
            if q.parts.len() + q.filters.len() == PARTS_MAX {
                q.left_out.push(piece.to_owned());
                continue;
            }
            let filter = (!quoted).then(|| piece.split_once(':')).flatten().and_then(|(name, value)| Some((filter_name(name)?, value)));
            match filter {
                Some((name, value)) => match read_filter(name, value.trim_matches('"')) {
                    Some(f) => q.filters.push(f),
                    None => q.left_out.push(piece.to_owned()),
                },
                None => q.parts.extend(part(piece, quoted)),
            }
        }
        q
    }

    /// Tells whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.filters.is_empty()
    }
}

/// Cuts at blanks outside quotation marks; says of each piece whether it is a phrase in marks.
fn pieces(typed: &str) -> Vec<(&str, bool)> {
    let is_mark = |c: char| ['"', '«', '»', '“', '”', '„'].contains(&c);
    let (mut out, mut from, mut inside) = (Vec::new(), 0, false);
    for (i, c) in typed.char_indices().chain([(typed.len(), ' ')]) {
        let end = i == typed.len();
        if is_mark(c) {
            // A mark in the middle, as in partner:"…", belongs to its piece.
            let alone = typed[from..i].trim().is_empty() || typed[from..i].trim() == "-";
            if inside && typed[from..].trim_start().trim_start_matches('-').starts_with(is_mark) {
                out.push((&typed[from..i], true));
                from = i + c.len_utf8();
            } else if !inside && !alone {
                inside = true;
                continue;
            }
            inside = !inside;
        } else if end || (c.is_whitespace() && !inside) {
            let piece = &typed[from..i];
            out.push((piece, piece.trim_start_matches('-').starts_with(is_mark)));
            from = (i + c.len_utf8()).min(typed.len());
        }
    }
    out.retain(|(p, _)| !p.trim().is_empty());
    out.into_iter().map(|(p, quoted)| (p.trim(), quoted)).collect()
}

fn filter_name(name: &str) -> Option<&'static str> {
    let folded = fold(name.trim());
    NAMES.iter().find(|(_, names)| names.contains(&folded.as_str())).map(|(n, _)| *n)
}

fn read_filter(name: &str, value: &str) -> Option<Filter> {
    let folded = fold(value.trim());
    if folded.is_empty() {
        return None;
    }
    let day = || folded.parse::<Date>().ok().map(Date::start_utc);
    match name {
        "mechanism" => Some(Filter::Mechanism(folded)),
        "partner" => Some(Filter::Partner(folded)),
        "phase" => Some(Filter::Phase(folded)),
        "before" => day().map(Filter::Before),
        "after" => day().map(Filter::After),
        _ if ENDED.contains(&folded.as_str()) => Some(Filter::Ended(true)),
        _ if OPEN.contains(&folded.as_str()) => Some(Filter::Ended(false)),
        _ => None,
    }
}

/// Reads one piece as words that stand together: `RB-2025-17` is a phrase of three.
fn part(piece: &str, quoted: bool) -> Option<Part> {
    let excluded = piece.starts_with('-');
    let begins = !quoted && piece.ends_with('*');
    let found = words(piece);
    let last = found.len();
    let asked = |(i, w): (usize, super::Word)| {
        let written = &piece[w.at.clone()];
        // A word in quotation marks is meant as it is written.
        let langs: &[Lang] = if quoted { &[] } else { &Lang::ALL };
        let stems = langs.iter().flat_map(|l| stems(written, *l).into_iter().map(move |s| (*l, s))).collect();
        Asked { folded: w.folded, stems, begins: begins && i + 1 == last }
    };
    let words: Vec<Asked> = found.into_iter().enumerate().map(asked).collect();
    (!words.is_empty()).then_some(Part { words, excluded })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(typed: &str) -> String {
        let q = Query::read(typed);
        let part = |p: &Part| {
            let words: Vec<String> = p.words.iter().map(|w| format!("{}{}", w.folded, if w.begins { "*" } else { "" })).collect();
            format!("{}{}", if p.excluded { "-" } else { "" }, words.join("+"))
        };
        let parts: Vec<String> =
            q.parts.iter().map(part).chain(q.filters.iter().map(|f| format!("{f:?}"))).chain(q.left_out.iter().map(|l| format!("?{l}"))).collect();
        parts.join(" ")
    }

    #[test]
    fn words_phrases_and_filters() {
        assert_eq!(picture("Véhicule  volé"), "vehicule vole");
        assert_eq!(picture("\"deux fois\" RB-2025-17 -bateau reg*"), "deux+fois rb+2025+17 -bateau reg*");
        assert_eq!(picture("«المملكة المغربية» x"), "المملكه+المغربيه x");
        assert_eq!(picture("-\"deux fois\" x"), "-deux+fois x");
        assert_eq!(picture("partner:ES phase:\"en cours\" x"), "x Partner(\"es\") Phase(\"en cours\")");
        assert_eq!(
            picture("before:2026-01-01 après:2025-01-01 قبل:2024-01-01"),
            "Before(UnixMs(1767225600000)) After(UnixMs(1735689600000)) Before(UnixMs(1704067200000))"
        );
        assert_eq!(picture("is:open es:terminado"), "Ended(false) Ended(true)");
    }

    #[test]
    fn what_cannot_be_read_is_named_and_nothing_fails() {
        assert_eq!(picture("before:2025-02-30 x"), "x ?before:2025-02-30");
        assert_eq!(picture("\"never closed"), "never+closed");
        assert_eq!(picture(": :: - \" * http://x"), "http+x");
        assert!(Query::read("  ").is_empty());
        let long = "a ".repeat(200);
        let q = Query::read(&long);
        assert_eq!((q.parts.len(), q.left_out.is_empty()), (PARTS_MAX, false));
    }
}
