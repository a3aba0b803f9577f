//! How an event is written for a listener.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::error::Error;
use crate::ledger::event::Event;
use crate::ledger::objects::write;
use crate::livery::scrub::scrub;

/// In which form a listener is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// As server-sent events, not as messages of a WebSocket.
    pub is_lines: bool,
    /// A session's state alone: for its customer.
    pub is_status: bool,
}

/// What a customer sees of their session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    id: String,
    status: String,
    paid_late: bool,
    overpaid: bool,
}

impl Form {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::of(0), Self::of(1), Self::of(2), Self::of(3)];

    /// The form of that number.
    #[must_use]
    pub const fn of(number: u64) -> Self {
        Self { is_lines: number & 1 == 1, is_status: number & 2 == 2 }
    }

    /// Its number in the table.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.is_lines as u32 | (self.is_status as u32) << 1
    }

    /// An event, which is the text `json`; nothing where it says nothing in this form.
    ///
    /// # Errors
    /// None: what is written here can be.
    pub fn event(self, config: &Config, event: &Event, json: &str) -> Result<Option<String>, Error> {
        let text = if self.is_status {
            let Ok(state) = serde_json::from_str::<State>(event.data.object.get()) else { return Ok(None) };
            self.message(&event.id, "status", "checkout_session", &write(&state)?)
        } else {
            self.message(&event.id, if self.is_lines { &event.kind } else { "event" }, "event", json)
        };
        Ok(Some(scrub(&config.names, &text).into_owned()))
    }

    /// Where the events begin that are told: behind this one. Whoever breaks off before the first comes back with it.
    #[must_use]
    pub fn begin(self, event: &str) -> String {
        // Lines without data tell a browser nothing but the id.
        if self.is_lines { format!("id: {event}\n\n") } else { format!(r#"{{"type":"listening","id":"{event}"}}"#) }
    }

    /// The state of a session, as somebody who begins to listen is told.
    ///
    /// # Errors
    /// [`Error::Internal`] for what is no session.
    pub fn state(self, session: &str) -> Result<String, Error> {
        let state: State = serde_json::from_str(session).map_err(|_| Error::Internal)?;
        Ok(self.message("", "status", "checkout_session", &write(&state)?))
    }

    fn message(self, id: &str, kind: &str, name: &str, json: &str) -> String {
        match (self.is_lines, id) {
            (true, "") => format!("event: {kind}\ndata: {json}\n\n"),
            (true, id) => format!("id: {id}\nevent: {kind}\ndata: {json}\n\n"),
            (false, "") => format!(r#"{{"type":"{kind}","{name}":{json}}}"#),
            (false, id) => format!(r#"{{"type":"{kind}","id":"{id}","{name}":{json}}}"#),
        }
    }

    /// The question whether all so far was read. As a comment it is its own answer: the Worker gives it once it was read.
    #[must_use]
    pub fn ping(self, question: &str) -> String {
        if self.is_lines {
            format!(": {{\"type\":\"pong\",\"id\":\"{question}\"}}\n\n")
        } else {
            format!(r#"{{"type":"ping","id":"{question}"}}"#)
        }
    }
}
