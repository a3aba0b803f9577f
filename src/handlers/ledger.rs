//! What a ledger does for the Worker: everything that reaches an account's Durable Object comes in here.
//!
//! Only the Worker can call it, so whoever asks was checked there; what API keys may do is checked here, where they are known.

use serde::{Deserialize, Serialize};

use crate::api::access::{ACCOUNT, ACTOR};
use crate::api::{self, idempotency};
use crate::error::{Error, Refused};
use crate::flow::{Context, Outcome, Step, Then, Waiting, answer, next_step};
use crate::http::{Call, Fault, Method, Read, Reply, Request, RequestBody, Response};
use crate::ledger::account::{self, Account};
use crate::ledger::event::Nothing;
use crate::ledger::id::AccountId;
use crate::ledger::live::{listener, pump};
use crate::ledger::objects::{Kept, Object as _, write};
use crate::ledger::session::{self, Draft, Session};
use crate::ledger::state::{Happening, Status};
use crate::ledger::task::{Kind, Task};
use crate::ledger::transaction::{self, Source};
use crate::ledger::{delivery, opening, poll, schema, task, verification, webhook};

/// An account as another ledger has it, to be written down here.
pub const COPY: &str = "/copy";
/// What is due.
const ALARM: &str = "/alarm";
/// A listener says something.
const HEARD: &str = "/heard";
/// A listener's socket was closed.
const CLOSED: &str = "/closed";
/// The id of a listener's socket.
const SOCKET: &str = "livery-socket";
/// The address of a session, which is known or has to be made first.
pub const WALLET: &str = "/wallet";
/// The gateway reports a payment.
pub const REPORT: &str = "/report";

/// For how long a task that was begun is not begun again while the ledger runs, in milliseconds: longer than the gateway and a
/// node may take.
const LEASE_MS: u64 = 300_000;

/// A call to an account's ledger.
///
/// # Errors
/// None: what is sent can be written.
pub fn call(account: &AccountId, path: &str, body: &impl Serialize) -> Result<Call, Error> {
    let headers = vec![(ACCOUNT, account.digits().to_owned())];
    let body = Some(write(body)?.into_bytes());
    Ok(Call { method: Method::Post, url: super::api::url(account, path), headers, body, read: Read::Text })
}

/// What a ledger answered.
///
/// # Errors
/// [`Error::Ledger`] where it cannot be reached; [`Error::Refused`] where it refused.
pub fn told(came: Result<Reply, Fault>) -> Result<Reply, Error> {
    let reply = came.map_err(|_| Error::Ledger)?;
    if reply.status < 300 { Ok(reply) } else { Err(Refused::read(&reply).map_or(Error::Ledger, Error::Refused)) }
}

