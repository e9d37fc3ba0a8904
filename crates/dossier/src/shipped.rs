//! The mechanisms that come with the program.

use crate::mechanism::Mechanism;
use std::sync::{Arc, LazyLock};

// One line each, so that those who add mechanisms do not meet.
#[rustfmt::skip]
const FILES: &[&str] = &[
    include_str!("../mechanisms/accord.toml"),
    include_str!("../mechanisms/controlled-delivery.toml"),
    include_str!("../mechanisms/early-warning.toml"),
    include_str!("../mechanisms/event-security.toml"),
    include_str!("../mechanisms/expert-exchange.toml"),
    include_str!("../mechanisms/hit-no-hit.toml"),
    include_str!("../mechanisms/information-request.toml"),
    include_str!("../mechanisms/joint-investigation-team.toml"),
    include_str!("../mechanisms/joint-operation.toml"),
    include_str!("../mechanisms/risk-assessment.toml"),
    include_str!("../mechanisms/spontaneous-information.toml"),
    include_str!("../mechanisms/working-visit.toml"),
];

static ALL: LazyLock<Vec<Arc<Mechanism>>> = LazyLock::new(|| {
    FILES.iter().map(|text| Arc::new(Mechanism::parse(text.as_bytes()).unwrap_or_else(|e| panic!("a shipped mechanism is broken: {e}")))).collect()
});

/// Returns the mechanisms that come with the program; the first is `accord`.
pub fn shipped() -> &'static [Arc<Mechanism>] {
    &ALL
}
