//! An operator, their accounts and their keys, on a stage with a real database.
#![allow(dead_code, reason = "every test file uses its own part of this")]

use crate::stage::{MERCHANT, Stage, failure};
use crate::support::{
    client::{Answer, Request},
    ledgers::of_accounts,
};
use livery_sandbox::Sandbox;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// The operator's token.
pub const ADMIN: &str = "the-operators-own-token-0123456789";

/// What is said of a session that was opened, paid once in full, and whose merchant took the callback.
pub const PAID_AT_ONCE: [&str; 6] = [
    "checkout.session.created",
    "checkout.session.processing",
    "payment.detected",
    "payment.verified",
    "checkout.session.paid",
    "callback.delivered",
];

/// How long something that happens by itself may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A stage whose operator has a token.
pub fn stage(settings: &[(&str, &str)]) -> Stage {
    Stage::with(&[&[("ADMIN_TOKEN", ADMIN)], settings].concat())
}

/// Somebody who calls the API: with a key, or as the operator.
pub struct Caller<'s> {
    pub stage: &'s Stage,
    pub token: String,
    /// The account that the operator speaks of.
    pub account: Option<String>,
}

impl<'s> Caller<'s> {
    /// The operator.
    pub fn operator(stage: &'s Stage) -> Self {
        Self { stage, token: ADMIN.to_owned(), account: None }
    }

    /// A merchant's server with a new key of a new account.
    pub fn merchant(stage: &'s Stage) -> Self {
        Self::merchant_with(stage, &json!({"name": "Shop", "payout_wallet": MERCHANT}), &json!({}))
    }

    /// The same with these fields of the account and of the key.
    pub fn merchant_with(stage: &'s Stage, account: &Value, key: &Value) -> Self {
        let operator = Self::operator(stage);
        let account = operator.post("accounts", account)["id"].as_str().expect("an id").to_owned();
        let operator = Self { account: Some(account.clone()), ..operator };
        let key = operator.post("api-keys", key);
        Self { stage, token: key["secret"].as_str().expect("a key").to_owned(), account: None }
    }

    /// A request; `body` is left away where it is null.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/{path}") };
        let request = self.stage.worker.request(method, &path).header("authorization", &format!("Bearer {}", self.token));
        let request = match &self.account {
            Some(account) => request.header("livery-account", account),
            None => request,
        };
        if body.is_null() {
            return request;
        }
        request.header("content-type", "application/json").body(body.to_string())
    }

    /// A request's answer, whatever it is.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.request(method, path, body).send()
    }

    /// Status, code and parameter of a request that is refused.
    pub fn refused(&self, method: &str, path: &str, body: &Value) -> (u16, String, Option<String>) {
        failure(&self.send(method, path, body))
    }

    /// The operator, speaking of this account.
    pub fn operator_of(stage: &'s Stage, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..Self::operator(stage) }
    }

    /// Somebody with another token.
    pub fn with_token(stage: &'s Stage, token: &str) -> Self {
        Self { stage, token: token.to_owned(), account: None }
    }

    /// The account of this key.
    pub fn account_id(&self) -> String {
        text(&self.get("account"), "id")
    }

    /// What a `GET` brings; it has to succeed.
    pub fn get(&self, path: &str) -> Value {
        done(&self.request("GET", path, &Value::Null).send())
    }

    /// What a `POST` brings; it has to succeed.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        done(&self.request("POST", path, body).send())
    }

    /// The first of a list.
    pub fn list(&self, path: &str) -> Vec<Value> {
        self.get(path)["data"].as_array().expect("a list").clone()
    }

    /// A new session.
    pub fn session(&self, fields: &Value) -> Value {
        let mut all = json!({"amount": "25.00", "currency": "USD", "customer_email": "jane@shop.example", "provider": "moonpay"});
        all.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.post("checkout-sessions", &all)
    }

    /// The session as soon as `condition` holds for it.
    pub fn await_session(&self, session: &Value, condition: impl Fn(&Value) -> bool) -> Value {
        self.await_that(&format!("checkout-sessions/{}", session["id"].as_str().expect("an id")), condition)
    }

    /// What `path` brings as soon as `condition` holds for it.
    pub fn await_that(&self, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.get(path);
            if condition(&found) {
                return found;
            }
            assert!(Instant::now() < deadline, "{path} stays {found:#}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The types of a session's events, the first first.
    pub fn events_of(&self, session: &Value) -> Vec<String> {
        let mut events = self.list(&format!("events?limit=100&checkout_session={}", session["id"].as_str().expect("an id")));
        events.reverse();
        events.iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
    }

    /// A new session whose customer was sent on to pay.
    pub fn started(&self, fields: &Value) -> Value {
        let session = self.session(fields);
        let answer = self.open(&session);
        assert_eq!(answer.status, 302, "{}", answer.text());
        self.get(&format!("checkout-sessions/{}", text(&session, "id")))
    }

    /// A session's payments, the first first.
    pub fn payments_of(&self, session: &Value) -> Vec<Value> {
        let mut payments = self.list(&format!("transactions?limit=100&checkout_session={}", text(session, "id")));
        payments.reverse();
        payments
    }

    /// A session's only payment, as soon as `condition` holds for it.
    pub fn await_payment(&self, session: &Value, condition: impl Fn(&Value) -> bool) -> Value {
        let path = format!("transactions?checkout_session={}", text(session, "id"));
        self.await_that(&path, |list| list["data"].as_array().is_some_and(|data| data.len() == 1 && condition(&data[0])))["data"]
            [0]
        .clone()
    }

    /// Opens a session as its customer, who is sent on to the provider.
    pub fn open(&self, session: &Value) -> Answer {
        let url = session["url"].as_str().expect("a URL");
        let path = url.split_once("//").and_then(|(_, rest)| rest.split_once('/')).expect("a path").1;
        self.stage.get(&format!("/{path}")).header("accept", "text/html").expect_provider_url().send()
    }
}

/// Makes tasks of that kind due, as if their time had come: the machine stands still meanwhile. Each ledger looks at its
/// tasks when it is next asked for anything.
pub fn bring_forward(stage: &mut Stage, kind: &str) {
    stage.worker.kill9();
    for file in of_accounts(&stage.worker.ledgers()) {
        let database = Connection::open(&file).expect("a database");
        database.execute("UPDATE tasks SET due = 1 WHERE kind = ?", [kind]).expect("its tasks");
    }
    stage.worker.restart();
}

/// Waits until no task of that kind is under way: what came of it is written down then, and outlives a kill.
pub fn await_end(stage: &Stage, kind: &str) {
    let deadline = Instant::now() + PATIENCE;
    let is_under_way = |file: PathBuf| {
        let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
        let sql = "SELECT count(*) FROM tasks WHERE kind = ? AND leased = 1";
        database.query_row(sql, [kind], |row| row.get::<_, i64>(0)).expect("its tasks") > 0
    };
    while of_accounts(&stage.worker.ledgers()).any(is_under_way) {
        assert!(Instant::now() < deadline, "a task of the kind {kind} has no end");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The text in a field.
pub fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}

/// What an answer brings, which has to be one of success.
pub fn done(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Pays to the session's address; the stand-in gateway then reports it.
pub fn pay(stage: &Stage, session: &Value, amount: &str) {
    let receiving = session["receiving_address"].as_str().expect("an address");
    pay_to(&stage.sandbox, receiving, amount);
}

/// Pays to an address.
pub fn pay_to(sandbox: &Sandbox, receiving: &str, amount: &str) {
    sandbox.pay(receiving, amount).expect("a payment");
}
