//! The names to hide, and where they stand in a text.
//!
//! A hidden name is found as a substring of the decoded text, whatever stands around it: `notanexpay.net` goes too. That
//! is deliberately coarse. It makes the promise checkable ("after decoding, no answer contains the name") and leaves no
//! room for a boundary that one parser sees and another does not.

use core::ops::Range;

use super::symbol::{
    self, Symbol,
    before::Before,
    sieve::{BLOCK, Sieve},
};

/// How far before a name its subdomains and scheme are looked for, in bytes.
const PREFIX: usize = 512;
/// Room for a port behind a name, in symbols: a colon and five digits.
const PORT: usize = 6;
/// Letters and signs from rare to common in web pages; the search looks for the rarest one of a name.
const RARE_FIRST: &[u8] = b"qzjxk:v8967543w0b2yfpgum1hdclnorsita-e.";

/// One hidden name: a domain with all its subdomains, or one `host:port`.
#[derive(Clone, Debug)]
struct Name {
    text: Vec<u8>,
    rarest: usize,
    has_port: bool,
}

/// All hidden names, and what stands in their place.
#[derive(Clone, Debug)]
pub struct Names {
    hidden: Vec<Name>,
    /// What may stand for a name's rarest character.
    sieve: Sieve,
    /// The length of the longest name.
    longest: usize,
    scheme: &'static str,
    host: String,
    /// Whether our own host could begin or end what makes a hidden name with its neighbours.
    completes: bool,
}

/// Where a name stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name with its subdomains and port.
    pub host: Range<usize>,
    /// The scheme before it, when it is one of the web's, and whether it is a WebSocket's.
    pub scheme: Option<(Range<usize>, bool)>,
    /// Whether something stands right before the host, and right behind it, that another host must be kept apart from.
    pub touched: (bool, bool),
}

impl Found {
    /// Where the first byte to be replaced stands.
    #[must_use]
    pub fn start(&self) -> usize {
        self.scheme.as_ref().map_or(self.host.start, |(range, _)| range.start)
    }
}

impl Name {
    fn new(text: &str) -> Self {
        let text = text.to_ascii_lowercase().into_bytes();
        let rank = |byte: &u8| RARE_FIRST.iter().position(|rare| rare == byte).unwrap_or(0);
        let rarest = (0..text.len()).min_by_key(|at| text.get(*at).map(rank)).unwrap_or(0);
        Self { has_port: text.contains(&b':'), text, rarest }
    }

    fn anchor(&self) -> u8 {
        self.text.get(self.rarest).copied().unwrap_or(0)
    }

    /// The range of the name if the symbol at `at` stands for its rarest character, alone or with its neighbours, and what
    /// stands before that.
    fn around<'t>(&self, bytes: &'t [u8], floor: usize, at: usize, (letters, len): Symbol) -> Option<(Range<usize>, Before<'t>)> {
        let earliest = (self.rarest + 1).saturating_sub(letters.len());
        (earliest..=self.rarest).find_map(|from| {
            let behind = self.text.get(from..)?.strip_prefix(letters)?;
            let end = symbol::forward(bytes, at + len, behind)?;
            let before = Before::new(bytes, floor, at);
            let start = before.backward(at, self.text.get(..from)?, true)?;
            Some((start..end, before))
        })
    }
}

impl Names {
    /// Hides `names`, each a lower-case host or `host:port`, behind `scheme://host`.
    #[must_use]
    pub fn new(names: &[String], scheme: &'static str, host: &str) -> Self {
        // Whoever finds `anexpay.net` finds `api.anexpay.net`.
        let is_needed =
            |name: &&String| !names.iter().any(|other| !other.is_empty() && *other != **name && name.contains(other.as_str()));
        let hidden: Vec<Name> =
            names.iter().filter(|name| !name.is_empty()).filter(is_needed).map(|name| Name::new(name)).collect();
        let sieve = Sieve::new(hidden.iter().map(|name| (name.anchor(), name.text.get(name.rarest + 1).copied())).collect());
        let longest = hidden.iter().map(|name| name.text.len()).max().unwrap_or(0);
        let completes = hidden.iter().any(|name| overlaps(&name.text, host.as_bytes()) || overlaps(host.as_bytes(), &name.text));
        Self { hidden, sieve, longest, scheme, host: host.to_owned(), completes }
    }

