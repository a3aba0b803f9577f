//! Many customers at once, doing everything that can be done, while the gateway breaks and recovers. Each has a marker of
//! their own: no answer may be lost or be somebody else's, every failure has its code, and neither memory nor files run away.
//!
//! `npm test` does this for some seconds, `npm run soak -- --minutes 10` for as long as it is told.
#![cfg(target_os = "linux")]
mod soak_load;
mod stage;
mod support;

use soak_load::{Kind, Load, Outcome};
use std::{
    collections::BTreeMap,
    env,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use support::process::{Process, allow_many_files};

/// Names the number of seconds, where it is not the usual one.
const SECONDS: &str = "LIVERY_SOAK_SECONDS";
const USUAL: Duration = Duration::from_secs(7);
const WARM_UP: Duration = Duration::from_secs(2);
const CUSTOMERS: u64 = 8;
/// How long the gateway works, and then how long it does not.
const SPELL: Duration = Duration::from_millis(200);
const SAMPLE: Duration = Duration::from_millis(200);
const REPORT: Duration = Duration::from_secs(5);

/// How much the memory may grow from the second third to the last, in KiB. With eager collection it grew by 2 MiB at most, in
/// ten minutes as in seconds; 64 KiB left by each request make 30 MiB in the short run, and 1 KiB makes 25 in the long one.
const GROWTH: u64 = 16 * 1024;
/// The same for open files: connections come and go.
const MORE_FILES: usize = 40;

/// What was seen so far.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<Kind, u64>,
    /// Failures by code, while the gateway was broken.
    expected: BTreeMap<String, u64>,
    unexpected: Vec<String>,
    milliseconds: Vec<f64>,
    /// Resident KiB and open files.
    samples: Vec<(u64, usize)>,
}

impl Tally {
    fn count(&mut self, kind: Kind, outcome: Outcome, took: Duration) {
        *self.kinds.entry(kind).or_default() += 1;
        self.milliseconds.push(took.as_secs_f64() * 1000.0);
        match outcome {
            Outcome::Right => {}
            Outcome::Failed(code) => *self.expected.entry(code).or_default() += 1,
            Outcome::Wrong(what) => self.unexpected.push(format!("{kind:?}: {what}")),
        }
    }

    fn line(&self, since: Instant) -> String {
        let mut times = self.milliseconds.clone();
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        let (resident, files) = self.samples.last().copied().unwrap_or_default();
        let failures: u64 = self.expected.values().sum();
        format!(
            "{:4} s: {} requests, {failures} expected failures, {} unexpected; p50 {:.1} ms, p99 {:.1} ms; {} MiB, {files} files",
            since.elapsed().as_secs(),
            times.len(),
            self.unexpected.len(),
            at(50),
            at(99),
            resident / 1024
        )
    }

    /// The middle of the second third's samples and of the last third's: in the first the runtime takes what it needs, in
    /// steps (97 MiB after 20 s, 205 after 120 s, then 216 for the rest of nine minutes and 220,000 requests).
    fn thirds<T: Ord + Copy>(&self, of: impl Fn(&(u64, usize)) -> T) -> (T, T) {
        let third = self.samples.len() / 3;
        let middle = |samples: &[(u64, usize)]| {
            let mut values: Vec<T> = samples.iter().map(&of).collect();
            values.sort();
            values[values.len() / 2]
        };
        (middle(&self.samples[third..2 * third]), middle(&self.samples[self.samples.len() - third..]))
    }
}

#[test]
fn nothing_is_lost_mixed_up_or_left_behind() {
    allow_many_files();
    let duration = env::var(SECONDS).map_or(USUAL, |text| Duration::from_secs(text.parse().expect("seconds")));
    let load = Load::start();
    load.warm_up(WARM_UP);
    let (tally, stop, markers) = (Mutex::new(Tally::default()), AtomicBool::new(false), AtomicU64::new(1));
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CUSTOMERS {
            scope.spawn(|| buy(&load, &tally, &stop, &markers));
        }
        scope.spawn(|| load.break_and_mend(&stop, SPELL));
        watch(&load, &tally, started, duration);
        stop.store(true, Ordering::Relaxed);
    });
    let tally = tally.into_inner().expect("the tally");
    println!("{}\nby kind {:?}\nexpected failures {:?}", tally.line(started), tally.kinds, tally.expected);
    judge(&load, &tally);
}

/// One customer after another, each with the next marker.
fn buy(load: &Load, tally: &Mutex<Tally>, stop: &AtomicBool, markers: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let marker = markers.fetch_add(1, Ordering::Relaxed);
        let kind = Kind::of(marker);
        let started = Instant::now();
        let outcome = load.request(kind, marker);
        tally.lock().expect("the tally").count(kind, outcome, started.elapsed());
    }
}

/// Samples and reports until the time is up.
fn watch(load: &Load, tally: &Mutex<Tally>, started: Instant, duration: Duration) {
    let process = Process(load.worker.pid());
    let mut reported = Instant::now();
    while started.elapsed() < duration {
        thread::sleep(SAMPLE);
        load.forget();
        let mut tally = tally.lock().expect("the tally");
        tally.samples.push((process.resident(), process.open_files()));
        if reported.elapsed() >= REPORT {
            reported = Instant::now();
            println!("{}", tally.line(started));
        }
    }
}

fn judge(load: &Load, tally: &Tally) {
    assert!(tally.unexpected.is_empty(), "{} unexpected, such as {:#?}", tally.unexpected.len(), &tally.unexpected[..1]);
    assert_eq!(tally.kinds.len(), Kind::ALL.len(), "{:?}", tally.kinds);
    assert!(!tally.expected.is_empty(), "the gateway never failed");
    let ((early, late), (few, many)) = (tally.thirds(|sample| sample.0), tally.thirds(|sample| sample.1));
    println!("resident {early} KiB in the second third, {late} in the last; {few} and {many} open files");
    assert!(late < early + GROWTH, "resident memory grew from {early} KiB to {late}");
    assert!(many < few + MORE_FILES, "open files grew from {few} to {many}");
    let log = load.worker.log();
    for word in ["panicked", "RuntimeError", "ncaught", "internal_error", "code had hung"] {
        assert!(!log.contains(word), "{word} in the log: {log}");
    }
}
