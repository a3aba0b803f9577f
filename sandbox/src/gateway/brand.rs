//! What every answer of the gateway carries: headers that name its real hosts, in more spellings than one.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::{records::Received, wire::reply::Reply};

const HEADERS: [(&str, &str); 8] = [
    ("server", "AnexPay-Edge/2.1 (checkout.anexpay.net)"),
    ("x-powered-by", "PHP/8.3.11 at API.ANEXPAY.NET"),
    ("x-gateway", "api.anexpay.net"),
    ("via", "1.1 cdn.anexpay.net"),
    ("access-control-allow-origin", "https://checkout.anexpay.net"),
    ("report-to", r#"{"group":"edge","max_age":86400,"endpoints":[{"url":"https:\/\/report.anexpay.net\/nel"}]}"#),
    ("server-timing", r#"origin;desc="api%2Eanexpay%2Enet";dur=12"#),
    ("set-cookie", "PHPSESSID=t5k2v8c1; Path=/; Domain=.anexpay.net; Secure; HttpOnly; SameSite=Lax"),
];

const PAGE_HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'self' https://*.anexpay.net; img-src * data:; script-src 'unsafe-inline' https://cdn.anexpay.net; \
         style-src 'unsafe-inline' https://cdn.anexpay.net https://static.anexpay.net; \
         form-action https://checkout.anexpay.net; report-uri https://report.anexpay.net/csp",
    ),
    ("link", "<https://cdn.anexpay.net/assets/app.css>; rel=preload; as=style, <https://api.anexpay.net>; rel=preconnect"),
    ("content-location", "https://checkout.anexpay.net/pay.php"),
    ("x-frame-options", "DENY"),
    ("cache-control", "no-store, private"),
    ("set-cookie", "checkout_seen=1; expires=Wed, 21 Oct 2037 07:28:00 GMT; Max-Age=31536000; path=/; domain=anexpay.net"),
    ("set-cookie", "lang=en; Path=/"),
];

/// Adds the headers of the gateway, and answers 304 to a client that has this version.
pub(super) fn dress(mut reply: Reply, request: &Received) -> Reply {
    let add = |headers: &mut Vec<(String, String)>, more: &[(&str, &str)]| {
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    };
    let is_page = reply.header("content-type").is_some_and(|value| value.starts_with("text/html"));
    add(&mut reply.headers, &HEADERS);
    if is_page {
        add(&mut reply.headers, &PAGE_HEADERS);
    }
    if reply.status != 200 {
        return reply;
    }
    let tag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&reply.body)[..8]));
    let known = request.header("if-none-match").is_some_and(|tags| tags.contains(&tag));
    let reply = reply.with("etag", &tag);
    if known { Reply { status: 304, body: Vec::new(), ..reply } } else { reply }
}
