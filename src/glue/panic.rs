//! What becomes of a panic: it is logged, and its request is answered with our error.
//!
//! The log says where it happened and in which request, and not what went wrong: a panic's message may quote what it was
//! working on. The instance cannot be used any more: `worker.js` ends everything under way in it, and starts another.

use std::cell::Cell;

use crate::pages::request_id;
use crate::service::crashed;

use super::runtime::Visit;
use super::{ready, runtime};

thread_local! {
    /// The random bytes of the request whose turn it is.
    static CURRENT: Cell<[u8; 16]> = const { Cell::new([0; 16]) };
}

/// Makes every panic of this instance known.
pub fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| (at.file(), at.line()));
        let (file, line) = place.unwrap_or_default();
        let entropy = CURRENT.get();
        runtime::error(&format!("panicked at {file}:{line} in request {}", request_id(entropy)));
        runtime::leave_last_words(ready(&crashed(entropy), ""));
    }));
}

/// Says whose turn it is, by the request's random bytes.
pub fn working_on(entropy: [u8; 16]) {
    CURRENT.set(entropy);
}

/// Panics where a test asks for it; in no other build does it do anything.
#[cfg(feature = "provoke-panic")]
pub fn provoke(asked: &[u8], place: &str) {
    let wanted = format!("provoke-panic-{place}");
    assert!(!asked.windows(wanted.len()).any(|text| text == wanted.as_bytes()), "{}", String::from_utf8_lossy(asked));
}

/// Panics where a test asks for it; in no other build does it do anything.
#[cfg(not(feature = "provoke-panic"))]
pub const fn provoke(_: &[u8], _: &str) {}

/// The same after a reply, where the request's URL asks for it.
#[cfg(feature = "provoke-panic")]
pub fn provoke_after_the_reply(visit: &Visit) {
    provoke(visit.url().as_bytes(), "after-the-reply");
}

/// The same after a reply; in no other build does it do anything.
#[cfg(not(feature = "provoke-panic"))]
pub const fn provoke_after_the_reply(_: &Visit) {}
