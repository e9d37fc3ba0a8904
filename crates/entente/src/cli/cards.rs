//! `card`: our own card goes out as a file, a partner's comes in with the fingerprint that two people compared aloud.

use super::Global;
use super::desk::Desk;
use super::face::{Face, each, text};
use super::trouble::Trouble;
use base::{Lang, ServiceId, hex};
use seal::{CARD_BYTES_MAX, Card, Cards, Fingerprint, FingerprintRefusal};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  entente card show es.card
  entente card import es.card --fingerprint \"legal winner thank year wave sausage worth useful legal winner thank yellow\"
  entente card import es.card --fingerprint \"00001 00002 00003 00004 00005 00006 00007 00008 12345\"

The first card of a service is taken with its fingerprint only: call the service on a number that you know, let the duty officer
read the words or digits aloud, and type what you hear. Later cards of the same service prove themselves and need none.";

/// What to do with cards.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum CardCommand {
    /// Show our own card, or the one in a file (that needs no node)
    Show {
        /// A card file
        file: Option<PathBuf>,
    },
    /// Write our own card to a file, to be handed to partners
    Export {
        /// The file
        file: PathBuf,
    },
    /// Take a partner's card
    #[command(after_help = EXAMPLES)]
    Import {
        /// The partner's card file
        file: PathBuf,
        /// The twelve words (English, French, Spanish or Portuguese) or nine groups of digits that the partner read aloud
        #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
        fingerprint: String,
    },
}

impl CardCommand {
    /// Does it.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        match self {
            CardCommand::Show { file: Some(path) } => show(&global.face(), &from_file(&path)?.1),
            CardCommand::Show { file: None } => {
                let desk = Desk::open(global)?;
                let (_, cards) = own(&desk)?;
                show(&desk.face, &cards)
            }
            CardCommand::Export { file } => {
                let desk = Desk::open(global)?;
                let (bytes, cards) = own(&desk)?;
                std::fs::write(&file, &bytes).map_err(|e| Trouble::unwritable(&file, e))?;
                let shown = describe(&desk.face, cards.latest());
                let shown =
                    json!({ "file": file.display().to_string(), "service": shown["service"], "number": shown["number"], "fingerprint": shown["fingerprint"] });
                desk.face.show(&shown, || format!("card {} is in {}\nfingerprint  {}\n", shown["number"], file.display(), text(&shown["fingerprint"]["words"])))
            }
            CardCommand::Import { file, fingerprint } => {
                let (bytes, cards) = from_file(&file)?;
                let desk = Desk::open(global)?;
                // A later card proves itself and the node asks for no words; words that were typed are compared all the same.
                if !fingerprint.trim().is_empty() && cards.service() != own(&desk)?.1.service() {
                    compare(&cards.service(), &fingerprint)?;
                }
                let taken = desk.post("/v1/partners", &json!({ "card": hex::encode(&bytes), "fingerprint": fingerprint }))?;
                let card = cards.latest();
                let shown = json!({ "service": taken["service"], "code": card.code, "number": card.number });
                desk.face.show(&shown, || format!("card {} of {} is taken: service {}\n", card.number, card.code, text(&taken["service"])))
            }
        }
    }
}

fn own(desk: &Desk) -> Result<(Vec<u8>, Cards), Trouble> {
    let card = desk.get("/v1/card")?;
    let bytes = hex::decode(text(&card["card"])).ok_or_else(|| Trouble::refused("failure.client.answer", "the node's answer holds no card"))?;
    let cards = parse(&bytes)?;
    Ok((bytes, cards))
}

/// Reads a card file: the signed bytes, or the same as hexadecimal digits.
fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    let bytes = std::fs::read(path).map_err(|e| Trouble::unreadable(path, e))?;
    if bytes.len() > 2 * CARD_BYTES_MAX + 2 {
        return Err(Trouble::unreadable(path, format!("it has {} bytes, which no card has", bytes.len())));
    }
    Ok(std::str::from_utf8(&bytes).ok().and_then(|t| hex::decode(t.trim())).filter(|b| !b.is_empty()).unwrap_or(bytes))
}

/// Reads a card file and says which file is no card.
fn from_file(path: &Path) -> Result<(Vec<u8>, Cards), Trouble> {
    let bytes = read(path)?;
    let cards = Cards::first(&bytes).map_err(|e| {
        Trouble::refused(e.code(), format!("{} does not hold a card that can be taken: {e}", path.display()))
            .remedy("check that you named the file of the card; if so, have it handed over again")
    })?;
    Ok((bytes, cards))
}

/// Compares what was heard with a service, in each language that has a list of words.
fn compare(service: &ServiceId, typed: &str) -> Result<(), Trouble> {
    let heard = [Lang::En, Lang::Fr, Lang::Es, Lang::Pt].map(|l| Fingerprint::compare(service, typed, l));
    if heard.iter().any(Result::is_ok) {
        return Ok(());
    }
    // The list in which reading got furthest is the one in which the words were read.
    let far = |e: &FingerprintRefusal| match e {
        FingerprintRefusal::Word { place, .. } | FingerprintRefusal::Group { place, .. } => *place,
        _ => usize::MAX,
    };
    let told = heard.into_iter().filter_map(Result::err).max_by_key(far);
    told.map_or(Ok(()), |e| Err(Trouble::refused(e.code(), e.to_string())))
}

fn parse(bytes: &[u8]) -> Result<Cards, Trouble> {
    Cards::first(bytes).map_err(|e| Trouble::refused(e.code(), e.to_string()))
}

fn describe(face: &Face, card: &Card) -> Value {
    let print = Fingerprint::of(&card.service);
    // BIP-39 has no list for Arabic and German.
    let lang = if matches!(face.lang, Lang::Ar | Lang::De) { Lang::En } else { face.lang };
    json!({
        "service": card.service, "code": card.code, "country": card.country, "number": card.number, "name": card.name, "endpoints": card.endpoints,
        "languages": card.languages, "duty": card.duty.iter().map(|d| json!({ "desk": d.desk, "phone": d.phone, "mail": d.mail })).collect::<Vec<_>>(),
        "valid_from": card.valid_from, "valid_until": card.valid_until, "fingerprint": { "lang": lang, "words": print.words(lang), "digits": print.digits() },
    })
}

fn show(face: &Face, cards: &Cards) -> Result<(), Trouble> {
    let c = describe(face, cards.latest());
    face.show(&c, || {
        let list = |v: &Value| each(v).map(text).collect::<Vec<_>>().join(", ");
        let mut out = format!(
            "service      {}\ncode         {}, {}\ncard         {}\n",
            text(&c["service"]),
            text(&c["code"]),
            face.code("countries", text(&c["country"])),
            c["number"]
        );
        each(&c["name"]).for_each(|n| out += &format!("name         [{}] {}\n", text(&n["lang"]), text(&n["text"])));
        out += &format!("endpoints    {}\nlanguages    {}\n", list(&c["endpoints"]), list(&c["languages"]));
        each(&c["duty"]).for_each(|d| out += &format!("duty         {}\n", [text(&d["desk"]), text(&d["phone"]), text(&d["mail"])].join("  ").trim_end()));
        out += &format!("valid        {} to {}\n", face.time(&c["valid_from"]), face.time(&c["valid_until"]));
        out += &format!("fingerprint  {}\n             {}\n", text(&c["fingerprint"]["words"]), text(&c["fingerprint"]["digits"]));
        out
    })
}
