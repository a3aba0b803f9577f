//! `/control/{wallet,affiliate,custom-affiliate,custom-sub-affiliate}.php` and `/set-affiliate.php`.
//!
//! Whatever a caller sends, the gateway gets a query that is built anew from checked values. Where the operator has a
//! split, or has fixed the payout wallet, the operator's word counts whichever script the caller named, and the caller's
//! own shares and wallets go nowhere. Where the operator has decided nothing, the caller's are checked and passed on.

use sha2::{Digest as _, Sha256};

use super::json;
use super::ledger::{self, Wanted};
use crate::callback::{target::Target, token};
use crate::config::Config;
use crate::downline::{self, DownlineError};
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_gateway, ask_ledger};
use crate::gateway::accepted;
use crate::gateway::wallet::{Created, Order};
use crate::http::{Headers, Method, Request, RequestBody};
use crate::json::Object;
use crate::ledger::id::AccountId;
use crate::ledger::session::Draft;
use crate::livery::request_headers;
use crate::query::Params;
use crate::route::Script;
use crate::split::{Share, Split, SplitError, Stake};
use crate::wallet::Wallet;

const KNOWN: [&str; 7] =
    ["address", "affiliate", "affiliate_fee", "callback", "merchant_fee", "sub_affiliate", "sub_affiliate_fee"];

/// Creates a wallet for one of the gateway's four scripts.
///
/// # Errors
/// The [`Error`] of the first value that is wrong.
#[inline(never)]
pub fn create(cx: &Context<'_>, request: &Request<'_>, script: Script) -> Outcome {
    downline::verify(cx.config, request)?;
    let params = Params::read(request.query, &KNOWN)?;
    let split = match operators_split(cx.config) {
        Some(split) => split,
        None => callers_split(&params, script)?,
    };
    match cx.config.payout {
        Some(payout) => record(cx, &params, payout),
        None => proceed(cx, request.headers, &params, split),
    }
}

/// With one account, each wallet is a checkout session of it: the ledger creates it, and verifies what is paid to it.
fn record(cx: &Context<'_>, params: &Params<'_>, payout: Wallet) -> Outcome {
    let named = params.optional("address")?.map(|text| wallet("address", &text)).transpose()?;
    self::payout(cx.config, named)?;
    let target = Target::parse(cx.config, &params.required("callback")?)?;
    operators_split(cx.config).unwrap_or(Split::Plain).check(Some(payout)).map_err(|why| Error::Split("address", why))?;
    let digest = base16ct::lower::encode_string(&Sha256::digest(target.as_str()));
    let draft = Draft { livemode: true, callback: Some(target.as_str().to_owned()), digest: Some(digest), ..Draft::default() };
    let call = ledger::call(&AccountId::main(), ledger::WALLET, &Wanted::Draft(Box::new(draft)))?;
    ask_ledger(call, move |_, came| {
        let created = Created::from_reply(&ledger::told(came)?)?;
        answer(json(to_json(&created, &target)))
    })
}

/// Creates a wallet for a downline: the operator's share, the downline's, and the rest for the merchant.
///
/// # Errors
/// [`Error::Downline`] for everybody else, and the error of the first value that is wrong.
#[inline(never)]
pub fn create_for_downline(cx: &Context<'_>, request: &Request<'_>) -> Outcome {
    downline::verify(cx.config, request)?.ok_or(DownlineError::Unsigned)?;
    let Some(Split::Custom(affiliate)) = cx.config.split else { return Err(DownlineError::NotAllowed.into()) };
    let RequestBody::Whole(body) = &request.body else { return Err(Error::BodyTooLarge) };
    let form = core::str::from_utf8(body).map_err(|_| Error::MediaType)?;
    let params = Params::read(if request.method == Method::Post { form } else { request.query }, &KNOWN)?;
    let split = Split::ThreeWay { affiliate, sub_affiliate: stake(&params, "sub_affiliate", "sub_affiliate_fee")? };
    if let Some(named) = params.optional("merchant_fee")? {
        check_merchants_share(&split, &named)?;
    }
    proceed(cx, request.headers, &params, split)
}

