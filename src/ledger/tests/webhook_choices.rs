//! Which webhooks an endpoint gets, how they are written and signed, and how they are sent once more.

use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::testing::script::Manner;
use crate::ledger::testing::world::World;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

/// The types of what an endpoint got, the first first.
fn types(world: &World, host: &str) -> Vec<String> {
    world.script.sent_to(host).iter().map(|one| one.json()["type"].as_str().expect("a type").to_owned()).collect()
}

fn answers(world: &World, host: &str, manner: Manner) {
    world.script.endpoints.borrow_mut().insert(host.to_owned(), manner);
}

/// Status and parameter of a request about an endpoint that is refused.
fn refused(world: &World, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let answer = world.ask("operator", method, &format!("/api/v1/{path}"), body, &[]);
    (answer.status, answer.body["error"]["param"].clone())
}

#[test]
fn each_endpoint_gets_what_it_asks_for() {
    let world = World::new();
    for (host, types) in [
        ("all.example", json!(null)),
        ("star.example", json!(["*"])),
        ("created.example", json!(["checkout.session.created", "payment.*"])),
        ("canceled.example", json!(["checkout.session.canceled"])),
        ("sessions.example", json!(["checkout.session.*"])),
        ("none.example", json!(["payment.late"])),
    ] {
        world.endpoint(host, &json!({"event_types": types}));
    }
    let session = world.session(&json!({}));
    world.operator(Method::Post, &format!("checkout-sessions/{}/cancel", id(&session)), &json!({}));
    world.wait(1);
    let (created, canceled) = ("checkout.session.created".to_owned(), "checkout.session.canceled".to_owned());
    for host in ["all.example", "star.example"] {
        let got: Vec<String> = types(&world, host).into_iter().filter(|kind| !kind.starts_with("webhook.")).collect();
        assert_eq!(got, [created.clone(), canceled.clone()], "{host}");
    }
    assert_eq!(types(&world, "created.example"), std::slice::from_ref(&created));
    assert_eq!(types(&world, "canceled.example"), std::slice::from_ref(&canceled));
    assert_eq!(types(&world, "sessions.example"), [created, canceled]);
    assert_eq!(types(&world, "none.example"), Vec::<String>::new());
    // A test reaches whom it is meant for, whatever they get otherwise.
    world.endpoints(&world.all("webhooks")[5], "test", &json!({}));
    world.wait(1);
    assert_eq!(types(&world, "none.example"), ["webhook.test"]);
    assert!(!types(&world, "all.example").contains(&"webhook.test".to_owned()));
}

#[test]
fn no_endpoint_is_told_about_itself() {
    let world = World::new();
    let one = world.endpoint("one.example", &json!({}));
    let two = world.endpoint("two.example", &json!({}));
    world.change(&one, &json!({"description": "first"}));
    world.operator(Method::Delete, &format!("webhooks/{}", id(&two)), &Value::Null);
    world.wait(DAY);
    assert_eq!(types(&world, "one.example"), ["webhook.created", "webhook.deleted"]);
    assert_eq!(types(&world, "two.example"), Vec::<String>::new(), "it is gone");
    let about = |one: &crate::ledger::testing::script::Webhook| one.json()["data"]["object"]["id"].clone();
    assert!(world.script.sent_to("one.example").iter().all(|webhook| about(webhook) == two["id"]));
}

