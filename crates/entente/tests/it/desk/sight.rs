//! What must hold of every page in every language: axe-core finds nothing against WCAG 2.2 AA, light and dark, nothing needs scrolling
//! sideways on a phone, a first load is small, no word of another language stands in the frame. `DESK_WHOLE=1` measures colours in every language too. `DESK_PICTURES=1` takes pictures of
//! everything into `target/desk`, `UPDATE_PICTURES=1` takes those anew that stand in `docs/pictures`.

use super::browser::Tab;
use super::tongue;
use crate::wire::not_checked;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

pub const LANGS: [&str; 6] = ["ar", "fr", "es", "en", "de", "pt"];
/// Bytes of a page without files that browsers keep: those have 42 kB together, and a first load has 100 kB.
const PAGE_BYTES_MAX: u64 = 55_000;
const DESKTOP: u32 = 1280;
const PHONE: u32 = 360;

static AXE: LazyLock<Option<String>> = LazyLock::new(|| std::fs::read_to_string(target().join("tools/axe.min.js")).ok());
/// What axe-core is asked: the rules of WCAG 2.2 AA without that of colours, all of them, or that of colours alone. It fetches no style sheets again:
/// no rule of these reads them.
const WCAG: &str = "runOnly: { type: 'tag', values: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa'] }, preload: false, resultTypes: ['violations']";
const COLOURS: &str = "runOnly: { type: 'rule', values: ['color-contrast'] }, preload: false, resultTypes: ['violations']";
const NO_COLOURS: &str = ", rules: { 'color-contrast': { enabled: false } }";

/// Looks at pages that were taken by this process, and the time that each part of them took.
static TOOK: Mutex<BTreeMap<&str, (usize, Duration)>> = Mutex::new(BTreeMap::new());

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

/// Does a part of a look and notes how long it took.
fn timed<T>(part: &'static str, does: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = does();
    let mut all = TOOK.lock().unwrap();
    let at = all.entry(part).or_default();
    *at = (at.0 + 1, at.1 + began.elapsed());
    done
}

/// Prints what looks cost, where `DESK_TIMES=1` asks for it.
pub fn tell_times() {
    if std::env::var_os("DESK_TIMES").is_some() {
        for (part, (n, took)) in TOOK.lock().unwrap().iter() {
            println!("{part:<12} {n:>5} times  {:>8.1} s  {:>6.0} ms each", took.as_secs_f64(), took.as_secs_f64() * 1000.0 / *n as f64);
        }
    }
}

/// Tells whether colours are measured in every language, light and dark, and every form is looked at: `DESK_WHOLE=1`. Else colours are measured in Arabic
/// alone: they come from the style sheet, which is one for all languages, and measuring them costs three quarters of a look.
pub fn is_whole() -> bool {
    std::env::var_os("DESK_WHOLE").is_some()
}

/// Pixels by which a page is wider than its window.
fn sideways(tab: &Tab) -> i64 {
    tab.js("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.innerWidth").as_i64().unwrap()
}

/// How much of a page's colours is measured: of every page in light, of the first of its kind in dark too, of all in all languages with `DESK_WHOLE=1`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    None,
    Light,
    Both,
}

/// Looks at a page in all languages and two widths.
pub fn look(tab: &Tab, name: &str, path: &str) {
    look_at(tab, name, path, Colours::Both);
}

/// Looks in all languages at a page of a kind of which another one was looked at, and so its colours in the dark.
pub fn look_again(tab: &Tab, name: &str, path: &str) {
    look_at(tab, name, path, Colours::Light);
}

fn look_at(tab: &Tab, name: &str, path: &str, colours: Colours) {
    with_axe(tab, || {
        for (n, lang) in LANGS.into_iter().enumerate() {
            // What only the script shows, only a page that was opened has.
            let bytes = match n == 0 || tab.js("!!document.querySelector('[data-passkey]')") == true {
                true => timed("opened", || opened(tab, path, lang)),
                false => timed("turned", || tab.turn(path, lang)),
            };
            looked(tab, name, lang, bytes, colours);
        }
    });
    tab.lang("en");
}

/// Looks in all languages at what is shown once something was done on a page.
pub fn look_after(tab: &Tab, name: &str, path: &str, does: impl Fn(&Tab)) {
    with_axe(tab, || {
        for lang in LANGS {
            timed("opened", || opened(tab, path, lang));
            does(tab);
            looked(tab, name, lang, tab.bytes(), Colours::Both);
        }
    });
    tab.lang("en");
}

fn opened(tab: &Tab, path: &str, lang: &str) -> u64 {
    tab.lang(lang);
    tab.open(path);
    tab.bytes()
}

