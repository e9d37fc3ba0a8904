//! Chromium by the DevTools protocol over its pipe: one process a test, a context of its own for each person, a virtual authenticator each.

use crate::wire::not_checked;
use base64::Engine as _;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
const HOLDS_WITHIN: Duration = Duration::from_secs(60);

pub struct Browser(Rc<RefCell<Pipe>>);

struct Pipe {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    events: Vec<Value>,
    next: u64,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }
}

impl Pipe {
    fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).and_then(|()| self.to.flush()).map_err(|e| format!("{method}: {e}"))?;
        let end = Instant::now() + ANSWERS_WITHIN;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let got = self.from.recv_timeout(left).map_err(|_| format!("{method}: Chromium does not answer"))?;
            if got["id"] == id {
                return match got["error"].is_null() {
                    true => Ok(got["result"].clone()),
                    false => Err(format!("{method}: {}", got["error"])),
                };
            }
            self.events.push(got);
        }
    }
}

impl Browser {
    /// Starts Chromium, or says loudly that what it would show was not checked.
    pub fn start(what: &str, profile: &Path) -> Option<Browser> {
        Browser::start_with(what, profile, "")
    }

    /// Starts Chromium with further arguments.
    pub fn start_with(what: &str, profile: &Path, more: &str) -> Option<Browser> {
        let program =
            ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|p| Command::new(p).arg("--version").output().is_ok_and(|o| o.status.success()));
        let Some(program) = program else {
            not_checked(what, "no Chromium here");
            return None;
        };
        // The protocol is spoken on descriptors 3 and 4; a shell puts our pipes there.
        let script = format!(
            "exec {program} --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions --disable-background-networking \
             --hide-scrollbars --force-color-profile=srgb {more} --user-data-dir='{}' --remote-debugging-pipe about:blank 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null",
            profile.display()
        );
        let mut child = Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, from) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut bytes = Vec::new();
            while out.read_until(0, &mut bytes).is_ok_and(|n| n > 0) {
                bytes.pop();
                if sender.send(serde_json::from_slice(&bytes).unwrap_or_default()).is_err() {
                    return;
                }
                bytes.clear();
            }
        });
        Some(Browser(Rc::new(RefCell::new(Pipe { child, to, from, events: Vec::new(), next: 0 }))))
    }

    /// Opens a window for one person: nothing is shared with others, and passkeys are made without touching anything.
    pub fn person(&self, name: &'static str) -> Tab {
        let mut p = self.0.borrow_mut();
        let context = p.call(None, "Target.createBrowserContext", json!({})).unwrap()["browserContextId"].clone();
        let target = p.call(None, "Target.createTarget", json!({ "url": "about:blank", "browserContextId": context })).unwrap()["targetId"].clone();
        let session = p.call(None, "Target.attachToTarget", json!({ "targetId": target, "flatten": true })).unwrap()["sessionId"].as_str().unwrap().to_owned();
        drop(p);
        let tab = Tab { pipe: Rc::clone(&self.0), session, width: Cell::new(0), name };
        tab.call("Page.enable", json!({}));
        tab.call("Runtime.enable", json!({}));
        tab.call("Log.enable", json!({}));
        tab.call("Network.enable", json!({}));
        tab.call("WebAuthn.enable", json!({}));
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true,
            "automaticPresenceSimulation": true
        });
        tab.call("WebAuthn.addVirtualAuthenticator", json!({ "options": options }));
        tab.size(1280);
        tab
    }
}

/// One person's window.
pub struct Tab {
    pipe: Rc<RefCell<Pipe>>,
    session: String,
    width: Cell<u32>,
    pub name: &'static str,
}

