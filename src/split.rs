//! How one payment is shared between wallets.
//!
//! The gateway keeps 1 % and pays out the rest, so the shares that are given to it must sum to exactly 0.99. The
//! merchant's share is always computed here, as what is left: it cannot be wrong.

use core::fmt;

use rust_decimal::Decimal;

use crate::wallet::Wallet;

/// What the gateway pays out in all: everything but its own 1 %.
const WHOLE: Decimal = Decimal::from_parts(99, 0, 0, false, 2);
/// Finest share that the gateway's examples suggest is meaningful; finer ones are typing mistakes.
const MAX_FRACTION_DIGITS: u32 = 6;

/// A part of the whole payment, more than 0 and less than 0.99, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(Decimal);

/// Why shares or wallets do not make a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitError {
    /// A share is not a plain decimal between 0 and 0.99.
    NotAShare,
    /// The shares leave nothing for the merchant.
    NothingForMerchant,
    /// The shares given do not sum to exactly 0.99.
    NotWhole,
    /// Two of the wallets are the same: the gateway refuses that.
    SameWallet,
}

impl SplitError {
    /// What is wrong and what to do, to follow the name of the parameter or setting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotAShare => {
                "is not a share: write a decimal between 0 and 0.99 with at most 6 decimals, such as 0.01 for one per cent"
            }
            Self::NothingForMerchant => "leaves nothing for the merchant: all shares together are 0.99",
            Self::NotWhole => "does not make the whole: all shares together must be exactly 0.99, the gateway keeps 0.01",
            Self::SameWallet => "is the same wallet as another receiver: each receiver needs a wallet of its own",
        }
    }
}

impl Share {
    /// Reads a decimal such as `0.01`.
    ///
    /// # Errors
    /// [`SplitError::NotAShare`] for anything but a plain decimal between 0 and 0.99.
    pub fn parse(text: &str) -> Result<Self, SplitError> {
        let plain = text.starts_with("0.") && text.len() > 2 && text.bytes().skip(2).all(|b| b.is_ascii_digit());
        let value = if plain { Decimal::from_str_exact(text).ok() } else { None };
        match value.map(|v| v.normalize()) {
            Some(v) if v > Decimal::ZERO && v < WHOLE && v.scale() <= MAX_FRACTION_DIGITS => Ok(Self(v)),
            _ => Err(SplitError::NotAShare),
        }
    }

