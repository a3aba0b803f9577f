//! `/process-payment.php`: sends the customer to the provider's own page.

use super::country_of;
use crate::config::Config;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::payment::{self, MAX_HOPS, Outcome as Told};
use crate::gateway::{GatewayError, accepted, opaque};
use crate::http::{Call, Request, Response};
use crate::livery::{request_headers, response_headers};
use crate::money::{Amount, Currency};
use crate::query::{self, Params};

/// The parameters that the gateway's document gives to payment links.
const KNOWN: [&str; 5] = ["address", "amount", "currency", "email", "provider"];

/// Asks the gateway for the provider's URL with the caller's query, byte for byte.
///
/// # Errors
/// The [`Error`] of the first value that is wrong.
#[inline(never)]
pub fn redirect(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let country = country_of(cx.config, request)?;
    let query = checked_query(request.query)?;
    let call = payment::request(cx.config, &query, request_headers::for_customer(request.headers, country));
    follow(cx, call, MAX_HOPS)
}

/// Makes the call, follows redirects inside the gateway and ends with the customer on their way to the provider.
///
/// # Errors
/// None before the gateway answered.
pub fn follow(cx: &Context<'_>, call: Call, hops_left: u8) -> Outcome {
    let called = call.clone();
    ask_gateway(cx, call, move |cx, reply| {
        let reply = accepted(reply)?;
        match payment::interpret(cx.config, &called.url, &reply)? {
            Told::Provider(url) => answer(Response::redirect(url)),
            Told::Hop(_) if hops_left == 0 => Err(GatewayError::InvalidReply.into()),
            Told::Hop(url) => follow(cx, payment::follow(url, unsigned(called.headers)), hops_left - 1),
            Told::Page => answer(page(cx.config, &reply)?),
        }
    })
}

/// A page instead of a redirect: passed on like the hosted page.
fn page(config: &Config, reply: &crate::http::Reply) -> Result<Response, Error> {
    let response = response_headers::pass(&config.names, reply);
    Ok(response.ok_or(GatewayError::InvalidReply)?.header("cache-control", "no-store"))
}

/// The headers without the signature that was made for the hop before.
fn unsigned(headers: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    headers.into_iter().filter(|(name, _)| *name != crate::downline::SIGNATURE).collect()
}

/// Checks what a merchant wrote. A link with parameters besides the documented ones was made by the gateway for its
/// hosted page, whose form is not published: there, only what is present is checked.
fn checked_query(raw: &str) -> Result<String, Error> {
    let params = Params::read(raw, &KNOWN)?;
    let is_gateways = query::pairs(raw).any(|pair| !KNOWN.contains(&pair.name().as_ref()));
    if !is_gateways {
        for name in ["address", "amount", "provider", "email", "currency"] {
            params.required(name)?;
        }
    }
    check_values(&params)?;
    repaired_address(raw, &params)
}

/// Checks amount and currency, where they are given.
///
/// # Errors
/// [`Error::Amount`], [`Error::Currency`].
pub fn check_values(params: &Params<'_>) -> Result<(), Error> {
    if let Some(amount) = params.optional("amount")? {
        Amount::parse(&amount).map_err(|why| Error::Amount("amount", why))?;
    }
    if let Some(currency) = params.optional("currency")? {
        currency.parse::<Currency>().map_err(|why| Error::Currency("currency", why))?;
    }
    Ok(())
}

/// The query with its `address` encoded once; unchanged where it is.
///
/// # Errors
/// [`Error::Opaque`] for a wallet in its place, and for what nobody issued.
pub fn repaired_address(raw: &str, params: &Params<'_>) -> Result<String, Error> {
    match params.pair("address") {
        Some(pair) => opaque::repaired(raw, pair).map_err(|why| Error::Opaque("address", why)),
        None => Ok(raw.to_owned()),
    }
}
