//! Reading what stands before a place, from its end on.
//!
//! A spelling tells where it begins and not where it ends: whatever sign stands before a letter may begin what ends with it.
//! Nearly always none is near, or a quotation mark or a slash cuts it off. Where that is so is found out once for each name.

use core::cell::Cell;

use super::bytes::{BLOCK, Bytes};
use super::{MAX_LEN, Symbol, begins, follow, is_inner, is_sign, letters, readings};

/// In how many places reading may begin before a name, beyond which nobody looks on.
const MAX_WORK: usize = 64;

/// How many bytes are looked through at once: as many as the marks have bits.
const NEARBY: usize = 2 * MAX_LEN;

/// What stands before a place.
#[derive(Clone, Copy, Debug)]
pub struct Before<'t> {
    bytes: &'t [u8],
    /// Nothing before it is looked at.
    floor: usize,
    /// From here on only single bytes end, up to the place.
    plain: usize,
    /// How many bytes nearby begin a spelling.
    begun: usize,
}

impl<'t> Before<'t> {
    /// What stands between `floor` and `at`.
    #[must_use]
    pub fn new(bytes: &'t [u8], floor: usize, at: usize) -> Self {
        let nearby = bytes.get(floor.max(at.saturating_sub(NEARBY))..at).unwrap_or_default();
        let marks = marks(nearby);
        // What follows the last byte that begins a spelling, or all that is nearby. It goes on through inner bytes, and one more.
        let behind = marks.leading_zeros() as usize;
        let last = nearby.get(nearby.len().saturating_sub(behind)..).unwrap_or_default();
        let ends = last.iter().take(MAX_LEN).take_while(|byte| is_inner(**byte)).count() + 2;
        let plain = (at + ends.min(MAX_LEN)).saturating_sub(behind).max(at.saturating_sub(MAX_LEN));
        Self { bytes, floor, plain, begun: marks.count_ones() as usize }
    }

    /// Where `text` begins if the bytes before `end` spell it.
    ///
    /// Where reading would have to begin in more than [`MAX_WORK`] places, the answer is `tangled`'s: yes where the rest of a
    /// name stands already. Nobody writes so by accident, and a page made of such places would cost seconds.
    #[must_use]
    pub fn backward(&self, end: usize, text: &[u8], tangled: bool) -> Option<usize> {
        let (mut at, mut left) = (end, text);
        // Letters as they are have one reading. Nobody counts here in how many places reading begins, so these must be few.
        let is_quick = self.begun * text.len() <= MAX_WORK;
        while let [before @ .., letter] = left {
            let single = if is_quick && at >= self.plain { self.single(at)?.0 } else { b"" };
            match single {
                [read] if read == letter => (left, at) = (before, at - 1),
                [] => return self.follow(end, text, tangled),
                _ => return None,
            }
        }
        Some(at)
    }

    fn follow(&self, end: usize, text: &[u8], tangled: bool) -> Option<usize> {
        let work = Cell::new(0);
        follow(end, text.len(), |place, visit| {
            if work.get() > MAX_WORK {
                if tangled {
                    visit(text.len() - place.read, 0, place.at);
                }
                return;
            }
            let expected = text.get(..text.len() - place.read).unwrap_or_default();
            let begun = self.endings(place.at, &mut |(letters, len)| {
                if is_end(expected, letters) {
                    visit(letters.len(), len, place.at - len);
                }
            });
            work.set(work.get() + begun);
        })
    }

    /// The character that ends just before `end`, and its length. The longest spelling counts: in `\\\\u0061` both backslashes
    /// belong to it.
    #[must_use]
    pub fn last(&self, end: usize) -> Option<Symbol> {
        if end >= self.plain {
            return self.single(end);
        }
        let mut last = None;
        self.endings(end, &mut |symbol| last = last.or(Some(symbol)));
        last
    }

    /// Shows `visit` every way to read what ends just before `end`, the longest first: the `a` of `%aanexpay` ends an escape
    /// for one reader and begins a name for another. Gives in how many places reading had to begin.
    pub fn endings(&self, end: usize, visit: &mut dyn FnMut(Symbol)) -> usize {
        let begun = if end < self.plain { spellings(self.window(end), visit) } else { 0 };
        self.single(end).into_iter().for_each(visit);
        begun
    }

    /// What the byte just before `end` is by itself.
    fn single(&self, end: usize) -> Option<Symbol> {
        let byte = self.bytes.get(self.floor..end)?.last()?;
        Some((letters::of_byte(*byte), 1))
    }

    /// As much as a spelling can have before `end`.
    fn window(&self, end: usize) -> &'t [u8] {
        self.bytes.get(self.floor.max(end.saturating_sub(MAX_LEN))..end).unwrap_or_default()
    }
}

