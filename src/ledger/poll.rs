//! Missed callbacks: a session whose customer was sent on to pay, and of which nothing is heard, is asked for.
//!
//! Sparingly: the gateway wants its callback to be relied upon. The operator's setting says after how many minutes; nothing is
//! asked once a payment counts, nor while one is being verified.

use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway};
use crate::gateway::accepted;
use crate::gateway::opaque::Opaque;
use crate::gateway::status::{self, PaymentStatus};
use crate::http::{Now, Response};
use crate::known;
use crate::ledger::objects::Kept;
use crate::ledger::session::Session;
use crate::ledger::task::{self, Kind, Task};
use crate::ledger::transaction::{self, Source};
use crate::query;

/// Plans the first question about a session that has its address now.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn begin(cx: &Context<'_>, session: &Kept<Session>) -> Result<(), Error> {
    plan(cx, &session.shown.id, 0)
}

/// Plans the next question, so many after the first; none if that was the last.
fn plan(cx: &Context<'_>, session: &str, number: u32) -> Result<(), Error> {
    let minutes = |number: usize| cx.config.poll_minutes.get(number).copied();
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let Some(next) = minutes(number) else { return task::done(cx, Kind::Poll, session) };
    let pause = next.saturating_sub(number.checked_sub(1).and_then(minutes).unwrap_or(0));
    task::plan(cx, Kind::Poll, session, Now(cx.now.0 + u64::from(pause) * 60_000))
}

/// Asks whether a session was paid.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn ask(cx: &Context<'_>, task: &Task) -> Outcome {
    let session = Kept::<Session>::get(cx.books, None, &task.subject)?;
    let number = task.attempt.saturating_add(1);
    let token = session.hidden.ipn_token.as_deref().and_then(|token| Opaque::parse(token).ok());
    let token = match (Reported::of(cx, &session)?, token) {
        (Reported::Nothing, Some(token)) => token,
        (Reported::Pending, _) => {
            plan(cx, &session.shown.id, number)?;
            return answer(Response::new(204));
        }
        (Reported::Counted, _) | (_, None) => {
            task::done(cx, Kind::Poll, &task.subject)?;
            return answer(Response::new(204));
        }
    };
    ask_gateway(cx, status::request(cx.config, &token, known::asked_by()), move |cx, came| {
        plan(cx, &session.shown.id, number)?;
        let told = accepted(came).and_then(|reply| status::interpret(&reply));
        match told {
            Ok(told) if told.is_final() => found(cx, &session.shown.id, &told)?,
            _ => {}
        }
        answer(Response::new(204))
    })
}

/// What is known of payments to a session. A report that turned out to be untrue is as good as none: whoever makes one up must not
/// keep the ledger from asking.
#[derive(PartialEq, Eq)]
enum Reported {
    Nothing,
    Pending,
    Counted,
}

impl Reported {
    fn of(cx: &Context<'_>, session: &Kept<Session>) -> Result<Self, Error> {
        let sql = "SELECT max(status = 'verified') FROM objects INDEXED BY objects_by_parent
            WHERE kind = 'transaction' AND livemode = ? AND parent = ? AND status IN ('pending', 'verified')";
        let row = cx.books.row(sql, &[session.shown.livemode.into(), (&session.shown.id).into()])?;
        Ok(match row.and_then(|row| row.number(0)) {
            None => Self::Nothing,
            Some(0) => Self::Pending,
            Some(_) => Self::Counted,
        })
    }
}

/// A payment that the gateway knows of, and that nobody reported, is written down as if somebody had.
fn found(cx: &Context<'_>, session: &str, told: &PaymentStatus) -> Result<(), Error> {
    let mut session = Kept::<Session>::get(cx.books, None, session)?;
    if Reported::of(cx, &session)? != Reported::Nothing {
        return Ok(());
    }
    let field = |name, value: &Option<String>| (name, value.clone().unwrap_or_default());
    // The merchant's callback will have the same: what is not known is not there.
    let fields = [
        field("value_coin", &told.value_coin),
        field("coin", &told.coin),
        field("txid_out", &told.txid_out),
        field("address_in", &session.shown.receiving_address),
    ];
    let raw = query::build(fields.iter().map(|(name, value)| (*name, value.as_str())));
    transaction::report(cx, &mut session, &raw, Source::Status)
}
