//! The licensed provider: a page that shows what reached it, and buttons to pay more or less exactly, or not at all.
//!
//! It has a brand of its own and sends no one back: the real ones do not either.

use std::sync::Arc;

use askama::Template;
use rust_decimal::Decimal;

use crate::{bot, money, opaque, php::Parameters, records::Received, state::Shared, wire::reply::Reply};

const SIGNATURE: &str = "&signature=";

#[derive(Template)]
#[template(path = "provider.html")]
struct Page<'a> {
    provider: &'a str,
    country: &'a str,
    amount: &'a str,
    currency: &'a str,
    email: &'a str,
    wallet: &'a str,
    headers: &'a [(String, String)],
}

#[derive(Template)]
#[template(path = "outcome.html")]
struct Outcome<'a> {
    provider: &'a str,
    title: &'a str,
    sentence: &'a str,
    shop: &'a str,
}

/// Answers a request to the provider.
pub(crate) fn answer(shared: &Arc<Shared>, request: &Received) -> Reply {
    let Some(provider) = request.path.strip_prefix('/').and_then(|path| path.strip_suffix("/buy")) else {
        return Reply::text(404, "No such page at this provider");
    };
    if !is_intact(&request.query) {
        return Reply::text(403, "The signature of this link does not match");
    }
    let query = Parameters::read(&request.query);
    let text = |name| query.get(name).unwrap_or_default();
    if request.method == "POST" {
        return decide(shared, provider, &query, &request.body);
    }
    Reply::page(
        200,
        &Page {
            provider,
            country: text("country"),
            amount: text("baseCurrencyAmount"),
            currency: text("baseCurrencyCode"),
            email: text("email"),
            wallet: text("walletAddress"),
            headers: &request.headers,
        },
    )
}

fn is_intact(raw: &str) -> bool {
    raw.split_once(SIGNATURE).is_some_and(|(signed, signature)| opaque::provider_signature(signed) == signature)
}

/// What the customer chose: hundredths of the asked amount to pay, if any.
fn decide(shared: &Arc<Shared>, provider: &str, query: &Parameters, body: &[u8]) -> Reply {
    let form = Parameters::read(&String::from_utf8_lossy(body));
    let percent = match form.get("choice") {
        Some("pay") => 100,
        Some("less") => 40,
        Some("more") => 150,
        Some("abandon") => return outcome(shared, provider, "Payment abandoned", "Nothing was paid."),
        _ => return Reply::text(400, "Choose what to do"),
    };
    let text = |name| query.get(name).unwrap_or_default();
    let asked = money::positive(text("baseCurrencyAmount")).map(|amount| amount * Decimal::new(percent, 2));
    let dollars = asked.and_then(|amount| money::in_dollars(amount, text("baseCurrencyCode")));
    match dollars.map(|dollars| bot::pay(shared, text("walletAddress"), dollars)) {
        Some(Ok(())) => outcome(shared, provider, "Payment complete", "You may close this page."),
        Some(Err(error)) => Reply::text(422, error.to_string()),
        None => Reply::text(422, "This amount cannot be paid"),
    }
}

fn outcome(shared: &Shared, provider: &str, title: &str, sentence: &str) -> Reply {
    Reply::page(200, &Outcome { provider, title, sentence, shop: &shared.urls.shop })
}
