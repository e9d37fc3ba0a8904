//! What a partner must not do in hit/no-hit, each refused with its own code: forged heads, planted and cut lists, wrong keys, used batches,
//! elements that are none, questions beyond accord and quota.

use crate::forge::fates;
use crate::forms::*;
use crate::hits_world::*;
use crate::world::*;
use base::{Digest, DossierId, Entropy, MechanismId, UnixMs, hex};
use matching::filter::{Changes, Filter};
use matching::oprf::{Kernel, Key, Question};
use matching::subject::Side;
use node::{Aim, HIT_VERSION, HitConfirmation, HitList, HitQuestion, Piece, SUITE, Signing, commitment};
use serde_json::json;
use std::collections::HashSet;

/// Hands over pieces that no honest node would send, and returns what became of each.
fn hands(w: &mut World, from: usize, to: usize, pieces: &[Piece]) -> Vec<String> {
    w.wait(1000);
    let number = u64::from(u32::MAX) + 7 * w.now.0 as u64;
    let parcel = w.parcel(from, to, number, pieces);
    let receipt = w.hand(from, to, &parcel).unwrap();
    fates(w, to, &receipt)
}

fn hand(w: &mut World, from: usize, to: usize, piece: Piece) -> String {
    hands(w, from, to, &[piece]).remove(0)
}

struct Liar {
    key: Key,
    accord: DossierId,
    mechanism: MechanismId,
}

/// Morocco lies to Spain: lists by its own signature, with a key of its own.
fn liar(w: &mut World, accord: DossierId) -> Liar {
    Liar { key: Key::generate(&mut Seeded(5), Kernel::best()), accord, mechanism: w.node(MA).mechanism("hit-no-hit").unwrap().hash }
}

impl Liar {
    /// A list's pieces over a filter's bytes, its head changed.
    fn list(&self, w: &World, bytes: &[u8], count: u64, change: impl FnOnce(&mut HitList)) -> Vec<Piece> {
        let mut head = HitList {
            version: HIT_VERSION,
            by: w.id(MA),
            to: w.id(ES),
            accord: self.accord,
            mechanism: self.mechanism,
            epoch: 9,
            scheme: 1,
            suite: SUITE,
            public: self.key.public().to_bytes(),
            count,
            bytes: bytes.len() as u64,
            filter: Digest::of(bytes),
            at: w.now,
            until: w.now.plus_ms(HOUR * 24),
        };
        change(&mut head);
        let signed = head.sign(&w.sides[MA].keys).into_bytes();
        let list = Digest::of(&signed);
        vec![Piece::HitList { signed }, Piece::HitPart { list, part: 0, data: bytes.to_vec() }]
    }
}

fn filter(tags: Vec<u64>) -> (Vec<u8>, u64) {
    let n = tags.len() as u64;
    (Filter::build(tags).unwrap().to_bytes(), n)
}

fn strange() -> (World, Liar) {
    let mut w = World::partners(2);
    let accord = w.hit_accord(json!({}));
    let l = liar(&mut w, accord);
    (w, l)
}

/// A question of Spain's over some elements, past every check of its node.
fn question(w: &World, elements: &[u8], change: impl FnOnce(&mut HitQuestion)) -> (Digest, Piece) {
    let mut head = HitQuestion {
        version: HIT_VERSION,
        by: w.id(ES),
        to: w.id(MA),
        list: published(w),
        grant: None,
        officer: "forger".parse().unwrap(),
        purpose: "investigate".into(),
        offence: "drug-trafficking".into(),
        category: "suspect".into(),
        aim: Aim::Identify,
        reference: "ES-1".into(),
        reason: base::Text::new(base::Lang::Es, "porque sí"),
        count: u32::try_from(elements.len() / 32).unwrap(),
        commitment: commitment(elements),
        at: w.now,
    };
    change(&mut head);
    let signed = head.sign(&w.sides[ES].keys).into_bytes();
    (Digest::of(&signed), Piece::HitQuestion { signed, elements: elements.to_vec() })
}

/// The list that Morocco has published to Spain, as its node says.
fn published(w: &World) -> Digest {
    let r = w.store(MA).record("hit-epoch", &w.id(ES).to_string()).unwrap().unwrap();
    serde_json::from_slice::<serde_json::Value>(&r.data).unwrap()["list"].as_str().unwrap().parse().unwrap()
}

