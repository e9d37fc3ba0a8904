//! Who may come where: each route stands once, with the roles that may use it; nothing is reached but through this list.
//!
//! 1 whoever is not signed in is sent to the sign-in page from every address, whether there is something or not, 2 who lacks the role
//! gets the page of what does not exist, the same bytes, 3 what changes anything must come from our own pages: by `Sec-Fetch-Site`
//! or `Origin`, and with the session's form token.

use crate::desk::Desk;
use crate::layout;
use crate::multipart;
use crate::session::Seat;
use crate::webauthn::CEREMONY_BYTES_MAX;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use base::Lang;
use dossier::OfficerRole::{self, Administrator, CompetentAuthority, DataProtection, Desk as DeskRole, Officer, Supervisor};

/// Bytes of a form.
const FORM_BYTES_MAX: usize = 1 << 20;
/// Bytes of a form with files, of who is signed in.
const UPLOAD_BYTES_MAX: usize = 8 << 20;
/// Bytes of a form of who is not: a text to be held against those that were published.
const PUBLIC_FORM_BYTES_MAX: usize = 256 * 1024;
/// Fields of a form.
const FORM_FIELDS_MAX: usize = 5_000;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, also who is not signed in.
    Anyone,
    /// Everybody who is signed in.
    SignedIn,
    /// Officers with one of these roles.
    Roles(&'static [OfficerRole]),
}

/// Who reads dossiers.
pub const READ: Access = Access::Roles(node::READERS);
/// Who acts in dossiers; what each may do there is the mechanism's word.
pub const ACT: Access = Access::Roles(&[Officer, DeskRole, Supervisor, CompetentAuthority]);
/// Who takes dossiers out.
pub const EXPORT: Access = Access::Roles(&[DeskRole, Supervisor, DataProtection]);
/// Who runs the node.
pub const RUN: Access = Access::Roles(&[Administrator]);

impl Access {
    /// Tells whether somebody with these roles may come in.
    pub fn lets(self, roles: &[OfficerRole]) -> bool {
        match self {
            Access::Anyone | Access::SignedIn => true,
            Access::Roles(some) => roles.iter().any(|r| some.contains(r)),
        }
    }
}

/// One route as the golden table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// GET or POST.
    pub method: &'static str,
    /// The path with its parameters.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// What a route takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A form, read whole, its token verified before the handler runs.
    Form,
    /// A file, streamed to the handler.
    File,
}

/// The pages of the desk while they are put together.
pub struct Pages {
    desk: Desk,
    router: Router<Desk>,
    rows: Vec<Row>,
}

impl Pages {
    pub(crate) fn new(desk: Desk) -> Pages {
        Pages { desk, router: Router::new(), rows: Vec::new() }
    }

    /// Tells whether officers may sign in by an identity provider.
    #[cfg(feature = "oidc")]
    pub(crate) fn has_provider(&self) -> bool {
        self.desk.provider.is_some()
    }

    fn route(mut self, method: &'static str, path: &'static str, access: Access, takes: Takes, routed: MethodRouter<Desk>) -> Pages {
        let guarded = routed.layer(from_fn_with_state((self.desk.clone(), access, takes), guard));
        self.rows.push(Row { method, path, access });
        self.router = self.router.route(path, guarded);
        self
    }

    /// Adds a page.
    pub(crate) fn get<T: 'static, H: Handler<T, Desk>>(self, path: &'static str, access: Access, page: H) -> Pages {
        self.route("GET", path, access, Takes::Form, get(page))
    }

    /// Adds something that a form does.
    pub(crate) fn post<T: 'static, H: Handler<T, Desk>>(self, path: &'static str, access: Access, does: H) -> Pages {
        self.route("POST", path, access, Takes::Form, post(does))
    }

    /// Adds something that takes a file in; it must itself find the session's form token before the file.
    pub(crate) fn upload<T: 'static, H: Handler<T, Desk>>(self, path: &'static str, access: Access, does: H) -> Pages {
        self.route("POST", path, access, Takes::File, post(does).layer(DefaultBodyLimit::disable()))
    }

    /// Returns all routes.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the router that serves them.
    pub fn into_router(self) -> Router {
        let Pages { desk, router, .. } = self;
        let rest = get(absent).post(absent).layer(from_fn_with_state((desk.clone(), Access::SignedIn, Takes::Form), guard));
        router.fallback_service(rest.with_state(desk.clone())).with_state(desk).layer(from_fn(headers))
    }
}

async fn absent(axum::Extension(seat): axum::Extension<Seat>) -> Response {
    layout::absent(&seat)
}

/// A form that came from our own pages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posted(pub Vec<(String, String)>);

