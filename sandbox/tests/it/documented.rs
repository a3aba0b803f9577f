//! The document's examples, to the letter, and the shapes they stand for.

use data_encoding::BASE64;
use livery_sandbox::{Options, Sandbox, Settings, documented, php};

use super::client::{Answer, get, send};

const WALLET: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
const AFFILIATE: &str = "0x3c783c21a0383057D128bae431894a5C19F9Cf06";
const SUB_AFFILIATE: &str = "0x082489A616aB4D46d1947eE3F912e080815b08DA";

fn started() -> Sandbox {
    Sandbox::start(Options::default()).expect("a sandbox")
}

/// The keys of a flat JSON object of strings, in the order written.
fn keys(answer: &Answer) -> Vec<String> {
    answer.text().split('"').skip(1).step_by(4).map(str::to_owned).collect()
}

#[test]
fn the_four_wallet_examples_hold() {
    let sandbox = started();
    let paths = [
        format!("wallet.php?address={WALLET}&callback=https%3A%2F%2Fwww.example.com%2Forders.php%3Fnumber%3D8271468415326"),
        format!(
            "affiliate.php?address={WALLET}&callback=https%3A%2F%2Fwww.example.com%2Forder%3Fnumber%3D82176413628089\
             &affiliate={AFFILIATE}"
        ),
        format!(
            "custom-affiliate.php?address={WALLET}&callback=https%3A%2F%2Fwww.example.com%2Forder%3Fnumber%3D82173313628090\
             &affiliate={AFFILIATE}&affiliate_fee=0.01&merchant_fee=0.98"
        ),
        format!(
            "custom-sub-affiliate.php?address={WALLET}\
             &callback=https%3A%2F%2Fwww.example.com%2Forder%3Fnumber%3D82173314628191&affiliate={AFFILIATE}\
             &affiliate_fee=0.01&merchant_fee=0.97&sub_affiliate_fee=0.01&sub_affiliate={SUB_AFFILIATE}"
        ),
    ];
    for (path, sample) in paths.iter().zip(documented::WALLETS) {
        for host in [sandbox.api_url(), sandbox.checkout_url()] {
            let answer = get(&format!("{host}/control/{path}"));
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
            assert_eq!(keys(&answer), ["address_in", "polygon_address_in", "callback_url", "ipn_token"]);
            let json = answer.json();
            assert_eq!(json["polygon_address_in"], sample.polygon_address_in);
            assert_eq!(json["callback_url"], sample.callback);
            assert_eq!(json["ipn_token"], sample.ipn_token);
        }
    }
}

#[test]
fn address_in_is_64_opaque_bytes_and_never_the_same() {
    let sandbox = started();
    let url = format!("{}/control/wallet.php?address={WALLET}&callback=http%3A%2F%2F127.0.0.1%3A1%2F%3Fn%3D1", sandbox.api_url());
    let (first, second) = (get(&url).json(), get(&url).json());
    assert_ne!(first["address_in"], second["address_in"]);
    assert_eq!(first["polygon_address_in"], second["polygon_address_in"]);
    let encoded = first["address_in"].as_str().expect("a text");
    let decoded = php::decode(encoded);
    assert_ne!(decoded, encoded, "it comes percent-encoded");
    assert_eq!(BASE64.decode(decoded.as_bytes()).expect("base64").len(), 64);
}

#[test]
fn the_documented_link_leads_to_the_provider() {
    let sandbox = started();
    let sample = &documented::WALLETS[0];
    let answer = get(&format!(
        "{}/process-payment.php?address={}&amount=103.78&provider=moonpay&email=john%40example.com&currency=USD",
        sandbox.checkout_url(),
        sample.address_in
    ));
    assert_eq!(answer.status, 302);
    let location = answer.header("location").expect("a location");
    assert!(location.starts_with(&format!("{}/moonpay/buy?", sandbox.provider_url())), "{location}");
    assert!(location.contains(&format!("walletAddress={}", sample.polygon_address_in)), "{location}");
}

#[test]
fn the_provider_list_holds_with_one_unknown_and_each_status() {
    let sandbox = started();
    for path in ["/control/provider-status", "/control/provider-status/"] {
        let json = get(&format!("{}{path}", sandbox.api_url())).json();
        let providers = json["providers"].as_array().expect("a list");
        assert_eq!(providers.len(), 28);
        assert_eq!(providers[0]["id"], "wert");
        assert!(providers.iter().all(|provider| provider["minimum_amount"].is_number()));
        for status in ["active", "redirected", "unstable"] {
            assert!(providers.iter().any(|provider| provider["status"] == status), "{status}");
        }
    }
}

