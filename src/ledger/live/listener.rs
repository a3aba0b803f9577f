//! Listeners: who they are, what they want, and how far they are behind.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::filter;
use crate::ledger::live::form::Form;
use crate::ledger::live::message::{Said, Wish};
use crate::ledger::live::{Close, MOST, MOST_OF_CUSTOMERS, MOST_OF_SESSION, MOST_SUBSCRIPTIONS, pump};
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
    /// Behind which event.
    pub after: Option<String>,
}

/// Takes a listener on; its socket's id.
///
/// # Errors
/// [`Error::TooManyListeners`]; [`Error::Books`] where the database fails.
pub fn begin(cx: &Context<'_>, newcomer: &Newcomer) -> Result<String, Error> {
    let count = |sql: &str, values: &[_]| Ok::<_, Error>(cx.books.row(sql, values)?.and_then(|row| row.number(0)).unwrap_or(0));
    let most = if newcomer.form.is_status { MOST_OF_CUSTOMERS } else { MOST };
    let is_full = count("SELECT count(*) FROM listeners", &[])? >= most
        || (newcomer.form.is_status
            && count("SELECT count(*) FROM listeners WHERE actor = ?", &[(&newcomer.actor).into()])? >= MOST_OF_SESSION);
    if is_full {
        return Err(Error::TooManyListeners);
    }
    let socket = base16ct::lower::encode_string(&cx.books.random());
    let sql = "INSERT INTO listeners (socket, actor, livemode, form, told) VALUES (?, ?, ?, ?, '')";
    let values = [(&socket).into(), (&newcomer.actor).into(), newcomer.livemode.into(), newcomer.form.number().into()];
    cx.books.run(sql, &values)?;
    pump::greet(cx, &socket)?;
    subscribe(cx, &socket, newcomer.livemode, &newcomer.wish)?;
    if let Some(after) = &newcomer.after {
        pump::from(cx, &socket, after)?;
    }
    Ok(socket)
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
        Ok(Said::Pong(_)) => refuse(cx, socket, Error::Value("id", "is not that of the last ping")),
        Ok(_) if form.is_status => {
            refuse(cx, socket, Error::Value("type", "can be pong alone: what is shown is the token's to say"))
        }
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
    for pattern in types {
        let sql = "INSERT OR IGNORE INTO subscriptions (socket, livemode, session, type) VALUES (?, ?, ?, ?)";
        cx.books.run(sql, &[socket.into(), livemode.into(), session.into(), pattern.into()])?;
    }
    Ok(())
}

fn unsubscribe(cx: &Context<'_>, socket: &str, wish: Option<&Wish>) -> Result<(), Error> {
    let Some(wish) = wish else {
        return cx.books.run("DELETE FROM subscriptions WHERE socket = ?", &[socket.into()]);
    };
    let session = wish.checkout_session.as_deref().unwrap_or_default();
    // `*` names all that was subscribed to of this session, or of the account.
    let is_all = wish.event_types.iter().any(|pattern| pattern == filter::ALL);
    let of_session = "DELETE FROM subscriptions WHERE socket = ? AND session = ?";
    if is_all {
        return cx.books.run(of_session, &[socket.into(), session.into()]);
    }
    for pattern in &wish.event_types {
        cx.books.run(&format!("{of_session} AND type = ?"), &[socket.into(), session.into(), pattern.into()])?;
    }
    Ok(())
}

/// Tells a listener what it is subscribed to now.
fn told_of(cx: &Context<'_>, socket: &str) -> Result<(), Error> {
    let sql = "SELECT json_group_array(json_object('checkout_session', nullif(session, ''), 'event_type', type))
        FROM subscriptions WHERE socket = ?";
    let all = cx.books.row(sql, &[socket.into()])?.and_then(|row| row.text(0)).unwrap_or_default();
    pump::reply(cx, socket, &format!(r#"{{"type":"subscriptions","subscriptions":{all}}}"#))
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