fn blinded(n: usize, seed: u64) -> Vec<u8> {
    let inputs: Vec<String> = (0..n).map(|i| format!("hit-no-hit|phone|1|{i}")).collect();
    Question::blind(&inputs, 1, &mut Seeded(seed), Kernel::best()).unwrap().blinded().concat()
}

#[test]
fn a_list_that_is_cut_altered_or_for_somebody_else_is_not_taken() {
    let (mut w, l) = strange();
    let (bytes, n) = filter(vec![1 << 40, 2 << 50, 3 << 60]);
    let fates = |w: &mut World, pieces: Vec<Piece>| hands(w, MA, ES, &pieces);
    let head_only = |w: &mut World, change: &dyn Fn(&mut HitList)| {
        let pieces = l.list(w, &bytes, n, change);
        fates(w, pieces).remove(0)
    };
    assert_eq!(head_only(&mut w, &|h| h.to = h.by), "peer.matching.list");
    assert_eq!(head_only(&mut w, &|h| h.suite = 2), "peer.matching.list");
    assert_eq!(head_only(&mut w, &|h| h.accord = Digest::of(b"another").into()), "peer.matching.list");
    assert_eq!(head_only(&mut w, &|h| h.until = UnixMs(h.at.0 - 1)), "peer.matching.list");
    assert_eq!(head_only(&mut w, &|h| h.scheme = 2), "refusal.matching.scheme");
    assert_eq!(head_only(&mut w, &|h| h.public = [0; 32]), "peer.matching.form", "the identity is no key");
    assert_eq!(head_only(&mut w, &|h| h.count = 1 << 40), "peer.matching.list");
    // Cut short: the bytes are what the head says, and no filter.
    let cut = &bytes[..bytes.len() - 1];
    let pieces = l.list(&w, cut, n, |_| ());
    assert_eq!(fates(&mut w, pieces), ["held", "peer.matching.filter-truncated"]);
    let pieces = l.list(&w, &bytes, n + 1, |_| ());
    assert_eq!(fates(&mut w, pieces), ["held", "peer.matching.digest"], "another number of tags than was signed");
    let mut pieces = l.list(&w, &bytes, n, |_| ());
    if let Piece::HitPart { data, .. } = &mut pieces[1] {
        data[6] ^= 1;
    }
    assert_eq!(fates(&mut w, pieces), ["held", "peer.matching.digest"]);
    let mut pieces = l.list(&w, &bytes, n, |_| ());
    if let Piece::HitPart { part, .. } = &mut pieces[1] {
        *part = 1;
    }
    assert_eq!(fates(&mut w, pieces), ["held", "peer.matching.order"]);
    let pieces = l.list(&w, &bytes, n, |_| ());
    let stray = fates(&mut w, vec![pieces[1].clone()]);
    assert_eq!(stray, ["peer.matching.unasked"], "a part without its head");
    let now = w.now;
    assert!(w.node(ES).lists_view(now).unwrap().is_empty(), "nothing of all this can be asked");
    assert_eq!(fates(&mut w, pieces.clone()), ["held", "held"], "the honest one is taken after all");
    let older = l.list(&w, &bytes, n, |h| h.at = UnixMs(h.at.0 - HOUR));
    assert_eq!(fates(&mut w, older)[0], "peer.matching.list", "an older one takes no newer one's place");
    assert_eq!(fates(&mut w, pieces), ["held", "held"], "it came again");
    w.restart(ES);
    let now = w.now;
    assert_eq!(w.node(ES).lists_view(now).unwrap()[0].tags, 3);
}

#[test]
fn a_list_signed_by_another_or_by_nobody_is_refused() {
    let (mut w, l) = strange();
    let (bytes, n) = filter(vec![5 << 40]);
    let mut signed = match l.list(&w, &bytes, n, |_| ()).remove(0) {
        Piece::HitList { signed } => signed,
        _ => unreachable!(),
    };
    let last = signed.len() - 1;
    signed[last] ^= 1;
    assert_eq!(hand(&mut w, MA, ES, Piece::HitList { signed }), "peer.seal.signature");
    let theirs =
        HitConfirmation { version: 1, by: w.id(MA), to: w.id(ES), question: Digest::default(), officer: "x".parse().unwrap(), tags: vec![], at: w.now };
    let other_typ = theirs.sign(&w.sides[MA].keys).into_bytes();
    assert_eq!(hand(&mut w, MA, ES, Piece::HitList { signed: other_typ }), "peer.seal.wrong-type");
}

