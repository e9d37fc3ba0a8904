//! Rules of mechanisms: expressions in CEL (Common Expression Language) that read stances and say yes or no.
//!
//! Mechanism files come from partners, so length and nesting are bounded before the parser sees them. Besides the language's
//! own macros, rules have a few words for what services agree on: `count`, `quorum`, `majority`, `two_thirds`, `unanimous`, `some`.

use cel::{Context, Env, Program, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

/// Bytes that a rule may have.
pub const RULE_BYTES_MAX: usize = 600;
/// Brackets that may stand inside one another.
pub const RULE_DEPTH_MAX: usize = 12;
/// How deep words that go over a list may stand in one another: each multiplies the work by the list's length.
pub const RULE_LOOPS_MAX: usize = 2;
/// Words that go over a list.
const LOOPS: [&str; 5] = ["all", "exists", "exists_one", "map", "filter"];

type List = Arc<Vec<Value>>;

/// Counts the stances in a list that are in one of some states.
fn count(stances: &List, states: &List) -> i64 {
    stances.iter().filter(|s| states.contains(s)).count() as i64
}

/// The context that every rule is evaluated in: the standard language and the words of agreement.
static BASE: LazyLock<Context<'static, 'static>> = LazyLock::new(|| {
    let mut c = Context::with_env(Arc::new(Env::stdlib()));
    let added = [
        c.add_function("count", |stances: List, states: List| count(&stances, &states)),
        c.add_function("quorum", |stances: List, states: List, n: i64| count(&stances, &states) >= n),
        c.add_function("majority", |stances: List, states: List| 2 * count(&stances, &states) > stances.len() as i64),
        c.add_function("two_thirds", |stances: List, states: List| 3 * count(&stances, &states) >= 2 * stances.len() as i64),
        c.add_function("unanimous", |stances: List, states: List| !stances.is_empty() && count(&stances, &states) == stances.len() as i64),
        c.add_function("some", |stances: List, states: List| count(&stances, &states) > 0),
    ];
    assert!(added.iter().all(Result::is_ok), "the words of agreement are no words of the language itself");
    c
});

/// The words that rules can call besides the language's own.
pub const WORDS: [&str; 6] = ["count", "quorum", "majority", "two_thirds", "unanimous", "some"];

/// A compiled rule.
pub struct Rule {
    source: String,
    program: Program,
    names: BTreeSet<String>,
    weight: u64,
    counted: Vec<(String, Option<String>)>,
    asked: Option<Vec<(String, Vec<String>)>>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({})", self.source)
    }
}

/// A party's stance with what it stated in its moves, for rules that read contents.
pub struct Said<'a> {
    /// The party.
    pub party: String,
    /// Its role.
    pub role: &'a str,
    /// Its state.
    pub state: &'a str,
    /// The voices above that it has.
    pub voices: Vec<&'a str>,
    /// The latest value of each field that it stated in its moves on the item.
    pub said: HashMap<String, Value>,
}

/// What a rule may read; names that a rule does not use are not built.
#[derive(Default)]
pub struct Facts<'a> {
    /// States of the parties of each role, and of those that have each voice above, in the dossier's order of parties.
    pub roles: BTreeMap<&'a str, Vec<&'a str>>,
    /// States of all parties that hold a stance, in the same order.
    pub parties: Vec<&'a str>,
    /// Child items by kind and phase.
    pub items: BTreeMap<&'a str, BTreeMap<&'a str, i64>>,
    /// The same, counting only the children that the party in question opened.
    pub own_items: BTreeMap<&'a str, BTreeMap<&'a str, i64>>,
    /// The state of the party in question.
    pub me: &'a str,
    /// States of the parties of the same role that stand before the party in question, nearest last.
    pub before: Vec<&'a str>,
    /// States of the parties of the same role that stand after it, nearest first.
    pub after: Vec<&'a str>,
    /// Whether the party in question opened the item.
    pub mine: bool,
    /// The name of the party in question.
    pub this: String,
    /// The party that opened the item.
    pub opener: String,
    /// The phase of the parent item; empty for the root.
    pub parent: &'a str,
    /// Everybody's stances with what they stated.
    pub stances: Vec<Said<'a>>,
    /// What the party in question stated in its earlier moves on the item.
    pub said: HashMap<String, Value>,
    /// Fields of the move.
    pub field: HashMap<String, Value>,
    /// Fields with which the item was opened.
    pub item: HashMap<String, Value>,
    /// The act's own time, milliseconds since 1970.
    pub at: i64,
}

