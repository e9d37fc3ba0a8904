//! Intake of a carry file, while its bytes come: 1 head, whose and for whom, 2 the sender's later cards, 3 the head's signature,
//! 4 parcels and receipts one by one, each stored before the next, 5 the end, 6 what was taken and what was not.
//!
//! [`Intake::next`] works beside the node (parsing, signatures, decryption); what it returns is run on the node. Stopped at any
//! moment, nothing is half done: what was stored is known again when the file comes again.

use crate::book::Book;
use crate::carry::CarrySettled;
use crate::error::NodeError;
use crate::inbound::{Arrived, open_carried};
use crate::node::{Node, Ticket};
use crate::outbound::PARCEL_BYTES_MAX;
use crate::shelves::Shelves;
use base::{Digest, OfficerId, ParcelId, ServiceId, UnixMs};
use seal::{CardFault, CarryFault, CarryHead, CarryPart, CarryReader, Directory, Held, Keys, Parcel, Receipt, SealFault, Signed, Typ};
use serde::Serialize;
use std::sync::Arc;
use store::{Appended, Store};

/// Faults of single records that a report names; of more only the number is told.
const FAULTS_TOLD_MAX: usize = 20;

/// Records of one kind, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CarryCount {
    /// Taken now.
    pub new: u64,
    /// Were here already.
    pub again: u64,
    /// Not taken.
    pub refused: u64,
}

/// What was wrong with a record or with the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CarryFaulty {
    /// Which record, from 1; 0 is the file.
    pub record: u64,
    /// The stable code.
    pub code: String,
    /// What happened.
    pub what: String,
}

/// What became of one volume.
#[derive(Debug, Clone, Serialize)]
pub struct CarryReport {
    /// Who wrote it.
    pub from: ServiceId,
    /// Its short name.
    pub code: String,
    /// Which of its volumes for us.
    pub volume: u64,
    /// When it was written.
    pub at: UnixMs,
    /// Whether its end is there and all of it is as it was signed.
    pub whole: bool,
    /// Whether it is the last volume of its export; told by its end only.
    pub last: bool,
    /// Parcels.
    pub parcels: CarryCount,
    /// Chunks of exhibits in new parcels.
    pub chunks: u64,
    /// Acts and other pieces in new parcels that were refused, which their sender learns from the receipt.
    pub pieces_refused: u64,
    /// Receipts.
    pub receipts: CarryCount,
    /// What was wrong, the first of it.
    pub faults: Vec<CarryFaulty>,
    /// Faults beyond those.
    pub faults_more: u64,
    /// Volumes of this sender that never came, as runs of numbers.
    pub missing: Vec<(u64, u64)>,
}

