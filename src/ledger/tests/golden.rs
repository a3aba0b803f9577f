//! Rows outlive deploys: `tests/golden/` holds, for each version of the tables, a ledger as that version left it.
//!
//! Whoever changes `schema.rs`, or a struct that is stored, adds a migration and writes the rows of the new version:
//! `cargo test -p livery --lib golden -- --ignored`. Those of older versions are never written again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::live::ASK_AT;
use crate::ledger::testing::Database;
use crate::ledger::testing::script::{Facts, Manner, Status, receiving};
use crate::ledger::testing::world::World;

const HOUR: u64 = 3600;
/// What stands before the secret of a key in the rows, which holds only its hash.
const KEY: &str = "-- key ";
/// Columns that are not computed.
const TABLES: [(&str, &str); 7] = [
    ("objects", "kind, livemode, id, data, hidden"),
    ("tasks", "kind, subject, due, attempt, lane"),
    ("listeners", "socket, actor, livemode, form, told, since, unread, asked, question, is_behind"),
    ("subscriptions", "socket, session, type, livemode"),
    ("attempts", "delivery, number, at, data"),
    ("idempotency", "actor, key, fingerprint, created, status, body"),
    ("meta", "name, value"),
];

fn path(version: u64) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{version}.sql"))
}

/// A session in the gateway's order of that number, which was paid so much, or nothing.
fn session(world: &World, order: usize, paid: &str, fields: &Value) -> String {
    let session = world.session(fields)["id"].as_str().unwrap().to_owned();
    assert_eq!(world.open(&session).status, 200);
    if !paid.is_empty() {
        let txid = |number: usize| format!("0x{:064x}", 2 * order + number);
        let facts = Facts { value: paid.to_owned(), coin: "polygon_usdc".to_owned(), txid_out: txid(2) };
        world.script.set_status(order, Status::Paid(facts));
        let address = receiving(order);
        let query = format!("value_coin={paid}&coin=polygon_usdc&txid_in={}&txid_out={}&address_in={address}", txid(1), txid(2));
        world.report(&session, &query);
        world.wait(1);
    }
    session
}

/// A ledger with every kind of object in every state, and every kind of task; with the secret of a key.
fn full() -> (World, String) {
    let world = World::new();
    let key = world.operator(Method::Post, "api-keys", &json!({"name": "server"}));
    let secret = key["secret"].as_str().unwrap().to_owned();
    let test = world.operator(Method::Post, "api-keys", &json!({"livemode": false, "scopes": ["events:read"]}));
    world.operator(Method::Delete, &format!("api-keys/{}", test["id"].as_str().unwrap()), &Value::Null);
    let callback =
        json!({"callback": "https://shop.example/paid?order=1", "expires_at": world.now.get() + 29 * 24 * HOUR * 1000});
    world.script.merchant.set(Manner::Away);
    session(&world, 0, "25", &callback);
    world.wait(71 * HOUR);
    session(&world, 1, "26", &callback);
    world.script.merchant.set(Manner::Answers(200));
    session(&world, 2, "10", &callback);
    session(&world, 3, "", &json!({"expires_at": world.now.get() + 1000}));
    session(&world, 4, "", &json!({"livemode": false, "metadata": {"a": "b"}, "client_reference_id": "1001"}));
    let given_up = session(&world, 4, "", &json!({"customer_email": "jane@shop.example", "provider": "moonpay"}));
    world.operator(Method::Post, &format!("checkout-sessions/{given_up}/cancel"), &Value::Null);
    let waiting = session(&world, 5, "", &json!({}));
    world.report(&waiting, "value_coin=1");
    world.wait(1);
    world.script.merchant.set(Manner::Answers(500));
    session(&world, 6, "25", &callback);
    let query = format!("value_coin=7&coin=polygon_usdc&txid_in=0x{:064x}&address_in={}", 999, receiving(5));
    world.report(&waiting, &query);
    world.wait(3);
    world.ask(
        &World::actor(&secret),
        Method::Post,
        "/api/v1/checkout-sessions",
        &json!({"amount": "3.50", "currency": "eur", "success_url": "https://shop.example/{SESSION_ID}"}),
        &[("idempotency-key", "golden")],
    );
    webhooks(&world);
    (world, secret)
}

