//! Documents of a gateway that spells its name in every way that a browser or a parser would still read.
use proptest::{collection, prelude::*, sample};

/// Who undoes an escape: a reader of URLs, of pages, of scripts or of style sheets.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Url,
    Page,
    Script,
    Style,
}
const READERS: [Reader; 4] = [Reader::Url, Reader::Page, Reader::Script, Reader::Style];

/// A letter of a name in one of its spellings.
fn letter(c: char, readers: &[Reader]) -> impl Strategy<Value = String> + use<> {
    let escapes: Vec<String> = readers.iter().flat_map(|reader| escapes(u32::from(c), *reader)).collect();
    let escape = sample::select(escapes);
    let dropped = sample::select(readers.iter().flat_map(|reader| dropped(*reader)).collect::<Vec<_>>());
    let others = forms(c).into_iter().flat_map(|form| readers.iter().flat_map(move |reader| escapes_of_other(form, *reader)));
    let others: Vec<String> = others.collect();
    prop_oneof![
        6 => Just(c.to_string()),
        2 => Just(c.to_ascii_uppercase().to_string()),
        8 => escape.clone(),
        2 => sample::select(forms(c)).prop_map(String::from),
        2 => sample::select(others),
        1 => (dropped.clone(), Just(c)).prop_map(|(nothing, c)| format!("{nothing}{c}")),
        1 => (escape, dropped).prop_map(|(escape, nothing)| format!("{escape}{nothing}")),
    ]
}

/// Escapes of a character, some within each other.
fn escapes(code: u32, reader: Reader) -> Vec<String> {
    let hex = format!("{code:02x}");
    let each = |before: &str, after: &str| {
        hex.chars().map(|c| format!("{before}{:x}{after}", u32::from(c))).collect::<Vec<_>>().concat()
    };
    match reader {
        Reader::Url => vec![
            format!("%{code:02x}"),
            format!("%{code:02X}"),
            format!("%25{code:02X}"),
            format!("%2525{code:02x}"),
            format!("%25{}", each("%", "")),
        ],
        Reader::Page => vec![
            format!("&#{code};"),
            format!("&#{code}"),
            format!("&#000{code};"),
            format!("&#x{code:x};"),
            format!("&#X0000{code:X};"),
            format!("&amp;#{code};"),
            format!("&amp;amp;#x{code:x};"),
            format!("&#38;#{code};"),
            format!("&#37;{code:02x}"),
            format!("&percnt;{code:02x}"),
            format!("&#37;{}", each("&#x", ";")),
            format!("%26%23{code}%3B"),
        ],
        Reader::Script => vec![
            format!("\\u{code:04x}"),
            format!("\\u{code:04X}"),
            format!("\\x{code:02x}"),
            format!("\\u{{{code:x}}}"),
            format!("\\u{{000{code:x}}}"),
            format!("\\{code:03o}"),
            format!("\\\\u{code:04x}"),
            format!("\\u005cu{code:04x}"),
            format!("\\u0025{code:02x}"),
            format!("\\x26#{code};"),
            format!("&bsol;x{code:02x}"),
            format!("%5Cu{code:04x}"),
        ],
        Reader::Style => vec![format!("\\{code:x} "), format!("\\{code:X}\n"), format!("\\{code:06x}")],
    }
}

/// Escapes of a character beyond ASCII.
fn escapes_of_other(c: char, reader: Reader) -> Vec<String> {
    let code = u32::from(c);
    match reader {
        Reader::Url => {
            let bytes = c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            vec![bytes.replace('%', "%25"), bytes]
        }
        Reader::Page => vec![format!("&#{code};"), format!("&#x{code:x};"), format!("&amp;#x{code:x};")],
        Reader::Script => {
            let units = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
            vec![units, format!("\\u{{{code:x}}}")]
        }
        Reader::Style => vec![format!("\\{code:06x}"), format!("\\{code:x} ")],
    }
}

/// Characters that a host name maps to this one: other typefaces, other widths, other full stops.
fn forms(c: char) -> Vec<char> {
    let code = u32::from(c);
    let at = |base: u32, first: char| char::from_u32(base + code - u32::from(first));
    let forms = match c {
        'a'..='z' => vec![at(0xFF41, 'a'), at(0xFF21, 'a'), at(0x1D41A, 'a'), at(0x1D552, 'a'), at(0x24D0, 'a'), at(0x24B6, 'a')],
        '0'..='9' => vec![at(0xFF10, '0'), at(0x1D7D8, '0'), at(0x2080, '0')],
        '.' => vec![Some('．'), Some('。'), Some('｡')],
        ':' => vec![Some('：')],
        _ => vec![Some(c)],
    };
    forms.into_iter().flatten().collect()
}

/// What is dropped from a host name wherever it stands.
fn dropped(reader: Reader) -> Vec<&'static str> {
    let plain = ["\t", "\n", "\r\n", "\n\t\t", "\u{ad}", "\u{200b}", "\u{2060}", "\u{feff}", "\u{fe0f}"];
    let escaped: &[&str] = match reader {
        Reader::Url => &["%C2%AD", "%E2%80%8B", "%ef%bb%bf"],
        Reader::Page => &["&shy;", "&Tab;", "&NewLine;", "&ZeroWidthSpace;", "&#173;", "&#x200b;", "&#9;", "&zwj;"],
        Reader::Script => &["\\u00ad", "\\u200B", "\\n", "\\t", "\\\n", "\\\r\n", "\\u{feff}"],
        Reader::Style => &["\\\n", "\\\r\n", "\\0000ad", "\\200b "],
    };
    plain.into_iter().chain(escaped.iter().copied()).collect()
}

