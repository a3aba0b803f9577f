//! What is known of providers and rates, and how it becomes known.
//!
//! 1. **This isolate's copy.** For a minute it is as good as the gateway's own. For ten it is used at once, and another is
//!    fetched beside the request: at most one every five seconds.
//! 2. **The edge's.** What one isolate learns, the others in the same data centre find there. It carries the moment it was made,
//!    and ages on from then.
//! 3. **The gateway.** What it says is kept in both places. Where it fails, a copy from either serves for a day, and it is not
//!    asked again for half a minute by anybody who can go on without.
//!
//! The edge's cache is a convenience: it has a second, and after a failure it is left alone for a minute.

use std::rc::Rc;

use crate::config::Config;
use crate::error::Error;
use crate::flow::{Context, Outcome, answer, ask_edge, ask_gateway};
use crate::gateway::providers::{self, Providers};
use crate::gateway::rates::{self, Conversion, Rate};
use crate::gateway::{GatewayError, accepted};
use crate::http::{Call, Fault, Method, Now, Read, Reply, Response};
use crate::memory::{Copied, Entry, Subject};
use crate::money::{Amount, Currency};
use crate::query;

/// Where on our own host the edge's cache has the copies. No route serves a path like this.
const EDGE_PATH: &str = "/.livery/";
/// How long it keeps them: for as long as they may serve.
const EDGE_KEEPS: &str = "public, max-age=86400";
/// When a copy was made, in milliseconds since 1970.
const SINCE: &str = "livery-since";

/// What a question says about who asks: the same for all, because the answer is for all.
#[must_use]
pub fn asked_by() -> Vec<(&'static str, String)> {
    ASKED_BY.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

const ASKED_BY: [(&str, &str); 2] =
    [("accept", "application/json"), ("user-agent", concat!("Livery/", env!("CARGO_PKG_VERSION")))];

/// What can be asked for.
#[derive(Clone, Debug)]
pub enum Question {
    /// The provider list.
    Providers,
    /// The rate of a currency, by converting this amount.
    Rate(Currency, Amount),
}

impl Question {
    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        match self {
            Self::Providers => Subject::Providers,
            Self::Rate(currency, _) => Subject::Rate(*currency),
        }
    }

    /// The call to the gateway.
    #[must_use]
    pub fn call(&self, config: &Config) -> Call {
        let headers = asked_by();
        match self {
            Self::Providers => providers::request(config, headers),
            Self::Rate(currency, value) => rates::request(config, *currency, value, headers),
        }
    }

    /// The answer to whoever asks for it, if that is at hand.
    #[must_use]
    pub fn at_hand(&self, cx: &Context<'_>) -> Option<String> {
        match self {
            Self::Providers => providers(cx).map(|list| list.json.clone()),
            Self::Rate(currency, value) => rate(cx, *currency)?.convert(value).map(|told| told.to_json()),
        }
    }

    /// Takes what the gateway said; the answer to whoever asked.
    ///
    /// # Errors
    /// [`Error::Gateway`] where it said nothing and no copy can be used, [`Error::Value`] for an unknown currency.
    pub fn told(&self, cx: &Context<'_>, came: Result<Reply, Fault>) -> Result<String, Error> {
        match self {
            Self::Providers => Ok(told_providers(cx, came)?.json.clone()),
            Self::Rate(currency, value) => {
                let unknown = Error::Value("from", "is a currency that cannot be converted: choose another");
                Ok(told_conversion(cx, *currency, value, came)?.ok_or(unknown)?.to_json())
            }
        }
    }
}

/// The provider list, if it is at hand.
#[must_use]
pub fn providers(cx: &Context<'_>) -> Option<Rc<Providers>> {
    let entry = cx.memory.entry(Subject::Providers);
    let list = entry.usable(cx.now)?.into_providers()?;
    refresh(cx, entry, &Question::Providers);
    Some(list)
}

/// The rate of a currency, if it is at hand.
#[must_use]
pub fn rate(cx: &Context<'_>, currency: Currency) -> Option<Rc<Rate>> {
    let entry = cx.memory.entry(Subject::Rate(currency));
    let rate = entry.usable(cx.now)?.into_rate()?;
    refresh(cx, entry, &Question::Rate(currency, rate.value.clone()));
    Some(rate)
}

fn refresh(cx: &Context<'_>, entry: Entry, question: &Question) {
    if entry.is_due(cx.now) {
        cx.memory.put(question.subject(), entry.refreshed(cx.now));
        let (question, call) = (question.clone(), question.call(cx.config));
        cx.begin(ask_gateway(cx, call, move |cx, came| question.told(cx, came).and_then(|_| over())));
    }
}

/// The end of what was begun beside a request.
fn over() -> Outcome {
    answer(Response::new(204))
}

/// Goes on when everything that the edge has of these is in this isolate too.
///
/// # Errors
/// None before `then`.
pub fn look_up(cx: &Context<'_>, mut subjects: Vec<Subject>, then: Box<dyn FnOnce(&Context<'_>) -> Outcome>) -> Outcome {
    subjects.retain(|subject| cx.memory.entry(*subject).usable(cx.now).is_none());
    if subjects.is_empty() || cx.memory.edge_failed_lately(cx.now) {
        return then(cx);
    }
    let calls = subjects.iter().map(|subject| edge_call(cx.config, *subject, None)).collect();
    ask_edge(cx, calls, move |cx, replies| {
        for (subject, came) in subjects.into_iter().zip(replies) {
            take_from_edge(cx, subject, came);
        }
        then(cx)
    })
}

