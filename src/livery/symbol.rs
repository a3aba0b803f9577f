//! One character in any of the spellings that a page, a script, a style sheet or a URL may give it.
//!
//! `a` can be written `a`, `%61`, `\u0061`, `\x61`, `\u{61}`, `\141`, `\61 `, `&#97;` and `&#x61;`, and the sign that
//! introduces an escape can be spelt that way again: `%2561`, `&amp;#97;`, `&#37;61`. Readers differ (`\56` is a full stop in a
//! script and a V in a style sheet), so a spelling has several readings, and the search for hidden names tries them all.
//! Only ASCII matters here: host names have no other characters.

/// Longest spelling understood, in bytes.
pub const MAX_LEN: usize = 64;

/// How many times over the sign that introduces an escape may itself be escaped.
const LAYERS: usize = 4;

/// A character in lower case and the number of bytes it was written with. Byte 255 stands for all beyond ASCII.
pub type Symbol = (u8, usize);

/// Whether a byte can begin a spelling of more than one byte.
#[must_use]
pub const fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Every reading of what `bytes` begin with, the most decoded first; none at the end.
pub fn readings(bytes: &[u8]) -> impl Iterator<Item = Symbol> {
    let window = bytes.get(..MAX_LEN).unwrap_or(bytes);
    let plain = window.first().map(|byte| (byte.to_ascii_lowercase(), 1));
    let escaped = plain.filter(|(byte, _)| is_introducer(*byte)).map_or([None; READINGS], |sign| escapes(window, sign));
    escaped.into_iter().flatten().chain(plain)
}

/// Reads the escape behind an introducer; where it means an introducer again, the escape behind that one.
fn escapes(bytes: &[u8], (mut introducer, mut end): Symbol) -> [Option<Symbol>; READINGS] {
    let mut found = [None; READINGS];
    for _ in 0..LAYERS {
        let rest = bytes.get(end..).unwrap_or_default();
        let meant = match introducer {
            b'%' => [hex(rest, 2), None, None, None, None],
            b'&' => [entity(rest), None, None, None, None],
            _ => backslash(rest),
        };
        let longer = meant.map(|meant| meant.map(|(code, len)| (ascii(code), end + len)));
        let again = longer.iter().flatten().find(|(character, _)| is_introducer(*character));
        match again {
            Some(next) => (introducer, end) = *next,
            None => return longer,
        }
        found = longer;
    }
    found
}

/// How many bytes spell `expected` at the start, if any reading of them does.
#[must_use]
pub fn first_as(bytes: &[u8], expected: u8) -> Option<usize> {
    let byte = *bytes.first()?;
    if !is_introducer(byte) {
        return (byte.to_ascii_lowercase() == expected).then_some(1);
    }
    readings(bytes).find(|(character, _)| *character == expected).map(|(_, len)| len)
}

/// The character that ends just before `end`, and its length; `floor` is as far back as it may start. The longest
/// spelling counts: in `\\u0061` both backslashes belong to it.
#[must_use]
pub fn last(bytes: &[u8], floor: usize, end: usize) -> Option<Symbol> {
    backwards(bytes, floor, end).next()
}

/// How many bytes spell `expected` just before `end`, if any reading of them does: the `a` of `%aanexpay` ends an escape
/// for one reader and begins a name for another.
#[must_use]
pub fn last_as(bytes: &[u8], floor: usize, end: usize, expected: u8) -> Option<usize> {
    backwards(bytes, floor, end).find(|(character, _)| *character == expected).map(|(_, len)| len)
}

/// Every way to read what ends just before `end`, the longest first.
pub fn backwards(bytes: &[u8], floor: usize, end: usize) -> impl Iterator<Item = Symbol> {
    let earliest = floor.max(end.saturating_sub(MAX_LEN));
    let starts = (earliest..end).filter(|start| bytes.get(*start).copied().is_some_and(is_introducer));
    let spelt = starts
        .flat_map(move |start| readings(bytes.get(start..end).unwrap_or_default()).map(move |(c, len)| (c, len, end - start)));
    let escaped = spelt.filter(|(_, len, whole)| *len == *whole && *len > 1).map(|(character, len, _)| (character, len));
    let plain = bytes.get(floor..end).and_then(<[u8]>::last).map(|byte| (byte.to_ascii_lowercase(), 1));
    escaped.chain(plain)
}

/// A character code, and how many bytes behind its introducer mean it.
type Meant = (u32, usize);

/// In how many ways the escape behind one introducer can be read.
const READINGS: usize = 5;

/// Exactly that many hexadecimal digits.
fn hex(rest: &[u8], digits: usize) -> Option<Meant> {
    number(rest, 16, digits).filter(|(_, found)| *found == digits)
}

/// `#97;`, `#x61;`, both also without the semicolon, and the names that HTML has for the signs of a URL.
fn entity(rest: &[u8]) -> Option<Meant> {
    let Some(sign) = sign(rest, b"#", b"%23") else { return named(rest) };
    let (radix, from) = if matches!(rest.get(sign), Some(b'x' | b'X')) { (16, sign + 1) } else { (10, sign) };
    let (code, digits) = number(rest.get(from..)?, radix, MAX_LEN)?;
    let end = from + digits;
    Some((code, end + rest.get(end..).and_then(|rest| self::sign(rest, b";", b"%3b")).unwrap_or(0)))
}

