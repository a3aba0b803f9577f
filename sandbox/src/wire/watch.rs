//! Watches whether a client stays until its answer is complete.

use std::{sync::Arc, time::Instant};

use crate::{
    records::{Departure, Received},
    state::Shared,
};

/// One answer being given. Dropped before it is finished, it records that the client went away.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    request: Received,
    since: Instant,
    sent: u64,
    is_finished: bool,
}

impl Watch {
    /// Starts when the request is there.
    pub fn new(shared: &Arc<Shared>, request: &Received) -> Self {
        Self { shared: Arc::clone(shared), request: request.clone(), since: Instant::now(), sent: 0, is_finished: false }
    }

    /// So many bytes more were written.
    pub fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// All was written that was to be.
    pub fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.is_finished {
            let (listener, path) = (self.request.listener, std::mem::take(&mut self.request.path));
            let departure = Departure { listener, path, after: self.since.elapsed(), sent: self.sent };
            self.shared.update(|state| state.departures.push(departure));
        }
    }
}
