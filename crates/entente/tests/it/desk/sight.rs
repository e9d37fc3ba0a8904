//! What must hold of every page in every language: axe-core finds nothing against WCAG 2.2 AA, light and dark, nothing needs scrolling
//! sideways on a phone, a first load is small, no word of another language stands in the frame. `DESK_PICTURES=1` takes pictures of
//! everything into `target/desk`, `UPDATE_PICTURES=1` takes those anew that stand in `docs/pictures`.

use super::browser::Tab;
use super::tongue;
use crate::wire::not_checked;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub const LANGS: [&str; 6] = ["ar", "fr", "es", "en", "de", "pt"];
/// Bytes of a page without files that browsers keep: those have 60 kB together, and a first load has 100 kB.
const PAGE_BYTES_MAX: u64 = 40_000;
const DESKTOP: u32 = 1280;
const PHONE: u32 = 360;

static AXE: LazyLock<Option<String>> = LazyLock::new(|| std::fs::read_to_string(target().join("tools/axe.min.js")).ok());

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

/// Pixels by which a page is wider than its window.
fn sideways(tab: &Tab) -> i64 {
    tab.js("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.innerWidth").as_i64().unwrap()
}

/// Looks at a page in all languages and two widths.
pub fn look(tab: &Tab, name: &str, path: &str) {
    look_after(tab, name, path, |_| ());
}

/// Looks in all languages at what is shown once something was done on a page.
pub fn look_after(tab: &Tab, name: &str, path: &str, does: impl Fn(&Tab)) {
    for lang in LANGS {
        tab.lang(lang);
        tab.open(path);
        does(tab);
        assert_eq!(tab.js("document.documentElement.lang"), lang, "{name}");
        assert_eq!(tab.js("document.documentElement.dir"), if lang == "ar" { "rtl" } else { "ltr" });
        let bytes = tab.js("performance.getEntriesByType('navigation')[0].encodedBodySize").as_u64().unwrap();
        holds((1..PAGE_BYTES_MAX).contains(&bytes), || format!("{name} in {lang}: {bytes} bytes"));
        seen(tab, &format!("{name}-{lang}"), lang == "ar");
    }
    tab.lang("en");
}

/// Looks at a page as at another one of its kind: in Arabic, and with axe-core in one more language, which changes from page to page.
pub fn glance(tab: &Tab, name: &str, path: &str, turn: usize) {
    let other = LANGS[1 + turn % 5];
    tab.lang("ar");
    tab.open(path);
    one_tongue(tab, &format!("{name}-ar"));
    tab.size(PHONE);
    holds(sideways(tab) == 0, || format!("{name}-ar is wider than a phone"));
    tab.lang(other);
    tab.open(path);
    seen(tab, &format!("{name}-{other}"), false);
    tab.lang("en");
}

/// Looks at what a window shows, for what no address shows again: the answer to a form.
pub fn look_as_it_is(tab: &Tab, name: &str) {
    seen(tab, name, true);
}

/// Looks at what a window shows, in the dark too where that is asked: colours are the same in every language.
fn seen(tab: &Tab, name: &str, dark: bool) {
    tab.size(DESKTOP);
    accessible(tab, name, dark);
    one_tongue(tab, name);
    holds(sideways(tab) == 0, || format!("{name} is wider than a window of {DESKTOP}"));
    pictures(tab, name, DESKTOP);
    tab.size(PHONE);
    let who = || {
        tab.js("[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 361 || e.getBoundingClientRect().left < -1).slice(0, 3).map(e => e.outerHTML.slice(0, 200))")
    };
    holds(sideways(tab) == 0, || format!("{name} is wider than a phone: {}", who()));
    pictures(tab, name, PHONE);
    tab.size(DESKTOP);
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
    let strays = tongue::strays(tab);
    holds(strays.is_empty(), || format!("{name} shows words that are none of its language: {strays:?}"));
}

/// Asks axe-core: all rules in light, and in dark those that colours decide.
fn accessible(tab: &Tab, name: &str, dark: bool) {
    let Some(axe) = &*AXE else {
        return not_checked(&format!("axe-core on the page {name}"), "target/tools/axe.min.js is not there; 'cargo xtask needs' fetches it");
    };
    tab.js(&format!("window.axe || (() => {{ {axe} }})(); true"));
    let all = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']";
    let runs = [(false, format!("{{ type: 'tag', values: {all} }}")), (true, "{ type: 'rule', values: ['color-contrast'] }".to_owned())];
    for (dark, only) in runs.into_iter().take(1 + usize::from(dark)) {
        tab.dark(dark);
        let found = tab.js(&format!(
            "axe.run(document, {{ runOnly: {only}, resultTypes: ['violations'] }}).then(r => r.violations.map(v => v.id + ': ' + v.help + ' ' + \
             v.nodes.slice(0, 5).map(n => n.html + ' ' + n.failureSummary).join(' | ')))"
        ));
        holds(found == Value::Array(Vec::new()), || format!("{name}, dark: {dark}: {found}"));
    }
    tab.dark(false);
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
