//! "Call my endpoint now": what stands between Livery and a merchant's webhook endpoint, in the order in which a call meets it.
//!
//! Two calls are made one after the other, a signed one and one with a forged signature. Where a secure connection cannot be begun the
//! runtime does not say why, so the host is called without one: if its name is known, the certificate was the reason. At the edge
//! Cloudflare answers in the place of a host that it cannot reach (developers.cloudflare.com, "Cloudflare 5xx errors").

use serde::Serialize;

use crate::http::{Fault, Reply};
use crate::ledger::webhook::attempt::Excerpt;

/// From here on an endpoint is called slow, in milliseconds: it should answer first and work afterwards.
const SLOW_MS: u64 = 5000;

/// What a call meets, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The host's name.
    Dns,
    /// Its certificate.
    Tls,
    /// A connection, and an answer in HTTP.
    Connection,
    /// An answer in time.
    Speed,
    /// An answer from the URL itself.
    Redirect,
    /// An answer from the merchant's server, and not from what stands before it.
    BotWall,
    /// 2xx.
    Status,
    /// Whether the signature is looked at.
    Signature,
}

const STAGES: [Stage; 8] =
    [Stage::Dns, Stage::Tls, Stage::Connection, Stage::Speed, Stage::Redirect, Stage::BotWall, Stage::Status, Stage::Signature];

/// How a stage went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should.
    Ok,
    /// It works, but something should be mended.
    Warning,
    /// No webhook gets beyond it.
    Failed,
    /// The call did not come so far.
    Skipped,
}

/// What is said about a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub name: Stage,
    /// How it went.
    pub result: Grade,
    /// What to do.
    pub message: &'static str,
}

/// What came of the calls.
pub struct Calls<'a> {
    /// Of the one that is signed.
    pub signed: &'a Result<Reply, Fault>,
    /// Of the one with a forged signature, if it was made.
    pub forged: Option<&'a Result<Reply, Fault>>,
    /// Of the one without a secure connection, if it was made.
    pub insecure: Option<&'a Result<Reply, Fault>>,
    /// How long the first one took, in milliseconds.
    pub duration_ms: u64,
    /// The header that the first was signed with.
    pub signature: &'a str,
}

/// What was found, stage by stage.
#[must_use]
pub fn judge(calls: &Calls<'_>) -> Vec<Finding> {
    let trouble = trouble(calls);
    let found = |name: Stage| {
        let (result, message) = match trouble {
            Some((at, message)) if at == name => (Grade::Failed, message),
            Some((at, _)) if at < name => (Grade::Skipped, "The call did not come so far."),
            _ => passed(calls, name),
        };
        Finding { name, result, message }
    };
    STAGES.into_iter().map(found).collect()
}

/// Whether webhooks arrive.
#[must_use]
pub fn is_ok(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| matches!(finding.result, Grade::Ok | Grade::Warning))
}

/// By which a server says that it does not believe a signature. Others may have other reasons: too many calls, a server that fails.
const REFUSALS: [u16; 4] = [400, 401, 403, 422];

const NO_NAME: &str = "The host's name is not known: check its spelling, and its DNS records.";
const NO_TRUST: &str = "No secure connection can be made: the certificate is for another name, has ended, or lacks the certificates between it and its authority; or there is no TLS on this port.";
const NO_CONNECTION: &str = "The host takes no connection, or breaks it off: check that the server runs, and that its firewall lets Cloudflare's addresses in.";
const TOO_SLOW: &str = "No answer came within 15 seconds: answer 2xx first, and work afterwards.";
const MOVED: &str = "The answer is a redirect, which is never followed: give the URL that it leads to.";
const WALL: &str = "The answer is a page for people, from a login, a CAPTCHA or a firewall: let requests to this URL through.";
const NOT_TAKEN: &str =
    "The answer is not 2xx: look at its status and the beginning of its body below, and at your server's log.";
const OTHER_SIGNATURE: &str = "Your server computed another signature: sign the body byte for byte as it came, with the secret decoded from base64 behind `whsec_`.";

