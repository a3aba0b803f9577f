//! Promise 9: nothing that was acknowledged is lost, and nothing happens twice in the ledger, whenever the machine dies.
//!
//! `npm test` kills the Worker a dozen times, `npm run soak -- durability --rounds 400` as often as one likes.
mod durability;
mod ledger;
mod stage;
mod support;

use durability::campaign;
use std::env;

/// Names the number of rounds, where it is not the usual one.
const ROUNDS: &str = "LIVERY_DURABILITY_ROUNDS";
/// The first seed, where it is not the usual one.
const SEED: &str = "LIVERY_DURABILITY_SEED";
const USUAL: usize = 12;
/// So many rounds for each ledger: it is copied and searched after each.
const LEDGERS_ROUNDS: usize = 25;

fn number(name: &str) -> Option<usize> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn nothing_is_lost_and_nothing_counts_twice_whenever_the_machine_dies() {
    let (mut left, mut seed) = (number(ROUNDS).unwrap_or(USUAL), number(SEED).unwrap_or(1));
    while left > 0 {
        let rounds = left.min(LEDGERS_ROUNDS);
        let figures = campaign::run(u64::try_from(seed).expect("a seed"), rounds);
        println!("seed {seed}: {figures:?}");
        assert!(figures.credited > 0 && figures.deliveries > 0, "nothing was paid");
        (left, seed) = (left - rounds, seed + 1);
    }
}
