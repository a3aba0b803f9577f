//! A Worker in front of the stand-in gateway, and what most tests ask of the two.
#![allow(dead_code, reason = "every test file uses its own part of this")]

use crate::support::{
    client::{Answer, Request},
    config::Settings,
    worker::Worker,
};
use livery_sandbox::{Fault, Listener, Options, Received, Sandbox, opaque, php::Parameters};

/// A merchant's wallet, and two affiliates'.
pub const MERCHANT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
pub const AFFILIATE: &str = "0x3c783c21a0383057D128bae431894a5C19F9Cf06";
pub const SUB_AFFILIATE: &str = "0x082489A616aB4D46d1947eE3F912e080815b08DA";
/// Somebody else's wallets.
pub const STRANGER: &str = "0x756C4D5EAad2165b3841a543Cf851Eed6AAF211B";
pub const OTHER_STRANGER: &str = "0x82b1d4439e0dcB404aCC3b1aDfA4b00d11Ec5df8";

/// A conversion that the gateway is asked for each time: its dollars end in a zero, and whether the gateway writes that is not
/// known, so it is never computed.
pub const UNKEPT_CONVERSION: &str = "/control/convert.php?from=EUR&value=10000";

/// A running pair.
pub struct Stage {
    pub worker: Worker,
    pub sandbox: Sandbox,
}

impl Stage {
    /// Starts both; the Worker has these settings besides the gateway's URLs.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let sandbox = sandbox();
        let worker = Worker::start(&in_front_of(&sandbox, settings));
        Self { worker, sandbox }
    }

    pub fn get(&self, target: &str) -> Request {
        self.worker.get(target)
    }

    /// Creates a wallet for an order of the demo shop.
    pub fn wallet(&self, order: &str) -> Made {
        Made::from(&self.get(&wallet_target(&self.shop_callback(order))).send())
    }

    /// A token whose state the gateway is asked for each time: it is too long to be kept.
    pub fn unkept_token(&self) -> String {
        self.wallet(&"1".repeat(1_200)).ipn_token
    }

    /// The demo shop's callback URL for an order.
    pub fn shop_callback(&self, order: &str) -> String {
        format!("{}/orders.php?number={order}", self.sandbox.shop_url())
    }

    /// What the gateway received since the start, or since this was last asked.
    pub fn asked(&self) -> Vec<Received> {
        let all = self.sandbox.requests();
        self.sandbox.clear_requests();
        all.into_iter().filter(|request| matches!(request.listener, Listener::Api | Listener::Checkout)).collect()
    }

    /// The only request that the gateway received.
    pub fn asked_once(&self) -> Received {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1, "{:?}", paths(&asked));
        asked.remove(0)
    }
}

/// A created wallet.
#[derive(Clone, Debug)]
pub struct Made {
    pub address_in: String,
    pub polygon_address_in: String,
    pub callback_url: String,
    pub ipn_token: String,
}

impl Made {
    pub fn from(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {json}")).to_owned();
        Self {
            address_in: text("address_in"),
            polygon_address_in: text("polygon_address_in"),
            callback_url: text("callback_url"),
            ipn_token: text("ipn_token"),
        }
    }
}

pub fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).expect("the stand-in gateway")
}

/// Settings of a Worker whose gateway is `sandbox`.
pub fn in_front_of(sandbox: &Sandbox, settings: &[(&str, &str)]) -> Settings {
    let base = Settings::new().gateway(&sandbox.api_url(), &sandbox.checkout_url());
    settings.iter().fold(base, |all, (name, value)| all.set(name, value))
}

/// The target of a plain wallet creation for this callback.
pub fn wallet_target(callback: &str) -> String {
    format!("/control/wallet.php?address={MERCHANT}&callback={}", encode(callback))
}

/// Percent-encodes a value for a query.
pub fn encode(text: &str) -> String {
    opaque::percent_encoded(text)
}

