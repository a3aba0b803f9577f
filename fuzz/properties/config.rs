//! Settings are good or named as mistakes, and neither way shows a secret.
//!
//! The input is a file of `NAME=value` lines; of several lines for one name the last counts.

use livery::config::{Config, Mistake};
use livery::web_url;
use std::collections::HashMap;

type Settings<'a> = HashMap<&'a str, String>;

/// Panics where a property does not hold.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let settings: Settings<'_> = lines.map(|(name, value)| (name.trim(), value.to_owned())).collect();
    match read(&settings) {
        Ok(config) => {
            is_good(&config);
            shows_no_secret(&settings, &config);
        }
        Err(mistakes) => are_about_the_settings(&settings, &mistakes),
    }
}

fn read(settings: &Settings<'_>) -> Result<Config, Vec<Mistake>> {
    Config::read(&|name| settings.get(name).cloned())
}

fn is_good(config: &Config) {
    let shown = config.origin.url("/x?y");
    let url = web_url::parse(&shown).expect("our own URL is one");
    assert_eq!(web_url::authority(&url).as_deref(), Some(config.origin.host()), "{shown}");
    assert_eq!(url.path(), "/x");
    for base in [&config.api, &config.checkout] {
        let url = web_url::parse(&base.url("/x?y")).expect("the gateway's URL is one");
        assert!(base.is_root_of(&url) && url.path() == "/x" && url.username().is_empty(), "{url}");
        assert!(config.names.hides(&base.host_and_port()), "{url}");
        let is_local = url.host_str().is_some_and(|h| h.starts_with("127.") || h == "[::1]" || h.ends_with("localhost"));
        assert!(url.scheme() == "https" || is_local, "{url}");
    }
    assert!(!config.names.hides(config.origin.host()), "{shown}");
    assert!((1..=120_000).contains(&config.timeout_ms));
    assert!(config.split.is_none_or(|split| split.check(config.payout).is_ok()));
    assert!(config.upline.is_none() || config.downlines.is_empty());
    let sealed = config.keys.seal("text").expect("there is a key");
    assert_eq!(config.keys.open(&sealed).as_deref(), Some("text"));
    has_a_safe_look(config);
}

fn has_a_safe_look(config: &Config) {
    let brand = &config.brand;
    for colour in [&brand.background, &brand.theme, &brand.button].into_iter().flatten() {
        assert!(colour.strip_prefix('#').unwrap_or(colour).bytes().all(|b| b.is_ascii_alphanumeric()), "{colour}");
    }
    assert!(brand.logo.as_ref().is_none_or(|url| url.starts_with("https://")), "{:?}", brand.logo);
    let is_link = |url: &String| url.starts_with("https://") || url.starts_with("mailto:");
    assert!(brand.support.as_ref().is_none_or(is_link), "{:?}", brand.support);
}

/// With other secrets of the same kind, the same debug text.
fn shows_no_secret(settings: &Settings<'_>, config: &Config) {
    let others = settings.iter().map(|(name, value)| (*name, another(name, value))).collect();
    let other = read(&others).expect("other secrets of the same kind are as good");
    assert_eq!(format!("{config:?}"), format!("{other:?}"));
}

/// Another value of the same kind for a secret, the same for all else.
fn another(name: &str, value: &str) -> String {
    const KEY: &str = "another-key-of-exactly-32-letters";
    let partner = |pair: &str| pair.split_once('=').map_or_else(String::new, |(name, _)| format!("{name}={KEY}"));
    let other = match name {
        "SIGNING_KEY" => vec!["YW5vdGhlci1rZXktb2YtZXhhY3RseS0zMi1sZXR0ZXJz"; value.split(',').count()].join(","),
        "PAYOUT_WALLET" => "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned(),
        "AFFILIATE_WALLET" => "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359".to_owned(),
        "SUB_AFFILIATE_WALLET" => "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB".to_owned(),
        "ADMIN_TOKEN" => KEY.to_owned(),
        "POLYGON_RPC_URL" => "https://another.example/".to_owned(),
        "UPLINE_KEY" => partner(value),
        "DOWNLINE_KEYS" => value.split(',').map(partner).collect::<Vec<_>>().join(","),
        _ => value.to_owned(),
    };
    if value.trim().is_empty() { value.to_owned() } else { other }
}

/// That no mistake shows a value is said by its type: both texts are fixed.
fn are_about_the_settings(settings: &Settings<'_>, mistakes: &[Mistake]) {
    assert!(!mistakes.is_empty());
    for mistake in mistakes {
        let fixed: [&'static str; 2] = [mistake.setting, mistake.problem];
        assert_eq!(mistake.to_string(), fixed.join(" "));
        let is_set = settings.get(mistake.setting).is_some_and(|value| !value.trim().is_empty());
        assert!(is_set || ["CHECKOUT_DOMAIN", "SIGNING_KEY"].contains(&mistake.setting), "{mistake}");
    }
}