/// Where the call was stopped, and what to do.
fn trouble(calls: &Calls<'_>) -> Option<(Stage, &'static str)> {
    let reply = match calls.signed {
        Err(Fault::Handshake) => {
            let is_unknown = matches!(calls.insecure, Some(Err(Fault::Handshake)) | None);
            return Some(if is_unknown { (Stage::Dns, NO_NAME) } else { (Stage::Tls, NO_TRUST) });
        }
        Err(Fault::Timeout) => return Some((Stage::Speed, TOO_SLOW)),
        Err(_) => return Some((Stage::Connection, NO_CONNECTION)),
        Ok(reply) => reply,
    };
    let excerpt = Excerpt::read(&reply.text);
    match reply.status {
        530 => Some((Stage::Dns, NO_NAME)),
        525 | 526 => Some((Stage::Tls, NO_TRUST)),
        520 | 521 | 523 => Some((Stage::Connection, NO_CONNECTION)),
        522 | 524 => Some((Stage::Speed, TOO_SLOW)),
        300..400 => Some((Stage::Redirect, MOVED)),
        status if is_wall(status, &excerpt) => Some((Stage::BotWall, WALL)),
        200..300 => echoed(&excerpt).filter(|echo| !is_ours(calls.signature, echo)).map(|_| (Stage::Signature, OTHER_SIGNATURE)),
        _ => Some((Stage::Status, NOT_TAKEN)),
    }
}

/// What is said of a stage that was passed.
fn passed(calls: &Calls<'_>, stage: Stage) -> (Grade, &'static str) {
    let reply = calls.signed.as_ref().ok();
    let forged = calls.forged.and_then(|came| came.as_ref().ok()).map_or(0, |reply| reply.status);
    match stage {
        Stage::Speed if calls.duration_ms >= SLOW_MS => {
            (Grade::Warning, "The answer took longer than 5 seconds: answer 2xx first, and work afterwards.")
        }
        Stage::Signature if (200..300).contains(&forged) => (
            Grade::Warning,
            "A webhook with a forged signature was taken, too: verify `webhook-signature`, or anybody can tell your server that an order was paid.",
        ),
        Stage::Signature if !REFUSALS.contains(&forged) => (
            Grade::Warning,
            "What became of a webhook with a forged signature cannot be told: answer 401 where `webhook-signature` is not right.",
        ),
        Stage::Signature if reply.is_some_and(|reply| echoed(&Excerpt::read(&reply.text)).is_some()) => {
            (Grade::Ok, "Your server computed the same signature, and refuses a forged one.")
        }
        Stage::Signature => (Grade::Ok, "A forged signature is refused."),
        _ => (Grade::Ok, ""),
    }
}

/// Words of pages that stand before a server (Cloudflare, Sucuri, Imperva, `WordPress` security plug-ins), in lower case.
const WALL_WORDS: [&str; 7] =
    ["captcha", "just a moment", "attention required", "checking your browser", "cf-chl", "access denied", "incapsula"];

/// What a page begins with. PHP calls every answer HTML that does not say what it is, also one that is empty or `ok`.
const PAGE_TAGS: [&str; 6] = ["<!doctype", "<html", "<head", "<title", "<form", "<h1"];

/// Whether an answer comes from a page for people: one that says so, one that is a page where a server's answer was meant, or
/// one that refuses with the words of a firewall.
fn is_wall(status: u16, excerpt: &Excerpt) -> bool {
    let is_html = excerpt.header("content-type").to_ascii_lowercase().starts_with("text/html");
    let body = excerpt.body.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| body.contains(word));
    let is_page = (200..300).contains(&status) && has(&PAGE_TAGS);
    !excerpt.header("cf-mitigated").is_empty() || (is_html && (is_page || has(&WALL_WORDS)))
}

/// Whether an echo is one of the signatures that were sent: while an old secret is in force there are several, and a server computes
/// the one that it has.
fn is_ours(signature: &str, echo: &str) -> bool {
    signature.split(' ').any(|one| one == echo)
}

