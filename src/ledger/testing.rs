//! Ledgers for native tests: each in an `SQLite` database in memory, with turns and transactions as `glue/ledger.js` has them.
#![allow(clippy::missing_panics_doc, clippy::must_use_candidate, clippy::new_without_default, reason = "tests alone use it")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use crate::country::Country;
use crate::flow::Ask;
use crate::http::{Body, Call, Fault, Now, Reply, Request, RequestBody};
use crate::ledger::books::{Books, Value};
use crate::ledger::live::Close;
use crate::service::{Progress, Service, Turn};

pub mod script;
pub mod world;

/// One account's database.
pub struct Database {
    connection: Connection,
    is_undone: Cell<bool>,
    is_new: Cell<bool>,
    /// When the ledger has to be woken next.
    pub wake: Cell<Option<Now>>,
    chance: Cell<u128>,
    /// The same in the turn that is not over.
    telling: RefCell<Vec<(String, String)>>,
    /// What was sent to sockets: to whom, and what; or that they were closed, and with which code.
    pub told: RefCell<Vec<(String, String)>>,
    /// The sockets that are open.
    pub open: RefCell<BTreeSet<String>>,
    /// What the operator was told.
    pub log: RefCell<Vec<String>>,
    /// Every statement that was carried out.
    pub statements: RefCell<BTreeSet<String>>,
}

impl Database {
    /// An empty one.
    pub fn new() -> Self {
        Self::of(Connection::open_in_memory().expect("a database in memory"))
    }

    /// One that is there already.
    pub fn of(connection: Connection) -> Self {
        let (is_undone, is_new, wake, chance) = (Cell::new(false), Cell::new(true), Cell::new(None), Cell::new(1));
        Self {
            connection,
            is_undone,
            is_new,
            wake,
            chance,
            telling: RefCell::default(),
            told: RefCell::default(),
            open: RefCell::default(),
            log: RefCell::default(),
            statements: RefCell::default(),
        }
    }

    /// The next turn is the first after a start.
    pub fn restart(&self) {
        self.is_new.set(true);
    }

    /// What a statement brings, each row's columns as texts; an empty one where there is nothing. Its values are all null.
    pub fn select(&self, sql: &str) -> Vec<Vec<String>> {
        let count = self.connection.prepare(sql).expect("a statement").parameter_count();
        let values = vec![Value::Null; count];
        let rows: Vec<Vec<serde_json::Value>> =
            serde_json::from_str(&self.query(sql, &values).expect("a statement")).expect("rows");
        let text = |value| match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
    }

    /// Carries out several statements.
    pub fn execute(&self, sql: &str) {
        self.connection.execute_batch(sql).expect("good statements");
    }

    /// One turn of the core: all of what it writes stays, or nothing.
    pub fn turn(&self, work: impl FnOnce(&dyn Books) -> Turn) -> Turn {
        self.is_undone.set(false);
        self.connection.execute_batch("BEGIN").expect("a transaction");
        let turn = work(self);
        let telling = self.telling.take();
        if !self.is_undone.get() {
            self.told.borrow_mut().extend(telling);
        }
        let end = if self.is_undone.get() { "ROLLBACK" } else { "COMMIT" };
        self.connection.execute_batch(end).expect("its end");
        self.is_new.set(self.is_new.get() && self.is_undone.get());
        turn
    }
}

/// JavaScript knows no whole numbers: the runtime hands over all as floating-point ones. A column of whole numbers makes them whole
/// again, JSON does not.
#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn bound(value: &Value<'_>) -> rusqlite::types::Value {
    match value {
        Value::Text(text) => (*text).to_owned().into(),
        Value::Number(number) => (*number as f64).into(),
        Value::Null => rusqlite::types::Value::Null,
    }
}

fn as_json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(_) => panic!("no column holds bytes"),
    }
}

