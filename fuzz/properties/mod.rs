//! One property for each target: `check` panics where it does not hold.
#![allow(dead_code, reason = "each fuzz target uses one of these modules")]

pub mod amount;
pub mod config;
pub mod gateway_replies;
pub mod location;
pub mod query;
pub mod scrub;
pub mod settings;
pub mod token;
pub mod wallet;
