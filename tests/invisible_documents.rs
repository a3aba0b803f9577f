//! Promise 1 against a generator: a gateway that spells its name in every way that a browser or a parser would still read, in
//! every place where a page, a script, a style sheet or a header can carry a URL, in any type, coding and chunks.
//!
//! `LIVERY_DOCUMENTS` says how many documents are tried.
mod stage;
mod support;

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use proptest::{
    collection,
    prelude::*,
    sample,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use stage::Stage;
use support::spelling;

const PATH: &str = "/assets/document";
const NAMES: &[&str] = &["anexpay.net"];
/// Nearly the same names, which belong to somebody else.
const OTHER_NAMES: &[&str] = &["anexpay.example", "nexpay.net", "anexpay.org"];
/// What the document is said to be, right or wrong.
const TYPES: [Option<&str>; 12] = [
    Some("text/html; charset=UTF-8"),
    Some("text/html"),
    Some("application/javascript"),
    Some("text/css"),
    Some("application/json"),
    Some("image/svg+xml"),
    Some("text/plain"),
    Some("application/xhtml+xml; charset=\"utf-8\""),
    Some("image/png"),
    Some("application/octet-stream"),
    Some("text/html, image/png"),
    None,
];

/// A document, and how it is sent.
#[derive(Clone, Debug)]
struct Sent {
    text: String,
    kind: Option<&'static str>,
    marked: bool,
    zipped: bool,
    chunks: Vec<usize>,
}

impl Sent {
    fn strategy(names: &'static [&'static str]) -> impl Strategy<Value = Self> {
        let parts = collection::vec(spelling::document(names), 1..4).prop_map(|parts| parts.join("\n"));
        let chunks = collection::vec(1_usize..2000, 0..4);
        let how = (sample::select(TYPES.to_vec()), any::<bool>(), any::<bool>(), chunks);
        (parts, how).prop_map(|(text, (kind, marked, zipped, chunks))| Self { text, kind, marked, zipped, chunks })
    }

    fn plain(&self) -> Vec<u8> {
        let mark: &[u8] = if self.marked { b"\xEF\xBB\xBF" } else { b"" };
        [mark, self.text.as_bytes()].concat()
    }

    fn reply(&self, stage: &Stage, chunks: &[usize]) -> Vec<u8> {
        let mut headers: Vec<(&str, &str)> = self.kind.into_iter().map(|kind| ("content-type", kind)).collect();
        let mut body = self.plain();
        if self.zipped {
            headers.push(("content-encoding", "gzip"));
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).expect("writing to memory");
            body = encoder.finish().expect("writing to memory");
        }
        stage.reply_in(PATH, 200, &headers, body, chunks);
        // The client that every test uses panics when it can read a name in an answer.
        let answer = stage.worker.get(PATH).send();
        assert_eq!(answer.status, 200, "{self:?}");
        answer.body
    }
}

/// The same values in each run, as many as are asked for.
fn generated<T>(strategy: impl Strategy<Value = T>, usually: usize) -> impl Iterator<Item = T> {
    let count = std::env::var("LIVERY_DOCUMENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(usually);
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    (0..count).map(move |_| strategy.new_tree(&mut runner).expect("a value").current())
}

#[test]
fn no_document_names_the_gateway() {
    let stage = Stage::branded();
    let (mut sent_in_all, mut changed) = (0, 0);
    for sent in generated(Sent::strategy(NAMES), 250) {
        let whole = sent.reply(&stage, &[]);
        sent_in_all += 1;
        changed += usize::from(whole != sent.plain());
        let chunked = sent.reply(&stage, &sent.chunks);
        assert_eq!(String::from_utf8_lossy(&chunked), String::from_utf8_lossy(&whole), "{sent:?}");
    }
    assert!(changed * 2 > sent_in_all, "only {changed} of {sent_in_all} documents held a name at all");
}

#[test]
fn documents_of_others_arrive_to_the_byte() {
    let stage = Stage::branded();
    for sent in generated(Sent::strategy(OTHER_NAMES), 150) {
        let arrived = sent.reply(&stage, &sent.chunks);
        assert_eq!(String::from_utf8_lossy(&arrived), String::from_utf8_lossy(&sent.plain()), "{sent:?}");
    }
}

/// Headers that carry URLs, and such as pass.
const HEADERS: [(&str, &str); 22] = [
    ("link", "<@>; rel=preload"),
    ("content-security-policy", "default-src 'self' @; report-uri @"),
    ("content-security-policy-report-only", "default-src @"),
    ("refresh", "0; url=@"),
    ("content-location", "@"),
    ("report-to", "{\"endpoints\":[{\"url\":\"@\"}]}"),
    ("reporting-endpoints", "main=\"@\""),
    ("nel", "{\"report_to\":\"@\"}"),
    ("alt-svc", "h3=\"@:443\""),
    ("sourcemap", "@"),
    ("x-sourcemap", "@"),
    ("set-cookie", "a=@; Domain=@; Path=/"),
    ("etag", "\"@\""),
    ("vary", "@"),
    ("permissions-policy", "geolocation=(self \"@\")"),
    ("content-disposition", "attachment; filename*=UTF-8''@"),
    ("cache-control", "no-store, x=\"@\""),
    ("content-language", "@"),
    ("access-control-allow-origin", "@"),
    ("server-timing", "cdn;desc=\"@\""),
    ("speculation-rules", "\"@\""),
    ("origin-agent-cluster", "@"),
];

/// A line break ends a header, and the runtime takes no other control character in one.
fn in_header(value: &str) -> bool {
    value.chars().all(|c| !c.is_control() || c == '\t')
}

#[test]
fn no_header_names_the_gateway() {
    let stage = Stage::branded();
    let strategy =
        (sample::select(HEADERS.to_vec()), spelling::readable("anexpay.net").prop_filter("one line", |text| in_header(text)));
    for ((name, value), url) in generated(strategy, 300) {
        let value = value.replace('@', &url);
        stage.reply(PATH, 200, &[("content-type", "text/html"), (name, &value)], "x");
        assert_eq!(stage.worker.get(PATH).send().text(), "x", "{name}: {value}");
    }
}
