//! The golden file of our own wire objects, tests/vectors/wire.json: written with UPDATE_VECTORS=1, read by other implementers.
//!
//! Everything in it follows from the seeds, except the parcel, which is sealed with fresh randomness and recorded.

use super::{hex, unhex, xwing_from_seed};
use crate::ledger::{Frontier, leaf_hash};
use crate::{
    Attestation, CardDraft, Cards, CarryPart, CarryReader, CarryVolume, ChainEnd, Checkpoint, Duty, Fingerprint, Held, Keys, Parcel, REQUEST_VERSION, Reason,
    Receipt, ReceiptEntry, Recovered, Restored, Revocation, RootRequest, Signed, Succession, TlsIdentity, Typ, Verified, Word, seal_parcel,
};
use base::{ActId, Digest, Instant, Lang, Text, UnixMs};
use serde_json::{Value, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/wire.json");
const AT: UnixMs = UnixMs(1_893_456_000_000); // 2030-01-01T00:00:00Z
const YEAR_MS: i64 = 365 * 86_400_000;
const PLAINTEXT: &[u8] = b"acts of this parcel, as a plaintext";
const ACT: &[u8] = &[0xa1, 0x00, 0x01];

fn draft(code: &str, country: &str, name: &[(Lang, &str)]) -> CardDraft {
    CardDraft {
        code: code.to_owned(),
        country: country.to_owned(),
        name: name.iter().map(|(lang, text)| Text::new(*lang, *text)).collect(),
        endpoints: vec![format!("{code}.entente.example:8443")],
        languages: name.iter().map(|(lang, _)| (*lang).into()).collect(),
        duty: vec![Duty { desk: "liaison desk".to_owned(), phone: "+999 1 234".to_owned(), mail: format!("desk@{code}.example") }],
        valid_from: AT,
        valid_until: AT.plus_ms(YEAR_MS),
    }
}

/// A service that exists in this file only; every seed is one byte repeated.
fn service(code: &str, country: &str, name: &[(Lang, &str)], seeds: u8) -> Keys {
    let draft = draft(code, country, name);
    let tls = TlsIdentity { certificate_der: Vec::new(), key_der: Vec::new().into(), pin: Digest::of(code.as_bytes()) };
    Keys::from_seeds([seeds; 32], [seeds + 1; 32], xwing_from_seed(&[seeds + 2; 32]), tls, &draft)
}

/// A draft for other tests that need to look inside.
pub fn wire_draft() -> CardDraft {
    draft("aa-one", "AA", &[(Lang::En, "Service One")])
}

fn describe(keys: &Keys, seeds: u8) -> Value {
    let print = Fingerprint::of(&keys.service());
    json!({
        "root_seed": hex([seeds; 32]),
        "signing_seed": hex([seeds + 1; 32]),
        "sealing_seed": hex([seeds + 2; 32]),
        "service": keys.service().to_string(),
        "card": hex(keys.card_bytes()),
        "fingerprint": {
            "en": print.words(Lang::En), "fr": print.words(Lang::Fr), "es": print.words(Lang::Es), "pt": print.words(Lang::Pt),
            "digits": print.digits(),
        },
    })
}

fn signed(verified: &Verified) -> Value {
    json!({ "typ": verified.typ().media_type(), "payload": hex(verified.payload()), "signed": hex(verified.bytes()) })
}

/// Writes the whole file around a recorded parcel.
fn golden(ours: &Keys, theirs: &Keys, parcel: &[u8]) -> Value {
    let id = Parcel::parse(parcel, 1 << 16).unwrap().id();
    let mut frontier = Frontier::new();
    let leaves: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; usize::from(n)]).collect();
    leaves.iter().for_each(|leaf| frontier.append(leaf_hash(leaf), |_, _, _| {}));
    let receipt = Receipt {
        version: 1,
        parcel: id,
        from: theirs.service(),
        to: ours.service(),
        at: Instant::new(AT.plus_ms(2000), "Europe/Madrid").unwrap(),
        entries: vec![
            ReceiptEntry { act: ActId::from(Digest::of(b"act 1")), held: Held::Held { at: AT.plus_ms(1500) } },
            ReceiptEntry { act: ActId::from(Digest::of(b"act 2")), held: Held::Refused { code: "peer.seal.signature".to_owned() } },
        ],
        ledger_size: frontier.size(),
        ledger_root: frontier.root(),
        number: 7,
    };
    let task = ours.revocation(1, AT.plus_ms(4000), Reason::Suspected, AT.plus_ms(5000)).unwrap();
    let request = RootRequest { version: REQUEST_VERSION, service: ours.service(), tasks: vec![task] };
    let revocation = ours.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec();
    let succession = ours.succeed(theirs.service(), AT.plus_ms(6000)).unwrap();
    let act = ActId::from(Digest::of(ACT));
    let receipt = receipt.sign(theirs);
    // The recipient's volume that brings the receipt back, and the sender's that brought the parcel.
    let (mut out, mut there) = CarryVolume::begin(ours, theirs.service(), 1, AT.plus_ms(1200), &Cards::first(ours.card_bytes()).unwrap());
    there.extend(out.parcel(parcel));
    there.extend(out.end(ours, true));
    let (mut out, mut back) = CarryVolume::begin(theirs, ours.service(), 1, AT.plus_ms(2500), &Cards::first(theirs.card_bytes()).unwrap());
    back.extend(out.receipt(7, receipt.bytes()));
    back.extend(out.end(theirs, true));
    // The sender's ledger was put back to those five leaves; the recipient answers what it holds.
    let restored = Restored {
        version: 1,
        service: ours.service(),
        nonce: [7; 16],
        at: Instant::new(AT.plus_ms(5000), "Africa/Casablanca").unwrap(),
        copied: AT.plus_ms(4000),
        size: frontier.size(),
        root: frontier.root(),
    };
    let restored = restored.sign(ours);
    let note = Checkpoint::sign(ours, frontier.size(), frontier.root());
    let line = Checkpoint { origin: ours.service(), size: frontier.size(), root: frontier.root() }.cosign(theirs, AT.plus_ms(3000));
    let dossier = Digest::of(b"dossier").into();
    let recovered = Recovered {
        version: 1,
        restored: Digest::of(restored.bytes()),
        from: theirs.service(),
        to: ours.service(),
        at: Instant::new(AT.plus_ms(6000), "Europe/Madrid").unwrap(),
        page: 0,
        pages: 1,
        chains: vec![ChainEnd { dossier, author: ours.service(), seq: 3, act: ActId::from(Digest::of(b"act 3")) }],
        number: 7,
        cosigned_size: frontier.size(),
        cosigned_root: frontier.root(),
        checkpoint: Some(format!("{note}{line}")),
        witnessed: None,
        receipt: None,
        cards: vec![ours.card_bytes().to_vec().into()],
    };
    let recovered = recovered.sign(theirs);
    let checkpoint = Checkpoint { origin: ours.service(), size: frontier.size(), root: frontier.root() };
    json!({
        "about": "Entente wire objects, version 1, of two services that exist in this file only. Seeds: Ed25519 (RFC 8032) for root and signing, \
                  X-Wing (32 bytes) for sealing. Bytes in hexadecimal. Cards, signatures and notes follow from seeds and contents; \
                  the parcel was sealed with fresh randomness and recorded.",
        "sender": describe(ours, 0x10),
        "recipient": describe(theirs, 0x20),
        "act": signed(&ours.sign(Typ::Act, ACT)),
        "parcel": { "number": 7, "at": AT.0 + 1000, "plaintext": hex(PLAINTEXT), "id": id.to_string(), "bytes": hex(parcel) },
        "receipt": signed(&receipt),
        "root_request": hex(base::cbor::to_vec(&request)),
        "revocation": { "signed": hex(&revocation) },
        "attestations": [
            signed(&Attestation::sign(ours, act, Word::Mine, AT.plus_ms(5500))),
            signed(&Attestation::sign(ours, act, Word::NotMine, AT.plus_ms(5500))),
            signed(&Attestation::sign(theirs, act, Word::Held { since: AT.plus_ms(1500) }, AT.plus_ms(5500))),
        ],
        "succession": signed(&succession),
        "succession_countersigned": signed(&theirs.sign(Typ::Succession, succession.payload())),
        "carry": { "there": hex(there), "back": hex(back) },
        "restored": signed(&restored),
        "recovered": signed(&recovered),
        "ledger": { "leaves": leaves.iter().map(hex).collect::<Vec<_>>(), "root": frontier.root().to_string(), "frontier": hex(frontier.to_bytes()) },
        "checkpoint": Checkpoint::sign(ours, frontier.size(), frontier.root()),
        "cosignature": checkpoint.cosign(theirs, AT.plus_ms(3000)),
    })
}

