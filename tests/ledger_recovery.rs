//! What a ledger owes when it dies, it remembers when it is back: by itself and within seconds. What cannot be done stands in
//! nobody's way, and is never forgotten.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, pay, stage as open_stage};
use livery_sandbox::{Fault, ShopReply};
use rusqlite::Connection;
use serde_json::{Value, json};
use stage::Stage;
use std::time::{Duration, Instant};
use support::ledgers::databases;

/// How long a ledger may take to notice what it lost: ten seconds, and as much again on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long the shop in these tests takes where it hangs: nobody waits for it.
const FOR_EVER: Duration = Duration::from_mins(10);

/// A session that its customer has opened.
fn opened(shop: &Caller<'_>, number: &str) -> Value {
    let session = shop.session(&json!({"callback": shop.stage.shop_callback(number)}));
    assert_eq!(shop.open(&session).status, 302);
    shop.await_session(&session, |session| session["status"] == "processing")
}

fn shop_replies(stage: &Stage, status: u16, delay: Duration) {
    stage.sandbox.set_shop_reply(ShopReply { status, delay, ..ShopReply::default() });
}

fn calls(stage: &Stage, number: &str) -> usize {
    stage.sandbox.shop_callbacks().iter().filter(|call| call.number == number).count()
}

fn assert_called(stage: &Stage, number: &str, times: usize) {
    let is_so = stage
        .sandbox
        .wait_for(|state| state.shop_callbacks().iter().filter(|call| call.number == number).count() >= times, PATIENCE);
    assert!(is_so, "the shop was called {} times: {}", calls(stage, number), stage.worker.log());
}

/// Kills the Worker, lets something be done to all databases, and starts it again.
fn while_dead(stage: &mut Stage, change: impl Fn(&Connection)) {
    stage.worker.kill9();
    for path in databases(&stage.worker.ledgers()) {
        change(&Connection::open(path).expect("a database"));
    }
    stage.worker.restart();
}

/// The same as `caller`, for a stage that changes in between.
fn again<'s>(stage: &'s Stage, token: &str) -> Caller<'s> {
    Caller { stage, token: token.to_owned(), account: None }
}

#[test]
fn a_call_that_died_with_the_machine_is_made_again_without_any_request() {
    let mut stage = open_stage(&[]);
    shop_replies(&stage, 200, FOR_EVER);
    let token = {
        let shop = Caller::merchant(&stage);
        pay(&stage, &opened(&shop, "1001"), "25.00");
        shop.token
    };
    assert_called(&stage, "1001", 1);
    stage.worker.kill9();
    shop_replies(&stage, 200, Duration::ZERO);
    stage.worker.restart();
    let restarted = Instant::now();
    assert_called(&stage, "1001", 2);
    println!("called again {:?} after the restart", restarted.elapsed());
    let shop = again(&stage, &token);
    shop.await_that("events?type=callback.delivered", |list| list["data"].as_array().is_some_and(|data| data.len() == 1));
    assert_eq!(calls(&stage, "1001"), 2);
}

/// Its alarm is all by which the platform knows when to wake a ledger.
#[test]
fn a_ledger_that_lost_its_alarm_wakes_with_the_next_request() {
    let mut stage = open_stage(&[]);
    shop_replies(&stage, 503, Duration::ZERO);
    let (token, session) = {
        let shop = Caller::merchant(&stage);
        let session = opened(&shop, "1001");
        pay(&stage, &session, "25.00");
        (shop.token, session)
    };
    assert_called(&stage, "1001", 1);
    again(&stage, &token).await_session(&session, |session| session["status"] == "paid");
    stage.worker.kill9();
    shop_replies(&stage, 200, Duration::ZERO);
    forget_alarms(&stage);
    stage.worker.restart();
    again(&stage, &token).get("account");
    assert_called(&stage, "1001", 2);
}

/// The platform's own records of alarms: in workerd they stand beside the ledgers, and in each.
fn forget_alarms(stage: &Stage) {
    let mut forgotten = 0;
    for folder in std::fs::read_dir(stage.worker.ledgers()).expect("the ledgers").flatten() {
        let records = Connection::open(folder.path().join("metadata.sqlite")).expect("the records");
        forgotten += records.execute("DELETE FROM _cf_ALARM", []).expect("the alarms");
    }
    for path in databases(&stage.worker.ledgers()) {
        // A ledger that never had an alarm has no such table.
        let _ = Connection::open(path).expect("a database").execute("DELETE FROM _cf_METADATA WHERE key = 1", []);
    }
    assert!(forgotten > 0, "there was no alarm");
}

#[test]
fn a_task_that_fails_each_time_is_logged_stops_no_other_and_is_done_when_it_can_be() {
    let mut stage = open_stage(&[]);
    stage.sandbox.fault("/control/payment-status.php", Fault::Status(503, "busy".to_owned()));
    let (token, poisoned, sound) = {
        let shop = Caller::merchant(&stage);
        let poisoned = opened(&shop, "1001");
        pay(&stage, &poisoned, "25.00");
        shop.await_that("transactions", |list| list["data"].as_array().is_some_and(|data| !data.is_empty()));
        (shop.token.clone(), poisoned, opened(&shop, "1002"))
    };
    while_dead(&mut stage, |database| {
        let _ =
            database.execute("UPDATE objects SET data = json_set(data, '$.created_at', 'never') WHERE kind = 'transaction'", []);
    });
    stage.sandbox.clear_faults();
    let shop = again(&stage, &token);
    pay(&stage, &sound, "25.00");
    shop.await_session(&sound, |session| session["status"] == "paid");
    assert_called(&stage, "1002", 1);
    let failed =
        || stage.worker.log().lines().filter(|line| line.contains("task failed") && line.contains("verify txn_")).count();
    let deadline = Instant::now() + PATIENCE;
    while failed() < 2 {
        assert!(Instant::now() < deadline, "{}", stage.worker.log());
        shop.await_session(&poisoned, |session| session["status"] == "processing");
    }
    while_dead(&mut stage, |database| {
        let sql = "UPDATE objects SET data = json_set(data, '$.created_at', json_extract(data, '$.updated_at'))
            WHERE kind = 'transaction' AND data ->> '$.created_at' = 'never'";
        let _ = database.execute(sql, []);
    });
    let shop = again(&stage, &token);
    shop.await_session(&poisoned, |session| session["status"] == "paid");
    assert_called(&stage, "1001", 1);
}
