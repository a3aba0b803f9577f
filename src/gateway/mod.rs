//! The `AnexPay` protocol, in pure halves: each file builds one request and interprets its reply.
//!
//! Nothing here sends anything. A reply is never trusted: what is missing or malformed becomes a [`GatewayError`].
//! Source for all of it: the gateway's document, and where that is silent what its public clients do.

use core::fmt;

use self::object::Object;
use crate::http::{Fault, Headers, Reply};

pub mod object;
pub mod opaque;
pub mod page;
pub mod payment;
pub mod providers;
pub mod rates;
pub mod status;
pub mod wallet;

/// Why the gateway did not do its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayError {
    /// It refused the request (a 4xx).
    Rejected {
        /// Its status.
        status: u16,
        /// What it said, if that was plain text of at most 200 characters or its sentence about addresses; may be empty.
        said: String,
    },
    /// It asked for fewer requests.
    RateLimited {
        /// After how many seconds to try again.
        retry_after: u32,
    },
    /// It failed (a 5xx), or could not be reached.
    Unavailable,
    /// Its answer is not what the protocol says.
    InvalidReply,
    /// It did not answer in time.
    Timeout,
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { said, .. } if said.is_empty() => f.write_str("The payment was refused: check the request's values."),
            Self::Rejected { said, .. } if is_about_address(said) => {
                f.write_str("The payment was refused because of `address`: pass the `address_in` of a wallet that was created here, percent-encoded exactly once.")
            }
            Self::Rejected { said, .. } => write!(f, "The payment was refused: {}.", said.trim_end_matches('.')),
            Self::RateLimited { retry_after } => write!(f, "Too many requests: try again in {retry_after} seconds."),
            Self::Unavailable => f.write_str("The payment service cannot be reached at the moment: try again in a minute."),
            Self::InvalidReply => f.write_str("The payment service gave an answer that cannot be used: try again in a minute."),
            Self::Timeout => f.write_str("The payment service did not answer in time: try again in a minute."),
        }
    }
}

/// The gateway's sentence for an address that it did not issue, or that was encoded twice.
const ABOUT_ADDRESS: &str = "Provided wallet address is not allowed";

fn is_about_address(said: &str) -> bool {
    said.to_ascii_lowercase().contains(&ABOUT_ADDRESS.to_ascii_lowercase())
}

/// Seconds to wait where a 429 does not say.
const DEFAULT_RETRY_AFTER: u32 = 60;
/// Longest wait that is passed on, in seconds.
const MAX_RETRY_AFTER: u32 = 3600;
/// Longest quotation of the gateway, in characters.
const MAX_SAID: usize = 200;

/// The reply, if its status is below 400; otherwise why not.
///
/// # Errors
/// The [`GatewayError`] that the fault or the status stands for.
pub fn accepted(reply: Result<Reply, Fault>) -> Result<Reply, GatewayError> {
    let reply = reply.map_err(|fault| match fault {
        Fault::Unreachable | Fault::Handshake => GatewayError::Unavailable,
        Fault::Timeout => GatewayError::Timeout,
        Fault::Unreadable => GatewayError::InvalidReply,
    })?;
    match reply.status {
        200..=399 => Ok(reply),
        429 => Err(GatewayError::RateLimited { retry_after: retry_after(reply.headers.as_ref()) }),
        status @ 400..=499 => Err(GatewayError::Rejected { status, said: plain_text(&reply.text) }),
        500..=599 => Err(GatewayError::Unavailable),
        _ => Err(GatewayError::InvalidReply),
    }
}

fn retry_after(headers: &dyn Headers) -> u32 {
    let seconds = headers.get("retry-after").and_then(|v| v.trim().parse().ok());
    seconds.map_or(DEFAULT_RETRY_AFTER, |s: u32| s.clamp(1, MAX_RETRY_AFTER))
}

/// What a refusal says: a plain text on one line, shortened, or the message of another Livery. Of a page only the one
/// sentence is taken that is known. A text with a wallet is not repeated: it may be the operator's, and that is a secret.
fn plain_text(body: &str) -> String {
    let of_livery = |object: Object| object.object("error")?.text("message");
    let text = serde_json::from_str(body).ok().and_then(of_livery).unwrap_or_else(|| without_tags(body));
    if !body.contains('<') && !text.contains("0x") {
        text.chars().take(MAX_SAID).collect()
    } else if is_about_address(&text) {
        ABOUT_ADDRESS.to_owned()
    } else {
        String::new()
    }
}

fn without_tags(page: &str) -> String {
    let mut in_tag = false;
    let visible = page.chars().filter(|c| match c {
        '<' => {
            in_tag = true;
            false
        }
        '>' => !core::mem::replace(&mut in_tag, false),
        _ => !in_tag,
    });
    let text: String = visible.map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::testing::reply;

    #[test]
    fn statuses_and_faults_have_their_errors() {
        assert_eq!(accepted(Err(Fault::Timeout)).err(), Some(GatewayError::Timeout));
        assert_eq!(accepted(Err(Fault::Unreachable)).err(), Some(GatewayError::Unavailable));
        assert_eq!(accepted(Ok(reply(503, "<h1>x</h1>"))).err(), Some(GatewayError::Unavailable));
        assert_eq!(accepted(Ok(reply(429, ""))).err(), Some(GatewayError::RateLimited { retry_after: 60 }));
        let said = "Provided wallet address is not allowed".to_owned();
        let page = "<html><style>x</style><body>\n<h1>Provided wallet\taddress</h1> is not allowed</body>"
            .replace("<style>x</style>", "");
        assert_eq!(accepted(Ok(reply(400, &page))).err(), Some(GatewayError::Rejected { status: 400, said }));
        let upline = r#"{"error":{"type":"x","code":"y","message":"The shares are wrong."}}"#;
        let said = "The shares are wrong.".to_owned();
        assert_eq!(accepted(Ok(reply(400, upline))).err(), Some(GatewayError::Rejected { status: 400, said }));
        assert!(accepted(Ok(reply(302, ""))).is_ok());
    }

    proptest! {
        #[test]
        fn no_reply_panics(status in any::<u16>(), text in "\\PC{0,300}") {
            if let Err(GatewayError::Rejected { said, .. }) = accepted(Ok(reply(status, &text))) {
                prop_assert!(said.chars().count() <= MAX_SAID);
            }
        }
    }
}
