//! Hit/no-hit: what an officer learns, what the holder learns, what both write down, what is refused by accord and quota, what ends by the clock.

use crate::forms::*;
use crate::hits_world::*;
use crate::world::*;
use base::{Digest, UnixMs};
use dossier::OfficerRole::{self, *};
use matching::subject::Subject;
use node::{Asked, Changed, HIT_VERSION, Intent, Made, RESULT_DAYS};
use serde_json::json;

const DAY: i64 = 24 * HOUR;

#[test]
fn a_name_in_another_script_is_hit_and_a_namesake_is_not() {
    let mut w = World::holding();
    let hit = w.asked(&person("Youssef Benchekroun", "1981-03-07"));
    assert_eq!(w.stands(hit), "hit");
    let seen = w.ask_view(hit);
    assert_eq!(seen.quality.as_deref(), Some("strong"));
    assert!(seen.references.is_empty(), "a hit alone tells nothing of what is held");
    let namesake = w.asked(&person("Youssef Benchekroun", "1983-09-14"));
    assert_eq!(w.stands(namesake), "no-hit");
    let by_year = w.asked(&person("Khaled Rifi", "1975-06-02"));
    assert_eq!((w.stands(by_year).as_str(), w.ask_view(by_year).quality.as_deref()), ("hit", Some("possible")), "the list knows the year alone");
}

#[test]
fn a_confirmed_hit_gives_the_reference_and_the_request_is_filled_in() {
    let mut w = World::holding();
    let id = w.asked(&person("Yusef Benshekrun", "1981-03-07"));
    w.confirms(id).unwrap();
    let seen = w.ask_view(id);
    assert_eq!(seen.asked, Asked::Referred);
    let r = &seen.references[0];
    assert_eq!((r.reference.as_str(), r.category.as_str(), r.quality.as_str(), r.contact.as_str()), ("MA/2024/117", "suspect", "B2", "case.desk"));
    assert_eq!(w.confirms(id).unwrap_err().code(), "refusal.matching.not-hit", "once");
    let (chief, deputy, now) = (w.sides[ES].chief.clone(), w.sides[ES].deputy.clone(), w.now);
    let fields = form(json!({ "question": [{ "lang": "es", "text": "¿Qué consta de él?" }] }));
    let Made::Pending { id: proposal, .. } = w.node(ES).follow_hit(&chief, &id, fields, now).unwrap() else { panic!("four eyes") };
    w.sides[ES].commit();
    let Made::Act { dossier, .. } = w.node(ES).approve(&deputy, &proposal, now).unwrap() else { panic!("approved") };
    w.sides[ES].commit();
    w.pump();
    assert_eq!(w.alike(dossier), "open");
    let view = w.node(MA).view(&dossier, &[], now).unwrap();
    let fields = serde_json::to_value(&view.items[0].fields).unwrap().to_string();
    assert!(["MA/2024/117", "ES-2025-44", "article 5", "Visto dos veces"].iter().all(|w| fields.contains(w)), "{fields}");
    assert_eq!(w.ask_view(id).followed, Some(format!("pending/{proposal}")));
}

#[test]
fn both_sides_write_down_the_same_and_an_auditor_can_open_it() {
    let mut w = World::holding();
    let id = w.asked(&person("Youssef Benchekroun", "1981-03-07"));
    let miss = w.asked(&person("Nadia Invented", "1999-01-02"));
    let (ours, theirs) = (w.logged(ES, "hit"), w.logged(MA, "hit"));
    assert_eq!(w.hit_lines(MA), ["was asked", "was asked"], "what was not hit causes no further message");
    for what in ["commitment", "question", "reference", "reason", "officer", "offence", "category", "aim", "elements"] {
        assert_eq!(ours[0][what], theirs[0][what], "{what}");
    }
    let told: String = theirs.iter().map(ToString::to_string).collect();
    assert!(!told.contains("Benchekroun") && !told.contains("1981"), "the holder knows not of whom");
    // The auditor has the line of one side opened and checks it at the other.
    let (chief, dpo, now) = (w.sides[ES].chief.clone(), w.sides[MA].chief.clone(), w.now);
    let (_, openings) = w.node(ES).open_ask(&chief, &miss, "yearly check", now).unwrap();
    w.sides[ES].commit();
    let pairs: Vec<(String, String)> = openings.into_iter().map(|o| (o.input, o.blind)).collect();
    assert!(pairs[0].0.contains("1999"));
    let (_, checked) = w.node(MA).check_openings(&dpo, &miss, pairs.clone(), now).unwrap();
    assert!(!checked.is_empty() && checked.iter().all(|o| o.opens == Some(true)));
    let (_, other) = w.node(MA).check_openings(&dpo, &id, pairs, now).unwrap();
    assert!(other.iter().all(|o| o.opens == Some(false)), "no other question is opened by it");
    w.sides[MA].commit();
    let case = w.case_officer();
    assert_eq!(w.node(ES).open_ask(&case, &miss, "curious", now).unwrap_err().code(), "refusal.officer.role");
}

