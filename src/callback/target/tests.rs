use super::*;
use crate::testing::config;
use proptest::prelude::*;

fn refused(text: &str) -> Option<TargetError> {
    Target::parse(&config(&[]), text).err()
}

#[test]
fn a_shop_on_the_internet_is_accepted_as_written() {
    for good in [
        "https://www.example.com/orders.php?number=8271468415326",
        "http://shop.example/a?b=%2F+ü",
        "https://8.8.8.8/?n=1",
        "https://[2606:4700::1]/?n",
    ] {
        assert_eq!(Target::parse(&config(&[]), good).map(|t| t.0), Ok(good.to_owned()));
    }
}

#[test]
fn what_is_no_callback_url_is_refused() {
    for bad in [
        "",
        "/paid?n=1",
        "shop.example/?n=1",
        "ftp://shop.example/?n=1",
        "javascript:alert(1)?n=1",
        "https://u:p@shop.example/?n=1",
        "https://u@shop.example/?n=1",
        "https://:p@shop.example/?n=1",
        "https://shop.example/?n=1#f",
        "https://shop.example/?n=1 2",
        "https:\\\\shop.example/?n=1",
        "https://?n=1",
        "https://１２７.0.0.1/?n=1",
    ] {
        assert_eq!(refused(bad), Some(TargetError::Malformed), "{bad}");
    }
    for bad in ["https://shop.example/", "https://shop.example/?", "https://shop.example/?&", "https://shop.example/?=1"] {
        assert_eq!(refused(bad), Some(TargetError::NoParameter), "{bad}");
    }
    assert_eq!(refused(&format!("https://shop.example/?n={}", "1".repeat(2048))), Some(TargetError::TooLong));
}

#[test]
fn private_places_are_refused_in_every_disguise() {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.100.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "[fc00::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[2001:db8::1]",
        "localhost",
        "localhost.",
        "a.localhost",
        "printer.local",
        "db.internal",
        "intranet",
    ];
    for host in hosts {
        assert_eq!(refused(&format!("https://{host}/?n=1")), Some(TargetError::NotPublic), "{host}");
    }
}

#[test]
fn the_gateway_and_ourselves_are_refused() {
    for host in [
        "api.anexpay.net",
        "ANEXPAY.net",
        "pay.shop.example",
        "Pay.Shop.Example:443",
        "pay.shop.example:8443",
        "pay.shop.example.",
    ] {
        assert_eq!(refused(&format!("https://{host}/?n=1")), Some(TargetError::Ours), "{host}");
    }
}

fn development(settings: &[(&str, &str)]) -> Config {
    config(
        &[
            &[
                ("CHECKOUT_DOMAIN", "127.0.0.1:8787"),
                ("GATEWAY_API_URL", "http://127.0.0.1:8701"),
                ("GATEWAY_CHECKOUT_URL", "http://localhost:8702"),
            ],
            settings,
        ]
        .concat(),
    )
}

fn verdicts(config: &Config, hosts: &[&str], expected: Result<(), TargetError>) {
    for host in hosts {
        for scheme in ["http", "https"] {
            assert_eq!(reachable(config, &format!("{scheme}://{host}/")).map(drop), expected, "{scheme}://{host}");
        }
    }
}

#[test]
fn development_allows_loopback_and_nothing_else_that_is_private() {
    let hosts =
        ["127.0.0.1:8704", "127.9.9.9:8704", "[::1]:8704", "localhost:8704", "shop.localhost:8704", "0x7f.1:8704", "8.8.8.8"];
    verdicts(&development(&[]), &hosts, Ok(()));
    let hosts =
        ["0.0.0.0:8704", "[::]:8704", "10.0.0.1", "169.254.169.254", "[fd00::1]", "db.internal", "intranet", "lvh.me:8704"];
    verdicts(&development(&[]), &hosts, Err(TargetError::NotPublic));
}

/// Whatever loopback is called, and whatever else is allowed there.
#[test]
fn the_gateway_and_ourselves_are_refused_on_loopback() {
    let hosts =
        ["127.0.0.1:8787", "localhost:8787", "a.localhost.:8787", "[::1]:8787", "[::ffff:127.0.0.1]:8787", "127.0.0.2:8787"];
    verdicts(&development(&[]), &hosts, Err(TargetError::Ours));
    verdicts(&development(&[]), &["127.0.0.1:8701", "localhost:8701", "[::1]:8701"], Err(TargetError::Ours));
    verdicts(&development(&[]), &["127.0.0.1:8702", "localhost:8702", "[::1]:8702"], Err(TargetError::Ours));
    let allowed = ("ALLOWED_PRIVATE_HOSTS", "127.0.0.1,localhost,[::1],10.0.0.9,pay.shop.example,api.anexpay.net");
    verdicts(&development(&[allowed]), &["localhost:8787", "[::ffff:7f00:1]:8701"], Err(TargetError::Ours));
    let private_gateway =
        config(&[("GATEWAY_API_URL", "https://10.0.0.9"), ("GATEWAY_CHECKOUT_URL", "http://127.0.0.1:8701"), allowed]);
    let hosts = ["10.0.0.9", "0xa.9", "[::ffff:10.0.0.9]", "pay.shop.example", "pay.shop.example.:8080", "localhost:8701"];
    verdicts(&private_gateway, &hosts, Err(TargetError::Ours));
    verdicts(&private_gateway, &["localhost:8704"], Ok(()));
}

