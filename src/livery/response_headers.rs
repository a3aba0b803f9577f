//! What of a gateway's reply comes down to the customer: these headers and no others.

use crate::http::{Body, Reply, Response};

use super::names::Names;
use super::scrub::scrub;

/// Headers that a page needs to work, be cached and be protected, besides its type. Their values are scrubbed like any text.
const PASSED: [&str; 12] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "content-security-policy",
    "expires",
    "last-modified",
    "permissions-policy",
    "referrer-policy",
    "refresh",
    "retry-after",
    "vary",
    "x-content-type-options",
];

/// Content types that are not text: their length and layout must stay, so a name in them is blanked and not replaced.
const BINARY: [&str; 11] = [
    "image/",
    "font/",
    "audio/",
    "video/",
    "application/font",
    "application/x-font",
    "application/vnd.ms-font",
    "application/octet-stream",
    "application/pdf",
    "application/wasm",
    "application/zip",
];

/// Names of the character sets in which a text can be read as UTF-8. In others there are other ways to write a letter, such as
/// `\xAA` for an a in Latin-1, or escape sequences in ISO-2022-JP.
const CHARSETS: [&str; 3] = ["utf-8", "utf8", "us-ascii"];

/// The answer to a customer from the head of a gateway's reply, whose body follows as a stream.
///
/// `None` if the body is in a coding that the runtime does not undo, or text in another character set than UTF-8, or in parts
/// with character sets of their own.
#[must_use]
pub fn pass(names: &Names, reply: &Reply) -> Option<Response> {
    let headers = reply.headers.as_ref();
    let declared = headers.get("content-type");
    let content_type = declared.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let body = body_of(&content_type);
    let declared = declared.filter(|value| value.is_ascii());
    // What has no body needs no type, and a type would change that of the browser's copy.
    let is_typed = declared.is_some() || (200..204).contains(&reply.status);
    let sent_type =
        if body == Body::Scrubbed { Some(text_type(&content_type, &reply.beginning)?).filter(|_| is_typed) } else { declared };
    if !is_undone(headers.get("content-encoding").as_deref()) {
        return None;
    }
    let mut response = Response { status: reply.status, headers: Vec::new(), body };
    for name in PASSED {
        if let Some(value) = headers.get(name).filter(|value| value.is_ascii()) {
            response.headers.push((name, scrub(names, &value).into_owned()));
        }
    }
    if let Some(sent_type) = sent_type {
        response.headers.push(("content-type", scrub(names, &sent_type).into_owned()));
    }
    if let Some(etag) = headers.get("etag").filter(|value| value.is_ascii()) {
        response.headers.push(("etag", scrub(names, &weakened(etag, &response.body)).into_owned()));
    }
    for cookie in headers.set_cookies().iter().filter(|value| value.is_ascii()) {
        response.headers.push(("set-cookie", scrub(names, &without_domain(cookie)).into_owned()));
    }
    Some(response)
}

/// The type that a text is sent with: in UTF-8, which is how it was read. Otherwise the text itself could name another
/// character set, or a browser guess one. What is no single type is plain text. `None` if it is not in UTF-8, by what it is
/// declared to be or by its byte order mark, which a browser believes more.
fn text_type(content_type: &str, beginning: &[u8]) -> Option<String> {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let charset =
        parameters.split_once("charset").map_or("utf-8", |(_, value)| value.split([';', ',']).next().unwrap_or_default());
    let is_known = CHARSETS.contains(&charset.trim_matches(['=', ' ', '"']));
    if !is_known || essence.starts_with("multipart/") || matches!(beginning, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..]) {
        return None;
    }
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    let is_type = essence.trim().split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let essence = if is_type && !content_type.contains(',') { essence.trim() } else { "text/plain" };
    Some(format!("{essence}; charset=utf-8"))
}

/// Everything is text unless its type says otherwise, SVG included: what is scrubbed without need stays as it is.
fn body_of(content_type: &str) -> Body {
    // Of several types in one header each browser may take another.
    let is_one = !content_type.contains(',');
    let binary = is_one && BINARY.iter().any(|prefix| content_type.starts_with(prefix)) && !content_type.starts_with("image/svg");
    if binary { Body::Blanked } else { Body::Scrubbed }
}