impl Books for Database {
    fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<String, String> {
        self.statements.borrow_mut().insert(sql.to_owned());
        let run = || {
            let mut statement = self.connection.prepare(sql)?;
            let count = statement.column_count();
            let mut rows = statement.query(params_from_iter(values.iter().map(bound)))?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let row: Result<Vec<_>, _> = (0..count).map(|column| row.get_ref(column).map(as_json)).collect();
                all.push(row?);
            }
            Ok(serde_json::to_string(&all).expect("rows as JSON"))
        };
        run().map_err(|error: rusqlite::Error| error.to_string())
    }

    fn random(&self) -> [u8; 16] {
        self.chance.set(self.chance.get().wrapping_mul(0x2545_F491_4F6C_DD1D_u128 << 64 | 0x5851_F42D_4C95_7F2D).wrapping_add(1));
        self.chance.get().to_be_bytes()
    }

    fn undo(&self) {
        self.is_undone.set(true);
    }

    fn is_new(&self) -> bool {
        self.is_new.get()
    }

    fn wake_at(&self, moment: Option<Now>) {
        self.wake.set(moment);
    }

    fn tell(&self, sockets: &[String], text: &str) {
        self.telling.borrow_mut().extend(sockets.iter().map(|socket| (socket.clone(), text.to_owned())));
    }

    fn hang_up(&self, socket: &str, why: Close) {
        self.telling.borrow_mut().push((socket.to_owned(), why.facts().0.to_string()));
        self.open.borrow_mut().remove(socket);
    }

    fn sockets(&self) -> String {
        serde_json::to_string(&*self.open.borrow()).expect("a list")
    }

    fn report(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }
}

/// The ledgers of all accounts.
#[derive(Default)]
pub struct Ledgers(RefCell<HashMap<String, Rc<Database>>>);

/// What others answer to a ledger's calls.
pub type Others<'o> = &'o dyn Fn(&Ask) -> Result<Reply, Fault>;

impl Ledgers {
    /// Puts a database where an account's ledger is.
    pub fn put(&self, account: &str, database: Database) {
        self.0.borrow_mut().insert(account.to_owned(), Rc::new(database));
    }

    /// The database of a ledger by its account's digits.
    pub fn of(&self, account: &str) -> Rc<Database> {
        Rc::clone(self.0.borrow_mut().entry(account.to_owned()).or_insert_with(|| Rc::new(Database::new())))
    }

    /// What a ledger answers to a call of the Worker's; meanwhile `others` answer the ledger's own calls. What it begins beside
    /// is carried out too, before this returns.
    pub fn answer(&self, service: &Service, call: &Call, now: Now, others: Others<'_>) -> Reply {
        let (_, rest) = call.url.split_once("://").expect("an absolute URL");
        let (host, target) = rest.split_once('/').map(|(host, target)| (host, format!("/{target}"))).expect("a path");
        let database = self.of(host.split('.').next().expect("an account"));
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let headers: Vec<(String, String)> =
            call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let request = Request {
            method: call.method,
            path,
            query,
            headers: &headers,
            country: Country::UNKNOWN,
            body: RequestBody::Whole(call.body.clone().unwrap_or_default()),
            now,
            entropy: database.random(),
        };
        let turn = database.turn(|books| service.answer_in_ledger(&request, books));
        finish(service, &database, turn, now, others).expect("an answer")
    }
}

/// Carries a turn on to its end, and what it began beside; its answer, if it is a request's.
pub fn finish(service: &Service, database: &Database, turn: Turn, now: Now, others: Others<'_>) -> Option<Reply> {
    let Turn { mut progress, mut besides } = turn;
    let answer = loop {
        match progress {
            Progress::Done(response, _) => {
                let headers: Vec<(String, String)> = response.headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
                let text = if let Body::Text(text) = response.body { text.into_owned() } else { String::new() };
                break Some(Reply { status: response.status, headers: Box::new(headers), text, beginning: Vec::new() });
            }
            Progress::Over | Progress::Failed(_) => break None,
            Progress::Waiting(pending) => {
                let came = pending.asks.iter().map(others).collect();
                let turn = database.turn(|books| service.resume(pending, came, now, books));
                besides.extend(turn.besides);
                progress = turn.progress;
            }
        }
    };
    for pending in besides {
        finish(service, database, Turn { progress: Progress::Waiting(pending), besides: Vec::new() }, now, others);
    }
    answer
}
