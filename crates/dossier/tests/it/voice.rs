//! Voices, one story each, on a made-up mechanism: who has left a circle is not waited for, has no say, and is not counted.

use crate::engine::labelled;
use crate::play::*;
use crate::world::{at, file, heard_late, hold_by, mv, service, shuffle};
use base::ItemId;
use base::cbor::Map;
use dossier::OfficerRole::Desk;
use dossier::{Act, ClockState, Deed, Mechanism, Opening, check};
use proptest::prelude::*;
use serde_json::json;
use std::sync::{Arc, LazyLock};

const VOICE: &str = "refusal.act.voice";
const MEMBERS: [(&str, &str); 4] = [("ma", "member"), ("es", "member"), ("fr", "member"), ("eu", "observer")];

fn source() -> String {
    labelled(include_str!("voice.toml"))
}

static CIRCLE: LazyLock<Arc<Mechanism>> = LazyLock::new(|| Arc::new(Mechanism::parse(source().as_bytes()).unwrap()));

fn circle() -> (Play, ItemId) {
    let mut p = Play::of(Arc::clone(&CIRCLE), "ma", &MEMBERS, json!({}));
    let root = p.root();
    p.all(&["es", "fr"], root, "join", json!({}));
    (p, root)
}

/// The faults that the checker finds once a text is put in place of another: code, item, and what with the last step to it.
fn broken(from: &str, to: &str) -> Vec<(String, String, String)> {
    let text = source();
    assert!(text.contains(from), "the text to break is gone");
    let m = Mechanism::parse(text.replace(from, to).as_bytes()).unwrap();
    check(&m).faults.into_iter().map(|f| (f.code.to_owned(), f.item, f.what + " / " + f.path.last().map_or("", String::as_str))).collect()
}

#[test]
fn the_circle_is_proved() {
    let report = check(&CIRCLE);
    assert!(report.proved(), "{:#?}", report.faults);
}

#[test]
fn who_leaves_between_two_votes_is_not_waited_for() {
    let (mut p, root) = circle();
    let vote = p.add("ma", "vote", root, json!({}));
    p.all(&["es"], vote, "agree", json!({}));
    assert_eq!((p.phase(vote), p.phase(root)), ("open", "alive"), "France has not voted");
    p.all(&["fr"], root, "leave", json!({}));
    assert_eq!((p.phase(vote), p.phase(root)), ("agreed", "decided"), "it turns with the leaving, and what counts it turns too");
}

#[test]
fn who_has_left_has_no_say_and_opens_nothing() {
    let (mut p, root) = circle();
    let vote = p.add("ma", "vote", root, json!({}));
    p.all(&["fr"], root, "leave", json!({}));
    assert_eq!(p.moves("fr", vote, "agree", json!({})), VOICE);
    assert_eq!(p.moves("fr", vote, "oppose", json!({})), VOICE, "and strikes nothing");
    assert_eq!(p.adds("fr", "vote", root, json!({})).0, VOICE);
    assert_eq!(p.phase(vote), "open", "Spain is awaited");
    p.add("eu", "vote", root, json!({}));
    p.add("fr", "room", root, json!({}));
}

#[test]
fn leaving_crosses_a_vote_and_all_see_the_same() {
    let (mut p, root) = circle();
    let vote = p.add("ma", "vote", root, json!({}));
    let verdicts = p.cross(&[("fr", root, "leave", json!({})), ("es", vote, "agree", json!({}))]);
    assert_eq!((verdicts, p.phase(vote)), (vec![OK.to_owned(), OK.to_owned()], "agreed"), "neither had seen the other");
    let second = p.add("ma", "vote", root, json!({}));
    let verdicts = p.cross(&[("ma", root, "leave", json!({})), ("es", second, "oppose", json!({}))]);
    assert_eq!((verdicts, p.phase(second)), (vec![OK.to_owned(), OK.to_owned()], "struck"), "an objection stands, whoever leaves");
    let third = p.add("es", "vote", root, json!({}));
    assert_eq!(p.phase(third), "agreed", "one alone is all who are left");
}

