//! Serves one listener: hyper speaks HTTP, and steps aside when a plan takes the connection over.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

use super::{
    plan::{self, Step},
    reply::Reply,
    sabotage::Outcome,
    watch::Watch,
};
use crate::{
    answer,
    records::{Listener, Received},
    state::Shared,
};

/// Accepts connections until the runtime ends.
pub(crate) async fn serve(listener: TcpListener, place: Listener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, place, Arc::clone(&shared)));
            }
            Err(error) => eprintln!("livery-sandbox: a connection was not accepted: {error}"),
        }
    }
}

/// Serves one connection, and plays the plan if a request ends in one. A client that breaks off is no event.
async fn connection(stream: TcpStream, place: Listener, shared: Arc<Shared>) {
    let takeover = Takeover::default();
    let io = TokioIo::new(Muted { stream, takeover: takeover.clone() });
    let taken = takeover.clone();
    let service = service_fn(move |request| handle(request, place, Arc::clone(&shared), taken.clone()));
    let Ok(parts) = http1::Builder::new().serve_connection(io, service).without_shutdown().await else {
        return;
    };
    let stream = parts.io.into_inner().stream;
    match takeover.take() {
        Some((steps, watch)) => plan::play(steps, stream, watch).await,
        None => plan::close(stream).await,
    }
}

async fn handle(
    request: Request<Incoming>,
    place: Listener,
    shared: Arc<Shared>,
    takeover: Takeover,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let received = received(request, place).await?;
    // A client that leaves now has hyper drop all of this, and the watch tells.
    let watch = Watch::new(&shared, &received);
    Ok(match answer::answer(&shared, received).await {
        Outcome::Reply(reply) => {
            watch.finish();
            response(reply)
        }
        Outcome::Plan(steps) => {
            takeover.set(steps, watch);
            response(Reply::text(200, "").with("connection", "close"))
        }
    })
}

async fn received(request: Request<Incoming>, listener: Listener) -> Result<Received, hyper::Error> {
    let (parts, body) = request.into_parts();
    let header =
        |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    Ok(Received {
        listener,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(header).collect(),
        body: body.collect().await?.to_bytes().to_vec(),
    })
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::from(reply.body)).unwrap_or_else(|error| {
        let explained = format!("livery-sandbox: this answer cannot be sent: {error}");
        let mut fallback = Response::new(Full::from(explained));
        *fallback.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        fallback
    })
}

/// A plan, and the watch over whether the client stays for it.
type Taken = (Vec<Step>, Watch);

/// The plan that takes a connection over, once there is one.
#[derive(Clone, Default)]
struct Takeover(Arc<Mutex<Option<Taken>>>);

impl Takeover {
    fn set(&self, steps: Vec<Step>, watch: Watch) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((steps, watch));
    }

    fn take(&self) -> Option<Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_set(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// A stream on which hyper's own answer is swallowed once a plan is set: the plan writes instead.
struct Muted {
    stream: TcpStream,
    takeover: Takeover,
}

impl AsyncRead for Muted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Muted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.takeover.is_set() { Poll::Ready(Ok(bytes.len())) } else { Pin::new(&mut self.stream).poll_write(context, bytes) }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