#[test]
fn our_wire_objects_are_what_we_published() {
    let ours = service("aa-one", "AA", &[(Lang::En, "Service One"), (Lang::Ar, "المصلحة الأولى")], 0x10);
    let theirs = service("zz-two", "ZZ", &[(Lang::Es, "Servicio Dos"), (Lang::Fr, "Service Deux")], 0x20);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let to = Cards::first(theirs.card_bytes()).unwrap();
        // The recorded parcel stays as long as it opens; a new object beside it is no reason to publish another.
        let recorded = std::fs::read_to_string(PATH).ok().and_then(|t| serde_json::from_str::<Value>(&t).ok());
        let recorded = recorded.map(|f| unhex(f["parcel"]["bytes"].as_str().unwrap()));
        let opens = |p: &Vec<u8>| Parcel::parse(&p[..], 1 << 16).is_ok_and(|p| p.open(&Cards::first(ours.card_bytes()).unwrap(), &theirs).is_ok());
        let parcel = recorded.filter(opens).unwrap_or_else(|| seal_parcel(&ours, to.latest(), 7, AT.plus_ms(1000), PLAINTEXT).unwrap().bytes);
        let text = serde_json::to_string_pretty(&golden(&ours, &theirs, &parcel)).unwrap();
        std::fs::write(PATH, text + "\n").unwrap();
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(PATH).expect("run once with UPDATE_VECTORS=1")).unwrap();
    let parcel = unhex(file["parcel"]["bytes"].as_str().unwrap());
    assert_eq!(file, golden(&ours, &theirs, &parcel), "run with UPDATE_VECTORS=1 if the wire was changed on purpose");

    // What is published can be read with nothing but the file.
    let bytes = |object: &str, field: &str| unhex(file[object][field].as_str().unwrap());
    let (sender, recipient) = (Cards::first(&bytes("sender", "card")).unwrap(), Cards::first(&bytes("recipient", "card")).unwrap());
    let opened = Parcel::parse(&parcel[..], 1 << 16).unwrap().open(&sender, &theirs).unwrap();
    assert_eq!((opened.plaintext(), opened.number, opened.at, opened.from), (PLAINTEXT, 7, AT.plus_ms(1000), ours.service()));
    let act = Signed::parse(&bytes("act", "signed"), Typ::Act, 1 << 16).unwrap().verify(&sender, AT).unwrap();
    assert_eq!(act.payload(), ACT);
    let (receipt, _) = Receipt::read(&bytes("receipt", "signed"), &recipient).unwrap();
    assert_eq!((receipt.parcel, receipt.entries.len()), (opened.id, 2));
    let revocation = bytes("revocation", "signed");
    let mut revoked = sender.clone();
    assert_eq!(revoked.revoke(&revocation), Ok(true));
    assert_eq!(Revocation::read(&revocation).unwrap().since, AT.plus_ms(4000));
    assert_eq!(revoked.judge(1, AT).unwrap_err().code(), "peer.seal.card-revoked");
    let word = unhex(file["attestations"][2]["signed"].as_str().unwrap());
    assert_eq!(Attestation::read(&word, &recipient).unwrap().0.word, Word::Held { since: AT.plus_ms(1500) });
    let (succession, _) = Succession::read(&bytes("succession", "signed")).unwrap();
    assert!(succession.countersigned(&bytes("succession_countersigned", "signed"), &recipient).is_ok());
    for (way, from, records) in [("there", &sender, 1), ("back", &recipient, 1)] {
        let mut reader = CarryReader::new(1 << 16);
        reader.push(&bytes("carry", way));
        let Ok(Some(CarryPart::Head(head))) = reader.part() else { panic!("{way} has no head") };
        head.verify(from).unwrap();
        match reader.part() {
            Ok(Some(CarryPart::Parcel(carried))) => assert_eq!((way, carried), ("there", parcel.clone())),
            Ok(Some(CarryPart::Receipt { number, receipt })) => assert_eq!((way, number, receipt), ("back", 7, bytes("receipt", "signed"))),
            other => panic!("{way}: {other:?}"),
        }
        let Ok(Some(CarryPart::End(end))) = reader.part() else { panic!("{way} has no end") };
        assert_eq!((end.verify(&head, from), end.last, reader.records(), reader.finish()), (Ok(()), true, records, Ok(())));
    }
    let (restored, _) = Restored::read(&bytes("restored", "signed"), &sender).unwrap();
    let (recovered, _) = Recovered::read(&bytes("recovered", "signed"), &recipient).unwrap();
    assert_eq!((restored.size, recovered.restored, recovered.chains.len()), (5, Digest::of(&bytes("restored", "signed")), 1));
    let note = file["checkpoint"].as_str().unwrap().to_owned();
    let checkpoint = Checkpoint::read(&note, &sender, AT).unwrap();
    let cosigned = note + file["cosignature"].as_str().unwrap();
    assert_eq!(checkpoint.cosigned_by(&cosigned, &recipient), Ok(AT.plus_ms(3000)));
}
