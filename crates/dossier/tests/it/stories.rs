//! Stories: one rule each, the allowed case, its nearest forbidden neighbour, and the moment it turns.

use crate::world::*;
use base::cbor::Map;
use base::{ServiceId, UnixMs};
use dossier::OfficerRole::*;
use dossier::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

fn opened() -> (Dossier, Dossier) {
    let o = opening("information-request", &[("ma", "requesting"), ("es", "requested")]);
    let (mut ma, mut es) = (hold(&o), hold(&o));
    let open = write(&ma, "ma", 0, Desk, Deed::Open(o), request_form());
    assert_eq!((file(&mut ma, &open), file(&mut es, &open)), ("valid".into(), "valid".into()));
    (ma, es)
}

#[test]
fn asked_clarified_and_answered() {
    let (mut ma, mut es) = opened();
    let both = |act: Arc<Act>, ma: &mut Dossier, es: &mut Dossier| {
        assert_eq!(file(ma, &act), "valid");
        assert_eq!(file(es, &act), "valid");
        assert_eq!(ma.state().digest(ma.id()), es.state().digest(es.id()));
        act
    };
    let root = ma.root();
    both(write(&es, "es", 1, Desk, mv(root, "accept"), fields(&[("reference", Value::Line("ES-9".into()))])), &mut ma, &mut es);
    let ask = write(
        &es,
        "es",
        2,
        Desk,
        Deed::OpenItem { kind: "clarification".into(), parent: root },
        fields(&[("question", Value::Many(vec![text("Quel jour ?")]))]),
    );
    let question = both(ask, &mut ma, &mut es).item();
    assert_eq!(es.clocks(at(5).at, &|_, _| None).iter().find(|c| c.clock == "answer").unwrap().state, ClockState::Paused);
    both(write(&ma, "ma", 62, Officer, mv(question, "give"), fields(&[("answer", Value::Many(vec![text("Lundi.")]))])), &mut ma, &mut es);
    let answer = es.clocks(at(63).at, &|_, _| None).into_iter().find(|c| c.clock == "answer").unwrap();
    // Eight hours from the opening, and the hour for which the clock stood still.
    assert_eq!((answer.state, answer.due), (ClockState::Running, at(9 * 60).at));
    assert_eq!(phase(&ma), "open");
    both(write(&es, "es", 70, Desk, mv(root, "answer"), answer_form()), &mut ma, &mut es);
    assert_eq!(phase(&ma), "answered-by-all");
    assert_eq!(ma.clocks(at(71).at, &|_, _| None).iter().find(|c| c.clock == "answer").unwrap().state, ClockState::Met);
    both(write(&ma, "ma", 80, Officer, mv(root, "close"), Map::default()), &mut ma, &mut es);
    assert_eq!(phase(&es), "closed");
    let late = write(&es, "es", 90, Desk, mv(root, "refuse"), Map::default());
    assert_eq!(file(&mut es, &late), "void:refusal.act.wrong-state");
}

#[test]
fn a_clock_from_receipt_starts_at_the_signed_receipt() {
    let (ma, _) = opened();
    let due = |received: Option<i64>| {
        let at_receipt = |_: &base::ActId, who: &ServiceId| received.filter(|_| *who == service("es")).map(|m| at(m).at);
        ma.clocks(at(1).at, &at_receipt).into_iter().find(|c| c.clock == "answer").unwrap().due
    };
    assert_eq!(due(None), at(8 * 60).at);
    assert_eq!(due(Some(90)), at(8 * 60 + 90).at);
}

