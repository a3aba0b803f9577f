//! Amounts and currencies as the gateway's links carry them.
//!
//! An [`Amount`] keeps the text as its sender wrote it, because that text is what the gateway must receive, and beside
//! it the exact decimal value for comparisons. There is no floating point here.

use core::fmt;
use core::str::FromStr;

use rust_decimal::Decimal;

/// Longest whole part accepted: PHP prints numbers of 10¹⁵ and more with an exponent, which the gateway cannot read.
const MAX_WHOLE_DIGITS: usize = 15;
/// Longest fraction accepted: the smallest unit of the most finely divided coin (18 decimals).
const MAX_FRACTION_DIGITS: usize = 18;
/// What both parts together may have: the capacity of [`Decimal`].
const MAX_DIGITS: usize = 28;

/// A positive plain decimal in major units, such as `103.78`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    text: String,
    value: Decimal,
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Not digits with at most one point: a sign, an exponent, a thousands separator or a word.
    NotPlain,
    /// Zero.
    NotPositive,
    /// More digits than any real price has.
    TooLong,
}

impl AmountError {
    /// What is wrong and what to do, to follow the name of the parameter or setting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotPlain => "is not a plain decimal: write digits and at most one point, such as 103.78",
            Self::NotPositive => "must be more than zero",
            Self::TooLong => "has too many digits: at most 15 before the point and 18 after it, 28 in all",
        }
    }
}

impl Amount {
    /// Reads a plain positive decimal.
    ///
    /// # Errors
    /// [`AmountError`] for anything but digits with at most one point between them, for zero and for overlong texts.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(AmountError::NotPlain),
            Some(parts) => parts,
            None => (text, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountError::NotPlain);
        }
        if whole.len() > MAX_WHOLE_DIGITS || fraction.len() > MAX_FRACTION_DIGITS || whole.len() + fraction.len() > MAX_DIGITS {
            return Err(AmountError::TooLong);
        }
        let value = Decimal::from_str_exact(text).map_err(|_| AmountError::TooLong)?;
        if value.is_zero() {
            return Err(AmountError::NotPositive);
        }
        Ok(Self { text: text.to_owned(), value })
    }

    /// One unit.
    #[must_use]
    pub fn one() -> Self {
        Self { text: "1".to_owned(), value: Decimal::ONE }
    }

    /// The text as its sender wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The exact value.
    #[must_use]
    pub fn value(&self) -> Decimal {
        self.value
    }
}

/// A currency code of three letters, kept in upper case (ISO 4217's shape; the gateway decides which it knows).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The text is not three letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyError;

impl CurrencyError {
    /// What is wrong and what to do, to follow the name of the parameter or setting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        "is not a currency code: write the three letters of ISO 4217, such as EUR"
    }
}

impl Currency {
    /// United States dollar, which the gateway converts everything to.
    pub const USD: Self = Self(*b"USD");
    /// Indian rupee.
    pub const INR: Self = Self(*b"INR");
    /// Canadian dollar.
    pub const CAD: Self = Self(*b"CAD");

    /// The three letters in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError)?;
        if letters.iter().all(u8::is_ascii_alphabetic) {
            Ok(Self(letters.map(|b| b.to_ascii_uppercase())))
        } else {
            Err(CurrencyError)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_decimals_are_kept_as_written() {
        for text in ["1", "103.78", "0.01", "007.50", "999999999999999.9999", "100.10000000000000001"] {
            assert_eq!(Amount::parse(text).map(|a| a.as_str().to_owned()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", " 1", "-5", "+5", "1e3", "1E3", "1,000", "NaN", "inf", ".5", "5.", "1.2.3", "٣", "0x10"] {
            assert_eq!(Amount::parse(text), Err(AmountError::NotPlain), "{text}");
        }
        for text in ["0", "0.00", "000"] {
            assert_eq!(Amount::parse(text), Err(AmountError::NotPositive));
        }
        assert_eq!(Amount::parse(&"9".repeat(40)), Err(AmountError::TooLong));
        assert_eq!(Amount::parse("123456789012345.12345678901234"), Err(AmountError::TooLong));
    }

    #[test]
    fn currencies_are_three_letters() {
        assert_eq!("eur".parse::<Currency>().map(|c| c.to_string()), Ok("EUR".to_owned()));
        for text in ["", "EU", "EURO", "E1R", "€", "US "] {
            assert_eq!(text.parse::<Currency>(), Err(CurrencyError));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,50}") {
            let _ = Amount::parse(&text);
            let _ = text.parse::<Currency>();
        }

        #[test]
        fn the_value_is_the_text(whole in 1_u64..999_999_999_999_999, fraction in 0_u32..1_000_000) {
            let text = format!("{whole}.{fraction:06}");
            let amount = Amount::parse(&text).unwrap();
            prop_assert_eq!(amount.value().to_string(), text);
        }
    }
}
