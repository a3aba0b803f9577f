//! Checkout sessions of the REST API: every field there and back, what they take from their account, how they end.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, stage as open_stage, text};
use serde_json::{Value, json};
use stage::MERCHANT;
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};
use support::config;

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis())
        .expect("before the year 500 million")
}

/// Every field that can be set, each with a value.
fn all_fields() -> Value {
    let metadata =
        json!({"order": "1001", "__proto__": "x", "constructor": "y", "ключ": "✓ \u{1F600}", "empty": "", "quote": "\"'\\\n"});
    json!({
        "amount": "0025.10",
        "currency": "EUR",
        "tolerance_bps": 100,
        "provider": "moonpay",
        "customer_email": "jane+ü@shop.example",
        "customer_name": "Jane <b>\"O'Neil\"</b> 李",
        "client_reference_id": "order 1001 & co; DROP TABLE objects",
        "metadata": metadata,
        "success_url": "https://shop.example/ok?session={SESSION_ID}&a=%20#top",
        "cancel_url": "https://shop.example/cancel",
        "callback": "https://shop.example/paid?order=1001",
        "expires_at": now() + 3_600_000,
        "livemode": true,
    })
}

#[test]
fn every_field_is_there_and_back() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let made = shop.post("checkout-sessions", &all_fields());
    for (field, value) in all_fields().as_object().unwrap() {
        if field != "expires_at" {
            assert_eq!(&made[field], value, "{field}");
        }
    }
    let id = text(&made, "id");
    let account = shop.account_id().replace("acct_", "");
    let rest = json!({
        "object": "checkout.session", "status": "open", "amount_expected_usd": null, "amount_received_usd": "0",
        "paid_late": false, "overpaid": false, "receiving_address": null, "paid_at": null,
        "url": format!("{}/checkout/{account}/{id}", stage.worker.url()),
    });
    for (field, value) in rest.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    assert_eq!(made["created_at"], made["updated_at"]);
    assert!(now().abs_diff(made["created_at"].as_u64().unwrap()) < 60_000, "milliseconds since 1970");
    assert_eq!(shop.get(&format!("checkout-sessions/{id}")), made);
    assert_eq!(shop.list("checkout-sessions"), std::slice::from_ref(&made));
    let event = &shop.list("events?type=checkout.session.created")[0];
    assert_eq!((&event["data"]["object"], &event["checkout_session"]), (&made, &made["id"]));
    assert_eq!(stage.asked().len(), 0, "nobody came yet, so the gateway knows of nothing");
}

#[test]
fn amounts_are_texts_or_numbers_and_keep_their_digits() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for (written, kept) in [
        ("\"25.00\"", "25.00"),
        ("25.00", "25.00"),
        ("25", "25"),
        ("0.10", "0.10"),
        ("123456789012345.1234567890123", "123456789012345.1234567890123"),
        ("\"0.000000000000000001\"", "0.000000000000000001"),
        ("9007199254740993", "too long"),
    ] {
        let body = format!("{{\"amount\": {written}, \"currency\": \"usd\"}}");
        let answer = shop.request("POST", "checkout-sessions", &Value::Null).body(body).send();
        match kept {
            "too long" => assert_eq!(answer.status, 400),
            _ => assert_eq!((&answer.json()["amount"], &answer.json()["currency"]), (&json!(kept), &json!("USD")), "{written}"),
        }
    }
}

#[test]
fn what_is_not_said_comes_from_the_account() {
    let stage = open_stage(&[]);
    let account = json!({
        "name": "Shop", "payout_wallet": MERCHANT, "default_currency": "EUR", "tolerance_bps": 300,
        "callback_url": "https://shop.example/paid?shop=1",
    });
    let shop = Caller::merchant_with(&stage, &account, &json!({}));
    let bare = shop.post("checkout-sessions", &json!({"amount": "5"}));
    let day = bare["expires_at"].as_u64().unwrap() - bare["created_at"].as_u64().unwrap();
    assert_eq!((&bare["currency"], &bare["tolerance_bps"], day), (&json!("EUR"), &json!(300), 24 * 3_600_000));
    assert_eq!(bare["callback"], "https://shop.example/paid?shop=1");
    let own = json!({"amount": "5", "currency": "USD", "tolerance_bps": 0, "callback": "https://shop.example/paid?order=7"});
    let own = shop.post("checkout-sessions", &own);
    assert_eq!((&own["currency"], &own["tolerance_bps"]), (&json!("USD"), &json!(0)));
    assert_eq!(own["callback"], "https://shop.example/paid?order=7");
    let nothing = Caller::merchant(&stage).refused("POST", "checkout-sessions", &json!({"amount": "5"}));
    assert_eq!(nothing, (400, "missing_parameter".to_owned(), Some("currency".to_owned())));
}

