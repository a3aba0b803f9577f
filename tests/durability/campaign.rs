//! Rounds of load and kills over one ledger, until everything has come to its end.
use super::{
    cold::Cold,
    load::{Load, Said},
};
use crate::{
    ledger::{Caller, stage as open_stage},
    stage::Stage,
    support::{dice::Dice, worker::Worker},
};
use livery_sandbox::{Fault, Sandbox, ShopReply};
use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

/// Threads that do something.
const CUSTOMERS: u64 = 4;
/// For how long the Worker lives in a round: at least, and how much longer at most, in milliseconds.
const LIFE: (u64, usize) = (60, 1_200);
/// How long the Worker is left alone at the end, before it is looked at once more.
const CALM: Duration = Duration::from_secs(2);
/// How long everything may take to come to its end.
const PATIENCE: Duration = Duration::from_mins(4);
/// Rounds in a row in which the shop does not answer as it should, and between which it does.
const BAD: usize = 4;
const GOOD: usize = 14;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub kills: usize,
    pub sessions: usize,
    pub acknowledged: usize,
    pub transactions: usize,
    pub credited: usize,
    pub deliveries: usize,
    pub calls: usize,
    pub leases_lost: usize,
    pub slowest_start: Duration,
    pub settled_after: Duration,
    pub done: BTreeMap<&'static str, u64>,
}

/// Runs so many rounds.
pub fn run(seed: u64, rounds: usize) -> Figures {
    let stage = open_stage(&[("RATE_LIMIT_PER_CLIENT", "0"), ("RATE_LIMIT_PER_TOKEN", "0")]);
    let key = Caller::merchant(&stage).token;
    let Stage { worker, sandbox } = stage;
    sandbox.configure(|settings| settings.resend_ms = vec![150; 2_000]);
    let load = Load::new(&sandbox, worker.door(), key);
    let mut campaign = Campaign { worker, sandbox: &sandbox, load: &load, figures: Figures::default() };
    thread::scope(|scope| {
        let _over = Over(&load);
        for customer in 0..CUSTOMERS {
            let load = &load;
            scope.spawn(move || load.run(seed * CUSTOMERS + customer));
        }
        campaign.kill_at_random(&mut Dice::new(seed), rounds);
    });
    campaign.settle();
    load.said(|said| campaign.figures.done.clone_from(&said.done));
    campaign.figures
}

/// Ends the load, whatever becomes of the test: nobody could wait for it otherwise.
struct Over<'l>(&'l Load<'l>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Campaign<'l> {
    worker: Worker,
    sandbox: &'l Sandbox,
    load: &'l Load<'l>,
    figures: Figures,
}

