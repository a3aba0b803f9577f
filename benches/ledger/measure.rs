//! What is asked, and how long it takes.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::client::Client;
use crate::outside::Outside;
use crate::support::worker::Worker;

/// How long sessions are created.
const CREATING: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 8;
/// How often each thing is asked.
const TIMES: usize = 100;

pub struct Created {
    pub count: usize,
    pub per_second: f64,
}

pub struct Reported {
    pub p50: f64,
    pub p99: f64,
    pub per_second: f64,
}

pub struct Row {
    pub what: String,
    pub p50: f64,
}

/// Sessions, as many as eight callers can have made.
pub fn created(worker: &Worker) -> Created {
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::new(worker);
                while began.elapsed() < CREATING {
                    client.create(next.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
    });
    let count = next.into_inner();
    Created { count, per_second: count as f64 / began.elapsed().as_secs_f64() }
}

/// From the gateway's call to the merchant's, over so many payments, `at_once` of them at a time.
pub fn reported(worker: &Worker, outside: &Outside, payments: usize, at_once: usize) -> Reported {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let began = Instant::now();
    let one = || {
        let mut client = Client::new(worker);
        let mut times = Vec::new();
        for _ in 0..payments / at_once {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let shop = outside.shop.replace(':', "%3A").replace('/', "%2F");
            let wallet = client.ask("GET", &format!("/control/wallet.php?callback={shop}%2Fpaid%3Fo%3D{number}"), "").json();
            let (report, order) = outside.report(&wallet["polygon_address_in"].as_str().expect("an address").to_lowercase());
            let sent = Instant::now();
            client.ask("GET", &report, "");
            times.push(outside.called(order).duration_since(sent).as_secs_f64() * 1e3);
        }
        times
    };
    let times = thread::scope(|scope| {
        let callers: Vec<_> = (0..at_once).map(|_| scope.spawn(one)).collect();
        callers.into_iter().flat_map(|caller| caller.join().expect("payments")).collect::<Vec<f64>>()
    });
    let per_second = times.len() as f64 / began.elapsed().as_secs_f64();
    Reported { p50: share(times.clone(), 0.5), p99: share(times, 0.99), per_second }
}

pub fn both(reported: &Reported) -> String {
    format!("p50 {:.1} ms, p99 {:.1} ms", reported.p50, reported.p99)
}

/// The time below which that share of the times is.
fn share(mut times: Vec<f64>, share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() as f64 * share) as usize).min(times.len() - 1)]
}

/// Every list, by every filter, from the beginning and deep inside.
pub fn lists(client: &mut Client, sessions: usize) -> Vec<Row> {
    let (rare, deep) = (format!("{:07}", sessions / 3), crate::fill::id("cs", sessions / 2));
    let (session, event) = (crate::fill::id("cs", sessions / 3), crate::fill::id("evt", sessions / 2));
    let transaction = crate::fill::id("txn", sessions / 2);
    let paths = [
        "checkout-sessions?limit=100".to_owned(),
        format!("checkout-sessions?limit=100&starting_after={deep}"),
        format!("checkout-sessions?limit=100&ending_before={deep}"),
        "checkout-sessions?status=paid".to_owned(),
        "checkout-sessions?status=underpaid".to_owned(),
        format!("checkout-sessions?status=paid&starting_after={deep}"),
        format!("checkout-sessions?customer_email=c{rare}%40shop.example"),
        format!("checkout-sessions?customer_email=c{rare}%40shop.example&starting_after={deep}"),
        format!("checkout-sessions?client_reference_id=r{rare}"),
        format!("checkout-sessions?client_reference_id=r{rare}&customer_email=x&status=paid&ending_before={deep}"),
        format!("checkout-sessions/{session}"),
        format!("transactions?status=verified&starting_after={transaction}"),
        format!("transactions?checkout_session={session}"),
        format!("events?type=checkout.session.created&starting_after={event}"),
        format!("events?checkout_session={session}&type=checkout.session.paid"),
    ];
    let ids = [(&deep, "{half way}"), (&event, "{half way}"), (&transaction, "{half way}"), (&session, "{one}")];
    let mut rows: Vec<Row> = Vec::new();
    for path in paths {
        let name = ids.iter().fold(path.clone(), |name, (id, word)| name.replace(id.as_str(), word)).replace(&rare, "{one}");
        rows.push(row(&format!("`{name}`"), || drop(client.get(&path))));
    }
    let mut number = 5_000_000;
    rows.push(row("a session is created", || {
        number += 1;
        client.create(number);
    }));
    rows
}

fn row(what: &str, mut work: impl FnMut()) -> Row {
    work();
    let once = |work: &mut dyn FnMut()| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64() * 1e3
    };
    let p50 = share((0..TIMES).map(|_| once(&mut work)).collect(), 0.5);
    eprintln!("{p50:8.2} ms  {what}");
    Row { what: what.to_owned(), p50 }
}
