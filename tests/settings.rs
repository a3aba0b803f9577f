//! Settings: every mistake is named at once, at `/healthz` and in the log, nothing else is served meanwhile, and no secret is
//! ever shown.
mod stage;
mod support;

use stage::{AFFILIATE, MERCHANT, Stage, assert_keeps_secret, failure, whole};
use support::{
    client::Answer,
    config::{SIGNING_KEY, Settings},
    worker::Worker,
};

/// One mistake in each setting, every value with a word that must not be shown.
const MISTAKES: [(&str, &str); 20] = [
    ("PAYOUT_WALLET", "0xHUSHHUSH"),
    ("AFFILIATE_FEE", "2.HUSH"),
    ("SUB_AFFILIATE_WALLET", "0xHUSH"),
    ("SUB_AFFILIATE_FEE", "HUSH"),
    ("CHECKOUT_DOMAIN", "https://hush.example/"),
    ("SIGNING_KEY", "HUSHHUSHHUSH"),
    ("GATEWAY_API_URL", "http://hush.example"),
    ("GATEWAY_CHECKOUT_URL", "hush"),
    ("GATEWAY_TIMEOUT_MS", "HUSH"),
    ("RATE_LIMIT_PER_CLIENT", "HUSH"),
    ("RATE_LIMIT_PER_TOKEN", "HUSH"),
    ("BRAND_LOGO", "http://hush.example/logo.png"),
    ("BRAND_THEME", "hush;}"),
    ("SUPPORT_URL", "javascript:hush"),
    ("DOWNLINE_KEYS", "shop=HUSH"),
    ("UPLINE_KEY", "HUSH"),
    ("ALLOW_UNSIGNED_LINKS", "HUSH"),
    ("ADMIN_TOKEN", "HUSH"),
    ("POLYGON_RPC_URL", "HUSH"),
    ("ALLOWED_PRIVATE_HOSTS", "http://hush.example"),
];

fn broken() -> Worker {
    Worker::start(&MISTAKES.iter().fold(Settings::new(), |settings, (name, value)| settings.set(name, value)))
}