impl Posted {
    /// Returns the first value of a field.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    /// Returns all values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Lets in who may come in; hands on who it is and, for a form, what it holds.
async fn guard(State((desk, access, takes)): State<(Desk, Access, Takes)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let accepted = accepted(&parts.headers);
    let changes = parts.method == Method::POST;
    if changes && !is_ours(&parts.headers, &desk.settings.origin) {
        return (StatusCode::FORBIDDEN, "").into_response();
    }
    let secret = cookie(&parts.headers, &cookie_name(&desk));
    let seat = match &secret {
        Some(secret) => match desk.seat(secret, accepted, parts.uri.path().to_owned()).await {
            Ok(seat) => seat,
            Err(e) => return layout::failed_unseated(&desk, accepted, &e),
        },
        None => None,
    };
    if access != Access::Anyone {
        let Some(seat) = &seat else {
            return Redirect::to("/signin").into_response();
        };
        if !access.lets(&seat.officer.roles) {
            return layout::absent(seat);
        }
    }
    let mut bytes = Bytes::new();
    if changes && takes == Takes::File {
        parts.extensions.insert(accepted);
        if let Some(seat) = seat {
            parts.extensions.insert(seat);
        }
        return next.run(Request::from_parts(parts, body)).await;
    }
    if changes {
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default().to_owned();
        let (plain, files) = (kind.starts_with("application/x-www-form-urlencoded"), kind.starts_with("multipart/form-data"));
        let max = match access {
            Access::Anyone if plain || files => PUBLIC_FORM_BYTES_MAX,
            Access::Anyone => CEREMONY_BYTES_MAX,
            _ if files => UPLOAD_BYTES_MAX,
            _ => FORM_BYTES_MAX,
        };
        let Ok(read) = to_bytes(body, max).await else { return (StatusCode::PAYLOAD_TOO_LARGE, "").into_response() };
        if plain {
            // Browsers send the line ends of a text area as CRLF, whatever was typed (HTML, form submission).
            let field = |(n, v): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| (n.into_owned(), v.replace("\r\n", "\n"));
            parts.extensions.insert(Posted(form_urlencoded::parse(&read).take(FORM_FIELDS_MAX).map(field).collect()));
        } else if files {
            let Some(fields) = multipart::read(&kind, read, FORM_FIELDS_MAX).await else { return (StatusCode::BAD_REQUEST, "").into_response() };
            parts.extensions.insert(Posted(fields));
        } else {
            bytes = read;
        }
        if let (Some(seat), true) = (&seat, access != Access::Anyone) {
            let by_form = parts.extensions.get::<Posted>().is_some_and(|p| p.get("csrf") == seat.csrf);
            let by_header = parts.headers.get("x-form-token").is_some_and(|h| h.as_bytes() == seat.csrf.as_bytes());
            if !by_form && !by_header {
                return layout::told(seat, StatusCode::FORBIDDEN, "refusal.desk.form", &desk, "");
            }
        }
        if parts.extensions.get::<Posted>().is_none() {
            parts.extensions.insert(Posted::default());
        }
    }
    parts.extensions.insert(accepted);
    if let Some(seat) = seat {
        parts.extensions.insert(seat);
    }
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

/// Tells whether a request comes from our own pages.
fn is_ours(headers: &HeaderMap, origin: &str) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => headers.get(header::ORIGIN).is_some_and(|o| o.as_bytes() == origin.as_bytes()),
    }
}

/// Returns the name of the session's cookie; where there is TLS no other host and no plain page can set it (RFC 6265bis, 4.1.3.2). Cookies
/// are shared by all ports of a host, so that a port that is named stands in it: desks of two services beside each other sign nobody out.
pub(crate) fn cookie_name(desk: &Desk) -> String {
    let prefix = if desk.settings.is_tls() { "__Host-" } else { "" };
    match desk.settings.port() {
        Some(port) => format!("{prefix}desk-{port}"),
        None => format!("{prefix}desk"),
    }
}

/// Writes the session's cookie; an empty secret takes it away.
pub(crate) fn cookie_of(desk: &Desk, secret: &str) -> HeaderValue {
    let secure = if desk.settings.is_tls() { "; Secure" } else { "" };
    let age = if secret.is_empty() { "; Max-Age=0".to_owned() } else { format!("; Max-Age={}", u64::from(desk.settings.session_hours) * 3600) };
    let text = format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict{secure}{age}", cookie_name(desk));
    HeaderValue::from_str(&text).expect("a secret is hexadecimal")
}

/// Returns a secret that a browser keeps.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    let found = all.flat_map(|v| v.split(';')).find_map(|c| c.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    found.filter(|secret| secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Finds the language that a browser asks for (RFC 9110, 12.5.4); its order counts, weights are taken as they stand.
fn accepted(headers: &HeaderMap) -> Lang {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let tags = asked.split(',').filter_map(|t| t.trim().split([';', '-']).next()?.parse().ok());
    tags.into_iter().next().unwrap_or(Lang::En)
}

/// Says to browsers what a page may do: nothing but what comes from here.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let all = response.headers_mut();
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self), publickey-credentials-create=(self)"),
    ] {
        all.insert(name, HeaderValue::from_static(value));
    }
    if !all.contains_key(header::CACHE_CONTROL) {
        all.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_change_anything() {
        let ours = |pairs: &[(&'static str, &'static str)]| {
            let headers: HeaderMap = pairs.iter().map(|(n, v)| ((*n).parse::<header::HeaderName>().unwrap(), HeaderValue::from_static(v))).collect();
            is_ours(&headers, "https://desk.example")
        };
        assert!(ours(&[("sec-fetch-site", "same-origin")]) && ours(&[("origin", "https://desk.example")]));
        for site in ["same-site", "cross-site", "none"] {
            assert!(!ours(&[("sec-fetch-site", site), ("origin", "https://desk.example")]), "{site}");
        }
        assert!(!ours(&[]) && !ours(&[("origin", "null")]) && !ours(&[("origin", "https://desk.example.evil")]));
    }

    #[test]
    fn the_first_language_that_we_speak_is_taken() {
        let lang = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(text))]);
            accepted(&headers).code()
        };
        assert_eq!(["ar-MA,fr;q=0.8", "zgh, fr-CA;q=0.7", "ja", ""].map(lang), ["ar", "fr", "en", "en"]);
    }
}