/// The length of a sign in one of two spellings.
fn sign(rest: &[u8], plain: &[u8], encoded: &[u8]) -> Option<usize> {
    [plain, encoded].into_iter().find(|s| rest.get(..s.len()).is_some_and(|b| b.eq_ignore_ascii_case(s))).map(<[u8]>::len)
}

fn named(rest: &[u8]) -> Option<Meant> {
    const NAMES: [(&[u8], u8); 9] = [
        (b"amp;", b'&'),
        (b"amp", b'&'),
        (b"percnt;", b'%'),
        (b"bsol;", b'\\'),
        (b"period;", b'.'),
        (b"colon;", b':'),
        (b"sol;", b'/'),
        (b"dash;", b'-'),
        (b"lowbar;", b'_'),
    ];
    let (name, character) =
        NAMES.iter().find(|(name, _)| rest.get(..name.len()).is_some_and(|b| b.eq_ignore_ascii_case(name)))?;
    Some((u32::from(*character), name.len()))
}

/// Scripts' `u0061`, `u{61}`, `x61` and `141`; style sheets' `61 `; and a character that the backslash leaves as it is,
/// such as `/`. A line break for scripts, `n`, is an n for style sheets.
fn backslash(rest: &[u8]) -> [Option<Meant>; READINGS] {
    let Some(character) = rest.first() else { return [None; READINGS] };
    let behind = rest.get(1..).unwrap_or_default();
    let of_script = match character {
        b'u' => hex(behind, 4).or_else(|| braced(behind)),
        b'x' => hex(behind, 2),
        _ => None,
    };
    let of_script = of_script.map(|(code, len)| (code, len + 1));
    let control = matches!(character, b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'0').then_some((u32::from(b' '), 1));
    let identity = character.is_ascii_graphic().then_some((u32::from(*character), 1));
    // Three digits up to 377, two of the others (ECMAScript, B.1.2).
    let octal = number(rest, 8, if *character < b'4' { 3 } else { 2 });
    [of_script, of_style_sheet(rest), octal, control, identity]
}

/// `{61}`.
fn braced(rest: &[u8]) -> Option<Meant> {
    let (code, digits) = number(rest.strip_prefix(b"{")?, 16, MAX_LEN)?;
    (rest.get(digits + 1) == Some(&b'}')).then_some((code, digits + 2))
}

/// One to six hexadecimal digits and the white space that ends them (CSS Syntax, 4.3.7).
fn of_style_sheet(rest: &[u8]) -> Option<Meant> {
    let (code, digits) = number(rest, 16, 6)?;
    let space = matches!(rest.get(digits), Some(b' ' | b'\n' | b'\t'));
    Some((code, digits + usize::from(space)))
}

/// The number that the first digits write, at least one and at most `most` of them, and how many there are.
fn number(rest: &[u8], radix: u32, most: usize) -> Option<Meant> {
    let digits = rest.iter().take(most).map_while(|b| char::from(*b).to_digit(radix));
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

    const SPELLINGS: [&str; 32] = [
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
    ];

    #[test]
    fn every_spelling_is_read_from_both_ends() {
        for text in SPELLINGS {
            let bytes = text.as_bytes();
            assert_eq!(first_as(bytes, b'a'), Some(bytes.len()), "{text}");
            assert_eq!(last_as(bytes, 0, bytes.len(), b'a'), Some(bytes.len()), "{text}");
        }
    }

    #[test]
    fn readers_differ() {
        assert_eq!(first_as(b"\\56net", b'.'), Some(3));
        assert_eq!(first_as(b"\\2e net", b'.'), Some(4));
        assert_eq!((first_as(b"\\561", b'.'), first_as(b"\\0561", b'.')), (Some(3), Some(4)));
        assert_eq!((first_as(b"\\n", b'n'), first_as(b"\\n", b' ')), (Some(2), Some(2)));
    }

    #[test]
    fn half_an_escape_is_plain_text() {
        for text in ["%", "%6", "%zz", "&", "&#", "&#;", "&nbsp;", "&#x"] {
            assert!(readings(text.as_bytes()).eq([(text.as_bytes()[0], 1)]), "{text}");
        }
        assert_eq!(readings(b"").next(), None);
        assert_eq!(readings("&#8482;".as_bytes()).next(), Some((255, 7)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_spellings_stay_short(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            for (_, len) in readings(&bytes) {
                prop_assert!((1..=MAX_LEN).contains(&len));
            }
            let _ = last(&bytes, 0, bytes.len());
        }

        #[test]
        fn a_nest_of_escapes_has_few_readings(bytes in prop::collection::vec(prop::sample::select(b"%&\\#x25amp;u{}0".to_vec()), 0..60)) {
            prop_assert!(readings(&bytes).count() <= READINGS + 1);
        }
    }
}
