//! Promises 2 to 5: a right request, and the same with hostile noise. Either the noisy one is refused and the gateway hears
//! nothing of it, or what the gateway hears is what the right one alone makes it hear.
//!
//! Two routes pass on more, and here is what must hold there. `process-payment.php` goes up byte for byte, and only there.
//! `pay.php` and the page's assets and forms keep other parameters, but none that PHP could take for the operator's.

use super::*;
use dice::Dice;
use lawful::{Heard, Noisy, assert_lawful, assert_no_operators, assert_refused};
use livery_sandbox::php::Parameters;
use noise::{BASES, Base, Kind};

#[path = "../../../tests/support/dice.rs"]
mod dice;
#[path = "../../../tests/support/lawful.rs"]
mod lawful;
#[path = "../../../tests/support/noise.rs"]
mod noise;

/// How many noisy requests are tried; more with `LIVERY_NOISE=100000`.
const CASES: u64 = 3_000;
const OWN_HOST: &str = "pay.shop.example";
const SHOP: &str = "https://shop.example/paid?order=1&x[k]=2";

type Settings = &'static [(&'static str, &'static str)];

/// Every way in which an operator can share, and the fixed wallet.
const MODES: [Settings; 5] = [
    &[],
    &[("AFFILIATE_WALLET", AFFILIATE)],
    &[("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.01"), ("BRAND_THEME", "#6366f1")],
    &[
        ("AFFILIATE_WALLET", AFFILIATE),
        ("AFFILIATE_FEE", "0.01"),
        ("SUB_AFFILIATE_WALLET", OTHER),
        ("SUB_AFFILIATE_FEE", "0.005"),
    ],
    &[("PAYOUT_WALLET", PAYOUT)],
];

/// Two wallets that a caller shares with, where the operator lets them.
const CALLERS: [&str; 2] = ["0x756C4D5EAad2165b3841a543Cf851Eed6AAF211B", "0x82b1d4439e0dcB404aCC3b1aDfA4b00d11Ec5df8"];

/// What became of a request: its answer, the error's code, the calls.
struct Fate {
    response: Response,
    code: Option<&'static str>,
    calls: Vec<Call>,
}

/// One whole request.
#[derive(Debug)]
struct Shot {
    method: Method,
    path: &'static str,
    query: String,
    headers: Sent,
    body: String,
}

