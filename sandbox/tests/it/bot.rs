//! The callback bot in each of its modes, calling the demo shop.

use std::time::Duration;

use livery_sandbox::{
    Acknowledge, BotMode, Decimal, Options, PayError, Sandbox, ShopReply, State, documented::PAYOUT_WALLET, php::Parameters,
};
use serde_json::Value;

use super::client::get;

const PATIENCE: Duration = Duration::from_mins(1);

struct Scene {
    sandbox: Sandbox,
    wallet: Value,
}

impl Scene {
    fn new(mode: BotMode) -> Self {
        let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
        sandbox.set_bot_mode(mode);
        sandbox.configure(|settings| settings.resend_ms = vec![10, 10]);
        let callback =
            format!("{}%2Forders.php%3Fnumber%3D827746841326", sandbox.shop_url().replace(':', "%3A").replace('/', "%2F"));
        let url = format!("{}/control/wallet.php?address={PAYOUT_WALLET}&callback={callback}", sandbox.api_url());
        let wallet = get(&url).json();
        Self { sandbox, wallet }
    }

    /// Pays and returns the query of every callback, once there are so many.
    fn pay(&self, callbacks: usize) -> Vec<String> {
        self.sandbox.pay(self.address(), "105.6").expect("a payment");
        self.until(|state| state.shop_callbacks().len() >= callbacks);
        self.sandbox.shop_callbacks().into_iter().map(|callback| callback.query).collect()
    }

    fn until(&self, condition: impl Fn(&State) -> bool) {
        assert!(self.sandbox.wait_for(condition, PATIENCE), "log: {:?}", self.sandbox.bot_log());
    }

    fn address(&self) -> &str {
        self.wallet["polygon_address_in"].as_str().expect("an address")
    }

    fn status(&self) -> Value {
        let token = self.wallet["ipn_token"].as_str().expect("a token");
        get(&format!("{}/control/payment-status.php?ipn_token={token}", self.sandbox.api_url())).json()
    }
}

fn names(query: &str) -> Vec<&str> {
    query.split('&').filter_map(|part| part.split('=').next()).collect()
}

fn value(query: &str, name: &str) -> String {
    Parameters::read(query).get(name).unwrap_or_default().to_owned()
}

#[test]
fn normal_is_as_documented() {
    let scene = Scene::new(BotMode::Normal);
    let callbacks = scene.pay(1);
    let documented = ["number", "value_coin", "coin", "txid_in", "txid_out", "address_in", "value_forwarded_coin"];
    assert_eq!(names(&callbacks[0]), documented);
    let values = ["number", "value_coin", "coin", "value_forwarded_coin"].map(|name| value(&callbacks[0], name));
    assert_eq!(values, ["827746841326", "105.6", "polygon_usdc", "104.016"]);
    assert_eq!(value(&callbacks[0], "address_in"), scene.address());
    let status = scene.status();
    assert_eq!((&status["status"], &status["value_coin"]), (&"paid".into(), &"105.6".into()));
    assert_eq!(status["txid_out"], value(&callbacks[0], "txid_out"));
    scene.until(|state| state.bot_log().len() == 1 && state.bot_log()[0].acknowledged);
}

#[test]
fn duplicates_are_the_same_and_second_payments_are_not() {
    let twins = Scene::new(BotMode::Duplicate).pay(2);
    assert_eq!(twins[0], twins[1]);
    let twice = Scene::new(BotMode::TwiceOtherTxid);
    let callbacks = twice.pay(2);
    for name in ["txid_in", "txid_out"] {
        assert_ne!(value(&callbacks[0], name), value(&callbacks[1], name));
    }
    assert_eq!(twice.sandbox.wallet(twice.address()).expect("a wallet").payments.len(), 2);
}

#[test]
fn coins_may_be_native_or_unknown() {
    let native = Scene::new(BotMode::NativeCoin).pay(1);
    assert_eq!((value(&native[0], "coin").as_str(), value(&native[0], "value_coin").as_str()), ("polygon_pol", "422.4"));
    let unknown = Scene::new(BotMode::UnknownCoin).pay(1);
    assert_eq!(value(&unknown[0], "coin"), "moonbase_shell");
}

