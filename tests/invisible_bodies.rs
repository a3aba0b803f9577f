//! Promise 1 for bodies: however a gateway's text spells its hosts, and however its bytes arrive, the customer gets the same
//! text with our own host; text without a name, and binary data, arrive to the byte.
mod stage;
mod support;

use stage::Stage;
use support::{client::Answer, dice::Dice};

const PATH: &str = "/assets/hostile";
const TEXT_TYPES: [Option<&str>; 12] = [
    Some("text/html; charset=utf-8"),
    Some("application/javascript"),
    Some("text/css"),
    Some("application/json"),
    Some("image/svg+xml"),
    Some("IMAGE/SVG+XML;charset=utf-8"),
    Some("application/xml"),
    Some("text/plain"),
    Some("application/manifest+json"),
    Some("application/x-nobody-knows"),
    Some("nonsense"),
    None,
];
const BINARY_TYPES: [&str; 7] =
    ["image/png", "image/jpeg", "font/woff2", "application/octet-stream", "application/pdf", "application/wasm", "video/mp4"];

/// What the gateway writes, and what becomes of it.
const SPELLINGS: [(&str, &str); 34] = [
    ("https://checkout.anexpay.net/pay.php?a=1", "http://{own}/pay.php?a=1"),
    ("http://api.anexpay.net", "http://{own}"),
    ("//cdn.anexpay.net/x", "//{own}/x"),
    ("HTTPS://API.AnExPay.NET:443/x", "http://{own}/x"),
    ("wss://live.anexpay.net/s", "ws://{own}/s"),
    ("support@anexpay.net", "support@{own}"),
    ("a.b-c_d.anexpay.net.", "{own}."),
    ("https%3A%2F%2Fapi.anexpay.net%2Fx", "http%3A%2F%2F{own}%2Fx"),
    ("https%3a%2f%2fapi%2eanexpay%2Enet%3A443%2Fx", "http%3a%2f%2f{own}%2Fx"),
    ("%61%6e%65%78%70%61%79%2e%6e%65%74", "{own}"),
    ("%41NEX%50AY.NET", "{own}"),
    ("anexpay%252Enet", "{own}"),
    ("%2561nexpay%25252Enet", "{own}"),
    ("https%253A%252F%252Fanexpay%252Enet", "http%253A%252F%252F{own}"),
    (r"https:\/\/api.anexpay.net\/x", r"http:\/\/{own}\/x"),
    (r"https:\/\/cdn\u002eanexpay\u002Enet\/", r"http:\/\/{own}\/"),
    (r"\u0061\u006E\u0065\u0078\u0070\u0061\u0079\u002e\u006e\u0065\u0074", "{own}"),
    (r"\x61nexpay\x2Enet", "{own}"),
    (r"\u{61}nexpay\u{00002e}net", "{own}"),
    (r"anexpay\.net", "{own}"),
    (r"anexpay\\u002enet", "{own}"),
    (r"anexpay\\.net", "{own}"),
    ("anexpay&#46;net", "{own}"),
    ("anexpay&#46net", "{own}"),
    ("anexpay&#x2e;net", "{own}"),
    ("anexpay&#X2Enet", "{own}"),
    ("&#97;&#110;&#101;&#120;&#112;&#97;&#121;&#46;&#110;&#101;&#116;", "{own}"),
    ("&#x61nexpay&#x000002e;net", "{own}"),
    ("anexpay&#0000046;net", "{own}"),
    ("anexpay&period;net", "{own}"),
    ("anexpay&amp;#46;net", "{own}"),
    ("https&colon;&sol;&sol;anexpay&#46;net", "http&colon;&sol;&sol;{own}"),
    ("notanexpay.network", "not~{own}~work"),
    ("anexpay.netanexpay.net", "{own}~{own}"),
];

