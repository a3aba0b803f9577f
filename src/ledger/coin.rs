//! The coins that the gateway reports payments in.
//!
//! Sources: the gateway's document and public clients for their names; the issuers' published addresses for the contracts,
//! which are the same as in [`crate::wallet`]; the contracts' own `decimals` for those.

use crate::gateway::object::Object;
use crate::http::Reply;
use crate::ledger::verify::Quantity;

/// A coin on one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coin {
    /// USDC on Polygon: the issuer's own, or the older one that was bridged from Ethereum.
    PolygonUsdc,
    /// USDT on Polygon.
    PolygonUsdt,
    /// USDC on BNB Smart Chain.
    Bep20Usdc,
    /// USDT on BNB Smart Chain.
    Bep20Usdt,
    /// USDC on Ethereum.
    Erc20Usdc,
    /// USDT on Ethereum.
    Erc20Usdt,
    /// Polygon's native coin.
    PolygonPol,
    /// Ethereum's native coin.
    Eth,
    /// BNB Smart Chain's native coin.
    Bep20Bnb,
}

/// A chain, by its id of EIP-155.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Ethereum's main chain.
    Ethereum = 1,
    /// BNB Smart Chain.
    BnbSmartChain = 56,
    /// Polygon's main chain.
    Polygon = 137,
}

impl Chain {
    /// Its id (EIP-155).
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }
}

impl Coin {
    /// Every coin.
    pub const ALL: [Self; 9] = [
        Self::PolygonUsdc,
        Self::PolygonUsdt,
        Self::Bep20Usdc,
        Self::Bep20Usdt,
        Self::Erc20Usdc,
        Self::Erc20Usdt,
        Self::PolygonPol,
        Self::Eth,
        Self::Bep20Bnb,
    ];

    /// The coin that the gateway calls so; `None` for all others, whose value nobody knows.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coin| coin.as_str() == name)
    }

    /// Its name at the gateway.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolygonUsdc => "polygon_usdc",
            Self::PolygonUsdt => "polygon_usdt",
            Self::Bep20Usdc => "bep20_usdc",
            Self::Bep20Usdt => "bep20_usdt",
            Self::Erc20Usdc => "erc20_usdc",
            Self::Erc20Usdt => "erc20_usdt",
            Self::PolygonPol => "polygon_pol",
            Self::Eth => "eth",
            Self::Bep20Bnb => "bep20_bnb",
        }
    }

    /// The chain that it is sent on.
    #[must_use]
    pub const fn chain(self) -> Chain {
        match self {
            Self::PolygonUsdc | Self::PolygonUsdt | Self::PolygonPol => Chain::Polygon,
            Self::Bep20Usdc | Self::Bep20Usdt | Self::Bep20Bnb => Chain::BnbSmartChain,
            Self::Erc20Usdc | Self::Erc20Usdt | Self::Eth => Chain::Ethereum,
        }
    }

    /// The token contracts, any of which will do; none for a native coin.
    #[must_use]
    pub const fn contracts(self) -> &'static [&'static str] {
        match self {
            Self::PolygonUsdc => &["0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174"],
            Self::PolygonUsdt => &["0xc2132D05D31c914a87C6611C10748AEb04B58e8F"],
            Self::Bep20Usdc => &["0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d"],
            Self::Bep20Usdt => &["0x55d398326f99059fF775485246999027B3197955"],
            Self::Erc20Usdc => &["0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"],
            Self::Erc20Usdt => &["0xdAC17F958D2ee523a2206206994597C13D831ec7"],
            Self::PolygonPol | Self::Eth | Self::Bep20Bnb => &[],
        }
    }

    /// How many decimals the chain divides it by: 18 for native coins and on BNB Smart Chain, else 6.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        match self {
            Self::PolygonUsdc | Self::PolygonUsdt | Self::Erc20Usdc | Self::Erc20Usdt => 6,
            Self::Bep20Usdc | Self::Bep20Usdt | Self::PolygonPol | Self::Eth | Self::Bep20Bnb => 18,
        }
    }

    /// Where the gateway tells its price; `None` for those that are worth a dollar.
    #[must_use]
    pub const fn price_path(self) -> Option<&'static str> {
        match self {
            Self::PolygonPol => Some("/crypto/polygon/pol/info.php"),
            Self::Eth => Some("/crypto/eth/info.php"),
            Self::Bep20Bnb => Some("/crypto/bep20/bnb/info.php"),
            _ => None,
        }
    }

    /// Whether it is worth a dollar.
    #[must_use]
    pub const fn is_stable(self) -> bool {
        self.price_path().is_none()
    }
}