#[test]
fn a_voice_far_above_is_read_as_well() {
    let (mut p, root) = circle();
    let room = p.add("es", "room", root, json!({}));
    let paper = p.add("ma", "paper", room, json!({}));
    p.all(&["es"], paper, "read", json!({}));
    assert_eq!(p.phase(paper), "out");
    p.all(&["fr"], root, "leave", json!({}));
    assert_eq!(p.phase(paper), "done", "France left the circle, two levels up");
    assert_eq!(p.moves("fr", paper, "read", json!({})), "refusal.act.ended");
    let other = p.add("ma", "paper", room, json!({}));
    assert_eq!(p.moves("fr", other, "read", json!({})), VOICE);
    assert_eq!(p.adds("fr", "paper", room, json!({})).0, VOICE);
}

#[test]
fn a_clock_is_answered_by_who_has_the_voice_and_ends_with_it() {
    let (mut p, root) = circle();
    let vote = p.add("ma", "vote", root, json!({}));
    assert_eq!(p.clock("fr", vote, "reply").unwrap().0, ClockState::Running);
    p.all(&["fr"], root, "leave", json!({}));
    assert_eq!((p.clock("fr", vote, "reply"), p.clock("fr", root, "life")), (None, None), "it owes nothing any more");
    p.minute += 2 * 24 * 60;
    assert_eq!(p.clock("es", vote, "reply").unwrap().0, ClockState::Expired);
    p.all(&["es"], root, "leave", json!({}));
    assert_eq!((p.phase(vote), p.clock("ma", vote, "reply").unwrap().0), ("agreed", ClockState::MetLate), "the phase ended when the last awaited one left");
}

#[test]
fn the_officer_is_told_why_a_move_is_not_open() {
    let (mut p, root) = circle();
    let vote = p.add("ma", "vote", root, json!({}));
    let of = |p: &Play| {
        let viewer = dossier::Viewer { service: service("fr"), roles: &[Desk], now: at(50).at };
        let seen = dossier::view(&p.held[2], viewer, &|_, _| None);
        let item = |id: ItemId| seen.items.iter().find(|i| i.id == id).unwrap();
        (item(vote).moves.iter().find(|m| m.name == "agree").map(|m| (m.possible, m.why_not)), item(root).may_open.contains(&"vote".to_owned()))
    };
    assert_eq!(of(&p), (Some((true, None)), true));
    p.all(&["fr"], root, "leave", json!({}));
    assert_eq!(of(&p), (Some((false, Some(VOICE))), false));
}

