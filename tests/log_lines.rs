//! What the operator reads: one line of JSON for each request, and the same times in `Server-Timing` for whoever asked. There
//! is nothing in a line that is about a person: all that it may hold is compared here, word for word.
mod stage;
mod support;

use livery_sandbox::Fault;
use serde_json::{Value, json};
use stage::{BRAND, MERCHANT, Stage, encode, in_front_of, sandbox, token, wallet_target};
use support::{
    client::{Answer, Request},
    worker::Worker,
};

/// What requests carry that no log may keep.
const PERSONAL: [(&str, &str); 7] = [
    ("User-Agent", "Janes-Browser/7"),
    ("CF-Connecting-IP", "203.0.113.77"),
    ("X-Forwarded-For", "203.0.113.77"),
    ("Referer", "https://shop.example/basket-of-jane"),
    ("Cookie", "session=janes-session"),
    ("Authorization", "Bearer janes-password"),
    ("CF-IPCountry", "ES"),
];
/// How long the slow gateway takes, in milliseconds, and what must be seen of that: clocks are rounded.
const SLOW: (u64, u64) = (300, 250);

/// One request: how it is made, and what the log says of it.
struct Case {
    request: Request,
    route: Option<&'static str>,
    status: u16,
    code: Option<&'static str>,
}

fn case(request: Request, route: &'static str, status: u16) -> Case {
    let request = PERSONAL.iter().fold(request, |request, (name, value)| request.header(name, value));
    Case { request: request.expect_provider_url(), route: Some(route), status, code: None }
}

impl Case {
    fn failing(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    fn nowhere(self) -> Self {
        Self { route: None, ..self }
    }

    fn for_browsers(mut self) -> Self {
        self.request = self.request.header("Accept", "text/html");
        self
    }

    fn what(&self) -> String {
        format!("{:?}: {} {:?}", self.route, self.status, self.code)
    }

    /// Sends it; the answer, and the line that tells of it, whose times are those of the answer.
    fn check(&self, stage: &Stage) -> (Answer, u64) {
        let answer = self.request.send();
        let id = answer.header("Request-Id").expect("a request id");
        assert!(stage.worker.logs(id), "nothing about {id} in {}", stage.worker.log());
        let line = lines(stage).into_iter().find(|line| line["request_id"] == id).expect("a line of JSON");
        let [upstream, total] = times(&answer);
        let mut expected = json!({
            "request_id": id, "status": self.status, "outcome": outcome(self.status), "upstream_ms": upstream, "total_ms": total,
        });
        for (name, value) in [("route", self.route), ("code", self.code)] {
            if let Some(value) = value {
                expected[name] = value.into();
            }
        }
        assert_eq!(line, expected, "the line of {id}, {}", self.what());
        assert_eq!(answer.status, self.status, "{}", self.what());
        assert!(upstream <= total, "{line}");
        (answer, upstream)
    }
}

const fn outcome(status: u16) -> &'static str {
    match status {
        0..400 => "ok",
        400..500 => "refused",
        _ => "failed",
    }
}

/// What the Worker said: lines of JSON and nothing else.
fn lines(stage: &Stage) -> Vec<Value> {
    let log = stage.worker.log();
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
}

/// `Server-Timing` of an answer: how long others took, and how long it took in all, in milliseconds.
fn times(answer: &Answer) -> [u64; 2] {
    let header = answer.header("Server-Timing").expect("a time");
    let numbers = header.strip_prefix("upstream;dur=").and_then(|rest| rest.split_once(", total;dur="));
    let (upstream, total) = numbers.unwrap_or_else(|| panic!("{header}"));
    [upstream, total].map(|number| number.parse().unwrap_or_else(|_| panic!("{header}")))
}

const SUM: &str = "amount=60&currency=EUR&email=jane%40private.example";

