//! Stories of pages: what is found and by whom, and what is drawn from the stories of the mechanisms.

#[allow(dead_code)]
#[path = "../../../dossier/tests/it/play.rs"]
mod play;
mod search;
mod view;
#[allow(dead_code)]
#[path = "../../../dossier/tests/it/world.rs"]
mod world;
