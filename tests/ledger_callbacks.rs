//! The merchant's classic callback: the gateway's parameters, sent until the merchant has taken them, and what came of it.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, bring_forward, pay, stage as open_stage, text};
use livery_sandbox::ShopReply;
use serde_json::{Value, json};
use stage::{MERCHANT, Stage};
use std::{io::Read as _, sync::mpsc, time::Duration};
use support::endpoint::Endpoint;

const PATIENCE: Duration = Duration::from_secs(20);

fn reply(status: u16) -> ShopReply {
    ShopReply { status, ..ShopReply::default() }
}

/// A session that was paid; its callback as soon as it was tried.
fn owed(shop: &Caller<'_>, order: &str) -> Value {
    let session = shop.started(&json!({"callback": shop.stage.shop_callback(order)}));
    pay(shop.stage, &session, "25");
    let path = format!("callbacks?checkout_session={}", text(&session, "id"));
    let list = shop.await_that(&path, |list| list["data"][0]["attempt_count"].as_u64() > Some(0));
    list["data"][0].clone()
}

fn path(callback: &Value) -> String {
    format!("callbacks/{}", text(callback, "id"))
}

/// The callback with its tries as soon as there are so many.
fn tried(shop: &Caller<'_>, callback: &Value, times: u64) -> Value {
    shop.await_that(&path(callback), |callback| callback["attempt_count"] == times)
}

fn received(stage: &Stage) -> Vec<String> {
    stage.sandbox.shop_callbacks().into_iter().map(|call| call.query).collect()
}

#[test]
fn the_merchant_gets_what_the_classic_relay_gives() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let callback = owed(&shop, "10%2F01&a=%7e");
    let payment = shop.list("transactions").remove(0);
    let field = |name: &str| text(&payment, name);
    let session = shop.list("checkout-sessions").remove(0);
    let expected = format!(
        "number=10%2F01&a=%7e&value_coin=25&coin=polygon_usdc&txid_in={}&txid_out={}&address_in={}&value_forwarded_coin=24.625",
        field("txid_in"),
        field("txid_out"),
        text(&session, "receiving_address"),
    );
    assert_eq!(received(&stage), std::slice::from_ref(&expected));
    let own = json!({
        "object": "callback", "livemode": true, "status": "delivered", "checkout_session": session["id"], "last_status": 200,
        "transaction": payment["id"], "url": format!("{}/orders.php?{expected}", stage.sandbox.shop_url()), "attempt_count": 1,
        "next_attempt_at": null,
    });
    for (name, value) in own.as_object().unwrap() {
        assert_eq!(&callback[name], value, "{name}");
    }
    let mut whole = shop.get(&path(&callback));
    let tries = whole.as_object_mut().unwrap().remove("attempts").expect("its tries");
    assert_eq!(whole, callback);
    let (tries, only) = (tries.as_array().unwrap().len(), &tries[0]);
    assert_eq!((tries, &only["number"], &only["status"], &only["error"]), (1, &json!(1), &json!(200), &json!(null)));
    assert!(only["at"].as_u64() >= callback["created_at"].as_u64() && only["duration_ms"].is_u64());
    let headers = stage.sandbox.shop_callbacks().remove(0).headers;
    assert!(headers.iter().any(|(name, value)| name == "user-agent" && value.starts_with("Livery/")), "{headers:?}");
}

#[test]
fn what_was_not_taken_is_due_again() {
    let stage = open_stage(&[("GATEWAY_TIMEOUT_MS", "3000")]);
    let shop = Caller::merchant(&stage);
    let elsewhere = vec![("location".to_owned(), format!("{}/elsewhere", stage.sandbox.shop_url()))];
    for (number, (answer, status, error)) in [
        (reply(500), json!(500), json!(null)),
        (reply(404), json!(404), json!(null)),
        (ShopReply { status: 302, headers: elsewhere, ..ShopReply::default() }, json!(302), json!(null)),
        (ShopReply { delay: Duration::from_secs(20), ..ShopReply::default() }, json!(null), json!("timeout")),
    ]
    .into_iter()
    .enumerate()
    {
        stage.sandbox.set_shop_reply(answer);
        let callback = owed(&shop, &number.to_string());
        assert_eq!((&callback["status"], &callback["last_status"]), (&json!("pending"), &status));
        let whole = shop.get(&path(&callback));
        let only = &whole["attempts"][0];
        assert_eq!((&only["status"], &only["error"]), (&status, &error));
        let pause = whole["next_attempt_at"].as_u64().unwrap() - whole["updated_at"].as_u64().unwrap();
        assert_eq!(pause, 10_000, "the first pause that is published");
        // The merchant does not wait for it.
        stage.sandbox.set_shop_reply(ShopReply::default());
        let again = shop.post(&format!("{}/retry", path(&callback)), &json!({}));
        assert_eq!((&again["status"], again["attempts"].as_array().unwrap().len()), (&json!("pending"), 1));
        let done = tried(&shop, &callback, 2);
        assert_eq!(
            (&done["status"], &done["last_status"], &done["next_attempt_at"]),
            (&json!("delivered"), &json!(200), &json!(null))
        );
        let log: Vec<_> =
            done["attempts"].as_array().unwrap().iter().map(|one| (one["number"].clone(), one["status"].clone())).collect();
        assert_eq!(log, [(json!(1), status), (json!(2), json!(200))]);
    }
    assert_eq!(shop.list("events?type=callback.delivered").len(), 4);
    assert_eq!(shop.list("callbacks?status=delivered").len(), 4);
    assert_eq!(shop.list("callbacks?status=pending").len(), 0);
    assert!(stage.sandbox.requests().iter().all(|request| request.path != "/elsewhere"), "redirects are not followed");
}

