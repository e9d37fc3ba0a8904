//! How sending to each partner goes, for the operator.

use base::{ServiceId, UnixMs};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// How sending to one partner goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// When the last receipt came.
    pub last_success: Option<UnixMs>,
    /// When the last try failed.
    pub last_failure: Option<UnixMs>,
    /// The code of the last failure, see [`crate::SendError::code`].
    pub last_failure_code: Option<&'static str>,
    /// Failed rounds since the last receipt; failures of parcels under way together count once.
    pub attempts: u32,
    /// When the partner is tried next; `None` while nothing holds it back.
    pub next_try: Option<UnixMs>,
}

/// The health of all partners; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct HealthBook(Arc<Mutex<HashMap<ServiceId, Health>>>);

impl HealthBook {
    /// Returns one partner's health; `None` when the pump does not serve it.
    pub fn of(&self, service: ServiceId) -> Option<Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&service).cloned()
    }

    /// Returns everybody's health, by service.
    pub fn all(&self) -> Vec<(ServiceId, Health)> {
        let mut all: Vec<_> = self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(s, h)| (*s, h.clone())).collect();
        all.sort_by_key(|(service, _)| *service);
        all
    }

    pub(crate) fn note(&self, service: ServiceId, change: impl FnOnce(&mut Health)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(service).or_default());
    }

    pub(crate) fn forget(&self, service: ServiceId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&service);
    }
}

/// Returns the machine's wall clock; only shown, never decided by.
pub(crate) fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
