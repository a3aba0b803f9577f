//! Webhook endpoints: where a merchant's webhooks go, which ones, and how that is going.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::flow::Context;
use crate::http::Now;
use crate::ledger::event::{self, Type};
use crate::ledger::filter;
use crate::ledger::objects::{Kept, Object};
use crate::ledger::session::Metadata;
use crate::ledger::webhook::secret::{self, Key};

/// Most endpoints of one account in one mode.
pub const MOST: usize = 16;

/// Whether an endpoint is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is called.
    Enabled,
    /// What is owed to it waits until it is enabled again.
    Paused,
    /// As with paused, and no new events are owed to it.
    Disabled,
}

/// How much of an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The event with its object.
    Full,
    /// The event, and of its object the id.
    Thin,
}

/// Why an endpoint was disabled by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It answered 410.
    Gone,
    /// Nothing reached it for days.
    Dead,
    /// Its merchant or the operator said so.
    Requested,
}

/// What the API shows of an endpoint. Times are milliseconds since 1970 UTC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// `we_…`
    pub id: String,
    /// `webhook_endpoint`
    pub object: String,
    /// Whether it gets the events of real payments.
    pub livemode: bool,
    /// Whether it is called.
    pub status: Status,
    /// Why not, where it is disabled.
    pub disabled_reason: Option<Reason>,
    /// Where webhooks go.
    pub url: String,
    /// What its owner calls it.
    pub description: String,
    /// Which events it gets; see [`filter`].
    pub event_types: Vec<String>,
    /// How much of them.
    pub payload: Payload,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// By which its owner recognises the secret in force.
    pub secret_hint: String,
    /// When the last of its older secrets ends.
    pub old_secret_expires_at: Option<u64>,
    /// Since when nothing has reached it, once that is long enough to be told.
    pub failing_since: Option<u64>,
    /// When it was made.
    pub created_at: u64,
    /// When it last changed.
    pub updated_at: u64,
}

/// What is kept of an endpoint and not shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Private {
    /// Its secrets, the newest last.
    pub keys: Vec<Key>,
    /// When the first attempt failed after which none succeeded.
    pub failed_since: Option<u64>,
    /// When the last one failed, if none has succeeded since.
    pub failed_at: Option<u64>,
    /// When its owner last enabled it or gave it another URL: what was begun before says nothing about it any more.
    pub renewed_at: u64,
    /// Until when a check that is under way keeps others from being begun.
    pub checking_until: u64,
}

impl Object for Endpoint {
    const KIND: &'static str = "webhook_endpoint";
    type Hidden = Private;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

impl Endpoint {
    /// Whether an event of that name about the object of that id is owed to it. What is said about itself it is not told: it
    /// would have to take it to learn that it takes nothing.
    #[must_use]
    pub fn wants(&self, name: &str, about: &str) -> bool {
        self.status != Status::Disabled && self.id != about && filter::wants(&self.event_types, name)
    }
}

impl Kept<Endpoint> {
    /// Gives it a new secret; those before end at that moment.
    ///
    /// # Errors
    /// [`Error::Value`] where too many are in force.
    pub fn rotate(&mut self, cx: &Context<'_>, old_end: Now) -> Result<(), Error> {
        let keys = &mut self.hidden.keys;
        for key in keys.iter_mut() {
            key.expires_at = Some(key.expires_at.map_or(old_end.0, |end| end.min(old_end.0)));
        }
        // Not before: where there are five already and one has leaked, all of them can still be ended at once.
        keys.retain(|key| key.is_in_force(cx.now));
        if keys.len() >= secret::MOST {
            return Err(Error::Value(
                "overlap_seconds",
                "leaves more than 5 secrets in force: let it be 0, or wait until the oldest has ended",
            ));
        }
        self.shown.old_secret_expires_at = keys.iter().filter_map(|key| key.expires_at).max();
        let key = Key::new(cx.now, [cx.books.random(), cx.books.random()]);
        self.shown.secret_hint = key.hint();
        keys.push(key);
        Ok(())
    }

    /// Begins its health anew.
    pub const fn renew(&mut self, now: Now) {
        self.shown.failing_since = None;
        (self.hidden.failed_since, self.hidden.failed_at, self.hidden.renewed_at) = (None, None, now.0);
    }

    /// Calls it no more, and says so: in an event for the merchant's other servers, and in the log for the operator.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn disable(&mut self, cx: &Context<'_>, reason: Reason) -> Result<(), Error> {
        let shown = &mut self.shown;
        (shown.status, shown.disabled_reason, shown.updated_at) = (Status::Disabled, Some(reason), cx.now.0);
        self.update(cx.books)?;
        let account = cx.books.row("SELECT id FROM objects WHERE kind = 'account'", &[])?.and_then(|row| row.text(0));
        let why = if reason == Reason::Gone { "it answered 410" } else { "nothing reached it for three days" };
        cx.books.report(&format!("webhook endpoint {} of {} was disabled: {why}", self.shown.id, account.unwrap_or_default()));
        event::record(cx, Type::WebhookDisabled, &self.shown, "")
    }
}

/// The endpoints of one mode.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn all(cx: &Context<'_>, livemode: bool) -> Result<Vec<Endpoint>, Error> {
    let sql = "SELECT data FROM objects WHERE kind = ? AND livemode = ? ORDER BY id";
    let rows = cx.books.rows(sql, &[Endpoint::KIND.into(), livemode.into()])?;
    Ok(rows.iter().filter_map(|row| serde_json::from_str(&row.text(0)?).ok()).collect())
}
