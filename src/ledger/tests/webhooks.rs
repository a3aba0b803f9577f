//! When a webhook endpoint is called, and when no more: to the second.

use serde_json::{Value, json};

use crate::http::{Method, Now};
use crate::ledger::testing::script::{Manner, Webhook};
use crate::ledger::testing::world::{BEGIN, World};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What was published: seconds from one attempt to the next. A pause is up to a tenth longer.
const PAUSES: [u64; 9] = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
/// An endpoint that gets nothing but what is meant for it.
const QUIET: &str = "webhook.test";

fn quiet(world: &World, host: &str) -> Value {
    world.endpoint(host, &json!({"event_types": [QUIET]}))
}

fn answers(world: &World, host: &str, manner: Manner) {
    world.script.endpoints.borrow_mut().insert(host.to_owned(), manner);
}

/// Milliseconds from one of these to the next.
fn pauses(sent: &[Webhook]) -> Vec<u64> {
    sent.windows(2).map(|two| two[1].at - two[0].at).collect()
}

fn is_published(pause_ms: u64, attempt: usize) -> bool {
    let least = PAUSES[attempt - 1] * 1000;
    (least..=least + least / 10).contains(&pause_ms)
}

fn shown(world: &World, endpoint: &Value) -> Value {
    world.get(&format!("webhooks/{}", endpoint["id"].as_str().unwrap()))
}

fn events(world: &World, kind: &str) -> Vec<Value> {
    world.all(&format!("events?type={kind}"))
}

#[test]
fn what_is_not_taken_comes_ten_times_on_the_published_schedule() {
    for manner in [Manner::Answers(500), Manner::Answers(302), Manner::Answers(404), Manner::Silent, Manner::Away] {
        let world = World::new();
        let endpoint = quiet(&world, "shop.example");
        answers(&world, "shop.example", manner);
        let delivery = world.endpoints(&endpoint, "test", &json!({}));
        world.wait(10 * DAY);
        let sent = world.script.sent_to("shop.example");
        let pauses = pauses(&sent);
        assert_eq!(pauses.len(), 9, "{manner:?}");
        assert!((1..).zip(&pauses).all(|(attempt, pause)| is_published(*pause, attempt)), "{manner:?}: {pauses:?}");
        let whole = world.get(&format!("webhook-deliveries/{}", delivery["id"].as_str().unwrap()));
        assert_eq!((&whole["status"], &whole["attempt_count"]), (&json!("failed"), &json!(10)));
        // The log says the same.
        let log: Vec<u64> = whole["attempts"].as_array().unwrap().iter().map(|one| one["at"].as_u64().unwrap()).collect();
        assert_eq!(log, sent.iter().map(|one| one.at).collect::<Vec<_>>());
        // All of them are the same webhook, each signed at its own moment.
        for one in &sent {
            assert_eq!((one.id(), &one.body), (delivery["event"].as_str().unwrap(), &sent[0].body));
            assert_eq!(one.header("webhook-timestamp"), (one.at / 1000).to_string());
            assert!(one.is_signed_with(endpoint["secret"].as_str().unwrap()));
        }
        assert_eq!(world.database().select("SELECT count(*) FROM tasks"), [["0"]]);
    }
}

#[test]
fn what_failed_together_does_not_come_again_together() {
    let world = World::new();
    answers(&world, "shop.example", Manner::Away);
    let endpoint = quiet(&world, "shop.example");
    let again: Vec<Value> = (0..4)
        .map(|_| world.endpoints(&endpoint, "test", &json!({})))
        .map(|delivery| {
            world.wait(0);
            world.get(&format!("webhook-deliveries/{}", delivery["id"].as_str().unwrap()))["next_attempt_at"].clone()
        })
        .collect();
    assert!(again.iter().any(|moment| *moment != again[0]), "{again:?}");
}

#[test]
fn what_is_taken_does_not_come_again() {
    for (failures, until) in [(0, 0), (1, 3), (3, 10 * MINUTE)] {
        let world = World::new();
        let endpoint = quiet(&world, "shop.example");
        answers(&world, "shop.example", if failures == 0 { Manner::Answers(299) } else { Manner::Answers(500) });
        world.endpoints(&endpoint, "test", &json!({}));
        world.wait(until);
        answers(&world, "shop.example", Manner::Answers(204));
        world.wait(10 * DAY);
        assert_eq!(world.script.sent_to("shop.example").len(), failures + 1);
        assert_eq!(world.all("webhook-deliveries?status=delivered").len(), 1);
    }
}

