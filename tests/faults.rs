//! Promise 7: whatever the gateway does wrong, on whatever route, Livery answers in time with the right code, and the next
//! request is served as if nothing had happened.
mod stage;
mod support;

use livery_sandbox::Fault;
use stage::{Made, Stage, assert_error, assert_error_page};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::client::Answer;

/// Longer than any answer here may take, on a busy machine too.
const BOUND: Duration = Duration::from_secs(5);
const TIMEOUT: &str = "500";

/// What a customer or a shop gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// What the route always answers.
    Served,
    Rejected,
    Unavailable,
    InvalidReply,
    /// The gateway has no such file.
    NotFound,
    RateLimited,
}
use Seen::{InvalidReply, NotFound, RateLimited, Rejected, Served, Unavailable};

impl Seen {
    const fn error(self) -> Option<(u16, &'static str)> {
        match self {
            Served => None,
            Rejected => Some((422, "gateway_rejected")),
            Unavailable => Some((502, "gateway_unavailable")),
            InvalidReply => Some((502, "gateway_invalid_reply")),
            NotFound => Some((404, "not_found")),
            RateLimited => Some((429, "rate_limited")),
        }
    }
}

/// What a route makes of the gateway's reply, which decides how much of it can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    Redirect,
    Page,
}
use Kind::{Json, Page, Redirect};

/// One route: its name, what to request, which of the gateway's paths fails, and what it needs from there.
struct Route {
    name: &'static str,
    target: String,
    path: &'static str,
    kind: Kind,
    /// What it answers when all is well.
    good: u16,
    for_browsers: bool,
}

fn routes(stage: &Stage, Made { address_in, ipn_token, .. }: &Made) -> Vec<Route> {
    let sum = "amount=60&currency=EUR&email=a%40b.example";
    let pay = format!("/process-payment.php?address={address_in}&{sum}&provider=moonpay");
    let checkout = format!("/checkout?{sum}&provider=moonpay&address={}&callback={}", WALLET, stage.callback());
    let row = |name, target: &str, path, kind, good, for_browsers| Route {
        name,
        target: target.to_owned(),
        path,
        kind,
        good,
        for_browsers,
    };
    vec![
        row("wallet", &stage.wallet_target(), "/control/wallet.php", Json, 200, false),
        row("convert", "/control/convert.php?from=EUR&value=10", "/control/convert.php", Json, 200, false),
        row(
            "status",
            &format!("/control/payment-status.php?ipn_token={ipn_token}"),
            "/control/payment-status.php",
            Json,
            200,
            false,
        ),
        row("payment", &pay, "/process-payment.php", Redirect, 302, true),
        row("hosted page", &format!("/pay.php?address={address_in}&{sum}"), "/pay.php", Page, 200, true),
        row("asset", "/assets/app.css", "/assets/app.css", Page, 200, true),
        row("checkout, at the wallet", &checkout, "/control/wallet.php", Json, 302, true),
        row("checkout, at the payment", &checkout, "/process-payment.php", Redirect, 302, true),
    ]
}

const WALLET: &str = livery_sandbox::documented::PAYOUT_WALLET;

