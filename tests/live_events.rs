//! Live events over `WebSockets`: whoever listens hears what happens, what they missed, and nothing else.
mod ledger;
mod live;
mod stage;
mod support;

use ledger::{Caller, stage as open_stage, text};
use live::Listener;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(event, "id")).collect()
}

#[test]
fn what_happens_is_heard_at_once_and_as_the_api_shows_it() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut listener = Listener::open(&shop, "");
    let session = shop.session(&json!({}));
    let heard = listener.event();
    assert_eq!(heard["type"], "checkout.session.created");
    assert_eq!(heard, shop.get(&format!("events/{}", text(&heard, "id"))));
    shop.post(&format!("checkout-sessions/{}/cancel", text(&session, "id")), &Value::Null);
    assert_eq!(listener.types(1), ["checkout.session.canceled"]);
    listener.hears_nothing();
}

#[test]
fn one_listens_to_a_session_to_types_or_to_all_and_changes_that() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (one, other) = (shop.session(&json!({})), shop.session(&json!({})));
    let mut of_one = Listener::open(&shop, &format!("?checkout_session={}", text(&one, "id")));
    let mut of_type = Listener::open(&shop, "?event_types=checkout.session.canceled,api_key.*");
    let mut of_all = Listener::open(&shop, "");
    for session in [&one, &other] {
        shop.open(session);
        shop.await_session(session, |session| session["status"] == "processing");
    }
    shop.post(&format!("checkout-sessions/{}/cancel", text(&other, "id")), &Value::Null);
    shop.post("api-keys", &json!({}));
    assert_eq!(of_one.types(1), ["checkout.session.processing"]);
    assert_eq!(of_type.types(2), ["checkout.session.canceled", "api_key.created"]);
    let all = ["checkout.session.processing", "checkout.session.processing", "checkout.session.canceled", "api_key.created"];
    assert_eq!(of_all.types(4), all);

    of_one.say(&json!({"type": "subscribe", "checkout_session": text(&other, "id"), "event_types": ["checkout.session.*"]}));
    assert_eq!(of_one.next(), json!({"type": "subscriptions", "count": 2}));
    of_all.say(&json!({"type": "unsubscribe"}));
    assert_eq!(of_all.next(), json!({"type": "subscriptions", "count": 0}));
    of_one.say(&json!({"type": "unsubscribe", "checkout_session": text(&one, "id")}));
    assert_eq!(of_one.next(), json!({"type": "subscriptions", "count": 1}));
    shop.post(&format!("checkout-sessions/{}/cancel", text(&one, "id")), &Value::Null);
    assert_eq!(of_type.types(1), ["checkout.session.canceled"]);
    for mut listener in [of_one, of_type, of_all] {
        listener.hears_nothing();
    }
}

#[test]
fn whoever_comes_back_has_missed_nothing_though_the_machine_was_lost() {
    let mut stage = open_stage(&[]);
    let token = Caller::merchant(&stage).token;
    let mut heard = Vec::new();
    let shop = Caller::with_token(&stage, &token);
    let mut listener = Listener::open(&shop, "");
    for _ in 0..3 {
        shop.session(&json!({}));
        heard.push(listener.event());
    }
    stage.worker.kill9();
    assert_eq!(listener.try_next(), Err(1006));
    stage.worker.restart();
    let shop = Caller::with_token(&stage, &token);
    for _ in 0..300 {
        shop.session(&json!({}));
    }
    let mut listener = Listener::open(&shop, &format!("?after={}", text(&heard[2], "id")));
    heard.extend((0..300).map(|_| listener.event()));
    shop.session(&json!({}));
    heard.push(listener.event());
    listener.hears_nothing();
    assert_eq!(listener.begins, Some(text(&heard[2], "id")));
    let known = heard.iter().map(|event| text(event, "checkout_session")).collect::<BTreeSet<_>>();
    assert_eq!(known.len(), 304);
    let mut sorted = ids(&heard);
    sorted.sort();
    assert_eq!(sorted, ids(&heard), "they come in order");
    // Rows of listeners that died with the machine are gone.
    assert_eq!(live::known(&stage), 1);
}

/// Only a ledger that begins anew finds out that a socket of its rows is gone.
#[test]
fn a_ledger_that_slept_wakes_and_tells_what_happens() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut listener = Listener::open(&shop, "?event_types=checkout.session.created");
    let mut happens = || {
        shop.session(&json!({}));
        assert_eq!(listener.types(1), ["checkout.session.created"]);
    };
    happens();
    live::make_up(&stage);
    happens();
    assert_eq!(live::known(&stage), 2, "the ledger is awake");
    let end = Instant::now() + Duration::from_mins(2);
    while live::known(&stage) == 2 {
        assert!(Instant::now() < end, "the ledger never slept");
        // The runtime puts an object to sleep that nobody has asked for ten seconds.
        thread::sleep(Duration::from_secs(13));
        happens();
    }
    listener.say(&json!({"type": "unsubscribe"}));
    assert_eq!(listener.next(), json!({"type": "subscriptions", "count": 0}));
}