/// The names that rules can use besides roles; a role may not take one of them.
pub const NAMES: [&str; 15] =
    ["parties", "items", "own_items", "me", "before", "after", "mine", "this", "opener", "parent", "stances", "said", "field", "item", "at"];
/// Those that read contents, names or time: the checker, which knows none of these, takes a rule that reads one both ways.
const CONTENTS: [&str; 8] = ["field", "item", "at", "this", "opener", "parent", "stances", "said"];

impl Rule {
    /// Compiles a rule, refusing what is too long, too deep, or reads names that do not exist.
    pub fn compile(source: &str, roles: &[&str]) -> Result<Rule, String> {
        if source.len() > RULE_BYTES_MAX {
            return Err(format!("a rule has at most {RULE_BYTES_MAX} bytes"));
        }
        let mut depth = 0usize;
        for c in source.chars() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > RULE_DEPTH_MAX {
                return Err(format!("a rule nests at most {RULE_DEPTH_MAX} brackets"));
            }
        }
        if source.contains("!!") || source.contains("--") {
            return Err("a rule repeats no sign".to_owned());
        }
        let loops = loops(source);
        if loops > RULE_LOOPS_MAX {
            return Err(format!("a rule goes over lists within lists at most {RULE_LOOPS_MAX} deep"));
        }
        // Names in place of an evaluation: how often its innermost words are read at most.
        let list = source.matches(',').count().max(crate::act::PARTIES_MAX) as u64;
        let weight = (20 + source.len() as u64 / 20) * list.pow(loops as u32);
        let program = Program::compile(source).map_err(|e| e.to_string())?;
        let references = program.references();
        let names: BTreeSet<String> = references.variables().iter().map(|n| n.to_string()).collect();
        // Variables of macros such as all(s, …) are listed too; by convention they have one letter.
        let known = |n: &str| NAMES.contains(&n) || roles.contains(&n) || n.len() == 1;
        if let Some(n) = names.iter().find(|n| !known(n)) {
            return Err(format!("'{n}' is neither a role nor a name that rules can read"));
        }
        let callable = |f: &&&str| !f.starts_with(|c: char| c.is_ascii_alphabetic()) || WORDS.contains(*f) || *f == &"size" || *f == &"has";
        if let Some(f) = references.functions().iter().find(|f| !callable(f)) {
            return Err(format!("'{f}' is not a word that rules can call"));
        }
        let lists: Vec<&str> = roles.iter().copied().chain(["parties"]).collect();
        Ok(Rule { source: source.to_owned(), counted: counted(source), asked: asked(source, &lists), program, names, weight })
    }

    /// Returns the text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the work that evaluating the rule takes at most, where one step of the checker is one.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Tells whether the rule reads a name.
    pub fn reads(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Tells whether the rule reads more than stances and counts, so that the checker takes it both ways.
    pub fn reads_contents(&self) -> bool {
        CONTENTS.iter().any(|n| self.reads(n))
    }

    /// Tells whether the rule mentions a word, for example a child kind.
    pub fn mentions(&self, word: &str) -> bool {
        self.source.contains(word)
    }

    /// Lists the child kinds that the rule counts, with the phase; no phase where it reads the kind as a whole.
    pub fn counted(&self) -> &[(String, Option<String>)] {
        &self.counted
    }

    /// Lists what the rule asks of lists of states, if it is nothing but how many of a list are in some states, or how long it is (no
    /// states): where these numbers are the same, the rule says the same. None where it reads a list in another way.
    pub fn asked(&self) -> Option<&[(String, Vec<String>)]> {
        self.asked.as_deref()
    }

    /// Evaluates the rule; anything that is not plainly true or false is an error.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let mut context = BASE.new_inner_scope();
        for (role, states) in &facts.roles {
            if self.reads(role) {
                context.add_variable_from_value(*role, list(states));
            }
        }
        for name in NAMES.iter().filter(|n| self.reads(n)) {
            let value: Value = match *name {
                "parties" => list(&facts.parties),
                "items" => counts(&facts.items),
                "own_items" => counts(&facts.own_items),
                "me" => facts.me.into(),
                "before" => list(&facts.before),
                "after" => list(&facts.after),
                "mine" => Value::Bool(facts.mine),
                "this" => facts.this.as_str().into(),
                "opener" => facts.opener.as_str().into(),
                "parent" => facts.parent.into(),
                "stances" => Value::List(Arc::new(facts.stances.iter().map(stance).collect())),
                "said" => facts.said.clone().into(),
                "field" => facts.field.clone().into(),
                "item" => facts.item.clone().into(),
                _ => Value::Int(facts.at),
            };
            context.add_variable_from_value(*name, value);
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(b)) => Ok(b),
            Ok(_) => Err(format!("'{}' gives neither true nor false", self.source)),
            Err(e) => Err(format!("'{}' cannot be evaluated: {e}", self.source)),
        }
    }
}

