//! The result as tables in Markdown, which are readable in a terminal too.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    thread,
    time::{Instant, SystemTime},
};

use crate::statistics::quantile;
use crate::support::config::project;

const PAGE: &str = "docs/webhooks-performance.md";
const BEGIN: &str = "<!-- figures: begin; npm run bench -- webhooks writes what follows -->";
const END: &str = "<!-- figures: end -->";

/// Adds a row to a table.
pub fn row(table: &mut String, what: &str, cells: &[String]) {
    writeln!(table, "| {what} | {} |", cells.join(" | ")).expect("writing to a string");
}

/// p50 and p99.
pub fn spread(times: &[f64]) -> [String; 2] {
    [0.5, 0.99].map(|share| format!("{:.1}", quantile(times, share)))
}

/// When and on what it was measured.
pub fn machine() -> String {
    let day = httpdate::fmt_http_date(SystemTime::now());
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("a processor", |(_, name)| name);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let package = read(project().join("node_modules/workerd/package.json").to_str().unwrap_or_default());
    let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
    let disk = quantile(&writes(), 0.5);
    let (workerd, cores) = (package["version"].as_str().unwrap_or("?"), thread::available_parallelism().map_or(0, usize::from));
    format!(
        "Measured on {}: workerd {workerd} on {cores} cores of {cpu}. Before it began, the load was {load}, and a write reached the disk \
         within {disk:.1} ms (p50).\n",
        &day[5..16]
    )
}

/// How long it takes until the disk has 4 KiB more, again and again; in milliseconds.
fn writes() -> Vec<f64> {
    let mut file = tempfile::tempfile().expect("a temporary file");
    let mut write = || {
        let began = Instant::now();
        file.write_all(&[0; 4096]).and_then(|()| file.sync_all()).expect("a write");
        began.elapsed().as_secs_f64() * 1e3
    };
    (0..100).map(|_| write()).collect()
}

/// Puts the text between the marks of the page; what stands around them stays.
pub fn write(text: &str) {
    let path = project().join(PAGE);
    let old = fs::read_to_string(&path).expect("the page");
    let (before, rest) = old.split_once(BEGIN).expect("where the figures begin");
    let (_, after) = rest.split_once(END).expect("where they end");
    fs::write(&path, format!("{before}{BEGIN}\n{text}{END}{after}")).expect("the page");
    eprintln!("written to {PAGE}");
}
