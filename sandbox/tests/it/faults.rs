//! Every fault, seen from the wire.

use std::{
    io::{ErrorKind, Read as _},
    time::{Duration, Instant},
};

use livery_sandbox::{Fault, Listener, Options, Sandbox, documented::WALLETS};

use super::client::{Answer, get, open, raw, send};

const PATH: &str = "/control/convert.php";
const PATIENCE: Duration = Duration::from_mins(1);
const BODY: &str = r#"{"status":"success","value_coin":"1.07","exchange_rate":"1.07427"}"#;

fn started() -> (Sandbox, String) {
    let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
    let url = format!("{}{PATH}?from=EUR&value=1", sandbox.api_url());
    (sandbox, url)
}

/// The answer a fault turns the conversion into.
fn struck(fault: Fault) -> Answer {
    let (sandbox, url) = started();
    sandbox.fault(PATH, fault);
    get(&url)
}

#[test]
fn answers_are_exchanged() {
    let status = struck(Fault::Status(503, "<p>down</p>".into()));
    assert_eq!((status.status, status.text().as_str()), (503, "<p>down</p>"));
    assert_eq!(status.header("content-type"), Some("text/html; charset=UTF-8"));
    let truncated = struck(Fault::TruncatedJson);
    assert!(truncated.whole && BODY.starts_with(&truncated.text()) && truncated.body.len() == BODY.len() / 2);
    let malformed = struck(Fault::MalformedJson).text();
    assert!(malformed.ends_with(BODY) && malformed.contains("api.anexpay.net"));
    assert!(struck(Fault::MissingField("value_coin".into())).json().get("value_coin").is_none());
    assert_eq!(struck(Fault::WrongContentType).header("content-type"), Some("application/octet-stream"));
    assert!(struck(Fault::EmptyBody).body.is_empty());
    assert_eq!(struck(Fault::RedirectTo("https://x.example/".into())).header("location"), Some("https://x.example/"));
    let loops = struck(Fault::RedirectLoop);
    assert_eq!(loops.header("location"), Some("https://checkout.anexpay.net/control/convert.php?from=EUR&value=1"));
    let encoded = struck(Fault::ContentEncoding("br".into()));
    assert_eq!((encoded.header("content-encoding"), encoded.text().as_str()), (Some("br"), BODY));
}

#[test]
fn a_wallet_without_its_address() {
    let (sandbox, _) = started();
    sandbox.fault("*", Fault::MissingAddressIn);
    let url = format!("{}/control/wallet.php?address={}", sandbox.api_url(), livery_sandbox::documented::PAYOUT_WALLET);
    let json = get(&format!("{url}&callback=https%3A%2F%2Fx.example%2F%3Fn%3D1")).json();
    assert!(json.get("address_in").is_none() && json.get("ipn_token").is_some());
}

#[test]
fn bodies_are_misframed() {
    for fault in [Fault::TruncatedChunks, Fault::TruncatedLength] {
        let answer = struck(fault);
        assert!(!answer.whole && BODY.starts_with(&answer.text()) && !answer.body.is_empty());
    }
}

