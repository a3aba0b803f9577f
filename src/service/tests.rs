//! The promises of the design as properties of the whole core: any request, any reply.

use super::*;
use crate::country::Country;
use crate::http::{Call, RequestBody};
use crate::ledger::books::NoBooks;
use crate::ledger::testing::Ledgers;
use crate::query;
use crate::testing::SIGNING_KEY;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;
use url::Url;

mod caching;
mod operator;

const PAYOUT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
const AFFILIATE: &str = "0x3c783c21a0383057D128bae431894a5C19F9Cf06";
const OTHER: &str = "0x082489A616aB4D46d1947eE3F912e080815b08DA";
const NOW: Now = Now(1_700_000_000_000);

type Sent = Vec<(String, String)>;

fn service(settings: &[(&str, &str)]) -> Service {
    let mut all: HashMap<&str, &str> = [("CHECKOUT_DOMAIN", "pay.shop.example"), ("SIGNING_KEY", SIGNING_KEY)].into();
    all.extend(settings.iter().copied());
    Service::new(&|name| all.get(name).map(|v| (*v).to_owned()))
}

fn operators() -> Service {
    service(&[("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.01"), ("ALLOW_UNSIGNED_LINKS", "true")])
}

/// A reply that a test made up: status, headers, text.
type Told = (u16, Sent, String);

/// Runs a request to its end, every call answered with the same reply, and nothing kept at the edge. Gives the answer and the
/// calls to others.
fn run(service: &Service, method: Method, path: &str, query: &str, headers: &Sent, told: &Told) -> (Response, Vec<Call>) {
    let body = RequestBody::Whole(if method == Method::Post { query.as_bytes().to_vec() } else { Vec::new() });
    let request = Request { method, path, query, headers, country: Country::UNKNOWN, body, now: NOW, entropy: [7; 16] };
    let calls = RefCell::default();
    let mut turn = service.answer(&request);
    loop {
        match turn.progress {
            Progress::Done(response, _) => return (response, calls.into_inner()),
            Progress::Over | Progress::Failed(_) => panic!("a request ends with an answer"),
            Progress::Waiting(pending) => {
                let ledgers = Ledgers::default();
                let came =
                    pending.asks.iter().map(|ask| Ok(heard_by(service, &ledgers, ask, &calls, &|_| told.clone()))).collect();
                assert!(calls.borrow().len() < 20, "a request must end");
                turn = service.resume(pending, came, NOW, &NoBooks);
            }
        }
    }
}

/// What somebody answers to a call: nothing is kept at the edge, and what is asked there nobody else hears; a ledger does its own
/// work; all others answer what the test says, and their calls are noted.
fn heard_by(
    service: &Service,
    ledgers: &Ledgers,
    ask: &Ask,
    calls: &RefCell<Vec<Call>>,
    others: &dyn Fn(&Call) -> Told,
) -> Reply {
    match ask.callee {
        Callee::Edge => reply((404, Vec::new(), String::new())),
        Callee::Ledger => {
            let others = |ask: &Ask| Ok(heard_by(service, ledgers, ask, calls, others));
            ledgers.answer(service, &ask.call, NOW, &others)
        }
        _ => {
            calls.borrow_mut().push(ask.call.clone());
            reply(others(&ask.call))
        }
    }
}

fn reply((status, headers, text): Told) -> Reply {
    Reply { status, headers: Box::new(headers), text, beginning: Vec::new() }
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![Method::Get, Method::Get, Method::Get, Method::Head, Method::Post, Method::Other])
}

fn path() -> impl Strategy<Value = String> {
    let known = vec![
        "/",
        "/healthz",
        "/checkout",
        "/callback",
        "/control/wallet.php",
        "/control/affiliate.php",
        "/control/custom-affiliate.php",
        "/control/custom-sub-affiliate.php",
        "/set-affiliate.php",
        "/process-payment.php",
        "/pay.php",
        "/control/provider-status",
        "/control/convert.php",
        "/control/payment-status.php",
        "/assets/app.css",
        "/select.php",
    ];
    prop_oneof![9 => prop::sample::select(known).prop_map(str::to_owned), 1 => "(/|\\PC){0,12}"]
}

