//! The golden file of this floor, tests/vectors/acts.json: written with UPDATE_VECTORS=1, read by other implementers.

use base::cbor::{self, Map};
use base::{Coded, Digest, Evaluation, Handling, Instant, Lang, Text, UnixMs};
use dossier::*;
use serde_json::{Value as Json, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/acts.json");
const ABOUT: &str = "Entente acts, version 1, of services that exist in this file only. Ids are fixed bytes; everything else follows from the contents. \
    Bytes in hexadecimal, canonical CBOR (RFC 8949, 4.2.1). dossier = SHA-256(\"entente/dossier/1\" || 00 || opening); body id = SHA-256(\"entente/body/1\" || 00 || body); \
    act id = SHA-256(head); the root item bears the dossier's digest, any other item that of the act that opened it.";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(s: &str) -> Vec<u8> {
    (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect()
}

/// An id of 32 equal bytes.
fn id<T: From<Digest>>(byte: u8) -> T {
    Digest([byte; 32]).into()
}

fn opening() -> Opening {
    Opening {
        mechanism: id(0x33),
        accord: Some(AccordRef {
            dossier: id(0x44),
            seen: vec![Mark { party: id(0x11), seq: 2, act: id(0x51) }, Mark { party: id(0x22), seq: 1, act: id(0x52) }],
        }),
        parties: vec![Party { service: id(0x11), role: "requesting".into() }, Party { service: id(0x22), role: "requested".into() }],
        follows: None,
        nonce: *b"entente-nonce-01",
    }
}

fn instant() -> Instant {
    Instant::new(UnixMs(1_738_065_900_000), "Africa/Casablanca").unwrap()
}

fn text(words: &str) -> Text {
    Text::new(Lang::Fr, words)
}

/// The type as mechanisms write it, and one value of it.
fn values() -> Vec<(&'static str, Value)> {
    let place = Place { name: Text::new(Lang::Es, "Algeciras"), country: Some("ES".into()) };
    let person = Person {
        given: Text::new(Lang::Ar, "أمينة"),
        family: Text::new(Lang::Ar, "المثال"),
        born: Some("1980-02".into()),
        nationalities: Some(vec!["MA".into()]),
        category: "suspect".into(),
        aliases: None,
    };
    let vehicle = Vehicle { plate: Some("1234 BCD".into()), country: Some("ES".into()), vin: None, description: Some(text("Berline grise")) };
    vec![
        ("text", Value::Text(text("Déjà vu : « œuvre »."))),
        ("line", Value::Line("RB-2025-17".into())),
        ("choice", Value::Choice("urgent-direct".into())),
        ("date", Value::Date("2025-01-28".parse().unwrap())),
        ("instant", Value::Instant(instant())),
        ("length", Value::Length("P3DT8H".parse().unwrap())),
        ("number", Value::Number(-1_000_000)),
        ("flag", Value::Flag(true)),
        ("quantity", Value::Quantity(Quantity { amount: "12.50".into(), unit: "kg".into() })),
        ("money", Value::Money(Money { amount: "1000000".into(), currency: "MAD".into() })),
        ("place", Value::Place(place)),
        ("person", Value::Person(person)),
        ("document", Value::Document(Document { kind: "passport".into(), number: "XX0000001".into(), country: Some("MA".into()) })),
        ("vehicle", Value::Vehicle(vehicle)),
        ("vessel", Value::Vessel(Vessel { name: "Exemple".into(), imo: Some("9074729".into()), flag: None })),
        ("phone", Value::Phone("+212500000000".into())),
        ("account", Value::Account(Account { number: "MA64011519000001205000534921".into(), institution: None })),
        ("party", Value::Party(id(0x22))),
        ("officer", Value::Officer(OfficerRef { service: id(0x11), officer: "liaison.07".parse().unwrap() })),
        ("exhibit", Value::Exhibit(Exhibit { id: id(0x77), name: "photo.jpg".into(), size: 4_294_967_296, media: "image/jpeg".into() })),
        ("reference", Value::Reference(Reference { dossier: id(0x44), item: Some(id(0x55)) })),
        ("text-hash", Value::TextHash(TextHash { lang: Lang::Fr.into(), sha256: Digest::of("Bonjour".as_bytes()) })),
        ("evaluation", Value::Evaluation(Evaluation { scale: "4x4".into(), source: "B".into(), information: "2".into() })),
        ("mechanism", Value::Mechanism(MechanismRef { name: "information-request".into(), id: id(0x33) })),
        (
            "clock",
            Value::Clock(ClockLength {
                mechanism: "information-request".into(),
                clock: "request/answer/urgent-direct".into(),
                length: "PT8H".parse().unwrap(),
            }),
        ),
        (
            "equivalence",
            Value::Equivalence(Equivalence { one: Coded::new("classification-es", "RESERVADO"), other: Coded::new("classification-fr", "SECRET") }),
        ),
        ("commitment", Value::Commitment(Digest([0x77; 32]))),
        ("reveal", Value::Reveal(Digest([0x78; 32]))),
        ("dossier", Value::Dossier(Link { dossier: id(0x44), relation: "sub-group".into() })),
        ("item", Value::Item(id(0x55))),
        ("text, many", Value::Many(vec![Value::Text(text("Un")), Value::Text(Text::new(Lang::Pt, "Dois"))])),
    ]
}

fn body() -> Body {
    let fields: Map<Value> = [("reference", values()[1].1.clone()), ("facts", values()[0].1.clone()), ("question", values().last().unwrap().1.clone())]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect();
    let handling = Handling {
        codes: vec!["H1".into(), "H3".into()],
        restriction: Some(text("Accord préalable requis.")),
        tlp: Some("AMBER+STRICT".into()),
        classification: Some(Coded::new("classification-fr", "DIFFUSION-RESTREINTE")),
    };
    Body { salt: *b"entente-salt-001", handling, fields }
}

fn signatory(officer: &str, role: OfficerRole) -> Signatory {
    Signatory { officer: officer.parse().unwrap(), role }
}

fn opening_head() -> Head {
    Head {
        version: VERSION,
        dossier: opening().dossier(),
        author: id(0x11),
        seq: 1,
        prev: Default::default(),
        seen: Vec::new(),
        at: instant(),
        by: signatory("liaison.07", OfficerRole::Desk),
        second: Some(signatory("sup.1", OfficerRole::Supervisor)),
        deed: Deed::Open(opening()),
        body: body().encode().1,
    }
}

/// One head of each deed, the later ones building on the first.
fn heads() -> Vec<(&'static str, Head)> {
    let first = opening_head();
    let act = Act::decode(&cbor::to_vec(&first), None).unwrap();
    let empty = Body { salt: [0; 16], handling: Handling::code("H0"), fields: Map::default() }.encode().1;
    let later = Head { author: id(0x22), seen: vec![act.mark()], second: None, body: empty, ..first.clone() };
    let note = Deed::OpenItem { kind: "note".into(), parent: act.item() };
    let accept = Deed::Move { item: act.item(), name: "accept".into() };
    let opened = Head { deed: note, ..later.clone() };
    let prev = Act::decode(&cbor::to_vec(&opened), None).unwrap().id();
    vec![("opens a dossier", first), ("opens an item", opened), ("moves a stance", Head { seq: 2, prev, deed: accept, ..later })]
}

/// Heads that a reader refuses, with the code; each differs from the opening in one thing.
fn refused() -> Vec<(&'static str, Vec<u8>, Vec<u8>, &'static str)> {
    let (body_bytes, _) = body().encode();
    let good = cbor::to_vec(&opening_head());
    let changed = |change: &dyn Fn(&mut Head)| {
        let mut head = opening_head();
        change(&mut head);
        cbor::to_vec(&head)
    };
    let mark = |party: u8| Mark { party: id(party), seq: 1, act: id(0x51) };
    let mut salted = body();
    salted.salt[0] ^= 1;
    // Field 0 of the head, the version, written in two bytes where one does.
    let long = [&good[..2], &[0x18, 0x01], &good[3..]].concat();
    vec![
        ("another version", changed(&|h| h.version = 2), body_bytes.clone(), "peer.act.version"),
        ("a body with another salt", good.clone(), salted.encode().0, "peer.act.body"),
        ("number 0", changed(&|h| h.seq = 0), body_bytes.clone(), "peer.act.head"),
        ("number 2 without predecessor", changed(&|h| h.seq = 2), body_bytes.clone(), "peer.act.head"),
        ("number 1 with predecessor", changed(&|h| h.prev = id(0x51)), body_bytes.clone(), "peer.act.head"),
        ("marks out of order", changed(&|h| h.seen = vec![mark(0x33), mark(0x22)]), body_bytes.clone(), "peer.act.head"),
        ("a mark of the author's own", changed(&|h| h.seen = vec![mark(0x11)]), body_bytes.clone(), "peer.act.head"),
        ("a moment beyond the calendar", changed(&|h| h.at.at = UnixMs(i64::MAX)), body_bytes.clone(), "peer.act.head"),
        ("an integer that is not the shortest", long, body_bytes.clone(), "peer.bytes.not-canonical"),
        ("a byte too many", [&good[..], &[0]].concat(), body_bytes.clone(), "peer.bytes.not-canonical"),
        ("a byte too few", good[..good.len() - 1].to_vec(), body_bytes, "peer.bytes.truncated"),
    ]
}

fn golden() -> Json {
    let (body_bytes, body_id) = body().encode();
    let head = |(what, head): (&str, Head)| {
        let bytes = cbor::to_vec(&head);
        let act = Act::decode(&bytes, None).unwrap();
        json!({ "what": what, "bytes": hex(&bytes), "act": act.id(), "item": act.item() })
    };
    let value = |(kind, v): (&str, Value)| json!({ "type": kind, "plain": v.to_json(), "bytes": hex(&cbor::to_vec(&v)) });
    let bad = |(what, head, body, code): (&str, Vec<u8>, Vec<u8>, &str)| json!({ "what": what, "head": hex(&head), "body": hex(&body), "code": code });
    json!({
        "about": ABOUT,
        "opening": { "bytes": hex(&cbor::to_vec(&opening())), "dossier": opening().dossier() },
        "body": { "bytes": hex(&body_bytes), "id": body_id },
        "heads": heads().into_iter().map(head).collect::<Vec<_>>(),
        "values": values().into_iter().map(value).collect::<Vec<_>>(),
        "refused": refused().into_iter().map(bad).collect::<Vec<_>>(),
    })
}

#[test]
fn the_golden_file_is_what_this_program_writes() {
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(PATH, serde_json::to_string_pretty(&golden()).unwrap() + "\n").unwrap();
    }
    let file: Json = serde_json::from_str(&std::fs::read_to_string(PATH).expect("run once with UPDATE_VECTORS=1")).unwrap();
    assert_eq!(file, golden(), "run with UPDATE_VECTORS=1 if the form was changed on purpose");
}

#[test]
fn the_golden_file_reads_back_and_its_ids_follow_from_its_bytes() {
    let file: Json = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    let bytes = |v: &Json| unhex(v.as_str().unwrap());
    let tagged = |domain: &str, b: &[u8]| Digest::of(&[domain.as_bytes(), &[0], b].concat()).to_string();
    assert_eq!(file["opening"]["dossier"], tagged("entente/dossier/1", &bytes(&file["opening"]["bytes"])));
    assert_eq!(self::body().handling.check(), Ok(()));
    let body = bytes(&file["body"]["bytes"]);
    assert_eq!(file["body"]["id"], tagged("entente/body/1", &body));
    for (n, h) in file["heads"].as_array().unwrap().iter().enumerate() {
        let head = bytes(&h["bytes"]);
        assert_eq!(h["act"], Digest::of(&head).to_string());
        let act = Act::decode(&head, (n == 0).then_some(&body[..])).unwrap();
        assert_eq!(h["item"], act.item().to_string());
        assert_eq!(cbor::to_vec(act.head()), head, "{}", h["what"]);
    }
    let listed = file["values"].as_array().unwrap();
    for (v, (kind, value)) in listed.iter().zip(values()) {
        assert_eq!(cbor::from_slice::<Value>(&bytes(&v["bytes"]), 4096), Ok(value), "{kind}");
    }
    // Every type of the law has its value here: the tags run from 0 without a gap.
    let tags: Vec<u8> = listed.iter().map(|v| bytes(&v["bytes"])).map(|b| if b[1] == 0x18 { b[2] } else { b[1] }).collect();
    let mut sorted = tags.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..=30).collect::<Vec<u8>>());
    for r in file["refused"].as_array().unwrap() {
        let read = Act::decode(&bytes(&r["head"]), Some(&bytes(&r["body"])));
        assert_eq!(read.map(|_| ()).map_err(|e| e.code()), Err(r["code"].as_str().unwrap()), "{}", r["what"]);
    }
}

#[test]
fn the_plain_form_of_a_value_reads_back_to_the_same_bytes() {
    for (kind, value) in values() {
        let (kind, many) = kind.split_once(", ").map_or((kind, false), |(k, _)| (k, true));
        let field: Field = serde_json::from_value(json!({
            "id": "f", "type": kind, "many": many,
            "label": { "ar": "x", "fr": "x", "es": "x", "en": "x", "de": "x", "pt": "x" },
            "vocabulary": (kind == "choice").then_some("urgency"),
            "opens": (kind == "reveal").then_some("commitment"),
        }))
        .unwrap();
        assert_eq!(field.read(&value.to_json()), Ok(value.clone()), "{kind}");
        assert_eq!(field.check(&value), Ok(()), "{kind}");
    }
}
