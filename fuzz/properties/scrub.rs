//! No hidden name survives, however it is spelt and however the body is cut; what holds none stays as it is.
//!
//! The first byte chooses the names, the second how the body is cut. In the rest the bytes 1 to 6 stand for long stretches
//! without a name, so that a short input makes a body longer than all that the scrubber may hold back.

use livery::livery::names::Names;
use livery::livery::scrub::{Scrubber, scrub};
use livery::livery::symbol;
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// Hidden names and what stands in their place: production, development, and a host that begins and ends like parts of a name.
const HIDDEN: [(&[&str], &str, &str); 3] = [
    (&["anexpay.net", "checkout.anexpay.net"], "https", "pay.shop.example"),
    (&["anexpay.net", "127.0.0.1:8701", "127.0.0.1:8702"], "http", "127.0.0.1:8787"),
    (&["anexpay.net"], "https", "tickets.shop.ca"),
];
/// Lengths of chunks.
const CHUNKS: [usize; 8] = [1, 2, 3, 5, 17, 130, 700, 2600];
/// Longest body, in bytes: more than the scrubber may hold back.
const MAX_LEN: usize = 10_000;

static NAMES: LazyLock<Vec<Arc<Names>>> = LazyLock::new(|| {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    HIDDEN.iter().map(|(names, scheme, host)| Arc::new(Names::new(&owned(names), scheme, host))).collect()
});

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    let [choice, cuts, body @ ..] = data else { return };
    let choice = usize::from(*choice) % HIDDEN.len();
    let (names, hidden) = (&NAMES[choice], HIDDEN[choice].0);
    let body = expanded(body);
    let (whole, replaced) = in_chunks(names, &[&body]);
    assert_eq!(whole == body, replaced == 0, "{}", shown(&body));
    assert_eq!(in_chunks(names, &cut(&body, *cuts)), (whole.clone(), replaced), "{}", shown(&body));
    if body.len() < 200 {
        assert_eq!(in_chunks(names, &body.chunks(1).collect::<Vec<_>>()).0, whole, "{}", shown(&body));
    }
    names_nobody(names, hidden, &whole);
    let is_plain = body.iter().all(|byte| byte.is_ascii() && !b"%\\&\t\n\r\0".contains(byte));
    if is_plain && !holds(hidden, &body) {
        assert_eq!(shown(&whole), shown(&body), "there was no name in it");
    }
    if let Ok(text) = str::from_utf8(&body) {
        let short = scrub(names, text);
        assert_eq!(short.as_bytes(), whole);
        assert_eq!(matches!(short, Cow::Borrowed(_)), replaced == 0);
    }
}

fn names_nobody(names: &Names, hidden: &[&str], whole: &[u8]) {
    if names.host() != HIDDEN[0].2 && has_a_line_break(whole) {
        return;
    }
    assert_eq!(names.find(whole, 0, 0, whole.len()), None, "{}", shown(whole));
    assert!(!holds(hidden, whole), "{}", shown(whole));
    for (mark, reader) in READERS {
        assert!(!whole.contains(&mark) || !holds(hidden, &reader(whole)), "{}", shown(whole));
    }
}

/// Whether an escape could be a line break. For a style sheet `\n` is an n; beside a name it is taken for what it is for
/// scripts. A style sheet that is written for it can make a name of a host that begins or ends like a part of one.
fn has_a_line_break(whole: &[u8]) -> bool {
    let escapes = (0..whole.len()).filter(|at| symbol::is_introducer(whole[*at]));
    let mut has = false;
    for at in escapes {
        symbol::readings(&whole[at..], &mut |(letters, len)| has |= letters.is_empty() && len > 1);
    }
    has
}

fn holds(hidden: &[&str], text: &[u8]) -> bool {
    let begins =
        |at: usize, name: &str| text.get(at..at + name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name.as_bytes()));
    // All names begin with one of these.
    let starts = (0..text.len()).filter(|at| matches!(text[*at], b'a' | b'A' | b'c' | b'C' | b'1'));
    starts.into_iter().any(|at| hidden.iter().any(|name| begins(at, name)))
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn expanded(body: &[u8]) -> Vec<u8> {
    let mut long = Vec::new();
    for byte in body {
        match byte {
            1..=3 => long.extend(core::iter::repeat_n(b'o', usize::from(*byte) * 600)),
            4..=6 => long.extend(core::iter::repeat_n(b' ', usize::from(*byte - 3) * 900)),
            _ => long.push(*byte),
        }
    }
    long.truncate(MAX_LEN);
    long
}

