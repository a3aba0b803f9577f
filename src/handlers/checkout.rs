//! `/checkout`: one link from the shop to the provider.
//!
//! 1. The link is read, and its signature checked.
//! 2. Provider list and rates are looked up, in this isolate's copy where it is fresh; for a provider that takes dollars
//!    only, the gateway converts the amount.
//! 3. Currency, state and minimum are checked.
//! 4. The wallet is created.
//! 5. The gateway is asked for the provider's URL, or the customer goes on to the hosted page.
//!
//! A list or a rate that cannot be had stops nothing that could go on without.

use super::{country_of, payment, wallet};
use crate::callback::target::Target;
use crate::checkout::eligibility::{Payment, Refusal};
use crate::checkout::link::{Choice, Link};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::opaque::Opaque;
use crate::gateway::payment::{self as gateway_payment, MAX_HOPS};
use crate::gateway::providers::{Provider, Providers};
use crate::gateway::wallet::{Created, Order};
use crate::gateway::{accepted, page, providers, rates};
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
#[inline(never)]
pub fn open(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let country = country_of(cx.config, request)?;
    let link = Link::parse(cx.config, request.query, cx.now)?;
    let target = Target::parse(cx.config, &link.callback)?;
    let payout = wallet::payout(cx.config, link.address)?;
    let order = wallet::order(cx.config, payout, wallet::operators_split(cx.config).unwrap_or(Split::Plain), &target)?;
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
    let age = if cx.memory.failed_lately(cx.now) { Age::Stale } else { Age::Fresh };
    let known = cx.memory.providers(cx.now, age);
    if known.is_some() || age == Age::Stale {
        let listed = known.and_then(|list| entry(&list, &payment));
        return in_its_currency(cx, checkout, payment, listed);
    }
    ask_gateway(cx, providers::request(cx.config, api_headers(&checkout)), move |cx, reply| {
        let listed = super::data::known_providers(cx, reply).ok().and_then(|list| entry(&list, &payment));
        in_its_currency(cx, checkout, payment, listed)
    })
}

fn entry(list: &Providers, payment: &Payment) -> Option<Provider> {
    list.providers.iter().find(|provider| provider.id == payment.provider).cloned()
}

/// Step 2, the amount: in dollars for a provider that takes nothing else. Here the gateway's word is needed.
fn in_its_currency(cx: &Context<'_>, checkout: Checkout, payment: Payment, listed: Option<Provider>) -> Outcome {
    payment.check_active(listed.as_ref())?;
    if !payment.needs_conversion() {
        return with_rates(cx, payment.rates_needed(listed.as_ref()), checkout, payment, listed);
    }
    let call = rates::request(cx.config, payment.currency, &payment.amount, api_headers(&checkout));
    ask_gateway(cx, call, move |cx, reply| {
        let conversion = rates::interpret(&accepted(reply)?)?;
        let conversion =
            conversion.ok_or_else(|| Refusal::Currency { provider: payment.provider.clone(), takes: Currency::USD })?;
        let amount = Amount::parse(&conversion.value_coin).map_err(|why| Error::Amount("amount", why))?;
        let payment = Payment { amount, currency: Currency::USD, ..payment };
        with_rates(cx, payment.rates_needed(listed.as_ref()), checkout, payment, listed)
    })
}

/// Step 2, the rates: asks for one after the other that is not known, until all that can be had are.
fn with_rates(
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
        if let Ok(Some(conversion)) = accepted(reply).and_then(|reply| rates::interpret(&reply)) {
            super::data::keep_rate(cx, currency, &conversion);
        }
        with_rates(cx, needed, checkout, payment, listed)
    })
}

/// Step 3.
fn check(cx: &Context<'_>, checkout: Checkout, payment: Payment, listed: Option<&Provider>) -> Outcome {
    let rate = |currency| cx.memory.rate(currency, cx.now, Age::Stale);
    payment.check_minimum(listed, &rate)?;
    create_wallet(cx, checkout, Next::Provider(payment))
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
