//! Finding out whether a reported payment counts: whoever has to be asked is asked, [`crate::ledger::verify`] decides, and what
//! follows is written down in one transaction.
//!
//! What can still become right is asked again, on [`VERIFICATION`]'s schedule. What cannot is flagged. A transaction is credited
//! once: the database itself refuses a second one.

use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway_at_once, ask_node};
use crate::gateway::accepted;
use crate::gateway::opaque::Opaque;
use crate::gateway::status::{self, PaymentStatus};
use crate::http::Now;
use crate::http::{Call, Fault, Method, Read, Reply, Response};
use crate::known::{self, Question as Asked};
use crate::ledger::chain::id::{Address, TxId};
use crate::ledger::chain::{self, Question, Shown};
use crate::ledger::coin::{Coin, Price};
use crate::ledger::delivery;
use crate::ledger::event::{self, Type};
use crate::ledger::objects::Kept;
use crate::ledger::opening::Owed;
use crate::ledger::schedule::VERIFICATION;
use crate::ledger::session::{Session, decimal};
use crate::ledger::state::{Happening, Sum};
use crate::ledger::task::{self, Kind, Task};
use crate::ledger::transaction::{Source, Status, Transaction, parameters};
use crate::ledger::verify::{self, Dollars, Evidence, NotYet, Order, Problem, Quantity, Report, Tolerance, Wrong};
use crate::query;

/// One report on its way.
struct Inquiry {
    transaction: String,
    attempt: u32,
    order: Order,
    coin: Coin,
    owed: Option<Asked>,
    /// What the answer to that was, where it was asked for.
    expected: Option<Dollars>,
}

/// Verifies a reported payment.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn begin(cx: &Context<'_>, task: &Task) -> Outcome {
    let transaction = Kept::<Transaction>::get(cx.books, None, &task.subject)?;
    if transaction.shown.status != Status::Pending {
        return over(cx, &task.subject);
    }
    let session = Kept::<Session>::get(cx.books, None, &transaction.shown.checkout_session)?;
    // A session that never had an address cannot have been paid.
    let order = order_of(&session).map_err(|_| Wrong::Address.into());
    match order.and_then(|order| Ok((order, coin_of(&transaction, &order)?))) {
        Ok((order, coin)) => inquire(cx, task, &transaction, &session, order, coin),
        Err(problem) => {
            refuse(cx, transaction, problem, problem.is_temporary(), task.attempt)?;
            answer(Response::new(204))
        }
    }
}

fn over(cx: &Context<'_>, transaction: &str) -> Outcome {
    task::done(cx, Kind::Verify, transaction)?;
    answer(Response::new(204))
}

fn order_of(session: &Kept<Session>) -> Result<Order, Error> {
    let receiving = session.shown.receiving_address.as_deref().and_then(Address::parse).ok_or(Error::Internal)?;
    let tolerance = Tolerance::from_basis_points(session.shown.tolerance_bps).unwrap_or_default();
    Ok(Order { receiving, expected: session.hidden.expected.and_then(Dollars::from_millionths), tolerance })
}

/// The checks that need nobody else.
fn coin_of(transaction: &Kept<Transaction>, order: &Order) -> Result<Coin, Problem> {
    match transaction.shown.source {
        Source::Callback => {
            verify::report::unambiguous(&transaction.hidden.query)?;
            let parameters = parameters(&transaction.hidden.query);
            verify::plausible(&read(&parameters)?, order)
        }
        Source::Status | Source::Simulation => transaction.shown.coin.as_deref().and_then(Coin::parse).ok_or(Wrong::Coin.into()),
    }
}

fn read(parameters: &[(String, String)]) -> Result<Report<'_>, Problem> {
    Report::read(&parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
}

/// Asks the gateway: the payment's state, the coin's price where it is no dollar, and the rate where what is owed is not known
/// in dollars yet. Then the node, if there is one.
fn inquire(
    cx: &Context<'_>,
    task: &Task,
    transaction: &Kept<Transaction>,
    session: &Kept<Session>,
    order: Order,
    coin: Coin,
) -> Outcome {
    let token = session.hidden.ipn_token.as_deref().and_then(|token| Opaque::parse(token).ok()).ok_or(Error::Internal)?;
    let mut calls = vec![status::request(cx.config, &token, known::asked_by())];
    if let Some(path) = coin.price_path() {
        let (method, headers) = (Method::Get, known::asked_by());
        calls.push(Call { method, url: cx.config.api.url(path), headers, body: None, read: Read::Text });
    }
    let owed = if order.expected.is_none() { Owed::of(cx, &session.shown).question() } else { None };
    calls.extend(owed.iter().map(|question| question.call(cx.config)));
    let inquiry = Inquiry { transaction: transaction.shown.id.clone(), attempt: task.attempt, order, coin, owed, expected: None };
    ask_gateway_at_once(cx, calls, move |cx, came| {
        let mut came = came.into_iter();
        let status = came.next().and_then(|came| status::interpret(&accepted(came).ok()?).ok());
        let price = if coin.is_stable() { None } else { came.next().and_then(|came| Price::of_reply(&accepted(came).ok()?)) };
        ask_chain(cx, inquiry, status, price, came.next())
    })
}

