//! What a ledger does for the Worker: everything that reaches an account's Durable Object comes in here.
//!
//! Only the Worker can call it, so whoever asks was checked there; what API keys may do is checked here, where they are known.

use crate::api::access::ACCOUNT;
use crate::api::{self};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer};
use crate::http::{Method, Request, RequestBody, Response};
use crate::ledger::account::{self, Account};
use crate::ledger::event::Nothing;
use crate::ledger::id::AccountId;
use crate::ledger::objects::Kept;
use crate::ledger::{schema, task};

/// An account as another ledger has it, to be written down here.
pub const COPY: &str = "/copy";
/// What is due.
pub const ALARM: &str = "/alarm";

/// Serves a request in a ledger.
///
/// # Errors
/// What the route says; then nothing has changed.
pub fn serve(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    schema::migrate(cx.books)?;
    route(cx, request)
}

/// Ends a step in a ledger: one that failed has changed nothing, after any other the ledger wakes when the next thing is due.
///
/// # Errors
/// Those of the step.
pub fn settle(cx: &Context<'_>, outcome: Outcome) -> Outcome {
    let settled = outcome.and_then(|step| {
        cx.books.wake_at(task::next_due(cx)?);
        Ok(step)
    });
    settled.inspect_err(|_| cx.books.undo())
}

fn route(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    match (request.method, request.path) {
        (Method::Post, COPY) => copy(cx, request),
        _ => api::serve(cx, request, &account_of(request)?),
    }
}

fn account_of(request: &Request<'_>) -> Result<AccountId, Error> {
    request.headers.get(ACCOUNT).and_then(|digits| AccountId::from_digits(&digits)).ok_or(Error::Internal)
}

/// Writes an account down, or what it became.
fn copy(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let RequestBody::Whole(body) = &request.body else { return Err(Error::BodyTooLarge) };
    let shown: Account = serde_json::from_slice(body).map_err(|_| Error::Internal)?;
    match Kept::<Account>::get(cx.books, Some(true), &shown.id) {
        Ok(known) if known.shown.updated_at <= shown.updated_at => Kept { shown, ..known }.update(cx.books)?,
        Ok(_) => {}
        Err(Error::Missing(_)) if account_of(request)? == AccountId::directory() => {
            Kept { shown, hidden: Nothing {} }.insert(cx.books)?;
        }
        Err(Error::Missing(_)) => drop(account::create(cx, shown)?),
        Err(other) => return Err(other),
    }
    answer(Response::new(200))
}
