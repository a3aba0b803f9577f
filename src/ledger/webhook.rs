//! Webhooks: signed calls that tell a merchant's server what happened, made until it takes them.
//!
//! They follow Standard Webhooks 1.0.0 (github.com/standard-webhooks, `spec/standard-webhooks.md`). An event is owed to every
//! endpoint that wants it, in the transaction that records it; so none is lost, and each arrives at least once. Each endpoint is
//! served for itself ([`crate::ledger::task`]): what one does, the others do not notice.
//!
//! It promises no order, follows no redirect, and calls nobody after they took it, were disabled or were deleted.

pub mod attempt;
pub mod check;
pub mod delivery;
pub mod endpoint;
pub mod health;
pub mod payload;
pub mod replay;
pub mod retry;
pub mod secret;
