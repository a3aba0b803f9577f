//! Objects of every kind: how they are kept, found and listed.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::books::{Books, Value};
use crate::ledger::id;

/// A kind of object.
pub trait Object: Serialize + DeserializeOwned {
    /// Its name in the table.
    const KIND: &'static str;
    /// What is kept beside it and never shown.
    type Hidden: Serialize + DeserializeOwned;

    /// Its id.
    fn id(&self) -> &str;

    /// Whether real money is meant.
    fn livemode(&self) -> bool;
}

/// An object with what is kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<T: Object> {
    /// What the API shows, field by field.
    pub shown: T,
    /// What it does not.
    pub hidden: T::Hidden,
}

impl<T: Object> Kept<T> {
    /// Writes a new object down.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails, or where an object with this id, or with this transaction, is there already.
    pub fn insert(&self, books: &dyn Books) -> Result<(), Error> {
        self.insert_written(books, &write(&self.shown)?)
    }

    /// The same of one whose text, `data`, is needed besides: it is made once.
    ///
    /// # Errors
    /// Those of [`Kept::insert`].
    pub fn insert_written(&self, books: &dyn Books, data: &str) -> Result<(), Error> {
        let hidden = write(&self.hidden)?;
        let values = [T::KIND.into(), self.shown.livemode().into(), self.shown.id().into(), data.into(), (&hidden).into()];
        books.run("INSERT INTO objects (kind, livemode, id, data, hidden) VALUES (?, ?, ?, ?, ?)", &values)
    }

    /// Writes down how an object is now.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn update(&self, books: &dyn Books) -> Result<(), Error> {
        let (data, hidden) = (write(&self.shown)?, write(&self.hidden)?);
        let values = [(&data).into(), (&hidden).into(), T::KIND.into(), self.shown.livemode().into(), self.shown.id().into()];
        books.run("UPDATE objects SET data = ?, hidden = ? WHERE kind = ? AND livemode = ? AND id = ?", &values)
    }

    /// The object with that id, of both modes or of one.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is none; [`Error::Books`] where the database fails.
    pub fn get(books: &dyn Books, livemode: Option<bool>, id: &str) -> Result<Self, Error> {
        let (first, second) = (livemode.unwrap_or(true), livemode.unwrap_or(false));
        let values = [T::KIND.into(), first.into(), second.into(), id.into()];
        let found = Self::find(books, "kind = ? AND livemode IN (?, ?) AND id = ?", &values)?;
        found.ok_or(Error::Missing(T::KIND))
    }

    /// The latest object for which a condition holds.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn find(books: &dyn Books, condition: &str, values: &[Value<'_>]) -> Result<Option<Self>, Error> {
        let sql = format!("SELECT data, hidden FROM objects WHERE {condition} ORDER BY id DESC LIMIT 1");
        let Some(row) = books.row(&sql, values)? else { return Ok(None) };
        let (data, hidden) = (row.text(0).unwrap_or_default(), row.text(1).unwrap_or_default());
        Ok(Some(Self { shown: read(&data)?, hidden: read(&hidden)? }))
    }
}

/// The id of a new object, which comes after all others of its kind and mode: whoever has read a list up to one misses none.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn new_id<T: Object>(cx: &Context<'_>, prefix: &str, livemode: bool) -> Result<String, Error> {
    let sql = "SELECT id FROM objects WHERE kind = ? AND livemode = ? ORDER BY id DESC LIMIT 1";
    let last = cx.books.row(sql, &[T::KIND.into(), livemode.into()])?.and_then(|row| row.text(0));
    Ok(id::after(last.as_deref(), prefix, cx.now, cx.books.random()))
}

/// An object as text.
///
/// # Errors
/// None: nothing that is written here fails.
pub fn write(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::Internal)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Internal)
}

/// Which objects of a kind are listed, newest first.
#[derive(Debug)]
pub struct List<'a> {
    /// The kind.
    pub kind: &'static str,
    /// Of which mode.
    pub livemode: bool,
    /// What a column must hold, the most telling column first: its index (`objects_by_` and its name) is read along.
    pub filters: Vec<(&'static str, &'a str)>,
    /// How many, from 1 to 100.
    pub limit: u32,
    /// Only what is older than this.
    pub starting_after: Option<&'a str>,
    /// Only what is newer than this, the nearest first found.
    pub ending_before: Option<&'a str>,
}

impl List<'_> {
    /// The objects, each as the API shows it, and whether there are more beyond them.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn read(&self, books: &dyn Books) -> Result<(Vec<String>, bool), Error> {
        let (sql, values) = self.statement();
        let mut found: Vec<String> = books.rows(&sql, &values)?.iter().filter_map(|row| row.text(0)).collect();
        let limit = usize::try_from(self.limit).unwrap_or(1);
        let has_more = found.len() > limit;
        found.truncate(limit);
        if self.ending_before.is_some() {
            found.reverse();
        }
        Ok((found, has_more))
    }

    /// One more is asked for than is shown: it tells whether there are more. The index is named: without statistics the database
    /// takes any that fits, that of the status for an e-mail address say.
    fn statement(&self) -> (String, Vec<Value<'_>>) {
        let mut sql = "SELECT data FROM objects".to_owned();
        match self.filters.as_slice() {
            // An endpoint has many deliveries, and few that failed.
            [("webhook_endpoint", _), ("status", _)] => sql.push_str(" INDEXED BY objects_by_webhook_endpoint_and_status"),
            [(column, _), ..] => sql.extend([" INDEXED BY objects_by_", column]),
            [] => {}
        }
        sql.push_str(" WHERE kind = ? AND livemode = ?");
        let mut values: Vec<Value<'_>> = vec![self.kind.into(), self.livemode.into()];
        for (column, wanted) in &self.filters {
            sql.extend([" AND ", column, " = ?"]);
            values.push((*wanted).into());
        }
        for (condition, id) in [(" AND id < ?", self.starting_after), (" AND id > ?", self.ending_before)] {
            if let Some(id) = id {
                sql.push_str(condition);
                values.push(id.into());
            }
        }
        sql.push_str(if self.ending_before.is_some() { " ORDER BY id ASC LIMIT ?" } else { " ORDER BY id DESC LIMIT ?" });
        values.push((self.limit + 1).into());
        (sql, values)
    }
}
