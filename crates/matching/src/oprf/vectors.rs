//! RFC 9497, appendix A.1.2: every value of the three vectors, by every kernel; and the crate `voprf` against ours, both ways.

use super::kernel::Kernel;
use super::proof::{Proof, weights};
use super::suite::Expander;
use super::{Evaluated, Key, OprfFault, PublicKey, Question};
use base::Entropy;
use curve25519_dalek::scalar::Scalar;

const SEED: [u8; 32] = [0xa3; 32];
const INFO: &[u8] = b"test key";
const SECRET: &str = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909";
const PUBLIC: &str = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e";

struct Vector {
    inputs: &'static [&'static str],
    blinds: &'static [&'static str],
    blinded: &'static [&'static str],
    evaluated: &'static [&'static str],
    proof: &'static str,
    nonce: &'static str,
    outputs: &'static [&'static str],
}

const VECTORS: &[Vector] = &[
    Vector {
        inputs: &["00"],
        blinds: &["64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"],
        blinded: &["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945"],
        evaluated: &["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e"],
        proof: "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
        nonce: "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
        outputs: &["b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"],
    },
    Vector {
        inputs: &["5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"],
        blinds: &["64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"],
        blinded: &["cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c"],
        evaluated: &["60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468"],
        proof: "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
        nonce: "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e",
        outputs: &["8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"],
    },
    Vector {
        inputs: &["00", "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"],
        blinds: &["64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706", "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e"],
        blinded: &["863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945", "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654"],
        evaluated: &["aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e", "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a"],
        proof: "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
        nonce: "419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
        outputs: &[
            "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
            "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
        ],
    },
];

fn bytes(hex: &str) -> Vec<u8> {
    base::hex::decode(hex).unwrap()
}

fn strings<const N: usize>(all: &[&str]) -> Vec<[u8; N]> {
    all.iter().map(|h| bytes(h).try_into().unwrap()).collect()
}

fn scalar(hex: &str) -> Scalar {
    Scalar::from_canonical_bytes(bytes(hex).try_into().unwrap()).unwrap()
}

/// Counts up, so that a test is the same every time.
struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(5).wrapping_add(77);
            *byte = self.0 ^ 0x2f;
        }
    }
}

/// Runs a story with every kernel that this processor has.
fn with_kernels(story: impl Fn(Kernel)) {
    Kernel::all().for_each(&story);
    for lacking in ["eight", "four"].iter().filter(|name| Kernel::all().all(|k| k.name() != **name)) {
        eprintln!("NOT CHECKED: this processor has no instructions for {lacking} lanes, so that kernel was not run");
    }
}

#[test]
fn published_vectors_come_out() {
    with_kernels(|kernel| {
        let key = Key::derive(&SEED, INFO, kernel).unwrap();
        assert_eq!(key.to_bytes().to_vec(), bytes(SECRET));
        assert_eq!(key.public().to_bytes().to_vec(), bytes(PUBLIC));
        let public = PublicKey::from_bytes(&bytes(PUBLIC)).unwrap();
        for v in VECTORS {
            let inputs: Vec<Vec<u8>> = v.inputs.iter().map(|i| bytes(i)).collect();
            let question = Question::with_blinds(&inputs, v.blinds.iter().map(|b| scalar(b)).collect(), &mut Counting(0), kernel).unwrap();
            assert_eq!(question.blinded(), strings::<32>(v.blinded));
            let answer = key.evaluate(question.blinded(), &mut Counting(1)).unwrap();
            assert_eq!(answer.elements, strings::<32>(v.evaluated));
            // With the vector's nonce the proof is the vector's, byte by byte.
            let expander = Expander::new(kernel);
            let m = kernel.decode(question.blinded()).unwrap().sum(&weights(&expander, &public, question.blinded(), &answer.elements));
            let proof = Proof::with_nonce(&expander, (&scalar(SECRET), &public), &m, &scalar(v.nonce));
            assert_eq!(proof.to_bytes().to_vec(), bytes(v.proof));
            for proof in [proof, answer.proof] {
                let outputs = question.finish(&Evaluated { elements: answer.elements.clone(), proof }, &public).unwrap();
                let outputs: Vec<[u8; 64]> = outputs.iter().map(|o| *o.as_bytes()).collect();
                assert_eq!(outputs, strings::<64>(v.outputs));
            }
            let direct: Vec<[u8; 64]> = key.outputs(&inputs, &|_| ()).unwrap().iter().map(|o| *o.as_bytes()).collect();
            assert_eq!(direct, strings::<64>(v.outputs));
        }
    });
}

