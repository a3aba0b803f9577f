//! Livery in front of the sandbox gateway: what the tests of a misbehaving gateway share.
#![allow(dead_code, reason = "every test file uses its own part of this")]

use crate::support::{client::Answer, config::Settings, worker::Worker};
use livery_sandbox::{Fault, Options, Sandbox, documented::PAYOUT_WALLET};

/// The brand that error pages must show.
pub const BRAND: &str = "Sunflower Pay";

/// Both, running.
pub struct Pair {
    pub sandbox: Sandbox,
    pub worker: Worker,
}

/// What the gateway made of an order.
pub struct Order {
    pub address_in: String,
    pub ipn_token: String,
}

impl Pair {
    /// Both with ordinary settings.
    pub fn start() -> Self {
        Self::with(|settings| settings)
    }

    /// Both, the Worker with settings of the test's own.
    pub fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let sandbox = Sandbox::start(Options::default()).expect("the sandbox");
        let settings = Settings::new().gateway(&sandbox.api_url(), &sandbox.checkout_url());
        let settings = settings.set("ALLOW_UNSIGNED_LINKS", "true").set("BRAND_NAME", BRAND);
        let worker = Worker::start(&change(settings));
        sandbox.set_livery(&worker.url());
        Self { sandbox, worker }
    }

    /// The path and query that create a wallet.
    pub fn wallet_target(&self) -> String {
        format!("/control/wallet.php?address={PAYOUT_WALLET}&callback={}", self.callback())
    }

    /// The shop's callback, percent-encoded.
    pub fn callback(&self) -> String {
        let shop = self.sandbox.shop_url().replace(':', "%3A").replace('/', "%2F");
        format!("{shop}%2Forders.php%3Fnumber%3D1")
    }

    /// Creates a wallet.
    pub fn order(&self) -> Order {
        let answer = self.worker.get(&self.wallet_target()).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = |name: &str| answer.json()[name].as_str().expect("a text").to_owned();
        Order { address_in: text("address_in"), ipn_token: text("ipn_token") }
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
