//! Promises 2 and 5: paths in disguise, sent raw. Whatever a path looks like, it is one of our routes and checked as such, or
//! the gateway hears nothing that its web server could run as a wallet creation or as a page that takes the operator's
//! parameters.
mod stage;
mod support;

use livery_sandbox::{Received, php};
use stage::{AFFILIATE, MERCHANT, STRANGER, Stage, encode, paths};
use support::client::Answer;

const SCRIPTS: [&str; 8] = [
    "/control/wallet.php",
    "/control/affiliate.php",
    "/control/custom-affiliate.php",
    "/control/custom-sub-affiliate.php",
    "/set-affiliate.php",
    "/pay.php",
    "/process-payment.php",
    "/control/convert.php",
];

/// What a disguise makes of a path, `{d}` its folder with slashes around and `{f}` its file.
const DISGUISES: [&str; 58] = [
    "/{d}{f}",
    "{d}/{f}",
    "//{d}{f}",
    "/.{d}{f}",
    "/x/..{d}{f}",
    "/x/%2e%2e{d}{f}",
    "/x/.%2E{d}{f}",
    "/assets/..%2f..{d}{f}",
    "/assets/..;{d}{f}",
    "{d}./{f}",
    "{d}%2e/{f}",
    "{d}x/../{f}",
    "{d}{f}/",
    "{d}{f}//",
    "{d}{f}/x",
    "{d}{f}/x.css",
    "{d}{f}/pay.css",
    "{d}{f}%2fx.css",
    "{d}{f}%2Fx.css",
    "{d}{f}%5cx.css",
    "{d}{f}\\x.css",
    "\\{d}{f}",
    "/x\\..\\{f}",
    "{d}{f}%00",
    "{d}{f}%00.css",
    "{d}{f}%0a",
    "{d}{f}%0d%0aX:y",
    "{d}{f}%20",
    "{d}{f}+",
    "{d}{f}.",
    "{d}{f}..",
    "{d}{f}%2e",
    "{d}{f}::$DATA",
    "{d}{f};x",
    "{d}{f};/x.css",
    "{d}{f}%3bx",
    "{d}{f}%3fx=1",
    "{d}{f}%23",
    "{d}{f}~",
    "{d}{f}.css",
    "{d}{f},x",
    "/index.php{d}{f}",
    "/index.php",
    "/x/index.php",
    "/x{d}{f}",
    "/assets{d}{f}",
    "/%2f{d}{f}",
    "%2f{d}{f}",
    "/%252e%252e{d}{f}",
    "{d}{f}%252f",
    "{D}{F}",
    "{d}{F}",
    "{d}{s}",
    "{d}{s}/",
    "{d}{s}/x",
    "{d}{e}",
    "{d}{f}\t",
    "{d}\t{f}",
];