/// Every fault that shows at once, and what becomes of it where JSON, a redirect or a page is wanted.
fn faults() -> Vec<(Fault, [Seen; 3])> {
    let html = || "<html><h1>Bad luck at api.anexpay.net</h1></html>".to_owned();
    let to = |url: &str| Fault::RedirectTo(url.to_owned());
    let coding = |name: &str| Fault::ContentEncoding(name.to_owned());
    vec![
        (Fault::Status(400, html()), [Rejected; 3]),
        (Fault::Status(403, html()), [Rejected; 3]),
        (Fault::Status(404, html()), [Rejected; 3]),
        (Fault::Status(451, html()), [Rejected; 3]),
        (Fault::Status(429, html()), [RateLimited; 3]),
        (Fault::Status(500, html()), [Unavailable; 3]),
        (Fault::Status(503, html()), [Unavailable; 3]),
        (Fault::Status(599, html()), [Unavailable; 3]),
        (Fault::Status(200, html()), [InvalidReply, Served, Served]),
        (Fault::Status(206, html()), [InvalidReply; 3]),
        (Fault::ResetBeforeHeaders, [Unavailable; 3]),
        (Fault::Garbage, [Unavailable; 3]),
        (Fault::ResetAfterHeaders, [Unavailable, Served, Unavailable]),
        (Fault::TruncatedChunks, [Unavailable, Served, Unavailable]),
        (Fault::TruncatedLength, [Unavailable, Served, Unavailable]),
        (Fault::TruncatedJson, [InvalidReply, Served, Served]),
        (Fault::MalformedJson, [InvalidReply, Served, Served]),
        (Fault::EmptyBody, [InvalidReply, Served, Served]),
        (Fault::HugeBody(3 << 20), [InvalidReply, Served, Served]),
        (Fault::WrongContentType, [Served, Served, Served]),
        (to("https://provider.example/buy?a=%2f+"), [InvalidReply, Served, Served]),
        (to("javascript:alert(1)"), [InvalidReply; 3]),
        (to("data:text/html,hello"), [InvalidReply; 3]),
        (Fault::RedirectLoop, [InvalidReply, InvalidReply, Served]),
        (coding("zstd"), [Served, Served, InvalidReply]),
    ]
}

fn seen(fault: &Fault, seen: [Seen; 3], route: &Route) -> Seen {
    let expected = seen[match route.kind {
        Json => 0,
        Redirect => 1,
        Page => 2,
    }];
    let missing_file = matches!(fault, Fault::Status(404, _)) && route.kind == Page;
    if missing_file { NotFound } else { expected }
}

/// Asks as a program and, where browsers come, as a browser; both answers must be the error.
fn assert_fails(stage: &Stage, what: &str, route: &Route, (status, code): (u16, &str)) {
    let began = Instant::now();
    assert_error(what, &stage.worker.get(&route.target).send(), status, code);
    let as_browser = stage.worker.get(&route.target).header("Accept", "text/html,*/*;q=0.8").send();
    if route.for_browsers {
        assert_error_page(what, &as_browser, status, code);
    } else {
        assert_error(what, &as_browser, status, code);
    }
    assert!(began.elapsed() < 2 * BOUND, "{what}: it took {:?}", began.elapsed());
}

fn assert_served(stage: &Stage, what: &str, route: &Route) {
    let answer = stage.worker.get(&route.target).expect_provider_url().send();
    assert_eq!(answer.status, route.good, "{what}: {}", String::from_utf8_lossy(&answer.body));
    assert!(!answer.body.is_empty() || route.kind == Redirect || route.good == 302, "{what}");
}

/// The status alone: what the gateway says in these cases is no page, and its type may be one that is passed on unread.
fn assert_answered(stage: &Stage, what: &str, route: &Route) {
    let answer: Answer = stage.worker.get(&route.target).try_send().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(matches!(answer.status, 200 | 302), "{what}: {}", answer.status);
    assert!(answer.header("Request-Id").is_some(), "{what}");
}

#[test]
fn every_fault_on_every_route_has_its_code_and_harms_no_later_request() {
    let stage = Stage::branded();
    let routes = routes(&stage, &stage.wallet("1"));
    for (fault, expected) in faults() {
        for route in &routes {
            let what = format!("{fault:?} on {}", route.name);
            stage.sandbox.fault(route.path, fault.clone());
            match seen(&fault, expected, route).error() {
                Some(error) => assert_fails(&stage, &what, route, error),
                None => assert_answered(&stage, &what, route),
            }
            stage.sandbox.clear_faults();
            assert_served(&stage, &what, route);
        }
    }
    assert!(!stage.worker.log().contains("panicked"), "{}", stage.worker.log());
}

/// The list is asked for before anything else is: a good one would be remembered, and no fault would show.
#[test]
fn a_provider_list_that_never_came_fails_like_the_rest() {
    let stage = Stage::branded();
    let (path, good) = ("/control/provider-status", 200);
    let route = Route { name: "providers", target: path.into(), path, kind: Json, good, for_browsers: false };
    for (fault, expected) in faults() {
        let Some(error) = seen(&fault, expected, &route).error() else { continue };
        let what = format!("{fault:?} on {}", route.name);
        stage.sandbox.fault(path, fault);
        assert_fails(&stage, &what, &route, error);
        stage.sandbox.clear_faults();
        assert_eq!(stage.worker.get("/control/convert.php?from=EUR&value=10").send().status, 200, "{what}");
    }
    stage.sandbox.fault(path, Fault::MissingField("providers".into()));
    assert_fails(&stage, "a list without providers", &route, (502, "gateway_invalid_reply"));
    stage.sandbox.clear_faults();
    assert_served(&stage, "afterwards", &route);
}

