//! `/checkout` with a provider: amount, currency and the provider's state are checked before a wallet is created, dollars
//! are converted to where needed, and a list or rate that cannot be had stops nothing that could go on without.
mod stage;
mod support;

use livery_sandbox::Fault;
use stage::{MERCHANT, Stage, encode, failure, paths, read_one};
use support::client::Answer;

fn stage(more: &[(&str, &str)]) -> Stage {
    Stage::with(&[&[("ALLOW_UNSIGNED_LINKS", "true")], more].concat())
}

fn checkout(stage: &Stage, provider: &str, amount: &str, currency: &str) -> Answer {
    let callback = encode(&stage.shop_callback("1"));
    let query = format!(
        "address={MERCHANT}&amount={amount}&currency={currency}&email=j@example.com&provider={provider}&callback={callback}"
    );
    stage.get(&format!("/checkout?{query}")).send()
}

/// Provider, amount, currency, code, parameter, and what the text has to name.
type Refused = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const REFUSED: [Refused; 16] = [
    ("moonpay", "19.99", "USD", "amount_below_minimum", "amount", "20 USD"),
    ("moonpay", "18.61", "EUR", "amount_below_minimum", "amount", "20 USD"),
    ("revolut", "5.99", "EUR", "amount_below_minimum", "amount", "6 EUR"),
    ("revolut", "6.44", "USD", "amount_below_minimum", "amount", "6 EUR"),
    ("revolut", "5.09", "GBP", "amount_below_minimum", "amount", "6 EUR"),
    ("novapay", "12.49", "EUR", "amount_below_minimum", "amount", "12.5 EUR"),
    ("upi", "1599.99", "INR", "amount_below_minimum", "amount", "1600 INR"),
    ("interac", "99", "CAD", "amount_below_minimum", "amount", "100 CAD"),
    ("stripe", "1", "EUR", "amount_below_minimum", "amount", "2 USD"),
    ("coinbase", "100", "USD", "provider_inactive", "provider", "coinbase"),
    ("mercuryo", "100", "USD", "provider_inactive", "provider", "mercuryo"),
    ("upi", "100", "USD", "currency_not_supported", "currency", "INR"),
    ("upi", "100", "EUR", "currency_not_supported", "currency", "INR"),
    ("interac", "500", "USD", "currency_not_supported", "currency", "CAD"),
    ("interac", "500", "EUR", "currency_not_supported", "currency", "CAD"),
    ("stripe", "500", "KRW", "currency_not_supported", "currency", "USD"),
];

/// Where everything is at hand; otherwise the wallet is created meanwhile, and nobody is sent on with it.
#[test]
fn what_a_provider_cannot_take_is_refused_before_a_wallet_exists() {
    let stage = stage(&[]);
    for (provider, amount, currency, code, param, named) in REFUSED {
        let what = format!("{provider} {amount} {currency}");
        let answer = checkout(&stage, provider, amount, currency);
        assert_eq!(failure(&answer), (400, code.into(), Some(param.into())), "{what}");
        assert!(answer.text().contains(named), "{what}: {}", answer.text());
        assert!(!paths(&stage.asked()).contains(&"/process-payment.php"), "{what}");
        assert_eq!(
            failure(&checkout(&stage, provider, amount, currency)),
            (400, code.into(), Some(param.into())),
            "{what}, again"
        );
        let asked = stage.asked();
        let only_data = paths(&asked).iter().all(|path| matches!(*path, "/control/provider-status" | "/control/convert.php"));
        assert!(only_data, "{what}: {:?}", paths(&asked));
    }
}

/// Provider, amount, currency, and the amount and currency that the gateway is then asked for.
const TAKEN: [(&str, &str, &str, &str, &str); 10] = [
    ("moonpay", "20", "USD", "20", "USD"),
    ("moonpay", "020.00", "usd", "020.00", "USD"),
    ("moonpay", "18.62", "EUR", "18.62", "EUR"),
    ("revolut", "6", "EUR", "6", "EUR"),
    ("upi", "1600", "INR", "1600", "INR"),
    ("interac", "100", "CAD", "100", "CAD"),
    ("stripe", "1258.31", "EUR", "1351.76", "USD"),
    ("wert", "100", "GBP", "126.51", "USD"),
    ("rampnetwork", "1000", "INR", "11.98", "USD"),
    ("bitnovo", "25.50", "USD", "25.50", "USD"),
];