/// Serves a request in a ledger.
///
/// # Errors
/// What the route says; then nothing has changed.
pub fn serve(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    if cx.books.is_new() {
        schema::migrate(cx.books)?;
        task::recover(cx)?;
        listener::recover(cx)?;
    }
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

/// What somebody asks names an actor, and is for the API whatever its path: on its way here `/api/v1/../../copy` became `/copy`.
/// What the Worker itself asks names none.
fn route(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    if request.headers.get(ACTOR).is_some() {
        return api::serve(cx, request, &account_of(request)?);
    }
    match (request.method, request.path) {
        (Method::Post, COPY) => copy(cx, request),
        (Method::Post, WALLET) => wallet(cx, request),
        (Method::Post, REPORT) => report(cx, request),
        (Method::Post, ALARM) => alarm(cx),
        (Method::Post, HEARD) => heard(cx, request),
        (Method::Post, CLOSED) => socket(request).and_then(|socket| listener::end(cx, &socket)).and_then(|()| done()),
        _ => Err(Error::NotFound),
    }
}

/// What the Worker asks a session's address for.
#[derive(Serialize, Deserialize)]
pub enum Wanted {
    /// A session that was made before.
    Session(String),
    /// One that is made from this, unless it was before.
    Draft(Box<Draft>),
}

fn wallet(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let id = account_of(request)?;
    let account = account::own(cx, &id)?.shown;
    let session = match read(request)? {
        Wanted::Session(session) => Kept::get(cx.books, None, &session)?,
        Wanted::Draft(draft) => drafted(cx, &id, &account, *draft)?,
    };
    opening::open(cx, &id, &account, session)
}

/// Whoever comes again under the same reference gets the same session, as long as nothing was paid to it, and as long as its
/// address pays the wallet that is to be paid today.
fn drafted(cx: &Context<'_>, id: &AccountId, account: &Account, draft: Draft) -> Result<Kept<Session>, Error> {
    let draft = Draft { tolerance_bps: Some(account.tolerance_bps), ..draft };
    let pays = account::mark(account.payout(cx)?);
    let values = [Session::KIND.into(), draft.digest.as_deref().into()];
    let known = Kept::<Session>::find(cx.books, "kind = ? AND digest = ?", &values)?;
    let is_free = |known: &Kept<Session>| {
        let is_over = known.shown.expires_at.is_some_and(|end| end <= cx.now.0);
        let is_todays = known.hidden.pays.as_ref().is_none_or(|paid| *paid == pays);
        matches!(known.shown.status, Status::Open | Status::Processing) && !known.hidden.was_reported && !is_over && is_todays
    };
    match known.filter(is_free) {
        Some(known) => Ok(known),
        None => Kept::open(cx, draft, |session| Some(session::url(cx.config, id, session))),
    }
}

/// What the gateway reports of a session.
#[derive(Serialize, Deserialize)]
pub struct Reported {
    /// The session.
    pub session: String,
    /// The callback's query, byte for byte.
    pub query: String,
}

/// Acknowledged once it is written down.
fn report(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let reported: Reported = read(request)?;
    let mut session = Kept::<Session>::get(cx.books, None, &reported.session)?;
    transaction::report(cx, &mut session, &reported.query, Source::Callback)?;
    answer(Response::new(200))
}

/// Begins what is due. Each goes on by itself, in steps of its own: the failure of one is nobody else's.
fn alarm(cx: &Context<'_>) -> Outcome {
    for task in task::take(cx, LEASE_MS)? {
        let work = task.clone();
        cx.begin(guarded(cx, task, next_step(move |cx| begin(cx, &work))));
    }
    done()
}

fn begin(cx: &Context<'_>, task: &Task) -> Outcome {
    match task.kind {
        Kind::Expire => expire(cx, &task.subject),
        Kind::Prune => idempotency::prune(cx).and_then(|()| done()),
        Kind::Verify => verification::begin(cx, task),
        Kind::Poll => poll::ask(cx, task),
        Kind::Deliver => delivery::send(cx, task),
        Kind::Listen => pump::due(cx, &task.subject).and_then(|()| done()),
        Kind::Webhook => webhook::delivery::send(cx, task),
    }
}

/// Where a step of a task fails, its lease is given back in a step of its own, for all that the failed one wrote is undone.
fn guarded(cx: &Context<'_>, task: Task, outcome: Outcome) -> Outcome {
    match outcome {
        Ok(Step::Ask(Waiting { asks, then })) => {
            let then: Then = Box::new(move |cx, told| guarded(cx, task, then(cx, told)));
            Ok(Step::Ask(Waiting { asks, then }))
        }
        Err(error) => {
            let what = format!("{} {}: {}", task.kind.as_str(), task.subject, error.code());
            cx.begin(next_step(move |cx| task::failed(cx, &task).and_then(|()| done())));
            Err(Error::Task(what))
        }
        ended => ended,
    }
}

fn heard(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let text = if let RequestBody::Whole(body) = &request.body { String::from_utf8_lossy(body) } else { "".into() };
    listener::hear(cx, &socket(request)?, &text)?;
    done()
}

fn socket(request: &Request<'_>) -> Result<String, Error> {
    request.headers.get(SOCKET).ok_or(Error::Internal)
}

fn expire(cx: &Context<'_>, session: &str) -> Outcome {
    task::done(cx, Kind::Expire, session)?;
    Kept::<Session>::get(cx.books, None, session)?.happen(cx, Happening::TimeOver)?;
    done()
}

fn done() -> Outcome {
    answer(Response::new(204))
}

fn read<T: serde::de::DeserializeOwned>(request: &Request<'_>) -> Result<T, Error> {
    let RequestBody::Whole(body) = &request.body else { return Err(Error::BodyTooLarge) };
    serde_json::from_slice(body).map_err(|_| Error::Internal)
}

fn account_of(request: &Request<'_>) -> Result<AccountId, Error> {
    request.headers.get(ACCOUNT).and_then(|digits| AccountId::from_digits(&digits)).ok_or(Error::Internal)
}

/// Writes an account down, or what it became.
fn copy(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    let shown: Account = read(request)?;
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
