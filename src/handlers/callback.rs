//! `/callback`: the gateway reports a payment, and the merchant is told.
//!
//! `*ok*` is said only once the merchant has taken the report, because it ends the gateway's tries. Repeats are passed
//! on: the merchant decides what a repeat means.

use crate::callback::{relay, target::Target, token};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_merchant};
use crate::http::{Fault, Request, Response};
use crate::query::Params;

/// What the gateway wants to read, to the letter.
const ACKNOWLEDGED: &str = "*ok*";

/// Opens the token and calls the merchant.
///
/// # Errors
/// [`Error::Token`] for a token that was not issued here; [`Error::Callback`] where its merchant may not be called.
#[inline(never)]
pub fn relay(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let token = Params::read(request.query, &[token::PARAMETER])?.required(token::PARAMETER)?;
    let target = Target::parse(cx.config, &token::open(cx.config, &token).ok_or(Error::Token)?)?;
    ask_merchant(cx, relay::call(&target, request.query), |_, reply| {
        let reply = reply.map_err(|fault| Error::Merchant(None, fault))?;
        match reply.status {
            200..=299 => {
                answer(Response::new(200).text("text/plain; charset=utf-8", ACKNOWLEDGED).header("cache-control", "no-store"))
            }
            other => Err(Error::Merchant(Some(other), Fault::Unreadable)),
        }
    })
}