/// Dollars for one coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price(pub Quantity);

impl Price {
    /// Reads the gateway's reply; `None` where it tells no price, or one that cannot be read.
    #[must_use]
    pub fn of_reply(reply: &Reply) -> Option<Self> {
        let prices = Object::of_reply(reply).ok()?.object("prices")?;
        Quantity::parse(prices.digits("USD")?).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reply;
    use crate::wallet::{Wallet, WalletError};
    use proptest::prelude::*;

    #[test]
    fn each_is_found_by_its_name_and_by_nothing_else() {
        for coin in Coin::ALL {
            assert_eq!(Coin::parse(coin.as_str()), Some(coin));
        }
        for name in ["", "POLYGON_USDC", "polygon_usdc ", "polygon", "usdc", "polygon_dai", "bep20", "btc"] {
            assert_eq!(Coin::parse(name), None, "{name}");
        }
    }

    /// Wallets check the contracts' checksums too, so none of them is mistyped in both places.
    #[test]
    fn no_contract_is_a_wallet_and_only_native_coins_have_none() {
        for coin in Coin::ALL {
            assert_eq!(coin.contracts().is_empty(), !coin.is_stable(), "{coin:?}");
            for contract in coin.contracts() {
                assert_eq!(Wallet::parse(contract), Err(WalletError::TokenContract), "{contract}");
            }
        }
        let contracts = Coin::ALL.iter().flat_map(|coin| coin.contracts());
        assert_eq!(contracts.collect::<std::collections::HashSet<_>>().len(), 7, "each belongs to one coin");
    }

    #[test]
    fn names_chains_and_paths_fit_together() {
        assert_eq!([Chain::Ethereum, Chain::BnbSmartChain, Chain::Polygon].map(Chain::id), [1, 56, 137]);
        for coin in Coin::ALL {
            let chain = match coin.as_str().split('_').next() {
                Some("polygon") => Chain::Polygon,
                Some("bep20") => Chain::BnbSmartChain,
                _ => Chain::Ethereum,
            };
            assert_eq!(coin.chain(), chain);
            let path = format!("/crypto/{}/info.php", coin.as_str().replace('_', "/"));
            assert!(coin.price_path().is_none_or(|told| told == path));
            let is_finely_divided = chain == Chain::BnbSmartChain || !coin.is_stable();
            assert_eq!(coin.decimals(), if is_finely_divided { 18 } else { 6 });
        }
    }

    #[test]
    fn a_price_is_a_text_or_a_number() {
        let price = |text: &str| Price::of_reply(&reply(200, text));
        let exact = Quantity::parse("0.2345").map(Price);
        assert!(exact.is_some());
        for text in [r#"{"prices":{"USD":"0.2345","EUR":"1"}}"#, r#"{"prices":{"USD":0.23450}}"#] {
            assert_eq!(price(text), exact, "{text}");
        }
        for text in [
            "",
            "{}",
            r#"{"prices":{}}"#,
            r#"{"prices":{"USD":"0"}}"#,
            r#"{"prices":{"USD":null}}"#,
            r#"{"prices":{"USD":1e3}}"#,
            r#"{"prices":{"USD":-1}}"#,
            r#"{"prices":["1"]}"#,
            r#"{"USD":"1"}"#,
        ] {
            assert_eq!(price(text), None, "{text}");
        }
        assert_eq!(Price::of_reply(&reply(500, r#"{"prices":{"USD":"1"}}"#)), None);
    }

    proptest! {
        #[test]
        fn no_reply_panics(text in "\\PC{0,60}|\\{\"prices\":\\{\"USD\":[\"0-9.e-]{0,40}\\}\\}") {
            let _ = (Price::of_reply(&reply(200, &text)), Coin::parse(&text));
        }
    }
}
