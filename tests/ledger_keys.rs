//! API keys: shown once, stored as a hash, checked, limited, revoked.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, done, stage as open_stage, text};
use serde_json::{Value, json};
use std::{fs, io, path::Path};

/// Whether any file below holds these bytes. A database's helpers come and go while it is looked at.
fn is_on_disk(folder: &Path, wanted: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return is_on_disk(&path, wanted);
        }
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            bytes => bytes.expect("a file").windows(wanted.len()).any(|window| window == wanted),
        }
    })
}

fn all_calls(caller: &Caller<'_>, path: &str) -> (u16, String) {
    let answer = caller.send("GET", path, &Value::Null);
    let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (answer.status, code)
}

#[test]
fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let stage = open_stage(&[]);
    let merchant = Caller::merchant(&stage);
    let made = merchant
        .request("POST", "api-keys", &json!({"name": "server", "scopes": ["events:read"]}))
        .header("idempotency-key", "\"make-a-key\"")
        .send();
    let (cacheable, made) = (made.header("cache-control").unwrap().to_owned(), done(&made));
    let secret = text(&made, "secret");
    assert!(secret.starts_with("lv_live_") && secret.len() == 80 && cacheable == "no-store");
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("secret");
    let id = text(&made, "id");
    assert_eq!(merchant.get(&format!("api-keys/{id}")), shown);
    assert!(merchant.list("api-keys").contains(&shown));
    let hint = text(&made, "hint");
    assert!(hint.starts_with("lv_live_") && hint.ends_with(&secret[76..]) && hint.len() < 24, "{hint}");
    // In no list, no event, and nowhere on the disk, the key's own random part neither.
    let others = [merchant.get("events?limit=100"), merchant.get("api-keys?limit=100")];
    assert!(others.iter().all(|list| !list.to_string().contains(&secret[24..72])));
    let folder = stage.worker.ledgers();
    assert!(is_on_disk(&folder, id.as_bytes()), "this is where the rows are");
    for part in [&secret, &secret[24..72], &secret[24..48], &merchant.token[24..72]] {
        assert!(!is_on_disk(&folder, part.as_bytes()), "the key is on disk");
    }
}

#[test]
fn a_mistyped_key_is_nobodys() {
    let stage = open_stage(&[]);
    let merchant = Caller::merchant(&stage);
    let (key, other) = (&merchant.token, Caller::merchant(&stage).token);
    let mut altered: Vec<String> = [0, 8, 30, 60, 79].map(|at| with_digit(key, at)).into();
    altered.extend([
        key[..79].to_owned(),
        format!("{key}0"),
        key.to_uppercase(),
        key.replace("lv_live_", "lv_test_"),
        // Right in form and checksum, and never issued: the account's own digits, another's chance.
        issued_by_nobody(key, &other),
    ]);
    for token in altered {
        assert_eq!(all_calls(&Caller::with_token(&stage, &token), "account"), (401, "invalid_api_key".into()), "{token}");
    }
    let spaced = Caller::with_token(&stage, &format!("  {key} "));
    assert_eq!(all_calls(&spaced, "account").0, 200);
}

fn with_digit(key: &str, at: usize) -> String {
    let digit = if &key[at..=at] == "1" { "2" } else { "1" };
    format!("{}{digit}{}", &key[..at], &key[at + 1..])
}

fn issued_by_nobody(key: &str, other: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let body = format!("{}{}", &key[..24], &other[24..72]);
    let hash = Sha256::digest(body.as_bytes());
    let sum = base16ct::lower::encode_string(&hash[..4]);
    format!("{body}{sum}")
}

#[test]
fn a_revoked_key_stays_in_the_list_and_works_no_more() {
    let stage = open_stage(&[]);
    let merchant = Caller::merchant(&stage);
    let made = merchant.post("api-keys", &json!({"name": "old"}));
    let (old, path) = (Caller::with_token(&stage, &text(&made, "secret")), format!("api-keys/{}", text(&made, "id")));
    assert_eq!((&made["last_used_at"], &made["revoked_at"]), (&json!(null), &json!(null)));
    assert_eq!(all_calls(&old, "account").0, 200);
    let used = merchant.get(&path)["last_used_at"].as_u64().expect("a moment");
    assert!(used >= made["created_at"].as_u64().unwrap());
    let revoked = done(&merchant.send("DELETE", &path, &Value::Null));
    assert!(revoked["revoked_at"].as_u64() >= Some(used));
    assert_eq!(done(&merchant.send("DELETE", &path, &Value::Null)), revoked, "again changes nothing");
    for path in ["account", "checkout-sessions", "events"] {
        assert_eq!(all_calls(&old, path), (401, "api_key_revoked".into()), "{path}");
    }
    assert!(merchant.list("api-keys").contains(&revoked));
    assert_eq!(merchant.list("events?type=api_key.revoked").len(), 1);
    assert_eq!(all_calls(&merchant, "account").0, 200, "others go on");
}

