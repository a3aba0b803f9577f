//! Bad input: every mistake gets its status, code and parameter, a text that says what to do, and never reaches the gateway.
mod stage;
mod support;

use livery_sandbox::documented;
use stage::{AFFILIATE, MERCHANT, STRANGER, SUB_AFFILIATE, Stage, encode, failure, whole};

/// Target, status, code, parameter. `{W}` is a wallet, `{C}` an encoded callback, `{A}` an encrypted address.
type Row = (&'static str, u16, &'static str, &'static str);

const TOKEN_CONTRACT: &str = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359";

const WALLETS: &[Row] = &[
    ("/control/wallet.php?callback={C}", 400, "missing_parameter", "address"),
    ("/control/wallet.php", 400, "missing_parameter", "address"),
    ("/control/wallet.php?address=&callback={C}", 400, "missing_parameter", "address"),
    ("/control/wallet.php?address={W}&address={W}&callback={C}", 400, "duplicate_parameter", "address"),
    ("/control/wallet.php?address={W}&%61ddress={W}&callback={C}", 400, "duplicate_parameter", "address"),
    ("/control/wallet.php?address[]={W}&callback={C}", 400, "invalid_parameter", "address"),
    ("/control/wallet.php?address=%ff&callback={C}", 400, "invalid_parameter", "address"),
    ("/control/wallet.php?address=0x12&callback={C}", 400, "invalid_wallet", "address"),
    ("/control/wallet.php?address=F977814e90dA44bFA03b6295A0616a897441aceC&callback={C}", 400, "invalid_wallet", "address"),
    ("/control/wallet.php?address={W}a&callback={C}", 400, "invalid_wallet", "address"),
    ("/control/wallet.php?address=0xg977814e90da44bfa03b6295a0616a897441acec&callback={C}", 400, "invalid_wallet", "address"),
    ("/control/wallet.php?address=%20{W}&callback={C}", 400, "invalid_wallet", "address"),
    (
        "/control/wallet.php?address=0xf977814e90dA44bFA03b6295A0616a897441aceC&callback={C}",
        400,
        "wallet_checksum_mismatch",
        "address",
    ),
    ("/control/wallet.php?address=0x0000000000000000000000000000000000000000&callback={C}", 400, "wallet_is_zero", "address"),
    ("/control/wallet.php?address={T}&callback={C}", 400, "wallet_is_token_contract", "address"),
    ("/control/wallet.php?address={W}", 400, "missing_parameter", "callback"),
    ("/control/wallet.php?address={W}&callback=", 400, "missing_parameter", "callback"),
    ("/control/wallet.php?address={W}&callback={C}&callback={C}", 400, "duplicate_parameter", "callback"),
    ("/control/wallet.php?address={W}&callback=%2Fpaid%3Fn%3D1", 400, "invalid_callback", "callback"),
    ("/control/wallet.php?address={W}&callback=shop.example%2Fpaid%3Fn%3D1", 400, "invalid_callback", "callback"),
    ("/control/wallet.php?address={W}&callback=https%3A%2F%2Fshop.example%2Fpaid", 400, "invalid_callback", "callback"),
    ("/control/wallet.php?address={W}&callback=https%3A%2F%2Fshop.example%2F%3F", 400, "invalid_callback", "callback"),
    ("/control/wallet.php?address={W}&callback=ftp%3A%2F%2Fshop.example%2F%3Fn%3D1", 400, "invalid_callback", "callback"),
    ("/control/wallet.php?address={W}&callback=javascript%3Aalert(1)%3Fn%3D1", 400, "invalid_callback", "callback"),
    (
        "/control/wallet.php?address={W}&callback=https%253A%252F%252Fshop.example%252F%253Fn%253D1",
        400,
        "invalid_callback",
        "callback",
    ),
    ("/control/wallet.php?address={W}&callback=https%3A%2F%2Fshop.example%2F%3Fn%3D1%0A", 400, "invalid_parameter", "callback"),
    ("/set-affiliate.php?address={W}&callback={C}", 401, "downline_signature_invalid", ""),
];

const SPLITS: &[Row] = &[
    ("affiliate.php?", 400, "missing_parameter", "affiliate"),
    ("affiliate.php?affiliate=0x12", 400, "invalid_wallet", "affiliate"),
    ("affiliate.php?affiliate={T}", 400, "wallet_is_token_contract", "affiliate"),
    ("affiliate.php?affiliate={W}", 400, "wallets_not_distinct", "address"),
    ("affiliate.php?affiliate={w}", 400, "wallets_not_distinct", "address"),
    ("custom-affiliate.php?affiliate={1}&merchant_fee=0.98", 400, "missing_parameter", "affiliate_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=0.01", 400, "missing_parameter", "merchant_fee"),
    ("custom-affiliate.php?affiliate_fee=0.01&merchant_fee=0.98", 400, "missing_parameter", "affiliate"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=0.01&merchant_fee=0.99", 400, "invalid_split", "merchant_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=0.01&merchant_fee=0.9799999", 400, "invalid_split", "merchant_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=0.99&merchant_fee=0.0", 400, "invalid_split", "affiliate_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=0&merchant_fee=0.99", 400, "invalid_split", "affiliate_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=-0.01&merchant_fee=1", 400, "invalid_split", "affiliate_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=1e-2&merchant_fee=0.98", 400, "invalid_split", "affiliate_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=0,01&merchant_fee=0.98", 400, "invalid_split", "affiliate_fee"),
    ("custom-affiliate.php?affiliate={1}&affiliate_fee=NaN&merchant_fee=0.98", 400, "invalid_split", "affiliate_fee"),
    (
        "custom-affiliate.php?affiliate={1}&affiliate_fee=0.01&affiliate_fee=0.02&merchant_fee=0.98",
        400,
        "duplicate_parameter",
        "affiliate_fee",
    ),
    (
        "custom-sub-affiliate.php?affiliate={1}&affiliate_fee=0.01&merchant_fee=0.97&sub_affiliate_fee=0.01",
        400,
        "missing_parameter",
        "sub_affiliate",
    ),
    (
        "custom-sub-affiliate.php?affiliate={1}&affiliate_fee=0.01&merchant_fee=0.97&sub_affiliate={2}",
        400,
        "missing_parameter",
        "sub_affiliate_fee",
    ),
    (
        "custom-sub-affiliate.php?affiliate={1}&affiliate_fee=0.01&merchant_fee=0.97&sub_affiliate={1}&sub_affiliate_fee=0.01",
        400,
        "wallets_not_distinct",
        "address",
    ),
    (
        "custom-sub-affiliate.php?affiliate={1}&affiliate_fee=0.5&merchant_fee=0.1&sub_affiliate={2}&sub_affiliate_fee=0.49",
        400,
        "invalid_split",
        "merchant_fee",
    ),
];

/// What is wrong with a payment link, on each of the routes that take one.
const LINKS: &[Row] = &[
    ("amount=25&currency=EUR&email=j@example.com&provider=moonpay", 400, "missing_parameter", "address"),
    ("address=&amount=25&currency=EUR&email=j@example.com&provider=moonpay", 400, "missing_parameter", "address"),
    ("address={A}&currency=EUR&email=j@example.com&provider=moonpay", 400, "missing_parameter", "amount"),
    ("address={A}&amount=25&email=j@example.com&provider=moonpay", 400, "missing_parameter", "currency"),
    ("address={A}&amount=25&currency=EUR&provider=moonpay", 400, "missing_parameter", "email"),
    (
        "address={A}&address={A}&amount=25&currency=EUR&email=j@example.com&provider=moonpay",
        400,
        "duplicate_parameter",
        "address",
    ),
    ("address={A}&amount=25&amount=1&currency=EUR&email=j@example.com&provider=moonpay", 400, "duplicate_parameter", "amount"),
    ("address={A}&amount[]=25&currency=EUR&email=j@example.com&provider=moonpay", 400, "invalid_parameter", "amount"),
    ("address={W}&amount=25&currency=EUR&email=j@example.com&provider=moonpay", 400, "encrypted_address_required", "address"),
    ("address={w}&amount=25&currency=EUR&email=j@example.com&provider=moonpay", 400, "encrypted_address_required", "address"),
    ("address=no%20code&amount=25&currency=EUR&email=j@example.com&provider=moonpay", 400, "invalid_encoding", "address"),
    ("address=%2525252F&amount=25&currency=EUR&email=j@example.com&provider=moonpay", 400, "invalid_encoding", "address"),
];

const AMOUNTS: &[&str] = &[
    "0",
    "0.00",
    "-5",
    "%2B5",
    "1e3",
    "1E3",
    "1,000",
    "1.000,00",
    "NaN",
    "INF",
    "0x10",
    ".5",
    "5.",
    "1.2.3",
    "25%20EUR",
    "25%00",
    "%D9%A3",
    "9999999999999999999999999999999999999999",
];

const CURRENCIES: &[&str] = &["E", "EU", "EURO", "E1R", "%E2%82%AC", "US%20", "978"];

const DATA: &[Row] = &[
    ("/control/convert.php?value=5", 400, "missing_parameter", "from"),
    ("/control/convert.php?from=EUR", 400, "missing_parameter", "value"),
    ("/control/convert.php?from=EUR&from=USD&value=5", 400, "duplicate_parameter", "from"),
    ("/control/payment-status.php", 400, "missing_parameter", "ipn_token"),
    ("/control/payment-status.php?ipn_token=", 400, "missing_parameter", "ipn_token"),
    ("/control/payment-status.php?ipn_token=a&ipn_token=b", 400, "duplicate_parameter", "ipn_token"),
    ("/control/payment-status.php?ipn_token=no%20code", 400, "invalid_encoding", "ipn_token"),
    ("/callback", 400, "missing_parameter", "token"),
    ("/callback?token=", 400, "missing_parameter", "token"),
    ("/callback?token=AAAA&token=AAAA", 400, "duplicate_parameter", "token"),
    ("/callback?token=AAAA", 400, "invalid_token", "token"),
];

/// A checkout link without signature, where the operator accepts such: what is wrong with it.
const CHECKOUTS: &[Row] = &[
    ("currency=EUR&email=j@example.com&callback={C}", 400, "missing_parameter", "amount"),
    ("amount=25&email=j@example.com&callback={C}", 400, "missing_parameter", "currency"),
    ("amount=25&currency=EUR&callback={C}", 400, "missing_parameter", "email"),
    ("amount=25&currency=EUR&email=j@example.com", 400, "missing_parameter", "callback"),
    ("amount=25&currency=EUR&email=j@example.com&callback=%2Fpaid%3Fn%3D1", 400, "invalid_callback", "callback"),
    ("amount=25&currency=EUR&email=jane&callback={C}", 400, "invalid_parameter", "email"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&mode=popup", 400, "invalid_parameter", "mode"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&provider=auto", 400, "invalid_parameter", "provider"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&provider=Moon%20Pay", 400, "invalid_parameter", "provider"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&expires=tomorrow", 400, "invalid_parameter", "expires"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&success_url=%2Fthanks", 400, "invalid_parameter", "success_url"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&cancel_url=javascript:1", 400, "invalid_parameter", "cancel_url"),
    ("amount=25&amount=25&currency=EUR&email=j@example.com&callback={C}", 400, "duplicate_parameter", "amount"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&address=0x12", 400, "invalid_wallet", "address"),
    ("amount=25&currency=EUR&email=j@example.com&callback={C}&address={T}", 400, "wallet_is_token_contract", "address"),
];

/// Sends each row's target and compares; nothing may reach the gateway.
fn check(stage: &Stage, rows: impl IntoIterator<Item = (String, u16, &'static str, &'static str)>) {
    let callback = encode(&stage.shop_callback("1"));
    let values = [
        ("{W}", MERCHANT),
        ("{w}", &MERCHANT.to_lowercase()),
        ("{T}", TOKEN_CONTRACT),
        ("{1}", AFFILIATE),
        ("{2}", SUB_AFFILIATE),
        ("{C}", &callback),
        ("{A}", documented::WALLETS[0].address_in),
    ];
    for (target, status, code, param) in rows {
        let target = values.iter().fold(target, |target, (mark, value)| target.replace(mark, value));
        let answer = stage.get(&target).send();
        let param = Some(param.to_owned()).filter(|param| !param.is_empty());
        assert_eq!(failure(&answer), (status, code.to_owned(), param.clone()), "{target}: {}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(param.is_none_or(|param| message.contains(&format!("`{param}`"))), "{target}: {message}");
        assert!(stage.asked().is_empty(), "{target} reached the gateway");
    }
}

fn prefixed(prefix: &str, rows: &[Row]) -> Vec<(String, u16, &'static str, &'static str)> {
    rows.iter().map(|(target, status, code, param)| (format!("{prefix}{target}"), *status, *code, *param)).collect()
}

#[test]
fn wallet_routes_refuse_what_would_send_money_astray() {
    let stage = Stage::with(&[]);
    check(&stage, prefixed("", WALLETS));
    let splits = prefixed("/control/", SPLITS);
    check(&stage, splits.into_iter().map(|(target, s, c, p)| (format!("{target}&address={{W}}&callback={{C}}"), s, c, p)));
}

#[test]
fn payment_links_are_checked_on_both_routes() {
    let stage = Stage::with(&[]);
    for route in ["/process-payment.php?", "/pay.php?"] {
        check(&stage, prefixed(route, LINKS));
    }
    let no_provider = "/process-payment.php?address={A}&amount=25&currency=EUR&email=j@example.com".to_owned();
    check(&stage, [(no_provider, 400, "missing_parameter", "provider")]);
}

#[test]
fn no_route_takes_an_odd_amount_or_currency() {
    let stage = Stage::with(&[("ALLOW_UNSIGNED_LINKS", "true"), ("PAYOUT_WALLET", STRANGER)]);
    let routes = [
        ("/process-payment.php?address={A}&email=j@example.com&provider=moonpay&", "amount", "currency"),
        ("/pay.php?address={A}&email=j@example.com&", "amount", "currency"),
        ("/checkout?callback={C}&email=j@example.com&provider=moonpay&", "amount", "currency"),
        ("/control/convert.php?", "value", "from"),
    ];
    for (route, amount, currency) in routes {
        for bad in AMOUNTS {
            let code = if bad.ends_with("%00") { "invalid_parameter" } else { "invalid_amount" };
            check(&stage, [(format!("{route}{currency}=EUR&{amount}={bad}"), 400, code, amount)]);
        }
        let rows =
            CURRENCIES.iter().map(|bad| (format!("{route}{currency}={bad}&{amount}=25"), 400, "invalid_currency", currency));
        check(&stage, rows);
    }
}

#[test]
fn data_and_callback_routes_are_checked() {
    check(&Stage::with(&[]), prefixed("", DATA));
}

#[test]
fn checkout_links_are_checked_whole() {
    let stage = Stage::with(&[("ALLOW_UNSIGNED_LINKS", "true"), ("PAYOUT_WALLET", STRANGER)]);
    check(&stage, prefixed("/checkout?", CHECKOUTS));
    let long = format!("/checkout?amount=25&currency=EUR&email=j@example.com&callback={{C}}&reference={}", "r".repeat(501));
    check(&stage, [(long, 400, "invalid_parameter", "reference")]);
    let other = "/checkout?amount=25&currency=EUR&email=j@example.com&callback={C}&address={W}".to_owned();
    check(&stage, [(other, 403, "payout_wallet_fixed", "address")]);
    let own = Stage::with(&[("ALLOW_UNSIGNED_LINKS", "true")]);
    let none = "/checkout?amount=25&currency=EUR&email=j@example.com&callback={C}".to_owned();
    check(&own, [(none, 400, "missing_parameter", "address")]);
}

#[test]
fn no_error_repeats_what_was_sent() {
    let stage = Stage::with(&[]);
    for target in ["/control/wallet.php?address=%3Cscript%3Emark", "/pay.php?address=mark%3Cb%3E", "/mark%3Cscript%3E"] {
        for accept in ["*/*", "text/html"] {
            let answer = stage.get(target).header("Accept", accept).send();
            assert!(!whole(&answer).contains("mark"), "{target}: {}", answer.text());
        }
    }
}
