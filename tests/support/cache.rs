//! Cloudflare's cache, as workerd asks for it: a `GET` that is to be answered from the cache only, and a `PUT` whose body is the
//! whole answer to keep, head and all. One cache can serve several Workers, as in a data centre.
use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

/// How long an answer may take to get here on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A listener on loopback, until the test process ends.
pub struct Cache {
    host: String,
    state: Arc<Mutex<State>>,
}

/// How the cache behaves.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    /// It keeps what it is given.
    #[default]
    Well,
    /// It answers each look-up with these bytes.
    Says(Vec<u8>),
    /// It ends each connection.
    Gone,
    /// It takes a request and never answers.
    Silent,
}

#[derive(Default)]
struct State {
    mood: Mood,
    kept: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
}

impl Cache {
    /// Starts it.
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("its address").to_string();
        let state = Arc::new(Mutex::new(State { mood, ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&shared);
                // Whoever asked may leave at any time.
                thread::spawn(move || serve(stream, &state).unwrap_or_default());
            }
        });
        Self { host, state }
    }

    /// Its host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The methods of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// What it keeps: URLs and whole answers.
    pub fn kept(&self) -> BTreeMap<String, String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.state().kept.iter().map(|(url, answer)| (url.clone(), text(answer))).collect()
    }

    /// Waits until it keeps so many answers: they are put there beside a request. Panics after a long time.
    pub fn wait_for(&self, count: usize) {
        let began = Instant::now();
        while self.state().kept.len() < count {
            assert!(began.elapsed() < PATIENCE, "it keeps {:?}", self.kept().keys());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the cache")
    }
}

/// Answers the requests on a connection.
fn serve(stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some((method, url, body)) = request(&mut reader)? {
        let answer = {
            let mut state = state.lock().expect("the cache");
            state.asked.push(method.clone());
            answer(&mut state, &method, url, body)
        };
        match answer {
            Some(answer) if answer.is_empty() => return Ok(()),
            Some(answer) => writer.write_all(&answer)?,
            // Nothing, until the other side has had enough.
            None => drop(reader.read(&mut [0])?),
        }
    }
    Ok(())
}

/// What to answer: nothing at all, or no bytes where the connection is to end.
fn answer(state: &mut State, method: &str, url: String, body: Vec<u8>) -> Option<Vec<u8>> {
    match &state.mood {
        Mood::Silent => return None,
        Mood::Gone => return Some(Vec::new()),
        Mood::Says(bytes) => return Some(bytes.clone()),
        Mood::Well => {}
    }
    if method == "PUT" {
        state.kept.insert(url, body);
        return Some(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
    }
    let hit = |kept: &Vec<u8>| {
        let status = kept.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        [&kept[..status], b"CF-Cache-Status: HIT\r\n", &kept[status..]].concat()
    };
    let miss = || b"HTTP/1.1 504 Gateway Timeout\r\nCF-Cache-Status: MISS\r\nContent-Length: 0\r\n\r\n".to_vec();
    Some(state.kept.get(&url).map_or_else(miss, hit))
}

/// The next request: method, URL, body; `None` where the connection ends.
fn request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<(String, String, Vec<u8>)>> {
    let Some(first) = line(reader)? else { return Ok(None) };
    let mut parts = first.split(' ').map(str::to_owned);
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (mut host, mut length, mut chunked) = (String::new(), 0, false);
    while let Some(header) = line(reader)?.filter(|header| !header.is_empty()) {
        let (name, value) = header.split_once(": ").unwrap_or((&header, ""));
        match name.to_ascii_lowercase().as_str() {
            "host" => value.clone_into(&mut host),
            "content-length" => length = value.parse().unwrap_or(0),
            "transfer-encoding" => chunked = true,
            _ => {}
        }
    }
    let body = if chunked { chunks(reader)? } else { exactly(reader, length)? };
    Ok(Some((method, format!("{host}{target}"), body)))
}

fn chunks(reader: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&line(reader)?.unwrap_or_default(), 16).map_err(io::Error::other)?;
        body.extend(exactly(reader, size)?);
        line(reader)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn exactly(reader: &mut impl io::Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = reader.read_line(&mut line)?;
    Ok((length > 0).then(|| line.trim_end().to_owned()))
}