#[test]
fn who_may_not_may_not() {
    let (mut ma, mut es) = opened();
    let root = ma.root();
    let verdict = |d: &mut Dossier, act: Arc<Act>| file(d, &act);
    // Each is judged alone on a fresh holder, so that one refusal does not hide the next.
    let cases: Vec<(&str, OfficerRole, Deed, Map<Value>, &str)> = vec![
        ("ma", Desk, mv(root, "accept"), Map::default(), "void:refusal.act.unknown-move"),
        ("es", Officer, mv(root, "accept"), fields(&[("reference", Value::Line("x".into()))]), "void:refusal.act.officer-role"),
        ("es", Desk, mv(root, "accept"), Map::default(), "void:refusal.field.missing"),
        ("es", Desk, mv(root, "accept"), fields(&[("reference", text("x"))]), "void:refusal.field.wrong"),
        ("es", Desk, mv(root, "accept"), fields(&[("reference", Value::Line("x".into())), ("mood", text("x"))]), "void:refusal.field.unknown"),
        ("es", Desk, mv(root, "authorised"), Map::default(), "void:refusal.act.wrong-state"),
        ("es", Desk, mv(service_item(), "accept"), Map::default(), "void:refusal.act.unknown-item"),
        ("es", Desk, mv(root, "refuse"), Map::default(), "void:refusal.act.guard"),
        ("ma", Desk, mv(root, "close"), Map::default(), "void:refusal.act.guard"),
        ("ma", Desk, Deed::OpenItem { kind: "clarification".into(), parent: root }, Map::default(), "void:refusal.act.unknown-kind"),
        ("es", Desk, Deed::OpenItem { kind: "minutes".into(), parent: root }, Map::default(), "void:refusal.act.unknown-kind"),
    ];
    for (author, role, deed, form, expected) in cases {
        let (holder, other) = if author == "ma" { (&mut ma, &mut es) } else { (&mut es, &mut ma) };
        let act = write(holder, author, 5, role, deed.clone(), form);
        assert_eq!(verdict(holder, Arc::clone(&act)), expected, "{author} {deed:?}");
        assert_eq!(verdict(other, act), expected, "the other side comes to the same verdict");
    }
    assert_eq!(phase(&ma), "open", "nothing of it left a trace");
    let ok = write(
        &es,
        "es",
        6,
        Desk,
        mv(root, "refuse"),
        fields(&[("ground", Value::Many(vec![Value::Choice("not-available".into())])), ("reference", Value::Line("ES-1".into()))]),
    );
    assert_eq!(file(&mut es, &ok), "valid");
}

fn service_item() -> base::ItemId {
    base::Digest::of(b"no such item").into()
}

#[test]
fn four_eyes_are_four() {
    let (_, mut es) = opened();
    let content = body(answer_form(), 1);
    let with = |second: Option<Signatory>| encode(es.draft(service("es"), at(3), by(Desk), second, mv(es.root(), "answer"), content.encode().1), &content);
    let alone = with(None);
    let same = with(Some(Signatory { officer: by(Desk).officer, role: Supervisor }));
    let wrong = with(Some(Signatory { officer: "second.02".parse().unwrap(), role: Administrator }));
    let right = with(second());
    for act in [alone, same, wrong] {
        assert_eq!(es.judge(act).verdict_text(), "void:refusal.act.four-eyes");
    }
    assert_eq!(file(&mut es, &right), "valid");
}

trait VerdictText {
    fn verdict_text(&self) -> String;
}
impl VerdictText for Judged {
    fn verdict_text(&self) -> String {
        match self {
            Judged::Known => "known".into(),
            Judged::Waiting(_) => "waiting".into(),
            Judged::Ready(c) => c.verdict().as_text(),
        }
    }
}

