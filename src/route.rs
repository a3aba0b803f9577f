//! Every route, in one list.
//!
//! Paths are matched exactly. What is in no row is a page or an asset of the hosted checkout, if its path can be nothing
//! else: the gateway answers its whole API on the checkout host too, so a path that PHP or its web server could take for
//! an API script is never passed on.

use crate::api::stream;
use crate::error::Error;
use crate::gateway::{page, payment, providers, rates, status, wallet};
use crate::http::Method;
use crate::ledger::session;
use crate::{api, callback, checkout};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Our own front page.
    Home,
    /// Whether the settings are good.
    Health,
    /// The one-link checkout.
    Checkout,
    /// The gateway reports a payment.
    Callback,
    /// Creates the wallet of an order.
    Wallet(Script),
    /// The same for a sub-affiliate's own Livery.
    DownlineWallet,
    /// Sends the customer to a provider.
    Payment,
    /// The gateway's hosted page.
    HostedPage,
    /// The list of providers.
    Providers,
    /// Conversion to dollars.
    Convert,
    /// Whether an order was paid.
    PaymentStatus,
    /// Everything else of the hosted page: its assets and forms.
    Asset,
    /// The REST API.
    Api,
    /// Live events.
    Stream,
    /// The page of one checkout session.
    Session,
}

/// Which of the gateway's four wallet scripts a caller named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `wallet.php`
    Plain,
    /// `affiliate.php`
    Affiliate,
    /// `custom-affiliate.php`
    Custom,
    /// `custom-sub-affiliate.php`
    ThreeWay,
}

/// Methods of routes that create something, or answer with data.
const GET: &str = "GET";
/// Methods of pages.
const PAGE: &str = "GET, HEAD";
const GET_POST: &str = "GET, POST";
const ANY: &str = "GET, HEAD, POST";

const ROUTES: [(&str, &str, Route); 14] = [
    (PAGE, "/", Route::Home),
    (PAGE, "/healthz", Route::Health),
    (GET, checkout::link::PATH, Route::Checkout),
    (GET, callback::token::PATH, Route::Callback),
    (GET, "/control/wallet.php", Route::Wallet(Script::Plain)),
    (GET, "/control/affiliate.php", Route::Wallet(Script::Affiliate)),
    (GET, "/control/custom-affiliate.php", Route::Wallet(Script::Custom)),
    (GET, "/control/custom-sub-affiliate.php", Route::Wallet(Script::ThreeWay)),
    (GET_POST, wallet::DOWNLINE_PATH, Route::DownlineWallet),
    (GET, payment::PATH, Route::Payment),
    (PAGE, page::PATH, Route::HostedPage),
    (GET, providers::PATH, Route::Providers),
    (GET, rates::PATH, Route::Convert),
    (GET, status::PATH, Route::PaymentStatus),
];

/// The gateway's folders that hold scripts and no assets, in lower case.
const API_FOLDERS: [&str; 4] = ["api", "control", "crypto", "subsevmer"];

impl Route {
    /// The route of a method and a path.
    ///
    /// # Errors
    /// [`Error::Method`] where the path exists and the method does not, [`Error::NotFound`] for a path that must not be
    /// passed on.
    pub fn find(method: Method, path: &str) -> Result<Self, Error> {
        if path == stream::PATH {
            return if method == Method::Get { Ok(Self::Stream) } else { Err(Error::Method(GET)) };
        }
        if path.starts_with(api::ROOT) {
            return Ok(Self::Api);
        }
        let path = if path == "/control/provider-status/" { providers::PATH } else { path };
        let known = ROUTES.iter().find(|(_, known, _)| *known == path).map(|(allowed, _, route)| (*allowed, *route));
        let (allowed, route) = match known {
            Some(row) => row,
            None if session::of_path(path).is_some() => (PAGE, Self::Session),
            None if is_asset(path) => (ANY, Self::Asset),
            None if is_price(path) => (GET, Self::Asset),
            None => return Err(Error::NotFound),
        };
        let served = allowed.split(", ").any(|name| name == method.as_str());
        if served { Ok(route) } else { Err(Error::Method(allowed)) }
    }

