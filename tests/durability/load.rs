//! Customers and a merchant's server, who all go on while the Worker is killed and started again: what they did, and what they
//! were told of it.
use crate::{
    ledger::pay_to,
    support::{client::Answer, dice::Dice, worker::Door},
};
use livery_sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// From one try to the next while the Worker is away.
const PAUSE: Duration = Duration::from_millis(15);
/// How long a customer waits for the first half of a payment to count before paying the second.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was said and done.
#[derive(Default)]
pub struct Said {
    /// Queries of reports that were acknowledged with `*ok*`.
    pub acknowledged: Vec<String>,
    /// Sessions whose making was answered, and how often.
    pub created: BTreeMap<String, u32>,
    /// Sessions whose cancellation was answered.
    pub canceled: Vec<String>,
    /// What was paid to each session, in millionths of a dollar.
    pub paid: BTreeMap<String, u64>,
    /// Answers that nobody expects.
    pub wrong: Vec<String>,
    /// How much was done, by what it was.
    pub done: BTreeMap<&'static str, u64>,
}

/// Everybody who is there.
pub struct Load<'s> {
    sandbox: &'s Sandbox,
    door: Door,
    key: String,
    said: Mutex<Said>,
    /// Whom to kill as soon as a report is acknowledged that was not known before; nobody, if 0.
    victim: AtomicI32,
    killed: Condvar,
    is_over: AtomicBool,
    next: AtomicU64,
}

/// A session as its maker knows it.
struct Made {
    id: String,
    path: String,
    reference: String,
}

impl<'s> Load<'s> {
    pub fn new(sandbox: &'s Sandbox, door: Door, key: String) -> Self {
        Self {
            sandbox,
            door,
            key,
            said: Mutex::default(),
            victim: AtomicI32::new(0),
            killed: Condvar::new(),
            is_over: AtomicBool::new(false),
            next: AtomicU64::new(1),
        }
    }

    /// Goes on until [`Load::end`].
    pub fn run(&self, seed: u64) {
        let mut dice = Dice::new(seed);
        while !self.is_over() {
            self.visit(&mut dice);
            thread::sleep(PAUSE);
        }
    }

    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// What was said and done so far.
    pub fn said<T>(&self, read: impl FnOnce(&Said) -> T) -> T {
        read(&self.said.lock().expect("what was said"))
    }

    /// Kills that process as soon as a new report is acknowledged: then the least time has passed since something was promised.
    /// After a second without one it is left alive.
    pub fn kill_at_next_promise(&self, process: u32) {
        self.victim.store(i32::try_from(process).expect("a process id"), Ordering::SeqCst);
        let said = self.said.lock().expect("what was said");
        let lives = |_: &mut Said| self.victim.load(Ordering::SeqCst) != 0;
        let _said = self.killed.wait_timeout_while(said, Duration::from_secs(1), lives).expect("what was said");
        self.victim.store(0, Ordering::SeqCst);
    }

    fn promised(&self) {
        let mut said = self.said.lock().expect("what was said");
        if let Some(victim) = Pid::from_raw(self.victim.swap(0, Ordering::SeqCst)) {
            kill_process(victim, Signal::KILL).expect("a process that nobody waited for");
            *said.done.entry("killed at once").or_default() += 1;
            self.killed.notify_all();
        }
    }

    fn say(&self, what: &'static str, write: impl FnOnce(&mut Said)) {
        let mut said = self.said.lock().expect("what was said");
        *said.done.entry(what).or_default() += 1;
        write(&mut said);
    }

