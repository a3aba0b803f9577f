//! How a request proceeds: from step to step, each a value, until there is an answer.
//!
//! A handler does no I/O. It returns either an answer or a call together with what to do with the reply; whoever runs it
//! makes the call and goes on. So the whole of it runs natively, with replies from a test.

use crate::config::Config;
use crate::downline;
use crate::error::Error;
use crate::http::{Call, Fault, Now, Reply, Response};
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
    /// A call to make, and how to go on with its reply.
    Ask(Call, Then),
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
    Ok(Step::Ask(call, Box::new(then)))
}

/// Calls a merchant.
///
/// # Errors
/// None; the type fits where handlers return.
pub fn ask_merchant(call: Call, then: impl FnOnce(&Context<'_>, Result<Reply, Fault>) -> Outcome + 'static) -> Outcome {
    Ok(Step::Ask(call, Box::new(then)))
}
