//! Test keys: everything a merchant needs to try their integration, and nothing of it reaches the gateway.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, PAID_AT_ONCE, bring_forward, stage as open_stage, text};
use livery_sandbox::ShopReply;
use serde_json::{Value, json};
use stage::{MERCHANT, Stage, failure};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);
const NOBODYS: &str = "0x0000000000000000000000000000000000000000";

/// A merchant's server with a test key.
fn merchant(stage: &Stage) -> Caller<'_> {
    Caller::merchant_with(stage, &json!({"name": "Shop", "payout_wallet": MERCHANT}), &json!({"livemode": false}))
}

fn simulate(shop: &Caller<'_>, session: &Value, body: &Value) -> Value {
    shop.post(&format!("checkout-sessions/{}/simulate-payment", text(session, "id")), body)
}

fn of(session: &Value) -> (&str, &str, bool, bool) {
    let flag = |name: &str| session[name].as_bool().expect("a flag");
    (session["status"].as_str().unwrap(), session["amount_received_usd"].as_str().unwrap(), flag("overpaid"), flag("paid_late"))
}

#[test]
fn a_simulated_payment_does_all_that_a_payment_does() {
    let stage = open_stage(&[]);
    let shop = merchant(&stage);
    let success = "https://shop.example/ok?s={SESSION_ID}";
    let session = shop.session(&json!({"callback": stage.shop_callback("1001"), "success_url": success}));
    let opened = shop.open(&session);
    assert!(opened.status == 409 && opened.text().contains("simulate-payment"), "{}", opened.text());
    let again = stage.get(&text(&session, "url").replace(&stage.worker.url(), "")).send();
    assert_eq!(failure(&again).1, "test_session", "programs are told too");
    assert_eq!(shop.get(&format!("checkout-sessions/{}", text(&session, "id")))["status"], "processing");
    let paid = simulate(&shop, &session, &json!({}));
    assert_eq!(of(&paid), ("paid", "25", false, false));
    assert_eq!((&paid["amount_expected_usd"], &paid["receiving_address"]), (&json!("25"), &json!(NOBODYS)));
    assert!(paid["paid_at"].is_u64());
    let payment = shop.payments_of(&session).remove(0);
    let expected = json!({
        "livemode": false, "status": "verified", "source": "simulation", "coin": "polygon_usdc", "value_coin": "25.00",
        "value_usd": "25", "value_forwarded_coin": "25.00", "reason": null, "late": false,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&payment[field], value, "{field}");
    }
    shop.await_that("callbacks", |list| list["data"][0]["status"] == "delivered");
    assert_eq!(shop.events_of(&session), PAID_AT_ONCE);
    let call = stage.sandbox.shop_callbacks().remove(0).query;
    let (txid_in, txid_out) = (text(&payment, "txid_in"), text(&payment, "txid_out"));
    assert_eq!(
        call,
        format!(
            "number=1001&value_coin=25.00&coin=polygon_usdc&txid_in={txid_in}&txid_out={txid_out}&address_in={NOBODYS}\
             &value_forwarded_coin=25.00&livemode=false"
        )
    );
    let back = shop.open(&session);
    assert_eq!(back.header("location"), Some(&*success.replace("{SESSION_ID}", &text(&session, "id"))));
    assert_eq!(stage.asked().len(), 0, "the gateway has heard of nothing");
}

#[test]
fn whatever_can_come_can_be_simulated() {
    let stage = open_stage(&[]);
    let shop = merchant(&stage);
    let session = shop.session(&json!({"amount": "20", "currency": "EUR", "tolerance_bps": 100}));
    assert_eq!(of(&simulate(&shop, &session, &json!({"amount": "19.79"}))), ("underpaid", "19.79", false, false));
    assert_eq!(of(&simulate(&shop, &session, &json!({"amount": 0.01}))), ("paid", "19.8", false, false));
    assert_eq!(of(&simulate(&shop, &session, &json!({}))), ("paid", "39.8", true, false));
    let kinds: Vec<String> = shop.events_of(&session).into_iter().filter(|kind| kind.starts_with("checkout")).collect();
    assert_eq!(kinds, ["created", "processing", "underpaid", "paid", "overpaid"].map(|kind| format!("checkout.session.{kind}")));
    let canceled = shop.session(&json!({}));
    shop.post(&format!("checkout-sessions/{}/cancel", text(&canceled, "id")), &json!({}));
    assert_eq!(shop.open(&canceled).status, 409);
    assert_eq!(of(&simulate(&shop, &canceled, &json!({}))), ("paid", "25", false, true));
    let expired = shop.session(&json!({}));
    shop.post(&format!("checkout-sessions/{}/expire", text(&expired, "id")), &json!({}));
    assert_eq!(of(&simulate(&shop, &expired, &json!({"amount": "1"}))), ("underpaid", "1", false, true));
    assert_eq!(shop.list("transactions?limit=100").len(), 5);
    assert_eq!(shop.list("events?type=payment.late").len(), 2);
}

