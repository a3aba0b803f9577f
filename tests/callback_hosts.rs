//! Where a merchant's callback may lead: to a public host, never to a private place in whatever disguise, never to the
//! gateway, and never back to Livery.
mod stage;
mod support;

use stage::{MERCHANT, Stage, encode, failure};
use support::client::Answer;

const OWN: &str = "pay.shop.example";

fn create(stage: &Stage, route: &str, callback: &str) -> Answer {
    stage.get(&format!("{route}&callback={}", encode(callback))).send()
}

/// Both ways to name a callback.
fn routes() -> [String; 2] {
    [
        format!("/control/wallet.php?address={MERCHANT}"),
        format!("/checkout?address={MERCHANT}&amount=25&currency=USD&email=j@example.com"),
    ]
}

fn production() -> Stage {
    Stage::with(&[("CHECKOUT_DOMAIN", OWN), ("ALLOW_UNSIGNED_LINKS", "true")])
}

fn assert_refused(stage: &Stage, callback: &str, code: &str) {
    for route in routes() {
        let answer = create(stage, &route, callback);
        let expected = (400, code.to_owned(), Some("callback".to_owned()));
        assert!(answer.status == 400, "{callback} was accepted: {}", answer.text());
        assert_eq!(failure(&answer), expected, "{callback}");
        assert!(stage.asked().is_empty(), "{callback} reached the gateway");
    }
}

const PRIVATE: [&str; 57] = [
    "127.0.0.1",
    "127.0.0.1:8080",
    "127.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "0300.0xA8.1.1",
    "168.63.129.16",
    "169.254.169.254",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[fe80::1]",
    "[fd00::1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::1]",
    "[2620:4f:8000::1]",
    "[3fff::1]",
    "[2606:4700::5efe:10.0.0.1]",
    "[2606:4700::200:5efe:10.0.0.1]",
    "localhost",
    "LOCALHOST.",
    "shop.localhost",
    "db.internal",
    "printer.local",
    "intranet",
    "wiki.corp",
    "shop.test",
    "shop.onion",
    "router.home.arpa",
    "1.0.0.10.in-addr.arpa",
    "metadata.google.internal",
    "metadata.goog",
    "127.0.0.1.nip.io",
    "shop.10-0-0-1.sslip.io.",
    "lvh.me",
];

#[test]
fn private_hosts_are_refused_outside_development() {
    let stage = production();
    for host in PRIVATE {
        for scheme in ["http", "https"] {
            assert_refused(&stage, &format!("{scheme}://{host}/paid?n=1"), "callback_not_public");
        }
    }
}

#[test]
fn urls_that_two_readers_would_read_differently_are_refused() {
    let stage = production();
    let urls = [
        "https://shop.example@127.0.0.1/?n=1",
        "https://user:pass@shop.example/?n=1",
        "https:\\\\127.0.0.1/?n=1",
        "https://shop.example\\@127.0.0.1/?n=1",
        "https://shop.example/?n=1#@127.0.0.1",
        "https://%31%32%37.0.0.1/?n=1",
        "https://\u{ff11}27.0.0.1/?n=1",
        "https://\u{2460}27.0.0.1/?n=1",
        "https://127\u{3002}0.0.1/?n=1",
        " https://shop.example/?n=1",
        "https://shop.example/?n=1 2",
        "//shop.example/?n=1",
        "https:///?n=1",
        "https://shop.example:99999/?n=1",
        "file:///etc/passwd?n=1",
        "data:text/plain,x?n=1",
    ];
    for url in urls {
        assert_refused(&stage, url, "invalid_callback");
    }
}

#[test]
fn the_gateway_and_livery_itself_are_refused() {
    let stage = production();
    let gateway = stage.sandbox.api_url();
    let mut urls = vec![format!("{gateway}/control/wallet.php?n=1"), format!("{}/pay.php?n=1", stage.sandbox.checkout_url())];
    let hosts = [
        "api.anexpay.net",
        "checkout.anexpay.net",
        "anexpay.net",
        "AnexPay.NET",
        "deep.below.anexpay.net",
        "api.anexpay.net:443",
        "api.anexpay.net:8443",
        "api.anexpay.net.",
        OWN,
        "PAY.Shop.Example",
        "pay.shop.example:443",
    ];
    urls.extend(hosts.iter().map(|host| format!("https://{host}/callback?n=1")));
    urls.push(format!("http://{OWN}/callback?n=1"));
    for url in urls {
        assert_refused(&stage, &url, "callback_not_public");
    }
}

/// Cloudflare serves a Worker on several ports of its host, and a name may end in a dot.
#[test]
fn livery_is_refused_by_its_other_spellings() {
    let stage = production();
    for url in
        ["https://pay.shop.example:8443/callback?n=1", "http://pay.shop.example:8080/?n=1", "https://pay.shop.example./?n=1"]
    {
        assert_refused(&stage, url, "callback_not_public");
    }
}

#[test]
fn in_development_loopback_is_allowed_but_for_the_gateway_and_livery() {
    let stage = Stage::with(&[("ALLOW_UNSIGNED_LINKS", "true")]);
    let by_name = |url: String| url.replace("127.0.0.1", "localhost");
    let urls = [
        format!("{}/callback?n=1", stage.worker.url()),
        format!("{}/control/wallet.php?n=1", stage.sandbox.api_url()),
        format!("{}/pay.php?n=1", stage.sandbox.checkout_url()),
        "https://api.anexpay.net/?n=1".to_owned(),
        by_name(format!("{}/callback?n=1", stage.worker.url())),
        by_name(format!("{}/control/wallet.php?n=1", stage.sandbox.api_url())),
        stage.sandbox.checkout_url().replace("127.0.0.1", "[::ffff:127.0.0.1]") + "/pay.php?n=1",
    ];
    for url in urls {
        assert_refused(&stage, &url, "callback_not_public");
    }
    for url in [stage.shop_callback("1"), by_name(stage.shop_callback("2"))] {
        assert_eq!(create(&stage, &routes()[0], &url).status, 200, "{url}");
    }
}

#[test]
fn in_development_other_private_hosts_are_refused() {
    let stage = Stage::with(&[("ALLOW_UNSIGNED_LINKS", "true")]);
    for host in ["0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.1.1", "[fd00::1]", "db.internal", "intranet", "lvh.me"] {
        assert_refused(&stage, &format!("http://{host}:8080/paid?n=1"), "callback_not_public");
    }
}

#[test]
fn public_hosts_are_accepted_as_they_are_written() {
    let stage = production();
    let urls = [
        "https://www.example.com/orders.php?number=8271468415326",
        "http://shop.example:8080/paid?n=1&n=2",
        "https://SHOP.example/a%2Fb/?x=%2f+~&y",
        "https://8.8.8.8/?n=1",
        "https://[2606:4700::1111]/?n=1",
        "https://paypay.shop.example/?n=1",
    ];
    for url in urls {
        let answer = create(&stage, &routes()[0], url);
        assert_eq!(answer.status, 200, "{url}: {}", answer.text());
        assert_eq!(answer.json()["callback_url"].as_str(), Some(url));
        let asked = stage.asked_once();
        assert!(
            stage::read_one(&asked.query, "callback").is_some_and(|own| own.starts_with("https://pay.shop.example/callback?"))
        );
    }
}
