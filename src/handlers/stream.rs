//! `/api/v1/events/stream`: connects whoever listens with their account's ledger.
//!
//! The ledger knows `WebSockets` alone, because it can sleep while they are open. For server-sent events the Worker holds one, and
//! passes on what it brings.

use super::api;
use crate::api::access::{ACCOUNT, ACTOR, Claim};
use crate::api::stream::{LAST_EVENT, LINES, PATH};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_ledger};
use crate::http::{Body, Call, Method, Read, Request, Response};
use crate::ledger::live::token;
use crate::pages::request_id;
use crate::query::{self, Params};

/// Opens a stream: a WebSocket for whoever asks for one, server-sent events for anybody else.
///
/// # Errors
/// [`Error::Access`] and [`Error::Token`] for whoever does not say who they are; what the ledger says.
pub fn open(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let claim = claim(cx, request)?;
    let account = claim.account(cx.config)?;
    let is_socket = request.headers.get("upgrade").is_some_and(|name| name.eq_ignore_ascii_case("websocket"));
    let mut headers = vec![
        (ACTOR, claim.header()),
        (ACCOUNT, account.digits().to_owned()),
        ("request-id", request_id(request.entropy)),
        ("upgrade", "websocket".to_owned()),
    ];
    headers.extend((!is_socket).then(|| (LINES, "1".to_owned())));
    headers.extend(request.headers.get(LAST_EVENT).map(|id| (LAST_EVENT, id)));
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let url = api::url(&account, &format!("{PATH}{query}"));
    let call = Call { method: Method::Get, url, headers, body: None, read: Read::Socket };
    ask_ledger(call, move |_, came| {
        let reply = came.map_err(|_| Error::Ledger)?;
        match (reply.status, is_socket) {
            (101, true) => answer(with(Response::new(101), Body::Socket)),
            (101, false) => {
                let response = Response::new(200).header("content-type", "text/event-stream").header("cache-control", "no-store");
                answer(with(response, Body::Lines))
            }
            // The platform may have refused the socket that the ledger had taken on.
            (429, _) => Err(Error::TooManyListeners),
            _ => answer(api::relay(reply)),
        }
    })
}

fn with(response: Response, body: Body) -> Response {
    Response { body, ..response }
}

/// Whether it comes from a customer's page, and not from a merchant's server: those who have a token are many.
#[must_use]
pub fn is_customers(request: &Request<'_>) -> bool {
    query::pairs(request.query).any(|pair| pair.name() == "token")
}

/// A customer's page shows its token in the query: a browser can send no header with a WebSocket.
fn claim(cx: &Context<'_>, request: &Request<'_>) -> Result<Claim, Error> {
    let Some(text) = Params::read(request.query, &["token"])?.optional("token")? else {
        return Claim::of(cx.config, request.headers);
    };
    let (account, session) = token::read(&cx.config.keys, &text, request.now).ok_or(Error::Token)?;
    Ok(Claim::Customer(account, session))
}
