//! Rules of mechanisms: expressions in CEL (Common Expression Language) that read stances and say yes or no.
//!
//! Mechanism files come from partners, so length and nesting are bounded before the parser sees them.

use cel::{Context, Env, Program, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

/// Bytes that a rule may have.
pub const RULE_BYTES_MAX: usize = 600;
/// Brackets that may stand inside one another.
pub const RULE_DEPTH_MAX: usize = 12;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A compiled rule.
pub struct Rule {
    source: String,
    program: Program,
    names: BTreeSet<String>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({})", self.source)
    }
}

/// What a rule may read; names that a rule does not use are not built.
#[derive(Default)]
pub struct Facts<'a> {
    /// States of the parties of each role, in the dossier's order of parties.
    pub roles: BTreeMap<&'a str, Vec<&'a str>>,
    /// States of all parties that hold a stance, in the same order.
    pub parties: Vec<&'a str>,
    /// Child items by kind and phase.
    pub items: BTreeMap<&'a str, BTreeMap<&'a str, i64>>,
    /// The same, counting only the children that the party in question opened.
    pub own_items: BTreeMap<&'a str, BTreeMap<&'a str, i64>>,
    /// The state of the party in question.
    pub me: &'a str,
    /// The name of the party in question.
    pub this: String,
    /// The party that opened the item.
    pub opener: String,
    /// The phase of the parent item; empty for the root.
    pub parent: &'a str,
    /// Fields of the move.
    pub field: HashMap<String, Value>,
    /// Fields with which the item was opened.
    pub item: HashMap<String, Value>,
    /// The act's own time, milliseconds since 1970.
    pub at: i64,
}

/// The names that rules can use besides roles; a role may not take one of them.
pub const NAMES: [&str; 10] = ["parties", "items", "own_items", "me", "this", "opener", "parent", "field", "item", "at"];

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
        let program = Program::compile(source).map_err(|e| e.to_string())?;
        let names: BTreeSet<String> = program.references().variables().iter().map(|n| n.to_string()).collect();
        // Variables of macros such as all(s, …) are listed too; by convention they have one letter.
        let known = |n: &str| NAMES.contains(&n) || roles.contains(&n) || n.len() == 1;
        if let Some(n) = names.iter().find(|n| !known(n)) {
            return Err(format!("'{n}' is neither a role nor a name that rules can read"));
        }
        Ok(Rule { source: source.to_owned(), program, names })
    }

    /// Returns the text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Tells whether the rule reads a name.
    pub fn reads(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Tells whether the rule reads more than stances and counts, so that the checker takes it both ways.
    pub fn reads_fields(&self) -> bool {
        ["field", "item", "at", "this", "opener", "parent"].iter().any(|n| self.reads(n))
    }

    /// Tells whether the rule mentions a word, for example a child kind.
    pub fn mentions(&self, word: &str) -> bool {
        self.source.contains(word)
    }

    /// Evaluates the rule; anything that is not plainly true or false is an error.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(&ENV));
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
                "this" => facts.this.as_str().into(),
                "opener" => facts.opener.as_str().into(),
                "parent" => facts.parent.into(),
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

fn list(states: &[&str]) -> Value {
    Value::List(Arc::new(states.iter().map(|s| Value::from(*s)).collect()))
}

fn counts(kinds: &BTreeMap<&str, BTreeMap<&str, i64>>) -> Value {
    let inner = |phases: &BTreeMap<&str, i64>| -> Value { phases.iter().map(|(p, n)| (p.to_string(), Value::Int(*n))).collect::<HashMap<_, _>>().into() };
    kinds.iter().map(|(k, phases)| (k.to_string(), inner(phases))).collect::<HashMap<String, Value>>().into()
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
    fn hostile_rules_are_refused_before_they_are_parsed() {
        for bad in ["(".repeat(13), "!".repeat(40), "x".repeat(601), "requsted == 1".into(), "1 +".into()] {
            assert!(Rule::compile(&bad, &["requested"]).is_err(), "{bad}");
        }
    }
}
