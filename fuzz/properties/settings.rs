//! Configurations that several properties use.

use livery::config::Config;

/// A signing key.
pub const OLD_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// Another one.
pub const NEW_KEY: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";

/// The operator's configuration with these settings, of which the required ones may be left away.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let required = [("CHECKOUT_DOMAIN", "pay.shop.example"), ("SIGNING_KEY", OLD_KEY)];
    let find = |name: &str| settings.iter().chain(&required).find(|(found, _)| *found == name).map(|(_, v)| (*v).to_owned());
    Config::read(&find).expect("the settings of a property are valid")
}
