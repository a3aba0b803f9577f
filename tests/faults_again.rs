//! A call to the gateway that brought no usable reply is made once more, within the same time, where that can do no harm.
mod routes;
mod stage;
mod support;

use livery_sandbox::Fault;
use routes::{Row, Seen, Table, assert_fails, assert_served, json, row};
use stage::{Stage, assert_error, failure, token};
use std::thread;

use Seen::{InvalidReply, Rejected, Served, Unavailable};

fn status(code: u16) -> Fault {
    Fault::Status(code, "<h1>Bad luck</h1>".to_owned())
}

/// What a second try may mend: wherever the first brought nothing.
fn mendable() -> Vec<Row> {
    let mut rows = vec![
        row(Fault::ResetBeforeHeaders, [Unavailable; 3]),
        row(Fault::Garbage, [Unavailable; 3]),
        row(Fault::Raw(Vec::new()), [Unavailable; 3]),
        row(Fault::ResetAfterHeaders, [Unavailable, Served, Unavailable]),
        row(Fault::TruncatedChunks, [Unavailable, Served, Unavailable]),
        row(Fault::TruncatedLength, [Unavailable, Served, Unavailable]),
    ];
    rows.extend([502, 503, 520, 521, 523].map(|code| row(status(code), [Unavailable; 3])));
    rows
}

/// What it would not: the gateway has answered, or has said when to come again.
fn final_words() -> Vec<Row> {
    let headers = vec![("retry-after".to_owned(), "1".to_owned())];
    let later = Fault::Custom { status: 503, headers, body: Vec::new(), chunks: Vec::new() };
    let mut rows = vec![row(later, [Unavailable; 3]), row(status(400), [Rejected; 3]), row(status(206), [InvalidReply; 3])];
    rows.extend([500, 504, 522, 524].map(|code| row(status(code), [Unavailable; 3])));
    rows
}

/// How often the gateway was asked for this path since this was last asked.
fn asked_for(stage: &Stage, path: &str) -> usize {
    stage.asked().iter().filter(|request| request.path == path).count()
}

/// The provider list first: it is asked for only until it is known.
fn table() -> Table {
    let path = "/control/provider-status";
    let mut table = Table::new(Stage::branded());
    table.routes.insert(0, json("providers", path, path));
    table
}

#[test]
fn a_fault_that_strikes_once_is_invisible() {
    let mut table = table();
    for row in mendable() {
        for route in &table.routes {
            let what = format!("{} once on {}", row.name, route.name);
            table.stage.asked();
            table.stage.sandbox.fault_times(route.path, row.fault.clone(), 1);
            assert_served(&table.stage, &what, route);
            let expected = if row.seen_on(route) == Served { 1 } else { 2 };
            assert_eq!(asked_for(&table.stage, route.path), expected, "{what}");
            table.stage.sandbox.clear_faults();
        }
        table.routes.retain(|route| route.name != "providers");
    }
}

#[test]
fn a_fault_that_stays_is_met_twice() {
    let table = table();
    for row in mendable() {
        for route in table.routes.iter().filter(|route| row.seen_on(route) != Served) {
            assert_asked(&table, &row, route, 2);
        }
    }
}

#[test]
fn what_the_gateway_said_is_not_asked_for_again() {
    let table = table();
    for row in final_words() {
        for route in &table.routes {
            assert_asked(&table, &row, route, 1);
        }
    }
}

/// The fault stays on: what the route answers, and how often the gateway was asked for it.
fn assert_asked(table: &Table, row: &Row, route: &routes::Route, times: usize) {
    table.stage.sandbox.clear_faults();
    table.stage.sandbox.fault(route.path, row.fault.clone());
    table.stage.asked();
    let answer = table.stage.worker.get(&route.target).send();
    let what = format!("{} on {}", row.name, route.name);
    let (status, code) = row.seen_on(route).error().expect("a failure");
    assert_error(&what, &answer, status, code);
    assert_eq!(asked_for(&table.stage, route.path), times, "{what}");
}

#[test]
fn a_form_is_sent_once() {
    let stage = Stage::branded();
    let path = "/select-provider.php";
    for fault in [Fault::ResetBeforeHeaders, Fault::TruncatedLength, status(502)] {
        stage.sandbox.fault(path, fault.clone());
        let form = stage.worker.request("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body("a=b");
        assert_eq!(failure(&form.send()).1, "gateway_unavailable", "{fault:?}");
        assert_eq!(asked_for(&stage, path), 1, "{fault:?}");
        assert_eq!(failure(&stage.get(path).send()).1, "gateway_unavailable", "{fault:?}");
        assert_eq!(asked_for(&stage, path), 2, "{fault:?}, without a form");
        stage.sandbox.clear_faults();
    }
}

/// The gateway sends its report again, so Livery does not.
#[test]
fn a_merchant_is_called_once() {
    let stage = Stage::branded();
    assert_eq!(stage.get(&stage::wallet_target(&stage.shop_callback("1"))).send().status, 200);
    let report = format!("/callback?token={}&value_coin=105.6&coin=polygon_usdc", token(&stage.asked_once()));
    for (fault, code) in [(Fault::ResetBeforeHeaders, "merchant_unreachable"), (status(502), "merchant_rejected")] {
        stage.sandbox.clear();
        stage.sandbox.fault("/orders.php", fault);
        assert_eq!(failure(&stage.get(&report).send()), (502, code.to_owned(), None));
        assert_eq!(stage.sandbox.requests().len(), 1);
    }
}

/// The first try fails after more than half of the time, and the second would take as long.
#[test]
fn both_tries_share_one_time_limit() {
    let table = Table::new(Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", "9000")));
    let routes = || table.routes.iter().filter(|route| !route.name.starts_with("checkout"));
    for route in routes() {
        table.stage.sandbox.fault_times(route.path, Fault::ResetBeforeHeaders, 1);
        table.stage.sandbox.fault(route.path, Fault::Latency(5000));
    }
    table.stage.asked();
    thread::scope(|scope| {
        for route in routes() {
            let stage = &table.stage;
            scope.spawn(move || assert_error(route.name, &stage.worker.get(&route.target).send(), 504, "gateway_timeout"));
        }
    });
    let asked = table.stage.asked();
    for route in routes() {
        assert_eq!(asked.iter().filter(|request| request.path == route.path).count(), 2, "{}", route.name);
    }
}

/// Time that is over is not given twice.
#[test]
fn a_timeout_is_final() {
    let table = Table::new(Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", routes::TIMEOUT)));
    let route = table.routes.iter().find(|route| route.name == "convert").expect("a route");
    for fault in [Fault::Latency(600_000), Fault::Stall(9)] {
        table.stage.sandbox.clear();
        table.stage.sandbox.fault(route.path, fault.clone());
        assert_fails(&table.stage, &format!("{fault:?}"), route, (504, "gateway_timeout"));
        assert_eq!(asked_for(&table.stage, route.path), 2, "{fault:?}: once for each of two requests");
    }
}
