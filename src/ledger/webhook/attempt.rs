//! The log: every attempt at a webhook, with what was sent and what was answered; and every try of a classic callback, without.

use serde::Serialize;

use crate::error::Error;
use crate::flow::Context;
use crate::http::{Fault, Now, Reply};
use crate::ledger::objects::write;
use crate::ledger::webhook::payload::{ID, SIGNATURE, TIMESTAMP};

/// Longest answer's head that is kept, in characters.
const MAX_HEAD: usize = 2048;

/// What was sent in an attempt; the body is the event's.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// Where it went.
    pub url: String,
    /// By which it is verified.
    pub headers: Vec<(&'static str, String)>,
}

impl Sent {
    /// What is kept of a call.
    #[must_use]
    pub fn of(call: &crate::http::Call) -> Self {
        let kept = |(name, _): &&(&'static str, String)| [ID, TIMESTAMP, SIGNATURE].contains(name);
        Self { url: call.url.clone(), headers: call.headers.iter().filter(kept).cloned().collect() }
    }
}

/// The beginning of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// Names and values of its headers.
    pub headers: Vec<(String, String)>,
    /// The first bytes of its body, as text.
    pub body: String,
}

impl Excerpt {
    /// Reads what [`crate::http::Read::Excerpt`] brings: a line for each header, an empty one, and the beginning of the body.
    #[must_use]
    pub fn read(text: &str) -> Self {
        // A head without headers leaves the empty line alone.
        let headless = text.strip_prefix('\n').map(|body| ("", body));
        let (head, body) = headless.or_else(|| text.split_once("\n\n")).unwrap_or((text, ""));
        let mut room = MAX_HEAD;
        // What is too long is left away alone: behind a long `content-security-policy` stands the `content-type`.
        let fits = |line: &&str| {
            let rest = room.checked_sub(line.chars().count());
            room = rest.unwrap_or(room);
            rest.is_some()
        };
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { headers: head.lines().filter(fits).filter_map(header).collect(), body: body.to_owned() }
    }

    /// The value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// One attempt, as the API shows it.
#[derive(Serialize)]
struct Attempt<'a> {
    number: u32,
    at: u64,
    duration_ms: u64,
    status: Option<u16>,
    error: Option<&'a str>,
    #[serde(flatten)]
    exchange: Option<Exchange<'a>>,
}

/// What was sent in it, and what was answered.
#[derive(Serialize)]
struct Exchange<'a> {
    request: &'a Sent,
    response: Option<Excerpt>,
}

/// Why nothing came, in one word.
#[must_use]
pub const fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Unreachable => "unreachable",
        Fault::Handshake => "name_or_certificate",
        Fault::Timeout => "timeout",
        Fault::Unreadable => "unreadable",
    }
}

/// Writes down what came of an attempt, and what was exchanged in it if `sent` says what was sent.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn log(
    cx: &Context<'_>,
    delivery: &str,
    number: u32,
    began: Now,
    sent: Option<&Sent>,
    came: &Result<Reply, Fault>,
) -> Result<(), Error> {
    let reply = came.as_ref();
    let answered = || reply.ok().map(|reply| Excerpt::read(&reply.text));
    let attempt = Attempt {
        number,
        at: began.0,
        duration_ms: cx.now.0.saturating_sub(began.0),
        status: reply.ok().map(|reply| reply.status),
        error: reply.err().map(|fault| word(*fault)),
        exchange: sent.map(|request| Exchange { request, response: answered() }),
    };
    let data = write(&attempt)?;
    let sql = "INSERT INTO attempts (delivery, number, at, data) VALUES (?, ?, ?, ?)";
    cx.books.run(sql, &[delivery.into(), number.into(), began.into(), (&data).into()])
}

/// Most attempts at something that are shown.
const MOST_SHOWN: u32 = 100;

/// The last attempts at something as JSON, the first first.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn last(cx: &Context<'_>, delivery: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT data FROM attempts WHERE delivery = ? ORDER BY number DESC LIMIT ?";
    let rows = cx.books.rows(sql, &[delivery.into(), MOST_SHOWN.into()])?;
    Ok(rows.iter().rev().filter_map(|row| row.text(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answers_head_and_the_beginning_of_its_body_are_kept() {
        let excerpt = Excerpt::read("content-type: text/html\nx: a: b\n\n<h1>\n\nhi");
        assert_eq!((excerpt.header("content-type"), excerpt.header("x"), excerpt.header("y")), ("text/html", "a: b", ""));
        assert_eq!(excerpt.body, "<h1>\n\nhi");
        assert_eq!(Excerpt::read(""), Excerpt { headers: Vec::new(), body: String::new() });
        assert_eq!(Excerpt::read("\na: 1\n\nb"), Excerpt { headers: Vec::new(), body: "a: 1\n\nb".to_owned() });
        let long = format!("a: 1\nb: {}\nc: 2\n\nbody", "x".repeat(MAX_HEAD));
        let excerpt = Excerpt::read(&long);
        assert_eq!((excerpt.headers.len(), excerpt.header("c"), excerpt.body.as_str()), (2, "2", "body"));
        let many = format!("{}\n\nbody", "a: 123\n".repeat(MAX_HEAD));
        assert_eq!(Excerpt::read(&many).headers.len(), MAX_HEAD / 6);
    }

    proptest! {
        #[test]
        fn no_answer_panics(text in "[\\PC\n]{0,80}") {
            let _ = Excerpt::read(&text);
        }
    }
}
