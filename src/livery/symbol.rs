//! One character in any of the spellings that a page, a script or a URL may give it.
//!
//! `a` can be written `a`, `%61`, `%2561`, `\u0061`, `\x61`, `\u{61}`, `&#97;` and `&#x61;`; a browser reads them all
//! alike, so the search for hidden names does too. Only ASCII matters here: host names have no other characters.

/// Longest spelling understood, in bytes.
pub const MAX_LEN: usize = 24;

/// How often an escape's own first character may be escaped again (`%25`, `&amp;`, `\\`).
const MAX_NESTING: usize = 3;

/// A character and the number of bytes it was written with.
pub type Symbol = (u8, usize);

/// Whether a byte can begin a spelling of more than one byte.
#[must_use]
pub const fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// The character at the start of `bytes`, in lower case; `None` at the end.
///
/// A character beyond ASCII comes out as byte 255, which is part of no name.
#[must_use]
pub fn first(bytes: &[u8]) -> Option<Symbol> {
    let byte = *bytes.first()?;
    let escaped = match byte {
        b'%' => percent(bytes),
        b'\\' => backslash(bytes),
        b'&' => entity(bytes),
        _ => None,
    };
    Some(escaped.unwrap_or((byte.to_ascii_lowercase(), 1)))
}

/// The character that ends just before `end`, in lower case, and where it starts; `floor` is as far back as it may.
///
/// The longest spelling counts: in `\\u0061` both backslashes belong to it.
#[must_use]
pub fn last(bytes: &[u8], floor: usize, end: usize) -> Option<Symbol> {
    readings(bytes, floor, end).next()
}

/// How many bytes spell `expected` just before `end`, if any reading of them does: the `a` of `%aanexpay` ends an escape
/// for one reader and begins a name for another.
#[must_use]
pub fn last_as(bytes: &[u8], floor: usize, end: usize, expected: u8) -> Option<usize> {
    readings(bytes, floor, end).find(|(character, _)| *character == expected).map(|(_, len)| len)
}

/// Every way to read what ends just before `end`, the longest first.
fn readings(bytes: &[u8], floor: usize, end: usize) -> impl Iterator<Item = Symbol> {
    let earliest = floor.max(end.saturating_sub(MAX_LEN));
    let escaped = (earliest..end).filter_map(move |start| {
        let candidate = bytes.get(start..end)?;
        let starts_escape = candidate.first().copied().is_some_and(is_introducer);
        let (character, len) = starts_escape.then(|| first(candidate)).flatten()?;
        (len == candidate.len() && len > 1).then_some((character, len))
    });
    let plain = bytes.get(floor..end).and_then(<[u8]>::last).map(|byte| (byte.to_ascii_lowercase(), 1));
    escaped.chain(plain)
}

/// `%61`, and `%2561`, `%252561` for a percent sign that was itself encoded.
fn percent(bytes: &[u8]) -> Option<Symbol> {
    let mut at = 1;
    for _ in 0..MAX_NESTING {
        if bytes.get(at..at + 2) == Some(b"25") && bytes.get(at + 2).is_some_and(u8::is_ascii_hexdigit) {
            at += 2;
        }
    }
    let (code, len) = number(bytes.get(at..at + 2)?, 16)?;
    (len == 2).then(|| (ascii(code), at + 2))
}

/// `\u0061`, `\u{61}`, `\x61`, and a backslash before a character that it leaves as it is, such as `\/` and `\.`.
fn backslash(bytes: &[u8]) -> Option<Symbol> {
    let run = bytes.iter().take(MAX_NESTING + 1).take_while(|b| **b == b'\\').count();
    let rest = bytes.get(run..)?;
    let (character, len) = match rest {
        [b'u', b'{', hex @ ..] => {
            let (code, digits) = number(hex.get(..hex.len().min(6))?, 16)?;
            (hex.get(digits) == Some(&b'}')).then(|| (ascii(code), digits + 3))?
        }
        [b'u', hex @ ..] => fixed_hex(hex, 4)?,
        [b'x', hex @ ..] => fixed_hex(hex, 2)?,
        [b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'0', ..] => (b' ', 1),
        [other, ..] if other.is_ascii_punctuation() => (*other, 1),
        _ => return None,
    };
    Some((character, run + len))
}

