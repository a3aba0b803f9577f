//! From a session to a paid order: through the gateway, its callback and the verification. What came is what counts, in
//! however many payments, early or late.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, PAID_AT_ONCE, pay, stage as open_stage, text};
use livery_sandbox::Fault;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);

fn of(session: &Value) -> (&str, &str, bool, bool) {
    let flag = |name: &str| session[name].as_bool().expect("a flag");
    (
        session["status"].as_str().expect("a status"),
        session["amount_received_usd"].as_str().expect("an amount"),
        flag("overpaid"),
        flag("paid_late"),
    )
}

/// The kinds of a session's events without those that every payment has.
fn changes(shop: &Caller<'_>, session: &Value) -> Vec<String> {
    let events = shop.events_of(session).into_iter();
    events.filter_map(|kind| kind.strip_prefix("checkout.session.").map(str::to_owned)).collect()
}

/// Pays, and the session as soon as that much has come.
fn received(shop: &Caller<'_>, session: &Value, amount: &str, altogether: &str) -> Value {
    pay(shop.stage, session, amount);
    shop.await_session(session, |session| session["amount_received_usd"] == altogether)
}

#[test]
fn a_session_is_opened_paid_verified_and_its_merchant_called() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.started(&json!({"callback": stage.shop_callback("1001"), "client_reference_id": "1001"}));
    assert_eq!((&session["status"], &session["amount_expected_usd"]), (&json!("processing"), &json!("25")));
    let paid = received(&shop, &session, "25.00", "25");
    assert_eq!(of(&paid), ("paid", "25", false, false));
    assert!(paid["paid_at"].as_u64() >= paid["created_at"].as_u64());
    assert!(stage.sandbox.wait_for(|state| state.shop_callbacks().len() == 1, PATIENCE));
    shop.await_that("events?type=callback.delivered", |list| list["data"].as_array().is_some_and(|data| data.len() == 1));
    assert_eq!(shop.events_of(&session), PAID_AT_ONCE);
    let paid_with = stage.sandbox.wallet(&text(&session, "receiving_address")).expect("a wallet").payments.remove(0);
    let payment = shop.payments_of(&session).remove(0);
    let expected = json!({
        "object": "transaction", "livemode": true, "status": "verified", "reason": null, "message": null, "source": "callback",
        "coin": "polygon_usdc", "value_coin": "25", "value_usd": "25", "value_forwarded_coin": "24.625", "late": false,
        "txid_in": paid_with.txid_in, "txid_out": paid_with.txid_out, "checkout_session": session["id"],
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&payment[field], value, "{field}");
    }
    assert_eq!(shop.get(&format!("transactions/{}", text(&payment, "id"))), payment);
    let events = shop.list("events?type=payment.verified");
    assert_eq!(events[0]["data"]["object"], payment, "the object as it was then");
    assert_eq!(shop.list("events?type=checkout.session.paid")[0]["data"]["object"], paid);
}

#[test]
fn too_little_is_seen_and_the_rest_makes_it_whole() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.started(&json!({}));
    let under = received(&shop, &session, "24.999999", "24.999999");
    assert_eq!((of(&under), &under["paid_at"]), (("underpaid", "24.999999", false, false), &json!(null)));
    assert_eq!(of(&received(&shop, &session, "0.000001", "25")), ("paid", "25", false, false));
    assert_eq!(changes(&shop, &session), ["created", "processing", "underpaid", "paid"]);
    assert_eq!(shop.payments_of(&session).len(), 2);
}

#[test]
fn a_tolerance_makes_less_enough_and_not_more() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for (paid, status) in [("24.75", "paid"), ("24.749999", "underpaid")] {
        let session = shop.started(&json!({"tolerance_bps": 100}));
        assert_eq!(of(&received(&shop, &session, paid, paid)).0, status, "{paid} of 25 less one percent");
    }
}

#[test]
fn too_much_and_more_after_it_is_seen() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.started(&json!({}));
    assert_eq!(of(&received(&shop, &session, "25.01", "25.01")), ("paid", "25.01", true, false));
    let twice = shop.started(&json!({}));
    let paid = received(&shop, &twice, "25", "25");
    let more = received(&shop, &twice, "25", "50");
    assert_eq!((of(&more), &more["paid_at"]), (("paid", "50", true, false), &paid["paid_at"]));
    assert_eq!(changes(&shop, &twice), ["created", "processing", "paid", "overpaid"]);
}

#[test]
fn money_that_comes_after_the_end_counts_and_is_marked() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for (verb, end) in [("cancel", "canceled"), ("expire", "expired")] {
        let session = &shop.started(&json!({}));
        let ended = shop.post(&format!("checkout-sessions/{}/{verb}", text(session, "id")), &json!({}));
        assert_eq!(ended["status"], end);
        assert_eq!(of(&received(&shop, session, "10", "10")), ("underpaid", "10", false, true));
        assert_eq!(of(&received(&shop, session, "15", "25")), ("paid", "25", false, true));
        assert_eq!(changes(&shop, session), ["created", "processing", end, "underpaid", "paid"]);
        let late = shop.events_of(session).into_iter().filter(|kind| kind == "payment.late").count();
        assert_eq!((late, shop.payments_of(session)[0]["late"].clone()), (2, json!(true)));
    }
}

