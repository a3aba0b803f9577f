//! The REST API over the ledger. All of it runs in the ledger: one account's objects are all that it can see.
//!
//! Every route is a row of one list: its method, its path, what may be done with which kind of resource, and who does it.
//! [`access`] decides on the rest.

pub mod access;
pub mod accounts;
pub mod callbacks;
pub mod deliveries;
pub mod idempotency;
pub mod input;
pub mod keys;
pub mod lists;
pub mod sessions;
pub mod stream;
pub mod webhook_check;
pub mod webhooks;

use serde::Serialize;

use crate::error::{Access, Error};
use crate::flow::{Context, Outcome, answer};
use crate::http::{Method, Request, Response};
use crate::ledger::account::{self, Account};
use crate::ledger::id::AccountId;
use crate::ledger::objects::{Kept, Object, write};
use crate::ledger::webhook::attempt;

use access::Actor;

/// What every path of the API starts with.
pub const ROOT: &str = "/api/v1/";

/// One request to the API: who asks, about which account, for which object.
pub struct Ask<'a> {
    /// What every step can use.
    pub cx: &'a Context<'a>,
    /// The request.
    pub request: &'a Request<'a>,
    /// Whose ledger it is.
    pub account: &'a AccountId,
    /// The account itself; none in the directory.
    own: Option<Kept<Account>>,
    /// Who asks.
    pub actor: &'a Actor,
    /// The id in the path; empty where there is none.
    pub id: &'a str,
}

impl Ask<'_> {
    /// Which objects whoever asks can see: the operator those of both modes, a key its own mode's.
    #[must_use]
    pub fn mode(&self) -> Option<bool> {
        match self.actor {
            Actor::Operator | Actor::Customer(_) => None,
            Actor::Key(key) => Some(key.livemode),
        }
    }

    /// The mode that is meant: a key's own; the operator's is what they say, and otherwise that of real payments.
    ///
    /// # Errors
    /// [`Error::Value`] where another mode is `wanted` than the key's.
    pub fn livemode(&self, wanted: Option<bool>) -> Result<bool, Error> {
        match (wanted, self.mode()) {
            (Some(wanted), Some(own)) if wanted != own => {
                Err(Error::Value("livemode", "differs from the key's: leave it away, or use a key of the other mode"))
            }
            (wanted, own) => Ok(own.or(wanted).unwrap_or(true)),
        }
    }

    /// The account whose ledger it is.
    ///
    /// # Errors
    /// [`Error::Missing`] in the directory.
    pub fn own(&self) -> Result<&Kept<Account>, Error> {
        self.own.as_ref().ok_or(Error::Missing("account"))
    }
}

