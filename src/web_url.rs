//! URLs as browsers read them (the WHATWG's rules), for hosts in ASCII.
//!
//! The tables for other letters in host names would be half of the Worker, so such a host has to be given in its `xn--`
//! form. A host with other letters, spelt out or percent-encoded, is no URL here: nothing that looks like one host can be
//! taken for another.

use url::Url;

/// Reads an absolute URL.
#[must_use]
pub fn parse(text: &str) -> Option<Url> {
    has_plain_host(text).then(|| Url::parse(text).ok()).flatten()
}

/// Reads a URL that may be relative to `base`.
#[must_use]
pub fn join(base: &Url, text: &str) -> Option<Url> {
    has_plain_host(text).then(|| base.join(text).ok()).flatten()
}

/// A URL's host, with its port where that is not the scheme's own.
#[must_use]
pub fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Whether everything before the path is ASCII and no percent sign is in it. The parser drops tabs and line breaks
/// wherever they stand, so they end nothing here.
fn has_plain_host(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_control() || c == ' ');
    let is_slash = |c: char| matches!(c, '/' | '\\' | '\t' | '\n' | '\r');
    let (has_scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if !scheme.contains(['/', '\\', '?', '#']) => (true, rest),
        _ => (false, text),
    };
    let after_slashes = rest.trim_start_matches(is_slash);
    if !has_scheme && rest.len() - after_slashes.len() < 2 {
        return true;
    }
    let authority = after_slashes.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    authority.is_ascii() && !authority.contains('%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_are_ascii() {
        for good in
            ["https://shop.example/ü?ü=%C3%BC#ü", "https://xn--mnchen-3ya.example/", "mailto:a@b.example", "https:shop.example"]
        {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "https://münchen.example/",
            "https://m%C3%BCnchen.example/",
            "https://１２７.0.0.1/",
            "\\\\ü/",
            " https:\t/\n/ü.example",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        let base = parse("https://a.example/b?c").unwrap();
        assert_eq!(join(&base, "//ü.example/"), None);
        assert_eq!(join(&base, "/ü").unwrap().as_str(), "https://a.example/%C3%BC");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,12}:?[/\\\\\t\n]{0,3}[A-Z%\\PC]{0,40}") {
            if let Some(url) = parse(&text) {
                prop_assert!(url.host_str().is_none_or(str::is_ascii));
            }
        }
    }
}
