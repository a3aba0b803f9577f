//! A plain HTTP/1.1 client: it sends what it is told, keeps what it gets, and checks every answer for leaks.
use super::{config::CF_HEADER, leaks, secrets::Secrets};
use std::{
    io::{self, BufRead, BufReader, Read, Write as _},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a part of an answer may take to arrive on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request to a Worker.
#[derive(Clone, Debug)]
pub struct Request {
    host: String,
    hidden: Vec<String>,
    secrets: Arc<Secrets>,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    provider_url: bool,
    limit: Option<Duration>,
}

impl Request {
    /// A request to `host` whose answer must not contain any of `hidden`.
    pub fn new(host: String, hidden: Vec<String>, method: &str, target: &str) -> Self {
        let (method, target, secrets) = (method.into(), target.into(), Arc::default());
        let (headers, body) = (Vec::new(), Vec::new());
        Self { host, hidden, secrets, method, target, headers, body, provider_url: false, limit: None }
    }

    /// Nothing that comes back may show one of these.
    pub fn keeping(mut self, secrets: &Arc<Secrets>) -> Self {
        self.secrets = Arc::clone(secrets);
        self
    }

    /// The answer must not contain any of these names either.
    pub fn hiding(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.hidden.extend(names);
        self
    }

    /// Adds a header. `Host`, `Connection` and `Content-Length` are sent by themselves unless given.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets `request.cf`.
    pub fn cf(self, json: &str) -> Self {
        self.header(CF_HEADER, json)
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer redirects to a provider's own signed URL, whose query may name the gateway.
    pub fn expect_provider_url(mut self) -> Self {
        self.provider_url = true;
        self
    }

    /// All of the answer has to be there in less time than this. What is then done with it does not count.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sends it. Panics if the answer does not arrive whole, or if it leaks.
    pub fn send(&self) -> Answer {
        let wanted = format!("{} {}", self.method, self.target);
        let answer = self.try_send().unwrap_or_else(|error| panic!("{wanted}: {error}"));
        leaks::check(&wanted, &answer, &self.hidden, self.provider_url);
        answer
    }

    /// Sends it; an answer that does not arrive whole is an error. Panics if what arrived came too late or shows a secret;
    /// nothing else is checked.
    pub fn try_send(&self) -> io::Result<Answer> {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // Whoever has read enough may answer and close before everything is sent: that answer is what counts.
        let sent = stream.write_all(&self.bytes());
        let mut reader = BufReader::new(Kept { stream, bytes: Vec::new() });
        let answer = Answer::read(&mut reader, self.method == "HEAD");
        let (took, what) = (began.elapsed(), || format!("{} {}", self.method, self.target));
        assert!(self.limit.is_none_or(|limit| took < limit), "{}: it took {took:?}", what());
        match &answer {
            Ok(answer) => self.secrets.check_answer(&what(), answer),
            Err(_) => self.secrets.check(&what(), &reader.get_ref().bytes),
        }
        answer.map_err(|error| sent.err().unwrap_or(error))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in self.own_headers().iter().chain(&self.headers) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    fn own_headers(&self) -> Vec<(String, String)> {
        let given = |name: &str| self.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let length = (!self.body.is_empty()).then(|| self.body.len().to_string());
        let own = [("Host", Some(self.host.clone())), ("Connection", Some("close".into())), ("Content-Length", length)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        own.filter(|(name, _)| !given(name)).collect()
    }
}

/// A stream that keeps what was read from it, for answers that break off.
struct Kept {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Read for Kept {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.bytes.extend(&buffer[..length]);
        Ok(length)
    }
}

/// An answer, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header that occurs at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} occurs {} times", values.len());
        values.first().copied()
    }

    /// The values of all headers of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Reads one from a connection, which may hold more of them.
    pub fn read(stream: &mut impl BufRead, is_head: bool) -> io::Result<Self> {
        let (status, reason) = parse_status(&line(stream)?)?;
        let mut headers = Vec::new();
        loop {
            let header = line(stream)?;
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').ok_or_else(|| broken(&header))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Self { status, reason, headers, body: Vec::new() };
        if !is_head && !matches!(status, 204 | 304) {
            answer.body = answer.read_body(stream)?;
        }
        Ok(answer)
    }

    fn read_body(&self, stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
        if self.header("Transfer-Encoding").is_some() {
            return read_chunks(stream);
        }
        let Some(length) = self.header("Content-Length") else {
            let mut body = Vec::new();
            return stream.read_to_end(&mut body).map(|_| body);
        };
        read_exactly(stream, length.parse().map_err(|_| broken(length))?)
    }
}

fn parse_status(line: &str) -> io::Result<(u16, String)> {
    let mut parts = line.splitn(3, ' ').skip(1);
    let status = parts.next().and_then(|text| text.parse().ok()).ok_or_else(|| broken(line))?;
    Ok((status, parts.next().unwrap_or_default().to_owned()))
}

fn read_chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| broken(&size))?;
        body.extend(read_exactly(stream, size)?);
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn read_exactly(stream: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// One line without its end.
fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes)?;
    let line = bytes.strip_suffix(b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(String::from_utf8_lossy(line).into_owned())
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {what:?}"))
}
