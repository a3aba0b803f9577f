//! Checkout sessions: one customer's payment, from the first look to the last cent.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::checkout::link;
use crate::config::Config;
use crate::error::Error;
use crate::flow::Context;
use crate::http::Now;
use crate::ledger::event::{self, Type};
use crate::ledger::id::{self, AccountId};
use crate::ledger::objects::{Kept, Object, new_id};
use crate::ledger::state::{Happening, Outcome, Status, Sum};
use crate::ledger::task;
use crate::ledger::verify::sum::{Dollars, Judgement, Tolerance, judge};

/// Keys and values of the merchant's own.
pub type Metadata = BTreeMap<String, String>;

/// What the API shows of a session. Times are milliseconds since 1970 UTC, amounts plain decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `cs_…`
    pub id: String,
    /// `checkout.session`
    pub object: String,
    /// Whether real money is meant.
    pub livemode: bool,
    /// How far it has come.
    pub status: Status,
    /// How much is owed; none where the merchant did not say, as with the drop-in wallet routes.
    pub amount: Option<String>,
    /// Of what.
    pub currency: Option<String>,
    /// What is owed, in US dollars at the rate of the moment the customer came.
    pub amount_expected_usd: Option<String>,
    /// What has arrived and was verified, in US dollars.
    pub amount_received_usd: String,
    /// Whether money arrived after the session's end.
    pub paid_late: bool,
    /// Whether more arrived than was owed.
    pub overpaid: bool,
    /// How much less than the amount is enough, in hundredths of a percent.
    pub tolerance_bps: u16,
    /// Whom the customer pays at, where that was decided.
    pub provider: Option<String>,
    /// The customer's address.
    pub customer_email: Option<String>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The merchant's own name for it.
    pub client_reference_id: Option<String>,
    /// The merchant's own notes.
    pub metadata: Metadata,
    /// Where the customer goes when it is paid; `{SESSION_ID}` in it stands for the id.
    pub success_url: Option<String>,
    /// Where the customer goes who gives up.
    pub cancel_url: Option<String>,
    /// The merchant's classic callback.
    pub callback: Option<String>,
    /// Where the customer pays.
    pub url: Option<String>,
    /// Where the payment arrives on chain, once the customer came.
    pub receiving_address: Option<String>,
    /// When it was made.
    pub created_at: u64,
    /// When it last changed.
    pub updated_at: u64,
    /// When its time is over; never, if none.
    pub expires_at: Option<u64>,
    /// When it was paid.
    pub paid_at: Option<u64>,
}

/// What is kept of a session and not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// By which the link or the callback that made it is recognised.
    pub digest: Option<String>,
    /// The encrypted address that payment links carry, as the gateway wrote it.
    pub address_in: Option<String>,
    /// For asking the gateway whether it was paid.
    pub ipn_token: Option<String>,
    /// What is owed, in millionths of a dollar.
    pub expected: Option<u64>,
    /// What has arrived, in millionths of a dollar.
    pub received: u64,
    /// When it expired or was cancelled.
    pub ended_at: Option<u64>,
    /// By which the wallet is recognised that its address pays.
    pub pays: Option<String>,
    /// Whether a payment to its address was ever reported: whoever comes again under the same reference gets a new address.
    pub was_reported: bool,
}

impl Object for Session {
    const KIND: &'static str = "checkout.session";
    type Hidden = Private;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

/// What a new session is made from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Draft {
    /// See [`Session::livemode`].
    pub livemode: bool,
    /// See [`Session::amount`].
    pub amount: Option<String>,
    /// See [`Session::currency`].
    pub currency: Option<String>,
    /// See [`Session::tolerance_bps`]; none where the account decides.
    pub tolerance_bps: Option<u16>,
    /// See [`Session::provider`].
    pub provider: Option<String>,
    /// See [`Session::customer_email`].
    pub customer_email: Option<String>,
    /// See [`Session::customer_name`].
    pub customer_name: Option<String>,
    /// See [`Session::client_reference_id`].
    pub client_reference_id: Option<String>,
    /// See [`Session::metadata`].
    pub metadata: Metadata,
    /// See [`Session::success_url`].
    pub success_url: Option<String>,
    /// See [`Session::cancel_url`].
    pub cancel_url: Option<String>,
    /// See [`Session::callback`].
    pub callback: Option<String>,
    /// See [`Session::expires_at`].
    pub expires_at: Option<u64>,
    /// See [`Private::digest`].
    pub digest: Option<String>,
}

impl Kept<Session> {
    /// Makes a session and says so.
    ///
    /// # Errors
    /// [`Error::Books`] where the database fails.
    pub fn open(cx: &Context<'_>, draft: Draft, url: impl FnOnce(&str) -> Option<String>) -> Result<Self, Error> {
        let id = new_id::<Session>(cx, "cs", draft.livemode)?;
        let url = url(&id);
        let shown = Session {
            object: Session::KIND.to_owned(),
            livemode: draft.livemode,
            status: Status::Open,
            amount: draft.amount,
            currency: draft.currency,
            amount_expected_usd: None,
            amount_received_usd: "0".to_owned(),
            paid_late: false,
            overpaid: false,
            tolerance_bps: draft.tolerance_bps.unwrap_or_default(),
            provider: draft.provider,
            customer_email: draft.customer_email,
            customer_name: draft.customer_name,
            client_reference_id: draft.client_reference_id,
            metadata: draft.metadata,
            success_url: draft.success_url,
            cancel_url: draft.cancel_url,
            callback: draft.callback,
            url,
            receiving_address: None,
            created_at: cx.now.0,
            updated_at: cx.now.0,
            expires_at: draft.expires_at,
            paid_at: None,
            id,
        };
        let session = Self { shown, hidden: Private { digest: draft.digest, ..Private::default() } };
        session.insert(cx.books)?;
        if let Some(expires_at) = session.shown.expires_at {
            task::plan(cx, task::Kind::Expire, &session.shown.id, Now(expires_at))?;
        }
        event::record(cx, Type::SessionCreated, &session.shown, &session.shown.id)?;
        Ok(session)
    }

