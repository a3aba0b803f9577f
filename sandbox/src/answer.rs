//! The way of every request: record it, see what strikes it, let its listener answer, let the fault strike.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    control,
    fault::{self, Fault},
    gateway, provider,
    records::{Listener, Received},
    shop,
    state::Shared,
    wire::sabotage::{self, Outcome},
};

/// Answers one request. Those to the control endpoint are neither recorded nor struck.
pub(crate) async fn answer(shared: &Arc<Shared>, request: Received) -> Outcome {
    if request.listener == Listener::Api && request.path.starts_with("/sandbox/") {
        return Outcome::Reply(control::answer(shared, &request));
    }
    let struck = record(shared, &request);
    sleep(struck.late).await;
    let reply = match request.listener {
        Listener::Api | Listener::Checkout => gateway::answer(shared, &request),
        Listener::Provider => provider::answer(shared, &request),
        Listener::Shop => shop::answer(shared, &request).await,
    };
    match struck.fault {
        Some(fault) => sabotage::strike(fault, reply, &request),
        None if struck.gzip => Outcome::Reply(reply.gzipped_for(&request)),
        None => Outcome::Reply(reply),
    }
}

struct Struck {
    late: Duration,
    fault: Option<Fault>,
    gzip: bool,
}

fn record(shared: &Shared, request: &Received) -> Struck {
    shared.update(|state| {
        state.requests.push(request.clone());
        let (mut late, fault) = fault::strike(&mut state.faults, request);
        if request.listener.is_gateway() {
            late += state.settings.latency_ms;
        }
        Struck { late: Duration::from_millis(late), fault, gzip: state.settings.gzip }
    })
}
