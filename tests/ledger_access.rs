//! Who may do what: every route of the API with every kind of key that is not the right one, and with the right one.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, stage as open_stage, text};
use serde_json::{Value, json};
use stage::{MERCHANT, Stage, failure};
use std::fs;
use support::{client::Answer, config};

/// Method, path and the scope for it. `:` stands for the id of an object.
const ROUTES: [(&str, &str, &str); 35] = [
    ("POST", "accounts", "operator"),
    ("GET", "accounts", "operator"),
    ("GET", "accounts/:", "account:read"),
    ("PATCH", "accounts/:", "account:write"),
    ("GET", "account", "account:read"),
    ("POST", "api-keys", "api_keys:write"),
    ("GET", "api-keys", "api_keys:read"),
    ("GET", "api-keys/:", "api_keys:read"),
    ("DELETE", "api-keys/:", "api_keys:write"),
    ("POST", "checkout-sessions", "checkout_sessions:write"),
    ("GET", "checkout-sessions", "checkout_sessions:read"),
    ("GET", "checkout-sessions/:", "checkout_sessions:read"),
    ("POST", "checkout-sessions/:/simulate-payment", "checkout_sessions:write"),
    ("POST", "checkout-sessions/:/expire", "checkout_sessions:write"),
    ("POST", "checkout-sessions/:/cancel", "checkout_sessions:write"),
    ("POST", "checkout-sessions/:/live-token", "checkout_sessions:write"),
    ("GET", "transactions", "transactions:read"),
    ("GET", "transactions/:", "transactions:read"),
    ("GET", "callbacks", "transactions:read"),
    ("GET", "callbacks/:", "transactions:read"),
    ("POST", "callbacks/:/retry", "transactions:write"),
    ("GET", "events", "events:read"),
    ("GET", "events/:", "events:read"),
    ("POST", "webhooks", "webhooks:write"),
    ("GET", "webhooks", "webhooks:read"),
    ("GET", "webhooks/:", "webhooks:read"),
    ("PATCH", "webhooks/:", "webhooks:write"),
    ("DELETE", "webhooks/:", "webhooks:write"),
    ("POST", "webhooks/:/rotate-secret", "webhooks:write"),
    ("POST", "webhooks/:/test", "webhooks:write"),
    ("POST", "webhooks/:/replay", "webhooks:write"),
    ("POST", "webhooks/:/check", "webhooks:write"),
    ("GET", "webhook-deliveries", "webhooks:read"),
    ("GET", "webhook-deliveries/:", "webhooks:read"),
    ("POST", "webhook-deliveries/:/retry", "webhooks:write"),
];
/// What comes to no end: `live_events` asks for it.
const STREAM: &str = "get events/stream";
const SCOPES: [&str; 6] = ["account", "api_keys", "checkout_sessions", "transactions", "events", "webhooks"];

/// A shop with one object of each kind, all of them tests: those need no gateway.
struct Shop<'s> {
    stage: &'s Stage,
    owner: Caller<'s>,
    account: String,
    key: String,
    session: String,
    transaction: String,
    callback: String,
    event: String,
    webhook: String,
    delivery: String,
}

impl<'s> Shop<'s> {
    fn new(stage: &'s Stage) -> Self {
        let account = json!({"name": "Shop", "payout_wallet": MERCHANT});
        let owner = Caller::merchant_with(stage, &account, &json!({"livemode": false}));
        let webhook = owner.post("webhooks", &json!({"url": stage.shop_callback("hook")}));
        let paid = owner.session(&json!({"callback": stage.shop_callback("1")}));
        owner.post(&format!("checkout-sessions/{}/simulate-payment", text(&paid, "id")), &json!({}));
        let first = |kind: &str| text(&owner.list(kind)[0], "id");
        let [transaction, callback, event, delivery] = ["transactions", "callbacks", "events", "webhook-deliveries"].map(first);
        // The merchant is called beside the tests, which would find one more event when that is done.
        owner.await_that(&format!("callbacks/{callback}"), |callback| callback["status"] == "delivered");
        owner.await_that("webhook-deliveries?status=pending", |list| list["data"] == json!([]));
        let session = text(&owner.session(&json!({})), "id");
        let key = text(&owner.post("api-keys", &json!({})), "id");
        let (account, webhook) = (owner.account_id(), text(&webhook, "id"));
        Self { stage, owner, account, key, session, transaction, callback, event, webhook, delivery }
    }