    /// Notes what is owed, in dollars.
    pub fn owe(&mut self, expected: Option<Dollars>) {
        self.hidden.expected = expected.map(Dollars::millionths);
        self.shown.amount_expected_usd = expected.map(|dollars| decimal(dollars.millionths()));
    }

    /// Adds a verified payment that was reported at that moment; what all of them together are. Nothing is written down yet.
    ///
    /// # Errors
    /// [`Error::Internal`] beyond what can be counted.
    pub fn add(&mut self, payment: Dollars, reported_at: Now) -> Result<Sum, Error> {
        let before = Dollars::from_millionths(self.hidden.received).ok_or(Error::Internal)?;
        let received = before.checked_add(payment).ok_or(Error::Internal)?;
        self.hidden.received = received.millionths();
        self.shown.amount_received_usd = decimal(received.millionths());
        let tolerance = Tolerance::from_basis_points(self.shown.tolerance_bps).unwrap_or_default();
        // Where nothing particular was owed, whatever comes is enough.
        self.shown.paid_late |= self.is_late(reported_at);
        Ok(match self.hidden.expected.and_then(Dollars::from_millionths) {
            None if self.shown.amount.is_none() => Sum::Full,
            None => Sum::Short,
            Some(expected) => match judge(expected, tolerance, received) {
                Judgement::Short { .. } => Sum::Short,
                Judgement::Full => Sum::Full,
                Judgement::Over { .. } => Sum::Over,
            },
        })
    }

    /// Whether what was reported at that moment came after the session's end.
    #[must_use]
    pub fn is_late(&self, reported_at: Now) -> bool {
        self.hidden.ended_at.is_some_and(|ended| ended <= reported_at.0)
    }

    /// Lets something happen to the session, writes down what becomes of it, and says so.
    ///
    /// # Errors
    /// [`Error::State`] where it cannot happen any more; [`Error::Books`] where the database fails.
    pub fn happen(&mut self, cx: &Context<'_>, happening: Happening) -> Result<(), Error> {
        let before = self.shown.status;
        let (status, is_over) = match before.after(happening) {
            Outcome::Refused => return Err(Error::State(before)),
            Outcome::Same => return Ok(()),
            Outcome::Now { status, is_over } => (status, is_over),
        };
        let shown = &mut self.shown;
        (shown.status, shown.updated_at) = (status, cx.now.0);
        shown.overpaid |= is_over;
        match status {
            Status::Paid if shown.paid_at.is_none() => shown.paid_at = Some(cx.now.0),
            Status::Expired | Status::Canceled if before != status => self.hidden.ended_at = Some(cx.now.0),
            _ => {}
        }
        self.update(cx.books)?;
        if let Some(said) = event_of(before, status, happening, is_over) {
            event::record(cx, said, &self.shown, &self.shown.id)?;
        }
        Ok(())
    }
}

/// What is said about a change.
const fn event_of(before: Status, status: Status, happening: Happening, is_over: bool) -> Option<Type> {
    match (happening, before, status) {
        (Happening::Started, Status::Open, _) => Some(Type::SessionProcessing),
        (Happening::Received(_), Status::Paid, _) if is_over => Some(Type::SessionOverpaid),
        (Happening::Received(_), Status::Paid, _) => Some(Type::SessionUpdated),
        (Happening::Received(_), _, Status::Paid) => Some(Type::SessionPaid),
        (Happening::Received(_), ..) => Some(Type::SessionUnderpaid),
        (_, Status::Open | Status::Processing, Status::Expired) => Some(Type::SessionExpired),
        (_, Status::Open | Status::Processing, Status::Canceled) => Some(Type::SessionCanceled),
        _ => None,
    }
}

/// Millionths as a plain decimal.
#[must_use]
pub fn decimal(millionths: u64) -> String {
    i64::try_from(millionths).map(|whole| Decimal::new(whole, 6).normalize().to_string()).unwrap_or_default()
}

/// The URL of a session's page.
#[must_use]
pub fn url(config: &Config, account: &AccountId, session: &str) -> String {
    config.origin.url(&format!("{}/{}/{session}", link::PATH, account.digits()))
}

/// The account and the session whose page has this path.
#[must_use]
pub fn of_path(path: &str) -> Option<(AccountId, &str)> {
    let (account, session) = path.strip_prefix(link::PATH)?.strip_prefix('/')?.split_once('/')?;
    Some((AccountId::from_digits(account)?, Some(session).filter(|session| id::is_id("cs", session))?))
}
