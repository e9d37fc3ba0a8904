//! What the node's doors answer when they do not do what they were asked, by blame.

use base::{ExhibitId, IdError, ServiceId, TimeError};
use dossier::{ActFault, FieldFault, MechanismFault, Refusal};
use seal::exhibit::ChunkFault;
use seal::{CardFault, CarryFault, FingerprintRefusal, NoteFault, SealFault};
use store::StoreError;

/// What a service says of a checkpoint that its own ledger does not bear out.
pub(crate) const NOT_OURS: &str = "failure.ledger.not-ours";

/// A refusal, another node's fault, or a failure of our own; the code says which.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The law of cooperation says no.
    #[error(transparent)]
    Law(#[from] Refusal),
    /// A form is not filled as it should be.
    #[error(transparent)]
    Field(#[from] FieldFault),
    /// An act's bytes are not in form.
    #[error(transparent)]
    Act(#[from] ActFault),
    /// A signature, seal or card does not hold.
    #[error(transparent)]
    Seal(#[from] SealFault),
    /// A card cannot be taken.
    #[error(transparent)]
    Card(#[from] CardFault),
    /// A checkpoint or cosignature does not hold.
    #[error(transparent)]
    Note(#[from] NoteFault),
    /// The words read aloud are not the card's.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintRefusal),
    /// A mechanism file cannot be used.
    #[error(transparent)]
    Mechanism(#[from] MechanismFault),
    /// Our disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A text is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A text is no time.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Bytes at rest contradict the program.
    #[error("what the store holds cannot be read ({0}); stop the node, keep a copy and restore the last backup")]
    Corrupt(String),
    /// The program ended a request by an assertion.
    #[error("the program has a bug, and this request ended there; nothing of it was stored. Report it with the log of this minute")]
    Bug,
    /// Hit/no-hit says no, or a partner broke its rules.
    #[error(transparent)]
    Hit(#[from] crate::hits::HitFault),
    /// No such thing, or not for this reader: both answer alike.
    #[error("there is no {0} of this name here, or it is not yours to see; check the name")]
    Absent(&'static str),
    /// The officer's token is not known.
    #[error("nobody signs in with this token; ask the administrator for a new one")]
    Token,
    /// The officer's roles do not include this.
    #[error("this is for the {0} only; ask one")]
    Role(&'static str),
    /// A partner's card was never imported.
    #[error("service {0} is not a partner; import its card and compare the fingerprint by telephone")]
    UnknownPartner(ServiceId),
    /// A mechanism of this name or hash is not here.
    #[error("mechanism '{0}' is not known here; the partner must send it, or check its name")]
    UnknownMechanism(String),
    /// The accord names another version of the mechanism.
    #[error(
        "the accord names another version of mechanism '{0}'; open the dossier under the version that it names, by its hash, or agree on an accord that names the new one"
    )]
    OtherVersion(String),
    /// No more mechanisms are kept.
    #[error("this node keeps no more mechanisms; its operator must say which are still needed")]
    TooManyMechanisms,
    /// A mechanism is known but not proved.
    #[error("mechanism '{0}' fails its check: {1}; it cannot be used until its author mends it")]
    UnprovedMechanism(String, String),
    /// Proving a mechanism would take more work than is given to any.
    #[error("mechanism '{0}' is too large to be proved here; it cannot be used until its author cuts it into smaller ones")]
    LargeMechanism(String),
    /// No accord would fit.
    #[error("no accord in force permits this mechanism among these parties; propose one and have it signed")]
    NoAccord,
    /// Several accords would fit.
    #[error("{0} accords in force permit this among these parties; name one")]
    WhichAccord(usize),
    /// A four-eyes proposal is not there any more.
    #[error("this proposal is not waiting any more; somebody decided it or it was withdrawn")]
    NotPending,
    /// The same officer cannot be both pairs of eyes.
    #[error("you proposed this yourself; a second officer must approve it")]
    SameEyes,
    /// An act is dated ahead of our clock.
    #[error("the act is dated {0} minutes ahead of this node's clock; one of both clocks is wrong")]
    ClockAhead(i64),
    /// Our own clock was moved while the node ran, and nobody has borne it out.
    #[error(
        "this machine's clock was moved by {0} minutes while the node ran, and no partner has borne it out; nothing is signed until it is right. Set it by NTP; if it is right as it stands, start the node again"
    )]
    ClockMoved(i64),
    /// Our clock shows a time at which our own acting card has not begun.
    #[error("this machine's clock is before {0}, when the card that this node signs with begins; what it signed now would hold nowhere. Set the clock by NTP")]
    ClockBeforeCard(base::UnixMs),
    /// Our own acting card is over by our clock: it has ended, or the overlap with the one that follows it has.
    #[error(
        "by this machine's clock the card that this node signs with was over on {0}; what it signed now would hold nowhere. Set the clock by NTP; if it is right, `entente keys status` shows which card is to follow"
    )]
    ClockAfterCard(base::UnixMs),
    /// All partners that were heard contradict our clock.
    #[error("all {partners} partners that were heard contradict this machine's clock ({ahead}); nothing is signed until it is set. Set it by NTP")]
    ClockContradicted {
        /// How many they are.
        partners: usize,
        /// By how much, in words.
        ahead: String,
    },
    /// A parcel was sealed by a clock that is far off.
    #[error("the parcel was sealed {0} minutes away from this node's clock; one of both clocks is wrong. Set both by NTP and send again")]
    ParcelClock(u64),
    /// The parcel came over another service's connection.
    #[error("the parcel is signed by another service than the one that brought it")]
    Courier,
    /// An act is signed by another service than the one that it names as its author.
    #[error("the act is signed by another service than its author; it was forged, or the sender's software is at fault")]
    Signer,
    /// A receipt does not answer the parcel that we sent. An honest partner gives such a one where our data was put back from an older
    /// copy, which has used the number again: it had answered the parcel of the line that is lost.
    #[error(
        "the receipt is for another parcel than the one sent under this number: this node's data was put back from an older copy, or the partner's software is at fault. The parcel is sent again"
    )]
    Receipt,
    /// A receipt that somebody else signed than the service that the parcel went to.
    #[error("the receipt is signed by another service than the one that the parcel went to; it settles nothing. Call the partner")]
    ReceiptSigner,
    /// A partner's ledger does not continue the one that we cosigned.
    #[error("this ledger does not continue the one that was cosigned before; keep the log and let the operators speak")]
    Rewritten,
    /// A checkpoint's proof does not start where we last cosigned.
    #[error("the proof must start at size {0}, which was cosigned before; the cosignature is sent again, and the next checkpoint starts there")]
    CheckpointStart(u64),
    /// A checkpoint bears our own signature and our ledger does not bear it out. Whoever shows it to us does right: the fault is ours.
    #[error("this checkpoint is signed with this service's key and not of its ledger: it was put back to an older copy, or somebody else holds its key")]
    NotOurs,
    /// A parcel's number was used before.
    #[error("parcel number {0} was received before with other content; it is a replay or the sender lost its memory. Its operator must call")]
    Replayed(u64),
    /// Too many acts of a partner wait for others.
    #[error("too many acts of this service wait for acts that are lacking; it must send those first")]
    TooMuchWaiting,
    /// A chunk that came is not the exhibit's.
    #[error("chunk {index} of exhibit {exhibit}: {fault}")]
    Chunk {
        /// What is wrong.
        fault: ChunkFault,
        /// The exhibit.
        exhibit: ExhibitId,
        /// The chunk.
        index: u32,
    },
    /// A request for chunks that do not exist.
    #[error("the chunks that are asked for are not in order or not of this exhibit; the sender's software is at fault")]
    ExhibitRanges,
    /// A chunk that nobody here has asked for.
    #[error("nobody here has asked for this exhibit; it is not kept")]
    ExhibitUnasked,
    /// A chunk that came by file in front of the act that names its exhibit.
    #[error("this chunk came before an act that counts names its exhibit; it comes again with the sender's next file")]
    ExhibitEarly,
    /// An exhibit is not here whole.
    #[error("this exhibit is not here whole yet; it is fetched, and entente exhibit list shows how far it is")]
    ExhibitIncomplete,
    /// An officer names an exhibit that is not here.
    #[error("the exhibit '{0}' is not here, or not with this size; add the file first with entente exhibit add")]
    ExhibitAbsent(String),
    /// As many files as may be under way at a time are.
    #[error("too many files are under way")]
    ExhibitBusy,
    /// The disk is at its floor.
    #[error("there is no room for this exhibit: the disk is at the floor that is left free for everything else. Free space or enlarge the disk")]
    ExhibitRoom,
    /// The accord permits no more.
    #[error("this is more than the accord permits one party to send and the others to keep; wait until earlier exhibits are erased, or agree on more")]
    ExhibitQuota,
    /// This node keeps no exhibits.
    #[error("this node was started without a place for exhibits")]
    ExhibitNoVault,
    /// A chunk at rest cannot be read.
    #[error("chunk {index} of exhibit {exhibit} cannot be read: the disk has damaged it. It is fetched again where another party holds it; check the disk")]
    ExhibitDamaged {
        /// The exhibit.
        exhibit: ExhibitId,
        /// The chunk.
        index: u32,
    },
    /// Acts of a dossier in which the sender has no part.
    #[error("the sender or this node is not a party of this dossier")]
    NotParty,
    /// A word on an act that is not about it, or that this service cannot give.
    #[error("the word on this act is about another one, or is one that only its author can give; the sender's software is at fault")]
    Word,
    /// Two officers here decided not to speak with the service for now.
    #[error("nothing is taken from or sent to this service until two officers here decide otherwise; let both services speak by telephone")]
    Suspended,
    /// Nothing of this kind can be decided of this act.
    #[error("act {0} is not in doubt, or not of this service; entente keys doubtful lists those that are")]
    NotDoubtful(String),
    /// A carry file is none, or was cut or altered.
    #[error(transparent)]
    Carry(#[from] CarryFault),
    /// A carried parcel is older than the operator lets in.
    #[error(
        "the parcel was sealed {0} days ago, and this node takes carried parcels of at most {1} days; ask the sender to export again, or set 'carry_days_max' higher"
    )]
    CarryAge(u64, u32),
    /// The carry file is for another service.
    #[error("this carry file is for {0}, not for us; hand it to them")]
    CarryOther(String),
    /// The carry file is one of our own.
    #[error("this carry file is our own, for {0}; it is to be imported there")]
    CarryOwn(String),
    /// A carried receipt answers no parcel that is under way.
    #[error("the receipt answers no carried parcel that is under way; what is not acknowledged stays due and goes with the next export")]
    CarryReceipt,
    /// The export was ended by another one, or by a restart.
    #[error("this export is over: another one began, or the node was started again. What it wrote may be used; export again for the rest")]
    CarryExport,
    /// A volume is too small for what must go into it.
    #[error("a volume must have at least {0} bytes for what is due; export with a larger --max-size")]
    CarryVolume(u64),
    /// The partner's newest card does not hold any more, so nothing can be sealed for it.
    #[error("the newest card of {0} that is known here is not valid now, so nothing can be sealed for it; import its newer card first")]
    PartnerCard(String),
    /// The register changed while texts were being read.
    #[error("the register changed while the texts were being read; import them again")]
    RegisterMoved,
    /// The service's own file of names for the register cannot be used.
    #[error("{0}")]
    RegisterNames(String),
    /// This node was put back to an older state and does not yet know all that it had signed.
    #[error(
        "this node was put back to an older state and signs nothing here before {0} has said what it holds. Their nodes are asked again by themselves: call them if it lasts; for a partner that is gone for good, entente fence lift"
    )]
    Fenced(String),
    /// An own act came back and builds on what is not here; by the codes of the services whose acts are lacking.
    #[error(
        "an act of this service came back here that builds on acts of {0} which are not here; its number is used, so nothing is signed in this dossier before they come. Ask all parties for them; if nobody has them any more, open a new dossier that follows this one"
    )]
    OwnWaits(String),
    /// An act came without its content, and is not here.
    #[error(
        "the act came without its content: its sender has erased it, or left it out. Nobody can judge it without; ask another party that may still have it"
    )]
    WithoutContent,
    /// An own act that a restored node lacks came back without its content; by the code of who handed it on.
    #[error(
        "this node was put back to an older state, and an act of this service in this dossier came back from {0} without its content, which is erased there or was left out. Its number is used, and nothing can be signed after it; open a new dossier that follows this one"
    )]
    ErasedThere(String),
    /// Parties refer to an act of ours that is not here; by their codes.
    #[error(
        "{0} has seen an act of this service in this dossier that is not here. It is asked for; until it comes, for fifteen minutes at most, nothing is signed in this dossier. Try again then; if it does not come, ask what they hold"
    )]
    Shown(String),
    /// This ledger is older than what was signed with its key.
    #[error(
        "this ledger is older than what this service has signed: an older copy was put in place. Partners are asked what they hold; entente fence show says how far they are"
    )]
    Older,
    /// Another machine runs under our name.
    #[error("another machine runs under this service's name, so nothing is signed here. Stop one of the two for good, then lift the fence for the own service")]
    Twin,
    /// Our key file is older than our newest card.
    #[error(
        "the key file is older than this service's newest card, so nothing is signed with it. Put the newer key file in place, or issue the next card with the root key"
    )]
    OldKeys,
    /// The node was moved to another machine.
    #[error("this node was moved: {0}. It does not start here any more")]
    Moved(String),
    /// A request that makes no sense as it stands.
    #[error("{0}")]
    Asked(String),
}

