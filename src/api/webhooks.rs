//! `/api/v1/webhooks`: where a merchant's webhooks go.

use crate::api::input::Input;
use crate::api::{Ask, object, with_secret};
use crate::callback::target;
use crate::error::Error;
use crate::http::Response;
use crate::ledger::event::{self, Type};
use crate::ledger::filter;
use crate::ledger::objects::{Kept, Object as _, new_id, write};
use crate::ledger::webhook::delivery;
use crate::ledger::webhook::endpoint::{self, Endpoint, Payload, Private, Reason, Status};
use crate::ledger::webhook::replay::{self, Range, Which};
use crate::query::ParamError;

const FIELDS: [&str; 7] = ["description", "event_types", "livemode", "metadata", "payload", "status", "url"];
/// How long old secrets go on signing beside a new one, in seconds, unless the request says: a day. At most a week.
const OVERLAP_S: u64 = 24 * 3600;
const MAX_OVERLAP_S: u64 = 7 * 24 * 3600;

/// `POST webhooks`: the answer alone holds the secret.
///
/// # Errors
/// [`Error::TooManyEndpoints`]; the error of the first wrong field.
pub fn create(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &FIELDS)?;
    let livemode = ask.livemode(input.flag("livemode")?)?;
    if !input.has("url") {
        return Err(Error::Param("url", ParamError::Missing));
    }
    if endpoint::all(ask.cx, livemode)?.len() >= endpoint::MOST {
        return Err(Error::TooManyEndpoints);
    }
    let shown = Endpoint {
        id: new_id::<Endpoint>(ask.cx, "we", livemode)?,
        object: Endpoint::KIND.to_owned(),
        livemode,
        status: Status::Enabled,
        disabled_reason: None,
        url: String::new(),
        description: String::new(),
        event_types: vec![filter::ALL.to_owned()],
        payload: Payload::Full,
        metadata: input.metadata()?.unwrap_or_default(),
        secret_hint: String::new(),
        old_secret_expires_at: None,
        failing_since: None,
        created_at: ask.cx.now.0,
        updated_at: ask.cx.now.0,
    };
    let mut endpoint = Kept { shown, hidden: Private::default() };
    change(ask, &input, &mut endpoint)?;
    endpoint.rotate(ask.cx, ask.cx.now)?;
    endpoint.insert(ask.cx.books)?;
    event::record(ask.cx, Type::WebhookCreated, &endpoint.shown, "")?;
    shown_once(&endpoint)
}

/// `GET webhooks/:`
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn show(ask: &Ask<'_>) -> Result<Response, Error> {
    Ok(object(200, write(&endpoint(ask)?.shown)?))
}

/// `PATCH webhooks/:`: what is named is changed. Whoever enables it again starts its health anew, and what waits for it is sent;
/// so does whoever gives it another URL.
///
/// # Errors
/// [`Error::Missing`] where there is none; the error of the first wrong field.
pub fn update(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &FIELDS)?;
    let mut endpoint = endpoint(ask)?;
    if input.flag("livemode")?.is_some_and(|wanted| wanted != endpoint.shown.livemode) {
        return Err(Error::Value("livemode", "cannot change: make another endpoint"));
    }
    if let Some(metadata) = input.metadata()? {
        endpoint.shown.metadata = metadata;
    }
    change(ask, &input, &mut endpoint)?;
    endpoint.shown.updated_at = ask.cx.now.0;
    endpoint.update(ask.cx.books)?;
    event::record(ask.cx, Type::WebhookUpdated, &endpoint.shown, "")?;
    Ok(object(200, write(&endpoint.shown)?))
}

/// `DELETE webhooks/:`: nothing is sent to it any more. Its deliveries stay in the log.
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn delete(ask: &Ask<'_>) -> Result<Response, Error> {
    let endpoint = endpoint(ask)?.shown;
    delivery::cancel_all(ask.cx, &endpoint)?;
    let sql = "DELETE FROM objects WHERE kind = ? AND livemode = ? AND id = ?";
    ask.cx.books.run(sql, &[Endpoint::KIND.into(), endpoint.livemode.into(), (&endpoint.id).into()])?;
    event::record(ask.cx, Type::WebhookDeleted, &endpoint, "")?;
    // What is left of it, as Stripe has it.
    Ok(object(200, format!("{{\"id\":{},\"object\":\"{}\",\"deleted\":true}}", write(&endpoint.id)?, Endpoint::KIND)))
}

/// `POST webhooks/:/rotate-secret`: the answer alone holds the new secret, which signs from now on; the old ones sign beside it
/// for `overlap_seconds`.
///
/// # Errors
/// [`Error::Missing`] where there is none; [`Error::Value`] for an overlap that is none, or that leaves too many secrets in force.
pub fn rotate(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &["overlap_seconds"])?;
    let seconds = input.number("overlap_seconds")?.unwrap_or(OVERLAP_S);
    if seconds > MAX_OVERLAP_S {
        return Err(Error::Value("overlap_seconds", "is longer than a week (604800)"));
    }
    let mut endpoint = endpoint(ask)?;
    endpoint.rotate(ask.cx, crate::http::Now(ask.cx.now.0 + seconds * 1000))?;
    endpoint.shown.updated_at = ask.cx.now.0;
    endpoint.update(ask.cx.books)?;
    event::record(ask.cx, Type::WebhookUpdated, &endpoint.shown, "")?;
    shown_once(&endpoint)
}

