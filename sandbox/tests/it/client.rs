//! A client that shows what was on the wire: one connection per request, no redirects, nothing decoded but chunks.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body is as long as its framing says.
    pub whole: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// Sends `GET` to a URL.
pub fn get(url: &str) -> Answer {
    send("GET", url, &[], "").expect("an answer")
}

/// Sends any request to a URL.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    raw(method, url, headers, body).map(|bytes| parse(&bytes))
}

/// The bytes that came back, until the server closed.
pub fn raw(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Vec<u8>> {
    let mut stream = open(method, url, headers, body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// A connection on which the request was sent.
pub fn open(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<TcpStream> {
    let (host, target) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an http URL with a path");
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = format!("{method} /{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.extend([*name, ": ", *value, "\r\n"]);
    }
    request.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n", body]);
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).expect("a status");
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: Vec<_> = lines.filter_map(split).collect();
    let answer = Answer { status, headers, body: bytes[end + 4..].to_vec(), whole: true };
    if answer.header("transfer-encoding") == Some("chunked") {
        let (body, whole) = dechunked(&answer.body);
        return Answer { body, whole, ..answer };
    }
    let whole = answer.header("content-length").is_none_or(|length| length == answer.body.len().to_string());
    Answer { whole, ..answer }
}

fn dechunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..line]), 16).expect("a chunk size");
        if size == 0 {
            return (body, true);
        }
        body.extend(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
    (body, false)
}
