//! Reads the signatures of a ledger in its order, each against the cards and revocations that stood before it: what came later made
//! nothing false that was there. Hashes and the tree are the store's own business.

use base::{ActId, ServiceId, UnixMs};
use dossier::{Act, HEAD_BYTES_MAX};
use seal::{
    ATTESTATION_BYTES_MAX, Attestation, Cards, Checkpoint, NoteFault, RECEIPT_BYTES_MAX, Receipt, Recovered, Restored, SUCCESSION_BYTES_MAX, Signed,
    Succession, Typ, Word,
};
use std::collections::{BTreeMap, BTreeSet};
use store::{Kind, LedgerEntry, LedgerState, Store, StoreError, check_ledger};

/// Bytes that a signed act has besides its head.
const SIGNED_BYTES_MAX: usize = 512;
/// Ledger entries read at a time.
const PAGE: usize = 500;

type Judged = Result<(), (String, String)>;

/// What reading a ledger's signatures found.
pub struct Audit {
    /// Cards by service, as the ledger holds them.
    pub book: BTreeMap<ServiceId, Cards>,
    /// Signatures that hold, by what they sign.
    pub counts: BTreeMap<&'static str, u64>,
    /// Entries that do not hold: position, code, text.
    pub faults: Vec<(u64, String, String)>,
    /// Acts under cards that were revoked later, by how they stand in this ledger: "before-suspicion", "doubtful", "on-word",
    /// "confirmed", "disowned".
    pub standing: BTreeMap<ActId, &'static str>,
    own: ServiceId,
    /// Acts in this ledger, with signer, card and when they came.
    acts: BTreeMap<ActId, (ServiceId, u32, UnixMs)>,
    /// Acts of which somebody has given a word.
    attested: BTreeSet<ActId>,
}

impl Audit {
    /// Begins the audit of a service's own ledger.
    pub fn new(own: ServiceId) -> Audit {
        Audit {
            own,
            book: BTreeMap::new(),
            counts: BTreeMap::new(),
            faults: Vec::new(),
            standing: BTreeMap::new(),
            acts: BTreeMap::new(),
            attested: BTreeSet::new(),
        }
    }

    /// Takes a card entry into the book: the first of its service as it is, later ones only if they continue its chain.
    fn card(&mut self, entry: &LedgerEntry) {
        let taken = Cards::first(&entry.signed).and_then(|first| match self.book.get_mut(&first.service()) {
            Some(held) => held.add(&entry.signed).map(drop),
            None => {
                self.book.insert(first.service(), first);
                Ok(())
            }
        });
        let judged = taken.map_err(|e| (e.code().to_owned(), e.to_string()));
        self.note(entry.pos, "cards", judged);
    }

    /// Checks the next entry.
    pub fn entry(&mut self, entry: &LedgerEntry) {
        let (what, judged) = match entry.kind {
            Kind::Card => return self.card(entry),
            Kind::Revocation => ("revocations", self.revocation(entry)),
            Kind::Attestation => ("words on acts", self.attestation(entry)),
            Kind::Succession => ("successions", self.succession(entry)),
            Kind::Act => ("acts", self.act(entry)),
            Kind::ReceiptGiven => ("receipts given", self.receipt(entry, true)),
            Kind::ReceiptTaken => ("receipts taken", self.receipt(entry, false)),
            Kind::CheckpointCosigned => ("checkpoints cosigned", self.checkpoint(entry)),
            Kind::Restored => ("restorations", self.restored(entry)),
            Kind::Recovered => ("answers to restorations", self.recovered(entry)),
        };
        self.note(entry.pos, what, judged);
    }

    fn note(&mut self, pos: u64, what: &'static str, judged: Judged) {
        match judged {
            Ok(()) => *self.counts.entry(what).or_default() += 1,
            Err((code, text)) => self.faults.push((pos, code, text)),
        }
    }

    fn cards(&self, service: ServiceId) -> Result<&Cards, (String, String)> {
        self.book
            .get(&service)
            .ok_or_else(|| ("peer.ledger.no-card".to_owned(), format!("it is signed by service {service}, whose card the ledger does not hold")))
    }

