//! Why hit/no-hit says no, and what a partner must not do in it.

use matching::filter::FilterFault;
use matching::oprf::OprfFault;
use matching::subject::SubjectFault;

/// A refusal of hit/no-hit or a partner's fault in it; the code says which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HitFault {
    /// A subject is not described as it must be.
    #[error(transparent)]
    Subject(#[from] SubjectFault),
    /// The oblivious function's rules are broken.
    #[error(transparent)]
    Oprf(#[from] OprfFault),
    /// A filter or its changes cannot be used.
    #[error(transparent)]
    Filter(#[from] FilterFault),
    /// No list of this partner is here.
    #[error("no list of this partner is here that can be asked; its node sends one once both are under an accord that names hit-no-hit and it has an index")]
    NoList,
    /// The question was made for another epoch of the list.
    #[error("the list has a new key since this was asked; ask again once the new list is here")]
    Epoch,
    /// The officer has asked too much today.
    #[error("this officer has {left} question elements left today under the accord, and {wanted} are wanted; go on tomorrow, or ask for a list grant")]
    QuotaOfficer {
        /// Elements that are left.
        left: u64,
        /// Elements that are wanted.
        wanted: u64,
    },
    /// The service has asked this partner too much.
    #[error("this service has {left} question elements left with this partner in these ten days, and {wanted} are wanted; wait, or ask for a list grant")]
    QuotaPartner {
        /// Elements that are left.
        left: u64,
        /// Elements that are wanted.
        wanted: u64,
    },
    /// The accord does not permit this category of persons.
    #[error("the accord permits no hit/no-hit on persons of the category '{0}'")]
    Category(String),
    /// The accord does not name this purpose.
    #[error("the accord does not name the purpose '{0}'")]
    Purpose(String),
    /// A list grant is not open, or used up.
    #[error("the list grant does not permit this: {0}")]
    Grant(&'static str),
    /// A question lacks what justifies it.
    #[error("a question says why it is asked, in which case and for which offence: {0} is missing or no code that is known")]
    Justification(&'static str),
    /// A result is kept no longer.
    #[error("what this question found is kept no longer; ask again if it is still needed")]
    Expired,
    /// There is nothing to confirm.
    #[error("there is no unconfirmed hit to this question")]
    NotHit,
    /// The partner's list was made by other rules for names.
    #[error("the list was made by version {theirs} of the rules for keys, ours is {ours}; the older node must be brought up to date")]
    Scheme {
        /// The partner's version.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// The same blinded elements under another question.
    #[error("these very elements were asked before under another question; a batch is used once")]
    Replayed,
    /// An answer that was given before: to another question, or a second one to this.
    #[error("this answer was given before, or another one to this question; an answer is used once")]
    AnswerReplayed,
    /// A second selection of hits for one question.
    #[error("hits of this question were confirmed before, and others; one selection for each question")]
    ConfirmedTwice,
    /// The elements are not those to which the signed head commits.
    #[error("the elements are not those that the signed question commits to")]
    Commitment,
    /// A list's head is not what it should be.
    #[error("this list cannot be taken: {0}")]
    List(&'static str),
    /// Parts or changes that are not the next ones.
    #[error("a part of a list came out of order or twice differently; the partner must send the list anew")]
    Order,
    /// A filter is not the one that the signed head names.
    #[error("the filter is not the one that the partner signed for")]
    Digest,
    /// An answer or reference that nobody asked for.
    #[error("nobody here has asked for this")]
    Unasked,
    /// What came as a reference does not open.
    #[error("what came for the confirmed hit does not open under it")]
    Reference,
    /// More records, or a larger file, than an index takes.
    #[error("the index takes at most {0} records; part it, or remove what is no longer needed")]
    Full(usize),
}

impl HitFault {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            HitFault::Subject(e) => e.code(),
            HitFault::Oprf(e) => e.code(),
            HitFault::Filter(e) => e.code(),
            HitFault::NoList => "refusal.matching.no-list",
            HitFault::Epoch => "refusal.matching.epoch",
            HitFault::QuotaOfficer { .. } => "refusal.matching.quota-officer",
            HitFault::QuotaPartner { .. } => "refusal.matching.quota-partner",
            HitFault::Category(_) => "refusal.matching.category",
            HitFault::Purpose(_) => "refusal.matching.purpose",
            HitFault::Grant(_) => "refusal.matching.grant",
            HitFault::Justification(_) => "refusal.matching.justification",
            HitFault::Expired => "refusal.matching.expired",
            HitFault::NotHit => "refusal.matching.not-hit",
            HitFault::Scheme { .. } => "refusal.matching.scheme",
            HitFault::Full(_) => "refusal.matching.full",
            HitFault::Replayed => "peer.matching.replayed",
            HitFault::AnswerReplayed => "peer.matching.answer-replayed",
            HitFault::ConfirmedTwice => "peer.matching.confirmed-twice",
            HitFault::Commitment => "peer.matching.commitment",
            HitFault::List(_) => "peer.matching.list",
            HitFault::Order => "peer.matching.order",
            HitFault::Digest => "peer.matching.digest",
            HitFault::Unasked => "peer.matching.unasked",
            HitFault::Reference => "peer.matching.reference",
        }
    }
}