#[test]
fn an_accord_binds_once_all_have_signed_and_only_for_what_it_names() {
    let o = opening("accord", &[("ma", "party"), ("es", "party")]);
    let mut accord = hold(&o);
    let visit = mechanism("working-visit");
    let form = fields(&[
        ("title", text("Accord de coopération")),
        ("legal_basis_kind", Value::Choice("convention".into())),
        ("legal_basis", Value::Many(vec![text("Convention du 13 février 2019")])),
        ("purposes", Value::Many(vec![Value::Choice("prevent".into())])),
        ("mechanisms", Value::Many(vec![Value::Mechanism(MechanismRef { name: "working-visit".into(), id: visit.hash })])),
        ("languages", Value::Many(vec![Value::Choice("fr".into())])),
        ("retention_days", Value::Number(30)),
        ("valid_until", Value::Date("2025-03-01".parse().unwrap())),
    ]);
    let authority = CompetentAuthority;
    let open = Arc::new(encode_signed(&accord, "ma", 0, Deed::Open(o), form));
    assert_eq!(file(&mut accord, &open), "valid");
    let sign = |d: &Dossier, who: &str, m: i64| write(d, who, m, authority, mv(d.root(), "sign"), fields(&[("authority", text("Le directeur"))]));
    let first = sign(&accord, "ma", 1);
    file(&mut accord, &first);
    let before = accord.as_accord();
    let refused = dossier::accord::Terms::at(&accord, &before.seen).unwrap_err();
    assert_eq!(refused.code(), "refusal.act.accord");
    let last = sign(&accord, "es", 2);
    file(&mut accord, &last);
    assert_eq!(phase(&accord), "in-force");
    assert!(dossier::accord::Terms::at(&accord, &before.seen).is_err(), "judged at what was seen, not at what is known now");
    let reference = accord.as_accord();
    let terms = dossier::accord::Terms::at(&accord, &reference.seen).unwrap();
    let under = |mechanism_id: &str, parties: &[(&str, &str)]| Opening { accord: Some(reference.clone()), ..opening(mechanism_id, parties) };
    let code = |o: &Opening, minute: i64| terms.permit(o, at(minute).at).err().map(|r| r.code());
    assert_eq!(code(&under("working-visit", &[("es", "host"), ("ma", "guest")]), 5), None);
    assert_eq!(code(&under("information-request", &[("es", "requesting"), ("ma", "requested")]), 5), Some("refusal.act.accord"));
    assert_eq!(code(&under("working-visit", &[("es", "host"), ("de", "guest")]), 5), Some("refusal.act.accord"));
    assert_eq!(code(&under("working-visit", &[("es", "host"), ("ma", "guest")]), 60 * 24 * 60), Some("refusal.act.accord"), "it has run out");
}

#[test]
fn an_accord_that_keeps_nothing_or_has_run_out_before_it_begins_is_void() {
    let opened = |days: i64, until: &str| {
        let o = opening("accord", &[("ma", "party"), ("es", "party")]);
        let mut accord = hold(&o);
        let form = fields(&[
            ("title", text("Accord de coopération")),
            ("legal_basis_kind", Value::Choice("convention".into())),
            ("legal_basis", Value::Many(vec![text("Convention du 13 février 2019")])),
            ("purposes", Value::Many(vec![Value::Choice("prevent".into())])),
            ("mechanisms", Value::Many(vec![Value::Mechanism(MechanismRef { name: "working-visit".into(), id: mechanism("working-visit").hash })])),
            ("languages", Value::Many(vec![Value::Choice("fr".into())])),
            ("retention_days", Value::Number(days)),
            ("valid_until", Value::Date(until.parse().unwrap())),
        ]);
        let open = Arc::new(encode_signed(&accord, "ma", 0, Deed::Open(o), form));
        file(&mut accord, &open)
    };
    // The act is of 27 January 2025.
    assert_eq!(opened(1, "2025-01-28"), "valid");
    assert_eq!(opened(0, "2025-01-28"), "void:refusal.act.opening");
    assert_eq!(opened(-1, "2025-01-28"), "void:refusal.act.opening");
    assert_eq!(opened(1, "2025-01-27"), "void:refusal.act.opening", "from its last day on nothing can be opened under it");
}

