//! Query strings, read the way the gateway will read them.
//!
//! The gateway is written in PHP, and a parameter is whatever PHP takes it for: `%61ddress`, ` address` and
//! `address[]` all become `address`. A filter that compares names as text lets all of them through, so every decision
//! about a name is taken on [`Pair::name`]. Everything else here keeps the bytes as they came, because the gateway
//! signs links over their exact spelling.
//!
//! Source for the name rules: the PHP manual, "Variables From External Sources", and `php_register_variable_ex`.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// RFC 3986's unreserved characters stay, all else is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One `name=value` of a query, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The whole segment between two `&`.
    pub raw: &'a str,
    raw_name: &'a str,
    /// What follows the first `=`, undecoded.
    pub raw_value: &'a str,
}

impl<'a> Pair<'a> {
    fn new(raw: &'a str) -> Self {
        let (raw_name, raw_value) = raw.split_once('=').unwrap_or((raw, ""));
        Self { raw, raw_name, raw_value }
    }

    /// The variable that PHP would fill: decoded, without leading spaces, cut at a null byte, up to the `[` of an array, and
    /// with `.` and space as `_`. A `[` that nothing closes makes no array but is a `_` too: `sub[affiliate` is
    /// `sub_affiliate`.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        if is_spelt_plainly(self.raw_name) {
            return Cow::Borrowed(self.raw_name);
        }
        let decoded = self.decoded_name();
        let name = decoded.trim_start_matches(' ').split('\0').next().unwrap_or_default();
        let base = match name.split_once('[') {
            Some((base, rest)) if base.is_empty() || rest.contains(']') => base,
            _ => name,
        };
        Cow::Owned(base.replace(['.', ' ', '['], "_"))
    }

    /// The name as text, with `%XX` and `+` decoded and nothing else done to it.
    #[must_use]
    pub fn decoded_name(&self) -> String {
        String::from_utf8_lossy(&form_decode(self.raw_name)).into_owned()
    }

    /// Whether the name is spelt plainly, with nothing that PHP would rewrite or fill an array from.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_spelt_plainly(self.raw_name) || self.decoded_name() == self.name()
    }

    /// The value, with `%XX` and `+` decoded; `None` if it is not UTF-8 or holds control characters.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        let text = String::from_utf8(form_decode(self.raw_value).into_owned()).ok()?;
        (!text.chars().any(char::is_control)).then_some(text)
    }
}

/// The segments of a raw query, empty ones left out.
pub fn pairs(raw: &str) -> impl Iterator<Item = Pair<'_>> {
    raw.split('&').filter(|segment| !segment.is_empty()).map(Pair::new)
}

/// The segments of a raw query however PHP is set to tell them apart: at each `&`, and at each `;` too
/// (`arg_separator.input`).
pub fn readings(raw: &str) -> impl Iterator<Item = Pair<'_>> {
    pairs(raw).chain(raw.split(['&', ';']).filter(|segment| !segment.is_empty()).map(Pair::new))
}

/// The raw query without the parameters that PHP would read as one of `names`; all other bytes stay as they are.
#[must_use]
pub fn without(raw: &str, names: &[&str]) -> String {
    let kept: Vec<&str> = pairs(raw).filter(|pair| !names.contains(&pair.name().as_ref())).map(|pair| pair.raw).collect();
    kept.join("&")
}

/// Why a known parameter cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamError {
    /// Required, and not there or empty.
    Missing,
    /// There more than once: which one counts would be a guess.
    Duplicate,
    /// Not text, or an array.
    Unreadable,
}

impl ParamError {
    /// What is wrong and what to do, to follow the name of the parameter.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "is missing: add it to the request",
            Self::Duplicate => "is there more than once: send it once",
            Self::Unreadable => "cannot be read: send it once, under its plain name, as percent-encoded UTF-8 text",
        }
    }
}

/// The parameters of one request that a route knows, each at most once.
#[derive(Debug)]
pub struct Params<'a>(Vec<(&'static str, Pair<'a>)>);

impl<'a> Params<'a> {
    /// Picks the `known` parameters out of a raw query or form body, and passes over all others.
    ///
    /// # Errors
    /// The name of a known parameter that is sent twice or as an array, and which of the two it is.
    pub fn read(raw: &'a str, known: &[&'static str]) -> Result<Self, (&'static str, ParamError)> {
        let mut found: Vec<(&'static str, Pair<'a>)> = Vec::new();
        for pair in pairs(raw) {
            let name = pair.name();
            let Some(&known) = known.iter().find(|known| **known == name) else { continue };
            if found.iter().any(|(seen, _)| *seen == known) {
                return Err((known, ParamError::Duplicate));
            }
            if !pair.is_plain() {
                return Err((known, ParamError::Unreadable));
            }
            found.push((known, pair));
        }
        Ok(Self(found))
    }

    /// The pair of that name as it was sent.
    #[must_use]
    pub fn pair(&self, name: &str) -> Option<Pair<'a>> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, pair)| *pair)
    }

    /// A value, `None` where it is absent or empty.
    ///
    /// # Errors
    /// [`ParamError::Unreadable`] if it is not text.
    pub fn optional(&self, name: &'static str) -> Result<Option<String>, (&'static str, ParamError)> {
        let Some(pair) = self.pair(name) else { return Ok(None) };
        let value = pair.value().ok_or((name, ParamError::Unreadable))?;
        Ok(Some(value).filter(|v| !v.is_empty()))
    }

    /// A value that has to be there.
    ///
    /// # Errors
    /// [`ParamError::Missing`] where it is absent or empty, [`ParamError::Unreadable`] if it is not text.
    pub fn required(&self, name: &'static str) -> Result<String, (&'static str, ParamError)> {
        self.optional(name)?.ok_or((name, ParamError::Missing))
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
#[must_use]
pub fn encode(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, RESERVED).into()
}