#[test]
fn a_vote_that_waits_for_who_cannot_vote_is_a_dead_end() {
    let faults = broken(r#"some(present, ["open"])"#, r#"some(member, ["open"])"#);
    let dead = faults.iter().find(|(code, item, _)| code == "mechanism.dead-end" && item == "vote").expect("nobody can move");
    assert!(dead.2.contains("not present") || dead.2.contains("moves above"), "{dead:?}");
}

#[test]
fn a_voice_that_can_be_won_back_reopens_what_had_ended() {
    let back = "[[item.move]]\nid = \"return\"\nrole = \"member\"\nfrom = [\"left\"]\nto = \"joined\"\nofficer = [\"desk\"]\nlabel = @\"Return\"\n";
    let faults = broken("[[item.phase]]\nid = \"over\"", &labelled(&format!("{back}[[item.phase]]\nid = \"over\"")));
    let reopened = faults.iter().find(|(code, item, _)| code == "mechanism.reopened" && item == "vote").expect("who comes back is awaited again");
    assert!(reopened.2.contains("not present"), "{reopened:?}");
}

#[test]
fn a_clock_that_nobody_answers_is_named() {
    let faults = broken(r#"some(present, ["waiting"])"#, r#"some(member, ["waiting"])"#);
    assert!(faults.iter().any(|(code, item, _)| code == "mechanism.no-clock" && item == "paper"), "all who wait have left: {faults:?}");
}

#[test]
fn voices_that_name_nothing_are_refused() {
    let why = |from: &str, to: &str| {
        let text = source();
        assert!(text.contains(from), "{from}");
        Mechanism::parse(text.replacen(from, to, 1).as_bytes()).map(drop).map_err(|e| e.code())
    };
    let refused = Err("refusal.mechanism.content");
    let states = r#"states = { member = ["asked", "joined"] }"#;
    assert_eq!(why(states, states), Ok(()));
    assert_eq!(why(states, r#"states = { member = ["asked", "sleeping"] }"#), refused, "no such state");
    assert_eq!(why(states, r#"states = { observer = ["asked"] }"#), refused, "a role without stance");
    assert_eq!(why(states, r#"states = { member = [] }"#), refused);
    assert_eq!(why(r#"id = "present""#, r#"id = "member""#), refused, "a role's name");
    assert_eq!(why(r#"id = "present""#, r#"id = "gone""#), refused, "what asks for it finds nothing");
    assert_eq!(why(r#"opened_by = ["member"]"#, "opened_by = [\"member\"]\nonly = \"present\""), refused, "nothing stands above the root");
    assert_eq!(why(r#"some(present, ["open"])"#, r#"present[0] == "open""#), refused, "parties are alike");
    assert_eq!(
        why("from = [\"asked\"]\nto = \"joined\"", "from = [\"asked\"]\nto = \"joined\"\nonly = \"present\""),
        refused,
        "its own kind's voice is a state"
    );
    assert_eq!(why(r#"answers = "present""#, r#"answers = "absent""#), refused);
}

/// A random run among three States who hear each other late.
fn random_run(choices: &[(u8, u8, u8)]) -> (Opening, Vec<Arc<Act>>) {
    let (p, _) = circle();
    let opening = p.held[0].opening().clone();
    let acts = heard_late(p.held, 10, choices, 4, |_, _, (item, kind), what, listen| {
        let opens = |kind: &str| Deed::OpenItem { kind: kind.into(), parent: item };
        let deed = match (what, kind) {
            (0, "circle") => opens("vote"),
            (1, "circle") => opens("room"),
            (2, "circle") if listen % 3 == 0 => mv(item, "leave"),
            (_, "circle") => opens("room"),
            (_, "room") => opens("paper"),
            (n, "vote") => mv(item, if n == 0 { "oppose" } else { "agree" }),
            _ => mv(item, "read"),
        };
        (deed, Map::default())
    });
    (opening, acts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever the order of arrival, phases that depend on how others stand above come out alike, and as if worked out from nothing.
    #[test]
    fn any_order_gives_the_same_phases(choices in prop::collection::vec(any::<(u8, u8, u8)>(), 0..25), order in any::<u64>()) {
        let (o, acts) = random_run(&choices);
        let (mut straight, mut other) = (hold_by(&o, &CIRCLE), hold_by(&o, &CIRCLE));
        acts.iter().for_each(|a| drop(file(&mut straight, a)));
        let mut shuffled = acts.clone();
        shuffle(&mut shuffled, order);
        shuffled.iter().for_each(|a| drop(file(&mut other, a)));
        prop_assert_eq!(straight.state().digest(o.dossier()), other.state().digest(o.dossier()));
        // Each phase is the one that its rule gives for what stands now: nothing was forgotten when somebody left.
        let present = |d: &dossier::Dossier, s: &str| d.state().stance_name(d.state().item(&d.root()).unwrap(), d.state().party(&service(s)).unwrap()) != Some("left");
        for item in straight.state().items().filter(|i| straight.state().kind_of(i).id == "paper") {
            let waits = ["ma", "es", "fr"].iter().any(|s| {
                present(&straight, s) && straight.state().stance_name(item, straight.state().party(&service(s)).unwrap()) == Some("waiting")
            });
            prop_assert_eq!(straight.state().phase_name(item), Some(if waits { "out" } else { "done" }));
        }
    }
}
