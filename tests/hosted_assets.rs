//! The gateway's hosted page through Livery: every address on it is ours, every asset behind it arrives, its form works.
mod stage;
mod support;

use stage::Stage;
use std::collections::BTreeSet;
use support::client::Answer;

/// What stands before an address on a page, in a style sheet or in a script, and what ends it.
const MARKS: [(&str, char); 9] = [
    ("href=\"", '"'),
    ("src=\"", '"'),
    ("action=\"", '"'),
    ("content=\"", '"'),
    ("url(\"", '"'),
    ("url('", '\''),
    ("url(", ')'),
    ("fetch(\"", '"'),
    ("srcset=\"", '"'),
];

fn page(stage: &Stage) -> Answer {
    let address_in = stage.wallet("1").address_in;
    let look = "theme=%236366f1&button=navy&background=%23fff";
    let target = format!("/pay.php?address={address_in}&amount=60&currency=EUR&email=john%40example.com&{look}");
    stage.worker.get(&target).header("CF-IPCountry", "DE").send()
}

/// Every address in a text, as a browser would read it.
fn addresses(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (mark, end) in MARKS {
        for piece in text.split(mark).skip(1) {
            let value = piece.split(end).next().unwrap_or_default();
            let several = value.split(", ").filter_map(|part| part.split(' ').next());
            found.extend(several.map(|url| url.replace(r"\/", "/").replace("&amp;", "&").replace("&#38;", "&")));
        }
    }
    found.retain(|url| url.contains("//") && !url.starts_with(['"', '\'']));
    found
}

/// The path and query of an address on our own host.
fn own_target(stage: &Stage, url: &str) -> String {
    let without_scheme = url.strip_prefix("http:").unwrap_or(url);
    let target = without_scheme.strip_prefix("//").and_then(|rest| rest.strip_prefix(&stage.worker.host()));
    target.unwrap_or_else(|| panic!("{url} does not lead to {}", stage.worker.host())).to_owned()
}

#[test]
fn every_address_on_the_page_is_ours_and_leads_somewhere() {
    let stage = Stage::branded();
    let page = page(&stage);
    assert_eq!(page.status, 200, "{}", page.text());
    let addresses = addresses(page.text());
    assert!(addresses.len() > 20, "{addresses:?}");
    for url in addresses {
        let target = own_target(&stage, &url);
        let is_file = ["/assets/", "/control/"].iter().any(|folder| target.starts_with(folder));
        let is_payment = target.starts_with("/process-payment.php?");
        let answer = stage.worker.get(if target.is_empty() { "/" } else { &target }).expect_provider_url().send();
        if is_file {
            assert_eq!(answer.status, 200, "{url}");
        } else if is_payment {
            let provider = answer.header("Location").expect("a redirect");
            assert!(answer.status == 302 && provider.starts_with(&stage.sandbox.provider_url()), "{url}: {provider}");
        } else {
            assert!(answer.status < 500, "{url}: {}", answer.status);
        }
    }
}

#[test]
fn the_page_says_what_the_link_said() {
    let stage = Stage::branded();
    let page = page(&stage);
    for expected in [
        "data-country=\"DE\"",
        "data-theme=\"#6366f1\"",
        "data-button=\"navy\"",
        "data-background=\"#fff\"",
        "<span id=\"amount\">60</span>",
        "<span id=\"email\">john@example.com</span>",
        "data-provider=\"moonpay\"",
    ] {
        assert!(page.text().replace("&#35;", "#").replace("&#64;", "@").contains(expected), "{expected}: {}", page.text());
    }
}

/// An asset as the sandbox has it, with its plain names replaced as they must be.
fn rebranded(stage: &Stage, text: &str) -> String {
    let own = stage.worker.host();
    let hosts = ["cdn", "static", "api", "checkout", "www"].map(|label| format!("{label}.anexpay.net"));
    hosts.iter().fold(text.to_owned(), |text, host| {
        let plain = text.replace(&format!("https://{host}"), &format!("http://{own}"));
        plain.replace(&format!(r"https:\/\/{host}"), &format!(r"http:\/\/{own}"))
    })
}

