//! Live events as browsers read them: server-sent events.
mod ledger;
mod live;
mod stage;
mod support;

use ledger::{Caller, stage as open_stage, text};
use live::Lines;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Lines of this caller's.
fn open(caller: &Caller<'_>, query: &str, more: &[(&str, &str)]) -> Lines {
    let key = format!("Bearer {}", caller.token);
    Lines::open(&caller.stage.worker.host(), query, &[&[("Authorization", key.as_str())], more].concat())
}

#[test]
fn events_come_as_lines_and_a_browser_that_comes_back_has_missed_nothing() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut lines = open(&shop, "?event_types=checkout.session.*", &[]);
    assert!(lines.head.contains(&"cache-control: no-store".to_owned()), "{:#?}", lines.head);
    let session = shop.session(&json!({}));
    let first = lines.next();
    assert!(lines.begins.take() < first.id, "where the events begin");
    let id = first.id.clone().expect("an id");
    assert_eq!((first.event.as_str(), &first.data["checkout_session"]), ("checkout.session.created", &session["id"]));
    assert_eq!(first.data, shop.get(&format!("events/{id}")));
    drop(lines);
    for _ in 0..150 {
        shop.session(&json!({}));
    }
    let mut lines = open(&shop, "?event_types=checkout.session.*", &[("Last-Event-ID", &id)]);
    let mut heard: Vec<String> = (0..150).map(|_| lines.next().id.expect("an id")).collect();
    shop.post(&format!("checkout-sessions/{}/cancel", text(&session, "id")), &Value::Null);
    let last = lines.next();
    assert_eq!(last.event, "checkout.session.canceled");
    heard.extend(last.id);
    let mut sorted = heard.clone();
    sorted.sort();
    sorted.dedup();
    assert!(heard == sorted && heard[0] > id, "in order, and none twice");
}

#[test]
fn a_customers_page_reads_its_sessions_state_from_any_origin() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let session = shop.session(&json!({}));
    let query = live::customers_query(&shop, &session);
    let mut lines = Lines::open(&stage.worker.host(), &query, &[("Origin", "https://shop.example")]);
    assert!(lines.head.contains(&"access-control-allow-origin: *".to_owned()), "{:#?}", lines.head);
    let first = lines.next();
    assert_eq!((first.event.as_str(), first.id, &first.data["status"]), ("status", None, &json!("open")));
    shop.open(&session);
    let second = lines.next();
    assert_eq!((second.event.as_str(), &second.data["status"]), ("status", &json!("processing")));
    assert_eq!(second.data.as_object().map(serde_json::Map::len), Some(4), "{}", second.data);
}

/// Whoever reads is never dropped, however much comes; whoever went away is forgotten.
#[test]
fn who_reads_slowly_is_waited_for_and_who_left_is_forgotten() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut lines = open(&shop, "", &[]);
    for _ in 0..400 {
        shop.session(&json!({}));
    }
    assert_eq!((0..400).filter(|_| lines.next().event == "checkout.session.created").count(), 400);
    drop(lines);
    let deadline = Instant::now() + Duration::from_secs(90);
    while live::known(&stage) > 0 {
        assert!(Instant::now() < deadline, "a listener is kept that left");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whoever never reads would be kept for ever.
#[test]
fn who_does_not_read_is_dropped() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut lines = open(&shop, "", &[]);
    // More than systems keep for a connection.
    let metadata: Value = (0..20).map(|number| (number.to_string(), json!("x".repeat(500)))).collect::<Map<_, _>>().into();
    for _ in 0..1000 {
        shop.session(&json!({"metadata": metadata}));
    }
    let deadline = Instant::now() + Duration::from_mins(3);
    while live::known(&stage) > 0 {
        assert!(Instant::now() < deadline, "a listener is kept that does not read");
        std::thread::sleep(Duration::from_millis(100));
    }
    let heard = (0..1000).map_while(|_| lines.try_next()).count();
    assert!((10..1000).contains(&heard), "{heard} events waited for somebody who does not read");
}

/// A token may be in many hands; a key is in a merchant's.
#[test]
fn a_page_can_connect_so_often() {
    let stage = open_stage(&[("RATE_LIMIT_PER_CLIENT", "2")]);
    let shop = Caller::merchant(&stage);
    let (query, me) = (live::customers_query(&shop, &shop.session(&json!({}))), ("CF-Connecting-IP", "192.0.2.1"));
    let started = Instant::now();
    let _pages = [(); 2].map(|()| Lines::open(&stage.worker.host(), &query, &[me]));
    let refused = stage.get(&format!("{}{query}", live::PATH)).header(me.0, me.1);
    if started.elapsed() < Duration::from_secs(15) {
        let refused = refused.send();
        assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (429, Some("too_many_requests")));
    }
    let _servers = [(); 5].map(|()| open(&shop, "", &[me]));
}

#[test]
fn a_revoked_keys_lines_end() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let key = shop.post("api-keys", &json!({"scopes": ["events:read"]}));
    let mut lines = open(&Caller::with_token(&stage, &text(&key, "secret")), "", &[]);
    shop.send("DELETE", &format!("api-keys/{}", text(&key, "id")), &Value::Null);
    assert_eq!(lines.next().event, "api_key.revoked");
    assert_eq!(lines.try_next(), None);
}

#[test]
fn what_cannot_be_listened_to_is_an_error_and_no_stream() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let refused = shop.refused("GET", "events/stream?event_types=nothing", &Value::Null);
    assert_eq!(refused, (400, "invalid_parameter".to_owned(), Some("event_types".to_owned())));
    let nobody = stage.get(live::PATH).header("accept", "text/event-stream").send();
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
}
