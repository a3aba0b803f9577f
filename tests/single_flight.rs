//! What several ask for at the same time, the gateway is asked for once; and nobody depends on whoever happened to be first:
//! if they leave, the others are served all the same.
//!
//! Here requests wait for one another inside the runtime, which serves each by itself: what is resolved across that border has
//! to run on as the request that waited for it. In JavaScript that V8 has optimised this went wrong after some three thousand
//! requests and not before, so the crowds here are larger.
mod stage;
mod support;

use livery_sandbox::Fault;
use stage::{MERCHANT, Made, Stage, assert_error, wallet_target};
use std::{
    collections::BTreeMap,
    io::{self, BufReader, Write as _},
    net::TcpStream,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};
use support::{
    client::Answer,
    config::Settings,
    gate::Gate,
    raw_gateway::{RawGateway, Reply},
    worker::Worker,
};

/// Customers at once.
const CROWD: usize = 40;
/// Longer than any of this may take on a busy machine, and shorter than the Worker's own time limit.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many wait for one who leaves, or fails.
const FOLLOWERS: usize = 20;

const UNLIMITED: &[(&str, &str)] = &[("RATE_LIMIT_PER_CLIENT", "0"), ("ALLOW_UNSIGNED_LINKS", "true")];
const WALLET: &str = "/control/wallet.php";

/// A customer whose connection stays open.
struct Customer {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Customer {
    fn of(worker: &Worker) -> Self {
        let stream = TcpStream::connect(worker.host()).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream.set_nodelay(true).expect("a socket");
        Self { host: worker.host(), stream: BufReader::new(stream) }
    }

    fn ask(&mut self, target: &str) {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.get_mut().write_all(request.as_bytes()).expect("a connection that stays");
    }

    fn hear(&mut self) -> Answer {
        Answer::read(&mut self.stream, false).expect("an answer in time")
    }

    /// Leaves with a reset, which the runtime notices: the answer to another request lies there unread.
    fn asking_and_deaf(worker: &Worker, target: &str) -> Self {
        let mut customer = Self::of(worker);
        customer.ask("/healthz");
        assert_ne!(customer.stream.get_ref().peek(&mut [0]).expect("an answer"), 0);
        customer.ask(target);
        customer
    }
}

/// The orders' wallets as one customer after another is told of them. All are told the same; only an `address_in` is new in
/// each of the gateway's replies.
#[derive(Default)]
struct Told(Mutex<BTreeMap<String, String>>);

impl Told {
    fn check(&self, order: &str, answer: &Answer) {
        let made = Made::from(answer);
        assert!(made.callback_url.ends_with(&format!("number={order}")), "{order} was told {made:?}");
        let said = format!("{} {}", made.polygon_address_in, made.ipn_token);
        let mut told = self.0.lock().expect("what was told");
        assert_eq!(told.entry(order.to_owned()).or_insert_with(|| said.clone()), &said, "{order}");
    }

