//! What the other side must not do.

/// A partner's bytes break the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OprfFault {
    /// An element is no canonical encoding of a group element.
    #[error("element {0} of the batch is no group element; the partner's node must be mended")]
    Element(usize),
    /// An element is the identity, whose every multiple is itself: whoever sends it asks for nothing or answers nothing.
    #[error("element {0} of the batch is the identity, which no honest node sends")]
    Identity(usize),
    /// A batch is empty, too long, or not as long as what it answers.
    #[error("a batch of {found} elements came where {expected} were due")]
    Count {
        /// How many came.
        found: usize,
        /// How many were due.
        expected: usize,
    },
    /// The proof does not hold: another key was used than the one that was published.
    #[error("the answer was not made with the published key; nothing can be read from it")]
    Proof,
    /// The bytes of a key, proof or filter have the wrong form.
    #[error("these bytes are no {0}")]
    Form(&'static str),
    /// An input is longer than the function takes.
    #[error("an input has {0} bytes, which is too long")]
    Input(usize),
}

impl OprfFault {
    /// Returns the stable code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            OprfFault::Element(_) => "peer.matching.element",
            OprfFault::Identity(_) => "peer.matching.identity",
            OprfFault::Count { .. } => "peer.matching.count",
            OprfFault::Proof => "peer.matching.proof",
            OprfFault::Form(_) => "peer.matching.form",
            OprfFault::Input(_) => "refusal.matching.input",
        }
    }
}