    /// What a merchant gets once `taken` is subtracted from the whole.
    ///
    /// # Errors
    /// [`SplitError::NothingForMerchant`] when nothing is left.
    pub fn left_after(taken: &[Self]) -> Result<Self, SplitError> {
        let left = taken.iter().fold(WHOLE, |left, share| left - share.0);
        if left > Decimal::ZERO { Ok(Self(left.normalize())) } else { Err(SplitError::NothingForMerchant) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A wallet and its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stake {
    /// Who receives.
    pub wallet: Wallet,
    /// How much of the whole.
    pub share: Share,
}

/// Who shares a payment with the merchant. Each variant is one of the gateway's four ways to create a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// All to the merchant.
    Plain,
    /// The affiliate earns the gateway's default share.
    Affiliate(Wallet),
    /// The affiliate earns a share of their own choice.
    Custom(Stake),
    /// An affiliate and their sub-affiliate.
    ThreeWay {
        /// The affiliate.
        affiliate: Stake,
        /// The affiliate under them.
        sub_affiliate: Stake,
    },
}

impl Split {
    /// The affiliates' shares, without the merchant's.
    fn shares(&self) -> Vec<Share> {
        match self {
            Self::Plain | Self::Affiliate(_) => Vec::new(),
            Self::Custom(affiliate) => vec![affiliate.share],
            Self::ThreeWay { affiliate, sub_affiliate } => vec![affiliate.share, sub_affiliate.share],
        }
    }

    /// The affiliates' wallets, without the merchant's.
    #[must_use]
    pub fn wallets(&self) -> Vec<Wallet> {
        match self {
            Self::Plain => Vec::new(),
            Self::Affiliate(wallet) => vec![*wallet],
            Self::Custom(affiliate) => vec![affiliate.wallet],
            Self::ThreeWay { affiliate, sub_affiliate } => vec![affiliate.wallet, sub_affiliate.wallet],
        }
    }

    /// The merchant's share.
    ///
    /// # Errors
    /// [`SplitError::NothingForMerchant`] when the affiliates take it all.
    pub fn merchant_share(&self) -> Result<Share, SplitError> {
        Share::left_after(&self.shares())
    }

    /// Checks that everything fits: distinct wallets, and something left for the merchant who owns `payout`.
    ///
    /// # Errors
    /// [`SplitError::SameWallet`] or [`SplitError::NothingForMerchant`].
    pub fn check(&self, payout: Option<Wallet>) -> Result<(), SplitError> {
        let mut wallets = self.wallets();
        wallets.extend(payout);
        let distinct = wallets.iter().enumerate().all(|(i, wallet)| !wallets.iter().skip(i + 1).any(|other| other == wallet));
        if !distinct {
            return Err(SplitError::SameWallet);
        }
        self.merchant_share().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stake(wallet: &str, share: &str) -> Stake {
        Stake { wallet: Wallet::parse(wallet).unwrap(), share: Share::parse(share).unwrap() }
    }

    const A: &str = "0x3c783c21a0383057D128bae431894a5C19F9Cf06";
    const B: &str = "0x082489A616aB4D46d1947eE3F912e080815b08DA";

    #[test]
    fn the_merchant_gets_what_is_left() {
        assert_eq!(Split::Custom(stake(A, "0.01")).merchant_share().unwrap().to_string(), "0.98");
        let three = Split::ThreeWay { affiliate: stake(A, "0.01"), sub_affiliate: stake(B, "0.015") };
        assert_eq!(three.merchant_share().unwrap().to_string(), "0.965");
        let greedy = Split::ThreeWay { affiliate: stake(A, "0.5"), sub_affiliate: stake(B, "0.49") };
        assert_eq!(greedy.check(None), Err(SplitError::NothingForMerchant));
    }

    #[test]
    fn receivers_are_distinct() {
        let same = Split::ThreeWay { affiliate: stake(A, "0.01"), sub_affiliate: stake(A, "0.01") };
        assert_eq!(same.check(None), Err(SplitError::SameWallet));
        assert_eq!(Split::Affiliate(Wallet::parse(A).unwrap()).check(Wallet::parse(A).ok()), Err(SplitError::SameWallet));
        assert_eq!(Split::Affiliate(Wallet::parse(A).unwrap()).check(Wallet::parse(B).ok()), Ok(()));
    }

    #[test]
    fn shares_are_small_plain_decimals() {
        for bad in ["", "0", "0.", "0.00", "1", "0.99", "1.5", "-0.1", "+0.1", ".1", "1e-2", "0,01", "0.0000001", "NaN"] {
            assert_eq!(Share::parse(bad), Err(SplitError::NotAShare), "{bad}");
        }
        assert_eq!(Share::parse("0.010").unwrap().to_string(), "0.01");
    }

    proptest! {
        #[test]
        fn shares_always_make_the_whole(a in 1_u32..980_000, b in 1_u32..980_000) {
            let split = Split::ThreeWay { affiliate: stake(A, &format!("0.{a:06}")), sub_affiliate: stake(B, &format!("0.{b:06}")) };
            match split.merchant_share() {
                Ok(merchant) => prop_assert_eq!(split.shares().iter().fold(merchant.0, |sum, s| sum + s.0), WHOLE),
                Err(why) => prop_assert!(a + b >= 990_000, "{:?}", why),
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = Share::parse(&text);
        }
    }
}
