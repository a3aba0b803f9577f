use super::*;
use proptest::prelude::*;

#[path = "../../../tests/support/decoding.rs"]
mod decoding;
#[path = "../../../tests/support/spelling.rs"]
mod spelling;

fn names() -> Arc<Names> {
    let hidden = ["anexpay.net".to_owned(), "127.0.0.1:8702".to_owned()];
    Arc::new(Names::new(&hidden, "http", "127.0.0.1:8787"))
}

const HIDDEN: [&str; 2] = ["anexpay.net", "127.0.0.1:8702"];

fn name_in(text: &[u8]) -> Option<(String, String)> {
    decoding::find(&String::from_utf8_lossy(text), &HIDDEN.map(str::to_owned))
}

fn in_chunks(text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let names = names();
    let mut scrubber = Scrubber::new(&names);
    let mut out = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().map(|c| c % (text.len() + 1)).collect::<std::collections::BTreeSet<_>>() {
        out.extend(scrubber.push(&text[from..cut]));
        from = cut;
    }
    out.extend(scrubber.push(&text[from..]));
    out.extend(scrubber.finish());
    out
}

#[test]
fn replacements_keep_the_surrounding_spelling() {
    let cases = [
        ("<a href=\"https://checkout.anexpay.net/pay.php\">", "<a href=\"http://127.0.0.1:8787/pay.php\">"),
        (r#"{"u":"https:\/\/api.anexpay.net\/x"}"#, r#"{"u":"http:\/\/127.0.0.1:8787\/x"}"#),
        ("?u=https%3A%2F%2Fcheckout.anexpay.net%2Fx", "?u=http%3A%2F%2F127.0.0.1:8787%2Fx"),
        ("//cdn.anexpay.net/a.css", "//127.0.0.1:8787/a.css"),
        ("wss://live.anexpay.net", "ws://127.0.0.1:8787"),
        ("help@anexpay.net", "help@127.0.0.1:8787"),
        ("notanexpay.network", "not~127.0.0.1:8787~work"),
        ("<!--anexpay.net-->", "<!--~127.0.0.1:8787~-->"),
        ("at\nanexpay.net\nx", "at\n127.0.0.1:8787\nx"),
        (r#"{"a":"\\%61anexpay.net"}"#, r#"{"a":"\\~127.0.0.1:8787"}"#),
    ];
    for (text, expected) in cases {
        assert_eq!(scrub(&names(), text), expected);
    }
}

#[test]
fn a_text_without_names_is_borrowed() {
    assert!(matches!(scrub(&names(), "100 % &amp; \\ xx"), Cow::Borrowed(_)));
}

/// Text in text in text doubles its backslashes again and again.
#[test]
fn another_name_behind_many_signs_is_untouched() {
    let runs = (0..=32).map(|count| "\\".repeat(count)).chain((0..=6).map(|count| "%5C".repeat(count)));
    let cut_off = ["中".repeat(40), "\\".repeat(40), "&amp;".repeat(12)].map(|signs| format!("{signs}\"//"));
    for before in runs.chain(cut_off) {
        let text = format!("{before}nexpay.net");
        assert_eq!(scrub(&names(), &text), text);
    }
}

#[test]
fn a_name_with_many_signs_in_it_is_found() {
    for signs in (1..=60).map(|count| "\\".repeat(count)).chain((1..=12).map(|count| "%5C".repeat(count))) {
        for text in [format!("a{signs}u006eexpay.net"), format!("ane{signs}x78pay.net"), format!("anexp{signs}141y.net")] {
            assert!(names().hides(&text), "{text}");
        }
    }
}

/// An own host that ends what a hidden name begins.
fn completing() -> Names {
    Names::new(&["anexpay.net".to_owned()], "https", "tickets.shop.ca")
}

#[test]
fn what_is_put_in_completes_no_name() {
    let before =
        ["anexpay.neanexpay.net", r"anexpay.n\eanexpay.net", r"anexpay.ne&bsol;\\\\anexpay.net", "anexpay.ne\t\nanexpay.net"];
    let behind =
        ["anexpay.netnexpay.net", "anexpay.net%6Eexpay.net", "anexpay.net&shy;\nnexpay.net", "anexpay.net&bsol;Nexpay.net"];
    for text in before.into_iter().chain(behind) {
        let out = scrub(&completing(), text);
        assert!(!completing().hides(&out), "{out}");
    }
    assert_eq!(scrub(&completing(), r"anexpay.ne\74anexpay.net"), "tickets.shop.catickets.shop.ca");
    let apart = r#""\nanexpay.net\nx" %2Fanexpay.net\u002Fx &sol;anexpay.net&amp;"#;
    assert!(!scrub(&names(), apart).contains('~'));
}

#[test]
fn blanking_keeps_every_length() {
    let names = names();
    let blanked = |bytes: &[u8]| {
        let mut scrubber = Scrubber::blanking(&names);
        let mut out = scrubber.push(bytes);
        out.extend(scrubber.finish());
        out
    };
    assert_eq!(blanked(b"\x89PNG tEXt\0api.anexpay.net\0\x01"), b"\x89PNG tEXt\0xxxxxxxxxxxxxxx\0\x01");
    assert_eq!(blanked(b"\0a\0n\0e\0x\0p\0a\0y\0.\0n\0e\0t\0!"), b"\0x\0x\0x\0x\0x\0x\0x\0x\0x\0x\0x\0!");
}

#[test]
fn the_buffer_stays_small() {
    let names = names();
    let mut scrubber = Scrubber::new(&names);
    for _ in 0..1000 {
        let _ = scrubber.push(&[b'x'; 4096]);
        assert!(scrubber.text.held.len() <= 3 * names.reach_before() + names.reach_after());
    }
}

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => spelling::document(&HIDDEN),
        2 => "[a-z.:/%&#;x\\\\0-9]{0,12}".prop_map(String::from),
        1 => "\\PC{0,8}".prop_map(String::from),
        1 => Just("anex".to_owned()),
        1 => "z{0,700}".prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|parts| parts.concat().into_bytes())
}