    /// Another key of the same account.
    fn key(&self, fields: &Value) -> Caller<'s> {
        Caller::with_token(self.stage, &text(&self.new_key(fields), "secret"))
    }

    fn new_key(&self, fields: &Value) -> Value {
        Caller::operator_of(self.stage, &self.account).post("api-keys", fields)
    }

    fn path(&self, path: &str) -> String {
        let id = match path.split('/').next().unwrap_or_default() {
            "accounts" => &self.account,
            "api-keys" => &self.key,
            "checkout-sessions" => &self.session,
            "transactions" => &self.transaction,
            "callbacks" => &self.callback,
            "webhooks" => &self.webhook,
            "webhook-deliveries" => &self.delivery,
            _ => &self.event,
        };
        path.replace(':', id)
    }

    fn send(&self, caller: &Caller<'_>, method: &str, path: &str) -> Answer {
        let body = match (method, path) {
            ("POST", "accounts") => json!({"name": "Shop", "payout_wallet": MERCHANT}),
            ("POST", "api-keys") => json!({"scopes": ["api_keys:write"]}),
            ("POST", "checkout-sessions") => json!({"amount": "1", "currency": "USD"}),
            ("POST", "webhooks") => json!({"url": self.stage.shop_callback("hook")}),
            ("POST", "webhooks/:/replay") => json!({"since": 0}),
            ("GET" | "DELETE", _) => Value::Null,
            _ => json!({}),
        };
        caller.send(method, &self.path(path), &body)
    }
}

fn code(answer: &Answer) -> (u16, String) {
    if answer.status == 200 { (200, String::new()) } else { (answer.status, failure(answer).1) }
}

#[test]
fn the_table_has_every_route() {
    let source = fs::read_to_string(config::project().join("src/api/mod.rs")).expect("the routes");
    let rows = source.lines().filter_map(|line| line.trim().strip_prefix("(Method::"));
    let mut served: Vec<String> =
        rows.map(|row| row.split('"').take(2).collect::<Vec<_>>().join("").replace(", ", " ").to_lowercase()).collect();
    let mut tested: Vec<String> = ROUTES.iter().map(|(method, path, _)| format!("{method} {path}").to_lowercase()).collect();
    served.sort();
    tested.push(STREAM.to_owned());
    tested.sort();
    assert_eq!(served, tested);
}

