//! One character in any of the spellings that a page, a script, a style sheet or a URL may give it.
//!
//! `a` can be written `a`, `%61`, `\u0061`, `\x61`, `\u{61}`, `\141`, `\61 `, `&#97;`, `&#x61;` and `&aopf;`, or as one of the
//! characters that a host name takes for it, `ａ`, in bytes or escapes. The sign that introduces an escape, and its digits,
//! can be spelt that way again: `%2561`, `&amp;#97;`, `&#37;&#54;&#49;`. Readers differ (`\56` is a full stop in a script and a V
//! in a style sheet), so a spelling has several readings, and the search for hidden names tries them all.

pub mod before;
mod bytes;
mod entity;
mod escape;
mod letters;
pub mod sieve;

use escape::{Read, Unit, ascii, bare, meanings, spelt_once};

/// Longest spelling understood, in bytes, with what is dropped before the next character.
pub const MAX_LEN: usize = 64;

/// How many times over the sign that introduces an escape may itself be escaped: about as often as there is room for.
const LAYERS: usize = 16;

/// The characters of a host name that a spelling stands for, in lower case, and the number of bytes it was written with. No
/// characters for what is dropped, and byte 255 for what no host name has.
pub type Symbol = (&'static [u8], usize);

/// Whether a byte can begin a spelling of more than one byte that stands for a character: the signs that introduce escapes,
/// and the first bytes of the characters in [`letters`].
#[must_use]
pub const fn is_introducer(byte: u8) -> bool {
    is_sign(byte) || matches!(byte, 0xC2 | 0xC4 | 0xC5 | 0xC7 | 0xCA | 0xCB | 0xE1..=0xE3 | 0xEA | 0xEF | 0xF0)
}

/// Whether a byte is one of the signs that introduce escapes.
#[must_use]
pub const fn is_sign(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Whether a byte is the first of a character beyond ASCII (RFC 3629).
const fn is_lead(byte: u8) -> bool {
    matches!(byte, 0xC2..=0xF4)
}

/// Whether a byte may begin a spelling of this letter, or of nothing before it.
#[must_use]
pub fn may_begin(byte: u8, letter: u8) -> bool {
    let letters = letters::of_byte(byte);
    begins(byte) || letters.is_empty() || letters == [letter]
}

/// Whether a byte begins an escape or a character beyond ASCII.
#[must_use]
pub const fn begins(byte: u8) -> bool {
    is_sign(byte) || is_lead(byte)
}

/// Whether a byte can stand between the first and the last one of a spelling. Other signs end one at most: `\/`.
const fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'#' | b';' | b'{' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | 0xC | 0x80..)
        || is_sign(byte)
}

/// Shows `visit` every reading of what `bytes` begin with; none at the end.
pub fn readings(bytes: &[u8], visit: &mut dyn FnMut(Symbol)) {
    let window = bytes.get(..MAX_LEN).unwrap_or(bytes);
    let Some(first) = window.first().copied() else { return };
    if is_sign(first) {
        escapes(window, first, &mut |unit, len| visit(whole(window, unit, len)));
    } else if is_lead(first) {
        visit(whole(window, Unit::Byte(first), 1));
    }
    visit((letters::of_byte(first), 1));
}

/// Shows `visit` every meaning of the escape that an introducer begins, and its length. Where one escape follows another,
/// one reader takes the second for a digit of the first, and another does not.
fn escapes(bytes: &[u8], introducer: u8, visit: &mut dyn FnMut(Unit, usize)) {
    let behind = bytes.get(1..).unwrap_or_default();
    if behind.iter().any(|byte| is_sign(*byte)) {
        peel(bytes, introducer, spelt_once, visit);
    }
    peel(bytes, introducer, bare, visit);
}

/// Reads the escape behind an introducer; where it means an introducer again, the escape behind that one, too.
fn peel(bytes: &[u8], introducer: u8, read: Read, visit: &mut dyn FnMut(Unit, usize)) {
    let mut next = Some((introducer, 1));
    for _ in 0..LAYERS {
        let Some((introducer, end)) = next.take() else { return };
        let end = end + doubled(bytes.get(end..).unwrap_or_default());
        meanings(introducer, bytes.get(end..).unwrap_or_default(), read, &mut |unit, len| {
            if let Some(sign) = ascii(unit).filter(|byte| is_sign(*byte)) {
                next = next.or(Some((sign, end + len)));
            }
            visit(unit, end + len);
        });
    }
}

