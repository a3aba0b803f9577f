//! The two checkout pages: what they refuse, what they sign, what they name.

use std::io::Read as _;

use flate2::read::GzDecoder;
use livery_sandbox::{Listener, Options, Sandbox, documented::WALLETS};

use super::client::{Answer, get, send};

fn started() -> Sandbox {
    Sandbox::start(Options::default()).expect("a sandbox")
}

/// A payment link with some of its parameters exchanged.
fn query(changes: &[(&str, &str)]) -> String {
    let address = WALLETS[0].address_in;
    let usual = [
        ("address", address),
        ("amount", "103.78"),
        ("provider", "moonpay"),
        ("email", "john%40example.com"),
        ("currency", "USD"),
    ];
    let value = |name, usual| changes.iter().find(|(changed, _)| *changed == name).map_or(usual, |(_, value)| *value);
    usual.map(|(name, usual)| format!("{name}={}", value(name, usual))).join("&")
}

fn process(sandbox: &Sandbox, changes: &[(&str, &str)]) -> Answer {
    get(&format!("{}/process-payment.php?{}", sandbox.checkout_url(), query(changes)))
}

fn hosted(sandbox: &Sandbox, country: &str, changes: &[(&str, &str)], more: &str) -> Answer {
    let url = format!("{}/pay.php?{}{more}", sandbox.checkout_url(), query(changes));
    send("GET", &url, &[("PGTO-IPCountry", country)], "").expect("an answer")
}

/// Every link on a page to the named provider's payment, unescaped.
fn offer(page: &str, provider: &str) -> Option<String> {
    let from = page.find(&format!("data-provider=\"{provider}\" href=\""))?;
    page[from..].split('"').nth(3).map(|href| href.replace("&#38;", "&"))
}

#[test]
fn an_address_not_ours_is_refused_with_the_known_sentence() {
    let sandbox = started();
    let twice = WALLETS[0].address_in.replace('%', "%25");
    let spaced = WALLETS[1].address_in.replace("%2B", "+");
    for address in [twice.as_str(), &spaced, "0xF977814e90dA44bFA03b6295A0616a897441aceC", "AAAA", ""] {
        for page in ["process-payment.php", "pay.php"] {
            let answer = get(&format!("{}/{page}?{}", sandbox.checkout_url(), query(&[("address", address)])));
            assert_eq!((answer.status, answer.header("content-type")), (400, Some("text/html; charset=UTF-8")));
            assert!(answer.text().contains("Provided wallet address is not allowed"), "{address}");
        }
    }
}

#[test]
fn amount_currency_and_provider_are_checked() {
    let sandbox = started();
    let cases: [(&[(&str, &str)], u16); 16] = [
        (&[], 302),
        (&[("provider", "novapay")], 302),
        (&[("provider", "nobody")], 400),
        (&[("amount", "19.99")], 400),
        (&[("amount", "20")], 302),
        (&[("amount", "1.0E%2B15")], 400),
        (&[("amount", "-5")], 400),
        (&[("provider", "upi"), ("amount", "1600")], 400),
        (&[("provider", "upi"), ("amount", "1600"), ("currency", "INR")], 302),
        (&[("provider", "interac"), ("currency", "CAD")], 302),
        (&[("provider", "interac")], 400),
        (&[("provider", "wert"), ("currency", "EUR")], 400),
        (&[("provider", "bitnovo"), ("currency", "EUR")], 400),
        (&[("currency", "eur")], 302),
        (&[("currency", "XYZ")], 400),
        (&[("email", "")], 400),
    ];
    for (changes, status) in cases {
        assert_eq!(process(&sandbox, changes).status, status, "{changes:?}");
    }
}

