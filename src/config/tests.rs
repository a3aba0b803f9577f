use super::*;
use std::collections::HashMap;

const AFFILIATE: &str = "0x3c783c21a0383057D128bae431894a5C19F9Cf06";
const SUB: &str = "0x082489A616aB4D46d1947eE3F912e080815b08DA";
const PAYOUT: &str = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn read(settings: &[(&str, &str)]) -> Result<Config, Vec<Mistake>> {
    let mut all: HashMap<String, String> =
        [("CHECKOUT_DOMAIN", "pay.shop.example"), ("SIGNING_KEY", KEY)].map(|(k, v)| (k.into(), v.into())).into();
    all.extend(settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    Config::read(&|name| all.get(name).cloned())
}

fn mistakes(settings: &[(&str, &str)]) -> Vec<&'static str> {
    read(settings).map_or_else(|m| m.into_iter().map(|m| m.setting).collect(), |_| Vec::new())
}

#[test]
fn the_required_settings_are_enough() {
    let config = read(&[]).unwrap();
    assert_eq!(config.split, None);
    assert_eq!(config.payout, None);
    assert_eq!(config.origin.url("/x"), "https://pay.shop.example/x");
    assert_eq!(config.api.url("/control/wallet.php?a=%2F"), "https://api.anexpay.net/control/wallet.php?a=%2F");
    assert_eq!(config.timeout_ms, 30_000);
    assert!(config.names.hides("checkout.anexpay.net"));
    assert!(!config.allow_unsigned_links);
}