/// Requests for which the gateway is asked, each with a good answer.
fn served(stage: &Stage) -> Vec<Case> {
    let made = stage.wallet("jane-4711");
    let callback = format!("/callback?token={}&value_coin=105.6&coin=polygon_usdc", token(&stage.asked_once()));
    let address = &made.address_in;
    let checkout = format!("/checkout?{SUM}&provider=moonpay&address={MERCHANT}&callback={}", stage.callback());
    let form = stage.worker.request("POST", "/assets/form").header("Content-Type", "application/x-www-form-urlencoded");
    let status = format!("/control/payment-status.php?ipn_token={}", made.ipn_token);
    vec![
        case(stage.get(&wallet_target(&stage.shop_callback("jane-4712"))), "wallet", 200),
        case(stage.get("/control/convert.php?from=EUR&value=1258.31"), "convert", 200),
        case(stage.get(&status), "payment_status", 200),
        case(stage.get(&format!("/process-payment.php?address={address}&{SUM}&provider=moonpay")), "payment", 302),
        case(stage.get(&format!("/pay.php?address={address}&{SUM}")), "hosted_page", 200).for_browsers(),
        case(stage.worker.request("HEAD", "/assets/app.css"), "asset", 200),
        case(form.body("email=jane%40private.example"), "asset", 422).failing("gateway_rejected"),
        case(stage.get(&checkout), "checkout", 302).for_browsers(),
        case(stage.get(&callback), "callback", 200),
    ]
}

/// Requests that Livery answers by itself.
fn own(stage: &Stage) -> Vec<Case> {
    let get = |target: &str| stage.get(target);
    let unreadable = format!("/checkout?{SUM}&provider=moonpay&address=0x12&callback={}", stage.callback());
    vec![
        case(get("/"), "home", 200).for_browsers(),
        case(get("/healthz"), "health", 200),
        case(get("/control/nothing.php?jane@private.example"), "", 404).failing("not_found").nowhere(),
        case(get("/control/nothing.php"), "", 404).failing("not_found").nowhere().for_browsers(),
        case(stage.worker.request("DELETE", "/control/wallet.php"), "", 405).failing("method_not_allowed").nowhere(),
        case(get(&unreadable), "checkout", 400).failing("invalid_wallet").for_browsers(),
        case(get("/control/wallet.php?address=0x12&callback=jane"), "wallet", 400).failing("invalid_wallet"),
        case(get("/callback?token=janes-token"), "callback", 400).failing("invalid_token"),
        case(get(&format!("/assets/{}", "jane".repeat(3000))), "asset", 414).failing("url_too_long"),
        case(stage.worker.request("POST", "/assets/form").body("x".repeat(70_000)), "asset", 413).failing("body_too_large"),
    ]
}

/// Nothing of what came in, and nothing of what went out, but what was compared. Request ids are left out: they are made by chance,
/// and any four digits may be among theirs.
fn assert_nothing_personal(stage: &Stage) {
    let told = lines(stage).into_iter().map(|mut line| {
        line.as_object_mut().and_then(|fields| fields.remove("request_id")).expect("a request id");
        line.to_string().to_ascii_lowercase()
    });
    let log = told.collect::<Vec<_>>().join("\n");
    let values = PERSONAL.iter().map(|(_, value)| *value).filter(|value| value.len() > 2);
    let more = ["jane", "private.example", "4711", "http", "127.0.0.1", ".php", "0x", "?", "%"];
    for text in values.chain(more) {
        assert!(!log.contains(&text.to_ascii_lowercase()), "{text} is in {log}");
    }
}

#[test]
fn each_request_leaves_one_line_and_nothing_personal() {
    let stage = Stage::branded();
    let cases: Vec<Case> = served(&stage).into_iter().chain(own(&stage)).collect();
    for case in &cases {
        case.check(&stage);
    }
    // The first was for the wallet that the others needed.
    assert_eq!(lines(&stage).len(), cases.len() + 1, "{}", stage.worker.log());
    assert_nothing_personal(&stage);
}

