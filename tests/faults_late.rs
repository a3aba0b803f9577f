//! Promise 7 about time: a reply that is late, slow or without end is a timeout, on every route.
mod routes;
mod stage;
mod support;

use livery_sandbox::Fault;
use routes::{Kind, Row, Seen, TIMEOUT, Table, assert_served, row};
use stage::{Stage, assert_error};
use std::thread;

use Seen::{InvalidReply, Late, Served};

fn hurried() -> Stage {
    Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", TIMEOUT))
}

/// The head or the body comes too late, or the body has no end. A redirect is known as soon as its head is there.
fn rows() -> Vec<Row> {
    vec![
        row(Fault::Latency(600_000), [Late; 3]),
        row(Fault::NeverEnding, [Late, Served, Late]),
        row(Fault::SlowBody(1_000), [Late, Served, Late]),
        row(Fault::Stall(0), [Late, Served, Late]),
        row(Fault::Stall(64 * 1024 - 1), [Late, Served, Late]),
    ]
}

/// All at once, for each waits for the time limit.
#[test]
fn no_answer_in_time_is_a_timeout_on_every_route() {
    thread::scope(|scope| {
        for row in rows() {
            scope.spawn(move || assert_late(&Table::new(hurried()), &row));
        }
    });
}

fn assert_late(table: &Table, row: &Row) {
    for route in &table.routes {
        table.stage.sandbox.fault(route.path, row.fault.clone());
    }
    thread::scope(|scope| {
        // The checkout meets the fault at the wallet already.
        for route in table.routes.iter().filter(|route| route.name != "checkout, at the payment") {
            scope.spawn(|| table.assert_seen(row, route));
        }
    });
    table.stage.sandbox.clear_faults();
    for route in &table.routes {
        assert_served(&table.stage, &format!("after {}", row.name), route);
    }
    assert!(!table.stage.worker.log().contains("panicked"), "{}", table.stage.worker.log());
}

/// What is more than the first block is on its way to the customer when it stalls: they see it break off, in time.
#[test]
fn a_page_that_stalls_later_is_visibly_broken() {
    let table = Table::new(hurried());
    for stalled in [64 * 1024, 64 * 1024 + 1, 300_000] {
        thread::scope(|scope| {
            for route in table.routes.iter().filter(|route| route.kind == Kind::Page) {
                table.stage.sandbox.fault(route.path, Fault::Stall(stalled));
                let (name, request) = (route.name, table.stage.worker.get(&route.target));
                scope.spawn(move || assert!(request.try_send().is_err(), "{stalled} bytes on {name}"));
            }
        });
        table.stage.sandbox.clear_faults();
        for route in &table.routes {
            assert_served(&table.stage, &format!("after {stalled} bytes"), route);
        }
    }
    assert!(table.stage.worker.logs("a body broke off before its end"));
}

/// JSON is read to a limit, a redirect not at all; whoever wants a page gets as much of it as they take.
#[test]
fn a_flood_is_cut_off_where_it_is_not_a_page() {
    let mut table = Table::new(hurried());
    table.routes.retain(|route| route.kind != Kind::Page);
    table.check(&[row(Fault::Flood, [InvalidReply, Served, Served])]);
}

#[test]
fn a_provider_list_that_comes_too_late_is_a_timeout_unless_an_older_one_is_known() {
    let (stage, path) = (hurried(), "/control/provider-status");
    for row in rows() {
        stage.sandbox.fault(path, row.fault);
        assert_error(&row.name, &stage.worker.get(path).send(), 504, "gateway_timeout");
    }
    stage.sandbox.clear_faults();
    assert_eq!(stage.worker.get(path).send().status, 200);
    stage.sandbox.fault(path, Fault::ResetBeforeHeaders);
    assert_eq!(stage.worker.get(path).send().status, 200);
}
