//! Whether a reported payment counts.
//!
//! A callback is not signed, so nothing in it is believed until somebody else says the same: the order, the gateway's
//! `payment-status`, and the chain where a node is configured. One function for each check, one error for each in
//! [`problem`]; [`verify`] runs them in order. That `txid_in` is not counted twice is the store's to ensure: [`Verified`]
//! spells it in one way only.

use crate::gateway::status::PaymentStatus;
use crate::ledger::chain::id::{Address, TxId};
use crate::ledger::chain::{Outcome, Shown};
use crate::ledger::coin::{Coin, Price};

pub mod problem;
pub mod report;
pub mod sum;

pub use problem::{NotYet, Problem, Wrong};
pub use report::Report;
pub use sum::{Dollars, Judgement, Quantity, Tolerance, judge};

/// What an order says of its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where it is to be paid (`polygon_address_in` of its wallet).
    pub receiving: Address,
    /// How much is to be paid; orders that come through the gateway's own routes do not say.
    pub expected: Option<Dollars>,
    /// How much less is enough.
    pub tolerance: Tolerance,
}

impl Order {
    /// Holds all that was received against what is expected; `None` where nobody said how much that is.
    #[must_use]
    pub fn judge(&self, received: Dollars) -> Option<Judgement> {
        Some(judge(self.expected?, self.tolerance, received))
    }
}

/// What others say of the payment.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Dollars for one coin; `None` while it is not known. Coins that are worth a dollar need none.
    pub price: Option<Price>,
    /// The gateway's `payment-status`; `None` where it gave no answer.
    pub status: Option<&'a PaymentStatus>,
    /// What the chain says of this report.
    pub chain: Outcome,
}

/// A payment that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it is worth, rounded down.
    pub dollars: Dollars,
    /// The coin that it came in.
    pub coin: Coin,
    /// The provider's transaction.
    pub txid_in: TxId,
    /// The payout's, where the report or the gateway's `payment-status` names it.
    pub txid_out: Option<TxId>,
}

impl Verified {
    /// Whether anybody but the report itself tells this payment from others to the same address.
    #[must_use]
    pub fn is_distinct(&self, evidence: &Evidence) -> bool {
        evidence.chain == Ok(Shown::Transfer) || evidence.status.is_some_and(|status| payout(status).is_some())
    }
}

/// The payout that `payment-status` names.
fn payout(status: &PaymentStatus) -> Option<&str> {
    status.txid_out.as_deref().filter(|text| !text.is_empty())
}

/// Runs every check.
///
/// # Errors
/// The [`Problem`] of the first check that fails.
pub fn verify(report: &Report, order: &Order, evidence: &Evidence) -> Result<Verified, Problem> {
    let coin = plausible(report, order)?;
    let dollars = worth(report.value, coin, evidence.price)?;
    let txid_out = stated(report, evidence.status)?;
    evidence.chain?;
    Ok(Verified { dollars, coin, txid_in: report.txid_in, txid_out })
}

/// Runs the checks that need nobody else: what fails here is not worth asking anybody about. The coin tells what to ask.
///
/// # Errors
/// [`Wrong::Address`], [`Wrong::Coin`].
pub fn plausible(report: &Report, order: &Order) -> Result<Coin, Problem> {
    addressed(report, order)?;
    known(report.coin)
}

/// The report is about the order's receiving address, if it says which. Where it does not, `payment-status` alone ties it to the
/// order.
fn addressed(report: &Report, order: &Order) -> Result<(), Problem> {
    if report.address_in.is_none_or(|address| address == order.receiving) { Ok(()) } else { Err(Wrong::Address.into()) }
}

/// The coin is one that can be counted.
fn known(coin: &str) -> Result<Coin, Problem> {
    Coin::parse(coin).ok_or(Wrong::Coin.into())
}

/// The value in dollars is known. A coin without a price is never counted as if it were a dollar.
///
/// # Errors
/// [`NotYet::Priced`], [`Wrong::TooMuch`].
pub fn worth(value: Quantity, coin: Coin, price: Option<Price>) -> Result<Dollars, Problem> {
    let dollars = if coin.is_stable() { Some(value) } else { value.times(price.ok_or(NotYet::Priced)?.0) };
    dollars.and_then(Dollars::from_quantity).ok_or(Wrong::TooMuch.into())
}

/// The gateway's `payment-status` says the same. The coin has to be the same too: half an ether is not half a dollar. The payout
/// is whichever of the two names it: a report that leaves it away is still about that one, and counts no second time.
fn stated(report: &Report, status: Option<&PaymentStatus>) -> Result<Option<TxId>, Problem> {
    let status = status.ok_or(NotYet::Answered)?;
    if status.status != "paid" {
        return Err(NotYet::Paid.into());
    }
    let value = status.value_coin.as_deref().and_then(Quantity::parse).ok_or(NotYet::Detailed)?;
    let coin = status.coin.as_deref().ok_or(NotYet::Detailed)?;
    let txid_out = match payout(status).map(TxId::parse) {
        Some(stated) if stated.is_none() || report.txid_out.is_some_and(|reported| stated != Some(reported)) => {
            return Err(Wrong::StatusTransaction.into());
        }
        stated => stated.flatten().or(report.txid_out),
    };
    if value != report.value {
        return Err(Wrong::StatusValue.into());
    }
    if coin != report.coin {
        return Err(Wrong::StatusCoin.into());
    }
    Ok(txid_out)
}

#[cfg(test)]
mod tests;
