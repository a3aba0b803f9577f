//! `POST /api/v1/webhooks/:/check`: "call my endpoint now", and what was met on the way.

use serde::Serialize;

use crate::api::{Ask, object, webhooks};
use crate::callback::target;
use crate::config::Config;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_endpoint};
use crate::http::{Call, Fault, Method, Now, Read, Reply};
use crate::ledger::event::{self, Type};
use crate::ledger::id;
use crate::ledger::objects::{Kept, write};
use crate::ledger::webhook::attempt::{self, Excerpt, Sent};
use crate::ledger::webhook::check::{self, Calls, Finding};
use crate::ledger::webhook::endpoint::Endpoint;
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

/// For how long one check keeps others of the same endpoint from being begun, if its end is lost, in milliseconds: longer than the
/// calls may take.
const LONGEST_MS: u64 = 60_000;

/// What is known of the calls so far.
struct Begun {
    livemode: bool,
    endpoint: String,
    url: String,
    event: String,
    body: String,
    sent: Sent,
    at: Now,
}

/// What came of the call that is signed.
struct Signed {
    came: Result<Reply, Fault>,
    duration_ms: u64,
}

/// Calls the endpoint, whether it is enabled or not. What is sent is an event `webhook.test`, which is owed to nobody.
///
/// # Errors
/// [`Error::Missing`] where there is none; [`Error::CheckUnderWay`]; [`Error::Value`] where the operator's settings no longer let
/// its URL be called.
pub fn run(ask: &Ask<'_>) -> Outcome {
    let (cx, mut endpoint) = (ask.cx, webhooks::endpoint(ask)?);
    target::reachable(cx.config, &endpoint.shown.url).map_err(|why| Error::Value("url", why.text()))?;
    if cx.now.0 < endpoint.hidden.checking_until {
        return Err(Error::CheckUnderWay);
    }
    endpoint.hidden.checking_until = cx.now.0 + LONGEST_MS;
    endpoint.update(cx.books)?;
    let Kept { shown, hidden } = endpoint;
    let event = event::note(cx, Type::WebhookTest, &shown, "")?;
    let body = payload::body(cx, &event.id, shown.payload)?;
    let call = payload::call(&shown.url, &event.id, body.clone(), &hidden.keys, cx.now);
    let Endpoint { id, livemode, url, .. } = shown;
    let begun = Begun { livemode, endpoint: id, url, event: event.id, body, sent: Sent::of(&call), at: cx.now };
    ask_endpoint(call, move |cx, came| {
        let signed = Signed { came, duration_ms: cx.now.0.saturating_sub(begun.at.0) };
        if signed.came.is_ok() { forge(cx, begun, signed) } else { look_for_host(cx, begun, signed) }
    })
}

/// Calls it again with a forged signature. It is another webhook, lest a server passes it over that knows the first.
fn forge(cx: &Context<'_>, begun: Begun, signed: Signed) -> Outcome {
    let other = id::new("evt", cx.now, cx.books.random());
    let nobodys = [Key::new(cx.now, [cx.books.random(), cx.books.random()])];
    let call = payload::call(&begun.url, &other, begun.body.replace(&begun.event, &other), &nobodys, cx.now);
    ask_endpoint(call, move |cx, forged| report(cx, &begun, &signed, Some(&forged), None))
}

/// Calls its host without a secure connection, where none could be made.
fn look_for_host(cx: &Context<'_>, begun: Begun, signed: Signed) -> Outcome {
    match insecure(cx.config, &begun.url).filter(|_| matches!(signed.came, Err(Fault::Handshake))) {
        Some(call) => ask_endpoint(call, move |cx, insecure| report(cx, &begun, &signed, None, Some(&insecure))),
        None => report(cx, &begun, &signed, None, None),
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
    cx: &Context<'_>,
    begun: &Begun,
    signed: &Signed,
    forged: Option<&Result<Reply, Fault>>,
    insecure: Option<&Result<Reply, Fault>>,
) -> Outcome {
    match Kept::<Endpoint>::get(cx.books, Some(begun.livemode), &begun.endpoint) {
        Ok(mut endpoint) => {
            endpoint.hidden.checking_until = 0;
            endpoint.update(cx.books)?;
        }
        // It was deleted meanwhile.
        Err(Error::Missing(_)) => {}
        Err(other) => return Err(other),
    }
    let signature = begun.sent.headers.iter().find(|(name, _)| *name == payload::SIGNATURE).map_or("", |(_, value)| value);
    let Signed { came, duration_ms } = signed;
    let checks = check::judge(&Calls { signed: came, forged, insecure, duration_ms: *duration_ms, signature });
    let reply = came.as_ref();
    let report = Report {
        object: "webhook_check",
        webhook_endpoint: &begun.endpoint,
        ok: check::is_ok(&checks),
        checks,
        duration_ms: *duration_ms,
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
