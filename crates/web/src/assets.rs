//! Files that are part of the program: style, script, fonts, mark. Named by their content, so that browsers may keep them.

use crate::desk::Desk;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::Digest;
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    media: &'static str,
    bytes: &'static [u8],
}

const ALL: [Asset; 6] = [
    Asset { name: "desk.css", media: "text/css; charset=utf-8", bytes: include_bytes!("../assets/desk.css") },
    Asset { name: "view.css", media: "text/css; charset=utf-8", bytes: include_bytes!("../assets/view.css") },
    Asset { name: "desk.js", media: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/desk.js") },
    Asset { name: "mark.svg", media: "image/svg+xml", bytes: include_bytes!("../assets/mark.svg") },
    Asset { name: "noto-sans-arabic-400.woff2", media: "font/woff2", bytes: include_bytes!("../assets/fonts/noto-sans-arabic-400.woff2") },
    Asset { name: "noto-sans-arabic-700.woff2", media: "font/woff2", bytes: include_bytes!("../assets/fonts/noto-sans-arabic-700.woff2") },
];

/// What changes with the content of any of them.
static EDITION: LazyLock<String> = LazyLock::new(|| Digest::tagged("entente/desk-assets/1", &ALL.map(|a| a.bytes)).to_string()[..12].to_owned());

/// Returns the address of a file; it changes with its content.
pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *EDITION)
}

/// Serves a file; fonts are named by the style sheet beside them.
pub(crate) async fn serve(_: axum::extract::State<Desk>, Path((edition, name)): Path<(String, String)>) -> Response {
    match ALL.iter().find(|a| a.name == name && edition == *EDITION) {
        Some(a) => ([(header::CONTENT_TYPE, a.media), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")], a.bytes).into_response(),
        None => (StatusCode::NOT_FOUND, "").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_load_stays_small() {
        let bytes: usize = ALL.iter().map(|a| a.bytes.len()).sum();
        assert!(bytes < 60_000, "{bytes} bytes of style, script and fonts; a page has 100 kB for everything");
        let texts = ALL.iter().filter(|a| a.media.starts_with("text/")).map(|a| std::str::from_utf8(a.bytes).unwrap());
        assert!(texts.into_iter().all(|t| !t.contains("http://") && !t.contains("https://")), "nothing is fetched from elsewhere");
    }
}
