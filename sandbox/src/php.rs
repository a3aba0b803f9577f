//! Reads a query the way PHP fills `$_GET`, because the gateway is written in PHP.
//!
//! What PHP does to names decides what an attacker can smuggle past a proxy that reads queries differently, so the rules
//! are kept here to the letter: percent-decoding, `+` as a space, leading spaces dropped, everything after a NUL dropped,
//! `.` and space turned into `_`, `name[…]` an array, in a name whose first `[` is never closed each `[` turned into `_`, and
//! the last duplicate wins. Compared with what PHP 8.2 reads from twenty thousand odd queries.
//! Nested array keys are not told apart: no gateway parameter is an array, it only matters that one is not a text.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// PHP stops reading after this many variables (`max_input_vars`).
const MOST_VARIABLES: usize = 1000;

/// What a name holds: PHP keeps a text or an array, never both.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Array,
}

/// The parameters of one request, under the names PHP takes them for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, Value)>);

impl Parameters {
    /// Reads a raw query, or a form body, which follows the same rules.
    #[must_use]
    pub fn read(raw: &str) -> Self {
        let mut found = Self::default();
        for part in raw.split('&').filter(|part| !part.is_empty()).take(MOST_VARIABLES) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, is_array) = variable_name(&decode(name));
            if name.is_empty() {
                continue;
            }
            found.put(name, if is_array { Value::Array } else { Value::Text(decode(value)) });
        }
        found
    }

    /// The text under a name; nothing for an absent name and for an array.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text.as_str()),
            Value::Array => None,
        })
    }

    /// Whether there is a text or an array under a name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Every text with its name, in the order PHP first saw the names.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Text(text) => Some((name.as_str(), text.as_str())),
            Value::Array => None,
        })
    }

    fn put(&mut self, name: String, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, held)) => *held = value,
            None => self.0.push((name, value)),
        }
    }
}

/// PHP's `urldecode`: a malformed `%` stays as it is, and bytes that are no UTF-8 become replacement characters.
#[must_use]
pub fn decode(raw: &str) -> String {
    let spaced: Cow<'_, str> = if raw.contains('+') { raw.replace('+', " ").into() } else { raw.into() };
    percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
}

/// Names that PHP's mangling may not make, as browsers give cookies of these names a meaning.
const GUARDED: [&str; 2] = ["__Host-", "__Secure-"];

/// The variable a decoded name stands for, and whether it is an array; no name where PHP drops the variable.
fn variable_name(decoded: &str) -> (String, bool) {
    let name = decoded.trim_start_matches(' ');
    let name = name.split('\0').next().unwrap_or_default();
    let (base, is_array) = match name.split_once('[') {
        Some((base, rest)) if base.is_empty() || rest.contains(']') => (base, true),
        _ => (name, false),
    };
    let mangled = base.replace(['.', ' ', '['], "_");
    let is_guarded = |name: &str| GUARDED.iter().any(|guarded| name.starts_with(guarded));
    let is_dropped = is_guarded(&mangled) && !is_guarded(name);
    (if is_dropped { String::new() } else { mangled }, is_array)
}
