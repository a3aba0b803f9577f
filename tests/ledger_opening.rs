//! The customer comes: the session gets its address once, and they are sent on, or told why not.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, pay, stage as open_stage, text};
use livery_sandbox::Fault;
use serde_json::{Value, json};
use stage::{AFFILIATE, MERCHANT, Stage, read_one};
use std::{sync::Barrier, thread};
use support::client::{Answer, Request};

const WALLETS: [&str; 4] =
    ["/control/wallet.php", "/control/affiliate.php", "/control/custom-affiliate.php", "/control/custom-sub-affiliate.php"];

/// How often the gateway was asked for a wallet since this was last asked.
fn wallets(stage: &Stage) -> usize {
    stage.asked().iter().filter(|request| WALLETS.contains(&request.path.as_str())).count()
}

/// The request of a customer in a browser who opens a session, with this behind its URL.
fn visit(stage: &Stage, session: &Value, more: &str) -> Request {
    let path = text(session, "url").replace(&stage.worker.url(), "");
    stage.get(&(path + more)).header("accept", "text/html").expect_provider_url()
}

fn failed(answer: &Answer) -> (u16, bool) {
    (answer.status, answer.text().contains("session_state"))
}

#[test]
fn a_hundred_customers_at_the_same_time_make_one_wallet() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.session(&json!({}));
    // All of them are there before the first is answered.
    stage.sandbox.fault("/control/wallet.php", Fault::Latency(300));
    let (start, stage, session) = (Barrier::new(100), &stage, &session);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let open = || {
            start.wait();
            visit(stage, session, "").send()
        };
        let customers: Vec<_> = (0..100).map(|_| scope.spawn(open)).collect();
        customers.into_iter().map(|customer| customer.join().expect("a customer")).collect()
    });
    let provider = format!("{}/moonpay/", stage.sandbox.provider_url());
    for answer in &answers {
        assert!(answer.status == 302 && answer.header("location").unwrap().starts_with(&provider), "{}", answer.text());
    }
    let asked = stage.asked();
    let of = |path: &str| asked.iter().filter(|request| request.path == path).collect::<Vec<_>>();
    assert_eq!((of("/control/wallet.php").len(), of("/process-payment.php").len()), (1, 100));
    let addresses: std::collections::HashSet<_> =
        of("/process-payment.php").iter().map(|request| read_one(&request.query, "address")).collect();
    assert_eq!(addresses.len(), 1, "all of them pay to one address");
    let told = ["checkout.session.created", "checkout.session.processing"];
    assert_eq!(shop.events_of(session), told, "it began once");
}

#[test]
fn a_gateway_that_fails_leaves_the_session_as_it_was() {
    let stage = open_stage(&[("GATEWAY_TIMEOUT_MS", "3000")]);
    let shop = Caller::merchant(&stage);
    let session = shop.session(&json!({}));
    let page = || "<h1>down</h1>".to_owned();
    for (fault, status, code) in [
        (Fault::Status(500, page()), 502, "gateway_unavailable"),
        (Fault::Status(403, page()), 422, "gateway_rejected"),
        (Fault::ResetBeforeHeaders, 502, "gateway_unavailable"),
        (Fault::TruncatedJson, 502, "gateway_invalid_reply"),
        (Fault::MissingAddressIn, 502, "gateway_invalid_reply"),
        (Fault::MissingField("ipn_token".into()), 502, "gateway_invalid_reply"),
        (Fault::RedirectTo("https://evil.example/".into()), 502, "gateway_invalid_reply"),
        (Fault::Latency(600_000), 504, "gateway_timeout"),
    ] {
        stage.sandbox.fault("/control/wallet.php", fault.clone());
        let answer = visit(&stage, &session, "").send();
        assert!(answer.status == status && answer.text().contains(code), "{fault:?}: {} {}", answer.status, answer.text());
        stage.sandbox.clear_faults();
        assert_eq!(shop.get(&format!("checkout-sessions/{}", text(&session, "id"))), session, "{fault:?}");
    }
    assert_eq!(shop.open(&session).status, 302, "it works as soon as the gateway does");
    // With an address but without the provider's URL, the next try goes on from there.
    wallets(&stage);
    stage.sandbox.fault("/process-payment.php", Fault::Status(500, page()));
    assert_eq!(shop.open(&session).status, 502);
    stage.sandbox.clear_faults();
    assert_eq!((shop.open(&session).status, wallets(&stage)), (302, 0));
}

#[test]
fn what_is_over_or_unknown_is_said() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.session(&json!({}));
    shop.post(&format!("checkout-sessions/{}/cancel", text(&session, "id")), &json!({}));
    assert_eq!(failed(&visit(&stage, &session, "").send()), (409, true));
    let digits = shop.account_id().replace("acct_", "");
    let own = text(&session, "id");
    for (path, status) in [
        (format!("/checkout/{digits}/cs_{}", "0".repeat(32)), 404),
        (format!("/checkout/0123456789abcdef/{own}"), 404),
        (format!("/checkout/ffffffffffffffff/{own}"), 404),
        (format!("/checkout/{digits}/{own}/"), 404),
        (format!("/checkout/{digits}/{}", own.to_uppercase()), 404),
        (format!("/checkout/{digits}/evt_{}", &own[3..]), 404),
    ] {
        let answer = stage.get(&path).header("accept", "text/html").send();
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(wallets(&stage), 0);
}

