//! The gateway's report of a payment, as its callback brings it.

use crate::ledger::chain::id::{Address, TxId};
use crate::ledger::verify::problem::{Problem, Wrong};
use crate::ledger::verify::sum::Quantity;
use crate::query::{Pair, readings};

/// Longest name of a coin, in bytes; the longest that is known has 12.
const MAX_COIN: usize = 32;

/// What a callback reports. Nobody vouches for it: callbacks are not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// How many coins the provider sent (`value_coin`).
    pub value: Quantity,
    /// Which coin, as the gateway names it.
    pub coin: &'a str,
    /// The provider's transaction, to the order's receiving address.
    pub txid_in: TxId,
    /// The gateway's transaction, from there to the payout wallet. Sibling brands do not name it.
    pub txid_out: Option<TxId>,
    /// The receiving address. Sibling brands do not name it.
    pub address_in: Option<Address>,
    /// How many coins were paid out (`value_forwarded_coin`). Sibling brands do not name it.
    pub forwarded: Option<Quantity>,
}

/// What the gateway adds to a callback.
const NAMES: [&str; 6] = ["address_in", "coin", "txid_in", "txid_out", "value_coin", "value_forwarded_coin"];

/// Whether a callback's query says the same to everybody: each of the gateway's parameters once and plainly spelt, wherever it is
/// cut. The merchant's software gets it as it is, and may take the first of two where the last was verified.
///
/// # Errors
/// [`Wrong::Malformed`] with the parameter's name.
pub fn unambiguous(query: &str) -> Result<(), Wrong> {
    let other = |name: &str| {
        let readings: Vec<Pair<'_>> = readings(query).filter(|pair| pair.name().eq_ignore_ascii_case(name)).collect();
        // A parameter is read once cut at `&`, and once more cut at `;`.
        readings.len() > 2 || readings.iter().any(|pair| pair.decoded_name() != name)
    };
    NAMES.into_iter().find(|name| other(name)).map_or(Ok(()), |name| Err(Wrong::Malformed(name)))
}

impl<'a> Report<'a> {
    /// Reads the parameters of a callback, names and values decoded. Those of other names are passed over. Of several of one
    /// name the last counts: the gateway appends its own.
    ///
    /// # Errors
    /// [`Wrong::Missing`] and [`Wrong::Malformed`] with the parameter's name; [`Wrong::SameTransaction`].
    pub fn read(pairs: &[(&'a str, &'a str)]) -> Result<Self, Problem> {
        let parameters = Parameters(pairs);
        let report = Self {
            value: parameters.required("value_coin", Quantity::parse)?,
            coin: parameters.required("coin", |text| (text.len() <= MAX_COIN).then_some(text))?,
            txid_in: parameters.required("txid_in", TxId::parse)?,
            txid_out: parameters.optional("txid_out", TxId::parse)?,
            address_in: parameters.optional("address_in", Address::parse)?,
            forwarded: parameters.optional("value_forwarded_coin", Quantity::parse)?,
        };
        if report.txid_out == Some(report.txid_in) {
            return Err(Wrong::SameTransaction.into());
        }
        Ok(report)
    }
}

struct Parameters<'p, 'a>(&'p [(&'a str, &'a str)]);

impl<'a> Parameters<'_, 'a> {
    /// An empty value is none.
    fn optional<T>(&self, name: &'static str, parse: fn(&'a str) -> Option<T>) -> Result<Option<T>, Problem> {
        match self.0.iter().rev().find(|(found, _)| *found == name) {
            None | Some((_, "")) => Ok(None),
            Some((_, text)) => parse(text).map(Some).ok_or(Wrong::Malformed(name).into()),
        }
    }

    fn required<T>(&self, name: &'static str, parse: fn(&'a str) -> Option<T>) -> Result<T, Problem> {
        self.optional(name, parse)?.ok_or(Wrong::Missing(name).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        let plain = "token=x&value_coin=1&coin=polygon_usdc&txid_in=0x1&address_out=%7B%7D";
        for query in ["", plain, &plain.replace("coin=p", "%63oin=p"), &format!("{plain}&value=2;x=3&;")] {
            assert_eq!(unambiguous(query), Ok(()), "{query}");
        }
        for more in [
            "value_coin=1000",
            "value_coin=1",
            "value_coin",
            "value%5fcoin=2",
            "value.coin=2",
            "Value_Coin=2",
            "value_coin[]=2",
            "x=1;value_coin=2",
            "value_coin=%00",
            "x;value_coin",
        ] {
            for query in [format!("{more}&{plain}"), format!("{plain}&{more}")] {
                assert_eq!(unambiguous(&query), Err(Wrong::Malformed("value_coin")), "{query}");
            }
        }
        for alone in ["value.coin=1", "VALUE_COIN=1", "value_coin[]=1"] {
            assert_eq!(unambiguous(alone), Err(Wrong::Malformed("value_coin")), "{alone}");
        }
    }
}
