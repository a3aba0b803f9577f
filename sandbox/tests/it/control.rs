//! The control endpoint, as Node tests use it.

use std::time::Duration;

use livery_sandbox::{BotMode, Options, Sandbox, documented::WALLETS};

use super::client::{Answer, get, send};

fn post(sandbox: &Sandbox, what: &str, body: &str) -> Answer {
    send("POST", &format!("{}/sandbox/{what}", sandbox.api_url()), &[], body).expect("an answer")
}

#[test]
fn it_switches_and_shows() {
    let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
    let show = |what: &str| get(&format!("{}/sandbox/{what}", sandbox.api_url())).json();
    let page = || get(&format!("{}/control/provider-status", sandbox.checkout_url())).status;
    assert_eq!(post(&sandbox, "fault", r#"{"path":"*","fault":{"status":[503,"no"]},"times":1}"#).status, 200);
    assert_eq!([page(), page()], [503, 200]);
    let custom = r#"{"path":"*","fault":{"custom":{"status":418,"headers":[["x-a","b"]],"body":"tea"}}}"#;
    assert_eq!((post(&sandbox, "fault", custom).status, page()), (200, 418));
    assert_eq!(post(&sandbox, "fault", r#"{"path":"*","fault":"garbage"}"#).status, 200);
    assert_eq!(show("requests").as_array().map(Vec::len), Some(3));
    assert_eq!(show("departures").as_array().map(Vec::len), Some(0));
    assert_eq!(post(&sandbox, "fault", r#"{"path":"/","fault":{"raw":"HTTP/1.1 103 Early Hints\r\n\r\n"}}"#).status, 200);
    post(&sandbox, "bot", r#"{"mode":{"delayed":70}}"#);
    post(&sandbox, "settings", r#"{"status_limit":3,"fee":"0.02","resend_ms":[]}"#);
    sandbox.configure(|settings| assert_eq!((settings.bot, settings.status_limit), (BotMode::Delayed(70), Some(3))));
    assert_eq!(show("settings")["fee"], "0.02");
    let address = WALLETS[0].polygon_address_in;
    assert_eq!(post(&sandbox, "pay", &format!(r#"{{"address":"{address}","amount":"5"}}"#)).status, 200);
    assert!(sandbox.wait_for(|state| state.bot_log().len() == 1, Duration::from_mins(1)));
    assert_eq!(show("bot")[0]["acknowledged"], false);
    post(&sandbox, "clear", "");
    assert_eq!((page(), show("bot").as_array().map(Vec::len)), (200, Some(0)));
}

#[test]
fn it_explains_mistakes() {
    let sandbox = Sandbox::start(Options::default()).expect("a sandbox");
    for (what, body) in
        [("fault", "{}"), ("fault", r#"{"path":"/","fault":"typo"}"#), ("settings", r#"{"typo":1}"#), ("typo", "")]
    {
        let answer = post(&sandbox, what, body);
        assert!(answer.status == 400 && answer.json()["error"].is_string(), "{what} {body}");
    }
}
