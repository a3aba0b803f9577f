//! From a session to a paid order: through the gateway, its callback, the verification and the merchant's own callback.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, pay, stage as open_stage};
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_session_is_opened_paid_verified_and_its_merchant_called() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let callback = stage.shop_callback("1001");
    let session = shop.session(&json!({"callback": callback, "client_reference_id": "1001"}));
    assert_eq!((&session["status"], &session["receiving_address"]), (&json!("open"), &json!(null)));
    let answer = shop.open(&session);
    assert_eq!(answer.status, 302, "{}", answer.text());
    let processing = shop.await_session(&session, |session| session["status"] == "processing");
    pay(&stage, &processing, "25.00");
    let paid = shop.await_session(&session, |session| session["status"] == "paid");
    assert_eq!(
        (&paid["amount_received_usd"], &paid["overpaid"], &paid["paid_late"]),
        (&json!("25"), &json!(false), &json!(false))
    );
    assert!(stage.sandbox.wait_for(|state| state.shop_callbacks().len() == 1, PATIENCE));
    shop.await_that("events?type=callback.delivered", |list| list["data"].as_array().is_some_and(|data| data.len() == 1));
    let told = [
        "checkout.session.created",
        "checkout.session.processing",
        "payment.detected",
        "payment.verified",
        "checkout.session.paid",
        "callback.delivered",
    ];
    let mut events = shop.events_of(&session);
    events.sort();
    let mut expected = told.map(str::to_owned);
    expected.sort();
    assert_eq!(events, expected);
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