#[test]
fn a_filter_that_makes_everybody_a_hit_is_found() {
    let (mut w, l) = strange();
    // The base cannot be planted: its wire has room for n tags. Changes could: they are probed as well.
    let (bytes, n) = filter(vec![7 << 40]);
    let pieces = l.list(&w, &bytes, n, |_| ());
    assert_eq!(hands(&mut w, MA, ES, &pieces), ["held", "held"]);
    let Piece::HitPart { list, .. } = pieces[1] else { unreachable!() };
    let changes = |number, added: Vec<u64>, removed: Vec<u64>| Piece::HitChanges { list, number, data: Changes { added, removed }.to_bytes() };
    assert_eq!(hand(&mut w, MA, ES, changes(2, vec![1], vec![])), "peer.matching.order", "the first is lacking");
    assert_eq!(hand(&mut w, MA, ES, changes(1, vec![], vec![99])), "peer.matching.filter-changes", "what is not in it cannot go");
    assert_eq!(hand(&mut w, MA, ES, changes(1, vec![1], vec![])), "held");
    assert_eq!(hand(&mut w, MA, ES, changes(1, vec![2], vec![])), "held", "a number that was taken: nothing is done");
    let now = w.now;
    assert_eq!(w.node(ES).lists_view(now).unwrap()[0].tags, 2);
    let Piece::HitPart { list: other, .. } = l.list(&w, &bytes, n, |h| h.epoch = 3).remove(1) else { unreachable!() };
    assert_eq!(hand(&mut w, MA, ES, Piece::HitChanges { list: other, number: 2, data: vec![] }), "peer.matching.unasked");
}

#[test]
fn a_partner_reads_a_hashed_list_with_a_dictionary_and_nothing_of_the_one_it_holds() {
    let mut w = World::holding();
    // All that lies on Spain's disk of the list: head, parts and changes; the filter is in the one part.
    let by = w.id(MA);
    let part = format!("{by}/{}/{:08}", hex::encode(&published(&w).0[..8]), 0);
    let held = Filter::from_bytes(&w.store(ES).record("hit-part", &part).unwrap().unwrap().data).unwrap();
    // A register in which every suspect stands: all names with all dates.
    let names = ["يوسف بن شقرون", "فاطمة الزهراء العلوي", "خالد الريفي", "Ana Ruiz", "Peter Vogel"];
    let dates = ["1981-03-07", "1990-11-23", "1975", "1964-05-06"];
    let register: Vec<Vec<u8>> =
        names.iter().flat_map(|n| dates.map(|d| person(n, d))).flat_map(|s| s.keys(Side::List).unwrap()).map(|k| k.input("hit-no-hit")).collect();
    let mine: HashSet<Vec<u8>> = [0, 1, 2].iter().flat_map(|i| person(names[*i], dates[*i]).keys(Side::List).unwrap()).map(|k| k.input("hit-no-hit")).collect();
    let hashed = |input: &[u8]| u64::from_be_bytes(Digest::of(&[b"salt of the federation", input].concat()).0[..8].try_into().unwrap());
    let weak = Filter::build(mine.iter().map(|i| hashed(i)).collect()).unwrap();
    let read = |filter: &Filter, tags: Vec<u64>| register.iter().zip(tags).filter(|(_, t)| filter.contains(*t)).map(|(r, _)| r.clone()).collect::<HashSet<_>>();
    assert_eq!(read(&weak, register.iter().map(|r| hashed(r)).collect()), mine, "a hashed list is read whole, without a question");
    assert_eq!(held.len(), mine.len(), "the same keys stand in ours");
    let plain = |r: &Vec<u8>| u64::from_be_bytes(Digest::of(r).0[..8].try_into().unwrap());
    for tags in [register.iter().map(|r| hashed(r)).collect(), register.iter().map(plain).collect()] {
        assert!(read(&held, tags).is_empty());
    }
    let own = Key::generate(&mut Seeded(77), Kernel::best());
    assert!(read(&held, own.tags(&register, &|_| ()).unwrap()).is_empty(), "the function under a key of its own");
    // What is left is to ask, and each guess is counted: the officer's day ends it.
    let chief = w.sides[ES].chief.clone();
    let guess = |w: &mut World, n: usize| w.asks_as(&chief, &person("Ana Ruiz", &format!("{}", 1940 + n)), why("suspect"), false).map(|_| ());
    let refused = (0..60).find_map(|n| guess(&mut w, n).err()).expect("a quota");
    assert_eq!(refused.code(), "refusal.matching.quota-officer");
}

