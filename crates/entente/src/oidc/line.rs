//! The line to the provider: forms go out, JSON comes back.

use super::failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Request;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use std::path::Path;
use transport::{AskError, Asking};
use web::Fault;

/// How the provider is reached.
pub struct Line(Asking);

/// Writes fields as a form does (URL standard, 5.2).
pub fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(n, v)| format!("{n}={}", crate::client::escape(v))).collect::<Vec<_>>().join("&")
}

fn fault(e: AskError) -> Fault {
    match e {
        AskError::Unreachable(_) => Fault::new("failure.provider.unreachable", e.to_string()),
        AskError::Address(_) | AskError::Broken(_) => failure(e.to_string()),
    }
}

impl Line {
    /// Prepares the line to an issuer; an error says what is wrong with the configuration.
    pub fn new(issuer: &str, certificates: Option<&Path>) -> Result<Line, String> {
        Asking::new(issuer, certificates).map(Line)
    }

    /// Refuses an address of another kind than the issuer's.
    pub fn may_go(&self, address: &str) -> Result<(), Fault> {
        self.0.address(address).map(drop).map_err(fault)
    }

    /// Reads JSON from an address.
    pub async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, Fault> {
        self.ask(address, Request::get(address), String::new()).await
    }

    /// Sends a form, with the client's name and secret where it has one (RFC 6749, 2.3.1), and reads JSON.
    pub async fn post<T: DeserializeOwned>(&self, address: &str, fields: &[(&str, &str)], basic: Option<(&str, &str)>) -> Result<T, Fault> {
        let mut request = Request::post(address).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some((name, secret)) = basic {
            let both = format!("{}:{}", crate::client::escape(name), crate::client::escape(secret));
            request = request.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(both)));
        }
        self.ask(address, request, form(fields)).await
    }

    async fn ask<T: DeserializeOwned>(&self, address: &str, request: hyper::http::request::Builder, body: String) -> Result<T, Fault> {
        let request = request.header(ACCEPT, "application/json").body(body).map_err(|e| failure(format!("{address}: {e}")))?;
        let (status, bytes) = self.0.ask(request).await.map_err(fault)?;
        if status != 200 {
            let said: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
            return Err(failure(format!("{address} answers {status}: {said}")));
        }
        serde_json::from_slice(&bytes).map_err(|e| failure(format!("{address}: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn a_form_escapes_what_is_not_plain() {
        assert_eq!(form(&[("a", "b c&d"), ("e", "é")]), "a=b%20c%26d&e=%C3%A9");
    }
}
