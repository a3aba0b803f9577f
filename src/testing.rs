//! Values that the unit tests of several modules share.

use std::collections::HashMap;

use crate::config::Config;

/// A signing key for tests.
pub const SIGNING_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A valid configuration for `pay.shop.example`, with these settings on top.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let mut all: HashMap<&str, &str> = [("CHECKOUT_DOMAIN", "pay.shop.example"), ("SIGNING_KEY", SIGNING_KEY)].into();
    all.extend(settings.iter().copied());
    Config::read(&|name| all.get(name).map(|v| (*v).to_owned())).expect("the settings of a test are valid")
}

/// A reply of the gateway's without headers.
pub fn reply(status: u16, text: &str) -> crate::http::Reply {
    crate::http::Reply { status, headers: Box::new(Vec::<(String, String)>::new()), text: text.to_owned(), beginning: Vec::new() }
}
