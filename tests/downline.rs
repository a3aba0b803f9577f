//! Three in a row: a sub-affiliate's Livery in front of an affiliate's in front of the gateway. Payments, countries and
//! callbacks pass through both; shares and countries are believed only where they are signed.
mod stage;
mod support;

use livery_sandbox::{Decimal, Listener, Received, Sandbox};
use stage::{AFFILIATE, MERCHANT, Made, STRANGER, SUB_AFFILIATE, encode, failure, in_front_of, paths, read, sandbox};
use std::time::Duration;
use support::{
    client::{Answer, Request},
    config::Settings,
    worker::Worker,
};

const KEY: &str = "sub=a-key-that-two-operators-share-0123456789";
const WRONG_KEY: &str = "sub=a-key-that-nobody-shares-0123456789abcdef";
const UNKNOWN_NAME: &str = "other=a-key-that-two-operators-share-0123456789";
const PATIENCE: Duration = Duration::from_mins(1);

struct Chain {
    sub: Worker,
    affiliate: Worker,
    sandbox: Sandbox,
}

impl Chain {
    fn start() -> Self {
        let sandbox = sandbox();
        let affiliate = affiliate(&sandbox);
        let sub = Worker::start(&sub_settings(&affiliate.url(), KEY));
        Self { sub, affiliate, sandbox }
    }

    /// A request to the sub-affiliate's Livery, whose answer may name neither the affiliate's nor the gateway.
    fn get(&self, target: &str) -> Request {
        let urls = [self.affiliate.url(), self.sandbox.api_url(), self.sandbox.checkout_url()];
        self.sub.get(target).hiding(urls.iter().map(|url| url.replace("http://", "")))
    }

    fn wallet(&self, order: &str) -> Made {
        let callback = encode(&format!("{}/orders.php?number={order}", self.sandbox.shop_url()));
        Made::from(&self.get(&format!("/control/wallet.php?address={MERCHANT}&callback={callback}")).send())
    }

    fn asked(&self) -> Vec<Received> {
        let all = self.sandbox.requests();
        self.sandbox.clear_requests();
        all.into_iter().filter(|request| matches!(request.listener, Listener::Api | Listener::Checkout)).collect()
    }
}

fn affiliate(sandbox: &Sandbox) -> Worker {
    let settings = [("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.02"), ("DOWNLINE_KEYS", KEY)];
    Worker::start(&in_front_of(sandbox, &settings))
}

fn sub_settings(upline: &str, key: &str) -> Settings {
    let settings = Settings::new().gateway(upline, upline).set("UPLINE_KEY", key);
    settings.set("AFFILIATE_WALLET", SUB_AFFILIATE).set("AFFILIATE_FEE", "0.01")
}

#[test]
fn both_affiliates_and_the_merchant_get_their_shares() {
    let chain = Chain::start();
    let made = chain.wallet("1");
    let asked = chain.asked();
    assert_eq!(paths(&asked), ["/control/custom-sub-affiliate.php"]);
    let query = read(&asked[0].query);
    let told: Vec<_> = query.iter().filter(|(name, _)| name != "callback").map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let expected = [
        ("address", MERCHANT),
        ("affiliate", AFFILIATE),
        ("affiliate_fee", "0.02"),
        ("merchant_fee", "0.96"),
        ("sub_affiliate_fee", "0.01"),
        ("sub_affiliate", SUB_AFFILIATE),
    ];
    assert_eq!(told, expected);
    let split = chain.sandbox.wallet(&made.polygon_address_in).expect("the wallet").split;
    assert_eq!(split.iter().map(|(_, share)| share).sum::<Decimal>(), Decimal::new(99, 2));
    assert!(stage::token(&asked[0]).len() > 100, "the affiliate's own callback, with the sub-affiliate's sealed in it");
    assert_eq!(made.callback_url, format!("{}/orders.php?number=1", chain.sandbox.shop_url()));
}

/// The link to a provider on the hosted page.
fn provider_link(page: &Answer, origin: &str) -> String {
    let links: Vec<_> =
        page.text().split('"').filter(|text| text.starts_with(&format!("{origin}/process-payment.php?"))).collect();
    let link = links.iter().find(|link| link.contains("provider=moonpay")).unwrap_or_else(|| panic!("{}", page.text()));
    link.replace("&amp;", "&").replace("&#38;", "&").replacen(origin, "", 1)
}

