//! What one isolate remembers between requests: the provider list and rates, so that a checkout need not wait for them
//! and does not fail with them.
//!
//! It is a convenience and never the truth: it is lost whenever the platform likes, and nothing about a payment is in it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rust_decimal::Decimal;

use crate::gateway::providers::Providers;
use crate::http::Now;
use crate::money::Currency;

/// How long a copy is as good as the original, in milliseconds.
const FRESH_MS: u64 = 60_000;
/// How long a copy serves where the original cannot be had, in milliseconds.
const STALE_MS: u64 = 24 * 3_600_000;

/// How long a checkout does without a list that could not be had, in milliseconds: the next customer need not wait for
/// the same time limit.
const DOWN_MS: u64 = 30_000;

/// A copy and when it was made.
#[derive(Clone, Debug)]
struct Kept<T> {
    value: T,
    since: Now,
}

impl<T: Clone> Kept<T> {
    fn within(&self, now: Now, limit: u64) -> Option<T> {
        (now.0.saturating_sub(self.since.0) < limit).then(|| self.value.clone())
    }
}

/// How old a copy may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// A minute.
    Fresh,
    /// A day: better than nothing when the gateway fails.
    Stale,
}

impl Age {
    const fn limit(self) -> u64 {
        match self {
            Self::Fresh => FRESH_MS,
            Self::Stale => STALE_MS,
        }
    }
}

/// The copies of one isolate.
#[derive(Debug, Default)]
pub struct Memory {
    providers: RefCell<Option<Kept<Rc<Providers>>>>,
    failed: Cell<Option<Now>>,
    rates: RefCell<Vec<(Currency, Kept<Decimal>)>>,
}

impl Memory {
    /// The provider list, if there is a copy of that age.
    #[must_use]
    pub fn providers(&self, now: Now, age: Age) -> Option<Rc<Providers>> {
        self.providers.borrow().as_ref()?.within(now, age.limit())
    }

    /// Keeps a provider list.
    pub fn keep_providers(&self, providers: Rc<Providers>, now: Now) {
        *self.providers.borrow_mut() = Some(Kept { value: providers, since: now });
    }

    /// Remembers that the list could not be had.
    pub fn note_failure(&self, now: Now) {
        self.failed.set(Some(now));
    }

    /// Whether the list could not be had a moment ago.
    #[must_use]
    pub fn failed_lately(&self, now: Now) -> bool {
        self.failed.get().is_some_and(|since| now.0.saturating_sub(since.0) < DOWN_MS)
    }

    /// Dollars for one unit of a currency, if there is a copy of that age.
    #[must_use]
    pub fn rate(&self, currency: Currency, now: Now, age: Age) -> Option<Decimal> {
        self.rates.borrow().iter().find(|(kept, _)| *kept == currency)?.1.within(now, age.limit())
    }

    /// Keeps a rate. Only rates that the gateway gave get here, so there are no more of them than currencies.
    pub fn keep_rate(&self, currency: Currency, rate: Decimal, now: Now) {
        let mut rates = self.rates.borrow_mut();
        rates.retain(|(kept, _)| *kept != currency);
        rates.push((currency, Kept { value: rate, since: now }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_age() {
        let memory = Memory::default();
        memory.keep_rate(Currency::INR, Decimal::ONE, Now(0));
        assert_eq!(memory.rate(Currency::INR, Now(59_999), Age::Fresh), Some(Decimal::ONE));
        assert_eq!(memory.rate(Currency::INR, Now(60_000), Age::Fresh), None);
        assert_eq!(memory.rate(Currency::INR, Now(60_000), Age::Stale), Some(Decimal::ONE));
        assert_eq!(memory.rate(Currency::INR, Now(STALE_MS), Age::Stale), None);
        assert_eq!(memory.rate(Currency::CAD, Now(0), Age::Stale), None);
        assert!(memory.providers(Now(0), Age::Stale).is_none());
        memory.note_failure(Now(5));
        assert!(memory.failed_lately(Now(30_004)) && !memory.failed_lately(Now(30_005)));
    }
}
