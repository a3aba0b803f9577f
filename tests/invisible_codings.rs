//! Promise 1 behind compression, and what a changed body means for length, coding and validators.
mod stage;
mod support;

use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
use stage::{Stage, assert_error};
use std::io::Write as _;
use support::client::Answer;

const PATH: &str = "/assets/page";
const LINE: &str = "<a href=\"https://checkout.anexpay.net/pay.php\">anexpay.net</a>\n";
const SCRUBBED: &str = "<a href=\"http://{own}/pay.php\">{own}</a>\n";
/// [`LINE`] forty times, in Brotli.
const BROTLI: [u8; 52] = [
    0x1b, 0xd7, 0x09, 0x28, 0x44, 0x4f, 0xd6, 0xdf, 0x02, 0xa1, 0x98, 0xd4, 0x1f, 0x54, 0x04, 0x36, 0xc0, 0x21, 0x07, 0xec, 0x3f,
    0x4b, 0x8b, 0x35, 0x41, 0x08, 0x3c, 0x64, 0xa1, 0x3d, 0x53, 0x4c, 0x35, 0xdd, 0xda, 0x5f, 0xb5, 0x23, 0xcc, 0xb8, 0xe6, 0x8f,
    0x04, 0xdf, 0x4f, 0xf5, 0xa9, 0x00, 0x00, 0x53, 0x3a, 0x22,
];

fn gzip(text: &str) -> Vec<u8> {
    gzip_of(text.as_bytes())
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("gzip")
}

fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("deflate")
}

fn fetch(stage: &Stage, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    stage.reply(PATH, 200, headers, body);
    stage.worker.get(PATH).send()
}

/// Neither a coding that was undone nor a length that is no longer true.
fn assert_plain(what: &str, answer: &Answer, expected: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert!(answer.text() == expected, "{what}: {} bytes of {}", answer.body.len(), expected.len());
    assert_eq!(answer.header("Content-Encoding"), None, "{what}");
    let length = answer.header("Content-Length").map(|length| length.parse().expect("a number"));
    assert!(length.is_none_or(|length: usize| length == expected.len()), "{what}: {length:?}");
}

#[test]
fn compressed_text_is_read_and_scrubbed() {
    let stage = Stage::branded();
    for times in [1, 40, 40_000] {
        for kind in ["text/html", "text/css", "image/svg+xml", "application/x-unknown"] {
            let headers = [("content-type", kind), ("content-encoding", "gzip")];
            let answer = fetch(&stage, &headers, gzip(&LINE.repeat(times)));
            assert_plain(&format!("{kind} {times} times"), &answer, &stage.own(SCRUBBED).repeat(times));
        }
    }
    let answer = fetch(&stage, &[("content-type", "text/html"), ("content-encoding", "br")], BROTLI);
    assert_plain("brotli", &answer, &stage.own(SCRUBBED).repeat(40));
    let answer = fetch(&stage, &[("content-type", "text/html"), ("content-encoding", "identity")], LINE);
    assert_plain("identity", &answer, &stage.own(SCRUBBED));
}

/// What it is, its headers, and its body.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], Vec<u8>);

/// What cannot be read cannot be cleared of names, and is never passed through.
#[test]
fn text_in_a_coding_that_is_not_undone_is_refused() {
    let stage = Stage::branded();
    let gz = gzip(&LINE.repeat(40));
    let twice = gzip_of(&gz);
    let cases: [Case; 11] = [
        ("deflate", &[("content-encoding", "deflate")], deflate(LINE)),
        ("zstd", &[("content-encoding", "zstd")], LINE.into()),
        ("compress", &[("content-encoding", "compress")], LINE.into()),
        ("x-gzip", &[("content-encoding", "x-gzip")], gz.clone()),
        ("two codings", &[("content-encoding", "gzip, gzip")], twice.clone()),
        ("two headers", &[("content-encoding", "gzip"), ("content-encoding", "gzip")], twice),
        ("two different ones", &[("content-encoding", "br, gzip")], gz.clone()),
        ("not gzip", &[("content-encoding", "gzip")], LINE.into()),
        ("not brotli", &[("content-encoding", "br")], LINE.into()),
        ("half of it", &[("content-encoding", "gzip")], gz[..gz.len() / 2].to_vec()),
        ("a bad checksum", &[("content-encoding", "gzip")], [&gz[..gz.len() - 8], &[0; 8]].concat()),
    ];
    for (what, headers, body) in cases {
        let headers = [&[("content-type", "text/html")], headers].concat();
        stage.reply(PATH, 200, &headers, body);
        let answer = stage.worker.get(PATH).send();
        assert_eq!(answer.status, 502, "{what}: {}", String::from_utf8_lossy(&answer.body));
    }
    let answer = fetch(&stage, &[("content-type", "text/html"), ("content-encoding", "zstd")], LINE);
    assert_error("zstd", &answer, 502, "gateway_invalid_reply");
}

