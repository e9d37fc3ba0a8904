//! A client of a node's local API: plain JSON over HTTP/1.1 on this machine.

use crate::pipe::Pipe;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::client::legacy::{Client as Pool, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A client of one node.
#[derive(Clone)]
pub struct Client {
    base: String,
    token: String,
    pool: Pool<HttpConnector, UnsyncBoxBody<Bytes, std::io::Error>>,
}

/// The node did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} [{code}]")]
pub struct Problem {
    /// HTTP status; 0 where there was no answer.
    pub status: u16,
    /// The stable code.
    pub code: String,
    /// What happened and what to do.
    pub what: String,
}

impl Client {
    /// Makes a client of the node whose API is at `address`, host:port.
    pub fn new(address: &str, token: &str) -> Client {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        Client { base: format!("http://{address}"), token: token.to_owned(), pool }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Value, Problem> {
        self.ask(Method::GET, path, None).await
    }

    /// Does.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Takes away.
    pub async fn delete(&self, path: &str) -> Result<Value, Problem> {
        self.ask(Method::DELETE, path, None).await
    }

    /// Does, with an answer whose body is read as it comes: its header and its body.
    pub async fn pull(&self, path: &str, body: &Value) -> Result<(HeaderMap, Incoming), Problem> {
        let answer = self.send(Method::POST, path, "application/json", whole(body.to_string())).await?;
        if answer.status().is_success() {
            let (parts, body) = answer.into_parts();
            return Ok((parts.headers, body));
        }
        match Self::read(answer).await {
            Ok(_) => Err(unreachable("the answer is not of the form that belongs here".to_owned())),
            Err(problem) => Err(problem),
        }
    }

    /// Does, with a request whose body is sent as it comes.
    pub async fn push(&self, path: &str, body: Pipe) -> Result<Value, Problem> {
        Self::read(self.send(Method::POST, path, "application/octet-stream", UnsyncBoxBody::new(body)).await?).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Problem> {
        let bytes = body.map(|b| b.to_string()).unwrap_or_default();
        Self::read(self.send(method, path, "application/json", whole(bytes)).await?).await
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: UnsyncBoxBody<Bytes, std::io::Error>) -> Result<Response<Incoming>, Problem> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", kind)
            .body(body)
            .map_err(|e| unreachable(format!("the request cannot be written: {e}")))?;
        self.pool.request(request).await.map_err(|_| unreachable(format!("no node answers at {}; start it with 'entente serve'", self.base)))
    }

    async fn read(answer: Response<Incoming>) -> Result<Value, Problem> {
        let status = answer.status();
        let body =
            Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|e| unreachable(format!("the answer broke off: {e}")))?.to_bytes();
        let json: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
        if status.is_success() {
            return Ok(json);
        }
        let text = |key: &str, other: &str| json[key].as_str().unwrap_or(other).to_owned();
        Err(Problem { status: status.as_u16(), code: text("code", "failure.client.answer"), what: text("what", &String::from_utf8_lossy(&body)) })
    }
}

fn unreachable(what: String) -> Problem {
    Problem { status: 0, code: "failure.client.unreachable".to_owned(), what }
}

fn whole(bytes: String) -> UnsyncBoxBody<Bytes, std::io::Error> {
    UnsyncBoxBody::new(Full::new(Bytes::from(bytes)).map_err(|never| match never {}))
}

/// Writes a text so that it can stand in a query.
pub fn escape(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}
