//! The ledger: one merchant account's sessions, payments and events, in an `SQLite` database of its own.
//!
//! Each account has a Durable Object of its own, so accounts share nothing and capacity grows with their number. A step reads,
//! decides and writes in one transaction ([`books`]); calls are made between steps, as [`crate::flow`] says. What has to happen
//! later is a [`task`]; what happened is an [`event`].
//!
//! It refuses to credit what it has not verified, and to acknowledge what it has not written down.

pub mod account;
pub mod books;
pub mod chain;
pub mod coin;
pub mod delivery;
pub mod event;
pub mod filter;
pub mod id;
pub mod key;
pub mod live;
pub mod objects;
pub mod opening;
pub mod poll;
pub mod schedule;
pub mod schema;
pub mod session;
pub mod simulation;
pub mod state;
pub mod task;
pub mod transaction;
pub mod verification;
pub mod verify;
pub mod webhook;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
