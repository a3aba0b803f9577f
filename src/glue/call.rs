//! Calls to the gateway and to merchants.

use std::rc::Rc;

use js_sys::{Error as JsError, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit, RequestRedirect, Response};

use super::body::Stream;
use super::deadline::{self, Deadline};
use super::headers::RuntimeHeaders;
use crate::flow::Callee;
use crate::http::{Call, Fault, MAX_TEXT, Method, Read, Reply};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetch, catch)]
    fn fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;
}

/// What comes of a call: a reply and, where it was asked for, the stream of its body.
type Came = Result<(Reply, Option<Stream>), Fault>;

/// Makes a call, and once more within the same time where the core finds it worth it. A call on behalf of a customer ends
/// when they are `gone`.
pub async fn send(call: &Call, callee: Callee, timeout_ms: u32, gone: &AbortSignal) -> Came {
    let gone = (callee == Callee::Gateway).then_some(gone);
    let deadline = Rc::new(Deadline::start(timeout_ms, gone).map_err(|_| Fault::Unreachable)?);
    let mut is_first = true;
    loop {
        let came = attempt(call, &deadline).await;
        if !is_first || !callee.is_worth_another_try(call, came.as_ref().map(|(reply, _)| reply)) {
            return came;
        }
        is_first = false;
    }
}

/// Redirects are never followed: where they lead is the core's decision.
async fn attempt(call: &Call, deadline: &Rc<Deadline>) -> Came {
    let init = init(call, deadline).map_err(|_| Fault::Unreachable)?;
    let promise = fetch(&call.url, &init).map_err(|_| Fault::Unreachable)?;
    let response: Response = JsFuture::from(promise).await.map_err(|error| fault(&error))?.unchecked_into();
    receive(call.read, &response, deadline).await
}

fn init(call: &Call, deadline: &Deadline) -> Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in &call.headers {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method(call.method.as_str());
    init.set_headers(&headers);
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&deadline.signal()));
    if let (Method::Post, Some(body)) = (call.method, &call.body) {
        init.set_body(&js_sys::Uint8Array::from(body.as_slice()));
    }
    Ok(init)
}

async fn receive(read: Read, response: &Response, deadline: &Rc<Deadline>) -> Came {
    let status = response.status();
    let mut stream = response.body().map_or_else(Stream::empty, |body| Stream::of(body, Some(Rc::clone(deadline))));
    let headers = Box::new(RuntimeHeaders(response.headers()));
    let reply = |text, beginning| Reply { status, headers, text, beginning };
    match read {
        Read::Stream if status < 300 => {
            stream.read_ahead().await.map_err(|error| fault(&error))?;
            Ok((reply(String::new(), stream.beginning().to_vec()), Some(stream)))
        }
        // Nobody reads what comes with a redirect.
        Read::Stream if status < 400 => Ok((without_body(&stream, reply), None)),
        Read::Nothing => Ok((without_body(&stream, reply), None)),
        Read::Stream | Read::Text => {
            let bytes = stream.all(MAX_TEXT).await.map_err(|error| fault(&error))?;
            if bytes.len() > MAX_TEXT && status < 400 {
                return Err(Fault::Unreadable);
            }
            Ok((reply(String::from_utf8_lossy(&bytes).into_owned(), Vec::new()), None))
        }
    }
}

/// A reply whose body is not wanted: the sender is told, or it would hold its connection.
fn without_body(stream: &Stream, reply: impl FnOnce(String, Vec<u8>) -> Reply) -> Reply {
    stream.cancel();
    reply(String::new(), Vec::new())
}

/// A timeout is told by its name; everything else is a broken connection.
fn fault(error: &JsValue) -> Fault {
    let is_timeout = error.dyn_ref::<JsError>().is_some_and(|error| error.name() == deadline::NAME);
    if is_timeout { Fault::Timeout } else { Fault::Unreachable }
}
