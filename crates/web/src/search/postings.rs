//! In which dossiers a word stands, and how much it counts there. Most words of a service stand in one dossier: they take no room of their own.

/// A dossier by its number in the index, and how much a word counts in it.
type Posting = (u32, u16);

/// The dossiers that have a word, by number.
#[derive(Debug)]
pub(super) enum Postings {
    One(Posting),
    Many(Vec<Posting>),
}

impl Default for Postings {
    fn default() -> Self {
        Postings::Many(Vec::new())
    }
}

impl Postings {
    pub fn all(&self) -> &[Posting] {
        match self {
            Postings::One(one) => std::slice::from_ref(one),
            Postings::Many(many) => many,
        }
    }

    /// Counts a word more for a dossier; tells whether the dossier did not have it yet.
    pub fn count(&mut self, number: u32, n: u16) -> bool {
        let place = self.all().binary_search_by_key(&number, |p| p.0);
        match (self, place) {
            (Postings::One(one), Ok(_)) => one.1 = one.1.saturating_add(n),
            (Postings::Many(many), Ok(at)) => many[at].1 = many[at].1.saturating_add(n),
            (held @ Postings::Many(_), Err(_)) if held.all().is_empty() => *held = Postings::One((number, n)),
            (Postings::Many(many), Err(at)) => many.insert(at, (number, n)),
            (held, Err(at)) => {
                let mut many = held.all().to_vec();
                many.insert(at, (number, n));
                *held = Postings::Many(many);
            }
        }
        place.is_err()
    }

    /// Forgets a dossier; tells whether no other has the word.
    pub fn forget(&mut self, number: u32) -> bool {
        match self {
            Postings::One(one) if one.0 == number => *self = Postings::default(),
            Postings::One(_) => {}
            Postings::Many(many) => {
                if let Ok(at) = many.binary_search_by_key(&number, |p| p.0) {
                    many.remove(at);
                }
                if let [one] = many[..] {
                    *self = Postings::One(one);
                }
            }
        }
        self.all().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_comes_into_dossiers_and_goes_out_of_them() {
        let mut held = Postings::default();
        assert!(held.count(7, 1) && !held.count(7, 4) && held.count(3, 1) && held.count(9, u16::MAX) && !held.count(9, 1));
        assert_eq!(held.all(), [(3, 1), (7, 5), (9, u16::MAX)]);
        assert!(!held.forget(5) && !held.forget(7) && !held.forget(3));
        assert!(matches!(held, Postings::One((9, u16::MAX))), "{held:?}");
        assert!(!held.forget(3) && held.forget(9) && held.all().is_empty());
    }
}
