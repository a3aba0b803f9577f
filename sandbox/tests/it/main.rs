//! The stand-in's own tests: that it is what the gateway's document says, and fails only as told.

mod bot;
mod checkout;
mod client;
mod control;
mod documented;
mod faults;
mod php;
mod shop;