/// A query as the gateway reads it: names and values in order.
pub fn read(query: &str) -> Vec<(String, String)> {
    Parameters::read(query).texts().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// One parameter as the gateway reads it.
pub fn read_one(query: &str, name: &str) -> Option<String> {
    Parameters::read(query).get(name).map(str::to_owned)
}

/// The token of our callback URL that a wallet creation carried.
pub fn token(created: &Received) -> String {
    let callback = read_one(&created.query, "callback").expect("a callback");
    callback.split_once("/callback?token=").expect("our own callback").1.to_owned()
}

pub fn paths(requests: &[Received]) -> Vec<&str> {
    requests.iter().map(|request| request.path.as_str()).collect()
}

/// Status, code and parameter of an error answer in JSON.
pub fn failure(answer: &Answer) -> (u16, String, Option<String>) {
    let error = &answer.json()["error"];
    let text = |name: &str| error[name].as_str().map(str::to_owned);
    (answer.status, text("code").unwrap_or_else(|| panic!("no code: {}", answer.text())), text("param"))
}

/// Everything of an answer that a client can read.
pub fn whole(answer: &Answer) -> String {
    let headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{}\n{}\n{}", answer.status, headers.join("\n"), String::from_utf8_lossy(&answer.body))
}

/// Panics if the text contains one of the secrets, in any letter case.
pub fn assert_keeps_secret(what: &str, text: &str, secrets: &[&str]) {
    let text = text.to_ascii_lowercase();
    for secret in secrets {
        assert!(!text.contains(&secret.to_ascii_lowercase()), "{what} shows the secret {secret}");
    }
}

/// The brand that error pages must show.
pub const BRAND: &str = "Sunflower Pay";

/// A pair with a brand, for tests of what customers see of a misbehaving gateway.
impl Stage {
    /// With ordinary settings.
    pub fn branded() -> Self {
        Self::branded_with(|settings| settings)
    }

    /// With settings of the test's own.
    pub fn branded_with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let sandbox = sandbox();
        // One payment's state is asked for with every fault there is.
        let own = [("ALLOW_UNSIGNED_LINKS", "true"), ("BRAND_NAME", BRAND), ("RATE_LIMIT_PER_TOKEN", "0")];
        let settings = in_front_of(&sandbox, &own);
        let worker = Worker::start(&change(settings));
        sandbox.set_livery(&worker.url());
        Self { worker, sandbox }
    }

    /// The path and query that create a wallet.
    pub fn wallet_target(&self) -> String {
        format!("/control/wallet.php?address={MERCHANT}&callback={}", self.callback())
    }

    /// The shop's callback, percent-encoded.
    pub fn callback(&self) -> String {
        let shop = self.sandbox.shop_url().replace(':', "%3A").replace('/', "%2F");
        format!("{shop}%2Forders.php%3Fnumber%3D1")
    }

    /// The gateway answers every request for `path` like this.
    pub fn reply(&self, path: &str, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) {
        self.reply_in(path, status, headers, body, &[]);
    }

    /// The same, the body in chunks of these sizes.
    pub fn reply_in(&self, path: &str, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>, chunks: &[usize]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.sandbox.clear_faults();
        self.sandbox.fault(path, Fault::Custom { status, headers, body: body.into(), chunks: chunks.to_vec() });
    }

    /// A text with `{own}` as the Worker's own host.
    pub fn own(&self, text: &str) -> String {
        text.replace("{own}", &self.worker.host())
    }
}

/// Panics unless the answer is this error, in the envelope that programs read.
pub fn assert_error(what: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.header("Content-Type")), (status, Some("application/json")), "{what}: {}", answer.text());
    let error = &answer.json()["error"];
    assert_eq!(error["code"], code, "{what}: {error}");
    assert_eq!(error["request_id"].as_str(), answer.header("Request-Id"), "{what}");
    for field in ["type", "message"] {
        assert!(error[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: {error}");
    }
}

/// Panics unless the answer is this error, as a page in the operator's livery.
pub fn assert_error_page(what: &str, answer: &Answer, status: u16, code: &str) {
    let kind = answer.header("Content-Type");
    assert_eq!((answer.status, kind), (status, Some("text/html; charset=utf-8")), "{what}: {}", answer.text());
    let id = answer.header("Request-Id").expect("a request id");
    for expected in [BRAND, code, id] {
        assert!(answer.text().contains(expected), "{what}: {expected} is missing in {}", answer.text());
    }
    let policy = answer.header("Content-Security-Policy").expect("a policy");
    assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
}
