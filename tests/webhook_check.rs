//! "Call my endpoint now": what is between Livery and a merchant's server is named for what it is.
mod ledger;
mod stage;
mod support;

use base64ct::{Base64, Encoding as _};
use ledger::{Caller, done, stage as open_stage, text};
use serde_json::{Value, json};
use std::{
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};
use support::{
    endpoint::{Endpoint, Got, answer},
    untrusted::Untrusted,
};

const STAGES: [&str; 8] = ["dns", "tls", "connection", "speed", "redirect", "bot_wall", "status", "signature"];
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
/// A name with a part that is longer than any can be: the resolver knows by itself that there is none, and asks no network.
const NOBODY: &str = "nobody-has-a-name-with-a-part-that-is-longer-than-sixty-three-letters.invalid";

/// The report about an endpoint at that URL.
fn report(shop: &Caller<'_>, url: &str) -> Value {
    let hook = shop.post("webhooks", &json!({"url": url}));
    check(shop, &hook)
}

fn check(shop: &Caller<'_>, hook: &Value) -> Value {
    shop.post(&format!("webhooks/{}/check", text(hook, "id")), &json!({}))
}

/// What is not well: the stage and the result. What comes behind a failure is skipped, everything else is well.
fn trouble(report: &Value) -> String {
    let checks = report["checks"].as_array().expect("checks");
    assert_eq!(checks.iter().map(|check| text(check, "name")).collect::<Vec<_>>(), STAGES);
    let results: Vec<String> = checks.iter().map(|check| text(check, "result")).collect();
    let failed = results.iter().position(|result| result == "failed");
    assert_eq!(report["ok"], failed.is_none(), "{report:#}");
    for (number, result) in results.iter().enumerate() {
        assert_eq!(result == "skipped", failed.is_some_and(|failed| failed < number), "{report:#}");
    }
    let bad = checks.iter().filter(|check| ["warning", "failed"].contains(&check["result"].as_str().unwrap()));
    bad.map(|check| format!("{} {}", text(check, "name"), text(check, "result"))).collect::<Vec<_>>().join(", ")
}

/// One that takes what is signed with its secret, and refuses the rest. Its answer is what `echo` makes of what it got.
fn verifying(echo: impl Fn(&Got, &str) -> String + Send + Sync + 'static) -> (Endpoint, Arc<OnceLock<String>>) {
    let secret = Arc::new(OnceLock::<String>::new());
    let known = Arc::clone(&secret);
    let endpoint = Endpoint::start(move |got, stream| {
        let secret = known.get().expect("a secret");
        let status = if got.is_signed_with(secret) { 200 } else { 401 };
        answer(stream, status, &[("content-type", "text/plain")], &echo(got, secret))
    });
    (endpoint, secret)
}

#[test]
fn an_endpoint_that_verifies_is_well() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (endpoint, secret) = verifying(|_, _| "taken".to_owned());
    let hook = shop.post("webhooks", &json!({"url": endpoint.url(), "event_types": ["payment.late"], "payload": "thin"}));
    secret.set(text(&hook, "secret")).unwrap();
    // Whether it is enabled or not: it is tried out before it is.
    done(&shop.send("PATCH", &format!("webhooks/{}", text(&hook, "id")), &json!({"status": "disabled"})));
    let report = check(&shop, &hook);
    assert_eq!(trouble(&report), "");
    assert_eq!((&report["object"], &report["webhook_endpoint"]), (&json!("webhook_check"), &hook["id"]));
    assert_eq!((&report["status"], &report["error"], &report["response"]["body"]), (&json!(200), &Value::Null, &json!("taken")));
    // Two calls: the report shows the one that is signed.
    let got = endpoint.awaited(2);
    let signed = got.iter().find(|got| got.is_signed_with(&text(&hook, "secret"))).expect("a signed one");
    assert_eq!((&report["request"]["body"], &report["request"]["url"]), (&json!(signed.body), &json!(endpoint.url())));
    assert_eq!(signed.kind(), "webhook.test");
    for header in report["request"]["headers"].as_array().unwrap() {
        assert_eq!(signed.header(header[0].as_str().unwrap()), header[1].as_str().unwrap());
    }
    assert_eq!((shop.list("webhook-deliveries").len(), got.len()), (0, 2), "nothing of it is owed to anybody");
}

