//! What of a gateway's reply comes down to the customer: these headers and no others.

use crate::http::{Body, Headers, Response};

use super::names::Names;
use super::scrub::scrub;

/// Headers that a page needs to work, be cached and be protected. Their values are scrubbed like any text.
const PASSED: [&str; 13] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "content-security-policy",
    "content-type",
    "expires",
    "last-modified",
    "permissions-policy",
    "referrer-policy",
    "refresh",
    "retry-after",
    "vary",
    "x-content-type-options",
];

/// Content types that are not text: a name inside them is not read as one, and changing a byte would break them.
const BINARY: [&str; 9] = [
    "image/",
    "font/",
    "audio/",
    "video/",
    "application/font",
    "application/octet-stream",
    "application/pdf",
    "application/wasm",
    "application/zip",
];

/// The answer to a customer from the head of a gateway's reply, whose body follows as a stream.
///
/// `None` if the body is text in a coding that the runtime does not undo, so that no name in it could be found.
#[must_use]
pub fn pass(names: &Names, status: u16, headers: &dyn Headers) -> Option<Response> {
    let body = body_of(headers.get("content-type").as_deref());
    if body == Body::Scrubbed && !is_readable(headers.get("content-encoding").as_deref()) {
        return None;
    }
    let mut response = Response { status, headers: Vec::new(), body };
    for name in PASSED {
        if let Some(value) = headers.get(name) {
            response.headers.push((name, scrub(names, &value).into_owned()));
        }
    }
    if let Some(etag) = headers.get("etag") {
        response.headers.push(("etag", scrub(names, &weakened(etag, &response.body)).into_owned()));
    }
    for cookie in headers.set_cookies() {
        response.headers.push(("set-cookie", scrub(names, &without_domain(&cookie)).into_owned()));
    }
    Some(response)
}

/// Everything is text unless its type says otherwise, SVG included: what is scrubbed without need stays as it is.
fn body_of(content_type: Option<&str>) -> Body {
    let kind = content_type.unwrap_or_default().trim().to_ascii_lowercase();
    let binary = BINARY.iter().any(|prefix| kind.starts_with(prefix)) && !kind.starts_with("image/svg");
    if binary { Body::Untouched } else { Body::Scrubbed }
}

/// The codings that the runtime undoes before the body is read.
fn is_readable(coding: Option<&str>) -> bool {
    let coding = coding.unwrap_or_default().trim().to_ascii_lowercase();
    matches!(coding.as_str(), "" | "identity" | "gzip" | "br")
}

/// A strong validator promises the same bytes; a scrubbed body has others, so its validator becomes weak (RFC 9110, 8.8.1).
fn weakened(etag: String, body: &Body) -> String {
    if *body == Body::Scrubbed && !etag.starts_with("W/") { format!("W/{etag}") } else { etag }
}

/// A cookie of the gateway's domain would be refused by the browser on ours: without `Domain` it belongs to our host.
fn without_domain(cookie: &str) -> String {
    let is_domain = |part: &str| {
        let name = part.split('=').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("domain")
    };
    let mut parts = cookie.split(';');
    let pair = parts.next().unwrap_or_default();
    let attributes = parts.filter(|part| !is_domain(part));
    core::iter::once(pair).chain(attributes).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> Names {
        Names::new(&["anexpay.net".to_owned()], "https", "pay.shop.example")
    }

    fn passed(headers: &[(&str, &str)]) -> Option<Response> {
        let headers: Vec<(String, String)> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        pass(&names(), 200, &headers)
    }

    #[test]
    fn only_listed_headers_pass_and_they_are_scrubbed() {
        let response = passed(&[
            ("content-type", "text/html"),
            ("x-powered-by", "PHP"),
            ("server", "nginx"),
            ("link", "<https://cdn.anexpay.net/a.css>"),
            ("content-length", "10"),
            ("content-security-policy", "default-src https://*.anexpay.net"),
        ])
        .unwrap();
        assert_eq!(response.headers.iter().map(|(n, _)| *n).collect::<Vec<_>>(), ["content-security-policy", "content-type"]);
        assert!(!response.get("content-security-policy").unwrap().contains("anexpay"));
    }

    #[test]
    fn cookies_pass_one_by_one_without_their_domain() {
        let cookies = [
            ("set-cookie", "a=1; Domain=.anexpay.net; Path=/"),
            ("set-cookie", "b=2;domain=anexpay.net;HttpOnly"),
            ("set-cookie", "domain=3; DOMAIN"),
        ];
        let response = passed(&cookies).unwrap();
        let down: Vec<&str> = response.headers.iter().map(|(_, v)| v.as_str()).collect();
        assert_eq!(down, ["a=1; Path=/", "b=2;HttpOnly", "domain=3"]);
    }

    #[test]
    fn validators_of_changed_bodies_are_weak() {
        let etag =
            |kind: &str, etag: &str| passed(&[("content-type", kind), ("etag", etag)]).unwrap().get("etag").map(str::to_owned);
        assert_eq!(etag("text/css", "\"a\"").as_deref(), Some("W/\"a\""));
        assert_eq!(etag("text/css", "W/\"a\"").as_deref(), Some("W/\"a\""));
        assert_eq!(etag("image/png", "\"a\"").as_deref(), Some("\"a\""));
    }

    #[test]
    fn text_in_an_unknown_coding_does_not_pass() {
        assert_eq!(passed(&[("content-type", "text/html"), ("content-encoding", "zstd")]), None);
        assert!(passed(&[("content-type", "text/html"), ("content-encoding", "gzip")]).is_some());
        assert!(passed(&[("content-type", "image/png"), ("content-encoding", "zstd")]).is_some());
    }

    #[test]
    fn everything_is_scrubbed_but_binary_types() {
        for kind in ["", "text/html", "application/json", "image/svg+xml", "IMAGE/SVG+XML", "application/x-unheard-of"] {
            assert_eq!(body_of(Some(kind)), Body::Scrubbed, "{kind}");
        }
        for kind in ["image/png", "font/woff2", "Application/PDF", "video/mp4"] {
            assert_eq!(body_of(Some(kind)), Body::Untouched, "{kind}");
        }
        assert_eq!(body_of(None), Body::Scrubbed);
    }

    proptest! {
        #[test]
        fn no_header_ever_shows_a_name(pairs in prop::collection::vec(("(etag|set-cookie|vary|link|refresh|content-type|via|[a-z-]{1,12})", "[a-zA-Z0-9;=.: /]{0,20}(anexpay\\.net|AnexPay%2Enet)?[a-z;= ]{0,8}"), 0..8)) {
            let headers: Vec<(String, String)> = pairs;
            if let Some(response) = pass(&names(), 200, &headers) {
                for (name, value) in response.headers {
                    prop_assert!(!names().hides(&value), "{}: {}", name, value);
                }
            }
        }
    }
}
