//! The merchant's servers: each behaves in its own way until it is told to be calm, and remembers what it took.
use crate::{
    ledger::text,
    support::endpoint::{Endpoint, Got, answer, now, reset},
    webhook_load::records::Records,
};
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{self, Read as _},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// How long the ledger may take to write down what was answered, in milliseconds: a kill within this time may lose it.
const WRITING_MS: u64 = 3_000;

/// How much later than its end a request may be read that was on its way then, in milliseconds, on a machine that is busy.
const ON_ITS_WAY_MS: u64 = 3_000;

/// A time when nobody ran, in milliseconds since 1970: it begins before the kill, which came at some moment within it, and ends
/// before the next start.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub from: u64,
    pub until: u64,
}

impl Outage {
    /// Whether it is the reason that something came again that was taken before: the ledger had no time to write that down, or
    /// was not there any more.
    fn excuses(self, taken: u64, again: u64) -> bool {
        taken + WRITING_MS > self.from && taken <= self.until && again >= self.from
    }
}

/// How a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It takes everything.
    Well,
    /// It answers 500 to each webhook's first attempts, and then 200.
    Fails,
    /// It resets the first connection.
    Resets,
    /// It does not answer the first attempt, and waits until it is left.
    Hangs,
    /// It is well at first, and then away for a day.
    Away,
    /// It is well at first, and then says 410.
    Gone,
    /// It is well, and its endpoint is deleted.
    Deleted,
}

impl Manner {
    pub const ALL: [Self; 7] = [Self::Well, Self::Fails, Self::Resets, Self::Hangs, Self::Away, Self::Gone, Self::Deleted];
}

/// What a server knows.
#[derive(Default)]
struct Mind {
    is_bad: AtomicBool,
    is_calm: AtomicBool,
    /// How often each webhook came.
    times: Mutex<HashMap<String, usize>>,
    /// What it took, and when it said so.
    taken: Mutex<Vec<(String, u64)>>,
}

/// A running one.
pub struct Host {
    pub manner: Manner,
    pub endpoint: Endpoint,
    /// The endpoint as the API made it, with its secret.
    pub hook: Value,
    mind: Arc<Mind>,
    /// From when on it gets nothing more.
    end: AtomicU64,
}

impl Host {
    pub fn start(manner: Manner) -> Self {
        let mind = Arc::new(Mind::default());
        let own = Arc::clone(&mind);
        let endpoint = Endpoint::start(move |got, stream| own.meet(manner, got, stream));
        Self { manner, endpoint, hook: Value::Null, mind, end: AtomicU64::new(u64::MAX) }
    }

    pub fn turn_bad(&self) {
        self.mind.is_bad.store(true, Ordering::SeqCst);
    }

    /// From now on it takes everything, unless it is gone.
    pub fn calm(&self) {
        self.mind.is_calm.store(true, Ordering::SeqCst);
    }

    /// Nothing may come from that moment on.
    pub fn end(&self, moment: u64) {
        self.end.fetch_min(moment, Ordering::SeqCst);
    }

    /// Whether it took an event.
    pub fn took(&self, event: &str) -> bool {
        self.mind.taken.lock().expect("what it took").iter().any(|(taken, _)| taken == event)
    }

    /// Looks at all that came.
    pub fn judge(&self, outages: &[Outage], records: &Records) {
        let (all, mut bodies, secret) = (self.endpoint.got(), HashMap::new(), text(&self.hook, "secret"));
        let taken = self.mind.taken.lock().expect("what it took").clone();
        let end = self.end.load(Ordering::SeqCst);
        for got in &all {
            let what = format!("{} at the one that {:?}", got.id(), self.manner);
            assert!(got.is_signed_with(&secret) && got.json()["id"] == got.id(), "{what}");
            assert_eq!(bodies.entry(got.id().to_owned()).or_insert_with(|| got.body.clone()), &got.body, "{what}");
            // What was on its way when it was deleted may arrive a moment later.
            assert!(got.at <= end.saturating_add(ON_ITS_WAY_MS), "{what} came {} ms after its end", got.at.saturating_sub(end));
            assert!(!records.was_delivered(&text(&self.hook, "id"), got.id(), got.at), "{what} came after it was delivered");
            let before = taken.iter().filter(|(id, at)| id == got.id() && *at < got.at).map(|(_, at)| *at).min();
            let is_excused = |at: u64| outages.iter().any(|outage| outage.excuses(at, got.at));
            assert!(before.is_none_or(is_excused), "{what} came again after it was taken, and no kill is the reason");
        }
        assert!(!matches!(self.manner, Manner::Gone | Manner::Deleted) || end < u64::MAX, "{:?} has no end", self.manner);
        assert!(!all.is_empty());
    }
}

impl Mind {
    fn meet(&self, manner: Manner, got: &Got, stream: &mut TcpStream) -> io::Result<()> {
        let times = {
            let mut times = self.times.lock().expect("how often");
            let times = times.entry(got.id().to_owned()).or_default();
            *times += 1;
            *times
        };
        let (is_bad, is_calm) = (self.is_bad.load(Ordering::SeqCst), self.is_calm.load(Ordering::SeqCst));
        match manner {
            Manner::Gone if is_bad => answer(stream, 410, &[], ""),
            _ if is_calm => self.take(got, stream),
            Manner::Fails if times < 3 => answer(stream, 500, &[], "<h1>Out of order</h1>"),
            Manner::Resets if times == 1 => reset(stream),
            Manner::Hangs if times == 1 => stream.read(&mut [0]).map(drop),
            Manner::Away if is_bad => reset(stream),
            _ => self.take(got, stream),
        }
    }

    fn take(&self, got: &Got, stream: &mut TcpStream) -> io::Result<()> {
        answer(stream, 200, &[], "")?;
        self.taken.lock().expect("what it took").push((got.id().to_owned(), now()));
        Ok(())
    }
}
