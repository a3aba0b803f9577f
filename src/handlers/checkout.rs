//! `/checkout`: one link from the shop to the provider.
//!
//! 1. The link is read, and its signature checked.
//! 2. Provider list and rates are looked up, in this isolate's copy where it is fresh.
//! 3. Currency and minimum are checked.
//! 4. The wallet is created.
//! 5. The gateway is asked for the provider's URL, or the customer goes on to the hosted page.
//!
//! A list or a rate that cannot be had stops nothing that could go on without.

use super::{country_of, payment, wallet};
use crate::callback::target::Target;
use crate::checkout::eligibility::{Payment, only_currency};
use crate::checkout::link::{Choice, Link};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::opaque::Opaque;
use crate::gateway::payment::{self as gateway_payment, MAX_HOPS};
use crate::gateway::providers::Provider;
use crate::gateway::wallet::{Created, Order};
use crate::gateway::{GatewayError, accepted, page, providers, rates};
use crate::http::{Request, Response};
use crate::livery::request_headers;
use crate::memory::Age;
use crate::money::{Amount, Currency};
use crate::query;
use crate::split::Split;

/// The headers of every call on the way.
type CallHeaders = Vec<(&'static str, String)>;

/// What the link asked for, on its way through the steps.
struct Checkout {
    order: Order,
    email: String,
    look: Vec<(&'static str, String)>,
    headers: CallHeaders,
}

/// Opens a checkout link.
///
/// # Errors
/// The [`Error`] of the first thing that is wrong with it.
pub fn open(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let country = country_of(cx.config, request)?;
    let link = Link::parse(cx.config, request.query, cx.now)?;
    let target = Target::parse(cx.config, &link.callback)?;
    let payout = wallet::payout(cx.config, link.address)?;
    let order = wallet::order(cx.config, payout, cx.config.split.unwrap_or(Split::Plain), &target)?;
    let headers = request_headers::for_customer(request.headers, country);
    let checkout = Checkout { order, email: link.email, look: link.look, headers };
    match link.choice {
        Choice::Hosted => create_wallet(cx, checkout, Next::Hosted(link.amount, link.currency)),
        Choice::Provider(provider) => {
            let payment = Payment { provider, amount: link.amount, currency: link.currency };
            payment.check_currency()?;
            with_providers(cx, checkout, payment)
        }
    }
}

/// Step 2, the list.
fn with_providers(cx: &Context<'_>, checkout: Checkout, payment: Payment) -> Outcome {
    if let Some(list) = cx.memory.providers(cx.now, Age::Fresh) {
        let listed = list.providers.iter().find(|p| p.id == payment.provider).cloned();
        return with_rates(cx, checkout, payment, listed);
    }
    ask_gateway(cx, providers::request(cx.config, api_headers(&checkout)), move |cx, reply| {
        let list = super::data::known_providers(cx, reply).ok();
        let listed = list.and_then(|list| list.providers.iter().find(|p| p.id == payment.provider).cloned());
        with_rates(cx, checkout, payment, listed)
    })
}

/// Step 2, the rates: asks for the first one that is not known, until all that can be had are.
fn with_rates(cx: &Context<'_>, checkout: Checkout, payment: Payment, listed: Option<Provider>) -> Outcome {
    let needed = payment.rates_needed(listed.as_ref());
    ask_rates(cx, needed, checkout, payment, listed)
}

fn ask_rates(
    cx: &Context<'_>,
    mut needed: Vec<Currency>,
    checkout: Checkout,
    payment: Payment,
    listed: Option<Provider>,
) -> Outcome {
    needed.retain(|currency| cx.memory.rate(*currency, cx.now, Age::Fresh).is_none());
    let (Some(currency), Ok(one)) = (needed.pop(), Amount::parse("1")) else {
        return check(cx, checkout, payment, listed.as_ref());
    };
    ask_gateway(cx, rates::request(cx.config, currency, &one, api_headers(&checkout)), move |cx, reply| {
        let conversion = accepted(reply).and_then(|reply| rates::interpret(&reply));
        if let Some(rate) = conversion.ok().flatten().and_then(|c| c.rate()) {
            cx.memory.keep_rate(currency, rate, cx.now);
        }
        ask_rates(cx, needed, checkout, payment, listed)
    })
}

/// Step 3.
fn check(cx: &Context<'_>, checkout: Checkout, payment: Payment, listed: Option<&Provider>) -> Outcome {
    let rate = |currency| cx.memory.rate(currency, cx.now, Age::Stale);
    payment.check_listed(listed, &rate)?;
    let payment = if payment.needs_conversion() { payment.converted(&rate).ok_or(no_rate(&payment))? } else { payment };
    create_wallet(cx, checkout, Next::Provider(payment))
}

/// Without a rate, a provider that takes one currency only cannot be asked for another.
fn no_rate(payment: &Payment) -> Error {
    match only_currency(&payment.provider) {
        Some(takes) => {
            Error::Provider(crate::checkout::eligibility::Refusal::Currency { provider: payment.provider.clone(), takes })
        }
        None => GatewayError::Unavailable.into(),
    }
}

/// Where the customer goes once there is a wallet.
enum Next {
    Hosted(Amount, Currency),
    Provider(Payment),
}

/// Steps 4 and 5.
fn create_wallet(cx: &Context<'_>, checkout: Checkout, next: Next) -> Outcome {
    let call = checkout.order.request(cx.config, api_headers(&checkout));
    ask_gateway(cx, call.map_err(|why| Error::Split("address", why))?, move |cx, reply| {
        let address = Created::from_reply(&accepted(reply)?)?.address_in;
        match next {
            Next::Hosted(amount, currency) => {
                let query = payment_query(&address, &amount, currency, None, &checkout);
                answer(Response::redirect(cx.config.origin.url(&format!("{}?{query}", page::PATH))))
            }
            Next::Provider(payment) => {
                let query = payment_query(&address, &payment.amount, payment.currency, Some(&payment.provider), &checkout);
                payment::follow(cx, gateway_payment::request(cx.config, &query, checkout.headers), MAX_HOPS)
            }
        }
    })
}

/// A payment link's query, in the order of the gateway's document.
fn payment_query(address: &Opaque, amount: &Amount, currency: Currency, provider: Option<&str>, checkout: &Checkout) -> String {
    let mut query = format!("address={}", address.encoded());
    query::append(&mut query, "amount", amount.as_str());
    for (name, value) in [("provider", provider), ("email", Some(checkout.email.as_str())), ("currency", Some(currency.as_str()))]
    {
        if let Some(value) = value {
            query::append(&mut query, name, value);
        }
    }
    if provider.is_none() {
        checkout.look.iter().for_each(|(name, value)| query::append(&mut query, name, value));
    }
    query
}

/// The customer's country is for calls that a provider's page depends on, and for no others.
fn api_headers(checkout: &Checkout) -> CallHeaders {
    checkout.headers.iter().filter(|(name, _)| *name != request_headers::COUNTRY).cloned().collect()
}
