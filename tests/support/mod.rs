//! What the tests in this folder share: the built Worker in a real workerd, and an HTTP client that checks every answer.
//!
//! ```text
//! let worker = Worker::start(&Settings::new().gateway(&api_url, &checkout_url).set("PAYOUT_WALLET", WALLET));
//! let answer = worker.get("/healthz").send();
//! assert_eq!(answer.status, 200);
//! ```
//!
//! The client sends what it is told, byte for byte, and follows, normalises and decodes nothing. It panics when an answer
//! names the gateway or carries a header that is not on the list (see `leaks`). Every answer and the whole log are searched
//! for the operator's secrets (see `secrets`).
#![allow(dead_code, reason = "every test file uses its own part of this")]

pub mod cache;
pub mod client;
pub mod config;
pub mod decoding;
pub mod dice;
pub mod endpoint;
pub mod evm;
pub mod gate;
pub mod lawful;
pub mod leaks;
pub mod ledgers;
pub mod noise;
pub mod port;
pub mod process;
pub mod raw_gateway;
pub mod secrets;
pub mod spelling;
pub mod untrusted;
pub mod worker;
