//! Everything the stand-in holds while it runs, behind one lock, with one way to wait for a change.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rust_decimal::Decimal;
use serde::Serialize;
use tokio::runtime::Handle;

use crate::{
    documented,
    fault::Switch,
    opaque,
    options::{Options, Settings},
    records::{BotAttempt, Departure, Order, Received, ShopCallback, ShopReply},
};

/// What the stand-in holds. Tests read it in [`crate::Sandbox::wait_for`].
#[derive(Debug)]
pub struct State {
    pub(crate) settings: Settings,
    pub(crate) livery: String,
    pub(crate) wallets: BTreeMap<String, Wallet>,
    pub(crate) requests: Vec<Received>,
    pub(crate) departures: Vec<Departure>,
    pub(crate) faults: Vec<Switch>,
    pub(crate) bot_log: Vec<BotAttempt>,
    pub(crate) orders: Vec<Order>,
    pub(crate) shop_callbacks: Vec<ShopCallback>,
    pub(crate) shop_reply: ShopReply,
    pub(crate) serial: u64,
}

/// One receiving address and what happened at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wallet {
    /// The receiving address, with its checksum.
    pub polygon_address_in: String,
    /// The callback it was made for.
    pub callback: String,
    /// The token, percent-encoded.
    pub ipn_token: String,
    /// Wallets and their shares, the merchant first.
    pub split: Vec<(String, Decimal)>,
    /// What arrived.
    pub payments: Vec<Payment>,
    /// How often its status was asked for.
    pub status_calls: u32,
}

/// A payment that arrived at a receiving address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Payment {
    /// Coin it was made in.
    pub coin: String,
    /// How many coins arrived.
    pub value_coin: Decimal,
    /// How many were passed on.
    pub value_forwarded_coin: Decimal,
    /// The provider's transaction.
    pub txid_in: String,
    /// The payout's transaction.
    pub txid_out: String,
    /// Whether payment-status knows of it.
    pub settled: bool,
}

impl State {
    fn new(options: &Options) -> Self {
        Self {
            settings: options.settings.clone(),
            livery: options.livery.clone(),
            wallets: documented_wallets(),
            requests: Vec::new(),
            departures: Vec::new(),
            faults: Vec::new(),
            bot_log: Vec::new(),
            orders: Vec::new(),
            shop_callbacks: Vec::new(),
            shop_reply: ShopReply::default(),
            serial: 0,
        }
    }

    /// Every request received so far, on any listener.
    #[must_use]
    pub fn requests(&self) -> &[Received] {
        &self.requests
    }

    /// Every client that went away before its answer was complete.
    #[must_use]
    pub fn departures(&self) -> &[Departure] {
        &self.departures
    }

    /// Every call the bot made.
    #[must_use]
    pub fn bot_log(&self) -> &[BotAttempt] {
        &self.bot_log
    }

    /// Every callback the demo shop received.
    #[must_use]
    pub fn shop_callbacks(&self) -> &[ShopCallback] {
        &self.shop_callbacks
    }

    /// Every order of the demo shop.
    #[must_use]
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// The wallet with this receiving address, in any letter case.
    #[must_use]
    pub fn wallet(&self, polygon_address_in: &str) -> Option<&Wallet> {
        self.wallets.get(&polygon_address_in.to_ascii_lowercase())
    }

    /// Every wallet made so far, the documented ones included.
    pub fn wallets(&self) -> impl Iterator<Item = &Wallet> {
        self.wallets.values()
    }

    pub(crate) fn wallet_mut(&mut self, polygon_address_in: &str) -> Option<&mut Wallet> {
        self.wallets.get_mut(&polygon_address_in.to_ascii_lowercase())
    }

    /// Keeps a wallet; what was paid to it before stays paid.
    pub(crate) fn keep(&mut self, wallet: Wallet) {
        let key = wallet.polygon_address_in.to_ascii_lowercase();
        match self.wallets.get_mut(&key) {
            Some(known) => known.split = wallet.split,
            None => drop(self.wallets.insert(key, wallet)),
        }
    }

    /// A number no earlier call returned.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl Wallet {
    /// A wallet for a callback, with nothing paid yet.
    pub(crate) fn new(callback: &str, split: Vec<(String, Decimal)>) -> Self {
        Self {
            polygon_address_in: opaque::receiving_address(callback),
            callback: callback.to_owned(),
            ipn_token: opaque::ipn_token(callback),
            split,
            payments: Vec::new(),
            status_calls: 0,
        }
    }
}

/// The state and the means to change it, watch it and start work in the background.
pub(crate) struct Shared {
    pub urls: Urls,
    pub runtime: Handle,
    state: Mutex<State>,
    changed: Condvar,
}

/// Where the four listeners are.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Urls {
    pub api: String,
    pub checkout: String,
    pub provider: String,
    pub shop: String,
}

impl Shared {
    pub fn new(options: &Options, urls: Urls, runtime: Handle) -> Self {
        Self { urls, runtime, state: Mutex::new(State::new(options)), changed: Condvar::new() }
    }

    /// Reads the state.
    pub fn read<T>(&self, reader: impl FnOnce(&State) -> T) -> T {
        reader(&self.lock())
    }

    /// Changes the state and wakes whoever waits for a change.
    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let outcome = change(&mut self.lock());
        self.changed.notify_all();
        outcome
    }

    /// Blocks until the condition holds, or the time is up; tells which.
    pub fn wait_for(&self, condition: impl Fn(&State) -> bool, timeout: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| !condition(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// A condition that panicked in a test leaves the state whole, so a poisoned lock is used as it is.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The documented wallets exist from the start, as does the documented payment.
fn documented_wallets() -> BTreeMap<String, Wallet> {
    let split = vec![(documented::PAYOUT_WALLET.to_owned(), Decimal::new(99, 2))];
    let samples = documented::WALLETS.iter().map(|sample| Wallet::new(sample.callback, split.clone()));
    samples.map(|wallet| (wallet.polygon_address_in.to_ascii_lowercase(), wallet)).collect()
}
