//! Whoever listens hears everything that they want, once and in order, whatever happens to them, to the ledger and to time; and is
//! never owed more than they may be.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::filter;
use crate::ledger::live::{ASK_AT, PATIENCE_MS, WINDOW};
use crate::ledger::testing::world::World;

const FILTERS: [&str; 3] = ["*", "checkout.session.created", "api_key.*,checkout.session.canceled"];

/// What the Worker asks for a socket with.
const UPGRADE: [(&str, &str); 1] = [("upgrade", "websocket")];

/// Somebody who listens, and what they have read.
struct Reader {
    filter: &'static str,
    socket: String,
    /// How much of what was sent to the socket was read.
    read: usize,
    seen: Vec<String>,
    closed: Option<String>,
}

impl Reader {
    fn connect(world: &World, filter: &'static str, seen: Vec<String>) -> Self {
        let after = seen.last().map(|id| format!("&after={id}")).unwrap_or_default();
        let target = format!("/api/v1/events/stream?event_types={filter}{after}");
        let known = sockets(world);
        assert_eq!(world.ask("operator", Method::Get, &target, &Value::Null, &UPGRADE).status, 101);
        let socket = sockets(world).into_iter().find(|socket| !known.contains(socket)).expect("a new listener");
        world.database().open.borrow_mut().insert(socket.clone());
        Self { filter, socket, read: 0, seen, closed: None }
    }

    /// What was sent to the socket and not read.
    fn inbox(&self, world: &World) -> Vec<String> {
        let told = world.database().told.borrow().clone();
        told.into_iter().filter(|(socket, _)| *socket == self.socket).skip(self.read).map(|(_, text)| text).collect()
    }

    /// Reads so many messages, and confirms where it is asked to.
    fn read(&mut self, world: &World, count: usize) {
        for text in self.inbox(world).into_iter().take(count) {
            self.read += 1;
            let message: Value = serde_json::from_str(&text).expect("JSON");
            match message["type"].as_str() {
                Some("ping") => say(world, &self.socket, &json!({"type": "pong", "id": message["id"]})),
                Some("event") => self.seen.push(message["id"].as_str().expect("an id").to_owned()),
                Some("error") => {}
                None => self.closed = Some(text),
                other => panic!("{other:?}"),
            }
        }
    }

    fn wants(&self, kind: &str) -> bool {
        let filter: Vec<String> = self.filter.split(',').map(str::to_owned).collect();
        filter::wants(&filter, kind)
    }
}

fn sockets(world: &World) -> Vec<String> {
    world.database().select("SELECT socket FROM listeners").concat()
}

fn say(world: &World, socket: &str, message: &Value) {
    let answer = world.ask("", Method::Post, "/heard", message, &[("livery-socket", socket)]);
    assert_eq!(answer.status, 204);
}

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
            world.database().restart();
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

/// One reader, and so many sessions made.
fn with_reader(count: u32) -> (World, Reader) {
    let world = World::new();
    world.get("account");
    let reader = Reader::connect(&world, "checkout.session.created", Vec::new());
    (0..count).for_each(|_| drop(world.session(&json!({}))));
    (world, reader)
}

#[test]
fn whoever_does_not_confirm_in_time_is_dropped() {
    let (world, mut reader) = with_reader(ASK_AT);
    world.wait(PATIENCE_MS / 1000 - 1);
    assert_eq!(sockets(&world).len(), 1);
    world.wait(1);
    reader.inbox(&world).last().map(|code| assert_eq!(code, "4008")).expect("a message");
    assert_eq!((sockets(&world).len(), world.database().select("SELECT * FROM subscriptions").len()), (0, 0));
    assert_eq!(world.database().select("SELECT * FROM tasks WHERE kind = 'listen'").len(), 0);
    reader.closed = Some("4008".to_owned());
}

#[test]
fn whoever_confirms_stays() {
    let (world, mut reader) = with_reader(ASK_AT + 5);
    reader.read(&world, 1000);
    assert_eq!(reader.seen.len(), ASK_AT as usize + 5);
    world.wait(PATIENCE_MS / 1000 + 1);
    assert_eq!((sockets(&world).len(), reader.inbox(&world).len()), (1, 0));
}

/// Nobody says of a line that broke while it was being made that it is gone.
#[test]
fn whoever_left_while_connecting_is_forgotten() {
    let (world, reader) = with_reader(0);
    world.wait(PATIENCE_MS / 1000 - 1);
    assert_eq!(sockets(&world).len(), 1);
    world.wait(1);
    assert_eq!((sockets(&world).len(), reader.inbox(&world).pop().as_deref()), (0, Some("4008")));
}

