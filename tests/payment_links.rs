//! `/process-payment.php`: what a customer's link says reaches the gateway byte for byte, and the provider's URL reaches the
//! customer byte for byte.
mod stage;
mod support;

use livery_sandbox::{Fault, Listener, Received, opaque};
use stage::{Made, STRANGER, Stage, encode, failure, paths};
use support::client::{Answer, Request};

/// A merchant's own link.
fn link(made: &Made) -> String {
    format!("address={}&amount=103.78&provider=moonpay&email=john%40example.com&currency=USD", made.address_in)
}

/// A link as the hosted page makes it, with bytes that no two encoders spell alike, signed over its spelling.
fn signed_link(made: &Made, more: &str) -> String {
    let raw = format!("{}&ref=Order%20no.+1%2B1~caf%c3%a9*{more}", link(made));
    format!("{raw}&sig={}", opaque::link_signature(&raw))
}

fn send(stage: &Stage, query: &str) -> Answer {
    stage.get(&format!("/process-payment.php?{query}")).send()
}

/// Where the gateway itself sends a customer with this link.
fn issued(stage: &Stage, query: &str) -> String {
    let host = stage.sandbox.checkout_url().replace("http://", "");
    let request = Request::new(host, Vec::new(), "GET", &format!("/process-payment.php?{query}"));
    let answer = request.header("PGTO-IPCountry", "XX").try_send().expect("the gateway's answer");
    stage.sandbox.clear_requests();
    answer.header("Location").unwrap_or_else(|| panic!("no redirect: {}", answer.text())).to_owned()
}

#[test]
fn the_providers_url_is_passed_on_byte_for_byte() {
    let stage = Stage::with(&[]);
    let made = stage.wallet("1");
    for query in [link(&made), signed_link(&made, "")] {
        let issued = issued(&stage, &query);
        assert!(issued.starts_with(&stage.sandbox.provider_url()) && issued.contains("+card%2Bfee~%e2%82%ac"), "{issued}");
        let answer = send(&stage, &query);
        assert_eq!((answer.status, answer.header("Location")), (302, Some(issued.as_str())));
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        assert!(answer.body.is_empty());
    }
}

#[test]
fn a_gateway_name_inside_a_signed_provider_url_stays_and_is_logged() {
    let stage = Stage::with(&[]);
    let made = stage.wallet("2");
    stage.sandbox.configure(|settings| settings.provider_url_names_gateway = true);
    let issued = issued(&stage, &link(&made));
    let answer = stage.get(&format!("/process-payment.php?{}", link(&made))).expect_provider_url().send();
    assert_eq!(answer.header("Location"), Some(issued.as_str()));
    assert!(issued.contains("webhook=https%3A%2F%2Fapi.anexpay.net"));
    assert!(stage.worker.logs("name_in_provider_url"), "{}", stage.worker.log());
    assert!(!stage.worker.log().contains("john"), "the log is about no person");
}

/// All but what a browser itself rewrites when it follows a link (`'` for one): the runtime does as browsers do.
#[test]
fn the_query_reaches_the_gateway_byte_for_byte() {
    let stage = Stage::with(&[]);
    let made = stage.wallet("3");
    let oddities = [
        "",
        "&&",
        "&x=%2f%2F%3a&y=a+b%20c",
        "&x",
        "&x=&y==&=z",
        "&x=1&x=2&x[]=3&x%5B%5D=4",
        "&x=a;b,c:d@e!f$g*h(i)j",
        "&x=/?//..%2f../",
        "&x=%zz%&y=%",
        "&x=%00%0d%0a%ff",
        "&x=|^`{}[]\\",
        "&X.y=1",
        "&domain=evil.example&affiliate=none",
    ];
    for oddity in oddities {
        let query = signed_link(&made, oddity);
        stage.sandbox.clear_requests();
        let answer = send(&stage, &query);
        assert_eq!(stage.asked_once().query, query, "{oddity}");
        assert_eq!(answer.status, 302, "{oddity}: {}", answer.text());
    }
}

#[test]
fn an_altered_hosted_link_is_refused_by_the_gateway_and_said_so() {
    let stage = Stage::with(&[]);
    let made = stage.wallet("4");
    let query = signed_link(&made, "").replace("amount=103.78", "amount=3.78");
    assert_eq!(failure(&send(&stage, &query)), (422, "gateway_rejected".into(), None));
}