impl NodeError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            NodeError::Law(e) => e.code(),
            NodeError::Field(e) => e.code(),
            NodeError::Act(e) => e.code(),
            NodeError::Seal(e) => e.code(),
            NodeError::Card(e) => e.code(),
            NodeError::Note(e) => e.code(),
            NodeError::Fingerprint(e) => e.code(),
            NodeError::Mechanism(e) => e.code(),
            NodeError::Store(e) => e.code(),
            NodeError::Id(e) => e.code(),
            NodeError::Time(e) => e.code(),
            NodeError::Hit(e) => e.code(),
            NodeError::Corrupt(_) => "failure.node.corrupt",
            NodeError::Bug => "failure.node.bug",
            NodeError::Absent(_) => "refusal.node.absent",
            NodeError::Token => "refusal.officer.token",
            NodeError::Role(_) => "refusal.officer.role",
            NodeError::UnknownPartner(_) => "refusal.partner.unknown",
            NodeError::UnknownMechanism(_) => "refusal.mechanism.unknown",
            NodeError::OtherVersion(_) => "refusal.mechanism.other-version",
            NodeError::TooManyMechanisms => "refusal.mechanism.too-many",
            NodeError::UnprovedMechanism(..) => "refusal.mechanism.unproved",
            NodeError::LargeMechanism(_) => "refusal.mechanism.unprovable",
            NodeError::NoAccord => "refusal.accord.none",
            NodeError::WhichAccord(_) => "refusal.accord.which",
            NodeError::NotPending => "refusal.pending.gone",
            NodeError::SameEyes => "refusal.pending.same-eyes",
            NodeError::ClockAhead(_) => "peer.act.clock-ahead",
            NodeError::ClockMoved(_) => "failure.clock.moved",
            NodeError::ClockBeforeCard(_) => "failure.clock.before-card",
            NodeError::ClockAfterCard(_) => "failure.clock.after-card",
            NodeError::ClockContradicted { .. } => "failure.clock.contradicted",
            NodeError::ParcelClock(_) => "peer.parcel.clock",
            NodeError::Courier => "peer.parcel.courier",
            NodeError::Signer => "peer.act.signer",
            NodeError::Receipt => "peer.receipt.other",
            NodeError::ReceiptSigner => "peer.receipt.signer",
            NodeError::Rewritten => "peer.ledger.rewritten",
            NodeError::CheckpointStart(_) => "refusal.checkpoint.start",
            NodeError::NotOurs => NOT_OURS,
            NodeError::Replayed(_) => "peer.parcel.replayed",
            NodeError::TooMuchWaiting => "peer.act.too-much-waiting",
            NodeError::Chunk { fault, .. } => fault.code(),
            NodeError::ExhibitRanges => "peer.exhibit.ranges",
            NodeError::ExhibitUnasked => "refusal.exhibit.unasked",
            NodeError::ExhibitEarly => "refusal.exhibit.early",
            NodeError::ExhibitIncomplete => "refusal.exhibit.incomplete",
            NodeError::ExhibitAbsent(_) => "refusal.exhibit.absent",
            NodeError::ExhibitBusy => "refusal.exhibit.busy",
            NodeError::ExhibitRoom => "refusal.exhibit.room",
            NodeError::ExhibitQuota => "refusal.exhibit.quota",
            NodeError::ExhibitNoVault => "refusal.exhibit.no-place",
            NodeError::ExhibitDamaged { .. } => "failure.exhibit.damaged",
            NodeError::NotParty => "peer.act.not-party",
            NodeError::Word => "peer.act.word",
            NodeError::Suspended => "refusal.partner.suspended",
            NodeError::NotDoubtful(_) => "refusal.keys.not-doubtful",
            NodeError::Carry(e) => e.code(),
            NodeError::CarryAge(..) => "refusal.carry.age",
            NodeError::CarryOther(_) => "refusal.carry.other-recipient",
            NodeError::CarryOwn(_) => "refusal.carry.own",
            NodeError::CarryReceipt => "refusal.carry.receipt-unknown",
            NodeError::CarryExport => "refusal.carry.export-over",
            NodeError::CarryVolume(_) => "refusal.carry.volume-small",
            NodeError::PartnerCard(_) => "refusal.partner.card-over",
            NodeError::RegisterMoved => "refusal.register.moved",
            NodeError::RegisterNames(_) => "refusal.register.names",
            NodeError::Fenced(_) => "refusal.fence.awaited",
            NodeError::OwnWaits(_) => "refusal.fence.own-waits",
            NodeError::WithoutContent => "refusal.act.without-content",
            NodeError::ErasedThere(_) => "refusal.fence.erased",
            NodeError::Shown(_) => "refusal.fence.shown",
            NodeError::Older => "failure.fence.older",
            NodeError::Twin => "failure.fence.twin",
            NodeError::OldKeys => "failure.fence.old-keys",
            NodeError::Moved(_) => "refusal.node.moved",
            NodeError::Asked(_) => "refusal.node.asked",
        }
    }

    /// Tells whether our own disk failed, so that nothing can be said of what was asked.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        match self {
            NodeError::Store(e) if e.code().starts_with("failure.") => Some(e.clone()),
            NodeError::Corrupt(what) => Some(StoreError::Corrupt(what.clone())),
            _ => None,
        }
    }
}
