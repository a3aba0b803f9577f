//! From the gateway's call to the webhook.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use crate::client::Client;
use crate::endpoints::Manner;
use crate::options::Options;
use crate::report::{row, spread};
use crate::stage::Stage;

/// The first thing that a merchant hears of a payment, and the one that counts.
pub const DETECTED: &str = "payment.detected";
pub const PAID: &str = "checkout.session.paid";

/// How long webhooks took, in milliseconds.
#[derive(Default)]
pub struct Times {
    pub detected: Vec<f64>,
    pub paid: Vec<f64>,
}

pub fn measure(options: &Options) -> String {
    let stage = Stage::start();
    let url = stage.endpoints.url(Manner::AtOnce);
    stage.endpoint(&url, &["*"], "enabled");
    // Code is compiled, and connections are made.
    payments(&stage, &url, 50, 1);
    let mut times = "| callback received → webhook at its endpoint | p50 ms | p99 ms |\n|---|--:|--:|\n".to_owned();
    let mut rates =
        "| payments with all that belongs to them | each second | CPU of workerd for one, ms |\n|---|--:|--:|\n".to_owned();
    for (at_once, words, count) in [(1, "one at a time", options.times(200)), (8, "eight at a time", options.times(400))] {
        let (began, cpu) = (Instant::now(), stage.cpu_ms());
        let came = payments(&stage, &url, count, at_once);
        let (count, cpu) = (came.paid.len() as f64, stage.cpu_ms() - cpu);
        let (per_second, cpu) = (count / began.elapsed().as_secs_f64(), cpu / count);
        row(&mut times, &format!("`{DETECTED}`, {words}"), &spread(&came.detected));
        row(&mut times, &format!("`{PAID}`, {words}"), &spread(&came.paid));
        row(&mut rates, words, &[format!("{per_second:.0}"), format!("{cpu:.1}")]);
    }
    format!("{times}\n{rates}")
}

/// Reports so many payments, `at_once` of them at a time, and awaits what is told of each.
pub fn payments(stage: &Stage, url: &str, count: usize, at_once: usize) -> Times {
    let one = || {
        let (mut client, mut times) = (stage.client(), Times::default());
        (0..count.div_ceil(at_once)).for_each(|_| payment(stage, url, &mut client, &mut times));
        times
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..at_once).map(|_| scope.spawn(one)).collect();
        let mut all = Times::default();
        for times in callers.into_iter().map(|caller| caller.join().expect("payments")) {
            all.detected.extend(times.detected);
            all.paid.extend(times.paid);
        }
        all
    })
}

fn payment(stage: &Stage, url: &str, client: &mut Client, times: &mut Times) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let shop = stage.outside.shop.replace(':', "%3A").replace('/', "%2F");
    let wallet = client.ask("GET", &format!("/control/wallet.php?callback={shop}%2Fpaid%3Fo%3D{number}"), "").json();
    let (report, order) = stage.outside.report(&wallet["polygon_address_in"].as_str().expect("an address").to_lowercase());
    let sent = Instant::now();
    client.ask("GET", &report, "");
    let after = |kind| stage.endpoints.came(url, kind, order).duration_since(sent).as_secs_f64() * 1e3;
    times.detected.push(after(DETECTED));
    times.paid.push(after(PAID));
}