fn filled(service: &Service, text: &str) -> String {
    let config = service.config().unwrap();
    let target = crate::callback::target::Target::parse(config, SHOP).unwrap();
    let callback = crate::callback::token::callback_url(config, &target).unwrap();
    let values = [
        ("{W}", PAYOUT),
        ("{1}", CALLERS[0]),
        ("{2}", CALLERS[1]),
        ("{C}", &query::encode(SHOP)),
        ("{A}", "eE5A43DA%2FYMT%3D%3D"),
        ("{I}", "ZEE2cW8%3D"),
        ("{T}", callback.split_once("token=").unwrap().1),
    ];
    values.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

fn shot(service: &Service, base: &Base) -> Shot {
    let (content_type, body) = base.form.unwrap_or_default();
    let headers = [("content-type", content_type), ("user-agent", "Shop/1"), ("accept-language", "es")];
    Shot {
        method: Method::parse(base.method),
        path: base.path,
        query: filled(service, base.query),
        headers: headers.iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        body: body.to_owned(),
    }
}

fn noisy(service: &Service, base: &Base, dice: &mut Dice) -> Shot {
    let mut shot = shot(service, base);
    // One time in eight the headers alone are noisy.
    if dice.below(8) != 0 {
        match base.form.filter(|_| dice.below(2) == 0) {
            Some((content_type, body)) => shot.body = dice.form(content_type, body),
            None => shot.query = dice.query(&shot.query),
        }
        shot.query = shot.query.replace("{own}", OWN_HOST);
        shot.body = shot.body.replace("{own}", OWN_HOST);
    }
    shot.headers.extend(dice.headers().into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    shot
}

/// What the gateway answers to a call, when it does what its document says.
fn gateway(call: &Call) -> Told {
    let location = |url: &str| (302, vec![("location".to_owned(), url.to_owned())], String::new());
    match Url::parse(&call.url).unwrap().path() {
        "/control/provider-status" => (200, Vec::new(), r#"{"providers":[]}"#.to_owned()),
        "/control/convert.php" => {
            (200, Vec::new(), r#"{"status":"success","value_coin":"26.8","exchange_rate":"1.07"}"#.to_owned())
        }
        "/control/payment-status.php" => (200, Vec::new(), r#"{"status":"unpaid"}"#.to_owned()),
        "/process-payment.php" => location("https://buy.provider.example/?signature=1"),
        path if path.starts_with("/control/") => good_wallet(),
        _ => (200, vec![("content-type".to_owned(), "text/html".to_owned())], String::new()),
    }
}

fn send(service: &Service, shot: &Shot) -> Fate {
    let request = Request {
        method: shot.method,
        path: shot.path,
        query: &shot.query,
        headers: &shot.headers,
        country: Country::parse("ES").unwrap(),
        body: RequestBody::Whole(shot.body.clone().into_bytes()),
        now: NOW,
        entropy: [7; 16],
    };
    let calls = RefCell::default();
    let mut turn = service.answer(&request);
    loop {
        match turn.progress {
            Progress::Done(response, note) => return Fate { response, code: note.code, calls: calls.into_inner() },
            Progress::Over | Progress::Failed(_) => panic!("a request ends with an answer"),
            Progress::Waiting(pending) => {
                let ledgers = Ledgers::default();
                let came = pending.asks.iter().map(|ask| Ok(heard_by(service, &ledgers, ask, &calls, &gateway))).collect();
                turn = service.resume(pending, came, NOW, &NoBooks);
            }
        }
    }
}

/// A call's URL as it is on the wire.
fn sent(call: &Call) -> Url {
    Url::parse(&call.url).unwrap()
}

/// A call as it is on the wire.
fn heard(call: &Call) -> Heard {
    let url = sent(call);
    Heard {
        method: call.method.as_str().to_owned(),
        host: url.host_str().unwrap().to_owned(),
        path: url.path().to_owned(),
        query: url.query().unwrap_or_default().to_owned(),
        headers: call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        body: String::from_utf8(call.body.clone().unwrap_or_default()).unwrap(),
    }
}

fn all_heard(fate: &Fate) -> Vec<Heard> {
    fate.calls.iter().map(heard).collect()
}

/// Promise 5: nobody else is called, and nobody is sent elsewhere.
fn check_hosts(fate: &Fate, kind: Kind, what: &str) {
    for call in &fate.calls {
        let host = sent(call).host_str().unwrap().to_owned();
        let expected: &[&str] =
            if kind == Kind::Callback { &["shop.example"] } else { &["api.anexpay.net", "checkout.anexpay.net"] };
        assert!(expected.contains(&host.as_str()) && call.url.starts_with("https://"), "{what}: {}", call.url);
    }
    if let Some(location) = fate.response.get("location") {
        let url = Url::parse(location).unwrap();
        assert!(matches!(url.host_str(), Some(OWN_HOST | "buy.provider.example")), "{what}: {location}");
    }
    for (name, value) in &fate.response.headers {
        assert!(!value.contains(['\r', '\n']), "{what}: {name}");
    }
}

/// The same answer; a checkout link may also say how the hosted page looks, which comes last.
fn check_answer(expected: &Response, answer: &Response, what: &str) {
    if let (Some(expected), Some(location)) = (expected.get("location"), answer.get("location")) {
        let look = location.strip_prefix(expected).unwrap_or_else(|| panic!("{what}: {location}"));
        let is_look = |(name, _): (&str, &str)| matches!(name, "logo" | "theme");
        assert!(Parameters::read(look).texts().all(is_look), "{what}: {location}");
        assert_no_operators(look, OWN_HOST, what);
    } else {
        assert_eq!(answer, expected, "{what}");
    }
}

/// Whether the request was refused.
fn check(right: &Fate, fate: &Fate, shot: &Shot, kind: Kind, what: &str) -> bool {
    check_hosts(fate, kind, what);
    if let Some(code) = fate.code {
        assert_refused(fate.response.status, code, &all_heard(fate), what);
        return true;
    }
    let wire = Url::parse(&format!("https://x/?{}", shot.query)).unwrap();
    let merchants = SHOP.split_once('?').unwrap().1;
    let noisy = Noisy { query: wire.query().unwrap_or_default(), body: &shot.body, own: OWN_HOST, merchants, what };
    assert_lawful(kind, &all_heard(right), &all_heard(fate), &noisy);
    if kind == Kind::Rebuilt {
        check_answer(&right.response, &fate.response, what);
    }
    false
}

fn is_one(fates: &[Fate]) -> bool {
    fates.windows(2).all(|pair| pair[0].calls == pair[1].calls)
}

/// A mode: its settings, and what becomes of every right request under them.
fn mode(settings: Settings) -> (Vec<(&'static str, &'static str)>, Service, Vec<Fate>) {
    let settings: Vec<_> = settings.iter().copied().chain([("ALLOW_UNSIGNED_LINKS", "true")]).collect();
    let known = service(&settings);
    let fates: Vec<Fate> = BASES.iter().map(|base| send(&service(&settings), &shot(&known, base))).collect();
    assert!(settings.len() == 1 || is_one(&fates[..4]), "the operator's split is the same for all four scripts");
    (settings, known, fates)
}

#[test]
fn noise_is_refused_or_makes_no_difference() {
    let cases = std::env::var("LIVERY_NOISE").map_or(CASES, |count| count.parse().unwrap());
    let modes = MODES.map(mode);
    let mut counts: HashMap<(usize, bool), u32> = HashMap::new();
    for case in 0..cases {
        let mut dice = Dice::new(case + 1);
        let (settings, known, rights) = &modes[dice.below(modes.len())];
        let which = dice.below(BASES.len());
        let noisy = noisy(known, &BASES[which], &mut dice);
        let what: String = format!("case {case} {settings:?} {noisy:?}").chars().take(2_000).collect();
        let fate = send(&service(settings), &noisy);
        let refused = check(&rights[which], &fate, &noisy, BASES[which].kind, &what);
        *counts.entry((which, refused)).or_default() += 1;
    }
    for (which, base) in BASES.iter().enumerate() {
        let of = |refused| counts.get(&(which, refused)).copied().unwrap_or_default();
        let is_open = base.path != "/set-affiliate.php";
        assert!(of(false) > 20 || !is_open, "{}: {} passed", base.path, of(false));
        assert!(of(true) > 5 || base.path == "/", "{}: {} refused", base.path, of(true));
    }
}
