//! What happens later, to the second: calls to the merchant, verification, and questions about payments nobody reported.

use serde_json::{Value, json};

use crate::flow::Callee;
use crate::ledger::testing::script::{Facts, Manner, Status, receiving};
use crate::ledger::testing::world::{PAYOUT, World};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What was published: seconds from one try to the next.
const DELIVERIES: [u64; 10] = [10, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR];

fn txid(number: u32) -> String {
    format!("0x{number:064x}")
}

fn facts(value: &str, number: u32) -> Facts {
    Facts { value: value.to_owned(), coin: "polygon_usdc".to_owned(), txid_out: txid(number + 1000) }
}

/// What the gateway reports of a payment of USDC to its order of that number.
fn reported(order: usize, value: &str, number: u32) -> String {
    let (address, txid_in, txid_out) = (receiving(order), txid(number), txid(number + 1000));
    format!("value_coin={value}&coin=polygon_usdc&txid_in={txid_in}&txid_out={txid_out}&address_in={address}")
}

/// A session whose customer came, which is the gateway's first order.
fn opened(world: &World, fields: &Value) -> String {
    let session = world.session(fields)["id"].as_str().expect("an id").to_owned();
    assert_eq!(world.open(&session).status, 200);
    session
}

/// Seconds since the first of these calls.
fn seconds(calls: &[crate::ledger::testing::script::Made]) -> Vec<u64> {
    calls.iter().map(|call| (call.at - calls[0].at) / 1000).collect()
}

fn sums(pauses: &[u64]) -> Vec<u64> {
    let mut at = 0;
    std::iter::once(0)
        .chain(pauses.iter().map(|pause| {
            at += pause;
            at
        }))
        .collect()
}

fn pay(world: &World, session: &str, order: usize, value: &str, number: u32) {
    world.script.set_status(order, Status::Paid(facts(value, number)));
    assert_eq!(world.report(session, &reported(order, value, number)).status, 200);
}

#[test]
fn a_merchant_is_called_for_three_days_on_the_published_schedule() {
    for manner in [Manner::Answers(500), Manner::Answers(302), Manner::Answers(404), Manner::Silent, Manner::Away] {
        let world = World::new();
        world.script.merchant.set(manner);
        let session = opened(&world, &json!({"callback": "https://shop.example/paid?order=1"}));
        pay(&world, &session, 0, "25", 1);
        world.wait(10 * DAY);
        let calls = world.script.calls_to(Callee::Merchant);
        assert_eq!(seconds(&calls), sums(&DELIVERIES), "{manner:?}");
        let failed = world.all("events?type=callback.failed");
        assert_eq!((failed.len(), &failed[0]["data"]["object"]["attempt_count"]), (1, &json!(11)));
        assert_eq!(world.database().select("SELECT count(*) FROM tasks"), [["0"]]);
    }
}

#[test]
fn a_merchant_who_takes_it_is_not_called_again() {
    let world = World::new();
    world.script.merchant.set(Manner::Silent);
    let session = opened(&world, &json!({"callback": "https://shop.example/paid?order=1"}));
    pay(&world, &session, 0, "25", 1);
    world.wait(30 * MINUTE);
    world.script.merchant.set(Manner::Answers(204));
    world.wait(10 * DAY);
    assert_eq!(seconds(&world.script.calls_to(Callee::Merchant)), sums(&DELIVERIES[..5]));
    assert_eq!(world.all("events?type=callback.delivered").len(), 1);
}

#[test]
fn a_payment_that_the_gateway_knows_late_is_credited_when_it_does() {
    let world = World::new();
    let session = opened(&world, &json!({}));
    assert_eq!(world.report(&session, &reported(0, "25", 1)).status, 200);
    for (wait, status) in [(0, Status::Unpaid), (40, Status::Failing), (3 * MINUTE, Status::Unpaid)] {
        world.script.set_status(0, status);
        world.wait(wait);
        assert_eq!(world.get(&format!("checkout-sessions/{session}"))["status"], "processing");
        assert_eq!(world.all("transactions")[0]["status"], "pending");
    }
    world.script.set_status(0, Status::Paid(facts("25", 1)));
    world.wait(DAY);
    assert_eq!(world.get(&format!("checkout-sessions/{session}"))["status"], "paid");
    let transaction = &world.all("transactions")[0];
    assert_eq!((&transaction["status"], &transaction["reason"]), (&json!("verified"), &Value::Null));
}

