//! Bodies that are no good, and errors in both of their forms.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, done, stage as open_stage, text};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stage::failure;

const PROBLEM: &str = "application/problem+json";

#[test]
fn bodies_that_are_not_one_object_are_refused() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.session(&json!({}));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let metadata = |value: &str| format!("{{\"amount\":\"5\",\"currency\":\"USD\",\"metadata\":{value}}}");
    let bodies: Vec<(Vec<u8>, u16, &str)> = vec![
        (b"[]".into(), 400, "invalid_json"),
        (b"null".into(), 400, "invalid_json"),
        (b"7".into(), 400, "invalid_json"),
        (b"\"amount\"".into(), 400, "invalid_json"),
        (b"{".into(), 400, "invalid_json"),
        (b"{} {}".into(), 400, "invalid_json"),
        (b"{\"amount\":5,}".into(), 400, "invalid_json"),
        (b"{'amount':5}".into(), 400, "invalid_json"),
        (b"{\"amount\":NaN}".into(), 400, "invalid_json"),
        (b"amount=5&currency=USD".into(), 400, "invalid_json"),
        (b"\xff\xfe{\x00}\x00".into(), 400, "invalid_json"),
        (b"{\"customer_name\":\"\xff\"}".into(), 400, "invalid_json"),
        (b"\xef\xbb\xbf{}".into(), 400, "invalid_json"),
        (b"\x00".into(), 400, "invalid_json"),
        (b"{}".into(), 400, "missing_parameter"),
        (b"   \n".into(), 400, "missing_parameter"),
        (b"{\"customer_name\":\"\\ud800\",\"amount\":\"5\",\"currency\":\"USD\"}".into(), 400, "invalid_parameter"),
        (b"{\"amount\":1e400,\"currency\":\"USD\"}".into(), 400, "invalid_amount"),
        (format!("{{\"amount\":{},\"currency\":\"USD\"}}", "9".repeat(60_000)).into(), 400, "invalid_amount"),
        (format!("{{\"amount\":{}}}", nested(30_000)).into(), 400, "invalid_amount"),
        (metadata(&nested(30_000)).into(), 400, "invalid_parameter"),
        (metadata(&"{\"a\":".repeat(9_000)).into(), 400, "invalid_json"),
        (metadata("{\"__proto__\":{\"polluted\":\"yes\"}}").into(), 400, "invalid_parameter"),
        (b"{\"__proto__\":{\"amount\":\"5\"},\"currency\":\"USD\"}".into(), 400, "unknown_parameter"),
        (vec![b' '; 64 * 1024 + 1], 413, "body_too_large"),
        (vec![b'['; 64 * 1024], 400, "invalid_json"),
        (vec![b'{'; 300 * 1024], 413, "body_too_large"),
    ];
    let account = shop.account_id();
    for (method, path) in [("POST", "checkout-sessions".to_owned()), ("PATCH", format!("accounts/{account}"))] {
        for (body, status, code) in &bodies {
            let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let answer = shop.request(method, &path, &Value::Null).body(body.clone()).send();
            if method == "PATCH" && answer.status == 200 {
                assert!(start.trim().is_empty() || start == "{}", "{start}");
                continue;
            }
            let (got, found, _) = failure(&answer);
            let is_other = method == "PATCH" && *status == 400 && *code != "invalid_json";
            assert!(got == *status && (found == *code || is_other), "{method} {start}: {got} {found}, not {code}");
        }
    }
    assert_eq!(shop.list("checkout-sessions"), [session], "nothing came of any of them");
}

#[test]
fn of_several_values_the_last_counts_as_everywhere() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let body = r#"{"amount":"1","amount":"2","currency":"EUR","currency":"USD","metadata":{"a":"1","a":"2"}}"#;
    let made = done(&shop.request("POST", "checkout-sessions", &Value::Null).body(body).send());
    assert_eq!((&made["amount"], &made["currency"], &made["metadata"]), (&json!("2"), &json!("USD"), &json!({"a": "2"})));
}

/// 64 KiB is read to the end; it holds more than any session needs.
#[test]
fn the_largest_body_is_taken() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let metadata: serde_json::Map<String, Value> =
        (0..50).map(|n| (format!("{n:040}"), json!("\u{10FFFF}".repeat(250)))).collect();
    let mut body = json!({"amount": "1", "currency": "USD", "metadata": metadata}).to_string();
    body.push_str(&" ".repeat(64 * 1024 - body.len()));
    let made = done(&shop.request("POST", "checkout-sessions", &Value::Null).body(body).send());
    assert_eq!(made["metadata"], json!(metadata));
}

