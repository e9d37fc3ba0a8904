//! One scene of each larger mechanism, among three and four services. A scene plays its story to an end (`play`), and sets dossiers up
//! that are left in the middle of theirs (`leave`), so that a desk has something to look at.
//!
//! Scenes know nothing of each other: they are played at the same time and told one after the other. Whoever wants services with
//! dossiers in them, and no story, takes `world`.

mod delivery;
mod event;
mod exchange;
mod information;
mod kit;
mod left;
mod operation;
mod risk;
mod team;
mod warning;

use super::voice::Voice;
use super::{DemoError, Stage};
use kit::Scene;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Dossiers by what they show, for instance `controlled-delivery/under-way`.
pub type Shown = BTreeMap<String, String>;

/// Plays all scenes at once and tells each when those before it are told; returns the dossiers by what they show.
pub async fn play(stage: &Stage) -> Result<Shown, DemoError> {
    let told = Told { stage, waiting: RefCell::new((0..SCENES).map(|_| None).collect()), next: Cell::new(0), shown: RefCell::default() };
    // Each is played to its end, so that a fault in one leaves none of the others in the middle of an act.
    let (information, warning, delivery, team, operation, event, risk, exchange) = tokio::join!(
        told.scene(0, async |s: &Scene<'_>| information::play(s).await),
        told.scene(1, async |s: &Scene<'_>| warning::play(s).await),
        told.scene(2, async |s: &Scene<'_>| delivery::play(s).await),
        told.scene(3, async |s: &Scene<'_>| team::play(s).await),
        told.scene(4, async |s: &Scene<'_>| operation::play(s).await),
        told.scene(5, async |s: &Scene<'_>| event::play(s).await),
        told.scene(6, async |s: &Scene<'_>| risk::play(s).await),
        told.scene(7, async |s: &Scene<'_>| exchange::play(s).await),
    );
    [information, warning, delivery, team, operation, event, risk, exchange].into_iter().collect::<Result<(), DemoError>>()?;
    Ok(told.shown.take())
}

/// Leaves a dossier of every mechanism in the middle of its story; returns them by what they show.
pub async fn leave(stage: &Stage) -> Result<Shown, DemoError> {
    let scene = Scene::new(stage);
    let (information, warning, delivery, team, operation, risk, exchange, left) = tokio::join!(
        information::leave(&scene),
        warning::leave(&scene),
        delivery::leave(&scene),
        team::leave(&scene),
        operation::leave(&scene),
        risk::leave(&scene),
        exchange::leave(&scene),
        left::leave(&scene),
    );
    stage.voice.tells(&scene.voice);
    [information, warning, delivery, team, operation, risk, exchange, left].into_iter().collect::<Result<(), DemoError>>()?;
    Ok(scene.shown.take())
}

/// Scenes that are played at once.
const SCENES: usize = 8;

/// What is told so far: a scene that ends early waits for those before it.
struct Told<'a> {
    stage: &'a Stage,
    waiting: RefCell<Vec<Option<Voice>>>,
    next: Cell<usize>,
    shown: RefCell<Shown>,
}

impl Told<'_> {
    async fn scene(&self, place: usize, story: impl AsyncFnOnce(&Scene<'_>) -> Result<(), DemoError>) -> Result<(), DemoError> {
        let scene = Scene::new(self.stage);
        let outcome = story(&scene).await;
        let Scene { voice, shown, .. } = scene;
        self.shown.borrow_mut().append(&mut shown.take());
        if let Err(e) = outcome {
            voice.shows(&format!("stopped: {e}"));
            self.stage.voice.tells(&voice);
            return Err(e);
        }
        self.waiting.borrow_mut()[place] = Some(voice);
        while let Some(voice) = self.waiting.borrow_mut().get_mut(self.next.get()).and_then(Option::take) {
            self.stage.voice.tells(&voice);
            self.next.set(self.next.get() + 1);
        }
        Ok(())
    }
}
