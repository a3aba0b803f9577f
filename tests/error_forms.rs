//! How errors look: an envelope for programs, a branded page for browsers, and both tell the request id. Wrong methods,
//! unknown paths, oversized requests and forms that cannot be checked.
mod stage;
mod support;

use stage::{Stage, failure};
use support::client::Answer;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn request_id(answer: &Answer) -> String {
    let id = answer.header("Request-Id").expect("a request id").to_owned();
    let digits = id.strip_prefix("req_").unwrap_or_else(|| panic!("{id}"));
    assert!(digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
    id
}

fn keys(value: &serde_json::Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn programs_get_the_envelope() {
    let stage = Stage::with(&[]);
    let answer = stage.get("/control/wallet.php?address=0x12").send();
    let json = answer.json();
    assert_eq!(keys(&json), ["error"]);
    assert_eq!(keys(&json["error"]), ["code", "message", "param", "request_id", "type"]);
    assert_eq!(json["error"]["type"], "invalid_request_error");
    assert_eq!(json["error"]["request_id"], request_id(&answer));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    let other = stage.get("/control/wallet.php?address=0x12").send();
    assert_ne!(request_id(&answer), request_id(&other));
    let without = stage.get("/control/none.php").send();
    assert_eq!(keys(&without.json()["error"]), ["code", "message", "request_id", "type"]);
}

#[test]
fn problem_details_for_those_who_ask() {
    let stage = Stage::with(&[]);
    for (target, status) in [("/control/wallet.php?address=0x12", 400), ("/checkout?amount=25", 403), ("/control/none.php", 404)]
    {
        let answer = stage.get(target).header("Accept", "application/problem+json, text/html").send();
        let json = answer.json();
        assert_eq!((answer.status, answer.header("Content-Type")), (status, Some("application/problem+json")));
        assert_eq!((&json["status"], &json["request_id"]), (&status.into(), &request_id(&answer).into()), "{target}");
        for name in ["type", "title", "detail", "code"] {
            assert!(json[name].as_str().is_some_and(|text| !text.is_empty()), "{target}: {name} in {json}");
        }
    }
}

#[test]
fn browsers_get_a_branded_page() {
    let stage = Stage::with(&[("BRAND_NAME", "Tea & Co"), ("SUPPORT_URL", "https://help.example/")]);
    let targets = [
        ("/checkout?amount=25", 403, "link_signature_required"),
        ("/process-payment.php?amount=0", 400, "missing_parameter"),
        ("/pay.php", 400, "missing_parameter"),
        ("/assets/none.css?domain=x", 400, "parameter_not_allowed"),
        ("/.hidden", 404, "not_found"),
    ];
    for (target, status, code) in targets {
        let answer = stage.get(target).header("Accept", BROWSER).send();
        assert_eq!((answer.status, answer.header("Content-Type")), (status, Some("text/html; charset=utf-8")), "{target}");
        let page = answer.text();
        assert!(["Tea &#38; Co", "https://help.example/", code].iter().all(|text| page.contains(text)), "{target}: {page}");
        assert!(page.contains(&request_id(&answer)), "{target}");
        let policy = answer.header("Content-Security-Policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
    }
}

#[test]
fn api_routes_answer_browsers_in_json() {
    let stage = Stage::with(&[]);
    let targets = [
        "/control/wallet.php",
        "/control/affiliate.php",
        "/control/convert.php",
        "/control/payment-status.php",
        "/callback",
        "/set-affiliate.php",
    ];
    for target in targets {
        let answer = stage.get(target).header("Accept", BROWSER).send();
        assert_eq!(answer.header("Content-Type"), Some("application/json"), "{target}");
        assert_eq!(answer.json()["error"]["request_id"], request_id(&answer));
    }
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Every route with the methods that it serves.
const ROUTES: [(&str, &str); 16] = [
    ("/", "GET, HEAD"),
    ("/healthz", "GET, HEAD"),
    ("/checkout", "GET"),
    ("/callback", "GET"),
    ("/control/wallet.php", "GET"),
    ("/control/affiliate.php", "GET"),
    ("/control/custom-affiliate.php", "GET"),
    ("/control/custom-sub-affiliate.php", "GET"),
    ("/set-affiliate.php", "GET, POST"),
    ("/process-payment.php", "GET"),
    ("/pay.php", "GET, HEAD"),
    ("/control/provider-status", "GET"),
    ("/control/convert.php", "GET"),
    ("/control/payment-status.php", "GET"),
    ("/crypto/polygon/pol/info.php", "GET"),
    ("/assets/app.css", "GET, HEAD, POST"),
];

#[test]
fn wrong_methods_are_refused_with_the_right_ones() {
    let stage = Stage::with(&[]);
    for (path, allowed) in ROUTES {
        for method in METHODS.iter().filter(|method| !allowed.split(", ").any(|name| name == **method)) {
            let answer = stage.worker.request(method, path).send();
            assert_eq!((answer.status, answer.header("Allow")), (405, Some(allowed)), "{method} {path}");
            if *method != "HEAD" {
                assert_eq!(failure(&answer).1, "method_not_allowed", "{method} {path}");
            }
        }
    }
    assert!(stage.asked().is_empty());
}

#[test]
fn unknown_paths_stay_here() {
    let stage = Stage::with(&[]);
    let paths = [
        "/control/unknown.php",
        "/control/",
        "/Control/wallet.php",
        "//control/wallet.php",
        "/x/control/wallet.php",
        "/%63ontrol/wallet.php",
        "/control%2fwallet.php",
        "/control/wallet.php/",
        "/control/wallet.php/x",
        "/crypto/polygon/pol/wallet.php",
        "/crypto/hosted.php",
        "/pay.php/x",
        "/PAY.php",
        "/process-payment.php/hop/0",
        "/.env",
        "/a//b",
    ];
    for path in paths {
        let answer = stage.get(path).send();
        assert_eq!(failure(&answer), (404, "not_found".into(), None), "{path}");
    }
    assert!(stage.asked().is_empty());
    let missing = stage.get("/assets/none.css").send();
    assert_eq!(failure(&missing), (404, "not_found".into(), None));
}

#[test]
fn oversized_urls_and_bodies_are_refused() {
    let stage = Stage::with(&[]);
    for path in ["/control/wallet.php?x=", "/assets/app.css?x=", "/none/?x="] {
        let send = |length: usize| stage.get(&format!("{path}{}", "a".repeat(length - path.len()))).send();
        assert_ne!(send(8192).status, 414, "{path}");
        stage.asked();
        assert_eq!(failure(&send(8194)), (414, "url_too_long".into(), None), "{path}");
    }
    let form = |size: usize| {
        let body = format!("note={}", "a".repeat(size - 5));
        stage.worker.request("POST", "/receipt.php").header("Content-Type", "application/x-www-form-urlencoded").body(body).send()
    };
    assert!(stage.asked().is_empty());
    assert_eq!(failure(&form(64 * 1024 + 1)), (413, "body_too_large".into(), None));
    assert_eq!(failure(&form(1024 * 1024)), (413, "body_too_large".into(), None));
    assert!(stage.asked().is_empty());
    assert_eq!(form(64 * 1024).status, 200);
    assert_eq!(stage.asked_once().body.len(), 64 * 1024);
}

#[test]
fn assets_and_forms_cannot_carry_the_operators_parameters() {
    let stage = Stage::with(&[]);
    let own = format!("domain={}", stage.worker.host());
    let names = [
        ("domain", "domain"),
        ("%64omain", "domain"),
        ("domain[]", "domain"),
        ("+affiliate", "affiliate"),
        ("affiliate.fee", "affiliate_fee"),
        ("merchant%20fee", "merchant_fee"),
        ("sub_affiliate", "sub_affiliate"),
        ("sub.affiliate_fee%00x", "sub_affiliate_fee"),
        ("merchant[fee", "merchant_fee"),
        ("sub%5Baffiliate[fee", "sub_affiliate_fee"),
    ];
    let post = |body: &str| {
        stage.worker.request("POST", "/receipt.php").header("Content-Type", "application/x-www-form-urlencoded").body(body).send()
    };
    for (name, param) in names {
        let query = format!("a=1&{own}&{name}=evil.example");
        for answer in [stage.get(&format!("/assets/app.css?{query}")).send(), post(&query)] {
            assert_eq!(failure(&answer), (400, "parameter_not_allowed".into(), Some(param.into())), "{query}");
        }
    }
    assert!(stage.asked().is_empty());
    let fine = format!("email=j%40example.com&{own}");
    assert_eq!((stage.get(&format!("/assets/app.css?{fine}")).send().status, post(&fine).status), (200, 200));
    let asked = stage.asked();
    assert_eq!((asked[0].query.as_str(), asked[1].body.as_slice()), (fine.as_str(), fine.as_bytes()));
}

#[test]
fn forms_that_cannot_be_checked_are_refused() {
    let stage = Stage::with(&[]);
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"domain\"\r\n\r\nevil.example\r\n--x--\r\n";
    let kinds = [
        (Some("multipart/form-data; boundary=x"), multipart),
        (Some("text/plain"), "domain=evil.example"),
        (Some("application/x-www-form-urlencodedx"), "domain=evil.example"),
        (None, "domain=evil.example"),
    ];
    for (kind, body) in kinds {
        let request = stage.worker.request("POST", "/receipt.php").body(body);
        let request = kind.into_iter().fold(request, |request, kind| request.header("Content-Type", kind));
        assert_eq!(failure(&request.send()), (415, "unsupported_media_type".into(), None), "{kind:?}");
    }
    let bytes = stage.worker.request("POST", "/receipt.php").header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(bytes.body(b"a=\xff").send().status, 415);
    assert!(stage.asked().is_empty());
}
