//! Stories of dossiers: what may be, what folds, what breaks.

mod bombs;
mod controlled_delivery;
mod coverage;
mod early_warning;
mod engine;
mod event_security;
mod expert_exchange;
mod hit_no_hit;
mod information_request;
mod joint_investigation_team;
mod joint_operation;
mod mechanisms;
mod play;
mod risk_assessment;
mod spontaneous_information;
mod statistics;
mod stories;
mod vectors;
mod voice;
mod working_visit;
mod world;