#[test]
fn a_payment_that_the_gateway_never_knows_is_asked_for_and_flagged() {
    let world = World::new();
    let session = opened(&world, &json!({}));
    world.report(&session, &reported(0, "25", 1));
    world.wait(10 * DAY);
    let pauses =
        [2, 5, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR];
    let asked = world.script.calls_to(Callee::Gateway);
    let asked: Vec<_> = asked.into_iter().filter(|call| call.target.contains("payment-status")).collect();
    // While it is verified nothing else asks; once it is given up, the question that is planned for the third day does.
    let expected: Vec<_> = sums(&pauses).into_iter().chain([3 * DAY]).collect();
    assert_eq!(seconds(&asked), expected);
    let transaction = &world.all("transactions")[0];
    assert_eq!((&transaction["status"], &transaction["reason"]), (&json!("unverified"), &json!("status_unpaid")));
    assert_eq!(world.all("events?type=payment.unverified")[0]["data"]["object"], *transaction);
    let session = world.get(&format!("checkout-sessions/{session}"));
    assert_eq!((&session["status"], &session["amount_received_usd"]), (&json!("expired"), &json!("0")));
}

#[test]
fn sessions_of_which_nothing_is_heard_are_asked_for_six_times() {
    for late in [0, 5 * HOUR] {
        let world = World::new();
        let session = world.session(&json!({}))["id"].as_str().unwrap().to_owned();
        world.wait(late);
        assert_eq!(world.open(&session).status, 200);
        let since = world.now.get();
        world.script.calls_to(Callee::Gateway);
        world.wait(30 * DAY);
        let asked = world.script.calls_to(Callee::Gateway);
        let minutes: Vec<u64> = asked.iter().map(|call| (call.at - since) / 60_000).collect();
        assert_eq!(minutes, [10, 30, 120, 480, 1440, 4320], "the customer came after {late} s");
        assert_eq!(world.database().select("SELECT count(*) FROM tasks"), [["0"]]);
    }
}

#[test]
fn nothing_is_asked_once_a_payment_counts() {
    let world = World::new();
    let session = opened(&world, &json!({}));
    pay(&world, &session, 0, "25", 1);
    world.wait(MINUTE);
    world.script.calls_to(Callee::Gateway);
    world.wait(30 * DAY);
    assert_eq!(world.script.calls_to(Callee::Gateway), []);
}

/// Whoever knows a callback could otherwise keep a payment from being found whose own report was lost.
#[test]
fn a_report_that_is_untrue_keeps_the_ledger_from_nothing() {
    let world = World::new();
    let session = opened(&world, &json!({}));
    // The second is to the letter what the gateway will say.
    let facts = Facts { value: "25".into(), coin: "polygon_usdc".into(), txid_out: format!("0x{:064x}", 2) };
    let same = format!("value_coin=25&coin=polygon_usdc&txid_out={}&address_in={}", facts.txid_out, receiving(0));
    for untrue in ["value_coin=25", &same] {
        world.report(&session, untrue);
    }
    world.wait(MINUTE);
    assert_eq!(world.all("transactions?status=unverified").len(), 2);
    world.script.set_status(0, Status::Paid(facts));
    world.wait(DAY);
    let session = world.get(&format!("checkout-sessions/{session}"));
    assert_eq!((&session["status"], &session["amount_received_usd"]), (&json!("paid"), &json!("25")));
}

#[test]
fn a_payment_that_nobody_reported_is_found_and_counts_once() {
    let world = World::new();
    let session = opened(&world, &json!({"callback": "https://shop.example/paid?order=1"}));
    world.wait(20 * MINUTE);
    world.script.set_status(0, Status::Paid(facts("25", 1)));
    world.wait(11 * MINUTE);
    let found = world.get(&format!("checkout-sessions/{session}"));
    assert_eq!((&found["status"], &found["amount_received_usd"]), (&json!("paid"), &json!("25")));
    let transactions = world.all("transactions");
    assert_eq!((transactions.len(), &transactions[0]["source"]), (1, &json!("status")));
    assert_eq!(world.script.calls_to(Callee::Merchant).len(), 1);
    // The callback comes after all: with the payout, and as sibling brands write it, without.
    let with_payout = reported(0, "25", 1);
    let without = with_payout.replace(&format!("&txid_out={}", txid(1001)), "");
    for (late, query) in [with_payout, without].iter().enumerate() {
        world.report(&session, query);
        world.wait(10);
        let again = world.all("transactions");
        let last = &again[late + 1];
        assert_eq!((&last["status"], &last["reason"]), (&json!("unverified"), &json!("transaction_known")), "{query}");
        assert_eq!(world.get(&format!("checkout-sessions/{session}"))["amount_received_usd"], "25");
    }
}

