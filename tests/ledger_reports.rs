//! Reports of payments: the gateway's bot in every mood, and people who know a callback's token and make up the rest.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, pay, stage as open_stage, text};
use livery_sandbox::{BotMode, Fault};
use serde_json::{Value, json};
use stage::Stage;
use std::time::Duration;
use support::client::Answer;

const TXID: &str = "0x00000000000000000000000000000000000000000000000000000000000000";

/// Pays 25 with the bot in that mode.
fn paid_with(shop: &Caller<'_>, mode: BotMode) -> Value {
    let session = shop.started(&json!({"callback": shop.stage.shop_callback("1")}));
    shop.stage.sandbox.set_bot_mode(mode);
    pay(shop.stage, &session, "25");
    session
}

fn credited(shop: &Caller<'_>, session: &Value) -> (String, String) {
    let session = shop.get(&format!("checkout-sessions/{}", text(session, "id")));
    (text(&session, "status"), text(&session, "amount_received_usd"))
}

/// Waits until the gateway's bot has come so often: it notes an answer a moment after the ledger has acted on it. It was told
/// each time that the report was taken.
fn visited(stage: &Stage, times: usize) {
    let has_come = stage.sandbox.wait_for(|state| state.bot_log().len() >= times, Duration::from_mins(1));
    let log = stage.sandbox.bot_log();
    assert!(has_come && log.iter().all(|visit| visit.acknowledged && visit.status == Some(200)), "{times} times: {log:?}");
}

/// What the gateway calls to report a payment of a session, without the payment.
fn callback(stage: &Stage, session: &Value) -> String {
    let wallet = stage.sandbox.wallet(&text(session, "receiving_address")).expect("a wallet");
    wallet.callback.replace(&stage.worker.url(), "")
}

/// Reports what somebody made up.
fn report(stage: &Stage, session: &Value, more: &str) -> Answer {
    let answer = stage.get(&format!("{}{more}", callback(stage, session))).send();
    assert_eq!((answer.status, answer.text()), (200, "*ok*"), "it is written down, whatever it is");
    answer
}

#[test]
fn moods_that_change_nothing() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for mode in [
        BotMode::Normal,
        BotMode::Duplicate,
        BotMode::Delayed(200),
        BotMode::ExtraAddressOut,
        BotMode::MissingLastFields,
        BotMode::BeforeStatusPaid,
    ] {
        let session = paid_with(&shop, mode);
        shop.await_session(&session, |session| session["status"] == "paid");
        let payment = shop.await_payment(&session, |payment| payment["status"] == "verified");
        assert_eq!((&payment["value_usd"], &payment["reason"]), (&json!("25"), &json!(null)), "{mode:?}");
        assert_eq!(credited(&shop, &session), ("paid".into(), "25".into()), "{mode:?}");
        shop.await_that("callbacks?status=pending", |list| list["data"] == json!([]));
        let calls = stage.sandbox.shop_callbacks();
        assert_eq!(calls.len(), 1, "{mode:?}");
        assert!(!calls[0].query.contains("address_out") && !calls[0].query.contains("token="), "{}", calls[0].query);
        visited(&stage, if mode == BotMode::Duplicate { 2 } else { 1 });
        stage.sandbox.clear();
    }
}

#[test]
fn what_is_not_paid_yet_waits() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    stage.sandbox.configure(|settings| settings.settle_ms = 3_600_000);
    let session = paid_with(&shop, BotMode::BeforeStatusPaid);
    let payment = shop.await_payment(&session, |payment| payment["reason"] == "status_unpaid");
    assert_eq!((&payment["status"], credited(&shop, &session).0), (&json!("pending"), "processing".into()));
    assert!(text(&payment, "message").contains("unpaid"));
    assert!(stage.sandbox.shop_callbacks().is_empty());
}