#[test]
fn a_checkout_goes_on_without_list_and_rates() {
    let faults = faults().into_iter().map(|(fault, _)| fault);
    for fault in faults.filter(|fault| !matches!(fault, Fault::WrongContentType | Fault::ContentEncoding(_))) {
        // A Worker of its own: one that saw the list fail does not ask again at once.
        let stage = Stage::branded();
        let routes = routes(&stage, &stage.wallet("1"));
        let checkout = routes.last().expect("a route");
        stage.sandbox.fault("/control/provider-status", fault.clone());
        stage.sandbox.fault("/control/convert.php", fault.clone());
        assert_served(&stage, &format!("{fault:?}"), checkout);
        let asked = stage.sandbox.requests();
        assert!(asked.iter().any(|request| request.path == "/control/provider-status"), "{fault:?} proves nothing");
    }
}

#[test]
fn a_reply_that_lacks_a_field_is_not_used() {
    let stage = Stage::branded();
    let routes = routes(&stage, &stage.wallet("1"));
    let find = |name: &str| routes.iter().find(|route| route.name == name).expect("a route");
    let missing = |field: &str| Fault::MissingField(field.to_owned());
    let cases = [
        ("wallet", Fault::MissingAddressIn),
        ("wallet", missing("polygon_address_in")),
        ("wallet", missing("ipn_token")),
        ("checkout, at the wallet", Fault::MissingAddressIn),
        ("checkout, at the wallet", missing("polygon_address_in")),
        ("convert", missing("exchange_rate")),
        ("status", missing("status")),
    ];
    for (name, fault) in cases {
        let (route, what) = (find(name), format!("{fault:?} on {name}"));
        stage.sandbox.fault(route.path, fault);
        assert_fails(&stage, &what, route, (502, "gateway_invalid_reply"));
        stage.sandbox.clear_faults();
        assert_served(&stage, &what, route);
    }
}

/// The head or the body comes too late, or the body has no end.
fn late() -> [Fault; 3] {
    [Fault::NeverEnding, Fault::SlowBody(50), Fault::Latency(60_000)]
}

#[test]
fn no_answer_in_time_is_a_timeout_on_every_route() {
    let stage = Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", TIMEOUT));
    let routes = routes(&stage, &stage.wallet("1"));
    for fault in late() {
        // A redirect is known as soon as its head is there.
        let is_late = |route: &Route| route.kind != Redirect || matches!(fault, Fault::Latency(_));
        // The checkout meets the fault at the wallet already.
        let struck = routes.iter().filter(|route| is_late(route) && route.name != "checkout, at the payment");
        for route in &routes {
            stage.sandbox.fault(route.path, fault.clone());
        }
        thread::scope(|scope| {
            for route in struck {
                let (stage, what) = (&stage, format!("{fault:?} on {}", route.name));
                scope.spawn(move || assert_fails(stage, &what, route, (504, "gateway_timeout")));
            }
        });
        stage.sandbox.clear_faults();
        for route in &routes {
            assert_served(&stage, &format!("after {fault:?}"), route);
        }
    }
    assert!(!stage.worker.log().contains("panicked"), "{}", stage.worker.log());
}

#[test]
fn a_provider_list_that_comes_too_late_is_a_timeout_unless_an_older_one_is_known() {
    let stage = Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", TIMEOUT));
    let path = "/control/provider-status";
    for fault in late() {
        stage.sandbox.fault(path, fault.clone());
        assert_error(&format!("{fault:?}"), &stage.worker.get(path).send(), 504, "gateway_timeout");
    }
    stage.sandbox.clear_faults();
    assert_eq!(stage.worker.get(path).send().status, 200);
    stage.sandbox.fault(path, Fault::ResetBeforeHeaders);
    assert_eq!(stage.worker.get(path).send().status, 200);
}
