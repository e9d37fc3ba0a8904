//! What a partner that means harm may try, and the code under which each is refused.
//!
//! Each attack stands beside the same one against something weaker, where it succeeds: so that it fails here for the reason that it should.

use crate::{Seeded, key, with_kernels};
use base::cbor;
use entente_matching::filter::{Changes, Filter, FilterFault};
use entente_matching::oprf::{Evaluated, Kernel, Key, OprfFault, Proof, PublicKey, Question};
use sha2::{Digest, Sha512};

/// A register of a country, all invented: every pair of some names with every date of some.
fn dictionary() -> Vec<Vec<u8>> {
    const GIVEN: [&str; 8] = ["youssef", "khadija", "ana", "peter", "marie", "tomas", "leila", "jonas"];
    const FAMILY: [&str; 10] = ["zerouali", "benchekroun", "ruiz", "vogel", "marchand", "idrissi", "soto", "keller", "amrani", "duarte"];
    let mut all = Vec::new();
    for (given, family) in GIVEN.iter().flat_map(|g| FAMILY.iter().map(move |f| (g, f))) {
        all.extend((0..40).map(|n| format!("hit-no-hit|name-date|1|{given} {family}|{}-{:02}-{:02}", 1960 + n, n % 12 + 1, n % 28 + 1).into_bytes()));
    }
    all
}

/// Every sixteenth of the register is on the list.
fn list(register: &[Vec<u8>]) -> Vec<Vec<u8>> {
    register.iter().step_by(16).cloned().collect()
}

fn first_eight(hash: &[u8]) -> u64 {
    u64::from_be_bytes(hash[..8].try_into().expect("a hash is longer"))
}

/// How many of a register an outsider finds in a filter by working tags out itself.
fn guessed(filter: &Filter, register: &[Vec<u8>], tag: impl Fn(&[u8]) -> u64) -> usize {
    register.iter().filter(|r| filter.contains(tag(r))).count()
}

#[test]
fn a_dictionary_reads_a_hashed_list_and_nothing_of_ours() {
    let register = dictionary();
    let on_list = list(&register);
    // The filter that others ship: salted hashes, with a salt that every partner must hold to look anything up.
    let salt = b"salt of the federation";
    let hashed = |input: &[u8]| first_eight(&Sha512::new().chain_update(salt).chain_update(input).finalize());
    let weak = Filter::from_bytes(&Filter::build(on_list.iter().map(|i| hashed(i)).collect()).unwrap().to_bytes()).unwrap();
    assert_eq!(guessed(&weak, &register, hashed), on_list.len(), "the whole list is read, without one question");

    let holder = key(1, Kernel::best());
    let ours = Filter::from_bytes(&Filter::build(holder.tags(&on_list, &|_| ()).unwrap()).unwrap().to_bytes()).unwrap();
    // All that an outsider can work out: plain hashes, hashes with everything public in them, the function under keys of its own.
    let public = holder.public().to_bytes();
    assert_eq!(guessed(&ours, &register, hashed), 0);
    assert_eq!(guessed(&ours, &register, |i| first_eight(&Sha512::digest(i))), 0);
    assert_eq!(guessed(&ours, &register, |i| first_eight(&Sha512::new().chain_update(public).chain_update(i).finalize())), 0);
    let one = Key::from_bytes(&std::array::from_fn(|i| u8::from(i == 0)), Kernel::best()).unwrap();
    for other in [one, key(2, Kernel::best())] {
        let tags = other.tags(&register, &|_| ()).unwrap();
        assert_eq!(tags.iter().filter(|t| ours.contains(**t)).count(), 0, "a key of the attacker's own");
    }
    // The same register under the holder's own key reads it all: the key is what was lacking, not the dictionary.
    let tags = holder.tags(&register, &|_| ()).unwrap();
    assert_eq!(tags.iter().filter(|t| ours.contains(**t)).count(), on_list.len());
}