/// The codings that the runtime undoes before the body is read; it knows them in lower case only.
fn is_undone(coding: Option<&str>) -> bool {
    matches!(coding.unwrap_or_default().trim(), "" | "identity" | "gzip" | "br")
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
        beginning_with(headers, b"")
    }

    fn beginning_with(headers: &[(&str, &str)], beginning: &[u8]) -> Option<Response> {
        let headers: Vec<(String, String)> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        pass(&names(), &Reply { status: 200, headers: Box::new(headers), text: String::new(), beginning: beginning.to_vec() })
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
        let down: Vec<&str> = response.headers.iter().filter(|(n, _)| *n == "set-cookie").map(|(_, v)| v.as_str()).collect();
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
    fn a_body_in_an_unknown_coding_does_not_pass() {
        for kind in ["text/html", "image/png"] {
            for coding in ["zstd", "deflate", "GZIP", "gzip, br", "x"] {
                assert_eq!(passed(&[("content-type", kind), ("content-encoding", coding)]), None, "{coding}");
            }
            assert!(passed(&[("content-type", kind), ("content-encoding", "gzip")]).is_some());
        }
    }

    #[test]
    fn text_in_wide_characters_does_not_pass() {
        for kind in [
            "text/html; charset=utf-16le",
            "text/css; charset=\"UTF-16\"",
            "text/html; charset=iso-2022-jp",
            "text/html; charset='shift_jis'",
            "text/html;charset= gbk",
            "text/html; charset=utf-8x",
            "text/html; charset=iso-8859-1",
            "text/html; x-charset=1",
            "text/html; charset",
            "multipart/x-mixed-replace; boundary=x",
        ] {
            assert_eq!(passed(&[("content-type", kind)]), None, "{kind}");
        }
        for beginning in [b"\xFF\xFE<\0", b"\xFE\xFF\0<"] {
            assert_eq!(beginning_with(&[("content-type", "text/html")], beginning), None);
            assert!(beginning_with(&[("content-type", "image/png")], beginning).is_some());
        }
        assert!(beginning_with(&[("content-type", "text/html; charset=utf-8")], b"\xEF\xBB\xBF<").is_some());
    }

    #[test]
    fn a_text_says_in_which_characters_it_is() {
        let kind = |kind: &str| passed(&[("content-type", kind)]).unwrap().get("content-type").map(str::to_owned);
        for (said, sent) in [
            ("text/html", "text/html; charset=utf-8"),
            ("Text/CSS; x=y;", "text/css; charset=utf-8"),
            ("text/html; charset=\"UTF-8\"", "text/html; charset=utf-8"),
            ("text/html; charset =us-ascii", "text/html; charset=utf-8"),
            ("text/html; x=\"", "text/html; charset=utf-8"),
            ("text/html; charset=utf-8; charset=utf-16", "text/html; charset=utf-8"),
            ("text/html,", "text/plain; charset=utf-8"),
            ("text/plain; charset=utf-8, text/html", "text/plain; charset=utf-8"),
            ("image/png, text/html", "text/plain; charset=utf-8"),
            ("html", "text/plain; charset=utf-8"),
            ("text/html (", "text/plain; charset=utf-8"),
        ] {
            assert_eq!(kind(said).as_deref(), Some(sent), "{said}");
        }
        assert_eq!(kind("image/png").as_deref(), Some("image/png"));
        assert_eq!(passed(&[]).unwrap().get("content-type"), Some("text/plain; charset=utf-8"));
    }

    #[test]
    fn headers_beyond_ascii_do_not_pass() {
        let refresh = |value: &str| passed(&[("refresh", value)]).unwrap().get("refresh").map(str::to_owned);
        assert_eq!(refresh("0;url=/x").as_deref(), Some("0;url=/x"));
        assert_eq!(refresh("0;url=https://anexpay\u{e3}\u{80}\u{82}net"), None);
    }

    #[test]
    fn everything_is_scrubbed_but_binary_types() {
        for kind in [
            "",
            "text/html",
            "application/json",
            "image/svg+xml",
            "IMAGE/SVG+XML",
            "application/x-unheard-of",
            "image/png, text/html",
        ] {
            assert_eq!(body_of(&kind.to_ascii_lowercase()), Body::Scrubbed, "{kind}");
        }
        for kind in ["image/png", "font/woff2", "Application/PDF", "video/mp4"] {
            assert_eq!(body_of(&kind.to_ascii_lowercase()), Body::Blanked, "{kind}");
        }
    }

    proptest! {
        #[test]
        fn no_header_ever_shows_a_name(pairs in prop::collection::vec(("(etag|set-cookie|vary|link|refresh|content-type|via|[a-z-]{1,12})", "[a-zA-Z0-9;=.: /]{0,20}(anexpay\\.net|AnexPay%2Enet)?[a-z;= ]{0,8}"), 0..8)) {
            let reply = Reply { status: 200, headers: Box::new(pairs), text: String::new(), beginning: Vec::new() };
            if let Some(response) = pass(&names(), &reply) {
                for (name, value) in response.headers {
                    prop_assert!(!names().hides(&value), "{}: {}", name, value);
                }
            }
        }
    }
}