/// Exactly `digits` hexadecimal digits after the letter that announces them.
fn fixed_hex(hex: &[u8], digits: usize) -> Option<Symbol> {
    let (code, len) = number(hex.get(..digits)?, 16)?;
    (len == digits).then(|| (ascii(code), digits + 1))
}

/// `&#97;`, `&#x61;`, both also without the semicolon, `&period;`, and any of them behind an escaped `&amp;`.
fn entity(bytes: &[u8]) -> Option<Symbol> {
    let mut at = 1;
    for _ in 0..MAX_NESTING {
        if bytes.get(at..at + 4).is_some_and(|b| b.eq_ignore_ascii_case(b"amp;")) {
            at += 4;
        }
    }
    let rest = bytes.get(at..)?;
    let (character, len) = match rest {
        [b'#', b'x' | b'X', hex @ ..] => number(hex.get(..hex.len().min(7))?, 16).map(|(code, len)| (ascii(code), len + 2))?,
        [b'#', digits @ ..] => number(digits.get(..digits.len().min(7))?, 10).map(|(code, len)| (ascii(code), len + 1))?,
        _ => return named(rest).map(|(character, len)| (character, at + len)),
    };
    let semicolon = usize::from(rest.get(len) == Some(&b';'));
    Some((character, at + len + semicolon))
}

/// The named references that HTML has for the characters of a URL's host part.
fn named(bytes: &[u8]) -> Option<Symbol> {
    const NAMES: [(&[u8], u8); 5] =
        [(b"period;", b'.'), (b"colon;", b':'), (b"sol;", b'/'), (b"dash;", b'-'), (b"lowbar;", b'_')];
    NAMES.iter().find(|(name, _)| bytes.starts_with(name)).map(|(name, character)| (*character, name.len()))
}

/// The number at the start of `bytes` and how many digits it has; at least one.
fn number(bytes: &[u8], radix: u32) -> Option<(u32, usize)> {
    let digits = bytes.iter().map_while(|b| char::from(*b).to_digit(radix));
    let (code, len) = digits.fold((0_u32, 0), |(code, len), digit| (code.saturating_mul(radix).saturating_add(digit), len + 1));
    (len > 0).then_some((code, len))
}

/// A character code as lower-case ASCII, 255 for all others.
fn ascii(code: u32) -> u8 {
    u8::try_from(code).ok().filter(u8::is_ascii).map_or(255, |b| b.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPELLINGS: [&str; 18] = [
        "a",
        "A",
        "%61",
        "%41",
        "%2561",
        "%252561",
        "\\u0061",
        "\\u0041",
        "\\x61",
        "\\u{61}",
        "\\u{000061}",
        "\\\\u0061",
        "&#97;",
        "&#97",
        "&#0097;",
        "&#x61;",
        "&#X61",
        "&amp;#97;",
    ];

    #[test]
    fn every_spelling_is_read_from_both_ends() {
        for text in SPELLINGS {
            let bytes = text.as_bytes();
            assert_eq!(first(bytes), Some((b'a', bytes.len())), "{text}");
            assert_eq!(last(bytes, 0, bytes.len()), Some((b'a', bytes.len())), "{text}");
        }
    }

    #[test]
    fn half_an_escape_is_plain_text() {
        for text in ["%", "%6", "%zz", "\\", "\\u00", "\\xg1", "&", "&#", "&#;", "&nbsp;", "&#x"] {
            assert_eq!(first(text.as_bytes()), Some((text.as_bytes()[0], 1)), "{text}");
        }
        assert_eq!(first(b""), None);
        assert_eq!(first("&#8482;".as_bytes()), Some((255, 7)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_spellings_stay_short(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some((_, len)) = first(&bytes) {
                prop_assert!((1..=MAX_LEN).contains(&len));
            }
            let _ = last(&bytes, 0, bytes.len());
        }
    }
}
