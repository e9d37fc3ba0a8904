//! Fills forms at random: total over the types that a field may have, so that a mechanism of tomorrow is filled as well.
//!
//! `value` is the one place to extend: a new field type does not compile before it has an arm here.

use crate::rng::Rng;
use base::cbor::Map;
use base::{Coded, Date, Digest, DossierId, Evaluation, ExhibitId, Instant, ItemId, Lang, Length, MechanismId, ServiceId, Text, UnixMs, Vocabulary};
use dossier::{
    Account, ClockLength, Document, Equivalence, Exhibit, Field, FieldType, Link, MechanismRef, Money, OfficerRef, Person, Place, Quantity, Reference,
    TextHash, Value, Vehicle, Vessel,
};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What a form may name.
pub struct Filler<'a> {
    /// Chance.
    pub rng: &'a mut Rng,
    /// The time at the node.
    pub now: UnixMs,
    /// The dossier's parties.
    pub parties: Vec<ServiceId>,
    /// Mechanisms that an accord may name.
    pub mechanisms: Vec<(String, MechanismId)>,
    /// Dossiers and items that a reference may name.
    pub things: Vec<(DossierId, Option<ItemId>)>,
    /// Items of this dossier that a field may point at: kind, and whether we opened it.
    pub items: Vec<(ItemId, String, bool)>,
    /// The dossier and who fills, where it is open already: what a commitment is bound to.
    pub place: Option<(DossierId, ServiceId)>,
    /// Forms by which what is committed to on this item is revealed.
    pub reveals: Vec<Vec<Field>>,
    /// Files of which this node has the content: address and size.
    pub files: Vec<(ExhibitId, u64)>,
    /// A word that stands in every text, to be looked for where it must not be.
    pub canary: String,
}

