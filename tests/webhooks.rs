//! Webhook endpoints over the API, and what a merchant's server gets.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, PAID_AT_ONCE, done, pay, stage as open_stage, text};
use serde_json::{Value, json};
use support::endpoint::{Endpoint, Got, answer};

/// An endpoint at that URL, with these fields besides; its secret is in it.
fn hook(shop: &Caller<'_>, url: &str, fields: &Value) -> Value {
    let mut all = json!({"url": url});
    all.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    shop.post("webhooks", &all)
}

fn path(endpoint: &Value) -> String {
    format!("webhooks/{}", text(endpoint, "id"))
}

/// Both ends of the log of a delivery, as soon as it came so far.
fn tried(shop: &Caller<'_>, delivery: &Value, status: &str) -> Value {
    shop.await_that(&format!("webhook-deliveries/{}", text(delivery, "id")), |delivery| delivery["status"] == status)
}

#[test]
fn an_endpoint_is_made_shown_changed_and_deleted() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut made = hook(&shop, "https://shop.example/hook?a=b", &json!({}));
    let secret = made.as_object_mut().unwrap().remove("secret").expect("a secret");
    assert!(secret.as_str().is_some_and(|secret| secret.starts_with("whsec_") && secret.len() == 50), "{secret}");
    let id = text(&made, "id");
    assert!(id.starts_with("we_"));
    let expected = json!({
        "id": id, "object": "webhook_endpoint", "livemode": true, "status": "enabled", "disabled_reason": null,
        "url": "https://shop.example/hook?a=b", "description": "", "event_types": ["*"], "payload": "full", "metadata": {},
        "secret_hint": made["secret_hint"], "old_secret_expires_at": null, "failing_since": null,
        "created_at": made["created_at"], "updated_at": made["updated_at"],
    });
    assert_eq!(made, expected);
    assert_eq!(shop.get(&path(&made)), made);
    let change = json!({"url": "https://shop.example/other", "description": "Orders", "event_types": ["payment.*"], "payload": "thin",
        "metadata": {"a": "1"}, "status": "paused"});
    let changed = done(&shop.send("PATCH", &path(&made), &change));
    for (field, value) in change.as_object().unwrap() {
        assert_eq!(&changed[field], value);
    }
    // What is not named stays; null unsets.
    let again = done(&shop.send("PATCH", &path(&made), &json!({"event_types": null, "description": null, "payload": null})));
    assert_eq!((&again["event_types"], &again["description"], &again["payload"]), (&json!(["*"]), &json!(""), &json!("full")));
    assert_eq!((&again["url"], &again["status"]), (&json!("https://shop.example/other"), &json!("paused")));
    let other = hook(&shop, "https://shop.example/", &json!({}));
    assert_eq!(shop.list("webhooks").iter().map(|one| text(one, "id")).collect::<Vec<_>>(), [text(&other, "id"), id.clone()]);
    assert_eq!(shop.list("webhooks?status=paused"), [again]);
    assert_eq!(done(&shop.send("DELETE", &path(&made), &Value::Null))["deleted"], true);
    for (method, path) in [("GET", path(&made)), ("DELETE", path(&made)), ("POST", format!("{}/test", path(&made)))] {
        assert_eq!(shop.refused(method, &path, &Value::Null).0, 404, "{method} {path}");
    }
    assert_eq!(shop.list("webhooks").len(), 1);
}

#[test]
fn what_is_no_endpoint_is_refused() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let good = json!({"url": "https://shop.example/"});
    let long = "x".repeat(501);
    for (field, value) in [
        ("url", json!(null)),
        ("url", json!("shop.example")),
        ("url", json!("ftp://shop.example/")),
        ("url", json!("https://user:password@shop.example/")),
        ("url", json!("https://shop.example/#part")),
        ("url", json!(format!("{}/hook", stage.worker.url()))),
        ("url", json!(format!("{}/hook", stage.sandbox.api_url()))),
        ("url", json!(format!("https://shop.example/{}", "x".repeat(2048)))),
        ("event_types", json!([])),
        ("event_types", json!("*")),
        ("event_types", json!(["checkout"])),
        ("event_types", json!(["checkout.session.payed"])),
        ("payload", json!("some")),
        ("status", json!("on")),
        ("description", json!(long)),
        ("metadata", json!({"a": 1})),
        ("livemode", json!(false)),
        ("livemode", json!("yes")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let (status, code, param) = shop.refused("POST", "webhooks", &body);
        assert_eq!((status, param.as_deref()), (400, Some(field)), "{body}: {code}");
    }
    assert_eq!(shop.refused("POST", "webhooks", &json!({})), (400, "missing_parameter".into(), Some("url".into())));
    assert_eq!(shop.refused("POST", "webhooks", &json!({"uri": "x"})).1, "unknown_parameter");
    for _ in 0..16 {
        shop.post("webhooks", &good);
    }
    assert_eq!(shop.refused("POST", "webhooks", &good), (409, "too_many_webhooks".into(), None));
    assert_eq!(shop.list("webhooks?limit=100").len(), 16);
}