    fn act(&mut self, entry: &LedgerEntry) -> Judged {
        let signed = Signed::parse(&entry.signed, Typ::Act, HEAD_BYTES_MAX + SIGNED_BYTES_MAX).map_err(|e| (e.code().to_owned(), e.to_string()))?;
        let act = Act::decode(signed.payload(), None).map_err(|e| (e.code().to_owned(), e.to_string()))?;
        let signer = signed.signer();
        if act.head().author != signer || *act.id().as_ref() != entry.object {
            return Err(("peer.ledger.act".to_owned(), "the act is filed under another name or signed by another than its author".to_owned()));
        }
        let card = signed.card_number();
        let cards = self.cards(signer)?;
        // After its card's revocation an act comes in on somebody's word only, and that word stands before it.
        let on_word = self.attested.contains(&act.id()) && cards.revocation(card).is_some();
        let verified = if on_word { signed.verify_held(cards, act.head().at.at) } else { signed.verify(cards, act.head().at.at) };
        verified.map_err(|e| (e.code().to_owned(), e.to_string()))?;
        self.acts.insert(act.id(), (signer, card, entry.at));
        if on_word {
            self.standing.entry(act.id()).or_insert("on-word");
        }
        Ok(())
    }

    fn revocation(&mut self, entry: &LedgerEntry) -> Judged {
        let fault = |e: seal::CardFault| (e.code().to_owned(), e.to_string());
        let service = seal::Revocation::read(&entry.signed).map_err(fault)?.service;
        self.cards(service)?;
        let Some(cards) = self.book.get_mut(&service) else { return Ok(()) };
        cards.revoke(&entry.signed).map_err(fault)?;
        for (act, (signer, card, came)) in &self.acts {
            if *signer == service
                && let Some(r) = cards.revocation(*card)
            {
                let now = if *came < r.since { "before-suspicion" } else { "doubtful" };
                let standing = self.standing.entry(*act).or_insert(now);
                // An earlier suspicion may have come in a later revocation.
                if *standing == "before-suspicion" {
                    *standing = now;
                }
            }
        }
        Ok(())
    }

    fn attestation(&mut self, entry: &LedgerEntry) -> Judged {
        let fault = |e: seal::SealFault| (e.code().to_owned(), e.to_string());
        let signer = Signed::parse(&entry.signed, Typ::Attestation, ATTESTATION_BYTES_MAX).map_err(fault)?.signer();
        let (word, _) = Attestation::read(&entry.signed, self.cards(signer)?).map_err(fault)?;
        self.attested.insert(word.act);
        let said = match word.word {
            Word::Mine => "confirmed",
            Word::NotMine => "disowned",
            Word::Held { .. } => return Ok(()),
        };
        self.standing.insert(word.act, said);
        Ok(())
    }

    fn succession(&self, entry: &LedgerEntry) -> Judged {
        let signed = Signed::parse(&entry.signed, Typ::Succession, SUCCESSION_BYTES_MAX).map_err(|e| (e.code().to_owned(), e.to_string()))?;
        if signed.card_number() == 0 {
            return Succession::read(&entry.signed).map(drop).map_err(|e| (e.code().to_owned(), e.to_string()));
        }
        let cards = self.cards(signed.signer())?;
        signed.verify(cards, entry.at).map(drop).map_err(|e| (e.code().to_owned(), e.to_string()))
    }

    fn receipt(&self, entry: &LedgerEntry, given: bool) -> Judged {
        let signer = Signed::parse(&entry.signed, Typ::Receipt, RECEIPT_BYTES_MAX).map_err(|e| (e.code().to_owned(), e.to_string()))?.signer();
        let (receipt, _) = Receipt::read(&entry.signed, self.cards(signer)?).map_err(|e| (e.code().to_owned(), e.to_string()))?;
        let ours = if given { receipt.from } else { receipt.to };
        match ours == self.own {
            true => Ok(()),
            false => Err(("peer.ledger.receipt".to_owned(), "the receipt is between other services".to_owned())),
        }
    }

    fn restored(&self, entry: &LedgerEntry) -> Judged {
        let bad = |e: seal::SealFault| (e.code().to_owned(), e.to_string());
        let signer = Signed::parse(&entry.signed, Typ::Restored, seal::RESTORED_BYTES_MAX).map_err(bad)?.signer();
        let (said, _) = Restored::read(&entry.signed, self.cards(signer)?).map_err(bad)?;
        // Our own ledger goes on from no point beyond its own entry.
        match signer != self.own || said.size <= entry.pos {
            true => Ok(()),
            false => Err(("peer.ledger.restored-later".to_owned(), format!("the restoration names size {}, which lies behind it", said.size))),
        }
    }

