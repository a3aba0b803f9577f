//! Conversion to US dollars.

use std::rc::Rc;

use rust_decimal::Decimal;

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
        self.object().write()
    }

    fn object(&self) -> json::Object<'_> {
        let object = json::Object::new().text("status", &self.status).text("value_coin", &self.value_coin);
        object.text("exchange_rate", &self.exchange_rate)
    }
}

/// What conversions told about a currency.
#[derive(Clone, Debug)]
pub struct Rate {
    /// Dollars for one unit.
    pub dollars: Decimal,
    /// The largest amount that the gateway converted. Where one was not converted by multiplying with `dollars` and rounding to
    /// cents, that one.
    pub value: Amount,
    told: Conversion,
    is_product: bool,
}

impl Rate {
    /// What the conversion of `value` tells; `None` where one unit is worth too little for the gateway's five decimals.
    #[must_use]
    pub fn told_by(told: Conversion, value: Amount) -> Option<Self> {
        let dollars = Decimal::from_str_exact(&told.exchange_rate).ok().filter(|rate| !rate.is_zero())?;
        let (cents, coins) = (product_in_cents(value.value(), dollars), Decimal::from_str_exact(&told.value_coin));
        let is_product = told.status == SUCCESS && cents.is_some_and(|cents| coins == Ok(Decimal::new(cents, 2)));
        Some(Self { dollars, value, told, is_product })
    }

    /// This, or what was known before: of the same rate that is still true, and may be good for more.
    #[must_use]
    pub fn after(self: Rc<Self>, earlier: &Rc<Self>) -> Rc<Self> {
        let is_other = earlier.told.exchange_rate != self.told.exchange_rate || !self.is_product;
        let is_more = earlier.is_product && earlier.value.value() <= self.value.value();
        if is_other || is_more { self } else { Rc::clone(earlier) }
    }

    /// What the gateway would answer, where that is certain to the last byte. It is not beyond the amounts that it was seen to
    /// convert, and not where the last digit is a zero, which it may write or not.
    #[must_use]
    pub fn convert(&self, value: &Amount) -> Option<Conversion> {
        let is_within = self.is_product && value.value() <= self.value.value();
        let cents = product_in_cents(value.value(), self.dollars).filter(|cents| is_within && cents % 10 != 0)?;
        Some(Conversion { value_coin: format!("{}.{:02}", cents / 100, cents % 100), ..self.told.clone() })
    }

    /// As text, for the edge's cache.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.told.object().text("value", self.value.as_str()).write()
    }

    /// Reads what [`Rate::to_json`] wrote.
    #[must_use]
    pub fn from_reply(reply: &Reply) -> Option<Self> {
        let value = Amount::parse(Object::of_reply(reply).ok()?.digits("value")?).ok()?;
        Self::told_by(interpret(reply).ok()??, value)
    }
}

/// The product of two decimals, rounded to hundredths; `None` where it lies in the middle of two, which is not rounded alike
/// everywhere, or is larger than any sum.
fn product_in_cents(amount: Decimal, rate: Decimal) -> Option<i64> {
    let factor = |decimal: Decimal| i64::try_from(decimal.mantissa()).ok();
    let product = factor(amount)?.checked_mul(factor(rate)?)?;
    let cent = 10_i64.checked_pow((amount.scale() + rate.scale()).checked_sub(2)?)?;
    let (whole, rest) = (product / cent, product % cent);
    let missing = cent - rest;
    (rest != missing).then(|| whole + i64::from(rest > missing))
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