    /// Panics if two orders were given one wallet.
    fn assert_distinct(&self, orders: usize) {
        let told = self.0.lock().expect("what was told");
        let wallets: std::collections::BTreeSet<_> = told.values().collect();
        assert_eq!((told.len(), wallets.len()), (orders, orders));
    }
}

/// A crowd, each of whom asks so many times for one of these targets after another, and checks each answer. Gives how often the
/// gateway was asked for a wallet.
fn crowd(stage: &Stage, times: usize, targets: &[String], check: impl Fn(usize, &Answer) + Sync) -> usize {
    let customer = |number: usize| {
        let mut customer = Customer::of(&stage.worker);
        for time in 0..times {
            let which = (number + time) % targets.len();
            customer.ask(&targets[which]);
            check(which, &customer.hear());
        }
    };
    thread::scope(|scope| {
        let customers: Vec<_> = (0..CROWD).map(|number| scope.spawn(move || customer(number))).collect();
        for customer in customers {
            customer.join().expect("a customer served as promised");
        }
    });
    let log = stage.worker.log();
    assert_eq!(log.lines().find(|line| !line.contains(r#""outcome":"ok""#)), None);
    let asked = stage.asked().iter().filter(|request| request.path == WALLET).count();
    println!("{asked} wallets created for {} requests", CROWD * times);
    asked
}

/// A crowd that asks for the wallets of so many orders; how often the gateway was asked.
fn crowd_for_wallets(times: usize, orders: usize) -> usize {
    let stage = Stage::with(UNLIMITED);
    let (told, shop) = (Told::default(), stage.shop_callback(""));
    let targets: Vec<String> = (0..orders).map(|order| wallet_target(&format!("{shop}{order}"))).collect();
    let asked = crowd(&stage, times, &targets, |order, answer| told.check(&order.to_string(), answer));
    told.assert_distinct(orders);
    asked
}

#[test]
fn thousands_who_ask_for_the_same_are_told_by_few_calls() {
    let asked = crowd_for_wallets(800, 1);
    assert!(asked * 4 < CROWD * 800, "{asked} calls");
}

#[test]
fn thousands_who_ask_for_different_things_are_each_told_their_own() {
    let asked = crowd_for_wallets(200, 7);
    assert!(asked < CROWD * 200, "nobody shared a call");
}

/// After what they share, each makes a call of their own: only their own request may make it.
#[test]
fn thousands_go_on_by_themselves_after_what_they_share() {
    let stage = Stage::with(UNLIMITED);
    let sum = "amount=60&currency=EUR&email=a%40b.example&provider=moonpay";
    let link = format!("/checkout?{sum}&address={MERCHANT}&callback={}", stage.callback());
    let asked = crowd(&stage, 150, &[link], |_, answer| {
        let location = answer.header("Location").unwrap_or_default();
        assert!(answer.status == 302 && location.starts_with(&stage.sandbox.provider_url()), "{answer:?}");
    });
    assert!(asked * 4 < CROWD * 150, "{asked} calls");
}

/// Customers who wait for the call that the first of them made. That they are there is seen from requests that came later,
/// and were answered.
fn followers(stage: &Stage, target: &str) -> Vec<Customer> {
    let mut followers: Vec<Customer> = (0..FOLLOWERS).map(|_| Customer::of(&stage.worker)).collect();
    for follower in &mut followers {
        follower.ask("/healthz");
        assert_eq!(follower.hear().status, 200);
        follower.ask(target);
    }
    for _ in 0..3 {
        assert_eq!(stage.get("/healthz").send().status, 200);
    }
    followers
}

/// Whoever asked first may leave: their call is everybody's, and goes on.
#[test]
fn who_leaves_takes_nobody_with_them() {
    let stage = Stage::with(&[]);
    stage.sandbox.fault(WALLET, Fault::Latency(8000));
    let target = wallet_target(&stage.shop_callback("1"));
    let leader = Customer::asking_and_deaf(&stage.worker, &target);
    assert!(stage.sandbox.wait_for(|state| !state.requests().is_empty(), PATIENCE));
    let followers = followers(&stage, &target);
    drop(leader);
    for mut follower in followers {
        assert!(Made::from(&follower.hear()).callback_url.ends_with("number=1"));
    }
    let (departures, asked) = (stage.sandbox.departures(), stage.asked().len());
    assert!(departures.is_empty(), "{departures:?}");
    assert!(asked < FOLLOWERS, "{asked} calls");
}

#[test]
fn everybody_hears_in_time_that_the_gateway_is_late() {
    let stage = Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", "3000"));
    stage.sandbox.fault(WALLET, Fault::Latency(600_000));
    let (target, began) = (stage.wallet_target(), Instant::now());
    for mut follower in followers(&stage, &target) {
        assert_error("late", &follower.hear(), 504, "gateway_timeout");
    }
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    let asked = stage.asked().len();
    assert!(asked < FOLLOWERS, "{asked} calls");
    stage.sandbox.clear();
    assert_eq!(stage.get(&target).send().status, 200, "what was late is in nobody's way");
}

/// Behind a gate that lives as long as the test process does.
fn gated(answer: &'static str) -> (Worker, &'static Gate, RawGateway) {
    let gate: &'static Gate = Box::leak(Box::default());
    let gateway = RawGateway::start(move |_, reply: &mut Reply| -> io::Result<()> {
        gate.pass();
        reply.write(answer.as_bytes())
    });
    let worker = Worker::start(&Settings::new().gateway(gateway.url(), gateway.url()));
    (worker, gate, gateway)
}

fn at_once(worker: &Worker, target: &str) -> Vec<Customer> {
    let asking = |_| {
        let mut customer = Customer::of(worker);
        customer.ask(target);
        customer
    };
    (0..FOLLOWERS).map(asking).collect()
}

#[test]
fn an_error_is_everybodys() {
    const HEAD: &str = "content-type: text/plain\r\nconnection: close\r\n";
    // Where it may pass, everybody asks once more, and again together.
    let errors = [
        (format!("HTTP/1.1 500 Broken\r\n{HEAD}content-length: 0\r\n\r\n"), 502, "gateway_unavailable", 1),
        (format!("HTTP/1.1 503 Away\r\n{HEAD}content-length: 0\r\n\r\n"), 502, "gateway_unavailable", 2),
        (format!("HTTP/1.1 422 No\r\n{HEAD}content-length: 2\r\n\r\nno"), 422, "gateway_rejected", 1),
        (format!("HTTP/1.1 200 OK\r\n{HEAD}content-length: 3\r\n\r\n{{}}\n"), 502, "gateway_invalid_reply", 1),
        (format!("HTTP/1.1 200 OK\r\n{HEAD}content-length: 300\r\n\r\n{{"), 502, "gateway_unavailable", 2),
    ];
    for (answer, status, code, least) in errors {
        let (worker, gate, _gateway) = gated(answer.leak());
        let customers = at_once(&worker, &wallet_target("https://shop.example/?order=1"));
        assert!(gate.sees(1), "{code}");
        assert_eq!(worker.get("/healthz").send().status, 200);
        gate.open();
        for mut customer in customers {
            assert_error(code, &customer.hear(), status, code);
        }
        let asked = gate.asked();
        assert!((least..FOLLOWERS).contains(&asked), "{asked} calls for {status} {code}");
    }
}

/// What is asked for in the name of one customer is theirs alone.
#[test]
fn pages_and_redirects_are_asked_for_one_by_one() {
    const REDIRECT: &str =
        "HTTP/1.1 302 Found\r\nlocation: https://provider.example/?a=1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let payment = "/process-payment.php?address=AAAA&amount=60&currency=EUR&email=a%40b.example&provider=moonpay";
    for target in [payment, "/assets/page"] {
        let (worker, gate, _gateway) = gated(REDIRECT);
        let customers = at_once(&worker, target);
        assert!(gate.sees(FOLLOWERS), "{target}: {} calls", gate.asked());
        gate.open();
        for mut customer in customers {
            let answer = customer.hear();
            assert_eq!((answer.status, answer.header("Location")), (302, Some("https://provider.example/?a=1")), "{target}");
        }
    }
}
