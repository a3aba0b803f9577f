//! Where every other URL of a merchant's may lead, which private hosts the operator can allow, and that a merchant's answer
//! leads nowhere else.
mod ledger;
mod stage;
mod support;

use ledger::{ADMIN, Caller, text};
use livery_sandbox::ShopReply;
use serde_json::{Value, json};
use stage::{MERCHANT, Stage, encode, failure};
use std::{io::ErrorKind, net::TcpListener, time::Duration};
use support::{
    config::{self, Settings},
    worker::Worker,
};

const OWN: &str = "pay.shop.example";
const PUBLIC: [&str; 3] = ["https://shop.example/a?n=1", "http://8.8.8.8:8080/a?n=1", "https://[2606:4700::1111]/a?n=1"];
const PRIVATE: [&str; 14] = [
    "http://127.0.0.1/a?n=1",
    "https://0x7f.1:8443/a?n=1",
    "http://2130706433/a?n=1",
    "http://0177.0.0.1./a?n=1",
    "http://169.254.169.254/latest/meta-data/?n=1",
    "http://[::1]/a?n=1",
    "http://[::ffff:10.0.0.1]/a?n=1",
    "http://[64:ff9b::10.0.0.1]/a?n=1",
    "http://[2002:a00:1::]/a?n=1",
    "http://[2606:4700::5efe:10.0.0.1]/a?n=1",
    "http://localhost/a?n=1",
    "http://metadata.google.internal/a?n=1",
    "http://10.0.0.1.nip.io/a?n=1",
    "http://intranet/a?n=1",
];
const OURS: [&str; 3] =
    ["https://api.anexpay.net/a?n=1", "https://pay.shop.example/a?n=1", "https://PAY.shop.example.:8443/a?n=1"];
const NO_URL: [&str; 4] = [
    "https://u:p@shop.example/a?n=1",
    "https://shop.example@127.0.0.1/a?n=1",
    "https://shop.example/a?n=1#f",
    "//shop.example/a?n=1",
];

/// In production, with an operator who has a token.
fn production(settings: &[(&str, &str)]) -> Stage {
    ledger::stage(&[&[("CHECKOUT_DOMAIN", OWN), ("ALLOW_UNSIGNED_LINKS", "true")], settings].concat())
}

