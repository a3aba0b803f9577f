//! Promise 6: a panic in one request never breaks the next, is logged with its request's id, and shows nothing of what the
//! request was about. The Worker is a build of its own, which panics where a request asks for it.
mod stage;
mod support;

use stage::{Stage, assert_error, in_front_of, sandbox, wallet_target};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};
use support::{client::Request, config::Settings, raw_gateway::RawGateway, worker::Worker};

/// Stands in the request that panics, and in the panic's message.
const SECRET: &str = "order-4711-of-jane";
const PATH: &str = "/assets/page";
/// Longer than any answer may take on a busy machine, and shorter than the Worker's own time limit: whoever waits for what will
/// never come waits longer.
const BOUND: Duration = Duration::from_secs(20);

fn stage() -> Stage {
    let sandbox = sandbox();
    let worker = Worker::start_panicking(&in_front_of(&sandbox, &[]));
    Stage { worker, sandbox }
}

fn panicking(stage: &Stage, place: &str) -> Request {
    stage.get(&format!("/control/convert.php?from=EUR&value=10&{SECRET}=provoke-panic-{place}"))
}

/// The lines that tell of a panic.
fn told(stage: &Stage) -> Vec<String> {
    stage.worker.log().lines().filter(|line| line.contains("panicked at")).map(str::to_owned).collect()
}

fn assert_serves(stage: &Stage, order: &str) {
    let made = stage.wallet(order);
    assert!(made.callback_url.ends_with(&format!("number={order}")), "{made:?}");
    assert_eq!(stage.get("/healthz").send().status, 200);
}

#[test]
fn a_panic_before_or_after_a_call_fails_its_own_request_alone() {
    let stage = stage();
    for (at, place) in ["at-once", "after-the-reply", "at-once", "at-once", "after-the-reply"].into_iter().enumerate() {
        let answer = panicking(&stage, place).send();
        assert_error(place, &answer, 500, "internal_error");
        assert_serves(&stage, &at.to_string());
        let own = format!("in request {}", answer.header("Request-Id").expect("a request id"));
        assert!(stage.worker.logs(&own), "{}", stage.worker.log());
        assert_eq!(told(&stage).len(), at + 1, "{place}: {}", stage.worker.log());
    }
    assert_tells_where_and_nothing_else(&stage);
}

fn assert_tells_where_and_nothing_else(stage: &Stage) {
    for line in told(stage) {
        let (place, id) = line.split_once(" in request req_").unwrap_or_else(|| panic!("{line}"));
        assert!(place.contains("src/glue/panic.rs:"), "{line}");
        assert_eq!(id.len(), 16, "{line}");
        assert!(id.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
    }
    assert!(!stage.worker.log().contains(SECRET), "{}", stage.worker.log());
}

#[test]
fn a_panic_in_a_body_breaks_that_body_off() {
    let stage = stage();
    let page = format!("{}{SECRET} provoke-panic-in-a-body{}", "x".repeat(100_000), "y".repeat(100_000));
    stage.reply(PATH, 200, &[("content-type", "text/html")], page);
    assert!(stage.get(PATH).within(BOUND).try_send().is_err(), "the page seems whole");
    assert_serves(&stage, "1");
    assert!(stage.worker.logs("panicked at"), "{}", stage.worker.log());
    assert_tells_where_and_nothing_else(&stage);
}

/// Other requests are under way in the same instance: each gets an answer, right or an error, and none hangs.
#[test]
fn requests_beside_a_panic_are_answered() {
    let stage = stage();
    stage.sandbox.fault("/control/wallet.php", livery_sandbox::Fault::Latency(300));
    thread::scope(|scope| {
        let beside: Vec<_> = (0..20)
            .map(|order| {
                let target = wallet_target(&stage.shop_callback(&format!("beside{order}")));
                let stage = &stage;
                scope.spawn(move || (order, stage.get(&target).within(BOUND).send()))
            })
            .collect();
        for _ in 0..3 {
            assert_error("at once", &panicking(&stage, "at-once").send(), 500, "internal_error");
        }
        for request in beside {
            let (order, answer) = request.join().expect("a thread");
            let is_own = answer.text().contains(&format!("beside{order}\""));
            assert!(answer.status == 500 || is_own, "{order}: {}", answer.text());
        }
    });
    stage.sandbox.clear_faults();
    assert_serves(&stage, "1");
}

/// Pages flow through an instance while it ends, and through the next one: each that arrives whole is its own, every byte of it.
#[test]
fn pages_beside_a_panic_break_off_or_are_their_own() {
    const LINES: usize = 12_000;
    let gateway = RawGateway::start(|target, reply| {
        let name = target.trim_start_matches("/assets/");
        let line = format!("{name}, and nothing of anybody else's page\n");
        reply.head("text/html", line.len() * LINES)?;
        for at in 0..LINES / 100 {
            reply.write(line.repeat(100).as_bytes())?;
            if name.starts_with("provoke") && at == 50 {
                return Ok(());
            }
        }
        Ok(())
    });
    let worker = Worker::start_panicking(&Settings::new().gateway(gateway.url(), gateway.url()));
    let whole = AtomicUsize::new(0);
    let read = |name: &str| {
        let Ok(answer) = worker.get(&format!("/assets/{name}")).try_send() else { return };
        if answer.status != 200 {
            return;
        }
        let line = format!("{name}, and nothing of anybody else's page\n");
        let right = answer.body.len() == line.len() * LINES && answer.body.chunks(line.len()).all(|part| part == line.as_bytes());
        assert!(right, "{name} got {} bytes", answer.body.len());
        whole.fetch_add(1, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for customer in 0..8 {
            scope.spawn(move || (0..30).for_each(|time| read(&format!("page-{customer}-{time}"))));
        }
        scope.spawn(|| (0..20).for_each(|_| read("provoke-panic-in-a-body")));
    });
    assert!(whole.into_inner() > 0, "nothing arrived");
    assert!(worker.logs("panicked at"), "{}", worker.log());
}