#[test]
fn the_time_that_others_take_is_told_apart() {
    let stage = Stage::branded();
    for case in own(&stage) {
        let (answer, _) = case.check(&stage);
        assert_eq!(times(&answer), [0, 0], "nobody was asked, {}", case.what());
    }
    let cases = served(&stage);
    stage.sandbox.fault("*", Fault::Latency(SLOW.0));
    stage.sandbox.fault("/orders.php", Fault::Latency(SLOW.0));
    for case in cases {
        let (_, upstream) = case.check(&stage);
        assert!(upstream >= SLOW.1, "{upstream} ms, {}", case.what());
    }
}

#[test]
fn what_the_gateway_did_wrong_is_named() {
    let stage = Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", "3000"));
    let (convert, page) = ("/control/convert.php", "/assets/app.css");
    let faults = [
        (Fault::Status(500, "jane@private.example".into()), 502, "gateway_unavailable"),
        (Fault::ResetBeforeHeaders, 502, "gateway_unavailable"),
        (Fault::Status(418, "jane@private.example".into()), 422, "gateway_rejected"),
        (Fault::Status(429, String::new()), 429, "rate_limited"),
        (Fault::Latency(600_000), 504, "gateway_timeout"),
        (Fault::RedirectTo("ftp://jane@private.example".into()), 502, "gateway_invalid_reply"),
    ];
    for (fault, status, code) in faults {
        stage.sandbox.clear_faults();
        stage.sandbox.fault(convert, fault.clone());
        stage.sandbox.fault(page, fault);
        case(stage.get(&format!("{convert}?from=EUR&value=10")), "convert", status).failing(code).check(&stage);
        case(stage.get(page), "asset", status).failing(code).for_browsers().check(&stage);
    }
    assert_nothing_personal(&stage);
}

#[test]
fn a_name_in_a_providers_url_is_counted() {
    let stage = Stage::branded();
    let payment = format!("/process-payment.php?address={}&{SUM}&provider=moonpay", stage.wallet("1").address_in);
    for (query, is_named) in [("r=1", false), ("r=https%3A%2F%2Fanexpay.net", true)] {
        stage.reply("/process-payment.php", 302, &[("location", &format!("https://provider.example/?{query}"))], "");
        let answer = stage.get(&payment).expect_provider_url().send();
        assert!(answer.header("Location").is_some_and(|url| url.ends_with(query)), "{answer:?}");
        let id = answer.header("Request-Id").expect("a request id");
        assert!(stage.worker.logs(id));
        let line = lines(&stage).into_iter().find(|line| line["request_id"] == id).expect("a line");
        assert_eq!(line.get("name_in_provider_url").is_some(), is_named, "{line}");
    }
}

#[test]
fn a_limit_and_a_wrong_setting_are_named() {
    let sandbox = sandbox();
    let settings = in_front_of(&sandbox, &[("BRAND_NAME", BRAND), ("RATE_LIMIT_PER_CLIENT", "1")]);
    let stage = Stage { worker: Worker::start(&settings), sandbox };
    let order = |number: &str| stage.get(&wallet_target(&stage.shop_callback(number)));
    case(order("1"), "wallet", 200).check(&stage);
    let (answer, _) = case(order("2"), "wallet", 429).failing("too_many_requests").check(&stage);
    assert_eq!(times(&answer), [0, 0], "the gateway was not asked");

    let stage = Stage { worker: Worker::start(&settings.set("PAYOUT_WALLET", "janes-wallet")), sandbox: stage.sandbox };
    let target = format!("/control/wallet.php?callback={}", encode("https://shop.example/?jane=1"));
    let answer = stage.get(&target).send();
    let id = answer.header("Request-Id").expect("a request id");
    // The request's line and the setting's come by two streams.
    for text in [id, "misconfigured: PAYOUT_WALLET"] {
        assert!(stage.worker.logs(text), "{text} is not in {}", stage.worker.log());
    }
    let log = stage.worker.log();
    let about: Vec<&str> = log.lines().filter(|line| line.contains(id)).collect();
    assert_eq!(about.len(), 1, "{log}");
    assert!(about[0].contains(r#""route":"wallet","status":503,"outcome":"failed","code":"misconfigured""#), "{log}");
    assert!(!log.contains("jane"), "{log}");
}
