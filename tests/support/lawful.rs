//! The one assertion about noisy requests: what the gateway, or a merchant, hears of one is what the right request alone makes
//! them hear. What is read here as PHP reads it is read by the sandbox, not by Livery.
#![allow(dead_code, reason = "the core's tests and those in workerd use their own parts of this")]

use super::noise::{Kind, OPERATORS};
use livery_sandbox::php::Parameters;

/// A call of Livery's, as whoever was called sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: String,
    /// Names in lower case, without those that the runtime adds to every call.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A noisy request, as far as some route passes it on.
pub struct Noisy<'a> {
    /// Its query, as a URL has it.
    pub query: &'a str,
    /// Its body.
    pub body: &'a str,
    /// Livery's own host.
    pub own: &'a str,
    /// The query of the merchant's callback.
    pub merchants: &'a str,
    /// For the message.
    pub what: &'a str,
}

/// Codes that noise may be refused with. None is about a failure of ours or the gateway's.
pub const REFUSALS: [&str; 6] = [
    "downline_signature_invalid",
    "duplicate_parameter",
    "invalid_parameter",
    "link_signature_invalid",
    "parameter_not_allowed",
    "unsupported_media_type",
];

/// Panics unless a request was refused as noise may be, and nobody heard of it.
pub fn assert_refused(status: u16, code: &str, heard: &[Heard], what: &str) {
    let is_refusal = REFUSALS.contains(&code) || code == "url_too_long";
    assert!((400..500).contains(&status) && is_refusal, "{what}: {status} {code}");
    assert!(heard.is_empty(), "{what}: refused, and still {heard:?}");
}

/// Panics unless noise made no difference that its route does not name.
pub fn assert_lawful(kind: Kind, right: &[Heard], heard: &[Heard], noisy: &Noisy<'_>) {
    let what = noisy.what;
    if kind == Kind::Rebuilt {
        return assert_eq!(heard, right, "{what}");
    }
    let ([right], [heard]) = (right, heard) else { panic!("{what}: {heard:?}") };
    let without_query = |heard: &Heard| Heard { query: String::new(), body: String::new(), ..heard.clone() };
    assert_eq!(without_query(heard), without_query(right), "{what}");
    match kind {
        Kind::Rebuilt => {}
        Kind::ByteForByte => assert_eq!((heard.query.as_str(), heard.body.as_str()), (noisy.query, ""), "{what}"),
        Kind::Page => assert_page(right, heard, noisy),
        Kind::Callback => assert_merchants(heard, noisy),
    }
}

fn assert_page(right: &Heard, heard: &Heard, noisy: &Noisy<'_>) {
    let what = noisy.what;
    assert_no_operators(&heard.query, noisy.own, what);
    let read = Parameters::read(&heard.query);
    // The look is the caller's to choose, and what the right request makes of an asset's version is nobody's.
    for (name, value) in Parameters::read(&right.query).texts().filter(|(name, _)| !matches!(*name, "theme" | "v")) {
        assert_eq!(read.get(name), Some(value), "{what}: {name}");
    }
    assert!(others(&heard.query).starts_with(&others(noisy.query)), "{what}: {}", heard.query);
    assert_eq!(heard.body, noisy.body, "{what}");
    if heard.body.starts_with('{') {
        let plain = heard.body.replace("\\u0065", "e");
        assert!(!OPERATORS.iter().any(|name| plain.contains(&format!("\"{name}\""))), "{what}: {plain}");
    } else {
        assert_no_operators(&heard.body, noisy.own, what);
    }
}

/// The segments that are not about `domain`, which has a place of its own.
fn others(query: &str) -> Vec<&str> {
    query.split('&').filter(|part| !part.is_empty() && !Parameters::read(part).has("domain")).collect()
}

/// No reading of a query names anything of the operator's, but our own `domain` as a plain text.
pub fn assert_no_operators(raw: &str, own: &str, what: &str) {
    for reading in [raw.to_owned(), raw.replace(';', "&")] {
        for segment in reading.split('&').filter(|segment| !segment.is_empty()) {
            let one = Parameters::read(segment);
            let is_own = one.get("domain") == Some(own);
            assert!(is_own || !OPERATORS.iter().any(|name| one.has(name)), "{what}: {segment}");
        }
    }
}

/// The merchant's own parameters come first and count: no reading finds one of them again.
fn assert_merchants(heard: &Heard, noisy: &Noisy<'_>) {
    let rest = heard.query.strip_prefix(noisy.merchants).unwrap_or_else(|| panic!("{}: {}", noisy.what, heard.query));
    let own = Parameters::read(&noisy.merchants.replace("[k]", ""));
    for segment in rest.split(['&', ';']) {
        let one = Parameters::read(segment);
        assert!(!own.texts().any(|(name, _)| one.has(name)), "{}: {segment}", noisy.what);
    }
    let token = Parameters::read(noisy.query).get("token").expect("a token").to_owned();
    assert!(!heard.query.contains(&token), "{}: {}", noisy.what, heard.query);
}
