//! Every route that asks the gateway, what a fault there makes of it, and the bounds that hold whatever happens.
#![allow(dead_code, reason = "every test file uses its own part of this")]

use crate::{
    stage::{MERCHANT, Made, Stage, UNKEPT_CONVERSION, assert_error, assert_error_page},
    support::client::Answer,
};
use livery_sandbox::Fault;
use std::{fs, time::Duration};

/// Longer than any answer here may take, on a busy machine too, and shorter than the Worker's usual time limit.
pub const BOUND: Duration = Duration::from_secs(20);
/// The Worker's time limit where a test waits for it, in milliseconds: what is well keeps it on a busy machine too.
pub const TIMEOUT: &str = "3000";
/// In KiB: nearly twice what workerd takes for all of these requests one after another, and much less than it would take to
/// keep a body without end.
const MEMORY: u64 = 300 << 10;

/// What a customer or a shop gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// What the gateway said: a page, or a redirect.
    Served,
    /// Its status, without a body.
    Bare(u16),
    Rejected,
    Unavailable,
    InvalidReply,
    Late,
    /// The gateway has no such file.
    NotFound,
    RateLimited,
}

impl Seen {
    /// Status and code, where it is an error.
    pub const fn error(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Served | Self::Bare(_) => None,
            Self::Rejected => Some((422, "gateway_rejected")),
            Self::Unavailable => Some((502, "gateway_unavailable")),
            Self::InvalidReply => Some((502, "gateway_invalid_reply")),
            Self::Late => Some((504, "gateway_timeout")),
            Self::NotFound => Some((404, "not_found")),
            Self::RateLimited => Some((429, "rate_limited")),
        }
    }
}

/// What a route makes of the gateway's reply, which decides how much of it can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Json,
    Redirect,
    Page,
}

/// One line of a table: a fault, and what becomes of it where JSON, a redirect or a page is wanted.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub fault: Fault,
    pub seen: [Seen; 3],
}

/// A line whose fault says by itself what it is.
pub fn row(fault: Fault, seen: [Seen; 3]) -> Row {
    Row { name: format!("{fault:?}"), fault, seen }
}

/// A line whose fault is bytes.
pub fn raw(name: &str, bytes: impl Into<Vec<u8>>, seen: [Seen; 3]) -> Row {
    Row { name: name.to_owned(), fault: Fault::Raw(bytes.into()), seen }
}

impl Row {
    pub fn seen_on(&self, route: &Route) -> Seen {
        let missing_file = matches!(self.fault, Fault::Status(404, _)) && route.kind == Kind::Page;
        if missing_file { Seen::NotFound } else { self.seen[route.kind as usize] }
    }
}

/// One route: its name, what to request, which of the gateway's paths fails, and what it needs from there.
pub struct Route {
    pub name: &'static str,
    pub target: String,
    pub path: &'static str,
    pub kind: Kind,
    /// What it answers when all is well.
    pub good: u16,
    pub for_browsers: bool,
}

/// A route for programs that reads JSON.
pub fn json(name: &'static str, target: &str, path: &'static str) -> Route {
    Route { name, target: target.to_owned(), path, kind: Kind::Json, good: 200, for_browsers: false }
}

/// A route for browsers.
pub fn browsers(name: &'static str, target: &str, path: &'static str, kind: Kind, good: u16) -> Route {
    Route { name, target: target.to_owned(), path, kind, good, for_browsers: true }
}

