//! What the benchmarks' figures rest on: their statistics, their reading of `/proc`, that every contender still does the work
//! of every row, and that webhooks and live events still arrive in every part. Nothing is measured here.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as in the benchmark")]

#[path = "../benches/webhooks/audience.rs"]
mod audience;
#[path = "../benches/ledger/client.rs"]
mod client;
#[path = "../benches/compare/contender.rs"]
#[allow(dead_code, reason = "process ids are for the benchmark's figures")]
mod contender;
#[path = "../benches/webhooks/endpoints.rs"]
mod endpoints;
#[path = "../benches/webhooks/latency.rs"]
mod latency;
#[path = "../benches/webhooks/listeners.rs"]
mod listeners;
#[path = "../benches/compare/load.rs"]
#[allow(dead_code, reason = "customers in a hurry are the benchmark's alone")]
mod load;
#[path = "../benches/webhooks/neighbours.rs"]
mod neighbours;
#[path = "../benches/webhooks/options.rs"]
#[allow(dead_code, reason = "the command line is the benchmark's alone")]
mod options;
#[path = "../benches/ledger/outside.rs"]
#[allow(dead_code, reason = "when the merchant's classic callback comes is not asked here")]
mod outside;
#[path = "../benches/compare/proc_stat.rs"]
mod proc_stat;
#[path = "../benches/webhooks/rate.rs"]
mod rate;
#[path = "../benches/webhooks/report.rs"]
#[allow(dead_code, reason = "nothing is written here")]
mod report;
#[path = "../benches/webhooks/stage.rs"]
mod stage;
#[path = "../benches/compare/statistics.rs"]
mod statistics;
#[path = "../benches/compare/stub.rs"]
#[allow(dead_code, reason = "it names more than is asked for here")]
mod stub;
mod support;
#[path = "../benches/compare/work.rs"]
#[allow(dead_code, reason = "what else a row says is about its figures")]
mod work;

use std::time::{Duration, Instant};

use contender::{Contender, HIDES, NAMES, Running};
use options::Options;
use statistics::{Estimate, Random, bootstrap, median, paired_difference, paired_ratio, quantile};

/// The operator's token, for the benchmark of webhooks.
pub const ADMIN: &str = "the-operators-own-token-0123456789";

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

/// Each row's answer is read whole: its status, its marker, and whether the gateway is named.
#[test]
fn every_contender_does_the_work_of_its_rows() {
    let gateway = stub::start();
    let prepare = |number| Contender::prepare(number, &gateway);
    let contenders: Vec<Contender> = (0..NAMES.len()).map(prepare).collect();
    let running: Vec<Running> = contenders.iter().map(Contender::start).collect();
    for work in work::all() {
        for &contender in &work.contenders {
            load::once(running[contender].port, &work, HIDES[contender]);
        }
    }
}

/// A hundredth of each part: whatever does not arrive is missed.
#[test]
fn every_part_of_the_benchmark_of_webhooks_comes_to_its_end() {
    for measure in [latency::measure, rate::measure, listeners::measure, neighbours::measure] {
        let table = measure(&Options::share(100));
        assert!(!table.contains("NaN") && !table.contains("inf"), "{table}");
    }
}

#[test]
fn medians_and_quantiles_are_those_of_the_sorted_values() {
    assert!(close(median(&[9.0, 1.0, 5.0]), 5.0));
    assert!(close(median(&[4.0, 1.0, 3.0, 2.0]), 2.5));
    assert!(close(quantile(&[30.0, 10.0, 20.0], 0.0), 10.0) && close(quantile(&[30.0, 10.0, 20.0], 1.0), 30.0));
    assert!(close(quantile(&(0..=100).map(f64::from).collect::<Vec<_>>(), 0.99), 99.0));
    assert!(median(&[]).is_nan());
}

#[test]
fn ratios_are_taken_within_the_rounds() {
    // The machine is ten times slower in each next round; ours takes half in each. Unpaired, nothing of that would be seen.
    let (ours, theirs) = ([1.0, 10.0, 100.0, 1000.0], [2.0, 20.0, 200.0, 2000.0]);
    assert_eq!(paired_ratio(&ours, &theirs, &mut Random(1)), Estimate { median: 0.5, low: 0.5, high: 0.5 });
    let more = paired_difference(&[3.0, 4.0, 9.0], &[1.0, 2.0, 7.0], &mut Random(1));
    assert_eq!(more, Estimate { median: 2.0, low: 2.0, high: 2.0 });
    // The median of the ratios, not the ratio of the medians, which is 1.
    assert!(close(paired_ratio(&[1.0, 2.0, 3.0], &[3.0, 2.0, 0.5], &mut Random(1)).median, 1.0));
    assert!(close(paired_ratio(&[1.0, 2.0, 3.0], &[0.5, 1.0, 9.0], &mut Random(1)).median, 2.0));
}

#[test]
#[should_panic(expected = "do not belong together")]
fn rounds_that_lack_a_partner_are_refused() {
    paired_ratio(&[1.0, 2.0], &[1.0], &mut Random(1));
}

/// Of 200 experiments with a known median, the intervals must hold it about 95 times in a hundred, and be no wider than
/// needed: 20 values spread evenly over 0 to 1 know their median to a fifth or so.
#[test]
fn an_interval_holds_the_truth_about_as_often_as_it_says() {
    let mut random = Random(7);
    let mut held = 0;
    for _ in 0..200 {
        let values: Vec<f64> = (0..20).map(|_| random.below(1_000_001) as f64 / 1e6).collect();
        let Estimate { median, low, high } = bootstrap(&values, &mut random);
        assert!(low <= median && median <= high && high - low < 0.7, "{low} {median} {high}");
        held += usize::from(low <= 0.5 && 0.5 <= high);
    }
    assert!((178..=199).contains(&held), "{held} of 200");
}

#[test]
fn the_same_seed_gives_the_same_and_another_seed_another() {
    let shuffled = |seed| {
        let mut items: Vec<usize> = (0..20).collect();
        Random(seed).shuffle(&mut items);
        items
    };
    assert_eq!(shuffled(3), shuffled(3));
    assert_ne!(shuffled(3), shuffled(4));
    let mut sorted = shuffled(3);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..20).collect::<Vec<_>>());
}

#[test]
fn every_order_is_equally_likely() {
    let mut random = Random(11);
    let mut firsts = [0; 4];
    for _ in 0..4000 {
        let mut items = [0, 1, 2, 3];
        random.shuffle(&mut items);
        firsts[items[0]] += 1;
    }
    assert!(firsts.iter().all(|count| (850..1150).contains(count)), "{firsts:?}");
}

#[test]
fn times_stand_behind_the_name_whatever_the_name_is() {
    let behind = "S 1 42 42 0 -1 4194560 900 0 1 0 321 123 7 8 20 0 9 0 5000 100 200";
    for name in ["workerd", "a b", "(x) S 1 2", ") 1 2 3 ("] {
        assert_eq!(proc_stat::ticks(&format!("42 ({name}) {behind}")), Some(444), "{name}");
    }
    for broken in ["", "42 (workerd)", "42 (workerd) S 1 42 42 0 -1 4194560 900 0 1 0 321", "42 workerd S"] {
        assert_eq!(proc_stat::ticks(broken), None, "{broken:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_that_works_is_seen_to_work() {
    let (id, started) = (std::process::id(), Instant::now());
    let before = proc_stat::cpu_us(id);
    // However slow the machine, this process gets its five ticks at last.
    while proc_stat::cpu_us(id) < before + 50_000 {
        assert!(started.elapsed() < Duration::from_mins(5), "no processor time is counted");
    }
}