/// Where the requests go: each redirect names the host of the checkout, that of the API, or none.
fn places(hops: u32) -> Vec<Listener> {
    (0..hops).rev().fold(vec![Listener::Checkout], |mut places, hop| {
        places.push(match hop % 4 {
            0 => Listener::Checkout,
            2 => places[places.len() - 1],
            _ => Listener::Api,
        });
        places
    })
}

#[test]
fn redirects_inside_the_gateway_are_followed_there_and_no_more_than_five() {
    let stage = Stage::with(&[]);
    let query = signed_link(&stage.wallet("5"), "");
    let issued = issued(&stage, &query);
    for hops in 0..=5 {
        stage.sandbox.configure(|settings| settings.internal_redirects = hops);
        let answer = send(&stage, &query);
        assert_eq!((answer.status, answer.header("Location")), (302, Some(issued.as_str())), "{hops} hops");
        let asked = stage.asked();
        assert_eq!(asked.len(), hops as usize + 1);
        assert!(asked.iter().all(|request| request.query == query), "{hops} hops");
        let listeners: Vec<_> = asked.iter().map(|request| request.listener).collect();
        assert_eq!(listeners, places(hops), "{hops} hops");
    }
    stage.sandbox.configure(|settings| settings.internal_redirects = 6);
    assert_eq!(failure(&send(&stage, &query)), (502, "gateway_invalid_reply".into(), None));
    assert_eq!(stage.asked().len(), 6);
    stage.sandbox.fault("*", Fault::RedirectLoop);
    assert_eq!(failure(&send(&stage, &query)).0, 502);
    assert_eq!(stage.asked().len(), 6);
}

#[test]
fn a_customer_is_never_sent_to_a_place_that_is_no_web_page() {
    let stage = Stage::with(&[]);
    let query = link(&stage.wallet("6"));
    for target in ["javascript:alert(1)", "data:text/html,x", "ftp://provider.example/", "https://", ""] {
        stage.sandbox.fault_times("/process-payment.php", Fault::RedirectTo(target.into()), 1);
        assert_eq!(failure(&send(&stage, &query)).1, "gateway_invalid_reply", "{target}");
    }
}

#[test]
fn the_encrypted_address_reaches_the_gateway_encoded_once() {
    let stage = Stage::with(&[]);
    let made = stage.wallet("7");
    let raw = percent_encoding::percent_decode_str(&made.address_in).decode_utf8().expect("text").into_owned();
    let lower = made.address_in.replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d");
    let (once, twice) = (made.address_in.as_str(), encode(&made.address_in));
    let rows = [(once, once), (lower.as_str(), lower.as_str()), (twice.as_str(), once), (raw.as_str(), once)];
    for path in ["/process-payment.php", "/pay.php"] {
        for (sent, received) in rows {
            stage.sandbox.clear_requests();
            let query = link(&made).replace(once, sent);
            let answer = stage.get(&format!("{path}?{query}")).send();
            assert!(matches!(answer.status, 200 | 302), "{path} {sent}: {}", answer.text());
            let asked = stage.asked_once();
            let address = asked.query.split('&').find_map(|pair| pair.strip_prefix("address="));
            // A raw value without a plus means the same to PHP, and then not a byte is changed.
            let untouched = sent == raw && !raw.contains('+');
            assert_eq!(address, Some(if untouched { sent } else { received }), "{path} {sent}");
        }
    }
}

#[test]
fn a_raw_address_with_a_plus_is_repaired() {
    let stage = Stage::with(&[]);
    let address = livery_sandbox::documented::WALLETS[2].address_in;
    assert!(address.contains("%2B"));
    let raw = percent_encoding::percent_decode_str(address).decode_utf8().expect("text").into_owned();
    let query = format!("amount=25&address={raw}&provider=moonpay&email=j%40example.com&currency=USD");
    send(&stage, &query);
    assert_eq!(stage.asked_once().query, query.replace(&raw, address));
}

/// `CF-IPCountry`, `request.cf.country`, the customer's own `PGTO-IPCountry`, and what the gateway is told.
type Country = (Option<&'static str>, Option<&'static str>, Option<&'static str>, &'static str);

const COUNTRIES: [Country; 10] = [
    (Some("ES"), None, None, "ES"),
    (None, Some("BR"), None, "BR"),
    (Some("ES"), Some("BR"), None, "ES"),
    (None, None, None, "XX"),
    (Some("T1"), None, None, "XX"),
    (None, Some("T1"), None, "XX"),
    (Some("Spain"), None, None, "XX"),
    (Some("ES"), None, Some("US"), "ES"),
    (None, Some("BR"), Some("US"), "BR"),
    (None, None, Some("US"), "XX"),
];

