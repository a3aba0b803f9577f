//! How a request proceeds: from step to step, each a value, until there is an answer.
//!
//! A handler does no I/O. It returns either an answer, or calls together with what to do with their replies; whoever runs it
//! makes the calls and goes on. So the whole of it runs natively, with replies from a test.

use std::cell::RefCell;

use crate::config::Config;
use crate::downline;
use crate::error::Error;
use crate::http::{Call, Fault, Method, Now, Read, Reply, Response};
use crate::ledger::books::Books;
use crate::memory::Memory;

/// How long Cloudflare's cache may take, in milliseconds.
const EDGE_MS: u32 = 1000;

/// How long a ledger may take, in milliseconds: it may have to ask the gateway, which has two minutes at most.
const LEDGER_MS: u32 = 130_000;

/// What every step can use.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The operator's settings.
    pub config: &'a Config,
    /// What this isolate remembers.
    pub memory: &'a Memory,
    /// The ledger's rows; outside a ledger, none.
    pub books: &'a dyn Books,
    /// The moment of this step.
    pub now: Now,
    /// What was begun beside this request.
    besides: &'a RefCell<Vec<Waiting>>,
}

/// One step further.
pub enum Step {
    /// The answer: done.
    Answer(Response),
    /// Calls to make at once, and how to go on with their replies.
    Ask(Waiting),
}

/// Calls that are to be made at once, and what follows when all of them are done.
pub struct Waiting {
    /// The calls.
    pub asks: Vec<Ask>,
    /// What follows.
    pub then: Then,
}

/// One call to make.
pub struct Ask {
    /// What to send.
    pub call: Call,
    /// To whom.
    pub callee: Callee,
    /// How long they may keep us waiting, in milliseconds.
    pub timeout_ms: u32,
}

/// An [`Ask`] that is done: what came of it.
pub type Told = (Ask, Result<Reply, Fault>);

/// Whom a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// The gateway, on behalf of a customer: the call ends when they go away, and may be made twice.
    Gateway,
    /// A merchant, who hears of a payment: the call is made once, whoever hangs up. The gateway itself repeats its report.
    Merchant,
    /// The operator's node of a chain.
    Node,
    /// An account's ledger: the first label of the URL's host says whose.
    Ledger,
    /// Cloudflare's cache in this data centre: a `GET` looks up, and its status is 404 where nothing is kept; a `PUT` keeps.
    Edge,
    /// A merchant's webhook endpoint. The call has connections of its own, and ends when its time does.
    Endpoint,
}

impl Ask {
    /// Whether the same call for several customers at the same time is made once, and its reply is everybody's: it asks for a
    /// text that depends on nothing but the URL. What is asked for in the name of one customer, a page or where their payment
    /// goes on, is theirs alone.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.callee, Callee::Gateway | Callee::Edge) && self.call.method == Method::Get && self.call.read == Read::Text
    }

    /// Whether a call is made once more after this came of it.
    ///
    /// It is where the same request may bring a reply that the first did not: the connection failed or broke, or somebody
    /// between us and the gateway says so. 502 and 503 are a server's word for it, 520, 521 and 523 Cloudflare's, which a
    /// Worker gets to see instead of a broken connection where the gateway is behind Cloudflare. Not where time ran out, here
    /// or there (504, 522, 524): the customer has waited enough. Not where the gateway says when to come again. Never a `POST`.
    fn is_worth_another_try(&self, came: &Result<Reply, Fault>) -> bool {
        let failed = match came {
            Err(fault) => *fault == Fault::Unreachable,
            Ok(reply) => matches!(reply.status, 502 | 503 | 520 | 521 | 523) && reply.headers.get("retry-after").is_none(),
        };
        failed && self.callee == Callee::Gateway && self.call.method != Method::Post
    }
}

/// What follows calls.
pub type Then = Box<dyn FnOnce(&Context<'_>, Vec<Told>) -> Outcome>;

/// What follows the replies, in the order of the calls. It is boxed wherever it is passed on: were it of a type of its own each
/// time, all of this would be compiled for each time too.
pub type Received = Box<dyn FnOnce(&Context<'_>, Vec<Result<Reply, Fault>>) -> Outcome>;

/// A step, or why there is none.
pub type Outcome = Result<Step, Error>;

impl<'a> Context<'a> {
    /// The context of a step at that moment; what it begins beside the request is collected in `besides`.
    #[must_use]
    pub const fn new(
        config: &'a Config,
        memory: &'a Memory,
        books: &'a dyn Books,
        now: Now,
        besides: &'a RefCell<Vec<Waiting>>,
    ) -> Self {
        Self { config, memory, books, now, besides }
    }

    /// Begins something that the answer need not wait for. What becomes of it is nobody's answer; nothing is begun where there
    /// is no call to make.
    pub fn begin(&self, outcome: Outcome) {
        if let Ok(Step::Ask(waiting)) = outcome {
            self.besides.borrow_mut().push(waiting);
        }
    }
}

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
    call: Call,
    then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static,
) -> Outcome {
    ask_gateway_at_once(cx, vec![call], |cx, replies| then(cx, only(replies)))
}

/// Makes several calls to the gateway at the same time. `then` is given the replies in the order of the calls.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_gateway_at_once(
    cx: &Context<'_>,
    calls: Vec<Call>,
    then: impl FnOnce(&Context<'_>, Vec<Result<Reply, Fault>>) -> Outcome + 'static,
) -> Outcome {
    ask_all(cx, calls.into_iter().map(|call| (Callee::Gateway, call)).collect(), Box::new(then))
}

/// The same for calls of which some are to a ledger.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_all(cx: &Context<'_>, calls: Vec<(Callee, Call)>, then: Received) -> Outcome {
    let ask = |(callee, mut call)| {
        if callee == Callee::Gateway {
            downline::sign(cx.config, &mut call, cx.now);
        }
        let timeout_ms = if callee == Callee::Ledger { LEDGER_MS } else { cx.config.timeout_ms };
        Ask { call, callee, timeout_ms }
    };
    let (asks, since) = (calls.into_iter().map(ask).collect(), cx.now);
    wait(asks, Box::new(move |cx, told| again(cx, told, since, then)))
}

