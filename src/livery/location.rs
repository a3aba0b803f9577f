//! Where a redirect of the gateway leads.

use url::{Position, Url};

use crate::config::{Base, Config};
use crate::public_host;
use crate::web_url;

/// The two kinds of places that the gateway may send somebody to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A page of the gateway itself.
    Gateway {
        /// The URL that Livery fetches.
        fetched: String,
        /// Path, query and fragment: the customer sees them on our own host.
        path_and_query: String,
    },
    /// Somebody else's page, usually a provider's: the `Location` byte for byte.
    Elsewhere(String),
}

/// Reads a `Location` that came with the reply of `called`. `None` if it leads nowhere a customer may be sent.
///
/// A name is the gateway's if it is hidden; its API's host is told by the configured host or by its first label, `api`.
/// All other targets must be `https`, in development also `http`: never `javascript:`, and never this machine in
/// production.
#[must_use]
pub fn resolve(config: &Config, called: &str, location: &str) -> Option<Destination> {
    let has_scheme = location.starts_with("https://") || location.starts_with("http://");
    let url = if has_scheme { web_url::parse(location) } else { web_url::join(&web_url::parse(called)?, location) }?;
    let authority = web_url::authority(&url).filter(|_| matches!(url.scheme(), "https" | "http"))?;
    if config.names.hides(&authority) {
        let fetched = fetching_base(config, &url).url(&url[Position::BeforePath..Position::AfterQuery]);
        return Some(Destination::Gateway { fetched, path_and_query: url[Position::BeforePath..].to_owned() });
    }
    let allowed = config.origin.is_development() || (url.scheme() == "https" && public_host::is_public(&url));
    let unchanged = location.is_ascii() && !location.bytes().any(|b| b.is_ascii_control() || b == b' ');
    let absolute = unchanged && (has_scheme || web_url::parse(location).is_some());
    // The parser drops tabs and line breaks, and with them what may have stood in the middle of a name.
    let shown = if absolute { location.to_owned() } else { url.into() };
    (allowed && !is_named_outside_query(config, &shown)).then_some(Destination::Elsewhere(shown))
}

/// A provider may sign a query that holds a hidden name; in every other part of its URL a name has no business.
fn is_named_outside_query(config: &Config, url: &str) -> bool {
    let (before_fragment, fragment) = url.split_once('#').unwrap_or((url, ""));
    let before_query = before_fragment.split('?').next().unwrap_or_default();
    config.names.hides(before_query) || config.names.hides(fragment)
}

fn fetching_base<'c>(config: &'c Config, url: &Url) -> &'c Base {
    let is_api = config.api.is_root_of(url) || url.host_str().is_some_and(|host| host.starts_with("api."));
    if is_api && !config.checkout.is_root_of(url) { &config.api } else { &config.checkout }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;
    use proptest::prelude::*;

    const CALLED: &str = "https://checkout.anexpay.net/process-payment.php?a=1";

    fn resolved(location: &str) -> Option<Destination> {
        resolve(&config(&[]), CALLED, location)
    }

    fn gateway(fetched: &str, path: &str) -> Destination {
        Destination::Gateway { fetched: fetched.to_owned(), path_and_query: path.to_owned() }
    }

    #[test]
    fn gateway_pages_are_fetched_from_the_configured_hosts() {
        let api = "https://api.anexpay.net/x.php?b=%2f+1";
        assert_eq!(resolved(api), Some(gateway(api, "/x.php?b=%2f+1")));
        assert_eq!(resolved("https://www.anexpay.net/x"), Some(gateway("https://checkout.anexpay.net/x", "/x")));
        assert_eq!(resolved("//CHECKOUT.anexpay.net/x"), Some(gateway("https://checkout.anexpay.net/x", "/x")));
        assert_eq!(resolved("/x#f"), Some(gateway("https://checkout.anexpay.net/x", "/x#f")));
        assert_eq!(
            resolved("?c=2"),
            Some(gateway("https://checkout.anexpay.net/process-payment.php?c=2", "/process-payment.php?c=2"))
        );
    }

    #[test]
    fn a_provider_url_is_kept_byte_for_byte() {
        let url = "https://buy.moonpay.example/?sig=a%2Fb+c%20d&u=https%3A%2F%2Fapi.anexpay.net";
        assert_eq!(resolved(url), Some(Destination::Elsewhere(url.to_owned())));
    }

    #[test]
    fn other_places_are_refused() {
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "http://buy.example/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://10.0.0.1/",
            "https://",
            "https://localhost/",
            "https://anexpay.net@provider.example/x",
            "https://provider.example/anexpay%2Enet/x",
            "https://provider.example/x#https://api.anexpay.net",
            "https://provider.example/anex\tpay.net/x",
        ] {
            assert_eq!(resolved(bad), None, "{bad}");
        }
        let development = config(&[("CHECKOUT_DOMAIN", "127.0.0.1:8787")]);
        assert!(resolve(&development, CALLED, "http://127.0.0.1:8703/pay").is_some());
    }

    proptest! {
        #[test]
        fn only_configured_hosts_are_ever_fetched(location in "(https?:)?(//|\\\\)?[a-z.@:\\\\]{0,12}(anexpay\\.net|evil\\.example)?[/:?#@a-z.]{0,10}") {
            if let Some(Destination::Gateway { fetched, .. }) = resolved(&location) {
                let url = Url::parse(&fetched).unwrap();
                prop_assert!(matches!(url.host_str(), Some("api.anexpay.net" | "checkout.anexpay.net")), "{}", fetched);
            }
        }

        #[test]
        fn no_location_panics(location in "\\PC{0,60}") {
            let _ = resolved(&location);
        }
    }
}
