//! What the customers of the soak test do, and how each tells whether the answer is theirs.
use crate::{
    stage::{self, MERCHANT, encode},
    support::{client::Answer, worker::Worker},
};
use livery_sandbox::{Fault, Sandbox, opaque, php};
use std::{
    sync::{
        RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// What a customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Wallet,
    Convert,
    Providers,
    Payment,
    HostedPage,
    Asset,
    Checkout,
    Callback,
    BadInput,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Wallet,
        Self::Convert,
        Self::Providers,
        Self::Payment,
        Self::HostedPage,
        Self::Asset,
        Self::Checkout,
        Self::Callback,
        Self::BadInput,
    ];

    pub fn of(marker: u64) -> Self {
        Self::ALL[usize::try_from(marker).expect("a small number") % Self::ALL.len()]
    }
}

/// How a request ended.
#[derive(Debug)]
pub enum Outcome {
    Right,
    /// With this code, while the gateway was broken.
    Failed(String),
    Wrong(String),
}

/// Codes that a broken gateway, or a broken shop, accounts for.
const EXPECTED: [&str; 7] = [
    "gateway_unavailable",
    "gateway_invalid_reply",
    "gateway_timeout",
    "gateway_rejected",
    "rate_limited",
    "merchant_rejected",
    "merchant_unreachable",
];

/// Orders come again after this many, so that the gateway need not remember more.
const ORDERS: u64 = 20_000;

/// The Worker and its gateway.
pub struct Load {
    pub worker: Worker,
    sandbox: Sandbox,
    address_in: String,
    /// Odd while the gateway is broken.
    spell: AtomicU64,
    /// Taken for writing while the sandbox forgets what a callback's customer still looks for.
    records: RwLock<()>,
}

impl Load {
    pub fn start() -> Self {
        let sandbox = stage::sandbox();
        let settings = [("ALLOW_UNSIGNED_LINKS", "true"), ("ADMIN_TOKEN", "an-admin-token-of-forty-characters-012345")];
        let worker = Worker::start(&stage::in_front_of(&sandbox, &settings).collecting_eagerly());
        sandbox.set_livery(&worker.url());
        let wallet = worker.get(&stage::wallet_target(&callback(&sandbox, "first"))).send();
        let address_in = stage::Made::from(&wallet).address_in;
        Self { worker, sandbox, address_in, spell: AtomicU64::new(0), records: RwLock::default() }
    }

    /// Every kind of request at least once, and until the runtime has settled.
    pub fn warm_up(&self, duration: Duration) {
        let (started, least) = (Instant::now(), Kind::ALL.len() as u64);
        for marker in (0..).take_while(|marker| *marker < least || started.elapsed() < duration) {
            let outcome = self.request(Kind::of(marker), marker);
            assert!(matches!(outcome, Outcome::Right), "{:?}: {outcome:?}", Kind::of(marker));
        }
    }

