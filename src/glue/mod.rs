//! The Workers runtime: the only code that knows it.
//!
//! It turns the runtime's request into a value, makes the calls that the core asks for, and turns the core's answer into
//! the runtime's. It decides nothing.

mod body;
mod call;
mod deadline;
mod headers;
mod panic;
mod response;

use std::cell::OnceCell;
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;
use worker::worker_sys::Context;
use worker::{console_error, console_log};

use crate::country::Country;
use crate::flow::Callee;
use crate::http::{MAX_BODY, Method, Now, Request, RequestBody};
use crate::service::{Progress, Service};

use body::Stream;
use headers::RuntimeHeaders;
use panic::End;

thread_local! {
    /// This isolate's Livery: settings cannot change while an isolate lives.
    static SERVICE: OnceCell<Rc<Service>> = const { OnceCell::new() };
}

/// The runtime's fetch event. It is exported as it is: the event macro's request, response and error types are not
/// needed here and weigh a tenth of the whole Worker.
///
/// The runtime would drop a request whose customer goes away where it stands: a report that a merchant is just being told
/// would be lost, and what Rust holds for the request would never be freed. So it waits for the end; `Request.signal` says
/// that the customer is gone, which ends the calls made for them (compatibility flag `enable_request_signal`).
///
/// # Errors
/// Only where the runtime refuses its own promise.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: &JsValue, context: Context) -> Result<Promise, JsValue> {
    let service = SERVICE.with(|cell| Rc::clone(cell.get_or_init(|| Rc::new(start(env)))));
    let serving = Serving { service, context: Rc::new(context), gone: request.signal(), entropy: entropy() };
    let mut begin = Some((request, serving.clone()));
    let answer = Promise::new(&mut |resolve, reject| {
        if let Some((request, serving)) = begin.take() {
            spawn_local(settle(request, serving, resolve, reject));
        }
    });
    serving.context.wait_until(&answer)?;
    Ok(answer)
}

/// What every part of one request's work needs.
#[derive(Clone)]
struct Serving {
    service: Rc<Service>,
    context: Rc<Context>,
    /// Says when the customer is gone.
    gone: AbortSignal,
    /// The request's random bytes.
    entropy: [u8; 16],
}

/// Answers through `resolve`. Where it fails to call back, nobody listens any more.
async fn settle(request: web_sys::Request, serving: Serving, resolve: Function, reject: Function) {
    let work = panic::guard(serving.entropy, End::Answer(resolve.clone()), answer(&request, &serving));
    let _ = match work.await {
        Ok(response) => resolve.call1(&JsValue::UNDEFINED, &response),
        Err(error) => reject.call1(&JsValue::UNDEFINED, &error),
    };
}

async fn answer(request: &web_sys::Request, serving: &Serving) -> Result<web_sys::Response, JsValue> {
    let Serving { service, gone, .. } = serving;
    let received = read(request, serving.entropy).await;
    panic::provoke(received.url.as_bytes(), "at-once");
    let mut stream = None;
    let mut progress = service.answer(&received.as_request(&RuntimeHeaders(request.headers())));
    loop {
        match progress {
            Progress::Done(answer, note) => {
                if note.is_worth_logging() {
                    console_log!("{}", note.to_json());
                }
                return response::write(&answer, stream, serving);
            }
            Progress::Waiting(pending) => {
                let timeout = service.config().map_or(0, |config| config.timeout_ms);
                let reply = call::send(&pending.call, pending.callee, timeout, gone).await.map(|(reply, body)| {
                    stream = body;
                    reply
                });
                if pending.callee == Callee::Gateway && gone.aborted() {
                    // Nobody reads this, and what came of the call says nothing about the gateway.
                    return web_sys::Response::new();
                }
                panic::provoke(received.url.as_bytes(), "after-the-reply");
                progress = service.resume(pending, reply, now());
            }
        }
    }
}

/// Reads the settings once, and names each that is wrong in the log.
fn start(env: &JsValue) -> Service {
    // A variable without quotes in wrangler.toml is a number or a flag: its JSON is what the operator wrote.
    let written = |value: &JsValue| js_sys::JSON::stringify(value).ok().map(String::from);
    let setting = |name: &str| {
        let value = Reflect::get(env, &JsValue::from_str(name)).ok().filter(|value| !value.is_undefined())?;
        value.as_string().or_else(|| written(&value))
    };
    panic::watch();
    let service = Service::new(&setting);
    for mistake in service.mistakes() {
        console_error!("misconfigured: {mistake}");
    }
    service
}

/// What a request is made of, owned: the core borrows it.
struct Received {
    method: Method,
    url: String,
    country: Country,
    body: RequestBody,
    entropy: [u8; 16],
}

async fn read(request: &web_sys::Request, entropy: [u8; 16]) -> Received {
    let method = Method::parse(&request.method());
    let body = match (method, request.body()) {
        (Method::Post, Some(stream)) => match Stream::of(stream, None).all(MAX_BODY).await {
            Ok(bytes) if bytes.len() <= MAX_BODY => RequestBody::Whole(bytes),
            _ => RequestBody::TooLarge,
        },
        _ => RequestBody::Whole(Vec::new()),
    };
    let header = request.headers().get("cf-ipcountry").ok().flatten();
    Received {
        method,
        url: request.url(),
        country: Country::of_customer(header.as_deref(), || cf_country(request)),
        body,
        entropy,
    }
}

fn entropy() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        console_error!("no randomness: request ids will repeat");
    }
    bytes
}

impl Received {
    fn as_request<'a>(&'a self, headers: &'a RuntimeHeaders) -> Request<'a> {
        let (path, query) = path_and_query(&self.url);
        Request {
            method: self.method,
            path,
            query,
            headers,
            country: self.country,
            body: self.body.clone(),
            now: now(),
            entropy: self.entropy,
        }
    }
}

/// Path and query of an absolute URL, byte for byte.
fn path_and_query(url: &str) -> (&str, &str) {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let from_path = after_scheme.find(['/', '?']).and_then(|at| after_scheme.get(at..)).unwrap_or("/");
    let target = from_path.split('#').next().unwrap_or_default();
    target.split_once('?').unwrap_or((target, ""))
}

/// `request.cf.country`, which is absent outside the edge.
fn cf_country(request: &web_sys::Request) -> Option<String> {
    let cf = Reflect::get(request, &JsValue::from_str("cf")).ok().filter(JsValue::is_object)?;
    Reflect::get(&cf, &JsValue::from_str("country")).ok()?.as_string()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole milliseconds since 1970, far below 2^53")]
fn now() -> Now {
    Now(js_sys::Date::now() as u64)
}
