//! The merchant's own callback URL.
//!
//! Livery will call it, so it is a request that strangers can make us send. It must therefore lead to a public host:
//! not to this machine, not into a private network, not to the gateway and not back to Livery.

use url::Url;

use crate::config::Config;
use crate::public_host;
use crate::query;
use crate::web_url;

/// Longest callback URL, in bytes. Sealed and encoded it must still fit into the gateway's URL.
const MAX_LEN: usize = 2048;

/// A callback URL that passed every check, as its merchant wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

/// Why a text is not a callback URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// Not an absolute http(s) URL, or one with credentials, a fragment, spaces or control characters.
    Malformed,
    /// Longer than 2048 bytes.
    TooLong,
    /// No parameter in its query: the gateway tells orders apart by it.
    NoParameter,
    /// A host that is not on the public internet.
    NotPublic,
    /// The gateway's host, or our own.
    Ours,
}

impl TargetError {
    /// What is wrong and what to do, to follow the name of the parameter or setting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => {
                "is not an absolute http(s) URL: write one such as https://shop.example/paid?order=1001, percent-encoded once, without credentials and fragment, its host in ASCII"
            }
            Self::TooLong => "is longer than 2048 characters: shorten it",
            Self::NoParameter => "has no parameter: add one that is unique for each order, such as ?order=1001",
            Self::NotPublic => "leads to a host that is not on the public internet: use the shop's public address",
            Self::Ours => "leads to this payment page itself: use the shop's own address",
        }
    }
}

impl Target {
    /// Checks a callback URL against everything that can be known without a network.
    ///
    /// # Errors
    /// One [`TargetError`] for each way it can be unusable.
    pub fn parse(config: &Config, text: &str) -> Result<Self, TargetError> {
        let url = reachable(config, text)?;
        let named = |query| query::pairs(query).any(|pair| !pair.name().is_empty());
        if !url.query().is_some_and(named) {
            return Err(TargetError::NoParameter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL as its merchant wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks that Livery may call a URL.
///
/// # Errors
/// One [`TargetError`] for each way it can be unusable, but [`TargetError::NoParameter`].
pub fn reachable(config: &Config, text: &str) -> Result<Url, TargetError> {
    if text.len() > MAX_LEN {
        return Err(TargetError::TooLong);
    }
    let url = web_url::parse(text).ok_or(TargetError::Malformed)?;
    let spelt = text.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '\\');
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let authority = web_url::authority(&url).filter(|_| spelt && bare && matches!(url.scheme(), "http" | "https"));
    let authority = authority.ok_or(TargetError::Malformed)?;
    if is_own(config, &url, &authority) || config.names.hides(&authority) {
        return Err(TargetError::Ours);
    }
    if !config.origin.is_development() && !public_host::is_public(&url) {
        return Err(TargetError::NotPublic);
    }
    Ok(url)
}

/// Whether a URL leads back to Livery: in production on any port, for Cloudflare serves a host on several; in development
/// on our own port only, for everything else there shares the host.
fn is_own(config: &Config, url: &Url, authority: &str) -> bool {
    let name = |host: &str| host.split(':').next().unwrap_or_default().trim_end_matches('.').to_owned();
    let ours = config.origin.host();
    authority == ours || (!config.origin.is_development() && url.host_str().map(name) == Some(name(ours)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;
    use proptest::prelude::*;

    fn refused(text: &str) -> Option<TargetError> {
        Target::parse(&config(&[]), text).err()
    }

    #[test]
    fn a_shop_on_the_internet_is_accepted_as_written() {
        for good in [
            "https://www.example.com/orders.php?number=8271468415326",
            "http://shop.example/a?b=%2F+ü",
            "https://8.8.8.8/?n=1",
            "https://[2606:4700::1]/?n",
        ] {
            assert_eq!(Target::parse(&config(&[]), good).map(|t| t.0), Ok(good.to_owned()));
        }
    }

    #[test]
    fn what_is_no_callback_url_is_refused() {
        for bad in [
            "",
            "/paid?n=1",
            "shop.example/?n=1",
            "ftp://shop.example/?n=1",
            "javascript:alert(1)?n=1",
            "https://u:p@shop.example/?n=1",
            "https://shop.example/?n=1#f",
            "https://shop.example/?n=1 2",
            "https:\\\\shop.example/?n=1",
            "https://?n=1",
            "https://１２７.0.0.1/?n=1",
        ] {
            assert_eq!(refused(bad), Some(TargetError::Malformed), "{bad}");
        }
        for bad in ["https://shop.example/", "https://shop.example/?", "https://shop.example/?&", "https://shop.example/?=1"] {
            assert_eq!(refused(bad), Some(TargetError::NoParameter), "{bad}");
        }
        assert_eq!(refused(&format!("https://shop.example/?n={}", "1".repeat(2048))), Some(TargetError::TooLong));
    }

    #[test]
    fn private_places_are_refused_in_every_disguise() {
        let hosts = [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.100.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
            "[fc00::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "localhost",
            "localhost.",
            "a.localhost",
            "printer.local",
            "db.internal",
            "intranet",
        ];
        for host in hosts {
            assert_eq!(refused(&format!("https://{host}/?n=1")), Some(TargetError::NotPublic), "{host}");
        }
    }

    #[test]
    fn the_gateway_and_ourselves_are_refused() {
        for host in [
            "api.anexpay.net",
            "ANEXPAY.net",
            "pay.shop.example",
            "Pay.Shop.Example:443",
            "pay.shop.example:8443",
            "pay.shop.example.",
        ] {
            assert_eq!(refused(&format!("https://{host}/?n=1")), Some(TargetError::Ours), "{host}");
        }
    }

    #[test]
    fn development_allows_loopback() {
        let development = config(&[("CHECKOUT_DOMAIN", "127.0.0.1:8787")]);
        assert!(Target::parse(&development, "http://127.0.0.1:8704/orders.php?number=1").is_ok());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(https?://)?\\PC{0,60}") {
            let _ = refused(&text);
        }

        #[test]
        fn no_private_ipv4_passes(a in prop::sample::select(vec![0_u8, 10, 127, 240]), rest in any::<[u8; 3]>()) {
            let ip = u32::from_be_bytes([a, rest[0], rest[1], rest[2]]);
            for host in [format!("{ip}"), format!("0x{ip:x}"), format!("{a}.{}.{}.{}", rest[0], rest[1], rest[2])] {
                prop_assert_eq!(refused(&format!("https://{host}/?n=1")), Some(TargetError::NotPublic));
            }
        }
    }
}
