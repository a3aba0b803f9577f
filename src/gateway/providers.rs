//! The list of providers.

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::config::Config;
use crate::gateway::GatewayError;
use crate::gateway::object::{Object, digits};
use crate::http::{Call, Method, Read, Reply};
use crate::json;
use crate::money::Currency;

/// Path of the gateway's list, and of our route.
pub const PATH: &str = "/control/provider-status";

/// One provider, with the fields and types of the gateway's document.
#[derive(Clone, Debug)]
pub struct Provider {
    /// What payment links name it by.
    pub id: String,
    /// What people call it.
    pub provider_name: String,
    /// `active`, or why not: `redirected`, `unstable` and whatever else may come.
    pub status: String,
    /// The currency of its minimum.
    pub minimum_currency: String,
    /// Its minimum, in major units, as the gateway wrote it.
    pub minimum_amount: Box<RawValue>,
}

/// The whole list, in the gateway's order.
#[derive(Clone, Debug)]
pub struct Providers {
    /// Its entries.
    pub providers: Vec<Provider>,
    /// The list as the gateway writes it. It is asked for far more often than it changes.
    pub json: String,
}

impl Provider {
    /// Reads an entry; `None` if a field is missing or its minimum cannot be read.
    fn from_object(object: &Object) -> Option<Self> {
        let provider = Self {
            id: object.text("id")?,
            provider_name: object.text("provider_name")?,
            status: object.text("status")?,
            minimum_currency: object.text("minimum_currency")?,
            minimum_amount: object.value("minimum_amount")?.to_owned(),
        };
        provider.minimum().is_some().then_some(provider)
    }

    /// The minimum as a value, if it can be read.
    #[must_use]
    pub fn minimum(&self) -> Option<(Decimal, Currency)> {
        let amount = Decimal::from_str_exact(digits(&self.minimum_amount)?).ok()?;
        Some((amount, self.minimum_currency.parse().ok()?))
    }
}

/// The request for the list.
#[must_use]
pub fn request(config: &Config, headers: Vec<(&'static str, String)>) -> Call {
    Call { method: Method::Get, url: config.api.url(PATH), headers, body: None, read: Read::Text }
}

impl Providers {
    fn new(providers: Vec<Provider>) -> Self {
        let entries = providers.iter().map(|provider| {
            let entry = json::Object::new().text("id", &provider.id).text("provider_name", &provider.provider_name);
            let entry = entry.text("status", &provider.status).text("minimum_currency", &provider.minimum_currency);
            entry.raw("minimum_amount", &provider.minimum_amount)
        });
        let json = json::Object::new().list("providers", entries.collect()).write();
        Self { providers, json }
    }

    /// The entry of that id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    /// Reads the list. An entry that cannot be read is left out: one odd provider must not stop all the others.
    ///
    /// # Errors
    /// [`GatewayError::InvalidReply`] where there is no list.
    pub fn from_reply(reply: &Reply) -> Result<Self, GatewayError> {
        let list = Object::of_reply(reply)?.objects("providers").ok_or(GatewayError::InvalidReply)?;
        Ok(Self::new(list.iter().filter_map(Provider::from_object).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reply;

    #[test]
    fn the_list_comes_out_as_it_went_in() {
        let text = r#"{"providers":[{"id":"wert","provider_name":"Wert.io","status":"active","minimum_currency":"USD","minimum_amount":1},{"id":"x","provider_name":"X","status":"odd","minimum_currency":"EUR","minimum_amount":0.10}]}"#;
        let list = Providers::from_reply(&reply(200, text)).unwrap();
        assert_eq!(list.json, text);
        assert_eq!(list.providers[1].minimum().map(|(amount, _)| amount.to_string()), Some("0.10".to_owned()));
    }

    #[test]
    fn odd_entries_are_left_out_and_no_list_is_an_error() {
        let text = r#"{"providers":[{"id":1},null,{"id":"x","provider_name":"X","status":"active","minimum_currency":"EUR","minimum_amount":"6","extra":true}],"more":1}"#;
        assert_eq!(Providers::from_reply(&reply(200, text)).unwrap().providers.len(), 1);
        for text in ["", "[]", "{}", r#"{"providers":{}}"#] {
            assert_eq!(Providers::from_reply(&reply(200, text)).err(), Some(GatewayError::InvalidReply));
        }
    }
}
