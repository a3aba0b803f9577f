//! What happens when a caller goes away: nobody reads on, so the gateway is asked no further, and nothing is held for them.
//! Only a payment's report to the merchant goes its way whoever hangs up.
mod stage;
mod support;

use livery_sandbox::{Departure, Fault};
use stage::{Stage, token};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};
use support::config::Settings;

/// Longer than any of this may take on a busy machine, and shorter than the Worker's own time limit of 30 s: what ends
/// within it was not ended by that.
const PATIENCE: Duration = Duration::from_secs(20);
const CONVERT: &str = "/control/convert.php";
const PAGE: &str = "/assets/app.css";

/// Sends a request on a connection that will end in a reset when it is dropped: the answer to another request lies there
/// unread. A mere end of the caller's bytes means nothing in HTTP, and workerd does not take it for a departure before it
/// has something to write; Cloudflare's edge tells the Worker of either.
fn open(stage: &Stage, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(stage.worker.host()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", stage.worker.host());
    stream.write_all(request("/healthz").as_bytes()).expect("the first request");
    assert_ne!(stream.peek(&mut [0]).expect("an answer"), 0);
    stream.write_all(request(target).as_bytes()).expect("the request");
    stream
}

/// The only departure that the gateway saw.
fn departure(stage: &Stage) -> Departure {
    assert!(stage.sandbox.wait_for(|state| !state.departures().is_empty(), PATIENCE), "the gateway is asked on");
    let departures = stage.sandbox.departures();
    assert_eq!(departures.len(), 1, "{departures:?}");
    departures[0].clone()
}

/// What everybody else sees afterwards, and the log: that a caller left is nobody's fault.
fn assert_unharmed(stage: &Stage) {
    stage.sandbox.clear();
    for target in [&format!("{CONVERT}?from=EUR&value=10"), PAGE] {
        assert_eq!(stage.get(target).send().status, 200);
    }
    for line in stage.worker.log().lines() {
        assert!(line.contains("\"outcome\":\"ok\""), "{line}");
    }
}

#[test]
fn a_request_whose_head_is_awaited_is_given_up() {
    let stage = Stage::branded();
    stage.sandbox.fault_times(PAGE, Fault::Latency(600_000), 1);
    let caller = open(&stage, PAGE);
    assert!(stage.sandbox.wait_for(|state| !state.requests().is_empty(), PATIENCE));
    drop(caller);
    assert_eq!(departure(&stage).path, PAGE);
    assert_eq!(stage.get(PAGE).send().status, 200);
    assert_eq!(stage::paths(&stage.asked()), [PAGE, PAGE], "nobody waits for a second try");
    assert_unharmed(&stage);
}

#[test]
fn a_page_that_flows_is_given_up() {
    let stage = Stage::branded();
    stage.sandbox.fault(PAGE, Fault::Flood);
    let mut caller = open(&stage, PAGE);
    caller.read_exact(&mut vec![0; 60 << 20]).expect("a part");
    let memory = resident(&stage);
    assert!(memory < 300 << 10, "workerd took {memory} KiB for what its reader has not taken yet");
    drop(caller);
    let departure = departure(&stage);
    assert!(departure.path == PAGE && departure.sent > 60 << 20, "{departure:?}");
    assert_unharmed(&stage);
}

#[test]
fn a_page_that_stalls_is_given_up() {
    let stage = Stage::branded();
    stage.sandbox.fault(PAGE, Fault::Stall(300_000));
    let mut caller = open(&stage, PAGE);
    caller.read_exact(&mut vec![0; 100_000]).expect("a part");
    assert!(stage.sandbox.departures().is_empty(), "it was given up before the caller left");
    drop(caller);
    let departure = departure(&stage);
    assert!(departure.path == PAGE && departure.sent > 300_000, "{departure:?}");
    assert_unharmed(&stage);
}

/// What others may wait for is asked for to its end.
#[test]
fn what_others_need_too_is_not_given_up() {
    let stage = Stage::branded();
    let list = "/control/provider-status";
    stage.sandbox.fault_times(list, Fault::Latency(500), 1);
    let caller = open(&stage, list);
    assert!(stage.sandbox.wait_for(|state| !state.requests().is_empty(), PATIENCE));
    drop(caller);
    let sum = "amount=60&currency=EUR&email=a%40b.example&provider=moonpay";
    let checkout = format!("/checkout?{sum}&address={}&callback={}", stage::MERCHANT, stage.callback());
    assert_eq!(stage.get(&checkout).expect_provider_url().send().status, 302);
    let asked = stage.asked();
    assert_eq!(asked.iter().filter(|request| request.path == list).count(), 1, "the list that was under way serves");
    assert!(stage.sandbox.departures().is_empty());
}

#[test]
fn a_merchant_is_told_though_the_gateway_hangs_up() {
    let stage = Stage::branded();
    assert_eq!(stage.get(&stage::wallet_target(&stage.shop_callback("1"))).send().status, 200);
    let token = token(&stage.asked_once());
    stage.sandbox.fault("/orders.php", Fault::Latency(500));
    let caller = open(&stage, &format!("/callback?token={token}&value_coin=105.6&coin=polygon_usdc"));
    assert!(stage.sandbox.wait_for(|state| !state.requests().is_empty(), PATIENCE));
    drop(caller);
    assert!(stage.sandbox.wait_for(|state| !state.shop_callbacks().is_empty(), PATIENCE), "{:?}", stage.sandbox.departures());
    assert!(stage.sandbox.departures().is_empty());
}

/// Abandoned pages at which the gateway stalls, more of them than an isolate's 128 MB would hold for the whole time limit.
#[test]
fn callers_that_leave_take_no_memory_with_them() {
    const ROUND: usize = 150;
    let stage = Stage::branded_with(Settings::collecting_eagerly);
    stage.sandbox.fault(PAGE, Fault::Stall(300_000));
    let abandon = |departed: usize| {
        for _ in 0..ROUND {
            let mut caller = open(&stage, PAGE);
            caller.read_exact(&mut vec![0; 100_000]).expect("a part");
        }
        assert!(stage.sandbox.wait_for(|state| state.departures().len() == departed, PATIENCE));
        resident(&stage)
    };
    let warm = abandon(ROUND);
    let grown = abandon(2 * ROUND).max(abandon(3 * ROUND)).saturating_sub(warm);
    assert!(grown < 16 << 10, "{grown} KiB more than {warm} KiB");
}

/// workerd's resident memory, in KiB.
fn resident(stage: &Stage) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", stage.worker.pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}