fn encode_signed(d: &Dossier, author: &str, minute: i64, deed: Deed, form: Map<Value>) -> Act {
    let content = body(form, minute as u8);
    let second = Some(Signatory { officer: "second.02".parse().unwrap(), role: CompetentAuthority });
    let head = d.draft(service(author), at(minute), by(Supervisor), second, deed, content.encode().1);
    Arc::unwrap_or_clone(encode(head, &content))
}

#[test]
fn a_communique_is_published_when_all_agreed_the_same_hashes_and_the_embargo_is_over() {
    let o = opening("working-visit", &[("es", "host"), ("ma", "guest"), ("de", "guest")]);
    let mut d = hold(&o);
    let form = fields(&[
        ("title", text("Visite de travail")),
        ("level", Value::Choice("director-general".into())),
        ("date_from", Value::Date("2025-01-28".parse().unwrap())),
        ("date_to", Value::Date("2025-01-29".parse().unwrap())),
        ("place", Value::Place(Place { name: base::Text::new(base::Lang::Es, "Madrid"), country: Some("ES".into()) })),
        ("purpose", text("Coopération")),
    ]);
    let step = |d: &mut Dossier, who: &str, minute: i64, role, deed, form| {
        let act = write(d, who, minute, role, deed, form);
        (file(d, &act), act.item())
    };
    assert_eq!(step(&mut d, "es", 0, Desk, Deed::Open(o.clone()), form).0, "valid");
    let root = d.root();
    step(&mut d, "ma", 1, Desk, mv(root, "accept"), Map::default());
    assert_eq!(phase(&d), "invitation");
    step(&mut d, "de", 2, Desk, mv(root, "accept"), Map::default());
    assert_eq!(phase(&d), "visit");
    let hash = |l: base::Lang, t: &str| Value::TextHash(TextHash { lang: l.into(), sha256: base::Digest::of(t.as_bytes()) });
    let form = fields(&[("hashes", Value::Many(vec![hash(base::Lang::Fr, "Bonjour"), hash(base::Lang::Ar, "مرحبا")])), ("embargo", Value::Instant(at(100)))]);
    let (verdict, version) = step(&mut d, "es", 3, Desk, Deed::OpenItem { kind: "version".into(), parent: root }, form);
    assert_eq!(verdict, "valid");
    let state = |d: &Dossier| d.state().item(&version).and_then(|i| d.state().phase_name(i)).unwrap().to_owned();
    assert_eq!(step(&mut d, "es", 4, Supervisor, mv(version, "release"), Map::default()).0, "void:refusal.act.guard", "not agreed by all");
    step(&mut d, "ma", 5, CompetentAuthority, mv(version, "agree"), Map::default());
    step(&mut d, "de", 6, CompetentAuthority, mv(version, "agree"), Map::default());
    assert_eq!(state(&d), "agreed");
    assert_eq!(step(&mut d, "de", 99, Supervisor, mv(version, "release"), Map::default()).0, "void:refusal.act.guard", "a minute before the embargo ends");
    for (who, minute) in [("de", 100), ("ma", 101), ("es", 102)] {
        assert_eq!(step(&mut d, who, minute, Supervisor, mv(version, "release"), Map::default()).0, "valid");
    }
    assert_eq!(state(&d), "published");
}

