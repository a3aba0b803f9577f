//! The three values of a wallet answer that clients must treat as opaque, and the signatures on links.
//!
//! They have the shapes of the real ones. `address_in` is 64 bytes that only this crate can open, different at each call;
//! `ipn_token` is, as with the real gateway, a mere disguise of the callback, so nothing may rely on it as proof.

use aes_siv::{KeyInit as _, siv::Aes128Siv};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use sha3::Keccak256;

use crate::documented::WALLETS;

/// Keys are constants: the stand-in guards nothing, and links outlive its restarts.
const SEAL_KEY: &[u8; 32] = b"livery-sandbox seals address_in.";
const LINK_KEY: &[u8] = b"livery-sandbox signs links";
const ADDRESS_KEY: &[u8] = b"livery-sandbox receiving address";
/// A 42-character address and enough random bytes to fill 48, so that two seals of one address differ.
const ADDRESS_CHARS: usize = 42;
const SALT_BYTES: usize = 6;
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Encrypts a receiving address into a fresh `address_in`, percent-encoded once.
///
/// # Panics
/// When the system has no randomness to give.
#[must_use]
pub fn seal_address(address: &str) -> String {
    let mut plain = [0; ADDRESS_CHARS + SALT_BYTES];
    let (text, salt) = plain.split_at_mut(ADDRESS_CHARS);
    text.copy_from_slice(address.as_bytes());
    getrandom::fill(salt).expect("the system has randomness");
    let sealed = cipher().encrypt([b""], &plain).expect("48 bytes are not too long to encrypt");
    percent_encoded(&BASE64.encode(&sealed))
}

/// Opens an `address_in` that was percent-decoded once; `None` for anything this crate did not make.
#[must_use]
pub fn open_address(decoded: &str) -> Option<String> {
    let sample = WALLETS.iter().find(|sample| percent_decode_str(sample.address_in).eq(decoded.bytes()));
    if let Some(sample) = sample {
        return Some(sample.polygon_address_in.to_owned());
    }
    let sealed = BASE64.decode(decoded.as_bytes()).ok()?;
    let plain = cipher().decrypt([b""], &sealed).ok()?;
    String::from_utf8(plain.get(..ADDRESS_CHARS)?.to_vec()).ok()
}

/// The token of a callback: base64 of a base64url text as long as the callback, percent-encoded.
#[must_use]
pub fn ipn_token(callback: &str) -> String {
    let masked: Vec<u8> = callback.bytes().zip(key_stream()).map(|(byte, key)| byte ^ key).collect();
    percent_encoded(&BASE64.encode(BASE64URL_NOPAD.encode(&masked).as_bytes()))
}

/// The receiving address of a callback, always the same one, with its EIP-55 checksum.
#[must_use]
pub fn receiving_address(callback: &str) -> String {
    match WALLETS.iter().find(|sample| sample.callback == callback) {
        Some(sample) => sample.polygon_address_in.to_owned(),
        None => checksummed(&HEXLOWER.encode(&mac(ADDRESS_KEY, callback)[..20])),
    }
}

/// Signs the raw bytes of a link's query.
#[must_use]
pub fn link_signature(raw: &str) -> String {
    HEXLOWER.encode(&mac(LINK_KEY, raw))
}

/// Signs the raw bytes of a provider's query, in base64 with lower-case percent-encoding as providers do.
#[must_use]
pub fn provider_signature(raw: &str) -> String {
    let encoded = BASE64.encode(&mac(LINK_KEY, raw));
    encoded.replace('+', "%2b").replace('/', "%2f").replace('=', "%3d")
}

/// A transaction id that no other seed has.
#[must_use]
pub fn transaction_id(seed: &str) -> String {
    format!("0x{}", HEXLOWER.encode(&Sha256::digest(seed.as_bytes())))
}

/// Percent-encodes as PHP's `rawurlencode` does.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn checksummed(hex: &str) -> String {
    let hash = Keccak256::digest(hex.as_bytes());
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let cased = hex.chars().zip(nibbles).map(|(digit, nibble)| if nibble > 7 { digit.to_ascii_uppercase() } else { digit });
    format!("0x{}", cased.collect::<String>())
}

fn cipher() -> Aes128Siv {
    Aes128Siv::new(SEAL_KEY.into())
}

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The real key stream as far as the document gives it away, then one of our own.
fn key_stream() -> impl Iterator<Item = u8> {
    let sample = &WALLETS[0];
    let encoded: Vec<u8> = percent_decode_str(sample.ipn_token).collect();
    let inner = BASE64.decode(&encoded).expect("the documented token is base64");
    let masked = BASE64URL_NOPAD.decode(&inner).expect("and base64url within");
    let known = masked.into_iter().zip(sample.callback.bytes()).map(|(byte, text)| byte ^ text);
    known.chain((0_u64..).flat_map(|block| Sha256::digest(block.to_be_bytes())))
}
