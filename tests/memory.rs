//! Memory in real workerd: pages stream through a buffer of bounded size, however large the page and however slow the
//! customer, and hundreds of requests at once leave nothing behind. The figures are Linux's.
#![cfg(target_os = "linux")]
mod stage;
mod support;

use std::{
    io::{self, BufRead, BufReader, Read, Write as _},
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use support::{
    config::Settings,
    gate::Gate,
    process::{Process, allow_many_files},
    raw_gateway::{RawGateway, Reply},
    worker::Worker,
};

const MIB: usize = 1024 * 1024;

/// A page as large as none is: one line, over and over.
#[derive(Clone, Copy)]
struct Page {
    line: &'static str,
    /// What becomes of the line, with `{own}` for the Worker's origin.
    scrubbed: &'static str,
    length: usize,
}

/// Far more than the garbage that V8 lets pile up: 64 MiB of buffers before it begins to collect, and what is added meanwhile.
const LENGTH: usize = 320 * MIB;
/// The most that the Worker's process may grow by, in KiB. It grew by 117 MiB at most, for pages of 200 MiB and of 400.
const GROWTH: u64 = 192 * 1024;

const PLAIN: Page = Page {
    line: "<p>Nothing that has to be hidden is on this line, as on most lines of most pages.</p>\n",
    scrubbed: "<p>Nothing that has to be hidden is on this line, as on most lines of most pages.</p>\n",
    length: LENGTH,
};
const NAMED: Page = Page {
    line: concat!(
        "<a href=\"https://checkout.anexpay.net/pay.php?a=1&amp;b=2\">one</a> <img src='//www.anexpay.net/x.png'>",
        include_str!("../LICENSE"),
        "\n"
    ),
    scrubbed: concat!(
        "<a href=\"{own}/pay.php?a=1&amp;b=2\">one</a> <img src='//{host}/x.png'>",
        include_str!("../LICENSE"),
        "\n"
    ),
    length: LENGTH,
};

impl Page {
    fn lines(self) -> usize {
        self.length / self.line.len()
    }

    fn send(self, reply: &mut Reply) -> io::Result<()> {
        let at_once = MIB / self.line.len();
        let block = self.line.repeat(at_once);
        reply.head("text/html", self.lines() * self.line.len())?;
        for _ in 0..self.lines() / at_once {
            reply.write(block.as_bytes())?;
        }
        reply.write(self.line.repeat(self.lines() % at_once).as_bytes())
    }
}

/// The Worker, and a gateway that sends this page only.
fn stage(page: Page) -> (Worker, RawGateway) {
    let gateway = RawGateway::start(move |_, reply| page.send(reply));
    let worker = Worker::start(&Settings::new().gateway(gateway.url(), gateway.url()));
    assert_eq!(worker.get("/healthz").send().status, 200);
    (worker, gateway)
}

/// The hosted page, line by line.
struct Reading {
    stream: BufReader<TcpStream>,
    left: usize,
}

impl Reading {
    fn start(worker: &Worker) -> Self {
        let mut stream = TcpStream::connect(worker.host()).expect("a connection");
        write!(stream, "GET /page.php HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", worker.host()).expect("a request");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).expect("a head") > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
        Self { stream, left: 0 }
    }

    /// Reads to the end, and checks that everything is there as it should be.
    fn check(&mut self, expected: &str, lines: usize) {
        let block = expected.repeat(2 + 64 * 1024 / expected.len());
        let (mut got, mut buffer) = (0, vec![0; 64 * 1024]);
        loop {
            let length = self.read(&mut buffer).expect("more of the page");
            if length == 0 {
                break;
            }
            let at = got % expected.len();
            let wanted = &block.as_bytes()[at..at + length];
            assert!(buffer[..length] == *wanted, "behind {got} bytes: {}", String::from_utf8_lossy(&buffer[..length]));
            got += length;
        }
        assert_eq!(got, lines * expected.len(), "the length of the page");
    }
}

impl Read for Reading {
    /// Without the framing of the chunks.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let mut size = String::new();
            self.stream.read_line(&mut size)?;
            self.left = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)? + 2;
        }
        let length = buffer.len().min(self.left.saturating_sub(2));
        let length = if length == 0 { 0 } else { self.stream.read(&mut buffer[..length])? };
        self.left -= length;
        if self.left == 2 {
            self.stream.read_exact(&mut [0; 2])?;
            self.left = 0;
        }
        Ok(length)
    }
}

fn expected(page: Page, worker: &Worker) -> String {
    page.scrubbed.replace("{own}", &worker.url()).replace("{host}", &worker.host())
}

#[test]
fn a_huge_page_streams_through_a_small_buffer() {
    let (worker, _gateway) = stage(NAMED);
    let process = Process(worker.pid());
    let before = process.resident();
    process.forget_peak();
    Reading::start(&worker).check(&expected(NAMED, &worker), NAMED.lines());
    let growth = process.peak().saturating_sub(before);
    println!("a fast customer: {before} KiB before, {growth} more at most");
    assert!(growth < GROWTH, "{growth} KiB for a page of {LENGTH} bytes");
}

