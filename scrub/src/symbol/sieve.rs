//! Tells at a glance what cannot stand for any of a few letters: nearly all of an ordinary page.
//!
//! Every answer "no" is exact. "Yes" means that [`super::readings`] has to look.

use super::{MAX_LEN, entity, is_introducer, is_lead, is_sign, letters};

/// How many bytes are looked at together: as many as a mark has bits.
pub const BLOCK: usize = 32;

/// The letters looked for, and all that may carry them.
#[derive(Clone, Debug)]
pub struct Sieve {
    /// The letters as bytes that differ from others in bit 5 at most.
    folded: Vec<u8>,
    /// Bytes that are one of the letters.
    plain: [bool; 256],
    /// Bytes that begin a spelling which may be one of the letters.
    first: [bool; 256],
    /// Names of references that mean one of the letters, or a sign.
    references: Vec<&'static [u8]>,
    /// A bit for each 64 characters, below [`letters::END`], that have one of the letters, or a sign, among them.
    blocks: [u64; 32],
}

impl Sieve {
    /// A sieve for these letters, in lower case.
    #[must_use]
    pub fn new(wanted: &[u8]) -> Self {
        let is_plain = |byte: u8| letters::of_byte(byte).iter().any(|letter| wanted.contains(letter));
        let mut folded: Vec<u8> = wanted.iter().map(|letter| letter | 0x20).collect();
        folded.sort_unstable();
        folded.dedup();
        let plain = table(is_plain);
        let mut sieve = Self { folded, plain, first: [false; 256], references: Vec::new(), blocks: [0; 32] };
        letters::each(&mut |code| {
            let bit = u64::from(sieve.is_meant(letters::of(code))) << (code >> 6 & 63);
            sieve.blocks.iter_mut().skip((code >> 12) as usize).take(1).for_each(|blocks| *blocks |= bit);
        });
        sieve.references = entity::all().filter(|(_, letters)| sieve.is_meant(letters)).map(|(name, _)| name).collect();
        sieve.first = table(|byte| is_plain(byte) || is_sign(byte) || (is_introducer(byte) && sieve.lead(byte)));
        sieve
    }

    /// Which of these bytes may begin a spelling of one of the letters: a bit for each, the lowest for the first.
    #[must_use]
    pub fn marks(&self, block: &[u8; BLOCK]) -> u32 {
        // Without a branch, so that the compiler can make vector instructions of it.
        let mut marks = [0_u8; BLOCK];
        for (mark, byte) in marks.iter_mut().zip(block) {
            let is_sign = u8::from(byte.wrapping_sub(b'%') <= 1) | u8::from(*byte == b'\\');
            let is_lead = u8::from(byte.wrapping_sub(0xC2) <= 9) | u8::from(byte.wrapping_sub(0xE1) <= 2);
            *mark = is_sign | is_lead | u8::from(*byte == 0xEA) | u8::from(*byte >= 0xEF);
        }
        for letter in &self.folded {
            for (mark, byte) in marks.iter_mut().zip(block) {
                *mark |= u8::from(byte | 0x20 == *letter);
            }
        }
        let (eights, _) = marks.as_chunks();
        eights.iter().rev().fold(0, |all, eight| all << 8 | gathered(u64::from_le_bytes(*eight)))
    }

    /// Whether what `bytes` begin with may be a spelling of one of the letters.
    #[must_use]
    pub fn admits(&self, bytes: &[u8]) -> bool {
        let [first, rest @ ..] = bytes.get(..MAX_LEN).unwrap_or(bytes) else { return false };
        if !is(&self.first, *first) || is(&self.plain, *first) {
            return is(&self.plain, *first);
        }
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
        is(&self.plain, character) || (is_sign(character) && self.escape(character, behind))
    }

    /// Whether a byte may begin a spelling of one of the letters.
    #[must_use]
    pub fn may_begin(&self, byte: u8) -> bool {
        is(&self.first, byte)
    }

    fn percent(&self, rest: &[u8]) -> bool {
        let [high, rest @ ..] = rest else { return false };
        let Some(high) = hex(*high) else { return is_sign(*high) };
        let [low, rest @ ..] = rest else { return false };
        let Some(low) = hex(*low) else { return is_sign(*low) };
        match u8::try_from(high << 4 | low) {
            Ok(byte) if byte.is_ascii() => self.ascii(byte, rest),
            Ok(byte) => is_lead(byte) && self.lead(byte),
            Err(_) => true,
        }
    }

    fn reference(&self, mut rest: &[u8]) -> bool {
        loop {
            rest = match rest {
                [b'a', b'm', b'p', b';', behind @ ..] | [b'a', b'm', b'p', behind @ ..] => behind,
                [b'#', behind @ ..] => return self.number(behind),
                // Only what spells a `#` goes on from here.
                [b'&', next, ..] => return matches!(next, b'n' | b'#'),
                [first, ..] if is_sign(*first) => return true,
                // Any letter can be in another typeface.
                [first, ..] if !first.is_ascii_alphanumeric() => return false,
                [first, ..] => return is(&self.plain, *first) || self.references.iter().any(|name| rest.starts_with(name)),
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
            Some([b'u', behind @ ..]) => depth > 0 || is(&self.plain, b'u') || self.unicode(behind),
            Some([b'x', ..]) => true,
            Some([byte, ..]) => is_sign(*byte) || is_lead(*byte) || byte.is_ascii_hexdigit() || is(&self.plain, *byte),
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
        matches!(code, 0xD800..0xDC00) || (self.is_in_block(code >> 6) && self.is_meant(letters::of(code)))
    }

    fn is_in_block(&self, block: u32) -> bool {
        self.blocks.get((block >> 6) as usize).is_some_and(|blocks| blocks >> (block & 63) & 1 == 1)
    }

    fn is_meant(&self, letters: &[u8]) -> bool {
        letters.iter().any(|letter| is(&self.plain, *letter) || is_sign(*letter))
    }
}

/// The lowest bits of eight bytes as the bits of one.
const fn gathered(eight: u64) -> u32 {
    // Each bit is moved by seven less than the one before, so that they meet in the highest byte.
    (eight.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// A table of what is so for each byte.
fn table(is_so: impl Fn(u8) -> bool) -> [bool; 256] {
    core::array::from_fn(|at| u8::try_from(at).is_ok_and(&is_so))
}

fn is(table: &[bool; 256], byte: u8) -> bool {
    table.get(usize::from(byte)).copied().unwrap_or(true)
}

fn four_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, behind) = text.split_first_chunk::<4>()?;
    let code = digits.iter().try_fold(0, |code, digit| Some(code << 4 | hex(*digit)?))?;
    Some((code, behind))
}

fn hex(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}
