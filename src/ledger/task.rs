//! What is due: each task has a moment, and the earliest of them wakes the ledger.
//!
//! Whoever takes a task moves it a little into the future first. If the work is lost, with the machine it ran on say, the task
//! comes again; when the work is done it is dropped or planned anew. So everything here happens at least once.

use crate::error::Error;
use crate::flow::Context;
use crate::http::Now;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A session's time is over.
    Expire,
    /// A reported payment is to be verified.
    Verify,
    /// The gateway is to be asked whether a session was paid.
    Poll,
    /// The merchant is to be called.
    Deliver,
    /// What is too old is to be forgotten.
    Prune,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Expire, Self::Verify, Self::Poll, Self::Deliver, Self::Prune];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Expire => "expire",
            Self::Verify => "verify",
            Self::Poll => "poll",
            Self::Deliver => "deliver",
            Self::Prune => "prune",
        }
    }
}

/// A task that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What is to be done.
    pub kind: Kind,
    /// With which object.
    pub subject: String,
    /// How often it was tried before.
    pub attempt: u32,
}

/// Plans a task, or plans it anew: the number of tries is kept.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn plan(cx: &Context<'_>, kind: Kind, subject: &str, due: Now) -> Result<(), Error> {
    let sql = "INSERT INTO tasks (kind, subject, due, attempt) VALUES (?, ?, ?, 0)
        ON CONFLICT (kind, subject) DO UPDATE SET due = excluded.due";
    cx.books.run(sql, &[kind.as_str().into(), subject.into(), due.into()])
}

/// Plans a task that is not planned yet.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn plan_once(cx: &Context<'_>, kind: Kind, subject: &str, due: Now) -> Result<(), Error> {
    let sql = "INSERT OR IGNORE INTO tasks (kind, subject, due, attempt) VALUES (?, ?, ?, 0)";
    cx.books.run(sql, &[kind.as_str().into(), subject.into(), due.into()])
}

/// Drops a task.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn done(cx: &Context<'_>, kind: Kind, subject: &str) -> Result<(), Error> {
    cx.books.run("DELETE FROM tasks WHERE kind = ? AND subject = ?", &[kind.as_str().into(), subject.into()])
}

/// Takes what is due, the longest due first, and plans it anew for `lease_ms` later, one try more.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn take(cx: &Context<'_>, most: u32, lease_ms: u64) -> Result<Vec<Task>, Error> {
    let rows = cx
        .books
        .rows("SELECT kind, subject, attempt FROM tasks WHERE due <= ? ORDER BY due LIMIT ?", &[cx.now.into(), most.into()])?;
    let mut tasks = Vec::new();
    for row in rows {
        let (name, subject) = (row.text(0).unwrap_or_default(), row.text(1).unwrap_or_default());
        let attempt = row.number(2).and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
        let sql = "UPDATE tasks SET due = ?, attempt = attempt + 1 WHERE kind = ? AND subject = ?";
        cx.books.run(sql, &[(cx.now.0 + lease_ms).into(), (&name).into(), (&subject).into()])?;
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == name) {
            tasks.push(Task { kind, subject, attempt });
        }
    }
    Ok(tasks)
}

/// The moment of the earliest task.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn next_due(cx: &Context<'_>) -> Result<Option<Now>, Error> {
    Ok(cx.books.row("SELECT min(due) FROM tasks", &[])?.and_then(|row| row.number(0)).map(Now))
}
