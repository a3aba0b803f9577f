//! Conversion to US dollars.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::config::Config;
use crate::gateway::GatewayError;
use crate::gateway::object::Object;
use crate::http::{Call, Method, Read, Reply};
use crate::json;
use crate::money::{Amount, Currency};

/// Path of the gateway's script, and of our route.
pub const PATH: &str = "/control/convert.php";

/// The gateway's word for a conversion that it made.
const SUCCESS: &str = "success";

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

/// What every conversion of a currency starts with.
#[must_use]
pub fn url_without_value(config: &Config, from: Currency) -> String {
    config.api.url(&format!("{PATH}?from={from}"))
}

/// The request to convert `value`.
#[must_use]
pub fn request(config: &Config, from: Currency, value: &Amount, headers: Vec<(&'static str, String)>) -> Call {
    let url = format!("{}&value={}", url_without_value(config, from), value.as_str());
    Call { method: Method::Get, url, headers, body: None, read: Read::Text }
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
    let status = object.text("status").unwrap_or_else(|| SUCCESS.to_owned());
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
}

/// What conversions told about a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Dollars for one unit.
    pub dollars: Decimal,
    /// The largest amount that the gateway was seen to convert by multiplying with `dollars` and rounding to cents; zero where
    /// it was seen to do anything else.
    exact_to: Decimal,
}

impl Rate {
    /// What the conversion of `value` tells; `None` where one unit is worth too little for the gateway's five decimals.
    #[must_use]
    pub fn told_by(conversion: &Conversion, value: &Amount) -> Option<Self> {
        let dollars = Decimal::from_str_exact(&conversion.exchange_rate).ok().filter(|rate| *rate > Decimal::ZERO)?;
        let rate = Self { dollars, exact_to: value.value() };
        let is_product =
            rate.product(value).is_some_and(|(_, cents)| Decimal::from_str_exact(&conversion.value_coin) == Ok(cents));
        let is_usual = conversion.status == SUCCESS && dollars.to_string() == conversion.exchange_rate;
        Some(if is_product && is_usual { rate } else { Self { exact_to: Decimal::ZERO, ..rate } })
    }

    /// The same with what was known before: of the same rate that is still true.
    #[must_use]
    pub fn after(self, earlier: Option<Self>) -> Self {
        let earlier = earlier.filter(|earlier| earlier.dollars == self.dollars);
        let exact_to = earlier.map_or(self.exact_to, |Self { exact_to, .. }| {
            let doubted = exact_to.is_zero() || self.exact_to.is_zero();
            if doubted { Decimal::ZERO } else { exact_to.max(self.exact_to) }
        });
        Self { exact_to, ..self }
    }

    /// What the gateway would answer, where that is certain to the last byte. It is not for an amount beyond those it was seen
    /// to convert, for half a cent, and for a last digit of zero, which it may or may not write.
    #[must_use]
    pub fn convert(&self, value: &Amount) -> Option<Conversion> {
        let (exact, cents) = self.product(value)?;
        let value_coin = cents.to_string();
        let is_plain = cents.scale() == 2 && !value_coin.ends_with('0') && (exact - cents).abs() < Decimal::new(5, 3);
        let is_certain = is_plain && value.value() <= self.exact_to;
        is_certain.then(|| Conversion { status: SUCCESS.to_owned(), value_coin, exchange_rate: self.dollars.to_string() })
    }

    /// The product with an amount, and the same in whole cents.
    fn product(&self, value: &Amount) -> Option<(Decimal, Decimal)> {
        let exact = value.value().checked_mul(self.dollars)?;
        Some((exact, exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)))
    }

    /// The amount to ask for when the rate is to be asked for again: the answer then holds for as much as this one.
    #[must_use]
    pub fn amount_to_ask(&self) -> Amount {
        Amount::parse(&self.exact_to.to_string()).unwrap_or_else(|_| Amount::one())
    }

    /// As text, for the edge's cache.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (dollars, exact_to) = (self.dollars.to_string(), self.exact_to.to_string());
        json::Object::new().text("dollars", &dollars).text("exact_to", &exact_to).write()
    }

    /// Reads what [`Rate::to_json`] wrote.
    #[must_use]
    pub fn from_reply(reply: &Reply) -> Option<Self> {
        let object = Object::of_reply(reply).ok()?;
        let decimal = |name| Decimal::from_str_exact(object.digits(name)?).ok();
        Some(Self { dollars: decimal("dollars")?, exact_to: decimal("exact_to")? }).filter(|rate| !rate.dollars.is_zero())
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
