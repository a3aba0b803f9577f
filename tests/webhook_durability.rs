//! Webhooks outlive the machine: whenever it dies, every event reaches every endpoint that lives, on the published schedule, and
//! nothing is sent that was taken, or whose endpoint is gone or deleted.
mod durability;
mod ledger;
mod stage;
mod support;
mod webhook_load;

use ledger::{Caller, done, stage as open_stage, text};
use serde_json::{Value, json};
use stage::Stage;
use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use support::{
    dice::Dice,
    endpoint::{Endpoint, Got, answer, now},
    worker::Door,
};
use webhook_load::{
    hosts::{Host, Manner, Outage},
    records::{self, Records},
};

/// Names the number of kills under load, where it is not the usual one.
const ROUNDS: &str = "LIVERY_WEBHOOK_ROUNDS";
const USUAL: usize = 12;
/// For how long the Worker lives in a round: at least, and how much longer at most, in milliseconds.
const LIFE: (u64, usize) = (100, 800);
/// From one request of a customer's to the next.
const PAUSE: Duration = Duration::from_millis(60);
/// Hours and seconds that pass while an endpoint is away for a day: there is an attempt at the end of each.
const DAY: [u64; 6] = [6, 340, 2_000, 8_000, 20_000, 40_000];
/// Longer than any pause.
const LONG: u64 = 27 * 3600;
/// How long the Worker is given to send what is due, and for how long nothing may come before all of it is taken to be sent. What
/// a slow one has not sent then has its turn in the next pass.
const CALM: Duration = Duration::from_secs(4);
const SILENCE: Duration = Duration::from_secs(1);

/// How many passes everything may take to come to its end: one or two, and many more on a busy machine.
const MOST: usize = 40;

/// Everybody who is there.
struct Campaign {
    stage: Stage,
    token: String,
    hosts: Vec<Host>,
    outages: Vec<Outage>,
    records: Records,
}

#[test]
fn what_is_owed_arrives_whenever_the_machine_dies() {
    let rounds = env::var(ROUNDS).map_or(USUAL, |text| text.parse().expect("a number"));
    let mut campaign = Campaign::begin();
    campaign.kill_under_load(rounds);
    for seconds in DAY {
        campaign.pass(seconds);
    }
    campaign.hosts.iter().for_each(Host::calm);
    let mut passes = 0;
    while campaign.pass(LONG) > 0 {
        passes += 1;
        assert!(passes < MOST, "{:#?}", campaign.records.pending());
    }
    campaign.judge();
}

/// Days pass while the machine is off, and there is an attempt after each.
#[test]
fn whoever_takes_nothing_for_days_is_disabled_and_the_others_are_told() {
    let mut stage = open_stage(&[]);
    let token = Caller::merchant(&stage).token;
    let is_back = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_back);
    let returning =
        Endpoint::start(move |_, stream| answer(stream, if seen.load(Ordering::SeqCst) { 200 } else { 500 }, &[], ""));
    let (dead, well) = (Endpoint::saying(500), Endpoint::saying(200));
    let shop = Caller::with_token(&stage, &token);
    let health = ["webhook.failing", "webhook.recovered", "webhook.disabled"];
    shop.post("webhooks", &json!({"url": well.url(), "event_types": health}));
    let deliveries = [&dead, &returning].map(|endpoint| {
        let hook = shop.post("webhooks", &json!({"url": endpoint.url(), "event_types": ["webhook.test"]}));
        shop.post(&format!("webhooks/{}/test", text(&hook, "id")), &json!({}))
    });
    await_attempts(&shop, &deliveries, [1, 1]);
    for counts in [[2, 2], [3, 3], [4, 3]] {
        assert_eq!(health_of(&Caller::with_token(&stage, &token), &deliveries[0]), ("enabled".to_owned(), Value::Null));
        stage.worker.kill9();
        records::pass(&stage.worker.ledgers(), LONG);
        stage.worker.restart();
        await_attempts(&Caller::with_token(&stage, &token), &deliveries, counts);
        is_back.store(true, Ordering::SeqCst);
    }
    let shop = Caller::with_token(&stage, &token);
    assert_eq!(health_of(&shop, &deliveries[0]), ("disabled".to_owned(), json!("dead")));
    assert_eq!(health_of(&shop, &deliveries[1]), ("enabled".to_owned(), Value::Null));
    let mut told: Vec<String> = well.awaited(4).iter().map(Got::kind).collect();
    told.sort();
    assert_eq!(told, ["webhook.disabled", "webhook.failing", "webhook.failing", "webhook.recovered"]);
    let line =
        format!("webhook endpoint {} of {} was disabled: nothing", text(&deliveries[0], "webhook_endpoint"), shop.account_id());
    assert!(stage.worker.logs(&line), "{}", stage.worker.log());
}

/// Wakes the ledger, whose alarm knows nothing of days that passed, and waits until so often was tried.
fn await_attempts(shop: &Caller<'_>, deliveries: &[Value; 2], counts: [u64; 2]) {
    shop.get("account");
    for (delivery, count) in deliveries.iter().zip(counts) {
        let path = format!("webhook-deliveries/{}", text(delivery, "id"));
        shop.await_that(&path, |delivery| delivery["attempt_count"] == count);
    }
}

/// The state of a delivery's endpoint, and why it is disabled.
fn health_of(shop: &Caller<'_>, delivery: &Value) -> (String, Value) {
    let hook = shop.get(&format!("webhooks/{}", text(delivery, "webhook_endpoint")));
    (text(&hook, "status"), hook["disabled_reason"].clone())
}