fn proceed(cx: &Context<'_>, headers: &dyn Headers, params: &Params<'_>, split: Split) -> Outcome {
    let named = params.optional("address")?;
    let named = named.map(|text| wallet("address", &text)).transpose()?;
    let payout = payout(cx.config, named)?;
    let target = Target::parse(cx.config, &params.required("callback")?)?;
    let call = order(cx.config, payout, split, &target)?.request(cx.config, request_headers::for_api(headers));
    ask_gateway(cx, call.map_err(|why| Error::Split("merchant_fee", why))?, move |_, reply| {
        let created = Created::from_reply(&accepted(reply)?)?;
        answer(json(to_json(&created, &target)))
    })
}

/// The gateway's answer, with the merchant's own callback URL in it.
fn to_json(created: &Created, target: &Target) -> String {
    let (address_in, polygon_address_in) = (created.address_in.encoded(), created.polygon_address_in.to_string());
    let object = Object::new().text("address_in", &address_in).text("polygon_address_in", &polygon_address_in);
    object.text("callback_url", target.as_str()).text("ipn_token", &created.ipn_token.encoded()).write()
}

/// Whom an order pays: the operator's wallet, or the one that the merchant named.
///
/// # Errors
/// [`Error::PayoutFixed`] where the merchant's differs from the operator's; a missing parameter where nobody said.
pub fn payout(config: &Config, named: Option<Wallet>) -> Result<Wallet, Error> {
    match (config.payout, named) {
        (Some(fixed), Some(named)) if fixed != named => Err(Error::PayoutFixed),
        (Some(fixed), _) => Ok(fixed),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(Error::Param("address", crate::query::ParamError::Missing)),
    }
}

/// A checked order for the gateway, with the merchant's callback sealed.
///
/// # Errors
/// [`Error::Split`] where the wallets are not distinct.
pub fn order(config: &Config, payout: Wallet, split: Split, target: &Target) -> Result<Order, Error> {
    split.check(Some(payout)).map_err(|why| Error::Split("address", why))?;
    let callback_url = token::callback_url(config, target).ok_or(Error::Internal)?;
    Ok(Order { payout, callback_url, split })
}

fn wallet(param: &'static str, text: &str) -> Result<Wallet, Error> {
    Wallet::parse(text).map_err(|why| Error::Wallet(param, why))
}

fn stake(params: &Params<'_>, wallet_param: &'static str, share_param: &'static str) -> Result<Stake, Error> {
    let wallet = wallet(wallet_param, &params.required(wallet_param)?)?;
    let share = Share::parse(&params.required(share_param)?).map_err(|why| Error::Split(share_param, why))?;
    Ok(Stake { wallet, share })
}

/// The split that the operator decided on, if they did. Whoever fixed the payout wallet meant all of it for that wallet;
/// and what goes to an upline is signed with the operator's key, so it is never a stranger's split.
#[must_use]
pub fn operators_split(config: &Config) -> Option<Split> {
    let decided = config.payout.is_some() || config.upline.is_some();
    config.split.or_else(|| decided.then_some(Split::Plain))
}

/// The split that a caller asks for, by the script they named.
fn callers_split(params: &Params<'_>, script: Script) -> Result<Split, Error> {
    let split = match script {
        Script::Plain => return Ok(Split::Plain),
        Script::Affiliate => return Ok(Split::Affiliate(wallet("affiliate", &params.required("affiliate")?)?)),
        Script::Custom => Split::Custom(stake(params, "affiliate", "affiliate_fee")?),
        Script::ThreeWay => Split::ThreeWay {
            affiliate: stake(params, "affiliate", "affiliate_fee")?,
            sub_affiliate: stake(params, "sub_affiliate", "sub_affiliate_fee")?,
        },
    };
    check_merchants_share(&split, &params.required("merchant_fee")?)?;
    Ok(split)
}

fn check_merchants_share(split: &Split, named: &str) -> Result<(), Error> {
    let error = |why| Error::Split("merchant_fee", why);
    let named = Share::parse(named).map_err(error)?;
    let left = split.merchant_share().map_err(error)?;
    if named == left { Ok(()) } else { Err(error(SplitError::NotWhole)) }
}
