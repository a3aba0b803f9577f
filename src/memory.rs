//! What one isolate remembers between requests: the provider list and rates, so that a checkout need not wait for them
//! and does not fail with them, and the states of payments that were asked for.
//!
//! It is a convenience and never the truth: it is lost whenever the platform likes. How what is here came here, and where else
//! it is kept, is in [`crate::known`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::gateway::providers::Providers;
use crate::gateway::rates::Rate;
use crate::http::Now;
use crate::money::Currency;

/// How long a copy is as good as the original, in milliseconds.
const FRESH_MS: u64 = 60_000;
/// How long a copy is used though another is on its way, in milliseconds.
const AGING_MS: u64 = 600_000;
/// How long a copy serves where the original cannot be had, in milliseconds.
const STALE_MS: u64 = 24 * 3_600_000;
/// How long we do without what could not be had, in milliseconds: the next customer need not wait for the same time limit.
const DOWN_MS: u64 = 30_000;
/// How long it takes until a refresh that brought nothing is begun again, in milliseconds.
const REFRESH_MS: u64 = 5_000;
/// How long the edge's cache is left alone after it failed, in milliseconds.
const EDGE_DOWN_MS: u64 = 60_000;
/// How long a payment is taken for unpaid after the gateway said so, in milliseconds. Until then nobody asks it again.
const UNPAID_MS: u64 = 5_000;

/// Most subjects on record. There are fewer currencies than this.
const MAX_SUBJECTS: usize = 256;
/// Most payments on record.
const MAX_PAYMENTS: usize = 512;
/// Longest token and answer that are kept, together, in bytes: they are a few hundred.
const MAX_PAYMENT: usize = 2048;

/// What a copy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The provider list.
    Providers,
    /// The rate of a currency.
    Rate(Currency),
}

/// A copy.
#[derive(Clone, Debug)]
pub enum Copied {
    /// Of the provider list.
    Providers(Rc<Providers>),
    /// Of a rate.
    Rate(Rc<Rate>),
}

impl Copied {
    /// The provider list, if it is one.
    #[must_use]
    pub fn into_providers(self) -> Option<Rc<Providers>> {
        if let Self::Providers(list) = self { Some(list) } else { None }
    }

    /// The rate, if it is one.
    #[must_use]
    pub fn into_rate(self) -> Option<Rc<Rate>> {
        if let Self::Rate(rate) = self { Some(rate) } else { None }
    }
}

/// What is on record about one subject.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    copy: Option<Copied>,
    since: Option<Now>,
    failed: Option<Now>,
    doubted: Option<Now>,
    refreshed: Option<Now>,
}

/// Whether less than that many milliseconds passed since then.
fn within(limit: u64, since: Option<Now>, now: Now) -> bool {
    since.is_some_and(|since| now.0.saturating_sub(since.0) < limit)
}

impl Entry {
    /// A copy that can be used without asking anybody: where nobody answers, any that is not outdated.
    #[must_use]
    pub fn usable(&self, now: Now) -> Option<Copied> {
        let limit = if self.failed_lately(now) { STALE_MS } else { AGING_MS };
        self.copy.clone().filter(|_| within(limit, self.since, now))
    }

    /// Whether it could not be had a moment ago.
    #[must_use]
    pub fn failed_lately(&self, now: Now) -> bool {
        within(DOWN_MS, self.failed, now)
    }

    /// Whether somebody asked in vain a moment ago, be it for an amount of their own: nothing should be prepared that needs it.
    #[must_use]
    pub fn is_doubtful(&self, now: Now) -> bool {
        self.failed_lately(now) || within(DOWN_MS, self.doubted, now)
    }

    /// Whether it is time for another copy.
    #[must_use]
    pub fn is_due(&self, now: Now) -> bool {
        let waits = self.failed_lately(now) || within(REFRESH_MS, self.refreshed, now);
        self.copy.is_some() && !waits && !within(FRESH_MS, self.since, now)
    }

