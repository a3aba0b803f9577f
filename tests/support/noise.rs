//! Requests that are right, and hostile noise around them: the same ones for the same seed.
//!
//! A [`Base`] is a right request to one route. [`Dice::query`] hides noise between its parameters, [`Dice::headers`] adds
//! headers: whatever they are, what reaches the gateway has to be what the base alone makes reach it. It is used by the core's own
//! tests too, so it knows nothing of workerd and the sandbox.
#![allow(dead_code, reason = "the core's tests and those in workerd use their own parts of this")]

use super::dice::Dice;

/// What noise may do to a request besides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing at all: the gateway's query is built from checked values.
    Rebuilt,
    /// It goes up byte for byte, as the gateway signed it.
    ByteForByte,
    /// It goes up, but nothing that PHP could read as the operator's.
    Page,
    /// It goes on to the merchant's own URL, behind the merchant's own parameters.
    Callback,
}

/// A right request. In query and body `{W}` is a wallet, `{1}` and `{2}` an affiliate's and another's, `{C}` a callback, `{A}` an
/// encrypted address, `{I}` an `ipn_token` and `{T}` a callback token, each as a query has it.
pub struct Base {
    pub method: &'static str,
    pub path: &'static str,
    pub query: &'static str,
    /// Content type and body of a form.
    pub form: Option<(&'static str, &'static str)>,
    pub kind: Kind,
}

const fn get(path: &'static str, query: &'static str, kind: Kind) -> Base {
    Base { method: "GET", path, query, form: None, kind }
}

const fn post(path: &'static str, content_type: &'static str, body: &'static str) -> Base {
    Base { method: "POST", path, query: "", form: Some((content_type, body)), kind: Kind::Page }
}

