//! The address book: every service's cards, ours included, with whom we do not speak for now, and under which card we speak.
//! Shared without a lock between the doors and the node.

use base::{Digest, ServiceId, UnixMs};
use seal::{Cards, Directory};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

/// Cards by service.
#[derive(Clone, Default)]
pub struct Book(Arc<RwLock<Pages>>);

#[derive(Default)]
struct Pages {
    cards: BTreeMap<ServiceId, Arc<Cards>>,
    suspended: BTreeSet<ServiceId>,
    /// Partners that have not receipted our newest card, with the number of the one that they know.
    spoken: BTreeMap<ServiceId, u32>,
}

impl Book {
    /// Puts a service's cards in, over those that were there.
    pub(crate) fn put(&self, cards: Cards) {
        self.0.write().expect("no writer panics").cards.insert(cards.service(), Arc::new(cards));
    }

    /// Puts all cards out and others in, at once.
    pub(crate) fn replace(&self, all: impl IntoIterator<Item = Cards>) {
        self.0.write().expect("no writer panics").cards = all.into_iter().map(|c| (c.service(), Arc::new(c))).collect();
    }

    /// Says with whom we do not speak for now.
    pub(crate) fn suspend(&self, suspended: BTreeSet<ServiceId>) {
        self.0.write().expect("no writer panics").suspended = suspended;
    }

    /// Says which partners know an older card of ours only, and which.
    pub(crate) fn speak(&self, spoken: BTreeMap<ServiceId, u32>) {
        self.0.write().expect("no writer panics").spoken = spoken;
    }

    /// Returns all services with their cards.
    pub fn all(&self) -> Vec<Arc<Cards>> {
        self.0.read().expect("no writer panics").cards.values().cloned().collect()
    }

    /// Tells whether nothing is taken from and nothing sent to a service, by decision of two officers here.
    pub fn is_suspended(&self, service: &ServiceId) -> bool {
        self.0.read().expect("no writer panics").suspended.contains(service)
    }

    /// Returns the newest card of ours that a partner knows, where that is not our newest one.
    pub fn known_to(&self, partner: &ServiceId) -> Option<u32> {
        self.0.read().expect("no writer panics").spoken.get(partner).copied()
    }

    /// Finds the service whose card carries a TLS pin that is good at a time, unless it is suspended.
    pub fn by_pin(&self, pin: &Digest, at: UnixMs) -> Option<ServiceId> {
        let found = self.all().into_iter().find(|c| c.pins(at).contains(pin)).map(|c| c.service());
        found.filter(|s| !self.is_suspended(s))
    }

    /// Returns a service's short name for people.
    pub fn code(&self, service: &ServiceId) -> String {
        self.cards(service).map_or_else(|| service.short(), |c| c.latest().code.clone())
    }
}

impl Directory for Book {
    fn cards(&self, service: &ServiceId) -> Option<Arc<Cards>> {
        self.0.read().expect("no writer panics").cards.get(service).cloned()
    }
}
