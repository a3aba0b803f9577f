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

    /// What the gateway would answer, as far as its own answers show: not beyond the amounts that it was seen to convert, and not
    /// where the last digit is a zero, which it may write or not. Did it reckon with more digits of the rate than it tells, a
    /// cent could differ: one product that is right is evidence and no proof.
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
    use proptest::prelude::*;

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

    fn told(status: &str, value: &str, value_coin: &str, exchange_rate: &str) -> Rate {
        let [status, value_coin, exchange_rate] = [status, value_coin, exchange_rate].map(str::to_owned);
        Rate::told_by(Conversion { status, value_coin, exchange_rate }, Amount::parse(value).unwrap()).unwrap()
    }

    fn converted(rate: &Rate, value: &str) -> Option<String> {
        rate.convert(&Amount::parse(value).unwrap()).map(|conversion| conversion.to_json())
    }

    #[test]
    fn amounts_up_to_one_that_was_seen_are_converted_as_the_gateway_does() {
        let rate = told("success", "1258.31", "1351.76", "1.07427");
        let expected = |coins: &str| Some(format!(r#"{{"status":"success","value_coin":"{coins}","exchange_rate":"1.07427"}}"#));
        assert_eq!(converted(&rate, "1258.31"), expected("1351.76"));
        assert_eq!(converted(&rate, "0025.5"), expected("27.39"));
        assert_eq!(converted(&rate, "0.01"), expected("0.01"));
        assert_eq!(converted(&rate, "1258.32"), None, "more than was seen");
        assert_eq!(converted(&rate, "7"), expected("7.52"));
        assert_eq!(converted(&rate, "40.03"), None, "43.003, and nobody knows whether it writes 43.00 or 43");
        assert_eq!(converted(&told("success", "1000", "5", "0.005"), "1"), None, "half a cent");
    }

    #[test]
    fn what_is_not_the_product_is_not_computed_from() {
        for (status, value, value_coin) in
            [("success", "100", "107.42"), ("success", "100", "107.44"), ("odd", "100", "107.43"), ("success", "0.5", "0.537")]
        {
            assert_eq!(converted(&told(status, value, value_coin, "1.07427"), "0.01"), None, "{status} {value} {value_coin}");
        }
        let cases = [("200", "214.85"), ("1", "1.07")];
        for (value, value_coin) in cases {
            let (good, bad) = (told("success", value, value_coin, "1.07427"), told("success", "100", "107.99", "1.07427"));
            let (good, bad) = (Rc::new(good), Rc::new(bad));
            assert_eq!(converted(&Rc::clone(&good).after(&bad), "1"), None, "seen to do otherwise before");
            assert_eq!(converted(&bad.after(&good), "1"), None, "and after");
        }
    }

    #[test]
    fn the_largest_amount_counts_as_long_as_the_rate_stays() {
        let (small, large) =
            (Rc::new(told("success", "1", "1.07", "1.07427")), Rc::new(told("success", "200", "214.85", "1.07427")));
        assert!(converted(&Rc::clone(&small).after(&large), "150").is_some());
        assert!(converted(&large.after(&small), "150").is_some());
        let other = Rc::new(told("success", "1", "1.08", "1.08"));
        assert_eq!(converted(&other.after(&small), "2"), None);
    }

    #[test]
    fn a_rate_comes_back_from_the_edge_as_it_went() {
        let rate = told("success", "1258.31", "1351.76", "1.07427");
        let back = Rate::from_reply(&reply(200, &rate.to_json())).unwrap();
        assert_eq!(converted(&back, "1258.31"), converted(&rate, "1258.31"));
        for text in [
            "",
            "{}",
            r#"{"value":"x","value_coin":"1","exchange_rate":"1"}"#,
            r#"{"value":"1","value_coin":"1","exchange_rate":"0"}"#,
        ] {
            assert!(Rate::from_reply(&reply(200, text)).is_none(), "{text}");
        }
    }

    proptest! {
        /// Against decimal arithmetic: what is computed is the product in cents, rounded half away from zero.
        #[test]
        fn the_product_is_exact(value in 1_u64..100_000_000, places in 0_u32..4, rate in 1_u64..10_000_000) {
            let (value, rate) = (Decimal::new(value.cast_signed(), places), Decimal::new(rate.cast_signed(), 5));
            let rounded = (value * rate).round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
            if let Some(cents) = product_in_cents(value, rate) {
                prop_assert_eq!(Decimal::new(cents, 2), rounded);
            } else {
                prop_assert_eq!((value * rate - rounded).abs(), Decimal::new(5, 3));
            }
        }

        #[test]
        fn no_amount_panics(value in "[0-9]{1,15}(\\.[0-9]{1,13})?", other in "[0-9]{1,15}(\\.[0-9]{1,13})?") {
            if let (Ok(value), Ok(other)) = (Amount::parse(&value), Amount::parse(&other)) {
                let _ = product_in_cents(value.value(), other.value());
            }
        }
    }
}
