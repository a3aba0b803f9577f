//! The whole Worker as one value: settings and memory in, answers out.
//!
//! [`Service::answer`] takes a request; whatever it returns is either done or waits for the replies to some calls, with which
//! [`Service::resume`] goes on. Every answer, an error too, leaves through [`Service::finish`], which scrubs it.

use std::borrow::Cow;
use std::cell::RefCell;

use crate::config::{Config, Mistake};
use crate::error::Error;
use crate::flow::{Ask, Callee, Context, Outcome, Step, Then, Waiting};
use crate::handlers;
use crate::http::{Body, Fault, Method, Now, Reply, Request, Response};
use crate::json::Object;
use crate::ledger::books::{Books, NoBooks};
use crate::limits::Limits;
use crate::livery::scrub::scrub;
use crate::memory::Memory;
use crate::pages::{self, Face, Form};
use crate::route::Route;

/// Longest URL accepted, path and query together, in bytes.
const MAX_URL: usize = 8192;
/// Most parameters accepted. PHP reads a thousand and passes over the rest (`max_input_vars`): what is checked here, ours
/// added, has to be what it reads.
const MAX_PARAMETERS: usize = 900;

/// One operator's Livery.
pub struct Service {
    config: Result<Config, Vec<Mistake>>,
    memory: Memory,
    limits: Limits,
}

/// One turn of a request's work.
pub struct Turn {
    /// How far the request has come.
    pub progress: Progress,
    /// What was begun beside it, which nobody waits for.
    pub besides: Vec<Pending>,
}

/// How far a request has come.
pub enum Progress {
    /// To its answer, and what the log should say about it.
    Done(Response, Note),
    /// To calls whose replies it needs.
    Waiting(Pending),
    /// To the end of what was begun beside a request: nobody hears of it.
    Over,
    /// Nowhere, in a ledger with what was due: it will be tried again. What failed, for the log.
    Failed(String),
}

/// Something that waits for replies.
pub struct Pending {
    /// The calls to make at once.
    pub asks: Vec<Ask>,
    /// When they were begun.
    pub since: Now,
    then: Then,
    /// Whom the answer is for; nobody, if this was begun beside a request.
    visit: Option<Visit>,
    /// Whether it goes on in a ledger.
    is_ledgers: bool,
}

impl Pending {
    /// Whether its calls can still be under way: each ends with its time limit, unless its request did.
    #[must_use]
    pub fn may_be_resumed(&self, now: Now) -> bool {
        let longest = self.asks.iter().map(|ask| u64::from(ask.timeout_ms)).max().unwrap_or_default();
        now.0.saturating_sub(self.since.0) <= 2 * longest
    }
}

/// One request on its way to its answer.
struct Visit {
    face: Face,
    is_head: bool,
    began: Now,
    /// How long we waited for others, in milliseconds.
    waited: u64,
}

/// What the log says about one answer. Nothing in it is about a person, and nothing is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The request's id.
    pub request_id: String,
    /// The route's name; none for what has no route.
    pub route: Option<&'static str>,
    /// The answer's status.
    pub status: u16,
    /// The error's code, if it is one.
    pub code: Option<&'static str>,
    /// How long we waited for others, in milliseconds.
    pub upstream_ms: u64,
    /// How long the answer took, in milliseconds; the runtime's clock stands still while we compute.
    pub total_ms: u64,
    /// Whether a provider's URL holds a hidden name, which must not be changed there.
    pub name_in_provider_url: bool,
}

impl Note {
    /// The log's line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let object = Object::new().text("request_id", &self.request_id).optional("route", self.route);
        let object = object.number("status", self.status).text("outcome", self.outcome()).optional("code", self.code);
        let object = object.number("upstream_ms", self.upstream_ms).number("total_ms", self.total_ms);
        object.optional("name_in_provider_url", self.name_in_provider_url.then_some("true")).write()
    }

    const fn outcome(&self) -> &'static str {
        match self.status {
            0..400 => "ok",
            400..500 => "refused",
            _ => "failed",
        }
    }
}

