use super::*;
use crate::country::Country;
use crate::http::{Method, RequestBody};
use crate::testing::config;
use proptest::prelude::*;
use std::collections::HashMap;

const START: u64 = 1_700_000_000_000;
const MINUTE: u64 = 60_000;

type Table = Debts<ROOM>;

fn granted(debts: &mut Table, quota: u32, key: u64, at: u64) -> bool {
    debts.grant(Quota(quota), key, Now(START + at)).is_none()
}

#[test]
fn a_minutes_quota_at_once_and_then_one_by_one() {
    let mut debts = Table::default();
    assert!((0..5).all(|_| granted(&mut debts, 5, 1, 0)));
    assert_eq!(debts.grant(Quota(5), 1, Now(START)), Some(12));
    assert_eq!(debts.grant(Quota(5), 1, Now(START + 11_001)), Some(1));
    assert!(granted(&mut debts, 5, 2, 0), "others are not concerned");
    assert!(granted(&mut debts, 5, 1, 12_000) && !granted(&mut debts, 5, 1, 12_000));
    assert!((0..5).all(|_| granted(&mut debts, 5, 1, 12_000 + MINUTE)), "after a minute all of it is back");
    assert!(!granted(&mut debts, 5, 1, 12_000 + MINUTE));
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let mut debts = Table::default();
    assert!((0..3).all(|_| granted(&mut debts, 3, 1, 3_600_000)));
    assert_eq!(debts.grant(Quota(3), 1, Now(START)), Some(20));
    assert!(granted(&mut Table::default(), 3, 1, u64::MAX - START));
}

#[test]
fn what_owes_nothing_is_overwritten() {
    let mut debts = Table::default();
    assert!((0..50).all(|key| granted(&mut debts, 60, key, key)));
    assert!((100..126).all(|key| granted(&mut debts, 60, key, 1_025)));
    assert_eq!(debts.0.len(), 50, "a second pays for one of sixty, and 26 of fifty had that");
    assert!(granted(&mut debts, 60, 200, 1_025));
    assert_eq!(debts.0.len(), 51);
}

/// The attack: after his own quota is used up, somebody floods the table from many addresses.
#[test]
fn many_addresses_neither_lift_a_limit_nor_lock_others_out() {
    let (quota, attackers) = (20, ROOM as u64);
    let mut debts = Table::default();
    assert!((0..quota).all(|_| granted(&mut debts, quota, 0, 0)) && !granted(&mut debts, quota, 0, 0));
    let mut flood = 0;
    for key in 1..=10 * attackers {
        flood += u64::from(granted(&mut debts, quota, key, 0));
        assert!(debts.0.len() <= ROOM);
    }
    assert_eq!(flood, 10 * attackers, "half a quota of each place");
    assert!(!granted(&mut debts, quota, 0, 0), "the first is remembered");
    assert!(granted(&mut debts, quota, u64::MAX, 0), "a customer who comes now is served");
    let more = (0..1_000_000).take_while(|n| granted(&mut debts, quota, 1_000_000 + n, 0)).count() as u64;
    let all = u64::from(quota) + flood + 1 + more;
    assert_eq!(all, u64::from(quota) * attackers, "newcomers are refused once every place has granted its quota, not before");
    assert!((0..2).all(|key| !granted(&mut debts, quota, 7_000_000 + key, 0)), "and nobody is without limit then");
    assert!(granted(&mut debts, quota, 8_000_000, 3_000), "until something is paid off");
}

#[test]
fn one_network_is_one_client() {
    let same =
        [("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"), ("2001:DB8:0:0::1", "2001:db8::2"), ("192.0.2.1", "192.0.2.1")];
    for (one, other) in same {
        assert_eq!(network(one), network(other));
    }
    for (one, other) in [("2001:db8:1:2::1", "2001:db8:1:3::1"), ("192.0.2.1", "192.0.2.2"), ("::1", "0.0.0.0"), ("", "x")] {
        assert_ne!(network(one), network(other));
    }
}

#[test]
fn quotas_are_whole_numbers_up_to_a_million() {
    assert_eq!([Quota::parse("0"), Quota::parse("1000000")], [Ok(Quota(0)), Ok(Quota(1_000_000))]);
    for text in ["-1", "1000001", "1.5", "many", "5/min", "99999999999999999999", "0x10", " 5"] {
        assert!(Quota::parse(text).is_err(), "{text}");
    }
}

/// How often one of two quotas lets a request from that address, or for that payment, pass at the same moment.
fn passes(settings: &[(&str, &str)], headers: &Vec<(String, String)>, status_url: Option<&str>) -> usize {
    let (config, limits) = (config(settings), Limits::default());
    let request = Request {
        method: Method::Get,
        path: "/control/convert.php",
        query: "",
        headers,
        country: Country::UNKNOWN,
        body: RequestBody::Whole(Vec::new()),
        now: Now(START),
        entropy: [0; 16],
    };
    (0..50).take_while(|_| limits.admit(&config, &request, status_url).is_ok()).count()
}

