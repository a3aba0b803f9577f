//! What the stand-in remembers of the traffic, for tests to look at.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which of the four listeners a request reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Listener {
    /// The gateway's control API.
    Api,
    /// The gateway's hosted checkout.
    Checkout,
    /// The licensed provider.
    Provider,
    /// The demo shop.
    Shop,
}

impl Listener {
    /// Whether this is one of the gateway's two hosts.
    #[must_use]
    pub fn is_gateway(self) -> bool {
        matches!(self, Self::Api | Self::Checkout)
    }
}

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Where it arrived.
    pub listener: Listener,
    /// Its method.
    pub method: String,
    /// Its path, as sent.
    pub path: String,
    /// Its query, as sent, without the question mark; empty if there was none.
    pub query: String,
    /// Its headers in order, names in lower case; values that are no UTF-8 are shown with replacement characters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    #[serde(serialize_with = "as_text")]
    pub body: Vec<u8>,
}

impl Received {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A client that went away before its answer was complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Departure {
    /// Where its request had arrived.
    pub listener: Listener,
    /// The request's path, as sent.
    pub path: String,
    /// How long after its request it left; milliseconds in JSON.
    #[serde(rename = "after_ms", with = "milliseconds")]
    pub after: Duration,
    /// How many bytes of a sabotaged answer had been written, head and framing included.
    pub sent: u64,
}

/// One call of the bot and what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BotAttempt {
    /// The receiving address that was paid.
    pub address: String,
    /// The URL that was called.
    pub url: String,
    /// The status that came back, if any did.
    pub status: Option<u16>,
    /// The body that came back, or why none did.
    pub body: String,
    /// Whether the bot took it for success.
    pub acknowledged: bool,
}

/// A callback that reached the demo shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShopCallback {
    /// The order it names, if any.
    pub number: String,
    /// Every parameter in order, read as PHP does.
    pub parameters: Vec<(String, String)>,
    /// The query as sent.
    pub query: String,
    /// The headers in order.
    pub headers: Vec<(String, String)>,
}

/// How the demo shop answers callbacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShopReply {
    /// Status to answer.
    pub status: u16,
    /// Headers to add; a `location` among them makes a redirect.
    pub headers: Vec<(String, String)>,
    /// Body to answer.
    pub body: String,
    /// How long to wait before answering; milliseconds in JSON.
    #[serde(rename = "delay_ms", with = "milliseconds")]
    pub delay: Duration,
}

impl Default for ShopReply {
    fn default() -> Self {
        Self { status: 200, headers: Vec::new(), body: "*ok*".to_owned(), delay: Duration::ZERO }
    }
}

/// An order of the demo shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Order {
    /// Its unique number.
    pub number: String,
    /// What was ordered.
    pub product: String,
    /// Its price.
    pub amount: String,
    /// Currency of the price.
    pub currency: String,
    /// The callback URL given to the Worker.
    pub callback: String,
    /// `address_in` of the Worker's answer, still encoded.
    pub address_in: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// Whether a callback arrived.
    pub paid: bool,
}

fn as_text<S: serde::Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(body))
}

mod milliseconds {
    use super::{Deserialize, Duration};

    pub fn serialize<S: serde::Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u128(value.as_millis())
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
