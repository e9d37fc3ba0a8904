//! Mechanism files that are meant to hurt whoever reads them: nesting, length, repetition. Each is refused, quickly and on a small stack.

use dossier::Mechanism;
use std::time::{Duration, Instant};

/// A quarter of what threads that read foreign files have.
const STACK_BYTES: usize = 512 * 1024;

/// Reads a file on a small stack and returns the code of its refusal; a stack that runs over would end the whole test program.
fn refused(what: &str, file: String) -> String {
    let began = Instant::now();
    let reading =
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || Mechanism::parse(file.as_bytes()).map(|_| ()).map_err(|e| e.code())).unwrap();
    let code = reading.join().unwrap().expect_err(what).to_owned();
    assert!(began.elapsed() < Duration::from_secs(5), "{what}: {:?}", began.elapsed());
    code
}

#[test]
fn deep_and_long_toml_is_refused() {
    for (what, file) in [
        ("arrays in arrays", format!("a = {}{}", "[".repeat(50_000), "]".repeat(50_000))),
        ("tables in tables", format!("a = {}1{}", "{ a = ".repeat(20_000), " }".repeat(20_000))),
        ("a key of many parts", format!("{} = 1", vec!["a"; 30_000].join("."))),
        ("a table's name of many parts", format!("[{}]", vec!["a"; 30_000].join("."))),
        ("an array that never ends", "a = [".repeat(20_000)),
        ("more bytes than a file may have", format!("id = \"{}\"", "x".repeat(20 << 20))),
    ] {
        let code = refused(what, file);
        assert!(code.starts_with("refusal.mechanism."), "{what}: {code}");
    }
}

#[test]
fn rules_that_nest_or_repeat_without_brackets_are_refused_or_harmless() {
    let good = std::str::from_utf8(dossier::shipped().iter().find(|m| m.id == "accord").unwrap().bytes()).unwrap().to_owned();
    let with = |rule: &str| good.replacen("rule = 'party.all(s, s == \"signed\")'", &format!("rule = '{rule}'"), 1);
    assert_ne!(with("x"), good, "the rule is found in the file");
    for rule in [
        "!".repeat(590),
        "-".repeat(590),
        "!-".repeat(290) + "1",
        "! ".repeat(290) + "true",
        "- ".repeat(290) + "1",
        "(".repeat(300) + &")".repeat(290),
        "[".repeat(300) + &"]".repeat(290),
        "true?".repeat(100) + "true" + &":1".repeat(80),
        "true?true:".repeat(58) + "true",
        "1+".repeat(298) + "1",
        "me".to_owned() + &".a".repeat(290),
        "party.all(s,".repeat(45) + "true" + &")".repeat(40),
        "true&&".repeat(98) + "true",
        "\"".to_owned() + &"\\\\".repeat(290),
        "x".repeat(100_000),
    ] {
        let file = with(&rule);
        let began = Instant::now();
        let reading = std::thread::Builder::new().stack_size(STACK_BYTES * 4).spawn(move || drop(Mechanism::parse(file.as_bytes()))).unwrap();
        assert!(reading.join().is_ok(), "{}…", &rule[..10]);
        assert!(began.elapsed() < Duration::from_secs(5), "{}… took {:?}", &rule[..10], began.elapsed());
    }
}
