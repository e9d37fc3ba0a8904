//! What a server says when it does not take a parcel: RFC 9457 problem documents, written here and read here.
//!
//! Members: `type`, `title`, `status`, `code` (stable), `remedy` (what helps) and, from the inbox, `detail`. What a partner
//! writes is cut to a length and to printable characters before anybody sees it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// The media type of a problem document.
pub(crate) const PROBLEM_TYPE: &str = "application/problem+json";
/// Bytes of a problem document that the courier reads.
pub(crate) const PROBLEM_BYTES_MAX: usize = 16 << 10;
/// Characters of a code and of a text that are kept.
const CODE_CHARS_MAX: usize = 80;
const TEXT_CHARS_MAX: usize = 500;

/// A reason not to take a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Another path than the one route.
    Path,
    /// Another method than POST.
    Method,
    /// Another content type than a parcel's.
    Type,
    /// A parcel in some content coding (RFC 9110 section 8.4); none is taken, so that no few bytes can become many.
    Encoding,
    /// More bytes than the limit.
    Size { max: usize },
    /// The bytes did not come in time.
    Slow,
    /// The bytes stopped coming or did not fit their announced length.
    Broken,
    /// No room now.
    Busy { retry_after_s: u64 },
    /// The inbox refused.
    Refused { code: &'static str, text: String },
    /// The inbox failed.
    Failed { code: &'static str },
}

impl Problem {
    fn face(&self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Problem::Path => (StatusCode::NOT_FOUND, "refusal.transport.path", "There is nothing here", "Post parcels to /entente/v1/parcels."),
            Problem::Method => (StatusCode::METHOD_NOT_ALLOWED, "refusal.transport.method", "Parcels are posted", "Use the method POST."),
            Problem::Type => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "refusal.transport.type", "This is no parcel", "Send the content type application/entente-parcel+cbor.")
            }
            Problem::Encoding => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "refusal.transport.encoding", "Parcels come as they are", "Send the parcel without content coding.")
            }
            Problem::Size { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "refusal.transport.size", "The parcel is too big", "Send fewer acts in one parcel."),
            Problem::Slow => {
                (StatusCode::REQUEST_TIMEOUT, "refusal.transport.slow", "The parcel did not arrive in time", "Send it again, or in smaller parcels.")
            }
            Problem::Broken => (StatusCode::BAD_REQUEST, "refusal.transport.broken", "The parcel did not arrive whole", "Send it again."),
            Problem::Busy { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "refusal.transport.busy", "The node is busy", "Send the parcel again after the seconds in Retry-After.")
            }
            Problem::Refused { code, .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, code, "The parcel was refused", "Read the detail; the same bytes will be refused again.")
            }
            Problem::Failed { code } => {
                (StatusCode::INTERNAL_SERVER_ERROR, code, "The node could not take the parcel", "Send it again later; the node's operator sees the cause.")
            }
        }
    }

    /// Returns the stable code.
    pub(crate) fn code(&self) -> &'static str {
        self.face().1
    }

    /// Writes the answer.
    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        let (status, code, title, remedy) = self.face();
        let mut document = json!({ "type": format!("/entente/v1/problems/{code}"), "title": title, "status": status.as_u16(), "code": code, "remedy": remedy });
        match self {
            Problem::Refused { text, .. } => document["detail"] = Value::from(text.as_str()),
            Problem::Size { max } => document["bytes_max"] = Value::from(*max),
            _ => {}
        }
        let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        match self {
            Problem::Method => drop(headers.insert(ALLOW, HeaderValue::from_static("POST"))),
            Problem::Type => drop(headers.insert(ACCEPT, HeaderValue::from_static(crate::PARCEL_TYPE))),
            Problem::Encoding => drop(headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
            Problem::Busy { retry_after_s } => drop(headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after_s))),
            _ => {}
        }
        response
    }
}

/// Reads code and text of a partner's problem document, cut to what may be shown.
///
/// The text is the first of `detail`, `title`. What is no such document yields the code `http.<status>` and no text.
pub(crate) fn read(status: StatusCode, document: &[u8]) -> (String, String) {
    let document: Value = serde_json::from_slice(document).unwrap_or(Value::Null);
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let code: String = text("code").unwrap_or_default().chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(CODE_CHARS_MAX).collect();
    let code = if code.is_empty() { format!("http.{}", status.as_u16()) } else { code };
    (code, shown(text("detail").or_else(|| text("title")).unwrap_or_default()))
}

/// Keeps the start of a foreign text, without controls and without the marks that turn the direction of writing around.
pub(crate) fn shown(text: &str) -> String {
    let unseen = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.chars().map(|c| if unseen(c) { ' ' } else { c }).take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn what_is_written_is_read() {
        let problem = Problem::Refused { code: "refusal.parcel.number", text: "parcel 7 comes before parcel 6".into() };
        let response = problem.response();
        assert_eq!((response.status().as_u16(), response.headers()[CONTENT_TYPE].to_str().unwrap()), (422, "application/problem+json"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["code"], "refusal.parcel.number");
        assert_eq!(document["status"], 422);
        assert!(document["remedy"].as_str().unwrap().ends_with('.'));
        assert_eq!(read(StatusCode::UNPROCESSABLE_ENTITY, &body), ("refusal.parcel.number".into(), "parcel 7 comes before parcel 6".into()));
    }

    #[test]
    fn a_hostile_document_is_cut() {
        let document =
            json!({ "code": "a b<script>\u{202e}.c".to_string() + &"x".repeat(500), "detail": "\u{202e}line\n\u{7}".to_string() + &"y".repeat(9_000) });
        let (code, text) = read(StatusCode::BAD_REQUEST, document.to_string().as_bytes());
        assert!(code.starts_with("abscript.cxx") && code.len() == CODE_CHARS_MAX);
        assert!(text.starts_with(" line  yy") && text.chars().count() == TEXT_CHARS_MAX);
        assert_eq!(read(StatusCode::NOT_FOUND, b"<html>"), ("http.404".into(), String::new()));
        assert_eq!(read(StatusCode::NOT_FOUND, br#"{"code":5,"title":["x"]}"#), ("http.404".into(), String::new()));
    }
}
