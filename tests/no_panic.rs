//! Promise 6: hundreds of odd requests at every route, the same ones each time. Livery answers each of them itself, none
//! breaks the next, and neither log nor answers hold a secret.
mod stage;
mod support;

use base16ct::lower::encode_string as hex;
use base64ct::{Base64, Base64Unpadded, Base64Url, Encoding as _};
use livery_sandbox::{documented::PAYOUT_WALLET, opaque::percent_encoded};
use stage::Stage;
use std::collections::{BTreeMap, BTreeSet};
use support::{client::Answer, dice::Dice};

const PATHS: [&str; 16] = [
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
    "/receipt.php",
];
const NAMES: [&str; 24] = [
    "address",
    "amount",
    "callback",
    "currency",
    "email",
    "provider",
    "from",
    "value",
    "ipn_token",
    "token",
    "domain",
    "affiliate",
    "affiliate_fee",
    "merchant_fee",
    "sub_affiliate",
    "expires",
    "sig",
    "mode",
    "metadata[k]",
    "%61ddress",
    "address[]",
    ".amount",
    "",
    "%",
];
const VALUES: [&str; 26] = [
    "",
    "0",
    "-1",
    "1e3",
    "NaN",
    "25.00",
    "99999999999999999999999999999999999999999",
    "0.0000000000000000000000000001",
    "EUR",
    "€",
    "%E2%82%AC",
    "%",
    "%zz",
    "%00",
    "%ff%fe",
    "+",
    "%2B%252B%25252B",
    "https%3A%2F%2Fshop.example%2Fp%3Fa%3D1",
    "https://[::1",
    "javascript:x",
    "0x0000000000000000000000000000000000000000",
    "0xF977814e90dA44bFA03b6295A0616a897441aceC",
    "moonpay",
    "hosted",
    "AAAA%3D%3D",
    "../../x",
];
const HEADERS: [&str; 14] = [
    "Accept",
    "Accept-Language",
    "Authorization",
    "CF-IPCountry",
    "Content-Type",
    "Cookie",
    "If-None-Match",
    "Livery-Signature",
    "Origin",
    "PGTO-IPCountry",
    "Range",
    "Referer",
    "User-Agent",
    "X-Forwarded-For",
];
const HEADER_VALUES: [&str; 12] = [
    "",
    "*/*",
    "text/html",
    "application/problem+json",
    "application/json",
    "T1",
    "DE",
    "name=x,t=1,v1=00",
    "bytes=0-1",
    "\u{e9}\u{ff}",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
];
const CF: [&str; 5] =
    ["{}", r#"{"country":5}"#, r#"{"country":null,"colo":[]}"#, r#"{"country":"BR"}"#, r#"{"country":"\u0000"}"#];
const METHODS: [&str; 8] = ["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS"];

/// Parts of requests that nobody should send.
struct Odd(Dice);

impl Odd {
    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        self.0.pick(from)
    }

    /// Any characters that can stand in a URL: the runtime itself refuses `"`, `<`, `>` and, in paths, a backtick.
    fn bytes(&mut self, longest: usize) -> String {
        let any = (0..self.0.below(longest)).map(|_| char::from(b'!' + u8::try_from(self.0.below(94)).expect("ASCII")));
        any.filter(|character| !"\"<>`#".contains(*character)).collect()
    }

    fn path(&mut self) -> String {
        let path = self.pick(&PATHS).to_owned();
        match self.0.below(8) {
            0 => format!("/{}", self.bytes(30)),
            1 => path + self.pick(&["/", "//", "/..", "%00", "%2f", "/x", ".", ";a=b", "\\", "%"]),
            2 => path.to_uppercase(),
            _ => path,
        }
    }

    fn query(&mut self) -> String {
        let pairs = (0..self.0.below(8)).map(|_| match self.0.below(6) {
            0 => self.bytes(40),
            1 => self.pick(&NAMES).to_owned(),
            2 => format!("{}={}", self.pick(&NAMES), self.bytes(60)),
            _ => format!("{}={}", self.pick(&NAMES), self.pick(&VALUES)),
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    fn body(&mut self) -> Vec<u8> {
        match self.0.below(5) {
            0 => Vec::new(),
            1 => self.query().into_bytes(),
            2 => vec![0xff; self.0.below(200)],
            3 => b"{\"a\":".repeat(self.0.below(2_000)),
            _ => vec![b'a'; 60_000 + self.0.below(10_000)],
        }
    }
}

/// One odd request, sent; what it was, for the message.
fn odd_request(stage: &Stage, odd: &mut Odd) -> (String, std::io::Result<Answer>) {
    let (method, query) = (odd.pick(&METHODS), odd.query());
    let separator = if query.is_empty() { "" } else { "?" };
    let target = format!("{}{separator}{query}", odd.path());
    let mut request = stage.worker.request(method, &target);
    let headers: BTreeMap<_, _> = (0..odd.0.below(5)).map(|_| (odd.pick(&HEADERS), odd.pick(&HEADER_VALUES))).collect();
    for (name, value) in &headers {
        request = request.header(name, value);
    }
    if odd.0.below(4) == 0 {
        request = request.cf(odd.pick(&CF));
    }
    if matches!(method, "POST" | "PUT") {
        request = request.body(odd.body());
    }
    (format!("{method} {target} {headers:?}"), request.try_send())
}

fn settings() -> BTreeMap<&'static str, String> {
    let key = "bGl2ZXJ5LXRlc3Qta2V5LW9mLWV4YWN0bHktMzItYnk=";
    BTreeMap::from([
        ("PAYOUT_WALLET", PAYOUT_WALLET.to_owned()),
        ("AFFILIATE_WALLET", "0x3c783c21a0383057D128bae431894a5C19F9Cf06".to_owned()),
        ("SIGNING_KEY", "c2lnbmluZy1rZXktb2YtZXhhY3RseS0zMi1ieXRlcyE=".to_owned()),
        ("DOWNLINE_KEYS", format!("partner={key}")),
        ("ADMIN_TOKEN", "admin-token-0123456789-0123456789-0123456789".to_owned()),
        ("POLYGON_RPC_URL", "https://rpc.example/secret-rpc-path".to_owned()),
    ])
}

/// A secret as it is, and as some careless code might write it.
fn disguises(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let decoded = Base64::decode_vec(secret).map(|raw| hex(&raw));
    let texts = [
        secret.to_lowercase(),
        percent_encoded(secret).to_lowercase(),
        Base64Unpadded::encode_string(bytes).to_lowercase(),
        Base64Url::encode_string(bytes).trim_end_matches('=').to_lowercase(),
        hex(bytes),
    ];
    texts.into_iter().chain(decoded.ok()).filter(|text| text.len() > 8).collect()
}

fn secrets() -> Vec<(String, String)> {
    let parts = settings().into_iter().flat_map(|(name, value)| {
        let key = value.split_once('=').map(|(_, key)| key.to_owned()).filter(|key| key.len() > 20);
        [Some(value.clone()), key].into_iter().flatten().map(move |text| (name.to_owned(), text))
    });
    parts.flat_map(|(name, text)| disguises(&text).into_iter().map(move |text| (name.clone(), text))).collect()
}

fn assert_no_secret(what: &str, text: &str) {
    let text = text.to_lowercase();
    for (name, disguise) in secrets() {
        assert!(!text.contains(&disguise), "{what} holds {name} as {disguise}");
    }
}

fn assert_livery_answered(what: &str, answer: std::io::Result<Answer>) -> u16 {
    let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
    let expected = matches!(answer.status, 200..=299 | 300..=399 | 400..=499 | 502);
    assert!(expected, "{what}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    assert!(answer.header("Request-Id").is_some(), "{what}: {} came from somebody else", answer.status);
    let text = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
    assert_no_secret(what, &text);
    answer.status
}

#[test]
fn a_storm_of_odd_requests_breaks_nothing_and_tells_no_secret() {
    let stage = Stage::branded_with(|all| settings().into_iter().fold(all, |all, (name, value)| all.set(name, &value)));
    let mut odd = Odd(Dice::from_state(0x5EED_1E55_F00D_CAFE));
    let mut statuses = BTreeSet::new();
    for _ in 0..600 {
        let (what, answer) = odd_request(&stage, &mut odd);
        statuses.insert(assert_livery_answered(&what, answer));
    }
    assert!(BTreeSet::from([200, 400, 404, 405, 413, 415]).is_subset(&statuses), "not much of a storm: {statuses:?}");
    assert!(!stage.wallet("1").address_in.is_empty());
    let log = stage.worker.log();
    for word in ["panicked", "RuntimeError", "unreachable", "uncaught", "Uncaught"] {
        assert!(!log.contains(word), "{word} in {log}");
    }
    assert_no_secret("the log", &log);
}

/// The same secrets where settings are wrong, so that every message about them is in the log and on `/healthz`.
#[test]
fn wrong_settings_are_named_and_not_told() {
    let broken = settings().into_iter().map(|(name, value)| (name, format!("{value}\u{7f}%broken")));
    let stage = Stage::branded_with(|all| broken.fold(all, |all, (name, value)| all.set(name, &value)));
    for target in ["/healthz", "/", "/pay.php?x=1", "/control/provider-status"] {
        let answer = stage.worker.get(target).send();
        assert_eq!(answer.status, 503, "{target}");
        assert_no_secret(target, answer.text());
    }
    assert!(stage.worker.logs("misconfigured"));
    assert_no_secret("the log", &stage.worker.log());
}

/// A name, a value and a whole request as long as the runtime takes them.
#[test]
fn the_largest_requests_are_answered_too() {
    let stage = Stage::branded();
    let long = "a".repeat(9_000);
    for path in PATHS.iter().filter(|path| **path != "/healthz") {
        let answer = stage.worker.get(&format!("{path}?address={long}")).send();
        assert_eq!(answer.status, 414, "{path}");
    }
    let many = "a=1&".repeat(2_000);
    for path in PATHS {
        let answer = stage.worker.get(&format!("{path}?{many}")).send();
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
    let form = stage.worker.request("POST", "/receipt.php").header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(form.body(vec![b'a'; 65_537]).send().status, 413);
}
