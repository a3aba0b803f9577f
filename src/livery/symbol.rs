//! One character in any of the spellings that a page, a script, a style sheet or a URL may give it.
//!
//! `a` can be written `a`, `%61`, `\u0061`, `\x61`, `\u{61}`, `\141`, `\61 `, `&#97;` and `&#x61;`, and each of these
//! characters can be spelt that way again: `%2561`, `&amp;#97;`, `&#37;61`. Readers differ (`\56` is a full stop in a
//! script and a V in a style sheet), so a spelling has several readings, and the search for hidden names tries them all.
//! Only ASCII matters here: host names have no other characters.

/// Longest spelling understood, in bytes.
pub const MAX_LEN: usize = 48;

/// How many times over a character may be escaped.
const LAYERS: usize = 3;

/// A character in lower case and the number of bytes it was written with. Byte 255 stands for all beyond ASCII.
pub type Symbol = (u8, usize);

/// Whether a byte can begin a spelling of more than one byte.
#[must_use]
pub const fn is_introducer(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Every reading of what `bytes` begin with, the most decoded first; none at the end.
#[must_use]
pub fn readings(bytes: &[u8]) -> Vec<Symbol> {
    let window = bytes.get(..MAX_LEN).unwrap_or(bytes);
    read(window, 0, LAYERS)
}

/// How many bytes spell `expected` at the start, if any reading of them does.
#[must_use]
pub fn first_as(bytes: &[u8], expected: u8) -> Option<usize> {
    let byte = *bytes.first()?;
    if !is_introducer(byte) {
        return (byte.to_ascii_lowercase() == expected).then_some(1);
    }
    readings(bytes).into_iter().find(|(character, _)| *character == expected).map(|(_, len)| len)
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
fn backwards(bytes: &[u8], floor: usize, end: usize) -> impl Iterator<Item = Symbol> {
    let earliest = floor.max(end.saturating_sub(MAX_LEN));
    let escaped = (earliest..end).flat_map(move |start| {
        let candidate = bytes.get(start..end).unwrap_or_default();
        let found = if candidate.first().copied().is_some_and(is_introducer) { readings(candidate) } else { Vec::new() };
        found.into_iter().filter(move |(_, len)| *len == end - start && *len > 1)
    });
    let plain = bytes.get(floor..end).and_then(<[u8]>::last).map(|byte| (byte.to_ascii_lowercase(), 1));
    escaped.chain(plain)
}

/// All readings at `at`, where a character is escaped at most `layers` times.
fn read(bytes: &[u8], at: usize, layers: usize) -> Vec<Symbol> {
    let Some(byte) = bytes.get(at) else { return Vec::new() };
    if layers == 0 || !is_introducer(*byte) {
        return vec![(byte.to_ascii_lowercase(), 1)];
    }
    let below = read(bytes, at, layers - 1);
    let mut all = Vec::new();
    for (character, len) in &below {
        let rest = Characters { bytes, at: at + len, layers: layers - 1 };
        let longer = |(meant, end): (u32, usize)| (ascii(meant), end - at);
        match character {
            b'%' => all.extend(percent(rest).map(longer)),
            b'&' => all.extend(entity(rest).map(longer)),
            b'\\' => all.extend(backslash(rest).into_iter().map(longer)),
            _ => {}
        }
    }
    all.extend(below);
    all
}

/// A character code, and where the escape that means it ends.
type Meant = (u32, usize);

/// The characters behind an escape's first one, themselves read with the layers that are left.
#[derive(Clone, Copy)]
struct Characters<'a> {
    bytes: &'a [u8],
    at: usize,
    layers: usize,
}

impl Characters<'_> {
    /// The next character.
    fn next(&mut self) -> Option<u8> {
        let (character, len) = read(self.bytes, self.at, self.layers).into_iter().next()?;
        self.at += len;
        Some(character)
    }

    /// Goes on if the next character is `expected`.
    fn take(&mut self, expected: u8) -> bool {
        let mut ahead = *self;
        let taken = ahead.next() == Some(expected);
        if taken {
            *self = ahead;
        }
        taken
    }

    /// The number that the next digits write, at least one and at most `most` of them, and how many there are.
    fn number(&mut self, radix: u32, most: usize) -> Option<(u32, usize)> {
        let (mut code, mut digits) = (0_u32, 0);
        while digits < most {
            let mut ahead = *self;
            let Some(digit) = ahead.next().and_then(|c| char::from(c).to_digit(radix)) else { break };
            *self = ahead;
            code = code.saturating_mul(radix).saturating_add(digit);
            digits += 1;
        }
        (digits > 0).then_some((code, digits))
    }

    /// Exactly that many hexadecimal digits.
    fn hex(mut self, digits: usize) -> Option<Meant> {
        let (code, found) = self.number(16, digits)?;
        (found == digits).then_some((code, self.at))
    }
}

