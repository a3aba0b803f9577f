//! Wherever the gateway redirects to: Livery fetches from the configured hosts alone, and a customer is sent only where a
//! customer may be.
//!
//! The first byte chooses the settings and the URL that was called; the rest is the `Location`.

use livery::config::Config;
use livery::livery::location::{Destination, resolve};
use livery::web_url;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;
use url::{Host, Url};

/// Production, a sibling brand of the gateway's in production, development.
static CONFIGS: LazyLock<[Config; 3]> = LazyLock::new(|| {
    [
        super::settings::config(&[]),
        super::settings::config(&[
            ("GATEWAY_API_URL", "https://api.sibling.example:8443"),
            ("GATEWAY_CHECKOUT_URL", "https://pay.sibling.example"),
            ("GATEWAY_DOMAINS", "sibling.example,anexpay.net"),
        ]),
        super::settings::config(&[
            ("CHECKOUT_DOMAIN", "127.0.0.1:8787"),
            ("GATEWAY_API_URL", "http://127.0.0.1:8701"),
            ("GATEWAY_CHECKOUT_URL", "http://127.0.0.1:8702"),
        ]),
    ]
});

const PATHS: [&str; 3] = ["/process-payment.php?a=1&b=%2F", "/pay.php", "/a/b/../c;d?e=https://x/#f"];

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    let Some((choice, location)) = data.split_first() else { return };
    let (choice, location) = (usize::from(*choice), String::from_utf8_lossy(location));
    let config = &CONFIGS[choice % 3];
    let base = if choice / 3 % 2 == 0 { &config.checkout } else { &config.api };
    let mut called = base.url(PATHS[choice / 6 % 3]);
    for _ in 0..3 {
        match resolve(config, &called, &location) {
            Some(Destination::Gateway { fetched, path_and_query }) => {
                is_fetched_from_the_gateway(config, &fetched);
                stays_on_our_host(config, &path_and_query);
                called = fetched;
            }
            Some(Destination::Elsewhere(url)) => return is_a_place_for_customers(config, &called, &location, &url),
            None => return,
        }
    }
}

fn is_fetched_from_the_gateway(config: &Config, fetched: &str) {
    let url = Url::parse(fetched).expect("what is fetched is a URL");
    assert!([&config.api, &config.checkout].iter().any(|base| base.is_root_of(&url)), "{fetched}");
    assert!([&config.api, &config.checkout].iter().any(|base| fetched.starts_with(&base.url("/"))), "{fetched}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{fetched}");
    assert!(is_printable(fetched), "{fetched:?}");
}

fn stays_on_our_host(config: &Config, path_and_query: &str) {
    let shown = config.origin.url(path_and_query);
    let url = Url::parse(&shown).expect("what is shown is a URL");
    assert_eq!(web_url::authority(&url).as_deref(), Some(config.origin.host()), "{shown}");
    assert_eq!(url.scheme(), config.origin.scheme());
    assert!(is_printable(&shown), "{shown:?}");
}

fn is_a_place_for_customers(config: &Config, called: &str, location: &str, shown: &str) {
    assert!(is_printable(shown), "{shown:?}");
    let meant = Url::parse(called).and_then(|base| base.join(location)).expect("what was resolved is a URL");
    // What a browser makes of it, which sees it on a page of ours.
    let seen = Url::parse(&config.origin.url("/pay.php")).and_then(|base| base.join(shown)).expect("a URL for browsers");
    assert_eq!(seen, meant, "{shown}");
    let production = !config.origin.is_development();
    assert!(seen.scheme() == "https" || (seen.scheme() == "http" && !production), "{shown}");
    assert!(!production || is_on_the_internet(&seen), "{shown}");
    let is_clean = is_printable(location) && Url::parse(location).is_ok();
    assert_eq!(shown, if is_clean { location } else { meant.as_str() }, "{location}");
    assert_names_nobody(config, shown);
}

/// Only the query, which a provider may have signed, can hold a hidden name.
fn assert_names_nobody(config: &Config, shown: &str) {
    let (before, fragment) = shown.split_once('#').unwrap_or((shown, ""));
    for part in [before.split('?').next().unwrap_or_default(), fragment] {
        assert!(!config.names.hides(part), "{shown}");
        for text in [part.into(), percent_encoding::percent_decode_str(part).decode_utf8_lossy()] {
            assert!(!text.to_ascii_lowercase().contains("anexpay.net"), "{shown}");
        }
    }
}

/// ASCII without spaces and control characters, so that it can be a header's value.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_on_the_internet(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let last = name.trim_end_matches('.').rsplit_once('.').map(|(_, last)| last);
            last.is_some_and(|last| !["localhost", "local", "internal"].contains(&last))
        }
        Some(Host::Ipv4(ip)) => is_public_v4(ip),
        Some(Host::Ipv6(ip)) => is_public_v6(ip),
        None => false,
    }
}

const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast();
    !(special || ip.is_multicast() || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let special = ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.to_ipv4_mapped().is_some();
    !(special || ip.is_unique_local() || ip.is_unicast_link_local())
}
