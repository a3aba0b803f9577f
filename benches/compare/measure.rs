//! The measurement: rounds of turns in random order, and cold starts.

use std::{
    process,
    time::{Duration, Instant},
};

use crate::{
    contender::{Contender, HIDES, NAMES, Running},
    load, proc_stat,
    statistics::{Random, median, quantile},
    work::Work,
};

/// What one contender did in one row; a value for each round.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    pub cpu_us: Vec<f64>,
    pub per_second: Vec<f64>,
    pub p50_us: Vec<f64>,
    pub p99_us: Vec<f64>,
    /// CPU of load generator and stub together, per request.
    pub ours_us: Vec<f64>,
    /// How many requests were answered in all.
    pub requests: usize,
}

/// One row's turns, by contender.
pub type Row = [Turns; NAMES.len()];

/// Every answer is checked once before anything is measured, and everything is warmed up.
pub fn prepare(works: &[Work], running: &[Running], turn: Duration) {
    for work in works {
        for &contender in &work.contenders {
            load::once(running[contender].port, work, HIDES[contender]);
        }
    }
    eprintln!("every answer is as promised; warming up");
    for work in works {
        for &contender in &work.contenders {
            load::burst(running[contender].port, work, HIDES[contender], turn);
        }
    }
}

/// Measures every row in every round, its contenders in random order.
pub fn rounds(works: &[Work], running: &[Running], rounds: usize, turn: Duration, random: &mut Random) -> Vec<Row> {
    let mut rows: Vec<Row> = works.iter().map(|_| Row::default()).collect();
    let started = Instant::now();
    for round in 1..=rounds {
        let mut order: Vec<usize> = (0..works.len()).collect();
        random.shuffle(&mut order);
        for work in order {
            let mut contenders = works[work].contenders.clone();
            random.shuffle(&mut contenders);
            for contender in contenders {
                take_turn(&works[work], &running[contender], HIDES[contender], turn, &mut rows[work][contender]);
            }
        }
        progress(round, rounds, started);
    }
    rows
}

fn progress(round: usize, rounds: usize, started: Instant) {
    let left = started.elapsed().as_secs_f64() / round as f64 * (rounds - round) as f64;
    eprintln!("round {round} of {rounds}, about {left:.0} s left");
}

fn take_turn(work: &Work, running: &Running, hides: bool, turn: Duration, turns: &mut Turns) {
    let (theirs, ours) = (proc_stat::cpu_us(running.pid()), proc_stat::cpu_us(process::id()));
    let burst = load::burst(running.port, work, hides, turn);
    let count = burst.latencies_us.len() as f64;
    turns.cpu_us.push((proc_stat::cpu_us(running.pid()) - theirs) as f64 / count);
    turns.ours_us.push((proc_stat::cpu_us(process::id()) - ours) as f64 / count);
    turns.per_second.push(count / burst.seconds);
    turns.p50_us.push(median(&burst.latencies_us));
    turns.p99_us.push(quantile(&burst.latencies_us, 0.99));
    turns.requests += burst.latencies_us.len();
}

/// Milliseconds from starting the process to its first answer, by contender and round.
pub fn cold_starts(contenders: &[Contender], work: &Work, starts: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let mut all = vec![Vec::new(); contenders.len()];
    for _ in 0..starts {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        random.shuffle(&mut order);
        for number in order {
            let started = Instant::now();
            let running = contenders[number].start();
            load::once(running.port, work, HIDES[number]);
            all[number].push(started.elapsed().as_secs_f64() * 1e3);
        }
    }
    all
}
