//! One ledger in its surroundings, with a clock that a test sets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::{Value, json};

use super::script::Script;
use super::{Database, Ledgers};
use crate::api::ROOT;
use crate::api::access::{ACCOUNT, ACTOR};
use crate::country::Country;
use crate::flow::Ask;
use crate::http::{Body, Method, Now, Reply, Request, RequestBody};
use crate::ledger::id::AccountId;
use crate::ledger::key::ApiKey;
use crate::service::{Pending, Progress, Service, Turn};
use crate::testing::SIGNING_KEY;

/// The moment at which each world begins.
pub const BEGIN: u64 = 1_800_000_000_000;
/// Who is paid.
pub const PAYOUT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";

/// The ledgers of an operator, one of them looked at.
pub struct World {
    service: Service,
    ledgers: Ledgers,
    /// Whose ledger is looked at.
    pub account: AccountId,
    /// What the gateway, the merchant and the node do.
    pub script: Script,
    /// What time it is.
    pub now: Cell<u64>,
    /// What was begun and waits for replies.
    flying: RefCell<Vec<Flight>>,
    /// Tasks that failed, as the log tells it; they will be tried again.
    pub failed: RefCell<Vec<String>>,
}

struct Flight {
    pending: Pending,
    database: Rc<Database>,
}

/// What a ledger answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; null where it is no JSON.
    pub body: Value,
    /// Whether it was given before.
    pub is_replayed: bool,
}

impl World {
    /// A world with one account, whose payout wallet the operator fixed.
    pub fn new() -> Self {
        Self::with(&[("PAYOUT_WALLET", PAYOUT)])
    }

