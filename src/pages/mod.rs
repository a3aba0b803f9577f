//! Pages of our own: the front page and the error page, in the operator's look.
//!
//! They are rendered on the server from templates that escape by default, and need no script. The only style is inline
//! and bound to the answer by a nonce.

use askama::Template;
use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::config::Brand;
use crate::error::Error;
use crate::http::{Headers, Response};
use crate::route::Route;

/// In which form somebody wants to read an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page.
    Html,
    /// JSON, with errors in Stripe's envelope.
    Json,
    /// JSON, with errors as RFC 9457 has them.
    Problem,
}

/// What every answer to one request has in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    /// The route's name in the log; none for what has no route.
    pub route: Option<&'static str>,
    /// How to write errors.
    pub form: Form,
    /// `req_` and 16 hexadecimal digits, for support.
    pub request_id: String,
    /// The request's random bytes.
    entropy: [u8; 16],
    /// Whether scripts of other origins may read the answer.
    pub is_public_data: bool,
    /// Whether the Worker reads the answer first, and takes out hidden names when it passes it on. Before, that would change what is
    /// only kept: a merchant's URL, say.
    pub is_inside: bool,
}

impl Face {
    /// The face for a request of that `route`; without one, browsers and programs are told apart by `Accept` alone.
    #[must_use]
    pub fn new(route: Option<Route>, headers: &dyn Headers, entropy: [u8; 16]) -> Self {
        let accept = headers.get("accept").unwrap_or_default();
        let form = if wants_problem(headers) {
            Form::Problem
        } else if route.is_some_and(Route::is_api) || !accept.contains("text/html") {
            Form::Json
        } else {
            Form::Html
        };
        Self {
            route: route.map(Route::name),
            form,
            request_id: request_id(entropy),
            entropy,
            is_public_data: route.is_some_and(Route::is_public_data),
            is_inside: false,
        }
    }
}

impl Face {
    /// The face of an answer from a ledger: JSON, and the id that the Worker's own answer has.
    #[must_use]
    pub fn in_ledger(headers: &dyn Headers, entropy: [u8; 16]) -> Self {
        let request_id = headers.get("request-id").unwrap_or_else(|| request_id(entropy));
        let form = if wants_problem(headers) { Form::Problem } else { Form::Json };
        Self { route: Some("ledger"), form, request_id, entropy, is_public_data: false, is_inside: true }
    }

    /// What ties the inline style to this answer: random bytes of which nothing else is made.
    fn nonce(&self) -> String {
        let (_, nonce) = self.entropy.split_at(8);
        Base64UrlUnpadded::encode_string(nonce)
    }
}

fn wants_problem(headers: &dyn Headers) -> bool {
    headers.get("accept").is_some_and(|accept| accept.contains("application/problem+json"))
}

/// The id of the request that was given these random bytes: `req_` and 16 hexadecimal digits.
#[must_use]
pub fn request_id(entropy: [u8; 16]) -> String {
    let (id, _) = entropy.split_at(8);
    format!("req_{}", base16ct::lower::encode_string(id))
}

/// What both templates show around their text.
struct Frame<'a> {
    brand: &'a str,
    logo: Option<&'a str>,
    support: Option<&'a str>,
    background: &'a str,
    theme: &'a str,
    button: &'a str,
    nonce: String,
}

impl<'a> Frame<'a> {
    fn new(brand: Option<&'a Brand>, face: &'a Face) -> Self {
        let colour = |pick: fn(&Brand) -> &Option<String>, default| brand.and_then(|b| pick(b).as_deref()).unwrap_or(default);
        Self {
            brand: brand.map_or("Payment", |b| &b.name),
            logo: brand.and_then(|b| b.logo.as_deref()),
            support: brand.and_then(|b| b.support.as_deref()),
            background: colour(|b| &b.background, "Canvas"),
            theme: colour(|b| &b.theme, "#2563eb"),
            button: colour(|b| &b.button, "#2563eb"),
            nonce: face.nonce(),
        }
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    frame: Frame<'a>,
}

#[derive(Template)]
#[template(path = "email.html")]
struct Email<'a> {
    frame: Frame<'a>,
    action: &'a str,
    provider: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame<'a>,
    title: &'a str,
    message: &'a str,
    code: &'a str,
    request_id: &'a str,
}

/// The front page; `None` if the template fails.
#[must_use]
pub fn home(brand: &Brand, face: &Face) -> Option<Response> {
    let html = Home { frame: Frame::new(Some(brand), face) }.render().ok()?;
    Some(page(200, html, face))
}

/// Asks for the customer's e-mail address, which comes back to the path `action`; `None` if the template fails.
#[must_use]
pub fn email(brand: &Brand, face: &Face, action: &str, provider: Option<&str>) -> Option<Response> {
    let html = Email { frame: Frame::new(Some(brand), face), action, provider }.render().ok()?;
    Some(form(200, html, face))
}

/// The page for an error, with a `message` that is safe to show; `None` if the template fails.
#[must_use]
pub fn error(brand: Option<&Brand>, face: &Face, error: &Error, message: &str) -> Option<Response> {
    let page_of = ErrorPage {
        frame: Frame::new(brand, face),
        title: title(error.status()),
        message,
        code: error.code(),
        request_id: &face.request_id,
    };
    Some(page(error.status(), page_of.render().ok()?, face))
}

const fn title(status: u16) -> &'static str {
    match status {
        404 => "Page not found",
        403 | 410 => "This link cannot be used",
        429 => "Too many requests",
        500..=599 => "Payment is not possible right now",
        _ => "This request cannot be processed",
    }
}

fn page(status: u16, html: String, face: &Face) -> Response {
    guarded(status, html, face, "'none'")
}

/// A page with a form. Browsers hold the redirect that follows it to the same rule, and that may lead to any provider.
fn form(status: u16, html: String, face: &Face) -> Response {
    guarded(status, html, face, "'self' https:")
}

fn guarded(status: u16, html: String, face: &Face, forms: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{}'; img-src https:; base-uri 'none'; form-action {forms}; frame-ancestors 'none'",
        face.nonce()
    );
    Response::new(status)
        .text("text/html; charset=utf-8", html)
        .header("cache-control", "no-store")
        .header("content-security-policy", policy)
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
}
