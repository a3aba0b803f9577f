//! The operator's standing with the gateway: one client, and whoever asks for one payment's state, make it called so often and
//! no more. What costs the gateway nothing, and what reports a payment, is never refused.
//!
//! Quotas come back while a test runs, so each count is held against the time that it took.
mod stage;
mod support;

use livery_sandbox::Sandbox;
use stage::{
    AFFILIATE, BRAND, MERCHANT, SUB_AFFILIATE, Stage, UNKEPT_CONVERSION, assert_error_page, encode, failure, in_front_of, token,
    wallet_target,
};
use std::{
    thread,
    time::{Duration, Instant},
};
use support::{
    client::{Answer, Request},
    config::Settings,
    worker::Worker,
};

const ME: &str = "192.0.2.1";
const SOMEBODY_ELSE: &str = "192.0.2.2";
const MINUTE: Duration = Duration::from_mins(1);
const KEY: &str = "sub=a-key-that-two-operators-share-0123456789";

fn from(request: Request, address: &str) -> Request {
    request.header("CF-Connecting-IP", address)
}

/// The next new order of the demo shop.
fn order(stage: &Stage, number: usize) -> Request {
    stage.get(&wallet_target(&stage.shop_callback(&number.to_string())))
}

fn status_of(stage: &Stage, token: &str) -> Request {
    stage.get(&format!("/control/payment-status.php?ipn_token={token}"))
}

/// How many of a quota a minute can be served in the time since `started`.
fn most(quota: usize, started: Instant) -> usize {
    quota + quota * usize::try_from(started.elapsed().as_millis()).expect("a short test") / 60_000
}

/// Sends until one is refused. Panics unless as many were served as the quota allows.
fn use_up(quota: usize, mut send: impl FnMut(usize) -> Answer) -> Answer {
    let (started, mut served) = (Instant::now(), 0);
    loop {
        let answer = send(served);
        if answer.status == 429 {
            assert!(served >= quota, "only {served} of {quota} were served");
            return answer;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        served += 1;
        assert!(served <= most(quota, started), "{served} of {quota} were served in {:?}", started.elapsed());
    }
}

/// Panics unless the answer is a refusal that says when to come again.
fn assert_refused(answer: &Answer, policy: &str, quota: usize) {
    assert_eq!(failure(answer), (429, "too_many_requests".into(), None));
    assert_eq!(answer.json()["error"]["type"], "rate_limit_error");
    let wait: usize = answer.header("Retry-After").expect("a time").parse().expect("whole seconds");
    assert!((1..=60_usize.div_ceil(quota)).contains(&wait), "{wait}");
    assert_eq!(answer.header("RateLimit-Policy"), Some(format!("\"{policy}\";q={quota};w=60").as_str()));
    assert_eq!(answer.header("RateLimit"), Some(format!("\"{policy}\";r=0;t={wait}").as_str()));
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
}

#[test]
fn a_client_is_served_its_quota_and_nobody_else_pays_for_it() {
    let stage = Stage::with(&[("RATE_LIMIT_PER_CLIENT", "5")]);
    let mut served = 0;
    let refused = use_up(5, |number| {
        served = number;
        from(order(&stage, number), ME).send()
    });
    assert_refused(&refused, "client", 5);
    assert_eq!(stage.asked().len(), served, "the gateway hears nothing of what is refused");
    assert_eq!(from(order(&stage, 100), SOMEBODY_ELSE).send().status, 200);
    assert_eq!(order(&stage, 101).send().status, 200, "whoever has no address is not counted");
    assert!(!stage.worker.log().contains(ME), "addresses are not for the log");
}

#[test]
fn a_range_of_version_6_is_one_client() {
    let stage = Stage::with(&[("RATE_LIMIT_PER_CLIENT", "5")]);
    let refused = use_up(5, |number| from(order(&stage, number), &format!("2001:db8:0:1::{number:x}")).send());
    assert_refused(&refused, "client", 5);
    assert_eq!(from(order(&stage, 100), "2001:db8:0:2::1").send().status, 200);
}

#[test]
fn whoever_waits_as_told_is_served() {
    let stage = Stage::with(&[("RATE_LIMIT_PER_CLIENT", "30")]);
    let convert = |_| from(stage.get(UNKEPT_CONVERSION), ME).send();
    let wait = use_up(30, convert).header("Retry-After").expect("a time").parse().expect("seconds");
    thread::sleep(Duration::from_secs(wait));
    assert_eq!(convert(0).status, 200);
}

#[test]
fn a_crowd_gets_the_quota_between_them() {
    let (stage, quota) = (Stage::with(&[("RATE_LIMIT_PER_CLIENT", "20")]), 20);
    let started = Instant::now();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let send = |number| from(order(&stage, number), ME).send().status;
        let crowd: Vec<_> = (0..50).map(|number| scope.spawn(move || send(number))).collect();
        crowd.into_iter().map(|customer| customer.join().expect("an answer")).collect()
    });
    let served = statuses.iter().filter(|status| **status == 200).count();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    assert!((quota..=most(quota, started)).contains(&served), "{served} in {:?}", started.elapsed());
    assert_eq!(stage.asked().len(), served);
}

