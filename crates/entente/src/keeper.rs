//! Keeps the key file of a running node: every change is on the disk first, then in the node, then on the wire.
//!
//! 1 a change is made on a copy, 2 the file is written whole, 3 the node files cards and revocations and signs with the card that acts,
//! 4 server and courier show its TLS key on new connections. By the clock: a card takes over at its time, old keys are wiped.

use crate::engine::{Engine, now};
use crate::home::{Home, HomeError};
use node::NodeError;
use seal::{Card, CardDraft, Kdf, Keys, KeysRefusal, Lock, Reason, RootAnswer, RootRequest, RootTask, SystemEntropy};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use transport::{Identities, Identity, IdentityError};
use zeroize::Zeroizing;

/// How often the keeper looks whether a card takes over.
const LOOK: Duration = Duration::from_millis(500);

/// How often the log says that our card ends.
const WARN_AGAIN: Duration = Duration::from_secs(86_400);

/// The keys of a running node as its doors use them.
#[derive(Clone)]
pub struct Keyring(Arc<RwLock<Keys>>);

impl Keyring {
    /// Begins with some keys.
    pub fn new(keys: Keys) -> Keyring {
        Keyring(Arc::new(RwLock::new(keys)))
    }

    /// Returns the keys as of now.
    pub fn now(&self) -> Keys {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, keys: Keys) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

/// What opens the key file, kept as long as the node runs.
enum KeptLock {
    Passphrase(Zeroizing<String>, Kdf),
    Key(Zeroizing<[u8; 32]>),
}

/// What is wanted of the next card; what is not named stays as it is.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Whether signing, sealing and TLS keys are new.
    #[serde(default)]
    pub new_keys: bool,
    /// First moment, milliseconds; now if it is not named.
    pub from: Option<i64>,
    /// Days for which the card is valid; 365 if they are not named.
    pub valid_days: Option<u32>,
    /// Endpoints, best first.
    pub endpoints: Option<Vec<String>>,
    /// Desks: desk, telephone, mail.
    pub duty: Option<Vec<[String; 3]>>,
    /// Cards to be revoked.
    #[serde(default)]
    pub revoke: Vec<u32>,
    /// Since when others may have had their keys, milliseconds.
    pub since: Option<i64>,
    /// Why: stolen, suspected or lost.
    pub reason: Option<String>,
    /// Revoke only, without a new card.
    #[serde(default)]
    pub no_card: bool,
}

/// Keeps one node's keys.
pub struct Keeper {
    home: Home,
    lock: KeptLock,
    ring: Keyring,
    engine: Engine,
    shown: [Identities; 2],
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
    /// Revocations of keys that the node has not filed yet; none once it has filed all.
    unfiled: Mutex<Option<Vec<Vec<u8>>>>,
    /// The right to write the key file, as long as the node runs.
    _held: std::fs::File,
}

/// Returns the TLS identity of keys as the wire wants it.
pub fn identity(keys: &Keys) -> Identity {
    Identity { certificate_der: keys.tls().certificate_der.clone(), key_der: keys.tls().key_der.to_vec() }
}

impl Keeper {
    /// Takes the keys of a node that is about to run; `held` is the right to write the file.
    pub fn new(home: &Home, lock: &Lock<'_>, ring: Keyring, engine: Engine, shown: [Identities; 2], held: std::fs::File) -> Keeper {
        let lock = match lock {
            Lock::Passphrase { text, kdf } => KeptLock::Passphrase(Zeroizing::new((*text).to_owned()), *kdf),
            Lock::KeyFile(bytes) => KeptLock::Key(Zeroizing::new(**bytes)),
        };
        Keeper { home: home.clone(), lock, ring, engine, shown, turn: tokio::sync::Mutex::new(()), unfiled: Mutex::new(None), _held: held }
    }

    /// Asks for the next card, and for revocations, of a root key that is kept elsewhere; returns the request file's bytes.
    pub async fn request(&self, wanted: &Wanted) -> Result<Vec<u8>, HomeError> {
        let _turn = self.turn.lock().await;
        let card = self.engine.read(|n| n.own_card()).await?;
        let (keys, request) = ask(self.ring.now(), wanted, &card)?;
        self.write(&keys).await?;
        self.ring.put(keys);
        Ok(base::cbor::to_vec(&request))
    }

    /// Takes what the root key signed: cards that were asked for, and revocations.
    pub async fn install(&self, answer: &[u8]) -> Result<(), HomeError> {
        let _turn = self.turn.lock().await;
        let answer = RootAnswer::read(answer)?;
        self.take(self.ring.now(), &answer).await
    }

    /// Does both with the root key that is in the key file.
    pub async fn rotate(&self, wanted: &Wanted) -> Result<(), HomeError> {
        let _turn = self.turn.lock().await;
        let card = self.engine.read(|n| n.own_card()).await?;
        let root = self.ring.now().root().cloned().ok_or(KeysRefusal::RootAway)?;
        let (keys, request) = ask(self.ring.now(), wanted, &card)?;
        let answer = root.answer(&request)?;
        self.take(keys, &answer).await
    }

    async fn take(&self, mut keys: Keys, answer: &RootAnswer) -> Result<(), HomeError> {
        let mut revocations = Vec::new();
        for signed in &answer.signed {
            match seal::Revocation::read(signed) {
                Ok(_) => revocations.push(signed.to_vec()),
                Err(_) => keys.install(signed, now())?,
            }
        }
        self.write(&keys).await?;
        self.show(keys, revocations).await
    }

