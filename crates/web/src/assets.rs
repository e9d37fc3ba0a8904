//! Files that are part of the program: style, script, fonts, mark. Named by their content, so that browsers may keep them.

use crate::desk::Desk;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
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

/// The texts among them in fewer bytes (RFC 1952), made once; fonts are packed in themselves. Pages are never packed: they hold a form's token beside
/// what people typed, and the length of a packed answer would tell of it to whoever reads lengths on the line (BREACH).
static PACKED: LazyLock<[Option<Vec<u8>>; ALL.len()]> = LazyLock::new(|| {
    ALL.map(|a| {
        let mut out = GzEncoder::new(Vec::new(), Compression::best());
        out.write_all(a.bytes).and_then(|()| out.finish()).ok().filter(|packed| packed.len() < a.bytes.len())
    })
});

/// Tells whether a browser takes packed bytes (RFC 9110, section 12.5.3).
fn takes_packed(headers: &HeaderMap) -> bool {
    let said = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    said.split(',').map(str::trim).any(|one| one.split(';').next().map(str::trim) == Some("gzip") && !one.replace(' ', "").ends_with(";q=0"))
}

/// Returns the address of a file; it changes with its content.
pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *EDITION)
}

/// Serves a file; fonts are named by the style sheet beside them.
pub(crate) async fn serve(_: axum::extract::State<Desk>, Path((edition, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some((a, packed)) = ALL.iter().zip(&*PACKED).find(|(a, _)| a.name == name && edition == *EDITION) else {
        return (StatusCode::NOT_FOUND, "").into_response();
    };
    let kept = [(header::CONTENT_TYPE, a.media), (header::CACHE_CONTROL, "public, max-age=31536000, immutable"), (header::VARY, "accept-encoding")];
    match packed.as_deref().filter(|_| takes_packed(&headers)) {
        Some(packed) => (kept, [(header::CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (kept, a.bytes).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_takes_packed_bytes_gets_them() {
        let takes = |said: &'static str| takes_packed(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, said.parse().unwrap())]));
        assert!(takes("gzip, deflate, br, zstd") && takes("br;q=1.0, gzip;q=0.8"));
        assert!(!takes("br, gzip;q=0") && !takes("identity") && !takes("x-gzip-no") && !takes_packed(&HeaderMap::new()));
    }

    #[test]
    fn a_first_load_stays_small() {
        let bytes: usize = ALL.iter().zip(&*PACKED).map(|(a, packed)| packed.as_ref().map_or(a.bytes.len(), Vec::len)).sum();
        assert!(bytes < 42_000, "{bytes} bytes of style, script and fonts; a page has 100 kB for everything");
        let texts = ALL.iter().filter(|a| a.media.starts_with("text/")).map(|a| std::str::from_utf8(a.bytes).unwrap());
        assert!(texts.into_iter().all(|t| !t.contains("http://") && !t.contains("https://")), "nothing is fetched from elsewhere");
    }
}