fn take_from_edge(cx: &Context<'_>, subject: Subject, came: Result<Reply, Fault>) {
    let Some(reply) = came.ok().filter(|reply| matches!(reply.status, 200 | 404)) else {
        return cx.memory.note_edge_failure(cx.now);
    };
    let since = reply.headers.get(SINCE).and_then(|since| since.parse().ok()).map(Now);
    let copy = match subject {
        Subject::Providers => Providers::from_reply(&reply).ok().map(|list| Copied::Providers(Rc::new(list))),
        Subject::Rate(_) => Rate::from_reply(&reply).map(|rate| Copied::Rate(Rc::new(rate))),
    };
    if let (Some(copy), Some(since)) = (copy, since) {
        // Another machine's clock may be ahead of ours.
        cx.memory.put(subject, cx.memory.entry(subject).with(copy, since.min(cx.now)));
    }
}

/// The list that the gateway told, which is kept, or an older copy where it told none.
///
/// # Errors
/// [`GatewayError`] where there is no copy either.
pub fn told_providers(cx: &Context<'_>, came: Result<Reply, Fault>) -> Result<Rc<Providers>, GatewayError> {
    match accepted(came).and_then(|reply| Providers::from_reply(&reply)) {
        Ok(list) => {
            let list = Rc::new(list);
            keep(cx, Subject::Providers, Copied::Providers(Rc::clone(&list)));
            Ok(list)
        }
        Err(error) => note_failure(cx, Subject::Providers).and_then(Copied::into_providers).ok_or(error),
    }
}

/// The conversion that the gateway made, whose rate is kept, or one by an older rate where it made none; `None` if it does not
/// know the currency.
///
/// # Errors
/// [`GatewayError`] where there is no such rate either, or where it refused this amount.
pub fn told_conversion(
    cx: &Context<'_>,
    from: Currency,
    value: &Amount,
    came: Result<Reply, Fault>,
) -> Result<Option<Conversion>, GatewayError> {
    let subject = Subject::Rate(from);
    let told = accepted(came).and_then(|reply| rates::interpret(&reply));
    let rate = |told: &Option<Conversion>| Rate::told_by(told.clone()?, value.clone());
    match told.as_ref().map(rate) {
        Ok(Some(rate)) => keep(cx, subject, Copied::Rate(Rc::new(rate))),
        Err(GatewayError::Rejected { .. }) if *value != Amount::one() => {}
        _ => {
            let entry = cx.memory.entry(subject);
            let failed = entry.clone().failed(cx.now);
            let stale = failed.usable(cx.now).and_then(Copied::into_rate);
            // What comes of an amount that a caller made up says nothing about the rate: it would keep an old one alive.
            cx.memory.put(subject, if *value == Amount::one() { failed } else { entry.doubted(cx.now) });
            return told.or_else(|error| stale.and_then(|rate| rate.convert(value)).map(Some).ok_or(error));
        }
    }
    told
}

/// Remembers that it could not be had; a copy that serves instead.
fn note_failure(cx: &Context<'_>, subject: Subject) -> Option<Copied> {
    let entry = cx.memory.entry(subject).failed(cx.now);
    let stale = entry.usable(cx.now);
    cx.memory.put(subject, entry);
    stale
}

/// Keeps what the gateway just said, here and at the edge: there once for all who were waiting for it.
fn keep(cx: &Context<'_>, subject: Subject, copy: Copied) {
    let entry = cx.memory.entry(subject);
    let is_first = !entry.is_news(cx.now);
    let entry = entry.with(copy, cx.now);
    let kept = entry.usable(cx.now).filter(|_| is_first && !cx.memory.edge_failed_lately(cx.now));
    cx.memory.put(subject, entry);
    if let Some(copy) = kept {
        let call = edge_call(cx.config, subject, Some((&copy, cx.now)));
        cx.begin(ask_edge(cx, vec![call], |cx, replies| {
            if replies.iter().any(Result::is_err) {
                cx.memory.note_edge_failure(cx.now);
            }
            over()
        }));
    }
}

/// Looks up the copy, or keeps one. The gateway's URL is in the key: another gateway has other providers.
fn edge_call(config: &Config, subject: Subject, copy: Option<(&Copied, Now)>) -> Call {
    let of = match subject {
        Subject::Providers => config.api.url(providers::PATH),
        Subject::Rate(currency) => rates::url_without_value(config, currency),
    };
    let url = config.origin.url(&format!("{EDGE_PATH}{}", query::encode(&of)));
    let Some((copy, now)) = copy else {
        return Call { method: Method::Get, url, headers: Vec::new(), body: None, read: Read::Text };
    };
    let text = match copy {
        Copied::Providers(list) => list.json.clone(),
        Copied::Rate(rate) => rate.to_json(),
    };
    let headers = vec![("cache-control", EDGE_KEEPS.to_owned()), (SINCE, now.0.to_string())];
    Call { method: Method::Put, url, headers, body: Some(text.into_bytes()), read: Read::Nothing }
}