#[test]
fn the_conversion_example_holds() {
    let sandbox = started();
    for currency in ["EUR", "eur"] {
        let answer = get(&format!("{}/control/convert.php?from={currency}&value=1258.31", sandbox.api_url()));
        assert_eq!(answer.text(), r#"{"status":"success","value_coin":"1351.76","exchange_rate":"1.07427"}"#);
    }
    let unknown = get(&format!("{}/control/convert.php?from=XYZ&value=1", sandbox.api_url())).json();
    assert!(unknown.get("value_coin").is_none());
}

#[test]
fn the_status_example_holds_and_others_are_unpaid() {
    let sandbox = started();
    let url = |token: &str| format!("{}/control/payment-status.php?ipn_token={token}", sandbox.api_url());
    let paid = get(&url(documented::PAID_TOKEN));
    assert_eq!(keys(&paid), ["status", "value_coin", "txid_out", "coin"]);
    assert_eq!(paid.json()["value_coin"], "117.59");
    assert_eq!(get(&url(documented::WALLETS[0].ipn_token)).text(), r#"{"status":"unpaid"}"#);
}

#[test]
fn the_status_is_limited_per_token() {
    let settings = Settings { status_limit: Some(2), ..Settings::default() };
    let sandbox = Sandbox::start(Options { settings, ..Options::default() }).expect("a sandbox");
    let status = |sample: usize| {
        let token = documented::WALLETS[sample].ipn_token;
        get(&format!("{}/control/payment-status.php?ipn_token={token}", sandbox.api_url())).status
    };
    assert_eq!([status(0), status(0), status(0), status(1)], [200, 200, 429, 200]);
}

#[test]
fn prices_are_found_under_tickers_with_and_without_a_slash() {
    let sandbox = started();
    for (ticker, price) in [("polygon/pol", "0.25"), ("eth", "3200.00"), ("bep20/bnb", "640.00")] {
        let answer = get(&format!("{}/crypto/{ticker}/info.php", sandbox.api_url()));
        assert_eq!(answer.json()["prices"]["USD"], price);
    }
    assert_eq!(get(&format!("{}/crypto/doge/info.php", sandbox.api_url())).status, 404);
}

#[test]
fn bad_wallet_requests_are_refused() {
    let sandbox = started();
    sandbox.configure(|settings| settings.denied_wallets = vec![SUB_AFFILIATE.to_lowercase()]);
    let callback = "callback=https%3A%2F%2Fwww.example.com%2F%3Fn%3D1";
    let own_affiliate = WALLET.to_lowercase();
    let refused = [
        format!("wallet.php?address=0x123&{callback}"),
        format!("wallet.php?address={}&{callback}", WALLET.replace('C', "G")),
        format!("wallet.php?address={SUB_AFFILIATE}&{callback}"),
        format!("wallet.php?address[]={WALLET}&{callback}"),
        format!("wallet.php?{callback}"),
        format!("wallet.php?address={WALLET}"),
        format!("wallet.php?address={WALLET}&callback=https%3A%2F%2Fwww.example.com%2F"),
        format!("wallet.php?address={WALLET}&callback=www.example.com%3Fn%3D1"),
        format!("wallet.php?address={WALLET}&callback=https%253A%252F%252Fwww.example.com%252F%253Fn%253D1"),
        format!("affiliate.php?address={WALLET}&{callback}&affiliate={own_affiliate}"),
        format!("custom-affiliate.php?address={WALLET}&{callback}&affiliate={AFFILIATE}&affiliate_fee=0.01&merchant_fee=0.99"),
        format!("custom-affiliate.php?address={WALLET}&{callback}&affiliate={AFFILIATE}&affiliate_fee=1e-2&merchant_fee=0.98"),
        format!("custom-affiliate.php?address={WALLET}&{callback}&affiliate={AFFILIATE}&affiliate_fee=-0.01&merchant_fee=1"),
    ];
    for path in refused {
        let answer = get(&format!("{}/control/{path}", sandbox.api_url()));
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=UTF-8"));
    }
}

#[test]
fn a_version_the_client_has_is_not_sent_again() {
    let sandbox = started();
    let url = format!("{}/assets/app.css", sandbox.checkout_url());
    let first = get(&url);
    let again = send("GET", &url, &[("if-none-match", first.header("etag").expect("an etag"))], "").expect("an answer");
    assert_eq!((again.status, again.body.len()), (304, 0));
}
