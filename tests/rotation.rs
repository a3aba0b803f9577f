//! Rotating `SIGNING_KEY`: the first key of the list signs and seals, all of it verifies and opens, and what is dropped is
//! refused. Orders and links that are under way live through it.
mod stage;
mod support;

use livery_sandbox::Sandbox;
use stage::{MERCHANT, Stage, failure, token};
use std::{process::Command, time::Duration};
use support::{config, worker::Worker};

const OLD: &str = "b2xkIGtleSBvbGQga2V5IG9sZCBrZXkgb2xkIGtleSE=";
const NEW: &str = "bmV3IGtleSBuZXcga2V5IG5ldyBrZXkgbmV3IGtleSE=";
const OLDER: &str = "b2xkZXIga2V5IG9sZGVyIGtleSBvbGRlciBrZXkhISE=";

/// The same shop and gateway before, during and after a rotation.
struct Rotation {
    sandbox: Sandbox,
}

impl Rotation {
    fn worker(&self, keys: &str) -> Worker {
        let settings = [("SIGNING_KEY", keys), ("CHECKOUT_DOMAIN", config::OWN_HOST)];
        Worker::start(&stage::in_front_of(&self.sandbox, &settings))
    }

    fn callback(&self) -> String {
        format!("{}/orders.php?number=1", self.sandbox.shop_url())
    }

    /// The token that a Worker with these keys gives to the gateway.
    fn sealed(&self, keys: &str) -> String {
        self.sandbox.clear_requests();
        let worker = self.worker(keys);
        let target = format!("/control/wallet.php?address={MERCHANT}&callback={}", stage::encode(&self.callback()));
        assert_eq!(worker.get(&target).send().status, 200);
        token(&self.sandbox.requests().remove(0))
    }
}

fn rotation() -> Rotation {
    Rotation { sandbox: stage::sandbox() }
}

