//! Runs `properties/query.rs` under cargo-fuzz.
#![no_main]

#[path = "../properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::query::check(data));