/// What the customer does not take, the gateway cannot get rid of, but for what the kernel keeps for four sockets.
#[test]
fn a_slow_customer_holds_the_gateway_back() {
    let (worker, gateway) = stage(PLAIN);
    let process = Process(worker.pid());
    let before = process.resident();
    process.forget_peak();
    let mut reading = Reading::start(&worker);
    let written = until_it_rests(|| gateway.written());
    let growth = process.peak().saturating_sub(before);
    println!("a customer who does not read: {written} bytes written, {growth} KiB more at most");
    assert!(written < LENGTH as u64 / 2, "{written} bytes are on their way to nobody");
    assert!(growth < GROWTH / 4, "{growth} KiB for what nobody reads");
    reading.check(&expected(PLAIN, &worker), PLAIN.lines());
    let growth = process.peak().saturating_sub(before);
    assert!(growth < GROWTH, "{growth} KiB for a page of {LENGTH} bytes");
}

/// A number, once it has stayed the same for a second.
fn until_it_rests<T: Copy + PartialEq>(mut number: impl FnMut() -> T) -> T {
    let (mut last, mut since) = (number(), Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(20));
        let now = number();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

/// The least resident memory, and the open files, after a crowd: what is given back or closed a moment after the last answer is
/// not left behind.
fn levels(process: Process) -> (u64, usize) {
    let mut least = process.resident();
    let files = until_it_rests(|| {
        least = least.min(process.resident());
        process.open_files()
    });
    (least, files)
}

/// How many customers wait at once.
const CROWD: usize = 500;
/// More than the Worker lets wait before it looks whom it can forget (MANY in src/glue/table.rs).
const LARGE_CROWD: usize = 1100;
/// How much higher the memory may be after four more crowds, in KiB: they left 10 MiB, and one block of 64 KiB that each
/// customer left would make 125.
const LEFT_BEHIND: u64 = 64 * 1024;

/// A gateway that converts at par, and keeps everybody waiting until its gate is open.
fn converter(gate: Arc<Gate>) -> RawGateway {
    RawGateway::start(move |target, reply| {
        let value = target.rsplit('=').next().unwrap_or_default();
        if target.contains("from=EUR") {
            gate.pass();
        }
        // By a rate that its own word contradicts, so that nobody computes with it and all have to ask.
        let json = format!(r#"{{"status":"success","value_coin":"{value}","exchange_rate":"2.0"}}"#);
        reply.head("application/json", json.len())?;
        reply.write(json.as_bytes())
    })
}

/// All at once: each has its own amount, and gets it back. Meanwhile another customer is served.
fn crowd(worker: &Worker, gate: &Gate, size: usize) {
    gate.close();
    let ask = |amount: usize| {
        let mut stream = TcpStream::connect(worker.host()).expect("a connection");
        let target = format!("/control/convert.php?from=EUR&value={amount}.25");
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", worker.host()).expect("a request");
        stream
    };
    let streams: Vec<TcpStream> = (1..=size).map(ask).collect();
    assert!(gate.sees(size), "{} of {size} asked the gateway", gate.asked());
    let quick = worker.get("/control/convert.php?from=USD&value=7.5").send();
    assert_eq!(quick.json()["value_coin"], "7.5", "somebody in a hurry");
    assert_eq!(worker.get("/healthz").send().status, 200);
    gate.open();
    for (mut stream, amount) in streams.into_iter().zip(1..) {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("\"{amount}.25\"")), "{amount}: {answer}");
    }
}

#[test]
fn hundreds_wait_at_once_and_leave_nothing_behind() {
    allow_many_files();
    let gate = Arc::new(Gate::default());
    let gateway = converter(Arc::clone(&gate));
    let worker = Worker::start(&Settings::new().gateway(gateway.url(), gateway.url()).collecting_eagerly());
    let process = Process(worker.pid());
    let round = |_| {
        crowd(&worker, &gate, CROWD);
        levels(process)
    };
    let levels: Vec<(u64, usize)> = (0..8).map(round).collect();
    println!("{CROWD} at once, round by round: KiB and open files {levels:?}");
    let (settled, last) = (levels[3], levels[7]);
    assert!(last.0 < settled.0 + LEFT_BEHIND, "{levels:?} KiB");
    assert!(last.1 < settled.1 + CROWD / 10, "{levels:?} open files");
}

#[test]
fn nobody_who_waits_is_forgotten_in_a_large_crowd() {
    allow_many_files();
    let gate = Arc::new(Gate::default());
    let gateway = converter(Arc::clone(&gate));
    let worker = Worker::start(&Settings::new().gateway(gateway.url(), gateway.url()).set("RATE_LIMIT_PER_CLIENT", "0"));
    crowd(&worker, &gate, LARGE_CROWD);
}