#[test]
fn one_whole_payment_passes_through_both() {
    let chain = Chain::start();
    let made = chain.wallet("77&own=%2f");
    let query = format!("address={}&amount=103.78&email=john%40example.com&currency=USD", made.address_in);
    let page = chain.get(&format!("/pay.php?{query}")).header("CF-IPCountry", "BR").send();
    assert_eq!(page.status, 200, "{}", page.text());
    let link = provider_link(&page, &chain.sub.url());
    let redirect = chain.get(&link).header("CF-IPCountry", "BR").send();
    let location = redirect.header("Location").unwrap_or_else(|| panic!("{}", redirect.text())).to_owned();
    let host = chain.sandbox.provider_url().replace("http://", "");
    let target = location.strip_prefix(&format!("http://{host}")).unwrap_or_else(|| panic!("{location}"));
    assert!(target.contains("&country=BR&"), "{target}");
    let form = Request::new(host, Vec::new(), "POST", target).header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(form.body("choice=pay").send().status, 200);
    assert!(chain.sandbox.wait_for(|state| !state.bot_log().is_empty(), PATIENCE));
    let bot = &chain.sandbox.bot_log()[0];
    assert!(bot.acknowledged && bot.body == "*ok*" && bot.url.starts_with(&chain.affiliate.url()), "{bot:?}");
    let told = &chain.sandbox.shop_callbacks()[0];
    let said = bot.url.split_once("&value_coin=").expect("a report").1;
    assert_eq!(told.query, format!("number=77&own=%2f&value_coin={said}"));
    let everything = format!("{told:?}").to_lowercase();
    assert!(!everything.contains("anexpay") && !everything.contains(&chain.affiliate.host()), "{everything}");
}

#[test]
fn the_merchants_no_stays_a_no_all_the_way() {
    let chain = Chain::start();
    chain.wallet("1");
    let callback = chain.asked()[0].query.clone();
    let token = stage::read_one(&callback, "callback").expect("a callback");
    let target = token.replacen(&chain.affiliate.url(), "", 1) + "&value_coin=1";
    chain.sandbox.set_shop_reply(livery_sandbox::ShopReply { status: 500, ..Default::default() });
    assert_eq!(failure(&chain.affiliate.get(&target).send()), (502, "merchant_rejected".into(), None));
    chain.sandbox.set_shop_reply(livery_sandbox::ShopReply::default());
    assert_eq!(chain.affiliate.get(&target).send().text(), "*ok*");
}

#[test]
fn the_customers_country_is_right_at_the_gateway() {
    let chain = Chain::start();
    let query = format!("address={}&amount=103.78&email=j%40example.com&currency=USD", chain.wallet("1").address_in);
    let targets =
        [format!("/pay.php?{query}"), format!("/process-payment.php?{query}&provider=moonpay"), "/assets/app.css".into()];
    chain.asked();
    for target in targets {
        for (seen, spoofed, expected) in [(Some("BR"), None, "BR"), (Some("BR"), Some("US"), "BR"), (None, Some("US"), "XX")] {
            let request = seen.iter().fold(chain.get(&target), |request, value| request.header("CF-IPCountry", value));
            spoofed.iter().fold(request, |request, value| request.header("PGTO-IPCountry", value)).send();
            let asked = chain.asked();
            assert_eq!(asked.len(), 1, "{target}");
            assert_eq!(asked[0].header("pgto-ipcountry"), Some(expected), "{target} {seen:?} {spoofed:?}");
            assert_eq!(asked[0].header("livery-signature"), None, "the signature is not the gateway's business");
        }
    }
}

#[test]
fn an_unsigned_country_is_ignored() {
    let chain = Chain::start();
    let request = chain.affiliate.get("/assets/app.css").header("PGTO-IPCountry", "US");
    request.clone().send();
    request.header("CF-IPCountry", "DE").send();
    let countries: Vec<_> = chain.asked().iter().map(|request| request.header("pgto-ipcountry").map(str::to_owned)).collect();
    assert_eq!(countries, [Some("XX".to_owned()), Some("DE".to_owned())]);
}

fn downline_query(shop: &str) -> String {
    let callback = encode(&format!("{shop}/orders.php?number=1"));
    format!("/set-affiliate.php?address={MERCHANT}&callback={callback}&sub_affiliate={STRANGER}&sub_affiliate_fee=0.5")
}

