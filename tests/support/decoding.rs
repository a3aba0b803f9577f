//! Names of the gateway in any disguise that a browser or a parser sees through. It knows nothing of how Livery looks for
//! them: percent decoding, Unicode and the names of HTML's references come from libraries.
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

/// How often escapes may be nested in one another.
const NESTING: usize = 4;
/// Up to here the decoders are tried in every order, in bytes.
const SHORT: usize = 16 * 1024;
/// Each gives another text, or none where there is nothing to decode.
const DECODERS: [fn(&str) -> Option<String>; 4] = [percent, entities, script, style];

/// The first of `hidden` that the text names, with its surroundings.
pub fn find(text: &str, hidden: &[String]) -> Option<(String, String)> {
    if text.len() < SHORT { find_in_any_order(text, hidden) } else { find_in_one_order(text, hidden) }
}

/// Readers differ, and what one takes for an escape another takes for text.
fn find_in_any_order(text: &str, hidden: &[String]) -> Option<(String, String)> {
    let mut known = HashSet::from([text.to_owned()]);
    let mut layer: Vec<String> = known.iter().cloned().collect();
    while !layer.is_empty() {
        if let Some(found) = layer.iter().find_map(|text| named(text, hidden)) {
            return Some(found);
        }
        let decoded = layer.iter().flat_map(|text| DECODERS.map(|decode| decode(text))).flatten();
        layer = decoded.filter(|text| known.insert(text.clone())).collect();
    }
    None
}

fn find_in_one_order(text: &str, hidden: &[String]) -> Option<(String, String)> {
    let mut text = text.to_owned();
    let found = named(&text, hidden);
    let layers = DECODERS.iter().cycle().take(DECODERS.len() * NESTING);
    found.or_else(|| {
        layers.into_iter().find_map(|decode| {
            text = decode(&text)?;
            named(&text, hidden)
        })
    })
}

/// The first of `hidden` in a text as it is, and as a reader of host names maps it: compatibility forms, lower case, and nothing
/// that is ignored (UTS 46, URL Standard 4.4).
fn named(text: &str, hidden: &[String]) -> Option<(String, String)> {
    [text.to_ascii_lowercase(), mapped(text)].iter().find_map(|text| {
        let (name, at) = hidden.iter().find_map(|name| Some((name, text.find(name.as_str())?)))?;
        Some((name.clone(), surroundings(text, at, name.len())))
    })
}

fn mapped(text: &str) -> String {
    static DROPPED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{DI}\t\r\n\x00]").expect("a pattern"));
    let kept = DROPPED.replace_all(text, "");
    if kept.is_ascii() {
        return kept.to_ascii_lowercase();
    }
    let form: String = kept.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    form.replace('。', ".")
}

fn surroundings(text: &str, at: usize, length: usize) -> String {
    let start = text.floor_char_boundary(at.saturating_sub(60));
    let end = text.ceil_char_boundary(at + length + 60);
    text[start..end].to_owned()
}

fn percent(text: &str) -> Option<String> {
    text.contains('%').then(|| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned())
}

/// `&#46;`, `&#x2e;`, with or without the semicolon, and every name that HTML has.
fn entities(text: &str) -> Option<String> {
    static NAMES: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| entities::ENTITIES.iter().map(|entity| (&entity.entity[1..], entity.characters)).collect());
    unescape(text, '&', |rest| {
        let Some(digits) = rest.strip_prefix('#') else {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let named = |end: usize| Some(((*NAMES.get(rest.get(..end)?)?).to_owned(), end));
            return named(word + 1).or_else(|| (2..=word).rev().find_map(named));
        };
        let (radix, prefix) = if digits.starts_with(['x', 'X']) { (16, 2) } else { (10, 1) };
        let (character, length) = number(&rest[prefix..], radix, 1..=64)?;
        let semicolon = usize::from(rest[prefix + length..].starts_with(';'));
        Some((character.to_string(), prefix + length + semicolon))
    })
}

/// JSON and JavaScript: `\u002e`, `\u{2e}`, `\x2e`, `\056`, `\/`, `\n`, and a line that goes on.
fn script(text: &str) -> Option<String> {
    unescape(text, '\\', |rest| {
        let one = |(character, length): (char, usize), more| (character.to_string(), length + more);
        if let Some(digits) = rest.strip_prefix("u{") {
            let is_closed = |found: &(char, usize)| digits[found.1..].starts_with('}');
            return number(digits, 16, 1..=64).filter(is_closed).map(|found| one(found, 3));
        }
        match rest.chars().next()? {
            'u' => pair(rest).or_else(|| number(&rest[1..], 16, 4..=4).map(|found| one(found, 1))),
            'x' => number(&rest[1..], 16, 2..=2).map(|found| one(found, 1)),
            '0'..='3' => number(rest, 8, 1..=3).map(|found| one(found, 0)),
            '4'..='7' => number(rest, 8, 1..=2).map(|found| one(found, 0)),
            'n' | 't' | 'r' => Some(("\n".into(), 1)),
            'b' | 'f' | 'v' => Some((" ".into(), 1)),
            '\n' | '\r' => Some((String::new(), if rest.starts_with("\r\n") { 2 } else { 1 })),
            other => Some((other.to_string(), other.len_utf8())),
        }
    })
}

/// `u` and both halves of a character beyond the basic plane.
fn pair(rest: &str) -> Option<(String, usize)> {
    let unit = |at: usize| u16::from_str_radix(rest.get(at..at + 4)?, 16).ok();
    let units = [unit(1)?, unit(7).filter(|_| rest.get(5..7) == Some("\\u"))?];
    String::from_utf16(&units).ok().filter(|text| text.chars().count() == 1).map(|text| (text, 11))
}

/// CSS: `\2e ` with one to six digits and an optional white space, any other character as it is, and a line that goes on.
fn style(text: &str) -> Option<String> {
    unescape(text, '\\', |rest| {
        let Some((character, length)) = number(rest, 16, 1..=6) else {
            let other = rest.chars().next()?;
            let as_it_is = if matches!(other, '\n' | '\r') { String::new() } else { other.to_string() };
            return Some((as_it_is, if rest.starts_with("\r\n") { 2 } else { other.len_utf8() }));
        };
        let behind = &rest[length..];
        let space = if behind.starts_with("\r\n") { 2 } else { usize::from(behind.starts_with([' ', '\t', '\n', '\r', '\x0c'])) };
        Some((character.to_string(), length + space))
    })
}

/// Replaces what `decode` understands after each `mark`: it returns a text and how many bytes stood for it.
fn unescape(text: &str, mark: char, decode: impl Fn(&str) -> Option<(String, usize)>) -> Option<String> {
    let first = text.find(mark)?;
    let mut result = String::with_capacity(text.len());
    result.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(at) = rest.find(mark) {
        let after = &rest[at + 1..];
        result.push_str(&rest[..at]);
        let (decoded, length) = decode(after).unwrap_or((mark.to_string(), 0));
        result.push_str(&decoded);
        rest = &after[length..];
    }
    Some(result + rest)
}

/// The character whose number `text` starts with, and how many digits that took.
fn number(text: &str, radix: u32, digits: std::ops::RangeInclusive<usize>) -> Option<(char, usize)> {
    let length = text.chars().take(*digits.end()).take_while(|digit| digit.is_digit(radix)).count();
    let value = u32::from_str_radix(text.get(..length)?, radix).ok()?;
    digits.contains(&length).then_some((char::from_u32(value)?, length))
}
