//! `GET /api/v1/events/stream`: live events, in the ledger. How they reach the listener is the Worker's to say
//! ([`crate::handlers::stream`]).

use crate::api::Ask;
use crate::api::access::Actor;
use crate::error::Error;
use crate::flow::{Outcome, answer};
use crate::http::{Body, Response};
use crate::ledger::filter;
use crate::ledger::live::form::Form;
use crate::ledger::live::listener::{self, Newcomer};
use crate::ledger::live::message::{Wish, after};
use crate::ledger::objects::{Kept, write};
use crate::ledger::session::Session;
use crate::query::{self, Params};

/// Where events are listened to.
pub const PATH: &str = "/api/v1/events/stream";
/// Set by the Worker where the listener reads lines (server-sent events).
pub const LINES: &str = "livery-lines";
/// The last event that a browser saw before it connects anew.
pub const LAST_EVENT: &str = "last-event-id";

/// Parameters of the query.
const KNOWN: [&str; 5] = ["after", "checkout_session", "event_types", "livemode", "token"];

/// Takes a listener on.
///
/// # Errors
/// The error of the first wrong parameter; [`Error::Missing`] where a customer's session is none; [`Error::TooManyListeners`];
/// [`Error::NotFound`] for what came as another request and was led here by its path (`events/.\stream`): it could not be connected.
pub fn open(ask: &Ask<'_>) -> Outcome {
    if ask.request.headers.get("upgrade").is_none() {
        return Err(Error::NotFound);
    }
    if let Some(pair) = query::pairs(ask.request.query).find(|pair| !KNOWN.contains(&pair.name().as_ref())) {
        return Err(Error::UnknownParam(pair.name().chars().take(40).collect()));
    }
    let params = Params::read(ask.request.query, &KNOWN)?;
    let is_lines = ask.request.headers.get(LINES).is_some();
    let socket = match ask.actor {
        Actor::Customer(session) => customer(ask, session, is_lines)?,
        _ => merchant(ask, &params, is_lines)?,
    };
    let mut response = Response::new(101);
    response.body = Body::Welcome(socket);
    answer(response)
}

fn merchant(ask: &Ask<'_>, params: &Params<'_>, is_lines: bool) -> Result<String, Error> {
    let event_types = match params.optional("event_types")? {
        Some(list) => list.split(',').map(|name| name.trim().to_owned()).collect(),
        None => vec![filter::ALL.to_owned()],
    };
    // A browser that comes back asks for the address that it began with, and says in the header how far it has come.
    let seen = ask.request.headers.get(LAST_EVENT).filter(|id| !id.is_empty());
    let newcomer = Newcomer {
        actor: ask.actor.name().to_owned(),
        livemode: super::lists::livemode(ask, params.optional("livemode")?.as_deref())?,
        form: Form { is_lines, is_status: false },
        wish: Wish { event_types, checkout_session: params.optional("checkout_session")? }.check()?,
        after: after(if seen.is_some() { seen } else { params.optional("after")? })?,
        greeting: None,
    };
    listener::begin(ask.cx, &newcomer)
}

/// A customer is told the state at once: what is behind it does not matter to them.
fn customer(ask: &Ask<'_>, session: &str, is_lines: bool) -> Result<String, Error> {
    let session = Kept::<Session>::get(ask.cx.books, None, session)?.shown;
    let form = Form { is_lines, is_status: true };
    let newcomer = Newcomer {
        actor: session.id.clone(),
        livemode: session.livemode,
        form,
        wish: Wish { event_types: vec!["checkout.session.*".to_owned()], checkout_session: Some(session.id.clone()) },
        after: None,
        greeting: Some(form.state(&write(&session)?)?),
    };
    listener::begin(ask.cx, &newcomer)
}