fn looked(tab: &Tab, name: &str, lang: &str, bytes: u64, colours: Colours) {
    let frame = tab.js("[document.documentElement.lang, document.documentElement.dir]");
    assert_eq!(frame, serde_json::json!([lang, if lang == "ar" { "rtl" } else { "ltr" }]), "{name}");
    holds((1..PAGE_BYTES_MAX).contains(&bytes), || format!("{name} in {lang}: {bytes} bytes"));
    let colours = match lang {
        _ if is_whole() => Colours::Both,
        "ar" => colours,
        _ => Colours::None,
    };
    seen(tab, &format!("{name}-{lang}"), colours);
}

/// Has axe-core in every page that is opened meanwhile: it is sent to the browser once and not for each page.
fn with_axe(tab: &Tab, does: impl FnOnce()) {
    let kept = AXE.as_ref().map(|axe| tab.keep(axe));
    does();
    if let Some(kept) = kept {
        tab.forget(&kept);
    }
}

/// Looks at what a window shows, for what no address shows again: the answer to a form.
pub fn look_as_it_is(tab: &Tab, name: &str) {
    seen(tab, name, Colours::Both);
}

/// Looks at what a window shows, with as much of its colours as is asked.
fn seen(tab: &Tab, name: &str, colours: Colours) {
    tab.size(DESKTOP);
    accessible(tab, name, colours);
    one_tongue(tab, name);
    timed("widths", || {
        holds(sideways(tab) == 0, || format!("{name} is wider than a window of {DESKTOP}"));
        pictures(tab, name, DESKTOP);
        tab.size(PHONE);
        let who = || {
            tab.js("[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 361 || e.getBoundingClientRect().left < -1).slice(0, 3).map(e => e.outerHTML.slice(0, 200))")
        };
        holds(sideways(tab) == 0, || format!("{name} is wider than a phone: {}", who()));
        pictures(tab, name, PHONE);
    });
}

/// Stops where something does not hold; `DESK_GO_ON=1` tells it and goes on, to see at once all that is wrong.
fn holds(it: bool, wrong: impl FnOnce() -> String) {
    match std::env::var_os("DESK_GO_ON") {
        Some(_) if !it => println!("WRONG: {}", wrong()),
        _ => assert!(it, "{}", wrong()),
    }
}

/// Looks for words of another language.
fn one_tongue(tab: &Tab, name: &str) {
    let strays = timed("words", || tongue::strays(tab));
    holds(strays.is_empty(), || format!("{name} shows words that are none of its language: {strays:?}"));
}

/// Asks axe-core, about colours where that is asked.
fn accessible(tab: &Tab, name: &str, colours: Colours) {
    let Some(axe) = &*AXE else {
        return not_checked(&format!("axe-core on the page {name}"), "target/tools/axe.min.js is not there; 'cargo xtask needs' fetches it");
    };
    // A page that was there before somebody wanted to look has none yet.
    if tab.js("!window.axe") == true {
        tab.js(&format!("(() => {{ {axe} }})(); true"));
    }
    let finds = |how: &str, part: &'static str, asked: &str| {
        let found = timed(part, || {
            tab.js(&format!(
                "axe.run(document, {{ {asked} }}).then(r => r.violations.map(v => v.id + ': ' + v.help + ' ' + \
                 v.nodes.slice(0, 5).map(n => n.html + ' ' + n.failureSummary).join(' | ')))"
            ))
        });
        holds(found == Value::Array(Vec::new()), || format!("{name}{how}: {found}"));
    };
    match colours {
        Colours::None => finds("", "axe", &format!("{WCAG}{NO_COLOURS}")),
        Colours::Light | Colours::Both => finds("", "axe, colours", WCAG),
    }
    if colours == Colours::Both {
        tab.dark(true);
        finds(", dark", "axe in dark", COLOURS);
        tab.dark(false);
    }
}

/// Takes the pictures that are asked for.
fn pictures(tab: &Tab, name: &str, width: u32) {
    if std::env::var_os("DESK_PICTURES").is_some() {
        tab.picture(&target().join(format!("desk/{name}-{width}.png")));
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/pictures/{name}-{width}.png"));
    if std::env::var_os("UPDATE_PICTURES").is_some() && KEPT.iter().any(|(n, w)| *n == name && *w == width) {
        tab.window_picture(&kept);
    }
}

/// Pictures that stand in the README and in docs/desk.md: name with language, and width.
const KEPT: [(&str, u32); 10] = [
    ("home-fr", DESKTOP),
    ("home-ar", PHONE),
    ("controlled-delivery-under-way-fr", DESKTOP),
    ("view-route-controlled-delivery-ar", DESKTOP),
    ("view-route-controlled-delivery-fr", PHONE),
    ("view-logbook-event-security-de", DESKTOP),
    ("view-calendar-event-security-es", DESKTOP),
    ("preview-de", DESKTOP),
    ("tasks-de", PHONE),
    ("partners-ar", DESKTOP),
];
