//! Giving a session its address: once, whoever asks and however many at the same time.
//!
//! The gateway is asked when the customer comes. Identical calls under way are one call (the ledger lives in one place), and the
//! first reply that is written down counts. If the gateway fails nothing is written, and the next customer tries again.

use serde::Serialize;

use crate::callback::token;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway_at_once};
use crate::gateway::accepted;
use crate::gateway::opaque::Opaque;
use crate::gateway::wallet::{Created, Order};
use crate::http::{Fault, Reply, Response};
use crate::known::{self, Question};
use crate::ledger::account::{self, Account};
use crate::ledger::id::AccountId;
use crate::ledger::objects::{Kept, write};
use crate::ledger::poll;
use crate::ledger::session::Session;
use crate::ledger::state::{Happening, Status};
use crate::ledger::verify::sum::Dollars;
use crate::money::{Amount, Currency};

/// What the Worker is told about an opened session: what the gateway's wallet answer has, and the session.
#[derive(Serialize)]
struct Opened<'a> {
    address_in: &'a str,
    polygon_address_in: &'a str,
    ipn_token: &'a str,
    session: &'a Session,
}

/// Answers with the session's address, once it has one.
///
/// # Errors
/// [`Error::State`] where nobody can pay any more; [`Error::Gateway`] where the gateway fails.
pub fn open(cx: &Context<'_>, id: &AccountId, account: &Account, session: Kept<Session>) -> Outcome {
    let is_over = session.shown.expires_at.is_some_and(|end| end <= cx.now.0);
    match session.shown.status {
        Status::Open | Status::Processing if is_over => return Err(Error::State(Status::Expired)),
        Status::Expired | Status::Canceled => return Err(Error::State(session.shown.status)),
        _ if !session.shown.livemode => return open_test(cx, session),
        _ if session.hidden.address_in.is_some() => return answer(opened(&session)?),
        _ => {}
    }
    let (payout, split) = (account.payout(cx)?, account.split(cx)?);
    let pays = account::mark(payout);
    let callback_url = token::session_url(cx.config, id, &session.shown.id).ok_or(Error::Internal)?;
    let order = Order { payout, callback_url, split };
    let mut calls = vec![order.request(cx.config, known::asked_by()).map_err(|why| Error::Split("payout_wallet", why))?];
    let owed = Owed::of(cx, &session.shown);
    if let Owed::Asks(question) = &owed {
        calls.push(question.call(cx.config));
    }
    let session_id = session.shown.id;
    ask_gateway_at_once(cx, calls, move |cx, mut came| {
        let conversion = if matches!(owed, Owed::Asks(_)) { came.pop() } else { None };
        let created = Created::from_reply(&accepted(came.pop().unwrap_or(Err(Fault::Unreachable)))?)?;
        started(cx, &session_id, pays, &created, owed.settle(cx, conversion))
    })
}

/// A test session never reaches the gateway: it has no address, and only a simulated payment comes to it.
fn open_test(cx: &Context<'_>, mut session: Kept<Session>) -> Outcome {
    if session.shown.status == Status::Open {
        session.happen(cx, Happening::Started)?;
    }
    answer(Response::new(200).text("application/json", format!("{{\"session\":{}}}", write(&session.shown)?)))
}

fn started(cx: &Context<'_>, id: &str, pays: String, created: &Created, expected: Option<Dollars>) -> Outcome {
    let mut session = Kept::<Session>::get(cx.books, None, id)?;
    if session.hidden.address_in.is_none() {
        session.hidden.address_in = Some(created.address_in.encoded());
        session.hidden.ipn_token = Some(created.ipn_token.encoded());
        session.hidden.pays = Some(pays);
        session.owe(expected);
        session.shown.receiving_address = Some(created.polygon_address_in.to_string());
        session.happen(cx, Happening::Started)?;
        poll::begin(cx, &session)?;
    }
    answer(opened(&session)?)
}

fn opened(session: &Kept<Session>) -> Result<Response, Error> {
    let hidden = &session.hidden;
    let opened = Opened {
        address_in: hidden.address_in.as_deref().ok_or(Error::Internal)?,
        polygon_address_in: session.shown.receiving_address.as_deref().ok_or(Error::Internal)?,
        ipn_token: hidden.ipn_token.as_deref().ok_or(Error::Internal)?,
        session: &session.shown,
    };
    Ok(Response::new(200).text("application/json", write(&opened)?))
}

/// What a session asks for, in dollars.
pub enum Owed {
    /// Whatever comes.
    Anything,
    /// This much.
    Dollars(Dollars),
    /// What the gateway makes of it.
    Asks(Question),
}

impl Owed {
    /// What a session asks for, from what is known of rates here.
    #[must_use]
    pub fn of(cx: &Context<'_>, session: &Session) -> Self {
        let amount = session.amount.as_deref().and_then(|text| Amount::parse(text).ok());
        let currency = session.currency.as_deref().and_then(|text| text.parse::<Currency>().ok());
        let (Some(amount), Some(currency)) = (amount, currency) else { return Self::Anything };
        if currency == Currency::USD {
            return Dollars::parse(amount.as_str()).map_or(Self::Anything, Self::Dollars);
        }
        let told = known::rate(cx, currency).and_then(|rate| rate.convert(&amount));
        told.and_then(|told| Dollars::parse(&told.value_coin)).map_or(Self::Asks(Question::Rate(currency, amount)), Self::Dollars)
    }

    /// What the gateway has to be asked for, if anything.
    #[must_use]
    pub fn question(self) -> Option<Question> {
        if let Self::Asks(question) = self { Some(question) } else { None }
    }

    /// What it is after the gateway was asked. A rate that cannot be had now stops nobody from paying: verification asks again.
    #[must_use]
    pub fn settle(self, cx: &Context<'_>, came: Option<Result<Reply, Fault>>) -> Option<Dollars> {
        match (self, came) {
            (Self::Dollars(dollars), _) => Some(dollars),
            (Self::Asks(Question::Rate(currency, amount)), Some(came)) => {
                let told = known::told_conversion(cx, currency, &amount, came).ok().flatten()?;
                Dollars::parse(&told.value_coin)
            }
            _ => None,
        }
    }
}

/// The encrypted address in a ledger's answer.
///
/// # Errors
/// [`Error::Internal`] where it has none.
pub fn address_in(text: &str) -> Result<Opaque, Error> {
    let object: crate::gateway::object::Object = serde_json::from_str(text).map_err(|_| Error::Internal)?;
    object.text("address_in").and_then(|text| Opaque::parse(&text).ok()).ok_or(Error::Internal)
}
