//! Links and the drop-in wallet routes of an operator with one account: each payment they bring about is a session.
mod ledger;
mod stage;
mod support;

use ledger::{ADMIN, Caller, pay, text};
use livery_sandbox::BotMode;
use serde_json::{Value, json};
use stage::{MERCHANT, Made, STRANGER, Stage, encode, failure};
use std::process::Command;
use support::{
    client::Answer,
    config::{self, SIGNING_KEY},
};

fn open_stage() -> Stage {
    Stage::with(&[("ADMIN_TOKEN", ADMIN), ("PAYOUT_WALLET", MERCHANT), ("ALLOW_UNSIGNED_LINKS", "true")])
}

/// An unsigned link with these parameters besides those that every link needs.
fn link(stage: &Stage, order: &str, more: &[(&str, &str)]) -> String {
    let callback = stage.shop_callback(order);
    let basics =
        [("amount", "25.00"), ("currency", "USD"), ("email", "j@shop.example"), ("provider", "moonpay"), ("callback", &callback)];
    let query: Vec<String> = basics.iter().chain(more).map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("/checkout?{}", query.join("&"))
}

/// The same, signed by `npm run link`.
fn signed(stage: &Stage, order: &str, more: &[(&str, &str)]) -> String {
    let unsigned = link(stage, order, more);
    let own_node = config::project().join("node_modules/.bin");
    let path = format!("{}:{}", own_node.display(), std::env::var("PATH").unwrap_or_default());
    let mut tool = Command::new("node");
    tool.arg(config::project().join("tools/link.mjs")).env("PATH", path).env("SIGNING_KEY", SIGNING_KEY);
    tool.args(["--host", &stage.worker.host()]);
    for (name, value) in stage::read(unsigned.split_once('?').expect("a query").1) {
        tool.args([format!("--{name}"), value]);
    }
    let output = tool.output().expect("the link tool");
    let text = String::from_utf8(output.stdout).expect("text");
    let target = text.trim().strip_prefix(&stage.worker.url());
    target.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

fn visit(stage: &Stage, target: &str) -> Answer {
    stage.get(target).expect_provider_url().send()
}

/// How often the gateway was asked for a wallet since this was last asked.
fn wallets(stage: &Stage) -> usize {
    stage.asked().iter().filter(|request| request.path == "/control/wallet.php").count()
}

fn only(list: Vec<Value>) -> Value {
    assert_eq!(list.len(), 1, "{list:#?}");
    list.into_iter().next().unwrap()
}

#[test]
fn a_link_is_one_session_however_often_it_is_opened() {
    let stage = open_stage();
    let operator = Caller::operator(&stage);
    for (number, make) in [link as fn(&Stage, &str, &[(&str, &str)]) -> String, signed].into_iter().enumerate() {
        let target = make(&stage, &number.to_string(), &[("reference", "1001")]);
        let answers: Vec<Answer> = (0..3).map(|_| visit(&stage, &target)).collect();
        assert!(answers.iter().all(|answer| answer.status == 302), "{}", answers[0].text());
        assert_eq!((wallets(&stage), operator.list("checkout-sessions").len()), (1, number + 1));
        // Spelt otherwise, or with what Livery does not read, it is the same link.
        for same in [target.replace("25.00", "25%2E00"), format!("{target}&utm_source=mail")] {
            assert_eq!((visit(&stage, &same).status, wallets(&stage)), (302, 0), "{same}");
        }
    }
    // Another amount is another payment.
    let target = link(&stage, "0", &[("reference", "1002")]);
    assert_eq!((visit(&stage, &target).status, wallets(&stage)), (302, 1));
    assert_eq!(operator.list("checkout-sessions").len(), 3);
}

#[test]
fn what_a_link_says_is_recorded() {
    let stage = open_stage();
    let operator = Caller::operator(&stage);
    let more = [
        ("reference", "order 1001 ü"),
        ("metadata[colour]", "red & blue"),
        ("metadata[größe]", "XL"),
        ("success_url", "https://shop.example/ok?s={SESSION_ID}"),
        ("cancel_url", "https://shop.example/no"),
        ("expires", "4102444800"),
    ];
    assert_eq!(visit(&stage, &link(&stage, "7", &more)).status, 302);
    let session = only(operator.list("checkout-sessions"));
    let expected = json!({
        "livemode": true, "status": "processing", "amount": "25.00", "currency": "USD", "amount_expected_usd": "25",
        "provider": "moonpay", "customer_email": "j@shop.example", "client_reference_id": "order 1001 ü",
        "metadata": {"colour": "red & blue", "größe": "XL"}, "success_url": "https://shop.example/ok?s={SESSION_ID}",
        "cancel_url": "https://shop.example/no", "callback": stage.shop_callback("7"), "expires_at": 4_102_444_800_000_u64,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&session[field], value, "{field}");
    }
    let found = operator.list(&format!("checkout-sessions?client_reference_id={}", encode("order 1001 ü")));
    assert_eq!(only(found)["id"], session["id"]);
}

#[test]
fn bad_riders_are_refused_and_record_nothing() {
    let stage = open_stage();
    for (name, value, param) in [
        ("reference", &*"x".repeat(501), "reference"),
        ("success_url", "javascript:alert(1)", "success_url"),
        ("cancel_url", "/x", "cancel_url"),
        ("metadata", "a", "metadata"),
        ("metadata[]", "a", "metadata"),
        ("metadata[a]", &"x".repeat(501), "metadata"),
        ("expires", "soon", "expires"),
        ("expires", "1", "expires"),
        ("address", STRANGER, "address"),
    ] {
        let answer = visit(&stage, &link(&stage, "7", &[(name, value)]));
        let (status, code, found) = failure(&answer);
        assert!((400..=410).contains(&status) && found.as_deref() == Some(param), "{name}={value}: {status} {code} {found:?}");
    }
    assert_eq!((wallets(&stage), Caller::operator(&stage).list("checkout-sessions").len()), (0, 0));
}

/// The gateway gives one address for one callback for ever: without a session of its own, the next order of that name would
/// be paid already.
#[test]
fn after_it_was_paid_the_same_link_is_a_new_payment() {
    let stage = open_stage();
    let operator = Caller::operator(&stage);
    let target = signed(&stage, "9", &[]);
    let mut addresses = Vec::new();
    for round in 1..=3 {
        assert_eq!(visit(&stage, &target).status, 302);
        let session = operator.list("checkout-sessions")[0].clone();
        addresses.push(text(&session, "receiving_address"));
        pay(&stage, &session, "25.00");
        operator.await_session(&session, |session| session["status"] == "paid");
        assert_eq!((operator.list("checkout-sessions").len(), wallets(&stage)), (round, 1));
    }
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 3, "no address twice");
}