    /// Its name in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Health => "health",
            Self::Checkout => "checkout",
            Self::Callback => "callback",
            Self::Wallet(_) => "wallet",
            Self::DownlineWallet => "downline_wallet",
            Self::Payment => "payment",
            Self::HostedPage => "hosted_page",
            Self::Providers => "providers",
            Self::Convert => "convert",
            Self::PaymentStatus => "payment_status",
            Self::Asset => "asset",
            Self::Api => "api",
            Self::Stream => "stream",
            Self::Session => "session",
        }
    }

    /// Whether programs call it rather than browsers: they get JSON whatever they accept.
    #[must_use]
    pub const fn is_api(self) -> bool {
        !matches!(self, Self::Home | Self::Checkout | Self::Payment | Self::HostedPage | Self::Asset | Self::Session)
    }

    /// Whether a browser's script may read the answer from any origin, as with the gateway itself.
    #[must_use]
    pub const fn is_public_data(self) -> bool {
        matches!(self, Self::Wallet(_) | Self::Providers | Self::Convert | Self::PaymentStatus | Self::Stream)
    }
}

/// Whether a path can be nothing but a page or an asset: plain characters, no empty or dotted folders, no script with
/// something behind it, and nothing that resembles a path we serve ourselves or the gateway's API.
fn is_asset(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.' | b'~' | b'@' | b'+' | b',');
    let lower = path.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix('/') else { return false };
    let sound = |segment: &str| !segment.is_empty() && !segment.starts_with('.') && !segment.ends_with('.');
    let (first, file) = (rest.split('/').next().unwrap_or_default(), rest.strip_suffix(".php").unwrap_or(rest));
    path.bytes().all(plain)
        && rest.split('/').all(|segment| sound(segment) && !API_FOLDERS.contains(&segment) && !is_served(segment))
        // A web server may be set to find `pay.php` for `/pay` and for `/pay/x`, or to run `x.php.css`.
        && !is_served(&format!("{first}.php"))
        && !file.contains(".php")
}

/// Whether a file of this name, in any folder, is one that we serve ourselves, a script of the gateway's that creates wallets,
/// or one that could run any other.
fn is_served(name: &str) -> bool {
    let ends = ["wallet.php", "affiliate.php", "index.php"].iter().any(|end| name.ends_with(end));
    ends || ROUTES.iter().any(|(_, known, _)| known.rsplit('/').next().is_some_and(|last| !last.is_empty() && last == name))
}

