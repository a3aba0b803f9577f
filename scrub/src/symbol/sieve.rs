//! Tells at a glance what cannot stand for any of a few letters: nearly all of an ordinary page.
//!
//! Every answer "no" is exact. "Yes" means that [`super::readings`] has to look.

pub use super::bytes::BLOCK;

use super::bytes::Bytes;
use super::{MAX_LEN, entity, is_introducer, is_lead, is_sign, letters, may_begin};

/// What two bytes must have in common for the first to be worth a closer look: the kind of the first, and the kinds that go
/// with the second. The leads of characters share the other bits.
const PLAIN: u8 = 1;
const PERCENT: u8 = 2;
const REFERENCE: u8 = 4;
const BACKSLASH: u8 = 8;

/// The letters looked for, and all that may carry them.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// The letters, each with the one behind it.
    wanted: Vec<(u8, Option<u8>)>,
    /// Bytes that are one of the letters.
    plain: [bool; 256],
    /// The kinds of bytes.
    kinds: [u8; 256],
    /// The kinds that each byte may stand behind.
    behind: [u8; 256],
    /// Names of references that mean one of the letters, or a sign.
    references: Vec<&'static [u8]>,
    /// Characters that mean one of the letters, or a sign.
    codes: Vec<u32>,
    /// A bit for each 64 characters, below 0x20000, that have one of those among them.
    blocks: [u64; 32],
    /// Bytes of any kind.
    candidates: Bytes,
}

impl Sieve {
    /// A sieve for these letters, in lower case, each where it stands before another one, if it is not the last.
    #[must_use]
    pub fn new(wanted: Vec<(u8, Option<u8>)>) -> Self {
        let plain = table(|byte| wanted.iter().any(|(letter, _)| letters::of_byte(byte) == [*letter]));
        let none = [0; 256];
        let mut sieve = Self {
            wanted,
            plain,
            kinds: none,
            behind: none,
            references: Vec::new(),
            codes: Vec::new(),
            blocks: [0; 32],
            candidates: Bytes::default(),
        };
        letters::each(&mut |code, letters| {
            if sieve.is_meant(letters) {
                sieve.codes.push(code);
                if let Some(blocks) = sieve.blocks.get_mut((code >> 12) as usize) {
                    *blocks |= 1 << (code >> 6 & 63);
                }
            }
        });
        sieve.references = entity::all().filter(|(_, letters)| sieve.is_meant(letters)).map(|(name, _)| name).collect();
        sieve.kinds = table(|byte| sieve.kind(byte));
        sieve.candidates = Bytes::new(&table(|byte| of(&sieve.kinds, byte) != 0));
        sieve.behind = table(|byte| sieve.kinds_before(byte));
        sieve
    }

    fn kind(&self, byte: u8) -> u8 {
        match byte {
            _ if of(&self.plain, byte) => PLAIN,
            b'%' => PERCENT,
            b'&' => REFERENCE,
            b'\\' => BACKSLASH,
            _ if is_introducer(byte) && self.lead(byte) => 0x10 << (byte & 3),
            _ => 0,
        }
    }

    fn kinds_before(&self, byte: u8) -> u8 {
        if is_sign(byte) {
            return u8::MAX;
        }
        let is_plain = of(&self.plain, byte);
        let goes_on = self.wanted.iter().any(|(letter, next)| is_sign(*letter) || next.is_none_or(|next| may_begin(byte, next)));
        let is_digit = hex(byte).is_some_and(|high| (0..16).any(|low| self.byte(high << 4 | low)));
        let is_reference = byte == b'#' || is_plain || self.references.iter().any(|name| name.first() == Some(&byte));
        let is_escape = is_lead(byte) || byte.is_ascii_hexdigit() || matches!(byte, b'u' | b'x') || is_plain;
        let kinds = [(goes_on, PLAIN), (is_digit, PERCENT), (is_reference, REFERENCE), (is_escape, BACKSLASH)];
        kinds.into_iter().filter(|(may, _)| *may).fold(self.leads_before(byte), |all, (_, kind)| all | kind)
    }

    /// The kinds of those first bytes of characters that this one may stand behind.
    fn leads_before(&self, byte: u8) -> u8 {
        match byte {
            0x80..0xC0 => (0xC2..=0xF4).filter(|lead| self.goes_on(*lead, byte)).fold(0, |all, lead| all | self.kind(lead)),
            _ => 0,
        }
    }

    /// Whether a character that begins with these two bytes may be one of the letters.
    fn goes_on(&self, lead: u8, byte: u8) -> bool {
        let (count, bits) = super::of_lead(lead);
        let code = u32::from(bits) << 6 | u32::from(byte & 0x3F);
        match count {
            1 => self.is_in_block(code >> 6),
            2 => self.is_in_block(code),
            _ => self.blocks.get(code as usize).is_some_and(|blocks| *blocks != 0),
        }
    }

