//! Conversion to US dollars.

use rust_decimal::Decimal;

use crate::config::Config;
use crate::gateway::GatewayError;
use crate::gateway::object::Object;
use crate::http::{Call, Method, Read, Reply};
use crate::json;
use crate::money::{Amount, Currency};
use crate::query;

/// Path of the gateway's script, and of our route.
pub const PATH: &str = "/control/convert.php";

/// A converted amount, with the fields of the gateway's document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// `success`.
    pub status: String,
    /// The amount in dollars, a decimal text.
    pub value_coin: String,
    /// Dollars for one unit of the currency, a decimal text.
    pub exchange_rate: String,
}

/// The request to convert `value`.
#[must_use]
pub fn request(config: &Config, from: Currency, value: &Amount, headers: Vec<(&'static str, String)>) -> Call {
    let query = query::build([("from", from.as_str()), ("value", value.as_str())]);
    Call { method: Method::Get, url: config.api.url(&format!("{PATH}?{query}")), headers, body: None, read: Read::Text }
}

/// Reads the reply; `None` if the gateway does not know the currency, which it says by leaving `value_coin` away.
///
/// # Errors
/// [`GatewayError::InvalidReply`] for anything but decimals.
pub fn interpret(reply: &Reply) -> Result<Option<Conversion>, GatewayError> {
    let object = Object::of_reply(reply)?;
    let field = |name| object.digits(name).map(str::to_owned).ok_or(GatewayError::InvalidReply);
    if object.value("value_coin").is_none() {
        return Ok(None);
    }
    let status = object.text("status").unwrap_or_else(|| "success".to_owned());
    let conversion = Conversion { status, value_coin: field("value_coin")?, exchange_rate: field("exchange_rate")? };
    Ok(Some(conversion))
}

impl Conversion {
    /// The answer as the gateway writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let object = json::Object::new().text("status", &self.status).text("value_coin", &self.value_coin);
        object.text("exchange_rate", &self.exchange_rate).write()
    }

    /// Dollars for one unit of the currency; `None` where that is too little for the gateway's five decimals.
    #[must_use]
    pub fn rate(&self) -> Option<Decimal> {
        Decimal::from_str_exact(&self.exchange_rate).ok().filter(|rate| *rate > Decimal::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reply;

    #[test]
    fn the_documents_answer_comes_out_as_it_went_in() {
        let text = r#"{"status":"success","value_coin":"1351.76","exchange_rate":"1.07427"}"#;
        let conversion = interpret(&reply(200, text)).unwrap().unwrap();
        assert_eq!(conversion.to_json(), text);
    }

    #[test]
    fn unknown_currencies_and_nonsense_differ() {
        assert_eq!(interpret(&reply(200, r#"{"status":"error"}"#)), Ok(None));
        for text in ["", "[]", r#"{"value_coin":"x","exchange_rate":"1"}"#, r#"{"value_coin":"1"}"#] {
            assert_eq!(interpret(&reply(200, text)), Err(GatewayError::InvalidReply), "{text}");
        }
    }
}
