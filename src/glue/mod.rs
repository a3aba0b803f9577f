//! The Workers runtime: the only code that knows it.
//!
//! What JavaScript does best is in JavaScript beside this: `worker.js` takes requests and starts the instance, `calls.js`
//! makes calls, `bodies.js` carries bodies. Here the core is handed what they bring, and its answers are handed to them. A
//! request that waits is a row in a table, not a future: that, and a crossing with one text instead of many objects, is what
//! makes a request as cheap as a script's (docs/performance.md). Neither side decides anything.

mod panic;
mod runtime;
mod table;

use std::cell::{OnceCell, RefCell};

use wasm_bindgen::prelude::*;

use crate::config::Config;
use crate::country::Country;
use crate::downline;
use crate::flow::Ask;
use crate::http::{Body, Fault, Method, Now, Reply, Request, RequestBody, Response};
use crate::ledger::books::{Books, Value};
use crate::ledger::live::Close;
use crate::livery::scrub::Scrubber;
use crate::service::{Pending, Progress, Service, Turn};

use runtime::{Came, Headers, Visit};
use table::Table;

thread_local! {
    /// This instance's Livery: settings cannot change while an isolate lives.
    static SERVICE: OnceCell<&'static Service> = const { OnceCell::new() };
    /// Requests that wait, each with its random bytes.
    static WAITING: RefCell<Table<(Pending, [u8; 16])>> = const { RefCell::new(Table::new()) };
    /// Bodies on their way, each with its request's random bytes.
    static SCRUBBERS: RefCell<Table<(Scrubber, [u8; 16])>> = const { RefCell::new(Table::new()) };
    /// Random bytes that nothing was made from yet.
    static ENTROPY: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

/// For how many requests random bytes are fetched at a time.
const STOCK: usize = 32;
/// Headers that are read for many a request.
const OFTEN: [&str; 7] =
    ["accept", "cf-ipcountry", downline::SIGNATURE, "accept-language", "user-agent", "cf-connecting-ip", "location"];

/// Takes a request. Returns a `Response`, or the promise of one.
#[wasm_bindgen]
#[expect(clippy::needless_pass_by_value, reason = "what crosses is owned")]
pub fn begin(visit: &Visit, method: &str, url: &str, headers: Headers, body: Option<Vec<u8>>, now: f64) -> JsValue {
    take::<false>(visit, method, url, &headers, body, now)
}

/// The same in an account's ledger.
#[wasm_bindgen]
#[expect(clippy::needless_pass_by_value, reason = "what crosses is owned")]
pub fn begin_in_ledger(visit: &Visit, method: &str, url: &str, headers: Headers, body: Option<Vec<u8>>, now: f64) -> JsValue {
    take::<true>(visit, method, url, &headers, body, now)
}

fn take<const IN_LEDGER: bool>(
    visit: &Visit,
    method: &str,
    url: &str,
    headers: &Headers,
    body: Option<Vec<u8>>,
    now: f64,
) -> JsValue {
    let (service, entropy) = (service(visit), entropy());
    panic::working_on(entropy);
    panic::provoke(url.as_bytes(), "at-once");
    let (path, query) = path_and_query(url);
    let request = Request {
        method: Method::parse(method),
        path,
        query,
        headers,
        country: Country::of_customer(crate::http::Headers::get(headers, "cf-ipcountry").as_deref(), || visit.cf_country()),
        body: body.map_or(RequestBody::TooLarge, RequestBody::Whole),
        now: moment(now),
        entropy,
    };
    let turn = if IN_LEDGER { service.answer_in_ledger(&request, visit) } else { service.answer(&request) };
    if IN_LEDGER {
        panic::provoke(url.as_bytes(), "in-the-ledger");
    }
    proceed(visit, turn, &[], entropy)
}

/// Goes on with a request after its calls, or with what was begun beside one: then nothing comes of it.
#[wasm_bindgen]
#[expect(clippy::needless_pass_by_value, reason = "what crosses is owned")]
pub fn resume(visit: &Visit, waiting: u32, came: Vec<Came>, now: f64) -> JsValue {
    let Some((pending, entropy)) = WAITING.with_borrow_mut(|table| table.take(waiting)) else { return JsValue::UNDEFINED };
    panic::working_on(entropy);
    panic::provoke_after_the_reply(visit);
    let replies = came.iter().map(Came::read).collect();
    proceed(visit, service(visit).resume(pending, replies, moment(now), visit), &came, entropy)
}

/// Takes the next block of a body and gives what can be passed on now.
#[wasm_bindgen]
pub fn push(scrubber: u32, block: &[u8]) -> Vec<u8> {
    SCRUBBERS.with_borrow_mut(|table| {
        let Some((scrubber, entropy)) = table.get(scrubber) else { return Vec::new() };
        panic::working_on(*entropy);
        panic::provoke(block, "in-a-body");
        scrubber.push(block)
    })
}

/// Ends a body and gives what was held back.
#[wasm_bindgen]
pub fn finish(scrubber: u32) -> Vec<u8> {
    let scrubber = SCRUBBERS.with_borrow_mut(|table| table.take(scrubber));
    scrubber.map(|(mut scrubber, _)| scrubber.finish()).unwrap_or_default()
}

/// The service, started by the first request: the settings come with it. Each that is wrong is named in the log.
fn service(visit: &Visit) -> &'static Service {
    SERVICE.with(|cell| {
        *cell.get_or_init(|| {
            panic::watch();
            runtime::read_often(&OFTEN.join("\n"));
            let service = Service::new(&|name| visit.setting(name));
            for mistake in service.mistakes() {
                runtime::error(&format!("misconfigured: {mistake}"));
            }
            // For as long as the instance lives.
            Box::leak(Box::new(service))
        })
    })
}

