//! Somebody who listens to a ledger.

use serde_json::{Value, json};

use crate::http::Method;
use crate::ledger::filter;
use crate::ledger::testing::world::World;

/// What the Worker asks for a socket with.
const UPGRADE: [(&str, &str); 1] = [("upgrade", "websocket")];

/// Somebody who listens, and what they have read.
pub struct Reader {
    pub filter: &'static str,
    pub socket: String,
    /// How much of what was sent to the socket was read.
    read: usize,
    /// The events that were heard.
    pub seen: Vec<String>,
    /// What it was closed with.
    pub closed: Option<String>,
}

impl Reader {
    /// The operator, who comes behind what was seen last.
    pub fn connect(world: &World, filter: &'static str, seen: Vec<String>) -> Self {
        let after = seen.last().map(|id| format!("&after={id}")).unwrap_or_default();
        let reader = Self::open(world, "operator", &format!("?event_types={filter}{after}"), &[]);
        Self { filter, seen, ..reader }
    }

    /// Somebody who asks for the stream in this way.
    pub fn open(world: &World, actor: &str, query: &str, more: &[(&str, &str)]) -> Self {
        let known = sockets(world);
        assert_eq!(listen(world, actor, query, more), 101);
        let socket = sockets(world).into_iter().find(|socket| !known.contains(socket)).expect("a new listener");
        world.database().open.borrow_mut().insert(socket.clone());
        Self { filter: "*", socket, read: 0, seen: Vec::new(), closed: None }
    }

    /// What was sent to the socket and not read.
    pub fn inbox(&self, world: &World) -> Vec<String> {
        let told = world.database().told.borrow().clone();
        told.into_iter().filter(|(socket, _)| *socket == self.socket).skip(self.read).map(|(_, text)| text).collect()
    }

    /// Reads so many messages, and confirms where it is asked to.
    pub fn read(&mut self, world: &World, count: usize) {
        for text in self.inbox(world).into_iter().take(count) {
            self.read += 1;
            let message: Value = serde_json::from_str(&text).expect("JSON");
            match message["type"].as_str() {
                Some("ping") => say(world, &self.socket, &json!({"type": "pong", "id": message["id"]})),
                Some("event") => self.seen.push(message["id"].as_str().expect("an id").to_owned()),
                Some("error" | "listening" | "status" | "subscriptions") => {}
                None => self.closed = Some(text),
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn wants(&self, kind: &str) -> bool {
        let filter: Vec<String> = self.filter.split(',').map(str::to_owned).collect();
        filter::wants(&filter, kind)
    }
}

/// The status that somebody is answered with who wants to listen.
pub fn listen(world: &World, actor: &str, query: &str, more: &[(&str, &str)]) -> u16 {
    let headers = [&UPGRADE, more].concat();
    world.ask(actor, Method::Get, &format!("/api/v1/events/stream{query}"), &Value::Null, &headers).status
}

/// The customer of a session, as the ledger is told of them.
pub fn customer(session: &Value) -> String {
    format!("customer {}", session["id"].as_str().expect("an id"))
}

/// The sockets of all who listen.
pub fn sockets(world: &World) -> Vec<String> {
    world.database().select("SELECT socket FROM listeners").concat()
}

/// Somebody says something.
pub fn say(world: &World, socket: &str, message: &Value) {
    let answer = world.ask("", Method::Post, "/heard", message, &[("livery-socket", socket)]);
    assert_eq!(answer.status, 204);
}

/// One reader, and so many sessions made.
pub fn with_reader(count: u32) -> (World, Reader) {
    let world = World::new();
    world.get("account");
    let reader = Reader::connect(&world, "checkout.session.created", Vec::new());
    (0..count).for_each(|_| drop(world.session(&json!({}))));
    (world, reader)
}
