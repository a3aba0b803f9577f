//! Merchants' servers: what each answers stands in its path, and what arrives is noted.

use std::{
    collections::HashMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::outside::{FIRST_ADDRESS, FIRST_TXID};

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// Longer than Livery waits for an answer.
const HANGS: Duration = Duration::from_secs(20);
/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// How an endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    AtOnce,
    /// After 50 ms.
    Slowly,
    /// With 500.
    Fails,
    /// Nobody is there.
    Refuses,
    /// Not at all.
    Hangs,
}

#[derive(Default)]
struct Notes {
    /// When each webhook came first: by path, type and number.
    came: HashMap<(String, String, usize), Instant>,
    /// How many came to a path, and when the last did.
    counts: HashMap<String, (usize, Instant)>,
    /// How often those that hang were let go.
    releases: usize,
}

#[derive(Default)]
struct Shared {
    notes: Mutex<Notes>,
    changed: Condvar,
}

pub struct Endpoints {
    origin: String,
    shared: Arc<Shared>,
}

/// Starts them. They end with the process.
pub fn start() -> Endpoints {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let origin = format!("http://{}", listener.local_addr().expect("its address"));
    let shared: Arc<Shared> = Arc::default();
    let for_all = Arc::clone(&shared);
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let shared = Arc::clone(&for_all);
            // Livery hangs up where it has waited long enough.
            thread::spawn(move || serve(connection, &shared));
        }
    });
    Endpoints { origin, shared }
}

impl Endpoints {
    /// The URL of an endpoint that nobody has yet.
    pub fn url(&self, manner: Manner) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let origin = if manner == Manner::Refuses { NOWHERE } else { &self.origin };
        format!("{origin}/{manner:?}/{}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// When the webhook of that type and number came there, as soon as it did.
    pub fn came(&self, url: &str, kind: &str, number: usize) -> Instant {
        let key = (path(url), kind.to_owned(), number);
        self.wait(|notes| notes.came.get(&key).copied())
    }

    /// When the last of so many webhooks came there, as soon as it did.
    pub fn all_came(&self, url: &str, count: usize) -> Instant {
        let path = path(url);
        self.wait(|notes| notes.counts.get(&path).filter(|(came, _)| *came >= count).map(|(_, last)| *last))
    }

    /// Lets go of all calls that hang.
    pub fn let_go(&self) {
        self.shared.notes.lock().expect("the notes").releases += 1;
        self.shared.changed.notify_all();
    }

    fn wait<T>(&self, look: impl Fn(&Notes) -> Option<T>) -> T {
        let notes = self.shared.notes.lock().expect("the notes");
        let waited = self.shared.changed.wait_timeout_while(notes, PATIENCE, |notes| look(notes).is_none());
        look(&waited.expect("the notes").0).expect("a webhook in time")
    }
}

fn path(url: &str) -> String {
    let (_, rest) = url.split_once("//").expect("a URL");
    rest[rest.find('/').expect("a path")..].to_owned()
}

fn serve(connection: TcpStream, shared: &Shared) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let came = Instant::now();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        note(&path, &String::from_utf8_lossy(&body), came, shared);
        let status = answer(&path, shared);
        write!(reader.get_mut(), "HTTP/1.1 {status} Answered\r\nContent-Length: 0\r\n\r\n")?;
    }
}

fn note(path: &str, body: &str, came: Instant, shared: &Shared) {
    let kind = body.strip_prefix(r#"{"type":""#).and_then(|rest| rest.split('"').next()).expect("a webhook");
    let mut notes = shared.notes.lock().expect("the notes");
    if let Some(number) = number(body) {
        notes.came.entry((path.to_owned(), kind.to_owned(), number)).or_insert(came);
    }
    let (count, last) = notes.counts.entry(path.to_owned()).or_insert((0, came));
    (*count, *last) = (*count + 1, came);
    drop(notes);
    shared.changed.notify_all();
}

/// What is answered, when it is time.
fn answer(path: &str, shared: &Shared) -> u16 {
    let is = |manner: Manner| path.starts_with(&format!("/{manner:?}/"));
    if is(Manner::Slowly) {
        thread::sleep(Duration::from_millis(50));
    }
    if is(Manner::Hangs) {
        let notes = shared.notes.lock().expect("the notes");
        let releases = notes.releases;
        drop(shared.changed.wait_timeout_while(notes, HANGS, |notes| notes.releases == releases));
    }
    if is(Manner::Fails) || is(Manner::Hangs) { 500 } else { 204 }
}

/// Which payment or session it is about: by its transaction, its address, or its name.
fn number(body: &str) -> Option<usize> {
    let behind = |mark: &str, radix| {
        let (_, rest) = body.split_once(mark)?;
        usize::from_str_radix(rest.split('"').next()?, radix).ok()
    };
    let by_transaction = behind(r#""txid_in":"0x"#, 16).map(|txid| (txid - FIRST_TXID) / 2);
    let by_address = || behind(r#""receiving_address":"0x"#, 16).map(|address| address - FIRST_ADDRESS);
    by_transaction.or_else(by_address).or_else(|| behind(r#""client_reference_id":"r"#, 10))
}