/// Cuts whose lengths follow from `seed`.
fn cut(mut body: &[u8], seed: u8) -> Vec<&[u8]> {
    let (mut chunks, mut state) = (Vec::new(), u32::from(seed) + 1);
    while !body.is_empty() && chunks.len() < 60 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (chunk, rest) = body.split_at(CHUNKS[(state >> 29) as usize].min(body.len()));
        chunks.push(chunk);
        body = rest;
    }
    chunks.push(body);
    chunks
}

fn in_chunks(names: &Arc<Names>, chunks: &[&[u8]]) -> (Vec<u8>, usize) {
    let mut scrubber = Scrubber::new(names);
    let mut out: Vec<u8> = chunks.iter().flat_map(|chunk| scrubber.push(chunk)).collect();
    out.extend(scrubber.finish());
    (out, scrubber.replaced())
}

// --- what readers make of a text, each written without a look at the scrubber ---

/// What introduces an escape, and who reads it.
type Reader = (u8, fn(&[u8]) -> Vec<u8>);

const READERS: [Reader; 4] = [(b'%', percent), (b'&', entities), (b'\\', script), (b'\\', style)];

fn percent(text: &[u8]) -> Vec<u8> {
    percent_encoding::percent_decode(text).collect()
}

/// HTML: `&#46;`, `&#x2e;`, with or without the semicolon, and named signs.
fn entities(text: &[u8]) -> Vec<u8> {
    unescaped(text, b'&', |rest| {
        for (name, sign) in
            [("period;", b'.'), ("colon;", b':'), ("sol;", b'/'), ("percnt;", b'%'), ("amp;", b'&'), ("amp", b'&')]
        {
            if rest.starts_with(name.as_bytes()) {
                return Some((sign, name.len()));
            }
        }
        let digits = rest.strip_prefix(b"#")?;
        let is_hex = digits.first().is_some_and(|x| x.eq_ignore_ascii_case(&b'x'));
        let (radix, skip) = if is_hex { (16, 1) } else { (10, 0) };
        let (character, len) = number(&digits[skip..], radix, 1, 40)?;
        let semicolon = usize::from(digits.get(skip + len) == Some(&b';'));
        Some((character, 1 + skip + len + semicolon))
    })
}

/// JSON and scripts: `\u002e`, `\u{2e}`, `\x2e`, `\/`, and the signs that stand for control characters.
fn script(text: &[u8]) -> Vec<u8> {
    unescaped(text, b'\\', |rest| {
        if let Some(digits) = rest.strip_prefix(b"u{") {
            let (character, len) = number(digits, 16, 1, 40)?;
            return (digits.get(len) == Some(&b'}')).then_some((character, len + 3));
        }
        match rest.first()? {
            b'u' => number(&rest[1..], 16, 4, 4).map(|(character, len)| (character, len + 1)),
            b'x' => number(&rest[1..], 16, 2, 2).map(|(character, len)| (character, len + 1)),
            b'n' | b'r' | b't' | b'b' | b'f' | b'v' => Some((b' ', 1)),
            b'0'..=b'3' => number(rest, 8, 1, 3),
            b'4'..=b'7' => number(rest, 8, 1, 2),
            other => Some((*other, 1)),
        }
    })
}

/// Style sheets: `\2e ` with one to six digits and one space behind them, or the character itself.
fn style(text: &[u8]) -> Vec<u8> {
    unescaped(text, b'\\', |rest| match number(rest, 16, 1, 6) {
        Some((character, len)) => Some((character, len + usize::from(matches!(rest.get(len), Some(b' ' | b'\t' | b'\n'))))),
        None => rest.first().filter(|b| **b != b'\n').map(|b| (*b, 1)),
    })
}

/// Replaces what `decode` understands behind each `mark`: a character, and how many bytes stood for it.
fn unescaped(mut text: &[u8], mark: u8, decode: impl Fn(&[u8]) -> Option<(u8, usize)>) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((byte, rest)) = text.split_first() {
        let (character, len) = if *byte == mark { decode(rest).unwrap_or((mark, 0)) } else { (*byte, 0) };
        out.push(character);
        text = &rest[len..];
    }
    out
}

/// The character whose code the first digits write, and how many they are; 255 for all beyond ASCII.
fn number(text: &[u8], radix: u32, least: usize, most: usize) -> Option<(u8, usize)> {
    let digits: Vec<u32> = text.iter().take(most).map_while(|b| char::from(*b).to_digit(radix)).collect();
    let code = digits.iter().try_fold(0_u32, |code, digit| code.checked_mul(radix)?.checked_add(*digit));
    let character = code.and_then(|code| u8::try_from(code).ok()).filter(u8::is_ascii).unwrap_or(255);
    (digits.len() >= least).then_some((character, digits.len()))
}
