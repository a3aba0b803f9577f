//! Customers: threads that ask the same thing over a connection of their own, as fast as they are answered.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::work::{ORDER_NUMBER, Work};

/// Every so many answers are read whole and checked; of the others, the status.
const SAMPLED: usize = 32;
/// An answer that takes longer is a failure of the benchmark.
const LIMIT: Duration = Duration::from_secs(20);

/// What one burst of requests took.
pub struct Burst {
    pub seconds: f64,
    /// Of each request.
    pub latencies_us: Vec<f64>,
}

/// Keeps `work.connections` customers busy for `duration`. Panics on a wrong answer.
pub fn burst(port: u16, work: &Work, hides: bool, duration: Duration) -> Burst {
    let started = Instant::now();
    let one = || customer(port, work, hides, started + duration);
    let latencies_us = thread::scope(|scope| {
        let customers: Vec<_> = (0..work.connections).map(|_| scope.spawn(one)).collect();
        customers.into_iter().flat_map(|customer| customer.join().expect("a customer served as promised")).collect()
    });
    Burst { seconds: started.elapsed().as_secs_f64(), latencies_us }
}

/// Asks once and checks the whole answer.
pub fn once(port: u16, work: &Work, hides: bool) {
    let mut connection = Connection::open(port);
    connection.ask(&numbered(&request(port, work)));
    connection.check(work, hides);
}

fn customer(port: u16, work: &Work, hides: bool, deadline: Instant) -> Vec<f64> {
    let request = request(port, work);
    let mut connection = Connection::open(port);
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        let request = numbered(&request);
        let started = Instant::now();
        connection.ask(&request);
        latencies.push(started.elapsed().as_secs_f64() * 1e6);
        if latencies.len() % SAMPLED == 1 {
            connection.check(work, hides);
        }
        assert_eq!(connection.status(), work.status, "{}: {}", work.title, connection.text());
    }
    latencies
}

/// What a shop's server or a browser sends, with what Cloudflare adds to it: some Workers copy all of it.
fn request(port: u16, work: &Work) -> String {
    let sender = if work.is_of_browser { OF_BROWSER } else { OF_SHOP };
    format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{sender}{OF_CLOUDFLARE}\r\n", work.target)
}

/// Every order has a number of its own: what two customers ask for is never the same.
fn numbered(request: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1_000_000);
    request.replacen(ORDER_NUMBER, &NEXT.fetch_add(1, Ordering::Relaxed).to_string(), 1)
}

const OF_SHOP: &str = "User-Agent: WordPress/6.8; https://shop.example\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\
    Referer: https://shop.example/checkout\r\n";
const OF_BROWSER: &str = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: es-ES,es;q=0.8,en;q=0.5\r\n\
    Accept-Encoding: gzip\r\nReferer: https://shop.example/\r\nCookie: session=0123456789abcdef\r\n\
    Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n\
    Sec-Fetch-User: ?1\r\nPriority: u=0, i\r\n";
const OF_CLOUDFLARE: &str = "CF-Connecting-IP: 203.0.113.7\r\nCF-IPCountry: ES\r\nCF-Ray: 8f0a1b2c3d4e5f60-MAD\r\n\
    CF-Visitor: {\"scheme\":\"https\"}\r\nCDN-Loop: cloudflare; loops=1\r\nX-Forwarded-For: 203.0.113.7\r\n\
    X-Forwarded-Proto: https\r\nX-Real-IP: 203.0.113.7\r\n";

/// A connection that is kept alive, and the last answer on it.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Where the body begins.
    head: usize,
}

impl Connection {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a contender that listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        Self { stream, buffer: vec![0; 64 * 1024], filled: 0, head: 0 }
    }

    /// Sends a request and reads the answer whole, as it comes (chunks are left in their frames).
    fn ask(&mut self, request: &str) {
        self.stream.write_all(request.as_bytes()).expect("a connection that stays");
        self.filled = 0;
        self.head = loop {
            self.read();
            if let Some(end) = self.buffer[..self.filled].windows(4).position(|part| part == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..self.head]).to_ascii_lowercase();
        let length = head.split_once("content-length:").and_then(|(_, rest)| rest.lines().next()?.trim().parse::<usize>().ok());
        while !self.is_whole(length) {
            self.read();
        }
    }

    /// By its length, or else, in chunks, by the empty last one: no body here ends like that by itself.
    fn is_whole(&self, length: Option<usize>) -> bool {
        let body = &self.buffer[self.head..self.filled];
        length.map_or_else(|| body == b"0\r\n\r\n" || body.ends_with(b"\r\n0\r\n\r\n"), |length| body.len() >= length)
    }

    fn read(&mut self) {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let count = self.stream.read(&mut self.buffer[self.filled..]).expect("an answer in time");
        assert!(count > 0, "the connection was closed after {}", self.text());
        self.filled += count;
    }

    fn status(&self) -> u16 {
        self.buffer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or_default()
    }

    /// Head and body, the body out of its chunks: a boundary may be in the middle of what is looked for.
    fn text(&self) -> String {
        let (head, body) = self.buffer[..self.filled].split_at(self.head);
        let head = String::from_utf8_lossy(head).into_owned();
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked { unchunked(body) } else { body.to_vec() };
        head + &String::from_utf8_lossy(&body)
    }

    fn check(&self, work: &Work, hides: bool) {
        let text = self.text();
        let right = self.status() == work.status && text.contains(&work.marker);
        let shown: String = text.chars().take(2000).collect();
        assert!(right, "{}: not {} with {:?}, but {shown}", work.title, work.status, work.marker);
        assert!(!hides || !text.contains("anexpay.net"), "{}: the gateway is named in {shown}", work.title);
    }
}

/// A chunked body as far as it is sound.
fn unchunked(mut framed: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = framed.windows(2).position(|part| part == b"\r\n") {
        let size = std::str::from_utf8(&framed[..end]).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some(chunk) = size.and_then(|size| framed.get(end + 2..end + 2 + size)) else { break };
        body.extend_from_slice(chunk);
        framed = framed.get(end + 2 + chunk.len() + 2..).unwrap_or_default();
    }
    body
}
