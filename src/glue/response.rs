//! The core's answer as the runtime's.

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Headers, ResponseInit};
use worker::console_error;

use super::Serving;
use super::body::{Pipe, Stream};
use super::panic::{self, End};
use crate::config::Config;
use crate::http::{Body, Response};
use crate::livery::scrub::Scrubber;

/// Writes an answer; a body of the gateway's comes from `stream`, and goes on flowing after this returns.
pub fn write(answer: &Response, stream: Option<Stream>, serving: &Serving) -> Result<web_sys::Response, JsValue> {
    match (&answer.body, stream, serving.service.config()) {
        (Body::Scrubbed | Body::Blanked, Some(stream), Some(config)) => match stream.into_whole() {
            Ok(bytes) => whole(&bytes, scrubber(&answer.body, config), &head(answer)?),
            Err(stream) => flowing(stream, answer, serving),
        },
        _ => ready(answer),
    }
}

/// Writes an answer whose body, if any, is a text of ours.
pub fn ready(answer: &Response) -> Result<web_sys::Response, JsValue> {
    let text = if let Body::Text(text) = &answer.body { Some(text.as_ref()) } else { None };
    web_sys::Response::new_with_opt_str_and_init(text, &head(answer)?)
}

fn head(answer: &Response) -> Result<ResponseInit, JsValue> {
    let init = ResponseInit::new();
    init.set_status(answer.status);
    let headers = Headers::new()?;
    for (name, value) in &answer.headers {
        headers.append(name, value)?;
    }
    init.set_headers(&headers);
    Ok(init)
}

fn scrubber(body: &Body, config: &Config) -> Scrubber {
    if matches!(body, Body::Blanked) { Scrubber::blanking(&config.names) } else { Scrubber::new(&config.names) }
}

/// A body that is here already: the runtime adds its length.
fn whole(bytes: &[u8], mut scrubber: Scrubber, init: &ResponseInit) -> Result<web_sys::Response, JsValue> {
    let mut clean = scrubber.push(bytes);
    clean.extend(scrubber.finish());
    web_sys::Response::new_with_opt_u8_array_and_init(Some(&mut clean), init)
}

fn flowing(stream: Stream, answer: &Response, serving: &Serving) -> Result<web_sys::Response, JsValue> {
    let pipe = Pipe::new()?;
    let response = web_sys::Response::new_with_opt_readable_stream_and_init(Some(&pipe.readable), &head(answer)?)?;
    let (own, body) = (serving.clone(), answer.body.clone());
    serving.context.wait_until(&future_to_promise(async move {
        let Some(config) = own.service.config() else { return Ok(JsValue::UNDEFINED) };
        let flow = pump(stream, &pipe, scrubber(&body, config));
        if let Err(error) = panic::guard(own.entropy, End::Body(pipe.writer.clone()), flow).await {
            pipe.abort(&error).await;
            if !own.gone.aborted() {
                console_error!("a body broke off before its end");
            }
        }
        Ok(JsValue::UNDEFINED)
    }))?;
    Ok(response)
}

async fn pump(mut stream: Stream, pipe: &Pipe, mut scrubber: Scrubber) -> Result<(), JsValue> {
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