/// A name with every letter in a spelling of its own: as one reader knows them, or as no single one does.
fn spelt(name: &'static str) -> impl Strategy<Value = String> {
    let readers = prop_oneof![3 => sample::select(READERS.to_vec()).prop_map(|reader| vec![reader]), 1 => Just(READERS.to_vec())];
    readers.prop_flat_map(|readers| spelt_for(name, &readers))
}

fn spelt_for(name: &str, readers: &[Reader]) -> impl Strategy<Value = String> + use<> {
    name.chars().map(|c| letter(c, readers)).collect::<Vec<_>>().prop_map(|letters| letters.concat())
}

/// A name in spellings that one reader undoes.
pub fn readable(name: &'static str) -> impl Strategy<Value = String> {
    sample::select(READERS.to_vec()).prop_flat_map(|reader| spelt_for(name, &[reader]))
}

/// A URL, an address or a bare host that names it: with schemes, user-info, ports, subdomains and a full stop at the end.
fn reference(name: &'static str) -> impl Strategy<Value = String> {
    let scheme = sample::select(vec![
        "https://",
        "http://",
        "HTTPS://",
        "//",
        "wss://",
        "ws://",
        "",
        "https:\\/\\/",
        "https%3A%2F%2F",
        "https&colon;//",
        "https:\\\\",
        "https:/",
        "https:",
        "mailto:pay@",
        "https://user:word@",
        "//user@",
        "view-source:https://",
        "\\/\\/",
        "https&#58;&#47;&#47;",
        "\\u0068ttps://",
        "blob:https://",
        "%68ttps://",
    ]);
    let subdomain = sample::select(vec!["", "api.", "checkout.", "cdn-1.static.", "*.", "%61pi.", "checkout%2E", "。", "a_b."]);
    let ends =
        sample::select(vec!["", ":443", ":8443/x", "/", "/pay.php?a=1#b", ".", ".:443/", "%2Fpay.php", "&#58;443/", "\\/x"]);
    (scheme, subdomain, spelt(name), ends).prop_map(|(scheme, subdomain, name, end)| format!("{scheme}{subdomain}{name}{end}"))
}

/// Where a text can carry a URL; `@` is the URL.
const PLACES: [&str; 40] = [
    "@",
    "see @ for more",
    "<a href=\"@\">pay</a>",
    "<a href='@' ping='@'>pay</a>",
    "<a href=@>pay</a>",
    "<img srcset=\"@ 1x, @ 2x\" src=\"@\">",
    "<source srcset='@ 320w, @ 640w'>",
    "<base href=\"@\">",
    "<meta http-equiv=refresh content=\"0; url=@\">",
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src @\">",
    "<meta property=\"og:url\" content=\"@\">",
    "<link rel=preconnect href=@>",
    "<link rel=canonical href=\"@\">",
    "<script type=\"importmap\">{\"imports\":{\"app\":\"@\"}}</script>",
    "<script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"url\":\"@\"}</script>",
    "<script>location=\"@\"</script>",
    "<script>var u='@';fetch(`@`)</script>",
    "<script type=speculationrules>{\"prefetch\":[{\"urls\":[\"@\"]}]}</script>",
    "//# sourceMappingURL=@",
    "/*# sourceMappingURL=@ */",
    "<form action=\"@\"><button formaction='@'></form>",
    "<iframe srcdoc=\"&lt;a href='@'&gt;\"></iframe>",
    "<object data=@></object>",
    "<embed src='@'>",
    "<video poster=@></video>",
    "<svg><a xlink:href=\"@\"/><image href='@'/></svg>",
    "<?xml version=\"1.0\"?><?xml-stylesheet href=\"@\"?><!DOCTYPE svg SYSTEM \"@\">",
    "<div style=\"background:url(@)\">",
    "<div style='background:url(&quot;@&quot;)'>",
    "@import url(\"@\");",
    "a{background:url(@)}",
    "a::after{content:\"@\"}",
    "<!-- @ -->",
    "<div data-url='@' onclick=\"open('@')\">",
    "<a href=\"javascript:open('@')\">",
    "<a href=\"https://other.example/?next=@\">",
    "<a href=\"mailto:help@\">",
    "{\"url\":\"@\",\"list\":[\"@\"]}",
    "{\"html\":\"<a href=\\\"@\\\">\"}",
    "<textarea>@</textarea><title>@</title><noscript><img src=@></noscript>",
];

/// A document full of references to one of `names`, between text that has nothing to do with them.
pub fn document(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let reference = sample::select(names.to_vec()).prop_flat_map(reference);
    let place = (sample::select(PLACES.to_vec()), reference).prop_map(|(place, url)| place.replace('@', &url));
    let noise = prop_oneof![
        3 => "[a-z <>=\"'/.:;,(){}0-9]{0,40}".prop_map(String::from),
        1 => "[ \\n]{0,80}".prop_map(String::from),
        1 => "[a-zñ中は한ا\u{1F600} .]{0,20}".prop_map(String::from),
        1 => " x{0,600} ".prop_map(String::from),
    ];
    collection::vec(prop_oneof![place, noise], 1..6).prop_map(|parts| parts.join("\n "))
}
