//! The golden matrix: for every item kind, stance and role, which moves lead where; what a jurist reads in a diff.

use crate::guard::role_name;
use crate::mechanism::{Clock, Mechanism, OfficerRole, Start};
use base::Lang;
use std::fmt::Write;

/// Writes the matrix of a mechanism as text, with labels in one language.
pub fn matrix(mechanism: &Mechanism, lang: Lang) -> String {
    let mut out = String::new();
    let m = mechanism;
    let _ = writeln!(out, "{} version {} — {}", m.id, m.version, m.label.get(lang));
    let _ = writeln!(out, "{}", m.about.get(lang));
    for r in &m.roles {
        let order = if r.ordered { ", in order" } else { "" };
        let _ = writeln!(out, "role {} ({}..{}{order}) — {}", r.id, r.min, r.max, r.label.get(lang));
    }
    let _ = writeln!(out, "kept {} days after the end unless the accord says otherwise", m.retention_days);
    for k in &m.items {
        let within = k.parent.as_ref().map(|p| format!(" within {p}")).unwrap_or_default();
        let _ = writeln!(out, "\n{}{within} — {}", k.id, k.label.get(lang));
        let when = if k.open_in.is_empty() { String::new() } else { format!(" in {}", k.open_in.join(", ")) };
        let outlives = if k.outlives { ", also after the end" } else { "" };
        let most = k.most_each.map(|n| format!(", at most {n} by each")).unwrap_or_default();
        let nests = if k.nests > 0 { format!(", {} deep within itself", k.nests) } else { String::new() };
        let only = self::only(k.only.as_ref());
        let _ = writeln!(out, "  opened by {}{only}{when}{outlives}{most}{nests}: {}", k.opened_by.join(", "), people(&k.officer, &k.four_eyes));
        for s in &k.voices {
            let states = s.states.iter().map(|(role, states)| format!("{role} {}", states.join(" or "))).collect::<Vec<_>>().join("; ");
            let _ = writeln!(out, "  voice {}: {states} — {}", s.id, s.label.get(lang));
        }
        for n in &k.nevers {
            let _ = writeln!(out, "  never {}: {}", n.id, n.rule.source());
        }
        for p in &k.phases {
            let per = p.per.as_ref().map(|r| format!(" of each {r}")).unwrap_or_default();
            let end = if p.ends { " (end)" } else { "" };
            let _ = writeln!(out, "  phase {}{per}{end}: {}", p.id, p.rule.source());
        }
        for s in &k.stances {
            for st in &s.states {
                let begins = if st.id == s.initial { " (begins)" } else { "" };
                let opener = if s.opener_initial.as_ref() == Some(&st.id) { " (the opener begins)" } else { "" };
                let only = if s.opener_only { " (opener only)" } else { "" };
                let _ = writeln!(out, "  {}{only} · {}{begins}{opener}", s.role, st.id);
                for mv in k.moves.iter().filter(|mv| mv.role == s.role && mv.from.contains(&st.id)) {
                    let guard = mv.guards.iter().map(|g| g.source()).collect::<Vec<_>>().join(" and ");
                    let guard = if guard.is_empty() { guard } else { format!(" if {guard}") };
                    let step_up = if mv.step_up { ", presence proved again" } else { "" };
                    let only = self::only(mv.only.as_ref());
                    let _ = writeln!(out, "    {} -> {}{only}: {}{step_up}{guard}", mv.id, mv.to, people(&mv.officer, &mv.four_eyes));
                }
            }
        }
        for c in &k.clocks {
            let _ = writeln!(out, "  clock {} runs in {}: {} answers, {}", c.id, c.runs_in.join(", "), answers(c), length(c));
        }
    }
    out
}

fn only(voice: Option<&String>) -> String {
    voice.map(|s| format!(" (only {s})")).unwrap_or_default()
}

fn people(first: &[OfficerRole], second: &[OfficerRole]) -> String {
    let names = |roles: &[OfficerRole]| roles.iter().map(role_name).collect::<Vec<_>>().join(" or ");
    if second.is_empty() { names(first) } else { format!("{}, approved by {}", names(first), names(second)) }
}

fn answers(c: &Clock) -> String {
    c.answers_field.as_ref().map_or(c.answers.clone(), |f| format!("{} named in {f}", c.answers))
}

fn length(c: &Clock) -> String {
    let from = if c.start == Start::Receipt { "from receipt" } else { "from the act" };
    let mut parts: Vec<String> = c.lengths.iter().map(|(code, l)| format!("{code} {l}")).collect();
    parts.extend(c.length.map(|l| l.to_string()));
    parts.extend(c.until_field.as_ref().map(|f| format!("until {f}")));
    parts.extend(c.extended_by.as_ref().map(|e| format!("put off by {} {} until {}", e.item, e.phase, e.field)));
    let paused = if c.paused_in.is_empty() { String::new() } else { format!(", paused in {}", c.paused_in.join(", ")) };
    format!("{} {from}{paused}", parts.join(", else "))
}