    /// Lets the gateway work for a spell, then not, and so on; each time it breaks in the next way.
    pub fn break_and_mend(&self, stop: &AtomicBool, spell: Duration) {
        for (path, fault) in faults().into_iter().cycle() {
            thread::sleep(spell);
            self.spell.fetch_add(1, Ordering::SeqCst);
            self.sandbox.fault(path, fault);
            thread::sleep(spell);
            self.sandbox.clear_faults();
            self.spell.fetch_add(1, Ordering::SeqCst);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }

    /// Empties the sandbox's records.
    pub fn forget(&self) {
        let _nobody_looks = self.records.write().expect("the records");
        if self.spell.load(Ordering::SeqCst).is_multiple_of(2) {
            self.sandbox.clear();
        } else {
            self.sandbox.clear_requests();
        }
    }

    /// Does it, and judges the answer.
    pub fn request(&self, kind: Kind, marker: u64) -> Outcome {
        let before = self.spell.load(Ordering::SeqCst);
        let mark = mark(marker);
        let checked = match kind {
            Kind::Wallet => self.wallet(&mark).map(|_| ()),
            Kind::Convert => self.convert(marker),
            Kind::Providers => self.providers(),
            Kind::Payment => self.payment(&mark),
            Kind::HostedPage => self.hosted_page(&mark),
            Kind::Asset => self.asset(),
            Kind::Checkout => self.checkout(&mark),
            Kind::Callback => self.callback(&mark),
            Kind::BadInput => self.bad_input(marker),
        };
        let worked_throughout = before.is_multiple_of(2) && before == self.spell.load(Ordering::SeqCst);
        match checked {
            Ok(()) => Outcome::Right,
            Err(Failure::Code(code)) if !worked_throughout && EXPECTED.contains(&code.as_str()) => Outcome::Failed(code),
            Err(Failure::Code(code)) => Outcome::Wrong(format!("{code} while the gateway worked")),
            Err(Failure::Other(what)) => Outcome::Wrong(what),
        }
    }

    /// An answer of this status that names no other customer; otherwise its code.
    fn get(&self, target: &str, mark: &str, status: u16) -> Result<Answer, Failure> {
        let answer = self.worker.get(target).try_send().map_err(|error| other(&format!("{target}: {error}")))?;
        let whole = stage::whole(&answer);
        let strangers = whole.match_indices("mk").filter_map(|(at, _)| whole.get(at..at + mark.len().max(11)));
        if let Some(stranger) = strangers.filter(|text| is_mark(text)).find(|text| *text != mark) {
            return Err(other(&format!("{target}: {stranger} is somebody else")));
        }
        if answer.status == status {
            return Ok(answer);
        }
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let (code, id) = (json["error"]["code"].as_str(), json["error"]["request_id"].as_str());
        match code.filter(|_| id.is_some() && id == answer.header("Request-Id")) {
            Some(code) => Err(Failure::Code(code.to_owned())),
            None => Err(other(&format!("{target}: neither {status} nor an error: {whole}"))),
        }
    }

    fn wallet(&self, mark: &str) -> Result<String, Failure> {
        let callback = callback(&self.sandbox, mark);
        let answer = self.get(&stage::wallet_target(&callback), mark, 200)?;
        let json = answer.json();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let receiving = text("polygon_address_in");
        right(text("callback_url") == callback, &answer)?;
        right(opaque::open_address(&php::decode(&text("address_in"))).as_deref() == Some(receiving.as_str()), &answer)?;
        Ok(receiving)
    }

    fn convert(&self, marker: u64) -> Result<(), Failure> {
        let answer = self.get(&format!("/control/convert.php?from=USD&value={marker}.25"), "", 200)?;
        right(answer.json()["value_coin"].as_str() == Some(&format!("{marker}.25")), &answer)
    }

    fn providers(&self) -> Result<(), Failure> {
        let answer = self.get("/control/provider-status", "", 200)?;
        right(answer.text().contains("moonpay") && answer.json().is_object(), &answer)
    }

    fn payment(&self, mark: &str) -> Result<(), Failure> {
        let order = format!("address={}&amount=25&provider=moonpay&email={mark}@soak.example&currency=USD", self.address_in);
        let answer = self.get(&format!("/process-payment.php?{order}"), mark, 302)?;
        right(answer.header("Location").is_some_and(|url| url.contains(mark)), &answer)
    }

    fn hosted_page(&self, mark: &str) -> Result<(), Failure> {
        let order = format!("address={}&amount=25&email={mark}@soak.example&currency=USD", self.address_in);
        let answer = self.get(&format!("/pay.php?{order}"), mark, 200)?;
        right(String::from_utf8_lossy(&answer.body).contains(mark), &answer)
    }

    fn asset(&self) -> Result<(), Failure> {
        let answer = self.get("/assets/app.css", "", 200)?;
        right(answer.header("Content-Type").is_some_and(|kind| kind.starts_with("text/css")), &answer)
    }

    fn checkout(&self, mark: &str) -> Result<(), Failure> {
        let callback = encode(&callback(&self.sandbox, mark));
        let order = format!("amount=25&currency=USD&email={mark}@soak.example&address={MERCHANT}&provider=moonpay");
        let answer = self.get(&format!("/checkout?{order}&callback={callback}"), mark, 302)?;
        right(answer.header("Location").is_some_and(|url| url.contains(mark)), &answer)
    }

    /// The whole way round: what the gateway was given for an order is called, and the shop hears of this order.
    fn callback(&self, mark: &str) -> Result<(), Failure> {
        let receiving = self.wallet(mark)?;
        let given = self.sandbox.wallet(&receiving).ok_or_else(|| other("a wallet that the gateway does not know"))?.callback;
        let target = given.strip_prefix(&self.worker.url()).ok_or_else(|| other(&format!("{given} is not our callback")))?;
        let _not_forgotten = self.records.read().expect("the records");
        let answer = self.get(&format!("{target}&value_coin=25&coin=polygon_usdc&txid_in={mark}"), mark, 200)?;
        right(answer.text() == "*ok*", &answer)?;
        let value = ("txid_in".to_owned(), mark.to_owned());
        let told = self.sandbox.wait_for(
            |state| state.shop_callbacks().iter().any(|call| call.number == mark && call.parameters.contains(&value)),
            Duration::ZERO,
        );
        right(told, &answer)
    }

    fn bad_input(&self, marker: u64) -> Result<(), Failure> {
        let wrong = [
            (format!("/control/convert.php?from=USD&value=-{marker}"), 400, "invalid_amount"),
            (format!("/control/wallet.php?address=0x{marker}&callback=x"), 400, "invalid_wallet"),
            (format!("/callback?token={marker}"), 400, "invalid_token"),
            (format!("/none-{marker}/../.hidden"), 404, "not_found"),
            (format!("/checkout?amount={marker}&sig=00"), 403, "link_signature_invalid"),
        ];
        let (target, status, code) = &wrong[usize::try_from(marker).expect("a small number") / Kind::ALL.len() % wrong.len()];
        let answer = self.get(target, "", *status)?;
        right(answer.json()["error"]["code"] == *code, &answer)
    }
}

/// Why an answer is not the right one.
enum Failure {
    Code(String),
    Other(String),
}

fn other(what: &str) -> Failure {
    Failure::Other(what.to_owned())
}

fn right(is_right: bool, answer: &Answer) -> Result<(), Failure> {
    if is_right { Ok(()) } else { Err(other(&format!("a wrong answer: {}", stage::whole(answer)))) }
}

fn mark(marker: u64) -> String {
    format!("mk{:08}z", marker % ORDERS)
}

fn is_mark(text: &str) -> bool {
    text.len() == 11 && text.ends_with('z') && text[2..10].bytes().all(|byte| byte.is_ascii_digit())
}

fn callback(sandbox: &Sandbox, mark: &str) -> String {
    format!("{}/orders.php?number={mark}", sandbox.shop_url())
}

/// Ways to break that leave no answer both whole and wrong.
fn faults() -> Vec<(&'static str, Fault)> {
    vec![
        ("*", Fault::Status(503, "<p>down</p>".into())),
        ("*", Fault::Latency(100)),
        ("*", Fault::ResetBeforeHeaders),
        ("/control/wallet.php", Fault::MalformedJson),
        ("*", Fault::Garbage),
        ("*", Fault::TruncatedLength),
        ("/control/wallet.php", Fault::MissingAddressIn),
        ("*", Fault::Status(400, "Provided wallet address is not allowed".into())),
        ("*", Fault::TruncatedChunks),
        ("/orders.php", Fault::Status(500, "busy".into())),
        ("*", Fault::ResetAfterHeaders),
        ("*", Fault::Status(429, String::new())),
        ("/orders.php", Fault::ResetBeforeHeaders),
        ("/control/provider-status", Fault::TruncatedJson),
    ]
}
