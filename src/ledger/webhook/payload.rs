//! A webhook as it is sent: an event's body, and the call that carries it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::flow::Context;
use crate::http::{Call, Method, Now, Read};
use crate::ledger::event::Event;
use crate::ledger::objects::write;
use crate::ledger::webhook::endpoint::Payload;
use crate::ledger::webhook::secret::{self, Key};
use crate::livery::scrub::scrub;

/// The header that is the same over all attempts (Standard Webhooks, "Webhook headers").
pub const ID: &str = "webhook-id";
/// The header with the moment of this attempt, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";
/// What a merchant's server sees as the caller.
const USER_AGENT: &str = concat!("Livery/", env!("CARGO_PKG_VERSION"), " (webhooks)");

/// An event as the API shows it, and its moment as the standard has it.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: &'a str,
    id: &'a str,
    object: &'a str,
    livemode: bool,
    checkout_session: Option<&'a str>,
    created_at: u64,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    object: &'a RawValue,
}

/// The body for an event: the same text for each attempt.
///
/// # Errors
/// [`Error::Missing`] where there is no such event; [`Error::Books`] where the database fails.
pub fn body(cx: &Context<'_>, event: &str, payload: Payload) -> Result<String, Error> {
    // The database knows calendars: `timestamp` is the event's moment in ISO 8601, to the millisecond.
    let sql = "SELECT data, strftime('%Y-%m-%dT%H:%M:%fZ', (data ->> '$.created_at') / 1000.0, 'unixepoch'),
        json_object('id', data ->> '$.data.object.id', 'object', data ->> '$.data.object.object')
        FROM objects WHERE kind = 'event' AND livemode IN (0, 1) AND id = ?";
    let row = cx.books.row(sql, &[event.into()])?.ok_or(Error::Missing("event"))?;
    let column = |at| row.text(at).ok_or(Error::Internal);
    let event: Event = serde_json::from_str(&column(0)?).map_err(|_| Error::Internal)?;
    let thin = RawValue::from_string(column(2)?).map_err(|_| Error::Internal)?;
    let body = Body {
        kind: &event.kind,
        timestamp: &column(1)?,
        id: &event.id,
        object: &event.object,
        livemode: event.livemode,
        checkout_session: event.checkout_session.as_deref(),
        created_at: event.created_at,
        data: Data { object: if payload == Payload::Thin { &thin } else { &event.data.object } },
    };
    Ok(scrub(&cx.config.names, &write(&body)?).into_owned())
}

/// The call with this body, signed now by every key in force.
#[must_use]
pub fn call(url: &str, id: &str, body: String, keys: &[Key], now: Now) -> Call {
    let signature = secret::signature(keys, &secret::message(id, now, &body), now);
    let headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", USER_AGENT.to_owned()),
        (ID, id.to_owned()),
        (TIMESTAMP, now.seconds().to_string()),
        (SIGNATURE, signature),
    ];
    Call { method: Method::Post, url: url.to_owned(), headers, body: Some(body.into_bytes()), read: Read::Excerpt }
}