/// A runtime may undo `GZIP` or leave it: either way no coded byte goes by.
#[test]
fn a_coding_in_capitals_is_undone_or_refused() {
    let stage = Stage::branded();
    for coding in ["GZIP", "Gzip", " gzip ", "gzip;q=1"] {
        let answer = fetch(&stage, &[("content-type", "text/html"), ("content-encoding", coding)], gzip(&LINE.repeat(40)));
        match answer.status {
            502 => {}
            _ if answer.body.starts_with(b"\x1f\x8b") => panic!("{coding}: the coded bytes went by"),
            _ => assert_plain(coding, &answer, &stage.own(SCRUBBED).repeat(40)),
        }
    }
}

/// Without its `Content-Encoding` a coded image is no image.
#[test]
fn binary_data_in_a_coding_stays_usable() {
    let stage = Stage::branded();
    let headers = |coding| [("content-type", "image/png"), ("content-encoding", coding)];
    let answer = fetch(&stage, &headers("gzip"), gzip("pixels"));
    assert_plain("gzip", &answer, "pixels");
    for coding in ["zstd", "deflate"] {
        let answer = fetch(&stage, &headers(coding), "coded pixels");
        let named = answer.header("Content-Encoding") == Some(coding);
        assert!(answer.status == 502 || named, "{coding}: {} without its coding", answer.status);
    }
}

#[test]
fn validators_are_weak_where_the_text_may_have_changed() {
    let stage = Stage::branded();
    let etag = |kind: &str, etag: &str| {
        let answer = fetch(&stage, &[("content-type", kind), ("etag", etag)], "x");
        answer.header("ETag").map(str::to_owned)
    };
    for kind in ["text/html", "text/css", "image/svg+xml", "application/javascript"] {
        assert_eq!(etag(kind, "\"abc\"").as_deref(), Some("W/\"abc\""), "{kind}");
        assert_eq!(etag(kind, "W/\"abc\"").as_deref(), Some("W/\"abc\""), "{kind}");
    }
    for kind in ["image/png", "font/woff2"] {
        assert_eq!(etag(kind, "\"abc\"").as_deref(), Some("\"abc\""), "{kind}");
    }
    assert!(!etag("text/css", "\"anexpay.net\"").unwrap_or_default().contains("anexpay"));
}

#[test]
fn a_browser_that_has_the_asset_is_told_so() {
    let stage = Stage::branded();
    for path in ["/assets/app.css", "/assets/badge.png"] {
        let first = stage.worker.get(path).send();
        let etag = first.header("ETag").expect("a validator");
        let again = stage.worker.get(path).header("If-None-Match", etag).send();
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("ETag"), Some(etag), "{path}");
        let other = stage.worker.get(path).header("If-None-Match", "\"other\"").send();
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
}

#[test]
fn head_says_what_get_says_without_the_body() {
    let stage = Stage::branded();
    for path in ["/assets/app.css", "/assets/badge.png", "/assets/logo.svg", "/robots.txt"] {
        let get = stage.worker.get(path).send();
        let head = stage.worker.request("HEAD", path).send();
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for name in ["Content-Type", "ETag", "Last-Modified", "Cache-Control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
        let length = head.header("Content-Length");
        assert!(length.is_none() || length == get.header("Content-Length"), "{path}: Content-Length {length:?}");
    }
}
