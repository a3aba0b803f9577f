//! `/api/v1/accounts`: the operator makes accounts, and their merchants see them.

use crate::api::access::Actor;
use crate::api::input::Input;
use crate::api::{Ask, object};
use crate::callback::target::{Target, reachable};
use crate::error::{Access, Error};
use crate::http::Response;
use crate::ledger::account::{self, Account};
use crate::ledger::event::{self, Nothing, Type};
use crate::ledger::id::AccountId;
use crate::ledger::objects::{Kept, write};
use crate::query::ParamError;
use crate::split::{Share, SplitError};

const FIELDS: [&str; 7] =
    ["affiliate_fee", "brand", "callback_url", "default_currency", "name", "payout_wallet", "tolerance_bps"];
const BRAND_FIELDS: [&str; 5] = ["brand[background]", "brand[button]", "brand[logo]", "brand[name]", "brand[theme]"];
/// Highest tolerance: everything.
pub const MAX_TOLERANCE: u64 = 10_000;

/// `POST accounts`, in the directory: the account's own ledger is told of it next.
///
/// # Errors
/// [`Error::PayoutFixed`] where the operator's settings leave room for one account only; the error of the first wrong field.
pub fn create(ask: &Ask<'_>) -> Result<Response, Error> {
    if ask.cx.config.payout.is_some() {
        return Err(Error::OneAccount);
    }
    let input = Input::read(ask.request, &FIELDS)?;
    let missing = |name| Error::Param(name, ParamError::Missing);
    let wallet = input.wallet("payout_wallet")?.ok_or(missing("payout_wallet"))?;
    let id = AccountId::new(ask.cx.now, ask.cx.books.random());
    let mut shown = account::blank(ask.cx, &id, Some(wallet.to_string()));
    shown.name = input.required("name")?;
    change(ask, &input, &mut shown)?;
    Kept { shown: shown.clone(), hidden: Nothing {} }.insert(ask.cx.books)?;
    Ok(object(200, write(&shown)?))
}

/// `GET accounts/:`
///
/// # Errors
/// [`Error::Missing`] for any account but the ledger's own.
pub fn show(ask: &Ask<'_>) -> Result<Response, Error> {
    if ask.id != ask.account.public() {
        return Err(Error::Missing("account"));
    }
    show_own(ask)
}

/// `GET account`: whose key this is.
///
/// # Errors
/// [`Error::Missing`] where there is none.
pub fn show_own(ask: &Ask<'_>) -> Result<Response, Error> {
    Ok(object(200, write(&ask.own()?.shown)?))
}

/// `PATCH accounts/:`: what is named is changed, `null` unsets. A merchant's key cannot change who is paid, nor the shares; a test
/// key nothing, since live payments go by it.
///
/// # Errors
/// [`Error::Access`] for a test key; the error of the first wrong field.
pub fn update(ask: &Ask<'_>) -> Result<Response, Error> {
    if ask.id != ask.account.public() {
        return Err(Error::Missing("account"));
    }
    if !ask.actor.livemode() {
        return Err(Access::Scope.into());
    }
    let input = Input::read(ask.request, &FIELDS)?;
    if let (Actor::Key(_), Some(name)) = (ask.actor, ["payout_wallet", "affiliate_fee"].into_iter().find(|name| input.has(name)))
    {
        return Err(Error::OperatorsParameter(name));
    }
    let mut account = ask.own()?.clone();
    change(ask, &input, &mut account.shown)?;
    account.shown.updated_at = ask.cx.now.0;
    account.update(ask.cx.books)?;
    event::record(ask.cx, Type::AccountUpdated, &account.shown, "")?;
    Ok(object(200, write(&account.shown)?))
}

fn change(ask: &Ask<'_>, input: &Input, account: &mut Account) -> Result<(), Error> {
    if input.has("name") {
        account.name = input.required("name")?;
    }
    if input.has("payout_wallet") {
        let wallet = input.wallet("payout_wallet")?.ok_or(Error::Param("payout_wallet", ParamError::Missing))?;
        if ask.cx.config.payout.is_some() {
            return Err(Error::OneAccount);
        }
        account.payout_wallet = Some(wallet.to_string());
    }
    if input.has("affiliate_fee") {
        account.affiliate_fee = input.text("affiliate_fee")?;
        if let Some(text) = &account.affiliate_fee {
            Share::parse(text).map_err(|why: SplitError| Error::Split("affiliate_fee", why))?;
        }
    }
    if input.has("default_currency") {
        account.default_currency = input.currency("default_currency")?.map(|currency| currency.to_string());
    }
    if input.has("tolerance_bps") {
        account.tolerance_bps = tolerance(input)?.unwrap_or(0);
    }
    if input.has("callback_url") {
        account.callback_url = callback(ask, input, "callback_url")?;
    }
    if input.has("brand") {
        account.brand = brand(ask, input)?;
    }
    account.split(ask.cx).map(drop)
}

fn brand(ask: &Ask<'_>, input: &Input) -> Result<account::Brand, Error> {
    let Some(brand) = input.object("brand", &BRAND_FIELDS)? else { return Ok(account::Brand::default()) };
    Ok(account::Brand {
        name: brand.text("brand[name]")?,
        logo: picture(ask, &brand, "brand[logo]")?,
        background: brand.text("brand[background]")?,
        theme: brand.text("brand[theme]")?,
        button: brand.text("brand[button]")?,
    })
}

/// How much less than the amount is enough.
///
/// # Errors
/// [`Error::Value`] for more than everything.
pub fn tolerance(input: &Input) -> Result<Option<u16>, Error> {
    let problem = Error::Value("tolerance_bps", "is not a whole number from 0 to 10000 (hundredths of a percent)");
    let number = input.number("tolerance_bps").map_err(|_| problem.clone())?;
    match number {
        Some(number) if number > MAX_TOLERANCE => Err(problem),
        Some(number) => Ok(Some(u16::try_from(number).map_err(|_| problem)?)),
        None => Ok(None),
    }
}

/// A classic callback, which has to be one that may be called.
///
/// # Errors
/// [`Error::Value`] with what is wrong with it.
pub fn callback(ask: &Ask<'_>, input: &Input, name: &'static str) -> Result<Option<String>, Error> {
    let Some(text) = input.url(name)? else { return Ok(None) };
    let target = Target::parse(ask.cx.config, &text).map_err(|why| Error::Value(name, why.text()))?;
    Ok(Some(target.as_str().to_owned()))
}

/// A brand's picture: others than its owner see it, and may fetch it, so it is where anybody may call.
fn picture(ask: &Ask<'_>, input: &Input, name: &'static str) -> Result<Option<String>, Error> {
    let Some(text) = input.url(name)? else { return Ok(None) };
    reachable(ask.cx.config, &text).map_err(|why| Error::Value(name, why.text()))?;
    Ok(Some(text))
}