#[test]
fn whoever_does_not_confirm_is_held_and_reads_on_when_they_do() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut listener = Listener::open(&shop, "?event_types=checkout.session.created");
    // It is asked for the first time at once. The answer to what it says then is the first of 128 messages.
    listener.hears_nothing();
    listener.confirms = false;
    for _ in 0..200 {
        shop.session(&json!({}));
    }
    let mut heard: Vec<Value> = (0..127).map(|_| listener.event()).collect();
    listener.hears_nothing();
    listener.confirms = true;
    listener.confirm();
    heard.extend((0..73).map(|_| listener.event()));
    listener.hears_nothing();
    let sessions = shop.get("checkout-sessions?limit=1")["data"][0].clone();
    assert_eq!(heard[199]["checkout_session"], sessions["id"]);
    let (first, mut sorted) = (ids(&heard), ids(&heard));
    sorted.sort();
    sorted.dedup();
    assert_eq!(first, sorted);
}

#[test]
fn whoever_does_not_read_is_dropped() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut listener = Listener::open(&shop, "");
    listener.confirms = false;
    for _ in 0..70 {
        shop.session(&json!({}));
    }
    listener.types(70);
    listener.is_patient_for(Duration::from_secs(90));
    let closed = listener.try_next().expect_err("nothing was to come");
    assert_eq!((closed, live::known(&stage)), (4008, 0));
}

/// Nobody keeps a ledger from its work by talking to it.
#[test]
fn whoever_says_too_much_is_dropped() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut talker = Listener::open(&shop, "");
    talker.confirms = false;
    for _ in 0..5000 {
        talker.say(&json!({"type": "subscribe"}));
    }
    shop.get("account");
    let answers = (0..1000).map_while(|_| talker.try_next().ok()).count();
    assert!((200..=257).contains(&answers), "{answers} answers were kept for somebody who does not read");
}

/// A page that was opened anew need not wait for what is left of those before.
#[test]
fn one_customer_too_many_takes_the_place_of_the_first() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let query = live::customers_query(&shop, &shop.session(&json!({})));
    let open = || Listener::connect(&stage.worker.host(), &query, None).expect("a listener");
    let mut pages: Vec<Listener> = (0..21).map(|_| open()).collect();
    assert!(pages.iter_mut().all(|page| page.next()["type"] == "status"));
    assert_eq!((pages[0].try_next(), live::known(&stage)), (Err(4009), 20));
}

#[test]
fn whoever_asks_whether_the_connection_lives_is_answered() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let query = live::customers_query(&shop, &shop.session(&json!({})));
    let mut customer = Listener::connect(&stage.worker.host(), &query, None).expect("a listener");
    assert_eq!(customer.next()["type"], "status");
    for mut listener in [Listener::open(&shop, ""), customer] {
        listener.say(&json!({"type": "ping"}));
        assert_eq!(listener.next(), json!({"type": "pong"}));
    }
}

#[test]
fn a_revoked_keys_listeners_are_closed_and_nobody_elses() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let key = shop.post("api-keys", &json!({"scopes": ["events:read"]}));
    let other = Caller::with_token(&stage, &text(&key, "secret"));
    let (mut stays, mut goes) = (Listener::open(&shop, ""), Listener::open(&other, ""));
    shop.send("DELETE", &format!("api-keys/{}", text(&key, "id")), &Value::Null);
    assert_eq!(goes.types(1), ["api_key.revoked"]);
    assert_eq!(goes.try_next(), Err(4001));
    assert_eq!(stays.types(1), ["api_key.revoked"]);
    let refused = Listener::connect(&stage.worker.host(), "", Some(&other.token)).err().expect("a refusal");
    assert!(refused.0 == 401 && refused.1.contains("api_key_revoked"), "{refused:?}");
}

#[test]
fn nobody_hears_another_account_or_mode() {
    let stage = open_stage(&[]);
    let (shop, other) = (Caller::merchant(&stage), Caller::merchant(&stage));
    let test_key = shop.post("api-keys", &json!({}));
    assert_eq!(test_key["livemode"], true);
    let operator = Caller::operator_of(&stage, &shop.account_id());
    let tests = text(&operator.post("api-keys", &json!({"livemode": false})), "secret");
    let tests = Caller::with_token(&stage, &tests);
    let session = shop.session(&json!({}));
    let mut listeners = [
        Listener::open(&other, ""),
        Listener::open(&tests, ""),
        Listener::open(&other, &format!("?checkout_session={}", text(&session, "id"))),
    ];
    shop.session(&json!({}));
    shop.post(&format!("checkout-sessions/{}/cancel", text(&session, "id")), &Value::Null);
    for listener in &mut listeners {
        listener.hears_nothing();
    }
    tests.session(&json!({}));
    assert_eq!(listeners[1].event()["livemode"], false);
}

