//! What must hold of every page in every language: axe-core finds nothing against WCAG 2.2 AA, nothing needs scrolling sideways on a phone,
//! nothing is refused by the page's own policy. Pictures lie in `target/desk`.

use super::browser::Tab;
use crate::wire::not_checked;
use serde_json::Value;
use std::path::{Path, PathBuf};

const LANGS: [&str; 6] = ["ar", "fr", "es", "en", "de", "pt"];
/// Bytes of a page without files that browsers keep: those have 60 kB together, and a first load has 100 kB.
const PAGE_BYTES_MAX: u64 = 40_000;

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

/// Pixels by which a page is wider than its window.
fn sideways(tab: &Tab) -> i64 {
    tab.js("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.innerWidth").as_i64().unwrap()
}

/// Looks at a page in all languages and two widths.
pub fn look(tab: &Tab, name: &str, path: &str) {
    for lang in LANGS {
        tab.lang(lang);
        tab.size(1280);
        tab.open(path);
        assert_eq!(tab.js("document.documentElement.lang"), lang, "{name}");
        assert_eq!(tab.js("document.documentElement.dir"), if lang == "ar" { "rtl" } else { "ltr" });
        let bytes = tab.js("performance.getEntriesByType('navigation')[0].encodedBodySize").as_u64().unwrap();
        assert!((1..PAGE_BYTES_MAX).contains(&bytes), "{name} in {lang}: {bytes} bytes");
        look_as_it_is(tab, &format!("{name}-{lang}"));
    }
    tab.lang("en");
}

/// Looks at what a window shows, for what no address shows again: the answer to a form.
pub fn look_as_it_is(tab: &Tab, name: &str) {
    tab.size(1280);
    match std::fs::read_to_string(target().join("tools/axe.min.js")) {
        Ok(axe) => {
            for dark in [false, true] {
                tab.dark(dark);
                tab.js(&format!("{axe}; true"));
                let found = tab.js("axe.run(document, { runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa'] }).then(r => r.violations.map(v => v.id + ': ' + v.help + ' ' + v.nodes.slice(0, 5).map(n => n.html + ' ' + n.failureSummary).join(' | ')))");
                assert_eq!(found, Value::Array(Vec::new()), "{name}, dark: {dark}");
            }
            tab.dark(false);
        }
        Err(_) => not_checked(&format!("axe-core on the page {name}"), "target/tools/axe.min.js is not there; 'cargo xtask needs' fetches it"),
    }
    assert_eq!(sideways(tab), 0, "{name} is wider than a window of 1280");
    let to = |width: u32| target().join(format!("desk/{name}-{width}.png"));
    tab.picture(&to(1280));
    tab.size(360);
    let who = tab.js("[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 361 || e.getBoundingClientRect().left < -1).slice(0, 3).map(e => e.outerHTML.slice(0, 200))");
    assert_eq!(sideways(tab), 0, "{name} is wider than a phone: {who}");
    tab.picture(&to(360));
    tab.size(1280);
}
