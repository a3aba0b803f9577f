//! A ledger's database as a kill left it, read while nobody runs: what must hold there at every moment.
use crate::support::ledgers::databases;
use rusqlite::{Connection, Params};
use std::{collections::BTreeMap, fs, path::Path};
use tempfile::TempDir;

/// A copy of a database.
pub struct Cold {
    db: Connection,
    _folder: TempDir,
}

/// What must bring no row, by its name. Every session of the test is in dollars and has a callback.
const NEVER: [(&str, &str); 17] = [
    (
        "a reported payment that nobody verifies any more",
        "SELECT id FROM objects t WHERE kind = 'transaction' AND status = 'pending'
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE kind = 'verify' AND subject = t.id)",
    ),
    (
        "a payment that is verified once more",
        "SELECT subject FROM tasks WHERE kind = 'verify'
         AND subject NOT IN (SELECT id FROM objects WHERE kind = 'transaction' AND status = 'pending')",
    ),
    (
        "an owed callback that nobody sends any more",
        "SELECT id FROM objects c WHERE kind = 'callback' AND status = 'pending'
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE kind = 'deliver' AND subject = c.id)",
    ),
    (
        "a callback that is sent though it is not owed",
        "SELECT subject FROM tasks WHERE kind = 'deliver'
         AND subject NOT IN (SELECT id FROM objects WHERE kind = 'callback' AND status = 'pending')",
    ),
    (
        "a verified payment of which the merchant is not told once",
        "SELECT id FROM objects t WHERE kind = 'transaction' AND status = 'verified' AND 1 <> (SELECT count(*) FROM objects c
         WHERE c.kind = 'callback' AND c.livemode = t.livemode AND c.parent = t.parent AND c.data ->> '$.transaction' = t.id)",
    ),
    (
        "a callback about what was not verified",
        "SELECT id FROM objects c WHERE kind = 'callback' AND NOT EXISTS (SELECT 1 FROM objects t WHERE t.kind = 'transaction'
         AND t.livemode = c.livemode AND t.id = c.data ->> '$.transaction' AND +t.status = 'verified')",
    ),
    (
        "a session that has not received what was verified",
        "SELECT id FROM objects s WHERE kind = 'checkout.session' AND (hidden ->> '$.received') <>
         (SELECT coalesce(sum(CAST(round((data ->> '$.value_usd') * 1e6) AS INTEGER)), 0) FROM objects t
          WHERE t.kind = 'transaction' AND t.livemode = s.livemode AND t.parent = s.id AND +t.status = 'verified')",
    ),
    (
        "a session that shows another sum than it has received",
        "SELECT id FROM objects WHERE kind = 'checkout.session'
         AND CAST(round((data ->> '$.amount_received_usd') * 1e6) AS INTEGER) <> (hidden ->> '$.received')",
    ),
    (
        "a session in another state than its payments say",
        "SELECT id FROM objects WHERE kind = 'checkout.session' AND NOT iif((hidden ->> '$.received') = 0,
         status IN ('open', 'processing', 'expired', 'canceled'),
         status = iif((hidden ->> '$.received') * 10000 >= (hidden ->> '$.expected') * (10000 - (data ->> '$.tolerance_bps')),
                      'paid', 'underpaid'))",
    ),
    (
        "a session in another state than it last said",
        "SELECT s.id FROM objects s JOIN (SELECT parent AS id, type AS said, max(id) FROM objects
         WHERE kind = 'event' AND type LIKE 'checkout.session.%' GROUP BY parent) e ON s.id = e.id
         WHERE s.kind = 'checkout.session' AND 'checkout.session.' || s.status <> CASE said
         WHEN 'checkout.session.created' THEN 'checkout.session.open'
         WHEN 'checkout.session.overpaid' THEN 'checkout.session.paid' ELSE said END",
    ),
    (
        "a change that was said twice",
        "SELECT parent || ' ' || type FROM objects WHERE kind = 'event' AND type IN ('checkout.session.created',
         'checkout.session.processing', 'checkout.session.paid', 'checkout.session.expired', 'checkout.session.canceled')
         GROUP BY parent, type HAVING count(*) > 1",
    ),
    ("a payment that was not said once to be detected", "SELECT parent FROM objects WHERE parent IS NOT NULL GROUP BY parent
         HAVING sum(kind = 'event' AND type IN ('payment.detected')) <> sum(kind = 'transaction')"),
    (
        "a payment that was not said once to be verified",
        "SELECT parent FROM objects WHERE parent IS NOT NULL GROUP BY parent
         HAVING sum(kind = 'event' AND type IN ('payment.verified', 'payment.underpaid', 'payment.late')) <> sum(kind = 'transaction' AND status = 'verified')",
    ),
    (
        "a callback that was not said once to be delivered",
        "SELECT parent FROM objects WHERE parent IS NOT NULL GROUP BY parent
         HAVING sum(kind = 'event' AND type IN ('callback.delivered')) <> sum(kind = 'callback' AND status = 'delivered')",
    ),
    (
        "money that is credited twice",
        "SELECT data ->> '$.txid_out' FROM objects WHERE kind = 'transaction' AND status = 'verified'
         AND data ->> '$.txid_out' IS NOT NULL GROUP BY 1 HAVING count(*) > 1",
    ),
    (
        "a session that was made twice",
        "SELECT reference FROM objects WHERE kind = 'checkout.session' GROUP BY reference HAVING count(*) > 1",
    ),
    (
        "a session that never ends",
        "SELECT id FROM objects s WHERE kind = 'checkout.session' AND status IN ('open', 'processing')
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE kind = 'expire' AND subject = s.id)",
    ),
];

