//! What is said of a panic: where it happened, and in which request.
//!
//! What went wrong is left out, because a panic's message may quote what it was working on. The runtime's shim starts a
//! fresh instance for the next request.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;

use worker::console_error;

thread_local! {
    /// The request whose turn it is.
    static CURRENT: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
}

/// Makes every panic of this instance known.
pub fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| (at.file(), at.line()));
        let (file, line) = place.unwrap_or_default();
        let request = CURRENT.with(|current| current.try_borrow().ok().and_then(|current| current.clone()));
        console_error!("panicked at {file}:{line} in request {}", request.as_deref().unwrap_or("unknown"));
    }));
}

/// Runs `work` under this request's id.
pub async fn under<F: Future>(id: &str, work: F) -> F::Output {
    let id: Rc<str> = id.into();
    let mut work = Box::pin(work);
    poll_fn(|context| {
        CURRENT.with(|current| current.replace(Some(Rc::clone(&id))));
        work.as_mut().poll(context)
    })
    .await
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