#[test]
fn a_key_makes_no_key_that_may_do_more() {
    let stage = open_stage(&[]);
    let keys = json!({"scopes": ["api_keys:write", "events:read"]});
    let limited = Caller::merchant_with(&stage, &json!({"name": "Shop", "payout_wallet": stage::MERCHANT}), &keys);
    for (body, status) in [
        (json!({"scopes": ["events:read"]}), 200),
        (json!({"scopes": ["events:read", "api_keys:write"]}), 200),
        (json!({"scopes": ["events:write"]}), 403),
        (json!({"scopes": ["checkout_sessions:read"]}), 403),
        (json!({"scopes": ["*"]}), 403),
        (json!({}), 403),
        (json!({"scopes": ["events:read"], "livemode": false}), 403),
    ] {
        let answer = limited.send("POST", "api-keys", &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    let test =
        Caller::merchant_with(&stage, &json!({"name": "B", "payout_wallet": stage::MERCHANT}), &json!({"livemode": false}));
    assert!(test.token.starts_with("lv_test_"));
    assert_eq!(test.refused("POST", "api-keys", &json!({"livemode": true})).0, 403);
    assert_eq!(test.post("api-keys", &json!({}))["livemode"], false, "its own mode is what it makes");
}

#[test]
fn what_is_wrong_with_a_new_key_is_named() {
    let stage = open_stage(&[]);
    let merchant = Caller::merchant(&stage);
    for (field, value) in [
        ("scopes", json!([])),
        ("scopes", json!("*")),
        ("scopes", json!(["everything"])),
        ("scopes", json!(["events"])),
        ("scopes", json!(["events:delete"])),
        ("scopes", json!(["events:read", 7])),
        ("scopes", json!({"events": "read"})),
        ("name", json!(["a"])),
        ("name", json!("x".repeat(501))),
        ("livemode", json!("true")),
        ("livemode", json!(1)),
    ] {
        let refused = merchant.refused("POST", "api-keys", &json!({field: value}));
        assert_eq!(refused, (400, "invalid_parameter".to_owned(), Some(field.to_owned())), "{value}");
    }
    let unknown = merchant.refused("POST", "api-keys", &json!({"scope": ["*"]}));
    assert_eq!(
        unknown,
        (400, "unknown_parameter".to_owned(), Some("scope".to_owned())),
        "a typing mistake gives no key to everything"
    );
    assert_eq!(merchant.list("api-keys").len(), 1);
}

#[test]
fn test_and_live_see_nothing_of_each_other() {
    let stage = open_stage(&[]);
    let live = Caller::merchant(&stage);
    let operator = Caller::operator_of(&stage, &live.account_id());
    let test = Caller::with_token(&stage, &text(&operator.post("api-keys", &json!({"livemode": false})), "secret"));
    let (real, tried) = (live.session(&json!({})), test.session(&json!({})));
    assert_eq!((&real["livemode"], &tried["livemode"]), (&json!(true), &json!(false)));
    for (caller, own, others) in [(&live, &real, &tried), (&test, &tried, &real)] {
        assert_eq!(caller.list("checkout-sessions"), std::slice::from_ref(own));
        let path = format!("checkout-sessions/{}", text(others, "id"));
        assert_eq!(caller.refused("GET", &path, &Value::Null).0, 404);
        assert_eq!(caller.refused("POST", &format!("{path}/cancel"), &Value::Null).0, 404);
        assert!(caller.list("events?limit=100").iter().all(|event| event["livemode"] == own["livemode"]));
        assert_eq!(caller.list("api-keys").len(), 1);
    }
    let wrong = live.refused("POST", "checkout-sessions", &json!({"amount": "1", "currency": "USD", "livemode": false}));
    assert_eq!(wrong, (400, "invalid_parameter".to_owned(), Some("livemode".to_owned())));
    assert_eq!(live.refused("GET", "events?livemode=false", &Value::Null).0, 400);
    assert_eq!(operator.list("checkout-sessions?livemode=false"), std::slice::from_ref(&tried), "the operator sees both");
    assert_eq!(operator.list("checkout-sessions"), [real]);
    assert_eq!(operator.get(&format!("checkout-sessions/{}", text(&tried, "id"))), tried);
}
