//! No listener is owed more than it may be, or keeps others from listening.

use serde_json::{Value, json};

use super::live_reader::{Reader, customer, listen, say, sockets, with_reader};
use crate::http::Method;
use crate::ledger::live::{ASK_AT, MESSAGE_BYTES, MOST_OF_SESSION, PATIENCE_MS, WINDOW};
use crate::ledger::testing::world::World;

/// Whoever was asked a moment ago and does not answer has all their time, and no more.
fn assert_dropped_in_time(world: &World, reader: &Reader) {
    world.wait(PATIENCE_MS / 1000 - 1);
    assert_eq!(sockets(world).len(), 1);
    world.wait(1);
    assert_eq!((sockets(world).len(), reader.inbox(world).pop().as_deref()), (0, Some("4008")));
}

#[test]
fn whoever_does_not_confirm_in_time_is_dropped() {
    let (world, reader) = with_reader(ASK_AT);
    assert_dropped_in_time(&world, &reader);
    assert_eq!(world.database().select("SELECT * FROM subscriptions").len(), 0);
    assert_eq!(world.database().select("SELECT * FROM tasks WHERE kind = 'listen'").len(), 0);
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
    assert_dropped_in_time(&world, &reader);
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
    let (world, mut reader) = with_reader(0);
    let socket = reader.socket.clone();
    let subscribe = |session: u32, types: &[&str]| {
        say(
            &world,
            &socket,
            &json!({"type": "subscribe", "checkout_session": format!("cs_{session:032x}"), "event_types": types}),
        );
    };
    for session in 0..199 {
        subscribe(session, &["payment.*"]);
        reader.read(&world, 1000);
    }
    let all = || world.database().select("SELECT count(*) FROM subscriptions").concat();
    assert_eq!(all(), ["200"]);
    subscribe(7, &["payment.*"]);
    subscribe(7, &["*", "payment.*"]);
    subscribe(199, &["payment.late", "payment.late"]);
    assert_eq!(all(), ["200"]);
    let refused = reader.inbox(&world).iter().filter(|text| text.contains("more than 200 subscriptions")).count();
    assert_eq!(refused, 2);
}

/// Whoever answers the first question and none after it.
#[test]
fn whoever_stops_confirming_is_dropped() {
    let (world, mut reader) = with_reader(0);
    reader.read(&world, usize::MAX);
    (0..ASK_AT).for_each(|_| drop(world.session(&json!({}))));
    assert_dropped_in_time(&world, &reader);
}

/// Whoever follows many sessions says so in one go, and reads the answers afterwards.
#[test]
fn as_many_subscriptions_as_one_may_have_can_be_made_in_a_row() {
    let (world, mut reader) = with_reader(0);
    for session in 0..199 {
        let session = format!("cs_{session:032x}");
        let subscribe = json!({"type": "subscribe", "checkout_session": session, "event_types": ["checkout.session.paid"]});
        say(&world, &reader.socket, &subscribe);
    }
    assert_eq!(reader.inbox(&world).last().map(String::as_str), Some(r#"{"type":"subscriptions","count":200}"#));
    reader.read(&world, usize::MAX);
    assert_eq!((reader.closed, sockets(&world).len()), (None, 1));
}

/// Large messages fill a line sooner.
#[test]
fn nobody_is_owed_much_more_for_being_told_of_large_things() {
    let (world, mut reader) = with_reader(0);
    reader.read(&world, usize::MAX);
    let metadata: Value =
        (0..20).map(|number| (format!("key {number}"), json!("x".repeat(500)))).collect::<serde_json::Map<_, _>>().into();
    (0..WINDOW).for_each(|_| drop(world.session(&json!({"metadata": metadata}))));
    let owed = reader.inbox(&world).concat().len();
    assert!(owed > MESSAGE_BYTES * 20 && owed < MESSAGE_BYTES * (WINDOW as usize + 2), "{owed} bytes are owed");
    for _ in 0..WINDOW {
        reader.read(&world, usize::MAX);
        world.wait(0);
    }
    assert_eq!((reader.seen.len(), reader.closed), (WINDOW as usize, None));
}

/// Customers cannot keep a merchant's own servers from listening, however many they are.
#[test]
fn customers_leave_room_for_keys() {
    let world = World::new();
    let customer = customer(&world.session(&json!({})));
    let full = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 4900)
        INSERT INTO listeners (socket, actor, livemode, form, told, since) SELECT i, 'cs_' || i, 1, 2, '', 0 FROM n";
    world.database().execute(full);
    assert_eq!((listen(&world, &customer, "", &[]), listen(&world, "operator", "", &[])), (429, 101));
    // A page takes the place of one of its own session all the same.
    let own = customer.trim_start_matches("customer ");
    world.database().execute(&format!("UPDATE listeners SET actor = '{own}' WHERE since = 0 AND CAST(socket AS INTEGER) <= 20"));
    assert_eq!(listen(&world, &customer, "", &[]), 101);
    world.database().execute("UPDATE listeners SET actor = 'cs_' || socket WHERE since = 0");
    world.database().execute("DELETE FROM listeners WHERE socket = '30' OR actor = 'operator'");
    assert_eq!(listen(&world, &customer, "", &[]), 101);
}

/// A page that was opened anew need not wait for what is left of those before.
#[test]
fn one_customer_too_many_takes_the_place_of_the_first() {
    let world = World::new();
    let (session, other) = (world.session(&json!({})), world.session(&json!({})));
    let open = |session| {
        world.now.set(world.now.get() + 1);
        Reader::open(&world, &customer(session), "", &[])
    };
    let other = open(&other);
    let pages: Vec<Reader> = (0..MOST_OF_SESSION).map(|_| open(&session)).collect();
    assert_eq!(sockets(&world).len() as u64, MOST_OF_SESSION + 1);
    let next = open(&session);
    assert!(!pages[0].inbox(&world).concat().contains("retry"));
    assert_eq!(pages[0].inbox(&world).pop().as_deref(), Some("4009"));
    let stay: Vec<&String> = pages[1..].iter().chain([&other, &next]).map(|reader| &reader.socket).collect();
    assert!(stay.iter().all(|socket| sockets(&world).contains(socket)));
    assert_eq!(sockets(&world).len() as u64, MOST_OF_SESSION + 1);
    // A browser would come back to lines at once.
    let lines = Reader::open(&world, &customer(&session), "", &[("livery-lines", "1")]);
    (0..MOST_OF_SESSION).for_each(|_| drop(open(&session)));
    let told = lines.inbox(&world);
    assert_eq!(told[told.len() - 2..], ["retry: 60000\n\n", "4009"]);
}

/// Whatever a customer's page says would be work for the ledger.
#[test]
fn a_customer_who_talks_is_closed() {
    let world = World::new();
    let session = world.session(&json!({}));
    for message in [json!({"type": "subscribe"}), json!([]), json!({"type": "pong", "id": "0"})] {
        let mut page = Reader::open(&world, &customer(&session), "", &[]);
        page.read(&world, usize::MAX);
        assert_eq!((page.closed.as_ref(), sockets(&world).len()), (None, 1));
        say(&world, &page.socket, &message);
        page.read(&world, usize::MAX);
        assert_eq!((page.closed.as_deref(), sockets(&world).len()), (Some("4003"), 0), "{message}");
        say(&world, &page.socket, &message);
        assert!(page.inbox(&world).is_empty());
    }
}
