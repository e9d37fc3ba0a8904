//! The client's way for files: they stream to the node and from it, in parts, with a word on how far they are.

use crate::client::{Client, Problem};
use crate::pipe::{Pipe, pipe};
use base::CHUNK_BYTES;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::client::legacy::{Client as Pool, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::io::{Read, Write};

/// Bytes of an answer that is no file.
const ANSWER_BYTES_MAX: usize = 1 << 20;

fn broke(what: String) -> Problem {
    Problem { status: 0, code: "failure.client.unreachable".to_owned(), what }
}

impl Client {
    /// Sends a file and returns the node's answer; `progress` hears how many bytes have gone.
    pub async fn upload(&self, path: &str, mut from: impl Read + Send + 'static, progress: impl Fn(u64) + Send + 'static) -> Result<Value, Problem> {
        let (feed, body) = pipe();
        let reading = tokio::task::spawn_blocking(move || {
            let mut done = 0;
            loop {
                let mut part = vec![0; CHUNK_BYTES / 4];
                let n = match from.read(&mut part) {
                    Ok(n) => n,
                    Err(e) => {
                        let why = e.to_string();
                        let _ = feed.blocking_send(Err(e)); // the request breaks off, which its answer tells
                        return Err(why);
                    }
                };
                part.truncate(n);
                if n == 0 || feed.blocking_send(Ok(Bytes::from(part))).is_err() {
                    return Ok(());
                }
                done += n as u64;
                progress(done);
            }
        });
        let answer = self.file_request(Method::POST, path, body).await;
        match reading.await {
            Ok(Err(why)) => Err(Problem { status: 400, code: "refusal.file.unreadable".to_owned(), what: format!("the file cannot be read: {why}") }),
            _ => json(answer?).await,
        }
    }

    /// Reads a file from the node into `to`; `progress` hears how many bytes have come, of how many.
    pub async fn download(&self, path: &str, to: &mut (impl Write + Send), progress: impl Fn(u64, u64)) -> Result<u64, Problem> {
        let (feed, body) = pipe();
        drop(feed);
        let answer = self.file_request(Method::GET, path, body).await?;
        if !answer.status().is_success() {
            return json(answer).await.map(|_| 0);
        }
        let whole = answer.headers().get("content-length").and_then(|v| v.to_str().ok()?.parse().ok()).unwrap_or(0);
        let (mut body, mut done) = (answer.into_body(), 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| broke(format!("the file broke off after {done} of {whole} bytes: {e}")))?;
            let Ok(data) = frame.into_data() else { continue };
            let unwritable =
                |e: std::io::Error| Problem { status: 400, code: "failure.file.write".to_owned(), what: format!("the file cannot be written: {e}") };
            to.write_all(&data).map_err(unwritable)?;
            done += data.len() as u64;
            progress(done, whole);
        }
        match done == whole {
            true => Ok(done),
            false => Err(broke(format!("the file broke off after {done} of {whole} bytes"))),
        }
    }

    async fn file_request(&self, method: Method, path: &str, body: Pipe) -> Result<Response<Incoming>, Problem> {
        let pool: Pool<HttpConnector, Pipe> = Pool::builder(TokioExecutor::new()).build_http();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base()))
            .header("authorization", format!("Bearer {}", self.token()))
            .header("content-type", "application/octet-stream")
            .body(body)
            .map_err(|e| broke(format!("the request cannot be written: {e}")))?;
        pool.request(request).await.map_err(|e| broke(format!("no node answers at {}, or the file broke off ({e})", self.base())))
    }
}

async fn json(answer: Response<Incoming>) -> Result<Value, Problem> {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|e| broke(format!("the answer broke off: {e}")))?.to_bytes();
    let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(json);
    }
    let text = |key: &str, other: &str| json[key].as_str().unwrap_or(other).to_owned();
    Err(Problem { status: status.as_u16(), code: text("code", "failure.client.answer"), what: text("what", &String::from_utf8_lossy(&body)) })
}