#[test]
fn what_is_said_of_a_subject_must_do_and_a_question_must_say_why() {
    let mut w = World::holding();
    let chief = w.sides[ES].chief.clone();
    let mut nameless = Subject::default();
    nameless.name("Youssef Benchekroun").unwrap();
    let code = |w: &mut World, s: &Subject, why| w.asks_as(&chief, s, why, false).unwrap_err().code();
    assert_eq!(code(&mut w, &nameless, why("suspect")), "refusal.matching.too-little");
    let known = person("Youssef Benchekroun", "1981-03-07");
    let mut bad = why("suspect");
    bad.reason.text = " ".into();
    assert_eq!(code(&mut w, &known, bad), "refusal.matching.justification");
    let mut bad = why("suspect");
    bad.offence = "parking".into();
    assert_eq!(code(&mut w, &known, bad), "refusal.matching.justification");
    assert_eq!(code(&mut w, &known, why("victim")), "refusal.matching.category");
    let mut bad = why("suspect");
    bad.purpose = "prosecute".into();
    assert_eq!(code(&mut w, &known, bad), "refusal.matching.purpose");
    let admin = w.officer("admin.only", Administrator);
    assert_eq!(w.asks_as(&admin, &known, why("suspect"), false).unwrap_err().code(), "refusal.officer.role");
}

#[test]
fn quotas_count_elements_for_an_officer_and_for_the_service() {
    let mut w = World::holding_with(json!({ "hit_officer_day_max": 128, "hit_partner_ten_days_max": 192 }));
    w.loads(FILE, suspects());
    w.publishes(false);
    w.pump();
    let (first, second) = (w.sides[ES].chief.clone(), w.sides[ES].deputy.clone());
    let someone = person("Nadia Invented", "1999-01-02");
    let asks = |w: &mut World, o: &node::Officer| w.asks_as(o, &someone, why("suspect"), false).map_or_else(|e| e.code(), |_| "asked");
    assert_eq!((asks(&mut w, &first), asks(&mut w, &first)), ("asked", "asked"));
    assert_eq!(asks(&mut w, &first), "refusal.matching.quota-officer");
    assert_eq!(asks(&mut w, &second), "asked");
    assert_eq!(asks(&mut w, &second), "refusal.matching.quota-partner");
    w.wait(DAY);
    assert_eq!(asks(&mut w, &first), "refusal.matching.quota-partner", "a new day, the same ten");
    w.wait(9 * DAY);
    assert_eq!(asks(&mut w, &first), "asked");
}

#[test]
fn only_what_the_accord_permits_is_loaded_and_published() {
    let mut w = World::holding_with(json!({}));
    let (chief, now) = (w.sides[MA].chief.clone(), w.now);
    let witness = vec![record(&person("Nadia Invented", "1999-01-02"), "MA/1", "witness")];
    assert_eq!(w.node(MA).load_index(Some(&chief), FILE, true, witness, now).unwrap_err().code(), "refusal.matching.category");
    assert_eq!(w.loads(FILE, suspects()), Changed { added: 3, changed: 0, same: 0, removed: 0 });
    let twice = vec![suspects().remove(0), suspects().remove(0)];
    assert_eq!(w.node(MA).load_index(Some(&chief), FILE, true, twice, now).unwrap_err().code(), "refusal.node.asked");
    assert_eq!(w.loads(FILE, suspects()), Changed { added: 0, changed: 0, same: 3, removed: 0 });
    assert!(w.publishes(false));
    assert!(!w.publishes(false), "nothing changed");
    let view = w.node(MA).index_view(now).unwrap();
    assert_eq!((view.records["suspect"], view.published[0].records), (2, 3));
}

