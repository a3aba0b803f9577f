//! Accounts of the REST API: every field there and back, what is wrong named by its field, and whom the operator's settings
//! leave a say.
mod ledger;
mod stage;
mod support;

use ledger::{ADMIN, Caller, stage as open_stage, text};
use serde_json::{Value, json};
use stage::{AFFILIATE, MERCHANT, STRANGER, Stage, failure};

const EARNING: [(&str, &str); 2] = [("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.01")];

/// Every field that can be set, each with a value.
fn all_fields() -> Value {
    json!({
        "name": "Sunflower & Söhne",
        "payout_wallet": MERCHANT,
        "affiliate_fee": "0.02",
        "default_currency": "EUR",
        "tolerance_bps": 250,
        "callback_url": "https://shop.example/paid?shop=1",
        "brand": {"name": "Sunflower", "logo": "https://shop.example/l.png", "background": "#fff", "theme": "#000", "button": "red"},
    })
}

/// A patch of one account, as its operator.
fn patch(operator: &Caller<'_>, id: &str, body: &Value) -> Value {
    ledger::done(&operator.send("PATCH", &format!("accounts/{id}"), body))
}

#[test]
fn every_field_is_there_and_back() {
    let stage = open_stage(&EARNING);
    let operator = Caller::operator(&stage);
    let made = operator.post("accounts", &all_fields());
    for (field, value) in all_fields().as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    let id = text(&made, "id");
    assert_eq!((&made["object"], &made["created_at"]), (&json!("account"), &made["updated_at"]));
    assert_eq!(operator.get(&format!("accounts/{id}")), made);
    assert_eq!(operator.list("accounts"), std::slice::from_ref(&made));
    let key = Caller::operator_of(&stage, &id).post("api-keys", &json!({}));
    let merchant = Caller::with_token(&stage, &text(&key, "secret"));
    assert_eq!(merchant.get("account"), made);
    assert_eq!(merchant.get(&format!("accounts/{id}")), made);
}

#[test]
fn a_patch_changes_what_it_names_and_null_unsets() {
    let stage = open_stage(&EARNING);
    let operator = Caller::operator(&stage);
    let made = operator.post("accounts", &all_fields());
    let id = text(&made, "id");
    let renamed = patch(&operator, &id, &json!({"name": "Other"}));
    assert_eq!(renamed["name"], "Other");
    assert!(renamed["updated_at"].as_u64() >= made["updated_at"].as_u64());
    let but = |mut account: Value, field: &str, value: Value| {
        account[field] = value;
        account["updated_at"] = json!(0);
        account
    };
    assert_eq!(but(renamed.clone(), "name", json!("")), but(made.clone(), "name", json!("")));
    let no_brand = json!({"name": null, "logo": null, "background": null, "theme": null, "button": null});
    let unset = [
        ("affiliate_fee", json!(null)),
        ("default_currency", json!(null)),
        ("tolerance_bps", json!(0)),
        ("callback_url", json!(null)),
        ("brand", no_brand),
    ];
    let mut before = renamed;
    for (field, value) in unset {
        let after = patch(&operator, &id, &json!({field: null}));
        assert_eq!(but(after.clone(), field, json!(0)), but(before, field, json!(0)), "{field} alone changes");
        assert_eq!(after[field], value, "{field}");
        before = after;
    }
    assert_eq!(operator.list("accounts"), std::slice::from_ref(&before), "the list has what became of it");
    assert_eq!(patch(&operator, &id, &json!({"payout_wallet": STRANGER}))["payout_wallet"], STRANGER);
    let events = Caller::operator_of(&stage, &id).list("events?limit=100&type=account.updated");
    assert_eq!(events.len(), 7);
    assert_eq!(events[0]["data"]["object"]["payout_wallet"], STRANGER, "newest first");
    assert_eq!(events[6]["data"]["object"]["name"], "Other");
}

