//! `npm run bench -- webhooks`: how soon and how fast one account's webhooks and live events arrive, in real workerd.
//!
//! The gateway and the merchants' servers are stubs that answer from memory ([`outside`], [`endpoints`]). Each part starts a Worker
//! of its own. docs/webhooks-performance.md says how to read the result.
#![allow(missing_docs, reason = "nobody but this program uses it")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small here")]

mod audience;
#[path = "../ledger/client.rs"]
mod client;
mod endpoints;
mod latency;
mod listeners;
mod neighbours;
mod options;
#[path = "../ledger/outside.rs"]
#[allow(dead_code, reason = "when the merchant's classic callback comes is the other benchmark's question")]
mod outside;
#[path = "../compare/proc_stat.rs"]
mod proc_stat;
mod rate;
mod report;
mod stage;
#[path = "../compare/statistics.rs"]
#[allow(dead_code, reason = "it can do more than is needed here")]
mod statistics;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::{env, process::ExitCode, time::Instant};

use options::{Options, PARTS};

/// The operator's token.
pub const ADMIN: &str = "the-operators-own-token-0123456789";

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this too, without the word that `cargo bench` adds.
    if !env::args().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    match Options::read() {
        Ok(options) => {
            bench(&options);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &Options) {
    // A Worker that is started afterwards may have as many.
    support::process::allow_many_files();
    let measure = [latency::measure, rate::measure, listeners::measure, neighbours::measure];
    let mut text = report::machine();
    for (part, measure) in PARTS.into_iter().zip(measure).filter(|(part, _)| options.wants(part)) {
        let began = Instant::now();
        eprintln!("{part}");
        text += "\n";
        text += &measure(options);
        eprintln!("  {:.0} s", began.elapsed().as_secs_f64());
    }
    println!("\n{text}");
    if options.writes {
        report::write(&text);
    }
}
