//! The operator's signing keys, and the keys derived from them for each purpose.
//!
//! A key never serves two purposes: HKDF (RFC 5869) derives one for links, one for callback tokens, one for tokens of
//! live events and one for addresses, so that a merchant's server can be given the link key without learning anything about the others.

use std::hash::{DefaultHasher, Hasher as _};

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use base64ct::{Base64, Encoding as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::secret::Secret;

/// Shortest signing key, in bytes.
const MIN_BYTES: usize = 32;
const LINK_PURPOSE: &[u8] = b"livery checkout link v1";
const TOKEN_PURPOSE: &[u8] = b"livery callback token v1";
const LIVE_PURPOSE: &[u8] = b"livery live token v1";
const BLIND_PURPOSE: &[u8] = b"livery rate limit v1";

/// What is derived from one entry of `SIGNING_KEY`.
#[derive(Clone, Debug)]
struct Derived {
    link: Secret<[u8; 32]>,
    live: Secret<[u8; 32]>,
    token: Secret<[u8; 64]>,
    blind: Secret<[u8; 32]>,
}

/// All keys in force. The first signs and seals; all of them verify and open, which is how keys are rotated.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Derived>);

impl Keys {
    /// Reads a comma-separated list of base64 texts of at least 32 bytes each.
    ///
    /// # Errors
    /// A text for the operator, without the key.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let problem = "is not base64 of at least 32 random bytes: make one with `openssl rand -base64 32`";
        let derive = |entry: &str| {
            let key = Base64::decode_vec(entry.trim()).ok().filter(|key| key.len() >= MIN_BYTES)?;
            Derived::from_key(&key)
        };
        text.split(',').map(derive).collect::<Option<Vec<_>>>().map(Self).ok_or(problem)
    }

    /// The signature of a message about a link: HMAC-SHA-256 in lower-case hexadecimal.
    #[must_use]
    pub fn sign_link(&self, message: &str) -> String {
        self.0.first().map(|key| sign(key.link.expose(), message.as_bytes())).unwrap_or_default()
    }

    /// Whether a link's signature was made with one of the keys. Compares in constant time.
    #[must_use]
    pub fn link_is_signed(&self, message: &str, signature: &str) -> bool {
        self.0.iter().any(|key| is_signed(key.link.expose(), message.as_bytes(), signature))
    }

    /// The signature of a token for live events, in the same form.
    #[must_use]
    pub fn sign_live(&self, message: &str) -> String {
        self.0.first().map(|key| sign(key.live.expose(), message.as_bytes())).unwrap_or_default()
    }

    /// Whether such a token was signed with one of the keys. Compares in constant time.
    #[must_use]
    pub fn live_is_signed(&self, message: &str, signature: &str) -> bool {
        self.0.iter().any(|key| is_signed(key.live.expose(), message.as_bytes(), signature))
    }

    /// A number by which something can be recognised that is not to be remembered itself: its `SipHash` behind a key, which is
    /// what that hash is made for (Aumasson and Bernstein, 2012). Nobody without the key can find two with the same.
    #[must_use]
    pub fn blind(&self, text: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Some(key) = self.0.first() {
            hasher.write(key.blind.expose());
        }
        hasher.write(text);
        hasher.finish()
    }

    /// Encrypts and authenticates a text so that the same text always gives the same bytes (AES-256-SIV, RFC 5297).
    #[must_use]
    pub fn seal(&self, text: &str) -> Option<Vec<u8>> {
        self.0.first()?.siv().encrypt([TOKEN_PURPOSE], text.as_bytes()).ok()
    }

    /// Opens what [`Keys::seal`] made with any of the keys; `None` if it was altered or made by others. `decrypt` compares the
    /// tag in constant time.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<String> {
        let opened = self.0.iter().find_map(|key| key.siv().decrypt([TOKEN_PURPOSE], sealed).ok())?;
        String::from_utf8(opened).ok()
    }
}

impl Derived {
    fn from_key(key: &[u8]) -> Option<Self> {
        let hkdf = Hkdf::<Sha256>::new(None, key);
        let (mut link, mut live, mut token, mut blind) = ([0; 32], [0; 32], [0; 64], [0; 32]);
        hkdf.expand(LINK_PURPOSE, &mut link).ok()?;
        hkdf.expand(LIVE_PURPOSE, &mut live).ok()?;
        hkdf.expand(TOKEN_PURPOSE, &mut token).ok()?;
        hkdf.expand(BLIND_PURPOSE, &mut blind).ok()?;
        Some(Self { link: Secret::new(link), live: Secret::new(live), token: Secret::new(token), blind: Secret::new(blind) })
    }

    fn siv(&self) -> Aes256Siv {
        Aes256Siv::new(self.token.expose().into())
    }
}

/// HMAC-SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sign(key: &[u8], message: &[u8]) -> String {
    base16ct::lower::encode_string(&mac_of(key, message))
}

/// HMAC-SHA-256 (RFC 2104): 32 bytes.
#[must_use]
pub fn mac_of(key: &[u8], message: &[u8]) -> Vec<u8> {
    mac(key, message).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
}

/// Whether `signature` is that of the message. Compares in constant time, as bytes: the expected signature is never a text.
#[must_use]
pub fn is_signed(key: &[u8], message: &[u8], signature: &str) -> bool {
    let signature = base16ct::mixed::decode_vec(signature).unwrap_or_default();
    mac(key, message).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
}

fn mac(key: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
    use hmac::KeyInit as _;
    Hmac::<Sha256>::new_from_slice(key).ok().map(|mac| mac.chain_update(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const NEW: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";

    fn keys(text: &str) -> Keys {
        Keys::parse(text).unwrap()
    }

    #[test]
    fn weak_keys_are_refused() {
        for text in ["", "short", "c2hvcnQ=", "not base64!", &format!("{OLD},c2hvcnQ=")] {
            assert!(Keys::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rotation_opens_the_old_until_it_is_dropped() {
        let sealed = keys(OLD).seal("https://shop.example/?n=1").unwrap();
        let signature = keys(OLD).sign_link("message");
        let both = keys(&format!("{NEW}, {OLD}"));
        assert_eq!(both.open(&sealed).as_deref(), Some("https://shop.example/?n=1"));
        assert!(both.link_is_signed("message", &signature));
        assert_ne!(both.seal("https://shop.example/?n=1").unwrap(), sealed);
        assert_eq!(keys(NEW).open(&sealed), None);
        assert!(!keys(NEW).link_is_signed("message", &signature));
    }

    #[test]
    fn the_empty_signature_is_none() {
        assert!(!keys(OLD).link_is_signed("message", ""));
        assert!(!keys(OLD).link_is_signed("message", "00"));
    }

    proptest! {
        #[test]
        fn sealing_is_deterministic_and_reversible(text in "\\PC{0,80}") {
            let sealed = keys(OLD).seal(&text).unwrap();
            prop_assert_eq!(keys(OLD).seal(&text).unwrap(), sealed.clone());
            prop_assert_eq!(keys(OLD).open(&sealed), Some(text));
        }

        #[test]
        fn an_altered_seal_never_opens(text in "\\PC{0,40}", at in any::<prop::sample::Index>(), flip in 1_u8..) {
            let mut sealed = keys(OLD).seal(&text).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert_eq!(keys(OLD).open(&sealed), None);
        }

        #[test]
        fn no_bytes_open_or_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "\\PC{0,80}") {
            prop_assert_eq!(keys(OLD).open(&bytes), None);
            prop_assert!(!keys(OLD).link_is_signed("message", &text));
        }
    }
}
