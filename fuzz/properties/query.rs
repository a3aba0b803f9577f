//! A parameter is what PHP takes it for, and what is kept of a query is kept byte for byte.
//!
//! The input is a query, and after a line break a value for a query of our own.

use livery::callback::{relay, target::Target};
use livery::config::Config;
use livery::gateway::page;
use livery::query::{self, Pair, ParamError, Params};
use std::sync::LazyLock;

static CONFIG: LazyLock<Config> = LazyLock::new(|| super::settings::config(&[("BRAND_THEME", "navy")]));

/// The names that the Worker decides about, and some that are close to them.
const NAMES: [&str; 12] = [
    "address",
    "affiliate",
    "affiliate_fee",
    "callback",
    "domain",
    "domain_",
    "merchant_fee",
    "metadata",
    "sub_affiliate",
    "sub_affiliate_fee",
    "token",
    "_",
];

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (raw, value) = text.split_once('\n').unwrap_or((&text, ""));
    names_are_phps(raw);
    the_removed_is_gone(raw, NAMES[data.len() % NAMES.len()]);
    nothing_else_is_touched(raw);
    the_known_are_read_as_php_would(raw);
    what_is_built_is_read_again(value);
    the_domain_is_ours(raw);
    the_merchants_parameters_stay_theirs(raw);
}

fn names_are_phps(raw: &str) {
    for pair in query::pairs(raw) {
        // What has no name for PHP is dropped there: under which name we know it makes no difference, if it is no known one.
        match php_variable(pair.raw) {
            Some(name) => assert_eq!(pair.name(), name, "{}", pair.raw),
            None => assert!(!NAMES[..11].contains(&pair.name().as_ref()), "{}", pair.raw),
        }
    }
}

fn the_removed_is_gone(raw: &str, name: &str) {
    let left = query::without(raw, &[name]);
    assert!(!left.split('&').any(|segment| php_variable(segment).as_deref() == Some(name)), "{raw} → {left}");
    assert_eq!(query::without(&left, &[name]), left, "not the same twice");
    let kept = |segment: &&str| !segment.is_empty() && Pair::name(&first(segment)) != name;
    assert!(left.split('&').filter(|segment| !segment.is_empty()).eq(raw.split('&').filter(kept)), "{raw} → {left}");
}

fn first(segment: &str) -> Pair<'_> {
    query::pairs(segment).next().expect("a segment that is not empty is a pair")
}

fn nothing_else_is_touched(raw: &str) {
    let segments: Vec<&str> = raw.split('&').filter(|segment| !segment.is_empty()).collect();
    assert_eq!(query::without(raw, &[]), segments.join("&"));
    assert!(query::pairs(raw).map(|pair| pair.raw).eq(segments));
}

fn the_known_are_read_as_php_would(raw: &str) {
    let variables: Vec<Option<String>> = raw.split('&').map(php_variable).collect();
    let sent = |name: &str| variables.iter().filter(|variable| variable.as_deref() == Some(name)).count();
    match Params::read(raw, &NAMES) {
        Ok(params) => {
            for name in NAMES.iter().filter(|name| **name != "_") {
                assert_eq!(usize::from(params.pair(name).is_some()), sent(name), "{name} in {raw}");
                let Ok(Some(value)) = params.optional(name) else { continue };
                let pair = params.pair(name).expect("a value comes from a pair");
                assert_eq!(value.as_bytes(), url_decoded(pair.raw_value), "{name} in {raw}");
                assert!(!value.is_empty() && !value.chars().any(char::is_control));
            }
        }
        Err((name, ParamError::Duplicate)) => assert!(sent(name) > 1 || name == "_", "{name} in {raw}"),
        Err((name, ParamError::Unreadable)) => assert!(sent(name) > 0 || name == "_", "{name} in {raw}"),
        Err((name, ParamError::Missing)) => panic!("{name}: nothing was required"),
    }
}

fn named<'a>(raw: &'a str, name: &str) -> Vec<&'a str> {
    raw.split('&').filter(|segment| php_variable(segment).as_deref() == Some(name)).collect()
}