#[test]
fn a_signed_link_works_only_unchanged() {
    let sandbox = started();
    let page = hosted(&sandbox, "ES", &[], "&domain=127.0.0.1:8787").text();
    let href = offer(&page, "moonpay").expect("an offer");
    let link = href.replace("http://127.0.0.1:8787", &sandbox.checkout_url());
    assert_eq!(get(&link).status, 302, "{link}");
    let changed = [
        link.replace("103.78", "3.78"),
        link.replace("%20", "+"),
        link.replace("%c3%a9", "%C3%A9"),
        format!("{link}&domain=pay.example.com"),
        link.replace("process-payment.php?", "process-payment.php?domain=x&"),
        link.replace("moonpay", "banxa"),
        link.replace("&sig=", "&+sig="),
    ];
    for changed in changed {
        assert_eq!(get(&changed).status, 403, "{changed}");
    }
}

#[test]
fn redirects_of_its_own_come_first_and_keep_the_query() {
    let sandbox = started();
    sandbox.configure(|settings| settings.internal_redirects = 5);
    let mut url = format!("{}/process-payment.php?{}", sandbox.checkout_url(), query(&[]));
    let mut spellings = Vec::new();
    for _ in 0..5 {
        let location = get(&url).header("location").expect("a location").to_owned();
        let (origin, path) = location.split_once("/process-payment.php").expect("a hop");
        assert!(path.ends_with(&query(&[])), "{location}");
        spellings.push(origin.to_owned());
        url = format!("{}/process-payment.php{path}", sandbox.api_url());
    }
    let (checkout, api) = ("https://checkout.anexpay.net", "HTTPS://API.ANEXPAY.NET:443");
    assert_eq!(spellings, [checkout, api, "", "//api.anexpay.net", checkout]);
    assert!(get(&url).header("location").expect("a location").starts_with(&sandbox.provider_url()));
}

#[test]
fn the_hosted_page_offers_what_suits_country_currency_and_amount() {
    let sandbox = started();
    let offered = |country: &str, changes: &[(&str, &str)], provider: &str| {
        offer(&hosted(&sandbox, country, changes, "").text(), provider).is_some()
    };
    assert!(offered("ES", &[], "revolut") && offered("GB", &[], "revolut") && !offered("US", &[], "revolut"));
    assert!(offered("US", &[], "stripe") && !offered("ES", &[], "stripe") && !offered("ES, US", &[], "stripe"));
    assert!(offered("US", &[], "wert") && !offered("US", &[("currency", "EUR")], "wert"));
    assert!(offered("IN", &[("currency", "INR"), ("amount", "1600")], "upi"));
    assert!(!offered("IN", &[("currency", "INR"), ("amount", "1599")], "upi"));
    assert!(!offered("ES", &[], "coinbase"), "not active");
    assert!(offered("ES", &[], "novapay"));
    assert!(hosted(&sandbox, "XX", &[("amount", "0.01")], "").text().contains("no-offers"));
}

#[test]
fn domain_replaces_the_checkout_host_and_no_other() {
    let sandbox = started();
    let plain = hosted(&sandbox, "ES", &[], "").text();
    assert!(plain.contains("https://checkout.anexpay.net/process-payment.php?"));
    let page = hosted(&sandbox, "ES", &[], "&domain=pay.example.com").text();
    assert!(!page.contains("checkout.anexpay.net") && page.contains("https://pay.example.com/process-payment.php?"));
    let kept = [
        "https://cdn.anexpay.net/",
        "HTTPS://API.ANEXPAY.NET/",
        r"https:\/\/api.anexpay.net\/",
        r"cdn\u002eanexpay\u002enet",
        "api%2Eanexpay%2Enet",
        "static&#46;anexpay&#46;net",
        "cdn&#x2e;anexpay&#x2E;net",
        "//static.anexpay.net/",
        "support@anexpay.net",
    ];
    for spelling in kept {
        assert!(page.contains(spelling), "{spelling}");
    }
    let local = hosted(&sandbox, "ES", &[], "&domain=localhost:8787").text();
    assert!(local.contains("http://localhost:8787/receipt.php") && local.contains(r"http:\/\/localhost:8787\/"));
    assert!(!local.contains("https://localhost") && local.contains("https://cdn.anexpay.net/"));
}

