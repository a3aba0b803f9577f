//! A Worker with one account, the gateway and the merchants' servers; and what the benchmark asks of the account.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::ADMIN;
use crate::client::Client;
use crate::endpoints::{self, Endpoints};
use crate::outside::{self, Outside};
use crate::proc_stat::cpu_us;
use crate::support::{config::Settings, worker::Worker};

/// The type of the event that a created session is.
pub const CREATED: &str = "checkout.session.created";
const PAYOUT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
/// How many callers create sessions at the same time.
const CALLERS: u32 = 8;

pub struct Stage {
    pub worker: Worker,
    pub outside: Outside,
    pub endpoints: Endpoints,
    /// The number of the next session.
    next: AtomicUsize,
}

impl Stage {
    /// All of it anew: no part of the benchmark inherits another's ledger.
    pub fn start() -> Self {
        let (outside, endpoints) = (outside::start(), endpoints::start());
        let settings = Settings::new().gateway(&outside.gateway, &outside.gateway);
        let settings = settings.set("ADMIN_TOKEN", ADMIN).set("PAYOUT_WALLET", PAYOUT).set("RATE_LIMIT_PER_CLIENT", "0");
        Self { worker: Worker::start(&settings), outside, endpoints, next: AtomicUsize::new(0) }
    }

    /// Processor time that workerd took so far, in milliseconds.
    pub fn cpu_ms(&self) -> f64 {
        cpu_us(self.worker.pid()) as f64 / 1e3
    }

    pub fn client(&self) -> Client {
        Client::new(&self.worker)
    }

    /// Creates a session, which is an event; its number.
    pub fn create(&self, client: &mut Client) -> usize {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        client.create(number);
        number
    }

    /// Creates so many sessions, as fast as can be.
    pub fn create_many(&self, count: usize) {
        let end = self.next.load(Ordering::Relaxed) + count;
        let work = || {
            let mut client = self.client();
            loop {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return;
                }
                client.create(number);
            }
        };
        thread::scope(|scope| (0..CALLERS).for_each(|_| drop(scope.spawn(work))));
    }

    /// Creates sessions for so long, so many each second or as many as can be; when each was asked for, and how long it took in all.
    pub fn create_for(&self, time: Duration, per_second: Option<u32>) -> (Vec<(usize, Instant)>, Duration) {
        let began = Instant::now();
        let caller = |which: u32| {
            let (mut client, mut asked) = (self.client(), Vec::new());
            for turn in 0.. {
                let slot = per_second.map_or(Duration::ZERO, |rate| Duration::from_secs(1) * (turn * CALLERS + which) / rate);
                thread::sleep(slot.saturating_sub(began.elapsed()));
                if turn > 0 && began.elapsed() >= time {
                    break;
                }
                let sent = Instant::now();
                asked.push((self.create(&mut client), sent));
            }
            asked
        };
        thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS).map(|which| scope.spawn(move || caller(which))).collect();
            let asked = callers.into_iter().flat_map(|caller| caller.join().expect("sessions")).collect();
            (asked, began.elapsed())
        })
    }

    /// Makes a webhook endpoint; its id.
    pub fn endpoint(&self, url: &str, event_types: &[&str], status: &str) -> String {
        let body = json!({"url": url, "event_types": event_types, "status": status}).to_string();
        let made = self.client().ask("POST", "/api/v1/webhooks", &body).json();
        made["id"].as_str().expect("an id").to_owned()
    }

    pub fn set_status(&self, endpoint: &str, status: &str) {
        self.client().ask("PATCH", &format!("/api/v1/webhooks/{endpoint}"), &json!({"status": status}).to_string());
    }

    pub fn delete(&self, endpoint: &str) {
        self.client().ask("DELETE", &format!("/api/v1/webhooks/{endpoint}"), "");
    }

    /// Owes an endpoint all that has happened until now; how many events that is.
    pub fn replay(&self, endpoint: &str, until: u64) -> usize {
        let (mut client, mut count) = (self.client(), 0);
        let mut request = json!({"since": 0, "until": until, "which": "all"});
        loop {
            let replayed = client.ask("POST", &format!("/api/v1/webhooks/{endpoint}/replay"), &request.to_string()).json();
            count += usize::try_from(replayed["count"].as_u64().expect("a count")).expect("few");
            if replayed["has_more"] == false {
                return count;
            }
            request["starting_after"] = replayed["last_event"].clone();
        }
    }

    /// The last session's id.
    pub fn some_session(&self) -> String {
        self.client().get("checkout-sessions?limit=1")["data"][0]["id"].as_str().expect("an id").to_owned()
    }

    /// The moment of the last event, in milliseconds since 1970.
    pub fn last_event(&self) -> u64 {
        self.client().get("events?limit=1")["data"][0]["created_at"].as_u64().expect("a moment")
    }
}
