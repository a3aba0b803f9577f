//! Whether a provider can take a payment, and what amount in which currency it is then asked for.
//!
//! One pure decision, made before the gateway is asked. What is not known (no list, no rate, an unknown provider) is no
//! reason to refuse: the gateway has the last word.

use core::fmt;

use rust_decimal::Decimal;

use crate::gateway::providers::Provider;
use crate::money::{Amount, Currency};

/// Providers that take US dollars only: the union of the lists in the gateway's document and in its public clients.
const USD_ONLY: [&str; 7] = ["bitnovo", "paypal", "rampnetwork", "robinhood", "stripe", "transfi", "wert"];

/// The only currency that a provider takes, where it is known to take only one.
#[must_use]
pub fn only_currency(provider: &str) -> Option<Currency> {
    match provider {
        "upi" => Some(Currency::INR),
        "interac" => Some(Currency::CAD),
        _ => USD_ONLY.contains(&provider).then_some(Currency::USD),
    }
}

/// Why a provider cannot take a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The gateway does not offer it at the moment.
    Inactive {
        /// Which.
        provider: String,
    },
    /// It takes one currency only, and this is not it.
    Currency {
        /// Which.
        provider: String,
        /// The currency it takes.
        takes: Currency,
    },
    /// The amount is below its minimum.
    BelowMinimum {
        /// Which.
        provider: String,
        /// Its minimum.
        minimum: Decimal,
        /// The currency of its minimum.
        currency: Currency,
    },
}

impl Refusal {
    /// The parameter to change.
    #[must_use]
    pub const fn param(&self) -> &'static str {
        match self {
            Self::Inactive { .. } => "provider",
            Self::Currency { .. } => "currency",
            Self::BelowMinimum { .. } => "amount",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inactive { provider } => {
                write!(f, "`{provider}` takes no payments at the moment: choose another provider, or leave `provider` away.")
            }
            Self::Currency { provider, takes } => {
                write!(f, "`{provider}` takes {takes} only: give the amount in {takes}, or choose another provider.")
            }
            Self::BelowMinimum { provider, minimum, currency } => {
                write!(
                    f,
                    "The amount is below what `{provider}` takes, {minimum} {currency}: raise it, or choose another provider."
                )
            }
        }
    }
}

/// A payment that a provider is to take.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The provider's id.
    pub provider: String,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

/// Dollars for one unit of a currency, by currency; `None` where the rate is not known.
pub type Rate<'r> = &'r dyn Fn(Currency) -> Option<Decimal>;

impl Payment {
    /// Checks the currency: one that must be something else is refused, all but dollars, which are converted to.
    ///
    /// # Errors
    /// [`Refusal::Currency`].
    pub fn check_currency(&self) -> Result<(), Refusal> {
        match only_currency(&self.provider) {
            Some(takes) if takes != self.currency && takes != Currency::USD => {
                Err(Refusal::Currency { provider: self.provider.clone(), takes })
            }
            _ => Ok(()),
        }
    }

    /// Whether the amount has to be given in dollars although it is not.
    #[must_use]
    pub fn needs_conversion(&self) -> bool {
        self.currency != Currency::USD && only_currency(&self.provider) == Some(Currency::USD)
    }

    /// The currency that the provider is asked for the amount in.
    #[must_use]
    pub fn paid_in(&self) -> Currency {
        if self.needs_conversion() { Currency::USD } else { self.currency }
    }

    /// The currencies whose rates the comparison with the minimum needs, dollars left out.
    #[must_use]
    pub fn rates_needed(&self, listed: Option<&Provider>) -> Vec<Currency> {
        let minimum = listed.and_then(Provider::minimum).map(|(_, currency)| currency);
        let compared = minimum.filter(|currency| *currency != self.paid_in());
        let both = compared.into_iter().chain(compared.map(|_| self.paid_in()));
        both.filter(|currency| *currency != Currency::USD).collect()
    }

    /// Checks the provider's state against its entry in the list, if it has one.
    ///
    /// # Errors
    /// [`Refusal::Inactive`].
    pub fn check_active(&self, listed: Option<&Provider>) -> Result<(), Refusal> {
        match listed {
            Some(listed) if listed.status != "active" => Err(Refusal::Inactive { provider: self.provider.clone() }),
            _ => Ok(()),
        }
    }

