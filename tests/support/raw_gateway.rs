//! A gateway that does nothing but what a test says, byte by byte and no sooner: for bodies too large to keep, and for
//! answers that wait for the test.
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Threads that only wait need little.
const STACK: usize = 128 * 1024;

/// A listener on loopback that answers each connection in a thread of its own, until the test process ends.
pub struct RawGateway {
    url: String,
    written: Arc<AtomicU64>,
}

/// The way back to whoever asked.
pub struct Reply {
    stream: TcpStream,
    written: Arc<AtomicU64>,
}

impl RawGateway {
    /// Starts it; `answer` is given the target of each request.
    pub fn start(answer: impl Fn(&str, &mut Reply) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let written = Arc::new(AtomicU64::new(0));
        let (answer, counter) = (Arc::new(answer), Arc::clone(&written));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, written) = (Arc::clone(&answer), Arc::clone(&counter));
                let serve = move || {
                    // Whoever asked may leave at any time.
                    let _ = target(&stream).and_then(|target| answer(&target, &mut Reply { stream, written }));
                };
                thread::Builder::new().stack_size(STACK).spawn(serve).expect("a thread");
            }
        });
        Self { url, written }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many bytes it has got rid of.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

impl Reply {
    /// Writes all of it, as soon as the other side takes it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// The head of an answer with a body of this length.
    pub fn head(&mut self, content_type: &str, length: usize) -> io::Result<()> {
        let head =
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n");
        self.write(head.as_bytes())
    }
}

/// The target of the request that stands on a connection.
fn target(stream: &TcpStream) -> io::Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    Ok(first.split(' ').nth(1).unwrap_or_default().to_owned())
}