/// One question to a holder, and what was asked of it.
struct Asked {
    question: Question,
    good: Evaluated,
    holder: Key,
    kernel: Kernel,
}

fn asked(kernel: Kernel) -> Asked {
    let holder = key(1, kernel);
    let question = Question::blind(&dictionary()[..10], 64, &mut Seeded(7), kernel).unwrap();
    let good = holder.evaluate(question.blinded(), &mut Seeded(8)).unwrap();
    Asked { question, good, holder, kernel }
}

impl Asked {
    fn refused(&self, alter: impl FnOnce(&mut Evaluated)) -> &'static str {
        let mut answer = self.good.clone();
        alter(&mut answer);
        self.question.finish(&answer, self.holder.public()).map_or_else(|e| e.code(), |_| "accepted")
    }
}

#[test]
fn another_key_would_be_a_silent_no_hit_and_is_refused() {
    with_kernels(|kernel| {
        let a = asked(kernel);
        let filter = Filter::build(a.holder.tags(&dictionary()[..10], &|_| ()).unwrap()).unwrap();
        let wrong = key(2, kernel);
        let answer = wrong.evaluate(a.question.blinded(), &mut Seeded(9)).unwrap();
        // Without the proof: nothing is found, though all ten are on the list, and nobody would know.
        let silent = a.question.finish(&answer, wrong.public()).unwrap();
        assert!(silent.iter().all(|o| !filter.contains(o.tag())));
        assert_eq!(a.refused(|e| *e = answer), "peer.matching.proof");
        let found = a.question.finish(&a.good, a.holder.public()).unwrap();
        assert!(found.len() == 10 && found.iter().all(|o| filter.contains(o.tag())), "the honest answer, all ten");
    });
}

#[test]
fn one_element_of_many_with_another_key_is_refused() {
    with_kernels(|kernel| {
        let a = asked(kernel);
        let other = key(2, kernel).evaluate(a.question.blinded(), &mut Seeded(9)).unwrap();
        for place in [0, 9, 10, 63] {
            assert_eq!(a.refused(|e| e.elements[place] = other.elements[place]), "peer.matching.proof", "element {place}");
        }
        assert_eq!(a.refused(|e| e.elements.swap(3, 4)), "peer.matching.proof", "two exchanged");
        assert_eq!(a.refused(|_| ()), "accepted");
    });
}

#[test]
fn an_answer_to_another_question_or_of_an_ended_epoch_is_refused() {
    with_kernels(|kernel| {
        let a = asked(kernel);
        // The same inputs, asked again: the blinds are new, so the old answer fits nothing.
        let again = Question::blind(&dictionary()[..10], 64, &mut Seeded(70), kernel).unwrap();
        assert_eq!(again.finish(&a.good, a.holder.public()).unwrap_err().code(), "peer.matching.proof");
        let only_its_proof = Evaluated { proof: a.good.proof, ..a.holder.evaluate(again.blinded(), &mut Seeded(71)).unwrap() };
        assert_eq!(again.finish(&only_its_proof, a.holder.public()).unwrap_err().code(), "peer.matching.proof");
        // After rotation the published key is another one: what the old key answers is refused.
        let rotated = key(3, kernel);
        assert_eq!(a.question.finish(&a.good, rotated.public()).unwrap_err().code(), "peer.matching.proof");
        assert!(a.question.finish(&a.good, a.holder.public()).is_ok());
    });
}

