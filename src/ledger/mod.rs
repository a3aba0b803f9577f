//! What is recorded of payments, and what has to hold before one counts.

pub mod chain;
pub mod coin;
pub mod verify;
