//! Promises 2 to 5: what stands around the parameters. Forms of every content type, framing, hosts, line breaks, and calls to
//! somebody else.
mod stage;
mod support;

use livery_sandbox::Received;
use stage::{AFFILIATE, MERCHANT, Stage, encode, failure, paths, read_one};
use std::{io::ErrorKind, net::TcpListener};
use support::client::Answer;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "--x\r\nContent-Disposition: form-data; name=\"affiliate\"\r\n\r\n0x1\r\n--x--\r\n";

/// Content types, a form's body, and the code that it is refused with.
const FORMS: [(&[&str], &[u8], &str); 27] = [
    (&[FORM], b"email=a&affiliate=1", "parameter_not_allowed"),
    (&[FORM], b"email=a&sub[affiliate.fee=1", "parameter_not_allowed"),
    (&[FORM], b"email=a&domain=evil.example", "parameter_not_allowed"),
    (&[FORM], b"a&domain[evil.example]={own}", "parameter_not_allowed"),
    (&[FORM], b"domain={own};x", "parameter_not_allowed"),
    (&[FORM], b"a=%ff&\xff=1", "unsupported_media_type"),
    (&["Application/X-WWW-Form-UrlEncoded ; charset=utf-7"], b"%61ffiliate=1", "parameter_not_allowed"),
    (&["application/x-www-form-urlencoded; charset=utf-16"], b"affiliate[]=1", "parameter_not_allowed"),
    (&["application/json"], br#"{"a":1,"affiliate":1}"#, "parameter_not_allowed"),
    (&["application/json"], br#"{"merchant.fee":1}"#, "parameter_not_allowed"),
    (&["application/json"], br#"{"\u0064omain":"evil.example"}"#, "parameter_not_allowed"),
    (&["application/json"], br#"{"affiliate":1,"affiliate":2}"#, "parameter_not_allowed"),
    (&["application/json; charset=utf-16"], br#"{"affiliate":1}"#, "parameter_not_allowed"),
    (&["application/json"], b"{\"affiliate\":1,\"x\":\"\xff\"}", "unsupported_media_type"),
    (&["application/json"], b"\xef\xbb\xbf{\"affiliate\":1}", "unsupported_media_type"),
    (&["application/json"], b"{\0\"\0a\0\"\0:\x001\0}\0", "unsupported_media_type"),
    (&["application/json"], br#"[{"affiliate":1}]"#, "unsupported_media_type"),
    (&["application/json"], br#"{"affiliate":1,}"#, "unsupported_media_type"),
    (&["application/json"], b"affiliate=1", "unsupported_media_type"),
    (&["text/json"], br#"{"affiliate":1}"#, "unsupported_media_type"),
    (&["text/plain"], b"affiliate=1", "unsupported_media_type"),
    (&["multipart/form-data; boundary=x"], MULTIPART.as_bytes(), "unsupported_media_type"),
    (&["multipart/form-data"], MULTIPART.as_bytes(), "unsupported_media_type"),
    (&[], b"affiliate=1", "unsupported_media_type"),
    (&[FORM, "multipart/form-data; boundary=x"], MULTIPART.as_bytes(), "unsupported_media_type"),
    (&["multipart/form-data; boundary=x", FORM], MULTIPART.as_bytes(), "unsupported_media_type"),
    (&["multipart/form-data; boundary=x; application/json"], MULTIPART.as_bytes(), "unsupported_media_type"),
];

#[test]
fn forms_are_checked_as_php_reads_them_or_refused() {
    let stage = Stage::with(&[("AFFILIATE_WALLET", AFFILIATE)]);
    for (types, body, code) in FORMS {
        let body = String::from_utf8(body.to_vec()).map_or_else(|_| body.to_vec(), |text| stage.own(&text).into_bytes());
        let request = stage.worker.request("POST", "/receipt.php").body(body.clone());
        let answer = types.iter().fold(request, |request, kind| request.header("Content-Type", kind)).send();
        assert_eq!(failure(&answer).1, code, "{types:?} {}", String::from_utf8_lossy(&body));
        assert!(stage.asked().is_empty(), "{types:?}");
    }
}

/// What goes up of a good form is its kind and its bytes. A second type, a coding and a charset stay here.
#[test]
fn good_forms_go_up_byte_for_byte_with_their_kind_alone() {
    let stage = Stage::with(&[("AFFILIATE_WALLET", AFFILIATE)]);
    let own = encode(&stage.worker.host());
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(400), "]".repeat(400));
    let forms = [
        (FORM, format!("email=a%40b&domain={own}&x=%ff+&&=")),
        ("application/json", "{ \"email\" : \"a\" }".to_owned()),
        ("application/json", deep),
    ];
    for (kind, body) in forms {
        let request =
            stage.worker.request("POST", "/receipt.php?v=%2f").header("Content-Type", &format!("{kind}; multipart/form-data"));
        let request = request.header("Content-Encoding", "identity").header("Content-Disposition", "form-data");
        assert_eq!(request.body(body.clone()).send().status, 200, "{body}");
        let asked = stage.asked_once();
        assert_eq!((asked.header("content-type"), asked.body.as_slice()), (Some(kind), body.as_bytes()));
        let names: Vec<_> = asked.headers.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "host").collect();
        assert!(
            names.iter().all(|name| ["accept", "content-length", "content-type", "pgto-ipcountry"].contains(name)),
            "{names:?}"
        );
    }
}

/// Method, headers and what comes behind them.
type Framing<'t> = (&'t str, &'t [(&'t str, &'t str)], &'t str);

/// Framing that two servers might read differently: of all of it the gateway hears the one right request at most.
#[test]
fn no_framing_hides_a_second_request() {
    let stage = Stage::with(&[("PAYOUT_WALLET", MERCHANT)]);
    let right = format!("/control/wallet.php?callback={}", encode(&stage.shop_callback("1")));
    stage.get(&right).send();
    let expected = stage.asked_once().query;
    let hidden = format!("GET /control/wallet.php?callback={} HTTP/1.1\r\nHost: x\r\n\r\n", encode(&stage.shop_callback("2")));
    let chunked = format!("0\r\n\r\n{hidden}");
    let length = hidden.len().to_string();
    let framings: [Framing<'_>; 9] = [
        ("GET", &[], &hidden),
        ("HEAD", &[], &hidden),
        ("GET", &[("Content-Length", &length), ("Expect", "100-continue")], &hidden),
        ("GET", &[("Transfer-Encoding", "chunked")], &chunked),
        ("GET", &[("Transfer-Encoding", "chunked"), ("Content-Length", "5")], &chunked),
        ("GET", &[("Transfer-Encoding", "xchunked")], &chunked),
        ("GET", &[("Transfer-Encoding ", "chunked")], &chunked),
        ("GET", &[("Content-Length", "0"), ("Content-Length", &length)], &hidden),
        ("GET", &[("Connection", "close, pgto-ipcountry, host")], ""),
    ];
    for (method, headers, body) in framings {
        let request = stage.worker.request(method, &right).body(body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.try_send();
        let asked = stage.asked();
        let same = |got: &Received| got.query == expected && got.method == "GET" && got.body.is_empty();
        assert!(asked.len() < 2 && asked.iter().all(same), "{headers:?}: {:?}", paths(&asked));
        assert!(answer.is_ok(), "{headers:?}: {answer:?}");
    }
}

/// The host that a request names is nobody's: links, callbacks and redirects name the operator's.
#[test]
fn the_host_header_decides_nothing() {
    let stage = Stage::with(&[("PAYOUT_WALLET", MERCHANT), ("ALLOW_UNSIGNED_LINKS", "true")]);
    for host in ["evil.example", "evil.example:80", "a@evil.example", "evil.example/control/wallet.php?x=", "127.0.0.1", ""] {
        let callback = encode(&stage.shop_callback(&encode(host)));
        let target = format!("/checkout?amount=25&currency=USD&email=a%40b.example&callback={callback}");
        let answer = stage.get(&target).header("Host", host).header("X-Forwarded-Host", host).try_send().expect("an answer");
        let asked = stage.asked();
        for made in &asked {
            let callback = read_one(&made.query, "callback").expect("a callback");
            assert!(callback.starts_with(&stage.worker.url()), "{host}: {callback}");
        }
        let location = answer.header("Location");
        // The runtime lets a path into the host: then it is another route's request, and no less checked.
        assert!(location.is_some() || host.contains('/') || asked.is_empty(), "{host}");
        assert!(location.is_none_or(|url| url.starts_with(&format!("{}/pay.php?", stage.worker.url()))), "{host}: {location:?}");
    }
}

/// A line break in a value is refused where it could end in a header, a redirect or a call; elsewhere it stays encoded.
#[test]
fn no_line_break_gets_into_a_header() {
    let stage = Stage::with(&[("ALLOW_UNSIGNED_LINKS", "true")]);
    let good = [
        ("amount", "25".to_owned()),
        ("currency", "EUR".to_owned()),
        ("email", "a%40b.example".to_owned()),
        ("address", MERCHANT.to_owned()),
        ("callback", encode(&stage.shop_callback("1"))),
        ("logo", "x".to_owned()),
        ("theme", "x".to_owned()),
        ("provider", "moonpay".to_owned()),
        ("success_url", "https%3A%2F%2Fshop.example%2F".to_owned()),
        ("cancel_url", "https%3A%2F%2Fshop.example%2F".to_owned()),
        ("reference", "x".to_owned()),
    ];
    for broken in good.iter().map(|(name, _)| name) {
        for line_break in ["%0d%0aX-Injected:%20y", "%0A", "%0D", "%00", "\r\nX-Injected: y", "\t"] {
            let pair = |(name, value): &(&str, String)| {
                if name == broken { format!("{name}={value}{line_break}") } else { format!("{name}={value}") }
            };
            let query = good.iter().map(pair).collect::<Vec<_>>().join("&");
            let answer = stage.get(&format!("/checkout?{query}")).try_send().expect("an answer");
            assert!((400..500).contains(&answer.status), "{broken}{line_break:?}: {}", answer.status);
            assert!(answer.all("X-Injected").is_empty() && stage.asked().is_empty(), "{broken}{line_break:?}");
        }
    }
}

/// Somebody listens where every URL of a request points: nobody comes.
#[test]
fn nobody_else_is_ever_called() {
    let stage = Stage::with(&[("PAYOUT_WALLET", MERCHANT), ("ALLOW_UNSIGNED_LINKS", "true")]);
    let decoy = TcpListener::bind("127.0.0.1:0").expect("a port");
    decoy.set_nonblocking(true).expect("a listener");
    let there = format!("http://{}/x?a=1", decoy.local_addr().expect("an address"));
    let made = stage.wallet("1");
    let url = encode(&there);
    let query: Vec<_> = ["url", "redirect", "return", "next", "success_url", "cancel_url", "logo", "theme", "host"]
        .map(|n| format!("{n}={url}"))
        .into();
    let (query, address, callback) = (query.join("&"), made.address_in, encode(&stage.shop_callback("2")));
    let link = format!("amount=25&currency=USD&email=a%40b.example&address={address}");
    let bare = there.split("/x").next().expect("an origin").to_owned();
    let targets = [
        format!("/checkout?amount=25&currency=USD&email=a%40b.example&callback={callback}&{query}"),
        format!("/checkout?amount=25&currency=USD&email=a%40b.example&provider=moonpay&callback={callback}&{query}"),
        format!("/process-payment.php?{link}&provider=moonpay&{query}"),
        format!("/pay.php?{link}&{query}"),
        format!("/control/wallet.php?callback={url}&{query}"),
        format!("/assets/app.css?{query}"),
        format!("/{there}"),
        format!("//{}", &bare[7..]),
        format!("{bare}/assets/app.css"),
        format!("/assets/app.css@{}", &bare[7..]),
    ];
    let mut statuses = Vec::new();
    for target in targets {
        let request = ["X-Forwarded-Host", "X-Original-URL", "Origin", "Referer", "Destination", "X-Callback-Url"];
        let request = request.iter().fold(stage.get(&target), |request, name| request.header(name, &there));
        let answer: Answer = request.header("Host", &bare[7..]).try_send().expect("an answer");
        let location = answer.header("Location").unwrap_or_default().to_owned();
        assert!(!location.starts_with(&bare), "{target}: {location}");
        statuses.push(answer.status);
        assert_eq!(decoy.accept().map_err(|error| error.kind()).err(), Some(ErrorKind::WouldBlock), "{target}");
    }
    assert_eq!(statuses[..6], [302, 302, 302, 200, 200, 200], "the requests were not right ones: {statuses:?}");
}