#[test]
fn branding_is_shown_and_colours_without_their_sign_are_ignored() {
    let sandbox = started();
    let more = "&theme=%236366f1&background=orange&button=6366f1&logo=https%3A%2F%2Fshop.example%2Flogo.png%3Fa%3D1%26b%3D%22";
    let page = hosted(&sandbox, "ES", &[], more).text();
    for shown in ["data-theme=\"#6366f1\"", "--background: orange;", "data-button=\"#2563eb\"", "a=1&#38;b=&#34;"] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[test]
fn answers_name_the_real_hosts_in_their_headers() {
    let sandbox = started();
    let answer = hosted(&sandbox, "ES", &[], "");
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert!(cookies.len() >= 2 && cookies[0].1.contains("Domain=.anexpay.net"));
    for name in ["server", "x-powered-by", "link", "content-security-policy", "report-to", "x-gateway"] {
        assert!(answer.header(name).is_some_and(|value| value.to_lowercase().contains("anexpay.net")), "{name}");
    }
    assert!(answer.header("etag").is_some() && answer.header("content-length").is_some());
    assert!(process(&sandbox, &[("amount", "x")]).text().contains("anexpay.net"));
}

#[test]
fn pages_are_compressed_for_those_who_accept_it() {
    let sandbox = started();
    let url = format!("{}/pay.php?{}", sandbox.checkout_url(), query(&[]));
    let answer = send("GET", &url, &[("accept-encoding", "br, gzip")], "").expect("an answer");
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut page = String::new();
    GzDecoder::new(answer.body.as_slice()).read_to_string(&mut page).expect("gzip");
    assert_eq!(page, get(&url).text());
}

#[test]
fn assets_and_the_form_are_served() {
    let sandbox = started();
    let asset = |name: &str| get(&format!("{}/assets/{name}", sandbox.checkout_url()));
    assert!(asset("app.css").text().contains("url(https://cdn.anexpay.net/"));
    assert_eq!(asset("badge.png").body, include_bytes!("../../assets/badge.png"));
    assert_eq!(asset("font.woff2").body, include_bytes!("../../assets/font.woff2"));
    let url = format!("{}/receipt.php", sandbox.checkout_url());
    let answer = send("POST", &url, &[], "email=a%2Bb%40example.com").expect("an answer");
    assert!(answer.text().contains("a+b@example.com"));
    assert_eq!(get(&url).status, 405);
}

#[test]
fn the_provider_shows_what_arrived_and_refuses_a_changed_link() {
    let sandbox = started();
    sandbox.configure(|settings| settings.provider_url_names_gateway = true);
    let url = format!("{}/process-payment.php?{}", sandbox.checkout_url(), query(&[]));
    let answer = send("GET", &url, &[("PGTO-IPCountry", "ES")], "").expect("an answer");
    let location = answer.header("location").expect("a location").to_owned();
    assert!(location.contains("api.anexpay.net"));
    let page = send("GET", &location, &[("x-mark", "<seen>")], "").expect("a page").text();
    for shown in ["id=\"country\">ES<", "id=\"amount\">103.78<", "id=\"email\">john@example.com<", "&#60;seen&#62;"] {
        assert!(page.contains(shown), "{shown}");
    }
    for (from, to) in [("%20", "+"), ("%e2%82%ac", "%E2%82%AC"), ("country=ES", "country=US"), ("~", "%7E")] {
        assert_eq!(get(&location.replace(from, to)).status, 403, "{from}");
    }
}

#[test]
fn requests_are_recorded_as_sent() {
    let sandbox = started();
    let url = format!("{}/anything/%7e?b=%c3%a9+%20&b=2", sandbox.checkout_url());
    send("POST", &url, &[("X-First", "1"), ("X-Second", "2")], "body").expect("an answer");
    let requests = sandbox.requests();
    let request = requests.first().expect("a record");
    assert_eq!((request.listener, request.method.as_str()), (Listener::Checkout, "POST"));
    assert_eq!((request.path.as_str(), request.query.as_str()), ("/anything/%7e", "b=%c3%a9+%20&b=2"));
    assert_eq!((request.header("x-first"), request.body.as_slice()), (Some("1"), b"body".as_slice()));
    sandbox.clear_requests();
    assert!(sandbox.requests().is_empty());
}
