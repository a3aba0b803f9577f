//! What a ledger's surroundings answer, as a test says: the gateway, the merchant, a node.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::flow::{Ask, Callee};
use crate::http::{Call, Fault, Reply};
use crate::query;
use crate::testing::reply;

/// What the gateway knows of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How many coins.
    pub value: String,
    /// Which.
    pub coin: String,
    /// The payout.
    pub txid_out: String,
}

/// What `payment-status` says of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nobody paid.
    #[default]
    Unpaid,
    /// Somebody did.
    Paid(Facts),
    /// Nothing: the gateway fails.
    Failing,
}

/// What somebody who is called does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Answers with this status.
    Answers(u16),
    /// Lets the time run out.
    Silent,
    /// Cannot be reached.
    Away,
}

impl Manner {
    fn reply(self) -> Result<Reply, Fault> {
        match self {
            Self::Answers(status) => Ok(reply(status, "")),
            Self::Silent => Err(Fault::Timeout),
            Self::Away => Err(Fault::Unreachable),
        }
    }
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// When.
    pub at: u64,
    /// To whom.
    pub to: Callee,
    /// The URL without scheme and host.
    pub target: String,
}

/// A webhook that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// When.
    pub at: u64,
    /// The endpoint's host.
    pub host: String,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Webhook {
    fn of(call: &Call, at: u64) -> Self {
        let host = url::Url::parse(&call.url).expect("a URL").host_str().expect("a host").to_owned();
        let body = String::from_utf8(call.body.clone().unwrap_or_default()).expect("a text");
        Self { at, host, headers: call.headers.clone(), body }
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// Its `webhook-id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// How many signatures it has.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.header("webhook-signature").split(' ').count()
    }

    /// Whether one of its signatures was made with a secret, as Standard Webhooks has it.
    #[must_use]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let secret = Base64::decode_vec(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).expect("a key");
        mac.update(format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body).as_bytes());
        let wanted = format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|one| one == wanted)
    }
}

/// What came of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// When it was sent.
    pub began: u64,
    /// When the answer came.
    pub at: u64,
    /// The endpoint's host.
    pub host: String,
    /// The `webhook-id`.
    pub id: String,
    /// The status; none where nothing came.
    pub status: Option<u16>,
}

/// The surroundings.
pub struct Script {
    orders: RefCell<Vec<String>>,
    statuses: RefCell<HashMap<usize, Status>>,
    /// Dollars for one native coin; the gateway does not say where there is none.
    pub price: RefCell<Option<String>>,
    /// Dollars for one euro, which the gateway multiplies with; it fails where there is none.
    pub rate: RefCell<Option<u64>>,
    /// Whether the gateway makes wallets.
    pub makes_wallets: Cell<bool>,
    /// What the merchant does.
    pub merchant: Cell<Manner>,
    /// What webhook endpoints do, by their host: they take everything unless it is said here.
    pub endpoints: RefCell<HashMap<String, Manner>>,
    /// How long endpoints ask to be left alone, in the words of `Retry-After`.
    pub retry_after: RefCell<Option<String>>,
    /// All webhooks that were sent, answered or not.
    pub webhooks: RefCell<Vec<Webhook>>,
    /// What came of them.
    pub answered: RefCell<Vec<Answered>>,
    /// What the node answers.
    pub node: RefCell<String>,
    /// All calls.
    pub made: RefCell<Vec<Made>>,
}

/// The receiving address of the gateway's order of that number.
#[must_use]
pub fn receiving(order: usize) -> String {
    format!("0x{:040x}", 0xabc_0000 + order)
}

impl Script {
    /// All is well, and nothing is paid.
    pub fn new() -> Self {
        Self {
            orders: RefCell::default(),
            statuses: RefCell::default(),
            price: RefCell::new(Some("2000".to_owned())),
            rate: RefCell::new(Some(2)),
            makes_wallets: Cell::new(true),
            merchant: Cell::new(Manner::Answers(200)),
            endpoints: RefCell::default(),
            retry_after: RefCell::default(),
            webhooks: RefCell::default(),
            answered: RefCell::default(),
            node: RefCell::default(),
            made: RefCell::default(),
        }
    }

    /// From now on `payment-status` says this of an order.
    pub fn set_status(&self, order: usize, status: Status) {
        self.statuses.borrow_mut().insert(order, status);
    }

