//! How an endpoint is doing: told when nothing has reached it for a while, when it recovers, and when it is given up.

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::event::{self, Type};
use crate::ledger::objects::Kept;
use crate::ledger::webhook::endpoint::{Endpoint, Reason, Status};
use crate::ledger::webhook::retry::Next;

/// For how long nothing may reach an endpoint before that is told, in milliseconds: five minutes.
pub const FAILING_MS: u64 = 5 * 60_000;
/// For how long before it is disabled: three days, in which an event's ten attempts are nearly over.
pub const DEAD_MS: u64 = 72 * 3_600_000;

/// What an attempt says about the endpoint's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// As before.
    Same,
    /// It takes webhooks again.
    Recovered,
    /// Nothing has reached it for a while.
    Failing,
    /// It is not to be called any more.
    Disable(Reason),
}

fn judge(next: Next, failed_for_ms: u64, is_failing: bool) -> Verdict {
    match next {
        Next::Delivered if is_failing => Verdict::Recovered,
        Next::Delivered => Verdict::Same,
        Next::Disable => Verdict::Disable(Reason::Gone),
        _ if failed_for_ms >= DEAD_MS => Verdict::Disable(Reason::Dead),
        _ if failed_for_ms >= FAILING_MS && !is_failing => Verdict::Failing,
        _ => Verdict::Same,
    }
}

/// Notes what came of an attempt.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn note(cx: &Context<'_>, endpoint: &mut Kept<Endpoint>, next: Next) -> Result<(), Error> {
    if endpoint.shown.status == Status::Disabled {
        // What was under way then: that it is disabled was the last word about its health.
        return Ok(());
    }
    let before = endpoint.hidden.failed_since;
    let (since, has_failed) = (before.unwrap_or(cx.now.0), next != Next::Delivered);
    endpoint.hidden.failed_since = has_failed.then_some(since);
    endpoint.hidden.failed_at = has_failed.then_some(cx.now.0);
    let verdict = judge(next, cx.now.0.saturating_sub(since), endpoint.shown.failing_since.is_some());
    match verdict {
        // An attempt that was under way when it was disabled or paused ends nothing that its owner decided.
        Verdict::Disable(reason) if endpoint.shown.status == Status::Enabled => return endpoint.disable(cx, reason),
        Verdict::Recovered => endpoint.shown.failing_since = None,
        Verdict::Failing => endpoint.shown.failing_since = Some(since),
        Verdict::Disable(_) | Verdict::Same => {}
    }
    if has_failed || before.is_some() {
        endpoint.update(cx.books)?;
    }
    match verdict {
        Verdict::Recovered => event::record(cx, Type::WebhookRecovered, &endpoint.shown, ""),
        Verdict::Failing => event::record(cx, Type::WebhookFailing, &endpoint.shown, ""),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Now;

    #[test]
    fn it_is_told_after_minutes_and_given_up_after_days() {
        let again = Next::At(Now(0));
        for (next, failed_for, is_failing, expected) in [
            (again, 0, false, Verdict::Same),
            (again, FAILING_MS - 1, false, Verdict::Same),
            (again, FAILING_MS, false, Verdict::Failing),
            (again, FAILING_MS, true, Verdict::Same),
            (again, DEAD_MS - 1, true, Verdict::Same),
            (again, DEAD_MS, true, Verdict::Disable(Reason::Dead)),
            (Next::GivenUp, DEAD_MS, false, Verdict::Disable(Reason::Dead)),
            (Next::GivenUp, 1, false, Verdict::Same),
            (Next::Delivered, DEAD_MS, true, Verdict::Recovered),
            (Next::Delivered, 1, false, Verdict::Same),
            (Next::Disable, 0, false, Verdict::Disable(Reason::Gone)),
        ] {
            assert_eq!(judge(next, failed_for, is_failing), expected, "{next:?} {failed_for} {is_failing}");
        }
    }
}
