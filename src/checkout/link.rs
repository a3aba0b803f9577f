//! Checkout links: what they may say, and how they are signed.
//!
//! A customer can edit a link. A signature over everything that Livery reads from it makes an edited one useless. What
//! Livery does not read (a mailing list's tracking parameters, say) is neither signed nor passed on, so adding it breaks
//! nothing.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::error::Error;
use crate::http::Now;
use crate::ledger::id::AccountId;
use crate::money::{Amount, Currency};
use crate::query::{self, Params};
use crate::wallet::Wallet;
use crate::web_url;

/// Path of the route.
pub const PATH: &str = "/checkout";
/// The signature's parameter.
const SIGNATURE: &str = "sig";
/// First line of what is signed: it keeps the signature from meaning anything elsewhere.
const VERSION: &str = "livery-link-v1\n";

/// The parameters that a link may have besides its signature and `metadata[…]`.
pub const KNOWN: [&str; 16] = [
    "account",
    "address",
    "amount",
    "background",
    "button",
    "callback",
    "cancel_url",
    "currency",
    "email",
    "expires",
    "logo",
    "mode",
    "provider",
    "reference",
    "success_url",
    "theme",
];

/// Longest value of the parameters that only ride along, in characters.
const MAX_TEXT: usize = 500;
/// Longest id of a provider.
const MAX_PROVIDER: usize = 32;
/// Longest e-mail address (RFC 5321, 4.5.3.1).
const MAX_EMAIL: usize = 254;

/// Why a link is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It has no signature, and the operator accepts none such.
    Unsigned,
    /// It was changed after it was signed, or signed with another key.
    BadSignature,
    /// Its time is over.
    Expired,
}

impl LinkError {
    /// What is wrong and what to do.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unsigned => "This payment link is not signed: ask the shop for a valid one.",
            Self::BadSignature => "This payment link was changed after it was made: ask the shop for a new one.",
            Self::Expired => "This payment link has expired: ask the shop for a new one.",
        }
    }
}

/// Who the customer pays at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This provider.
    Provider(String),
    /// Whichever they choose on the hosted page.
    Hosted,
}

/// A checkout link that was read whole and found valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose session it makes, where the merchant has an account.
    pub account: Option<AccountId>,
    /// Whom it pays; `None` where the operator's wallet is meant.
    pub address: Option<Wallet>,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// The customer's e-mail address.
    pub email: String,
    /// The merchant's callback URL, not yet checked.
    pub callback: String,
    /// Who the customer pays at.
    pub choice: Choice,
    /// The look of the hosted page, where it differs from the operator's.
    pub look: Vec<(&'static str, String)>,
    /// What only rides along.
    pub riders: Riders,
}

/// What a link says that no payment depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Riders {
    /// The merchant's own name for the payment.
    pub reference: Option<String>,
    /// Where the customer goes when it is paid.
    pub success_url: Option<String>,
    /// Where the customer goes who gives up.
    pub cancel_url: Option<String>,
    /// The merchant's own notes: `metadata[key]=value`.
    pub metadata: BTreeMap<String, String>,
    /// When the link's time is over, in seconds since 1970 UTC.
    pub expires: Option<u64>,
    /// By which the link is recognised when it is opened again.
    pub digest: String,
}

impl Link {
    /// Reads a link's query. The signature comes first: nothing is said about the content of a link that is not valid.
    ///
    /// # Errors
    /// [`Error::Link`] for a link without a valid signature or past its time; for everything else that is wrong with it
    /// the error of the parameter.
    pub fn parse(config: &Config, raw_query: &str, now: Now) -> Result<Self, Error> {
        check_signature(config, raw_query)?;
        let params = Params::read(raw_query, &KNOWN)?;
        let expires = check_expiry(params.optional("expires")?.as_deref(), now)?;
        check_riders(&params)?;
        let riders = Riders {
            reference: params.optional("reference")?,
            success_url: params.optional("success_url")?,
            cancel_url: params.optional("cancel_url")?,
            metadata: metadata(raw_query)?,
            expires,
            digest: base16ct::lower::encode_string(&Sha256::digest(message(raw_query))),
        };
        let wallet = |text: String| Wallet::parse(&text).map_err(|why| Error::Wallet("address", why));
        let mut look = Vec::new();
        for name in ["logo", "background", "theme", "button"] {
            look.extend(params.optional(name)?.map(|value| (name, value)));
        }
        Ok(Self {
            account: params.optional("account")?.map(|text| account(&text)).transpose()?,
            address: params.optional("address")?.map(wallet).transpose()?,
            amount: Amount::parse(&params.required("amount")?).map_err(|why| Error::Amount("amount", why))?,
            currency: params.required("currency")?.parse().map_err(|why| Error::Currency("currency", why))?,
            email: email("email", params.required("email")?)?,
            callback: params.required("callback")?,
            choice: choice(params.optional("provider")?, params.optional("mode")?.as_deref())?,
            look,
            riders,
        })
    }
}

fn account(text: &str) -> Result<AccountId, Error> {
    AccountId::parse(text).ok_or(Error::Value("account", "is not an account's id: write acct_ and its 16 digits"))
}