#[test]
fn whoever_has_paid_goes_back_to_the_shop() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for (success, location) in [
        ("https://shop.example/ok?session={SESSION_ID}&again={SESSION_ID}", Some("https://shop.example/ok?session=ID&again=ID")),
        ("https://shop.example/{SESSION_ID}/ü✓?q=ж#top", Some("https://shop.example/ID/%C3%BC%E2%9C%93?q=%D0%B6#top")),
        ("", None),
    ] {
        let session = if success.is_empty() { shop.session(&json!({})) } else { shop.session(&json!({"success_url": success})) };
        assert_eq!(shop.open(&session).status, 302);
        let processing = shop.await_session(&session, |session| session["status"] == "processing");
        pay(&stage, &processing, "25.00");
        shop.await_session(&session, |session| session["status"] == "paid");
        wallets(&stage);
        let answer = visit(&stage, &session, "").send();
        let expected = location.map(|url| url.replace("ID", &text(&session, "id")));
        match expected {
            Some(_) => assert_eq!((answer.status, answer.header("location")), (302, expected.as_deref())),
            None => assert_eq!(failed(&answer), (409, true), "nobody is asked to pay twice"),
        }
        assert_eq!(stage.asked().len(), 0);
    }
}

#[test]
fn the_session_says_where_and_what_or_the_customer_does() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let bare = shop.post("checkout-sessions", &json!({"amount": "30", "currency": "USD"}));
    let answer = visit(&stage, &bare, "").send();
    assert!(answer.status == 200 && answer.text().contains("name=\"email\""), "asked for the address: {}", answer.text());
    for wrong in ["?email=jane", "?email=j@shop.example&provider=Moon%20Pay"] {
        assert_eq!(visit(&stage, &bare, wrong).send().status, 400, "{wrong}");
    }
    let hosted = visit(&stage, &bare, "?email=jane%40shop.example").send();
    let page = hosted.header("location").expect("the hosted page").to_owned();
    assert!(page.starts_with(&format!("{}/pay.php?address=", stage.worker.url())), "{page}");
    assert!(page.contains("&amount=30&email=jane%40shop.example&currency=USD"), "{page}");
    let chosen = visit(&stage, &bare, "?email=jane%40shop.example&provider=banxa").send();
    assert!(chosen.header("location").unwrap().contains("/banxa/"), "{}", chosen.text());
    // What the session says counts, whatever a customer writes behind its URL.
    let fixed = shop.session(&json!({"amount": "40"}));
    stage.asked();
    let answer = visit(&stage, &fixed, "?email=evil%40shop.example&provider=banxa&amount=1&currency=JPY&address=x").send();
    assert!(answer.header("location").unwrap().contains("/moonpay/"));
    let asked = stage.asked();
    let payment = asked.iter().find(|request| request.path == "/process-payment.php").expect("a payment");
    let sent = ["amount", "currency", "email", "provider"].map(|name| read_one(&payment.query, name).unwrap());
    assert_eq!(sent, ["40", "USD", "jane@shop.example", "moonpay"]);
}

#[test]
fn each_account_pays_its_own_wallet_and_share() {
    let stage = open_stage(&[("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.01")]);
    for (fee, shares) in [(None, ["0.98", "0.01"]), (Some("0.025"), ["0.965", "0.025"])] {
        let mut account = json!({"name": "Shop", "payout_wallet": MERCHANT});
        account["affiliate_fee"] = json!(fee);
        let shop = Caller::merchant_with(&stage, &account, &json!({}));
        let session = shop.session(&json!({}));
        stage.asked();
        assert_eq!(shop.open(&session).status, 302);
        let asked = stage.asked();
        let wallet = asked.iter().find(|request| request.path == "/control/custom-affiliate.php").expect("a wallet");
        let sent = ["address", "affiliate", "merchant_fee", "affiliate_fee"].map(|name| read_one(&wallet.query, name).unwrap());
        assert_eq!(sent, [MERCHANT, AFFILIATE, shares[0], shares[1]]);
    }
}

/// What strangers can open is counted, though a ledger is asked first; reports and merchants' servers are not.
#[test]
fn one_client_opens_so_many_and_no_more() {
    let settings = [("RATE_LIMIT_PER_CLIENT", "5"), ("PAYOUT_WALLET", MERCHANT), ("ALLOW_UNSIGNED_LINKS", "true")];
    let stage = open_stage(&settings);
    let operator = Caller::operator(&stage);
    let session = operator.session(&json!({}));
    let callback = |number: usize| stage::encode(&stage.shop_callback(&number.to_string()));
    let of = |kind: &str, number: usize| match kind {
        "wallet" => stage.get(&format!("/control/wallet.php?callback={}", callback(number))),
        "link" => stage.get(&format!(
            "/checkout?amount=25&currency=USD&provider=moonpay&email=j%40shop.example&callback={}",
            callback(number)
        )),
        "session" => visit(&stage, &session, ""),
        _ => operator.request("POST", "checkout-sessions", &json!({"amount": "1", "currency": "USD"})),
    };
    for (at, (kind, is_counted)) in [("wallet", true), ("link", true), ("session", true), ("api", false)].into_iter().enumerate()
    {
        let client = format!("192.0.2.{at}");
        let send = |number| of(kind, number).header("cf-connecting-ip", &client).expect_provider_url().send().status;
        let statuses: Vec<u16> = (0..20).map(send).collect();
        assert_eq!(statuses.contains(&429), is_counted, "{kind}: {statuses:?}");
        assert!(statuses[..5].iter().all(|status| *status < 400), "{kind}: {statuses:?}");
    }
}
