//! The merchant's own callback URL.
//!
//! Livery will call it, so it is a request that strangers can make us send. It must therefore lead to a public host:
//! not to this machine, not into a private network, not to the gateway and not back to Livery.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::config::Config;
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
    if !config.origin.is_development() && !is_public(&url) {
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

/// Names that resolve to private places by convention (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`).
const PRIVATE_SUFFIXES: [&str; 5] = ["localhost", "local", "internal", "home.arpa", "lan"];

/// IPv4 blocks that are not the public internet (IANA's special-purpose address registry), with their prefix lengths.
const PRIVATE_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// IPv6 blocks inside the global unicast space that lead elsewhere: protocol assignments with Teredo, documentation
/// (two blocks) and 6to4.
const PRIVATE_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// All of IPv6 that is routed on the public internet.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether a URL's host can be on the public internet. Names are not resolved here: the platform connects to public
/// addresses only. The URL parser has already turned `0x7f.1`, `2130706433` and the like into plain addresses.
#[must_use]
pub fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => !PRIVATE_V4.iter().any(|(block, prefix)| (ip.to_bits() ^ block.to_bits()) >> (32 - prefix) == 0),
        Some(Host::Ipv6(ip)) => in_v6(ip, GLOBAL_V6) && !PRIVATE_V6.iter().any(|block| in_v6(ip, *block)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && !PRIVATE_SUFFIXES.iter().any(|suffix| is_under(name, suffix))
        }
        None => false,
    }
}

fn in_v6(ip: Ipv6Addr, (block, prefix): (Ipv6Addr, u32)) -> bool {
    (ip.to_bits() ^ block.to_bits()) >> (128 - prefix) == 0
}

fn is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
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