/// Counts how deep words that go over lists stand in one another.
fn loops(source: &str) -> usize {
    let (mut open, mut deepest) = (Vec::new(), 0);
    for (at, c) in source.char_indices() {
        match c {
            '(' => {
                let before = source[..at].trim_end();
                open.push(LOOPS.iter().any(|w| before.strip_suffix(w).is_some_and(|b| b.trim_end().ends_with('.'))));
                deepest = deepest.max(open.iter().filter(|l| **l).count());
            }
            ')' => drop(open.pop()),
            _ => {}
        }
    }
    deepest
}

fn list(states: &[&str]) -> Value {
    Value::List(Arc::new(states.iter().map(|s| Value::from(*s)).collect()))
}

fn stance(s: &Said<'_>) -> Value {
    let fields: HashMap<String, Value> = [
        ("party".to_owned(), Value::from(s.party.as_str())),
        ("role".to_owned(), s.role.into()),
        ("state".to_owned(), s.state.into()),
        ("voices".to_owned(), list(&s.voices)),
        ("said".to_owned(), s.said.clone().into()),
    ]
    .into();
    fields.into()
}

fn counts(kinds: &BTreeMap<&str, BTreeMap<&str, i64>>) -> Value {
    let inner = |phases: &BTreeMap<&str, i64>| -> Value { phases.iter().map(|(p, n)| (p.to_string(), Value::Int(*n))).collect::<HashMap<_, _>>().into() };
    kinds.iter().map(|(k, phases)| (k.to_string(), inner(phases))).collect::<HashMap<String, Value>>().into()
}

/// Reads which kinds and phases a rule counts, `items.kind.phase` and `own_items.kind.phase`; an empty kind stands for all.
fn counted(source: &str) -> Vec<(String, Option<String>)> {
    let word = |s: &str| s.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut out = Vec::new();
    for (at, _) in source.match_indices("items") {
        let kind = source[at + 5..].strip_prefix('.').map(word).unwrap_or_default();
        let phase = source[at + 5..].get(kind.len() + 1..).and_then(|r| r.strip_prefix('.')).map(word).filter(|p| !p.is_empty());
        out.push((kind, phase));
    }
    out
}

