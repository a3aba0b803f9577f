//! The hosted page, its assets and its forms.

use crate::config::Config;
use crate::http::{Call, Method, Read};
use crate::query;

/// Path of the hosted page, and of our route.
pub const PATH: &str = "/pay.php";
/// The parameter that tells the hosted page under which host it is seen.
pub const DOMAIN: &str = "domain";

/// The request for a page or asset on the checkout host, its query byte for byte.
#[must_use]
pub fn request(
    config: &Config,
    method: Method,
    path: &str,
    raw_query: &str,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
) -> Call {
    let separator = if raw_query.is_empty() { "" } else { "?" };
    let url = config.checkout.url(&format!("{path}{separator}{raw_query}"));
    Call { method, url, headers, body, read: Read::Stream }
}

/// The hosted page's query: the caller's byte for byte, but `domain` is ours whatever they wrote, and the operator's look
/// fills in what they left open. Ours comes first: PHP reads a thousand parameters and then no more.
#[must_use]
pub fn query(config: &Config, raw_query: &str) -> String {
    let mut query = query::build([(DOMAIN, config.origin.host())]);
    let callers = query::without(raw_query, &[DOMAIN]);
    if !callers.is_empty() {
        query.extend(["&", &callers]);
    }
    for (name, value) in config.brand.parameters() {
        if !query::pairs(raw_query).any(|pair| pair.name() == name) {
            query::append(&mut query, name, value);
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;
    use proptest::prelude::*;

    #[test]
    fn the_domain_is_always_ours_and_the_rest_stays() {
        let config = config(&[("BRAND_THEME", "#6366f1"), ("BRAND_BUTTON", "navy")]);
        let raw = "address=a%2fb&domain=evil.example&amount=1&button=%23fff&x=%7E+";
        assert_eq!(query(&config, raw), "domain=pay.shop.example&address=a%2fb&amount=1&button=%23fff&x=%7E+&theme=%236366f1");
    }

    proptest! {
        #[test]
        fn no_spelling_of_domain_survives(spelling in prop::sample::select(vec!["domain", "%64omain", "+domain", "domain[]", "domain%5b1%5d", "domain%00", "%20domain"]), before in "[a-z]{0,3}", value in "[a-z.]{0,9}") {
            let raw = format!("{before}=1&{spelling}={value}");
            let sent = query(&config(&[]), &raw);
            let domains: Vec<String> = query::pairs(&sent).filter(|p| p.name() == "domain").filter_map(|p| p.value()).collect();
            prop_assert_eq!(domains, ["pay.shop.example"]);
        }
    }
}