#[test]
fn one_payments_state_can_be_asked_for_so_often_whoever_asks() {
    let stage = Stage::with(&[("RATE_LIMIT_PER_TOKEN", "4")]);
    let (token, other) = (stage.unkept_token(), stage.wallet("2"));
    let twice = token.replace('%', "%25");
    let raw = token.replace("%3D", "=");
    stage.sandbox.clear_requests();
    let mut served = 0;
    let refused = use_up(4, |number| {
        served = number;
        let spelt = [&token, &twice, &raw][number % 3];
        from(status_of(&stage, spelt), &format!("192.0.2.{number}")).send()
    });
    assert_refused(&refused, "token", 4);
    assert_eq!(stage.asked().len(), served);
    assert_eq!(status_of(&stage, &other.ipn_token).send().status, 200);
    assert_eq!(stage.get(UNKEPT_CONVERSION).send().status, 200);
}

/// A client who is refused uses up nobody's token.
#[test]
fn the_client_is_counted_first() {
    let stage = Stage::with(&[("RATE_LIMIT_PER_CLIENT", "1"), ("RATE_LIMIT_PER_TOKEN", "10")]);
    let token = stage.unkept_token();
    let started = Instant::now();
    for _ in 0..20 {
        from(status_of(&stage, &token), ME).send();
    }
    let answer = status_of(&stage, &token).send();
    assert!(answer.status == 200 || started.elapsed() > MINUTE * 9, "{}", answer.text());
}

#[test]
fn what_the_gateway_is_not_called_for_is_not_counted() {
    let stage = Stage::with(&[
        ("RATE_LIMIT_PER_CLIENT", "1"),
        ("PAYOUT_WALLET", MERCHANT),
        ("ADMIN_TOKEN", "an-operators-token-of-32-letters"),
    ]);
    assert_eq!(stage.get("/control/provider-status").send().status, 200);
    let free = [
        ("/healthz", 200),
        ("/", 200),
        ("/.env", 404),
        ("/control/convert.php", 400),
        ("/checkout?amount=25", 403),
        ("/callback?token=x", 400),
        ("/control/provider-status", 200),
    ];
    for _ in 0..5 {
        for (target, status) in free {
            assert_eq!(from(stage.get(target), ME).send().status, status, "{target}");
        }
    }
    let refused = use_up(1, |number| from(order(&stage, number), ME).send());
    assert_refused(&refused, "client", 1);
    for (target, status) in free {
        assert_eq!(from(stage.get(target), ME).send().status, status, "{target}, after the quota was used up");
    }
}

#[test]
fn every_way_to_the_gateway_is_counted() {
    let settings = [("RATE_LIMIT_PER_CLIENT", "1"), ("ALLOW_UNSIGNED_LINKS", "true")];
    let callback = |stage: &Stage| encode(&stage.shop_callback("2"));
    let stage = Stage::with(&settings);
    let address = stage.wallet("1").address_in;
    let payment = format!("address={address}&amount=60&currency=EUR&email=a%40b.example");
    let checkout = format!("address={MERCHANT}&amount=60&currency=EUR&email=a%40b.example&callback={}", callback(&stage));
    let targets = [
        wallet_target(&stage.shop_callback("3")),
        format!("/checkout?{checkout}"),
        format!("/pay.php?{payment}"),
        format!("/process-payment.php?{payment}&provider=moonpay"),
        "/assets/app.css".to_owned(),
        "/control/provider-status".to_owned(),
        "/control/convert.php?from=EUR&value=2".to_owned(),
        format!("/control/payment-status.php?ipn_token={}", stage.wallet("4").ipn_token),
    ];
    for (number, target) in targets.iter().enumerate() {
        let (started, client) = (Instant::now(), format!("192.0.2.{number}"));
        assert_eq!(from(order(&stage, 10 + number), &client).send().status, 200);
        stage.sandbox.clear_requests();
        let answer = from(stage.get(target), &client).send();
        assert!(answer.status == 429 || started.elapsed() > MINUTE, "{target}: {}", answer.status);
        assert!(stage.asked().is_empty() || started.elapsed() > MINUTE, "{target}");
    }
}

