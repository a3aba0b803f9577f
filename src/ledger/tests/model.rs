//! A ledger as the design tells it, in as few words as possible: what the real one is held against. It shares no code with it.

use std::collections::{BTreeMap, HashSet};

/// Seconds from one try to the next.
const DELIVERIES: [u64; 10] = [10, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400];
const VERIFICATIONS: [u64; 14] = [2, 5, 15, 30, 60, 120, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400];
/// Minutes after a session was begun.
const POLLS: [u64; 6] = [10, 30, 120, 480, 1440, 4320];
/// What the native coin costs.
pub const PRICE: u64 = 2000;

/// A payment as somebody tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Millionths of the coin.
    pub value: u64,
    pub coin: &'static str,
    pub txid_in: Option<u32>,
    pub txid_out: Option<u32>,
    /// The order whose address it names; none where that is nobody's.
    pub to: Option<usize>,
}

/// What the gateway says of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    Unpaid,
    Nothing,
    Paid(Told),
}

#[expect(clippy::struct_excessive_bools, reason = "each is one of the design's words")]
#[derive(Clone, Debug)]
pub struct Session {
    pub state: &'static str,
    /// Millionths of a dollar.
    pub amount: Option<u64>,
    pub tolerance_bps: u64,
    pub callback: bool,
    pub order: Option<usize>,
    pub received: u64,
    pub is_late: bool,
    pub is_over: bool,
    pub was_reported: bool,
    pub reference: Option<u8>,
    ended: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub session: usize,
    pub told: Told,
    pub state: &'static str,
    pub is_late: bool,
    pub by_status: bool,
    pub dollars: u64,
    at: u64,
    tries: usize,
}

#[derive(Clone, Debug)]
pub struct Delivery {
    pub payment: usize,
    pub state: &'static str,
    pub tries: Vec<u64>,
}

/// What is due some time, with the number of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    Expire(usize),
    Poll(usize, usize),
    Verify(usize),
    Deliver(usize),
}

pub struct Model {
    pub now: u64,
    pub sessions: Vec<Session>,
    pub payments: Vec<Payment>,
    pub deliveries: Vec<Delivery>,
    /// By moment and, of one moment, by turn.
    pub agenda: BTreeMap<(u64, u64), Due>,
    pub gateway: Vec<Says>,
    pub price_is_known: bool,
    pub merchant_takes: bool,
    pub makes_wallets: bool,
    counted: HashSet<(bool, u32)>,
    turn: u64,
}

enum Verdict {
    Counts { dollars: u64, payout: Option<u32> },
    Later,
    Never,
}

impl Model {
    pub fn new(now: u64) -> Self {
        Self {
            now,
            sessions: Vec::new(),
            payments: Vec::new(),
            deliveries: Vec::new(),
            agenda: BTreeMap::new(),
            gateway: Vec::new(),
            price_is_known: true,
            merchant_takes: true,
            makes_wallets: true,
            counted: HashSet::new(),
            turn: 0,
        }
    }

    fn plan(&mut self, at: u64, due: Due) {
        self.turn += 1;
        self.agenda.insert((at, self.turn), due);
    }

    pub fn wait_until(&mut self, moment: u64) {
        while let Some(((at, _), due)) = self.agenda.first_key_value().map(|(key, due)| (*key, *due)) {
            if at > moment {
                break;
            }
            self.agenda.pop_first();
            self.now = self.now.max(at);
            match due {
                Due::Expire(session) => drop(self.end(session, "expired", true)),
                Due::Poll(session, number) => self.poll(session, number),
                Due::Verify(payment) => self.verify(payment),
                Due::Deliver(delivery) => self.deliver(delivery),
            }
        }
        self.now = moment;
    }

    pub fn create(&mut self, amount: Option<u64>, tolerance_bps: u64, callback: bool, lifetime: Option<u64>) -> usize {
        let session = Session {
            state: "open",
            amount,
            tolerance_bps,
            callback,
            order: None,
            received: 0,
            is_late: false,
            is_over: false,
            was_reported: false,
            reference: None,
            ended: None,
        };
        self.sessions.push(session);
        let session = self.sessions.len() - 1;
        if let Some(lifetime) = lifetime {
            self.plan(self.now + lifetime, Due::Expire(session));
        }
        session
    }

    /// Whoever comes under a reference gets the session of that reference to which nothing was paid yet.
    pub fn draft(&mut self, reference: u8) -> (usize, bool) {
        let is_free = |session: &Session| !session.was_reported && matches!(session.state, "open" | "processing");
        let last = self.sessions.iter().rposition(|session| session.reference == Some(reference));
        let session = last.filter(|last| is_free(&self.sessions[*last])).unwrap_or_else(|| {
            let session = self.create(None, 0, true, None);
            self.sessions[session].reference = Some(reference);
            session
        });
        (session, self.open(session))
    }

    /// The customer comes; whether there is an address to pay to.
    pub fn open(&mut self, session: usize) -> bool {
        let open = &mut self.sessions[session];
        if matches!(open.state, "expired" | "canceled") {
            return false;
        }
        if open.order.is_none() {
            if !self.makes_wallets {
                return false;
            }
            (open.order, open.state) = (Some(self.gateway.len()), "processing");
            self.gateway.push(Says::Unpaid);
            self.plan(self.now + POLLS[0] * 60_000, Due::Poll(session, 0));
        }
        true
    }

