//! Sending a customer to a provider.

use crate::config::Config;
use crate::gateway::GatewayError;
use crate::http::{Call, Method, Read, Reply};
use crate::livery::location::{self, Destination};

/// Path of the gateway's script, and of our route.
pub const PATH: &str = "/process-payment.php";

/// How many redirects inside the gateway are followed.
pub const MAX_HOPS: u8 = 5;

/// The request for a provider's URL. The query is passed on byte for byte: links on the hosted page are signed over it.
#[must_use]
pub fn request(config: &Config, raw_query: &str, headers: Vec<(&'static str, String)>) -> Call {
    follow(config.checkout.url(&format!("{PATH}?{raw_query}")), headers)
}

/// The request for the next hop of a redirect inside the gateway.
#[must_use]
pub fn follow(url: String, headers: Vec<(&'static str, String)>) -> Call {
    Call { method: Method::Get, url, headers, body: None, read: Read::Stream }
}

/// What the gateway's reply to [`request`] means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The customer goes on to this URL, byte for byte.
    Provider(String),
    /// The gateway sends us to another page of its own.
    Hop(String),
    /// A page of the gateway's for the customer, such as a form that leads on to the provider.
    Page,
}

/// Reads the reply of `called`.
///
/// # Errors
/// [`GatewayError::InvalidReply`] for a redirect that leads nowhere a customer may be sent.
pub fn interpret(config: &Config, called: &str, reply: &Reply) -> Result<Outcome, GatewayError> {
    match reply.status {
        301 | 302 | 303 | 307 | 308 => {
            let location = reply.headers.get("location").ok_or(GatewayError::InvalidReply)?;
            match location::resolve(config, called, &location).ok_or(GatewayError::InvalidReply)? {
                Destination::Elsewhere(url) => Ok(Outcome::Provider(url)),
                Destination::Gateway { fetched, .. } => Ok(Outcome::Hop(fetched)),
            }
        }
        200 => Ok(Outcome::Page),
        _ => Err(GatewayError::InvalidReply),
    }
}
