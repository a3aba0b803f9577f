//! The URLs of merchants that Livery calls, above all their callbacks.
//!
//! Each is a request that strangers can make us send. It must therefore lead to a public host ([`public_host`]): not to this
//! machine, not into a private network, not to the gateway and not back to Livery. Every such URL goes through [`reachable`].
//! The one exception are hosts that the operator allows by name, and loopback in development. Where a merchant's answer
//! redirects to is never called.

use url::{Host, Url};

use crate::config::Config;
use crate::public_host;
use crate::query;
use crate::web_url;

/// Longest URL, in bytes. A callback, sealed and encoded, must still fit into the gateway's URL.
const MAX_LEN: usize = 2048;

/// A callback URL that passed every check, as its merchant wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

/// Why a URL is not one that Livery may call, or not one of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// Not an absolute http(s) URL, or one with credentials, a fragment, spaces or control characters.
    Malformed,
    /// Longer than 2048 bytes.
    TooLong,
    /// No parameter in its query: the gateway tells orders apart by it.
    NoParameter,
    /// A host that is not on the public internet.
    NotPublic,
    /// The gateway's host, or our own.
    Ours,
}

impl TargetError {
    /// What is wrong and what to do, to follow the name of the parameter or setting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => {
                "is not an absolute http(s) URL: write one such as https://shop.example/paid?order=1001, percent-encoded once, without credentials and fragment, its host in ASCII"
            }
            Self::TooLong => "is longer than 2048 characters: shorten it",
            Self::NoParameter => "has no parameter: add one that is unique for each order, such as ?order=1001",
            Self::NotPublic => "leads to a host that is not on the public internet: use its public name or address",
            Self::Ours => "leads to this payment page itself: use a host of your own",
        }
    }
}

impl Target {
    /// Checks a callback URL: what [`reachable`] checks, and that there is something to tell orders apart by.
    ///
    /// # Errors
    /// One [`TargetError`] for each way it can be unusable.
    pub fn parse(config: &Config, text: &str) -> Result<Self, TargetError> {
        let url = reachable(config, text)?;
        let named = |query| query::pairs(query).any(|pair| !pair.name().is_empty());
        if url.query().is_some_and(named) { Ok(Self(text.to_owned())) } else { Err(TargetError::NoParameter) }
    }

    /// The URL as its merchant wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks a URL that Livery is to call for a merchant against everything that can be known without a network.
///
/// # Errors
/// One [`TargetError`] for each way it can be unusable, but for [`TargetError::NoParameter`].
pub fn reachable(config: &Config, text: &str) -> Result<Url, TargetError> {
    if text.len() > MAX_LEN {
        return Err(TargetError::TooLong);
    }
    let is_spelt_out = text.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '\\');
    let url = web_url::parse(text).filter(|url| is_spelt_out && is_bare(url)).ok_or(TargetError::Malformed)?;
    let host = public_host::canonical(&url).ok_or(TargetError::Malformed)?;
    if is_ours(config, &url, &host) {
        return Err(TargetError::Ours);
    }
    let is_local = config.origin.is_development() && public_host::is_loopback(&host);
    let is_allowed = || config.allowed_private_hosts.iter().any(|allowed| allowed.is_at(&url));
    if public_host::is_public(&url) || is_local || is_allowed() { Ok(url) } else { Err(TargetError::NotPublic) }
}

/// Whether a URL is of the web, and says nothing but where to go.
fn is_bare(url: &Url) -> bool {
    let is_web = matches!(url.scheme(), "http" | "https");
    is_web && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

/// Whether a URL leads to the gateway or back to Livery. In production that is any port of Livery's host, for Cloudflare
/// serves a host on several. Loopback hosts are one machine, whatever they are called: there the port tells servers apart.
fn is_ours(config: &Config, url: &Url, host: &Host<&str>) -> bool {
    let authority = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
    let local_port = if public_host::is_loopback(host) { url.port_or_known_default() } else { None };
    let our_ports = [config.origin.loopback_port(), config.api.loopback_port(), config.checkout.loopback_port()];
    let is_own_host = !config.origin.is_development() && config.origin.is_host(host);
    is_own_host || config.names.hides(&authority) || (local_port.is_some() && our_ports.contains(&local_port))
}

#[cfg(test)]
mod tests;
