//! Requests between two Liverys: a sub-affiliate's in front, an affiliate's behind it.
//!
//! The one behind cannot see the customer, so it takes the country from the one in front, and lets it name its own
//! wallet and share, but only from a request that is signed with a key both operators share. The signature covers
//! everything that the request means, and the moment it was made.

use sha2::{Digest, Sha256};
use url::Position;

use crate::config::{Config, Partner};
use crate::http::{Call, Now, Request, RequestBody};
use crate::livery::request_headers::COUNTRY;
use crate::signing;
use crate::web_url;

/// The header that carries the signature: `name=…,t=…,v1=…`.
pub const SIGNATURE: &str = "livery-signature";

/// How far the two clocks may differ, in seconds.
const TOLERANCE: u64 = 300;

/// Why a downline's request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownlineError {
    /// There is no signature, where the route needs one.
    Unsigned,
    /// The signature is not of this request, or not of a known downline.
    BadSignature,
    /// The signature is too old, or from the future.
    Stale,
    /// The operator gives no share to downlines.
    NotAllowed,
}

impl DownlineError {
    /// What is wrong and what to do.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unsigned => {
                "This address is for affiliates' own Workers: sign the request with a key that its operator gave you."
            }
            Self::BadSignature => "The request's signature is wrong: check that both sides have the same name and key.",
            Self::Stale => "The request's signature is older than five minutes, or from the future: set the clock.",
            Self::NotAllowed => {
                "The operator of this page shares with no further affiliate: AFFILIATE_WALLET and AFFILIATE_FEE are not set, or a sub-affiliate already is."
            }
        }
    }
}

/// Signs a call to the gateway if that gateway is another Livery.
pub fn sign(config: &Config, call: &mut Call, now: Now) {
    let Some(partner) = &config.upline else { return };
    let Some(url) = web_url::parse(&call.url) else { return };
    let country = call.headers.iter().find(|(name, _)| *name == COUNTRY).map_or("", |(_, value)| value.as_str());
    let path_and_query = &url[Position::BeforePath..Position::AfterQuery];
    let message = message(now.seconds(), call.method.as_str(), path_and_query, country, call.body.as_deref().unwrap_or_default());
    let signature = signing::sign(partner.key.expose().as_bytes(), message.as_bytes());
    call.headers.push((SIGNATURE, format!("name={},t={},v1={signature}", partner.name, now.seconds())));
}

/// The downline that signed a request; `None` if nobody did.
///
/// # Errors
/// [`DownlineError`] where there is a signature and it is not good.
pub fn verify<'c>(config: &'c Config, request: &Request<'_>) -> Result<Option<&'c Partner>, DownlineError> {
    let Some(header) = request.headers.get(SIGNATURE) else { return Ok(None) };
    let field = |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (name, time, signature) = (field("name"), field("t").and_then(|t| t.parse::<u64>().ok()), field("v1"));
    let (Some(name), Some(time), Some(signature)) = (name, time, signature) else { return Err(DownlineError::BadSignature) };
    let partner = config.downlines.iter().find(|partner| partner.name == name).ok_or(DownlineError::BadSignature)?;
    let separator = if request.query.is_empty() { "" } else { "?" };
    let path_and_query = format!("{}{separator}{}", request.path, request.query);
    let RequestBody::Whole(body) = &request.body else { return Err(DownlineError::BadSignature) };
    let country = request.headers.get(COUNTRY).unwrap_or_default();
    let message = message(time, request.method.as_str(), &path_and_query, &country, body);
    if !signing::is_signed(partner.key.expose().as_bytes(), message.as_bytes(), signature) {
        return Err(DownlineError::BadSignature);
    }
    if request.now.seconds().abs_diff(time) > TOLERANCE {
        return Err(DownlineError::Stale);
    }
    Ok(Some(partner))
}

/// What is signed. The body is last and hashed, so no value can pass for another.
fn message(time: u64, method: &str, path_and_query: &str, country: &str, body: &[u8]) -> String {
    let hash = base16ct::lower::encode_string(&Sha256::digest(body));
    format!("livery-downline-v1\n{time}\n{method}\n{path_and_query}\n{country}\n{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::country::Country;
    use crate::http::{Method, Read};
    use crate::testing::config;
    use proptest::prelude::*;

    const KEY: &str = "sub=0123456789abcdef0123456789abcdef";
    const NOW: Now = Now(1_700_000_000_000);

    fn signed(url: &str) -> Vec<(String, String)> {
        let mut call = Call {
            method: Method::Get,
            url: url.to_owned(),
            headers: vec![(COUNTRY, "ES".to_owned())],
            body: None,
            read: Read::Text,
        };
        sign(&config(&[("UPLINE_KEY", KEY)]), &mut call, NOW);
        call.headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()
    }

    fn verified(keys: &str, headers: &Vec<(String, String)>, path: &str, query: &str, now: Now) -> Result<bool, DownlineError> {
        let request = Request {
            method: Method::Get,
            path,
            query,
            headers,
            country: Country::UNKNOWN,
            body: RequestBody::Whole(Vec::new()),
            now,
            entropy: [0; 16],
        };
        verify(&config(&[("DOWNLINE_KEYS", keys)]), &request).map(|partner| partner.is_some())
    }

    #[test]
    fn a_signed_request_is_recognised_and_only_as_it_was_signed() {
        let headers = signed("https://pay.shop.example/pay.php?a=%2f&b=1");
        let check = |path: &str, query: &str, now: u64| verified(KEY, &headers, path, query, Now(now));
        assert_eq!(check("/pay.php", "a=%2f&b=1", NOW.0), Ok(true));
        assert_eq!(check("/pay.php", "a=%2F&b=1", NOW.0), Err(DownlineError::BadSignature));
        assert_eq!(check("/other.php", "a=%2f&b=1", NOW.0), Err(DownlineError::BadSignature));
        assert_eq!(check("/pay.php", "a=%2f&b=1", NOW.0 + 301_000), Err(DownlineError::Stale));
        assert_eq!(check("/pay.php", "a=%2f&b=1", NOW.0 - 301_000), Err(DownlineError::Stale));
        assert_eq!(
            verified("sub=another-key-0123456789abcdef0123", &headers, "/pay.php", "a=%2f&b=1", NOW),
            Err(DownlineError::BadSignature)
        );
        assert_eq!(
            verified("other=0123456789abcdef0123456789abcdef", &headers, "/pay.php", "a=%2f&b=1", NOW),
            Err(DownlineError::BadSignature)
        );
    }

    #[test]
    fn the_country_cannot_be_exchanged() {
        let mut headers = signed("https://pay.shop.example/pay.php?a=1");
        headers[0].1 = "US".to_owned();
        assert_eq!(verified(KEY, &headers, "/pay.php", "a=1", NOW), Err(DownlineError::BadSignature));
    }

    #[test]
    fn no_signature_is_no_downline() {
        assert_eq!(verified(KEY, &Vec::new(), "/pay.php", "a=1", NOW), Ok(false));
    }

    proptest! {
        #[test]
        fn no_header_panics_or_passes(header in "(name=sub,)?(t=[0-9]{0,22},)?(v1=[0-9a-f]{0,64})?\\PC{0,10}") {
            let headers = vec![(SIGNATURE.to_owned(), header)];
            prop_assert!(verified(KEY, &headers, "/", "", NOW).is_err());
        }
    }
}
