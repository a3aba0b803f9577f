//! `Idempotency-Key`: the same request twice has one effect and one answer.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, done, stage as open_stage, text};
use serde_json::{Value, json};
use stage::{MERCHANT, failure};
use std::thread;
use support::client::Answer;

fn with_key(caller: &Caller<'_>, path: &str, body: &Value, key: &str) -> Answer {
    caller.request("POST", path, body).header("Idempotency-Key", key).send()
}

fn order(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

#[test]
fn a_repeated_request_gets_the_first_answer() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let first = with_key(&shop, "checkout-sessions", &order("5"), "\"order-1001\"");
    assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
    // Quoted as the draft has it, or bare as Stripe's clients send it: it is the same key.
    for key in ["\"order-1001\"", "order-1001"] {
        let again = with_key(&shop, "checkout-sessions", &order("5"), key);
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")), "{key}");
        assert_eq!((&again.body, again.header("content-type")), (&first.body, first.header("content-type")));
        assert_ne!(again.header("request-id"), first.header("request-id"));
    }
    // What was answered then, though the session has changed since.
    shop.post(&format!("checkout-sessions/{}/cancel", text(&first.json(), "id")), &json!({}));
    assert_eq!(with_key(&shop, "checkout-sessions", &order("5"), "order-1001").body, first.body);
    assert_eq!(shop.list("checkout-sessions").len(), 1);
    for other in ["order-1002", "ORDER-1001", "order-1001 x", "\"order-1001"] {
        assert_eq!(with_key(&shop, "checkout-sessions", &order("5"), other).header("idempotent-replayed"), None, "{other}");
    }
    assert_eq!(shop.list("checkout-sessions").len(), 5);
}

#[test]
fn a_key_belongs_to_one_request() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = done(&with_key(&shop, "checkout-sessions", &order("5"), "k"));
    let id = text(&session, "id");
    for (path, body) in [
        ("checkout-sessions".to_owned(), order("6")),
        ("checkout-sessions".to_owned(), json!({"amount": "5", "currency": "USD", "metadata": {}})),
        ("checkout-sessions?livemode=true".to_owned(), order("5")),
        (format!("checkout-sessions/{id}/cancel"), order("5")),
        ("api-keys".to_owned(), json!({})),
    ] {
        let answer = with_key(&shop, &path, &body, "k");
        assert_eq!(failure(&answer), (422, "idempotency_key_reused".to_owned(), None), "{path}");
        assert_eq!(answer.json()["error"]["type"], "idempotency_error");
    }
    assert_eq!(shop.get(&format!("checkout-sessions/{id}")), session, "none of them was carried out");
    assert_eq!(shop.list("checkout-sessions").len(), 1);
}

/// Another key of the same account, another account and the operator have records of their own.
#[test]
fn nobody_reads_anothers_answer() {
    let stage = open_stage(&[]);
    let (shop, other) = (Caller::merchant(&stage), Caller::merchant(&stage));
    let operator = Caller::operator_of(&stage, &shop.account_id());
    let second = Caller::with_token(&stage, &text(&operator.post("api-keys", &json!({})), "secret"));
    let mut made: Vec<String> = [&shop, &other, &operator, &second]
        .map(|caller| text(&done(&with_key(caller, "checkout-sessions", &order("5"), "same")), "id"))
        .into();
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 4);
}

#[test]
fn of_requests_at_the_same_time_one_is_carried_out() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (stage, token) = (&stage, &shop.token);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let ask = || with_key(&Caller::with_token(stage, token), "checkout-sessions", &order("5"), "at once");
        let asked: Vec<_> = (0..30).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().expect("a client")).collect()
    });
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
    assert_eq!((shop.list("checkout-sessions").len(), shop.list("events?type=checkout.session.created").len()), (1, 1));
}

#[test]
fn what_was_refused_can_be_mended_under_the_same_key() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    assert_eq!(with_key(&shop, "checkout-sessions", &order("five"), "k").status, 400);
    assert_eq!(with_key(&shop, "checkout-sessions", &order("5"), "k").status, 200);
    for key in ["", "\"\"", &"x".repeat(256)] {
        let answer = with_key(&shop, "checkout-sessions", &order("5"), key);
        assert_eq!(failure(&answer), (400, "invalid_parameter".to_owned(), Some("Idempotency-Key".to_owned())), "{key}");
    }
    assert_eq!(with_key(&shop, "checkout-sessions", &order("5"), &"x".repeat(255)).status, 200);
    assert_eq!(shop.list("checkout-sessions").len(), 2);
}

#[test]
fn a_secret_is_never_told_again() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let first = with_key(&shop, "api-keys", &json!({"name": "a"}), "k");
    let secret = text(&first.json(), "secret");
    let again = with_key(&shop, "api-keys", &json!({"name": "a"}), "k");
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert!(!again.text().contains(&secret[24..72]));
    let mut without = first.json();
    without.as_object_mut().unwrap().remove("secret");
    assert_eq!(again.json(), without);
    assert_eq!(shop.list("api-keys").len(), 2);
}

#[test]
fn an_account_is_made_once_and_changed_once() {
    let stage = open_stage(&[]);
    let operator = Caller::operator(&stage);
    let body = json!({"name": "Shop", "payout_wallet": MERCHANT});
    let first = done(&with_key(&operator, "accounts", &body, "k"));
    assert_eq!(done(&with_key(&operator, "accounts", &body, "k")), first);
    assert_eq!(operator.list("accounts"), std::slice::from_ref(&first));
    let path = format!("accounts/{}", text(&first, "id"));
    let rename = |name: &str| operator.request("PATCH", &path, &json!({"name": name})).header("idempotency-key", "p").send();
    let renamed = done(&rename("B"));
    ledger::done(&operator.send("PATCH", &path, &json!({"name": "C"})));
    assert_eq!(done(&rename("B")), renamed, "the answer of then");
    assert_eq!((operator.get(&path)["name"].clone(), operator.list("accounts")[0]["name"].clone()), (json!("C"), json!("C")));
    // Reading needs no key, and heeds none.
    let read = || operator.request("GET", &path, &Value::Null).header("idempotency-key", "p").send();
    assert_eq!((read().status, read().header("idempotent-replayed")), (200, None));
}
