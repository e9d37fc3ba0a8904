//! The guard: may this act be, judged on exactly the state that its author had seen? One guard for both ways in.
//!
//! 1 author and officer, 2 the deed's place in the mechanism, 3 four eyes, 4 the ends, 5 form, handling, 6 the rule.

use crate::accord::Terms;
use crate::act::{Act, Body, Deed, Opening, PARTIES_MAX, Signatory};
use crate::field::{Field, FieldFault, FieldType, check_form};
use crate::mechanism::{ItemKind, Mechanism, OfficerRole};
use crate::state::{Item, State};
use crate::value::Value;
use base::{ExhibitId, HandlingRefusal};
use std::collections::BTreeMap;

/// Items that a dossier may hold.
pub const ITEMS_MAX: usize = 50_000;
/// Exhibits that one act may name.
pub const EXHIBITS_MAX: usize = 20;
/// Exhibits that the acts of one dossier may name.
pub const DOSSIER_EXHIBITS_MAX: usize = 10_000;

/// The rules say no: ordinary business, kept and shown with its remedy; an act refused so folds to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The author is not a party.
    #[error("its author is not a party of this dossier")]
    NotParty,
    /// The opening does not fit its mechanism.
    #[error("the opening does not fit the mechanism: {0}")]
    Opening(&'static str),
    /// No accord in force permits the opening.
    #[error("the accord does not permit this: {0}")]
    Accord(&'static str),
    /// There is no such item, as far as the author had seen.
    #[error("there is no such item yet; wait for it or look at the dossier again")]
    UnknownItem,
    /// The mechanism has no such kind here.
    #[error("the mechanism has no item of this kind here")]
    UnknownKind,
    /// The mechanism gives this role no such move.
    #[error("your role has no such move on this item")]
    UnknownMove,
    /// The stance is in another state.
    #[error("your stance is '{0}', and from there the move does not lead on")]
    WrongState(String),
    /// The item or its dossier has ended.
    #[error("this has come to its end; open a new dossier that follows from it")]
    Ended,
    /// The parent's phase does not allow it.
    #[error("not in this phase of the dossier")]
    WrongPhase,
    /// The item stands within as many of its kind as the mechanism allows.
    #[error("items of this kind do not nest any deeper; open it higher up")]
    TooDeep,
    /// The author has no voice above, or no longer, that the move or the opening is for.
    #[error("your service does not take part, or no longer, in what this belongs to")]
    Voice,
    /// The author opened as many of the kind here as the mechanism allows.
    #[error("you have opened as many of these here as the mechanism allows")]
    TooMany,
    /// The officer's role does not suffice.
    #[error("your role as an officer does not allow this; ask one of: {0}")]
    OfficerRole(String),
    /// A second officer is needed, or the one named does not do.
    #[error("a second officer must approve this; ask one of: {0}")]
    FourEyes(String),
    /// The rule of the move does not hold.
    #[error("{0}")]
    Guard(String),
    /// The form is not filled as the mechanism asks.
    #[error(transparent)]
    Field(#[from] FieldFault),
    /// The handling is not well formed.
    #[error(transparent)]
    Handling(#[from] HandlingRefusal),
    /// The exhibits are more or larger than the accord or the program permits.
    #[error("the exhibits are more than what is permitted: {0}")]
    Exhibits(&'static str),
    /// The dossier is full.
    #[error("the dossier holds 50000 items, which is its limit; open a dossier that follows from it")]
    TooManyItems,
    /// The content was erased, so the act cannot be judged anew.
    #[error("the content was erased")]
    Erased,
    /// The author claims to have seen less than before; its node's doing.
    #[error("its author had seen more before; the sender's software is at fault")]
    SeenRegress,
    /// The author claims to have seen an act but not what that act builds on.
    #[error("its author had not seen what the acts it names build on; the sender's software is at fault")]
    SeenGap,
    /// A mark names an act that is not that party's act of that number.
    #[error("it names an act by a false number or author; the sender's software is at fault")]
    SeenFalse,
    /// The author's clock ran backwards.
    #[error("it is dated before its author's act before; check the clock of the author's node")]
    TimeBack,
}

impl Refusal {
    /// Returns the stable code of this refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NotParty => "peer.act.not-party",
            Refusal::Opening(_) => "refusal.act.opening",
            Refusal::Accord(_) => "refusal.act.accord",
            Refusal::UnknownItem => "refusal.act.unknown-item",
            Refusal::UnknownKind => "refusal.act.unknown-kind",
            Refusal::UnknownMove => "refusal.act.unknown-move",
            Refusal::WrongState(_) => "refusal.act.wrong-state",
            Refusal::Ended => "refusal.act.ended",
            Refusal::WrongPhase => "refusal.act.wrong-phase",
            Refusal::TooDeep => "refusal.act.too-deep",
            Refusal::Voice => "refusal.act.voice",
            Refusal::TooMany => "refusal.act.too-many",
            Refusal::OfficerRole(_) => "refusal.act.officer-role",
            Refusal::FourEyes(_) => "refusal.act.four-eyes",
            Refusal::Guard(_) => "refusal.act.guard",
            Refusal::Field(f) => f.code(),
            Refusal::Handling(h) => h.code(),
            Refusal::Exhibits(_) => "refusal.act.exhibits",
            Refusal::TooManyItems => "refusal.act.too-many-items",
            Refusal::Erased => "refusal.act.erased",
            Refusal::SeenRegress => "peer.act.seen-regress",
            Refusal::SeenGap => "peer.act.seen-gap",
            Refusal::SeenFalse => "peer.act.seen-false",
            Refusal::TimeBack => "peer.act.time-back",
        }
    }
}

/// Judges an opening: the mechanism, the parties and their roles, the accord, and then the form.
pub(crate) fn judge_opening(act: &Act, opening: &Opening, mechanism: &Mechanism, terms: Option<&Terms>) -> Result<(), Refusal> {
    let head = act.head();
    if head.dossier != opening.dossier() || head.seq != 1 || !head.seen.is_empty() || opening.mechanism != mechanism.hash {
        return Err(Refusal::Opening("the dossier's name, the first number or the mechanism is false"));
    }
    let parties = &opening.parties;
    if parties.len() > PARTIES_MAX || (1..parties.len()).any(|i| parties[..i].iter().any(|p| p.service == parties[i].service)) {
        return Err(Refusal::Opening("at most 12 parties, each once"));
    }
    let own = parties.iter().position(|p| p.service == head.author);
    let Some(own) = own.filter(|p| *p == 0 || mechanism.role(&parties[*p].role).is_some_and(|r| r.ordered)) else {
        return Err(Refusal::Opening("the opener is the first of the parties, or stands where its role has an order"));
    };
    if parties.iter().any(|p| mechanism.role(&p.role).is_none()) {
        return Err(Refusal::Opening("a party has a role that the mechanism does not know"));
    }
    if mechanism.roles.iter().any(|r| !(r.min..=r.max).contains(&parties.iter().filter(|p| p.role == r.id).count())) {
        return Err(Refusal::Opening("a role has too few or too many parties"));
    }
    match (terms, mechanism.id == crate::accord::MECHANISM) {
        (None, true) if opening.accord.is_none() => {}
        (Some(terms), false) => terms.permit(opening, head.at.at)?,
        _ => return Err(Refusal::Accord("an accord stands on its own, everything else under an accord in force")),
    }
    let kind = mechanism.root();
    if !kind.opened_by.contains(&parties[own].role) {
        return Err(Refusal::Opening("this role does not open such a dossier"));
    }
    officers(act, &kind.officer, &kind.four_eyes)?;
    let body = form(act.body(), &kind.fields)?;
    if mechanism.id == crate::accord::MECHANISM {
        crate::accord::sound(&body.fields, head.at.at)?;
    }
    // A purpose that the form states must be one for which the parties agreed to cooperate.
    let stated = kind.fields.iter().filter(|f| f.vocabulary.as_deref() == Some("legal-purposes")).filter_map(|f| body.fields.get(&f.id)).flat_map(Value::each);
    exhibits(body, &BTreeMap::new(), terms)?;
    let agreed = |v: &Value| match (v, terms.and_then(|t| t.purposes.as_ref())) {
        (Value::Choice(code), Some(purposes)) => purposes.contains(code),
        _ => true,
    };
    match { stated }.all(agreed) {
        true => Ok(()),
        false => Err(Refusal::Accord("the purpose is not one of those that it names")),
    }
}

/// Judges any later act on the state that its author had seen.
pub(crate) fn judge(act: &Act, seen: &State, terms: Option<&Terms>) -> Result<(), Refusal> {
    let head = act.head();
    let author = seen.party(&head.author).ok_or(Refusal::NotParty)?;
    let role = &seen.parties()[author].1;
    match &head.deed {
        Deed::Open(_) => Err(Refusal::Opening("a dossier is opened once")),
        Deed::OpenItem { kind, parent } => {
            let (kind, parent) = opens(seen, kind, parent, role)?;
            if seen.len() >= ITEMS_MAX {
                return Err(Refusal::TooManyItems);
            }
            may_open_in(seen, kind, parent, author)?;
            officers(act, &kind.officer, &kind.four_eyes)?;
            let body = form(act.body(), &kind.fields)?;
            exhibits(body, seen.exhibits(), terms)?;
            points_right(seen, &kind.fields, body, author)
        }
        Deed::Move { item, name } => {
            let item = seen.item(item).ok_or(Refusal::UnknownItem)?;
            let m = seen.kind_of(item).find_move_of(name, role).ok_or(Refusal::UnknownMove)?;
            let state = seen.stance_name(item, author).ok_or(Refusal::UnknownMove)?;
            if !m.from.iter().any(|f| f == state) {
                return Err(Refusal::WrongState(state.to_owned()));
            }
            if seen.ended(item) {
                return Err(Refusal::Ended);
            }
            if !seen.admits(item, author, m.only.as_ref()) {
                return Err(Refusal::Voice);
            }
            officers(act, &m.officer, &m.four_eyes)?;
            let body = form(act.body(), &m.fields)?;
            exhibits(body, seen.exhibits(), terms)?;
            points_right(seen, &m.fields, body, author)?;
            opens_commitment(act, item, author, &m.fields, body)?;
            if m.guards.is_empty() {
                return Ok(());
            }
            let mut facts = seen.facts(item, Some(author), |kind| m.guards.iter().any(|rule| rule.mentions(kind)));
            seen.contents(&mut facts, item, author, Some(&body.fields), head.at.at.0);
            if m.guards.iter().all(|rule| rule.holds(&facts) == Ok(true)) { Ok(()) } else { Err(unguarded(m)) }
        }
    }
}

/// Checks that item fields point at items that the author had seen, of the right kind and its own where the form says so.
fn points_right(seen: &State, form: &[Field], body: &Body, author: usize) -> Result<(), Refusal> {
    let wrong = |f: &Field, why: &str| Err(FieldFault::Wrong { field: f.id.clone(), why: why.to_owned() }.into());
    for f in form.iter().filter(|f| f.kind == FieldType::Item) {
        for value in body.fields.get(&f.id).into_iter().flat_map(Value::each) {
            let Value::Item(id) = value else { continue };
            let Some(item) = seen.item(id) else { return wrong(f, "there is no such item in this dossier yet") };
            if !f.of.is_empty() && !f.of.contains(&seen.kind_of(item).id) {
                return wrong(f, "that item is of another kind");
            }
            if f.own && item.opener != author {
                return wrong(f, "that item is another party's; only its author corrects it");
            }
            if f.supersedes && !item.superseded_by.is_empty() {
                return wrong(f, "that item is superseded already; supersede the newest one");
            }
        }
    }
    Ok(())
}

/// Checks that what is revealed is what was committed to.
fn opens_commitment(act: &Act, item: &Item, author: usize, form: &[Field], body: &Body) -> Result<(), Refusal> {
    for f in form.iter().filter(|f| f.kind == FieldType::Reveal) {
        let Some(Value::Reveal(salt)) = body.fields.get(&f.id) else { continue };
        let name = f.opens.as_deref().unwrap_or_default();
        let stated = item.said[author].get(name).or_else(|| item.fields.get(name).filter(|_| item.opener == author));
        let head = act.head();
        if stated != Some(&Value::Commitment(commitment(head.dossier, head.author, salt, &f.id, &body.fields))) {
            return Err(FieldFault::Wrong { field: f.id.clone(), why: "it does not open the commitment: content or salt differ".to_owned() }.into());
        }
    }
    Ok(())
}

/// Returns the commitment to a form's contents: what a party states before it reveals them.
///
/// SHA-256 under the domain `entente/commitment/1` over dossier, author, 32 random bytes and the canonical form of all
/// fields but the one, named `reveal`, that will state those bytes. Dossier and author are in it, so nobody can take over
/// another's commitment.
pub fn commitment(dossier: base::DossierId, author: base::ServiceId, salt: &base::Digest, reveal: &str, fields: &base::cbor::Map<Value>) -> base::Digest {
    let rest: base::cbor::Map<Value> = fields.iter().filter(|(k, _)| *k != reveal).map(|(k, v)| (k.to_owned(), v.clone())).collect();
    base::Digest::tagged("entente/commitment/1", &[dossier.bytes(), author.bytes(), &salt.0, &base::cbor::to_vec(&rest)])
}

/// Says in the mechanism's own words why a move's condition does not hold.
pub(crate) fn unguarded(m: &crate::Move) -> Refusal {
    Refusal::Guard(m.why_not.as_ref().map_or_else(String::new, |l| l.get(base::Lang::En).to_owned()))
}

/// Finds kind and parent of an item that a role would open.
pub(crate) fn opens<'s>(seen: &'s State, kind: &str, parent: &base::ItemId, role: &str) -> Result<(&'s ItemKind, &'s Item), Refusal> {
    let parent = seen.item(parent).ok_or(Refusal::UnknownItem)?;
    let above = &seen.kind_of(parent).id;
    let fits = |k: &&ItemKind| k.parent.as_ref() == Some(above) || (k.id == *above && k.nests > 0);
    let kind = seen.mechanism().kind(kind).filter(fits).ok_or(Refusal::UnknownKind)?;
    match kind.opened_by.iter().any(|r| r == role) {
        true => Ok((kind, parent)),
        false => Err(Refusal::UnknownKind),
    }
}

/// Tells whether the parent lets a party open an item of this kind: its end, its phase, the party's voice, how deep and how many.
pub(crate) fn may_open_in(seen: &State, kind: &ItemKind, parent: &Item, author: usize) -> Result<(), Refusal> {
    if !kind.outlives && seen.ended(parent) {
        return Err(Refusal::Ended);
    }
    if seen.kind_of(parent).id == kind.id {
        if parent.depth >= kind.nests {
            return Err(Refusal::TooDeep);
        }
    } else if !kind.open_in.is_empty() && !seen.phases_for(parent, author).any(|p| kind.open_in.iter().any(|o| o == p)) {
        return Err(Refusal::WrongPhase);
    }
    if !seen.admits(parent, author, kind.only.as_ref()) {
        return Err(Refusal::Voice);
    }
    let place = seen.mechanism().items.iter().position(|k| k.id == kind.id).unwrap_or_default();
    match kind.most_each.is_none_or(|most| seen.opened_in(&parent.id, place, author) < most) {
        true => Ok(()),
        false => Err(Refusal::TooMany),
    }
}

fn officers(act: &Act, first: &[OfficerRole], second: &[OfficerRole]) -> Result<(), Refusal> {
    let head = act.head();
    let names = |roles: &[OfficerRole]| roles.iter().map(role_name).collect::<Vec<_>>().join(", ");
    if !first.contains(&head.by.role) {
        return Err(Refusal::OfficerRole(names(first)));
    }
    let approved = |s: &Signatory| second.contains(&s.role) && s.officer != head.by.officer;
    match second.is_empty() || head.second.as_ref().is_some_and(approved) {
        true => Ok(()),
        false => Err(Refusal::FourEyes(names(second))),
    }
}

/// Returns a role's name as data files write it.
pub(crate) fn role_name(role: &OfficerRole) -> String {
    serde_json::to_value(role).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Checks number and sizes of the exhibits that an act names against the program's limits and the accord's.
fn exhibits(body: &Body, seen: &BTreeMap<ExhibitId, u64>, terms: Option<&Terms>) -> Result<(), Refusal> {
    let mut all = body.exhibits().peekable();
    if all.peek().is_none() {
        return Ok(());
    }
    let limits = terms.map(|t| t.exhibits).unwrap_or_default();
    let (mut count, mut new) = (0, BTreeMap::new());
    for e in all {
        count += 1;
        if limits.one_bytes_max.is_some_and(|max| e.size > max) {
            return Err(Refusal::Exhibits("one is larger than the accord permits; agree on more or send less"));
        }
        if seen.get(&e.id).is_some_and(|size| *size != e.size) {
            return Err(Refusal::Exhibits("one is named with another size than before"));
        }
        if !seen.contains_key(&e.id) {
            new.insert(e.id, e.size);
        }
    }
    if count > EXHIBITS_MAX {
        return Err(Refusal::Exhibits("an act names at most 20; use several acts"));
    }
    if seen.len() + new.len() > DOSSIER_EXHIBITS_MAX {
        return Err(Refusal::Exhibits("a dossier names at most 10000; open a dossier that follows from it"));
    }
    let whole = seen.values().chain(new.values()).fold(0u64, |sum, size| sum.saturating_add(*size));
    match limits.dossier_bytes_max.is_some_and(|max| !new.is_empty() && whole > max) {
        true => Err(Refusal::Exhibits("all of the dossier's together are larger than the accord permits; agree on more or send less")),
        false => Ok(()),
    }
}

fn form<'a>(body: Option<&'a Body>, fields: &[Field]) -> Result<&'a Body, Refusal> {
    let body = body.ok_or(Refusal::Erased)?;
    body.handling.check()?;
    check_form(fields, &body.fields)?;
    Ok(body)
}