#[test]
fn the_operator_allows_hosts_by_name() {
    let allowing = |text| config(&[("ALLOWED_PRIVATE_HOSTS", text)]);
    let some = allowing("shop.internal, 10.0.0.5:8080,[fd00::1] ,,192.168.1.1:443");
    let hosts =
        ["shop.internal", "SHOP.internal.:8443", "10.0.0.5:8080", "0xa.5:8080", "167772165:8080", "[::ffff:10.0.0.5]:8080"];
    verdicts(&some, &hosts, Ok(()));
    verdicts(&some, &["[fd00::1]", "[FD00:0::1]:8080", "192.168.1.1:443", "shop.example"], Ok(()));
    assert_eq!(reachable(&some, "https://192.168.1.1/").map(drop), Ok(()));
    assert_eq!(reachable(&some, "http://192.168.1.1/"), Err(TargetError::NotPublic));
    let hosts = ["a.shop.internal", "internal", "10.0.0.5", "10.0.0.5:8081", "10.0.0.6:8080", "[::10.0.0.5]:8080", "[fd00::2]"];
    verdicts(&some, &hosts, Err(TargetError::NotPublic));
    verdicts(&allowing("127.0.0.1"), &["127.0.0.1"], Ok(()));
    verdicts(&allowing("127.0.0.1"), &["localhost", "[::1]", "127.0.0.2"], Err(TargetError::NotPublic));
    for text in ["http://shop.internal/?n=1#f", "http://u:p@shop.internal/?n=1", "ftp://shop.internal/?n=1"] {
        assert_eq!(reachable(&some, text), Err(TargetError::Malformed), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_a_callback_is_what_is_reachable_with_a_parameter(text in "(https?://)?(shop\\.example/)?\\PC{0,60}") {
        let (callback, url) = (refused(&text), reachable(&config(&[]), &text).err());
        prop_assert!(callback == url || (callback, url) == (Some(TargetError::NoParameter), None));
    }

    #[test]
    fn no_private_ipv4_passes(a in prop::sample::select(vec![0_u8, 10, 127, 240]), rest in any::<[u8; 3]>()) {
        let ip = u32::from_be_bytes([a, rest[0], rest[1], rest[2]]);
        for host in [format!("{ip}"), format!("0x{ip:x}"), format!("0{ip:o}."), format!("{a}.{}.{}.{}", rest[0], rest[1], rest[2])] {
            prop_assert_eq!(refused(&format!("https://{host}/?n=1")), Some(TargetError::NotPublic));
            for before in ["shop.example@", "shop.example:443@", "a:b@c@", "@", ":@"] {
                let is_refused = matches!(refused(&format!("https://{before}{host}/?n=1")), Some(TargetError::Malformed | TargetError::NotPublic));
                prop_assert!(is_refused, "{}{}", before, host);
            }
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_alone(ip in any::<[u8; 4]>(), other in any::<[u8; 4]>(), port in 1_u16.., near in 1_u16..) {
        let (ip, other) = ([10, ip[1], ip[2], ip[3]], [10, other[1], other[2], other[3]]);
        let text = |ip: [u8; 4]| std::net::Ipv4Addr::from(ip).to_string();
        let allowing = config(&[("ALLOWED_PRIVATE_HOSTS", &format!("{}:{port}", text(ip)))]);
        let number = u32::from_be_bytes(ip);
        for host in [text(ip), format!("{number}"), format!("0x{number:X}."), format!("[::ffff:{}]", text(ip))] {
            prop_assert_eq!(reachable(&allowing, &format!("http://{host}:{port}/")).map(drop), Ok(()));
            prop_assert_eq!(reachable(&allowing, &format!("http://{host}:{near}/")).is_ok(), near == port);
        }
        prop_assert_eq!(reachable(&allowing, &format!("http://{}:{port}/", text(other))).is_ok(), ip == other);
    }
}