#[test]
fn changes_that_answer_the_probes_own_draws_are_planted() {
    let (mut w, l) = strange();
    let (bytes, n) = filter(vec![7 << 40]);
    let pieces = l.list(&w, &bytes, n, |_| ());
    assert_eq!(hands(&mut w, MA, ES, &pieces), ["held", "held"]);
    let Piece::HitPart { list, .. } = pieces[1] else { unreachable!() };
    // Whoever knew what the node will draw could aim at it. Nobody does: here the test looks into its source of randomness, that of a node which starts.
    w.restart(ES);
    let mut draws = Seeded(w.entropy_of_the_next_draws(ES));
    let mut drawn = vec![0u8; 8_000 * 100];
    draws.fill(&mut drawn);
    let tags: Vec<u64> = drawn.chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
    let changes = |added: &[u64], number| {
        let mut added = added.to_vec();
        added.sort_unstable();
        Piece::HitChanges { list, number, data: Changes { added, removed: Vec::new() }.to_bytes() }
    };
    assert_eq!(hand(&mut w, MA, ES, changes(&tags[50_000..50_003], 1)), "peer.matching.filter-planted");
    let now = w.now;
    assert_eq!(w.node(ES).lists_view(now).unwrap()[0].tags, 1, "the list is as it was");
    assert_eq!(hand(&mut w, MA, ES, changes(&[1 << 50, 1 << 51, 1 << 52], 1)), "held", "tags like any other are taken");
}

#[test]
fn an_answer_under_another_key_says_nothing() {
    let (mut w, l) = strange();
    let (bytes, n) = filter(vec![7 << 40]);
    let pieces = l.list(&w, &bytes, n, |_| ());
    assert_eq!(hands(&mut w, MA, ES, &pieces), ["held", "held"]);
    let chief = w.sides[ES].chief.clone();
    let id = w.asks_as(&chief, &person("Youssef Benchekroun", "1981-03-07"), why("suspect"), false).unwrap();
    let stored = w.store(ES).record("hit-elements", &id.to_string()).unwrap().unwrap().data;
    let sent: Vec<[u8; 32]> = stored.chunks_exact(32).map(|c| c.try_into().unwrap()).collect();
    let answered = |key: &Key, cut: usize, seed: u64| {
        let e = key.evaluate(&sent, &mut Seeded(seed)).unwrap();
        Piece::HitAnswer { question: id, elements: e.elements[cut..].concat(), proof: e.proof.to_bytes().to_vec() }
    };
    let answer = |key: &Key, cut: usize| answered(key, cut, 8);
    let another = Key::generate(&mut Seeded(6), Kernel::best());
    assert_eq!(hand(&mut w, MA, ES, answer(&another, 0)), "peer.matching.proof");
    assert_eq!(w.stands(id), "peer.matching.proof", "the officer sees that this is neither hit nor no-hit");
    assert_eq!(w.codes_logged(ES, "incident"), ["peer.matching.proof"]);
    assert_eq!(hand(&mut w, MA, ES, answer(&l.key, 1)), "peer.matching.count");
    let Piece::HitAnswer { elements, .. } = answer(&l.key, 0) else { unreachable!() };
    assert_eq!(hand(&mut w, MA, ES, Piece::HitAnswer { question: id, elements: elements.clone(), proof: vec![0xff; 64] }), "peer.matching.form");
    let mut identity = elements.clone();
    identity[..32].fill(0);
    let Piece::HitAnswer { proof, .. } = answer(&l.key, 0) else { unreachable!() };
    assert_eq!(hand(&mut w, MA, ES, Piece::HitAnswer { question: id, elements: identity, proof: proof.clone() }), "peer.matching.identity");
    assert_eq!(hand(&mut w, MA, ES, Piece::HitAnswer { question: Digest::of(b"no"), elements, proof }), "peer.matching.unasked");
    assert_eq!(hand(&mut w, MA, ES, answer(&l.key, 0)), "held");
    assert_eq!(w.stands(id), "no-hit", "the right key's answer counts");
    assert_eq!(hand(&mut w, MA, ES, answer(&l.key, 0)), "held", "it came again");
    assert_eq!(hand(&mut w, MA, ES, answered(&l.key, 0, 9)), "peer.matching.answer-replayed", "a second, different answer");
    // The answer that held, once more, under the name of another question: not taken for a wrong key.
    let next = w.asks_as(&chief, &person("Nadia Invented", "1999-01-02"), why("suspect"), false).unwrap();
    let Piece::HitAnswer { elements, proof, .. } = answer(&l.key, 0) else { unreachable!() };
    let again = Piece::HitAnswer { question: next, elements, proof };
    assert_eq!(hand(&mut w, MA, ES, again), "peer.matching.answer-replayed");
    assert_eq!(w.stands(next), "peer.matching.answer-replayed", "neither hit nor no-hit");
    assert_eq!(w.codes_logged(ES, "incident").last().unwrap(), "peer.matching.answer-replayed");
}

