//! What stands behind the sign that introduces an escape, in URLs, pages, scripts and style sheets.

use super::{MAX_LEN, entity, is_lead, is_sign, letters};

/// Reads one byte of an escape's own digits and signs, and how many bytes that took.
pub type Read = fn(&[u8]) -> Option<(u8, usize)>;

/// What an escape means, before it is known whether more belongs to it.
#[derive(Clone, Copy)]
pub enum Unit {
    /// A byte of UTF-8.
    Byte(u8),
    /// A character's code, or half of a surrogate pair.
    Code(u32),
    /// These letters.
    Letters(&'static [u8]),
}

/// A unit, and how many bytes mean it.
type Meant = (Unit, usize);

/// Shows `visit` what the escape behind an introducer can mean; its digits and signs are read by `read`.
pub fn meanings(introducer: u8, rest: &[u8], read: Read, visit: &mut dyn FnMut(Unit, usize)) {
    match introducer {
        b'%' => {
            if let Some((code, len)) = hex(rest, 2, read) {
                // Two digits are a byte.
                visit(Unit::Byte(u8::try_from(code).unwrap_or_default()), len);
            }
        }
        b'&' => {
            if let Some((unit, len)) = reference(rest, read) {
                visit(unit, len);
            }
        }
        _ => backslash(rest, read, visit),
    }
}

/// A byte of an escape as it stands.
pub fn bare(bytes: &[u8]) -> Option<(u8, usize)> {
    bytes.first().map(|byte| (*byte, 1))
}

/// A byte of an escape that may be escaped itself, once.
pub fn spelt_once(bytes: &[u8]) -> Option<(u8, usize)> {
    let first = *bytes.first()?;
    let mut escaped = None;
    if is_sign(first) {
        meanings(first, bytes.get(1..).unwrap_or_default(), bare, &mut |unit, len| {
            escaped = escaped.or_else(|| Some((ascii(unit)?, len + 1)));
        });
    }
    escaped.or(Some((first, 1)))
}

/// The ASCII character that a unit is.
pub fn ascii(unit: Unit) -> Option<u8> {
    match unit {
        Unit::Byte(byte) => byte.is_ascii().then_some(byte),
        Unit::Code(code) => u8::try_from(code).ok().filter(u8::is_ascii),
        Unit::Letters([letter]) => letter.is_ascii().then_some(*letter),
        Unit::Letters(_) => None,
    }
}

/// Exactly that many hexadecimal digits.
fn hex(rest: &[u8], digits: usize, read: Read) -> Option<(u32, usize)> {
    number(rest, 16, digits, read).filter(|(_, found, _)| *found == digits).map(|(code, _, len)| (code, len))
}

/// `#97;`, `#x61;`, both also without the semicolon, and names.
fn reference(rest: &[u8], read: Read) -> Option<Meant> {
    let Some(mut len) = sign(rest, b'#', read) else {
        return entity::named(rest).map(|(letters, len)| (Unit::Letters(letters), len));
    };
    let mark = rest.get(len..).and_then(read).filter(|(mark, _)| matches!(mark, b'x' | b'X'));
    len += mark.map_or(0, |(_, len)| len);
    let (code, _, digits) = number(rest.get(len..)?, if mark.is_some() { 16 } else { 10 }, MAX_LEN, read)?;
    len += digits;
    Some((Unit::Code(code), len + rest.get(len..).and_then(|rest| sign(rest, b';', read)).unwrap_or(0)))
}

/// The length of this sign, if it comes next.
fn sign(rest: &[u8], expected: u8, read: Read) -> Option<usize> {
    read(rest).filter(|(byte, _)| *byte == expected).map(|(_, len)| len)
}

/// Scripts' `u0061`, `u{61}`, `x61` and `141`; style sheets' `61 `; and a character that the backslash leaves as it is,
/// such as `/`. A line break for scripts, `n`, is an n for style sheets; a real one ends no string in either.
fn backslash(rest: &[u8], read: Read, visit: &mut dyn FnMut(Unit, usize)) {
    let Some((character, first)) = read(rest) else { return };
    let behind = rest.get(first..).unwrap_or_default();
    let of_script = match character {
        b'u' => hex(behind, 4, read).or_else(|| braced(behind, read)),
        b'x' => hex(behind, 2, read),
        _ => None,
    };
    if let Some((code, len)) = of_script {
        visit(Unit::Code(code), first + len);
    }
    if character.is_ascii_hexdigit() {
        of_style_sheet(rest, read, visit);
    }
    // Three digits up to 377, two of the others (ECMAScript, B.1.2).
    if let Some((code, _, len)) = number(rest, 8, if character < b'4' { 3 } else { 2 }, read) {
        visit(Unit::Code(code), len);
    }
    match character {
        b'n' | b'r' | b't' => visit(Unit::Letters(b""), first),
        b'b' | b'f' | b'v' | b'0' => visit(Unit::Letters(letters::OTHER), first),
        _ if line_break(rest) > 0 => visit(Unit::Letters(b""), line_break(rest)),
        _ => {}
    }
    if character.is_ascii_graphic() || is_lead(character) {
        visit(Unit::Byte(character), first);
    }
}

/// The length of a line break, for a script or a style sheet, that a backslash takes out of a string, or of a tab, which a URL
/// loses; 0 for anything else.
const fn line_break(rest: &[u8]) -> usize {
    match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\n' | b'\r' | b'\t' | 0xC, ..] => 1,
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
        _ => 0,
    }
}

/// `{61}`.
fn braced(rest: &[u8], read: Read) -> Option<(u32, usize)> {
    let open = sign(rest, b'{', read)?;
    let (code, _, digits) = number(rest.get(open..)?, 16, MAX_LEN, read)?;
    let close = sign(rest.get(open + digits..)?, b'}', read)?;
    Some((code, open + digits + close))
}

/// One to six hexadecimal digits and the white space that ends them (CSS Syntax, 4.3.7).
fn of_style_sheet(rest: &[u8], read: Read, visit: &mut dyn FnMut(Unit, usize)) {
    let Some((code, _, digits)) = number(rest, 16, 6, read) else { return };
    let behind = rest.get(digits..).unwrap_or_default();
    let space = match read(behind) {
        Some((b'\r', _)) if behind.starts_with(b"\r\n") => 2,
        Some((b' ' | b'\n' | b'\t' | b'\r' | 0xC, len)) => len,
        _ => 0,
    };
    visit(Unit::Code(code), digits + space);
}

/// The number that the first digits write, at least one and at most `most` of them, how many there are, and in how many bytes.
fn number(rest: &[u8], radix: u32, most: usize, read: Read) -> Option<(u32, usize, usize)> {
    let (mut code, mut count, mut len) = (0_u32, 0, 0);
    while count < most {
        let next = rest.get(len..).and_then(read).and_then(|(byte, more)| Some((char::from(byte).to_digit(radix)?, more)));
        let Some((digit, more)) = next else { break };
        code = code.saturating_mul(radix).saturating_add(digit);
        count += 1;
        len += more;
    }
    (count > 0).then_some((code, count, len))
}
