//! A gate before which a test gateway keeps everybody waiting.
use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

/// How long a crowd may take to arrive, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

/// Closed at first. It counts who came since it was last closed.
#[derive(Default)]
pub struct Gate {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    /// Waits here until it is open.
    pub fn pass(&self) {
        let mut state = self.state.lock().expect("the gate");
        state.0 += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(_, open)| !*open).expect("the gate"));
    }

    /// Opens it.
    pub fn open(&self) {
        self.state.lock().expect("the gate").1 = true;
        self.changed.notify_all();
    }

    /// Closes it, and counts anew.
    pub fn close(&self) {
        *self.state.lock().expect("the gate") = (0, false);
    }

    /// How many came.
    pub fn asked(&self) -> usize {
        self.state.lock().expect("the gate").0
    }

    /// Whether so many come in time.
    pub fn sees(&self, count: usize) -> bool {
        let state = self.state.lock().expect("the gate");
        let (state, _) = self.changed.wait_timeout_while(state, PATIENCE, |(asked, _)| *asked < count).expect("the gate");
        state.0 >= count
    }
}
