//! The licensed providers: the documented list, and the rules about amount, currency and region.

use std::sync::LazyLock;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::money;

/// The documented answer of `provider-status`, with one provider added that no document names.
pub(crate) const LIST: &str = include_str!("../data/providers.json");

/// These take dollars only. The document has two lists that disagree; this is their union.
const DOLLARS_ONLY: [&str; 6] = ["bitnovo", "rampnetwork", "robinhood", "stripe", "transfi", "wert"];

/// The European Economic Area and Great Britain.
const EUROPE: [&str; 31] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU",
    "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    let list: List = serde_json::from_str(LIST).expect("the embedded list is valid");
    list.providers
});

#[derive(Deserialize)]
struct List {
    providers: Vec<Provider>,
}

/// One provider of the list.
#[derive(Debug, Deserialize)]
pub(crate) struct Provider {
    pub id: String,
    #[serde(rename = "provider_name")]
    pub name: String,
    status: String,
    minimum_currency: String,
    minimum_amount: serde_json::Number,
}

impl Provider {
    /// Finds a provider by its id.
    pub fn find(id: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.id == id)
    }

    /// Those the hosted page offers for an amount to a customer in a country.
    pub fn offered(amount: Decimal, currency: &str, country: &str) -> impl Iterator<Item = &'static Self> {
        PROVIDERS
            .iter()
            .filter(move |provider| provider.status == "active" && provider.serves(country))
            .filter(move |provider| provider.check(amount, currency).is_ok())
    }

    /// Whether the provider takes this amount in this currency; the error is the gateway's sentence.
    pub fn check(&self, amount: Decimal, currency: &str) -> Result<(), &'static str> {
        if self.only_currency().is_some_and(|only| !only.eq_ignore_ascii_case(currency)) {
            return Err("Provided currency is not supported by this provider");
        }
        let asked = money::in_dollars(amount, currency).ok_or("Provided currency is not supported")?;
        if asked < self.minimum() { Err("Provided amount is below the minimum of this provider") } else { Ok(()) }
    }

    fn only_currency(&self) -> Option<&'static str> {
        match self.id.as_str() {
            "upi" => Some("INR"),
            "interac" => Some("CAD"),
            id if DOLLARS_ONLY.contains(&id) => Some("USD"),
            _ => None,
        }
    }

    /// Whether the provider serves a country; regional ones do not serve an unknown one.
    fn serves(&self, country: &str) -> bool {
        match self.id.as_str() {
            "revolut" => EUROPE.contains(&country),
            "stripe" | "robinhood" => country == "US",
            "upi" => country == "IN",
            "interac" => country == "CA",
            _ => true,
        }
    }

    /// The minimum in dollars.
    fn minimum(&self) -> Decimal {
        let amount = self.minimum_amount.to_string().parse().unwrap_or_default();
        money::in_dollars(amount, &self.minimum_currency).unwrap_or_default()
    }
}