impl Campaign<'_> {
    fn kill_at_random(&mut self, dice: &mut Dice, rounds: usize) {
        for round in 0..rounds {
            self.trouble(round);
            thread::sleep(Duration::from_millis(LIFE.0 + u64::try_from(dice.below(LIFE.1)).expect("a small number")));
            if round % 2 == 1 {
                self.load.kill_at_next_promise(self.worker.pid());
            }
            self.kill();
            self.restart();
        }
        self.trouble(BAD);
    }

    /// For some rounds the shop fails, or takes its time, or the gateway does not say what it knows; then all is well again.
    fn trouble(&self, round: usize) {
        self.sandbox.clear_faults();
        let (status, delay) = match round % (BAD + GOOD) {
            0 => (200, Duration::from_millis(400)),
            1 | 2 => (503, Duration::ZERO),
            _ => (200, Duration::ZERO),
        };
        self.sandbox.set_shop_reply(ShopReply { status, delay, ..ShopReply::default() });
        if round % (BAD + GOOD) == 3 {
            self.sandbox.fault("/control/payment-status.php", Fault::Status(503, "busy".to_owned()));
        }
    }

    /// Kills the Worker and looks at what is left.
    fn kill(&mut self) -> Option<Cold> {
        self.worker.kill9();
        self.figures.kills += 1;
        let log = self.worker.log();
        for word in ["panicked", "RuntimeError", "database refused", "task failed", "not begun"] {
            assert!(!log.contains(word), "{word} in the log: {log}");
        }
        let cold = Cold::copy(&self.worker.ledgers())?;
        let complaints = self.load.said(|said| self.complaints(&cold, said));
        assert!(complaints.is_empty(), "after {} kills: {complaints:#?}", self.figures.kills);
        self.figures.leases_lost += cold.leased();
        Some(cold)
    }

    fn restart(&mut self) {
        let began = Instant::now();
        self.worker.restart();
        self.figures.slowest_start = self.figures.slowest_start.max(began.elapsed());
    }

    /// Whatever was promised and is not there.
    fn complaints(&self, cold: &Cold, said: &Said) -> Vec<String> {
        let mut all = [cold.complaints(), said.wrong.clone()].concat();
        let (reports, sessions) = (cold.reports(), cold.received());
        let told = self.sandbox.bot_log().into_iter().filter(|attempt| attempt.acknowledged);
        let told = told.map(|attempt| attempt.url.split_once('?').expect("a query").1.to_owned());
        let acknowledged: BTreeSet<String> = told.chain(said.acknowledged.iter().cloned()).collect();
        for query in &acknowledged {
            let times = reports.get(query).copied().unwrap_or_default();
            all.extend((times != 1).then(|| format!("an acknowledged report is there {times} times: {query}")));
        }
        for id in said.created.keys().filter(|id| !sessions.contains_key(*id)) {
            all.push(format!("{id} was made and is not there"));
        }
        for id in &said.canceled {
            let is_so = sessions.get(id).is_some_and(|(received, status)| *received > 0 || status == "canceled");
            all.extend((!is_so).then(|| format!("{id} was canceled and is {:?}", sessions.get(id))));
        }
        let arrived = self.arrived();
        for owed in cold.owed().iter().filter(|owed| owed.is_delivered) {
            let is_so = arrived.contains(&(owed.number.clone(), owed.txid_in.clone()));
            all.extend((!is_so).then(|| format!("{owed:?}, of which the shop knows nothing")));
        }
        all
    }

    /// The numbers and transactions of which the shop was told.
    fn arrived(&self) -> BTreeSet<(String, String)> {
        let calls = self.sandbox.shop_callbacks();
        let txid =
            |parameters: &[(String, String)]| parameters.iter().find(|(name, _)| name == "txid_in").map(|(_, txid)| txid.clone());
        calls.into_iter().filter_map(|call| Some((call.number, txid(&call.parameters)?))).collect()
    }

    /// Leaves the Worker alone until nothing is on its way any more, and looks at it now and then as a kill leaves it.
    fn settle(&mut self) {
        let began = Instant::now();
        loop {
            let cold = self.kill().expect("a ledger with sessions");
            let open = self.load.said(|said| unsettled(&cold, said));
            if open.is_empty() {
                self.figures.settled_after = began.elapsed();
                return self.count(&cold);
            }
            assert!(began.elapsed() < PATIENCE, "{} did not come to their end: {:#?}", open.len(), &open[..open.len().min(10)]);
            self.restart();
            thread::sleep(CALM);
        }
    }

    fn count(&mut self, cold: &Cold) {
        let owed = cold.owed();
        let figures = &mut self.figures;
        figures.sessions = cold.received().len();
        figures.transactions = cold.reports().values().sum();
        figures.credited = owed.len();
        figures.deliveries = owed.iter().filter(|owed| owed.is_delivered).count();
        figures.calls = self.sandbox.shop_callbacks().len();
        figures.acknowledged = self.load.said(|said| said.acknowledged.len())
            + self.sandbox.bot_log().iter().filter(|attempt| attempt.acknowledged).count();
    }
}

/// Sessions that have not received what was paid, and callbacks that have not arrived.
fn unsettled(cold: &Cold, said: &Said) -> Vec<String> {
    let mut open = Vec::new();
    for (id, (received, status)) in cold.received() {
        let paid = said.paid.get(&id).copied().unwrap_or_default();
        assert!(received <= paid, "{id} has received {received} and was paid {paid}");
        open.extend((received != paid).then(|| format!("{id} is {status} with {received} of {paid}")));
    }
    open.extend(cold.owed().iter().filter(|owed| !owed.is_delivered).map(|owed| format!("{owed:?}")));
    open
}
