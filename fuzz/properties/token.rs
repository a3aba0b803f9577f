//! A callback token opens if and only if it was sealed with a key in force, and says what was sealed.

use arbitrary::{Arbitrary, Unstructured};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use livery::callback::{target::Target, token};
use livery::config::Config;
use livery::signing::{Keys, is_signed, sign};
use std::sync::LazyLock;

use super::settings::{NEW_KEY, OLD_KEY, config};

/// Before the rotation, during it, and after it.
static CONFIGS: LazyLock<[Config; 3]> = LazyLock::new(|| {
    let both = format!("{NEW_KEY},{OLD_KEY}");
    [OLD_KEY, &both, NEW_KEY].map(|keys| config(&[("SIGNING_KEY", keys)]))
});
static OLD: LazyLock<Keys> = LazyLock::new(|| Keys::parse(OLD_KEY).expect("a good key"));
static NEW: LazyLock<Keys> = LazyLock::new(|| Keys::parse(NEW_KEY).expect("a good key"));

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    at: u16,
    bit: u8,
    text: &'a str,
}

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    let forged = String::from_utf8_lossy(data);
    what_opens_was_sealed(&forged);
    what_opens_was_sealed(&Base64UrlUnpadded::encode_string(data));
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else { return };
    a_seal_opens_and_no_other(&input);
    a_signature_is_of_one_message(&input);
    a_callback_comes_back(&input);
}

/// Sealing is deterministic: whatever opens must be what one of the keys makes of the opened text.
fn what_opens_was_sealed(token: &str) {
    let Some(opened) = token::open(&CONFIGS[1], token) else { return };
    let sealed = |keys: &Keys| keys.seal(&opened).map(|sealed| Base64UrlUnpadded::encode_string(&sealed));
    assert!([&*NEW, &*OLD].into_iter().any(|keys| sealed(keys).as_deref() == Some(token)), "{token} opens as {opened}");
}

fn a_seal_opens_and_no_other(input: &Input<'_>) {
    let [before, during, after] = &*CONFIGS;
    let sealed = OLD.seal(input.text).expect("a text can be sealed");
    let token = Base64UrlUnpadded::encode_string(&sealed);
    assert_eq!(token::open(before, &token).as_deref(), Some(input.text));
    assert_eq!(token::open(during, &token).as_deref(), Some(input.text));
    assert_eq!(token::open(after, &token), None);
    assert_eq!(during.keys.seal(input.text), NEW.seal(input.text));
    let mut altered = sealed.clone();
    let at = usize::from(input.at) % altered.len();
    altered[at] ^= 1 << (input.bit % 8);
    assert_eq!(during.keys.open(&altered), None);
    assert_eq!(during.keys.open(&sealed[..at]), None);
    let mut characters = token.into_bytes();
    let at = usize::from(input.at) % characters.len();
    characters[at] ^= 1 << (input.bit % 8);
    assert_eq!(token::open(during, &String::from_utf8_lossy(&characters)), None);
}

fn a_signature_is_of_one_message(input: &Input<'_>) {
    let signature = OLD.sign_link(input.text);
    assert!(during_rotation().link_is_signed(input.text, &signature) && !NEW.link_is_signed(input.text, &signature));
    let mut altered = input.text.as_bytes().to_vec();
    altered.push(input.bit);
    let key = b"0123456789abcdef0123456789abcdef";
    assert!(is_signed(key, &altered, &sign(key, &altered)) && !is_signed(key, &altered, &sign(key, input.text.as_bytes())));
    let mut characters = signature.into_bytes();
    let at = usize::from(input.at) % characters.len();
    characters[at] = if characters[at] == b'0' { b'1' } else { b'0' };
    assert!(!during_rotation().link_is_signed(input.text, &String::from_utf8_lossy(&characters)));
    assert!(!during_rotation().link_is_signed(input.text, input.text));
}

fn during_rotation() -> &'static Keys {
    &CONFIGS[1].keys
}

fn a_callback_comes_back(input: &Input<'_>) {
    let config = &CONFIGS[0];
    let order = percent_encoding::utf8_percent_encode(input.text, percent_encoding::NON_ALPHANUMERIC);
    for text in [format!("https://shop.example/paid?order={order}"), format!("https://shop.example/paid?n={}", input.text)] {
        let Ok(target) = Target::parse(config, &text) else { continue };
        let url = token::callback_url(config, &target).expect("a callback can be sealed");
        let token = url.strip_prefix("https://pay.shop.example/callback?token=").expect("our own route");
        assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{token}");
        assert_eq!(token::open(config, token), Some(text));
    }
}