#[test]
fn changes_reach_the_partner_and_a_standing_subject_is_hit_without_a_question() {
    let mut w = World::holding();
    let chief = w.sides[ES].chief.clone();
    let watched = person("Nadia Benjelloun", "1988-08-08");
    let id = w.asks_as(&chief, &watched, why("suspect"), true).unwrap();
    w.pump();
    assert_eq!(w.stands(id), "no-hit");
    let questions = w.hit_lines(MA).len();
    let mut more = suspects();
    more.remove(1);
    more.push(record(&person("نادية بنجلون", "1988-08-08"), "MA/2025/1", "suspect"));
    assert_eq!(w.loads(FILE, more), Changed { added: 1, changed: 0, same: 2, removed: 1 });
    assert!(w.publishes(false));
    w.pump();
    assert_eq!(w.stands(id), "hit", "by the changes alone");
    assert_eq!(w.hit_lines(MA).len(), questions, "nobody was asked");
    let gone = w.asked(&person("Fatima Zahra Alaoui", "1990-11-23"));
    assert_eq!(w.stands(gone), "no-hit", "what was taken out is no hit any more");
    w.confirms(id).unwrap();
    assert_eq!(w.ask_view(id).references[0].reference, "MA/2025/1");
    w.restart(ES);
    let again = w.asked(&watched);
    assert_eq!(w.stands(again), "hit", "list and changes are read from the disk");
}

#[test]
fn rotation_destroys_the_key_and_standing_subjects_are_asked_anew() {
    let mut w = World::holding();
    let chief = w.sides[ES].chief.clone();
    let hit = w.asked(&person("Youssef Benchekroun", "1981-03-07"));
    let standing = w.asks_as(&chief, &person("Nadia Benjelloun", "1988-08-08"), why("suspect"), true).unwrap();
    w.pump();
    let old = w.store(MA).record("hit-key", &w.id(ES).to_string()).unwrap().unwrap().data;
    w.publishes(true);
    let new = w.store(MA).record("hit-key", &w.id(ES).to_string()).unwrap().unwrap().data;
    assert_ne!(old, new);
    w.pump();
    w.confirms(hit).unwrap();
    assert_eq!(w.stands(hit), "refusal.matching.epoch", "under a destroyed key nothing can be fetched");
    let now = w.now;
    w.node(ES).tend_asks(now).unwrap().expect("a standing subject is due");
    w.sides[ES].commit();
    w.pump();
    let all = w.node(ES).asks(&chief, Some(true)).unwrap();
    assert_eq!((all.len(), all[0].asked.clone()), (1, Asked::NoHit));
    assert_ne!(all[0].question, standing);
    assert!(w.node(ES).tend_asks(now).unwrap().is_none(), "once an epoch");
}

#[test]
fn results_expire_and_what_is_kept_for_auditors_goes_after_three_years() {
    let mut w = World::holding();
    let id = w.asked(&person("Youssef Benchekroun", "1981-03-07"));
    w.wait(i64::from(RESULT_DAYS) * DAY - HOUR);
    let sweep = |w: &mut World, i: usize| {
        let now = w.now;
        w.node(i).sweep(now).unwrap();
        w.sides[i].commit();
    };
    sweep(&mut w, ES);
    assert_eq!(w.stands(id), "hit");
    w.wait(2 * HOUR);
    sweep(&mut w, ES);
    assert_eq!(w.stands(id), "expired");
    assert_eq!(w.confirms(id).unwrap_err().code(), "refusal.matching.expired");
    assert!(w.store(MA).record("hit-served", &id.to_string()).unwrap().is_some());
    w.wait(1096 * DAY);
    sweep(&mut w, ES);
    sweep(&mut w, MA);
    assert!(w.store(ES).record("hit-ask", &id.to_string()).unwrap().is_none());
    assert!(w.store(MA).record("hit-served", &id.to_string()).unwrap().is_none());
    assert!(w.store(MA).record("hit-key", &w.id(ES).to_string()).unwrap().is_none(), "nor is a key kept that nobody may be asked under");
    assert!(w.store(MA).records("hit-record", None, 10).unwrap().is_empty(), "records end with their own last day");
}

