//! What no answer of the Worker may contain: a name of the gateway, in any disguise that a browser sees through, or a header
//! that nobody decided to send.
use super::client::Answer;
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
    "last-modified",
    "location",
    "permissions-policy",
    "referrer-policy",
    "refresh",
    "request-id",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "x-content-type-options",
];

/// How often escapes may be nested in one another.
const NESTING: usize = 4;

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

/// The first of `hidden` that the text names, with its surroundings.
pub fn find(text: &str, hidden: &[String]) -> Option<(String, String)> {
    let mut text = text.replace('\0', "");
    for decode in [unchanged, percent, entities, script, style].iter().cycle().take(1 + 4 * NESTING + NESTING) {
        text = decode(&text);
        let lower = text.to_ascii_lowercase();
        if let Some((name, at)) = hidden.iter().find_map(|name| Some((name, lower.find(name.as_str())?))) {
            return Some((name.clone(), surroundings(&lower, at, name.len())));
        }
    }
    None
}

fn surroundings(text: &str, at: usize, length: usize) -> String {
    let start = text.floor_char_boundary(at.saturating_sub(60));
    let end = text.ceil_char_boundary(at + length + 60);
    text[start..end].to_owned()
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

// --- the disguises ---

fn unchanged(text: &str) -> String {
    text.to_owned()
}

fn percent(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `&#46;`, `&#x2e;`, with or without the semicolon, and the named ones that matter in a host name or URL.
fn entities(text: &str) -> String {
    unescape(text, '&', |rest| {
        for (name, character) in [("period;", '.'), ("amp;", '&'), ("colon;", ':'), ("sol;", '/'), ("hyphen;", '-')] {
            if rest.starts_with(name) {
                return Some((character, name.len()));
            }
        }
        let digits = rest.strip_prefix('#')?;
        let (radix, prefix) = if digits.starts_with(['x', 'X']) { (16, 2) } else { (10, 1) };
        let (character, length) = number(&rest[prefix..], radix, 1..=7)?;
        let semicolon = usize::from(rest[prefix + length..].starts_with(';'));
        Some((character, prefix + length + semicolon))
    })
}

/// JSON and JavaScript: `\u002e`, `\u{2e}`, `\x2e`, `\/`.
fn script(text: &str) -> String {
    unescape(text, '\\', |rest| {
        if let Some(digits) = rest.strip_prefix("u{") {
            return number(digits, 16, 1..=6).map(|(character, length)| (character, length + 3));
        }
        match rest.chars().next()? {
            'u' => number(&rest[1..], 16, 4..=4).map(|(character, length)| (character, length + 1)),
            'x' => number(&rest[1..], 16, 2..=2).map(|(character, length)| (character, length + 1)),
            mark if mark.is_ascii_punctuation() => Some((mark, 1)),
            _ => None,
        }
    })
}

/// CSS: `\2e ` with one to six digits and an optional space.
fn style(text: &str) -> String {
    unescape(text, '\\', |rest| {
        let (character, length) = number(rest, 16, 1..=6)?;
        let space = usize::from(rest[length..].starts_with(' '));
        Some((character, length + space))
    })
}

/// Replaces what `decode` understands after each `mark`: it returns a character and how many bytes stood for it.
fn unescape(text: &str, mark: char, decode: impl Fn(&str) -> Option<(char, usize)>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let after = &rest[at + 1..];
        result.push_str(&rest[..at]);
        let (character, length) = decode(after).unwrap_or((mark, 0));
        result.push(character);
        rest = &after[length..];
    }
    result + rest
}

/// The character whose number `text` starts with, and how many digits that took.
fn number(text: &str, radix: u32, digits: std::ops::RangeInclusive<usize>) -> Option<(char, usize)> {
    let length = text.chars().take(*digits.end()).take_while(|digit| digit.is_digit(radix)).count();
    let value = u32::from_str_radix(text.get(..length)?, radix).ok()?;
    digits.contains(&length).then_some((char::from_u32(value)?, length))
}
