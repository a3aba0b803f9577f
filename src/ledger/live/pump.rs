//! What flows to listeners: events as they happen, and those before for whoever is behind.

use crate::error::Error;
use crate::flow::Context;
use crate::http::Now;
use crate::ledger::books::Row;
use crate::ledger::event::Event;
use crate::ledger::filter;
use crate::ledger::live::form::Form;
use crate::ledger::live::listener::close;
use crate::ledger::live::{ASK_AT, Close, MESSAGE_BYTES, PATIENCE_MS, WINDOW};
use crate::ledger::task::{self, Kind};

/// How many events are looked through in one turn for somebody who is behind.
const PAGE: u32 = 500;

/// Tells an event, which is the text `json`, to everybody who wants it and keeps up. Whoever is behind reads it later.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn publish(cx: &Context<'_>, event: &Event, json: &str) -> Result<(), Error> {
    let patterns = serde_json::to_string(&filter::patterns(&event.kind).collect::<Vec<_>>()).unwrap_or_default();
    let sql = "UPDATE listeners SET told = ?1, unread = unread + ?8, is_behind = unread + ?8 >= ?2,
            asked = iif(asked = 0 AND unread + ?8 >= ?6, unread + ?8, asked),
            question = iif(asked = 0 AND unread + ?8 >= ?6, ?7, question)
        WHERE is_behind = 0 AND socket IN (SELECT socket FROM subscriptions
            WHERE livemode = ?3 AND session IN ('', ?4) AND type IN (SELECT value FROM json_each(?5)))
        RETURNING socket, form, asked = unread";
    let session = event.checkout_session.as_deref().unwrap_or_default();
    let question = new_question(cx);
    let values = [
        (&event.id).into(),
        WINDOW.into(),
        event.livemode.into(),
        session.into(),
        (&patterns).into(),
        ASK_AT.into(),
        (&question).into(),
        weight(json).into(),
    ];
    let heard = |row: &Row| Hearer {
        socket: row.text(0).unwrap_or_default(),
        form: Form::of(row.number(1).unwrap_or(0)),
        is_asked: row.number(2) == Some(1),
    };
    let hearers: Vec<Hearer> = cx.books.rows(sql, &values)?.iter().map(heard).collect();
    for hearer in hearers.iter().filter(|hearer| hearer.is_asked) {
        wait_for(cx, &hearer.socket)?;
    }
    for form in Form::ALL {
        let of_form = || hearers.iter().filter(|hearer| hearer.form == form);
        let all: Vec<String> = of_form().map(|hearer| hearer.socket.clone()).collect();
        if let Some(text) = if all.is_empty() { None } else { form.event(cx.config, event, json)? } {
            cx.books.tell(&all, &text);
        }
        let asked: Vec<String> = of_form().filter(|hearer| hearer.is_asked).map(|hearer| hearer.socket.clone()).collect();
        if !asked.is_empty() {
            cx.books.tell(&asked, &form.ping(&question));
        }
    }
    Ok(())
}

/// As how many messages one of that length counts.
fn weight(text: &str) -> u32 {
    u32::try_from(text.len() / MESSAGE_BYTES).unwrap_or(WINDOW).saturating_add(1)
}

/// What only whoever read the question can answer it with: the word of somebody who does not read would be worth nothing.
fn new_question(cx: &Context<'_>) -> String {
    let [a, b, c, d, ..] = cx.books.random();
    base16ct::lower::encode_string(&[a, b, c, d])
}

/// Somebody who is told an event as it happens.
struct Hearer {
    socket: String,
    form: Form,
    /// Whether they have to confirm what they were told so far.
    is_asked: bool,
}

/// A listener has been asked to confirm; it has so long.
fn wait_for(cx: &Context<'_>, socket: &str) -> Result<(), Error> {
    task::plan(cx, Kind::Listen, socket, Now(cx.now.0 + PATIENCE_MS))
}

/// A listener wants all behind that event.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn from(cx: &Context<'_>, socket: &str, after: &str) -> Result<(), Error> {
    // Whoever was held has more to hear, from before that event.
    let sql = "UPDATE listeners SET told = iif(is_behind, min(told, ?1), ?1), is_behind = 1 WHERE socket = ?2";
    cx.books.run(sql, &[after.into(), socket.into()])?;
    catch_up(cx, socket)
}

/// A new listener is told something, and asked at once whether it is there: of one that left while it was connecting nobody says so.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn greet(cx: &Context<'_>, socket: &str, text: &str) -> Result<(), Error> {
    let Some(mut listener) = find(cx, socket)? else { return Ok(()) };
    listener.tell(cx, socket, text)?;
    listener.ask_once(cx, socket)?;
    listener.keep(cx, socket)
}

/// A listener says that it has read everything up to a question; whether that was asked.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn confirmed(cx: &Context<'_>, socket: &str, question: &str) -> Result<bool, Error> {
    let sql =
        "UPDATE listeners SET unread = unread - asked, asked = 0 WHERE socket = ? AND asked > 0 AND question = ? RETURNING 1";
    if cx.books.row(sql, &[socket.into(), question.into()])?.is_none() {
        return Ok(false);
    }
    task::done(cx, Kind::Listen, socket)?;
    catch_up(cx, socket)?;
    Ok(true)
}

/// Answers a listener. That is a message like any other: whoever goes on asking and reads no answer is dropped.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn reply(cx: &Context<'_>, socket: &str, text: &str) -> Result<(), Error> {
    let Some(mut listener) = find(cx, socket)? else { return Ok(()) };
    if listener.unread >= 2 * WINDOW {
        return close(cx, socket, Close::Slow);
    }
    listener.tell(cx, socket, text)?;
    listener.keep(cx, socket)
}

