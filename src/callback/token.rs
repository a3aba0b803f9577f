//! Our own callback URL, with the merchant's sealed inside.
//!
//! The gateway gives the same receiving address for the same callback URL, so the seal is deterministic. What the seal
//! hides must stay hidden: the gateway's `ipn_token` is only an obfuscated copy of the callback URL it was given, so
//! whoever sees that token can read the URL. From ours they cannot read the merchant's. It is no proof of payment,
//! though: it authorises a call, and whoever creates a wallet for the same callback is given the means to compute it.

use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::callback::target::Target;
use crate::config::Config;
use crate::ledger::id::AccountId;

/// Path of our callback route.
pub const PATH: &str = "/callback";
/// Name of its only parameter of ours.
pub const PARAMETER: &str = "token";

/// The callback URL to give to the gateway for a merchant's `target`. It needs no further encoding inside: its token is
/// made of unreserved characters.
#[must_use]
pub fn callback_url(config: &Config, target: &Target) -> Option<String> {
    let sealed = config.keys.seal(target.as_str())?;
    Some(config.origin.url(&format!("{PATH}?{PARAMETER}={}", Base64UrlUnpadded::encode_string(&sealed))))
}

/// What a token of a session starts with; no merchant's URL does.
const SESSION: &str = "livery:";

/// The callback URL to give to the gateway for a session of an account.
#[must_use]
pub fn session_url(config: &Config, account: &AccountId, session: &str) -> Option<String> {
    let sealed = config.keys.seal(&format!("{SESSION}{}:{session}", account.digits()))?;
    Some(config.origin.url(&format!("{PATH}?{PARAMETER}={}", Base64UrlUnpadded::encode_string(&sealed))))
}

/// The account and the session that an opened token names; `None` if it names a merchant's URL.
#[must_use]
pub fn session(opened: &str) -> Option<(AccountId, &str)> {
    let (account, session) = opened.strip_prefix(SESSION)?.split_once(':')?;
    Some((AccountId::from_digits(account)?, session))
}

/// The merchant's URL from a token; `None` if it was altered, or sealed with a key that is no longer in force.
#[must_use]
pub fn open(config: &Config, token: &str) -> Option<String> {
    config.keys.open(&Base64UrlUnpadded::decode_vec(token).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_same_callback_gives_the_same_url_and_opens_again(order in "[a-zA-Z0-9%]{1,30}") {
            let config = config(&[]);
            let text = format!("https://shop.example/paid?order={order}");
            let target = Target::parse(&config, &text).unwrap();
            let url = callback_url(&config, &target).unwrap();
            prop_assert_eq!(callback_url(&config, &target), Some(url.clone()));
            let token = url.strip_prefix("https://pay.shop.example/callback?token=").unwrap();
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(open(&config, token), Some(text));
        }

        #[test]
        fn forged_tokens_do_not_open(token in "[a-zA-Z0-9_-]{0,80}|\\PC{0,20}") {
            prop_assert_eq!(open(&config(&[]), &token), None);
        }
    }
}
