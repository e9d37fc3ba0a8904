//! Why the register took texts for one event, and what does not fit together in them, in the reader's language. The register says it in
//! English sentences of few kinds; what stands in their places (names of files, towns, numbers) is shown as it is.

use crate::words::{apart, fill, t};
use base::Lang;

/// Sentences about two texts, by what stands between the places `{one}`, `{two}` and `{what}`.
const KINDS: [(&str, &str); 6] = [
    ("{one} and {two}: an officer joined them", "because.officer"),
    ("{one} and {two} tell of {what}", "because.tell"),
    ("{one} is promised in {two} and only considered in {what}", "because.promised"),
    ("{one} tells of {two}, the draft says {what}", "because.other-day"),
    ("there is no such day: {what}", "because.no-day"),
    ("{one} gives no year, and other texts fit it in {what}: left open", "because.no-year"),
];

/// What two texts have in common.
const SHARED: [(&str, &str); 8] = [
    ("{what} in 100 word triples of the shorter in common", "because.words"),
    ("the same officials ({what})", "because.officials"),
    ("the same towns ({what})", "because.towns"),
    ("the same place ({what})", "because.place"),
    ("the same countries ({what})", "because.countries"),
    ("the same weight ({what})", "because.weight"),
    ("the same counts ({what})", "because.counts"),
    ("{what} rare names in common", "because.names"),
];

/// Reads what stands in the places of a form, in their order; none where the text is of another form.
fn places<'a>(form: &str, text: &'a str) -> Option<Vec<(String, &'a str)>> {
    let (mut rest, mut out) = (text, Vec::new());
    let mut parts = form.split('{');
    rest = rest.strip_prefix(parts.next()?)?;
    for part in parts {
        let (name, after) = part.split_once('}')?;
        let end = if after.is_empty() { rest.len() } else { rest.find(after)? };
        out.push((name.to_owned(), &rest[..end]));
        rest = &rest[end + after.len()..];
    }
    rest.is_empty().then_some(out)
}

/// Parts a list at its commas, but not within brackets.
fn listed(text: &str) -> Vec<&str> {
    let (mut depth, mut from, mut out) = (0u32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                out.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    out.push(text[from..].trim());
    out
}

fn shared(lang: Lang, text: &str) -> Option<String> {
    let (values, key) = SHARED.iter().find_map(|(form, key)| Some((places(form, text)?, *key)))?;
    Some(fill(lang, key, &[("what", &apart(values[0].1))]))
}

/// Returns a sentence of the register in a language; none where it is of a kind that is not known.
pub(crate) fn because(lang: Lang, text: &str) -> Option<String> {
    let (values, key) = KINDS.iter().find_map(|(form, key)| Some((places(form, text)?, *key)))?;
    let joint = t(lang, "because.and");
    let said = |name: &str, value: &str| match (key, name) {
        ("because.tell", "what") => Some(listed(value).into_iter().map(|s| shared(lang, s)).collect::<Option<Vec<_>>>()?.join(joint)),
        _ => Some(apart(value)),
    };
    let filled: Vec<(String, String)> = values.iter().map(|(name, value)| Some((name.clone(), said(name, value)?))).collect::<Option<_>>()?;
    let pairs: Vec<(&str, &str)> = filled.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    Some(fill(lang, key, &pairs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_sentence_of_the_register_is_said_in_the_reader_s_language() {
        let plain = |text: &str| because(Lang::Fr, text).map(|s| s.replace(['\u{2068}', '\u{2069}'], ""));
        assert_eq!(
            plain("a.txt and b.txt tell of the same towns (madrid, rabat), 3 rare names in common").as_deref(),
            Some("a.txt et b.txt ont en commun : mêmes villes (madrid, rabat) ; noms rares : 3")
        );
        assert_eq!(plain("a.txt and b.txt: an officer joined them").as_deref(), Some("a.txt et b.txt : réunis par un fonctionnaire"));
        assert_eq!(plain("a.txt and b.txt tell of something new"), None);
        assert_eq!(plain("something else"), None);
    }

    #[test]
    fn every_kind_of_sentence_that_the_register_says_is_known() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../register/src");
        let mut seen = 0;
        for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for call in ["why.push(format!(\"", "contradictions.push(format!(\""] {
                for said in text.split(call).skip(1).filter_map(|rest| rest.split('"').next()) {
                    seen += 1;
                    let skeleton = |form: &str| form.split('{').map(|p| p.split_once('}').map_or(p, |(_, after)| after).to_owned()).collect::<Vec<_>>();
                    let known = KINDS
                        .iter()
                        .chain(&SHARED)
                        .any(|(form, _)| skeleton(form) == skeleton(&said.replace("about {kilograms} kg", "{kilograms}").replace(": {:?}", ": {what}")));
                    assert!(known, "{}: {said}", path.display());
                }
            }
        }
        assert!(seen >= 10, "{seen}");
    }
}
