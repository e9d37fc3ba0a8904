//! Who holds the list: a secret key, one for each partner, mechanism and epoch; the answers that it gives and proves.

use super::kernel::Kernel;
use super::proof::Proof;
use super::suite::Expander;
use super::{BATCH_MAX, Evaluated, OprfFault, Output};
use base::Entropy;
use curve25519_dalek::RistrettoPoint;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::scalar::Scalar;
use zeroize::{Zeroize, Zeroizing};

/// Inputs that are worked on at a time while an index is built.
const CHUNK: usize = 1024;

/// A secret key; wiped when dropped.
pub struct Key {
    secret: Scalar,
    public: PublicKey,
    kernel: Kernel,
    expander: Expander,
}

/// The public half, against which proofs are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey {
    pub(super) point: RistrettoPoint,
    pub(super) bytes: [u8; 32],
}

impl PublicKey {
    /// Reads a public key; refuses what is no element, and the identity.
    pub fn from_bytes(bytes: &[u8]) -> Result<PublicKey, OprfFault> {
        let fault = OprfFault::Form("public key");
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| fault)?;
        match CompressedRistretto(bytes).decompress() {
            Some(point) if bytes != [0; 32] => Ok(PublicKey { point, bytes }),
            _ => Err(fault),
        }
    }

    /// Returns the 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.bytes
    }
}

impl Key {
    /// Draws a new key.
    pub fn generate(entropy: &mut dyn Entropy, kernel: Kernel) -> Key {
        loop {
            let mut drawn = Zeroizing::new([0; 64]);
            entropy.fill(&mut *drawn);
            let secret = Scalar::from_bytes_mod_order_wide(&drawn);
            if secret != Scalar::ZERO {
                return Key::new(secret, kernel);
            }
        }
    }

    /// Derives a key from a seed and a public string (RFC 9497, 3.2.1).
    pub fn derive(seed: &[u8; 32], info: &[u8], kernel: Kernel) -> Option<Key> {
        Expander::new(kernel).derive(seed, info).map(|secret| Key::new(secret, kernel))
    }

    /// Reads a stored key: 32 bytes, canonical, not zero.
    pub fn from_bytes(bytes: &[u8; 32], kernel: Kernel) -> Result<Key, OprfFault> {
        let secret = Scalar::from_canonical_bytes(*bytes).into_option().filter(|s| *s != Scalar::ZERO);
        secret.map(|s| Key::new(s, kernel)).ok_or(OprfFault::Form("secret key"))
    }

    fn new(secret: Scalar, kernel: Kernel) -> Key {
        let point = RistrettoPoint::mul_base(&secret);
        let public = PublicKey { point, bytes: point.compress().to_bytes() };
        Key { secret, public, kernel, expander: Expander::new(kernel) }
    }

    /// Returns the secret's bytes, to be stored under a seal.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    /// Returns the public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Answers a batch of blinded elements, and proves that this key was used for all of them.
    ///
    /// Refuses an empty batch, more than [`BATCH_MAX`], and whatever is no group element or the identity. Constant in time in the key.
    pub fn evaluate(&self, blinded: &[[u8; 32]], entropy: &mut dyn Entropy) -> Result<Evaluated, OprfFault> {
        if blinded.is_empty() || blinded.len() > BATCH_MAX {
            return Err(OprfFault::Count { found: blinded.len(), expected: BATCH_MAX });
        }
        let batch = self.kernel.decode(blinded)?;
        let elements = batch.times(&self.secret);
        let proof = Proof::make(&self.expander, (&self.secret, &self.public), (&batch, blinded), &elements, entropy);
        Ok(Evaluated { elements, proof })
    }

    /// Works out the outputs of inputs that are known here, on all cores; `progress` is told how many are done.
    ///
    /// Inputs are hashed with a key of ours only: the outputs tell nothing of them to who lacks the key.
    pub fn outputs<I: AsRef<[u8]> + Sync>(&self, inputs: &[I], progress: &(dyn Fn(usize) + Sync)) -> Result<Vec<Output>, OprfFault> {
        self.each(inputs, |output| output, progress)
    }

    /// Works out the tags of inputs, as [`Key::outputs`] does, eight bytes for each.
    pub fn tags<I: AsRef<[u8]> + Sync>(&self, inputs: &[I], progress: &(dyn Fn(usize) + Sync)) -> Result<Vec<u64>, OprfFault> {
        self.each(inputs, |output| output.tag(), progress)
    }

    fn each<I: AsRef<[u8]> + Sync, T: Send>(
        &self,
        inputs: &[I],
        keep: impl Fn(Output) -> T + Sync,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<T>, OprfFault> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(inputs.len().div_ceil(CHUNK)).max(1);
        let part = |mine: &[I]| {
            let mut kept = Vec::with_capacity(mine.len());
            for chunk in mine.chunks(CHUNK) {
                let elements = self.kernel.map(&self.expander.uniform(chunk)?).times(&self.secret);
                kept.extend(self.expander.finalize(chunk, &elements).into_iter().map(|o| keep(Output(o))));
                progress(chunk.len());
            }
            Ok(kept)
        };
        if threads == 1 {
            return part(inputs);
        }
        let parts: Vec<Result<Vec<T>, OprfFault>> = std::thread::scope(|scope| {
            let part = &part;
            let running: Vec<_> = inputs.chunks(inputs.len().div_ceil(threads)).map(|mine| scope.spawn(move || part(mine))).collect();
            running.into_iter().map(|r| r.join().expect("a part does not panic")).collect()
        });
        let mut all = Vec::with_capacity(inputs.len());
        for part in parts {
            all.extend(part?);
        }
        Ok(all)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key(public {:02x?}..)", &self.public.bytes[..4])
    }
}