/// Something to be done on the node.
pub enum IntakeJob {
    /// The sender's cards.
    Cards(ServiceId, Vec<Vec<u8>>),
    /// A parcel that was opened.
    Parcel(Box<Arrived>),
    /// A parcel that was answered before.
    Known(ServiceId, u64, ParcelId),
    /// A receipt for one of our parcels.
    Receipt(ServiceId, u64, Vec<u8>),
    /// The volume is through.
    Volume(ServiceId, u64, bool, OfficerId),
    /// A record that was refused before it reached the node, to be noted.
    Refused(ServiceId, &'static str, String),
}

/// What a job led to, once it is stored.
pub enum IntakeDone {
    /// Cards, or a note.
    Noted,
    /// A parcel; whether it was here before.
    Parcel(bool),
    /// A receipt that was new: what the partner now holds.
    Settled(ServiceId, Vec<Digest>),
    /// A receipt that was here before.
    SettledBefore,
    /// The volume, and which ones are missing.
    Volume(Vec<(u64, u64)>),
}

impl IntakeJob {
    /// Does it; what is staged is true with the next commit.
    pub fn run(self, node: &mut Node, now: UnixMs) -> Result<(Option<Ticket>, IntakeDone), NodeError> {
        match self {
            IntakeJob::Cards(from, all) => Ok((node.carry_cards(from, &all, now)?, IntakeDone::Noted)),
            IntakeJob::Parcel(arrived) => node.receive_carried(*arrived, now).map(|(t, again)| (Some(t), IntakeDone::Parcel(again))),
            IntakeJob::Known(from, number, id) => Ok((Some(node.owe_again(from, number, id, now)?), IntakeDone::Parcel(true))),
            IntakeJob::Receipt(from, number, receipt) => match node.carry_settle(from, number, &receipt, now)? {
                CarrySettled::New(t, held) => Ok((Some(t), IntakeDone::Settled(from, held))),
                CarrySettled::Again => Ok((None, IntakeDone::SettledBefore)),
            },
            IntakeJob::Volume(from, volume, whole, by) => {
                node.carry_imported(from, volume, whole, &by, now).map(|(t, missing)| (Some(t), IntakeDone::Volume(missing)))
            }
            IntakeJob::Refused(from, code, what) => Ok((node.note_refused(from, code, &what, now), IntakeDone::Noted)),
        }
    }
}

/// One carry file on its way in.
pub struct Intake {
    me: ServiceId,
    keys: Keys,
    book: Book,
    store: Arc<dyn Store>,
    shelves: Option<Shelves>,
    days_max: u32,
    by: OfficerId,
    reader: CarryReader,
    head: Option<Box<CarryHead>>,
    verified: bool,
    closed: bool,
    report: Option<CarryReport>,
    /// What the job that is out is about, for the count.
    out: Out,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Out {
    Nothing,
    /// With so many chunks.
    Parcel(u64),
    Receipt,
}

impl Intake {
    /// Begins to take a file that an officer brings; parcels may be `days_max` days old.
    pub fn new(node: &Node, days_max: u32, by: OfficerId) -> Intake {
        Intake {
            me: node.me(),
            keys: node.keys(),
            book: node.book(),
            store: node.store(),
            shelves: node.shelves(),
            days_max,
            by,
            reader: CarryReader::new(PARCEL_BYTES_MAX),
            head: None,
            verified: false,
            closed: false,
            report: None,
            out: Out::Nothing,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    /// Returns what is to be done next on the node, or nothing until more bytes come.
    ///
    /// An error ends the intake and is about the file as a whole: no carry file, not for us, of nobody we know.
    pub fn next(&mut self, now: UnixMs) -> Result<Option<IntakeJob>, NodeError> {
        loop {
            if let Some(head) = self.head.as_ref().filter(|_| !self.verified) {
                let cards = self.book.cards(&head.from()).ok_or(NodeError::UnknownPartner(head.from()))?;
                head.verify(&cards)?;
                self.verified = true;
            }
            let part = match self.reader.part() {
                Ok(Some(part)) => part,
                Ok(None) => return Ok(None),
                Err(e) => match &mut self.report {
                    Some(report) => {
                        report.fault(0, e.code(), e.to_string());
                        return Ok(None);
                    }
                    None => return Err(e.into()),
                },
            };
            if let Some(job) = self.job(part, now)? {
                return Ok(Some(job));
            }
        }
    }

    fn job(&mut self, part: CarryPart, now: UnixMs) -> Result<Option<IntakeJob>, NodeError> {
        let from = match part {
            CarryPart::Head(head) => return self.begin(head),
            _ => self.head.as_ref().map(|h| h.from()).ok_or(NodeError::Carry(CarryFault::NoFile))?,
        };
        match part {
            CarryPart::Head(_) => Ok(None),
            CarryPart::Parcel(bytes) => {
                self.out = Out::Parcel(0);
                let parcel = match Parcel::parse(bytes, PARCEL_BYTES_MAX) {
                    Ok(parcel) => parcel,
                    Err(e) => return Ok(Some(self.refused(from, &e.into()))),
                };
                let id = parcel.id();
                let known = self.store.given(&id)?.filter(|g| g.parcel.sender == from);
                if let Some(given) = known {
                    return Ok(Some(IntakeJob::Known(from, given.parcel.number, id)));
                }
                match open_carried(parcel, from, &self.book, &self.keys, self.days_max, now) {
                    Ok(mut arrived) => {
                        self.out = Out::Parcel(arrived.chunks());
                        // Chunks that are expected are written here, beside the node.
                        if let Some(shelves) = &self.shelves {
                            arrived.shelve(shelves);
                        }
                        Ok(Some(IntakeJob::Parcel(Box::new(arrived))))
                    }
                    Err(e) => Ok(Some(self.refused(from, &e))),
                }
            }
            CarryPart::Receipt { number, receipt } => {
                self.out = Out::Receipt;
                Ok(Some(IntakeJob::Receipt(from, number, receipt)))
            }
            CarryPart::End(end) => {
                let (Some(head), Some(report)) = (&self.head, &mut self.report) else { return Ok(None) };
                let cards = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
                match end.verify(head, &cards) {
                    Ok(()) => (report.whole, report.last) = (true, end.last),
                    Err(e) => report.fault(0, e.code(), e.to_string()),
                }
                Ok(None)
            }
        }
    }

    /// Looks whose the file is and for whom, and asks for the cards that its sender has issued since.
    fn begin(&mut self, head: Box<CarryHead>) -> Result<Option<IntakeJob>, NodeError> {
        let from = head.from();
        if from == self.me {
            return Err(NodeError::CarryOwn(self.book.code(&head.to)));
        }
        let cards = self.book.cards(&from).ok_or(NodeError::UnknownPartner(from))?;
        if head.to != self.me {
            return Err(NodeError::CarryOther(self.book.code(&head.to)));
        }
        let mut later = (*cards).clone();
        let mut news = false;
        for bytes in &head.cards {
            match later.add(bytes) {
                Ok(new) => news |= new,
                Err(CardFault::Gap { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        // The signature is tried with the cards that the head itself brings; they are kept only if it holds.
        head.verify(&later).map_err(|e| match e {
            SealFault::Signature => NodeError::Carry(CarryFault::Altered { what: "its head is not signed by its sender" }),
            other => other.into(),
        })?;
        self.report = Some(CarryReport {
            from,
            code: later.latest().code.clone(),
            volume: head.volume,
            at: head.at,
            whole: false,
            last: false,
            parcels: CarryCount::default(),
            chunks: 0,
            pieces_refused: 0,
            receipts: CarryCount::default(),
            faults: Vec::new(),
            faults_more: 0,
            missing: Vec::new(),
        });
        let job = news.then(|| IntakeJob::Cards(from, head.cards.clone()));
        self.head = Some(head);
        Ok(job)
    }

    fn refused(&mut self, from: ServiceId, e: &NodeError) -> IntakeJob {
        let record = self.reader.records();
        if let Some(report) = &mut self.report {
            report.parcels.refused += 1;
            report.fault(record, e.code(), e.to_string());
        }
        self.out = Out::Nothing;
        IntakeJob::Refused(from, e.code(), e.to_string())
    }

    /// Counts what a job led to; a failure of our own disk ends the intake.
    pub fn done(&mut self, done: Result<IntakeDone, NodeError>, appended: Option<Appended>) -> Result<(), NodeError> {
        let (out, record) = (std::mem::replace(&mut self.out, Out::Nothing), self.reader.records());
        let Some(report) = &mut self.report else { return done.map(drop) };
        match done {
            Ok(IntakeDone::Noted) => {}
            Ok(IntakeDone::Parcel(again)) => {
                let count = if again { &mut report.parcels.again } else { &mut report.parcels.new };
                *count += 1;
                if let Out::Parcel(chunks) = out {
                    report.chunks += if again { 0 } else { chunks };
                }
                report.pieces_refused += appended.and_then(|a| a.receipt).map_or(0, |r| refused_pieces(&r));
            }
            Ok(IntakeDone::Settled(..)) => report.receipts.new += 1,
            Ok(IntakeDone::SettledBefore) => report.receipts.again += 1,
            Ok(IntakeDone::Volume(missing)) => report.missing = missing,
            Err(e) if e.code().starts_with("failure.") || e.code() == "refusal.store.busy" => return Err(e),
            Err(e) => {
                match out {
                    Out::Parcel(_) => report.parcels.refused += 1,
                    Out::Receipt => report.receipts.refused += 1,
                    Out::Nothing => {}
                }
                report.fault(record, e.code(), e.to_string());
            }
        }
        Ok(())
    }

    /// Says that no more bytes come; returns the last job, once.
    pub fn finish(&mut self) -> Result<Option<IntakeJob>, NodeError> {
        let ended = self.reader.finish();
        let (Some(report), Some(head)) = (&mut self.report, &self.head) else { return ended.map(|()| None).map_err(NodeError::from) };
        if std::mem::replace(&mut self.closed, true) {
            return Ok(None);
        }
        if let Err(e) = ended {
            report.fault(0, e.code(), e.to_string());
        }
        // What follows a good end is a fault all the same.
        report.whole &= report.faults.iter().all(|f| f.record != 0);
        Ok(Some(IntakeJob::Volume(head.from(), head.volume, report.whole, self.by.clone())))
    }

    /// Returns what became of the file so far.
    pub fn report(&self) -> Option<&CarryReport> {
        self.report.as_ref()
    }
}

impl CarryReport {
    fn fault(&mut self, record: u64, code: &str, what: String) {
        match self.faults.len() < FAULTS_TOLD_MAX {
            true => self.faults.push(CarryFaulty { record, code: code.to_owned(), what }),
            false => self.faults_more += 1,
        }
    }
}

/// Counts what one of our own receipts refuses.
fn refused_pieces(receipt: &[u8]) -> u64 {
    let Ok(signed) = Signed::parse(receipt, Typ::Receipt, seal::RECEIPT_BYTES_MAX) else { return 0 };
    let Ok(receipt) = base::cbor::from_slice::<Receipt>(signed.payload(), seal::RECEIPT_BYTES_MAX) else { return 0 };
    receipt.entries.iter().filter(|e| matches!(e.held, Held::Refused { .. })).count() as u64
}
