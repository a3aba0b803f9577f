//! The ways an answer can go wrong, as values. `wire` carries them out.

use serde::{Deserialize, Deserializer, Serialize};

use crate::records::Received;

/// One way an answer can go wrong. The request is still handled first, as by a gateway whose answer gets lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The answer comes this many milliseconds late. Adds to any other fault.
    Latency(u64),
    /// This status with this HTML instead of the answer.
    Status(u16, String),
    /// The first half of the body, framed as if it were whole.
    TruncatedJson,
    /// A PHP warning, with a path and a gateway host, in front of the JSON.
    MalformedJson,
    /// The JSON without `address_in`.
    MissingAddressIn,
    /// The JSON without this field.
    MissingField(String),
    /// The connection is reset (RST) before the first byte.
    ResetBeforeHeaders,
    /// The connection is reset (RST) after the headers and half of the body.
    ResetAfterHeaders,
    /// Half of the body in chunks, and no last chunk.
    TruncatedChunks,
    /// Half of the body under the content length of the whole.
    TruncatedLength,
    /// A body of this many bytes, streamed.
    HugeBody(u64),
    /// A body that trickles until the client leaves: ten bytes ten times a second.
    NeverEnding,
    /// A body that pours as fast as the client takes it, until it leaves.
    Flood,
    /// This many bytes of a body that is one byte longer; then nothing, on a connection that stays open.
    Stall(u64),
    /// The body byte by byte, this many milliseconds apart.
    SlowBody(u64),
    /// Bytes that are no HTTP.
    Garbage,
    /// These bytes as the whole answer, head and all, for whatever no other fault can say; a text or a list of bytes in JSON.
    #[serde(deserialize_with = "text_or_bytes")]
    Raw(Vec<u8>),
    /// The body under `application/octet-stream`.
    WrongContentType,
    /// The answer without its body.
    EmptyBody,
    /// A redirect to this URL.
    RedirectTo(String),
    /// A redirect to the same path on the gateway's real host, each time.
    RedirectLoop,
    /// A redirect to this URL, with a body that pours until the client leaves.
    RedirectFlood(String),
    /// The plain body under this content encoding.
    ContentEncoding(String),
    /// An answer of the test's own, written as given: names, values and body are not checked.
    Custom {
        /// Status to answer.
        status: u16,
        /// Headers as they shall appear; `content-length` or chunked framing is added if none is among them.
        headers: Vec<(String, String)>,
        /// Body to answer; a text or a list of bytes in JSON.
        #[serde(deserialize_with = "text_or_bytes")]
        body: Vec<u8>,
        /// Sizes to deliver the body in, repeated from the start when used up, one chunk each; empty for one piece.
        #[serde(default)]
        chunks: Vec<usize>,
    },
}

/// A fault switched on for a path.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    pub path: String,
    pub fault: Fault,
    /// How often it may still strike; `None` for ever.
    pub left: Option<u32>,
}

impl Switch {
    /// `*` is every path of the gateway; any other path is matched exactly, on every listener.
    pub fn matches(&self, request: &Received) -> bool {
        if self.path == "*" { request.listener.is_gateway() } else { self.path == request.path }
    }
}

/// Picks what strikes this request, the latest switch first, and counts it down: all latencies, and one other fault.
pub(crate) fn strike(switches: &mut Vec<Switch>, request: &Received) -> (u64, Option<Fault>) {
    let (mut late, mut struck) = (0, None);
    for switch in switches.iter_mut().rev().filter(|switch| switch.matches(request)) {
        match &switch.fault {
            Fault::Latency(milliseconds) => late += milliseconds,
            _ if struck.is_some() => continue,
            fault => struck = Some(fault.clone()),
        }
        switch.left = switch.left.map(|left| left.saturating_sub(1));
    }
    switches.retain(|switch| switch.left != Some(0));
    (late, struck)
}

fn text_or_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Body {
        Text(String),
        Bytes(Vec<u8>),
    }
    Ok(match Body::deserialize(deserializer)? {
        Body::Text(text) => text.into_bytes(),
        Body::Bytes(bytes) => bytes,
    })
}
