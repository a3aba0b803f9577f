//! The customer's country, as the gateway's `PGTO-IPCountry` header wants it.

use core::fmt;

/// Two capital letters: an ISO 3166-1 alpha-2 code, or `XX` where nothing is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Country([u8; 2]);

impl Country {
    /// Unknown, in Cloudflare's notation.
    pub const UNKNOWN: Self = Self(*b"XX");

    /// Reads two capital letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The customer's country from Cloudflare's two sources, the `CF-IPCountry` header first and `request.cf` second.
    ///
    /// Cloudflare's `T1` (Tor) has a digit and is therefore unknown to the gateway, which documents ISO codes only.
    pub fn of_customer(header: Option<&str>, cf: impl FnOnce() -> Option<String>) -> Self {
        header.and_then(Self::parse).or_else(|| cf().as_deref().and_then(Self::parse)).unwrap_or(Self::UNKNOWN)
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or("XX")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: Option<&str>, cf: Option<&str>) -> String {
        Country::of_customer(header, || cf.map(str::to_owned)).to_string()
    }

    #[test]
    fn header_first_then_cf_then_unknown() {
        assert_eq!(of(Some("ES"), Some("FR")), "ES");
        assert_eq!(of(None, Some("FR")), "FR");
        assert_eq!(of(None, None), "XX");
    }

    #[test]
    fn what_is_not_two_capitals_is_not_a_country() {
        for bad in ["T1", "es", "E", "ESP", "", "É", "ES, US"] {
            assert_eq!(of(Some(bad), None), "XX", "{bad}");
            assert_eq!(of(Some(bad), Some("FR")), "FR", "{bad}");
        }
    }
}
