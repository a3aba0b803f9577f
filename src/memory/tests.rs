//! Copies age, and what is on record has bounds.

use super::*;
use crate::gateway::rates::Conversion;
use crate::money::Amount;
use proptest::prelude::*;

const INR: Subject = Subject::Rate(Currency::INR);

fn rate(exchange_rate: &str, value: &str, value_coin: &str) -> Copied {
    let (status, value_coin, exchange_rate) = ("success".to_owned(), value_coin.to_owned(), exchange_rate.to_owned());
    let told = Conversion { status, value_coin, exchange_rate };
    Copied::Rate(Rc::new(Rate::told_by(told, Amount::parse(value).unwrap()).unwrap()))
}

fn any_rate() -> Copied {
    rate("0.01198", "1", "0.01")
}

#[test]
fn a_copy_is_fresh_then_refreshed_then_of_use_in_need_only() {
    let entry = Entry::default().with(any_rate(), Now(0));
    let seen = |now| (entry.usable(Now(now)).is_some(), entry.is_due(Now(now)));
    assert_eq!(seen(59_999), (true, false));
    assert_eq!(seen(60_000), (true, true));
    assert_eq!(seen(599_999), (true, true));
    assert_eq!(seen(600_000), (false, true));
    let now = Now(STALE_MS - 1);
    assert!(entry.clone().failed(now).usable(now).is_some());
    assert!(entry.clone().failed(now).usable(Now(STALE_MS)).is_none());
    assert!(Entry::default().failed(now).usable(now).is_none());
}

#[test]
fn a_refresh_is_begun_once_for_a_while() {
    let entry = Entry::default().with(any_rate(), Now(0));
    assert!(!entry.clone().refreshed(Now(70_000)).is_due(Now(74_999)));
    assert!(entry.clone().refreshed(Now(70_000)).is_due(Now(75_000)));
    assert!(!entry.clone().failed(Now(70_000)).is_due(Now(99_999)));
    assert!(entry.failed(Now(70_000)).is_due(Now(100_000)));
    assert!(!Entry::default().is_due(Now(0)), "nothing to refresh");
}

#[test]
fn a_failure_is_remembered_for_half_a_minute_or_until_it_is_mended() {
    let failed = Entry::default().failed(Now(5));
    assert!(failed.failed_lately(Now(30_004)) && !failed.failed_lately(Now(30_005)));
    assert!(!failed.with(any_rate(), Now(6)).failed_lately(Now(6)));
}

#[test]
fn a_younger_copy_stays() {
    let entry = Entry::default().with(any_rate(), Now(100)).with(rate("0.01199", "1", "0.01"), Now(99));
    let rate = entry.usable(Now(100)).and_then(Copied::into_rate).unwrap();
    assert_eq!(rate.dollars.to_string(), "0.01198");
}

#[test]
fn made_up_currencies_take_no_rates_place() {
    let memory = Memory::default();
    memory.put(INR, Entry::default().with(any_rate(), Now(0)));
    for number in 0..10 * 676_u32 {
        let letter = |n: u32| char::from(b'A' + u8::try_from(n % 26).unwrap());
        let currency: String = [letter(number), letter(number / 26), letter(number / 676)].iter().collect();
        memory.put(Subject::Rate(currency.parse().unwrap()), Entry::default().failed(Now(0)));
    }
    assert_eq!(memory.entries.borrow().len(), MAX_SUBJECTS);
    assert!(memory.entry(INR).usable(Now(0)).is_some());
}

#[test]
fn payments_are_paid_for_good_and_unpaid_for_a_while() {
    let memory = Memory::default();
    memory.keep_payment("a".into(), "unpaid".into(), false, Now(0));
    assert_eq!(memory.payment("a", Now(4_999)).as_deref(), Some("unpaid"));
    assert_eq!(memory.payment("a", Now(5_000)), None);
    assert_eq!(memory.payment("b", Now(0)), None);
    memory.keep_payment("a".into(), "paid".into(), true, Now(1));
    assert_eq!(memory.payment("a", Now(u64::MAX - 1)).as_deref(), Some("paid"));
    memory.keep_payment("long".into(), "x".repeat(MAX_PAYMENT), true, Now(0));
    assert_eq!(memory.payment("long", Now(0)), None);
}

#[test]
fn the_oldest_payment_makes_room() {
    let memory = Memory::default();
    for number in 0..=MAX_PAYMENTS {
        memory.keep_payment(number.to_string(), "paid".into(), true, Now(0));
    }
    assert_eq!(memory.payments.borrow().len(), MAX_PAYMENTS);
    assert!(memory.payment("0", Now(0)).is_none() && memory.payment("1", Now(0)).is_some());
}

proptest! {
    /// A clock that jumps, forwards and back, neither panics nor lets anything live for ever.
    #[test]
    fn any_clock(steps in prop::collection::vec((any::<u64>(), 0..4_u8), 0..20), last in 0..u64::MAX / 2) {
        let mut entry = Entry::default();
        for (now, what) in steps {
            let now = Now(now);
            entry = match what {
                0 => entry.with(any_rate(), now),
                1 => entry.failed(now),
                2 => entry.refreshed(now),
                _ => { let _ = (entry.is_due(now), entry.is_news(now)); entry }
            };
        }
        let _ = entry.with(any_rate(), Now(last)).usable(Now(last.saturating_add(STALE_MS))).is_some();
    }
}
