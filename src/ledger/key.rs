//! API keys: `lv_live_` or `lv_test_`, the account (16 digits), chance (48) and a checksum (8), all in hexadecimal.
//!
//! The account in it says whose ledger to ask, so that no list of keys is needed. The checksum tells a mistyped key from a
//! wrong one, and lets a scanner of leaked secrets recognise ours. Only a hash is stored; with 192 random bits a plain one is
//! as good as a slow one.

use sha2::{Digest as _, Sha256};

use crate::ledger::id::AccountId;
use crate::secret::Secret;

const LIVE: &str = "lv_live_";
const TEST: &str = "lv_test_";
/// Digits of account and chance.
const BODY: usize = 64;
const CHECKSUM: usize = 8;

/// A key whose form and checksum are right. Whether it was issued is for the account to say.
#[derive(Clone, Debug)]
pub struct ApiKey {
    text: Secret<String>,
    /// Whose it is.
    pub account: AccountId,
    /// Whether it works on real payments.
    pub livemode: bool,
}

impl ApiKey {
    /// A new key of an account, from 24 random bytes.
    #[must_use]
    pub fn new(account: &AccountId, livemode: bool, random: [u8; 24]) -> Self {
        let body = format!("{}{}", account.digits(), base16ct::lower::encode_string(&random));
        let prefix = if livemode { LIVE } else { TEST };
        let text = format!("{prefix}{body}{}", checksum(prefix, &body));
        Self { text: Secret::new(text), account: account.clone(), livemode }
    }

    /// Reads a key; `None` where form or checksum are wrong.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, livemode) = if text.starts_with(LIVE) { (LIVE, true) } else { (TEST, false) };
        let rest = text.strip_prefix(prefix).filter(|rest| rest.len() == BODY + CHECKSUM && rest.is_ascii())?;
        let (body, sum) = rest.split_at(BODY);
        let account = AccountId::from_digits(body.get(..16)?)?;
        (checksum(prefix, body) == sum).then(|| Self { text: Secret::new(text.to_owned()), account, livemode })
    }

    /// The key itself, to be shown once.
    #[must_use]
    pub const fn text(&self) -> &Secret<String> {
        &self.text
    }

    /// What is stored of it: SHA-256, in hexadecimal.
    #[must_use]
    pub fn hash(&self) -> String {
        base16ct::lower::encode_string(&Sha256::digest(self.text.expose().as_bytes()))
    }

    /// Its id, which says nothing about the key that its hash does not.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = format!("key_{}", self.hash());
        id.truncate(4 + 32);
        id
    }

    /// How it is recognised in a list: its beginning and its last four digits.
    #[must_use]
    pub fn hint(&self) -> String {
        let text = self.text.expose();
        let (start, end) = (text.get(..12).unwrap_or_default(), text.get(text.len() - 4..).unwrap_or_default());
        format!("{start}…{end}")
    }
}

fn checksum(prefix: &str, body: &str) -> String {
    let digest = Sha256::new().chain_update(prefix).chain_update(body).finalize();
    let mut sum = base16ct::lower::encode_string(&digest);
    sum.truncate(CHECKSUM);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Now;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_is_read_again_and_no_other_is(random: [u8; 24], account: [u8; 16], livemode: bool, at in 0_usize..80, digit in "[0-9a-z]") {
            let key = ApiKey::new(&AccountId::new(Now(1), account), livemode, random);
            let text = key.text().expose().clone();
            let read = ApiKey::parse(&text).unwrap();
            prop_assert_eq!((read.account.clone(), read.livemode, read.id()), (AccountId::new(Now(1), account), livemode, key.id()));
            let mut other = text.clone();
            other.replace_range(at..=at, &digit);
            prop_assert_eq!(ApiKey::parse(&other).is_some(), other == text);
            let shown = format!("{key:?}");
            prop_assert!(!shown.contains(text.get(24..40).unwrap()));
        }

        #[test]
        fn no_text_panics(text in "(lv_live_|lv_test_)?\\PC{0,90}") {
            prop_assert!(ApiKey::parse(&text).is_none());
        }
    }
}
