//! What `worker.js`, `calls.js` and `bodies.js` offer.
//!
//! Headers cross as one text with what belongs to them, a line for each name and each value: neither can hold a line break. To
//! make a text of the runtime's from one of ours costs as much as reading ten lines of it.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "./worker.js")]
extern "C" {
    /// A request as the runtime handed it over.
    pub type Visit;

    /// A setting's text; a number or a flag in wrangler.toml has none, and is told as JSON.
    #[wasm_bindgen(method)]
    pub fn setting(this: &Visit, name: &str) -> Option<String>;

    /// `request.cf.country`, which is absent outside the edge.
    #[wasm_bindgen(method, js_name = cfCountry)]
    pub fn cf_country(this: &Visit) -> Option<String>;

    /// The request's URL.
    #[cfg(feature = "provoke-panic")]
    #[wasm_bindgen(method)]
    pub fn url(this: &Visit) -> String;

    /// Makes the calls and resumes what waits; the promise of an answer.
    #[wasm_bindgen(method)]
    pub fn ask(this: &Visit, waiting: u32, calls: Vec<JsValue>) -> JsValue;

    /// The same, though nobody waits for it.
    #[wasm_bindgen(method, js_name = askBeside)]
    pub fn ask_beside(this: &Visit, waiting: u32, calls: Vec<JsValue>);

    /// Carries out a statement in the ledger's database; rows as JSON, or `!` and what went wrong.
    #[wasm_bindgen(method)]
    pub fn query(this: &Visit, statement: &str, values: &str) -> String;

    /// Undoes what this turn wrote, when it ends.
    #[wasm_bindgen(method)]
    pub fn undo(this: &Visit);

    /// Whether no turn was completed yet since the ledger, or this instance, was started.
    #[wasm_bindgen(method, js_name = isNew)]
    pub fn is_new(this: &Visit) -> bool;

    /// Wakes the ledger at that moment, in milliseconds since 1970; never, if none.
    #[wasm_bindgen(method, js_name = wakeAt)]
    pub fn wake_at(this: &Visit, moment: Option<f64>);

    /// An answer whose body flows through a scrubber. The first line is what the log says about it, if anything; the others are
    /// its headers.
    #[wasm_bindgen(method, js_name = respondFlowing)]
    pub fn respond_flowing(this: &Visit, status: u16, lines: &str, came: &Came, scrubber: u32) -> JsValue;

    /// Takes on the WebSocket that a ledger was asked for, under this id; the answer that brings its other end.
    #[wasm_bindgen(method)]
    pub fn welcome(this: &Visit, socket: &str, lines: &str) -> JsValue;

    /// Sends a message to sockets, by their ids, a line each, once this turn is kept.
    #[wasm_bindgen(method)]
    pub fn tell(this: &Visit, sockets: &str, text: &str);

    /// Closes a socket, once this turn is kept.
    #[wasm_bindgen(method, js_name = hangUp)]
    pub fn hang_up(this: &Visit, socket: &str, code: u16, text: &str);

    /// The ids of all open sockets, as a list in JSON.
    #[wasm_bindgen(method)]
    pub fn sockets(this: &Visit) -> String;

    /// An answer with what a ledger's WebSocket brings, as lines.
    #[wasm_bindgen(method, js_name = respondLines)]
    pub fn respond_lines(this: &Visit, lines: &str, came: &Came) -> JsValue;

    /// An answer that hands on a ledger's WebSocket.
    #[wasm_bindgen(js_name = respondSocket)]
    pub fn respond_socket(lines: &str, came: &Came) -> JsValue;

    /// The same with this body, which is copied, or without one.
    pub fn respond(status: u16, lines: &str, body: Option<&[u8]>) -> JsValue;

    /// Names of headers, a line each, which [`header`] knows by their numbers: crossing with a number costs less.
    #[wasm_bindgen(js_name = readOften)]
    pub fn read_often(names: &str);

    /// The header of that number.
    pub fn header(headers: &Headers, which: u8) -> Option<String>;

    /// What is answered in the place of the request that panics.
    #[wasm_bindgen(js_name = leaveLastWords)]
    pub fn leave_last_words(answer: JsValue);

    /// A line in the log about something that is wrong.
    pub fn error(line: &str);
}

#[wasm_bindgen(raw_module = "./calls.js")]
extern "C" {
    /// What came of a call.
    pub type Came;

    /// A reply's status; otherwise 1 where none arrived, 2 where it was late, 3 where it cannot be read, 4 where name or
    /// certificate are not right.
    #[wasm_bindgen(method, getter)]
    pub fn status(this: &Came) -> u16;

    #[wasm_bindgen(method, getter)]
    pub fn headers(this: &Came) -> Headers;

    #[wasm_bindgen(method, getter)]
    pub fn text(this: &Came) -> String;

    /// Whether there is a body to pass on.
    #[wasm_bindgen(method, getter, js_name = hasStream)]
    pub fn has_stream(this: &Came) -> bool;

    /// Whether all of it is here.
    #[wasm_bindgen(method, getter, js_name = isWhole)]
    pub fn is_whole(this: &Came) -> bool;

    /// What is here of it.
    #[wasm_bindgen(method, getter)]
    pub fn ahead(this: &Came) -> Vec<u8>;

    /// Its first bytes.
    #[wasm_bindgen(method, getter)]
    pub fn beginning(this: &Came) -> Vec<u8>;

    /// A call to make. Its lines are its method, its URL and its headers.
    pub fn call(to: u8, shared: bool, lines: &str, body: Option<&[u8]>, read: u8, timeout_ms: u32) -> JsValue;

    /// The runtime's headers, read one by one.
    pub type Headers;

    #[wasm_bindgen(method, js_name = get)]
    pub fn one(this: &Headers, name: &str) -> Option<String>;

    #[wasm_bindgen(method, js_name = getSetCookie)]
    pub fn all_cookies(this: &Headers) -> Vec<String>;
}

/// Headers as one text, behind what stands before them.
pub fn lines(before: &[&str], headers: &[(&str, String)]) -> String {
    let mut lines = String::with_capacity(1024);
    for line in before {
        lines.extend([line, "\n"]);
    }
    for (name, value) in headers {
        lines.extend([name, "\n", value, "\n"]);
    }
    lines.pop();
    lines
}
