//! `/pay.php`: `domain` is ours however a caller writes it, the operator's look fills in what is open, and all the rest
//! reaches the gateway byte for byte.
mod stage;
mod support;

use stage::{Made, Stage, encode, failure, read, read_one};

const BRAND: [(&str, &str); 4] = [
    ("BRAND_LOGO", "https://cdn.example/logo.png?v=1&w=2"),
    ("BRAND_BACKGROUND", "#0b1020"),
    ("BRAND_THEME", "navy"),
    ("BRAND_BUTTON", "#2f6fed"),
];

fn link(made: &Made) -> String {
    format!("address={}&amount=103.78&email=john%40example.com&currency=USD", made.address_in)
}

/// The query that the gateway received for `/pay.php?{query}`, which must have been accepted: without our own `domain`, which
/// must be in it once, at whichever end.
fn received(stage: &Stage, query: &str) -> String {
    stage.sandbox.clear_requests();
    let answer = stage.get(&format!("/pay.php?{query}")).send();
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let received = stage.asked_once().query;
    let own = format!("domain={}", encode(&stage.worker.host()));
    let rest = received.strip_prefix(&format!("{own}&")).or_else(|| received.strip_suffix(&format!("&{own}")));
    let rest = rest.unwrap_or_else(|| panic!("no {own} in {received}"));
    assert_eq!(read_one(rest, "domain"), None, "{received}");
    rest.to_owned()
}

#[test]
fn domain_is_ours_in_every_disguise() {
    let stage = Stage::with(&[]);
    let link = link(&stage.wallet("1"));
    let disguises = [
        "domain=evil.example",
        "domain",
        "domain=",
        "%64omain=evil.example",
        "domain[]=evil.example",
        "domain%5B0%5D%5Bx%5D=evil.example",
        "+domain=evil.example",
        "%20%20domain=evil.example",
        "domain%00x=evil.example",
        "domain=evil.example&domain=worse.example",
        "domain=evil.example&domain[]=worse.example",
    ];
    for disguise in disguises {
        for query in [format!("{link}&{disguise}"), format!("{disguise}&{link}")] {
            assert_eq!(received(&stage, &query), link, "{disguise}");
        }
    }
    assert_eq!(received(&stage, &link), link);
}

#[test]
fn everything_but_domain_is_kept_byte_for_byte() {
    let stage = Stage::with(&[]);
    let link = link(&stage.wallet("2"));
    let oddities =
        ["x=%2f%2F+%20*~(;)", "x=1&x=2&x[]=3", "y", "=z", "Domain=evil.example", "x.domain=1", "x=%zz%", "x=|^`{}", "_domain=1"];
    for oddity in oddities {
        let query = format!("{oddity}&{link}&{oddity}");
        assert_eq!(received(&stage, &query), query, "{oddity}");
    }
}

#[test]
fn the_operators_look_fills_in_what_is_open() {
    let stage = Stage::with(&BRAND);
    let link = link(&stage.wallet("3"));
    let look = BRAND.map(|(setting, value)| (setting.trim_start_matches("BRAND_").to_lowercase(), value));
    let query = received(&stage, &link);
    assert!(query.starts_with(&format!("{link}&")), "{query}");
    for (name, value) in &look {
        assert_eq!(read_one(&query, name).as_deref(), Some(*value), "{name}");
    }
    for (name, _) in &look {
        for own in [format!("{name}=red"), format!("%{:02x}{}=red", name.as_bytes()[0], &name[1..])] {
            let query = received(&stage, &format!("{link}&{own}"));
            assert!(query.starts_with(&format!("{link}&{own}&")), "{query}");
            let same: Vec<_> = query.split('&').filter(|pair| read_one(pair, name).is_some()).collect();
            assert_eq!(same, [own.as_str()], "the caller's choice stands alone");
        }
    }
    let names: Vec<_> = read(&received(&stage, &link)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["address", "amount", "email", "currency", "logo", "background", "theme", "button"]);
}

#[test]
fn the_look_shows_on_the_page() {
    let stage = Stage::with(&BRAND);
    let link = link(&stage.wallet("4"));
    let page = stage.get(&format!("/pay.php?{link}")).send();
    for text in ["#0b1020", "navy", "#2f6fed", "cdn.example/logo.png"] {
        assert!(page.text().contains(text), "{text}");
    }
}

/// PHP reads the first thousand parameters of a query and drops the others (`max_input_vars`).
#[test]
fn padding_does_not_push_domain_out_of_phps_sight() {
    let stage = Stage::with(&[]);
    let link = link(&stage.wallet("5"));
    stage.asked();
    assert_eq!(stage.get(&format!("/pay.php?{link}{}", "&a".repeat(800))).send().status, 200);
    assert_eq!(read_one(&stage.asked_once().query, "domain"), Some(stage.worker.host()));
    let answer = stage.get(&format!("/pay.php?{link}{}", "&a".repeat(1000))).send();
    assert_eq!(failure(&answer).1, "url_too_long");
    assert!(stage.asked().is_empty());
}

#[test]
fn links_on_the_page_lead_through_us_to_the_provider() {
    let stage = Stage::with(&[]);
    let link = link(&stage.wallet("6"));
    let page = stage.get(&format!("/pay.php?{link}")).cf(r#"{"country":"US"}"#).send();
    let prefix = format!("{}/process-payment.php?", stage.worker.url());
    let links: Vec<_> = page.text().split('"').filter(|text| text.starts_with(&prefix)).collect();
    assert!(links.len() > 10, "{}", page.text());
    for link in links {
        let target = link.replace("&amp;", "&").replace("&#38;", "&").replacen(&stage.worker.url(), "", 1);
        let answer = stage.get(&target).send();
        assert_eq!(answer.status, 302, "{target}: {}", answer.text());
        assert!(answer.header("Location").is_some_and(|url| url.starts_with(&stage.sandbox.provider_url())), "{target}");
    }
}

#[test]
fn head_asks_for_the_head_alone() {
    let stage = Stage::with(&[]);
    let link = link(&stage.wallet("7"));
    stage.asked();
    let answer = stage.worker.request("HEAD", &format!("/pay.php?{link}")).send();
    assert_eq!(answer.status, 200);
    assert!(answer.header("Content-Type").is_some_and(|kind| kind.starts_with("text/html")), "{:?}", answer.headers);
    assert_eq!(stage.asked_once().method, "HEAD");
}