fn named(health: &Answer) -> Vec<String> {
    let json = health.json();
    let mistakes = json["mistakes"].as_array().expect("a list").iter();
    mistakes.map(|mistake| mistake["setting"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn good_settings_are_healthy() {
    let stage = Stage::with(&[("PAYOUT_WALLET", MERCHANT), ("BRAND_NAME", "Tea & Co")]);
    let health = stage.get("/healthz").send();
    assert_eq!((health.status, health.text()), (200, r#"{"status":"ok"}"#));
    assert_eq!((health.header("Content-Type"), health.header("Cache-Control")), (Some("application/json"), Some("no-store")));
    let head = stage.worker.request("HEAD", "/healthz").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(stage.asked().is_empty(), "health is about the settings");
    assert!(!stage.worker.log().contains("misconfigured"));
}

#[test]
fn every_mistake_is_named_at_once_with_what_to_do() {
    let worker = broken();
    let health = worker.get("/healthz").send();
    assert_eq!((health.status, &health.json()["status"]), (503, &"misconfigured".into()));
    let named = named(&health);
    for (setting, _) in MISTAKES {
        assert!(named.iter().any(|name| name == setting), "{setting} is not among {named:?}");
        assert!(worker.logs(&format!("misconfigured: {setting} ")), "{setting} is not in the log: {}", worker.log());
    }
    for mistake in health.json()["mistakes"].as_array().expect("a list") {
        assert!(mistake["problem"].as_str().is_some_and(|text| text.len() > 10), "{mistake}");
    }
}

#[test]
fn no_value_of_a_bad_setting_is_shown() {
    let worker = broken();
    for target in ["/healthz", "/", "/control/wallet.php", "/pay.php"] {
        for accept in ["*/*", "text/html", "application/problem+json"] {
            let answer = worker.get(target).header("Accept", accept).send();
            assert_keeps_secret(target, &whole(&answer), &["hush"]);
        }
    }
    assert!(worker.logs("misconfigured: POLYGON_RPC_URL"));
    assert_keeps_secret("the log", &worker.log(), &["hush"]);
}

#[test]
fn missing_settings_and_contradictions_are_mistakes() {
    let key = "me=a-key-that-two-operators-share-0123456789";
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[("CHECKOUT_DOMAIN", "")], "CHECKOUT_DOMAIN"),
        (&[("SIGNING_KEY", "")], "SIGNING_KEY"),
        (&[("SIGNING_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,c2hvcnQ=")], "SIGNING_KEY"),
        (&[("AFFILIATE_FEE", "0.01")], "AFFILIATE_FEE"),
        (&[("AFFILIATE_WALLET", MERCHANT), ("PAYOUT_WALLET", MERCHANT)], "AFFILIATE_WALLET"),
        (&[("CHECKOUT_DOMAIN", "pay.anexpay.net")], "CHECKOUT_DOMAIN"),
        (&[("GATEWAY_DOMAINS", "not a domain")], "GATEWAY_DOMAINS"),
        (&[("DOWNLINE_KEYS", "a=0123456789abcdef0123456789abcdef,a=0123456789abcdef0123456789abcdef")], "DOWNLINE_KEYS"),
        (&[("UPLINE_KEY", key), ("AFFILIATE_WALLET", AFFILIATE)], "UPLINE_KEY"),
    ];
    for (settings, expected) in rows {
        let worker = Worker::start(&settings.iter().fold(Settings::new(), |all, (name, value)| all.set(name, value)));
        let health = worker.get("/healthz").try_send().expect("an answer");
        assert_eq!((health.status, named(&health)), (503, vec![expected.to_owned()]), "{settings:?}");
    }
}

#[test]
fn nothing_is_served_with_bad_settings() {
    let stage = Stage::with(&[("AFFILIATE_FEE", "0.01")]);
    let targets = [
        "/",
        "/checkout?amount=1",
        "/callback?token=x",
        "/control/wallet.php",
        "/control/provider-status",
        "/set-affiliate.php",
        "/process-payment.php",
        "/pay.php",
        "/assets/app.css",
        "/none/.hidden",
    ];
    for target in targets {
        let answer = stage.get(target).send();
        assert_eq!(failure(&answer), (503, "misconfigured".into(), None), "{target}");
        assert!(!answer.text().contains("AFFILIATE_FEE"), "customers need not know which");
    }
    let page = stage.get("/pay.php").header("Accept", "text/html").send();
    assert_eq!((page.status, page.header("Content-Type")), (503, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("misconfigured") && page.text().contains(page.header("Request-Id").expect("an id")));
    let problem = stage.get("/pay.php").header("Accept", "application/problem+json").send();
    assert_eq!((problem.status, &problem.json()["code"]), (503, &"misconfigured".into()));
    assert!(stage.asked().is_empty());
}

#[test]
fn no_secret_of_good_settings_is_shown() {
    let secrets = [
        ("PAYOUT_WALLET", MERCHANT),
        ("AFFILIATE_WALLET", AFFILIATE),
        ("ADMIN_TOKEN", "an-admin-token-of-forty-characters-012345"),
        ("DOWNLINE_KEYS", "partner=a-downline-key-of-forty-characters-01234"),
        ("POLYGON_RPC_URL", "https://rpc.example/a-secret-path"),
    ];
    let stage = Stage::with(&secrets);
    stage.sandbox.fault("*", livery_sandbox::Fault::Status(500, "<p>down</p>".into()));
    let shown = ["partner", "a-downline-key", "rpc.example", MERCHANT, AFFILIATE, secrets[2].1, SIGNING_KEY];
    let callback = stage::encode(&stage.shop_callback("1"));
    let wallet = format!("/control/wallet.php?callback={callback}");
    for target in ["/", "/healthz", "/none/.hidden", "/control/provider-status", "/pay.php?address=x", &wallet] {
        for accept in ["*/*", "text/html"] {
            let answer = stage.get(target).header("Accept", accept).send();
            assert_keeps_secret(target, &whole(&answer), &shown);
        }
    }
    assert!(stage.worker.logs("gateway_unavailable"));
    assert_keeps_secret("the log", &stage.worker.log(), &shown);
}

#[test]
fn empty_optional_settings_are_unset() {
    let names = [
        "PAYOUT_WALLET",
        "AFFILIATE_WALLET",
        "AFFILIATE_FEE",
        "BRAND_LOGO",
        "ADMIN_TOKEN",
        "GATEWAY_TIMEOUT_MS",
        "GATEWAY_DOMAINS",
    ];
    let stage = Stage::with(&names.map(|name| (name, " ")));
    assert_eq!(stage.get("/healthz").send().status, 200);
    assert_eq!(stage.wallet("1").callback_url, stage.shop_callback("1"));
    assert_eq!(stage.asked_once().path, "/control/wallet.php");
}

/// A forgotten quotation mark in wrangler.toml must not turn a setting off.
#[test]
fn a_value_without_quotes_counts() {
    let stage = Stage::with(&[
        ("AFFILIATE_WALLET", AFFILIATE),
        ("AFFILIATE_FEE", "unquoted:0.01"),
        ("ALLOW_UNSIGNED_LINKS", "unquoted:true"),
    ]);
    stage.wallet("1");
    let asked = stage.asked_once();
    assert_eq!(
        (asked.path.as_str(), stage::read_one(&asked.query, "affiliate_fee").as_deref()),
        ("/control/custom-affiliate.php", Some("0.01"))
    );
    assert_eq!(stage.get("/checkout?amount=1").send().json()["error"]["code"], "missing_parameter", "an unsigned link is read");
    let wrong = Stage::with(&[("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "unquoted:[1]")]);
    assert_eq!(wrong.get("/healthz").send().json()["mistakes"][0]["setting"], "AFFILIATE_FEE");
}