fn ask_chain(
    cx: &Context<'_>,
    mut inquiry: Inquiry,
    status: Option<PaymentStatus>,
    price: Option<Price>,
    rate: Option<Result<Reply, Fault>>,
) -> Outcome {
    inquiry.expected = inquiry.owed.clone().and_then(|question| Owed::Asks(question).settle(cx, rate));
    let transaction = Kept::<Transaction>::get(cx.books, None, &inquiry.transaction)?;
    let parameters = parameters(&transaction.hidden.query);
    let question =
        read(&parameters).ok().and_then(|report| Question::about(&report, inquiry.coin, &inquiry.order, cx.config.confirmations));
    match (&cx.config.polygon_rpc, question) {
        (Some(node), Some(question)) => {
            let body = Some(question.request().into_bytes());
            let headers = vec![("content-type", "application/json".to_owned())];
            let call = Call { method: Method::Post, url: node.expose().clone(), headers, body, read: Read::Text };
            ask_node(cx, call, move |cx, came| {
                let told = match came {
                    Ok(reply) => question.answer(&reply.text),
                    Err(_) => Err(NotYet::Reached.into()),
                };
                decide(cx, &inquiry, status.as_ref(), price, told)
            })
        }
        _ => decide(cx, &inquiry, status.as_ref(), price, Ok(Shown::NotAsked)),
    }
}

fn decide(
    cx: &Context<'_>,
    inquiry: &Inquiry,
    status: Option<&PaymentStatus>,
    price: Option<Price>,
    chain: chain::Outcome,
) -> Outcome {
    let transaction = Kept::<Transaction>::get(cx.books, None, &inquiry.transaction)?;
    if transaction.shown.status != Status::Pending {
        return over(cx, &inquiry.transaction);
    }
    let mut session = Kept::<Session>::get(cx.books, None, &transaction.shown.checkout_session)?;
    // It was not known in dollars when the customer came. It is written down with the first payment that counts.
    if session.hidden.expected.is_none() && inquiry.expected.is_some() {
        session.owe(inquiry.expected);
    }
    let evidence = Evidence { price, status, chain };
    match judged(cx, &transaction, &session, inquiry, &evidence)? {
        Ok(payment) => credit(cx, transaction, session, payment)?,
        Err(problem) => {
            let may_pass = problem.is_temporary() || (session.hidden.received > 0 && problem.is_of_status());
            refuse(cx, transaction, problem, may_pass, inquiry.attempt)?;
        }
    }
    answer(Response::new(204))
}

/// A payment that counts: its dollars, and the two transactions as they are always spelt.
#[derive(Clone, Copy)]
pub struct Payment {
    /// What it is worth.
    pub dollars: Dollars,
    /// The transaction to the receiving address.
    pub txid_in: Option<TxId>,
    /// The one from there to the merchant.
    pub txid_out: Option<TxId>,
}

fn judged(
    cx: &Context<'_>,
    transaction: &Kept<Transaction>,
    session: &Kept<Session>,
    inquiry: &Inquiry,
    evidence: &Evidence<'_>,
) -> Result<Result<Payment, Problem>, Error> {
    let verified = match transaction.shown.source {
        Source::Callback => by_report(transaction, session, &order_of(session)?, evidence),
        Source::Status | Source::Simulation => by_status(cx, transaction, inquiry.coin, evidence),
    };
    let Ok(payment) = verified else { return Ok(verified) };
    if session.shown.amount.is_some() && session.hidden.expected.is_none() {
        return Ok(Err(NotYet::Priced.into()));
    }
    let received = Dollars::from_millionths(session.hidden.received);
    if received.and_then(|received| received.checked_add(payment.dollars)).is_none() {
        return Ok(Err(Wrong::TooMuch.into()));
    }
    for (column, txid) in [("txid_in", payment.txid_in), ("txid_out", payment.txid_out)] {
        let Some(txid) = txid.map(|txid| txid.to_string()) else { continue };
        let known = cx.books.row(&format!("SELECT id FROM objects WHERE {column} = ?"), &[(&txid).into()])?;
        if known.is_some() {
            return Ok(Err(Wrong::Known.into()));
        }
    }
    Ok(Ok(payment))
}