impl Service {
    /// Reads the settings from `source`, which gives a setting's text by its name.
    #[must_use]
    pub fn new(source: &dyn Fn(&str) -> Option<String>) -> Self {
        Self { config: Config::read(source), memory: Memory::default(), limits: Limits::default() }
    }

    /// What is wrong with the settings.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        self.config.as_ref().err().map_or(&[], Vec::as_slice)
    }

    /// The good settings, if they are good.
    #[must_use]
    pub const fn config(&self) -> Option<&Config> {
        match &self.config {
            Ok(config) => Some(config),
            Err(_) => None,
        }
    }

    /// Takes a request.
    #[must_use]
    pub fn answer(&self, request: &Request<'_>) -> Turn {
        let route = Route::find(request.method, request.path);
        let face = Face::new(route.as_ref().ok().copied(), request.headers, request.entropy);
        let is_status = route == Ok(Route::PaymentStatus);
        let is_counted = match route {
            Ok(Route::Callback | Route::Api) => false,
            Ok(Route::Stream) => handlers::stream::is_customers(request),
            _ => true,
        };
        let besides = RefCell::default();
        let mut outcome = self.begin(request, route, &face, &besides);
        // What is answered without the gateway, what reports a payment, and what only a merchant's server can do is never counted.
        if let (Some(config), Some(ask)) = (self.config(), first_of_gateway(&outcome).filter(|_| is_counted)) {
            let admitted = self.limits.admit(config, request, is_status.then_some(&ask.call.url));
            outcome = admitted.map_err(Error::from).and(outcome);
        }
        let visit = Visit { face, is_head: request.method == Method::Head, began: request.now, waited: 0 };
        self.proceed(outcome, Some(visit), request.now, besides)
    }

    /// Takes a request in an account's ledger; whatever it has to say was said to the Worker before.
    #[must_use]
    pub fn answer_in_ledger(&self, request: &Request<'_>, books: &dyn Books) -> Turn {
        let (face, besides) = (Face::in_ledger(request.headers, request.entropy), RefCell::default());
        let cx = self.context(request.now, books, &besides).ok_or(Error::Misconfigured);
        let outcome = cx.and_then(|cx| handlers::ledger::settle(&cx, handlers::ledger::serve(&cx, request)));
        let visit = Visit { face, is_head: false, began: request.now, waited: 0 };
        in_ledger(self.proceed(outcome, Some(visit), request.now, besides))
    }

    /// Goes on with what came of each call, in the order of the calls. It is given back what it waited with.
    #[must_use]
    pub fn resume(&self, pending: Pending, came: Vec<Result<Reply, Fault>>, now: Now, books: &dyn Books) -> Turn {
        let Pending { asks, then, since, visit, is_ledgers } = pending;
        let visit = visit.map(|visit| Visit { waited: visit.waited + now.0.saturating_sub(since.0), ..visit });
        let besides = RefCell::default();
        let outcome = match self.context(now, books, &besides) {
            Some(cx) if is_ledgers => handlers::ledger::settle(&cx, then(&cx, asks.into_iter().zip(came).collect())),
            Some(cx) => then(&cx, asks.into_iter().zip(came).collect()),
            None => Err(Error::Misconfigured),
        };
        let failure = outcome.as_ref().err().filter(|_| is_ledgers && visit.is_none()).map(for_log);
        let mut turn = self.proceed(outcome, visit, now, besides);
        if let Some(what) = failure {
            turn.progress = Progress::Failed(what);
        }
        if is_ledgers { in_ledger(turn) } else { turn }
    }

    const fn context<'a>(&'a self, now: Now, books: &'a dyn Books, besides: &'a RefCell<Vec<Waiting>>) -> Option<Context<'a>> {
        match &self.config {
            Ok(config) => Some(Context::new(config, &self.memory, books, now, besides)),
            Err(_) => None,
        }
    }

    fn begin(&self, request: &Request<'_>, route: Result<Route, Error>, face: &Face, besides: &RefCell<Vec<Waiting>>) -> Outcome {
        if route == Ok(Route::Health) {
            return Ok(Step::Answer(self.health()));
        }
        let cx = self.context(request.now, &NoBooks, besides).ok_or(Error::Misconfigured)?;
        let has_too_many = || crate::query::pairs(request.query).nth(MAX_PARAMETERS).is_some();
        if request.path.len() + request.query.len() > MAX_URL || has_too_many() {
            return Err(Error::UrlTooLong);
        }
        match route? {
            Route::Home | Route::Health => handlers::home::show(&cx, face),
            Route::Checkout => handlers::checkout::open(&cx, request),
            Route::Callback => handlers::callback::relay(&cx, request),
            Route::Wallet(script) => handlers::wallet::create(&cx, request, script),
            Route::DownlineWallet => handlers::wallet::create_for_downline(&cx, request),
            Route::Payment => handlers::payment::redirect(&cx, request),
            Route::HostedPage => handlers::page::hosted(&cx, request),
            Route::Providers => handlers::data::list_providers(&cx),
            Route::Convert => handlers::data::convert(&cx, request),
            Route::PaymentStatus => handlers::data::payment_status(&cx, request),
            Route::Asset => handlers::page::asset(&cx, request),
            Route::Api => handlers::api::forward(&cx, request),
            Route::Stream => handlers::stream::open(&cx, request),
            Route::Session => handlers::session::open(&cx, request, face),
        }
    }

    fn proceed(&self, outcome: Outcome, visit: Option<Visit>, now: Now, besides: RefCell<Vec<Waiting>>) -> Turn {
        let pending = |Waiting { asks, then }, visit| Pending { asks, then, since: now, visit, is_ledgers: false };
        let progress = match (outcome, visit) {
            (Ok(Step::Ask(waiting)), visit) => Progress::Waiting(pending(waiting, visit)),
            (outcome, Some(visit)) => self.end(outcome, &visit, now),
            (_, None) => Progress::Over,
        };
        Turn { progress, besides: besides.into_inner().into_iter().map(|waiting| pending(waiting, None)).collect() }
    }

    fn end(&self, outcome: Outcome, visit: &Visit, now: Now) -> Progress {
        let (response, code) = match outcome {
            Ok(Step::Answer(response)) => (response, None),
            Ok(Step::Ask(_)) => (self.render(&Error::Internal, &visit.face), Some(Error::Internal.code())),
            Err(error) => (self.render(&error, &visit.face), Some(error.code())),
        };
        let (upstream_ms, total_ms) = (visit.waited, now.0.saturating_sub(visit.began.0));
        let response = response.header("server-timing", format!("upstream;dur={upstream_ms}, total;dur={total_ms}"));
        let (response, name_in_provider_url) = self.finish(response, &visit.face, visit.is_head);
        let (request_id, route, status) = (visit.face.request_id.clone(), visit.face.route, response.status);
        Progress::Done(response, Note { request_id, route, status, code, upstream_ms, total_ms, name_in_provider_url })
    }

    /// The last gate: what every answer carries, and no hidden name in any of it. A `Location` is left alone here: it is
    /// either ours or a provider's signed URL, of which not a byte may change.
    fn finish(&self, mut response: Response, face: &Face, is_head: bool) -> (Response, bool) {
        if face.is_public_data {
            response = response.header("access-control-allow-origin", "*");
        }
        response = response.header("request-id", face.request_id.clone());
        let Some(config) = self.config().filter(|_| !face.is_inside) else { return (response, false) };
        if !config.origin.is_development() {
            response = response.header("strict-transport-security", "max-age=31536000");
        }
        for (_, value) in response.headers.iter_mut().filter(|(name, _)| *name != "location") {
            *value = scrub(&config.names, value).into_owned();
        }
        if let Body::Text(text) = &response.body {
            response.body = Body::Text(scrub(&config.names, text).into_owned().into());
        }
        if is_head {
            response.body = Body::Empty;
        }
        let name_in_url = response.get("location").is_some_and(|url| config.names.hides(url));
        (response, name_in_url)
    }

    /// An error in the form that the caller reads. Not inlined, as handlers are not.
    #[inline(never)]
    fn render(&self, error: &Error, face: &Face) -> Response {
        let brand = self.config().map(|config| &config.brand);
        let message = error.to_string();
        // Before it is escaped for a page or for JSON: an escape within an escape would be harder to read.
        let message = self.config().map_or(Cow::Borrowed(message.as_str()), |config| scrub(&config.names, &message));
        // Backticks around a parameter's name are for programmers, a page is for customers.
        let page = (face.form == Form::Html).then(|| pages::error(brand, face, error, &message.replace('`', ""))).flatten();
        let mut response = page.unwrap_or_else(|| error_json(error, face, &message));
        if matches!(error, Error::Access(_)) && error.status() == 401 {
            // RFC 9110, 15.5.2: it says how to prove who one is.
            response = response.header("www-authenticate", "Bearer");
        }
        if let Error::Method(allowed) = error {
            response = response.header("allow", *allowed);
        }
        if let Error::TooMany(exceeded) = error {
            response.headers.extend(exceeded.fields());
        }
        match error.retry_after() {
            Some(seconds) => response.header("retry-after", seconds.to_string()),
            None => response,
        }
    }

    /// `/healthz`: whether the settings are good, and what is wrong with each that is not.
    fn health(&self) -> Response {
        let mistakes = self.mistakes().iter().map(|m| Object::new().text("setting", m.setting).text("problem", m.problem));
        let text = match self.config {
            Ok(_) => Object::new().text("status", "ok").write(),
            Err(_) => Object::new().text("status", "misconfigured").list("mistakes", mistakes.collect()).write(),
        };
        let code = if self.config.is_ok() { 200 } else { 503 };
        Response::new(code).text("application/json", text).header("cache-control", "no-store")
    }
}

