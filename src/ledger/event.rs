//! Events: what happened, in order, with the object as it was then. They are only ever added.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::live::pump;
use crate::ledger::objects::{Kept, Object, new_id, write};
use crate::ledger::webhook::delivery;

/// What happened. The names are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An account was made.
    AccountCreated,
    /// An account's settings were changed.
    AccountUpdated,
    /// An API key was made.
    KeyCreated,
    /// An API key was revoked.
    KeyRevoked,
    /// A session was made.
    SessionCreated,
    /// The customer was sent on to pay.
    SessionProcessing,
    /// What was owed has arrived.
    SessionPaid,
    /// Less than what was owed has arrived.
    SessionUnderpaid,
    /// More arrived after it was paid, and it is too much now.
    SessionOverpaid,
    /// More arrived after it was paid, within what was owed.
    SessionUpdated,
    /// Its time was over.
    SessionExpired,
    /// It was given up.
    SessionCanceled,
    /// The gateway reported a payment; it is not verified.
    PaymentDetected,
    /// Something has to be known first before a reported payment can be verified.
    PaymentPending,
    /// A payment was verified.
    PaymentVerified,
    /// A payment was verified, with which too little has arrived so far.
    PaymentUnderpaid,
    /// A payment was verified that arrived after the session's end.
    PaymentLate,
    /// A reported payment cannot be verified; it was not credited.
    PaymentUnverified,
    /// The merchant's classic callback was answered with 2xx.
    CallbackDelivered,
    /// The merchant's classic callback was given up.
    CallbackFailed,
    /// A webhook endpoint was made.
    WebhookCreated,
    /// A webhook endpoint was changed.
    WebhookUpdated,
    /// A webhook endpoint was deleted.
    WebhookDeleted,
    /// Nothing has reached a webhook endpoint for a while.
    WebhookFailing,
    /// A webhook endpoint that was failing takes webhooks again.
    WebhookRecovered,
    /// A webhook endpoint is called no more: it said so, or was dead for days.
    WebhookDisabled,
    /// Somebody wants to see a webhook arrive.
    WebhookTest,
}

impl Type {
    /// Every one.
    pub const ALL: [Self; 27] = [
        Self::AccountCreated,
        Self::AccountUpdated,
        Self::KeyCreated,
        Self::KeyRevoked,
        Self::SessionCreated,
        Self::SessionProcessing,
        Self::SessionPaid,
        Self::SessionUnderpaid,
        Self::SessionUpdated,
        Self::SessionOverpaid,
        Self::SessionExpired,
        Self::SessionCanceled,
        Self::PaymentDetected,
        Self::PaymentPending,
        Self::PaymentVerified,
        Self::PaymentUnderpaid,
        Self::PaymentLate,
        Self::PaymentUnverified,
        Self::CallbackDelivered,
        Self::CallbackFailed,
        Self::WebhookCreated,
        Self::WebhookUpdated,
        Self::WebhookDeleted,
        Self::WebhookFailing,
        Self::WebhookRecovered,
        Self::WebhookDisabled,
        Self::WebhookTest,
    ];

    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account.created",
            Self::AccountUpdated => "account.updated",
            Self::KeyCreated => "api_key.created",
            Self::KeyRevoked => "api_key.revoked",
            Self::SessionCreated => "checkout.session.created",
            Self::SessionProcessing => "checkout.session.processing",
            Self::SessionPaid => "checkout.session.paid",
            Self::SessionUnderpaid => "checkout.session.underpaid",
            Self::SessionUpdated => "checkout.session.updated",
            Self::SessionOverpaid => "checkout.session.overpaid",
            Self::SessionExpired => "checkout.session.expired",
            Self::SessionCanceled => "checkout.session.canceled",
            Self::PaymentDetected => "payment.detected",
            Self::PaymentPending => "payment.pending",
            Self::PaymentVerified => "payment.verified",
            Self::PaymentUnderpaid => "payment.underpaid",
            Self::PaymentLate => "payment.late",
            Self::PaymentUnverified => "payment.unverified",
            Self::CallbackDelivered => "callback.delivered",
            Self::CallbackFailed => "callback.failed",
            Self::WebhookCreated => "webhook.created",
            Self::WebhookUpdated => "webhook.updated",
            Self::WebhookDeleted => "webhook.deleted",
            Self::WebhookFailing => "webhook.failing",
            Self::WebhookRecovered => "webhook.recovered",
            Self::WebhookDisabled => "webhook.disabled",
            Self::WebhookTest => "webhook.test",
        }
    }
}

/// What the API shows of an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// `event`
    pub object: String,
    /// See [`Type`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether real money is meant.
    pub livemode: bool,
    /// The session that it is about, if it is about one.
    pub checkout_session: Option<String>,
    /// When it happened, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// The object.
    pub data: Data,
}

/// An object as it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Data {
    /// As the API showed it then.
    pub object: Box<RawValue>,
}

/// Nothing is kept beside an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Nothing {}

impl Object for Event {
    const KIND: &'static str = "event";
    type Hidden = Nothing;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

/// Records that something happened to an object of the session `about`, which may be empty. Events are in order: each sorts
/// behind those before it, though several happen in one millisecond and clocks may go back. Whoever reads on behind the last
/// that they know misses none. It is told to whoever listens, and owed to the webhook
/// endpoints that want it.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn record<T: Object>(cx: &Context<'_>, kind: Type, object: &T, about: &str) -> Result<(), Error> {
    let event = note(cx, kind, object, about)?;
    delivery::owe_to_all(cx, &event, object.id())
}

/// The last event of that mode; before the first, what stands before all.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn latest(cx: &Context<'_>, livemode: bool) -> Result<String, Error> {
    let sql = "SELECT id FROM objects WHERE kind = 'event' AND livemode = ? ORDER BY id DESC LIMIT 1";
    let last = cx.books.row(sql, &[livemode.into()])?.and_then(|row| row.text(0));
    Ok(last.unwrap_or_else(|| format!("evt_{}", "0".repeat(32))))
}

/// Records an event that is owed to nobody.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn note<T: Object>(cx: &Context<'_>, kind: Type, object: &T, about: &str) -> Result<Event, Error> {
    let event = Event {
        id: new_id::<Event>(cx, "evt", object.livemode())?,
        object: Event::KIND.to_owned(),
        kind: kind.as_str().to_owned(),
        livemode: object.livemode(),
        checkout_session: (!about.is_empty()).then(|| about.to_owned()),
        created_at: cx.now.0,
        data: Data { object: RawValue::from_string(write(object)?).map_err(|_| Error::Internal)? },
    };
    let event = Kept { shown: event, hidden: Nothing {} };
    let json = write(&event.shown)?;
    event.insert_written(cx.books, &json)?;
    pump::publish(cx, &event.shown, &json)?;
    Ok(event.shown)
}