/// A rate that cannot be had stops nobody from paying. What is owed is settled as soon as it can be had, and nothing counts
/// before.
#[test]
fn a_rate_that_is_not_known_is_asked_for_again() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    stage.sandbox.fault("/control/convert.php", Fault::Status(503, String::new()));
    let session = shop.started(&json!({"amount": "20.00", "currency": "EUR"}));
    assert_eq!(session["amount_expected_usd"], json!(null));
    // What the stand-in makes of it: 1.07427 to the euro.
    pay(&stage, &session, "21.49");
    let pending = shop.await_payment(&session, |payment| payment["reason"] == "price_unknown");
    assert_eq!((&pending["status"], &pending["value_usd"]), (&json!("pending"), &json!(null)));
    let waiting = shop.get(&format!("checkout-sessions/{}", text(&session, "id")));
    assert_eq!(of(&waiting), ("processing", "0", false, false));
    stage.sandbox.clear_faults();
    let paid = shop.await_session(&session, |session| session["status"] == "paid");
    assert_eq!((&paid["amount_expected_usd"], &paid["amount_received_usd"]), (&json!("21.49"), &json!("21.49")));
    let told = shop.started(&json!({"amount": "20.00", "currency": "EUR"}));
    assert_eq!(told["amount_expected_usd"], "21.49", "when the customer comes, where it is known");
    assert_eq!(of(&received(&shop, &told, "21.48", "21.48")).0, "underpaid");
}

/// The gateway wants an e-mail address with each payment: a session without one asks its customer.
#[test]
fn a_customer_whose_address_nobody_knows_is_asked_for_it() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.session(&json!({"customer_email": null}));
    let asked = shop.open(&session);
    assert_eq!((asked.status, asked.header("Content-Type")), (200, Some("text/html; charset=utf-8")), "{}", asked.text());
    let path = session["url"].as_str().expect("a URL").strip_prefix(&stage.worker.url()).expect("our URL");
    assert!(asked.text().contains(&format!("action=\"{path}\"")) && asked.text().contains("name=\"email\""), "{}", asked.text());
    let answered = stage.get(&format!("{path}?email=jane%40shop.example")).expect_provider_url().send();
    assert!(answered.status == 302 && answered.header("Location").expect("a provider").contains("jane%40shop.example"));
    let refused = stage.get(path).header("accept", "application/json").send();
    assert_eq!(stage::failure(&refused), (400, "missing_parameter".into(), Some("email".into())));
}

/// A link can name an account: what comes of it is a session like any other.
#[test]
fn a_link_to_an_account_makes_a_session() {
    let stage = open_stage(&[("ALLOW_UNSIGNED_LINKS", "true")]);
    let shop = Caller::merchant(&stage);
    let account = shop.get("account")["id"].as_str().expect("an id").to_owned();
    let callback = stage::encode(&stage.shop_callback("77"));
    let order = format!("account={account}&amount=25&currency=USD&provider=moonpay&email=a%40b.example&callback={callback}");
    let link = format!("/checkout?{order}&reference=77&metadata[size]=large&success_url=https%3A%2F%2Fshop.example%2F");
    for _ in 0..2 {
        let answer = stage.get(&link).expect_provider_url().send();
        assert_eq!(answer.status, 302, "{}", answer.text());
    }
    let sessions = shop.list("checkout-sessions?client_reference_id=77");
    assert_eq!(sessions.len(), 1, "{sessions:#?}");
    assert_eq!((&sessions[0]["metadata"]["size"], &sessions[0]["status"]), (&json!("large"), &json!("processing")));
    let both = format!("/checkout?{order}&address={}", stage::STRANGER);
    assert_eq!(stage::failure(&stage.get(&both).send()), (400, "invalid_parameter".into(), Some("address".into())));
    let unknown = link.replace(&account, "acct_0123456789abcdef");
    assert_eq!(stage::failure(&stage.get(&unknown).send()).1, "resource_missing");
}

/// Whose wallet was changed, stolen say, is paid at an address for the new one, also by links and shops that come again.
#[test]
fn a_link_pays_todays_wallet() {
    let stage = open_stage(&[("ALLOW_UNSIGNED_LINKS", "true")]);
    let shop = Caller::merchant(&stage);
    let account = shop.get("account")["id"].as_str().expect("an id").to_owned();
    let callback = stage::encode(&stage.shop_callback("78"));
    let order = format!("account={account}&amount=25&currency=USD&provider=moonpay&email=a%40b.example&callback={callback}");
    let asked_for = || {
        stage.asked();
        assert_eq!(stage.get(&format!("/checkout?{order}")).expect_provider_url().send().status, 302);
        let wallets = stage.asked().into_iter().filter(|call| call.path.ends_with("/wallet.php"));
        wallets.map(|call| stage::read_one(&call.query, "address").expect("a wallet")).collect::<Vec<_>>()
    };
    assert_eq!((asked_for(), asked_for()), (vec![stage::MERCHANT.to_owned()], vec![]));
    let operator = Caller::operator(&stage);
    let change = json!({"payout_wallet": stage::STRANGER});
    ledger::done(&operator.request("PATCH", &format!("accounts/{account}"), &change).send());
    assert_eq!((asked_for(), asked_for()), (vec![stage::STRANGER.to_owned()], vec![]));
    assert_eq!(shop.list("checkout-sessions").len(), 2);
}
