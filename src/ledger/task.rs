//! What is due: each task has a moment, and the earliest of them wakes the ledger.
//!
//! Whoever takes a task leases it: moves it a little into the future first. When the work is done, the task is dropped or planned
//! anew. If the work is lost, with the machine it ran on say, the ledger notices as soon as it is started again, and takes its
//! leases back. So everything here happens at least once. A task that comes to no end again and again comes ever more rarely,
//! and never stops coming: it may be about money.

use std::sync::LazyLock;

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
    /// A webhook endpoint is to be called.
    Webhook,
    /// A listener has to confirm by now, or is told more.
    Listen,
    /// What is too old is to be forgotten.
    Prune,
}

impl Kind {
    /// Those that share one lane, and how many of each may be under way at a time. The platform connects six of a ledger's calls; a
    /// merchant who keeps all of theirs waiting must not keep payments from being verified. Webhooks have connections of their own.
    const ROOMS: [(Self, u32); 6] =
        [(Self::Expire, 50), (Self::Verify, 3), (Self::Poll, 1), (Self::Deliver, 3), (Self::Listen, 50), (Self::Prune, 1)];

    /// Its name in the table, and in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expire => "expire",
            Self::Verify => "verify",
            Self::Poll => "poll",
            Self::Deliver => "deliver",
            Self::Webhook => "webhook",
            Self::Listen => "listen",
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
    /// How often it came to an end before, and was planned anew.
    pub attempt: u32,
}

/// Later than any moment: the largest number that JavaScript has exactly.
const NEVER: u64 = (1 << 53) - 1;
/// How soon a ledger looks whether what it began is still under way, in milliseconds.
const BEAT_MS: u64 = 10_000;
/// How much later a task comes that was begun `begun` times and came to no end: from 2 seconds to about a day, with as much
/// again by chance, so that tasks which end each other do not always meet. The first time may be forgiven: `excused` is 1 then.
const PAUSE: &str = "iif(begun > ?2, (1000 << min(begun - ?2, 16)) + abs(random() % (1000 << min(begun - ?2, 16))), 0)";

/// Plans a task, or plans it anew after a try.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn plan(cx: &Context<'_>, kind: Kind, subject: &str, due: Now) -> Result<(), Error> {
    plan_in(cx, kind, None, subject, due)
}

/// The same for a task that waits for others of its lane alone: what one webhook endpoint keeps waiting is its own.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn plan_in(cx: &Context<'_>, kind: Kind, lane: Option<&str>, subject: &str, due: Now) -> Result<(), Error> {
    let sql = "INSERT INTO tasks (kind, subject, due, attempt, lane) VALUES (?, ?, ?, 0, ?)
        ON CONFLICT (kind, subject) DO UPDATE SET due = excluded.due, attempt = attempt + 1, begun = 0, leased = 0";
    cx.books.run(sql, &[kind.as_str().into(), subject.into(), due.into(), lane.into()])
}

/// Lets a task be due now, planned or not. One that is under way is left alone: it is what is asked for.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn hurry_in(cx: &Context<'_>, kind: Kind, lane: Option<&str>, subject: &str) -> Result<(), Error> {
    let sql = "INSERT INTO tasks (kind, subject, due, attempt, lane) VALUES (?, ?, ?, 0, ?)
        ON CONFLICT (kind, subject) DO UPDATE SET due = excluded.due, attempt = attempt + 1, begun = 0 WHERE leased = 0";
    cx.books.run(sql, &[kind.as_str().into(), subject.into(), cx.now.into(), lane.into()])
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

/// Takes what is due, of each kind and lane the longest due first and as many as there is room for, and leases it for `lease_ms`.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn take(cx: &Context<'_>, lease_ms: u64) -> Result<Vec<Task>, Error> {
    cx.books.run("UPDATE tasks SET leased = 0 WHERE leased = 1 AND due <= ?", &[cx.now.into()])?;
    let mut tasks = Vec::new();
    for (kind, room) in Kind::ROOMS {
        tasks.extend(take_of(cx, kind, None, room.into(), lease_ms)?);
    }
    let others = tasks.len();
    let rested = format!("{} AND rested <= ?", *OPEN_LANES);
    let (mut lanes, [chance, ..]) = (cx.books.rows(&rested, &[cx.now.into()])?, cx.books.random());
    // Each turn begins with another, or endpoints that answer fast would keep those behind them waiting.
    let first = usize::from(chance) % lanes.len().max(1);
    lanes.rotate_left(first);
    for row in lanes {
        if tasks.len() < others + MOST_WEBHOOKS {
            tasks.extend(take_of(cx, Kind::Webhook, row.text(0).as_deref(), row.number(1).unwrap_or(0), lease_ms)?);
        }
    }
    Ok(tasks)
}

