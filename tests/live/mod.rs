//! Whoever listens to live events: over a WebSocket, or as a browser reads server-sent events.
#![allow(dead_code, reason = "every test file uses its own part of this")]

use crate::ledger::{Caller, text};
use crate::stage::Stage;
use crate::support::ledgers::of_accounts;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    net::TcpStream,
    time::Duration,
};
use tungstenite::{Message, WebSocket, client::IntoClientRequest as _, handshake::HandshakeError, http::HeaderValue};

/// Where events are listened to.
pub const PATH: &str = "/api/v1/events/stream";
/// How long something that happens by itself may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The query with which the page of this session's customer listens, with its `?`.
pub fn customers_query(shop: &Caller<'_>, session: &Value) -> String {
    let token = shop.post(&format!("checkout-sessions/{}/live-token", text(session, "id")), &json!({}));
    format!("?token={}", text(&token, "token"))
}

/// What is heard over a WebSocket.
pub struct Listener {
    socket: WebSocket<TcpStream>,
    /// Whether it confirms what it reads.
    pub confirms: bool,
    /// The event behind which it hears all; of a customer, none.
    pub begins: Option<String>,
    /// The last question whether it does.
    asked: Value,
}

impl Listener {
    /// Somebody with this caller's key; `query` with its `?`.
    pub fn open(caller: &Caller<'_>, query: &str) -> Self {
        let mut listener = Self::connect(&caller.stage.worker.host(), query, Some(&caller.token)).expect("a listener");
        let first = listener.next();
        assert_eq!(first["type"], "listening", "{first}");
        listener.begins = first["id"].as_str().map(str::to_owned);
        listener
    }

    /// Somebody with a token in the query, or none; otherwise status and text of the answer.
    pub fn connect(host: &str, query: &str, key: Option<&str>) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{host}{PATH}{query}").into_client_request().expect("a request");
        if let Some(key) = key {
            let value = HeaderValue::from_str(&format!("Bearer {key}")).expect("a header");
            request.headers_mut().insert("authorization", value);
        }
        let stream = TcpStream::connect(host).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, confirms: true, begins: None, asked: Value::Null }),
            Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                let text = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                Err((answer.status().as_u16(), text))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// The next message; questions whether it still reads are answered, and passed over.
    pub fn next(&mut self) -> Value {
        self.try_next().unwrap_or_else(|code| panic!("the socket was closed with {code}"))
    }

    /// The same; otherwise the code that it was closed with, 1006 where none was given.
    pub fn try_next(&mut self) -> Result<Value, u16> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    assert!(!text.contains("anexpay.net"), "a hidden name is told: {text}");
                    let message: Value = serde_json::from_str(&text).expect("JSON");
                    if message["type"] != "ping" {
                        return Ok(message);
                    }
                    self.asked = message["id"].clone();
                    if self.confirms {
                        self.confirm();
                    }
                }
                Ok(Message::Close(frame)) => return Err(frame.map_or(1006, |frame| frame.code.into())),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("nothing was heard in time")
                }
                Err(_) => return Err(1006),
            }
        }
    }

    /// Confirms what it was asked about last.
    pub fn confirm(&mut self) {
        let answer = json!({"type": "pong", "id": self.asked});
        self.say(&answer);
    }

    /// The next so many events: their types.
    pub fn types(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.event()["type"].as_str().expect("a type").to_owned()).collect()
    }

    /// The next message, which has to be an event.
    pub fn event(&mut self) -> Value {
        let message = self.next();
        assert_eq!(message["type"], "event", "{message}");
        assert_eq!(message["id"], message["event"]["id"]);
        message["event"].clone()
    }

    /// Waits for so long for what comes.
    pub fn is_patient_for(&self, time: Duration) {
        self.socket.get_ref().set_read_timeout(Some(time)).expect("a time limit");
    }

    /// Says something.
    pub fn say(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).expect("a message");
    }

    /// Whether nothing more comes than what was said before this question: the answer to it comes next.
    pub fn hears_nothing(&mut self) {
        self.say(&json!({"type": "nothing"}));
        let message = self.next();
        assert_eq!((&message["type"], &message["error"]["param"]), (&json!("error"), &json!("type")), "{message}");
    }
}

/// What is heard as lines.
pub struct Lines {
    /// The answer's head, in lower case.
    pub head: Vec<String>,
    /// The event behind which all is heard; of a customer, none.
    pub begins: Option<String>,
    reader: BufReader<TcpStream>,
}

/// One server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub id: Option<String>,
    pub event: String,
    pub data: Value,
}

impl Lines {
    /// Somebody with these headers besides.
    pub fn open(host: &str, query: &str, headers: &[(&str, &str)]) -> Self {
        let stream = TcpStream::connect(host).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let more = headers.iter().fold(String::new(), |more, (name, value)| more + name + ": " + value + "\r\n");
        let head = format!("GET {PATH}{query} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n{more}\r\n");
        (&stream).write_all(head.as_bytes()).expect("a request");
        let mut lines = Self { head: Vec::new(), begins: None, reader: BufReader::new(stream) };
        let mut head = Vec::new();
        while head.last().is_none_or(|line: &String| !line.is_empty()) {
            head.push(lines.line().to_ascii_lowercase());
        }
        assert!(head[0].contains(" 200 ") && head.contains(&"content-type: text/event-stream".to_owned()), "{head:#?}");
        assert!(head.contains(&"transfer-encoding: chunked".to_owned()), "{head:#?}");
        lines.head = head;
        lines
    }

    /// A line, whatever part of a chunk it is; none where the stream has ended or was broken off.
    fn try_line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing was heard in time"),
            Ok(_) | Err(_) if !line.ends_with('\n') => return None,
            _ => {}
        }
        assert!(!line.contains("anexpay.net"), "a hidden name is told: {line}");
        Some(line.trim_end().to_owned())
    }

    fn line(&mut self) -> String {
        self.try_line().expect("the stream has ended")
    }

    /// The next event.
    pub fn next(&mut self) -> Sent {
        self.try_next().expect("the stream has ended")
    }

    /// The same; none where the stream has ended. Comments and the sizes of chunks are passed over.
    pub fn try_next(&mut self) -> Option<Sent> {
        let (mut id, mut event) = (None, String::new());
        loop {
            let line = self.try_line()?;
            match line.split_once(": ") {
                Some(("id", value)) => id = Some(value.to_owned()),
                Some(("event", value)) => value.clone_into(&mut event),
                Some(("data", value)) => return Some(Sent { id, event, data: serde_json::from_str(value).expect("JSON") }),
                // A browser keeps an id that comes alone.
                None if line.is_empty() && event.is_empty() && id.is_some() => self.begins = id.take(),
                _ => {}
            }
        }
    }
}

/// How many listeners the ledgers know of.
pub fn known(stage: &Stage) -> i64 {
    let count = |file| {
        let database = Connection::open(file).expect("a database");
        database.query_row("SELECT count(*) FROM listeners", [], |row| row.get::<_, i64>(0)).unwrap_or(0)
    };
    of_accounts(&stage.worker.ledgers()).map(count).sum()
}

/// Puts a listener in the rows whose socket never was: a ledger that begins anew finds that out, and no other does.
pub fn make_up(stage: &Stage) {
    let row = "INSERT INTO listeners (socket, actor, livemode, form, told, since) SELECT 'none', 'operator', 1, 0, '', 0
        FROM listeners LIMIT 1";
    let put = |file| Connection::open(file).expect("a database").execute(row, []).unwrap_or(0);
    assert_eq!(of_accounts(&stage.worker.ledgers()).map(put).sum::<usize>(), 1);
}
