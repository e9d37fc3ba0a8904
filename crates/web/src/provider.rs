//! The service's own identity provider as the desk reaches it: the program speaks OpenID Connect, the desk keeps sessions.

use crate::desk::Later;

/// A browser that is sent to the provider.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The address at the provider.
    pub to: String,
    /// What the browser keeps until it comes back; 64 hexadecimal digits.
    pub secret: String,
}

/// A browser that comes back.
#[derive(Debug, Clone, Default)]
pub struct Back {
    /// What the browser kept.
    pub secret: String,
    /// What the provider was given and gives back.
    pub state: String,
    /// What is redeemed for the proof.
    pub code: Option<String>,
    /// Who the provider says it is (RFC 9207).
    pub issuer: Option<String>,
    /// Why the provider says no.
    pub error: Option<String>,
}

/// Why nobody was signed in: a stable code, and a text for our own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// What happened.
    pub what: String,
}

impl Fault {
    /// Makes a fault.
    pub fn new(code: &'static str, what: impl Into<String>) -> Fault {
        Fault { code, what: what.into() }
    }
}

/// An identity provider.
pub trait Provider: Send + Sync + 'static {
    /// Begins: says where the browser goes.
    fn begin(&self) -> Later<Result<Begun, Fault>>;
    /// Redeems what the browser came back with; returns the officer whose subject was proved.
    fn finish(&self, back: Back) -> Later<Result<String, Fault>>;
}
