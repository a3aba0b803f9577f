//! Listeners: who they are, what they want, and how far they are behind.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::event;
use crate::ledger::filter;
use crate::ledger::live::form::Form;
use crate::ledger::live::message::{Said, Wish};
use crate::ledger::live::{Close, MOST, MOST_OF_CUSTOMERS, MOST_OF_SESSION, MOST_SUBSCRIPTIONS, PATIENCE_MS, pump};
use crate::ledger::task::{self, Kind};

/// Whoever begins to listen.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// Who that is; the customer of a session is its id.
    pub actor: String,
    /// Events of which mode.
    pub livemode: bool,
    /// How they are told.
    pub form: Form,
    /// What they want.
    pub wish: Wish,
    /// Behind which event; behind all, if none.
    pub after: Option<String>,
    /// What they are told first; where the events begin, if none.
    pub greeting: Option<String>,
}

/// Takes a listener on; its socket's id.
///
/// # Errors
/// [`Error::TooManyListeners`]; [`Error::Books`] where the database fails.
pub fn begin(cx: &Context<'_>, newcomer: &Newcomer) -> Result<String, Error> {
    make_room(cx, newcomer)?;
    let Newcomer { actor, livemode, form, after, .. } = newcomer;
    let socket = base16ct::lower::encode_string(&cx.books.random());
    let start = after.clone().map_or_else(|| event::latest(cx, *livemode), Ok)?;
    let sql = "INSERT INTO listeners (socket, actor, livemode, form, told, since) VALUES (?, ?, ?, ?, ?, ?)";
    let values = [(&socket).into(), actor.into(), (*livemode).into(), form.number().into(), (&start).into(), cx.now.into()];
    cx.books.run(sql, &values)?;
    pump::greet(cx, &socket, &newcomer.greeting.clone().unwrap_or_else(|| form.begin(&start)))?;
    subscribe(cx, &socket, *livemode, &newcomer.wish)?;
    after.as_ref().map_or(Ok(()), |after| pump::from(cx, &socket, after))?;
    Ok(socket)
}

/// Sees that there is room for one more. A page that was opened anew must not wait for what is left of those before.
fn make_room(cx: &Context<'_>, newcomer: &Newcomer) -> Result<(), Error> {
    let is_customers = newcomer.form.is_status;
    if is_customers && replace_oldest(cx, &newcomer.actor)? {
        return Ok(());
    }
    let count = cx.books.row("SELECT count(*) FROM listeners", &[])?.and_then(|row| row.number(0)).unwrap_or(0);
    if count >= if is_customers { MOST_OF_CUSTOMERS } else { MOST } { Err(Error::TooManyListeners) } else { Ok(()) }
}

/// The next customer of a session that has as many as it may takes the place of the first; whether it has.
fn replace_oldest(cx: &Context<'_>, session: &str) -> Result<bool, Error> {
    let sql = "SELECT socket, form FROM listeners WHERE actor = ? ORDER BY since DESC LIMIT -1 OFFSET ?";
    let oldest = cx.books.rows(sql, &[session.into(), (MOST_OF_SESSION - 1).into()])?;
    for row in &oldest {
        let socket = row.text(0).unwrap_or_default();
        // A browser comes back to lines that end: were that at once, pages too many would replace each other for ever.
        if Form::of(row.number(1).unwrap_or(0)).is_lines {
            cx.books.tell(core::slice::from_ref(&socket), &format!("retry: {PATIENCE_MS}\n\n"));
        }
        close(cx, &socket, Close::Replaced)?;
    }
    Ok(!oldest.is_empty())
}

/// Answers what a listener says. What it cannot say is answered too: it goes on listening.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn hear(cx: &Context<'_>, socket: &str, text: &str) -> Result<(), Error> {
    let sql = "SELECT livemode, form FROM listeners WHERE socket = ?";
    // One that was dropped a moment ago.
    let Some(row) = cx.books.row(sql, &[socket.into()])? else { return Ok(()) };
    let (livemode, form) = (row.number(0) == Some(1), Form::of(row.number(1).unwrap_or(0)));
    let said = Said::read(text);
    match said {
        Ok(Said::Pong(question)) if pump::confirmed(cx, socket, &question)? => Ok(()),
        // Whatever a customer's page could say would be work for the ledger, and there are many customers.
        _ if form.is_status => close(cx, socket, Close::Talks),
        Ok(Said::Pong(_)) => refuse(cx, socket, Error::Value("id", "is not that of the last ping")),
        Ok(Said::Subscribe(wish, after)) => {
            if let Err(error) = subscribe(cx, socket, livemode, &wish) {
                return refuse(cx, socket, error);
            }
            told_of(cx, socket)?;
            after.map_or(Ok(()), |after| pump::from(cx, socket, &after))
        }
        Ok(Said::Unsubscribe(wish)) => {
            unsubscribe(cx, socket, wish.as_ref())?;
            told_of(cx, socket)
        }
        Err(error) => refuse(cx, socket, error),
    }
}