/// Makes those calls once more for which that is worth it, within the time that is left.
fn again(cx: &Context<'_>, told: Vec<Told>, since: Now, then: Received) -> Outcome {
    let spent = u32::try_from(cx.now.0.saturating_sub(since.0)).unwrap_or(u32::MAX);
    let (mut asks, mut places, mut replies) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (ask, came)) in told.into_iter().enumerate() {
        if spent < ask.timeout_ms && ask.is_worth_another_try(&came) {
            asks.push(Ask { timeout_ms: ask.timeout_ms - spent, ..ask });
            places.push(place);
        }
        replies.push(came);
    }
    if asks.is_empty() {
        return then(cx, replies);
    }
    let once_more = move |cx: &Context<'_>, told: Vec<Told>| {
        for (place, (_, came)) in places.into_iter().zip(told) {
            if let Some(slot) = replies.get_mut(place) {
                *slot = came;
            }
        }
        then(cx, replies)
    };
    wait(asks, Box::new(once_more))
}

/// Calls a merchant.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_merchant(
    cx: &Context<'_>,
    call: Call,
    then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static,
) -> Outcome {
    let asks = vec![Ask { call, callee: Callee::Merchant, timeout_ms: cx.config.timeout_ms }];
    wait(asks, Box::new(|cx, told| then(cx, only(replies(told)))))
}

/// How long a webhook endpoint may take, in milliseconds (Standard Webhooks asks for 15 to 30 seconds).
pub const ENDPOINT_MS: u32 = 15_000;

/// Calls a webhook endpoint.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_endpoint(call: Call, then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static) -> Outcome {
    let asks = vec![Ask { call, callee: Callee::Endpoint, timeout_ms: ENDPOINT_MS }];
    wait(asks, Box::new(|cx, told| then(cx, only(replies(told)))))
}

/// Asks a ledger. It is part of Livery: no time limit of the operator's is for it.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_ledger(call: Call, then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static) -> Outcome {
    let asks = vec![Ask { call, callee: Callee::Ledger, timeout_ms: LEDGER_MS }];
    wait(asks, Box::new(|cx, told| then(cx, only(replies(told)))))
}

/// Goes on in a step of its own: what it writes stays or not by itself.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn next_step(then: impl FnOnce(&Context<'_>) -> Outcome + 'static) -> Outcome {
    wait(Vec::new(), Box::new(|cx, _| then(cx)))
}

/// Asks the operator's node of a chain.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_node(
    cx: &Context<'_>,
    call: Call,
    then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static,
) -> Outcome {
    let asks = vec![Ask { call, callee: Callee::Node, timeout_ms: cx.config.timeout_ms }];
    wait(asks, Box::new(|cx, told| then(cx, only(replies(told)))))
}

/// Looks something up in Cloudflare's cache, or keeps it there, all of it at the same time. A cache that is slow is worth
/// less than none: it has a second. `then` is given the replies in the order of the calls.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_edge(
    cx: &Context<'_>,
    calls: Vec<Call>,
    then: impl FnOnce(&Context<'_>, Vec<Result<Reply, Fault>>) -> Outcome + 'static,
) -> Outcome {
    let timeout_ms = cx.config.timeout_ms.min(EDGE_MS);
    let asks = calls.into_iter().map(|call| Ask { call, callee: Callee::Edge, timeout_ms }).collect();
    wait(asks, Box::new(|cx, told| then(cx, replies(told))))
}

#[expect(clippy::unnecessary_wraps, reason = "the type fits where handlers return")]
fn wait(asks: Vec<Ask>, then: Then) -> Outcome {
    Ok(Step::Ask(Waiting { asks, then }))
}

fn replies(told: Vec<Told>) -> Vec<Result<Reply, Fault>> {
    told.into_iter().map(|(_, came)| came).collect()
}

/// What came of a single call. A call without an outcome does not occur; were there one, it would not have arrived.
fn only(mut replies: Vec<Result<Reply, Fault>>) -> Result<Reply, Fault> {
    replies.pop().unwrap_or(Err(Fault::Unreachable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reply;

    fn tries_again(callee: Callee, method: Method, came: &Result<Reply, Fault>) -> bool {
        let url = "https://api.anexpay.net/control/wallet.php".to_owned();
        let call = Call { method, url, headers: Vec::new(), body: None, read: Read::Text };
        Ask { call, callee, timeout_ms: 1 }.is_worth_another_try(came)
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
        assert!(!tries_again(Callee::Edge, Method::Get, unreachable));
    }
}
