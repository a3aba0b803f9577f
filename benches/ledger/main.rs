//! `npm run bench -- ledger`: what one account's ledger bears, in real workerd, and whether that stays so with a million sessions.
//!
//! The gateway and the merchant are a stub that answers from memory ([`outside`]). A ledger with a thousand sessions, and then
//! the same one filled up to a million ([`fill`]), is asked the same things. docs/ledger.md says how to read the result.
#![allow(missing_docs, reason = "nobody but this program uses it")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small here")]

mod client;
mod fill;
mod measure;
mod outside;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::{env, process::ExitCode};

use client::Client;
use measure::Row;
use support::{config::Settings, worker::Worker};

const USAGE: &str = "npm run bench -- ledger [--sessions N]
  --sessions  how many the large ledger holds (1000000)";
/// How many the small ledger holds.
const FEW: usize = 1000;
/// The operator's token.
pub const ADMIN: &str = "the-operators-own-token-0123456789";
const PAYOUT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this too, without the word that `cargo bench` adds.
    if !env::args().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    match many() {
        Ok(many) => {
            bench(many);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn many() -> Result<usize, String> {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(1_000_000),
        ["--sessions", number] => number.parse().map_err(|_| USAGE.to_owned()),
        _ => Err(USAGE.to_owned()),
    }
}

fn bench(many: usize) {
    let outside = outside::start();
    let settings = Settings::new().gateway(&outside.gateway, &outside.gateway);
    let settings = settings.set("ADMIN_TOKEN", ADMIN).set("PAYOUT_WALLET", PAYOUT).set("RATE_LIMIT_PER_CLIENT", "0");
    let mut worker = Worker::start(&settings);
    let path = |worker: &Worker| fill::database(&worker.ledgers());
    eprintln!("sessions created");
    let created = measure::created(&worker);
    worker.kill9();
    let sizes = fill::sizes(&path(&worker), created.count, 0);
    worker.restart();
    eprintln!("payments reported, one at a time and eight at a time");
    let (alone, crowd) = (measure::reported(&worker, &outside, 300, 1), measure::reported(&worker, &outside, 600, 8));
    worker.kill9();
    let paid = fill::sizes(&path(&worker), 900, sizes.1);
    let few = at_size(&mut worker, &outside, FEW);
    let large = at_size(&mut worker, &outside, many);
    println!("\n| one account | |\n|---|--:|");
    println!("| sessions created each second, eight at a time | {:.0} |", created.per_second);
    println!("| callback received → merchant called, one at a time | {} |", measure::both(&alone));
    println!("| the same, eight at a time ({:.0} payments each second) | {} |", crowd.per_second, measure::both(&crowd));
    println!("| bytes of a session that nobody paid | {} |", sizes.0);
    println!("| bytes of a paid one, with all that belongs to it | {} |", paid.0);
    println!("\n| p50 in ms | {FEW} sessions | {many} | ratio |\n|---|--:|--:|--:|");
    for (few, large) in few.iter().zip(&large) {
        println!("| {} | {:.2} | {:.2} | {:.2} |", few.what, few.p50, large.p50, large.p50 / few.p50);
    }
}

/// Fills the ledger up to so many sessions while nobody has it open, and measures.
fn at_size(worker: &mut Worker, outside: &outside::Outside, sessions: usize) -> Vec<Row> {
    worker.kill9();
    eprintln!("a ledger of {sessions} sessions is filled");
    let database = fill::database(&worker.ledgers());
    fill::up_to(&database, sessions);
    let bytes = std::fs::metadata(&database).map_or(0, |data| data.len());
    eprintln!("{:.2} GB; measuring", bytes as f64 / 1e9);
    worker.restart();
    let mut client = Client::new(worker);
    // The first round brings code and pages into memory.
    measure::lists(&mut client, sessions);
    let mut rows = measure::lists(&mut client, sessions);
    let reported = measure::reported(worker, outside, 200, 1);
    rows.push(Row { what: "callback received → merchant called".to_owned(), p50: reported.p50 });
    rows
}