#[test]
fn moods_that_are_flagged_and_never_credited() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let moods = [(BotMode::UnknownCoin, "coin_unknown"), (BotMode::WrongAddress, "address_mismatch")];
    for (times, (mode, reason)) in (1..).zip(moods) {
        let session = paid_with(&shop, mode);
        let payment = shop.await_payment(&session, |payment| payment["status"] == "unverified");
        assert_eq!((&payment["reason"], &payment["value_usd"]), (&json!(reason), &json!(null)), "{mode:?}");
        assert_eq!(credited(&shop, &session), ("processing".into(), "0".into()), "{mode:?}");
        let told = shop.events_of(&session);
        assert_eq!(told.last().map(String::as_str), Some("payment.unverified"), "{mode:?}");
        // It is safe, so it is acknowledged.
        visited(&stage, times);
    }
    assert_eq!(shop.list("callbacks").len(), 0, "no merchant hears of what is not verified");
    assert_eq!(shop.list("transactions?status=unverified").len(), 2);
}

/// `payment-status` knows of the latest payment alone; what it does not speak for is flagged. Nothing is counted twice.
#[test]
fn two_payments_are_two() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = paid_with(&shop, BotMode::TwiceOtherTxid);
    let path = format!("transactions?checkout_session={}", text(&session, "id"));
    let list = shop.await_that(&path, |list| {
        let data = list["data"].as_array().expect("a list");
        data.len() == 2 && data.iter().all(|payment| payment["status"] != "pending")
    });
    let data = list["data"].as_array().unwrap();
    let verified = data.iter().filter(|payment| payment["status"] == "verified").count();
    assert!(
        verified >= 1
            && data.iter().all(|payment| payment["status"] == "verified" || payment["reason"] == "status_txid_mismatch")
    );
    assert_ne!(data[0]["txid_in"], data[1]["txid_in"]);
    assert_eq!(credited(&shop, &session), ("paid".into(), (25 * verified).to_string()));
}

#[test]
fn a_native_coin_is_priced_and_never_counted_as_dollars() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for fault in
        [None, Some(Fault::Status(500, String::new())), Some(Fault::MissingField("prices".into())), Some(Fault::TruncatedJson)]
    {
        if let Some(fault) = &fault {
            stage.sandbox.fault("/crypto/polygon/pol/info.php", fault.clone());
        }
        let session = paid_with(&shop, BotMode::NativeCoin);
        if fault.is_some() {
            let payment = shop.await_payment(&session, |payment| payment["reason"] == "price_unknown");
            assert_eq!((&payment["status"], credited(&shop, &session).1), (&json!("pending"), "0".into()), "{fault:?}");
            stage.sandbox.clear_faults();
        }
        let payment = shop.await_payment(&session, |payment| payment["status"] == "verified");
        let coins: f64 = text(&payment, "value_coin").parse().unwrap();
        let dollars: f64 = text(&payment, "value_usd").parse().unwrap();
        assert!(payment["coin"] == "polygon_pol" && (dollars - 25.0).abs() < 0.01 && (coins - 25.0).abs() > 5.0, "{payment}");
        assert_eq!(credited(&shop, &session).1, text(&payment, "value_usd"));
    }
}

#[test]
fn whatever_is_made_up_is_never_credited() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.started(&json!({"callback": stage.shop_callback("1")}));
    let address = text(&session, "receiving_address");
    let full = |value: &str, number: u8| {
        format!(
            "&value_coin={value}&coin=polygon_usdc&txid_in={TXID}{number:02x}&txid_out={TXID}ff&address_in={address}&value_forwarded_coin=1"
        )
    };
    let reports = [
        (full("25", 1), "status_unpaid"),
        (full("1000000", 2), "status_unpaid"),
        (full("0", 3), "report_malformed"),
        (full("-25", 4), "report_malformed"),
        (full("1e9", 5), "report_malformed"),
        (full("25", 0xff), "txids_equal"),
        (String::new(), "report_incomplete"),
        ("&value_coin=25&coin=usd".to_owned(), "report_incomplete"),
        (full("25", 6).replace("polygon_usdc", "dollars"), "coin_unknown"),
        (full("25", 7).replace(&address, stage::STRANGER), "address_mismatch"),
        (full("25", 8).replace("txid_in=0x", "txid_in="), "report_malformed"),
        (full("999999999999999", 9), "value_too_large"),
    ];
    for (query, reason) in &reports {
        report(&stage, &session, query);
        let before = shop.payments_of(&session).len();
        let payments = shop.await_that("transactions?limit=100", |list| list["data"][0]["reason"] == *reason);
        assert_eq!(payments["data"].as_array().unwrap().len(), before, "{query}");
        report(&stage, &session, query);
        assert_eq!(shop.payments_of(&session).len(), before, "the same again is the same: {query}");
    }
    assert_eq!(credited(&shop, &session), ("processing".into(), "0".into()));
    // Now it is really paid, and what was made up before gains nothing by it.
    pay(&stage, &session, "25");
    shop.await_session(&session, |session| session["status"] == "paid");
    let verified = shop.list("transactions?status=verified");
    assert_eq!((verified.len(), credited(&shop, &session).1), (1, "25".into()));
    assert!(!text(&verified[0], "txid_in").starts_with(TXID));
}

