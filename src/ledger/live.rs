//! Live events: whoever listens is told at once what happened, and after a pause what they missed.
//!
//! A listener is a WebSocket and a row: what it wants, up to which event it was told, and how much of that it has not confirmed.
//! The rows tell whom an event goes to, so a ledger can sleep between events (the platform holds the sockets meanwhile) and knows
//! everything again when it wakes. Server-sent events are the same listener: the Worker turns each message into lines.
//!
//! Nobody is buffered for without end: a listener is sent [`WINDOW`] messages beyond what it confirmed, a long one counting as
//! several. Then it is held, and reads on in the events themselves once it confirms; if it does not for [`PATIENCE_MS`], it is
//! dropped. It comes back behind the last event that it saw, and misses nothing.

pub mod form;
pub mod listener;
pub mod message;
pub mod pump;
pub mod token;

/// How many messages a listener may be behind.
pub const WINDOW: u32 = 128;
/// With how many it is asked to confirm: half way, so that whoever keeps up is never held.
pub const ASK_AT: u32 = 64;
/// How long a listener may take to confirm, in milliseconds.
pub const PATIENCE_MS: u64 = 60_000;
/// Most listeners of one account.
pub const MOST: u64 = 5000;
/// Beyond so many no customer's is taken on: what is left is for the merchant's own servers.
pub const MOST_OF_CUSTOMERS: u64 = 4900;
/// Most of one session's customer: a page or two, and what is left of those that were closed. The next takes the place of the one
/// that was there the longest.
pub const MOST_OF_SESSION: u64 = 20;
/// So many bytes count as a message, so that a listener is not owed much more for being told of large things.
pub const MESSAGE_BYTES: usize = 8192;
/// Most subscriptions of one listener.
pub const MOST_SUBSCRIPTIONS: u64 = 200;

/// Why a socket is closed (RFC 6455, 7.4.1; from 4000 on our own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It did not confirm what it was sent.
    Slow,
    /// Its API key was revoked.
    Revoked,
    /// It said something, though it can only listen.
    Talks,
    /// More listen to its session than can, and it was there the longest: whoever comes back replaces another.
    Replaced,
}

impl Close {
    /// The code, and the text for whoever reads it.
    #[must_use]
    pub const fn facts(self) -> (u16, &'static str) {
        match self {
            Self::Slow => (4008, "too slow: come back behind the last event that you saw"),
            Self::Revoked => (4001, "the API key was revoked"),
            Self::Talks => (4003, "a customer's page can say pong alone, with the id of the last ping"),
            Self::Replaced => (4009, "too many pages listen to this session: this one was open the longest"),
        }
    }
}