    /// Lets a card take over whose time has come, and wipes keys whose time is over; tells whether anything changed.
    pub async fn look(&self) -> Result<bool, HomeError> {
        let _turn = self.turn.lock().await;
        // A clock that was moved ahead would let a planned card take over before its time. That our card is over is no doubt: the next
        // one is to take over at last.
        let doubt = self.engine.read(|n| n.trust_clock(now())).await.err().filter(|e| e.code().starts_with("failure.clock."));
        let doubted = doubt.is_some_and(|e| !matches!(e, NodeError::ClockAfterCard(_)));
        let mut keys = self.ring.now();
        let state = |k: &Keys| (k.card_number(), k.all());
        let before = state(&keys);
        if !doubted {
            keys.advance(now());
            keys.forget_old(now());
        }
        let unfiled = self.unfiled.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        match (state(&keys) == before, unfiled) {
            (true, false) => return Ok(false),
            (true, true) => {}
            (false, _) => self.write(&keys).await?,
        }
        self.show(keys, Vec::new()).await?;
        Ok(true)
    }

    /// Looks by the clock until it is told to stop.
    pub async fn watch(self: Arc<Self>, stopped: impl Future<Output = ()>) {
        tokio::pin!(stopped);
        let mut warned: Option<std::time::Instant> = None;
        loop {
            if warned.is_none_or(|w| w.elapsed() > WARN_AGAIN) {
                warned = Some(std::time::Instant::now());
                for code in self.engine.read(|n| n.keys_view(now())).await.map(|v| v.warnings).unwrap_or_default() {
                    tracing::warn!(code, "our newest card ends and none follows it; issue the next one");
                }
            }
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(e) = self.look().await {
                tracing::error!(code = e.code(), "our keys could not be kept: {e}");
            }
        }
    }

    async fn write(&self, keys: &Keys) -> Result<(), HomeError> {
        let lock = match &self.lock {
            KeptLock::Passphrase(text, kdf) => Lock::Passphrase { text, kdf: *kdf },
            KeptLock::Key(bytes) => Lock::KeyFile(bytes),
        };
        // Locking under a passphrase costs a tenth of a second; it is rare, and the node answers on its own thread meanwhile.
        tokio::task::block_in_place(|| self.home.write_keys(keys, &lock))
    }

    async fn show(&self, keys: Keys, revocations: Vec<Vec<u8>>) -> Result<(), HomeError> {
        // The doors first: they can still seal and open for the card that the node knows, and the node never signs what they cannot.
        self.ring.put(keys.clone());
        // The key file has it: what our disk does not take into the ledger now is tried again at every look.
        let unfiled = || self.unfiled.lock().unwrap_or_else(PoisonError::into_inner);
        let all = unfiled().take().unwrap_or_default().into_iter().chain(revocations).collect::<Vec<_>>();
        *unfiled() = Some(all.clone());
        let adopted = keys.clone();
        self.engine.run(move |n| n.adopt_keys(adopted, &all, now()).map(|t| (Some(t), ()))).await?;
        *unfiled() = None;
        let older: Vec<Identity> = keys.all().iter().filter(|c| c.signs).filter_map(|c| keys.under(c.number)).map(|k| identity(&k)).collect();
        let acts = identity(&keys);
        let failed = |e: IdentityError| HomeError::Asked(e.to_string());
        self.shown.iter().try_for_each(|s| s.swap(&acts, &older)).map_err(failed)
    }
}

/// Prepares what the root key shall sign.
fn ask(mut keys: Keys, wanted: &Wanted, card: &Card) -> Result<(Keys, RootRequest), HomeError> {
    let at = now();
    let mut tasks: Vec<RootTask> = Vec::new();
    if !wanted.no_card {
        // Signatures state whole seconds: a card that began within one could sign nothing until the next.
        let moment = wanted.from.unwrap_or(at.0);
        let valid_from = base::UnixMs(moment - moment.rem_euclid(1000));
        let duty = |[desk, phone, mail]: &[String; 3]| seal::Duty { desk: desk.clone(), phone: phone.clone(), mail: mail.clone() };
        let draft = CardDraft {
            code: card.code.clone(),
            country: card.country.clone(),
            name: card.name.clone(),
            endpoints: wanted.endpoints.clone().unwrap_or_else(|| card.endpoints.clone()),
            languages: card.languages.clone(),
            duty: wanted.duty.as_ref().map_or_else(|| card.duty.clone(), |all| all.iter().map(duty).collect()),
            valid_from,
            valid_until: valid_from.plus_ms(i64::from(wanted.valid_days.unwrap_or(365)) * 86_400_000),
        };
        tasks.push(keys.request(&draft, wanted.new_keys, at, &mut SystemEntropy)?);
    }
    if !wanted.revoke.is_empty() {
        let reason = wanted.reason.as_deref().and_then(Reason::from_code);
        let (Some(since), Some(reason)) = (wanted.since, reason) else {
            return Err(NodeError::Asked("a revocation says since when the keys are suspected and why: stolen, suspected or lost".to_owned()).into());
        };
        for number in &wanted.revoke {
            tasks.push(keys.revocation(*number, base::UnixMs(since), reason, at)?);
        }
    }
    let request = RootRequest { version: seal::REQUEST_VERSION, service: keys.service(), tasks };
    // What the root key would refuse is found here.
    request.asked()?;
    Ok((keys, request))
}
