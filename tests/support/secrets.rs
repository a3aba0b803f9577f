//! What no answer and no line of the log may contain: a secret of the operator's, or an encoding of one.
//!
//! There is no exception: Livery shows a caller's own wallet to nobody either, the caller included. If a page ever has to, the
//! exception belongs here, for that route and that setting.
use super::{client::Answer, leaks};
use aho_corasick::AhoCorasick;
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use hkdf::Hkdf;
use sha2::Sha256;
use std::{collections::BTreeMap, io::Read as _};

/// Which settings are secret as they are.
const TEXTS: [&str; 4] = ["ADMIN_TOKEN", "PAYOUT_WALLET", "AFFILIATE_WALLET", "SUB_AFFILIATE_WALLET"];
/// Which settings are lists of `name=key`, of which the key is secret.
const PARTNERS: [&str; 2] = ["DOWNLINE_KEYS", "UPLINE_KEY"];
/// What is derived from a signing key, and how long it is in bytes (see src/signing.rs).
const DERIVED: [(&[u8], usize); 2] = [(b"livery checkout link v1", 32), (b"livery callback token v1", 64)];

/// How many bytes at either end of a secret are looked for: texts are sometimes shortened before they are shown.
const END: usize = 16;
/// Anything shorter may be in a text by chance.
const SHORTEST: usize = 8;

/// Up to this many bytes escapes are undone, which is slow. What is longer is no page of ours, and not escaped by us.
const ESCAPED: usize = 16 * 1024;

/// The secrets of one Worker.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// By their disguise, in lower case where it is a text: the setting that it gives away.
    disguises: BTreeMap<Vec<u8>, String>,
    /// Looks for all of them at once.
    search: Option<AhoCorasick>,
}

impl Secrets {
    /// Those among the settings with these names and values.
    pub fn among<'s>(settings: impl Iterator<Item = (&'s str, &'s str)>) -> Self {
        let mut secrets = Self::default();
        for (name, value) in settings {
            for secret in secret_parts(name, value.trim()) {
                for end in ends(&secret) {
                    secrets.add(name, end);
                }
            }
        }
        let search = AhoCorasick::builder().ascii_case_insensitive(true).build(secrets.disguises.keys());
        secrets.search = Some(search.expect("some hundred short texts"));
        secrets
    }

    /// Panics if these bytes, or what they decode to, contain a secret.
    pub fn check(&self, what: &str, bytes: &[u8]) {
        if let Some((setting, disguise)) = self.find(bytes) {
            panic!("{what} shows the secret {setting}, as {disguise}");
        }
    }

    /// The same for everything of an answer that a client can read.
    pub fn check_answer(&self, what: &str, answer: &Answer) {
        let headers = answer.headers.iter().fold(answer.reason.clone(), |all, (name, value)| all + "\n" + name + ": " + value);
        self.check(what, headers.as_bytes());
        self.check(what, &answer.body);
        self.check(what, &inflated(answer));
    }

    /// The setting that is given away, and how.
    pub fn find(&self, bytes: &[u8]) -> Option<(String, String)> {
        let squeezed: Vec<u8> = bytes.split(u8::is_ascii_whitespace).flatten().copied().collect();
        let disguise = self.find_plain(bytes).or_else(|| self.find_plain(&squeezed)).or_else(|| self.find_escaped(bytes))?;
        Some((self.disguises[&disguise].clone(), String::from_utf8_lossy(&disguise).into_owned()))
    }

    fn find_plain(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let found = self.search.as_ref()?.find(bytes)?;
        self.disguises.keys().nth(found.pattern().as_usize()).cloned()
    }

    fn find_escaped(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let text = String::from_utf8_lossy(bytes);
        if text.len() > ESCAPED || !text.contains(['%', '&', '\\']) {
            return None;
        }
        let texts: Vec<String> = self.disguises.keys().cloned().filter_map(|disguise| String::from_utf8(disguise).ok()).collect();
        leaks::find(&text, &texts).map(|(disguise, _)| disguise.into_bytes())
    }

    fn add(&mut self, setting: &str, secret: &[u8]) {
        if secret.len() < SHORTEST {
            return;
        }
        let texts = disguises(secret).into_iter().map(|text| text.to_ascii_lowercase().into_bytes());
        for disguise in texts.chain([secret.to_ascii_lowercase()]) {
            self.disguises.insert(disguise, setting.to_owned());
        }
    }
}

