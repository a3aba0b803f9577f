//! What people, the gateway and time can do to a ledger, at random.

use proptest::prelude::*;

use crate::ledger::testing::script::Manner;

/// What somebody does. Numbers of sessions and of reports are taken modulo how many there are.
#[derive(Clone, Debug)]
pub enum Act {
    Create { cents: u64, tolerance_bps: u64, callback: bool, hours: u64 },
    Draft(u8),
    Open(usize),
    Report { session: usize, what: What, is_true: bool },
    Status { session: usize, what: Gateway },
    Price(bool),
    Wallets(bool),
    Merchant(Manner),
    Expire(usize),
    Cancel(usize),
    Wait,
}

/// What is reported.
#[derive(Clone, Debug)]
pub enum What {
    /// So many percent of the amount, in dollars.
    Percent(u64),
    /// The same without naming the payout.
    WithoutPayout(u64),
    /// The same in the native coin.
    Native(u64),
    Again(usize),
    /// What was paid before, under another transaction and without the payout.
    Renamed(usize),
    /// The transactions of another report.
    Elsewhere(usize),
    OtherAddress,
    UnknownCoin,
    Nonsense,
}

/// What the gateway says from now on.
#[derive(Clone, Debug)]
pub enum Gateway {
    Unpaid,
    Failing,
    /// What that report says.
    Reported(usize),
    /// A payment that was not reported, of so many percent.
    Unreported(u64),
}

fn percent() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![100, 100, 100, 99, 60, 40, 150, 1])
}

pub fn act() -> impl Strategy<Value = Act> {
    let number = 0_usize..20;
    let what = prop_oneof![
        6 => percent().prop_map(What::Percent),
        2 => percent().prop_map(What::WithoutPayout),
        2 => percent().prop_map(What::Native),
        2 => number.clone().prop_map(What::Again),
        2 => number.clone().prop_map(What::Renamed),
        2 => number.clone().prop_map(What::Elsewhere),
        1 => Just(What::OtherAddress),
        1 => Just(What::UnknownCoin),
        1 => Just(What::Nonsense),
    ];
    let gateway = prop_oneof![
        Just(Gateway::Unpaid),
        Just(Gateway::Failing),
        number.clone().prop_map(Gateway::Reported),
        percent().prop_map(Gateway::Unreported),
    ];
    let manner = prop::sample::select(vec![
        Manner::Answers(200),
        Manner::Answers(204),
        Manner::Answers(500),
        Manner::Answers(302),
        Manner::Silent,
        Manner::Away,
    ]);
    let create = (1_u64..5000, prop::sample::select(vec![0, 0, 100, 4000]), any::<bool>(), 1_u64..72)
        .prop_map(|(cents, tolerance_bps, callback, hours)| Act::Create { cents, tolerance_bps, callback, hours });
    prop_oneof![
        3 => create,
        2 => (0_u8..3).prop_map(Act::Draft),
        5 => number.clone().prop_map(Act::Open),
        9 => (number.clone(), what, any::<bool>()).prop_map(|(session, what, is_true)| Act::Report { session, what, is_true }),
        4 => (number.clone(), gateway).prop_map(|(session, what)| Act::Status { session, what }),
        1 => any::<bool>().prop_map(Act::Price),
        1 => any::<bool>().prop_map(Act::Wallets),
        2 => manner.prop_map(Act::Merchant),
        1 => number.clone().prop_map(Act::Expire),
        1 => number.prop_map(Act::Cancel),
        3 => Just(Act::Wait),
    ]
}

/// Seconds from one act to the next.
pub fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0_u64..10, 2 => 0_u64..4000, 1 => 0_u64..400_000]
}