#[test]
fn fields_may_be_missing_added_or_wrong() {
    let missing = Scene::new(BotMode::MissingLastFields).pay(1);
    assert_eq!(names(&missing[0]), ["number", "value_coin", "coin", "txid_in", "txid_out"]);
    let extra = Scene::new(BotMode::ExtraAddressOut).pay(1);
    assert_eq!(value(&extra[0], "address_out"), format!(r#"{{"{PAYOUT_WALLET}":0.99}}"#));
    let wrong = Scene::new(BotMode::WrongAddress);
    assert_ne!(value(&wrong.pay(1)[0], "address_in"), wrong.address());
}

#[test]
fn callbacks_may_be_early_late_or_never() {
    let early = Scene::new(BotMode::BeforeStatusPaid);
    early.sandbox.configure(|settings| settings.settle_ms = 4_000);
    early.pay(1);
    assert_eq!(early.status()["status"], "unpaid");
    let address = early.address();
    early.until(|state| state.wallet(address).is_some_and(|wallet| wallet.payments[0].settled));
    assert_eq!(early.status()["status"], "paid");
    let late = Scene::new(BotMode::Delayed(3_000));
    late.sandbox.pay(late.address(), "1").expect("a payment");
    assert!(late.sandbox.bot_log().is_empty() && late.status()["status"] == "paid");
    late.until(|state| state.shop_callbacks().len() == 1);
    let silent = Scene::new(BotMode::Silent);
    silent.sandbox.pay(silent.address(), "1").expect("a payment");
    assert!(!silent.sandbox.wait_for(|state| !state.bot_log().is_empty(), Duration::from_millis(100)));
    assert_eq!(silent.status()["status"], "paid");
}

#[test]
fn it_resends_until_understood_and_follows_no_redirect() {
    let replies = [
        ShopReply { body: "*ok*\n".into(), ..ShopReply::default() },
        ShopReply { status: 500, ..ShopReply::default() },
        ShopReply { status: 302, headers: vec![("location".into(), "/orders.php?number=1".into())], ..ShopReply::default() },
    ];
    for reply in replies {
        let scene = Scene::new(BotMode::Normal);
        scene.sandbox.set_shop_reply(reply.clone());
        scene.pay(3);
        scene.until(|state| state.bot_log().len() == 3);
        assert!(scene.sandbox.bot_log().iter().all(|attempt| !attempt.acknowledged && attempt.status == Some(reply.status)));
        assert!(scene.sandbox.shop_callbacks().iter().all(|callback| callback.number != "1"));
    }
}

#[test]
fn it_may_take_any_success_and_it_stops_once_understood() {
    let scene = Scene::new(BotMode::Normal);
    scene.sandbox.configure(|settings| settings.acknowledge = Acknowledge::AnySuccess);
    scene.sandbox.set_shop_reply(ShopReply { body: "{}".into(), delay: Duration::from_millis(30), ..ShopReply::default() });
    scene.pay(1);
    scene.until(|state| !state.bot_log().is_empty());
    assert!(!scene.sandbox.wait_for(|state| state.bot_log().len() > 1, Duration::from_millis(100)));
}

#[test]
fn it_calls_loopback_only() {
    let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
    let url =
        format!("{}/control/wallet.php?address={PAYOUT_WALLET}&callback=http%3A%2F%2F192.0.2.1%2F%3Fn%3D1", sandbox.api_url());
    let wallet = get(&url).json();
    sandbox.configure(|settings| settings.resend_ms.clear());
    sandbox.pay(wallet["address_in"].as_str().expect("an address"), "1").expect("a payment");
    assert!(sandbox.wait_for(|state| state.bot_log().len() == 1, PATIENCE));
    assert_eq!(sandbox.bot_log()[0].status, None);
}

#[test]
fn payments_need_a_known_address_and_an_amount() {
    let scene = Scene::new(BotMode::Silent);
    assert_eq!(scene.sandbox.pay("0x00", "1"), Err(PayError::UnknownAddress));
    assert_eq!(scene.sandbox.pay(scene.address(), "-1"), Err(PayError::BadAmount));
    scene.sandbox.configure(|settings| settings.fee = Decimal::new(1, 2));
    scene.sandbox.pay(scene.address(), "100").expect("a payment");
    let wallet = scene.sandbox.wallet(scene.address()).expect("a wallet");
    assert_eq!(wallet.payments[0].value_forwarded_coin, Decimal::from(99));
}
