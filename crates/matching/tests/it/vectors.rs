//! The golden file of this floor, tests/vectors/matching.json: written with UPDATE_VECTORS=1, read by other implementers.
//!
//! What RFC 9497 publishes is not repeated: these are the objects that are ours, from the key's derivation to the filter's last bit.

use crate::{Seeded, key};
use entente_matching::filter::{Changes, FALSE_HIT_BITS, FILTER_VERSION, Filter};
use entente_matching::names::SCHEME;
use entente_matching::oprf::{Evaluated, Kernel, Question};
use entente_matching::subject::{Side, Subject};
use serde_json::{Value, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/matching.json");
const MECHANISM: &str = "hit-no-hit";

fn hex(bytes: impl AsRef<[u8]>) -> String {
    base::hex::encode(bytes.as_ref())
}

/// Invented persons and things, as an officer writes them.
fn subjects() -> Vec<(Value, Subject)> {
    let person = |names: &[&str], births: &[&str]| {
        let mut s = Subject::default();
        names.iter().for_each(|n| s.name(n).unwrap());
        births.iter().for_each(|b| s.birth(b).unwrap());
        (json!({ "names": names, "births": births }), s)
    };
    let mut things = Subject::default();
    things.phone("00212 5 37 00 00 01").unwrap();
    things.plate("ma", "12345-أ-6").unwrap();
    things.document("es", "Passport", "AAA-123 456").unwrap();
    things.vessel("IMO 9074729").unwrap();
    things.account("DE89 3704 0044 0532 0130 00").unwrap();
    let written = json!({
        "phone": "00212 5 37 00 00 01", "plate": ["ma", "12345-أ-6"], "document": ["es", "Passport", "AAA-123 456"], "vessel": "IMO 9074729",
        "account": "DE89 3704 0044 0532 0130 00",
    });
    vec![
        person(&["يوسف بن شقرون"], &["1981-03-07"]),
        person(&["Youssef Benchekroun"], &["1981-03-07"]),
        person(&["Ana María Ruiz Soto"], &["1990"]),
        person(&["Khadija el Amrani"], &["h1400-04-12"]),
        (written, things),
    ]
}

fn keys() -> Value {
    let of = |s: &Subject, side| s.keys(side).unwrap().iter().map(|k| String::from_utf8(k.input(MECHANISM)).unwrap()).collect::<Vec<_>>();
    let one = |(written, s): (Value, Subject)| json!({ "subject": written, "list": of(&s, Side::List), "question": of(&s, Side::Question) });
    json!({ "mechanism": MECHANISM, "scheme": SCHEME, "subjects": subjects().into_iter().map(one).collect::<Vec<_>>() })
}

/// The whole way of two inputs: one that the list has, one that it has not.
fn way() -> Value {
    let holder = key(1, Kernel::best());
    let inputs = ["hit-no-hit|phone|1|212537000001", "hit-no-hit|phone|1|34910000000"];
    let question = Question::blind(&inputs, 4, &mut Seeded(1), Kernel::best()).unwrap();
    let answer = holder.evaluate(question.blinded(), &mut Seeded(2)).unwrap();
    let outputs = question.finish(&answer, holder.public()).unwrap();
    let filter = Filter::build(holder.tags(&inputs[..1], &|_| ()).unwrap()).unwrap();
    let Evaluated { elements, proof } = answer;
    let output = |(input, o): (&&str, &entente_matching::oprf::Output)| {
        json!({
            "input": input, "output": hex(o.as_bytes()), "tag": hex(o.tag().to_be_bytes()), "fetch_tag": hex(o.fetch_tag()),
            "seal_key": hex(o.seal_key()), "in_filter": filter.contains(o.tag()),
        })
    };
    json!({
        "seed": hex([1; 32]), "info": MECHANISM, "secret": hex(*holder.to_bytes()), "public": hex(holder.public().to_bytes()),
        "blinds": question.openings().iter().map(|b| hex(**b)).collect::<Vec<_>>(), "blinded_with_two_fillers": question.blinded().iter().map(hex).collect::<Vec<_>>(),
        "evaluated": elements.iter().map(hex).collect::<Vec<_>>(), "proof": hex(proof.to_bytes()),
        "outputs": inputs.iter().zip(&outputs).map(output).collect::<Vec<_>>(), "filter": hex(filter.to_bytes()),
    })
}

fn filters() -> Value {
    let list = |tags: &[u64]| tags.iter().map(|t| hex(t.to_be_bytes())).collect::<Vec<_>>();
    let many: Vec<u64> = (1..=21u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let written = [vec![], vec![0], vec![u64::MAX], vec![7, 7, 7], vec![0, u64::MAX / 2, u64::MAX], many.clone()]
        .map(|tags| json!({ "tags": list(&tags), "bytes": hex(Filter::build(tags.clone()).unwrap().to_bytes()) }));
    let changes = Changes { added: vec![3, u64::MAX - 1], removed: vec![many[4]] };
    let good = Filter::build(many.clone()).unwrap().to_bytes();
    let altered = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        json!({ "what": name, "bytes": hex(&bytes), "code": Filter::from_bytes(&bytes).unwrap_err().code() })
    };
    let refused = [
        altered("one byte is lacking", &|b| b.truncate(b.len() - 1)),
        altered("one byte follows", &|b| b.push(0)),
        altered("version 2", &|b| b[2] = 2),
        altered("20 tags are claimed", &|b| b[4] = 20),
        altered("23 tags are claimed", &|b| b[4] = 23),
        altered("the last bit of the filling is one", &|b| *b.last_mut().expect("not empty") |= 1),
    ];
    json!({
        "version": FILTER_VERSION, "false_hit_bits": FALSE_HIT_BITS, "filters": written, "refused": refused,
        "changes": { "added": list(&changes.added), "removed": list(&changes.removed), "bytes": hex(changes.to_bytes()) },
    })
}

#[test]
fn matching_vectors_are_what_the_code_writes() {
    let text = serde_json::to_string_pretty(&json!({ "keys": keys(), "way": way(), "filter": filters() })).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(PATH, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(PATH).expect("run once with UPDATE_VECTORS=1"), text, "run with UPDATE_VECTORS=1 and read the difference");
}

/// What the file says holds: filters read back to their lists, and the one subject meets itself across scripts.
#[test]
fn matching_vectors_hold() {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    let unhex = |v: &Value| base::hex::decode(v.as_str().unwrap()).unwrap();
    let tag = |v: &Value| u64::from_be_bytes(unhex(v).try_into().unwrap());
    for f in all["filter"]["filters"].as_array().unwrap() {
        let tags: Vec<u64> = f["tags"].as_array().unwrap().iter().map(tag).collect();
        let filter = Filter::from_bytes(&unhex(&f["bytes"])).unwrap();
        assert!(filter.len() == tags.len() && tags.iter().all(|t| filter.contains(*t)));
    }
    let subjects = all["keys"]["subjects"].as_array().unwrap();
    let list = subjects[0]["list"].as_array().unwrap();
    assert!(subjects[1]["question"].as_array().unwrap().iter().any(|k| list.contains(k)), "an Arabic list, a French question");
    let hits: Vec<bool> = all["way"]["outputs"].as_array().unwrap().iter().map(|o| o["in_filter"].as_bool().unwrap()).collect();
    assert_eq!(hits, [true, false]);
}