#[test]
fn a_server_can_show_the_signature_that_it_computed() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (right, right_secret) = verifying(|got, secret| format!("expected: {}\n", got.signature(secret)));
    // The commonest mistake: the secret is taken as it is written.
    let (wrong, wrong_secret) =
        verifying(|got, secret| got.signature(&format!("whsec_{}", Base64::encode_string(secret.as_bytes()))));
    let hooks = [(&right, right_secret), (&wrong, wrong_secret)].map(|(endpoint, secret)| {
        let hook = shop.post("webhooks", &json!({"url": endpoint.url()}));
        secret.set(text(&hook, "secret")).unwrap();
        hook
    });
    assert_eq!(trouble(&check(&shop, &hooks[0])), "");
    assert_eq!(trouble(&check(&shop, &hooks[1])), "signature failed");
    // While its secret is the older of two.
    shop.post(&format!("webhooks/{}/rotate-secret", text(&hooks[0], "id")), &json!({}));
    assert_eq!(trouble(&check(&shop, &hooks[0])), "");
    shop.post(&format!("webhooks/{}/rotate-secret", text(&hooks[0], "id")), &json!({"overlap_seconds": 0}));
    assert_eq!(trouble(&check(&shop, &hooks[0])), "status failed", "it refuses what it cannot verify");
}

#[test]
fn what_stands_between_is_named() {
    let stage = open_stage(&[("ALLOWED_PRIVATE_HOSTS", NOBODY)]);
    let shop = Caller::merchant(&stage);
    let target = Endpoint::saying(200);
    let to = target.url().to_owned();
    let policy = format!("default-src {}", "https://cdn.shop.example ".repeat(200));
    let page = |status: u16, text: &'static str| {
        Endpoint::start(move |_, stream| answer(stream, status, &[HTML], &format!("<html><title>{text}</title></html>")))
    };
    let plain = Endpoint::saying(200);
    let untrusted = Untrusted::start();
    let cases = [
        (format!("https://{NOBODY}/hook"), "dns failed"),
        (format!("http://{NOBODY}/hook"), "dns failed"),
        (untrusted.url(), "tls failed"),
        (plain.url().replace("http:", "https:"), "tls failed"),
        ("http://127.0.0.1:9/hook".to_owned(), "connection failed"),
        ("https://127.0.0.1:9/hook".to_owned(), "connection failed"),
        (Endpoint::resetting().url().to_owned(), "connection failed"),
        (Endpoint::start(move |_, stream| answer(stream, 307, &[("location", &to)], "")).url().to_owned(), "redirect failed"),
        (page(200, "Log in").url().to_owned(), "bot_wall failed"),
        (page(403, "Just a moment...").url().to_owned(), "bot_wall failed"),
        (
            Endpoint::start(|_, stream| answer(stream, 503, &[("cf-mitigated", "challenge")], "")).url().to_owned(),
            "bot_wall failed",
        ),
        (
            Endpoint::start(move |_, stream| answer(stream, 200, &[("content-security-policy", &policy), HTML], "<html>"))
                .url()
                .to_owned(),
            "bot_wall failed",
        ),
        (page(404, "Not Found").url().to_owned(), "status failed"),
        (Endpoint::saying(500).url().to_owned(), "status failed"),
    ];
    for (url, expected) in cases {
        assert_eq!(trouble(&report(&shop, &url)), expected, "{url}");
    }
    assert_eq!(target.got().len(), 0, "the redirect was followed");
    assert_eq!(trouble(&report(&Caller::merchant(&stage), plain.url())), "signature warning", "it takes a forged one, too");
}

#[test]
fn what_is_slow_is_told_and_what_is_too_slow_is_not_waited_for() {
    let stage = open_stage(&[]);
    let slow = Endpoint::start(|got, stream| {
        thread::sleep(Duration::from_millis(5_100));
        answer(stream, if got.header("webhook-signature").is_empty() { 400 } else { 204 }, &[], "")
    });
    let reports = thread::scope(|scope| {
        let of = |endpoint: Endpoint| {
            let stage = &stage;
            scope.spawn(move || report(&Caller::merchant(stage), endpoint.url()))
        };
        [of(slow), of(Endpoint::hanging())].map(|thread| thread.join().expect("a report"))
    });
    assert_eq!(reports.each_ref().map(trouble), ["speed warning, signature warning", "speed failed"]);
    let took = reports.map(|report| report["duration_ms"].as_u64().expect("a duration"));
    // The signed call alone is timed: with the forged one after it, it would be twice as long.
    assert!((5_100..10_200).contains(&took[0]) && (14_990..29_980).contains(&took[1]), "{took:?}");
}
