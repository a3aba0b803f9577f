//! A wallet is accepted if and only if its text is one: shape, checksum, owner. Keccak aside, the rule is written here a
//! second time.

use arbitrary::Arbitrary;
use livery::wallet::{Wallet, WalletError};
use sha3::{Digest, Keccak256};

/// USDC and USDT on Polygon, Ethereum and BNB Smart Chain, as their issuers publish them.
const TOKENS: [&str; 7] = [
    "2791bca1f2de4661ed88a30c99a7a9449aa84174",
    "3c499c542cef5e3811e1192ce70d8cc03d5c3359",
    "55d398326f99059ff775485246999027b3197955",
    "8ac76a51cc950d9822d68b83fe1ad97b32cd580d",
    "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
    "c2132d05d31c914a87c6611c10748aeb04b58e8f",
    "dac17f958d2ee523a2206206994597c13d831ec7",
];

/// Twenty bytes and how their letters are cased: at random, but for a few exactly as the checksum wants.
#[derive(Arbitrary, Debug)]
struct Spelling {
    bytes: [u8; 20],
    capitals: u64,
    flips: Option<u8>,
}

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    follows_the_rule(&String::from_utf8_lossy(data));
    if let Ok(spelling) = Spelling::arbitrary(&mut arbitrary::Unstructured::new(data)) {
        follows_the_rule(&spelling.text());
        follows_the_rule(&spelling.checksummed());
    }
}

fn follows_the_rule(text: &str) {
    let read = Wallet::parse(text);
    assert_eq!(read.as_ref().err().copied(), expected_error(text), "{text}");
    assert!(Wallet::looks_like(text) || read.is_err(), "{text}");
    let Ok(wallet) = read else { return };
    let shown = wallet.to_string();
    assert_eq!(shown[2..], eip55(&text[2..].to_ascii_lowercase()), "{text}");
    assert_eq!(Wallet::parse(&shown), Ok(wallet));
    for other in [shown[2..].to_ascii_lowercase(), shown[2..].to_ascii_uppercase()] {
        assert_eq!(Wallet::parse(&format!("0x{other}")), Ok(wallet));
    }
    assert!(!format!("{wallet:?}").to_ascii_lowercase().contains(&text[2..].to_ascii_lowercase()));
}

fn expected_error(text: &str) -> Option<WalletError> {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    let lower = digits.to_ascii_lowercase();
    if digits.len() != 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Some(WalletError::Malformed)
    } else if digits != lower && digits != digits.to_ascii_uppercase() && digits != eip55(&lower) {
        Some(WalletError::Checksum)
    } else if digits.bytes().all(|b| b == b'0') {
        Some(WalletError::Zero)
    } else if TOKENS.contains(&lower.as_str()) {
        Some(WalletError::TokenContract)
    } else {
        None
    }
}

/// EIP-55: the nth letter is a capital if the nth nibble of the hash is 8 or more.
fn eip55(lower: &str) -> String {
    let hash = Keccak256::digest(lower.as_bytes());
    let nibble = |at: usize| if at.is_multiple_of(2) { hash[at / 2] >> 4 } else { hash[at / 2] & 15 };
    lower.char_indices().map(|(at, c)| if nibble(at) >= 8 { c.to_ascii_uppercase() } else { c }).collect()
}

impl Spelling {
    fn lower(&self) -> String {
        self.bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn text(&self) -> String {
        let is_capital = |at: usize| self.capitals >> at & 1 == 1;
        let digits = self.lower();
        let cased = digits.char_indices().map(|(at, c)| if is_capital(at) { c.to_ascii_uppercase() } else { c });
        format!("0x{}", cased.collect::<String>())
    }

    /// The right spelling, with at most one character exchanged for its other case.
    fn checksummed(&self) -> String {
        let flipped = self.flips.map(|at| usize::from(at) % 40);
        let other = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        let digits = eip55(&self.lower());
        let cased = digits.char_indices().map(|(at, c)| if flipped == Some(at) { other(c) } else { c });
        format!("0x{}", cased.collect::<String>())
    }
}
