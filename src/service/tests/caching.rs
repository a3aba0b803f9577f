//! What is kept, how long, and who is asked when: natively, because here a test sets the clock.

use super::*;
use crate::known;
use crate::ledger::books::NoBooks;
use crate::memory::Subject;
use crate::money::{Amount, Currency};
use std::collections::BTreeMap;

const LIST: &str = r#"{"providers":[{"id":"moonpay","provider_name":"MoonPay","status":"active","minimum_currency":"USD","minimum_amount":20},{"id":"revolut","provider_name":"Revolut","status":"active","minimum_currency":"EUR","minimum_amount":6},{"id":"stripe","provider_name":"Stripe","status":"active","minimum_currency":"USD","minimum_amount":2},{"id":"gone","provider_name":"Gone","status":"unstable","minimum_currency":"USD","minimum_amount":2}]}"#;
const LIST_PATH: &str = "/control/provider-status";
const WALLET: &str = "/control/custom-affiliate.php";
const PAYMENT: &str = "/process-payment.php";
const MINUTE: u64 = 60_000;

type Came = Result<Told, Fault>;
/// A call that fails, or brings something else.
type Fails = fn() -> Came;

/// What a cache holds under each URL: body and headers.
type Edge = RefCell<BTreeMap<String, (String, Sent)>>;

/// A Worker with its surroundings.
struct World<'a> {
    service: Service,
    edge: &'a Edge,
    /// What becomes of look-ups, where it is not what the cache holds.
    edge_fault: Option<Fails>,
    /// What becomes of calls to the gateway for these paths.
    faults: Vec<(&'static str, Fails)>,
}

/// What a request came to: its answer, and whom it asked, round by round; then whom it asked beside.
struct Seen {
    status: u16,
    text: String,
    rounds: Vec<Vec<String>>,
    besides: Vec<String>,
}

impl<'a> World<'a> {
    fn with(edge: &'a Edge) -> Self {
        Self { service: operators(), edge, edge_fault: None, faults: Vec::new() }
    }

    /// A request at that moment, and all that it begins.
    fn get(&self, target: &str, now: u64) -> Seen {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (headers, body, now) = (Sent::new(), RequestBody::Whole(Vec::new()), Now(NOW.0 + now));
        let request = Request {
            method: Method::Get,
            path,
            query,
            headers: &headers,
            country: Country::UNKNOWN,
            body,
            now,
            entropy: [7; 16],
        };
        let (mut rounds, mut besides) = (Vec::new(), Vec::new());
        let mut turn = self.service.answer(&request);
        let mut begun = Vec::new();
        let response = loop {
            begun.extend(turn.besides);
            match turn.progress {
                Progress::Done(response, _) => break response,
                Progress::Over | Progress::Failed(_) => panic!("a request ends with an answer"),
                Progress::Waiting(pending) => {
                    rounds.push(pending.asks.iter().map(name).collect());
                    turn = self.reply(pending, now);
                }
            }
        };
        while let Some(pending) = begun.pop() {
            besides.extend(pending.asks.iter().map(name));
            let turn = self.reply(pending, now);
            begun.extend(turn.besides);
            if let Progress::Waiting(pending) = turn.progress {
                begun.push(pending);
            }
        }
        let text = if let Body::Text(text) = &response.body { text.to_string() } else { String::new() };
        Seen { status: response.status, text, rounds, besides }
    }

    fn reply(&self, pending: Pending, now: Now) -> Turn {
        let came = pending.asks.iter().map(|ask| self.came(ask).map(reply)).collect();
        self.service.resume(pending, came, now, &NoBooks)
    }

    fn came(&self, Ask { call, callee, .. }: &Ask) -> Came {
        if *callee == Callee::Edge {
            return self.edge_fault.map_or_else(|| Ok(self.cached(call)), |fault| fault());
        }
        let path = Url::parse(&call.url).unwrap().path().to_owned();
        if let Some((_, fault)) = self.faults.iter().find(|(of, _)| *of == path) {
            return fault();
        }
        let text = match path.as_str() {
            LIST_PATH => LIST.to_owned(),
            "/control/convert.php" => return Ok(convert(&call.url)),
            "/control/payment-status.php" => r#"{"status":"unpaid"}"#.to_owned(),
            PAYMENT => return Ok((302, vec![("location".into(), "https://provider.example/".into())], String::new())),
            _ => return Ok(good_wallet()),
        };
        Ok((200, Vec::new(), text))
    }

