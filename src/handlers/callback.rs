//! `/callback`: the gateway reports a payment, and the merchant is told.
//!
//! `*ok*` ends the gateway's tries, so it is said only once the report is safe: for a session, when its ledger has written it down,
//! and the merchant hears of it when it is verified; otherwise, when the merchant has taken it. Then repeats are passed on too:
//! the merchant decides what a repeat means.

use super::ledger::{self, Reported};
use crate::callback::{relay, target::Target, token};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_ledger, ask_merchant};
use crate::http::{Fault, Request, Response};
use crate::ledger::id::AccountId;
use crate::query::Params;

/// What the gateway wants to read, to the letter.
const ACKNOWLEDGED: &str = "*ok*";

/// Opens the token, and hands the report to the ledger or to the merchant.
///
/// # Errors
/// [`Error::Token`] for a token that was not issued here; [`Error::Callback`] where its merchant may not be called.
#[inline(never)]
pub fn relay(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let token = Params::read(request.query, &[token::PARAMETER])?.required(token::PARAMETER)?;
    let opened = token::open(cx.config, &token).ok_or(Error::Token)?;
    if let Some((account, session)) = token::session(&opened) {
        return report(&account, session, request.query);
    }
    let target = Target::parse(cx.config, &opened)?;
    ask_merchant(cx, relay::call(&target, request.query), |_, reply| {
        let reply = reply.map_err(|fault| Error::Merchant(None, fault))?;
        match reply.status {
            200..=299 => acknowledge(),
            other => Err(Error::Merchant(Some(other), Fault::Unreadable)),
        }
    })
}

fn report(account: &AccountId, session: &str, query: &str) -> Outcome {
    let reported = Reported { session: session.to_owned(), query: query.to_owned() };
    ask_ledger(ledger::call(account, ledger::REPORT, &reported)?, |_, came| {
        ledger::told(came)?;
        acknowledge()
    })
}

fn acknowledge() -> Outcome {
    answer(Response::new(200).text("text/plain; charset=utf-8", ACKNOWLEDGED).header("cache-control", "no-store"))
}