/// Money came, though it does not count yet or never will: the address is used.
#[test]
fn after_a_payment_was_reported_the_same_order_has_a_new_address() {
    let stage = open_stage();
    let operator = Caller::operator(&stage);
    stage.sandbox.set_bot_mode(BotMode::UnknownCoin);
    let target = format!("/control/wallet.php?callback={}", encode(&stage.shop_callback("1")));
    for paths in [[target.clone(), target], [link(&stage, "2", &[]), link(&stage, "2", &[])]] {
        let before = operator.list("checkout-sessions").len();
        assert!(visit(&stage, &paths[0]).status < 400);
        let session = operator.list("checkout-sessions")[0].clone();
        pay(&stage, &session, "25");
        operator.await_payment(&session, |payment| payment["reason"] == "coin_unknown");
        assert!(visit(&stage, &paths[1]).status < 400);
        let sessions = operator.list("checkout-sessions");
        assert_eq!((sessions.len(), &sessions[1]["status"]), (before + 2, &json!("processing")));
        assert_ne!(sessions[0]["receiving_address"], sessions[1]["receiving_address"]);
    }
}

#[test]
fn an_expired_link_is_a_session_that_has_expired() {
    let stage = open_stage();
    let operator = Caller::operator(&stage);
    // Long enough for a busy machine to open it before: the link itself has to end, so its time cannot be brought forward.
    let end = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 10;
    let target = link(&stage, "7", &[("expires", &end.to_string())]);
    assert_eq!(visit(&stage, &target).status, 302);
    let session = only(operator.list("checkout-sessions"));
    assert_eq!(session["expires_at"], json!(end * 1000));
    operator.await_session(&session, |session| session["status"] == "expired");
    assert_eq!(failure(&visit(&stage, &target)), (410, "link_expired".to_owned(), Some("expires".to_owned())));
    // Who had the provider's page open still pays, and it is seen.
    pay(&stage, &session, "25.00");
    let late = operator.await_session(&session, |session| session["status"] == "paid");
    assert_eq!((&late["paid_late"], &late["overpaid"]), (&json!(true), &json!(false)));
    assert!(operator.events_of(&session).contains(&"payment.late".to_owned()));
}

