//! Callbacks that never come: the gateway is asked, sparingly, and what it knows is verified like a report.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, await_end, bring_forward, pay, stage as open_stage, text};
use livery_sandbox::{BotMode, Fault};
use serde_json::{Value, json};
use stage::Stage;
use std::{
    thread,
    time::{Duration, Instant},
};

const STATUS: &str = "/control/payment-status.php";

fn asked(stage: &Stage) -> usize {
    stage.asked().iter().filter(|request| request.path == STATUS).count()
}

fn await_that(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// What `path` brings when the ledger has done all that is due; any request makes it look.
fn look(stage: &Stage, token: &str, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
    Caller::with_token(stage, token).await_that(path, condition)
}

#[test]
fn a_payment_that_nobody_reported_is_found() {
    let mut stage = open_stage(&[("STATUS_POLL_MINUTES", "1")]);
    stage.sandbox.set_bot_mode(BotMode::Silent);
    let shop = Caller::merchant(&stage);
    let session = shop.started(&json!({"callback": stage.shop_callback("1")}));
    pay(&stage, &session, "25");
    let token = shop.token.clone();
    assert_eq!(asked(&stage), 0, "not before its time");
    bring_forward(&mut stage, "poll");
    let path = format!("checkout-sessions/{}", text(&session, "id"));
    let paid = look(&stage, &token, &path, |session| session["status"] == "paid");
    assert_eq!(paid["amount_received_usd"], "25");
    let shop = Caller::with_token(&stage, &token);
    let payment = shop.payments_of(&session).remove(0);
    let known = stage.sandbox.wallet(&text(&session, "receiving_address")).unwrap().payments.remove(0);
    let expected = json!({
        "source": "status", "status": "verified", "value_usd": "25", "coin": "polygon_usdc", "txid_in": null, "txid_out": known.txid_out,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&payment[field], value, "{field}");
    }
    // The merchant hears of it, with as much as is known.
    shop.await_that("callbacks", |list| list["data"][0]["status"] == "delivered");
    let query = stage.sandbox.shop_callbacks().remove(0).query;
    let parameters = format!("number=1&value_coin=25&coin=polygon_usdc&txid_out={}", known.txid_out);
    assert!(query.starts_with(&parameters), "{query}");
    assert!(query.contains(&format!("&address_in={}", text(&session, "receiving_address"))), "{query}");
    // When the callback does come, the payment is the same.
    let wallet = stage.sandbox.wallet(&text(&session, "receiving_address")).unwrap();
    let late = format!(
        "{}&value_coin=25&coin=polygon_usdc&txid_in={}&txid_out={}&address_in={}",
        wallet.callback.replace(&stage.worker.url(), ""),
        known.txid_in,
        known.txid_out,
        wallet.polygon_address_in,
    );
    assert_eq!(stage.get(&late).send().text(), "*ok*");
    shop.await_that("transactions", |list| list["data"][0]["reason"] == "transaction_known");
    assert_eq!(shop.get(&path)["amount_received_usd"], "25");
}

/// As often as the operator says, and never once a payment was reported.
#[test]
fn the_gateway_is_asked_as_often_as_the_operator_says() {
    let mut stage = open_stage(&[("STATUS_POLL_MINUTES", "1,5")]);
    let shop = Caller::merchant(&stage);
    let (unpaid, token) = (shop.started(&json!({})), shop.token.clone());
    asked(&stage);
    for expected in [1, 1, 0, 0] {
        bring_forward(&mut stage, "poll");
        stage.sandbox.clear_requests();
        let shop = Caller::with_token(&stage, &token);
        // Another session is opened and paid: when that is through, what was due before has begun.
        let other = shop.started(&json!({}));
        pay(&stage, &other, "25");
        shop.await_session(&other, |session| session["status"] == "paid");
        let own = format!("ipn_token={}", stage.sandbox.wallet(&text(&unpaid, "receiving_address")).unwrap().ipn_token);
        let count = || stage.sandbox.requests().iter().filter(|request| request.query == own).count();
        await_that("as many questions", || count() >= expected);
        // A question whose answer a kill swallows is asked again and does not count.
        await_end(&stage, "poll");
        assert_eq!(count(), expected);
        assert_eq!(shop.get(&format!("checkout-sessions/{}", text(&unpaid, "id")))["status"], "processing");
    }
    let reported = Caller::with_token(&stage, &token).list("checkout-sessions").remove(0);
    asked(&stage);
    bring_forward(&mut stage, "poll");
    let shop = Caller::with_token(&stage, &token);
    let last = shop.started(&json!({}));
    pay(&stage, &last, "25");
    shop.await_session(&last, |session| session["status"] == "paid");
    let own = format!("ipn_token={}", stage.sandbox.wallet(&text(&reported, "receiving_address")).unwrap().ipn_token);
    assert!(stage.sandbox.requests().iter().all(|request| request.query != own), "what was reported is not asked for");
}

/// What fails is asked for again the next time.
#[test]
fn a_gateway_that_does_not_answer_loses_nothing() {
    let mut stage = open_stage(&[("STATUS_POLL_MINUTES", "1,5,30")]);
    stage.sandbox.set_bot_mode(BotMode::Silent);
    let shop = Caller::merchant(&stage);
    let (session, token) = (shop.started(&json!({})), shop.token.clone());
    pay(&stage, &session, "25");
    let path = format!("checkout-sessions/{}", text(&session, "id"));
    for fault in [Fault::Status(500, String::new()), Fault::TruncatedJson] {
        stage.sandbox.fault(STATUS, fault);
        stage.sandbox.clear_requests();
        bring_forward(&mut stage, "poll");
        look(&stage, &token, &path, |session| session["status"] == "processing");
        await_that("a question", || stage.sandbox.requests().iter().any(|request| request.path == STATUS));
        await_end(&stage, "poll");
        stage.sandbox.clear_faults();
    }
    bring_forward(&mut stage, "poll");
    look(&stage, &token, &path, |session| session["status"] == "paid");
}
