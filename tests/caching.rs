//! What is asked for once: by a hundred at the same time, by one after the other, and by Workers that share the edge's cache. How
//! copies age is tested natively, where a test sets the clock (`src/service/tests/caching.rs`).
mod stage;
mod support;

use livery_sandbox::Fault;
use stage::{MERCHANT, Made, Stage, encode, in_front_of, paths, sandbox, wallet_target};
use std::{collections::BTreeMap, sync::Barrier, thread, time::Duration};
use support::{
    cache::{Cache, Mood},
    client::Answer,
    worker::Worker,
};

const LIST: &str = "/control/provider-status";
const CONVERT: &str = "/control/convert.php";
const STATUS: &str = "/control/payment-status.php";
const WALLET: &str = "/control/wallet.php";
const PAYMENT: &str = "/process-payment.php";
const CROWD: usize = 100;
/// Longer than any answer may take on a busy machine, and shorter than the Worker's time limit for the gateway.
const BOUND: Duration = Duration::from_secs(20);
const SETTINGS: [(&str, &str); 2] = [("ALLOW_UNSIGNED_LINKS", "true"), ("RATE_LIMIT_PER_TOKEN", "0")];

fn checkout(stage: &Stage, provider: &str, amount: &str, currency: &str) -> String {
    let callback = encode(&stage.shop_callback("1"));
    let order = format!("address={MERCHANT}&amount={amount}&currency={currency}&email=j@example.com");
    format!("/checkout?{order}&provider={provider}&callback={callback}")
}