#[test]
fn retry_after_is_obeyed_where_it_asks_for_more_and_up_to_a_day() {
    let date = |seconds: u64| {
        let moment = std::time::UNIX_EPOCH + std::time::Duration::from_secs(BEGIN / 1000 + seconds);
        httpdate::fmt_http_date(moment)
    };
    for (asked, from, to) in [
        ("120".to_owned(), 120_000, 120_000),
        ("1".to_owned(), 5000, 5500),
        (date(600), 600_000, 600_000),
        (date(2), 5000, 5500),
        ("86400".to_owned(), 86_400_000, 86_400_000),
        ("86401".to_owned(), 86_400_000, 86_400_000),
        ("99999999999999999999999".to_owned(), 86_400_000, 86_400_000),
        (date(400 * DAY), 86_400_000, 86_400_000),
        ("soon".to_owned(), 5000, 5500),
        ("-5".to_owned(), 5000, 5500),
    ] {
        for status in [429, 503, 302, 400] {
            let world = World::new();
            let endpoint = quiet(&world, "shop.example");
            answers(&world, "shop.example", Manner::Answers(status));
            *world.script.retry_after.borrow_mut() = Some(asked.clone());
            world.endpoints(&endpoint, "test", &json!({}));
            world.wait_until(BEGIN + to);
            let pauses = pauses(&world.script.sent_to("shop.example"));
            assert!(!pauses.is_empty() && (from..=to).contains(&pauses[0]), "{asked} with {status}: {pauses:?}");
        }
    }
}

#[test]
fn an_endpoint_that_says_410_is_called_no_more() {
    let world = World::new();
    let (gone, other) = (quiet(&world, "gone.example"), world.endpoint("other.example", &json!({"event_types": ["webhook.*"]})));
    answers(&world, "gone.example", Manner::Away);
    world.endpoints(&gone, "test", &json!({}));
    world.wait(1);
    // One waits for its second attempt while another is answered with 410.
    answers(&world, "gone.example", Manner::Answers(410));
    world.endpoints(&gone, "test", &json!({}));
    world.wait(1);
    let now = shown(&world, &gone);
    assert_eq!((&now["status"], &now["disabled_reason"]), (&json!("disabled"), &json!("gone")));
    answers(&world, "gone.example", Manner::Answers(200));
    world.wait(10 * DAY);
    assert_eq!(world.script.sent_to("gone.example").len(), 2);
    let refused =
        world.ask("operator", Method::Post, &format!("/api/v1/webhooks/{}/test", gone["id"].as_str().unwrap()), &json!({}), &[]);
    assert_eq!((refused.status, &refused.body["error"]["code"]), (409, &json!("webhook_disabled")));
    // It is told: to the merchant's other servers, and to the operator.
    let told = world.script.sent_to("other.example").into_iter().find(|one| one.json()["type"] == "webhook.disabled");
    assert_eq!(told.expect("an event").json()["data"]["object"]["id"], gone["id"]);
    let log = world.database().log.borrow().concat();
    let line =
        format!("webhook endpoint {} of {} was disabled: it answered 410", gone["id"].as_str().unwrap(), world.account.public());
    assert_eq!(log, line);
    assert_eq!(shown(&world, &other)["status"], "enabled");
    // Whoever enables it again gets what waited.
    world.change(&gone, &json!({"status": "enabled"}));
    world.wait(1);
    assert_eq!(world.script.sent_to("gone.example").len(), 3);
}

#[test]
fn that_nothing_arrives_is_told_once_and_so_is_its_end() {
    let world = World::new();
    let ill = quiet(&world, "ill.example");
    let well =
        world.endpoint("well.example", &json!({"event_types": ["webhook.failing", "webhook.recovered", "webhook.disabled"]}));
    answers(&world, "ill.example", Manner::Answers(500));
    let since = world.now.get();
    world.endpoints(&ill, "test", &json!({}));
    world.wait(5 * MINUTE - 1);
    assert_eq!((events(&world, "webhook.failing").len(), &shown(&world, &ill)["failing_since"]), (0, &Value::Null));
    world.wait(MINUTE);
    assert_eq!(events(&world, "webhook.failing").len(), 1);
    for _ in 0..3 {
        world.endpoints(&ill, "test", &json!({}));
        world.wait(HOUR);
    }
    let failing = events(&world, "webhook.failing");
    assert_eq!((failing.len(), &failing[0]["data"]["object"]["failing_since"]), (1, &json!(since)));
    answers(&world, "ill.example", Manner::Answers(200));
    world.endpoints(&ill, "test", &json!({}));
    world.wait(10 * DAY);
    let recovered = events(&world, "webhook.recovered");
    assert_eq!((recovered.len(), &recovered[0]["data"]["object"]["failing_since"]), (1, &Value::Null));
    assert_eq!((events(&world, "webhook.disabled").len(), &shown(&world, &ill)["failing_since"]), (0, &Value::Null));
    let told: Vec<Value> = world.script.sent_to("well.example").iter().map(|one| one.json()["type"].clone()).collect();
    assert_eq!(told, ["webhook.failing", "webhook.recovered"]);
    assert_eq!(shown(&world, &well)["status"], "enabled");
}