    /// One customer, from the order to whatever comes of it.
    fn visit(&self, dice: &mut Dice) -> Option<()> {
        let kind = dice.below(10);
        let cents = 2_500 + u64::try_from(dice.below(50_000)).expect("a small number");
        let is_short_lived = kind == 0;
        let session = self.create(cents, is_short_lived.then(|| 2_000 + dice.below(3_000)))?;
        if dice.below(3) == 0 {
            self.look_around(dice);
        }
        if kind == 1 {
            self.cancel(&session)?;
        }
        self.open(&session)?;
        let address = self.show(&session.id)?["receiving_address"].as_str()?.to_owned();
        match kind {
            2 => self.cancel(&session)?,
            3 => return Some(()),
            _ => {}
        }
        if dice.below(4) == 0 {
            self.forge(&address, cents, dice);
        }
        match dice.below(8) {
            0 => self.pay(&session, &address, cents / 2),
            1 => self.pay(&session, &address, cents + 100),
            2 => self.pay_in_two(&session, &address, cents)?,
            _ => self.pay(&session, &address, cents),
        }
        if dice.below(2) == 0 {
            self.repeat(&address, dice);
        }
        Some(())
    }

    /// Makes a session: the same request again and again until it is answered, and then perhaps once more.
    fn create(&self, cents: u64, lifetime: Option<usize>) -> Option<Made> {
        let number = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let reference = format!("order-{number}");
        let callback = format!("{}/orders.php?number={number}", self.sandbox.shop_url());
        let amount = dollars(cents);
        let mut body = json!({"amount": amount, "currency": "USD", "customer_email": "jane@shop.example", "provider": "moonpay",
            "client_reference_id": reference, "callback": callback});
        if let Some(lifetime) = lifetime {
            body["expires_at"] = json!(now() + u64::try_from(lifetime).ok()?);
        }
        let first = self.insist("POST", "/api/v1/checkout-sessions", &body, &reference, &[200, 400])?;
        if first.status == 400 {
            return None;
        }
        let again = self.insist("POST", "/api/v1/checkout-sessions", &body, &reference, &[200])?;
        let (first, again) = (first.json(), again.json());
        let id = first["id"].as_str()?.to_owned();
        self.say("made", |said| {
            *said.created.entry(id.clone()).or_default() += 1;
            if again["id"] != first["id"] {
                said.wrong.push(format!("{reference} is {} and {}", first["id"], again["id"]));
            }
        });
        let path = first["url"].as_str()?.split_once("//")?.1.split_once('/')?.1.to_owned();
        Some(Made { id, path: format!("/{path}"), reference })
    }

    fn show(&self, id: &str) -> Option<Value> {
        let answer = self.insist("GET", &format!("/api/v1/checkout-sessions/{id}"), &Value::Null, "", &[200])?;
        Some(answer.json())
    }

    /// The customer comes, and is sent on unless it is too late.
    fn open(&self, session: &Made) -> Option<()> {
        let answer = self.insist("GET", &session.path, &Value::Null, "", &[302, 409])?;
        self.say(if answer.status == 302 { "opened" } else { "came too late" }, |_| ());
        Some(())
    }

    fn cancel(&self, session: &Made) -> Option<()> {
        let path = format!("/api/v1/checkout-sessions/{}/cancel", session.id);
        let answer = self.insist("POST", &path, &json!({}), &format!("cancel-{}", session.reference), &[200, 409])?;
        if answer.status == 200 {
            self.say("canceled", |said| said.canceled.push(session.id.clone()));
        }
        Some(())
    }

    fn look_around(&self, dice: &mut Dice) -> Option<()> {
        let path =
            dice.pick(&["checkout-sessions?status=paid", "events?limit=50", "transactions?status=pending", "checkout-sessions"]);
        self.insist("GET", &format!("/api/v1/{path}"), &Value::Null, "", &[200])?;
        self.say("listed", |_| ());
        Some(())
    }

    fn pay(&self, session: &Made, address: &str, cents: u64) {
        pay_to(self.sandbox, address, &dollars(cents));
        self.say("paid", |said| *said.paid.entry(session.id.clone()).or_default() += cents * 10_000);
    }

