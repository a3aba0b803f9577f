//! `Idempotency-Key`: the same request twice has one effect and one answer.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::testing::world::{Answer, World};

const SESSIONS: &str = "/api/v1/checkout-sessions";
const DAY_MS: u64 = 86_400_000;

fn post(world: &World, actor: &str, target: &str, body: &Value, key: &str) -> Answer {
    world.ask(actor, Method::Post, target, body, &[("idempotency-key", key)])
}

fn body(amount: u64) -> Value {
    json!({"amount": amount.to_string(), "currency": "USD"})
}

fn count(world: &World, table: &str) -> String {
    world.database().select(&format!("SELECT count(*) FROM {table}"))[0][0].clone()
}

#[test]
fn another_request_under_the_same_key_is_refused() {
    let world = World::new();
    let first = post(&world, "operator", SESSIONS, &body(5), "k");
    assert_eq!((first.status, first.is_replayed), (200, false));
    for quoted in ["k", "\"k\""] {
        let again = post(&world, "operator", SESSIONS, &body(5), quoted);
        assert_eq!(again, Answer { is_replayed: true, ..first.clone() });
    }
    let expire = format!("{SESSIONS}/{}/expire", first.body["id"].as_str().unwrap());
    let path = format!("/api/v1/accounts/{}", world.account.public());
    let others = [
        post(&world, "operator", SESSIONS, &body(6), "k"),
        post(&world, "operator", &format!("{SESSIONS}?a=b"), &body(5), "k"),
        post(&world, "operator", &expire, &body(5), "k"),
        world.ask("operator", Method::Patch, &path, &body(5), &[("idempotency-key", "k")]),
    ];
    for other in others {
        assert_eq!((other.status, &other.body["error"]["type"]), (422, &json!("idempotency_error")), "{}", other.body);
    }
    assert_eq!(world.all("checkout-sessions").len(), 1);
}

#[test]
fn a_refused_request_leaves_no_record() {
    let world = World::new();
    world.get("account");
    let refused = post(&world, "operator", SESSIONS, &json!({"amount": "0"}), "k");
    assert_eq!((refused.status, count(&world, "idempotency"), count(&world, "tasks")), (400, "0".to_owned(), "0".to_owned()));
    let mended = post(&world, "operator", SESSIONS, &body(5), "k");
    assert_eq!((mended.status, mended.is_replayed), (200, false));
}

#[test]
fn a_key_is_shown_once_and_its_secret_is_kept_nowhere() {
    let world = World::new();
    let first = post(&world, "operator", "/api/v1/api-keys", &json!({}), "k");
    let secret = first.body["secret"].as_str().expect("a key").to_owned();
    let again = post(&world, "operator", "/api/v1/api-keys", &json!({}), "k");
    let mut without = first.body.clone();
    without.as_object_mut().unwrap().remove("secret");
    assert_eq!((again.is_replayed, again.body), (true, without));
    for sql in ["SELECT * FROM objects", "SELECT * FROM idempotency"] {
        assert!(!world.database().select(sql).concat().concat().contains(&secret), "{sql}");
    }
}

#[test]
fn what_is_older_than_a_day_is_forgotten() {
    let world = World::new();
    for number in 0..2500 {
        post(&world, "operator", SESSIONS, &json!({"amount": "5", "currency": "USD"}), &number.to_string());
        world.now.set(world.now.get() + 1);
    }
    world.wait(86_395);
    assert_eq!(count(&world, "idempotency"), "2500");
    world.wait(10);
    assert_eq!(count(&world, "idempotency"), "0");
    assert_eq!(count(&world, "tasks WHERE kind = 'prune'"), "0");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn a_record_is_its_makers_and_lasts_a_day(acts in prop::collection::vec((0_usize..3, 0_u8..3, 0_u64..3, 0_u64..DAY_MS), 1..30)) {
        let world = World::new();
        let key = |name| world.operator(Method::Post, "api-keys", &json!({"name": name}))["secret"].as_str().unwrap().to_owned();
        let actors = ["operator".to_owned(), World::actor(&key("a")), World::actor(&key("b"))];
        let mut known: HashMap<(usize, u8), (u64, u64, Answer)> = HashMap::new();
        for (actor, key, amount, pause) in acts {
            // Half of all moments are right at the edge of a day.
            let edge = known.get(&(actor, key)).map(|(at, ..)| at + DAY_MS - pause % 2).filter(|edge| pause % 4 < 2 && *edge > world.now.get());
            world.wait_until(edge.unwrap_or(world.now.get() + pause));
            let answer = post(&world, &actors[actor], SESSIONS, &body(amount), &key.to_string());
            let record = known.get(&(actor, key)).filter(|(at, ..)| world.now.get() < at + DAY_MS);
            match record {
                Some((_, same, first)) if *same == amount => prop_assert_eq!(answer, Answer { is_replayed: true, ..first.clone() }),
                Some(_) => prop_assert_eq!(answer.status, 422),
                None if amount == 0 => prop_assert_eq!(answer.status, 400),
                None => {
                    prop_assert_eq!((answer.status, answer.is_replayed), (200, false));
                    prop_assert!(known.values().all(|(.., other)| other.body["id"] != answer.body["id"]));
                    known.insert((actor, key), (world.now.get(), amount, answer));
                }
            }
        }
    }
}
