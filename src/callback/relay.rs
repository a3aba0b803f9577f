//! The call to the merchant that follows the gateway's call to us.

use std::borrow::Cow;

use crate::callback::target::Target;
use crate::callback::token::PARAMETER;
use crate::http::{Call, Method, Read};
use crate::query;

/// The gateway's list of wallets and shares, in clients' words: it would show the merchant the operator's.
const WALLETS: &str = "address_out";
/// What a merchant's server sees as the caller.
const USER_AGENT: &str = concat!("Livery/", env!("CARGO_PKG_VERSION"));

/// The merchant's callback: their URL, and behind their own parameters the gateway's, all byte for byte and in order.
///
/// A parameter that the merchant's own URL has already is left out, behind a `;` too: PHP would take the later one for the
/// order's. Neither is the operator's split. Nothing else of the gateway's call is passed on: its headers name it.
#[must_use]
pub fn call(target: &Target, received_query: &str) -> Call {
    let mut url = target.as_str().to_owned();
    let own: Vec<Cow<str>> = target
        .as_str()
        .split_once('?')
        .map(|(_, own)| query::readings(own).map(|pair| pair.name()).collect())
        .unwrap_or_default();
    for pair in query::pairs(received_query) {
        let is_own = query::readings(pair.raw).any(|pair| own.contains(&pair.name()));
        if is_own || matches!(pair.name().as_ref(), PARAMETER | WALLETS) {
            continue;
        }
        url.push('&');
        url.push_str(pair.raw);
    }
    Call {
        method: Method::Get,
        url,
        headers: vec![("user-agent", USER_AGENT.to_owned()), ("accept", "*/*".to_owned())],
        body: None,
        read: Read::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn the_merchant_gets_the_same_parameters_in_the_same_order() {
        let target = Target::parse(&config(&[]), "https://shop.example/paid?b=2&a=%31").unwrap();
        let call =
            call(&target, "token=abc&b=3&%61=4&value_coin=105.6&coin=polygon_usdc&x=%2b+&address_ou%74=%7B%220x1%22%3A0.01%7D");
        assert_eq!(call.url, "https://shop.example/paid?b=2&a=%31&value_coin=105.6&coin=polygon_usdc&x=%2b+");
    }
}