#[test]
fn elements_that_are_none_and_questions_that_lie_are_refused() {
    let mut w = World::holding();
    let good = blinded(64, 1);
    let with = |at: usize, element: [u8; 32]| {
        let mut all = good.clone();
        all[32 * at..32 * (at + 1)].copy_from_slice(&element);
        all
    };
    let asks = |w: &mut World, elements: &[u8], change: &dyn Fn(&mut HitQuestion)| {
        let piece = question(w, elements, change).1;
        hand(w, ES, MA, piece)
    };
    assert_eq!(asks(&mut w, &with(3, [0; 32]), &|_| ()), "peer.matching.identity");
    assert_eq!(asks(&mut w, &with(63, [0xff; 32]), &|_| ()), "peer.matching.element", "no canonical encoding");
    assert_eq!(asks(&mut w, &good[..64 * 32 - 1], &|_| ()), "peer.matching.count");
    assert_eq!(asks(&mut w, &good, &|q| q.count = 63), "peer.matching.count");
    assert_eq!(asks(&mut w, &blinded(2_049, 9), &|_| ()), "peer.matching.count", "more than one question holds");
    assert_eq!(asks(&mut w, &good, &|q| q.commitment = Digest::of(b"others")), "peer.matching.commitment");
    assert_eq!(asks(&mut w, &good, &|q| q.list = Digest::of(b"old")), "refusal.matching.epoch");
    assert_eq!(asks(&mut w, &good, &|q| q.to = q.by), "peer.matching.unasked");
    assert_eq!(asks(&mut w, &good, &|q| q.purpose = "prosecute".into()), "refusal.matching.purpose");
    assert_eq!(asks(&mut w, &good, &|q| q.category = "victim".into()), "refusal.matching.category");
    assert_eq!(asks(&mut w, &good, &|q| q.grant = Some(Digest::of(b"none").into())), "refusal.matching.grant");
    assert!(w.hit_lines(MA).is_empty(), "nothing of this was answered or counted");
    assert_eq!(asks(&mut w, &good, &|_| ()), "held");
    assert_eq!(w.hit_lines(MA), ["was asked"]);
}

#[test]
fn a_batch_is_used_once() {
    let mut w = World::holding();
    let elements = blinded(64, 2);
    let (id, piece) = question(&w, &elements, |_| ());
    assert_eq!(hands(&mut w, ES, MA, &[piece.clone(), piece.clone()]), ["held", "held"], "the very same question, for our receipt may be lost");
    assert_eq!(hand(&mut w, ES, MA, piece), "held");
    assert_eq!(w.hit_lines(MA), ["was asked"], "it was answered and counted once");
    let (other, again) = question(&w, &elements, |q| q.reference = "ES-2".into());
    assert_ne!(id, other);
    assert_eq!(hand(&mut w, ES, MA, again), "peer.matching.replayed");
}