/// Who does it.
#[derive(Clone, Copy)]
pub enum Handler {
    /// At once, and under an `Idempotency-Key` once.
    Now(fn(&Ask<'_>) -> Result<Response, Error>),
    /// With calls to others, which change nothing here: they are made each time.
    Asking(fn(&Ask<'_>) -> Outcome),
}

use Handler::{Asking, Now};

/// Method, path below [`ROOT`] (`:` stands for an id), resource, handler. Whatever is no `GET` writes.
const ROUTES: [(Method, &str, &str, Handler); 36] = [
    (Method::Post, "accounts", OPERATOR, Now(accounts::create)),
    (Method::Get, "accounts", OPERATOR, Now(lists::accounts)),
    (Method::Get, "accounts/:", "account", Now(accounts::show)),
    (Method::Patch, "accounts/:", "account", Now(accounts::update)),
    (Method::Post, "api-keys", "api_keys", Now(keys::create)),
    (Method::Get, "api-keys", "api_keys", Now(lists::keys)),
    (Method::Get, "api-keys/:", "api_keys", Now(keys::show)),
    (Method::Delete, "api-keys/:", "api_keys", Now(keys::revoke)),
    (Method::Post, "checkout-sessions", "checkout_sessions", Now(sessions::create)),
    (Method::Get, "checkout-sessions", "checkout_sessions", Now(lists::sessions)),
    (Method::Get, "checkout-sessions/:", "checkout_sessions", Now(sessions::show)),
    (Method::Post, "checkout-sessions/:/expire", "checkout_sessions", Now(sessions::expire)),
    (Method::Post, "checkout-sessions/:/cancel", "checkout_sessions", Now(sessions::cancel)),
    (Method::Post, "checkout-sessions/:/simulate-payment", "checkout_sessions", Now(sessions::simulate)),
    (Method::Post, "checkout-sessions/:/live-token", "checkout_sessions", Now(sessions::live_token)),
    (Method::Get, "callbacks", "transactions", Now(lists::callbacks)),
    (Method::Get, "callbacks/:", "transactions", Now(callbacks::show)),
    (Method::Post, "callbacks/:/retry", "transactions", Now(callbacks::retry)),
    (Method::Get, "transactions", "transactions", Now(lists::transactions)),
    (Method::Get, "transactions/:", "transactions", Now(lists::transaction)),
    (Method::Get, "events", "events", Now(lists::events)),
    (Method::Get, "events/stream", access::STREAM, Asking(stream::open)),
    (Method::Get, "events/:", "events", Now(lists::event)),
    (Method::Post, "webhooks", "webhooks", Now(webhooks::create)),
    (Method::Get, "webhooks", "webhooks", Now(lists::webhooks)),
    (Method::Get, "webhooks/:", "webhooks", Now(webhooks::show)),
    (Method::Patch, "webhooks/:", "webhooks", Now(webhooks::update)),
    (Method::Post, "webhooks/:/rotate-secret", "webhooks", Now(webhooks::rotate)),
    (Method::Post, "webhooks/:/test", "webhooks", Now(webhooks::test)),
    (Method::Post, "webhooks/:/replay", "webhooks", Now(webhooks::replay)),
    (Method::Post, "webhooks/:/check", "webhooks", Asking(webhook_check::run)),
    (Method::Get, "webhook-deliveries", "webhooks", Now(lists::deliveries)),
    (Method::Get, "webhook-deliveries/:", "webhooks", Now(deliveries::show)),
    (Method::Post, "webhook-deliveries/:/retry", "webhooks", Now(deliveries::retry)),
    (Method::Delete, "webhooks/:", "webhooks", Now(webhooks::delete)),
    (Method::Get, "account", "account", Now(accounts::show_own)),
];

/// What no key may do.
const OPERATOR: &str = "operator";

/// Serves a request to the API in the ledger of `account`.
///
/// # Errors
/// [`Error::NotFound`] for a path that is none, [`Error::Access`] for whoever may not, and what the handler says.
pub fn serve(cx: &Context<'_>, request: &Request<'_>, account: &AccountId) -> Outcome {
    let path = request.path.strip_prefix(ROOT).ok_or(Error::NotFound)?;
    let actor = Actor::find(cx, request)?;
    let (resource, handler, id) = find(request.method, path)?;
    if resource == OPERATOR && !matches!(actor, Actor::Operator) {
        return Err(Access::Scope.into());
    }
    actor.may(resource, request.method != Method::Get)?;
    let own = if *account == AccountId::directory() { None } else { Some(account::own(cx, account)?) };
    if own.is_none() && resource != OPERATOR {
        return Err(Error::Missing("account"));
    }
    let ask = Ask { cx, request, account, own, actor: &actor, id };
    match handler {
        Now(handler) => answer(idempotency::once(&ask, handler)?),
        Asking(handler) => handler(&ask),
    }
}

/// The resource, the handler and the id of a request to that path below [`ROOT`].
///
/// # Errors
/// [`Error::NotFound`], [`Error::Method`].
pub fn find(method: Method, path: &str) -> Result<(&'static str, Handler, &str), Error> {
    let rows = || ROUTES.iter().filter_map(|row| matched(row.1, path).map(|id| (row, id)));
    match rows().find(|(row, _)| row.0 == method) {
        Some((row, id)) => Ok((row.2, row.3, id)),
        None if rows().next().is_some() => Err(Error::Method(served(|method| rows().any(|(row, _)| row.0 == method)))),
        None => Err(Error::NotFound),
    }
}

/// The methods of a path, as `Allow` lists them.
fn served(serves: impl Fn(Method) -> bool) -> &'static str {
    let [get, post, patch, delete] = [Method::Get, Method::Post, Method::Patch, Method::Delete].map(serves);
    match (get, post, patch, delete) {
        (true, true, ..) => "GET, POST",
        (true, _, true, true) => "GET, PATCH, DELETE",
        (true, _, true, false) => "GET, PATCH",
        (true, _, false, true) => "GET, DELETE",
        (true, ..) => "GET",
        (false, ..) => "POST",
    }
}

/// The id in a path of that pattern; empty where the pattern has none.
fn matched<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, after)) = pattern.split_once(':') else { return (pattern == path).then_some("") };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// An answer with one object.
fn object(status: u16, text: String) -> Response {
    Response::new(status).text("application/json", text).header("cache-control", "no-store")
}

/// The same with the secret, as JSON, that is shown this once.
fn with_secret(shown: &impl Serialize, secret: &str) -> Result<Response, Error> {
    let text = write(shown)?;
    let rest = text.strip_prefix('{').unwrap_or_default();
    Ok(object(200, format!("{{\"secret\":{secret},{rest}")))
}

/// The same with what was tried for it so far.
fn with_attempts<T: Object>(ask: &Ask<'_>, kept: &Kept<T>) -> Result<Response, Error> {
    let (text, attempts) = (write(&kept.shown)?, attempt::last(ask.cx, kept.shown.id())?);
    let fields = text.strip_suffix('}').unwrap_or_default();
    Ok(object(200, format!("{fields},\"attempts\":[{}]}}", attempts.join(","))))
}

#[cfg(test)]
mod tests;