#[test]
fn a_session_ends_once() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for (first, state, other) in [("expire", "expired", "cancel"), ("cancel", "canceled", "expire")] {
        let session = shop.session(&json!({}));
        let path = format!("checkout-sessions/{}", text(&session, "id"));
        let ended = shop.post(&format!("{path}/{first}"), &json!({}));
        assert_eq!(ended["status"], state);
        assert_eq!(shop.post(&format!("{path}/{first}"), &json!({}))["status"], state, "again is no mistake");
        assert_eq!(shop.refused("POST", &format!("{path}/{other}"), &json!({})), (409, "session_state".to_owned(), None));
        assert_eq!(shop.get(&path)["status"], state);
        assert_eq!(shop.events_of(&session), ["checkout.session.created", &format!("checkout.session.{state}")]);
        let opened = shop.open(&session);
        assert_eq!(opened.status, 409, "{}", opened.text());
    }
    assert_eq!(stage.asked().len(), 0, "nobody pays to what has ended");
}

#[test]
fn a_session_expires_by_itself() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    // Still to come when the request arrives, on a busy machine too.
    let session = shop.session(&json!({"expires_at": now() + 5_000}));
    let expired = shop.await_session(&session, |session| session["status"] == "expired");
    assert!(expired["updated_at"].as_u64() >= session["expires_at"].as_u64());
    assert_eq!(shop.events_of(&session), ["checkout.session.created", "checkout.session.expired"]);
}

/// What the list of parameters in the source has is tried here, so that none is forgotten.
#[test]
fn every_wrong_value_names_its_parameter() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (no_text, too_long) = ([json!(7), json!(true), json!(["a"]), json!({"a": 1})], "x".repeat(5000));
    let text = |more: Vec<Value>| [no_text.to_vec(), vec![json!(too_long), json!("a\u{0}b"), json!("a\r\nb: c")], more].concat();
    // An amount may be written as a number.
    let without_number = |more| text(more).split_off(1);
    let url = || {
        text(["", "x", "/x", "javascript:alert(1)", "https://", "http://ex ample/", "//shop.example"].map(Value::from).to_vec())
    };
    let of = |name: &str| match name {
        "amount" => {
            without_number(vec![json!("0"), json!("-1"), json!("1e3"), json!("1,5"), json!(""), json!(" 1"), json!(-1), json!(0)])
        }
        "currency" => text(vec![json!("EURO"), json!("E1R"), json!("")]),
        "customer_email" => text(vec![json!("jane"), json!("a@b@c"), json!("@"), json!("a b@c.example"), json!("")]),
        "customer_name" | "client_reference_id" => text(vec![]),
        "provider" => text(vec![json!("auto"), json!("Moon Pay"), json!("../x")]),
        "success_url" | "cancel_url" => url(),
        "callback" => [url(), vec![json!("https://shop.example/no-parameter")]].concat(),
        "expires_at" => [
            json!(0),
            json!(1),
            json!(-1),
            json!(1.5),
            json!("soon"),
            json!(now() - 1),
            json!(now() + 31 * 86_400_000),
            json!(u64::MAX),
        ]
        .to_vec(),
        "livemode" => vec![json!("true"), json!(0), json!([]), json!({})],
        "tolerance_bps" => vec![json!(10_001), json!(-1), json!(0.1), json!("10"), json!([]), json!(u64::MAX)],
        "metadata" => vec![
            json!("a"),
            json!([]),
            json!({"a": 1}),
            json!({"a": null}),
            json!({"a": {"b": "c"}}),
            json!({"": "a"}),
            json!({"a": "x".repeat(501)}),
            json!({"x".repeat(41): "a"}),
            (0..51).map(|n| (n.to_string(), json!("a"))).collect::<serde_json::Map<_, _>>().into(),
        ],
        other => panic!("{other} is not tried"),
    };
    let source = fs::read_to_string(config::project().join("src/api/sessions.rs")).expect("the parameters");
    let list = source.split("const FIELDS").nth(1).and_then(|rest| rest.split_once("];")).expect("a list").0;
    let names: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(names.len(), 13, "{names:?}");
    for name in names {
        for value in of(name) {
            let mut fields = json!({"amount": "5", "currency": "USD"});
            fields[name] = value.clone();
            let (status, code, param) = shop.refused("POST", "checkout-sessions", &fields);
            assert_eq!((status, param.as_deref()), (400, Some(name)), "{name}: {value} {code}");
        }
    }
    assert_eq!(shop.list("checkout-sessions").len(), 0);
}
