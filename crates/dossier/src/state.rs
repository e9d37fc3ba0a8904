//! State: the items of a dossier, every party's stance on them, and the phase that follows.
//!
//! `apply` is total: an act moves its author's own stance or opens an item; whatever does not fit folds to nothing.

use crate::act::{Act, Deed, Opening, root_item};
use crate::field::FieldType;
use crate::mechanism::{ItemKind, Mechanism};
use crate::rule::{Facts, Said};
use crate::value::Value;
use base::cbor::Map;
use base::{ActId, DossierId, ExhibitId, Instant, ItemId, ServiceId};
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// Which phase holds; a proved mechanism always gives `One`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PhaseOf {
    /// Exactly this phase, by its place in the kind's list.
    One(usize),
    /// No phase: the mechanism forgot this combination.
    None,
    /// Several phases at once.
    Many(Vec<usize>),
    /// The item is a fact and has no phase.
    Fact,
}

impl PhaseOf {
    /// Says which phase holds, given the places of all whose rules do.
    pub(crate) fn of(holding: Vec<usize>) -> PhaseOf {
        match holding[..] {
            [] => PhaseOf::None,
            [one] => PhaseOf::One(one),
            _ => PhaseOf::Many(holding),
        }
    }
}

/// An item: a thing with its own life inside a dossier.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// Its kind, by place in the mechanism's list.
    pub kind: usize,
    /// The item within which it lives.
    pub parent: Option<ItemId>,
    /// The party that opened it, by place in the dossier's list.
    pub opener: usize,
    /// The act that opened it.
    pub act: ActId,
    /// When it was opened.
    pub at: Instant,
    /// The fields with which it was opened; empty once erased.
    pub fields: Fields,
    /// Its number among the items of its kind that its opener opened in this dossier, from 1.
    pub number: u32,
    /// How many items of its own kind it stands within.
    pub depth: usize,
    /// Items that its opener put in its place, oldest first.
    pub superseded_by: Vec<ItemId>,
    /// What each party stated in its moves on this item: the latest value of each field; empty once erased.
    pub said: Vec<Map<Value>>,
    /// Each party's stance, by place in the role's list of states; none where the party's role holds none.
    pub stances: Vec<Option<usize>>,
    /// The phase of the whole.
    pub phase: PhaseOf,
    /// The phase of each party whose role has phases of its own.
    pub own_phases: Vec<Option<PhaseOf>>,
}

/// The fields of the act that opened an item: lent out of the act itself, so that every view of a dossier shares one copy.
#[derive(Clone, Debug)]
pub struct Fields(Arc<Act>);

impl Deref for Fields {
    type Target = Map<Value>;
    fn deref(&self) -> &Map<Value> {
        static NONE: LazyLock<Map<Value>> = LazyLock::new(Map::default);
        self.0.body().map_or(&NONE, |b| &b.fields)
    }
}

/// The items of a dossier as some party had folded them.
#[derive(Clone, Debug)]
pub struct State {
    mechanism: Arc<Mechanism>,
    parties: Arc<Vec<(ServiceId, String)>>,
    items: HashMap<ItemId, Item>,
    children: HashMap<(ItemId, usize), Vec<ItemId>>,
    /// Exhibits that acts have named, with their size in bytes.
    exhibits: BTreeMap<ExhibitId, u64>,
    /// What valid acts say of other dossiers.
    pub(crate) links: crate::links::Links,
    /// How many items of a kind each party has opened.
    opened: HashMap<(usize, usize), u32>,
    /// How far each party's chain is folded in: number and act.
    pub(crate) marks: Vec<(u64, ActId)>,
}

impl State {
    /// Begins with nothing folded.
    pub fn new(mechanism: Arc<Mechanism>, opening: &Opening) -> State {
        let parties: Vec<_> = opening.parties.iter().map(|p| (p.service, p.role.clone())).collect();
        let marks = vec![(0, ActId::default()); parties.len()];
        State {
            mechanism,
            parties: Arc::new(parties),
            items: HashMap::new(),
            children: HashMap::new(),
            opened: HashMap::new(),
            exhibits: BTreeMap::new(),
            links: Default::default(),
            marks,
        }
    }

    /// Returns the parties and their roles.
    pub fn parties(&self) -> &[(ServiceId, String)] {
        &self.parties
    }

    /// Finds a party's place in the list.
    pub fn party(&self, service: &ServiceId) -> Option<usize> {
        self.parties.iter().position(|(s, _)| s == service)
    }

    /// Finds an item.
    pub fn item(&self, id: &ItemId) -> Option<&Item> {
        self.items.get(id)
    }