#[test]
fn whoever_has_no_good_key_gets_nothing() {
    let stage = open_stage(&[]);
    let shop = Shop::new(&stage);
    let made = shop.new_key(&json!({"livemode": false}));
    ledger::done(&shop.owner.send("DELETE", &format!("api-keys/{}", text(&made, "id")), &Value::Null));
    let revoked = text(&made, "secret");
    let unknown = "lv_test_0000000000000000";
    for (method, path, _) in ROUTES {
        let target = format!("/api/v1/{}", shop.path(path));
        let bare = stage.worker.request(method, &target).header("content-type", "application/json");
        for (header, expected) in [
            (None, "api_key_required"),
            (Some(String::new()), "api_key_required"),
            (Some("Bearer".to_owned()), "api_key_required"),
            (Some(format!("Basic {}", shop.owner.token)), "api_key_required"),
            (Some(format!("Bearer {unknown}")), "invalid_api_key"),
            (Some("Bearer ' OR 1=1 --".to_owned()), "invalid_api_key"),
            (Some(format!("Bearer {revoked}")), "api_key_revoked"),
        ] {
            let request = match &header {
                Some(value) => bare.clone().header("authorization", value),
                None => bare.clone(),
            };
            let answer = request.send();
            assert_eq!(code(&answer), (401, expected.to_owned()), "{method} {path} {header:?}");
            assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(shop.owner.list("checkout-sessions").len(), 2, "nothing was made");
}

/// An account never sees, changes or even learns of another's objects; a list is its own.
#[test]
fn another_accounts_key_finds_nothing() {
    let stage = open_stage(&[]);
    let shop = Shop::new(&stage);
    let account = json!({"name": "Other", "payout_wallet": MERCHANT});
    let test = Caller::merchant_with(&stage, &account, &json!({"livemode": false}));
    let live = Caller::merchant(&stage);
    let same_account_live = shop.key(&json!({"livemode": true}));
    let before = shop.owner.get("events?limit=100");
    for (method, path, scope) in ROUTES {
        for (who, caller) in [("other", &test), ("other, live", &live), ("own, live", &same_account_live)] {
            let expected = match (scope, path.contains(':')) {
                ("operator", _) => (403, "insufficient_scope".to_owned()),
                // The account is of both modes.
                (_, true) if who == "own, live" && path.starts_with("accounts/") => (200, String::new()),
                (_, true) => (404, "resource_missing".to_owned()),
                (_, false) => (200, String::new()),
            };
            let answer = shop.send(caller, method, path);
            assert_eq!(code(&answer), expected, "{who}: {method} {path}: {}", answer.text());
            for id in [&shop.session, &shop.transaction, &shop.callback, &shop.event, &shop.key, &shop.webhook, &shop.delivery] {
                assert!(!answer.text().contains(id.as_str()), "{who}: {method} {path} shows {id}");
            }
        }
    }
    assert_eq!(shop.owner.get("events?limit=100"), before);
}

#[test]
fn a_key_does_what_its_scopes_say() {
    let stage = open_stage(&[]);
    let shop = Shop::new(&stage);
    for (method, path, needed) in ROUTES {
        let resource = needed.split(':').next().unwrap();
        let others: Vec<String> = SCOPES.iter().filter(|name| **name != resource).map(|name| format!("{name}:write")).collect();
        let refused = shop.send(&shop.key(&json!({"livemode": false, "scopes": others})), method, path);
        assert_eq!(code(&refused), (403, "insufficient_scope".to_owned()), "{method} {path} with all scopes but its own");
        if needed == "operator" {
            assert_eq!(code(&shop.send(&shop.owner, method, path)).0, 403, "{method} {path} with a key to everything");
            continue;
        }
        if needed.ends_with("write") {
            let read = shop.key(&json!({"livemode": false, "scopes": [format!("{resource}:read")]}));
            assert_eq!(code(&shop.send(&read, method, path)).0, 403, "{method} {path} with read alone");
        }
    }
    for (method, path, needed) in ROUTES.into_iter().filter(|(_, _, needed)| *needed != "operator") {
        let shop = Shop::new(&stage);
        // There is one account for both modes: what changes it changes real payments.
        let key = json!({"livemode": path == "accounts/:" && method == "PATCH", "scopes": [needed]});
        let answer = shop.send(&shop.key(&key), method, path);
        assert_eq!(answer.status, 200, "{method} {path} with what it needs: {}", answer.text());
    }
}

#[test]
fn methods_that_a_path_does_not_serve_are_named() {
    let stage = open_stage(&[]);
    let shop = Shop::new(&stage);
    for (_, path, _) in ROUTES {
        let mut served: Vec<&str> = ROUTES.iter().filter(|row| row.1 == path).map(|row| row.0).collect();
        // `GET` first, as they are written.
        served.sort_by_key(|method| ["GET", "POST", "PATCH", "DELETE"].iter().position(|known| known == method));
        for method in ["HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "POST", "GET", "PROPFIND"] {
            if served.contains(&method) {
                continue;
            }
            let answer = shop.owner.send(method, &shop.path(path), &Value::Null);
            assert_eq!((answer.status, answer.header("allow")), (405, Some(&*served.join(", "))), "{method} {path}");
            if method != "HEAD" {
                assert_eq!(failure(&answer).1, "method_not_allowed");
            }
        }
    }
    for path in ["", "nowhere", "accounts/", "checkout-sessions//expire", "checkout-sessions/x/y/expire", "events/a/b", "Events"]
    {
        assert_eq!(shop.owner.refused("GET", path, &Value::Null).1, "not_found", "{path}");
    }
}
