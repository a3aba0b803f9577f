//! Whoever listens hears everything that they want, once and in order, whatever happens to them, to the ledger and to time.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::live_reader::{Reader, customer, say, with_reader};
use crate::http::Method;
use crate::ledger::live::WINDOW;
use crate::ledger::testing::world::World;

const FILTERS: [&str; 3] = ["*", "checkout.session.created", "api_key.*,checkout.session.canceled"];

#[derive(Clone, Debug)]
enum Act {
    /// So many events happen.
    Happen(usize),
    /// A reader reads so many messages.
    Read(usize, usize),
    /// A reader's line breaks without a word, and they come back.
    Lose(usize),
    /// The ledger sleeps and wakes: what is not in a row is forgotten.
    Sleep,
    /// The machine is lost, and all sockets with it.
    Crash,
    /// Seconds pass.
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let reader = 0..FILTERS.len();
    prop_oneof![
        6 => (1_usize..90).prop_map(Act::Happen),
        8 => (reader.clone(), 1_usize..200).prop_map(|(who, count)| Act::Read(who, count)),
        1 => reader.prop_map(Act::Lose),
        1 => Just(Act::Sleep),
        1 => Just(Act::Crash),
        2 => (0_u64..90).prop_map(Act::Pass),
    ]
}

fn happens(world: &World, readers: &mut [Reader], act: &Act) {
    match act {
        Act::Happen(count) => {
            for number in 0..*count {
                if number % 5 == 4 {
                    world.operator(Method::Post, "api-keys", &json!({}));
                } else {
                    world.session(&json!({}));
                }
            }
        }
        Act::Read(who, count) => readers[*who].read(world, *count),
        Act::Lose(who) => come_back(world, &mut readers[*who]),
        Act::Sleep => world.database().restart(),
        Act::Crash => {
            world.crash();
            world.database().open.borrow_mut().clear();
            for reader in readers.iter_mut() {
                come_back(world, reader);
            }
        }
        Act::Pass(seconds) => world.wait(*seconds),
    }
    for reader in readers {
        let owed = reader.inbox(world).iter().filter(|text| text.contains(r#""type":"event""#)).count();
        assert!(owed <= WINDOW as usize, "{owed} messages wait for somebody who does not read");
    }
}

fn come_back(world: &World, reader: &mut Reader) {
    *reader = Reader::connect(world, reader.filter, std::mem::take(&mut reader.seen));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn everything_is_heard_once_and_in_order(acts in prop::collection::vec(act(), 1..30)) {
        let world = World::new();
        world.session(&json!({}));
        let before = world.all("events").last().map(|event| event["id"].as_str().expect("an id").to_owned());
        let begin = |filter| Reader::connect(&world, filter, before.iter().cloned().collect());
        let mut readers: Vec<Reader> = FILTERS.into_iter().map(begin).collect();
        for act in &acts {
            happens(&world, &mut readers, act);
        }
        let events = world.all("events");
        for reader in &mut readers {
            for _ in 0..100 {
                reader.read(&world, 1000);
                world.wait(0);
                if reader.closed.is_some() {
                    prop_assert_eq!(reader.closed.as_deref(), Some("4008"));
                    come_back(&world, reader);
                }
            }
            let all = events.iter().filter(|event| reader.wants(event["type"].as_str().expect("a type")));
            let all: Vec<String> = all.map(|event| event["id"].as_str().expect("an id").to_owned()).collect();
            let all: Vec<String> = all.into_iter().filter(|id| Some(id) > before.as_ref()).collect();
            prop_assert_eq!(&reader.seen[1..], all.as_slice());
        }
    }
}

/// Reads until nothing more comes.
fn read_all(world: &World, reader: &mut Reader) {
    while !reader.inbox(world).is_empty() {
        reader.read(world, usize::MAX);
        world.wait(0);
    }
}

/// The events of these types there are.
fn events(world: &World, kind: &str) -> Vec<String> {
    let all = world.all("events").into_iter().filter(|event| event["type"] == kind);
    all.map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

/// Before the first event stands what is before all.
#[test]
fn where_nothing_happened_yet_events_begin_too() {
    let world = World::new();
    world.session(&json!({}));
    let none = format!("evt_{}", "0".repeat(32));
    let reader = Reader::open(&world, "operator", "?livemode=false", &[]);
    assert_eq!(reader.inbox(&world)[0], format!(r#"{{"type":"listening","id":"{none}"}}"#));
    world.operator(Method::Post, "api-keys", &json!({"livemode": false}));
    let mut back = Reader::open(&world, "operator", &format!("?livemode=false&after={none}"), &[]);
    read_all(&world, &mut back);
    assert_eq!(back.seen.as_slice(), [world.all("events?livemode=false")[0]["id"].as_str().expect("an id")]);
}

/// Whoever breaks off before the first event knows where to begin all the same.
#[test]
fn the_first_thing_told_is_where_events_begin() {
    let world = World::new();
    let first = |reader: &Reader| serde_json::from_str::<Value>(&reader.inbox(&world)[0]).expect("JSON");
    world.session(&json!({}));
    let created = events(&world, "checkout.session.created");
    let reader = Reader::connect(&world, "*", Vec::new());
    assert_eq!(first(&reader), json!({"type": "listening", "id": created[0]}));
    world.session(&json!({}));
    let mut back = Reader::connect(&world, "*", created);
    assert_eq!(first(&back), first(&reader));
    read_all(&world, &mut back);
    assert_eq!(back.seen, events(&world, "checkout.session.created"));
}

/// A browser comes back with the address that it began with.
#[test]
fn the_last_event_seen_counts_more_than_the_address() {
    let world = World::new();
    (0..3).for_each(|_| drop(world.session(&json!({}))));
    let all = events(&world, "checkout.session.created");
    let hears = |header: &str| {
        let mut reader = Reader::open(&world, "operator", &format!("?after={}", all[0]), &[("last-event-id", header)]);
        read_all(&world, &mut reader);
        reader.seen
    };
    assert_eq!(hears(&all[1]), all[2..]);
    assert_eq!(hears(""), all[1..]);
}

#[test]
fn whoever_comes_back_hears_of_their_session_and_their_mode_alone() {
    let world = World::new();
    let session = world.session(&json!({}));
    let before = events(&world, "checkout.session.created").concat();
    world.session(&json!({}));
    let key = world.operator(
        Method::Post,
        "api-keys",
        &json!({"livemode": false, "scopes": ["events:read", "checkout_sessions:write"]}),
    );
    let tester = World::actor(key["secret"].as_str().expect("a secret"));
    let fields = json!({"amount": "25", "currency": "USD"});
    assert_eq!(world.ask(&tester, Method::Post, "/api/v1/checkout-sessions", &fields, &[]).status, 200);
    let path = format!("checkout-sessions/{}/cancel", session["id"].as_str().expect("an id"));
    world.operator(Method::Post, &path, &Value::Null);
    let hears = |actor: &str, query: &str| {
        let mut reader = Reader::open(&world, actor, &format!("?after={before}{query}"), &[]);
        read_all(&world, &mut reader);
        reader.seen
    };
    let of_session = format!("&checkout_session={}", session["id"].as_str().expect("an id"));
    assert_eq!(hears("operator", &of_session), events(&world, "checkout.session.canceled"));
    assert_eq!(hears(&tester, &of_session), [""; 0]);
    // The key, and the session of its mode; the other session, and what was canceled.
    assert_eq!((hears("operator", "").len(), hears(&tester, "").len()), (2, 2));
}

/// What is looked through in a turn may hold nothing for them.
#[test]
fn what_is_rare_is_found_behind_much_else() {
    let world = World::new();
    world.session(&json!({}));
    let before = events(&world, "checkout.session.created");
    (0..1300).for_each(|_| drop(world.session(&json!({}))));
    world.operator(Method::Post, "api-keys", &json!({}));
    let mut reader = Reader::connect(&world, "api_key.*", before);
    reader.seen.clear();
    read_all(&world, &mut reader);
    assert_eq!((reader.seen, reader.closed), (events(&world, "api_key.created"), None));
}

/// Whoever was held when they asked for what came before is told both.
#[test]
fn whoever_asks_for_what_came_before_loses_nothing_of_what_they_are_owed() {
    let (world, mut reader) = with_reader(WINDOW + 50);
    let all = events(&world, "checkout.session.created");
    say(&world, &reader.socket, &json!({"type": "subscribe", "event_types": ["api_key.*"], "after": all[149]}));
    read_all(&world, &mut reader);
    let heard = |reader: &Reader| {
        let mut heard = reader.seen.clone();
        heard.sort();
        heard.dedup();
        heard
    };
    assert_eq!((heard(&reader), reader.closed.as_deref()), (all.clone(), None));
    reader.seen.clear();
    say(&world, &reader.socket, &json!({"type": "subscribe", "after": all[99]}));
    read_all(&world, &mut reader);
    assert_eq!(heard(&reader), all[100..]);
}

#[test]
fn what_was_undone_is_told_to_nobody() {
    let (world, mut reader) = with_reader(0);
    world.endpoint("hook.shop.example", &json!({}));
    reader.read(&world, usize::MAX);
    let undone = "CREATE TRIGGER undone BEFORE INSERT ON objects WHEN new.kind = 'webhook_delivery'
        BEGIN SELECT raise(ABORT, 'no'); END";
    world.database().execute(undone);
    let ask = || {
        let fields = json!({"amount": "25", "currency": "USD"});
        world.ask("operator", Method::Post, "/api/v1/checkout-sessions", &fields, &[]).status
    };
    assert_eq!((ask(), reader.inbox(&world)), (500, Vec::new()));
    world.database().execute("DROP TRIGGER undone");
    assert_eq!((ask(), reader.inbox(&world).len()), (200, 1));
}

#[test]
fn names_that_are_hidden_stay_hidden() {
    let (world, mut reader) = with_reader(0);
    reader.read(&world, usize::MAX);
    let session = world.session(&json!({"metadata": {"note": "paid at api.anexpay.net"}}));
    let mut customer = Reader::open(&world, &customer(&session), "", &[]);
    customer.read(&world, usize::MAX);
    say(&world, &reader.socket, &json!({"type": "subscribe", "api.anexpay.net": 1}));
    let told = reader.inbox(&world);
    assert_eq!(told.len(), 2);
    assert!(!told.concat().contains("anexpay"), "{told:#?}");
    assert!(told[0].contains("paid at "), "{told:#?}");
}