    /// Whether the copy was made a moment ago.
    #[must_use]
    pub fn is_news(&self, now: Now) -> bool {
        within(REFRESH_MS, self.since, now)
    }

    /// The same with a copy that was made then, unless there is a younger one.
    #[must_use]
    pub fn with(self, copy: Copied, since: Now) -> Self {
        let copy = match (copy, &self.copy) {
            _ if self.since > Some(since) => return self,
            (Copied::Rate(rate), Some(Copied::Rate(earlier))) => Copied::Rate(rate.after(earlier)),
            (copy, _) => copy,
        };
        Self { copy: Some(copy), since: Some(since), failed: None, doubted: None, ..self }
    }

    /// The same, and it could not be had.
    #[must_use]
    pub fn failed(self, now: Now) -> Self {
        Self { failed: Some(now), ..self }
    }

    /// The same, and it could not be had for one amount, which says nothing about the rate itself.
    #[must_use]
    pub fn doubted(self, now: Now) -> Self {
        Self { doubted: Some(now), ..self }
    }

    /// The same, and another copy is on its way.
    #[must_use]
    pub fn refreshed(self, now: Now) -> Self {
        Self { refreshed: Some(now), ..self }
    }
}

/// A payment whose state was asked for.
#[derive(Debug)]
struct Payment {
    token: String,
    answer: String,
    until: Now,
}

/// The copies of one isolate.
#[derive(Debug, Default)]
pub struct Memory {
    entries: RefCell<Vec<(Subject, Entry)>>,
    payments: RefCell<Vec<Payment>>,
    edge_failed: Cell<Option<Now>>,
}

impl Memory {
    /// What is on record about a subject.
    #[must_use]
    pub fn entry(&self, subject: Subject) -> Entry {
        let entries = self.entries.borrow();
        entries.iter().find(|(known, _)| *known == subject).map(|(_, entry)| entry.clone()).unwrap_or_default()
    }

    /// Puts on record what is known about a subject. What nobody has a copy of makes room for it, before what is the oldest.
    pub fn put(&self, subject: Subject, entry: Entry) {
        let mut entries = self.entries.borrow_mut();
        let is_full = entries.len() >= MAX_SUBJECTS;
        let own = entries.iter().position(|(known, _)| *known == subject);
        let empty = || entries.iter().position(|(_, entry)| entry.copy.is_none());
        if let Some(place) = own.or_else(|| is_full.then(|| empty().unwrap_or(0))) {
            entries.remove(place);
        }
        entries.push((subject, entry));
    }

    /// Remembers that the edge's cache failed.
    pub fn note_edge_failure(&self, now: Now) {
        self.edge_failed.set(Some(now));
    }

    /// Whether the edge's cache failed a moment ago.
    #[must_use]
    pub fn edge_failed_lately(&self, now: Now) -> bool {
        within(EDGE_DOWN_MS, self.edge_failed.get(), now)
    }

    /// The answer about the payment of this token, as long as it is good.
    #[must_use]
    pub fn payment(&self, token: &str, now: Now) -> Option<String> {
        let payments = self.payments.borrow();
        payments.iter().find(|kept| kept.token == token && now < kept.until).map(|kept| kept.answer.clone())
    }

    /// Keeps the answer about a payment: for good if it is final, otherwise for a few seconds.
    pub fn keep_payment(&self, token: String, answer: String, is_final: bool, now: Now) {
        if token.len() + answer.len() > MAX_PAYMENT {
            return;
        }
        let mut payments = self.payments.borrow_mut();
        payments.retain(|kept| now < kept.until && kept.token != token);
        if payments.len() >= MAX_PAYMENTS {
            payments.remove(0);
        }
        let until = if is_final { Now(u64::MAX) } else { Now(now.0.saturating_add(UNPAID_MS)) };
        payments.push(Payment { token, answer, until });
    }
}

#[cfg(test)]
mod tests;
