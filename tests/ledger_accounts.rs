//! Accounts and keys of the REST API, in workerd with its real database.
mod stage;
mod support;

use serde_json::{Value, json};
use stage::{MERCHANT, Stage};
use support::client::Request;

const ADMIN: &str = "the-operators-own-token-0123456789";

fn stage() -> Stage {
    Stage::with(&[("ADMIN_TOKEN", ADMIN)])
}

fn ask(stage: &Stage, method: &str, path: &str, token: &str, body: &Value) -> Request {
    let request = stage.worker.request(method, path).header("authorization", &format!("Bearer {token}"));
    if body.is_null() { request } else { request.header("content-type", "application/json").body(body.to_string().as_bytes()) }
}

fn done(request: &Request) -> Value {
    let answer = request.send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn an_operator_makes_accounts_and_keys() {
    let stage = stage();
    let body = json!({"name": "Shop", "payout_wallet": MERCHANT});
    let account = done(&ask(&stage, "POST", "/api/v1/accounts", ADMIN, &body));
    let id = account["id"].as_str().unwrap();
    assert_eq!(account["payout_wallet"], MERCHANT);
    let list = done(&ask(&stage, "GET", "/api/v1/accounts", ADMIN, &Value::Null));
    assert_eq!(list["data"], json!([account]));
    let key = done(&ask(&stage, "POST", "/api/v1/api-keys", ADMIN, &json!({"name": "server"})).header("livery-account", id));
    let secret = key["secret"].as_str().unwrap();
    let session = done(&ask(
        &stage,
        "POST",
        "/api/v1/checkout-sessions",
        secret,
        &json!({"amount": "25.00", "currency": "eur", "metadata": {"a": "b"}}),
    ));
    println!("{session:#}");
    let list = done(&ask(&stage, "GET", "/api/v1/checkout-sessions?status=open", secret, &Value::Null));
    assert_eq!(list["data"], json!([session]));
    let events = done(&ask(&stage, "GET", "/api/v1/events", secret, &Value::Null));
    println!("{events:#}");
}
