//! What no answer of the Worker may contain: a name of the gateway, in any disguise that a browser sees through, or a header
//! that nobody decided to send.
use super::client::Answer;
pub use super::decoding::find;
use std::{borrow::Cow, io::Read as _};

/// The only response headers that Livery sends.
pub const ALLOWED_HEADERS: &[&str] = &[
    "access-control-allow-origin",
    "allow",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "expires",
    "idempotent-replayed",
    "last-modified",
    "location",
    "permissions-policy",
    "ratelimit",
    "ratelimit-policy",
    "referrer-policy",
    "refresh",
    "request-id",
    "retry-after",
    "server-timing",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-content-type-options",
];

/// Panics if the answer leaks. A provider's own URL may name the gateway in its query, which Livery never alters.
pub fn check(request: &str, answer: &Answer, hidden: &[String], provider_url: bool) {
    for (name, _) in &answer.headers {
        let allowed = ALLOWED_HEADERS.contains(&name.to_lowercase().as_str());
        assert!(allowed, "{request}: the response header {name} is not on the list");
    }
    if let Some((name, place)) = find(&visible(answer, provider_url), hidden) {
        panic!("{request}: the answer names {name}: …{place}…");
    }
}

/// Everything that a client can read.
fn visible(answer: &Answer, provider_url: bool) -> String {
    let mut text = format!("{} {}\n", answer.status, answer.reason);
    for (name, value) in &answer.headers {
        let exempt = provider_url && name.eq_ignore_ascii_case("location");
        let value = if exempt { value.split('?').next().unwrap_or_default() } else { value };
        text.extend([name, ": ", value, "\n"]);
    }
    text + &String::from_utf8_lossy(&plain_body(answer))
}

fn plain_body(answer: &Answer) -> Cow<'_, [u8]> {
    let mut plain = Vec::new();
    match answer.header("Content-Encoding") {
        None | Some("identity") => return Cow::Borrowed(&answer.body),
        Some("gzip") => flate2::read::MultiGzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain),
        Some("deflate") => flate2::read::ZlibDecoder::new(answer.body.as_slice()).read_to_end(&mut plain),
        Some(other) => panic!("tests/support/leaks.rs cannot read {other} yet"),
    }
    .expect("a body in its content encoding");
    Cow::Owned(plain)
}