/// Reads what a rule asks of lists by its words alone, `some(list, ["a", "b"])` and `size(list)`; none if a list is named otherwise.
fn asked(source: &str, lists: &[&str]) -> Option<Vec<(String, Vec<String>)>> {
    let name = |s: &str| s.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let (mut out, mut rest, mut before) = (Vec::new(), source, ' ');
    while let Some(c) = rest.chars().next() {
        if c == '"' || c == '\'' {
            // What stands in quotes names no list.
            rest = &rest[1 + rest[1..].find(c)? + 1..];
            before = c;
            continue;
        }
        let word = name(rest);
        if word.is_empty() {
            before = c;
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let after = &rest[word.len()..];
        let call = if before == '.' { None } else { call(&word, after, lists, name) };
        match call {
            Some((list, states, end)) => {
                out.push((list, states));
                rest = end;
            }
            None if before != '.' && lists.contains(&word.as_str()) => return None,
            None => rest = after,
        }
        before = 'a';
    }
    Some(out)
}

/// Reads one question after its word: the list, the states, and what follows; none if it is of another form.
fn call<'s>(word: &str, after: &'s str, lists: &[&str], name: impl Fn(&str) -> String) -> Option<(String, Vec<String>, &'s str)> {
    let rest = after.trim_start().strip_prefix('(')?.trim_start();
    let list = name(rest);
    let rest = rest[list.len()..].trim_start();
    if !lists.contains(&list.as_str()) {
        return None;
    }
    if word == "size" {
        return Some((list, Vec::new(), rest.strip_prefix(')')?));
    }
    let (inside, end) = rest.strip_prefix(',')?.trim_start().strip_prefix('[')?.split_once(']')?;
    let quoted = |s: &str| s.trim().strip_prefix('"')?.strip_suffix('"').filter(|s| !s.contains('"')).map(str::to_owned);
    let states = inside.split(',').map(quoted).collect::<Option<Vec<_>>>()?;
    WORDS.contains(&word).then_some((list, states, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_stances_and_counts() {
        let mut facts = Facts { me: "open", ..Facts::default() };
        facts.roles.insert("requested", vec!["answered", "refused"]);
        facts.items.insert("clarification", [("pending", 1)].into_iter().collect());
        let holds = |s: &str| Rule::compile(s, &["requested"]).unwrap().holds(&facts);
        assert_eq!(holds(r#"requested.all(s, s in ["answered", "refused"]) && me == "open""#), Ok(true));
        assert_eq!(holds("items.clarification.pending > 1"), Ok(false));
        assert!(holds("items.task.pending > 1").is_err(), "an unknown kind is an error, not a guess");
        assert!(holds("requested").is_err());
    }

    #[test]
    fn words_of_agreement_count_stances() {
        let facts = Facts { parties: vec!["agreed", "agreed", "open", "against"], ..Facts::default() };
        let holds = |s: &str| Rule::compile(s, &[]).unwrap().holds(&facts).unwrap();
        let picture: Vec<&str> = [
            r#"count(parties, ["agreed"]) == 2"#,
            r#"quorum(parties, ["agreed"], 2)"#,
            r#"quorum(parties, ["agreed"], 3)"#,
            r#"majority(parties, ["agreed"])"#,
            r#"majority(parties, ["agreed", "open"])"#,
            r#"two_thirds(parties, ["agreed"])"#,
            r#"two_thirds(parties, ["agreed", "open"])"#,
            r#"unanimous(parties, ["agreed"])"#,
            r#"unanimous(parties, ["agreed", "open", "against"])"#,
            r#"some(parties, ["against"])"#,
        ]
        .into_iter()
        .filter(|s| holds(s))
        .map(|s| s.split('(').next().unwrap())
        .collect();
        assert_eq!(picture, ["count", "quorum", "majority", "two_thirds", "unanimous", "some"]);
        assert!(!Rule::compile(r#"unanimous(before, ["agreed"])"#, &[]).unwrap().holds(&facts).unwrap(), "nobody is not all");
    }

    #[test]
    fn rules_say_what_they_count() {
        let rule = Rule::compile("items.task.open + own_items.note.count > 0 && size(items.risk) > 0", &[]).unwrap();
        let pair = |k: &str, p: &str| (k.to_owned(), (!p.is_empty()).then(|| p.to_owned()));
        assert_eq!(rule.counted(), [pair("task", "open"), pair("note", "count"), pair("risk", "")]);
    }

    #[test]
    fn rules_say_what_they_ask_of_lists_or_that_they_read_them_otherwise() {
        let asked = |s: &str| Rule::compile(s, &["host", "guest"]).unwrap().asked().map(|a| a.to_vec());
        let of = |list: &str, states: &[&str]| (list.to_owned(), states.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        let plain = r#"!some(host, ["a", "b"]) && size(guest) > 0 && quorum(parties, ["host"], 2) && items.note.count == 0 && me == "guest""#;
        assert_eq!(asked(plain), Some(vec![of("host", &["a", "b"]), of("guest", &[]), of("parties", &["host"])]), "in quotes it is a state");
        assert_eq!(asked(r#"mine && at > 0"#), Some(Vec::new()));
        for otherwise in [r#"host.all(s, s == "a")"#, r#"host[0] == "a""#, r#"some(host, ["a"]) && guest == ["b"]"#, r#"count(host, [me]) > 0"#] {
            assert_eq!(asked(otherwise), None, "{otherwise}");
        }
    }

    #[test]
    fn hostile_rules_are_refused_before_they_are_parsed() {
        for bad in ["(".repeat(13), "!".repeat(40), "x".repeat(601), "requsted == 1".into(), "quorom(requested, 1)".into(), "1 +".into()] {
            assert!(Rule::compile(&bad, &["requested"]).is_err(), "{bad}");
        }
    }
}