    fn cached(&self, call: &Call) -> Told {
        let mut kept = self.edge.borrow_mut();
        if let Some(body) = &call.body {
            let headers = call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            kept.insert(call.url.clone(), (String::from_utf8(body.clone()).unwrap(), headers));
            return (404, Vec::new(), String::new());
        }
        kept.get(&call.url).map_or((404, Vec::new(), String::new()), |(text, headers)| (200, headers.clone(), text.clone()))
    }
}

/// Converts as the gateway does.
fn convert(url: &str) -> Told {
    let of = |name| parameters(url).into_iter().find(|(found, _)| found == name).unwrap().1;
    let value: rust_decimal::Decimal = of("value").parse().unwrap();
    let dollars = (value * rust_decimal::Decimal::new(107_427, 5)).round_dp(2);
    let text = format!(r#"{{"status":"success","value_coin":"{dollars:.2}","exchange_rate":"1.07427"}}"#);
    (200, Vec::new(), if of("from") == "XXX" { r#"{"status":"error"}"#.to_owned() } else { text })
}

fn name(ask: &Ask) -> String {
    let url = Url::parse(&ask.call.url).unwrap();
    match ask.callee {
        Callee::Edge => format!("{} edge", ask.call.method.as_str()),
        _ => url.path().to_owned(),
    }
}

fn checkout(provider: &str, amount: &str, currency: &str) -> String {
    format!(
        "/checkout?amount={amount}&currency={currency}&provider={provider}&email=a%40b.example&address={PAYOUT}&callback=https%3A%2F%2Fshop.example%2F%3Fn%3D1"
    )
}

#[expect(clippy::unnecessary_wraps, reason = "one of many ways to fail")]
fn down() -> Came {
    Ok((500, Vec::new(), String::new()))
}

#[test]
fn a_list_is_fresh_then_refreshed_beside_then_asked_for() {
    let edge = Edge::default();
    let world = World::with(&edge);
    let first = world.get(LIST_PATH, 0);
    assert_eq!((first.text.as_str(), first.rounds), (LIST, vec![vec!["GET edge".to_owned()], vec![LIST_PATH.to_owned()]]));
    assert_eq!(first.besides, ["PUT edge"]);
    let seen = |now| {
        let seen = world.get(LIST_PATH, now);
        assert_eq!((seen.status, seen.text.as_str()), (200, LIST));
        (seen.rounds.concat().join(" "), seen.besides.join(" "))
    };
    assert_eq!(seen(MINUTE - 1), (String::new(), String::new()));
    assert_eq!(seen(MINUTE), (String::new(), format!("{LIST_PATH} PUT edge")));
    assert_eq!(seen(2 * MINUTE - 1), (String::new(), String::new()), "the refresh counts");
    assert_eq!(seen(12 * MINUTE).0, format!("GET edge {LIST_PATH}"));
}

#[test]
fn a_refresh_that_fails_is_not_repeated_by_everybody() {
    let edge = Edge::default();
    let mut world = World::with(&edge);
    world.get(LIST_PATH, 0);
    world.faults = vec![(LIST_PATH, down)];
    let besides = |now| world.get(LIST_PATH, now).besides.len();
    assert_eq!([MINUTE, MINUTE + 29_999, MINUTE + 30_000].map(besides), [1, 0, 1]);
    let late = world.get(LIST_PATH, 20 * 60 * MINUTE);
    assert_eq!((late.status, late.text.as_str()), (200, LIST), "twenty hours later");
    assert!(world.get(LIST_PATH, 20 * 60 * MINUTE + 1).rounds.is_empty(), "it failed a moment ago");
    assert_eq!(world.get(LIST_PATH, 25 * 60 * MINUTE).status, 502);
}

#[test]
fn the_edge_serves_other_isolates_and_its_copies_age_on() {
    let edge = Edge::default();
    World::with(&edge).get(LIST_PATH, 0);
    World::with(&edge).get("/control/convert.php?from=EUR&value=25", 0);
    let other = World::with(&edge);
    let seen = other.get(LIST_PATH, MINUTE - 1);
    assert_eq!((seen.text.as_str(), seen.rounds.concat(), seen.besides), (LIST, vec!["GET edge".to_owned()], vec![]));
    let seen = other.get(LIST_PATH, MINUTE);
    assert_eq!((seen.rounds.len(), seen.besides.len()), (0, 2), "a minute after it was made, not after it was found");
    let seen = other.get("/control/convert.php?from=EUR&value=7", 0);
    assert_eq!((seen.text.contains(r#""value_coin":"7.52""#), seen.rounds.concat()), (true, vec!["GET edge".to_owned()]));
    let aged = World::with(&edge);
    assert_eq!(aged.get("/control/convert.php?from=EUR&value=7", 10 * MINUTE).rounds.concat().len(), 2, "too old");
    let mut in_need = World::with(&edge);
    in_need.faults = vec![(LIST_PATH, down)];
    let seen = in_need.get(LIST_PATH, 23 * 60 * MINUTE);
    assert_eq!((seen.status, seen.text.as_str()), (200, LIST), "better than nothing");
}

#[test]
fn another_gateways_copies_are_others() {
    let edge = Edge::default();
    World::with(&edge).get(LIST_PATH, 0);
    let mut other = World::with(&edge);
    other.service = service(&[("GATEWAY_API_URL", "https://api.sibling.example")]);
    assert_eq!(other.get(LIST_PATH, 0).rounds.concat(), ["GET edge", LIST_PATH]);
    for (url, (text, headers)) in edge.borrow().iter() {
        assert!(url.starts_with("https://pay.shop.example/.livery/https%3A%2F%2F"), "{url}");
        assert_eq!(Route::find(Method::Get, Url::parse(url).unwrap().path()), Err(Error::NotFound));
        assert_eq!(headers[0].1, "public, max-age=86400");
        assert!(!format!("{url}{text}").contains(PAYOUT));
    }
}

#[test]
fn an_edge_that_fails_harms_nothing_and_is_left_alone() {
    let faults: [Fails; 4] =
        [|| Err(Fault::Timeout), || Err(Fault::Unreachable), || Ok((500, Vec::new(), LIST.into())), || Err(Fault::Unreadable)];
    for fault in faults {
        let edge = Edge::default();
        let mut world = World::with(&edge);
        world.edge_fault = Some(fault);
        let first = world.get(LIST_PATH, 0);
        assert_eq!((first.text.as_str(), first.rounds.concat()), (LIST, vec!["GET edge".into(), LIST_PATH.to_owned()]));
        assert!(first.besides.is_empty(), "nothing is put into it");
        let second = world.get("/control/convert.php?from=EUR&value=7", MINUTE - 1);
        assert_eq!(second.rounds.concat(), ["/control/convert.php"]);
        assert_eq!(world.get(&checkout("moonpay", "25", "GBP"), MINUTE).rounds[0], ["GET edge"]);
    }
}

#[test]
fn an_edge_that_lies_is_not_believed() {
    let garbage: [Fails; 4] = [
        || Ok((200, vec![("livery-since".into(), "1700000000000".into())], "<html>".into())),
        || Ok((200, Vec::new(), LIST.into())),
        || Ok((200, vec![("livery-since".into(), "soon".into())], LIST.into())),
        || Ok((200, vec![("livery-since".into(), "1".into())], LIST.into())),
    ];
    for fault in garbage {
        let edge = Edge::default();
        let mut world = World::with(&edge);
        world.edge_fault = Some(fault);
        let seen = world.get(LIST_PATH, 0);
        assert_eq!((seen.text.as_str(), seen.rounds.concat().len()), (LIST, 2));
    }
    let (edge, fault): (_, Fails) =
        (Edge::default(), || Ok((200, vec![("livery-since".into(), u64::MAX.to_string())], LIST.into())));
    let mut world = World::with(&edge);
    world.edge_fault = Some(fault);
    assert_eq!(world.get(LIST_PATH, 0).rounds.concat(), ["GET edge"]);
    world.edge_fault = None;
    assert_eq!(world.get(LIST_PATH, MINUTE).besides.len(), 2, "a clock that is ahead keeps nothing young");
}

#[test]
fn checkouts_ask_for_no_more_than_they_need_and_for_all_of_it_at_once() {
    let edge = Edge::default();
    let world = World::with(&edge);
    let rounds = |provider, amount, currency| {
        let seen = world.get(&checkout(provider, amount, currency), 0);
        assert_eq!(seen.status, 302, "{}", seen.text);
        seen.rounds.iter().map(|round| round.join(" ")).collect::<Vec<_>>()
    };
    let (convert, warm) = ("/control/convert.php", vec![WALLET.to_owned(), PAYMENT.to_owned()]);
    let cold = ["GET edge GET edge".to_owned(), format!("{LIST_PATH} {convert} {WALLET}"), PAYMENT.to_owned()];
    assert_eq!(rounds("moonpay", "25", "EUR"), cold);
    assert_eq!(rounds("moonpay", "25", "EUR"), warm);
    assert_eq!(rounds("moonpay", "25", "USD"), warm);
    assert_eq!(rounds("unlisted", "25", "USD"), warm);
    let converted = [format!("{convert} {WALLET}"), PAYMENT.to_owned()];
    assert_eq!(rounds("stripe", "25", "EUR"), converted, "one euro was seen to be converted, but not so many");
    assert_eq!(rounds("stripe", "25", "EUR"), warm);
    let compared = ["GET edge".to_owned(), format!("{convert} {WALLET}"), PAYMENT.to_owned()];
    assert_eq!(rounds("revolut", "25", "GBP"), compared);
    let edge = Edge::default();
    let world = World::with(&edge);
    let seen = world.get(&checkout("moonpay", "25", "USD"), 0);
    assert_eq!(seen.rounds.concat(), ["GET edge", LIST_PATH, WALLET, PAYMENT]);
    World::with(&edge).get("/control/convert.php?from=EUR&value=100", 0);
    let elsewhere = World::with(&edge).get(&checkout("stripe", "25", "EUR"), 0);
    assert_eq!(elsewhere.rounds.concat(), ["GET edge", "GET edge", WALLET, PAYMENT], "the edge knows all of it");
}

#[test]
fn a_rate_that_only_the_list_makes_necessary_is_asked_for_after_it() {
    let edge = Edge::default();
    let seen = World::with(&edge).get(&checkout("revolut", "25", "USD"), 0);
    let wallets = seen.rounds.concat().iter().filter(|path| *path == WALLET).count();
    assert_eq!((seen.status, wallets), (302, 1));
    assert_eq!(seen.rounds[1..], [vec![LIST_PATH, WALLET], vec!["GET edge"], vec!["/control/convert.php"], vec![PAYMENT]]);
}

#[test]
fn a_check_that_fails_wins_over_whatever_the_wallet_came_to() {
    let wallets: [Fails; 4] = [|| Ok(good_wallet()), down, || Err(Fault::Timeout), || Ok((400, Vec::new(), "no".into()))];
    for wallet in wallets {
        for (provider, amount, currency, code) in [
            ("gone", "25", "USD", "provider_inactive"),
            ("moonpay", "19.99", "USD", "amount_below_minimum"),
            ("moonpay", "18.61", "EUR", "amount_below_minimum"),
            ("stripe", "1", "EUR", "amount_below_minimum"),
            ("stripe", "25", "XXX", "currency_not_supported"),
        ] {
            let edge = Edge::default();
            let mut world = World::with(&edge);
            world.faults = vec![(WALLET, wallet)];
            let cold = world.get(&checkout(provider, amount, currency), 0);
            assert!(cold.text.contains(code), "{provider} {amount} {currency}: {}", cold.text);
            assert!(!cold.rounds.concat().contains(&PAYMENT.to_owned()));
            let warm = world.get(&checkout(provider, amount, currency), 0);
            assert_eq!(warm.status, 400);
            assert!(!warm.rounds.concat().contains(&WALLET.to_owned()), "{:?}", warm.rounds);
        }
    }
}

#[test]
fn dead_data_is_asked_for_by_one_checkout_in_half_a_minute() {
    let edge = Edge::default();
    let mut world = World::with(&edge);
    world.faults = vec![("/control/convert.php", down), (LIST_PATH, down)];
    let asked = |target: &str, now| {
        let seen = world.get(target, now);
        assert_eq!(seen.status, 302, "{}", seen.text);
        seen.rounds.concat().iter().filter(|path| matches!(path.as_str(), LIST_PATH | "/control/convert.php")).count()
    };
    let target = checkout("moonpay", "25", "EUR");
    assert_eq!([0, 1, 29_999].map(|now| asked(&target, now)), [2, 0, 0]);
    assert_eq!(asked(&target, 30_000), 2);
    let refused = world.get(&checkout("stripe", "25", "EUR"), 30_001);
    assert_eq!((refused.status, refused.rounds.concat().last().map(String::as_str)), (502, Some("/control/convert.php")));
    assert!(!refused.rounds.concat().contains(&WALLET.to_owned()), "no wallet for what will hardly be");
}

/// A caller makes the gateway refuse an amount; nobody else pays for it.
#[test]
fn a_refused_amount_says_nothing_about_the_rate() {
    let edge = Edge::default();
    let mut world = World::with(&edge);
    world.faults = vec![("/control/convert.php", || Ok((400, Vec::new(), "no".into())))];
    assert_eq!(world.get("/control/convert.php?from=EUR&value=999999999", 0).status, 422);
    world.faults.clear();
    let seen = world.get(&checkout("moonpay", "18.61", "EUR"), 1);
    assert!(seen.text.contains("amount_below_minimum"), "{}", seen.text);
}

#[test]
fn conversions_are_the_gateways_own_bytes_or_are_left_to_it() {
    let edge = Edge::default();
    let computing = World::with(&edge);
    computing.get("/control/convert.php?from=EUR&value=1000", 0);
    let mut computed = 0;
    for cents in (1..100_000_u32).step_by(331) {
        let target = format!("/control/convert.php?from=EUR&value={}.{:02}", cents / 100, cents % 100);
        let (one, other) = (convert(&format!("https://api.anexpay.net{target}")).2, computing.get(&target, 1));
        assert_eq!(one, other.text, "{target}");
        computed += usize::from(other.rounds.is_empty());
    }
    assert!(computed > 250, "only {computed} of 303 were computed");
    let beyond = computing.get("/control/convert.php?from=EUR&value=1000.01", 1);
    assert_eq!(beyond.rounds.concat(), ["/control/convert.php"]);
    let failed = World { faults: vec![("/control/convert.php", down)], ..computing };
    assert_eq!(failed.get("/control/convert.php?from=EUR&value=3", 23 * 60 * MINUTE).status, 200, "by an old rate");
    assert_eq!(failed.get("/control/convert.php?from=EUR&value=3000", 23 * 60 * MINUTE).status, 502);
}

#[test]
fn that_a_payment_is_paid_is_remembered_and_that_it_is_not_for_five_seconds() {
    const PAID: &str = r#"{"status":"paid","value_coin":"117.59","txid_out":"0xe85e","coin":"polygon_usdc"}"#;
    let edge = Edge::default();
    let mut world = World::with(&edge);
    let path = "/control/payment-status.php";
    let ask = |world: &World<'_>, token: &str, now| {
        let seen = world.get(&format!("{path}?ipn_token={token}"), now);
        (seen.text, seen.rounds.concat().len())
    };
    let unpaid = r#"{"status":"unpaid"}"#.to_owned();
    assert_eq!(ask(&world, "ZEE2", 0), (unpaid.clone(), 1));
    assert_eq!(ask(&world, "ZEE2", 4_999), (unpaid.clone(), 0));
    assert_eq!(ask(&world, "%5A%45E2", 4_999), (unpaid.clone(), 0), "the same token");
    assert_eq!(ask(&world, "ZEE3", 4_999), (unpaid.clone(), 1), "another");
    assert_eq!(ask(&world, "ZEE2", 5_000), (unpaid, 1));
    world.faults = vec![(path, || Ok((200, Vec::new(), r#"{"status":"paid"}"#.into())))];
    assert_eq!(ask(&world, "ZEE2", 10_000).1, 1);
    world.faults = vec![(path, || Ok((200, Vec::new(), PAID.into())))];
    assert_eq!(ask(&world, "ZEE2", 15_000), (PAID.to_owned(), 1), "paid, but not all was said");
    world.faults = vec![(path, down)];
    assert_eq!(ask(&world, "ZEE2", 400 * 24 * 60 * MINUTE), (PAID.to_owned(), 0));
}

/// Whatever comes of an amount that somebody made up, the rate itself is fetched anew when it is time.
#[test]
fn a_made_up_amount_keeps_no_old_rate_alive() {
    let memory = Memory::default();
    let config = crate::testing::config(&[]);
    let besides = RefCell::default();
    let at = |seconds: u64| Context::new(&config, &memory, &NoBooks, Now(NOW.0 + seconds * 1000), &besides);
    let reply = |text: &str| Ok(crate::testing::reply(200, text));
    let good = reply(r#"{"status":"success","value_coin":"1.07","exchange_rate":"1.07427"}"#);
    let eur: Currency = "EUR".parse().unwrap();
    known::told_conversion(&at(0), eur, &Amount::one(), good).unwrap();
    let odd = Amount::parse("999999999999999").unwrap();
    for text in [r#"{"status":"success"}"#, r#"{"value_coin":"1.07E+15","exchange_rate":"1.07427"}"#] {
        let _ = known::told_conversion(&at(59), eur, &odd, reply(text));
        let _ = known::told_conversion(&at(59), eur, &odd, Err(Fault::Unreachable));
    }
    let entry = memory.entry(Subject::Rate(eur));
    assert!(entry.is_due(at(61).now) && !entry.failed_lately(at(61).now));
    assert!(entry.usable(at(601).now).is_none(), "after ten minutes the gateway is asked");
}
