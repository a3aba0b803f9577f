//! Promises 1, 4 and 5 for what stands above a body: headers, cookies and redirects of a hostile gateway, and its error pages.
mod stage;
mod support;

use stage::{BRAND, Stage, assert_error, assert_error_page};

const PATH: &str = "/assets/hostile";

/// Spellings that fit into a header.
const SPELLINGS: [&str; 12] = [
    "https://checkout.anexpay.net/x",
    "HTTPS://API.ANEXPAY.NET:443",
    "//cdn.anexpay.net",
    "anexpay.net",
    "https%3A%2F%2Fapi%2Eanexpay%2Enet%2F",
    "%61nexpay%252Enet",
    r"https:\/\/api.anexpay.net\/",
    r"\u0061nexpay\u002enet",
    r"\x61nexpay.net",
    "anexpay&#46;net",
    "anexpay&#x2Enet",
    "anexpay&period;net",
];

/// Headers that a page may need, and headers that say who made it.
const HEADERS: [&str; 33] = [
    "access-control-allow-origin",
    "alt-svc",
    "cache-control",
    "clear-site-data",
    "content-disposition",
    "content-language",
    "content-location",
    "content-security-policy",
    "content-security-policy-report-only",
    "etag",
    "expect-ct",
    "expires",
    "last-modified",
    "link",
    "nel",
    "p3p",
    "permissions-policy",
    "referrer-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "retry-after",
    "server",
    "server-timing",
    "set-cookie",
    "sourcemap",
    "strict-transport-security",
    "timing-allow-origin",
    "vary",
    "via",
    "www-authenticate",
    "x-content-type-options",
    "x-powered-by",
];

/// The client that every test uses panics at a name, and at a header that is not on its list.
#[test]
fn no_header_names_the_gateway_in_any_spelling() {
    let stage = Stage::branded();
    for spelling in SPELLINGS {
        let value = format!("max-age=60; a=\"{spelling}\"; b={spelling}");
        for kind in ["text/html", "image/png"] {
            let mut headers: Vec<(&str, &str)> = HEADERS.iter().map(|name| (*name, value.as_str())).collect();
            headers.push(("content-type", kind));
            stage.reply(PATH, 200, &headers, "x");
            let answer = stage.worker.get(PATH).send();
            assert_eq!((answer.status, answer.body.as_slice()), (200, b"x".as_slice()), "{spelling}");
            assert!(answer.header("Content-Security-Policy").is_some_and(|policy| policy.contains(&stage.worker.host())));
        }
    }
}

#[test]
fn the_content_type_itself_names_nobody() {
    let stage = Stage::branded();
    for spelling in SPELLINGS {
        stage.reply(PATH, 200, &[("content-type", &format!("text/html; profile=\"{spelling}\""))], "x");
        assert_eq!(stage.worker.get(PATH).send().status, 200, "{spelling}");
    }
}

/// A name in a header's own name, or in the status line, is as visible as any.
#[test]
fn neither_header_names_nor_trailers_nor_the_reason_pass() {
    let stage = Stage::branded();
    let head = "x-anexpay.net";
    stage.reply(PATH, 200, &[(head, "1"), ("anexpay.net", "1"), ("content-type", "text/html")], "x");
    assert_eq!(stage.worker.get(PATH).send().text(), "x");
    let body = "1\r\nx\r\n0\r\nX-Served-By: api.anexpay.net\r\n\r\n";
    stage.reply(PATH, 200, &[("transfer-encoding", "chunked"), ("trailer", "X-Served-By")], body);
    let answer = stage.worker.get(PATH).send();
    assert_eq!((answer.text(), answer.reason.as_str()), ("x", "OK"));
}