/// How many of the backslashes that come first are pairs with one or two more behind them. Every reader makes one backslash of
/// a pair, so that a run of them, however long, comes to what its last one or two say.
fn doubled(bytes: &[u8]) -> usize {
    let run = bytes.iter().take_while(|byte| **byte == b'\\').count();
    run.saturating_sub(1) & !1
}

/// A unit with what belongs to it: the other bytes of UTF-8, or the other half of a surrogate pair.
fn whole(window: &[u8], unit: Unit, len: usize) -> Symbol {
    match unit {
        Unit::Letters(letters) => (letters, len),
        Unit::Code(high @ 0xD800..=0xDBFF) => paired(window, high, len).unwrap_or((letters::OTHER, len)),
        Unit::Byte(lead) if is_lead(lead) => of_utf8(window, lead, len).unwrap_or((letters::OTHER, len)),
        Unit::Byte(byte) => (letters::of_byte(byte), len),
        Unit::Code(code) => (letters::of(code), len),
    }
}

fn paired(window: &[u8], high: u32, len: usize) -> Option<Symbol> {
    let behind = window.get(len..)?;
    let sign = behind.first().copied().filter(|byte| is_sign(*byte))?;
    let mut symbol = None;
    escapes(behind, sign, &mut |unit, more| {
        if let Unit::Code(low @ 0xDC00..=0xDFFF) = unit {
            symbol = symbol.or(Some((letters::of(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), len + more)));
        }
    });
    symbol
}

fn of_utf8(window: &[u8], lead: u8, mut len: usize) -> Option<Symbol> {
    let (count, bits) = of_lead(lead);
    let mut code = u32::from(bits);
    for _ in 0..count {
        let (byte, more) = continuation(window.get(len..)?)?;
        code = code << 6 | u32::from(byte & 0x3F);
        len += more;
    }
    Some((letters::of(code), len))
}

/// How many bytes follow the first one of a character, and that one's share of the code.
const fn of_lead(lead: u8) -> (usize, u8) {
    match lead {
        0..0xE0 => (1, lead & 0x1F),
        0xE0..0xF0 => (2, lead & 0x0F),
        _ => (3, lead & 0x07),
    }
}

/// A byte of UTF-8 behind the first, plain or percent-encoded.
fn continuation(bytes: &[u8]) -> Option<(u8, usize)> {
    let first = *bytes.first()?;
    let mut found = matches!(first, 0x80..0xC0).then_some((first, 1));
    if is_sign(first) {
        escapes(bytes, first, &mut |unit, len| {
            if let Unit::Byte(byte @ 0x80..0xC0) = unit {
                found = found.or(Some((byte, len)));
            }
        });
    }
    found
}

/// Where `text` ends if the bytes from `at` on spell it.
#[must_use]
pub fn forward(bytes: &[u8], mut at: usize, mut text: &[u8]) -> Option<usize> {
    // Letters as they are have one reading.
    while let ([letter, behind @ ..], Some(byte)) = (text, bytes.get(at).filter(|byte| !begins(**byte))) {
        match letters::of_byte(*byte) {
            [read] if read == letter => (text, at) = (behind, at + 1),
            [] => break,
            _ => return None,
        }
    }
    follow(at, text.len(), |place, visit| {
        let expected = text.get(place.read..).unwrap_or_default();
        readings(bytes.get(place.at..).unwrap_or_default(), &mut |(letters, len)| {
            if is_start(expected, letters) {
                visit(letters.len(), len, place.at + len);
            }
        });
    })
}

/// Whether a text starts with these letters; nearly always there is one.
fn is_start(text: &[u8], letters: &[u8]) -> bool {
    if let [letter] = letters { text.first() == Some(letter) } else { text.starts_with(letters) }
}

/// How far one way to read a text has come.
#[derive(Clone, Copy)]
struct Place {
    /// Where it stands.
    at: usize,
    /// How many characters of the text are read.
    read: usize,
    /// How many bytes since the last of them stand for nothing.
    dropped: usize,
}

