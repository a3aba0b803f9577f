//! What an endpoint's webhooks are signed with, and the signature.
//!
//! A secret is 32 random bytes, shown once as `whsec_` and base64. A new one takes over at once; the old one signs beside it
//! until its time is over, so that a merchant can change servers one after the other.

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};

use crate::http::Now;
use crate::secret::Secret;
use crate::signing;

/// What stands before a secret (Standard Webhooks, "Signature scheme").
const PREFIX: &str = "whsec_";
/// Most secrets in force at a time.
pub const MOST: usize = 5;

/// One secret of an endpoint, as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    /// In base64.
    secret: String,
    /// When it was made.
    pub created_at: u64,
    /// When it ends; never, if none.
    pub expires_at: Option<u64>,
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("[secret]")
    }
}

impl Key {
    /// A new one, from 32 random bytes.
    #[must_use]
    pub fn new(now: Now, random: [[u8; 16]; 2]) -> Self {
        Self { secret: Base64::encode_string(random.as_flattened()), created_at: now.0, expires_at: None }
    }

    /// What the merchant gets, once.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", self.secret))
    }

    /// By which it is recognised: its last four letters.
    #[must_use]
    pub fn hint(&self) -> String {
        let letters = self.secret.trim_end_matches('=');
        format!("{PREFIX}…{}", letters.get(letters.len().saturating_sub(4)..).unwrap_or_default())
    }

    /// Whether it signs at that moment.
    #[must_use]
    pub fn is_in_force(&self, now: Now) -> bool {
        self.expires_at.is_none_or(|end| now.0 < end)
    }

    fn sign(&self, message: &[u8]) -> String {
        let key = Base64::decode_vec(&self.secret).unwrap_or_default();
        format!("v1,{}", Base64::encode_string(&signing::mac_of(&key, message)))
    }
}

/// What is signed of a webhook: its id, the moment of this attempt in seconds since 1970, and its body, with dots between.
#[must_use]
pub fn message(id: &str, at: Now, body: &str) -> String {
    format!("{id}.{}.{body}", at.seconds())
}

/// The header `webhook-signature`: a signature by each key in force, the newest first.
#[must_use]
pub fn signature(keys: &[Key], message: &str, now: Now) -> String {
    let valid = keys.iter().rev().filter(|key| key.is_in_force(now));
    valid.map(|key| key.sign(message.as_bytes())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries (`standardwebhooks`, tests of every language).
    #[test]
    fn the_signature_is_the_standards() {
        let key = Key { secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), created_at: 0, expires_at: None };
        let message = message("msg_p5jXN8AQM9LWM0D4loKWxJek", Now(1_614_265_330_000), r#"{"test": 2432232314}"#);
        assert_eq!(signature(&[key], &message, Now(0)), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_key_in_force_signs_the_newest_first() {
        let key = |byte: u8, expires_at| Key { expires_at, ..Key::new(Now(0), [[byte; 16]; 2]) };
        let (old, new) = (key(1, Some(500)), key(2, None));
        let (first, second) = (new.sign(b"m"), old.sign(b"m"));
        let keys = [key(0, Some(400)), old, new];
        assert_eq!(signature(&keys, "m", Now(499)), format!("{first} {second}"));
        assert_eq!(signature(&keys, "m", Now(500)), first);
    }

    #[test]
    fn a_secret_is_shown_only_where_it_is_meant_to_be() {
        let key = Key::new(Now(0), [[7; 16]; 2]);
        let text = key.text().expose().clone();
        assert_eq!(text, format!("whsec_{}", key.secret));
        assert_eq!((format!("{key:?}"), key.hint().len()), ("[secret]".to_owned(), "whsec_…".len() + 4));
    }
}
