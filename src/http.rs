//! Requests, answers and calls as plain values, between the runtime and the pure core.

use std::borrow::Cow;

use crate::country::Country;

/// A request method that some route serves, or that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `PUT`: no route serves it; the cache takes it.
    Put,
    /// Any other: no route serves it.
    Other,
}

impl Method {
    /// Reads the method's name; names are case-sensitive (RFC 9110, 9.1).
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    /// The method's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Put => "PUT",
            Self::Other => "OTHER",
        }
    }
}

/// The headers of a message, looked up one by one: crossing from WebAssembly to the runtime costs, so only the headers
/// that a rule names are ever read.
pub trait Headers {
    /// The value of a header by its lower-case name; several of one name joined by `, `.
    fn get(&self, name: &str) -> Option<String>;

    /// Each `Set-Cookie` alone: they cannot be joined (RFC 6265, 3).
    fn set_cookies(&self) -> Vec<String>;
}

impl Headers for Vec<(String, String)> {
    fn get(&self, name: &str) -> Option<String> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone())
    }

    fn set_cookies(&self) -> Vec<String> {
        self.iter().filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie")).map(|(_, v)| v.clone()).collect()
    }
}

/// What came with a request after its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// The whole body, empty for methods without one.
    Whole(Vec<u8>),
    /// More than [`MAX_BODY`] bytes; none of them is kept.
    TooLarge,
}

/// Longest request body read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// A request from a customer, a merchant, a downline or the gateway's callback bot.
pub struct Request<'a> {
    /// Its method.
    pub method: Method,
    /// The path, starting with `/`, still percent-encoded.
    pub path: &'a str,
    /// The query without its `?`, byte for byte as it came.
    pub query: &'a str,
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// The country that Cloudflare saw the request come from.
    pub country: Country,
    /// Its body.
    pub body: RequestBody,
    /// When it came.
    pub now: Now,
    /// Fresh random bytes: the request's id and its page's nonce come from them.
    pub entropy: [u8; 16],
}

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(pub u64);

impl Now {
    /// Whole seconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// A call that Livery makes: to the gateway, or to a merchant's callback.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// Every header it carries besides those that the runtime must add.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, for `POST` and `PUT`.
    pub body: Option<Vec<u8>>,
    /// What is wanted of the reply's body.
    pub read: Read,
}

/// What is wanted of a reply's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing: it is dropped unread.
    Nothing,
    /// All of it, as text, up to [`MAX_TEXT`] bytes.
    Text,
    /// A stream to pass on if the status is below 300, nothing of a redirect, text of a failure.
    Stream,
    /// Its beginning, and its head before it: a line for each header and an empty one. A status is enough for an answer here; a
    /// body that breaks off or never ends takes nothing from it.
    Excerpt,
    /// A WebSocket, where the status is 101; otherwise all of it, as text.
    Socket,
}

/// Longest reply that is read as text, in bytes. The gateway's longest JSON, the provider list, has about 5 KiB.
pub const MAX_TEXT: usize = 256 * 1024;

/// The reply to a [`Call`].
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Box<dyn Headers>,
    /// The text that was asked for; empty for a stream, which stays with the runtime.
    pub text: String,
    /// The first bytes of a stream, by which its character set can be told.
    pub beginning: Vec<u8>,
}

/// Why a call brought no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No connection, or it broke.
    Unreachable,
    /// The runtime does not know the name, or does not trust the certificate: it does not say which. Told of webhook endpoints only.
    Handshake,
    /// No answer in time.
    Timeout,
    /// More than [`MAX_TEXT`] bytes, or bytes that are not UTF-8.
    Unreadable,
}

/// An answer to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers, in order; `Set-Cookie` may repeat.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Body,
}

/// The body of a [`Response`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// This text.
    Text(Cow<'static, str>),
    /// The gateway's body, hidden names replaced on the way.
    Scrubbed,
    /// A WebSocket that a ledger takes on, by its id.
    Welcome(String),
    /// The WebSocket that a ledger's reply brought.
    Socket,
    /// What that brings, as lines.
    Lines,
    /// The gateway's body, hidden names blanked on the way, for images and other types that must keep their length.
    Blanked,
}

impl Response {
    /// An answer without headers or body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    /// The same with this header, in place of another of that name.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a text of that content type.
    #[must_use]
    pub fn text(mut self, content_type: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        self.body = Body::Text(text.into());
        self.header("content-type", content_type)
    }

    /// A 302 to `url`, which is passed on byte for byte.
    #[must_use]
    pub fn redirect(url: impl Into<String>) -> Self {
        Self::new(302).header("location", url).header("cache-control", "no-store")
    }

    /// The value of the first header of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }
}