/// All of them but the provider list, which is kept; what the others ask for is not.
pub fn routes(stage: &Stage, Made { address_in, ipn_token, .. }: &Made) -> Vec<Route> {
    let sum = "amount=60&currency=EUR&email=a%40b.example";
    let pay = format!("/process-payment.php?address={address_in}&{sum}&provider=moonpay");
    let checkout = format!("/checkout?{sum}&provider=moonpay&address={MERCHANT}&callback={}", stage.callback());
    let status = format!("/control/payment-status.php?ipn_token={ipn_token}");
    let hosted = format!("/pay.php?address={address_in}&{sum}");
    vec![
        json("wallet", &stage.wallet_target(), "/control/wallet.php"),
        json("convert", UNKEPT_CONVERSION, "/control/convert.php"),
        json("status", &status, "/control/payment-status.php"),
        browsers("payment", &pay, "/process-payment.php", Kind::Redirect, 302),
        browsers("hosted page", &hosted, "/pay.php", Kind::Page, 200),
        browsers("asset", "/assets/app.css", "/assets/app.css", Kind::Page, 200),
        browsers("checkout, at the wallet", &checkout, "/control/wallet.php", Kind::Json, 302),
        browsers("checkout, at the payment", &checkout, "/process-payment.php", Kind::Redirect, 302),
    ]
}

/// A pair with all its routes, each of which was served once.
pub struct Table {
    pub stage: Stage,
    pub routes: Vec<Route>,
}

impl Table {
    pub fn new(stage: Stage) -> Self {
        let made = Made { ipn_token: stage.unkept_token(), ..stage.wallet("1") };
        let routes = routes(&stage, &made);
        Self { stage, routes }
    }

    /// Lets every fault strike every route: each shows what the table says, and harms nothing that comes after.
    pub fn check(&self, rows: &[Row]) {
        for row in rows {
            for route in &self.routes {
                self.stage.sandbox.fault(route.path, row.fault.clone());
                self.assert_seen(row, route);
                self.stage.sandbox.clear_faults();
                assert_served(&self.stage, &format!("after {} on {}", row.name, route.name), route);
            }
        }
        assert!(!self.stage.worker.log().contains("panicked"), "{}", self.stage.worker.log());
    }

    /// The fault is on: what this route makes of it.
    pub fn assert_seen(&self, row: &Row, route: &Route) {
        let (what, seen) = (format!("{} on {}", row.name, route.name), row.seen_on(route));
        match seen.error() {
            Some(error) => assert_fails(&self.stage, &what, route, error),
            None => assert_answered(&self.stage, &what, route, seen),
        }
        let memory = most_memory(&self.stage);
        assert!(memory < MEMORY, "{what}: workerd took {memory} KiB");
    }
}

/// Asks as a program and, where browsers come, as a browser; both answers must be the error.
pub fn assert_fails(stage: &Stage, what: &str, route: &Route, (status, code): (u16, &str)) {
    let request = stage.worker.get(&route.target).within(BOUND);
    assert_error(what, &request.send(), status, code);
    let as_browser = request.header("Accept", "text/html,*/*;q=0.8").send();
    if route.for_browsers {
        assert_error_page(what, &as_browser, status, code);
    } else {
        assert_error(what, &as_browser, status, code);
    }
}

pub fn assert_served(stage: &Stage, what: &str, route: &Route) {
    let answer = stage.worker.get(&route.target).expect_provider_url().send();
    assert_eq!(answer.status, route.good, "{what}: {}", String::from_utf8_lossy(&answer.body));
    assert!(!answer.body.is_empty() || route.good == 302, "{what}");
}

/// The status alone: what the gateway says in these cases is no page, and its type may be one that is passed on unread.
fn assert_answered(stage: &Stage, what: &str, route: &Route, seen: Seen) {
    let request = stage.worker.get(&route.target).within(BOUND);
    let answer: Answer = request.try_send().unwrap_or_else(|error| panic!("{what}: {error}"));
    match seen {
        Seen::Bare(status) => assert_eq!((answer.status, answer.body.len()), (status, 0), "{what}"),
        _ => assert!(matches!(answer.status, 200 | 302), "{what}: {}", answer.status),
    }
    assert!(answer.header("Request-Id").is_some(), "{what}");
}

/// The most memory that workerd ever took, in KiB.
pub fn most_memory(stage: &Stage) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", stage.worker.pid())).expect("workerd");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}
