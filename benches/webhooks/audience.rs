//! Many who listen over a WebSocket each, and are read by one thread.

use std::{
    io::ErrorKind,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tungstenite::{
    Error, Message, WebSocket,
    client::{IntoClientRequest as _, client_with_config},
    http::HeaderValue,
    protocol::WebSocketConfig,
};

use crate::ADMIN;

/// How many connect at the same time.
const AT_ONCE: usize = 8;
/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// When nothing was said for so long, everything was.
const QUIET: Duration = Duration::from_millis(20);

pub struct Audience {
    sockets: Vec<WebSocket<TcpStream>>,
}

impl Audience {
    /// So many begin to listen to what happens to one session.
    pub fn gather(host: &str, session: &str, count: usize) -> Self {
        let some = || (0..count / AT_ONCE).map(|_| connect(host, session)).collect::<Vec<_>>();
        thread::scope(|scope| {
            let groups: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(some)).collect();
            Self { sockets: groups.into_iter().flat_map(|group| group.join().expect("listeners")).collect() }
        })
    }

    pub const fn count(&self) -> usize {
        self.sockets.len()
    }

    /// All of them want to hear everything.
    pub fn subscribe(&mut self) {
        for socket in &mut self.sockets {
            socket.send(Message::text(r#"{"type":"subscribe"}"#)).expect("a listener that is read");
        }
        // Each is told what it is subscribed to.
        self.hear();
    }

    /// When each hears the next message; what it says is read afterwards.
    pub fn hear(&mut self) -> Vec<Instant> {
        let deadline = Instant::now() + PATIENCE;
        let (mut waiting, mut heard): (Vec<usize>, Vec<Instant>) = ((0..self.count()).collect(), Vec::new());
        while !waiting.is_empty() {
            assert!(Instant::now() < deadline, "{} hear nothing", waiting.len());
            let ready = self.ready(&waiting, PATIENCE);
            let now = Instant::now();
            heard.resize(heard.len() + ready.len(), now);
            waiting.retain(|which| ready.binary_search(which).is_err());
        }
        self.settle();
        heard
    }

    /// Reads until nothing more is said.
    pub fn settle(&mut self) {
        while self.read(QUIET) > 0 {}
    }

    /// Reads what was said, and confirms it where that is asked; from how many.
    pub fn read(&mut self, patience: Duration) -> usize {
        let all: Vec<usize> = (0..self.count()).collect();
        let ready = self.ready(&all, patience);
        for which in &ready {
            drain(&mut self.sockets[*which]);
        }
        ready.len()
    }

    /// Those of them to whom something was said, in order.
    fn ready(&self, whom: &[usize], patience: Duration) -> Vec<usize> {
        let mut polled: Vec<PollFd<'_>> =
            whom.iter().map(|which| PollFd::new(self.sockets[*which].get_ref(), PollFlags::IN)).collect();
        let patience = Timespec::try_from(patience).expect("a short time");
        poll(&mut polled, Some(&patience)).expect("sockets");
        whom.iter().zip(&polled).filter(|(_, polled)| !polled.revents().is_empty()).map(|(which, _)| *which).collect()
    }
}

fn connect(host: &str, session: &str) -> WebSocket<TcpStream> {
    let mut request =
        format!("ws://{host}/api/v1/events/stream?checkout_session={session}").into_client_request().expect("a request");
    let key = HeaderValue::from_str(&format!("Bearer {ADMIN}")).expect("a header");
    request.headers_mut().insert("authorization", key);
    let stream = TcpStream::connect(host).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    // Or a thousand would need 128 MiB.
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let (socket, _) = client_with_config(request, stream, Some(config)).expect("a WebSocket");
    socket.get_ref().set_nonblocking(true).expect("a socket");
    socket
}

fn drain(socket: &mut WebSocket<TcpStream>) {
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                if let Some(id) = text.strip_prefix(r#"{"type":"ping","#) {
                    socket.send(Message::text(format!(r#"{{"type":"pong",{id}"#))).expect("a listener that is read");
                }
            }
            Ok(Message::Close(frame)) => panic!("a listener was dropped: {frame:?}"),
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("{error}"),
        }
    }
}