    /// Ends a session; whether that can be done.
    pub fn end(&mut self, session: usize, how: &'static str, by_itself: bool) -> bool {
        let session = &mut self.sessions[session];
        match session.state {
            "open" | "processing" => {
                (session.state, session.ended) = (how, Some(self.now));
                true
            }
            state => by_itself || state == how,
        }
    }

    pub fn report(&mut self, session: usize, told: Told, by_status: bool) {
        let is_known = |known: &Payment| known.session == session && known.told == told && known.by_status == by_status;
        if self.payments.iter().any(is_known) {
            return;
        }
        self.sessions[session].was_reported = true;
        let payment = Payment { session, told, state: "pending", is_late: false, by_status, dollars: 0, at: self.now, tries: 0 };
        self.payments.push(payment);
        self.plan(self.now, Due::Verify(self.payments.len() - 1));
    }

    fn poll(&mut self, session: usize, number: usize) {
        let is_any = |state: &str| self.payments.iter().any(|payment| payment.session == session && payment.state == state);
        let (is_counted, is_pending) = (is_any("verified"), is_any("pending"));
        if is_counted {
            return;
        }
        if let Some(next) = POLLS.get(number + 1) {
            self.plan(self.now + (next - POLLS[number]) * 60_000, Due::Poll(session, number + 1));
        }
        if is_pending {
            return;
        }
        let order = self.sessions[session].order.unwrap();
        if let Says::Paid(told) = self.gateway[order].clone() {
            self.report(session, Told { txid_in: None, to: Some(order), ..told }, true);
        }
    }

    fn verify(&mut self, number: usize) {
        self.payments[number].tries += 1;
        let verdict = self.judge(&self.payments[number]);
        let payment = &mut self.payments[number];
        match verdict {
            Verdict::Counts { dollars, payout } => {
                (payment.state, payment.dollars) = ("verified", dollars);
                self.counted.extend(payment.told.txid_in.map(|txid| (true, txid)));
                self.counted.extend(payout.map(|txid| (false, txid)));
                self.credit(number);
            }
            Verdict::Later if payment.tries <= VERIFICATIONS.len() => {
                let next = self.now + VERIFICATIONS[payment.tries - 1] * 1000;
                self.plan(next, Due::Verify(number));
            }
            _ => payment.state = "unverified",
        }
    }

    /// Paid means paid.
    fn judge(&self, payment: &Payment) -> Verdict {
        let Payment { told, session, by_status, .. } = payment;
        let order = self.sessions[*session].order;
        let dollars = match told.coin {
            "polygon_usdc" => told.value,
            "eth" => told.value * PRICE,
            _ => return Verdict::Never,
        };
        if told.to != order || order.is_none() || (told.txid_in.is_none() && !by_status) {
            return Verdict::Never;
        }
        if told.coin == "eth" && !self.price_is_known {
            return Verdict::Later;
        }
        let Says::Paid(said) = &self.gateway[order.unwrap()] else { return Verdict::Later };
        let payout = told.txid_out.or(said.txid_out);
        let agrees = said.value == told.value && said.coin == told.coin && said.txid_out == payout;
        let is_new = |(is_in, txid): (bool, Option<u32>)| txid.is_none_or(|txid| !self.counted.contains(&(is_in, txid)));
        if agrees && is_new((true, told.txid_in)) && is_new((false, payout)) {
            Verdict::Counts { dollars, payout }
        } else if !agrees && self.sessions[*session].received > 0 {
            // What the gateway says may be about an earlier payment still.
            Verdict::Later
        } else {
            Verdict::Never
        }
    }

    fn credit(&mut self, number: usize) {
        let payment = &mut self.payments[number];
        let session = &mut self.sessions[payment.session];
        payment.is_late = session.ended.is_some_and(|ended| ended <= payment.at);
        session.is_late |= payment.is_late;
        session.received += payment.dollars;
        let is_enough = |amount: u64| {
            u128::from(session.received) * 10_000 >= u128::from(amount) * u128::from(10_000 - session.tolerance_bps)
        };
        session.state = if session.amount.is_none_or(is_enough) { "paid" } else { "underpaid" };
        session.is_over |= session.amount.is_some_and(|amount| session.received > amount);
        if session.callback {
            self.deliveries.push(Delivery { payment: number, state: "pending", tries: Vec::new() });
            self.plan(self.now, Due::Deliver(self.deliveries.len() - 1));
        }
    }

    fn deliver(&mut self, number: usize) {
        let delivery = &mut self.deliveries[number];
        delivery.tries.push(self.now);
        if self.merchant_takes {
            delivery.state = "delivered";
        } else if let Some(pause) = DELIVERIES.get(delivery.tries.len() - 1) {
            let next = self.now + pause * 1000;
            self.plan(next, Due::Deliver(number));
        } else {
            delivery.state = "failed";
        }
    }
}