/// Every route of the white-label surface.
pub const BASES: [Base; 18] = [
    get("/control/wallet.php", "address={W}&callback={C}", Kind::Rebuilt),
    get("/control/affiliate.php", "address={W}&callback={C}&affiliate={1}", Kind::Rebuilt),
    get(
        "/control/custom-affiliate.php",
        "callback={C}&address={W}&affiliate={1}&affiliate_fee=0.02&merchant_fee=0.97",
        Kind::Rebuilt,
    ),
    get(
        "/control/custom-sub-affiliate.php",
        "address={W}&callback={C}&affiliate={1}&affiliate_fee=0.02&merchant_fee=0.96&sub_affiliate={2}&sub_affiliate_fee=0.01",
        Kind::Rebuilt,
    ),
    get("/control/provider-status", "", Kind::Rebuilt),
    get("/control/convert.php", "from=EUR&value=10000.00", Kind::Rebuilt),
    get("/control/payment-status.php", "ipn_token={I}", Kind::Rebuilt),
    get("/checkout", "amount=25.00&currency=EUR&email=j%40example.com&callback={C}&address={W}", Kind::Rebuilt),
    get("/checkout", "amount=25.00&currency=USD&provider=moonpay&email=j%40example.com&callback={C}&address={W}", Kind::Rebuilt),
    get(
        "/process-payment.php",
        "address={A}&amount=25.00&provider=moonpay&email=j%40example.com&currency=USD",
        Kind::ByteForByte,
    ),
    get("/pay.php", "address={A}&amount=25.00&email=j%40example.com&currency=EUR", Kind::Page),
    get("/assets/app.css", "v=2", Kind::Page),
    get("/crypto/eth/info.php", "", Kind::Page),
    post("/receipt.php", "application/x-www-form-urlencoded", "email=j%40example.com&amount=25"),
    post("/receipt.php", "application/json", r#"{"email":"j@example.com","amount":25}"#),
    get("/callback", "token={T}&value_coin=24.5&coin=polygon_usdc", Kind::Callback),
    get("/set-affiliate.php", "address={W}&callback={C}&sub_affiliate={2}&sub_affiliate_fee=0.01", Kind::Rebuilt),
    get("/", "", Kind::Rebuilt),
];

/// What only the operator may set.
pub const OPERATORS: [&str; 6] = ["affiliate", "affiliate_fee", "domain", "merchant_fee", "sub_affiliate", "sub_affiliate_fee"];

const NAMES: [&str; 24] = [
    "affiliate",
    "affiliate_fee",
    "merchant_fee",
    "sub_affiliate",
    "sub_affiliate_fee",
    "domain",
    "address",
    "callback",
    "amount",
    "currency",
    "provider",
    "email",
    "token",
    "ipn_token",
    "success_url",
    "logo",
    "theme",
    "_method",
    "redirect",
    "order",
    "url",
    "x",
    "sig",
    "",
];
/// `{own}` is Livery's own host.
const VALUES: [&str; 24] = [
    "{own}",
    "{own}",
    "0x082489A616aB4D46d1947eE3F912e080815b08DA",
    "0x0000000000000000000000000000000000000000",
    "0.98",
    "evil.example",
    "https%3A%2F%2Fevil.example%2F%3Fa%3D1",
    "https://evil.example/?a=1",
    "//evil.example/",
    "\\\\evil.example",
    "%0d%0aLocation:%20https://evil.example/",
    "%0D%0ASet-Cookie:%20a=b",
    "%250d%250aX:%20y",
    "%E5%98%8D%E5%98%8ALocation:x",
    "%00",
    "%ff%fe",
    "\u{e9}",
    "%",
    "POST",
    "EUR",
    "1.5",
    "",
    "a=b",
    "'`|^{}",
];
/// What can stand before and behind a name without PHP's reading another one, or changing it as the attacker wants.
const BEFORE: [&str; 8] = ["", "", "", "+", "%20", "%20+", "%00", "%09"];
const BEHIND: [&str; 14] = ["", "", "", "[]", "[0]", "%5B%5D", "[a][b]", "%00", "%00[x]", "[", "%5b", "]", "+", "%c0%80"];
/// What PHP makes an underscore of, and what it does not.
const UNDERSCORES: [&str; 10] = ["_", "_", ".", "+", "%20", "%2e", "[", "%5B", "%5b", "%5f"];
const HEADERS: [&str; 40] = [
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Host",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Original-Host",
    "Forwarded",
    "Via",
    "PGTO-IPCountry",
    "pgto-ipcountry",
    "PGTO_IPCountry",
    "PGTO-IPCOUNTRY",
    "PGTO-IP-Country",
    "CF-Connecting-IP",
    "CF-Connecting-IPv6",
    "CF_IPCountry",
    "CF-IPCity",
    "CF-Ray",
    "CF-Visitor",
    "CF-Worker",
    "CDN-Loop",
    "True-Client-IP",
    "X-Real-IP",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-HTTP-Method",
    "Cookie",
    "Authorization",
    "Proxy-Authorization",
    "Referer",
    "Origin",
    "Range",
    "If-Range",
    "TE",
    "Trailer",
    "Keep-Alive",
    "Proxy-Connection",
    "Livery-Signature",
];
const HEADER_VALUES: [&str; 10] = [
    "US",
    "evil.example",
    "127.0.0.1",
    "https://evil.example/control/wallet.php",
    "/control/wallet.php?address=0x082489A616aB4D46d1947eE3F912e080815b08DA",
    "POST",
    "a=b; PHPSESSID=1",
    "Basic YTpi",
    "bytes=0-1",
    "name=x,t=1,v1=00",
];

impl Dice {
    /// A query with noise between its parameters, seldom very much of it.
    pub fn query(&mut self, base: &str) -> String {
        let mut parts: Vec<String> = base.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        for _ in 0..=self.below(3) {
            let at = self.below(parts.len() + 1);
            let noise = self.segment();
            parts.insert(at, noise);
        }
        parts.join("&")
    }

    fn segment(&mut self) -> String {
        match self.below(60) {
            0 => "a&".repeat(880 + self.below(300)),
            1 => format!("x={}", "a".repeat(5_000 + self.below(4_000))),
            2 | 9..=12 => format!("x=1;{}", self.pair()),
            3 | 13..=16 => format!("amp;{}", self.pair()),
            4 | 17 | 18 => format!("{};x", self.pair()),
            5 => format!("x=1%26{}", self.pair()),
            6 => format!("?{}", self.pair()),
            7 => format!("domain{}=1", "[x]".repeat(65)),
            8 | 19..=22 => self.disguise(),
            _ => self.pair(),
        }
    }

    fn pair(&mut self) -> String {
        format!("{}={}", self.disguise(), self.pick(&VALUES))
    }

    /// A name as PHP might, or might not, take it for another.
    pub fn disguise(&mut self) -> String {
        let name = self.pick(&NAMES);
        let spelt: String = name.chars().map(|character| self.spell(character)).collect();
        format!("{}{spelt}{}", self.pick(&BEFORE), self.pick(&BEHIND))
    }

    fn spell(&mut self, character: char) -> String {
        match (character, self.below(30)) {
            ('_', _) => self.pick(&UNDERSCORES).to_owned(),
            (_, 0) => format!("%{:02x}", u32::from(character)),
            (_, 1) => format!("%{:02X}", u32::from(character)),
            (_, 2) => format!("%25{:02X}", u32::from(character)),
            (_, 3) => character.to_ascii_uppercase().to_string(),
            _ => character.to_string(),
        }
    }

    /// Up to five headers that must make no difference; several may be of one name.
    pub fn headers(&mut self) -> Vec<(&'static str, &'static str)> {
        (0..self.below(6)).map(|_| (self.pick(&HEADERS), self.pick(&HEADER_VALUES))).collect()
    }

    /// A form's body with noise in it.
    pub fn form(&mut self, content_type: &str, body: &str) -> String {
        if content_type != "application/json" {
            return self.query(body);
        }
        let field = match self.below(8) {
            0 => format!("\"x\":{}1{},\"affiliate\":1", "[".repeat(300), "]".repeat(300)),
            1 => "\"x\":1e999,\"affiliat\\u0065\":1".to_owned(),
            2 => "\"affiliate\":1,\"x\":\"\\ud800\"".to_owned(),
            3 => return format!("[{body}]"),
            4 => return body.replace('}', ",}"),
            5 => return format!("{body}{{\"domain\":1}}"),
            _ => format!("\"{}\":\"0.9\"", self.pick(&NAMES)),
        };
        body.replacen('{', &format!("{{{field},"), 1)
    }
}
