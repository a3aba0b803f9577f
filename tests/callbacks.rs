//! The callback relay: the merchant hears exactly what the gateway said, and the gateway hears `*ok*` only when the merchant
//! has taken it.
mod stage;
mod support;

use livery_sandbox::{BotMode, Fault, Received, ShopReply};
use stage::{MERCHANT, Stage, encode, failure, token};
use std::time::Duration;
use support::{
    client::{Answer, Request},
    port::Port,
    worker::Worker,
};

const PATIENCE: Duration = Duration::from_mins(1);

/// Creates a wallet for this callback, and gives the token that the gateway was given.
fn token_for(stage: &Stage, callback: &str) -> String {
    let answer = stage.get(&stage::wallet_target(callback)).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    token(&stage.asked_once())
}

/// What the gateway's bot sends for this token.
fn report(worker: &Worker, token: &str) -> Request {
    worker.get(&format!("/callback?token={token}&value_coin=105.6&coin=polygon_usdc"))
}

fn shop_requests(stage: &Stage) -> Vec<Received> {
    stage.sandbox.requests().into_iter().filter(|request| request.path == "/orders.php").collect()
}

/// Pays an order in this mode of the bot's and waits until the shop was called `calls` times.
fn paid(stage: &Stage, mode: BotMode, calls: usize) {
    let order = format!("7&b=2&a=%31+%2b&token=shops-own&{mode:?}");
    let wallet = stage.wallet(&order);
    stage.sandbox.clear();
    stage.sandbox.set_bot_mode(mode);
    stage.sandbox.pay(&wallet.address_in, "105.6").expect("a payment");
    let done = stage.sandbox.wait_for(|state| state.bot_log().len() == calls, PATIENCE);
    assert!(done, "{mode:?}: {:?}", stage.sandbox.bot_log());
}

#[test]
fn the_merchant_is_called_with_the_same_parameters_in_the_same_order() {
    let stage = Stage::with(&[]);
    let modes = [
        (BotMode::Normal, 1),
        (BotMode::Duplicate, 2),
        (BotMode::TwiceOtherTxid, 2),
        (BotMode::MissingLastFields, 1),
        (BotMode::ExtraAddressOut, 1),
        (BotMode::UnknownCoin, 1),
    ];
    for (mode, calls) in modes {
        paid(&stage, mode, calls);
        let log = stage.sandbox.bot_log();
        assert!(log.iter().all(|attempt| attempt.acknowledged && attempt.body == "*ok*"), "{mode:?}: {log:?}");
        let told: Vec<_> = stage.sandbox.shop_callbacks().into_iter().map(|callback| callback.query).collect();
        let own = format!("number=7&b=2&a=%31+%2b&token=shops-own&{mode:?}&");
        let said = log.iter().map(|attempt| attempt.url.split_once("&value_coin=").expect("a report").1);
        // All but the operator's split.
        let said = said.map(|rest| rest.split("&address_out=").next().unwrap_or_default());
        let expected: Vec<_> = said.map(|rest| format!("{own}value_coin={rest}")).collect();
        assert_eq!(told, expected, "{mode:?}");
    }
}

#[test]
fn the_merchant_sees_nothing_of_the_gateway() {
    const HEADERS: [&str; 4] = ["accept", "accept-encoding", "host", "user-agent"];
    let stage = Stage::with(&[]);
    let token = token_for(&stage, &stage.shop_callback("1"));
    let request = report(&stage.worker, &token).header("User-Agent", "AnexPay-Bot/1.0 (+https://www.anexpay.net/bot)");
    let request = request.header("Referer", "https://api.anexpay.net/").header("X-CA-Signature", "abc").header("Cookie", "a=b");
    assert_eq!(request.send().status, 200);
    let told = &stage.sandbox.shop_callbacks()[0];
    let names: Vec<_> = told.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().all(|name| HEADERS.contains(name)), "{names:?}");
    let everything = format!("{:?}", told.headers).to_lowercase();
    assert!(!everything.contains("anexpay") && everything.contains("livery/"), "{everything}");
    for gateway in [stage.sandbox.api_url(), stage.sandbox.checkout_url()] {
        assert!(!everything.contains(gateway.trim_start_matches("http://")), "{everything}");
    }
}

fn outcome(answer: &Answer) -> (u16, String) {
    let body = answer.text();
    let short = if answer.header("Content-Type") == Some("application/json") { failure(answer).1 } else { body.to_owned() };
    (answer.status, short)
}

#[test]
fn ok_is_said_only_when_the_merchant_said_so() {
    let stage = Stage::with(&[]);
    let token = token_for(&stage, &stage.shop_callback("1"));
    let rows = [
        (200, "*ok*", (200, "*ok*")),
        (200, "<p>thanks</p>", (200, "*ok*")),
        (202, "", (200, "*ok*")),
        (204, "", (200, "*ok*")),
        (302, "*ok*", (502, "merchant_rejected")),
        (304, "", (502, "merchant_rejected")),
        (404, "*ok*", (502, "merchant_rejected")),
        (410, "", (502, "merchant_rejected")),
        (500, "*ok*", (502, "merchant_rejected")),
    ];
    for (status, body, (expected, text)) in rows {
        let headers = vec![("location".to_owned(), format!("{}/orders.php?followed=1", stage.sandbox.shop_url()))];
        stage.sandbox.set_shop_reply(ShopReply { status, headers, body: body.to_owned(), delay: Duration::ZERO });
        stage.sandbox.clear_requests();
        let answer = report(&stage.worker, &token).send();
        assert_eq!(outcome(&answer), (expected, text.to_owned()), "the merchant answered {status}");
        assert_eq!(shop_requests(&stage).len(), 1, "{status}: a redirect is not followed");
        assert!(!answer.text().contains("thanks"), "what the merchant says is not passed on");
    }
}

