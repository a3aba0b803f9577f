//! A hidden name in what a merchant or a customer writes is taken out where somebody reads it; what is kept and what is called
//! stays to the letter, and whatever else there is can be read.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, stage as open_stage, text};
use serde_json::{Value, json};
use stage::MERCHANT;
use support::endpoint::Endpoint;

/// Texts in which the name begins in the middle of an escape, as soon as they stand in JSON.
const AMONG_ESCAPES: [&str; 3] = [r"\%61anexpay.net", r"\&#97;anexpay.net", r"\\\u0061anexpay.net\"];

#[test]
fn a_name_among_escapes_spoils_nothing() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let endpoint = Endpoint::saying(200);
    shop.post("webhooks", &json!({"url": endpoint.url(), "event_types": ["checkout.session.created"]}));
    for name in AMONG_ESCAPES {
        let session = shop.session(&json!({"client_reference_id": name, "metadata": {"from": name}}));
        assert!(!text(&session, "client_reference_id").contains("anexpay"), "{session}");
        assert_eq!(shop.open(&session).status, 302);
    }
    // Each of these is read as JSON.
    assert_eq!(shop.list("checkout-sessions").len(), AMONG_ESCAPES.len());
    assert_eq!(shop.list("events?type=checkout.session.created").len(), AMONG_ESCAPES.len());
    for got in endpoint.awaited(AMONG_ESCAPES.len()) {
        assert!(!got.json()["data"]["object"]["client_reference_id"].as_str().expect("a reference").contains("anexpay"));
    }
    let operator = Caller::operator(&stage);
    let account = operator.post("accounts", &json!({"name": AMONG_ESCAPES[0], "payout_wallet": MERCHANT}));
    assert!(operator.list("accounts").iter().any(|one| one["id"] == account["id"]));
}

#[test]
fn an_accounts_callback_is_called_as_it_was_given() {
    let stage = open_stage(&[]);
    let endpoint = Endpoint::saying(200);
    let query = "from=anexpay.net&n=%61nexpay.net";
    let account = json!({"name": "Shop", "payout_wallet": MERCHANT, "callback_url": format!("{}?{query}", endpoint.url())});
    let shop = Caller::merchant_with(&stage, &account, &json!({"livemode": false}));
    let session = shop.session(&json!({}));
    shop.post(&format!("checkout-sessions/{}/simulate-payment", text(&session, "id")), &Value::Null);
    let target = &endpoint.awaited(1)[0].target;
    assert!(target.starts_with(&format!("/hook?{query}&")), "{target}");
}