#[test]
fn real_and_test_payments_are_told_apart() {
    let world = World::new();
    let key = |livemode: bool| {
        let key = world.operator(Method::Post, "api-keys", &json!({"livemode": livemode}));
        World::actor(key["secret"].as_str().unwrap())
    };
    let (live, test) = (key(true), key(false));
    let types = json!(["checkout.*"]);
    for (host, actor) in [("live.example", &live), ("test.example", &test)] {
        let body = json!({"url": format!("https://{host}/"), "event_types": types});
        let made = world.ask(actor, Method::Post, "/api/v1/webhooks", &body, &[]);
        assert_eq!((made.status, &made.body["livemode"]), (200, &json!(host == "live.example")));
    }
    let session = json!({"amount": "5", "currency": "USD"});
    let made = world.ask(&test, Method::Post, "/api/v1/checkout-sessions", &session, &[]);
    world.wait(1);
    assert_eq!(world.script.sent_to("live.example").len(), 0);
    let got = world.script.sent_to("test.example").remove(0).json();
    assert_eq!((&got["livemode"], &got["data"]["object"]), (&json!(false), &made.body));
    world.ask(&live, Method::Post, "/api/v1/checkout-sessions", &session, &[]);
    world.wait(1);
    assert_eq!((world.script.sent_to("live.example").len(), world.script.sent_to("test.example").len()), (1, 1));
    // Neither key knows the other's endpoint.
    let others = world.all("webhooks?livemode=false").remove(0);
    let path = format!("/api/v1/webhooks/{}", id(&others));
    for method in [Method::Get, Method::Patch, Method::Delete] {
        assert_eq!(world.ask(&live, method, &path, &Value::Null, &[]).status, 404);
    }
    assert_eq!(world.ask(&live, Method::Get, "/api/v1/webhooks", &Value::Null, &[]).body["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_webhook_is_the_event_or_its_beginning() {
    let world = World::new();
    for (host, payload) in [("full.example", "full"), ("thin.example", "thin")] {
        world.endpoint(host, &json!({"payload": payload, "event_types": ["checkout.session.created"]}));
    }
    world.now.set(world.now.get() + 7);
    let session = world.session(&json!({"metadata": {"name": "Zoë \"the\" <b>\u{2028}"}}));
    world.wait(1);
    let event = world.all("events?type=checkout.session.created").remove(0);
    let mut expected = event.clone();
    expected["timestamp"] = json!("2027-01-15T08:00:00.007Z");
    assert_eq!(world.script.sent_to("full.example")[0].json(), expected);
    assert_eq!(expected["data"]["object"], session);
    expected["data"]["object"] = json!({"id": session["id"], "object": "checkout.session"});
    let thin = &world.script.sent_to("thin.example")[0];
    assert_eq!(thin.json(), expected);
    assert_eq!((thin.id(), thin.header("content-type")), (id(&event), "application/json"));
}

#[test]
fn old_and_new_secrets_sign_together_until_the_old_ones_end() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["webhook.test"]}));
    let mut secrets = vec![endpoint["secret"].as_str().unwrap().to_owned()];
    let rotate = |hours: u64| world.endpoints(&endpoint, "rotate-secret", &json!({"overlap_seconds": hours * HOUR}));
    let signed = |secrets: &[String]| {
        world.endpoints(&endpoint, "test", &json!({}));
        world.wait(0);
        let webhook = world.script.sent_to("shop.example").pop().expect("a webhook");
        let by: Vec<bool> = secrets.iter().map(|secret| webhook.is_signed_with(secret)).collect();
        assert_eq!(webhook.signatures(), by.iter().filter(|signed| **signed).count(), "a signature that nobody knows");
        by
    };
    let began = world.now.get();
    assert_eq!(signed(&secrets), [true]);
    for hours in [24, 48] {
        let rotated = rotate(hours);
        secrets.push(rotated["secret"].as_str().unwrap().to_owned());
        let hint = rotated["secret_hint"].as_str().unwrap().trim_start_matches("whsec_…").to_owned();
        assert!(secrets.last().unwrap().trim_end_matches('=').ends_with(&hint));
        assert_eq!(rotated["old_secret_expires_at"], began + hours * HOUR * 1000);
    }
    // The second rotation does not put off the end of the first secret.
    for (moment, expected) in [
        (began, [true, true, true]),
        (began + 24 * HOUR * 1000 - 1, [true, true, true]),
        (began + 24 * HOUR * 1000, [false, true, true]),
        (began + 48 * HOUR * 1000 - 1, [false, true, true]),
        (began + 48 * HOUR * 1000, [false, false, true]),
        (began + 400 * DAY * 1000, [false, false, true]),
    ] {
        world.wait_until(moment);
        assert_eq!(signed(&secrets), expected, "at {}", moment - began);
    }
    let last = rotate(0);
    secrets.push(last["secret"].as_str().unwrap().to_owned());
    assert_eq!(signed(&secrets), [false, false, false, true], "without an overlap the old one ends at once");
}

