//! `npm run bench`: what a request costs in Livery, and what it costs in three Workers in JavaScript (benches/contenders/).
//!
//! Each runs in a real workerd of its own, in front of a stub that answers from memory. In each round all of them have their
//! turn in each row of work, in random order; what counts is the CPU time of a contender's process per request, compared
//! within the rounds. docs/performance.md says how to read the result.
#![allow(missing_docs, reason = "nobody but this program uses it")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small here")]

mod chart;
mod contender;
mod load;
mod measure;
mod options;
mod proc_stat;
mod report;
mod statistics;
mod stub;
#[path = "../../tests/support/mod.rs"]
mod support;
mod work;

use std::{env, fs, process::ExitCode};

use contender::{Contender, NAMES, Running};
use options::Options;
use statistics::Random;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this too, without the word that `cargo bench` adds.
    if !env::args().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    match Options::read().and_then(|options| compare(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), String> {
    let works = options.choose(work::all())?;
    let gateway = stub::start();
    let contenders: Vec<Contender> = (0..NAMES.len()).map(|number| Contender::prepare(number, &gateway)).collect();
    let mut random = Random(options.seed);
    eprintln!("{} cold starts of each contender", options.starts);
    let cold = measure::cold_starts(&contenders, &work::all()[0], options.starts, &mut random);
    let running: Vec<Running> = contenders.iter().map(Contender::start).collect();
    measure::prepare(&works, &running, options.turn);
    let rows = measure::rounds(&works, &running, options.rounds, options.turn, &mut random);
    let ratios = report::ratios(&works, &rows, &mut random);
    let text = report::tables(options, &works, &rows, &ratios, &cold, &mut random);
    println!("\n{text}");
    if options.writes {
        let docs = support::config::project().join("docs");
        report::write(&docs.join("performance.md"), &format!("{}\n\n{text}", report::CHART));
        fs::write(docs.join("performance.svg"), chart::svg(&ratios)).map_err(|error| error.to_string())?;
        eprintln!("written to docs/performance.md and docs/performance.svg");
    }
    Ok(())
}
