//! The Worker under load, killed at random moments, and its ledger as each kill left it.
#![allow(dead_code, reason = "every test file uses its own part of this")]

pub mod campaign;
pub mod cold;
pub mod load;