/// What the link tool prints, given these keys as the operator's.
fn tool(keys: &str, arguments: &[&str]) -> String {
    let own_node = config::project().join("node_modules/.bin");
    let path = format!("{}:{}", own_node.display(), std::env::var("PATH").unwrap_or_default());
    let mut tool = Command::new("node");
    tool.arg(config::project().join("tools/link.mjs")).args(arguments).env("PATH", path).env("SIGNING_KEY", keys);
    let output = tool.output().expect("the link tool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Path and query of a link for this worker, signed with the first of these keys.
fn link(rotation: &Rotation, worker: &Worker, keys: &str) -> String {
    let (host, callback) = (worker.host(), rotation.callback());
    let order =
        ["--amount", "25", "--currency", "USD", "--email", "j@example.com", "--callback", &callback, "--address", MERCHANT];
    let link = tool(keys, &[&["--host", host.as_str()], order.as_slice()].concat());
    link.strip_prefix(&worker.url()).expect("a link to this worker").to_owned()
}

#[test]
fn the_first_key_seals_and_the_order_matters() {
    let rotation = rotation();
    let (old, new) = (rotation.sealed(OLD), rotation.sealed(NEW));
    assert_ne!(old, new);
    for (keys, expected) in [
        (format!("{NEW},{OLD}"), &new),
        (format!("{OLD},{NEW}"), &old),
        (format!(" {NEW} , {OLD} "), &new),
        (format!("{NEW},{OLD},{OLDER}"), &new),
        (format!("{NEW},{NEW}"), &new),
    ] {
        assert_eq!(&rotation.sealed(&keys), expected, "{keys}");
    }
}

#[test]
fn tokens_of_every_key_in_force_are_relayed_and_no_others() {
    let rotation = rotation();
    let tokens = [OLDER, OLD, NEW].map(|key| rotation.sealed(key));
    for (keys, opened) in [
        (OLDER.to_owned(), [true, false, false]),
        (format!("{OLD},{OLDER}"), [true, true, false]),
        (format!("{NEW},{OLD},{OLDER}"), [true, true, true]),
        (format!("{NEW},{OLD}"), [false, true, true]),
        (NEW.to_owned(), [false, false, true]),
    ] {
        let worker = rotation.worker(&keys);
        rotation.sandbox.clear();
        for (token, opened) in tokens.iter().zip(opened) {
            let answer = worker.get(&format!("/callback?token={token}&value_coin=1")).send();
            if opened {
                assert_eq!((answer.status, answer.text()), (200, "*ok*"), "{keys}");
            } else {
                assert_eq!(failure(&answer), (400, "invalid_token".into(), Some("token".into())), "{keys}");
            }
        }
        let told = rotation.sandbox.shop_callbacks().len();
        assert_eq!(told, opened.iter().filter(|opened| **opened).count(), "{keys}");
    }
}

#[test]
fn links_of_every_key_in_force_work_and_no_others() {
    let rotation = rotation();
    for (keys, good) in [
        (format!("{OLD},{OLDER}"), [true, true, false]),
        (format!("{NEW},{OLD},{OLDER}"), [true, true, true]),
        (format!("{NEW},{OLD}"), [false, true, true]),
        (NEW.to_owned(), [false, false, true]),
    ] {
        let worker = rotation.worker(&keys);
        for (key, good) in [OLDER, OLD, NEW].iter().zip(good) {
            let answer = worker.get(&link(&rotation, &worker, key)).send();
            if good {
                assert_eq!(answer.status, 302, "{keys}: {}", answer.text());
            } else {
                assert_eq!(failure(&answer), (403, "link_signature_invalid".into(), Some("sig".into())), "{keys}");
            }
        }
    }
}

/// The tool is given the operator's own setting, list and all.
#[test]
fn the_link_tool_signs_with_the_first_key() {
    assert_eq!(tool(&format!("{NEW},{OLD}"), &["--key"]), tool(NEW, &["--key"]));
    assert_eq!(tool(&format!("{OLD},{NEW}"), &["--key"]), tool(OLD, &["--key"]));
    let rotation = rotation();
    let worker = rotation.worker(NEW);
    assert_eq!(worker.get(&link(&rotation, &worker, &format!("{NEW},{OLD}"))).send().status, 302);
    assert_eq!(failure(&worker.get(&link(&rotation, &worker, &format!("{OLD},{NEW}"))).send()).1, "link_signature_invalid");
}

/// An order that was made before the rotation and is paid after it, on the same host.
#[test]
fn an_order_under_way_is_paid_after_the_rotation() {
    let stage = Stage::with(&[("SIGNING_KEY", OLD)]);
    let made = stage.wallet("7");
    let later = format!("{NEW},{OLD}");
    let worker = Worker::start(&stage::in_front_of(&stage.sandbox, &[("SIGNING_KEY", &later)]));
    let wallet = stage.sandbox.wallet(&made.polygon_address_in).expect("the gateway's own record");
    let target = wallet.callback.strip_prefix(&stage.worker.url()).expect("our callback").to_owned();
    assert_eq!(worker.get(&format!("{target}&value_coin=10&coin=polygon_usdc")).send().text(), "*ok*");
    assert!(stage.sandbox.wait_for(|state| state.shop_callbacks().len() == 1, Duration::from_mins(1)));
    assert_eq!(stage.sandbox.shop_callbacks()[0].number, "7");
}

/// A secret that leaves its wrapping is made into a key, and never compared: `==` on texts tells, by its time, how much of a
/// guess is right. Whoever needs a secret elsewhere has to look here first.
#[test]
fn secrets_are_used_as_keys_and_never_compared() {
    let source = |file: &str| std::fs::read_to_string(config::project().join("src").join(file)).expect("a source file");
    let keyed = ["mac(", "sign(", "is_signed(", "Aes256Siv::new(", "hasher.write(", "Sha256::digest("];
    // A new key is shown once, and recognised by its ends; the node's URL is called.
    let others = [
        "write(key.text().expose())",
        "let text = self.text.expose();",
        "let text = key.text().expose().clone();",
        "url: node.expose().clone()",
    ];
    for file in source_files() {
        for line in source(&file).lines().filter(|line| line.contains(".expose()")) {
            let as_key =
                keyed.iter().chain(&others).any(|call| line.contains(call)) && !line.contains("==") && !line.contains("!=");
            assert!(as_key, "src/{file}: {line}");
        }
    }
    assert!(source("signing.rs").contains("verify_slice("), "a MAC is compared in constant time");
}

/// Every source file, below src/.
fn source_files() -> Vec<String> {
    let root = config::project().join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path.strip_prefix(&root).expect("below src").display().to_string());
            }
        }
    }
    assert!(files.len() > 40, "{files:?}");
    files
}