/// What is secret about a setting's value: as it is written, as it is meant, and what is made from it.
fn secret_parts(name: &str, value: &str) -> Vec<Vec<u8>> {
    let text = |text: &str| text.trim().as_bytes().to_vec();
    match name {
        "SIGNING_KEY" => value.split(',').flat_map(|key| key_parts(key.trim())).collect(),
        "POLYGON_RPC_URL" => {
            let address = value.split_once("://").map_or(value, |(_, rest)| rest);
            vec![text(address), text(address.split_once('/').unwrap_or_default().1)]
        }
        _ if PARTNERS.contains(&name) => {
            value.split(',').map(|pair| text(pair.split_once('=').unwrap_or(("", pair)).1)).collect()
        }
        _ if TEXTS.contains(&name) => {
            let digits = base16ct::mixed::decode_vec(value.strip_prefix("0x").unwrap_or_default());
            vec![text(value), digits.unwrap_or_default()]
        }
        _ => Vec::new(),
    }
}

fn key_parts(key: &str) -> Vec<Vec<u8>> {
    let Ok(bytes) = Base64::decode_vec(key) else { return vec![key.as_bytes().to_vec()] };
    let derived = DERIVED.map(|(purpose, length)| {
        let mut derived = vec![0; length];
        Hkdf::<Sha256>::new(None, &bytes).expand(purpose, &mut derived).expect("a length that HKDF has");
        derived
    });
    [key.as_bytes().to_vec(), bytes].into_iter().chain(derived).collect()
}

fn ends(secret: &[u8]) -> [&[u8]; 2] {
    let length = secret.len().min(END);
    [&secret[..length], &secret[secret.len() - length..]]
}

/// How careless code might write these bytes. What escapes characters one by one (percent-encoding, JSON, HTML, CSS) is
/// undone by [`leaks::find`] and need not be here.
fn disguises(secret: &[u8]) -> Vec<String> {
    let character_by_byte: String = secret.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    let list = |list: String| list.replace(['[', ']', ' '], "");
    let mut all = vec![
        character_by_byte,
        base16ct::lower::encode_string(secret),
        secret.iter().flat_map(|byte| ["%".to_owned(), base16ct::lower::encode_string(&[*byte])]).collect(),
        list(format!("{secret:?}")),
        list(format!("{secret:x?}")),
        list(format!("{secret:02x?}")),
    ];
    all.extend((0..3).flat_map(|offset| within_base64(secret, offset)));
    all
}

/// The part of a base64 text that only these bytes decide, where they start so many bytes behind a multiple of three.
fn within_base64(secret: &[u8], offset: usize) -> [String; 2] {
    let bytes = [&vec![0; offset], secret].concat();
    let (first, end) = ((offset * 8).div_ceil(6), bytes.len() * 8 / 6);
    [Base64::encode_string(&bytes), Base64UrlUnpadded::encode_string(&bytes)].map(|text| text[first..end].to_owned())
}

/// What a compressed body inflates to, as far as it can be read; nothing for others.
fn inflated(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    for coding in answer.all("Content-Encoding") {
        // A body that breaks off or is not what it says is scanned as far as it goes.
        let _ = match coding {
            "gzip" => flate2::read::MultiGzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain),
            "deflate" => flate2::read::ZlibDecoder::new(answer.body.as_slice()).read_to_end(&mut plain),
            _ => Ok(0),
        };
    }
    plain
}
