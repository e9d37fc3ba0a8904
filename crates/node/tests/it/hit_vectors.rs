//! The published vectors of hit/no-hit, tests/vectors/hits.json: written with UPDATE_VECTORS=1, read by whoever writes another node.
//!
//! Key, blinds and nonces are drawn from SplitMix64 and a seed; the cards are there so that signatures can be checked.

use crate::hits_world::person;
use crate::world::*;
use base::{Digest, Lang, Text, UnixMs, cbor, hex};
use matching::filter::{Changes, Filter};
use matching::oprf::{Kernel, Key, Proof, Question};
use matching::subject::Side;
use node::{Aim, HIT_VERSION, HitConfirmation, HitList, HitQuestion, HitReference, Piece, SUITE, Signing, commitment, reference_aad};
use serde_json::{Value, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/hits.json");

fn piece(p: &Piece) -> Value {
    json!({ "cbor": hex::encode(&p.encode()), "acknowledged_as": p.digest().to_string() })
}

fn made() -> Value {
    let (ma, es) = (keys("ma", 100), keys("es", 101));
    let at = UnixMs(1_893_456_000_000);
    let key = Key::generate(&mut Seeded(1), Kernel::Portable);
    let input = |s: &matching::subject::Key| s.input("hit-no-hit");
    let listed: Vec<Vec<u8>> = person("يوسف بن شقرون", "1981-03-07").keys(Side::List).unwrap().iter().map(input).collect();
    let asked: Vec<Vec<u8>> = person("Youssef Benchekroun", "1981-03-07").keys(Side::Question).unwrap().iter().map(input).collect();
    let tags = key.tags(&listed, &|_| ()).unwrap();
    let filter = Filter::build(tags.clone()).unwrap().to_bytes();
    let list = HitList {
        version: HIT_VERSION,
        by: ma.service(),
        to: es.service(),
        accord: Digest::of(b"accord").into(),
        mechanism: Digest::of(b"mechanism").into(),
        epoch: 1,
        scheme: 1,
        suite: SUITE,
        public: key.public().to_bytes(),
        count: tags.len() as u64,
        bytes: filter.len() as u64,
        filter: Digest::of(&filter),
        at,
        until: at.plus_ms(40 * 86_400_000),
    };
    let signed_list = list.sign(&ma).into_bytes();
    let list_id = Digest::of(&signed_list);
    let question = Question::blind(&asked, 64, &mut Seeded(2), Kernel::Portable).unwrap();
    let elements = question.blinded().concat();
    let head = HitQuestion {
        version: HIT_VERSION,
        by: es.service(),
        to: ma.service(),
        list: list_id,
        grant: None,
        officer: "l.ferrer".parse().unwrap(),
        purpose: "investigate".into(),
        offence: "drug-trafficking".into(),
        category: "suspect".into(),
        aim: Aim::LearnMore,
        reference: "ES-1".into(),
        reason: Text::new(Lang::Es, "Visto dos veces."),
        count: 64,
        commitment: commitment(&elements),
        at,
    };
    let signed_question = head.sign(&es).into_bytes();
    let question_id = Digest::of(&signed_question);
    let evaluated = key.evaluate(question.blinded(), &mut Seeded(3)).unwrap();
    let proof = evaluated.proof.to_bytes();
    assert_eq!(Proof::from_bytes(&proof).unwrap(), evaluated.proof);
    let outputs = question.finish(&evaluated, key.public()).unwrap();
    let hit = outputs.iter().position(|o| tags.contains(&o.tag())).expect("the two spellings meet");
    let output = &outputs[hit];
    let confirmation = HitConfirmation {
        version: HIT_VERSION,
        by: es.service(),
        to: ma.service(),
        question: question_id,
        officer: "l.ferrer".parse().unwrap(),
        tags: [&output.tag().to_be_bytes()[..], &output.fetch_tag()].concat(),
        at,
    };
    let reference = HitReference {
        reference: "MA-2024-0117".into(),
        category: "suspect".into(),
        quality: String::new(),
        contact: "k.ouazzani".into(),
        until: "2030-12-31".parse().unwrap(),
    };
    let aad = reference_aad(&question_id, &output.tag().to_be_bytes());
    let plaintext = cbor::to_vec(&vec![reference]);
    let sealed = seal::seal_reference(&output.seal_key(), &aad, &plaintext, &mut Seeded(4));
    assert_eq!(seal::open_reference(&output.seal_key(), &aad, &sealed).unwrap(), plaintext);
    let changes = Changes { added: vec![1 << 40, 1 << 41], removed: vec![tags.iter().copied().min().unwrap()] };
    json!({
        "services": { "ma": hex::encode(ma.card_bytes()), "es": hex::encode(es.card_bytes()) },
        "key": { "seed": 1, "secret": hex::encode(&*key.to_bytes()), "public": hex::encode(&key.public().to_bytes()) },
        "list_inputs": listed.iter().map(|i| String::from_utf8_lossy(i).into_owned()).collect::<Vec<_>>(),
        "list_tags": tags.iter().map(|t| format!("{t:016x}")).collect::<Vec<_>>(),
        "filter": hex::encode(&filter),
        "list": piece(&Piece::HitList { signed: signed_list }),
        "part": piece(&Piece::HitPart { list: list_id, part: 0, data: filter }),
        "changes": piece(&Piece::HitChanges { list: list_id, number: 1, data: changes.to_bytes() }),
        "question_inputs": asked.iter().map(|i| String::from_utf8_lossy(i).into_owned()).collect::<Vec<_>>(),
        "blinds": { "seed": 2, "openings": question.openings().iter().map(|o| hex::encode(&**o)).collect::<Vec<_>>() },
        "question": piece(&Piece::HitQuestion { signed: signed_question, elements }),
        "answer": piece(&Piece::HitAnswer { question: question_id, elements: evaluated.elements.concat(), proof: proof.to_vec() }),
        "hit": {
            "input": hit, "output": hex::encode(output.as_bytes()), "tag": format!("{:016x}", output.tag()),
            "fetch_tag": hex::encode(&output.fetch_tag()), "seal_key": hex::encode(&output.seal_key()),
        },
        "confirmation": piece(&Piece::HitConfirmation { signed: confirmation.sign(&es).into_bytes() }),
        "reference": { "plaintext": hex::encode(&plaintext), "aad": hex::encode(&aad), "piece": piece(&Piece::HitReference { question: question_id, sealed: vec![sealed.into()] }) },
    })
}

/// What follows from the seeds: all but the cards, whose TLS and sealing keys are drawn by the cryptographic library.
fn steady(mut v: Value) -> Value {
    v.as_object_mut().unwrap().remove("services");
    v
}

#[test]
fn the_published_vectors_are_what_the_code_writes() {
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(PATH).parent().unwrap()).unwrap();
        std::fs::write(PATH, serde_json::to_string_pretty(&made()).unwrap() + "\n").unwrap();
    }
    let published: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    assert_eq!(steady(published), steady(made()));
}