fn proceed(visit: &Visit, turn: Turn, came: &[Came], entropy: [u8; 16]) -> JsValue {
    for pending in turn.besides {
        wait(pending, entropy, |waiting, calls| visit.ask_beside(waiting, calls));
    }
    match turn.progress {
        Progress::Done(response, note) => write(visit, &response, &note.to_json(), came, entropy),
        Progress::Waiting(pending) => wait(pending, entropy, |waiting, calls| visit.ask(waiting, calls)),
        Progress::Over => JsValue::UNDEFINED,
        Progress::Failed(what) => {
            runtime::error(&format!("a ledger's task failed and will be tried again: {what}"));
            JsValue::UNDEFINED
        }
    }
}

fn wait<T>(pending: Pending, entropy: [u8; 16], ask: impl FnOnce(u32, Vec<JsValue>) -> T) -> T {
    let calls = pending.asks.iter().map(call).collect();
    let waiting = WAITING.with_borrow_mut(|table| {
        // The runtime ends requests whose customers went away, and says nothing.
        if table.is_full_of_many() {
            table.retain(|(other, _)| other.may_be_resumed(pending.since));
        }
        table.put((pending, entropy))
    });
    ask(waiting, calls)
}

fn call(ask: &Ask) -> JsValue {
    let Ask { call, callee, timeout_ms } = ask;
    panic::provoke(call.url.as_bytes(), "in-a-call");
    let lines = runtime::lines(&[call.method.as_str(), &call.url], &call.headers);
    runtime::call(*callee as u8, ask.is_shared(), &lines, call.body.as_deref(), call.read as u8, *timeout_ms)
}

/// Writes an answer and what the log says about it; the body of a page comes from the one call that brought a stream.
fn write(visit: &Visit, answer: &Response, note: &str, came: &[Came], entropy: [u8; 16]) -> JsValue {
    match &answer.body {
        Body::Welcome(socket) => return visit.welcome(socket, &runtime::lines(&[note], &answer.headers)),
        Body::Socket | Body::Lines => return connect(visit, answer, note, came),
        _ => {}
    }
    let is_page = matches!(answer.body, Body::Scrubbed | Body::Blanked);
    let stream = if is_page { came.iter().find(|came| came.has_stream()) } else { None };
    match (stream, service(visit).config()) {
        (Some(came), Some(config)) => {
            let lines = runtime::lines(&[note], &answer.headers);
            let mut scrubber = scrubber(&answer.body, config);
            if came.is_whole() {
                let mut clean = scrubber.push(&came.ahead());
                clean.extend(scrubber.finish());
                return runtime::respond(answer.status, &lines, Some(&clean));
            }
            let scrubber = SCRUBBERS.with_borrow_mut(|table| table.put((scrubber, entropy)));
            visit.respond_flowing(answer.status, &lines, came, scrubber)
        }
        _ => ready(answer, note),
    }
}

