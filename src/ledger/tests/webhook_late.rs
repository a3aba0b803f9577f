//! What comes late: answers to attempts that were under way when their owner decided something.

use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::testing::script::Manner;
use crate::ledger::testing::world::World;

/// An endpoint on `old.example` with one attempt under way, and its delivery.
fn under_way(world: &World, fields: &Value) -> (Value, Value) {
    let endpoint = world.endpoint("old.example", fields);
    let delivery = ask(world, Method::Post, &format!("{}/test", path(&endpoint)), &json!({}));
    begin(world);
    assert_eq!(world.script.sent_to("old.example").len(), 1);
    (endpoint, delivery)
}

/// What is due is sent; its answers are still to come.
fn begin(world: &World) {
    world.ring();
    while world.step_where(<[_]>::is_empty) {}
    world.now.set(world.now.get() + 1);
}

/// A request that leaves alone what is in the air.
fn ask(world: &World, method: Method, path: &str, body: &Value) -> Value {
    let answer = world.fly(world.begin("operator", method, &format!("/api/v1/{path}"), body, &[])).expect("an answer");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    world.now.set(world.now.get() + 1);
    serde_json::from_str(&answer.text).expect("JSON")
}

fn path(endpoint: &Value) -> String {
    format!("webhooks/{}", endpoint["id"].as_str().expect("an id"))
}

fn retry(delivery: &Value) -> String {
    format!("webhook-deliveries/{}/retry", delivery["id"].as_str().expect("an id"))
}

fn answers(world: &World, host: &str, status: u16) {
    world.script.endpoints.borrow_mut().insert(host.to_owned(), Manner::Answers(status));
}

fn told(world: &World, kind: &str) -> usize {
    world.all(&format!("events?type={kind}")).len()
}

/// Whoever asks for an attempt while one is under way gets that one.
#[test]
fn a_retry_of_what_is_under_way_is_not_a_second_call() {
    let world = World::new();
    let (_, delivery) = under_way(&world, &json!({"event_types": ["webhook.test"]}));
    answers(&world, "old.example", 500);
    ask(&world, Method::Post, &retry(&delivery), &json!({}));
    world.ring();
    world.land();
    assert_eq!(world.script.sent_to("old.example").len(), 1);
    world.wait(6);
    assert_eq!(world.script.sent_to("old.example").len(), 2);
}

/// The one that is under way went elsewhere, whatever comes of it.
#[test]
fn a_retry_after_a_new_url_goes_there() {
    for status in [200, 410, 500] {
        let world = World::new();
        let (endpoint, delivery) = under_way(&world, &json!({"event_types": ["webhook.test"]}));
        ask(&world, Method::Patch, &path(&endpoint), &json!({"url": "https://new.example/hook"}));
        ask(&world, Method::Post, &retry(&delivery), &json!({}));
        answers(&world, "old.example", status);
        world.land();
        world.wait(0);
        assert_eq!((world.script.sent_to("old.example").len(), world.script.sent_to("new.example").len()), (1, 1), "{status}");
        assert_eq!(world.all("webhook-deliveries?status=delivered").len(), 1, "{status}");
    }
}

/// What an endpoint answers to an attempt from before it was enabled again, or called elsewhere, ends nothing.
#[test]
fn an_answer_from_before_does_not_disable_what_is_enabled_again() {
    for changes in
        [vec![json!({"url": "https://new.example/hook"})], vec![json!({"status": "disabled"}), json!({"status": "enabled"})]]
    {
        let world = World::new();
        let (endpoint, _) = under_way(&world, &json!({"event_types": ["webhook.test"]}));
        answers(&world, "old.example", 410);
        for change in &changes {
            ask(&world, Method::Patch, &path(&endpoint), change);
        }
        world.land();
        let now = world.get(&path(&endpoint));
        assert_eq!((&now["status"], &now["failing_since"]), (&json!("enabled"), &Value::Null), "{changes:?}");
        answers(&world, "old.example", 200);
        world.wait(6);
        assert_eq!(world.all("webhook-deliveries?status=delivered").len(), 1, "{changes:?}");
    }
}

