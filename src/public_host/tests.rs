use super::*;
use crate::web_url;
use proptest::prelude::*;

fn passes(host: &str) -> bool {
    let url = web_url::parse(&format!("https://{host}/")).unwrap_or_else(|| panic!("{host} is no host"));
    is_public(&url)
}

/// First and last address of each block.
const SPECIAL: [(&str, &str); 36] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
    ("[::]", "[::1]"),
    ("[::ffff:0:0]", "[::ffff:ffff:ffff]"),
    ("[::ffff:0:0:0]", "[::ffff:0:ffff:ffff]"),
    ("[64:ff9b::]", "[64:ff9b::ffff:ffff]"),
    ("[64:ff9b:1::]", "[64:ff9b:1:ffff:ffff:ffff:ffff:ffff]"),
    ("[100::]", "[100::ffff:ffff:ffff:ffff]"),
    ("[100:0:0:1::]", "[100:0:0:1:ffff:ffff:ffff:ffff]"),
    ("[2001::]", "[2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[2001:db8::]", "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[2002::]", "[2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[2620:4f:8000::]", "[2620:4f:8000:ffff:ffff:ffff:ffff:ffff]"),
    ("[3fff::]", "[3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[5f00::]", "[5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[fc00::]", "[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[fe80::]", "[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[fec0::]", "[feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
    ("[ff00::]", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"),
];

/// The public addresses next to them.
const BESIDE: [&str; 45] = [
    "1.0.0.0",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.1.255",
    "192.0.3.0",
    "192.31.195.255",
    "192.31.197.0",
    "192.52.192.255",
    "192.52.194.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "192.175.47.255",
    "192.175.49.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "[2000::]",
    "[2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
    "[2001:200::]",
    "[2001:db7:ffff:ffff:ffff:ffff:ffff:ffff]",
    "[2001:db9::]",
    "[2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
    "[2003::]",
    "[2620:4f:7fff:ffff:ffff:ffff:ffff:ffff]",
    "[2620:4f:8001::]",
    "[3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
    "[3fff:1000::]",
];

#[test]
fn a_block_ends_where_the_registry_says() {
    for (first, last) in SPECIAL {
        assert!(!passes(first), "{first}");
        assert!(!passes(last), "{last}");
    }
    for beside in BESIDE {
        assert!(passes(beside), "{beside}");
    }
}

#[test]
fn private_names_are_not_public_nor_is_anything_below_them() {
    let names = [
        "localhost",
        "local",
        "test",
        "invalid",
        "internal",
        "intranet",
        "private",
        "corp",
        "home",
        "lan",
        "localdomain",
        "onion",
        "alt",
        "home.arpa",
        "1.0.0.10.in-addr.arpa",
        "1.d.f.ip6.arpa",
        "ipv4only.arpa",
        "metadata.google.internal",
        "metadata.goog",
        "kubernetes.default.svc",
        "consul.service.consul",
        "fe80--1.ipv6-literal.net",
        "instance-data.ec2.internal",
        "kubernetes.default.svc.cluster.local",
        "10.0.0.1.nip.io",
        "10-0-0-1.sslip.io",
        "10.0.0.1.xip.io",
        "10-0-0-1.traefik.me",
        "localtest.me",
        "lvh.me",
        "vcap.me",
        "lacolhost.com",
        "fuf.me",
        "ddev.site",
        "lndo.site",
        "7f000001.c0a80001.rbndr.us",
        "make-1.2.3.4-rebind-127.0.0.1-rr.1u.ms",
    ];
    for name in names {
        for spelt in [name.to_owned(), name.to_uppercase(), format!("{name}."), format!("shop.{name}"), format!("a.b.{name}..")] {
            assert!(!passes(&spelt), "{spelt}");
        }
    }
    for label in ["intranet", "example", "wiki.", "com"] {
        assert!(!passes(label), "{label} is a single label");
    }
}

#[test]
fn public_names_are_public() {
    for name in [
        "shop.example",
        "SHOP.example.",
        "example.com",
        "localhost.example",
        "mylocalhost.com",
        "notnip.io",
        "nip.io.example",
        "intranet.shop.example",
        "xn--mnchen-3ya.example",
        "1.2.3.4.example",
        "contest",
    ] {
        assert_eq!(passes(name), name != "contest", "{name}");
    }
}

#[test]
fn hosts_are_compared_by_what_they_are() {
    let same = |a: &str, b: &str| {
        let (a, b) = (web_url::parse(a).unwrap(), web_url::parse(b).unwrap());
        canonical(&a) == canonical(&b)
    };
    for (one, other) in [
        ("http://10.0.0.5/", "http://0xa.5/"),
        ("http://10.0.0.5/", "https://[::ffff:10.0.0.5]:8080/"),
        ("http://10.0.0.5./", "http://167772165/"),
        ("http://Shop.Internal./", "http://shop.internal/"),
        ("http://[fd00::1]/", "http://[FD00:0::0:1]/"),
    ] {
        assert!(same(one, other), "{one} {other}");
    }
    assert!(!same("http://10.0.0.5/", "http://[::10.0.0.5]/") && !same("http://10.0.0.5/", "http://10.0.0.6/"));
}

#[test]
fn loopback_is_told_by_each_of_its_names() {
    let is = |host: &str| is_loopback(&canonical(&web_url::parse(&format!("http://{host}/")).unwrap()).unwrap());
    for host in ["127.0.0.1", "127.255.255.254", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST.", "a.localhost"]
    {
        assert!(is(host), "{host}");
    }
    for host in ["0.0.0.0", "10.0.0.1", "[::]", "[::127.0.0.1]", "mylocalhost", "localhost.example", "lvh.me"] {
        assert!(!is(host), "{host}");
    }
}

/// An address of a block that is not public.
fn special_v4() -> impl Strategy<Value = Ipv4Addr> {
    (prop::sample::select(SPECIAL_V4.to_vec()), any::<u32>()).prop_map(|((block, prefix), rest)| {
        let free = u32::MAX.checked_shr(prefix).unwrap_or(0);
        Ipv4Addr::from_bits(block.to_bits() | (rest & free))
    })
}

/// A number as the parser of addresses takes it.
fn number(value: u32, base: usize) -> String {
    match base {
        0 => value.to_string(),
        1 => format!("0{value:o}"),
        2 => format!("0x{value:x}"),
        3 => format!("0X{value:X}"),
        _ => format!("0x000{value:x}"),
    }
}

/// An IPv4 address in `parts` parts, each in a base of its own.
fn spelt(ip: Ipv4Addr, parts: u32, bases: [usize; 4]) -> String {
    let bits = ip.to_bits();
    let first = (0..parts - 1).map(|at| bits >> (24 - 8 * at) & 0xff);
    let last = bits & u32::MAX.checked_shr(8 * (parts - 1)).unwrap_or(0);
    let numbers: Vec<_> = first.chain([last]).zip(bases).map(|(value, base)| number(value, base)).collect();
    numbers.join(".")
}

proptest! {
    #[test]
    fn no_special_ipv4_passes_however_it_is_spelt(ip in special_v4(), parts in 1_u32..=4, bases in prop::array::uniform4(0_usize..5)) {
        let plain = spelt(ip, parts, bases);
        for host in [plain.clone(), format!("{plain}."), format!("{}", ip.to_bits())] {
            let url = web_url::parse(&format!("https://{host}:8443/?n=1")).unwrap();
            prop_assert_eq!(url.host(), Some(Host::Ipv4(ip)));
            prop_assert!(!is_public(&url), "{}", host);
        }
    }

    #[test]
    fn no_ipv6_address_that_stands_for_a_special_ipv4_passes(ip in special_v4(), rest in any::<u64>()) {
        let [a, b, c, d] = ip.octets();
        let (high, low) = (u32::from(ip) >> 16, u32::from(ip) & 0xffff);
        let prefix = format!("2a00:{:x}:{:x}:{:x}", rest & 0xffff, rest >> 16 & 0xffff, rest >> 32 & 0xffff);
        for host in [
            format!("::ffff:{ip}"),
            format!("::ffff:{high:x}:{low:x}"),
            format!("0:0:0:0:0:FFFF:{ip}"),
            format!("::{ip}"),
            format!("::ffff:0:{ip}"),
            format!("64:ff9b::{ip}"),
            format!("64:ff9b:1:{:x}::{ip}", rest & 0xffff),
            format!("64:ff9b:1:{high:x}:{:x}:{:x}::", low >> 8, (low & 0xff) << 8),
            format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::{:x}", rest & 0xffff),
            format!("2001:0:{high:x}:{low:x}::{ip}"),
            format!("{prefix}:0:5efe:{ip}"),
            format!("{prefix}:200:5efe:{ip}"),
            format!("fe80::5efe:{ip}"),
        ] {
            prop_assert!(!passes(&format!("[{host}]")), "{}", host);
        }
    }

    #[test]
    fn addresses_in_no_block_pass(bits in any::<u32>(), rest in any::<u64>()) {
        let ip = Ipv4Addr::from_bits(bits);
        let within = |(first, last): &(&str, &str)| first.parse::<Ipv4Addr>().is_ok_and(|first| first <= ip) && last.parse().is_ok_and(|last: Ipv4Addr| ip <= last);
        let is_special = SPECIAL.iter().any(within);
        prop_assert_eq!(passes(&ip.to_string()), !is_special);
        prop_assert_eq!(passes(&format!("[2a00::5efe:{ip}]")), !is_special);
        let isatap = (rest >> 32) & !0x0200_0000 == 0x5efe;
        let v6 = Ipv6Addr::from_bits(0x2a00_u128 << 112 | u128::from(rest));
        prop_assert_eq!(passes(&format!("[{v6}]")), !isatap || !is_special);
    }
}