#[test]
fn reports_of_payments_are_never_refused() {
    let stage = Stage::with(&[("RATE_LIMIT_PER_CLIENT", "1"), ("RATE_LIMIT_PER_TOKEN", "1")]);
    stage.wallet("1");
    let report = format!("/callback?token={}&value_coin=105.6&coin=polygon_usdc", token(&stage.asked_once()));
    for _ in 0..20 {
        let answer = from(stage.get(&report), ME).send();
        assert_eq!((answer.status, answer.text()), (200, "*ok*"));
    }
}

/// What a sub-affiliate's Livery sends upward for a wallet, caught on the way.
fn signed(sandbox: &Sandbox) -> (String, String) {
    let settings = [("UPLINE_KEY", KEY), ("AFFILIATE_WALLET", SUB_AFFILIATE), ("AFFILIATE_FEE", "0.01")];
    let sub = Worker::start(&in_front_of(sandbox, &settings));
    sub.get(&wallet_target(&format!("{}/orders.php?number=1", sandbox.shop_url()))).send();
    let request = sandbox.requests().remove(0);
    let signature = request.header("livery-signature").expect("a signature").to_owned();
    (format!("{}?{}", request.path, request.query), signature)
}

#[test]
fn a_downline_speaks_for_many_customers() {
    let settings =
        [("RATE_LIMIT_PER_CLIENT", "1"), ("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.02"), ("DOWNLINE_KEYS", KEY)];
    let stage = Stage::with(&settings);
    let (target, signature) = signed(&stage.sandbox);
    for _ in 0..10 {
        let answer = from(stage.get(&target), ME).header("Livery-Signature", &signature).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let forged = |_| from(stage.get(UNKEPT_CONVERSION), ME).header("Livery-Signature", &signature).send();
    assert_refused(&use_up(1, forged), "client", 1);
}

#[test]
fn nought_sets_no_limit() {
    let stage = Stage::with(&[("RATE_LIMIT_PER_CLIENT", "0"), ("RATE_LIMIT_PER_TOKEN", "0")]);
    let token = stage.unkept_token();
    for number in 0..700 {
        assert_eq!(from(status_of(&stage, &token), ME).send().status, 200, "{number}");
    }
}

#[test]
fn without_settings_there_are_limits() {
    let stage = Stage::with(&[]);
    let token = stage.unkept_token();
    assert_refused(&use_up(12, |_| status_of(&stage, &token).send()), "token", 12);
    let convert = |_| from(stage.get(UNKEPT_CONVERSION), ME).send();
    assert_refused(&use_up(600, convert), "client", 600);
}

#[test]
fn every_form_of_the_refusal_says_when_to_come_again() {
    let stage = Stage::branded_with(|settings| settings.set("RATE_LIMIT_PER_CLIENT", "1"));
    let asset = |accept: &str| from(stage.get("/assets/app.css"), ME).header("Accept", accept).send();
    use_up(1, |_| asset("*/*"));
    let started = Instant::now();
    let (page, problem) = (asset("text/html"), asset("application/problem+json"));
    if started.elapsed() > MINUTE / 2 {
        return;
    }
    assert_error_page("the page", &page, 429, "too_many_requests");
    assert!(page.text().contains(BRAND) && !page.text().contains('`'));
    assert_eq!(problem.header("Content-Type"), Some("application/problem+json"));
    let json = problem.json();
    assert_eq!((json["status"].as_u64(), json["code"].as_str()), (Some(429), Some("too_many_requests")));
    assert_eq!(json["title"], "rate_limit_error");
    for answer in [&page, &problem] {
        assert!(answer.header("Retry-After").is_some_and(|wait| (1..=60).contains(&wait.parse().expect("seconds"))));
        assert_eq!(answer.header("RateLimit-Policy"), Some(r#""client";q=1;w=60"#));
    }
}

#[test]
fn wrong_limits_are_reported() {
    for value in ["-1", "ten", "1.5", "1000001"] {
        let worker = Worker::start(&Settings::new().set("RATE_LIMIT_PER_CLIENT", value).set("RATE_LIMIT_PER_TOKEN", value));
        let health = worker.get("/healthz").send();
        let text = health.text();
        assert_eq!(health.status, 503, "{value}");
        assert!(text.contains("RATE_LIMIT_PER_CLIENT") && text.contains("RATE_LIMIT_PER_TOKEN"), "{text}");
    }
}
