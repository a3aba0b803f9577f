//! `/control/provider-status`, `/control/convert.php` and `/control/payment-status.php`: JSON, read and written anew. What is at
//! hand is answered without the gateway.

use super::json;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::opaque::Opaque;
use crate::gateway::{accepted, status};
use crate::http::Request;
use crate::known::{self, Question};
use crate::livery::request_headers;
use crate::money::{Amount, Currency};
use crate::query::Params;

/// The provider list.
///
/// # Errors
/// None before the gateway answered.
#[inline(never)]
pub fn list_providers(cx: &Context<'_>) -> Outcome {
    serve(cx, Question::Providers)
}

/// Converts an amount to dollars.
///
/// # Errors
/// The [`Error`] of the first value that is wrong.
#[inline(never)]
pub fn convert(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let params = Params::read(request.query, &["from", "value"])?;
    let from: Currency = params.required("from")?.parse().map_err(|why| Error::Currency("from", why))?;
    let value = Amount::parse(&params.required("value")?).map_err(|why| Error::Amount("value", why))?;
    serve(cx, Question::Rate(from, value))
}

/// Answers from what is at hand, or is at the edge, or else from the gateway.
fn serve(cx: &Context<'_>, question: Question) -> Outcome {
    if let Some(text) = question.at_hand(cx) {
        return answer(json(text));
    }
    let subject = question.subject();
    let not_here = move |cx: &Context<'_>| {
        if let Some(text) = question.at_hand(cx) {
            return answer(json(text));
        }
        let call = question.call(cx.config);
        ask_gateway(cx, call, move |cx, came| answer(json(question.told(cx, came)?)))
    };
    known::look_up(cx, vec![subject], Box::new(not_here))
}

/// Whether an order was paid. That it was is remembered, that it was not for a few seconds.
///
/// # Errors
/// The [`Error`] of a token that is missing or malformed.
#[inline(never)]
pub fn payment_status(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let params = Params::read(request.query, &["ipn_token"])?;
    params.required("ipn_token")?;
    let raw = params.pair("ipn_token").map_or("", |pair| pair.raw_value);
    let token = Opaque::parse(raw).map_err(|why| Error::Opaque("ipn_token", why))?;
    if let Some(kept) = cx.memory.payment(&token.encoded(), cx.now) {
        return answer(json(kept));
    }
    let call = status::request(cx.config, &token, request_headers::for_api(request.headers));
    ask_gateway(cx, call, move |cx, reply| {
        let status = status::interpret(&accepted(reply)?)?;
        cx.memory.keep_payment(token.encoded(), status.to_json(), status.is_final(), cx.now);
        answer(json(status.to_json()))
    })
}