/// Sends all of these at the same time, to a gateway that takes its time over a path. The statuses, and how often it was asked
/// for what.
fn crowd(stage: &Stage, path: &str, targets: &[String]) -> (Vec<u16>, BTreeMap<String, usize>) {
    // Nothing is kept of a wallet: whoever comes after it is there makes another call, on a busy machine too.
    stage.sandbox.fault(path, Fault::Latency(if path == WALLET { 15_000 } else { 1_000 }));
    stage.sandbox.clear_requests();
    let barrier = Barrier::new(targets.len());
    let statuses = thread::scope(|scope| {
        let send = |target: &String| {
            let request = stage.get(target).expect_provider_url();
            barrier.wait();
            request.send().status
        };
        let all: Vec<_> = targets.iter().map(|target| scope.spawn(move || send(target))).collect();
        all.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    stage.sandbox.clear_faults();
    let mut asked = BTreeMap::new();
    stage.asked().into_iter().for_each(|request| *asked.entry(request.path).or_default() += 1);
    (statuses, asked)
}

fn counts(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    expected.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect()
}

#[test]
fn a_hundred_at_once_make_one_call() {
    let stage = Stage::with(&SETTINGS);
    let token = stage.wallet("1").ipn_token;
    let wallet = wallet_target(&stage.shop_callback("2"));
    let targets = [LIST.to_owned(), format!("{CONVERT}?from=EUR&value=25"), format!("{STATUS}?ipn_token={token}"), wallet];
    for (target, path) in targets.iter().zip([LIST, CONVERT, STATUS, WALLET]) {
        let (statuses, asked) = crowd(&stage, path, &vec![target.clone(); CROWD]);
        assert_eq!((statuses, asked), (vec![200; CROWD], counts(&[(path, 1)])), "{target}");
    }
}

#[test]
fn a_hundred_orders_are_a_hundred_wallets() {
    let stage = Stage::with(&SETTINGS);
    let targets: Vec<String> = (0..CROWD).map(|number| wallet_target(&stage.shop_callback(&number.to_string()))).collect();
    assert_eq!(crowd(&stage, LIST, &targets), (vec![200; CROWD], counts(&[(WALLET, CROWD)])));
}

/// Where a customer goes on is theirs alone; all that leads there is shared, for it is the same order.
#[test]
fn a_hundred_checkouts_of_one_order_share_all_but_the_last_step() {
    let stage = Stage::with(&SETTINGS);
    let target = checkout(&stage, "moonpay", "25", "EUR");
    let (statuses, asked) = crowd(&stage, WALLET, &vec![target; CROWD]);
    assert_eq!(statuses, vec![302; CROWD]);
    assert_eq!(asked, counts(&[(LIST, 1), (CONVERT, 1), (WALLET, 1), (PAYMENT, CROWD)]));
}

/// The gateway's calls for a request, sorted: those that are made at the same time come in any order.
fn asked_for(stage: &Stage, target: &str) -> Vec<String> {
    stage.sandbox.clear_requests();
    let answer = stage.get(target).expect_provider_url().send();
    assert!(matches!(answer.status, 200 | 302), "{target}: {}", answer.text());
    let mut asked: Vec<String> = stage.asked().into_iter().map(|request| request.path).collect();
    asked.sort();
    asked
}

#[test]
fn no_path_makes_more_calls_than_it_must() {
    let stage = Stage::with(&SETTINGS);
    let Made { address_in, ipn_token, .. } = stage.wallet("1");
    let payment = format!("{PAYMENT}?address={address_in}&amount=60&currency=EUR&email=a%40b.example&provider=moonpay");
    let (list, euros) = (LIST.to_owned(), format!("{CONVERT}?from=EUR&value=25"));
    let status = format!("{STATUS}?ipn_token={ipn_token}");
    let cold_dollars = checkout(&Stage::with(&SETTINGS), "moonpay", "25", "USD");
    assert_eq!(asked_for(&Stage::with(&SETTINGS), &cold_dollars), [LIST, WALLET, PAYMENT]);
    assert_eq!(asked_for(&stage, &checkout(&stage, "moonpay", "25", "EUR")), [CONVERT, LIST, WALLET, PAYMENT]);
    let none: [&str; 0] = [];
    assert_eq!(asked_for(&stage, &checkout(&stage, "moonpay", "25", "EUR")), [WALLET, PAYMENT]);
    assert_eq!(asked_for(&stage, &list), none);
    assert_eq!(asked_for(&stage, &euros), [CONVERT]);
    assert_eq!(asked_for(&stage, &euros), none);
    assert_eq!(asked_for(&stage, &checkout(&stage, "stripe", "25", "EUR")), [WALLET, PAYMENT]);
    assert_eq!(asked_for(&stage, &wallet_target(&stage.shop_callback("3"))), [WALLET]);
    assert_eq!(asked_for(&stage, &payment), [PAYMENT]);
    stage.sandbox.pay(&address_in, "100").expect("a payment");
    assert_eq!(asked_for(&stage, &status), [STATUS]);
    assert_eq!(asked_for(&stage, &status), none);
}

/// The wallet is asked for while the list and the rate are on their way: until all three have arrived, none is answered.
#[test]
fn a_cold_checkout_asks_for_the_wallet_together_with_the_rest() {
    const PATIENCE: Duration = Duration::from_mins(1);
    let stage = Stage::with(&SETTINGS);
    let target = checkout(&stage, "moonpay", "25", "EUR");
    for path in [LIST, CONVERT, WALLET] {
        stage.sandbox.fault(path, Fault::Latency(8_000));
    }
    thread::scope(|scope| {
        let customer = scope.spawn(|| stage.get(&target).expect_provider_url().send());
        assert!(stage.sandbox.wait_for(|state| state.requests().len() == 3, PATIENCE));
        assert!(!customer.is_finished(), "the first three are all under way");
        assert_eq!(customer.join().expect("an answer").status, 302);
    });
    let asked = stage.asked();
    assert_eq!((asked.len(), asked[3].path.as_str()), (4, PAYMENT));
}

/// Workers that share a gateway and a cache, as isolates in one data centre do, and their cache.
struct DataCentre {
    stage: Stage,
    other: Worker,
    cache: Cache,
}

impl DataCentre {
    /// The Workers' public host has to be the same: it is in the cache's keys.
    fn with(mood: Mood) -> Self {
        let (sandbox, cache) = (sandbox(), Cache::start(mood));
        let settings = in_front_of(&sandbox, &SETTINGS).set("CHECKOUT_DOMAIN", "pay.shop.example").cache(cache.host());
        let worker = Worker::start(&settings);
        Self { stage: Stage { worker, sandbox }, other: Worker::start(&settings), cache }
    }

    /// What the other Worker answers, and what it asks the gateway for.
    fn other(&self, target: &str) -> (Answer, Vec<String>) {
        self.stage.sandbox.clear_requests();
        let answer = self.other.get(target).send();
        let asked = self.stage.asked();
        (answer, paths(&asked).into_iter().map(str::to_owned).collect())
    }
}

#[test]
fn what_one_worker_learned_the_next_finds_at_the_edge() {
    let centre = DataCentre::with(Mood::Well);
    let convert = format!("{CONVERT}?from=EUR&value=25");
    for (number, target) in [LIST, &convert].into_iter().enumerate() {
        let first = centre.stage.get(target).send();
        centre.cache.wait_for(number + 1);
        let (second, asked) = centre.other(target);
        assert_eq!((second.status, second.text(), asked), (200, first.text(), vec![]), "{target}");
    }
    for (url, answer) in centre.cache.kept() {
        assert!(url.starts_with("pay.shop.example/.livery/http%3A%2F%2F127.0.0.1"), "{url}");
        assert!(answer.to_lowercase().contains("cache-control: public, max-age=86400"), "{answer}");
        assert!(!format!("{url}{answer}").contains(MERCHANT));
        let (refused, _) = centre.other(url.trim_start_matches("pay.shop.example"));
        assert_eq!(refused.status, 404, "nobody can ask for it");
    }
    centre.other(LIST);
    assert_eq!(centre.cache.asked().iter().filter(|method| *method == "GET").count(), 4, "once for each Worker and subject");
}

#[test]
fn what_a_hundred_waited_for_is_put_there_once() {
    let centre = DataCentre::with(Mood::Well);
    assert_eq!(crowd(&centre.stage, LIST, &vec![LIST.to_owned(); CROWD]), (vec![200; CROWD], counts(&[(LIST, 1)])));
    assert_eq!(centre.stage.get(&format!("{CONVERT}?from=EUR&value=25")).send().status, 200);
    centre.cache.wait_for(2);
    assert_eq!(centre.cache.asked().iter().filter(|method| *method == "PUT").count(), 2);
}

#[test]
fn a_bad_cache_harms_nothing() {
    let says = |text: &str| Mood::Says(text.as_bytes().to_vec());
    let hit = |headers: &str, body: &str| {
        let length = body.len();
        says(&format!("HTTP/1.1 200 OK\r\nCF-Cache-Status: HIT\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
    };
    let since = "livery-since: 99999999999999\r\n";
    let moods = [
        Mood::Gone,
        Mood::Silent,
        says("no HTTP at all\r\n\r\n"),
        says("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
        hit(since, "<html>"),
        hit(since, "{}"),
        hit(since, r#"{"providers":"none"}"#),
        hit("", r#"{"providers":[]}"#),
        says("HTTP/1.1 200 OK\r\nCF-Cache-Status: HIT\r\nContent-Length: 400000000\r\n\r\n{\"prov"),
    ];
    for mood in moods {
        let centre = DataCentre::with(mood.clone());
        let list = centre.stage.get(LIST).within(BOUND).send();
        assert!(list.status == 200 && list.text().contains("moonpay"), "{mood:?}: {}", list.text());
        let (again, asked) = (centre.stage.get(LIST).within(BOUND).send(), centre.stage.asked());
        assert_eq!((again.text(), paths(&asked)), (list.text(), vec![LIST]), "{mood:?}");
        let target = checkout(&centre.stage, "moonpay", "25", "EUR").replace("127.0.0.1", "shop.example");
        let opened = centre.stage.get(&target).expect_provider_url().within(BOUND).send();
        assert!(matches!(opened.status, 302 | 502), "{mood:?}: {}", opened.text());
    }
}

/// A Worker that has no cache, as on workers.dev or in this harness.
#[test]
fn without_a_cache_nothing_is_amiss() {
    let stage = Stage::with(&SETTINGS);
    assert_eq!(stage.get(LIST).send().status, 200);
    assert_eq!(asked_for(&stage, &checkout(&stage, "moonpay", "25", "EUR")), [CONVERT, WALLET, PAYMENT]);
    let log = stage.worker.log();
    assert!(log.lines().all(|line| line.is_empty() || line.contains("\"outcome\":\"ok\"")), "{log}");
}
