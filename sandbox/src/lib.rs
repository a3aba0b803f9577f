//! A native stand-in for the gateway, its hosted pages, the licensed providers, the callback bot and a merchant's shop.
//!
//! It exists so that the Worker can be tested from end to end without the real gateway. It listens on loopback, and calls
//! nothing but loopback; yet its answers name the real gateway's hosts wherever the real ones do, because hiding them is
//! what is tested. Values, shapes and encodings are those of the gateway's document; its samples hold to the letter.
//!
//! The caller needs no runtime: a [`Sandbox`] has its own threads, and stops when it is dropped.
//!
//! ```
//! use livery_sandbox::{Fault, Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default())?;
//! sandbox.fault_times("/control/wallet.php", Fault::MissingAddressIn, 1);
//! assert!(sandbox.api_url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Map: `answer` is the way of every request; `gateway`, `provider` and `shop` answer it; `bot` tells of payments; `fault`
//! names what can go wrong and `wire` lets it; `state` holds everything; `control` is the door for tests that are no Rust.
//! [`php`] and [`opaque`] are public as oracles for the Worker's own tests.

#![forbid(unsafe_code)]

pub mod documented;
pub mod money;
pub mod opaque;
pub mod php;

mod answer;
mod bot;
mod control;
mod fault;
mod gateway;
mod names;
mod options;
mod provider;
mod providers;
mod records;
mod sandbox;
mod shop;
mod state;
mod wire;

pub use rust_decimal::Decimal;

pub use self::{
    bot::PayError,
    fault::Fault,
    options::{Acknowledge, BotMode, Options, Settings},
    records::{BotAttempt, Departure, Listener, Order, Received, ShopCallback, ShopReply},
    sandbox::Sandbox,
    state::{Payment, State, Wallet},
};
