//! A merchant's servers that each behave in their own way while the Worker is killed, and what the ledger wrote down of it.
#![allow(dead_code, reason = "every test file uses its own part of this")]

pub mod hosts;
pub mod records;
