use super::*;
use crate::testing::config;
use proptest::prelude::*;

const NOW: Now = Now(1_700_000_000_000);
const BASE: [(&str, &str); 4] =
    [("amount", "25.00"), ("currency", "EUR"), ("callback", "https://shop.example/paid?order=1"), ("email", "jane@example.com")];

/// The query of a signed link with these parameters.
fn signed_query(config: &Config, parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let mut query = query::build(sorted);
    let signature = config.keys.sign_link(&message(&query));
    query::append(&mut query, SIGNATURE, &signature);
    query
}

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    BASE.iter().chain(more).copied().collect()
}

fn parse(query: &str) -> Result<Link, Error> {
    Link::parse(&config(&[]), query, NOW)
}

fn unsigned(query: &str) -> Result<Link, Error> {
    Link::parse(&config(&[("ALLOW_UNSIGNED_LINKS", "true")]), query, NOW)
}

#[test]
fn a_signed_link_is_read() {
    let link = parse(&signed_query(&config(&[]), &with(&[("provider", "moonpay"), ("metadata[a]", "b")]))).unwrap();
    assert_eq!((link.amount.as_str(), link.currency.as_str()), ("25.00", "EUR"));
    assert_eq!(link.choice, Choice::Provider("moonpay".to_owned()));
}

#[test]
fn the_signature_is_the_one_that_the_documentation_describes() {
    // Computed apart from this code, with HKDF and HMAC of Python's `hmac` module.
    let query = signed_query(&config(&[]), &BASE);
    assert_eq!(query.rsplit_once("sig=").unwrap().1, "cc7263e6628390c26b78418721eace2344d27fbea2155c55794f691b1b3c33af");
}

#[test]
fn order_spelling_and_foreign_parameters_do_not_matter() {
    let signed = signed_query(&config(&[]), &BASE);
    let mut parts: Vec<&str> = signed.split('&').collect();
    parts.reverse();
    let respelt = parts.join("&").replace("EUR", "%45UR") + "&utm_source=mail&gclid=1";
    assert!(parse(&respelt).is_ok());
}

#[test]
fn an_edited_link_is_refused() {
    let signed = signed_query(&config(&[]), &with(&[("reference", "")]));
    for edited in [
        signed.replace("25.00", "2.500"),
        signed.replace("EUR", "SEK"),
        signed.replace("order%3D1", "order%3D2"),
        signed.clone() + "&provider=moonpay",
        signed.clone() + "&metadata[x]=1",
        signed.replace("reference=&", ""),
        signed.replace("sig=", "sig=0"),
    ] {
        assert!(matches!(parse(&edited), Err(Error::Link(LinkError::BadSignature))), "{edited}");
    }
    assert!(matches!(parse("amount=1"), Err(Error::Link(LinkError::Unsigned))));
    assert!(matches!(unsigned(&signed.replace("25.00", "1.00")), Err(Error::Link(LinkError::BadSignature))));
}

#[test]
fn expired_links_are_refused() {
    let at = |expires: &'static str| parse(&signed_query(&config(&[]), &with(&[("expires", expires)])));
    assert!(at("1700000001").is_ok());
    assert!(matches!(at("1700000000"), Err(Error::Link(LinkError::Expired))));
    for bad in ["soon", "-1", "+1", "99999999999999999999999"] {
        assert!(matches!(at(bad), Err(Error::Value("expires", _))), "{bad}");
    }
}

#[test]
fn without_a_provider_the_hosted_page_decides() {
    let base = query::build(BASE);
    assert_eq!(unsigned(&base).unwrap().choice, Choice::Hosted);
    assert_eq!(unsigned(&format!("{base}&provider=moonpay&mode=hosted")).unwrap().choice, Choice::Hosted);
    for bad in ["provider=auto", "provider=Moon%20Pay", "provider=../x", "mode=fast", "success_url=/x", "cancel_url=javascript:x"]
    {
        assert!(unsigned(&format!("{base}&{bad}")).is_err(), "{bad}");
    }
}

#[test]
fn email_addresses_are_checked_for_typing_mistakes() {
    for bad in ["jane", "a@b@c", "@b", "a@", "a b@c", ""] {
        let query = query::build([BASE[0], BASE[1], BASE[2], ("email", bad)]);
        assert_eq!(unsigned(&query).unwrap_err().param(), Some("email"), "{bad}");
    }
}

#[test]
fn each_bad_parameter_has_its_code() {
    let code = |query: &str| unsigned(query).unwrap_err().code();
    assert_eq!(code("currency=EUR&callback=x"), "missing_parameter");
    assert_eq!(code("amount=1e3&currency=EUR&callback=x"), "invalid_amount");
    assert_eq!(code("amount=1&currency=EURO&callback=x"), "invalid_currency");
    assert_eq!(code("amount=1&amount=2&currency=EUR&callback=x"), "duplicate_parameter");
    assert_eq!(code("amount[]=1&currency=EUR&callback=x"), "invalid_parameter");
    assert_eq!(code("amount=1&currency=EUR&callback=x&address=0x1"), "invalid_wallet");
}

proptest! {
    #[test]
    fn no_query_panics_or_passes_unsigned(query in "\\PC{0,80}") {
        prop_assert!(parse(&query).is_err());
        let _ = unsigned(&query);
    }

    #[test]
    fn any_change_of_a_value_is_noticed(order in "[a-z0-9]{1,8}", other in "[a-z0-9]{1,8}") {
        prop_assume!(order != other);
        let callback = format!("https://shop.example/?n={order}");
        let signed = signed_query(&config(&[]), &[("amount", "1"), ("currency", "EUR"), ("callback", &callback), ("email", "jane@example.com")]);
        prop_assert!(parse(&signed).is_ok());
        let edited = signed.replace(&format!("n%3D{order}"), &format!("n%3D{other}"));
        prop_assert!(edited == signed || parse(&edited).is_err());
    }
}