    /// Goes over all items, in no order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// Counts the items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Tells whether nothing is folded yet.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the exhibits that acts have named, with their size in bytes.
    pub fn exhibits(&self) -> &BTreeMap<ExhibitId, u64> {
        &self.exhibits
    }

    /// Returns the mechanism.
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    /// Returns the kind of an item.
    pub fn kind_of(&self, item: &Item) -> &ItemKind {
        &self.mechanism.items[item.kind]
    }

    /// Returns the name of the phase of the whole; none for a fact or where the mechanism forgot the combination.
    pub fn phase_name(&self, item: &Item) -> Option<&str> {
        match item.phase {
            PhaseOf::One(p) => Some(&self.kind_of(item).phases[p].id),
            _ => None,
        }
    }

    /// Returns the name of the state in which a party stands on an item.
    pub fn stance_name(&self, item: &Item, party: usize) -> Option<&str> {
        let stance = self.kind_of(item).stance(&self.parties[party].1)?;
        item.stances[party].map(|s| stance.states[s].id.as_str())
    }

    /// Returns the names of the phase of the whole and of a party's own.
    pub fn phases_for<'s>(&'s self, item: &'s Item, party: usize) -> impl Iterator<Item = &'s str> {
        let kind = self.kind_of(item);
        let name = |p: &PhaseOf| match p {
            PhaseOf::One(i) => Some(kind.phases[*i].id.as_str()),
            _ => None,
        };
        [name(&item.phase), item.own_phases[party].as_ref().and_then(name)].into_iter().flatten()
    }

    /// Counts the items of a kind that a party opened within an item.
    pub fn opened_in(&self, parent: &ItemId, kind: usize, party: usize) -> usize {
        self.children.get(&(*parent, kind)).into_iter().flatten().filter(|c| self.items.get(c).is_some_and(|c| c.opener == party)).count()
    }