fn inputs(n: usize) -> Vec<Vec<u8>> {
    (0..n).map(|i| format!("hit-no-hit|name+date|1|{i}").into_bytes()).collect()
}

#[test]
fn all_kernels_say_the_same_at_every_length_around_four_and_eight() {
    for n in [1, 3, 4, 5, 7, 8, 9, 64, 65] {
        let all = inputs(n);
        let blinds: Vec<Scalar> = (1..=n as u64).map(|i| Scalar::from(i * 0x1234_5678_9abc)).collect();
        let of = |kernel| {
            let key = Key::derive(&SEED, INFO, kernel).unwrap();
            let q = Question::with_blinds(&all, blinds.clone(), &mut Counting(3), kernel).unwrap();
            let a = key.evaluate(q.blinded(), &mut Counting(4)).unwrap();
            let tags: Vec<u64> = q.finish(&a, key.public()).unwrap().iter().map(|o| o.tag()).collect();
            assert_eq!(tags, key.tags(&all, &|_| ()).unwrap());
            (q.blinded().to_vec(), a.elements, a.proof.to_bytes(), tags)
        };
        let expected = of(Kernel::Portable);
        with_kernels(|kernel| assert_eq!(of(kernel), expected, "{n} inputs, {}", kernel.name()));
    }
}

#[test]
fn what_was_altered_is_refused_with_its_code() {
    with_kernels(|kernel| {
        let key = Key::generate(&mut Counting(9), kernel);
        let other = Key::generate(&mut Counting(10), kernel);
        let q = Question::blind(&inputs(10), 64, &mut Counting(11), kernel).unwrap();
        assert_eq!(q.blinded().len(), 64, "padded, so that the number of keys is not told");
        let good = key.evaluate(q.blinded(), &mut Counting(12)).unwrap();
        assert!(q.finish(&good, key.public()).is_ok());
        let refused = |answer: &Evaluated| q.finish(answer, key.public()).unwrap_err().code();
        assert_eq!(refused(&other.evaluate(q.blinded(), &mut Counting(13)).unwrap()), "peer.matching.proof", "another key");
        let mut swapped = good.clone();
        swapped.elements.swap(0, 1);
        assert_eq!(refused(&swapped), "peer.matching.proof", "two answers exchanged");
        let mut one = good.clone();
        one.elements[63] = other.evaluate(&q.blinded()[63..], &mut Counting(14)).unwrap().elements[0];
        assert_eq!(refused(&one), "peer.matching.proof", "one element of 64, and only a filler, with another key");
        let mut short = good.clone();
        short.elements.pop();
        assert_eq!(refused(&short), "peer.matching.count");
        let mut identity = good.clone();
        identity.elements[9] = [0; 32];
        assert_eq!(q.finish(&identity, key.public()).unwrap_err(), OprfFault::Identity(9));
        let replayed = Question::blind(&inputs(10), 64, &mut Counting(15), kernel).unwrap();
        assert_eq!(replayed.finish(&good, key.public()).unwrap_err(), OprfFault::Proof, "the answer to another question");
        for bad in [[0xfe; 32], [0xff; 32], [1; 32]] {
            let mut asked = q.blinded().to_vec();
            asked[20] = bad;
            assert_eq!(key.evaluate(&asked, &mut Counting(16)).unwrap_err(), OprfFault::Element(20));
        }
        assert_eq!(key.evaluate(&[], &mut Counting(17)).unwrap_err().code(), "peer.matching.count");
        assert_eq!(PublicKey::from_bytes(&[0; 32]).unwrap_err().code(), "peer.matching.form");
        assert_eq!(Proof::from_bytes(&[0xff; 64]).unwrap_err().code(), "peer.matching.form");
        assert_eq!(Key::from_bytes(&[0; 32], kernel).unwrap_err().code(), "peer.matching.form");
        assert_eq!(Question::blind(&[vec![0; 65_536]], 1, &mut Counting(18), kernel).err().unwrap().code(), "refusal.matching.input");
    });
}