    /// What stands in the place of a hidden host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What stands in the place of its scheme.
    #[must_use]
    pub fn scheme(&self, websocket: bool) -> &'static str {
        match (self.scheme, websocket) {
            ("http", true) => "ws",
            (_, true) => "wss",
            (scheme, false) => scheme,
        }
    }

    /// Whether a host, with or without port, is hidden.
    #[must_use]
    pub fn hides(&self, host: &str) -> bool {
        self.find(host.as_bytes(), 0, 0, host.len()).is_some()
    }

    /// How many bytes before a name's rarest character can belong to it.
    #[must_use]
    pub const fn reach_before(&self) -> usize {
        self.longest * symbol::MAX_LEN + PREFIX
    }

    /// How many bytes from a name's rarest character on can belong to it.
    #[must_use]
    pub const fn reach_after(&self) -> usize {
        // A full stop before the port, and a sign behind it.
        (self.longest + PORT + 2) * symbol::MAX_LEN
    }

    /// The first name whose rarest character stands between `from` and `to`. Nothing before `floor` is looked at, and
    /// nothing further away than [`Self::reach_before`] and [`Self::reach_after`], so that a text gives the same answer
    /// whole and in chunks.
    #[must_use]
    pub fn find(&self, bytes: &[u8], floor: usize, from: usize, to: usize) -> Option<Found> {
        self.search(bytes, floor, from..to, &mut 0)
    }

    /// The same; behind the last byte that was looked at in vain, `doubted` stands then.
    #[must_use]
    pub fn search(&self, bytes: &[u8], floor: usize, places: Range<usize>, doubted: &mut usize) -> Option<Found> {
        let (blocks, rest) = bytes.get(places.clone())?.as_chunks();
        let mut last = [0; BLOCK];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        for (block, start) in blocks.iter().chain([&last]).zip(places.clone().step_by(BLOCK)) {
            let mut marks = self.sieve.marks(block);
            while marks != 0 {
                let at = start + marks.trailing_zeros() as usize;
                marks &= marks - 1;
                if at < places.end && self.sieve.admits(bytes.get(at..)?) {
                    let found = self.look(bytes, floor, at);
                    if found.is_some() {
                        return found;
                    }
                    *doubted = at + 1;
                }
            }
        }
        None
    }

    /// The name whose rarest character stands at `at`.
    fn look(&self, bytes: &[u8], floor: usize, at: usize) -> Option<Found> {
        let floor = floor.max(at.saturating_sub(self.reach_before()));
        let window = bytes.get(..bytes.len().min(at + self.reach_after()))?;
        let mut found = None;
        symbol::readings(window.get(at..)?, &mut |symbol| found = found.take().or_else(|| self.at(window, floor, at, symbol)));
        found
    }

    fn at(&self, bytes: &[u8], floor: usize, at: usize, symbol: Symbol) -> Option<Found> {
        let mut matching = self.hidden.iter().filter(|name| symbol.0.contains(&name.anchor()));
        let (name, (core, before)) = matching.find_map(|name| Some((name, name.around(bytes, floor, at, symbol)?)))?;
        let start = before_subdomains(&before, core.start);
        let end = if name.has_port { core.end } else { after_port(bytes, core.end) };
        let touched = (self.is_touched_before(&before, floor, start, at), self.is_touched_behind(bytes, end));
        Some(Found { host: start..end, scheme: scheme_before(&before, start), touched })
    }

    /// Whether part of a label, or half an escape, which would take the first letters of our host, stands before `start`.
    fn is_touched_before(&self, before: &Before, floor: usize, start: usize, at: usize) -> bool {
        let mut end = start;
        while end > floor {
            match Beside::among(|visit| _ = before.endings(end, visit)) {
                Beside::Nothing(len) if self.completes => end -= len,
                Beside::Nothing(_) | Beside::Other => return false,
                Beside::Label | Beside::Sign => return true,
            }
        }
        // How what is too far away goes on is not known.
        end + self.reach_before() == at
    }

    fn is_touched_behind(&self, bytes: &[u8], mut end: usize) -> bool {
        while let Some(behind) = bytes.get(end..).filter(|behind| !behind.is_empty()) {
            match Beside::among(|visit| symbol::readings(behind, visit)) {
                Beside::Nothing(len) if self.completes => end += len,
                beside => return beside == Beside::Label,
            }
        }
        false
    }
}

/// What stands beside a host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// What some reader takes for a part of a label.
    Label,
    /// What begins an escape.
    Sign,
    /// That many bytes that stand for nothing; a line break for scripts is one, though style sheets read an `n` there.
    Nothing(usize),
    /// Anything else.
    Other,
}

impl Beside {
    /// Decides by the longest readings.
    fn among(each: impl FnOnce(&mut dyn FnMut(Symbol))) -> Self {
        let (mut beside, mut longest) = (Self::Other, 0);
        each(&mut |(letters, len)| {
            if len > longest || (len == longest && beside == Self::Other) {
                longest = len;
                beside = match letters {
                    [] => Self::Nothing(len),
                    [sign] if symbol::is_sign(*sign) => Self::Sign,
                    _ if is_of_label(letters) => Self::Label,
                    _ => Self::Other,
                };
            }
        });
        beside
    }
}

