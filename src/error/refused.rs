//! An error that an account's ledger answered the Worker with.

use crate::error::Kind;
use crate::gateway::object::Object;
use crate::http::Reply;

/// An error that an account's ledger answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The stable code: one of those below.
    pub code: &'static str,
    /// The family.
    pub kind: Kind,
    /// The text.
    pub message: String,
    /// Seconds to wait, where that was said.
    pub retry_after: Option<u32>,
}

impl Refused {
    /// Reads an error as [`crate::service`] writes it. Only the ledger's are read, so the code is one of ours.
    #[must_use]
    pub fn read(reply: &Reply) -> Option<Self> {
        let object: Object = serde_json::from_str(&reply.text).ok()?;
        let error = object.object("error")?;
        let (kind, code) = (error.text("type")?, error.text("code")?);
        let retry_after = reply.headers.get("retry-after").and_then(|text| text.parse().ok());
        Some(Self {
            status: reply.status,
            code: known_code(&code),
            kind: Kind::parse(&kind),
            message: error.text("message")?,
            retry_after,
        })
    }
}

/// Codes that a ledger may answer a customer, a merchant's server or the gateway with, on the routes without an API key.
fn known_code(code: &str) -> &'static str {
    const KNOWN: [&str; 10] = [
        "gateway_invalid_reply",
        "gateway_rejected",
        "gateway_timeout",
        "gateway_unavailable",
        "invalid_split",
        "misconfigured",
        "rate_limited",
        "resource_missing",
        "session_state",
        "too_many_reports",
    ];
    KNOWN.into_iter().find(|known| *known == code).unwrap_or("internal_error")
}
