//! The ledger's file, written to directly while workerd is away.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

/// Far in the past, in milliseconds; from one session to the next it is ten seconds.
const SINCE: u64 = 1_700_000_000_000;
/// Far in the future.
const LATER: u64 = 4_000_000_000_000;

/// An id as `SQLite` makes it here.
pub fn id(prefix: &str, number: usize) -> String {
    format!("{prefix}_{:012x}{number:020x}", SINCE + number as u64 * 10_000)
}

/// The largest database in that folder or below: the only account's.
pub fn database(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let found = entries.filter_map(|path| {
        let is_database = path.extension().is_some_and(|kind| kind == "sqlite");
        if path.is_dir() { Some(database(&path)) } else { is_database.then_some(path) }
    });
    found.max_by_key(|path| std::fs::metadata(path).map_or(0, |data| data.len())).expect("a database")
}

/// Bytes in use per so many things beyond `before`, and in use in all.
pub fn sizes(path: &Path, things: usize, before: usize) -> (usize, usize) {
    let connection = Connection::open(path).expect("the database");
    let number = |what: &str| connection.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, i64>(0)).expect(what);
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    let used = ((number("page_count") - number("freelist_count")) * number("page_size")) as usize;
    ((used - before) / things, used)
}

/// Objects of each kind like one that is there, each with an id, times and values of its own, until there are so many sessions.
/// The first million were created long ago. Each has a task that is due long after.
pub fn up_to(path: &Path, sessions: usize) {
    let connection = Connection::open(path).expect("the database");
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA wal_autocheckpoint = 100000")
        .expect("settings");
    let known: i64 = connection
        .query_row("SELECT count(*) FROM objects WHERE kind = 'checkout.session' AND id < 'cs_0190'", [], |row| row.get(0))
        .expect("a count");
    let unpaid = "kind = 'checkout.session' AND status = 'open' AND reference IS NOT NULL";
    let sessions = i64::try_from(sessions).expect("a number of rows");
    let template = |condition: &str| {
        let sql = format!("SELECT id, data, hidden FROM objects WHERE {condition} LIMIT 1");
        connection.query_row(&sql, [], |row| Ok([row.get::<_, String>(0)?, row.get(1)?, row.get(2)?])).expect("a template")
    };
    let session = template(unpaid);
    let transaction = template("kind = 'transaction' AND status = 'verified'");
    let event = template("kind = 'event' AND type = 'checkout.session.created' AND data LIKE '%customer_email\":\"c%'");
    let made = |prefix: &str| format!("printf('{prefix}_%012x%020x', {SINCE} + i * 10000, i)");
    let status = "CASE i % 3 WHEN 0 THEN 'paid' WHEN 1 THEN 'expired' ELSE 'open' END";
    let own = format!(
        "json_set(?2, '$.id', {}, '$.status', {status}, '$.customer_email', printf('c%07d@shop.example', i),
        '$.client_reference_id', printf('r%07d', i), '$.created_at', {SINCE} + i * 10000)",
        made("cs")
    );
    let of = |data: &str| {
        format!(
            "json_set({data}, '$.checkout_session', {}, '$.txid_in', printf('0x%064x', 2 * i), '$.txid_out', printf('0x%064x', 2 * i + 1))",
            made("cs")
        )
    };
    let insert = |kind: &str, prefix: &str, data: &str, [known_id, template, hidden]: &[String; 3]| {
        eprintln!("  {kind}");
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT ?4 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?5)
            INSERT INTO objects (kind, livemode, id, data, hidden) SELECT '{kind}', 1, {}, replace({data}, ?1, {}), ?3 FROM n",
            made(prefix),
            made(prefix)
        );
        connection.execute(&sql, rusqlite::params![known_id, template, hidden, known, sessions]).expect("rows");
    };
    connection.execute_batch("BEGIN").expect("a transaction");
    insert("checkout.session", "cs", &own, &session);
    insert("event", "evt", &format!("json_set(?2, '$.checkout_session', {})", made("cs")), &event);
    insert("transaction", "txn", &of("?2"), &transaction);
    eprintln!("  tasks");
    let tasks = format!(
        "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
        INSERT INTO tasks (kind, subject, due, attempt) SELECT 'expire', {}, {LATER} + i, 0 FROM n",
        made("cs")
    );
    connection.execute(&tasks, rusqlite::params![known, sessions]).expect("tasks");
    connection.execute_batch("COMMIT").expect("its end");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    // Or the machine would still be writing while the ledger is measured.
    File::open(path).and_then(|file| file.sync_all()).expect("all of it on disk");
}
