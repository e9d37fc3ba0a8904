//! The proof that a whole batch was answered with one key: a discrete-logarithm equality over a random sum (RFC 9497, 2.2).

use super::kernel::Batch;
use super::suite::{Expander, SEED};
use super::{OprfFault, PublicKey};
use base::Entropy;
use curve25519_dalek::RistrettoPoint;
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as BASE;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use sha2::digest::Update;
use sha2::{Digest, Sha512};
use zeroize::Zeroize;

/// Bytes of a proof: challenge, then response.
pub(super) const PROOF_BYTES: usize = 64;

/// A proof for one batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proof {
    challenge: Scalar,
    response: Scalar,
}

impl Proof {
    /// Returns the 64 bytes: challenge and response, little-endian.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        let mut out = [0; PROOF_BYTES];
        out[..32].copy_from_slice(self.challenge.as_bytes());
        out[32..].copy_from_slice(self.response.as_bytes());
        out
    }

    /// Reads a proof; both scalars must be canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Proof, OprfFault> {
        let scalar = |from: usize| {
            let half: [u8; 32] = bytes.get(from..from + 32)?.try_into().ok()?;
            Scalar::from_canonical_bytes(half).into_option()
        };
        match (bytes.len(), scalar(0), scalar(32)) {
            (PROOF_BYTES, Some(challenge), Some(response)) => Ok(Proof { challenge, response }),
            _ => Err(OprfFault::Form("proof")),
        }
    }

    /// Proves that `evaluated` is `key` times `blinded`.
    pub(super) fn make(
        expander: &Expander,
        (key, public): (&Scalar, &PublicKey),
        (batch, blinded): (&Batch, &[[u8; 32]]),
        evaluated: &[[u8; 32]],
        entropy: &mut dyn Entropy,
    ) -> Proof {
        let m = batch.sum(&weights(expander, public, blinded, evaluated));
        // Hedged: a bad source of randomness alone does not repeat a nonce for another statement.
        let mut drawn = [0; 64];
        entropy.fill(&mut drawn);
        let mut hash: [u8; 64] =
            Sha512::new().chain(b"entente proof nonce").chain(drawn).chain(key.as_bytes()).chain(m.compress().as_bytes()).finalize().into();
        let mut nonce = Scalar::from_bytes_mod_order_wide(&hash);
        let proof = Proof::with_nonce(expander, (key, public), &m, &nonce);
        hash.zeroize();
        drawn.zeroize();
        nonce.zeroize();
        proof
    }

    pub(super) fn with_nonce(expander: &Expander, (key, public): (&Scalar, &PublicKey), m: &RistrettoPoint, nonce: &Scalar) -> Proof {
        let challenge = challenge(expander, public, &[*m, m * key, RistrettoPoint::mul_base(nonce), m * nonce]);
        Proof { challenge, response: nonce - challenge * key }
    }

    /// Checks that `evaluated` is the published key's multiple of `blinded`.
    pub(super) fn check(
        &self,
        expander: &Expander,
        public: &PublicKey,
        (blinded_batch, blinded): (&Batch, &[[u8; 32]]),
        (evaluated_batch, evaluated): (&Batch, &[[u8; 32]]),
    ) -> Result<(), OprfFault> {
        let weights = weights(expander, public, blinded, evaluated);
        let (m, z) = (blinded_batch.sum(&weights), evaluated_batch.sum(&weights));
        let pair = [self.response, self.challenge];
        let t2 = RistrettoPoint::vartime_multiscalar_mul(pair, [BASE, public.point]);
        let t3 = RistrettoPoint::vartime_multiscalar_mul(pair, [m, z]);
        if challenge(expander, public, &[m, z, t2, t3]) == self.challenge { Ok(()) } else { Err(OprfFault::Proof) }
    }
}

/// The weights of the random sum, from everything that both sides know.
pub(super) fn weights(expander: &Expander, public: &PublicKey, blinded: &[[u8; 32]], evaluated: &[[u8; 32]]) -> Vec<Scalar> {
    let seed_length = u16::try_from(SEED.len()).expect("a short string").to_be_bytes();
    let seed: [u8; 64] = Sha512::new().chain([0, 32]).chain(public.bytes).chain(seed_length).chain(SEED).finalize().into();
    expander.scalars(blinded.len(), |n, message| {
        let number = u16::try_from(n).expect("batches are short enough").to_be_bytes();
        for part in [&[0, 64], &seed[..], &number, &[0, 32], &blinded[n], &[0, 32], &evaluated[n], b"Composite"] {
            message.extend(part);
        }
    })
}

fn challenge(expander: &Expander, public: &PublicKey, points: &[RistrettoPoint; 4]) -> Scalar {
    const LENGTH: &[u8] = &[0, 32];
    let [a0, a1, a2, a3] = points.map(|p| p.compress().to_bytes());
    expander.scalar(&[LENGTH, &public.bytes, LENGTH, &a0, LENGTH, &a1, LENGTH, &a2, LENGTH, &a3, b"Challenge"])
}