#[test]
fn keys_do_what_their_scopes_say() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let endpoint = hook(&shop, "https://shop.example/", &json!({}));
    let with = |scope: &str| Caller::with_token(&stage, &text(&shop.post("api-keys", &json!({"scopes": [scope]})), "secret"));
    let (reader, writer, other) = (with("webhooks:read"), with("webhooks:write"), with("events:write"));
    for (method, path) in [
        ("GET", "webhooks".to_owned()),
        ("GET", path(&endpoint)),
        ("GET", "webhook-deliveries".to_owned()),
        ("POST", "webhooks".to_owned()),
        ("PATCH", path(&endpoint)),
        ("POST", format!("{}/test", path(&endpoint))),
        ("POST", format!("{}/check", path(&endpoint))),
        ("POST", format!("{}/replay", path(&endpoint))),
        ("POST", format!("{}/rotate-secret", path(&endpoint))),
        ("DELETE", path(&endpoint)),
    ] {
        let is_allowed = |caller: &Caller<'_>| caller.send(method, &path, &Value::Null).status != 403;
        assert_eq!((is_allowed(&reader), is_allowed(&other)), (method == "GET", false), "{method} {path}");
        assert!(path.ends_with("check") || is_allowed(&writer), "{method} {path}");
    }
    assert_eq!(Caller::merchant(&stage).refused("GET", &path(&endpoint), &Value::Null).0, 404, "another account's");
}

/// What came is this event, as the endpoint wants it, and signed for it alone.
fn is_told(got: &Got, event: &Value, hook: &Value) {
    let (mut body, mut event) = (got.json(), event.clone());
    assert!(body.as_object_mut().unwrap().remove("timestamp").is_some_and(|time| time.as_str().unwrap().ends_with('Z')));
    if hook["payload"] == "thin" {
        let object = &event["data"]["object"];
        event["data"]["object"] = json!({"id": object["id"], "object": object["object"]});
    }
    assert_eq!((body, got.method.as_str(), got.target.as_str()), (event, "POST", "/hook"));
    assert!(got.is_signed_with(&text(hook, "secret")) && got.header("webhook-signature").split(' ').count() == 1);
    let age = got.at.abs_diff(1000 * got.header("webhook-timestamp").parse::<u64>().expect("seconds"));
    assert!(age < 10_000, "{age}");
    assert_eq!(got.header("content-type"), "application/json");
    assert!(got.header("user-agent").starts_with("Livery/") && !format!("{:?}", got.headers).contains("cf-"));
}

#[test]
fn a_merchant_is_told_what_happens() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (full, thin) = (Endpoint::saying(200), Endpoint::saying(204));
    let types = json!(["checkout.*", "payment.*", "callback.*"]);
    let hooks = [(&full, "full"), (&thin, "thin")]
        .map(|(endpoint, payload)| hook(&shop, endpoint.url(), &json!({"event_types": types, "payload": payload})));
    let session = shop.started(&json!({"callback": stage.shop_callback("1"), "metadata": {"name": "Zoë"}}));
    pay(&stage, &session, "25");
    let mut told: Vec<String> = full.awaited(PAID_AT_ONCE.len()).iter().map(Got::kind).collect();
    told.sort();
    let mut expected = PAID_AT_ONCE.map(str::to_owned);
    expected.sort();
    assert_eq!(told, expected);
    thin.awaited(PAID_AT_ONCE.len());
    let events = shop.list("events?limit=100");
    for (endpoint, hook) in [&full, &thin].into_iter().zip(&hooks) {
        for got in endpoint.got() {
            let event = events.iter().find(|event| event["id"] == got.id()).expect("an event");
            is_told(&got, event, hook);
            assert!(!got.body.contains(&stage.sandbox.api_url()));
        }
    }
    let deliveries = shop.await_that("webhook-deliveries?limit=100&status=delivered", |list| {
        list["data"].as_array().is_some_and(|data| data.len() == 2 * PAID_AT_ONCE.len())
    });
    assert_eq!(deliveries["has_more"], false);
    let paid = events.iter().find(|event| event["type"] == "checkout.session.paid").unwrap();
    assert_eq!(shop.list(&format!("webhook-deliveries?event={}", text(paid, "id"))).len(), 2);
    assert_eq!(shop.list(&format!("webhook-deliveries?webhook_endpoint={}", text(&hooks[0], "id"))).len(), 6);
}