/// The fields of an account that hold a URL, each with a body that sets it.
fn fields(url: &str) -> [(&'static str, Value); 2] {
    [("callback_url", json!({"callback_url": url})), ("brand[logo]", json!({"brand": {"logo": url}}))]
}

fn new_account() -> Value {
    json!({"name": "Shop", "payout_wallet": MERCHANT})
}

fn with(mut body: Value, other: &Value) -> Value {
    body.as_object_mut().expect("an object").extend(other.as_object().expect("an object").clone());
    body
}

#[test]
fn what_an_account_keeps_leads_to_public_hosts() {
    let stage = production(&[]);
    let operator = Caller::operator(&stage);
    let made = operator.post("accounts", &new_account());
    let path = format!("accounts/{}", text(&made, "id"));
    for url in [&PRIVATE[..], &OURS, &NO_URL].concat() {
        for (field, body) in fields(url) {
            let expected = (400, "invalid_parameter".to_owned(), Some(field.to_owned()));
            assert_eq!(operator.refused("PATCH", &path, &body), expected, "PATCH {field}: {url}");
            assert_eq!(operator.refused("POST", "accounts", &with(body, &new_account())), expected, "POST {field}: {url}");
        }
    }
    assert_eq!(operator.list("accounts"), [made], "nothing was made or changed");
    let message = operator.send("PATCH", &path, &fields(PRIVATE[0])[1].1).json()["error"]["message"].clone();
    assert!(
        message.as_str().is_some_and(|text| text.contains("`brand[logo]` leads to a host that is not on the public internet"))
    );
    for url in PUBLIC {
        for (field, body) in fields(url) {
            assert_eq!(operator.send("PATCH", &path, &body).status, 200, "{field}: {url}");
        }
    }
    assert_eq!(operator.send("PATCH", &path, &fields("https://shop.example/logo.png")[1].1).status, 200, "it needs no parameter");
}

#[test]
fn what_sessions_and_webhooks_call_leads_to_public_hosts() {
    let stage = production(&[]);
    let shop = Caller::merchant(&stage);
    // Nobody out there is called.
    let endpoint = |url: &str| json!({"url": url, "status": "paused"});
    let path = format!("webhooks/{}", text(&shop.post("webhooks", &endpoint("https://shop.example/hook")), "id"));
    let session = |url: &str| json!({"amount": "25", "currency": "USD", "customer_email": "j@shop.example", "callback": url});
    for url in [&PRIVATE[..], &OURS, &NO_URL].concat() {
        let refused = shop.refused("POST", "checkout-sessions", &session(url));
        assert_eq!((refused.0, refused.2.as_deref()), (400, Some("callback")), "{url}: {}", refused.1);
        for (method, path) in [("POST", "webhooks"), ("PATCH", &path)] {
            let refused = shop.refused(method, path, &endpoint(url));
            assert_eq!((refused.0, refused.2.as_deref()), (400, Some("url")), "{method} {url}: {}", refused.1);
        }
    }
    for url in PUBLIC {
        assert_eq!(shop.send("PATCH", &path, &endpoint(url)).status, 200, "{url}");
        assert_eq!(shop.send("POST", "checkout-sessions", &session(url)).status, 200, "{url}");
    }
    assert!(stage.asked().is_empty());
}

#[test]
fn the_operator_allows_private_hosts_by_name() {
    let stage =
        production(&[("ALLOWED_PRIVATE_HOSTS", "shop.internal, 10.0.0.5:8080,[fd00::1],127.0.0.1,localhost,pay.shop.example")]);
    let operator = Caller::operator(&stage);
    let path = format!("accounts/{}", text(&operator.post("accounts", &new_account()), "id"));
    let wallet = |url: &str| stage.get(&stage::wallet_target(url)).send();
    for host in ["shop.internal", "SHOP.internal.:8443", "10.0.0.5:8080", "0xa.5:8080", "[::ffff:10.0.0.5]:8080", "[fd00::1]:81"]
    {
        let url = format!("http://{host}/a?n=1");
        assert_eq!(wallet(&url).json()["callback_url"].as_str(), Some(url.as_str()), "{host}");
        for (field, body) in fields(&url) {
            assert_eq!(operator.send("PATCH", &path, &body).status, 200, "{field}: {url}");
        }
    }
    stage.asked();
    let gateway = stage.sandbox.api_url();
    let mut refused = vec![format!("{gateway}/a?n=1"), gateway.replace("127.0.0.1", "localhost") + "/a?n=1"];
    refused.push(gateway.replace("127.0.0.1", "[::ffff:7f00:1]") + "/a?n=1");
    refused.extend(OURS.map(str::to_owned));
    let hosts = ["10.0.0.5", "10.0.0.5:8081", "10.0.0.6:8080", "a.shop.internal", "[fd00::2]", "10.0.0.5.nip.io:8080"];
    refused.extend(hosts.map(|host| format!("http://{host}/a?n=1")));
    for url in refused {
        let answer = wallet(&url);
        assert_eq!(failure(&answer), (400, "callback_not_public".into(), Some("callback".into())), "{url}");
        for (field, body) in fields(&url) {
            assert_eq!(operator.refused("PATCH", &path, &body).2.as_deref(), Some(field), "{url}");
        }
    }
    assert!(stage.asked().is_empty());
}

#[test]
fn a_list_of_allowed_hosts_that_is_none_is_a_mistake() {
    for list in ["http://10.0.0.5", "10.0.0.0/8", "*.internal", "10.5", "u@shop.internal", "shop.internal:"] {
        let stage = Stage::with(&[("ADMIN_TOKEN", ADMIN), ("ALLOWED_PRIVATE_HOSTS", list)]);
        let health = stage.get("/healthz").send();
        assert_eq!((health.status, &health.json()["mistakes"][0]["setting"]), (503, &json!("ALLOWED_PRIVATE_HOSTS")), "{list}");
    }
}

/// What the flag does shows on Cloudflare alone: a host of the operator's own zone is called as from outside, and not past what
/// protects it.
#[test]
fn the_operators_own_zone_is_called_as_from_outside() {
    assert!(config::workerd_config(&Settings::new(), OWN).contains(r#""global_fetch_strictly_public""#));
}

/// The shop may be called, for the operator allows it, and where it redirects to may not.
#[test]
fn a_redirect_to_a_private_host_is_not_followed() {
    let private = TcpListener::bind("127.0.0.1:0").expect("a free port");
    private.set_nonblocking(true).expect("a listener that does not wait");
    let address = private.local_addr().expect("its address");
    let sandbox = stage::sandbox();
    let shop = sandbox.shop_url();
    let allowed = shop.trim_start_matches("http://");
    let settings = [("CHECKOUT_DOMAIN", OWN), ("ADMIN_TOKEN", ADMIN), ("ALLOWED_PRIVATE_HOSTS", allowed)];
    let worker = Worker::start(&stage::in_front_of(&sandbox, &settings));
    let stage = Stage { worker, sandbox };
    let refused = stage.get(&stage::wallet_target(&format!("http://{address}/?n=1"))).send();
    assert_eq!(failure(&refused).1, "callback_not_public");
    assert_eq!(stage.get(&stage::wallet_target(&stage.shop_callback("1"))).send().status, 200);
    let token = encode(&stage::token(&stage.asked_once()));
    let report = format!("/callback?token={token}&value_coin=25&coin=polygon_usdc");
    let merchant = Caller::merchant(&stage);
    let endpoint = json!({"url": stage.shop_callback("2"), "event_types": ["checkout.session.paid"]});
    let check = format!("webhooks/{}/check", text(&merchant.post("webhooks", &endpoint), "id"));
    for status in [301, 302, 303, 307, 308] {
        let headers = vec![("location".to_owned(), format!("http://{address}/latest/meta-data/"))];
        stage.sandbox.set_shop_reply(ShopReply { status, headers, body: "*ok*".into(), delay: Duration::ZERO });
        assert_eq!(failure(&stage.get(&report).send()).1, "merchant_rejected", "{status}");
        assert_eq!(merchant.post(&check, &json!({}))["status"], status, "the endpoint's own answer is what is shown");
        assert_eq!(private.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock), "{status} was followed");
    }
    let calls = stage.sandbox.requests().iter().filter(|request| request.path == "/orders.php").count();
    assert_eq!(calls, 5 * 3, "the shop itself was called, by a check with a signature and with a false one");
    stage.sandbox.set_shop_reply(ShopReply::default());
    assert_eq!(stage.get(&report).send().text(), "*ok*");
}