/// Whether the first text ends with what the second begins with.
fn overlaps(first: &[u8], second: &[u8]) -> bool {
    (0..first.len()).any(|from| first.get(from..).is_some_and(|end| second.starts_with(end) || end.starts_with(second)))
}

/// Where the labels before a name begin: `cdn.static.` of `cdn.static.anexpay.net`.
fn before_subdomains(before: &Before, mut start: usize) -> usize {
    while let Some((b".", dot)) = before.last(start) {
        let mut label = start - dot;
        while let Some((_, len)) = before.last(label).filter(|(letters, _)| is_of_label(letters)) {
            label -= len;
        }
        if label == start - dot {
            break;
        }
        start = label;
    }
    start
}

/// Whether a label can contain these characters. A line break ends it here: more often than a disguise it is the end of a
/// sentence.
fn is_of_label(letters: &[u8]) -> bool {
    !letters.is_empty() && letters.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'*'))
}

/// Where a full stop and a port behind a name end; the name's own end if it has none.
fn after_port(bytes: &[u8], end: usize) -> usize {
    let end = after_root(bytes, end);
    let Some(colon) = symbol::forward(bytes, end, b":") else { return end };
    let mut at = colon;
    for _ in 1..PORT {
        match bytes.get(at..).and_then(symbol::first) {
            Some(([digit], len)) if digit.is_ascii_digit() => at += len,
            _ => break,
        }
    }
    if at == colon { end } else { at }
}

/// Behind the full stop that ends a host name's last label, if a URL goes on behind it: our own host may have a port.
fn after_root(bytes: &[u8], end: usize) -> usize {
    let Some(dot) = symbol::forward(bytes, end, b".") else { return end };
    let goes_on = [&b"/"[..], b":", b"?", b"#"].into_iter().any(|sign| symbol::forward(bytes, dot, sign).is_some());
    if goes_on { dot } else { end }
}

/// The scheme whose `://` ends at `end`.
fn scheme_before(before: &Before, end: usize) -> Option<(Range<usize>, bool)> {
    let at = before.backward(end, b"://", false)?;
    [(&b"https"[..], false), (b"http", false), (b"wss", true), (b"ws", true)].into_iter().find_map(|(scheme, websocket)| {
        let start = before.backward(at, scheme, false)?;
        Some((start..at, websocket))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        let names = Names::new(&["anexpay.net".to_owned(), "127.0.0.1:8702".to_owned()], "https", "pay.shop.example");
        let found = names.find(text.as_bytes(), 0, 0, text.len())?;
        Some(text[found.start()..found.host.end].to_owned())
    }

    #[test]
    fn names_are_found_with_all_that_belongs_to_them() {
        let cases = [
            ("x anexpay.net y", "anexpay.net"),
            ("x https://CheckOut.AnexPay.Net/pay", "https://CheckOut.AnexPay.Net"),
            ("x HTTP://a.b-c.anexpay.net:8443/pay", "HTTP://a.b-c.anexpay.net:8443"),
            ("u=https%3A%2F%2Fcheckout%2Eanexpay%2Enet%3A443%2Fpay", "https%3A%2F%2Fcheckout%2Eanexpay%2Enet%3A443"),
            (r#""https:\/\/api\u002eanexpay\u002enet\/x""#, r"https:\/\/api\u002eanexpay\u002enet"),
            ("mailto:help@anexpay&#46;net", "anexpay&#46;net"),
            ("&#97;&#x6e;&#101;&#120;&#112;&#97;&#121;&period;net", "&#97;&#x6e;&#101;&#120;&#112;&#97;&#121;&period;net"),
            ("a\\napi.anexpay.net", "api.anexpay.net"),
            ("q=%0Aapi.anexpay.net", "api.anexpay.net"),
            ("http://127.0.0.1:8702/x", "http://127.0.0.1:8702"),
            ("wss://live.anexpay.net/s", "wss://live.anexpay.net"),
            ("notanexpay.network", "anexpay.net"),
            ("anexpay.net: 5 reasons", "anexpay.net"),
            ("at anexpay.net. And", "anexpay.net"),
            ("//anexpay.net./x", "anexpay.net."),
            ("//anexpay.net.:443/x", "anexpay.net.:443"),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for text in ["", "anexpay", "anexpay,net", "anex pay.net", "127.0.0.1:8703", "127.0.0.1", "expay.net", "anexpay.ne"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