#[test]
fn a_dead_endpoint_is_given_up_after_three_days_and_not_before() {
    let world = World::new();
    let dead = world.endpoint("dead.example", &json!({"event_types": ["checkout.*", "webhook.*"]}));
    answers(&world, "dead.example", Manner::Silent);
    let since = world.now.get();
    while world.now.get() < since + 71 * HOUR * 1000 {
        world.session(&json!({}));
        world.wait(HOUR);
        assert_eq!(shown(&world, &dead)["status"], "enabled");
    }
    world.session(&json!({}));
    world.wait(2 * HOUR);
    let now = shown(&world, &dead);
    assert_eq!((&now["status"], &now["disabled_reason"]), (&json!("disabled"), &json!("dead")));
    let disabled = events(&world, "webhook.disabled");
    let after_ms = disabled[0]["created_at"].as_u64().unwrap() - since;
    assert!((72 * HOUR * 1000..74 * HOUR * 1000).contains(&after_ms), "{after_ms}");
    let log = world.database().log.borrow().clone();
    assert!(log.len() == 1 && log[0].contains("was disabled: nothing reached it for three days"), "{log:?}");
    let calls = world.script.sent_to("dead.example").len();
    world.session(&json!({}));
    world.wait(10 * DAY);
    assert_eq!(world.script.sent_to("dead.example").len(), calls);
    // It was never told about itself.
    assert!(world.script.sent_to("dead.example").iter().all(|one| one.json()["data"]["object"]["id"] != dead["id"]));
    // Its health begins anew: one failure more is not the last of three days.
    world.change(&dead, &json!({"status": "enabled"}));
    world.wait(HOUR);
    assert_eq!(shown(&world, &dead)["status"], "enabled");
}

#[test]
fn one_success_begins_the_three_days_anew() {
    let world = World::new();
    let endpoint = quiet(&world, "shop.example");
    for day in 0..8 {
        answers(&world, "shop.example", Manner::Away);
        world.endpoints(&endpoint, "test", &json!({}));
        world.wait(2 * DAY);
        answers(&world, "shop.example", Manner::Answers(200));
        world.endpoints(&endpoint, "test", &json!({}));
        world.wait(1);
        assert_eq!(shown(&world, &endpoint)["status"], "enabled", "on day {}", 2 * day);
    }
}

#[test]
fn a_paused_endpoint_gets_everything_later() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["checkout.session.created"]}));
    answers(&world, "shop.example", Manner::Away);
    world.session(&json!({}));
    world.wait(1);
    world.change(&endpoint, &json!({"status": "paused"}));
    answers(&world, "shop.example", Manner::Answers(200));
    for _ in 0..6 {
        world.session(&json!({}));
        world.wait(DAY);
    }
    assert_eq!(world.script.sent_to("shop.example").len(), 1);
    assert_eq!(shown(&world, &endpoint)["status"], "paused", "nobody disables it meanwhile");
    world.change(&endpoint, &json!({"status": "enabled"}));
    world.wait(1);
    assert_eq!(world.script.sent_to("shop.example").len(), 8);
    world.wait(10 * DAY);
    assert_eq!((world.script.sent_to("shop.example").len(), world.all("webhook-deliveries?status=delivered").len()), (8, 7));
}

#[test]
fn a_disabled_endpoint_gets_what_waited_and_nothing_that_happened_meanwhile() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["checkout.session.created"]}));
    answers(&world, "shop.example", Manner::Away);
    let before = world.session(&json!({}));
    world.wait(1);
    let disabled = world.change(&endpoint, &json!({"status": "disabled"}));
    assert_eq!(disabled["disabled_reason"], "requested");
    answers(&world, "shop.example", Manner::Answers(200));
    world.session(&json!({}));
    world.wait(DAY);
    assert_eq!(world.script.sent_to("shop.example").len(), 1);
    assert_eq!(world.change(&endpoint, &json!({"status": "enabled"}))["disabled_reason"], Value::Null);
    world.wait(DAY);
    let sent = world.script.sent_to("shop.example");
    assert_eq!((sent.len(), &sent[1].json()["data"]["object"]["id"]), (2, &before["id"]));
}