/// `POST webhooks/:/test`: an event `webhook.test` on its way to this endpoint alone, whatever it gets otherwise.
///
/// # Errors
/// [`Error::Missing`] where there is none; [`Error::EndpointDisabled`].
pub fn test(ask: &Ask<'_>) -> Result<Response, Error> {
    let endpoint = in_use(ask)?.shown;
    let event = event::note(ask.cx, Type::WebhookTest, &endpoint, "")?;
    let delivery = delivery::owe(ask.cx, &event.id, &event.kind, &endpoint)?;
    Ok(object(200, write(&delivery.shown)?))
}

/// `POST webhooks/:/replay`: one `event`; or all from `since` to `until` that failed or were never sent (`which` `failed`), or all
/// (`all`). A range is gone through five hundred events at a time; `starting_after` goes on.
///
/// # Errors
/// [`Error::Missing`] where there is no such endpoint or event; [`Error::EndpointDisabled`]; the error of the first wrong field.
pub fn replay(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &["event", "since", "starting_after", "until", "which"])?;
    let endpoint = in_use(ask)?.shown;
    let which = match input.text("which")?.as_deref() {
        None | Some("failed") => Which::Failed,
        Some("all") => Which::All,
        Some(_) => return Err(Error::Value("which", "is neither failed nor all")),
    };
    let Some(event) = input.text("event")? else {
        let since = input.number("since")?.ok_or(Error::Param("since", ParamError::Missing))?;
        // Without an end it is all there is: ids run ahead of a clock that was set back.
        let (until, after) = (input.number("until")?.unwrap_or(u64::MAX), input.text("starting_after")?);
        let range = Range { since, until, after: after.as_deref() };
        return Ok(object(200, write(&replay::range(ask.cx, &endpoint, &range, which)?)?));
    };
    if let Some(name) = ["since", "starting_after", "until"].into_iter().find(|name| input.has(name)) {
        return Err(Error::Value(name, "cannot be used together with event: leave one away"));
    }
    let sql = "SELECT type FROM objects WHERE kind = 'event' AND livemode = ? AND id = ?";
    let row = ask.cx.books.row(sql, &[endpoint.livemode.into(), (&event).into()])?.ok_or(Error::Missing("event"))?;
    let kind = row.text(0).unwrap_or_default();
    let count = u32::from(replay::one(ask.cx, &endpoint, &event, &kind, Which::All)?);
    let replayed = replay::Replayed::of(&endpoint, count, false, Some(event));
    Ok(object(200, write(&replayed)?))
}

fn change(ask: &Ask<'_>, input: &Input, endpoint: &mut Kept<Endpoint>) -> Result<(), Error> {
    if input.has("url") {
        let url = url(ask, input)?;
        if url != endpoint.shown.url {
            endpoint.renew(ask.cx.now);
        }
        endpoint.shown.url = url;
    }
    let shown = &mut endpoint.shown;
    if input.has("description") {
        shown.description = input.text("description")?.unwrap_or_default();
    }
    if input.has("event_types") {
        shown.event_types = input.texts("event_types")?.unwrap_or_else(|| vec![filter::ALL.to_owned()]);
        filter::check("event_types", &shown.event_types)?;
    }
    if input.has("payload") {
        shown.payload = input.choice("payload", "is neither full nor thin")?.unwrap_or(Payload::Full);
    }
    let Some(status) = input.choice("status", "is none of enabled, paused, disabled")? else { return Ok(()) };
    shown.disabled_reason = (status == Status::Disabled).then(|| shown.disabled_reason.unwrap_or(Reason::Requested));
    let was = core::mem::replace(&mut shown.status, status);
    if status == Status::Enabled && was != Status::Enabled {
        endpoint.renew(ask.cx.now);
    }
    Ok(())
}

/// A URL that Livery will call.
fn url(ask: &Ask<'_>, input: &Input) -> Result<String, Error> {
    let text = input.url("url")?.ok_or(Error::Param("url", ParamError::Missing))?;
    target::reachable(ask.cx.config, &text).map_err(|why| Error::Value("url", why.text()))?;
    Ok(text)
}

/// The endpoint in the path.
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn endpoint(ask: &Ask<'_>) -> Result<Kept<Endpoint>, Error> {
    Kept::get(ask.cx.books, ask.mode(), ask.id)
}

fn in_use(ask: &Ask<'_>) -> Result<Kept<Endpoint>, Error> {
    let endpoint = endpoint(ask)?;
    if endpoint.shown.status == Status::Disabled { Err(Error::EndpointDisabled) } else { Ok(endpoint) }
}

/// The endpoint and its newest secret.
fn shown_once(endpoint: &Kept<Endpoint>) -> Result<Response, Error> {
    let key = endpoint.hidden.keys.last().ok_or(Error::Internal)?;
    with_secret(&endpoint.shown, &write(key.text().expose())?)
}