/// Whoever says that they have read what they have not is sent no more than others.
#[test]
fn nobody_confirms_without_reading() {
    let (world, reader) = with_reader(2 * WINDOW);
    for id in (0..300).map(|number| json!(format!("{number:08x}"))).chain([Value::Null]) {
        say(&world, &reader.socket, &json!({"type": "pong", "id": id}));
    }
    let events = reader.inbox(&world).iter().filter(|text| text.contains(r#""type":"event""#)).count();
    assert!(events < WINDOW as usize, "{events} events wait for somebody who does not read");
    assert_eq!((sockets(&world).len(), reader.inbox(&world).pop().as_deref()), (0, Some("4008")));
}

/// What listeners are answered waits for them like everything else.
#[test]
fn whoever_goes_on_asking_and_reads_no_answer_is_dropped() {
    for message in [json!([]), json!({"type": "subscribe"}), json!({"type": "unsubscribe", "event_types": ["payment.*"]})] {
        let (world, reader) = with_reader(0);
        (0..10 * WINDOW).for_each(|_| say(&world, &reader.socket, &message));
        let inbox = reader.inbox(&world);
        assert!(
            inbox.len() <= 2 * WINDOW as usize + 5,
            "{message}: {} messages wait for somebody who does not read",
            inbox.len()
        );
        assert_eq!((sockets(&world).len(), inbox.last().map(String::as_str)), (0, Some("4008")), "{message}");
    }
}

/// What listeners are answered may put them further behind than events do: they read on all the same.
#[test]
fn whoever_talks_and_reads_hears_everything() {
    let (world, mut reader) = with_reader(3 * WINDOW);
    (0..WINDOW - 10).for_each(|_| say(&world, &reader.socket, &json!([])));
    for _ in 0..10 {
        reader.read(&world, 1000);
        world.wait(0);
    }
    assert_eq!((reader.seen.len(), reader.closed), (3 * WINDOW as usize, None));
}

/// Customers cannot keep a merchant's own servers from listening, however many they are.
#[test]
fn customers_leave_room_for_keys() {
    let world = World::new();
    let session = world.session(&json!({}));
    let listen = |actor: &str| world.ask(actor, Method::Get, "/api/v1/events/stream", &Value::Null, &UPGRADE);
    let customer = format!("customer {}", session["id"].as_str().expect("an id"));
    let full = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 4900)
        INSERT INTO listeners (socket, actor, livemode, form, told) SELECT i, 'cs_' || i, 1, 2, '' FROM n";
    world.database().execute(full);
    assert_eq!((listen(&customer).status, listen("operator").status), (429, 101));
    world.database().execute("DELETE FROM listeners WHERE socket = '1' OR actor = 'operator'");
    assert_eq!(listen(&customer).status, 101);
}

/// Who did not ask for a socket gets none, wherever a path leads: nobody would ever hear of it.
#[test]
fn whoever_cannot_be_connected_does_not_listen() {
    let (world, _) = with_reader(0);
    let answer = world.ask("operator", Method::Get, "/api/v1/events/stream", &Value::Null, &[]);
    assert_eq!((answer.status, sockets(&world).len()), (404, 1));
}

/// What is refused takes nothing away.
#[test]
fn one_subscription_too_many_leaves_those_before() {
    let (world, reader) = with_reader(0);
    let subscribe = |session: u32, types: &[&str]| {
        say(
            &world,
            &reader.socket,
            &json!({"type": "subscribe", "checkout_session": format!("cs_{session:032x}"), "event_types": types}),
        );
    };
    (0..199).for_each(|session| subscribe(session, &["payment.*"]));
    let all = || world.database().select("SELECT count(*) FROM subscriptions").concat();
    assert_eq!(all(), ["200"]);
    subscribe(7, &["payment.*"]);
    subscribe(7, &["*", "payment.*"]);
    subscribe(199, &["payment.late", "payment.late"]);
    assert_eq!(all(), ["200"]);
    let refused = reader.inbox(&world).iter().filter(|text| text.contains("more than 200 subscriptions")).count();
    assert_eq!(refused, 2);
}

#[test]
fn what_was_undone_is_told_to_nobody() {
    let (world, mut reader) = with_reader(0);
    reader.read(&world, 1);
    let answer = world.ask("operator", Method::Post, "/api/v1/checkout-sessions", &json!({"amount": "x"}), &[]);
    assert_eq!(answer.status, 400);
    assert!(reader.inbox(&world).is_empty());
}
