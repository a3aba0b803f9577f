//! How long somebody else may keep us waiting, and that nobody is waited for in vain.
//!
//! The runtime's own `AbortSignal.timeout` cannot be stopped: it would cut off a body that is long only because the
//! customer reads slowly. This clock runs while we wait for the other side, and stands still otherwise.

use std::cell::RefCell;

use js_sys::{Error, Function, Reflect};
use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal};

/// The name of the error that a call fails with when its time is over.
pub const NAME: &str = "TimeoutError";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &Function, milliseconds: u32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// A limit on waiting, in milliseconds.
pub struct Deadline {
    controller: AbortController,
    abort: Function,
    limit: u32,
    timer: RefCell<Option<JsValue>>,
}

impl Deadline {
    /// A clock that runs from now on. When the customer is `gone` its time is over at once; only the latest deadline hears
    /// of it, for a request makes one call after the other.
    pub fn start(limit: u32, gone: Option<&AbortSignal>) -> Result<Self, JsValue> {
        let controller = AbortController::new()?;
        let reason = Error::new("no answer in time");
        reason.set_name(NAME);
        let abort =
            Reflect::get(&controller, &"abort".into())?.dyn_into::<Function>()?.bind1(&controller, &reason).unchecked_into();
        if let Some(gone) = gone {
            gone.set_onabort(Some(&abort));
        }
        let deadline = Self { controller, abort, limit, timer: RefCell::new(None) };
        deadline.restart();
        Ok(deadline)
    }

    /// What a call has to be given to end with the deadline.
    pub fn signal(&self) -> AbortSignal {
        self.controller.signal()
    }

    /// Starts from zero.
    pub fn restart(&self) {
        self.stop();
        *self.timer.borrow_mut() = Some(set_timeout(&self.abort, self.limit));
    }

    /// Stands still.
    pub fn stop(&self) {
        if let Some(timer) = self.timer.borrow_mut().take() {
            clear_timeout(&timer);
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.stop();
    }
}