    /// The second half comes when the first one counts: of several payments the gateway confirms the last alone.
    fn pay_in_two(&self, session: &Made, address: &str, cents: u64) -> Option<()> {
        self.pay(session, address, cents / 2);
        let deadline = Instant::now() + PATIENCE;
        while self.show(&session.id)?["amount_received_usd"] == "0" {
            if Instant::now() > deadline || self.is_over() {
                return None;
            }
            thread::sleep(PAUSE);
        }
        self.pay(session, address, cents - cents / 2);
        Some(())
    }

    /// Reports what nobody paid, or what somebody pays but with made-up transactions.
    fn forge(&self, address: &str, cents: u64, dice: &mut Dice) -> Option<()> {
        let token = self.token_of(address)?;
        let txid =
            |dice: &mut Dice| format!("0x{:016x}{:016x}{:016x}{:016x}", dice.roll(), dice.roll(), dice.roll(), dice.roll());
        let value = if dice.below(2) == 0 { cents } else { cents * 2 };
        let query = match dice.below(3) {
            0 => format!(
                "{token}&value_coin={}&coin=polygon_usdc&txid_in={}&txid_out={}&address_in={address}",
                dollars(value),
                txid(dice),
                txid(dice)
            ),
            1 => format!("{token}&value_coin={}&coin=polygon_usdc&txid_in={}&address_in={address}", dollars(value), txid(dice)),
            _ => format!("{token}&value_coin={}&coin=polygon_usdc", dollars(value)),
        };
        self.say("forged", |_| ());
        self.report(&query, true)
    }

    /// Reports the last payment once more: to the letter, in another order, or without what the gateway's payout was.
    fn repeat(&self, address: &str, dice: &mut Dice) -> Option<()> {
        let token = self.token_of(address)?;
        let payment = self.sandbox.wallet(address)?.payments.last()?.clone();
        let (value, coin, txid_in, txid_out) = (payment.value_coin, payment.coin, payment.txid_in, payment.txid_out);
        let rest = format!("address_in={address}&value_forwarded_coin={}", payment.value_forwarded_coin);
        let query = match dice.below(3) {
            0 => format!("{token}&value_coin={value}&coin={coin}&txid_in={txid_in}&txid_out={txid_out}&{rest}"),
            1 => format!(
                "{token}&again={}&{rest}&txid_out={txid_out}&txid_in={txid_in}&coin={coin}&value_coin={value}",
                dice.roll()
            ),
            _ => format!("{token}&value_coin={value}&coin={coin}&txid_in={txid_in}&{rest}"),
        };
        self.say("repeated", |_| ());
        self.report(&query, query.contains("again"))?;
        self.report(&query, false)
    }

    fn token_of(&self, address: &str) -> Option<String> {
        Some(self.sandbox.wallet(address)?.callback.split_once('?')?.1.to_owned())
    }

    fn report(&self, query: &str, is_new: bool) -> Option<()> {
        let answer = self.insist("GET", &format!("/callback?{query}"), &Value::Null, "", &[200])?;
        self.say("acknowledged", |said| match answer.text() {
            "*ok*" => said.acknowledged.push(query.to_owned()),
            other => said.wrong.push(format!("a report was answered with {other}")),
        });
        if is_new {
            self.promised();
        }
        Some(())
    }

    /// Asks until there is a whole answer, however often the Worker dies meanwhile. It has to have one of these statuses.
    fn insist(&self, method: &str, target: &str, body: &Value, key: &str, expected: &[u16]) -> Option<Answer> {
        let mut request = self.door.request(method, target);
        if target.starts_with("/api/") {
            request = request.header("authorization", &format!("Bearer {}", self.key));
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").header("idempotency-key", key).body(body.to_string());
        }
        loop {
            match request.try_send() {
                Ok(answer) if expected.contains(&answer.status) => return Some(answer),
                Ok(answer) => {
                    self.say("wrong", |said| said.wrong.push(format!("{method} {target}: {} {}", answer.status, answer.text())));
                    return None;
                }
                Err(_) if self.is_over() => return None,
                Err(_) => {
                    self.say("tried again", |_| ());
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}

fn dollars(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_millis()).expect("a moment of these days")
}