#[test]
fn what_is_wrong_names_its_field() {
    let stage = open_stage(&EARNING);
    let operator = Caller::operator(&stage);
    let id = text(&operator.post("accounts", &all_fields()), "id");
    let long = "x".repeat(501);
    let wrong = [
        ("name", json!(7), "invalid_parameter"),
        ("name", json!(long), "invalid_parameter"),
        ("name", json!("a\u{7}b"), "invalid_parameter"),
        ("name", json!(""), "missing_parameter"),
        ("name", json!(null), "missing_parameter"),
        ("payout_wallet", json!(null), "missing_parameter"),
        ("payout_wallet", json!("0x12"), "invalid_wallet"),
        ("payout_wallet", json!("0xf977814e90dA44bFA03b6295A0616a897441aceC"), "wallet_checksum_mismatch"),
        ("payout_wallet", json!("0x0000000000000000000000000000000000000000"), "wallet_is_zero"),
        ("payout_wallet", json!("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"), "wallet_is_token_contract"),
        ("payout_wallet", json!([MERCHANT]), "invalid_parameter"),
        ("affiliate_fee", json!("1"), "invalid_split"),
        ("affiliate_fee", json!("0.99"), "invalid_split"),
        ("affiliate_fee", json!("-0.01"), "invalid_split"),
        ("affiliate_fee", json!("0"), "invalid_split"),
        ("affiliate_fee", json!(0.02), "invalid_parameter"),
        ("default_currency", json!("EURO"), "invalid_currency"),
        ("default_currency", json!(1), "invalid_parameter"),
        ("tolerance_bps", json!(10_001), "invalid_parameter"),
        ("tolerance_bps", json!(-1), "invalid_parameter"),
        ("tolerance_bps", json!(0.5), "invalid_parameter"),
        ("tolerance_bps", json!("1"), "invalid_parameter"),
        ("callback_url", json!("https://shop.example/paid"), "invalid_parameter"),
        ("callback_url", json!("ftp://shop.example/?a=1"), "invalid_parameter"),
        ("callback_url", json!(format!("https://shop.example/?a={}", "x".repeat(2048))), "invalid_parameter"),
        ("callback_url", json!("javascript:alert(1)"), "invalid_parameter"),
        ("callback_url", json!("https://user:pass@shop.example/?n=1"), "invalid_parameter"),
        ("brand", json!("red"), "invalid_parameter"),
        ("brand", json!([]), "invalid_parameter"),
        ("brand[logo]", json!({"logo": "data:image/png;base64,AA"}), "invalid_parameter"),
        ("brand[name]", json!({"name": {}}), "invalid_parameter"),
        ("brand[font]", json!({"font": "Arial"}), "unknown_parameter"),
    ];
    for (param, value, code) in wrong {
        let field = param.split('[').next().unwrap();
        let mut fields = all_fields();
        fields[field] = value.clone();
        let expected = (400, code.to_owned(), Some(param.to_owned()));
        assert_eq!(operator.refused("POST", "accounts", &fields), expected, "POST {field}: {value}");
        let path = format!("accounts/{id}");
        assert_eq!(operator.refused("PATCH", &path, &json!({field: value})), expected, "PATCH {field}: {value}");
    }
    assert_eq!(operator.list("accounts").len(), 1, "nothing was made");
    for (field, value) in all_fields().as_object().unwrap() {
        assert_eq!(&operator.get(&format!("accounts/{id}"))[field], value, "{field} is as it was");
    }
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let stage = open_stage(&[]);
    let operator = Caller::operator(&stage);
    let missing = |name: &str| (400, "missing_parameter".to_owned(), Some(name.to_owned()));
    assert_eq!(operator.refused("POST", "accounts", &json!({"name": "Shop"})), missing("payout_wallet"));
    assert_eq!(operator.refused("POST", "accounts", &json!({"payout_wallet": MERCHANT})), missing("name"));
    for field in ["id", "object", "created_at", "updated_at", "__proto__", "constructor", "Name", "name "] {
        let body = json!({"name": "Shop", "payout_wallet": MERCHANT, field: "x"});
        let expected = (400, "unknown_parameter".to_owned(), Some(field.to_owned()));
        assert_eq!(operator.refused("POST", "accounts", &body), expected);
    }
    let shares = json!({"name": "Shop", "payout_wallet": MERCHANT, "affiliate_fee": "0.02"});
    let nobodys = (400, "invalid_parameter".to_owned(), Some("affiliate_fee".to_owned()));
    assert_eq!(operator.refused("POST", "accounts", &shares), nobodys, "there is no affiliate wallet");
}