#[test]
fn nothing_is_sent_to_an_endpoint_that_was_deleted() {
    let world = World::new();
    let endpoint = world.endpoint("shop.example", &json!({"event_types": ["checkout.session.created"]}));
    let path = format!("webhooks/{}", endpoint["id"].as_str().unwrap());
    answers(&world, "shop.example", Manner::Answers(500));
    world.session(&json!({}));
    world.wait(1);
    // One waits, one is on its way.
    world.session(&json!({}));
    world.ring();
    world.step(0);
    let gone = world.operator(Method::Delete, &path, &Value::Null);
    assert_eq!(gone, json!({"id": endpoint["id"], "object": "webhook_endpoint", "deleted": true}));
    world.session(&json!({}));
    world.wait(10 * DAY);
    assert_eq!(world.script.sent_to("shop.example").len(), 2);
    assert_eq!(world.ask("operator", Method::Get, &format!("/api/v1/{path}"), &Value::Null, &[]).status, 404);
    // What was owed stays to be seen, and cannot be sent again.
    let log = world.all(&format!("webhook-deliveries?webhook_endpoint={}", endpoint["id"].as_str().unwrap()));
    assert!(log.len() == 2 && log.iter().all(|one| one["status"] == "canceled" && one["attempt_count"] == 1), "{log:?}");
    assert_eq!(world.get(&format!("webhook-deliveries/{}", log[1]["id"].as_str().unwrap()))["attempts"][0]["status"], 500);
    let retry = format!("/api/v1/webhook-deliveries/{}/retry", log[0]["id"].as_str().unwrap());
    assert_eq!(world.ask("operator", Method::Post, &retry, &json!({}), &[]).status, 404);
    assert_eq!(world.database().select("SELECT count(*) FROM tasks WHERE kind = 'webhook'"), [["0"]]);
}

/// The first was taken for lost, and was not.
#[test]
fn of_two_attempts_at_a_time_the_one_that_is_taken_counts() {
    for (first, second) in [(200, 500), (500, 200)] {
        let world = World::new();
        let endpoint = quiet(&world, "shop.example");
        let path = format!("/api/v1/webhooks/{}/test", endpoint["id"].as_str().unwrap());
        world.fly(world.begin("operator", Method::Post, &path, &json!({}), &[]));
        for _ in 0..2 {
            world.ring();
            world.step_where(<[_]>::is_empty);
            world.now.set(world.now.get() + 300_000);
        }
        assert_eq!(world.script.sent_to("shop.example").len(), 2);
        for status in [first, second] {
            answers(&world, "shop.example", Manner::Answers(status));
            world.step(0);
        }
        world.wait(DAY);
        assert_eq!(world.script.sent_to("shop.example").len(), 2, "{first}, {second}");
        let delivery = world.all("webhook-deliveries").remove(0);
        assert_eq!((&delivery["status"], &delivery["attempt_count"]), (&json!("delivered"), &json!(2)));
    }
}

#[test]
fn an_endpoint_that_hangs_keeps_nobody_waiting() {
    let world = World::new();
    for host in ["slow.example", "well.example"] {
        world.endpoint(host, &json!({"event_types": ["checkout.session.created"]}));
    }
    // What goes to the slow one stays in the air; the rest gets its replies at once.
    for _ in 0..20 {
        world.session(&json!({}));
    }
    answers(&world, "slow.example", Manner::Silent);
    for _ in 0..40 {
        world.ring();
        while world.step_where(|asks| asks.iter().all(|ask| !ask.call.url.contains("slow"))) {}
    }
    assert_eq!(world.script.sent_to("slow.example").len(), 4);
    assert_eq!(world.script.sent_to("well.example").len(), 20);
}

/// It may have failed under them; and what fails at once would have its neighbours' time.
#[test]
fn who_failed_last_rests_and_gets_one_at_a_time_until_it_takes_something() {
    let world = World::new();
    world.endpoint("shop.example", &json!({"event_types": ["checkout.session.created"]}));
    for _ in 0..20 {
        world.session(&json!({}));
    }
    let begun = || {
        world.ring();
        while world.step_where(<[_]>::is_empty) {}
        world.script.sent_to("shop.example").len()
    };
    assert_eq!((begun(), begun()), (4, 4));
    answers(&world, "shop.example", Manner::Answers(500));
    let after_another = || {
        world.step(0);
        begun()
    };
    let rested = |milliseconds| {
        world.now.set(world.now.get() + milliseconds);
        begun()
    };
    assert_eq!([(); 4].map(|()| after_another()), [4; 4]);
    assert_eq!(world.database().wake.get(), Some(Now(world.now.get() + 100)));
    assert_eq!([99, 1, 100].map(rested), [4, 5, 5]);
    assert_eq!((after_another(), rested(100)), (5, 6));
    answers(&world, "shop.example", Manner::Answers(200));
    assert_eq!([(); 3].map(|()| after_another()), [10, 11, 12]);
}
