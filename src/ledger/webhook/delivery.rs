//! Deliveries: one event on its way to one endpoint, until it is taken.

use serde::{Deserialize, Serialize};

use crate::callback::target;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_endpoint};
use crate::http::{Fault, Now, Reply, Response};
use crate::ledger::event::Event;
use crate::ledger::objects::{Kept, Object, new_id};
use crate::ledger::task::{self, Kind, Task};
use crate::ledger::webhook::attempt::{self, Sent};
use crate::ledger::webhook::endpoint::{self, Endpoint, Status as EndpointStatus};
use crate::ledger::webhook::retry::{self, Next};
use crate::ledger::webhook::{health, payload};

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It will be tried.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was tried ten times, or the endpoint wants none any more.
    Failed,
    /// The endpoint was deleted.
    Canceled,
}

/// What the API shows of a delivery. Times are milliseconds since 1970 UTC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// `wd_…`
    pub id: String,
    /// `webhook_delivery`
    pub object: String,
    /// Whether real money is meant.
    pub livemode: bool,
    /// How far it has come.
    pub status: Status,
    /// Where it goes.
    pub webhook_endpoint: String,
    /// What it is about: its `webhook-id`.
    pub event: String,
    /// What happened.
    pub event_type: String,
    /// How often it was tried.
    pub attempt_count: u32,
    /// What the endpoint answered last; none if there was no answer.
    pub last_status: Option<u16>,
    /// When it is tried next.
    pub next_attempt_at: Option<u64>,
    /// When it was made.
    pub created_at: u64,
    /// When it last changed.
    pub updated_at: u64,
}

/// What is kept of a delivery and not shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Private {
    /// How often it was tried before it was last sent anew.
    pub before: u32,
    /// When that was asked for.
    pub anew_at: u64,
}

impl Object for Delivery {
    const KIND: &'static str = "webhook_delivery";
    type Hidden = Private;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

/// Owes an event about the object of that id to every endpoint that wants it.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn owe_to_all(cx: &Context<'_>, event: &Event, about: &str) -> Result<(), Error> {
    for endpoint in endpoint::all(cx, event.livemode)? {
        if endpoint.wants(&event.kind, about) {
            owe(cx, &event.id, &event.kind, &endpoint)?;
        }
    }
    Ok(())
}

/// Owes an event to an endpoint.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn owe(cx: &Context<'_>, event: &str, event_type: &str, endpoint: &Endpoint) -> Result<Kept<Delivery>, Error> {
    let shown = Delivery {
        id: new_id::<Delivery>(cx, "wd", endpoint.livemode)?,
        object: Delivery::KIND.to_owned(),
        livemode: endpoint.livemode,
        status: Status::Pending,
        webhook_endpoint: endpoint.id.clone(),
        event: event.to_owned(),
        event_type: event_type.to_owned(),
        attempt_count: 0,
        last_status: None,
        next_attempt_at: Some(cx.now.0),
        created_at: cx.now.0,
        updated_at: cx.now.0,
    };
    let delivery = Kept { shown, hidden: Private::default() };
    delivery.insert(cx.books)?;
    plan(cx, &delivery.shown, cx.now)?;
    Ok(delivery)
}

fn plan(cx: &Context<'_>, delivery: &Delivery, at: Now) -> Result<(), Error> {
    task::plan_in(cx, Kind::Webhook, Some(&delivery.webhook_endpoint), &delivery.id, at)
}

/// Sends a delivery anew, whatever came of it before: with all its attempts, the first of them now. An attempt that is under way
/// is that first one: with two at a time the pauses would be those of neither.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn again(cx: &Context<'_>, delivery: &mut Kept<Delivery>) -> Result<(), Error> {
    let shown = &mut delivery.shown;
    (shown.status, shown.next_attempt_at, shown.updated_at) = (Status::Pending, Some(cx.now.0), cx.now.0);
    delivery.hidden = Private { before: shown.attempt_count, anew_at: cx.now.0 };
    delivery.update(cx.books)?;
    task::hurry_in(cx, Kind::Webhook, Some(&delivery.shown.webhook_endpoint), &delivery.shown.id)
}

/// Forgets what is owed to an endpoint that is no more.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn cancel_all(cx: &Context<'_>, endpoint: &Endpoint) -> Result<(), Error> {
    cx.books.run("DELETE FROM tasks WHERE lane = ?", &[(&endpoint.id).into()])?;
    // A moment comes from JavaScript as a number with a point, and would stay one in JSON.
    let sql = "UPDATE objects INDEXED BY objects_by_webhook_endpoint_and_status
        SET data = json_set(data, '$.status', 'canceled', '$.next_attempt_at', NULL, '$.updated_at', CAST(? AS INTEGER))
        WHERE kind = ? AND livemode = ? AND webhook_endpoint = ? AND status = 'pending'";
    let values = [cx.now.into(), Delivery::KIND.into(), endpoint.livemode.into(), (&endpoint.id).into()];
    cx.books.run(sql, &values)
}