#[test]
fn a_customers_token_shows_their_sessions_state_and_nothing_else() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let (session, other) = (shop.session(&json!({"customer_email": "jane@shop.example"})), shop.session(&json!({})));
    let token = shop.post(&format!("checkout-sessions/{}/live-token", text(&session, "id")), &json!({}));
    let query = format!("?token={}", text(&token, "token"));
    assert!(text(&token, "url").ends_with(&format!("{}{query}", live::PATH)), "{token}");
    let host = stage.worker.host();
    let mut customer = Listener::connect(&host, &query, None).expect("a listener");
    let shown = |status: &str| json!({"id": session["id"], "status": status, "paid_late": false, "overpaid": false});
    assert_eq!(customer.next(), json!({"type": "status", "checkout_session": shown("open")}));
    shop.open(&session);
    let message = customer.next();
    assert_eq!(message["checkout_session"], shown("processing"));
    assert_eq!(
        message.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>().join(" ")).as_deref(),
        Some("checkout_session id type")
    );
    shop.open(&other);
    ledger::pay(&stage, &shop.get(&format!("checkout-sessions/{}", text(&session, "id"))), "25");
    assert_eq!(customer.next()["checkout_session"], shown("paid"));
    customer.say(&json!({"type": "subscribe"}));
    assert_eq!(customer.try_next(), Err(4003), "they can ask for nothing");
    for (query, status) in
        [(query.replace("lvt_", "lvt_0"), 400), (format!("{query}0"), 400), (String::new(), 401), ("?token=".to_owned(), 401)]
    {
        assert_eq!(Listener::connect(&host, &query, None).err().map(|refused| refused.0), Some(status), "{query}");
    }
    let elsewhere = stage.get(&format!("/api/v1/checkout-sessions/{}{query}", text(&session, "id"))).send();
    assert_eq!(elsewhere.status, 401);
}

#[test]
fn a_token_ends() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let path = format!("checkout-sessions/{}/live-token", text(&shop.session(&json!({})), "id"));
    for seconds in [json!(0), json!(2_592_001), json!(u64::MAX), json!("1")] {
        let refused = shop.refused("POST", &path, &json!({"seconds": seconds}));
        assert_eq!(refused, (400, "invalid_parameter".to_owned(), Some("seconds".to_owned())), "{seconds}");
    }
    let token = shop.post(&path, &json!({"seconds": 1}));
    let query = format!("?token={}", text(&token, "token"));
    let end = token["expires_at"].as_u64().expect("a moment");
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("now").as_millis()).expect("now");
    thread::sleep(Duration::from_millis(end.saturating_sub(now()) + 50));
    assert_eq!(Listener::connect(&stage.worker.host(), &query, None).err().map(|refused| refused.0), Some(400));
}

#[test]
fn what_cannot_be_listened_to_is_refused_by_name() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    for (query, code, param) in [
        ("?event_types=nothing", "invalid_parameter", "event_types"),
        ("?checkout_session=cs_1", "invalid_parameter", "checkout_session"),
        ("?after=evt_1", "invalid_parameter", "after"),
        ("?livemode=false", "invalid_parameter", "livemode"),
        ("?type=payment.late", "unknown_parameter", "type"),
    ] {
        let (status, text) = Listener::connect(&stage.worker.host(), query, Some(&shop.token)).err().expect("a refusal");
        let error = serde_json::from_str::<Value>(&text).expect("JSON")["error"].clone();
        assert_eq!((status, &error["code"], &error["param"]), (400, &json!(code), &json!(param)), "{query}");
    }
    let scope = shop.post("api-keys", &json!({"scopes": ["transactions:read"]}));
    let refused = Listener::connect(&stage.worker.host(), "", Some(&text(&scope, "secret"))).err().expect("a refusal");
    assert!(refused.0 == 403 && refused.1.contains("insufficient_scope"), "{refused:?}");
    assert_eq!(shop.refused("POST", live::PATH, &Value::Null).0, 405);
    // A ledger would read this path as that of the stream.
    assert_eq!((shop.refused("GET", "events/.\\stream", &Value::Null).0, live::known(&stage)), (404, 0));
    let mut listener = Listener::open(&shop, "");
    for nonsense in [json!([]), json!({"type": "subscribe", "event_types": ["x"]}), json!({"type": "subscribe", "x": 1})] {
        listener.say(&nonsense);
        assert_eq!(listener.next()["type"], "error", "{nonsense}");
    }
}