    /// One with these settings.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let all = [&[("CHECKOUT_DOMAIN", "pay.shop.example"), ("SIGNING_KEY", SIGNING_KEY)], settings].concat();
        let setting = |name: &str| all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let service = Service::new(&setting);
        assert!(service.mistakes().is_empty(), "{:?}", service.mistakes());
        let (ledgers, script, now) = (Ledgers::default(), Script::new(), Cell::new(BEGIN));
        Self { service, ledgers, account: AccountId::main(), script, now, flying: RefCell::default(), failed: RefCell::default() }
    }

    /// A new account, which is looked at from now on.
    pub fn enter(&mut self, digits: &str) {
        self.account = AccountId::from_digits(digits).expect("an account");
        let fields = json!({"id": self.account.public(), "object": "account", "name": digits, "payout_wallet": PAYOUT,
            "tolerance_bps": 0, "brand": {}, "created_at": self.now.get(), "updated_at": self.now.get()});
        assert_eq!(self.ask("operator", Method::Post, "/copy", &fields, &[]).status, 200);
    }

    /// Takes a database for the ledger that is looked at.
    pub fn take(&self, database: Database) {
        self.ledgers.put(self.account.digits(), database);
    }

    /// The database of the ledger that is looked at.
    pub fn database(&self) -> Rc<Database> {
        self.ledgers.of(self.account.digits())
    }

    /// A request to the ledger; calls that it makes are answered at once, as the script has it.
    pub fn ask(&self, actor: &str, method: Method, target: &str, body: &Value, more: &[(&str, &str)]) -> Answer {
        let turn = self.begin(actor, method, target, body, more);
        let answer = self.fly(turn);
        self.land();
        let reply = answer.expect("an answer");
        let is_replayed = reply.headers.get("idempotent-replayed").is_some();
        Answer { status: reply.status, body: serde_json::from_str(&reply.text).unwrap_or_default(), is_replayed }
    }

    /// A request to the ledger, carried as far as its first calls.
    pub fn begin(&self, actor: &str, method: Method, target: &str, body: &Value, more: &[(&str, &str)]) -> Turn {
        let database = self.database();
        // The Worker's own requests name no actor.
        let actor = target.starts_with(ROOT).then_some((ACTOR, actor));
        let headers: Vec<(String, String)> = [(ACCOUNT, self.account.digits())]
            .iter()
            .chain(&actor)
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (now, entropy) = (Now(self.now.get()), [7; 16]);
        let (country, body) = (Country::UNKNOWN, RequestBody::Whole(body));
        let request = Request { method, path, query, headers: &headers, country, body, now, entropy };
        database.turn(|books| self.service.answer_in_ledger(&request, books))
    }

    /// Goes on with a request until it is answered; what it began beside is in the air then.
    pub fn fly(&self, turn: Turn) -> Option<Reply> {
        let Turn { mut progress, besides } = turn;
        let database = self.database();
        let mut in_air = besides;
        let answer = loop {
            match progress {
                Progress::Done(response, _) => {
                    let headers: Vec<(String, String)> =
                        response.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                    let text = if let Body::Text(text) = response.body { text.into_owned() } else { String::new() };
                    break Some(Reply { status: response.status, headers: Box::new(headers), text, beginning: Vec::new() });
                }
                Progress::Over | Progress::Failed(_) => break None,
                Progress::Waiting(pending) => {
                    self.script.send(&pending.asks, self.now.get());
                    let turn = self.resume(pending, &database);
                    in_air.extend(turn.besides);
                    progress = turn.progress;
                }
            }
        };
        self.lift(in_air, &database);
        answer
    }

    fn resume(&self, pending: Pending, database: &Database) -> Turn {
        let (now, began) = (self.now.get(), pending.since.0);
        let came = pending.asks.iter().map(|ask| self.script.answer(ask, began, now)).collect();
        database.turn(|books| self.service.resume(pending, came, Now(now), books))
    }

    /// Lets go on what waits for replies, whoever's answer it is.
    pub fn throw(&self, turn: Turn) {
        let Turn { progress, besides } = turn;
        let pending = match progress {
            Progress::Waiting(pending) => Some(pending),
            Progress::Failed(what) => {
                self.failed.borrow_mut().push(what);
                None
            }
            Progress::Done(..) | Progress::Over => None,
        };
        self.lift(pending.into_iter().chain(besides), &self.database());
    }

    /// The calls of all these go out.
    fn lift(&self, all: impl IntoIterator<Item = Pending>, database: &Rc<Database>) {
        for pending in all {
            self.script.send(&pending.asks, self.now.get());
            self.flying.borrow_mut().push(Flight { pending, database: Rc::clone(database) });
        }
    }

    /// One step of something in the air; whether there was anything.
    pub fn step(&self, which: usize) -> bool {
        let count = self.flying.borrow().len();
        let Some(which) = which.checked_rem(count) else { return false };
        self.step_at(which)
    }

    /// One step of the oldest thing in the air that waits for such calls, or for none; whether there was anything.
    pub fn step_where(&self, waits: impl Fn(&[Ask]) -> bool) -> bool {
        let which = self.flying.borrow().iter().position(|flight| waits(&flight.pending.asks));
        which.is_some_and(|which| self.step_at(which))
    }

    fn step_at(&self, which: usize) -> bool {
        let flight = self.flying.borrow_mut().swap_remove(which);
        let turn = self.resume(flight.pending, &flight.database);
        self.throw(turn);
        true
    }

    /// Ends all that is in the air, the oldest first.
    pub fn land(&self) {
        while !self.flying.borrow().is_empty() {
            let flight = self.flying.borrow_mut().remove(0);
            let turn = self.resume(flight.pending, &flight.database);
            self.throw(turn);
        }
    }

    /// The machine is lost, and with it all that was in the air; the ledger that is looked at begins anew.
    pub fn crash(&self) {
        self.flying.borrow_mut().clear();
        self.database().restart();
    }

    /// The alarm goes off.
    pub fn ring(&self) {
        let turn = self.begin("operator", Method::Post, "/alarm", &Value::Null, &[]);
        self.throw(turn);
    }

    /// Time passes until that moment; the alarm goes off whenever it was set to.
    pub fn wait_until(&self, moment: u64) {
        while let Some(Now(wake)) = self.database().wake.get().filter(|wake| wake.0 <= moment) {
            self.now.set(self.now.get().max(wake));
            self.ring();
            self.land();
        }
        self.now.set(moment);
    }

    /// Time passes.
    pub fn wait(&self, seconds: u64) {
        self.wait_until(self.now.get() + seconds * 1000);
    }

    /// A request of the operator's to the API, which has to succeed.
    pub fn operator(&self, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.ask("operator", method, &format!("/api/v1/{path}"), body, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// An object by its path.
    pub fn get(&self, path: &str) -> Value {
        self.operator(Method::Get, path, &Value::Null)
    }

    /// All of a list, the oldest first.
    pub fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut before) = (Vec::new(), String::new());
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{path}{mark}limit=100{before}"));
            let data = page["data"].as_array().expect("a list").clone();
            let last = data.last().map(|last| last["id"].as_str().expect("an id").to_owned());
            all.extend(data);
            if page["has_more"] == false {
                break;
            }
            before = format!("&starting_after={}", last.expect("something before more"));
        }
        all.reverse();
        all
    }

    /// A new session of 25 dollars, with these fields besides.
    pub fn session(&self, fields: &Value) -> Value {
        let mut all = json!({"amount": "25", "currency": "USD"});
        all.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.operator(Method::Post, "checkout-sessions", &all)
    }

    /// A new webhook endpoint on a host, with these fields besides; its secret is in it.
    pub fn endpoint(&self, host: &str, fields: &Value) -> Value {
        let mut all = json!({"url": format!("https://{host}/hook")});
        all.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        self.operator(Method::Post, "webhooks", &all)
    }

    /// Does something with an endpoint: `test`, `replay`, `rotate-secret`.
    pub fn endpoints(&self, endpoint: &Value, what: &str, body: &Value) -> Value {
        self.operator(Method::Post, &format!("webhooks/{}/{what}", endpoint["id"].as_str().expect("an id")), body)
    }

    /// Changes an endpoint.
    pub fn change(&self, endpoint: &Value, fields: &Value) -> Value {
        self.operator(Method::Patch, &format!("webhooks/{}", endpoint["id"].as_str().expect("an id")), fields)
    }

    /// A session's customer comes.
    pub fn open(&self, session: &str) -> Answer {
        self.ask("operator", Method::Post, "/wallet", &json!({"Session": session}), &[])
    }

    /// The gateway reports a payment; the verification is in the air until [`World::wait`].
    pub fn report(&self, session: &str, query: &str) -> Answer {
        self.ask("operator", Method::Post, "/report", &json!({"session": session, "query": query}), &[])
    }

    /// What the ledger is told of somebody with this key.
    pub fn actor(key: &str) -> String {
        let key = ApiKey::parse(key).expect("a key");
        format!("{} {}", key.id(), key.hash())
    }
}
