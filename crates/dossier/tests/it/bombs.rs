//! Mechanism files that are meant to hurt whoever reads them: nesting, length, repetition. Each is refused, quickly and on a small stack.

use crate::engine::labelled;
use dossier::{Mechanism, check, check_within};
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

/// A mechanism of many parties and states, each reached from each, with a rule before every step.
fn large(parties: usize, states: usize, roles: usize) -> Mechanism {
    let names: Vec<String> = (0..states).map(|n| format!("s{n}")).collect();
    let list = names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
    let mut file = "id = \"large\"\nversion = 1\nretention_days = 30\nlabel = @\"Large\"\nabout = @\"Large.\"\n".to_owned();
    for r in 0..roles {
        let min = if r == 0 { parties } else { 0 };
        file += &format!("[[role]]\nid = \"role{r}\"\nmin = {min}\nmax = 12\nlabel = @\"Role\"\n");
    }
    file += "[[item]]\nid = \"thing\"\nopened_by = [\"role0\"]\nofficer = [\"desk\"]\nlabel = @\"Thing\"\n";
    file += "[[item.field]]\nid = \"reference\"\ntype = \"line\"\nlabel = @\"Reference\"\n";
    file += "[[item.stance]]\nrole = \"role0\"\ninitial = \"s0\"\n";
    file += &names.iter().map(|n| format!("[[item.stance.state]]\nid = \"{n}\"\nlabel = @\"State\"\n")).collect::<String>();
    for n in &names {
        let rule = "'parties.all(s, parties.all(t, s == t || s != t))'";
        file += &format!(
            "[[item.move]]\nid = \"to_{n}\"\nrole = \"role0\"\nfrom = [{list}]\nto = \"{n}\"\nofficer = [\"desk\"]\nlabel = @\"Go\"\nguard = {rule}\nwhy_not = @\"Not now\"\n"
        );
    }
    file += "[[item.phase]]\nid = \"over\"\nrule = 'true'\nfinal = true\nlabel = @\"Over\"\n";
    Mechanism::parse(labelled(&file).as_bytes()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_mechanism_that_never_ends_to_be_proved_is_given_up() {
    // Twelve parties in twelve states: more combinations than anybody lives to see, and as many earlier states behind each.
    let began = Instant::now();
    let report = check_within(&large(12, 12, 1), 100_000);
    assert!(report.too_large && !report.proved(), "{report:?}");
    let configurations = check(&large(2, 2, 12));
    assert!(configurations.too_large && configurations.work < 1000, "twelve roles of up to three parties each are too many already: {configurations:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_rule_goes_over_lists_within_lists_two_deep() {
    let good = std::str::from_utf8(dossier::shipped().iter().find(|m| m.id == "accord").unwrap().bytes()).unwrap().to_owned();
    let with = |rule: &str| good.replacen("rule = 'party.all(s, s == \"signed\")'", &format!("rule = '{rule}'"), 1);
    let read = |rule: &str| Mechanism::parse(with(rule).as_bytes()).map(drop).map_err(|e| e.code());
    assert_eq!(read("party.all(s, party.exists(t, s == t))"), Ok(()));
    for rule in ["party.all(s, party.exists(t, party . map (u, u).size() > 0))", "party.filter(s, party.all(t, party.all(u, u == t))).size() == 0"] {
        assert!(read(rule).is_err(), "each more multiplies the work by the length of a list: {rule}");
    }
}