/// An answer that goes on for as long as a ledger's WebSocket does.
fn connect(visit: &Visit, answer: &Response, note: &str, came: &[Came]) -> JsValue {
    let lines = runtime::lines(&[note], &answer.headers);
    match came.first() {
        Some(came) if answer.body == Body::Socket => runtime::respond_socket(&lines, came),
        Some(came) => visit.respond_lines(&lines, came),
        None => ready(answer, note),
    }
}

fn ready(answer: &Response, note: &str) -> JsValue {
    let text = if let Body::Text(text) = &answer.body { Some(text.as_bytes()) } else { None };
    runtime::respond(answer.status, &runtime::lines(&[note], &answer.headers), text)
}

fn scrubber(body: &Body, config: &Config) -> Scrubber {
    if matches!(body, Body::Blanked) { Scrubber::blanking(&config.names) } else { Scrubber::new(&config.names) }
}

impl Came {
    fn read(&self) -> Result<Reply, Fault> {
        match self.status() {
            1 => Err(Fault::Unreachable),
            2 => Err(Fault::Timeout),
            3 => Err(Fault::Unreadable),
            4 => Err(Fault::Handshake),
            status => Ok(Reply {
                status,
                headers: Box::new(self.headers()),
                text: self.text(),
                beginning: if self.has_stream() { self.beginning() } else { Vec::new() },
            }),
        }
    }
}

impl Books for Visit {
    fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<String, String> {
        let values = serde_json::to_string(values).unwrap_or_default();
        let told = runtime::Visit::query(self, sql, &values);
        let failure = told.strip_prefix('!').map(str::to_owned);
        failure.map_or(Ok(told), |why| {
            runtime::error(&format!("the ledger's database refused: {why}"));
            Err(why)
        })
    }

    fn random(&self) -> [u8; 16] {
        entropy()
    }

    fn undo(&self) {
        runtime::Visit::undo(self);
    }

    fn is_new(&self) -> bool {
        runtime::Visit::is_new(self)
    }

    #[expect(clippy::cast_precision_loss, reason = "whole milliseconds since 1970, far below 2^53")]
    fn wake_at(&self, moment: Option<Now>) {
        runtime::Visit::wake_at(self, moment.map(|Now(moment)| moment as f64));
    }

    fn tell(&self, sockets: &[String], text: &str) {
        runtime::Visit::tell(self, &sockets.join("\n"), text);
    }

    fn hang_up(&self, socket: &str, why: Close) {
        let (code, text) = why.facts();
        runtime::Visit::hang_up(self, socket, code, text);
    }

    fn sockets(&self) -> String {
        runtime::Visit::sockets(self)
    }

    fn report(&self, line: &str) {
        runtime::error(line);
    }
}

impl crate::http::Headers for Headers {
    fn get(&self, name: &str) -> Option<String> {
        match (0..).zip(OFTEN).find(|(_, often)| *often == name) {
            Some((which, _)) => runtime::header(self, which),
            None => self.one(name),
        }
    }

    fn set_cookies(&self) -> Vec<String> {
        self.all_cookies()
    }
}

/// 16 random bytes. They are fetched in stock: a crossing for them costs as much as for a header.
fn entropy() -> [u8; 16] {
    ENTROPY.with_borrow_mut(|stock| {
        if stock.is_empty() {
            let mut bytes = [0; 16 * STOCK];
            if getrandom::fill(&mut bytes).is_err() {
                runtime::error("no randomness: request ids will repeat");
            }
            stock.extend(bytes.as_chunks().0);
        }
        stock.pop().unwrap_or_default()
    })
}

/// Path and query of an absolute URL, byte for byte.
fn path_and_query(url: &str) -> (&str, &str) {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let from_path = after_scheme.find(['/', '?']).and_then(|at| after_scheme.get(at..)).unwrap_or("/");
    let target = from_path.split('#').next().unwrap_or_default();
    target.split_once('?').unwrap_or((target, ""))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole milliseconds since 1970, far below 2^53")]
const fn moment(now: f64) -> Now {
    Now(now as u64)
}
