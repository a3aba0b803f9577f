//! What becomes of a panic: it is logged, and every request of the instance is ended.
//!
//! The log says where it happened and in which request, and not what went wrong: a panic's message may quote what it was
//! working on. The instance cannot be used any more, so requests under way are answered with an error and bodies are broken
//! off, or their customers would wait for what never comes. The request that panicked gets our error; the others get the
//! runtime's, which lets nobody write another request's answer. Its shim starts a fresh instance for the next request.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsValue;
use web_sys::WritableStreamDefaultWriter;
use worker::console_error;

use super::response;
use crate::pages::request_id;
use crate::service;

thread_local! {
    /// What is under way.
    static LIVE: RefCell<Vec<Rc<Work>>> = const { RefCell::new(Vec::new()) };
    /// Whose turn it is.
    static CURRENT: RefCell<Option<Rc<Work>>> = const { RefCell::new(None) };
}

/// How a piece of work is ended from outside.
pub enum End {
    /// The request is answered through this.
    Answer(Function),
    /// The body is broken off here.
    Body(WritableStreamDefaultWriter),
}

/// A request on its way to an answer, or a body that is being written.
struct Work {
    /// The request's random bytes.
    entropy: [u8; 16],
    end: End,
}

/// Makes every panic of this instance known.
pub fn watch() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| (at.file(), at.line()));
        let (file, line) = place.unwrap_or_default();
        let current = CURRENT.with(|current| current.try_borrow().ok().and_then(|current| current.clone()));
        let id = current.map_or_else(String::new, |work| request_id(work.entropy));
        console_error!("panicked at {file}:{line} in request {id}");
        let under_way = LIVE.with(|live| live.try_borrow().map(|live| live.clone()).unwrap_or_default());
        for work in under_way {
            work.end();
        }
    }));
}

impl Work {
    /// Nothing more can be done where this fails.
    fn end(&self) {
        match &self.end {
            End::Answer(resolve) => {
                if let Ok(response) = response::ready(&service::crashed(self.entropy)) {
                    let _ = resolve.call1(&JsValue::UNDEFINED, &response);
                }
            }
            End::Body(writer) => {
                let _ = writer.abort();
            }
        }
    }
}

/// Does a piece of work for the request with these random bytes.
pub async fn guard<F: Future>(entropy: [u8; 16], end: End, work: F) -> F::Output {
    let own = Rc::new(Work { entropy, end });
    LIVE.with(|live| live.borrow_mut().push(Rc::clone(&own)));
    let mut work = Box::pin(work);
    let output = poll_fn(|context| {
        CURRENT.with(|current| current.replace(Some(Rc::clone(&own))));
        let poll = work.as_mut().poll(context);
        CURRENT.with(|current| current.replace(None));
        poll
    })
    .await;
    LIVE.with(|live| live.borrow_mut().retain(|other| !Rc::ptr_eq(other, &own)));
    output
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