/// Whoever knows the token and what was paid can still make up as many transactions as they like.
#[test]
fn one_payment_is_counted_once_under_whatever_names() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for names_payout in [false, true] {
        let session = shop.started(&json!({"amount": "75"}));
        pay(&stage, &session, "25");
        shop.await_session(&session, |session| session["amount_received_usd"] == "25");
        let (address, real) = (text(&session, "receiving_address"), shop.payments_of(&session).remove(0));
        for number in 0..3 {
            let payout = if names_payout { format!("&txid_out={}", text(&real, "txid_out")) } else { String::new() };
            report(
                &stage,
                &session,
                &format!("&value_coin=25&coin=polygon_usdc&txid_in={TXID}a{number}{payout}&address_in={address}"),
            );
        }
        let path = format!("transactions?checkout_session={}&status=unverified", text(&session, "id"));
        let made_up = shop.await_that(&path, |list| list["data"].as_array().is_some_and(|data| data.len() == 3));
        assert!(
            made_up["data"].as_array().unwrap().iter().all(|payment| payment["reason"] == "transaction_known"),
            "{made_up:#}"
        );
        assert_eq!(credited(&shop, &session), ("underpaid".into(), "25".into()));
    }
}

/// The transaction of another session, of the same account or not, pays nothing here.
#[test]
fn another_sessions_transaction_pays_nothing() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (paid, other) = (shop.started(&json!({})), shop.started(&json!({})));
    pay(&stage, &paid, "25");
    shop.await_session(&paid, |session| session["status"] == "paid");
    visited(&stage, 1);
    let query =
        shop.stage.sandbox.bot_log()[0].url.split_once("&value_coin").map(|(_, rest)| format!("&value_coin{rest}")).unwrap();
    report(&stage, &other, &query);
    shop.await_payment(&other, |payment| payment["reason"] == "address_mismatch");
    let moved = query.replace(&text(&paid, "receiving_address"), &text(&other, "receiving_address"));
    report(&stage, &other, &moved);
    shop.await_that("transactions", |list| list["data"][0]["reason"] == "status_unpaid");
    // Though the other one is paid as much by somebody else, the transaction was used.
    stage.sandbox.set_bot_mode(BotMode::Silent);
    pay(&stage, &other, "25");
    shop.await_that("transactions", |list| list["data"][0]["status"] == "unverified");
    assert_eq!(credited(&shop, &other), ("processing".into(), "0".into()));
}

#[test]
fn a_report_for_nobody_is_not_acknowledged() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.started(&json!({}));
    let own = callback(&stage, &session);
    let altered = format!("{}{}", &own[..own.len() - 1], if own.ends_with('A') { 'B' } else { 'A' });
    for (path, status) in
        [("/callback".to_owned(), 400), ("/callback?token=x".to_owned(), 400), (format!("{altered}&value_coin=25"), 400)]
    {
        let answer = stage.get(&path).send();
        assert!(answer.status == status && answer.text() != "*ok*", "{path}: {}", answer.text());
    }
    assert_eq!(shop.payments_of(&session).len(), 0);
    // More than anybody needs are refused, and what there was stays.
    for number in 0..100 {
        report(&stage, &session, &format!("&n={number}"));
    }
    let answer = stage.get(&format!("{own}&n=100")).send();
    assert_eq!((answer.status, stage::failure(&answer).1.as_str()), (429, "too_many_reports"));
    assert_eq!(shop.payments_of(&session).len(), 100);
}