/// Names among many signs, half of them without an end.
fn escaped() -> impl Strategy<Value = String> {
    let signs = "(\\\\|%5C|&#92;|&bsol;|\"|%|&|&#|u00|x|0|6|\n|\t|/|n|t){0,6}";
    let text = hostile().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let named =
        (signs, spelling::readable("anexpay.net"), signs).prop_map(|(before, name, behind)| format!("{before}{name}{behind}"));
    prop_oneof![1 => text, 3 => named]
}

/// As many cases as `PROPTEST_CASES` says, or a quick run's.
fn cases() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(128))
}

proptest! {
    #![proptest_config(cases())]

    /// The generator and the independent reader agree, or the next test would prove nothing.
    #[test]
    fn every_spelling_is_read_by_others(text in spelling::readable("anexpay.net")) {
        prop_assert!(name_in(text.as_bytes()).is_some(), "{}", text);
    }

    #[test]
    fn no_name_survives_any_spelling(text in hostile()) {
        let out = in_chunks(&text, &[]);
        prop_assert_eq!(name_in(&out), None, "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn our_own_host_completes_no_name(text in hostile()) {
        let out = scrub(&completing(), &String::from_utf8_lossy(&text)).into_owned();
        prop_assert!(!completing().hides(&out), "{}", out);
    }

    #[test]
    fn chunks_give_what_the_whole_gives(text in hostile(), cuts in prop::collection::vec(any::<usize>(), 0..12)) {
        prop_assert_eq!(in_chunks(&text, &cuts), in_chunks(&text, &[]));
    }

    #[test]
    fn one_byte_at_a_time_gives_what_the_whole_gives(text in hostile()) {
        let cuts: Vec<usize> = (0..=text.len()).collect();
        prop_assert_eq!(in_chunks(&text, &cuts), in_chunks(&text, &[]));
    }

    /// Scripts drop `\n` and `\t`, style sheets read letters there, and the search tries any mixture: `anexpay.\ne\txample` goes
    /// as `anexpay.net` does. So neither name has what these letters would make a hidden one with.
    #[test]
    fn other_names_are_untouched_however_they_are_spelt(text in spelling::document(&["anexpay.shop", "nexpay.net"])) {
        prop_assume!(name_in(text.as_bytes()).is_none());
        prop_assert_eq!(in_chunks(text.as_bytes(), &[7, 90]), text.as_bytes());
    }

    /// Whoever puts a name into a value must not break what others read.
    #[test]
    fn json_stays_json(values in prop::collection::vec(escaped(), 1..4), cuts in prop::collection::vec(any::<usize>(), 0..4)) {
        let text = serde_json::json!({"first": values, "last": "\\"}).to_string();
        let out = in_chunks(text.as_bytes(), &cuts);
        let read: serde_json::Value = serde_json::from_slice(&out).map_err(|error| {
            TestCaseError::fail(format!("{error}: {text} became {}", String::from_utf8_lossy(&out)))
        })?;
        prop_assert_eq!(read["first"].as_array().map(Vec::len), Some(values.len()));
        prop_assert_eq!(&read["last"], "\\");
    }

    #[test]
    fn what_holds_no_name_is_untouched(text in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assume!(name_in(&text).is_none());
        prop_assert_eq!(in_chunks(&text, &[7, 900]), text);
    }
}