#[test]
fn connections_are_reset() {
    let (sandbox, url) = started();
    sandbox.fault(PATH, Fault::ResetBeforeHeaders);
    assert_eq!(raw("GET", &url, &[], "").expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    sandbox.fault(PATH, Fault::ResetAfterHeaders);
    assert_eq!(raw("GET", &url, &[], "").expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[test]
fn garbage_is_no_http() {
    let (sandbox, url) = started();
    sandbox.fault(PATH, Fault::Garbage);
    let bytes = raw("GET", &url, &[], "").expect("bytes");
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP/"));
}

#[test]
fn bodies_are_huge_slow_or_endless() {
    assert_eq!(struck(Fault::HugeBody(3_000_001)).body.len(), 3_000_001);
    let begun = Instant::now();
    assert_eq!(struck(Fault::SlowBody(2)).text(), BODY);
    assert!(begun.elapsed() > Duration::from_millis(2 * BODY.len() as u64));
    let (sandbox, url) = started();
    sandbox.fault(PATH, Fault::NeverEnding);
    let mut stream = open("GET", &url, &[], "").expect("a connection");
    let mut seen: Vec<u8> = Vec::new();
    while seen.windows(9).filter(|window| window == b"and so on").count() < 3 {
        let mut piece = [0; 256];
        let read = stream.read(&mut piece).expect("more");
        assert!(read > 0, "it ended");
        seen.extend(&piece[..read]);
    }
}

#[test]
fn bodies_stall_or_flood() {
    let (sandbox, url) = started();
    sandbox.fault_times(PATH, Fault::Stall(70_000), 1);
    let mut stream = open("GET", &url, &[], "").expect("a connection");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("a head");
    assert_eq!(&head, b"HTTP/1.1 200");
    stream.read_exact(&mut vec![0; 70_000]).expect("all that comes");
    assert!(sandbox.departures().is_empty(), "it was closed");
    sandbox.fault(PATH, Fault::Flood);
    let mut stream = open("GET", &url, &[], "").expect("a connection");
    stream.read_exact(&mut vec![0; 20_000_000]).expect("more and more");
    sandbox.fault(PATH, Fault::RedirectFlood("/elsewhere".into()));
    let mut stream = open("GET", &url, &[], "").expect("a connection");
    let mut bytes = vec![0; 1_000_000];
    stream.read_exact(&mut bytes).expect("a redirect and more");
    let head = String::from_utf8_lossy(&bytes[..200]);
    assert!(head.starts_with("HTTP/1.1 302 ") && head.contains("location: /elsewhere\r\n"), "{head}");
}

#[test]
fn raw_bytes_arrive_as_they_are() {
    let (sandbox, url) = started();
    let bytes = b"HTTP/1.0 203 Odd\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec();
    sandbox.fault(PATH, Fault::Raw(bytes.clone()));
    assert_eq!(raw("GET", &url, &[], "").expect("bytes"), bytes);
}

#[test]
fn a_client_that_leaves_is_noticed() {
    let (sandbox, url) = started();
    let departed = |how_many: usize| sandbox.wait_for(|state| state.departures().len() == how_many, PATIENCE);
    for (at, fault) in [Fault::Latency(60_000), Fault::SlowBody(60_000), Fault::Stall(9), Fault::Flood].into_iter().enumerate() {
        sandbox.clear_faults();
        sandbox.fault(PATH, fault.clone());
        let mut client = open("GET", &url, &[], "").expect("a connection");
        assert!(sandbox.wait_for(|state| state.requests().len() == at + 1, PATIENCE));
        if at > 0 {
            client.read_exact(&mut [0]).expect("a first byte");
        }
        drop(client);
        assert!(departed(at + 1), "{fault:?}");
        let departure = &sandbox.departures()[at];
        assert_eq!((departure.listener, departure.path.as_str()), (Listener::Api, PATH));
        assert!(departure.after < PATIENCE && (departure.sent > 0) != (at == 0), "{departure:?}");
    }
    sandbox.clear();
    assert_eq!(get(&url).text(), BODY);
    sandbox.fault(PATH, Fault::TruncatedLength);
    assert!(!get(&url).whole);
    assert!(sandbox.departures().is_empty(), "nobody left before the end");
}

#[test]
fn latencies_add_to_other_faults() {
    let (sandbox, url) = started();
    sandbox.fault(PATH, Fault::EmptyBody);
    sandbox.fault_times(PATH, Fault::Latency(60), 1);
    sandbox.fault_times("*", Fault::Latency(60), 1);
    let begun = Instant::now();
    assert!(get(&url).body.is_empty());
    assert!(begun.elapsed() >= Duration::from_millis(120));
}

#[test]
fn a_fault_strikes_as_often_as_told_where_told() {
    let (sandbox, url) = started();
    sandbox.fault_times(PATH, Fault::EmptyBody, 2);
    let empty = || get(&url).body.is_empty();
    assert_eq!([empty(), empty(), empty()], [true, true, false]);
    sandbox.fault("*", Fault::Status(500, String::new()));
    assert_eq!(get(&url).status, 500);
    assert_eq!(get(&format!("{}/", sandbox.shop_url())).status, 200, "only the gateway is struck");
    sandbox.clear_faults();
    assert_eq!(get(&url).status, 200);
}

#[test]
fn custom_answers_arrive_as_given() {
    let headers = vec![("X-Odd".into(), "caf\u{e9} \u{1}".into()), ("Content-Type".into(), "text/html".into())];
    let body = b"https://api.anexpay.net/\xff\0".to_vec();
    let (sandbox, url) = started();
    let custom =
        |chunks: &[usize]| Fault::Custom { status: 299, headers: headers.clone(), body: body.clone(), chunks: chunks.into() };
    sandbox.fault_times(PATH, custom(&[1, 3]), 1);
    let bytes = raw("GET", &url, &[], "").expect("bytes");
    assert!(String::from_utf8_lossy(&bytes).contains("X-Odd: caf\u{e9} \u{1}\r\n"));
    assert!(bytes.windows(11).any(|window| window == b"1\r\nh\r\n3\r\nttp"[..11].as_ref()));
    sandbox.fault_times(PATH, custom(&[2]), 1);
    let chunked = get(&url);
    assert_eq!((chunked.status, chunked.whole, chunked.body), (299, true, body.clone()));
    sandbox.fault_times(PATH, custom(&[]), 1);
    assert_eq!(get(&url).body, body);
}

#[test]
fn a_struck_connection_does_not_disturb_the_next() {
    let (sandbox, url) = started();
    sandbox.fault_times(PATH, Fault::Garbage, 1);
    raw("GET", &url, &[("connection", "keep-alive")], "").expect("bytes");
    assert_eq!(send("GET", &url, &[], "").expect("an answer").text(), BODY);
    assert_eq!(sandbox.requests().len(), 2);
    assert!(sandbox.wallet(&WALLETS[0].polygon_address_in.to_uppercase().replace('X', "x")).is_some());
}
