//! Reads several texts with the names that we ship, or with those of a service beside them.

use crate::event::{PageNote, Reading, Text};
use crate::extend::{NamesFault, Own, own_names};
use crate::group::{Decided, group};
use crate::lexicon::{LEXICON, Lexicon};
use crate::silence::{Silence, Silent};
use crate::tale::tale;
use crate::write::Writer;

/// Most texts that one run reads.
pub const TEXTS_MAX: usize = 10_000;

/// What officers have decided about texts, by their places in the list that is read; places beyond it are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Texts that an officer joined: one event, whatever they say.
    pub together: Vec<Vec<usize>>,
    /// Pairs that an officer split: never one event, unless joined by hand through a third.
    pub apart: Vec<(usize, usize)>,
}

/// Reads communiqués with a set of names.
#[derive(Debug, Default)]
pub struct Reader {
    own: Option<Own>,
}

impl Reader {
    /// Reads with the names that we ship and nothing else.
    pub fn shipped() -> Reader {
        Reader::default()
    }

    /// Reads with the names of a service's own file beside ours; `docs/register.md` says what it may hold.
    pub fn with_names(toml: &str) -> Result<Reader, NamesFault> {
        Ok(Reader { own: Some(own_names(toml)?) })
    }

    fn lexicon(&self) -> &Lexicon {
        self.own.as_ref().map_or(&LEXICON, |own| &own.lexicon)
    }

    /// Reads texts and drafts the events they tell of.
    ///
    /// Never fails as a whole: a text that cannot be read, or tells of no cooperation event, is in `silent` with its reason.
    pub fn read(&self, texts: &[Text], decisions: &Decisions) -> Reading {
        let mut reading = Reading::default();
        let mut tales = Vec::new();
        let mut place_of = vec![None; texts.len()];
        for (at, text) in texts.iter().enumerate() {
            let mut note = PageNote { source: text.path.to_owned(), language: "und", parts: Vec::new() };
            let told = if at < TEXTS_MAX { tale(self.lexicon(), text, &mut note) } else { Err(Silence::TooManyTexts { texts_max: TEXTS_MAX }) };
            match told {
                Ok(tale) => {
                    place_of[at] = Some(tales.len());
                    tales.push(tale);
                }
                Err(reason) => reading.silent.push(Silent { source: text.path.to_owned(), reason }),
            }
            reading.pages.push(note);
        }
        let place = |at: &usize| place_of.get(*at).copied().flatten();
        let apart = decisions.apart.iter().filter_map(|(one, two)| Some((place(one)?, place(two)?))).map(|(one, two)| (one.min(two), one.max(two)));
        let decided = Decided {
            apart: apart.filter(|(one, two)| one != two).collect(),
            together: decisions.together.iter().map(|set| set.iter().filter_map(place).collect()).collect(),
        };
        let people = self.own.as_ref().map_or(&[][..], |own| &own.people);
        let texts_of: Vec<usize> = (0..texts.len()).filter(|at| place_of[*at].is_some()).collect();
        for group in group(&tales, &decided) {
            reading.members.push(group.members.iter().map(|at| texts_of[*at]).collect());
            reading.events.push(Writer::new(&tales, people, group).write());
        }
        reading
    }
}

/// Reads texts with the names that we ship, and drafts the events they tell of.
pub fn draft(texts: &[Text]) -> Reading {
    Reader::shipped().read(texts, &Decisions::default())
}
