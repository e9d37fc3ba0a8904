//! Reads what a text counts: how many people, how many kilograms. Two outlets tell of one seizure where both weigh the same.

use crate::hits::Class;
use crate::scene::Scene;
use crate::words::Gap;

/// Sentences of the lead in which people are counted.
const COUNT_RANK_MAX: usize = 4;
/// Largest count of people that is read; more are visitors, residents, spectators.
const COUNT_MAX: u32 = 400;
const AMOUNTS_MAX: usize = 24;

/// What a text counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    /// Kilograms with the bytes they stand on.
    pub kilograms: Vec<(u32, (usize, usize))>,
    /// Counts of people or things in sentences that tell of arrests or seizures, sorted, each once.
    pub counts: Vec<u32>,
}

/// Reads the amounts of what is told.
pub(crate) fn amounts(scene: &Scene) -> Amounts {
    let mut amounts = Amounts::default();
    for sentence in scene.told() {
        let counts_here = sentence.rank <= COUNT_RANK_MAX && scene.hits.any(Class::Result, sentence.from, sentence.told_to);
        let dated = dated_words(scene, sentence.from, sentence.told_to);
        let mut at = sentence.from;
        while at < sentence.told_to {
            if dated.iter().any(|(from, to)| (*from..*to).contains(&at)) {
                at += 1;
                continue;
            }
            let Some((value, next)) = number(scene, at, sentence.told_to) else {
                at += 1;
                continue;
            };
            let age = scene.is(next, Class::Age)
                || scene.is(next + 1, Class::And) && scene.is(next + 3, Class::Age)
                || (1..=3).any(|back| at >= sentence.from + back && scene.hits.at(at - back, Class::Age).is_some_and(|hit| hit.to + 2 >= at));
            let percent = age || scene.words.list.get(next).is_some_and(|word| word.gap.has(Gap::PERCENT));
            if let Some(unit) = scene.hits.at(next, Class::Unit).filter(|_| next < sentence.told_to) {
                let kilograms = value * f64::from(unit.entry.number());
                if (1.0..1e9).contains(&kilograms) && amounts.kilograms.len() < AMOUNTS_MAX {
                    amounts.kilograms.push((kilograms as u32, scene.bytes(at, unit.to)));
                }
            } else if counts_here && !percent && value.fract() == 0.0 && (2.0..=f64::from(COUNT_MAX)).contains(&value) && amounts.counts.len() < AMOUNTS_MAX {
                amounts.counts.push(value as u32);
            }
            at = next.max(at + 1);
        }
    }
    amounts.counts.sort_unstable();
    amounts.counts.dedup();
    amounts
}

fn dated_words(scene: &Scene, from: usize, to: usize) -> Vec<(usize, usize)> {
    crate::dates::dates(scene, from, to).into_iter().map(|said| (said.from, said.to)).collect()
}

/// Reads "nine", "9", "1.564,5", "1 564,5" or "7,5" and tells where it ends.
fn number(scene: &Scene, at: usize, to: usize) -> Option<(f64, usize)> {
    if let Some(hit) = scene.hits.at(at, Class::NumberWord) {
        return Some((f64::from(hit.entry.number()), hit.to));
    }
    let word = scene.words.list.get(at)?;
    let mut value = f64::from(word.number?);
    let mut next = at + 1;
    let mut last_digits = word.digits;
    while let Some(word) = scene.words.list.get(next).filter(|_| next < to) {
        let Some(more) = word.number else { break };
        let only = |gap: Gap| word.gap == gap;
        let groups = word.digits == 3 && last_digits <= 3 && (only(Gap::DOT) || only(Gap::COMMA) || only(Gap::SPACE));
        if groups {
            value = value * 1000.0 + f64::from(more);
        } else if (only(Gap::COMMA) || only(Gap::DOT)) && word.digits <= 2 {
            value += f64::from(more) / 10f64.powi(i32::from(word.digits));
            next += 1;
            break;
        } else {
            break;
        }
        last_digits = 3;
        next += 1;
    }
    Some((value, next))
}

/// Tells whether two weights may be one, told more or less exactly.
pub(crate) fn same_weight(one: u32, two: u32) -> bool {
    let (small, large) = (one.min(two), one.max(two));
    large - small <= large / 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<u32>, Vec<u32>) {
        let amounts = amounts(&Scene::set(text).unwrap());
        (amounts.kilograms.into_iter().map(|(kilograms, _)| kilograms).collect(), amounts.counts)
    }

    #[test]
    fn weights_and_counts_in_every_manner() {
        assert_eq!(read("Les services ont saisi 1.564,5 kilos de cocaïne et arrêté trois personnes le 12 janvier 2031."), (vec![1564], vec![3]));
        assert_eq!(read("Spanish police seized 1,212 kg of cocaine and arrested nine people, the ministry said."), (vec![1212], vec![9]));
        assert_eq!(read("La Guardia Civil y la policía se incautaron de 7,5 toneladas y hay cuatro detenidos en el puerto."), (vec![7500], vec![4]));
        assert_eq!(read("The police of the two countries met with 40 officials at the ministry."), (vec![], vec![]));
        assert!(same_weight(1564, 1500) && same_weight(1212, 1200) && !same_weight(3400, 2100));
    }
}
