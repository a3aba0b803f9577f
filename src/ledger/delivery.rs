//! The merchant's classic callback: a GET with the gateway's parameters, sent until the merchant answers 2xx.
//!
//! It is sent for verified payments alone. It comes at least once: a merchant whose answer was lost is called again.

use serde::{Deserialize, Serialize};

use crate::callback::{relay, target::Target};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_merchant};
use crate::http::{Fault, Now, Reply, Response};
use crate::ledger::event::{self, Type};
use crate::ledger::objects::{Kept, Object, new_id};
use crate::ledger::schedule::DELIVERY;
use crate::ledger::task::{self, Kind, Task};
use crate::ledger::webhook::attempt;

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It will be tried.
    Pending,
    /// The merchant answered 2xx.
    Delivered,
    /// It was tried for three days, and is given up.
    Failed,
}

/// What the API shows of a delivery. Times are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// `cb_…`
    pub id: String,
    /// `callback`
    pub object: String,
    /// Whether real money is meant.
    pub livemode: bool,
    /// How far it has come.
    pub status: Status,
    /// The session that it is about.
    pub checkout_session: String,
    /// The payment that it is about.
    pub transaction: String,
    /// The merchant's URL with the gateway's parameters.
    pub url: String,
    /// How often it was tried.
    pub attempt_count: u32,
    /// What the merchant answered last; none if there was no answer.
    pub last_status: Option<u16>,
    /// When it is tried next.
    pub next_attempt_at: Option<u64>,
    /// When it was made.
    pub created_at: u64,
    /// When it last changed.
    pub updated_at: u64,
}

/// What is kept of a delivery and not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// The merchant's URL alone.
    pub target: String,
    /// The gateway's query, byte for byte.
    pub query: String,
}

impl Object for Delivery {
    const KIND: &'static str = "callback";
    type Hidden = Private;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

/// Owes the merchant a call about a verified payment.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn owe(cx: &Context<'_>, livemode: bool, session: &str, transaction: &str, hidden: Private) -> Result<(), Error> {
    let url = Target::parse(cx.config, &hidden.target).map(|target| relay::call(&target, &hidden.query).url);
    let shown = Delivery {
        id: new_id::<Delivery>(cx, "cb", livemode)?,
        object: Delivery::KIND.to_owned(),
        livemode,
        status: Status::Pending,
        checkout_session: session.to_owned(),
        transaction: transaction.to_owned(),
        url: url.unwrap_or_else(|_| hidden.target.clone()),
        attempt_count: 0,
        last_status: None,
        next_attempt_at: Some(cx.now.0),
        created_at: cx.now.0,
        updated_at: cx.now.0,
    };
    let delivery = Kept { shown, hidden };
    delivery.insert(cx.books)?;
    task::plan(cx, Kind::Deliver, &delivery.shown.id, cx.now)
}

/// Calls the merchant.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn send(cx: &Context<'_>, task: &Task) -> Outcome {
    let delivery = Kept::<Delivery>::get(cx.books, None, &task.subject)?;
    let (id, began) = (delivery.shown.id, cx.now);
    let Ok(target) = Target::parse(cx.config, &delivery.hidden.target) else {
        // The operator's settings have changed since: the host may not be called any more.
        attempted(cx, &id, began, &Err(Fault::Unreachable))?;
        return answer(Response::new(204));
    };
    ask_merchant(cx, relay::call(&target, &delivery.hidden.query), move |cx, came| {
        attempted(cx, &id, began, &came)?;
        answer(Response::new(204))
    })
}

/// Lets a delivery be tried now, whatever came of it before; a try that is under way is that one.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn again(cx: &Context<'_>, delivery: &mut Kept<Delivery>) -> Result<(), Error> {
    let shown = &mut delivery.shown;
    (shown.status, shown.next_attempt_at, shown.updated_at) = (Status::Pending, Some(cx.now.0), cx.now.0);
    delivery.update(cx.books)?;
    task::hurry_in(cx, Kind::Deliver, None, &delivery.shown.id)
}

/// Writes down what came of a try.
fn attempted(cx: &Context<'_>, id: &str, began: Now, came: &Result<Reply, Fault>) -> Result<(), Error> {
    let mut delivery = Kept::<Delivery>::get(cx.books, None, id)?;
    if delivery.shown.status != Status::Pending {
        // Another call about the same came to its end first.
        return task::done(cx, Kind::Deliver, id);
    }
    let shown = &mut delivery.shown;
    shown.attempt_count += 1;
    shown.last_status = came.as_ref().ok().map(|reply| reply.status);
    shown.updated_at = cx.now.0;
    attempt::log(cx, id, shown.attempt_count, began, None, came)?;
    let next = DELIVERY.next(shown.attempt_count, cx.now);
    let is_done = shown.last_status.is_some_and(|status| (200..300).contains(&status));
    (shown.status, shown.next_attempt_at) = match next {
        _ if is_done => (Status::Delivered, None),
        Some(next) => (Status::Pending, Some(next.0)),
        None => (Status::Failed, None),
    };
    let (status, next) = (shown.status, shown.next_attempt_at);
    delivery.update(cx.books)?;
    match (status, next) {
        (Status::Pending, Some(next)) => return task::plan(cx, Kind::Deliver, id, Now(next)),
        (Status::Delivered, _) => event::record(cx, Type::CallbackDelivered, &delivery.shown, &delivery.shown.checkout_session)?,
        _ => event::record(cx, Type::CallbackFailed, &delivery.shown, &delivery.shown.checkout_session)?,
    }
    task::done(cx, Kind::Deliver, id)
}
