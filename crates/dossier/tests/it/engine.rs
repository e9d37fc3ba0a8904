//! What the engine gives to mechanisms, one story each, on a made-up mechanism: order on a route, sealed inputs, votes, logs, links.

use crate::world::*;
use base::cbor::Map;
use base::{Digest, ItemId};
use dossier::OfficerRole::Desk;
use dossier::*;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

const STATES: [&str; 4] = ["ma", "es", "fr", "de"];

/// Writes labels out in all languages: `@"word"` in a test's mechanism.
pub fn labelled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@\"") {
        let (word, after) = after.split_once('"').expect("a label ends");
        let all = ["ar", "fr", "es", "en", "de", "pt"].map(|l| format!("{l} = \"{word}\"")).join(", ");
        out += &format!("{before}{{ {all} }}");
        rest = after;
    }
    out + rest
}

fn source() -> String {
    labelled(include_str!("engine.toml"))
}

static TRIAL: LazyLock<Arc<Mechanism>> = LazyLock::new(|| Arc::new(Mechanism::parse(source().as_bytes()).unwrap()));

/// A dossier of the trial mechanism among the first `n` States, opened by one of them.
struct Trial {
    held: Vec<Dossier>,
    names: Vec<&'static str>,
    minute: i64,
}

impl Trial {
    fn open(n: usize, opener: usize) -> Trial {
        let names = STATES[..n].to_vec();
        let parties = names.iter().map(|s| Party { service: service(s), role: "route".into() }).collect();
        let accord = Some(AccordRef { dossier: Digest::of(b"accord").into(), seen: Vec::new() });
        let o = Opening { mechanism: TRIAL.hash, accord, parties, follows: None, nonce: [7; 16] };
        let held = names.iter().map(|_| hold_by(&o, &TRIAL)).collect();
        let mut t = Trial { held, names, minute: 0 };
        assert_eq!(t.does(STATES[opener], Deed::Open(o), Map::default()).0, "valid");
        t
    }

    /// One State acts and everybody hears it at once; returns the verdict, on which all agree, and the item.
    fn does(&mut self, who: &str, deed: Deed, form: Map<Value>) -> (String, ItemId) {
        let at = self.names.iter().position(|n| *n == who).unwrap();
        let act = write(&self.held[at], who, self.minute, Desk, deed, form);
        self.hear(act)
    }

    fn hear(&mut self, act: Arc<Act>) -> (String, ItemId) {
        self.minute += 1;
        let mut verdicts: Vec<String> = self.held.iter_mut().map(|d| file(d, &act)).collect();
        verdicts.dedup();
        assert_eq!(verdicts.len(), 1, "all come to one verdict");
        (verdicts.remove(0), act.item())
    }

    fn opens(&mut self, who: &str, kind: &str, parent: ItemId, form: &[(&str, Value)]) -> (String, ItemId) {
        self.does(who, Deed::OpenItem { kind: kind.into(), parent }, fields(form))
    }

    fn moves(&mut self, who: &str, item: ItemId, name: &str, form: &[(&str, Value)]) -> String {
        self.does(who, mv(item, name), fields(form)).0
    }

    fn root(&self) -> ItemId {
        self.held[0].root()
    }

    fn phase(&self, item: ItemId) -> String {
        let s = self.held[0].state();
        s.phase_name(s.item(&item).unwrap()).unwrap_or("-").to_owned()
    }
}

#[test]
fn the_trial_mechanism_is_proved() {
    let report = check(&TRIAL);
    assert!(report.proved(), "{:#?}", report.faults);
    assert_eq!(Mechanism::parse(source().as_bytes()).unwrap().hash, TRIAL.hash);
}

