//! What one isolate remembers between requests: the provider list and rates, so that a checkout need not wait for them
//! and does not fail with them, and the states of payments that were asked for.
//!
//! It is a convenience and never the truth: it is lost whenever the platform likes. How what is here came here, and where else
//! it is kept, is in [`crate::handlers::known`].

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
pub const STALE_MS: u64 = 24 * 3_600_000;
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
    Rate(Rate),
}

impl Copied {
    /// The provider list, if it is one.
    #[must_use]
    pub fn into_providers(self) -> Option<Rc<Providers>> {
        if let Self::Providers(list) = self { Some(list) } else { None }
    }

    /// The rate, if it is one.
    #[must_use]
    pub fn into_rate(self) -> Option<Rate> {
        if let Self::Rate(rate) = self { Some(rate) } else { None }
    }
}

/// What is on record about one subject.
#[derive(Debug, Default)]
struct Entry {
    copy: Option<(Copied, Now)>,
    failed: Option<Now>,
    refreshed: Option<Now>,
}

/// Whether less than that many milliseconds passed since then.
fn within(limit: u64, since: Option<Now>, now: Now) -> bool {
    since.is_some_and(|since| now.0.saturating_sub(since.0) < limit)
}

impl Entry {
    fn since(&self) -> Option<Now> {
        self.copy.as_ref().map(|(_, since)| *since)
    }

    fn younger_than(&self, limit: u64, now: Now) -> Option<Copied> {
        self.copy.as_ref().filter(|_| within(limit, self.since(), now)).map(|(copy, _)| copy.clone())
    }

    /// A copy that can be used without asking anybody: where nobody answers, any that is not outdated.
    fn usable(&self, now: Now) -> Option<Copied> {
        self.younger_than(if within(DOWN_MS, self.failed, now) { STALE_MS } else { AGING_MS }, now)
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
    /// A copy that can be used without asking anybody.
    #[must_use]
    pub fn usable(&self, subject: Subject, now: Now) -> Option<Copied> {
        self.look(subject, |entry| entry.usable(now))
    }

    /// A copy that serves where the original cannot be had.
    #[must_use]
    pub fn stale(&self, subject: Subject, now: Now) -> Option<Copied> {
        self.look(subject, |entry| entry.younger_than(STALE_MS, now))
    }

    /// Whether it could not be had a moment ago.
    #[must_use]
    pub fn failed_lately(&self, subject: Subject, now: Now) -> bool {
        self.look(subject, |entry| within(DOWN_MS, entry.failed, now).then_some(())).is_some()
    }

    /// Keeps a copy, unless there is a younger one. Whether that was the first for a while.
    pub fn keep(&self, subject: Subject, copy: Copied, since: Now) -> bool {
        self.change(subject, |entry| {
            let latest = entry.since();
            let copy = match (copy, &entry.copy) {
                (Copied::Rate(rate), Some((Copied::Rate(earlier), _))) => Copied::Rate(rate.after(Some(*earlier))),
                (copy, _) => copy,
            };
            if latest.is_none_or(|latest| latest <= since) {
                (entry.copy, entry.failed) = (Some((copy, since)), None);
            }
            !within(REFRESH_MS, latest, since)
        })
    }

    /// Remembers that it could not be had.
    pub fn note_failure(&self, subject: Subject, now: Now) {
        self.change(subject, |entry| entry.failed = Some(now));
    }

    /// Whether it is time for another copy, which whoever asks has to get.
    #[must_use]
    pub fn claim_refresh(&self, subject: Subject, now: Now) -> bool {
        let is_due = |entry: &Entry| {
            let waits = within(DOWN_MS, entry.failed, now) || within(REFRESH_MS, entry.refreshed, now);
            (entry.copy.is_some() && !waits && !within(FRESH_MS, entry.since(), now)).then_some(())
        };
        let due = self.look(subject, is_due).is_some();
        if due {
            self.change(subject, |entry| entry.refreshed = Some(now));
        }
        due
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

    fn look<T>(&self, subject: Subject, read: impl FnOnce(&Entry) -> Option<T>) -> Option<T> {
        self.entries.borrow().iter().find(|(known, _)| *known == subject).and_then(|(_, entry)| read(entry))
    }

    /// Changes an entry, a new one if there is none. What nobody has a copy of makes room, before what is the oldest.
    fn change<T>(&self, subject: Subject, change: impl FnOnce(&mut Entry) -> T) -> T {
        let mut entries = self.entries.borrow_mut();
        if let Some((_, entry)) = entries.iter_mut().find(|(known, _)| *known == subject) {
            return change(entry);
        }
        if entries.len() >= MAX_SUBJECTS {
            let without_copy = entries.iter().position(|(_, entry)| entry.copy.is_none());
            entries.remove(without_copy.unwrap_or(0));
        }
        let mut entry = Entry::default();
        let result = change(&mut entry);
        entries.push((subject, entry));
        result
    }
}

#[cfg(test)]
mod tests;
