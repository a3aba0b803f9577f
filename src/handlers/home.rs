//! `/`: our own front page, where a customer ends up who shortens the address.

use crate::error::Error;
use crate::flow::{Context, Outcome, answer};
use crate::pages::{self, Face};

/// The front page.
///
/// # Errors
/// [`Error::Internal`] if the template fails.
#[inline(never)]
pub fn show(cx: &Context<'_>, face: &Face) -> Outcome {
    answer(pages::home(&cx.config.brand, face).ok_or(Error::Internal)?)
}
