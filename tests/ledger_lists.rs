//! Lists: page by page, both ways, while more is being made; by filters, alone and together.
mod ledger;
mod stage;
mod support;

use ledger::{Caller, stage as open_stage, text};
use serde_json::{Value, json};
use stage::Stage;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

fn ids(list: &[Value]) -> Vec<String> {
    list.iter().map(|object| text(object, "id")).collect()
}

/// Sessions made at the same time by as many clients; their ids.
fn make(stage: &Stage, token: &str, count: usize, fields: &(impl Fn(usize) -> Value + Sync)) -> Vec<String> {
    const CLIENTS: usize = 5;
    thread::scope(|scope| {
        let part = |client: usize| (client..count).step_by(CLIENTS);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    let shop = Caller::with_token(stage, token);
                    part(client).map(|number| text(&shop.session(&fields(number)), "id")).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    })
}

/// All pages one after another: each object's id in the order of the list.
fn walk(shop: &Caller<'_>, path: &str, limit: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let after = found.last().map(|id| format!("&starting_after={id}")).unwrap_or_default();
        let page = shop.get(&format!("{path}limit={limit}{after}"));
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        found.extend(ids(data));
        if page["has_more"] == false {
            return found;
        }
        assert_eq!(data.len(), limit, "a page before the last is full");
    }
}

/// The same from the oldest to the newest, beginning behind `from`.
fn walk_back(shop: &Caller<'_>, path: &str, limit: usize, from: &str) -> Vec<String> {
    let mut found = vec![from.to_owned()];
    loop {
        let page = shop.get(&format!("{path}limit={limit}&ending_before={}", found.last().unwrap()));
        let mut newer = ids(page["data"].as_array().unwrap());
        newer.reverse();
        assert!(newer.iter().all(|id| !found.contains(id)), "nothing comes twice");
        found.extend(newer);
        if page["has_more"] == false {
            return found;
        }
    }
}

#[test]
fn pages_hold_everything_once_while_more_is_made() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let mut made = make(&stage, &shop.token, 250, &|number| json!({"client_reference_id": number.to_string()}));
    made.sort();
    made.reverse();
    let (is_over, stage, token) = (AtomicBool::new(false), &stage, &shop.token);
    thread::scope(|scope| {
        let maker = scope.spawn(|| {
            let other = Caller::with_token(stage, token);
            let mut more = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                more.push(text(&other.session(&json!({})), "id"));
            }
            more
        });
        for limit in [7, 100, 50] {
            let found = walk(&shop, "checkout-sessions?", limit);
            let of_before: Vec<_> = found.iter().filter(|id| made.contains(id)).cloned().collect();
            assert_eq!(of_before, made, "each of the 250 once and in order, by {limit}");
            assert!(found.is_sorted_by(|newer, older| newer > older));
        }
        let oldest = made.last().unwrap();
        let back = walk_back(&shop, "checkout-sessions?", 9, oldest);
        is_over.store(true, Ordering::Relaxed);
        let more = maker.join().expect("whoever makes more");
        assert!(more.len() > 10, "{} were made meanwhile", more.len());
        // Whoever reads on from there has missed none, whatever was made at the same moment.
        let rest = walk_back(&shop, "checkout-sessions?", 9, back.last().unwrap());
        let mut all = [&made[..], &more[..]].concat();
        all.sort();
        assert_eq!([&back[..], &rest[1..]].concat(), all);
    });
}

/// Of what happens in one turn, the cause comes before its effect.
#[test]
fn events_are_in_the_order_of_what_happened() {
    let stage = open_stage(&[]);
    let account = json!({"name": "Shop", "payout_wallet": stage::MERCHANT});
    let shop = Caller::merchant_with(&stage, &account, &json!({"livemode": false}));
    for _ in 0..20 {
        let session = shop.session(&json!({}));
        shop.post(&format!("checkout-sessions/{}/simulate-payment", text(&session, "id")), &json!({}));
        let told = ["created", "processing", "detected", "verified", "paid"];
        let found = shop.events_of(&session);
        assert_eq!(found.iter().map(|kind| kind.rsplit('.').next().unwrap()).collect::<Vec<_>>(), told);
    }
}

