//! Secrets: the search that every test makes finds what it should, and a gateway that repeats what it was told gives nothing
//! away.
mod stage;
mod support;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use flate2::{Compression, write::GzEncoder};
use livery_sandbox::opaque::percent_encoded;
use stage::{AFFILIATE, MERCHANT, SUB_AFFILIATE, Stage, failure};
use std::{fmt::Write as _, io::Write as _, panic::catch_unwind};
use support::{
    client::Answer,
    config::{SIGNING_KEY, Settings},
    secrets::Secrets,
    worker::Worker,
};

const ADMIN_TOKEN: &str = "adm_/+?token=0123456789-0123456789";
const DOWNLINE_KEY: &str = "a-downline-key-of-forty-characters-01234";
const NODE_PATH: &str = "v2/a-secret-path-of-the-node";

/// A Worker with all secrets that go together.
fn all() -> [(&'static str, String); 8] {
    [
        ("SIGNING_KEY", format!("{SIGNING_KEY}, b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleSE=")),
        ("ADMIN_TOKEN", ADMIN_TOKEN.into()),
        ("DOWNLINE_KEYS", format!("first=another-key-0123456789-0123456789-0123,second={DOWNLINE_KEY}")),
        ("POLYGON_RPC_URL", format!("https://node.example/{NODE_PATH}")),
        ("PAYOUT_WALLET", MERCHANT.into()),
        ("AFFILIATE_WALLET", AFFILIATE.into()),
        ("SUB_AFFILIATE_WALLET", SUB_AFFILIATE.into()),
        ("SUB_AFFILIATE_FEE", "0.01".into()),
    ]
}

fn secrets() -> Secrets {
    Secrets::among(all().iter().map(|(name, value)| (*name, value.as_str())))
}

/// How careless code could show these bytes.
fn careless(bytes: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes);
    let each = |write: fn(&mut String, u8)| {
        bytes.iter().fold(String::new(), |mut all, byte| {
            write(&mut all, *byte);
            all
        })
    };
    let raw = if bytes.is_ascii() { text.to_uppercase().into_bytes() } else { bytes.to_vec() };
    let shown = [
        Base64::encode_string(bytes),
        Base64UrlUnpadded::encode_string(bytes),
        Base64::encode_string(&[b"key=", bytes].concat()),
        Base64::encode_string(&[b"a key=", bytes, b"; and more"].concat()),
        Base64::encode_string(bytes).as_bytes().chunks(20).map(|line| String::from_utf8_lossy(line) + "\r\n").collect(),
        percent_encoded(&Base64::encode_string(bytes)),
        base16ct::upper::encode_string(bytes),
        each(|all, byte| write!(all, "%{byte:02X}").expect("writing to a string")),
        each(|all, byte| write!(all, "%25{byte:02X}").expect("writing to a string")),
        each(|all, byte| write!(all, "\\u{byte:04x}").expect("writing to a string")),
        each(|all, byte| write!(all, "&#{byte};").expect("writing to a string")),
        each(|all, byte| write!(all, "&#x{byte:x};").expect("writing to a string")),
        format!("Key({bytes:?})"),
        format!("{bytes:#?}"),
        format!("{bytes:x?}"),
        serde_json::to_string(bytes).expect("JSON"),
        format!("\"{}…\"", Base64::encode_string(bytes).chars().take(24).collect::<String>()),
    ];
    shown.into_iter().map(String::into_bytes).chain([raw]).collect()
}

#[test]
fn sees_a_secret_in_every_disguise() {
    let signing_key = Base64::decode_vec(SIGNING_KEY).expect("a key");
    let wallet = base16ct::mixed::decode_vec(&AFFILIATE[2..]).expect("a wallet");
    let texts = [SIGNING_KEY, ADMIN_TOKEN, DOWNLINE_KEY, NODE_PATH, MERCHANT, AFFILIATE, SUB_AFFILIATE].map(str::as_bytes);
    let secrets = secrets();
    for secret in texts.into_iter().chain([signing_key.as_slice(), &wallet]) {
        for shown in careless(secret) {
            let page = [b"<p>before ", shown.as_slice(), b" after</p>"].concat();
            assert!(
                secrets.find(&page).is_some(),
                "{:?} in {:?}",
                String::from_utf8_lossy(secret),
                String::from_utf8_lossy(&page)
            );
        }
    }
}