    /// Goes over the items of a kind within an item, in the order in which they were folded in.
    pub fn within<'s>(&'s self, parent: &ItemId, kind: usize) -> impl Iterator<Item = &'s Item> {
        self.children.get(&(*parent, kind)).into_iter().flatten().filter_map(|c| self.items.get(c))
    }

    /// Tells whether the item, or one within which it lives, has come to its end.
    pub fn ended(&self, item: &Item) -> bool {
        let kind = self.kind_of(item);
        let own = matches!(item.phase, PhaseOf::One(p) if kind.phases[p].ends);
        own || (!kind.outlives && item.parent.and_then(|p| self.items.get(&p)).is_some_and(|p| self.ended(p)))
    }

    /// Folds an act in; one that does not fit changes nothing but the mark.
    pub(crate) fn apply(&mut self, act: &Arc<Act>, valid: bool) {
        let head = act.head();
        let Some(author) = self.party(&head.author) else { return };
        self.marks[author] = (head.seq, act.id());
        if !valid {
            return;
        }
        self.exhibits.extend(act.body().into_iter().flat_map(|b| b.exhibits()).map(|e| (e.id, e.size)));
        crate::links::note(&mut self.links, act);
        let mechanism = Arc::clone(&self.mechanism);
        match &head.deed {
            Deed::Open(_) => self.open(act, 0, None, author),
            Deed::OpenItem { kind, parent } => {
                let at = mechanism.items.iter().position(|k| k.id == *kind);
                if let (Some(kind), true) = (at, self.items.contains_key(parent)) {
                    self.open(act, kind, Some(*parent), author);
                }
            }
            Deed::Move { item, name } => {
                let Some(target) = self.items.get_mut(item) else { return };
                let kind = &mechanism.items[target.kind];
                let Some(m) = kind.find_move_of(name, &self.parties[author].1) else { return };
                let to = kind.stance(&m.role).and_then(|s| s.states.iter().position(|st| st.id == m.to));
                if target.stances[author].is_some() {
                    act.body().into_iter().flat_map(|b| b.fields.iter()).for_each(|(k, v)| drop(target.said[author].insert(k, v.clone())));
                }
                if target.stances[author].is_some() && to.is_some() && target.stances[author] != to {
                    let before = target.stances[author];
                    target.stances[author] = to;
                    // What lives within first: the phase above counts it.
                    if self.turns_voice(item, author, before) {
                        self.heirs(item).into_iter().for_each(|heir| self.refresh(heir));
                    }
                    self.refresh(*item);
                }
            }
        }
    }

    fn open(&mut self, act: &Arc<Act>, kind: usize, parent: Option<ItemId>, opener: usize) {
        let k = &self.mechanism.items[kind];
        let stance = |(party, (_, role)): (usize, &(ServiceId, String))| {
            let s = k.stance(role).filter(|s| !s.opener_only || party == opener)?;
            let initial = if party == opener { s.opener_initial.as_ref().unwrap_or(&s.initial) } else { &s.initial };
            s.states.iter().position(|st| st.id == *initial)
        };
        let stances = self.parties.iter().enumerate().map(stance).collect::<Vec<_>>();
        let id = act.item();
        let fields = Fields(Arc::clone(act));
        let own_phases = vec![None; self.parties.len()];
        let said = vec![Map::default(); self.parties.len()];
        let n = self.opened.entry((kind, opener)).or_default();
        *n += 1;
        let number = *n;
        let depth = parent.and_then(|p| self.items.get(&p)).filter(|p| p.kind == kind).map_or(0, |p| p.depth + 1);
        let before = k.fields.iter().filter(|f| f.supersedes && f.kind == FieldType::Item).find_map(|f| match fields.get(&f.id) {
            Some(Value::Item(before)) => Some(*before),
            _ => None,
        });
        if let Some(before) = before.and_then(|b| self.items.get_mut(&b)) {
            before.superseded_by.push(id);
        }
        let superseded_by = Vec::new();
        let at = act.head().at.clone();
        let phase = PhaseOf::Fact;
        let item = Item { id, kind, parent, opener, act: act.id(), at, fields, number, depth, superseded_by, said, stances, phase, own_phases };
        self.items.insert(id, item);
        if let Some(p) = parent {
            self.children.entry((p, kind)).or_default().push(id);
        }
        self.refresh(id);
    }

    /// Tells whether a party's move on an item changed one of the voices that its kind declares.
    fn turns_voice(&self, item: &ItemId, party: usize, before: Option<usize>) -> bool {
        let Some(item) = self.items.get(item) else { return false };
        let (kind, role) = (self.kind_of(item), &self.parties[party].1);
        let Some(stance) = kind.stance(role) else { return false };
        let has = |s: &crate::voice::Voice, state: Option<usize>| state.is_some_and(|n| s.holds(role, &stance.states[n].id));
        kind.voices.iter().any(|s| has(s, before) != has(s, item.stances[party]))
    }

    /// Works the phases of an item out anew, and of those above it whose rules count it.
    fn refresh(&mut self, id: ItemId) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let Some(item) = self.items.get(&id) else { return };
            let kind = &self.mechanism.items[item.kind];
            if !kind.phases.is_empty() {
                let whole = self.phase_in(item, None);
                let own = (0..self.parties.len())
                    .map(|p| kind.family(Some(&self.parties[p].1)).next().and(item.stances[p]).map(|_| self.phase_in(item, Some(p))))
                    .collect();
                let item = self.items.get_mut(&id).expect("found above");
                item.phase = whole;
                item.own_phases = own;
            }
            let item = &self.items[&id];
            let (parent, name) = (item.parent, &self.mechanism.items[item.kind].id);
            next = parent.filter(|p| self.items.get(p).is_some_and(|p| self.mechanism.items[p.kind].phases.iter().any(|ph| ph.rule.mentions(name))));
        }
    }

    fn phase_in(&self, item: &Item, party: Option<usize>) -> PhaseOf {
        let kind = self.kind_of(item);
        let facts = self.facts(item, party, |name| kind.phases.iter().any(|p| p.rule.mentions(name)));
        let per = party.map(|p| self.parties[p].1.as_str());
        phase(kind, per, &facts)
    }

    /// Gathers what rules may read of an item; child kinds and voices above only where `wanted`.
    pub(crate) fn facts<'a>(&'a self, item: &'a Item, party: Option<usize>, wanted: impl Fn(&str) -> bool) -> Facts<'a> {
        let mut facts = Facts::default();
        for role in &self.mechanism.roles {
            facts.roles.insert(&role.id, Vec::new());
        }
        for (p, (_, role)) in self.parties.iter().enumerate() {
            if let Some(state) = self.stance_name(item, p) {
                facts.roles.entry(role).or_default().push(state);
                facts.parties.push(state);
            }
        }
        for s in self.mechanism.above(self.kind_of(item)).flat_map(|k| &k.voices).filter(|s| wanted(&s.id)) {
            let stand = (0..self.parties.len()).filter(|p| self.stands(item, *p, &s.id));
            facts.roles.insert(&s.id, stand.filter_map(|p| self.stance_name(item, p)).collect());
        }
        for (k, kind) in self.mechanism.items.iter().enumerate() {
            if kind.parent.as_deref() != Some(self.kind_of(item).id.as_str()) || !wanted(&kind.id) {
                continue;
            }
            let (mut all, mut own) = (empty_counts(kind), empty_counts(kind));
            for child in self.children.get(&(item.id, k)).into_iter().flatten().filter_map(|c| self.items.get(c)) {
                for name in counted_as(kind, &child.phase).into_iter().flatten() {
                    *all.entry(name).or_default() += 1;
                    if party == Some(child.opener) {
                        *own.entry(name).or_default() += 1;
                    }
                }
            }
            facts.items.insert(&kind.id, all);
            facts.own_items.insert(&kind.id, own);
        }
        if let Some(p) = party {
            facts.me = self.stance_name(item, p).unwrap_or_default();
            facts.this = self.parties[p].0.to_string();
            facts.mine = item.opener == p;
            let alike = (0..self.parties.len()).filter(|o| self.parties[*o].1 == self.parties[p].1);
            for (o, state) in alike.filter_map(|o| self.stance_name(item, o).map(|s| (o, s))) {
                match o.cmp(&p) {
                    std::cmp::Ordering::Less => facts.before.push(state),
                    std::cmp::Ordering::Equal => {}
                    std::cmp::Ordering::Greater => facts.after.push(state),
                }
            }
        }
        facts.opener = self.parties[item.opener].0.to_string();
        facts.parent = item.parent.and_then(|p| self.items.get(&p)).and_then(|p| self.phase_name(p)).unwrap_or_default();
        facts
    }

    /// Adds what rules may read of contents: what was stated when the item was opened, in earlier moves, and in this one.
    pub(crate) fn contents<'a>(&'a self, facts: &mut Facts<'a>, item: &'a Item, party: usize, form: Option<&Map<Value>>, at: i64) {
        let plain = |m: &Map<Value>| m.iter().map(|(k, v)| (k.to_owned(), v.fact())).collect::<HashMap<_, _>>();
        facts.at = at;
        facts.field = form.map(plain).unwrap_or_default();
        facts.item = plain(&item.fields);
        facts.said = plain(&item.said[party]);
        let stance = |(p, (service, role)): (usize, &'a (ServiceId, String))| {
            let state = self.stance_name(item, p)?;
            let above = self.mechanism.above(self.kind_of(item)).flat_map(|k| &k.voices);
            let voices = above.filter(|s| self.stands(item, p, &s.id)).map(|s| s.id.as_str()).collect();
            Some(Said { party: service.to_string(), role, state, voices, said: plain(&item.said[p]) })
        };
        facts.stances = self.parties.iter().enumerate().filter_map(stance).collect();
    }

    /// Returns everything that both sides must agree on, in one order: what two nodes compare.
    pub fn digest(&self, dossier: DossierId) -> base::Digest {
        let mut lines: Vec<String> = Vec::new();
        for item in self.items.values() {
            let stances: Vec<&str> = (0..self.parties.len()).map(|p| self.stance_name(item, p).unwrap_or("-")).collect();
            let parent = item.parent.map(|p| p.to_string()).unwrap_or_default();
            lines.push(format!("{} {} {parent} {} {:?}", item.id, item.kind, stances.join(","), item.phase));
        }
        lines.sort();
        base::Digest::tagged("entente/state/1", &[root_item(dossier).bytes(), lines.join("\n").as_bytes()])
    }
}