    /// Which of these bytes may begin a spelling of one of the letters: a bit for each, the lowest for the first.
    #[must_use]
    pub fn marks(&self, block: &[u8; BLOCK]) -> u32 {
        self.candidates.marks(block)
    }

    /// Whether what `bytes` begin with may be a spelling of one of the letters, with what goes on behind it.
    #[must_use]
    pub fn admits(&self, bytes: &[u8]) -> bool {
        match bytes {
            [first, second, ..] => {
                let kind = of(&self.kinds, *first);
                kind & of(&self.behind, *second) != 0 && (kind == PLAIN || self.is_carried(bytes))
            }
            _ => true,
        }
    }

    /// Whether a spelling of more than one byte may be one of the letters.
    fn is_carried(&self, bytes: &[u8]) -> bool {
        let [first, rest @ ..] = bytes.get(..MAX_LEN).unwrap_or(bytes) else { return true };
        if is_sign(*first) { self.escape(*first, rest) } else { self.character(*first, rest) }
    }

    /// Whether a sign and what stands behind it may be one of the letters.
    fn escape(&self, sign: u8, rest: &[u8]) -> bool {
        match sign {
            b'%' => self.percent(rest),
            b'&' => self.reference(rest),
            _ => self.backslash(rest),
        }
    }

    /// Whether an ASCII character may be one of the letters, or with what stands behind it.
    fn ascii(&self, character: u8, behind: &[u8]) -> bool {
        of(&self.plain, character) || (is_sign(character) && self.escape(character, behind))
    }

    fn percent(&self, rest: &[u8]) -> bool {
        let [high, rest @ ..] = rest else { return false };
        let Some(high) = hex(*high) else { return is_sign(*high) };
        let [low, rest @ ..] = rest else { return false };
        let Some(low) = hex(*low) else { return is_sign(*low) };
        match u8::try_from(high << 4 | low) {
            Ok(byte) if is_sign(byte) => of(&self.plain, byte) || self.escape(byte, rest),
            _ => self.byte(high << 4 | low),
        }
    }

    /// Whether a byte of UTF-8 may be one of the letters, or a sign, or begin one.
    fn byte(&self, code: u32) -> bool {
        code < 0x80 && self.code(code) || u8::try_from(code).is_ok_and(|byte| is_lead(byte) && self.lead(byte))
    }

    fn reference(&self, mut rest: &[u8]) -> bool {
        loop {
            rest = match rest {
                [b'a', b'm', b'p', b';', behind @ ..] | [b'a', b'm', b'p', behind @ ..] => behind,
                [b'#', behind @ ..] => return self.number(behind),
                // Only what spells a `#` goes on from here.
                [b'&', next, ..] => return matches!(next, b'n' | b'#'),
                [first, ..] if is_sign(*first) => return true,
                [first, ..] if of(&self.behind, *first) & REFERENCE == 0 => return false,
                // Any letter can be in another typeface.
                [first, ..] => return of(&self.plain, *first) || self.references.iter().any(|name| rest.starts_with(name)),
                [] => return false,
            }
        }
    }

    fn number(&self, rest: &[u8]) -> bool {
        let (radix, digits) = if let [b'x' | b'X', digits @ ..] = rest { (16, digits) } else { (10, rest) };
        let mut code = 0_u32;
        for (at, byte) in digits.iter().enumerate() {
            let Some(digit) = char::from(*byte).to_digit(radix) else {
                return is_sign(*byte) || (at > 0 && self.code(code));
            };
            code = code.saturating_mul(radix).saturating_add(digit);
        }
        true
    }

    fn backslash(&self, rest: &[u8]) -> bool {
        let Some(depth) = rest.iter().position(|byte| *byte != b'\\') else { return false };
        match rest.get(depth..) {
            Some([b'u', behind @ ..]) => depth > 0 || of(&self.plain, b'u') || self.unicode(behind),
            Some([b'x', ..]) => true,
            Some([byte, ..]) => is_sign(*byte) || is_lead(*byte) || byte.is_ascii_hexdigit() || of(&self.plain, *byte),
            _ => false,
        }
    }