/// Strings that are no element (RFC 9496, A.3): not canonical, negative, no square, negative xy, y = 0.
const NO_ELEMENTS: [&str; 6] = [
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

#[test]
fn malformed_elements_and_the_identity_are_refused_on_both_sides_and_named() {
    with_kernels(|kernel| {
        let a = asked(kernel);
        for bad in NO_ELEMENTS {
            let bad: [u8; 32] = base::hex::decode(bad).unwrap().try_into().unwrap();
            for place in [0, 13, 63] {
                let mut asked = a.question.blinded().to_vec();
                asked[place] = bad;
                assert_eq!(a.holder.evaluate(&asked, &mut Seeded(1)).unwrap_err(), OprfFault::Element(place));
                assert_eq!(a.refused(|e| e.elements[place] = bad), "peer.matching.element");
            }
            assert_eq!(PublicKey::from_bytes(&bad).unwrap_err().code(), "peer.matching.form");
        }
        for place in [0, 13, 63] {
            let mut asked = a.question.blinded().to_vec();
            asked[place] = [0; 32];
            assert_eq!(a.holder.evaluate(&asked, &mut Seeded(1)).unwrap_err(), OprfFault::Identity(place));
            assert_eq!(a.refused(|e| e.elements[place] = [0; 32]), "peer.matching.identity");
        }
        assert_eq!(PublicKey::from_bytes(&[0; 32]).unwrap_err().code(), "peer.matching.form", "a key under which everything is one");
        assert!(a.kernel.name() == kernel.name() && PublicKey::from_bytes(&a.holder.public().to_bytes()).is_ok());
    });
}

#[test]
fn batches_and_proofs_of_another_size_are_refused() {
    with_kernels(|kernel| {
        let a = asked(kernel);
        assert_eq!(a.refused(|e| e.elements.truncate(63)), "peer.matching.count");
        assert_eq!(a.refused(|e| e.elements.push(e.elements[0])), "peer.matching.count");
        assert_eq!(a.refused(|e| e.elements.clear()), "peer.matching.count");
        let proof = a.good.proof.to_bytes();
        assert_eq!(Proof::from_bytes(&proof), Ok(a.good.proof));
        for bad in [&proof[..63], &[proof.as_slice(), &[0]].concat(), &[0xff; 64]] {
            assert_eq!(Proof::from_bytes(bad).unwrap_err().code(), "peer.matching.form");
        }
        for bit in [0, 100, 255, 256, 400, 507] {
            let mut altered = proof;
            altered[bit / 8] ^= 1 << (bit % 8);
            let code = Proof::from_bytes(&altered).map_or_else(|e| e.code(), |proof| a.refused(|e| e.proof = proof));
            assert!(["peer.matching.proof", "peer.matching.form"].contains(&code), "bit {bit}: {code}");
        }
    });
}

fn tags(seed: u64, n: usize) -> Vec<u64> {
    let mut bytes = vec![[0; 8]; n];
    base::Entropy::fill(&mut Seeded(seed), bytes.as_flattened_mut());
    bytes.into_iter().map(u64::from_le_bytes).collect()
}

fn code(bytes: &[u8]) -> &'static str {
    Filter::from_bytes(bytes).map_or_else(|e| e.code(), |_| "accepted")
}

/// A filter's bytes as a liar writes them: how many tags it claims, and the code.
fn written(count: u64, rice: &[u8]) -> Vec<u8> {
    #[derive(minicbor::Encode, minicbor::Decode)]
    #[cbor(map)]
    struct Wire {
        #[n(0)]
        version: u32,
        #[n(1)]
        count: u64,
        #[cbor(n(2), with = "minicbor::bytes")]
        code: Vec<u8>,
    }
    cbor::to_vec(&Wire { version: 1, count, code: rice.to_vec() })
}

#[test]
fn a_filter_that_was_cut_anywhere_is_refused() {
    let whole = Filter::build(tags(1, 100)).unwrap().to_bytes();
    assert_eq!(code(&whole), "accepted");
    for length in 0..whole.len() {
        assert_eq!(code(&whole[..length]), "peer.matching.filter-truncated", "{length} of {} bytes", whole.len());
    }
    // Cut inside, and the outer lengths put right again.
    let rice = &whole[whole.len() - 420..];
    assert_eq!(written(100, rice), whole, "the code is what stands last");
    for cut in 1..5 {
        assert_eq!(code(&written(100, &rice[..rice.len() - cut])), "peer.matching.filter-truncated");
    }
}

