//! `/api/v1/…`: finds out whose ledger a request is for, and lets that answer.
//!
//! Nothing is decided here but whom the request claims to come from. The ledger checks that ([`crate::api::access`]).

use serde_json::value::RawValue;

use super::ledger;
use crate::api::access::{ACCOUNT, ACTOR, Claim};
use crate::api::{self, ROOT, idempotency};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_ledger};
use crate::gateway::object::Object;
use crate::http::{Body, Call, Method, Read, Reply, Request, RequestBody, Response};
use crate::ledger::id::AccountId;
use crate::pages::request_id;

/// Request headers that the ledger reads.
const PASSED: [&str; 2] = ["accept", idempotency::HEADER];
/// Headers of its answers that the caller gets.
const ANSWERED: [&str; 6] = ["allow", "cache-control", "content-type", "idempotent-replayed", "retry-after", "www-authenticate"];

/// Forwards a request to the account's ledger.
///
/// # Errors
/// [`Error::Access`] for whoever does not say who they are, [`Error::Ledger`] where the ledger cannot be reached.
pub fn forward(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let RequestBody::Whole(body) = &request.body else { return Err(Error::BodyTooLarge) };
    let claim = Claim::of(cx.config, request.headers)?;
    // What no route serves is not passed on: its path could mean another one there, and its method's name may not be known.
    api::find(request.method, request.path.strip_prefix(ROOT).unwrap_or_default())?;
    let named = request.path.strip_prefix(ROOT).and_then(|path| path.strip_prefix("accounts"));
    let account = match (named, &claim) {
        (Some(_), Claim::Operator(_)) if cx.config.payout.is_some() => AccountId::main(),
        (Some(""), Claim::Operator(_)) => AccountId::directory(),
        (Some(id), Claim::Operator(_)) => id.strip_prefix('/').and_then(AccountId::parse).ok_or(Error::Missing("account"))?,
        _ => claim.account(cx.config)?,
    };
    let call = call(request, &account, &claim, body.clone());
    let changes_account = named.is_some() && matches!(request.method, Method::Post | Method::Patch);
    ask_ledger(call, move |cx, came| {
        let reply = came.map_err(|_| Error::Ledger)?;
        if changes_account && reply.status == 200 && cx.config.payout.is_none() {
            copy(&account, reply)
        } else {
            answer(relay(reply))
        }
    })
}

/// A new account, which the directory made, is written down in a ledger of its own; a changed one in the directory. Doing it
/// again changes nothing, so whoever gets no answer asks again.
fn copy(from: &AccountId, reply: Reply) -> Outcome {
    let id = serde_json::from_str::<Object>(&reply.text).ok().and_then(|object| object.text("id"));
    let own = id.as_deref().and_then(AccountId::parse).ok_or(Error::Internal)?;
    let to = if *from == AccountId::directory() { own } else { AccountId::directory() };
    let shown: &RawValue = serde_json::from_str(&reply.text).map_err(|_| Error::Internal)?;
    ask_ledger(ledger::call(&to, ledger::COPY, &shown)?, move |_, came| match came {
        Ok(Reply { status: 200, .. }) => answer(relay(reply)),
        _ => Err(Error::Ledger),
    })
}

fn call(request: &Request<'_>, account: &AccountId, claim: &Claim, body: Vec<u8>) -> Call {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let mut headers =
        vec![(ACTOR, claim.header()), (ACCOUNT, account.digits().to_owned()), ("request-id", request_id(request.entropy))];
    headers.extend(PASSED.iter().filter_map(|name| Some((*name, request.headers.get(name)?))));
    let body = matches!(request.method, Method::Post | Method::Patch).then_some(body);
    Call { method: request.method, url: url(account, &format!("{}{query}", request.path)), headers, body, read: Read::Text }
}

/// The URL of a path in an account's ledger: it exists only between the Worker and its ledgers.
#[must_use]
pub fn url(account: &AccountId, path_and_query: &str) -> String {
    format!("https://{}.ledger{path_and_query}", account.digits())
}

/// The ledger's answer is ours.
#[must_use]
pub fn relay(reply: Reply) -> Response {
    let mut response = Response::new(reply.status);
    for name in ANSWERED {
        if let Some(value) = reply.headers.get(name) {
            response = response.header(name, value);
        }
    }
    response.body = Body::Text(reply.text.into());
    response
}
