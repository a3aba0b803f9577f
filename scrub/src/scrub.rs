//! Replaces hidden names in a body as it streams by.
//!
//! In a text our own host stands in their place. In an image, a font or an archive it would shift all that follows, so
//! there every byte of a name becomes an `x`; zeros stay, for names in wide characters.
//!
//! A [`Scrubber`] takes chunks of any size and gives the same bytes as if it had seen the whole: it holds back just as
//! much as a name could still need, a few kilobytes, and never more, however large the body is.

use std::borrow::Cow;
use std::sync::Arc;

use super::names::{Found, Names};
use super::symbol;

/// A character that is in no host name that can be registered, though browsers keep it in the host of a URL.
const APART: u8 = b'~';
/// So many backslashes are looked at before a name.
const MANY: usize = 128;

/// Replaces names in a stream of chunks. Call [`Scrubber::push`] for each chunk, then [`Scrubber::finish`].
#[derive(Debug)]
pub struct Scrubber {
    names: Arc<Names>,
    text: Text,
}

/// What is known of a text.
#[derive(Debug, Default)]
struct Text {
    /// Whether names are blanked and not replaced.
    blanks: bool,
    /// Bytes whose fate is open, preceded by nothing: what was emitted is gone.
    held: Vec<u8>,
    /// Up to here `held` was searched.
    searched: usize,
    /// Up to here there may be letters of a name that are none.
    doubted: usize,
    /// How many names were replaced.
    replaced: usize,
}

impl Scrubber {
    /// A scrubber at the start of a text.
    #[must_use]
    pub fn new(names: &Arc<Names>) -> Self {
        Self { names: Arc::clone(names), text: Text::default() }
    }

    /// A scrubber at the start of a body that must keep its length.
    #[must_use]
    pub fn blanking(names: &Arc<Names>) -> Self {
        Self { names: Arc::clone(names), text: Text { blanks: true, ..Text::default() } }
    }

    /// Takes the next chunk and gives what can be passed on now.
    #[must_use]
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let (names, text) = (&*self.names, &mut self.text);
        text.held.extend_from_slice(chunk);
        let to = text.held.len().saturating_sub(names.reach_after());
        let mut out = Vec::with_capacity(text.held.len());
        let open = text.replace(names, to, &mut out);
        // As far as a name reaches back, the name that ends where it begins, and what belongs to that one.
        let safe = text.searched.saturating_sub(3 * names.reach_before()).max(open);
        out.extend_from_slice(text.held.get(open..safe).unwrap_or_default());
        text.held.drain(..safe);
        text.searched -= safe;
        text.doubted = text.doubted.saturating_sub(safe);
        out
    }

    /// Ends the body and gives what was held back.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        self.text.end(&self.names)
    }

    /// How many names were replaced so far.
    #[must_use]
    pub const fn replaced(&self) -> usize {
        self.text.replaced
    }
}

impl Text {
    fn end(&mut self, names: &Names) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len());
        let open = self.replace(names, self.held.len(), &mut out);
        out.extend_from_slice(self.held.get(open..).unwrap_or_default());
        self.held.clear();
        (self.searched, self.doubted) = (0, 0);
        out
    }

    /// Replaces every name whose rarest character stands before `to`; gives where the bytes not yet emitted begin.
    fn replace(&mut self, names: &Names, to: usize, out: &mut Vec<u8>) -> usize {
        let mut open = 0;
        while let Some(found) = names.search(&self.held, open, self.searched..to, &mut self.doubted) {
            let found = self.uncovered(names, open, found.start()).unwrap_or(found);
            out.extend_from_slice(self.held.get(open..found.start()).unwrap_or_default());
            let is_halved = self.halves_an_escape(open, found.start());
            out.extend(is_halved.then_some(b'\\'));
            self.write_replacement(names, &found, is_halved, out);
            self.replaced += 1;
            open = found.host.end;
            (self.searched, self.doubted) = (open, open);
        }
        self.searched = self.searched.max(to);
        open
    }

    /// The name that comes to light before `start` when what stands there is gone: an escape that went on into it then says
    /// something else.
    fn uncovered(&self, names: &Names, open: usize, start: usize) -> Option<Found> {
        let mut nearby = open.max(start.saturating_sub(names.reach_before()));
        if self.doubted <= nearby {
            // What was passed over at a glance is the same without what follows, unless that is very near.
            nearby = nearby.max(start.saturating_sub(symbol::MAX_LEN));
        }
        names.find(self.held.get(..start)?, open, nearby, start)
    }

    /// Whether a backslash stands before `start` whose other half would go: a second one in its place keeps JSON what it is. Where
    /// there are too many to count, it is left as it is.
    fn halves_an_escape(&self, open: usize, start: usize) -> bool {
        let nearby = self.held.get(open.max(start.saturating_sub(MANY))..start).unwrap_or_default();
        let count = nearby.iter().rev().take_while(|byte| **byte == b'\\').count();
        !self.blanks && count % 2 == 1 && count < MANY
    }

    /// Our scheme, what stood between scheme and host as it was spelt, and our host. It is kept apart from what touches it,
    /// with which it could make a name again, or the host of somebody else.
    fn write_replacement(&self, names: &Names, found: &Found, is_halved: bool, out: &mut Vec<u8>) {
        if self.blanks {
            let spelt = self.held.get(found.start()..found.host.end).unwrap_or_default();
            return out.extend(spelt.iter().map(|byte| if *byte == 0 { 0 } else { b'x' }));
        }
        if let Some((scheme, websocket)) = &found.scheme {
            out.extend_from_slice(names.scheme(*websocket).as_bytes());
            out.extend_from_slice(self.held.get(scheme.end..found.host.start).unwrap_or_default());
        }
        let is_touched = found.touched.0 || (is_halved && found.scheme.is_none());
        out.extend(is_touched.then_some(APART));
        out.extend_from_slice(names.host().as_bytes());
        out.extend(found.touched.1.then_some(APART));
    }
}

/// A text with its hidden names replaced; borrowed where there is none.
#[must_use]
pub fn scrub<'t>(names: &Names, text: &'t str) -> Cow<'t, str> {
    if names.find(text.as_bytes(), 0, 0, text.len()).is_none() {
        return Cow::Borrowed(text);
    }
    let bytes = Text { held: text.into(), ..Text::default() }.end(names);
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