/// What failed. Texts for whoever made a request may hold something of theirs.
fn for_log(error: &Error) -> String {
    if let Error::Task(what) = error { what.clone() } else { error.code().to_owned() }
}

/// The same turn, whose steps go on in a ledger.
fn in_ledger(mut turn: Turn) -> Turn {
    let all =
        turn.besides.iter_mut().chain(if let Progress::Waiting(pending) = &mut turn.progress { Some(pending) } else { None });
    all.for_each(|pending| pending.is_ledgers = true);
    turn
}

/// The call that a request needs first, if it is not to a merchant: to the gateway, or to a ledger that will ask it.
fn first_of_gateway(outcome: &Outcome) -> Option<&Ask> {
    let Ok(Step::Ask(waiting)) = outcome else { return None };
    waiting.asks.first().filter(|ask| matches!(ask.callee, Callee::Gateway | Callee::Edge | Callee::Ledger))
}

/// The answer to a request that ended in a panic; it was given these random bytes. Others in the same instance get the runtime's.
#[must_use]
pub fn crashed(entropy: [u8; 16]) -> Response {
    let face = Face::new(None, &Vec::new(), entropy);
    let response = error_json(&Error::Internal, &face, &Error::Internal.to_string());
    response.header("request-id", face.request_id)
}

/// An error as JSON, in Stripe's envelope or as RFC 9457 has it.
fn error_json(error: &Error, face: &Face, message: &str) -> Response {
    let (status, code, kind) = error.facts();
    let response = Response::new(status).header("cache-control", "no-store");
    if face.form == Form::Problem {
        let object = Object::new().text("type", "about:blank").text("title", kind.as_str()).number("status", status);
        let object = object.text("detail", message).text("code", code).optional("param", error.param());
        return response.text("application/problem+json", object.text("request_id", &face.request_id).write());
    }
    let object = Object::new().text("type", kind.as_str()).text("code", code).text("message", message);
    let object = object.optional("param", error.param()).text("request_id", &face.request_id);
    response.text("application/json", Object::new().object("error", object).write())
}

#[cfg(test)]
mod tests;