#[test]
fn what_cannot_be_simulated_is_said() {
    let stage = open_stage(&[]);
    let shop = merchant(&stage);
    let session = shop.session(&json!({}));
    let path = format!("checkout-sessions/{}/simulate-payment", text(&session, "id"));
    for (field, value, code) in [
        ("amount", json!("0"), "invalid_amount"),
        ("amount", json!("-1"), "invalid_amount"),
        ("amount", json!("1e3"), "invalid_amount"),
        ("amount", json!([]), "invalid_amount"),
        ("amount", json!("999999999999999"), "invalid_parameter"),
        ("value", json!("1"), "unknown_parameter"),
    ] {
        let refused = shop.refused("POST", &path, &json!({field: value}));
        assert_eq!(refused, (400, code.to_owned(), Some(field.to_owned())), "{value}");
    }
    assert_eq!(shop.get(&format!("checkout-sessions/{}", text(&session, "id"))), session, "nothing happened");
    let live = Caller::merchant(&stage);
    let real = live.session(&json!({}));
    let path = format!("checkout-sessions/{}/simulate-payment", text(&real, "id"));
    assert_eq!(live.refused("POST", &path, &json!({})), (409, "live_session".to_owned(), None));
    let operator = Caller::operator_of(&stage, &live.account_id());
    assert_eq!(operator.refused("POST", &path, &json!({})).1, "live_session", "the operator makes no money either");
    assert_eq!((live.list("transactions").len(), live.events_of(&real).len()), (0, 1));
}

#[test]
fn a_simulation_under_one_key_happens_once() {
    let stage = open_stage(&[]);
    let shop = merchant(&stage);
    let session = shop.session(&json!({}));
    let path = format!("checkout-sessions/{}/simulate-payment", text(&session, "id"));
    let send = || ledger::done(&shop.request("POST", &path, &json!({})).header("idempotency-key", "k").send());
    assert_eq!(send(), send());
    assert_eq!(shop.list("transactions").len(), 1);
}

/// All that is due for a test session, and all that comes of opening it in every way, leaves the gateway alone.
#[test]
fn nothing_of_a_test_reaches_the_gateway() {
    let mut stage = open_stage(&[("STATUS_POLL_MINUTES", "1")]);
    let token = merchant(&stage).token;
    stage.sandbox.set_shop_reply(ShopReply { status: 500, ..ShopReply::default() });
    let shop = Caller::with_token(&stage, &token);
    let session = shop.session(&json!({"currency": "EUR", "callback": stage.shop_callback("1")}));
    let hosted = shop.post("checkout-sessions", &json!({"amount": "25", "currency": "USD"}));
    for (session, more) in [(&session, ""), (&session, "?provider=banxa"), (&hosted, ""), (&hosted, "?email=j%40shop.example")] {
        let path = text(session, "url").replace(&stage.worker.url(), "");
        assert_eq!(failure(&stage.get(&(path + more)).send()).1, "test_session");
    }
    simulate(&shop, &session, &json!({}));
    assert!(stage.sandbox.wait_for(|state| state.shop_callbacks().len() == 1, PATIENCE));
    stage.sandbox.set_shop_reply(ShopReply::default());
    for kind in ["poll", "verify", "expire", "deliver"] {
        bring_forward(&mut stage, kind);
        Caller::with_token(&stage, &token).get("account");
    }
    let shop = Caller::with_token(&stage, &token);
    shop.await_that("callbacks", |list| list["data"][0]["status"] == "delivered");
    shop.await_session(&hosted, |session| session["status"] == "expired");
    assert_eq!(shop.get(&format!("checkout-sessions/{}", text(&session, "id")))["status"], "paid");
    assert_eq!(stage.asked().len(), 0);
}
