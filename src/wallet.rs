//! EVM wallets: the addresses that receive shares of a payment.
//!
//! A [`Wallet`] exists only once it has passed every check that can be made without asking a chain, so money cannot be
//! sent to a mistyped address. It refuses the zero address and the contracts of the payout tokens, which are the two
//! wrong addresses people paste most often: a transfer to either is lost.

use core::fmt;

use sha3::{Digest, Keccak256};

/// A checked EVM address. Displayed with its EIP-55 checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wallet {
    /// Its 40 digits, cased as EIP-55 says: hashing them again each time would be the dearest part of a request.
    digits: [u8; 40],
}

/// Why a text is not a usable wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletError {
    /// Not `0x` followed by 40 hexadecimal digits.
    Malformed,
    /// Mixed case whose capitals do not spell the EIP-55 checksum: at least one character is wrong.
    Checksum,
    /// The zero address, which nobody owns.
    Zero,
    /// The contract of a payout token, not somebody's wallet.
    TokenContract,
}

impl WalletError {
    /// What is wrong and what to do, to follow the name of the parameter or setting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "is not an EVM wallet: write 0x followed by 40 hexadecimal digits",
            Self::Checksum => "has a wrong EIP-55 checksum, so a character was mistyped: copy the address again from the wallet",
            Self::Zero => "is the zero address, which nobody owns: pass your own wallet",
            Self::TokenContract => "is a token's contract, not a wallet: money sent there is lost, pass your own wallet",
        }
    }
}

/// Contracts of the coins the gateway pays out in, by chain.
///
/// Sources: the issuers' published addresses for USDC and USDT on Polygon, Ethereum and BNB Smart Chain.
const TOKEN_CONTRACTS: [&str; 7] = [
    "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", // USDC, Polygon
    "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174", // USDC.e, Polygon
    "0xc2132D05D31c914a87C6611C10748AEb04B58e8F", // USDT, Polygon
    "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", // USDC, Ethereum
    "0xdAC17F958D2ee523a2206206994597C13D831ec7", // USDT, Ethereum
    "0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d", // USDC, BNB Smart Chain
    "0x55d398326f99059fF775485246999027B3197955", // USDT, BNB Smart Chain
];

impl Wallet {
    /// Reads a wallet from `0x` and 40 hexadecimal digits.
    ///
    /// All lower or all upper case carries no checksum and is accepted; mixed case must spell the EIP-55 checksum.
    ///
    /// # Errors
    /// One [`WalletError`] for each way an address can be unusable.
    pub fn parse(text: &str) -> Result<Self, WalletError> {
        let digits = text.strip_prefix("0x").ok_or(WalletError::Malformed)?;
        let mut bytes = [0; 20];
        if digits.len() != 40 || base16ct::mixed::decode(digits, &mut bytes).is_err() {
            return Err(WalletError::Malformed);
        }
        if bytes == [0; 20] {
            return Err(WalletError::Zero);
        }
        let wallet = Self::from_bytes(&bytes);
        let has_checksum = digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
        if has_checksum && wallet.digits != digits.as_bytes() {
            return Err(WalletError::Checksum);
        }
        if TOKEN_CONTRACTS.iter().any(|contract| contract.eq_ignore_ascii_case(text)) {
            return Err(WalletError::TokenContract);
        }
        Ok(wallet)
    }

    /// The EIP-55 form: a letter is upper case where the hash of the lower-case digits has a nibble of 8 or more.
    fn from_bytes(bytes: &[u8; 20]) -> Self {
        let mut digits = [b'0'; 40];
        let _ = base16ct::lower::encode(bytes, &mut digits);
        let hash = Keccak256::digest(digits);
        let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
        for (digit, _) in digits.iter_mut().zip(nibbles).filter(|(_, nibble)| *nibble >= 8) {
            digit.make_ascii_uppercase();
        }
        Self { digits }
    }

    /// Whether a text has the outward form of a wallet, checksum and ownership aside.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        !matches!(Self::parse(text), Err(WalletError::Malformed))
    }
}

impl fmt::Display for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        f.write_str(core::str::from_utf8(&self.digits).unwrap_or_default())
    }
}

impl fmt::Debug for Wallet {
    /// Shows nothing: the operator's wallets are secrets, and debug texts end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wallet([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The test vectors of EIP-55 and the addresses of the gateway's document.
    const GOOD: [&str; 7] = [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0xF977814e90dA44bFA03b6295A0616a897441aceC",
        "0x3c783c21a0383057D128bae431894a5C19F9Cf06",
        "0x082489A616aB4D46d1947eE3F912e080815b08DA",
    ];

    #[test]
    fn known_addresses_keep_their_checksum() {
        for text in GOOD {
            assert_eq!(Wallet::parse(text).map(|w| w.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn token_contracts_are_refused_in_any_case() {
        for text in TOKEN_CONTRACTS {
            assert_eq!(Wallet::parse(text), Err(WalletError::TokenContract), "{text} is mistyped or accepted");
            assert_eq!(Wallet::parse(&text.to_ascii_lowercase()), Err(WalletError::TokenContract));
        }
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in ["", "0x", "0x12", "F977814e90dA44bFA03b6295A0616a897441aceC", "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"] {
            assert_eq!(Wallet::parse(text), Err(WalletError::Malformed));
        }
        assert_eq!(Wallet::parse(&format!("0x{}", "0".repeat(40))), Err(WalletError::Zero));
    }

    proptest! {
        #[test]
        fn any_address_reads_back(bytes in any::<[u8; 20]>()) {
            prop_assume!(bytes != [0; 20]);
            let wallet = Wallet::from_bytes(&bytes);
            prop_assert_eq!(Wallet::parse(&wallet.to_string()), Ok(wallet));
        }

        #[test]
        fn one_flipped_letter_case_is_caught(bytes in any::<[u8; 20]>(), at in 2_usize..42) {
            let good = Wallet::from_bytes(&bytes).to_string();
            let flipped: String = good.char_indices()
                .map(|(i, c)| if i == at && c.is_ascii_alphabetic() { (c as u8 ^ 0x20) as char } else { c })
                .collect();
            prop_assume!(flipped != good && flipped[2..].bytes().any(|b| b.is_ascii_lowercase()) && flipped[2..].bytes().any(|b| b.is_ascii_uppercase()));
            prop_assert_eq!(Wallet::parse(&flipped), Err(WalletError::Checksum));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Wallet::parse(&text);
        }
    }
}
