//! Wallet creation: checks what the document says is checked, and answers the four documented strings.

use rust_decimal::Decimal;
use serde::Serialize;

use super::refusal;
use crate::{
    money, opaque,
    php::Parameters,
    state::{Shared, Wallet},
    wire::reply::Reply,
};

/// Which of the four endpoints was called; they differ in who shares the payment.
#[derive(Clone, Copy)]
pub(super) enum Endpoint {
    Plain,
    Affiliate,
    CustomAffiliate,
    CustomSubAffiliate,
}

/// The documented answer, in the documented order.
#[derive(Serialize)]
struct Created<'a> {
    address_in: String,
    polygon_address_in: &'a str,
    callback_url: &'a str,
    ipn_token: &'a str,
}

type Shares = Vec<(String, Decimal)>;

/// Creates a wallet. The same callback leads to the same receiving address and token, under a fresh `address_in`.
pub(super) fn create(shared: &Shared, query: &Parameters, endpoint: Endpoint) -> Reply {
    let checked = callback(query).and_then(|callback| {
        let split = split(query, endpoint)?;
        let denied = shared.read(|state| state.settings.denied_wallets.clone());
        let is_denied = |wallet: &str| denied.iter().any(|denied| denied.eq_ignore_ascii_case(wallet));
        if split.iter().any(|(wallet, _)| is_denied(wallet)) { Err(refusal::ADDRESS) } else { Ok((callback, split)) }
    });
    match checked {
        Err(sentence) => refusal::page(400, sentence),
        Ok((callback, split)) => {
            let wallet = Wallet::new(callback, split);
            let reply = Reply::json(&Created {
                address_in: opaque::seal_address(&wallet.polygon_address_in),
                polygon_address_in: &wallet.polygon_address_in,
                callback_url: &wallet.callback,
                ipn_token: &wallet.ipn_token,
            });
            shared.update(|state| state.keep(wallet));
            reply
        }
    }
}

/// An absolute http(s) URL with at least one parameter.
fn callback(query: &Parameters) -> Result<&str, &'static str> {
    let callback = query.get("callback").ok_or("Please provide a callback URL")?;
    let scheme_ends = ["https://", "http://"].iter().find_map(|scheme| callback.strip_prefix(scheme));
    let (host, asked) = scheme_ends.and_then(|rest| rest.split_once('?')).ok_or("Callback URL is not valid")?;
    let has_parameter = asked.split(['&', '#']).any(|part| part.split_once('=').is_some_and(|(name, _)| !name.is_empty()));
    if has_parameter && !host.starts_with('/') && !host.is_empty() { Ok(callback) } else { Err("Callback URL is not valid") }
}

/// Who gets which share; the merchant comes first.
fn split(query: &Parameters, endpoint: Endpoint) -> Result<Shares, &'static str> {
    let whole = Decimal::new(99, 2);
    let shares = match endpoint {
        Endpoint::Plain => vec![(wallet(query, "address")?, whole)],
        Endpoint::Affiliate => {
            let affiliate_share = Decimal::new(5, 3);
            vec![(wallet(query, "address")?, whole - affiliate_share), (wallet(query, "affiliate")?, affiliate_share)]
        }
        Endpoint::CustomAffiliate => {
            vec![share(query, "address", "merchant_fee")?, share(query, "affiliate", "affiliate_fee")?]
        }
        Endpoint::CustomSubAffiliate => vec![
            share(query, "address", "merchant_fee")?,
            share(query, "affiliate", "affiliate_fee")?,
            share(query, "sub_affiliate", "sub_affiliate_fee")?,
        ],
    };
    let sum = shares.iter().try_fold(Decimal::ZERO, |sum, (_, share)| sum.checked_add(*share));
    if sum != Some(whole) {
        return Err("The sum of the fees must be 0.99");
    }
    if all_differ(&shares) { Ok(shares) } else { Err("Merchant and affiliate wallets must be different") }
}

fn share(query: &Parameters, wallet_name: &str, fee_name: &str) -> Result<(String, Decimal), &'static str> {
    let fee = query.get(fee_name).and_then(money::positive).ok_or("Fee is not valid")?;
    Ok((wallet(query, wallet_name)?, fee))
}

fn wallet(query: &Parameters, name: &str) -> Result<String, &'static str> {
    let wallet = query.get(name).ok_or(refusal::ADDRESS)?;
    let digits = wallet.strip_prefix("0x").ok_or(refusal::ADDRESS)?;
    let valid = digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if valid { Ok(wallet.to_owned()) } else { Err(refusal::ADDRESS) }
}

fn all_differ(shares: &[(String, Decimal)]) -> bool {
    let mut wallets: Vec<_> = shares.iter().map(|(wallet, _)| wallet.to_ascii_lowercase()).collect();
    wallets.sort();
    wallets.windows(2).all(|pair| pair[0] != pair[1])
}
