//! `/api/v1/checkout-sessions`: a merchant's server makes a session and sends its customer to the session's URL.

use crate::api::input::Input;
use crate::api::{Ask, accounts, object, stream};
use crate::checkout::link;
use crate::error::Error;
use crate::http::{Now, Response};
use crate::json::Object as Json;
use crate::ledger::live::token;
use crate::ledger::objects::{Kept, write};
use crate::ledger::session::{self, Draft, Session};
use crate::ledger::simulation;
use crate::ledger::state::Happening;
use crate::query::ParamError;

const FIELDS: [&str; 13] = [
    "amount",
    "callback",
    "cancel_url",
    "client_reference_id",
    "currency",
    "customer_email",
    "customer_name",
    "expires_at",
    "livemode",
    "metadata",
    "provider",
    "success_url",
    "tolerance_bps",
];
/// How long a session lives that does not say: a day, in milliseconds.
const LIFETIME_MS: u64 = 24 * 3_600_000;
/// How far ahead its end may be: 30 days, in milliseconds.
const MAX_LIFETIME_MS: u64 = 30 * 24 * 3_600_000;

/// `POST checkout-sessions`
///
/// # Errors
/// The error of the first wrong field.
pub fn create(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &FIELDS)?;
    let account = ask.own()?.shown.clone();
    let missing = |name| Error::Param(name, ParamError::Missing);
    let currency = input.currency("currency")?.map(|currency| currency.to_string()).or(account.default_currency);
    let draft = Draft {
        livemode: ask.livemode(input.flag("livemode")?)?,
        amount: Some(input.amount("amount")?.ok_or(missing("amount"))?.as_str().to_owned()),
        currency: Some(currency.ok_or(missing("currency"))?),
        tolerance_bps: Some(accounts::tolerance(&input)?.unwrap_or(account.tolerance_bps)),
        provider: input.text("provider")?.map(link::provider_id).transpose()?,
        customer_email: input.text("customer_email")?.map(|text| link::email("customer_email", text)).transpose()?,
        customer_name: input.text("customer_name")?,
        client_reference_id: input.text("client_reference_id")?,
        metadata: input.metadata()?.unwrap_or_default(),
        success_url: input.url("success_url")?,
        cancel_url: input.url("cancel_url")?,
        callback: accounts::callback(ask, &input, "callback")?.or(account.callback_url),
        expires_at: Some(end(ask, &input)?),
        digest: None,
    };
    let url = |id: &str| Some(session::url(ask.cx.config, ask.account, id));
    let session = Kept::<Session>::open(ask.cx, draft, url)?;
    Ok(object(200, write(&session.shown)?))
}

fn end(ask: &Ask<'_>, input: &Input) -> Result<u64, Error> {
    let now = ask.cx.now.0;
    let end = input.number("expires_at")?.unwrap_or(now + LIFETIME_MS);
    if end > now && end <= now + MAX_LIFETIME_MS {
        Ok(end)
    } else {
        Err(Error::Value("expires_at", "is not within the next 30 days: write milliseconds since 1970-01-01 UTC"))
    }
}

/// `GET checkout-sessions/:`
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn show(ask: &Ask<'_>) -> Result<Response, Error> {
    Ok(object(200, write(&session(ask)?.shown)?))
}

/// `POST checkout-sessions/:/expire`
///
/// # Errors
/// [`Error::Missing`] where there is none, [`Error::State`] where money has arrived or it was cancelled.
pub fn expire(ask: &Ask<'_>) -> Result<Response, Error> {
    end_with(ask, Happening::Expired)
}

/// `POST checkout-sessions/:/cancel`
///
/// # Errors
/// [`Error::Missing`] where there is none, [`Error::State`] where money has arrived or it has expired.
pub fn cancel(ask: &Ask<'_>) -> Result<Response, Error> {
    end_with(ask, Happening::Canceled)
}

/// `POST checkout-sessions/:/simulate-payment`: what a payment would do to a test session, without one.
///
/// # Errors
/// [`Error::Missing`] where there is none, [`Error::LiveSession`] where real money is meant, and those of `amount`.
pub fn simulate(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &["amount"])?;
    let amount = input.amount("amount")?;
    let session = session(ask)?;
    if session.shown.livemode {
        return Err(Error::LiveSession);
    }
    let id = session.shown.id.clone();
    simulation::pay(ask.cx, session, amount)?;
    Ok(object(200, write(&Kept::<Session>::get(ask.cx.books, ask.mode(), &id)?.shown)?))
}

/// `POST checkout-sessions/:/live-token`: with it the customer's page listens to the session's state, for `seconds` (a day; 30
/// days at most).
///
/// # Errors
/// [`Error::Missing`] where there is none, [`Error::Value`] for another time.
pub fn live_token(ask: &Ask<'_>) -> Result<Response, Error> {
    let input = Input::read(ask.request, &["seconds"])?;
    let lifetime_ms = input.number("seconds")?.map_or(Some(LIFETIME_MS), |seconds| seconds.checked_mul(1000));
    let lifetime_ms = lifetime_ms.filter(|time| (1..=MAX_LIFETIME_MS).contains(time));
    let lifetime_ms = lifetime_ms.ok_or(Error::Value("seconds", "is not a number from 1 to 2592000"))?;
    let (session, end) = (session(ask)?.shown.id, Now(ask.cx.now.0 + lifetime_ms));
    let token = token::issue(&ask.cx.config.keys, ask.account, &session, end);
    let url = ask.cx.config.origin.url(&format!("{}?token={token}", stream::PATH));
    let shown = Json::new().text("object", "live_token").text("checkout_session", &session).text("token", &token);
    Ok(object(200, shown.text("url", &url).number("expires_at", end.seconds() * 1000).write()))
}

fn end_with(ask: &Ask<'_>, happening: Happening) -> Result<Response, Error> {
    let mut session = session(ask)?;
    session.happen(ask.cx, happening)?;
    Ok(object(200, write(&session.shown)?))
}

fn session(ask: &Ask<'_>) -> Result<Kept<Session>, Error> {
    Kept::get(ask.cx.books, ask.mode(), ask.id)
}