/// Names that matter somewhere, plainly spelt and in PHP's disguises, with values good and bad.
fn query() -> impl Strategy<Value = String> {
    let names = vec![
        "address",
        "callback",
        "affiliate",
        "affiliate_fee",
        "affiliate.fee",
        "%61ffiliate",
        "affiliate[]",
        "+affiliate_fee",
        "merchant_fee",
        "sub_affiliate",
        "sub_affiliate_fee",
        "domain",
        "%64omain",
        "domain[]",
        " domain",
        "amount",
        "currency",
        "provider",
        "email",
        "from",
        "value",
        "ipn_token",
        "token",
        "sig",
        "mode",
        "expires",
        "metadata[a]",
        "x",
    ];
    let values = prop_oneof![
        prop::sample::select(vec![
            PAYOUT,
            OTHER,
            AFFILIATE,
            "0x0000000000000000000000000000000000000000",
            "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359",
            "0.01",
            "0.98",
            "0.5",
            "25.00",
            "1e3",
            "EUR",
            "USD",
            "moonpay",
            "stripe",
            "a%40b.example",
            "eE5A43DA%2FYMT%3D%3D",
            "eE5A43DA%252FYMT%253D%253D",
            "https%3A%2F%2Fshop.example%2Fpaid%3Forder%3D1",
            "https%3A%2F%2F127.0.0.1%2F%3Fa%3D1",
            "https%3A%2F%2Fapi.anexpay.net%2F%3Fa%3D1",
            "evil.example",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9%+=.:/<>\"']{0,12}",
    ];
    let pair = (prop::sample::select(names), values).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..7).prop_map(|pairs| pairs.join("&"))
}

fn headers() -> impl Strategy<Value = Sent> {
    let names = vec![
        "cookie",
        "authorization",
        "cf-connecting-ip",
        "x-forwarded-for",
        "pgto-ipcountry",
        "accept",
        "user-agent",
        "livery-signature",
        "host",
        "content-type",
    ];
    let values = prop_oneof![
        "\\PC{0,12}".prop_map(String::from),
        Just("text/html".to_owned()),
        Just("application/x-www-form-urlencoded".to_owned())
    ];
    let pair = (prop::sample::select(names), values).prop_map(|(name, value)| (name.to_owned(), value));
    prop::collection::vec(pair, 0..6)
}

/// Replies from helpful to hostile.
fn told() -> impl Strategy<Value = Told> {
    let texts = vec![
        r#"{"address_in":"eE5A43DA%2FYMT%3D%3D","polygon_address_in":"0x756C4D5EAad2165b3841a543Cf851Eed6AAF211B","callback_url":"x","ipn_token":"ZEE2"}"#,
        r#"{"providers":[{"id":"moonpay","provider_name":"MoonPay, api.anexpay.net","status":"active","minimum_currency":"USD","minimum_amount":20}]}"#,
        r#"{"status":"success","value_coin":"1.07","exchange_rate":"1.07427"}"#,
        r#"{"status":"paid","coin":"see https:\/\/api.anexpay.net"}"#,
        "<html><a href='https://checkout.anexpay.net/'>Provided wallet address is not allowed at api&#46;anexpay&#46;net</a>",
        "{",
        "",
    ];
    let location = prop_oneof![
        prop::sample::select(vec![
            "https://checkout.anexpay.net/process-payment.php?b=1",
            "https://API.anexpay.net/x",
            "/next.php",
            "https://buy.provider.example/?u=https://api.anexpay.net",
            "http://127.0.0.1/",
            "javascript:alert(1)",
            "https://anexpay.net@evil.example/",
            "//evil.example/\\@anexpay.net",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,20}",
    ];
    let status =
        prop::sample::select(vec![200_u16, 200, 200, 201, 204, 206, 301, 302, 303, 304, 307, 400, 404, 429, 500, 503, 100, 999]);
    let kind = prop::sample::select(vec!["text/html", "application/json", "image/png", ""]);
    (status, location, kind, prop::sample::select(texts)).prop_map(|(status, location, kind, text)| {
        let headers = [
            ("location", location.as_str()),
            ("content-type", kind),
            ("set-cookie", "a=api.anexpay.net; Domain=.anexpay.net"),
            ("server", "anexpay.net"),
        ];
        (status, headers.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(), text.to_owned())
    })
}

fn good_wallet() -> Told {
    let text = r#"{"address_in":"eE5A","polygon_address_in":"0x756C4D5EAad2165b3841a543Cf851Eed6AAF211B","ipn_token":"ZEE2"}"#;
    (200, Vec::new(), text.to_owned())
}

fn parameters(url: &str) -> Vec<(String, String)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query::pairs(query).map(|pair| (pair.name().into_owned(), pair.value().unwrap_or_default())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Promises 1, 5, 6 and 7: whatever is asked and whatever the gateway says, there is an answer without a hidden name,
    /// only configured hosts are called, and a failure says its code and its request's id.
    #[test]
    fn any_request_and_any_reply(method in method(), path in path(), query in query(), headers in headers(), told in told()) {
        let service = operators();
        let (response, calls) = run(&service, method, &path, &query, &headers, &told);
        for call in &calls {
            let host = Url::parse(&call.url).unwrap().host_str().unwrap().to_owned();
            let is_merchant = path == "/callback" && host == "shop.example";
            prop_assert!(is_merchant || host == "api.anexpay.net" || host == "checkout.anexpay.net", "{}", call.url);
        }
        let names = &service.config().unwrap().names;
        for (name, value) in response.headers.iter().filter(|(name, _)| *name != "location") {
            prop_assert!(!names.hides(value), "{name}: {value}");
        }
        if let Some(location) = response.get("location") {
            let url = Url::parse(location).unwrap();
            prop_assert!(!names.hides(url.host_str().unwrap()) && url.scheme() == "https", "{}", location);
        }
        if let Body::Text(text) = &response.body {
            prop_assert!(!names.hides(text), "{}", text);
        }
        prop_assert!((200..600).contains(&response.status));
        prop_assert_eq!(response.get("request-id"), Some("req_0707070707070707"));
    }

    /// Promise 2: no input changes the operator's wallets and shares.
    #[test]
    fn the_operator_decides_the_split(path in prop::sample::select(vec!["wallet", "affiliate", "custom-affiliate", "custom-sub-affiliate"]), hostile in query()) {
        let query = format!("{hostile}&address={PAYOUT}&callback=https%3A%2F%2Fshop.example%2F%3Forder%3D1");
        let (_, calls) = run(&operators(), Method::Get, &format!("/control/{path}.php"), &query, &Vec::new(), &good_wallet());
        for call in calls {
            prop_assert!(call.url.starts_with("https://api.anexpay.net/control/custom-affiliate.php?"));
            let sent = parameters(&call.url);
            let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
            prop_assert_eq!(names, ["address", "callback", "affiliate", "affiliate_fee", "merchant_fee"]);
            let values: Vec<&str> = sent.iter().skip(2).map(|(_, value)| value.as_str()).collect();
            prop_assert_eq!(values, [AFFILIATE, "0.01", "0.98"]);
        }
    }

    /// Promise 2: the hosted page is told our domain and no other.
    #[test]
    fn the_operator_decides_the_domain(hostile in query()) {
        let query = format!("{hostile}&address=eE5A&amount=1&currency=EUR&email=a%40b.example");
        let (_, calls) = run(&operators(), Method::Get, "/pay.php", &query, &Vec::new(), &(200, Vec::new(), String::new()));
        for call in calls {
            let domains: Vec<String> = parameters(&call.url).into_iter().filter(|(name, _)| name == "domain").map(|(_, value)| value).collect();
            prop_assert_eq!(domains, ["pay.shop.example"]);
        }
    }

    /// Promise 3: a wallet that fails a check never reaches the gateway, by any route.
    #[test]
    fn no_bad_wallet_reaches_the_gateway(path in prop::sample::select(vec!["/control/wallet.php", "/control/custom-affiliate.php", "/checkout"]), wallet in "(0x)?[0-9a-fA-F]{38,42}|\\PC{0,44}|0x3[cC]499c542cEF5E3811e1192ce70d8cC03d5c3359") {
        let query = query::build([("address", wallet.as_str()), ("callback", "https://shop.example/?order=1"), ("amount", "25"), ("currency", "USD"), ("email", "a@b.example")]);
        let (response, calls) = run(&operators(), Method::Get, path, &query, &Vec::new(), &good_wallet());
        let is_good = crate::wallet::Wallet::parse(&wallet).is_ok_and(|w| w.to_string() != AFFILIATE);
        prop_assert_eq!(calls.is_empty(), !is_good, "{:?}", response);
        for call in calls {
            let sent = parameters(&call.url).into_iter().find(|(name, _)| name == "address").unwrap().1;
            prop_assert!(sent.eq_ignore_ascii_case(&wallet));
        }
    }

    /// Promise 4: only listed headers go up, the country is ours, and no cookie's domain comes down.
    #[test]
    fn nothing_leaves_by_accident(path in path(), query in query(), headers in headers(), told in told()) {
        const UP: [&str; 7] = ["accept", "accept-language", "content-type", "if-modified-since", "if-none-match", "pgto-ipcountry", "user-agent"];
        let (response, calls) = run(&operators(), Method::Get, &path, &query, &headers, &told);
        for (name, value) in calls.iter().flat_map(|call| &call.headers) {
            prop_assert!(UP.contains(name) && (*name != "pgto-ipcountry" || value == "XX"), "{}: {}", name, value);
        }
        for (_, cookie) in response.headers.iter().filter(|(name, _)| *name == "set-cookie") {
            prop_assert!(!cookie.to_ascii_lowercase().contains("domain"));
        }
    }
}

/// Promise 7: every kind of failure of the gateway, by every route that asks it.
#[test]
fn what_waits_is_given_up_long_after_its_time_limit() {
    let (service, headers) = (operators(), Sent::new());
    let query = format!("address={OTHER}&callback=https%3A%2F%2Fshop.example%2F%3Fn%3D1");
    let (path, body) = ("/control/wallet.php", RequestBody::Whole(Vec::new()));
    let country = Country::UNKNOWN;
    let request =
        Request { method: Method::Get, path, query: &query, headers: &headers, country, body, now: NOW, entropy: [7; 16] };
    let Progress::Waiting(pending) = service.answer(&request).progress else { panic!("it waits for the gateway") };
    let limit = u64::from(service.config().unwrap().timeout_ms);
    assert!(pending.may_be_resumed(NOW) && pending.may_be_resumed(Now(NOW.0 + limit)), "its time is not over");
    assert!(!pending.may_be_resumed(Now(NOW.0 + 3 * limit)), "nobody will come back for it");
}

#[test]
fn failures_are_told_apart() {
    let wallet = format!("/control/wallet.php?address={PAYOUT}&callback=https%3A%2F%2Fshop.example%2F%3Fn%3D1");
    let page = "/pay.php?address=eE5A&amount=1&currency=EUR&email=a%40b.example".to_owned();
    let cases = [
        (400, 422, "gateway_rejected"),
        (429, 429, "rate_limited"),
        (503, 502, "gateway_unavailable"),
        (206, 502, "gateway_invalid_reply"),
    ];
    for target in [wallet, page, "/control/provider-status?".to_owned(), "/control/payment-status.php?ipn_token=ZEE2".to_owned()]
    {
        for (told, status, code) in cases {
            let (path, query) = target.split_once('?').unwrap();
            let (response, _) = run(&operators(), Method::Get, path, query, &Vec::new(), &(told, Vec::new(), String::new()));
            let Body::Text(text) = &response.body else { panic!("{path} answered {told} without a text") };
            assert_eq!(response.status, status, "{path} told {told}: {text}");
            assert!(
                text.contains(&format!("\"code\":\"{code}\"")) && text.contains("\"request_id\":\"req_0707070707070707\""),
                "{text}"
            );
        }
    }
}

/// Promise 1: what the gateway says is scrubbed where it is passed on, in data and in refusals.
#[test]
fn names_in_what_the_gateway_says_are_replaced() {
    let said = "call api.anexpay.net, or https:\\/\\/CHECKOUT\\u002eanexpay.net";
    let status = format!(r#"{{"status":"paid","coin":"{said}"}}"#);
    for told in [(200, status), (400, said.to_owned())] {
        let told = (told.0, Vec::new(), told.1);
        let (response, _) = run(&operators(), Method::Get, "/control/payment-status.php", "ipn_token=ZEE2", &Vec::new(), &told);
        let Body::Text(text) = response.body else { panic!("no text") };
        assert!(text.contains("pay.shop.example") && !text.to_ascii_lowercase().contains("anexpay"), "{text}");
    }
}

/// Promise 2: where the operator fixed the payout wallet, or pays for the request at an upline, a stranger's split is none.
#[test]
fn a_strangers_split_is_passed_over() {
    let stranger = format!("affiliate={OTHER}&affiliate_fee=0.98&merchant_fee=0.01&sub_affiliate={OTHER}&sub_affiliate_fee=0.5");
    let query = format!("address={PAYOUT}&callback=https%3A%2F%2Fshop.example%2F%3Forder%3D1&{stranger}");
    for setting in [("PAYOUT_WALLET", PAYOUT), ("UPLINE_KEY", "me=0123456789abcdef0123456789abcdef")] {
        for script in ["wallet", "affiliate", "custom-affiliate", "custom-sub-affiliate"] {
            let path = format!("/control/{script}.php");
            let (_, calls) = run(&service(&[setting]), Method::Get, &path, &query, &Vec::new(), &good_wallet());
            let [call] = calls.as_slice() else { panic!("{path}: {} calls", calls.len()) };
            assert!(
                call.url.starts_with("https://api.anexpay.net/control/wallet.php?") && !call.url.contains(OTHER),
                "{}",
                call.url
            );
        }
    }
}

/// Promise 2: a form cannot set what only the operator may, in either of its encodings.
#[test]
fn forms_cannot_set_what_is_the_operators() {
    for (kind, body) in [
        ("application/json", r#"{"a":1,"affiliate.fee":"0.9"}"#),
        ("application/x-www-form-urlencoded", "a=1&%61ffiliate_fee=0.9"),
    ] {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        let (response, calls) = run(&operators(), Method::Post, "/select.php", body, &headers, &good_wallet());
        assert_eq!((response.status, calls.len()), (400, 0), "{kind}");
    }
}

#[test]
fn a_misconfigured_worker_says_so_everywhere_but_shows_why_at_healthz() {
    let service = service(&[("AFFILIATE_FEE", "2")]);
    let ask = |path: &str, accept: &str| {
        run(&service, Method::Get, path, "", &vec![("accept".to_owned(), accept.to_owned())], &good_wallet()).0
    };
    for path in ["/", "/pay.php", "/control/wallet.php", "/nothing.html"] {
        assert_eq!(ask(path, "*/*").status, 503);
    }
    assert_eq!(ask("/", "text/html").get("content-type"), Some("text/html; charset=utf-8"));
    let Body::Text(text) = ask("/healthz", "*/*").body else { panic!("no text") };
    assert!(text.contains("AFFILIATE_FEE") && text.contains("misconfigured"), "{text}");
}

/// A dead list stops no checkout, and does not keep the next customer waiting either.
#[test]
fn a_dead_list_is_asked_for_once() {
    let service = operators();
    let query = format!(
        "amount=25&currency=USD&provider=moonpay&email=a%40b.example&address={PAYOUT}&callback=https%3A%2F%2Fshop.example%2F%3Fn%3D1"
    );
    let paths = |(_, calls): (Response, Vec<Call>)| -> Vec<String> {
        calls.iter().map(|call| Url::parse(&call.url).unwrap().path().to_owned()).collect()
    };
    // A 503 would be asked for once more.
    let dead = (500, Vec::new(), String::new());
    let wallet = "/control/custom-affiliate.php";
    let ask = || paths(run(&service, Method::Get, "/checkout", &query, &Vec::new(), &dead));
    assert_eq!(ask(), ["/control/provider-status", wallet]);
    assert_eq!(ask(), [wallet], "asked at the same time, and then alone");
}

#[test]
fn a_list_that_cannot_be_had_comes_from_the_copy() {
    let service = operators();
    let list = r#"{"providers":[{"id":"x","provider_name":"X","status":"active","minimum_currency":"USD","minimum_amount":2}]}"#;
    let ask = |told: &Told| run(&service, Method::Get, "/control/provider-status", "", &Vec::new(), told);
    assert_eq!(ask(&(500, Vec::new(), String::new())).0.status, 502);
    let (first, calls) = ask(&(200, Vec::new(), list.to_owned()));
    assert_eq!((first.body.clone(), calls.len()), (Body::Text(list.into()), 1));
    let (second, calls) = ask(&(500, Vec::new(), String::new()));
    assert_eq!((second.body, calls.len()), (first.body, 0));
}
