//! Chapter 8: a fourth service joins for the World Cup. It meets each of the others, and an accord of all four comes into force.

use super::{DemoError, Stage, accords, founding};
use std::path::Path;

/// Starts Portugal's node, has cards exchanged with all others, and agrees on what the four do together.
pub async fn join(stage: &mut Stage, program: &Path) -> Result<(), DemoError> {
    stage.voice.chapter("9  Portugal joins: a fourth node, three cards compared, an accord of four on all mechanisms");
    let name = stage.pt.cast.founder.name[0].1;
    stage.voice.says("pt", &format!("{name}: own keys, first card and store in {}", stage.pt.station.dir.display()));
    founding::open_office(&stage.voice, &mut stage.pt, program).await?;
    for s in stage.three() {
        s.station.meet(&stage.pt.station).await?;
        stage.pt.station.meet(&s.station).await?;
    }
    stage.voice.says("pt", "compares the twelve words with ma, es and de, and they with pt");
    accords::four(stage).await.map(drop)
}
