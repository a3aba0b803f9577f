//! `/api/v1/webhook-deliveries`: what came of each webhook, attempt by attempt, and another try.

use crate::api::{Ask, with_attempts};
use crate::error::Error;
use crate::http::Response;
use crate::ledger::objects::Kept;
use crate::ledger::webhook::delivery::{self, Delivery};
use crate::ledger::webhook::endpoint::{Endpoint, Status};

/// `GET webhook-deliveries/:`, with its attempts, the first first.
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn show(ask: &Ask<'_>) -> Result<Response, Error> {
    with_attempts(ask, &Kept::<Delivery>::get(ask.cx.books, ask.mode(), ask.id)?)
}

/// `POST webhook-deliveries/:/retry`: it is due now, with all its attempts, also where it was taken or given up before.
///
/// # Errors
/// [`Error::Missing`] where there is none, or where its endpoint is no more; [`Error::EndpointDisabled`].
pub fn retry(ask: &Ask<'_>) -> Result<Response, Error> {
    let mut delivery = Kept::<Delivery>::get(ask.cx.books, ask.mode(), ask.id)?;
    let endpoint = Kept::<Endpoint>::get(ask.cx.books, ask.mode(), &delivery.shown.webhook_endpoint)?;
    if endpoint.shown.status == Status::Disabled {
        return Err(Error::EndpointDisabled);
    }
    delivery::again(ask.cx, &mut delivery)?;
    with_attempts(ask, &delivery)
}
