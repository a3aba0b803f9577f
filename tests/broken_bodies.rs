//! Promise 7, for bodies that are already on their way: what breaks off at the gateway breaks off for the customer too, and
//! nobody takes half a page for a whole one.
mod stage;
mod support;

use stage::{Stage, assert_error};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};
use support::{config::Settings, raw_gateway::RawGateway, worker::Worker};

const PATH: &str = "/assets/large.js";
/// More than Livery reads before it answers.
const PROMISED: usize = 1_000_000;

fn line(at: usize) -> String {
    format!("var line{at} = 'https://cdn.anexpay.net/{at}';\n")
}

fn text(length: usize) -> Vec<u8> {
    (0..).map(line).flat_map(String::into_bytes).take(length).collect()
}

/// A chunked body without its last chunk.
fn unfinished(body: &[u8]) -> Vec<u8> {
    let chunks = body.chunks(10_000).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    chunks.collect::<Vec<_>>().concat()
}

#[test]
fn a_body_that_breaks_after_its_first_block_is_visibly_broken() {
    let stage = Stage::branded();
    let length = PROMISED.to_string();
    for kind in ["text/html", "application/javascript", "image/png", "application/octet-stream"] {
        for sent in [66_000, 300_000, PROMISED - 1] {
            let by_length = [("content-type", kind), ("content-length", length.as_str())];
            stage.reply(PATH, 200, &by_length, text(sent));
            let answer = stage.worker.get(PATH).try_send();
            assert!(answer.is_err(), "{kind}, {sent} bytes of {PROMISED}: taken for whole");
            let by_chunks = [("content-type", kind), ("transfer-encoding", "chunked")];
            stage.reply(PATH, 200, &by_chunks, unfinished(&text(sent)));
            assert!(stage.worker.get(PATH).try_send().is_err(), "{kind}, {sent} bytes, no last chunk: taken for whole");
        }
    }
    assert!(stage.worker.logs("a body broke off before its end"));
    stage.reply(PATH, 200, &[("content-type", "text/html")], text(PROMISED));
    assert_eq!(stage.worker.get(PATH).send().status, 200);
}

#[test]
fn a_body_that_breaks_at_its_start_is_an_error() {
    let stage = Stage::branded();
    let length = PROMISED.to_string();
    for kind in ["text/html", "image/png"] {
        for sent in [0, 1, 4096, 65_535] {
            stage.reply(PATH, 200, &[("content-type", kind), ("content-length", &length)], text(sent));
            let what = format!("{kind}, {sent} bytes of {PROMISED}");
            assert_error(&what, &stage.worker.get(PATH).send(), 502, "gateway_unavailable");
        }
    }
}

#[test]
fn a_whole_body_passes_whatever_its_length() {
    let stage = Stage::branded();
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, PROMISED] {
        stage.reply(PATH, 200, &[("content-type", "application/octet-stream")], text(length));
        let answer = stage.worker.get(PATH).try_send().unwrap_or_else(|error| panic!("{length} bytes: {error}"));
        let blanked = String::from_utf8_lossy(&text(length)).replace("https://cdn.anexpay.net", &"x".repeat(23));
        assert_eq!((answer.status, answer.body.len()), (200, length));
        assert!(answer.body == blanked.as_bytes(), "{length} bytes arrived as others");
    }
}

/// The time limit is the gateway's. A customer on a slow line may take longer to read what has come; the pause here is
/// what such a line does.
#[test]
fn a_slow_customer_gets_the_whole_body() {
    let stage = Stage::branded_with(|settings| settings.set("GATEWAY_TIMEOUT_MS", "3000"));
    let length = 5_000_000;
    stage.reply(PATH, 200, &[("content-type", "image/png")], vec![b'x'; length]);
    let mut stream = TcpStream::connect(stage.worker.host()).expect("a connection");
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", stage.worker.host());
    stream.write_all(request.as_bytes()).expect("the request");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("the status");
    assert_eq!(&first, b"HTTP/1.1 200");
    thread::sleep(Duration::from_secs(4));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the rest");
    assert!(rest.len() > length, "{} of {length} bytes and a head", rest.len());
}

/// A reply stops in the middle of a letter, and others are read meanwhile: what is missing is in its own next part alone.
#[test]
fn a_letter_that_is_still_missing_a_byte_is_not_completed_by_another_reply() {
    const BLOCK: usize = 16 * 1024;
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let (finish, until) = mpsc::channel::<()>();
    let until = Mutex::new(until);
    let gateway = RawGateway::start(move |target, reply| {
        let amounts = r#""status":"success","value_coin":"10","exchange_rate":"1.0"}"#;
        if target.contains("from=EUR") {
            let start = format!(r#"{{"note":"{}"#, "x".repeat(BLOCK - r#"{"note":""#.len() - 1));
            reply.write(format!("{HEAD}\r\n{start}").as_bytes())?;
            reply.write(&"é".as_bytes()[..1])?;
            let _ = until.lock().expect("the test").recv();
            reply.write(&"é".as_bytes()[1..])?;
            return reply.write(format!(r#"",{amounts}"#).as_bytes());
        }
        let length = amounts.len() + 1;
        reply.write(format!("{HEAD}content-length: {length}\r\n\r\n{{{amounts}").as_bytes())
    });
    let worker = Worker::start(&Settings::new().gateway(gateway.url(), gateway.url()));
    let convert = |from: &str, value: usize| worker.get(&format!("/control/convert.php?from={from}&value={value}"));
    thread::scope(|scope| {
        let slow = scope.spawn(|| convert("EUR", 10).send());
        // All that the slow reply has sent by now is read before, or while, these are.
        while gateway.written() < BLOCK as u64 {
            thread::yield_now();
        }
        for value in 1..20 {
            let quick = convert("CAD", value).send();
            assert_eq!(quick.status, 200, "{}", quick.text());
        }
        finish.send(()).expect("a gateway");
        let slow = slow.join().expect("an answer");
        assert_eq!(slow.status, 200, "{}", slow.text());
    });
}

/// A head that says both: the runtime reads chunk by chunk, while the header still tells of five bytes.
#[test]
fn a_length_that_is_not_true_takes_no_memory() {
    const LIMIT: u64 = 16 << 20;
    let gateway = RawGateway::start(|_, reply| {
        reply.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        )?;
        let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x1_0000], b"\r\n"].concat();
        (0..1600).try_for_each(|_| reply.write(&chunk))
    });
    let worker = Worker::start(&Settings::new().gateway(gateway.url(), gateway.url()));
    let token = "dG9rZW4t".repeat(12);
    assert_error(
        "a flood",
        &worker.get(&format!("/control/payment-status.php?ipn_token={token}")).send(),
        502,
        "gateway_invalid_reply",
    );
    assert!(gateway.written() < LIMIT, "{} bytes were taken", gateway.written());
}