    /// The rest of a script's `\u0061` or `\ud835\udc65`.
    fn unicode(&self, rest: &[u8]) -> bool {
        let Some((code, behind)) = four_digits(rest) else { return true };
        match (u8::try_from(code), code) {
            (Ok(character), _) if character.is_ascii() => self.ascii(character, behind),
            (_, 0xD800..0xDC00) => match behind.strip_prefix(b"\\u").and_then(four_digits) {
                Some((low @ 0xDC00..0xE000, _)) => self.code(0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00)),
                _ => true,
            },
            _ => self.code(code),
        }
    }

    /// A character of more than one byte in UTF-8.
    fn character(&self, lead: u8, rest: &[u8]) -> bool {
        let (count, bits) = super::of_lead(lead);
        let mut code = u32::from(bits);
        for at in 0..count {
            match rest.get(at) {
                Some(byte @ 0x80..0xC0) => code = code << 6 | u32::from(byte & 0x3F),
                Some(byte) if is_sign(*byte) => return true,
                _ => return false,
            }
        }
        self.code(code)
    }

    /// Whether a character that begins with this byte may be one of the letters, or a sign.
    fn lead(&self, byte: u8) -> bool {
        match byte {
            0..0xE0 => self.is_in_block(u32::from(byte & 0x1F)),
            0xE0..0xF0 => self.blocks.get(usize::from(byte & 0xF)).is_some_and(|blocks| *blocks != 0),
            _ => byte == 0xF0,
        }
    }

    /// Whether a character is one of the letters, a sign, or half of one.
    fn code(&self, code: u32) -> bool {
        matches!(code, 0xD800..0xDC00) || (self.is_in_block(code >> 6) && self.codes.contains(&code))
    }

    fn is_in_block(&self, block: u32) -> bool {
        self.blocks.get((block >> 6) as usize).is_some_and(|blocks| blocks >> (block & 63) & 1 == 1)
    }

    fn is_meant(&self, letters: &[u8]) -> bool {
        letters.iter().any(|letter| of(&self.plain, *letter) || is_sign(*letter))
    }
}

/// A table of what is so for each byte.
fn table<T: Copy + Default>(of: impl Fn(u8) -> T) -> [T; 256] {
    let mut table = [T::default(); 256];
    for (byte, slot) in (0..=u8::MAX).zip(&mut table) {
        *slot = of(byte);
    }
    table
}

fn of<T: Copy + Default>(table: &[T; 256], byte: u8) -> T {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

fn four_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, behind) = text.split_first_chunk::<4>()?;
    let code = digits.iter().try_fold(0, |code, digit| Some(code << 4 | hex(*digit)?))?;
    Some((code, behind))
}

fn hex(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbol::{forward, readings};
    use proptest::prelude::*;

    fn sieve() -> Sieve {
        Sieve::new(vec![(b'x', Some(b'p')), (b':', Some(b'8'))])
    }

    /// What an ordinary page is full of must cost next to nothing.
    #[test]
    fn an_ordinary_page_falls_through() {
        let html = "<td class=\"box text\">&nbsp;12,50&nbsp;&euro; &lt;a&gt; &amp; b &quot;&eacute;l&egrave;ve&#39;s&#160;&#x27;&#8217;</td> ";
        let url = "next?q=a%20b%2Fc%C3%A9&amp;provider=moonpay&page=2&lang=en%252F http://shop.example:443/";
        let json = r#"{"url":"https:\/\/shop.example\/","text":"caf\u00e9 \u003cb\u003e \ud83d\ude00\n\t\"\\\"","max":1}"#;
        let others = "«Съешь же ещё» — №5… ‘déjà’ “vu” 25 € Zażółć kiểm 条款，请：１。（す）ます！결제 😀 if(a&&b){x=2}";
        let sieve = Sieve::new(vec![(b'x', Some(b'p'))]);
        for text in [html, url, json, others] {
            let left: Vec<_> =
                (0..text.len() - 1).filter(|at| sieve.admits(&text.as_bytes()[*at..])).map(|at| &text[at..]).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }

    #[test]
    fn whatever_may_be_a_letter_is_admitted() {
        for text in [
            "xp",
            "X%",
            "x\u{ad}",
            "%78",
            "%58",
            "&#120;",
            "&amp;#x78;",
            "&xopf;",
            "\\x78",
            "\\u0078",
            "ｘ",
            "ⅸ",
            "\\ud835\\udd69",
            "%EF%BD%98",
        ] {
            assert!(sieve().admits(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_letter_falls_through(bytes in prop::collection::vec(prop::sample::select(b"%&\\#;x25amp;u{}078dX:p\xC2\xAD\xE2\x82\x93\xEF\xBD\x98\n".to_vec()), 1..40)) {
            let mut is_letter = false;
            readings(&bytes, &mut |(letters, len)| {
                is_letter |= letters.ends_with(b"x") && forward(&bytes, len, b"p").is_some();
                is_letter |= letters.ends_with(b":") && forward(&bytes, len, b"8").is_some();
            });
            prop_assert!(!is_letter || sieve().admits(&bytes), "{}", bytes.escape_ascii());
        }

        #[test]
        fn marks_are_the_bytes_that_may_begin_a_letter(block in any::<[u8; BLOCK]>()) {
            let sieve = sieve();
            for (at, byte) in block.iter().enumerate() {
                prop_assert_eq!(sieve.marks(&block) >> at & 1 == 1, of(&sieve.kinds, *byte) != 0);
            }
        }
    }
}
