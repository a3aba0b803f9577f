//! Processor time of a process, as Linux counts it.

use std::fs;

/// Microseconds in one of the ticks of `/proc`: `USER_HZ` is 100 on every architecture that workerd runs on.
const TICK_US: u64 = 10_000;

/// User and system time of all threads of a process so far, in microseconds.
pub fn cpu_us(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process that runs");
    ticks(&text).unwrap_or_else(|| panic!("no times in {text}")) * TICK_US
}

/// `utime` + `stime` of a line of `/proc/PID/stat`: fields 14 and 15 (man page `proc_pid_stat`). The second field is the program's
/// name in parentheses, and may itself hold spaces and parentheses; hence what counts is behind the last one.
pub fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}