impl Campaign {
    fn begin() -> Self {
        let stage = open_stage(&[("RATE_LIMIT_PER_CLIENT", "0")]);
        let (shop, records) = (Caller::merchant(&stage), Records::default());
        let mut hosts = Manner::ALL.map(Host::start);
        for host in &mut hosts {
            let types = json!(["checkout.session.created", "checkout.session.canceled"]);
            host.hook = shop.post("webhooks", &json!({"url": host.endpoint.url(), "event_types": types}));
        }
        let token = shop.token;
        Self { stage, token, hosts: hosts.into(), outages: Vec::new(), records }
    }

    fn shop(&self) -> Caller<'_> {
        Caller::with_token(&self.stage, &self.token)
    }

    fn kill_under_load(&mut self, rounds: usize) {
        let (door, token, is_over, made) =
            (self.stage.worker.door(), self.token.clone(), AtomicBool::new(false), AtomicUsize::new(0));
        let mut dice = Dice::new(7);
        thread::scope(|scope| {
            let _over = Over(&is_over);
            for _ in 0..3 {
                scope.spawn(|| customer(&door, &token, &is_over, &made));
            }
            for round in 0..rounds {
                thread::sleep(Duration::from_millis(LIFE.0 + u64::try_from(dice.below(LIFE.1)).expect("a small number")));
                if round == rounds / 3 {
                    self.host(Manner::Gone).turn_bad();
                    self.host(Manner::Away).turn_bad();
                }
                if round == rounds / 2 {
                    self.delete();
                }
                self.kill();
                records::pass(&self.stage.worker.ledgers(), 6);
                self.restart();
            }
        });
        assert!(made.load(Ordering::SeqCst) > 20, "hardly anything happened");
    }

    fn host(&self, manner: Manner) -> &Host {
        self.hosts.iter().find(|host| host.manner == manner).expect("one of each")
    }

    fn delete(&self) {
        let host = self.host(Manner::Deleted);
        done(&self.shop().send("DELETE", &format!("webhooks/{}", text(&host.hook, "id")), &Value::Null));
        host.end(now());
    }

    /// Kills the Worker, and looks at what it left.
    fn kill(&mut self) {
        let from = now();
        self.stage.worker.kill9();
        self.outages.push(Outage { from, until: u64::MAX });
        let log = self.stage.worker.log();
        for word in ["panicked", "RuntimeError", "database refused", "task failed", "not begun"] {
            assert!(!log.contains(word), "{word} in the log: {log}");
        }
        self.records.read(&self.stage.worker.ledgers());
        self.records.complain();
        for host in &self.hosts {
            if self.records.is_disabled(&text(&host.hook, "id")) {
                host.end(now());
            }
        }
    }

    fn restart(&mut self) {
        self.outages.last_mut().expect("a kill").until = now();
        self.stage.worker.restart();
    }

    /// So many seconds pass while the machine is off. What is due then is sent; how much is still pending.
    fn pass(&mut self, seconds: u64) -> usize {
        self.kill();
        records::pass(&self.stage.worker.ledgers(), seconds);
        self.restart();
        // The alarm that was set knows nothing of it.
        self.shop().get("account");
        let (deadline, count) =
            (Instant::now() + CALM, || self.hosts.iter().map(|host| host.endpoint.got().len()).sum::<usize>());
        let mut last = (count(), Instant::now());
        while Instant::now() < deadline && last.1.elapsed() < SILENCE {
            thread::sleep(Duration::from_millis(20));
            if count() != last.0 {
                last = (count(), Instant::now());
            }
        }
        self.kill();
        self.restart();
        self.records.pending().len()
    }

    /// Everything arrived where it should, and nothing where it should not.
    fn judge(&self) {
        for host in &self.hosts {
            host.judge(&self.outages, &self.records);
        }
        let alive: Vec<&Host> =
            self.hosts.iter().filter(|host| ![Manner::Gone, Manner::Deleted].contains(&host.manner)).collect();
        let events = self.records.events();
        for event in &events {
            for host in &alive {
                assert!(host.took(event), "{event} did not reach the one that {:?}", host.manner);
            }
        }
        let sent: usize = self.hosts.iter().map(|host| host.endpoint.got().len()).sum();
        println!("{} kills, {} events, {sent} webhooks", self.outages.len(), events.len());
    }
}

/// Ends the load, whatever becomes of the test.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Makes sessions, cancels every other, and asks until there is an answer, however often the Worker dies meanwhile.
fn customer(door: &Door, token: &str, is_over: &AtomicBool, made: &AtomicUsize) {
    let ask = |target: &str, body: &Value, key: &str| {
        let request = door.request("POST", target).header("authorization", &format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").header("idempotency-key", key).body(body.to_string());
        while !is_over.load(Ordering::SeqCst) {
            match request.try_send() {
                Ok(answer) => return Some(done(&answer)),
                Err(_) => thread::sleep(PAUSE),
            }
        }
        None
    };
    while !is_over.load(Ordering::SeqCst) {
        let key = made.fetch_add(1, Ordering::SeqCst).to_string();
        let session = ask("/api/v1/checkout-sessions", &json!({"amount": "5", "currency": "USD"}), &key);
        if let Some(session) = session.filter(|_| key.ends_with(['0', '2', '4', '6', '8'])) {
            ask(&format!("/api/v1/checkout-sessions/{}/cancel", text(&session, "id")), &json!({}), &format!("cancel-{key}"));
        }
        thread::sleep(PAUSE);
    }
}
