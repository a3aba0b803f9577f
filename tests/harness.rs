//! The harness itself: real workerd, honest client, strict checks, nothing left behind.
mod support;

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use support::{
    client::Answer,
    config::{self, Settings},
    evm::Evm,
    leaks,
    worker::Worker,
};

#[test]
fn starts_and_answers() {
    let worker = Worker::start(&Settings::new());
    assert_eq!(worker.get("/healthz").send().status, 200);
}

#[test]
fn restarts_after_a_kill_on_the_same_port() {
    let mut worker = Worker::start(&Settings::new());
    worker.kill9();
    assert!(is_closed(&worker.host()));
    worker.restart();
    assert_eq!(worker.get("/healthz").send().status, 200);
}

#[test]
fn leaves_nothing_behind_when_dropped() {
    let host = Worker::start(&Settings::new()).host();
    assert!(is_closed(&host));
}

#[test]
fn dies_with_its_parent() {
    check_death_with_parent("dies_with_its_parent", || {
        let worker = Worker::start(&Settings::new());
        (worker.host(), worker)
    });
}

#[test]
fn a_chain_dies_with_its_parent() {
    check_death_with_parent("a_chain_dies_with_its_parent", || {
        let node = Evm::start();
        (node.url().replace("http://", ""), node)
    });
}

/// Runs the test of that name again as a child that starts something, tells its host, and is killed.
fn check_death_with_parent<T>(test: &str, start: impl FnOnce() -> (String, T)) {
    const CHILD: &str = "LIVERY_HARNESS_CHILD";
    if env::var_os(CHILD).is_some() {
        let (host, _alive) = start();
        println!("\nhost {host}");
        thread::sleep(Duration::from_mins(1));
        return;
    }
    let mut child = Command::new(env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test again");
    let output = BufReader::new(child.stdout.take().expect("its output"));
    let host = output.lines().map_while(Result::ok).find_map(|line| line.strip_prefix("host ").map(str::to_owned));
    let host = host.expect("what the child started");
    assert!(TcpStream::connect(&host).is_ok());
    child.kill().expect("killing the child");
    child.wait().expect("its end");
    assert!(is_closed(&host));
}

/// Whether nothing listens there any more, within a time that is enough on a busy machine.
fn is_closed(host: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if TcpStream::connect(host).is_err() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn starts_with_any_text_in_a_setting() {
    let odd = Settings::new().set("BRAND_NAME", "\"Ünïcode\" \\ and\nlines\u{1}");
    assert_eq!(Worker::start(&odd).get("/healthz").send().status, 200);
}

/// What the harness cannot give the Worker yet must not be in `wrangler.toml` unnoticed.
#[test]
fn knows_everything_in_wrangler_toml() {
    const NEWEST_DATE: &str = "2026-10-01";
    const KNOWN: [&str; 12] = [
        "name",
        "main",
        "compatibility_date",
        "compatibility_flags",
        "send_metrics",
        "build",
        "durable_objects",
        "migrations",
        "no_bundle",
        "observability",
        "vars",
        "routes",
    ];
    let wrangler = config::wrangler();
    let unknown: Vec<_> = wrangler.keys().filter(|key| !KNOWN.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "teach tests/support/config.rs about {unknown:?}");
    assert_eq!(wrangler["main"].as_str(), Some("build/index.js"));
    let ledger = r#"{"bindings":[{"class_name":"Ledger","name":"LEDGER"}]}"#;
    assert_eq!(serde_json::to_string(&wrangler["durable_objects"]).expect("JSON"), ledger);
    assert!(config::compatibility_date().as_str() <= NEWEST_DATE, "older than the pinned workerd knows");
}

#[test]
fn sees_through_every_disguise() {
    let disguises = [
        "https://api.AnexPay.net/x",
        "anexpay%2Enet",
        "%61nexpay%252enet",
        "anexpay&#46;net",
        "anexpay&#x2E;net",
        "anexpay&#46net",
        "anexpay&amp;#46;net",
        "anexpay&period;net",
        r"https:\/\/anexpay.net",
        r"anexpay\u002enet",
        r"\x61nexpay\u{2e}net",
        r"anexpay\2e net",
        "a\0n\0e\0x\0p\0a\0y\0.\0n\0e\0t\0",
    ];
    for text in disguises {
        assert!(leaks::find(text, &["anexpay.net".into()]).is_some(), "{text}");
    }
    for text in ["anexpay", "anexpay-net", "an expay.net", "%", "&#", "\\", "\\u12", "&#xfffffff;", "%zz"] {
        assert_eq!(leaks::find(text, &["anexpay.net".into()]), None, "{text}");
    }
}

#[test]
#[should_panic(expected = "the answer names 127.0.0.1:1")]
fn refuses_an_answer_that_names_the_configured_gateway() {
    let hidden = Settings::new().gateway("http://127.0.0.1:1", "http://127.0.0.1:2").hidden();
    leaks::check("GET /", &answer(&[("Location", "http://127.0.0.1:1/")], b""), &hidden, false);
}

#[test]
#[should_panic(expected = "X-Powered-By is not on the list")]
fn refuses_a_header_that_nobody_decided_to_send() {
    leaks::check("GET /", &answer(&[("X-Powered-By", "PHP")], b""), &[], false);
}

#[test]
fn spares_only_the_query_of_a_provider_url() {
    let hidden = ["anexpay.net".to_owned()];
    let fine = answer(&[("Location", "https://provider.example/?return=anexpay.net")], b"");
    leaks::check("GET /", &fine, &hidden, true);
    assert!(std::panic::catch_unwind(|| leaks::check("GET /", &fine, &hidden, false)).is_err());
}

fn answer(headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Answer { status: 200, reason: "OK".into(), headers: headers.collect(), body: body.into() }
}
