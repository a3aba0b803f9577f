//! Replaces hidden names in a body as it streams by.
//!
//! A [`Scrubber`] takes chunks of any size and gives the same bytes as if it had seen the whole: it holds back just as
//! much as a name could still need, a few kilobytes, and never more, however large the body is.

use std::borrow::Cow;

use super::names::{Found, Names};

/// A character that is in no host.
const APART: u8 = b'~';

/// Replaces names in a stream of chunks. Call [`Scrubber::push`] for each chunk, then [`Scrubber::finish`].
#[derive(Debug)]
pub struct Scrubber<'n> {
    names: &'n Names,
    /// Bytes whose fate is open, preceded by nothing: what was emitted is gone.
    held: Vec<u8>,
    /// Up to here `held` was searched.
    searched: usize,
    /// How many names were replaced.
    replaced: usize,
}

impl<'n> Scrubber<'n> {
    /// A scrubber at the start of a body.
    #[must_use]
    pub const fn new(names: &'n Names) -> Self {
        Self { names, held: Vec::new(), searched: 0, replaced: 0 }
    }

    /// Takes the next chunk and gives what can be passed on now.
    #[must_use]
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(chunk);
        let to = self.held.len().saturating_sub(self.names.reach_after());
        let mut out = Vec::with_capacity(self.held.len());
        let open = self.replace(to, &mut out);
        // As far as a name reaches back, the name that ends where it begins, and what belongs to that one.
        let safe = self.searched.saturating_sub(3 * self.names.reach_before()).max(open);
        out.extend_from_slice(self.held.get(open..safe).unwrap_or_default());
        self.held.drain(..safe);
        self.searched -= safe;
        out
    }

    /// Ends the body and gives what was held back.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len());
        let open = self.replace(self.held.len(), &mut out);
        out.extend_from_slice(self.held.get(open..).unwrap_or_default());
        self.held.clear();
        self.searched = 0;
        out
    }

    /// How many names were replaced so far.
    #[must_use]
    pub const fn replaced(&self) -> usize {
        self.replaced
    }

    /// Replaces every name whose rarest character stands before `to`; gives where the bytes not yet emitted begin.
    fn replace(&mut self, to: usize, out: &mut Vec<u8>) -> usize {
        let mut open = 0;
        while let Some(found) = self.names.find(&self.held, open, self.searched, to) {
            // An escape that went on into this name says something else once the name is gone.
            let start = found.start();
            let before = self.held.get(..start).unwrap_or_default();
            let nearby = open.max(start.saturating_sub(self.names.reach_before()));
            let found = self.names.find(before, open, nearby, start).unwrap_or(found);
            out.extend_from_slice(self.held.get(open..found.start()).unwrap_or_default());
            self.write_replacement(&found, out);
            self.replaced += 1;
            open = found.host.end;
            self.searched = open;
        }
        self.searched = self.searched.max(to);
        open
    }

    /// Our scheme, what stood between scheme and host as it was spelt, and our host. It is kept apart from what touches it,
    /// with which it could make a name again, or the host of somebody else.
    fn write_replacement(&self, found: &Found, out: &mut Vec<u8>) {
        if let Some((scheme, websocket)) = &found.scheme {
            out.extend_from_slice(self.names.scheme(*websocket).as_bytes());
            out.extend_from_slice(self.held.get(scheme.end..found.host.start).unwrap_or_default());
        }
        out.extend(found.touched.0.then_some(APART));
        out.extend_from_slice(self.names.host().as_bytes());
        out.extend(found.touched.1.then_some(APART));
    }
}

