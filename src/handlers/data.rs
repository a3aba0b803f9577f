//! `/control/provider-status`, `/control/convert.php` and `/control/payment-status.php`: JSON, read and written anew. What is at
//! hand is answered without the gateway.

use super::json;
use super::known::{self, CallHeaders, Question};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::opaque::Opaque;
use crate::gateway::{accepted, rates, status};
use crate::http::Request;
use crate::livery::request_headers;
use crate::memory::Subject;
use crate::money::{Amount, Currency};
use crate::query::Params;

/// The provider list.
///
/// # Errors
/// None before the gateway answered.
pub fn list_providers(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    if let Some(answer) = listed(cx, &|| request_headers::for_api(request.headers)) {
        return answer;
    }
    let headers = request_headers::for_api(request.headers);
    let not_here = move |cx: &Context<'_>| {
        listed(cx, &|| headers.clone()).unwrap_or_else(|| {
            let call = Question::Providers.call(cx.config, headers);
            ask_gateway(cx, call, |cx, came| answer(json(known::told_providers(cx, came)?.json.clone())))
        })
    };
    known::look_up(cx, vec![Subject::Providers], Box::new(not_here))
}

/// The answer, if the list is at hand.
fn listed(cx: &Context<'_>, headers: &dyn Fn() -> CallHeaders) -> Option<Outcome> {
    known::providers(cx, headers).map(|list| answer(json(list.json.clone())))
}

/// Converts an amount to dollars.
///
/// # Errors
/// The [`Error`] of the first value that is wrong.
pub fn convert(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let params = Params::read(request.query, &["from", "value"])?;
    let from: Currency = params.required("from")?.parse().map_err(|why| Error::Currency("from", why))?;
    let value = Amount::parse(&params.required("value")?).map_err(|why| Error::Amount("value", why))?;
    if let Some(answer) = converted(cx, from, &value, &|| request_headers::for_api(request.headers)) {
        return answer;
    }
    let headers = request_headers::for_api(request.headers);
    let not_here = move |cx: &Context<'_>| {
        converted(cx, from, &value, &|| headers.clone()).unwrap_or_else(|| {
            ask_gateway(cx, rates::request(cx.config, from, &value, headers), move |cx, came| {
                let unknown = Error::Value("from", "is a currency that cannot be converted: choose another");
                answer(json(known::told_conversion(cx, from, &value, came)?.ok_or(unknown)?.to_json()))
            })
        })
    };
    known::look_up(cx, vec![Subject::Rate(from)], Box::new(not_here))
}

/// The answer, if the rate is at hand and good for this amount.
fn converted(cx: &Context<'_>, from: Currency, value: &Amount, headers: &dyn Fn() -> CallHeaders) -> Option<Outcome> {
    let conversion = known::rate(cx, from, headers)?.convert(value)?;
    Some(answer(json(conversion.to_json())))
}

/// Whether an order was paid. That it was is remembered, that it was not for a few seconds.
///
/// # Errors
/// The [`Error`] of a token that is missing or malformed.
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
