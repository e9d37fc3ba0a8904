//! What two sounds have to do with each other: learned from pairs of names, read from `data/letters.txt`.
//!
//! For each pair of symbols the table holds, in sixteenths of a nat, how much likelier they are to stand for each other in two spellings
//! of one name than in two names that have nothing to do with each other; for each symbol, how likely it is to be left out, by the script
//! of the other side.

use super::letters::{COUNT, Symbol};
use std::sync::OnceLock;

/// Sixteenths of a nat.
pub(crate) type Weight = i16;

/// The learned table.
#[derive(Clone)]
pub(crate) struct Costs {
    /// Symbol beside symbol.
    pub(crate) pair: Vec<[Weight; COUNT]>,
    /// A symbol beside nothing, where the other word is Latin, and where it is Arabic.
    pub(crate) alone: [[Weight; 2]; COUNT],
    /// What a symbol beside itself, or beside what usually stands for it, is worth; by the other script.
    pub(crate) own: [[Weight; 2]; COUNT],
    /// The logarithm of how often a symbol occurs in names of its script.
    pub(crate) frequency: [Weight; COUNT],
}

const TEXT: &str = include_str!("../../data/letters.txt");

impl Costs {
    /// Returns the shipped table.
    pub(crate) fn shipped() -> &'static Costs {
        static COSTS: OnceLock<Costs> = OnceLock::new();
        COSTS.get_or_init(|| Costs::read(TEXT).expect("the shipped table is tested"))
    }

    /// Reads a table: for each symbol one line of its two gaps, its two own worths, its frequency and its row.
    pub(crate) fn read(text: &str) -> Option<Costs> {
        let mut costs = Costs { pair: Vec::with_capacity(COUNT), alone: [[0; 2]; COUNT], own: [[0; 2]; COUNT], frequency: [0; COUNT] };
        let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#')).collect();
        if lines.len() != COUNT {
            return None;
        }
        for (i, line) in lines.iter().enumerate() {
            let numbers: Vec<Weight> = line.split_whitespace().skip(1).map(|n| n.parse().ok()).collect::<Option<_>>()?;
            let (head, row) = numbers.split_at_checked(5)?;
            costs.alone[i] = [head[0], head[1]];
            costs.own[i] = [head[2], head[3]];
            costs.frequency[i] = head[4];
            costs.pair.push(row.try_into().ok()?);
        }
        Some(costs)
    }

    /// Returns what one word's sounds are worth beside a word of a script that fits it well.
    pub(crate) fn own(&self, word: &[Symbol], arabic: bool) -> i32 {
        word.iter().map(|s| i32::from(self.own[usize::from(*s)][usize::from(arabic)])).sum()
    }

    /// Returns the best alignment of two words: the sum of what stands beside each other and what is left out.
    pub(crate) fn align(&self, a: &[Symbol], b: &[Symbol], rows: &mut [i32; super::letters::WORD_MAX + 1]) -> i32 {
        let gap = |s: Symbol, other: &[Symbol]| {
            let arabic = other.first().is_some_and(|o| super::letters::is_arabic_symbol(*o));
            i32::from(self.alone[usize::from(s)][usize::from(arabic)])
        };
        rows[0] = 0;
        for (j, s) in b.iter().enumerate() {
            rows[j + 1] = rows[j] + gap(*s, a);
        }
        for x in a {
            let (row, alone) = (&self.pair[usize::from(*x)], gap(*x, b));
            let mut diagonal = rows[0];
            rows[0] += alone;
            for (j, y) in b.iter().enumerate() {
                let both = diagonal + i32::from(row[usize::from(*y)]);
                diagonal = rows[j + 1];
                rows[j + 1] = both.max(diagonal + alone).max(rows[j] + gap(*y, a));
            }
        }
        rows[b.len()]
    }
}
