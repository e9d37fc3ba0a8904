//! A card as people see it: whom to call, and the fingerprint to be read aloud, in every language that has a list of words.

use crate::error::NodeError;
use crate::node::Node;
use base::{Lang, ServiceId, Text, UnixMs};
use seal::{Cards, Directory, Fingerprint};
use serde::Serialize;
use std::collections::BTreeMap;

/// Languages that have a list of words for fingerprints (BIP-39 has none for Arabic and German).
pub const SPOKEN: [Lang; 4] = [Lang::En, Lang::Fr, Lang::Es, Lang::Pt];

/// A service's newest card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CardView {
    /// The service.
    pub service: ServiceId,
    /// Its short name.
    pub code: String,
    /// Its country, ISO 3166-1 alpha-2.
    pub country: String,
    /// Its names by language.
    pub name: Vec<Text>,
    /// The card's number.
    pub number: u32,
    /// Where its node is reached.
    pub endpoints: Vec<String>,
    /// Its working languages.
    pub languages: Vec<String>,
    /// Desks that answer: what, telephone, mail.
    pub duty: Vec<(String, String, String)>,
    /// From when the card is valid.
    pub valid_from: UnixMs,
    /// Until when.
    pub valid_until: UnixMs,
    /// Its fingerprint in words, by language.
    pub words: BTreeMap<Lang, String>,
    /// Its fingerprint in digits.
    pub digits: String,
    /// The signed bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl CardView {
    fn of(cards: &Cards) -> CardView {
        let (card, service) = (cards.latest(), cards.service());
        let print = Fingerprint::of(&service);
        CardView {
            service,
            code: card.code.clone(),
            country: card.country.clone(),
            name: card.name.clone(),
            number: card.number,
            endpoints: card.endpoints.clone(),
            languages: card.languages.iter().map(|l| l.as_str().to_owned()).collect(),
            duty: card.duty.iter().map(|d| (d.desk.clone(), d.phone.clone(), d.mail.clone())).collect(),
            valid_from: card.valid_from,
            valid_until: card.valid_until,
            words: SPOKEN.into_iter().map(|l| (l, print.words(l))).collect(),
            digits: print.digits(),
            bytes: cards.iter_bytes().last().unwrap_or_default().to_vec(),
        }
    }
}

impl Node {
    /// Shows the newest card of a service that is known here, ours included.
    pub fn card_view(&self, service: &ServiceId) -> Result<CardView, NodeError> {
        self.book.cards(service).map(|cards| CardView::of(&cards)).ok_or(NodeError::Absent("card"))
    }
}