    /// The calls to somebody since this was last asked.
    pub fn calls_to(&self, to: Callee) -> Vec<Made> {
        let mut made = self.made.borrow_mut();
        let all = std::mem::take(&mut *made);
        let (wanted, rest) = all.into_iter().partition(|made| made.to == to);
        *made = rest;
        wanted
    }

    /// What comes of a call.
    ///
    /// # Errors
    /// The faults that the test wants.
    pub fn answer(&self, ask: &Ask, began: u64, at: u64) -> Result<Reply, Fault> {
        let target = ask.call.url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|start| rest[start..].to_owned()));
        let target = target.unwrap_or_default();
        self.made.borrow_mut().push(Made { at, to: ask.callee, target: target.clone() });
        match ask.callee {
            Callee::Gateway => self.gateway(&target),
            Callee::Merchant => self.merchant.get().reply(),
            Callee::Endpoint => self.webhook(&ask.call, began, at),
            Callee::Node => Ok(reply(200, &self.node.borrow())),
            _ => Ok(reply(404, "")),
        }
    }

    /// These calls go out; what comes of them is another matter.
    pub fn send(&self, asks: &[Ask], at: u64) {
        let webhooks = asks.iter().filter(|ask| ask.callee == Callee::Endpoint);
        self.webhooks.borrow_mut().extend(webhooks.map(|ask| Webhook::of(&ask.call, at)));
    }

    /// The webhooks that were sent to a host.
    pub fn sent_to(&self, host: &str) -> Vec<Webhook> {
        self.webhooks.borrow().iter().filter(|webhook| webhook.host == host).cloned().collect()
    }

    fn webhook(&self, call: &Call, began: u64, at: u64) -> Result<Reply, Fault> {
        let webhook = Webhook::of(call, at);
        let manner = self.endpoints.borrow().get(&webhook.host).copied().unwrap_or(Manner::Answers(200));
        let reply = manner.reply();
        let (id, status) = (webhook.id().to_owned(), reply.as_ref().ok().map(|reply| reply.status));
        self.answered.borrow_mut().push(Answered { began, at, host: webhook.host, id, status });
        let headers: Vec<_> = self.retry_after.borrow().iter().map(|wait| ("retry-after".to_owned(), wait.clone())).collect();
        reply.map(|reply| Reply { headers: Box::new(headers), ..reply })
    }

    fn gateway(&self, target: &str) -> Result<Reply, Fault> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let value = |name: &str| query::pairs(query).find(|pair| pair.name() == name).and_then(|pair| pair.value());
        match path {
            "/control/payment-status.php" => {
                let token = value("ipn_token").expect("a token");
                self.status(token.strip_prefix("ipn").and_then(|number| number.parse().ok()).expect("a token of ours"))
            }
            "/control/convert.php" => {
                let amount: u64 = value("value").and_then(|text| text.parse().ok()).expect("a whole amount");
                let rate = self.rate.borrow().ok_or(Fault::Unreachable)?;
                Ok(reply(200, &format!(r#"{{"status":"success","value_coin":"{}","exchange_rate":"{rate}"}}"#, amount * rate)))
            }
            path if path.starts_with("/crypto/") => match &*self.price.borrow() {
                Some(price) => Ok(reply(200, &format!(r#"{{"prices":{{"USD":"{price}"}}}}"#))),
                None => Ok(reply(200, "{}")),
            },
            _ if !self.makes_wallets.get() => Err(Fault::Timeout),
            _ => Ok(reply(200, &self.wallet(value("callback").expect("a callback")))),
        }
    }

    /// The same for the same callback, as the gateway has it.
    fn wallet(&self, callback: String) -> String {
        let mut orders = self.orders.borrow_mut();
        let known = orders.iter().position(|known| *known == callback);
        let order = known.unwrap_or_else(|| {
            orders.push(callback);
            orders.len() - 1
        });
        let receiving = receiving(order);
        format!(r#"{{"address_in":"in{order}","polygon_address_in":"{receiving}","callback_url":"x","ipn_token":"ipn{order}"}}"#)
    }

    fn status(&self, order: usize) -> Result<Reply, Fault> {
        match self.statuses.borrow().get(&order).unwrap_or(&Status::Unpaid) {
            Status::Unpaid => Ok(reply(200, r#"{"status":"unpaid"}"#)),
            Status::Failing => Err(Fault::Timeout),
            Status::Paid(Facts { value, coin, txid_out }) => {
                let text = format!(r#"{{"status":"paid","value_coin":"{value}","txid_out":"{txid_out}","coin":"{coin}"}}"#);
                Ok(reply(200, &text))
            }
        }
    }
}