/// Its owner said that it is paused, and not that it wants no more.
#[test]
fn a_410_that_comes_when_it_is_paused_ends_nothing() {
    let world = World::new();
    let (endpoint, _) = under_way(&world, &json!({"event_types": ["webhook.test"]}));
    ask(&world, Method::Patch, &path(&endpoint), &json!({"status": "paused"}));
    answers(&world, "old.example", 410);
    world.land();
    assert_eq!(world.get(&path(&endpoint))["status"], "paused");
    answers(&world, "old.example", 200);
    world.wait(3600);
    world.change(&endpoint, &json!({"status": "enabled"}));
    world.wait(1);
    assert_eq!(world.all("webhook-deliveries?status=delivered").len(), 1);
}

/// The last word about its health is that it was disabled.
#[test]
fn nothing_recovers_that_was_disabled() {
    let world = World::new();
    answers(&world, "old.example", 500);
    let endpoint = world.endpoint("old.example", &json!({"event_types": ["webhook.test"]}));
    (0..2).for_each(|_| drop(world.endpoints(&endpoint, "test", &json!({}))));
    world.wait(400);
    assert_eq!(told(&world, "webhook.failing"), 1);
    // One is under way when its owner disables it.
    for delivery in world.all("webhook-deliveries?status=pending") {
        ask(&world, Method::Post, &retry(&delivery), &json!({}));
    }
    begin(&world);
    ask(&world, Method::Patch, &path(&endpoint), &json!({"status": "disabled"}));
    answers(&world, "old.example", 200);
    world.land();
    assert_eq!(told(&world, "webhook.recovered"), 0);
}

/// A client that writes the whole endpoint each time must not keep a dead one alive.
#[test]
fn enabling_what_is_enabled_changes_nothing_about_its_health() {
    let world = World::new();
    answers(&world, "old.example", 500);
    let endpoint = world.endpoint("old.example", &json!({"event_types": ["webhook.test"]}));
    world.endpoints(&endpoint, "test", &json!({}));
    world.wait(400);
    assert!(world.change(&endpoint, &json!({"status": "enabled"}))["failing_since"].is_u64());
    world.change(&endpoint, &json!({"status": "paused"}));
    assert_eq!(world.change(&endpoint, &json!({"status": "enabled"}))["failing_since"], Value::Null);
}

/// Ids run ahead of a clock that was set back.
#[test]
fn a_replay_without_an_end_misses_nothing() {
    const HOUR_MS: u64 = 3_600_000;
    let world = World::new();
    let began = world.now.get();
    let endpoint = world.endpoint("old.example", &json!({"event_types": ["checkout.session.created"], "status": "disabled"}));
    world.now.set(began + HOUR_MS);
    world.session(&json!({}));
    world.now.set(began + 1);
    world.session(&json!({}));
    world.change(&endpoint, &json!({"status": "enabled"}));
    assert_eq!(world.endpoints(&endpoint, "replay", &json!({"since": began}))["count"], 2);
}

/// A check makes calls that nobody's lane holds back.
#[test]
fn an_endpoint_is_checked_once_at_a_time() {
    let world = World::new();
    let endpoint = world.endpoint("old.example", &json!({}));
    let target = format!("/api/v1/{}/check", path(&endpoint));
    let check = || world.ask("operator", Method::Post, &target, &json!({}), &[]);
    let begin = || world.throw(world.begin("operator", Method::Post, &target, &json!({}), &[]));
    begin();
    let refused = world.fly(world.begin("operator", Method::Post, &target, &json!({}), &[])).expect("an answer");
    assert!(refused.status == 409 && refused.text.contains("check_under_way"), "{}", refused.text);
    world.land();
    assert_eq!((check().status, check().status), (200, 200));
    // One that is lost with the machine is not waited for long.
    begin();
    world.crash();
    world.now.set(world.now.get() + 59_999);
    assert_eq!(check().status, 409);
    world.now.set(world.now.get() + 1);
    assert_eq!(check().status, 200);
}
