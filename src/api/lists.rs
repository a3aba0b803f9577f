//! Lists: newest first, a page at a time, by what their objects say.

use crate::api::{Ask, object};
use crate::error::Error;
use crate::http::Response;
use crate::json::Object as Json;
use crate::ledger::objects::List;
use crate::query::{self, Params};

/// Names of parameters, and the columns they look into, the one that most often holds something else first.
type Filters = [(&'static str, &'static str)];

const PAGE: [&str; 3] = ["ending_before", "limit", "starting_after"];
const DEFAULT_LIMIT: u32 = 10;
const MAX_LIMIT: u32 = 100;

/// `GET accounts`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn accounts(ask: &Ask<'_>) -> Result<Response, Error> {
    list(ask, ("account", "acct"), &[])
}

/// `GET checkout-sessions`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn sessions(ask: &Ask<'_>) -> Result<Response, Error> {
    let filters = [("client_reference_id", "reference"), ("customer_email", "email"), ("status", "status")];
    list(ask, ("checkout.session", "cs"), &filters)
}

/// `GET transactions`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn transactions(ask: &Ask<'_>) -> Result<Response, Error> {
    list(ask, ("transaction", "txn"), &[("checkout_session", "parent"), ("status", "status")])
}

/// `GET events`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn events(ask: &Ask<'_>) -> Result<Response, Error> {
    list(ask, ("event", "evt"), &[("checkout_session", "parent"), ("type", "type")])
}

/// `GET callbacks`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn callbacks(ask: &Ask<'_>) -> Result<Response, Error> {
    list(ask, ("callback", "cb"), &[("checkout_session", "parent"), ("status", "status")])
}

/// `GET webhooks`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn webhooks(ask: &Ask<'_>) -> Result<Response, Error> {
    list(ask, ("webhook_endpoint", "we"), &[("status", "status")])
}

/// `GET webhook-deliveries`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn deliveries(ask: &Ask<'_>) -> Result<Response, Error> {
    let filters = [("event", "event"), ("webhook_endpoint", "webhook_endpoint"), ("status", "status")];
    list(ask, ("webhook_delivery", "wd"), &filters)
}

/// `GET api-keys`
///
/// # Errors
/// The error of the first wrong parameter.
pub fn keys(ask: &Ask<'_>) -> Result<Response, Error> {
    list(ask, ("api_key", "key"), &[])
}

/// `GET transactions/:`
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn transaction(ask: &Ask<'_>) -> Result<Response, Error> {
    one(ask, "transaction")
}

/// `GET events/:`
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn event(ask: &Ask<'_>) -> Result<Response, Error> {
    one(ask, "event")
}

fn one(ask: &Ask<'_>, kind: &'static str) -> Result<Response, Error> {
    let (first, second) = (ask.mode().unwrap_or(true), ask.mode().unwrap_or(false));
    let sql = "SELECT data FROM objects WHERE kind = ? AND livemode IN (?, ?) AND id = ?";
    let row = ask.cx.books.row(sql, &[kind.into(), first.into(), second.into(), ask.id.into()])?;
    let text = row.and_then(|row| row.text(0)).ok_or(Error::Missing(kind))?;
    Ok(object(200, text))
}

/// The objects of a kind, whose ids have that prefix.
fn list(ask: &Ask<'_>, (kind, prefix): (&'static str, &str), filters: &Filters) -> Result<Response, Error> {
    let known: Vec<&str> = filters.iter().map(|(name, _)| *name).chain(PAGE).chain(["livemode"]).collect();
    // A misspelt filter would list everything.
    let unknown = query::pairs(ask.request.query).find(|pair| !known.contains(&pair.name().as_ref()));
    if let Some(pair) = unknown {
        return Err(Error::UnknownParam(pair.name().chars().take(40).collect()));
    }
    let params = Params::read(ask.request.query, &known)?;
    let mut wanted = Vec::new();
    for (name, column) in filters {
        wanted.extend(params.optional(name)?.map(|value| (*column, value)));
    }
    let (after, before) = (cursor(&params, "starting_after", prefix)?, cursor(&params, "ending_before", prefix)?);
    if after.is_some() && before.is_some() {
        return Err(Error::Value("ending_before", "cannot be used together with starting_after: leave one away"));
    }
    let page = List {
        kind,
        livemode: livemode(ask, params.optional("livemode")?.as_deref())?,
        filters: wanted.iter().map(|(column, value)| (*column, value.as_str())).collect(),
        limit: limit(params.optional("limit")?.as_deref())?,
        starting_after: after.as_deref(),
        ending_before: before.as_deref(),
    };
    let (found, has_more) = page.read(ask.cx.books)?;
    let url = Json::new().text("url", ask.request.path).write();
    let rest = url.strip_prefix('{').unwrap_or_default();
    Ok(object(200, format!("{{\"object\":\"list\",\"data\":[{}],\"has_more\":{has_more},{rest}", found.join(","))))
}

fn cursor(params: &Params<'_>, name: &'static str, prefix: &str) -> Result<Option<String>, Error> {
    let id = params.optional(name)?;
    let is_one =
        |id: &String| id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| !rest.is_empty());
    if id.as_ref().is_none_or(is_one) { Ok(id) } else { Err(Error::Value(name, "is not the id of an object of this list")) }
}

fn limit(text: Option<&str>) -> Result<u32, Error> {
    let number = text.map_or(Some(DEFAULT_LIMIT), |text| text.parse().ok());
    number.filter(|number| (1..=MAX_LIMIT).contains(number)).ok_or(Error::Value("limit", "is not a number from 1 to 100"))
}

/// The mode that a query names, or that whoever asks has.
///
/// # Errors
/// [`Error::Value`] for another than the key's, and for what is none.
pub fn livemode(ask: &Ask<'_>, text: Option<&str>) -> Result<bool, Error> {
    let wanted = match text {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Error::Value("livemode", "is neither true nor false")),
    };
    ask.livemode(wanted)
}
