//! The ledger's storage: an `SQLite` database with one account's rows, and what else a step in it needs of its surroundings.
//!
//! The runtime gives each account's Durable Object such a database (`glue/ledger.js`); natively, tests give one of their own.
//! Every step runs in one transaction: a step that fails has changed nothing.

use serde_json::value::RawValue;

use crate::error::Error;
use crate::http::Now;
use crate::ledger::live::Close;

/// A value in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number, below 2⁵³ in size: it crosses JavaScript.
    Number(i64),
    /// Nothing.
    Null,
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<Now> for Value<'_> {
    fn from(Now(moment): Now) -> Self {
        moment.into()
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Self::Number(i64::from(truth))
    }
}

impl serde::Serialize for Value<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Null => serializer.serialize_none(),
        }
    }
}

/// Where the rows are.
pub trait Books {
    /// Carries out one SQL statement with these values for its `?`. The rows come back as JSON: a list of lists.
    ///
    /// # Errors
    /// What the database says about it; it never quotes a value.
    fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<String, String>;

    /// 16 fresh random bytes.
    fn random(&self) -> [u8; 16];

    /// Says that the step failed: nothing that it did is kept.
    fn undo(&self);

    /// Whether no turn was completed yet since the ledger, or the core in it, was started: whatever was under way before is lost.
    fn is_new(&self) -> bool;

    /// Says when the ledger has to be woken next for what is due; `None` for never.
    fn wake_at(&self, moment: Option<Now>);

    /// Sends a message to these sockets, once the turn is kept.
    fn tell(&self, sockets: &[String], text: &str);

    /// Closes a socket, once the turn is kept.
    fn hang_up(&self, socket: &str, why: Close);

    /// The ids of all open sockets, as a list in JSON.
    fn sockets(&self) -> String;

    /// Writes a line into the log, for the operator. Nothing in it is secret.
    fn report(&self, line: &str);
}

/// Where there is no ledger: in the Worker itself.
pub struct NoBooks;

impl Books for NoBooks {
    fn query(&self, _: &str, _: &[Value<'_>]) -> Result<String, String> {
        Err("there is no ledger here".to_owned())
    }

    fn random(&self) -> [u8; 16] {
        [0; 16]
    }

    fn undo(&self) {}

    fn is_new(&self) -> bool {
        false
    }

    fn wake_at(&self, _: Option<Now>) {}

    fn tell(&self, _: &[String], _: &str) {}

    fn hang_up(&self, _: &str, _: Close) {}

    fn sockets(&self) -> String {
        "[]".to_owned()
    }

    fn report(&self, _: &str) {}
}

/// One row of an answer.
pub struct Row(Vec<Box<RawValue>>);

impl Row {
    /// The text in a column; `None` where there is none.
    #[must_use]
    pub fn text(&self, column: usize) -> Option<String> {
        serde_json::from_str(self.0.get(column)?.get()).ok()
    }

    /// The whole number in a column, none of which is negative here; `None` where there is none.
    #[must_use]
    pub fn number(&self, column: usize) -> Option<u64> {
        serde_json::from_str(self.0.get(column)?.get()).ok()
    }
}

impl dyn Books + '_ {
    /// The rows that a statement brings.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn rows(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Error> {
        let text = self.query(sql, values).map_err(Error::Books)?;
        let rows: Vec<Vec<Box<RawValue>>> = serde_json::from_str(&text).map_err(|_| Error::Internal)?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// The first row that a statement brings.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn row(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// Carries out a statement that brings nothing.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<(), Error> {
        self.query(sql, values).map(drop).map_err(Error::Books)
    }
}