/// Endpoints and deliveries in every state, and somebody who listens.
fn webhooks(world: &World) {
    let endpoint = |host: &str, status: &str| {
        let fields = json!({"url": format!("https://{host}.example/hook"), "status": status, "event_types": ["account.*", "webhook.test"]});
        world.operator(Method::Post, "webhooks", &fields)["id"].as_str().unwrap().to_owned()
    };
    let test = |id: &str| world.operator(Method::Post, &format!("webhooks/{id}/test"), &Value::Null);
    let set = |host: &str, manner| world.script.endpoints.borrow_mut().insert(format!("{host}.example"), manner);
    let [good, gone, away] = [("good", 200), ("gone", 410), ("away", 500)].map(|(host, status)| {
        set(host, Manner::Answers(status));
        endpoint(host, "enabled")
    });
    endpoint("paused", "paused");
    world.operator(Method::Post, &format!("webhooks/{good}/rotate-secret"), &json!({}));
    let deleted = endpoint("deleted", "paused");
    test(&deleted);
    world.operator(Method::Delete, &format!("webhooks/{deleted}"), &Value::Null);
    for id in [&good, &gone, &away] {
        test(id);
    }
    world.wait(HOUR);
    // So much that whoever listens is asked to confirm.
    for number in 0..ASK_AT {
        world.operator(Method::Patch, &format!("webhooks/{good}"), &json!({"description": number.to_string()}));
    }
    let stream = "/api/v1/events/stream?after=evt_00000000000000000000000000000000";
    world.ask("operator", Method::Get, stream, &Value::Null, &[("upgrade", "websocket")]);
}

/// Everything as statements.
fn dump(world: &World, secret: &str) -> String {
    let database = world.database();
    let made = database.select("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name");
    let mut lines = vec![format!("{KEY}{secret}")];
    let mut statements: Vec<String> = made.into_iter().map(|row| squeezed(&row[0])).collect();
    statements.sort_by_key(|statement| !statement.starts_with("CREATE TABLE"));
    lines.extend(statements.into_iter().map(|statement| format!("{statement};")));
    for (table, columns) in TABLES {
        let quoted: Vec<String> = columns.split(", ").map(|column| format!("quote({column})")).collect();
        for row in database.select(&format!("SELECT {} FROM {table}", quoted.join(", "))) {
            lines.push(format!("INSERT INTO {table} ({columns}) VALUES ({});", row.join(", ")));
        }
    }
    lines.join("\n") + "\n"
}

fn squeezed(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tables and indexes.
fn tables(database: &Database) -> BTreeSet<String> {
    database.select("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").iter().map(|row| squeezed(&row[0])).collect()
}

/// A ledger as that version left it, and the secret of its key.
fn loaded(version: u64) -> (World, String) {
    let text = fs::read_to_string(path(version)).unwrap_or_else(|_| panic!("no rows of version {version}: see tests/golden.rs"));
    let secret = text.lines().next().and_then(|line| line.strip_prefix(KEY)).expect("a key").to_owned();
    let world = World::new();
    let database = Database::new();
    database.execute(&text);
    let first: u64 = database.select("SELECT max(created_at) FROM (SELECT data ->> '$.created_at' AS created_at FROM objects)")
        [0][0]
        .parse()
        .unwrap();
    world.take(database);
    world.now.set(first + 5000);
    (world, secret)
}

/// Names of all fields, by kind of object, down to the innermost.
fn fields(database: &Database) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in database.select("SELECT kind, data, hidden FROM objects UNION ALL SELECT 'attempt', data, '{}' FROM attempts") {
        let names = all.entry(row[0].clone()).or_default();
        for (what, text) in [("data", &row[1]), ("hidden", &row[2])] {
            collect(what, &serde_json::from_str(text).expect("JSON"), names);
        }
    }
    all
}

fn collect(path: &str, value: &Value, names: &mut BTreeSet<String>) {
    let Value::Object(fields) = value else { return };
    // What a merchant names, and what an event holds, has names of its own.
    if path.ends_with("metadata") || path == "data.data.object" {
        return;
    }
    for (name, value) in fields {
        names.insert(format!("{path}.{name}"));
        collect(&format!("{path}.{name}"), value, names);
    }
}

