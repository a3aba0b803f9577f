//! A plan: what to write on a connection, step by step, when HTTP's rules no longer count.

use std::{
    future::{Future as _, pending, poll_fn},
    io,
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    time::{sleep, timeout},
};

use super::watch::Watch;

/// How long a closed connection waits for the client to close too, so that no late byte turns the end into a reset.
const LINGER: Duration = Duration::from_secs(2);

/// One step of a plan.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write these bytes and flush.
    Send(Vec<u8>),
    /// Write these bytes again and again, so many times or for ever, with a pause before each.
    Repeat(Vec<u8>, Option<u64>, Duration),
    /// Write these bytes one at a time, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Write nothing more until the client leaves.
    Hold,
    /// Reset the connection and end here.
    Reset,
}

/// Carries out a plan, then closes the connection. A client that leaves ends it early, which the watch will tell.
pub(crate) async fn play(steps: Vec<Step>, mut stream: TcpStream, mut watch: Watch) {
    for step in steps {
        if step == Step::Reset {
            watch.finish();
            return reset(&stream);
        }
        if !is_taken(step, &mut stream, &mut watch).await {
            return;
        }
    }
    watch.finish();
    close(stream).await;
}

/// Carries out a step; whether the client stayed.
async fn is_taken(step: Step, stream: &mut TcpStream, watch: &mut Watch) -> bool {
    let (reader, writer) = stream.split();
    let (mut leaving, mut taking) = (pin!(left(reader)), pin!(take(step, writer, watch)));
    poll_fn(|context| match leaving.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(false),
        Poll::Pending => taking.as_mut().poll(context).map(|written| written.is_ok()),
    })
    .await
}

async fn take(step: Step, mut stream: WriteHalf<'_>, watch: &mut Watch) -> io::Result<()> {
    match step {
        Step::Send(bytes) => send(&mut stream, &bytes, watch).await,
        Step::Repeat(bytes, times, pause) => repeat(&mut stream, &bytes, times, pause, watch).await,
        Step::Drip(bytes, pause) => drip(&mut stream, &bytes, pause, watch).await,
        Step::Hold | Step::Reset => pending().await,
    }
}

/// Ends when the client has closed its side or reset the connection.
async fn left(mut stream: ReadHalf<'_>) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// Ends a connection politely: no more bytes from us, and the client's last ones read.
pub(crate) async fn close(mut stream: TcpStream) {
    let mut rest = [0; 1024];
    let drained = async {
        stream.shutdown().await?;
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // Whether the client closed in time or not, the connection ends here.
    drop(timeout(LINGER, drained).await);
}

async fn send(stream: &mut WriteHalf<'_>, mut bytes: &[u8], watch: &mut Watch) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = stream.write(bytes).await?;
        watch.sent(written);
        bytes = &bytes[written..];
    }
    stream.flush().await
}

async fn repeat(
    stream: &mut WriteHalf<'_>,
    bytes: &[u8],
    times: Option<u64>,
    pause: Duration,
    watch: &mut Watch,
) -> io::Result<()> {
    let mut written = 0;
    while times.is_none_or(|times| written < times) {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        send(stream, bytes, watch).await?;
        written += 1;
    }
    Ok(())
}

async fn drip(stream: &mut WriteHalf<'_>, bytes: &[u8], pause: Duration, watch: &mut Watch) -> io::Result<()> {
    for byte in bytes {
        sleep(pause).await;
        send(stream, std::slice::from_ref(byte), watch).await?;
    }
    Ok(())
}

/// A zero linger time makes the kernel send RST instead of FIN when the stream is dropped.
fn reset(stream: &TcpStream) {
    if stream.set_zero_linger().is_err() {
        eprintln!("livery-sandbox: this connection could not be reset and is closed instead");
    }
}
