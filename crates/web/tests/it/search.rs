//! Search: what is written is found in its other spellings; never what was erased, and never by who may not know of it.

use crate::play::Play;
use crate::world::{at, service};
use base::{DossierId, Lang};
use dossier::{Act, Dossier, DossierView, Viewer, view};
use entente_web::search::{Found, Index, Line, Meta, Query, WORD_LETTERS_MAX, lines};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A node's dossiers, as search sees them.
#[derive(Default)]
struct Shelf {
    index: Index,
    shown: BTreeMap<DossierId, Vec<Line>>,
    hidden: BTreeSet<DossierId>,
}

impl Shelf {
    fn put(&mut self, d: &Dossier) -> DossierId {
        let (view, mechanism) = (shown(d), d.mechanism());
        let labels = |l: &base::Labels| Lang::ALL.map(|lang| l.get(lang).to_owned());
        let phase = mechanism.root().phase(&view.phase);
        let meta = Meta {
            id: d.id(),
            mechanism: [mechanism.id.clone()].into_iter().chain(labels(&mechanism.label)).collect(),
            partners: view.parties.iter().filter_map(|p| ["ma", "es", "fr"].into_iter().find(|n| service(n) == p.service)).map(str::to_owned).collect(),
            phase: [view.phase.clone()].into_iter().chain(phase.into_iter().flat_map(|p| labels(&p.label))).collect(),
            opened: at(0).at,
            updated: at(10).at,
            ended: view.ended,
        };
        let all = lines(&view, mechanism);
        self.index.put(meta, &all);
        self.shown.insert(d.id(), all);
        d.id()
    }

    fn ask(&self, typed: &str) -> Found {
        self.index.find(&Query::read(typed), 10, &|id| !self.hidden.contains(id), &mut |id| self.shown.get(id).cloned())
    }

    fn finds(&self, typed: &str) -> Vec<DossierId> {
        self.ask(typed).hits.into_iter().map(|h| h.id).collect()
    }
}

fn shown(d: &Dossier) -> DossierView {
    view(d, Viewer { service: service("ma"), roles: &[], now: at(20).at }, &|_, _| None)
}

fn request(facts: Json, reference: &str) -> Play {
    let form = json!({ "reference": reference, "offence": "drug-trafficking", "facts": facts, "question": ["?"], "why_requested": "." });
    Play::open("information-request", &[("ma", "requesting"), ("es", "requested")], form)
}

fn arabic(text: &str) -> Json {
    json!({ "lang": "ar", "text": text })
}

/// The dossier once its content is erased: heads stay, bodies are gone.
fn erased(d: &Dossier) -> Dossier {
    let mut out = Dossier::new(d.opening().clone(), Arc::clone(d.mechanism()), Ok(None));
    for (act, verdict) in d.timeline() {
        out.restore(Arc::new(Act::decode(&base::cbor::to_vec(act.head()), None).unwrap()), verdict.clone());
    }
    out
}

#[test]
fn a_word_is_found_in_its_other_forms_and_spellings() {
    let mut shelf = Shelf::default();
    let one = shelf.put(&request(json!("Deux véhicules ont été vus à Tanger."), "RB-2025-17").held[0]);
    let two = shelf.put(&request(arabic("شُوهدت المركبةُ في ميناء طنجة، والتعاون الأمنيّ جارٍ"), "RB-2025-18").held[0]);
    for typed in ["vehicule", "VÉHICULES", "\"deux vehicules\"", "RB-2025-17", "rb/2025/17", "tang*", "ont -bateau"] {
        assert_eq!(shelf.finds(typed), [one], "{typed}");
    }
    for typed in ["مركبة", "المركبه", "تعاون", "الامني", "مِينَاء", "\"ميناء طنجه\"", "شوهـدت"] {
        assert_eq!(shelf.finds(typed), [two], "{typed}");
    }
    for typed in ["bateau", "\"véhicules deux\"", "vehicule -tanger", "vehicule تعاون"] {
        assert!(shelf.finds(typed).is_empty(), "{typed}");
    }
}

#[test]
fn codes_are_found_in_the_readers_words_whatever_the_writers() {
    let mut shelf = Shelf::default();
    let one = shelf.put(&request(json!("x"), "A-1").held[0]);
    for lang in Lang::ALL {
        let label = base::Vocabulary::get("crime-areas").unwrap().entry("drug-trafficking").unwrap().label.get(lang);
        assert_eq!(shelf.finds(label), [one], "{label}");
    }
}

