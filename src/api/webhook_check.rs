//! `POST /api/v1/webhooks/:/check`: "call my endpoint now", and what was met on the way.

use serde::Serialize;

use crate::api::{Ask, object, webhooks};
use crate::callback::target;
use crate::config::Config;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_endpoint, ask_endpoint_at_once};
use crate::http::{Call, Fault, Method, Now, Read, Reply};
use crate::ledger::event::{self, Type};
use crate::ledger::objects::write;
use crate::ledger::webhook::attempt::{self, Excerpt, Sent};
use crate::ledger::webhook::check::{self, Calls, Finding};
use crate::ledger::webhook::payload;
use crate::ledger::webhook::secret::Key;

/// What is answered.
#[derive(Serialize)]
struct Report<'a> {
    object: &'static str,
    webhook_endpoint: &'a str,
    ok: bool,
    checks: Vec<Finding>,
    duration_ms: u64,
    status: Option<u16>,
    error: Option<&'static str>,
    request: Request<'a>,
    response: Option<Excerpt>,
}

#[derive(Serialize)]
struct Request<'a> {
    #[serde(flatten)]
    sent: &'a Sent,
    body: &'a str,
}

/// What is known before the calls are made.
struct Begun {
    endpoint: String,
    url: String,
    body: String,
    sent: Sent,
    at: Now,
}

/// Calls the endpoint, whether it is enabled or not. What is sent is an event `webhook.test`, which is owed to nobody.
///
/// # Errors
/// [`Error::Missing`] where there is none; [`Error::Value`] where the operator's settings no longer let its URL be called.
pub fn run(ask: &Ask<'_>) -> Outcome {
    let (cx, endpoint) = (ask.cx, webhooks::endpoint(ask)?);
    let (shown, keys) = (endpoint.shown, endpoint.hidden.keys);
    target::reachable(cx.config, &shown.url).map_err(|why| Error::Value("url", why.text()))?;
    let event = event::note(cx, Type::WebhookTest, &shown, "")?;
    let body = payload::body(cx, &event.id, shown.payload)?;
    let signed = payload::call(&shown.url, &event.id, body.clone(), &keys, cx.now);
    let nobodys = [Key::new(cx.now, [cx.books.random(), cx.books.random()])];
    let forged = payload::call(&shown.url, &event.id, body.clone(), &nobodys, cx.now);
    let begun = Begun { endpoint: shown.id, url: shown.url, body, sent: Sent::of(&signed), at: cx.now };
    ask_endpoint_at_once(vec![signed, forged], Box::new(move |cx, replies| called(cx, begun, replies)))
}

fn called(cx: &Context<'_>, begun: Begun, replies: Vec<Result<Reply, Fault>>) -> Outcome {
    let Ok([signed, forged]) = <[_; 2]>::try_from(replies) else { return Err(Error::Internal) };
    let duration_ms = cx.now.0.saturating_sub(begun.at.0);
    match insecure(cx.config, &begun.url).filter(|_| matches!(signed, Err(Fault::Handshake))) {
        Some(call) => ask_endpoint(call, move |_, insecure| report(&begun, &signed, &forged, Some(&insecure), duration_ms)),
        None => report(&begun, &signed, &forged, None, duration_ms),
    }
}

/// The host of a secure URL without a secure connection, on its usual port; nothing of a webhook. The host may be allowed on
/// another port alone.
fn insecure(config: &Config, url: &str) -> Option<Call> {
    let host = url::Url::parse(url).ok().filter(|url| url.scheme() == "https")?.host_str()?.to_owned();
    let url = format!("http://{host}/");
    target::reachable(config, &url).ok()?;
    Some(Call { method: Method::Head, url, headers: Vec::new(), body: None, read: Read::Excerpt })
}

fn report(
    begun: &Begun,
    signed: &Result<Reply, Fault>,
    forged: &Result<Reply, Fault>,
    insecure: Option<&Result<Reply, Fault>>,
    duration_ms: u64,
) -> Outcome {
    let signature = begun.sent.headers.iter().find(|(name, _)| *name == payload::SIGNATURE).map_or("", |(_, value)| value);
    let checks = check::judge(&Calls { signed, forged, insecure, duration_ms, signature });
    let reply = signed.as_ref();
    let report = Report {
        object: "webhook_check",
        webhook_endpoint: &begun.endpoint,
        ok: check::is_ok(&checks),
        checks,
        duration_ms,
        status: reply.ok().map(|reply| reply.status),
        error: reply.err().map(|fault| attempt::word(*fault)),
        request: Request { sent: &begun.sent, body: &begun.body },
        response: reply.ok().map(|reply| Excerpt::read(&reply.text)),
    };
    answer(object(200, write(&report)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn the_usual_port_is_tried_only_where_it_may_be_called() {
        let tried = |allowed, url| insecure(&config(&[("ALLOWED_PRIVATE_HOSTS", allowed)]), url).map(|call| call.url);
        assert_eq!(tried("", "https://shop.example:8443/hook").as_deref(), Some("http://shop.example/"));
        assert_eq!(tried("10.0.0.5", "https://10.0.0.5:8443/hook").as_deref(), Some("http://10.0.0.5/"));
        assert_eq!(tried("10.0.0.5:8443", "https://10.0.0.5:8443/hook"), None);
        assert_eq!(tried("", "http://shop.example/hook"), None);
    }
}
