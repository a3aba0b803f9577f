//! `/control/provider-status`, `/control/convert.php` and `/control/payment-status.php`: JSON, read and written anew.

use std::rc::Rc;

use super::json;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::opaque::Opaque;
use crate::gateway::providers::Providers;
use crate::gateway::rates::Conversion;
use crate::gateway::{GatewayError, accepted, providers, rates, status};
use crate::http::{Fault, Reply, Request};
use crate::livery::request_headers;
use crate::memory::Age;
use crate::money::{Amount, Currency};
use crate::query::Params;

/// The provider list: this isolate's copy if it is fresh, or if the gateway fails.
///
/// # Errors
/// None before the gateway answered.
#[inline(never)]
pub fn list_providers(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    if let Some(copy) = cx.memory.providers(cx.now, Age::Fresh) {
        return answer(json(copy.to_json()));
    }
    let call = providers::request(cx.config, request_headers::for_api(request.headers));
    ask_gateway(cx, call, |cx, reply| answer(json(known_providers(cx, reply)?.to_json())))
}

/// The list from a reply, which is kept, or an older copy where the reply is none.
///
/// # Errors
/// [`GatewayError`] where there is no copy either.
pub fn known_providers(cx: &Context<'_>, reply: Result<Reply, Fault>) -> Result<Rc<Providers>, GatewayError> {
    match accepted(reply).and_then(|reply| Providers::from_reply(&reply)) {
        Ok(list) => {
            let list = Rc::new(list);
            cx.memory.keep_providers(Rc::clone(&list), cx.now);
            Ok(list)
        }
        Err(error) => {
            cx.memory.note_failure(cx.now);
            cx.memory.providers(cx.now, Age::Stale).ok_or(error)
        }
    }
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
    let call = rates::request(cx.config, from, &value, request_headers::for_api(request.headers));
    ask_gateway(cx, call, move |cx, reply| {
        let conversion = rates::interpret(&accepted(reply)?)?
            .ok_or(Error::Value("from", "is a currency that cannot be converted: choose another"))?;
        keep_rate(cx, from, &conversion);
        answer(json(conversion.to_json()))
    })
}

/// Remembers the rate that a conversion tells, if it tells one.
pub fn keep_rate(cx: &Context<'_>, from: Currency, conversion: &Conversion) {
    if let Some(rate) = conversion.rate() {
        cx.memory.keep_rate(from, rate, cx.now);
    }
}

/// Whether an order was paid.
///
/// # Errors
/// The [`Error`] of a token that is missing or malformed.
#[inline(never)]
pub fn payment_status(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let params = Params::read(request.query, &["ipn_token"])?;
    params.required("ipn_token")?;
    let raw = params.pair("ipn_token").map_or("", |pair| pair.raw_value);
    let token = Opaque::parse(raw).map_err(|why| Error::Opaque("ipn_token", why))?;
    let call = status::request(cx.config, &token, request_headers::for_api(request.headers));
    ask_gateway(cx, call, |_, reply| answer(json(status::interpret(&accepted(reply)?)?.to_json())))
}
