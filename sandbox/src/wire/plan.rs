//! A plan: what to write on a connection, step by step, when HTTP's rules no longer count.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

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
    /// Reset the connection and end here.
    Reset,
}

/// Carries out a plan, then closes the connection. A client that leaves ends it early.
pub(crate) async fn play(steps: Vec<Step>, mut stream: TcpStream) {
    for step in steps {
        let done = match step {
            Step::Send(bytes) => send(&mut stream, &bytes).await,
            Step::Repeat(bytes, times, pause) => repeat(&mut stream, &bytes, times, pause).await,
            Step::Drip(bytes, pause) => drip(&mut stream, &bytes, pause).await,
            Step::Reset => return reset(&stream),
        };
        if done.is_err() {
            return;
        }
    }
    close(stream).await;
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

async fn send(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn repeat(stream: &mut TcpStream, bytes: &[u8], times: Option<u64>, pause: Duration) -> std::io::Result<()> {
    let mut written = 0;
    while times.is_none_or(|times| written < times) {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        send(stream, bytes).await?;
        written += 1;
    }
    Ok(())
}

async fn drip(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
    for byte in bytes {
        sleep(pause).await;
        send(stream, std::slice::from_ref(byte)).await?;
    }
    Ok(())
}

/// A zero linger time makes the kernel send RST instead of FIN when the stream is dropped.
fn reset(stream: &TcpStream) {
    if stream.set_zero_linger().is_err() {
        eprintln!("livery-sandbox: this connection could not be reset and is closed instead");
    }
}
