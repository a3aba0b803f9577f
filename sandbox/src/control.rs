//! The control endpoint, for tests that are no Rust: the switches of [`crate::Sandbox`] over JSON.
//!
//! | request | body | does |
//! |---|---|---|
//! | `POST /sandbox/fault` | `{"path":"*","fault":{"status":[503,"<p>"]},"times":1}` | switches a fault on; `times` is optional |
//! | `POST /sandbox/bot` | `{"mode":"duplicate"}` or `{"mode":{"delayed":500}}` | sets the bot's mode |
//! | `POST /sandbox/settings` | any fields of [`crate::Settings`] | changes these and leaves the others |
//! | `POST /sandbox/livery` | `{"url":"http://127.0.0.1:8787"}` | names the Worker under test |
//! | `POST /sandbox/shop` | fields of [`crate::ShopReply`], the delay as `delay_ms` | sets the shop's answer to callbacks |
//! | `POST /sandbox/pay` | `{"address":"0x…","amount":"105.6"}` | pays without a browser |
//! | `POST /sandbox/clear` | none | forgets faults and records; wallets, orders and settings stay |
//! | `GET /sandbox/{requests,departures,bot,callbacks,wallets,settings}` | | shows them |

use std::sync::Arc;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    bot::{self, PayError},
    fault::{Fault, Switch},
    money, opaque,
    options::BotMode,
    records::{Received, ShopReply},
    state::{Shared, State},
    wire::reply::Reply,
};

#[derive(Deserialize)]
struct FaultOrder {
    path: String,
    fault: Fault,
    times: Option<u32>,
}

#[derive(Deserialize)]
struct BotOrder {
    mode: BotMode,
}

#[derive(Deserialize)]
struct LiveryOrder {
    url: String,
}

#[derive(Deserialize)]
struct PayOrder {
    address: String,
    amount: String,
}

/// Answers a request to the control endpoint.
pub(crate) fn answer(shared: &Arc<Shared>, request: &Received) -> Reply {
    let route = (request.method.as_str(), request.path.trim_start_matches("/sandbox/"));
    let done = match route {
        ("GET", what) => return show(shared, what),
        ("POST", "fault") => read(request).map(|order: FaultOrder| shared.update(|state| switch_on(state, order))),
        ("POST", "bot") => read(request).map(|order: BotOrder| shared.update(|state| state.settings.bot = order.mode)),
        ("POST", "settings") => read(request).and_then(|changes| shared.update(|state| merge(state, changes))),
        ("POST", "livery") => read(request)
            .map(|order: LiveryOrder| shared.update(|state| order.url.trim_end_matches('/').clone_into(&mut state.livery))),
        ("POST", "shop") => read(request).map(|reply: ShopReply| shared.update(|state| state.shop_reply = reply)),
        ("POST", "pay") => read(request)
            .and_then(|order: PayOrder| pay(shared, &order.address, &order.amount).map_err(|error| error.to_string())),
        ("POST", "clear") => {
            shared.update(clear);
            Ok(())
        }
        _ => Err("no such switch".to_owned()),
    };
    match done {
        Ok(()) => Reply::json(&json!({ "ok": true })),
        Err(error) => Reply { status: 400, ..Reply::json(&json!({ "error": error })) },
    }
}

/// Pays an amount in dollars to a receiving address, or to an encrypted one in either spelling.
pub(crate) fn pay(shared: &Arc<Shared>, address: &str, amount: &str) -> Result<(), PayError> {
    let dollars = money::positive(amount).ok_or(PayError::BadAmount)?;
    let opened = opaque::open_address(address).or_else(|| opaque::open_address(&crate::php::decode(address)));
    bot::pay(shared, opened.as_deref().unwrap_or(address), dollars)
}

/// Forgets faults and records.
pub(crate) fn clear(state: &mut State) {
    state.faults.clear();
    state.requests.clear();
    state.departures.clear();
    state.bot_log.clear();
    state.shop_callbacks.clear();
    state.shop_reply = ShopReply::default();
}

fn show(shared: &Shared, what: &str) -> Reply {
    shared.read(|state| match what {
        "requests" => Reply::json(&state.requests),
        "departures" => Reply::json(&state.departures),
        "bot" => Reply::json(&state.bot_log),
        "callbacks" => Reply::json(&state.shop_callbacks),
        "wallets" => Reply::json(&state.wallets().collect::<Vec<_>>()),
        "settings" => Reply::json(&state.settings),
        _ => Reply::text(404, "Nothing of this name to show"),
    })
}

fn switch_on(state: &mut State, order: FaultOrder) {
    state.faults.push(Switch { path: order.path, fault: order.fault, left: order.times });
}

fn merge(state: &mut State, changes: Map<String, Value>) -> Result<(), String> {
    let mut settings = serde_json::to_value(&state.settings).map_err(|error| error.to_string())?;
    if let Some(fields) = settings.as_object_mut() {
        fields.extend(changes);
    }
    state.settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    Ok(())
}

fn read<T: DeserializeOwned>(request: &Received) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| error.to_string())
}