/// The merchant's own notes, as many and as long as the API takes.
fn metadata(raw_query: &str) -> Result<BTreeMap<String, String>, Error> {
    let named = query::pairs(raw_query).filter(|pair| pair.name() == "metadata");
    let entry = |pair: query::Pair<'_>| {
        let name = pair.decoded_name();
        let key = name.split_once('[')?.1.strip_suffix(']')?.to_owned();
        Some((key, pair.value()?))
    };
    let problem =
        Error::Value("metadata", "is not of the form metadata[key]=value, each key once, at most 50 of 40 and 500 characters");
    let (mut map, mut count) = (BTreeMap::new(), 0);
    for pair in named {
        let (key, value) = entry(pair).ok_or(problem.clone())?;
        count += 1;
        if key.is_empty() || key.chars().count() > 40 || value.chars().count() > 500 {
            return Err(problem);
        }
        map.insert(key, value);
    }
    if map.len() == count && count <= 50 { Ok(map) } else { Err(problem) }
}

fn choice(provider: Option<String>, mode: Option<&str>) -> Result<Choice, Error> {
    match mode {
        None | Some("hosted") => {}
        Some(_) => return Err(Error::Value("mode", "is not one of the modes: write hosted, or leave it away")),
    }
    let Some(provider) = provider.filter(|_| mode.is_none()) else { return Ok(Choice::Hosted) };
    provider_id(provider).map(Choice::Provider)
}

/// Checks a provider's id, as far as its form goes: an unknown one may be new.
///
/// # Errors
/// [`Error::Value`] for anything else.
pub fn provider_id(provider: String) -> Result<String, Error> {
    let well_formed = provider.len() <= MAX_PROVIDER
        && provider.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    match provider.as_str() {
        "auto" => Err(Error::Value(
            "provider",
            "cannot be chosen automatically yet: name one, or leave it away so that the customer chooses",
        )),
        _ if well_formed => Ok(provider),
        _ => Err(Error::Value("provider", "is not a provider's id: take one from /control/provider-status, such as moonpay")),
    }
}

/// Checks an e-mail address as far as a typing mistake shows: something before and after one `@`, and no spaces.
///
/// # Errors
/// [`Error::Value`] for anything else.
pub fn email(param: &'static str, text: String) -> Result<String, Error> {
    let parts: Vec<&str> = text.split('@').collect();
    let shaped = matches!(parts.as_slice(), [user, host] if !user.is_empty() && !host.is_empty());
    if shaped && text.len() <= MAX_EMAIL && !text.contains(char::is_whitespace) {
        Ok(text)
    } else {
        Err(Error::Value(param, "is not an e-mail address: write one such as jane@example.com"))
    }
}

fn check_expiry(expires: Option<&str>, now: Now) -> Result<Option<u64>, Error> {
    let Some(text) = expires else { return Ok(None) };
    let problem = Error::Value("expires", "is not a time: write seconds since 1970-01-01 UTC");
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let expires: u64 = text.parse().ok().filter(|_| plain).ok_or(problem)?;
    if now.seconds() < expires { Ok(Some(expires)) } else { Err(LinkError::Expired.into()) }
}

/// Checks what only rides along: a reference of the merchant's, and where the customer goes afterwards.
fn check_riders(params: &Params<'_>) -> Result<(), Error> {
    if params.optional("reference")?.is_some_and(|text| text.chars().count() > MAX_TEXT) {
        return Err(Error::Value("reference", "is longer than 500 characters"));
    }
    for name in ["success_url", "cancel_url"] {
        let is_web = |text: &str| web_url::parse(text).is_some_and(|url| matches!(url.scheme(), "https" | "http"));
        if params.optional(name)?.is_some_and(|text| !is_web(&text)) {
            return Err(Error::Value(name, "is not an absolute http(s) URL"));
        }
    }
    Ok(())
}

fn check_signature(config: &Config, raw_query: &str) -> Result<(), Error> {
    let signature = Params::read(raw_query, &[SIGNATURE])?.optional(SIGNATURE)?;
    match signature {
        Some(signature) if config.keys.link_is_signed(&message(raw_query), &signature) => Ok(()),
        Some(_) => Err(LinkError::BadSignature.into()),
        None if config.allow_unsigned_links => Ok(()),
        None => Err(LinkError::Unsigned.into()),
    }
}

/// What is signed: every known parameter by name and decoded value, sorted and encoded in one way, so that the spelling
/// of a link does not matter and its meaning does. Empty values count: a parameter cannot be emptied unnoticed.
fn message(raw_query: &str) -> String {
    let mut known: Vec<(String, String)> = Vec::new();
    for pair in query::pairs(raw_query) {
        let value = pair.value().unwrap_or_else(|| pair.raw_value.to_owned());
        let (entry, read_as) = ((pair.decoded_name(), value), pair.name());
        if KNOWN.contains(&read_as.as_ref()) || read_as == "metadata" {
            known.insert(known.partition_point(|earlier| *earlier < entry), entry);
        }
    }
    let canonical = query::build(known.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    format!("{VERSION}{canonical}")
}

#[cfg(test)]
mod tests;