    fn recovered(&self, entry: &LedgerEntry) -> Judged {
        let bad = |e: seal::SealFault| (e.code().to_owned(), e.to_string());
        let signer = Signed::parse(&entry.signed, Typ::Recovered, seal::RECOVERED_BYTES_MAX).map_err(bad)?.signer();
        let (said, _) = Recovered::read(&entry.signed, self.cards(signer)?).map_err(bad)?;
        match said.to == self.own {
            true => Ok(()),
            false => Err(("peer.ledger.receipt".to_owned(), "the answer is for another service".to_owned())),
        }
    }

    fn checkpoint(&self, entry: &LedgerEntry) -> Judged {
        let bad = |e: NoteFault| (e.code().to_owned(), e.to_string());
        let note = std::str::from_utf8(&entry.signed).map_err(|_| bad(NoteFault::Form))?;
        let own = self.cards(self.own)?;
        let holds = |c: &Cards| Checkpoint::read_cosigned(note, own, c, entry.at).and_then(|k| k.cosigned_by(note, c)).is_ok();
        if self.book.values().filter(|c| c.service() != self.own).any(holds) {
            return Ok(());
        }
        Checkpoint::read(note, own, entry.at).map_err(bad)?;
        Err(("peer.ledger.cosignature".to_owned(), "no partner whose card is here has cosigned this checkpoint".to_owned()))
    }
}

/// Checks a whole ledger: 1 against itself, 2 every signature in its order. `progress` hears how many of how many are done.
pub fn audit(store: &dyn Store, own: ServiceId, progress: &mut dyn FnMut(u64, u64)) -> Result<(LedgerState, Audit), StoreError> {
    let state = check_ledger(store)?;
    let mut audit = Audit::new(own);
    let mut done = 0;
    pages(store, state.size, |e| {
        audit.entry(e);
        done += 1;
        if done % PAGE as u64 == 0 || done == state.size {
            progress(done, state.size);
        }
    })?;
    Ok((state, audit))
}

/// Tells whose ledger this is: its first entry is the service's own first card.
pub fn owner(store: &dyn Store) -> Option<ServiceId> {
    let first = store.entries(0, 1).ok()?.into_iter().find(|e| e.kind == Kind::Card)?;
    Some(Cards::first(&first.signed).ok()?.service())
}