/// What a browser also reads as a name, in a style sheet, a script or a link. None of them may survive.
const ODD_SPELLINGS: [&str; 13] = [
    r"anexpay\2e net",
    r"anexpay\2Enet",
    r"\61 nexpay.net",
    r"\000061nexpay\00002e net",
    r"@import url(https\3a //cdn\2e anexpay\2e net/x.css)",
    r"anex\pay.net",
    r"anexpay\56net",
    r"anexpay\056net",
    "anexpay&#00000046;net",
    "anexpay&#00000000000000000000000046;net",
    "anexpay&#x000000000000000000000000000000000000000000000002e;net",
    "anexpay&#37;2Enet",
    "anexpay&percnt;2Enet",
];

fn fetch(stage: &Stage, kind: Option<&str>, body: &[u8], chunks: &[usize]) -> Answer {
    let headers: Vec<_> = kind.into_iter().map(|kind| ("content-type", kind)).collect();
    stage.reply_in(PATH, 200, &headers, body, chunks);
    stage.worker.get(PATH).send()
}

/// The type that a text is sent with.
fn declared(kind: Option<&str>) -> String {
    let essence = kind.and_then(|kind| kind.split(';').next()).filter(|kind| kind.contains('/')).unwrap_or("text/plain");
    format!("{}; charset=utf-8", essence.to_lowercase())
}

/// Every spelling at its place in a text.
fn hostile_text() -> (String, String) {
    let whole = |pick: fn(&(&'static str, &'static str)) -> &'static str| {
        let lines = SPELLINGS.iter().enumerate().map(|(at, row)| format!("{at} \"{}\" ('{}')\n", pick(row), pick(row)));
        lines.collect::<String>()
    };
    (whole(|row| row.0), whole(|row| row.1))
}

fn assert_same(what: &str, got: &[u8], expected: &[u8]) {
    let differs = got.iter().zip(expected).position(|(a, b)| a != b);
    let at = differs.unwrap_or(got.len().min(expected.len()));
    let near = |bytes: &[u8]| String::from_utf8_lossy(&bytes[at.saturating_sub(40)..bytes.len().min(at + 40)]).into_owned();
    assert!(got == expected, "{what}: at byte {at}: …{}… instead of …{}…", near(got), near(expected));
}

#[test]
fn every_spelling_in_every_type_of_text_becomes_our_own_host() {
    let stage = Stage::branded();
    let (text, expected) = hostile_text();
    for kind in TEXT_TYPES {
        let answer = fetch(&stage, kind, text.as_bytes(), &[]);
        assert_same(&format!("{kind:?}"), &answer.body, stage.own(&expected).as_bytes());
        assert_eq!(answer.header("Content-Type"), Some(declared(kind).as_str()), "the type itself");
    }
    for (text, expected) in SPELLINGS {
        let answer = fetch(&stage, Some("text/html"), text.as_bytes(), &[]);
        assert_same(text, &answer.body, stage.own(expected).as_bytes());
    }
}

/// The client that every test uses panics when it can read a name in an answer.
#[test]
fn no_odd_spelling_survives() {
    let stage = Stage::branded();
    let survivors = ODD_SPELLINGS.into_iter().filter(|text| {
        let fetched = || fetch(&stage, Some("text/html"), text.as_bytes(), &[]);
        let leaks = std::panic::catch_unwind(std::panic::AssertUnwindSafe(fetched)).is_err();
        leaks || is_unchanged(&stage, text)
    });
    assert_eq!(survivors.collect::<Vec<_>>(), [""; 0]);
}

fn is_unchanged(stage: &Stage, text: &str) -> bool {
    stage.worker.get(PATH).try_send().is_ok_and(|answer| answer.body == text.as_bytes())
}

#[test]
fn a_text_in_two_byte_characters_names_nobody() {
    let stage = Stage::branded();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let body = wide("<a href=\"https://checkout.anexpay.net/pay.php\">pay</a>");
    stage.reply(PATH, 200, &[("content-type", "text/html; charset=utf-16le")], body);
    let answer = stage.worker.get(PATH).send();
    assert!(matches!(answer.status, 200 | 502), "{}", answer.status);
}