#[test]
fn errors_come_in_both_forms_with_the_request_id_of_the_header() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.session(&json!({}));
    let id = text(&session, "id");
    shop.post(&format!("checkout-sessions/{id}/cancel"), &json!({}));
    let nobody = Caller::with_token(&stage, "lv_live_");
    let cases = [
        (
            &shop,
            "POST",
            "checkout-sessions".to_owned(),
            json!({"amount": "x"}),
            400,
            "invalid_request_error",
            "invalid_amount",
            Some("amount"),
        ),
        (
            &shop,
            "POST",
            "checkout-sessions".to_owned(),
            json!({"sum": "x"}),
            400,
            "invalid_request_error",
            "unknown_parameter",
            Some("sum"),
        ),
        (
            &shop,
            "GET",
            "events?limit=0".to_owned(),
            Value::Null,
            400,
            "invalid_request_error",
            "invalid_parameter",
            Some("limit"),
        ),
        (&nobody, "GET", "events".to_owned(), Value::Null, 401, "authentication_error", "invalid_api_key", None),
        (&shop, "GET", "accounts".to_owned(), Value::Null, 403, "permission_error", "insufficient_scope", None),
        (&shop, "GET", "checkout-sessions/cs_1".to_owned(), Value::Null, 404, "invalid_request_error", "resource_missing", None),
        (&shop, "PUT", "events".to_owned(), Value::Null, 405, "invalid_request_error", "method_not_allowed", None),
        (&shop, "POST", format!("checkout-sessions/{id}/expire"), json!({}), 409, "invalid_request_error", "session_state", None),
        (
            &shop,
            "POST",
            "checkout-sessions".to_owned(),
            json!({"customer_name": "x".repeat(70_000)}),
            413,
            "invalid_request_error",
            "body_too_large",
            None,
        ),
    ];
    for (caller, method, path, body, status, kind, code, param) in cases {
        let answer = caller.send(method, &path, &body);
        stage::assert_error(code, &answer, status, code);
        let error = &answer.json()["error"];
        assert_eq!((error["type"].as_str(), error["param"].as_str()), (Some(kind), param), "{code}");
        let problem = caller.request(method, &path, &body).header("accept", &format!("{PROBLEM}, */*;q=0.1")).send();
        assert_eq!((problem.status, problem.header("content-type")), (status, Some(PROBLEM)), "{code}");
        let json = problem.json();
        assert_eq!((&json["status"], &json["code"], json["param"].as_str()), (&json!(status), &json!(code), param));
        assert_eq!(json["request_id"].as_str(), problem.header("request-id"), "{code}");
        assert_eq!((&json["detail"], &json["type"]), (&error["message"], &json!("about:blank")));
        assert_eq!(problem.header("cache-control"), Some("no-store"));
    }
    let page = shop.request("GET", "events?limit=0", &Value::Null).header("accept", "text/html").send();
    assert_eq!(page.header("content-type"), Some("application/json"), "programs call it, whatever they accept");
    let good = shop.request("GET", "events", &Value::Null).header("accept", PROBLEM).send();
    assert_eq!((good.status, good.header("content-type")), (200, Some("application/json")));
}

/// What a caller sends as a header never reaches the ledger as the Worker's own word.
#[test]
fn nobody_speaks_for_the_worker() {
    let stage = open_stage(&[]);
    let (shop, other) = (Caller::merchant(&stage), Caller::merchant(&stage));
    let own = shop.account_id();
    for (name, value) in [
        ("livery-actor", "operator"),
        ("livery-account", &*other.account_id()),
        ("livery-account", &other.account_id().replace("acct_", "")),
        ("x-forwarded-host", "own.ledger"),
    ] {
        let request = shop.request("GET", "account", &Value::Null);
        assert_eq!(done(&request.header(name, value).send())["id"], json!(own), "{name}: {value}");
        let list = shop.request("GET", "accounts", &Value::Null).header(name, value).send();
        assert_eq!(failure(&list).1, "insufficient_scope", "{name}: {value}");
    }
    let bare = stage.worker.request("GET", "/api/v1/events").header("livery-actor", "operator").header("livery-account", &own);
    assert_eq!(failure(&bare.send()).1, "api_key_required");
}

/// A key of the right form, which anybody can make, names a ledger; and on the way to it a path loses its dots.
#[test]
fn what_the_worker_alone_asks_of_a_ledger_nobody_else_can() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let account = shop.get("account");
    let body = format!("lv_live_{}{}", text(&account, "id").replace("acct_", ""), "07".repeat(24));
    let checksum = base16ct::lower::encode_string(&Sha256::digest(&body));
    let stranger = Caller::with_token(&stage, &format!("{body}{}", &checksum[..8]));
    let mut taken = account.clone();
    (taken["name"], taken["payout_wallet"]) = (json!("Thief"), json!(stage::STRANGER));
    taken["updated_at"] = json!(account["updated_at"].as_u64().expect("a moment") + 1);
    let ways = [
        "/",
        "/api/v1/../../",
        "/api/v1/%2e%2e/.%2E/",
        "/api/v1/..\\..\\",
        "/api/v1/accounts/..\\..\\..\\",
        "/api/v1//../../../",
    ];
    for (way, name) in ways.iter().flat_map(|way| ["alarm", "report", "wallet", "copy"].map(|name| (way, name))) {
        for caller in [&shop, &stranger, &Caller::operator_of(&stage, &text(&account, "id"))] {
            let answer = caller.request("POST", &format!("{way}{name}"), &taken).send();
            assert!(answer.status >= 400 && answer.status < 500, "{way}{name} is not for the outside: {}", answer.text());
            assert_eq!(shop.get("account"), account, "{way}{name}");
        }
    }
}
