//! The address book: every service's cards, ours included. Shared without a lock between the doors and the node.

use base::{Digest, ServiceId, UnixMs};
use seal::{Cards, Directory};
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

/// Cards by service.
#[derive(Clone, Default)]
pub struct Book(Arc<RwLock<BTreeMap<ServiceId, Arc<Cards>>>>);

impl Book {
    /// Puts a service's cards in, over those that were there.
    pub(crate) fn put(&self, cards: Cards) {
        self.0.write().expect("no writer panics").insert(cards.service(), Arc::new(cards));
    }

    /// Puts all cards out and others in, at once.
    pub(crate) fn replace(&self, all: impl IntoIterator<Item = Cards>) {
        *self.0.write().expect("no writer panics") = all.into_iter().map(|c| (c.service(), Arc::new(c))).collect();
    }

    /// Returns all services with their cards.
    pub fn all(&self) -> Vec<Arc<Cards>> {
        self.0.read().expect("no writer panics").values().cloned().collect()
    }

    /// Finds the service whose card carries a TLS pin that is good at a time.
    pub fn by_pin(&self, pin: &Digest, at: UnixMs) -> Option<ServiceId> {
        self.all().into_iter().find(|c| c.pins(at).contains(pin)).map(|c| c.service())
    }

    /// Returns a service's short name for people.
    pub fn code(&self, service: &ServiceId) -> String {
        self.cards(service).map_or_else(|| service.short(), |c| c.latest().code.clone())
    }
}

impl Directory for Book {
    fn cards(&self, service: &ServiceId) -> Option<Arc<Cards>> {
        self.0.read().expect("no writer panics").get(service).cloned()
    }
}
