//! What a payment link says, checked as both checkout pages check it.

use rust_decimal::Decimal;

use super::refusal;
use crate::{money, opaque, php::Parameters, records::Received, state::Shared};

const SIGNATURE: &str = "&sig=";
/// Rides along on signed links in encodings that a re-serialising proxy would change.
const BYTE_EXACT: &str = "&ref=Order%20no.+1%2B1~caf%c3%a9*";

/// A checked payment link.
#[derive(Debug)]
pub(super) struct Link {
    /// The encrypted address, decoded once.
    pub address_in: String,
    /// The receiving address within.
    pub polygon_address_in: String,
    /// The amount as written.
    pub amount: String,
    /// Its value.
    pub value: Decimal,
    /// Upper-case currency code.
    pub currency: String,
    /// The customer's e-mail, possibly empty.
    pub email: String,
}

impl Link {
    /// Checks what the query says; the error is the gateway's sentence.
    pub fn read(shared: &Shared, query: &Parameters) -> Result<Self, &'static str> {
        let address_in = query.get("address").ok_or(refusal::ADDRESS)?;
        let polygon_address_in = opaque::open_address(address_in).ok_or(refusal::ADDRESS)?;
        let (known, require_email) =
            shared.read(|state| (state.wallet(&polygon_address_in).is_some(), state.settings.require_email));
        if !known {
            return Err(refusal::ADDRESS);
        }
        let amount = query.get("amount").ok_or("Please provide an amount")?;
        let value = money::positive(amount).ok_or("Provided amount is not valid")?;
        let currency = query.get("currency").ok_or("Please provide a currency")?.to_ascii_uppercase();
        if money::rate(&currency).is_none() {
            return Err("Provided currency is not supported");
        }
        let email = query.get("email").unwrap_or_default();
        if require_email && !email.contains('@') {
            return Err("Please provide a valid email address");
        }
        let (address_in, amount, email) = (address_in.to_owned(), amount.to_owned(), email.to_owned());
        Ok(Self { address_in, polygon_address_in, amount, value, currency, email })
    }

    /// The signed query that takes the customer to a provider.
    pub fn signed_query(&self, provider: &str) -> String {
        let encoded = opaque::percent_encoded;
        let raw = format!(
            "address={}&amount={}&provider={provider}&email={}&currency={}{BYTE_EXACT}",
            encoded(&self.address_in),
            self.amount,
            encoded(&self.email),
            self.currency
        );
        format!("{raw}{SIGNATURE}{}", opaque::link_signature(&raw))
    }
}

/// Whether a query is as it was signed. One that never was is a merchant's own link, and fine.
pub(super) fn is_intact(raw: &str, query: &Parameters) -> bool {
    match raw.split_once(SIGNATURE) {
        Some((signed, signature)) => opaque::link_signature(signed) == signature,
        None => query.get("sig").is_none(),
    }
}

/// The customer's country, or `XX` unless the header is exactly one two-letter code.
pub(super) fn country(request: &Received) -> &str {
    let country = request.header("pgto-ipcountry").unwrap_or_default();
    if country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase()) { country } else { "XX" }
}