/// Joins names and values to a query, each value percent-encoded once.
#[must_use]
pub fn build<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    parameters.into_iter().fold(String::new(), |mut query, (name, value)| {
        append(&mut query, name, value);
        query
    })
}

/// Adds one parameter to a raw query and leaves what is there untouched.
pub fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend([&encode(name), "=", &encode(value)]);
}

/// Decodes `%XX` but leaves `+` alone, as in the gateway's already encoded values.
#[must_use]
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

/// Decodes `%XX` and `+`, as PHP does with queries and forms.
fn form_decode(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        return Cow::Owned(percent_decode_str(&text.replace('+', " ")).collect());
    }
    percent_decode_str(text).into()
}

/// Whether there is nothing in a name to decode or rewrite.
fn is_spelt_plainly(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_what_php_takes_them_for() {
        let disguises = [
            ("affiliate_fee", "%61ffiliate_fee=1"),
            ("affiliate_fee", "affiliate.fee=1"),
            ("affiliate_fee", "affiliate+fee=1"),
            ("affiliate_fee", "affiliate%20fee=1"),
            ("affiliate_fee", "++affiliate_fee=1"),
            ("affiliate_fee", "affiliate_fee[]=1"),
            ("affiliate_fee", "affiliate_fee%5B0%5D%5Bx%5D=1"),
            ("affiliate_fee", "affiliate_fee%00x=1"),
            ("affiliate_fee", "affiliate_fee"),
            ("affiliate_fee", "affiliate[fee=1"),
            ("sub_affiliate", "sub[affiliate=1"),
            ("sub_affiliate_fee", "sub[affiliate.fee=1"),
            ("sub_affiliate_fee", "+sub%5baffiliate%5Bfee%00]=1"),
            ("sub", "sub[affiliate]=1"),
            ("domain", "domain[[]=1"),
            ("domain_", "domain[=1"),
            ("", "[domain]=1"),
            ("", "[domain=1"),
            ("", "%00domain=1"),
        ];
        for (name, query) in disguises {
            assert_eq!(pairs(query).map(|p| p.name()).collect::<Vec<_>>(), [name], "{query}");
            assert_eq!(without(&format!("a=1&{query}&b=2"), &[name]), "a=1&b=2");
        }
        assert_eq!(pairs("Domain=1").map(|p| p.name()).collect::<Vec<_>>(), ["Domain"]);
    }

    #[test]
    fn known_parameters_come_once_and_as_text() {
        let known = &["address", "callback"];
        assert_eq!(Params::read("address=a&address=b", known).unwrap_err(), ("address", ParamError::Duplicate));
        assert_eq!(Params::read("address=a&%61ddress=b", known).unwrap_err(), ("address", ParamError::Duplicate));
        assert_eq!(Params::read("address[]=a", known).unwrap_err(), ("address", ParamError::Unreadable));
        let params = Params::read("x=1&x=2&address=&callback=a%0Ab", known).unwrap();
        assert_eq!(params.required("address"), Err(("address", ParamError::Missing)));
        assert_eq!(params.optional("address"), Ok(None));
        assert_eq!(params.required("callback"), Err(("callback", ParamError::Unreadable)));
    }

    #[test]
    fn values_are_decoded_once() {
        let params = Params::read("callback=https%3A%2F%2Fa.example%2F%3Fn%3D1%2B1+2", &["callback"]).unwrap();
        assert_eq!(params.required("callback").unwrap(), "https://a.example/?n=1+1 2");
    }

    proptest! {
        #[test]
        fn building_and_reading_agree(value in "\\PC{0,40}") {
            let query = build([("callback", value.as_str()), ("z", "1")]);
            let params = Params::read(&query, &["callback"]).unwrap();
            prop_assert_eq!(params.optional("callback").unwrap().unwrap_or_default(), value);
        }

        #[test]
        fn what_is_kept_is_kept_byte_for_byte(segments in prop::collection::vec("[a-z%+=.\\[\\]0-9]{1,12}", 0..6)) {
            let raw = segments.join("&");
            prop_assert_eq!(without(&raw, &["nothing of that name"]), raw);
        }

        #[test]
        fn no_query_panics(raw in "\\PC{0,80}") {
            let _ = without(&raw, &["domain"]);
            let _ = Params::read(&raw, &["a"]).map(|p| p.required("a"));
        }
    }
}
