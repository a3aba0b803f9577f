//! Promises 2 to 5 in real workerd: right requests to every route, and the same with hostile noise, in every way an operator can
//! share. Whatever the noise, a request is refused and nobody hears of it, or what is heard is what the right one makes heard.
//!
//! Exceptions, as the design has them: `process-payment.php` goes up byte for byte; `pay.php` and the page's assets and forms
//! keep other parameters, but none that PHP could take for the operator's; the merchant's callback is told more.
mod stage;
mod support;

use livery_sandbox::{Listener, Received, opaque};
use stage::{AFFILIATE, MERCHANT, Made, OTHER_STRANGER, STRANGER, SUB_AFFILIATE, Stage, encode, token};
use std::collections::BTreeMap;
use support::{
    client::{Answer, Request},
    dice::Dice,
    lawful::{Heard, Noisy, assert_lawful, assert_refused},
    noise::{BASES, Base, Kind},
};
use url::Url;

/// How many noisy requests are sent in each mode; more with `LIVERY_NOISE=10000`.
const CASES: u64 = 120;

type Row = (&'static str, &'static str);

/// Not the one with `PAYOUT_WALLET`: there a ledger remembers orders, so that the same one twice makes one call. It has its turn
/// natively, with a new ledger each time (src/service/tests/operator.rs).
const MODES: [&[Row]; 4] = [
    &[],
    &[("AFFILIATE_WALLET", AFFILIATE)],
    &[("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.015"), ("BRAND_THEME", "#6366f1")],
    &[
        ("AFFILIATE_WALLET", AFFILIATE),
        ("AFFILIATE_FEE", "0.01"),
        ("SUB_AFFILIATE_WALLET", SUB_AFFILIATE),
        ("SUB_AFFILIATE_FEE", "0.0025"),
    ],
];

/// All that may go up, and what the runtime itself adds.
const UP: [&str; 4] = ["accept-language", "content-type", "pgto-ipcountry", "user-agent"];
const RUNTIMES: [&str; 3] = ["accept", "content-length", "host"];

/// Path and query of what is asked for again when a copy has aged. Of all bases a checkout alone converts this sum.
const REMEMBERED: [(&str, &str); 2] = [("/control/provider-status", ""), ("/control/convert.php", "from=EUR&value=25.00")];

