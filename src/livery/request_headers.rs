//! What of a request goes up to the gateway: these headers and no others.
//!
//! Cookies, tokens, addresses and everything unknown stay here. `PGTO-IPCountry` is never copied; who sends it on sets
//! it from a [`Country`] that Livery decided on.

use crate::country::Country;
use crate::http::Headers;

/// The header that tells the gateway the customer's country.
pub const COUNTRY: &str = "pgto-ipcountry";

/// Headers that say how to answer and nothing about whom.
const OF_EVERY_REQUEST: [&str; 3] = ["accept", "accept-language", "user-agent"];
/// Headers with which a browser asks whether its copy of an asset is still good.
const OF_PAGES: [&str; 2] = ["if-modified-since", "if-none-match"];

/// Longest value passed on, in bytes: a longer one would have the gateway refuse what somebody else may be waiting for, too.
const MAX_VALUE: usize = 1024;

/// For calls that no customer waits for in a browser: no country.
#[must_use]
pub fn for_api(headers: &dyn Headers) -> Vec<(&'static str, String)> {
    pick(headers, &OF_EVERY_REQUEST)
}

/// For calls on behalf of a customer: with their country.
#[must_use]
pub fn for_customer(headers: &dyn Headers, country: Country) -> Vec<(&'static str, String)> {
    let mut picked = pick(headers, &OF_EVERY_REQUEST);
    picked.push((COUNTRY, country.to_string()));
    picked
}

/// For the hosted page, its assets and its forms.
#[must_use]
pub fn for_page(headers: &dyn Headers, country: Country) -> Vec<(&'static str, String)> {
    let mut picked = for_customer(headers, country);
    picked.extend(pick(headers, &OF_PAGES));
    picked
}

fn pick(headers: &dyn Headers, names: &[&'static str]) -> Vec<(&'static str, String)> {
    let value = |name: &str| headers.get(name).filter(|value| value.len() <= MAX_VALUE);
    names.iter().filter_map(|name| Some((*name, value(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_but_the_listed_headers_goes_up(names in prop::collection::vec("[a-z-]{1,20}", 0..6)) {
            let mut sent: Vec<(String, String)> = names.into_iter().map(|n| (n, "x".to_owned())).collect();
            for name in ["cookie", "authorization", "cf-connecting-ip", "x-forwarded-for", "pgto-ipcountry", "Accept", "range"] {
                sent.push((name.to_owned(), "secret".to_owned()));
            }
            let up = for_page(&sent, Country::UNKNOWN);
            for (name, value) in up {
                prop_assert!(matches!(name, "accept" | "accept-language" | "user-agent" | "if-modified-since" | "if-none-match") || (name == COUNTRY && value == "XX"));
            }
        }
    }
}
