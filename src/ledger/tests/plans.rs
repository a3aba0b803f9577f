//! How the database finds what it is asked for: always by an index, however many rows there are.

use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::testing::script::{Facts, Manner, Status, receiving};
use crate::ledger::testing::world::World;

/// What the lists can be narrowed by, the most telling first.
const FILTERS: [(&str, &str, &[&str]); 8] = [
    ("checkout-sessions", "cs", &["client_reference_id", "customer_email", "status"]),
    ("transactions", "txn", &["checkout_session", "status"]),
    ("events", "evt", &["checkout_session", "type"]),
    ("api-keys", "key", &[]),
    ("callbacks", "cb", &["checkout_session", "status"]),
    ("accounts", "acct", &[]),
    ("webhooks", "we", &["status"]),
    ("webhook-deliveries", "wd", &["event", "webhook_endpoint", "status"]),
];

/// A ledger that has done everything that a ledger does, once.
fn busy() -> World {
    let world = World::new();
    world.ask("operator", Method::Post, "/copy", &world.get("account"), &[]);
    let key = world.operator(Method::Post, "api-keys", &json!({}));
    let actor = World::actor(key["secret"].as_str().unwrap());
    world.ask(
        &actor,
        Method::Post,
        "/api/v1/checkout-sessions",
        &json!({"amount": "1", "currency": "USD"}),
        &[("idempotency-key", "k")],
    );
    world.operator(Method::Delete, &format!("api-keys/{}", key["id"].as_str().unwrap()), &Value::Null);
    let hook = world.operator(Method::Post, "webhooks", &json!({"url": "https://shop.example/hook"}));
    let hook = format!("webhooks/{}", hook["id"].as_str().unwrap());
    for act in ["test", "check", "rotate-secret"] {
        world.operator(Method::Post, &format!("{hook}/{act}"), &json!({}));
    }
    let session = world.session(&json!({"callback": "https://shop.example/paid?order=1"}))["id"].as_str().unwrap().to_owned();
    world.open(&session);
    let txid = |number: u32| format!("0x{number:064x}");
    let query = format!("value_coin=25&coin=polygon_usdc&txid_in={}&txid_out={}&address_in={}", txid(1), txid(2), receiving(0));
    world.report(&session, &query);
    world.wait(1);
    world.script.merchant.set(Manner::Away);
    world.script.set_status(0, Status::Paid(Facts { value: "25".into(), coin: "polygon_usdc".into(), txid_out: txid(2) }));
    let draft = json!({"livemode": true, "tolerance_bps": 0, "metadata": {}, "digest": "d"});
    world.ask("operator", Method::Post, "/wallet", &json!({"Draft": draft}), &[]);
    let lonely = world.session(&json!({}))["id"].as_str().unwrap().to_owned();
    world.operator(Method::Post, &format!("checkout-sessions/{lonely}/cancel"), &Value::Null);
    world.wait(30 * 86_400);
    world.operator(Method::Post, &format!("{hook}/replay"), &json!({"since": 0, "which": "all"}));
    world.operator(Method::Delete, &hook, &Value::Null);
    listen(&world);
    for kind in ["transactions", "events"] {
        let first = world.all(kind)[0]["id"].as_str().unwrap().to_owned();
        world.get(&format!("{kind}/{first}"));
    }
    world
}

/// Somebody listens from the beginning on, changes what they want, confirms and hears something.
fn listen(world: &World) {
    let stream = format!("/api/v1/events/stream?after=evt_{}", "0".repeat(32));
    world.ask("operator", Method::Get, &stream, &Value::Null, &[("upgrade", "websocket")]);
    let row = world.database().select("SELECT socket, question FROM listeners").concat();
    let session = format!("cs_{}", "1".repeat(32));
    for said in [
        json!({"type": "pong", "id": row[1]}),
        json!({"type": "subscribe", "checkout_session": session}),
        json!({"type": "unsubscribe", "event_types": ["payment.*"]}),
    ] {
        world.ask("", Method::Post, "/heard", &said, &[("livery-socket", &row[0])]);
    }
    world.session(&json!({}));
    world.ask("", Method::Post, "/closed", &Value::Null, &[("livery-socket", &row[0])]);
}

/// Asks for every list with every combination of filters, from every side.
fn leaf_through(world: &World) {
    for (kind, prefix, filters) in FILTERS {
        let id = format!("{prefix}_{}", "1".repeat(if prefix == "acct" { 16 } else { 32 }));
        for chosen in 0..1 << filters.len() {
            let named = filters.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
            let query = named.flat_map(|(_, name)| ["&", name, "=x"]).collect::<String>();
            for cursor in [String::new(), format!("&starting_after={id}"), format!("&ending_before={id}")] {
                for livemode in [true, false] {
                    world.get(&format!("{kind}?livemode={livemode}{query}{cursor}"));
                }
            }
        }
    }
}

fn plan(world: &World, statement: &str) -> String {
    let steps = world.database().select(&format!("EXPLAIN QUERY PLAN {statement}"));
    steps.into_iter().map(|step| step[3].clone()).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_statement_finds_its_rows_by_an_index() {
    let world = busy();
    leaf_through(&world);
    let statements = world.database().statements.borrow().clone();
    let changes_rows = |statement: &&String| !statement.starts_with("CREATE") && !statement.starts_with("ALTER");
    let mut seen = 0;
    for statement in statements.iter().filter(changes_rows) {
        let plan = plan(&world, statement);
        if std::env::var_os("SHOW_PLANS").is_some() {
            println!("{}\n    {plan}", statement.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        // A list in a value, and whoever listens, are few.
        let few = ["SCAN CONSTANT ROW", "SCAN json_each VIRTUAL TABLE", "SCAN listeners"];
        let plan = few.iter().fold(plan, |plan, scan| plan.replace(scan, ""));
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
        seen += 1;
    }
    assert!(seen > 50, "only {seen} statements were seen");
}

/// Columns by which few objects are found, those by which the fewest are first.
const TELLING: [&str; 10] =
    ["digest", "event", "webhook_endpoint", "txid_in", "txid_out", "reference", "email", "parent", "status", "type"];

#[test]
fn every_statement_reads_along_its_most_telling_column() {
    let world = busy();
    leaf_through(&world);
    let statements = world.database().statements.borrow().clone();
    let mut seen = 0;
    for statement in statements.iter().filter(|statement| statement.contains("objects")) {
        let Some(column) = TELLING.iter().find(|column| statement.contains(&format!("{column} = ?"))) else { continue };
        let plan = plan(&world, statement);
        let both = statement.contains("webhook_endpoint = ?") && statement.contains("status = ");
        let index = if both && *column == "webhook_endpoint" { "webhook_endpoint_and_status" } else { column };
        assert!(plan.contains(&format!("objects_by_{index} ")), "{statement}\n{plan}");
        seen += 1;
    }
    assert!(seen > 30, "only {seen} statements were seen");
}
