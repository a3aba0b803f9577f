//! Livery puts an operator's own livery on the `AnexPay` payment gateway.
//!
//! # The map of the house
//! A request comes in through `glue`, becomes an [`http::Request`], finds its [`route`], is validated and proceeds in
//! [`handlers`] step by step as [`flow`] says: a call to the gateway, its reply, perhaps another, and an answer, which
//! leaves through [`service`] and is scrubbed there.
//!
//! * [`config`] the operator's settings; [`signing`] their keys; [`downline`] requests between two Liverys
//! * [`wallet`], [`money`], [`split`], [`country`] values that cannot be wrong; [`query`] parameters as PHP reads them;
//!   [`web_url`] URLs as browsers read them; [`public_host`] which hosts are on the public internet
//! * [`gateway`] the protocol, in pure halves
//! * [`livery`] what makes the gateway invisible
//! * [`checkout`] links and providers; [`callback`] from the gateway to the merchant
//! * [`ledger`] accounts, sessions, payments and events, each account in a database of its own; [`api`] the REST API over it
//! * [`pages`] our own pages; [`error`] every failure; [`json`] what is written; [`memory`] what an isolate
//!   remembers, [`known`] where that comes from
//! * [`limits`] how often the gateway is called for one client
//!
//! Everything but `glue` is pure: values in, values out, built and tested natively. Only `glue` knows the runtime, and it
//! exists for WebAssembly alone.

// The bindings' macros write unsafe code, so on the wasm target it is only denied (Cargo.toml).
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod api;
pub mod callback;
pub mod checkout;
pub mod config;
pub mod country;
pub mod downline;
pub mod error;
pub mod flow;
pub mod gateway;
pub mod handlers;
pub mod http;
pub mod json;
pub mod known;
pub mod ledger;
pub mod limits;
pub mod livery;
pub mod memory;
pub mod money;
pub mod pages;
pub mod public_host;
pub mod query;
pub mod route;
pub mod secret;
pub mod service;
pub mod signing;
pub mod split;
pub mod wallet;
pub mod web_url;

#[cfg(target_arch = "wasm32")]
mod glue;

#[cfg(test)]
mod testing;
