//! The handle: starts the four listeners, holds the switches, stops everything.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

use crate::{
    bot::PayError,
    control,
    fault::{Fault, Switch},
    options::{BotMode, Options, Settings},
    records::{BotAttempt, Departure, Listener, Order, Received, ShopCallback, ShopReply},
    state::{Shared, State, Urls, Wallet},
    wire::server,
};

const THREADS: usize = 2;
const FAREWELL: Duration = Duration::from_secs(2);

/// A running stand-in. Dropping it stops it; that must not happen inside an async runtime, as it waits for its threads.
pub struct Sandbox {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl Sandbox {
    /// Starts the four listeners on 127.0.0.1 and returns when all accept connections.
    ///
    /// # Errors
    /// When a port is taken, or the system gives no threads.
    #[expect(clippy::needless_pass_by_value, reason = "reads well as Sandbox::start(Options { … })")]
    pub fn start(options: Options) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        let places = [
            (Listener::Api, bind(options.api)?),
            (Listener::Checkout, bind(options.checkout)?),
            (Listener::Provider, bind(options.provider)?),
            (Listener::Shop, bind(options.shop)?),
        ];
        let [api, checkout, provider, shop] = places.each_ref().map(|(_, listener)| url(listener));
        let urls = Urls { api: api?, checkout: checkout?, provider: provider?, shop: shop? };
        let shared = Arc::new(Shared::new(&options, urls, runtime.handle().clone()));
        let within = runtime.enter();
        for (place, listener) in places {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(server::serve(listener, place, Arc::clone(&shared)));
        }
        drop(within);
        Ok(Self { shared, runtime: Some(runtime) })
    }

    /// Where the control API is, without a slash at the end.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.shared.urls.api.clone()
    }

    /// Where the hosted checkout is.
    #[must_use]
    pub fn checkout_url(&self) -> String {
        self.shared.urls.checkout.clone()
    }

    /// Where the provider is.
    #[must_use]
    pub fn provider_url(&self) -> String {
        self.shared.urls.provider.clone()
    }

    /// Where the demo shop is.
    #[must_use]
    pub fn shop_url(&self) -> String {
        self.shared.urls.shop.clone()
    }

    /// The four URLs as one line of JSON.
    #[must_use]
    pub fn urls_json(&self) -> String {
        serde_json::to_string(&self.shared.urls).unwrap_or_default()
    }

    /// Names the Worker under test, for the demo shop.
    pub fn set_livery(&self, url: &str) {
        self.shared.update(|state| url.trim_end_matches('/').clone_into(&mut state.livery));
    }

    /// Changes settings while running.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.update(|state| change(&mut state.settings));
    }

    /// Sets how the bot behaves from the next payment on.
    pub fn set_bot_mode(&self, mode: BotMode) {
        self.configure(|settings| settings.bot = mode);
    }

    /// Sets how the shop answers callbacks.
    pub fn set_shop_reply(&self, reply: ShopReply) {
        self.shared.update(|state| state.shop_reply = reply);
    }

    /// Lets a fault strike every request to a path: an exact one on any listener, or `*` for every one of the gateway.
    /// The latest switch wins; latencies add up.
    pub fn fault(&self, path: &str, fault: Fault) {
        self.switch_on(path, fault, None);
    }

    /// Lets a fault strike the next `times` requests to a path.
    pub fn fault_times(&self, path: &str, fault: Fault, times: u32) {
        self.switch_on(path, fault, Some(times));
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.update(|state| state.faults.clear());
    }

    /// Every request received so far, on any listener; not those to the control endpoint.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.read(|state| state.requests.clone())
    }

    /// Every client that went away before its answer was complete, and when.
    #[must_use]
    pub fn departures(&self) -> Vec<Departure> {
        self.shared.read(|state| state.departures.clone())
    }

    /// Forgets the requests received so far.
    pub fn clear_requests(&self) {
        self.shared.update(|state| state.requests.clear());
    }

    /// Forgets faults and all records; wallets, orders and settings stay.
    pub fn clear(&self) {
        self.shared.update(control::clear);
    }

    /// Pays dollars without a browser, to a receiving address or to an `address_in`, encoded or not.
    /// The payment stands when this returns; the bot starts on its own.
    ///
    /// # Errors
    /// When no wallet has the address, or the amount is no positive decimal.
    pub fn pay(&self, address: &str, amount: &str) -> Result<(), PayError> {
        control::pay(&self.shared, address, amount)
    }

    /// Every call the bot made.
    #[must_use]
    pub fn bot_log(&self) -> Vec<BotAttempt> {
        self.shared.read(|state| state.bot_log.clone())
    }

    /// Every callback the demo shop received.
    #[must_use]
    pub fn shop_callbacks(&self) -> Vec<ShopCallback> {
        self.shared.read(|state| state.shop_callbacks.clone())
    }

    /// Every order of the demo shop.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        self.shared.read(|state| state.orders.clone())
    }

    /// The wallet with this receiving address.
    #[must_use]
    pub fn wallet(&self, polygon_address_in: &str) -> Option<Wallet> {
        self.shared.read(|state| state.wallet(polygon_address_in).cloned())
    }

    /// Blocks until the condition holds (`true`) or the time is up (`false`). The condition must not call the sandbox.
    #[must_use]
    pub fn wait_for(&self, condition: impl Fn(&State) -> bool, timeout: Duration) -> bool {
        self.shared.wait_for(condition, timeout)
    }

    fn switch_on(&self, path: &str, fault: Fault, left: Option<u32>) {
        self.shared.update(|state| state.faults.push(Switch { path: path.to_owned(), fault, left }));
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(FAREWELL);
        }
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn url(listener: &TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}
