//! Currency conversion and coin prices, from the fixed tables.

use serde::Serialize;
use serde_json::json;

use super::refusal;
use crate::{money, php::Parameters, wire::reply::Reply};

/// The documented answer, in the documented order.
#[derive(Serialize)]
struct Converted {
    status: &'static str,
    value_coin: String,
    exchange_rate: String,
}

/// `convert.php`: an unsupported currency is answered without `value_coin`.
pub(super) fn convert(query: &Parameters) -> Reply {
    let (Some(from), Some(value)) = (query.get("from"), query.get("value").and_then(money::positive)) else {
        return refusal::page(400, "Please provide a currency and a value");
    };
    match (money::rate(from), money::in_dollars(value, from)) {
        (Some(rate), Some(dollars)) => Reply::json(&Converted {
            status: "success",
            value_coin: format!("{dollars:.2}"),
            exchange_rate: format!("{rate:.5}"),
        }),
        _ => Reply::json(&json!({ "status": "error" })),
    }
}

/// `info.php`: the price of a coin, as a string.
pub(super) fn info(ticker: &str) -> Reply {
    match money::coin_price(ticker) {
        Some(price) => Reply::json(&json!({ "status": "success", "prices": { "USD": price.to_string() } })),
        None => refusal::page(404, "Ticker not found"),
    }
}