#[test]
fn five_secrets_are_enough() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({}));
    let path = format!("webhooks/{}/rotate-secret", id(&endpoint));
    for _ in 0..4 {
        world.operator(Method::Post, &path, &json!({}));
    }
    assert_eq!(refused(&world, Method::Post, &path, &json!({})), (400, json!("overlap_seconds")));
    assert_eq!(refused(&world, Method::Post, &path, &json!({"overlap_seconds": 604_801})), (400, json!("overlap_seconds")));
    // One that leaked is ended all the same, and with it the others.
    let last = world.operator(Method::Post, &path, &json!({"overlap_seconds": 0}));
    assert_eq!(last["old_secret_expires_at"], Value::Null);
    world.endpoints(&endpoint, "test", &json!({}));
    world.wait(0);
    let webhook = world.script.sent_to("shop.example").pop().expect("a webhook");
    assert!(webhook.signatures() == 1 && webhook.is_signed_with(last["secret"].as_str().unwrap()));
    for _ in 0..4 {
        world.operator(Method::Post, &path, &json!({}));
    }
    world.wait(DAY);
    world.operator(Method::Post, &path, &json!({}));
}

#[test]
fn a_secret_is_shown_once_and_never_replayed() {
    let world = World::new();
    let post = |path: &str, body: &Value, key: &str| {
        world.ask("operator", Method::Post, &format!("/api/v1/{path}"), body, &[("idempotency-key", key)])
    };
    let body = json!({"url": "https://shop.example/hook"});
    let first = post("webhooks", &body, "a");
    let rotate = format!("webhooks/{}/rotate-secret", id(&first.body));
    let second = post(&rotate, &json!({}), "b");
    let secrets = [&first, &second].map(|answer| answer.body["secret"].as_str().expect("a secret").to_owned());
    for (again, first) in [(post("webhooks", &body, "a"), first), (post(&rotate, &json!({}), "b"), second)] {
        let mut without = first.body.clone();
        without.as_object_mut().unwrap().remove("secret");
        assert_eq!((again.is_replayed, again.body), (true, without));
    }
    let endpoint = world.all("webhooks").remove(0);
    world.change(&endpoint, &json!({"description": "x"}));
    world.endpoints(&endpoint, "test", &json!({}));
    world.wait(1);
    assert_eq!(world.all("webhooks").len(), 1, "it was made once");
    let everything = ["webhooks", "events", "webhook-deliveries"].map(|path| json!(world.all(path)).to_string()).concat();
    let everything = everything + &world.get(&format!("webhooks/{}", id(&endpoint))).to_string();
    let kept = ["data FROM objects", "* FROM attempts", "* FROM idempotency"]
        .map(|from| world.database().select(&format!("SELECT {from}")));
    let everything = everything + &kept.concat().concat().concat() + &world.database().log.borrow().concat();
    for secret in secrets {
        assert!(!everything.contains(secret.trim_start_matches("whsec_")));
    }
}