/// Whether a path is a coin's price, `/crypto/polygon/pol/info.php`, which the hosted page shows: the one script in the
/// API's folders that only reads.
fn is_price(path: &str) -> bool {
    let ticker = path.strip_prefix("/crypto/").and_then(|rest| rest.strip_suffix("/info.php")).unwrap_or_default();
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    ticker.split('/').count() <= 2 && ticker.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query;
    use proptest::prelude::*;

    #[test]
    fn every_row_is_found_and_other_methods_are_named() {
        for (allowed, path, route) in ROUTES {
            assert_eq!(Route::find(Method::Get, path), Ok(route));
            assert_eq!(Route::find(Method::Other, path), Err(Error::Method(allowed)));
        }
        assert_eq!(Route::find(Method::Get, "/control/provider-status/"), Ok(Route::Providers));
        assert_eq!(Route::find(Method::Post, "/pay.php"), Err(Error::Method(PAGE)));
    }

    #[test]
    fn assets_and_forms_are_passed_on() {
        for path in [
            "/assets/pay.css",
            "/js/app.min.js",
            "/select-provider.php",
            "/assets/pay/wallet/card.svg",
            "/assets/wallet.css",
            "/img/logo@2x.png",
            "/fonts/a_b-c.woff2",
            "/favicon.ico",
        ] {
            assert_eq!(Route::find(Method::Post, path), Ok(Route::Asset), "{path}");
        }
    }

    #[test]
    fn prices_can_be_read() {
        for path in ["/crypto/eth/info.php", "/crypto/polygon/pol/info.php"] {
            assert_eq!(Route::find(Method::Get, path), Ok(Route::Asset), "{path}");
            assert_eq!(Route::find(Method::Post, path), Err(Error::Method(GET)), "{path}");
        }
    }

    #[test]
    fn no_disguise_of_an_api_path_is_passed_on() {
        for path in [
            "/Control/wallet.php",
            "/CONTROL/custom-affiliate.php",
            "//control/wallet.php",
            "/x/control/wallet.php",
            "/control/",
            "/control",
            "/crypto/polygon/pol/wallet.php",
            "/subsevmer/onepercent.php",
            "/pay.php/",
            "/pay.php/x",
            "/PAY.PHP",
            "/Wallet.php",
            "/a/wallet.php",
            "/index.php/control/wallet.php",
            "/crypto/../control/info.php",
            "/crypto//info.php",
            "/crypto/info.php",
            "/%63ontrol/wallet.php",
            "/control%2fwallet.php",
            "/a/./b",
            "/a/../b",
            "/a//b",
            "/a\\b",
            "/a;b",
            "/.env",
            "/a/.git/config",
            "/x.",
            "/set-affiliate.php/",
            "/Callback",
            "/checkout/",
            "/a b",
            "/é",
            "/process-payment.php%00",
            "/pay",
            "/Process-Payment",
            "/pay/x",
            "/set-affiliate",
            "/vcc-set-affiliate.php",
            "/x/multi-hosted-wallet.php",
            "/index.php",
            "/x/Index.php",
            "/select.php.css",
            "/select.phps",
            "*",
            "",
        ] {
            assert_eq!(Route::find(Method::Get, path), Err(Error::NotFound), "{path}");
        }
    }

    /// Pieces that paths to scripts are made of, and disguises of their seams.
    fn piece() -> impl Strategy<Value = String> {
        let scripts = [
            "control",
            "Control",
            "wallet",
            "affiliate",
            "custom-affiliate",
            "pay",
            "process-payment",
            "set-affiliate",
            "convert",
            "crypto",
            "hosted",
            "api",
            "index",
            "assets",
            "x",
        ];
        let seams = [
            "/", "/", "/", "//", "/./", "/../", "\\", "%2f", "%5c", "%2e", "%00", ";", ".php", ".php", ".PHP", ".css", ".", "..",
            " ", "%20", "-", "?", "#", "\t", "~", ",",
        ];
        prop::sample::select([&scripts[..], &seams[..]].concat()).prop_map(str::to_owned)
    }

    /// The scripts that a web server with PHP behind it might run for a path, however it reads it: decoded, in any case,
    /// with doubled slashes and dots, with a path behind the script, without its ending, with another ending behind.
    fn scripts_of(path: &str) -> Vec<String> {
        let once = query::percent_decode(path).unwrap_or_default().into_owned();
        let twice = query::percent_decode(&once).unwrap_or_default().to_ascii_lowercase();
        let plain = twice.split(['\0', '?', '#', ';']).next().unwrap_or_default().replace(['\\', '\t', ' '], "/");
        let segments = plain.split('/').map(|segment| segment.trim_matches('.')).filter(|segment| !segment.is_empty());
        let mut names: Vec<String> = segments.clone().filter(|segment| segment.contains(".php")).map(str::to_owned).collect();
        names.extend(segments.take(1).filter(|first| !first.contains('.')).map(|first| format!("{first}.php")));
        names
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Promise 2: whatever the path, what could run one of the gateway's scripts with parameters that we check, or create a
        /// wallet, is served by its own route or not at all.
        #[test]
        fn no_path_reaches_a_known_script_as_an_asset(pieces in prop::collection::vec(piece(), 1..7)) {
            let path = format!("/{}", pieces.concat());
            if Route::find(Method::Post, &path) == Ok(Route::Asset) {
                for script in scripts_of(&path) {
                    let is_known = ["pay.php", "convert.php", "payment-status.php", "index.php"].contains(&script.as_str());
                    let creates = script.contains("wallet.php") || script.contains("affiliate.php");
                    let ends = script.find(".php") == Some(script.len().saturating_sub(4));
                    prop_assert!(!is_known && !creates && ends && script != "process-payment.php", "{path} may run {script}");
                }
                let lower = path.to_ascii_lowercase();
                prop_assert!(!API_FOLDERS.iter().any(|folder| lower.split('/').any(|segment| segment == *folder)), "{path}");
            }
        }

        #[test]
        fn no_path_panics_and_assets_are_plain(path in "(/|\\PC){0,40}") {
            if Route::find(Method::Get, &path) == Ok(Route::Asset) {
                prop_assert!(!path.to_ascii_lowercase().contains("control/") && !path.contains("..") && !path.contains("//"));
            }
        }
    }
}
