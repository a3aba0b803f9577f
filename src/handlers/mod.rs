//! What each route does. A handler reads and validates its input, then proceeds step by step as [`crate::flow`] says.
//!
//! None is inlined: the runtime compiles a function when it is first called, and the first request would wait for all of them.

pub mod api;
pub mod callback;
pub mod checkout;
pub mod data;
pub mod home;
pub mod ledger;
pub mod page;
pub mod payment;
pub mod session;
pub mod stream;
pub mod wallet;

use crate::config::Config;
use crate::country::Country;
use crate::downline;
use crate::error::Error;
use crate::http::{Request, Response};
use crate::livery::request_headers::COUNTRY;

/// A JSON answer that nobody keeps.
fn json(text: String) -> Response {
    Response::new(200).text("application/json", text).header("cache-control", "no-store")
}

/// The customer's country: what a downline signed, otherwise what Cloudflare saw. A `PGTO-IPCountry` that nobody signed
/// is passed over.
fn country_of(config: &Config, request: &Request<'_>) -> Result<Country, Error> {
    let signed = downline::verify(config, request)?.and_then(|_| request.headers.get(COUNTRY));
    Ok(signed.as_deref().and_then(Country::parse).unwrap_or(request.country))
}