#[test]
fn one_payment_is_not_counted_again_under_another_name() {
    let world = World::new();
    let session = opened(&world, &json!({}));
    pay(&world, &session, 0, "25", 1);
    world.wait(1);
    // Whoever knows the callback can make up its transactions; the gateway knows of one payment, and may not name its payout.
    let made_up = |number| reported(0, "25", number);
    let without = |number| made_up(number).replace(&format!("&txid_out={}", txid(number + 1000)), "");
    let named = facts("25", 1);
    let unnamed = Facts { txid_out: String::new(), ..named.clone() };
    for (query, status, reason) in [
        (made_up(2), &named, "status_txid_mismatch"),
        (without(3), &named, "transaction_known"),
        (made_up(4), &unnamed, "status_indistinct"),
        (without(5), &unnamed, "status_indistinct"),
    ] {
        world.script.set_status(0, Status::Paid(status.clone()));
        world.report(&session, &query);
        world.wait(4 * DAY);
        assert_eq!(world.all("transactions").last().unwrap()["reason"], reason, "{query}");
        let session = world.get(&format!("checkout-sessions/{session}"));
        assert_eq!((&session["amount_received_usd"], &session["overpaid"]), (&json!("25"), &json!(false)));
    }
}

#[test]
fn what_can_never_count_is_flagged_at_once() {
    let world = World::new();
    // Nobody was ever given an address.
    let lonely = world.session(&json!({}))["id"].as_str().unwrap().to_owned();
    world.report(&lonely, &reported(0, "25", 1));
    world.wait(1);
    assert_eq!(world.all("transactions")[0]["reason"], "address_mismatch");
    // Each can be counted, both together cannot.
    let rich = opened(&world, &json!({}));
    for number in [2, 3] {
        pay(&world, &rich, 0, "9000000000", number);
        world.wait(1);
    }
    assert_eq!(world.all("transactions")[2]["reason"], "value_too_large");
    assert_eq!(world.get(&format!("checkout-sessions/{rich}"))["amount_received_usd"], "9000000000");
    assert_eq!(world.database().select("SELECT count(*) FROM tasks WHERE kind = 'verify'"), [["0"]]);
}

#[test]
fn late_short_and_further_payments_are_shown() {
    let world = World::new();
    let session = opened(&world, &json!({"tolerance_bps": 100}));
    let path = format!("checkout-sessions/{session}");
    let shown = |fields: [&str; 4]| fields.map(|field| world.get(&path)[field].clone());
    let fields = ["status", "amount_received_usd", "paid_late", "overpaid"];
    world.wait(2 * DAY);
    assert_eq!(shown(fields), [json!("expired"), json!("0"), json!(false), json!(false)]);
    for (number, value, expected) in [
        (1, "10", [json!("underpaid"), json!("10"), json!(true), json!(false)]),
        (2, "14.75", [json!("paid"), json!("24.75"), json!(true), json!(false)]),
        (3, "0.5", [json!("paid"), json!("25.25"), json!(true), json!(true)]),
    ] {
        pay(&world, &session, 0, value, number);
        world.wait(1);
        assert_eq!(shown(fields), expected, "{value}");
    }
    assert_eq!(world.all("events?type=payment.late").len(), 3);
}

#[test]
fn a_native_coin_waits_for_its_price() {
    let world = World::new();
    let session = opened(&world, &json!({}));
    let query = reported(0, "0.0125", 1).replace("polygon_usdc", "eth");
    *world.script.price.borrow_mut() = None;
    world.script.set_status(0, Status::Paid(Facts { coin: "eth".to_owned(), ..facts("0.0125", 1) }));
    world.report(&session, &query);
    world.wait(50);
    assert_eq!(world.all("transactions")[0]["reason"], "price_unknown");
    *world.script.price.borrow_mut() = Some("2000.00".to_owned());
    world.wait(MINUTE);
    let session = world.get(&format!("checkout-sessions/{session}"));
    assert_eq!((&session["status"], &session["amount_received_usd"]), (&json!("paid"), &json!("25")));
}

#[test]
fn what_is_owed_in_another_currency_is_settled_before_anything_counts() {
    let world = World::new();
    *world.script.rate.borrow_mut() = None;
    let session = opened(&world, &json!({"currency": "EUR"}));
    let path = format!("checkout-sessions/{session}");
    pay(&world, &session, 0, "49", 1);
    world.wait(30);
    let shown = world.get(&path);
    assert_eq!((&shown["status"], &shown["amount_expected_usd"]), (&json!("processing"), &Value::Null));
    *world.script.rate.borrow_mut() = Some(2);
    world.wait(MINUTE);
    let shown = world.get(&path);
    assert_eq!((&shown["status"], &shown["amount_expected_usd"]), (&json!("underpaid"), &json!("50")));
}