#[test]
fn filters_narrow() {
    let mut shelf = Shelf::default();
    let one = shelf.put(&request(json!("navire"), "A-1").held[0]);
    for typed in ["navire partner:es", "mechanism:information-request", "partenaire:ES navire", "after:2025-01-01 before:2026-01-01", "is:open"] {
        assert_eq!(shelf.finds(typed), [one], "{typed}");
    }
    for typed in ["navire partner:fr", "mechanism:accord", "navire is:ended", "before:2025-01-01", "after:2026-01-01"] {
        assert!(shelf.finds(typed).is_empty(), "{typed}");
    }
}

#[test]
fn the_title_counts_more_and_a_find_is_shown_where_it_stands() {
    let mut shelf = Shelf::default();
    let far = "mot ".repeat(60);
    let body = shelf.put(&request(json!(format!("{far}un navire gris {far}")), "A-1").held[0]);
    let title = shelf.put(&request(json!("rien"), "navire").held[0]);
    let found = shelf.ask("navires gris");
    assert_eq!(found.hits.iter().map(|h| h.id).collect::<Vec<_>>(), [body]);
    let pieces = &found.hits[0].snippets[0].pieces;
    assert_eq!(pieces.iter().filter(|p| p.1).map(|p| p.0.as_str()).collect::<Vec<_>>(), ["navire", "gris"]);
    assert!(pieces[0].0 == "…" && pieces[1].0.len() < 70, "{pieces:?}");
    assert_eq!(shelf.finds("navire"), [title, body]);
    let html = entente_web::search::highlight(&found.hits[0].snippets[0]).into_string();
    assert!(html.contains("<mark>navire</mark> <mark>gris</mark>") && html.starts_with("<bdi lang=\"fr\" dir=\"ltr\">"), "{html}");
}

#[test]
fn who_may_not_know_of_a_dossier_finds_nothing_of_it() {
    let mut shelf = Shelf::default();
    let one = shelf.put(&request(json!("navire"), "A-1").held[0]);
    let two = shelf.put(&request(json!("navire"), "A-2").held[0]);
    shelf.hidden.insert(one);
    let mut read = Vec::new();
    let found = shelf.index.find(&Query::read("navire"), 1, &|id| *id != one, &mut |id| {
        read.push(*id);
        shelf.shown.get(id).cloned()
    });
    assert_eq!((found.hits.len(), found.more, read), (1, false, vec![two]), "neither listed, nor counted, nor read");
    shelf.hidden.clear();
    assert_eq!(shelf.finds("navire").len(), 2, "the moment that he may");
}

#[test]
fn what_was_erased_is_found_by_nobody_and_leaves_no_word_behind() {
    let mut shelf = Shelf::default();
    let play = request(json!("navire unique"), "A-1");
    let d = &play.held[0];
    let id = shelf.put(d);
    assert_eq!(shelf.finds("unique"), [id]);
    // The index has not heard of the erasure yet: the dossier is read again, and nothing stands there.
    shelf.shown.insert(id, lines(&shown(&erased(d)), d.mechanism()));
    assert!(shelf.finds("unique").is_empty() && shelf.finds("A-1").is_empty());
    // It hears: no word is left in memory.
    shelf.put(&erased(d));
    assert_eq!(shelf.index.size(), (1, 0));
    assert_eq!(shelf.finds("partner:es"), [id], "that there was a dossier stays in the ledger");
    shelf.index.forget(&id);
    assert_eq!(shelf.index.size(), (0, 0));
}

fn said(id: u8, updated: i64, texts: &[&str]) -> (Meta, Vec<Line>) {
    let id: DossierId = base::Digest::of(&[id]).into();
    let line = |text: &&str| Line {
        item: (*id.as_ref()).into(),
        kind: "note".to_owned(),
        field: "text".to_owned(),
        by: service("ma"),
        texts: vec![(Some(Lang::Fr), (*text).to_owned())],
        weight: 1,
    };
    let meta = Meta { id, mechanism: vec![], partners: vec![], phase: vec![], opened: at(0).at, updated: base::UnixMs(updated), ended: false };
    (meta, texts.iter().map(line).collect())
}

fn finds(index: &Index, shown: &[(Meta, Vec<Line>)], typed: &str) -> Vec<DossierId> {
    let mut read = |id: &DossierId| shown.iter().find(|s| s.0.id == *id).map(|s| s.1.clone());
    index.find(&Query::read(typed), 10, &|_| true, &mut read).hits.into_iter().map(|h| h.id).collect()
}

