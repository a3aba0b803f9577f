//! The demo shop: a merchant who takes orders, gets wallets from the Worker under test, and waits for callbacks.

use std::{
    fmt::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use askama::Template;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    documented::PAYOUT_WALLET,
    opaque,
    php::Parameters,
    records::{Order, Received, ShopCallback},
    state::Shared,
    wire::{client, reply::Reply},
};

const USER_AGENT: &str = "demo-shop/1.0";
const EMAIL: &str = "john@example.com";
const ORDER_PATH: &str = "/orders/";

/// What is for sale: id, name, amount, currency.
const PRODUCTS: [(&str, &str, &str, &str); 3] =
    [("tea", "Tea set", "103.78", "USD"), ("lamp", "Reading lamp", "64.50", "EUR"), ("card", "Greeting card", "3.00", "USD")];

#[derive(Template)]
#[template(path = "shop.html")]
struct ShopPage<'a> {
    products: &'a [(&'a str, &'a str, &'a str, &'a str)],
    orders: &'a [Order],
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage<'a> {
    order: &'a Order,
    links: &'a [(&'static str, String)],
}

/// Answers a request to the shop.
pub(crate) async fn answer(shared: &Shared, request: &Received) -> Reply {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/") => Reply::page(200, &ShopPage { products: &PRODUCTS, orders: &shared.read(|state| state.orders.clone()) }),
        ("POST", "/orders") => order(shared, &request.body).await,
        ("GET", "/orders.json") => Reply::json(&shared.read(|state| state.orders.clone())),
        (_, "/orders.php") => callback(shared, request).await,
        ("GET", path) => path.strip_prefix(ORDER_PATH).map_or_else(not_found, |number| order_page(shared, number)),
        _ => not_found(),
    }
}

/// Takes an order: a unique number, a wallet from the Worker, and on to the order's page.
async fn order(shared: &Shared, body: &[u8]) -> Reply {
    let form = Parameters::read(&String::from_utf8_lossy(body));
    let wanted = form.get("product").unwrap_or_default();
    let Some((_, name, amount, currency)) = PRODUCTS.iter().find(|(id, ..)| *id == wanted) else {
        return not_found();
    };
    let number = unique_number(shared);
    let callback = format!("{}/orders.php?number={number}", shared.urls.shop);
    let (address_in, error) = match wallet(shared, &callback).await {
        Ok(address_in) => (Some(address_in), None),
        Err(error) => (None, Some(error)),
    };
    let location = format!("{ORDER_PATH}{number}");
    let (product, amount, currency) = ((*name).to_owned(), (*amount).to_owned(), (*currency).to_owned());
    let order = Order { number, product, amount, currency, callback, address_in, error, paid: false };
    shared.update(|state| state.orders.push(order));
    Reply::redirect(303, &location)
}

/// Asks the Worker for a wallet, as a shop's server does.
async fn wallet(shared: &Shared, callback: &str) -> Result<String, String> {
    let livery = shared.read(|state| state.livery.clone());
    let callback = opaque::percent_encoded(callback);
    let url = format!("{livery}/control/wallet.php?address={PAYOUT_WALLET}&callback={callback}");
    let answer = client::get(&url, USER_AGENT).await?;
    let json: Option<Value> = serde_json::from_str(&answer.body).ok();
    let address_in = json.as_ref().and_then(|json| json.get("address_in")).and_then(Value::as_str);
    address_in.map(str::to_owned).ok_or_else(|| format!("status {}: {}", answer.status, answer.body))
}

fn order_page(shared: &Shared, number: &str) -> Reply {
    let found = shared.read(|state| {
        let order = state.orders.iter().find(|order| order.number == number)?;
        Some((order.clone(), links(&state.livery, order)))
    });
    found.map_or_else(not_found, |(order, links)| Reply::page(200, &OrderPage { order: &order, links: &links }))
}

/// The ways to pay an order through the Worker. The encrypted address goes in as it came, already encoded.
fn links(livery: &str, order: &Order) -> Vec<(&'static str, String)> {
    let email = opaque::percent_encoded(EMAIL);
    let mut sum = format!("amount={}&email={email}&currency={}", order.amount, order.currency);
    let callback = opaque::percent_encoded(&order.callback);
    let mut links = vec![("checkout", format!("{livery}/checkout?{sum}&callback={callback}&address={PAYOUT_WALLET}"))];
    if let Some(address) = &order.address_in {
        // Writing to a text cannot fail.
        let _ = write!(sum, "&address={address}");
        links.push(("process", format!("{livery}/process-payment.php?{sum}&provider=moonpay")));
        links.push(("hosted", format!("{livery}/pay.php?{sum}")));
    }
    links
}

/// Records a callback, marks its order paid, and answers as set.
async fn callback(shared: &Shared, request: &Received) -> Reply {
    let parameters = Parameters::read(&request.query);
    let number = parameters.get("number").unwrap_or_default().to_owned();
    let received = ShopCallback {
        number: number.clone(),
        parameters: parameters.texts().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        query: request.query.clone(),
        headers: request.headers.clone(),
    };
    let set = shared.update(|state| {
        state.shop_callbacks.push(received);
        state.orders.iter_mut().filter(|order| order.number == number).for_each(|order| order.paid = true);
        state.shop_reply.clone()
    });
    sleep(set.delay).await;
    let reply = Reply::text(set.status, set.body);
    set.headers.iter().fold(reply, |reply, (name, value)| reply.replacing(name, value))
}

fn unique_number(shared: &Shared) -> String {
    let serial = shared.update(crate::state::State::next_serial);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}{serial:03}", now.as_millis())
}

fn not_found() -> Reply {
    Reply::text(404, "The shop has no such page")
}
