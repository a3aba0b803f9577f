//! `/api/v1/callbacks`: the merchant's classic callbacks, what came of them, and another try.

use crate::api::{Ask, with_attempts};
use crate::error::Error;
use crate::http::Response;
use crate::ledger::delivery::{self, Delivery};
use crate::ledger::objects::Kept;

/// `GET callbacks/:`, with its tries, the first first.
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn show(ask: &Ask<'_>) -> Result<Response, Error> {
    with_attempts(ask, &Kept::<Delivery>::get(ask.cx.books, ask.mode(), ask.id)?)
}

/// `POST callbacks/:/retry`: it is due now, also where it was delivered or given up before.
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn retry(ask: &Ask<'_>) -> Result<Response, Error> {
    let mut delivery = Kept::get(ask.cx.books, ask.mode(), ask.id)?;
    delivery::again(ask.cx, &mut delivery)?;
    with_attempts(ask, &delivery)
}