fn refuse(cx: &Context<'_>, socket: &str, error: Error) -> Result<(), Error> {
    if matches!(error, Error::Books(_) | Error::Internal) {
        return Err(error);
    }
    let object = crate::json::Object::new().text("code", error.code()).optional("param", error.param());
    let message = error.to_string();
    let object = crate::json::Object::new().text("type", "error").object("error", object.text("message", &message));
    pump::reply(cx, socket, &crate::livery::scrub::scrub(&cx.config.names, &object.write()))
}

fn subscribe(cx: &Context<'_>, socket: &str, livemode: bool, wish: &Wish) -> Result<(), Error> {
    let session = wish.checkout_session.as_deref().unwrap_or_default();
    let types: BTreeSet<&String> = wish.event_types.iter().collect();
    let names = serde_json::to_string(&types).map_err(|_| Error::Internal)?;
    // Refused before anything is written: what was subscribed to before stays.
    let others = "SELECT count(*) FROM subscriptions
        WHERE socket = ? AND NOT (session = ? AND type IN (SELECT value FROM json_each(?)))";
    let others = cx.books.row(others, &[socket.into(), session.into(), (&names).into()])?;
    if others.and_then(|row| row.number(0)).unwrap_or(0) + types.len() as u64 > MOST_SUBSCRIPTIONS {
        return Err(Error::Value("event_types", "makes more than 200 subscriptions: unsubscribe from something first, or use *"));
    }
    let sql = "INSERT OR IGNORE INTO subscriptions (socket, livemode, session, type) SELECT ?, ?, ?, value FROM json_each(?)";
    cx.books.run(sql, &[socket.into(), livemode.into(), session.into(), (&names).into()])
}

fn unsubscribe(cx: &Context<'_>, socket: &str, wish: Option<&Wish>) -> Result<(), Error> {
    let Some(wish) = wish else {
        return cx.books.run("DELETE FROM subscriptions WHERE socket = ?", &[socket.into()]);
    };
    let session = wish.checkout_session.as_deref().unwrap_or_default();
    let names = serde_json::to_string(&wish.event_types).map_err(|_| Error::Internal)?;
    // `*` names all that was subscribed to of this session, or of the account.
    let sql = "DELETE FROM subscriptions WHERE socket = ?1 AND session = ?2
        AND (type IN (SELECT value FROM json_each(?3)) OR ?4 IN (SELECT value FROM json_each(?3)))";
    cx.books.run(sql, &[socket.into(), session.into(), (&names).into(), filter::ALL.into()])
}

/// Tells a listener that it was understood. Its subscriptions are counted and not named: whoever makes two hundred of them in a row
/// would be sent a long list for each, and be dropped for not having read them all yet.
fn told_of(cx: &Context<'_>, socket: &str) -> Result<(), Error> {
    let sql = "SELECT count(*) FROM subscriptions WHERE socket = ?";
    let count = cx.books.row(sql, &[socket.into()])?.and_then(|row| row.number(0)).unwrap_or(0);
    pump::reply(cx, socket, &format!(r#"{{"type":"subscriptions","count":{count}}}"#))
}

/// Forgets a listener that is gone.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn end(cx: &Context<'_>, socket: &str) -> Result<(), Error> {
    cx.books.run("DELETE FROM listeners WHERE socket = ?", &[socket.into()])?;
    cx.books.run("DELETE FROM subscriptions WHERE socket = ?", &[socket.into()])?;
    task::done(cx, Kind::Listen, socket)
}

/// Closes a listener's socket.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn close(cx: &Context<'_>, socket: &str, why: Close) -> Result<(), Error> {
    cx.books.hang_up(socket, why);
    end(cx, socket)
}

/// Closes all that somebody listens with.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn close_all(cx: &Context<'_>, actor: &str, why: Close) -> Result<(), Error> {
    for row in cx.books.rows("SELECT socket FROM listeners WHERE actor = ?", &[actor.into()])? {
        close(cx, &row.text(0).unwrap_or_default(), why)?;
    }
    Ok(())
}

/// Forgets listeners whose sockets are no more: a machine that is lost takes them with it, and nobody says so.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn recover(cx: &Context<'_>) -> Result<(), Error> {
    let open = cx.books.sockets();
    let gone = "SELECT socket FROM listeners WHERE socket NOT IN (SELECT value FROM json_each(?))";
    for row in cx.books.rows(gone, &[(&open).into()])? {
        end(cx, &row.text(0).unwrap_or_default())?;
    }
    Ok(())
}
