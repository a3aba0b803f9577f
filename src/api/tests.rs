//! Who may do what, as properties of every route there is.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::ledger::testing::script::{Facts, Status, receiving};
use crate::ledger::testing::world::{Answer, BEGIN, World};

const A: &str = "0000000000000001";
const B: &str = "0000000000000002";

/// The kinds of objects, by the beginnings of the routes about them.
const KINDS: [&str; 7] =
    ["checkout-sessions", "transactions", "events", "api-keys", "callbacks", "webhooks", "webhook-deliveries"];

/// A ledger with objects of every kind in both modes, all of which say whose they are.
struct Shop {
    /// A key for everything, by mode: test first.
    keys: [String; 2],
    /// A key of each mode that was revoked.
    revoked: [String; 2],
    /// An object's id by mode and kind.
    ids: [[String; KINDS.len()]; 2],
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

fn key(world: &World, livemode: bool, scopes: &[String]) -> Value {
    world.operator(Method::Post, "api-keys", &json!({"livemode": livemode, "scopes": scopes, "name": world.account.digits()}))
}

impl Shop {
    fn open(world: &mut World, account: &str) -> Self {
        world.enter(account);
        let all = ["*".to_owned()];
        let keys = [false, true].map(|livemode| text(&key(world, livemode, &all), "secret"));
        let revoked = [false, true].map(|livemode| {
            let key = key(world, livemode, &all);
            world.operator(Method::Delete, &format!("api-keys/{}", text(&key, "id")), &Value::Null);
            text(&key, "secret")
        });
        let ids = [false, true].map(|livemode| populate(world, livemode));
        Self { keys, revoked, ids }
    }
}

/// Ids in the order of [`KINDS`].
fn populate(world: &World, livemode: bool) -> [String; KINDS.len()] {
    let hook = json!({"livemode": livemode, "url": format!("https://{}.shop.example/hook", world.account.digits())});
    let hook = text(&world.operator(Method::Post, "webhooks", &hook), "id");
    let email = format!("{}@shop.example", world.account.digits());
    let callback = format!("https://shop.example/paid?account={}", world.account.digits());
    let first = text(&world.session(&json!({"livemode": livemode, "customer_email": email, "callback": callback})), "id");
    if livemode {
        pay(world, &first);
    } else {
        simulate(world, &first);
    }
    world.wait(1);
    // Of its own: what follows may end sessions and revoke keys.
    let session = text(&world.session(&json!({"livemode": livemode, "customer_email": email})), "id");
    let first = |kind: &str| text(&world.get(&format!("{kind}?livemode={livemode}"))["data"][0], "id");
    let victim = text(&key(world, livemode, &["*".to_owned()]), "id");
    [session, first("transactions"), first("events"), victim, first("callbacks"), hook, first("webhook-deliveries")]
}

fn simulate(world: &World, session: &str) {
    world.operator(Method::Post, &format!("checkout-sessions/{session}/simulate-payment"), &json!({}));
}

fn pay(world: &World, session: &str) {
    let opened = world.open(session).body;
    let address = text(&opened, "polygon_address_in").to_lowercase();
    let order = (0..20).find(|order| receiving(*order) == address).expect("an order");
    let txid = |number: usize| format!("0x{:064x}", 2 * order + number);
    let facts = Facts { value: "25".to_owned(), coin: "polygon_usdc".to_owned(), txid_out: txid(2) };
    let query = format!("value_coin=25&coin=polygon_usdc&txid_in={}&txid_out={}&address_in={address}", txid(1), txid(2));
    world.script.set_status(order, Status::Paid(facts));
    world.report(session, &query);
}

/// A body with which the route does something.
fn body(method: Method, path: &str) -> Value {
    match (method, path) {
        (Method::Post, "checkout-sessions") => json!({"amount": "1", "currency": "USD"}),
        (Method::Post, "accounts") => json!({"name": "x", "payout_wallet": crate::ledger::testing::world::PAYOUT}),
        (Method::Post, "webhooks") => json!({"url": "https://shop.example/hook"}),
        (Method::Post, "webhooks/:/replay") => json!({"since": 0}),
        (Method::Patch, "webhooks/:") => json!({"description": "changed"}),
        (Method::Patch, _) => json!({"name": "changed"}),
        _ => Value::Null,
    }
}

/// The path of a route about an object of these.
fn path(world: &World, pattern: &str, ids: &[String; KINDS.len()]) -> String {
    let kind = KINDS.iter().position(|kind| pattern.starts_with(kind));
    let id = kind.map_or(world.account.public(), |kind| ids[kind].clone());
    format!("{ROOT}{}", pattern.replace(':', &id))
}

fn ask(world: &World, key: &str, route: usize, ids: &[String; KINDS.len()]) -> Answer {
    let (method, pattern, ..) = ROUTES[route];
    // Whoever listens asks for a socket; to the other routes it is nothing.
    let more = [("upgrade", "websocket")];
    world.ask(&World::actor(key), method, &path(world, pattern, ids), &body(method, pattern), &more)
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// All that a ledger holds.
fn dump(world: &World) -> Vec<Vec<String>> {
    let tables = ["objects", "tasks", "attempts", "idempotency"];
    tables.iter().flat_map(|table| world.database().select(&format!("SELECT * FROM {table}"))).collect()
}

/// What a scope calls the resource of a route: listening is reading events.
fn named(resource: &str) -> &str {
    if resource == access::STREAM { "events" } else { resource }
}

/// The status of a route that succeeds.
fn success(resource: &str) -> u16 {
    if resource == access::STREAM { 101 } else { 200 }
}

#[test]
fn each_route_names_a_resource_that_scopes_can_name() {
    for (method, path, resource, _) in ROUTES {
        let resource = named(resource);
        let is_known = resource == OPERATOR || format!("{resource}:read").parse::<access::Scope>().is_ok();
        assert!(is_known, "{method:?} {path} needs a scope that nobody can be given");
    }
}

#[test]
fn a_customer_may_listen_and_nothing_else() {
    let mut world = World::with(&[]);
    let shop = Shop::open(&mut world, A);
    for ids in &shop.ids {
        let before = dump(&world);
        for (method, pattern, resource, _) in ROUTES.into_iter().filter(|row| row.2 != access::STREAM) {
            let target = path(&world, pattern, ids);
            let answer = world.ask(&format!("customer {}", ids[0]), method, &target, &body(method, pattern), &[]);
            assert_eq!(code(&answer), refused(403, "insufficient_scope"), "{pattern} {resource}");
        }
        assert_eq!(dump(&world), before);
    }
}

#[test]
fn a_revoked_key_does_nothing() {
    let mut world = World::with(&[]);
    let shop = Shop::open(&mut world, A);
    let before = dump(&world);
    for (revoked, ids) in shop.revoked.iter().zip(&shop.ids) {
        for (route, (_, pattern, ..)) in ROUTES.into_iter().enumerate() {
            assert_eq!(code(&ask(&world, revoked, route, ids)), refused(401, "api_key_revoked"), "{pattern}");
        }
    }
    assert_eq!(dump(&world), before);
}

#[test]
fn a_key_of_one_mode_never_sees_the_other() {
    for (route, (method, pattern, resource, _)) in ROUTES.into_iter().enumerate() {
        let mut world = World::with(&[]);
        let shop = Shop::open(&mut world, A);
        for mode in [0, 1] {
            let name = format!("{method:?} {pattern} with a key of mode {mode}");
            let other = ask(&world, &shop.keys[mode], route, &shop.ids[1 - mode]);
            let own = ask(&world, &shop.keys[mode], route, &shop.ids[mode]);
            if resource == OPERATOR {
                assert_eq!(code(&own), refused(403, "insufficient_scope"), "{name}");
            } else if pattern.starts_with("account") {
                // There is one account for both; what changes it changes live payments.
                assert_eq!(own.status, if method == Method::Get || mode == 1 { 200 } else { 403 }, "{name}");
            } else if pattern.ends_with("simulate-payment") && mode == 1 {
                assert_eq!((other.status, own.status), (404, 409), "{name}: {} {}", other.body, own.body);
            } else if resource == access::STREAM {
                // What is heard is of the key's mode: that is for those who listen to show.
                assert_eq!(own.status, 101, "{name}");
            } else if pattern.contains(':') {
                assert_eq!((other.status, own.status), (404, 200), "{name}: {} {}", other.body, own.body);
            } else {
                let shown = own.body["data"].as_array().cloned().unwrap_or_else(|| vec![own.body.clone()]);
                assert!(
                    !shown.is_empty() && shown.iter().all(|object| object["livemode"] == (mode == 1)),
                    "{name}: {}",
                    own.body
                );
                let target = format!("{}?livemode={}", path(&world, pattern, &shop.ids[mode]), mode == 0);
                let asked = world.ask(&World::actor(&shop.keys[mode]), Method::Get, &target, &Value::Null, &[]);
                assert_eq!(asked.status, 400, "{name}");
            }
        }
    }
}

#[test]
fn a_ledger_shows_nothing_that_is_not_its_accounts() {
    let mut world = World::with(&[]);
    let a = Shop::open(&mut world, A);
    // Whoever guesses, guesses well: the second ledger has the same clock and the same chance, and so the same ids.
    world.now.set(BEGIN);
    let b = Shop::open(&mut world, B);
    assert_eq!(a.ids.map(|ids| ids[0].clone()), b.ids.clone().map(|ids| ids[0].clone()));
    for (route, (_, pattern, ..)) in ROUTES.into_iter().enumerate() {
        for mode in [0, 1] {
            let shown = ask(&world, &b.keys[mode], route, &b.ids[mode]).body.to_string();
            assert!(!shown.contains(A), "{pattern}: {shown}");
        }
    }
    let before = dump(&world);
    for (route, (method, pattern, resource, _)) in ROUTES.into_iter().enumerate() {
        for mode in [0, 1] {
            // A key of the first is none here, not even with the second's number in it.
            let forged = a.keys[mode].replace(A, B);
            assert!(crate::ledger::key::ApiKey::parse(&forged).is_none(), "a checksum is over the account");
            assert_eq!(code(&ask(&world, &a.keys[mode], route, &b.ids[mode])), refused(401, "invalid_api_key"));
        }
        if resource == "account" && pattern.contains(':') {
            let target = format!("{ROOT}{}", pattern.replace(':', &format!("acct_{A}")));
            let asked = world.ask(&World::actor(&b.keys[1]), method, &target, &body(method, pattern), &[]);
            assert_eq!(asked.status, 404, "{pattern}");
        }
    }
    assert_eq!(dump(&world), before);
}

fn scopes() -> impl Strategy<Value = Vec<String>> {
    let resources = ["account", "api_keys", "checkout_sessions", "transactions", "events", "webhooks"];
    let names: Vec<String> = resources.iter().flat_map(|name| [format!("{name}:read"), format!("{name}:write")]).collect();
    prop_oneof![9 => prop::sample::subsequence(names, 1..6), 1 => Just(vec!["*".to_owned()])]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn a_key_does_what_its_scopes_say(scopes in scopes(), livemode: bool) {
        let mut world = World::with(&[]);
        let shop = Shop::open(&mut world, A);
        let own = text(&key(&world, livemode, &scopes), "secret");
        for (route, (method, pattern, resource, _)) in ROUTES.into_iter().enumerate() {
            let before = dump(&world);
            let needed = [format!("{}:write", named(resource)), if method == Method::Get { format!("{}:read", named(resource)) } else { String::new() }];
            let is_named = scopes.iter().any(|scope| scope == "*" || needed.contains(scope)) && resource != OPERATOR;
            let answer = ask(&world, &own, route, &shop.ids[usize::from(livemode)]);
            if is_named {
                // Neither does a key make one that may do more than itself, nor one for tests change what counts.
                let is_beyond = (pattern == "api-keys" && method == Method::Post && scopes != ["*"]) || (method == Method::Patch && pattern.starts_with("account") && !livemode);
                // What is expired cannot be cancelled any more, and what is meant for tests does nothing to real payments.
                let is_over = pattern.ends_with("cancel") && answer.status == 409;
                let is_real = pattern.ends_with("simulate-payment") && livemode;
                let expected = if is_beyond { 403 } else if is_over || is_real { 409 } else { success(resource) };
                prop_assert_eq!(answer.status, expected, "{:?} {} {:?} {}", method, pattern, scopes, answer.body);
            } else {
                prop_assert_eq!(code(&answer), refused(403, "insufficient_scope"), "{:?} {} {:?}", method, pattern, scopes);
                prop_assert_eq!(dump(&world), before);
            }
        }
    }

    #[test]
    fn no_name_is_a_scope_that_is_not_published(name in "\\PC{0,20}|(account|api_keys|events|operator|\\*)(:(read|write|admin|\\*))?") {
        let published = ["account", "api_keys", "checkout_sessions", "transactions", "events", "webhooks"];
        let is_published = name == "*" || published.iter().any(|resource| name == format!("{resource}:read") || name == format!("{resource}:write"));
        prop_assert_eq!(name.parse::<access::Scope>().is_ok(), is_published);
    }
}
