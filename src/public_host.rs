//! Which hosts are on the public internet, as far as a URL shows it.
//!
//! An address shows it itself: here are the blocks that lead elsewhere, and the IPv6 addresses that stand for an IPv4 one.
//! Its other spellings (`0x7f.1`, `2130706433`, `017700000001`, a dot at its end) are the same address to whoever reads URLs
//! as browsers do ([`web_url`](crate::web_url)). A name shows it only where it is kept for private use, or where an address is
//! spelt in it.
//!
//! # Out of reach
//! A Worker cannot bind its call to an address that it looked up before, so every other name passes: one that its owner
//! points to a private address, and one that they point there later (DNS rebinding). There the platform decides. The runtime
//! connects to publicly routable addresses only, and leaves others out of what a name resolves to (`Network` in
//! workerd.capnp, whose default allows `public`); on Cloudflare itself an address is not called at all ("Fetch to IP
//! addresses" among the known issues of Workers), and with `global_fetch_strictly_public` (wrangler.toml) a host of the
//! operator's own zone is reached as from outside, through all that protects it. Nothing shows that an IPv6 prefix is
//! somebody's own translation to IPv4 (RFC 6052), either.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// IPv4 blocks that are not the public internet, with the lengths of their prefixes: all of IANA's special-purpose address
/// registry (RFC 6890), multicast, and one address of a cloud.
///
/// The registry calls the anycast services among them globally reachable. They are refused too: at such an address answers
/// whoever is nearest, which may be the very network that the call comes from, and nobody has a shop there.
const SPECIAL_V4: [(Ipv4Addr, u32); 19] = [
    (Ipv4Addr::UNSPECIFIED, 8),            // this network (RFC 791)
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private use (RFC 1918)
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // behind carriers' NAT (RFC 6598), and a cloud's metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback (RFC 1122)
    (Ipv4Addr::new(168, 63, 129, 16), 32), // what each machine in Azure reaches Azure's own services by
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local (RFC 3927), and most clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private use (RFC 1918)
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments (RFC 6890), and a cloud's metadata
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation (RFC 5737)
    (Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112, anycast (RFC 7535)
    (Ipv4Addr::new(192, 52, 193, 0), 24),  // multicast tunnels, anycast (RFC 7450)
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays, anycast, given up (RFC 7526)
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private use (RFC 1918)
    (Ipv4Addr::new(192, 175, 48, 0), 24),  // AS112, anycast (RFC 7534)
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks (RFC 2544)
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation (RFC 5737)
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation (RFC 5737)
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast (RFC 5771)
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved (RFC 1112), broadcast (RFC 919)
];

/// All of IPv6 that is routed on the public internet (RFC 4291, and IANA's list of what was assigned). Outside are loopback,
/// IPv4 addresses that are mapped, compatible or translated (`::/96`, `::ffff:0:0/96`, `::ffff:0:0:0/96`, `64:ff9b::/96`,
/// `64:ff9b:1::/48`), discarded and dummy addresses (`100::/64`, `100:0:0:1::/64`), segment routing (`5f00::/16`), unique
/// local ones (`fc00::/7`), link-local and site-local ones (`fe80::/10`, `fec0::/10`) and multicast (`ff00::/8`).
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// IPv6 blocks within those that lead elsewhere, after IANA's special-purpose address registry (RFC 6890), its anycast
/// services as above.
const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocols (RFC 2928), such as Teredo (RFC 4380)
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation (RFC 3849)
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, before an IPv4 address (RFC 3056)
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112, anycast (RFC 7534)
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation (RFC 9637)
];

/// Domains that are kept for private use, each with all that is below it, by a standard or by wide use: those of RFC 6761, of
/// RFC 6762 and its appendix G (ICANN keeps `internal` for it), `localdomain` from many a machine's list of hosts, those of
/// RFC 7686 and RFC 9476, the internet's own infrastructure (RFC 3172) with `home.arpa` and the names of addresses, the one name of
/// a cloud's metadata that is not below these, and those that clusters and Windows networks give their machines.
///
/// RFC 6761 has `example` too. Nothing is ever there, and it is what documentation shows, so it may stay.
const PRIVATE_DOMAINS: [&str; 19] = [
    "localhost",
    "test",
    "invalid",
    "local",
    "intranet",
    "internal",
    "private",
    "corp",
    "home",
    "lan",
    "localdomain",
    "onion",
    "alt",
    "arpa",
    "metadata.goog",
    "svc",
    "consul",
    "workgroup",
    "ipv6-literal.net",
];

/// Domains whose owners point every name below them to the address that is spelt in it, to loopback, or to one address now and
/// to another then, and which are used for nothing else.
const POINTED_DOMAINS: [&str; 15] = [
    "nip.io",
    "sslip.io",
    "xip.io",
    "traefik.me",
    "local-ip.sh",
    "localho.st",
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "lacolhost.com",
    "fuf.me",
    "ddev.site",
    "lndo.site",
    "rbndr.us",
    "1u.ms",
];

/// Whether a URL's host can be on the public internet. Names are not resolved: see above.
#[must_use]
pub fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => is_public_v4(ip),
        Some(Host::Ipv6(ip)) => is_public_v6(ip),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && !PRIVATE_DOMAINS.iter().chain(&POINTED_DOMAINS).any(|domain| is_within(name, domain))
        }
        None => false,
    }
}

/// Whether a host is this very machine.
#[must_use]
pub fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => is_within(name, "localhost"),
    }
}

/// A URL's host in the form in which hosts are compared: an IPv4 address that is mapped into IPv6 is that address, for the
/// operating system calls it (RFC 4291, 2.5.5.2), and a dot at a name's end says nothing.
#[must_use]
pub fn canonical(url: &Url) -> Option<Host<&str>> {
    Some(match url.host()? {
        Host::Domain(name) => Host::Domain(name.trim_end_matches('.')),
        Host::Ipv6(ip) => ip.to_ipv4_mapped().map_or(Host::Ipv6(ip), Host::Ipv4),
        ipv4 @ Host::Ipv4(_) => ipv4,
    })
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|(block, prefix)| (ip.to_bits() ^ block.to_bits()) >> (32 - prefix) == 0)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let within = |(block, prefix): &(Ipv6Addr, u32)| (ip.to_bits() ^ block.to_bits()) >> (128 - prefix) == 0;
    within(&GLOBAL_V6) && !SPECIAL_V6.iter().any(within) && isatap(ip).is_none_or(is_public_v4)
}

/// The IPv4 address that an ISATAP interface's identifier ends with, whatever prefix it is behind: routers send on to it
/// what is for such an interface (RFC 5214, 6.1).
const fn isatap(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(Ipv4Addr::from_bits((high as u32) << 16 | low as u32)),
        _ => None,
    }
}

fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests;