/// A text with its hidden names replaced; borrowed where there is none.
#[must_use]
pub fn scrub<'t>(names: &Names, text: &'t str) -> Cow<'t, str> {
    if names.find(text.as_bytes(), 0, 0, text.len()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut scrubber = Scrubber::new(names);
    let mut bytes = scrubber.push(text.as_bytes());
    bytes.extend(scrubber.finish());
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::livery::symbol;
    use proptest::prelude::*;

    fn names() -> Names {
        Names::new(&["anexpay.net".to_owned(), "127.0.0.1:8702".to_owned()], "http", "127.0.0.1:8787")
    }

    /// The text as any reader might decode it: every symbol as its character.
    fn decoded(text: &[u8]) -> Vec<u8> {
        let mut at = 0;
        let mut out = Vec::new();
        while let Some((character, len)) = symbol::readings(&text[at..]).next() {
            out.push(character);
            at += len;
        }
        out
    }

    fn contains_a_name(text: &[u8]) -> bool {
        let holds = |text: &[u8]| {
            text.windows(11).any(|w| w.eq_ignore_ascii_case(b"anexpay.net")) || text.windows(14).any(|w| w == b"127.0.0.1:8702")
        };
        holds(text) || holds(&decoded(text))
    }

    fn in_chunks(text: &[u8], cuts: &[usize]) -> Vec<u8> {
        let names = names();
        let mut scrubber = Scrubber::new(&names);
        let mut out = Vec::new();
        let mut from = 0;
        for cut in cuts.iter().map(|c| c % (text.len() + 1)).collect::<std::collections::BTreeSet<_>>() {
            out.extend(scrubber.push(&text[from..cut]));
            from = cut;
        }
        out.extend(scrubber.push(&text[from..]));
        out.extend(scrubber.finish());
        out
    }

    #[test]
    fn replacements_keep_the_surrounding_spelling() {
        let cases = [
            ("<a href=\"https://checkout.anexpay.net/pay.php\">", "<a href=\"http://127.0.0.1:8787/pay.php\">"),
            (r#"{"u":"https:\/\/api.anexpay.net\/x"}"#, r#"{"u":"http:\/\/127.0.0.1:8787\/x"}"#),
            ("?u=https%3A%2F%2Fcheckout.anexpay.net%2Fx", "?u=http%3A%2F%2F127.0.0.1:8787%2Fx"),
            ("//cdn.anexpay.net/a.css", "//127.0.0.1:8787/a.css"),
            ("wss://live.anexpay.net", "ws://127.0.0.1:8787"),
            ("help@anexpay.net", "help@127.0.0.1:8787"),
            ("notanexpay.network", "not~127.0.0.1:8787~work"),
            ("<!--anexpay.net-->", "<!--~127.0.0.1:8787~-->"),
        ];
        for (text, expected) in cases {
            assert_eq!(scrub(&names(), text), expected);
        }
    }

    #[test]
    fn what_is_put_in_completes_no_name() {
        let names = Names::new(&["anexpay.net".to_owned()], "https", "tickets.shop.ca");
        let before = ["anexpay.neanexpay.net", "anexpay.n\\eanexpay.net", "anexpay.ne&bsol;\\\\\\\\anexpay.net"];
        let behind = ["anexpay.netnexpay.net", "anexpay.net%6Eexpay.net"];
        for text in before.into_iter().chain(behind) {
            let out = scrub(&names, text);
            assert!(!names.hides(&out), "{out}");
        }
        assert_eq!(scrub(&names, "anexpay.ne\\74anexpay.net"), "tickets.shop.catickets.shop.ca");
        let apart = r#""\nanexpay.net\nx" %2Fanexpay.net\u002Fx &sol;anexpay.net&amp;"#;
        assert!(!scrub(&names, apart).contains('~'));
    }

    #[test]
    fn a_text_without_names_is_borrowed() {
        assert!(matches!(scrub(&names(), "100 % &amp; \\ xx"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_buffer_stays_small() {
        let names = names();
        let mut scrubber = Scrubber::new(&names);
        for _ in 0..1000 {
            let _ = scrubber.push(&[b'x'; 4096]);
            assert!(scrubber.held.len() <= 3 * names.reach_before() + names.reach_after());
        }
    }

    /// A letter of a name in one of its spellings.
    fn spelling(c: char) -> impl Strategy<Value = String> {
        let code = c as u32;
        prop_oneof![
            3 => Just(c.to_string()),
            1 => Just(c.to_ascii_uppercase().to_string()),
            1 => Just(format!("%{code:02x}")),
            1 => Just(format!("%25{code:02X}")),
            1 => Just(format!("\\u{code:04x}")),
            1 => Just(format!("\\x{code:02x}")),
            1 => Just(format!("&#{code};")),
            1 => Just(format!("&#x{code:x};")),
            1 => Just(format!("&amp;#{code:04};")),
            1 => Just(format!("&#37;{code:02x}")),
            1 => Just(format!("\\{code:x} ")),
            1 => Just(format!("\\{code:06x}")),
            1 => Just(format!("\\{code:03o}")),
        ]
    }

    fn spelt(name: &'static str) -> impl Strategy<Value = String> {
        name.chars().map(spelling).collect::<Vec<_>>().prop_map(|parts| parts.concat())
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => spelt("anexpay.net"),
            2 => spelt("https://checkout.anexpay.net"),
            1 => spelt("127.0.0.1:8702"),
            2 => "[a-z.:/%&#;x\\\\0-9]{0,12}".prop_map(String::from),
            1 => "\\PC{0,8}".prop_map(String::from),
            1 => Just("anex".to_owned()),
            1 => "z{0,700}".prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn no_name_survives_any_spelling(text in hostile()) {
            let out = in_chunks(&text, &[]);
            prop_assert!(!contains_a_name(&out), "{}", String::from_utf8_lossy(&out));
        }

        #[test]
        fn chunks_give_what_the_whole_gives(text in hostile(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
            prop_assert_eq!(in_chunks(&text, &cuts), in_chunks(&text, &[]));
        }

        #[test]
        fn one_byte_at_a_time_gives_what_the_whole_gives(text in hostile()) {
            let cuts: Vec<usize> = (0..=text.len()).collect();
            prop_assert_eq!(in_chunks(&text, &cuts), in_chunks(&text, &[]));
        }

        #[test]
        fn what_holds_no_name_is_untouched(text in prop::collection::vec(any::<u8>(), 0..3000)) {
            prop_assume!(!contains_a_name(&text));
            prop_assert_eq!(in_chunks(&text, &[7, 900]), text);
        }
    }
}
