//! Everything at once: replies come in any order, and the machine is lost at any moment. Each payment counts once all the same.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::flow::Callee;
use crate::http::Method;
use crate::ledger::testing::script::{Facts, Manner, Status, receiving};
use crate::ledger::testing::world::World;

const SESSIONS: usize = 4;
const DAY: u64 = 86_400;

#[derive(Clone, Debug)]
enum Act {
    /// A customer comes; the gateway's reply is in the air.
    Open(usize),
    /// The one payment to a session is reported: with the payout or without, or under another transaction.
    Report(usize, u8),
    /// Something in the air gets its replies.
    Step(usize),
    /// All in the air is lost.
    Crash,
    /// Seconds pass, and the alarm goes off once if it should.
    Pass(u64),
    Expire(usize),
    Merchant(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let session = 0..SESSIONS;
    prop_oneof![
        3 => session.clone().prop_map(Act::Open),
        4 => (session.clone(), 0_u8..4).prop_map(|(session, how)| Act::Report(session, how)),
        12 => (0_usize..9).prop_map(Act::Step),
        1 => Just(Act::Crash),
        4 => prop_oneof![0_u64..5, 0_u64..1000, 0_u64..20_000].prop_map(Act::Pass),
        1 => session.prop_map(Act::Expire),
        1 => any::<bool>().prop_map(Act::Merchant),
    ]
}

/// The payment to an order, as it is reported: truly with and without the payout, and made up.
fn query(order: usize, how: u8) -> String {
    let (txid, payout) = (format!("0x{:064x}", 2 * order + 2), format!("0x{:064x}", 2 * order + 3));
    let made_up = format!("0x{:064x}", 1_000_000 + order);
    let (txid_in, txid_out) = match how {
        0 => (txid, format!("&txid_out={payout}")),
        1 => (txid, String::new()),
        2 => (made_up, String::new()),
        _ => (made_up, format!("&txid_out=0x{}", "f".repeat(64))),
    };
    format!("value_coin=25&coin=polygon_usdc&txid_in={txid_in}{txid_out}&address_in={}", receiving(order))
}

/// The order of a session, if the gateway made one.
fn order(world: &World, id: &str) -> Option<usize> {
    let address = world.get(&format!("checkout-sessions/{id}"))["receiving_address"].as_str()?.to_lowercase();
    (0..SESSIONS).find(|order| receiving(*order) == address)
}

fn happens(world: &World, ids: &[String], act: &Act) {
    let begin = |target: &str, body: &Value| world.throw(world.begin("operator", Method::Post, target, body, &[]));
    match act {
        Act::Open(session) => begin("/wallet", &json!({"Session": ids[*session]})),
        Act::Report(session, how) => {
            let Some(order) = order(world, &ids[*session]) else { return };
            let payout = format!("0x{:064x}", 2 * order + 3);
            let facts = Facts { value: "25".to_owned(), coin: "polygon_usdc".to_owned(), txid_out: payout };
            world.script.set_status(order, Status::Paid(facts));
            begin("/report", &json!({"session": ids[*session], "query": query(order, *how)}));
        }
        Act::Step(which) => drop(world.step(*which)),
        Act::Crash => world.crash(),
        Act::Pass(seconds) => {
            world.now.set(world.now.get() + seconds * 1000);
            if world.database().wake.get().is_some_and(|wake| wake.0 <= world.now.get()) {
                world.ring();
            }
        }
        Act::Expire(session) => begin(&format!("/api/v1/checkout-sessions/{}/expire", ids[*session]), &Value::Null),
        Act::Merchant(takes) => world.script.merchant.set(if *takes { Manner::Answers(200) } else { Manner::Away }),
    }
}

/// What holds at every moment.
fn check(world: &World, ids: &[String], addresses: &mut [Option<String>]) {
    let database = world.database();
    for (id, address) in ids.iter().zip(addresses) {
        let sql = format!(
            "SELECT data ->> '$.amount_received_usd', data ->> '$.receiving_address', status, (SELECT count(*) FROM objects t
            WHERE t.kind = 'transaction' AND t.livemode = 1 AND t.parent = s.id AND t.status = 'verified')
            FROM objects s WHERE kind = 'checkout.session' AND livemode = 1 AND id = '{id}'"
        );
        let row = &database.select(&sql)[0];
        let counted: u64 = row[3].parse().expect("a count");
        assert!(counted <= 1, "the one payment counts {counted} times");
        assert_eq!((row[0].as_str(), row[2] == "paid"), if counted == 1 { ("25", true) } else { ("0", false) });
        // Whoever was once given an address is never given another.
        let now = Some(row[1].clone()).filter(|now| !now.is_empty());
        assert!(address.is_none() || *address == now, "{address:?} became {now:?}");
        *address = now;
    }
    let loose = "SELECT kind, subject FROM tasks t WHERE NOT EXISTS (SELECT 1 FROM objects o WHERE o.id = t.subject)";
    assert_eq!(database.select(loose), Vec::<Vec<String>>::new(), "a task without an object");
    let forgotten = "SELECT kind, id FROM objects o WHERE kind IN ('transaction', 'callback') AND status = 'pending'
        AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.subject = o.id)";
    assert_eq!(database.select(forgotten), Vec::<Vec<String>>::new(), "something pending without a task");
    // While something is under way the ledger looks every ten seconds whether it still is; then there may be no room for the earliest.
    let due: Option<u64> = database.select("SELECT min(due) FROM tasks")[0][0].parse().ok();
    let is_under_way = database.select("SELECT count(*) FROM tasks WHERE leased = 1")[0][0] != "0";
    let wake = database.wake.get().map(|wake| wake.0);
    let is_soon = is_under_way && wake.is_some_and(|wake| wake <= world.now.get() + 10_000);
    assert!(due.is_none() == wake.is_none() && (wake <= due || is_soon), "the alarm {wake:?} is after the earliest task {due:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn each_payment_counts_once_whatever_comes_when(acts in prop::collection::vec(act(), 1..80)) {
        let world = World::new();
        let callback = json!({"callback": "https://shop.example/paid?order=1"});
        let ids: Vec<String> = (0..SESSIONS).map(|_| world.session(&callback)["id"].as_str().unwrap().to_owned()).collect();
        let mut addresses = vec![None; SESSIONS];
        for act in &acts {
            happens(&world, &ids, act);
            check(&world, &ids, &mut addresses);
        }
        // The storm is over: all that is owed is done.
        world.script.merchant.set(Manner::Answers(200));
        world.land();
        world.wait(40 * DAY);
        check(&world, &ids, &mut addresses);
        let paid = world.all("checkout-sessions").into_iter().filter(|session| session["status"] == "paid").count();
        // What names another payout than the gateway is never believed.
        let told = "SELECT DISTINCT parent FROM objects WHERE kind = 'transaction' AND ifnull(data ->> '$.txid_out', '') NOT LIKE '%ff'";
        let told = world.database().select(told);
        prop_assert_eq!(paid, told.len(), "a payment was lost");
        let delivered = world.database().select("SELECT parent FROM objects WHERE kind = 'callback' AND status = 'delivered'").concat();
        prop_assert_eq!(delivered.len(), paid, "a merchant was not told");
        prop_assert!(world.script.calls_to(Callee::Merchant).len() >= paid);
        prop_assert_eq!(world.database().select("SELECT count(*) FROM tasks"), [["0"]]);
    }
}