#[test]
fn two_tongues_are_found_kept_and_fold_to_nothing() {
    let (mut ma, mut es) = opened();
    let root = ma.root();
    let accept = write(&es, "es", 1, Desk, mv(root, "accept"), fields(&[("reference", Value::Line("A".into()))]));
    let refuse = write(
        &es,
        "es",
        1,
        Desk,
        mv(root, "refuse"),
        fields(&[("treaty_ground", Value::Many(vec![Value::Choice("sovereignty".into())])), ("reference", Value::Line("ES-1".into()))]),
    );
    // Each side hears another tongue first.
    assert_eq!(file(&mut ma, &accept), "valid");
    assert_eq!(file(&mut es, &refuse), "valid");
    let note = write(&ma, "ma", 2, Desk, Deed::OpenItem { kind: "note".into(), parent: root }, fields(&[("text", Value::Many(vec![text("Merci.")]))]));
    assert_eq!(file(&mut ma, &note), "valid");
    assert_eq!(file(&mut es, &note), "waiting", "it has seen an act that is not here");
    file(&mut es, &accept);
    file(&mut ma, &refuse);
    for d in [&ma, &es] {
        assert_eq!(d.forks().len(), 1);
        assert_eq!(d.forks()[0].acts.len(), 2);
        let item = d.state().item(&root).unwrap();
        let place = d.state().party(&service("es")).unwrap();
        assert_eq!(d.state().stance_name(item, place), Some("received"), "neither tongue counts");
        assert_eq!(d.act(&note.id()).unwrap().1, &Verdict::Valid, "what the other built on it stands");
    }
    assert_eq!(ma.state().digest(ma.id()), es.state().digest(es.id()));
    // Who was deceived can go on.
    let withdraw = write(&ma, "ma", 3, Desk, mv(root, "withdraw"), fields(&[("reason", text("Double langage"))]));
    assert_eq!(file(&mut ma, &withdraw), "valid");
}

#[test]
fn each_branch_of_a_fork_is_judged_on_its_own_past_whatever_came_before() {
    let accept = |d: &Dossier, minute: i64| write(d, "es", minute, Desk, mv(d.root(), "accept"), fields(&[("reference", Value::Line("A".into()))]));
    let (_, mut es) = opened();
    let one = accept(&es, 1);
    file(&mut es, &one);
    let note = Deed::OpenItem { kind: "note".into(), parent: es.root() };
    let after = write(&es, "es", 2, Desk, note, fields(&[("text", Value::Many(vec![text("Suite")]))]));
    // The second tongue has not seen the first: that it had accepted there is no part of its past. MA builds on what it was told.
    let (mut deceived, untouched) = opened();
    let other = accept(&untouched, 3);
    file(&mut deceived, &other);
    let on_it = write(&deceived, "ma", 4, Desk, mv(deceived.root(), "withdraw"), fields(&[("reason", text("Réglé"))]));
    let mut digests = BTreeSet::new();
    for order in [[&one, &after, &other, &on_it], [&other, &on_it, &one, &after], [&one, &other, &after, &on_it], [&on_it, &after, &other, &one]] {
        let (_, mut d) = opened();
        order.iter().for_each(|a| drop(file(&mut d, a)));
        let verdicts: Vec<&Verdict> = [&one, &after, &other, &on_it].map(|a| d.act(&a.id()).unwrap().1).to_vec();
        assert!(verdicts.iter().all(|v| **v == Verdict::Valid), "{verdicts:?}");
        digests.insert(d.state().digest(d.id()));
    }
    assert_eq!(digests.len(), 1);
}

#[test]
fn what_the_api_would_not_build_is_void() {
    let (mut ma, mut es) = opened();
    let root = ma.root();
    let first = write(&es, "es", 1, Desk, mv(root, "accept"), fields(&[("reference", Value::Line("A".into()))]));
    file(&mut es, &first);
    let content = body(fields(&[("text", Value::Many(vec![text("x")]))]), 9);
    let note = Deed::OpenItem { kind: "note".into(), parent: root };
    let draft = |d: &Dossier| d.draft(service("es"), at(2), by(Desk), None, note.clone(), content.encode().1);
    let forge = |change: &dyn Fn(&mut Head)| {
        let mut head = draft(&es);
        change(&mut head);
        encode(head, &content)
    };
    let regress = forge(&|h| h.seen.clear());
    let back = forge(&|h| h.at = at(-5));
    let false_mark = forge(&|h| h.seen[0].seq = 2);
    let stranger = forge(&|h| {
        h.author = service("fr");
        h.seq = 1;
        h.prev = Default::default();
    });
    file(&mut ma, &first);
    for (act, code) in [
        (regress, "void:peer.act.seen-regress"),
        (back, "void:peer.act.time-back"),
        (stranger, "void:peer.act.not-party"),
        (false_mark, "void:peer.act.seen-false"),
    ] {
        assert_eq!(ma.judge(Arc::clone(&act)).verdict_text(), code);
        assert_eq!(es.judge(act).verdict_text(), code);
    }
    // An act of es that has seen an act of ma which itself builds on more of es than es admits.
    let note_ma = write(&ma, "ma", 3, Desk, note.clone(), content.fields.clone());
    file(&mut ma, &note_ma);
    file(&mut es, &note_ma);
    let gap = encode(
        Head { seq: 1, prev: Default::default(), seen: vec![note_ma.mark()], ..es.draft(service("es"), at(4), by(Desk), None, note, content.encode().1) },
        &content,
    );
    assert_eq!(ma.judge(gap).verdict_text(), "void:peer.act.seen-gap");
}

