//! Names of things: what kind they are, and an order in which they were made.
//!
//! An object's id is its prefix, the moment of its making (48 bits) and chance (80 bits), as UUID version 7 has it (RFC 9562,
//! 5.7), in lower-case hexadecimal: sorted by id, a list is sorted by age. An account's is chance alone.

use crate::http::Now;

/// An id with that prefix.
#[must_use]
pub fn new(prefix: &str, now: Now, random: [u8; 16]) -> String {
    let moment = now.0.to_be_bytes();
    let (_, moment) = moment.split_at(2);
    let (chance, _) = random.split_at(10);
    format!("{prefix}_{}{}", base16ct::lower::encode_string(moment), base16ct::lower::encode_string(chance))
}

/// The same for an object that comes after `last`: later than it also where both are made in one moment, or the clock was set
/// back. By how much is chance, so that nobody knows one by the other.
#[must_use]
pub fn after(last: Option<&str>, prefix: &str, now: Now, random: [u8; 16]) -> String {
    let fresh = new(prefix, now, random);
    let Some(last) = last.filter(|last| **last >= *fresh) else { return fresh };
    let number = last.rsplit('_').next().and_then(|digits| u128::from_str_radix(digits, 16).ok()).unwrap_or_default();
    let step = u128::from_be_bytes(random) >> 64 | 1;
    format!("{prefix}_{:032x}", number.wrapping_add(step))
}

/// Whether a text can be an id with that prefix.
#[must_use]
pub fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| rest.len() == 32 && is_hex(rest))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// An account, by 16 hexadecimal digits. It names the Durable Object that holds its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    /// The only account where the operator fixed the payout wallet.
    #[must_use]
    pub fn main() -> Self {
        Self("0".repeat(16))
    }

    /// Where all accounts are listed: no account, but it has a ledger too.
    #[must_use]
    pub fn directory() -> Self {
        Self("f".repeat(16))
    }

    /// A new account: the second of its making (40 bits) and chance (24 bits). The directory sees that no two are the same.
    #[must_use]
    pub fn new(now: Now, random: [u8; 16]) -> Self {
        let (seconds, (chance, _)) = (now.seconds().to_be_bytes(), random.split_at(3));
        let (_, seconds) = seconds.split_at(3);
        Self(format!("{}{}", base16ct::lower::encode_string(seconds), base16ct::lower::encode_string(chance)))
    }

    /// Reads the digits alone.
    #[must_use]
    pub fn from_digits(text: &str) -> Option<Self> {
        (text.len() == 16 && is_hex(text)).then(|| Self(text.to_owned()))
    }

    /// Reads `acct_` and the digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix("acct_").and_then(Self::from_digits)
    }

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The id in answers.
    #[must_use]
    pub fn public(&self) -> String {
        format!("acct_{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_sort_by_age(older in 0_u64..1 << 48, newer in 0_u64..1 << 48, a: [u8; 16], b: [u8; 16]) {
            let (first, second) = (new("cs", Now(older), a), new("cs", Now(newer), b));
            prop_assert!(is_id("cs", &first) && !is_id("evt", &first) && !is_id("c", &first));
            if older != newer {
                prop_assert_eq!(older < newer, first < second);
            }
        }

        #[test]
        fn what_comes_after_sorts_after(last in 0_u64..1 << 47, now in 0_u64..1 << 47, a: [u8; 16], b: [u8; 16]) {
            let first = new("cs", Now(last), a);
            let second = after(Some(&first), "cs", Now(now), b);
            prop_assert!(is_id("cs", &second) && first < second);
            prop_assert_eq!(after(None, "cs", Now(now), b), new("cs", Now(now), b));
        }

        #[test]
        fn no_text_is_taken_for_an_account(text in "(acct_)?[0-9a-fA-F]{0,17}|\\PC{0,24}") {
            if let Some(account) = AccountId::parse(&text) {
                prop_assert_eq!(account.public(), text);
            }
        }
    }
}