#[test]
fn what_must_never_be_is_disproved_with_the_way_to_it() {
    // A giver who is relieved before the next one has accepted leaves the goods to nobody.
    let text = source().replacen(r#"'size(after) > 0 && after[0] != "waiting"'"#, "'size(after) > 0'", 1);
    let faults = check(&Mechanism::parse(text.as_bytes()).unwrap()).faults;
    let never = faults.iter().find(|f| f.code == "mechanism.never").expect("the goods lie unheld");
    assert!(never.what.contains("unheld") && never.path.last().unwrap().contains("confirm"), "{never:#?}");
}

#[test]
fn order_on_a_route_means_something() {
    // The opener may stand anywhere on the route.
    let mut t = Trial::open(3, 1);
    let root = t.root();
    let (v, custody) = t.opens("ma", "custody", root, &[]);
    assert_eq!((v.as_str(), t.phase(custody).as_str()), ("valid", "held"));
    assert_eq!(t.moves("es", custody, "accept", &[]), "void:refusal.act.guard", "nothing is offered yet");
    assert_eq!(t.moves("ma", custody, "offer", &[]), "valid");
    assert_eq!(t.moves("fr", custody, "accept", &[]), "void:refusal.act.guard", "it is not next on the route");
    assert_eq!(t.moves("ma", custody, "confirm", &[]), "void:refusal.act.guard", "nobody has accepted: never unheld");
    assert_eq!((t.moves("es", custody, "accept", &[]).as_str(), t.phase(custody).as_str()), ("valid", "handing_over"));
    assert_eq!((t.moves("ma", custody, "confirm", &[]).as_str(), t.phase(custody).as_str()), ("valid", "held"));
}

#[test]
fn an_offer_taken_back_while_it_is_accepted_is_held_by_two_and_named() {
    let mut t = Trial::open(2, 0);
    let root = t.root();
    let (_, custody) = t.opens("ma", "custody", root, &[]);
    t.moves("ma", custody, "offer", &[]);
    // Neither has seen what the other does in the same minute.
    let (back, accept) =
        (write(&t.held[0], "ma", 9, Desk, mv(custody, "take_back"), Map::default()), write(&t.held[1], "es", 9, Desk, mv(custody, "accept"), Map::default()));
    assert_eq!((t.hear(back).0, t.hear(accept).0), ("valid".into(), "valid".into()));
    assert_eq!(t.phase(custody), "held_by_two");
    t.minute = 20;
    assert_eq!(t.moves("es", custody, "deliver", &[]), "void:refusal.act.guard");
    assert_eq!((t.moves("ma", custody, "confirm", &[]).as_str(), t.phase(custody).as_str()), ("valid", "held"));
    assert_eq!((t.moves("es", custody, "deliver", &[]).as_str(), t.phase(custody).as_str()), ("valid", "delivered"));
}

#[test]
fn sealed_inputs_open_when_all_are_in_and_only_with_what_was_sealed() {
    let mut t = Trial::open(2, 0);
    let root = t.root();
    let (_, round) = t.opens("ma", "round", root, &[("due", Value::Instant(at(100)))]);
    let salt = |n: u8| Digest([n; 32]);
    let view = |s: &str| fields(&[("view", text(s))]);
    let seal = |t: &Trial, who: &str, n: u8, s: &str| Value::Commitment(commitment(t.held[0].id(), service(who), &salt(n), "opened", &view(s)));
    let ma = seal(&t, "ma", 1, "probable");
    assert_eq!(t.moves("ma", round, "commit", &[("seal", ma.clone())]), "valid");
    let reveal = |s: &str, n: u8| [("view", text(s)), ("opened", Value::Reveal(salt(n)))];
    assert_eq!(t.moves("ma", round, "reveal", &reveal("probable", 1)), "void:refusal.act.guard", "es has not committed");
    assert_eq!(t.moves("es", round, "commit", &[("seal", ma)]), "valid", "a commitment that was copied …");
    assert_eq!(t.moves("ma", round, "reveal", &reveal("improbable", 1)), "void:refusal.field.wrong", "another content");
    assert_eq!(t.moves("ma", round, "reveal", &reveal("probable", 2)), "void:refusal.field.wrong", "another salt");
    assert_eq!(t.moves("ma", round, "reveal", &reveal("probable", 1)), "valid");
    assert_eq!(t.moves("es", round, "reveal", &reveal("probable", 1)), "void:refusal.field.wrong", "… opens nothing for who copied it");
    assert_eq!(t.phase(round), "sealed");
}

#[test]
fn sealed_inputs_open_when_the_time_is_over() {
    let mut t = Trial::open(2, 0);
    let root = t.root();
    let (_, round) = t.opens("ma", "round", root, &[("due", Value::Instant(at(100)))]);
    let salt = Digest([1; 32]);
    let seal = Value::Commitment(commitment(t.held[0].id(), service("ma"), &salt, "opened", &fields(&[("view", text("x"))])));
    t.moves("ma", round, "commit", &[("seal", seal)]);
    let form = [("view", text("x")), ("opened", Value::Reveal(salt))];
    t.minute = 99;
    assert_eq!(t.moves("ma", round, "reveal", &form), "void:refusal.act.guard", "a minute before");
    assert_eq!(t.minute, 100);
    assert_eq!(t.moves("ma", round, "reveal", &form), "valid");
    assert_eq!(t.moves("es", round, "commit", &[("seal", Value::Commitment(salt))]), "void:refusal.act.guard", "who has read others' inputs seals none");
    assert_eq!((t.moves("es", round, "abstain", &[]).as_str(), t.phase(round).as_str()), ("valid", "revealed"));
}

#[test]
fn a_majority_puts_the_end_off() {
    let mut t = Trial::open(3, 0);
    let root = t.root();
    let due = |t: &Trial| t.held[0].clocks(at(30).at, &|_, _| None).iter().find(|c| c.clock == "end").unwrap().due;
    let before = due(&t);
    let (_, extension) = t.opens("ma", "extension", root, &[("until", Value::Date("2025-03-01".parse().unwrap()))]);
    assert_eq!((t.phase(extension).as_str(), due(&t)), ("voting", before));
    t.moves("es", extension, "oppose", &[]);
    assert_eq!((t.moves("fr", extension, "agree", &[]).as_str(), t.phase(extension).as_str()), ("valid", "agreed"));
    let first_of_march: base::Date = "2025-03-01".parse().unwrap();
    assert_eq!(due(&t), first_of_march.start_utc().plus_ms(24 * 3_600_000), "until the named day ends, in UTC");
}

#[test]
fn each_party_counts_its_own_entries_and_supersedes_only_those() {
    let mut t = Trial::open(2, 0);
    let root = t.root();
    let note = |s: &str| [("text", text(s))];
    let (_, ma1) = t.opens("ma", "entry", root, &note("un"));
    let (_, es1) = t.opens("es", "entry", root, &note("uno"));
    let (_, ma2) = t.opens("ma", "entry", root, &note("deux"));
    let corrects = |of: ItemId| [("text", text("corrigé")), ("supersedes", Value::Item(of))];
    assert_eq!(t.opens("es", "entry", root, &corrects(ma1)).0, "void:refusal.field.wrong", "another's entry");
    assert_eq!(t.opens("es", "entry", root, &corrects(Digest::of(b"none").into())).0, "void:refusal.field.wrong", "no such entry");
    assert_eq!(t.opens("es", "entry", root, &corrects(root)).0, "void:refusal.field.wrong", "not an entry");
    let (v, ma3) = t.opens("ma", "entry", root, &corrects(ma1));
    assert_eq!(v, "valid");
    assert_eq!(t.opens("ma", "entry", root, &corrects(ma1)).0, "void:refusal.field.wrong", "superseded already");
    let s = t.held[1].state();
    let number = |i: ItemId| s.item(&i).unwrap().number;
    assert_eq!((number(ma1), number(es1), number(ma2), number(ma3)), (1, 1, 2, 3));
    assert_eq!(s.item(&ma1).unwrap().superseded_by, [ma3], "the old entry stays, with what took its place");
}

#[test]
fn items_nest_as_deep_and_as_often_as_declared() {
    let mut t = Trial::open(2, 0);
    let root = t.root();
    let note = [("text", text("x"))];
    let (_, one) = t.opens("ma", "entry", root, &note);
    let (v2, two) = t.opens("es", "entry", one, &note);
    let (v3, three) = t.opens("ma", "entry", two, &note);
    assert_eq!((v2.as_str(), v3.as_str()), ("valid", "valid"));
    assert_eq!(t.opens("ma", "entry", three, &note).0, "void:refusal.act.too-deep");
    assert_eq!(t.opens("ma", "custody", one, &[]).0, "void:refusal.act.unknown-kind", "other kinds stay where they belong");
    assert_eq!(t.opens("ma", "custody", root, &[]).0, "valid");
    assert_eq!(t.opens("ma", "custody", root, &[]).0, "void:refusal.act.too-many");
    assert_eq!(t.opens("es", "custody", root, &[]).0, "valid", "each counts for itself: no crossing can break the limit");
}

#[test]
fn links_are_listed_and_seen_from_the_other_side() {
    let mut t = Trial::open(2, 0);
    let root = t.root();
    let other = Digest::of(b"other").into();
    let link = |relation: &str| [("text", text("x")), ("see", Value::Dossier(Link { dossier: other, relation: relation.into() }))];
    assert_eq!(t.opens("ma", "entry", root, &link("cousin")).0, "void:refusal.field.wrong");
    let (_, entry) = t.opens("ma", "entry", root, &link("sub-group"));
    t.opens("es", "entry", root, &link("sub-group"));
    let found = links(&t.held[1]);
    assert_eq!(found.len(), 1, "the same link twice is one");
    assert_eq!((found[0].dossier, found[0].relation.as_str(), found[0].item), (other, "sub-group", entry));
    assert_eq!((opposite("sub-group"), opposite("successor"), opposite("related")), ("wider-circle", "predecessor", "related"));
}

/// A random run of the trial among three States who hear each other late.
fn random_run(choices: &[(u8, u8, u8)]) -> (Opening, Vec<Arc<Act>>) {
    let t = Trial::open(3, 0);
    let o = t.held[0].opening().clone();
    let acts = heard_late(t.held, 1, choices, 5, |d, w, (item, kind), what, listen| {
        let (root, name) = (d.root(), service(STATES[w]));
        let salt = Digest([w as u8; 32]);
        let seal = Value::Commitment(commitment(d.id(), name, &salt, "opened", &fields(&[("view", text("v"))])));
        let open = |kind: &str, parent: ItemId, form: &[(&str, Value)]| (Deed::OpenItem { kind: kind.into(), parent }, fields(form));
        match (what, kind) {
            (0, _) => open("custody", root, &[]),
            (1, _) => open("round", root, &[("due", Value::Instant(at(20)))]),
            (2, "entry") => open("entry", root, &[("text", text("c")), ("supersedes", Value::Item(item))]),
            (2, _) => open("entry", if listen % 2 == 0 { root } else { item }, &[("text", text("e"))]),
            (_, "custody") => (mv(item, ["offer", "accept", "take_back", "confirm", "deliver"][listen as usize % 5]), Map::default()),
            (_, "round") => match listen % 3 {
                0 => (mv(item, "commit"), fields(&[("seal", seal)])),
                1 => (mv(item, "reveal"), fields(&[("view", text("v")), ("opened", Value::Reveal(salt))])),
                _ => (mv(item, "abstain"), Map::default()),
            },
            _ => (mv(root, "close"), Map::default()),
        }
    });
    (o, acts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever the order of arrival: one state, the same verdicts, the same numbers, the same superseded entries.
    #[test]
    fn any_order_folds_alike(choices in prop::collection::vec(any::<(u8, u8, u8)>(), 0..25), order in any::<u64>(), twice in any::<u64>()) {
        let (o, acts) = random_run(&choices);
        let (mut straight, mut other) = (hold_by(&o, &TRIAL), hold_by(&o, &TRIAL));
        acts.iter().for_each(|a| drop(file(&mut straight, a)));
        let mut shuffled = acts.clone();
        shuffled.extend(acts.iter().enumerate().filter(|(i, _)| twice >> (i % 64) & 1 == 1).map(|(_, a)| Arc::clone(a)));
        shuffle(&mut shuffled, order);
        shuffled.iter().for_each(|a| drop(file(&mut other, a)));
        prop_assert_eq!(straight.state().digest(o.dossier()), other.state().digest(o.dossier()));
        for a in &acts {
            prop_assert_eq!(straight.act(&a.id()).map(|x| x.1.clone()), other.act(&a.id()).map(|x| x.1.clone()));
        }
        let picture = |d: &Dossier| {
            let mut all: Vec<_> = d.state().items().map(|i| (i.id, i.number, i.depth, i.superseded_by.clone(), format!("{:?}", i.said))).collect();
            all.sort();
            all
        };
        prop_assert_eq!(picture(&straight), picture(&other));
    }
}