/// What a node says of the transaction of that number, which is so many blocks deep and pays an order 25 USDC; of none, if that
/// is nothing.
fn node_says(number: u32, deep: u64, order: usize) -> String {
    let word = |digits: &str| format!("0x{:0>64}", digits.trim_start_matches("0x"));
    let (txid, to) = (txid(number), word(&receiving(order)));
    let transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    let log = format!(
        r#"{{"address":"0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359","topics":["{transfer}","{to}","{to}"],"data":"{}"}}"#,
        word(&format!("{:x}", 25_000_000))
    );
    let receipt = format!(r#"{{"transactionHash":"{txid}","blockNumber":"0x64","status":"0x1","logs":[{log}]}}"#);
    let (receipt, head) = if deep == 0 { ("null".to_owned(), 100) } else { (receipt, 99 + deep) };
    format!(r#"[{{"id":0,"result":"0x89"}},{{"id":1,"result":"{head:#x}"}},{{"id":2,"result":{receipt}}}]"#)
}

fn world_with_a_node() -> World {
    World::with(&[("PAYOUT_WALLET", PAYOUT), ("POLYGON_RPC_URL", "https://node.example/key")])
}

#[test]
fn a_payment_waits_until_it_is_deep_enough_in_the_chain() {
    let world = world_with_a_node();
    let session = opened(&world, &json!({}));
    pay(&world, &session, 0, "25", 1);
    for (deep, wait, reason) in [(0, 3, "chain_not_mined"), (1, 10, "chain_unconfirmed"), (11, 30, "chain_unconfirmed")] {
        *world.script.node.borrow_mut() = node_says(1, deep, 0);
        world.wait(wait);
        assert_eq!(world.all("transactions")[0]["reason"], reason);
        assert_eq!(world.get(&format!("checkout-sessions/{session}"))["amount_received_usd"], "0");
    }
    *world.script.node.borrow_mut() = node_says(1, 12, 0);
    world.wait(MINUTE);
    assert_eq!(world.get(&format!("checkout-sessions/{session}"))["status"], "paid");
    let said: Vec<Value> =
        world.all("events?type=payment.pending").iter().map(|event| event["data"]["object"]["message"].clone()).collect();
    assert_eq!(said.len(), 3, "each reason once: {said:?}");
}

#[test]
fn what_the_chain_does_not_show_never_counts() {
    let world = world_with_a_node();
    let session = opened(&world, &json!({}));
    // It went to another order.
    *world.script.node.borrow_mut() = node_says(1, 12, 1);
    pay(&world, &session, 0, "25", 1);
    world.wait(DAY);
    assert_eq!(world.all("transactions")[0]["reason"], "chain_wrong_recipient");
    // Nor does what the gateway alone tells, where a node could have been asked about a transaction that nobody names.
    let other = opened(&world, &json!({}));
    world.script.set_status(1, Status::Paid(facts("25", 2)));
    world.wait(DAY);
    let found = world.all("transactions").pop().unwrap();
    assert_eq!((&found["checkout_session"], &found["reason"]), (&json!(other), &json!("report_incomplete")));
    for id in [session, other] {
        assert_eq!(world.get(&format!("checkout-sessions/{id}"))["amount_received_usd"], "0");
    }
}

/// A merchant's software may take the first of two where the last was verified.
#[test]
fn a_report_that_can_be_read_in_two_ways_reaches_no_merchant() {
    let world = World::new();
    let session = opened(&world, &json!({"callback": "https://shop.example/paid?order=1"}));
    world.script.set_status(0, Status::Paid(facts("25", 1)));
    world.report(&session, &format!("value_coin=2500&{}", reported(0, "25", 1)));
    world.wait(1);
    assert_eq!(world.all("transactions")[0]["reason"], "report_malformed");
    assert_eq!(world.script.calls_to(Callee::Merchant), []);
    world.report(&session, &reported(0, "25", 1));
    world.wait(1);
    assert_eq!(world.script.calls_to(Callee::Merchant).len(), 1, "the true one counts all the same");
}

/// The gateway speaks of the first payment for a while after the second was reported.
#[test]
fn a_second_payment_waits_until_the_gateway_knows_of_it() {
    let world = World::new();
    let session = opened(&world, &json!({}));
    pay(&world, &session, 0, "10", 1);
    world.wait(1);
    world.report(&session, &reported(0, "15", 2));
    world.wait(3);
    let waiting = world.all("transactions").pop().unwrap();
    assert_eq!((&waiting["status"], &waiting["reason"]), (&json!("pending"), &json!("status_txid_mismatch")));
    world.script.set_status(0, Status::Paid(facts("15", 2)));
    world.wait(30);
    let paid = world.get(&format!("checkout-sessions/{session}"));
    assert_eq!((&paid["status"], &paid["amount_received_usd"]), (&json!("paid"), &json!("25")));
}