impl Tab {
    pub fn call(&self, method: &str, params: Value) -> Value {
        self.pipe.borrow_mut().call(Some(&self.session), method, params).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    /// Sets the width of the window.
    pub fn size(&self, width: u32) {
        if self.width.replace(width) == width {
            return;
        }
        let height = if width < 600 { 740 } else { 900 };
        self.call("Emulation.setDeviceMetricsOverride", json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 }));
    }

    /// Sets the language that the browser asks for.
    pub fn lang(&self, lang: &str) {
        self.call("Network.setExtraHTTPHeaders", json!({ "headers": { "Accept-Language": lang } }));
    }

    /// Has a script run in every page that is opened from now on; returns its name, for [`Tab::forget`].
    pub fn keep(&self, script: &str) -> Value {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }))["identifier"].clone()
    }

    /// Lets a script run no longer.
    pub fn forget(&self, script: &Value) {
        self.call("Page.removeScriptToEvaluateOnNewDocument", json!({ "identifier": script }));
    }

    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        self.call("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] }));
    }

    pub fn goto(&self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Opens a page of the same desk.
    pub fn open(&self, path: &str) {
        let origin = self.js("location.origin");
        self.goto(&format!("{}{path}", origin.as_str().unwrap()));
        self.until(&format!("location.pathname + location.search === '{path}' && document.readyState === 'complete'"));
    }

    /// Bytes of the page as it came, without what browsers keep.
    pub fn bytes(&self) -> u64 {
        self.js("performance.getEntriesByType('navigation')[0].encodedBodySize").as_u64().unwrap()
    }

    /// Puts the same page in another language in the place of what the window shows, as far as it comes from the desk; returns its bytes. Style and
    /// script stay: they are the same, and most of what opening a page takes is theirs.
    pub fn turn(&self, path: &str, lang: &str) -> u64 {
        self.lang(lang);
        let answer = self.js(&format!(
            "fetch({}).then(async (answer) => {{ const text = await answer.text(), fresh = new DOMParser().parseFromString(text, 'text/html'); \
             for (const a of ['lang', 'dir']) document.documentElement.setAttribute(a, fresh.documentElement.getAttribute(a)); \
             document.title = fresh.title; document.body.replaceWith(fresh.body); scrollTo(0, 0); \
             return [answer.url, new TextEncoder().encode(text).length]; }})",
            json!(path)
        ));
        assert!(answer[0].as_str().is_some_and(|url| url.ends_with(path)), "{}: {path} leads to {}", self.name, answer[0]);
        answer[1].as_u64().unwrap()
    }

    fn try_js(&self, code: &str) -> Result<Value, String> {
        let asked = json!({ "expression": code, "returnByValue": true, "awaitPromise": true });
        let answer = self.pipe.borrow_mut().call(Some(&self.session), "Runtime.evaluate", asked)?;
        match answer["exceptionDetails"].is_null() {
            true => Ok(answer["result"]["value"].clone()),
            false => Err(answer["exceptionDetails"]["exception"]["description"].to_string()),
        }
    }

    pub fn js(&self, code: &str) -> Value {
        self.try_js(code).unwrap_or_else(|e| panic!("{}: {code}: {e}", self.name))
    }

    /// Waits until something holds; a page may be on its way meanwhile.
    pub fn until(&self, code: &str) {
        let (began, mut pause) = (Instant::now(), Duration::from_millis(2));
        while self.try_js(code).ok() != Some(Value::Bool(true)) {
            if began.elapsed() > HOLDS_WITHIN {
                let seen = self.try_js("location.href + '\\n' + document.body.innerText").unwrap_or_default();
                panic!("{}: in vain: {code}\n{}", self.name, seen.as_str().unwrap_or_default());
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(40));
        }
    }

    /// Waits until a page shows some words.
    pub fn until_shown(&self, words: &str) {
        self.until(&format!("document.readyState === 'complete' && document.body.innerText.includes({})", json!(words)));
    }

    /// Clicks the first element that fits, as a person would who sees it, and waits for the next page.
    pub fn follow(&self, selector: &str) {
        self.js("window.before = true");
        self.click(selector);
        self.until("document.readyState === 'complete' && !window.before");
    }

    pub fn click(&self, selector: &str) {
        let asked = format!(
            "(() => {{ const e = document.querySelector({}); if (!e || e.hidden) return false; e.focus(); e.click(); return true; }})()",
            json!(selector)
        );
        self.until(&asked);
    }

    /// Types into a field, replacing what was there.
    pub fn fill(&self, name: &str, value: &str) {
        let code = format!(
            "(() => {{ const e = document.querySelector('[name=' + CSS.escape({}) + ']'); e.value = {}; e.dispatchEvent(new Event('input', {{ bubbles: true }})); return e.value === {}; }})()",
            json!(name),
            json!(value),
            json!(value)
        );
        assert_eq!(self.js(&code), true, "{}: {name} does not take {value}", self.name);
    }

    /// What the browser's console complained of.
    pub fn complaints(&self) -> Vec<String> {
        let p = self.pipe.borrow();
        let of_us = p.events.iter().filter(|e| e["sessionId"] == self.session.as_str());
        let errors = of_us.filter(|e| {
            e["method"] == "Runtime.exceptionThrown"
                || e["method"] == "Log.entryAdded" && e["params"]["entry"]["level"] == "error" && e["params"]["entry"]["source"] != "network"
        });
        errors.map(|e| e["params"].to_string()).collect()
    }

    /// Takes a picture of what the window shows, without what lies below.
    pub fn window_picture(&self, to: &Path) {
        self.take(to, json!({ "format": "png", "optimizeForSpeed": false }));
    }

    /// Takes a picture of the whole page.
    pub fn picture(&self, to: &Path) {
        let metrics = self.call("Page.getLayoutMetrics", json!({}));
        // A page that fits its window is taken as it is shown: Chromium shifts pages written from right to left where more is asked for.
        let beyond = metrics["cssContentSize"]["height"].as_f64() > metrics["cssLayoutViewport"]["clientHeight"].as_f64();
        self.take(to, json!({ "format": "png", "captureBeyondViewport": beyond }));
    }

    fn take(&self, to: &Path, how: Value) {
        let shot = self.call("Page.captureScreenshot", how);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}
