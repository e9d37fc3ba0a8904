//! The desk from outside: who may come where, signing in, and the stories that officers live, over real nodes.

mod across;
mod adm;
mod ask;
mod authenticator;
mod browser;
mod communique;
mod http;
mod light;
mod refusals;
mod routes;
mod sight;
mod story;
mod together;
