//! What Linux tells about a process: its memory and its open files.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;

/// Files that a test with hundreds of connections may need; a process started afterwards inherits it.
const FILES: u64 = 8192;

/// A running process.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Resident memory, in KiB.
    pub fn resident(self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory since the start, or since [`Process::forget_peak`], in KiB.
    pub fn peak(self) -> u64 {
        self.status("VmHWM:")
    }

    /// Lets the peak begin anew.
    pub fn forget_peak(self) {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").expect("a process of our own");
    }

    /// How many files and sockets it has open.
    pub fn open_files(self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0)).expect("a process of our own").count()
    }

    fn status(self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("a process that runs");
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
        value.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{field} in {status}"))
    }
}

/// Lets this process, and those that it starts from now on, open as many files as hundreds of connections need.
pub fn allow_many_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(FILES, |maximum| maximum.min(FILES));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).expect("a limit below the maximum");
    }
}
