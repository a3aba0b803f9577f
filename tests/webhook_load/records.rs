//! The ledger's own records, read while nobody runs; and time, which passes there as a test says.
use crate::durability::cold::Cold;
use crate::support::{endpoint::now, ledgers::databases};
use rusqlite::Connection;
use std::{collections::HashMap, path::Path};

/// What was published: milliseconds from one attempt to the next, which may be up to a tenth longer.
const PAUSES: [u64; 9] = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000];

/// What must bring no row, by its name. Times are compared as the ledger wrote them down.
const NEVER: [(&str, &str); 4] = [
    (
        "a delivery that nobody sends any more",
        "SELECT id FROM objects d WHERE kind = 'webhook_delivery' AND status = 'pending'
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE kind = 'webhook' AND subject = d.id)",
    ),
    (
        "a delivery that is sent though it is over",
        "SELECT subject FROM tasks WHERE kind = 'webhook'
         AND subject NOT IN (SELECT id FROM objects WHERE kind = 'webhook_delivery' AND status = 'pending')",
    ),
    (
        "an event that is not owed once to an endpoint that wants it",
        "SELECT v.id || ' ' || e.id FROM objects v JOIN objects e ON e.kind = 'webhook_endpoint' AND e.status = 'enabled'
         WHERE v.kind = 'event' AND v.type IN ('checkout.session.created', 'checkout.session.canceled') AND 1 <>
         (SELECT count(*) FROM objects d WHERE d.kind = 'webhook_delivery' AND d.event = v.id AND d.webhook_endpoint = e.id)",
    ),
    (
        "an attempt that is not counted",
        "SELECT id FROM objects d WHERE kind = 'webhook_delivery'
         AND (data ->> '$.attempt_count') <> (SELECT count(*) FROM attempts WHERE delivery = d.id)",
    ),
];

/// How a delivery stands: its id, state, endpoint, event, next attempt, and the beginning and length of each attempt.
const STANDS: &str = "SELECT id || ' ' || status || ' ' || webhook_endpoint || ' ' || event || ' ' ||
    ifnull(data ->> '$.next_attempt_at', 0) || ' ' || ifnull((SELECT group_concat(at || '+' || (data ->> '$.duration_ms'), ',')
    FROM (SELECT at, data FROM attempts WHERE delivery = d.id ORDER BY number)), '') FROM objects d WHERE kind = 'webhook_delivery'";

/// Time passes: all that the ledger wrote down of it is so much longer ago.
const PASSES: &str = "
    UPDATE tasks SET due = due - ?1 WHERE kind = 'webhook';
    UPDATE attempts SET at = at - ?1, data = json_set(data, '$.at', at - ?1);
    UPDATE objects SET data = json_set(data, '$.next_attempt_at', (data ->> '$.next_attempt_at') - ?1)
        WHERE kind = 'webhook_delivery' AND data ->> '$.next_attempt_at' IS NOT NULL;
    UPDATE objects SET hidden = json_set(hidden, '$.failed_since', (hidden ->> '$.failed_since') - ?1,
        '$.failed_at', (hidden ->> '$.failed_at') - ?1)
        WHERE kind = 'webhook_endpoint' AND hidden ->> '$.failed_since' IS NOT NULL";

/// What was read last.
#[derive(Default)]
pub struct Records {
    cold: Option<Cold>,
    /// When each delivery was first seen to be delivered, by endpoint and event.
    delivered: HashMap<(String, String), u64>,
}

impl Records {
    /// Reads them anew.
    pub fn read(&mut self, ledgers: &Path) {
        self.cold = Cold::copy(ledgers);
        let now = now();
        for delivery in self.deliveries().into_iter().filter(|delivery| delivery.status == "delivered") {
            self.delivered.entry((delivery.endpoint, delivery.event)).or_insert(now);
        }
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        self.cold.as_ref().map(|cold| cold.texts(sql, [])).unwrap_or_default()
    }

    /// Panics if something does not hold that always has to.
    pub fn complain(&self) {
        for (what, sql) in NEVER {
            assert_eq!(self.texts(sql), Vec::<String>::new(), "{what}");
        }
        self.deliveries().iter().for_each(Delivery::is_on_schedule);
    }

    fn deliveries(&self) -> Vec<Delivery> {
        self.texts(STANDS).iter().map(|row| Delivery::read(row)).collect()
    }

    /// What is not at its end, though its endpoint is called.
    pub fn pending(&self) -> Vec<String> {
        self.texts(
            "SELECT d.data FROM objects d JOIN objects e ON e.kind = 'webhook_endpoint' AND e.id = d.webhook_endpoint
            WHERE d.kind = 'webhook_delivery' AND d.status = 'pending' AND e.status = 'enabled'",
        )
    }

    /// The events that all endpoints want.
    pub fn events(&self) -> Vec<String> {
        self.texts(
            "SELECT id FROM objects WHERE kind = 'event' AND type IN ('checkout.session.created', 'checkout.session.canceled')",
        )
    }

    pub fn is_disabled(&self, endpoint: &str) -> bool {
        self.texts("SELECT id FROM objects WHERE kind = 'webhook_endpoint' AND status = 'disabled'")
            .iter()
            .any(|id| id == endpoint)
    }

    /// Whether a delivery was known to be delivered at that moment.
    pub fn was_delivered(&self, endpoint: &str, event: &str, at: u64) -> bool {
        self.delivered.get(&(endpoint.to_owned(), event.to_owned())).is_some_and(|since| *since < at)
    }
}

/// So many seconds pass.
pub fn pass(ledgers: &Path, seconds: u64) {
    let milliseconds = i64::try_from(seconds * 1000).expect("some days");
    for path in databases(ledgers) {
        let database = Connection::open(&path).expect("a database");
        for statement in PASSES.split(';') {
            // The directory of accounts has these tables as well, and nothing in them.
            database.execute(statement, [milliseconds]).expect("its tables");
        }
    }
}

/// How one delivery stands.
struct Delivery {
    id: String,
    status: String,
    endpoint: String,
    event: String,
    next: u64,
    /// Beginning and end of each attempt.
    attempts: Vec<(u64, u64)>,
}

impl Delivery {
    fn read(row: &str) -> Self {
        let [id, status, endpoint, event, next, attempts] =
            row.splitn(6, ' ').map(str::to_owned).collect::<Vec<_>>().try_into().expect("six columns");
        let attempt = |text: &str| {
            let (at, duration) = text.split_once('+')?;
            let at: u64 = at.parse().ok()?;
            Some((at, at + duration.parse::<u64>().ok()?))
        };
        let next = next.parse().expect("a moment");
        Self { id, status, endpoint, event, next, attempts: attempts.split(',').filter_map(attempt).collect() }
    }

    /// No attempt came before its time, and the next one is planned for it.
    fn is_on_schedule(&self) {
        let (id, attempts) = (&self.id, &self.attempts);
        assert!(attempts.len() <= 10, "{id} was tried {} times", attempts.len());
        for (pause, two) in PAUSES.iter().zip(attempts.windows(2)) {
            assert!(two[1].0 >= two[0].1 + pause, "{id} came {} ms after its end, not {pause}", two[1].0 - two[0].1);
        }
        if let (Some((_, end)), "pending") = (attempts.last(), self.status.as_str()) {
            let pause = PAUSES[attempts.len() - 1];
            let planned = self.next - end;
            assert!((pause..=pause + pause / 10).contains(&planned), "{id} comes {planned} ms after its end, not {pause}");
        }
    }
}
