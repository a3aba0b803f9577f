//! `payment-status.php`: whether the money of a token arrived.

use serde::Serialize;
use serde_json::json;

use super::refusal;
use crate::{
    documented, opaque,
    php::Parameters,
    state::{Payment, Shared, State},
    wire::reply::Reply,
};

/// The documented answer, in the documented order.
#[derive(Serialize)]
struct Paid<'a> {
    status: &'static str,
    value_coin: &'a str,
    txid_out: &'a str,
    coin: &'a str,
}

/// Answers a token; one that was never handed out is unpaid.
pub(super) fn answer(shared: &Shared, query: &Parameters) -> Reply {
    let Some(token) = query.get("ipn_token") else {
        return refusal::page(400, "Please provide an IPN token");
    };
    let token = opaque::percent_encoded(token);
    if token == documented::PAID_TOKEN {
        return paid(documented::PAID_VALUE, documented::PAID_TXID_OUT, "polygon_usdc");
    }
    match shared.update(|state| look_up(state, &token)) {
        Found::TooOften => Reply::text(429, "Too many requests").with("retry-after", "60"),
        Found::Unpaid => Reply::json(&json!({ "status": "unpaid" })),
        Found::Paid(payment) => paid(&payment.value_coin.to_string(), &payment.txid_out, &payment.coin),
    }
}

enum Found {
    TooOften,
    Unpaid,
    Paid(Payment),
}

/// The latest settled payment, unless the token was asked for too often.
fn look_up(state: &mut State, token: &str) -> Found {
    let limit = state.settings.status_limit.unwrap_or(u32::MAX);
    let Some(wallet) = state.wallets.values_mut().find(|wallet| wallet.ipn_token == token) else {
        return Found::Unpaid;
    };
    wallet.status_calls = wallet.status_calls.saturating_add(1);
    if wallet.status_calls > limit {
        return Found::TooOften;
    }
    wallet.payments.iter().rfind(|payment| payment.settled).cloned().map_or(Found::Unpaid, Found::Paid)
}

fn paid(value_coin: &str, txid_out: &str, coin: &str) -> Reply {
    Reply::json(&Paid { status: "paid", value_coin, txid_out, coin })
}