/// PHP reads a thousand parameters and then no more, so ours has to be the first.
fn the_domain_is_ours(raw: &str) {
    let sent = page::query(&CONFIG, raw);
    assert_eq!(named(&sent, page::DOMAIN), ["domain=pay.shop.example"], "{sent}");
    assert!(sent.starts_with("domain=pay.shop.example"), "{sent}");
    let themes = named(raw, "theme");
    assert_eq!(named(&sent, "theme"), if themes.is_empty() { vec!["theme=navy"] } else { themes }, "{sent}");
}

/// Of a callback, the first half of the parameters is the merchant's own here, and the second is what the gateway adds.
fn the_merchants_parameters_stay_theirs(raw: &str) {
    let segments: Vec<&str> = raw.split('&').filter(|segment| !segment.is_empty()).collect();
    let (own, added) = segments.split_at(segments.len() / 2);
    let Ok(target) = Target::parse(&CONFIG, &format!("https://shop.example/paid?{}", own.join("&"))) else { return };
    let call = relay::call(&target, &added.join("&"));
    let behind = call.url.strip_prefix(target.as_str()).expect("the merchant's own URL comes first");
    let passed: Vec<&str> = behind.split('&').filter(|segment| !segment.is_empty()).collect();
    let theirs: Vec<_> = own.iter().filter_map(|segment| php_variable(segment)).collect();
    assert!(!passed.iter().filter_map(|segment| php_variable(segment)).any(|name| theirs.contains(&name)), "{}", call.url);
    // Some set PHP to end a parameter at a `;`, too.
    let names = |segment: &str| -> Vec<String> {
        let parts = segment.split(';').filter(|part| !part.is_empty());
        parts.chain([segment]).map(|part| first(part).name().into_owned()).collect()
    };
    let own: Vec<String> = own.iter().flat_map(|segment| names(segment)).collect();
    let is_kept = |segment: &&&str| {
        let is_dropped = matches!(first(segment).name().as_ref(), "token" | "address_out");
        !is_dropped && !names(segment).iter().any(|name| own.contains(name))
    };
    assert!(added.iter().filter(is_kept).eq(&passed), "{}", call.url);
}

fn what_is_built_is_read_again(value: &str) {
    let encoded = query::encode(value);
    assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)), "{encoded}");
    assert_eq!(query::percent_decode(&encoded).as_deref(), Some(value));
    let mut built = query::build([("callback", value), ("z", value)]);
    query::append(&mut built, "address", value);
    assert_eq!(query::pairs(&built).count(), 3);
    let read = Params::read(&built, &["callback", "z", "address"]).expect("each is there once");
    let expected = if value.chars().any(char::is_control) { Err(ParamError::Unreadable) } else { Ok(Some(value.to_owned())) };
    let expected = expected.map(|v| v.filter(|v| !v.is_empty()));
    for name in ["callback", "z", "address"] {
        assert_eq!(read.optional(name).map_err(|(_, why)| why), expected);
    }
}

/// The variable that PHP fills from a segment, by the steps of `php_register_variable_ex`: C strings, in place. `None`
/// where it fills none.
fn php_variable(segment: &str) -> Option<String> {
    let mut bytes = url_decoded(segment.split('=').next().unwrap_or_default());
    if let Some(end) = bytes.iter().position(|b| *b == 0) {
        bytes.truncate(end);
    }
    while bytes.first() == Some(&b' ') {
        bytes.remove(0);
    }
    let bracket = bytes.iter().position(|b| *b == b'[').filter(|_| !segment.is_empty());
    if bytes.is_empty() || bracket == Some(0) {
        return None;
    }
    match bracket {
        Some(at) if bytes[at..].contains(&b']') => bytes.truncate(at),
        _ => {}
    }
    for byte in &mut bytes {
        if b" .[".contains(byte) {
            *byte = b'_';
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// PHP's `urldecode`, by hand.
fn url_decoded(text: &str) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                at += 2;
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    decoded
}