#[test]
fn the_end_of_retention_is_worked_off_in_steps_between_which_others_get_their_turn() {
    let mut w = World::holding();
    let phone = |n: usize| {
        let mut s = matching::subject::Subject::default();
        s.phone(&format!("+2126{n:08}")).unwrap();
        node::IndexRecord::new(&s, &format!("MA/old/{n}"), "suspect", "", "case.desk", "2025-01-31".parse().unwrap()).unwrap()
    };
    let old = 2 * node::HIT_SWEEP_STEP + 1;
    assert_eq!(w.loads("old.csv", (0..old).map(phone).collect()).added, old);
    let held = |w: &World| {
        let (mut n, mut last): (usize, Option<String>) = (0, None);
        loop {
            let page = w.store(MA).records("hit-record", last.as_deref(), 500).unwrap();
            n += page.len();
            match page.last() {
                Some(r) if page.len() == 500 => last = Some(r.id.clone()),
                _ => return n,
            }
        }
    };
    let step = |w: &mut World| {
        let now = w.now;
        w.node(MA).sweep(now).unwrap();
        w.sides[MA].commit();
        w.node(MA).hits_unswept()
    };
    // Their last day is not over: a whole round takes its steps and removes nothing.
    assert!(step(&mut w) && step(&mut w) && !step(&mut w));
    assert_eq!(held(&w), old + 3);
    let until: base::Date = "2025-02-01".parse().unwrap();
    w.now = UnixMs(until.start_utc().0 + HOUR);
    w.publishes(true);
    w.pump();
    assert!(step(&mut w), "the first step does not do it all");
    let left = held(&w);
    assert!(left > 3 && left >= old + 3 - node::HIT_SWEEP_STEP, "no step looks at more than it may: {left}");
    let hit = w.asked(&person("Youssef Benchekroun", "1981-03-07"));
    assert_eq!(w.stands(hit), "hit", "in the midst of it a question is answered");
    assert!(step(&mut w));
    let case = w.case_officer();
    assert_eq!(case.id.as_str(), "case", "and an officer is added");
    assert!(!step(&mut w), "the round is over");
    assert_eq!(held(&w), 3, "all that was over is gone, and nothing else");
    let lines: Vec<_> = w.logged(MA, "audit").into_iter().filter(|l| l["what"].as_str().unwrap().starts_with("index records removed")).collect();
    assert_eq!((lines.len(), lines[0]["records"].as_u64()), (1, Some(old as u64)), "one line for the round");
}

#[test]
fn a_list_is_asked_under_a_grant_paused_resumed_and_ended_by_acts() {
    let mut w = World::holding_with(json!({ "hit_officer_day_max": 64 }));
    w.loads(FILE, suspects());
    w.publishes(false);
    w.pump();
    let chief = w.sides[ES].chief.clone();
    let parties = w.parties(&[(ES, "asking"), (MA, "holding")]);
    let fields = form(json!({
        "reference": "ES-2025-44", "legal_basis": fr("Convention, article 5"), "purpose": "investigate", "offence": "drug-trafficking",
        "subject_category": "suspect", "reason": fr("Accréditations du port"), "persons": 3, "elements": 192, "until": "2025-03-01",
    }));
    let grant = w.does(ES, Intent::Open { mechanism: "hit-no-hit".into(), accord: None, parties, follows: None, fields, handling: h0() }).dossier;
    w.pump();
    let persons = [("a", "Youssef Benchekroun", "1981-03-07"), ("b", "Nadia Invented", "1999-01-02"), ("c", "Omar Invented", "1970-02-03")];
    let persons = persons.map(|(label, name, birth)| node::BatchPerson { label: label.into(), subject: person(name, birth) });
    let now = w.now;
    w.node(ES).batch(&chief, grant, node::Aim::Identify, persons.to_vec(), now).unwrap();
    w.sides[ES].commit();
    let tend = |w: &mut World| {
        w.wait(1000);
        let now = w.now;
        w.node(ES).tend_asks(now).unwrap();
        w.sides[ES].commit();
        w.pump();
        let b = w.node(ES).batches().unwrap().remove(0);
        (b.phase, b.asked, b.answered, b.hits.len(), b.stands)
    };
    assert_eq!(tend(&mut w), ("asked".into(), 0, 0, 0, None), "not before it is granted");
    w.does(MA, moves(grant, None, "grant", json!({ "authority": fr("Le procureur général"), "elements": 128 })));
    w.pump();
    w.does(ES, moves(grant, None, "pause", json!({})));
    w.pump();
    assert_eq!(tend(&mut w), ("paused".into(), 0, 0, 0, None));
    w.does(ES, moves(grant, None, "resume", json!({})));
    w.pump();
    assert_eq!(tend(&mut w), ("open".into(), 2, 2, 1, Some("refusal.matching.grant".into())), "the holder granted two of three");
    w.does(MA, moves(grant, None, "stop", json!({ "explanation": fr("L'événement est passé") })));
    w.pump();
    assert_eq!(tend(&mut w).0, "stopped");
    let single = w.asks_as(&chief, &person("Nadia Invented", "1999-01-02"), why("suspect"), false);
    assert!(single.is_ok(), "the list did not touch the officer's own quota");
}

#[test]
fn without_an_accord_that_names_it_nobody_asks() {
    let (mut w, _) = World::allied(2);
    let chief = w.sides[ES].chief.clone();
    let code = |w: &mut World| w.asks_as(&chief, &person("Nadia Invented", "1999-01-02"), why("suspect"), false).unwrap_err().code();
    assert_eq!(code(&mut w), "refusal.accord.none");
    w.hit_accord(json!({}));
    assert_eq!(code(&mut w), "refusal.matching.no-list");
    assert_eq!(HIT_VERSION, 1);
    let _: (OfficerRole, Digest) = (Officer, Digest::default());
}