#[test]
fn every_split_mode_is_read() {
    assert!(matches!(read(&[("AFFILIATE_WALLET", AFFILIATE)]).unwrap().split, Some(Split::Affiliate(_))));
    let custom = [("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.01")];
    assert!(matches!(read(&custom).unwrap().split, Some(Split::Custom(_))));
    let three = [custom[0], custom[1], ("SUB_AFFILIATE_WALLET", SUB), ("SUB_AFFILIATE_FEE", "0.01"), ("PAYOUT_WALLET", PAYOUT)];
    assert!(matches!(read(&three).unwrap().split, Some(Split::ThreeWay { .. })));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let wrong = [
        ("PAYOUT_WALLET", "0x12"),
        ("AFFILIATE_FEE", "2"),
        ("CHECKOUT_DOMAIN", "https://pay.shop.example/"),
        ("SIGNING_KEY", "c2hvcnQ="),
        ("GATEWAY_API_URL", "http://api.example.com"),
        ("GATEWAY_TIMEOUT_MS", "0"),
        ("RATE_LIMIT_PER_CLIENT", "-1"),
        ("RATE_LIMIT_PER_TOKEN", "1000001"),
        ("BRAND_THEME", "red;}"),
        ("SUPPORT_URL", "javascript:alert(1)"),
        ("DOWNLINE_KEYS", "shop=short"),
        ("ALLOW_UNSIGNED_LINKS", "yes"),
        ("ADMIN_TOKEN", "short"),
        ("POLYGON_RPC_URL", "node"),
        ("ALLOWED_PRIVATE_HOSTS", "shop.internal;10.0.0.5"),
    ];
    let reported = mistakes(&wrong);
    for (setting, _) in wrong {
        assert!(reported.contains(&setting), "{setting} is not among {reported:?}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_mistakes() {
    let one = |settings: &[(&str, &str)]| mistakes(settings);
    assert_eq!(one(&[("AFFILIATE_FEE", "0.01")]), ["AFFILIATE_FEE"]);
    assert_eq!(one(&[("AFFILIATE_WALLET", AFFILIATE), ("SUB_AFFILIATE_FEE", "0.01")]), ["SUB_AFFILIATE_FEE"]);
    assert_eq!(one(&[("AFFILIATE_WALLET", PAYOUT), ("PAYOUT_WALLET", PAYOUT)]), ["AFFILIATE_WALLET"]);
    assert_eq!(one(&[("CHECKOUT_DOMAIN", "pay.anexpay.net")]), ["CHECKOUT_DOMAIN"]);
    assert_eq!(one(&[("UPLINE_KEY", "me=0123456789abcdef0123456789abcdef"), ("AFFILIATE_WALLET", AFFILIATE)]), ["UPLINE_KEY"]);
    let both = [("UPLINE_KEY", "me=0123456789abcdef0123456789abcdef"), ("DOWNLINE_KEYS", "you=0123456789abcdef0123456789abcdef")];
    assert_eq!(one(&both), ["DOWNLINE_KEYS"]);
    let greedy =
        [("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.9"), ("SUB_AFFILIATE_WALLET", SUB), ("SUB_AFFILIATE_FEE", "0.09")];
    assert_eq!(one(&greedy), ["SUB_AFFILIATE_WALLET"]);
}

#[test]
fn missing_settings_say_how_to_make_them() {
    assert_eq!(mistakes(&[("CHECKOUT_DOMAIN", ""), ("GATEWAY_DOMAINS", "not a domain")]), ["CHECKOUT_DOMAIN", "GATEWAY_DOMAINS"]);
    let missing = Config::read(&|_| None).unwrap_err();
    assert_eq!(missing.iter().map(|m| m.setting).collect::<Vec<_>>(), ["CHECKOUT_DOMAIN", "SIGNING_KEY"]);
    assert!(missing[1].to_string().contains("openssl rand -base64 32"));
}

#[test]
fn no_mistake_and_no_debug_text_shows_a_secret() {
    let secrets = [
        ("SIGNING_KEY", "SIGNINGSECRET0123456789"),
        ("PAYOUT_WALLET", "0xPAYOUTSECRET"),
        ("DOWNLINE_KEYS", "shop=DOWNLINESECRET"),
        ("ADMIN_TOKEN", "ADMINSECRET"),
        ("POLYGON_RPC_URL", "RPCSECRET"),
        ("UPLINE_KEY", "UPLINESECRET"),
    ];
    let text = format!("{:?}", read(&secrets).unwrap_err());
    assert!(!text.contains("SECRET"), "{text}");
    let good = [
        ("ADMIN_TOKEN", "ADMINSECRET0123456789abcdef0123456789"),
        ("DOWNLINE_KEYS", "shop=DOWNLINESECRET0123456789abcdef0123456789"),
        ("POLYGON_RPC_URL", "https://rpc.example/RPCSECRET"),
    ];
    let text = format!("{:?}", read(&good).unwrap());
    assert!(!text.contains("SECRET") && !text.contains(KEY) && !text.contains("0123456789abcdef"), "{text}");
}

#[test]
fn a_loopback_domain_means_development() {
    for (host, development) in
        [("127.0.0.1:8787", true), ("localhost:8787", true), ("[::1]:8787", true), ("pay.example.com", false)]
    {
        let config = read(&[("CHECKOUT_DOMAIN", host)]).unwrap();
        assert_eq!((config.origin.is_development(), config.origin.scheme() == "http"), (development, development), "{host}");
    }
}

#[test]
fn both_gateway_hosts_are_always_hidden() {
    let settings = [
        ("GATEWAY_API_URL", "http://127.0.0.1:8701"),
        ("GATEWAY_CHECKOUT_URL", "https://pay.card2crypto.org"),
        ("GATEWAY_DOMAINS", "a.example, b.example"),
    ];
    let names = read(&settings).unwrap().names;
    for hidden in ["127.0.0.1:8701", "pay.card2crypto.org", "x.a.example", "b.example"] {
        assert!(names.hides(hidden), "{hidden}");
    }
    assert!(!names.hides("127.0.0.1:8787"));
}

#[test]
fn hosts_are_allowed_by_their_plain_names() {
    for good in ["shop.internal", "Shop.Internal", "10.0.0.5:8080, [fd00::1]", "[fd00::1]:80,localhost,", "intranet:443", "a.b."]
    {
        assert_eq!(mistakes(&[("ALLOWED_PRIVATE_HOSTS", good)]), [""; 0], "{good}");
    }
    assert_eq!(read(&[("ALLOWED_PRIVATE_HOSTS", "a.lan, ,b.lan")]).unwrap().allowed_private_hosts.len(), 2);
    for bad in [
        "http://shop.internal",
        "shop.internal/",
        "shop.internal/paid",
        "shop.internal?",
        "shop.internal#",
        "u@shop.internal",
        "u:p@shop.internal",
        "@shop.internal",
        "*.internal",
        "shop.internal:",
        "shop.internal:0x50",
        "shop.internal:99999",
        "shop internal",
        "shop.\tinternal",
        "10.5",
        "0xa000005",
        "010.0.0.5",
        "10.0.0.0/8",
        "fd00::1",
        "[fd00::1",
        "[fd00:0::1]",
        "münchen.internal",
        "shop.internal 10.0.0.5",
        "shop.internal, :80",
    ] {
        assert_eq!(mistakes(&[("ALLOWED_PRIVATE_HOSTS", bad)]), ["ALLOWED_PRIVATE_HOSTS"], "{bad}");
    }
}
