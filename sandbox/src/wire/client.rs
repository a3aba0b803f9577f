//! A small HTTP client for the bot and the shop. It follows no redirect and speaks to nothing but loopback.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, Uri, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

const PATIENCE: Duration = Duration::from_secs(40);
const LARGEST_BODY: usize = 1024 * 1024;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: String,
}

/// Fetches a URL; the error is a sentence for the log.
pub(crate) async fn get(url: &str, user_agent: &str) -> Result<Answer, String> {
    timeout(PATIENCE, fetch(url, user_agent)).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

async fn fetch(url: &str, user_agent: &str) -> Result<Answer, String> {
    let url = url.split('#').next().unwrap_or_default();
    let uri: Uri = url.parse().map_err(|error| format!("not a URL: {error}"))?;
    let authority = uri.authority().ok_or("not an absolute URL")?;
    let stream = TcpStream::connect(loopback(&uri)?).await.map_err(|error| format!("not connected: {error}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::get(target)
        .header(HOST, authority.as_str())
        .header("user-agent", user_agent)
        .header("accept", "*/*")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), LARGEST_BODY).collect().await.map_err(|error| error.to_string())?;
    driver.abort();
    Ok(Answer { status, body: String::from_utf8_lossy(&body.to_bytes()).into_owned() })
}

/// The address of a loopback host; any other is refused, so that no test ever calls the outside world.
fn loopback(uri: &Uri) -> Result<SocketAddr, String> {
    if uri.scheme_str() != Some("http") {
        return Err("only http is spoken here".to_owned());
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let name = if host == "localhost" || host.ends_with(".localhost") { "127.0.0.1" } else { host };
    match name.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => Ok((address, uri.port_u16().unwrap_or(80)).into()),
        _ => Err(format!("{host} is not loopback: not called")),
    }
}
