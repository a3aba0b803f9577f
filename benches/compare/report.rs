//! The result as tables in Markdown, which are readable in a terminal too.

use std::{fmt::Write as _, fs};

use crate::{
    contender::{BARE, LIVERY, NAMES, TIDY, VENDOR},
    measure::{Row, Turns},
    options::Options,
    statistics::{Estimate, Random, median, paired_difference, paired_ratio},
    work::Work,
};

/// Whom Livery is compared with.
pub const RIVALS: [usize; 3] = [BARE, VENDOR, TIDY];
/// What stands above the tables in the document.
pub const CHART: &str = "![Livery's CPU per request, as a share of its rivals'](performance.svg)";
const BEGIN: &str = "<!-- benchmark: begin; npm run bench writes what follows -->";
const END: &str = "<!-- benchmark: end -->";

/// Livery's CPU per request in one row, as a share of a rival's.
pub struct Ratio {
    pub title: &'static str,
    pub rival: usize,
    pub estimate: Estimate,
}

/// Every comparison that can be made.
pub fn ratios(works: &[Work], rows: &[Row], random: &mut Random) -> Vec<Ratio> {
    let pairs = works.iter().zip(rows).flat_map(|(work, row)| RIVALS.map(|rival| (work, row, rival)));
    let taking_part = pairs.filter(|(work, _, rival)| work.contenders.contains(rival));
    taking_part
        .map(|(work, row, rival)| Ratio {
            title: work.title,
            rival,
            estimate: paired_ratio(&row[LIVERY].cpu_us, &row[rival].cpu_us, random),
        })
        .collect()
}

/// The whole text.
pub fn tables(
    options: &Options,
    works: &[Work],
    rows: &[Row],
    ratios: &[Ratio],
    cold: &[Vec<f64>],
    random: &mut Random,
) -> String {
    let (rounds, turn, seed, starts) = (options.rounds, options.turn.as_secs_f64(), options.seed, options.starts);
    let mut text = format!("{rounds} rounds of {turn} s, seed {seed}; {starts} cold starts.\n\n");
    text += &comparison(ratios);
    text += "\n";
    text += &figures(works, rows);
    text += "\n";
    text += &cold_starts(cold, random);
    text += "\n";
    text += &own_cost(works, rows);
    text
}

fn comparison(ratios: &[Ratio]) -> String {
    let mut table =
        format!("| Livery's CPU per request, as a share of | {} |\n|---|", RIVALS.map(|rival| NAMES[rival]).join(" | "));
    table += &"---|".repeat(RIVALS.len());
    for group in ratios.chunk_by(|a, b| a.title == b.title) {
        write!(table, "\n| {} |", group[0].title).expect("writing to a string");
        for rival in RIVALS {
            let found = group.iter().find(|ratio| ratio.rival == rival);
            let cell = found.map_or_else(|| "–".to_owned(), |ratio| with_interval(ratio.estimate, 2));
            write!(table, " {cell} |").expect("writing to a string");
        }
    }
    table + "\n"
}

fn with_interval(Estimate { median, low, high }: Estimate, digits: usize) -> String {
    format!("{median:.digits$} [{low:.digits$}, {high:.digits$}]")
}

fn figures(works: &[Work], rows: &[Row]) -> String {
    let mut table = String::from(
        "| work | contender | CPU µs/request | CPU ms/MB | requests/s | p50 ms | p99 ms |\n|---|---|--:|--:|--:|--:|--:|\n",
    );
    for (work, row) in works.iter().zip(rows) {
        for &contender in &work.contenders {
            let Turns { cpu_us, per_second, p50_us, p99_us, .. } = &row[contender];
            let cpu = median(cpu_us);
            let per_megabyte = work.megabytes.map_or_else(|| "–".to_owned(), |megabytes| format!("{:.2}", cpu / 1e3 / megabytes));
            let (rate, p50, p99) = (median(per_second), median(p50_us) / 1e3, median(p99_us) / 1e3);
            let name = NAMES[contender];
            writeln!(table, "| {} | {name} | {cpu:.0} | {per_megabyte} | {rate:.0} | {p50:.2} | {p99:.2} |", work.title)
                .expect("writing to a string");
        }
    }
    table
}

fn cold_starts(cold: &[Vec<f64>], random: &mut Random) -> String {
    let mut table = String::from("| cold start | ms to the first answer | ms more than bare JS |\n|---|--:|--:|\n");
    for (number, times) in cold.iter().enumerate() {
        let more = with_interval(paired_difference(times, &cold[BARE], random), 1);
        let more = if number == BARE { "–" } else { &more };
        writeln!(table, "| {} | {:.1} | {more} |", NAMES[number], median(times)).expect("writing to a string");
    }
    table
}

/// Whether it is the contenders that were measured.
fn own_cost(works: &[Work], rows: &[Row]) -> String {
    let mut costly = Vec::new();
    let (mut ours, mut theirs, mut requests) = (0.0, 0.0, 0);
    for (work, row) in works.iter().zip(rows) {
        for &contender in &work.contenders {
            let turns = &row[contender];
            let (own, cpu) = (median(&turns.ours_us), median(&turns.cpu_us));
            (ours, theirs, requests) = (ours + own, theirs + cpu, requests + turns.requests);
            if own >= cpu {
                costly.push(format!("{}, {} ({own:.0} of {cpu:.0} µs)", work.title, NAMES[contender]));
            }
        }
    }
    let share = ours / theirs;
    let exceptions = if costly.is_empty() { "nowhere".to_owned() } else { format!("at {}", costly.join("; ")) };
    format!(
        "{requests} requests were measured. Load generator and stub together took {share:.2} of the contenders' CPU; they \
         took as much as a contender or more {exceptions}.\n"
    )
}

/// Puts the text between the markers of `docs/performance.md`; what stands around them stays.
pub fn write(path: &std::path::Path, text: &str) {
    let old = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let new = between_markers(&old, text).unwrap_or_else(|| panic!("no markers in {}", path.display()));
    fs::write(path, new).expect("the document");
}

fn between_markers(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))
}
