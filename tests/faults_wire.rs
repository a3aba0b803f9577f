//! Promise 7 about HTTP itself: heads and framings that no server should send.
mod routes;
mod stage;
mod support;

use routes::{Row, Seen, Table, raw};
use stage::Stage;
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};
use support::leaks;

use Seen::{InvalidReply, Served, Unavailable};

const BODY: &str = "<html>hello</html>";
/// What a page of the gateway's is to each kind of route.
const PAGE: [Seen; 3] = [InvalidReply, Served, Served];

/// A page under a status line of its own, with these lines of the head besides its type.
fn page(status_line: &str, lines: &str) -> String {
    format!("{status_line}\r\nContent-Type: text/html\r\n{lines}\r\n{BODY}")
}

fn ok(lines: &str) -> String {
    page("HTTP/1.1 200 OK", lines)
}

fn chunked(lines: &str, end: &str) -> String {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n{lines}\r\n");
    format!("{head}{:x}\r\n{BODY}\r\n{end}", BODY.len())
}

fn lengths() -> Vec<Row> {
    let long = format!("Content-Length: {}\r\n", BODY.len());
    vec![
        raw("a length that is too short", ok("Content-Length: 5\r\n"), PAGE),
        raw("a length that is too long", ok("Content-Length: 99\r\n"), [Unavailable; 3]),
        raw("a negative length", ok("Content-Length: -5\r\n"), [Unavailable; 3]),
        raw("a length beyond all numbers", ok("Content-Length: 99999999999999999999\r\n"), [Unavailable; 3]),
        raw("a length in words", ok("Content-Length: some\r\n"), [Unavailable; 3]),
        raw("the same length twice", ok(&format!("{long}{long}")), PAGE),
        raw("two lengths", ok(&format!("{long}Content-Length: 5\r\n")), [Unavailable; 3]),
        raw("length and chunks", chunked(&long, "0\r\n\r\n"), PAGE),
        raw("chunks twice", chunked("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"), PAGE),
        raw("a transfer encoding of its own", ok("Transfer-Encoding: gzip\r\n"), PAGE),
        raw("a chunk of a size beyond all numbers", chunked("", "ffffffffffffffffff\r\n"), [Unavailable; 3]),
        raw("a chunk of a negative size", chunked("", "-1\r\n"), [Unavailable; 3]),
        raw("no framing at all", ok(""), PAGE),
    ]
}

fn heads() -> Vec<Row> {
    let many = (0..1000).map(|at| format!("X-Header-{at}: api.anexpay.net\r\n")).collect::<Vec<_>>().concat();
    let large = format!("X-Large: {}\r\n", "anexpay.net ".repeat((1 << 20) / 12));
    let length = format!("Content-Length: {}\r\n", BODY.len());
    vec![
        raw("nothing", "", [Unavailable; 3]),
        raw("half a status line", "HTTP/1.1 2", [Unavailable; 3]),
        raw("half a head", "HTTP/1.1 200 OK\r\nContent-Type: text/", [Unavailable; 3]),
        raw("a thousand headers", ok(&format!("{many}{length}")), PAGE),
        raw("a head of 1 MB", ok(&format!("{large}{length}")), [Unavailable; 3]),
        raw("a header without a name", ok(&format!(": api.anexpay.net\r\n{length}")), [Unavailable; 3]),
        raw("a header without a colon", ok(&format!("api.anexpay.net\r\n{length}")), [Unavailable; 3]),
        raw("a header with a null", ok(&format!("X-Null: a\0b\r\n{length}")), [Unavailable; 3]),
        raw("bare line feeds", ok(&length).replace("\r\n", "\n"), PAGE),
        raw("HTTP/1.0 with a length", page("HTTP/1.0 200 OK", &length), PAGE),
        raw("HTTP/1.0 without a length", page("HTTP/1.0 200 OK", ""), PAGE),
        raw("HTTP/0.9", BODY, [Unavailable; 3]),
        raw("HTTP/2", b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64".to_vec(), [Unavailable; 3]),
        raw("another protocol", page("ICY 200 OK", &length), [Unavailable; 3]),
        raw("status 0", page("HTTP/1.1 000 Zero", &length), [Unavailable; 3]),
        raw("status 99", page("HTTP/1.1 99 Low", &length), [Unavailable; 3]),
        raw("status 600", page("HTTP/1.1 600 High", &length), [InvalidReply; 3]),
        raw("status 1000", page("HTTP/1.1 1000 High", &length), [Unavailable; 3]),
        raw("status -200", page("HTTP/1.1 -200 OK", &length), [Unavailable; 3]),
    ]
}

fn informational() -> Vec<Row> {
    let last = ok(&format!("Content-Length: {}\r\n", BODY.len()));
    let before = |first: &str| format!("HTTP/1.1 {first}\r\n\r\n{last}");
    vec![
        raw("100", before("100 Continue"), PAGE),
        raw("102", before("102 Processing"), PAGE),
        raw("103 that names the gateway", before("103 Early Hints\r\nLink: <https://cdn.anexpay.net/a.css>; rel=preload"), PAGE),
        raw("101", before("101 Switching Protocols\r\nUpgrade: anexpay\r\nConnection: upgrade"), [InvalidReply; 3]),
        raw("100 and nothing more", "HTTP/1.1 100 Continue\r\n\r\n", [Unavailable; 3]),
        raw("trailers that name the gateway", chunked("Trailer: X-Via\r\n", "0\r\nX-Via: api.anexpay.net\r\n\r\n"), PAGE),
    ]
}

#[test]
fn a_body_is_as_long_as_all_say_or_there_is_none() {
    Table::new(Stage::branded()).check(&lengths());
}

#[test]
fn a_head_is_read_as_http_or_there_is_no_reply() {
    Table::new(Stage::branded()).check(&heads());
}

#[test]
fn what_comes_before_and_after_a_reply_is_no_part_of_it() {
    Table::new(Stage::branded()).check(&informational());
}

/// To the last byte: a client library would keep early hints and trailers to itself.
#[test]
fn hints_and_trailers_are_not_passed_on() {
    let stage = Stage::branded();
    for row in informational() {
        stage.sandbox.fault("/assets/app.css", row.fault);
        let mut stream = TcpStream::connect(stage.worker.host()).expect("a connection");
        let head = format!("GET /assets/app.css HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", stage.worker.host());
        stream.write_all(head.as_bytes()).expect("the request");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(leaks::find(&text, &["anexpay".to_owned()]), None, "{}", row.name);
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{}: {text}", row.name);
        stage.sandbox.clear_faults();
    }
}
