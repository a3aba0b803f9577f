//! The tables, and how those of older versions become those of today.
//!
//! An object of any kind is one row: `data` is what the API shows of it, to the letter, and `hidden` what it does not. What is
//! searched for stands in columns that `SQLite` computes from `data`, so there is one truth. A migration is a list of statements;
//! none is ever changed once it was deployed, the next is added behind it.

use crate::error::Error;
use crate::ledger::books::Books;

/// Each version's statements, the oldest first.
const MIGRATIONS: [&[&str]; 2] = [FIRST, LIVE];

const FIRST: &[&str] = &[
    "CREATE TABLE objects (
        kind TEXT NOT NULL, livemode INTEGER NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, hidden TEXT NOT NULL,
        status TEXT AS (data ->> '$.status'),
        type TEXT AS (data ->> '$.type'),
        reference TEXT AS (data ->> '$.client_reference_id'),
        email TEXT AS (data ->> '$.customer_email'),
        parent TEXT AS (data ->> '$.checkout_session'),
        txid_in TEXT AS (CASE data ->> '$.status' WHEN 'verified' THEN lower(data ->> '$.txid_in') END),
        txid_out TEXT AS (CASE data ->> '$.status' WHEN 'verified' THEN lower(data ->> '$.txid_out') END),
        digest TEXT AS (hidden ->> '$.digest'),
        PRIMARY KEY (kind, livemode, id))",
    "CREATE INDEX objects_by_status ON objects (kind, livemode, status, id) WHERE status IS NOT NULL",
    "CREATE INDEX objects_by_type ON objects (kind, livemode, type, id) WHERE type IS NOT NULL",
    "CREATE INDEX objects_by_reference ON objects (kind, livemode, reference, id) WHERE reference IS NOT NULL",
    "CREATE INDEX objects_by_email ON objects (kind, livemode, email, id) WHERE email IS NOT NULL",
    "CREATE INDEX objects_by_parent ON objects (kind, livemode, parent, id) WHERE parent IS NOT NULL",
    "CREATE INDEX objects_by_digest ON objects (kind, digest, id) WHERE digest IS NOT NULL",
    // No transaction is ever credited twice, whatever else goes wrong.
    "CREATE UNIQUE INDEX objects_by_txid_in ON objects (txid_in) WHERE txid_in IS NOT NULL",
    "CREATE UNIQUE INDEX objects_by_txid_out ON objects (txid_out) WHERE txid_out IS NOT NULL",
    "CREATE TABLE tasks (
        kind TEXT NOT NULL, subject TEXT NOT NULL, due INTEGER NOT NULL, attempt INTEGER NOT NULL,
        begun INTEGER NOT NULL DEFAULT 0, leased INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (kind, subject)) WITHOUT ROWID",
    "CREATE INDEX tasks_by_due ON tasks (kind, leased, due)",
    "CREATE INDEX tasks_leased ON tasks (leased) WHERE leased = 1",
    "CREATE TABLE attempts (
        delivery TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, data TEXT NOT NULL,
        PRIMARY KEY (delivery, number)) WITHOUT ROWID",
    "CREATE TABLE idempotency (
        actor TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, created INTEGER NOT NULL,
        status INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (actor, key)) WITHOUT ROWID",
    "CREATE INDEX idempotency_by_created ON idempotency (created)",
];

/// Webhooks and live events. Deliveries are found by their endpoint and their event; a task may have a lane of its own; whoever
/// listens has a row, and one for each thing that they want.
const LIVE: &[&str] = &[
    "ALTER TABLE objects ADD COLUMN webhook_endpoint TEXT AS (data ->> '$.webhook_endpoint')",
    "ALTER TABLE objects ADD COLUMN event TEXT AS (data ->> '$.event')",
    "CREATE INDEX objects_by_webhook_endpoint ON objects (kind, livemode, webhook_endpoint, id) WHERE webhook_endpoint IS NOT NULL",
    "CREATE INDEX objects_by_webhook_endpoint_and_status ON objects (kind, livemode, webhook_endpoint, status, id)
        WHERE webhook_endpoint IS NOT NULL",
    "CREATE INDEX objects_by_event ON objects (kind, livemode, event, id) WHERE event IS NOT NULL",
    "ALTER TABLE tasks ADD COLUMN lane TEXT",
    "CREATE INDEX tasks_by_lane ON tasks (lane, leased, due) WHERE lane IS NOT NULL",
    "CREATE TABLE listeners (
        socket TEXT PRIMARY KEY, actor TEXT NOT NULL, livemode INTEGER NOT NULL, form INTEGER NOT NULL, told TEXT NOT NULL,
        since INTEGER NOT NULL, unread INTEGER NOT NULL DEFAULT 0, asked INTEGER NOT NULL DEFAULT 0, question TEXT NOT NULL DEFAULT '',
        is_behind INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
    "CREATE INDEX listeners_by_actor ON listeners (actor, since)",
    "CREATE TABLE subscriptions (
        socket TEXT NOT NULL, session TEXT NOT NULL, type TEXT NOT NULL, livemode INTEGER NOT NULL,
        PRIMARY KEY (socket, session, type)) WITHOUT ROWID",
    "CREATE INDEX subscriptions_by_topic ON subscriptions (livemode, session, type)",
];

/// Brings the tables to today's version. It costs one look-up where they have it.
///
/// # Errors
/// [`Error::Books`] where the database fails; then nothing has changed.
pub fn migrate(books: &dyn Books) -> Result<(), Error> {
    migrate_to(books, MIGRATIONS.len())
}

/// Brings the tables to that version, if theirs is older.
fn migrate_to(books: &dyn Books, wanted: usize) -> Result<(), Error> {
    books.run("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID", &[])?;
    let version = books.row("SELECT value FROM meta WHERE name = 'schema'", &[])?.and_then(|row| row.number(0)).unwrap_or(0);
    let version = usize::try_from(version).map_err(|_| Error::Internal)?;
    if version >= wanted {
        return Ok(());
    }
    for statement in MIGRATIONS.iter().take(wanted).skip(version).copied().flatten() {
        books.run(statement, &[])?;
    }
    let wanted = u64::try_from(wanted).map_err(|_| Error::Internal)?;
    books.run("INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", &[wanted.into()])
}