/// The name under which rules count items that have not ended.
pub(crate) const RUNNING: &str = "running";
/// The name under which rules count items that have.
pub(crate) const ENDED: &str = "ended";

/// Returns the names under which rules count an item in a phase: the phase's own, and whether it has ended.
fn counted_as<'k>(kind: &'k ItemKind, phase: &PhaseOf) -> [Option<&'k str>; 2] {
    match phase {
        PhaseOf::One(p) => [Some(&kind.phases[*p].id), Some(if kind.phases[*p].ends { ENDED } else { RUNNING })],
        PhaseOf::Fact => [Some("count"), None],
        _ => [None, None],
    }
}

/// Returns all names under which rules count items of a kind, with zero.
pub(crate) fn empty_counts(kind: &ItemKind) -> BTreeMap<&str, i64> {
    match kind.phases.is_empty() {
        true => [("count", 0)].into_iter().collect(),
        false => kind.family(None).map(|p| p.id.as_str()).chain([RUNNING, ENDED]).map(|p| (p, 0)).collect(),
    }
}

/// Works out which phase of a family holds.
pub(crate) fn phase(kind: &ItemKind, per: Option<&str>, facts: &Facts<'_>) -> PhaseOf {
    let holding = kind.phases.iter().enumerate().filter(|(_, p)| p.per.as_deref() == per && p.rule.holds(facts) == Ok(true));
    PhaseOf::of(holding.map(|(i, _)| i).collect())
}

impl ItemKind {
    /// Finds the move of a name that a role can make; roles may have moves of the same name.
    pub fn find_move_of(&self, id: &str, role: &str) -> Option<&crate::mechanism::Move> {
        self.moves.iter().find(|m| m.id == id && m.role == role)
    }
}
