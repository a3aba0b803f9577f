//! How often one client may make us call the gateway, and how often the state of one payment may be asked for: the gateway
//! judges the operator by all the calls that come from here, whoever is behind them.
//!
//! The rule is the generic cell rate algorithm (ITU-T Recommendation I.371, annex A, "virtual scheduling"): of each key one
//! number is kept, the moment when all that it was granted is paid off at a steady rate. Each request moves that moment on by
//! one share of the minute; one that would move it more than a minute ahead is refused and changes nothing. So a whole
//! minute's quota can be used at once, and then comes back one by one.
//!
//! There is room for 4096 keys, on 64 shelves, so that no more than 64 are looked through; on which shelf a key belongs, nobody
//! outside can tell. A key that owes nothing is the same as none and is overwritten. Where all owe something,
//! a newcomer takes the place of the one that owes least, **and its debt** (as in Metwally's "space-saving" counters, 2005).
//! What is on record is thus never less than what a key really owes: whoever comes with many addresses cannot make us forget
//! any of them. And for the least debt on every shelf to be a whole quota, 4096 quotas must have been granted within a minute:
//! nobody locks all newcomers out with less. Of an address only a keyed hash is kept.

use std::cell::RefCell;

use url::{Host, Url};

use crate::config::Config;
use crate::downline;
use crate::http::{Now, Request};
use crate::web_url;

/// Cloudflare sets it to the client's address; whatever a client sends under this name does not get past the edge
/// (developers.cloudflare.com/fundamentals/reference/http-headers/).
const CLIENT: &str = "cf-connecting-ip";
/// How many shelves there are, and how many keys, of 16 bytes each, have room on one.
const SHELVES: usize = 64;
const ROOM: usize = 64;
/// What one request costs. A key pays off as many units in a millisecond as its quota has requests, so that both a request and
/// a minute are whole numbers.
const COST: u64 = 60_000;

/// How many requests are served in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota(u32);

impl Quota {
    /// For a client. A page of the gateway's loads some twenty files, and a network of many customers, or a merchant's server
    /// with orders of many, is one client.
    pub const PER_CLIENT: Self = Self(600);
    /// For the state of one payment. The gateway wants it to be asked for "on casual basis only" and names no figure; every
    /// five seconds is as often as a waiting customer gains from.
    pub const PER_TOKEN: Self = Self(12);
    const MAX: u32 = 1_000_000;

    const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Reads requests a minute; `0` sets no limit.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let quota = text.parse().ok().filter(|quota| *quota <= Self::MAX).map(Self);
        quota.ok_or("is not a number of requests a minute between 0, which sets no limit, and 1000000")
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Those from one address.
    Client,
    /// Those for the state of one payment.
    Token,
}

/// A request too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Whose.
    pub subject: Subject,
    quota: Quota,
    /// Seconds until another is served, at least 1.
    pub wait: u32,
}

impl Exceeded {
    const fn policy(self) -> &'static str {
        match self.subject {
            Subject::Client => "client",
            Subject::Token => "token",
        }
    }

    /// The fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): quota and window, what remains
    /// of it and for how many seconds.
    #[must_use]
    pub fn fields(self) -> [(&'static str, String); 2] {
        let (policy, Quota(quota), wait) = (self.policy(), self.quota, self.wait);
        [("ratelimit-policy", format!("\"{policy}\";q={quota};w=60")), ("ratelimit", format!("\"{policy}\";r=0;t={wait}"))]
    }
}

/// What one isolate has granted lately.
#[derive(Debug)]
pub struct Limits {
    clients: Shelves,
    tokens: Shelves,
}

type Shelves = [RefCell<Debts<ROOM>>; SHELVES];

impl Default for Limits {
    fn default() -> Self {
        let shelves = || core::array::from_fn(|_| RefCell::default());
        Self { clients: shelves(), tokens: shelves() }
    }
}

impl Limits {
    /// Counts a request that needs the gateway, and for the state of one payment the `status_url` that it would call.
    ///
    /// Nothing is counted per client where the runtime names none, which is in development alone, nor for a downline, who
    /// serves many customers and has signed for it.
    ///
    /// # Errors
    /// [`Exceeded`] where it is one too many.
    pub fn admit(&self, config: &Config, request: &Request<'_>, status_url: Option<&str>) -> Result<(), Exceeded> {
        let grant = |all: &Shelves, subject, quota, of: &[u8]| {
            let key = config.keys.blind(of);
            let place = usize::try_from(key % SHELVES as u64).ok().and_then(|number| all.get(number));
            let wait = place.and_then(|debts| debts.borrow_mut().grant(quota, key, request.now));
            wait.map_or(Ok(()), |wait| Err(Exceeded { subject, quota, wait }))
        };
        let client = if config.per_client.is_none() { None } else { request.headers.get(CLIENT) };
        if let Some(client) = client.filter(|_| !is_downline(config, request)) {
            grant(&self.clients, Subject::Client, config.per_client, &network(&client))?;
        }
        match status_url {
            Some(url) if !config.per_token.is_none() => grant(&self.tokens, Subject::Token, config.per_token, url.as_bytes()),
            _ => Ok(()),
        }
    }
}

fn is_downline(config: &Config, request: &Request<'_>) -> bool {
    !config.downlines.is_empty() && downline::verify(config, request).is_ok_and(|partner| partner.is_some())
}

/// What of an address is one client's: all of version 4, and the first 64 bits of version 6, of which even a home is given a
/// whole range (RFC 6177).
fn network(address: &str) -> Vec<u8> {
    let of_version_6 = || web_url::parse(&format!("http://[{address}]"));
    match address.contains(':').then(of_version_6).flatten().as_ref().and_then(Url::host) {
        Some(Host::Ipv6(ip)) => ip.octets().split_at(8).0.to_vec(),
        _ => address.as_bytes().to_vec(),
    }
}

/// Until when each key has to pay off what it was granted; `ROOM` is for how many keys.
#[derive(Debug, Default)]
struct Debts<const ROOM: usize>(Vec<Debt>);

#[derive(Debug)]
struct Debt {
    key: u64,
    /// The moment, in milliseconds since 1970 times the quota.
    until: u64,
}

impl<const ROOM: usize> Debts<ROOM> {
    /// Grants a request, or says in how many seconds it would be.
    fn grant(&mut self, Quota(quota): Quota, key: u64, Now(now): Now) -> Option<u32> {
        let quota = u64::from(quota);
        let now = now.saturating_mul(quota);
        // Nobody owes more than a minute, even if the clock was set back.
        let latest = now.saturating_add(quota * COST);
        let is_full = self.0.len() >= ROOM;
        let own_or_least = self.0.iter_mut().min_by_key(|debt| (debt.key != key, debt.until));
        let place = own_or_least.filter(|debt| debt.key == key || debt.until <= now || is_full);
        let owed_until = place.as_ref().map_or(now, |debt| debt.until.max(now).min(latest));
        let until = owed_until.saturating_add(COST);
        if until > latest {
            let seconds = (until - latest).div_ceil(quota.max(1) * 1000);
            return Some(u32::try_from(seconds).unwrap_or(60));
        }
        match place {
            Some(debt) => *debt = Debt { key, until },
            None => self.0.push(Debt { key, until }),
        }
        None
    }
}

#[cfg(test)]
mod tests;