/// A listener's time is over, or its next page is due.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn due(cx: &Context<'_>, socket: &str) -> Result<(), Error> {
    task::done(cx, Kind::Listen, socket)?;
    match find(cx, socket)? {
        Some(listener) if listener.asked > 0 => close(cx, socket, Close::Slow),
        Some(_) => catch_up(cx, socket),
        None => Ok(()),
    }
}

/// How far a listener has come.
struct Listener {
    livemode: bool,
    form: Form,
    told: String,
    /// How many messages it was sent that it did not confirm, by their [`weight`].
    unread: u32,
    /// How many of them it was asked to confirm; none if it was not asked.
    asked: u32,
    /// What it was asked last.
    question: String,
    is_behind: bool,
}

fn find(cx: &Context<'_>, socket: &str) -> Result<Option<Listener>, Error> {
    let sql = "SELECT livemode, form, told, unread, asked, question, is_behind FROM listeners WHERE socket = ?";
    let row = cx.books.row(sql, &[socket.into()])?;
    let count = |row: &Row, column| row.number(column).and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
    Ok(row.map(|row| Listener {
        livemode: row.number(0) == Some(1),
        form: Form::of(row.number(1).unwrap_or(0)),
        told: row.text(2).unwrap_or_default(),
        unread: count(&row, 3),
        asked: count(&row, 4),
        question: row.text(5).unwrap_or_default(),
        is_behind: row.number(6) == Some(1),
    }))
}

/// Tells a listener who is behind what comes next, as much as it may be sent. Whoever has caught up hears the rest as it happens.
fn catch_up(cx: &Context<'_>, socket: &str) -> Result<(), Error> {
    let Some(mut listener) = find(cx, socket)?.filter(|listener| listener.is_behind) else { return Ok(()) };
    if listener.unread >= WINDOW {
        // It was told much in answer beyond what it has just confirmed.
        return listener.ask_once(cx, socket).and_then(|()| listener.keep(cx, socket));
    }
    let sql = "SELECT id, EXISTS (SELECT 1 FROM subscriptions s WHERE s.socket = ?1 AND s.session IN ('', coalesce(e.parent, ''))
            AND (s.type IN ('*', e.type) OR (s.type LIKE '%.*' AND substr(e.type, 1, length(s.type) - 1) = rtrim(s.type, '*'))))
        FROM objects e WHERE e.kind = 'event' AND e.livemode = ?2 AND e.id > ?3 ORDER BY e.id LIMIT ?4";
    let values = [socket.into(), listener.livemode.into(), (&listener.told).into(), PAGE.into()];
    let rows = cx.books.rows(sql, &values)?;
    let mut seen = 0;
    for row in &rows {
        if listener.unread >= WINDOW {
            break;
        }
        let id = row.text(0).unwrap_or_default();
        if let Some(text) = if row.number(1) == Some(1) { listener.words(cx, &id)? } else { None } {
            listener.tell(cx, socket, &text)?;
        }
        (listener.told, seen) = (id, seen + 1);
    }
    listener.is_behind = listener.unread >= WINDOW || seen == PAGE;
    listener.keep(cx, socket)?;
    // It goes on in the next turn, unless it has to confirm first.
    if listener.is_behind && listener.asked == 0 { task::plan(cx, Kind::Listen, socket, cx.now) } else { Ok(()) }
}

impl Listener {
    /// An event in its form. It is read alone: a page of large ones would take too much memory at a time.
    fn words(&self, cx: &Context<'_>, event: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT data FROM objects WHERE kind = 'event' AND livemode = ? AND id = ?";
        let row = cx.books.row(sql, &[self.livemode.into(), event.into()])?;
        let json = row.and_then(|row| row.text(0)).ok_or(Error::Internal)?;
        self.form.event(cx.config, &serde_json::from_str(&json).map_err(|_| Error::Internal)?, &json)
    }

    /// Sends it a message, and asks it to confirm where that is time.
    fn tell(&mut self, cx: &Context<'_>, socket: &str, text: &str) -> Result<(), Error> {
        cx.books.tell(&[socket.to_owned()], text);
        self.unread += weight(text);
        if self.unread >= ASK_AT { self.ask_once(cx, socket) } else { Ok(()) }
    }

    /// Asks it to confirm what it was sent so far.
    fn ask(&mut self, cx: &Context<'_>, socket: &str) -> Result<(), Error> {
        (self.asked, self.question) = (self.unread, new_question(cx));
        cx.books.tell(&[socket.to_owned()], &self.form.ping(&self.question));
        wait_for(cx, socket)
    }

    /// The same unless it was asked already.
    fn ask_once(&mut self, cx: &Context<'_>, socket: &str) -> Result<(), Error> {
        if self.asked == 0 { self.ask(cx, socket) } else { Ok(()) }
    }

    /// Writes down how far it has come.
    fn keep(&self, cx: &Context<'_>, socket: &str) -> Result<(), Error> {
        let sql = "UPDATE listeners SET told = ?, unread = ?, asked = ?, question = ?, is_behind = ? WHERE socket = ?";
        let Self { told, unread, asked, question, is_behind, .. } = self;
        let values = [told.into(), (*unread).into(), (*asked).into(), question.into(), (*is_behind).into(), socket.into()];
        cx.books.run(sql, &values)
    }
}