#[test]
fn cookies_pass_one_by_one_and_lose_their_domain() {
    let stage = Stage::branded();
    let cookies = [
        ("a=1; Domain=.anexpay.net; Path=/", "a=1; Path=/"),
        ("b=2;domain=checkout.anexpay.net;HttpOnly;Secure", "b=2;HttpOnly;Secure"),
        ("c=3; DOMAIN = anexpay.net ; SameSite=Lax", "c=3; SameSite=Lax"),
        ("d=4; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Domain", "d=4; Expires=Wed, 21 Oct 2037 07:28:00 GMT"),
        ("e=https://api.anexpay.net/; Path=/x", "e=http://{own}/; Path=/x"),
        ("f=api%2Eanexpay%2Enet", "f={own}"),
        ("__Host-g=7; Path=/; Secure", "__Host-g=7; Path=/; Secure"),
        ("domain=anexpay", "domain=anexpay"),
    ];
    let mut headers: Vec<(&str, &str)> = cookies.iter().map(|(up, _)| ("set-cookie", *up)).collect();
    headers.push(("content-type", "text/html"));
    for path in [PATH, "/pay.php"] {
        stage.reply(path, 200, &headers, "x");
        let target = if path == PATH { PATH.to_owned() } else { format!("{path}?{}", query(&stage)) };
        let answer = stage.worker.get(&target).send();
        let expected: Vec<String> = cookies.iter().map(|(_, down)| stage.own(down)).collect();
        assert_eq!(answer.all("Set-Cookie"), expected, "{path}");
    }
}

fn query(stage: &Stage) -> String {
    let address_in = stage.wallet("1").address_in;
    format!("address={address_in}&amount=60&currency=EUR&email=a%40b.example")
}

/// What a customer sends to the pages stays here.
#[test]
fn cookies_and_tokens_of_the_customer_do_not_go_up() {
    let stage = Stage::branded();
    let private = [
        "cookie",
        "authorization",
        "cf-connecting-ip",
        "x-forwarded-for",
        "x-real-ip",
        "referer",
        "origin",
        "proxy-authorization",
    ];
    let target = format!("/pay.php?{}", query(&stage));
    let mut request = stage.worker.get(&target).header("CF-IPCountry", "DE").header("PGTO-IPCountry", "US");
    for name in private {
        request = request.header(name, "private-value-1");
    }
    stage.sandbox.clear_requests();
    assert_eq!(request.send().status, 200);
    let received = stage.sandbox.requests();
    assert_eq!(received.len(), 1);
    for (name, value) in &received[0].headers {
        assert!(!private.contains(&name.as_str()) && !value.contains("private-value-1"), "{name}: {value}");
    }
    assert_eq!(received[0].header("pgto-ipcountry"), Some("DE"));
}

#[test]
fn redirects_of_pages_stay_on_our_host_or_lead_to_https() {
    let stage = Stage::branded();
    let ours = |path: &str| Some(format!("http://{}{path}", stage.worker.host()));
    let kept = |url: &str| Some(url.to_owned());
    let cases = [
        ("https://checkout.anexpay.net/next.php?a=%2f+1", ours("/next.php?a=%2f+1")),
        ("HTTPS://API.ANEXPAY.NET:443/x", ours("/x")),
        ("//www.anexpay.net/x#part", ours("/x#part")),
        ("/x?next=https%3A%2F%2Fapi.anexpay.net%2F", ours("/x?next=http%3A%2F%2F{own}%2F")),
        ("other?y=1", ours("/assets/other?y=1")),
        (
            "https://provider.example/buy?sig=a%2Fb+c%20d~%e2%82%ac",
            kept("https://provider.example/buy?sig=a%2Fb+c%20d~%e2%82%ac"),
        ),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)//https://x.example", None),
        ("data:text/html,<script>1</script>", None),
        ("vbscript:x", None),
        ("file:///etc/passwd", None),
        ("ftp://provider.example/", None),
        ("https://", None),
        ("", None),
    ];
    for status in [301, 302, 303, 307, 308] {
        for (location, expected) in &cases {
            let (status_of, what) = (expected.as_ref().map_or(502, |_| status), format!("{status} to {location}"));
            stage.reply(PATH, status, &[("location", location), ("content-type", "text/html")], "anexpay.net");
            let answer = stage.worker.get(PATH).send();
            let expected = expected.as_ref().map(|url| stage.own(url));
            assert_eq!((answer.status, answer.header("Location")), (status_of, expected.as_deref()), "{what}");
        }
    }
    stage.reply(PATH, 302, &[("content-type", "text/html")], "x");
    assert_error("no Location", &stage.worker.get(PATH).send(), 502, "gateway_invalid_reply");
}

