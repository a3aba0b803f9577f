//! Texts and keys that must never be shown.

use core::fmt;

/// A secret text. It has no `Display` and no serialisation, and its `Debug` shows nothing of it. Nor has it `==`, whose time
/// would tell how much of a guess is right: what others send is held against a MAC, by [`crate::signing::is_signed`].
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Takes a value out of sight.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that uses it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding as _};
    use proptest::prelude::*;

    use crate::callback::target::Target;
    use crate::config::Config;
    use crate::gateway::wallet::Order;
    use crate::handlers::wallet::{operators_split, order, payout};
    use crate::wallet::Wallet;

    /// Texts by which each secret would be known, in lower case: as it is set, and as lists of its bytes.
    fn marks(settings: &[(&'static str, String)], key: &[u8]) -> Vec<String> {
        let written = settings.iter().map(|(_, value)| value.strip_prefix("sub=").unwrap_or(value));
        let bytes = settings.iter().filter_map(|(_, value)| base16ct::mixed::decode_vec(value.strip_prefix("0x")?).ok());
        let lists = bytes.chain([key.to_vec()]).map(|bytes| format!("{bytes:?}").replace(['[', ']'], ""));
        let wallets = settings.iter().filter_map(|(_, value)| value.strip_prefix("0x"));
        written.chain(wallets).map(str::to_owned).chain(lists).map(|text| text.to_lowercase()).collect()
    }

    fn order_of(config: &Config) -> Order {
        let target = Target::parse(config, "https://shop.example/paid?order=1").unwrap();
        order(config, payout(config, None).unwrap(), operators_split(config).unwrap(), &target).unwrap()
    }

    fn settings(key: &[u8], wallets: &[[u8; 20]; 3], text: &str) -> Vec<(&'static str, String)> {
        let wallet = |at: usize| format!("0x{}", base16ct::lower::encode_string(&wallets[at]));
        vec![
            ("SIGNING_KEY", Base64::encode_string(key)),
            ("PAYOUT_WALLET", wallet(0)),
            ("AFFILIATE_WALLET", wallet(1)),
            ("SUB_AFFILIATE_WALLET", wallet(2)),
            ("DOWNLINE_KEYS", format!("sub=first{text}")),
            ("ADMIN_TOKEN", format!("second{text}")),
            ("POLYGON_RPC_URL", format!("https://node.example/{text}")),
        ]
    }

    proptest! {
        #[test]
        fn no_debug_text_shows_a_secret(key in any::<[u8; 32]>(), wallets in any::<[[u8; 20]; 3]>(), text in "[A-Za-z0-9_]{32,60}") {
            let settings = settings(&key, &wallets, &text);
            prop_assume!(wallets.iter().all(|bytes| *bytes != [0; 20]) && wallets[0] != wallets[1]);
            prop_assume!(wallets[0] != wallets[2] && wallets[1] != wallets[2]);
            let fixed = [("AFFILIATE_FEE", "0.01"), ("SUB_AFFILIATE_FEE", "0.02"), ("CHECKOUT_DOMAIN", "pay.shop.example")];
            let source = |name: &str| {
                let fixed = fixed.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
                fixed.or_else(|| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()))
            };
            let config = Config::read(&source).unwrap();
            let shown = format!("{config:?} {config:#?} {:?}", order_of(&config)).to_lowercase();
            for mark in marks(&settings, &key) {
                prop_assert!(!shown.contains(&mark), "{mark} in {shown}");
            }
        }

        #[test]
        fn no_mistake_shows_the_value(text in "[!-~]{20,60}") {
            let broken = |name: &str| (!name.ends_with("_DOMAIN")).then(|| format!("{text}\u{7f}"));
            let mistakes = Config::read(&broken).unwrap_err();
            prop_assert!(mistakes.len() > 10, "{mistakes:?}");
            for mistake in mistakes {
                let shown = format!("{mistake} {mistake:?}");
                prop_assert!(!shown.contains(&text), "{shown}");
            }
            let shown = format!("{:?}", Wallet::parse(&text));
            prop_assert!(!shown.contains(&text), "{shown}");
        }
    }
}