#[test]
fn filters_hold_alone_and_together() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let emails = ["a@shop.example", "b@shop.example", "b+x%@shop.example"];
    let references = ["one", "two", "o'ne\" OR 1=1 --", "a b&c=d"];
    make(
        &stage,
        &shop.token,
        48,
        &|number| json!({"customer_email": emails[number % 3], "client_reference_id": references[number % 4], "metadata": {"n": number.to_string()}}),
    );
    let all = shop.list("checkout-sessions?limit=100");
    assert_eq!(all.len(), 48);
    for session in all.iter().step_by(5) {
        shop.post(&format!("checkout-sessions/{}/cancel", text(session, "id")), &json!({}));
    }
    let all = shop.list("checkout-sessions?limit=100");
    let mut count = 0;
    for status in [None, Some("open"), Some("canceled"), Some("paid"), Some("nonsense")] {
        for email in [None, Some(emails[0]), Some(emails[2]), Some("A@shop.example")] {
            for reference in [None, Some(references[0]), Some(references[2]), Some(references[3])] {
                let filters = [("status", status), ("customer_email", email), ("client_reference_id", reference)];
                let query: String =
                    filters.iter().filter_map(|(name, value)| Some(format!("{name}={}&", stage::encode((*value)?)))).collect();
                let fits =
                    |session: &&Value| filters.iter().all(|(name, value)| value.is_none_or(|value| session[*name] == value));
                let expected: Vec<Value> = all.iter().filter(fits).cloned().collect();
                count += expected.len();
                assert_eq!(walk(&shop, &format!("checkout-sessions?{query}"), 3), ids(&expected), "{query}");
                assert_eq!(shop.list(&format!("checkout-sessions?{query}limit=100")), expected, "{query}");
            }
        }
    }
    assert!(count > 100, "{count} were expected in all");
    for session in [&all[0], &all[1]] {
        let path = format!("events?checkout_session={}", text(session, "id"));
        let kinds = if session["status"] == "canceled" { 2 } else { 1 };
        assert_eq!(shop.list(&path).len(), kinds);
        assert_eq!(shop.list(&format!("{path}&type=checkout.session.created")).len(), 1);
        assert_eq!(shop.list(&format!("{path}&type=checkout.session.paid")).len(), 0);
    }
}

#[test]
fn a_list_says_what_it_is_and_refuses_what_it_does_not_know() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    make(&stage, &shop.token, 12, &|_| json!({}));
    let page = shop.get("checkout-sessions");
    assert_eq!(
        (&page["object"], &page["has_more"], &page["url"]),
        (&json!("list"), &json!(true), &json!("/api/v1/checkout-sessions"))
    );
    assert_eq!(page["data"].as_array().unwrap().len(), 10, "ten where nobody says how many");
    let empty = shop.get("transactions");
    assert_eq!((&empty["data"], &empty["has_more"]), (&json!([]), &json!(false)));
    let id = text(&page["data"][3], "id");
    for (query, param) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e1", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=5&limit=6", "limit"),
        ("livemode=yes", "livemode"),
        ("livemode=false", "livemode"),
        (&*format!("starting_after={id}&ending_before={id}"), "ending_before"),
        ("starting_after=zzz", "starting_after"),
        ("starting_after=evt_01a1ff97e370c2e362c31211355d5a14", "starting_after"),
        ("ending_before=cs_", "ending_before"),
        ("status=open&status=paid", "status"),
        ("offset=5", "offset"),
        ("Limit=5", "Limit"),
        ("status[]=open", "status"),
    ] {
        let (status, code, found) = shop.refused("GET", &format!("checkout-sessions?{query}"), &Value::Null);
        assert_eq!((status, found.as_deref()), (400, Some(param)), "{query}: {code}");
    }
    let pages = [1, 100].map(|limit| shop.list(&format!("checkout-sessions?limit={limit}")).len());
    assert_eq!(pages, [1, 12]);
    let unknown = format!("checkout-sessions?starting_after=cs_{}", "0".repeat(32));
    assert_eq!(shop.list(&unknown).len(), 0, "nothing is older");
}

/// What can be sent can be listed: a page of the largest sessions is larger than any reply of the gateway's may be.
#[test]
fn a_page_of_large_objects_arrives() {
    let stage = open_stage(&[]);
    let shop = Caller::merchant(&stage);
    let metadata: Value = (0..50).map(|number| (format!("key{number}"), json!("x".repeat(500)))).collect();
    for _ in 0..12 {
        shop.session(&json!({"metadata": metadata}));
    }
    for path in ["checkout-sessions?limit=100", "events?limit=100&type=checkout.session.created"] {
        assert_eq!(shop.list(path).len(), 12, "{path}");
    }
}
