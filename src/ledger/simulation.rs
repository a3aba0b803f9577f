//! Payments to test sessions: nobody pays, and everything else happens.
//!
//! The gateway is never asked, so no rate is known: one of any currency counts as a dollar.

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::chain::id::TxId;
use crate::ledger::objects::Kept;
use crate::ledger::session::Session;
use crate::ledger::state::{Happening, Status};
use crate::ledger::transaction::{self, Source};
use crate::ledger::verification::{self, Payment};
use crate::ledger::verify::sum::Dollars;
use crate::money::Amount;
use crate::query::{self, ParamError};

/// Where simulated payments arrive: nobody's, so that no money is sent there by mistake.
const NOBODYS: &str = "0x0000000000000000000000000000000000000000";
/// The coin of simulated payments.
const COIN: &str = "polygon_usdc";

/// Pays `amount` to a test session, or what it asks for.
///
/// # Errors
/// [`Error::Value`] for more than can be counted; [`Error::Books`] where the database fails.
pub fn pay(cx: &Context<'_>, mut session: Kept<Session>, amount: Option<Amount>) -> Result<(), Error> {
    let asked = session.shown.amount.as_deref().and_then(|text| Amount::parse(text).ok());
    let amount = amount.or(asked.clone()).ok_or(Error::Param("amount", ParamError::Missing))?;
    let dollars = Dollars::parse(amount.as_str()).ok_or(Error::Value("amount", "is more than can be counted"))?;
    if session.hidden.expected.is_none() {
        session.owe(asked.as_ref().and_then(|asked| Dollars::parse(asked.as_str())));
    }
    session.shown.receiving_address = Some(NOBODYS.to_owned());
    if session.shown.status == Status::Open {
        session.happen(cx, Happening::Started)?;
    }
    let (txid_in, txid_out) = (made_up(cx), made_up(cx));
    let fields = [
        ("value_coin", amount.as_str()),
        ("coin", COIN),
        ("txid_in", &txid_in),
        ("txid_out", &txid_out),
        ("address_in", NOBODYS),
        ("value_forwarded_coin", amount.as_str()),
        // No shop should take it for a payment.
        ("livemode", "false"),
    ];
    let transaction = transaction::write_down(cx, &mut session, &query::build(fields), Source::Simulation, None)?;
    let payment = Payment { dollars, txid_in: TxId::parse(&txid_in), txid_out: TxId::parse(&txid_out) };
    verification::credit(cx, transaction, session, payment)
}

/// The hash of a transaction that is not there.
fn made_up(cx: &Context<'_>) -> String {
    let hex = |bytes: [u8; 16]| base16ct::lower::encode_string(&bytes);
    format!("0x{}{}", hex(cx.books.random()), hex(cx.books.random()))
}