#[test]
fn an_erased_body_leaves_the_chain_standing() {
    let (mut ma, _) = opened();
    let root = ma.root();
    let content = body(fields(&[("text", Value::Many(vec![text("à effacer")]))]), 3);
    let head = ma.draft(service("ma"), at(1), by(Desk), None, Deed::OpenItem { kind: "note".into(), parent: root }, content.encode().1);
    let bytes = base::cbor::to_vec(&head);
    let whole = Act::decode(&bytes, Some(&content.encode().0)).unwrap();
    let erased = Act::decode(&bytes, None).unwrap();
    assert_eq!(whole.id(), erased.id());
    ma.restore(Arc::new(erased.clone()), Verdict::Valid);
    assert!(ma.state().item(&erased.item()).unwrap().fields.is_empty());
    let other = body(fields(&[("text", Value::Many(vec![text("autre")]))]), 3);
    assert_eq!(Act::decode(&bytes, Some(&other.encode().0)).unwrap_err().code(), "peer.act.body");
}

/// A random run among three parties who hear each other late, as a list of acts in the order in which they were made.
fn random_run(choices: &[(u8, u8, u8)]) -> (Opening, Vec<Arc<Act>>) {
    let names = ["ma", "es", "de"];
    let o = opening("information-request", &[("ma", "requesting"), ("es", "requested"), ("de", "requested")]);
    let mut held: Vec<Dossier> = names.iter().map(|_| hold(&o)).collect();
    let mut acts = vec![write(&held[0], "ma", 0, Desk, Deed::Open(o.clone()), request_form())];
    held.iter_mut().for_each(|d| drop(file(d, &acts[0])));
    let mut heard = [1usize; 3];
    for (i, (who, what, listen)) in choices.iter().enumerate() {
        let w = (*who % 3) as usize;
        // Hear a part of what the others said, in order.
        while heard[w] < acts.len() && *listen % 4 != 0 {
            let act = Arc::clone(&acts[heard[w]]);
            file(&mut held[w], &act);
            heard[w] += 1;
        }
        let d = &held[w];
        let root = d.root();
        let children: Vec<base::ItemId> = {
            let mut c: Vec<_> = d.state().items().filter(|i| i.parent.is_some()).map(|i| i.id).collect();
            c.sort();
            c
        };
        let child = children.get(*what as usize % children.len().max(1)).copied().unwrap_or(root);
        let words = |f: &str| fields(&[(f, Value::Many(vec![text("mots")]))]);
        let ground = fields(&[("ground", Value::Many(vec![Value::Choice("national-security".into())]))]);
        let (deed, form) = match what % 9 {
            0 => (mv(root, "accept"), fields(&[("reference", Value::Line("R".into()))])),
            1 => (mv(root, "answer"), answer_form()),
            2 => (mv(root, "refuse"), ground),
            3 => (Deed::OpenItem { kind: "clarification".into(), parent: root }, words("question")),
            4 => (mv(child, "give"), words("answer")),
            5 => (mv(root, "close"), Map::default()),
            6 => (mv(root, "withdraw"), fields(&[("reason", text("fini"))])),
            7 => (mv(child, "drop"), Map::default()),
            _ => (Deed::OpenItem { kind: "note".into(), parent: root }, words("text")),
        };
        let act = write(d, names[w], i as i64 + 1, Desk, deed, form);
        file(&mut held[w], &act);
        acts.push(act);
    }
    (o, acts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Any permutation, duplication and partition of the acts of a random run folds to the same state, with the same verdicts.
    #[test]
    fn any_order_folds_alike(choices in prop::collection::vec(any::<(u8, u8, u8)>(), 0..25), order in any::<u64>(), twice in any::<u64>(), cut in any::<u8>()) {
        let (o, acts) = random_run(&choices);
        let mut straight = hold(&o);
        acts.iter().for_each(|a| drop(file(&mut straight, a)));
        let mut shuffled = acts.clone();
        shuffled.extend(acts.iter().enumerate().filter(|(i, _)| twice >> (i % 64) & 1 == 1).map(|(_, a)| Arc::clone(a)));
        let mut seed = order | 1;
        for i in (1..shuffled.len()).rev() {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            shuffled.swap(i, (seed >> 33) as usize % (i + 1));
        }
        // A partition: first one part, a look at the state in between, then the rest.
        let mut other = hold(&o);
        let at_cut = cut as usize % (shuffled.len() + 1);
        shuffled[..at_cut].iter().for_each(|a| drop(file(&mut other, a)));
        let _ = (other.state().digest(o.dossier()), other.clocks(UnixMs(0), &|_, _| None));
        shuffled[at_cut..].iter().for_each(|a| drop(file(&mut other, a)));
        prop_assert_eq!(straight.state().digest(o.dossier()), other.state().digest(o.dossier()));
        prop_assert_eq!(other.waiting().count(), 0);
        for a in &acts {
            prop_assert_eq!(straight.act(&a.id()).map(|x| x.1.clone()), other.act(&a.id()).map(|x| x.1.clone()));
        }
        let line = |d: &Dossier| d.timeline().iter().map(|(a, _)| a.id()).collect::<Vec<_>>();
        prop_assert_eq!(line(&straight), line(&other));
    }

    /// With one party speaking with two tongues, honest holders who hear everything still fold alike and all name the fork.
    #[test]
    fn a_liar_cannot_part_the_honest(choices in prop::collection::vec(any::<(u8, u8, u8)>(), 3..20), at_act in any::<u8>(), order in any::<u64>()) {
        let (o, mut acts) = random_run(&choices);
        let lied = &acts[1 + at_act as usize % (acts.len() - 1)];
        let content = body(fields(&[("text", Value::Many(vec![text("autre chose")]))]), 200);
        let twin = Head { deed: Deed::OpenItem { kind: "note".into(), parent: dossier_root(&o) }, ..lied.head().clone() };
        let twin = encode(twin, &content);
        prop_assume!(twin.id() != lied.id());
        let author = lied.head().author;
        let seq = lied.head().seq;
        acts.push(twin);
        let mut one = hold(&o);
        acts.iter().for_each(|a| drop(file(&mut one, a)));
        let mut two = hold(&o);
        let mut shuffled = acts.clone();
        let mut seed = order | 1;
        for i in (1..shuffled.len()).rev() {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            shuffled.swap(i, (seed >> 33) as usize % (i + 1));
        }
        shuffled.iter().for_each(|a| drop(file(&mut two, a)));
        for d in [&one, &two] {
            let forks = d.forks();
            prop_assert_eq!(forks.len(), 1);
            prop_assert_eq!((forks[0].author, forks[0].seq), (author, seq));
        }
        prop_assert_eq!(one.state().digest(o.dossier()), two.state().digest(o.dossier()));
    }
}

fn dossier_root(o: &Opening) -> base::ItemId {
    (*o.dossier().as_ref()).into()
}