/// One disguised path. `{s}` is the file without its ending, `{e}` with its first letter percent-encoded, `{D}` and `{F}` are in
/// capitals.
fn disguised(disguise: &str, path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').expect("a folder");
    let (folder, stem) = (format!("{folder}/"), file.trim_end_matches(".php"));
    let encoded = format!("%{:02x}{}", file.as_bytes()[0], &file[1..]);
    let values = [
        ("{d}", folder.clone()),
        ("{f}", file.to_owned()),
        ("{s}", stem.to_owned()),
        ("{e}", encoded),
        ("{D}", folder.to_uppercase()),
        ("{F}", file.to_uppercase()),
    ];
    values.iter().fold(disguise.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

/// What an attacker would like to be believed.
fn greed(stage: &Stage) -> String {
    let callback = encode(&stage.shop_callback("1"));
    format!("address={STRANGER}&callback={callback}&affiliate={STRANGER}&affiliate_fee=0.9&merchant_fee=0.09&domain=evil.example")
}

fn stage() -> Stage {
    Stage::with(&[("AFFILIATE_WALLET", AFFILIATE), ("AFFILIATE_FEE", "0.01"), ("PAYOUT_WALLET", MERCHANT)])
}

/// What reached the gateway is something that Livery built, however the request was spelt.
fn assert_harmless(what: &str, asked: &[Received]) {
    for request in asked {
        let decoded = php::decode(&php::decode(&format!("{}?{}", request.path, request.query)));
        for greedy in [STRANGER, "evil.example"] {
            assert!(!decoded.contains(greedy), "{what}: {} {}", request.path, request.query);
        }
        assert!(request.header("host").is_some_and(|host| host.starts_with("127.0.0.1:")), "{what}: {request:?}");
    }
}

/// Refused: by Livery with a code, or by the runtime before it. Nothing at the gateway.
fn assert_refused(stage: &Stage, what: &str, answer: &Answer) {
    let asked = stage.asked();
    assert!((400..500).contains(&answer.status), "{what}: {} {:?}", answer.status, paths(&asked));
    assert!(asked.is_empty(), "{what}: {:?}", paths(&asked));
    if answer.header("Request-Id").is_some() {
        assert!(answer.json()["error"]["code"].is_string(), "{what}: {}", answer.text());
    }
}

#[test]
fn no_disguise_of_a_path_gets_around_its_checks() {
    let stage = stage();
    let query = greed(&stage);
    for path in SCRIPTS {
        for disguise in DISGUISES {
            for method in ["GET", "POST"] {
                let target = format!("{}?{query}", disguised(disguise, path));
                let request = stage.worker.request(method, &target);
                let form = request.clone().header("Content-Type", "application/x-www-form-urlencoded").body("a=1");
                let answer = if method == "POST" { form } else { request }.send();
                assert_refused(&stage, &format!("{method} {target}"), &answer);
            }
        }
    }
}

/// The same disguises with nothing in the query to be refused for: no script that we check answers as an asset.
#[test]
fn no_disguised_script_is_passed_on_as_an_asset() {
    let stage = stage();
    for path in SCRIPTS {
        for disguise in DISGUISES {
            let target = disguised(disguise, path);
            let answer = stage.get(&target).send();
            assert_refused(&stage, &target, &answer);
        }
    }
}

/// The target's other forms (RFC 9112, 3.2): the host in it decides nothing.
#[test]
fn no_form_of_a_target_leads_elsewhere() {
    let stage = stage();
    let callback = encode(&stage.shop_callback("1"));
    let right = format!("/control/wallet.php?callback={callback}");
    stage.get(&right).send();
    let expected = stage.asked_once();
    let api = stage.sandbox.api_url();
    let targets = [
        format!("http://evil.example{right}"),
        format!("https://evil.example:99{right}"),
        format!("http://user:pass@evil.example{right}"),
        format!("{api}{right}"),
        format!("http://{api}{right}"),
        format!("evil.example:443{right}"),
        format!("//evil.example{right}"),
        format!("@evil.example{right}"),
        format!(":80{right}"),
        format!("{right}#&callback=x"),
        format!("{right}&x=1?callback=x"),
        format!("{right}&x=1\t"),
        "*".to_owned(),
        "evil.example:443".to_owned(),
        "?".to_owned(),
        format!("?callback={callback}"),
        "#".to_owned(),
    ];
    for target in targets {
        for method in ["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "TRACE", "get", "PROPFIND"] {
            let answer = stage.worker.request(method, &target).try_send();
            let asked = stage.asked();
            assert_harmless(&target, &asked);
            let same =
                |got: &Received| (&got.path, &got.query, &got.method) == (&expected.path, &expected.query, &expected.method);
            assert!(asked.iter().all(same), "{method} {target}: {asked:?}");
            assert!(answer.is_ok_and(|answer| answer.header("Location").is_none()), "{method} {target}");
        }
    }
}

/// Two questions the paths above leave open: nothing but plain assets goes up, and those go to the checkout host alone.
#[test]
fn assets_go_to_the_checkout_host_alone() {
    let stage = stage();
    for target in ["/assets/app.css?v=2", "/assets/badge.png", "/select-provider.php?x=1", "/crypto/eth/info.php"] {
        stage.get(target).send();
        let asked = stage.asked_once();
        assert_eq!(format!("{:?}", asked.listener), "Checkout", "{target}");
        assert!(target.starts_with(&asked.path), "{target}: {}", asked.path);
    }
    for target in ["/crypto/eth/info.php?domain=evil.example", "/select-provider.php?sub[affiliate=1", "/x.css?a=1;domain=e"] {
        let answer = stage.get(target).send();
        assert_eq!(stage::failure(&answer).1, "parameter_not_allowed", "{target}");
        assert!(stage.asked().is_empty(), "{target}");
    }
}
