//! The core's answer as the runtime's.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{AbortSignal, Headers, ResponseInit};
use worker::console_error;
use worker::worker_sys::Context;

use super::body::{Pipe, Stream};
use super::panic;
use crate::config::Config;
use crate::http::{Body, Response};
use crate::livery::scrub::Scrubber;
use crate::service::Service;

/// Writes an answer; a body of the gateway's comes from `stream`, and goes on flowing after this returns.
pub fn write(
    answer: Response,
    stream: Option<Stream>,
    service: &Rc<Service>,
    context: &Context,
    gone: AbortSignal,
    id: &str,
) -> Result<web_sys::Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(answer.status);
    let headers = Headers::new()?;
    for (name, value) in &answer.headers {
        headers.append(name, value)?;
    }
    init.set_headers(&headers);
    match (answer.body, stream, service.config()) {
        (Body::Text(text), ..) => web_sys::Response::new_with_opt_str_and_init(Some(&text), &init),
        (body @ (Body::Scrubbed | Body::Blanked), Some(stream), Some(config)) => match stream.into_whole() {
            Ok(bytes) => whole(&bytes, scrubber(&body, config), &init),
            Err(stream) => flowing(stream, body, service, context, gone, id, &init),
        },
        _ => web_sys::Response::new_with_opt_str_and_init(None, &init),
    }
}

const fn scrubber<'n>(body: &Body, config: &'n Config) -> Scrubber<'n> {
    if matches!(body, Body::Blanked) { Scrubber::blanking(&config.names) } else { Scrubber::new(&config.names) }
}

/// A body that is here already: the runtime adds its length.
fn whole(bytes: &[u8], mut scrubber: Scrubber<'_>, init: &ResponseInit) -> Result<web_sys::Response, JsValue> {
    let mut clean = scrubber.push(bytes);
    clean.extend(scrubber.finish());
    web_sys::Response::new_with_opt_u8_array_and_init(Some(&mut clean), init)
}

fn flowing(
    stream: Stream,
    body: Body,
    service: &Rc<Service>,
    context: &Context,
    gone: AbortSignal,
    id: &str,
    init: &ResponseInit,
) -> Result<web_sys::Response, JsValue> {
    let pipe = Pipe::new()?;
    let response = web_sys::Response::new_with_opt_readable_stream_and_init(Some(&pipe.readable), init)?;
    let (service, id) = (Rc::clone(service), id.to_owned());
    context.wait_until(&future_to_promise(async move {
        let Some(config) = service.config() else { return Ok(JsValue::UNDEFINED) };
        let flow = panic::under(&id, pump(stream, &pipe, scrubber(&body, config)));
        if let Err(error) = flow.await {
            pipe.abort(&error).await;
            if !gone.aborted() {
                console_error!("a body broke off before its end");
            }
        }
        Ok(JsValue::UNDEFINED)
    }))?;
    Ok(response)
}

async fn pump(mut stream: Stream, pipe: &Pipe, mut scrubber: Scrubber<'_>) -> Result<(), JsValue> {
    while let Some(block) = stream.next().await? {
        panic::provoke(&block, "in-a-body");
        if let Err(error) = pipe.write(&scrubber.push(&block)).await {
            stream.cancel();
            return Err(error);
        }
    }
    pipe.write(&scrubber.finish()).await?;
    pipe.close().await
}