/// Follows every way to read a text of `wanted` characters, each place once: where readers differ at many places, the ways
/// are too many to go one by one. `step` tells how many characters come next, in how many bytes, and where that leads.
fn follow(at: usize, wanted: usize, step: impl Fn(Place, &mut dyn FnMut(usize, usize, usize))) -> Option<usize> {
    let mut place = Place { at, read: 0, dropped: 0 };
    let (mut places, mut next): (Vec<Place>, usize) = (Vec::new(), 0);
    while place.read < wanted {
        // As long as there is one way only, it need not be kept: no other comes by.
        let mut only: Option<Place> = None;
        step(place, &mut |count, len, at| {
            let read = place.read + count;
            let is_known = places.iter().chain(&only).any(|known| (known.at, known.read) == (at, read));
            if !is_known && place.dropped + len <= MAX_LEN {
                let new = Place { at, read, dropped: if count == 0 { place.dropped + len } else { 0 } };
                if places.is_empty() && only.is_none() {
                    only = Some(new);
                } else {
                    places.extend(only.take());
                    places.push(new);
                }
            }
        });
        place = if let Some(only) = only {
            only
        } else {
            next += 1;
            *places.get(next - 1)?
        };
    }
    Some(place.at)
}

/// What `bytes` begin with; the longest spelling counts.
#[must_use]
pub fn first(bytes: &[u8]) -> Option<Symbol> {
    let mut longest: Option<Symbol> = None;
    readings(bytes, &mut |symbol| longest = longest.filter(|known| known.1 >= symbol.1).or(Some(symbol)));
    longest
}

#[cfg(test)]
mod tests {
    use super::before::Before;
    use super::*;
    use proptest::prelude::*;

    const SPELLINGS: [&str; 35] = [
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
        "&#00000000097;",
        "&#x61;",
        "&#X61",
        "&amp;#97;",
        "&#37;61",
        "&percnt;61",
        "%26%2397%3B",
        "\\61 ",
        "\\000061",
        "\\61\n",
        "\\141",
        "\\a",
        "\\\\x61",
        "%5Cx61",
        "&bsol;u0061",
        "&#92;u{61}",
        "&amp;amp;#97;",
        "%25252525252525252525252525252561",
        "%5C%5C%5C%5C%5C%5C%5C%5C%5Cu0061",
        "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\u0061",
    ];

    fn all(bytes: &[u8]) -> Vec<Symbol> {
        let mut all = Vec::new();
        readings(bytes, &mut |symbol| all.push(symbol));
        all
    }

    #[test]
    fn every_spelling_is_read_from_both_ends() {
        for text in SPELLINGS {
            let bytes = text.as_bytes();
            assert_eq!(forward(bytes, 0, b"a"), Some(bytes.len()), "{text}");
            assert_eq!(Before::new(bytes, 0, bytes.len()).backward(bytes.len(), b"a", false), Some(0), "{text}");
        }
    }

    #[test]
    fn readers_differ() {
        assert_eq!(forward(b"\\56net", 0, b"."), Some(3));
        assert_eq!(forward(b"\\2e net", 0, b"."), Some(4));
        assert_eq!((forward(b"\\net", 0, b"net"), forward(b"\\nnet", 0, b"net")), (Some(4), Some(5)));
    }

    #[test]
    fn half_an_escape_is_plain_text() {
        for text in ["%", "%6", "%zz", "&", "&#", "&#;", "&nbsp;", "&#x"] {
            assert_eq!(all(text.as_bytes()), [(&text.as_bytes()[..1], 1)], "{text}");
        }
        assert_eq!(first(b""), None);
        assert_eq!(first("&#8364;".as_bytes()), Some((letters::OTHER, 7)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_spellings_stay_short(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            for (_, len) in all(&bytes) {
                prop_assert!((1..=MAX_LEN).contains(&len));
            }
            let _ = Before::new(&bytes, 0, bytes.len()).last(bytes.len());
        }

        #[test]
        fn a_nest_of_escapes_has_few_readings(bytes in prop::collection::vec(prop::sample::select(b"%&\\#x25amp;u{}0".to_vec()), 0..60)) {
            prop_assert!(all(&bytes).len() <= 2 * LAYERS * 5 + 1);
        }
    }
}