#[test]
fn a_merchants_key_changes_neither_wallet_nor_share() {
    let stage = open_stage(&EARNING);
    let merchant = Caller::merchant(&stage);
    let id = merchant.account_id();
    for (field, value) in [("payout_wallet", json!(STRANGER)), ("affiliate_fee", json!("0.001")), ("affiliate_fee", json!(null))]
    {
        let refused = merchant.refused("PATCH", &format!("accounts/{id}"), &json!({field: value}));
        assert_eq!(refused, (400, "parameter_not_allowed".to_owned(), Some(field.to_owned())));
    }
    assert_eq!(patch(&merchant, &id, &json!({"name": "Mine"}))["name"], "Mine");
    let seen = Caller::operator(&stage).get(&format!("accounts/{id}"));
    assert_eq!((&seen["payout_wallet"], &seen["affiliate_fee"], &seen["name"]), (&json!(MERCHANT), &json!(null), &json!("Mine")));
}

/// The harness panics if any answer or the log shows the operator's wallet.
#[test]
fn with_a_payout_wallet_there_is_one_account_that_shows_it_to_nobody() {
    let stage = open_stage(&[("PAYOUT_WALLET", MERCHANT), ("BRAND_NAME", "Sunflower Pay")]);
    let operator = Caller::operator(&stage);
    let accounts = operator.list("accounts");
    assert_eq!(accounts.len(), 1);
    let id = text(&accounts[0], "id");
    assert_eq!((&accounts[0]["name"], &accounts[0]["payout_wallet"]), (&json!("Sunflower Pay"), &json!(null)));
    for (method, path) in [("POST", "accounts"), ("PATCH", &*format!("accounts/{id}"))] {
        for wallet in [MERCHANT, STRANGER] {
            let refused = operator.refused(method, path, &json!({"name": "Another", "payout_wallet": wallet}));
            assert_eq!(refused, (403, "payout_wallet_fixed".to_owned(), Some("payout_wallet".to_owned())), "{method}");
        }
    }
    let key = Caller::with_token(&stage, &text(&operator.post("api-keys", &json!({})), "secret"));
    assert_eq!(key.account_id(), id, "no Livery-Account is needed");
    let changed = patch(&key, &id, &json!({"name": "Mine", "default_currency": "EUR"}));
    assert_eq!(operator.list("accounts"), [changed]);
}

#[test]
fn the_operator_needs_the_token_and_says_whom_they_mean() {
    let stage = open_stage(&[]);
    let merchant = Caller::merchant(&stage);
    let id = merchant.account_id();
    let sent = |caller: &Caller<'_>, path: &str| {
        let answer = caller.send("GET", path, &Value::Null);
        if answer.status == 200 { (200, String::new()) } else { (answer.status, failure(&answer).1) }
    };
    assert_eq!(sent(&Caller::operator(&stage), "events"), (400, "account_required".into()));
    for (account, expected) in [
        (id.as_str(), (200, "")),
        ("acct_0123456789abcdef", (404, "resource_missing")),
        ("acct_0000000000000000", (404, "resource_missing")),
        ("acct_ffffffffffffffff", (404, "resource_missing")),
        ("acct_", (404, "resource_missing")),
        ("", (404, "resource_missing")),
        ("../../x", (404, "resource_missing")),
    ] {
        let operator = Caller::operator_of(&stage, account);
        assert_eq!(sent(&operator, "events"), (expected.0, expected.1.to_owned()), "{account}");
        let made = operator.send("POST", "api-keys", &json!({}));
        assert_eq!(made.status, expected.0, "{account}: {}", made.text());
    }
    for token in [&ADMIN[1..], &format!("{ADMIN}x"), &ADMIN.to_uppercase(), "x", "lv_live_"] {
        assert_eq!(sent(&Caller::with_token(&stage, token), "accounts"), (401, "invalid_api_key".into()), "{token}");
    }
    let closed = Stage::with(&[]);
    for token in [ADMIN, "", "undefined"] {
        let (status, _) = sent(&Caller::with_token(&closed, token), "accounts");
        assert_eq!(status, 401, "without ADMIN_TOKEN nobody is the operator");
    }
}