/// `%61`.
fn percent(rest: Characters<'_>) -> Option<Meant> {
    rest.hex(2)
}

/// `&#97;`, `&#x61;`, both also without the semicolon, and the names that HTML has for the signs of a URL.
fn entity(mut rest: Characters<'_>) -> Option<Meant> {
    if !rest.take(b'#') {
        return named(rest);
    }
    let radix = if rest.take(b'x') { 16 } else { 10 };
    let (code, _) = rest.number(radix, MAX_LEN)?;
    rest.take(b';');
    Some((code, rest.at))
}

fn named(rest: Characters<'_>) -> Option<Meant> {
    const NAMES: [(&[u8], u8); 8] = [
        (b"amp", b'&'),
        (b"percnt;", b'%'),
        (b"bsol;", b'\\'),
        (b"period;", b'.'),
        (b"colon;", b':'),
        (b"sol;", b'/'),
        (b"dash;", b'-'),
        (b"lowbar;", b'_'),
    ];
    NAMES.iter().find_map(|(name, character)| {
        let mut ahead = rest;
        let whole = name.iter().all(|expected| ahead.take(*expected));
        ahead.take(b';');
        whole.then_some((u32::from(*character), ahead.at))
    })
}

/// Scripts' `\u0061`, `\u{61}`, `\x61` and `\141`; style sheets' `\61 `; and a backslash before a character that it
/// leaves as it is, such as `\/`. A line break for scripts, `\n`, is an n for style sheets.
fn backslash(rest: Characters<'_>) -> Vec<Meant> {
    let mut after = rest;
    let Some(character) = after.next() else { return Vec::new() };
    let unicode = (character == b'u').then(|| braced(after).or_else(|| after.hex(4))).flatten();
    let byte = (character == b'x').then(|| after.hex(2)).flatten();
    let control = matches!(character, b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'0').then_some((u32::from(b' '), after.at));
    let identity = character.is_ascii_graphic().then_some((u32::from(character), after.at));
    [unicode, byte, of_style_sheet(rest), octal(rest), control, identity].into_iter().flatten().collect()
}

/// `{61}`.
fn braced(mut rest: Characters<'_>) -> Option<Meant> {
    let opened = rest.take(b'{');
    let (code, _) = rest.number(16, MAX_LEN).filter(|_| opened)?;
    rest.take(b'}').then_some((code, rest.at))
}

/// One to six hexadecimal digits and the white space that ends them (CSS Syntax, 4.3.7).
fn of_style_sheet(mut rest: Characters<'_>) -> Option<Meant> {
    let (code, _) = rest.number(16, 6)?;
    let _ = [b' ', b'\n', b'\t'].into_iter().any(|space| rest.take(space));
    Some((code, rest.at))
}

/// One to three octal digits.
fn octal(mut rest: Characters<'_>) -> Option<Meant> {
    let (code, _) = rest.number(8, 3)?;
    Some((code, rest.at))
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
        assert_eq!((first_as(b"\\n", b'n'), first_as(b"\\n", b' ')), (Some(2), Some(2)));
    }

    #[test]
    fn half_an_escape_is_plain_text() {
        for text in ["%", "%6", "%zz", "&", "&#", "&#;", "&nbsp;", "&#x"] {
            assert_eq!(readings(text.as_bytes()), [(text.as_bytes()[0], 1)], "{text}");
        }
        assert!(readings(b"").is_empty());
        assert_eq!(readings("&#8482;".as_bytes())[0], (255, 7));
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
        fn no_nest_of_escapes_is_slow(bytes in prop::collection::vec(prop::sample::select(b"%&\\#x25amp;u{}0".to_vec()), 0..60)) {
            prop_assert!(readings(&bytes).len() < 400);
        }
    }
}
