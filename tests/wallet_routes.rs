//! The four wallet routes: which script and which query the gateway receives, in every split mode and from every caller.
mod stage;
mod support;

use livery_sandbox::{Decimal, Fault, opaque, php};
use stage::{
    AFFILIATE, MERCHANT, Made, OTHER_STRANGER, STRANGER, SUB_AFFILIATE, Stage, assert_keeps_secret, encode, failure, read, token,
    whole,
};

type Row = (&'static str, &'static str);

const SCRIPTS: [&str; 4] = ["wallet.php", "affiliate.php", "custom-affiliate.php", "custom-sub-affiliate.php"];

/// The operator's split, the script that it needs, and what that script is told besides wallet and callback.
const MODES: [(&[Row], &str, &[Row]); 3] = [
    (&[("AFFILIATE_WALLET", AFFILIATE)], "/control/affiliate.php", &[("affiliate", AFFILIATE)]),
    (
        &[("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.015")],
        "/control/custom-affiliate.php",
        &[("affiliate", AFFILIATE), ("affiliate_fee", "0.015"), ("merchant_fee", "0.975")],
    ),
    (
        &[
            ("AFFILIATE_WALLET", AFFILIATE),
            ("AFFILIATE_FEE", "0.01"),
            ("SUB_AFFILIATE_WALLET", SUB_AFFILIATE),
            ("SUB_AFFILIATE_FEE", "0.0025"),
        ],
        "/control/custom-sub-affiliate.php",
        &[
            ("affiliate", AFFILIATE),
            ("affiliate_fee", "0.01"),
            ("merchant_fee", "0.9775"),
            ("sub_affiliate_fee", "0.0025"),
            ("sub_affiliate", SUB_AFFILIATE),
        ],
    ),
];

/// What a caller might add to get the shares.
fn greed() -> String {
    format!(
        "&affiliate={STRANGER}&affiliate_fee=0.5&merchant_fee=0.4&sub_affiliate={OTHER_STRANGER}&sub_affiliate_fee=0.09\
         &domain=evil.example&x=1"
    )
}

/// Checks that the gateway was asked exactly once, for this script, with these parameters and no others.
fn assert_asked(stage: &Stage, what: &str, path: &str, rest: &[Row]) {
    let asked = stage.asked_once();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", path), "{what}");
    let callback = format!("{}/callback?token={}", stage.worker.url(), token(&asked));
    let mut expected = vec![("address", MERCHANT), ("callback", callback.as_str())];
    expected.extend(rest);
    let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(read(&asked.query), expected, "{what}");
    assert_eq!(asked.query.split('&').count(), expected.len(), "{what}: something is hidden in {}", asked.query);
    assert_whole(what, rest);
}

/// All shares given to the gateway make exactly 0.99.
fn assert_whole(what: &str, parameters: &[Row]) {
    let shares = parameters.iter().filter(|(name, _)| name.ends_with("_fee"));
    let shares: Vec<Decimal> = shares.map(|(_, share)| share.parse().expect("a decimal")).collect();
    assert!(shares.is_empty() || shares.iter().sum::<Decimal>() == Decimal::new(99, 2), "{what}: {shares:?}");
}

#[test]
fn the_operators_split_is_used_whichever_script_a_caller_names() {
    for (settings, path, rest) in MODES {
        let stage = Stage::with(settings);
        let callback = encode(&stage.shop_callback("1"));
        for script in SCRIPTS {
            let query = format!("address={MERCHANT}&callback={callback}{}", greed());
            let answer = stage.get(&format!("/control/{script}?{query}")).send();
            assert_eq!(answer.status, 200, "{script}: {}", answer.text());
            assert_asked(&stage, script, path, rest);
        }
    }
}