/// The log has what was sent and what was answered, as much as fits.
#[test]
fn every_attempt_is_in_the_log() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let long = "ü\u{0}<".repeat(4000);
    let endpoint =
        Endpoint::start(move |_, stream| answer(stream, 201, &[("x-shop", "a: b"), ("x-long", &"y".repeat(3000))], &long));
    let hook = hook(&shop, endpoint.url(), &json!({"event_types": ["webhook.test"]}));
    let delivery = tried(&shop, &shop.post(&format!("{}/test", path(&hook)), &json!({})), "delivered");
    let got = endpoint.awaited(1).remove(0);
    let attempts = delivery["attempts"].as_array().unwrap();
    let attempt = &attempts[0];
    assert_eq!(
        (attempts.len(), &attempt["number"], &attempt["status"], &attempt["error"]),
        (1, &json!(1), &json!(201), &Value::Null)
    );
    assert_eq!(attempt["request"]["url"], endpoint.url());
    for header in attempt["request"]["headers"].as_array().unwrap() {
        assert_eq!(got.header(header[0].as_str().unwrap()), header[1].as_str().unwrap());
    }
    assert_eq!(attempt["request"]["headers"].as_array().unwrap().len(), 3);
    assert!(attempt["at"].as_u64() <= Some(got.at) && attempt["duration_ms"].as_u64() < Some(10_000));
    let (headers, body) = (attempt["response"]["headers"].to_string(), attempt["response"]["body"].as_str().unwrap());
    assert!(headers.contains(r#"["x-shop","a: b"]"#) && headers.len() < 2500, "{headers}");
    assert!(body.starts_with("ü\u{0}<ü") && (900..=1024).contains(&body.len()), "{} bytes", body.len());
    // Once more, for whoever asks.
    let again = format!("webhook-deliveries/{}/retry", text(&delivery, "id"));
    shop.post(&again, &json!({}));
    let both = endpoint.awaited(2);
    assert!(both[0].id() == both[1].id() && both[0].body == both[1].body);
    let whole = shop.await_that(again.trim_end_matches("/retry"), |delivery| delivery["attempt_count"] == 2);
    assert_eq!((&whole["status"], whole["attempts"].as_array().unwrap().len()), (&json!("delivered"), 2));
    assert!(!stage.worker.log().contains(&text(&hook, "secret")[6..]), "the secret is in the log");
}

#[test]
fn pausing_rotating_and_deleting_take_effect_at_once() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (first, second) = (Endpoint::saying(200), Endpoint::saying(200));
    let types = json!({"event_types": ["checkout.session.created"]});
    let (one, two) = (hook(&shop, first.url(), &types), hook(&shop, second.url(), &types));
    shop.session(&json!({}));
    first.awaited(1);
    second.awaited(1);
    done(&shop.send("PATCH", &path(&one), &json!({"status": "paused"})));
    let rotated = shop.post(&format!("{}/rotate-secret", path(&two)), &json!({}));
    let (old, new) = (text(&two, "secret"), text(&rotated, "secret"));
    for _ in 0..2 {
        shop.session(&json!({}));
    }
    let got = second.awaited(3).split_off(1);
    assert!(got.iter().all(|got| got.is_signed_with(&old) && got.is_signed_with(&new)), "{got:?}");
    done(&shop.send("DELETE", &path(&two), &Value::Null));
    assert_eq!(first.got().len(), 1);
    done(&shop.send("PATCH", &path(&one), &json!({"status": "enabled"})));
    shop.session(&json!({}));
    first.awaited(4);
    assert_eq!(second.got().len(), 3);
}

#[test]
fn what_was_missed_can_be_replayed() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let sessions: Vec<Value> = (0..3).map(|_| shop.session(&json!({}))).collect();
    let endpoint = Endpoint::saying(200);
    let hook = hook(&shop, endpoint.url(), &json!({"event_types": ["checkout.session.created"]}));
    let replay = |body: &Value| shop.post(&format!("{}/replay", path(&hook)), body);
    let from = &sessions[1]["created_at"];
    assert_eq!(replay(&json!({"since": from}))["count"], 2);
    let about: Vec<Value> = endpoint.awaited(2).iter().map(|got| got.json()["data"]["object"]["id"].clone()).collect();
    assert!(about.contains(&sessions[1]["id"]) && about.contains(&sessions[2]["id"]));
    shop.await_that("webhook-deliveries?status=delivered", |list| list["data"].as_array().is_some_and(|data| data.len() == 2));
    assert_eq!(replay(&json!({"since": from}))["count"], 0);
    assert_eq!(replay(&json!({"since": 0, "which": "all"}))["count"], 3);
    endpoint.awaited(5);
}
