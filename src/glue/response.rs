//! The core's answer as the runtime's.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{AbortSignal, Headers, ResponseInit};
use worker::console_error;
use worker::worker_sys::Context;

use super::body::{Pipe, Stream};
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
) -> Result<web_sys::Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(answer.status);
    let headers = Headers::new()?;
    for (name, value) in &answer.headers {
        headers.append(name, value)?;
    }
    init.set_headers(&headers);
    let is_text = answer.body == Body::Scrubbed;
    match (answer.body, stream) {
        (Body::Text(text), _) => web_sys::Response::new_with_opt_str_and_init(Some(&text), &init),
        (Body::Scrubbed | Body::Untouched, Some(stream)) => match stream.into_whole() {
            Ok(bytes) => whole(bytes, is_text, service, &init),
            Err(stream) => flowing(stream, is_text, service, context, gone, &init),
        },
        _ => web_sys::Response::new_with_opt_str_and_init(None, &init),
    }
}

/// A body that is here already: the runtime adds its length.
fn whole(bytes: Vec<u8>, is_text: bool, service: &Service, init: &ResponseInit) -> Result<web_sys::Response, JsValue> {
    let mut bytes = match service.config().filter(|_| is_text) {
        Some(config) => {
            let mut scrubber = Scrubber::new(&config.names);
            let mut clean = scrubber.push(&bytes);
            clean.extend(scrubber.finish());
            clean
        }
        None => bytes,
    };
    web_sys::Response::new_with_opt_u8_array_and_init(Some(&mut bytes), init)
}

fn flowing(
    stream: Stream,
    is_text: bool,
    service: &Rc<Service>,
    context: &Context,
    gone: AbortSignal,
    init: &ResponseInit,
) -> Result<web_sys::Response, JsValue> {
    let pipe = Pipe::new()?;
    let response = web_sys::Response::new_with_opt_readable_stream_and_init(Some(&pipe.readable), init)?;
    let service = Rc::clone(service);
    context.wait_until(&future_to_promise(async move {
        if let Err(error) = pump(stream, &pipe, is_text, &service).await {
            pipe.abort(&error).await;
            if !gone.aborted() {
                console_error!("a body broke off before its end");
            }
        }
        Ok(JsValue::UNDEFINED)
    }))?;
    Ok(response)
}

async fn pump(mut stream: Stream, pipe: &Pipe, is_text: bool, service: &Service) -> Result<(), JsValue> {
    let mut scrubber = service.config().filter(|_| is_text).map(|config| Scrubber::new(&config.names));
    while let Some(block) = stream.next().await? {
        let bytes = match &mut scrubber {
            Some(scrubber) => scrubber.push(&block),
            None => block,
        };
        if let Err(error) = pipe.write(&bytes).await {
            stream.cancel();
            return Err(error);
        }
    }
    if let Some(scrubber) = &mut scrubber {
        pipe.write(&scrubber.finish()).await?;
    }
    pipe.close().await
}
