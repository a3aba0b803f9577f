//! What an endpoint that fails does to another of the same account.

use crate::endpoints::Manner;
use crate::latency::{Times, payments};
use crate::options::Options;
use crate::report::{row, spread};
use crate::stage::{CREATED, Stage};
use crate::statistics::{Estimate, Random, median, paired_ratio};

/// Events that wait for a neighbour when its turn begins.
const BACKLOG: usize = 300;
const ROUNDS: usize = 8;
/// How many payments are measured in a turn.
const PAYMENTS: usize = 20;

/// Who is there besides.
const NEIGHBOURS: [(&str, Option<Manner>); 5] = [
    ("nobody", None),
    ("one that takes them", Some(Manner::AtOnce)),
    ("one that answers 500", Some(Manner::Fails)),
    ("one that refuses connections", Some(Manner::Refuses)),
    ("one that hangs for 15 s", Some(Manner::Hangs)),
];

pub fn measure(options: &Options) -> String {
    let stage = Stage::start();
    let (backlog, count) = (options.times(BACKLOG), options.times(PAYMENTS));
    let url = stage.endpoints.url(Manner::AtOnce);
    stage.endpoint(&url, &["*"], "enabled");
    stage.create_many(backlog);
    let until = stage.last_event();
    stage.endpoints.all_came(&url, backlog);
    payments(&stage, &url, count, 1);
    let mut random = Random(1);
    let mut turns = NEIGHBOURS.map(|_| Vec::new());
    for round in 1..=ROUNDS {
        eprintln!("  round {round}");
        let mut order: Vec<usize> = (0..NEIGHBOURS.len()).collect();
        random.shuffle(&mut order);
        for which in order {
            turns[which].push(beside(&stage, &url, NEIGHBOURS[which].1, until, count));
        }
    }
    table(&turns, backlog, &mut random)
}

/// The healthy one's times while a neighbour has a backlog.
fn beside(stage: &Stage, url: &str, neighbour: Option<Manner>, until: u64, count: usize) -> Times {
    let Some(manner) = neighbour else { return payments(stage, url, count, 1) };
    let neighbour = stage.endpoint(&stage.endpoints.url(manner), &[CREATED], "paused");
    stage.replay(&neighbour, until);
    stage.set_status(&neighbour, "enabled");
    let times = payments(stage, url, count, 1);
    stage.delete(&neighbour);
    stage.endpoints.let_go();
    times
}

fn table(turns: &[Vec<Times>], backlog: usize, random: &mut Random) -> String {
    let medians = |turns: &[Times]| turns.iter().map(|times| median(&times.paid)).collect::<Vec<_>>();
    let mut text = format!(
        "| a healthy endpoint's webhook, beside | p50 ms | p99 ms | p50 as a multiple of alone, with {backlog} events waiting |\n|---|--:|--:|--:|\n"
    );
    for ((words, _), own) in NEIGHBOURS.iter().zip(turns) {
        let Estimate { median, low, high } = paired_ratio(&medians(own), &medians(&turns[0]), random);
        let all: Vec<f64> = own.iter().flat_map(|times| times.paid.iter().copied()).collect();
        row(&mut text, words, &[&spread(&all)[..], &[format!("{median:.2} [{low:.2}, {high:.2}]")]].concat());
    }
    text
}