/// Calls the endpoint.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn send(cx: &Context<'_>, task: &Task) -> Outcome {
    let delivery = Kept::<Delivery>::get(cx.books, None, &task.subject)?.shown;
    if delivery.status != Status::Pending {
        task::done(cx, Kind::Webhook, &delivery.id)?;
        return answer(Response::new(204));
    }
    let endpoint = Kept::<Endpoint>::get(cx.books, Some(delivery.livemode), &delivery.webhook_endpoint)?;
    if endpoint.shown.status != EndpointStatus::Enabled {
        // It was paused or disabled a moment ago: this waits with the rest.
        plan(cx, &delivery, cx.now)?;
        return answer(Response::new(204));
    }
    let body = payload::body(cx, &delivery.event, endpoint.shown.payload)?;
    let call = payload::call(&endpoint.shown.url, &delivery.event, body, &endpoint.hidden.keys, cx.now);
    let (began, sent, id) = (cx.now, Sent::of(&call), delivery.id);
    if target::reachable(cx.config, &call.url).is_err() {
        // The operator's settings have changed since: the host may not be called any more.
        attempted(cx, &id, began, &sent, &Err(Fault::Unreachable))?;
        return answer(Response::new(204));
    }
    ask_endpoint(call, move |cx, came| {
        attempted(cx, &id, began, &sent, &came)?;
        answer(Response::new(204))
    })
}

/// Writes down what came of an attempt, and decides what follows.
fn attempted(cx: &Context<'_>, id: &str, began: Now, sent: &Sent, came: &Result<Reply, Fault>) -> Result<(), Error> {
    let mut delivery = Kept::<Delivery>::get(cx.books, None, id)?;
    delivery.shown.attempt_count += 1;
    delivery.shown.updated_at = cx.now.0;
    delivery.shown.last_status = came.as_ref().ok().map(|reply| reply.status);
    attempt::log(cx, id, delivery.shown.attempt_count, began, Some(sent), came)?;
    if delivery.shown.status != Status::Pending {
        // The endpoint was deleted meanwhile, or another attempt at the same came to its end first.
        delivery.update(cx.books)?;
        return task::done(cx, Kind::Webhook, id);
    }
    let mut endpoint = Kept::<Endpoint>::get(cx.books, Some(delivery.shown.livemode), &delivery.shown.webhook_endpoint)?;
    let is_stale = began.0 < endpoint.hidden.renewed_at;
    let next = if is_stale && began.0 < delivery.hidden.anew_at {
        // It went to the endpoint as it was before, and is wanted again since: now.
        delivery.hidden.before = delivery.shown.attempt_count;
        Next::At(cx.now)
    } else {
        decide(cx, &delivery, came, !is_stale && endpoint.shown.status == EndpointStatus::Enabled)
    };
    (delivery.shown.status, delivery.shown.next_attempt_at) = match next {
        Next::Delivered => (Status::Delivered, None),
        Next::At(at) => (Status::Pending, Some(at.0)),
        Next::GivenUp | Next::Disable => (Status::Failed, None),
    };
    delivery.update(cx.books)?;
    match next {
        Next::At(at) => plan(cx, &delivery.shown, at)?,
        _ => task::done(cx, Kind::Webhook, id)?,
    }
    if is_stale { Ok(()) } else { health::note(cx, &mut endpoint, next) }
}

/// What follows an attempt. Where the endpoint was changed, paused or disabled since it was made, its owner has decided later than
/// a 410 that came in answer (`may_end`).
fn decide(cx: &Context<'_>, delivery: &Kept<Delivery>, came: &Result<Reply, Fault>, may_end: bool) -> Next {
    let attempt = delivery.shown.attempt_count.saturating_sub(delivery.hidden.before);
    let asked = came.as_ref().ok().and_then(|reply| reply.headers.get("retry-after"));
    let wait_ms = asked.and_then(|text| retry::wait_ms(&text, cx.now));
    let [.., a, b, c, d] = cx.books.random();
    let chance = u64::from(u32::from_be_bytes([a, b, c, d]));
    let outcome = match retry::Outcome::of(delivery.shown.last_status) {
        retry::Outcome::Gone if !may_end => retry::Outcome::Failed,
        outcome => outcome,
    };
    retry::next(attempt, outcome, wait_ms, cx.now, chance)
}
