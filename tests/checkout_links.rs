//! `/checkout`: one link from the shop to the provider, and links that nobody can edit. The links come from `npm run link`,
//! so tool and Worker are proven to agree.
mod stage;
mod support;

use stage::{MERCHANT, STRANGER, Stage, encode, failure, paths, read, read_one};
use std::process::Command;
use support::config::{self, SIGNING_KEY};

/// Path and query of the link that the tool makes for `host` with these parameters.
fn signed(host: &str, signing_key: &str, parameters: &[(&str, &str)]) -> String {
    let own_node = config::project().join("node_modules/.bin");
    let path = format!("{}:{}", own_node.display(), std::env::var("PATH").unwrap_or_default());
    let mut tool = Command::new("node");
    tool.arg(config::project().join("tools/link.mjs")).env("PATH", path).env("SIGNING_KEY", signing_key);
    tool.args(["--host", host]);
    for (name, value) in parameters {
        tool.args([format!("--{name}"), (*value).to_owned()]);
    }
    let output = tool.output().expect("the link tool");
    let link = String::from_utf8(output.stdout).expect("text");
    let target = link.trim().strip_prefix(&format!("http://{host}"));
    target.unwrap_or_else(|| panic!("{link} {}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

/// A stage whose payments go to the merchant, with these settings besides, and what a link to it has to say.
fn stage(settings: &[(&str, &str)]) -> Stage {
    Stage::with(&[&[("PAYOUT_WALLET", MERCHANT)], settings].concat())
}

fn link(stage: &Stage, more: &[(&str, &str)]) -> String {
    let callback = stage.shop_callback("1001");
    let basics = [("amount", "103.78"), ("currency", "USD"), ("email", "john@example.com"), ("callback", callback.as_str())];
    signed(&stage.worker.host(), SIGNING_KEY, &[&basics, more].concat())
}

#[test]
fn a_signed_link_leads_to_the_provider() {
    let stage = stage(&[]);
    let answer = stage.get(&link(&stage, &[("provider", "moonpay"), ("theme", "red")])).header("CF-IPCountry", "ES").send();
    assert_eq!(answer.status, 302, "{}", answer.text());
    let location = answer.header("Location").expect("the provider");
    let start = format!("{}/moonpay/buy?apiKey=", stage.sandbox.provider_url());
    assert!(location.starts_with(&start) && location.contains("&country=ES&"), "{location}");
    let mut asked = stage.asked();
    // The first two are asked for at the same time, and arrive in any order.
    asked[..2].sort_by(|one, other| one.path.cmp(&other.path));
    assert_eq!(paths(&asked), ["/control/provider-status", "/control/wallet.php", "/process-payment.php"]);
    assert_eq!(read_one(&asked[1].query, "address").as_deref(), Some(MERCHANT));
    assert_eq!(read(&asked[1].query).len(), 2);
    let payment = read(&asked[2].query);
    let (first, rest) = payment.split_first().expect("parameters");
    assert_eq!(first.0, "address");
    let rest: Vec<_> = rest.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [("amount", "103.78"), ("provider", "moonpay"), ("email", "john@example.com"), ("currency", "USD")];
    assert_eq!(rest, expected);
    assert!(asked[..2].iter().all(|request| request.header("pgto-ipcountry").is_none()));
}

#[test]
fn without_a_provider_the_customer_chooses_on_the_hosted_page() {
    let stage = stage(&[]);
    for more in [&[][..], &[("mode", "hosted")], &[("mode", "hosted"), ("provider", "moonpay")]] {
        let more = [more, &[("theme", "red")]].concat();
        let answer = stage.get(&link(&stage, &more)).send();
        let location = answer.header("Location").expect("the hosted page").to_owned();
        let target = location.strip_prefix(&stage.worker.url()).unwrap_or_else(|| panic!("{location}"));
        assert!(target.starts_with("/pay.php?address="), "{target}");
        assert_eq!(paths(&stage.asked()), ["/control/wallet.php"], "{more:?}");
        let names: Vec<_> = read(target.split_once('?').expect("a query").1).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["address", "amount", "email", "currency", "theme"]);
        assert_eq!(stage.get(target).send().status, 200);
        stage.asked();
    }
}

/// Edits of a signed link, as text replacements in its query.
const EDITS: [(&str, &str); 12] = [
    ("amount=103.78", "amount=1.78"),
    ("amount=103.78", "amount=1.78&amount=103.78"),
    ("amount=103.78", "%61mount=1.78&amount=103.78"),
    ("amount=103.78&", ""),
    ("currency=USD", "currency=JPY"),
    ("number%3D1001", "number%3D1002"),
    ("metadata%5Bitem%5D=tea", "metadata%5Bitem%5D=gold"),
    ("&metadata%5Bitem%5D=tea", ""),
    ("&sig=", "&theme=red&sig="),
    ("&sig=", "&expires=99999999999&sig="),
    ("&sig=", "&metadata%5Bmore%5D=1&sig="),
    ("&sig=", "&sig=00"),
];

#[test]
fn an_edited_link_is_refused_and_the_gateway_is_not_asked() {
    for settings in [&[][..], &[("ALLOW_UNSIGNED_LINKS", "true")]] {
        let stage = stage(settings);
        let link = link(&stage, &[("metadata[item]", "tea"), ("provider", "moonpay")]);
        for (found, replaced) in EDITS {
            assert!(link.contains(found), "{found} is not in {link}");
            let answer = stage.get(&link.replacen(found, replaced, 1)).send();
            assert_eq!(failure(&answer), (403, "link_signature_invalid".into(), Some("sig".into())), "{replaced}");
        }
        assert!(stage.asked().is_empty());
        assert_eq!(stage.get(&link).send().status, 302, "the link itself is good");
    }
}

#[test]
fn spelling_and_strangers_parameters_do_not_break_a_link() {
    let stage = stage(&[]);
    let link = link(&stage, &[("reference", "tea & cake")]);
    let (path, query) = link.split_once('?').expect("a query");
    let mut reversed: Vec<_> = query.split('&').collect();
    reversed.reverse();
    for query in [reversed.join("&"), query.replace("%20", "+"), query.replace("%2F", "%2f"), format!("utm_source=mail&{query}")]
    {
        let answer = stage.get(&format!("{path}?{query}")).send();
        assert_eq!(answer.status, 302, "{query}: {}", answer.text());
        assert!(answer.header("Location").is_some_and(|url| !url.contains("utm_source")));
    }
}

#[test]
fn a_link_ends_when_it_says_so() {
    let stage = stage(&[]);
    let expired = stage.get(&link(&stage, &[("expires", "1700000000")])).send();
    assert_eq!(failure(&expired), (410, "link_expired".into(), Some("expires".into())));
    assert!(stage.asked().is_empty());
    assert_eq!(stage.get(&link(&stage, &[("expires", "99999999999")])).send().status, 302);
}

#[test]
fn unsigned_links_work_only_where_the_operator_allows_them() {
    for (settings, status) in
        [(&[][..], 403), (&[("ALLOW_UNSIGNED_LINKS", "false")], 403), (&[("ALLOW_UNSIGNED_LINKS", "true")], 302)]
    {
        let stage = stage(settings);
        let callback = encode(&stage.shop_callback("1"));
        for end in ["", "&sig="] {
            let answer =
                stage.get(&format!("/checkout?amount=25&currency=USD&email=j@example.com&callback={callback}{end}")).send();
            assert_eq!(answer.status, status, "{settings:?} {end}");
            if status == 403 {
                assert_eq!(failure(&answer).1, "link_signature_required");
                assert!(stage.asked().is_empty());
            }
        }
    }
}

#[test]
fn a_link_cannot_pay_another_wallet_than_the_operators() {
    let stage = stage(&[]);
    let answer = stage.get(&link(&stage, &[("address", STRANGER)])).send();
    assert_eq!(failure(&answer), (403, "payout_wallet_fixed".into(), Some("address".into())));
    assert!(stage.asked().is_empty());
}

#[test]
fn what_rides_along_stays_here() {
    let stage = stage(&[]);
    let riders = [
        ("reference", "order-77"),
        ("metadata[item]", "tea-pot"),
        ("success_url", "https://shop.example/thank-you"),
        ("cancel_url", "https://shop.example/basket"),
        ("expires", "99999999999"),
        ("provider", "moonpay"),
    ];
    assert_eq!(stage.get(&link(&stage, &riders)).send().status, 302);
    for request in stage.asked() {
        let query = stage::encode(&request.query);
        let seen = ["order-77", "tea-pot", "thank-you", "basket", "99999999999"].iter().find(|text| query.contains(**text));
        assert_eq!(seen, None, "{}", request.query);
    }
}