#[test]
fn a_planted_filter_has_no_room_on_the_wire() {
    // All ones: a gap that never ends. All zeros: every tag the same, which covers one value and no more.
    assert_eq!(code(&written(1_000, &[0xff; 4_200])), "peer.matching.filter-truncated");
    assert_eq!(code(&written(1_000, &[0; 4_126])), "peer.matching.filter-code", "a byte too many for a thousand zeros");
    let zeros = Filter::from_bytes(&written(1_000, &[0; 4_125])).unwrap();
    assert_eq!(tags(2, 100_000).iter().filter(|t| zeros.contains(**t)).count(), 0);
    // Dense: as many tags as bytes can hold, one beside the other; they cover n values of n * 2^32.
    let gap_of_one = 1u64;
    let mut rice = Vec::new();
    let bits: Vec<bool> = (0..1_000).flat_map(|_| (0..33).rev().map(move |bit| gap_of_one >> bit & 1 == 1)).collect();
    bits.chunks(8).for_each(|eight| rice.push(eight.iter().enumerate().fold(0, |byte, (i, bit)| byte | u8::from(*bit) << (7 - i))));
    let dense = Filter::from_bytes(&written(1_000, &rice)).unwrap();
    assert_eq!(dense.len(), 1_000);
    assert_eq!(tags(3, 1_000_000).iter().filter(|t| dense.contains(**t)).count(), 0);
    assert_eq!(dense.probe(&mut Seeded(4)), Ok(()));
    // Boastful: a range too small for its tags, and a number that the bytes cannot hold.
    assert_eq!(code(&written(999, &rice)), "peer.matching.filter-code");
    assert_eq!(code(&written(1_500, &rice)), "peer.matching.filter-size");
    assert_eq!(code(&written(u64::MAX, &rice)), "peer.matching.filter-size");
}

#[test]
fn tags_aimed_at_random_guesses_are_found_by_the_probe() {
    // What lies outside the wire's reach is caught all the same: tags that answer the very draws of the probe.
    let mut aimed = Filter::build(Vec::new()).unwrap();
    let changes = |added: Vec<u64>| Changes { added, removed: Vec::new() };
    aimed.apply(&changes(tags(5, 2))).unwrap();
    assert_eq!(aimed.probe(&mut Seeded(5)), Ok(()), "two of a million may be chance");
    aimed.apply(&changes(tags(5, 3)[2..].to_vec())).unwrap();
    assert_eq!(aimed.probe(&mut Seeded(5)), Err(FilterFault::Planted(3)));
    assert_eq!(aimed.probe(&mut Seeded(6)), Ok(()), "whoever does not know the draws cannot aim at them");
}

#[test]
fn an_outsider_cannot_plant_an_entry_for_a_person() {
    // Somebody who can alter a filter on its way, without the key, wants the question for one person to hit.
    let holder = key(1, Kernel::best());
    let target = dictionary().swap_remove(5);
    let question = Question::blind(&[&target], 1, &mut Seeded(1), Kernel::best()).unwrap();
    let answer = holder.evaluate(question.blinded(), &mut Seeded(2)).unwrap();
    let output = question.finish(&answer, holder.public()).unwrap().remove(0);
    let forged = [first_eight(&Sha512::digest(&target)), key(2, Kernel::best()).tags(&[&target], &|_| ()).unwrap()[0], first_eight(&answer.elements[0])];
    assert!(!Filter::build(forged.to_vec()).unwrap().contains(output.tag()));
    // The holder itself can; what it then learns is a confirmed fetch and nothing before. The fetch's name does not follow from the filter's tag.
    assert!(Filter::build(holder.tags(&[&target], &|_| ()).unwrap()).unwrap().contains(output.tag()));
    assert_ne!(output.fetch_tag()[..8], output.tag().to_be_bytes());
    assert_ne!(output.fetch_tag(), output.seal_key());
}
