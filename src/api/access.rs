//! Who may do what: the one place where that is decided.
//!
//! The Worker finds out whom a request claims to come from, and thereby whose ledger it is for ([`Claim`]). The ledger itself
//! decides: it has the keys' hashes, and no rows but its own account's.

use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::error::{Access, Error};
use crate::flow::Context;
use crate::http::{Headers, Request};
use crate::ledger::id::AccountId;
use crate::ledger::key::ApiKey;
use crate::ledger::objects::{Kept, Object};
use crate::signing;

/// Which account an operator's request is about.
pub const ACCOUNT: &str = "livery-account";
/// Whom the Worker found a request to come from; only it can call a ledger.
pub const ACTOR: &str = "livery-actor";

/// Whom a request claims to come from.
#[derive(Clone, Debug)]
pub enum Claim {
    /// The operator: proved by `ADMIN_TOKEN`, for this account or for none in particular.
    Operator(Option<AccountId>),
    /// A merchant's server: the account has to say whether the key is good.
    Key(ApiKey),
    /// The customer of this account's session: proved by a token.
    Customer(AccountId, String),
}

impl Claim {
    /// Reads `Authorization: Bearer …`, and for the operator `Livery-Account`.
    ///
    /// # Errors
    /// [`Error::Access`] where there is nothing, or nothing that can be right.
    pub fn of(config: &Config, headers: &dyn Headers) -> Result<Self, Error> {
        let header = headers.get("authorization").ok_or(Access::Missing)?;
        let (scheme, token) = header.split_once(' ').ok_or(Access::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Access::Missing.into());
        }
        let token = token.trim();
        if let Some(key) = ApiKey::parse(token) {
            return Ok(Self::Key(key));
        }
        let expected = config.admin_token.as_ref().ok_or(Access::Wrong)?;
        // Both as MACs, compared as such: how much of a guess is right does not show in the time it takes.
        let mac = signing::sign(expected.expose().as_bytes(), b"livery operator");
        if !signing::is_signed(token.as_bytes(), b"livery operator", &mac) {
            return Err(Access::Wrong.into());
        }
        let account = headers.get(ACCOUNT);
        let parse = |text: String| AccountId::parse(&text).ok_or(Error::Missing("account"));
        Ok(Self::Operator(account.map(parse).transpose()?))
    }

    /// The account whose ledger is asked.
    ///
    /// # Errors
    /// [`Error::Access`] where the operator has to say which.
    pub fn account(&self, config: &Config) -> Result<AccountId, Error> {
        match self {
            Self::Key(key) => Ok(key.account.clone()),
            Self::Operator(Some(account)) | Self::Customer(account, _) => Ok(account.clone()),
            Self::Operator(None) if config.payout.is_some() => Ok(AccountId::main()),
            Self::Operator(None) => Err(Access::NoAccount.into()),
        }
    }

    /// What the ledger is told about whom it comes from.
    #[must_use]
    pub fn header(&self) -> String {
        match self {
            Self::Operator(_) => "operator".to_owned(),
            Self::Key(key) => format!("{} {}", key.id(), key.hash()),
            Self::Customer(_, session) => format!("{CUSTOMER} {session}"),
        }
    }
}

/// What stands before the session of a customer who asks.
const CUSTOMER: &str = "customer";

/// What the API shows of a key. Times are milliseconds since 1970 UTC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Key {
    /// `key_…`
    pub id: String,
    /// `api_key`
    pub object: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether it works on real payments.
    pub livemode: bool,
    /// By which its owner recognises it.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: u64,
    /// When it was last used, to the minute; never, if none.
    pub last_used_at: Option<u64>,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
}

/// What is kept of a key and not shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyHash {
    /// SHA-256 of the key.
    pub hash: String,
}

impl Object for Key {
    const KIND: &'static str = "api_key";
    type Hidden = KeyHash;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

/// What a key may do with one kind of resource: `checkout_sessions:write`; `*` is everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope(String);

/// The resource of the one route that customers may use.
pub const STREAM: &str = "stream";

/// The kinds of resources.
const RESOURCES: [&str; 6] = ["account", "api_keys", "checkout_sessions", "transactions", "events", "webhooks"];

impl Scope {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    fn allows(&self, resource: &str, writes: bool) -> bool {
        match self.0.split_once(':') {
            None => true,
            Some((named, right)) => named == resource && (right == "write" || !writes),
        }
    }
}

impl FromStr for Scope {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |(resource, right): (&str, &str)| RESOURCES.contains(&resource) && matches!(right, "read" | "write");
        let is_good = text == "*" || text.split_once(':').is_some_and(known);
        let problem = "has an entry that is none of: *, and read or write behind account:, api_keys:, checkout_sessions:, \
            transactions:, events:, webhooks:";
        if is_good { Ok(Self(text.to_owned())) } else { Err(problem) }
    }
}

/// Whom a request comes from, as the ledger found.
#[derive(Clone, Debug)]
pub enum Actor {
    /// The operator.
    Operator,
    /// A merchant's server with this key.
    Key(Box<Key>),
    /// The customer of this session, who may listen to it and do nothing else.
    Customer(String),
}

/// How old `last_used_at` may be before it is written anew, in milliseconds: else every request would write.
const MINUTE: u64 = 60_000;

impl Actor {
    /// Finds out whom a request comes from.
    ///
    /// # Errors
    /// [`Error::Access`] where the key is not one of this account's, or was revoked.
    pub fn find(cx: &Context<'_>, request: &Request<'_>) -> Result<Self, Error> {
        let told = request.headers.get(ACTOR).ok_or(Error::Internal)?;
        let (id, hash) = match told.split_once(' ') {
            None => return Ok(Self::Operator),
            Some((CUSTOMER, session)) => return Ok(Self::Customer(session.to_owned())),
            Some(key) => key,
        };
        let mut key = Kept::<Key>::get(cx.books, None, id).map_err(|error| match error {
            Error::Missing(_) => Access::Wrong.into(),
            other => other,
        })?;
        // The hash of 192 random bits: nothing is learnt from how long comparing it takes.
        if key.hidden.hash != hash {
            return Err(Access::Wrong.into());
        }
        if key.shown.revoked_at.is_some() {
            return Err(Access::Revoked.into());
        }
        if key.shown.last_used_at.is_none_or(|used| used + MINUTE <= cx.now.0) {
            key.shown.last_used_at = Some(cx.now.0);
            key.update(cx.books)?;
        }
        Ok(Self::Key(Box::new(key.shown)))
    }

    /// Checks that it may do this.
    ///
    /// # Errors
    /// [`Error::Access`] where the key has no such scope.
    pub fn may(&self, resource: &str, writes: bool) -> Result<(), Error> {
        // Whoever may read events may listen to them.
        let resource = if resource == STREAM && matches!(self, Self::Key(_)) { "events" } else { resource };
        match self {
            Self::Customer(_) if resource != STREAM => Err(Access::Scope.into()),
            Self::Key(key) if !key.scopes.iter().any(|scope| scope.allows(resource, writes)) => Err(Access::Scope.into()),
            _ => Ok(()),
        }
    }

    /// Whether it sees and makes real payments; the operator does unless they ask for tests.
    #[must_use]
    pub fn livemode(&self) -> bool {
        match self {
            Self::Operator | Self::Customer(_) => true,
            Self::Key(key) => key.livemode,
        }
    }

    /// Its name in idempotency records.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Operator => "operator",
            Self::Key(key) => &key.id,
            Self::Customer(session) => session,
        }
    }
}