impl Filler<'_> {
    /// Fills a form: what is required, and of the rest a half, or all of it.
    ///
    /// A form that reveals is filled alike whenever its party fills it, so that a commitment made before holds.
    pub fn form(&mut self, fields: &[Field], all: bool) -> BTreeMap<String, Json> {
        match fields.iter().find(|f| f.kind == FieldType::Reveal) {
            Some(reveal) => {
                let (salt, mut form) = self.sealed(fields, reveal);
                form.insert(reveal.id.clone(), Value::Reveal(salt).to_json());
                form
            }
            None => self.fill(fields, all),
        }
    }

    /// Fills what a form reveals, the reveal itself left out, and draws what was hashed into the commitment to it.
    fn sealed(&self, fields: &[Field], reveal: &Field) -> (Digest, BTreeMap<String, Json>) {
        let (dossier, me) = self.place.map_or((Digest::default(), Digest::default()), |(d, s)| (*d.as_ref(), *s.as_ref()));
        let salt = Digest::tagged("entente/sim/salt/1", &[&dossier.0, &me.0, reveal.id.as_bytes()]);
        let seed = u64::from_be_bytes(*salt.0.first_chunk().expect("a digest has more than eight bytes"));
        let rest: Vec<Field> = fields.iter().filter(|f| f.kind != FieldType::Reveal).cloned().collect();
        let mut rng = Rng::new(seed);
        let (now, canary) = (crate::station::START, self.canary.clone());
        let (parties, mechanisms) = (self.parties.clone(), self.mechanisms.clone());
        let mut like = Filler {
            rng: &mut rng,
            now,
            parties,
            mechanisms,
            things: Vec::new(),
            items: Vec::new(),
            place: None,
            reveals: Vec::new(),
            files: Vec::new(),
            canary,
        };
        (salt, like.fill(&rest, true))
    }

    fn fill(&mut self, fields: &[Field], all: bool) -> BTreeMap<String, Json> {
        let mut form = BTreeMap::new();
        for f in fields {
            if !(f.required || all || self.rng.chance(1, 2) || (f.kind == FieldType::Exhibit && !self.files.is_empty())) {
                continue;
            }
            let many = if f.many { 1 + self.rng.below(3) } else { 1 };
            let mut values: Vec<Json> = (0..many).filter_map(|_| self.value(f)).map(|v| v.to_json()).collect();
            match (f.many, values.len()) {
                (_, 0) => {}
                (true, _) => drop(form.insert(f.id.clone(), Json::Array(values))),
                (false, _) => drop(form.insert(f.id.clone(), values.remove(0))),
            }
        }
        form
    }

    /// Draws a value; none where nothing of its type can be named here.
    fn value(&mut self, field: &Field) -> Option<Value> {
        Some(match field.kind {
            FieldType::Text => Value::Text(self.text()),
            FieldType::Line => Value::Line(self.line()),
            FieldType::Choice => Value::Choice(self.code(field.vocabulary.as_deref()?)?),
            FieldType::Date => Value::Date(self.date()?),
            FieldType::Instant => Value::Instant(self.instant()?),
            FieldType::Length => Value::Length(self.length()),
            FieldType::Number => Value::Number(self.rng.between(0, 40)),
            FieldType::Flag => Value::Flag(self.rng.chance(1, 2)),
            FieldType::Quantity => Value::Quantity(Quantity { amount: self.amount(), unit: "kg".to_owned() }),
            FieldType::Money => Value::Money(Money { amount: self.amount(), currency: "EUR".to_owned() }),
            FieldType::Place => Value::Place(Place { name: self.text(), country: self.country() }),
            FieldType::Person => Value::Person(self.person()?),
            FieldType::Document => Value::Document(Document { kind: "passport".to_owned(), number: self.line(), country: self.country() }),
            FieldType::Vehicle => Value::Vehicle(Vehicle { plate: Some(self.line()), country: self.country(), vin: None, description: Some(self.text()) }),
            FieldType::Vessel => Value::Vessel(Vessel { name: self.line(), imo: None, flag: self.country() }),
            FieldType::Phone => Value::Phone(format!("+2125{:08}", self.rng.below(100_000_000))),
            FieldType::Account => Value::Account(Account { number: self.line(), institution: None }),
            FieldType::Party => Value::Party(*self.rng.pick(&self.parties)?),
            FieldType::Officer => Value::Officer(OfficerRef { service: *self.rng.pick(&self.parties)?, officer: "chief".parse().ok()? }),
            FieldType::Exhibit => Value::Exhibit(self.exhibit()?),
            FieldType::Reference => {
                let (dossier, item) = *self.rng.pick(&self.things)?;
                Value::Reference(Reference { dossier, item })
            }
            FieldType::TextHash => Value::TextHash(TextHash { lang: self.lang().into(), sha256: Digest::of(&self.rng.draw().to_be_bytes()) }),
            FieldType::Evaluation => {
                let scale = *self.rng.pick(&["4x4", "6x6"])?;
                let (source, information) = (self.code(&format!("source-{scale}"))?, self.code(&format!("information-{scale}"))?);
                Value::Evaluation(Evaluation { scale: scale.to_owned(), source, information })
            }
            FieldType::Mechanism => {
                let (name, id) = self.rng.pick(&self.mechanisms)?.clone();
                Value::Mechanism(MechanismRef { name, id })
            }
            FieldType::Clock => {
                let mechanism = self.rng.pick(&self.mechanisms)?.0.clone();
                Value::Clock(ClockLength { mechanism, clock: "request/answer".to_owned(), length: self.length() })
            }
            FieldType::Equivalence => {
                let one = Coded::new("classification-ma", &self.code("classification-ma")?);
                let other = Coded::new("classification-es", &self.code("classification-es")?);
                Value::Equivalence(Equivalence { one, other })
            }
            FieldType::Commitment => Value::Commitment(self.commitment(&field.id)?),
            // A form that reveals is filled as a whole.
            FieldType::Reveal => return None,
            FieldType::Dossier => {
                let (dossier, relation) = (self.rng.pick(&self.things)?.0, self.code("dossier-relations")?);
                Value::Dossier(Link { dossier, relation })
            }
            FieldType::Item => {
                let fits = |i: &&(ItemId, String, bool)| (field.of.is_empty() || field.of.contains(&i.1)) && (!field.own || i.2);
                let fitting: Vec<ItemId> = self.items.iter().filter(fits).map(|i| i.0).collect();
                Value::Item(*self.rng.pick(&fitting)?)
            }
        })
    }

    /// Commits to what our own reveal of a field will state.
    fn commitment(&self, id: &str) -> Option<Digest> {
        let (place, me) = self.place?;
        let (form, reveal) = self.reveals.iter().find_map(|form| Some((form, form.iter().find(|f| f.opens.as_deref() == Some(id))?)))?;
        let (salt, json) = self.sealed(form, reveal);
        let read = |(id, v): (&String, &Json)| Some((id.clone(), form.iter().find(|f| f.id == *id)?.read(v).ok()?));
        let fields = json.iter().map(read).collect::<Option<Map<Value>>>()?;
        Some(dossier::commitment(place, me, &salt, &reveal.id, &fields))
    }

    fn lang(&mut self) -> Lang {
        Lang::ALL[self.rng.below(Lang::ALL.len())]
    }

    fn text(&mut self) -> Text {
        let words = if self.rng.chance(1, 40) { 2_000 } else { 1 + self.rng.below(6) };
        let text = (0..words).map(|_| ["rapport", "وثيقة", "informe", "Bericht", "ofício", "note"][self.rng.below(6)]).collect::<Vec<_>>().join(" ");
        Text::new(self.lang(), format!("{} {text}", self.canary))
    }

    fn line(&mut self) -> String {
        format!("{}-{}", self.canary, self.rng.below(10_000))
    }

    fn amount(&mut self) -> String {
        format!("{}.{}", self.rng.below(1000), self.rng.below(100))
    }

    fn code(&mut self, vocabulary: &str) -> Option<String> {
        self.rng.pick(&Vocabulary::get(vocabulary)?.entries).map(|e| e.code.clone())
    }

    fn country(&mut self) -> Option<String> {
        self.rng.pick(&["MA", "ES", "DE", "FR", "PT"]).map(|c| (*c).to_owned())
    }

    /// A date in the weeks around, so that deadlines come and go within a run.
    fn date(&mut self) -> Option<Date> {
        let at = self.now.plus_ms(self.rng.between(-3, 40) * 86_400_000);
        at.to_string().get(..10)?.parse().ok()
    }

    fn instant(&mut self) -> Option<Instant> {
        self.now.plus_ms(self.rng.between(-60, 60 * 24 * 10) * 60_000).in_zone("Europe/Madrid").ok()
    }

    fn length(&mut self) -> Length {
        Length { days: self.rng.below(6) as u32, minutes: 1 + self.rng.below(600) as u32 }
    }

    fn exhibit(&mut self) -> Option<Exhibit> {
        let (id, size) = *self.rng.pick(&self.files)?;
        Some(Exhibit { id, name: self.line(), size, media: "application/pdf".to_owned() })
    }

    fn person(&mut self) -> Option<Person> {
        Some(Person {
            given: self.text(),
            family: self.text(),
            born: Some("1970-01".to_owned()),
            nationalities: self.country().map(|c| vec![c]),
            category: self.code("data-subject-categories")?,
            aliases: None,
        })
    }
}