/// Names that PHP reads as one of the operator's, each with what becomes of the request: 200 where the name is passed over,
/// 400 where it is none that anybody writes by accident.
const DISGUISES: [(&str, u16); 19] = [
    ("%61ffiliate", 200),
    ("affiliate%5Ffee", 200),
    ("%6d%65rchant_fee", 200),
    ("Affiliate", 200),
    ("AFFILIATE_FEE", 200),
    ("domain", 200),
    ("domain%5B%5D", 200),
    (".domain", 200),
    ("affiliate%5B%5D", 400),
    ("affiliate[0][x]", 400),
    ("+affiliate", 400),
    ("%20%20affiliate", 400),
    ("affiliate%00x", 400),
    ("affiliate.fee", 400),
    ("affiliate+fee", 400),
    ("affiliate%5Bfee", 400),
    ("merchant.fee", 400),
    ("sub.affiliate", 400),
    ("sub+affiliate.fee", 400),
];

#[test]
fn no_disguise_of_a_callers_parameter_reaches_the_gateway() {
    let (settings, path, rest) = MODES[1];
    let stage = Stage::with(settings);
    let callback = encode(&stage.shop_callback("2"));
    for (name, status) in DISGUISES {
        let ends = [
            format!("{name}={STRANGER}&address={MERCHANT}&callback={callback}"),
            format!("address={MERCHANT}&callback={callback}&{name}=0.9"),
        ];
        for query in ends {
            let answer = stage.get(&format!("/control/custom-affiliate.php?{query}")).send();
            assert_eq!(answer.status, status, "{query}: {}", answer.text());
            match status {
                200 => assert_asked(&stage, name, path, rest),
                _ => assert!(stage.asked().is_empty(), "{name}"),
            }
        }
    }
}

/// With no affiliate of the operator's: the caller's script, and what the gateway is told besides wallet and callback.
const OWN: [(&str, &[Row], &[Row]); 4] = [
    ("wallet.php", &[("affiliate", STRANGER), ("merchant_fee", "0.1"), ("domain", "evil.example")], &[]),
    ("affiliate.php", &[("affiliate", AFFILIATE), ("affiliate_fee", "0.9")], &[("affiliate", AFFILIATE)]),
    (
        "custom-affiliate.php",
        &[("merchant_fee", "0.98"), ("affiliate_fee", "0.010"), ("affiliate", AFFILIATE), ("domain", "evil.example")],
        &[("affiliate", AFFILIATE), ("affiliate_fee", "0.01"), ("merchant_fee", "0.98")],
    ),
    (
        "custom-sub-affiliate.php",
        &[
            ("sub_affiliate", SUB_AFFILIATE),
            ("sub_affiliate_fee", "0.01"),
            ("affiliate", AFFILIATE),
            ("affiliate_fee", "0.01"),
            ("merchant_fee", "0.97"),
        ],
        &[
            ("affiliate", AFFILIATE),
            ("affiliate_fee", "0.01"),
            ("merchant_fee", "0.97"),
            ("sub_affiliate_fee", "0.01"),
            ("sub_affiliate", SUB_AFFILIATE),
        ],
    ),
];

#[test]
fn without_an_affiliate_the_callers_split_is_passed_on() {
    let stage = Stage::with(&[]);
    for (script, sent, rest) in OWN {
        let sent: Vec<_> = sent.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let callback = encode(&stage.shop_callback("3"));
        let target = format!("/control/{script}?address={MERCHANT}&callback={callback}&{}&x=1", sent.join("&"));
        let made = Made::from(&stage.get(&target).send());
        assert_asked(&stage, script, &format!("/control/{script}"), rest);
        let split = stage.sandbox.wallet(&made.polygon_address_in).expect("the wallet").split;
        assert_eq!(split.iter().map(|(_, share)| share).sum::<Decimal>(), Decimal::new(99, 2), "{script}");
    }
}

#[test]
fn the_operators_wallet_is_paid_and_no_other() {
    let stage = Stage::with(&[("PAYOUT_WALLET", MERCHANT)]);
    let lower = MERCHANT.to_lowercase();
    for (number, address) in
        ["", "address=&", &format!("address={MERCHANT}&"), &format!("address={lower}&")].into_iter().enumerate()
    {
        let callback = encode(&stage.shop_callback(&format!("4{number}")));
        let answer = stage.get(&format!("/control/wallet.php?{address}callback={callback}")).send();
        assert_eq!(answer.status, 200, "{address}: {}", answer.text());
        assert_asked(&stage, address, "/control/wallet.php", &[]);
    }
    let callback = encode(&stage.shop_callback("5"));
    for script in SCRIPTS {
        let query = format!("address={STRANGER}&callback={callback}&affiliate={AFFILIATE}&affiliate_fee=0.01&merchant_fee=0.98");
        let query = format!("{query}&sub_affiliate={SUB_AFFILIATE}&sub_affiliate_fee=0.01");
        let query = if script.contains("sub") { query.replace("0.98", "0.97") } else { query };
        let refused = stage.get(&format!("/control/{script}?{query}")).send();
        assert_eq!(failure(&refused), (403, "payout_wallet_fixed".into(), Some("address".into())), "{script}");
        assert!(stage.asked().is_empty(), "{script}");
    }
}

