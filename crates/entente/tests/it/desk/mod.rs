//! The desk from outside: who may come where, signing in, and the stories that officers live, over real nodes.

mod across;
mod adm;
mod ask;
mod authenticator;
pub mod browser;
mod communique;
mod http;
mod light;
mod pages;
#[cfg(feature = "oidc")]
mod provider;
mod refusals;
pub mod routes;
mod sight;
pub mod story;
mod tls;
mod together;
mod tongue;
