//! Endpoints that do as they like, in any order, and a machine that is lost at any moment: what is owed arrives all the same, on the
//! published schedule, and nothing is sent that should not be.

use proptest::prelude::*;
use serde_json::json;

use super::webhook_watch::Watch;
use crate::http::Method;
use crate::ledger::testing::script::Manner;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// What happens. Numbers of endpoints and deliveries are taken modulo how many there are.
#[derive(Clone, Debug)]
enum Act {
    /// Something happens that is told.
    Session,
    /// An endpoint behaves so from now on.
    Behaves(usize, Manner),
    /// All who do not take something ask for so many seconds from now on.
    Asks(Option<u64>),
    Create(usize),
    Status(usize, &'static str),
    Delete(usize),
    Rotate(usize, u64),
    Test(usize),
    Retry(usize),
    Replay(usize, &'static str),
    /// Something in the air goes on.
    Step(usize),
    /// The machine is lost with all that is in the air; what was sent may have arrived.
    Crash,
    /// The clock jumps, and the alarm goes off once if it should.
    Jump(u64),
    /// Seconds pass as they should.
    Wait(u64),
}

fn manner() -> impl Strategy<Value = Manner> {
    let answers = |status| Just(Manner::Answers(status));
    prop_oneof![
        5 => answers(200), 1 => answers(204), 3 => answers(500), 1 => answers(302), 1 => answers(410), 2 => Just(Manner::Silent),
        2 => Just(Manner::Away)
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let number = || 0_usize..6;
    let seconds = || prop_oneof![3 => 0_u64..20, 3 => 0..2 * HOUR, 1 => 0..DAY];
    let status = prop::sample::select(vec!["enabled", "enabled", "paused", "disabled"]);
    prop_oneof![
        8 => Just(Act::Session),
        7 => (number(), manner()).prop_map(|(endpoint, manner)| Act::Behaves(endpoint, manner)),
        1 => prop::option::of(prop_oneof![0..HOUR, 0..3 * DAY]).prop_map(Act::Asks),
        1 => number().prop_map(Act::Create),
        4 => (number(), status).prop_map(|(endpoint, status)| Act::Status(endpoint, status)),
        1 => number().prop_map(Act::Delete),
        2 => (number(), 0..2 * DAY).prop_map(|(endpoint, overlap)| Act::Rotate(endpoint, overlap)),
        2 => number().prop_map(Act::Test),
        2 => (0_usize..50).prop_map(Act::Retry),
        1 => (number(), prop::sample::select(vec!["failed", "all"])).prop_map(|(endpoint, which)| Act::Replay(endpoint, which)),
        20 => (0_usize..9).prop_map(Act::Step),
        2 => Just(Act::Crash),
        6 => seconds().prop_map(Act::Jump),
        5 => seconds().prop_map(Act::Wait),
    ]
}

fn happens(watch: &mut Watch, act: &Act) {
    match act {
        Act::Session => watch.post("checkout-sessions", &json!({"amount": "5", "currency": "USD"})),
        Act::Behaves(endpoint, manner) => {
            let host = watch.host(*endpoint);
            watch.world.script.endpoints.borrow_mut().insert(host, *manner);
        }
        Act::Asks(seconds) => watch.asks(*seconds),
        Act::Create(kind) => watch.create(*kind),
        Act::Status(endpoint, status) => {
            let path = watch.path(*endpoint);
            watch.request(Method::Patch, &path, &json!({"status": status}));
        }
        Act::Delete(endpoint) => watch.delete(*endpoint),
        Act::Rotate(endpoint, overlap) => watch.rotate(*endpoint, *overlap),
        Act::Test(endpoint) => watch.post(&format!("{}/test", watch.path(*endpoint)), &json!({})),
        Act::Retry(delivery) => watch.retry(*delivery),
        Act::Replay(endpoint, which) => watch.replay(*endpoint, which),
        Act::Step(which) => drop(watch.step(*which)),
        Act::Crash => watch.crash(),
        Act::Jump(seconds) => watch.jump(*seconds),
        Act::Wait(seconds) => watch.wait(*seconds),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn what_is_owed_arrives_on_time_whatever_comes_when(acts in prop::collection::vec(act(), 1..120)) {
        let mut watch = Watch::new();
        for kind in 0..3 {
            watch.create(kind);
        }
        for act in &acts {
            happens(&mut watch, act);
        }
        // The storm is over, and everybody takes everything.
        watch.world.script.endpoints.borrow_mut().clear();
        watch.asks(None);
        for endpoint in 0..watch.count() {
            let path = watch.path(endpoint);
            watch.request(Method::Patch, &path, &json!({"status": "enabled"}));
        }
        watch.wait(5 * DAY);
        prop_assert_eq!(watch.missed(false), Vec::<String>::new(), "what was owed did not arrive and was not given up");
        for endpoint in 0..watch.count() {
            watch.replay(endpoint, "failed");
        }
        watch.wait(HOUR);
        prop_assert_eq!(watch.missed(true), Vec::<String>::new(), "what is wanted did not arrive when it was replayed");
        prop_assert_eq!(watch.world.database().select("SELECT count(*) FROM tasks WHERE kind = 'webhook'"), [["0"]]);
    }
}