#[test]
fn the_answer_has_the_four_fields_and_the_merchants_own_callback() {
    let stage = Stage::with(&[]);
    let callback = "https://shop.example/paid?order=1001&note=a%2Bb c".replace(' ', "%20");
    let answer = stage.get(&stage::wallet_target(&callback)).send();
    let fields = ["address_in", "polygon_address_in", "callback_url", "ipn_token"];
    let places: Vec<_> = fields.iter().map(|name| answer.text().find(&format!("\"{name}\":"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", answer.text());
    assert_eq!(answer.json().as_object().map(serde_json::Map::len), Some(4));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let made = Made::from(&answer);
    assert_eq!(made.callback_url, callback);
    assert_eq!(opaque::open_address(&php::decode(&made.address_in)).as_ref(), Some(&made.polygon_address_in));
    assert!(!made.address_in.contains(['+', '/', '=']), "{}", made.address_in);
    let wallet = stage.sandbox.wallet(&made.polygon_address_in).expect("the gateway's own record");
    assert_eq!(made.ipn_token, wallet.ipn_token);
}

#[test]
fn the_same_callback_gives_the_same_receiving_address_and_shows_nothing_of_itself() {
    let stage = Stage::with(&[("AFFILIATE_WALLET", AFFILIATE)]);
    let (first, again, other) = (stage.wallet("5"), stage.wallet("5"), stage.wallet("6"));
    assert_eq!(first.polygon_address_in, again.polygon_address_in);
    assert_eq!(first.ipn_token, again.ipn_token);
    assert_ne!(first.polygon_address_in, other.polygon_address_in);
    let asked = stage.asked();
    assert_eq!(token(&asked[0]), token(&asked[1]));
    let shop = stage.sandbox.shop_url();
    let shop = shop.split_once("://").expect("a URL").1;
    for request in asked {
        let everything = format!("{} {:?}", php::decode(&request.query), request.headers);
        assert!(!everything.contains(shop) && !everything.contains("orders.php"), "{everything}");
    }
}

#[test]
fn no_secret_is_in_an_answer_or_in_the_log() {
    let keys = "partner=a-downline-key-of-forty-characters-01234";
    let mut settings = MODES[2].0.to_vec();
    settings.extend([
        ("PAYOUT_WALLET", MERCHANT),
        ("ADMIN_TOKEN", "an-admin-token-of-forty-characters-012345"),
        ("DOWNLINE_KEYS", keys),
        ("POLYGON_RPC_URL", "https://rpc.example/a-secret-path"),
    ]);
    let stage = Stage::with(&settings);
    let secrets =
        [MERCHANT, AFFILIATE, SUB_AFFILIATE, &keys[8..], "an-admin-token", "a-secret-path", support::config::SIGNING_KEY];
    let callback = encode(&stage.shop_callback("7"));
    stage.sandbox.fault_times("/control/custom-sub-affiliate.php", Fault::Status(503, "<p>down</p>".into()), 2);
    let queries =
        [format!("callback={callback}"), format!("callback={callback}"), format!("address={STRANGER}&callback={callback}")];
    let statuses = queries.map(|query| {
        let answer = stage.get(&format!("/control/wallet.php?{query}")).send();
        assert_keeps_secret(&query, &whole(&answer), &secrets);
        answer.status
    });
    assert_eq!(statuses, [502, 200, 403]);
    assert!(stage.worker.logs("gateway_unavailable"), "{}", stage.worker.log());
    assert_keeps_secret("the log", &stage.worker.log(), &secrets);
}
