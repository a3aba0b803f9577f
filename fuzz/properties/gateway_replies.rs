//! Whatever the gateway replies: what is read of it is in it, and what is written of it can be read again.
//!
//! The first byte chooses the status; the rest is the reply's text.

use livery::gateway::object::Object;
use livery::gateway::opaque::Opaque;
use livery::gateway::providers::{Provider, Providers};
use livery::gateway::rates::Rate;
use livery::gateway::wallet::Created;
use livery::gateway::{GatewayError, accepted, rates, status};
use livery::http::Reply;
use livery::money::{Amount, Currency};
use livery::wallet::Wallet;
use rust_decimal::Decimal;
use serde_json::Value;

const STATUSES: [u16; 8] = [200, 201, 302, 400, 404, 429, 500, 999];

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    a_refusal_is_short(STATUSES[usize::from(*choice) % STATUSES.len()], &text);
    let reply = reply(200, &text);
    let tree: Option<Value> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
    an_object_is_read(&reply, tree.as_ref());
    the_providers_are_those_of_the_list(&reply, tree.as_ref());
    a_conversion_is_of_decimals(&reply);
    a_status_is_one_of_two(&reply);
    a_wallet_is_checked(&reply);
}

fn reply(status: u16, text: &str) -> Reply {
    let headers = Box::new(vec![("Retry-After".to_owned(), text.chars().take(12).collect())]);
    Reply { status, headers, text: text.to_owned(), beginning: Vec::new() }
}

fn a_refusal_is_short(status: u16, text: &str) {
    match accepted(Ok(reply(status, text))) {
        Ok(_) => assert!((200..400).contains(&status)),
        Err(GatewayError::Rejected { status: 400..=499, said }) => {
            assert!(said.chars().count() <= 200 && !said.contains('<'), "{said}");
        }
        Err(GatewayError::RateLimited { retry_after }) => assert!((1..=3600).contains(&retry_after)),
        Err(why) => assert!(status >= 500 && !why.to_string().is_empty(), "{status}: {why:?}"),
    }
    for status in STATUSES.into_iter().filter(|status| *status != 200) {
        assert!(Object::of_reply(&reply(status, text)).is_err());
    }
}

fn an_object_is_read(reply: &Reply, tree: Option<&Value>) {
    let Some(tree) = tree else { return };
    let object = Object::of_reply(reply).ok();
    assert_eq!(object.is_some(), tree.is_object());
    let Some(object) = object else { return };
    for name in object.names() {
        assert_eq!(object.text(name).as_deref(), tree[name].as_str(), "{name}");
        assert_eq!(object.object(name).is_some(), tree[name].is_object(), "{name}");
        let objects = tree[name].as_array().map(|list| list.iter().filter(|entry| entry.is_object()).count());
        assert_eq!(object.objects(name).map(|list| list.len()), objects, "{name}");
        assert!(object.digits(name).is_none_or(is_decimal), "{name}");
    }
}

fn the_providers_are_those_of_the_list(reply: &Reply, tree: Option<&Value>) {
    let Ok(list) = Providers::from_reply(reply) else {
        return assert!(!tree.is_some_and(|tree| tree["providers"].is_array()));
    };
    for provider in &list.providers {
        let (minimum, currency) = provider.minimum().expect("a provider without a minimum is left out");
        assert_eq!(currency.as_str(), provider.minimum_currency.to_ascii_uppercase());
        let written = provider.minimum_amount.get().trim_matches('"');
        assert_eq!(minimum, Decimal::from_str_exact(written).expect("a decimal"));
        assert!(is_decimal(written), "{written}");
    }
    let again = Providers::from_reply(&self::reply(200, &list.json)).expect("what is written can be read");
    assert_eq!(again.json, list.json);
    if let Some(entries) = tree.and_then(|tree| tree["providers"].as_array()) {
        let expected = entries.iter().filter(|entry| is_provider(entry)).map(|entry| entry["id"].as_str());
        let found = |provider: &Provider| entries.iter().any(|entry| entry["id"].as_str() == Some(&provider.id));
        assert!(list.providers.iter().all(found));
        let mut read = list.providers.iter().map(|provider| Some(provider.id.as_str()));
        for id in expected {
            assert!(read.any(|known| known == id), "{id:?} is missing or in another place");
        }
    }
}

/// Surely one: texts where there should be texts, and a small whole minimum.
fn is_provider(entry: &Value) -> bool {
    let texts = ["id", "provider_name", "status", "minimum_currency"].iter().all(|name| entry[name].is_string());
    let currency = entry["minimum_currency"].as_str().is_some_and(|text| text.parse::<Currency>().is_ok());
    let amount = |text: &str| (1..10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    texts && currency && (entry["minimum_amount"].is_u64() || entry["minimum_amount"].as_str().is_some_and(amount))
}

fn a_conversion_is_of_decimals(reply: &Reply) {
    let Ok(Some(conversion)) = rates::interpret(reply) else { return };
    assert!(is_decimal(&conversion.value_coin) && is_decimal(&conversion.exchange_rate), "{conversion:?}");
    let one = Amount::parse("1").expect("an amount");
    assert!(Rate::told_by(conversion.clone(), one).is_none_or(|rate| rate.dollars > Decimal::ZERO));
    assert_eq!(rates::interpret(&self::reply(200, &conversion.to_json())), Ok(Some(conversion)));
}

fn a_status_is_one_of_two(reply: &Reply) {
    let Ok(paid) = status::interpret(reply) else { return };
    assert!(matches!(paid.status.as_str(), "paid" | "unpaid"));
    assert!(paid.value_coin.as_deref().is_none_or(is_decimal), "{paid:?}");
    assert_eq!(status::interpret(&self::reply(200, &paid.to_json())), Ok(paid));
}

fn a_wallet_is_checked(reply: &Reply) {
    let Ok(created) = Created::from_reply(reply) else { return };
    assert_eq!(Wallet::parse(&created.polygon_address_in.to_string()), Ok(created.polygon_address_in));
    for opaque in [&created.address_in, &created.ipn_token] {
        let encoded = opaque.encoded();
        assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_%".contains(&b)), "{encoded}");
        for again in [encoded.clone(), encoded.replace('%', "%25")] {
            assert_eq!(Opaque::parse(&again).as_ref(), Ok(opaque), "{again}");
        }
    }
}

/// Digits, with at most one point between them.
fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}
