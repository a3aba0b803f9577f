//! A panic inside a ledger: what its turn wrote is undone, others go on, and what was lost comes again. The Worker is the build
//! that panics where a request asks for it.
mod ledger;
mod stage;
mod support;

use ledger::{ADMIN, Caller, done, pay};
use livery_sandbox::ShopReply;
use serde_json::{Value, json};
use stage::{Stage, in_front_of, sandbox};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::{
    client::{Answer, Request},
    worker::Worker,
};

const PATIENCE: Duration = Duration::from_secs(40);
/// Panics at the end of a ledger's turn, after everything was written.
const PANICS: &str = "checkout-sessions?provoke-panic-in-the-ledger";

fn stage() -> Stage {
    let sandbox = sandbox();
    let worker = Worker::start_panicking(&in_front_of(&sandbox, &[("ADMIN_TOKEN", ADMIN)]));
    Stage { worker, sandbox }
}

fn order(reference: &str) -> Value {
    json!({"amount": "25.00", "currency": "USD", "client_reference_id": reference})
}

#[test]
fn what_a_turn_wrote_before_it_panicked_is_undone() {
    let stage = stage();
    let shop = Caller::merchant(&stage);
    for _ in 0..3 {
        assert_eq!(shop.request("POST", PANICS, &order("lost")).send().status, 500);
        let kept = shop.session(&json!({"client_reference_id": "kept"}));
        assert_eq!(kept["status"], "open");
    }
    let references: Vec<Value> = shop.list("checkout-sessions").iter().map(|s| s["client_reference_id"].clone()).collect();
    assert_eq!(references, ["kept"; 3]);
    assert_eq!(shop.list("events?type=checkout.session.created").len(), 3);
    assert!(stage.worker.logs("panicked at"), "{}", stage.worker.log());
}

/// Whoever is under way meanwhile gets an answer, or an error and may come again: each order has one session in the end.
#[test]
fn requests_beside_a_panic_can_be_made_again() {
    const ORDERS: usize = 40;
    let stage = stage();
    let token = Caller::merchant(&stage).token;
    let caller = || Caller { stage: &stage, token: token.clone(), account: None };
    thread::scope(|scope| {
        for customer in 0..4 {
            let shop = caller();
            scope.spawn(move || (0..ORDERS / 4).for_each(|order| insist(&shop, &format!("{customer}-{order}"))));
        }
        let shop = caller();
        scope.spawn(move || {
            for _ in 0..15 {
                assert_eq!(shop.request("POST", PANICS, &order("lost")).send().status, 500);
            }
        });
    });
    let mut found: Vec<String> =
        caller().list("checkout-sessions?limit=100").iter().map(|s| s["client_reference_id"].to_string()).collect();
    found.sort();
    let count = found.len();
    found.dedup();
    assert_eq!((count, found.len()), (ORDERS, ORDERS));
}

/// Makes a session, as often as it takes.
fn insist(shop: &Caller<'_>, reference: &str) {
    let request = shop.request("POST", "checkout-sessions", &order(reference)).header("idempotency-key", reference);
    assert_eq!(done(&answered(&request))["client_reference_id"], reference);
}

/// The answer, as soon as the request is not ended by somebody else's panic.
fn answered(request: &Request) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = request.try_send().expect("an answer");
        if !matches!(answer.status, 500 | 503) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{}", answer.text());
    }
}

/// A session that is opened, paid, and seen to be paid.
fn buy(shop: &Caller<'_>, number: usize, callback: &str) {
    let reference = number.to_string();
    let mut fields = order(&reference);
    fields["callback"] = json!(callback);
    fields["customer_email"] = json!("jane@shop.example");
    fields["provider"] = json!("moonpay");
    let session = done(&answered(&shop.request("POST", "checkout-sessions", &fields).header("idempotency-key", &reference)));
    let path = session["url"].as_str().expect("a URL").replace(&shop.stage.worker.url(), "");
    assert_eq!(answered(&shop.stage.get(&path)).status, 302);
    let current = || {
        done(&answered(&shop.request(
            "GET",
            &format!("checkout-sessions/{}", session["id"].as_str().expect("an id")),
            &Value::Null,
        )))
    };
    pay(shop.stage, &current(), "25.00");
    let deadline = Instant::now() + PATIENCE;
    while current()["status"] != "paid" {
        assert!(Instant::now() < deadline, "{:#}", current());
    }
}

/// The calls that a ledger makes to one merchant panic each time, and end whatever is under way beside them.
#[test]
fn a_task_that_panics_each_time_stops_no_other() {
    let stage = stage();
    stage.sandbox.configure(|settings| settings.resend_ms = vec![200; 100]);
    let shop = Caller::merchant(&stage);
    buy(&shop, 0, &format!("{}&x=provoke-panic-in-a-call", stage.shop_callback("0")));
    assert!(stage.worker.logs("panicked at"), "{}", stage.worker.log());
    // They are under way when the panic comes back.
    stage.sandbox.set_shop_reply(ShopReply { delay: Duration::from_millis(700), ..ShopReply::default() });
    for number in 1..=5 {
        buy(&shop, number, &stage.shop_callback(&number.to_string()));
    }
    let deadline = Instant::now() + PATIENCE;
    let delivered = || done(&answered(&shop.request("GET", "events?type=callback.delivered", &Value::Null)));
    while delivered()["data"].as_array().map(Vec::len) != Some(5) {
        assert!(Instant::now() < deadline, "{:#} {}", delivered(), stage.worker.log());
    }
    let panics = stage.worker.log().matches("panicked at").count();
    println!("{panics} panics");
    assert!(panics < 20, "{panics} panics");
}