#[test]
fn each_asset_arrives_rebranded_if_it_is_text_and_identical_if_not() {
    let stage = Stage::branded();
    let assets: [(&str, &str, &[u8]); 6] = [
        ("/assets/app.css", "text/css; charset=utf-8", include_bytes!("../sandbox/assets/app.css")),
        ("/assets/theme.css", "text/css; charset=utf-8", include_bytes!("../sandbox/assets/theme.css")),
        ("/assets/app.js", "application/javascript; charset=utf-8", include_bytes!("../sandbox/assets/app.js")),
        ("/assets/logo.svg", "image/svg+xml; charset=utf-8", include_bytes!("../sandbox/assets/logo.svg")),
        ("/assets/badge.png", "image/png", include_bytes!("../sandbox/assets/badge.png")),
        ("/assets/font.woff2", "font/woff2", include_bytes!("../sandbox/assets/font.woff2")),
    ];
    for (path, kind, original) in assets {
        let answer = stage.worker.get(path).send();
        assert_eq!((answer.status, answer.header("Content-Type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.header("Cache-Control"), Some("public, max-age=86400"), "{path}");
        let expected = match std::str::from_utf8(original) {
            Ok(text) if !kind.starts_with("font/") => rebranded(&stage, text).into_bytes(),
            _ => original.to_vec(),
        };
        assert!(answer.body == expected, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
}

#[test]
fn addresses_inside_assets_lead_to_assets() {
    let stage = Stage::branded();
    for path in ["/assets/app.css", "/assets/app.js", "/assets/logo.svg"] {
        for url in addresses(stage.worker.get(path).send().text()) {
            let target = own_target(&stage, &url);
            assert!(
                !target.starts_with("/assets/") || stage.worker.get(&target).try_send().is_ok_and(|a| a.status == 200),
                "{url}"
            );
        }
    }
}

#[test]
fn the_form_reaches_the_gateway_as_it_was_filled_in() {
    let stage = Stage::branded();
    stage.sandbox.clear_requests();
    let body = "email=ada%40example.com&note=a+b%20c";
    let form = stage.worker.request("POST", "/receipt.php").header("Content-Type", "application/x-www-form-urlencoded");
    let answer = form.header("Cookie", "lang=en").header("Origin", &stage.worker.url()).body(body).send();
    assert_eq!(answer.status, 200);
    assert!(answer.text().replace("&#64;", "@").contains("ada@example.com"), "{}", answer.text());
    let received = stage.sandbox.requests();
    let received = received.iter().find(|request| request.path == "/receipt.php").expect("the form at the gateway");
    assert_eq!((received.method.as_str(), received.body.as_slice()), ("POST", body.as_bytes()));
    assert_eq!(received.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!((received.header("cookie"), received.header("origin")), (None, None));
}

#[test]
fn cookies_of_the_page_are_our_own() {
    let stage = Stage::branded();
    let page = page(&stage);
    let cookies = page.all("Set-Cookie");
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    assert!(cookies.iter().all(|cookie| !cookie.to_lowercase().contains("domain")), "{cookies:?}");
    assert!(cookies.contains(&"lang=en; Path=/"), "{cookies:?}");
    assert!(cookies.contains(&"PHPSESSID=t5k2v8c1; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookies:?}");
}

#[test]
fn the_policy_of_the_page_allows_what_it_loads() {
    let stage = Stage::branded();
    let page = page(&stage);
    let policy = page.header("Content-Security-Policy").expect("a policy");
    assert!(policy.contains(&format!("form-action http://{}", stage.worker.host())), "{policy}");
}

#[test]
fn a_signed_link_of_the_page_works_to_the_byte_and_no_other_way() {
    let stage = Stage::branded();
    let page = page(&stage);
    let link = addresses(page.text()).into_iter().find(|url| url.contains("provider=moonpay")).expect("a link");
    let target = own_target(&stage, &link);
    assert_eq!(stage.worker.get(&target).expect_provider_url().send().status, 302);
    let sent = stage.sandbox.requests();
    let last = sent.iter().rfind(|request| request.path == "/process-payment.php").expect("the link at the gateway");
    assert_eq!(Some(last.query.as_str()), target.split_once('?').map(|(_, query)| query));
    let altered = stage.worker.get(&target.replace("amount=60", "amount=61")).send();
    assert_eq!(altered.status, 422);
}