#[test]
fn only_what_is_known_is_counted() {
    let from = vec![("cf-connecting-ip".to_owned(), "192.0.2.1".to_owned())];
    let quotas = [("RATE_LIMIT_PER_CLIENT", "7"), ("RATE_LIMIT_PER_TOKEN", "3")];
    let off = [("RATE_LIMIT_PER_CLIENT", "0"), ("RATE_LIMIT_PER_TOKEN", "0")];
    assert_eq!(passes(&quotas, &from, None), 7);
    assert_eq!(passes(&quotas, &from, Some("u")), 3);
    assert_eq!(passes(&quotas, &Vec::new(), Some("u")), 3);
    assert_eq!(passes(&quotas, &Vec::new(), None), 50, "no address, no client");
    assert_eq!(passes(&off, &from, Some("u")), 50);
    assert_eq!(passes(&[], &from, Some("u")), 12);
}

#[test]
fn the_fields_are_those_of_the_draft() {
    let fields =
        |subject| Exceeded { subject, quota: Quota(20), wait: 3 }.fields().map(|(name, value)| format!("{name}: {value}"));
    assert_eq!(fields(Subject::Client), [r#"ratelimit-policy: "client";q=20;w=60"#, r#"ratelimit: "client";r=0;t=3"#]);
    assert_eq!(fields(Subject::Token), [r#"ratelimit-policy: "token";q=20;w=60"#, r#"ratelimit: "token";r=0;t=3"#]);
}

/// The same rule without a bound on memory, in whole numbers: what is left of each key's quota, and since when.
#[derive(Default)]
struct Bucket(HashMap<u64, (u64, u64)>);

impl Bucket {
    fn grant(&mut self, quota: u64, key: u64, now: u64) -> bool {
        let full = quota * COST;
        let (left, since) = self.0.get(&key).copied().unwrap_or((full, now));
        let left = (left + (now - since) * quota).min(full);
        let is_granted = left >= COST;
        self.0.insert(key, (if is_granted { left - COST } else { left }, now));
        is_granted
    }
}

/// That no span of time between two of these moments has more of them than the quota and what comes back meanwhile.
fn check_spans(times: &[u64], quota: u64) -> Result<(), TestCaseError> {
    for (first, from) in times.iter().enumerate() {
        for (last, to) in times.iter().enumerate().skip(first) {
            let in_span = (last - first + 1) as u64;
            prop_assert!(in_span <= quota + (to - from) * quota / MINUTE, "{in_span} from {from} to {to}");
        }
    }
    Ok(())
}

proptest! {
    /// Never more than the quota and what comes back meanwhile, in any span of time; and what is said about waiting is true.
    #[test]
    fn no_span_has_more_than_its_share(quota in 1..40_u64, gaps in prop::collection::vec(0..9_000_u64, 1..300)) {
        let (mut debts, mut at, mut times) = (Table::default(), START, Vec::new());
        let limit = Quota(u32::try_from(quota).unwrap());
        for gap in gaps {
            at += gap;
            match debts.grant(limit, 1, Now(at)) {
                None => times.push(at),
                Some(wait) => {
                    prop_assert!(wait >= 1 && u64::from(wait) <= MINUTE.div_ceil(quota).div_ceil(1000));
                    let mut later = Debts::<ROOM>(debts.0.iter().map(|debt| Debt { ..*debt }).collect());
                    prop_assert_eq!(later.grant(limit, 1, Now(at + u64::from(wait) * 1000)), None);
                }
            }
        }
        check_spans(&times, quota)?;
    }

    /// With room for all it is exactly a bucket that holds a minute's quota and is filled steadily.
    #[test]
    fn it_is_a_bucket(quota in 1..30_u64, asked in prop::collection::vec((0..4_u64, 0..5_000_u64), 1..300)) {
        let (mut debts, mut bucket, mut at) = (Table::default(), Bucket::default(), START);
        for (key, gap) in asked {
            at += gap;
            let is_granted = debts.grant(Quota(u32::try_from(quota).unwrap()), key, Now(at)).is_none();
            prop_assert_eq!(is_granted, bucket.grant(quota, key, at));
        }
    }

    /// Nor does a table that is always full lift a limit, whoever floods it.
    #[test]
    fn a_full_table_lifts_no_limit(
        quota in 1..10_u64,
        asked in prop::collection::vec((prop_oneof![0..3_u64, 0..1_000_u64], 0..200_u64), 1..400),
    ) {
        let (mut debts, mut at, mut times) = (Debts::<8>::default(), START, HashMap::<u64, Vec<u64>>::new());
        for (key, gap) in asked {
            at += gap;
            if debts.grant(Quota(u32::try_from(quota).unwrap()), key, Now(at)).is_none() {
                times.entry(key).or_default().push(at);
            }
            prop_assert!(debts.0.len() <= 8);
        }
        for times in times.values() {
            check_spans(times, quota)?;
        }
    }
}
