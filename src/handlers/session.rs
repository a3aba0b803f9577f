//! `/checkout/ACCOUNT/SESSION`: the customer comes to pay one checkout session.

use crate::checkout::link;
use crate::ledger::id::{self, AccountId};

/// Whether a path is that of a session.
#[must_use]
pub fn is_path(path: &str) -> bool {
    read(path).is_some()
}

/// The account and the session that a path names.
fn read(path: &str) -> Option<(AccountId, &str)> {
    let (account, session) = path.strip_prefix(link::PATH)?.strip_prefix('/')?.split_once('/')?;
    Some((AccountId::from_digits(account)?, Some(session).filter(|session| id::is_id("cs", session))?))
}
