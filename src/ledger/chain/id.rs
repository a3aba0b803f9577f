//! Names of things on chain: transactions and addresses, compared as bytes, so that the case of their digits does not matter.

use core::fmt;

/// A transaction's hash. Displayed in lower case, the one spelling to store and to compare.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TxId([u8; 32]);

/// An address that coins are sent to. Displayed in lower case. Its checksum is not looked at: it was not typed by anybody, but
/// is compared with one that is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address([u8; 20]);

impl TxId {
    /// Reads `0x` and 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        bytes(text).map(Self)
    }
}

impl Address {
    /// Reads `0x` and 40 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        bytes(text).map(Self)
    }

    /// Reads an address as logs have it: as the end of a word of 32 bytes that is zero otherwise.
    #[must_use]
    pub fn of_word(text: &str) -> Option<Self> {
        let word: [u8; 32] = bytes(text)?;
        let (zeros, address) = word.split_at(12);
        zeros.iter().all(|byte| *byte == 0).then_some(Self(address.try_into().ok()?))
    }
}

/// Exactly `N` bytes, written `0x` and two digits for each.
pub(super) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 2 * N)?;
    let mut bytes = [0; N];
    base16ct::mixed::decode(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// A number, written `0x` and hexadecimal digits.
pub(super) fn number(text: &str) -> Option<u128> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u128::from_str_radix(digits, 16).ok()
}

fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, &self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, &self.0)
    }
}

impl fmt::Debug for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, &self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_names_are_read() {
        let digits = "aB".repeat(20);
        assert_eq!(Address::parse(&format!("0x{digits}")).map(|a| a.to_string()), Some(format!("0x{}", "ab".repeat(20))));
        for text in [digits.clone(), format!("0X{digits}"), format!("0x{digits}0"), format!("0x{}g", &digits[1..]), "0x".into()] {
            assert_eq!(Address::parse(&text), None, "{text}");
        }
        let word = format!("0x{}{digits}", "0".repeat(24));
        assert_eq!(Address::of_word(&word), Address::parse(&format!("0x{digits}")));
        assert_eq!(Address::of_word(&word.replacen("0x0", "0x1", 1)), None);
        assert_eq!(TxId::parse(&format!("0x{digits}")), None);
    }

    #[test]
    fn numbers_are_hexadecimal() {
        assert_eq!((number("0x0"), number("0x1aB")), (Some(0), Some(0x1ab)));
        assert_eq!(number(&format!("0x{}", "f".repeat(32))), Some(u128::MAX));
        for text in ["", "0x", "1", "0x+1", "0x-1", "0x1g", "0X1", &format!("0x1{}", "0".repeat(32))] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_name_reads_back_in_any_case(name in any::<[u8; 32]>()) {
            let text = TxId(name).to_string();
            let upper = text.to_ascii_uppercase().replacen("0X", "0x", 1);
            prop_assert_eq!((TxId::parse(&text), TxId::parse(&upper)), (Some(TxId(name)), Some(TxId(name))));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,70}|0x[0-9a-gA-G]{0,66}") {
            let _ = (TxId::parse(&text), Address::parse(&text), Address::of_word(&text), number(&text));
        }
    }
}