/// Shows `visit` every spelling of more than a byte that ends where `window` ends, but for those of a sign that ends with the
/// sign, which says as much by itself. Gives in how many places reading had to begin.
fn spellings(window: &[u8], visit: &mut dyn FnMut(Symbol)) -> usize {
    if window.last().is_none_or(|byte| is_sign(*byte)) {
        return 0;
    }
    // Of a longer spelling these are inner bytes.
    let reach = window.iter().rev().skip(1).take_while(|byte| is_inner(**byte)).count() + 1;
    let mut begun = 0;
    for start in window.len().saturating_sub(reach)..window.len().saturating_sub(1) {
        let spelt = window.get(start..).unwrap_or_default();
        if spelt.first().is_some_and(|byte| begins(*byte)) && !is_over(spelt) {
            begun += 1;
            readings(spelt, &mut |symbol| {
                if symbol.1 == spelt.len() {
                    visit(symbol);
                }
            });
        }
    }
    begun
}

/// Whether these bytes go on behind the most frequent spelling, `%2F` and the like, to which no more can belong.
fn is_over(spelt: &[u8]) -> bool {
    let [b'%', high @ b'2'..=b'7', low, _, ..] = spelt else { return false };
    let Some(low) = char::from(*low).to_digit(16) else { return false };
    u8::try_from(u32::from(high & 0xF) << 4 | low).is_ok_and(|byte| !is_sign(byte))
}

/// Whether a text ends with these letters; nearly always there is one.
fn is_end(text: &[u8], letters: &[u8]) -> bool {
    if let [letter] = letters { text.last() == Some(letter) } else { text.ends_with(letters) }
}

/// Which bytes begin a spelling of more than one: a bit for each, the highest for the last.
fn marks(bytes: &[u8]) -> u128 {
    let (rest, blocks) = bytes.as_rchunks::<BLOCK>();
    let of_rest = rest.iter().fold(0, |marks, byte| marks >> 1 | u32::from(begins(*byte)) << (BLOCK - 1));
    let of_blocks = blocks.iter().map(|block| BEGINNINGS.marks(block));
    core::iter::once(of_rest).chain(of_blocks).fold(0, |all, marks| all >> BLOCK | u128::from(marks) << (NEARBY - BLOCK))
}

/// The bytes that [`begins`] tells.
static BEGINNINGS: Bytes = {
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < u8::MAX {
        table[byte as usize] = begins(byte);
        byte += 1;
    }
    Bytes::new(&table)
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endings(before: &Before, end: usize) -> Vec<Symbol> {
        let mut endings = Vec::new();
        before.endings(end, &mut |symbol| endings.push(symbol));
        endings
    }

    #[test]
    fn a_quotation_mark_and_a_distance_cut_signs_off() {
        let plain = |text: &str| Before::new(text.as_bytes(), 0, text.len()).plain;
        assert_eq!(plain("&amp;\"anexpay"), 7);
        assert_eq!(plain(&format!("{}\"anexpay", "&".repeat(200))), 202);
        assert_eq!(plain(&format!("&{}", "a".repeat(80))), 1 + MAX_LEN);
        assert_eq!(plain(&"a".repeat(200)), 200 - MAX_LEN);
        assert_eq!(plain(&"\"".repeat(200)), 200 - MAX_LEN);
        assert!(plain("%252561") > 7);
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let sample = |texts: &[&'static str]| prop::sample::select(texts.to_vec());
        let piece = prop_oneof![
            4 => sample(&["anex", "a", "e\tx", "\"", "/", ".", "", "0123456789abcdefghijklmnopqrstuvwxyz"]),
            2 => sample(&["%6e", "&#97;", "&#000000000000000000000000000000000000000000000097", "\\u0065", "&shy;", "\u{ad}", "%2561"]),
            1 => sample(&["%", "&", "\\", "%%%%%%%%%%%%%%%%%%%%%%%%"]),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        /// What is known of a place changes no answer.
        #[test]
        fn what_is_plain_reads_as_it_would_without(text in text(), floor in 0..40_usize, at in any::<prop::sample::Index>()) {
            let at = at.index(text.len() + 1).max(floor.min(text.len()));
            let before = Before::new(&text, floor.min(at), at);
            let unknown = Before { plain: usize::MAX, ..before };
            for end in before.floor..=at {
                prop_assert_eq!(endings(&before, end), endings(&unknown, end));
                prop_assert_eq!(before.last(end), unknown.last(end));
                for (name, tangled) in [("ane", true), ("0123456789abcdefghijklmnopqrstuvwxy", true), ("a", false)] {
                    let both = [before, unknown].map(|before| before.backward(end, name.as_bytes(), tangled));
                    prop_assert_eq!(both[0], both[1]);
                }
            }
        }

        #[test]
        fn what_ends_with_a_sign_is_that_sign(mut spelt in "[%&\\\\][%&\\\\#xu{}0-9a-f;\n]{0,9}", sign in prop::sample::select(b"%&\\".to_vec())) {
            spelt.push(char::from(sign));
            let mut others = false;
            readings(spelt.as_bytes(), &mut |(letters, len)| others |= len == spelt.len() && letters != [sign]);
            prop_assert!(!others);
        }

        #[test]
        fn nothing_more_belongs_to_what_is_over(behind in "[2567][0-9A-Fa-fg%][%&\\\\#x0-9a-f;]{1,9}") {
            let spelt = format!("%{behind}").into_bytes();
            let mut ends = false;
            readings(&spelt, &mut |(_, len)| ends |= len == spelt.len());
            prop_assert!(!(ends && is_over(&spelt)));
        }
    }
}