#[test]
fn nobody_without_a_key_may_name_a_share() {
    let sandbox = sandbox();
    let affiliate = affiliate(&sandbox);
    let query = downline_query(&sandbox.shop_url());
    let forged = ["", "x", "name=sub", "name=sub,t=1,v1=00", "name=sub,t=99999999999999999999,v1=00", "name=,t=,v1="];
    for signature in forged {
        for method in ["GET", "POST"] {
            let request = affiliate.request(method, &query);
            let request = if signature.is_empty() { request } else { request.header("Livery-Signature", signature) };
            let answer = request.send();
            assert_eq!(failure(&answer), (401, "downline_signature_invalid".into(), None), "{method} {signature}");
        }
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_wrong_key_or_name_creates_nothing() {
    let sandbox = sandbox();
    let affiliate = affiliate(&sandbox);
    for key in [WRONG_KEY, UNKNOWN_NAME] {
        let sub = Worker::start(&sub_settings(&affiliate.url(), key));
        let callback = encode("http://127.0.0.1:1/?n=1");
        let answer = sub.get(&format!("/control/wallet.php?address={MERCHANT}&callback={callback}")).send();
        assert_eq!(failure(&answer), (422, "gateway_rejected".into(), None), "{key}");
        assert!(!answer.text().contains(&key[5..]), "{}", answer.text());
        assert_eq!(sub.get("/assets/app.css").send().status, 422, "{key}");
    }
    assert!(sandbox.requests().is_empty());
}

/// What a sub-affiliate's Livery really sends upward, caught on the way.
fn caught(sandbox: &Sandbox) -> (String, String) {
    let sub = Worker::start(&sub_settings(&sandbox.api_url(), KEY));
    let callback = encode(&format!("{}/orders.php?number=1", sandbox.shop_url()));
    sub.get(&format!("/control/wallet.php?address={MERCHANT}&callback={callback}")).send();
    let request = sandbox.requests().remove(0);
    sandbox.clear_requests();
    let signature = request.header("livery-signature").expect("a signature").to_owned();
    (format!("{}?{}", request.path, request.query), signature)
}

#[test]
fn a_signed_request_cannot_be_altered_or_used_elsewhere() {
    let sandbox = sandbox();
    let affiliate = affiliate(&sandbox);
    let (target, signature) = caught(&sandbox);
    assert!(target.starts_with("/set-affiliate.php?") && target.contains("sub_affiliate_fee=0.01"), "{target}");
    let send = |method: &str, target: &str| affiliate.request(method, target).header("Livery-Signature", &signature);
    let altered = [
        ("GET", target.replace("sub_affiliate_fee=0.01", "sub_affiliate_fee=0.5")),
        ("GET", target.replace(SUB_AFFILIATE, STRANGER)),
        ("GET", target.replace(MERCHANT, STRANGER)),
        ("GET", format!("{target}&merchant_fee=0.96")),
        ("GET", target.replace("/set-affiliate.php", "/pay.php")),
        ("POST", target.clone()),
    ];
    for (method, target) in altered {
        let answer = send(method, &target).send();
        assert_eq!(failure(&answer), (401, "downline_signature_invalid".into(), None), "{method} {target}");
    }
    assert_eq!(send("GET", &target).header("PGTO-IPCountry", "US").send().status, 401, "a country was added");
    assert!(sandbox.requests().is_empty());
    assert_eq!(send("GET", &target).send().status, 200, "as it was signed it is good");
}

#[test]
fn without_a_share_of_their_own_an_operator_has_no_downlines() {
    let sandbox = sandbox();
    let (target, signature) = caught(&sandbox);
    for settings in [&[("DOWNLINE_KEYS", KEY)][..], &[("DOWNLINE_KEYS", KEY), ("AFFILIATE_WALLET", AFFILIATE)]] {
        let affiliate = Worker::start(&in_front_of(&sandbox, settings));
        let answer = affiliate.get(&target).header("Livery-Signature", &signature).send();
        assert_eq!(failure(&answer), (403, "downline_not_allowed".into(), None));
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_greedy_downline_is_refused() {
    let sandbox = sandbox();
    let affiliate = affiliate(&sandbox);
    let callback = encode(&format!("{}/orders.php?number=1", sandbox.shop_url()));
    for (wallet, share, why) in [(SUB_AFFILIATE, "0.98", "nothing for the merchant"), (AFFILIATE, "0.01", "the same wallet")] {
        let settings = Settings::new().gateway(&affiliate.url(), &affiliate.url()).set("UPLINE_KEY", KEY);
        let sub = Worker::start(&settings.set("AFFILIATE_WALLET", wallet).set("AFFILIATE_FEE", share));
        let answer = sub.get(&format!("/control/wallet.php?address={MERCHANT}&callback={callback}")).send();
        assert_eq!(failure(&answer), (422, "gateway_rejected".into(), None), "{why}");
        assert!(answer.text().contains(why), "{}", answer.text());
    }
    assert!(sandbox.requests().is_empty());
}
