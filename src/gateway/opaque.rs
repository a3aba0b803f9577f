//! Values that the gateway issues and takes back without telling what is in them: `address_in` and `ipn_token`.
//!
//! They come already percent-encoded, and the commonest mistake in the field is to encode them again on the way back.
//! An [`Opaque`] is therefore read from either form and always written encoded exactly once.

use core::fmt;

use crate::query::{self, Pair};
use crate::wallet::Wallet;

/// Longest value accepted, in characters. The gateway's are about 100 to 400 long; a token grows with its callback.
const MAX_LEN: usize = 6000;

/// A base64 text, decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Opaque(String);

/// Why a value is none that the gateway could have issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpaqueError {
    /// A wallet stands in its place.
    IsWallet,
    /// Not base64, encoded once or twice.
    Malformed,
}

impl OpaqueError {
    /// What is wrong and what to do, to follow the name of the parameter or setting.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::IsWallet => {
                "is a wallet, but must be the encrypted `address_in` that creating a wallet returned: create a wallet first and pass its `address_in`"
            }
            Self::Malformed => "is not a value that was issued here: pass it as it was returned, percent-encoded exactly once",
        }
    }
}

impl Opaque {
    /// Reads a value that is raw, percent-encoded once, or by mistake twice.
    ///
    /// # Errors
    /// [`OpaqueError`] for a wallet, and for anything that is not base64 after that.
    pub fn parse(text: &str) -> Result<Self, OpaqueError> {
        let once = query::percent_decode(text).ok_or(OpaqueError::Malformed)?;
        let decoded = query::percent_decode(&once).ok_or(OpaqueError::Malformed)?;
        if Wallet::looks_like(&decoded) {
            return Err(OpaqueError::IsWallet);
        }
        let is_base64 = decoded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_'));
        if !is_base64 || !(1..=MAX_LEN).contains(&decoded.len()) {
            return Err(OpaqueError::Malformed);
        }
        Ok(Self(decoded.into_owned()))
    }

    /// The value percent-encoded exactly once, as links carry it and as the gateway writes it in its answers.
    #[must_use]
    pub fn encoded(&self) -> String {
        query::encode(&self.0).into_owned()
    }
}

impl fmt::Debug for Opaque {
    /// Shows nothing: from an `ipn_token` its callback URL can be computed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opaque([hidden])")
    }
}

/// A raw query in which the value of `pair` reaches the gateway encoded exactly once. Where it already would, and that is
/// the rule, not a byte changes: links are signed over their spelling.
///
/// # Errors
/// [`OpaqueError`] where the value cannot be repaired.
pub fn repaired(raw_query: &str, pair: Pair<'_>) -> Result<String, OpaqueError> {
    let opaque = Opaque::parse(pair.raw_value)?;
    let received = pair.value();
    if received.as_deref() == Some(opaque.0.as_str()) {
        return Ok(raw_query.to_owned());
    }
    let segments = query::pairs(raw_query)
        .map(|other| if other == pair { format!("{}={}", pair.name(), opaque.encoded()) } else { other.raw.to_owned() });
    Ok(segments.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Params;
    use base64ct::{Base64, Encoding as _};
    use proptest::prelude::*;

    const DOCUMENTED: &str = "eE5A43DAkczRwxoW3IL7sGsRh6CiMx4kkTCccr6n%2FYMTGhy9b1eeIJLTr9Lho64fJTIeOfgsnJNNc%2FarqtR1jw%3D%3D";

    fn repair(query: &str) -> Result<String, OpaqueError> {
        repaired(query, Params::read(query, &["address"]).unwrap().pair("address").unwrap())
    }

    #[test]
    fn the_documents_address_is_written_as_it_came() {
        assert_eq!(Opaque::parse(DOCUMENTED).unwrap().encoded(), DOCUMENTED);
    }

    #[test]
    fn correct_queries_are_not_touched() {
        let query = format!("z=%7e+&address={}&amount=1", DOCUMENTED.replace("%2F", "%2f"));
        assert_eq!(repair(&query), Ok(query));
        assert_eq!(repair("address=abc/def=="), Ok("address=abc/def==".to_owned()));
    }

    #[test]
    fn what_php_would_misread_is_repaired() {
        let twice = DOCUMENTED.replace('%', "%25");
        assert_eq!(repair(&format!("a=1&address={twice}&b=%20")), Ok(format!("a=1&address={DOCUMENTED}&b=%20")));
        assert_eq!(repair("address=ab+d"), Ok("address=ab%2Bd".to_owned()));
    }

    #[test]
    fn other_values_are_refused() {
        assert_eq!(repair("address=0xF977814e90dA44bFA03b6295A0616a897441aceC"), Err(OpaqueError::IsWallet));
        for bad in ["a b", "%zz", "%252525", "a%00b", "<x>", "", "é"] {
            assert_eq!(repair(&format!("address={bad}")), Err(OpaqueError::Malformed), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_value_survives_raw_once_and_twice_encoded(bytes in prop::collection::vec(any::<u8>(), 1..80)) {
            let raw = Base64::encode_string(&bytes);
            let once = query::encode(&raw).into_owned();
            let twice = query::encode(&once).into_owned();
            for text in [&raw, &once, &twice] {
                prop_assert_eq!(Opaque::parse(text).unwrap().encoded(), once.clone());
                let repaired = repair(&format!("address={text}")).unwrap();
                prop_assert_eq!(query::pairs(&repaired).next().unwrap().value(), Some(raw.clone()));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = Opaque::parse(&text);
        }
    }
}