#[test]
fn the_gateway_learns_the_customers_country_from_cloudflare_alone() {
    let stage = Stage::with(&[]);
    let query = link(&stage.wallet("8"));
    stage.asked();
    for path in ["/process-payment.php", "/pay.php", "/assets/app.css"] {
        for (header, cf, spoofed, expected) in COUNTRIES {
            let mut request = stage.get(&if path.ends_with("css") { path.to_owned() } else { format!("{path}?{query}") });
            request = header.into_iter().fold(request, |request, value| request.header("CF-IPCountry", value));
            request = cf.into_iter().fold(request, |request, value| request.cf(&format!(r#"{{"country":"{value}"}}"#)));
            request = spoofed.into_iter().fold(request, |request, value| request.header("pgto-ipcountry", value));
            request.send();
            assert_eq!(all(&stage.asked_once(), "pgto-ipcountry"), [expected], "{path} {header:?} {cf:?} {spoofed:?}");
        }
    }
}

fn all<'a>(request: &'a Received, name: &str) -> Vec<&'a str> {
    request.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

/// What a browser behind Cloudflare might send, and more; none of it is the gateway's business.
const PRIVATE: [(&str, &str); 14] = [
    ("Cookie", "session=s3cret"),
    ("Authorization", "Bearer s3cret"),
    ("Proxy-Authorization", "Basic s3cret"),
    ("CF-Connecting-IP", "203.0.113.7"),
    ("X-Forwarded-For", "203.0.113.7"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Real-IP", "203.0.113.7"),
    ("True-Client-IP", "203.0.113.7"),
    ("Forwarded", "for=203.0.113.7"),
    ("Referer", "https://shop.example/secret-basket"),
    ("Origin", "https://shop.example"),
    ("X-Api-Key", "s3cret"),
    ("Livery-Unknown", "s3cret"),
];

/// What may go up, with what the runtime itself must add.
const UPWARD: [&str; 9] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-length",
    "host",
    "if-modified-since",
    "if-none-match",
    "pgto-ipcountry",
    "user-agent",
];

#[test]
fn only_listed_headers_reach_the_gateway() {
    let stage = Stage::with(&[]);
    let query = link(&stage.wallet("9"));
    let targets = [
        format!("/process-payment.php?{query}"),
        format!("/pay.php?{query}"),
        "/assets/app.css".to_owned(),
        stage::wallet_target(&stage.shop_callback("9")),
        "/control/provider-status".to_owned(),
        "/control/convert.php?from=EUR&value=1".to_owned(),
        "/control/payment-status.php?ipn_token=abc".to_owned(),
    ];
    stage.asked();
    for target in targets {
        let request = PRIVATE.iter().fold(stage.get(&target), |request, (name, value)| request.header(name, value));
        request.header("User-Agent", "Browser/1").header("Accept-Language", "es").header("PGTO-IPCountry", "US").send();
        let asked = stage.asked_once();
        let strange: Vec<_> = asked.headers.iter().filter(|(name, _)| !UPWARD.contains(&name.as_str())).collect();
        assert!(strange.is_empty(), "{target}: {strange:?}");
        let everything = format!("{:?}", asked.headers);
        assert!(!["s3cret", "203.0.113.7", "shop.example"].iter().any(|text| everything.contains(text)), "{everything}");
        let of_whoever_asks = (asked.header("user-agent"), asked.header("accept-language"));
        if target.ends_with("/provider-status") || target.contains("/convert.php") {
            assert_eq!(of_whoever_asks, (Some("Livery/0.1.0"), None), "{target}: what is kept for all is asked in one name");
        } else {
            assert_eq!(of_whoever_asks, (Some("Browser/1"), Some("es")), "{target}");
        }
        let faces_customer = !target.starts_with("/control/");
        assert_eq!(asked.header("pgto-ipcountry").is_some(), faces_customer, "{target}");
    }
}

#[test]
fn a_wallet_in_place_of_the_encrypted_address_is_explained() {
    let stage = Stage::with(&[]);
    let made = stage.wallet("10");
    stage.asked();
    let answer = send(&stage, &link(&made).replace(&made.address_in, STRANGER));
    assert_eq!(failure(&answer), (400, "encrypted_address_required".into(), Some("address".into())));
    assert!(answer.json()["error"]["message"].as_str().is_some_and(|text| text.contains("`address_in`")), "{}", answer.text());
    assert!(paths(&stage.asked()).is_empty());
}
