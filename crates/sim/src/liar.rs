//! The lying partner: it runs the same node as all others, and beside it signs, seals and sends what no honest node would.
//!
//! Every lie says how it must be found. Two acts under one number are not expected here but read off the honest nodes' disks
//! in the end: whoever holds two such acts must have an incident in its log, and so must all other parties.

use crate::invariants::Violation;
use crate::network::Flight;
use crate::plan::Fault;
use crate::rng::Rng;
use crate::station::NAMES;
use crate::will;
use crate::world::{CANARY, Moment, World};
use base::cbor::{self, Map};
use base::{ActId, Digest, DossierId, Handling, ServiceId, UnixMs};
use dossier::{Act, Body, Deed, Head, Mark, OfficerRole, Signatory, Value};
use node::{Intent, Piece};
use seal::exhibit::{ChunkTree, chunk_hash};
use seal::{Checkpoint, Directory, Receipt, Signed, Typ};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a lie must lead to where it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The parcel is refused by a code that begins so, and the log names it.
    Refused(&'static str),
    /// The receipt refuses the piece by a code that begins so, and the log names it.
    Piece(&'static str),
    /// The act is kept, and void by a code that begins so on every honest disk that holds it.
    Void(ActId, &'static str),
    /// The receipt refuses the piece by this code, and an incident names it.
    Incident(&'static str),
    /// The receipt that was sent is no receipt for that parcel; the sender refuses it by a code that begins so.
    Receipt(&'static str),
    /// The node stays well.
    Nothing,
}

/// A lie under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lie {
    /// Its kind.
    pub kind: Fault,
    /// What it must lead to.
    pub expect: Expect,
}

/// What the liar remembers of its own craft.
#[derive(Default)]
pub struct Craft {
    counter: u64,
    /// Whether the next receipt that the liar's node gives is made false.
    pub false_next: bool,
    /// Numbers under which a parcel of the liar was taken: recipient, number, start of the liar's node.
    pub landed: Vec<(usize, u64, u64)>,
}

/// A forged act: the signed head and the body.
struct Forged {
    signed: Vec<u8>,
    body: Vec<u8>,
}

impl Forged {
    fn act(&self) -> ActId {
        let parsed = Signed::parse(&self.signed, Typ::Act, 1 << 20).expect("it was signed just now");
        Digest::of(parsed.payload()).into()
    }

    fn piece(self) -> Piece {
        Piece::Act { signed: self.signed, body: Some(self.body) }
    }
}

impl World {
    /// A node that was put back has forgotten the numbers of parcels that came after its copy, and dossiers to which a liar is no party.
    pub(crate) fn forgotten(&mut self, by: usize) {
        self.lies.landed.retain(|l| l.0 != by);
        self.net.out.retain(|f| f.to != by || f.lie.as_ref().is_none_or(|l| !matches!(l.kind, Fault::Reuse | Fault::NotParty)));
    }

    pub(crate) fn do_lie(&mut self, m: &mut Moment<'_>) -> Result<(), Violation> {
        let (Some(liar), Some(kind)) = (self.liar, m.faults.first().copied()) else { return Ok(()) };
        if !self.up(liar)? {
            return Ok(());
        }
        let honest = self.honest();
        let Some(to) = m.rng.pick(&honest).copied() else { return Ok(()) };
        let told = self.lie(liar, to, kind, &mut m.rng);
        if told.is_some() {
            self.tell(format!("{} lies to {} ({})", NAMES[liar], NAMES[to], kind.name()));
        }
        Ok(())
    }

    /// The liar tries a number again with a node that has just worked everything out anew, and may have forgotten it.
    pub(crate) fn tempt(&mut self, to: usize, m: &mut Moment<'_>) -> Result<(), Violation> {
        let Some(liar) = self.liar.filter(|l| *l != to) else { return Ok(()) };
        let starts = self.stations[liar].starts;
        if self.up(liar)? && self.lies.landed.iter().any(|l| l.0 == to && l.2 == starts) {
            self.lie(liar, to, Fault::Reuse, &mut m.rng);
        }
        Ok(())
    }

    /// Makes up a lie; none where there is nothing to lie about.
    fn lie(&mut self, liar: usize, to: usize, kind: Fault, rng: &mut Rng) -> Option<()> {
        use Fault::*;
        match kind {
            Equivocate => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let (one, other) = (self.forge(liar, dossier, &intent, rng, |_| ())?, self.forge(liar, dossier, &intent, rng, |_| ())?);
                let others: Vec<usize> = self.parties_of(&dossier).into_iter().filter(|p| *p != liar).collect();
                let (a, b) = (*rng.pick(&others)?, *rng.pick(&others)?);
                self.book.latest = self.book.latest.max(self.time);
                self.send(liar, a, kind, Expect::Nothing, &[one.piece()], rng)?;
                self.send(liar, b, kind, Expect::Nothing, &[other.piece()], rng)
            }
            Reuse => {
                let starts = self.stations[liar].starts;
                let used: Vec<u64> = self.lies.landed.iter().filter(|l| l.0 == to && l.2 == starts).map(|l| l.1).collect();
                match rng.pick(&used).copied() {
                    Some(number) => {
                        let want = self.nonsense_want(rng);
                        let bytes = self.sealed(liar, to, number, &cbor::to_vec(&vec![want]))?;
                        self.fly(liar, to, number, bytes, kind, Expect::Refused("peer.parcel.replayed"), rng)
                    }
                    None => self.send(liar, to, Flood, Expect::Nothing, &[self.nonsense_want(rng)], rng),
                }
            }
            Garble => self.garble(liar, to, rng),
            Courier => {
                // A parcel that an honest service sent, brought by the liar as its own.
                let stolen: Vec<Flight> = self.net.out.iter().filter(|f| f.from != liar && f.lie.is_none()).cloned().collect();
                let f = rng.pick(&stolen)?.clone();
                self.fly(liar, f.to, f.number, f.bytes.to_vec(), kind, Expect::Refused("peer.parcel.courier"), rng)
            }
            Signer => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let (honest, at) = (self.id(to), self.id(liar));
                let forged = self.forge(liar, dossier, &intent, rng, |h| {
                    h.author = honest;
                    h.seen.retain(|m| m.party != honest && m.party != at);
                })?;
                self.send(liar, to, kind, Expect::Piece("peer.act.signer"), &[forged.piece()], rng)
            }
            SeenFalse => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let forged = self.forge(liar, dossier, &intent, rng, |h| h.seen.iter_mut().take(1).for_each(|m| m.seq += 1))?;
                self.void(liar, dossier, kind, forged, "peer.act.seen-false", rng, |h| !h.seen.is_empty())
            }
            SeenRegress => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                if self.before(liar, dossier)?.head().seen.is_empty() {
                    return None;
                }
                let forged = self.forge(liar, dossier, &intent, rng, |h| h.seen.clear())?;
                self.void(liar, dossier, kind, forged, "peer.act.seen-regress", rng, |_| true)
            }
            TimeBack => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let before = self.before(liar, dossier)?.head().at.at;
                let forged = self.forge(liar, dossier, &intent, rng, |h| h.at = before.plus_ms(-60_000).in_zone("UTC").expect("a time"))?;
                self.void(liar, dossier, kind, forged, "peer.act.time-back", rng, |_| true)
            }
            Lawless => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let forged = self.forge(liar, dossier, &intent, rng, |h| {
                    h.deed = Deed::Move { item: (*dossier.as_ref()).into(), name: "seize-everything".to_owned() };
                })?;
                self.void(liar, dossier, kind, forged, "refusal.act.unknown-move", rng, |_| true)
            }
            Ahead => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let later = self.now(to).max(self.time).plus_ms(86_400_000);
                let forged = self.forge(liar, dossier, &intent, rng, |h| h.at = later.in_zone("UTC").expect("a time"))?;
                self.send(liar, to, kind, Expect::Piece("peer.act.clock-ahead"), &[forged.piece()], rng)
            }
            Stripped => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let forged = self.forge(liar, dossier, &intent, rng, |_| ())?;
                self.send(liar, to, kind, Expect::Piece("refusal.act.without-content"), &[Piece::Act { signed: forged.signed, body: None }], rng)
            }
            OtherBody => {
                let (dossier, intent) = self.liars_intent(liar, rng)?;
                let (forged, other) = (self.forge(liar, dossier, &intent, rng, |_| ())?, self.forge(liar, dossier, &intent, rng, |_| ())?);
                self.send(liar, to, kind, Expect::Piece("peer.act.body"), &[Piece::Act { signed: forged.signed, body: Some(other.body) }], rng)
            }
            NotParty | WantForeign => {
                let foreign: Vec<DossierId> = self.book.parties.iter().filter(|(_, p)| !p.contains(&liar) && p.contains(&to)).map(|(d, _)| *d).collect();
                let dossier = *rng.pick(&foreign)?;
                let held = self.stations[to].store()?.acts_of(&dossier).ok()?;
                let author = held.iter().find(|a| a.seq == 1 && a.verdict != store::Verdict::Waiting)?.author;
                if kind == WantForeign {
                    let want = Piece::Want { dossier, author, from: 1, to: 9 };
                    return self.send(liar, to, kind, Expect::Piece("refusal.node.absent"), &[want], rng);
                }
                let (own, intent) = self.liars_intent(liar, rng)?;
                let forged = self.forge(liar, own, &intent, rng, |h| {
                    (h.dossier, h.seq, h.prev) = (dossier, 1, ActId::default());
                    h.seen.clear();
                })?;
                self.send(liar, to, kind, Expect::Piece("peer.act.not-party"), &[forged.piece()], rng)
            }
            Rewritten => {
                let service = self.id(liar);
                let witnessed = self.stations[to].store()?.record("witnessed", &service.to_string()).ok()??;
                let (size, root): (u64, Digest) = serde_json::from_slice(&witnessed.data).ok()?;
                let keys = self.stations[liar].keys.clone();
                let other = Digest::of(&rng.draw().to_be_bytes());
                // As large as before with another root, or larger by a proof that does not hold.
                let larger = rng.chance(1, 2);
                let note = Checkpoint::sign(&keys, size + u64::from(larger), other);
                let proof = if larger { vec![root] } else { Vec::new() };
                let piece = Piece::Checkpoint { note, old_size: size, proof };
                self.send(liar, to, kind, Expect::Incident("peer.ledger.rewritten"), &[piece], rng)
            }
            OtherChunk => {
                // A chunk of a real exhibit, with its proof, and with one byte changed.
                let known: Vec<_> = self.book.exhibits.iter().map(|(id, content)| (*id, content.bytes.clone())).collect();
                let (exhibit, bytes) = rng.pick(&known)?.clone();
                let parts: Vec<&[u8]> = bytes.chunks(base::CHUNK_BYTES).collect();
                let index = rng.below(parts.len());
                let proof = ChunkTree::new(parts.iter().map(|p| chunk_hash(p)).collect()).proof(index as u32)?;
                let mut data = parts[index].to_vec();
                let at = rng.below(data.len());
                data[at] ^= 1 << rng.below(8);
                let piece = Piece::Chunk { exhibit, size: bytes.len() as u64, index: index as u32, proof, data: data.into() };
                self.send(liar, to, kind, Expect::Piece("peer.exhibit.chunk"), &[piece], rng)
            }
            OtherReceipt => self.false_receipt(liar, rng),
            Flood => {
                for _ in 0..3 {
                    let pieces: Vec<Piece> =
                        (0..40).map(|_| if rng.chance(1, 3) { self.stray(liar, rng) } else { Some(self.nonsense_want(rng)) }).collect::<Option<_>>()?;
                    self.send(liar, to, kind, Expect::Nothing, &pieces, rng)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Draws something that the liar could do in a dossier to which it is a party.
    fn liars_intent(&mut self, liar: usize, rng: &mut Rng) -> Option<(DossierId, Intent)> {
        let now = self.now(liar);
        let will = will::act(self.node(liar)?, now, &[], CANARY, rng)?;
        match &will.intent {
            Intent::OpenItem { dossier, .. } | Intent::Move { dossier, .. } => Some((*dossier, will.intent.clone())),
            Intent::Open { .. } => None,
        }
    }

    /// Returns the liar's last act in a dossier, as its own disk has it.
    fn before(&self, liar: usize, dossier: DossierId) -> Option<Act> {
        let me = self.id(liar);
        let acts = self.stations[liar].store()?.acts_of(&dossier).ok()?;
        let last = acts.into_iter().filter(|a| a.author == me).max_by_key(|a| a.seq)?;
        let signed = Signed::parse(&last.signed, Typ::Act, 1 << 20).ok()?;
        Act::decode(signed.payload(), None).ok()
    }

    /// Signs an act with the liar's own key on what its disk holds, past every check of its node.
    fn forge(&mut self, liar: usize, dossier: DossierId, intent: &Intent, rng: &mut Rng, change: impl FnOnce(&mut Head)) -> Option<Forged> {
        let me = self.id(liar);
        let mut last: BTreeMap<ServiceId, Mark> = BTreeMap::new();
        for a in self.stations[liar].store()?.acts_of(&dossier).ok()? {
            if a.verdict != store::Verdict::Waiting {
                last.entry(a.author).or_insert(Mark { party: a.author, seq: a.seq, act: a.id });
                if last[&a.author].seq < a.seq {
                    last.insert(a.author, Mark { party: a.author, seq: a.seq, act: a.id });
                }
            }
        }
        let own = last.remove(&me);
        let (deed, fields, first, second) = self.read(liar, dossier, intent)?;
        let mut salt = [0; 16];
        base::Entropy::fill(rng, &mut salt);
        let (body, id) = Body { salt, handling: Handling::code("H0"), fields }.encode();
        let at = self.time.max(self.before(liar, dossier).map_or(UnixMs(0), |a| a.head().at.at));
        let mut head = Head {
            version: dossier::VERSION,
            dossier,
            author: me,
            seq: own.map_or(1, |m| m.seq + 1),
            prev: own.map_or(ActId::default(), |m| m.act),
            seen: last.into_values().collect(),
            at: at.in_zone("Europe/Lisbon").ok()?,
            by: Signatory { officer: "forger".parse().ok()?, role: first },
            second: Some(Signatory { officer: "forger.too".parse().ok()?, role: second }),
            deed,
            body: id,
        };
        change(&mut head);
        Some(Forged { signed: self.stations[liar].keys.sign(Typ::Act, &cbor::to_vec(&head)).bytes().to_vec(), body })
    }

    /// Reads an intent as the deed, the form and the roles that its act would have.
    fn read(&mut self, liar: usize, dossier: DossierId, intent: &Intent) -> Option<(Deed, Map<Value>, OfficerRole, OfficerRole)> {
        let (now, me) = (self.now(liar), self.id(liar));
        let node = self.node(liar)?;
        let view = node.view(&dossier, &crate::station::ROLES, now).ok()?;
        let role = view.parties.iter().find(|p| p.service == me)?.role.clone();
        let mechanism = node.mechanisms().find(|m| m.id == view.mechanism)?.clone();
        let (deed, form, json, first, second) = match intent {
            Intent::OpenItem { parent, kind, fields, .. } => {
                let k = mechanism.kind(kind)?;
                (Deed::OpenItem { kind: kind.clone(), parent: (*parent)? }, &k.fields, fields, &k.officer, &k.four_eyes)
            }
            Intent::Move { item, name, fields, .. } => {
                let on = view.items.iter().find(|i| Some(i.id) == *item)?;
                let mv = mechanism.kind(&on.kind)?.find_move_of(name, &role)?;
                (Deed::Move { item: (*item)?, name: name.clone() }, &mv.fields, fields, &mv.officer, &mv.four_eyes)
            }
            Intent::Open { .. } => return None,
        };
        let read = |(id, v): (&String, &serde_json::Value)| Some((id.clone(), form.iter().find(|f| f.id == *id)?.read(v).ok()?));
        let fields = json.iter().map(read).collect::<Option<Map<Value>>>()?;
        Some((deed, fields, *first.first()?, second.first().or(first.first()).copied()?))
    }

    /// Sends an act that must be void to every other party.
    #[allow(clippy::too_many_arguments)] // One lie, told to all.
    fn void(
        &mut self,
        liar: usize,
        dossier: DossierId,
        kind: Fault,
        forged: Forged,
        code: &'static str,
        rng: &mut Rng,
        if_so: impl Fn(&Head) -> bool,
    ) -> Option<()> {
        let parsed = Signed::parse(&forged.signed, Typ::Act, 1 << 20).ok()?;
        if !if_so(Act::decode(parsed.payload(), None).ok()?.head()) {
            return None;
        }
        let act = forged.act();
        for to in self.parties_of(&dossier).into_iter().filter(|p| *p != liar) {
            let piece = Piece::Act { signed: forged.signed.clone(), body: Some(forged.body.clone()) };
            self.send(liar, to, kind, Expect::Void(act, code), &[piece], rng)?;
        }
        Some(())
    }

    fn garble(&mut self, liar: usize, to: usize, rng: &mut Rng) -> Option<()> {
        let number = self.number(liar);
        let random = |rng: &mut Rng, n: usize| (0..n).map(|_| rng.draw() as u8).collect::<Vec<u8>>();
        let (bytes, expect) = match rng.below(5) {
            // Sealed well, with content that is none.
            0 => (self.sealed(liar, to, number, &random(rng, 200))?, Expect::Refused("peer.")),
            // A piece that should be an act and is none.
            1 => {
                let n = 1 + rng.below(300);
                let piece = Piece::Act { signed: random(rng, n), body: Some(random(rng, 30)) };
                (self.sealed(liar, to, number, &cbor::to_vec(&vec![piece]))?, Expect::Piece("peer."))
            }
            2 => (random(rng, 700), Expect::Refused("peer.")),
            // A real parcel with one byte changed, or cut off.
            3 => {
                let mut bytes = self.sealed(liar, to, number, &cbor::to_vec(&vec![self.nonsense_want(rng)]))?;
                let at = rng.below(bytes.len());
                bytes[at] ^= 1 << rng.below(8);
                (bytes, Expect::Refused("peer."))
            }
            _ => {
                let mut bytes = self.sealed(liar, to, number, &cbor::to_vec(&vec![self.nonsense_want(rng)]))?;
                bytes.truncate(rng.below(bytes.len()));
                (bytes, Expect::Refused("peer."))
            }
        };
        self.fly(liar, to, number, bytes, Fault::Garble, expect, rng)
    }

    /// Puts a false receipt in the place of one that the liar's node has just given.
    pub(crate) fn false_receipt(&mut self, liar: usize, rng: &mut Rng) -> Option<()> {
        let given: Vec<usize> = (0..self.net.back.len()).filter(|k| self.net.back[*k].to == liar && self.net.back[*k].receipt.is_some()).collect();
        let Some(k) = rng.pick(&given).copied() else {
            self.lies.false_next = true;
            return Some(());
        };
        let keys = self.stations[liar].keys.clone();
        let own = seal::Cards::first(keys.card_bytes()).ok()?;
        let back = &mut self.net.back[k];
        let (mut receipt, _) = Receipt::read(back.receipt.as_deref()?, &own).ok()?;
        let (bytes, code) = match rng.below(4) {
            0 => {
                receipt.parcel = Digest::of(b"another parcel").into();
                (receipt.sign(&keys).bytes().to_vec(), "peer.receipt.other")
            }
            1 => {
                receipt.entries.pop();
                (receipt.sign(&keys).bytes().to_vec(), "peer.receipt.other")
            }
            2 => {
                receipt.to = keys.service();
                (receipt.sign(&keys).bytes().to_vec(), "peer.receipt.other")
            }
            _ => {
                let mut bytes = back.receipt.clone()?;
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                (bytes, "peer.")
            }
        };
        back.receipt = Some(bytes);
        back.lie = Some(Lie { kind: Fault::OtherReceipt, expect: Expect::Receipt(code) });
        Some(())
    }

    fn nonsense_want(&self, rng: &mut Rng) -> Piece {
        let id = |rng: &mut Rng| Digest::of(&rng.draw().to_be_bytes());
        Piece::Want { dossier: id(rng).into(), author: id(rng).into(), from: rng.draw() >> 40, to: rng.draw() }
    }

    /// An act of a dossier that nobody ever opened.
    fn stray(&self, liar: usize, rng: &mut Rng) -> Option<Piece> {
        let dossier: DossierId = Digest::of(&rng.draw().to_be_bytes()).into();
        let (body, id) = Body { salt: [1; 16], handling: Handling::code("H0"), fields: Map::default() }.encode();
        let head = Head {
            version: dossier::VERSION,
            dossier,
            author: self.id(liar),
            seq: 2,
            prev: Digest::of(b"never made").into(),
            seen: Vec::new(),
            at: self.time.in_zone("UTC").ok()?,
            by: Signatory { officer: "forger".parse().ok()?, role: OfficerRole::Desk },
            second: None,
            deed: Deed::Move { item: (*dossier.as_ref()).into(), name: "x".to_owned() },
            body: id,
        };
        Some(Piece::Act { signed: self.stations[liar].keys.sign(Typ::Act, &cbor::to_vec(&head)).bytes().to_vec(), body: Some(body) })
    }

    fn number(&mut self, liar: usize) -> u64 {
        // Above the numbers of its own node since its last start, so that the lie is in the content alone.
        self.lies.counter += 1;
        self.stations[liar].starts << 32 | 1 << 31 | self.lies.counter
    }

    fn sealed(&self, liar: usize, to: usize, number: u64, content: &[u8]) -> Option<Vec<u8>> {
        let card = self.stations[liar].running.as_ref()?.node.book().cards(&self.id(to))?.latest().clone();
        seal::seal_parcel(&self.stations[liar].keys, &card, number, self.time, content).ok().map(|p| p.bytes)
    }

    fn send(&mut self, liar: usize, to: usize, kind: Fault, expect: Expect, pieces: &[Piece], rng: &mut Rng) -> Option<()> {
        let number = self.number(liar);
        let bytes = self.sealed(liar, to, number, &cbor::to_vec(&pieces.to_vec()))?;
        self.fly(liar, to, number, bytes, kind, expect, rng)
    }

    #[allow(clippy::too_many_arguments)] // A parcel and what it is.
    fn fly(&mut self, liar: usize, to: usize, number: u64, bytes: Vec<u8>, kind: Fault, expect: Expect, rng: &mut Rng) -> Option<()> {
        let ready = self.time.plus_ms(rng.between(5, 3_000));
        // What is no parcel has no name, and no receipt either.
        let named = seal::Parcel::parse(&bytes[..], bytes.len()).map(|p| p.id()).unwrap_or_default();
        let (id, lie) = (named, Some(Lie { kind, expect }));
        self.net.out.push(Flight { from: liar, to, number, id, bytes: Arc::new(bytes), ready, lie, copy: false, acts: Vec::new() });
        Some(())
    }
}
