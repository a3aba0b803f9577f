//! How a request proceeds: from step to step, each a value, until there is an answer.
//!
//! A handler does no I/O. It returns either an answer or a call together with what to do with the reply; whoever runs it
//! makes the call and goes on. So the whole of it runs natively, with replies from a test.

use crate::config::Config;
use crate::downline;
use crate::error::Error;
use crate::http::{Call, Fault, Method, Now, Reply, Response};
use crate::memory::Memory;

/// What every step can use.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The operator's settings.
    pub config: &'a Config,
    /// What this isolate remembers.
    pub memory: &'a Memory,
    /// The moment of this step.
    pub now: Now,
}

/// One step further.
pub enum Step {
    /// The answer: done.
    Answer(Response),
    /// A call to make, whom it goes to, and how to go on with its reply.
    Ask(Call, Callee, Then),
}

/// Whom a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// The gateway, on behalf of a customer: it ends when they go away, and may be made twice.
    Gateway,
    /// A merchant, who hears of a payment: it is made once, whoever hangs up. The gateway itself repeats its report.
    Merchant,
}

impl Callee {
    /// Whether a call is made once more after this came of it.
    ///
    /// It is where the same request may bring a reply that the first did not: the connection failed or broke, or somebody
    /// between us and the gateway says so. 502 and 503 are a server's word for it, 520, 521 and 523 Cloudflare's, which a
    /// Worker gets to see instead of a broken connection where the gateway is behind Cloudflare. Not where time ran out, here
    /// or there (504, 522, 524): the customer has waited enough. Not where the gateway says when to come again. Never a `POST`.
    #[must_use]
    pub fn is_worth_another_try(self, call: &Call, came: Result<&Reply, &Fault>) -> bool {
        let failed = match came {
            Err(fault) => *fault == Fault::Unreachable,
            Ok(reply) => matches!(reply.status, 502 | 503 | 520 | 521 | 523) && reply.headers.get("retry-after").is_none(),
        };
        failed && self == Self::Gateway && call.method != Method::Post
    }
}

/// What follows a call.
pub type Then = Box<dyn FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome>;

/// A step, or why there is none.
pub type Outcome = Result<Step, Error>;

/// Ends with an answer.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn answer(response: Response) -> Outcome {
    Ok(Step::Answer(response))
}

/// Calls the gateway.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_gateway(
    cx: &Context<'_>,
    mut call: Call,
    then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static,
) -> Outcome {
    downline::sign(cx.config, &mut call, cx.now);
    Ok(Step::Ask(call, Callee::Gateway, Box::new(then)))
}

/// Calls a merchant.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_merchant(call: Call, then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static) -> Outcome {
    Ok(Step::Ask(call, Callee::Merchant, Box::new(then)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Read;
    use crate::testing::reply;

    fn tries_again(callee: Callee, method: Method, came: &Result<Reply, Fault>) -> bool {
        let url = "https://api.anexpay.net/control/wallet.php".to_owned();
        let call = Call { method, url, headers: Vec::new(), body: None, read: Read::Text };
        callee.is_worth_another_try(&call, came.as_ref())
    }

    #[test]
    fn only_what_never_arrived_is_asked_for_again() {
        let again = |came| tries_again(Callee::Gateway, Method::Get, &came);
        assert!(again(Err(Fault::Unreachable)));
        assert!(!again(Err(Fault::Timeout)) && !again(Err(Fault::Unreadable)));
        let statuses: Vec<u16> = (100..=599).filter(|status| again(Ok(reply(*status, "")))).collect();
        assert_eq!(statuses, [502, 503, 520, 521, 523]);
        let later = vec![("Retry-After".to_owned(), "1".to_owned())];
        assert!(!again(Ok(Reply { headers: Box::new(later), ..reply(503, "") })));
    }

    #[test]
    fn only_harmless_calls_to_the_gateway_are_made_again() {
        let unreachable = &Err(Fault::Unreachable);
        assert!(tries_again(Callee::Gateway, Method::Head, unreachable));
        assert!(!tries_again(Callee::Gateway, Method::Post, unreachable));
        assert!(!tries_again(Callee::Merchant, Method::Get, unreachable));
        assert!(!tries_again(Callee::Merchant, Method::Get, &Ok(reply(503, ""))));
    }
}
