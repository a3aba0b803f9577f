//! Endpoints that do what they should not: each is noted for what it is, in bounded time, and disturbs nobody else.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, stage as open_stage, text};
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    net::TcpStream,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use support::endpoint::{Endpoint, Got, answer};

/// A head of success, without its end.
const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n";
/// Sooner than the time limit: nobody waited for that.
const SOON: Range<u64> = 0..14_000;
/// As long as an endpoint may take, and much more for a busy machine, but not twice as long.
const LATE: Range<u64> = 14_990..29_980;

/// What the log has to say of the first attempt at an endpoint.
struct Case {
    name: &'static str,
    endpoint: Endpoint,
    status: Option<u16>,
    error: Option<&'static str>,
    took_ms: Range<u64>,
}

fn case(
    name: &'static str,
    status: impl Into<Option<u16>>,
    took_ms: Range<u64>,
    serve: impl Fn(&Got, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> Case {
    Case { name, endpoint: Endpoint::start(serve), status: status.into(), error: None, took_ms }
}

fn failing(name: &'static str, error: &'static str, took_ms: Range<u64>, endpoint: Endpoint) -> Case {
    Case { name, endpoint, status: None, error: Some(error), took_ms }
}

/// Writes the same again and again, until whoever reads has had enough.
fn endlessly(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
        thread::sleep(pause);
    }
}

fn writing(bytes: &'static [u8], pause: Duration) -> impl Fn(&Got, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static {
    move |_, stream| endlessly(stream, bytes, pause)
}

fn redirecting(status: u16, target: &str) -> Case {
    let target = target.to_owned();
    case("redirect", status, SOON, move |_, stream| answer(stream, status, &[("location", &target)], ""))
}

/// Those that bring no answer.
fn silent() -> Vec<Case> {
    let (none, moment) = (Duration::ZERO, Duration::from_millis(300));
    let closing = Endpoint::start(|_, _| Ok(()));
    let nonsense = Endpoint::start(|_, stream| stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"));
    let half = Endpoint::start(|_, stream| stream.write_all(TAKEN));
    let endless_head = Endpoint::start(move |_, stream| {
        stream.write_all(TAKEN)?;
        endlessly(stream, &[b'x'; 4096], none)
    });
    let slow_head = Endpoint::start(move |_, stream| {
        stream.write_all(TAKEN)?;
        endlessly(stream, b"a: b\r\n", moment)
    });
    vec![
        failing("hangs", "timeout", LATE, Endpoint::hanging()),
        failing("sends its head slowly", "timeout", LATE, slow_head),
        failing("resets", "unreachable", SOON, Endpoint::resetting()),
        failing("closes", "unreachable", SOON, closing),
        failing("speaks something else", "unreachable", SOON, nonsense),
        failing("breaks off in its head", "unreachable", SOON, half),
        failing("sends a head without an end", "unreachable", SOON, endless_head),
    ]
}

/// Those that answer, somehow.
fn answering(target: &Endpoint) -> Vec<Case> {
    let moment = Duration::from_millis(50);
    let then = |head: &'static [u8], then: &'static [u8], pause: Duration| {
        move |_: &Got, stream: &mut TcpStream| {
            stream.write_all(&[TAKEN, head, b"\r\n"].concat())?;
            endlessly(stream, then, pause)
        }
    };
    let stalls = |_: &Got, stream: &mut TcpStream| {
        stream.write_all(&[TAKEN, b"content-length: 9\r\n\r\n12"].concat())?;
        writing(b"", Duration::from_secs(1))(&Got::default(), stream)
    };
    let breaks_off = |_: &Got, stream: &mut TcpStream| stream.write_all(&[TAKEN, b"content-length: 9\r\n\r\n12"].concat());
    let no_headers = |_: &Got, stream: &mut TcpStream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nfirst\n\nlast");
    let page = "<html><title>Welcome</title></html>";
    let mut cases = vec![
        case("has a body without an end", 200, SOON, then(b"", &[b'y'; 4096], Duration::ZERO)),
        case("sends its body slowly", 200, SOON, then(b"", b"z", moment)),
        case("sends endless chunks", 200, SOON, then(b"transfer-encoding: chunked\r\n", b"4\r\nwxyz\r\n", Duration::ZERO)),
        case("stalls in its body", 200, SOON, stalls),
        case("breaks off in its body", 200, SOON, breaks_off),
        case("sends no headers", 200, SOON, no_headers),
        case("shows a page", 200, SOON, move |_, stream| answer(stream, 200, &[("content-type", "text/html")], page)),
        case("has no content", 204, SOON, |_, stream| answer(stream, 204, &[], "")),
        case("is not there", 404, SOON, |_, stream| answer(stream, 404, &[], "no such page")),
        case("refuses", 403, SOON, |_, stream| answer(stream, 403, &[], "<h1>Access denied</h1>")),
    ];
    cases.extend([301, 302, 303, 307, 308].map(|status| redirecting(status, target.url())));
    cases
}

#[test]
fn each_is_noted_for_what_it_is_in_bounded_time() {
    let stage = open_stage(&[]);
    let target = Endpoint::saying(200);
    for cases in [silent(), answering(&target)] {
        let shop = Caller::merchant(&stage);
        let tested: Vec<Value> = cases
            .iter()
            .map(|case| {
                let hook = shop.post("webhooks", &json!({"url": case.endpoint.url(), "event_types": ["webhook.test"]}));
                shop.post(&format!("webhooks/{}/test", text(&hook, "id")), &json!({}))
            })
            .collect();
        for (case, delivery) in cases.iter().zip(tested) {
            let path = format!("webhook-deliveries/{}", text(&delivery, "id"));
            let delivery = shop.await_that(&path, |delivery| delivery["attempt_count"].as_u64() > Some(0));
            is_noted(case, &delivery);
        }
    }
    assert_eq!(target.got().len(), 0, "redirects are never followed");
}

fn is_noted(case: &Case, delivery: &Value) {
    let (name, attempt) = (case.name, &delivery["attempts"][0]);
    assert_eq!((&attempt["status"], &attempt["error"]), (&json!(case.status), &json!(case.error)), "{name}: {attempt:#}");
    let took = attempt["duration_ms"].as_u64().expect("a duration");
    assert!(case.took_ms.contains(&took), "{name}: {took} ms");
    let is_taken = case.status.is_some_and(|status| (200..300).contains(&status));
    assert_eq!(delivery["status"], if is_taken { "delivered" } else { "pending" }, "{name}");
    let body = attempt["response"]["body"].as_str().unwrap_or_default();
    assert!(body.len() <= 1024, "{name}: {} bytes", body.len());
    let expected = match name {
        "has a body without an end" => &"y".repeat(1024),
        "stalls in its body" | "breaks off in its body" => "12",
        "sends no headers" => "first\n\nlast",
        "is not there" => "no such page",
        _ => body,
    };
    assert_eq!(body, expected, "{name}");
    assert!(name != "sends its body slowly" || body.starts_with("zzzz"), "{body}");
}

/// What stays open would be one connection less each time.
#[test]
fn whoever_hangs_is_left_when_their_time_is_over() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let left = Arc::new(AtomicUsize::new(0));
    let hangs = |wait: fn(&mut TcpStream) -> io::Result<()>| {
        let left = Arc::clone(&left);
        Endpoint::start(move |_, stream| {
            let came = wait(stream);
            left.fetch_add(1, Ordering::SeqCst);
            came
        })
    };
    let silent = hangs(|stream| io::Read::read(stream, &mut [0]).map(drop));
    let endless = hangs(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        endlessly(stream, b"x", Duration::from_millis(100))
    });
    for endpoint in [&silent, &endless] {
        let hook = shop.post("webhooks", &json!({"url": endpoint.url(), "event_types": ["webhook.test"]}));
        shop.post(&format!("webhooks/{}/test", text(&hook, "id")), &json!({}));
    }
    shop.await_that("webhook-deliveries", |list| {
        list["data"].as_array().is_some_and(|data| data.iter().all(|delivery| delivery["attempt_count"].as_u64() > Some(0)))
    });
    let soon = std::time::Instant::now() + Duration::from_secs(20);
    while left.load(Ordering::SeqCst) < 2 {
        assert!(std::time::Instant::now() < soon, "{} of 2 were left", left.load(Ordering::SeqCst));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Seven endpoints that hang, and twenty events for each of them.
#[test]
fn whoever_hangs_delays_nobody_else() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let types = json!(["checkout.session.created"]);
    let hook = |endpoint: &Endpoint| shop.post("webhooks", &json!({"url": endpoint.url(), "event_types": types}));
    let hanging: Vec<Endpoint> = (0..7).map(|_| Endpoint::hanging()).collect();
    let healthy = Endpoint::saying(200);
    for endpoint in hanging.iter().chain([&healthy]) {
        hook(endpoint);
    }
    for number in 1..=20 {
        shop.session(&json!({}));
        healthy.awaited(number);
    }
    let late: Vec<u64> =
        healthy.got().iter().map(|got| got.at.saturating_sub(got.json()["created_at"].as_u64().unwrap())).collect();
    assert!(late.iter().all(|late| *late < SOON.end), "{late:?}");
    // Each of the others has four that wait, and no more until the first of them is given up.
    let at_once = |endpoint: &Endpoint| {
        let got = endpoint.got();
        got.iter().filter(|later| later.at < got[0].at + SOON.end).count()
    };
    assert_eq!(hanging.iter().map(at_once).collect::<Vec<_>>(), [4; 7]);
    assert_eq!(shop.list("webhook-deliveries?status=pending&limit=100").len(), 100);
}

/// The pauses are real ones here: the first is five seconds, and the second would be five minutes.
#[test]
fn what_failed_comes_again_and_what_was_gone_does_not() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let first = AtomicBool::new(true);
    let recovering = Endpoint::start(move |_, stream| {
        let status = if first.swap(false, Ordering::SeqCst) { 500 } else { 200 };
        answer(stream, status, &[], "")
    });
    let first = AtomicBool::new(true);
    let busy = Endpoint::start(move |_, stream| {
        let is_first = first.swap(false, Ordering::SeqCst);
        answer(stream, if is_first { 429 } else { 200 }, &[("retry-after", "8")], "")
    });
    let gone = Endpoint::saying(410);
    let deliveries = [&recovering, &busy, &gone].map(|endpoint| {
        let hook = shop.post("webhooks", &json!({"url": endpoint.url(), "event_types": ["webhook.test"]}));
        shop.post(&format!("webhooks/{}/test", text(&hook, "id")), &json!({}))
    });
    for (delivery, endpoint, pause) in [(&deliveries[0], &recovering, 5000..60_000), (&deliveries[1], &busy, 8000..60_000)] {
        let got = endpoint.awaited(2);
        let pause_ms = got[1].at - got[0].at;
        assert!(pause.contains(&pause_ms), "{pause_ms}");
        assert!(got[0].id() == got[1].id() && got[0].body == got[1].body);
        assert_ne!(got[0].header("webhook-timestamp"), got[1].header("webhook-timestamp"));
        let path = format!("webhook-deliveries/{}", text(delivery, "id"));
        shop.await_that(&path, |delivery| delivery["status"] == "delivered" && delivery["attempt_count"] == 2);
    }
    let hook = shop.get(&format!("webhooks/{}", text(&deliveries[2], "webhook_endpoint")));
    assert_eq!((&hook["status"], &hook["disabled_reason"]), (&json!("disabled"), &json!("gone")));
    assert_eq!((gone.got().len(), shop.list("events?type=webhook.disabled").len()), (1, 1));
    let line = format!("webhook endpoint {} of {} was disabled: it answered 410", text(&hook, "id"), shop.account_id());
    assert!(stage.worker.logs(&line), "{}", stage.worker.log());
}
