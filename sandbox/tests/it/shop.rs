//! The demo shop and the provider's buttons. The gateway itself stands in for the Worker here.

use std::time::Duration;

use livery_sandbox::{Options, Sandbox};

use super::client::{get, send};

const PATIENCE: Duration = Duration::from_mins(1);

fn started() -> Sandbox {
    let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
    sandbox.set_livery(&format!("{}/", sandbox.checkout_url()));
    sandbox
}

/// Creates an order and returns the path of its page.
fn order(sandbox: &Sandbox) -> String {
    let answer = send("POST", &format!("{}/orders", sandbox.shop_url()), &[], "product=tea").expect("an answer");
    assert_eq!(answer.status, 303);
    answer.header("location").expect("a location").to_owned()
}

/// The link with an id on a page, unescaped.
fn link(page: &str, id: &str) -> String {
    let from = page.find(&format!("id=\"{id}\" href=\"")).expect("a link");
    page[from..].split('"').nth(3).expect("a URL").replace("&#38;", "&")
}

#[test]
fn an_order_is_paid_from_page_to_callback() {
    let sandbox = started();
    let order_url = format!("{}{}", sandbox.shop_url(), order(&sandbox));
    let page = get(&order_url).text();
    assert!(page.contains("id=\"status\">open<"), "{page}");
    assert!(get(&link(&page, "hosted")).text().contains("data-provider=\"moonpay\""));
    assert!(link(&page, "checkout").contains("/checkout?amount=103.78&"));
    let buy = get(&link(&page, "process")).header("location").expect("a location").to_owned();
    let done = send("POST", &buy, &[], "choice=pay").expect("a page").text();
    assert!(done.contains("Payment complete") && done.contains(&sandbox.shop_url()));
    assert!(sandbox.wait_for(|state| state.orders()[0].paid, PATIENCE), "{:?}", sandbox.bot_log());
    assert!(get(&order_url).text().contains("id=\"status\">paid<"));
    assert_eq!(get(&format!("{}/orders.json", sandbox.shop_url())).json()[0]["paid"], true);
}

#[test]
fn the_customer_may_pay_less_or_more_or_not_at_all() {
    let sandbox = started();
    let page = get(&format!("{}{}", sandbox.shop_url(), order(&sandbox))).text();
    let buy = get(&link(&page, "process")).header("location").expect("a location").to_owned();
    let choose = |choice: &str| send("POST", &buy, &[], &format!("choice={choice}")).expect("a page").text();
    assert!(choose("abandon").contains("Payment abandoned"));
    choose("less");
    choose("more");
    assert!(sandbox.wait_for(|state| state.shop_callbacks().len() == 2, PATIENCE));
    let mut values: Vec<_> = sandbox.shop_callbacks().iter().map(|callback| callback.parameters[1].clone()).collect();
    values.sort();
    let value = |text: &str| ("value_coin".to_owned(), text.to_owned());
    assert_eq!(values, [value("155.67"), value("41.51")]);
}

#[test]
fn orders_are_unique_and_an_unreachable_worker_is_shown() {
    let sandbox = started();
    assert_ne!(order(&sandbox), order(&sandbox));
    sandbox.set_livery("http://127.0.0.1:1");
    let page = get(&format!("{}{}", sandbox.shop_url(), order(&sandbox))).text();
    assert!(page.contains("id=\"error\"") && !page.contains("id=\"process\""), "{page}");
}