#[test]
fn the_holder_counts_by_itself_whatever_the_asking_node_permits() {
    let mut w = World::holding_with(json!({ "hit_officer_day_max": 128, "hit_partner_ten_days_max": 192 }));
    w.loads(FILE, suspects());
    w.publishes(false);
    w.pump();
    let asks = |w: &mut World, seed: u64, officer: &str| {
        let piece = question(w, &blinded(64, seed), |q| q.officer = officer.parse().unwrap()).1;
        hand(w, ES, MA, piece)
    };
    assert_eq!((asks(&mut w, 1, "one"), asks(&mut w, 2, "one")), ("held".into(), "held".into()));
    assert_eq!(asks(&mut w, 3, "one"), "refusal.matching.quota-officer");
    assert_eq!(asks(&mut w, 4, "two"), "held");
    assert_eq!(asks(&mut w, 5, "three"), "refusal.matching.quota-partner", "new names for officers do not help");
}

#[test]
fn nothing_is_fetched_that_was_not_hit_and_nothing_twice() {
    let mut w = World::holding();
    let elements = blinded(64, 3);
    let (id, piece) = question(&w, &elements, |_| ());
    assert_eq!(hand(&mut w, ES, MA, piece), "held");
    let confirms = |w: &mut World, question: Digest, tags: Vec<u8>| {
        let head = HitConfirmation { version: 1, by: w.id(ES), to: w.id(MA), question, officer: "forger".parse().unwrap(), tags, at: w.now };
        let signed = head.sign(&w.sides[ES].keys).into_bytes();
        hand(w, ES, MA, Piece::HitConfirmation { signed })
    };
    assert_eq!(confirms(&mut w, Digest::of(b"never asked"), vec![0; 40]), "peer.matching.unasked");
    assert_eq!(confirms(&mut w, id, vec![0; 39]), "peer.matching.unasked");
    assert_eq!(confirms(&mut w, id, vec![0; 40 * 65]), "peer.matching.unasked", "more hits than questions");
    // A tag that stands in the map, and a fetch tag that is guessed: no reference.
    let map = w.store(MA).records("hit-map", None, 1).unwrap().remove(0).data;
    let guessed = [&map[..8], &[9; 32]].concat();
    assert_eq!(confirms(&mut w, id, guessed), "held");
    let lines = w.logged(MA, "hit");
    assert_eq!(lines.last().unwrap()["references"], json!([]), "nothing was told");
    assert_eq!(confirms(&mut w, id, vec![1; 40]), "peer.matching.confirmed-twice", "one selection for each question");
    let honest = w.asked(&person("Youssef Benchekroun", "1981-03-07"));
    let stray = Piece::HitReference { question: honest, sealed: vec![vec![1; 80].into()] };
    assert_eq!(hand(&mut w, MA, ES, stray), "peer.matching.unasked", "nobody has confirmed yet");
    let (chief, now) = (w.sides[ES].chief.clone(), w.now);
    w.node(ES).confirm_hit(&chief, &honest, now).unwrap();
    w.sides[ES].commit();
    let hits = w.ask_view(honest).hits.values().sum::<usize>();
    let forged = Piece::HitReference { question: honest, sealed: vec![vec![1; 80].into(); hits] };
    assert_eq!(hand(&mut w, MA, ES, forged), "peer.matching.reference");
    w.pump();
    assert_eq!(w.stands(honest), "referred");
}

#[test]
fn an_accord_that_ends_takes_lists_and_keys_with_it() {
    let mut w = World::holding();
    let accord = w.node(MA).list(Some("accord"), Some(false), 1).unwrap()[0].id;
    w.does(ES, moves(accord, None, "denounce", json!({ "notice": fr("Dénoncé") })));
    w.pump();
    let piece = question(&w, &blinded(64, 4), |_| ()).1;
    assert_eq!(hand(&mut w, ES, MA, piece), "refusal.accord.none");
    for i in [MA, ES] {
        let now = w.now;
        w.node(i).sweep(now).unwrap();
        w.sides[i].commit();
    }
    let now = w.now;
    assert!(w.node(ES).lists_view(now).unwrap().is_empty());
    assert!(w.store(MA).record("hit-key", &w.id(ES).to_string()).unwrap().is_none());
}