#[test]
fn what_a_provider_takes_reaches_it_in_its_currency() {
    let stage = stage(&[]);
    for (provider, amount, currency, asked_amount, asked_currency) in TAKEN {
        let what = format!("{provider} {amount} {currency}");
        let answer = checkout(&stage, provider, amount, currency);
        assert_eq!(answer.status, 302, "{what}: {}", answer.text());
        let asked = stage.asked();
        let last = asked.last().expect("requests");
        assert_eq!(last.path, "/process-payment.php", "{what}");
        let value = |name| read_one(&last.query, name);
        assert_eq!(value("amount").as_deref(), Some(asked_amount), "{what}");
        assert_eq!(value("currency").as_deref(), Some(asked_currency), "{what}");
        assert_eq!(value("provider").as_deref(), Some(provider));
    }
}

#[test]
fn a_provider_that_nobody_listed_is_the_gateways_decision() {
    let stage = stage(&[]);
    stage.sandbox.fault("/process-payment.php", Fault::RedirectTo("http://127.0.0.1:1/new/buy?sig=1".into()));
    let answer = checkout(&stage, "brand-new_2", "0.01", "EUR");
    assert_eq!((answer.status, answer.header("Location")), (302, Some("http://127.0.0.1:1/new/buy?sig=1")));
    stage.sandbox.clear_faults();
    assert_eq!(failure(&checkout(&stage, "brand-new_2", "25", "EUR")), (422, "gateway_rejected".into(), None));
}

#[test]
fn the_list_and_rates_are_asked_for_once() {
    let stage = stage(&[]);
    let first = checkout(&stage, "moonpay", "25", "EUR");
    let asked = stage.asked();
    let mut at_once = paths(&asked)[..3].to_vec();
    at_once.sort_unstable();
    assert_eq!(at_once, ["/control/convert.php", "/control/provider-status", "/control/wallet.php"]);
    assert_eq!((first.status, &paths(&asked)[3..]), (302, &["/process-payment.php"][..]));
    let second = checkout(&stage, "moonpay", "25", "EUR");
    assert_eq!((second.status, paths(&stage.asked())), (302, vec!["/control/wallet.php", "/process-payment.php"]));
    assert_eq!(failure(&checkout(&stage, "moonpay", "5", "EUR")).1, "amount_below_minimum");
    assert!(stage.asked().is_empty());
}

#[test]
fn a_dead_list_stops_no_checkout_and_is_not_asked_again_at_once() {
    let faults = [
        Fault::Status(503, "<h1>down</h1>".into()),
        Fault::Status(429, "slow down".into()),
        Fault::TruncatedJson,
        Fault::MalformedJson,
        Fault::ResetBeforeHeaders,
        Fault::ResetAfterHeaders,
        Fault::Garbage,
        Fault::EmptyBody,
        Fault::HugeBody(600_000),
    ];
    for fault in faults {
        let stage = stage(&[]);
        stage.sandbox.fault("/control/provider-status", fault.clone());
        for is_asked in [true, false] {
            let answer = checkout(&stage, "moonpay", "103.78", "USD");
            assert_eq!(answer.status, 302, "{fault:?}: {}", answer.text());
            assert_eq!(paths(&stage.asked()).contains(&"/control/provider-status"), is_asked, "{fault:?}");
        }
    }
}

#[test]
fn a_list_that_does_not_come_in_time_is_done_without() {
    let stage = stage(&[("GATEWAY_TIMEOUT_MS", "3000")]);
    stage.sandbox.fault_times("/control/provider-status", Fault::Latency(20_000), 1);
    assert_eq!(checkout(&stage, "moonpay", "103.78", "USD").status, 302);
}

#[test]
fn without_a_rate_only_conversion_is_impossible() {
    let stage = stage(&[]);
    stage.sandbox.fault("/control/convert.php", Fault::Status(500, "<h1>down</h1>".into()));
    assert_eq!(checkout(&stage, "moonpay", "103.78", "EUR").status, 302);
    stage.asked();
    let refused = checkout(&stage, "stripe", "103.78", "EUR");
    assert!(matches!(refused.status, 400 | 502), "{}", refused.text());
    assert!(!paths(&stage.asked()).contains(&"/control/wallet.php"));
}