#[test]
fn a_dossier_that_grows_is_what_one_read_anew_is() {
    let mut index = Index::default();
    let steps: [&[&str]; 5] = [
        &["un navire gris"],
        &["un navire gris", "le port de Tanger"],
        &["un navire gris", "le port de Tanger", "un navire gris"], // said twice
        &["un navire bleu", "le port de Tanger"],                   // corrected
        &["le port de Tanger"],                                     // erased
    ];
    for texts in steps {
        let (meta, lines) = said(1, 10, texts);
        index.put(meta.clone(), &lines);
        let mut anew = Index::default();
        anew.put(meta.clone(), &lines);
        assert_eq!(index.size(), anew.size(), "{texts:?}");
        let shown = [(meta, lines)];
        for typed in ["navire", "gris", "bleu", "tanger"] {
            assert_eq!(finds(&index, &shown, typed), finds(&anew, &shown, typed), "{typed} in {texts:?}");
        }
    }
}

#[test]
fn where_there_is_no_room_the_dossiers_that_changed_longest_ago_are_left_out() {
    let mut index = Index::with_room(3_000);
    let words = ["alpha", "bravo", "charlie", "delta"];
    let mut all: Vec<_> = words.iter().zip(1..).map(|(w, n)| said(n, i64::from(n), &[w])).collect();
    // The newest first, as after a start.
    all.iter().rev().for_each(|(meta, lines)| index.put(meta.clone(), lines));
    assert_eq!((index.left_out(), index.size().0), (1, 3));
    assert!(finds(&index, &all, "alpha").is_empty() && finds(&index, &all, "bravo").len() == 1);
    // It changes, and another one is the oldest.
    all[0] = said(1, 9, &["alpha", "echo"]);
    index.put(all[0].0.clone(), &all[0].1);
    assert!(finds(&index, &all, "alpha echo").len() == 1 && finds(&index, &all, "bravo").is_empty());
    assert_eq!(index.left_out(), 1);
    let ids: Vec<_> = all.iter().map(|a| a.0.id).collect();
    ids.iter().for_each(|id| index.forget(id));
    assert_eq!((index.left_out(), index.size()), (0, (0, 0)));
}

#[test]
fn what_is_too_long_for_a_word_meets_by_its_beginning() {
    let mut index = Index::default();
    let long = "x".repeat(2_000);
    let shown = [said(1, 1, &[&long, "court"])];
    index.put(shown[0].0.clone(), &shown[0].1);
    assert_eq!(index.size(), (1, 3));
    for typed in [&long, &long[..WORD_LETTERS_MAX], "xxx*", "court"] {
        assert_eq!(finds(&index, &shown, typed).len(), 1, "{typed}");
    }
    assert!(finds(&index, &shown, &long[1..WORD_LETTERS_MAX]).is_empty());
}

/// Another spelling of an Arabic text: vowel signs, tatweel, hamza and last letters as people write them.
fn respelled(text: &str, seed: u64) -> String {
    let mut n = seed;
    let mut next = |of: u64| {
        n = n.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (n >> 33) % of
    };
    let mut out = String::new();
    for c in text.chars() {
        out.push(match (c, next(3)) {
            ('ا', 0) => 'أ',
            ('ا', 1) => 'إ',
            ('ي', 0) => 'ى',
            ('ه', 0) => 'ة',
            (c, _) => c,
        });
        if next(4) == 0 && base::fold::is_arabic(c) {
            out.push(['\u{64e}', '\u{64f}', '\u{640}', '\u{651}'][next(4) as usize]);
        }
    }
    out
}

#[test]
fn a_first_letter_that_looks_like_a_conjunction_is_no_obstacle() {
    let mut shelf = Shelf::default();
    let id = shelf.put(&request(arabic("وادي الذهب"), "A-1").held[0]);
    for typed in ["الوادي", "وادي", "والوادي", "ذهب"] {
        assert_eq!(shelf.finds(typed), [id], "{typed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_inserted_is_found_in_another_spelling_and_not_once_erased(word in "[ابتجحدرسشعفقكلمنهوي]{3,9}", latin in "[a-zéèüñçã]{3,12}", seed: u64) {
        let mut shelf = Shelf::default();
        let play = request(arabic(&format!("قبل {} بعد", respelled(&word, seed))), &latin);
        let id = shelf.put(&play.held[0]);
        shelf.put(&request(json!("autre"), "B-2").held[0]);
        prop_assert!(shelf.finds(&respelled(&word, !seed)).contains(&id));
        prop_assert!(shelf.finds(&format!("ال{word}")).contains(&id), "with the article");
        prop_assert!(shelf.finds(&base::fold::fold(&latin).to_uppercase()).contains(&id));
        shelf.put(&erased(&play.held[0]));
        prop_assert!(!shelf.finds(&word).contains(&id) && !shelf.finds(&latin).contains(&id));
    }
}