fn pages(store: &dyn Store, size: u64, mut see: impl FnMut(&LedgerEntry)) -> Result<(), StoreError> {
    let mut from = 0;
    while from < size {
        let page = store.entries(from, PAGE)?;
        let Some(last) = page.last() else { break };
        let next = last.pos + 1;
        page.iter().filter(|e| e.pos < size).for_each(&mut see);
        from = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Digest, Lang, ParcelId, Text, UnixMs};
    use seal::{CardDraft, Keys, RECEIPT_VERSION, SystemEntropy};

    const NOW: UnixMs = UnixMs(1_738_051_200_000);

    fn keys(code: &str) -> Keys {
        let draft = CardDraft {
            code: code.to_owned(),
            country: "MA".to_owned(),
            name: vec![Text::new(Lang::Fr, code)],
            endpoints: vec!["127.0.0.1:1".to_owned()],
            languages: vec![Lang::Fr.into()],
            duty: vec![seal::Duty { desk: "desk".to_owned(), phone: "+10000000000".to_owned(), mail: String::new() }],
            valid_from: NOW.plus_ms(-1000),
            valid_until: NOW.plus_ms(86_400_000),
        };
        Keys::generate(&draft, NOW, &mut SystemEntropy).unwrap()
    }

    fn entry(kind: Kind, signed: &[u8]) -> LedgerEntry {
        LedgerEntry { pos: 7, kind, at: NOW, object: Digest::of(signed), leaf: Digest::default(), signed: signed.to_vec() }
    }

    fn receipt(from: &Keys, to: &Keys, at: UnixMs) -> Vec<u8> {
        let receipt = Receipt {
            version: RECEIPT_VERSION,
            parcel: ParcelId::from(Digest::of(b"parcel")),
            from: from.service(),
            to: to.service(),
            at: at.in_zone("UTC").unwrap(),
            entries: Vec::new(),
            ledger_size: 1,
            ledger_root: Digest::of(b"root"),
            number: 1,
        };
        receipt.sign(from).bytes().to_vec()
    }

    /// Files the cards of two services and one more entry, and tells what the audit of the first one's ledger found.
    fn audited(own: &Keys, partner: &Keys, kind: Kind, signed: &[u8]) -> String {
        let mut audit = Audit::new(own.service());
        audit.entry(&entry(Kind::Card, own.card_bytes()));
        audit.entry(&entry(Kind::Card, partner.card_bytes()));
        audit.entry(&entry(kind, signed));
        match &audit.faults[..] {
            [] => format!("{:?}", audit.counts),
            faults => faults.iter().map(|(pos, code, _)| format!("{pos} {code}")).collect::<Vec<_>>().join(", "),
        }
    }

    #[test]
    fn a_receipt_counts_for_its_own_parties_and_time_only() {
        let (ma, es, pt) = (keys("ma"), keys("es"), keys("pt"));
        let good = receipt(&es, &ma, NOW);
        assert_eq!(audited(&ma, &es, Kind::ReceiptTaken, &good), r#"{"cards": 2, "receipts taken": 1}"#);
        assert_eq!(audited(&ma, &es, Kind::ReceiptGiven, &good), "7 peer.ledger.receipt");
        assert_eq!(audited(&ma, &es, Kind::ReceiptTaken, &receipt(&es, &pt, NOW)), "7 peer.ledger.receipt");
        assert_eq!(audited(&ma, &es, Kind::ReceiptTaken, &receipt(&pt, &ma, NOW)), "7 peer.ledger.no-card");
        let last = receipt(&es, &ma, NOW.plus_ms(86_400_000));
        assert_eq!(audited(&ma, &es, Kind::ReceiptTaken, &last), r#"{"cards": 2, "receipts taken": 1}"#);
        let late = receipt(&es, &ma, NOW.plus_ms(86_400_001));
        assert_eq!(audited(&ma, &es, Kind::ReceiptTaken, &late), "7 peer.seal.card-expired");
        let mut forged = good;
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(audited(&ma, &es, Kind::ReceiptTaken, &forged), "7 peer.seal.signature");
    }

    #[test]
    fn a_checkpoint_needs_a_partners_cosignature() {
        let (ma, es, pt) = (keys("ma"), keys("es"), keys("pt"));
        let note = Checkpoint::sign(&ma, 3, Digest::of(b"root"));
        let checkpoint = Checkpoint { origin: ma.service(), size: 3, root: Digest::of(b"root") };
        let cosigned = |by: &Keys| format!("{note}{}", checkpoint.cosign(by, NOW));
        assert_eq!(audited(&ma, &es, Kind::CheckpointCosigned, cosigned(&es).as_bytes()), r#"{"cards": 2, "checkpoints cosigned": 1}"#);
        assert_eq!(audited(&ma, &es, Kind::CheckpointCosigned, cosigned(&pt).as_bytes()), "7 peer.ledger.cosignature");
        assert_eq!(audited(&ma, &es, Kind::CheckpointCosigned, note.as_bytes()), "7 peer.ledger.cosignature");
    }

    #[test]
    fn what_a_revoked_card_signed_stands_if_it_stood_before() {
        let (ma, es) = (keys("ma"), keys("es"));
        let task = es.revocation(1, NOW.plus_ms(-10), seal::Reason::Stolen, NOW).unwrap();
        let request = seal::RootRequest { version: seal::REQUEST_VERSION, service: es.service(), tasks: vec![task] };
        let revocation = es.root().unwrap().answer(&request).unwrap().signed.remove(0).to_vec();
        let good = receipt(&es, &ma, NOW);
        let audit = |order: [(Kind, &[u8]); 2]| {
            let mut audit = Audit::new(ma.service());
            let cards = [(Kind::Card, ma.card_bytes()), (Kind::Card, es.card_bytes())];
            cards.into_iter().chain(order).for_each(|(kind, signed)| audit.entry(&entry(kind, signed)));
            audit.faults.iter().map(|f| f.1.clone()).collect::<Vec<_>>()
        };
        assert_eq!(audit([(Kind::ReceiptTaken, &good), (Kind::Revocation, &revocation)]), Vec::<String>::new());
        assert_eq!(audit([(Kind::Revocation, &revocation), (Kind::ReceiptTaken, &good)]), ["peer.seal.card-revoked"]);
        let mut forged = revocation.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(audit([(Kind::Revocation, &forged), (Kind::ReceiptTaken, &good)]), ["peer.seal.signature"]);
    }

    #[test]
    fn bytes_that_are_no_act_and_a_forged_card_are_found() {
        let (ma, es) = (keys("ma"), keys("es"));
        assert_eq!(audited(&ma, &es, Kind::Act, &receipt(&es, &ma, NOW)), "7 peer.seal.wrong-type");
        let mut forged = es.card_bytes().to_vec();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(audited(&ma, &es, Kind::Card, &forged), "7 peer.seal.signature");
    }
}
