//! A browser without eyes: HTTP/1.1 over a plain socket, one connection a request, with the headers that browsers send.

use super::authenticator::Authenticator;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Somebody who sits before a browser.
pub struct Visitor {
    pub desk: SocketAddr,
    pub cookie: String,
    pub csrf: String,
    pub lang: &'static str,
}

#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

pub fn escape(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

impl Visitor {
    pub fn new(desk: SocketAddr) -> Visitor {
        Visitor { desk, cookie: String::new(), csrf: String::new(), lang: "en" }
    }

    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.desk.port())
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut stream = TcpStream::connect(self.desk).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\naccept-language: {}\r\ncontent-length: {}\r\n",
            self.desk.port(),
            self.lang,
            body.len()
        );
        if !self.cookie.is_empty() {
            head += &format!("cookie: {}\r\n", self.cookie);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: no answer: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let headers = head.lines().skip(1).filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
        Page { status, headers, body: body.to_owned() }
    }

    pub fn get(&self, path: &str) -> Page {
        self.ask("GET", path, &[("sec-fetch-site", "same-origin")], "")
    }

    /// Sends a form as our own pages do.
    pub fn send(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let pairs = fields.iter().copied().chain([("csrf", self.csrf.as_str())]);
        let body: Vec<String> = pairs.map(|(n, v)| format!("{}={}", escape(n), escape(v))).collect();
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
        self.ask("POST", path, &headers, &body.join("&"))
    }

    /// Does what the page's script does.
    pub fn script(&self, path: &str, body: &Value) -> Page {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/json"), ("x-form-token", self.csrf.as_str())];
        self.ask("POST", path, &headers, &body.to_string())
    }

    /// Makes a passkey by an invitation's link and is signed in.
    pub fn take_up(&mut self, link: &str, key: &mut Authenticator) -> Page {
        let (officer, token) = link.rsplit_once('#').unwrap().1.split_once('/').unwrap();
        let start = self.script("/invitation/start", &json!({ "officer": officer, "token": token }));
        if start.status != 200 {
            return start;
        }
        let mut made = key.make(&start.json());
        made["officer"] = officer.into();
        made["token"] = token.into();
        self.seated(self.script("/invitation/finish", &made))
    }

    /// Signs in by passkey.
    pub fn sign_in(&mut self, key: &mut Authenticator) -> Page {
        let asked = self.script("/signin/start", &json!({})).json();
        self.seated(self.script("/signin/finish", &key.prove(&asked)))
    }

    fn seated(&mut self, page: Page) -> Page {
        if page.status == 200 {
            self.cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
            let desk = self.get("/settings").body;
            self.csrf = desk.split("data-form=\"").nth(1).and_then(|r| r.split('"').next()).unwrap_or_default().to_owned();
            assert_eq!(self.csrf.len(), 64, "{desk}");
        }
        page
    }
}
