//! The properties that cargo-fuzz tries, on the stable toolchain: every input of the corpus, and a fixed number of others
//! made from them, the same in each run.

#[path = "../../tests/support/dice.rs"]
mod dice;
#[path = "../properties/mod.rs"]
mod properties;

use dice::Dice;
use std::fs;
use std::path::Path;

/// How many inputs are made from a target's corpus.
const MADE: usize = 1500;
/// Longest of them, in bytes.
const MAX_LEN: usize = 600;

#[test]
fn query() {
    holds("query", properties::query::check);
}

#[test]
fn wallet() {
    holds("wallet", properties::wallet::check);
}

#[test]
fn amount() {
    holds("amount", properties::amount::check);
}

#[test]
fn location() {
    holds("location", properties::location::check);
}

#[test]
fn scrub() {
    holds("scrub", properties::scrub::check);
}

#[test]
fn token() {
    holds("token", properties::token::check);
}

#[test]
fn gateway_replies() {
    holds("gateway_replies", properties::gateway_replies::check);
}

#[test]
fn config() {
    holds("config", properties::config::check);
}

fn holds(target: &str, check: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "{target} has no corpus");
    for input in &corpus {
        try_with(check, input);
    }
    let words = words(target);
    let mut dice = Dice::from_state(0x5EED_1E55_F00D_CAFE);
    for _ in 0..MADE {
        try_with(check, &made(&mut dice, &corpus, &words));
    }
}

fn try_with(check: fn(&[u8]), input: &[u8]) {
    let trying = Trying(input);
    check(input);
    drop(trying);
}

/// Tells the input where a property does not hold for it.
struct Trying<'a>(&'a [u8]);

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was b\"{}\"", self.0.escape_ascii());
        }
    }
}

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The target's files, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fs::read_dir(here(&format!("corpus/{target}"))).expect("each target has a corpus");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a readable file")).collect()
}

/// The words of the target's dictionary, if it has one, in libFuzzer's format.
fn words(target: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(here(&format!("dictionaries/{target}.dict"))).unwrap_or_default();
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|word| word.replace("\\\"", "\"").replace("\\\\", "\\").into_bytes()).collect()
}

/// One of the corpus with a few things changed.
fn made(dice: &mut Dice, corpus: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[dice.below(corpus.len())].clone();
    for _ in 0..=dice.below(4) {
        change(dice, &mut input, corpus, words);
    }
    input.truncate(MAX_LEN);
    input
}

fn change(dice: &mut Dice, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[Vec<u8>]) {
    let at = dice.below(input.len() + 1);
    let end = at + dice.below(input.len() - at + 1);
    match dice.below(6) {
        0 => drop(input.drain(at..end.min(at + 8))),
        1 => input.insert(at, dice.byte()),
        2 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << dice.below(8)),
        3 => drop(input.splice(at..at, words.get(dice.below(words.len())).cloned().unwrap_or_default())),
        4 => drop(input.splice(at..end, corpus[dice.below(corpus.len())].iter().skip(at).take(40).copied())),
        _ => drop(input.splice(at..at, input[at..end].to_vec())),
    }
}