/// Something that a merchant is owed, or has got.
#[derive(Clone, Debug)]
pub struct Owed {
    pub number: String,
    pub txid_in: String,
    pub is_delivered: bool,
}

impl Cold {
    /// Copies the ledger that has sessions; none where there is none yet. The Worker must not be running.
    pub fn copy(ledgers: &Path) -> Option<Self> {
        databases(ledgers)
            .iter()
            .map(|path| Self::copy_of(path))
            .find(|cold| !cold.texts("SELECT 1 FROM objects WHERE kind = 'checkout.session' LIMIT 1", []).is_empty())
    }

    fn copy_of(path: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for suffix in ["", "-wal"] {
            let from = format!("{}{suffix}", path.display());
            if fs::exists(&from).expect("a folder of our own") {
                fs::copy(from, folder.path().join(format!("ledger.sqlite{suffix}"))).expect("a copy");
            }
        }
        let db = Connection::open(folder.path().join("ledger.sqlite")).expect("a database");
        Self { db, _folder: folder }
    }

    /// The first column of a statement's rows.
    pub fn texts(&self, sql: &str, values: impl Params) -> Vec<String> {
        let Ok(mut statement) = self.db.prepare(sql) else { return Vec::new() };
        let rows = statement.query_map(values, |row| row.get::<_, rusqlite::types::Value>(0)).expect("rows");
        rows.map(|row| text(row.expect("a row"))).collect()
    }

    /// Whatever does not hold.
    pub fn complaints(&self) -> Vec<String> {
        let found = NEVER.iter().map(|(what, sql)| (what, self.must(sql)));
        found.filter(|(_, found)| !found.is_empty()).map(|(what, found)| format!("{what}: {found:?}")).collect()
    }

    /// Like [`Cold::texts`], but the statement has to be one that the database understands.
    fn must(&self, sql: &str) -> Vec<String> {
        self.db.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
        self.texts(sql, [])
    }

    /// How often each report stands in the ledger, by its query.
    pub fn reports(&self) -> BTreeMap<String, usize> {
        let mut times = BTreeMap::new();
        for query in self.must("SELECT hidden ->> '$.query' FROM objects WHERE kind = 'transaction'") {
            *times.entry(query).or_default() += 1;
        }
        times
    }

    /// What sessions have received, in millionths of a dollar, and their states.
    pub fn received(&self) -> BTreeMap<String, (u64, String)> {
        let sql = "SELECT id || ' ' || (hidden ->> '$.received') || ' ' || status FROM objects WHERE kind = 'checkout.session'";
        let rows = self.must(sql);
        let read = |row: &String| {
            let mut parts = row.split(' ').map(str::to_owned);
            let mut next = || parts.next().expect("three parts");
            (next(), (next().parse().expect("a number"), next()))
        };
        rows.iter().map(read).collect()
    }

    /// What merchants are owed, or have got.
    pub fn owed(&self) -> Vec<Owed> {
        let sql = "SELECT status || ' ' || (SELECT data ->> '$.txid_in' FROM objects t WHERE t.kind = 'transaction'
            AND t.livemode = c.livemode AND t.id = c.data ->> '$.transaction') || ' ' || (hidden ->> '$.target')
            FROM objects c WHERE kind = 'callback'";
        let read = |row: String| {
            let (status, rest) = row.split_once(' ').expect("three parts");
            let (txid_in, target) = rest.split_once(' ').expect("three parts");
            let number = target.split_once("number=").expect("a number").1.to_owned();
            Owed { number, txid_in: txid_in.to_owned(), is_delivered: status == "delivered" }
        };
        self.must(sql).into_iter().map(read).collect()
    }

    /// How many tasks a kill left begun.
    pub fn leased(&self) -> usize {
        self.must("SELECT subject FROM tasks WHERE leased = 1").len()
    }
}

fn text(value: rusqlite::types::Value) -> String {
    match value {
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}