#[test]
fn a_drop_in_wallet_is_a_session() {
    let stage = open_stage();
    let operator = Caller::operator(&stage);
    let target = |order: &str| format!("/control/wallet.php?callback={}", encode(&stage.shop_callback(order)));
    let [first, again, other] = ["1", "1", "2"].map(|order| Made::from(&stage.get(&target(order)).send()));
    assert_eq!((&first.polygon_address_in, &first.ipn_token), (&again.polygon_address_in, &again.ipn_token));
    assert_ne!(first.polygon_address_in, other.polygon_address_in);
    assert_eq!(first.callback_url, stage.shop_callback("1"), "the merchant's own, as they wrote it");
    let sessions = operator.list("checkout-sessions");
    assert_eq!((sessions.len(), wallets(&stage)), (2, 2));
    let session = &sessions[1];
    assert_eq!(text(session, "receiving_address"), first.polygon_address_in);
    assert_eq!(
        (&session["amount"], &session["expires_at"], &session["status"]),
        (&json!(null), &json!(null), &json!("processing"))
    );
    stage.sandbox.pay(&first.polygon_address_in, "3.5").expect("a payment");
    let paid = operator.await_session(session, |session| session["status"] == "paid");
    assert_eq!((&paid["amount_received_usd"], &paid["overpaid"]), (&json!("3.5"), &json!(false)), "whatever comes is enough");
    operator.await_that("callbacks", |list| list["data"][0]["status"] == "delivered");
    let told = only(stage.sandbox.shop_callbacks().iter().map(|call| json!(call.parameters)).collect());
    let names: Vec<&str> = told.as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
    assert_eq!(names, ["number", "value_coin", "coin", "txid_in", "txid_out", "address_in", "value_forwarded_coin"]);
    // A reused order number never lands on an address that was paid.
    let fresh = Made::from(&stage.get(&target("1")).send());
    assert_ne!(fresh.polygon_address_in, first.polygon_address_in);
    assert_eq!(operator.list("checkout-sessions").len(), 3);
    for (path, status, code) in [
        (format!("{}&address={MERCHANT}", target("1")), 200, ""),
        (format!("{}&address={STRANGER}", target("1")), 403, "payout_wallet_fixed"),
        ("/control/wallet.php?callback=https%3A%2F%2Fshop.example%2F".to_owned(), 400, "invalid_callback"),
        ("/control/wallet.php".to_owned(), 400, "missing_parameter"),
    ] {
        let answer = stage.get(&path).send();
        assert_eq!(answer.status, status, "{path}");
        assert!(status == 200 || failure(&answer).1 == code, "{path}: {}", answer.text());
    }
    assert_eq!(operator.list("checkout-sessions").len(), 3);
}