#[test]
fn chunks_of_any_size_give_the_same_text() {
    let stage = Stage::branded();
    let (text, expected) = hostile_text();
    let expected = stage.own(&expected);
    let sizes: [&[usize]; 12] = [&[1], &[2], &[3], &[5], &[7], &[11], &[13, 1], &[1, 64], &[100], &[1000, 1], &[1024], &[4096]];
    for chunks in sizes {
        let answer = fetch(&stage, Some("text/html"), text.as_bytes(), chunks);
        assert_same(&format!("chunks of {chunks:?}"), &answer.body, expected.as_bytes());
    }
}

/// Livery reads blocks of 64 KiB: the name is moved over their border byte by byte.
#[test]
fn a_name_across_a_block_is_found_at_every_offset() {
    let stage = Stage::branded();
    let name = "https%3A%2F%2Fstatic&#46;anexpay\\u002enet%3A443/";
    let expected = stage.own("http%3A%2F%2F{own}/");
    for offset in 0..=name.len() + 1 {
        let before = 65_536 - offset;
        let (filler, after) = ("x".repeat(before - 1) + " ", "y".repeat(10_000));
        let chunks = [[65_536, 65_536], [65_535, 2], [65_537, 1], [30_000, 50_000]][offset % 4];
        let answer = fetch(&stage, Some("text/html"), format!("{filler}{name}{after}").as_bytes(), &chunks);
        assert_same(&format!("offset {offset}"), &answer.body, format!("{filler}{expected}{after}").as_bytes());
    }
}

#[test]
fn five_megabytes_full_of_names_come_out_right() {
    let stage = Stage::branded();
    let (text, expected) = hostile_text();
    let times = 5_000_000 / text.len() + 1;
    stage.reply(PATH, 200, &[("content-type", "text/html")], text.repeat(times));
    let answer = stage.worker.get(PATH).try_send().expect("the page");
    assert_same("five megabytes", &answer.body, stage.own(&expected).repeat(times).as_bytes());
}

/// Bytes that look random and are the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut dice = Dice::from_state(0x9E37_79B9_7F4A_7C15);
    (0..length).map(|_| dice.roll().to_le_bytes()[3]).collect()
}

#[test]
fn text_without_a_name_is_not_touched() {
    let stage = Stage::branded();
    let innocent =
        "AnexPay anexpay,net anexpay net expay.net anexpay.ne %61nexpay &#97; \\u0061 100% & \\ &# %2 \\u00 Ünïcode €\n";
    let bodies = [innocent.into(), innocent.repeat(700).into_bytes(), noise(70_000), Vec::new(), b"%&#\\".repeat(4_000)];
    for kind in TEXT_TYPES {
        for body in &bodies {
            assert_same(&format!("{kind:?}"), &fetch(&stage, kind, body, &[]).body, body);
        }
    }
}

/// An image, a font or an archive must keep its length: the name in it is blanked.
#[test]
fn binary_data_keeps_its_length_and_all_bytes_but_those_of_a_name() {
    let stage = Stage::branded();
    let wide: Vec<u8> = "anexpay.net".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let names = [b"https://api.anexpay.net/ anexpay.net <a href=//anexpay&#46;net>".to_vec(), wide].concat();
    let blanked = b"xxxxxxxxxxxxxxxxxxxxxxx/ xxxxxxxxxxx <a href=//xxxxxxxxxxxxxxx>".to_vec();
    let blanked = [blanked, [0, b'x'].repeat(11)].concat();
    let [body, expected] = [names, blanked].map(|middle| [noise(100_000), middle, noise(1_000)].concat());
    for kind in BINARY_TYPES {
        assert_same(kind, &fetch(&stage, Some(kind), &body, &[]).body, &expected);
    }
}
