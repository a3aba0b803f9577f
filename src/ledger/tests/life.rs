//! Random lives of a ledger, held against the model after each step.

use std::collections::{BTreeSet, HashMap, HashSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::acts::{Act, Gateway, What, act, pause};
use super::model::{Due, Model, Says, Told};
use crate::http::Method;
use crate::ledger::testing::script::{Facts, Manner, Status, receiving};
use crate::ledger::testing::world::{BEGIN, World};

/// Both, side by side.
struct Pair {
    world: World,
    model: Model,
    ids: Vec<String>,
    told: Vec<Told>,
    txids: u32,
    events: Vec<Value>,
}

fn txid(number: u32) -> String {
    format!("0x{number:064X}").replace("0X", "0x")
}

/// Millionths as a decimal.
fn decimal(millionths: u64) -> String {
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A decimal in millionths.
fn millionths(text: &Value) -> u64 {
    let text = text.as_str().expect("a decimal");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<6}").parse().expect("digits")
}

fn query(told: &Told) -> String {
    let mut query = format!("token=x&value_coin={}&coin={}", decimal(told.value), told.coin);
    for (name, number) in [("txid_in", told.txid_in), ("txid_out", told.txid_out)] {
        query.extend(number.map(|number| format!("&{name}={}", txid(number))));
    }
    format!("{query}&address_in={}", told.to.map_or_else(|| receiving(99_999), receiving))
}

impl Pair {
    fn new() -> Self {
        let (world, model) = (World::new(), Model::new(BEGIN));
        Self { world, model, ids: Vec::new(), told: Vec::new(), txids: 0, events: Vec::new() }
    }

    fn session(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.ids.len())
    }

    fn wait(&mut self, moment: u64) {
        self.world.wait_until(moment);
        self.model.wait_until(moment);
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Create { cents, tolerance_bps, callback, hours } => self.create(*cents, *tolerance_bps, *callback, *hours),
            Act::Draft(reference) => self.draft(*reference),
            Act::Open(number) => {
                let Some(session) = self.session(*number) else { return };
                let is_open = self.model.open(session);
                assert_eq!(self.world.open(&self.ids[session]).status == 200, is_open);
            }
            Act::Report { session, what, is_true } => self.report(*session, what, *is_true),
            Act::Status { session, what } => self.gateway_says(*session, what),
            Act::Price(is_known) => {
                *self.world.script.price.borrow_mut() = is_known.then(|| "2000".to_owned());
                self.model.price_is_known = *is_known;
            }
            Act::Wallets(works) => {
                self.world.script.makes_wallets.set(*works);
                self.model.makes_wallets = *works;
            }
            Act::Merchant(manner) => {
                self.world.script.merchant.set(*manner);
                self.model.merchant_takes = matches!(manner, Manner::Answers(200..=299));
            }
            Act::Expire(number) => self.end(*number, "expired", "expire"),
            Act::Cancel(number) => self.end(*number, "canceled", "cancel"),
            Act::Wait => {}
        }
    }

    fn create(&mut self, cents: u64, tolerance_bps: u64, callback: bool, hours: u64) {
        let callback_url = callback.then_some("https://shop.example/paid?order=1");
        let lifetime = hours * 3_600_000;
        let fields = json!({"amount": decimal(cents * 10_000), "currency": "USD", "tolerance_bps": tolerance_bps,
            "callback": callback_url, "expires_at": self.world.now.get() + lifetime});
        let made = self.world.operator(Method::Post, "checkout-sessions", &fields);
        self.ids.push(made["id"].as_str().expect("an id").to_owned());
        self.model.create(Some(cents * 10_000), tolerance_bps, callback, Some(lifetime));
    }

    fn draft(&mut self, reference: u8) {
        let draft = json!({"livemode": true, "tolerance_bps": 0, "metadata": {}, "digest": reference.to_string(),
            "callback": format!("https://shop.example/paid?order={reference}")});
        let answer = self.world.ask("operator", Method::Post, "/wallet", &json!({"Draft": draft}), &[]);
        let (session, is_open) = self.model.draft(reference);
        assert_eq!(answer.status == 200, is_open);
        if session == self.ids.len() {
            let id = self.world.all("checkout-sessions").last().expect("a session")["id"].clone();
            self.ids.push(id.as_str().expect("an id").to_owned());
        } else if is_open {
            assert_eq!(answer.body["session"]["id"], self.ids[session]);
        }
    }

    /// A payment to a session of so many percent of its amount, which the gateway may know.
    fn payment(&mut self, session: usize, percent: u64, coin: &'static str) -> Told {
        self.txids += 2;
        let amount = self.model.sessions[session].amount.unwrap_or(25_000_000);
        let dollars = (amount * percent / 100).max(2000);
        let value = if coin == "eth" { dollars / super::model::PRICE } else { dollars };
        let to = self.model.sessions[session].order;
        Told { value, coin, txid_in: Some(self.txids), txid_out: Some(self.txids + 1), to }
    }

    fn report(&mut self, number: usize, what: &What, is_true: bool) {
        let Some(session) = self.session(number) else { return };
        let Some(order) = self.model.sessions[session].order else { return };
        let known = |number: &usize| number.checked_rem(self.told.len()).map(|number| self.told[number].clone());
        let told = match what {
            What::Percent(percent) => self.payment(session, *percent, "polygon_usdc"),
            What::WithoutPayout(percent) => Told { txid_out: None, ..self.payment(session, *percent, "polygon_usdc") },
            What::Native(percent) => self.payment(session, *percent, "eth"),
            What::Again(number) => match known(number) {
                Some(told) => told,
                None => return,
            },
            What::Renamed(number) => match known(number) {
                Some(told) => Told { txid_in: self.payment(session, 1, "eth").txid_in, txid_out: None, ..told },
                None => return,
            },
            What::Elsewhere(number) => match known(number) {
                Some(told) => Told { to: Some(order), ..told },
                None => return,
            },
            What::OtherAddress => Told { to: None, ..self.payment(session, 100, "polygon_usdc") },
            What::UnknownCoin => self.payment(session, 100, "polygon_dai"),
            What::Nonsense => Told { txid_in: None, ..self.payment(session, 100, "polygon_usdc") },
        };
        // What is told again is told of its own session.
        let own = self.model.sessions.iter().position(|session| told.to.is_some() && session.order == told.to);
        let session = own.unwrap_or(session);
        let order = self.model.sessions[session].order.unwrap_or(order);
        if is_true && !matches!(what, What::Again(_) | What::Renamed(_)) {
            let payout = told.txid_out.or(told.txid_in.map(|txid| txid + 1));
            self.say(order, Says::Paid(Told { txid_out: payout, ..told.clone() }));
        }
        assert_eq!(self.world.report(&self.ids[session], &query(&told)).status, 200);
        self.model.report(session, told.clone(), false);
        self.told.push(told);
    }

    fn gateway_says(&mut self, number: usize, what: &Gateway) {
        let Some(session) = self.session(number) else { return };
        let Some(order) = self.model.sessions[session].order else { return };
        let says = match what {
            Gateway::Unpaid => Says::Unpaid,
            Gateway::Failing => Says::Nothing,
            Gateway::Unreported(percent) => {
                let told = self.payment(session, *percent, "polygon_usdc");
                self.told.push(told.clone());
                Says::Paid(told)
            }
            Gateway::Reported(number) => match number.checked_rem(self.told.len()).map(|number| self.told[number].clone()) {
                Some(told) if told.txid_out.is_some() => Says::Paid(told),
                _ => return,
            },
        };
        self.say(order, says);
    }

    fn say(&mut self, order: usize, says: Says) {
        let status = match &says {
            Says::Unpaid => Status::Unpaid,
            Says::Nothing => Status::Failing,
            Says::Paid(told) => Status::Paid(Facts {
                value: decimal(told.value),
                coin: told.coin.to_owned(),
                txid_out: told.txid_out.map(txid).unwrap_or_default(),
            }),
        };
        self.world.script.set_status(order, status);
        self.model.gateway[order] = says;
    }

    fn end(&mut self, number: usize, how: &'static str, verb: &str) {
        let Some(session) = self.session(number) else { return };
        let path = format!("/api/v1/checkout-sessions/{}/{verb}", self.ids[session]);
        let answer = self.world.ask("operator", Method::Post, &path, &Value::Null, &[]);
        assert_eq!(answer.status == 200, self.model.end(session, how, false), "{}", answer.body);
    }

    /// Holds one against the other.
    fn compare(&mut self) {
        let sessions = self.world.all("checkout-sessions");
        let transactions = self.world.all("transactions");
        self.compare_sessions(&sessions, &transactions);
        let names: Vec<&str> = transactions.iter().map(|each| each["id"].as_str().expect("an id")).collect();
        self.compare_payments(&transactions);
        let deliveries = self.compare_deliveries(&names);
        self.compare_tasks(&names, &deliveries);
        self.compare_events(&[sessions, transactions].concat());
    }

    fn compare_sessions(&self, sessions: &[Value], transactions: &[Value]) {
        assert_eq!(sessions.len(), self.model.sessions.len());
        let shown: HashMap<&str, &Value> = sessions.iter().map(|each| (each["id"].as_str().expect("an id"), each)).collect();
        for (id, model) in self.ids.iter().zip(&self.model.sessions) {
            let real = shown[id.as_str()];
            let seen = (real["status"].as_str(), millionths(&real["amount_received_usd"]), &real["paid_late"], &real["overpaid"]);
            assert_eq!(seen, (Some(model.state), model.received, &json!(model.is_late), &json!(model.is_over)), "{model:?}");
            let verified = transactions.iter().filter(|each| each["checkout_session"] == *id && each["status"] == "verified");
            assert_eq!(verified.map(|each| millionths(&each["value_usd"])).sum::<u64>(), model.received);
        }
    }

    fn compare_payments(&self, transactions: &[Value]) {
        assert_eq!(transactions.len(), self.model.payments.len());
        let mut credited = HashSet::new();
        for (real, model) in transactions.iter().zip(&self.model.payments) {
            let seen = (real["checkout_session"].as_str(), real["status"].as_str(), &real["late"]);
            let id = self.ids[model.session].as_str();
            assert_eq!(seen, (Some(id), Some(model.state), &json!(model.is_late)), "{real:#} {model:?}");
            for name in ["txid_in", "txid_out"] {
                if let Some(txid) = real[name].as_str().filter(|_| model.state == "verified") {
                    assert!(credited.insert((name, txid.to_lowercase())), "{txid} counts twice");
                }
            }
        }
    }

    /// The deliveries' ids, in the model's order.
    fn compare_deliveries(&self, names: &[&str]) -> Vec<String> {
        let database = self.world.database();
        let real = database.select(
            "SELECT data ->> '$.transaction', id, status, data ->> '$.attempt_count' FROM objects WHERE kind = 'callback'",
        );
        assert_eq!(real.len(), self.model.deliveries.len());
        let by_payment: HashMap<&str, &Vec<String>> = real.iter().map(|row| (row[0].as_str(), row)).collect();
        let mut ids = Vec::new();
        for model in &self.model.deliveries {
            let row = by_payment[names[model.payment]];
            let tries = database.select(&format!("SELECT at FROM attempts WHERE delivery = '{}' ORDER BY number", row[1]));
            let expected: Vec<String> = model.tries.iter().map(u64::to_string).collect();
            assert_eq!(tries.concat(), expected);
            assert_eq!((row[2].as_str(), row[3].as_str()), (model.state, expected.len().to_string().as_str()));
            ids.push(row[1].clone());
        }
        ids
    }

    /// What is planned is just what has to happen.
    fn compare_tasks(&self, names: &[&str], deliveries: &[String]) {
        let database = self.world.database();
        let real: BTreeSet<Vec<String>> = database.select("SELECT due, kind, subject FROM tasks").into_iter().collect();
        let planned = self.model.agenda.iter().map(|((at, _), due)| {
            let (kind, subject) = match due {
                Due::Expire(session) => ("expire", self.ids[*session].as_str()),
                Due::Poll(session, _) => ("poll", self.ids[*session].as_str()),
                Due::Verify(payment) => ("verify", names[*payment]),
                Due::Deliver(delivery) => ("deliver", deliveries[*delivery].as_str()),
            };
            vec![at.to_string(), kind.to_owned(), subject.to_owned()]
        });
        assert_eq!(real, planned.collect());
        let next = self.model.agenda.first_key_value().map(|((at, _), _)| *at);
        assert_eq!(database.wake.get().map(|wake| wake.0), next);
    }

    /// Events are only added, and the last of each object shows it as it is.
    fn compare_events(&mut self, objects: &[Value]) {
        let events = self.world.all("events");
        assert_eq!(events[..self.events.len()], self.events, "an event has changed");
        let last: HashMap<&str, &Value> =
            events.iter().map(|event| &event["data"]["object"]).map(|it| (it["id"].as_str().expect("an id"), it)).collect();
        for object in objects {
            assert_eq!(last[object["id"].as_str().expect("an id")], object, "a change without an event");
        }
        self.events = events;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn a_ledger_does_what_the_model_does(acts in prop::collection::vec((act(), pause()), 1..40)) {
        let mut pair = Pair::new();
        let mut moment = BEGIN;
        for (act, pause) in acts {
            // Not a whole second: so nothing that two acts bring about is ever due at the same time.
            moment += pause * 1000 + 1;
            pair.wait(moment);
            pair.act(&act);
            pair.wait(moment);
            pair.compare();
        }
        moment += 30 * 24 * 3_600_000;
        pair.wait(moment);
        pair.compare();
        prop_assert!(pair.model.agenda.is_empty());
    }
}