#[test]
fn takes_nothing_else_for_a_secret() {
    let secrets = secrets();
    let harmless = [
        "",
        "second=first",
        "https://node.example/",
        "0x0000000000000000000000000000000000000001",
        stage::STRANGER,
        "[0, 1, 2, 3, 4, 5, 6, 7]",
        "AAECAwQ=",
        "SIGNING_KEY is not base64 of at least 32 random bytes",
        "a-downline-key",
    ];
    for text in harmless {
        assert_eq!(secrets.find(text.as_bytes()), None, "{text}");
    }
}

/// An answer whose secret is in its reason, a header, its body, or in its body once inflated.
#[test]
fn looks_everywhere_in_an_answer() {
    let plain = Answer { status: 200, reason: "OK".into(), headers: Vec::new(), body: b"fine".to_vec() };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(ADMIN_TOKEN.as_bytes()).and_then(|()| gzip.flush()).expect("compressing");
    let whole = gzip.finish().expect("compressing");
    let broken = whole[..whole.len() - 4].to_vec();
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let coded = |body| Answer { headers: header("content-encoding", "gzip"), body, ..plain.clone() };
    let leaking = [
        Answer { reason: ADMIN_TOKEN.into(), ..plain.clone() },
        Answer { headers: header("x-debug", ADMIN_TOKEN), ..plain.clone() },
        Answer { headers: header(ADMIN_TOKEN, "1"), ..plain.clone() },
        Answer { body: ADMIN_TOKEN.into(), ..plain.clone() },
        coded(whole),
        coded(broken),
    ];
    let secrets = secrets();
    secrets.check_answer("a test", &plain);
    for answer in leaking {
        assert!(catch_unwind(|| secrets.check_answer("a test", &answer)).is_err(), "{answer:?}");
    }
}

/// A Worker whose token is what it says about itself.
fn talkative() -> Worker {
    Worker::start(&Settings::new().set("ADMIN_TOKEN", "ADMIN_TOKEN has a key"))
}

#[test]
#[should_panic(expected = "GET /healthz shows the secret ADMIN_TOKEN")]
fn every_answer_is_searched() {
    let worker = Worker::start(&Settings::new().set("ADMIN_TOKEN", "misconfigured"));
    let _ = worker.get("/healthz").try_send();
}

#[test]
#[should_panic(expected = "the log shows the secret ADMIN_TOKEN")]
fn every_log_is_searched_when_a_worker_ends() {
    let worker = talkative();
    worker.request("HEAD", "/healthz").send();
    assert!(worker.logs("misconfigured"));
}

#[test]
#[should_panic(expected = "the log shows the secret ADMIN_TOKEN")]
fn every_log_is_searched_when_it_is_read() {
    let worker = talkative();
    worker.request("HEAD", "/healthz").send();
    assert!(worker.logs("misconfigured"));
    worker.log();
}

/// What the gateway is told of the operator comes back in its refusal, as programs do that explain themselves.
#[test]
fn a_gateway_that_repeats_what_it_was_told_gives_no_secret_away() {
    let settings = all().map(|(name, value)| (name, value.clone()));
    let stage = Stage::branded_with(|set| {
        settings.iter().fold(set, |set, (name, value)| set.set(name, value)).set("AFFILIATE_FEE", "0.02")
    });
    let target = format!("/control/wallet.php?callback={}", stage.callback());
    for body in [MERCHANT, AFFILIATE, SUB_AFFILIATE].map(|wallet| format!("The wallet {wallet} cannot be paid")) {
        let json = format!(r#"{{"error":{{"message":"{body}"}}}}"#);
        for (kind, body) in [("text/plain", body.clone()), ("text/html", format!("<p>{body}</p>")), ("application/json", json)] {
            stage.reply("/control/custom-sub-affiliate.php", 400, &[("content-type", kind)], body);
            assert_eq!(failure(&stage.get(&target).send()).1, "gateway_rejected");
            stage.get(&target).header("Accept", "text/html").send();
        }
    }
}