/// Only the query of somebody else's URL may name the gateway, because changing it would break a signature.
#[test]
fn a_redirect_names_the_gateway_nowhere_but_in_a_query() {
    let stage = Stage::branded();
    for path in [PATH, "/process-payment.php"] {
        let target = if path == PATH { PATH.to_owned() } else { format!("{path}?{}&provider=moonpay", query(&stage)) };
        for location in [
            "https://anexpay.net@provider.example/x",
            "https://user:api%2Eanexpay.net@provider.example/x",
            "https://provider.example/anexpay.net/x",
            "https://provider.example/x#https://anexpay.net",
            "https://anexpay.net.provider.example/x",
            "https://anexpay%2Enet.provider.example/x",
        ] {
            stage.reply(path, 302, &[("location", location)], "");
            let answer = stage.worker.get(&target).try_send().unwrap_or_else(|error| panic!("{location}: {error}"));
            let names_gateway = answer.header("Location").is_some_and(|url| url.contains("anexpay"));
            assert!(answer.status >= 302 && !names_gateway, "{location}: {:?}", answer.header("Location"));
        }
    }
}

const GOSSIP: &str = "<html><head><title>checkout.anexpay.net</title><script>alert('x')</script></head><body>\
    <h1 onclick=x>Fatal error</h1> in /var/www/api&#46;anexpay&#46;net/pay.php &lt;script&gt;alert(1)&lt;/script&gt; \
    write to support@anexpay.net \\u0061nexpay.net \\anexpay.net \"anexpay.net\"</body></html>";

#[test]
fn error_pages_of_the_gateway_are_never_shown() {
    let stage = Stage::branded();
    let page = format!("/pay.php?{}", query(&stage));
    let cases = [
        (400, 422, "gateway_rejected"),
        (403, 422, "gateway_rejected"),
        (500, 502, "gateway_unavailable"),
        (502, 502, "gateway_unavailable"),
    ];
    for (status, expected, code) in cases {
        stage.reply("*", status, &[("content-type", "text/html"), ("x-powered-by", "anexpay.net")], GOSSIP);
        for target in [page.as_str(), PATH, "/control/convert.php?from=EUR&value=1"] {
            let what = format!("{status} on {target}");
            assert_error(&what, &stage.worker.get(target).send(), expected, code);
            let answer = stage.worker.get(target).header("Accept", "text/html").send();
            if !target.starts_with("/control") {
                assert_error_page(&what, &answer, expected, code);
            }
            for markup in ["<h1 onclick", "<script", "/title><"] {
                assert!(!answer.text().contains(markup), "{what}: {markup} in {}", answer.text());
            }
        }
    }
}

#[test]
fn an_error_page_in_any_coding_and_of_any_length_is_an_error() {
    let stage = Stage::branded();
    let huge = GOSSIP.repeat(5_000);
    for (coding, body) in [("identity", huge.as_str()), ("gzip", GOSSIP), ("zstd", GOSSIP), ("GZIP", GOSSIP)] {
        for (status, expected) in [(400, [422, 502].as_slice()), (500, &[502])] {
            stage.reply(PATH, status, &[("content-type", "text/html"), ("content-encoding", coding)], body);
            let answer = stage.worker.get(PATH).header("Accept", "text/html").send();
            assert!(expected.contains(&answer.status), "{status} in {coding}: {}", answer.status);
            assert!(answer.text().contains(BRAND) && answer.body.len() < 10_000, "{status} in {coding}");
        }
    }
}

/// What a provider's own signed URL says is the provider's: it is passed on to the byte, and told in the log.
#[test]
fn a_name_in_a_providers_url_is_kept_and_counted() {
    let stage = Stage::branded();
    stage.sandbox.configure(|settings| settings.provider_url_names_gateway = true);
    let target = format!("/process-payment.php?{}&provider=moonpay", query(&stage));
    let answer = stage.worker.get(&target).expect_provider_url().send();
    let location = answer.header("Location").expect("a redirect");
    assert!(location.contains("webhook=https%3A%2F%2Fapi.anexpay.net%2Fhook.php"), "{location}");
    assert!(stage.worker.logs("name_in_provider_url"), "{}", stage.worker.log());
}
