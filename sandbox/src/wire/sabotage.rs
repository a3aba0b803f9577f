//! Turns a fault and the answer it strikes into another answer, or into a plan of bytes.

use std::{iter, time::Duration};

use serde_json::{Map, Value};

use super::{plan::Step, reply::Reply};
use crate::{fault::Fault, names, records::Received};

/// Size of the pieces in which large bodies are streamed.
const PIECE: usize = 64 * 1024;
const ENDLESS_PAUSE: Duration = Duration::from_millis(100);

/// What becomes of an answer.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// An answer that HTTP can carry.
    Reply(Reply),
    /// Bytes, as they come.
    Plan(Vec<Step>),
}

/// Lets a fault strike an answer.
pub(crate) fn strike(fault: Fault, reply: Reply, request: &Received) -> Outcome {
    match fault {
        Fault::Latency(_) => Outcome::Reply(reply),
        Fault::Status(code, html) => Outcome::Reply(Reply::html(code, html)),
        Fault::TruncatedJson => Outcome::Reply(Reply { body: first_half(&reply.body).to_vec(), ..reply }),
        Fault::MalformedJson => Outcome::Reply(with_warning(reply)),
        Fault::MissingAddressIn => Outcome::Reply(without_field(reply, "address_in")),
        Fault::MissingField(name) => Outcome::Reply(without_field(reply, &name)),
        Fault::WrongContentType => Outcome::Reply(reply.replacing("content-type", "application/octet-stream")),
        Fault::EmptyBody => Outcome::Reply(Reply { body: Vec::new(), ..reply }),
        Fault::RedirectTo(url) => Outcome::Reply(Reply::redirect(302, &url)),
        Fault::RedirectLoop => Outcome::Reply(Reply::redirect(302, &real_url(request))),
        Fault::ContentEncoding(name) => Outcome::Reply(reply.replacing("content-encoding", &name)),
        Fault::Custom { status, headers, body, chunks } => Outcome::Plan(custom(status, &headers, &body, &chunks)),
        Fault::RedirectFlood(url) => {
            let redirect = Reply::redirect(302, &url).headers;
            let head = head(302, &redirect, Some(("transfer-encoding", "chunked")));
            Outcome::Plan(vec![Step::Send(head), flood()])
        }
        Fault::Raw(bytes) => Outcome::Plan(vec![Step::Send(bytes)]),
        Fault::ResetBeforeHeaders => Outcome::Plan(vec![Step::Reset]),
        Fault::Garbage => Outcome::Plan(vec![Step::Send(b"\x16\x03\x01\0\xffthis is not HTTP\r\n\r\n\0".to_vec())]),
        framing => Outcome::Plan(misframed(&framing, &reply)),
    }
}

/// The faults in how a body is framed: the headers are right, the body is not what they say.
fn misframed(fault: &Fault, reply: &Reply) -> Vec<Step> {
    let (length, half) = (reply.body.len(), first_half(&reply.body).to_vec());
    let by_length = |length: &str| Step::Send(head(reply.status, &reply.headers, Some(("content-length", length))));
    let by_chunks = || Step::Send(head(reply.status, &reply.headers, Some(("transfer-encoding", "chunked"))));
    match *fault {
        Fault::TruncatedChunks => vec![by_chunks(), Step::Send(chunk(&half))],
        Fault::TruncatedLength => vec![by_length(&length.to_string()), Step::Send(half)],
        Fault::ResetAfterHeaders => vec![by_length(&length.to_string()), Step::Send(half), Step::Reset],
        Fault::HugeBody(bytes) => iter::once(by_length(&bytes.to_string())).chain(huge(bytes)).collect(),
        Fault::NeverEnding => vec![by_chunks(), Step::Repeat(chunk(b"and so on\n"), None, ENDLESS_PAUSE)],
        Fault::Flood => vec![by_chunks(), flood()],
        Fault::Stall(bytes) => {
            let promised = bytes.saturating_add(1).to_string();
            iter::once(by_length(&promised)).chain(huge(bytes)).chain([Step::Hold]).collect()
        }
        Fault::SlowBody(pause) => {
            vec![by_length(&length.to_string()), Step::Drip(reply.body.clone(), Duration::from_millis(pause))]
        }
        _ => vec![by_length(&length.to_string()), Step::Send(reply.body.clone())],
    }
}

/// The test's own answer, framed only if its headers do not say how.
fn custom(status: u16, headers: &[(String, String)], body: &[u8], chunks: &[usize]) -> Vec<Step> {
    let framed = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding"));
    if framed || chunks.is_empty() {
        let length = body.len().to_string();
        let framing = (!framed).then_some(("content-length", length.as_str()));
        return vec![Step::Send(head(status, headers, framing)), Step::Send(body.to_vec())];
    }
    let mut steps = vec![Step::Send(head(status, headers, Some(("transfer-encoding", "chunked"))))];
    let mut rest = body;
    for size in chunks.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, left) = rest.split_at((*size).clamp(1, rest.len()));
        steps.push(Step::Send(chunk(piece)));
        rest = left;
    }
    steps.push(Step::Send(b"0\r\n\r\n".to_vec()));
    steps
}

fn head(status: u16, headers: &[(String, String)], framing: Option<(&str, &str)>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Sabotaged\r\nconnection: close\r\n");
    let own = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.chain(framing) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn huge(bytes: u64) -> [Step; 2] {
    let (pieces, rest) = (bytes / PIECE as u64, bytes % PIECE as u64);
    let rest = usize::try_from(rest).unwrap_or_default();
    [Step::Repeat(vec![b' '; PIECE], Some(pieces), Duration::ZERO), Step::Send(vec![b' '; rest])]
}

/// Chunks without end.
fn flood() -> Step {
    Step::Repeat(chunk(&vec![b' '; PIECE]), None, Duration::ZERO)
}

fn first_half(body: &[u8]) -> &[u8] {
    &body[..body.len() / 2]
}

fn with_warning(reply: Reply) -> Reply {
    let warning = format!("<br />\n<b>Warning</b>: Undefined array key in <b>/var/www/{}/control.php</b><br />\n", names::API);
    Reply { body: [warning.as_bytes(), &reply.body].concat(), ..reply }
}

/// An answer that is no JSON object is left as it is.
fn without_field(reply: Reply, name: &str) -> Reply {
    let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&reply.body) else {
        return reply;
    };
    fields.remove(name);
    Reply { body: Value::Object(fields).to_string().into_bytes(), ..reply }
}

fn real_url(request: &Received) -> String {
    let mark = if request.query.is_empty() { "" } else { "?" };
    format!("https://{}{}{mark}{}", names::CHECKOUT, request.path, request.query)
}