fn version() -> u64 {
    let (world, _) = full();
    world.database().select("SELECT value FROM meta WHERE name = 'schema'")[0][0].parse().unwrap()
}

#[test]
#[ignore = "writes tests/golden/ anew, for this version"]
fn write_the_golden_rows_of_this_version() {
    let (world, secret) = full();
    fs::write(path(version()), dump(&world, &secret)).unwrap();
}

#[test]
fn the_golden_rows_hold_everything_that_a_ledger_keeps() {
    let (world, _) = loaded(version());
    let database = world.database();
    let states = database.select("SELECT DISTINCT kind, coalesce(status, '') FROM objects ORDER BY kind, status");
    let states: Vec<String> = states.into_iter().map(|row| row.join(" ").trim().to_owned()).collect();
    let expected = "account, api_key, callback delivered, callback failed, callback pending, checkout.session canceled, \
        checkout.session expired, checkout.session open, checkout.session paid, checkout.session processing, \
        checkout.session underpaid, event, transaction pending, transaction unverified, transaction verified, \
        webhook_delivery canceled, webhook_delivery delivered, webhook_delivery failed, webhook_delivery pending, \
        webhook_endpoint disabled, webhook_endpoint enabled, webhook_endpoint paused";
    assert_eq!(states.join(", "), expected);
    let tasks = database.select("SELECT DISTINCT kind FROM tasks ORDER BY kind").concat();
    assert_eq!(tasks, ["deliver", "expire", "listen", "poll", "prune", "verify", "webhook"]);
    for table in ["attempts", "idempotency", "listeners", "subscriptions"] {
        assert_ne!(database.select(&format!("SELECT count(*) FROM {table}")), [["0"]]);
    }
}

#[test]
fn what_is_stored_today_is_what_the_last_golden_rows_hold() {
    let (today, _) = full();
    let (last, _) = loaded(version());
    let hint = "tables or stored structs have changed: add a migration to schema.rs, then write its rows (see tests/golden.rs)";
    assert_eq!(tables(&last.database()), tables(&today.database()), "{hint}");
    assert_eq!(fields(&last.database()), fields(&today.database()), "{hint}");
}

#[test]
fn rows_of_every_version_are_read_and_worked_on() {
    let latest = version();
    for version in 1..=latest {
        let (world, secret) = loaded(version);
        let before = world.database().select("SELECT kind, livemode, id, data FROM objects");
        let actor = World::actor(&secret);
        let account = world.ask(&actor, Method::Get, "/api/v1/account", &Value::Null, &[]);
        assert_eq!((account.status, &account.body["object"]), (200, &json!("account")), "version {version}");
        let (fresh, _) = full();
        assert_eq!(tables(&world.database()), tables(&fresh.database()), "version {version} becomes another than today's");
        for row in before {
            let kind = match row[0].as_str() {
                "checkout.session" => "checkout-sessions",
                "transaction" => "transactions",
                "event" => "events",
                "api_key" => "api-keys",
                "webhook_endpoint" => "webhooks",
                _ => continue,
            };
            let shown = world.get(&format!("{kind}/{}", row[2]));
            assert_eq!(shown["id"], row[2]);
            let listed = world.all(&format!("{kind}?livemode={}", row[1] == "1"));
            assert!(listed.contains(&shown), "{} of version {version} is in no list", row[2]);
        }
        let replayed = world.ask(
            &actor,
            Method::Post,
            "/api/v1/checkout-sessions",
            &json!({"amount": "3.50", "currency": "eur", "success_url": "https://shop.example/{SESSION_ID}"}),
            &[("idempotency-key", "golden")],
        );
        assert!(replayed.is_replayed, "version {version}: {}", replayed.body);
        // What was planned then is done now.
        world.wait(40 * 24 * HOUR);
        assert_eq!(world.database().select("SELECT kind, subject FROM tasks"), Vec::<Vec<String>>::new(), "version {version}");
        let pending = "SELECT id FROM objects WHERE status = 'pending'";
        assert_eq!(world.database().select(pending), Vec::<Vec<String>>::new(), "version {version}");
    }
}
