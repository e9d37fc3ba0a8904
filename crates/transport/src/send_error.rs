//! Why a parcel got no receipt, by who must act.

use base::Digest;

/// A parcel got no receipt. The parcel stays in the outbox whatever this says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Nobody answered at any endpoint, or the line broke; the courier tries again.
    #[error("the partner cannot be reached: {0}. It is tried again; if it lasts, check the line and ask the partner whether its node runs")]
    Unreachable(String),
    /// This machine gave no descriptor for a connection; ours to mend.
    #[error(
        "no connection can be opened: this process has no file descriptor left ({0}). Raise the limit, or close what holds them; the parcel goes out again"
    )]
    Descriptors(String),
    /// The partner did not answer in time; the courier tries again.
    #[error("the partner did not answer in time ({0}). It is tried again; if it lasts, telephone the partner")]
    Timeout(&'static str),
    /// TLS could not be set up; software or settings at one end are too old, or somebody sits on the line.
    #[error("no secure line to the partner: {0}. Compare the versions of both nodes; if they agree, have the line examined")]
    Tls(String),
    /// The partner's node failed at its own work; the courier tries again.
    #[error("the partner's node could not take the parcel ({0}). It is tried again; if it lasts, tell the partner this code")]
    Partner(String),
    /// The pump stopped before the answer came; the parcel goes out again.
    #[error("sending was stopped before the answer came. The parcel goes out again when the pump runs")]
    Stopped,
    /// Another key answered than the one on the partner's card; nothing was sent.
    #[error(
        "another key ({shown}) answered than the one on the partner's card ({expected}). Nothing was sent; ask the partner by telephone for its new card, or have the line examined"
    )]
    Pin {
        /// The pin on the card.
        expected: Digest,
        /// The pin that was shown.
        shown: Digest,
    },
    /// The partner's node answered what the protocol does not allow.
    #[error("the partner's node does not keep to the protocol: {0}. Tell the partner; nothing of the answer was used")]
    Protocol(String),
    /// The partner is busy; the courier comes back after the time asked for.
    #[error("the partner is busy. The parcel is sent again later")]
    Busy {
        /// The seconds that the partner asked for.
        retry_after_s: Option<u64>,
    },
    /// The partner does not know our key; it has no card of ours, or an old one.
    #[error("the partner does not know this node's key. Send the partner the current card and ask that it be installed")]
    Stranger,
    /// The partner's rules say no to this parcel.
    #[error("the partner refused the parcel ({code}): {text}")]
    Refused {
        /// The partner's stable code, at most 80 characters of a-z, 0-9, '.', '_' and '-'.
        code: String,
        /// The partner's words, at most 500 printable characters; untrusted.
        text: String,
    },
}

impl SendError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            SendError::Unreachable(_) => "failure.transport.unreachable",
            SendError::Descriptors(_) => "failure.transport.descriptors",
            SendError::Timeout(_) => "failure.transport.timeout",
            SendError::Tls(_) => "failure.transport.tls",
            SendError::Partner(_) => "failure.transport.partner",
            SendError::Stopped => "failure.transport.stopped",
            SendError::Pin { .. } => "peer.transport.pin",
            SendError::Protocol(_) => "peer.transport.protocol",
            SendError::Busy { .. } => "refusal.transport.busy",
            SendError::Stranger => "refusal.transport.stranger",
            SendError::Refused { .. } => "refusal.transport.refused",
        }
    }

    /// Returns how much this says about several endpoints of one partner: the gravest is reported.
    pub(crate) fn gravity(&self) -> u8 {
        match self {
            SendError::Descriptors(_) => 5,
            SendError::Pin { .. } => 4,
            SendError::Stranger => 3,
            SendError::Protocol(_) | SendError::Tls(_) => 2,
            SendError::Timeout(_) => 1,
            _ => 0,
        }
    }
}