/// With so many webhooks no more are begun in one turn: the platform lets one request call other Workers 32 times, and each webhook
/// is made by one. The alarm rings again at once for the rest.
const MOST_WEBHOOKS: usize = 24;

/// How long an endpoint is left alone after an attempt that failed, in milliseconds. What fails at once would otherwise come again
/// at once, with the next of what waits, and take its neighbours' time.
const REST_MS: u64 = 100;

/// The lanes that are served, those of the endpoints that are called: how many calls may be under way in each, and from when on.
/// Where the last one failed, one at a time is enough until something is taken: the server may have failed under the others.
static OPEN_LANES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT id, iif(hidden ->> '$.failed_at' IS NULL, 4, 1) AS room, coalesce((hidden ->> '$.failed_at') + {REST_MS}, 0) AS rested
        FROM objects INDEXED BY objects_by_status WHERE kind = 'webhook_endpoint' AND livemode IN (0, 1) AND status = 'enabled'"
    )
});

fn take_of(cx: &Context<'_>, kind: Kind, lane: Option<&str>, room: u64, lease_ms: u64) -> Result<Vec<Task>, Error> {
    let (column, which) = lane.map_or(("kind", kind.as_str()), |lane| ("lane", lane));
    let under_way = format!("SELECT count(*) FROM tasks WHERE {column} = ? AND leased = 1");
    let under_way = cx.books.row(&under_way, &[which.into()])?.and_then(|row| row.number(0)).unwrap_or(0);
    let room = room.saturating_sub(under_way);
    let due = format!("SELECT subject, attempt FROM tasks WHERE {column} = ? AND leased = 0 AND due <= ? ORDER BY due LIMIT ?");
    let mut tasks = Vec::new();
    for row in cx.books.rows(&due, &[which.into(), cx.now.into(), room.into()])? {
        let subject = row.text(0).unwrap_or_default();
        let attempt = row.number(1).and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
        let sql = "UPDATE tasks SET due = ?, begun = begun + 1, leased = 1 WHERE kind = ? AND subject = ?";
        cx.books.run(sql, &[(cx.now.0 + lease_ms).into(), kind.as_str().into(), (&subject).into()])?;
        tasks.push(Task { kind, subject, attempt });
    }
    Ok(tasks)
}

/// Takes all leases back: who held them is gone. A task to which this happens again is suspected of being the reason.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn recover(cx: &Context<'_>) -> Result<(), Error> {
    let sql = format!("UPDATE tasks SET leased = 0, due = min(due, ?1 + {PAUSE}) WHERE leased = 1");
    cx.books.run(&sql, &[cx.now.into(), 1_u32.into()])
}

/// Gives one lease back: the work failed, and what it wrote was undone.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn failed(cx: &Context<'_>, task: &Task) -> Result<(), Error> {
    let sql = format!("UPDATE tasks SET leased = 0, due = ?1 + {PAUSE} WHERE kind = ?3 AND subject = ?4 AND leased = 1");
    cx.books.run(&sql, &[cx.now.into(), 0_u32.into(), task.kind.as_str().into(), (&task.subject).into()])
}

/// When the earliest task is due that there is room for, and whether something is under way. Every step asks it.
static NEXT: LazyLock<String> = LazyLock::new(|| {
    let of = |(kind, room): (Kind, u32)| {
        let name = kind.as_str();
        format!(
            "coalesce(CASE WHEN (SELECT count(*) FROM tasks WHERE kind = '{name}' AND leased = 1) < {room}
            THEN (SELECT min(due) FROM tasks WHERE kind = '{name}' AND leased = 0) END, {NEVER})"
        )
    };
    let kinds = Kind::ROOMS.map(of).join(", ");
    let lanes = format!(
        "coalesce((SELECT min(max(rested, (SELECT min(due) FROM tasks WHERE lane = id AND leased = 0))) FROM ({})
        WHERE (SELECT count(*) FROM tasks WHERE lane = id AND leased = 1) < room), {NEVER})",
        *OPEN_LANES
    );
    format!("SELECT min({kinds}, {lanes}), EXISTS (SELECT 1 FROM tasks WHERE leased = 1)")
});