    /// Checks the amount against the provider's minimum, if there is one and it can be compared.
    ///
    /// # Errors
    /// [`Refusal::BelowMinimum`].
    pub fn check_minimum(&self, listed: Option<&Provider>, rate: Rate<'_>) -> Result<(), Refusal> {
        let Some(listed) = listed else { return Ok(()) };
        let Some((minimum, currency)) = listed.minimum() else { return Ok(()) };
        let below = if currency == self.currency {
            self.amount.value() < minimum
        } else {
            let dollars = |amount: Decimal, of: Currency| in_dollars(amount, of, rate);
            matches!((dollars(self.amount.value(), self.currency), dollars(minimum, currency)), (Some(amount), Some(minimum)) if amount < minimum)
        };
        if below { Err(Refusal::BelowMinimum { provider: self.provider.clone(), minimum, currency }) } else { Ok(()) }
    }
}

fn in_dollars(amount: Decimal, currency: Currency, rate: Rate<'_>) -> Option<Decimal> {
    if currency == Currency::USD { Some(amount) } else { amount.checked_mul(rate(currency)?) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(status: &str, minimum: &str, currency: &str) -> Provider {
        Provider {
            id: "p".into(),
            provider_name: "P".into(),
            status: status.into(),
            minimum_currency: currency.into(),
            minimum_amount: serde_json::value::RawValue::from_string(minimum.into()).unwrap(),
        }
    }

    fn payment(provider: &str, amount: &str, currency: &str) -> Payment {
        Payment { provider: provider.into(), amount: Amount::parse(amount).unwrap(), currency: currency.parse().unwrap() }
    }

    fn rate(currency: Currency) -> Option<Decimal> {
        (currency.as_str() == "EUR").then(|| Decimal::from_str_exact("1.07427").unwrap())
    }

    #[test]
    fn minimums_are_compared_in_their_own_currency_or_in_dollars() {
        let check = |amount, currency, entry: &Provider| payment("p", amount, currency).check_minimum(Some(entry), &rate).is_ok();
        assert!(check("20", "USD", &listed("active", "20", "USD")));
        assert!(!check("19.99", "USD", &listed("active", "20", "USD")));
        assert!(check("18.62", "EUR", &listed("active", "20", "USD")), "20.0029 dollars");
        assert!(!check("18.61", "EUR", &listed("active", "20", "USD")), "19.9921 dollars");
        assert!(!check("6.44", "USD", &listed("active", "6", "EUR")), "6 euros are 6.44562 dollars");
        assert!(check("1", "SEK", &listed("active", "20", "USD")), "an unknown rate refuses nothing");
    }

    #[test]
    fn only_active_providers_take_payments_and_unknown_ones_pass() {
        for status in ["redirected", "unstable", "", "ACTIVE"] {
            assert!(matches!(
                payment("p", "99", "USD").check_active(Some(&listed(status, "1", "USD"))),
                Err(Refusal::Inactive { .. })
            ));
        }
        assert_eq!(payment("p", "0.01", "USD").check_minimum(None, &rate), Ok(()));
    }

    #[test]
    fn currencies_are_refused_or_converted() {
        assert!(matches!(payment("upi", "1600", "USD").check_currency(), Err(Refusal::Currency { takes: Currency::INR, .. })));
        assert_eq!(payment("interac", "100", "CAD").check_currency(), Ok(()));
        let euros = payment("stripe", "1258.31", "EUR");
        assert_eq!(euros.check_currency(), Ok(()));
        assert!(euros.needs_conversion());
    }

    #[test]
    fn only_the_rates_that_decide_are_asked_for() {
        let names =
            |p: &Payment, entry: Option<&Provider>| p.rates_needed(entry).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(names(&payment("moonpay", "5", "USD"), Some(&listed("active", "20", "USD"))).is_empty());
        assert_eq!(names(&payment("moonpay", "5", "EUR"), Some(&listed("active", "20", "USD"))), ["EUR"]);
        assert_eq!(names(&payment("revolut", "5", "GBP"), Some(&listed("active", "6", "EUR"))), ["EUR", "GBP"]);
        assert!(names(&payment("stripe", "5", "USD"), None).is_empty());
        assert!(names(&payment("stripe", "5", "EUR"), Some(&listed("active", "2", "USD"))).is_empty());
        assert_eq!(names(&payment("stripe", "5", "GBP"), Some(&listed("active", "2", "EUR"))), ["EUR"]);
    }
}