#[test]
fn one_event_is_sent_again_whatever_came_of_it() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["checkout.session.created"]}));
    let replay = |event: &Value| world.endpoints(&endpoint, "replay", &json!({"event": event["id"]}));
    world.session(&json!({}));
    world.wait(1);
    let event = world.all("events?type=checkout.session.created").remove(0);
    let replayed = replay(&event);
    assert_eq!((&replayed["count"], &replayed["has_more"]), (&json!(1), &json!(false)));
    assert_eq!(replay(&event)["count"], 0, "it is on its way already");
    world.wait(1);
    let sent = world.script.sent_to("shop.example");
    assert!(sent.len() == 2 && sent[0].id() == sent[1].id() && sent[0].body == sent[1].body);
    // What it was never owed, and what it does not ask for.
    let older = world.all("events").remove(0);
    assert_ne!(older["type"], "checkout.session.created");
    assert_eq!(replay(&older)["count"], 1);
    world.wait(1);
    assert_eq!(world.script.sent_to("shop.example")[2].id(), id(&older));
    // A replay that fails has all its attempts.
    answers(&world, "shop.example", Manner::Answers(500));
    replay(&event);
    world.wait(20 * DAY);
    assert_eq!(world.script.sent_to("shop.example").len(), 13);
    let path = format!("webhooks/{}/replay", id(&endpoint));
    assert_eq!(refused(&world, Method::Post, &path, &json!({"event": event["id"]})).0, 409, "it is disabled by now");
    world.change(&endpoint, &json!({"status": "enabled"}));
    let nobodys = format!("evt_{}", "0".repeat(32));
    for (body, expected) in [
        (json!({"event": nobodys}), (404, Value::Null)),
        (json!({}), (400, json!("since"))),
        (json!({"since": 0, "which": "some"}), (400, json!("which"))),
        (json!({"since": 0, "event": event["id"]}), (400, json!("since"))),
        (json!({"since": -1}), (400, json!("since"))),
    ] {
        assert_eq!(refused(&world, Method::Post, &path, &body), expected, "{body}");
    }
}

/// So many events, a second apart, of which the endpoint took a fifth. It said 410 to the rest, and was enabled again each time.
fn bad_day(world: &World, endpoint: &Value, sessions: usize) {
    for number in 0..sessions {
        answers(world, "shop.example", if number % 5 == 0 { Manner::Answers(200) } else { Manner::Answers(410) });
        world.session(&json!({}));
        world.wait(1);
        world.change(endpoint, &json!({"status": "enabled"}));
    }
    answers(world, "shop.example", Manner::Answers(200));
}

/// Replays what failed, page by page; how many events, and how many pages.
fn replay_failed(world: &World, endpoint: &Value, since: u64, until: u64) -> (usize, usize) {
    let (mut count, mut pages, mut body) = (0, 0, json!({"since": since, "until": until}));
    loop {
        let page = world.endpoints(endpoint, "replay", &body);
        (count, pages) = (count + page["count"].as_u64().unwrap(), pages + 1);
        if page["has_more"] == false {
            return (usize::try_from(count).unwrap(), pages);
        }
        body["starting_after"] = page["last_event"].clone();
    }
}

#[test]
fn a_range_is_sent_again_page_by_page() {
    const SESSIONS: usize = 520;
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["checkout.session.created"]}));
    let (began, sent) = (world.now.get(), || world.script.sent_to("shop.example"));
    bad_day(&world, &endpoint, SESSIONS);
    let failed = world.all("webhook-deliveries?status=failed").len();
    assert_eq!(failed, SESSIONS - SESSIONS / 5);
    // Each 410 was two events more: the endpoint was disabled, and enabled.
    let (before, until) = (sent().len(), began + 1000 * SESSIONS as u64);
    assert_eq!(replay_failed(&world, &endpoint, began, until), (failed, 3));
    world.wait(1);
    assert_eq!((sent().len() - before, world.all("webhook-deliveries?status=failed").len()), (failed, 0));
    assert_eq!(replay_failed(&world, &endpoint, began, until).0, 0, "nothing failed any more");
    // All of a range: what was taken too, and nothing before or after it.
    let all = world.endpoints(&endpoint, "replay", &json!({"since": began + 1, "until": began + 9000, "which": "all"}));
    world.wait(1);
    let again = sent().split_off(before + failed);
    let moments: Vec<u64> = again.iter().map(|one| (one.json()["created_at"].as_u64().unwrap() - began) / 1000).collect();
    assert_eq!((&all["count"], moments), (&json!(9), (1..=9).collect()));
}

