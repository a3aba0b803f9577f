//! A ledger wakes by itself, also after it could not work for a while.
mod stage;
mod support;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use stage::{MERCHANT, in_front_of, sandbox};
use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};
use support::{ledgers::of_accounts, worker::Worker};

const ADMIN: &str = "the-operators-own-token-0123456789";
/// Longer than a ledger sleeps after an alarm that failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long the session lives, in milliseconds: the Worker that makes it is dead before that, on a busy machine too.
const LIFETIME_MS: u64 = 10_000;

/// What `sql` counts in the ledger, of which nobody else asks anything meanwhile.
fn counts(worker: &Worker, sql: &str) -> i64 {
    let file = of_accounts(&worker.ledgers()).next().expect("a ledger");
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("rows");
    connection.query_row(sql, [], |row| row.get(0)).unwrap_or(0)
}

/// Whether it counts something, now or soon.
fn comes(worker: &Worker, sql: &str) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while counts(worker, sql) == 0 {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    true
}

const EXPIRED: &str = "SELECT count(*) FROM objects WHERE status = 'expired'";
/// Tasks that were due more than a second ago.
const OVERDUE: &str = "SELECT count(*) FROM tasks WHERE due < (unixepoch() - 1) * 1000";

#[test]
fn a_ledger_that_woke_with_wrong_settings_wakes_again() {
    let sandbox = sandbox();
    let good = in_front_of(&sandbox, &[("ADMIN_TOKEN", ADMIN), ("PAYOUT_WALLET", MERCHANT)]);
    let mut worker = Worker::start(&good);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_millis();
    let body = json!({"amount": "1", "currency": "USD", "expires_at": u64::try_from(now).expect("a moment") + LIFETIME_MS});
    let request = worker.request("POST", "/api/v1/checkout-sessions").header("authorization", &format!("Bearer {ADMIN}"));
    assert_eq!(request.body(body.to_string()).send().status, 200);
    worker.kill9();
    worker.restart_with(&good.clone().set("GATEWAY_TIMEOUT_MS", "soon"));
    assert!(comes(&worker, OVERDUE));
    assert_eq!(counts(&worker, EXPIRED), 0, "nothing works with these settings");
    worker.kill9();
    worker.restart_with(&good);
    assert!(comes(&worker, EXPIRED), "the ledger sleeps on");
}