/// A stage, and what stands for the marks in the bases.
struct Scene {
    stage: Stage,
    marks: [(&'static str, String); 7],
    merchants: String,
}

impl Scene {
    fn with(settings: &[Row]) -> Self {
        let stage = Stage::with(&[settings, &[("ALLOW_UNSIGNED_LINKS", "true")]].concat());
        let merchants = "number=1&order=1&x[k]=2".to_owned();
        let callback = format!("{}/orders.php?{merchants}", stage.sandbox.shop_url());
        let made = Made::from(&stage.get(&stage::wallet_target(&callback)).send());
        let token = token(&stage.asked_once());
        let marks = [
            ("{W}", MERCHANT.to_owned()),
            ("{1}", STRANGER.to_owned()),
            ("{2}", OTHER_STRANGER.to_owned()),
            ("{C}", encode(&callback)),
            ("{A}", made.address_in),
            ("{I}", stage.unkept_token()),
            ("{T}", token),
        ];
        stage.asked();
        Self { stage, marks, merchants }
    }

    fn fill(&self, text: &str) -> String {
        self.marks.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }

    fn request(&self, base: &Base, query: &str) -> Request {
        let separator = if query.is_empty() { "" } else { "?" };
        let request = self.stage.worker.request(base.method, &format!("{}{separator}{query}", base.path));
        let request = request.header("User-Agent", "Shop/1").header("Accept-Language", "es").header("CF-IPCountry", "ES");
        base.form.map_or_else(|| request.clone(), |(kind, body)| request.clone().header("Content-Type", kind).body(body))
    }

    /// What the gateway and the merchant heard since this was last asked. The list of providers and the rate that a checkout
    /// needs are not in it: they are remembered, so they are asked for now and then.
    fn heard(&self) -> Vec<Heard> {
        let all = self.stage.sandbox.requests();
        self.stage.sandbox.clear_requests();
        let is_remembered = |heard: &Heard| heard.body.is_empty() && REMEMBERED.contains(&(&heard.path, &heard.query));
        all.iter().map(heard).filter(|heard| !is_remembered(heard)).collect()
    }
}

fn heard(received: &Received) -> Heard {
    let known = |name: &str| UP.contains(&name) || RUNTIMES.contains(&name);
    let unknown = received.headers.iter().find(|(name, _)| received.listener != Listener::Shop && !known(name));
    assert_eq!(unknown, None, "this header is not on the list");
    let headers = received.headers.iter().filter(|(name, _)| !RUNTIMES.contains(&name.as_str())).cloned();
    Heard {
        method: received.method.clone(),
        host: format!("{:?} {:?}", received.listener, received.header("host")),
        path: received.path.clone(),
        query: same_address(&received.query),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&received.body).into_owned(),
    }
}

/// A fresh `address_in` is another each time, so its receiving address stands for one that a checkout was given.
fn same_address(query: &str) -> String {
    let address = |part: &str| {
        let raw = part.strip_prefix("address=")?;
        opaque::open_address(&livery_sandbox::php::decode(raw)).map(|known| format!("address={known}"))
    };
    query.split('&').map(|part| address(part).unwrap_or_else(|| part.to_owned())).collect::<Vec<_>>().join("&")
}

fn noisy(scene: &Scene, base: &Base, dice: &mut Dice) -> (String, String, Request) {
    let (right, noise) = (scene.fill(base.query), dice.below(8));
    let query = if noise < 5 { dice.query(&right) } else { right };
    let mut request = scene.request(base, &scene.stage.own(&query));
    let mut body = base.form.map_or_else(String::new, |(_, body)| body.to_owned());
    match base.form {
        Some((kind, right)) if noise > 3 => body = dice.form(kind, right),
        None if noise == 7 => body = dice.query(""),
        _ => {}
    }
    let (query, body) = (scene.stage.own(&query), scene.stage.own(&body));
    request = request.body(body.clone());
    for (name, value) in dice.headers() {
        request = request.header(name, value);
    }
    (query, if base.form.is_some() { body } else { String::new() }, request)
}

/// The code of a refusal; the runtime itself refuses some requests, before Livery sees them.
fn refusal(answer: &Answer) -> Option<String> {
    if answer.status < 400 {
        return None;
    }
    let Some(_) = answer.header("Request-Id") else { return Some("unsupported_media_type".to_owned()) };
    Some(answer.json()["error"]["code"].as_str().expect("a code").to_owned())
}

/// Promise 5: a customer is sent nowhere but to our own page and to the provider.
fn assert_sent_home(scene: &Scene, answer: &Answer, what: &str) {
    let provider = scene.stage.sandbox.provider_url();
    let homes = [format!("{}/pay.php?", scene.stage.worker.url()), format!("{provider}/moonpay/buy?")];
    let location = answer.header("Location");
    assert!(location.is_none_or(|location| homes.iter().any(|home| location.starts_with(home))), "{what}: {location:?}");
}

fn check(scene: &Scene, base: &Base, right: &[Heard], dice: &mut Dice, what: &str) -> bool {
    let (query, body, request) = noisy(scene, base, dice);
    let what: String = format!("{what} {request:?}").chars().take(3_000).collect();
    let answer = request.send();
    let heard = scene.heard();
    assert_sent_home(scene, &answer, &what);
    // The gateway itself may refuse what is passed on byte for byte.
    let is_gateways = base.kind == Kind::ByteForByte && answer.status == 422;
    if let Some(code) = refusal(&answer).filter(|_| !is_gateways) {
        assert_refused(answer.status, &code, &heard, &what);
        return true;
    }
    let wire = Url::parse(&format!("http://x/?{query}")).expect("a URL");
    let query = same_address(wire.query().unwrap_or_default());
    let own = scene.stage.worker.host();
    let noisy = Noisy { query: &query, body: &body, own: &own, merchants: &scene.merchants, what: &what };
    assert_lawful(base.kind, right, &heard, &noisy);
    false
}

#[test]
fn noise_is_refused_or_makes_no_difference() {
    let cases = std::env::var("LIVERY_NOISE").map_or(CASES, |count| count.parse().expect("a number"));
    let mut counts: BTreeMap<(&str, bool), u32> = BTreeMap::new();
    for (mode, settings) in MODES.into_iter().enumerate() {
        let scene = Scene::with(settings);
        let right = |base: &Base| {
            let answer = scene.request(base, &scene.fill(base.query)).send();
            assert!(answer.status < 400 || base.path == "/set-affiliate.php", "{}: {}", base.path, answer.text());
            scene.heard()
        };
        let rights: Vec<_> = BASES.iter().map(right).collect();
        let is_one = rights[..4].windows(2).all(|pair| pair[0] == pair[1]);
        assert_eq!(is_one, !settings.is_empty(), "mode {mode}: the operator's split is the same for all four scripts");
        for case in 0..cases {
            let mut dice = Dice::new(1 + case * 8 + mode as u64);
            let which = dice.below(BASES.len());
            let refused = check(&scene, &BASES[which], &rights[which], &mut dice, &format!("mode {mode} case {case}"));
            *counts.entry((BASES[which].path, refused)).or_default() += 1;
        }
    }
    let passed: u32 = counts.iter().filter(|((_, refused), _)| !refused).map(|(_, count)| count).sum();
    let all: u32 = counts.values().sum();
    assert!(passed > all / 3 && passed < all * 9 / 10, "not much noise: {counts:?}");
}
