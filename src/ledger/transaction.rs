//! Payments that were reported: first as the gateway's word alone, then verified, or not.
//!
//! A report is written down before it is acknowledged. It is never dropped and never credited unless everything agrees.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::callback::token;
use crate::error::Error;
use crate::flow::Context;
use crate::ledger::event::{self, Type};
use crate::ledger::objects::{Kept, Object, new_id};
use crate::ledger::session::Session;
use crate::ledger::task;
use crate::query;

/// What is known of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was reported, and is being verified.
    Pending,
    /// Everything agrees: it counts.
    Verified,
    /// Something does not agree, or could not be found out: it does not count.
    Unverified,
}

/// From where a payment is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The gateway's callback.
    Callback,
    /// The gateway was asked.
    Status,
    /// A test: no money was paid.
    Simulation,
}

/// What the API shows of a payment. Times are milliseconds since 1970 UTC, values plain decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// `txn_…`
    pub id: String,
    /// `transaction`
    pub object: String,
    /// Whether real money is meant.
    pub livemode: bool,
    /// Whether it counts.
    pub status: Status,
    /// Why it does not, or not yet: a stable code.
    pub reason: Option<String>,
    /// The same for people.
    pub message: Option<String>,
    /// The session that it is for.
    pub checkout_session: String,
    /// Who told of it.
    pub source: Source,
    /// The coin, as the gateway names it.
    pub coin: Option<String>,
    /// How many coins.
    pub value_coin: Option<String>,
    /// What they are worth in US dollars, once verified.
    pub value_usd: Option<String>,
    /// How many coins were passed on to the merchant and affiliates.
    pub value_forwarded_coin: Option<String>,
    /// The transaction to the receiving address.
    pub txid_in: Option<String>,
    /// The transaction from there to the merchant.
    pub txid_out: Option<String>,
    /// Whether it came after the session's end.
    pub late: bool,
    /// When it was reported.
    pub created_at: u64,
    /// When it last changed.
    pub updated_at: u64,
}

/// What is kept of a payment and not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// By which the same report is recognised when it comes again.
    pub digest: Option<String>,
    /// The callback's query, byte for byte.
    pub query: String,
}

impl Object for Transaction {
    const KIND: &'static str = "transaction";
    type Hidden = Private;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        self.livemode
    }
}

/// Most reports about one session that are taken from whoever knows its callback and can make them up; what the gateway itself says
/// when it is asked is always taken.
const MOST: u64 = 100;
/// Longest value of a report that is shown, in characters.
const MAX_SHOWN: usize = 100;

/// Writes a report down, unless it was before, and plans its verification.
///
/// # Errors
/// [`Error::TooManyReports`] beyond a hundred different ones; [`Error::Books`] where the database fails.
pub fn report(cx: &Context<'_>, session: &mut Kept<Session>, raw: &str, source: Source) -> Result<(), Error> {
    let digest = Some(digest(&session.shown.id, source, raw));
    let values = ["transaction".into(), digest.as_deref().into()];
    if Kept::<Transaction>::find(cx.books, "kind = ? AND digest = ?", &values)?.is_some() {
        return Ok(());
    }
    let count =
        "SELECT count(*) FROM objects INDEXED BY objects_by_parent WHERE kind = 'transaction' AND livemode = ? AND parent = ?";
    let known = cx.books.row(count, &[session.shown.livemode.into(), (&session.shown.id).into()])?;
    if source == Source::Callback && known.and_then(|row| row.number(0)).unwrap_or(0) >= MOST {
        return Err(Error::TooManyReports);
    }
    let transaction = write_down(cx, session, raw, source, digest)?;
    task::plan(cx, task::Kind::Verify, &transaction.shown.id, cx.now)
}

/// Writes a report down and says so.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn write_down(
    cx: &Context<'_>,
    session: &mut Kept<Session>,
    raw: &str,
    source: Source,
    digest: Option<String>,
) -> Result<Kept<Transaction>, Error> {
    let parameters = parameters(raw);
    let last = |name: &str| parameters.iter().rev().find(|(found, _)| found == name).map(|(_, value)| shown(value));
    let shown = Transaction {
        id: new_id::<Transaction>(cx, "txn", session.shown.livemode)?,
        object: Transaction::KIND.to_owned(),
        livemode: session.shown.livemode,
        status: Status::Pending,
        reason: None,
        message: None,
        checkout_session: session.shown.id.clone(),
        source,
        coin: last("coin"),
        value_coin: last("value_coin"),
        value_usd: None,
        value_forwarded_coin: last("value_forwarded_coin"),
        txid_in: last("txid_in"),
        txid_out: last("txid_out"),
        late: false,
        created_at: cx.now.0,
        updated_at: cx.now.0,
    };
    let kept = Kept { shown, hidden: Private { digest, query: raw.to_owned() } };
    kept.insert(cx.books)?;
    session.hidden.was_reported = true;
    session.update(cx.books)?;
    event::record(cx, Type::PaymentDetected, &kept.shown, &session.shown.id)?;
    Ok(kept)
}

fn shown(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect()
}

/// What a stranger reports is never the same as what the gateway said when it was asked.
fn digest(session: &str, source: Source, raw: &str) -> String {
    let by_itself = [u8::from(source == Source::Callback)];
    let hash = Sha256::new().chain_update(session).chain_update(by_itself);
    let hash = hash.chain_update(query::without(raw, &[token::PARAMETER]));
    base16ct::lower::encode_string(&hash.finalize())
}

/// Names and values of a query, decoded.
#[must_use]
pub fn parameters(raw: &str) -> Vec<(String, String)> {
    query::pairs(raw).filter_map(|pair| Some((pair.name().into_owned(), pair.value()?))).collect()
}