/// The signature that a server answers with, if it does: it can show what it computed.
fn echoed(excerpt: &Excerpt) -> Option<&str> {
    let start = excerpt.body.find("v1,")?;
    let echo = excerpt.body.get(start..)?;
    let end = echo.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=,".contains(c))).unwrap_or(echo.len());
    echo.get(..end).filter(|echo| echo.len() > 40)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reply;

    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[expect(clippy::needless_pass_by_value, reason = "so that what came can be written where it is used")]
    fn found(signed: Result<Reply, Fault>, forged: u16, insecure: Option<Result<Reply, Fault>>, duration_ms: u64) -> String {
        let forged = Ok(reply(forged, ""));
        let calls =
            Calls { signed: &signed, forged: Some(&forged), insecure: insecure.as_ref(), duration_ms, signature: SIGNATURE };
        let findings = judge(&calls);
        let told = findings.iter().filter(|finding| !matches!(finding.result, Grade::Ok | Grade::Skipped));
        told.map(|finding| format!("{:?} {:?}", finding.name, finding.result)).collect::<Vec<_>>().join(", ")
    }

    fn of(status: u16, text: &str) -> String {
        found(Ok(reply(status, text)), 401, None, 100)
    }

    #[test]
    fn each_trouble_is_told_by_its_name() {
        let html = "content-type: text/html\n\n";
        assert_eq!(of(204, ""), "");
        assert_eq!(of(530, ""), "Dns Failed");
        assert_eq!(of(526, ""), "Tls Failed");
        assert_eq!(of(521, ""), "Connection Failed");
        assert_eq!(of(522, ""), "Speed Failed");
        assert_eq!(of(301, ""), "Redirect Failed");
        assert_eq!(of(404, ""), "Status Failed");
        assert_eq!(of(500, &format!("{html}<h1>Not here</h1>")), "Status Failed");
        assert_eq!(of(200, &format!("{html}<h1>Log in</h1>")), "BotWall Failed");
        assert_eq!(of(200, &format!("{html}\n<!DOCTYPE html><html><body>Welcome")), "BotWall Failed");
        assert_eq!(format!("{}{}", of(204, html), of(200, &format!("{html}ok"))), "");
        assert_eq!(of(403, &format!("{html}<title>Just a moment...</title>")), "BotWall Failed");
        assert_eq!(of(403, "cf-mitigated: challenge\n\n"), "BotWall Failed");
        let nothing = |fault, insecure| found(Err(fault), 401, insecure, 1);
        assert_eq!(nothing(Fault::Handshake, Some(Err(Fault::Handshake))), "Dns Failed");
        assert_eq!(nothing(Fault::Handshake, Some(Err(Fault::Unreachable))), "Tls Failed");
        assert_eq!(nothing(Fault::Handshake, Some(Ok(reply(301, "")))), "Tls Failed");
        assert_eq!(nothing(Fault::Handshake, None), "Dns Failed");
        assert_eq!(nothing(Fault::Unreachable, None), "Connection Failed");
        assert_eq!(nothing(Fault::Timeout, None), "Speed Failed");
    }

    #[test]
    fn what_works_but_should_be_mended_is_a_warning() {
        for taken_or_not_to_be_told in [200, 204, 302, 404, 409, 429, 500] {
            assert_eq!(found(Ok(reply(200, "")), taken_or_not_to_be_told, None, 100), "Signature Warning");
        }
        for refused in REFUSALS {
            assert_eq!(found(Ok(reply(200, "")), refused, None, 100), "");
        }
        assert_eq!(found(Ok(reply(200, "")), 401, None, SLOW_MS), "Speed Warning");
    }

    #[test]
    fn an_echoed_signature_is_compared() {
        assert_eq!(of(200, &format!("content-type: text/plain\n\nsignature: {SIGNATURE}\n")), "");
        assert_eq!(of(200, &format!("\n\n{}", SIGNATURE.replace('g', "h"))), "Signature Failed");
        assert_eq!(of(200, "\n\nv1,short"), "");
    }

    #[test]
    fn while_two_secrets_sign_either_signature_may_be_echoed() {
        let other = SIGNATURE.replace('g', "h");
        for (echo, is_known) in [(SIGNATURE, true), (other.as_str(), true), (&SIGNATURE.replace('g', "i"), false)] {
            let (signed, forged) = (Ok(reply(200, &format!("\n{echo}"))), Ok(reply(401, "")));
            let signature = format!("{other} {SIGNATURE}");
            let calls = Calls { signed: &signed, forged: Some(&forged), insecure: None, duration_ms: 1, signature: &signature };
            assert_eq!(is_ok(&judge(&calls)), is_known, "{echo}");
        }
    }
}