/// A payment that was reported. A second one to the same address counts only where somebody else tells the two apart.
fn by_report(
    transaction: &Kept<Transaction>,
    session: &Kept<Session>,
    order: &Order,
    evidence: &Evidence<'_>,
) -> Result<Payment, Problem> {
    let parameters = parameters(&transaction.hidden.query);
    let verified = verify::verify(&read(&parameters)?, order, evidence)?;
    if session.hidden.received > 0 && !verified.is_distinct(evidence) {
        return Err(Wrong::Indistinct.into());
    }
    // Without a node everything in a report can be made up but the payout, which `payment-status` names: or one payment could be
    // reported under many names.
    let stated = || TxId::parse(evidence.status?.txid_out.as_deref()?);
    let txid_out = verified.txid_out.or_else(stated);
    Ok(Payment { dollars: verified.dollars, txid_in: Some(verified.txid_in), txid_out })
}

/// A payment of which only the gateway's own word is known, because its callback never came. A node cannot be asked about it:
/// where there is one, somebody has to look.
fn by_status(cx: &Context<'_>, transaction: &Kept<Transaction>, coin: Coin, evidence: &Evidence<'_>) -> Result<Payment, Problem> {
    if cx.config.polygon_rpc.is_some() {
        return Err(Wrong::Missing("txid_in").into());
    }
    let status = evidence.status.ok_or(NotYet::Answered)?;
    if status.status != "paid" {
        return Err(NotYet::Paid.into());
    }
    if status.value_coin != transaction.shown.value_coin || status.txid_out != transaction.shown.txid_out {
        return Err(Wrong::StatusValue.into());
    }
    let value = status.value_coin.as_deref().and_then(Quantity::parse).ok_or(NotYet::Detailed)?;
    let txid_out = status.txid_out.as_deref().and_then(TxId::parse).ok_or(NotYet::Detailed)?;
    Ok(Payment { dollars: verify::worth(value, coin, evidence.price)?, txid_in: None, txid_out: Some(txid_out) })
}

/// It counts: the transaction, the session and what the merchant is owed become so together.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn credit(
    cx: &Context<'_>,
    mut transaction: Kept<Transaction>,
    mut session: Kept<Session>,
    payment: Payment,
) -> Result<(), Error> {
    let shown = &mut transaction.shown;
    (shown.status, shown.reason, shown.message, shown.updated_at) = (Status::Verified, None, None, cx.now.0);
    shown.value_usd = Some(decimal(payment.dollars.millionths()));
    shown.txid_in = payment.txid_in.map(|txid| txid.to_string());
    shown.txid_out = payment.txid_out.map(|txid| txid.to_string());
    let reported_at = Now(shown.created_at);
    shown.late = session.is_late(reported_at);
    transaction.update(cx.books)?;
    task::done(cx, Kind::Verify, &transaction.shown.id)?;
    let sum = session.add(payment.dollars, reported_at)?;
    let said = match sum {
        _ if transaction.shown.late => Type::PaymentLate,
        Sum::Short => Type::PaymentUnderpaid,
        Sum::Full | Sum::Over => Type::PaymentVerified,
    };
    event::record(cx, said, &transaction.shown, &session.shown.id)?;
    session.happen(cx, Happening::Received(sum))?;
    if let Some(target) = session.shown.callback.clone() {
        let hidden = delivery::Private { target, query: gateways(&transaction) };
        delivery::owe(cx, session.shown.livemode, &session.shown.id, &transaction.shown.id, hidden)?;
    }
    Ok(())
}

/// The gateway's own parameters of a report, as they were spelt, and the mark of a simulated one: whatever else stood there was
/// verified by nobody.
fn gateways(transaction: &Kept<Transaction>) -> String {
    const NAMES: [&str; 6] = ["value_coin", "coin", "txid_in", "txid_out", "address_in", "value_forwarded_coin"];
    let is_simulated = transaction.shown.source == Source::Simulation;
    let is_meant = |name: &str| NAMES.contains(&name) || (is_simulated && name == "livemode");
    let kept = query::pairs(&transaction.hidden.query).filter(|pair| is_meant(&pair.name())).map(|pair| pair.raw);
    kept.collect::<Vec<_>>().join("&")
}

/// It does not count, or not yet.
fn refuse(
    cx: &Context<'_>,
    mut transaction: Kept<Transaction>,
    problem: Problem,
    may_pass: bool,
    attempt: u32,
) -> Result<(), Error> {
    let next = if may_pass { VERIFICATION.next(attempt + 1, cx.now) } else { None };
    let said = if let Some(next) = next {
        task::plan(cx, Kind::Verify, &transaction.shown.id, next)?;
        Type::PaymentPending
    } else {
        task::done(cx, Kind::Verify, &transaction.shown.id)?;
        transaction.shown.status = Status::Unverified;
        Type::PaymentUnverified
    };
    let shown = &mut transaction.shown;
    let message = Some(problem.to_string());
    if next.is_some() && shown.message == message {
        return Ok(());
    }
    (shown.reason, shown.message, shown.updated_at) = (Some(problem.code().to_owned()), message, cx.now.0);
    transaction.update(cx.books)?;
    event::record(cx, said, &transaction.shown, &transaction.shown.checkout_session)
}