#[test]
fn a_merchant_that_cannot_be_reached_has_not_said_so() {
    let closed = Port::free();
    let stage = Stage::with(&[]);
    let unreachable = token_for(&stage, &format!("http://{}/?n=1", closed.host()));
    assert_eq!(outcome(&report(&stage.worker, &unreachable).send()), (502, "merchant_unreachable".into()));
    let token = token_for(&stage, &stage.shop_callback("1"));
    for fault in [Fault::ResetBeforeHeaders, Fault::Garbage] {
        stage.sandbox.fault_times("/orders.php", fault.clone(), 1);
        assert_eq!(outcome(&report(&stage.worker, &token).send()), (502, "merchant_unreachable".into()), "{fault:?}");
    }
}

#[test]
fn a_merchant_that_takes_too_long_has_not_said_so() {
    let stage = Stage::with(&[("GATEWAY_TIMEOUT_MS", "3000")]);
    let token = token_for(&stage, &stage.shop_callback("1"));
    stage.sandbox.set_shop_reply(ShopReply { delay: Duration::from_secs(20), ..ShopReply::default() });
    assert_eq!(outcome(&report(&stage.worker, &token).send()), (504, "merchant_timeout".into()));
}

#[test]
fn the_bot_comes_again_until_the_merchant_took_it() {
    let stage = Stage::with(&[]);
    let made = stage.wallet("1");
    stage.sandbox.configure(|settings| settings.resend_ms = vec![1, 1, 1]);
    stage.sandbox.fault_times("/orders.php", Fault::Status(500, "busy".into()), 2);
    stage.sandbox.pay(&made.polygon_address_in, "10").expect("a payment");
    assert!(stage.sandbox.wait_for(|state| state.bot_log().len() == 3, PATIENCE));
    let log = stage.sandbox.bot_log();
    assert_eq!(log.iter().map(|attempt| attempt.acknowledged).collect::<Vec<_>>(), [false, false, true], "{log:?}");
}

#[test]
fn forged_tokens_are_refused_and_nobody_is_called() {
    let stage = Stage::with(&[]);
    let good = token_for(&stage, &stage.shop_callback("1"));
    let half = good.len() / 2;
    let flipped = |at: usize| {
        let other = if good.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &good[..at], &good[at + 1..])
    };
    let mut forged = vec![
        (String::new(), "missing_parameter"),
        (format!("{good}&token={good}"), "duplicate_parameter"),
        (format!("{good}&%74oken={good}"), "duplicate_parameter"),
        (format!("{good}%00"), "invalid_parameter"),
        (good[..half].to_owned(), "invalid_token"),
        (format!("{good}{good}"), "invalid_token"),
        (good.to_uppercase(), "invalid_token"),
        (encode(&stage.shop_callback("1")), "invalid_token"),
    ];
    forged.extend([0, half, good.len() - 2].map(|at| (flipped(at), "invalid_token")));
    stage.sandbox.clear_requests();
    for (forged, code) in forged {
        let answer = report(&stage.worker, &forged).send();
        assert_eq!(failure(&answer), (400, code.into(), Some("token".into())), "{forged}");
    }
    let none = ["/callback", "/callback?value_coin=1", "/callback?Token=x"];
    assert!(none.iter().all(|target| failure(&stage.get(target).send()).1 == "missing_parameter"));
    assert!(stage.sandbox.requests().is_empty(), "somebody was called");
    assert_eq!(report(&stage.worker, &good).send().status, 200, "the token itself is good");
}

#[test]
fn a_token_for_a_host_that_may_not_be_called_is_refused() {
    let development = Stage::with(&[]);
    let token = token_for(&development, &development.shop_callback("1"));
    let production = Worker::start(&stage::in_front_of(&development.sandbox, &[("CHECKOUT_DOMAIN", "pay.shop.example")]));
    let answer = report(&production, &token).send();
    assert_eq!(failure(&answer), (400, "callback_not_public".into(), Some("callback".into())));
    assert!(development.sandbox.shop_callbacks().is_empty());
    assert_eq!(answer.header("Strict-Transport-Security"), Some("max-age=31536000"));
}

#[test]
fn tokens_hide_the_merchants_url() {
    let stage = Stage::with(&[]);
    let callback = format!("https://shop.example/paid?order={}", "secret-nonce-".repeat(4));
    let made = stage.get(&stage::wallet_target(&callback)).send();
    let asked = stage.asked_once();
    let wallet = stage.sandbox.wallet(made.json()["polygon_address_in"].as_str().expect("an address")).expect("a wallet");
    assert!(!wallet.callback.contains("secret") && !asked.query.contains("secret"), "{}", wallet.callback);
    assert_eq!(made.json()["callback_url"].as_str(), Some(callback.as_str()));
    assert!(asked.query.starts_with(&format!("address={MERCHANT}&callback=")), "{}", asked.query);
}