/// When the ledger has to be woken: for the earliest task that there is room for, and while something is under way soon, lest it
/// be lost.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn next_due(cx: &Context<'_>) -> Result<Option<Now>, Error> {
    let Some(row) = cx.books.row(&NEXT, &[])? else { return Ok(None) };
    let latest = if row.number(1) == Some(1) { cx.now.0 + BEAT_MS } else { NEVER };
    Ok(row.number(0).map(|due| due.min(latest)).filter(|due| *due < NEVER).map(Now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::schema;
    use crate::ledger::testing::Database;
    use crate::memory::Memory;
    use crate::testing::config;
    use std::cell::RefCell;

    const LEASE: u64 = 300_000;

    /// Does something at that moment, in a ledger with one task that was due at 0.
    fn with_task(work: impl Fn(&dyn Fn(u64, &dyn Fn(&Context<'_>)))) {
        let (config, memory, database, besides) = (config(&[]), Memory::default(), Database::new(), RefCell::default());
        let at = |moment: u64, step: &dyn Fn(&Context<'_>)| {
            step(&Context::new(&config, &memory, &database, Now(moment), &besides));
        };
        at(0, &|cx| {
            schema::migrate(cx.books).unwrap();
            plan(cx, Kind::Deliver, "cb_1", Now(0)).unwrap();
        });
        work(&at);
    }

    fn taken(cx: &Context<'_>) -> Vec<u32> {
        take(cx, LEASE).unwrap().iter().map(|task| task.attempt).collect()
    }

    fn due(cx: &Context<'_>) -> u64 {
        next_due(cx).unwrap().unwrap().0
    }

    #[test]
    fn what_was_begun_comes_again_after_its_lease_or_when_the_ledger_is_started_again() {
        with_task(|at| {
            at(1000, &|cx| assert_eq!((taken(cx), taken(cx)), (vec![0], vec![])));
            at(1000 + LEASE - 1, &|cx| assert!(taken(cx).is_empty()));
            at(1000 + LEASE, &|cx| assert_eq!(taken(cx), [0]));
        });
        with_task(|at| {
            at(1000, &|cx| assert_eq!(taken(cx), [0]));
            at(2000, &|cx| {
                recover(cx).unwrap();
                assert_eq!((due(cx), taken(cx)), (2000, vec![0]));
            });
        });
    }

    #[test]
    fn a_ledger_looks_after_what_is_under_way() {
        with_task(|at| {
            at(1000, &|cx| {
                assert_eq!((due(cx), taken(cx), due(cx)), (0, vec![0], 1000 + BEAT_MS));
                plan(cx, Kind::Deliver, "cb_1", Now(90_000)).unwrap();
                assert_eq!(due(cx), 90_000);
                done(cx, Kind::Deliver, "cb_1").unwrap();
                assert_eq!(next_due(cx), Ok(None));
            });
        });
    }

    /// A merchant whose server hangs keeps three calls waiting, and no payment.
    #[test]
    fn one_kind_leaves_room_for_the_others() {
        with_task(|at| {
            at(1000, &|cx| {
                (2..9).for_each(|number| plan(cx, Kind::Deliver, &format!("cb_{number}"), Now(number)).unwrap());
                let kinds = |cx: &Context<'_>| take(cx, LEASE).unwrap().into_iter().map(|task| task.kind).collect::<Vec<_>>();
                assert_eq!((kinds(cx), kinds(cx), due(cx)), (vec![Kind::Deliver; 3], vec![], 1000 + BEAT_MS));
                plan(cx, Kind::Verify, "txn_1", Now(900)).unwrap();
                assert_eq!((due(cx), kinds(cx)), (900, vec![Kind::Verify]));
                done(cx, Kind::Deliver, "cb_1").unwrap();
                assert_eq!((due(cx), kinds(cx)), (4, vec![Kind::Deliver]));
            });
        });
    }

    /// Lost tries are no tries: whoever counts them would give up a payment because of a bad day of the machine's.
    #[test]
    fn only_what_came_to_an_end_counts() {
        with_task(|at| {
            for round in 0..5 {
                at(round * 1_000_000, &|cx| {
                    assert_eq!(taken(cx), [0]);
                    recover(cx).unwrap();
                });
            }
            at(9_000_000, &|cx| {
                assert_eq!(taken(cx), [0]);
                plan(cx, Kind::Deliver, "cb_1", cx.now).unwrap();
                assert_eq!(taken(cx), [1]);
            });
        });
    }

    #[test]
    fn what_fails_again_and_again_comes_ever_more_rarely_and_never_stops() {
        with_task(|at| {
            let mut now = 0;
            for failures in 1..40_u32 {
                at(now, &|cx| assert_eq!(taken(cx), [0]));
                at(now, &|cx| failed(cx, &Task { kind: Kind::Deliver, subject: "cb_1".to_owned(), attempt: 0 }).unwrap());
                let least = 1000_u64 << failures.min(16);
                at(now, &|cx| assert!((least..2 * least).contains(&(due(cx) - cx.now.0)), "{failures}: {}", due(cx)));
                now += 2 * least;
            }
        });
    }

    #[test]
    fn what_is_lost_again_and_again_is_suspected() {
        with_task(|at| {
            for (now, least) in [(0, 0), (100_000, 2000), (200_000, 4000), (300_000, 8000)] {
                at(now, &|cx| {
                    assert_eq!(taken(cx), [0]);
                    recover(cx).unwrap();
                    let pause = due(cx) - now;
                    assert!(pause >= least && pause <= 2 * least, "{pause}");
                    recover(cx).unwrap();
                    assert_eq!(due(cx), now + pause);
                });
            }
        });
    }
}
