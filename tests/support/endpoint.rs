//! A merchant's webhook endpoint that keeps what it gets and answers as a test says, byte by byte.
use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long something that happens by itself may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// Threads that only wait need little.
const STACK: usize = 128 * 1024;

/// A request that came.
#[derive(Clone, Debug, Default)]
pub struct Got {
    /// When, in milliseconds since 1970.
    pub at: u64,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    /// Reads one from a connection.
    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut words = lines.first().ok_or(io::ErrorKind::UnexpectedEof)?.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers = lines.iter().skip(1).filter_map(header).collect();
        let mut got = Self { at: now(), method, target, headers, body: String::new() };
        let length = got.header("content-length").parse().unwrap_or(0);
        reader.take(length).read_to_string(&mut got.body)?;
        Ok(got)
    }

    /// The value of a header; an empty one where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Its `webhook-id`.
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The type of the event in it.
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().expect("a type").to_owned()
    }

    /// The signature that its receiver computes with a secret, as Standard Webhooks has it.
    pub fn signature(&self, secret: &str) -> String {
        let key = Base64::decode_vec(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body).as_bytes());
        format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
    }

    /// Whether one of its signatures is that.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let wanted = self.signature(secret);
        self.header("webhook-signature").split(' ').any(|one| one == wanted)
    }
}

/// All that came, and whoever waits for more.
type Shelf = Arc<(Mutex<Vec<Got>>, Condvar)>;

/// A listener on loopback that answers each request in a thread of its own, until the test process ends.
pub struct Endpoint {
    url: String,
    shelf: Shelf,
}

impl Endpoint {
    /// Starts it; the connection is closed when `answer` returns.
    pub fn start(answer: impl Fn(&Got, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
        let (shelf, answer) = (Shelf::default(), Arc::new(answer));
        let kept = Arc::clone(&shelf);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                // Whoever calls may leave at any time.
                let serve = move || drop(serve(stream, &kept, &*answer));
                thread::Builder::new().stack_size(STACK).spawn(serve).expect("a thread");
            }
        });
        Self { url, shelf }
    }

    /// One that answers everything with a status.
    pub fn saying(status: u16) -> Self {
        Self::start(move |_, stream| answer(stream, status, &[], ""))
    }

    /// One that answers nothing, and waits until it is left.
    pub fn hanging() -> Self {
        Self::start(|_, stream| stream.read(&mut [0]).map(drop))
    }

    /// One that resets every connection.
    pub fn resetting() -> Self {
        Self::start(|_, stream| reset(stream))
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What came so far.
    pub fn got(&self) -> Vec<Got> {
        self.shelf.0.lock().expect("what came").clone()
    }

    /// What came, as soon as it is so many.
    pub fn awaited(&self, count: usize) -> Vec<Got> {
        let got = self.shelf.0.lock().expect("what came");
        let (got, _) = self.shelf.1.wait_timeout_while(got, PATIENCE, |got| got.len() < count).expect("what came");
        assert!(got.len() >= count, "{} of {count} came: {got:?}", got.len());
        got.clone()
    }
}

fn serve(mut stream: TcpStream, shelf: &Shelf, answer: &dyn Fn(&Got, &mut TcpStream) -> io::Result<()>) -> io::Result<()> {
    let got = Got::read(&stream)?;
    shelf.0.lock().expect("what came").push(got.clone());
    shelf.1.notify_all();
    answer(&got, &mut stream)
}

/// Answers, and closes the connection.
pub fn answer(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &str) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} As told\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())
}

/// Ends a connection as a crash would.
pub fn reset(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?)
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_millis()).expect("a moment of these days")
}
