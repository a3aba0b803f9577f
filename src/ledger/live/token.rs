//! Tokens for customers' pages: whoever has one may begin to listen to one session's state, and to nothing else, until it ends.
//!
//! `lvt_`, the account's 16 digits, the session's 32, the second of its end in hexadecimal, and a signature over these. Nothing
//! of it is stored: it is good as long as its key is in force.

use crate::http::Now;
use crate::ledger::id::{self, AccountId};
use crate::signing::Keys;

const PREFIX: &str = "lvt";

/// A token for that session, good until that moment.
#[must_use]
pub fn issue(keys: &Keys, account: &AccountId, session: &str, end: Now) -> String {
    let claim = format!("{PREFIX}_{}_{}_{:x}", account.digits(), session.trim_start_matches("cs_"), end.seconds());
    format!("{claim}_{}", keys.sign_live(&claim))
}

/// The account and the session of a token that is good; `None` for any other.
#[must_use]
pub fn read(keys: &Keys, token: &str, now: Now) -> Option<(AccountId, String)> {
    let (claim, _) = token.rsplit_once('_').filter(|(claim, signature)| keys.live_is_signed(claim, signature))?;
    let mut parts = claim.strip_prefix(PREFIX)?.strip_prefix('_')?.split('_');
    let (account, session, end) = (parts.next()?, format!("cs_{}", parts.next()?), parts.next()?);
    let is_in_force = u64::from_str_radix(end, 16).is_ok_and(|end| now.seconds() < end);
    (is_in_force && id::is_id("cs", &session)).then_some(())?;
    Some((AccountId::from_digits(account)?, session))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_is_good_for_its_session_until_its_end_and_no_other_is(random: [u8; 16], at in 0_usize..120, digit in "[0-9a-f_]") {
            let config = config(&[]);
            let (account, session) = (AccountId::new(Now(1), random), id::new("cs", Now(2), random));
            let token = issue(&config.keys, &account, &session, Now(5000));
            prop_assert_eq!(read(&config.keys, &token, Now(4999)), Some((account.clone(), session)));
            prop_assert_eq!(read(&config.keys, &token, Now(5000)), None);
            let mut other = token.clone();
            other.replace_range(at..=at, &digit);
            prop_assert!(other == token || read(&config.keys, &other, Now(0)).is_none());
        }

        #[test]
        fn no_text_panics(text in "(lvt_)?\\PC{0,80}") {
            prop_assert_eq!(read(&config(&[]).keys, &text, Now(0)), None);
        }
    }
}
