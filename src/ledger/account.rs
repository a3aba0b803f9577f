//! Accounts: merchants, and what the operator decided for each.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::flow::Context;
use crate::ledger::event::{self, Nothing, Type};
use crate::ledger::id::AccountId;
use crate::ledger::objects::{Kept, Object};
use crate::query::ParamError;
use crate::split::{Split, Stake};
use crate::wallet::Wallet;

/// What the API shows of an account. Times are milliseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `acct_…`
    pub id: String,
    /// `account`
    pub object: String,
    /// The merchant's name.
    pub name: String,
    /// Where the merchant is paid; none where the operator fixed that in a secret, which is shown to nobody.
    pub payout_wallet: Option<String>,
    /// The operator's share of this merchant's payments, where it differs from `AFFILIATE_FEE`: a decimal such as `0.02`.
    pub affiliate_fee: Option<String>,
    /// The currency of sessions that name none.
    pub default_currency: Option<String>,
    /// How much less than the amount is enough, in hundredths of a percent, in sessions that do not say.
    pub tolerance_bps: u16,
    /// The classic callback of sessions that name none.
    pub callback_url: Option<String>,
    /// How its pages look, where that differs from the operator's.
    pub brand: Brand,
    /// When it was made.
    pub created_at: u64,
    /// When it last changed.
    pub updated_at: u64,
}

/// How an account's pages look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    /// The name in their head.
    pub name: Option<String>,
    /// The URL of an image.
    pub logo: Option<String>,
    /// A colour.
    pub background: Option<String>,
    /// A colour.
    pub theme: Option<String>,
    /// A colour.
    pub button: Option<String>,
}

impl Object for Account {
    const KIND: &'static str = "account";
    type Hidden = Nothing;

    fn id(&self) -> &str {
        &self.id
    }

    fn livemode(&self) -> bool {
        true
    }
}

impl Account {
    /// The split of this account's payments.
    ///
    /// # Errors
    /// [`Error::Split`] where the account's own share fits with nothing.
    pub fn split(&self, cx: &Context<'_>) -> Result<Split, Error> {
        let operators = cx.config.split.unwrap_or(Split::Plain);
        let Some(own) = &self.affiliate_fee else { return Ok(operators) };
        let error = |why| Error::Split("affiliate_fee", why);
        let share = crate::split::Share::parse(own).map_err(error)?;
        let split = match operators {
            Split::Plain => {
                return Err(Error::Value("affiliate_fee", "is a share for nobody: the operator has no affiliate wallet"));
            }
            Split::Affiliate(wallet) => Split::Custom(Stake { wallet, share }),
            Split::Custom(stake) => Split::Custom(Stake { share, ..stake }),
            Split::ThreeWay { affiliate, sub_affiliate } => {
                Split::ThreeWay { affiliate: Stake { share, ..affiliate }, sub_affiliate }
            }
        };
        split.check(Some(self.payout(cx)?)).and_then(|()| split.merchant_share()).map_err(error)?;
        Ok(split)
    }

    /// Whom it pays: the operator's word counts where there is one.
    ///
    /// # Errors
    /// [`Error::Wallet`] where what is stored is none.
    pub fn payout(&self, cx: &Context<'_>) -> Result<Wallet, Error> {
        let missing = Error::Param("payout_wallet", ParamError::Missing);
        match (cx.config.payout, &self.payout_wallet) {
            (Some(fixed), _) => Ok(fixed),
            (None, Some(own)) => Wallet::parse(own).map_err(|why| Error::Wallet("payout_wallet", why)),
            (None, None) => Err(missing),
        }
    }
}

/// By which a wallet is recognised that is not to be remembered itself: the operator's is a secret.
#[must_use]
pub fn mark(wallet: Wallet) -> String {
    let mut mark = base16ct::lower::encode_string(&Sha256::digest(wallet.to_string()));
    mark.truncate(32);
    mark
}

/// The account of this ledger. The only one of an operator who fixed the payout wallet comes into being when it is first asked
/// for.
///
/// # Errors
/// [`Error::Missing`] where it was never made.
pub fn own(cx: &Context<'_>, id: &AccountId) -> Result<Kept<Account>, Error> {
    let known = Kept::<Account>::get(cx.books, Some(true), &id.public());
    match (known, cx.config.payout) {
        (Err(Error::Missing(_)), Some(_)) if *id == AccountId::main() => {
            let name = cx.config.brand.name.clone();
            create(cx, Account { name, ..blank(cx, id, None) })
        }
        (known, _) => known,
    }
}

/// An account of which only the wallet is known.
#[must_use]
pub fn blank(cx: &Context<'_>, id: &AccountId, payout_wallet: Option<String>) -> Account {
    Account {
        id: id.public(),
        object: Account::KIND.to_owned(),
        name: String::new(),
        payout_wallet,
        affiliate_fee: None,
        default_currency: None,
        tolerance_bps: 0,
        callback_url: None,
        brand: Brand::default(),
        created_at: cx.now.0,
        updated_at: cx.now.0,
    }
}

/// Writes a new account down.
///
/// # Errors
/// [`Error::Books`] where the database fails.
pub fn create(cx: &Context<'_>, shown: Account) -> Result<Kept<Account>, Error> {
    let account = Kept { shown, hidden: Nothing {} };
    account.insert(cx.books)?;
    event::record(cx, Type::AccountCreated, &account.shown, "")?;
    Ok(account)
}
