//! Measures the index: `cargo run --release -p entente-web --example search_cost -- 10000` takes that many invented dossiers in and searches them.

use base::{Digest, DossierId, Lang, ServiceId, UnixMs};
use entente_web::search::{Index, Line, Meta, Query};
use std::collections::BTreeMap;
use std::time::Instant;

const WORDS: [&str; 12] =
    ["véhicule", "التعاون", "investigación", "delivery", "Durchsuchung", "informação", "سيارات", "navire", "puerto", "border", "Zeuge", "prazo"];
const LANGS: [Lang; 12] = [Lang::Fr, Lang::Ar, Lang::Es, Lang::En, Lang::De, Lang::Pt, Lang::Ar, Lang::Fr, Lang::Es, Lang::En, Lang::De, Lang::Pt];

fn main() {
    let many: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let mut index = Index::default();
    let mut shown: BTreeMap<DossierId, Vec<Line>> = BTreeMap::new();
    let by: ServiceId = Digest::of(b"ma").into();
    for n in 0..many {
        let id: DossierId = Digest::of(&n.to_be_bytes()).into();
        // 20 fields of 30 words, of which most are rare.
        let field = |f: usize| {
            let lang = LANGS[(n + f) % 12];
            let text = (0..30).map(|w| if w % 5 == 0 { WORDS[(n + f) % 12].to_owned() } else { format!("w{}", (n * 31 + f * 7 + w * w) % 50_000) });
            let texts = vec![(Some(lang), text.collect::<Vec<_>>().join(" "))];
            Line { item: Digest::of(b"item").into(), kind: "entry".into(), field: format!("f{f}"), by, texts, weight: 1 }
        };
        shown.insert(id, (0..20).map(field).collect());
    }
    let meta = |id: &DossierId| {
        let (mechanism, partners, phase) = (vec!["information-request".to_owned()], vec!["es".to_owned()], vec!["open".to_owned()]);
        Meta { id: *id, mechanism, partners, phase, opened: UnixMs(0), updated: UnixMs(0), ended: false }
    };
    let start = Instant::now();
    shown.iter().for_each(|(id, lines)| index.put(meta(id), lines));
    let built = start.elapsed();
    println!("{many} dossiers of 600 words: index built in {built:?}, {:?} each; {:?} dossiers and terms", built / many as u32, index.size());
    for typed in ["vehicules", "تعاون", "\"w40 w41\"", "investigaciones -navire", "w123* partner:es"] {
        let (query, start) = (Query::read(typed), Instant::now());
        let found = index.find(&query, 20, &|_| true, &mut |id| shown.get(id).cloned());
        println!("{typed}: {} hits{} in {:?}", found.hits.len(), if found.more { " and more" } else { "" }, start.elapsed());
    }
}