#[test]
fn a_logged_element_can_be_opened_for_an_auditor_and_for_one_input_only() {
    with_kernels(|kernel| {
        let q = Question::blind(&inputs(2), 1, &mut Counting(20), kernel).unwrap();
        let blinds = q.openings();
        let opens = |input: usize, blind: usize, element: usize| Question::opens(&inputs(2)[input], &blinds[blind], &q.blinded()[element], kernel);
        assert!(opens(0, 0, 0) && opens(1, 1, 1));
        assert!(!opens(1, 0, 0) && !opens(0, 1, 0) && !opens(0, 0, 1));
    });
}

#[test]
fn the_other_implementation_accepts_our_proofs_and_we_accept_its() {
    use voprf::{BlindedElement, EvaluationElement, Ristretto255, VoprfClient, VoprfServer};
    type Suite = Ristretto255;
    with_kernels(|kernel| {
        let key = Key::derive(&SEED, INFO, kernel).unwrap();
        let theirs = VoprfServer::<Suite>::new_from_seed(&SEED, INFO).unwrap();
        let all = inputs(20);
        let mut rng = Rng(Counting(31));
        // They ask, we answer.
        let asked: Vec<_> = all.iter().map(|i| VoprfClient::<Suite>::blind(i, &mut rng).unwrap()).collect();
        let blinded: Vec<[u8; 32]> = asked.iter().map(|a| a.message.serialize().as_slice().try_into().unwrap()).collect();
        let ours = key.evaluate(&blinded, &mut Counting(32)).unwrap();
        let messages: Vec<_> = ours.elements.iter().map(|e| EvaluationElement::<Suite>::deserialize(e).unwrap()).collect();
        let clients: Vec<_> = asked.into_iter().map(|a| a.state).collect();
        let proof = voprf::Proof::<Suite>::deserialize(&ours.proof.to_bytes()).unwrap();
        let slices: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        let outputs = VoprfClient::batch_finalize(&slices, &clients, &messages, &proof, theirs.get_public_key()).unwrap();
        let outputs: Vec<Vec<u8>> = outputs.map(|o| o.unwrap().to_vec()).collect();
        let expected: Vec<Vec<u8>> = key.outputs(&all, &|_| ()).unwrap().iter().map(|o| o.as_bytes().to_vec()).collect();
        assert_eq!(outputs, expected);
        // We ask, they answer.
        let q = Question::blind(&all, 1, &mut Counting(33), kernel).unwrap();
        let elements: Vec<_> = q.blinded().iter().map(|b| BlindedElement::<Suite>::deserialize(b).unwrap()).collect();
        let prepared: Vec<_> = theirs.batch_blind_evaluate_prepare(elements.iter()).collect();
        let result = VoprfServer::batch_blind_evaluate_finish(&theirs, &mut rng, elements.iter(), &prepared).unwrap();
        let elements = result.messages.map(|m| m.serialize().as_slice().try_into().unwrap()).collect();
        let answer = Evaluated { elements, proof: Proof::from_bytes(&result.proof.serialize()).unwrap() };
        let outputs: Vec<Vec<u8>> = q.finish(&answer, key.public()).unwrap().iter().map(|o| o.as_bytes().to_vec()).collect();
        assert_eq!(outputs, expected);
    });
}

/// Our entropy in the form that the other implementation takes.
struct Rng(Counting);

impl voprf_rand::RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        let mut b = [0; 4];
        self.0.fill(&mut b);
        u32::from_le_bytes(b)
    }

    fn next_u64(&mut self) -> u64 {
        let mut b = [0; 8];
        self.0.fill(&mut b);
        u64::from_le_bytes(b)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), voprf_rand::Error> {
        self.0.fill(dest);
        Ok(())
    }
}

impl voprf_rand::CryptoRng for Rng {}