#[test]
fn a_callback_that_was_delivered_can_be_asked_for_again() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let callback = owed(&shop, "1");
    shop.post(&format!("{}/retry", path(&callback)), &json!({}));
    assert_eq!(tried(&shop, &callback, 2)["status"], "delivered");
    let calls = received(&stage);
    assert!(calls.len() == 2 && calls[0] == calls[1], "{calls:?}");
    assert_eq!(shop.list("transactions").len(), 1, "the payment is still one");
    for method in ["GET", "POST"] {
        let missing = format!("callbacks/cb_{}{}", "0".repeat(32), if method == "POST" { "/retry" } else { "" });
        assert_eq!(shop.refused(method, &missing, &Value::Null).1, "resource_missing");
    }
}

/// Eleven tries, each on time, and then it is given up and said so. Nothing of it is lost with the machine.
#[test]
fn after_three_days_it_is_given_up() {
    let mut stage = open_stage(&[]);
    let token = Caller::merchant(&stage).token;
    stage.sandbox.set_shop_reply(reply(503));
    let callback = owed(&Caller::with_token(&stage, &token), "1");
    let mut pauses = Vec::new();
    for times in 1..=11 {
        let shop = Caller::with_token(&stage, &token);
        let now = tried(&shop, &callback, times);
        pauses.extend(now["next_attempt_at"].as_u64().map(|next| (next - now["updated_at"].as_u64().unwrap()) / 1000));
        if times < 11 {
            assert_eq!(now["status"], "pending", "after {times}");
            bring_forward(&mut stage, "deliver");
        } else {
            assert_eq!((&now["status"], now["attempts"].as_array().unwrap().len()), (&json!("failed"), 11));
        }
    }
    assert_eq!(pauses, [10, 60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400, 86_400]);
    let shop = Caller::with_token(&stage, &token);
    assert_eq!((shop.list("callbacks?status=failed").len(), shop.list("events?type=callback.failed").len()), (1, 1));
    assert_eq!(received(&stage).len(), 11);
    // It is still there for whoever mended their shop.
    stage.sandbox.set_shop_reply(ShopReply::default());
    shop.post(&format!("{}/retry", path(&callback)), &json!({}));
    assert_eq!(tried(&shop, &callback, 12)["status"], "delivered");
}

#[test]
fn each_payment_has_a_callback_and_no_session_without_one_has_any() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (asked, silent) = (shop.started(&json!({"callback": stage.shop_callback("1")})), shop.started(&json!({})));
    for (number, session) in [(1, &asked), (2, &asked), (1, &silent)] {
        pay(&stage, session, "10");
        let sum = (number * 10).to_string();
        shop.await_session(session, |session| session["amount_received_usd"] == sum);
    }
    assert!(stage.sandbox.wait_for(|state| state.shop_callbacks().len() == 2, PATIENCE));
    let list = shop.await_that("callbacks?status=delivered", |list| list["data"].as_array().is_some_and(|data| data.len() == 2));
    let transactions: Vec<&Value> = list["data"].as_array().unwrap().iter().map(|callback| &callback["transaction"]).collect();
    assert_ne!(transactions[0], transactions[1]);
    assert_eq!(shop.list(&format!("callbacks?checkout_session={}", text(&silent, "id"))).len(), 0);
}

/// Whoever knows the gateway's callback can write behind it what they like; the merchant hears what was verified.
#[test]
fn the_merchant_hears_nothing_that_nobody_verified() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    stage.sandbox.set_bot_mode(livery_sandbox::BotMode::Silent);
    let session = shop.started(&json!({"callback": stage.shop_callback("5")}));
    pay(&stage, &session, "25");
    let receiving = text(&session, "receiving_address");
    let wallet = stage.sandbox.wallet(&receiving).expect("a wallet");
    let payment = &wallet.payments[0];
    let told = format!("value_coin=25&coin=polygon_usdc&txid_in={}&txid_out={}", payment.txid_in, payment.txid_out);
    let target = format!("{}&{told}&order_status=shipped&livemode=false", wallet.callback.replace(&stage.worker.url(), ""));
    assert_eq!(stage.get(&target).send().text(), "*ok*");
    shop.await_session(&session, |session| session["status"] == "paid");
    assert!(stage.sandbox.wait_for(|state| state.shop_callbacks().len() == 1, PATIENCE));
    assert_eq!(received(&stage), [format!("number=5&{told}")]);
}

/// A ledger lives on after its calls: those whose time is over would keep the few connections that it has.
#[test]
fn a_merchant_who_hangs_is_left_when_the_time_is_over() {
    let stage = open_stage(&[("GATEWAY_TIMEOUT_MS", "1000")]);
    let shop = Caller::merchant_with(&stage, &json!({"name": "Shop", "payout_wallet": MERCHANT}), &json!({"livemode": false}));
    let (left, leaving) = mpsc::channel();
    let hanging = Endpoint::start(move |_, stream| {
        let end = stream.read(&mut [0]).map(drop);
        let _ = left.send(());
        end
    });
    let session = shop.session(&json!({"callback": format!("{}?n=1", hanging.url())}));
    shop.post(&format!("checkout-sessions/{}/simulate-payment", text(&session, "id")), &json!({}));
    leaving.recv_timeout(PATIENCE).expect("the connection stays open");
}