#[test]
fn what_happened_while_an_endpoint_was_not_there_can_be_sent_later() {
    let world = World::new();
    let began = world.now.get();
    world.session(&json!({}));
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["checkout.session.created"]}));
    world.change(&endpoint, &json!({"status": "disabled"}));
    world.session(&json!({}));
    world.change(&endpoint, &json!({"status": "enabled"}));
    world.wait(1);
    assert_eq!(world.script.sent_to("shop.example").len(), 0);
    assert_eq!(world.endpoints(&endpoint, "replay", &json!({"since": began}))["count"], 2);
    world.wait(1);
    assert_eq!(types(&world, "shop.example"), ["checkout.session.created"; 2]);
}

#[test]
fn a_retry_has_all_its_attempts_again() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["webhook.test"]}));
    answers(&world, "shop.example", Manner::Away);
    let delivery = world.endpoints(&endpoint, "test", &json!({}));
    let path = format!("webhook-deliveries/{}", id(&delivery));
    world.wait(HOUR);
    assert_eq!(world.script.sent_to("shop.example").len(), 4);
    let again = world.operator(Method::Post, &format!("{path}/retry"), &json!({}));
    assert_eq!((&again["status"], again["attempts"].as_array().unwrap().len()), (&json!("pending"), 4));
    world.wait(6);
    assert_eq!(world.script.sent_to("shop.example").len(), 6, "now, and five seconds later");
    answers(&world, "shop.example", Manner::Answers(200));
    world.wait(DAY);
    assert_eq!(world.get(&path)["attempt_count"], 7);
}

/// Another URL is not held to what was wrong with the last one.
#[test]
fn a_new_url_begins_its_health_anew() {
    let world = World::new();
    let endpoint = world.endpoint("old.example", &json!({"event_types": ["webhook.test"]}));
    for host in ["old.example", "new.example"] {
        answers(&world, host, Manner::Away);
    }
    world.endpoints(&endpoint, "test", &json!({}));
    world.wait(70 * HOUR);
    let changed = world.change(&endpoint, &json!({"url": "https://new.example/hook"}));
    assert_eq!(changed["failing_since"], Value::Null);
    world.endpoints(&endpoint, "test", &json!({}));
    world.wait(3 * HOUR);
    assert_eq!(world.get(&format!("webhooks/{}", id(&endpoint)))["status"], "enabled");
}

/// Endpoints that answer at once and have much to take do not keep another one waiting.
#[test]
fn a_backlog_keeps_nobody_else_waiting() {
    let world = World::new();
    let fields = |livemode: bool| json!({"event_types": ["webhook.test"], "status": "paused", "livemode": livemode});
    let busy: Vec<Value> = (0..7).map(|number| world.endpoint(&format!("busy{number}.example"), &fields(false))).collect();
    let other = world.endpoint("other.example", &fields(true));
    for endpoint in &busy {
        (0..60).for_each(|_| drop(world.endpoints(endpoint, "test", &json!({}))));
    }
    world.endpoints(&other, "test", &json!({}));
    for endpoint in busy.iter().chain([&other]) {
        world.change(endpoint, &json!({"status": "enabled"}));
    }
    world.wait(1);
    let sent = world.script.webhooks.borrow();
    let before = sent.iter().position(|one| one.host == "other.example").expect("a webhook");
    assert!(sent.len() == 421 && before < 200, "{before} of {} came first", sent.len());
}

/// However often something was tried, there is an answer that says so.
#[test]
fn the_last_hundred_attempts_are_shown() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["webhook.test"]}));
    let path = format!("webhook-deliveries/{}", id(&world.endpoints(&endpoint, "test", &json!({}))));
    for _ in 0..110 {
        world.wait(0);
        world.operator(Method::Post, &format!("{path}/retry"), &json!({}));
    }
    let numbers: Vec<u64> =
        world.get(&path)["attempts"].as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (11..=110).collect::<Vec<u64>>());
}
